"""The tables of a report: a tidy frame is the CSV, and pandas' Styler lays it out as HTML and as LaTeX."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup, escape
from pandas.io.formats.style import Styler

from ladid_bench.analysis.entries import DatasetContent, Entry
from ladid_bench.analysis.frames import accuracy_frame, cost_frame, note_on, state
from ladid_bench.core.files import write_text
from ladid_bench.reporting.formatting import MINUS, MISSING, MOST_ERROR, decimals, error_text, number, slug, span
from ladid_bench.reporting.palette import MethodStyle, variable
from ladid_bench.runs.calibration import DISTRIBUTIONS, MEASURES

LOW, HIGH = "low", "high"
FAR = 30.0  # a dot this many times right of the best one stands at the edge
LONGEST_NOTE = 160  # letters of a note in a table; the run's own entry has all of it
UNICODE = str.maketrans({MINUS: "$-$", "°": r"$^\circ$", MISSING: "--", "∞": r"$\infty$", ">": "$>$", "\n": " "})


@dataclass(frozen=True)
class Column:
    """A column of numbers.

    Attributes:
        name: of the value, as in the run table.
        heading: what stands above it.
        best: ``low`` or ``high``, whichever end is best, or empty where neither is; what is best low is an error.
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


NMSE = Column("nmse_mean", "nMSE", LOW, "squared error over squared truth, mean over test trajectories")
NMSE_MEDIAN = Column("nmse_median", "median nMSE", LOW, "median over test trajectories")
FVU = Column("fvu_pooled", "FVU", LOW, "fraction of variance unexplained, pooled: 1 is the training mean")
FVU_MEDIAN = Column("fvu_median", "median FVU", LOW, "median over test trajectories")
MIDPOINTS = Column(
    "midpoints_nmse_mean", "nMSE at midpoints", LOW, "halfway between frames, where the simulator gives the truth"
)
SKILLED = Column("skill", "skill", HIGH, "1 minus error / error of the best simple method", fixed=2, narrow=True)
VALID = Column(
    "valid_time_mean", "valid time", HIGH, "time until the error first exceeds 40 % of the variance", digits=1
)
PARAMETERS = Column("cost_parameters", "parameters", help="trainable parameters of the network", digits=1)
IN_LYAPUNOV_TIMES = Column(
    "valid_lyapunov_times", "valid time (Lyapunov times)", HIGH, "valid time times the largest Lyapunov exponent"
)
OTHERS = (
    Column("temporal_fvu_mean", "temporal FVU", LOW, "error over the variance about each trajectory's own mean frame"),
    Column("temporal_fvu_median", "median temporal FVU", LOW, "median over test trajectories: 1 is a still picture"),
    Column("vrmse_mean", "VRMSE", LOW, "root of squared error over spatial variance"),
    Column("spectral_distance_mean", "spectral distance", LOW, "distance of the power spectra in decades"),
    Column("angle_error_degrees_mean", "angle error (°)", LOW, "angle read off the picture, mean over all frames"),
    Column("angle_error_degrees_median", "median angle error (°)", LOW, "angle read off the picture, median"),
)
SPENT = (
    PARAMETERS,
    Column("cost_steps", "steps", help="optimiser steps"),
    Column("cost_cpu_seconds", "CPU seconds", help="measured, of the whole run", digits=1, narrow=True),
    Column("cost_cpu_seconds_per_step", "CPU s per step"),
)
COST = (
    PARAMETERS,
    Column("cost_steps", "steps"),
    Column("cost_cpu_seconds_per_step", "CPU s per step"),
    Column("cost_seconds_per_step", "seconds per step", help="wall-clock time, whatever else ran"),
    Column("cost_cpu_seconds", "CPU seconds", help="of the whole run", digits=1),
    Column("cost_accelerator_seconds", "accelerator seconds", help="of the whole run", digits=1),
    Column("cost_function_evaluations", "function evaluations", help="calls of the derivative in a forecast"),
    Column("forecast_milliseconds", "forecast ms per trajectory", help="the test split forecast at once", digits=1),
    Column("cost_peak_memory_mb", "peak memory (MB)", help="of the whole process", digits=1),
    Column("cost_load", "load", help="processes that wanted a core when the run ended, its own included", digits=1),
)
CORE = frozenset(
    {
        *("nmse_mean", "nmse_median", "fvu_pooled", "fvu_median", "midpoints_nmse_mean"),
        *("skill", "valid_time_mean", "cost_parameters"),
    }
)
PRIMARY = {"nmse": (NMSE, NMSE_MEDIAN, FVU), "fvu": (FVU, FVU_MEDIAN, NMSE)}
UNSHOWN = frozenset(
    {"nmse_median", "fvu_median", "fvu_mean", "midpoints_nmse_median", "midpoints_fvu", "floor_nmse", "floor_fvu"}
    | {f"{name}_{measure}" for name in DISTRIBUTIONS for measure in MEASURES}  # of the experiment that asks for them
)


