"""Checks of the single pendulum: closed forms, SciPy's solver, and the geometry of its pictures."""

import math
from functools import partial

import numpy as np
from scipy.integrate import quad, simpson
from scipy.optimize import brentq
from scipy.special import ellipk

from ladid_bench.core.configuration import SplitSizes
from ladid_bench.datasets.simulated.pendulum import FASTEST, VIEW, Pendulum, angle_from_image, draw_pendulum
from ladid_bench.verification.physics.base import Check
from ladid_bench.verification.physics.rods import change_of_a_pixel, change_of_an_angle, raster_check, solution

TURN = np.linspace(0, 2 * np.pi, 361)
COMPARED = {
    "undamped": Pendulum(),
    "length-2": Pendulum(length=2.0),
    "lengths-mixed": Pendulum(length=1.25, length_spread=0.75),
    "mass-0.5-damped": Pendulum(damping=0.5, mass=0.5),
    "b / m = 40/s": Pendulum(damping=40.0),
}


def states(pendulum: Pendulum, theta: float, velocity: float, times: np.ndarray) -> dict[str, np.ndarray]:
    """Simulate the states over time of one trajectory, ``(time,)`` each."""
    drawn = {"theta": theta, "angular_velocity": velocity, "length": pendulum.length}
    batch = {name: np.array([value]) for name, value in drawn.items()}
    return {name: values[0] for name, values in pendulum.simulate(batch, times[None], 16).states.items()}


def exact_period(start: float) -> float:
    """Compute the period in s from rest at ``start`` rad, by the complete elliptic integral of the first kind."""
    return float(4 * math.sqrt(1 / 9.81) * ellipk(math.sin(start / 2) ** 2))


def period(start: float) -> float:
    """Measure when the pendulum, let go at ``start``, comes to rest for the second time."""

    def velocity(time: float) -> float:
        return states(Pendulum(), start, 0.0, np.array([0.0, time]))["angular_velocity"][-1]

    return brentq(velocity, 0.8 * exact_period(start), 1.2 * exact_period(start), xtol=1e-12)


def drift_of_energy() -> float:
    """Measure the largest relative change of an undamped energy in 3 s."""
    energy = states(Pendulum(), 2.5, 1.0, np.linspace(0, 3, 60))["energy"]
    return float(np.abs(energy / energy[0] - 1).max())


def imbalance_of_energy() -> float:
    """Measure the energy lost in 3 s less the work of friction, in J."""
    pendulum, times = Pendulum(damping=0.5, length=1.3, mass=0.7), np.linspace(0, 3, 2001)
    made = states(pendulum, 2.5, 1.0, times)
    power = pendulum.damping * pendulum.length**2 * made["angular_velocity"] ** 2
    lost = made["energy"][0] - made["energy"][-1]
    return float(lost - simpson(power, x=times))


def decay_rate() -> float:
    """Measure the rate at which the amplitude of small damped swings decays, 1/s."""
    times = np.linspace(0, 12, 601)
    energy = states(Pendulum(damping=0.5, mass=2.0), 1e-3, 0.0, times)["energy"]
    return float(-np.polyfit(times, np.log(energy), 1)[0] / 2)


def equation(restoring: float, friction: float, state: np.ndarray) -> np.ndarray:
    """Compute the time derivative of angle and angular velocity, ``(2,)``."""
    theta, velocity = state
    return np.array([velocity, -restoring * np.sin(theta) - friction * velocity])


def deviation_from_scipy(pendulum: Pendulum) -> float:
    """Measure the largest deviation of an angle (rad) or angular velocity (rad/s) in 10 trajectories."""
    made = pendulum.split("train", SplitSizes(train=10), 16, 0, 60)
    friction, worst = pendulum.damping / pendulum.mass, 0.0
    for index, length in enumerate(made.parameters["length"]):
        restoring = pendulum.gravity / length
        found = np.stack([made.states["theta"][index], made.states["angular_velocity"][index]])  # (2, time)
        exact = solution(partial(equation, restoring, friction), found[:, 0], made.times[index])
        worst = max(worst, float(np.abs(exact - found).max()))
    return worst


def difference_between_grids() -> float:
    """Measure the angle after 3 s of irregular times less that on the regular grid, rad."""
    times = np.sort(np.append(np.random.default_rng(0).uniform(0, 3, 30), [0.0, 3.0]))
    uneven = states(Pendulum(), 2.0, 1.0, times)["theta"][-1]
    return float(uneven - states(Pendulum(), 2.0, 1.0, np.linspace(0, 3, 60))["theta"][-1])


