"""ODE-RNN: its intervals (the published defect and the gaps themselves), its update, and what its loss compares."""

from dataclasses import replace

import pytest
import torch
from stepping import linear_network
from torch import Tensor, nn

from ladid_bench.core.configuration import Budget
from ladid_bench.core.errors import BenchError
from ladid_bench.data.windows import WindowBatch, WindowSampler
from ladid_bench.methods.distributions import negative_log_likelihood
from ladid_bench.methods.registry import resolve_settings

METHOD = "ode-rnn"


@pytest.fixture
def model(build):
    return build()


@pytest.fixture
def times() -> Tensor:
    torch.manual_seed(1)
    return torch.rand(3, 6).sort(dim=1).values


def test_intervals_are_the_gaps_between_frames(module) -> None:
    times = torch.tensor([[0, 0.1, 0.25, 0.3, 0.6, 1.0], [0, 0.2, 0.3, 0.5, 0.55, 0.9]])
    expected = torch.tensor([[0, 0.1, 0.15, 0.05, 0.3, 0.4], [0, 0.2, 0.1, 0.2, 0.05, 0.35]])
    torch.testing.assert_close(module.gaps(times), expected)


def test_published_intervals_are_those_measured_in_the_released_code(module) -> None:
    """0.01 back, the whole span, then each gap backwards and one frame late."""
    times = torch.tensor([[0, 0.1, 0.25, 0.3, 0.6, 1.0]])
    expected = torch.tensor([[-0.01, 1.0, -0.1, -0.15, -0.05, -0.3]])
    torch.testing.assert_close(module.published_intervals(times), expected)
    assert module.published_intervals(times[:, :1]).tolist() == [[pytest.approx(-0.01)]]


@pytest.mark.parametrize("variant", ["default", "official-bug"])
def test_the_state_evolves_for_each_rows_own_intervals(build, variant, times, monkeypatch) -> None:
    """With dh/dt = 1 and no updates the state is the time that was integrated so far."""
    model = build(variant)
    model.field = linear_network(torch.zeros(32, 32))
    torch.nn.init.ones_(model.field[-1].bias)
    monkeypatch.setattr(model.update, "forward", lambda state, share: state)
    before, last = model.read(torch.zeros(3, 6, 128), times)
    elapsed = times - times[:, :1]
    if variant == "official-bug":  # ends long before the last frame, having gone forth and back
        expected = torch.cat(
            [torch.zeros(3, 1), elapsed[:, -1:], elapsed[:, -1:] - elapsed[:, 1:-1]], dim=1
        ) - torch.tensor([[0.01]])
    else:
        expected = elapsed
    torch.testing.assert_close(before, expected[..., None].expand(-1, -1, 32), atol=1e-6, rtol=0)
    torch.testing.assert_close(last, before[:, -1])


def test_between_frames_the_state_follows_the_equation(model, times, monkeypatch) -> None:
    """dh/dt = A h, with an update that adds one: the closed form goes from frame to frame by exp(A gap)."""
    matrix = torch.randn(32, 32) / 6
    model.field = linear_network(matrix)
    monkeypatch.setattr(model.update, "forward", lambda state, share: state + 1)
    before, last = model.read(torch.zeros(3, 6, 128), times)
    state = torch.zeros(3, 32)
    for frame, gap in enumerate(torch.diff(times, dim=1, prepend=times[:, :1]).unbind(dim=1)):
        state = (torch.matrix_exp(matrix * gap[:, None, None]) @ state[..., None])[..., 0]
        torch.testing.assert_close(before[:, frame], state, atol=1e-4, rtol=1e-4)
        state = state + 1
    torch.testing.assert_close(last, state, atol=1e-4, rtol=1e-4)


def test_the_update_is_gated_as_published(module) -> None:
    torch.manual_seed(0)
    update = module.GatedUpdate(3, 5, 7)
    mean, std, token = torch.randn(2, 3), torch.rand(2, 3), torch.randn(2, 5)

    def network(part: nn.Sequential, inputs: Tensor) -> Tensor:
        first, last = part[0], part[2]
        return (inputs @ first.weight.T + first.bias).tanh() @ last.weight.T + last.bias

    keep, reset = (
        1 / (1 + (-network(part, torch.cat([mean, std, token], 1))).exp()) for part in (update.keep, update.reset)
    )
    new = network(update.candidate, torch.cat([reset * mean, reset * std, token], 1))
    updated = update(torch.stack([mean, std], dim=1), update.shares(token[:, None])[:, 0])
    got_mean, got_std = updated.unbind(dim=1)
    torch.testing.assert_close(got_mean, keep * mean + (1 - keep) * new[:, :3])
    torch.testing.assert_close(got_std, keep * std + (1 - keep) * new[:, 3:].abs())
    assert (new[:, 3:] < 0).any()  # or the absolute value was not put to the test


