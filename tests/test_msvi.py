"""MSVI: blocks against closed forms, its bound term by term, what shooting variables read, frames that do not exist."""

import math
from dataclasses import replace

import pytest
import torch
from stepping import linear_network, solve_by_frame
from torch import Tensor, nn
from torch.distributions import Independent, Normal, kl_divergence

from ladid_bench.core.configuration import Budget
from ladid_bench.core.errors import BenchError
from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch, WindowSampler
from ladid_bench.methods.distributions import Gaussian
from ladid_bench.methods.registry import resolve_settings

METHOD = "msvi"

CONTEXT, FRAMES, LATENT = 10, 60, 32
UNIT = 1.5


@pytest.fixture
def build(module, root, pendulum_task):
    def build_model(variant: str = "default", **changes):
        torch.manual_seed(0)
        task = replace(pendulum_task, duration=3 * UNIT)  # for a unit of time that is not 1
        return module.METHOD(task, resolve_settings("msvi", variant, changes, root)).build_model().eval()

    return build_model


def draw(pendulum, task: Task, query_length: int) -> WindowBatch:
    sampler = WindowSampler(pendulum["train"], task, Budget(batch_size=4), "cpu")
    return sampler.draw(query_length, torch.Generator().manual_seed(0))


@pytest.fixture
def batch(pendulum, pendulum_task: Task) -> WindowBatch:
    """Windows up to the last frame of their trajectories: all but the first of each have frames that do not exist."""
    return draw(pendulum, pendulum_task, FRAMES - CONTEXT)


@pytest.fixture
def times() -> Tensor:
    torch.manual_seed(1)
    return torch.cat([torch.zeros(5, 1), torch.rand(5, 22).sort(dim=1).values], dim=1)


def exists(batch: WindowBatch) -> Tensor:
    """Of every window as many frames as are left in its trajectory."""
    left = FRAMES - batch.grid[:, :1] % FRAMES
    return torch.arange(batch.grid.shape[1]) < left


def known_shooting(blocks: int, std: float = 0.0) -> Gaussian:
    torch.manual_seed(2)
    mean = torch.randn(5, blocks, LATENT)
    return Gaussian(mean, torch.full_like(mean, std))


def everywhere(times: Tensor) -> Tensor:
    return torch.ones_like(times) > 0


@pytest.mark.parametrize(("block", "blocks"), [(1, 22), (4, 6), (11, 2), (22, 1), (40, 1)])
def test_every_state_comes_from_the_shooting_variable_of_its_block(build, times, block: int, blocks: int) -> None:
    """22 gaps are no multiple of 4, two blocks of 11, one of 22, and less than one of 40."""
    model = build(block=block)
    model.field = linear_network(-torch.eye(LATENT))
    assert model.begin(times).tolist() == [index * block for index in range(blocks)]
    shooting = known_shooting(blocks)
    states, _ = model.shoot(shooting, times, everywhere(times))
    assert states.shape == (5, 23, LATENT)
    torch.testing.assert_close(states[:, 0], shooting.mean[:, 0])
    for frame in range(1, 23):
        index = (frame - 1) // block
        decayed = (times[:, index * block] - times[:, frame]).exp()[:, None] * shooting.mean[:, index]
        torch.testing.assert_close(states[:, frame], decayed, atol=1e-4, rtol=0)


def test_a_block_as_long_as_the_window_is_a_single_solve(build, times) -> None:
    model, shooting = build(block=22), known_shooting(1)
    states, continuity = model.shoot(shooting, times, everywhere(times))
    torch.testing.assert_close(states, solve_by_frame(model.derivative, shooting.mean[:, 0], times))
    assert (continuity == 0).all()


def test_continuity_is_the_divergence_from_a_gaussian_at_the_end_of_the_block_before(build, times) -> None:
    model, shooting = build(block=4, continuity_std=0.3), known_shooting(6, std=0.2)
    torch.manual_seed(3)
    states, continuity = model.shoot(shooting, times, everywhere(times))
    expected = torch.zeros(5)
    for index in range(1, 6):  # a state at the beginning of a block is the end of the one before
        posterior = Independent(Normal(shooting.mean[:, index], shooting.std[:, index]), 1)
        prior = Independent(Normal(states[:, 4 * index], torch.tensor(0.3 / LATENT**0.5)), 1)
        expected += kl_divergence(posterior, prior)
    torch.testing.assert_close(continuity, expected)


