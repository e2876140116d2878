"""ODE-RNN (Rubanova, Chen, Duvenaud, NeurIPS 2019) on the suite's encoder, decoder, windows and budget."""

from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from ladid_bench.core.errors import BenchError, nearest
from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch, at_frames
from ladid_bench.methods.coders import build_decoder, build_encoder, encode_sequences
from ladid_bench.methods.distributions import negative_log_likelihood
from ladid_bench.methods.neural import ForecastModel, NeuralMethod
from ladid_bench.methods.ode import Perceptron, solve_adaptively, time_scale
from ladid_bench.methods.runge_kutta import STAGES, network_field, solve_network

WEIGHT_STD = 0.1  # of the initial weights of the recurrent parts, as in the released code
PUBLISHED_FIRST = -0.01  # interval before the first frame in the released code, in the model's unit of time


def gaps(times: Tensor) -> Tensor:
    """Compute how long the state evolves before each frame is read: increasing times ``(N, C)`` to ``(N, C)``."""
    return torch.diff(times, dim=1, prepend=times[:, :1])


def published_intervals(times: Tensor) -> Tensor:
    """Compute the intervals that the released code integrates over instead, ``(N, C)`` to ``(N, C)``.

    Its loop over frames in the order of time takes the start and the end of each interval from the loop
    over frames backwards: a hundredth back before the first frame, the whole span before the second, and
    from then on the gap between the two frames before, against the direction of time.
    """
    first = torch.full_like(times[:, :1], PUBLISHED_FIRST)
    span = times[:, -1:] - times[:, :1]
    return torch.cat([first, span, -torch.diff(times, dim=1)], dim=1)[:, : times.shape[1]]


INTERVALS = {"gaps": gaps, "published": published_intervals}


def _normal(part: nn.Module) -> None:
    if isinstance(part, nn.Linear):
        nn.init.normal_(part.weight, std=WEIGHT_STD)
        nn.init.zeros_(part.bias)


def _torch(part: nn.Module) -> None:
    """Leave what torch gave."""


INITIALISATIONS = {"published": _normal, "torch": _torch}  # of the recurrent parts


class GatedUpdate(nn.Module):
    """Update the state's mean and standard deviation by one token, as a GRU does; gates read all three.

    Args:
        latent: length of the mean, and of the standard deviation.
        width: of a token.
        units: width of the hidden layer in the gates and in the candidate.
    """

    def __init__(self, latent: int, width: int, units: int):
        super().__init__()
        inputs = 2 * latent + width
        self.keep = Perceptron(inputs, units, latent, depth=1)
        self.reset = Perceptron(inputs, units, latent, depth=1)
        self.candidate = Perceptron(inputs, units, 2 * latent, depth=1)

    def shares(self, tokens: Tensor) -> Tensor:
        """Compute what tokens ``(N, C, width)`` contribute to the hidden layers of all three networks at once.

        Returns:
            ``(N, C, 3 * units)``: of the gates ``keep`` and ``reset``, and of the candidate.
        """
        layers = [network.first for network in (self.keep, self.reset, self.candidate)]
        weight = torch.cat([layer.weight[:, -tokens.shape[-1] :] for layer in layers])
        return linear(tokens, weight, torch.cat([layer.bias for layer in layers]))

    def forward(self, state: Tensor, share: Tensor) -> Tensor:
        """Update mean and standard deviation, ``(N, 2, latent)``, by the ``shares`` of a token, ``(N, 3 * units)``."""
        flat, width = state.flatten(1), 2 * state.shape[-1]  # (N, 2, latent) -> (N, 2 * latent)
        for_keep, for_reset, for_candidate = share.chunk(3, dim=-1)
        keep = self.keep.last(torch.tanh(for_keep + linear(flat, self.keep.first.weight[:, :width]))).sigmoid()
        reset = self.reset.last(torch.tanh(for_reset + linear(flat, self.reset.first.weight[:, :width]))).sigmoid()
        reset = (reset[:, None] * state).flatten(1)  # (N, 2, latent) -> (N, 2 * latent)
        candidate = self.candidate.last(
            torch.tanh(for_candidate + linear(reset, self.candidate.first.weight[:, :width]))
        )
        mean, std = candidate.chunk(2, dim=-1)
        return torch.lerp(torch.stack([mean, std.abs()], dim=1), state, keep[:, None])


