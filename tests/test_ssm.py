"""State-space model: its recurrence against one that is stepped and a closed form, its times, its stability."""

import pytest
import torch
from torch import Tensor, nn

from ladid_bench.methods.distributions import negative_log_likelihood

METHOD = "ssm"


@pytest.fixture
def recurrence(module) -> nn.Module:
    torch.manual_seed(1)
    return module.DiagonalRecurrence(5, 7, (0.8, 0.99), 1.5).double().requires_grad_(False)


def eigenvalues(recurrence: nn.Module) -> Tensor:
    return torch.exp(torch.complex(-recurrence.nu.exp(), recurrence.theta.exp()))


def entry(recurrence: nn.Module) -> Tensor:
    """``gamma B``, complex ``(states, width)``."""
    return recurrence.gamma.exp()[:, None] * torch.view_as_complex(recurrence.entry)


def test_states_are_those_of_a_recurrence_that_is_stepped_through_uneven_gaps(recurrence) -> None:
    inputs, times = torch.randn(3, 6, 5).double(), torch.rand(3, 6).double().cumsum(dim=1)
    state, stepped, previous = torch.zeros(3, 7, dtype=torch.complex128), [], times[:, 0]
    for index in range(6):
        gap = (times[:, index] - previous)[:, None]
        state = eigenvalues(recurrence) ** gap * state + inputs[:, index].to(state) @ entry(recurrence).T
        stepped.append(state)
        previous = times[:, index]
    torch.testing.assert_close(recurrence.read(inputs, times), torch.stack(stepped, dim=1))


def test_a_constant_input_leads_to_the_sum_of_a_geometric_series(recurrence) -> None:
    """``x_n = (1 - lambda^n) / (1 - lambda) gamma B u`` after n equal inputs a unit of time apart."""
    value = torch.randn(5).double()
    states = recurrence.read(value.expand(1, 40, 5), torch.arange(40.0).double()[None])[0]
    factor, push = eigenvalues(recurrence), entry(recurrence) @ value.to(torch.complex128)
    for count in (1, 2, 17, 40):
        torch.testing.assert_close(states[count - 1], (1 - factor**count) / (1 - factor) * push)


def test_no_state_reads_a_later_input(recurrence) -> None:
    inputs, times = torch.randn(1, 6, 5).double(), torch.arange(6.0).double()[None]
    before = recurrence.read(inputs, times)[:, :4]
    inputs[:, 4:] += 10
    torch.testing.assert_close(recurrence.read(inputs, times)[:, :4], before)


def test_eigenvalues_start_on_the_ring_and_never_leave_the_unit_disc(module) -> None:
    torch.manual_seed(0)
    recurrence = module.DiagonalRecurrence(4, 2000, (0.9, 0.999), 0.8).requires_grad_(False)
    values = eigenvalues(recurrence)
    assert 0.9 <= values.abs().min() < 0.91 and 0.99 < values.abs().max() <= 0.99901
    assert 0 <= values.angle().min() < 0.01 and 0.79 < values.angle().max() <= 0.8
    # uniform on the ring: squared radii are
    assert values.abs().square().mean().item() == pytest.approx((0.9**2 + 0.999**2) / 2, abs=0.005)
    torch.testing.assert_close(recurrence.gamma.exp(), (1 - values.abs().square()).sqrt(), atol=1e-5, rtol=1e-3)
    recurrence.nu += 3 * torch.randn(2000)
    assert (recurrence.powers(torch.tensor(1.0)).abs() < 1).all()


