"""Uncertainty of mean errors, from resampling whole groups and whole seeds.

Test trajectories of one group (a simulation run, a day, a subject) are not independent, and the same
trajectories are scored for every seed. So groups and seeds are drawn with replacement, each on its
own and with all that belongs to them (the crossed bootstrap of Owen, *The pigeonhole bootstrap*,
Annals of Applied Statistics 2007), and every statistic is a ratio of sums over what was drawn.

Percentile intervals over few groups are too narrow. Their ends are therefore moved away from the
estimate, on the logarithmic scale, by the factor that turns the normal quantile into Student's and
the resampled variance into the unbiased one (the idea of Hesterberg, *What teachers should know
about the bootstrap*, The American Statistician 2015), with Satterthwaite's degrees of freedom.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri, stdtrit

CONFIDENCE = 0.95
REPLICATES = 2000
RNG_SEED = 20230612
LARGEST_LOG = 700.0  # exp(710) overflows


@dataclass(frozen=True)
class Interval:
    """A statistic and its confidence interval."""

    estimate: float
    low: float
    high: float

    @property
    def exp(self) -> "Interval":
        """The interval of a ratio whose logarithm this is the interval of, capped where it would overflow."""
        return Interval(*(math.exp(min(value, LARGEST_LOG)) for value in (self.estimate, self.low, self.high)))


UNKNOWN = Interval(math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Band:
    """A curve and its pointwise confidence intervals, each ``(frame,)``."""

    estimate: np.ndarray
    low: np.ndarray
    high: np.ndarray


def interval(
    values: np.ndarray, group: np.ndarray, seed_index: np.ndarray | None = None, weights: np.ndarray | None = None
) -> Interval | None:
    """Estimate the mean of ``values``, or ``sum(values) / sum(weights)``, with its confidence interval.

    Args:
        values: ``(entry,)``, not negative; an entry is one trajectory scored with one seed.
        group: ``(entry,)``, the independent group that the trajectory belongs to.
        seed_index: ``(entry,)``, the seed of the model that was scored; None for a single seed.
        weights: ``(entry,)``, denominators of a ratio of sums; None for the mean.

    Returns:
        None where there are fewer than two groups, a value that is not finite, or no signal at all.
    """
    if weights is None:
        weights = np.ones_like(values, dtype=np.float64)
    band = ratio_band(values[:, None], weights[:, None], group, seed_index)
    if band is None or not np.isfinite(values).all() or not np.isfinite(band.estimate[0]):
        return None
    return Interval(float(band.estimate[0]), float(band.low[0]), float(band.high[0]))


def labels(groups: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Label the entries of several seeds, given the groups of each: group and index of the seed, ``(entry,)`` each."""
    return np.concatenate(groups), np.repeat(np.arange(len(groups)), [len(one) for one in groups])


def ratio_band(
    numerator: np.ndarray, denominator: np.ndarray, group: np.ndarray, seed_index: np.ndarray | None = None
) -> Band | None:
    """Estimate ``numerator.sum(axis=0) / denominator.sum(axis=0)`` with pointwise confidence intervals.

    Args:
        numerator, denominator: ``(entry, frame)``, not negative.
        group, seed_index: as for ``interval``.

    Returns:
        None where there are fewer than two groups.
    """
    seeds = np.zeros_like(group) if seed_index is None else seed_index
    above, below = _cells(numerator, group, seeds), _cells(denominator, group, seeds)  # (seed, group, frame)
    if above.shape[1] < 2:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = above.sum(axis=(0, 1)) / below.sum(axis=(0, 1))  # (frame,)
        draws = _draws(*above.shape[:2])
        replicates = np.log(_resampled(above, *draws) / _resampled(below, *draws))  # (replicate, frame)
        replicates[:, np.isnan(ratio)] = 0  # a frame without signal; its interval will not be a number either
        centre, stretch = np.log(ratio), _stretch(above, below)
        tail = (1 - CONFIDENCE) / 2
        ends = np.nanquantile(replicates, [tail, 1 - tail], axis=0, method="inverted_cdf")  # (2, frame)
        low, high = np.exp(centre + stretch * (ends - centre))
    perfect = ratio == 0  # the logarithm of a perfect forecast's error says nothing
    return Band(ratio, np.where(perfect, 0, np.minimum(low, ratio)), np.where(perfect, 0, np.maximum(high, ratio)))


def _cells(values: np.ndarray, group: np.ndarray, seed_index: np.ndarray) -> np.ndarray:
    """Sums over the entries of each seed and group, ``(seed, group, frame)``."""
    groups, column = np.unique(group, return_inverse=True)
    seeds, row = np.unique(seed_index, return_inverse=True)
    cells = np.zeros((len(seeds), len(groups), values.shape[1]))
    np.add.at(cells, (row, column), values)
    return cells


def _draws(seeds: int, groups: int) -> tuple[np.ndarray, np.ndarray]:
    """How often each seed and each group is drawn, ``(replicate, seed)`` and ``(replicate, group)``."""
    rng = np.random.default_rng(RNG_SEED)
    of_groups = rng.multinomial(groups, np.full(groups, 1 / groups), size=REPLICATES)
    return rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=REPLICATES), of_groups


def _resampled(cells: np.ndarray, of_seeds: np.ndarray, of_groups: np.ndarray) -> np.ndarray:
    """Sums over what was drawn, ``(replicate, frame)``."""
    total: Any = 0
    for seed, drawn in zip(cells, of_seeds.T, strict=True):
        total = total + drawn[:, None] * (of_groups @ seed)  # (replicate, 1) * (replicate, frame)
    return total


def _stretch(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """How much wider than the percentiles the interval has to be, ``(frame,)``, at least 1."""
    ratio = above.sum(axis=(0, 1)) / below.sum(axis=(0, 1))
    residual = (above - ratio * below) / above.sum(axis=(0, 1))  # of the logarithm, (seed, group, frame)
    resampled = unbiased = freedom = np.zeros_like(ratio)
    for axis in (0, 1):
        count = residual.shape[1 - axis]
        if count > 1:
            variance = (residual.sum(axis=axis) ** 2).sum(axis=0)  # of the bootstrap over this level, (frame,)
            resampled = resampled + variance
            unbiased = unbiased + variance * count / (count - 1)
            freedom = freedom + variance**2 / (count - 1)
    freedom = resampled**2 / freedom
    tail = (1 + CONFIDENCE) / 2
    stretch = stdtrit(freedom, tail) / ndtri(tail) * np.sqrt(unbiased / resampled)
    return np.where(np.isfinite(stretch), stretch, 1.0)