def test_continuity_vanishes_where_blocks_meet_and_pulls_at_both_sides(build, times) -> None:
    model = build(block=11, continuity_std=0.3)
    std = 0.3 / LATENT**0.5
    path = solve_by_frame(model.derivative, known_shooting(1).mean[:, 0], times)
    met = Gaussian(path[:, [0, 11]].detach(), torch.tensor([0.0, std])[:, None].expand(5, 2, LATENT))
    _, continuity = model.shoot(met, times, everywhere(times))
    torch.testing.assert_close(continuity, torch.zeros(5), atol=1e-4, rtol=0)
    mean = known_shooting(2).mean.requires_grad_()
    model.shoot(Gaussian(mean, met.std), times, everywhere(times))[1].sum().backward()
    assert (mean.grad[:, 0].abs().sum(dim=1) > 0).all() and (mean.grad[:, 1].abs().sum(dim=1) > 0).all()
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.field.parameters())


def test_blocks_that_begin_where_a_trajectory_ends_cost_nothing(build, times) -> None:
    """The first 10 of 23 frames exist, so that blocks of 3 with a frame to reach begin at 0, 3 and 6, not at 9."""
    model, shooting = build(block=3), known_shooting(8, std=0.2)
    there = torch.arange(23).expand(5, -1) < 10
    torch.manual_seed(4)
    states, continuity = model.shoot(shooting, torch.where(there, times, times[:, 9:10]), there)
    std = model.settings.continuity_std / LATENT**0.5
    jumps = [Gaussian(shooting.mean[:, b], shooting.std[:, b]).kl_from(states[:, 3 * b], std) for b in (1, 2)]
    torch.testing.assert_close(continuity, torch.stack(jumps).sum(dim=0))


