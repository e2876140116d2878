"""Checks of the reaction-diffusion spirals: closed forms of simple waves, turning rates, orders of convergence."""

import math
from functools import cache, partial
from typing import Any

import numpy as np

from ladid_bench.core.configuration import SplitSizes
from ladid_bench.datasets.pooling import mean_pool
from ladid_bench.datasets.simulated.reaction_diffusion import SIDE, ReactionDiffusion, advance, spiral
from ladid_bench.verification.physics.base import Check

START = {"centre_x": 0.0, "centre_y": 0.0, "chirality": 1.0, "pitch": 1.0, "phase": 0.0}
DIFFUSION = 0.1
WAVENUMBER = 2 * 2 * math.pi / SIDE  # of the plane wave: two wavelengths fit the square


class _HalfTheStep(ReactionDiffusion):
    """The same system, solved with steps half as long."""

    step_limit = ReactionDiffusion.step_limit / 2


def solve(field: np.ndarray, duration: float, steps: int, beta: float = 1.0) -> np.ndarray:
    """Solve for the state ``(row, column)`` after ``duration``, from one initial state."""
    return advance(field[None], np.array([beta]), np.array([DIFFUSION]), np.array([duration]), np.array([steps]))[0]


def points(grid: int) -> np.ndarray:
    """Lay out the coordinates of ``grid`` points along a side, ``(grid,)``; the centre is 0."""
    return ((np.arange(grid) + 0.5) / grid - 0.5) * SIDE


def centred_spiral(grid: int) -> np.ndarray:
    """Compute the initial state of a spiral about the centre, complex128 ``(grid, grid)``."""
    return spiral({name: np.array([value]) for name, value in START.items()}, 1, grid)[0]


def homogeneous_law(start: float, beta: float) -> complex:
    """Solve for z at time 5, from phase 0 and amplitude ``start`` everywhere.

    The phase is minus beta times the integral of |z|^2 over time.
    """
    amplitude = (1 + (start**-2 - 1) * math.exp(-10)) ** -0.5
    phase = -beta / 2 * math.log(1 + start**2 * (math.exp(10) - 1))
    return amplitude * complex(math.cos(phase), math.sin(phase))


def distance_from_law(start: float, beta: float) -> float:
    """Measure the distance of z from the law, at any point at time 5."""
    after = solve(np.full((16, 16), start, dtype=complex), 5.0, 200, beta)
    return float(np.abs(after - homogeneous_law(start, beta)).max())


def limit_cycle_rate() -> float:
    """Measure the phase rate of a homogeneous z on the limit cycle at beta 1.3, rad per unit of time."""
    return float(np.angle(solve(np.ones((16, 16), dtype=complex), 1.0, 40, 1.3)).mean())


def plane_wave() -> tuple[np.ndarray, np.ndarray]:
    """Compute z of a plane wave of the amplitude that persists, and z 2 later."""
    amplitude = math.sqrt(1 - DIFFUSION * WAVENUMBER**2)
    wave = np.tile(amplitude * np.exp(1j * WAVENUMBER * points(32)), (32, 1))
    return wave, solve(wave, 2.0, 80)


def plane_wave_amplitude() -> float:
    """Measure the amplitude at the place where it differs most from the mean."""
    amplitude = np.abs(plane_wave()[1]).ravel()
    return float(amplitude[np.abs(amplitude - amplitude.mean()).argmax()])


def plane_wave_frequency() -> float:
    """Measure the angular frequency of the plane wave."""
    wave, after = plane_wave()
    return float(np.angle(after / wave).mean()) / 2


@cache
def turning(beta: float, grid: int) -> tuple[float, float]:
    """Measure a centred spiral: mean phase rate (radius 2 to 5, times 50 to 100), and |z| at radius 5."""
    before = solve(centred_spiral(grid), 50.0, 500, beta)
    radius = np.hypot(points(grid), points(grid)[:, None])
    turned = np.zeros((grid, grid))
    for _ in range(50):
        after = solve(before, 1.0, 10, beta)
        turned += np.angle(after / before)
        before = after
    rate = turned[(radius >= 2) & (radius <= 5)].mean() / 50
    return float(rate), float(np.abs(before[np.abs(radius - 5) < 0.2]).mean())


