"""Pseudo-spectral solver of the vorticity equation on the unit torus, batched over trajectories.

``w_t + u . grad w = nu Laplacian w + f`` with ``u = (psi_y, -psi_x)``, ``-Laplacian psi = w``. Dealiased by
the 2/3 rule: S. A. Orszag, Journal of the Atmospheric Sciences 28, 1971. The advection term in four
transforms: C. Basdevant, Technical modifications for improving the efficiency of spectral codes,
Journal of Computational Physics 50, 1983.

A spectrum is what ``scipy.fft.rfft2`` makes of vorticity on the grid: complex128 ``(trajectory, size,
size // 2 + 1)``. The grid's points are the middles of its cells; x points right, y up, row 0 is the top.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import fft

from ladid_bench.datasets.pooling import mean_pool

SMOOTHNESS, INVERSE_LENGTH = 2.5, 7.0  # of the random field: its spectral amplitude is (k^2 + 7^2)^(-2.5 / 2)


@dataclass(frozen=True)
class Waves:
    """Hold multipliers of an ``rfft2`` spectrum on a grid of ``size`` points a side, ``(size, size // 2 + 1)`` each.

    Attributes:
        size: points a side.
        squared: squared wavenumber k^2, rad^2.
        to_velocity: from vorticity to the components u and v of velocity, complex ``(2, row, column)``.
        shear, strain: from the spectra of u v and u^2 - v^2 to that of -u . grad w, dealiased; complex,
            as numpy would convert real ones again at every product.
        to_cells: from the value at the middle of a cell of the grid to the mean over it.
        weight: times a mode occurs in the full spectrum, over size^4: the weight in the mean of a square.
    """

    size: int
    squared: np.ndarray
    to_velocity: np.ndarray
    shear: np.ndarray
    strain: np.ndarray
    to_cells: np.ndarray
    weight: np.ndarray

    @property
    def highest(self) -> float:
        """Return the highest wavenumber along an axis that dealiasing leaves, rad."""
        return 2 * math.pi * highest_mode(self.size)


def highest_mode(size: int) -> int:
    """Compute the highest number of waves along an axis of which products of two leave no trace in those kept."""
    return (size - 1) // 3


@lru_cache(maxsize=4)
def waves(size: int) -> Waves:
    """Compute the multipliers for ``size`` points a side, an even number."""
    across = 2 * np.pi * np.arange(size // 2 + 1.0)  # (column,)
    along = -2 * np.pi * fft.fftfreq(size, 1 / size)[:, None]  # (row, 1)
    squared = across**2 + along**2
    inverse = 1 / np.where(squared == 0, np.inf, squared)
    most = 2 * np.pi * (highest_mode(size) + 0.5)
    kept = (np.abs(along) < most) & (across < most)
    once = (across == 0) | (across == np.pi * size)
    return Waves(
        size=size,
        squared=squared,
        to_velocity=np.stack([1j * along * inverse, -1j * across * inverse]),
        shear=(across**2 - along**2) * kept + 0j,
        strain=-across * along * kept + 0j,
        to_cells=np.sinc(along / (2 * np.pi * size)) * np.sinc(across / (2 * np.pi * size)) + 0j,
        weight=np.where(once, 1.0, 2.0) / size**4,
    )


def random_field(noise: np.ndarray, size: int) -> np.ndarray:
    """Draw the spectrum of a Gaussian random field of vorticity, the same field on every grid.

    Args:
        noise: white noise of variance 1, ``(trajectory, side, side)``, ``side`` odd: as many modes are drawn.
        size: points a side of the grid.
    """
    side = noise.shape[-1]
    along, across = fft.fftfreq(side, 1 / side)[:, None], np.arange(side // 2 + 1.0)
    squared = 4 * np.pi**2 * (along**2 + across**2)
    amplitude = INVERSE_LENGTH ** (SMOOTHNESS - 1) * (squared + INVERSE_LENGTH**2) ** (-SMOOTHNESS / 2)
    amplitude[0, 0] = 0
    to_centres = np.exp(1j * np.pi / size * (along + across))
    spectrum = np.zeros((len(noise), size, size // 2 + 1), dtype=np.complex128)
    spectrum[:, along[:, 0].astype(int), : side // 2 + 1] = size**2 / side * amplitude * to_centres * fft.rfft2(noise)
    return spectrum


def forcing(sign: int, amplitude: float, phase: np.ndarray, size: int) -> np.ndarray:
    """Compute the spectrum of ``amplitude (sin a + cos a)``, ``a = 2 pi (x + sign y) + phase``; 0 where ``sign`` is.

    Args:
        sign: of the wavenumber along y.
        amplitude: root mean square of the forcing.
        phase: ``(trajectory,)``, rad.
        size: points a side of the grid.
    """
    right, up = points(size)
    angle = 2 * np.pi * (right + sign * up) + phase[:, None, None]
    return fft.rfft2(abs(sign) * amplitude * (np.sin(angle) + np.cos(angle)))


def points(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Lay out coordinates of the grid: rightwards ``(1, column)`` and upwards ``(row, 1)``; row 0 is the top."""
    centres = (np.arange(size) + 0.5) / size
    return centres[None], 1 - centres[:, None]


def advance(
    spectrum: np.ndarray, viscosity: np.ndarray, force: np.ndarray, duration: np.ndarray, steps: np.ndarray
) -> np.ndarray:
    """Solve the equation for a batch: Runge-Kutta of order 4 with diffusion as integrating factor.

    Args:
        spectrum: complex128 ``(trajectory, size, size // 2 + 1)``, vorticity.
        viscosity, duration: ``(trajectory,)``; each ``duration`` is cut into equal steps.
        force: spectrum of the forcing, shaped like ``spectrum``.
        steps: int64 ``(trajectory,)``, number of steps of each trajectory.

    Returns:
        the spectrum after ``duration``, shaped like ``spectrum``.
    """
    step = (duration / steps)[:, None, None].astype(np.complex128)  # (trajectory, 1, 1)
    half = np.exp(-viscosity[:, None, None] * step / 2 * waves(spectrum.shape[1]).squared)
    now = spectrum.copy()
    with np.errstate(over="ignore", invalid="ignore"):  # the caller looks at the result
        for done in range(steps.max()):
            going = done < steps
            if going.all():
                now = _step(now, half, step, force)
            else:
                now[going] = _step(now[going], half[going], step[going], force[going])
    return now


def _step(now: np.ndarray, half: np.ndarray, step: np.ndarray, force: np.ndarray) -> np.ndarray:
    """One step; ``half`` is the factor of diffusion over half of it. All complex, see ``Waves``."""
    carried = half * now
    first = tendency(now, force)
    first *= half
    first *= step / 2
    second = tendency(carried + first, force)
    second *= step / 2
    third = tendency(carried + second, force)
    third *= step
    fourth = tendency(half * (carried + third), force)
    fourth *= step / 6
    second += second
    third += second
    third += first
    third *= 1 / 3  # now the weighted mean of the first three slopes, times the step
    third += carried
    third *= half
    third += fourth
    return third


def tendency(spectrum: np.ndarray, force: np.ndarray) -> np.ndarray:
    """Compute the spectrum of -u . grad w + f, shaped like ``spectrum``: all but diffusion."""
    multipliers = waves(spectrum.shape[1])
    u, v = velocity(spectrum)
    slope = fft.rfft2(u * v)
    slope *= multipliers.shear
    u *= u
    v *= v
    u -= v
    strained = fft.rfft2(u, overwrite_x=True)
    strained *= multipliers.strain
    slope += strained
    slope += force
    return slope


def picture(spectrum: np.ndarray, image_size: int) -> np.ndarray:
    """Average vorticity over each pixel, ``(trajectory, image_size, image_size)``.

    The means over the cells of the grid are exact, so that a picture hardly depends on the grid.
    """
    multipliers = waves(spectrum.shape[1])
    return mean_pool(fft.irfft2(multipliers.to_cells * spectrum, overwrite_x=True), multipliers.size // image_size)


def velocity(spectrum: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the components of velocity rightwards and upwards on the grid, ``(trajectory, size, size)`` each."""
    to_u, to_v = waves(spectrum.shape[1]).to_velocity
    return fft.irfft2(to_u * spectrum, overwrite_x=True), fft.irfft2(to_v * spectrum, overwrite_x=True)


def fastest(spectrum: np.ndarray) -> np.ndarray:
    """Find the largest ``|u| + |v|`` on the grid, ``(trajectory,)``."""
    u, v = velocity(spectrum)
    return (np.abs(u) + np.abs(v)).max(axis=(1, 2))


def enstrophy(spectrum: np.ndarray) -> np.ndarray:
    """Compute half the mean square of vorticity, ``(trajectory,)``."""
    return _half_sum(spectrum, waves(spectrum.shape[1]).weight)


def energy(spectrum: np.ndarray) -> np.ndarray:
    """Compute half the mean square of speed, ``(trajectory,)``."""
    multipliers = waves(spectrum.shape[1])
    return _half_sum(spectrum, multipliers.weight * np.square(np.abs(multipliers.to_velocity)).sum(axis=0))


def root_mean_square(spectrum: np.ndarray) -> np.ndarray:
    """Compute the root mean square of vorticity, ``(trajectory,)``."""
    return np.sqrt(2 * enstrophy(spectrum))


def _half_sum(spectrum: np.ndarray, weight: np.ndarray) -> np.ndarray:
    power = weight * (spectrum.real**2 + spectrum.imag**2)
    return power.reshape(len(power), -1).sum(axis=1) / 2
