"""ODE2VAE-KL (Yildiz, Heinonen, Lahdesmaki, NeurIPS 2019) on the suite's encoder, decoder, windows and budget."""

import math
from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn.functional import linear
from torch.nn.utils import parameters_to_vector

from ladid_bench.core.errors import BenchError, nearest
from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch
from ladid_bench.methods.coders import build_decoder, build_encoder, encode_sequences
from ladid_bench.methods.distributions import Gaussian, GaussianHead, negative_log_likelihood
from ladid_bench.methods.neural import ForecastModel, NeuralMethod, Reader, VariationalModel
from ladid_bench.methods.ode import Perceptron, solve_adaptively, time_scale
from ladid_bench.methods.runge_kutta import NetworkField, integrate_stages, solve_network

INITIAL_STD = 0.01  # of the weights of f; variance 1e-4 in the published code


def _glorot(part: nn.Module) -> None:
    if isinstance(part, nn.Linear):
        nn.init.xavier_uniform_(part.weight)
        nn.init.zeros_(part.bias)


def _torch(part: nn.Module) -> None:
    """Leave what torch gave."""


INITIALISATIONS = {"torch": _torch, "published": _glorot}  # of the mean weights of f


class SecondOrderField:
    """Evaluate ``ds/dt = v, dv/dt = f(s, v)`` for one choice of the weights of f, which has two hidden tanh layers.

    Args:
        weights: of the three layers, ``(hidden, 2q)``, ``(hidden, hidden)``, ``(q, hidden)``, each followed by
            its bias.
    """

    def __init__(self, weights: list[Tensor]):
        self.weights = weights
        first, _, second, _, last, _ = weights
        self.degrees = len(last)
        # The trace of df/dv = last D2 second D1 first_v, with D1 and D2 diagonal, is bilinear in the two diagonals:
        # exact for the price of one more hidden layer.
        self.coupling = second * (first[:, self.degrees :] @ last).T  # (hidden, hidden)

    def derivative(self, time: Tensor, state: Tensor) -> Tensor:
        """Compute ``d(s, v)/dt`` of states ``(N, 2q)``; the equation is autonomous."""
        weights = self.weights
        first = linear(state, weights[0], weights[1]).tanh()
        second = linear(first, weights[2], weights[3]).tanh()
        return torch.cat([state[:, self.degrees :], linear(second, weights[4], weights[5])], dim=-1)

    def trace(self, first: Tensor, second: Tensor) -> Tensor:
        """Compute ``tr(df/dv)`` from the hidden layers ``(..., hidden)``: the divergence, as ``ds/dt`` has none."""
        return (linear(1 - first.square(), self.coupling) * (1 - second.square())).sum(dim=-1)

    def solve(self, initial: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """Solve for states ``(N, G, 2q)`` and the change of their log density, ``(N, G)``, ``d log q/dt = -tr(df/dv)``.

        The density does not act on the state, so it is integrated over all stages at once when the path is known.
        """
        solution = solve_network(NetworkField(*self.weights), initial, times)
        return solution.states, integrate_stages(-self.trace(solution.first, solution.second), times)


class BayesianField(nn.Module):
    """Hold the posterior ``N(mean, std^2 I)`` of the weights of f, with one standard deviation for all of them.

    Args:
        latent: length of a state, positions and velocities.
        hidden: width of the two hidden layers of f.
        initialisation: of the mean weights, ``torch`` or ``published``.
    """

    def __init__(self, latent: int, hidden: int, initialisation: str = "published"):
        super().__init__()
        self.mean = Perceptron(latent, hidden, latent // 2)
        self.mean.apply(INITIALISATIONS[initialisation])
        self.log_std = nn.Parameter(torch.tensor(math.log(INITIAL_STD)))

    def posterior(self) -> Gaussian:
        """Return the posterior of all weights, ``(weight,)``."""
        mean = parameters_to_vector(self.mean.parameters())
        return Gaussian(mean, self.log_std.exp().expand_as(mean))

    def with_weights(self, flat: Tensor) -> SecondOrderField:
        """Build the field with these weights, ``(weight,)``."""
        shapes = [parameter.shape for parameter in self.mean.parameters()]
        pieces = flat.split([shape.numel() for shape in shapes])
        return SecondOrderField([piece.view(shape) for piece, shape in zip(pieces, shapes, strict=True)])


class Recognition(nn.Module):
    """Infer position from the token of a frame, velocity from those of the ``frames`` frames that begin with it."""

    def __init__(self, width: int, degrees: int, frames: int, std_floor: float):
        super().__init__()
        self.frames = frames
        self.position = GaussianHead(width, degrees, std_floor)
        self.motion = nn.Sequential(nn.Linear(frames * (width + 1), width), nn.ReLU())
        self.velocity = GaussianHead(width, degrees, std_floor)

    def forward(self, tokens: Tensor, times: Tensor) -> Gaussian:
        """Infer the state at each frame that enough others follow.

        Args:
            tokens: ``(N, G, width)``.
            times: ``(N, G)``.

        Returns:
            A distribution over ``(N, G - frames + 1, 2 * degrees)``, position before velocity.
        """
        runs = tokens.unfold(1, self.frames, 1).mT  # (N, R, width, frames) -> (N, R, frames, width)
        elapsed = times.unfold(1, self.frames, 1) - times[:, : runs.shape[1], None]  # (N, R, frames)
        position = self.position(tokens[:, : runs.shape[1]])
        motion = torch.cat([runs.flatten(2), elapsed], dim=-1)  # (N, R, frames, width) -> (N, R, frames * (width + 1))
        velocity = self.velocity(self.motion(motion))
        return Gaussian(
            torch.cat([position.mean, velocity.mean], dim=-1), torch.cat([position.std, velocity.std], dim=-1)
        )


class ODE2VAE(VariationalModel):
    """Infer position and velocity from the context, then solve a second-order equation with Bayesian weights."""

    def __init__(self, task: Task, settings: SimpleNamespace):
        super().__init__()
        self.settings, self.time_scale, self.degrees = settings, time_scale(task), settings.latent // 2
        frames = min(settings.amortization or task.context_frames, task.context_frames)
        self.encoder = build_encoder(task.shape, settings.base_channels, settings.token_width)
        self.recognition = Recognition(settings.token_width, self.degrees, frames, settings.std_floor)
        self.field = BayesianField(settings.latent, settings.hidden, settings.initialisation)
        self.decoder = build_decoder(self.degrees, task.shape, settings.base_channels, settings.decoder)

    def loss(self, batch: WindowBatch) -> dict[str, Tensor]:
        """Compute the paper's loss over the number of frames a query may name and of values in a frame."""
        settings, values = self.settings, batch.query[0, 0].numel()
        horizon = batch.grid_times.shape[1] - batch.context_times.shape[1]  # frames that a query may name
        frames, index = batch.grid_frames()
        times = batch.grid_times / self.time_scale
        encoding = self.recognition(self.encoder(frames)[index], times)  # (F', width) -> (N, G, width)
        weights = self.field.posterior()
        states, density = self.flow(encoding, self.field.with_weights(weights.sample()), times)
        reached = batch.at_queries(states)  # (N, Q, latent)
        prior = Gaussian(torch.zeros_like(reached), torch.ones_like(reached))
        surplus = batch.at_queries(density) - log_density(prior, reached)  # (N, Q)
        mean = self.decoder(reached[..., : self.degrees])
        terms = {
            "reconstruction": negative_log_likelihood(mean, batch.query, settings.observation_std),
            "path": settings.path_weight * surplus.mean(),
            "weights": self.degrees / len(weights.mean) * weights.kl_from_standard_normal() / horizon,
            "encoding": settings.gamma * encoding_penalty(encoding, states, density, times),
        }
        return {name: term / values for name, term in terms.items()}

    @staticmethod
    def flow(encoding: Gaussian, field: SecondOrderField, times: Tensor) -> tuple[Tensor, Tensor]:
        """Solve from a draw of the first encoding: states ``(N, G, latent)`` and their ``log q_t`` ``(N, G)``."""
        first = Gaussian(encoding.mean[:, 0], encoding.std[:, 0])
        initial = first.sample()
        states, change = field.solve(initial, times)
        return states, log_density(first, initial)[:, None] + change

    def unfold(self, read: Reader, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor:
        return self._solved(self.field.posterior().mean, read(context, context_times), query_times)

    def sample(self, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor | None:
        """Draw the weights of f, the same for all trajectories, and the initial state of each."""
        initial = self.posterior(context, context_times).sample()
        return self._solved(self.field.posterior().sample(), initial, query_times)

    def _solved(self, weights: Tensor, initial: Tensor, query_times: Tensor) -> Tensor:
        """Frames ``(N, Q, ...)`` from initial states ``(N, latent)`` with these weights of f."""
        states, self.function_evaluations = solve_adaptively(
            self.field.with_weights(weights).derivative,
            initial,
            query_times / self.time_scale,
            self.settings.tolerance,
        )
        return self.decoder(states[..., : self.degrees])

    def posterior(self, context: Tensor, context_times: Tensor) -> Gaussian:
        used = self.recognition.frames
        tokens = encode_sequences(self.encoder, context[:, :used])
        states = self.recognition(tokens, context_times[:, :used] / self.time_scale)
        return Gaussian(states.mean[:, 0], states.std[:, 0])


def log_density(gaussian: Gaussian, value: Tensor) -> Tensor:
    """Compute the log density of ``value`` ``(..., k)``, summed over the last axis, ``(...)``.

    The published code takes the density of the standardised noise for that of the state and so loses
    ``-sum log std``, all that rewards a wide posterior.
    """
    return Normal(gaussian.mean, gaussian.std, validate_args=False).log_prob(value).sum(dim=-1)


def encoding_penalty(encoding: Gaussian, states: Tensor, density: Tensor, times: Tensor) -> Tensor:
    """Compute ``log q_t(z_t) - log q_enc(z_t | x_t...)`` averaged over the frames that enough others follow.

    The first frame is left out, as its state was drawn from that very encoding.

    Args:
        encoding: of each frame but the last ones, ``(N, R, latent)``.
        states, density: the path and its log density at all frames, ``(N, G, latent)`` and ``(N, G)``.
        times: ``(N, G)``; a time that is repeated is no frame of its own.
    """
    later = slice(1, encoding.mean.shape[1])
    encoded = Gaussian(encoding.mean[:, later], encoding.std[:, later])
    difference = density[:, later] - log_density(encoded, states[:, later])  # (N, R - 1)
    last = times.shape[1] - difference.shape[1]  # the last frame that the first of these encodings reads
    complete = times.diff(dim=1)[:, last - 1 :] > 0  # (N, R - 1), it is a frame of its own
    return (difference * complete).sum() / complete.sum()


class ODE2VAEMethod(NeuralMethod):
    """Train an ``ODE2VAE`` with the settings of the card."""

    def build_model(self) -> ForecastModel:
        if self.settings.latent % 2:
            raise BenchError(
                f"ode2vae: 'latent' is half position, half velocity and must be even, got {self.settings.latent}"
            )
        if self.settings.initialisation not in INITIALISATIONS:
            known = nearest(self.settings.initialisation, INITIALISATIONS)
            raise BenchError(f"ode2vae: unknown initialisation '{self.settings.initialisation}'; {known}")
        return ODE2VAE(self.task, self.settings)


METHOD = ODE2VAEMethod
