"""Fourier neural operator (Li et al., ICLR 2021): the last frames to the next one, applied again and again."""

from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.nn import functional

from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch
from ladid_bench.methods.frame_steps import FrameStepper, FrameStepperMethod
from ladid_bench.methods.neural import ForecastModel


def mode_by_mode(spectrum: Tensor, weight: Tensor) -> Tensor:
    """Multiply the channels of each mode, ``(N, in, y, x)``, with a matrix of its own, ``(in, out, y, x)``.

    A CPU multiplies complex matrices that are not contiguous one at a time, which takes longer than all the rest of
    the network; hence the copies, of the gradient too.
    """
    # (N, in, y, x) and (in, out, y, x) -> (y * x, N, in) and (y * x, in, out) -> (y * x, N, out)
    modes, matrices = (values.flatten(2).permute(2, 0, 1).contiguous() for values in (spectrum, weight))
    mixed = torch.bmm(modes, matrices)
    if mixed.requires_grad:
        mixed.register_hook(Tensor.contiguous)
    return mixed.permute(1, 2, 0).unflatten(2, spectrum.shape[2:])  # (y * x, N, out) -> (N, out, y, x)


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
        mixed = mode_by_mode(kept, torch.view_as_complex(self.weight))
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


class FourierOperator(FrameStepper):
    """Compute the next frame from as many as the context has."""

    places: Tensor  # (height, width, 2)

    def __init__(self, task: Task, settings: SimpleNamespace):
        super().__init__(task, settings)
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
        frames, exists = self.passages(batch)
        length = batch.context.shape[1]
        context, target = frames[:, :length], frames[:, length:]
        # (n, step, channel, height, width) -> (n, step, value) -> (n, step)
        error = (self.roll_out(context, target.shape[1]) - target).flatten(2).norm(dim=2)
        relative = error / target.flatten(2).norm(dim=2)
        return {"relative_error": (relative * exists).sum() / exists.sum()}


class FourierOperatorMethod(FrameStepperMethod):
    """Train a ``FourierOperator`` with the settings of the card."""

    def build_model(self) -> ForecastModel:
        return FourierOperator(self.task, self.settings)


METHOD = FourierOperatorMethod
