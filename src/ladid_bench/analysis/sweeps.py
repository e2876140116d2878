"""What was varied on purpose: settings of methods and data sets, sizes, the share of the data; and what it changed."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from ladid_bench.analysis.changes import parse_changes, value_of
from ladid_bench.analysis.entries import DatasetContent, Entry
from ladid_bench.analysis.experiments import ExperimentRow, Parts
from ladid_bench.analysis.statistics import UNKNOWN
from ladid_bench.core.configuration import DataKind, Study
from ladid_bench.data.variables import unit_of
from ladid_bench.methods.registry import load_card, resolve_settings
from ladid_bench.study.datasets import PlannedDataset, planned_dataset
from ladid_bench.study.plan import SCRATCH


def _heading(setting: str, units: Mapping[str, str]) -> str:
    unit = unit_of(units, setting)
    return f"{setting} of the data set" + (f" ({unit})" if unit else "")


@dataclass(frozen=True)
class Asked:
    """A row of an experiment, trained on its own data set with those ``settings`` and that budget."""

    planned: PlannedDataset
    content: DatasetContent
    row: ExperimentRow
    settings: dict[str, Any]

    @property
    def conditions(self) -> dict[str, Any]:
        """All that a study can vary, by what a reader calls it; units stand behind the names."""
        planned, source = self.planned, self.planned.source
        return {
            **{_heading(name, source.units): value for name, value in source.settings.items()},
            "frames given": planned.context_frames,
            "frames forecast": planned.forecast_frames,
            "pixels of a side": planned.image_size,
            "training trajectories": self.trained_on,
            **self.settings,
        }

    @property
    def trained_on(self) -> float:
        """Trajectories that the model was trained on; measured data may hold fewer than were asked for."""
        return self._made("train") * self.row.entry.fraction

    def _made(self, split: str) -> int:
        made = self.content.card.get("splits_made", {}).get(split, {})
        return int(made.get("trajectories", getattr(self.planned.config.trajectories, split)))

    def error(self) -> dict[str, float]:
        """Look up the row's primary error as ``value``, with the ends of its interval as ``low`` and ``high``."""
        ends = self.row.ends or UNKNOWN
        return {"value": self.row.entry.mean(self.content.error), "low": ends.low, "high": ends.high}

    def spent(self, what: str) -> dict[str, float]:
        """Compute CPU seconds of a step, or milliseconds to forecast a trajectory: mean and range of the runs."""
        column, unit = "cost_cpu_seconds_per_step", 1.0
        if what != "step":
            column, unit = "cost_forecast_cpu_seconds", 1000 / self._made("test")
        values = pd.Series([run.row.get(column) for run in self.row.entry.done], dtype=float).dropna() * unit
        return {"value": values.mean(), "low": values.min(), "high": values.max()}


Value = Callable[[Asked], dict[str, float]]  # with the ends of an interval


@dataclass(frozen=True)
class Factor:
    """Something that is varied: its heading, how much of it a row has, and what rows share that differ in it alone.

    What they share begins with the system or data set, and has as many parts for all rows.
    """

    name: str
    heading: str
    size: Callable[[Asked], float | None]
    held: Callable[[Asked], tuple[object, ...]]

    def groups(self, asked: Sequence[Asked]) -> Iterator[tuple[list[object], list[Asked]]]:
        """Find the rows that differ in it alone, with what they share: the first part, and what tells them apart."""
        found: dict[tuple[object, ...], list[Asked]] = {}
        for one in asked:
            if self.size(one) is not None:
                found.setdefault(self.held(one), []).append(one)
        for held, some in found.items():
            rivals = [other for other in found if other[0] == held[0]]
            apart = [part for place, part in enumerate(held) if {part} != {other[place] for other in rivals}]
            yield [held[0], *apart], some

    def frame(self, asked: Sequence[Asked], name: str, what: str, value: Value) -> pd.DataFrame:
        """Tabulate for a figure the methods with complete results at several sizes; empty where there is none."""
        frame = pd.DataFrame(
            {
                **{"figure": name, "dataset": one.content.name, "name": one.row.name, "method": one.row.entry.method},
                **{"variant": one.row.entry.variant, "changes": one.row.entry.changes, "across": self.heading},
                **{"at": float(self.size(one) or 0), "what": what, **value(one), "runs": len(one.row.entry.runs)},
            }
            for one in asked
            if one.row.entry.complete and 0 < value(one)["value"] < math.inf
        )
        if frame.empty:
            return frame
        return frame[frame.groupby("name")["at"].transform("nunique") > 1].sort_values("at", kind="stable")


def _size_of(setting: str, heading: str) -> Factor:
    """A setting that is a size, where nothing else was changed."""
    return Factor(
        setting,
        heading,
        lambda one: one.settings.get(setting) if set(parse_changes(one.row.entry.changes)) <= {setting} else None,
        lambda one: (one.content.name,),
    )


