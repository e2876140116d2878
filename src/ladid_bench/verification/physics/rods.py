"""What the checks of both pendulums share: SciPy's solver, half the step, and a fine raster."""

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.integrate import solve_ivp

from ladid_bench.datasets.pooling import mean_pool
from ladid_bench.datasets.simulated.rods import FRAME_INTERVAL, RodSystem
from ladid_bench.verification.physics.base import Check

PRECISION = 1e-13  # relative and absolute, of SciPy's solutions


def draws(system: RodSystem, count: int) -> dict[str, np.ndarray]:
    """Draw what is random in ``count`` trajectories, ``(trajectory,)`` each."""
    made = [system.draw(np.random.default_rng(index)) for index in range(count)]
    return {name: np.array([one[name] for one in made]) for name in made[0]}


def frame_times(count: int, frames: int) -> np.ndarray:
    """Lay out the regular grid, ``(trajectory, time)``."""
    return np.tile(np.arange(frames) * FRAME_INTERVAL, (count, 1))


def solution(derivative: Callable[[np.ndarray], np.ndarray], initial: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Solve ``state' = derivative(state)`` by SciPy's DOP853: ``(component,)`` at ``(time,)`` to both."""
    return solve_ivp(
        lambda _, state: derivative(state),
        (times[0], times[-1]),
        initial,
        method="DOP853",
        t_eval=times,
        rtol=PRECISION,
        atol=PRECISION,
    ).y


def angles_at_the_step_and_half_of_it(system: RodSystem) -> list[np.ndarray]:
    """Solve 20 trajectories of 60 frames with either step: angles ``(rod, trajectory, time)`` each."""
    drawn, times = draws(system, 20), frame_times(20, 60)
    limits = (system.step_limit, system.step_limit / 2)
    return [system.solve(drawn, times, limit)[: system.rods] for limit in limits]


def change_of_an_angle(system: RodSystem) -> float:
    """Measure the largest change of an angle at half the step, rad."""
    coarse, fine = angles_at_the_step_and_half_of_it(system)
    return float(np.abs(coarse - fine).max())


def change_of_a_pixel(system: RodSystem, draw: Callable[[np.ndarray, int], np.ndarray]) -> float:
    """Measure the largest change of a pixel at half the step; ``draw`` makes pictures of angles ``(rod, ...)``."""
    coarse, fine = (draw(angles, 32) for angles in angles_at_the_step_and_half_of_it(system))
    return float(np.abs(coarse - fine).max())


def difference_from_a_fine_raster(angles: np.ndarray, draw: Callable[[np.ndarray, int], np.ndarray]) -> float:
    """Measure the root mean square difference of pictures at 32 px from those at 512 px, pooled."""
    fine = mean_pool(draw(angles, 512), 16)
    return float(np.sqrt(((fine - draw(angles, 32)) ** 2).mean()))


def raster_check(angles: np.ndarray, draw: Callable[[np.ndarray, int], np.ndarray]) -> Check:
    """Check pictures of ``angles`` ``(rod, ...)`` against a fine raster."""
    return Check(
        "root mean square difference of 32 px pictures from 512 px ones pooled",
        0,
        0.01,
        "fine raster",
        partial(difference_from_a_fine_raster, angles, draw),
    )