def turning_rate(beta: float, grid: int = 64) -> float:
    """Measure the mean phase rate of a centred spiral, see ``turning``."""
    return turning(beta, grid)[0]


def amplitude_at_radius_5() -> float:
    """Measure |z| at radius 5 from a centred spiral at beta 1."""
    return turning(1.0, 64)[1]


def order_of_the_scheme() -> float:
    """Measure the binary logarithm of the error with step 0.2 over that with step 0.1."""
    start = centred_spiral(64)
    exact = solve(start, 5.0, 400)
    coarse, fine = (np.abs(solve(start, 5.0, steps) - exact).max() for steps in (25, 50))
    return float(np.log2(coarse / fine))


def change_with_half_the_step(settings: dict[str, Any]) -> float:
    """Measure the largest change of a pixel at half the step."""
    ours, theirs = (
        system(**settings).split("train", SplitSizes(train=2), 32, 0, 50).frames
        for system in (ReactionDiffusion, _HalfTheStep)
    )
    return float(np.abs(ours - theirs).max())


def change_with_finer_grid() -> float:
    """Measure the root mean square of 64 px, solved on twice the points and averaged, less 32 px; relative."""
    drawn = {name: np.array([value]) for name, value in {**START, "beta": 1.0, "d": DIFFUSION}.items()}
    times = np.arange(0, 25, 0.5)[None]
    coarse, fine = (ReactionDiffusion().simulate(drawn, times, size).frames[0, :, 0] for size in (32, 64))
    return float(np.sqrt(((mean_pool(fine, 2) - coarse) ** 2).mean() / (coarse**2).mean()))


ANOTHER = "measured once with another program, 64 points a side"
HALVED: tuple[tuple[str, dict[str, Any], bool], ...] = (
    ("", {}, False),
    (", irregular times", {"time_grid": "irregular"}, False),
    (", beta 1.5", {"beta_low": 1.5, "beta_high": 1.5}, True),
    (", d from 0.05", {"d_low": 0.05}, True),
)
CHECKS: tuple[Check, ...] = (
    *(
        Check(
            f"homogeneous z at time 5 from {start:g}, beta {beta:g}: distance from the law",
            0.0,
            1e-6,
            "closed form of amplitude and phase",
            partial(distance_from_law, start, beta),
        )
        for start, beta in ((0.1, 1.0), (0.5, 0.5), (1.0, 1.5))
    ),
    Check("phase rate of the limit cycle, beta 1.3", -1.3, 1e-6, "-beta", limit_cycle_rate),
    Check(
        "amplitude of a plane wave",
        math.sqrt(1 - DIFFUSION * WAVENUMBER**2),
        1e-6,
        "sqrt(1 - d k^2)",
        plane_wave_amplitude,
    ),
    Check("frequency of a plane wave", DIFFUSION * WAVENUMBER**2 - 1, 1e-6, "-beta (1 - d k^2)", plane_wave_frequency),
    *(
        Check(f"phase rate of a spiral, beta {beta:g}", rate, 1e-3, ANOTHER, partial(turning_rate, beta))
        for beta, rate in ((1.0, -0.9083), (1.5, -1.198))
    ),
    Check("|z| at radius 5 from a spiral", 0.9424, 2e-3, ANOTHER, amplitude_at_radius_5),
    Check(
        "phase rate of a spiral, 128 points a side",
        -0.9082,
        1e-3,
        "measured once with another program",
        partial(turning_rate, 1.0, 128),
        slow=True,
    ),
    Check("order of convergence in the step", 4.0, 0.5, "Runge-Kutta of order 4", order_of_the_scheme),
    *(
        Check(
            f"largest change of a pixel with half the step{what}",
            0.0,
            3e-4,
            "convergence",
            partial(change_with_half_the_step, settings),
            slow=slow,
        )
        for what, settings, slow in HALVED
    ),
    Check("relative change of pixels with twice the points", 0.0, 0.02, "convergence", change_with_finer_grid),
)
