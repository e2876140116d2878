"""A single pendulum seen by a camera: a white rod and bob on black.

Equation and initial law: the simulator of MSVI (Iakovlev et al., Latent Neural ODEs with Sparse
Bayesian Multiple Shooting, ICLR 2023), with the damping ``damping`` added.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.simulated.base import Simulation
from ladid_bench.datasets.simulated.ordinary import integrate, steps_between
from ladid_bench.datasets.simulated.rods import RodSystem, View, draw_rods, pixel_centres
from ladid_bench.datasets.source import DataCard

VIEW = View(half_side=1.5, rod_half_width=0.06, bob_radius=0.18)
PER_METRE = 0.6  # drawn length of a metre where the picture shows the true length: up to 2.2 m fit
DRAW_LENGTH = ("fixed", "proportional")
FASTEST = np.pi / 2  # largest initial angular velocity, rad/s


@dataclass(frozen=True)
class Pendulum(RodSystem):
    """Simulate a pendulum.

    The mass alone changes nothing: it cancels from the equation unless there is damping. The
    intervention ``mass-2`` therefore yields the very frames of the pendulum itself, and is a control
    on which transfer must cost nothing; ``mass-*-damped`` really differ from ``damping-0.5``. Nor is
    there a mixture of gravities: without damping the motion knows g / l alone, which the lengths mix.

    Attributes:
        length, gravity, mass, damping: l in m, g in m/s^2, m in kg, b in kg/s.
        length_spread: each trajectory has a length of its own, uniform within so much of ``length``.
        draw_length: ``fixed`` draws a rod of length 1 whatever l is, so that l shows in the motion
            alone; ``proportional`` draws 0.6 l.
    """

    name: ClassVar[str] = "pendulum"
    version: ClassVar[int] = 1
    rods: ClassVar[int] = 1
    step_limit: ClassVar[float] = 0.2  # the measured error is then below 1e-9 rad after 60 frames
    units: ClassVar[Mapping[str, str]] = {
        "time": "s",
        "intensity": "1",
        "length": "m",
        "gravity": "m/s^2",
        "mass": "kg",
        "damping": "kg/s",
        "theta": "rad",
        "angular_velocity": "rad/s",
        "energy": "J",
    }
    interventions: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "length-0.5": {"length": 0.5},
        "length-0.75": {"length": 0.75},
        "length-1.25": {"length": 1.25},
        "length-1.5": {"length": 1.5},
        "length-2": {"length": 2.0},
        "gravity-5": {"gravity": 5.0},
        "damping-0.5": {"damping": 0.5},
        "mass-2": {"mass": 2.0},
        "mass-0.5-damped": {"mass": 0.5, "damping": 0.5},
        "mass-2-damped": {"mass": 2.0, "damping": 0.5},
        "mass-4-damped": {"mass": 4.0, "damping": 0.5},
        "lengths-mixed": {"length": 1.25, "length_spread": 0.75},
    }
    controls: ClassVar[frozenset[str]] = frozenset({"mass-2"})

    length: float = 1.0
    length_spread: float = 0.0
    gravity: float = 9.81
    mass: float = 1.0
    damping: float = 0.0
    draw_length: str = "fixed"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_at_least(length=1e-3, mass=1e-3, gravity=0, damping=0)
        self.require_spread("length")
        self.require_known(draw_length=DRAW_LENGTH)
        longest = self.bounds("length")[1]
        if self.draw_length == "proportional" and PER_METRE * longest + VIEW.bob_radius > VIEW.half_side:
            fitting = (VIEW.half_side - VIEW.bob_radius) / PER_METRE
            raise BenchError(
                f"pendulum: length {longest:g} does not fit the picture; give at most {fitting:g} "
                "or set draw_length to 'fixed'"
            )

    @property
    def card(self) -> DataCard:
        return self.describe(
            title="Single pendulum",
            summary=(
                "Pictures of a rigid pendulum, swinging or turning over, that starts anywhere on the circle. "
                "One frame shows the angle, two the velocity; constants show in the motion only."
            ),
            quantity="brightness of a white rod and bob on black, 0 to 1",
            citation=(
                "Simulator after Iakovlev, Yildiz, Heinonen, Laehdesmaeki, Latent Neural ODEs with Sparse Bayesian "
                "Multiple Shooting, ICLR 2023; constants of the LaDID paper's own pendulum set are not published"
            ),
            equation=(
                r"\ddot{\theta} = -\frac{g}{l} \sin(\theta) - \frac{b}{m} \dot{\theta}" + "\n\n"
                rf"l {self.law('length')} \text{{ m}}, \quad g = {self.gravity:g} \text{{ m/s}}^2, "
                rf"\quad m = {self.mass:g} \text{{ kg}}, "
                rf"\quad b = {self.damping:g} \text{{ kg/s}}" + "\n"
                r"\theta(0) \sim \mathcal{U}(0, 2\pi), \quad \dot{\theta}(0) \sim \mathcal{U}(-\pi/2, \pi/2); \quad "
                r"\text{60 frames span 3 s}"
            ),
            caution=(
                "The error of a picture saturates: at 32 pixels an angle wrong by 10 degrees costs as much as a black "
                "picture. Without damping the mass has no effect at all. The start is an angle and a velocity, and 200 "
                "trajectories cover these well: with them, at 32 px, nearest neighbours forecast with a median nMSE of "
                "0.08, ridge regression 0.47; where the length is random too (lengths-mixed), 0.56 and 0.73."
            ),
        )

    def draw(self, random: np.random.Generator) -> dict[str, Any]:
        return {
            "theta": random.uniform(0, 2 * np.pi),
            "angular_velocity": random.uniform(-FASTEST, FASTEST),
            "length": random.uniform(*self.bounds("length")),
        }

    def simulate(self, drawn: Mapping[str, np.ndarray], times: np.ndarray, image_size: int) -> Simulation:
        length = drawn["length"]  # (trajectory,)
        theta, velocity = self.solve(drawn, times, self.step_limit)
        drawn_length = 1.0 if self.draw_length == "fixed" else PER_METRE * length[:, None]
        constants = {name: np.full(len(theta), getattr(self, name)) for name in ("gravity", "mass", "damping")}
        return Simulation(
            frames=draw_pendulum(theta, drawn_length, image_size)[:, :, None],  # (trajectory, time, 1, h, w)
            parameters={"length": length, **constants},
            states={
                "theta": theta,
                "angular_velocity": velocity,
                "energy": self._energy(theta, velocity, length[:, None]),
            },
        )

    def solve(self, drawn: Mapping[str, np.ndarray], times: np.ndarray, step_limit: float) -> np.ndarray:
        initial = np.stack([drawn["theta"], drawn["angular_velocity"]])  # (component, trajectory)
        restoring, friction = self.gravity / drawn["length"], self.damping / self.mass

        def derivative(state: np.ndarray) -> np.ndarray:
            theta, velocity = state
            return np.stack([velocity, -restoring * np.sin(theta) - friction * velocity])

        rate = 2 * np.sqrt(restoring) + FASTEST + friction  # (trajectory,), bounds that of the motion
        remedy = "lower damping / mass or gravity / length"
        substeps = steps_between(times, rate / step_limit, self.name, remedy)
        return integrate(derivative, initial, times, substeps)

    def errors_read(self, mean: np.ndarray, states: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Measure the error of the angle, read off by the centroid; a black forecast counts as 90 degrees, a guess."""
        read = angle_from_image(mean[:, :, 0])  # (trajectory, frame)
        difference = np.angle(np.exp(1j * (read - states["theta"])))
        degrees = np.degrees(np.abs(np.where(np.isnan(difference), np.pi / 2, difference)))
        return {
            "angle_error_degrees_mean": float(degrees.mean()),
            "angle_error_degrees_median": float(np.median(degrees)),
        }

    def _energy(self, theta: np.ndarray, velocity: np.ndarray, length: np.ndarray) -> np.ndarray:
        kinetic = 0.5 * self.mass * length**2 * velocity**2
        return kinetic + self.mass * self.gravity * length * (1 - np.cos(theta))


