"""The recorded search for a method's settings, as its card shows it, and whether the effort was the same for all."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from ladid_bench.core.errors import BenchError
from ladid_bench.core.readers import read_json
from ladid_bench.methods.registry import MethodCard, method_folders
from ladid_bench.reporting.formatting import counted, decimals, duration, error_text, listed, number
from ladid_bench.reporting.tables import to_html
from ladid_bench.runs.search import SEARCH

WARNING = "More search lowers the error of any method."


@dataclass(frozen=True)
class Search:
    """What ``search.json`` says of a method.

    Attributes:
        identity: what was searched for: data, budget, trials, seed, space.
        trials: a row each, in the order in which they were made: error (NaN where there is none), status, minutes, and
            the settings that differ between trials.
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
    def effort(self) -> str:
        """Trials, steps and data in words."""
        planned, made = self.identity["trials"], len(self.trials)
        trials = counted(made, "trial") if made == planned else f"{made} of {counted(planned, 'trial')}"
        return f"{trials} of {self.identity['budget']['steps']:,} steps on {self.identity['data']['dataset']}"

    @property
    def conditions(self) -> dict[str, str]:
        """All that has to agree between two searches of equal effort, by name."""
        data = {name: self.identity["data"].get(name) for name in ("dataset", "image_size", "trajectories", "frames")}
        found = {"trials": self.identity["trials"], "trials made": len(self.trials), **data, **self.identity["budget"]}
        return {name: str(value) for name, value in found.items()}

    @property
    def table(self) -> Markup:
        """The trials as the page shows them, the best one in bold."""
        errors = self.trials["valid_nmse"]
        places = decimals(errors, 3)
        shown: dict[str, list[str]] = {
            "validation nMSE": [error_text(value, places) for value in errors],
            "status": [_status(one) for one in self.trials["status"]],
            "CPU minutes": [number(seconds / 60, 1) for seconds in self.trials["cpu_seconds"]],
        }
        settings = {str(name): list(self.trials[name]) for name in self.trials.columns[3:]}
        names = [f"{trial} best" if trial == self.best_trial else str(trial) for trial in self.trials.index]
        best = ["best" if trial == self.best_trial else "" for trial in self.trials.index]
        cells = shown | settings
        return to_html("trial", names, cells, "plain trials", classes=dict.fromkeys(cells, best))


def _status(status: str) -> Markup:
    return Markup("ok") if status == "ok" else Markup('<span class="status">{}</span>').format(status)


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
        search = _search(content["identity"], content["trials"], content["best"])
        for needed in ("trials", "seed", "method_version"):  # fail here, where the file is known
            int(search.identity[needed])
        str((search.effort, search.conditions, search.table))
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
    frame = pd.DataFrame(rows, columns=["valid_nmse", "status", "cpu_seconds", *differing])
    found = None if best is None else trials[best]["settings"]
    return Search(identity, frame, found, best, float(frame["cpu_seconds"].sum()))


def describe_search(search: Search, card: MethodCard) -> str:
    """Say how a method was searched, and whether its card has what the search found."""
    seed, spent = search.identity["seed"], duration(search.cpu_seconds)
    words = f"Searched in {search.effort}, chosen on its validation split, seed {seed}, {spent} of CPU time in all."
    if search.best is None:
        return f"{words} No trial ended with a result."
    default = card.settings | next(iter(card.variants.values()))
    changed = [name for name, value in search.best.items() if default.get(name) != value]
    if changed:
        words += f" Unlike the best trial, the card has {listed(f'{name} {default.get(name)}' for name in changed)}."
    else:
        words += " The card has the settings of the best trial."
    former = search.identity["method_version"]
    if former != card.version:
        words += f" It was made with version {former} of the method, the card has version {card.version}."
    return words


def effort(searches: Mapping[str, Search | None]) -> tuple[bool, str]:
    """Tell whether all methods were searched with equal effort, and what was done in words.

    Args:
        searches: by name of each neural method that is compared.
    """
    groups: dict[str, list[str]] = {}
    for name, search in searches.items():
        groups.setdefault(str(search.conditions) if search else "", []).append(name)
    parts = [_told(searches[names[0]], names) for _, names in sorted(groups.items(), reverse=True)]
    if len(groups) < 2:
        return True, f"Settings of {parts[0]}." if parts else ""
    differing = _differing([search.conditions for search in searches.values() if search])
    but = f" The searches differ in {listed(differing)}." if differing else ""
    return False, f"Unequal search for settings: those of {'; those of '.join(parts)}.{but} {WARNING}"


def _told(search: Search | None, names: list[str]) -> str:
    return f"{listed(names)} were {f'searched in {search.effort}' if search else 'not searched yet'}"


def _differing(conditions: list[dict[str, str]]) -> list[str]:
    """Names of the conditions that do not agree."""
    return [name for name in conditions[0] if len({one.get(name) for one in conditions}) > 1] if conditions else []
