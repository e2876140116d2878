"""Errors of a forecast. Everything is computed on physical values, unclipped; the context is never scored.

The building blocks are three sums over the values of each frame, ``(trajectory, frame)`` each:
squared error, squared truth, and squared deviation of the truth from the training mean. Every
ratio is a ratio of sums, so that a frame without signal cannot divide by zero.

Where a frame has several variables, such as a pressure in Pa and an angle in rad, the squares of each are first
divided by its own variance. The FVU over all trajectories is then the average of each variable's own FVU, and the
sums stay sums. nMSE is taken from the same sums, the error of all variables over the power of all: an error in any
of them counts in proportion to its variance. Each variable over its own power would not do, for an offset such as
the mean of a pressure is power too, and would make all of its errors look small.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ladid_bench.data.variables import Variable

SCORING_VERSION = 4
VALID_FVU = 0.4  # a forecast counts as valid until its error reaches this fraction of the variance
# A forecast whose squared error is this many times the signal has exploded. Values a thousand times as large as the
# truth say only that; a bounded decoder stays far below, as the brightest value on all of a film whose signal is one
# pixel in a thousand gives 1e3. What is kept of errors in float32 reaches to 3e38.
LARGEST_ERROR = 1e6


@dataclass(frozen=True)
class Errors:
    """Sums over the values of each forecast frame, float64 ``(trajectory, frame)`` each.

    Squares are in physical units where there is one variable, and in those of the first one that varies where there
    are several; see ``measure``.
    """

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
    def pooled_nmse(self) -> float:
        """Normalised mean squared error over the whole split: a ratio of sums."""
        return float(_ratio(self.squared_error.sum(), self.squared_truth.sum()))

    @property
    def pooled_fvu(self) -> float:
        """Fraction of variance unexplained over the whole split, averaged over variables: a ratio of sums."""
        return float(_ratio(self.squared_error.sum(), self.squared_deviation.sum()))

    @property
    def explosion(self) -> str:
        """Why the errors are beyond what metrics can hold, or nothing where they are not."""
        error = float(self.squared_error.sum())
        if not np.isfinite(error):
            return "its squared error is beyond all numbers"
        signal = float(max(self.squared_truth.sum(), self.squared_deviation.sum()))
        if signal > 0 and error > LARGEST_ERROR * signal:
            return (
                f"its squared error is {error / signal:.1e} times the signal; more than {LARGEST_ERROR:g} has exploded"
            )
        return ""

    def valid_time(self, times: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Compute the time for which each forecast stays valid, ``(trajectory,)``, in the units of ``times``.

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


def measure(
    truth: np.ndarray, mean: np.ndarray, training_mean: np.ndarray, variables: Sequence[Variable] = ()
) -> Errors:
    """Sum the squares over each frame, those of each variable over its variance.

    With S_q the sum of the squares of variable q in a frame, V_q its squared deviation summed over ``truth`` and n
    variables, the sum is that of S_q V_1 / (n V_q); with one variable it is S_1. Left out are variables that the
    training split calls constant, and those that do not deviate from the training mean here.

    Args:
        truth: true frames, ``(trajectory, frame, channel, *space)``.
        mean: forecast frames, likewise.
        training_mean: ``(channel, *space)``, average of the training frames, or what else broadcasts to ``truth``.
        variables: of the task; without any, all values are one variable.
    """
    error, power = _squares(truth, mean), _squares(truth, 0.0)  # (trajectory, frame, component)
    deviation = _squares(truth, training_mean)
    known = [one.components for one in variables if not one.constant]
    varying = [(places, float(deviation[..., list(places)].sum())) for places in known]
    pooled = [(range(error.shape[2]), 1.0)]
    weights = _weights([one for one in varying if one[1] > 0] or pooled, error.shape[2])
    return Errors(_weighted(error, weights), power @ weights, deviation @ weights)


def validation_nmse(truth: np.ndarray, mean: np.ndarray, variables: Sequence[Variable]) -> np.ndarray:
    """Compute the error by which methods choose on the validation split, ``(trajectory,)``.

    nMSE as of ``Errors``, but that the squares of a variable are over its variance in the training split.

    Args:
        truth, mean: ``(trajectory, frame, channel, *space)``.
        variables: of the task.
    """
    error, power = _squares(truth, mean), _squares(truth, 0.0)  # (trajectory, frame, component)
    varying = [(one.components, one.deviation**2) for one in variables if not one.constant]
    weights = _weights(varying, error.shape[2])
    return _ratio(_weighted(error, weights).sum(axis=1), (power @ weights).sum(axis=1))


def unusable(values: np.ndarray) -> str:
    """Say how many values are not a number, or larger than float32 holds; empty where all can be used."""
    empty = int(np.isnan(values).sum())
    large = int((np.abs(values) > np.finfo(np.float32).max).sum())
    found = [f"{empty} that are not a number"] if empty else []
    found += [f"{large} that float32 does not hold"] if large else []
    return f"has among its {values.size} values {' and '.join(found)}" if found else ""


def _squares(truth: np.ndarray, other: np.ndarray | float) -> np.ndarray:
    """Squared distance of frames, summed over the places of images: float64 ``(trajectory, frame, component)``."""
    with np.errstate(over="ignore"):  # an error beyond all numbers becomes infinite, which ``explosion`` finds
        squares = (truth.astype(np.float64) - other) ** 2
    if squares.ndim == 5:
        return squares.sum(axis=(3, 4))
    return squares.reshape(*squares.shape[:2], -1)  # (trajectory, frame, channel, feature) -> (..., component)


def _weights(varying: Sequence[tuple[Sequence[int], float]], components: int) -> np.ndarray:
    """Weight of each component, ``(component,)``: V_1 / (n V_q) of those of n variables, 0 of all others.

    Args:
        varying: components and variance V_q of each variable that counts.
        components: of a frame.
    """
    weights = np.zeros(components)
    for places, variance in varying:
        weights[list(places)] = varying[0][1] / (len(varying) * variance)
    return weights


def _weighted(error: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted sum over components, ``(trajectory, frame)``, in which what is left out may be infinite."""
    counted = weights > 0
    return error[..., counted] @ weights[counted]


