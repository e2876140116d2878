"""LaDID: sizes of the released code, time features, attention windows, formulas, invariances."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from ladid_bench.core.configuration import Budget
from ladid_bench.core.errors import BenchError
from ladid_bench.data.windows import WindowBatch, WindowSampler
from ladid_bench.ladid.attention import (
    MixingAttention,
    RelativeEncoding,
    TemporalBias,
    TemporalTransformer,
    TransformerLayer,
)
from ladid_bench.ladid.dynamics import ConcatenatedDynamics, ModulatedDynamics, TimeFeatures
from ladid_bench.ladid.model import LaDID, LaDIDSettings
from ladid_bench.ladid.objective import overlap_penalty
from ladid_bench.ladid.representation import VariationalEmbedding
from ladid_bench.ladid.static import StaticPath
from ladid_bench.methods.coders import ConvolutionalDecoder, ConvolutionalEncoder
from ladid_bench.methods.distributions import Gaussian, GaussianHead, negative_log_likelihood
from ladid_bench.methods.registry import load_card, resolve_settings


@pytest.fixture
def model(pendulum_task, root) -> LaDID:
    torch.manual_seed(0)
    return LaDID(pendulum_task, LaDIDSettings(**resolve_settings("ladid", "default", {}, root))).eval()


def parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("side", "channels", "encoder", "decoder"),
    [
        (32, 8, 57_648, 20_050),
        (64, 8, 155_952, 45_394),
        (128, 8, 549_168, 146_770),
        (128, 16, 1_146_592, 315_554),
        (128, 32, 2_486_592, 719_170),
    ],
)
def test_parameter_counts_of_encoder_and_decoder(side: int, channels: int, encoder: int, decoder: int) -> None:
    """Counts of the released code, whose decoder emits a mean and a (constant) deviation: two channels."""
    assert parameters(ConvolutionalEncoder((1, side, side), channels, 128)) == encoder
    assert parameters(ConvolutionalDecoder(32, (2, side, side), channels, "transposed")) == decoder


def test_parameter_count_of_the_static_path(pendulum_task) -> None:
    assert parameters(StaticPath(pendulum_task, 8, "diff")) == 61_680


def test_parameter_counts_of_the_rest() -> None:
    assert parameters(TemporalTransformer(128, 4, "dp", 0.45, 2.0, "learned")) == 495_232
    embedding = VariationalEmbedding(128, 32, 1e-3, "mean")
    assert parameters(embedding.tokens.mean) == parameters(embedding.tokens.log_std) == 4_128
    assert parameters(ConcatenatedDynamics(32, 32, 256, 32, 0.5)) == 90_656


def test_psi_and_the_latent_state_have_lengths_of_their_own(pendulum_task, root) -> None:
    """A shorter psi takes 27 weights a unit from F's first layer, and 27 rows from each of the two embeddings."""
    models = {}
    for psi in (32, 5):
        models[psi] = LaDID(pendulum_task, LaDIDSettings(**resolve_settings("ladid", "default", {"psi": psi}, root)))
    assert parameters(models[32].dynamics) - parameters(models[5].dynamics) == 27 * 256
    assert parameters(models[32].embedding) - parameters(models[5].embedding) == 2 * 27 * 129
    states = models[5].states(torch.zeros(2, 5), torch.zeros(2, 3))
    assert states.shape == (2, 3, 32)
    with pytest.raises(BenchError, match="'psi'"):
        LaDID(pendulum_task, LaDIDSettings(**resolve_settings("ladid", "smoothness-embed", {"psi": 5}, root)))


def test_card_lists_exactly_the_settings(root) -> None:
    assert set(load_card("ladid", root).settings) == set(LaDIDSettings.__dataclass_fields__)


def test_time_feature_periods() -> None:
    expected = [2, 1.382, 0.955, 0.660, 0.456, 0.315, 0.218, 0.150, 0.104, 0.0718, 0.0496, 0.0343, 0.0237, 0.0164]
    periods = TimeFeatures(1.0).periods.numpy()
    np.testing.assert_allclose(periods[:14], expected, rtol=5e-3)
    np.testing.assert_allclose(periods[14:], [0.0113, 0.0078], rtol=5e-3)
    assert TimeFeatures(1.0).width == 32
    assert TimeFeatures(3.0, shortest=0.1).periods.min() >= 0.0999