def test_shooting_variables_read_the_context_and_the_window_but_no_frame_that_does_not_exist(build, batch) -> None:
    model, times, there = build(block=20), batch.grid_times / UNIT, exists(batch)
    shooting = model.recognise(batch, times, there)
    frames, index = batch.grid_frames()
    forecast = model.represent(frames[index[:, :CONTEXT]], batch.grid_times[:, :CONTEXT])
    torch.testing.assert_close(shooting.mean[:, 0], forecast, atol=1e-5, rtol=1e-4)
    lengths = there.sum(dim=1)
    assert lengths.min() < FRAMES
    for row in (int(lengths.argmin()), int(lengths.argmax())):
        length = int(lengths[row])
        tokens = model.encoder(frames[index[row, :length]])[None]
        alone = model.recognition(tokens, times[row : row + 1, :length])
        for block in range(1, (length - 2) // 20 + 1):
            torch.testing.assert_close(shooting.mean[row, block], alone.mean[0, 20 * block], atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(shooting.std[row, block], alone.std[0, 20 * block], atol=1e-5, rtol=1e-4)


def test_a_window_no_longer_than_a_block_is_read_in_its_context_alone(build, pendulum, pendulum_task) -> None:
    short = draw(pendulum, pendulum_task, 8)
    model, times = build(block=20), short.grid_times / UNIT
    shooting = model.recognise(short, times, exists(short))
    assert shooting.mean.shape == (len(times), 1, LATENT)
    forecast = model.represent(short.frames[short.context], short.context_times)
    torch.testing.assert_close(shooting.mean[:, 0], forecast, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("query_length", [8, 50])
def test_the_loss_is_the_bound_over_the_number_of_frames(build, pendulum, pendulum_task, query_length: int) -> None:
    batch = draw(pendulum, pendulum_task, query_length)
    model, there, times, values = build(block=20), exists(batch), batch.grid_times / UNIT, 32 * 32
    torch.manual_seed(6)
    terms = model.loss(batch)
    torch.manual_seed(6)
    shooting = model.recognise(batch, times, there)
    states, continuity = model.shoot(shooting, times, there)
    early = torch.rand(len(times), CONTEXT).argsort(dim=1)[:, :2]
    squared = torch.zeros(len(times))
    for row in range(len(times)):
        for frame in [*early[row].tolist(), *batch.query_index[row].tolist()]:
            seen = model.decoder(states[row, frame][None])[0]
            squared[row] += (seen - batch.bank[batch.grid[row, frame]].clamp(0, 1)).square().sum()
    first = Gaussian(shooting.mean[:, 0], shooting.std[:, 0]).kl_from_standard_normal()
    expected = {
        "reconstruction": squared.mean() / (2 + batch.query.shape[1]) / (2 * model.settings.observation_std**2),
        "kl": (first / there.sum(dim=1)).mean(),
        "continuity": (continuity / there.sum(dim=1)).mean(),
    }
    assert set(terms) == set(expected)
    for name, term in expected.items():
        torch.testing.assert_close(terms[name], term / values, rtol=1e-4, atol=1e-6)
    assert (terms["continuity"] > 0) == (query_length == 50)  # 18 frames are within one block of 20


def test_a_code_reads_frames_as_far_as_four_windows_of_attention_reach(build) -> None:
    """No layer looks beyond its window."""
    model = build(attention_window=0.1)  # 3 units of time: reaches 0.3 a layer
    tokens = torch.randn(1, 31, 128, requires_grad=True)
    times = torch.arange(31.0)[None] / 10  # 3 frames in a window, 12 in four
    model.recognition(tokens, times).mean[:, 0].square().sum().backward()
    read = tokens.grad[0].abs().sum(dim=1) > 0
    assert read.tolist() == [frame <= 12 for frame in range(31)]


def test_layers_are_as_many_and_as_wide_as_the_papers(build) -> None:
    first, second = build(), build("second-order")
    transformers = second.recognition.transformers
    assert [len(transformer.layers) for transformer in transformers] == [4, 8]
    assert [len(transformer.layers) for transformer in first.recognition.transformers] == [4]
    for model, outputs in ((first, 32), (second, 16)):
        linear = [layer for layer in model.field if isinstance(layer, nn.Linear)]
        assert [(layer.in_features, layer.out_features) for layer in linear] == [(32, 256), (256, 256), (256, outputs)]


def test_standard_deviations_have_a_floor_but_those_of_velocities(build) -> None:
    model = build("second-order")
    for head in model.recognition.log_std:
        nn.init.constant_(head.bias, -20.0)
    std = model.recognition(torch.randn(2, 12, 128), torch.arange(12.0).expand(2, -1) / 10).std
    assert std[..., :16].min() >= 0.02
    assert 0 < std[..., 16:].min() < 1e-3


def test_velocity_moves_the_position_and_the_network_the_velocity(build) -> None:
    model, state = build("second-order"), torch.randn(4, LATENT)
    derivative = model.derivative(torch.zeros(4, 1), state)
    torch.testing.assert_close(derivative, torch.cat([state[:, 16:], model.field(state)], dim=1))
    first = build()
    torch.testing.assert_close(first.derivative(torch.zeros(4, 1), state), first.field(state))


@pytest.mark.parametrize("variant", ["default", "second-order"])
def test_a_forecast_is_one_solve_from_the_mean_of_the_first_frame_at_every_rows_own_times(
    build, batch, variant: str
) -> None:
    model, rows = build(variant), slice(0, 3)
    context, context_times = batch.frames[batch.context[rows]], batch.context_times[rows]
    torch.manual_seed(7)
    asked = context_times[:, -1:] + 2.5 * torch.rand(3, 6).sort(dim=1).values
    made = model.forecast(context, context_times, asked)
    steps = torch.linspace(0, 1, 41)
    for row in range(3):
        initial = model.recognition(model.encoder(context[row])[None], context_times[row : row + 1] / UNIT).mean[:, 0]
        for query in range(6):
            state = solve_by_frame(model.derivative, initial, steps[None] * asked[row, query] / UNIT)[:, -1]
            seen = model.decoder(state[:, : model.positions])[0]
            torch.testing.assert_close(made[row, query], seen, atol=1e-4, rtol=0)
    assert model.function_evaluations > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"order": "third"}, "'order' .* 'third'"),
        ({"order": "second", "latent": 31}, "'latent' .* 31"),
        ({"block": 0}, "'block' .* 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(build, changes: dict, message: str) -> None:
    with pytest.raises(BenchError, match=message):
        build(**changes)


def test_the_published_form_draws_weights_whose_divergence_all_training_frames_share(build, batch) -> None:
    model = build("bayesian")
    torch.manual_seed(8)
    terms = model.loss(batch)
    expected = torch.zeros(())
    for network in (model.field, model.decoder):
        for mean in network.parameters():
            posterior, prior = Normal(mean, torch.tensor(-7.0).exp()), Normal(torch.zeros_like(mean), 1.0)
            expected = expected + kl_divergence(posterior, prior).sum()
    torch.testing.assert_close(terms["weights"], expected / (16 * FRAMES) / 1024)
    assert set(terms) == {"reconstruction", "kl", "continuity", "weights"}


def test_weights_are_drawn_anew_in_training_and_are_their_means_in_a_forecast(build, batch) -> None:
    model = build("bayesian")
    with torch.no_grad():
        for spread in model.weights.parameters():
            spread.fill_(-2.0)
    before = [one.clone() for one in model.field.parameters()]
    context, times = batch.frames[batch.context], batch.context_times
    forecasts = [model.forecast(context, times, batch.query_times) for _ in range(2)]
    assert torch.equal(*forecasts)
    drawn = [posterior.sample(getattr(model, part)) for part, posterior in model.weights.items() for _ in range(2)]
    assert not any(torch.equal(drawn[0][name], drawn[1][name]) for name in drawn[0])
    deviation = torch.cat([(one - mean).flatten() for one, mean in zip(drawn[0].values(), before, strict=True)])
    torch.testing.assert_close(deviation.std(), torch.tensor(-2.0).exp(), atol=0, rtol=0.02)
    sum(model.loss(batch).values()).backward()
    assert all(torch.equal(one, was) for one, was in zip(model.field.parameters(), before, strict=True))
    assert all(one.grad is not None and one.grad.abs().sum() > 0 for one in model.weights.parameters())


@torch.no_grad()
def test_the_bound_is_that_of_the_weights_drawn(build, batch) -> None:
    """As if right-hand side and decoder had these weights."""
    model, other = build("bayesian"), build(block=1)
    for part, posterior in model.weights.items():
        drawn = {name: 1.5 * mean + 0.01 for name, mean in getattr(model, part).named_parameters()}
        posterior.sample = lambda network, drawn=drawn: drawn
        getattr(other, part).load_state_dict(drawn, strict=False)
    torch.manual_seed(9)
    terms = model.loss(batch)
    torch.manual_seed(9)
    expected = other.loss(batch)
    for name, term in expected.items():
        torch.testing.assert_close(terms[name], term)


def test_the_published_settings_are_those_of_the_pendulum(build) -> None:
    settings = build("published").settings
    assert (settings.order, settings.block, settings.bayesian) == ("second", 1, True)
    assert (settings.observation_std, settings.continuity_std, settings.learning_rate) == (1e-3, 1e-4, 3e-4)


@torch.no_grad()
def test_a_draw_has_weights_of_its_own_and_leaves_the_means(build, batch) -> None:
    model = build("bayesian")
    for spread in model.weights.parameters():
        spread.fill_(-3.0)
    for head in model.recognition.log_std:
        head.weight.zero_()
        head.bias.fill_(-30.0)
    model.recognition.floors = [0.0]  # what is left to differ are the weights, but for exp(-8)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    asked = (batch.frames[batch.context], batch.context_times, batch.query_times)
    drawn, mean = [model.sample(*asked) for _ in range(2)], model.forecast(*asked)
    assert (drawn[0] - drawn[1]).abs().mean() > 0.01
    assert (drawn[0] - mean).abs().mean() > 0.01
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@torch.no_grad()
def test_shooting_variables_are_drawn_close_to_their_means_at_first(build, batch) -> None:
    """exp(-4) above the floor of 0.02, give or take what untrained heads add; no more than exp(2) ever."""
    model, tokens, times = build(), torch.randn(3, 10, 128), torch.arange(10.0).expand(3, -1) / 20
    spread = model.recognition(tokens, times).std - 0.02
    assert spread.log().mean().item() == pytest.approx(-4, abs=0.2)
    model.recognition.log_std[0].bias.fill_(20.0)
    torch.testing.assert_close(model.recognition(tokens, times).std, torch.full((3, 10, 32), 0.02 + math.exp(2)))
