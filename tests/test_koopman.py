"""The Koopman autoencoder: its flow against the matrix exponential, what its spectrum depends on, its terms."""

import math
import sys

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ladid_bench.core.errors import BenchError

METHOD = "koopman"


@pytest.fixture
def flow(module) -> nn.Module:
    """Four pairs, with a network for the spectrum whose say is larger than before training."""
    torch.manual_seed(0)
    flow = module.LinearFlow(8, shortest=0.2, longest=6.0, span=3.0, auxiliary=16)
    with torch.no_grad():
        flow.shift[-1].weight.mul_(10)
    return flow.requires_grad_(False)


def turned(state: Tensor, angles: Tensor) -> Tensor:
    """Each pair of coordinates ``(N, 2 * pairs)`` rotated by its own angle ``(pairs,)``."""
    pairs = torch.view_as_complex(state.unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)).flatten(-2)


def test_the_flow_is_the_exponential_of_a_block_diagonal_matrix(flow) -> None:
    state, times = torch.randn(3, 8), torch.rand(3, 5) * 3
    generator = torch.zeros(3, 8, 8, dtype=torch.float64)
    for row, spectrum in enumerate(zip(*flow.spectrum(state), strict=True)):
        blocks = [torch.tensor([[-decay, -turn], [turn, -decay]]) for turn, decay in zip(*spectrum, strict=True)]
        generator[row] = torch.block_diag(*blocks)
    exponential = torch.linalg.matrix_exp(generator[:, None] * times[..., None, None])  # (N, Q, 8, 8)
    expected = (exponential @ state[:, None, :, None].double())[..., 0].float()
    torch.testing.assert_close(flow(state, times), expected, atol=1e-4, rtol=1e-4)


def test_the_flow_starts_at_the_state_and_can_be_cut_in_two(flow) -> None:
    """With one spectrum, going on from where it was is the same as going on."""
    flow.shift = sys.modules[type(flow).__module__].FixedShift(4).requires_grad_(False)
    flow.shift.shift += 0.3 * torch.randn(8)
    state = torch.randn(3, 8)
    torch.testing.assert_close(flow(state, torch.zeros(3, 1))[:, 0], state)
    halfway = flow(state, torch.full((3, 1), 0.7))[:, 0]
    torch.testing.assert_close(
        flow(halfway, torch.full((3, 1), 1.1)), flow(state, torch.full((3, 1), 1.8)), atol=1e-4, rtol=1e-4
    )


def test_the_spectrum_depends_on_the_radii_alone(flow) -> None:
    state = torch.randn(3, 8)
    spectrum = torch.cat(flow.spectrum(state), dim=-1)
    torch.testing.assert_close(torch.cat(flow.spectrum(turned(state, 6 * torch.rand(4))), dim=-1), spectrum)
    larger = torch.cat(flow.spectrum(1.5 * state), dim=-1)
    assert (larger - spectrum).abs().max() > 0.1


def test_without_decay_every_state_of_a_trajectory_has_the_same_matrix(flow) -> None:
    flow.decay = -100.0
    state = torch.randn(3, 8)
    halfway = flow(state, torch.full((3, 1), 0.7))[:, 0]
    torch.testing.assert_close(
        flow(halfway, torch.full((3, 1), 1.1)), flow(state, torch.full((3, 1), 1.8)), atol=1e-4, rtol=1e-4
    )


def test_nothing_grows(flow) -> None:
    """Whatever the network says, and however far ahead: radii never increase."""
    flow.shift[-1].weight.mul_(20)
    state, times = torch.randn(50, 8), torch.linspace(0, 300, 40).expand(50, -1)
    radii = flow(state, times).unflatten(-1, (4, 2)).norm(dim=-1)  # (N, Q, pairs)
    assert (radii.diff(dim=1) <= 1e-5).all()


