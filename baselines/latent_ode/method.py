"""Latent ODE (Rubanova, Chen, Duvenaud, NeurIPS 2019) on the suite's encoder, decoder, windows and budget."""

from types import SimpleNamespace

from torch import Tensor

from ladid_bench.core.errors import BenchError, nearest
from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch
from ladid_bench.methods.coders import build_decoder
from ladid_bench.methods.distributions import negative_log_likelihood
from ladid_bench.methods.initial_state import LatentODEModel
from ladid_bench.methods.neural import ForecastModel, NeuralMethod

PENALTIES = ("kl", "path")
TINY = 1e-12  # squared step: where a time is repeated the root of 0 would have no gradient


class LatentODE(LatentODEModel):
    """Infer an initial state from the context, solve ``dz/dt = f(z)``, decode each state by itself.

    With ``penalty: path`` the initial state is no distribution, and short paths are rewarded in place of a
    posterior near N(0, I) (Sampson, Melchior, 2024).
    """

    def __init__(self, task: Task, settings: SimpleNamespace):
        super().__init__(task, settings)
        if settings.penalty not in PENALTIES:
            known = nearest(settings.penalty, PENALTIES)
            raise BenchError(f"method 'latent-ode': unknown penalty '{settings.penalty}'; {known}")
        self.variational = settings.penalty == "kl"
        self.recognition.head.log_std.requires_grad_(self.variational)
        self.decoder = build_decoder(settings.latent, task.shape, settings.base_channels, settings.decoder)

    def loss(self, batch: WindowBatch) -> dict[str, Tensor]:
        """Compute likelihood of the queries and penalty, over the number of values in a frame."""
        settings, values = self.settings, batch.query[0, 0].numel()
        initial = self.initial_state(batch)
        path = self.path(initial.sample() if self.variational else initial.mean, batch)
        mean = self.decoder(batch.at_queries(path))
        terms = {"reconstruction": negative_log_likelihood(mean, batch.query, settings.observation_std)}
        if self.variational:
            terms["kl"] = settings.kl_weight * initial.kl_from_standard_normal().mean()
        else:
            terms["path"] = settings.path_weight * relative_length(path, settings.std_floor).mean()
        return {name: term / values for name, term in terms.items()}

    def sample(self, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor | None:
        return super().sample(context, context_times, query_times) if self.variational else None


def relative_length(path: Tensor, std_floor: float) -> Tensor:
    """Measure paths ``(N, G, k)`` in standard deviations of where they begin, coordinate by coordinate, ``(N,)``.

    Gradients reach the standard deviations, so that nothing is won by a smaller latent space.
    """
    spread = path[:, 0].std(dim=0) + std_floor  # (k,)
    squared = (path.diff(dim=1) / spread).square().sum(dim=-1)  # (N, G - 1)
    return (squared + TINY).sqrt().sum(dim=1)


class LatentODEMethod(NeuralMethod):
    """Train a ``LatentODE`` with the settings of the card."""

    def build_model(self) -> ForecastModel:
        return LatentODE(self.task, self.settings)


METHOD = LatentODEMethod