def test_time_features_are_sine_and_cosine() -> None:
    features = TimeFeatures(1.0)(torch.tensor([0.5]))[0]
    np.testing.assert_allclose(features[:2].numpy(), [np.sin(np.pi / 2), np.cos(np.pi / 2)], atol=1e-6)


def temporal_weights(times: torch.Tensor, window: float, exponent: float) -> torch.Tensor:
    """Attention of the purely temporal layer for one grid of times, ``(C,)`` to ``(C, C)``."""
    return TemporalBias(window, exponent)(times[None, None, :] - times[None, :, None])[0].softmax(dim=-1)


def test_box_window_sees_nine_tokens_at_the_end_and_seventeen_inside() -> None:
    weights = temporal_weights(torch.linspace(0, 3, 60), 0.45, 1e15)
    seen = (weights > 1e-12).sum(dim=1)
    assert seen[0] == seen[-1] == 9
    assert seen[30] == 17
    np.testing.assert_allclose(weights[30][weights[30] > 1e-12].numpy(), 1 / 17, rtol=1e-5)


def test_gaussian_window_has_the_edge_weight() -> None:
    weights = temporal_weights(torch.tensor([0.0, 0.45]), 0.45, 2.0)
    assert weights[0, 1] / weights[0, 0] == pytest.approx(1e-2, rel=1e-5)


def test_kl_matches_torch_distributions() -> None:
    mean, std = torch.randn(5, 7), torch.rand(5, 7) + 0.1
    reference = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, std), torch.distributions.Normal(torch.zeros(5, 7), torch.ones(5, 7))
    ).sum(dim=-1)
    torch.testing.assert_close(Gaussian(mean, std).kl_from_standard_normal(), reference)


def test_likelihood_matches_torch_distributions() -> None:
    mean, target = torch.rand(4, 3, 1, 8, 8), torch.rand(4, 3, 1, 8, 8)
    normal = torch.distributions.Normal(mean, 0.05)
    reference = (normal.log_prob(mean) - normal.log_prob(target)).sum(dim=(2, 3, 4)).mean()
    torch.testing.assert_close(negative_log_likelihood(mean, target, 0.05), reference, rtol=1e-4, atol=1e-2)


def test_aggregated_posterior_is_that_of_the_mean_of_samples() -> None:
    torch.manual_seed(0)
    embedding = VariationalEmbedding(16, 4, 1e-3, "mean")
    tokens = torch.randn(1, 10, 16)
    posterior = embedding(tokens)
    assert (posterior.std > 0).all()
    std = 1e-3 + embedding.tokens.log_std(tokens).clamp(-8, 2).exp()
    drawn = (embedding.tokens.mean(tokens) + std * torch.randn(20_000, 10, 4)).mean(dim=1)
    torch.testing.assert_close(drawn.mean(dim=0), posterior.mean[0], atol=2e-2, rtol=0)
    torch.testing.assert_close(drawn.std(dim=0), posterior.std[0], atol=0, rtol=3e-2)


def test_overlap_penalty_is_a_scaled_square_and_vanishes_without_pairs() -> None:
    earlier, later = torch.zeros(2, 1, 3), torch.ones(2, 1, 3)
    assert overlap_penalty(earlier, later, 0.1).item() == pytest.approx(3 / (2 * 0.01))
    assert overlap_penalty(earlier[:0], later[:0], 0.1).item() == 0


def test_a_tokens_spread_has_a_floor_and_a_ceiling() -> None:
    """``floor + exp(clip(W b, -8, 2))``, as the card says."""
    head = GaussianHead(4, 3, std_floor=0.02)
    with torch.no_grad():
        for value, log_std in ((-20.0, -8), (-1.0, -1), (1.5, 1.5), (20.0, 2)):
            head.log_std.weight.zero_()
            head.log_std.bias.fill_(value)
            torch.testing.assert_close(head(torch.randn(2, 4)).std, torch.full((2, 3), 0.02 + math.exp(log_std)))


