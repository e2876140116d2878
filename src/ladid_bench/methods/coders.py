"""Encoder and decoder that all neural methods share, so that only their dynamics differ.

Layer sizes as in the released code of LaDID and MSVI: four strided convolutions to a sixteenth of
the side, four doublings back.
"""

from typing import Literal

import torch
from torch import Tensor, nn

REDUCTION = 16  # image side over feature map side
BLOCKS = 8  # channels of the feature map over base channels


def _halve(inputs: int, outputs: int, kernel: int, padding: int) -> list[nn.Module]:
    """Convolution with stride 2. Normalisation comes after the non-linearity, as in the released code."""
    return [nn.Conv2d(inputs, outputs, kernel, stride=2, padding=padding), nn.ReLU(), nn.BatchNorm2d(outputs)]


def _double(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.ConvTranspose2d(inputs, outputs, 2, stride=2), nn.ReLU(), nn.BatchNorm2d(outputs)]


class ConvolutionalEncoder(nn.Module):
    """One frame to one token.

    Args:
        shape: ``(channel, height, width)``, sides divisible by 16.
        base_channels: channels after the first convolution.
        width: length of a token.
    """

    def __init__(self, shape: tuple[int, ...], base_channels: int, width: int):
        super().__init__()
        channels, height, rows = shape[0], shape[1] // REDUCTION, shape[2] // REDUCTION
        c = base_channels
        self.features = nn.Sequential(
            *_halve(channels, c, 5, 2),
            *_halve(c, 2 * c, 5, 2),
            *_halve(2 * c, 4 * c, 5, 2),
            *_halve(4 * c, 8 * c, 2, 0),
        )
        self.token = nn.Linear(BLOCKS * c * height * rows, width)
        self.features.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, frames: Tensor) -> Tensor:
        """``(F, channel, height, width)`` in the unit range to ``(F, width)``."""
        features = self.features(frames.contiguous(memory_format=torch.channels_last))
        return self.token(features.flatten(1))  # (F, 8c, h/16, w/16) -> (F, 8c * h/16 * w/16)


DecoderKind = Literal["transposed", "shuffle"]


class ConvolutionalDecoder(nn.Module):
    """One latent state to the mean of one frame.

    ``transposed`` is the released code's: four transposed convolutions and a 5 x 5 one at full size.
    ``shuffle`` stops at half size and gets the last doubling by moving channels to pixels
    (sub-pixel convolution, Shi et al. 2016), which spares the two most expensive layers.

    Args:
        latent: length of a latent state.
        shape: ``(channel, height, width)`` of a frame.
        base_channels: channels before the last convolution of ``transposed``.
        kind: see above.
    """

    def __init__(self, latent: int, shape: tuple[int, ...], base_channels: int, kind: DecoderKind):
        super().__init__()
        c = base_channels
        self.grid = (BLOCKS * c, shape[1] // REDUCTION, shape[2] // REDUCTION)
        self.expand = nn.Linear(latent, self.grid[0] * self.grid[1] * self.grid[2])
        if kind == "transposed":
            doublings = [*_double(8 * c, 4 * c), *_double(4 * c, 2 * c), *_double(2 * c, c), *_double(c, c)]
            last: list[nn.Module] = [nn.Conv2d(c, shape[0], 5, padding=2)]
        else:
            doublings = [*_double(8 * c, 4 * c), *_double(4 * c, 4 * c), *_double(4 * c, 2 * c)]
            last = [nn.Conv2d(2 * c, 4 * shape[0], 3, padding=1), nn.PixelShuffle(2)]
        self.pixels = nn.Sequential(*doublings, *last)
        # halves the time of large, thin layers on a CPU
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, latent: Tensor) -> Tensor:
        """``(..., latent)`` to ``(..., channel, height, width)`` in the unit range."""
        leading = latent.shape[:-1]
        flat = self.expand(latent.reshape(-1, latent.shape[-1]))  # (..., k) -> (n, k) -> (n, 8c * h/16 * w/16)
        grid = flat.unflatten(1, self.grid).contiguous(memory_format=torch.channels_last)
        return torch.sigmoid(self.pixels(grid)).unflatten(0, leading)  # (n, ...) -> (..., channel, height, width)
