"""Checks of the double pendulum: normal modes, energy, and SciPy's solver on Lagrange's equations."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.integrate import solve_ivp
from scipy.linalg import eigh
from scipy.optimize import brentq

from ladid_bench.datasets.simulated.double_pendulum import DoublePendulum, angles_from_image, draw_double_pendulum
from ladid_bench.verification.physics.base import Check
from ladid_bench.verification.physics.rods import (
    change_of_a_pixel,
    change_of_an_angle,
    draws,
    frame_times,
    raster_check,
    solution,
)

SWING = 1e-4  # rad: small enough for linear theory to hold to a millionth
NEIGHBOUR = 1e-7  # distance of neighbours at the start, rad and rad/s
RENEWED = 0.5  # seconds until it is drawn in again
DIFFERENCE = 1e-5  # of states, for derivatives
REGIMES = {"pi/6": math.pi / 6, "pi/2": math.pi / 2, "pi": math.pi}
UNEQUAL = DoublePendulum(mass1=0.7, mass2=3.0, length1=1.2, length2=0.5)


def let_go(pendulum: DoublePendulum, theta1: float, theta2: float, times: np.ndarray) -> np.ndarray:
    """Solve for angles and angular velocities of one trajectory from rest, ``(4, time)``."""
    drawn = {"theta1": theta1, "theta2": theta2, "mass2": pendulum.mass2, "length2": pendulum.length2}
    batch = {name: np.array([value]) for name, value in drawn.items()}
    return pendulum.solve(batch, times[None], pendulum.step_limit)[:, 0]


def normal_modes(pendulum: DoublePendulum) -> tuple[np.ndarray, np.ndarray]:
    """Compute the periods of small swings in s, slow mode first, and theta2 / theta1 in each mode, ``(mode,)`` both."""
    both, l1, l2 = pendulum.mass1 + pendulum.mass2, pendulum.length1, pendulum.length2
    coupling = pendulum.mass2 * l1 * l2
    inertia = np.array([[both * l1**2, coupling], [coupling, pendulum.mass2 * l2**2]])
    stiffness = pendulum.gravity * np.diag([both * l1, pendulum.mass2 * l2])
    squares, shapes = eigh(stiffness, inertia)
    return 2 * np.pi / np.sqrt(squares), shapes[1] / shapes[0]


def period(pendulum: DoublePendulum, mode: int) -> float:
    """Measure the period in s of a small swing in a normal mode: the second time it comes to rest."""
    periods, ratios = normal_modes(pendulum)

    def velocity(time: float) -> float:
        return let_go(pendulum, SWING, SWING * ratios[mode], np.array([0.0, time]))[2, -1]

    return brentq(velocity, 0.8 * periods[mode], 1.2 * periods[mode], xtol=1e-12)


def drift_of_energy() -> float:
    """Measure the largest change of the energy in 10 s from pi/2, J."""
    pendulum = DoublePendulum()
    energy = pendulum.energy(
        let_go(pendulum, math.pi / 2, math.pi / 2, np.linspace(0, 10, 200)), np.array(1.0), np.array(1.0)
    )
    return float(np.abs(energy - energy[0]).max())


def drift_of_energy_in_chaos() -> float:
    """Measure the largest change of the energy in 10 s of 50 trajectories from any angle, J."""
    pendulum = DoublePendulum(angle=math.pi)
    drawn = draws(pendulum, 50)
    states = pendulum.solve(drawn, frame_times(50, 197), pendulum.step_limit)
    energy = pendulum.energy(states, drawn["mass2"][:, None], drawn["length2"][:, None])  # (trajectory, time)
    return float(np.abs(energy - energy[:, :1]).max())


def lagrange(pendulum: DoublePendulum, mass2: float, length2: float, state: np.ndarray) -> np.ndarray:
    """Compute the time derivative of ``state``, ``(4,)``, from mass matrix and forces of Lagrange's equations."""
    (theta1, theta2), velocity = state[:2], state[2:]
    mixed = mass2 * pendulum.length1 * length2
    both = pendulum.mass1 + mass2
    coupling, twist = mixed * math.cos(theta1 - theta2), mixed * math.sin(theta1 - theta2)
    inertia = np.array([[both * pendulum.length1**2, coupling], [coupling, mass2 * length2**2]])
    weight = pendulum.gravity * np.array(
        [both * pendulum.length1 * math.sin(theta1), mass2 * length2 * math.sin(theta2)]
    )
    force = twist * np.array([-(velocity[1] ** 2), velocity[0] ** 2]) - weight
    return np.concatenate([velocity, np.linalg.solve(inertia, force)])


