"""LaDID with an equation in place of F: all else equal, the equations as they are written, times honoured."""

from dataclasses import replace

import pytest
import torch
from stepping import linear_network
from torch import Tensor, nn

from ladid_bench.core.configuration import Budget
from ladid_bench.core.errors import BenchError
from ladid_bench.data.windows import WindowBatch
from ladid_bench.methods import registry
from ladid_bench.methods.base import Training
from ladid_bench.methods.registry import load_card, load_method, method_folders, resolve_settings
from ladid_bench.methods.runge_kutta import network_field

VARIANTS = ["conditional", "auto", "time", "second-order", "gru"]


@pytest.fixture
def build(pendulum_task, root):
    """Freshly drawn model of a variant, or of LaDID, always from the same seed."""

    def build(variant: str = "conditional", name: str = "ladid-ode", **changes) -> nn.Module:
        torch.manual_seed(0)
        method = load_method(name, root)(pendulum_task, resolve_settings(name, variant, changes, root))
        return method.build_model()

    return build


@pytest.fixture
def small(build):
    """The same with few parameters, time features that a step a frame follows closely, and a tight tolerance."""
    return lambda variant: build(variant, hidden=32, period_floor=16.0, tolerance=1e-6).eval()


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_all_settings_but_those_searched_are_those_of_ladid(root) -> None:
    own, ladid = load_card("ladid-ode", root), load_card("ladid", root).settings
    searched = {"learning_rate", "observation_std", "kl_weight", "smoothness_weight"}
    assert set(own.search) == searched | {"growth"}
    assert set(ladid) - set(own.settings) == {"dropout"}
    assert ladid["dropout"] == 0
    assert set(own.settings) - set(ladid) == {"equation", "tolerance"}
    shared = set(ladid) & set(own.settings) - searched
    assert {key: own.settings[key] for key in shared} == {key: ladid[key] for key in shared}


@pytest.mark.parametrize("psi", [32, 5])
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_equation_is_as_large_as_f(build, variant, psi: int) -> None:
    own, ladid = build(variant, psi=psi).dynamics, build("default", "ladid", psi=psi).dynamics
    assert size(own) == pytest.approx(size(ladid), rel=0.02)


PAIRS = (("default", "ladid-settings"), ("ladid-ode-settings", "conditional"))  # that C9 compares


def test_the_two_models_differ_in_the_dynamics_alone_with_the_settings_of_either(root) -> None:
    """Of the pairs that C9 compares only the equation and its tolerance differ, and F's dropout, which is 0."""
    for ladid, own in PAIRS:
        first, second = resolve_settings("ladid", ladid, {}, root), resolve_settings("ladid-ode", own, {}, root)
        assert set(second) - set(first) == {"equation", "tolerance"}
        assert {name for name in first if first[name] != second.get(name)} == {"dropout"}
        assert first["dropout"] == 0


def test_so_they_do_with_what_was_searched_for_on_a_kind_of_data(root, monkeypatch) -> None:
    """Each is trained as the other is; what is left is what only F has, and periods that only F is driven with."""
    found = {
        "ladid": {"learning_rate": 0.3, "kl_weight": 0.5, "growth": False, "dropout": 0.1, "period_floor": 2.0},
        "ladid-ode": {"learning_rate": 0.7, "smoothness_weight": 9.0, "growth": True},
    }
    searched = {method_folders(root)[name]: settings for name, settings in found.items()}
    monkeypatch.setattr(registry, "chosen_settings", lambda folder, kind: searched[folder] if kind == "fields" else {})
    rates, only = [], []
    for ladid, own in PAIRS:
        first = resolve_settings("ladid", ladid, {}, root, "fields")
        second = resolve_settings("ladid-ode", own, {}, root, "fields")
        rates.append((first["learning_rate"], second["learning_rate"]))
        only.append({name for name in first if first[name] != second.get(name)})
    assert rates == [(0.3, 0.3), (0.7, 0.7)]
    assert only == [{"dropout"}, {"dropout", "period_floor"}]
    assert resolve_settings("ladid", "default", {}, root, "bodies") == resolve_settings("ladid", "default", {}, root)


def test_f_is_as_large_as_the_papers(build) -> None:
    assert size(build("default", "ladid").dynamics) == 90_656


@pytest.mark.parametrize("variant", VARIANTS)
def test_all_else_starts_as_in_ladid_and_draws_the_same_psi(build, batch, variant) -> None:
    ladid, own = build("default", "ladid"), build(variant)
    after_building = torch.get_rng_state()
    weights = own.state_dict()
    shared = {name: value for name, value in ladid.state_dict().items() if not name.startswith("dynamics.")}
    assert shared.keys() == {name for name in weights if not name.startswith("dynamics.")}
    assert all(torch.equal(weights[name], value) for name, value in shared.items())
    draws = []
    for model in (ladid, own):
        torch.set_rng_state(after_building)
        terms = model.train().loss(batch)
        draws.append((torch.get_rng_state(), terms["kl"]))
    assert torch.equal(draws[0][0], draws[1][0])
    assert torch.equal(draws[0][1], draws[1][1])
    build("default", "ladid")
    assert torch.equal(torch.get_rng_state(), after_building)


