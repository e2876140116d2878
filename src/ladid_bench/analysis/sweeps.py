"""What was varied on purpose: the sizes of code and context, of frames, horizon and data, and what was measured."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ladid_bench.analysis.entries import DatasetContent
from ladid_bench.analysis.experiments import ExperimentRow, Parts
from ladid_bench.analysis.rules import changed_to
from ladid_bench.core.configuration import Study
from ladid_bench.methods.registry import load_card, resolve_settings
from ladid_bench.study.datasets import PlannedDataset, planned_dataset
from ladid_bench.study.plan import SCRATCH

LATENT = "latent"


@dataclass(frozen=True)
class Asked:
    """A row of an experiment, trained on its own data set; ``latent`` is the size of its code, where it has one."""

    planned: PlannedDataset
    content: DatasetContent
    row: ExperimentRow
    latent: int | None

    def error(self) -> dict[str, float]:
        """Its primary error with the ends of the interval."""
        ends = {"low": self.row.ends.low, "high": self.row.ends.high} if self.row.ends else {}
        return {"value": self.row.entry.mean(self.content.error), "low": math.nan, "high": math.nan, **ends}

    def spent(self, what: str) -> dict[str, float]:
        """CPU seconds of a step, or milliseconds of the forecast of a trajectory: mean and range of the runs.

        Those of a forecast are of the clock in older records.
        """
        column, unit = "cost_cpu_seconds_per_step", 1.0
        if what != "step":
            column, unit = "cost_forecast_cpu_seconds", 1000 / self.planned.config.trajectories.test
            column = "cost_forecast_seconds" if math.isnan(self.row.entry.mean(column)) else column
        values = pd.Series([run.row.get(column) for run in self.row.entry.done], dtype=float).dropna() * unit
        return {"value": values.mean(), "low": values.min(), "high": values.max()}


Value = Callable[[Asked], dict[str, float]]  # with the ends of an interval


@dataclass(frozen=True)
class Factor:
    """Something that is varied: its heading, how much of it a row has, and what rows share that differ in it alone."""

    name: str
    heading: str
    size: Callable[[Asked], float | None]
    held: Callable[[Asked], tuple[object, ...]]

    def groups(self, asked: Sequence[Asked]) -> Iterator[tuple[tuple[object, ...], list[Asked]]]:
        """Rows that differ in it alone, with what they share."""
        found: dict[tuple[object, ...], list[Asked]] = {}
        for one in asked:
            if self.size(one) is not None:
                found.setdefault(self.held(one), []).append(one)
        yield from found.items()

    def frame(self, asked: Sequence[Asked], name: str, what: str, value: Value) -> pd.DataFrame:
        """The table of a figure: methods with complete results at several sizes; empty where there is none."""
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


SIZE = Factor("latent", "size of the code (numbers)", lambda one: one.latent, lambda one: (one.content.name,))


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
        lambda one: one.planned.config.trajectories.train * one.row.entry.fraction,
        lambda one: (one.planned.source.name, one.planned.image_size, one.planned.forecast_frames),
    ),
)


def _settings(planned: PlannedDataset) -> tuple[object, ...]:
    return tuple(sorted(planned.source.settings.items()))


def asked_of(parts: Parts, study: Study, root: Path) -> list[Asked]:
    return [
        Asked(planned_dataset(study, content.name), content, row, _latent(row, study, root))
        for content, rows in parts
        for row in rows
        if row.entry.arm == SCRATCH
    ]


def _latent(row: ExperimentRow, study: Study, root: Path) -> int | None:
    """The size of the code; an entry without changes has that of its card, if the card still has its variant."""
    entry = row.entry
    size = changed_to(entry.changes, LATENT)
    if size is not None or entry.changes or not entry.neural:
        return size
    if entry.variant not in load_card(entry.method, root).variants:
        return None
    return resolve_settings(entry.method, entry.variant, study.method_settings.get(entry.method, {}), root).get(LATENT)
