"""LaDID: context frames -> psi -> F(psi, t) -> frames, with no differential equation to solve."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from ladid_bench.core.errors import BenchError
from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch
from ladid_bench.ladid.attention import AttentionKind, EncodingKind, MixingTransformer, TemporalTransformer
from ladid_bench.ladid.dynamics import DYNAMICS, TimeFeatures
from ladid_bench.ladid.objective import Smoothness, embedding_penalty, overlap_penalty
from ladid_bench.ladid.representation import Aggregation, VariationalEmbedding
from ladid_bench.ladid.static import StaticKind, StaticPath
from ladid_bench.methods.coders import DecoderKind, PlaceEncoder, build_decoder, build_encoder
from ladid_bench.methods.distributions import Gaussian, negative_log_likelihood
from ladid_bench.methods.neural import Reader, VariationalModel

# states of the earlier and of the later of two neighbouring windows where they overlap, (pairs, overlap, latent) each
OverlapStates = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class LaDIDSettings:
    """Hold the hyper-parameters; their values stand in the card, ``method.yaml``.

    Attributes:
        learning_rate: peak of the trainer's schedule.
        growth: whether the trainer grows the query length to the full horizon.
        base_channels: channels after the first convolution.
        decoder: ``transposed`` (the released code) or ``shuffle``.
        static: path from the context straight to the decoder: ``off``, ``diff`` (the released code), ``mean``.
        psi: length of psi; ``embed`` and ``msvi`` compare embeddings with states, so there it is ``latent``.
        latent: length of the latent state.
        token_width: length of a token, h.
        layers: transformer layers; with 0 psi comes from the tokens of single frames.
        attention: ``t``, ``dp``, ``tdp``, ``tdp_b``, ``time``, ``sum`` over time, or ``xmix`` over space and time.
        attention_window: half width of the temporal window as a fraction of the grid's duration.
        attention_exponent: shape of the temporal window; 2 is a Gaussian, large is a box.
        position: relative positional encoding, ``learned`` or ``interpolated``.
        aggregation: of tokens to psi: ``mean``, ``last``, ``attention``.
        std_floor: smallest standard deviation of a token's embedding, tau_min.
        variational: whether training draws psi from its posterior; else psi is the mean, without a divergence.
        dynamics: ``mlp`` (the paper) or ``film``.
        hidden: width of F.
        dropout: dropout in F while training.
        periods: number of periods of the time features.
        period_floor: smallest period in time steps; 0 keeps the released code's T / 128.
        observation_std: sigma_Y of the likelihood.
        kl_weight: weight of ``KL(q(psi) || N(0, I))``; 0 switches it off.
        smoothness: ``joint``, ``embed``, ``msvi`` or ``none``.
        smoothness_std: sigma_c of the smoothness.
        smoothness_weight: weight of the smoothness.
        overlap: frames at which ``joint`` compares neighbouring windows.
    """

    learning_rate: float
    growth: bool
    base_channels: int
    decoder: DecoderKind
    static: StaticKind | Literal["off"]
    psi: int
    latent: int
    token_width: int
    layers: int
    attention: AttentionKind
    attention_window: float
    attention_exponent: float
    position: EncodingKind
    aggregation: Aggregation
    std_floor: float
    variational: bool
    dynamics: str
    hidden: int
    dropout: float
    periods: int
    period_floor: float
    observation_std: float
    kl_weight: float
    smoothness: Smoothness
    smoothness_std: float
    smoothness_weight: float
    overlap: int


class LaDID(VariationalModel):
    """Forecast by latent dynamics with an invariant decomposition (Lagemann, Lagemann, Mukherjee, arXiv 2306.12077).

    The context gives psi, which is particular to a realization; F, which all realizations share, maps psi and a
    time to the latent state at that time; the decoder renders it.
    """

    def __init__(self, task: Task, settings: LaDIDSettings):
        super().__init__()
        self.settings, self.step, self.span = settings, task.time_step, task.duration
        width, latent, psi = settings.token_width, settings.latent, settings.psi
        if psi != latent and settings.smoothness in ("embed", "msvi"):
            raise BenchError(
                f"LaDID: smoothness '{settings.smoothness}' compares embeddings with states, so settings 'psi' and "
                f"'latent' must be equal, got {psi} and {latent}"
            )
        self.encoder, self.transformer = _context_network(task, settings)
        self.embedding = VariationalEmbedding(width, psi, settings.std_floor, settings.aggregation)
        self.embedding.tokens.log_std.requires_grad_(settings.variational)  # without draws of psi its spread is unused
        self.time_features = TimeFeatures(task.duration, settings.periods, settings.period_floor * task.time_step)
        self.dynamics: nn.Module = DYNAMICS[settings.dynamics](
            psi, self.time_features.width, settings.hidden, latent, settings.dropout
        )
        self.decoder = build_decoder(latent, task.shape, settings.base_channels, settings.decoder)
        self.static = None if settings.static == "off" else StaticPath(task, settings.base_channels, settings.static)

    def tokens(self, frames: Tensor, index: Tensor, times: Tensor) -> Tensor:
        """Encode distinct frames ``(F, ...)`` once and attend over sequences of them.

        Args:
            frames: ``(F, channel, *space)``.
            index: rows of ``frames`` in each sequence, ``(N, C)``.
            times: of each sequence, ``(N, C)``.

        Returns:
            ``(N, C, width)``.
        """
        return self.transformer(self.encoder(frames)[index], times)

    def states(self, psi: Tensor, times: Tensor) -> Tensor:
        """Compute latent states ``F(psi, t)``: ``(N, psi)`` and ``(N, Q)`` to ``(N, Q, latent)``."""
        return self.dynamics(psi, self.time_features(times))

    def render(self, states: Tensor, context: Tensor) -> Tensor:
        """Render states ``(N, Q, latent)`` as ``(N, Q, channel, *space)``; the context is for the static path."""
        if self.static is None:
            return self.decoder(states)
        return self.decoder(states, self.static(context)[:, None])  # (N, 1, 8c, h/16, w/16) for all queries

    def loss(self, batch: WindowBatch) -> dict[str, Tensor]:
        """Compute the terms of the negative evidence lower bound, over the number of values in a frame."""
        settings, values = self.settings, batch.query[0, 0].numel()
        tokens = self.tokens(batch.frames, batch.context, batch.context_times)
        posterior = self.embedding(tokens)
        psi = posterior.sample() if settings.variational else posterior.mean
        states, overlap = self.window_states(psi, batch)
        mean = self.render(states, batch.frames[batch.context])
        terms = {"reconstruction": negative_log_likelihood(mean, batch.query, settings.observation_std)}
        if settings.variational and settings.kl_weight > 0:
            terms["kl"] = settings.kl_weight * posterior.kl_from_standard_normal().mean()
        if settings.smoothness != "none":
            terms["smoothness"] = settings.smoothness_weight * self._smoothness(batch, tokens, psi, states, overlap)
        return {name: term / values for name, term in terms.items()}

    def window_states(self, psi: Tensor, batch: WindowBatch) -> tuple[Tensor, OverlapStates | None]:
        """Compute all latent states of the loss: ``(N, Q, latent)`` at the queries, and for ``joint`` at overlaps.

        One method for both, so that dynamics which have to go through all times can go once.
        """
        states = self.states(psi, batch.query_times)
        return states, self._overlap_states(psi, batch) if self.settings.smoothness == "joint" else None

    def _smoothness(
        self, batch: WindowBatch, tokens: Tensor, psi: Tensor, states: Tensor, overlap: OverlapStates | None
    ) -> Tensor:
        std = self.settings.smoothness_std
        if overlap is not None:
            return overlap_penalty(*overlap, std)
        if self.settings.smoothness == "embed":
            return embedding_penalty(self._embedded_queries(batch), states, std)
        # msvi: F of each window, carried on to where the next one starts, against the embedding of that frame
        earlier, later = slice(None, -1), slice(1, None)
        start = batch.start.unflatten(0, (-1, batch.windows))  # (N,) -> (B, W)
        first = self.embedding.tokens(tokens[:, :1])  # (N, 1, latent)
        parts = (part.unflatten(0, (-1, batch.windows)) for part in (first.mean, first.std))  # (B, W, 1, latent)
        mean, deviation = (part[:, later].flatten(0, 1) for part in parts)  # (B, W - 1, 1, k) -> (pairs, 1, k)
        continued = self.states(
            psi.unflatten(0, (-1, batch.windows))[:, earlier].flatten(0, 1),  # (B, W - 1, k) -> (pairs, k)
            start.diff(dim=1).flatten()[:, None],  # (B, W - 1) -> (pairs, 1)
        )  # (pairs, 1, latent)
        return embedding_penalty(Gaussian(mean, deviation), continued, std)

    def _embedded_queries(self, batch: WindowBatch) -> Gaussian:
        """Posterior of the embeddings of the true query frames, ``(N, Q, latent)``."""
        frames = batch.query.flatten(0, 1)  # (N, Q, channel, *space) -> (N * Q, channel, *space)
        index = torch.arange(len(frames), device=frames.device).reshape(batch.query_times.shape)  # (N, Q)
        return self.embedding.tokens(self.tokens(frames, index, batch.query_times))

    def overlap_times(self, batch: WindowBatch) -> tuple[Tensor, Tensor]:
        """Compute the times at which neighbouring windows overlap: the first ones after the later one's context.

        Returns:
            ``(B, W - 1, overlap)`` counted from the first frame of the earlier window, and from that of the later one.
        """
        start, after = (
            part.unflatten(0, (-1, batch.windows)) for part in (batch.start, batch.forecast_start)
        )  # (B, W)
        ahead = self.step * torch.arange(self.settings.overlap, device=after.device)
        shared = after[:, 1:, None] + ahead  # (B, W - 1, overlap)
        return shared - start[:, :-1, None], shared - start[:, 1:, None]

    def _overlap_states(self, psi: Tensor, batch: WindowBatch) -> OverlapStates:
        psi = psi.unflatten(0, (-1, batch.windows))  # (N, k) -> (B, W, k)
        earlier, later = (
            self.states(one.flatten(0, 1), times.flatten(0, 1))  # (B, W - 1, ...) -> (pairs, ...)
            for one, times in zip((psi[:, :-1], psi[:, 1:]), self.overlap_times(batch), strict=True)
        )
        return earlier, later

    def posterior(self, context: Tensor, context_times: Tensor) -> Gaussian:
        frames = context.flatten(0, 1)  # (N, C, ...) -> (N * C, ...)
        index = torch.arange(len(frames), device=frames.device).reshape(context_times.shape)  # (N, C)
        return self.embedding(self.tokens(frames, index, context_times))

    def sample(self, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor | None:
        """Draw psi and forecast from it; None where psi is deterministic, as its spread was never trained."""
        return super().sample(context, context_times, query_times) if self.settings.variational else None

    def unfold(self, read: Reader, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor:
        """Forecast frames at any query times.

        Within the span of a training trajectory F maps each query time directly. Beyond it the last C frames
        of the span, as forecast, become the context of the next one, as often as it takes.
        """
        psi = read(context, context_times)
        mean = self.render(self.states(psi, query_times), context)
        beyond = query_times > self.span * (1 + 1e-6)
        if not beyond.any():
            return mean
        frames = context_times.shape[1]
        back = self.step * torch.arange(frames - 1, -1, -1, device=context.device)
        last = (self.span - back).expand(len(context), -1)  # (N, C), times of the next context
        origin = last[:, :1]
        forecast = self.render(self.states(psi, last), context)
        later = self.unfold(read, forecast, last - origin, query_times - origin)
        beyond = beyond[(...,) + (None,) * (mean.ndim - 2)]  # (N, Q) -> (N, Q, 1, ...)
        return torch.where(beyond, later, mean)


def _context_network(task: Task, settings: LaDIDSettings) -> tuple[nn.Module, nn.Module]:
    """The encoder of frames, and the transformer over what it gives."""
    if settings.attention == "xmix":
        return _place_encoder(task, settings), MixingTransformer(settings.token_width, settings.layers)
    transformer = TemporalTransformer(
        settings.token_width,
        settings.layers,
        settings.attention,
        settings.attention_window * task.duration,
        settings.attention_exponent,
        settings.position,
    )
    return build_encoder(task.shape, settings.base_channels, settings.token_width), transformer


def _place_encoder(task: Task, settings: LaDIDSettings) -> nn.Module:
    """The encoder of frames ``(F, ...)`` to tokens ``(F, place, width)``; a vector is one place."""
    width = settings.token_width
    if task.is_image:
        return PlaceEncoder(task.shape, settings.base_channels, width)
    encoder = build_encoder(task.shape, settings.base_channels, width)
    return nn.Sequential(encoder, nn.Unflatten(1, (1, width)))  # (F, width) -> (F, 1, width)
