"""Checks of the waves: closed forms, an integral, and a leapfrog scheme that shares no code with the system."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.integrate import quad, simpson, solve_ivp
from scipy.special import dawsn, j0

from ladid_bench.core.configuration import SplitSizes
from ladid_bench.datasets.pooling import mean_pool
from ladid_bench.datasets.simulated.wave import BUMPS, SIDE, WALLS, Modes, Wave, bumps, evolve
from ladid_bench.verification.physics.base import Check

START = {"centre_x": 0.0, "centre_y": 0.0, "width": 0.1, "amplitude": 1.0}
SOME_DRAW = Wave().draw(np.random.default_rng(3))  # a trajectory like any other
SPEED, DAMPING = 1.2, 0.5
REFLECTIONS = range(-2, 3)  # images farther off than two periods are below 1e-16


class _TwiceTheModes(Wave):
    """The same system with twice as many modes in either direction."""

    modes = 2 * Wave.modes


def lone(**changes: float) -> dict[str, float]:
    """Make the draws of a trajectory in which the second bump has no height; ``changes`` are of the first."""
    first = {f"{name}_1": value for name, value in {**START, **changes}.items()}
    second = {f"{name}_2": value for name, value in {**START, "amplitude": 0.0}.items()}
    return {"speed": SPEED, **first, **second}


def displacement(
    walls: str, drawn: dict[str, float], time: float, y: np.ndarray, x: np.ndarray, damping: float = 0.0
) -> np.ndarray:
    """Compute u at each of ``y`` and each of ``x``, ``(y, x)``."""
    modes = Modes(walls, Wave.modes)
    position, _ = evolve(bumps(modes, drawn), modes.rates(drawn["speed"]), damping, np.array([time]))
    return modes.at(y) @ position[0] @ modes.at(x).T


def at_a_point(walls: str, drawn: dict[str, float], time: float, y: float, x: float) -> float:
    """Compute u at one point."""
    return displacement(walls, drawn, time, np.array([y]), np.array([x])).item()


def unbounded(distance: float, time: float) -> float:
    """Compute u at a distance from a bump of height 1 on the unbounded plane, by its Hankel transform."""
    width = START["width"]

    def wave(k: float) -> float:
        return k * width**2 * math.exp(-((k * width) ** 2) / 2) * float(j0(k * distance)) * math.cos(k * SPEED * time)

    return float(quad(wave, 0, 10 / width, limit=500, epsabs=1e-12, epsrel=1e-12)[0])


def at_the_centre(time: float) -> float:
    """Compute u at the centre of a bump of height 1 on the unbounded plane, in closed form."""
    reached = SPEED * time / START["width"]
    return 1 - math.sqrt(2) * reached * float(dawsn(reached / math.sqrt(2)))


def leapfrog(start: np.ndarray, walls: str, courant: float, friction: float, steps: int) -> np.ndarray:
    """Solve by the five-point scheme of second order from rest, ``(grid, grid)``, points half a spacing off the walls.

    Args:
        start: u at time 0, ``(grid, grid)``.
        walls: one of ``WALLS``.
        courant: speed times step over spacing.
        friction: damping times step.
        steps: how many.
    """
    before, now = start, start + courant**2 / 2 * _stencil(start, walls)
    for _ in range(steps - 1):
        pull = 2 * now - (1 - friction / 2) * before + courant**2 * _stencil(now, walls)
        before, now = now, pull / (1 + friction / 2)
    return now


def _stencil(field: np.ndarray, walls: str) -> np.ndarray:
    """Sum over the four neighbours less four times the point."""
    behind = np.pad(field, 1, mode="wrap" if walls == "periodic" else "edge")
    if walls == "dirichlet":
        for wall in (behind[0], behind[-1], behind[:, 0], behind[:, -1]):
            wall *= -1
    return behind[2:, 1:-1] + behind[:-2, 1:-1] + behind[1:-1, 2:] + behind[1:-1, :-2] - 4 * field


def points(grid: int) -> np.ndarray:
    """Lay out the coordinates of ``grid`` points along a side, ``(grid,)``; the centre is 0."""
    return ((np.arange(grid) + 0.5) / grid - 0.5) * SIDE


def drawn_bumps(drawn: dict[str, float], walls: str, grid: int) -> np.ndarray:
    """Compute the initial state ``(y, x)`` as a sum over bumps and their images, each evaluated at the points."""
    field = np.zeros((grid, grid))
    for bump in BUMPS:
        sides = [_with_images(drawn[f"centre_{axis}_{bump}"], drawn[f"width_{bump}"], walls, grid) for axis in "yx"]
        field += drawn[f"amplitude_{bump}"] * np.outer(*sides)
    return field


def _with_images(centre: float, width: float, walls: str, grid: int) -> np.ndarray:
    def bell(place: float) -> np.ndarray:
        return np.exp(-(((points(grid) - place) / width) ** 2) / 2)

    if walls == "periodic":
        return sum((bell(centre + turn * SIDE) for turn in REFLECTIONS), np.zeros(grid))
    sign = -1 if walls == "dirichlet" else 1
    mirrored = [bell(centre + 2 * turn * SIDE) + sign * bell(SIDE - centre + 2 * turn * SIDE) for turn in REFLECTIONS]
    return sum(mirrored, np.zeros(grid))


def difference_from_leapfrog(walls: str, grid: int, damping: float) -> float:
    """Measure the root mean square of the leapfrog's u less the system's at time 1, over that of the system's."""
    steps = 2 * grid
    courant = SOME_DRAW["speed"] * grid / (SIDE * steps)
    field = leapfrog(drawn_bumps(SOME_DRAW, walls, grid), walls, courant, damping / steps, steps)
    exact = displacement(walls, SOME_DRAW, 1.0, points(grid), points(grid), damping)
    return float(np.sqrt(((field - exact) ** 2).mean() / (exact**2).mean()))


