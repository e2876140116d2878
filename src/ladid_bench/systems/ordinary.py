"""A batched integrator for ordinary differential equations.

Adaptive library solvers take one step size for all that they are given: a batch would share its
error control, and a trajectory would depend on its companions. Here every trajectory takes a fixed
number of steps of the eighth-order Dormand-Prince scheme between two requested times (tableau:
SciPy's ``DOP853``; Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, 1993).
"""

from collections.abc import Callable

import numpy as np
from scipy.integrate import DOP853

Derivative = Callable[[np.ndarray], np.ndarray]


def integrate(derivative: Derivative, initial: np.ndarray, times: np.ndarray, substeps: int) -> np.ndarray:
    """Solve ``state' = derivative(state)`` for a batch, each trajectory at times of its own.

    Args:
        derivative: maps ``(component, trajectory)`` to the same shape, element by element over trajectories.
        initial: float64 ``(component, trajectory)``, the state at the first time.
        times: float64 ``(trajectory, time)``, increasing.
        substeps: steps taken between two times.

    Returns:
        float64 ``(component, trajectory, time)``.
    """
    states = np.empty((*initial.shape, times.shape[1]))
    states[..., 0] = state = initial
    for index, step in enumerate(np.diff(times, axis=1).T / substeps, start=1):  # step: (trajectory,)
        for _ in range(substeps):
            state = state + step * _increment(derivative, state, step)
        states[..., index] = state
    return states


def _increment(derivative: Derivative, state: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Mean slope over one step, ``(component, trajectory)``."""
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