def test_training_sees_the_batches_of_ladid(pendulum, pendulum_task, root) -> None:
    """With the same seed, step by step, whatever the models draw in between."""
    seen: dict[str, list[WindowBatch]] = {}
    for name, variant in (("ladid", "default"), ("ladid-ode", "conditional")):
        method = load_method(name, root)(pendulum_task, resolve_settings(name, variant, {"hidden": 16}, root))
        seen[name] = batches = []
        build = method.build_model

        def recording(build=build, batches=batches):
            model = build()
            loss = model.loss
            model.loss = lambda batch: batches.append(batch) or loss(batch)
            return model

        method.build_model = recording
        budget = Budget(steps=3, batch_size=2, validate_every=3)
        method.fit(Training(pendulum["train"], pendulum["valid"], budget, 5))
    assert len(seen["ladid"]) == 3
    for one, other in zip(*seen.values(), strict=True):
        assert torch.equal(one.query, other.query)
        assert torch.equal(one.frames[one.context], other.frames[other.context])
        assert torch.equal(one.query_times, other.query_times)


@torch.no_grad()
@pytest.mark.parametrize("variant", VARIANTS[:4])
@pytest.mark.parametrize("overlap", [1, 3])
def test_one_path_through_a_window_meets_all_that_the_loss_asks_for(small, batch, variant, overlap) -> None:
    """One rk4 step a frame agrees with the adaptive solver at queries and overlaps, on grids of each row's own."""
    model = small(variant)
    model.settings = replace(model.settings, overlap=overlap)
    psi = torch.randn(len(batch.query), 32)
    queries, shared = model.window_states(psi, batch)
    torch.testing.assert_close(queries, model.states(psi, batch.query_times), atol=2e-4, rtol=1e-3)
    earlier, later = model._overlap_states(psi, batch)  # LaDID's own, from states at any times
    assert shared[0].shape == (6, overlap, 32)
    torch.testing.assert_close(shared[0], earlier, atol=2e-4, rtol=1e-3)
    torch.testing.assert_close(shared[1], later, atol=2e-4, rtol=1e-3)


@torch.no_grad()
def test_the_last_overlap_may_lie_beyond_the_frames_of_a_window(small, uneven_sampler) -> None:
    """While the horizon is one frame, windows are one frame apart, and the later one's query is out of reach."""
    model, batch = small("conditional"), uneven_sampler.draw(1, torch.Generator().manual_seed(0))
    psi = torch.randn(len(batch.query), 32)
    earlier, _ = model.overlap_times(batch)
    assert (earlier[:, 0, 0] > batch.grid_times.unflatten(0, (3, 3))[:, 0, -1]).all()
    _, overlap = model.window_states(psi, batch)
    torch.testing.assert_close(overlap[0], model._overlap_states(psi, batch)[0], atol=2e-4, rtol=1e-3)


@torch.no_grad()
def test_there_is_no_overlap_with_one_window_or_without_the_term(small, uneven_sampler, pendulum_task) -> None:
    model = small("conditional")
    uneven_sampler.budget = uneven_sampler.budget.model_copy(update={"windows": 1})
    batch = uneven_sampler.draw(20, torch.Generator().manual_seed(0))
    queries, overlap = model.window_states(torch.zeros(3, 32), batch)
    assert [len(side) for side in overlap] == [0, 0]
    assert model.loss(batch)["smoothness"] == 0
    model.settings = replace(model.settings, smoothness="none")
    again, overlap = model.window_states(torch.zeros(3, 32), batch)
    assert overlap is None
    torch.testing.assert_close(again, queries)


