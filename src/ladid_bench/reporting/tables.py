"""The comparison of a data set and the cost of all, as rows that become HTML, CSV and LaTeX."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ladid_bench.evaluation.statistics import Interval, ranks
from ladid_bench.reporting.content import DatasetContent, Entry
from ladid_bench.reporting.formatting import MINUS, MISSING, decimals, number

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
    """

    name: str
    heading: str
    best: str = ""
    help: str = ""
    digits: int = 2
    fixed: int | None = None


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
    """Columns and lines, ready to be laid out."""

    columns: tuple[Column, ...]
    lines: tuple[Line, ...]

    def texts(self, column: Column) -> list[str]:
        """The cells of a column, with the same number of decimals."""
        return [number(line.values[column.name], self.places(column)) for line in self.lines]

    def places(self, column: Column) -> int:
        """Decimals of a column's cells."""
        if column.fixed is not None:
            return column.fixed
        return decimals([line.values[column.name] for line in self.lines], column.digits)

    def is_best(self, column: Column, line: Line) -> bool:
        """Whether a method has the best value of a column among those whose runs all have a result."""
        known = [other.values[column.name] for other in self.lines if other.entry.complete]
        known = [value for value in known if not math.isnan(value)]
        if not column.best or len(known) < 2 or not line.entry.complete:
            return False
        return line.values[column.name] == (min(known) if column.best == LOW else max(known))

    def used(self) -> "Table":
        """This table without the columns in which nothing stands."""
        kept = [one for one in self.columns if any(not math.isnan(line.values[one.name]) for line in self.lines)]
        return Table(tuple(kept), self.lines)


NMSE = Column("nmse_mean", "nMSE", LOW, "squared error over squared signal, mean over test trajectories")
NMSE_MEDIAN = Column("nmse_median", "median nMSE", LOW, "median over test trajectories")
FVU = Column("fvu", "FVU", LOW, "fraction of variance unexplained, pooled: 1 is the training mean")
FVU_MEDIAN = Column("fvu_median", "median FVU", LOW, "median over test trajectories")
BETWEEN = Column(
    "between_nmse_mean", "nMSE between", LOW, "nMSE at the times halfway between frames, from the simulator itself"
)
SKILL = Column("skill", "skill", HIGH, "1 minus error / error of the best simple method", fixed=2)
VALID = Column(
    "valid_time_mean", "valid time", HIGH, "time until the error first exceeds 40 % of the variance", digits=1
)
OTHERS = (
    Column("vrmse_mean", "VRMSE", LOW, "root of squared error over spatial variance"),
    Column("spectral_distance_mean", "spectral distance", LOW, "distance of the power spectra in decades"),
    Column("angle_error_degrees_mean", "angle error (°)", LOW, "angle read off the picture, mean over all frames"),
    Column("angle_error_degrees_median", "median angle error (°)", LOW, "angle read off the picture, median"),
)
HEADLINES = {"nmse": (NMSE, NMSE_MEDIAN, FVU), "fvu": (FVU, FVU_MEDIAN, NMSE)}
UNSHOWN = frozenset(
    {"nmse_median", "fvu_median", "fvu_mean", "between_nmse_median", "between_fvu"}
)  # beside the headline its own median is enough


def comparison(dataset: DatasetContent) -> Table:
    """Accuracy of every method on one data set, best first, failures last."""
    columns = _comparison_columns(dataset)
    order = [*dataset.ranked, *(entry for entry in dataset.entries if entry not in dataset.ranked)]
    ranked = ranks(np.array([entry.mean(dataset.error) for entry in dataset.ranked]))
    best_simple = dataset.best(neural=False)
    reference = best_simple.mean(dataset.error) if best_simple else math.nan
    lines = []
    for place, entry in enumerate(order):
        values = {column.name: entry.mean(column.name) for column in columns}
        values[SKILL.name] = 1 - entry.mean(dataset.error) / reference if reference else math.nan
        rank = float(ranked[place]) if place < len(ranked) else math.nan
        lines.append(Line(entry, values, rank, dataset.error_interval(entry), note_on(entry)))
    return Table(columns, tuple(lines)).used()


def _comparison_columns(dataset: DatasetContent) -> tuple[Column, ...]:
    valid = replace(VALID, heading=f"{VALID.heading} ({dataset.time_unit})") if dataset.time_unit else VALID
    known = (*HEADLINES[dataset.headline], BETWEEN, SKILL, valid, *OTHERS)
    names = {column.name for column in known} | UNSHOWN
    found = {name for entry in dataset.entries for run in entry.done for name in run.metrics}
    extra = tuple(Column(name, name.replace("_", " ")) for name in sorted(found - names))
    return known + extra


