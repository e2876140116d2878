"""MSVI (Iakovlev, Yildiz, Heinonen, Lahdesmaki, ICLR 2023) on the suite's encoder, decoder, windows and budget."""

import math
from collections.abc import Iterator
from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ladid_bench.core.errors import BenchError
from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch, at_frames
from ladid_bench.ladid.attention import ALL, TemporalTransformer
from ladid_bench.methods.coders import build_decoder, build_encoder, encode_sequences
from ladid_bench.methods.distributions import Gaussian, negative_log_likelihood
from ladid_bench.methods.neural import ForecastModel, NeuralMethod, Reader, VariationalModel
from ladid_bench.methods.ode import SPAN, Perceptron, solve_adaptively, time_scale
from ladid_bench.methods.runge_kutta import network_field, solve_network

POSITION_LAYERS, VELOCITY_LAYERS = 4, 8  # of the recognition transformers, as in the paper
BOX = 1e3  # exponent of the temporal window: a box, whose edge leaves rounding of a time without effect
WEIGHT_LOG_STD = -7.0  # of the posterior over weights at first, as in the released code
FAR = 1e3  # where frames that do not exist are put, in units of time: out of sight of those that do
INITIAL_LOG_STD = -4.0  # at first s_b is drawn close to its mean; a std of 1 would cost the first hundred steps
FIRST = slice(1)  # frame of a window, state of a sequence


class Recognition(nn.Module):
    """Infer every frame's latent state: each of its parts by a transformer over the tokens and two linear heads.

    Args:
        width: of a token.
        parts: of the latent state: number of values, transformer layers, smallest standard deviation.
        window: half width of the temporal window of the attention, in the units of the times.
    """

    def __init__(self, width: int, parts: list[tuple[int, int, float]], window: float):
        super().__init__()
        self.floors = [floor for _, _, floor in parts]
        self.transformers = nn.ModuleList(
            TemporalTransformer(width, layers, "tdp", window, BOX, "learned") for _, layers, _ in parts
        )
        self.mean = nn.ModuleList(nn.Linear(width, values) for values, _, _ in parts)
        spreads = [nn.Linear(width, values) for values, _, _ in parts]
        for head in spreads:
            nn.init.constant_(head.bias, INITIAL_LOG_STD)
        self.log_std = nn.ModuleList(spreads)

    def forward(self, tokens: Tensor, times: Tensor, frames: slice | Tensor = ALL) -> Gaussian:
        """Infer from tokens ``(N, G, width)`` at times ``(N, G)`` the states of ``frames``, ``(N, B, latent)``."""
        attended = [transformer(tokens, times, frames) for transformer in self.transformers]
        means = [head(one) for head, one in zip(self.mean, attended, strict=True)]
        stds = [
            floor + head(one).clamp(-8, 2).exp()
            for head, one, floor in zip(self.log_std, attended, self.floors, strict=True)
        ]
        return Gaussian(torch.cat(means, dim=-1), torch.cat(stds, dim=-1))


