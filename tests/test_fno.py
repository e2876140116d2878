"""Fourier neural operator: its transform, its sizes, what it is trained on, its times and its bounds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ladid_bench.core.configuration import Budget
from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch, WindowSampler
from ladid_bench.methods.registry import load_method

METHOD = "fno"


def draw(pendulum, task: Task, length: int, seed: int = 0) -> WindowBatch:
    sampler = WindowSampler(pendulum["train"], task, Budget(batch_size=8, windows=2), "cpu")
    return sampler.draw(length, torch.Generator().manual_seed(seed))


def brighter(recent: Tensor) -> Tensor:
    """Stands for the network: the next frame is the last one and 0.1."""
    return recent[:, -1] + 0.1


@pytest.mark.parametrize(("height", "width", "modes"), [(40, 40, (12, 12)), (24, 31, (5, 12)), (16, 16, (8, 8))])
def test_spectral_convolution_multiplies_the_low_modes_alone(module, height: int, width: int, modes) -> None:
    torch.manual_seed(0)
    layer = module.SpectralConvolution(3, modes).double()
    maps = torch.randn(2, 3, height, width, dtype=torch.float64)
    given, made = torch.fft.rfft2(maps), torch.fft.rfft2(layer(maps))
    weight = torch.view_as_complex(layer.weight.detach())
    expected = torch.zeros_like(given)
    for row in range(-modes[0], modes[0]):
        for column in range(modes[1]):
            expected[:, :, row, column] = given[:, :, row, column] @ weight[:, :, row, column]
    expected = torch.fft.rfft2(torch.fft.irfft2(expected, s=(height, width)))  # a real picture has fewer free modes
    torch.testing.assert_close(made, expected)


def test_spectral_convolution_commutes_with_shifts_and_with_resolution(module) -> None:
    """It is a convolution on the torus, and an operator: a finer grid gives the same function."""
    torch.manual_seed(0)
    layer = module.SpectralConvolution(3, (4, 4)).double()
    coarse = torch.randn(1, 3, 16, 16, dtype=torch.float64)
    torch.testing.assert_close(layer(coarse.roll((3, 5), (2, 3))), layer(coarse).roll((3, 5), (2, 3)))
    waves = torch.linspace(0, 2 * np.pi, 33, dtype=torch.float64)[:-1]
    fine = torch.stack([(waves[:, None] + k * waves).cos() for k in range(3)])[None]
    torch.testing.assert_close(layer(fine)[..., ::2, ::2], layer(fine[..., ::2, ::2].contiguous()))


def test_sizes_are_those_of_the_paper(build) -> None:
    """Four layers of 2 x 12 x 12 complex 20 x 20 matrices and a 1 x 1 convolution; 12 channels in, head of 128."""
    model = build()
    layer = 2 * (2 * 12 * 12) * 20 * 20 + 20 * 20 + 20
    expected = (10 + 2 + 1) * 20 + 4 * layer + (20 + 1) * 128 + (128 + 1)
    assert sum(parameter.numel() for parameter in model.parameters()) == expected == 926_357
    assert not any(parameter.is_complex() for parameter in model.parameters())


def test_modes_never_exceed_half_of_the_padded_side(build, pendulum_task: Task) -> None:
    model = build(task=replace(pendulum_task, shape=(2, 16, 20)), padding=0)
    assert all(layer.spectral.modes == (8, 10) for layer in model.layers)
    assert model.next_frame(torch.rand(3, 10, 2, 16, 20)).shape == (3, 2, 16, 20)


def test_padding_keeps_the_two_edges_apart(build, pendulum_task: Task) -> None:
    """Without it the pictures are on a torus: shifted features give shifted features."""
    shifts = {}
    for padding in (0, 8):
        model = build(task=replace(pendulum_task, shape=(1, 16, 16)), padding=padding)
        with torch.no_grad():
            model.lift.weight[:, -2:] = 0  # blind to the place
            recent = torch.rand(1, 10, 1, 16, 16)
            made = model.next_frame(recent)
            shifted = model.next_frame(recent.roll(5, dims=-1)).roll(-5, dims=-1)
        shifts[padding] = float((shifted - made).abs().max() / made.std())
    assert shifts[0] < 1e-4 < 1e-2 < shifts[8]


def test_frames_are_told_their_order_and_pixels_their_place(build, pendulum_task: Task) -> None:
    model = build(task=replace(pendulum_task, shape=(2, 16, 16)))
    recent = torch.rand(1, 10, 2, 16, 16)
    seen = []
    model.lift.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model.next_frame(recent)
    torch.testing.assert_close(seen[0][0, 3, 7, :20], recent[0, :, :, 3, 7].flatten())
    torch.testing.assert_close(seen[0][0, 3, 7, 20:], torch.tensor([3 / 15, 7 / 15]))


def test_forecasts_are_rolled_out_and_interpolated_between_frames(build, pendulum_task: Task) -> None:
    model = build()
    model.next_frame = brighter
    context = torch.full((2, 10, 1, 32, 32), 0.2)
    times = torch.arange(10.0).expand(2, -1) * pendulum_task.time_step
    steps = torch.tensor([[0.5, 1.0, 2.25], [1.0, 3.0, 60.0]])  # beyond the training horizon, too
    made = model.forecast(context, times, times[:, -1:] + steps * pendulum_task.time_step)
    expected = (0.2 + 0.1 * steps).clamp(max=1)  # clipped to [0, 1], or the roll-out would leave it
    torch.testing.assert_close(made.mean(dim=(2, 3, 4)), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(made.std(dim=(2, 3, 4)), torch.zeros(2, 3), atol=1e-6, rtol=0)


def test_each_step_reads_the_newest_frames(build) -> None:
    model = build()
    context = torch.rand(1, 10, 1, 32, 32)
    with torch.no_grad():
        first = model.next_frame(context).clamp(0, 1)
        second = model.next_frame(torch.cat([context[:, 1:], first[:, None]], dim=1))
        torch.testing.assert_close(model.roll_out(context, 2)[:, 1], second)


def test_loss_is_the_relative_error_of_frames_that_exist(build, pendulum, pendulum_task: Task) -> None:
    """Against frames that are rolled out and compared one by one."""
    model = build(rollout=3, trajectories=5)
    model.next_frame = brighter
    for seed, length in enumerate((1, 2, 8, 50)):
        batch = draw(pendulum, pendulum_task, length)
        torch.manual_seed(seed)
        frames, there = model.passages(batch)
        assert frames.shape[:2] == (5, 10 + min(3, length)) and there.shape == (5, min(3, length))
        errors = []
        for row in range(5):
            frame = frames[row, 9]
            for step, truth in enumerate(frames[row, 10:]):
                made = frame + 0.1
                frame = made.clamp(0, 1)
                if there[row, step]:
                    errors.append((made - truth).norm() / truth.norm())
        torch.manual_seed(seed)
        torch.testing.assert_close(model.loss(batch)["relative_error"], torch.stack(errors).mean())


def test_passages_are_successive_frames_of_one_trajectory(build, pendulum, pendulum_task: Task) -> None:
    """Also where windows end with the trajectory: what is repeated there is never a target."""
    model = build()
    known = pendulum_task.normalize(torch.from_numpy(pendulum["train"].frames)).flatten(2)  # (trajectory, time, value)
    starts, cut = set(), 0
    for seed in range(40):
        length = (8, 50)[seed % 2]
        batch = draw(pendulum, pendulum_task, length, seed)
        torch.manual_seed(seed)
        frames, there = model.passages(batch)
        for row in range(len(frames)):
            trajectory, first = divmod(int(batch.grid[row * batch.windows, 0]), 60)
            start = next(t for t in range(first, 60) if torch.equal(frames[row, 0].flatten(), known[trajectory, t]))
            end = min(60, start + 14)
            assert end <= first + 10 + length
            assert torch.equal(frames[row, : end - start].flatten(1), known[trajectory, start:end])
            assert there[row].sum() == end - start - 10 > 0
            cut += not there[row].all()
            starts.add(start)
    assert len(starts) > 20 and cut > 0


def test_takes_even_images_only(root: Path, pendulum_task: Task) -> None:
    method = load_method("fno", root)
    assert method.skip(pendulum_task) == (False, "")
    assert method.skip(replace(pendulum_task, shape=(1, 20, 24))) == (False, "")
    for changes, word in (({"regular": False}, "evenly"), ({"shape": (1, 12)}, "images")):
        skipped, reason = method.skip(replace(pendulum_task, **changes))
        assert skipped and word in reason


@torch.no_grad()
def test_the_network_is_its_layers_one_after_the_other(build, pendulum_task: Task) -> None:
    """Li et al. 2021: GELU between the four Fourier layers and in the head, none after the last layer."""
    model = build(task=replace(pendulum_task, shape=(2, 16, 24)), layers=4, padding=3)
    recent, gelu = torch.rand(2, 10, 2, 16, 24), torch.nn.functional.gelu
    places = torch.stack(torch.meshgrid(torch.linspace(0, 1, 16), torch.linspace(0, 1, 24), indexing="ij"), dim=-1)
    pixels = torch.cat([recent.flatten(1, 2).movedim(1, -1), places.expand(2, -1, -1, -1)], dim=-1)
    maps = torch.zeros(2, 20, 19, 27)  # zeros behind the last row and the last column
    maps[..., :16, :24] = model.lift(pixels).movedim(-1, 1)
    for index, layer in enumerate(model.layers):
        maps = layer.spectral(maps) + layer.skip(maps)
        maps = gelu(maps) if index < 3 else maps
    first, _, last = model.head
    expected = last(gelu(first(maps[..., :16, :24].movedim(1, -1)))).movedim(-1, 1)
    torch.testing.assert_close(model.next_frame(recent), expected, rtol=1e-4, atol=1e-5)


def test_spectral_weights_start_as_in_the_paper(module) -> None:
    """Uniform between 0 and one over the product of channels in and out."""
    torch.manual_seed(0)
    weight = module.SpectralConvolution(10, (4, 4)).weight * 100
    assert 0 <= weight.min() < 0.01 and 0.99 < weight.max() <= 1
    assert weight.mean().item() == pytest.approx(0.5, abs=0.02)


def test_a_time_off_by_rounding_asks_for_no_further_frame(build, pendulum_task: Task) -> None:
    model, made = build(), []
    model.next_frame = lambda recent: made.append(1) or brighter(recent)
    times = torch.arange(10.0)[None] * pendulum_task.time_step
    asked = times[:, -1:] + torch.tensor([[1 - 1e-4, 3 + 1e-4]]) * pendulum_task.time_step
    frames = model.forecast(torch.full((1, 10, 1, 32, 32), 0.2), times, asked)
    assert len(made) == 3
    torch.testing.assert_close(frames.mean(dim=(2, 3, 4)), torch.tensor([[0.3, 0.5]]), atol=1e-6, rtol=0)
