"""What closed-form methods share that think in frames a fixed time step apart."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from ladid_bench.config import Budget
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.evaluation.metrics import measure
from ladid_bench.methods.base import Forecast
from ladid_bench.methods.simple import SimpleMethod

ON_GRID = 1e-3  # of a time step: nearer to a grid time than this counts as on it
FIT_FRAMES = 4096  # training frames, evenly picked, that the principal components are computed from

Candidate = TypeVar("Candidate")


class GriddedMethod(SimpleMethod):
    """A closed-form method on flattened frames, the task's time step apart.

    Frames that are not on the grid are first interpolated linearly in time to the grid through the
    last context frame, and forecasts between grid times are interpolated back. On a regular grid
    with queries on it nothing is interpolated. Before its first and after its last frame a
    trajectory is held constant, so is a forecast beyond the last frame that the method can give.
    """

    @abstractmethod
    def fit_grid(self, train: np.ndarray, valid: np.ndarray) -> None:
        """Fill ``self.state``; both splits are float32 ``(trajectory, time, value)``, context frames first."""

    @abstractmethod
    def extend(self, context: np.ndarray, steps: int) -> np.ndarray:
        """Forecast the next ``steps`` frames, or as many as the method can.

        Args:
            context: float32 ``(trajectory, context, value)``.

        Returns:
            float32 ``(trajectory, step, value)``.
        """

    def fit(
        self,
        train: Trajectories,
        valid: Trajectories,
        budget: Budget,
        seed: int,
        initial: Path | None = None,
        frozen: Sequence[str] = (),
    ) -> None:
        self.fit_grid(self._gridded(train), self._gridded(valid))

    def _gridded(self, split: Trajectories) -> np.ndarray:
        given, frames = self.task.context_frames, split.times.shape[1]
        steps = np.arange(1 - given, frames - given + 1)  # 0 is the last context frame
        return _interpolate(_flat(split.frames), self._steps(split.times, split.times[:, given - 1]), steps)

    def _steps(self, times: np.ndarray, origin: np.ndarray) -> np.ndarray:
        """Times as steps from ``origin``, ``(trajectory, time)``, whole where they are on the grid."""
        steps = (times - origin[:, None]) / self.task.time_step
        whole = np.rint(steps)
        return np.where(np.abs(steps - whole) < ON_GRID, whole, steps)

    def forecast(self, context: np.ndarray, context_times: np.ndarray, query_times: np.ndarray) -> Forecast:
        last = context_times[:, -1]
        grid = np.arange(1 - context.shape[1], 1)
        given = _interpolate(_flat(context), self._steps(context_times, last), grid)
        asked = self._steps(query_times, last)  # (trajectory, query)
        ahead = self.extend(given, int(np.ceil(asked.max())))
        known = np.concatenate([given[:, -1:], ahead], axis=1)  # (trajectory, 1 + step, value)
        mean = _interpolate(known, np.broadcast_to(np.arange(known.shape[1]), known.shape[:2]), asked)
        return Forecast(mean.reshape(*query_times.shape, *context.shape[2:]).astype(np.float32, copy=False))

    def best(self, candidates: Iterable[Candidate], forecasts: Iterable[np.ndarray], valid: np.ndarray) -> Candidate:
        """The candidate whose forecasts have the lowest error on the validation split, the first one of equals.

        Args:
            candidates: settings, the simplest first.
            forecasts: what each one forecasts, ``(trajectory, step, value)``, in the same order; made lazily.
            valid: gridded validation split.
        """
        truth = valid[:, self.task.context_frames :]
        errors = [(validation_error(truth, forecast), candidate) for candidate, forecast in zip(candidates, forecasts)]
        return min(errors, key=lambda pair: pair[0])[1]
