"""What closed-form methods share that think in frames a fixed time step apart."""

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ladid_bench.core.configuration import Budget
from ladid_bench.data.metrics import validation_nmse
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.methods.base import Forecast
from ladid_bench.methods.simple import SimpleMethod

ON_GRID = 1e-3  # of a time step: nearer to a grid time than this counts as on it
FIT_FRAMES = 4096  # training frames, evenly picked, that the principal components are computed from
NO_VARIANCE = 1e-10  # of the largest variance: what rounding leaves of a component that is not there


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

    def validation_nmse(self, valid: np.ndarray, forecast: np.ndarray) -> float:
        """Error by which settings are chosen, ``validation_nmse``: mean over trajectories, over all frames forecast.

        Trajectories without any signal, on which the error is not defined, are left out.

        Args:
            valid: gridded validation split, ``(trajectory, time, value)``.
            forecast: ``(trajectory, step, value)``.
        """
        given = self.task.context_frames
        truth = valid[:, given : given + forecast.shape[1]]
        shape = (*truth.shape[:2], *self.task.shape)  # (trajectory, step, value) -> (trajectory, step, channel, ...)
        nmse = validation_nmse(truth.reshape(shape), forecast.reshape(shape), self.task.variables)
        defined = nmse[truth.any(axis=(1, 2))]
        return float(defined.mean()) if defined.size else 0.0


def _flat(frames: np.ndarray) -> np.ndarray:
    return frames.reshape(*frames.shape[:2], -1)  # (trajectory, time, value)


def _interpolate(values: np.ndarray, steps: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Interpolate linearly in time, one trajectory after the other; held constant outside.

    Args:
        values: ``(trajectory, time, value)``.
        steps: ``(trajectory, time)``, increasing.
        wanted: ``(trajectory, query)``, or ``(query,)`` for all trajectories.

    Returns:
        ``(trajectory, query, value)``; ``values`` itself where ``wanted`` equals ``steps``.
    """
    wanted = np.broadcast_to(wanted, (len(values), wanted.shape[-1]))
    if np.array_equal(steps, wanted):
        return values
    result = np.empty((*wanted.shape, values.shape[2]), dtype=values.dtype)
    for index, (known, at) in enumerate(zip(steps, wanted, strict=True)):
        before = np.clip(np.searchsorted(known, at, side="right") - 1, 0, known.size - 1)  # (query,)
        after = np.minimum(before + 1, known.size - 1)
        gap = np.where(after > before, known[after] - known[before], 1)
        share = np.clip((at - known[before]) / gap, 0, 1).astype(values.dtype)[:, None]
        result[index] = values[index, before] * (1 - share) + values[index, after] * share
    return result


def principal_components(frames: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and leading principal components of training frames.

    Args:
        frames: ``(trajectory, time, value)``.
        rank: most components wanted; those within rounding error of zero variance are dropped.

    Returns:
        mean ``(value,)`` and orthonormal modes ``(component, value)``, float32.
    """
    from sklearn.decomposition import PCA  # slow to import

    every = frames.reshape(-1, frames.shape[2])  # (trajectory * time, value)
    chosen = every[np.linspace(0, len(every) - 1, min(len(every), FIT_FRAMES)).astype(int)]
    pca = PCA(n_components=min(rank, *chosen.shape), random_state=0).fit(chosen)
    kept = pca.explained_variance_ > NO_VARIANCE * pca.explained_variance_[0]
    return pca.mean_.astype(np.float32), pca.components_[kept].astype(np.float32)


def encode(frames: np.ndarray, mean: np.ndarray, modes: np.ndarray) -> np.ndarray:
    """Coordinates of frames in the space of ``modes``, ``(trajectory, time, component)``."""
    return np.stack([(trajectory - mean) @ modes.T for trajectory in frames])