def test_layer_sizes_and_initial_weights_are_the_released_code_s(build) -> None:
    model = build(hidden=100)  # the search found a wider field better

    def widths(part: nn.Module) -> list[int]:
        layers = [layer for layer in part.modules() if isinstance(layer, nn.Linear)]
        return [layers[0].in_features, *(layer.out_features for layer in layers)]

    assert widths(model.field) == [32, 100, 100, 32]
    assert widths(model.update.keep) == widths(model.update.reset) == [2 * 32 + 128, 100, 32]
    assert widths(model.update.candidate) == [2 * 32 + 128, 100, 64]
    recurrent = [parameter for part in (model.field, model.update) for parameter in part.parameters()]
    weights = torch.cat([parameter.flatten() for parameter in recurrent if parameter.ndim == 2])
    assert weights.std().item() == pytest.approx(0.1, rel=0.02)
    assert not any(parameter.any() for parameter in recurrent if parameter.ndim == 1)


def test_initial_weights_of_the_other_variant_are_those_of_torch(build) -> None:
    model = build(initialisation="torch")
    for layer in (model.field.first, model.field.last, model.update.keep.first):
        bound = layer.in_features**-0.5
        assert 0.95 * bound < layer.weight.abs().max() <= bound and layer.bias.any()
    with pytest.raises(BenchError, match="orthogonal"):
        build(initialisation="orthogonal")


def test_the_loss_is_the_likelihood_of_its_own_forecasts(model, batch, monkeypatch) -> None:
    """Of the queries from the whole context, and of context frames that are drawn, each from the frames before it."""
    drawn = torch.stack([torch.tensor([1 + row % 9, 1 + (row + 4) % 9]) for row in range(len(batch.context))])
    monkeypatch.setattr(WindowBatch, "draw_context", lambda self, earliest: drawn)
    model.decoder = nn.Sequential(nn.Linear(32, 1024), nn.Unflatten(-1, (1, 32, 32)))  # shows the state as it is
    batch = replace(batch, frames=3 * batch.frames - 1)  # some frames leave the range 0 to 1; targets do not
    context, times = batch.frames[batch.context], batch.context_times
    values = batch.query[0, 0].numel()
    with torch.no_grad():
        terms = model.loss(batch)
        queries = model.forecast(context, times, batch.query_times)
        steps = [model.forecast(context[:, :j], times[:, :j], times[:, j : j + 1]) for j in range(1, 10)]
    rows = torch.arange(len(context))[:, None]
    seen, steps = context[rows, drawn].clamp(0, 1), torch.cat(steps, dim=1)[rows, drawn - 1]  # of frame j at j - 1
    expected = {
        "reconstruction": negative_log_likelihood(queries, batch.query, 0.05) / values,
        "one_step": negative_log_likelihood(steps, seen, 0.05) / values,
    }
    torch.testing.assert_close(terms, expected, atol=0, rtol=1e-3)  # rk4 against dopri5


def test_the_context_weight_weighs_one_term_only(build, batch) -> None:
    terms = []
    for weight in (1.0, 0.1):
        model = build(context_weight=weight)
        torch.manual_seed(3)  # of the context frames that are drawn
        terms.append(model.loss(batch))
    one, tenth = terms
    torch.testing.assert_close(tenth["one_step"], 0.1 * one["one_step"])
    torch.testing.assert_close(tenth["reconstruction"], one["reconstruction"])


def test_evaluations_of_the_context_are_counted_too(model, batch) -> None:
    calls = []
    model.field.register_forward_hook(lambda *_: calls.append(1))
    with torch.no_grad():
        model.forecast(batch.frames[batch.context], batch.context_times, batch.query_times)
    assert model.function_evaluations == len(calls) + 4 * batch.context.shape[1] > 40


def test_a_context_of_one_frame_has_no_step_to_predict(build, pendulum, pendulum_task) -> None:
    task = replace(pendulum_task, context_frames=1)
    batch = WindowSampler(pendulum["train"], task, Budget(batch_size=2), "cpu").draw(8, torch.Generator())
    terms = build(task=task).loss(batch)
    assert list(terms) == ["reconstruction"]
    assert terms["reconstruction"].isfinite()


def test_the_bug_changes_the_intervals_and_nothing_else(build, root) -> None:
    settings = [resolve_settings("ode-rnn", variant, {}, root) for variant in ("default", "official-bug")]
    assert {key for key in settings[0] if settings[0][key] != settings[1][key]} == {"intervals"}
    right, wrong = build(), build("official-bug")
    for key, value in right.state_dict().items():
        assert torch.equal(value, wrong.state_dict()[key])


def test_unknown_intervals_are_one_line(build) -> None:
    with pytest.raises(BenchError, match=r"intervals 'gap'.*'gaps'"):
        build(intervals="gap")
