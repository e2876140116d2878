"""Two-dimensional turbulence: vorticity of an incompressible fluid on the unit torus, decaying or forced.

``w_t + u . grad w = nu Laplacian w + f`` with ``u = (psi_y, -psi_x)``, ``-Laplacian psi = w``. The law of
the initial field, the forcing and the viscosity 1e-3 are those of Z. Li et al., Fourier neural operator
for parametric partial differential equations, ICLR 2021. Solver: ``vorticity``.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.simulated.base import Simulation, System
from ladid_bench.datasets.simulated.vorticity import (
    INVERSE_LENGTH,
    SMOOTHNESS,
    advance,
    energy,
    enstrophy,
    fastest,
    forcing,
    picture,
    random_field,
    root_mean_square,
    waves,
)
from ladid_bench.datasets.source import DataCard

FORCINGS = {"none": 0, "diagonal": 1, "antidiagonal": -1}  # the sign s of f ~ sin 2 pi (x + s y)
LEAST_GRID, MOST_GRID = 64, 512  # points a side
DRAWN_MODES = LEAST_GRID // 3  # the random field has wavenumbers up to here along each axis, on every grid
SPIN_UP = 0.5  # time from the drawn initial state to the first frame of the forced flow
RESOLUTION = 1.0  # least product of the highest wavenumber and the width (viscosity / vorticity)^(1/2) of filaments
FORCED_VORTICITY = 6.0  # times the root of the forcing: vorticity that the forced flow reaches, as measured
COURANT = 2.0  # step times the fastest rate of advection; the scheme is stable up to 2.8
MOST_SUBSTEPS = 1000
SOLVED_POINTS = 2**14  # advanced at once: the intermediate arrays stay in the processor's cache


@dataclass(frozen=True)
class NavierStokes(System):
    """Simulate turbulence whose initial field and viscosity differ between trajectories, and the forcing's phase.

    All quantities are dimensionless: lengths in sides of the torus. The decaying flow is the source;
    the intervention ``forced`` drives the random field as drawn instead, with ten times the time between
    frames, and is the source of the interventions on the forcing. An intervention on a constant leaves
    the other draws what they are.

    Attributes:
        viscosity_low, viscosity_high: range of the viscosity, drawn with uniform logarithm.
        initial_rms: root mean square to which the initial vorticity of the decaying flow is scaled.
        forcing: ``none``, or along which diagonal the forcing varies: ``diagonal``, ``antidiagonal``.
        forcing_amplitude: root mean square of the forcing.
    """

    name: ClassVar[str] = "navier-stokes"
    version: ClassVar[int] = 1
    context_frames: ClassVar[int] = 10
    forecast_frames: ClassVar[int] = 50
    channels: ClassVar[tuple[str, ...]] = ("vorticity",)
    boundary: ClassVar[str] = "periodic"
    units: ClassVar[Mapping[str, str]] = {
        "time": "1",
        "vorticity": "1",
        "viscosity": "1",
        "initial_rms": "1",
        "forcing_amplitude": "1",
        "forcing_phase": "rad",
        "energy": "1",
        "enstrophy": "1",
    }
    interventions: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "viscosity-1e-4": {"viscosity_low": 1e-4, "viscosity_high": 1e-4},
        "viscosity-3e-4": {"viscosity_low": 3e-4, "viscosity_high": 3e-4},
        "viscosity-3e-3": {"viscosity_low": 3e-3, "viscosity_high": 3e-3},
        "forced": {"forcing": "diagonal"},
        "forced-antidiagonal": {"forcing": "antidiagonal"},
        "forced-doubled": {"forcing": "diagonal", "forcing_amplitude": 0.2},
    }

    viscosity_low: float = 5e-4
    viscosity_high: float = 2e-3
    initial_rms: float = 5.0
    forcing: str = "none"
    forcing_amplitude: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("viscosity_low", "viscosity_high", "initial_rms", "forcing_amplitude"):
            if not 0 < getattr(self, name) < math.inf:
                raise BenchError(
                    f"{self.name}: setting '{name}' is {getattr(self, name):g}; give more than 0 and less than infinity"
                )
        self.require_range("viscosity")
        self.require_known(forcing=FORCINGS)

    @property
    def card(self) -> DataCard:
        regime = "forced" if self.forced else "decaying"
        return self.describe(
            title=f"Two-dimensional turbulence, {regime}",
            summary=(
                "Vorticity of an incompressible fluid on a torus: vortices stir, shear and join each other. The "
                "initial field differs, and so does the viscosity, which shows in the motion only."
            ),
            quantity="vorticity, dimensionless",
            citation=(
                "Random field, forcing and viscosity 1e-3: Li et al., Fourier neural operator for parametric partial "
                "differential equations, ICLR 2021; constants of the LaDID paper's own set are not published"
            ),
            equation=self._equation,
            caution=(
                "The field's mean is 0, so that nMSE and FVU agree and a forecast of the mean scores 1. With 200 "
                "training trajectories of 32 px, DMD reaches nMSE 0.21 on the decaying flow, ridge regression 0.41, "
                "nearest neighbours 0.51; about 0.16, 0.14 and 0.16 on the forced one. There the phase of the forcing "
                "is drawn: at the published one the training mean alone scores 0.21 and ridge regression 0.09."
            ),
        )

    @property
    def _equation(self) -> str:
        sign = "+" if FORCINGS[self.forcing] == 1 else "-"
        force = (
            rf"f = {self.forcing_amplitude:g} (\sin(a) + \cos(a)), \quad a = 2\pi (x {sign} y) + \phi, "
            r"\quad \phi \sim \mathcal{U}(0, 2\pi)"
            if self.forced
            else "f = 0"
        )
        scaled = f", {SPIN_UP:g} before the first frame" if self.forced else f", scaled to rms {self.initial_rms:g}"
        return (
            r"\frac{\partial w}{\partial t} + \mathbf{u} \cdot \nabla w = \nu \nabla^2 w + f, \quad "
            r"\mathbf{u} = \left(\frac{\partial \psi}{\partial y}, -\frac{\partial \psi}{\partial x}\right), "
            r"\quad -\nabla^2 \psi = w" + "\n\n"
            rf"\log(\nu) \sim \mathcal{{U}}(\log({self.viscosity_low:g}), \log({self.viscosity_high:g})); "
            rf"\quad {force}; \quad \text{{unit torus}}" + "\n"
            r"w \text{ starts as a Gaussian random field of spectrum } "
            rf"(4 \pi^2 k^2 + {INVERSE_LENGTH**2:g})^{{-{SMOOTHNESS:g}}} \text{{{scaled}}}; "
            rf"\quad \text{{a frame every {self.frame_interval:g}}}"
        )

    @property
    def value_range(self) -> tuple[float, float]:  # type: ignore[override]
        return (-3.0, 3.0) if self.forced else (-20.0, 20.0)

    @property
    def forced(self) -> bool:
        """Whether something drives the flow; otherwise it decays."""
        return self.forcing != "none"

    @property
    def frame_interval(self) -> float:
        return 0.5 if self.forced else 0.05

    def draw(self, random: np.random.Generator) -> dict[str, Any]:
        side = 2 * DRAWN_MODES + 1
        return {
            "viscosity": self.viscosity_low * (self.viscosity_high / self.viscosity_low) ** random.uniform(),
            "noise": random.standard_normal((side, side)),
            "forcing_phase": random.uniform(0, 2 * np.pi),
        }

    def simulate(self, drawn: Mapping[str, np.ndarray], times: np.ndarray, image_size: int) -> Simulation:
        frames = np.empty((*times.shape, 1, image_size, image_size), dtype=np.float32)
        states = {name: np.empty(times.shape) for name in ("energy", "enstrophy")}
        initial_rms = np.empty(len(times))
        size = self.grid(image_size)
        count = max(1, SOLVED_POINTS // size**2)
        for start in range(0, len(frames), count):
            part = slice(start, start + count)
            drawn_part = {name: values[part] for name, values in drawn.items()}
            initial_rms[part] = root_mean_square(self.initial(drawn_part["noise"], size))
            for index, field in enumerate(self.solve(drawn_part, times[part], size)):
                frames[part, index, 0] = picture(field, image_size)
                states["energy"][part, index], states["enstrophy"][part, index] = energy(field), enstrophy(field)
        parameters = {"viscosity": drawn["viscosity"], "initial_rms": initial_rms}
        if self.forced:
            parameters["forcing_phase"] = drawn["forcing_phase"]
            parameters["forcing_amplitude"] = np.full(len(times), self.forcing_amplitude)
        return Simulation(frames, parameters, states)

    def grid(self, image_size: int) -> int:
        """Choose the points a side of the grid: a multiple of ``image_size`` that resolves the thinnest filaments.

        Raises:
            BenchError: they are too thin for ``MOST_GRID``.
        """
        vorticity = FORCED_VORTICITY * math.sqrt(self.forcing_amplitude) if self.forced else self.initial_rms
        wavenumber = RESOLUTION / math.sqrt(self.viscosity_low / vorticity)
        least = max(LEAST_GRID, 3 * math.ceil(wavenumber / (2 * math.pi)) + 1)
        if least > MOST_GRID:
            raise BenchError(
                f"{self.name}: filaments need a grid of {least} points a side, the most is {MOST_GRID}; "
                f"raise viscosity_low, {self.viscosity_low:g}"
            )
        return image_size * max(2, math.ceil(least / image_size))

    def initial(self, noise: np.ndarray, size: int) -> np.ndarray:
        """Compute the spectrum at the drawn initial state, from the white noise of ``random_field``."""
        field = random_field(noise, size)
        return field if self.forced else field * (self.initial_rms / root_mean_square(field))[:, None, None]

    def solve(
        self, drawn: Mapping[str, np.ndarray], times: np.ndarray, size: int, courant: float = COURANT
    ) -> Iterator[np.ndarray]:
        """Solve for spectra of vorticity, one time after the other, complex128 ``(trajectory, size, size // 2 + 1)``.

        Args:
            drawn: what ``draw`` returned, stacked, for a few trajectories.
            times: ``(trajectory, time)``.
            size: points a side.
            courant: bound on a step times the fastest rate of advection.

        Raises:
            BenchError: the flow is too fast for the scheme, or the solution is not finite.
        """
        field = self.initial(drawn["noise"], size)
        force = forcing(FORCINGS[self.forcing], self.forcing_amplitude, drawn["forcing_phase"], size)
        gaps = np.diff(times, axis=1, prepend=times[:, :1] - (SPIN_UP if self.forced else 0.0))  # (trajectory, time)
        for gap in gaps.T:  # gap: (trajectory,)
            if gap.any():
                steps = self._steps(fastest(field) + gap * fastest(force), gap, size, courant)
                field = advance(field, drawn["viscosity"], force, gap, steps)
                if not np.isfinite(field).all():
                    raise BenchError(f"{self.name}: the solution is not finite; lower initial_rms or forcing_amplitude")
            yield field

    def _steps(self, speed: np.ndarray, gap: np.ndarray, size: int, courant: float) -> np.ndarray:
        """Steps of each trajectory in its gap, int64 ``(trajectory,)``, whatever its companions need.

        A trajectory's own speed at the start of the gap decides, with what the forcing can add by its end.
        """
        needed = np.maximum(1, np.ceil(gap * speed * waves(size).highest / courant))
        if not needed.max() <= MOST_SUBSTEPS:
            raise BenchError(
                f"{self.name}: a speed of {speed.max():.3g} needs {needed.max():.0f} steps between two frames, "
                f"the most is {MOST_SUBSTEPS}; lower initial_rms or forcing_amplitude"
            )
        return needed.astype(np.int64)