def order_of_leapfrog(walls: str, damping: float) -> float:
    """Measure the binary logarithm of the leapfrog's difference on 64 points a side over that on 128."""
    coarse, fine = (difference_from_leapfrog(walls, grid, damping) for grid in (64, 128))
    return math.log2(coarse / fine)


def standing_wave(walls: str, horizontal: int, vertical: int) -> float:
    """Measure the angular frequency on the unit square at speed 1 (here: speed 2), from u before a half turn."""
    modes, phase = Modes(walls, 16), math.pi / 2 if walls == "dirichlet" else 0.0
    across, up = (np.cos(math.pi * n * (points(64) / SIDE + 0.5) - phase) for n in (horizontal, vertical))
    analyse = modes.at(points(64)).T * (SIDE / 64)  # (mode, point), the midpoint rule
    start = np.outer(analyse @ up, analyse @ across)
    position, _ = evolve(start, modes.rates(2.0), 0.0, np.array([0.1]))
    shown = modes.at(points(64)) @ position[0] @ modes.at(points(64)).T  # (y, x)
    wave = np.outer(up, across)
    return math.acos((shown * wave).sum() / (wave**2).sum()) / 0.1


def leapfrog_wave(grid: int, step: float) -> float:
    """Measure the frequency of cos(2 pi x) cos(4 pi y) in the leapfrog, on the periodic unit square at speed 1."""
    place = (np.arange(grid) + 0.5) / grid
    wave = np.outer(np.cos(4 * math.pi * place), np.cos(2 * math.pi * place))
    after = leapfrog(wave, "periodic", step * grid, 0.0, 10)
    return math.acos((after * wave).sum() / (wave**2).sum()) / (10 * step)


def leapfrog_relation(grid: int, step: float) -> float:
    """Compute the frequency of that wave by the dispersion relation of the five-point scheme."""
    squares = math.sin(math.pi / grid) ** 2 + math.sin(2 * math.pi / grid) ** 2
    return 2 / step * math.asin(step * grid * math.sqrt(squares))


def mode_against_scipy(damping: float) -> float:
    """Measure the largest difference of modes and their rates from an adaptive solver, over 3 units of time."""
    rates, times = np.array([[0.0, 0.7], [5.0, 40.0]]), np.linspace(0, 3, 31)
    ours = np.concatenate(evolve(np.ones((2, 2)), rates, damping, times), axis=1).reshape(31, 8)  # (time, q and q')
    square, start = rates.ravel() ** 2, np.repeat([1.0, 0.0], 4)

    def derivative(_: float, state: np.ndarray) -> np.ndarray:
        return np.concatenate([state[4:], -square * state[:4] - damping * state[4:]])

    exact = solve_ivp(derivative, (0, 3), start, "DOP853", times, rtol=1e-13, atol=1e-13).y.T
    return float(np.abs(ours - exact).max())


