"""Checks of the two-dimensional turbulence against exact solutions, balances, and its own refinement."""

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
from scipy import fft
from scipy.integrate import simpson

from ladid_bench.datasets.simulated.navier_stokes import COURANT, DRAWN_MODES, NavierStokes
from ladid_bench.datasets.simulated.vorticity import (
    advance,
    energy,
    enstrophy,
    forcing,
    picture,
    points,
    random_field,
    root_mean_square,
    tendency,
    velocity,
)
from ladid_bench.verification.physics.base import Check

SIZE = 64
STILL = np.zeros((1, SIZE, SIZE // 2 + 1), dtype=np.complex128)  # no forcing
FORCE = forcing(1, 0.1, np.zeros(1), SIZE)


def _after(field: np.ndarray, viscosity: float, duration: float, steps: int, force: np.ndarray = STILL) -> np.ndarray:
    """Spectrum of one field ``(1, row, column)`` after ``duration``."""
    return advance(field, np.array([viscosity]), force, np.array([duration]), np.array([steps]))


def _turbulent(rms: float = 5.0) -> np.ndarray:
    """Spectrum of a fixed random field."""
    return NavierStokes(initial_rms=rms).initial(_noise(1), SIZE)


def _noise(count: int) -> np.ndarray:
    side = 2 * DRAWN_MODES + 1
    return np.random.default_rng(0).standard_normal((count, side, side))


def _taylor_green(wavenumber: float) -> np.ndarray:
    right, up = points(SIZE)
    return 2 * wavenumber * np.cos(wavenumber * right) * np.cos(wavenumber * up)[None]


def _taylor_green_error() -> float:
    wavenumber = 2 * np.pi
    start = _taylor_green(wavenumber)
    exact = start * np.exp(-2 * 1e-3 * wavenumber**2)
    return float(np.abs(fft.irfft2(_after(fft.rfft2(start), 1e-3, 1.0, 50)) - exact).max() / np.abs(exact).max())


def _taylor_green_decay() -> float:
    start = _taylor_green(2 * np.pi)
    after = fft.irfft2(_after(fft.rfft2(start), 1e-3, 1.0, 50))
    return float((after * start).sum() / (start**2).sum())


def _laminar_response() -> float:
    """Vorticity that the forcing builds up from rest, over the forcing, after 10 units of time."""
    return float(root_mean_square(_after(STILL, 1e-3, 10.0, 200, FORCE))[0] / root_mean_square(FORCE)[0])


def _energy_budget() -> float:
    """Energy lost over the energy that viscosity takes, by Simpson's rule over the frames."""
    system = NavierStokes(viscosity_low=1e-3, viscosity_high=1e-3)
    times = np.arange(41)[None] * 0.025
    states = system.simulate(
        {"viscosity": np.array([1e-3]), "noise": _noise(1), "forcing_phase": np.zeros(1)}, times, 32
    ).states
    return float(np.ptp(states["energy"]) / simpson(2e-3 * states["enstrophy"][0], x=times[0]))


def _inviscid_drift() -> float:
    """Largest relative change of energy and enstrophy over one unit of time without viscosity."""
    start = _turbulent()
    after = _after(start, 0.0, 1.0, 400)
    return float(max(abs(invariant(after)[0] / invariant(start)[0] - 1) for invariant in (energy, enstrophy)))


def _mean_vorticity() -> float:
    after = _after(_turbulent(), 1e-3, 1.0, 100, FORCE)
    return float(abs(fft.irfft2(after).mean()) / root_mean_square(after)[0])


def _derivative(field: np.ndarray, axis: int) -> np.ndarray:
    """Spectral derivative along the columns (axis 1, rightwards) or rows (axis 0, upwards) of ``(row, column)``."""
    wavenumber = 2j * np.pi * np.fft.fftfreq(SIZE, 1 / SIZE)
    factor = wavenumber[None] if axis else -wavenumber[:, None]
    return np.fft.ifft2(factor * np.fft.fft2(field)).real


def _divergence() -> float:
    field = _after(_turbulent(), 1e-3, 1.0, 100)
    u, v = (component[0] for component in velocity(field))
    return float(np.abs(_derivative(u, 1) + _derivative(v, 0)).max() / root_mean_square(field)[0])


def _curl_error() -> float:
    field = _after(_turbulent(), 1e-3, 1.0, 100)
    u, v = (component[0] for component in velocity(field))
    curl = _derivative(v, 1) - _derivative(u, 0)
    return float(np.abs(curl - fft.irfft2(field)[0]).max() / root_mean_square(field)[0])


def _advection_error() -> float:
    """Advection against -u . grad w, formed on four times the points and cut to the same modes, relative."""
    field = _turbulent()
    slope = fft.irfft2(tendency(field, STILL))[0]
    u, v = (_fine(component[0]) for component in velocity(field))
    vorticity = fft.irfft2(field)[0]
    advected = u * _fine(_derivative(vorticity, 1)) + v * _fine(_derivative(vorticity, 0))
    number = np.abs(np.fft.fftfreq(2 * SIZE, 0.5 / SIZE))
    kept = (number[:, None] <= SIZE // 3) & (number <= SIZE // 3)
    expected = -np.fft.ifft2(np.fft.fft2(advected) * kept).real[::2, ::2]
    return float(np.abs(slope - expected).max() / np.abs(expected).max())


def _fine(field: np.ndarray) -> np.ndarray:
    """Trigonometric interpolation to twice the points a side; every other one is a point of ``field``."""
    spectrum = np.fft.fftshift(np.fft.fft2(field))
    return np.fft.ifft2(np.fft.ifftshift(np.pad(spectrum, SIZE // 2))).real * 4


def _field_deviation() -> float:
    """Root mean square of the random field over 2000 draws."""
    return float(np.sqrt((root_mean_square(random_field(_noise(2000), SIZE)) ** 2).mean()))


def _lattice_deviation() -> float:
    """The same from the sum of the law's variances over a lattice of 401^2 wavenumbers."""
    number = np.arange(-200, 201.0)
    squared = 4 * np.pi**2 * (number[:, None] ** 2 + number**2)
    variances = 7.0**3 * (squared + 49) ** -2.5
    return float(np.sqrt(variances.sum() - variances[200, 200]))


def _order() -> float:
    """Order of the integrator, from errors with 40 and 80 steps."""
    start = _turbulent()
    exact = _after(start, 1e-3, 0.5, 640)
    coarse, fine = (float(np.abs(_after(start, 1e-3, 0.5, steps) - exact).max()) for steps in (40, 80))
    return float(np.log2(coarse / fine))


@cache
def _growth(viscosity: float) -> Mapping[float, float]:
    """Root mean square of vorticity in the forced flow by time since the random field, over 16 trajectories."""
    since = (0.5, 5.0, 10.0, 20.0, 30.0)
    system = NavierStokes(forcing="diagonal", viscosity_low=viscosity, viscosity_high=viscosity)
    times = np.tile(np.array(since) - since[0], (16, 1))
    states = system.simulate(
        {"viscosity": np.full(16, viscosity), "noise": _noise(16), "forcing_phase": np.zeros(16)}, times, 32
    ).states
    return dict(zip(since, np.sqrt(2 * states["enstrophy"].mean(axis=0)), strict=True))


def _frames(system: NavierStokes, size: int, courant: float) -> np.ndarray:
    """Frames at 32 px of one trajectory over the whole time of the data set, ``(time, row, column)``."""
    drawn = {"viscosity": np.array([system.viscosity_low]), "noise": _noise(1), "forcing_phase": np.zeros(1)}
    times = np.arange(60)[None] * system.frame_interval
    return np.stack([picture(field, 32)[0] for field in system.solve(drawn, times, size, courant)])


def _step_error(**settings: float | str) -> float:
    """Root mean square change of the frames with half the step, over that of the frames."""
    system = NavierStokes(**settings)  # type: ignore[arg-type]
    stored, refined = (_frames(system, system.grid(32), courant) for courant in (COURANT, COURANT / 2))
    return float(np.sqrt(((stored - refined) ** 2).mean() / (refined**2).mean()))


def _grid_error(**settings: float | str) -> float:
    """Root mean square change of the frames with twice the points a side, over that of the frames."""
    system = NavierStokes(**settings)  # type: ignore[arg-type]
    stored, refined = (_frames(system, factor * system.grid(32), COURANT) for factor in (1, 2))
    return float(np.sqrt(((stored - refined) ** 2).mean() / (refined**2).mean()))


def _measured_growth(since: float, viscosity: float) -> Callable[[], float]:
    return lambda: _growth(viscosity)[since]


LAMINAR_RATE = 1e-3 * 8 * np.pi**2  # viscosity times the squared wavenumber of the forcing
THIN = {"viscosity_low": 3e-4, "viscosity_high": 3e-4}
GROWTH = {1e-3: {5.0: 0.45, 10.0: 0.70, 20.0: 0.95}, 1e-4: {5.0: 0.54, 10.0: 0.97, 20.0: 1.56, 30.0: 1.79}}

CHECKS: tuple[Check, ...] = (
    Check(
        "Taylor-Green vortices at viscosity 1e-3, vorticity left after 1 unit of time",
        float(np.exp(-8e-3 * np.pi**2)),
        1e-12,
        "exact solution exp(-2 nu k^2 t), k = 2 pi",
        _taylor_green_decay,
    ),
    Check(
        "Taylor-Green vortices, largest error relative to the start",
        0.0,
        1e-13,
        "exact solution; its advection vanishes",
        _taylor_green_error,
    ),
    Check(
        "flow forced from rest, vorticity over forcing after 10 units of time",
        float(-np.expm1(-10 * LAMINAR_RATE) / LAMINAR_RATE),
        1e-10,
        "exact solution (1 - exp(-nu k^2 t)) / (nu k^2); its advection vanishes",
        _laminar_response,
    ),
    Check(
        "advection of a random field, largest relative deviation from -u . grad w on four times the points",
        0.0,
        1e-12,
        "definition; the scheme uses u v and u^2 - v^2 on the 2/3 rule's grid",
        _advection_error,
    ),
    Check(
        "energy lost by a decaying flow over the energy that viscosity takes",
        1.0,
        1e-6,
        "budget d<u^2/2>/dt = -nu <w^2>, Simpson's rule",
        _energy_budget,
    ),
    Check(
        "relative drift of energy and enstrophy without viscosity, 400 steps of 0.0025",
        0.0,
        1e-6,
        "invariants of Euler's equation; kept but for the error of the steps",
        _inviscid_drift,
    ),
    Check("mean vorticity of a forced flow over its root mean square", 0.0, 1e-15, "the torus", _mean_vorticity),
    Check("divergence of velocity over root mean square vorticity", 0.0, 1e-12, "incompressibility", _divergence),
    Check("curl of velocity less vorticity, over root mean square vorticity", 0.0, 1e-12, "definition", _curl_error),
    Check(
        "root mean square of the random field, 2000 draws",
        _lattice_deviation(),
        2.5e-3,
        "sum of the law's variances over 401^2 wavenumbers; the field has 43^2 of them",
        _field_deviation,
    ),
    Check("order of the integrator, from 40 and 80 steps in 0.5", 4.0, 0.2, "Runge-Kutta of order 4", _order),
    Check(
        "decaying flow at viscosity 5e-4, change of the frames with half the step, relative",
        0.0,
        2e-4,
        "self-convergence over 60 frames, root mean square",
        _step_error,
    ),
    Check(
        "forced flow at viscosity 5e-4, change of the frames with half the step, relative",
        0.0,
        1e-5,
        "self-convergence over 60 frames, root mean square",
        lambda: _step_error(forcing="diagonal"),
        slow=True,
    ),
    Check(
        "decaying flow at viscosity 5e-4, change of the frames on twice the grid, relative",
        0.0,
        0.005,
        "self-convergence over 60 frames, root mean square",
        _grid_error,
        slow=True,
    ),
    Check(
        "decaying flow at viscosity 3e-4, change of the frames on twice the grid, relative",
        0.0,
        0.01,
        "self-convergence over 60 frames, root mean square",
        lambda: _grid_error(**THIN),
        slow=True,
    ),
    Check(
        "forced flow at viscosity 5e-4, change of the frames on twice the grid, relative",
        0.0,
        1e-4,
        "self-convergence over 60 frames, root mean square",
        lambda: _grid_error(forcing="diagonal"),
        slow=True,
    ),
    *(
        Check(
            f"forced flow at viscosity {viscosity:g}, root mean square vorticity at time {since:g}",
            expected,
            0.1 * expected,
            "measured once with another program, to two digits, on another sample",
            _measured_growth(since, viscosity),
            slow=True,
        )
        for viscosity, table in GROWTH.items()
        for since, expected in table.items()
    ),
)