@torch.no_grad()
def test_psi_scales_and_shifts_hidden_layers_that_read_the_time() -> None:
    """FiLM (Perez et al. 2018) about the identity, two layers deep, with GELU."""
    torch.manual_seed(0)
    network, psi, time = (
        ModulatedDynamics(4, 6, 16, 5, 0.0).double(),
        torch.randn(3, 4).double(),
        torch.randn(3, 2, 6).double(),
    )
    scale_1, shift_1, scale_2, shift_2 = network.modulation(psi)[:, None].split(16, dim=-1)
    gelu = nn.functional.gelu
    hidden = gelu((1 + scale_1) * network.layers[0](time) + shift_1)
    hidden = gelu((1 + scale_2) * network.layers[1](hidden) + shift_2)
    torch.testing.assert_close(network(psi, time), network.out(hidden))


@pytest.mark.parametrize("dynamics", [ConcatenatedDynamics, ModulatedDynamics])
def test_both_hidden_layers_drop_units_in_training(dynamics) -> None:
    torch.manual_seed(0)
    network, shares = dynamics(4, 6, 64, 5, 0.3), []
    for layer in network.modules():
        if isinstance(layer, nn.Linear) and layer.in_features == 64 and layer.out_features in (64, 5):
            layer.register_forward_pre_hook(lambda _, inputs: shares.append((inputs[0] == 0).float().mean().item()))
    for training in (True, False):
        network.train(training)(torch.randn(300, 4), torch.randn(300, 20, 6))
    half = 0.5 if dynamics is ConcatenatedDynamics else 0.0  # of its units ReLU leaves at 0
    expected = [half + (1 - half) * 0.3] * 2 + [half] * 2
    assert shares == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize("dynamics", [ConcatenatedDynamics, ModulatedDynamics])
def test_dynamics_answer_each_query_alone(dynamics) -> None:
    torch.manual_seed(0)
    network = dynamics(4, 32, 16, 6, 0.0).eval()
    code, time = torch.randn(3, 4), torch.randn(3, 5, 32)
    torch.testing.assert_close(network(code, time)[:, 2:3], network(code, time[:, 2:3]))


@torch.no_grad()
def test_translation_of_all_times_changes_nothing(model, pendulum, pendulum_task, root) -> None:
    from ladid_bench.methods.registry import load_method

    method = load_method("ladid", root)(pendulum_task, resolve_settings("ladid", "default", {}, root))
    method.model = model
    test = pendulum["test"]
    asked = (test.frames[:, :10], test.times[:, :10], test.times[:, 10:])
    moved = (asked[0], asked[1] + 1000.0, asked[2] + 1000.0)
    np.testing.assert_allclose(method.forecast(*asked).mean, method.forecast(*moved).mean, atol=1e-5)


