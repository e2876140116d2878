"""Neural flow (Bilos, Sommer, Rangapuram, Januschowski, Guennemann, NeurIPS 2021): a latent ODE without its solver.

A network maps an initial state and a time to the state at that time. It is the identity at time 0 and invertible at
every other one by construction, as the solution map of an ordinary differential equation is.
"""

from abc import ABC, abstractmethod
from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ladid_bench.core.errors import BenchError, nearest
from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch
from ladid_bench.methods.coders import build_decoder
from ladid_bench.methods.distributions import negative_log_likelihood
from ladid_bench.methods.initial_state import InitialStateModel
from ladid_bench.methods.neural import ForecastModel, NeuralMethod, Reader
from ladid_bench.methods.ode import Perceptron

ALPHA, BETA = 2 / 5, 4 / 5  # of the update and of the reset gate: with them a GRU's residual contracts (theorem 1)
INVERSION_STEPS = 100  # of the fixed-point iteration, as in the released code
MOST = 2.0  # of an exponent, either way: a layer scales by at most e^2; without a bound products of layers overflow


class BoundedTime(nn.Module):
    """Embed times as ``tanh(w t)`` with learned rates; a contraction may be multiplied by it and stay one."""

    def __init__(self, outputs: int):
        super().__init__()
        self.rate = nn.Parameter(torch.empty(1, outputs))
        nn.init.xavier_uniform_(self.rate)

    def forward(self, times: Tensor) -> Tensor:
        """Embed ``(..., 1)`` as ``(..., outputs)``, 0 at time 0 and between -1 and 1."""
        return (self.rate * times).tanh()


class WaveTime(nn.Module):
    """Embed times as means of sines, of ``w_k sin(s_k t)`` over k, with learned weights and frequencies."""

    def __init__(self, outputs: int, waves: int, mean_frequency: float):
        super().__init__()
        self.frequency = nn.Parameter(mean_frequency * torch.empty(outputs, waves).exponential_())
        self.weight = nn.Parameter(torch.empty(outputs, waves))
        nn.init.xavier_normal_(self.weight)

    def forward(self, times: Tensor) -> Tensor:
        """Embed ``(..., 1)`` as ``(..., outputs)``, 0 at time 0."""
        # (..., 1) -> (..., 1, 1) -> (..., outputs, waves) -> (..., outputs)
        return (self.weight * (self.frequency * times[..., None]).sin()).mean(dim=-1)


class FlowLayer(nn.Module, ABC):
    """Move states by an invertible map that depends on time and is the identity at time 0."""

    @abstractmethod
    def forward(self, state: Tensor, times: Tensor) -> Tensor:
        """Move states ``(..., k)`` by times ``(..., 1)``."""

    @abstractmethod
    def inverse(self, state: Tensor, times: Tensor) -> Tensor:
        """Move states ``(..., k)`` back by times ``(..., 1)``."""


