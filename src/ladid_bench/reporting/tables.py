"""The comparison of a data set, at equal steps and at equal CPU time, and the cost of all, as rows of numbers."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from ladid_bench.analysis.statistics import Interval, ranks
from ladid_bench.reporting.content import DatasetContent, Entry, Run
from ladid_bench.reporting.formatting import decimals, number

LOW, HIGH = "low", "high"


@dataclass(frozen=True)
class Column:
    """A column of numbers.

    Attributes:
        name: of the value.
        heading: what stands above it.
        best: ``low`` or ``high``, whichever end is best, or empty where neither is.
        help: what the number means, in a few words.
        digits: significant digits of the smallest number.
        fixed: decimals of all numbers, where that reads better.
        narrow: whether it is shown on a phone too, as the first column always is.
    """

    name: str
    heading: str
    best: str = ""
    help: str = ""
    digits: int = 2
    fixed: int | None = None
    narrow: bool = False


@dataclass(frozen=True)
class Line:
    """One method in a table. ``values`` are by column name; ``note`` says what went wrong, if anything."""

    entry: Entry
    values: dict[str, float]
    rank: float = math.nan
    interval: Interval | None = None
    note: str = ""


@dataclass(frozen=True)
class Table:
    """Columns and lines, ready to be laid out; the lines of floors come last."""

    columns: tuple[Column, ...]
    lines: tuple[Line, ...]

    def texts(self, column: Column) -> list[str]:
        """The cells of a column, with the same number of decimals, or more for a floor that is far below all others."""
        places, found = self.places(column), []
        for line in self.lines:
            value = line.values[column.name]
            own = decimals([value], 1) if line.entry.floor and column.fixed is None else 0
            found.append(number(value, max(places, own)))
        return found

    def places(self, column: Column) -> int:
        """Decimals of a column's cells."""
        if column.fixed is not None:
            return column.fixed
        return decimals([line.values[column.name] for line in self.lines if not line.entry.floor], column.digits)

    def is_best(self, column: Column, line: Line) -> bool:
        """Whether a method has the best value of a column among the competitors whose runs all have a result."""
        competing = [other for other in self.lines if other.entry.complete and not other.entry.floor]
        known = [other.values[column.name] for other in competing]
        known = [value for value in known if not math.isnan(value)]
        if not column.best or len(known) < 2 or line not in competing:
            return False
        return line.values[column.name] == (min(known) if column.best == LOW else max(known))

    def used(self) -> "Table":
        """This table without the columns in which nothing stands."""
        kept = [one for one in self.columns if any(not math.isnan(line.values[one.name]) for line in self.lines)]
        return self.only(kept)

    def only(self, columns: Iterable[Column]) -> "Table":
        """This table with other columns."""
        return Table(tuple(columns), self.lines)


NMSE = Column("nmse_mean", "nMSE", LOW, "squared error over squared signal, mean over test trajectories")
NMSE_MEDIAN = Column("nmse_median", "median nMSE", LOW, "median over test trajectories")
FVU = Column("fvu_pooled", "FVU", LOW, "fraction of variance unexplained, pooled: 1 is the training mean")
FVU_MEDIAN = Column("fvu_median", "median FVU", LOW, "median over test trajectories")
MIDPOINTS = Column(
    "midpoints_nmse_mean", "nMSE between", LOW, "nMSE at the times halfway between frames, from the simulator itself"
)
SKILL = Column("skill", "skill", HIGH, "1 minus error / error of the best simple method", fixed=2, narrow=True)
VALID = Column(
    "valid_time_mean", "valid time", HIGH, "time until the error first exceeds 40 % of the variance", digits=1
)
OTHERS = (
    Column("vrmse_mean", "VRMSE", LOW, "root of squared error over spatial variance"),
    Column("spectral_distance_mean", "spectral distance", LOW, "distance of the power spectra in decades"),
    Column("angle_error_degrees_mean", "angle error (°)", LOW, "angle read off the picture, mean over all frames"),
    Column("angle_error_degrees_median", "median angle error (°)", LOW, "angle read off the picture, median"),
)
SPENT = (
    Column("cost_steps", "steps", help="optimiser steps"),
    Column("cost_cpu_seconds", "CPU seconds", help="measured, of the whole run", digits=1, narrow=True),
    Column("cost_cpu_seconds_per_step", "CPU s per step"),
)
CORE = frozenset(
    {"nmse_mean", "nmse_median", "fvu_pooled", "fvu_median", "midpoints_nmse_mean", "skill", "valid_time_mean"}
)
PRIMARY = {"nmse": (NMSE, NMSE_MEDIAN, FVU), "fvu": (FVU, FVU_MEDIAN, NMSE)}
UNSHOWN = frozenset(
    {"nmse_median", "fvu_median", "fvu_mean", "midpoints_nmse_median", "midpoints_fvu"}
)  # beside the primary_metric its own median is enough