def initial_energy() -> float:
    """Compute the energy of a single bump at rest from the coefficients of its modes."""
    modes = Modes("neumann", Wave.modes)
    start = bumps(modes, lone())
    return float(((modes.rates(SPEED) * start) ** 2).sum() / 2)


def energy_from_pictures(walls: str) -> float:
    """Measure the energy at time 1 by differences of pictures, over the stored energy."""
    step = 1e-3
    times = np.array([[0.0, 1 - step, 1.0, 1 + step]])
    stacked = {name: np.array([value]) for name, value in SOME_DRAW.items()}
    made = Wave(walls=walls).simulate(stacked, times, 256)
    _, before, now, after = made.frames[0, :, 0].astype(np.float64)
    rate, spacing = (after - before) / (2 * step), SIDE / 256
    slope = sum(side**2 for side in np.gradient(now, spacing))
    integral = (rate**2 + SOME_DRAW["speed"] ** 2 * slope).sum() * spacing**2 / 2
    return float(integral / made.states["energy"][0, 2])


def drift_of_energy(walls: str) -> float:
    """Measure the largest relative change of the energy over 60 frames without damping."""
    energy = Wave(walls=walls).split("train", SplitSizes(train=3), 16, 0, 60).states["energy"]
    return float(np.abs(energy / energy[:, :1] - 1).max())


def lost_to_damping() -> float:
    """Measure the energy lost over 3 units of time, over gamma times the integral of u_t^2 over square and time."""
    modes, times = Modes("neumann", Wave.modes), np.linspace(0, 3, 3001)
    chosen = np.s_[:24, :24]  # most of the energy; each mode obeys the law by itself
    rates = modes.rates(SPEED)[chosen]
    position, velocity = evolve(bumps(modes, SOME_DRAW)[chosen], rates, DAMPING, times)
    energy = (velocity[[0, -1]] ** 2 + (rates * position[[0, -1]]) ** 2).sum(axis=(1, 2)) / 2
    return float((energy[0] - energy[1]) / (DAMPING * simpson((velocity**2).sum(axis=(1, 2)), x=times)))


def drift_of_mean(walls: str, damping: float) -> float:
    """Measure the largest change of a picture's mean over 60 frames."""
    frames = Wave(walls=walls, damping=damping).split("train", SplitSizes(train=3), 16, 0, 60).frames
    mean = frames.mean(axis=(2, 3, 4), dtype=np.float64)  # (trajectory, time)
    return float(np.ptp(mean, axis=1).max())


def mean_of_a_bump() -> float:
    """Measure the mean of a picture of a single bump."""
    stacked = {name: np.array([value]) for name, value in lone(centre_x=0.6, width=0.2).items()}
    return float(Wave().simulate(stacked, np.zeros((1, 1)), 64).frames.mean(dtype=np.float64))


def more_modes(walls: str) -> float:
    """Measure the largest change of a pixel with more modes."""
    ours, theirs = (
        system(walls=walls).split("train", SplitSizes(train=4), 32, 0, 60).frames for system in (Wave, _TwiceTheModes)
    )
    return float(np.abs(ours - theirs).max())


def finer_pixels() -> float:
    """Measure the largest difference of a pixel from the average over the 16 pixels at 128 px that make it up."""
    coarse, fine = (Wave().split("train", SplitSizes(train=2), size, 0, 60).frames for size in (32, 128))
    return float(np.abs(mean_pool(fine, 4) - coarse).max())


def _zero(quantity: str, tolerance: float, source: str, difference: Callable[..., float], *where: Any) -> Check:
    """A difference that must vanish."""
    return Check(quantity, 0.0, tolerance, source, partial(difference, *where))


