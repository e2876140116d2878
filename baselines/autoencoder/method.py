"""The floor of the shared decoder: a plain autoencoder of single frames."""

from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor, nn

from ladid_bench.data.metrics import validation_nmse
from ladid_bench.data.task import Task
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.data.windows import WindowBatch
from ladid_bench.methods.coders import build_decoder, build_encoder
from ladid_bench.methods.neural import FORECAST_BATCH, ForecastModel, NeuralMethod


class Autoencoder(ForecastModel):
    """Encode one frame as a latent state and decode it."""

    def __init__(self, task: Task, settings: SimpleNamespace):
        super().__init__()
        self.encoder = build_encoder(task.shape, settings.base_channels, settings.token_width)
        self.bottleneck = nn.Linear(settings.token_width, settings.latent)
        self.decoder = build_decoder(settings.latent, task.shape, settings.base_channels, settings.decoder)

    def render(self, frames: Tensor) -> Tensor:
        """Render normalized frames ``(F, channel, *space)`` through their latent states."""
        return self.decoder(self.bottleneck(self.encoder(frames)))

    def loss(self, batch: WindowBatch) -> dict[str, Tensor]:
        """Compute the mean squared error of the query frames, rendered through their latent states."""
        frames = batch.query.flatten(0, 1)  # (N, Q, channel, *space) -> (N * Q, channel, *space)
        return {"reconstruction": (self.render(frames) - frames).square().mean()}

    def forecast(self, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor:
        """Render the last context frame: there are no dynamics."""
        last = self.render(context[:, -1])[:, None]  # (N, 1, channel, *space)
        return last.expand(-1, query_times.shape[1], *last.shape[2:])


class AutoencoderMethod(NeuralMethod):
    """Train an ``Autoencoder`` with the settings of the card."""

    def build_model(self) -> ForecastModel:
        return Autoencoder(self.task, self.settings)

    @torch.no_grad()
    def reconstruct(self, frames: np.ndarray, times: np.ndarray) -> np.ndarray:
        self.model.eval()
        asked = frames[:, self.task.context_frames :]
        normalized = torch.as_tensor(self.task.normalize(asked), dtype=torch.float32, device=self.device)
        single = normalized.flatten(0, 1)  # (trajectory, time, channel, *space) -> (trajectory * time, channel, *space)
        rendered = [self.model.render(part) for part in single.split(FORECAST_BATCH)]
        return self.task.denormalize(torch.cat(rendered).cpu().numpy()).reshape(asked.shape).astype(np.float32)

    def validation_error(self, valid: Trajectories) -> float:
        """Measure the mean over trajectories of the nMSE of the rendered frames, see ``validation_nmse``."""
        frames, times = valid.frames[:, : self.task.frames], valid.times[:, : self.task.frames]
        truth = frames[:, self.task.context_frames :]
        return float(validation_nmse(truth, self.reconstruct(frames, times), self.task.variables).mean())


METHOD = AutoencoderMethod
