"""The experiments beside the comparison, a plain table each: what was asked of which method, and its error."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from ladid_bench.analysis.changes import without
from ladid_bench.analysis.entries import DatasetContent, Entry
from ladid_bench.analysis.experiments import ExperimentRow, row_error, row_frame
from ladid_bench.analysis.study_results import ExperimentResults
from ladid_bench.analysis.sweeps import asked_of, at_default
from ladid_bench.core.configuration import Kind, Study
from ladid_bench.reporting.charts import Looks
from ladid_bench.reporting.formatting import decimals, error_text, listed, number, short, span
from ladid_bench.reporting.tables import (
    MIDPOINTS,
    NMSE,
    PARAMETERS,
    PRIMARY,
    Column,
    heading,
    method_name,
    run_links,
    to_html,
    write_csv,
)
from ladid_bench.study.plan import ZERO_SHOT

QUESTIONS: dict[Kind, str] = {
    "comparison": "Which method forecasts best under the same conditions?",
    "equal-time": "Which method forecasts best with the same CPU time for training?",
    "transfer": "Is a model of one system a good start for another one, given few of its trajectories?",
    "irregular": "Do irregular times, and times between frames, cost accuracy?",
    "ablation": "What does each part of a method contribute?",
    "horizon": "How far beyond its training horizon does a model forecast, and how far into chaos?",
    "shift": "Does a model still work when the same motion is rendered differently?",
    "mixture": "Does training on a range of constants generalise to constants inside and outside it?",
    "probe": "What can be read off psi, and is F the same map for every window of a trajectory?",
    "calibration": "How well calibrated is the spread of a forecast, with the same noise for all and with its own?",
    "sufficiency": "How large must psi be, and how long the context?",
    "size": "Does size decide? Rivals get as many parameters as LaDID, and LaDID gets as many as they have.",
    "cost": "How do the costs of a step and a forecast grow with pictures, horizon and data? Errors mean nothing here.",
    "sweep": "How does the error change with the varied settings?",
}
EXTRA: dict[Kind, tuple[Column, ...]] = {
    "irregular": (MIDPOINTS,),
    "cost": (
        Column("cost_cpu_seconds_per_step", "CPU s per step"),
        Column("cost_forecast_seconds", "forecast (s)", help="of the whole test split"),
        Column("cost_peak_memory_mb", "peak memory (MB)"),
    ),
}
BUDGETED = ("steps", "validate_every", "growth_steps")  # changes that a whole block has, which no caption need name
MOST_LOST = 6  # lines without a result that a caption names


@dataclass(frozen=True)
class Scene:
    """What the figures are drawn from.

    Attributes:
        study: whose runs they are.
        root: the checkout, where the methods' cards are.
        styles: by method.
        compared: the data sets of the comparison, for what a model reaches where it was trained.
    """

    study: Study
    root: Path
    styles: Looks
    compared: Sequence[DatasetContent]


def views(table: ExperimentResults, scene: Scene) -> list[tuple[DatasetContent, Markup]]:
    """Lay out the tables of an experiment's data sets, without the columns that say nothing in the whole experiment."""
    swept = table.kind in ("sweep", "sufficiency")
    defaults = at_default(asked_of(table.parts, scene.study, scene.root)) if swept else {}
    return [(content, _html(table, content, rows, defaults)) for content, rows in table.parts]


def _html(
    table: ExperimentResults, content: DatasetContent, rows: Sequence[ExperimentRow], defaults: Mapping[str, str]
) -> Markup:
    primary, median, _ = PRIMARY[content.primary_metric]
    entries, columns = [row.entry for row in rows], (primary, median, *EXTRA.get(table.kind, ()), PARAMETERS)
    cells: dict[str, list[str]] = {}
    if any(entry.changes for entry in table.entries):
        cells["changed"] = [_changed(entry, defaults) for entry in entries]
    if any(entry.init_from for entry in table.entries):
        cells["arm"] = [row.start for row in rows]
    texts = dict.fromkeys(cells, "text")
    if any(entry.fraction < 1 for entry in table.entries):
        cells["training data"] = [fraction_text(row.entry) for row in rows]
    for column in columns:
        if column is not PARAMETERS or any(entry.neural for entry in entries):
            cells[column.name] = [_text(entry.mean(column.name), column) for entry in entries]
        if column is primary:
            errors = [row_error(content, row) for row in rows]
            cells["95 % interval"] = [span(one["low"], one["high"], decimals([one["error"]])) for one in errors]
    cells["runs"] = [run_links(entry) for entry in entries]
    names = [method_name(row.entry, label=row.name) for row in rows]
    return to_html("method", names, cells, "numbers", {one.name: heading(one) for one in columns}, texts)


def _changed(entry: Entry, defaults: Mapping[str, str]) -> str:
    """What was changed, and the default of what others changed."""
    kept = defaults.get(entry.runs[0].key, "")
    return ", ".join(filter(None, (entry.changes, f"{kept} (default)" if kept else "")))


def fraction_text(entry: Entry) -> str:
    """Write the part of the training data that was used, in per cent."""
    return "none" if entry.arm == ZERO_SHOT else f"{short(100 * entry.fraction, 2)} %"


def _text(value: float, column: Column) -> str:
    places = decimals([value], 2)
    return error_text(value, places) if column.best else number(value, places)


def write_experiments(folder: Path, tables: Sequence[ExperimentResults]) -> None:
    """Write ``tables/experiment-<name>.csv`` with all digits."""
    for table in tables:
        frames = []
        for content, rows in table.parts:
            columns = (NMSE, PRIMARY[content.primary_metric][1], *EXTRA.get(table.kind, ()), PARAMETERS)
            frames.append(row_frame(table.name, content, rows, dict.fromkeys(column.name for column in columns)))
        write_csv(folder, f"experiment-{table.name}", pd.concat(frames))


def not_drawn(rows: Sequence[ExperimentRow]) -> str:
    """End a caption: what was asked for and cannot be drawn, because results are missing; empty if nothing."""
    lost = [row for row in rows if not row.entry.complete and not row.entry.skipped]
    if not lost:
        return ""
    if len(lost) > MOST_LOST:
        return f" Not drawn, for want of a complete result: {len(lost)} rows of the table."
    several = len({row.dataset for row in rows}) > 1
    return f" Not drawn, for want of a complete result: {listed(_in_words(row, several) for row in lost)}."


def _in_words(row: ExperimentRow, several: bool) -> str:
    """Say what a row was asked, as short as it can be said; with its data set where there are ``several``."""
    entry = row.entry
    start, where = entry.arm if entry.init_from else "", f"on {row.dataset}" if several else ""
    words = filter(None, (row.name, without(entry.changes, *BUDGETED), start, where))
    done = f"{len(entry.done)} of {len(entry.runs)} runs"
    return f"{' '.join(words)}{'' if entry.fraction == 1 else f' with {fraction_text(entry)}'} ({done})"