class ODERNN(ForecastModel):
    """Solve ``dh/dt = f(h)`` between frames, update the state at each context frame, and decode it."""

    def __init__(self, task: Task, settings: SimpleNamespace):
        super().__init__()
        self.settings, self.time_scale = settings, time_scale(task)
        if settings.intervals not in INTERVALS:
            known = nearest(settings.intervals, INTERVALS)
            raise BenchError(f"method 'ode-rnn': unknown intervals '{settings.intervals}'; {known}")
        self.intervals = INTERVALS[settings.intervals]
        self.encoder = build_encoder(task.shape, settings.base_channels, settings.token_width)
        self.update = GatedUpdate(settings.latent, settings.token_width, settings.units)
        self.field = Perceptron(settings.latent, settings.hidden, settings.latent)
        self.decoder = build_decoder(settings.latent, task.shape, settings.base_channels, settings.decoder)
        if settings.initialisation not in INITIALISATIONS:
            known = nearest(settings.initialisation, INITIALISATIONS)
            raise BenchError(f"method 'ode-rnn': unknown initialisation '{settings.initialisation}'; {known}")
        for part in (self.update, self.field):
            part.apply(INITIALISATIONS[settings.initialisation])

    def derivative(self, time: Tensor, state: Tensor) -> Tensor:
        """Compute ``dh/dt`` of states ``(N, latent)``; the equation is autonomous."""
        return self.field(state)

    def read(self, tokens: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """Evolve and update the state, frame by frame, from a state of zeros.

        Args:
            tokens: ``(N, C, width)``.
            times: ``(N, C)``, in the model's own unit.

        Returns:
            The state at each frame before the frame updates it ``(N, C, latent)``, and after the last ``(N, latent)``.
        """
        state = tokens.new_zeros(len(tokens), 2, self.settings.latent)
        ends = pad(self.intervals(times)[..., None], (1, 0))  # (N, C) -> (N, C, 2), from 0 to the interval
        field, before = network_field(self.field), []
        for share, end in zip(self.update.shares(tokens).unbind(dim=1), ends.unbind(dim=1), strict=True):
            mean = solve_network(field, state[:, 0], end).states[:, 1]
            before.append(mean)
            state = self.update(torch.stack([mean, state[:, 1]], dim=1), share)
        return torch.stack(before, dim=1), state[:, 0]

    def loss(self, batch: WindowBatch) -> dict[str, Tensor]:
        """Compute the likelihood of the queries, and of a draw of context frames given those before each, per value."""
        settings, values = self.settings, batch.query[0, 0].numel()
        frames, queries = batch.context.shape[1], batch.query.shape[1]
        tokens = self.encoder(batch.frames)[batch.context]  # (F, width) -> (N, C, width)
        before, last = self.read(tokens, batch.context_times / self.time_scale)
        later = batch.grid_times[:, frames - 1 :] / self.time_scale
        ahead = solve_network(network_field(self.field), last, later).states
        path = torch.cat([before, ahead[:, 1:]], dim=1)  # (N, G, latent)
        early = batch.draw_context(earliest=1)  # (N, up to 2)
        # decoded in one call, so that one batch normalisation sees them all
        states = torch.cat([batch.at_queries(path), at_frames(before, early)], dim=1)  # (N, Q + 2, latent)
        mean = self.decoder(states)
        terms = {"reconstruction": negative_log_likelihood(mean[:, :queries], batch.query, settings.observation_std)}
        if frames > 1:
            one_step = negative_log_likelihood(mean[:, queries:], batch.context_target(early), settings.observation_std)
            terms["one_step"] = settings.context_weight * one_step
        return {name: term / values for name, term in terms.items()}

    def forecast(self, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor:
        """Decode frames from the state that evolves freely from the last context frame on."""
        initial, tolerance = self.represent(context, context_times), self.settings.tolerance
        start = context_times[:, -1] / self.time_scale
        states, evaluations = solve_adaptively(
            self.derivative, initial, query_times / self.time_scale, tolerance, start=start
        )
        self.function_evaluations = STAGES * context.shape[1] + evaluations
        return self.decoder(states)

    def represent(self, context: Tensor, context_times: Tensor) -> Tensor:
        return self.read(encode_sequences(self.encoder, context), context_times / self.time_scale)[1]


class ODERNNMethod(NeuralMethod):
    """Train an ``ODERNN`` with the settings of the card."""

    def build_model(self) -> ForecastModel:
        return ODERNN(self.task, self.settings)


METHOD = ODERNNMethod
