"""Latent Dynamics Network (Regazzoni, Pagani, Salvador, Dede', Quarteroni, Nature Communications 2024)."""

import math
from collections.abc import Sequence
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch
from ladid_bench.methods.coders import Decoder
from ladid_bench.methods.distributions import negative_log_likelihood
from ladid_bench.methods.initial_state import LatentODEModel
from ladid_bench.methods.neural import ForecastModel, NeuralMethod

DEPTH = 4  # hidden layers of the decoder, as in the paper's test cases 2 and 4
WAVENUMBER = math.pi  # standard deviation of a wave's along each axis: one period across the frame
RENDERED_AT_ONCE = 2**14  # points; bounds the memory of a forecast, and a CPU renders them in its cache


def grid_coordinates(sides: tuple[int, ...]) -> Tensor:
    """Lay out the coordinates of all points of a grid, each from -1 to 1, ``(S, axes)``; the last axis runs fastest."""
    axes = [torch.linspace(-1, 1, side) for side in sides]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).flatten(0, -2)  # (*sides, axes) -> (S, axes)


class CoordinateDecoder(Decoder):
    """Compute the mean of a field at a point from a latent state and the point's coordinates.

    Args:
        latent: length of a latent state.
        shape: ``(channel, *space)`` of a frame.
        hidden: units of a hidden layer.
        waves: random plane waves whose sine and cosine are read beside the coordinates; 0 is the paper.
    """

    coordinates: Tensor
    waves: Tensor

    def __init__(self, latent: int, shape: tuple[int, ...], hidden: int, waves: int):
        super().__init__()
        self.latent, self.shape = latent, shape
        axes = len(shape) - 1
        self.register_buffer("coordinates", grid_coordinates(shape[1:]), persistent=False)  # weights fit any grid
        self.register_buffer("waves", WAVENUMBER * torch.randn(axes, waves))
        self.first = nn.Linear(latent + axes + 2 * waves, hidden)
        layers: list[nn.Module] = [nn.Tanh()]
        for _ in range(DEPTH - 1):
            layers += [nn.Linear(hidden, hidden), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        self.output = nn.Linear(hidden, shape[0])
        for layer in [self.first, *layers, self.output]:
            if isinstance(layer, nn.Linear):  # as Keras does for the original; PyTorch's own shrinks tanh layers
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def start_at(self, levels: Sequence[float]) -> None:
        """Let the untrained decoder render about the mean level of each channel everywhere.

        One output serves all points of a channel, so the features of a vector share their average level.
        """
        super().start_at(torch.tensor(levels).reshape(self.shape[0], -1).mean(dim=1).tolist())  # (channel, feature)

    def places(self) -> Tensor:
        """Apply the first layer to each point of the grid, before the state's share is added, ``(S, hidden)``."""
        phase = self.coordinates @ self.waves  # (S, waves)
        features = torch.cat([self.coordinates, phase.sin(), phase.cos()], dim=1)  # (S, axes + 2 * waves)
        return nn.functional.linear(features, self.first.weight[:, self.latent :])

    def values(self, states: Tensor, places: Tensor) -> Tensor:
        """Compute values ``(..., P, channel)`` of states ``(..., k)`` and ``places`` of points ``(..., P, hidden)``."""
        share = nn.functional.linear(states, self.first.weight[:, : self.latent], self.first.bias)  # (..., hidden)
        return torch.sigmoid(self.output(self.layers(share[..., None, :] + places)))

    def at(self, states: Tensor, points: Tensor) -> Tensor:
        """Compute values ``(..., P, channel)`` of states ``(..., k)`` at points of the grid, by index ``(..., P)``."""
        return self.values(states, self.places()[points])

    def forward(self, states: Tensor) -> Tensor:
        """Render states ``(..., k)`` as frames ``(..., channel, *space)``, a bounded number of points at once."""
        places = self.places()
        frames = [
            torch.cat([self.values(some, part) for part in places.split(RENDERED_AT_ONCE)], dim=1)
            for some in states.reshape(-1, states.shape[-1]).split(max(1, RENDERED_AT_ONCE // len(places)))
        ]  # states (..., k) -> (n, k); each item (some, S, channel)
        fields = torch.cat(frames).mT  # (n, S, channel) -> (n, channel, S)
        return fields.reshape(*states.shape[:-1], *self.shape)  # (n, channel, S) -> (..., channel, *space)


class LatentDynamicsNetwork(LatentODEModel):
    """Solve ``dz/dt = f(z)`` for few states; the field at any point is a function of them and its coordinates."""

    decoder: CoordinateDecoder

    def __init__(self, task: Task, settings: SimpleNamespace):
        super().__init__(task, settings)
        self.decoder = CoordinateDecoder(settings.latent, task.shape, settings.decoder_hidden, settings.waves)

    def loss(self, batch: WindowBatch) -> dict[str, Tensor]:
        """Compute the negative evidence lower bound per value, the likelihood at random points of each query frame."""
        settings, values = self.settings, batch.query[0, 0].numel()
        initial = self.initial_state(batch)
        states = self.query_states(initial.sample(), batch)
        truth, points = self.random_points(batch.query)
        mean = self.decoder.at(states, points)
        likelihood = negative_log_likelihood(mean, truth, settings.observation_std)
        return {
            "reconstruction": likelihood / truth[0, 0].numel(),
            "kl": settings.kl_weight * initial.kl_from_standard_normal().mean() / values,
        }

    def random_points(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Draw points of each frame: true values there, ``(N, Q, P, channel)``, and their indices, ``(N, Q, P)``."""
        field = frames.flatten(3).mT  # (N, Q, channel, *space) -> (N, Q, channel, S) -> (N, Q, S, channel)
        size = (*field.shape[:2], min(self.settings.points, field.shape[2]))
        points = torch.randint(field.shape[2], size, device=field.device)
        return field.gather(2, points[..., None].expand(-1, -1, -1, field.shape[3])), points


class LatentDynamicsNetworkMethod(NeuralMethod):
    """Train a ``LatentDynamicsNetwork`` with the settings of the card."""

    def build_model(self) -> ForecastModel:
        return LatentDynamicsNetwork(self.task, self.settings)


METHOD = LatentDynamicsNetworkMethod
