"""Two groups of runs compared on the same test trajectories: the ratio of their errors, with its interval.

A run that diverged or failed counts against its group: on every trajectory it gets the error of a forecast that
knows nothing (nMSE 1, FVU 1), or the largest error that any run of the comparison has there, if that is larger.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import wilcoxon

from ladid_bench.analysis.statistics import Interval, paired_log_ratio
from ladid_bench.probing.probes import Probe
from ladid_bench.runs.records import FAILED, Sample

SEEDS_FOR_VERDICTS = 3
NEEDS_SEEDS = "needs three seeds"
NO_INTERVAL = "there is no interval: a single test group, or an error that is 0 or infinite"
LOST = (*FAILED, "diverged")
EARLIER = {"arm": "scratch", "init_from": "", "changes": ""}  # what tables of a version without these columns mean
TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class Errors:
    """What one run scored, ``(trajectory,)`` each: error, that of a forecast that knows nothing, and the group."""

    error: np.ndarray
    ignorant: np.ndarray
    group: np.ndarray


@dataclass(frozen=True)
class Unread:
    """Measures a probe in place of a sample: the share of the true quantities that a representation leaves unexplained.

    Squared errors of every quantity are in units of its variance and averaged over the quantities, so that the ratio
    of two representations is that of 1 - R^2, R^2 averaged over the quantities.
    """

    representation: str
    probe: str

    def of(self, probe: Probe) -> Errors | None:
        """Compute the share left unread; None where the representation, or anything to read, is not there."""
        found = probe.unexplained(self.representation, self.probe)
        return Errors(*found, np.array(probe.group)) if found else None


Measure = Callable[[Sample, str], Errors] | Unread  # a function: from a sample and the primary metric of its data set


@dataclass(frozen=True)
class Group:
    """Runs of one method under one set of conditions, a row of the run table each, one a seed."""

    name: str
    rows: tuple[dict[str, Any], ...]

    @property
    def declined(self) -> str:
        """Why the method does not apply, if it declined the data set; empty where it did not."""
        skipped = bool(self.rows) and all(row["status"] == "skipped" for row in self.rows)
        return f"{self.name} does not apply: {self.rows[0]['reason']}" if skipped else ""

    @property
    def lost(self) -> tuple[str, ...]:
        """Runs that diverged or failed, in words."""
        return tuple(f"{self.name}, seed {row['seed']}: {row['status']}" for row in self.rows if row["status"] in LOST)


@dataclass(frozen=True)
class Contrast:
    """The error of ``first`` over that of ``second``.

    Attributes:
        interval: of the logarithm of the ratio of mean errors; None where ``problem`` says why.
        p: of Wilcoxon's signed-rank test over groups, adjusted by ``holm`` where there are several contrasts.
        skipped: ``second`` declined the data set, so that there is nothing to compare with.
        lost: runs that diverged or failed and were counted as such.
    """

    first: str
    second: str
    keys: tuple[str, ...] = ()
    interval: Interval | None = None
    p: float = 1.0
    seeds: int = 0
    lost: tuple[str, ...] = ()
    problem: str = ""
    skipped: bool = False


def primary_errors(sample: Sample, primary_metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Compute numerator and denominator of each trajectory's share in the primary error, ``(trajectory,)`` each."""
    error = sample.squared_error.sum(axis=1, dtype=np.float64)
    truth = sample.squared_truth.sum(axis=1, dtype=np.float64)
    deviation = sample.squared_deviation.sum(axis=1, dtype=np.float64)
    if primary_metric == "fvu":
        return error, deviation
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(error > 0, error / truth, 0.0), truth


def on_frames(sample: Sample, primary_metric: str) -> Errors:
    """Compute the primary error of the forecast frames."""
    error, weight = primary_errors(sample, primary_metric)
    return Errors(error, weight if primary_metric == "fvu" else np.ones_like(error), sample.group)


def off_grid(sample: Sample, primary_metric: str) -> Errors:
    """Compute nMSE halfway between forecast frames; the first time, after the last context frame, is left out."""
    return _nmse(sample.midpoints_squared_error[:, 1:], sample.midpoints_squared_truth[:, 1:], sample.group)


