"""Neural ODE Process (Norcliffe, Bodnar, Day, Moss, Lio, ICLR 2021) on the suite's encoder, decoder and windows."""

from functools import partial
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from ladid_bench.core.errors import BenchError, nearest
from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch, at_frames
from ladid_bench.methods.coders import build_decoder, build_encoder, encode_sequences
from ladid_bench.methods.distributions import Gaussian, negative_log_likelihood
from ladid_bench.methods.neural import ForecastModel, NeuralMethod, Reader, VariationalModel
from ladid_bench.methods.ode import Perceptron, solve_adaptively, time_scale
from ladid_bench.methods.runge_kutta import network_field, solve_network, stage_times

INITIALS = ("first_frame", "context")
FEWEST = 3  # frames of a random context in training
LEAST_STD, GREATEST_STD = 0.1, 1.0  # of the latent variables, as in the released code


class LatentHead(nn.Module):
    """Map the mean of representations ``(N, width)`` to a Gaussian over ``(N, latent)``."""

    def __init__(self, width: int, latent: int):
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(width, width), nn.ReLU())
        self.mean = nn.Linear(width, latent)
        self.spread = nn.Linear(width, latent)

    def forward(self, pooled: Tensor) -> Gaussian:
        """Map ``(N, width)`` to a distribution over ``(N, latent)``, its standard deviation bounded on both sides."""
        hidden = self.hidden(pooled)
        share = torch.sigmoid(self.spread(hidden))
        return Gaussian(self.mean(hidden), LEAST_STD + (GREATEST_STD - LEAST_STD) * share)


