"""The experiments beside the comparison, a plain table each: what was asked of which method, and its error."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ladid_bench.analysis.statistics import Interval
from ladid_bench.core.configuration import ExperimentName, Study
from ladid_bench.core.files import write_text
from ladid_bench.core.paths import Folders
from ladid_bench.reporting.content import COMPARISON, EQUAL_TIME, DatasetContent, Entry, gather
from ladid_bench.reporting.formatting import MISSING, decimals, listed, number, short
from ladid_bench.reporting.tables import MIDPOINTS, NMSE, PRIMARY, Column, note_on
from ladid_bench.study.plan import ZERO_SHOT

QUESTIONS: dict[ExperimentName, str] = {
    "transfer": "Is a model of one system a good start on another one, with few of its trajectories?",
    "irregular": "Do irregular times, and times between frames, cost accuracy?",
    "ablation": "What does each part of LaDID contribute?",
    "horizon": "How far beyond its training does a model see, and how far into chaos?",
    "shift": "Does a model outlast another way of looking at the same motion?",
    "mixture": "Does training on a range of constants carry over to constants inside and outside of it?",
    "probe": "What can be read off the code psi, and is F the same map for every window of a trajectory?",
    "sufficiency": "How large must the code be, and how long the context?",
    "cost": "What does a step cost, and a forecast, as pictures, horizon and data grow? Errors mean nothing here.",
}
EXTRA: dict[ExperimentName, tuple[Column, ...]] = {
    "irregular": (MIDPOINTS,),
    "cost": (
        Column("cost_cpu_seconds_per_step", "CPU s per step"),
        Column("cost_forecast_seconds", "forecast (s)", help="of the whole test split"),
        Column("cost_peak_memory_mb", "peak memory (MB)"),
    ),
}

BUDGETED = ("steps=", "validations=")  # changes that a whole block has, which no caption need name
MOST_LOST = 6  # lines without a result that a caption names


@dataclass(frozen=True)
class ExperimentRow:
    """A line: one method on one data set with one arm, part of the data and set of changes; texts for the page.

    ``ends`` is the interval of the error as numbers, for figures.
    """

    entry: Entry
    ends: Interval | None
    name: str
    start: str
    fraction: str
    error: str
    median: str
    interval: str
    extra: list[str]
    note: str

    @property
    def dataset(self) -> str:
        return str(self.entry.runs[0].row["dataset"])


@dataclass(frozen=True)
class ExperimentTable:
    """An experiment, with what it is asked of: data sets and their rows. Columns that say nothing are off."""

    name: ExperimentName
    columns: tuple[Column, ...]
    parts: list[tuple[DatasetContent, list[ExperimentRow]]]

    @property
    def question(self) -> str:
        return QUESTIONS[self.name]

    @property
    def entries(self) -> list[Entry]:
        return [row.entry for _, rows in self.parts for row in rows]

    @property
    def changed(self) -> bool:
        return any(entry.changes for entry in self.entries)

    @property
    def started(self) -> bool:
        return any(entry.init_from for entry in self.entries)

    @property
    def divided(self) -> bool:
        return any(entry.fraction < 1 for entry in self.entries)


def experiment_tables(folders: Folders, table: pd.DataFrame, study: Study) -> list[ExperimentTable]:
    """The experiments of a study beside those that the comparison tells of, in the order of the study."""
    made = []
    for name in study.experiments:
        contents = [] if name in (COMPARISON, EQUAL_TIME) else gather(folders, table, study, name)
        if contents:
            columns = EXTRA.get(name, ())
            parts = [(content, [_row(content, entry, columns) for entry in content.entries]) for content in contents]
            made.append(ExperimentTable(name, columns, parts))
    return made


def write_experiments(folder: Path, tables: list[ExperimentTable]) -> None:
    """Write ``tables/experiment-<name>.csv`` with all digits."""
    for table in tables:
        rows = [_all_digits(table, content, row) for content, rows in table.parts for row in rows]
        text = pd.DataFrame(rows).to_csv(index=False, lineterminator="\n")
        write_text(folder / "tables" / f"experiment-{table.name}.csv", text)


def _row(content: DatasetContent, entry: Entry, columns: tuple[Column, ...]) -> ExperimentRow:
    interval = content.error_interval(entry)
    places = decimals([entry.mean(content.error)], 2)
    ends = f"{number(interval.low, places)} to {number(interval.high, places)}" if interval else MISSING
    extra = [number(value, decimals([value], 2)) for value in (entry.mean(column.name) for column in columns)]
    start = f"{entry.arm} from {entry.init_from}" if entry.init_from else entry.arm
    used = "none" if entry.arm == ZERO_SHOT else f"{short(100 * entry.fraction, 2)} %"
    error, name = number(entry.mean(content.error), places), entry.label.partition(",")[0]  # no part of the data
    median = number(entry.mean(PRIMARY[content.primary_metric][1].name), places)
    return ExperimentRow(entry, interval, name, start, used, error, median, ends, extra, note_on(entry))


def not_drawn(rows: Sequence[ExperimentRow]) -> str:
    """The end of a caption: what was asked for and cannot be drawn, because results are missing; empty if nothing."""
    lost = [row for row in rows if not row.entry.complete and not row.entry.skipped]
    if not lost:
        return ""
    if len(lost) > MOST_LOST:
        return f" Not drawn, without a complete result: {len(lost)} of the lines in the table."
    several = len({row.dataset for row in rows}) > 1
    return f" Not drawn, without a complete result: {listed(_in_words(row, several) for row in lost)}."


def _in_words(row: ExperimentRow, several: bool) -> str:
    """What a row was asked, as short as it can be said; with its data set where there are ``several``."""
    entry = row.entry
    told = [change for change in entry.changes.split(", ") if not change.startswith(BUDGETED)]
    words = [row.name, *(one for one in told if one), *([entry.arm] if entry.init_from else [])]
    done = f"{len(entry.done)} of {len(entry.runs)} runs"
    words += [f"on {row.dataset}"] if several else []
    return f"{' '.join(words)}{'' if entry.fraction == 1 else f' with {row.fraction}'} ({done})"


def _all_digits(table: ExperimentTable, content: DatasetContent, row: ExperimentRow) -> dict[str, object]:
    entry = row.entry
    interval, median = row.ends, PRIMARY[content.primary_metric][1].name
    columns = (content.error, median, *(column.name for column in table.columns))
    what = {"experiment": table.name, "dataset": content.name, "method": entry.method, "variant": entry.variant}
    told = {"changes": entry.changes, "arm": entry.arm, "init_from": entry.init_from, "fraction": entry.fraction}
    ends = {"interval_low": interval.low, "interval_high": interval.high} if interval else {}
    return {
        **what,
        **told,
        "primary_metric": content.primary_metric,
        "error": entry.mean(content.error),
        **ends,
        **{name: entry.mean(name) for name in dict.fromkeys((NMSE.name, *columns))},
        "runs": len(entry.runs),
        "runs_ok": len(entry.done),
        "note": note_on(entry),
        "keys": " ".join(run.key for run in entry.runs),
    }
