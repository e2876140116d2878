"""Windows cut from trajectories: what every neural method is trained on.

A window is a context of C consecutive frames and some query frames after it. Several windows of a
trajectory are drawn in a step (multiple shooting, LaDID paper; schedule in its released code), and
frames that contexts share are handed out once. The shapes of a batch follow from budget and query
length alone, and nothing in it is read back by the host, so that a step on a GPU can be captured.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ladid_bench.core.configuration import Budget
from ladid_bench.data.task import Task
from ladid_bench.data.trajectories import Trajectories

CONTEXT_QUERIES = 2  # context frames of a window in a likelihood: beside 8 forecast ones, a fair share of 10 in 60


@dataclass(frozen=True)
class WindowBatch:
    """N windows: W consecutive ones of each trajectory, in time order, adjacent rows.

    Attributes:
        frames: ``(F, channel, *space)``, the context frames, normalized, not clipped. Neighbouring contexts
            share what they have in common wherever they may be; a context has as many frames of its own as
            it may be away from the one before, even where it is nearer.
        context: ``(N, C)``, rows of ``frames`` that make up each context.
        context_times: ``(N, C)``, counted from each window's first frame.
        query: ``(N, Q, channel, *space)``, target frames clipped to [0, 1].
        query_times: ``(N, Q)``, counted from each window's first frame, increasing.
        grid_times: ``(N, G)``, times of all frames from the first of the context to the last that a query
            may name, counted likewise; the last one is repeated where the trajectory ends before.
        query_index: ``(N, Q)``, where in ``grid_times`` the queries stand.
        start: ``(N,)``, time of each window's first frame, counted from that of its trajectory.
        forecast_start: ``(N,)``, time of the first frame after each context, counted likewise.
        windows: W.
        bank: all frames of the split, ``(trajectory * time, channel, *space)``, normalized, not clipped.
        grid: ``(N, G)``, rows of ``bank`` at ``grid_times``.
        span: ``(B * S,)``, rows of ``bank``: S consecutive frames of each trajectory, which hold all of ``grid``.
        in_span: ``(N, G)``, where in ``span`` those of ``grid`` stand.
        reach: longest time from the last context frame to a query in any window of the split. It depends on the
            query length, not on what was drawn.
    """

    frames: Tensor
    context: Tensor
    context_times: Tensor
    query: Tensor
    query_times: Tensor
    grid_times: Tensor
    query_index: Tensor
    start: Tensor
    forecast_start: Tensor
    windows: int
    bank: Tensor
    grid: Tensor
    span: Tensor
    in_span: Tensor
    reach: float

    def at_queries(self, path: Tensor) -> Tensor:
        """Select of something at all ``grid_times``, ``(N, G, ...)``, what belongs to the queries, ``(N, Q, ...)``."""
        return at_frames(path, self.query_index)

    def draw_context(self, earliest: int = 0) -> Tensor:
        """Draw the context frames from ``earliest`` on that a likelihood has beside the queries, ``(N, up to 2)``."""
        rows, frames = self.context.shape
        shuffled = torch.rand(rows, frames - earliest, device=self.context.device).argsort(dim=1)
        return earliest + shuffled[:, :CONTEXT_QUERIES]

    def context_target(self, index: Tensor) -> Tensor:
        """Select frames ``index`` ``(N, q)`` of each context, clipped to [0, 1] as queries are: ``(N, q, ...)``."""
        return self.frames[self.context.gather(1, index)].clamp(0, 1)

    def grid_frames(self) -> tuple[Tensor, Tensor]:
        """Take frames with all at ``grid_times``, ``(B * S, channel, *space)``, and the rows of these, ``(N, G)``.

        For methods whose recognition reads more of a training trajectory than the context.
        """
        return self.bank[self.span], self.in_span


def at_frames(path: Tensor, index: Tensor) -> Tensor:
    """Select of something at each window's frames, ``(N, G, ...)``, that at ``index`` ``(N, q)``: ``(N, q, ...)``."""
    return path[torch.arange(len(path), device=path.device)[:, None], index]