def comparison(dataset: DatasetContent) -> Table:
    """Accuracy of every method on one data set, with all measures: best first, failures last, then the floor."""
    return _accuracy(dataset, _comparison_columns(dataset))


def core(table: Table) -> Table:
    """The measures of a comparison that fit the width of a page."""
    return table.only(column for column in table.columns if column.name in CORE)


def equal_time(dataset: DatasetContent) -> Table:
    """Accuracy at equal CPU time, and what was spent."""
    primary_metric, median, _ = PRIMARY[dataset.primary_metric]
    return _accuracy(dataset, (primary_metric, median, *SPENT))


def _accuracy(dataset: DatasetContent, columns: tuple[Column, ...]) -> Table:
    ranked = ranks(np.array([entry.mean(dataset.error) for entry in dataset.ranked]))
    best_simple = dataset.best(neural=False)
    reference = best_simple.mean(dataset.error) if best_simple else math.nan
    lines = []
    for place, entry in enumerate([*dataset.ordered, *dataset.floors]):
        values = {column.name: entry.mean(column.name) for column in columns}
        if not entry.floor:
            values[SKILL.name] = 1 - entry.mean(dataset.error) / reference if reference else math.nan
        rank = float(ranked[place]) if place < len(ranked) else math.nan
        lines.append(Line(entry, values, rank, dataset.error_interval(entry), note_on(entry)))
    return Table(columns, tuple(lines)).used()


def _comparison_columns(dataset: DatasetContent) -> tuple[Column, ...]:
    valid = replace(VALID, heading=f"{VALID.heading} ({dataset.time_unit})") if dataset.time_unit else VALID
    known = (*PRIMARY[dataset.primary_metric], MIDPOINTS, SKILL, valid, *OTHERS)
    names = {column.name for column in known} | UNSHOWN
    found = {name for entry in dataset.entries for run in entry.done for name in run.metrics}
    extra = tuple(Column(name, name.replace("_", " ")) for name in sorted(found - names))
    return known + extra


def note_on(entry: Entry) -> str:
    """What a reader has to know about the runs behind a line: failures, skips, older code."""
    lost = [run for run in entry.runs if run.status != "ok"]
    notes = []
    if lost and not entry.done:
        reasons = dict.fromkeys(f"{state(run)}: {run.row['reason']}" for run in lost)
        notes.append("; ".join(reasons))
    elif lost:
        seeds = ", ".join(f"{run.status} (seed {run.row['seed']})" for run in lost)
        notes.append(f"{len(entry.done)} of {len(entry.runs)} runs, not ranked; {seeds}")
    if any(run.row.get("stale") is True for run in entry.runs):
        notes.append("older code")
    return "; ".join(notes)


def state(run: Run) -> str:
    """How a run without a result ended, in words; a method that declines a data set has not failed."""
    return "not applicable" if run.status == "skipped" else run.status


COST = (
    Column("cost_parameters", "parameters"),
    Column("cost_steps", "steps"),
    Column("cost_cpu_seconds_per_step", "CPU s per step"),
    Column("cost_seconds_per_step", "seconds per step", help="on the clock, whatever else ran"),
    Column("cost_cpu_seconds", "CPU seconds", help="of the whole run", digits=1),
    Column("cost_accelerator_seconds", "accelerator seconds", help="of the whole run", digits=1),
    Column("cost_function_evaluations", "function evaluations", help="calls of the derivative in a forecast"),
    Column("forecast_milliseconds", "forecast ms per trajectory", help="the test split forecast at once", digits=1),
    Column("cost_peak_memory_mb", "peak memory (MB)", help="of the whole process", digits=1),
    Column("cost_load", "load", help="processes in want of a core when it ended, its own among them", digits=1),
)


def cost(dataset: DatasetContent) -> Table:
    """What every method cost on one data set, in the order of its comparison."""
    lines = []
    for entry in [*dataset.ordered, *dataset.floors]:
        values = {column.name: entry.mean(column.name) for column in COST}
        values["forecast_milliseconds"] = 1000 * entry.mean("cost_forecast_seconds") / _test_trajectories(dataset)
        lines.append(Line(entry, values, note=note_on(entry)))
    return Table(COST, tuple(lines))


def _test_trajectories(dataset: DatasetContent) -> float:
    return float(dataset.card["splits_made"]["test"]["trajectories"]) if dataset.card else math.nan
