"""Windows cut from trajectories: what every neural method is trained on.

A window is a context of C consecutive frames and some query frames after it. Several windows of a
trajectory are drawn in a step (multiple shooting, LaDID paper; schedule in its released code), and
each frame that some context needs is handed out once, however many contexts share it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ladid_bench.core.configuration import Budget
from ladid_bench.data.task import Task
from ladid_bench.data.trajectories import Trajectories


@dataclass(frozen=True)
class WindowBatch:
    """N windows: W consecutive ones of each trajectory, in time order, adjacent rows.

    Attributes:
        frames: ``(F, channel, *space)``, the distinct context frames, normalized, not clipped.
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

    def at_queries(self, path: Tensor) -> Tensor:
        """Of something at all ``grid_times``, ``(N, G, ...)``, what belongs to the queries, ``(N, Q, ...)``."""
        return path[torch.arange(len(path), device=path.device)[:, None], self.query_index]

    def grid_frames(self) -> tuple[Tensor, Tensor]:
        """The distinct frames at all ``grid_times``, ``(F', channel, *space)``, and their rows, ``(N, G)``.

        For methods whose recognition reads more of a training trajectory than the context.
        """
        distinct, index = torch.unique(self.grid, return_inverse=True)
        return self.bank[distinct], index


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
        self.count = count
        self.device = device

    def draw(self, query_length: int, generator: torch.Generator) -> WindowBatch:
        """Draw a batch whose queries lie at most ``query_length`` frames after their context."""
        rows = min(self.budget.batch_size, self.count)
        trajectory = torch.randperm(self.count, generator=generator)[:rows]  # (B,)
        start = self._starts(rows, query_length, generator)  # (B, W)
        query = self._queries(start.flatten(), query_length, generator)  # (N, Q)
        return self._gather(trajectory, start, query, query_length)

    def _starts(self, rows: int, query_length: int, generator: torch.Generator) -> Tensor:
        """First frames of the windows, ``(B, W)``: neighbours are at most ``query_length`` apart.

        So the first query of a window is still within reach of the one before it. Once the full
        horizon is trained, the first window starts where forecasts are asked for, at frame 0.
        """
        last = self.length - self.context_frames - 1
        windows = min(self.budget.windows, last + 1)
        widest = max(1, min(query_length, last // max(1, windows - 1)))
        gaps = torch.randint(1, widest + 1, (rows, windows), generator=generator)
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

    def _gather(self, trajectory: Tensor, start: Tensor, query: Tensor, query_length: int) -> WindowBatch:
        """Collect the frames and times of windows of ``trajectory`` ``(B,)`` at ``start`` ``(B, W)``."""
        given, windows = self.context_frames, start.shape[1]
        base = (trajectory[:, None] * self.length).expand_as(start).flatten()[:, None]  # (B, W) -> (N, 1)
        inside = start.flatten()[:, None] + torch.arange(given + query_length)  # (N, G)
        grid = base + inside.clamp(max=self.length - 1)
        distinct, context = torch.unique(grid[:, :given], return_inverse=True)  # (F,), (N, C)
        grid, distinct, context, query = (index.to(self.device) for index in (grid, distinct, context, query))
        times = self.times[grid]  # (N, G)
        elapsed = times - times[:, :1]
        return WindowBatch(
            frames=self.frames[distinct],
            context=context,
            context_times=elapsed[:, :given],
            query=self.frames[grid.gather(1, query)].clamp(0, 1),
            query_times=elapsed.gather(1, query),
            grid_times=elapsed,
            query_index=query,
            start=times[:, 0],
            forecast_start=times[:, given],
            windows=windows,
            bank=self.frames,
            grid=grid,
        )


def query_length(step: int, budget: Budget, forecast_frames: int) -> int:
    """How far ahead queries may lie at ``step``: 1, 2, 4, ... and then the full horizon, whatever ``budget.steps``."""
    if not budget.growth:
        return forecast_frames
    doublings = min(step // budget.growth_steps, forecast_frames.bit_length())  # as 2**steps would be a huge number
    return min(2**doublings, forecast_frames)