UNBOUNDED = "Hankel transform on the unbounded plane, scipy quad"
STANDING = (
    Check(
        "angular frequency of sin(pi x) sin(2 pi y) on the unit square, u = 0 at the walls",
        math.pi * math.sqrt(5),
        1e-9,
        "pi sqrt(5)",
        partial(standing_wave, "dirichlet", 1, 2),
    ),
    Check(
        "angular frequency of cos(2 pi x) cos(4 pi y) on the periodic unit square",
        2 * math.pi * math.sqrt(5),
        1e-9,
        "2 pi sqrt(5)",
        partial(standing_wave, "periodic", 2, 4),
    ),
    *(
        _zero(
            f"largest difference of modes from scipy, damping {damping:g}",
            1e-8,
            "scipy DOP853 at 1e-13",
            mode_against_scipy,
            damping,
        )
        for damping in (0.0, DAMPING, 1.4, 20.0)  # 1.4: the mode of rate 0.7 is just at its limit
    ),
)
SPREADING = (
    Check(
        "u at the centre of a bump, time 0.25",
        at_the_centre(0.25),
        1e-9,
        "1 - sqrt(2) s D(s / sqrt(2)), s = c t / width, D Dawson's integral",
        partial(at_a_point, "neumann", lone(), 0.25, 0.0, 0.0),
    ),
    Check(
        "u at distance 0.5 from a bump, time 0.4",
        unbounded(0.5, 0.4),
        1e-9,
        UNBOUNDED,
        partial(at_a_point, "periodic", lone(), 0.4, 0.4, 0.3),
    ),
    *(
        Check(
            f"u at 0.2 from a wall after reflection, {walls}",
            unbounded(0.3, 0.5) + sign * unbounded(0.7, 0.5),
            1e-9,
            f"{UNBOUNDED}, and an image of sign {sign:+d} behind the wall",
            partial(at_a_point, walls, lone(centre_x=0.5), 0.5, 0.0, 0.8),
        )
        for walls, sign in (("neumann", 1), ("dirichlet", -1))
    ),
)
LEAPFROG = (
    *(
        Check(
            f"angular frequency of cos(2 pi x) cos(4 pi y) in the leapfrog reference, {grid} points a side",
            leapfrog_relation(grid, step),
            1e-9,
            "dispersion relation of the five-point leapfrog scheme",
            partial(leapfrog_wave, grid, step),
        )
        for grid, step in ((32, 1 / 120), (64, 1 / 210), (128, 1 / 390))
    ),
    *(
        Check(
            f"order at which the leapfrog reference approaches u, {walls}, damping {damping:g}",
            2.0,
            0.1,
            "order of the five-point scheme",
            partial(order_of_leapfrog, walls, damping),
        )
        for walls, damping in (("neumann", DAMPING), ("dirichlet", 0.0), ("periodic", 0.0))
    ),
    _zero(
        "relative difference from the leapfrog reference at time 1, 256 points a side",
        2e-3,
        "leapfrog, from a start summed over images",
        difference_from_leapfrog,
        "neumann",
        256,
        0.0,
    ),
)
CONSERVED = (
    Check(f"energy of a bump, speed {SPEED:g}", math.pi * SPEED**2 / 2, 1e-9, "pi c^2 / 2", initial_energy),
    *(_zero(f"change of energy, relative, {walls}", 1e-12, "it is kept", drift_of_energy, walls) for walls in WALLS),
    *(
        Check(
            f"energy by differences of pictures over that stored, {walls}",
            1.0,
            5e-3,
            "definition of the energy",
            partial(energy_from_pictures, walls),
        )
        for walls in WALLS
    ),
    Check("energy lost over gamma times the integral of u_t^2", 1.0, 1e-6, "energy balance", lost_to_damping),
    Check("mean of the picture of a bump of width 0.2", 0.02 * math.pi, 1e-7, "2 pi width^2 / area", mean_of_a_bump),
    *(
        _zero(
            f"change of the mean over 60 frames, {walls}, damping {damping:g}",
            1e-7,
            "conservation of the mean, which starts at rest",
            drift_of_mean,
            walls,
            damping,
        )
        for walls, damping in (("neumann", 0.0), ("neumann", DAMPING), ("periodic", 0.0))
    ),
)
ROUNDING = "rounding of float32"
REFINED = (
    *(_zero(f"change of a pixel with twice the modes, {walls}", 5e-7, ROUNDING, more_modes, walls) for walls in WALLS),
    _zero("difference of a pixel at 32 px from the average at 128 px", 5e-7, ROUNDING, finer_pixels),
)
CHECKS: tuple[Check, ...] = (*STANDING, *SPREADING, *LEAPFROG, *CONSERVED, *REFINED)