@torch.no_grad()
def test_permuting_batch_or_queries_permutes_the_forecast(model) -> None:
    context, times = torch.rand(4, 10, 1, 32, 32), torch.linspace(0, 0.5, 10).expand(4, -1)
    queries = torch.linspace(0.6, 3, 7).expand(4, -1)
    forecast = model.forecast(context, times, queries)
    rows, columns = torch.tensor([2, 0, 3, 1]), torch.tensor([6, 2, 0, 1, 5, 3, 4])
    torch.testing.assert_close(model.forecast(context[rows], times, queries), forecast[rows], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(
        model.forecast(context, times, queries[:, columns]), forecast[:, columns], atol=1e-5, rtol=1e-4
    )


MENU = [
    *({"attention": kind} for kind in ("t", "dp", "tdp", "tdp_b", "time", "sum", "xmix")),
    *({"aggregation": kind} for kind in ("mean", "last", "attention")),
    *({"smoothness": kind} for kind in ("joint", "embed", "msvi", "none")),
    *({"static": kind} for kind in ("diff", "mean")),
    {"smoothness": "joint", "overlap": 3},
    {"position": "interpolated"},
    {"dynamics": "mlp", "dropout": 0.5},
    {"decoder": "transposed"},
    {"kl_weight": 0.0},
]


@pytest.mark.parametrize("changes", MENU, ids=str)
def test_each_choice_trains_every_parameter(pendulum, pendulum_task, root, changes) -> None:
    """No dish on the menu is decoration: its loss is finite and its gradient reaches every parameter."""
    torch.manual_seed(0)
    model = LaDID(pendulum_task, LaDIDSettings(**resolve_settings("ladid", "default", changes, root)))
    sampler = WindowSampler(pendulum["train"], pendulum_task, Budget(batch_size=4), "cpu")
    terms = model.train().loss(sampler.draw(8, torch.Generator().manual_seed(0)))
    expected = {"reconstruction", "kl", "smoothness"}
    expected -= {"kl"} if changes.get("kl_weight") == 0 else set()
    expected -= {"smoothness"} if changes.get("smoothness") == "none" else set()
    assert set(terms) == expected
    total = sum(terms.values())
    assert torch.isfinite(total)
    total.backward()
    trained = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    without = [name for name, parameter in trained if parameter.grad is None or not parameter.grad.abs().sum() > 0]
    assert without == []


@torch.no_grad()
@pytest.mark.parametrize("kind", ["t", "dp", "tdp", "tdp_b", "time", "sum"])
def test_attention_rows_sum_to_one(kind) -> None:
    torch.manual_seed(0)
    transformer = TemporalTransformer(16, 2, kind, 0.5, 2.0, "learned")
    grid = transformer.grid(torch.linspace(0, 1, 7).expand(3, -1))
    weights = transformer.layers[1].attention.weights(torch.randn(3, 7, 16), grid)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(3, 7))
    if kind == "tdp_b":
        assert (weights[:, 0, 2:] == 0).all()


def scores(part: nn.Module, features: Tensor) -> Tensor:
    """Scaled dot products (Vaswani et al. 2017) of queries and keys, ``(N, C, C)``."""
    return (part.query(features) @ part.key(features).mT) / features.shape[-1] ** 0.5


@torch.no_grad()
@pytest.mark.parametrize("kind", ["t", "dp", "tdp", "tdp_b", "time", "sum"])
def test_a_layer_attends_as_it_is_written(kind) -> None:
    """The formulas of MSVI's paper (Iakovlev et al. 2023), post-norm, and of the two kinds that attend by time."""
    torch.manual_seed(0)
    window, times = 0.5, 2 * torch.rand(3, 7).sort(dim=1).values
    transformer = TemporalTransformer(16, 2, kind, window, 2.0, "learned")
    layer, tokens = transformer.layers[1], torch.randn(3, 7, 16)
    attention = layer.attention
    later = times[:, None, :] - times[:, :, None]  # how much later frame j is than frame i
    bias = math.log(0.01) * (later / window) ** 2
    logits = bias if kind == "t" else scores(attention.content, tokens) if kind != "time" else None
    if kind in ("time", "sum"):
        phase = 2 * math.pi * times[..., None] / window * attention.time.frequency.weight[:, 0]
        by_time = scores(attention.time.scores, torch.cat([phase.sin(), phase.cos()], dim=-1)).softmax(dim=-1)
    if kind in ("tdp", "tdp_b"):
        logits = logits + bias
    if kind == "tdp_b":
        place = torch.arange(7)
        logits = torch.where((place[:, None] - place).abs() <= 1, logits, -math.inf)
    weights = by_time if kind == "time" else logits.softmax(dim=-1)
    weights = (weights + by_time) / 2 if kind == "sum" else weights
    encodings = (later / window).clamp(-1, 1)[..., None] * transformer.encoding.direction.weight[:, 0]
    read = attention.out(weights @ attention.value(tokens) + (weights[..., None] * encodings).sum(dim=2))
    middle = layer.norm_attention(tokens + read)
    wide, _, narrow = layer.feed_forward
    expected = layer.norm_feed_forward(middle + narrow(wide(middle).relu()))
    torch.testing.assert_close(
        layer(tokens, transformer.grid(times), transformer.encoding), expected, rtol=1e-5, atol=1e-5
    )


