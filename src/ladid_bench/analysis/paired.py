"""Two sides, runs of a method each, compared on the same test groups: the log ratio of errors, and what stands beside.

A run that diverged or failed counts against its side: on every trajectory it gets the error of a forecast that
knows nothing (nMSE 1, FVU 1), or the largest error that any run of the comparison has there, if that is larger.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ladid_bench.analysis.crossed import FEWEST_GROUPS, LogRatio, log_ratio
from ladid_bench.analysis.evidence import LOST, Errors, Evidence, Measure, Side, on_frames
from ladid_bench.analysis.statistics import Interval

SEEDS_FOR_VERDICTS = 3
NEEDS_SEEDS = "needs three seeds"


@dataclass(frozen=True)
class Beside:
    """What is told of a comparison and decides nothing.

    Attributes:
        ratio_of_means: of the errors; a few hard groups can decide it.
        groups_won: share of the test groups on which the first has the lower geometric mean over seeds.
        improvement: probability that a run of the first has a lower error than one of the second, over all pairs of
            seeds (Agarwal and others, *Deep reinforcement learning at the edge of the statistical precipice*, 2021).
    """

    ratio_of_means: float
    groups_won: float
    improvement: float


@dataclass(frozen=True)
class Contrast:
    """The error of ``first`` over that of ``second``.

    Attributes:
        ratio: the log ratio, None where ``problem`` says why.
        p: that the ratio is above the limit of its part, adjusted by Holm's procedure over the part.
        skipped: ``second`` declined the data set, so that there is nothing to compare with.
        undecidable: the test split has too few independent groups, whatever is run.
        same_models: both are errors of the same trained models.
        lost: runs that diverged or failed and were counted as such.
        untrained: which of the two is no better than the mean of the training split.
    """

    first: str
    second: str
    keys: tuple[str, ...] = ()
    ratio: LogRatio | None = None
    beside: Beside | None = None
    p: float = 1.0
    seeds: int = 0
    lost: tuple[str, ...] = ()
    untrained: tuple[str, ...] = ()
    problem: str = ""
    skipped: bool = False
    undecidable: bool = False
    same_models: bool = False

    @property
    def interval(self) -> Interval | None:
        """The 95 % interval of the log ratio."""
        return self.ratio.interval() if self.ratio else None


def contrast(
    evidence: Evidence, first: Side, second: Side, measures: tuple[Measure, Measure] = (on_frames, on_frames)
) -> Contrast:
    """Compare two sides on the test groups that both were scored on.

    Seeds of two trainings are independent draws and need not agree; two measures of the same runs are paired by seed.
    """
    keys = [tuple(str(row["key"]) for row in side.rows) for side in (first, second)]
    lost = tuple(dict.fromkeys((*first.lost, *second.lost)))
    made = Contrast(first.name, second.name, keys[0] + keys[1], lost=lost, same_models=keys[0] == keys[1])
    if second.declined:
        return replace(made, skipped=True, problem=second.declined)
    if problem := unfinished(first) or unfinished(second):
        return replace(made, problem=problem)
    measured = zip((first, second), measures, strict=True)
    scored = [[evidence.errors(row, how) for row in side.rows] for side, how in measured]
    known = [errors for side in scored for errors in side if errors is not None]
    if problem := _unscored((first, second), scored) or _unlike(known):
        return replace(made, problem=problem)
    groups = len(np.unique(known[0].group))
    if groups < FEWEST_GROUPS:
        return replace(made, undecidable=True, problem=too_few_groups(groups))
    untrained = tuple(dict.fromkeys(side.name for side in (first, second) if evidence.untrained(side)))
    seeds = min(len(side.rows) for side in (first, second) if len(side.rows) > 1 or side is first)
    return _compared(replace(made, seeds=seeds, untrained=untrained), scored, known)


def too_few_groups(groups: int) -> str:
    """Say why no verdict can rest on a test split."""
    counted = "a single independent group" if groups == 1 else f"{groups} independent groups"
    return f"its test split is {counted}, and no interval is valid for fewer than {FEWEST_GROUPS}"


def unfinished(side: Side) -> str:
    """Say why a side cannot be compared yet; empty where it can."""
    if not side.rows:
        return f"{side.name} has no runs with this number of steps"
    seeds = [row["seed"] for row in side.rows]
    if len(set(seeds)) < len(seeds):
        return f"{side.name} has several runs a seed, which differ in what is not compared"
    skipped = [row for row in side.rows if row["status"] == "skipped"]
    if skipped:
        return f"{side.name} does not apply: {skipped[0]['reason']}"
    left = sum(row["status"] not in ("ok", *LOST) for row in side.rows)
    if left:
        return f"{left} of {len(seeds)} runs of {side.name} have not ended"
    trained = any(row["kind"] == "neural" for row in side.rows)
    few = trained and len(seeds) < SEEDS_FOR_VERDICTS
    return f"{NEEDS_SEEDS}: {side.name} has {len(seeds)}" if few else ""


def _unscored(sides: Sequence[Side], scored: Sequence[Sequence[Errors | None]]) -> str:
    """Whether the errors of a run that ended with a result are not known."""
    flat = [pair for side, errors in zip(sides, scored, strict=True) for pair in zip(side.rows, errors, strict=True)]
    gone = [row["key"] for row, errors in flat if row["status"] == "ok" and errors is None]
    return f"errors of single trajectories of run {gone[0]} were not kept" if gone else ""


def _unlike(known: list[Errors]) -> str:
    if not known:
        return "no run ended with a result"
    alike = all(np.array_equal(one.group, known[0].group) for one in known)
    return "" if alike else "the runs were not scored on the same test trajectories"


def _compared(made: Contrast, scored: Sequence[Sequence[Errors | None]], known: list[Errors]) -> Contrast:
    worst = np.max([known[0].ignorant, *(errors.error for errors in known)], axis=0)  # (trajectory,)
    first, second = (
        np.stack([in_groups(worst if errors is None else errors.error, known[0]) for errors in side]) for side in scored
    )  # (seed, group)
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return replace(made, problem="there is no interval: an error is infinite")
    weight = _sums(known[0].ignorant, known[0].group)
    return replace(made, ratio=log_ratio(first, second, made.same_models), beside=_beside(first, second, weight))


def in_groups(error: np.ndarray, of: Errors) -> np.ndarray:
    """Add up errors in each independent group, in units of a forecast there that knows nothing, ``(group,)``.

    Args:
        error: ``(trajectory,)``.
        of: the errors that these are among, with the groups.
    """
    return _sums(error, of.group) / _sums(of.ignorant, of.group)


def _sums(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Sums over the trajectories of each group, ``(group,)``."""
    _, place = np.unique(group, return_inverse=True)
    return np.bincount(place, values.astype(np.float64))


def _beside(first: np.ndarray, second: np.ndarray, weight: np.ndarray) -> Beside:
    with np.errstate(divide="ignore"):
        by_group = [np.log(one).mean(axis=0) for one in (first, second)]  # (group,)
    of_runs = [(one * weight).sum(axis=1) / weight.sum() for one in (first, second)]  # (seed,)
    mean = of_runs[1].mean()
    return Beside(
        float(of_runs[0].mean() / mean) if mean else float("nan"),
        share_below(by_group[0], by_group[1]),
        share_below(of_runs[0][:, None], of_runs[1][None, :]),
    )


def share_below(first: np.ndarray, second: np.ndarray) -> float:
    """Compute how often the first is lower; a tie counts half."""
    return float(np.mean((first < second) + 0.5 * (first == second)))
