"""A single pendulum seen by a camera: a white rod and bob on black.

Equation and initial law: the simulator of MSVI (Iakovlev et al., Latent Neural ODEs with Sparse
Bayesian Multiple Shooting, ICLR 2023), with the damping ``damping`` added.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ladid_bench.data.source import DataCard
from ladid_bench.errors import BenchError, nearest
from ladid_bench.systems.base import Simulation, System
from ladid_bench.systems.ordinary import integrate

HALF_VIEW = 1.5  # the picture shows [-1.5, 1.5] in both directions, the pivot at its centre
ROD_HALF_WIDTH = 0.06
BOB_RADIUS = 0.18
PER_METRE = 0.6  # drawn length of a metre where the picture shows the true length: up to 2.2 m fit
DRAW_LENGTH = ("fixed", "proportional")
DURATION = 3.0  # seconds that the default number of frames spans
FASTEST = np.pi / 2  # largest initial angular velocity, rad/s
STEP_LIMIT = 0.2  # step times the fastest rate; the measured error is then below 1e-9 rad after 60 frames
MOST_SUBSTEPS = 10_000
RENDERED_PIXELS = 2**17  # drawn at once: the intermediate arrays stay in the processor's cache


@dataclass(frozen=True)
class Pendulum(System):
    """The pendulum's constants, in SI units.

    The mass alone changes nothing: it cancels from the equation unless there is damping. The
    intervention ``mass-2`` therefore yields the very frames of the source, and is kept as a control
    on which transfer must cost nothing; ``mass-*-damped`` really differ from ``damping-0.5``.

    Attributes:
        length, gravity, mass, damping: l in m, g in m/s^2, m in kg, b in kg/s.
        draw_length: ``fixed`` draws a rod of length 1 whatever l is, so that l shows in the motion
            alone; ``proportional`` draws 0.6 l.
    """

    name: ClassVar[str] = "pendulum"
    version: ClassVar[int] = 1
    context_frames: ClassVar[int] = 10
    forecast_frames: ClassVar[int] = 50
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
    }

    length: float = 1.0
    gravity: float = 9.81
    mass: float = 1.0
    damping: float = 0.0
    draw_length: str = "fixed"

    def __post_init__(self) -> None:
        for name, least in {"length": 1e-3, "mass": 1e-3, "gravity": 0.0, "damping": 0.0}.items():
            if not least <= getattr(self, name) < math.inf:
                raise BenchError(f"pendulum: setting '{name}' is {getattr(self, name):g}; give at least {least:g}")
        if self.draw_length not in DRAW_LENGTH:
            hint = nearest(self.draw_length, DRAW_LENGTH)
            raise BenchError(f"pendulum: unknown draw_length '{self.draw_length}'; {hint}")
        if self._drawn_length + BOB_RADIUS > HALF_VIEW:
            longest = (HALF_VIEW - BOB_RADIUS) / PER_METRE
            raise BenchError(
                f"pendulum: length {self.length:g} does not fit the picture; give at most {longest:g} "
                "or set draw_length to 'fixed'"
            )

    @property
    def card(self) -> DataCard:
        return DataCard(
            title="Single pendulum",
            summary=(
                "Pictures of a rigid pendulum, swinging or turning over, that starts anywhere on the circle. "
                "One frame shows the angle, two the velocity; constants show in the motion only."
            ),
            origin="simulated",
            quantity="brightness of a white rod and bob on black, 0 to 1",
            source="this package, ladid_bench.systems.pendulum",
            licence="that of this package",
            citation=(
                "Simulator after Iakovlev, Yildiz, Heinonen, Laehdesmaeki, Latent Neural ODEs with Sparse Bayesian "
                "Multiple Shooting, ICLR 2023; constants of the LaDID paper's own pendulum set are not published"
            ),
            splits="independent random streams of one law; the unit is the trajectory",
            equation=(
                "theta'' = -(g / l) sin(theta) - (b / m) theta', "
                f"l = {self.length:g} m, g = {self.gravity:g} m/s^2, m = {self.mass:g} kg, b = {self.damping:g} kg/s; "
                "theta(0) ~ U(0, 2 pi), theta'(0) ~ U(-pi/2, pi/2); 60 frames span 3 s"
            ),
            caution=(
                "The error of a picture saturates: at 32 pixels an angle wrong by 10 degrees costs as much as a black "
                "picture. Without damping the mass has no effect at all."
            ),
        )

    @property
    def frame_interval(self) -> float:
        return DURATION / (self.context_frames + self.forecast_frames - 1)

    @property
    def _drawn_length(self) -> float:
        return 1.0 if self.draw_length == "fixed" else PER_METRE * self.length

    def draw(self, random: np.random.Generator) -> dict[str, Any]:
        return {"theta": random.uniform(0, 2 * np.pi), "angular_velocity": random.uniform(-FASTEST, FASTEST)}

    def simulate(self, drawn: Mapping[str, np.ndarray], times: np.ndarray, image_size: int) -> Simulation:
        initial = np.stack([drawn["theta"], drawn["angular_velocity"]])  # (component, trajectory)
        substeps = self._substeps(float(np.diff(times).max(initial=0)))
        theta, velocity = integrate(self._derivative, initial, times, substeps)  # (trajectory, time) each
        constants = {name: getattr(self, name) for name in ("length", "gravity", "mass", "damping")}
        return Simulation(
            frames=draw_pendulum(theta, self._drawn_length, image_size)[:, :, None],  # (trajectory, time, 1, h, w)
            parameters={name: np.full(len(theta), value) for name, value in constants.items()},
            states={"theta": theta, "angular_velocity": velocity, "energy": self._energy(theta, velocity)},
        )

    def state_errors(self, mean: np.ndarray, states: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Error of the angle read off the picture by its centroid; a black forecast counts as 90 degrees, a guess."""
        read = angle_from_image(mean[:, :, 0])  # (trajectory, frame)
        difference = np.angle(np.exp(1j * (read - states["theta"])))
        degrees = np.degrees(np.abs(np.where(np.isnan(difference), np.pi / 2, difference)))
        return {
            "angle_error_degrees_mean": float(degrees.mean()),
            "angle_error_degrees_median": float(np.median(degrees)),
        }

    def _derivative(self, state: np.ndarray) -> np.ndarray:
        theta, velocity = state
        restoring, friction = self.gravity / self.length, self.damping / self.mass
        return np.stack([velocity, -restoring * np.sin(theta) - friction * velocity])

    def _energy(self, theta: np.ndarray, velocity: np.ndarray) -> np.ndarray:
        kinetic = 0.5 * self.mass * self.length**2 * velocity**2
        return kinetic + self.mass * self.gravity * self.length * (1 - np.cos(theta))

    def _substeps(self, gap: float) -> int:
        """Steps between two frames at which the scheme resolves the fastest rate, with room to spare."""
        fastest = 2 * math.sqrt(self.gravity / self.length) + FASTEST + self.damping / self.mass
        substeps = max(1, math.ceil(gap * fastest / STEP_LIMIT))
        if substeps > MOST_SUBSTEPS:
            raise BenchError(
                f"pendulum: rates of {fastest:.3g} per second need {substeps} steps between two frames; "
                "lower damping / mass or gravity / length"
            )
        return substeps


