"""Neural ODE Process: the context is a set of frames with their times, and the objective compares two posteriors."""

from dataclasses import replace

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from ladid_bench.core.configuration import Budget
from ladid_bench.core.errors import BenchError
from ladid_bench.data.windows import WindowBatch, WindowSampler
from ladid_bench.methods.distributions import Gaussian, negative_log_likelihood
from ladid_bench.methods.ode import solve_adaptively

METHOD = "ndp"


@pytest.fixture
def batch(pendulum, pendulum_task) -> WindowBatch:
    sampler = WindowSampler(pendulum["train"], pendulum_task, Budget(batch_size=4), "cpu")
    return sampler.draw(50, torch.Generator().manual_seed(0))


def test_half_of_the_contexts_are_whole_and_the_others_random_subsets(module) -> None:
    torch.manual_seed(0)
    shown = module.random_context((8_000, 10), torch.device("cpu"))
    assert set(shown.unique().tolist()) == {0.0, 1.0}
    assert shown[:, 0].min() == 1
    sizes = shown.sum(dim=1)
    shares = torch.bincount(sizes.long(), minlength=11) / len(sizes)
    expected = torch.tensor([0, 0, 0, *[0.5 / 8] * 7, 0.5 + 0.5 / 8])
    torch.testing.assert_close(shares, expected, atol=0.01, rtol=0)
    later = shown[sizes < 10, 1:].mean(dim=0)
    torch.testing.assert_close(later, later.mean().expand(9), atol=0.03, rtol=0)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_a_short_context_is_always_shown_whole(module, frames: int) -> None:
    assert module.random_context((50, frames), torch.device("cpu")).min() == 1


@pytest.mark.parametrize("initial", ["first_frame", "context"])
def test_frames_come_in_no_order_but_each_with_its_own_time(build, batch, initial: str) -> None:
    """The released image encoder appends the time before a linear layer and averages: times and frames unpair."""
    model = build(initial=initial).train()  # untrained, only the batch's own statistics tell frames apart
    frames, times = batch.frames[batch.context], batch.context_times
    order = torch.tensor([0, 4, 2, 9, 1, 3, 8, 7, 6, 5])
    latent = model.represent(frames, times)
    torch.testing.assert_close(model.represent(frames[:, order], times[:, order]), latent, atol=1e-5, rtol=1e-5)
    assert (model.represent(frames, times[:, order]) - latent).abs().max() > 1e-3


def test_the_initial_state_comes_from_the_first_frame_or_from_all(build, batch) -> None:
    frames, times = batch.frames[batch.context], batch.context_times
    changed = frames.clone()
    changed[:, 5] = 1 - changed[:, 5]
    for initial, same in (("first_frame", True), ("context", False)):
        model = build(initial=initial)
        before, after = model.represent(frames, times), model.represent(changed, times)
        assert torch.equal(before[:, :16], after[:, :16]) is same
        assert not torch.allclose(before[:, 16:], after[:, 16:])


def test_a_misspelt_start_is_refused_with_the_nearest(build) -> None:
    with pytest.raises(BenchError, match="'first_frame'"):
        build(initial="first_fram")


def test_spread_stays_between_a_tenth_and_one(module) -> None:
    head = module.LatentHead(8, 3)
    std = head(1e3 * torch.randn(500, 8)).std
    assert std.min() >= 0.1
    assert std.max() <= 1
    assert std.max() - std.min() > 0.89
    with torch.no_grad():
        head.spread.weight.zero_()
        head.spread.bias.zero_()
    torch.testing.assert_close(head(torch.randn(2, 8)).std, torch.full((2, 3), 0.55))


def test_layer_sizes(build, pendulum_task) -> None:
    model = build()
    assert [tuple(layer.weight.shape) for layer in list(model.field)[::2]] == [(200, 33), (200, 200), (16, 200)]
    assert model.decoder.expand.in_features == 33
    assert build(initial="context").first_encoder is None
    odd = build(latent=7)
    assert odd.represent(torch.rand(2, 10, 1, 32, 32), torch.arange(10.0).expand(2, -1)).shape == (2, 7)
    vectors = build(task=replace(pendulum_task, shape=(2, 6)))
    asked = torch.tensor([[11.0, 12.5, 90.0], [10.1, 30.0, 31.0]])
    assert vectors.forecast(torch.rand(2, 10, 2, 6), torch.arange(10.0).expand(2, -1), asked).shape == (2, 3, 2, 6)