class WeightPosterior(nn.Module):
    """Hold the standard deviations of a Gaussian over each weight of a network, whose parameters are the means."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.log_std = nn.ParameterList(torch.full_like(mean, WEIGHT_LOG_STD) for mean in network.parameters())

    def sample(self, network: nn.Module) -> dict[str, Tensor]:
        """Draw all weights once, by their names in ``network``."""
        return {name: weights.sample() for name, weights in self._weights(network)}

    def kl_from_standard_normal(self, network: nn.Module) -> Tensor:
        """Compute the KL divergence from N(0, I) summed over all weights, a scalar."""
        return torch.stack([weights.kl_from_standard_normal().sum() for _, weights in self._weights(network)]).sum()

    def _weights(self, network: nn.Module) -> Iterator[tuple[str, Gaussian]]:
        for (name, mean), log_std in zip(network.named_parameters(), self.log_std, strict=True):
            yield name, Gaussian(mean, log_std.exp())


class MSVI(VariationalModel):
    """Solve ``dz/dt = f(z)`` from shooting variables, one at the beginning of each block of frames of a window.

    With ``bayesian`` the weights of right-hand side and decoder have a posterior, and each step draws them once.

    A latent state has ``positions`` values that the decoder sees and, in a second-order equation, as many
    velocities behind them: ``d(position)/dt = velocity, d(velocity)/dt = f(position, velocity)``.
    """

    def __init__(self, task: Task, settings: SimpleNamespace):
        super().__init__()
        self.settings, self.time_scale = settings, time_scale(task)
        width, latent, second = settings.token_width, settings.latent, settings.order == "second"
        self.positions = latent // 2 if second else latent
        parts = [(self.positions, POSITION_LAYERS, settings.std_floor)]
        if second:
            parts.append((self.positions, VELOCITY_LAYERS, 0.0))
        self.encoder = build_encoder(task.shape, settings.base_channels, width)
        self.recognition = Recognition(width, parts, settings.attention_window * SPAN)
        self.field = Perceptron(latent, settings.hidden, self.positions)
        self.decoder = build_decoder(self.positions, task.shape, settings.base_channels, settings.decoder)
        uncertain = {"field": self.field, "decoder": self.decoder} if settings.bayesian else {}
        self.weights = nn.ModuleDict({name: WeightPosterior(network) for name, network in uncertain.items()})

    def derivative(self, time: Tensor, state: Tensor) -> Tensor:
        """Compute ``dz/dt`` of states ``(N, latent)``; autonomous, and of first order without velocities."""
        return torch.cat([state[:, self.positions :], self.field(state)], dim=1)

    def loss(self, batch: WindowBatch) -> dict[str, Tensor]:
        """Compute the negative evidence lower bound over the frames and over the numbers in one.

        The divergence of the weights, of which all frames of the training split have their share, is part of it.
        """
        if not self.weights:
            return self(batch)
        divergence = [one.kl_from_standard_normal(getattr(self, part)) for part, one in self.weights.items()]
        share = torch.stack(divergence).sum() / len(batch.bank) / batch.query[0, 0].numel()
        return functional_call(self, self._drawn_weights(), (batch,)) | {"weights": share}

    def _drawn_weights(self) -> dict[str, Tensor]:
        """Draw all uncertain weights once, by their names."""
        return {
            f"{part}.{name}": weight
            for part, posterior in self.weights.items()
            for name, weight in posterior.sample(getattr(self, part)).items()
        }

    def sample(self, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor | None:
        drawn = self._drawn_weights()
        means = {name: value.clone() for name, value in self.state_dict().items() if name in drawn}
        self.load_state_dict(drawn, strict=False)
        try:
            return super().sample(context, context_times, query_times)
        finally:
            self.load_state_dict(means, strict=False)

    def forward(self, batch: WindowBatch) -> dict[str, Tensor]:
        """Compute the negative bound of a window, given the weights, over its frames and the numbers in one.

        The likelihood stands at a sample of the frames, the queries and some of the context, and is averaged over it.
        """
        values = batch.query[0, 0].numel()
        exists = torch.diff(batch.grid, dim=1, prepend=batch.grid[:, :1] - 1) > 0  # (N, G), not past the last frame
        times = batch.grid_times / self.time_scale
        shooting = self.recognise(batch, times, exists)
        states, continuity = self.shoot(shooting, times, exists)
        early = batch.draw_context()  # (N, up to 2)
        target = torch.cat([batch.context_target(early), batch.query], dim=1)
        mean = self.render(torch.cat([at_frames(states, early), batch.at_queries(states)], dim=1))
        frames = exists.sum(dim=1)  # (N,)
        terms = {
            "reconstruction": negative_log_likelihood(mean, target, self.settings.observation_std),
            "kl": (_at(shooting, FIRST).kl_from_standard_normal()[:, 0] / frames).mean(),
            "continuity": (continuity / frames).mean(),
        }
        return {name: term / values for name, term in terms.items()}

    def recognise(self, batch: WindowBatch, times: Tensor, exists: Tensor) -> Gaussian:
        """Infer shooting variables ``(N, B, latent)``: the first one from the context alone, as in a forecast.

        The others are read from the whole window, frames that do not exist left out.

        Args:
            batch: N windows.
            times: ``(N, G)``, in the model's own unit.
            exists: ``(N, G)``, whether there is such a frame.
        """
        context, begin = batch.context.shape[1], self.begin(times)
        if len(begin) == 1:
            tokens = self.encoder(batch.frames)[batch.context]  # (F, width) -> (N, C, width)
            return self.recognition(tokens, times[:, :context], FIRST)
        frames, index = batch.grid_frames()
        tokens = self.encoder(frames)[index]  # (F', width) -> (N, G, width)
        first = self.recognition(tokens[:, :context], times[:, :context], FIRST)
        later = self.recognition(tokens, times.masked_fill(~exists, FAR), begin[1:])
        return Gaussian(torch.cat([first.mean, later.mean], dim=1), torch.cat([first.std, later.std], dim=1))

    def begin(self, times: Tensor) -> Tensor:
        """Find the frames at which the blocks of windows with ``times`` ``(N, G)`` begin, ``(B,)``."""
        return torch.arange(0, times.shape[1] - 1, self.settings.block, device=times.device)

    def shoot(self, shooting: Gaussian, times: Tensor, exists: Tensor) -> tuple[Tensor, Tensor]:
        """Draw the shooting variables and solve all blocks of all windows at once, each from its own.

        Args:
            shooting: ``(N, B, latent)``.
            times: ``(N, G)``.
            exists: ``(N, G)``, whether there is such a frame.

        Returns:
            States ``(N, G, latent)``, where a block begins that of the one before; and the continuity prior of each
            window, ``(N,)``: ``KL( q(s_b) || N(end of block b - 1, std^2) )`` summed over the blocks with frames.
        """
        settings, (rows, frames), begin = self.settings, times.shape, self.begin(times)
        inside = begin[:, None] + torch.arange(settings.block + 1, device=times.device)
        inside = inside.clamp(max=frames - 1)  # (B, block + 1), the last block may be shorter
        solution = solve_network(
            network_field(self.field),
            shooting.sample().flatten(0, 1),  # (N, B, latent) -> (N * B, latent)
            times[:, inside].flatten(0, 1),  # (N, B, block + 1) -> (N * B, block + 1)
        )
        path = solution.states.unflatten(0, (rows, -1))  # (N * B, block + 1, latent) -> (N, B, block + 1, latent)
        # a block ends on the frame at which the next one begins, so all but the first lose their first frame
        states = torch.cat(
            [path[:, 0, :1], path[:, :, 1:].flatten(1, 2)], dim=1
        )  # (N, B, block, k) -> (N, B * block, k)
        states = states[:, :frames]  # (N, G, latent)
        std = settings.continuity_std / math.sqrt(settings.latent)
        jumps = _at(shooting, slice(1, None)).kl_from(path[:, :-1, -1], std)  # (N, B - 1)
        return states, (jumps * exists[:, begin[1:] + 1]).sum(dim=1)

    def render(self, states: Tensor) -> Tensor:
        """Render states ``(..., latent)`` as frames ``(..., channel, *space)``; the decoder sees the positions."""
        return self.decoder(states[..., : self.positions])

    def unfold(self, read: Reader, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor:
        initial, tolerance = read(context, context_times), self.settings.tolerance
        states, self.function_evaluations = solve_adaptively(
            self.derivative, initial, query_times / self.time_scale, tolerance
        )
        return self.render(states)

    def posterior(self, context: Tensor, context_times: Tensor) -> Gaussian:
        tokens = encode_sequences(self.encoder, context)
        return _at(self.recognition(tokens, context_times / self.time_scale, FIRST), 0)


def _at(states: Gaussian, frames: slice | int | Tensor) -> Gaussian:
    """The part of ``(N, G, latent)`` that belongs to some frames; ``(N, latent)`` of one alone."""
    return Gaussian(states.mean[:, frames], states.std[:, frames])


class MSVIMethod(NeuralMethod):
    """Train an ``MSVI`` with the settings of the card."""

    def build_model(self) -> ForecastModel:
        settings = self.settings
        if settings.order not in ("first", "second"):
            raise BenchError(f"msvi: 'order' must be first or second, got '{settings.order}'")
        if settings.order == "second" and settings.latent % 2:
            raise BenchError(f"msvi: 'latent' is half position, half velocity and must be even, got {settings.latent}")
        if settings.block < 1:
            raise BenchError(f"msvi: 'block' is a number of frames and must be at least 1, got {settings.block}")
        return MSVI(self.task, settings)


METHOD = MSVIMethod
