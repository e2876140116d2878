"""Diagonal state-space model: layers of linear complex recurrences, as in LRU and S5, solved at any time in one step.

After Orvieto et al. (Resurrecting Recurrent Neural Networks for Long Sequences, ICML 2023) and Smith, Warrington,
Linderman (Simplified State Space Layers for Sequence Modeling, ICLR 2023).
"""

from types import SimpleNamespace

import torch
from torch import Tensor, nn

from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch
from ladid_bench.methods.coders import build_decoder, build_encoder, encode_sequences
from ladid_bench.methods.distributions import negative_log_likelihood
from ladid_bench.methods.neural import ForecastModel, NeuralMethod

LARGEST = 0.999  # |lambda| of a time step at first, as published for long memories


class DiagonalRecurrence(nn.Module):
    """Solve ``x_j = lambda^(t_j - t_(j-1)) x_(j-1) + gamma B u_j`` with a complex diagonal ``|lambda| < 1``.

    ``lambda = exp(-exp(nu) + i exp(theta))`` for a unit of time, so it is stable whatever is learnt. A state is the sum
    of what each input so far has left, ``sum_j lambda^(t - t_j) gamma B u_j``, at any time: nothing is stepped through.

    Args:
        width: of an input.
        states: number of complex states.
        radius: smallest and largest ``|lambda|`` at first; uniform on the ring between.
        phase: largest angle of lambda at first.
    """

    def __init__(self, width: int, states: int, radius: tuple[float, float], phase: float):
        super().__init__()
        squared = radius[0] ** 2 + torch.rand(states) * (radius[1] ** 2 - radius[0] ** 2)
        self.nu = nn.Parameter((-0.5 * squared.log()).log())
        self.theta = nn.Parameter((phase * torch.rand(states)).log())
        self.gamma = nn.Parameter((1 - squared).sqrt().log())  # keeps the size of the state near that of the input
        # real and imaginary parts: what torch does to complex parameters differs from optimiser to optimiser
        self.entry = nn.Parameter(torch.randn(states, width, 2) / (2 * width) ** 0.5)

    def powers(self, times: Tensor) -> Tensor:
        """Compute ``lambda^t`` for times ``(...)`` that are not negative, complex ``(..., states)``."""
        exponent = times[..., None] * self.nu.exp()
        return torch.polar((-exponent).exp(), times[..., None] * self.theta.exp())

    def drive(self, inputs: Tensor) -> Tensor:
        """Compute ``gamma B u`` of inputs ``(N, C, width)``, complex ``(N, C, states)``."""
        parts = torch.einsum("ncw,swp->ncsp", inputs, self.entry * self.gamma.exp()[:, None, None])
        return torch.view_as_complex(parts)

    def read(self, inputs: Tensor, times: Tensor) -> Tensor:
        """Compute the state right after each input, complex ``(N, C, states)``.

        Args:
            inputs: ``(N, C, width)``.
            times: ``(N, C)``, increasing.
        """
        elapsed = (times[:, :, None] - times[:, None]).tril()  # (N, C, C), from input to state, 0 for later inputs
        seen = torch.ones_like(elapsed).tril()
        return torch.einsum("nijs,njs->nis", self.powers(elapsed) * seen[..., None], self.drive(inputs))


