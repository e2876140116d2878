"""Checks of the lattice-Boltzmann solver and of the flow around a cylinder."""

import math
from functools import cache

import numpy as np

from ladid_bench.datasets.pooling import mean_pool
from ladid_bench.datasets.simulated.cylinder_flow import BODY_X, HEIGHT, LENGTH, SPEED, picture, wake
from ladid_bench.datasets.simulated.lattice_boltzmann import Lattice
from ladid_bench.verification.physics.base import Check

PADDED = 2**21  # points of the padded spectrum: its grid is then finer than 0.05 % of the frequency
BAND = (0.08, 0.4)  # in which the Strouhal number is looked for
SHORT = (LENGTH, HEIGHT, BODY_X)  # length and height of the box and place of the body, in diameters
MEDIUM = (24, 12, 6)
LARGE = (44, 40, 16)
OTHER_PROGRAM = "another program for the same scheme, lattice and box"


def taylor_green() -> float:
    """Measure the amplitude left of a periodic array of vortices after 2000 steps, as a fraction."""
    angle = 2 * np.pi * np.arange(64) / 64
    x, y = angle, angle[:, None]
    start = 0.02 * np.stack([np.cos(x) * np.sin(y), -np.sin(x) * np.cos(y)])
    lattice = Lattice(start, 0.02)
    lattice.advance(2000)
    return float((lattice.velocity() * start).sum() / (start**2).sum())


def channel_decay() -> float:
    """Measure the decay rate of the slowest mode between two walls, over its analytic value: where the walls are."""
    width, viscosity = 16, 0.05
    solid = np.zeros((width + 2, 4), dtype=bool)
    solid[[0, -1]] = True
    velocity = np.zeros((2, width + 2, 4))
    velocity[0] = 0.01 * np.sin(np.pi * (np.arange(width + 2) - 0.5) / width)[:, None]
    velocity[:, solid] = 0
    lattice = Lattice(velocity, viscosity, solid)
    lattice.advance(500)
    before = lattice.velocity()[0].sum()
    lattice.advance(500)
    rate = math.log(before / lattice.velocity()[0].sum()) / 500
    return rate / (viscosity * (math.pi / width) ** 2)


def mass_drift() -> float:
    """Measure the relative change of the fluid's mass in 500 steps around a body, without a fringe."""
    flow = wake(100, 8, box=(8, 8), centre=(4, 4))
    closed = Lattice(flow.velocity(), 0.008, flow.solid)
    before = closed.mass
    closed.advance(500)
    return abs(closed.mass / before - 1)


@cache
def coefficients(
    reynolds: float, nodes: int, duration: float, box: tuple[float, float, float], speed: float = SPEED
) -> np.ndarray:
    """Measure drag and lift coefficient at every step in the last two fifths of ``duration``, ``(step, 2)``.

    Args:
        reynolds, nodes: see ``wake``.
        duration: D/U.
        box: length and height of the box, and distance of the body from its left end, in D.
        speed: of the stream, in nodes a step; half of it halves the time step.
    """
    length, height, place = box
    flow = wake(reynolds, nodes, centre=(place, height / 2), box=(length, height), speed=speed)
    steps = round(duration * nodes / speed)
    flow.advance(round(0.6 * steps))
    return flow.advance(steps - round(0.6 * steps)) * (2 / (speed**2 * nodes))


def drag(reynolds: float, nodes: int, duration: float, box: tuple[float, float, float] = SHORT) -> float:
    """Measure the mean drag coefficient."""
    return float(coefficients(reynolds, nodes, duration, box)[:, 0].mean())


def lift(reynolds: float, nodes: int, duration: float, box: tuple[float, float, float] = SHORT) -> float:
    """Measure half the range of the lift coefficient."""
    return float(np.ptp(coefficients(reynolds, nodes, duration, box)[:, 1]) / 2)


def strouhal(
    reynolds: float,
    nodes: int,
    duration: float,
    box: tuple[float, float, float] = SHORT,
    speed: float = SPEED,
) -> float:
    """Measure the frequency of the lift, in U/D: the peak of its spectrum under a Hann window."""
    force = coefficients(reynolds, nodes, duration, box, speed)[:, 1]
    points = max(PADDED, 8 * len(force))
    spectrum = np.abs(np.fft.rfft((force - force.mean()) * np.hanning(len(force)), points))
    frequency = np.fft.rfftfreq(points, speed / nodes)
    inside = (frequency > BAND[0]) & (frequency < BAND[1])
    return float(frequency[inside][spectrum[inside].argmax()])


