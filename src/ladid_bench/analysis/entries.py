"""The runs of a study sorted by data set and method, with what was kept of each: samples, records, data cards."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ladid_bench.analysis.crossed import FEWEST_GROUPS, log_ratio
from ladid_bench.analysis.evidence import LADID, on_frames, primary_errors
from ladid_bench.analysis.paired import SEEDS_FOR_VERDICTS, in_groups
from ladid_bench.analysis.statistics import Interval, interval, labels
from ladid_bench.runs.calibration import Calibration
from ladid_bench.runs.records import WAITING, Sample
from ladid_bench.study.plan import COMPARISON

NEURAL, FLOOR = "neural", "floor"
EQUAL_TIME = "equal-time"
UNREADABLE = "unreadable"  # status of a run that has ended with a result whose files cannot be read
FEW = 8  # methods that a figure can show side by side in colour
ERRORS = {"nmse": "nmse_mean", "fvu": "fvu_pooled"}  # column of the primary error
ERROR_NAMES = {"nmse": "nMSE", "fvu": "FVU"}
DESCRIPTIVE = frozenset(
    {"dataset", "method", "variant", "seed", "fraction", "kind", "primary_metric", "experiments", "key", "rerun"}
    | {"status", "arm", "init_from", "init_from_key", "changes", "steps", "init_from_steps", "trunk", "rung_of"}
    | {"reason", "attempts", "stale", "commit", "dirty", "code_hash", "host", "processor"}
    | {"device", "threads", "versions", "probe", "calibration"}
)


@dataclass(frozen=True, eq=False)
class Run:
    """One row of the run table.

    Attributes:
        row: the row as it is, by column.
        sample: errors of every trajectory without the pictures, or None where none were kept.
        record: what the run wrote, empty where it has not ended.
        calibration: scores of its predictive distributions, or None where nobody asked for them.
    """

    row: dict[str, Any]
    sample: Sample | None
    record: dict[str, Any]
    calibration: Calibration | None = None

    @property
    def key(self) -> str:
        """Key of the run."""
        return str(self.row["key"])

    @property
    def status(self) -> str:
        """How the run ended, or that it is still to be made."""
        return str(self.row["status"])

    @property
    def waiting(self) -> bool:
        """Whether it is still to be made."""
        return self.status == WAITING

    @property
    def stale(self) -> bool:
        """Whether it was made by older code than today's."""
        return self.row.get("stale") is True

    @property
    def compared(self) -> bool:
        """Whether the comparison at equal steps asked for it."""
        return COMPARISON in str(self.row["experiments"]).split(",")

    @property
    def asked_by(self) -> str:
        """What asked for it, if not the comparison."""
        names = [] if self.compared else str(self.row["experiments"]).split(",")
        return ", ".join("equal CPU time" if name == EQUAL_TIME else name for name in names)

    @property
    def history(self) -> list[dict[str, float]]:
        """Validation errors along the fit."""
        return list(self.record.get("history", []))

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics by name; those that the run does not have are left out."""
        names = (name for name in self.row if name not in DESCRIPTIVE and not name.startswith(("cost_", "data_")))
        return {name: self.row[name] for name in names if not pd.isna(self.row[name])}


@dataclass(frozen=True, eq=False)
class Entry:
    """One method in one variant on one data set: a line in every table and figure.

    In an experiment beside the comparison it may also have ``changes`` of settings or budget, and an ``arm``:
    what is done with the model of the data set ``init_from``. Of a ``deterministic`` method the seed chooses the part
    of the training data and nothing else.
    """

    method: str
    variant: str
    fraction: float
    kind: str
    label: str
    runs: tuple[Run, ...]
    arm: str = "scratch"
    init_from: str = ""
    changes: str = ""
    deterministic: bool = False

    @property
    def done(self) -> tuple[Run, ...]:
        """Runs that ended with a result."""
        return tuple(run for run in self.runs if run.status == "ok")

    @property
    def begun(self) -> bool:
        """Whether any run has ended, with a result or without."""
        return not all(run.waiting for run in self.runs)

    @property
    def complete(self) -> bool:
        """Whether every run has a result; the seeds that survived would flatter a method that failed on others."""
        return len(self.done) == len(self.runs)

    @property
    def seeded(self) -> bool:
        """Whether it has as many seeds as a verdict takes; where a seed changes nothing, one run is enough."""
        alone = self.deterministic and self.fraction == 1
        return alone or len(self.runs) >= SEEDS_FOR_VERDICTS

    @property
    def conditions(self) -> str:
        """Changes of settings and the share of the training data, in words; empty for the usual ones."""
        share = share_in_words(self.fraction) if self.fraction < 1 else ""
        return ", ".join(word for word in (self.changes, share) if word)

    @property
    def skipped(self) -> bool:
        """Whether the method declined the data set."""
        return all(run.status == "skipped" for run in self.runs)

    @property
    def neural(self) -> bool:
        """Whether the method is a neural one."""
        return self.kind == NEURAL

    @property
    def floor(self) -> bool:
        """Whether it renders the true frames: what a forecast is measured against, no competitor."""
        return self.kind == FLOOR

    def mean(self, column: str) -> float:
        """Average a column over the runs that have it; NaN where none has."""
        values = [run.row.get(column) for run in self.done]
        known = [float(value) for value in values if value is not None and not pd.isna(value)]
        return sum(known) / len(known) if known else math.nan

    @property
    def sampled(self) -> bool:
        """Whether the errors of every trajectory are known for all runs that ended with a result."""
        return bool(self.done) and all(run.sample is not None for run in self.done)


def in_front(entries: Sequence[Entry]) -> list[Entry]:
    """Choose what figures draw in colour: all if there are few, else LaDID, its best neural rival, the best simple one.

    The choice guides the eye only; nothing is left out of a figure or a table.

    Args:
        entries: of different methods or variants, best first.
    """
    if len(entries) <= FEW:
        return list(entries)
    rivals = [entry for entry in entries if entry.method != LADID]
    firsts = [next((entry.label for entry in rivals if entry.neural == kind), "") for kind in (True, False)]
    return [entry for entry in entries if entry.method == LADID or entry.label in firsts]


@dataclass(frozen=True)
class DatasetContent:
    """All that the report says about one data set. ``card`` is empty where the data were never made."""

    name: str
    title: str
    primary_metric: str
    time_unit: str
    card: dict[str, Any]
    entries: tuple[Entry, ...]

    @property
    def error(self) -> str:
        """Column of the primary error."""
        return ERRORS[self.primary_metric]

    @property
    def error_name(self) -> str:
        """What the primary error is called on pages and in figures."""
        return ERROR_NAMES[self.primary_metric]

    @property
    def image(self) -> bool:
        """Whether frames are images; False where there is no data card."""
        return bool(self.card) and len(self.card["task"]["shape"]) == 3

    @property
    def competitors(self) -> list[Entry]:
        """Entries that forecast."""
        return [entry for entry in self.entries if not entry.floor]

    @property
    def floors(self) -> list[Entry]:
        """Entries that render the true frames."""
        return [entry for entry in self.entries if entry.floor]

    @property
    def ranked(self) -> list[Entry]:
        """Competitors whose runs all have a result, lowest primary error first."""
        complete = [entry for entry in self.competitors if entry.complete and not math.isnan(entry.mean(self.error))]
        return sorted(complete, key=lambda entry: entry.mean(self.error))

    @property
    def ordered(self) -> list[Entry]:
        """All competitors: the ranked ones, those with results on some runs, those without, and who declined."""
        ranked = self.ranked
        rest = [entry for entry in self.competitors if entry not in ranked]
        return ranked + sorted(rest, key=lambda entry: (not entry.done, entry.skipped))

    @property
    def waiting(self) -> list[str]:
        """Labels of the entries of which no run has ended."""
        return [entry.label for entry in self.entries if not entry.begun]

    @property
    def crowded(self) -> bool:
        """Whether more methods have a result than a figure can show side by side in colour."""
        return sum(bool(entry.done) for entry in self.competitors) > FEW

    @property
    def front(self) -> list[Entry]:
        """What figures draw in colour."""
        return in_front([entry for entry in self.ordered if entry.done])

    @property
    def groups(self) -> int:
        """Independent groups in the test split, 0 where nothing is known of it."""
        samples = [run.sample for entry in self.entries for run in entry.done if run.sample is not None]
        return len(np.unique(samples[0].group)) if samples else 0

    @property
    def context_frames(self) -> int:
        """Frames of a trajectory that are given."""
        return int(self.card["task"]["context_frames"])

    def best(self, neural: bool) -> Entry | None:
        """Find the ranked neural, or simple, entry with the lowest error; None where none is ranked."""
        return next((entry for entry in self.ranked if entry.neural == neural), None)

    def error_interval(self, entry: Entry) -> Interval | None:
        """Estimate the interval of an entry's primary error; None where groups or samples do not allow one."""
        if not entry.sampled:
            return None
        stacked = stack(entry.done, self.primary_metric)
        return interval(stacked.values, stacked.group, stacked.seed, stacked.weights)

    def log_ratio(self, first: Entry, second: Entry) -> Interval | None:
        """Estimate the mean log ratio of the first entry's primary error to the second's, over groups and seeds.

        None where the two were not scored on the same groups, or these are too few, or an error is not finite.
        """
        if not (first.sampled and second.sampled):
            return None
        sides = [
            [on_frames(run.sample, self.primary_metric) for run in entry.done if run.sample is not None]
            for entry in (first, second)
        ]
        groups = [one.group for side in sides for one in side]
        if any(not np.array_equal(one, groups[0]) for one in groups) or len(np.unique(groups[0])) < FEWEST_GROUPS:
            return None
        errors = [np.stack([in_groups(one.error, one) for one in side]) for side in sides]  # (seed, group) each
        return log_ratio(errors[0], errors[1]).interval() if all(np.isfinite(one).all() for one in errors) else None


@dataclass(frozen=True)
class Stacked:
    """Primary errors of several runs, one entry a trajectory and run, each ``(entry,)``.

    ``weights`` are the denominators of a pooled ratio, None for a mean over trajectories.
    """

    values: np.ndarray
    weights: np.ndarray | None
    group: np.ndarray
    seed: np.ndarray


def stack(runs: Iterable[Run], primary_metric: str) -> Stacked:
    """Collect the primary errors of runs that have samples."""
    samples = [run.sample for run in runs if run.sample is not None]
    errors, weights = zip(*(primary_errors(sample, primary_metric) for sample in samples), strict=True)
    group, seed = labels([sample.group for sample in samples])
    weight = None if primary_metric == "nmse" else np.concatenate(weights)
    return Stacked(np.concatenate(errors), weight, group, seed)


def share_in_words(fraction: float) -> str:
    """Write a share of the training data for readers."""
    return f"{100 * fraction:.3g} % of the data"