class GatedPerceptron(nn.Module):
    """Add to the features of one time a linear map of their GELU, gated by another one (GLU)."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.value, self.gate = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, features: Tensor) -> Tensor:
        """Map ``(..., width)`` to ``(..., width)``."""
        active = nn.functional.gelu(self.norm(features))
        return features + self.value(active) * self.gate(active).sigmoid()


class StateSpaceLayer(nn.Module):
    """Read a sequence by a diagonal recurrence and read its states out by a complex matrix: ``Re(C x)``."""

    def __init__(self, width: int, states: int, radius: tuple[float, float], phase: float):
        super().__init__()
        self.recurrence = DiagonalRecurrence(width, states, radius, phase)
        self.exit = nn.Parameter(torch.randn(width, states, 2) / states**0.5)  # C, real and imaginary parts

    def read_out(self, states: Tensor) -> Tensor:
        """Compute ``Re(C x)``, complex ``(..., states)`` to ``(..., width)``."""
        return states.real @ self.exit[..., 0].T - states.imag @ self.exit[..., 1].T

    def run_on(self, state: Tensor, elapsed: Tensor) -> Tensor:
        """Read out ``lambda^t x``, where no input comes any more, at all times at once.

        Args:
            state: complex ``(N, states)``.
            elapsed: ``(N, Q)``, not negative.

        Returns:
            ``(N, Q, width)``.
        """
        return self.read_out(state[:, None] * self.recurrence.powers(elapsed))


class StateSpaceModel(ForecastModel):
    """Read the context by a stack of state-space layers, let the states of all of them run on, decode what they show.

    The unit of time is the time step of the task.
    """

    def __init__(self, task: Task, settings: SimpleNamespace):
        super().__init__()
        self.settings, self.step = settings, task.time_step
        width, ring = settings.token_width, (settings.radius, LARGEST)
        self.encoder = build_encoder(task.shape, settings.base_channels, width)
        self.layers = nn.ModuleList(
            StateSpaceLayer(width, settings.states, ring, settings.phase) for _ in range(settings.layers)
        )
        self.between = nn.ModuleList(GatedPerceptron(width) for _ in range(settings.layers - 1))
        gates = [GatedPerceptron(width) for _ in range(settings.layers)]
        self.read_out = nn.Sequential(*gates, nn.LayerNorm(width), nn.Linear(width, settings.latent))
        self.decoder = build_decoder(settings.latent, task.shape, settings.base_channels, settings.decoder)

    def read(self, tokens: Tensor, times: Tensor) -> Tensor:
        """Compute the states of all layers after the last of tokens ``(N, C, width)`` at times ``(N, C)``.

        Returns:
            Complex ``(N, layer, states)``.
        """
        features, last = tokens, []
        for layer, gate in zip(self.layers, [*self.between, None], strict=True):
            states = layer.recurrence.read(features, times)  # (N, C, states)
            last.append(states[:, -1])
            if gate is not None:
                features = gate(features + layer.read_out(states))
        return torch.stack(last, dim=1)

    def run_on(self, states: Tensor, elapsed: Tensor) -> Tensor:
        """Compute latent states ``(N, Q, latent)`` a time ``(N, Q)`` after ``read`` gave ``(N, layer, states)``."""
        layers = zip(self.layers, states.unbind(dim=1), strict=True)
        return self.read_out(torch.stack([layer.run_on(state, elapsed) for layer, state in layers]).sum(dim=0))

    def loss(self, batch: WindowBatch) -> dict[str, Tensor]:
        """Compute the negative log-likelihood of the queries per value."""
        tokens = self.encoder(batch.frames)[batch.context]  # (F, width) -> (N, C, width)
        states = self.read(tokens, batch.context_times / self.step)
        mean = self.decoder(self.run_on(states, self.elapsed(batch.context_times, batch.query_times)))
        likelihood = negative_log_likelihood(mean, batch.query, self.settings.observation_std)
        return {"reconstruction": likelihood / batch.query[0, 0].numel()}

    def elapsed(self, context_times: Tensor, query_times: Tensor) -> Tensor:
        """Count time steps from the last of the context's times ``(N, C)`` to the queries', ``(N, Q)``."""
        return (query_times - context_times[:, -1:]) / self.step

    def represent(self, context: Tensor, context_times: Tensor) -> Tensor:
        states = self.read(encode_sequences(self.encoder, context), context_times / self.step)
        return torch.view_as_real(states).flatten(1)  # (N, layer, states, 2) -> (N, layer * states * 2)

    def forecast(self, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor:
        states = self.read(encode_sequences(self.encoder, context), context_times / self.step)
        return self.decoder(self.run_on(states, self.elapsed(context_times, query_times)))


class StateSpaceMethod(NeuralMethod):
    """Train a ``StateSpaceModel`` with the settings of the card."""

    def build_model(self) -> ForecastModel:
        return StateSpaceModel(self.task, self.settings)


METHOD = StateSpaceMethod
