"""Encoders and decoders that all neural methods share, so that only their dynamics differ.

Layer sizes as in the released code of LaDID and MSVI: four strided convolutions to a sixteenth of
the side, four doublings back.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from ladid_bench.methods.convolutions import Assembly, Doubling, HalvingConvolution, MergingConvolution, shuffled

REDUCTION = 16  # image side over feature map side
BLOCKS = 8  # channels of the feature map over base channels
VECTOR_HIDDEN = 16  # hidden width of the vector coders over base channels


def _halve(convolution: nn.Conv2d) -> list[nn.Module]:
    """A convolution with stride 2. Batch norm comes after the non-linearity, as in LaDID's released code."""
    return [convolution, nn.ReLU(inplace=True), nn.BatchNorm2d(convolution.out_channels)]


class ConvolutionalFeatures(nn.Module):
    """Encode one frame as a feature map of a sixteenth of its side.

    Args:
        channels: of a frame.
        base_channels: channels after the first convolution, c.
    """

    def __init__(self, channels: int, base_channels: int):
        super().__init__()
        c = base_channels
        self.layers = nn.Sequential(
            *_halve(HalvingConvolution(channels, c)),
            *_halve(HalvingConvolution(c, 2 * c)),
            *_halve(HalvingConvolution(2 * c, 4 * c)),
            *_halve(MergingConvolution(4 * c, 8 * c)),
        )
        # halves the time of large, thin layers on a CPU
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, frames: Tensor) -> Tensor:
        """Encode normalized frames ``(F, channel, height, width)`` as ``(F, 8c, height/16, width/16)``."""
        return self.layers(frames.contiguous(memory_format=torch.channels_last))


class ConvolutionalEncoder(nn.Module):
    """Encode one image as one token.

    Args:
        shape: ``(channel, height, width)``, sides divisible by 16.
        base_channels: channels after the first convolution.
        width: length of a token.
    """

    def __init__(self, shape: tuple[int, ...], base_channels: int, width: int):
        super().__init__()
        self.features = ConvolutionalFeatures(shape[0], base_channels)
        self.token = nn.Linear(BLOCKS * base_channels * _places(shape), width)

    def forward(self, frames: Tensor) -> Tensor:
        """Encode normalized frames ``(F, channel, height, width)`` as ``(F, width)``."""
        return self.token(self.features(frames).flatten(1))  # (F, 8c, h/16, w/16) -> (F, 8c * h/16 * w/16)


class PlaceEncoder(nn.Module):
    """Encode one image as one token a place of its feature map, with a learned embedding of the place."""

    def __init__(self, shape: tuple[int, ...], base_channels: int, width: int):
        super().__init__()
        self.features = ConvolutionalFeatures(shape[0], base_channels)
        self.token = nn.Linear(BLOCKS * base_channels, width)
        self.place = nn.Parameter(0.02 * torch.randn(_places(shape), width))

    def forward(self, frames: Tensor) -> Tensor:
        """Encode normalized frames ``(F, channel, height, width)`` as ``(F, S, width)``, S places each."""
        maps = self.features(frames).flatten(2).mT  # (F, 8c, h/16, w/16) -> (F, 8c, S) -> (F, S, 8c)
        return self.token(maps) + self.place


