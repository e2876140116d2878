"""A double pendulum seen by a camera: two rods with a bob at the end of each, white on black.

Two point masses on massless rods, without damping; the equations of motion are those of any
textbook of mechanics, solved for the accelerations. From small angles the motion is regular, from
large ones chaotic.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.pooling import mean_pool
from ladid_bench.datasets.simulated.base import Simulation
from ladid_bench.datasets.simulated.ordinary import integrate, steps_between
from ladid_bench.datasets.simulated.rods import RodSystem, View, draw_rods
from ladid_bench.datasets.source import DataCard

VIEW = View(half_side=2.4, rod_half_width=0.075, bob_radius=0.15)  # at 32 pixels a rod is one pixel wide
LYAPUNOV = ((math.pi, 0.75), (math.pi / 2, 0.14))  # largest initial angle in rad, exponent in 1/s
TEMPLATES = 64  # angles a rod among the pictures that a forecast is compared with
COMPARED = 256  # pictures compared with them at once
TEMPLATE_PIXELS = 32  # a side: finer pictures are pooled before they are compared


@dataclass(frozen=True)
class DoublePendulum(RodSystem):
    """Simulate a double pendulum; rod 1 hangs from the pivot and rod 2 from bob 1.

    Both rods are drawn at length 1 whatever their lengths are, so that constants show in the motion
    alone. It starts at rest: the largest initial angle sets the range of the energy, and with it how
    regular the motion is.

    Attributes:
        length1, length2, mass1, mass2, gravity: l in m, m in kg, g in m/s^2.
        mass2_spread, length2_spread: each trajectory has a value of its own, uniform within so much
            of ``mass2`` and ``length2``.
        angle: largest initial angle of either rod, radians.
    """

    name: ClassVar[str] = "double-pendulum"
    version: ClassVar[int] = 1
    rods: ClassVar[int] = 2
    # Halving it moves no angle by more than 1e-10 rad in 60 frames from any initial angle, and by 2e-5 rad in 10 s of
    # chaos, where rounding has grown that far; energies keep to 1e-11 of a joule.
    step_limit: ClassVar[float] = 0.1
    units: ClassVar[Mapping[str, str]] = {
        "time": "s",
        "intensity": "1",
        "length1": "m",
        "length2": "m",
        "mass1": "kg",
        "mass2": "kg",
        "gravity": "m/s^2",
        "theta1": "rad",
        "theta2": "rad",
        "angular_velocity1": "rad/s",
        "angular_velocity2": "rad/s",
        "energy": "J",
    }
    interventions: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "mass2-0.5": {"mass2": 0.5},
        "mass2-2": {"mass2": 2.0},
        "mass2-3": {"mass2": 3.0},
        "length2-0.5": {"length2": 0.5},
        "length2-1.5": {"length2": 1.5},
        "energy-low": {"angle": math.pi / 6},
        "energy-high": {"angle": math.pi},
        "masses-mixed": {"mass2": 1.75, "mass2_spread": 1.25},
        "lengths-mixed": {"length2": 1.0, "length2_spread": 0.5},
    }

    length1: float = 1.0
    length2: float = 1.0
    length2_spread: float = 0.0
    mass1: float = 1.0
    mass2: float = 1.0
    mass2_spread: float = 0.0
    gravity: float = 9.81
    angle: float = math.pi / 2

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_at_least(length1=1e-3, length2=1e-3, mass1=1e-3, mass2=1e-3, gravity=1e-3)
        for constant in ("mass2", "length2"):
            self.require_spread(constant)
        if not 0 < self.angle <= math.pi:
            raise BenchError(f"{self.name}: setting 'angle' is {self.angle:g}; give more than 0 and at most pi")

    @property
    def lyapunov_exponent(self) -> float | None:
        """Return the largest exponent in 1/s, of equal rods and bobs without spread; None for other constants.

        The physics checks measure it: the mean over starts of the initial law, over 40 s. From up to pi nearly all
        starts are chaotic, from up to pi/2 a fifth are, from smaller angles hardly any.
        """
        same = replace(DoublePendulum(), angle=self.angle) == self
        return next((rate for angle, rate in LYAPUNOV if same and math.isclose(angle, self.angle)), None)

    @property
    def card(self) -> DataCard:
        return self.describe(
            title="Double pendulum",
            summary=(
                "Pictures of two rods, one hanging from the other, let go at rest. One frame shows both angles, two "
                "the velocities; constants show in the motion only. Small angles move in two regular modes, large "
                "ones chaotically."
            ),
            quantity="brightness of white rods and bobs on black, 0 to 1",
            citation="Textbook mechanics; constants of the LaDID paper's own set are not published",
            equation=(
                r"\ddot{\theta}_1 = -\frac{g (2 m_1 + m_2) \sin(\theta_1) + m_2 g \sin(\theta_1 - 2 "
                r"\theta_2) + 2 m_2 \sin(\delta) "
                r"\left(l_2 \dot{\theta}_2^2 + l_1 \dot{\theta}_1^2 \cos(\delta)\right)}{l_1 D}" + "\n"
                r"\ddot{\theta}_2 = \frac{2 \sin(\delta) \left(l_1 (m_1 + m_2) \dot{\theta}_1^2 + g (m_1 "
                r"+ m_2) \cos(\theta_1) "
                r"+ l_2 m_2 \dot{\theta}_2^2 \cos(\delta)\right)}{l_2 D}" + "\n\n"
                r"\delta = \theta_1 - \theta_2, \quad D = 2 m_1 + m_2 - m_2 \cos(2\delta)" + "\n"
                rf"l_1 = {self.length1:g} \text{{ m}}, \quad l_2 {self.law('length2')} \text{{ m}}, "
                rf"\quad m_1 = {self.mass1:g} \text{{ kg}}, \quad m_2 {self.law('mass2')} \text{{ kg}}, "
                rf"\quad g = {self.gravity:g} \text{{ m/s}}^2" + "\n"
                rf"\theta_1(0), \theta_2(0) \sim \mathcal{{U}}(-{self.angle:.4g}, {self.angle:.4g}) "
                rf"\text{{, at rest}}; "
                rf"\quad \text{{a frame every {self.frame_interval:.4g} s}}"
            ),
            caution=(
                "The start is two angles, and 200 trajectories cover them well: with these, at 32 px, nearest "
                "neighbours forecast with a median nMSE of 0.28, ridge regression 0.29, DMD 0.67. From small angles "
                "(energy-low) the motion is all but linear, and simple methods solve it: 0.03, 0.01, 0.25. From any "
                "angle (energy-high) it is chaotic, but slowly: a start that is off by 0.001 rad rarely shows within "
                "3 s, more often within 10; nearest neighbours reach 0.70. Both rods are drawn at length 1, whatever "
                "l1 and l2 are."
            ),
        )

    def draw(self, random: np.random.Generator) -> dict[str, Any]:
        return {
            "theta1": random.uniform(-self.angle, self.angle),
            "theta2": random.uniform(-self.angle, self.angle),
            "mass2": random.uniform(*self.bounds("mass2")),
            "length2": random.uniform(*self.bounds("length2")),
        }

    def simulate(self, drawn: Mapping[str, np.ndarray], times: np.ndarray, image_size: int) -> Simulation:
        theta1, theta2, velocity1, velocity2 = states = self.solve(drawn, times, self.step_limit)
        constants = {name: np.full(len(theta1), getattr(self, name)) for name in ("length1", "mass1", "gravity")}
        return Simulation(
            frames=draw_double_pendulum(states[:2], image_size)[:, :, None],  # (trajectory, time, 1, h, w)
            parameters={"length2": drawn["length2"], "mass2": drawn["mass2"], **constants},
            states={
                "theta1": theta1,
                "theta2": theta2,
                "angular_velocity1": velocity1,
                "angular_velocity2": velocity2,
                "energy": self.energy(states, drawn["mass2"][:, None], drawn["length2"][:, None]),
            },
        )

    def solve(self, drawn: Mapping[str, np.ndarray], times: np.ndarray, step_limit: float) -> np.ndarray:
        rest = np.zeros_like(drawn["theta1"])
        initial = np.stack([drawn["theta1"], drawn["theta2"], rest, rest])  # (component, trajectory)
        return self.solve_from(initial, drawn["mass2"], drawn["length2"], times, step_limit)

    def solve_from(
        self, initial: np.ndarray, mass2: np.ndarray, length2: np.ndarray, times: np.ndarray, step_limit: float
    ) -> np.ndarray:
        """Solve from any states ``(4, trajectory)``, angles then velocities; see ``solve``."""

        def derivative(state: np.ndarray) -> np.ndarray:
            return self._derivative(state, mass2, length2)

        rate = self._fastest(initial, mass2, length2) / step_limit
        substeps = steps_between(times, rate, self.name, "lower gravity, or raise lengths and masses")
        return integrate(derivative, initial, times, substeps)

    def errors_read(self, mean: np.ndarray, states: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Measure the distance from the true outer bob to the one read off the picture, in drawn lengths of a rod.

        A black forecast counts as one with the bob at the pivot.
        """
        read = angles_from_image(mean[:, :, 0])  # (2, trajectory, frame)
        place = np.nan_to_num(np.exp(1j * read)).sum(axis=0)  # direction 1 is down, i is right
        distance = np.abs(place - np.exp(1j * states["theta1"]) - np.exp(1j * states["theta2"]))
        return {
            "outer_bob_error_rods_mean": float(distance.mean()),
            "outer_bob_error_rods_median": float(np.median(distance)),
        }

    def energy(self, state: np.ndarray, mass2: np.ndarray, length2: np.ndarray) -> np.ndarray:
        """Compute the energy in J, 0 at rest hanging down, of ``state`` ``(4, ...)``; constants broadcast to it."""
        theta1, theta2, velocity1, velocity2 = state
        speed1, speed2 = self.length1 * velocity1, length2 * velocity2  # of bob 1, and of bob 2 about it
        square = speed1**2 + speed2**2 + 2 * speed1 * speed2 * np.cos(theta1 - theta2)  # of bob 2's speed
        height1 = self.length1 * (1 - np.cos(theta1))
        height2 = height1 + length2 * (1 - np.cos(theta2))
        kinetic = 0.5 * (self.mass1 * speed1**2 + mass2 * square)
        return kinetic + self.gravity * (self.mass1 * height1 + mass2 * height2)

    def _derivative(self, state: np.ndarray, mass2: np.ndarray, length2: np.ndarray) -> np.ndarray:
        """Time derivative of ``state``, ``(4, trajectory)``."""
        theta1, theta2, velocity1, velocity2 = state
        between = theta1 - theta2
        sine, cosine = np.sin(between), np.cos(between)
        both, scale = self.mass1 + mass2, 2 * (self.mass1 + mass2 * sine**2)  # scale = 2 m1 + m2 - m2 cos(2 d)
        pull1, pull2 = self.length1 * velocity1**2, length2 * velocity2**2
        weight1 = self.gravity * ((both + self.mass1) * np.sin(theta1) + mass2 * np.sin(theta1 - 2 * theta2))
        turn1 = -(weight1 + 2 * mass2 * sine * (pull2 + pull1 * cosine)) / (self.length1 * scale)
        turn2 = 2 * sine * (both * (pull1 + self.gravity * np.cos(theta1)) + mass2 * pull2 * cosine) / (length2 * scale)
        return np.stack([velocity1, velocity2, turn1, turn2])

    def _fastest(self, initial: np.ndarray, mass2: np.ndarray, length2: np.ndarray) -> np.ndarray:
        """Bound the rates of the motion in rad/s, ``(trajectory,)``, from the energy, which is kept.

        The kinetic energy never exceeds the total. For a given kinetic energy either rod turns fastest
        where the other helps most; the squared frequencies of small swings add up to the last term.
        """
        energy, ratio = self.energy(initial, mass2, length2), (self.mass1 + mass2) / self.mass1
        turning1 = np.sqrt(2 * energy / self.mass1) / self.length1
        turning2 = np.sqrt(2 * energy * ratio / mass2) / length2
        return turning1 + turning2 + np.sqrt(self.gravity * ratio * (1 / self.length1 + 1 / length2))