def test_an_interpolated_encoding_is_drawn_once_with_a_largest_entry_of_one() -> None:
    torch.manual_seed(0)
    direction = RelativeEncoding(128, 0.5, "interpolated").direction.weight
    assert not direction.requires_grad
    assert direction.abs().max() == 1
    assert (
        direction.min() < -0.8
        and direction.max() > 0.8
        and direction.abs().mean().item() == pytest.approx(0.5, abs=0.1)
    )
    assert RelativeEncoding(128, 0.5, "learned").direction.weight.requires_grad


@torch.no_grad()
def test_places_are_mixed_as_they_are_written() -> None:
    """Queries of a frame against keys and values that lend quarters from its neighbours (Bulat et al. 2021)."""
    torch.manual_seed(0)
    layer, tokens = TransformerLayer(8, MixingAttention(8)).double(), torch.randn(2, 5, 4, 8, dtype=torch.float64)
    one, made = layer.attention, layer(tokens)
    for frame in range(5):
        neighbours = [max(frame - 1, 0)] * 2 + [frame] * 4 + [min(frame + 1, 4)] * 2  # whose channel each is
        keys, values = (
            torch.stack([part(tokens[:, whose])[..., channel] for channel, whose in enumerate(neighbours)], dim=-1)
            for part in (one.key, one.value)
        )
        weights = (one.query(tokens[:, frame]) @ keys.mT / 8**0.5).softmax(dim=-1)
        middle = layer.norm_attention(tokens[:, frame] + one.out(weights @ values))
        torch.testing.assert_close(made[:, frame], layer.norm_feed_forward(middle + layer.feed_forward(middle)))


@torch.no_grad()
def test_mixing_attention_takes_quarters_from_the_neighbours() -> None:
    attention = MixingAttention(8)
    tokens = torch.arange(3.0)[None, :, None, None].expand(1, 3, 2, 8)  # frame number everywhere
    assert attention._mixed(tokens)[0, :, 0].tolist() == [
        [0, 0, 0, 0, 0, 0, 1, 1],
        [0, 0, 1, 1, 1, 1, 2, 2],
        [1, 1, 2, 2, 2, 2, 2, 2],
    ]


@torch.no_grad()
def test_space_time_attention_looks_at_places(pendulum_task, root) -> None:
    """Which place of a frame holds the signal matters to xmix before it averages over places."""
    settings = LaDIDSettings(**resolve_settings("ladid", "default", {"attention": "xmix"}, root))
    encoder = LaDID(pendulum_task, settings).eval().encoder
    frame = torch.zeros(1, 1, 32, 32)
    frame[..., :16, :16] = 1
    assert encoder(frame).shape == (1, 4, 128)
    assert not torch.allclose(encoder(frame)[0, 0], encoder(frame)[0, 3], atol=1e-3)


def test_last_token_alone_makes_psi() -> None:
    embedding = VariationalEmbedding(16, 4, 1e-3, "last")
    tokens = torch.randn(2, 5, 16)
    changed = tokens.clone()
    changed[:, :-1] = 0
    torch.testing.assert_close(embedding(tokens).mean, embedding(changed).mean)
    torch.testing.assert_close(embedding(tokens).std, embedding.tokens(tokens).std[:, -1])