def _places(shape: tuple[int, ...]) -> int:
    return (shape[1] // REDUCTION) * (shape[2] // REDUCTION)


class VectorEncoder(nn.Module):
    """Encode one vector as one token: a multilayer perceptron, with batch norm where the convolutions have it."""

    def __init__(self, shape: tuple[int, ...], base_channels: int, width: int):
        super().__init__()
        hidden = VECTOR_HIDDEN * base_channels
        self.layers = nn.Sequential(
            *_dense(shape[0] * shape[1], hidden), *_dense(hidden, hidden), nn.Linear(hidden, width)
        )

    def forward(self, frames: Tensor) -> Tensor:
        """Encode normalized vectors ``(F, channel, feature)`` as ``(F, width)``."""
        return self.layers(frames.flatten(1))  # (F, channel, feature) -> (F, channel * feature)


class Decoder(nn.Module):
    """Render latent states as frames; the last layer is ``output`` and is followed by a sigmoid."""

    output: nn.Conv2d | nn.Linear

    @torch.no_grad()
    def start_at(self, levels: Sequence[float]) -> None:
        """Let the untrained decoder render about the same level of each component everywhere.

        Without it a field that is near one end of its range almost everywhere, such as rain, costs the
        first steps of training hundreds of times its variance.

        Args:
            levels: normalized to [0, 1], of each channel of images, or of each feature of vectors.
        """
        assert self.output.bias is not None
        before = torch.tensor([math.log(level / (1 - level)) for level in levels])  # the sigmoid
        self.output.bias.copy_(before.repeat_interleave(len(self.output.bias) // len(before)))  # pixels of a channel


class VectorDecoder(Decoder):
    """Render one latent state as the mean of one vector."""

    def __init__(self, latent: int, shape: tuple[int, ...], base_channels: int):
        super().__init__()
        hidden, self.shape = VECTOR_HIDDEN * base_channels, shape
        self.layers = nn.Sequential(*_dense(latent, hidden), *_dense(hidden, hidden))
        self.output = nn.Linear(hidden, shape[0] * shape[1])

    def forward(self, latent: Tensor) -> Tensor:
        """Render ``(..., latent)`` as normalized vectors ``(..., channel, feature)``."""
        hidden = self.layers(latent.reshape(-1, latent.shape[-1]))  # (..., k) -> (n, k) -> (n, hidden)
        values = torch.sigmoid(self.output(hidden))  # (n, values)
        return values.reshape(*latent.shape[:-1], *self.shape)  # (n, values) -> (..., channel, feature)


def _dense(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs), nn.ReLU(inplace=True), nn.BatchNorm1d(outputs)]


DecoderKind = Literal["transposed", "shuffle"]


class ConvolutionalDecoder(Decoder):
    """Render one latent state as the mean of one image.

    ``transposed`` is that of LaDID's released code: four transposed convolutions and a 5 x 5 one at full size.
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
            channels = [8 * c, 4 * c, 2 * c, c, c]
            self.output = nn.Conv2d(c, shape[0], 5, padding=2)
        else:
            channels = [8 * c, 4 * c, 4 * c, 2 * c]
            self.output = nn.Conv2d(2 * c, 4 * shape[0], 3, padding=1)
        self.doublings = nn.Sequential(*(Doubling(*pair) for pair in itertools.pairwise(channels)))
        self.assembly = Assembly(self.grid[1:], len(self.doublings))
        self.kind = kind
        # halves the time of large, thin layers on a CPU
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, latent: Tensor, extra: Tensor | None = None) -> Tensor:
        """Render ``(..., latent)`` as normalized frames ``(..., channel, height, width)``.

        Args:
            latent: latent states.
            extra: feature maps ``(..., 8c, height/16, width/16)``, broadcast and added to the first one.
        """
        leading = latent.shape[:-1]
        grid = self.expand(latent).unflatten(-1, self.grid)  # (..., k) -> (..., 8c, h/16, w/16)
        if extra is not None:
            grid = grid + extra
        pixels = grid.movedim(-3, -1).reshape(-1, self.grid[0])  # (..., 8c, h/16, w/16) -> (n * h/16 * w/16, 8c)
        maps = self.assembly(self.doublings(pixels))  # (n, channel, side, side)
        frames = self.output(maps).sigmoid()
        if self.kind == "shuffle":
            frames = shuffled(frames)
        return frames.unflatten(0, leading)  # (n, ...) -> (..., channel, height, width)


def build_encoder(shape: tuple[int, ...], base_channels: int, width: int) -> nn.Module:
    """Build the encoder for frames of one shape: convolutions for images, a perceptron for vectors.

    Args:
        shape: ``(channel, *space)`` of a frame.
        base_channels: channels after the first convolution; the width of the perceptron follows from it.
        width: length of a token.
    """
    encoder = ConvolutionalEncoder if len(shape) == 3 else VectorEncoder
    return encoder(shape, base_channels, width)


def build_decoder(latent: int, shape: tuple[int, ...], base_channels: int, kind: DecoderKind) -> Decoder:
    """Build the decoder of latent states ``(..., latent)`` for frames of ``shape``; ``kind`` concerns images only."""
    if len(shape) == 3:
        return ConvolutionalDecoder(latent, shape, base_channels, kind)
    return VectorDecoder(latent, shape, base_channels)


def encode_sequences(encoder: nn.Module, frames: Tensor) -> Tensor:
    """Encode each frame of sequences ``(N, C, channel, *space)`` by itself, as tokens ``(N, C, width)``."""
    tokens = encoder(frames.flatten(0, 1))  # (N, C, channel, *space) -> (N * C, channel, *space)
    return tokens.unflatten(0, frames.shape[:2])  # (N * C, width) -> (N, C, width)
