"""Latent ODE (Rubanova, Chen, Duvenaud, NeurIPS 2019) on the suite's encoder, decoder, windows and budget."""

from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torchdiffeq import odeint

from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch
from ladid_bench.methods.coders import build_decoder, build_encoder
from ladid_bench.methods.distributions import Gaussian, negative_log_likelihood
from ladid_bench.methods.neural import ForecastModel, NeuralMethod


class Field(nn.Module):
    """Right-hand side ``f`` of ``dz/dt = f(z)``; counts how often it is asked."""

    def __init__(self, latent: int, hidden: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(latent, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(), nn.Linear(hidden, latent)
        )
        self.evaluations = 0

    def forward(self, time: Tensor, state: Tensor) -> Tensor:
        """``(N, latent)`` to its derivative, the same shape."""
        self.evaluations += 1
        return self.layers(state)


class Recognition(nn.Module):
    """GRU over the context, latest frame first, each token with the gap to the frame read before it."""

    def __init__(self, width: int, latent: int, std_floor: float):
        super().__init__()
        self.recurrent = nn.GRU(width + 1, width, batch_first=True)
        self.mean = nn.Linear(width, latent)
        self.log_std = nn.Linear(width, latent)
        self.std_floor = std_floor

    def forward(self, tokens: Tensor, times: Tensor) -> Gaussian:
        """``(N, C, width)`` and ``(N, C)`` to the distribution of the state at the first frame, ``(N, latent)``."""
        gaps = torch.diff(times, dim=1, append=times[:, -1:])  # (N, C), 0 for the frame read first
        read = torch.cat([tokens, gaps[..., None]], dim=-1).flip(1)
        last = self.recurrent(read)[1][0]  # (layers, N, width) -> (N, width)
        return Gaussian(self.mean(last), self.std_floor + self.log_std(last).clamp(-8, 2).exp())


class LatentODE(ForecastModel):
    """Initial state from the context, then ``dz/dt = f(z)``."""

    def __init__(self, task: Task, settings: SimpleNamespace):
        super().__init__()
        self.settings = settings
        self.encoder = build_encoder(task.shape, settings.base_channels, settings.token_width)
        self.recognition = Recognition(settings.token_width, settings.latent, settings.std_floor)
        self.field = Field(settings.latent, settings.hidden)
        self.decoder = build_decoder(settings.latent, task.shape, settings.base_channels, settings.decoder)

    def trajectory(self, initial: Tensor, times: Tensor) -> Tensor:
        """States at each row's own increasing ``times`` ``(N, G)``, ``(N, G, latent)``: rk4, one step a frame.

        From one frame to the next every row integrates ``s`` over one unit of ``dz/ds = gap * f(z)``, so
        that rows with different gaps share one solve.
        """
        gaps = torch.diff(times, dim=1)  # (N, G - 1)

        def scaled(s: Tensor, state: Tensor) -> Tensor:
            return gaps[:, int(s), None] * self.field(s, state)

        units = torch.arange(times.shape[1], dtype=times.dtype, device=times.device)
        # perturb keeps the stages of a step strictly inside it, where int(s) names its interval
        path = odeint(scaled, initial, units, method="rk4", options={"perturb": True})
        return path.transpose(0, 1)  # (G, N, latent) -> (N, G, latent)

    def states(self, initial: Tensor, times: Tensor) -> Tensor:
        """States at any increasing ``times`` ``(N, Q)``, ``(N, Q, latent)``: dopri5 over the union of the times."""
        union, position = torch.unique(times, return_inverse=True)  # (U,), (N, Q)
        moments = torch.cat([torch.zeros_like(union[:1]), union])  # all queries lie after time 0
        tolerance = self.settings.tolerance
        self.field.evaluations = 0
        path = odeint(self.field, initial, moments, rtol=tolerance, atol=tolerance, method="dopri5")[
            1:
        ]  # (U, N, latent)
        self.function_evaluations = self.field.evaluations
        return path[position, torch.arange(len(times), device=times.device)[:, None]]  # (N, Q, latent)

    def loss(self, batch: WindowBatch) -> dict[str, Tensor]:
        settings, values = self.settings, batch.query[0, 0].numel()
        tokens = self.encoder(batch.frames)[batch.context]  # (F, width) -> (N, C, width)
        code = self.recognition(tokens, batch.context_times)
        path = self.trajectory(code.sample(), batch.grid_times)  # (N, G, latent)
        rows = torch.arange(len(path), device=path.device)[:, None]
        mean = self.decoder(path[rows, batch.query_index])
        terms = {
            "reconstruction": negative_log_likelihood(mean, batch.query, settings.observation_std),
            "code": settings.code_weight * code.kl_from_standard_normal().mean(),
        }
        return {name: term / values for name, term in terms.items()}

    def forecast(self, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor:
        return self.decoder(self.states(self.represent(context, context_times), query_times))

    def represent(self, context: Tensor, context_times: Tensor) -> Tensor:
        count, frames = context.shape[:2]
        tokens = self.encoder(context.flatten(0, 1)).unflatten(0, (count, frames))  # (N * C, width) -> (N, C, width)
        return self.recognition(tokens, context_times).mean


class LatentODEMethod(NeuralMethod):
    """See ``LatentODE``; the settings are those of the card."""

    def build_model(self) -> ForecastModel:
        return LatentODE(self.task, self.settings)


METHOD = LatentODEMethod