def draw_double_pendulum(angles: np.ndarray, image_size: int) -> np.ndarray:
    """Draw both rods at length 1.

    Args:
        angles: ``(2, ...)``, radians, counter-clockwise from hanging down.
        image_size: side of a frame in pixels.

    Returns:
        float32 ``(..., height, width)`` in [0, 1]; row 0 is the top.
    """
    return draw_rods(angles, [1.0, 1.0], VIEW, image_size)


def angles_from_image(frames: np.ndarray) -> np.ndarray:
    """Read both angles off pictures: those of the drawing that resembles the picture most.

    Drawings on a grid of angles are compared by the cosine between picture and drawing, which does
    not know how bright the picture is; a quadratic through the best and its neighbours gives the
    angles between those of the grid.

    Args:
        frames: ``(..., height, width)``, square; values below 0, which forecasts may have, count as black.

    Returns:
        float64 ``(2, ...)``, radians; NaN for a picture that is black all over.
    """
    side = frames.shape[-1]
    bright = np.maximum(mean_pool(frames, math.gcd(side, max(1, side // TEMPLATE_PIXELS))), 0)
    *shape, side, _ = bright.shape
    grid = np.arange(TEMPLATES) * (2 * np.pi / TEMPLATES)
    pairs = np.stack(np.meshgrid(grid, grid, indexing="ij"))  # (2, angle 1, angle 2)
    drawings = draw_double_pendulum(pairs, side).reshape(TEMPLATES**2, -1)  # (drawing, pixel)
    drawings /= np.linalg.norm(drawings, axis=1, keepdims=True)
    pictures = bright.reshape(-1, side**2)  # (picture, pixel)
    read = np.full((2, len(pictures)), np.nan)
    for start in range(0, len(pictures), COMPARED):
        part = slice(start, start + COMPARED)
        read[:, part] = np.stack([_best(row) for row in pictures[part] @ drawings.T], axis=1)
    read[:, ~pictures.any(axis=1)] = np.nan
    return read.reshape(2, *shape)


def _best(likeness: np.ndarray) -> np.ndarray:
    """Angles at which the likeness to the drawings, ``(drawing,)``, is highest, ``(2,)``."""
    square = likeness.reshape(TEMPLATES, TEMPLATES)
    top = np.array(np.unravel_index(square.argmax(), square.shape))
    rows, columns = (np.arange(index - 1, index + 2) % TEMPLATES for index in top)
    near = square[np.ix_(rows, columns)].astype(np.float64)  # (3, 3), the best in the middle
    slope = np.array([near[2, 1] - near[0, 1], near[1, 2] - near[1, 0]]) / 2
    bends = near[[0, 1], [1, 0]] + near[[2, 1], [1, 2]] - 2 * near[1, 1]
    mixed = (near[2, 2] - near[2, 0] - near[0, 2] + near[0, 0]) / 4
    curvature = np.array([[bends[0], mixed], [mixed, bends[1]]])
    peaked = bends[0] < 0 and np.linalg.det(curvature) > 0
    offset = np.linalg.solve(-curvature, slope).clip(-1, 1) if peaked else np.zeros(2)
    return (top + offset) * (2 * np.pi / TEMPLATES)
