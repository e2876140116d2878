"""LaDID with an equation of motion in place of F: the controlled comparison of the two.

Encoder, transformer, psi, decoder, objective and batches are LaDID's own, and so are the initial weights
of all of them and the noise in psi: with the same seed, the runs differ in the dynamics alone.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from ladid_bench.core.errors import BenchError, nearest
from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch
from ladid_bench.ladid.dynamics import ConcatenatedDynamics, Dynamics
from ladid_bench.ladid.model import LaDID, LaDIDSettings, OverlapStates
from ladid_bench.methods.neural import ForecastModel, NeuralMethod, Reader
from ladid_bench.methods.ode import Perceptron, RightHandSide, solve_adaptively, time_scale
from ladid_bench.methods.runge_kutta import NetworkField, network_field, solve_network, stage_times

LEAST = 1e-4  # of a frame; what is shorter is rounding of the times, and no step of a recurrence


def size(module: nn.Module) -> int:
    """Count the parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def width(parameters: int, square: int, linear: int) -> int:
    """Find the hidden width ``h`` at which ``square * h^2 + linear * h`` is closest to ``parameters``."""
    return round((math.sqrt(linear**2 + 4 * square * parameters) - linear) / (2 * square))


class Motion(nn.Module, ABC):
    """Compute latent states at times from psi, in place of F; they hold at time 0 as well.

    Args:
        ladid: the model whose F is replaced.
        time_scale: what times are divided by.
    """

    def __init__(self, ladid: LaDID, time_scale: float):
        super().__init__()
        self.time_scale, self.frame = time_scale, ladid.step
        self.psi, self.latent = ladid.settings.psi, ladid.settings.latent

    @abstractmethod
    def path(self, psi: Tensor, times: Tensor) -> Tensor:
        """Compute states ``(N, G, latent)`` at increasing times ``(N, G)`` from 0 on, a step from each to the next."""

    @abstractmethod
    def at(self, psi: Tensor, times: Tensor, tolerance: float) -> tuple[Tensor, int]:
        """Compute states ``(N, Q, latent)`` at any times ``(N, Q)`` from 0 on, each as if it were alone.

        Returns:
            The states, and how often a right-hand side was evaluated to reach ``tolerance``.
        """

    def visible(self, states: Tensor) -> Tensor:
        """Select what the decoder is shown of states ``(..., latent)``."""
        return states


class Unconditioned(Dynamics):
    """Apply a multilayer perceptron that psi does not condition."""

    def __init__(self, inputs: int, hidden: int, outputs: int):
        super().__init__()
        self.layers = Perceptron(inputs, hidden, outputs)

    def conditioned(self, psi: Tensor) -> Callable[[Tensor], Tensor]:
        return self.layers

    def network(self, psi: Tensor) -> NetworkField:
        """Read the right-hand side off the network; it is the same for every psi."""
        return network_field(self.layers)


Field = ConcatenatedDynamics | Unconditioned


class Equation(Motion):
    """Solve ``dz/dtau = f(z, psi)`` from ``z(0) = A psi``; f is the network F with z in place of the time features."""

    def __init__(self, ladid: LaDID, time_scale: float):
        super().__init__(ladid, time_scale)
        self.start = nn.Linear(self.psi, self.latent)
        self.field = self.build_field(ladid)

    def build_field(self, ladid: LaDID) -> Field:
        """Build f as large as the F of ``ladid``."""
        return _conditioned(ladid, self.latent, ladid.settings.hidden, self.latent)

    def rate(self, psi: Tensor) -> RightHandSide:
        """Condition f on psi ``(N, psi)``: a right-hand side for states ``(N, latent)``."""
        network = self.field.conditioned(psi)
        return lambda time, state: network(state[:, None])[:, 0]  # (N, k) -> (N, 1, k) -> (N, k)

    def network(self, psi: Tensor, times: Tensor) -> NetworkField:
        """Condition f on psi ``(N, psi)`` for the solver that steps through ``times`` ``(N, G)``, in its unit."""
        return self.field.network(psi)

    def path(self, psi: Tensor, times: Tensor) -> Tensor:
        times = times / self.time_scale
        return solve_network(self.network(psi, times), self.start(psi), times).states

    def at(self, psi: Tensor, times: Tensor, tolerance: float) -> tuple[Tensor, int]:
        return solve_adaptively(self.rate(psi), self.start(psi), times / self.time_scale, tolerance)


