"""Neural flows: identity at time 0, invertibility, contractions, and the solution map of a linear system, learnt."""

import math

import pytest
import torch
from torch import Tensor, nn

from ladid_bench.core.errors import BenchError

METHOD = "neural-flow"

VARIANTS = ["default", "resnet", "gru"]


def moving(flow: nn.Module) -> nn.Module:
    """Give every parameter a say larger than before training; spectral norms stay 1."""
    with torch.no_grad():
        for name, parameter in flow.named_parameters():
            parameter.mul_(2.0 if "frequency" not in name else 1.0)
    return flow.double().requires_grad_(False)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_flow_is_the_identity_at_time_0_and_moves_later(build, variant: str) -> None:
    flow = moving(build(variant).flow)
    state = torch.randn(5, 32, dtype=torch.float64)
    moved = flow(state, torch.tensor([0.0, 0.5, 3.0], dtype=torch.float64).expand(5, -1))
    torch.testing.assert_close(moved[:, 0], state)
    assert (moved[:, 1:] - state[:, None]).abs().mean(dim=(0, 2)).min() > 0.01


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_flow_is_inverted_at_any_time(build, variant: str) -> None:
    flow = moving(build(variant).flow)
    state, times = torch.randn(5, 32, dtype=torch.float64), 6 * torch.rand(5, 7, dtype=torch.float64)
    back = flow.inverse(flow(state, times), times)
    torch.testing.assert_close(back, state[:, None].expand(-1, 7, -1), atol=1e-7, rtol=0)


@pytest.mark.parametrize("variant", ["resnet", "gru"])
def test_what_residual_layers_add_contracts(build, variant: str) -> None:
    """The Jacobian of the residual has a spectral norm below 1, also for weights that would stretch by far."""
    model = build(variant)
    with torch.no_grad():
        for parameter in model.flow.parameters():
            parameter.mul_(10)
    for _ in range(30):  # power iterations find the spectral norms
        model.flow.train()(torch.randn(1, 32), torch.ones(1, 1))
    layer = model.flow.eval().layers[0]
    for _ in range(5):
        state, time = torch.randn(32), 3 * torch.rand(1)
        jacobian = torch.autograd.functional.jacobian(lambda z, t=time: layer.time(t)[0] * layer.residual(z, t), state)
        assert torch.linalg.matrix_norm(jacobian, 2) < 1


def test_halves_move_in_turns_and_the_other_says_how(build) -> None:
    flow = build().flow
    state, times = torch.randn(4, 32), torch.rand(4, 1)
    first, second = flow.layers[0](state, times), flow.layers[1](state, times)
    assert torch.equal(first[:, 16:], state[:, 16:]) and not torch.equal(first[:, :16], state[:, :16])
    assert torch.equal(second[:, :16], state[:, :16]) and not torch.equal(second[:, 16:], state[:, 16:])
    exponent, shift = flow.layers[0]._change(state[:, 16:], times)
    torch.testing.assert_close(first[:, :16], state[:, :16] * exponent.exp() + shift)


def test_a_coupling_layer_scales_by_at_most_e_squared_whatever_its_weights(build) -> None:
    layer = build().flow.layers[0]
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(10)
    kept, times = torch.randn(50, 16), 3 * torch.rand(50, 1)
    exponent, _ = layer._change(kept, times)
    assert 1.9 < exponent.abs().max() <= 2
    ones, zeros = torch.ones(50, 16), torch.zeros(50, 16)
    scales = layer(torch.cat([ones, kept], 1), times)[:, :16] - layer(torch.cat([zeros, kept], 1), times)[:, :16]
    assert scales.max() < 1.01 * math.exp(2)