@dataclass(frozen=True)
class Table:
    """Methods on one data set: ``frame`` has a row an entry with all digits, the floors last; it is the CSV."""

    entries: tuple[Entry, ...]
    columns: tuple[Column, ...]
    frame: pd.DataFrame

    def only(self, columns: Iterable[Column]) -> "Table":
        """Choose which columns of numbers are shown."""
        return replace(self, columns=tuple(columns))

    def begun(self) -> "Table":
        """Leave out the entries of which no run has ended, as in a study that goes on piece by piece."""
        kept = [entry.begun for entry in self.entries]
        return replace(self, entries=tuple(compress(self.entries, kept)), frame=self.frame[kept])

    def used(self) -> "Table":
        """Leave out the columns in which nothing stands."""
        kept = [column for column in self.columns if self.frame[column.name].notna().any()]
        unused = [column.name for column in self.columns if column not in kept]
        return Table(self.entries, tuple(kept), self.frame.drop(columns=unused))

    def places(self, column: Column) -> int:
        """Count the decimals of a column's cells."""
        if column.fixed is not None:
            return column.fixed
        values = self.frame.loc[[not entry.floor for entry in self.entries], column.name]
        return decimals(values[~(values > MOST_ERROR)] if column.best == LOW else values, column.digits)

    def texts(self, column: Column) -> list[str]:
        """Write the cells of a column, with more decimals for a floor that is far below all others."""
        found, write = [], error_text if column.best == LOW or column is SKILLED else number
        for entry, value in zip(self.entries, self.frame[column.name], strict=True):
            own = decimals([value], 1) if entry.floor and column.fixed is None else 0
            found.append(write(value, max(self.places(column), own)))
        return found

    def best(self, column: Column) -> list[bool]:
        """Tell which competitors have the best value of a column, among those whose runs all have a result."""
        competing = np.array([entry.complete and not entry.floor for entry in self.entries], dtype=bool)
        known = self.frame.loc[competing, column.name].dropna()
        if not column.best or len(known) < 2:
            return [False] * len(self.entries)
        return list((self.frame[column.name] == (known.min() if column.best == LOW else known.max())) & competing)

    def intervals(self) -> list[str]:
        """Write the interval of every entry's primary error, the first column."""
        ends = self.frame[["interval_low", "interval_high"]].to_numpy()
        places = self.places(self.columns[0])
        return [span(low, high, places) for low, high in ends]

    @property
    def capped(self) -> bool:
        """Whether an error is larger than what is shown."""
        return bool(
            (self.frame[[column.name for column in self.columns if column.best == LOW]] > MOST_ERROR).any(axis=None)
        )


def comparison(dataset: DatasetContent) -> Table:
    """Tabulate the accuracy of every method on one data set: best first, failures last, then the floor."""
    valid = replace(VALID, heading=f"{VALID.heading} ({dataset.time_unit})") if dataset.time_unit else VALID
    known = (*PRIMARY[dataset.primary_metric], MIDPOINTS, SKILLED, valid, IN_LYAPUNOV_TIMES, *OTHERS, PARAMETERS)
    found = {name for entry in dataset.entries for run in entry.done for name in run.metrics}
    extra = sorted(found - {column.name for column in known} - UNSHOWN)
    columns = (*known, *(Column(name, name.replace("_", " ")) for name in extra))
    return _table(dataset, columns, accuracy_frame).used()


def core(table: Table) -> Table:
    """Keep the measures of a comparison that fit the width of a page."""
    return table.only(column for column in table.columns if column.name in CORE)


def equal_time(dataset: DatasetContent) -> Table:
    """Tabulate the accuracy at equal CPU time, and what was spent."""
    return _table(dataset, (*PRIMARY[dataset.primary_metric][:2], *SPENT), accuracy_frame).used()


def cost(dataset: DatasetContent) -> Table:
    """Tabulate what every method cost on one data set, in the order of its comparison."""
    return _table(dataset, COST, cost_frame)


def _table(dataset: DatasetContent, columns: tuple[Column, ...], frame: Callable[..., pd.DataFrame]) -> Table:
    entries = (*dataset.ordered, *dataset.floors)
    return Table(entries, columns, frame(dataset, entries, [column.name for column in columns]))


