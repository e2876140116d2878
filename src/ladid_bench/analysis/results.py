"""All records in force as one table, a row a planned run; failures are rows too."""

import json
from typing import Any

import pandas as pd

from ladid_bench.core.files import atomic_write, file_sha256
from ladid_bench.core.paths import SPLITS, Folders
from ladid_bench.runs.calibration import Calibration
from ladid_bench.runs.records import FINAL, WAITING, read_attempts, read_record
from ladid_bench.runs.state import is_stale
from ladid_bench.study.plan import PlannedRun

NOT_RUN = {"status": WAITING, "reason": "no attempt has ended yet; run snakemake again to continue"}
PROVENANCE = ("commit", "dirty", "code_hash", "host", "processor", "device", "threads")


def aggregate(runs: dict[str, PlannedRun], folders: Folders) -> pd.DataFrame:
    """Collect the run table of a study, a row a run, and write it to ``results/<scale>/runs.parquet``."""
    table = pd.DataFrame([_row(run, folders) for run in runs.values()])
    with atomic_write(folders.table) as temporary:
        table.to_parquet(temporary, index=False)
    return table


def planned_columns(run: PlannedRun) -> dict[str, Any]:
    """Compose what the table says of a run before it has ended."""
    return {
        "dataset": run.dataset.name,
        "method": run.method,
        "variant": run.variant,
        "seed": run.seed,
        "fraction": run.fraction,
        "arm": run.arm,
        "init_from": run.init_from.dataset.name if run.init_from else "",
        "init_from_key": run.init_from.key if run.init_from else "",
        "changes": run.changes_text,
        "steps": _steps(run),
        "init_from_steps": run.model_from.budget.steps if run.model_from and run.trained else 0,
        "trunk": run.trunk,
        "kind": run.card.kind,
        "primary_metric": run.dataset.source.primary_metric,
        "experiments": ",".join(run.experiments),
        "rung_of": ",".join(run.rung_of),
        "key": run.key,
        "rerun": run.rerun_command,
    }


def _row(run: PlannedRun, folders: Folders) -> dict[str, Any]:
    row = planned_columns(run)
    if not folders.record(run.key).exists():
        attempts = read_attempts(folders.attempts(run.key))
        last = attempts[-1] if attempts else NOT_RUN
        return row | {"status": last["status"], "reason": last["reason"], "attempts": len(attempts), "stale": False}
    record = read_record(folders.record(run.key))
    failed, provenance = record.get("failed_attempts", ()), record["provenance"]
    row |= {"status": record["status"], "reason": record["reason"], "stale": is_stale(run, folders)}
    if record["status"] not in FINAL:
        return row | {"attempts": len(failed)}
    return {
        **row,
        "attempts": len(failed) + 1,
        **record["metrics"],
        **{f"cost_{name}": value for name, value in record["cost"].items()},
        **{name: provenance.get(name, "") for name in PROVENANCE},
        **{f"data_sha256_{split}": provenance["data_sha256"][split] for split in SPLITS},
        "versions": json.dumps(provenance["versions"], sort_keys=True),
        **_beside(folders, run.key),
    }


def _steps(run: PlannedRun) -> int:
    """Optimiser steps of the run's model on the data set that it was trained on last, 0 for none."""
    if run.trained:
        return run.budget.steps
    return run.model_from.budget.steps if run.model_from else 0


def _beside(folders: Folders, key: str) -> dict[str, Any]:
    """Which probe and calibration of the run there are, so that the table changes with them, and what is told there."""
    paths = {"probe": folders.probe(key), "calibration": folders.calibration(key)}
    found = {name: file_sha256(path)[:16] for name, path in paths.items() if path.exists()}
    calibration = Calibration.load(folders, key)
    return found | (calibration.columns if calibration else {})
