"""LaDID: sizes of the released code, time features, attention windows, formulas, invariances."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ladid_bench.core.configuration import Budget
from ladid_bench.core.errors import BenchError
from ladid_bench.data.windows import WindowSampler
from ladid_bench.ladid.attention import MixingAttention, TemporalBias, TemporalTransformer
from ladid_bench.ladid.dynamics import ConcatenatedDynamics, ModulatedDynamics, TimeFeatures
from ladid_bench.ladid.model import LaDID, LaDIDSettings
from ladid_bench.ladid.objective import overlap_penalty
from ladid_bench.ladid.representation import VariationalEmbedding
from ladid_bench.ladid.static import StaticPath
from ladid_bench.methods.coders import ConvolutionalDecoder, ConvolutionalEncoder
from ladid_bench.methods.distributions import Gaussian, negative_log_likelihood
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