def around(sample: Sample, primary_metric: str) -> Errors:
    """Compute nMSE at the lead times of ``off_grid``: squares are averaged over the two frames around each of them."""
    error, truth = (0.5 * (one[:, 1:] + one[:, :-1]) for one in (sample.squared_error, sample.squared_truth))
    return _nmse(error, truth, sample.group)


def _nmse(error: np.ndarray, truth: np.ndarray, group: np.ndarray) -> Errors:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = error.sum(axis=1, dtype=np.float64) / truth.sum(axis=1, dtype=np.float64)
    return Errors(ratio, np.ones_like(ratio), group)


class Evidence:
    """The run table of a study, and the samples of its runs.

    Args:
        table: one row a planned run, failures included.
        load: gives the sample of a run by its key, None where none was kept.
        preferred: the variant that stands for each method, the first on its card.
        probe: gives what was found in the model of a run by its key, None where it was not probed.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        load: Callable[[str], Sample | None],
        preferred: dict[str, str],
        probe: Callable[[str], Probe | None] = lambda key: None,
    ):
        missing = {name: value for name, value in EARLIER.items() if name not in table}
        self.rows = [
            {str(name): value for name, value in row.items()} for row in table.assign(**missing).to_dict("records")
        ]
        self.preferred, self.probe = preferred, probe
        self._load = load
        self._kept: dict[tuple[str, Measure], Errors | None] = {}

    def rows_of(self, experiment: str, **values: Any) -> list[dict[str, Any]]:
        """Select the rows of an experiment that have ``values``; unless these name a variant, of the preferred one."""
        found = [row for row in self.rows if experiment in str(row["experiments"]).split(",")]
        if "variant" not in values:
            found = [row for row in found if row["variant"] == self.preferred.get(str(row["method"]))]
        return [row for row in found if all(row[name] == value for name, value in values.items())]

    def group(self, name: str, experiment: str, **values: Any) -> Group:
        """Collect the runs of an experiment that have ``values``."""
        return Group(name, tuple(sorted(self.rows_of(experiment, **values), key=lambda row: row["seed"])))

    def errors(self, row: dict[str, Any], measure: Measure) -> Errors | None:
        """Compute a run's errors, None where it has no result or no sample."""
        name = (str(row["key"]), measure)
        if name not in self._kept:
            self._kept[name] = self._measured(row, measure) if row["status"] == "ok" else None
        return self._kept[name]

    def _measured(self, row: dict[str, Any], measure: Measure) -> Errors | None:
        if isinstance(measure, Unread):
            probe = self.probe(str(row["key"]))
            return measure.of(probe) if probe else None
        sample = self._load(str(row["key"]))
        return measure(sample, str(row["primary_metric"])) if sample is not None else None


def contrast(
    evidence: Evidence, first: Group, second: Group, measures: tuple[Measure, Measure] = (on_frames, on_frames)
) -> Contrast:
    """Compare two groups seed by seed; a method that runs once, whatever the seed, meets every run of the other."""
    keys = tuple(str(row["key"]) for row in (*first.rows, *second.rows))
    made = Contrast(first.name, second.name, keys, lost=tuple(dict.fromkeys((*first.lost, *second.lost))))
    if second.declined:
        return replace(made, skipped=True, problem=second.declined)
    problem = unfinished(first) or unfinished(second)
    pairs = [] if problem else _pairs(first, second)
    if not problem and len({row["seed"] for row, _ in pairs}) < SEEDS_FOR_VERDICTS:
        problem = f"{NEEDS_SEEDS}: {first.name} and {second.name} share {len(pairs)}"
    if problem:
        return replace(made, problem=problem)
    made = replace(made, seeds=len(pairs))
    scored = [tuple(evidence.errors(row, how) for row, how in zip(pair, measures, strict=True)) for pair in pairs]
    known = [errors for pair in scored for errors in pair if errors is not None]
    problem = _unscored(pairs, scored) or _unlike(known)
    if problem:
        return replace(made, problem=problem)
    return _compared(made, scored, known)


