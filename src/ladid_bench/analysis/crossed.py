"""Log ratios of errors in crossed designs: every test group scored with every seed of two methods.

The estimand is the mean over groups and seeds of the log ratio of the errors of two methods, the logarithm of the
geometric-mean ratio. With group g and seeds s, r of the two methods, logarithms of errors are taken to be

    log e1(g, s) = m1 + a1(g) + b1(s) + c1(g, s)        log e2(g, r) = m2 + a2(g) + b2(r) + c2(g, r)

where a1 and a2 belong to the same group, so that what makes a group hard for both cancels. Groups, seeds of the first
and seeds of the second are three independent draws, each with a variance of its own: those of the means over groups and
over the seeds of a method, which also hold the interaction c.

Intervals are those of Banerjee, *Approximate confidence interval for linear functions of means of k populations when
the population variances are not equal* (Sankhya 22, 1960): squares of Student's quantiles weigh the variances. They
hold the true value at least as often as they say where effects are normal, whatever the shares of the variances, since
the sum counts the interaction more than once. The crossed bootstrap and a t with Satterthwaite's degrees of freedom are
too narrow with three seeds; docs/claims.md has the simulation that chose this interval.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri, stdtrit

from ladid_bench.analysis.statistics import CONFIDENCE, Interval

# of the error of a forecast that knows nothing: a thousandth of the amplitude, below which nobody is better
FLOOR = 1e-6
FEWEST_GROUPS = 3  # with fewer the simulation knows no interval that a verdict could rest on
SMALLEST_P = 1e-12
TYPICAL = (0.17, 0.05, 0.14)  # spread of log ratios in the first study: groups, seeds of a method, interaction
POWER = 0.8


@dataclass(frozen=True)
class LogRatio:
    """The estimated log ratio of two errors, below 0 if the first is lower.

    Attributes:
        variances: of the estimate, from groups, seeds of the first and seeds of the second where these have several.
        freedom: degrees of freedom of each variance.
    """

    estimate: float
    variances: tuple[float, ...]
    freedom: tuple[int, ...]

    def interval(self, confidence: float = CONFIDENCE) -> Interval:
        """Compute the two-sided confidence interval."""
        half = float(half_width(np.array(self.variances), self.freedom, confidence))
        return Interval(self.estimate, self.estimate - half, self.estimate + half)

    def p_above(self, limit: float) -> float:
        """Compute the one-sided p of the hypothesis that the log ratio is at most ``limit``.

        It is below 0.025 if the 95 % interval lies above ``limit``.
        """
        distance, variances = abs(self.estimate - limit), np.array(self.variances)
        if distance == 0:
            return 0.5
        tail = _tail(distance, variances, self.freedom)
        return tail if self.estimate > limit else 1 - tail

    def moved(self, change: float) -> "LogRatio":
        """Shift the estimate by ``change`` and leave its uncertainty."""
        return LogRatio(self.estimate + change, self.variances, self.freedom)

    @property
    def between_seeds(self) -> tuple[tuple[float, int], ...]:
        """The variance between the seeds of each trained side, the first before the second, with its freedom."""
        pairs = zip(self.variances[1:], self.freedom[1:], strict=True)
        return tuple((variance * (freedom + 1), freedom) for variance, freedom in pairs)

    def with_spread(self, variance: float, freedom: int) -> "LogRatio":
        """Take the seeds of every trained side to have this variance, known with this freedom."""
        if not self.between_seeds:
            return self
        of_means = variance * sum(1 / (one + 1) for one in self.freedom[1:])
        return LogRatio(self.estimate, (self.variances[0], of_means), (self.freedom[0], freedom))


def half_width(variances: np.ndarray, freedom: tuple[int, ...], confidence: float) -> np.ndarray:
    """Compute half the width of Banerjee's interval.

    Args:
        variances: ``(..., component)``, of the estimate.
        freedom: degrees of freedom of each component.
        confidence: of the two-sided interval.

    Returns:
        ``(...)``.
    """
    quantiles = stdtrit(np.array(freedom, dtype=float), (1 + confidence) / 2)  # (component,)
    return np.sqrt((variances * quantiles**2).sum(axis=-1))


def _tail(distance: float, variances: np.ndarray, freedom: tuple[int, ...]) -> float:
    """The share on one side of the narrowest interval that reaches as far as ``distance``."""

    def beyond(logarithm: float) -> float:
        return float(half_width(variances, freedom, 1 - 2 * math.exp(logarithm))) - distance

    low, high = math.log(SMALLEST_P), math.log(0.5)
    return SMALLEST_P if beyond(low) < 0 else math.exp(brentq(beyond, low, high))


def detectable_ratio(
    groups: int, seeds: int, spreads: tuple[float, float, float] = TYPICAL, comparisons: int = 1
) -> float:
    """Compute the ratio of errors of two trained methods that an interval tells from 1 in four cases of five, about.

    Args:
        groups: in the test split.
        seeds: of each method.
        spreads: standard deviations of the log ratio between groups, between seeds of one method, and of the rest.
        comparisons: for which Holm's procedure corrects; the ratio is that of the first one that it looks at.
    """
    of_groups, of_seeds, rest = (spread**2 for spread in spreads)
    seen = [(of_groups + rest / seeds) / groups, *[(of_seeds + rest / 2 / groups) / seeds] * 2]
    actual = of_groups / groups + 2 * of_seeds / seeds + rest / seeds / groups
    half = half_width(np.array(seen), (groups - 1, seeds - 1, seeds - 1), 1 - (1 - CONFIDENCE) / comparisons)
    return math.exp(float(half) + float(ndtri(POWER)) * math.sqrt(actual))


def log_ratio(first: np.ndarray, second: np.ndarray, same_models: bool = False) -> LogRatio:
    """Estimate the mean log ratio of two errors.

    Args:
        first: ``(seed, group)`` errors in units of a forecast that knows nothing, raised to ``FLOOR`` if smaller.
        second: likewise, of the same groups; one row for a method that does not depend on the seed.
        same_models: whether row s of both is of the same trained model, whose seed effect then cancels too.
    """
    above, below = (np.log(np.maximum(errors, FLOOR)) for errors in (first, second))
    if same_models:
        above, below = above - below, np.zeros((1, below.shape[1]))
    return LogRatio(*_estimated(above, below))


def _estimated(first: np.ndarray, second: np.ndarray) -> tuple[float, tuple[float, ...], tuple[int, ...]]:
    means, variances, freedom = components(first[None], second[None])
    return float(means[0]), tuple(float(value) for value in variances[0]), freedom


def components(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """Estimate means and their variances of many pairs of methods at once.

    Args:
        first, second: ``(pair, seed, group)`` logarithms of errors.

    Returns:
        Mean differences ``(pair,)``, their variances ``(pair, component)``, and the degrees of freedom of each.
    """
    difference = first.mean(axis=1) - second.mean(axis=1)  # (pair, group)
    draws = [difference, *(one.mean(axis=2) for one in (first, second) if one.shape[1] > 1)]  # (pair, draw) each
    variances = np.stack([one.var(axis=1, ddof=1) / one.shape[1] for one in draws], axis=-1)
    return difference.mean(axis=1), variances, tuple(one.shape[1] - 1 for one in draws)
