"""Rods that hang from one another and swing: the base class of the pendulums, and their pictures, white on black."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ladid_bench.core.configuration import DataKind
from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.simulated.base import System

FRAME_INTERVAL = 3 / 59  # seconds: 60 frames span 3 s, longer trajectories more
RENDERED_PIXELS = 2**17  # drawn at once: the intermediate arrays stay in the processor's cache


@dataclass(frozen=True)
class RodSystem(System):
    """Simulate rods that swing, in SI units; a concrete system gives constants, initial law and equation of motion.

    Attributes:
        rods: their number.
        step_limit: step of the integrator times the fastest rate of the motion.
    """

    kind: ClassVar[DataKind] = "bodies"
    context_frames: ClassVar[int] = 10
    forecast_frames: ClassVar[int] = 50
    rods: ClassVar[int]
    step_limit: ClassVar[float]

    @property
    def frame_interval(self) -> float:
        return FRAME_INTERVAL

    @abstractmethod
    def solve(self, drawn: Mapping[str, np.ndarray], times: np.ndarray, step_limit: float) -> np.ndarray:
        """Solve the equation of motion.

        Args:
            drawn: what ``draw`` returns, ``(trajectory,)`` each.
            times: ``(trajectory, time)``.
            step_limit: largest step times fastest rate.

        Returns:
            Angles in rad, then angular velocities in rad/s, ``(2 * rods, trajectory, time)``.
        """

    def bounds(self, constant: str) -> tuple[float, float]:
        """Compute the range that a constant is drawn from, ``constant`` plus or minus ``<constant>_spread``."""
        middle, spread = getattr(self, constant), getattr(self, f"{constant}_spread")
        return middle - spread, middle + spread

    def require_spread(self, constant: str) -> None:
        """Refuse a spread that is negative or lets the constant reach 0."""
        middle, spread = getattr(self, constant), getattr(self, f"{constant}_spread")
        if not 0 <= spread < middle:
            raise BenchError(
                f"{self.name}: setting '{constant}_spread' is {spread:g}; give at least 0 and less than {constant}, "
                f"{middle:g}"
            )

    def law(self, constant: str) -> str:
        """Write the law that a constant is drawn from in LaTeX, for the data card."""
        low, high = self.bounds(constant)
        return rf"\sim \mathcal{{U}}({low:g}, {high:g})" if high > low else f"= {low:g}"


@dataclass(frozen=True)
class View:
    """Hold what the camera shows, in units of a drawn length.

    Attributes:
        half_side: the picture shows [-half_side, half_side] in both directions.
        rod_half_width: half the width of a rod.
        bob_radius: radius of the disc at the end of each rod; it has to hide the rod's blunt end.
    """

    half_side: float
    rod_half_width: float
    bob_radius: float


def draw_rods(angles: np.ndarray, lengths: Sequence[np.ndarray | float], view: View, image_size: int) -> np.ndarray:
    """Draw a chain of rods with a bob at the end of each.

    The brightness of a pixel is the share of its area that a shape covers, the larger share where
    shapes overlap.

    Args:
        angles: ``(rod, ...)``, radians, of each rod: 0 hangs down, counter-clockwise from there.
        lengths: of each rod, to be broadcast to ``(...)``.
        view: scale of the picture.
        image_size: side of a frame in pixels.

    Returns:
        float32 ``(..., height, width)`` in [0, 1]; row 0 is the top.
    """
    rods, *shape = angles.shape
    flat = angles.reshape(rods, -1)  # (rod, frame)
    long = [np.broadcast_to(length, shape).reshape(-1) for length in lengths]  # (frame,) each
    frames = np.empty((flat.shape[1], image_size, image_size), dtype=np.float32)
    size = max(1, RENDERED_PIXELS // image_size**2)
    for start in range(0, len(frames), size):
        part = slice(start, start + size)
        _draw(flat[:, part], [length[part] for length in long], view, frames[part])
    return frames.reshape(*shape, image_size, image_size)


def _draw(angles: np.ndarray, lengths: list[np.ndarray], view: View, out: np.ndarray) -> None:
    """Draw the frames of ``angles``, ``(rod, frame)``, into ``out``, ``(frame, height, width)``; in pixels inside."""
    pixels = out.shape[-1] / (2 * view.half_side)
    half_width, radius = np.float32(pixels * view.rod_half_width), np.float32(pixels * view.bob_radius)
    right, up = (np.float32(pixels) * centres for centres in pixel_centres(out.shape[-1], view.half_side))
    out[:] = 0
    for angle, length in zip(angles, lengths, strict=True):
        reach = (pixels * length).astype(np.float32)[:, None, None]  # (frame, 1, 1)
        sine = np.sin(angle).astype(np.float32)[:, None, None]
        cosine = np.cos(angle).astype(np.float32)[:, None, None]
        np.maximum(out, _rod(right, up, sine, cosine, reach, half_width), out=out)
        right, up = right - reach * sine, up + reach * cosine  # seen from the rod's end: (frame, 1, w), (frame, h, 1)
        np.maximum(out, _bob(right, up, radius), out=out)
    np.clip(out, 0, 1, out=out)


def _rod(
    right: np.ndarray, up: np.ndarray, sine: np.ndarray, cosine: np.ndarray, reach: np.ndarray, half_width: np.float32
) -> np.ndarray:
    """Coverage by a rod that starts where ``right`` and ``up`` are 0, ``(frame, height, width)``."""
    along = right * sine - up * cosine  # (frame, height, width), from the start towards the end
    across = right * cosine + up * sine
    rod = _share(across + half_width, cosine, sine) - _share(across - half_width, cosine, sine)
    rod *= np.clip(along + np.float32(0.5), 0, 1) * (along < reach)  # the outer end is hidden by the bob
    return rod


def _bob(right: np.ndarray, up: np.ndarray, radius: np.float32) -> np.ndarray:
    """Coverage by a disc about the point where ``right`` and ``up`` are 0, ``(frame, height, width)``."""
    distance = np.hypot(right, up)
    scale = 1 / np.maximum(distance, np.float32(1e-6))
    return _share(radius - distance, right * scale, up * scale)


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


def pixel_centres(size: int, half_side: float) -> tuple[np.ndarray, np.ndarray]:
    """Lay out coordinates of the pixels: rightwards ``(1, width)`` and upwards ``(height, 1)``, float32."""
    centres = ((np.arange(size) + 0.5) / size * 2 - 1) * half_side
    return centres[None, :].astype(np.float32), -centres[:, None].astype(np.float32)