SIZES = (
    _size_of("psi", "size of psi (numbers)"),
    _size_of("latent", "size of the latent state (numbers)"),
)


PARAMETERS = Factor(
    "parameters",
    "parameters of the network",
    lambda one: one.row.entry.mean("cost_parameters"),
    lambda one: (one.content.name,),
)


CONTEXT = Factor(
    "context",
    "frames given",
    lambda one: None if one.row.entry.changes else one.planned.context_frames,
    lambda one: (one.planned.origin, one.planned.image_size, one.planned.config.seed, _settings(one.planned)),
)


FACTORS = (  # neither a step nor the forecast of one trajectory depends on how many trajectories a data set has
    Factor(
        "pixels",
        "pixels of a frame",
        lambda one: one.planned.image_size**2,
        lambda one: (one.planned.source.name, one.planned.forecast_frames, one.row.entry.fraction),
    ),
    Factor(
        "horizon",
        "frames forecast",
        lambda one: one.planned.forecast_frames,
        lambda one: (one.planned.source.name, one.planned.image_size, one.row.entry.fraction),
    ),
    Factor(
        "trajectories",
        "training trajectories",
        lambda one: one.trained_on,
        lambda one: (one.planned.source.name, one.planned.image_size, one.planned.forecast_frames),
    ),
)


def _settings(planned: PlannedDataset) -> tuple[object, ...]:
    return tuple(sorted(planned.source.settings.items()))


def growth(frame: pd.DataFrame) -> pd.DataFrame:
    """Compute by which factor ``value`` and ``at`` grow from smallest to largest size, by method, least first."""
    ends = frame.groupby("name", sort=False)[["value", "at"]].agg(["first", "last"])
    grown = ends.xs("last", axis=1, level=1) / ends.xs("first", axis=1, level=1)
    return grown.reset_index().sort_values(["value", "name"])


def varied(asked: Sequence[Asked]) -> list[Factor]:
    """Find what an experiment varied within a method: every condition that has several values, all of them numbers."""
    values: dict[str, dict[str, list[Any]]] = {}  # by condition and method
    for one in asked:
        for name, value in one.conditions.items():
            values.setdefault(name, {}).setdefault(one.row.name, []).append(value)
    differing = [name for name, own in values.items() if any(len(set(map(str, some))) > 1 for some in own.values())]
    numbers = [name for name in differing if all(_is_number(one) for some in values[name].values() for one in some)]
    return [
        Factor(name, name, partial(_condition, name), partial(_others, [one for one in differing if one != name]))
        for name in numbers
    ]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _condition(name: str, one: Asked) -> float | None:
    return one.conditions.get(name)


def _others(names: Sequence[str], one: Asked) -> tuple[object, ...]:
    """What else tells rows apart: the system, the seed of its data, and the values of the other conditions."""
    known = (f"{name} {one.conditions.get(name, 'none')}" for name in names)
    return (one.planned.source.name, f"seed {one.planned.config.seed}", *known)


def asked_of(parts: Parts, study: Study, root: Path) -> list[Asked]:
    """Find what the rows that were trained on their own data set were asked."""
    return [
        Asked(planned, content, row, _settings_of(row.entry, planned.source.kind, study, root))
        for planned, content, rows in ((planned_dataset(study, content.name), content, rows) for content, rows in parts)
        for row in rows
        if row.entry.arm == SCRATCH
    ]


def at_default(asked: Sequence[Asked]) -> dict[str, str]:
    """Say what a row has from its card of the settings that other rows of its method change, by its first run's key."""
    changed: dict[str, dict[str, None]] = {}
    for one in asked:
        names = parse_changes(one.row.entry.changes)
        changed.setdefault(one.row.name, {}).update(dict.fromkeys(names))
    told = {}
    for one in asked:
        own = parse_changes(one.row.entry.changes)
        kept = [name for name in changed[one.row.name] if name not in own and name in one.settings]
        told[one.row.entry.runs[0].key] = ", ".join(f"{name}={one.settings[name]}" for name in kept)
    return told


def _settings_of(entry: Entry, kind: DataKind, study: Study, root: Path) -> dict[str, Any]:
    """Settings and budget of an entry; of its card, if the card still has its variant, no more than was changed."""
    changes = {name: value_of(text) for name, text in parse_changes(entry.changes).items()}
    if entry.variant not in load_card(entry.method, root).variants:
        return changes
    own = study.method_settings.get(entry.method, {})
    budget = study.budget.model_dump() if entry.neural else {}
    return {**budget, **resolve_settings(entry.method, entry.variant, own, root, kind), **changes}