class AutonomousEquation(Equation):
    """Solve ``dz/dtau = f(z)``: psi sets the initial state and nothing else; f is as large as F."""

    def build_field(self, ladid: LaDID) -> Field:
        rest = self.latent * (self.psi + 2)  # A, and the last bias of f
        hidden = width(size(ladid.dynamics) - rest, 1, 2 * self.latent + 2)
        return Unconditioned(self.latent, hidden, self.latent)


class TimedEquation(Equation):
    """Solve ``dz/dtau = f(z, psi, phi(tau))`` with LaDID's time features phi."""

    def build_field(self, ladid: LaDID) -> Field:
        self.features = ladid.time_features
        return _as_large_as_f(ladid, self.latent + self.features.width, self.latent)

    def rate(self, psi: Tensor) -> RightHandSide:
        network = self.field.conditioned(psi)

        def derivative(time: Tensor, state: Tensor) -> Tensor:
            inputs = torch.cat([state[:, None], self.features(time * self.time_scale)], dim=-1)  # (N, 1, k + features)
            return network(inputs)[:, 0]  # (N, 1, k) -> (N, k)

        return derivative

    def network(self, psi: Tensor, times: Tensor) -> NetworkField:
        network = self.field.network(psi)
        features = self.features(stage_times(times) * self.time_scale)  # (stage, N, features)
        share = nn.functional.linear(features, network.first[:, self.latent :])  # (stage, N, hidden)
        return replace(network, first=network.first[:, : self.latent], drive=network.drive + share)


