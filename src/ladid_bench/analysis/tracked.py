"""The results in small, in the form that DVC compares between versions: metrics, and curves in long form.

Costs are left out: they differ from machine to machine, and a change of them would drown the changes of results.
"""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ladid_bench.analysis.curves import horizon_frame
from ladid_bench.analysis.entries import EQUAL_TIME, DatasetContent, Entry
from ladid_bench.core.files import write_json, write_text
from ladid_bench.study.plan import COMPARISON

METRICS, TRAINING, HORIZON = "metrics.json", "training.csv", "horizon.csv"
TRAINING_COLUMNS = ("dataset", "method", "seed", "step", "valid_nmse")
HORIZON_COLUMNS = ("dataset", "method", "lead_time", "error")


def write_tracked(folder: Path, datasets: Sequence[DatasetContent], again: Sequence[DatasetContent]) -> None:
    """Write ``metrics.json``, ``training.csv`` and ``horizon.csv`` of a report.

    Args:
        folder: of the report.
        datasets: runs at equal steps.
        again: runs at equal CPU time.
    """
    told = {COMPARISON: datasets, EQUAL_TIME: again}
    metrics = {how: {one.name: _metrics(one) for one in some if one.entries} for how, some in told.items() if some}
    write_json(folder / METRICS, metrics)
    write_text(folder / TRAINING, _csv((row for one in datasets for row in _validations(one)), TRAINING_COLUMNS))
    write_text(folder / HORIZON, _csv((row for one in datasets for row in _horizon(one)), HORIZON_COLUMNS))


def _metrics(dataset: DatasetContent) -> dict[str, dict[str, float]]:
    """Metrics by method, means over seeds; a metric that is no finite number is left out."""
    return {entry.label: _means(entry) for entry in [*dataset.ordered, *dataset.floors] if entry.done}


def _means(entry: Entry) -> dict[str, float]:
    names = {name: None for run in entry.done for name in run.metrics}
    means = {name: entry.mean(name) for name in names}
    return {name: value for name, value in means.items() if math.isfinite(value)} | {"runs_ok": len(entry.done)}


def _validations(dataset: DatasetContent) -> Iterable[dict[str, Any]]:
    for entry in dataset.ordered:
        for run in entry.runs:
            for point in run.history:
                one = {"step": int(point["step"]), "valid_nmse": point["valid_nmse"]}
                yield {"dataset": dataset.name, "method": entry.label, "seed": run.row["seed"], **one}


def _horizon(dataset: DatasetContent) -> Iterable[dict[str, Any]]:
    for row in horizon_frame(dataset, ()).to_dict("records"):
        if math.isfinite(row["error"]):  # a frame without any signal has none
            yield {"method": row["name"], **{name: row[name] for name in ("dataset", "lead_time", "error")}}


def _csv(rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> str:
    return pd.DataFrame(list(rows), columns=list(columns)).to_csv(index=False, lineterminator="\n")
