"""Latent Dynamics Network (Regazzoni, Pagani, Salvador, Dede', Quarteroni, Nature Communications 2024)."""

import math
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch
from ladid_bench.methods.coders import Decoder, build_encoder, encode_sequences
from ladid_bench.methods.distributions import negative_log_likelihood
from ladid_bench.methods.neural import ForecastModel, NeuralMethod
from ladid_bench.methods.ode import Perceptron, solve_adaptively, solve_by_frame, time_scale
from ladid_bench.methods.recognition import GatedRecognition

DEPTH = 4  # hidden layers of the decoder, as in the paper's test cases 2 and 4
WAVENUMBER = math.pi  # standard deviation of a wave's along each axis: one period across the frame
RENDERED_AT_ONCE = 2**14  # points; bounds the memory of a forecast, and a CPU renders them in its cache


def grid_coordinates(sides: tuple[int, ...]) -> Tensor:
    """Coordinates of all points of a grid, each from -1 to 1, ``(S, axes)``; the last axis runs fastest."""
    axes = [torch.linspace(-1, 1, side) for side in sides]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).flatten(0, -2)  # (*sides, axes) -> (S, axes)


class CoordinateDecoder(Decoder):
    """A latent state and the coordinates of a point to the mean of the field there.

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

    def places(self) -> Tensor:
        """What the first layer makes of each point of the grid, before it adds the state's share, ``(S, hidden)``."""
        phase = self.coordinates @ self.waves  # (S, waves)
        seen = torch.cat([self.coordinates, phase.sin(), phase.cos()], dim=1)
        return nn.functional.linear(seen, self.first.weight[:, self.latent :])

    def values(self, states: Tensor, places: Tensor) -> Tensor:
        """States ``(..., k)`` and what ``places`` makes of points, ``(..., P, hidden)``, to ``(..., P, channel)``."""
        share = nn.functional.linear(states, self.first.weight[:, : self.latent], self.first.bias)  # (..., hidden)
        return torch.sigmoid(self.output(self.layers(share[..., None, :] + places)))

    def at(self, states: Tensor, points: Tensor) -> Tensor:
        """Values at points of the grid, by their index: ``(..., k)`` and ``(..., P)`` to ``(..., P, channel)``."""
        return self.values(states, self.places()[points])

    def forward(self, states: Tensor) -> Tensor:
        """``(..., k)`` to whole frames ``(..., channel, *space)``, a bounded number of points at once."""
        places = self.places()
        frames = [
            torch.cat([self.values(some, part) for part in places.split(RENDERED_AT_ONCE)], dim=1)
            for some in states.reshape(-1, states.shape[-1]).split(max(1, RENDERED_AT_ONCE // len(places)))
        ]  # each (some, S, channel)
        fields = torch.cat(frames).mT  # (n, S, channel) -> (n, channel, S)
        return fields.reshape(*states.shape[:-1], *self.shape)


class LatentDynamicsNetwork(ForecastModel):
    """Few states that follow ``dz/dt = f(z)``; the field at any point is a function of them and its coordinates."""

    def __init__(self, task: Task, settings: SimpleNamespace):
        super().__init__()
        self.settings, self.time_scale = settings, time_scale(task)
        self.encoder = build_encoder(task.shape, settings.base_channels, settings.token_width)
        self.recognition = GatedRecognition(
            settings.token_width, settings.latent, settings.std_floor, direction="backwards"
        )
        self.field = Perceptron(settings.latent, settings.hidden, settings.latent)
        self.decoder = CoordinateDecoder(settings.latent, task.shape, settings.decoder_hidden, settings.waves)

    def derivative(self, time: Tensor, state: Tensor) -> Tensor:
        """``dz/dt`` of states ``(N, latent)``; the equation is autonomous."""
        return self.field(state)

    def loss(self, batch: WindowBatch) -> dict[str, Tensor]:
        """The evidence lower bound per value, the likelihood estimated at random points of each query frame."""
        settings, values = self.settings, batch.query[0, 0].numel()
        tokens = self.encoder(batch.frames)[batch.context]  # (F, width) -> (N, C, width)
        code = self.recognition(tokens, batch.context_times / self.time_scale)
        path = solve_by_frame(self.derivative, code.sample(), batch.grid_times / self.time_scale)  # (N, G, latent)
        truth, points = self.some_points(batch.query)
        mean = self.decoder.at(batch.at_queries(path), points)
        likelihood = negative_log_likelihood(mean, truth, settings.observation_std)
        return {
            "reconstruction": likelihood / truth[0, 0].numel(),
            "code": settings.code_weight * code.kl_from_standard_normal().mean() / values,
        }

    def some_points(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Values ``(N, Q, P, channel)`` at random points of each frame, and their indices ``(N, Q, P)``."""
        field = frames.flatten(3).mT  # (N, Q, channel, *space) -> (N, Q, S, channel)
        size = (*field.shape[:2], min(self.settings.points, field.shape[2]))
        points = torch.randint(field.shape[2], size, device=field.device)
        return field.gather(2, points[..., None].expand(-1, -1, -1, field.shape[3])), points

    def forecast(self, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor:
        initial, tolerance = self.represent(context, context_times), self.settings.tolerance
        states, self.function_evaluations = solve_adaptively(
            self.derivative, initial, query_times / self.time_scale, tolerance
        )
        return self.decoder(states)

    def represent(self, context: Tensor, context_times: Tensor) -> Tensor:
        return self.recognition(encode_sequences(self.encoder, context), context_times / self.time_scale).mean


class LatentDynamicsNetworkMethod(NeuralMethod):
    """See ``LatentDynamicsNetwork``; the settings are those of the card."""

    def build_model(self) -> ForecastModel:
        return LatentDynamicsNetwork(self.task, self.settings)


METHOD = LatentDynamicsNetworkMethod
