"""Fourier neural operator (Li et al., ICLR 2021): the last frames to the next one, applied again and again."""

from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.nn import functional

from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch
from ladid_bench.methods.gridded import ON_GRID
from ladid_bench.methods.neural import ForecastModel, NeuralMethod


class SpectralConvolution(nn.Module):
    """Map channels linearly for each of the lowest Fourier modes; all other modes are dropped.

    Args:
        width: channels in and out.
        modes: kept along height, of either sign, and along width.
    """

    def __init__(self, width: int, modes: tuple[int, int]):
        super().__init__()
        self.modes = modes
        # Real and imaginary parts: what torch does to complex parameters differs from optimiser to optimiser.
        self.weight = nn.Parameter(torch.rand(width, width, 2 * modes[0], modes[1], 2) / width**2)

    def forward(self, maps: Tensor) -> Tensor:
        """Convolve feature maps ``(N, channel, height, width)``."""
        (height, width), (high, wide) = maps.shape[-2:], self.modes
        spectrum = torch.fft.fft(torch.fft.rfft(maps)[..., :wide], dim=-2)  # (N, channel, height, wide)
        kept = torch.cat([spectrum[..., :high, :], spectrum[..., -high:, :]], dim=-2)  # (N, channel, 2 * high, wide)
        mixed = torch.einsum("niyx,ioyx->noyx", kept, torch.view_as_complex(self.weight))
        dropped = mixed.new_zeros(*mixed.shape[:2], height - 2 * high, wide)
        spectrum = torch.cat([mixed[..., :high, :], dropped, mixed[..., high:, :]], dim=-2)
        return torch.fft.irfft(torch.fft.ifft(spectrum, dim=-2), n=width)


class FourierLayer(nn.Module):
    """Compute ``activation(K v + W v)``: a spectral convolution beside a map of each pixel's channels."""

    def __init__(self, width: int, modes: tuple[int, int], activation: nn.Module):
        super().__init__()
        self.spectral = SpectralConvolution(width, modes)
        self.skip = nn.Conv2d(width, width, 1)
        self.activation = activation

    def forward(self, maps: Tensor) -> Tensor:
        """Apply the layer to feature maps ``(N, channel, height, width)``."""
        return self.activation(self.spectral(maps) + self.skip(maps))


class FourierOperator(ForecastModel):
    """Compute the next frame from as many as the context has, and roll it out, one time step of the task at a time."""

    places: Tensor  # (height, width, 2)

    def __init__(self, task: Task, settings: SimpleNamespace):
        super().__init__()
        self.settings, self.time_step = settings, task.time_step
        channels, height, width = task.shape
        sides = [side + settings.padding for side in (height, width)]
        modes = (min(settings.modes, sides[0] // 2), min(settings.modes, sides[1] // 2))
        self.lift = nn.Linear(task.context_frames * channels + 2, settings.width)
        activations = [nn.GELU() for _ in range(settings.layers - 1)] + [nn.Identity()]
        self.layers = nn.Sequential(*(FourierLayer(settings.width, modes, each) for each in activations))
        self.head = nn.Sequential(
            nn.Linear(settings.width, settings.head), nn.GELU(), nn.Linear(settings.head, channels)
        )
        places = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
        self.register_buffer("places", torch.stack(places, dim=-1), persistent=False)

    def next_frame(self, recent: Tensor) -> Tensor:
        """Compute the frame after ``recent``: ``(N, C, channel, height, width)`` to ``(N, channel, height, width)``."""
        # (N, C, channel, height, width) -> (N, C * channel, height, width) -> (N, height, width, C * channel)
        stacked = recent.flatten(1, 2).permute(0, 2, 3, 1)
        places = self.places.expand(len(recent), -1, -1, -1)
        maps = self.lift(torch.cat([stacked, places], dim=-1)).permute(0, 3, 1, 2)  # (N, width, height, width)
        height, width = maps.shape[-2:]
        padded = functional.pad(maps, (0, self.settings.padding, 0, self.settings.padding))
        maps = self.layers(padded)[..., :height, :width]
        # (N, width, height, width) -> (N, height, width, width) -> (N, channel, height, width)
        return self.head(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    def loss(self, batch: WindowBatch) -> dict[str, Tensor]:
        """Compute the mean relative L2 error of a frame (Li et al. 2021), over the frames of a short roll-out."""
        frames, exists = self._passages(batch)
        length = batch.context.shape[1]
        context, target = frames[:, :length], frames[:, length:]
        # (n, step, channel, height, width) -> (n, step, value) -> (n, step)
        error = (self.roll_out(context, target.shape[1]) - target).flatten(2).norm(dim=2)
        relative = error / target.flatten(2).norm(dim=2)
        return {"relative_error": (relative * exists).sum() / exists.sum()}

    def _passages(self, batch: WindowBatch) -> tuple[Tensor, Tensor]:
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


class FourierOperatorMethod(NeuralMethod):
    """Train a ``FourierOperator`` with the settings of the card."""

    @classmethod
    def skip(cls, task: Task) -> tuple[bool, str]:
        if not task.is_image:
            return True, f"it transforms images, got observations of shape {task.shape}"
        if not task.regular:
            return True, "it steps from frame to frame, and this data set's frames are not evenly spaced in time"
        return False, ""  # sides of any length: it has neither the shared encoder nor the shared decoder

    def build_model(self) -> ForecastModel:
        return FourierOperator(self.task, self.settings)


METHOD = FourierOperatorMethod