def vrmse(truth: np.ndarray, mean: np.ndarray, variables: Sequence[Variable] = ()) -> np.ndarray:
    """Compute the variance-scaled root mean squared error of each trajectory of images, ``(trajectory,)``.

    As in The Well, the variance of each frame is taken over space; error and variance are averaged over frames first,
    and the root of their ratio over channels last. Constant channels are left out.
    """
    truth, mean = _counted_channels(truth, variables), _counted_channels(mean, variables)
    error = ((truth - mean) ** 2).mean(axis=(3, 4)).mean(axis=1)  # (trajectory, channel)
    variance = truth.var(axis=(3, 4)).mean(axis=1)
    return np.sqrt(_ratio(error, variance)).mean(axis=1)


def _counted_channels(frames: np.ndarray, variables: Sequence[Variable]) -> np.ndarray:
    """Float64 frames ``(trajectory, frame, channel, height, width)`` without the channels that are constant."""
    left_out = {place for variable in variables if variable.constant for place in variable.components}
    counted = [place for place in range(frames.shape[2]) if place not in left_out]
    return frames[:, :, counted].astype(np.float64)


def temporal_fvu(truth: np.ndarray, mean: np.ndarray, variables: Sequence[Variable] = ()) -> np.ndarray:
    """Compute the squared error over the squared deviation from each trajectory's own mean frame, ``(trajectory,)``.

    A standing picture gets 1 at best, however well it shows what does not move: that nMSE and FVU leave to be
    explained by any average of the trajectory. Variables count as in ``measure``.

    Args:
        truth, mean: ``(trajectory, frame, channel, *space)``; the own mean is that of ``truth``.
        variables: of the task.
    """
    own = truth.mean(axis=1, dtype=np.float64, keepdims=True)  # (trajectory, 1, channel, *space)
    return measure(truth, mean, own, variables).fvu


def spectral_distance(truth: np.ndarray, mean: np.ndarray, variables: Sequence[Variable] = ()) -> np.ndarray:
    """Compute the distance of radially averaged power spectra of each trajectory, ``(trajectory,)``, in decades.

    Root mean square over wavenumbers of the difference of the logarithms, averaged over the channels that are not
    constant, with both spectra averaged over frames and floored at a millionth of the truth's largest value. 0 means
    that the forecast has as much structure at every scale as the truth, wherever that structure lies.

    Args:
        truth, mean: ``(trajectory, frame, channel, height, width)``.
        variables: of the task.
    """
    power_truth, power_mean = (_radial_power(_counted_channels(one, variables)) for one in (truth, mean))
    floor = np.maximum(1e-6 * power_truth.max(axis=2, keepdims=True), np.finfo(np.float64).tiny)
    difference = np.log10(np.maximum(power_mean, floor)) - np.log10(np.maximum(power_truth, floor))
    return np.sqrt((difference**2).mean(axis=2)).mean(axis=1)  # over wavenumbers, then over channels


def _radial_power(frames: np.ndarray) -> np.ndarray:
    """Power of each wavenumber, averaged over frames and over its ring, ``(trajectory, channel, wavenumber)``."""
    height, width = frames.shape[-2:]
    power = (np.abs(np.fft.rfft2(frames, norm="ortho")) ** 2).mean(axis=1)  # (trajectory, channel, height, width//2+1)
    vertical = np.fft.fftfreq(height, 1 / height)[:, None]
    horizontal = np.fft.rfftfreq(width, 1 / width)[None, :]
    shell = np.rint(np.hypot(vertical, horizontal)).astype(int)  # (height, width//2+1)
    # a column between zero and Nyquist stands for that of the opposite sign too, which a real transform leaves out
    stands_for = np.broadcast_to(np.where((horizontal > 0) & (2 * horizontal < width), 2, 1), shell.shape)
    kept = np.arange(1, min(height, width) // 2 + 1)  # without the mean, and within the inscribed circle
    rings = [shell == wavenumber for wavenumber in kept]
    return np.stack([np.average(power[..., ring], axis=2, weights=stands_for[ring]) for ring in rings], axis=2)
