"""Rotating spiral waves: the lambda-omega reaction-diffusion system on a periodic square.

Equation: N. Kopell, L. N. Howard, Plane wave solutions to reaction-diffusion equations, Studies in
Applied Mathematics 52, 1973. As a test of latent dynamics, with one spiral: K. Champion, B. Lusch,
J. N. Kutz, S. L. Brunton, Data-driven discovery of coordinates and governing equations, PNAS 116,
2019. With z = u + i v it reads ``z_t = (1 - |z|^2) z - i beta |z|^2 z + d Laplacian z``.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy import fft

from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.pooling import mean_pool
from ladid_bench.datasets.simulated.base import Simulation, System
from ladid_bench.datasets.source import DataCard

SIDE = 20.0  # length of the periodic square
SPIN_UP = 5.0  # time from the drawn initial state to the first frame
PITCHES = (0.5, 1.5)  # radians by which the drawn spiral turns per unit of radius
LEAST_GRID = 64  # points a side: on 32 a spiral turns 1 % too fast
LEAST_DIFFUSION = 0.04  # below it the core of a spiral falls between the points of that grid
MOST_ARMS = 4
MOST_SUBSTEPS = 1000
SOLVED_POINTS = 2**14  # advanced at once: the intermediate arrays stay in the processor's cache


@dataclass(frozen=True)
class ReactionDiffusion(System):
    """Simulate spirals whose place, sense, pitch and phase, and whose constants, differ between trajectories.

    All quantities are dimensionless. An intervention fixes a constant outside the range it is drawn
    from, or gives the spiral a second arm; the other draws remain what they are.

    Attributes:
        beta_low, beta_high: range of beta, the angular frequency of the reaction at amplitude 1.
        d_low, d_high: range of d, the diffusion coefficient of both fields.
        arms: arms of the drawn spiral, the winding number of its centre.
        spread: the centre lies in the square [-spread, spread]^2 about the middle of the picture.
    """

    name: ClassVar[str] = "reaction-diffusion"
    version: ClassVar[int] = 2
    context_frames: ClassVar[int] = 10
    forecast_frames: ClassVar[int] = 40
    channels: ClassVar[tuple[str, ...]] = ("u",)
    boundary: ClassVar[str] = "periodic"
    value_range: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    step_limit: ClassVar[float] = 0.75  # step times the fastest rate of the reaction
    units: ClassVar[Mapping[str, str]] = {
        "time": "1",
        "u": "1",
        "beta": "1",
        "d": "1",
        "arms": "1",
        "chirality": "1",
        "pitch": "rad",
        "phase": "rad",
        "centre_x": "1",
        "centre_y": "1",
    }
    interventions: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "beta-0.5": {"beta_low": 0.5, "beta_high": 0.5},
        "beta-1.5": {"beta_low": 1.5, "beta_high": 1.5},
        "d-0.05": {"d_low": 0.05, "d_high": 0.05},
        "d-0.2": {"d_low": 0.2, "d_high": 0.2},
        "arms-2": {"arms": 2},
    }

    beta_low: float = 0.7
    beta_high: float = 1.3
    d_low: float = 0.07
    d_high: float = 0.15
    arms: int = 1
    spread: float = 4.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_at_least(beta_low=0, d_low=LEAST_DIFFUSION, arms=1, spread=0)
        for constant in ("beta", "d"):
            self.require_range(constant)
        for name, most in {"arms": MOST_ARMS, "spread": SIDE / 2}.items():
            if getattr(self, name) > most:
                raise BenchError(f"{self.name}: setting '{name}' is {getattr(self, name):g}; give at most {most:g}")

    @property
    def card(self) -> DataCard:
        return self.describe(
            title="Reaction-diffusion spirals",
            summary=(
                "One of two chemical concentrations in which a spiral wave turns. Place, sense, pitch and phase of "
                "the spiral differ, and so do rate and diffusion, which show in the motion only; the second "
                "concentration is hidden."
            ),
            quantity="field u, dimensionless, between -1 and 1",
            citation=(
                "Equation: Kopell and Howard, Studies in Applied Mathematics 52, 1973; one spiral as a test of latent "
                "dynamics: Champion, Lusch, Kutz, Brunton, PNAS 116, 2019; constants of the LaDID paper's own set are "
                "not published"
            ),
            equation=(
                r"\frac{\partial u}{\partial t} = (1 - A) u + \beta A v + d \nabla^2 u" + "\n"
                r"\frac{\partial v}{\partial t} = -\beta A u + (1 - A) v + d \nabla^2 v" + "\n\n"
                rf"A = u^2 + v^2 \text{{ on a periodic square of side {SIDE:g}}}; "
                rf"\quad \beta \sim \mathcal{{U}}({self.beta_low:g}, {self.beta_high:g}), "
                rf"\quad d \sim \mathcal{{U}}({self.d_low:g}, {self.d_high:g})" + "\n"
                r"u + i v = \tanh(r) \exp(i (s \alpha - p r + \phi)) \text{ at first, } r, \alpha "
                r"\text{ polar about a centre in } "
                rf"[-{self.spread:g}, {self.spread:g}]^2; \quad |s| = {self.arms} \text{{ with either sign}}" + "\n"
                rf"p \sim \mathcal{{U}}({PITCHES[0]:g}, {PITCHES[1]:g}), \quad \phi \sim \mathcal{{U}}(0, 2\pi); "
                rf"\quad \text{{{SPIN_UP:g} before the first frame, then a frame every {self.frame_interval:g}}}"
            ),
            caution=(
                "The field's mean is near 0, so that nMSE and FVU agree and a forecast of the mean scores 1. Nothing "
                "here is chaotic, and most of a spiral's motion is turning: at 32 px, one frequency fitted to the "
                "context of a trajectory and turned on forecasts with nMSE 0.10. What linear methods cannot do is to "
                "find a frequency for each trajectory: with beta = 1 and d = 0.1 for all, DMD reaches 0.05 and ridge "
                "regression 0.08."
            ),
        )

    @property
    def frame_interval(self) -> float:
        return 0.5

    def draw(self, random: np.random.Generator) -> dict[str, Any]:
        return {
            "centre_x": random.uniform(-self.spread, self.spread),
            "centre_y": random.uniform(-self.spread, self.spread),
            "chirality": random.choice([-1.0, 1.0]),
            "pitch": random.uniform(*PITCHES),
            "phase": random.uniform(0, 2 * np.pi),
            "beta": random.uniform(self.beta_low, self.beta_high),
            "d": random.uniform(self.d_low, self.d_high),
        }

    def simulate(self, drawn: Mapping[str, np.ndarray], times: np.ndarray, image_size: int) -> Simulation:
        frames = np.empty((*times.shape, 1, image_size, image_size), dtype=np.float32)
        grid = image_size * max(2, math.ceil(LEAST_GRID / image_size))
        size = max(1, SOLVED_POINTS // grid**2)
        for start in range(0, len(frames), size):
            part = slice(start, start + size)
            self._solve({name: values[part] for name, values in drawn.items()}, times[part], grid, frames[part, :, 0])
        arms = np.full(len(frames), float(self.arms))
        return Simulation(frames=frames, parameters={**drawn, "arms": arms}, states={})

    def _solve(self, drawn: Mapping[str, np.ndarray], times: np.ndarray, grid: int, out: np.ndarray) -> None:
        """Advance a few trajectories on ``grid`` points a side and store u in ``out``, ``(trajectory, time, h, w)``.

        Single precision takes half the time of double and is 2e-5 away from it after 25 units of time: nothing here is
        chaotic, and frames are stored in it.
        """
        field = spiral(drawn, self.arms, grid).astype(np.complex64)
        gaps = np.diff(times, axis=1, prepend=times[:, :1] - SPIN_UP)  # (trajectory, time)
        for index, gap in enumerate(gaps.T):  # gap: (trajectory,)
            field = advance(field, drawn["beta"], drawn["d"], gap, self._substeps(gap))
            out[:, index] = mean_pool(field.real, grid // out.shape[-1])

    def _substeps(self, gap: np.ndarray) -> np.ndarray:
        """Steps in ``gap``, ``(trajectory,)`` both, that resolve the reaction; diffusion is exact at any step.

        The rate bounds the norm of the reaction's Jacobian where |z| <= 1, which the solution never
        leaves. It comes from the range of beta, and the steps from each trajectory's own gap, so that
        no trajectory depends on the others in its batch.
        """
        rate = 2 + 3 * self.beta_high
        substeps = np.maximum(1, np.ceil(gap * rate / self.step_limit))
        if substeps.max() > MOST_SUBSTEPS:
            raise BenchError(
                f"{self.name}: a rate of {rate:.3g} needs {substeps.max():.0f} steps between two frames; "
                "lower beta_high"
            )
        return substeps.astype(np.int64)


def spiral(drawn: Mapping[str, np.ndarray], arms: int, grid: int) -> np.ndarray:
    """Compute the initial state z = u + i v, complex128 ``(trajectory, row, column)``; row 0 is the top.

    Distances from the centre are those to its nearest periodic image, so that moving the centre
    moves the state. The angle jumps halfway to the next image; defects of the opposite sense form
    there during the spin-up, as the windings on a torus must add up to 0.

    Args:
        drawn: ``centre_x``, ``centre_y``, ``chirality``, ``pitch``, ``phase``, ``(trajectory,)`` each.
        arms: winding number about the centre, before the sign of ``chirality``.
        grid: points a side.
    """
    place = {name: values[:, None, None] for name, values in drawn.items()}  # (trajectory, 1, 1)
    points = ((np.arange(grid) + 0.5) / grid - 0.5) * SIDE
    right = _wrapped(points - place["centre_x"])  # (trajectory, 1, column)
    up = _wrapped(-points[:, None] - place["centre_y"])  # (trajectory, row, 1)
    radius, angle = np.hypot(right, up), np.arctan2(up, right)
    return np.tanh(radius) * np.exp(1j * (arms * place["chirality"] * angle - place["pitch"] * radius + place["phase"]))


def _wrapped(offset: np.ndarray) -> np.ndarray:
    return (offset + SIDE / 2) % SIDE - SIDE / 2


def advance(field: np.ndarray, beta: np.ndarray, d: np.ndarray, duration: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Solve the equation for a batch: Runge-Kutta of order 4 with diffusion as integrating factor.

    Args:
        field: ``(trajectory, row, column)``, complex64 or complex128, z on a square of side ``SIDE``.
        beta, d, duration: ``(trajectory,)``.
        steps: int64 ``(trajectory,)``, the number of equal steps into which ``duration`` is cut.

    Returns:
        z after ``duration``, of the shape and precision of ``field``.
    """
    step = (duration / steps)[:, None, None]  # (trajectory, 1, 1)
    half = _decay(d[:, None, None] * step / 2, field.shape[-1])
    step, half = (factor.astype(field.real.dtype) for factor in (step, half))
    full = half**2
    twist = (1 + 1j * beta)[:, None, None].astype(field.dtype)
    now = fft.fft2(field)
    for done in range(steps.max()):
        first = _reaction(now, twist)
        second = _reaction(half * (now + step / 2 * first), twist)
        third = _reaction(half * now + step / 2 * second, twist)
        fourth = _reaction(full * now + step * half * third, twist)
        after = full * (now + step / 6 * first) + step / 3 * half * (second + third) + step / 6 * fourth
        now = np.where((done < steps)[:, None, None], after, now)
    return fft.ifft2(now)


def _reaction(spectrum: np.ndarray, twist: np.ndarray) -> np.ndarray:
    """Spectrum of ``(1 - twist |z|^2) z``, for the z of a spectrum."""
    field = fft.ifft2(spectrum)
    rate = 1 - twist * (field.real**2 + field.imag**2)
    return fft.fft2(rate * field, overwrite_x=True)


def _decay(diffused: np.ndarray, grid: int) -> np.ndarray:
    """Factor by which diffusion multiplies a spectrum, ``(trajectory, row, column)``; ``diffused`` is d times time."""
    wavenumber = 2 * np.pi * fft.fftfreq(grid, SIDE / grid)
    return np.exp(-diffused * wavenumber[:, None] ** 2) * np.exp(-diffused * wavenumber**2)
