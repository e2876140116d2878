"""Base class and helpers of closed-form methods that step from frame to frame."""

from abc import abstractmethod

import numpy as np

from ladid_bench.data.metrics import validation_nmse
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.methods.base import Forecast, Training
from ladid_bench.methods.simple import SimpleMethod

ON_GRID = 1e-3  # of a time step: nearer to a grid time than this counts as on it
FIT_FRAMES = 4096  # training frames, evenly picked, that the principal components are computed from
NO_VARIANCE = 1e-10  # of the largest variance: what rounding leaves of a component that is not there


class GriddedMethod(SimpleMethod):
    """Learn and forecast flattened frames that are one time step of the task apart, in closed form.

    A subclass writes two methods: ``fit_grid`` learns, ``extend`` forecasts the next frames. Values are
    physical; frames of any shape arrive flattened and leave in their own shape.

    Frames that are not on the grid are first interpolated linearly in time to the grid through the
    last context frame, and forecasts between grid times are interpolated back. On a regular grid
    with queries on it nothing is interpolated. Before its first and after its last frame a
    trajectory is held constant, so is a forecast beyond the last frame that the method can give.
    """

    @abstractmethod
    def fit_grid(self, train: np.ndarray, valid: np.ndarray, seed: int) -> None:
        """Fill ``self.state`` with all that ``extend`` needs.

        Args:
            train: training split, float32 ``(trajectory, time, value)``; the first ``self.task.context_frames``
                frames of each trajectory are its context.
            valid: validation split, likewise, to choose between candidates with ``validation_nmse``.
            seed: determines every random choice, by ``np.random.default_rng(seed)``; whoever makes none says
                ``deterministic: true`` on the card.
        """

    @abstractmethod
    def extend(self, context: np.ndarray, steps: int) -> np.ndarray:
        """Forecast the next ``steps`` frames, or as many as the method can.

        Args:
            context: float32 ``(trajectory, context, value)``.
            steps: number of frames wanted after the last context frame.

        Returns:
            float32 ``(trajectory, step, value)``.
        """

    def fit(self, training: Training) -> None:
        self.fit_grid(self._gridded(training.train), self._gridded(training.valid), training.seed)

    def _gridded(self, split: Trajectories) -> np.ndarray:
        context, frames = self.task.context_frames, split.times.shape[1]
        steps = np.arange(1 - context, frames - context + 1)  # 0 is the last context frame
        return _interpolate(_flat(split.frames), self._steps(split.times, split.times[:, context - 1]), steps)

    def _steps(self, times: np.ndarray, origin: np.ndarray) -> np.ndarray:
        """Times as steps from ``origin``, ``(trajectory, time)``, whole where they are on the grid."""
        steps = (times - origin[:, None]) / self.task.time_step
        whole = np.rint(steps)
        return np.where(np.abs(steps - whole) < ON_GRID, whole, steps)

    def forecast(self, context: np.ndarray, context_times: np.ndarray, query_times: np.ndarray) -> Forecast:
        last = context_times[:, -1]
        grid = np.arange(1 - context.shape[1], 1)
        gridded = _interpolate(_flat(context), self._steps(context_times, last), grid)
        queries = self._steps(query_times, last)  # (trajectory, query)
        ahead = self.extend(gridded, int(np.ceil(queries.max())))
        known = np.concatenate([gridded[:, -1:], ahead], axis=1)  # (trajectory, 1 + step, value)
        mean = _interpolate(known, np.broadcast_to(np.arange(known.shape[1]), known.shape[:2]), queries)
        frames = mean.reshape(*query_times.shape, *context.shape[2:])  # (..., value) -> (..., channel, *space)
        return Forecast(frames.astype(np.float32, copy=False))

    def validation_nmse(self, valid: np.ndarray, forecast: np.ndarray) -> float:
        """Measure how wrong a candidate's forecast of the validation split is, see ``validation_nmse``.

        The squared error over all frames forecast is divided by the mean square of the true frames, trajectory
        by trajectory, and averaged. Trajectories whose true frames are all 0, where that is not defined, are left out.

        Args:
            valid: validation split as ``fit_grid`` gets it, ``(trajectory, time, value)``.
            forecast: frames from the first one after the context on, ``(trajectory, step, value)``, such as
                ``self.extend(valid[:, :context], steps)``.

        Returns:
            The nMSE: 0 for a perfect forecast, 1 for one that is 0 everywhere.
        """
        context = self.task.context_frames
        truth = valid[:, context : context + forecast.shape[1]]
        shape = (*truth.shape[:2], *self.task.shape)  # (trajectory, step, value) -> (trajectory, step, channel, ...)
        nmse = validation_nmse(truth.reshape(shape), forecast.reshape(shape), self.task.variables)
        defined = nmse[truth.any(axis=(1, 2))]
        return float(defined.mean()) if defined.size else 0.0


def _flat(frames: np.ndarray) -> np.ndarray:
    return frames.reshape(*frames.shape[:2], -1)  # (trajectory, time, channel, *space) -> (trajectory, time, value)


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
    """Find the few directions in which training frames vary most (principal component analysis).

    Frames are then described by a few numbers instead of one a pixel: ``encode(frames, mean, modes)``
    gives these, and ``components @ modes + mean`` turns them back into frames. They are computed from at
    most ``FIT_FRAMES`` frames, evenly picked, and are the same every time.

    Args:
        frames: ``(trajectory, time, value)``, such as ``fit_grid`` gets.
        rank: most components wanted; those within rounding error of zero variance are dropped.

    Returns:
        The mean frame ``(value,)`` and orthonormal modes ``(component, value)``, by falling variance, float32.
    """
    from sklearn.decomposition import PCA  # slow to import

    every = frames.reshape(-1, frames.shape[2])  # (trajectory, time, value) -> (trajectory * time, value)
    chosen = every[np.linspace(0, len(every) - 1, min(len(every), FIT_FRAMES)).astype(int)]
    pca = PCA(n_components=min(rank, *chosen.shape), random_state=0).fit(chosen)
    kept = pca.explained_variance_ > NO_VARIANCE * pca.explained_variance_[0]
    return pca.mean_.astype(np.float32), pca.components_[kept].astype(np.float32)


def encode(frames: np.ndarray, mean: np.ndarray, modes: np.ndarray) -> np.ndarray:
    """Express frames by their principal components; ``components @ modes + mean`` is the way back.

    Args:
        frames: ``(trajectory, time, value)``.
        mean: mean frame ``(value,)`` of ``principal_components``.
        modes: ``(component, value)``, or the first few of them.

    Returns:
        ``(trajectory, time, component)``.
    """
    # one trajectory after the other, so that its numbers do not depend on its companions
    return np.stack([(trajectory - mean) @ modes.T for trajectory in frames])


def picked_windows(components: np.ndarray, length: int, most: int) -> np.ndarray:
    """Pick at most ``most`` windows of successive frames, evenly from all trajectories.

    Args:
        components: ``(trajectory, time, component)``.
        length: of a window, in frames.
        most: number of windows; all of them if there are fewer.

    Returns:
        ``(window, length, component)``.
    """
    windows = np.lib.stride_tricks.sliding_window_view(components, length, axis=1)  # (trajectory, window, rank, time)
    count = windows.shape[0] * windows.shape[1]
    picked = np.linspace(0, count - 1, min(count, most)).astype(int)
    return windows[np.unravel_index(picked, windows.shape[:2])].swapaxes(1, 2)