class CouplingLayer(FlowLayer):
    """Scale and shift one half by what the other says: ``z_A exp(u(t, z_B) phi_u(t)) + v(t, z_B) phi_v(t)``.

    Args:
        latent: length of a state, even.
        hidden: width of the network that gives u and v.
        time: embedding phi of times, with ``latent`` outputs.
        first: whether A is the first half.
    """

    def __init__(self, latent: int, hidden: int, time: nn.Module, first: bool):
        super().__init__()
        self.network = Perceptron(latent // 2 + 1, hidden, latent, activation=nn.ReLU)
        self.time, self.first = time, first

    def forward(self, state: Tensor, times: Tensor) -> Tensor:
        moved, kept = self._halves(state)
        exponent, shift = self._change(kept, times)
        return self._joined(moved * exponent.exp() + shift, kept)

    def inverse(self, state: Tensor, times: Tensor) -> Tensor:
        moved, kept = self._halves(state)
        exponent, shift = self._change(kept, times)
        return self._joined((moved - shift) * (-exponent).exp(), kept)

    def _change(self, kept: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """Compute exponent and shift, ``(..., k / 2)`` each; both are 0 at time 0."""
        change = self.network(torch.cat([kept, times], dim=-1)) * self.time(times)
        exponent, shift = change.chunk(2, dim=-1)
        return MOST * (exponent / MOST).tanh(), shift

    def _halves(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """Split ``(..., k)`` into the half that moves and the half that stays."""
        one, two = state.chunk(2, dim=-1)
        return (one, two) if self.first else (two, one)

    def _joined(self, moved: Tensor, kept: Tensor) -> Tensor:
        return torch.cat([moved, kept] if self.first else [kept, moved], dim=-1)


class ResidualLayer(FlowLayer):
    """Add what time scales: ``z + phi(t) g(t, z)``, with ``|phi| < 1`` and a g that contracts in z."""

    def __init__(self, latent: int):
        super().__init__()
        self.time = BoundedTime(latent)

    @abstractmethod
    def residual(self, state: Tensor, times: Tensor) -> Tensor:
        """Compute ``g(t, z)``, ``(..., k)``, a contraction in z."""

    def forward(self, state: Tensor, times: Tensor) -> Tensor:
        return state + self.time(times) * self.residual(state, times)

    def inverse(self, state: Tensor, times: Tensor) -> Tensor:
        before = state
        for _ in range(INVERSION_STEPS):  # converges as the residual contracts
            before = state - self.time(times) * self.residual(before, times)
        return before


class ResNetLayer(ResidualLayer):
    """Residual layer whose g is a perceptron with weight matrices of spectral norm 1."""

    def __init__(self, latent: int, hidden: int):
        super().__init__(latent)
        self.network = Perceptron(latent + 1, hidden, latent, activation=nn.ReLU)
        for layer in self.network:
            if isinstance(layer, nn.Linear):
                spectral_norm(layer)

    def residual(self, state: Tensor, times: Tensor) -> Tensor:
        return self.network(torch.cat([state, times], dim=-1))


class GRULayer(ResidualLayer):
    """Residual layer whose g is a gated recurrent unit's change of state, ``z(t, h) (c(t, r h) - h)``."""

    def __init__(self, latent: int):
        super().__init__(latent)
        self.reset, self.update, self.candidate = (spectral_norm(nn.Linear(latent + 1, latent)) for _ in range(3))

    def residual(self, state: Tensor, times: Tensor) -> Tensor:
        inputs = torch.cat([state, times], dim=-1)
        reset, update = BETA * self.reset(inputs).sigmoid(), ALPHA * self.update(inputs).sigmoid()
        return update * (self.candidate(torch.cat([reset * state, times], dim=-1)).tanh() - state)


class Flow(nn.Module):
    """Compose flow layers: ``F(t, z)`` with ``F(0, z) = z``, invertible at each time."""

    def __init__(self, layers: list[FlowLayer]):
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, initial: Tensor, times: Tensor) -> Tensor:
        """Compute the states at ``times`` ``(N, Q)`` from initial ones ``(N, k)``, ``(N, Q, k)``."""
        times = times[..., None]
        state = initial[:, None].expand(-1, times.shape[1], -1)  # (N, k) -> (N, Q, k)
        for layer in self.layers:
            state = layer(state, times)
        return state

    def inverse(self, states: Tensor, times: Tensor) -> Tensor:
        """Compute the initial states that lead to ``states`` ``(N, Q, k)`` at ``times`` ``(N, Q)``, ``(N, Q, k)``."""
        for layer in reversed(self.layers):
            states = layer.inverse(states, times[..., None])
        return states


def coupling_flow(settings: SimpleNamespace) -> Flow:
    """Build coupling layers that move the halves in turns.

    Raises:
        BenchError: the latent state has an odd number of components.
    """
    latent = settings.latent
    if latent % 2:
        raise BenchError(f"method 'neural-flow': setting 'latent' must be even for a coupling flow, got {latent}")

    times = (WaveTime(latent, settings.waves, settings.mean_frequency) for _ in range(settings.layers))
    return Flow([CouplingLayer(latent, settings.hidden, time, index % 2 == 0) for index, time in enumerate(times)])


def resnet_flow(settings: SimpleNamespace) -> Flow:
    """Build residual layers of contractive perceptrons."""
    return Flow([ResNetLayer(settings.latent, settings.hidden) for _ in range(settings.layers)])


def gru_flow(settings: SimpleNamespace) -> Flow:
    """Build residual layers of contractive gated recurrent units; ``hidden`` has no effect, as gates have one layer."""
    return Flow([GRULayer(settings.latent) for _ in range(settings.layers)])


FLOWS = {"coupling": coupling_flow, "resnet": resnet_flow, "gru": gru_flow}


class NeuralFlow(InitialStateModel):
    """Infer an initial state from the context, move it to each query time in one pass, decode each state by itself."""

    def __init__(self, task: Task, settings: SimpleNamespace):
        super().__init__(task, settings)
        if settings.flow not in FLOWS:
            raise BenchError(f"method 'neural-flow': unknown flow '{settings.flow}'; {nearest(settings.flow, FLOWS)}")
        self.flow = FLOWS[settings.flow](settings)
        self.decoder = build_decoder(settings.latent, task.shape, settings.base_channels, settings.decoder)

    def loss(self, batch: WindowBatch) -> dict[str, Tensor]:
        """Compute the negative evidence lower bound of the queries, over the number of values in a frame."""
        settings, values = self.settings, batch.query[0, 0].numel()
        initial = self.initial_state(batch)
        mean = self.decoder(self.flow(initial.sample(), batch.query_times / self.time_scale))
        terms = {
            "reconstruction": negative_log_likelihood(mean, batch.query, settings.observation_std),
            "kl": settings.kl_weight * initial.kl_from_standard_normal().mean(),
        }
        return {name: term / values for name, term in terms.items()}

    def unfold(self, read: Reader, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor:
        return self.decoder(self.flow(read(context, context_times), query_times / self.time_scale))


class NeuralFlowMethod(NeuralMethod):
    """Train a ``NeuralFlow`` with the settings of the card."""

    def build_model(self) -> ForecastModel:
        return NeuralFlow(self.task, self.settings)


METHOD = NeuralFlowMethod
