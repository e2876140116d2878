"""Checks of the single pendulum: closed forms, SciPy's solver, and the geometry of its pictures."""

import math
from functools import partial

import numpy as np
from scipy.integrate import quad, simpson, solve_ivp
from scipy.optimize import brentq
from scipy.special import ellipk

from ladid_bench.core.configuration import SplitSizes
from ladid_bench.datasets.pooling import mean_pool
from ladid_bench.datasets.simulated.pendulum import FASTEST, STEP_LIMIT, VIEW, Pendulum, angle_from_image, draw_pendulum
from ladid_bench.verification.physics.base import Check

TURN = np.linspace(0, 2 * np.pi, 361)
COMPARED = {
    "undamped": Pendulum(),
    "length-2": Pendulum(length=2.0),
    "lengths-mixed": Pendulum(length=1.25, length_spread=0.75),
    "mass-0.5-damped": Pendulum(damping=0.5, mass=0.5),
    "b / m = 40/s": Pendulum(damping=40.0),
}


def states(pendulum: Pendulum, theta: float, velocity: float, times: np.ndarray) -> dict[str, np.ndarray]:
    """States over time of one trajectory, ``(time,)`` each."""
    drawn = {"theta": theta, "angular_velocity": velocity, "length": pendulum.length}
    batch = {name: np.array([value]) for name, value in drawn.items()}
    return {name: values[0] for name, values in pendulum.simulate(batch, times[None], 16).states.items()}


def exact_period(start: float) -> float:
    return float(4 * math.sqrt(1 / 9.81) * ellipk(math.sin(start / 2) ** 2))


def period(start: float) -> float:
    """The time at which the pendulum, let go at ``start``, comes to rest for the second time."""

    def velocity(time: float) -> float:
        return states(Pendulum(), start, 0.0, np.array([0.0, time]))["angular_velocity"][-1]

    return brentq(velocity, 0.8 * exact_period(start), 1.2 * exact_period(start), xtol=1e-12)


def drift_of_energy() -> float:
    energy = states(Pendulum(), 2.5, 1.0, np.linspace(0, 3, 60))["energy"]
    return float(np.abs(energy / energy[0] - 1).max())


def imbalance_of_energy() -> float:
    pendulum, times = Pendulum(damping=0.5, length=1.3, mass=0.7), np.linspace(0, 3, 2001)
    made = states(pendulum, 2.5, 1.0, times)
    power = pendulum.damping * pendulum.length**2 * made["angular_velocity"] ** 2
    lost = made["energy"][0] - made["energy"][-1]
    return float(lost - simpson(power, x=times))


def decay_rate() -> float:
    times = np.linspace(0, 12, 601)
    energy = states(Pendulum(damping=0.5, mass=2.0), 1e-3, 0.0, times)["energy"]
    return float(-np.polyfit(times, np.log(energy), 1)[0] / 2)


def deviation_from_scipy(pendulum: Pendulum) -> float:
    made = pendulum.split("train", SplitSizes(train=10), 16, 0, 60)
    friction, worst = pendulum.damping / pendulum.mass, 0.0
    for index, length in enumerate(made.parameters["length"]):
        restoring = pendulum.gravity / length
        found = np.stack([made.states["theta"][index], made.states["angular_velocity"][index]])  # (2, time)
        exact = solve_ivp(
            lambda _, state, pull=restoring: [state[1], -pull * np.sin(state[0]) - friction * state[1]],
            (0, made.times[index, -1]),
            found[:, 0],
            method="DOP853",
            t_eval=made.times[index],
            rtol=1e-13,
            atol=1e-13,
        )
        worst = max(worst, float(np.abs(exact.y - found).max()))
    return worst


def difference_between_grids() -> float:
    times = np.sort(np.append(np.random.default_rng(0).uniform(0, 3, 30), [0.0, 3.0]))
    uneven = states(Pendulum(), 2.0, 1.0, times)["theta"][-1]
    return float(uneven - states(Pendulum(), 2.0, 1.0, np.linspace(0, 3, 60))["theta"][-1])


def at_the_step_and_half_of_it() -> list[np.ndarray]:
    """Angles of 20 trajectories of the mixture, ``(trajectory, time)`` each."""
    pendulum = COMPARED["lengths-mixed"]
    draws = [pendulum.draw(np.random.default_rng(index)) for index in range(20)]
    drawn = {name: np.array([draw[name] for draw in draws]) for name in draws[0]}  # (trajectory,)
    times = np.tile(np.linspace(0, 3, 60), (20, 1))
    return [pendulum.solve(drawn, times, limit)[0] for limit in (STEP_LIMIT, STEP_LIMIT / 2)]


def change_of_an_angle() -> float:
    coarse, fine = at_the_step_and_half_of_it()
    return float(np.abs(coarse - fine).max())


def change_of_a_pixel() -> float:
    coarse, fine = (draw_pendulum(theta, 1.0, 32) for theta in at_the_step_and_half_of_it())
    return float(np.abs(coarse - fine).max())


def exact_share_turning_over(length: float) -> float:
    """Share of the initial law whose energy exceeds that of standing upright."""

    def chance(theta: float) -> float:
        least = math.sqrt(2 * 9.81 / length * (1 + math.cos(theta)))  # angular velocity that just suffices
        return max(0.0, 1 - least / FASTEST) / math.pi

    first = math.acos(FASTEST**2 * length / (2 * 9.81) - 1)  # angle from which the fastest do
    return float(quad(chance, first, math.pi)[0])


def share_turning_over(length: float) -> float:
    energy = Pendulum(length=length).split("train", SplitSizes(train=4000), 16, 0, 1).states["energy"][:, 0]
    return float((energy > 2 * 9.81 * length).mean())


def unevenness_of_brightness(image_size: int) -> float:
    total = draw_pendulum(TURN, 1.0, image_size).sum(axis=(1, 2))
    return float(np.abs(total / total.mean() - 1).max())


def error_of_the_centroid(image_size: int) -> float:
    """In pixels along the path of the bob."""
    read = angle_from_image(draw_pendulum(TURN, 1.0, image_size))
    return float(np.abs(np.angle(np.exp(1j * (read - TURN)))).max() * image_size / (2 * VIEW.half_side))


def difference_from_a_fine_raster() -> float:
    fine = mean_pool(draw_pendulum(TURN[:45], 1.0, 512), 16)
    return float(np.sqrt(((fine - draw_pendulum(TURN[:45], 1.0, 32)) ** 2).mean()))


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
    Check("largest change of an angle in 3 s at half the step, rad", 0, 1e-9, "self-convergence", change_of_an_angle),
    Check("largest change of a pixel in 3 s at half the step", 0, 1e-6, "self-convergence", change_of_a_pixel),
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
    Check(
        "root mean square difference of 32 px pictures from 512 px ones pooled",
        0,
        0.01,
        "fine raster",
        difference_from_a_fine_raster,
    ),
)
