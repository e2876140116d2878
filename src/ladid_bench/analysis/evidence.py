"""The run table of a study as evidence: runs by what was asked of them, at a budget, with the errors of each."""

from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ladid_bench.analysis.changes import without
from ladid_bench.analysis.run_table import TRAINING
from ladid_bench.probing.probes import Probe
from ladid_bench.runs.records import FAILED, Sample

LADID = "ladid"  # the method that the suite is about
LOST = (*FAILED, "diverged")
# true before the first frame alone: where a spiral stood five units of time earlier, the push that a wake began with,
# and how long ago; the context does not show them
PAST = ("phase", "kick", "start")
# experiments in which each run goes to a budget of its own, or that stand in a claim beside one
UNEQUAL = ("transfer", "frozen", "equal-time", "cost", "forecast-cost", "probe")


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
    of two representations is that of 1 - R^2, R^2 averaged over the quantities; those of ``PAST`` are left out.
    """

    representation: str
    probe: str

    def of(self, probe: Probe) -> Errors | None:
        """Compute the share left unread; None where the representation, or anything to read, is not there."""
        determined = [one for one in probe.readings if one.name not in PAST]
        found = probe.model_copy(update={"readings": determined}).unexplained(self.representation, self.probe)
        return Errors(*found, np.array(probe.group)) if found else None


# a function takes a sample and the primary metric of its data set
Measure = Callable[[Sample, str], Errors | None] | Unread


@dataclass(frozen=True)
class Side:
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


def against_mean(sample: Sample, primary_metric: str) -> Errors:
    """Compute the error of the forecast frames in units of that of the training split's mean frame."""
    return Errors(*primary_errors(sample, "fvu"), sample.group)


def off_grid(sample: Sample, primary_metric: str) -> Errors | None:
    """Take nMSE halfway between forecast frames; None where the data set does not say what lies there."""
    ratio = sample.midpoints_nmse.astype(np.float64)
    return None if not ratio.size else Errors(ratio, np.ones_like(ratio), sample.group)


def around(sample: Sample, primary_metric: str) -> Errors:
    """Compute nMSE at the lead times of ``off_grid``: squares are averaged over the two frames around each of them."""
    error, truth = (0.5 * (one[:, 1:] + one[:, :-1]) for one in (sample.squared_error, sample.squared_truth))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = error.sum(axis=1, dtype=np.float64) / truth.sum(axis=1, dtype=np.float64)
    return Errors(ratio, np.ones_like(ratio), sample.group)