def draw_pendulum(theta: np.ndarray, length: np.ndarray | float, image_size: int) -> np.ndarray:
    """Draw a rod with a bob at its end, hanging down at angle 0, counter-clockwise from there.

    Args:
        theta: ``(...)``, radians.
        length: of the rod, in the units of ``VIEW``, to be broadcast to ``(...)``.
        image_size: side of a frame in pixels.

    Returns:
        float32 ``(..., height, width)`` in [0, 1]; row 0 is the top.
    """
    return draw_rods(theta[None], [length], VIEW, image_size)


def angle_from_image(frames: np.ndarray) -> np.ndarray:
    """Read the angle off pictures: the direction from the pivot to the centroid of brightness.

    Args:
        frames: ``(..., height, width)``, square; values below 0, which forecasts may have, count as black.

    Returns:
        float64 ``(...)``, radians in [-pi, pi]; NaN for a picture that is black all over.
    """
    right, up = pixel_centres(frames.shape[-1], VIEW.half_side)
    bright = np.maximum(frames, 0)
    rightwards = (bright.sum(axis=-2, dtype=np.float64) * right[0]).sum(axis=-1)  # (...)
    upwards = (bright.sum(axis=-1, dtype=np.float64) * up[:, 0]).sum(axis=-1)
    black = ~bright.any(axis=(-2, -1))
    return np.where(black, np.nan, np.arctan2(rightwards, -upwards))