def frame(nodes: int, speed: float, duration: float) -> np.ndarray:
    """Simulate a frame at Re = 150, 32 pixels a side."""
    flow = wake(150, nodes, speed=speed)
    flow.advance(round(duration * nodes / speed))
    return mean_pool(picture(flow, nodes, speed), HEIGHT * nodes // 32)


def difference(first: np.ndarray, second: np.ndarray) -> float:
    """Measure the root mean square of the difference, relative to that of the second frame."""
    return float(np.sqrt(((first - second) ** 2).mean() / (second**2).mean()))


CHECKS: tuple[Check, ...] = (
    Check(
        "Taylor-Green vortices: amplitude after 2000 steps",
        math.exp(-2 * 0.02 * (2 * math.pi / 64) ** 2 * 2000),
        0.0007,
        "exp(-2 viscosity k^2 t)",
        taylor_green,
    ),
    Check("channel: decay rate over the analytic one", 1, 0.003, "viscosity (pi / width)^2", channel_decay),
    Check("relative change of mass in 500 steps", 0, 1e-12, "conservation", mass_drift),
    Check("Re 40: drag coefficient, 8 nodes", 1.890, 0.01, OTHER_PROGRAM, lambda: drag(40, 8, 220)),
    Check("Re 40: lift coefficient, 8 nodes", 0, 0.002, "steady below Re 47", lambda: lift(40, 8, 220)),
    Check("Re 100: Strouhal number, 8 nodes", 0.1761, 0.003, OTHER_PROGRAM, lambda: strouhal(100, 8, 120)),
    Check("Re 100: drag coefficient, 8 nodes", 1.539, 0.015, OTHER_PROGRAM, lambda: drag(100, 8, 120)),
    Check("Re 50: Strouhal number, 8 nodes", 0.143, 0.003, OTHER_PROGRAM, lambda: strouhal(50, 8, 200), slow=True),
    Check("Re 50: lift coefficient, 8 nodes", 0.075, 0.005, OTHER_PROGRAM, lambda: lift(50, 8, 200), slow=True),
    Check("Re 50: drag coefficient, 8 nodes", 1.759, 0.01, OTHER_PROGRAM, lambda: drag(50, 8, 200), slow=True),
    Check(
        "Re 100: Strouhal number, 10 nodes, box of 24 x 12 D",
        0.1706,
        0.004,
        OTHER_PROGRAM,
        lambda: strouhal(100, 10, 150, MEDIUM),
        slow=True,
    ),
    Check(
        "Re 100: drag coefficient, 10 nodes, box of 24 x 12 D",
        1.48,
        0.03,
        OTHER_PROGRAM,
        lambda: drag(100, 10, 150, MEDIUM),
        slow=True,
    ),
    Check(
        "Re 100: Strouhal number, 10 nodes, box of 44 x 40 D",
        0.1655,
        0.005,
        "literature, unconfined: 0.164 to 0.167",
        lambda: strouhal(100, 10, 150, LARGE),
        slow=True,
    ),
    Check(
        "Re 100: drag coefficient, 10 nodes, box of 44 x 40 D",
        1.34,
        0.06,
        "literature, unconfined: 1.32 to 1.36",
        lambda: drag(100, 10, 150, LARGE),
        slow=True,
    ),
    Check(
        "Re 100: Strouhal number with 16 nodes over that with 8",
        1,
        0.02,
        "convergence",
        lambda: strouhal(100, 16, 120) / strouhal(100, 8, 120),
        slow=True,
    ),
    Check(
        "Re 100: Strouhal number, 8 nodes, with half the time step over that with all of it",
        1,
        0.005,
        "convergence",
        lambda: strouhal(100, 8, 120, speed=SPEED / 2) / strouhal(100, 8, 120),
        slow=True,
    ),
    Check(
        "frame at 10 D/U, 8 nodes: relative change with half the time step",
        0,
        0.03,
        "convergence",
        lambda: difference(frame(8, SPEED, 10), frame(8, SPEED / 2, 10)),
    ),
    Check(
        "frame at 10 D/U, 16 nodes: relative change with half the time step",
        0,
        0.03,
        "convergence",
        lambda: difference(frame(16, SPEED, 10), frame(16, SPEED / 2, 10)),
        slow=True,
    ),
    Check(
        "frame at 10 D/U, 16 nodes: relative change with 32 nodes",
        0,
        0.1,
        "convergence",
        lambda: difference(frame(16, SPEED, 10), frame(32, SPEED, 10)),
        slow=True,
    ),
)
