"""Latent ODE (Rubanova, Chen, Duvenaud, NeurIPS 2019) on the suite's encoder, decoder, windows and budget."""

from types import SimpleNamespace

from torch import Tensor

from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch
from ladid_bench.methods.coders import build_decoder, build_encoder, encode_sequences
from ladid_bench.methods.distributions import negative_log_likelihood
from ladid_bench.methods.neural import ForecastModel, NeuralMethod
from ladid_bench.methods.ode import Perceptron, solve_adaptively, solve_by_frame, time_scale
from ladid_bench.methods.recognition import GatedRecognition


class LatentODE(ForecastModel):
    """Initial state from the context, then ``dz/dt = f(z)``."""

    def __init__(self, task: Task, settings: SimpleNamespace):
        super().__init__()
        self.settings, self.time_scale = settings, time_scale(task)
        self.encoder = build_encoder(task.shape, settings.base_channels, settings.token_width)
        self.recognition = GatedRecognition(
            settings.token_width, settings.latent, settings.std_floor, direction="backwards"
        )
        self.field = Perceptron(settings.latent, settings.hidden, settings.latent)
        self.decoder = build_decoder(settings.latent, task.shape, settings.base_channels, settings.decoder)

    def derivative(self, time: Tensor, state: Tensor) -> Tensor:
        """``dz/dt`` of states ``(N, latent)``; the equation is autonomous."""
        return self.field(state)

    def loss(self, batch: WindowBatch) -> dict[str, Tensor]:
        settings, values = self.settings, batch.query[0, 0].numel()
        tokens = self.encoder(batch.frames)[batch.context]  # (F, width) -> (N, C, width)
        code = self.recognition(tokens, batch.context_times / self.time_scale)
        path = solve_by_frame(self.derivative, code.sample(), batch.grid_times / self.time_scale)  # (N, G, latent)
        mean = self.decoder(batch.at_queries(path))
        terms = {
            "reconstruction": negative_log_likelihood(mean, batch.query, settings.observation_std),
            "code": settings.code_weight * code.kl_from_standard_normal().mean(),
        }
        return {name: term / values for name, term in terms.items()}

    def forecast(self, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor:
        initial, tolerance = self.represent(context, context_times), self.settings.tolerance
        states, self.function_evaluations = solve_adaptively(
            self.derivative, initial, query_times / self.time_scale, tolerance
        )
        return self.decoder(states)

    def represent(self, context: Tensor, context_times: Tensor) -> Tensor:
        return self.recognition(encode_sequences(self.encoder, context), context_times / self.time_scale).mean


class LatentODEMethod(NeuralMethod):
    """See ``LatentODE``; the settings are those of the card."""

    def build_model(self) -> ForecastModel:
        return LatentODE(self.task, self.settings)


METHOD = LatentODEMethod
