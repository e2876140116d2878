"""Convolutions made lean for a CPU give the results and gradients of torch's own."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from ladid_bench.methods.coders import (
    ConvolutionalDecoder,
    ConvolutionalFeatures,
    PlaceEncoder,
    VectorDecoder,
    VectorEncoder,
)
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


def normalized(values: Tensor, norm: nn.Module, *axes: int) -> Tensor:
    """Batch norm by hand, in training: channels have mean 0 and variance 1 before its own scale and shift."""
    mean, variance = values.mean(dim=axes, keepdim=True), values.var(dim=axes, keepdim=True, unbiased=False)
    shape = [-1 if axis not in axes else 1 for axis in range(values.ndim)]
    return (values - mean) / (variance + norm.eps).sqrt() * norm.weight.view(shape) + norm.bias.view(shape)


@torch.no_grad()
def test_an_encoder_is_four_strided_convolutions_each_with_batch_norm_after_relu() -> None:
    """As in the released code of LaDID and MSVI."""
    torch.manual_seed(0)
    features, frames = ConvolutionalFeatures(2, 3).double(), torch.rand(5, 2, 32, 48, dtype=torch.float64)
    maps = frames
    for first in range(0, 12, 3):
        convolution, _, norm = features.layers[first : first + 3]
        padding = 2 if first < 9 else 0
        maps = functional.conv2d(maps, convolution.weight, convolution.bias, stride=2, padding=padding)
        maps = normalized(maps.relu(), norm, 0, 2, 3)
    torch.testing.assert_close(features(frames), maps)


@torch.no_grad()
def test_each_place_of_the_map_is_a_token_with_its_own_embedding() -> None:
    torch.manual_seed(0)
    encoder, frames = PlaceEncoder((1, 32, 48), 2, 7).eval(), torch.rand(4, 1, 32, 48)
    maps, tokens = encoder.features(frames), encoder(frames)
    for row in range(2):
        for column in range(3):
            place = 3 * row + column
            expected = encoder.token(maps[:, :, row, column]) + encoder.place[place]
            torch.testing.assert_close(tokens[:, place], expected)


@torch.no_grad()
def test_vectors_have_perceptrons_with_batch_norm_after_relu() -> None:
    torch.manual_seed(0)
    encoder, decoder = (kind(*sizes).double() for kind, sizes in
                        ((VectorEncoder, ((2, 6), 1, 7)), (VectorDecoder, (7, (2, 6), 1))))  # fmt: skip
    frames, states = torch.rand(9, 2, 6, dtype=torch.float64), torch.randn(3, 3, 7, dtype=torch.float64)

    def hidden(values: Tensor, layers: nn.Sequential) -> Tensor:
        for first in (0, 3):
            values = normalized(layers[first](values).relu(), layers[first + 2], 0)
        return values

    torch.testing.assert_close(encoder(frames), encoder.layers[6](hidden(frames.reshape(9, 12), encoder.layers)))
    expected = decoder.output(hidden(states.reshape(9, 7), decoder.layers)).sigmoid().reshape(3, 3, 2, 6)
    torch.testing.assert_close(decoder(states), expected)