def draw_pendulum(theta: np.ndarray, length: float, image_size: int) -> np.ndarray:
    """Draw a rod with a bob at its end, hanging down at angle 0, counter-clockwise from there.

    The brightness of a pixel is the share of its area that the shape covers.

    Args:
        theta: ``(...)``, radians.
        length: of the rod, in the units of ``HALF_VIEW``.
        image_size: side of a frame in pixels.

    Returns:
        float32 ``(..., height, width)`` in [0, 1]; row 0 is the top.
    """
    frames = np.empty((theta.size, image_size, image_size), dtype=np.float32)
    size = max(1, RENDERED_PIXELS // image_size**2)
    for start in range(0, theta.size, size):
        part = slice(start, start + size)
        _draw(theta.reshape(-1)[part], length, frames[part])
    return frames.reshape(*theta.shape, image_size, image_size)


def _draw(theta: np.ndarray, length: float, out: np.ndarray) -> None:
    """Draw one picture an angle, ``(frame,)``, into ``out``, ``(frame, height, width)``; lengths are in pixels."""
    pixels = out.shape[-1] / (2 * HALF_VIEW)
    reach, half_width, radius = (np.float32(pixels * size) for size in (length, ROD_HALF_WIDTH, BOB_RADIUS))
    right, up = (np.float32(pixels) * centres for centres in pixel_centres(out.shape[-1]))
    sine = np.sin(theta).astype(np.float32)[:, None, None]  # (frame, 1, 1)
    cosine = np.cos(theta).astype(np.float32)[:, None, None]
    along = right * sine - up * cosine  # (frame, height, width), from the pivot towards the bob
    across = right * cosine + up * sine
    rod = _share(across + half_width, cosine, sine) - _share(across - half_width, cosine, sine)
    rod *= np.clip(along + np.float32(0.5), 0, 1) * (along < reach)  # the outer end is hidden by the bob
    sideways, upwards = right - reach * sine, up + reach * cosine
    distance = np.hypot(sideways, upwards)
    scale = 1 / np.maximum(distance, np.float32(1e-6))
    bob = _share(radius - distance, sideways * scale, upwards * scale)
    np.clip(np.maximum(rod, bob), 0, 1, out=out)


def _share(depth: np.ndarray, horizontal: np.ndarray, vertical: np.ndarray) -> np.ndarray:
    """Share of a pixel's area on the inner side of a straight edge.

    Args:
        depth: how far inside the edge the pixel's centre lies, in pixels.
        horizontal, vertical: components of the edge's unit normal; either sign.
    """
    long, short = np.abs(horizontal), np.abs(vertical)
    long, short = np.maximum(long, short), np.minimum(long, short)
    long = np.maximum(long, np.float32(0.5))  # always true of a unit normal; the centre of a disc has none
    short = np.maximum(short, np.float32(0.01))  # an upright edge would be 0 / 0
    outer, inner = (long + short) / 2, (long - short) / 2  # where the edge meets the pixel's corners
    depth = np.clip(depth, -outer, outer)
    corners = np.maximum(depth + inner, 0) ** 2 + np.maximum(depth - inner, 0) ** 2
    return ((depth + outer) ** 2 - corners) / (2 * long * short)


def pixel_centres(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of the pixels: rightwards ``(1, width)`` and upwards ``(height, 1)``, float32."""
    centres = ((np.arange(size) + 0.5) / size * 2 - 1) * HALF_VIEW
    return centres[None, :].astype(np.float32), -centres[:, None].astype(np.float32)


def angle_from_image(frames: np.ndarray) -> np.ndarray:
    """Read the angle off pictures: the direction from the pivot to the centroid of brightness.

    Args:
        frames: ``(..., height, width)``, square; values below 0, which forecasts may have, count as black.

    Returns:
        float64 ``(...)``, radians in [-pi, pi]; NaN for a picture that is black all over.
    """
    right, up = pixel_centres(frames.shape[-1])
    bright = np.maximum(frames, 0)
    rightwards = (bright.sum(axis=-2, dtype=np.float64) * right[0]).sum(axis=-1)  # (...)
    upwards = (bright.sum(axis=-1, dtype=np.float64) * up[:, 0]).sum(axis=-1)
    black = ~bright.any(axis=(-2, -1))
    return np.where(black, np.nan, np.arctan2(rightwards, -upwards))