class NeuralODEProcess(VariationalModel):
    """Infer ``[L(0), D]`` from an unordered set of frames with their times, then solve ``dL/dt = f(L, D, t)``; D stays.

    Times are in the model's own unit; a target is a frame that the training loss asks for.
    """

    def __init__(self, task: Task, settings: SimpleNamespace):
        super().__init__()
        self.settings, self.time_scale = settings, time_scale(task)
        width, latent = settings.token_width, settings.latent
        self.moving = latent // 2  # length of L; D has the rest of the latent size that all methods share
        self.encoder = build_encoder(task.shape, settings.base_channels, width)
        self.first_encoder: nn.Module | None = None
        if settings.initial == "first_frame":
            self.first_encoder = build_encoder(task.shape, settings.base_channels, width)
        self.pair = Perceptron(2 * width, width, width, depth=1, activation=nn.ReLU)
        self.initial = LatentHead(width, self.moving)
        self.control = LatentHead(width, latent - self.moving)
        self.field = Perceptron(latent + 1, settings.hidden, self.moving)
        self.decoder = build_decoder(latent + 1, task.shape, settings.base_channels, settings.decoder)

    def representations(self, tokens: Tensor, times: Tensor) -> Tensor:
        """Compute ``r_j`` of each frame and its time: ``(N, P, width)`` and ``(N, P)`` to ``(N, P, width)``.

        As in the original the time is repeated, for one input among so many would hardly be heard.
        """
        return self.pair(torch.cat([tokens, times[..., None].expand_as(tokens)], dim=-1))

    def first(self, frames: Tensor) -> Tensor | None:
        """Encode frames at time 0 for ``L(0)``, ``(N, width)``; None where ``L(0)`` comes from the whole context."""
        return None if self.first_encoder is None else self.first_encoder(frames)

    def infer(self, pooled: Tensor, first: Tensor | None) -> Gaussian:
        """Infer a distribution over ``[L(0), D]``, ``(N, latent)``, from the mean representation, ``(N, width)``."""
        initial, control = self.initial(pooled if first is None else first), self.control(pooled)
        return Gaussian(torch.cat([initial.mean, control.mean], -1), torch.cat([initial.std, control.std], -1))

    def derivative(self, control: Tensor, time: Tensor, state: Tensor) -> Tensor:
        """Compute ``dL/dt`` of states ``(N, latent / 2)`` under D ``(N, latent / 2)`` at times ``(N, 1)``."""
        return self.field(torch.cat([state, control, time], dim=-1))

    def path(self, initial: Tensor, control: Tensor, times: Tensor) -> Tensor:
        """Solve from ``L(0)`` for ``L(t)`` at increasing times ``(N, G)``, ``(N, G, latent / 2)``."""
        first = self.field.first
        constant = nn.functional.linear(control, first.weight[:, self.moving : -1], first.bias)  # (N, hidden)
        timed = stage_times(times)[..., None] * first.weight[:, -1]  # (stage, N, hidden)
        field = network_field(self.field, constant + timed, slice(self.moving))
        return solve_network(field, initial, times).states

    def render(self, states: Tensor, control: Tensor, times: Tensor) -> Tensor:
        """Render ``(N, T, channel, *space)`` from ``L(t)`` ``(N, T, latent / 2)``, D and t, as in the original."""
        constant = control[:, None].expand(-1, times.shape[1], -1)  # (N, T, latent / 2)
        return self.decoder(torch.cat([states, constant, times[..., None]], dim=-1))

    def loss(self, batch: WindowBatch) -> dict[str, Tensor]:
        """Compute the KL divergence of the posterior of all targets from the context's, and a likelihood.

        The targets are context and queries; the likelihood stands at the queries and at a draw of the context.
        """
        settings, context = self.settings, batch.context.shape[1]
        times = torch.cat([batch.context_times, batch.query_times], dim=1) / self.time_scale  # (N, C + Q)
        pairs = self.representations(self._tokens(batch), times)
        shown = random_context(batch.context_times.shape, times.device)  # (N, C)
        first = self.first(batch.frames[batch.context[:, 0]])
        informed = self.infer(pairs.mean(dim=1), first)
        ignorant = self.infer(
            (pairs[:, :context] * shown[..., None]).sum(dim=1) / shown.sum(dim=1, keepdim=True), first
        )
        initial, control = informed.sample().tensor_split([self.moving], dim=-1)
        path = self.path(initial, control, batch.grid_times / self.time_scale)
        early = batch.draw_context()  # (N, up to 2)
        seen = torch.cat([early, batch.query_index], dim=1)  # (N, 2 + Q), where in the grid
        mean = self.render(at_frames(path, seen), control, at_frames(batch.grid_times, seen) / self.time_scale)
        target = torch.cat([batch.context_target(early), batch.query], dim=1)
        divergence = informed.kl_from(ignorant.mean, ignorant.std).mean()
        terms = {
            "reconstruction": negative_log_likelihood(mean, target, settings.observation_std),
            # the likelihood is averaged over the targets, which the original sums over
            "kl": settings.kl_weight * divergence / times.shape[1],
        }
        return {name: term / target[0, 0].numel() for name, term in terms.items()}

    def _tokens(self, batch: WindowBatch) -> Tensor:
        """Tokens of all targets, ``(N, C + Q, width)``; normalised together, for the decoder needs both kinds."""
        tokens = self.encoder(torch.cat([batch.frames, batch.query.flatten(0, 1)]))  # (F + N * Q, width)
        queries = tokens[len(batch.frames) :].unflatten(0, batch.query_times.shape)  # (N * Q, width) -> (N, Q, width)
        return torch.cat([tokens[batch.context], queries], dim=1)

    def unfold(self, read: Reader, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor:
        initial, control = read(context, context_times).tensor_split([self.moving], dim=-1)
        times = query_times / self.time_scale
        states, self.function_evaluations = solve_adaptively(
            partial(self.derivative, control), initial, times, self.settings.tolerance
        )
        return self.render(states, control, times)

    def posterior(self, context: Tensor, context_times: Tensor) -> Gaussian:
        pairs = self.representations(encode_sequences(self.encoder, context), context_times / self.time_scale)
        return self.infer(pairs.mean(dim=1), self.first(context[:, 0]))


def random_context(shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Draw which context frames ``(N, C)`` are shown, 0 or 1: all of them in half of the rows, else a random subset.

    A subset has the first frame and, where there are as many, at least ``FEWEST``; all sizes are equally likely.
    """
    rows, frames = shape
    least = min(FEWEST, frames)
    sizes = torch.randint(least, frames + 1, (rows, 1), device=device)
    sizes = torch.where(torch.rand(rows, 1, device=device) < 0.5, frames, sizes)
    order = torch.rand(shape, device=device)
    order[:, 0] = -1  # comes first
    rank = order.argsort(dim=1).argsort(dim=1)
    return (rank < sizes).float()


class NeuralODEProcessMethod(NeuralMethod):
    """Train a ``NeuralODEProcess`` with the settings of the card."""

    def build_model(self) -> ForecastModel:
        if self.settings.initial not in INITIALS:
            known = nearest(self.settings.initial, INITIALS)
            raise BenchError(f"method 'ndp': unknown initial '{self.settings.initial}'; {known}")
        return NeuralODEProcess(self.task, self.settings)


METHOD = NeuralODEProcessMethod
