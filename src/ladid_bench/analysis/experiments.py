"""An experiment beside the comparison: the lines that it has on each data set, and what they were asked."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from ladid_bench.analysis.curves import horizon_errors
from ladid_bench.analysis.entries import DatasetContent, Entry
from ladid_bench.analysis.evidence import LADID
from ladid_bench.analysis.frames import entry_frame
from ladid_bench.analysis.statistics import UNKNOWN, Interval
from ladid_bench.core.configuration import Study
from ladid_bench.study.datasets import planned_dataset
from ladid_bench.study.plan import SCRATCH, ZERO_SHOT


@dataclass(frozen=True)
class ExperimentRow:
    """A line: one method on one data set with one arm, part of the data and set of changes; ``ends`` of its error."""

    entry: Entry
    ends: Interval | None

    @property
    def name(self) -> str:
        """The method, without the part of the data."""
        return self.entry.label.partition(",")[0]

    @property
    def start(self) -> str:
        """What the training started from."""
        return f"{self.entry.arm} from {self.entry.init_from}" if self.entry.init_from else self.entry.arm

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        return str(self.entry.runs[0].row["dataset"])


Parts = Sequence[tuple[DatasetContent, Sequence[ExperimentRow]]]  # data sets with their lines


def row_columns(content: DatasetContent, row: ExperimentRow) -> dict[str, Any]:
    """Compose the columns that every table has of a row: which method was asked what."""
    entry = row.entry
    asked = {"changes": entry.changes, "arm": entry.arm, "init_from": entry.init_from, "fraction": entry.fraction}
    return {"dataset": content.name, "name": row.name, "method": entry.method, "variant": entry.variant, **asked}


def row_error(content: DatasetContent, row: ExperimentRow) -> dict[str, float]:
    """Look up the primary error of a row with the ends of its interval, NaN where it has none."""
    ends = row.ends or UNKNOWN
    return {"error": row.entry.mean(content.error), "low": ends.low, "high": ends.high}


def told_apart(content: DatasetContent) -> DatasetContent:
    """Select the complete entries of a data set, with the arm in the name where there are several."""
    kept = [entry for entry in content.ranked if entry.sampled]
    several = len({(entry.arm, entry.init_from) for entry in kept}) > 1
    told = (replace(one, label=f"{one.label}, {one.arm}" if one.init_from else one.label) for one in kept)
    return replace(content, entries=tuple(told if several else kept))


def trained_until(content: DatasetContent, study: Study) -> float | None:
    """Find the longest lead time that zero-shot models of a data set were trained on.

    None where it is all that is asked, or where the models were not all trained on one other data set of the study.
    """
    sources = {entry.init_from if entry.arm == ZERO_SHOT else "" for entry in content.entries}
    if len(sources) != 1 or not sources & set(study.datasets):
        return None
    frames = planned_dataset(study, sources.pop()).forecast_frames
    lead, _ = horizon_errors(content, content.entries[0])
    return float(lead[frames - 1]) if frames < len(lead) else None


def at_home(entry: Entry, content: DatasetContent, known: Iterable[DatasetContent]) -> float:
    """Look up the error of the same models on the data set that they were trained on; NaN where it is not known."""
    wanted = (entry.method, entry.variant, SCRATCH, 1, "")
    for home in known:
        if home.name == entry.init_from:
            for one in home.entries:
                if (one.method, one.variant, one.arm, one.fraction, one.changes) == wanted and one.complete:
                    return one.mean(content.error)
    return math.nan


def row_frame(
    experiment: str, content: DatasetContent, rows: Sequence[ExperimentRow], names: Iterable[str]
) -> pd.DataFrame:
    """Tabulate the rows of a data set: what was asked, the error, and means of the columns ``names``."""
    told = []
    for row in rows:
        asked = {name: getattr(row.entry, name) for name in ("changes", "arm", "init_from")}
        found = row_error(content, row)
        ends = {"interval_low": found["low"], "interval_high": found["high"]}
        metric = {"primary_metric": content.primary_metric}
        told.append({"experiment": experiment, **asked, **metric, "error": found["error"], **ends})
    entries = [row.entry for row in rows]
    return pd.concat([pd.DataFrame(told), entry_frame(content, entries, names)], axis=1)


def error_frame(parts: Parts, known: Sequence[DatasetContent]) -> pd.DataFrame:
    """Tabulate the errors of the complete entries of some data sets, LaDID first, the arms of a method together.

    ``other`` is the error of the same models at home, on one of the data sets ``known``. ``full`` is false for models
    that were trained on the data set itself, where others come from elsewhere.
    """
    moved = any(row.entry.init_from for _, rows in parts for row in rows)
    made = []
    for content, rows in parts:
        complete = [row for row in rows if row.entry.complete and not row.entry.floor]
        complete = [row for row in complete if 0 < row.entry.mean(content.error) < math.inf]
        complete.sort(
            key=lambda row: (row.entry.method != LADID, row.entry.method, row.name, bool(row.entry.init_from))
        )
        for row, name in zip(complete, _row_names(complete), strict=True):
            other = at_home(row.entry, content, known) if row.entry.arm == ZERO_SHOT else math.nan
            drawn = {"full": row.entry.arm != SCRATCH or not moved, "other": other}
            told = {"panel": content.name, "row": name}
            made.append({**told, **row_columns(content, row), **row_error(content, row), **drawn})
    return pd.DataFrame(made)


def _row_names(rows: Sequence[ExperimentRow]) -> list[str]:
    """Rows in short: method, arm, part of the data, source and changes, where they tell rows apart."""
    sources = {row.entry.init_from for row in rows if row.entry.init_from}
    names = []
    for entry, name in ((row.entry, row.name) for row in rows):
        words = [name, *([entry.arm] if sources else [])]
        words += [f"{100 * entry.fraction:.2g} %"] if entry.fraction < 1 and entry.arm != ZERO_SHOT else []
        words += [f"from {entry.init_from}"] if len(sources) > 1 and entry.init_from else []
        names.append(", ".join(words))
    changes = [row.entry.changes for row in rows]
    return [
        f"{name}, {change}" if names.count(name) > 1 and change else name
        for name, change in zip(names, changes, strict=True)
    ]