@torch.no_grad()
def test_the_path_solves_the_equation(small) -> None:
    """With f = -z in the model's own unit of time, z decays from A psi."""
    model = small("conditional")
    model.dynamics.rate = lambda psi: lambda time, state: -state
    decay = network_field(linear_network(-torch.eye(32)))
    model.dynamics.network = lambda psi, times: decay
    psi = torch.randn(2, 32)
    times = torch.tensor([[0.0, 0.1, 0.15, 0.3], [0.0, 0.2, 0.3, 0.35]])
    expected = model.dynamics.start(psi)[:, None] * torch.exp(-times / model.dynamics.time_scale)[..., None]
    torch.testing.assert_close(model.dynamics.path(psi, times), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(model.states(psi, times.flip(1)), expected.flip(1), atol=1e-5, rtol=1e-4)
    assert model.function_evaluations > 0


@torch.no_grad()
@pytest.mark.parametrize(
    ("variant", "psi_matters", "time_matters"),
    [("conditional", True, False), ("auto", False, False), ("time", True, True), ("second-order", True, False)],
)
def test_what_the_right_hand_side_knows(small, variant, psi_matters, time_matters) -> None:
    motion = small(variant).dynamics
    state, psi, early, late = torch.randn(2, 32), torch.randn(2, 32), torch.full((2, 1), 0.2), torch.full((2, 1), 1.7)
    rate = motion.rate(psi)(early, state)
    assert rate.shape == (2, 32)
    assert torch.equal(motion.rate(psi + 1)(early, state), rate) is not psi_matters
    assert torch.equal(motion.rate(psi)(late, state), rate) is not time_matters
    assert not torch.equal(motion.rate(psi)(early, state + 1), rate)


@torch.no_grad()
def test_each_row_is_told_its_own_time(small) -> None:
    """The features are those of the true time, in the data set's unit, of each row."""
    motion = small("time").dynamics
    motion.time_scale = 2.0
    state, psi = torch.randn(1, 32).expand(2, -1), torch.randn(1, 32).expand(2, -1)
    rates = motion.rate(psi)(torch.tensor([[0.3], [0.9]]), state)
    network = motion.field.conditioned(psi)
    known = torch.cat([state[:, None], motion.features(torch.tensor([[0.6], [1.8]]))], dim=-1)
    torch.testing.assert_close(rates, network(known)[:, 0])


@torch.no_grad()
def test_second_order_states_are_positions_and_their_velocities(small) -> None:
    model = small("second-order")
    step = 1e-3 * model.dynamics.time_scale
    times = torch.tensor([[0.5 - step, 0.5, 0.5 + step]])
    before, now, after = model.double().states(torch.randn(1, 32).double(), times.double())[0]
    torch.testing.assert_close((after - before)[:16] / 2e-3, now[16:], atol=1e-3, rtol=1e-2)
    shown = model.dynamics.visible(now)
    assert torch.equal(shown[:16], now[:16])
    assert (shown[16:] == 0).all()


@torch.no_grad()
@pytest.mark.parametrize("variant", ["conditional", "gru"])
def test_a_query_does_not_depend_on_the_others(small, variant) -> None:
    model = small(variant)
    psi, times = torch.randn(3, 32), torch.tensor([[0.61, 1.0, 5.0, 0.9]]).expand(3, -1)
    together = model.states(psi, times)
    alone = torch.cat([model.states(psi, times[:, [column]]) for column in range(4)], dim=1)
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(model.states(psi[:1], times[:1]), together[:1], atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_the_recurrence_steps_from_frame_to_frame(small, pendulum_task) -> None:
    """At frames it is the plain recurrence, in between one shorter step from the frame before, and 0 is no step."""
    model = small("gru")
    motion, frame, psi = model.dynamics, pendulum_task.time_step, torch.randn(2, 32)
    hidden, gap = motion.start(psi), torch.full((2, 1), frame / motion.time_scale)
    expected = [motion.read(hidden)]
    for _ in range(3):
        hidden = motion.cell(torch.cat([psi, gap], dim=1), hidden)
        expected.append(motion.read(hidden))
    frames = frame * torch.arange(4.0).expand(2, -1)
    torch.testing.assert_close(motion.path(psi, frames), torch.stack(expected, dim=1))
    torch.testing.assert_close(model.states(psi, frames), torch.stack(expected, dim=1), atol=1e-5, rtol=1e-5)
    repeated = frames[:, [0, 1, 1, 2]] + torch.tensor([0, 0, 1e-7, 0])
    torch.testing.assert_close(motion.path(psi, repeated)[:, 2:], torch.stack(expected, dim=1)[:, 1:3])
    between = motion.read(motion.cell(torch.cat([psi, gap / 2], dim=1), hidden))
    torch.testing.assert_close(model.states(psi, torch.full((2, 1), 3.5 * frame))[:, 0], between)


@torch.no_grad()
def test_beyond_the_span_the_equation_is_solved_on(small, pendulum_task) -> None:
    """An autonomous equation that starts anew from where the span ended arrives at the same frames."""
    model = small("conditional")
    context, times = torch.rand(2, 10, 1, 32, 32), torch.arange(10.0).expand(2, -1) * pendulum_task.time_step
    psi = model.represent(context, times)
    ahead = torch.full((2, 1), 0.8)
    end = model.states(psi, torch.full((2, 1), pendulum_task.duration))[:, 0]
    model.dynamics.start, first = nn.Identity(), model.dynamics.start
    rate = model.dynamics.rate(psi)
    model.dynamics.rate = lambda _: rate
    expected = model.render(model.states(end, ahead), context)
    model.dynamics.start = first
    far = model.forecast(context, times, pendulum_task.duration + ahead)
    torch.testing.assert_close(far, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("variant", VARIANTS[1:])
def test_each_variant_trains_every_parameter(build, batch, variant) -> None:
    model = build(variant, hidden=32).train()
    terms = model.loss(batch)
    total: Tensor = sum(terms.values())
    assert torch.isfinite(total)
    total.backward()
    assert [name for name, part in model.named_parameters() if part.grad is None or not part.grad.abs().sum() > 0] == []


def test_wrong_settings_are_explained(build) -> None:
    with pytest.raises(BenchError, match="'conditional'"):
        build(equation="conditionel")
    with pytest.raises(BenchError, match=r"'latent' .* 7"):
        build("second-order", latent=7)