def deviation_from_scipy(pendulum: DoublePendulum, count: int, frames: int) -> float:
    """Measure the largest deviation of an angle from SciPy's solution, rad."""
    drawn, times = draws(pendulum, count), frame_times(count, frames)
    states = pendulum.solve(drawn, times, pendulum.step_limit)  # (4, trajectory, time)
    worst = 0.0
    for index in range(count):
        mass2, length2 = float(drawn["mass2"][index]), float(drawn["length2"][index])
        exact = solution(partial(lagrange, pendulum, mass2, length2), states[:, index, 0], times[index])
        worst = max(worst, float(np.abs(exact[:2] - states[:2, index]).max()))
    return worst


def lyapunov_exponents(pendulum: DoublePendulum, count: int, seconds: float) -> np.ndarray:
    """Measure the largest Lyapunov exponents from the simulator in 1/s, ``(trajectory,)``, over a finite time.

    Each of ``count`` starts of the initial law has a neighbour at ``NEIGHBOUR`` of it in a random direction, whose
    distance is measured and drawn in again every ``RENEWED`` seconds (Benettin, Galgani, Giorgilli, Strelcyn, Meccanica
    15, 1980). The mean logarithm of its growth over the time converges to the exponent as the time grows; of regular
    motion it falls to 0 as log(t) / t.
    """
    drawn, direction = draws(pendulum, count), directions(count)
    rest = np.zeros(count)
    state = np.stack([drawn["theta1"], drawn["theta2"], rest, rest])
    neighbour = state + NEIGHBOUR * direction
    mass2, length2 = (np.tile(drawn[name], 2) for name in ("mass2", "length2"))
    times, growth = np.tile([0.0, RENEWED], (2 * count, 1)), np.zeros(count)
    for _ in range(round(seconds / RENEWED)):
        pairs = np.concatenate([state, neighbour], axis=1)  # (4, 2 * trajectory)
        state, neighbour = np.split(
            pendulum.solve_from(pairs, mass2, length2, times, pendulum.step_limit)[..., -1], 2, axis=1
        )
        distance = np.linalg.norm(neighbour - state, axis=0)
        growth += np.log(distance / NEIGHBOUR)
        neighbour = state + NEIGHBOUR * (neighbour - state) / distance
    return growth / seconds


def directions(count: int) -> np.ndarray:
    """Draw unit vectors, ``(4, count)``, the same every time."""
    drawn = np.random.default_rng(1).normal(size=(4, count))
    return drawn / np.linalg.norm(drawn, axis=0)


def tangent_exponents(pendulum: DoublePendulum, count: int, seconds: float) -> np.ndarray:
    """Compute the same from the linearised equations: a vector of the tangent space carried along SciPy's solution.

    Derivatives of Lagrange's equations are central differences, exact to 1e-9, which is the tolerance of the solver.
    """
    drawn, direction = draws(pendulum, count), directions(count)
    found = np.empty(count)
    for index in range(count):
        motion = partial(lagrange, pendulum, float(drawn["mass2"][index]), float(drawn["length2"][index]))
        start = np.array([drawn["theta1"][index], drawn["theta2"][index], 0.0, 0.0])
        both = np.concatenate([start, direction[:, index]])
        path = solve_ivp(partial(_with_tangent, motion), (0, seconds), both, "DOP853", rtol=1e-9, atol=1e-9)
        end = path.y[:, -1]
        found[index] = math.log(np.linalg.norm(end[4:])) / seconds
    return found


def _with_tangent(motion: Callable[[np.ndarray], np.ndarray], time: float, both: np.ndarray) -> np.ndarray:
    """Time derivative of a state and of a vector of its tangent space, ``(8,)``."""
    state, vector = np.split(both, 2)
    size = np.linalg.norm(vector)
    ahead = DIFFERENCE * vector / size
    change = (motion(state + ahead) - motion(state - ahead)) / (2 * DIFFERENCE) * size
    return np.concatenate([motion(state), change])


def difference_of_exponents() -> float:
    """Measure how far the exponents of four starts from up to pi over 4 s are from those of the tangent space, 1/s."""
    pendulum = DoublePendulum(angle=math.pi)
    return float(np.abs(lyapunov_exponents(pendulum, 4, 4.0) - tangent_exponents(pendulum, 4, 4.0)).max())


