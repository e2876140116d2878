"""One step of training: as it is written on a CPU, replayed from a CUDA graph on a GPU.

Called from Python, a step at 32 pixels is a thousand small kernels, and a GPU waits for Python most of the time. What
is drawn at random in a step is drawn on the host before it, and nothing in it is read back by the host. So the whole
step, the optimiser included, can be captured once for each length of the horizon and then be replayed by one call.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ladid_bench.core.configuration import Budget
from ladid_bench.data.windows import BatchRows, WindowSampler

WARM_UP = 3  # steps of each horizon that a GPU makes as they are written: libraries choose and allocate in them


class TrainingStep:
    """Make steps of the optimiser, each on the batch whose rows it is given.

    Args:
        model: a ``ForecastModel``; what of it requires a gradient is trained.
        sampler: gathers batches on the model's device.
        budget: has the weight decay and the largest norm of the gradient.
        device: that of the model; ``cuda`` replays.
    """

    def __init__(self, model: Any, sampler: WindowSampler, budget: Budget, device: str):
        self.model, self.sampler, self.gradient_clip = model, sampler, budget.gradient_clip
        self.replays = device == "cuda"
        # a tensor, so that a graph reads what stands in it at the time; on the host elsewhere
        self.rate = torch.zeros((), device=device)
        trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimiser = torch.optim.AdamW(
            trainable, lr=self.rate, weight_decay=budget.weight_decay, fused=True, capturable=self.replays
        )
        self.terms: tuple[str, ...] = ()  # names of the parts of the loss
        self.made: dict[int, int] = {}  # steps as they are written, by the frames of a window
        self.graphs: dict[int, Graph] = {}

    def __call__(self, rows: BatchRows, rate: float) -> Tensor:
        """Make one step at the learning rate ``rate``.

        Returns:
            ``(T,)``, the parts of the loss before the step, on the model's device.
        """
        self.rate.fill_(rate)
        self.model.train()
        return self._replay(rows) if self.replays else self._make(rows)

    def load_optimiser(self, state: dict[str, Any]) -> None:
        """Take over the state of an optimiser; graphs that were captured before would go on with the former one."""
        self.optimiser.load_state_dict(state)
        for group in self.optimiser.param_groups:
            group.update(lr=self.rate, capturable=self.replays)  # the state may come from another device
        self.graphs.clear()

    def _make(self, rows: BatchRows) -> Tensor:
        self.optimiser.zero_grad(set_to_none=True)
        terms = self.model.loss(self.sampler.gather(rows))
        self.terms = tuple(terms)
        stacked = torch.stack(list(terms.values()))  # (T,)
        stacked.sum().backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.gradient_clip)
        self.optimiser.step()
        return stacked.detach()

    def _replay(self, rows: BatchRows) -> Tensor:
        frames = rows.grid.shape[1]
        if frames in self.graphs:
            return self.graphs[frames](rows)
        if self.made.get(frames, 0) < WARM_UP:
            self.made[frames] = self.made.get(frames, 0) + 1
            return _beside(lambda: self._make(rows))
        self.graphs[frames] = Graph(self._make, rows.to(self.sampler.device))
        return self.graphs[frames](rows)


class Graph:
    """Replay ``work`` on rows of the same shapes as those it was captured with; capturing does not carry it out."""

    def __init__(self, work: Callable[[BatchRows], Tensor], rows: BatchRows):
        self.rows = rows
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.result = work(self.rows)

    def __call__(self, rows: BatchRows) -> Tensor:
        for mine, given in zip(self.rows, rows, strict=True):
            mine.copy_(given, non_blocking=True)
        self.graph.replay()
        return self.result.clone()  # the next replay writes there again


def _beside(work: Callable[[], Tensor]) -> Tensor:
    """Carry ``work`` out on a stream of its own, as capturing asks of what warms up for it."""
    stream, current = torch.cuda.Stream(), torch.cuda.current_stream()
    stream.wait_stream(current)
    with torch.cuda.stream(stream):
        result = work()
    current.wait_stream(stream)
    return result
