"""Latent ODE (Rubanova, Chen, Duvenaud, NeurIPS 2019) on the suite's encoder, decoder, windows and budget."""

from types import SimpleNamespace

from torch import Tensor

from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch
from ladid_bench.methods.coders import build_decoder
from ladid_bench.methods.distributions import negative_log_likelihood
from ladid_bench.methods.initial_state import LatentODEModel
from ladid_bench.methods.neural import ForecastModel, NeuralMethod


class LatentODE(LatentODEModel):
    """Infer an initial state from the context, solve ``dz/dt = f(z)``, decode each state by itself."""

    def __init__(self, task: Task, settings: SimpleNamespace):
        super().__init__(task, settings)
        self.decoder = build_decoder(settings.latent, task.shape, settings.base_channels, settings.decoder)

    def loss(self, batch: WindowBatch) -> dict[str, Tensor]:
        """Compute the negative evidence lower bound of the queries, over the number of values in a frame."""
        settings, values = self.settings, batch.query[0, 0].numel()
        initial = self.initial_state(batch)
        mean = self.decoder(self.query_states(initial.sample(), batch))
        terms = {
            "reconstruction": negative_log_likelihood(mean, batch.query, settings.observation_std),
            "kl": settings.kl_weight * initial.kl_from_standard_normal().mean(),
        }
        return {name: term / values for name, term in terms.items()}


class LatentODEMethod(NeuralMethod):
    """Train a ``LatentODE`` with the settings of the card."""

    def build_model(self) -> ForecastModel:
        return LatentODE(self.task, self.settings)


METHOD = LatentODEMethod
