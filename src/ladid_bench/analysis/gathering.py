"""Sorting the rows of a run table into data sets and entries, and reading what was kept of each run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from ladid_bench.analysis.entries import UNREADABLE, DatasetContent, Entry, Run
from ladid_bench.analysis.run_table import TRAINING, asked_for
from ladid_bench.core.configuration import Study
from ladid_bench.core.errors import BenchError
from ladid_bench.core.paths import Folders
from ladid_bench.data.variables import unit_of
from ladid_bench.methods.registry import load_card
from ladid_bench.runs.calibration import Calibration
from ladid_bench.runs.records import Sample, read_record, read_sample
from ladid_bench.study.cards import load_data_card
from ladid_bench.study.datasets import PlannedDataset, planned_dataset
from ladid_bench.study.plan import COMPARISON


def gather(folders: Folders, table: pd.DataFrame, study: Study, experiment: str = COMPARISON) -> list[DatasetContent]:
    """Sort the runs of one experiment by data set and method, and read what was kept of each.

    Rows of other experiments are ignored; a run may belong to several.
    """
    return _datasets(folders, table[asked_for(table, experiment)], study)


def gather_rungs(folders: Folders, table: pd.DataFrame, study: Study) -> list[DatasetContent]:
    """Sort the runs that belong to a training which experiments show at another number of steps alone."""
    asked = pd.Series(False, table.index)
    for experiment in study.experiments if "rung_of" in table else ():
        asked |= asked_for(table, experiment, "rung_of") & (table["experiments"] == "")
    return _datasets(folders, table[asked], study)


def _datasets(folders: Folders, rows: pd.DataFrame, study: Study) -> list[DatasetContent]:
    return [
        _dataset(folders, some, planned_dataset(study, str(name))) for name, some in rows.groupby("dataset", sort=False)
    ]


def _dataset(folders: Folders, rows: pd.DataFrame, planned: PlannedDataset) -> DatasetContent:
    path = folders.card(planned.name, planned.key)
    data_card = load_data_card(planned, folders) if path.exists() else {}
    entries = []
    cards = {method: load_card(method, folders.root) for method in rows["method"].unique()}
    for _, group in rows.groupby(list(TRAINING), sort=False):
        runs = tuple(_run(folders, {str(name): row[name] for name in row}) for row in group.to_dict("records"))
        row = runs[0].row
        card = cards[row["method"]]
        label = row["method"] if row["variant"] == next(iter(card.variants)) else f"{row['method']}:{row['variant']}"
        label += "" if row["fraction"] == 1 else f", {row['fraction']:.0%} of the data"
        how: dict[str, Any] = {one: row[one] for one in ("arm", "init_from", "changes")}
        how["deterministic"] = card.deterministic
        entries.append(Entry(row["method"], row["variant"], row["fraction"], row["kind"], label, runs, **how))
    return DatasetContent(
        name=planned.name,
        title=str(data_card.get("title", planned.name)),
        primary_metric=str(rows["primary_metric"].iloc[0]),
        time_unit=unit_of(planned.source.units, "time"),
        card=data_card,
        entries=tuple(entries),
    )


def _run(folders: Folders, row: dict[str, Any]) -> Run:
    """A run with its files; one whose files cannot be read has no result, and the reason in its row."""
    key, path = str(row["key"]), folders.record(str(row["key"]))
    try:
        record = read_record(path) if path.exists() else {}
        sample = load_sample(folders.samples(key)) if row["status"] == "ok" else None
        calibration = Calibration.load(folders, key) if row["status"] == "ok" else None
    except BenchError as error:
        return Run({**row, "status": UNREADABLE, "reason": str(error)}, None, {})
    if sample is not None:
        sample = replace(sample, truth=sample.truth[:0], forecast=sample.forecast[:0])
    return Run(row, sample, record, calibration)


def load_sample(path: Path) -> Sample | None:
    """Read the whole sample of a run with its pictures; None where it was not kept.

    Raises:
        BenchError: it is there and cannot be read.
    """
    return read_sample(path) if path.exists() else None
