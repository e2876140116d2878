"""What was varied on purpose: the error over the size of the code and of the context, and the cost over the sizes."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from ladid_bench.analysis.costs import shared
from ladid_bench.analysis.entries import DatasetContent
from ladid_bench.analysis.paired import changed_to
from ladid_bench.analysis.rules import CONTEXTS, STATE
from ladid_bench.core.configuration import Study
from ladid_bench.methods.registry import load_card, resolve_settings
from ladid_bench.reporting.charts import Looks, Scale, line_chart
from ladid_bench.reporting.drawing import Drawing
from ladid_bench.reporting.experiments import ExperimentRow, ExperimentTable, not_drawn
from ladid_bench.reporting.figures import MOST_NAMED, NAMES
from ladid_bench.reporting.formatting import TIMES, counted, listed, short, slug
from ladid_bench.study.datasets import PlannedDataset, planned_dataset
from ladid_bench.study.plan import SCRATCH

LATENT = "latent"
SPENT = {"step": "CPU seconds of a training step", "forecast": "CPU milliseconds to forecast a trajectory"}
HEIGHT = 340.0  # points


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


def _asked(table: ExperimentTable, study: Study, root: Path) -> list[Asked]:
    return [
        Asked(planned_dataset(study, content.name), content, row, _latent(row, study, root))
        for content, rows in table.parts
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


def _drawing(
    frame: pd.DataFrame, looks: Looks, caption: str, table: str, decades: float, marks: Sequence[tuple[float, str]] = ()
) -> Drawing:
    first, methods = frame.iloc[0], frame.drop_duplicates("name").set_index("name")["method"]
    scale = Scale("at", first["across"], sorted(frame["at"].unique()), marks=marks)
    shown = {name: looks[method] for name, method in methods.items()}
    svg = line_chart(frame, shown, scale, "value", first["what"], decades=decades, height=HEIGHT)
    return Drawing(first["figure"], svg, caption, frame, table)


def sufficiency_drawings(table: ExperimentTable, study: Study, root: Path, looks: Looks) -> list[Drawing]:
    """Errors over the size of the code, a figure a data set, and over the context, a figure a system."""
    drawings = []
    for factor in (SIZE, CONTEXT):
        for (name, *_), some in factor.groups(_asked(table, study, root)):
            title = f"{name}: {NAMES[some[0].content.primary_metric]}"
            frame = factor.frame(some, f"sufficiency-{factor.name}-{name}", title, Asked.error)
            if len(frame):
                marks = _marks(factor, some)
                caption = _sufficiency_caption(frame, marks) + not_drawn([one.row for one in some])
                drawings.append(_drawing(frame, looks, caption, "experiment-sufficiency-sizes", 5, marks))
    return drawings


def _marks(factor: Factor, some: Sequence[Asked]) -> list[tuple[float, str]]:
    """What theory asks for: numbers that can hold the state, or frames that determine it."""
    if factor is SIZE:
        return [(float(STATE[name]), "state fits") for name in {one.content.name for one in some} & set(STATE)]
    frames = {one.content.name: float(one.planned.context_frames) for one in some}
    return [(frames[one], "state is determined") for _, _, one in CONTEXTS if one in frames]


def _sufficiency_caption(frame: pd.DataFrame, marks: Sequence[tuple[float, str]]) -> str:
    best = frame.sort_values("value", kind="stable").iloc[0]
    words = (
        f"Error over the {best['across'].partition(' (')[0]}, where nothing else differs; lower is better. Lowest is "
        f"{best['name']} at {best['at']:g}. A curve that is flat from a size on has room enough there."
    )
    if marks:
        words += (
            f" The dashed line, at {marks[0][0]:g}, is the least that can hold, or determine, the state and the "
            "constants of the system: theory expects the curve to fall up to it and to be flat beyond."
        )
    return f"{words} Bars are 95 % intervals."


def cost_drawings(table: ExperimentTable, study: Study, root: Path, looks: Looks) -> list[Drawing]:
    """CPU time of a step and of a forecast over pixels, horizon and number of trajectories, system by system."""
    drawings = []
    for factor in FACTORS:
        for (system, *held), some in factor.groups(_asked(table, study, root)):
            for what, title in SPENT.items():
                name = slug(f"cost-{what}-{system}-{factor.name}-{'-'.join(f'{one:g}' for one in held)}")
                frame = factor.frame(some, name, f"{system}: {title}", partial(Asked.spent, what=what))
                if len(frame):
                    caption = _cost_caption(frame, some)
                    drawings.append(_drawing(frame, looks, caption, "experiment-cost-growth", 1))
    return drawings


def _cost_caption(frame: pd.DataFrame, asked: Sequence[Asked]) -> str:
    ends = frame.groupby("name", sort=False)[["value", "at"]].agg(["first", "last"])
    growth = ends.xs("last", axis=1, level=1) / ends.xs("first", axis=1, level=1)
    grown = sorted((factor, name) for name, factor in growth["value"].items())
    named = listed(f"{TIMES}{short(factor, 2)} for {name}" for factor, name in grown)
    if len(grown) > MOST_NAMED:
        (least, first), (most, last) = grown[0], grown[-1]
        named = f"from {TIMES}{short(least, 2)} for {first} to {TIMES}{short(most, 2)} for {last}"
    first = frame.iloc[0]
    return (
        f"{first['what']}, over {first['across']}; both axes are logarithmic. From the smallest to the largest "
        f"({TIMES}{short(growth['at'].max(), 2)}) it grew {named}. Bars reach from the least run to the greatest. "
        f"{_alone(frame, asked)}{not_drawn([one.row for one in asked])}"
    )


def _alone(frame: pd.DataFrame, asked: Sequence[Asked]) -> str:
    """Whether the runs behind a figure had the machine to themselves, as far as their records say."""
    shown = [one.row for one in asked if one.row.entry.complete and one.row.name in set(frame["name"])]
    rows = [run.row for row in shown for run in row.entry.runs]
    beside = sum(map(shared, rows))
    if not beside:
        return "Every run had the machine to itself."
    return f"Of {counted(len(rows), 'run')} {beside} shared the machine with others or did not record it."