def test_the_solution_map_of_a_damped_oscillator_is_learnt(module) -> None:
    """Two coordinates, ``dz/dt = A z``: after some steps the map holds for states and times that were not seen."""
    torch.manual_seed(0)
    generator = torch.tensor([[-0.3, 2.0], [-2.0, -0.3]])
    layers = [module.CouplingLayer(2, 32, module.WaveTime(2, 8, 2.0), index % 2 == 0) for index in range(4)]
    flow = module.Flow(layers)

    def draw(rows: int) -> tuple[Tensor, Tensor, Tensor]:
        state, times = torch.randn(rows, 2), 1.5 * torch.rand(rows, 4)  # up to 3 radians
        propagator = torch.linalg.matrix_exp(generator * times[..., None, None])
        return state, times, (propagator @ state[:, None, :, None])[..., 0]

    optimiser = torch.optim.Adam(flow.parameters(), lr=1e-2)
    for _ in range(500):
        state, times, expected = draw(128)
        loss = (flow(state, times) - expected).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    state, times, expected = draw(500)
    with torch.no_grad():
        unexplained = (flow(state, times) - expected).square().mean() / expected.square().mean()
        assert (state[:, None] - expected).square().mean() / expected.square().mean() > 1  # standing still is no answer
    assert unexplained < 0.05


@torch.no_grad()
def test_a_forecast_is_one_pass_from_the_mean_at_each_rows_own_times(build, batch) -> None:
    model, context = build(), batch.frames[batch.context]
    model.time_scale = 2.0
    initial = model.recognition(model.encoder(batch.frames)[batch.context], batch.context_times / 2).mean
    made = model.forecast(context, batch.context_times, batch.query_times)
    for row, query in ((0, 0), (1, 3), (4, 2)):
        state = model.flow(initial[row : row + 1], batch.query_times[row : row + 1, query : query + 1] / 2)
        torch.testing.assert_close(made[row, query], model.decoder(state)[0, 0], atol=1e-4, rtol=0)


@torch.no_grad()
def test_terms_of_the_loss_are_as_written(build, batch) -> None:
    model = build()
    torch.manual_seed(3)
    terms = model.loss(batch)
    torch.manual_seed(3)
    initial = model.initial_state(batch)
    mean = model.decoder(model.flow(initial.sample(), batch.query_times / model.time_scale))
    squared = (mean - batch.query).square().sum(dim=(2, 3, 4)).mean()
    torch.testing.assert_close(terms["reconstruction"], squared / (2 * model.settings.observation_std**2) / 1024)
    torch.testing.assert_close(terms["kl"], model.settings.kl_weight * initial.kl_from_standard_normal().mean() / 1024)


@pytest.mark.parametrize(("changes", "named"), [({"flow": "planar"}, "planar"), ({"latent": 7}, "7")])
def test_settings_that_make_no_sense_are_refused(build, changes: dict, named: str) -> None:
    with pytest.raises(BenchError, match=named):
        build(**changes)


@torch.no_grad()
def test_times_are_means_of_sines_or_bounded(module) -> None:
    """As the card says; frequencies are drawn from an exponential distribution of the mean asked for."""
    torch.manual_seed(0)
    waves, times = module.WaveTime(3, 8, 5.0), torch.tensor([[0.3], [2.0]])
    expected = [
        [sum(waves.weight[out, k] * (waves.frequency[out, k] * t).sin() for k in range(8)) / 8 for out in range(3)]
        for t in (0.3, 2.0)
    ]
    torch.testing.assert_close(waves(times), torch.tensor(expected))
    drawn = module.WaveTime(200, 200, 5.0).frequency
    assert drawn.min() > 0
    assert drawn.mean().item() == pytest.approx(5, rel=0.05) and drawn.std().item() == pytest.approx(5, rel=0.05)
    bounded = module.BoundedTime(4)
    torch.testing.assert_close(bounded(times), torch.tanh(times * bounded.rate))


@torch.no_grad()
def test_a_gru_flow_has_the_gates_of_the_papers_theorem(module) -> None:
    """``z (c(t, r h) - h)`` with ``r = 4/5 sigmoid``, ``z = 2/5 sigmoid`` and ``c = tanh`` of linear maps."""
    torch.manual_seed(0)
    layer, state, time = module.GRULayer(4).eval(), torch.randn(5, 4), torch.rand(5, 1)
    seen = torch.cat([state, time], dim=1)
    reset, update = 0.8 / (1 + (-layer.reset(seen)).exp()), 0.4 / (1 + (-layer.update(seen)).exp())
    candidate = layer.candidate(torch.cat([reset * state, time], dim=1)).tanh()
    torch.testing.assert_close(layer.residual(state, time), update * (candidate - state))
    torch.testing.assert_close(layer(state, time), state + layer.time(time) * update * (candidate - state))
