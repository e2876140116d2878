"""Convolutions made lean for a CPU give the results and gradients of torch's own."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from ladid_bench.methods.coders import ConvolutionalDecoder
from ladid_bench.methods.convolutions import HalvingConvolution, MergingConvolution, shuffled


def assert_same(made: Tensor, expected: Tensor, inputs: list[Tensor]) -> None:
    torch.testing.assert_close(made, expected, rtol=1e-12, atol=1e-12)
    cotangent = torch.randn_like(expected)
    for one, other in zip(*(torch.autograd.grad((y * cotangent).sum(), inputs) for y in (made, expected)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@pytest.fixture
def images() -> Tensor:
    torch.manual_seed(0)
    return torch.randn(5, 3, 16, 12, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize(("kind", "padding"), [(HalvingConvolution, 2), (MergingConvolution, 0)])
def test_halving_is_a_strided_convolution(images, kind, padding) -> None:
    convolution = kind(3, 7).double()
    expected = functional.conv2d(images, convolution.weight, convolution.bias, stride=2, padding=padding)
    assert_same(convolution(images), expected, [images, convolution.weight, convolution.bias])


def test_frames_that_need_no_gradient_get_none(images) -> None:
    convolution = HalvingConvolution(3, 7).double()
    frames = images.detach()
    convolution(frames).sum().backward()
    assert frames.grad is None and convolution.weight.grad.abs().max() > 0


@pytest.mark.parametrize("kind", ["transposed", "shuffle"])
def test_a_decoder_is_its_transposed_convolutions_one_after_the_other(kind) -> None:
    """Batch norm after ReLU, as in the released code, over all pixels of a channel."""
    torch.manual_seed(0)
    decoder = ConvolutionalDecoder(6, (2, 32, 48), 4, kind).double()
    latent = torch.randn(3, 5, 6, dtype=torch.float64, requires_grad=True)

    def plain(states: Tensor) -> Tensor:
        maps = decoder.expand(states).reshape(15, 32, 2, 3)  # (3, 5, ...) -> (15, 8c, height/16, width/16)
        for doubling in decoder.doublings:
            one, norm = doubling.convolution, doubling.norm
            maps = functional.conv_transpose2d(maps, one.weight, one.bias, stride=2).relu()
            maps = functional.batch_norm(maps, None, None, norm.weight, norm.bias, training=True)
        frames = decoder.output(maps)
        return (nn.PixelShuffle(2)(frames) if kind == "shuffle" else frames).sigmoid().unflatten(0, (3, 5))

    assert_same(decoder(latent), plain(latent), [latent, *decoder.parameters()])


def test_channels_go_to_pixels_as_in_a_pixel_shuffle() -> None:
    maps = torch.randn(2, 12, 3, 5)
    assert torch.equal(shuffled(maps), nn.PixelShuffle(2)(maps))
