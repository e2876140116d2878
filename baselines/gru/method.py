"""A gated recurrent unit that reads the context and another that rolls on by itself: no differential equation."""

from types import SimpleNamespace

import torch
from torch import Tensor, nn

from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch
from ladid_bench.methods.coders import build_decoder, build_encoder, encode_sequences
from ladid_bench.methods.distributions import negative_log_likelihood
from ladid_bench.methods.neural import ForecastModel, NeuralMethod


class Recognition(nn.Module):
    """GRU over tokens, each with the gap to the one before it; its last state gives the code.

    Args:
        width: of a token, and of the recurrent state.
        latent: length of the code.
    """

    def __init__(self, width: int, latent: int):
        super().__init__()
        self.recurrent = nn.GRU(width + 1, width, batch_first=True)
        self.code = nn.Linear(width, latent)

    def forward(self, tokens: Tensor, times: Tensor) -> Tensor:
        """``(N, C, width)`` and ``(N, C)`` to ``(N, latent)``."""
        gaps = torch.diff(times, dim=1, prepend=times[:, :1])  # (N, C), 0 for the first frame
        return self.code(self.recurrent(torch.cat([tokens, gaps[..., None]], dim=-1))[1][0])  # (1, N, width)


class AutonomousCell(nn.Module):
    """One step of a gated recurrent unit that is given nothing but its own state.

    The reset gate acts on the state before the candidate's matrix, as in the paper.
    """

    def __init__(self, hidden: int):
        super().__init__()
        self.gates = nn.Linear(hidden, 2 * hidden)
        self.candidate = nn.Linear(hidden, hidden)

    def forward(self, hidden: Tensor) -> Tensor:
        """``(..., hidden)`` to ``(..., hidden)``."""
        reset, keep = self.gates(hidden).sigmoid().chunk(2, dim=-1)
        return (1 - keep) * self.candidate(reset * hidden).tanh() + keep * hidden


class RollOut(nn.Module):
    """Free-running GRU: one step for each time step of the task, and straight lines between its states.

    All rows take the same whole steps, and each time asked for is read off where it lies. So the cell is
    never asked for a gap it was not trained on, and a forecast does not depend on what else is asked for.

    Args:
        latent: length of the code, and of the states.
        hidden: width of the recurrent state.
    """

    def __init__(self, latent: int, hidden: int):
        super().__init__()
        self.start = nn.Linear(latent, hidden)
        self.cell = AutonomousCell(hidden)
        self.state = nn.Linear(hidden, latent)

    def forward(self, code: Tensor, elapsed: Tensor) -> Tensor:
        """States at any times after the context.

        Args:
            code: ``(N, latent)``.
            elapsed: ``(N, Q)`` since the last context frame, in time steps of the task, not negative.

        Returns:
            ``(N, Q, latent)``.
        """
        whole = elapsed.floor().long()  # (N, Q)
        path = [self.start(code).tanh()]
        for _ in range(int(whole.max()) + 1):
            path.append(self.cell(path[-1]))
        states = self.state(torch.stack(path, dim=1))  # S of (N, hidden) -> (N, S, hidden) -> (N, S, latent)
        rows = torch.arange(len(code), device=code.device)[:, None]
        return torch.lerp(states[rows, whole], states[rows, whole + 1], (elapsed - whole)[..., None])


class GRUModel(ForecastModel):
    """Code from the context, then one recurrent step after the other; each state is decoded by itself."""

    def __init__(self, task: Task, settings: SimpleNamespace):
        super().__init__()
        self.settings, self.step = settings, task.time_step
        self.encoder = build_encoder(task.shape, settings.base_channels, settings.token_width)
        self.recognition = Recognition(settings.token_width, settings.latent)
        self.roll_out = RollOut(settings.latent, settings.hidden)
        self.decoder = build_decoder(settings.latent, task.shape, settings.base_channels, settings.decoder)

    def states(self, code: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor:
        """``(N, latent)``, ``(N, C)`` and ``(N, Q)`` to ``(N, Q, latent)``."""
        return self.roll_out(code, (query_times - context_times[:, -1:]) / self.step)

    def loss(self, batch: WindowBatch) -> dict[str, Tensor]:
        tokens = self.encoder(batch.frames)[batch.context]  # (F, width) -> (N, C, width)
        code = self.recognition(tokens, batch.context_times / self.step)
        mean = self.decoder(self.states(code, batch.context_times, batch.query_times))
        likelihood = negative_log_likelihood(mean, batch.query, self.settings.observation_std)
        return {"reconstruction": likelihood / batch.query[0, 0].numel()}

    def represent(self, context: Tensor, context_times: Tensor) -> Tensor:
        return self.recognition(encode_sequences(self.encoder, context), context_times / self.step)

    def forecast(self, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor:
        return self.decoder(self.states(self.represent(context, context_times), context_times, query_times))


class GRUMethod(NeuralMethod):
    """See ``GRUModel``; the settings are those of the card."""

    def build_model(self) -> ForecastModel:
        return GRUModel(self.task, self.settings)


METHOD = GRUMethod