def write_csv(folder: Path, name: str, frame: pd.DataFrame) -> None:
    """Write ``tables/<name>.csv`` of a report."""
    write_text(folder / "tables" / f"{name}.csv", frame.to_csv(index=False, lineterminator="\n"))


def to_latex(table: Table, caption: str, bold: bool = True) -> str:
    """Lay out a table in LaTeX, for the package booktabs; the best value of a column is bold, the floor set apart."""
    names = [f"{entry.label}{_aside(entry)}" for entry in table.entries]
    texts = pd.DataFrame({"method": names} | {column.heading: table.texts(column) for column in table.columns})
    styled = Styler(texts).hide(axis="index").format(_in_latex, escape="latex")
    styled = styled.format_index(_in_latex, axis=1, escape="latex")
    for column in table.columns if bold else ():
        best = np.where(table.best(column), "textbf:--rwrap", "")
        styled = styled.apply(lambda _, best=best: best, subset=[column.heading])
    head, *lines = styled.to_latex(hrules=True, column_format="l" + "r" * len(table.columns)).splitlines()
    floors = sum(entry.floor for entry in table.entries)
    if floors and floors < len(names):
        lines.insert(len(lines) - 2 - floors, r"\midrule")  # above the rule and the end
    return "\n".join([f"% {' '.join(caption.split())}", head, *lines, ""])


def _in_latex(text: Any) -> str:
    return str(text).translate(UNICODE)


def _aside(entry: Entry) -> str:
    return " (floor)" if entry.floor else "" if entry.done else f" ({state(entry.runs[0])})"


def write_table(folder: Path, name: str, table: Table, caption: str, bold: bool) -> None:
    """Write a table as CSV and LaTeX."""
    write_csv(folder, name, table.frame)
    write_text(folder / "tables" / f"{name}.tex", to_latex(table, caption, bold))


def to_html(
    corner: str,
    names: Sequence[str],
    cells: Mapping[str, Sequence[Any]],
    kind: str = "numbers",
    headings: Mapping[str, Markup] | None = None,
    classes: Mapping[str, Any] | None = None,
) -> Markup:
    """Lay out cells as a table; text is escaped, ``Markup`` is not.

    Args:
        corner: what stands above the names of the rows.
        names: of the rows.
        cells: of every column, by its name.
        kind: classes of the table in the style sheet.
        headings: of columns by name, where it is not the name itself.
        classes: of cells in the style sheet, one a column or one a cell, by the column's name.
    """
    frame = pd.DataFrame({name: pd.Series(list(column), dtype=object) for name, column in cells.items()})
    classes = classes or {}
    own = pd.DataFrame("", frame.index, frame.columns).assign(**classes)
    styled = Styler(frame, uuid="t", cell_ids=False).relabel_index([str(escape(name)) for name in names], axis=0)
    above = {name: _aligned((headings or {}).get(name, name), classes.get(name)) for name in cells}
    styled = styled.format(escape).format_index(lambda name: above[str(name)], axis=1)
    styled = styled.set_table_attributes(f'class="{kind}"').set_td_classes(own)
    styled = styled.set_table_styles(css_class_names={"row": "r", "col": "c", "data": "", "row_heading": "name"})
    html = styled.to_html().replace("&nbsp;", str(escape(corner)), 1)
    return Markup(html[html.index("<table") :].replace('id="T_t" ', "", 1))


def _aligned(words: str, kind: Any) -> Markup:
    """Write what stands above a column; that of a column of texts begins where these do."""
    return Markup('<span class="text">{}</span>').format(words) if kind == "text" else escape(words)


def heading(column: Column, kind: str = "") -> Markup:
    """Write what stands above a column, with its meaning where the reader points at it."""
    return Markup('<span class="{}" title="{}">{}</span>').format(kind, column.help, column.heading)


