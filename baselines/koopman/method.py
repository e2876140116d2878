"""Koopman autoencoder: a latent space in which motion is linear, trained end to end.

After Lusch, Kutz, Brunton (Nature Communications 2018) and Takeishi, Kawahara, Yairi (NeurIPS 2017).
"""

import math
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from ladid_bench.core.errors import BenchError
from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch
from ladid_bench.methods.coders import build_decoder
from ladid_bench.methods.distributions import negative_log_likelihood
from ladid_bench.methods.initial_state import InitialStateModel
from ladid_bench.methods.neural import ForecastModel, NeuralMethod, Reader
from ladid_bench.methods.ode import Perceptron

MEMORY = 10.0  # training spans in which an untrained mode decays by 1 / e


def spread_frequencies(pairs: int, shortest: float, longest: float) -> Tensor:
    """Choose angular frequencies ``(pairs,)`` to start from: 0 for what is constant, then geometric in the period.

    Training moves a frequency only as far as the phase errors of neighbouring periods let it, so
    that those it needs have to be near some that it starts from.
    """
    spacing = torch.linspace(0, 1, pairs - 1, dtype=torch.float64)
    periods = longest * (shortest / longest) ** spacing
    return torch.cat([torch.zeros(1), (2 * math.pi / periods).float()])


class FixedShift(nn.Module):
    """Change the spectrum alike for all trajectories."""

    def __init__(self, pairs: int):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(2 * pairs))

    def forward(self, energies: Tensor) -> Tensor:
        """Repeat the change ``(2 * pairs,)`` for squared radii ``(N, pairs)``, ``(N, 2 * pairs)``."""
        return self.shift.expand(len(energies), -1)


class LinearFlow(nn.Module):
    """Solve ``dz/dt = K z``: a block ``[[-decay, -frequency], [frequency, -decay]]`` for each pair of coordinates.

    With ``auxiliary``, K depends on the trajectory through the squared radii of all pairs and nothing
    else: rotation does not change them, so every state of an undamped trajectory has the same K.

    Args:
        latent: length of z, even.
        shortest, longest: range of the periods to start from.
        span: duration of a training trajectory.
        auxiliary: hidden width of the network that gives K, or 0 for one K.
    """

    frequencies: Tensor

    def __init__(self, latent: int, shortest: float, longest: float, span: float, auxiliary: int):
        super().__init__()
        self.pairs = latent // 2
        self.register_buffer("frequencies", spread_frequencies(self.pairs, shortest, longest))
        self.decay = math.log(math.expm1(1 / (MEMORY * span)))  # before the softplus
        # learned as changes, so that weight decay pulls towards where a mode began and not to a standstill
        self.shift = Perceptron(self.pairs, auxiliary, latent) if auxiliary else FixedShift(self.pairs)

    def spectrum(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """Compute angular frequencies and non-negative decay rates, ``(N, pairs)`` each, for states ``(N, latent)``."""
        energies = (
            state.unflatten(-1, (self.pairs, 2)).square().sum(dim=-1)
        )  # (N, latent) -> (N, pairs, 2) -> (N, pairs)
        turn, slow = self.shift(energies).chunk(2, dim=-1)
        return self.frequencies + turn, nn.functional.softplus(self.decay + slow)

    def forward(self, state: Tensor, times: Tensor) -> Tensor:
        """Compute ``exp(K t) z``, exact at any time: ``(N, latent)`` and ``(N, Q)`` to ``(N, Q, latent)``."""
        frequency, decay = (part[:, None] for part in self.spectrum(state))  # (N, 1, pairs)
        angle = frequency * times[..., None]  # (N, Q, pairs)
        scale = torch.exp(-decay * times[..., None])
        first, second = state.unflatten(-1, (self.pairs, 2))[:, None].unbind(
            dim=-1
        )  # (N, latent) -> two of (N, 1, pairs)
        cosine, sine = scale * angle.cos(), scale * angle.sin()
        turned = torch.stack([cosine * first - sine * second, sine * first + cosine * second], dim=-1)
        return turned.flatten(-2)  # (N, Q, pairs, 2) -> (N, Q, latent)


class KoopmanAutoencoder(InitialStateModel):
    """Infer the state of the first frame from the context, then move it linearly."""

    def __init__(self, task: Task, settings: SimpleNamespace):
        super().__init__(task, settings)
        if settings.latent % 2:
            raise BenchError(f"method 'koopman': setting 'latent' must be even, got {settings.latent}")
        frame, span = task.time_step / self.time_scale, task.duration / self.time_scale
        auxiliary = settings.hidden if settings.auxiliary else 0
        self.flow = LinearFlow(settings.latent, settings.period_floor * frame, 2 * span, span, auxiliary)
        self.decoder = build_decoder(settings.latent, task.shape, settings.base_channels, settings.decoder)

    def loss(self, batch: WindowBatch) -> dict[str, Tensor]:
        """Compute likelihood, KL divergence and linearity between windows, over the number of values in a frame."""
        settings, values = self.settings, batch.query[0, 0].numel()
        initial = self.initial_state(batch)
        state = initial.sample()
        mean = self.decoder(self.flow(state, batch.query_times / self.time_scale))
        terms = {
            "reconstruction": negative_log_likelihood(mean, batch.query, settings.observation_std),
            "kl": settings.kl_weight * initial.kl_from_standard_normal().mean(),
            "linearity": settings.linearity_weight * self._linearity(state, batch),
        }
        return {name: term / values for name, term in terms.items()}

    def _linearity(self, state: Tensor, batch: WindowBatch) -> Tensor:
        """Mismatch of each window's state with that of the window before, carried on to the same frame.

        Summed over coordinates, over ``2 std^2``, averaged over pairs of windows; 0 where there is one window.
        """
        states, start = (
            part.unflatten(0, (-1, batch.windows)) for part in (state, batch.start)
        )  # (N, ...) -> (B, W, ...)
        if batch.windows == 1:
            return torch.zeros((), device=state.device)
        gaps = start.diff(dim=1).reshape(-1, 1) / self.time_scale  # (B, W - 1) -> (pairs, 1)
        earlier, later = states[:, :-1].flatten(0, 1), states[:, 1:].flatten(0, 1)  # (B, W - 1, k) -> (pairs, k)
        carried = self.flow(earlier, gaps)[:, 0]  # (pairs, 1, latent) -> (pairs, latent)
        mismatch = (later - carried).square().sum(dim=1)  # (pairs,)
        return mismatch.mean() / (2 * self.settings.linearity_std**2)

    def unfold(self, read: Reader, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor:
        return self.decoder(self.flow(read(context, context_times), query_times / self.time_scale))


class KoopmanMethod(NeuralMethod):
    """Train a ``KoopmanAutoencoder`` with the settings of the card."""

    def build_model(self) -> ForecastModel:
        return KoopmanAutoencoder(self.task, self.settings)


METHOD = KoopmanMethod
