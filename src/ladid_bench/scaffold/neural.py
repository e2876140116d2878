"""TITLE: say here in a line what it does."""

from types import SimpleNamespace

import torch
from torch import Tensor, nn

from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch
from ladid_bench.methods.coders import build_decoder, build_encoder, encode_sequences
from ladid_bench.methods.distributions import negative_log_likelihood
from ladid_bench.methods.neural import ForecastModel, NeuralMethod
from ladid_bench.methods.ode import Perceptron


class BaselineModel(ForecastModel):
    """Map a representation of the context and a time to the latent state: to be replaced by your own idea.

    Encoder and decoder are those of every neural method. Frames are normalized to [0, 1], and times count from the
    first frame of a window; here a training trajectory lasts 1.
    """

    def __init__(self, task: Task, settings: SimpleNamespace):
        super().__init__()
        self.settings, self.time_scale = settings, task.duration
        self.encoder = build_encoder(task.shape, settings.base_channels, settings.token_width)
        self.recognition = nn.GRU(settings.token_width + 1, settings.latent, batch_first=True)
        self.dynamics = Perceptron(settings.latent + 1, settings.hidden, settings.latent)
        self.decoder = build_decoder(settings.latent, task.shape, settings.base_channels, settings.decoder)

    def summarise(self, tokens: Tensor, times: Tensor) -> Tensor:
        """Summarise the tokens ``(N, C, width)`` of contexts at times ``(N, C)`` as ``(N, latent)``."""
        _, last = self.recognition(torch.cat([tokens, times[..., None] / self.time_scale], dim=-1))
        return last[0]  # (1, N, latent) -> (N, latent)

    def render(self, representation: Tensor, times: Tensor) -> Tensor:
        """Render frames ``(N, Q, channel, *space)`` at ``times`` ``(N, Q)`` from ``(N, latent)``."""
        repeated = representation[:, None].expand(-1, times.shape[1], -1)  # (N, latent) -> (N, Q, latent)
        return self.decoder(self.dynamics(torch.cat([repeated, times[..., None] / self.time_scale], dim=-1)))

    def loss(self, batch: WindowBatch) -> dict[str, Tensor]:
        """Compute the terms of the training loss; their sum is minimised."""
        tokens = self.encoder(batch.frames)[batch.context]  # (F, width) -> (N, C, width): each frame is encoded once
        mean = self.render(self.summarise(tokens, batch.context_times), batch.query_times)
        error = negative_log_likelihood(mean, batch.query, self.settings.observation_std)
        return {"reconstruction": error / batch.query[0, 0].numel()}

    def forecast(self, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor:
        return self.render(self.represent(context, context_times), query_times)

    def represent(self, context: Tensor, context_times: Tensor) -> Tensor:
        return self.summarise(encode_sequences(self.encoder, context), context_times)


class Baseline(NeuralMethod):
    """Train the model; the shared trainer does the rest: windows, optimiser, validation, checkpoints."""

    def build_model(self) -> ForecastModel:
        return BaselineModel(self.task, self.settings)


METHOD = Baseline