def test_the_path_solves_the_equation_at_each_rows_own_times(build, batch) -> None:
    """Finite differences of L equal f(L, D, t); D stays; the decoder is told the time."""
    model, step = build(tolerance=1e-8), 1e-2
    model.decoder = torch.nn.Identity()  # shows [L, D, t]
    frames, times = batch.frames[batch.context], batch.context_times
    middle = times[:, -1:] + model.time_scale * torch.rand(len(times), 1)
    asked = middle + model.time_scale * torch.tensor([-step, 0, step])
    with torch.no_grad():
        latent = model.represent(frames, times)
        seen = model.forecast(frames, times, asked)
        before, now, after = seen.unbind(dim=1)
        rate = model.derivative(latent[:, 16:], middle / model.time_scale, now[:, :16])
        elsewhen = model.derivative(latent[:, 16:], middle / model.time_scale + 1, now[:, :16])
    torch.testing.assert_close((after - before)[:, :16] / (2 * step), rate, atol=1e-3, rtol=0)
    assert (elsewhen - rate).abs().max() > 1e-2
    torch.testing.assert_close(seen[..., 16:32], latent[:, None, 16:].expand(-1, 3, -1))
    torch.testing.assert_close(seen[..., 32], asked / model.time_scale)


def test_loss_against_its_formula(build, module, batch, monkeypatch) -> None:
    """The posterior of context and queries is compared with the context's; drawn context frames are rendered too."""
    drawn = torch.stack([torch.tensor([row % 10, (row + 3) % 10]) for row in range(12)])
    monkeypatch.setattr(WindowBatch, "draw_context", lambda self: drawn)
    model = build(kl_weight=3.0, observation_std=0.05)
    torch.manual_seed(1)
    shown = module.random_context((12, 10), torch.device("cpu"))
    monkeypatch.setattr(module, "random_context", lambda shape, device: shown)
    monkeypatch.setattr(Gaussian, "sample", lambda self: self.mean)
    with torch.no_grad():
        terms = model.loss(batch)
        context = batch.frames[batch.context]
        rows = torch.arange(12)[:, None]
        seen = torch.cat([drawn, torch.arange(10, 18).expand(12, -1)], dim=1)  # among context and queries
        truth = torch.cat([context.clamp(0, 1), batch.query], dim=1)[rows, seen]
        times = torch.cat([batch.context_times, batch.query_times], dim=1) / model.time_scale
        tokens = model.encoder(torch.cat([context, batch.query], dim=1).flatten(0, 1)).unflatten(0, times.shape)
        pairs = model.representations(tokens, times)
        first = model.first(context[:, 0])
        informed = model.infer(pairs.mean(dim=1), first)
        some = torch.stack([row[:10][kept > 0].mean(dim=0) for row, kept in zip(pairs, shown, strict=True)])
        ignorant = model.infer(some, first)
        control = informed.mean[:, 16:]
        states, _ = solve_adaptively(lambda t, z: model.derivative(control, t, z), informed.mean[:, :16], times, 1e-7)
        likelihood = negative_log_likelihood(model.render(states[rows, seen], control, times[rows, seen]), truth, 0.05)
    divergence = kl_divergence(Normal(informed.mean, informed.std), Normal(ignorant.mean, ignorant.std)).sum(dim=1)
    assert divergence.mean() > 1e-6
    torch.testing.assert_close(terms["kl"], 3.0 * divergence.mean() / 18 / 1024, atol=0, rtol=1e-3)
    torch.testing.assert_close(terms["reconstruction"], likelihood / 1024, atol=0, rtol=1e-4)


def test_a_known_start_costs_no_divergence(build, batch) -> None:
    """Both posteriors of L(0) see the same first frame, so only the control's is compared."""
    model = build()
    with torch.no_grad():
        first = model.first(batch.frames[batch.context[:, 0]])
        one, other = (model.infer(torch.randn(len(first), 128), first) for _ in range(2))
    assert torch.equal(one.mean[:, :16], other.mean[:, :16])
    assert torch.equal(one.std[:, :16], other.std[:, :16])
    assert not torch.allclose(one.mean[:, 16:], other.mean[:, 16:])


@torch.no_grad()
def test_frames_and_their_mean_go_through_one_hidden_layer_with_relu(build, module) -> None:
    """As published; the time of a frame is repeated as often as its token is long."""
    torch.manual_seed(0)
    model, tokens, times = build(), torch.randn(3, 5, 128), torch.rand(3, 5)
    first, last = (layer for layer in model.pair if isinstance(layer, torch.nn.Linear))
    repeated = times[:, :, None].repeat(1, 1, 128)
    expected = last(first(torch.cat([tokens, repeated], dim=2)).clamp(min=0))
    torch.testing.assert_close(model.representations(tokens, times), expected)
    head, pooled = module.LatentHead(8, 3), torch.randn(4, 8)
    hidden = head.hidden[0](pooled).clamp(min=0)
    found = head(pooled)
    torch.testing.assert_close(found.mean, head.mean(hidden))
    torch.testing.assert_close(found.std, 0.1 + 0.9 / (1 + (-head.spread(hidden)).exp()))