def note_on(entry: Entry) -> str:
    """What a reader has to know about the runs behind a line: failures, skips, older code."""
    lost = [run for run in entry.runs if run.status != "ok"]
    notes = []
    if lost and not entry.done:
        reasons = dict.fromkeys(f"{run.status}: {run.row['reason']}" for run in lost)
        notes.append("; ".join(reasons))
    elif lost:
        seeds = ", ".join(f"{run.status} (seed {run.row['seed']})" for run in lost)
        notes.append(f"{len(entry.done)} of {len(entry.runs)} runs, not ranked; {seeds}")
    if any(run.row.get("stale") is True for run in entry.runs):
        notes.append("older code")
    return "; ".join(notes)


COST = (
    Column("cost_parameters", "parameters"),
    Column("cost_steps", "steps"),
    Column("cost_seconds_per_step", "seconds per step"),
    Column("cost_cpu_seconds", "CPU seconds", help="of the whole run", digits=1),
    Column("cost_accelerator_seconds", "accelerator seconds", help="of the whole run", digits=1),
    Column("cost_function_evaluations", "function evaluations", help="calls of the derivative in a forecast"),
    Column("forecast_milliseconds", "forecast ms per trajectory", help="the test split forecast at once", digits=1),
    Column("cost_peak_memory_mb", "peak memory (MB)", help="of the whole process", digits=1),
)


def cost(dataset: DatasetContent) -> Table:
    """What every method cost on one data set, in the order of its comparison."""
    order = [*dataset.ranked, *(entry for entry in dataset.entries if entry not in dataset.ranked)]
    lines = []
    for entry in order:
        values = {column.name: entry.mean(column.name) for column in COST}
        values["forecast_milliseconds"] = 1000 * entry.mean("cost_forecast_seconds") / _test_trajectories(dataset)
        lines.append(Line(entry, values, note=note_on(entry)))
    return Table(COST, tuple(lines))


def _test_trajectories(dataset: DatasetContent) -> float:
    return float(dataset.card["splits_made"]["test"]["trajectories"]) if dataset.card else math.nan


def to_frame(table: Table, dataset: str) -> pd.DataFrame:
    """A table with all digits, for CSV; every row names its runs."""
    rows = []
    for line in table.lines:
        entry = line.entry
        row = {"dataset": dataset, "method": entry.method, "variant": entry.variant, "fraction": entry.fraction}
        row |= {"kind": entry.kind, "runs": len(entry.runs), "runs_ok": len(entry.done), "rank": line.rank}
        row |= {column.name: line.values[column.name] for column in table.columns}
        if line.interval:
            row |= {"interval_low": line.interval.low, "interval_high": line.interval.high}
        rows.append(row | {"note": line.note, "keys": " ".join(run.key for run in entry.runs)})
    return pd.DataFrame(rows)


def to_latex(table: Table, caption: str) -> str:
    """A table in LaTeX, for the package booktabs; the best value of a column is bold."""
    texts = [table.texts(column) for column in table.columns]
    lines = [f"% {_latex(caption)}", rf"\begin{{tabular}}{{l{'r' * len(table.columns)}}}", r"\toprule"]
    lines += [_latex_row(["method", *(column.heading for column in table.columns)]), r"\midrule"]
    for index, line in enumerate(table.lines):
        cells = [text[index] for text in texts]
        if not line.entry.done:
            lines.append(rf"{_latex(line.entry.label)} & \multicolumn{{{len(cells)}}}{{l}}{{{_latex(line.note)}}} \\")
            continue
        best = [table.is_best(column, line) for column in table.columns]
        lines.append(_latex_row([line.entry.label, *cells], [False, *best]))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _latex_row(cells: Sequence[str], bold: Sequence[bool] = ()) -> str:
    escaped = [_latex(cell) for cell in cells]
    for index, strong in enumerate(bold):
        if strong:
            escaped[index] = rf"\textbf{{{escaped[index]}}}"
    return " & ".join(escaped) + r" \\"


LATEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    MINUS: "$-$",
    "°": r"$^\circ$",
    MISSING: "--",
    "∞": r"$\infty$",
    "\n": " ",
}


def _latex(text: str) -> str:
    """``text`` with everything escaped that LaTeX would read as a command."""
    pattern = re.compile("|".join(re.escape(key) for key in sorted(LATEX, key=len, reverse=True)))
    return pattern.sub(lambda found: LATEX[found[0]], text)
