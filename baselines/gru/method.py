"""A gated recurrent unit that reads the context and another that rolls on by itself: no differential equation."""

import math
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch
from ladid_bench.methods.coders import build_decoder, build_encoder, encode_sequences
from ladid_bench.methods.distributions import negative_log_likelihood
from ladid_bench.methods.neural import ForecastModel, NeuralMethod


class Recognition(nn.Module):
    """Summarise the context: a GRU reads tokens, each with the gap in time to the one before it.

    Args:
        width: of a token, and of the recurrent state.
        latent: length of the representation, a linear map of the last recurrent state.
    """

    def __init__(self, width: int, latent: int):
        super().__init__()
        self.recurrent = nn.GRU(width + 1, width, batch_first=True)
        self.representation = nn.Linear(width, latent)

    def forward(self, tokens: Tensor, times: Tensor) -> Tensor:
        """Summarise tokens ``(N, C, width)`` at times ``(N, C)`` as ``(N, latent)``."""
        gaps = torch.diff(times, dim=1, prepend=times[:, :1])  # (N, C), 0 for the first frame
        last = self.recurrent(torch.cat([tokens, gaps[..., None]], dim=-1))[1][0]  # (layers, N, width) -> (N, width)
        return self.representation(last)


class AutonomousCell(nn.Module):
    """Make one step of a gated recurrent unit whose only input is its own state.

    The reset gate acts on the state before the candidate's matrix, as in Cho et al., EMNLP 2014.
    """

    def __init__(self, hidden: int):
        super().__init__()
        self.gates = nn.Linear(hidden, 2 * hidden)
        self.candidate = nn.Linear(hidden, hidden)

    def forward(self, hidden: Tensor) -> Tensor:
        """Update states ``(..., hidden)``."""
        reset, keep = self.gates(hidden).sigmoid().chunk(2, dim=-1)
        return (1 - keep) * self.candidate(reset * hidden).tanh() + keep * hidden


class RollOut(nn.Module):
    """Run a GRU freely: one step for each time step of the task, and straight lines between its states.

    All rows take the same whole steps, and each query is read off where it lies. So the cell never makes
    a step of a length it was not trained on, and a forecast does not depend on the other queries.

    Args:
        latent: length of the representation, and of the states.
        hidden: width of the recurrent state.
    """

    def __init__(self, latent: int, hidden: int):
        super().__init__()
        self.start = nn.Linear(latent, hidden)
        self.cell = AutonomousCell(hidden)
        self.state = nn.Linear(hidden, latent)

    def forward(self, representation: Tensor, elapsed: Tensor, longest: float) -> Tensor:
        """Compute latent states at any times after the context.

        Args:
            representation: ``(N, latent)``.
            elapsed: ``(N, Q)`` since the last context frame, in time steps of the task, not negative.
            longest: no less than any of ``elapsed``; it says how many steps to make.

        Returns:
            ``(N, Q, latent)``.
        """
        whole = elapsed.floor().long()  # (N, Q)
        path = [self.start(representation).tanh()]
        for _ in range(math.ceil(longest) + 1):
            path.append(self.cell(path[-1]))
        states = self.state(torch.stack(path, dim=1))  # S of (N, hidden) -> (N, S, hidden) -> (N, S, latent)
        rows = torch.arange(len(states), device=states.device)[:, None]
        return torch.lerp(states[rows, whole], states[rows, whole + 1], (elapsed - whole)[..., None])


class GRUModel(ForecastModel):
    """Summarise the context, then make one recurrent step after the other; each state is decoded by itself."""

    def __init__(self, task: Task, settings: SimpleNamespace):
        super().__init__()
        self.settings, self.step = settings, task.time_step
        self.encoder = build_encoder(task.shape, settings.base_channels, settings.token_width)
        self.recognition = Recognition(settings.token_width, settings.latent)
        self.roll_out = RollOut(settings.latent, settings.hidden)
        self.decoder = build_decoder(settings.latent, task.shape, settings.base_channels, settings.decoder)

    def elapsed(self, context_times: Tensor, query_times: Tensor) -> Tensor:
        """Count time steps from the last of the context's times ``(N, C)`` to the queries', ``(N, Q)``."""
        return (query_times - context_times[:, -1:]) / self.step

    def loss(self, batch: WindowBatch) -> dict[str, Tensor]:
        """Compute the negative log-likelihood of the queries per value."""
        tokens = self.encoder(batch.frames)[batch.context]  # (F, width) -> (N, C, width)
        representation = self.recognition(tokens, batch.context_times / self.step)
        elapsed = self.elapsed(batch.context_times, batch.query_times)
        mean = self.decoder(self.roll_out(representation, elapsed, batch.reach / self.step))
        likelihood = negative_log_likelihood(mean, batch.query, self.settings.observation_std)
        return {"reconstruction": likelihood / batch.query[0, 0].numel()}

    def represent(self, context: Tensor, context_times: Tensor) -> Tensor:
        return self.recognition(encode_sequences(self.encoder, context), context_times / self.step)

    def forecast(self, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor:
        elapsed = self.elapsed(context_times, query_times)
        states = self.roll_out(self.represent(context, context_times), elapsed, float(elapsed.max()))
        return self.decoder(states)


class GRUMethod(NeuralMethod):
    """Train a ``GRUModel`` with the settings of the card."""

    def build_model(self) -> ForecastModel:
        return GRUModel(self.task, self.settings)


METHOD = GRUMethod