def unfinished(group: Group) -> str:
    """Say why a group cannot be compared yet; empty where it can."""
    if not group.rows:
        return f"{group.name} is not in this study"
    seeds = [row["seed"] for row in group.rows]
    if len(set(seeds)) < len(seeds):
        return f"{group.name} has several runs a seed, which differ in what is not compared"
    skipped = [row for row in group.rows if row["status"] == "skipped"]
    if skipped:
        return f"{group.name} does not apply: {skipped[0]['reason']}"
    left = sum(row["status"] not in ("ok", *LOST) for row in group.rows)
    if left:
        return f"{left} of {len(seeds)} runs of {group.name} have not ended"
    trained = any(row["kind"] == "neural" for row in group.rows)
    few = trained and len(seeds) < SEEDS_FOR_VERDICTS
    return f"{NEEDS_SEEDS}: {group.name} has {len(seeds)}" if few else ""


def _pairs(first: Group, second: Group) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    if len(second.rows) == 1:
        return [(row, second.rows[0]) for row in first.rows]
    by_seed = {row["seed"]: row for row in second.rows}
    return [(row, by_seed[row["seed"]]) for row in first.rows if row["seed"] in by_seed]


def _unscored(pairs: Sequence[tuple[dict[str, Any], ...]], scored: Sequence[tuple[Errors | None, ...]]) -> str:
    """Whether the errors of a run that ended with a result are not known."""
    flat = zip((row for pair in pairs for row in pair), (errors for pair in scored for errors in pair), strict=True)
    gone = [row["key"] for row, errors in flat if row["status"] == "ok" and errors is None]
    return f"errors of single trajectories of run {gone[0]} were not kept" if gone else ""


def _unlike(known: list[Errors]) -> str:
    if not known:
        return "no run ended with a result"
    alike = all(np.array_equal(one.group, known[0].group) for one in known)
    return "" if alike else "the runs were not scored on the same test trajectories"


def _compared(made: Contrast, scored: Sequence[tuple[Errors | None, ...]], known: list[Errors]) -> Contrast:
    worst = np.max([known[0].ignorant, *(errors.error for errors in known)], axis=0)  # (trajectory,)
    one, other = (
        np.stack([worst if errors is None else errors.error for errors in column])
        for column in zip(*scored, strict=True)
    )  # (seed, trajectory)
    group, (seeds, count) = known[0].group, one.shape
    index = np.repeat(np.arange(seeds), count)
    found = paired_log_ratio(one.ravel(), other.ravel(), np.tile(group, seeds), index)
    if found is None or not np.isfinite([found.low, found.high]).all():
        return replace(made, problem=NO_INTERVAL)
    return replace(made, interval=found, p=_signed_rank(one.mean(axis=0), other.mean(axis=0), group))


def _signed_rank(first: np.ndarray, second: np.ndarray, group: np.ndarray) -> float:
    """p of Wilcoxon's signed-rank test of the log ratio of the errors, averaged over seeds and within groups."""
    _, place = np.unique(group, return_inverse=True)
    one, other = (np.bincount(place, np.maximum(values, TINY)) for values in (first, second))
    difference = np.log(one / other)  # (group,)
    return float(wilcoxon(difference).pvalue) if np.any(difference) else 1.0


def holm(contrasts: Sequence[Contrast]) -> tuple[Contrast, ...]:
    """Adjust p of the contrasts by Holm's step-down procedure over those that could be made."""
    made = sorted((one.p, place) for place, one in enumerate(contrasts) if one.interval is not None)
    adjusted, running = list(contrasts), 0.0
    for step, (p, place) in enumerate(made):
        running = max(running, min(1.0, p * (len(made) - step)))
        adjusted[place] = replace(contrasts[place], p=running)
    return tuple(adjusted)


def changed_to(changes: str, setting: str) -> int | None:
    """Find the value that a run's changes give ``setting``, if they change that and nothing else."""
    found = re.fullmatch(rf"{setting}=(\d+)", changes)
    return int(found[1]) if found else None
