"""A batched integrator for ordinary differential equations.

Adaptive library solvers take one step size for all that they are given: a batch would share its
error control, and a trajectory would depend on its companions. Here every trajectory takes a fixed
number of steps of the eighth-order Dormand-Prince scheme between two requested times (tableau:
SciPy's ``DOP853``; Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, 1993).
"""

from collections.abc import Callable

import numpy as np

from ladid_bench.core.errors import BenchError

MOST_SUBSTEPS = 10_000
Derivative = Callable[[np.ndarray], np.ndarray]


def integrate(derivative: Derivative, initial: np.ndarray, times: np.ndarray, substeps: np.ndarray) -> np.ndarray:
    """Solve ``state' = derivative(state)`` for a batch, each trajectory at times of its own.

    Args:
        derivative: maps ``(component, trajectory)`` to the same shape, element by element over trajectories.
        initial: float64 ``(component, trajectory)``, the state at the first time.
        times: float64 ``(trajectory, time)``, increasing.
        substeps: int64 ``(trajectory, gap)``, steps taken between two times.

    Returns:
        float64 ``(component, trajectory, time)``.
    """
    states = np.empty((*initial.shape, times.shape[1]))
    states[..., 0] = state = initial
    for index, (gap, counts) in enumerate(zip(np.diff(times, axis=1).T, substeps.T, strict=True), start=1):
        step = gap / counts  # (trajectory,)
        for done in range(counts.max()):
            state = np.where(done < counts, state + step * _increment(derivative, state, step), state)
        states[..., index] = state
    return states


def steps_between(times: np.ndarray, rate: np.ndarray, system: str, remedy: str) -> np.ndarray:
    """Count the steps that each trajectory takes in each gap between its times, whatever the others need.

    Args:
        times: ``(trajectory, time)``.
        rate: ``(trajectory,)``, least number of steps in a unit of time.
        system, remedy: who asks, and what helps where the rate is too high.

    Returns:
        int64 ``(trajectory, gap)``.

    Raises:
        BenchError: a gap needs more than ``MOST_SUBSTEPS``.
    """
    needed = np.ceil(np.diff(times, axis=1) * rate[:, None])  # (trajectory, gap)
    most = needed.max(initial=1)
    if most > MOST_SUBSTEPS:
        raise BenchError(f"{system}: {most:.0f} steps are needed between two frames, {MOST_SUBSTEPS} allowed; {remedy}")
    return np.maximum(needed, 1).astype(np.int64)


def _increment(derivative: Derivative, state: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Mean slope over one step, ``(component, trajectory)``."""
    from scipy.integrate import DOP853  # takes longer to import than a small job to run

    slopes = np.empty((DOP853.n_stages, *state.shape))  # (stage, component, trajectory)
    for stage in range(DOP853.n_stages):
        slope = _weighted(DOP853.A[stage, :stage], slopes[:stage])
        slopes[stage] = derivative(state + step * slope)
    return _weighted(DOP853.B, slopes)


def _weighted(weights: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Sum over stages, added in a fixed order: BLAS would round differently for another batch size."""
    total = np.zeros(slopes.shape[1:])
    for weight, slope in zip(weights, slopes, strict=True):
        if weight:
            total += weight * slope
    return total
