"""Waves on a square: two bumps spread, meet and return from the walls.

Equation: the damped wave equation ``u_tt = c^2 Laplacian u - gamma u_t`` on [-1, 1]^2. It is solved by
separation of variables (R. Courant, D. Hilbert, Methods of Mathematical Physics I, chapter V): each
eigenfunction of the Laplacian swings by itself, at a frequency of its own, so that the state at any
time, and its average over any pixel, is a finite sum. There is no time step and no grid of points.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import exprel

from ladid_bench.datasets.simulated.base import Simulation, System
from ladid_bench.datasets.source import DataCard

SIDE = 2.0  # length of the square
WALLS = ("neumann", "dirichlet", "periodic")
BUMPS = ("1", "2")  # suffixes of their draws
SPREAD = 0.6  # centres lie in [-0.6, 0.6]^2
WIDTHS = (0.1, 0.2)
AMPLITUDES = (0.5, 1.0)  # of either sign
DURATION = 3.0  # time that the default number of frames spans


@dataclass(frozen=True)
class Wave(System):
    """Simulate two bumps at rest whose places, widths and heights, and whose wave speed, differ between trajectories.

    All quantities are dimensionless. An intervention fixes the speed outside the range it is drawn
    from, or changes damping or walls; the draws remain what they are.

    Attributes:
        speed_low, speed_high: range of c, the wave speed.
        damping: gamma, the rate at which a swing loses energy; its amplitude decays at half of it.
        walls: ``neumann`` walls reflect, ``dirichlet`` walls hold u at 0 and reflect with the other
            sign, ``periodic`` edges are open to the opposite side.
    """

    name: ClassVar[str] = "wave"
    version: ClassVar[int] = 1
    context_frames: ClassVar[int] = 10
    forecast_frames: ClassVar[int] = 50
    channels: ClassVar[tuple[str, ...]] = ("u",)
    value_range: ClassVar[tuple[float, float]] = (-0.5, 0.5)  # 99.8 % of the values; a bump starts at up to twice it
    modes: ClassVar[int] = 64  # in either direction: beyond them lies less than 1e-20 of the narrowest bump
    units: ClassVar[Mapping[str, str]] = {
        "time": "1",
        "u": "1",
        "speed": "1",
        "damping": "1",
        "energy": "1",
        **{f"{name}_{bump}": "1" for bump in BUMPS for name in ("centre_x", "centre_y", "width", "amplitude")},
    }
    interventions: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "speed-0.5": {"speed_low": 0.5, "speed_high": 0.5},
        "speed-0.75": {"speed_low": 0.75, "speed_high": 0.75},
        "speed-1.5": {"speed_low": 1.5, "speed_high": 1.5},
        "damping-0.5": {"damping": 0.5},
        "dirichlet": {"walls": "dirichlet"},
        "periodic": {"walls": "periodic"},
    }

    speed_low: float = 0.8
    speed_high: float = 1.4
    damping: float = 0.0
    walls: str = "neumann"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_at_least(speed_low=0, damping=0)
        self.require_range("speed")
        self.require_known(walls=WALLS)

    @property
    def boundary(self) -> str:  # type: ignore[override]
        return "periodic" if self.walls == "periodic" else "wall"

    @property
    def card(self) -> DataCard:
        damped = rf"- {self.damping:g} \frac{{\partial u}}{{\partial t}}" if self.damping else ""
        return self.describe(
            title="Waves on a square",
            summary=(
                "The displacement of a membrane on which two bumps, let go at rest, spread, meet and return from the "
                "walls. Places, widths, heights and signs of the bumps differ, and so does the wave speed, which "
                "shows in the motion only."
            ),
            quantity="displacement u, dimensionless, mostly between -1 and 1",
            citation="Constants of the LaDID paper's own wave set are not published",
            equation=(
                r"\frac{\partial^2 u}{\partial t^2} = c^2 \left(\frac{\partial^2 u}{\partial x^2} + "
                rf"\frac{{\partial^2 u}}{{\partial y^2}}\right) {damped} \quad "
                rf"\text{{on }} [-1, 1]^2 \text{{, {self.walls} walls}}" + "\n\n"
                rf"c \sim \mathcal{{U}}({self.speed_low:g}, {self.speed_high:g}); \quad \text{{at rest "
                rf"at first, }} u(0) "
                r"\text{ the sum of two bumps } a \exp(-r^2 / 2 s^2) \text{ and of their images behind the walls}"
                + "\n"
                rf"\text{{centres}} \sim \mathcal{{U}}(-{SPREAD:g}, {SPREAD:g})^2, "
                rf"\quad s \sim \mathcal{{U}}({WIDTHS[0]:g}, {WIDTHS[1]:g}), "
                rf"\quad |a| \sim \mathcal{{U}}({AMPLITUDES[0]:g}, {AMPLITUDES[1]:g}) \text{{ with either sign}}; "
                rf"\quad \text{{60 frames span {DURATION:g}}}"
            ),
            caution=(
                "Between reflecting walls and periodic edges the mean of a picture never changes, damped or not. The "
                "field is as often positive as negative, so that a forecast of the mean scores 1. For one speed the "
                "motion is linear and the same for all, and linear methods solve it: with c = 1, 200 trajectories and "
                "32 px, ridge regression forecasts with nMSE below 0.001 and DMD with 0.03. With c drawn for each "
                "trajectory no linear map holds for two of them: ridge regression reaches 0.54, DMD 0.27 and the "
                "nearest analogue 0.75."
            ),
        )

    @property
    def frame_interval(self) -> float:
        return DURATION / (self.context_frames + self.forecast_frames - 1)

    def draw(self, random: np.random.Generator) -> dict[str, Any]:
        drawn = {"speed": random.uniform(self.speed_low, self.speed_high)}
        for bump in BUMPS:
            drawn[f"centre_x_{bump}"] = random.uniform(-SPREAD, SPREAD)
            drawn[f"centre_y_{bump}"] = random.uniform(-SPREAD, SPREAD)
            drawn[f"width_{bump}"] = random.uniform(*WIDTHS)
            drawn[f"amplitude_{bump}"] = random.choice([-1.0, 1.0]) * random.uniform(*AMPLITUDES)
        return drawn

    def simulate(self, drawn: Mapping[str, np.ndarray], times: np.ndarray, image_size: int) -> Simulation:
        frames = np.empty((*times.shape, 1, image_size, image_size), dtype=np.float32)
        energy = np.empty(times.shape)
        modes = Modes(self.walls, self.modes)
        pixels = modes.averages(image_size)  # (pixel, mode)
        for index, row in enumerate(times):  # one by one: a trajectory's sums know of no other
            one = {name: float(values[index]) for name, values in drawn.items()}
            rates = modes.rates(one["speed"])
            position, velocity = evolve(bumps(modes, one), rates, self.damping, row - row[0])
            frames[index, :, 0] = (pixels @ position @ pixels.T)[:, ::-1]  # row 0 is the top
            energy[index] = modal_energy(position, velocity, rates)
        damping = np.full(len(frames), self.damping)
        return Simulation(frames=frames, parameters={**drawn, "damping": damping}, states={"energy": energy})


@dataclass(frozen=True)
class Modes:
    """Evaluate orthonormal eigenfunctions of d^2/dx^2 on [-1, 1]: ``cos(k (x + 1) - shift)`` times a factor.

    Products of one in x and one in y are the eigenfunctions of the Laplacian on the square.

    Attributes:
        walls: one of ``WALLS``.
        count: how many, of the lowest wavenumbers.
    """

    walls: str
    count: int

    @property
    def wavenumbers(self) -> np.ndarray:
        """Return k, ``(mode,)``: whole or half waves that fit between the walls."""
        number = np.arange(self.count)
        halves = {"neumann": number, "dirichlet": number + 1, "periodic": 2 * ((number + 1) // 2)}
        return halves[self.walls] * (np.pi / SIDE)

    @property
    def shifts(self) -> np.ndarray:
        """Return the phase, ``(mode,)``: 0 for a cosine, pi / 2 for a sine."""
        number = np.arange(self.count)
        sine = {"neumann": False, "dirichlet": True, "periodic": (number > 0) & (number % 2 == 0)}
        return np.where(sine[self.walls], np.pi / 2, np.zeros(self.count))

    def at(self, places: np.ndarray | float) -> np.ndarray:
        """Evaluate all modes at ``places``, ``(...)``, in [-1, 1]: ``(..., mode)``."""
        wave = np.cos((np.asarray(places)[..., None] + SIDE / 2) * self.wavenumbers - self.shifts)
        return wave * np.sqrt(np.where(self.wavenumbers == 0, 1, 2) / SIDE)

    def averages(self, pixels: int) -> np.ndarray:
        """Average all modes over each of ``pixels`` equal intervals, ``(pixel, mode)``."""
        width = SIDE / pixels
        centres = (np.arange(pixels) + 0.5) * width - SIDE / 2
        return self.at(centres) * np.sinc(self.wavenumbers * width / (2 * np.pi))

    def rates(self, speed: float) -> np.ndarray:
        """Compute angular frequencies without damping, ``(y mode, x mode)``."""
        return speed * np.hypot(self.wavenumbers[:, None], self.wavenumbers)


def bumps(modes: Modes, drawn: Mapping[str, float]) -> np.ndarray:
    """Compute coefficients of the initial state, ``(y mode, x mode)``: Gaussians, with their images behind the walls.

    The images continue a bump beyond the walls as the walls demand, so that it has no kink there. The
    integral of a product with a mode, over the square and all images, is that of the one Gaussian
    over the plane.
    """
    coefficients = np.zeros((modes.count, modes.count))
    for bump in BUMPS:
        width = drawn[f"width_{bump}"]
        blur = math.sqrt(2 * math.pi) * width * np.exp(-((modes.wavenumbers * width) ** 2) / 2)
        vertical, horizontal = (blur * modes.at(drawn[f"centre_{axis}_{bump}"]) for axis in "yx")
        coefficients += drawn[f"amplitude_{bump}"] * np.outer(vertical, horizontal)
    return coefficients


def evolve(start: np.ndarray, rates: np.ndarray, damping: float, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Solve ``q'' = -rate^2 q - damping q'`` from rest, exactly.

    Args:
        start: coefficients q at time 0, ``(y mode, x mode)``.
        rates: angular frequencies without damping, shaped like ``start``.
        damping: one number for all.
        times: ``(time,)``, from 0 on.

    Returns:
        q and q' at ``times``, ``(time, y mode, x mode)`` each.
    """
    half, elapsed = damping / 2, times[:, None, None]  # (time, 1, 1)
    split = np.sqrt(np.abs(rates**2 - half**2))  # how fast it turns, or how much its two rates of decay differ
    swings = rates >= half
    turn, faded = split * elapsed, np.exp(-half * elapsed)
    swing, impulse = faded * np.cos(turn), faded * elapsed * np.sinc(turn / np.pi)
    if not swings.all():
        apart = (split * ~swings) * elapsed
        slow = np.exp(apart - half * elapsed)  # at most 1: split is at most half where nothing swings
        swing = np.where(swings, swing, slow * (1 + np.exp(-2 * apart)) / 2)
        impulse = np.where(swings, impulse, slow * elapsed * exprel(-2 * apart))
    return start * (swing + half * impulse), -start * rates**2 * impulse


def modal_energy(position: np.ndarray, velocity: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """Integrate ``(u_t^2 + c^2 |grad u|^2) / 2`` over the square, ``(time,)``, from what ``evolve`` returned."""
    return (velocity**2 + (rates * position) ** 2).sum(axis=(1, 2)) / 2