class BatchRows(NamedTuple):
    """Say which frames make up a batch, on the host as they were drawn, or on the device that gathers them.

    All are integers. ``frames`` ``(F,)``, ``grid`` ``(N, G)`` and ``span`` ``(B * S,)`` are rows of all frames of the
    split; ``context`` ``(N, C)`` of ``frames``, ``query`` ``(N, Q)`` of each window's ``grid``, ``in_span`` ``(N, G)``
    of ``span``. See ``WindowBatch``.
    """

    frames: Tensor
    context: Tensor
    grid: Tensor
    query: Tensor
    span: Tensor
    in_span: Tensor

    def to(self, device: str) -> "BatchRows":
        """Copy the rows to a device."""
        return BatchRows(*(rows.to(device) for rows in self))


class WindowSampler:
    """Draws random windows from a split that stays in (device) memory.

    Args:
        trajectories: training split.
        task: gives the context length and the ranges of values.
        budget: batch size, windows a trajectory, query frames a window.
        device: where the frames are kept.
    """

    def __init__(self, trajectories: Trajectories, task: Task, budget: Budget, device: str):
        self.context_frames = task.context_frames
        self.budget = budget
        count, self.length = trajectories.times.shape
        frames = torch.from_numpy(trajectories.frames).to(device)
        self.frames = task.normalize(frames).flatten(0, 1)  # (trajectory * time, channel, *space)
        elapsed = trajectories.times - trajectories.times[:, :1]
        self.times = torch.from_numpy(elapsed).float().to(device).flatten()  # (trajectory * time,)
        self.elapsed = elapsed
        self.count = count
        self.device = device

    def draw(self, query_length: int, generator: torch.Generator) -> WindowBatch:
        """Draw a batch whose queries lie at most ``query_length`` frames after their context."""
        return self.gather(self.rows(query_length, generator))

    def rows(self, query_length: int, generator: torch.Generator) -> BatchRows:
        """Draw the rows of such a batch, on the host."""
        count = min(self.budget.batch_size, self.count)
        trajectory = torch.randperm(self.count, generator=generator)[:count]  # (B,)
        start = self._starts(count, query_length, generator)  # (B, W)
        query = self._queries(start.flatten(), query_length, generator)  # (N, Q)
        return self._rows(trajectory, start, query, query_length)

    def gather(self, rows: BatchRows) -> WindowBatch:
        """Collect the frames and times of a batch, on the sampler's device."""
        rows = rows.to(self.device)
        times = self.times[rows.grid]  # (N, G)
        elapsed = times - times[:, :1]
        given = self.context_frames
        return WindowBatch(
            frames=self.frames[rows.frames],
            context=rows.context,
            context_times=elapsed[:, :given],
            query=self.frames[rows.grid.gather(1, rows.query)].clamp(0, 1),
            query_times=elapsed.gather(1, rows.query),
            grid_times=elapsed,
            query_index=rows.query,
            start=times[:, 0],
            forecast_start=times[:, given],
            windows=self._windows(),
            bank=self.frames,
            grid=rows.grid,
            span=rows.span,
            in_span=rows.in_span,
            reach=self._reach(rows.grid.shape[1] - given),
        )

    def _windows(self) -> int:
        """How many windows of a trajectory are drawn."""
        return min(self.budget.windows, self.length - self.context_frames)

    def _widest(self, query_length: int) -> int:
        """How many frames neighbouring windows are apart at most."""
        last = self.length - self.context_frames - 1
        return max(1, min(query_length, last // max(1, self._windows() - 1)))

    def _starts(self, rows: int, query_length: int, generator: torch.Generator) -> Tensor:
        """First frames of the windows, ``(B, W)``: neighbours are at most ``query_length`` apart.

        So the first query of a window is still within reach of the one before it. Once the full
        horizon is trained, the first window starts where forecasts are asked for, at frame 0.
        """
        last = self.length - self.context_frames - 1
        gaps = torch.randint(1, self._widest(query_length) + 1, (rows, self._windows()), generator=generator)
        gaps[:, 0] = 0
        offset = gaps.cumsum(dim=1)  # (B, W)
        room = last - offset[:, -1:]
        first = (torch.rand(rows, 1, generator=generator) * (room + 1)).long()
        if query_length >= self.length - self.context_frames:
            first.zero_()
        return first + offset

    def _queries(self, start: Tensor, query_length: int, generator: torch.Generator) -> Tensor:
        """Query frames counted from the window's first frame, ``(N, Q)``: one from each of Q equal strata."""
        available = (self.length - self.context_frames - start).clamp(max=query_length)  # (N,)
        queries = min(self.budget.queries, query_length)
        stratum = torch.arange(queries) + torch.rand(len(start), queries, generator=generator)
        return self.context_frames + (stratum / queries * available[:, None]).long().clamp(max=available[:, None] - 1)

    def _rows(self, trajectory: Tensor, start: Tensor, query: Tensor, query_length: int) -> BatchRows:
        """Name the frames of windows of ``trajectory`` ``(B,)`` at ``start`` ``(B, W)``."""
        given, first = self.context_frames, trajectory[:, None] * self.length  # (B, 1)
        inside = start[..., None] + torch.arange(given + query_length)  # (B, W, G)
        inside = inside.clamp(max=self.length - 1)
        own, context = self._contexts(start, self._widest(query_length))  # (B, F), (B, W, C)
        span, in_span = self._span(start, inside, query_length)  # (B, S), (B, W, G)
        return BatchRows(
            frames=(first + own).flatten(),  # (B, F) -> (B * F,)
            context=_across(context, own.shape[1]),
            grid=(first[..., None] + inside).flatten(0, 1),  # (B, W, G) -> (N, G)
            query=query,
            span=(first + span).flatten(),  # (B, S) -> (B * S,)
            in_span=_across(in_span, span.shape[1]),
        )

    def _contexts(self, start: Tensor, widest: int) -> tuple[Tensor, Tensor]:
        """Find the frames that contexts at ``start`` ``(B, W)`` need, and where each context finds its own.

        Returns:
            Frames of each trajectory ``(B, F)``: the first context, then of each further one the last frames, as many
            as it may be away from the one before. And rows of these, ``(B, W, C)``.
        """
        given = self.context_frames
        new = min(widest, given)
        frames, rows = [start[:, :1] + torch.arange(given)], [torch.arange(given).expand(len(start), -1)]
        for window in range(1, start.shape[1]):
            gap = start[:, window, None] - start[:, window - 1, None]  # (B, 1)
            shared = rows[-1].gather(1, gap + torch.arange(given - new))  # of the context before
            own = given + (window - 1) * new + torch.arange(new)
            frames.append(start[:, window, None] + torch.arange(given - new, given))
            rows.append(torch.cat([shared, own.expand(len(start), -1)], dim=1))
        return torch.cat(frames, dim=1), torch.stack(rows, dim=1)

    def _span(self, start: Tensor, inside: Tensor, query_length: int) -> tuple[Tensor, Tensor]:
        """Lay a span of S frames over those ``inside`` ``(B, W, G)``: its frames ``(B, S)``, and rows of these."""
        farthest = (start.shape[1] - 1) * self._widest(query_length)
        length = min(self.length, farthest + self.context_frames + query_length)
        begin = start[:, :1].clamp(max=self.length - length)
        return begin + torch.arange(length), inside - begin[..., None]

    def _reach(self, query_length: int) -> float:
        last = self.elapsed[:, self.context_frames - 1 :]  # (trajectory, time)
        ahead = min(query_length, last.shape[1] - 1)
        return float((last[:, ahead:] - last[:, : last.shape[1] - ahead]).max())


def _across(rows: Tensor, length: int) -> Tensor:
    """Turn rows within each trajectory's part ``(B, W, ...)`` into rows of all parts, ``length`` each, ``(N, ...)``."""
    return (rows + length * torch.arange(len(rows))[:, None, None]).flatten(0, 1)  # (B, W, ...) -> (N, ...)


def grown_length(step: int, budget: Budget, forecast_frames: int) -> int:
    """Compute how far ahead queries may lie at ``step``: 1, 2, 4, ..., the full horizon, whatever ``budget.steps``."""
    doublings = min(step // budget.growth_steps, forecast_frames.bit_length())  # as 2**steps would be a huge number
    return min(2**doublings, forecast_frames)
