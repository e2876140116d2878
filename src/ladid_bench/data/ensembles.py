"""Scores of a predictive distribution, estimated from draws of it; the draws are the first axis of an array.

CRPS and energy score are estimated without bias for the distribution that is drawn from, whatever the number of
draws ("fair": Ferro, Quarterly Journal of the Royal Meteorological Society 140, 2014), so that few draws flatter
nobody. Both are 0 for a certain and true forecast; of a single certain value, the CRPS is its absolute error.
"""

import numpy as np

# The truth is one more draw of a calibrated distribution, so that with n draws it lies between the k-th lowest and
# the k-th highest with probability 1 - 2 k / (n + 1). With 39 all these are multiples of 5 %, 90 % among them, which
# other numbers have to interpolate; scores of a pixel vary by a tenth from draw to draw, those of a data set by far
# less, and 39 forecasts take less time than a training of some hundred steps.
DRAWS = 39


def crps(truth: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Estimate the continuous ranked probability score of each value (Gneiting, Raftery, JASA 102, 2007, eq. 21).

    Args:
        truth: ``(...)``.
        draws: ``(draw, ...)``, at least two.

    Returns:
        ``(...)``, in the unit of the values.
    """
    count = len(draws)
    error = np.abs(draws - truth).mean(axis=0)
    weights = (2 * np.arange(1, count + 1) - count - 1) / (count * (count - 1))  # of sorted draws, in E|X - X'| / 2
    return error - np.tensordot(weights, np.sort(draws, axis=0), axes=1)


def energy_score(truth: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Estimate the energy score of each vector (Gneiting, Raftery, JASA 102, 2007, eq. 22).

    Args:
        truth: ``(..., value)``.
        draws: ``(draw, ..., value)``, at least two.

    Returns:
        ``(...)``, in the unit of the values.
    """
    count = len(draws)
    error = np.linalg.norm(draws - truth, axis=-1).mean(axis=0)
    centred = np.moveaxis(draws - draws.mean(axis=0), 0, -2)  # (draw, ..., value) -> (..., draw, value)
    products = centred @ np.swapaxes(centred, -1, -2)  # (..., draw, draw)
    squares = np.einsum("...ii->...i", products)
    distances = np.sqrt(np.maximum(squares[..., :, None] + squares[..., None, :] - 2 * products, 0))
    distances[..., np.arange(count), np.arange(count)] = 0  # rounding
    return error - distances.sum(axis=(-1, -2)) / (2 * count * (count - 1))


def depth(truth: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Count the central intervals that hold each value: it lies in the k-th if its depth is at least k.

    The k-th interval reaches from the k-th lowest draw to the k-th highest, ends included.

    Args:
        truth: ``(...)``.
        draws: ``(draw, ...)``.

    Returns:
        int ``(...)``, from 0, outside of all draws, to the number of intervals.
    """
    inside = np.minimum((draws <= truth).sum(axis=0), (draws >= truth).sum(axis=0))
    return np.minimum(inside, len(draws) // 2)  # draws that are all equal are one interval


def levels(count: int) -> np.ndarray:
    """List the probabilities of the central intervals of ``count`` draws, ``(interval,)``, the widest first."""
    return 1 - 2 * np.arange(1, count // 2 + 1) / (count + 1)