def test_frequencies_start_spread_over_what_frames_resolve(module, build, pendulum_task) -> None:
    frequencies = module.spread_frequencies(5, 0.2, 6.0)
    assert frequencies[0] == 0
    np.testing.assert_allclose((2 * math.pi / frequencies[1:]).numpy(), np.geomspace(6.0, 0.2, 4), rtol=1e-5)
    model = build()
    periods = 2 * math.pi / model.flow.frequencies[1:] * model.time_scale
    assert periods.min().item() == pytest.approx(4 * pendulum_task.time_step, rel=1e-4)
    assert periods.max().item() == pytest.approx(2 * pendulum_task.duration, rel=1e-4)
    frequency, decay = build("fixed").flow.spectrum(torch.randn(2, 32))
    torch.testing.assert_close(frequency, model.flow.frequencies.expand(2, -1))
    span = pendulum_task.duration / model.time_scale
    torch.testing.assert_close(decay, torch.full((2, 16), 1 / (10 * span)))


@torch.no_grad()
def test_times_are_those_of_each_row_and_any_time_is_exact(build) -> None:
    """A state whose first pair turns once in a known time is found there, between frames and beyond the span."""
    model = build("fixed")
    model.flow.decay = -100.0
    model.decoder = nn.Identity()
    context, times = torch.rand(2, 10, 1, 32, 32), torch.arange(10.0).expand(2, -1) * 0.05
    representation = model.represent(context, times)
    pair = 3
    period = (2 * math.pi / model.flow.frequencies[pair] * model.time_scale).item()
    states = model.forecast(context, times, torch.tensor([[period, 1.5 * period], [2 * period, 4.5 * period]]))
    found, at_start = (part[..., 2 * pair : 2 * pair + 2] for part in (states, representation[:, None]))
    torch.testing.assert_close(found[:, :1], at_start, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found[:, 1:], -at_start, atol=1e-4, rtol=1e-4)


def test_linearity_is_the_mismatch_of_windows_of_one_trajectory(build, batch) -> None:
    """0 for states on one trajectory; a window that is off is so twice, the second time after some decay."""
    model = build("fixed").requires_grad_(False)
    first = torch.randn(3, 1, 32).expand(-1, 3, -1).flatten(0, 1)  # the same for all windows of a trajectory
    states = model.flow(first, batch.start[:, None] / model.time_scale)[:, 0]
    assert model._linearity(states, batch).item() < 1e-4
    shift = torch.zeros(3, 3, 32)
    shift[:, 1, 0] = 0.2  # the window in the middle
    gaps = batch.start.unflatten(0, (3, 3)).diff(dim=1)[:, 1] / model.time_scale
    _, decay = model.flow.spectrum(states)
    expected = 0.2**2 * (1 + torch.exp(-2 * decay[0, 0] * gaps)).mean() / 2 / (2 * model.settings.linearity_std**2)
    torch.testing.assert_close(model._linearity(states + shift.flatten(0, 1), batch), expected, atol=1e-4, rtol=1e-3)


def test_there_is_no_linearity_with_one_window(build, uneven_sampler) -> None:
    uneven_sampler.budget = uneven_sampler.budget.model_copy(update={"windows": 1})
    terms = build().train().loss(uneven_sampler.draw(20, torch.Generator().manual_seed(0)))
    assert terms["linearity"] == 0


@pytest.mark.parametrize("variant", ["default", "fixed"])
def test_each_variant_trains_every_parameter(build, batch, variant) -> None:
    model = build(variant).train()
    total: Tensor = sum(model.loss(batch).values())
    total.backward()
    assert [name for name, part in model.named_parameters() if part.grad is None or not part.grad.abs().sum() > 0] == []


@torch.no_grad()
def test_terms_of_the_loss_are_as_written(build, batch) -> None:
    model = build(kl_weight=0.3, linearity_weight=0.7, linearity_std=0.2)
    torch.manual_seed(3)
    terms = model.loss(batch)
    torch.manual_seed(3)
    initial = model.recognition(model.encoder(batch.frames)[batch.context], batch.context_times / model.time_scale)
    state = initial.sample()
    mean = model.decoder(model.flow(state, batch.query_times / model.time_scale))
    squared = (mean - batch.query).square().sum(dim=(2, 3, 4)).mean()
    values = 32 * 32
    torch.testing.assert_close(terms["reconstruction"], squared / (2 * model.settings.observation_std**2) / values)
    torch.testing.assert_close(terms["kl"], 0.3 * initial.kl_from_standard_normal().mean() / values)
    torch.testing.assert_close(terms["linearity"], 0.7 * model._linearity(state, batch) / values)


def test_an_odd_latent_is_explained(build) -> None:
    with pytest.raises(BenchError, match=r"'latent' .* 7"):
        build(latent=7)
