"""Base classes of latent models that infer an initial state from the context and carry it on from there."""

from types import SimpleNamespace

from torch import Tensor

from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch
from ladid_bench.methods.coders import Decoder, build_encoder, encode_sequences
from ladid_bench.methods.distributions import Gaussian
from ladid_bench.methods.neural import Reader, VariationalModel
from ladid_bench.methods.ode import Perceptron, solve_adaptively, time_scale
from ladid_bench.methods.recognition import GatedRecognition
from ladid_bench.methods.runge_kutta import network_field, solve_network


class InitialStateModel(VariationalModel):
    """Infer a Gaussian over the latent state at the first context frame; a subclass adds dynamics and decoder.

    Its mean is the representation. Times are divided by ``time_scale``: a training trajectory then lasts 3.

    Args:
        task: shape of a frame, duration.
        settings: ``base_channels`` and ``token_width`` of the encoder, ``latent`` and ``std_floor`` of the state.
    """

    def __init__(self, task: Task, settings: SimpleNamespace):
        super().__init__()
        self.settings, self.time_scale = settings, time_scale(task)
        self.encoder = build_encoder(task.shape, settings.base_channels, settings.token_width)
        self.recognition = GatedRecognition(settings.token_width, settings.latent, settings.std_floor)

    def initial_state(self, batch: WindowBatch) -> Gaussian:
        """Infer the latent state at the first frame of each window, a distribution over ``(N, latent)``."""
        tokens = self.encoder(batch.frames)[batch.context]  # (F, width) -> (N, C, width)
        return self.recognition(tokens, batch.context_times / self.time_scale)

    def posterior(self, context: Tensor, context_times: Tensor) -> Gaussian:
        return self.recognition(encode_sequences(self.encoder, context), context_times / self.time_scale)


class LatentODEModel(InitialStateModel):
    """Move the latent state by an autonomous neural ODE, ``dz/dt = f(z)``; a subclass adds decoder and loss.

    Args:
        task: see ``InitialStateModel``.
        settings: those of ``InitialStateModel``; ``hidden``, the width of f; ``tolerance`` of the solver in forecasts.
    """

    decoder: Decoder

    def __init__(self, task: Task, settings: SimpleNamespace):
        super().__init__(task, settings)
        self.field = Perceptron(settings.latent, settings.hidden, settings.latent)

    def derivative(self, time: Tensor, state: Tensor) -> Tensor:
        """Compute ``dz/dt`` of states ``(N, latent)``; the equation is autonomous."""
        return self.field(state)

    def path(self, initial: Tensor, batch: WindowBatch) -> Tensor:
        """Solve from initial states ``(N, latent)`` for those at all ``grid_times`` of a batch, ``(N, G, latent)``."""
        return solve_network(network_field(self.field), initial, batch.grid_times / self.time_scale).states

    def query_states(self, initial: Tensor, batch: WindowBatch) -> Tensor:
        """Solve from initial states ``(N, latent)`` for those at the queries of each window, ``(N, Q, latent)``."""
        return batch.at_queries(self.path(initial, batch))  # (N, G, latent) -> (N, Q, latent)

    def unfold(self, read: Reader, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor:
        initial, tolerance = read(context, context_times), self.settings.tolerance
        states, self.function_evaluations = solve_adaptively(
            self.derivative, initial, query_times / self.time_scale, tolerance
        )
        return self.decoder(states)
