"""Errors of a forecast. Everything is computed on physical values; the context is never scored.

The building blocks are three sums over the values of each frame, ``(trajectory, frame)`` each:
squared error, squared truth, and squared deviation of the truth from the training mean. Every
ratio is a ratio of sums, so that a frame without signal cannot divide by zero.
"""

from dataclasses import dataclass

import numpy as np

SCORING_VERSION = 2
VALID_FVU = 0.4  # a forecast counts as valid until its error reaches this fraction of the variance


@dataclass(frozen=True)
class Errors:
    """Sums over the values of each forecast frame, float64 ``(trajectory, frame)`` each."""

    squared_error: np.ndarray
    squared_truth: np.ndarray
    squared_deviation: np.ndarray

    @property
    def nmse(self) -> np.ndarray:
        """Normalised mean squared error of each trajectory, ``(trajectory,)``: 0 is perfect, 1 is a zero forecast."""
        return _ratio(self.squared_error.sum(axis=1), self.squared_truth.sum(axis=1))

    @property
    def fvu(self) -> np.ndarray:
        """Fraction of variance unexplained of each trajectory, ``(trajectory,)``: 1 is the training mean."""
        return _ratio(self.squared_error.sum(axis=1), self.squared_deviation.sum(axis=1))

    @property
    def nmse_curve(self) -> np.ndarray:
        """Normalised mean squared error of each forecast frame over all trajectories, ``(frame,)``."""
        return _ratio(self.squared_error.sum(axis=0), self.squared_truth.sum(axis=0))

    @property
    def pooled_fvu(self) -> float:
        """Fraction of variance unexplained over the whole split: a ratio of sums."""
        return float(_ratio(self.squared_error.sum(), self.squared_deviation.sum()))

    def valid_time(self, times: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Time for which each forecast stays valid, ``(trajectory,)``, in the units of ``times``.

        A trajectory's forecast is valid until the first frame whose squared error exceeds
        ``VALID_FVU`` of that trajectory's mean squared deviation.

        Args:
            times: ``(trajectory, frame)`` of the forecast frames.
            start: ``(trajectory,)`` time of the last context frame.
        """
        limit = VALID_FVU * self.squared_deviation.mean(axis=1, keepdims=True)  # (trajectory, 1)
        invalid = self.squared_error > limit
        first = np.where(invalid.any(axis=1), invalid.argmax(axis=1), invalid.shape[1])
        ends = np.concatenate([start[:, None], times], axis=1)  # (trajectory, 1 + frame)
        return np.take_along_axis(ends, first[:, None], axis=1)[:, 0] - start


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Quotient that is infinite, not NaN, where there is error but no signal."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.where(numerator > 0, np.inf, 0.0))


def measure(truth: np.ndarray, mean: np.ndarray, training_mean: np.ndarray) -> Errors:
    """Sum the squares over each frame.

    Args:
        truth: true frames, ``(trajectory, frame, channel, *space)``.
        mean: forecast frames, likewise.
        training_mean: ``(channel, *space)``, average of the training frames.
    """
    axes = tuple(range(2, truth.ndim))
    truth = truth.astype(np.float64)
    return Errors(
        squared_error=((truth - mean) ** 2).sum(axis=axes),
        squared_truth=(truth**2).sum(axis=axes),
        squared_deviation=((truth - training_mean) ** 2).sum(axis=axes),
    )


def vrmse(truth: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Variance-scaled root mean squared error of each trajectory (as in The Well), ``(trajectory,)``.

    The variance of each frame is taken over space; error and variance are averaged over frames first.
    """
    axes = tuple(range(2, truth.ndim))
    error = ((truth - mean) ** 2).mean(axis=axes, dtype=np.float64).mean(axis=1)
    variance = truth.var(axis=axes, dtype=np.float64).mean(axis=1)
    return np.sqrt(_ratio(error, variance))


def spectral_distance(truth: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Distance of radially averaged power spectra of each trajectory, ``(trajectory,)``, in decades.

    Root mean square over wavenumbers of the difference of the logarithms, with both spectra averaged
    over frames and floored at a millionth of the truth's largest value. 0 means that the forecast has
    as much structure at every scale as the truth, wherever that structure lies.

    Args:
        truth, mean: ``(trajectory, frame, channel, height, width)``.
    """
    power_truth, power_mean = _radial_power(truth), _radial_power(mean)  # (trajectory, wavenumber)
    floor = np.maximum(1e-6 * power_truth.max(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    difference = np.log10(np.maximum(power_mean, floor)) - np.log10(np.maximum(power_truth, floor))
    return np.sqrt((difference**2).mean(axis=1))


def _radial_power(frames: np.ndarray) -> np.ndarray:
    height, width = frames.shape[-2:]
    power = (np.abs(np.fft.rfft2(frames, norm="ortho")) ** 2).mean(axis=(1, 2))  # (trajectory, height, width//2+1)
    vertical = np.fft.fftfreq(height, 1 / height)[:, None]
    horizontal = np.fft.rfftfreq(width, 1 / width)[None, :]
    shell = np.rint(np.hypot(vertical, horizontal)).astype(int)  # (height, width//2+1)
    kept = np.arange(1, min(height, width) // 2 + 1)  # without the mean, and within the inscribed circle
    return np.stack([power[:, shell == wavenumber].mean(axis=1) for wavenumber in kept], axis=1)
