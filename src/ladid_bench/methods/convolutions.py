"""Convolutions that halve and double the side of images, as a CPU computes them fastest; the results are torch's own.

Images are in channels-last order: what belongs to one pixel is adjacent in memory.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE = PADDING = 2  # of the halving convolution with a 5 x 5 kernel


class HalvingConvolution(nn.Conv2d):
    """Convolve with a 5 x 5 kernel at every second pixel, sides even; the gradient of the images is made leaner.

    The gradient of a convolution with stride 2 is one with stride 1 of four times as many channels, one for each
    pixel of a 2 x 2 block, which takes a third of the time of oneDNN's.
    """

    def __init__(self, inputs: int, outputs: int):
        super().__init__(inputs, outputs, 5, stride=STRIDE, padding=PADDING)

    def forward(self, images: Tensor) -> Tensor:
        """Convolve ``(n, inputs, height, width)`` to ``(n, outputs, height/2, width/2)``."""
        return _Halving.apply(images, self.weight, self.bias)


class _Halving(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(images, weight)
        return functional.conv2d(images, weight, bias, stride=STRIDE, padding=PADDING)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        images, weight = ctx.saved_tensors
        _, to_weight, to_bias = torch.ops.aten.convolution_backward(
            gradient, images, weight, [len(weight)], [2, 2], [2, 2], [1, 1], False, [0, 0], 1, [False, True, True]
        )
        return _doubled(gradient, weight) if ctx.needs_input_grad[0] else None, to_weight, to_bias


def _doubled(gradient: Tensor, weight: Tensor) -> Tensor:
    """Map the gradient of the halved images ``(n, outputs, h, w)`` to that of the images, ``(n, inputs, 2h, 2w)``."""
    outputs, inputs = weight.shape[:2]
    # kernel element 2 a + p acts between a pixel p of block m and the halved pixel m + 1 - a
    blocks = functional.pad(weight, (0, 1, 0, 1)).view(outputs, inputs, 3, 2, 3, 2).flip(2, 4)
    # (outputs, inputs, 3, 2, 3, 2) -> (2, 2, inputs, outputs, 3, 3) -> (4 inputs, outputs, 3, 3)
    kernel = blocks.permute(3, 5, 1, 0, 2, 4).flatten(0, 2).contiguous(memory_format=torch.channels_last)
    pixels = functional.conv2d(gradient, kernel, padding=1).permute(0, 2, 3, 1)  # (n, h, w, 4 inputs)
    pixels = pixels.unflatten(3, (2, 2, inputs)).transpose(2, 3)  # (n, h, w, 2, 2, inputs) -> (n, h, 2, w, 2, inputs)
    return pixels.flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)  # (n, 2h, 2w, inputs) -> (n, inputs, 2h, 2w)


class MergingConvolution(nn.Conv2d):
    """Convolve with a 2 x 2 kernel at every second pixel: a linear map of blocks of four pixels."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__(inputs, outputs, 2, stride=2)

    def forward(self, images: Tensor) -> Tensor:
        """Convolve ``(n, inputs, height, width)`` to ``(n, outputs, height/2, width/2)``."""
        pixels = images.permute(0, 2, 3, 1).unflatten(2, (-1, 2)).unflatten(1, (-1, 2))  # (n, h, 2, w, 2, inputs)
        blocks = pixels.transpose(2, 3).flatten(3)  # (n, h, 2, w, 2, inputs) -> (n, h, w, 4 inputs)
        weight = self.weight.permute(0, 2, 3, 1).flatten(1)  # (outputs, inputs, 2, 2) -> (outputs, 4 inputs)
        return functional.linear(blocks, weight, self.bias).permute(0, 3, 1, 2)  # channels last


class Doubling(nn.Module):
    """Double the sides of images by a 2 x 2 transposed convolution with stride 2, then ReLU and batch norm.

    Such a convolution makes four pixels of each one, with no overlap: it is a linear map of single pixels. A stack
    of them works on rows, one a pixel, and ``Assembly`` puts the pixels in their places at the end.
    """

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.convolution = nn.ConvTranspose2d(inputs, outputs, 2, stride=2)
        self.norm = nn.BatchNorm1d(outputs)

    def forward(self, pixels: Tensor) -> Tensor:
        """Map pixels ``(n, inputs)`` to ``(4 n, outputs)``; the four pixels that come from one are adjacent."""
        weight, bias = self.convolution.weight, self.convolution.bias
        assert bias is not None
        flat = weight.permute(2, 3, 1, 0).flatten(0, 2)  # (inputs, outputs, 2, 2) -> (4 outputs, inputs)
        # in place before the view: of a view, the gradient would be copied three times
        four = functional.linear(pixels, flat, bias.repeat(4)).relu_()  # (n, 4 outputs)
        return self.norm(four.view(-1, weight.shape[1]))  # (n, 4 outputs) -> (4 n, outputs)


class Assembly(nn.Module):
    """Put the pixels that ``doublings`` doublings made of images with ``sides`` in their places.

    Pixels are copied as rows, forwards and backwards: torch's own copy of so many nested sides takes twice as long, and
    its gradient of rows that are picked adds one row at a time.

    Args:
        sides: height and width before the doublings.
        doublings: how often the sides were doubled.
    """

    order: Tensor
    inverse: Tensor

    def __init__(self, sides: tuple[int, int], doublings: int):
        super().__init__()
        self.sides = tuple(side * 2**doublings for side in sides)
        nested = torch.arange(math.prod(self.sides)).view(*sides, *(2,) * (2 * doublings))
        rows, columns = range(2, 2 + 2 * doublings, 2), range(3, 3 + 2 * doublings, 2)
        # (height, width, 2, 2, ...) -> (height, 2, ..., width, 2, ...) -> (places,)
        order = nested.permute(0, *rows, 1, *columns).flatten()
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("inverse", order.argsort(), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Make images ``(n, channel, height * 2^doublings, width * 2^doublings)``, channels last in memory.

        Args:
            pixels: ``(n * height * width * 4^doublings, channel)``.
        """
        nested = pixels.view(-1, len(self.order), pixels.shape[1])  # (n * places, channel) -> (n, places, channel)
        placed = _Picked.apply(nested, self.order, self.inverse)
        return placed.unflatten(1, self.sides).permute(0, 3, 1, 2)  # (n, places, channel) -> (n, channel, side, side)


class _Picked(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, order: Tensor, inverse: Tensor) -> Tensor:
        ctx.save_for_backward(inverse)
        return rows.index_select(1, order)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (inverse,) = ctx.saved_tensors
        return gradient.index_select(1, inverse), None, None


def shuffled(maps: Tensor) -> Tensor:
    """Move channels to pixels as ``nn.PixelShuffle(2)``: ``(n, 4 channel, h, w)`` to ``(n, channel, 2h, 2w)``."""
    n, channels, height, width = maps.shape
    # (n, 4 channel, h, w) -> (n, channel, 2, 2, h, w) -> (n, channel, h, 2, w, 2)
    places = maps.unflatten(1, (channels // 4, 2, 2)).permute(0, 1, 4, 2, 5, 3)
    return places.reshape(n, channels // 4, 2 * height, 2 * width)
