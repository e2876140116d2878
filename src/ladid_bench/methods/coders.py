"""Encoder and decoder that all neural methods share, so that only their dynamics differ.

Layer sizes as in the released code of LaDID and MSVI: four strided convolutions to a sixteenth of
the side, four transposed convolutions back.
"""

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
            *_halve(channels, c, 5, 2), *_halve(c, 2 * c, 5, 2), *_halve(2 * c, 4 * c, 5, 2), *_halve(4 * c, 8 * c, 2, 0)
        )
        self.token = nn.Linear(BLOCKS * c * height * rows, width)

    def forward(self, frames: Tensor) -> Tensor:
        """``(F, channel, height, width)`` in the unit range to ``(F, width)``."""
        return self.token(self.features(frames).flatten(1))  # (F, 8c, h/16, w/16) -> (F, 8c * h/16 * w/16)


class ConvolutionalDecoder(nn.Module):
    """One latent state to the mean of one frame.

    Args:
        latent: length of a latent state.
        shape: ``(channel, height, width)`` of a frame.
        base_channels: channels before the last convolution.
    """

    def __init__(self, latent: int, shape: tuple[int, ...], base_channels: int):
        super().__init__()
        c = base_channels
        self.grid = (BLOCKS * c, shape[1] // REDUCTION, shape[2] // REDUCTION)
        self.expand = nn.Linear(latent, self.grid[0] * self.grid[1] * self.grid[2])
        self.features = nn.Sequential(
            *_double(8 * c, 4 * c), *_double(4 * c, 2 * c), *_double(2 * c, c), *_double(c, c)
        )
        self.pixels = nn.Conv2d(c, shape[0], 5, padding=2)

    def forward(self, latent: Tensor) -> Tensor:
        """``(..., latent)`` to ``(..., channel, height, width)`` in the unit range."""
        leading = latent.shape[:-1]
        features = self.expand(latent.reshape(-1, latent.shape[-1]))  # (..., k) -> (n, k) -> (n, 8c * h/16 * w/16)
        pixels = self.pixels(self.features(features.unflatten(1, self.grid)))  # (n, channel, height, width)
        return torch.sigmoid(pixels).unflatten(0, leading)  # (n, ...) -> (..., channel, height, width)
