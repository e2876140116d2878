"""The recorded searches for a method's settings, and what has to agree between two searches of equal effort."""

import math
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from ladid_bench.core.configuration import DATA_KINDS, DataKind
from ladid_bench.methods.registry import method_folders
from ladid_bench.methods.searched import SearchRecord, Trial, read_search

TRIED_ON: DataKind = "bodies"  # the kind of data on which benchmarks measure steps


def read_searches(name: str, root: Path) -> dict[DataKind, SearchRecord]:
    """Read what was recorded of the searches of a method, by kind of data; those not made yet are left out.

    Raises:
        BenchError: a record is not what ``ladid-bench search`` writes.
    """
    folder = method_folders(root)[name]
    found = {kind: read_search(folder, kind) for kind in DATA_KINDS}
    return {kind: record for kind, record in found.items() if record is not None}


def trials_frame(record: SearchRecord) -> pd.DataFrame:
    """Lay out a row a trial: origin, status, CPU seconds, the error at each budget, and settings that differ."""
    trials, steps = record.trials, [stage.steps for stage in record.identity.stages]
    differing = [name for name in record.identity.space if len({str(trial.settings[name]) for trial in trials}) > 1]
    return pd.DataFrame(
        {
            "origin": trial.origin,
            "status": _status(trial),
            "cpu_seconds": sum(training.cpu_seconds for training in trial.trainings),
            **{budget: math.nan if (error := trial.error(budget)) is None else error for budget in steps},
            **{name: str(trial.settings[name]) for name in differing},
        }
        for trial in trials
    )


def _status(trial: Trial) -> str:
    return trial.trainings[-1].status if trial.trainings else "not trained yet"


def conditions(record: SearchRecord) -> dict[str, str]:
    """List all that has to agree between two searches of equal effort on one kind of data, by name."""
    identity = record.identity
    data = {name: identity.data.get(name) for name in ("dataset", "image_size", "trajectories", "frames")}
    stages = ", ".join(f"{stage.trials} of {stage.steps}" for stage in identity.stages)
    found: Mapping[str, object] = {"stages": stages, "ended": record.ended, **data, **identity.budget}
    return {name: str(value) for name, value in found.items()}


def steps_to(root: Path, method: str, threshold: float) -> float:
    """Find the steps until the trial chosen on the pendulum reached an error; NaN if it did not."""
    folder = method_folders(root).get(method)
    record = read_search(folder, TRIED_ON) if folder else None
    if record is None or record.chosen is None:
        return math.nan
    history = record.trials[record.chosen].trainings[-1].history
    return next((point["step"] for point in history if point["valid_nmse"] <= threshold), math.nan)
