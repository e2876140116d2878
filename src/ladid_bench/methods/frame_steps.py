"""Base classes of neural methods that turn the last frames into the next one, in pixels, and roll it out."""

from abc import abstractmethod
from types import SimpleNamespace

import torch
from torch import Tensor

from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch
from ladid_bench.methods.gridded import ON_GRID
from ladid_bench.methods.neural import ForecastModel, NeuralMethod


class FrameStepper(ForecastModel):
    """Roll out a step of one time step of the task, which a subclass makes; it adds the loss too.

    Args:
        task: its time step.
        settings: ``rollout``, successive frames in a loss, and ``trajectories``, how many of a batch are in it.
    """

    def __init__(self, task: Task, settings: SimpleNamespace):
        super().__init__()
        self.settings, self.time_step = settings, task.time_step

    @abstractmethod
    def next_frame(self, recent: Tensor) -> Tensor:
        """Compute the frame after ``recent``: ``(N, C, channel, height, width)`` to ``(N, channel, height, width)``."""

    def passages(self, batch: WindowBatch) -> tuple[Tensor, Tensor]:
        """Pick successive frames from anywhere in the first window of some trajectories.

        Returns:
            Frames ``(n, C + step, channel, *space)``, and which of those after the context exist, ``(n, step)``.
        """
        grid, context = batch.grid[:: batch.windows][: self.settings.trajectories], batch.context.shape[1]  # (n, G)
        known = 1 + (grid.diff(dim=1) > 0).sum(dim=1, keepdim=True)  # (n, 1), frames until the last one is repeated
        length = min(context + self.settings.rollout, grid.shape[1])
        room = (known - length).clamp(min=0)
        start = (torch.rand(room.shape, device=grid.device) * (room + 1)).long()
        position = start + torch.arange(length, device=grid.device)  # (n, length)
        return batch.bank[grid.gather(1, position)], (position < known)[:, context:]

    def forecast(self, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor:
        steps = (query_times - context_times[:, -1:]) / self.time_step  # (N, Q), after the last context frame
        whole = steps.round()
        steps = torch.where((steps - whole).abs() < ON_GRID, whole, steps)
        ahead = self.roll_out(context, int(steps.max().ceil())).clamp(0, 1)
        frames = torch.cat([context[:, -1:], ahead], dim=1)
        before = steps.long()
        after = (before + 1).clamp(max=frames.shape[1] - 1)
        row = torch.arange(len(frames), device=frames.device)[:, None]
        share = (steps - before)[:, :, None, None, None]
        return torch.lerp(frames[row, before], frames[row, after], share)

    def roll_out(self, context: Tensor, steps: int) -> Tensor:
        """Compute the ``steps`` frames after ``context``, ``(N, steps, channel, *space)``.

        A frame is clipped to [0, 1] before it serves as input, or else errors grow without bound.
        """
        recent, ahead = list(context.unbind(dim=1)), []
        for _ in range(steps):
            ahead.append(self.next_frame(torch.stack(recent, dim=1)))
            recent = [*recent[1:], ahead[-1].clamp(0, 1)]
        return torch.stack(ahead, dim=1)


class FrameStepperMethod(NeuralMethod):
    """Train a ``FrameStepper``, on images that are evenly spaced in time."""

    @classmethod
    def skip(cls, task: Task) -> tuple[bool, str]:
        if not task.is_image:
            return True, f"it works on images, got observations of shape {task.shape}"
        if not task.regular:
            return True, "it steps from frame to frame, and this data set's frames are not evenly spaced in time"
        return False, ""  # sides of any length: it has neither the shared encoder nor the shared decoder