def exact_share_turning_over(length: float) -> float:
    """Compute the share of the initial law whose energy exceeds that of standing upright."""

    def chance(theta: float) -> float:
        least = math.sqrt(2 * 9.81 / length * (1 + math.cos(theta)))  # angular velocity that just suffices
        return max(0.0, 1 - least / FASTEST) / math.pi

    first = math.acos(FASTEST**2 * length / (2 * 9.81) - 1)  # angle from which the fastest do
    return float(quad(chance, first, math.pi)[0])


def share_turning_over(length: float) -> float:
    """Measure the share of 4,000 trajectories that turn over."""
    energy = Pendulum(length=length).split("train", SplitSizes(train=4000), 16, 0, 1).states["energy"][:, 0]
    return float((energy > 2 * 9.81 * length).mean())


def draw(angles: np.ndarray, image_size: int) -> np.ndarray:
    """Draw pictures of angles ``(1, ...)`` with a rod of length 1."""
    return draw_pendulum(angles[0], 1.0, image_size)


def unevenness_of_brightness(image_size: int) -> float:
    """Measure the largest relative deviation of a picture's total brightness from the mean over a turn."""
    total = draw_pendulum(TURN, 1.0, image_size).sum(axis=(1, 2))
    return float(np.abs(total / total.mean() - 1).max())


def error_of_the_centroid(image_size: int) -> float:
    """Measure the largest error of the angle read off a picture, in pixels along the path of the bob."""
    read = angle_from_image(draw_pendulum(TURN, 1.0, image_size))
    return float(np.abs(np.angle(np.exp(1j * (read - TURN)))).max() * image_size / (2 * VIEW.half_side))


CHECKS: tuple[Check, ...] = (
    Check(
        "period from rest at 0.001 rad, s",
        2 * math.pi / math.sqrt(9.81),
        1e-6,
        "2 pi sqrt(l / g), small angles",
        partial(period, 1e-3),
    ),
    *(
        Check(
            f"period from rest at {start:.3g} rad, s",
            exact_period(start),
            1e-8,
            "complete elliptic integral of the first kind",
            partial(period, start),
        )
        for start in (0.5, math.pi / 2, 3.0)
    ),
    Check("relative drift of the undamped energy in 3 s", 0, 1e-10, "conservation of energy", drift_of_energy),
    Check(
        "energy lost to damping in 3 s, less the work of friction, J",
        0,
        1e-10,
        "dE/dt = -b l^2 theta'^2, Simpson's rule",
        imbalance_of_energy,
    ),
    Check("decay of small swings with b / m = 0.25/s, 1/s", 0.125, 1e-3, "b / 2m, linear theory", decay_rate),
    *(
        Check(
            f"largest deviation of angle or angular velocity, {name}",
            0,
            1e-8,
            "scipy DOP853 at 1e-13",
            partial(deviation_from_scipy, pendulum),
        )
        for name, pendulum in COMPARED.items()
    ),
    Check(
        "angle after 3 s of irregular times, less that on the regular grid, rad",
        0,
        1e-9,
        "the same solution",
        difference_between_grids,
    ),
    Check(
        "largest change of an angle in 3 s at half the step, rad",
        0,
        1e-9,
        "self-convergence",
        partial(change_of_an_angle, COMPARED["lengths-mixed"]),
    ),
    Check(
        "largest change of a pixel in 3 s at half the step",
        0,
        1e-6,
        "self-convergence",
        partial(change_of_a_pixel, COMPARED["lengths-mixed"], draw),
    ),
    *(
        Check(
            f"share of trajectories turning over at {length:g} m",
            exact_share_turning_over(length),
            0.015,
            "integral over the initial law",
            partial(share_turning_over, length),
        )
        for length in (1.0, 2.0)
    ),
    *(
        Check(
            f"unevenness of total brightness over angle, {image_size} px",
            0,
            0.01,
            "area of rod and bob",
            partial(unevenness_of_brightness, image_size),
        )
        for image_size in (32, 64, 128)
    ),
    *(
        Check(
            f"error of the angle read off the centroid, pixels of the bob's path, {image_size} px",
            0,
            0.5,
            "the angle drawn",
            partial(error_of_the_centroid, image_size),
        )
        for image_size in (16, 32, 64, 128)
    ),
    raster_check(TURN[None, :45], draw),
)