def mean_exponent(angle: float) -> float:
    """Measure the exponent that the data card states, the mean over 50 starts over 40 s, 1/s."""
    return float(lyapunov_exponents(DoublePendulum(angle=angle), 50, 40.0).mean())


def any_angles(count: int) -> np.ndarray:
    """Draw pairs of angles, ``(2, count)``, the same every time."""
    return np.random.default_rng(0).uniform(-np.pi, np.pi, (2, count))


def error_of_the_outer_bob(image_size: int) -> float:
    """Measure the largest distance of the outer bob from the one read off the picture, in drawn lengths of a rod."""
    angles = any_angles(200)
    read = angles_from_image(draw_double_pendulum(angles, image_size))
    return float(np.abs((np.exp(1j * read) - np.exp(1j * angles)).sum(axis=0)).max())


CHECKS: tuple[Check, ...] = (
    *(
        Check(
            f"period of the {name} normal mode, s",
            2 * math.pi / math.sqrt(9.81 * (2 + sign * math.sqrt(2))),
            1e-6,
            f"omega^2 = (g / l) (2 {'+' if sign > 0 else '-'} sqrt(2)), linear theory",
            partial(period, DoublePendulum(), mode),
        )
        for mode, (name, sign) in enumerate({"slow": -1, "fast": 1}.items())
    ),
    *(
        Check(
            f"period of the {name} normal mode of unequal rods and masses, s",
            float(normal_modes(UNEQUAL)[0][mode]),
            1e-6,
            "eigenvalues of the linear equations",
            partial(period, UNEQUAL, mode),
        )
        for mode, name in enumerate(("slow", "fast"))
    ),
    Check(
        "largest drift of 29.4 J of energy in 10 s from pi/2, J", 0, 1e-10, "conservation of energy", drift_of_energy
    ),
    Check(
        "largest drift of energy in 10 s of 50 trajectories from up to pi, J",
        0,
        1e-9,
        "conservation of energy",
        drift_of_energy_in_chaos,
    ),
    *(
        Check(
            f"largest deviation of an angle in 3 s from up to {name}, rad",
            0,
            1e-8,
            "scipy DOP853 at 1e-13 on Lagrange's equations",
            partial(deviation_from_scipy, DoublePendulum(angle=angle), 4, 60),
        )
        for name, angle in REGIMES.items()
    ),
    Check(
        "largest deviation of an angle in 3 s, random masses and lengths, rad",
        0,
        1e-8,
        "scipy DOP853 at 1e-13 on Lagrange's equations",
        partial(
            deviation_from_scipy,
            DoublePendulum(mass1=0.7, mass2=1.75, mass2_spread=1.25, length1=1.2, length2_spread=0.5),
            4,
            60,
        ),
    ),
    Check(
        "largest deviation of an angle in 10 s from up to pi/2, rad",
        0,
        1e-5,
        "scipy DOP853 at 1e-13 on Lagrange's equations",
        partial(deviation_from_scipy, DoublePendulum(), 20, 197),
        slow=True,
    ),
    *(
        Check(
            f"largest change of an angle in 3 s at half the step, from up to {name}, rad",
            0,
            1e-9,
            "self-convergence",
            partial(change_of_an_angle, DoublePendulum(angle=angle)),
        )
        for name, angle in REGIMES.items()
    ),
    Check(
        "largest change of a pixel in 3 s at half the step, from up to pi",
        0,
        1e-6,
        "self-convergence",
        partial(change_of_a_pixel, DoublePendulum(angle=math.pi), draw_double_pendulum),
    ),
    Check(
        "difference of Lyapunov exponents in 4 s from up to pi from those of the tangent space, 1/s",
        0,
        1e-4,
        "linearised Lagrange's equations along SciPy's solution",
        difference_of_exponents,
    ),
    *(
        Check(
            f"largest Lyapunov exponent from up to {name}, mean of 50 starts over 40 s, 1/s",
            DoublePendulum(angle=angle).lyapunov_exponent or math.nan,
            0.1,
            "the data card, from other starts over 50 s; the mean of 50 starts varies by 0.05",
            partial(mean_exponent, angle),
            slow=True,
        )
        for name, angle in REGIMES.items()
        if DoublePendulum(angle=angle).lyapunov_exponent
    ),
    raster_check(any_angles(30), draw_double_pendulum),
    *(
        Check(
            f"error of the outer bob read off the picture, lengths of a rod, {image_size} px",
            0,
            round(2.4 / image_size, 6),
            "the angles drawn; half a pixel",
            partial(error_of_the_outer_bob, image_size),
        )
        for image_size in (16, 32, 64)
    ),
)
