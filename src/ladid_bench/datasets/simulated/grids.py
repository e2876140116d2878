"""When a trajectory is observed."""

from collections.abc import Sequence

import numpy as np

TIME_GRIDS = ("regular", "irregular")
FINENESS = 100  # candidate times per frame
LEAST_GAP = 0.25  # of the mean gap


def regular_times(count: int, frames: int, interval: float) -> np.ndarray:
    """Lay out ``frames`` times ``interval`` apart, alike for all ``count`` trajectories, ``(trajectory, time)``."""
    return np.tile(np.arange(frames) * interval, (count, 1))


def irregular_times(streams: Sequence[np.random.SeedSequence], frames: int, interval: float) -> np.ndarray:
    """Draw random times, one grid for each random stream, ``(trajectory, time)``.

    The first and the last time are those of the regular grid. The others come one by one, each from a
    fine grid at random; one that lies nearer than a quarter of ``interval`` to one already there is
    left out. Source: the irregular grids of MSVI (Iakovlev et al., ICLR 2023).
    """
    return np.stack([_grid(np.random.default_rng(stream), frames) for stream in streams]) * (interval / FINENESS)


def _grid(random: np.random.Generator, frames: int) -> np.ndarray:
    """Positions of ``frames`` times on the fine grid, sorted, ``(time,)``."""
    last, gap = (frames - 1) * FINENESS, int(LEAST_GAP * FINENESS)
    free = np.ones(last + 1, dtype=bool)
    chosen = np.zeros(last + 1, dtype=bool)
    for position in (0, last, *random.permutation(last + 1)):
        if free[position]:
            chosen[position] = True
            free[max(0, position - gap + 1) : position + gap] = False
            if np.count_nonzero(chosen) == frames:
                break
    return np.flatnonzero(chosen).astype(np.float64)


def halfway(times: np.ndarray) -> np.ndarray:
    """Compute each row's first time, then the times halfway between its neighbours, shaped like ``times``."""
    return np.concatenate([times[:, :1], (times[:, :-1] + times[:, 1:]) / 2], axis=1)
