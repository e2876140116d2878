"""The contract that every forecasting method keeps. It imports no neural network library."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from ladid_bench.core.configuration import Budget
from ladid_bench.data.task import Task
from ladid_bench.data.trajectories import Trajectories

TRAINING_VERSION = 4  # of the shared trainer, encoders and decoders; raised when their behaviour changes


class Diverged(Exception):
    """Say that training or a forecast gave values beyond what is kept of them; the run ends as ``diverged``."""


@dataclass(frozen=True)
class Forecast:
    """Hold the frames forecast for each trajectory and query time, in physical units.

    Attributes:
        mean: float32 ``(trajectory, query, channel, *space)``.
        std: standard deviation of the same shape, or None for a method without uncertainty.
        samples: draws ``(sample, trajectory, query, channel, *space)``, where ``Model.forecast`` was asked for them.
    """

    mean: np.ndarray
    std: np.ndarray | None = None
    samples: np.ndarray | None = None


@dataclass(frozen=True)
class Training:
    """Hold all that one fit of a method depends on, besides its task and its settings.

    Attributes:
        train: split to learn from, in physical units.
        valid: split to choose between models on, in physical units.
        budget: optimiser steps, batches and the like; a closed-form method ignores it.
        seed: determines every random choice.
        initial: folder written by ``save`` to start from, for transfer; None to start afresh.
        frozen: names of the model's parts to keep as they are, for transfer.
        trunk: folder in which trainings that differ in ``budget.steps`` alone leave the part that they share.
    """

    train: Trajectories
    valid: Trajectories
    budget: Budget
    seed: int
    initial: Path | None = None
    frozen: Sequence[str] = ()
    trunk: Path | None = None


class Method(ABC):
    """Learn from training trajectories to forecast others; one object serves one task.

    Args:
        task: number of context and forecast frames, shape of a frame, range of values, time step.
        settings: hyper-parameters by name, as resolved from the method's card and the study.
        workspace: folder for checkpoints of an unfinished fit, or None to keep none.
        device: ``cpu`` or ``cuda``; methods that cannot use an accelerator ignore it.

    Attributes:
        starts_from_weights: whether ``fit`` heeds ``initial`` and ``frozen``.
    """

    starts_from_weights: ClassVar[bool] = False

    def __init__(self, task: Task, settings: Mapping[str, Any], workspace: Path | None = None, device: str = "cpu"):
        self.task = task
        self.settings = SimpleNamespace(**settings)
        self.workspace = workspace
        self.device = device

    @classmethod
    def skip(cls, task: Task) -> tuple[bool, str]:
        """Tell whether this method cannot take ``task``, and why: the reason stands in the report."""
        return False, ""

    @abstractmethod
    def fit(self, training: Training) -> None:
        """Learn from ``training.train``; choose between models on ``training.valid``.

        Raises:
            Diverged: a value became non-finite.
        """

    @abstractmethod
    def forecast(self, context: np.ndarray, context_times: np.ndarray, query_times: np.ndarray) -> Forecast:
        """Forecast frames from the context alone.

        Args:
            context: float32 ``(trajectory, context, channel, *space)``, physical units.
            context_times: float64 ``(trajectory, context)``.
            query_times: float64 ``(trajectory, query)``, increasing and after the context.

        Returns:
            Frames ``(trajectory, query, channel, *space)`` in physical units.
        """

    def sample(
        self, context: np.ndarray, context_times: np.ndarray, query_times: np.ndarray, samples: int, seed: int
    ) -> np.ndarray | None:
        """Draw forecasts from the predictive distribution; None for a method that forecasts one future alone.

        A draw varies in what the method infers, such as a latent state, and not in the noise of a single observation,
        which is fitted on the validation split for all methods alike. By default frames are drawn from independent
        normal distributions where ``forecast`` gives a standard deviation.

        Args:
            context: as of ``forecast``.
            context_times: likewise.
            query_times: likewise.
            samples: number of draws.
            seed: determines them.

        Returns:
            float32 ``(sample, trajectory, query, channel, *space)`` in physical units, or None.
        """
        forecast = self.forecast(context, context_times, query_times)
        if forecast.std is None:
            return None
        noise = np.random.default_rng(seed).standard_normal((samples, *forecast.mean.shape), dtype=np.float32)
        return forecast.mean + forecast.std * noise

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write all that ``forecast`` needs into ``folder``."""

    @abstractmethod
    def load(self, folder: Path) -> None:
        """Restore what ``save`` wrote; never runs code found in the files."""

    def reconstruct(self, frames: np.ndarray, times: np.ndarray) -> np.ndarray | None:
        """Render the true frames after the context as well as the method can; None for one without a bottleneck.

        Args:
            frames: float32 ``(trajectory, time, channel, *space)``, physical units, the context first.
            times: float64 ``(trajectory, time)``.

        Returns:
            ``(trajectory, query, channel, *space)``, the frames after the context, or None.
        """
        return None

    def represent(self, context: np.ndarray, context_times: np.ndarray) -> np.ndarray | None:
        """Compute what the method keeps of each context, its representation.

        Args:
            context: float32 ``(trajectory, context, channel, *space)``, physical units.
            context_times: float64 ``(trajectory, context)``.

        Returns:
            ``(trajectory, feature)``, or None for a method that has no representation.
        """
        return None

    def cost(self) -> dict[str, float]:
        """Report what the method knows of its own cost, such as ``parameters`` and ``function_evaluations``."""
        return {}

    def history(self) -> list[dict[str, float]]:
        """List the validation errors along the fit; empty for a closed-form method.

        Each has ``step``, ``valid_nmse`` and, where it is known, ``train_loss``, the mean since the one before.
        """
        return []