@torch.no_grad()
def test_beyond_the_span_the_last_frames_are_encoded_again(model) -> None:
    """The second span is the forecast from the last frames of the first, as they were forecast."""
    context, times = torch.rand(2, 10, 1, 32, 32), (model.step * torch.arange(10.0)).expand(2, -1)
    lead = model.step * 3
    far = torch.full((2, 1), model.span + lead)
    seen_at = model.span - model.step * torch.arange(9.0, -1, -1).expand(2, -1)
    seen = model.forecast(context, times, seen_at)
    again = model.forecast(seen, seen_at - seen_at[:, :1], far - seen_at[:, :1])
    both = model.forecast(context, times, torch.cat([seen_at[:, -1:], far], dim=1))
    torch.testing.assert_close(both[:, 1:], again, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(both[:, :1], seen[:, -1:], atol=1e-5, rtol=1e-4)


def test_kl_between_gaussians_matches_torch_distributions() -> None:
    mean, std, other = torch.randn(5, 7), torch.rand(5, 7) + 0.1, torch.randn(5, 7)
    normal = torch.distributions.Normal
    reference = torch.distributions.kl_divergence(normal(mean, std), normal(other, 0.3)).sum(dim=-1)
    torch.testing.assert_close(Gaussian(mean, std).kl_from(other, 0.3), reference)


@pytest.mark.parametrize("variant", ["default", "paper", "xmix"])
def test_vector_observations_are_taken(pendulum_task, root, variant) -> None:
    task = replace(pendulum_task, shape=(1, 6))
    settings = LaDIDSettings(**resolve_settings("ladid", variant, {"static": "off"}, root))
    model = LaDID(task, settings)
    forecast = model.forecast(torch.rand(3, 10, 1, 6), torch.arange(10.0).expand(3, -1) / 20, torch.ones(3, 4))
    assert forecast.shape == (3, 4, 1, 6)


def test_the_joint_term_compares_neighbours_at_one_time(pendulum, pendulum_task, model) -> None:
    """With a psi that is the same for all windows the mismatch is that of F between two relative times."""
    sampler = WindowSampler(pendulum["train"], pendulum_task, Budget(batch_size=4), "cpu")
    batch = sampler.draw(8, torch.Generator().manual_seed(0))
    psi = torch.randn(1, 32).expand(12, -1)
    earlier, later = model._overlap_states(psi, batch)
    assert earlier.shape == (8, 1, 32)
    reach = batch.forecast_start[1] - batch.start[0]
    torch.testing.assert_close(earlier[0, 0], model.states(psi[:1], reach[None, None])[0, 0])
    torch.testing.assert_close(
        later[0, 0], model.states(psi[:1], (batch.forecast_start[1] - batch.start[1])[None, None])[0, 0]
    )


def build(task, root, variant: str = "default", **changes: Any) -> LaDID:
    torch.manual_seed(0)
    return LaDID(task, LaDIDSettings(**resolve_settings("ladid", variant, changes, root))).eval()


@pytest.fixture
def uneven(uneven_sampler) -> WindowBatch:
    """Three windows of each of three trajectories, each row with times of its own."""
    return uneven_sampler.draw(50, torch.Generator().manual_seed(0))


def mismatch(model: LaDID, batch: WindowBatch, posterior: Gaussian, psi: Tensor, states: Tensor) -> Tensor:
    """The smoothness as the specification writes it, window by window, with sigma_c = 0.3."""
    tokens = model.tokens(batch.frames, batch.context, batch.context_times)
    terms = []
    for one in range(9):
        if model.settings.smoothness == "embed":
            queries = model.tokens(batch.query[one], torch.arange(4)[None], batch.query_times[one : one + 1])
            each = model.embedding.tokens(queries)
            terms.append(kl_divergence(Normal(each.mean[0], each.std[0]), Normal(states[one], 0.3)).sum(dim=-1).mean())
        elif one % 3 < 2:  # the next window is of the same trajectory
            two = one + 1
            if model.settings.smoothness == "joint":
                at = batch.forecast_start[two] + model.step * torch.arange(2)
                earlier = model.states(psi[[one]], (at - batch.start[one])[None])
                later = model.states(psi[[two]], (at - batch.start[two])[None])
                terms.append((earlier - later).square().sum() / (2 * 0.3**2))
            else:
                reached = model.states(psi[[one]], (batch.start[two] - batch.start[one])[None, None])[0, 0]
                each = model.embedding.tokens(tokens[two, 0])
                terms.append(kl_divergence(Normal(each.mean, each.std), Normal(reached, 0.3)).sum())
    return torch.stack(terms).mean()


@torch.no_grad()
@pytest.mark.parametrize("smoothness", ["joint", "embed", "msvi"])
def test_terms_of_the_loss_are_as_written(pendulum_task, root, uneven, smoothness) -> None:
    """Each with a weight and a standard deviation of its own, over the 1024 values of a frame."""
    weights = {"observation_std": 0.2, "kl_weight": 0.5, "smoothness_weight": 0.7, "smoothness_std": 0.3}
    model = build(pendulum_task, root, smoothness=smoothness, overlap=2, **weights)
    torch.manual_seed(3)
    terms = model.loss(uneven)
    torch.manual_seed(3)
    posterior = model.embedding(model.tokens(uneven.frames, uneven.context, uneven.context_times))
    psi = posterior.sample()
    states = model.states(psi, uneven.query_times)
    squared = (model.decoder(states) - uneven.query).square().sum(dim=(2, 3, 4)).mean()
    expected = {
        "reconstruction": squared / (2 * 0.2**2) / 1024,
        "kl": 0.5 * kl_divergence(Normal(posterior.mean, posterior.std), Normal(0.0, 1.0)).sum(dim=1).mean() / 1024,
        "smoothness": 0.7 * mismatch(model, uneven, posterior, psi, states) / 1024,
    }
    torch.testing.assert_close(terms, expected, rtol=1e-4, atol=1e-6)


def test_a_psi_that_is_no_distribution_is_its_mean_and_costs_no_divergence(pendulum_task, root, uneven) -> None:
    model = build(pendulum_task, root, "deterministic-psi")
    losses = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        losses.append(model.loss(uneven))
    assert set(losses[0]) == {"reconstruction", "smoothness"}
    assert all(torch.equal(term, losses[1][name]) for name, term in losses[0].items())
    assert [name for name, one in model.named_parameters() if not one.requires_grad] == [
        "embedding.tokens.log_std.weight",
        "embedding.tokens.log_std.bias",
    ]


def test_settings_reach_the_parts_that_they_are_for(pendulum_task, root) -> None:
    """Windows are fractions of a trajectory of 6, periods whole frames of 0.1."""
    task = replace(pendulum_task, duration=6.0, time_step=0.1)
    chosen = {"attention_window": 0.2, "attention_exponent": 3.0, "period_floor": 5.0, "position": "interpolated"}
    model = build(task, root, **chosen, layers=3, periods=7, std_floor=0.05)
    bias, encoding = model.transformer.bias, model.transformer.encoding
    assert bias.window == encoding.window == pytest.approx(1.2)
    assert bias.exponent == 3.0
    assert not encoding.direction.weight.requires_grad
    assert len(model.transformer.layers) == 3
    assert len(model.time_features.periods) == 7
    assert model.time_features.periods[[0, -1]].tolist() == pytest.approx([12.0, 0.5])
    assert model.embedding.tokens.std_floor == 0.05


@torch.no_grad()
def test_the_static_path_sees_motion_or_the_background(pendulum_task) -> None:
    """``diff`` of the released code is the mean difference to the first frame, ``mean`` the mean frame."""
    torch.manual_seed(0)
    context = torch.rand(3, 10, 1, 32, 32)
    later = torch.stack([context[:, frame] - context[:, 0] for frame in range(1, 10)]).mean(dim=0)
    for kind, seen in (("diff", later), ("mean", sum(context.unbind(dim=1)) / 10)):
        path = StaticPath(pendulum_task, 2, kind).eval()
        torch.testing.assert_close(path(context), path.out(path.features(seen)), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_static_path_is_added_to_the_first_map_of_every_query(pendulum_task, root) -> None:
    model = build(pendulum_task, root, static="diff")
    context, states = torch.rand(2, 10, 1, 32, 32), torch.randn(2, 3, 32)
    made = model.render(states, context)
    for row in range(2):
        extra = model.static(context)[row].flatten()
        model.decoder.expand.bias += extra
        torch.testing.assert_close(made[row], model.decoder(states[row]), rtol=1e-4, atol=1e-5)
        model.decoder.expand.bias -= extra