def methods_html(
    table: Table, looks: Mapping[str, MethodStyle], drawn: str = "", ranked: bool = True, judged: bool = True
) -> Markup:
    """Lay out a table of methods for the page, with their colours and links.

    Args:
        table: of one data set.
        looks: by label of the method.
        drawn: column of the error that is drawn as a dot with its interval beside the first column; empty for none.
        ranked: whether the order is that of the errors, and the table can be sorted.
        judged: whether numbers mean anything, so that ranks and the best values stand out.
    """
    cells: dict[str, list[str]] = {}
    classes: dict[str, Any] = {}
    headings: dict[str, Markup] = {}
    for place, column in enumerate(table.columns):
        values = zip(table.frame[column.name], table.texts(column), strict=True)
        cells[column.name] = [datum(value, text) for value, text in values]
        minor = "minor" if drawn and place and not column.narrow else ""
        headings[column.name] = heading(column, minor)
        best = np.array(table.best(column)) & ranked & judged
        classes[column.name] = [f"{minor} best".strip() if one else minor for one in best]
        if drawn and not place:
            if table.frame["interval_low"].notna().any():
                cells["95 % interval"] = table.intervals()
                classes["95 % interval"] = "wide minor"
                headings["95 % interval"] = Markup('<span class="minor">95 % interval</span>')
            cells["drawn"] = [*_dots(table, looks, drawn)]
            headings["drawn"] = Markup('<span title="low errors at the left, logarithmic">drawn</span>')
    cells["runs"] = [run_links(entry) for entry in table.entries]
    ordinals = table.frame["rank"] if ranked and judged else [math.nan] * len(table.entries)
    names = [method_name(entry, looks[entry.label], rank) for entry, rank in zip(table.entries, ordinals, strict=True)]
    kind = f"numbers{' sortable' if ranked else ''}{' brief' if drawn else ''}"
    return to_html("method", names, cells, kind, headings, classes)


def datum(value: float, text: str) -> Markup:
    """Write a number as the reader sees it, with all its digits for sorting."""
    return Markup("{}").format(text) if math.isnan(value) else Markup('<data value="{}">{}</data>').format(value, text)


def method_name(entry: Entry, look: MethodStyle | None = None, rank: float = math.nan, label: str = "") -> Markup:
    """Write the head of a method's line: rank, stroke as in the figures, link to its card, and what is amiss."""
    kind = " floor" if entry.floor else "" if entry.complete else " partial"
    method = slug(entry.label)
    name = Markup('<span class="method{}" data-method="{}">').format(kind, method)
    name += Markup('<span class="rank">{}</span>').format("" if math.isnan(rank) else f"{rank:g}")
    name += stroke(look) if look else Markup()
    name += Markup('<a href="#method-{}">{}</a></span>').format(entry.method, label or entry.label)
    note = note_on(entry)
    if not note:
        return name
    note = note if len(note) <= LONGEST_NOTE else f"{note[: LONGEST_NOTE - 3]}..."
    return name + Markup('<span class="note{}">{}</span>').format(" skipped" if entry.skipped else "", note)


def stroke(look: MethodStyle) -> Markup:
    """Draw the line that stands for a method in the figures."""
    dashes = "none" if look.dash == "solid" else " ".join(f"{2 * length:g}" for length in look.dash[1])
    line = Markup('<line x1="1" y1="4" x2="23" y2="4" stroke="var({})" stroke-width="3" stroke-dasharray="{}"/>')
    picture = line.format(variable(look.colour), dashes)
    return Markup('<svg class="look" viewBox="0 0 24 8" aria-hidden="true">{}</svg>').format(picture)


def run_links(entry: Entry) -> Markup:
    """Link to every run behind a line, by its seed, or by its key where it is the only one."""
    link = Markup('<a class="key{}" href="#run-{}" title="seed {}: {}">{}</a>')
    return Markup(" ").join(
        link.format(
            "" if run.status in ("ok", "skipped") else " lost",
            *(run.key, run.row["seed"], run.status),
            run.key[:7] if len(entry.runs) == 1 else run.row["seed"],
        )
        for run in entry.runs
    )


def _dots(table: Table, looks: Mapping[str, MethodStyle], error: str) -> list[Markup]:
    """Draw each error with its interval along a logarithmic scale from the lowest to the highest one."""
    ends = table.frame[["interval_low", error, "interval_high"]].to_numpy(dtype=float)  # (entry, 3)
    ends = np.where(np.isnan(ends), ends[:, 1:2], ends)  # without an interval all three are the error
    shown = ends[np.isfinite(ends) & (ends > 0)]
    if not len(shown):
        return [Markup()] * len(ends)
    low = shown.min()
    high = max(low, shown[shown <= FAR * max(1.0, low)].max(initial=low))
    scale = math.log(high / low) or math.inf
    places = 100 * np.clip(np.log(np.maximum(np.nan_to_num(ends, nan=low), low) / low) / scale, 0, 1)
    dot = (
        '<span class="range" style="--colour:var({})"><i style="left:{}%;width:{}%"></i><b style="left:{}%"></b></span>'
    )
    return [
        Markup(dot).format(
            variable(looks[entry.label].colour), round(left, 1), round(right - left, 1), round(middle, 1)
        )
        if math.isfinite(own[1])
        else Markup()
        for entry, (left, middle, right), own in zip(table.entries, places, ends, strict=True)
    ]