@torch.no_grad()
def test_what_is_read_out_is_the_real_part_of_a_complex_product(build) -> None:
    layer, states = build().layers[1], torch.randn(3, 5, 64, dtype=torch.complex64)
    expected = torch.einsum("ws,ncs->ncw", torch.view_as_complex(layer.exit), states).real
    torch.testing.assert_close(layer.read_out(states), expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_layers_read_the_gated_sum_of_what_the_one_below_read_and_showed(build, batch, pendulum_task) -> None:
    model, times = build(), batch.context_times / pendulum_task.time_step
    tokens = model.encoder(batch.frames)[batch.context]
    first = model.layers[0].recurrence.read(tokens, times)
    second = model.layers[1].recurrence.read(model.between[0](tokens + model.layers[0].read_out(first)), times)
    torch.testing.assert_close(model.read(tokens, times), torch.stack([first[:, -1], second[:, -1]], dim=1))


@torch.no_grad()
def test_what_runs_on_is_a_power_of_the_diagonal_at_any_time(build) -> None:
    """An undamped mode of a period of 10 steps is back after 10, opposite after 25, and decays with |lambda|."""
    layer = build().layers[0]
    layer.recurrence.theta.fill_(torch.tensor(2 * torch.pi / 10).log())
    layer.recurrence.nu.fill_(-30.0)
    state = torch.randn(2, 64, dtype=torch.complex64)
    states = layer.run_on(state, torch.tensor([[0.0, 10.0, 25.0], [0.0, 20.0, 5.0]]))
    torch.testing.assert_close(states[:, 0], layer.read_out(state))
    torch.testing.assert_close(states[:, 1], states[:, 0], atol=1e-3, rtol=0)
    torch.testing.assert_close(states[:, 2], -states[:, 0], atol=1e-3, rtol=0)
    layer.recurrence.nu.fill_(torch.tensor(0.5).log())  # |lambda| = exp(-0.5)
    decayed = layer.run_on(state, torch.tensor([[10.0], [10.0]]))
    torch.testing.assert_close(decayed[:, 0], torch.exp(torch.tensor(-5.0)) * states[:, 0], atol=1e-4, rtol=0)


@torch.no_grad()
def test_a_forecast_runs_on_from_the_last_context_frame_at_each_rows_own_times(build, batch, pendulum_task) -> None:
    model, step = build(), pendulum_task.time_step
    context, asked = batch.frames[batch.context], batch.context_times[:, -1:] + step * torch.tensor([0.5, 7.25, 90.0])
    states = model.read(model.encoder(batch.frames)[batch.context], batch.context_times / step)
    whole = model.forecast(context, batch.context_times, asked)
    expected = model.decoder(model.run_on(states, torch.tensor([0.5, 7.25, 90.0]).expand(len(context), -1)))
    torch.testing.assert_close(whole, expected, atol=1e-4, rtol=0)
    for query in range(3):
        alone = model.forecast(context, batch.context_times, asked[:, query : query + 1])
        torch.testing.assert_close(alone[:, 0], whole[:, query], atol=1e-4, rtol=0)


@torch.no_grad()
def test_states_depend_on_the_gaps_of_the_context_not_on_when_it_began(build, batch) -> None:
    model, context, times = build(), batch.frames[batch.context], batch.context_times
    representation = model.represent(context, times)
    assert representation.shape == (len(context), 2 * 64 * 2)
    torch.testing.assert_close(model.represent(context, times + 0.5), representation, atol=1e-4, rtol=1e-3)
    assert (model.represent(context, times**2) - representation).abs().max() > 1e-3


@torch.no_grad()
def test_the_loss_is_the_likelihood_of_the_forecast(build, batch) -> None:
    model = build()
    forecast = model.forecast(batch.frames[batch.context], batch.context_times, batch.query_times)
    expected = negative_log_likelihood(forecast, batch.query, model.settings.observation_std) / 1024
    torch.testing.assert_close(model.loss(batch), {"reconstruction": expected}, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_a_gated_perceptron_adds_gated_gelu_features_of_normed_ones(module) -> None:
    torch.manual_seed(0)
    part, features = module.GatedPerceptron(6).double(), torch.randn(4, 6).double()
    deviation = features - features.mean(dim=1, keepdim=True)
    normed = deviation / (deviation.square().mean(dim=1, keepdim=True) + 1e-5).sqrt()
    active = normed * 0.5 * (1 + torch.erf(normed / 2**0.5))  # GELU
    expected = features + part.value(active) / (1 + (-part.gate(active)).exp())
    torch.testing.assert_close(part(features), expected)


@torch.no_grad()
def test_what_all_layers_show_is_added_and_goes_through_as_many_gated_perceptrons(build) -> None:
    model, elapsed = build(), torch.rand(2, 3)
    states = torch.randn(2, 2, 64, dtype=torch.complex64)
    shown = model.layers[0].run_on(states[:, 0], elapsed) + model.layers[1].run_on(states[:, 1], elapsed)
    one, two, norm, linear = model.read_out
    torch.testing.assert_close(model.run_on(states, elapsed), linear(norm(two(one(shown)))))


@torch.no_grad()
def test_layers_start_as_published(build) -> None:
    """|lambda| between the card's radius and 0.999, unit variance of what enters and of what leaves (LRU)."""
    model = build(states=500, radius=0.7)
    for layer in model.layers:
        size = eigenvalues(layer.recurrence).abs()
        assert 0.7 <= size.min() < 0.72 and 0.99 < size.max() <= 0.99901
        entering, leaving = torch.view_as_complex(layer.recurrence.entry), torch.view_as_complex(layer.exit)
        assert (entering.abs().square().sum(dim=1).mean()).item() == pytest.approx(1, rel=0.03)
        assert leaving.real.square().sum(dim=1).mean().item() == pytest.approx(1, rel=0.03)
        assert leaving.imag.square().sum(dim=1).mean().item() == pytest.approx(1, rel=0.03)


@torch.no_grad()
def test_training_runs_on_from_what_a_forecast_runs_on_from(build, batch) -> None:
    """The untrained decoder hardly shows it."""
    model, ran = build(), []
    run_on = model.run_on
    model.run_on = lambda *given: ran.append(given) or run_on(*given)
    model.loss(batch)
    model.forecast(batch.frames[batch.context], batch.context_times, batch.query_times)
    torch.testing.assert_close(ran[0], ran[1], atol=1e-5, rtol=1e-4)
