"""The recorded search for a method's settings, and what has to agree between two searches of equal effort."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ladid_bench.core.errors import BenchError
from ladid_bench.core.readers import read_json
from ladid_bench.methods.registry import method_folders
from ladid_bench.runs.search import SEARCH

TOLD = ["valid_nmse", "status", "cpu_seconds"]


@dataclass(frozen=True)
class Search:
    """What ``search.json`` says of a method.

    Attributes:
        identity: what was searched for: data, budget, trials, seed, space.
        trials: a row each, in the order in which they were made: error (NaN where there is none), status, CPU seconds,
            and the settings that differ between trials.
        best: settings of the trial with the lowest validation error, None where no trial has a result.
        best_trial: its number.
        cpu_seconds: of all trials together.
    """

    identity: Mapping[str, Any]
    trials: pd.DataFrame
    best: Mapping[str, Any] | None
    best_trial: int | None
    cpu_seconds: float

    @property
    def conditions(self) -> dict[str, str]:
        """All that has to agree between two searches of equal effort, by name."""
        data = {name: self.identity["data"].get(name) for name in ("dataset", "image_size", "trajectories", "frames")}
        found = {"trials": self.identity["trials"], "trials made": len(self.trials), **data, **self.identity["budget"]}
        return {name: str(value) for name, value in found.items()}


def read_search(name: str, root: Path) -> Search | None:
    """Read what was recorded of the search of a method; None where it was not searched yet.

    Raises:
        BenchError: ``search.json`` is not what ``ladid-bench search`` writes.
    """
    path = method_folders(root)[name] / SEARCH
    if not path.exists():
        return None
    content = read_json(path, "record of a search", "search again")
    try:
        identity = content["identity"]
        for needed in (*(identity[name] for name in ("trials", "seed", "method_version")), identity["budget"]["steps"]):
            int(needed)
        search = _search(identity, content["trials"], content["best"])
        str(
            (search.conditions, identity["data"]["dataset"])
        )  # fails here, where the file is known, if anything is missing
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise BenchError(f"{path}: not a readable record of a search ({error!r}); search again") from error
    return search


def _search(identity: dict[str, Any], trials: list[dict[str, Any]], best: int | None) -> Search:
    differing = [name for name in identity["space"] if len({str(trial["settings"][name]) for trial in trials}) > 1]
    rows = [
        {"valid_nmse": float(trial.get("valid_nmse", "nan")), "status": trial["status"]}
        | {"cpu_seconds": float(trial["cpu_seconds"])}
        | {name: str(trial["settings"][name]) for name in differing}
        for trial in trials
    ]
    frame = pd.DataFrame(rows, columns=[*TOLD, *differing])
    found = None if best is None else trials[best]["settings"]
    return Search(identity, frame, found, best, float(frame["cpu_seconds"].sum()))


def steps_to(root: Path, method: str, threshold: float) -> float:
    """Steps of the best trial of a method's search until the threshold was reached, NaN where it never was."""
    path = method_folders(root)[method] / SEARCH if method in method_folders(root) else None
    if path is None or not path.exists():
        return math.nan
    found = read_json(path, "record of a search", "search again")
    history = found["trials"][found["best"]]["history"] if found["best"] is not None else []
    return next((point["step"] for point in history if point["valid_nmse"] <= threshold), math.nan)