class Evidence:
    """The run table of a study, the samples of its runs, and the budget at which it is looked at.

    Args:
        table: one row a planned run, failures included; ``steps`` is 0 for what is not trained step by step.
        load: gives the sample of a run by its key, None where none was kept.
        preferred: the variant that stands for each method, the first on its card.
        probe: gives what was found in the model of a run by its key, None where it was not probed.

    Attributes:
        steps: optimiser steps of the runs looked at. Those of the experiments ``UNEQUAL`` are the longest up to it, the
            steps on the data set that they start from included.
        caps: data sets of which no more steps are looked at than these.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        load: Callable[[str], Sample | None],
        preferred: dict[str, str],
        probe: Callable[[str], Probe | None] = lambda key: None,
    ):
        self.rows = [_row(row) for row in table.to_dict("records")]
        self._asked: dict[str, list[dict[str, Any]]] = {}
        for row in self.rows:
            # an experiment may ask for a run, and elsewhere for more steps of the same training: it is one run still
            for name in dict.fromkeys(f"{row['experiments']},{row['rung_of']}".split(",")):
                self._asked.setdefault(name, []).append(row)
        self.preferred, self.probe = preferred, probe
        self.steps = max(self.budgets, default=0)
        self.caps: dict[str, int] = {}
        self._load = load
        self._kept: dict[tuple[str, Measure], Errors | None] = {}

    @property
    def budgets(self) -> list[int]:
        """Numbers of steps that runs of LaDID have, those on the data set that they start from included, rising."""
        return sorted({_total(row) for row in self.rows if row["method"] == LADID} - {0})

    def at(self, steps: int) -> "Evidence":
        """Look at the same study at another budget."""
        made = copy(self)
        made.steps = steps
        return made

    def each_at_its_cap(self, datasets: Iterable[str]) -> "Evidence":
        """Look at data sets whose comparison ends at a lower budget than the one looked at there, where it ends."""
        made = copy(self)
        rows = self.rows_of("comparison", method=LADID, steps=None)
        made.caps = {
            name: max((row["steps"] for row in rows if row["dataset"] == name), default=0) for name in datasets
        }
        return made

    def rows_of(self, experiment: str, **values: Any) -> list[dict[str, Any]]:
        """Select the rows of an experiment that have ``values``; unless these name a variant, of the preferred one.

        They are those at the budget looked at, unless ``values`` name ``steps``. None stands for any value.
        """
        found = self._asked.get(experiment, [])
        if "variant" not in values:
            found = [row for row in found if row["variant"] == self.preferred.get(str(row["method"]))]
        asked = {name: value for name, value in values.items() if value is not None}
        found = [row for row in found if all(row[name] == value for name, value in asked.items())]
        return found if "steps" in values else self._within_budget(found, experiment)

    def _within_budget(self, rows: list[dict[str, Any]], experiment: str) -> list[dict[str, Any]]:
        if experiment not in UNEQUAL:
            caps = self.caps
            return [row for row in rows if row["steps"] in (0, min(self.steps, caps.get(row["dataset"], self.steps)))]
        longest: dict[tuple[Any, ...], int] = {}
        for row in rows:
            if _total(row) <= self.steps:
                longest[_line(row)] = max(row["steps"], longest.get(_line(row), 0))
        return [row for row in rows if row["steps"] == longest.get(_line(row))]

    def side(self, name: str, experiment: str, **values: Any) -> Side:
        """Collect the runs of an experiment that have ``values``."""
        return Side(name, tuple(sorted(self.rows_of(experiment, **values), key=lambda row: row["seed"])))

    def budgets_of(self, experiment: str, **values: Any) -> dict[int, int]:
        """List the steps of the rows that have ``values``, with those of the models that they start from."""
        found = self.rows_of(experiment, steps=None, **values)
        return {row["steps"]: row["init_from_steps"] for row in found if _total(row) <= self.steps}

    def errors(self, row: dict[str, Any], measure: Measure) -> Errors | None:
        """Compute a run's errors, None where it has no result or no sample."""
        name = (str(row["key"]), measure)
        if name not in self._kept:
            self._kept[name] = self._measured(row, measure) if row["status"] == "ok" else None
        return self._kept[name]

    def untrained(self, side: Side) -> bool:
        """Say whether a trained side is no better than the mean of the training split, by its geometric mean."""
        if not any(row["kind"] == "neural" for row in side.rows):
            return False
        found = [errors for row in side.rows if (errors := self.errors(row, against_mean)) is not None]
        return not found or _mean_log(found) >= 0

    def _measured(self, row: dict[str, Any], measure: Measure) -> Errors | None:
        if isinstance(measure, Unread):
            probe = self.probe(str(row["key"]))
            return measure.of(probe) if probe else None
        sample = self._load(str(row["key"]))
        return measure(sample, str(row["primary_metric"])) if sample is not None else None


def _row(row: dict[Any, Any]) -> dict[str, Any]:
    """A row whose changes are without the steps, which have a column of their own."""
    return {str(name): value for name, value in row.items()} | {"changes": without(str(row["changes"]), "steps")}


def _total(row: dict[str, Any]) -> int:
    """Steps of a run with those of the model that it starts from; 0 for what trains nothing."""
    return int(row["steps"] + row["init_from_steps"]) if row["steps"] else 0


def _line(row: dict[str, Any]) -> tuple[Any, ...]:
    """What runs share that differ in seed and budget alone."""
    return tuple(row[name] for name in ("dataset", *TRAINING))


def _mean_log(found: list[Errors]) -> float:
    """Mean of the logarithms of errors in units of the ignorant one; those without a scale are left out."""
    error, scale = (np.concatenate([getattr(one, name) for one in found]) for name in ("error", "ignorant"))
    kept = (scale > 0) & (error > 0)
    return float(np.mean(np.log(error[kept] / scale[kept]))) if kept.any() else -np.inf