class SecondOrderEquation(Equation):
    """Solve ``z = (s, v)``, ``ds/dtau = v``, ``dv/dtau = f(s, v, psi)``; the decoder is shown s and zeros."""

    def build_field(self, ladid: LaDID) -> Field:
        if self.latent % 2:
            raise BenchError(f"method 'ladid-ode', second-order: setting 'latent' must be even, got {self.latent}")
        return _as_large_as_f(ladid, self.latent, self.latent // 2)

    def rate(self, psi: Tensor) -> RightHandSide:
        acceleration = super().rate(psi)
        return lambda time, state: torch.cat([state[:, self.latent // 2 :], acceleration(time, state)], dim=1)

    def visible(self, states: Tensor) -> Tensor:
        position, velocity = states.chunk(2, dim=-1)
        return torch.cat([position, torch.zeros_like(velocity)], dim=-1)


class Recurrence(Motion):
    """Step a GRU cell on psi and the time gap, from frame to frame; it is as large as F."""

    def __init__(self, ladid: LaDID, time_scale: float):
        super().__init__(ladid, time_scale)
        hidden = width(size(ladid.dynamics) - self.latent, 3, 4 * self.psi + self.latent + 10)
        self.start = nn.Linear(self.psi, hidden)
        self.cell = nn.GRUCell(self.psi + 1, hidden)
        self.read = nn.Linear(hidden, self.latent)

    def _step(self, hidden: Tensor, psi: Tensor, gap: Tensor) -> Tensor:
        """Hidden states ``(n, hidden)`` after gaps ``(n, 1)`` of time."""
        moved = self.cell(torch.cat([psi, gap / self.time_scale], dim=1), hidden)
        return torch.where(gap > LEAST * self.frame, moved, hidden)

    def _hidden(self, psi: Tensor, times: Tensor) -> Tensor:
        """Hidden states at increasing times ``(N, G)`` from 0 on, ``(N, G, hidden)``."""
        states = [self.start(psi)]
        for gap in times.diff(dim=1).split(1, dim=1):  # (N, 1) each
            states.append(self._step(states[-1], psi, gap))
        return torch.stack(states, dim=1)

    def path(self, psi: Tensor, times: Tensor) -> Tensor:
        return self.read(self._hidden(psi, times))

    def at(self, psi: Tensor, times: Tensor, tolerance: float) -> tuple[Tensor, int]:
        """Make a step a frame, then one over the rest of the time; no right-hand side, so no tolerance."""
        whole = (times / self.frame - LEAST).ceil().long().sub(1).clamp(min=0)  # (N, Q) frames before the last step
        frames = self.frame * torch.arange(int(whole.max()) + 1, device=times.device)
        before = self._hidden(psi, frames.expand(len(psi), -1))  # (N, frame, hidden)
        before = before[torch.arange(len(psi), device=times.device)[:, None], whole].flatten(0, 1)  # (N * Q, hidden)
        repeated = psi.repeat_interleave(times.shape[1], dim=0)  # (N * Q, psi)
        rest = (times - frames[whole]).reshape(-1, 1)  # (N, Q) -> (N * Q, 1)
        return self.read(self._step(before, repeated, rest)).unflatten(0, times.shape), 0  # (N * Q, k) -> (N, Q, k)


def _conditioned(ladid: LaDID, inputs: int, hidden: int, outputs: int) -> ConcatenatedDynamics:
    """F's perceptron on psi and ``inputs``, with tanh: at the kinks of ReLU a solver loses its order."""
    return ConcatenatedDynamics(ladid.settings.psi, inputs, hidden, outputs, ladid.settings.dropout, nn.Tanh)


def _as_large_as_f(ladid: LaDID, inputs: int, outputs: int) -> ConcatenatedDynamics:
    """A network of F's kind that has with A as many parameters as F, ``(N, Q, inputs)`` to ``(N, Q, outputs)``."""
    psi, latent = ladid.settings.psi, ladid.settings.latent
    rest = latent * (psi + 1) + outputs  # A, and the last bias of f
    return _conditioned(ladid, inputs, width(size(ladid.dynamics) - rest, 1, psi + inputs + outputs + 2), outputs)


EQUATIONS: dict[str, type[Motion]] = {
    "conditional": Equation,
    "auto": AutonomousEquation,
    "time": TimedEquation,
    "second-order": SecondOrderEquation,
    "gru": Recurrence,
}


class LaDIDODE(LaDID):
    """Replace the F of LaDID by an equation of about as many parameters."""

    dynamics: Motion

    def __init__(self, task: Task, settings: LaDIDSettings, equation: str, tolerance: float):
        if equation not in EQUATIONS:
            raise BenchError(f"method 'ladid-ode': unknown equation '{equation}'; {nearest(equation, EQUATIONS)}")
        if settings.dynamics != "mlp":
            raise BenchError(f"method 'ladid-ode': setting 'dynamics' must be mlp, got '{settings.dynamics}'")
        super().__init__(task, settings)  # draws F as well, so that all other weights are those LaDID starts from
        with torch.random.fork_rng(devices=[]):  # and so are the draws of psi
            self.dynamics = EQUATIONS[equation](self, time_scale(task))
        self.tolerance = tolerance

    def states(self, psi: Tensor, times: Tensor) -> Tensor:
        states, self.function_evaluations = self.dynamics.at(psi, times, self.tolerance)
        return states

    def window_states(self, psi: Tensor, batch: WindowBatch) -> tuple[Tensor, OverlapStates | None]:
        """Solve once through all frames of each window and through the times at which its neighbours overlap it."""
        if self.settings.smoothness != "joint":
            return batch.at_queries(self.dynamics.path(psi, batch.grid_times)), None
        earlier, later = self.overlap_times(batch)  # (B, W - 1, overlap) each
        earlier, later = pad(earlier, (0, 0, 0, 1)), pad(later, (0, 0, 1, 0))  # no neighbour: time 0, not used
        shared = torch.cat([earlier, later], dim=2)  # (B, W, 2 * overlap)
        # (B, W, 2 * overlap) -> (N, 2 * overlap), beside (N, G)
        times = torch.cat([batch.grid_times, shared.flatten(0, 1)], dim=1)
        order = times.argsort(dim=1, stable=True)
        path = self.dynamics.path(psi, times.gather(1, order))
        path = path.take_along_dim(order.argsort(dim=1)[..., None], dim=1)  # back to the order of ``times``
        frames, overlap = path.split([batch.grid_times.shape[1], shared.shape[2]], dim=1)
        # (N, 2 * overlap, k) -> (B, W, 2 * overlap, k) -> two of (B, W, overlap, k)
        before, after = overlap.unflatten(0, (-1, batch.windows)).chunk(2, dim=2)
        return batch.at_queries(frames), (before[:, :-1].flatten(0, 1), after[:, 1:].flatten(0, 1))

    def render(self, states: Tensor, context: Tensor) -> Tensor:
        return super().render(self.dynamics.visible(states), context)

    def unfold(self, read: Reader, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor:
        """Forecast frames at any query times; beyond the span of a training trajectory the equation is solved on."""
        return self.render(self.states(read(context, context_times), query_times), context)


class LaDIDODEMethod(NeuralMethod):
    """Train a ``LaDIDODE`` with the settings of the card."""

    def build_model(self) -> ForecastModel:
        settings = dict(vars(self.settings))
        equation, tolerance = settings.pop("equation"), settings.pop("tolerance")
        return LaDIDODE(self.task, LaDIDSettings(dropout=0.0, **settings), equation, tolerance)


METHOD = LaDIDODEMethod
