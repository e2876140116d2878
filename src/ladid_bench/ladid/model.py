"""LaDID: context frames -> psi -> F(psi, t) -> frames, with no differential equation to solve."""

from dataclasses import dataclass

from torch import Tensor, nn

from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch
from ladid_bench.ladid.attention import TemporalTransformer
from ladid_bench.ladid.dynamics import DYNAMICS, TimeFeatures
from ladid_bench.ladid.objective import seam_penalty
from ladid_bench.ladid.representation import VariationalEmbedding
from ladid_bench.methods.coders import ConvolutionalDecoder, ConvolutionalEncoder, DecoderKind
from ladid_bench.methods.distributions import Gaussian, negative_log_likelihood
from ladid_bench.methods.neural import ForecastModel


@dataclass(frozen=True)
class LaDIDSettings:
    """Hyper-parameters; their values stand in the card, ``method.yaml``.

    Attributes:
        base_channels: channels after the first convolution.
        decoder: ``transposed`` (the released code) or ``shuffle``.
        latent: length of psi and of the latent state, k.
        token_width: length of a token, h.
        layers: transformer layers; the first attends by time alone.
        attention: kind of the others: ``dp``, ``t``, ``tdp``.
        attention_window: half width of the temporal window as a fraction of the grid's duration.
        attention_exponent: shape of the temporal window; 2 is a Gaussian, large is a box.
        std_floor: smallest standard deviation of a token's embedding, tau_min.
        dynamics: ``mlp`` (the paper) or ``film``.
        hidden: width of F.
        dropout: dropout in F while training.
        periods: number of periods of the time features.
        period_floor: smallest period in time steps; 0 keeps the released code's T / 128.
        observation_std: sigma_Y of the likelihood.
        seam_std: sigma_c of the joint smoothness.
        code_weight: weight of ``KL(q(psi) || N(0, I))``.
        seam_weight: weight of the joint smoothness.
    """

    base_channels: int
    decoder: DecoderKind
    latent: int
    token_width: int
    layers: int
    attention: str
    attention_window: float
    attention_exponent: float
    std_floor: float
    dynamics: str
    hidden: int
    dropout: float
    periods: int
    period_floor: float
    observation_std: float
    seam_std: float
    code_weight: float
    seam_weight: float


class LaDID(ForecastModel):
    """Latent dynamics via invariant decomposition (Lagemann, Lagemann, Mukherjee, arXiv 2306.12077)."""

    def __init__(self, task: Task, settings: LaDIDSettings):
        super().__init__()
        self.settings = settings
        width, latent = settings.token_width, settings.latent
        self.encoder = ConvolutionalEncoder(task.shape, settings.base_channels, width)
        self.transformer = TemporalTransformer(
            width,
            settings.layers,
            settings.attention,
            settings.attention_window * task.duration,
            settings.attention_exponent,
        )
        self.embedding = VariationalEmbedding(width, latent, settings.std_floor)
        self.time_features = TimeFeatures(task.duration, settings.periods, settings.period_floor * task.time_step)
        self.dynamics: nn.Module = DYNAMICS[settings.dynamics](
            latent, self.time_features.width, settings.hidden, latent, settings.dropout
        )
        self.decoder = ConvolutionalDecoder(latent, task.shape, settings.base_channels, settings.decoder)

    def code(self, tokens: Tensor, times: Tensor) -> Gaussian:
        """Posterior of psi, ``(N, latent)``, from the encoded context ``(N, C, width)`` at ``times`` ``(N, C)``."""
        return self.embedding(self.transformer(tokens, times))

    def states(self, psi: Tensor, times: Tensor) -> Tensor:
        """Latent states ``F(psi, t)``: ``(N, latent)`` and ``(N, Q)`` to ``(N, Q, latent)``."""
        return self.dynamics(psi, self.time_features(times))

    def loss(self, batch: WindowBatch) -> dict[str, Tensor]:
        settings, values = self.settings, batch.query[0, 0].numel()
        tokens = self.encoder(batch.frames)[batch.context]  # (F, width) -> (N, C, width)
        code = self.code(tokens, batch.context_times)
        psi = code.sample()
        mean = self.decoder(self.states(psi, batch.query_times))
        terms = {
            "reconstruction": negative_log_likelihood(mean, batch.query, settings.observation_std),
            "code": settings.code_weight * code.kl_from_standard_normal().mean(),
            "seam": settings.seam_weight * seam_penalty(*self._seams(psi, batch), settings.seam_std),
        }
        return {name: term / values for name, term in terms.items()}

    def _seams(self, psi: Tensor, batch: WindowBatch) -> tuple[Tensor, Tensor]:
        """Latent states of neighbouring windows at the later one's first query, ``(pairs, latent)`` each."""
        psi, start, seam = (
            part.unflatten(0, (-1, batch.windows))  # (N, ...) -> (B, W, ...)
            for part in (psi, batch.start, batch.seam)
        )
        meeting = seam[:, 1:]  # (B, W - 1)
        sides = [(psi[:, :-1], meeting - start[:, :-1]), (psi[:, 1:], meeting - start[:, 1:])]
        earlier, later = (
            self.states(code.flatten(0, 1), time.flatten()[:, None])[:, 0]  # (B, W-1, ..) -> (pairs, ..) -> (pairs, k)
            for code, time in sides
        )
        return earlier, later

    def forecast(self, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor:
        return self.decoder(self.states(self.represent(context, context_times), query_times))

    def represent(self, context: Tensor, context_times: Tensor) -> Tensor:
        count, frames = context.shape[:2]
        tokens = self.encoder(context.flatten(0, 1)).unflatten(0, (count, frames))  # (N * C, width) -> (N, C, width)
        return self.code(tokens, context_times).mean
