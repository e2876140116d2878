"""Base classes of the neural methods: one trainer, one scaling, one way to save, so that only the model differs."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ladid_bench.core.errors import BenchError, nearest
from ladid_bench.core.files import atomic_write
from ladid_bench.data.metrics import validation_nmse
from ladid_bench.data.task import Task
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.data.windows import WindowBatch
from ladid_bench.methods.base import Forecast, Method, Training
from ladid_bench.methods.coders import REDUCTION, Decoder
from ladid_bench.methods.distributions import Gaussian
from ladid_bench.methods.rendering import nearest_renderings
from ladid_bench.methods.tensors import load_tensors
from ladid_bench.methods.trainer import Trainer

WEIGHTS = "weights.pt"
LEAST_LEVEL = 0.01  # an untrained decoder renders no less, and no more than 1 less this
FORECAST_BATCH = 64  # trajectories forecast at once; bounds memory at paper scale

Reader = Callable[[Tensor, Tensor], Tensor]  # from context frames and their times to representations


class ForecastModel(nn.Module, ABC):
    """Compute the training loss and the forecasts of a neural method: the network that it trains.

    Frames are normalized: the task's ``low`` and ``high`` are 0 and 1. Times count from the first context frame.
    """

    function_evaluations: int = 0  # of an ODE's right-hand side in the last forecast; 0 without an ODE

    @abstractmethod
    def loss(self, batch: WindowBatch) -> dict[str, Tensor]:
        """Compute the terms of the training loss by name, scalars; what is minimised is their sum."""

    @abstractmethod
    def forecast(self, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor:
        """Forecast the mean frames at the query times.

        Args:
            context: ``(N, C, channel, *space)``.
            context_times: ``(N, C)``.
            query_times: ``(N, Q)``, increasing.

        Returns:
            ``(N, Q, channel, *space)``.
        """

    def represent(self, context: Tensor, context_times: Tensor) -> Tensor | None:
        """Compute the representation of each context, ``(N, feature)``; None for a model without one.

        Args:
            context: ``(N, C, channel, *space)``.
            context_times: ``(N, C)``.
        """
        return None

    def sample(self, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor | None:
        """Draw one forecast from the predictive distribution, as ``forecast``; None for a model without one."""
        return None


class VariationalModel(ForecastModel):
    """Infer a distribution over the representation of a context; its mean forecasts, draws of it make samples."""

    @abstractmethod
    def posterior(self, context: Tensor, context_times: Tensor) -> Gaussian:
        """Infer the representation of each context ``(N, C, ...)`` with times ``(N, C)``, ``(N, feature)``."""

    @abstractmethod
    def unfold(self, read: Reader, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor:
        """Forecast frames at the query times from what ``read`` makes of the context; see ``forecast``."""

    def represent(self, context: Tensor, context_times: Tensor) -> Tensor:
        return self.posterior(context, context_times).mean

    def forecast(self, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor:
        return self.unfold(self.represent, context, context_times, query_times)

    def sample(self, context: Tensor, context_times: Tensor, query_times: Tensor) -> Tensor | None:
        return self.unfold(self._draw, context, context_times, query_times)

    def _draw(self, context: Tensor, context_times: Tensor) -> Tensor:
        return self.posterior(context, context_times).sample()


class NeuralMethod(Method):
    """Train a ``ForecastModel`` with the shared trainer; a subclass only builds the model.

    Its card has the setting ``learning_rate``, the peak of the shared schedule; all else about the
    training is the budget's, the same for every method.
    """

    starts_from_weights = True

    @abstractmethod
    def build_model(self) -> ForecastModel:
        """Build the model for ``self.task`` with ``self.settings``, freshly initialised."""

    @classmethod
    def skip(cls, task: Task) -> tuple[bool, str]:
        if task.is_image and any(side % REDUCTION for side in task.shape[1:]):
            return True, f"its encoder and decoder need image sides divisible by {REDUCTION}, got {task.shape[1:]}"
        return False, ""

    def fit(self, training: Training) -> None:
        torch.manual_seed(training.seed)
        self.model = self.build_model().to(self.device)
        self._start_at_mean(training.train)
        if training.initial is not None:
            self.load(training.initial)
        self._freeze(training.frozen)
        self.trainer = Trainer(self, training)
        self.trainer.run()

    def _start_at_mean(self, train: Trajectories) -> None:
        places = (0, 1, 3, 4) if self.task.is_image else (0, 1)
        means = train.frames.mean(axis=places, dtype=np.float64, keepdims=True)  # (1, 1, channel, 1 or feature, ...)
        levels = self.task.normalize(means).flatten().clip(LEAST_LEVEL, 1 - LEAST_LEVEL)  # (component,)
        for part in self.model.modules():
            if isinstance(part, Decoder):
                part.start_at(levels.tolist())

    def _freeze(self, parts: Sequence[str]) -> None:
        """Keep ``parts`` as they are, running statistics included; one that this variant goes without may be None."""
        children = dict(self.model.named_children())
        for part in parts:
            if part in children:
                children[part].requires_grad_(False)
                _keep_evaluating(children[part])
            elif getattr(self.model, part, part) is not None:
                raise BenchError(
                    f"{type(self.model).__name__} has no part '{part}' to freeze; {nearest(part, children)}"
                )

    @torch.no_grad()
    def forecast(self, context: np.ndarray, context_times: np.ndarray, query_times: np.ndarray) -> Forecast:
        self.model.eval()
        means = []
        for rows in _chunks(len(context)):
            frames, times, queries = self._tensors(context[rows], context_times[rows], query_times[rows])
            means.append(self.model.forecast(frames, times, queries).cpu().numpy())
        mean = self.task.denormalize(np.concatenate(means))
        return Forecast(mean=mean.astype(np.float32))

    @torch.no_grad()
    def sample(
        self, context: np.ndarray, context_times: np.ndarray, query_times: np.ndarray, samples: int, seed: int
    ) -> np.ndarray | None:
        self.model.eval()
        devices = [torch.cuda.current_device()] if self.device == "cuda" else []
        drawn = []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(seed)
            for rows in _chunks(len(context)):
                tensors = self._tensors(context[rows], context_times[rows], query_times[rows])
                draws = [
                    draw.cpu().numpy()
                    for draw in (self.model.sample(*tensors) for _ in range(samples))
                    if draw is not None
                ]
                if not draws:
                    return None
                drawn.append(np.stack(draws))
        return self.task.denormalize(np.concatenate(drawn, axis=1)).astype(np.float32)

    def reconstruct(self, frames: np.ndarray, times: np.ndarray) -> np.ndarray | None:
        """Render the true frames after the context as well as the decoder can, see ``nearest_renderings``."""
        decoder, given = getattr(self.model, "decoder", None), self.task.context_frames
        if not isinstance(decoder, Decoder):
            return None
        self.model.eval()
        tensors = self._tensors(frames[:, :given], times[:, :given], times[:, given:])
        true = torch.as_tensor(self.task.normalize(frames[:, given:]), dtype=torch.float32, device=self.device)
        rendered = nearest_renderings(decoder, lambda: self.model.forecast(*tensors), true.flatten(0, 1))
        if rendered is None:
            return None
        # (trajectory * query, channel, *space) -> (trajectory, query, channel, *space)
        return self.task.denormalize(rendered.unflatten(0, true.shape[:2]).cpu().numpy()).astype(np.float32)

    @torch.no_grad()
    def represent(self, context: np.ndarray, context_times: np.ndarray) -> np.ndarray | None:
        self.model.eval()
        representations = []
        for rows in _chunks(len(context)):
            frames, times, _ = self._tensors(context[rows], context_times[rows], context_times[rows])
            representation = self.model.represent(frames, times)
            if representation is None:
                return None
            representations.append(representation.cpu().numpy())
        return np.concatenate(representations)

    def _tensors(self, context: np.ndarray, context_times: np.ndarray, query_times: np.ndarray) -> list[Tensor]:
        origin = context_times[:, :1]  # relative times are exact in float64, absolute ones may not fit float32
        arrays = (self.task.normalize(context), context_times - origin, query_times - origin)
        return [torch.as_tensor(array, dtype=torch.float32, device=self.device) for array in arrays]

    def validation_error(self, valid: Trajectories) -> float:
        """Measure the mean over trajectories of the nMSE over the full horizon, see ``validation_nmse``."""
        context, frames = self.task.context_frames, self.task.frames
        forecast = self.forecast(valid.frames[:, :context], valid.times[:, :context], valid.times[:, context:frames])
        truth = valid.frames[:, context:frames]
        return float(validation_nmse(truth, forecast.mean, self.task.variables).mean())

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / WEIGHTS) as temporary, temporary.open("wb") as file:
            torch.save(self.model.state_dict(), file)  # given a path, it would write the temporary name into the file

    def load(self, folder: Path) -> None:
        if not hasattr(self, "model"):
            self.model = self.build_model().to(self.device)
        self.model.load_state_dict(load_tensors(folder / WEIGHTS, self.device))

    def cost(self) -> dict[str, float]:
        parameters = sum(parameter.numel() for parameter in self.model.parameters())
        known = {"parameters": float(parameters), "function_evaluations": float(self.model.function_evaluations)}
        return known | (self.trainer.cost() if hasattr(self, "trainer") else {})

    def history(self) -> list[dict[str, float]]:
        return self.trainer.history if hasattr(self, "trainer") else []


def _keep_evaluating(part: nn.Module) -> None:
    """Switch ``part`` to evaluation for good: ``train`` of the model that it belongs to does not reach it any more."""
    part.eval()
    part.train = lambda mode=True: part  # type: ignore[method-assign]


def _chunks(count: int) -> list[slice]:
    return [slice(start, start + FORECAST_BATCH) for start in range(0, count, FORECAST_BATCH)]
