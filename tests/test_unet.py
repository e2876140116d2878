"""U-Net: its size, its blocks, what it adds to the last frame, what it sees, its loss; fno's tests roll out."""

from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from ladid_bench.core.configuration import Budget
from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch, WindowSampler
from ladid_bench.methods.registry import load_method

METHOD = "unet"


def draw(pendulum, task: Task, length: int) -> WindowBatch:
    sampler = WindowSampler(pendulum["train"], task, Budget(batch_size=8, windows=2), "cpu")
    return sampler.draw(length, torch.Generator().manual_seed(0))


def trained(model: Any) -> Any:
    """A model whose last layer is not the zeros that it begins with."""
    torch.nn.init.normal_(model.exit.weight, std=0.1)
    return model


def test_sizes_are_those_of_the_card(build) -> None:
    """Blocks of 49 f + 8 f^2 weights and their biases, norms and scales, on 12, 24, 48 and 96 features."""

    def block(f: int) -> int:
        return (49 * f + f) + 2 * f + (4 * f * f + 4 * f) + (4 * f * f + f) + f

    def halving(f: int) -> int:
        return 2 * f + (4 * f * 2 * f + 2 * f)

    def doubling(f: int) -> int:
        return 2 * 2 * f + (4 * 2 * f * f + f) + (2 * f * f + f)

    scales = [12, 24, 48]
    expected = (10 * 9 * 12 + 12) + (12 * 9 + 1) + block(96)
    expected += sum(2 * block(f) + halving(f) + doubling(f) for f in scales)
    assert sum(one.numel() for one in build().parameters()) == expected


def test_an_untrained_network_persists_and_what_it_computes_is_added_to_the_last_frame(build) -> None:
    model, recent = build(), torch.rand(3, 10, 1, 32, 32)
    with torch.no_grad():
        assert torch.equal(model.next_frame(recent), recent[:, -1])
        model.exit.bias.fill_(0.25)
        torch.testing.assert_close(model.next_frame(recent), recent[:, -1] + 0.25)


def test_a_block_adds_the_scaled_perceptron_of_a_normalized_depthwise_convolution(module: ModuleType) -> None:
    torch.manual_seed(0)
    block, maps = module.ConvNeXtBlock(3).double(), torch.randn(2, 3, 9, 9, dtype=torch.float64)
    depthwise, norm, wide, _, narrow = block.change
    row, column = 4, 5
    patch = maps[:, :, row - 3 : row + 4, column - 3 : column + 4]
    seen = (patch * depthwise.weight[:, 0]).sum(dim=(2, 3)) + depthwise.bias
    deviation = seen - seen.mean(dim=1, keepdim=True)
    seen = deviation / (deviation.square().mean(dim=1, keepdim=True) + norm.eps).sqrt()
    hidden = seen @ wide.weight[:, :, 0, 0].T + wide.bias
    hidden = hidden * 0.5 * (1 + torch.erf(hidden / 2**0.5))  # GELU
    expected = maps[:, :, row, column] + 0.1 * (hidden @ narrow.weight[:, :, 0, 0].T + narrow.bias)
    torch.testing.assert_close(block(maps)[:, :, row, column], expected)


def test_the_coarsest_scale_reaches_across_the_picture(build) -> None:
    """A corner pixel of any given frame matters in the opposite quarter, which no block on the finest scale reaches."""
    model = trained(build())
    recent = torch.rand(1, 10, 1, 32, 32, requires_grad=True)
    model.next_frame(recent)[0, 0, 24, 24].backward()
    assert (recent.grad[0, :, 0, 0, 0].abs() > 0).all()


@torch.no_grad()
@pytest.mark.parametrize(("channels", "height", "width"), [(2, 20, 24), (1, 16, 33)])
def test_sides_of_any_length_and_all_channels_are_taken(build, pendulum_task, channels, height, width) -> None:
    model = trained(build(task=replace(pendulum_task, shape=(channels, height, width))))
    recent = torch.rand(2, 10, channels, height, width)
    assert model.next_frame(recent).shape == (2, channels, height, width)
    changed = recent.clone()
    changed[:, 3, -1] += 0.1  # of one frame, the last channel
    assert (model.next_frame(changed) - model.next_frame(recent)).abs().amax(dim=(0, 2, 3)).min() > 1e-6


@pytest.mark.parametrize("length", [1, 50])
def test_the_loss_is_the_mean_squared_error_of_a_short_roll_out(build, pendulum, pendulum_task, length) -> None:
    model, batch = build(rollout=3, trajectories=5), draw(pendulum, pendulum_task, length)

    def brighter(recent: Tensor) -> Tensor:
        return recent[:, -1] + 0.1

    model.next_frame = brighter
    torch.manual_seed(1)
    frames, exists = model.passages(batch)
    errors = []
    for row in range(5):
        frame = frames[row, 9]
        for step in range(min(3, length)):
            made = frame + 0.1
            if exists[row, step]:
                errors.append((made - frames[row, 10 + step].clamp(0, 1)).square().mean())
            frame = made.clamp(0, 1)
    torch.manual_seed(1)
    expected = torch.stack(errors).mean() / (2 * model.settings.observation_std**2)
    torch.testing.assert_close(model.loss(batch), {"reconstruction": expected})


def test_takes_even_images_only(root: Path, pendulum_task: Task) -> None:
    method = load_method("unet", root)
    assert method.skip(pendulum_task) == (False, "")
    for changes in ({"regular": False}, {"shape": (1, 12)}):
        assert method.skip(replace(pendulum_task, **changes))[0]


@torch.no_grad()
def test_the_network_goes_down_and_up_again_and_joins_what_skips(build, pendulum_task: Task) -> None:
    """Two halvings, written out: what skips is the refined map, norms come before convolutions from scale to scale."""
    model = trained(build(task=replace(pendulum_task, shape=(1, 16, 24)), halvings=2, blocks=2))
    for part in model.modules():
        if part.__class__.__name__ == "ConvNeXtBlock":
            part.scale.fill_(1.0)
    recent = torch.rand(2, 10, 1, 16, 24)

    def normal(maps: Tensor, norm: torch.nn.Module) -> Tensor:
        deviation = maps - maps.mean(dim=1, keepdim=True)
        return deviation / (deviation.square().mean(dim=1, keepdim=True) + norm.eps).sqrt()

    def chain(maps: Tensor, stage: Any) -> Tensor:
        assert len(stage) == 2
        for block in stage:
            maps = block(maps)
        return maps

    first, second = model.down
    fine = chain(model.entry(recent[:, :, 0]), first.refine)
    coarse = chain(first.halve[1](normal(fine, first.halve[0])), second.refine)
    maps = chain(second.halve[1](normal(coarse, second.halve[0])), model.neck)
    for up, skipped in zip(model.up, (coarse, fine), strict=True):
        maps = torch.cat([up.enlarge[1](normal(maps, up.enlarge[0])), skipped], dim=1)
        maps = chain(up.join(maps), up.refine)
    torch.testing.assert_close(model.next_frame(recent), recent[:, -1] + model.exit(maps), rtol=1e-4, atol=1e-4)
