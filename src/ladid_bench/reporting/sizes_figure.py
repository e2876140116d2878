"""What was varied on purpose: the error over the size of the code and of the context, and the cost over the sizes."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ladid_bench.analysis.costs import shared
from ladid_bench.analysis.entries import DatasetContent, Entry
from ladid_bench.analysis.paired import changed_to
from ladid_bench.analysis.rules import CONTEXTS, STATE
from ladid_bench.analysis.statistics import Interval
from ladid_bench.core.configuration import Study
from ladid_bench.reporting.curve_plot import Curve, Scale, curve_plot
from ladid_bench.reporting.drawing import Drawing
from ladid_bench.reporting.experiments import ExperimentRow, ExperimentTable, not_drawn
from ladid_bench.reporting.figures import MOST_NAMED, NAMES
from ladid_bench.reporting.formatting import TIMES, counted, listed, short, slug
from ladid_bench.reporting.palette import MethodStyle
from ladid_bench.study.datasets import PlannedDataset, planned_dataset
from ladid_bench.study.plan import SCRATCH

Usual = Callable[[str, str], dict[str, Any]]  # settings of a method in a variant
LATENT = "latent"
DECADES = 5.0  # errors that span this factor get a logarithmic axis
TIMED_DECADES = 1.0  # times always have one


@dataclass(frozen=True)
class Point:
    """One value of one method: where along the axis, what was reached or spent there, and how far that is known."""

    row: ExperimentRow
    content: DatasetContent
    across: float
    height: float
    interval: Interval | None

    @property
    def entry(self) -> Entry:
        return self.row.entry


@dataclass(frozen=True)
class Sweep:
    """A figure's worth of points; ``asked`` are the rows that should be in it, with a result or without."""

    name: str
    title: str
    heading: str
    points: list[Point]
    asked: list[ExperimentRow]
    marks: tuple[tuple[float, str], ...] = ()

    @property
    def methods(self) -> dict[str, list[Point]]:
        """Points by label, rising."""
        found: dict[str, list[Point]] = {}
        known = [point for point in self.points if 0 < point.height < math.inf]
        for point in sorted(known, key=lambda point: point.across):
            found.setdefault(point.row.name, []).append(point)
        return {name: points for name, points in found.items() if len({one.across for one in points}) > 1}


def latent_sweeps(table: ExperimentTable, usual: Usual) -> list[Sweep]:
    """Errors over the size of the code, a sweep a data set; an entry without changes has the size of its card."""
    made = []
    for content, rows in table.parts:
        sized = []
        for row in rows:
            entry = row.entry
            size = changed_to(entry.changes, LATENT)
            if size is None and not entry.changes and entry.kind == "neural":
                size = usual(entry.method, entry.variant).get(LATENT)
            if size is not None and entry.arm == SCRATCH:
                sized.append((row, float(size)))
        points = [_reached(row, content, size) for row, size in sized if row.entry.complete]
        marks = ((float(STATE[content.name]), "state fits"),) if content.name in STATE else ()
        name, title = f"sufficiency-latent-{content.name}", f"{content.name}: {NAMES[content.primary_metric]}"
        made.append(Sweep(name, title, "size of the code (numbers)", points, [row for row, _ in sized], marks))
    return [one for one in made if one.methods]


def context_sweeps(table: ExperimentTable, study: Study) -> list[Sweep]:
    """Errors over the number of given frames, a sweep a system: data sets that differ in that alone."""
    alike: dict[tuple[Any, ...], list[tuple[PlannedDataset, DatasetContent, list[ExperimentRow]]]] = {}
    for content, rows in table.parts:
        planned = planned_dataset(study, content.name)
        plain = [row for row in rows if not row.entry.changes and row.entry.arm == SCRATCH]
        alike.setdefault((planned.origin, *_made_as(planned)), []).append((planned, content, plain))
    made = []
    for (origin, *_), group in alike.items():
        points = [
            _reached(row, content, float(planned.context_frames))
            for planned, content, rows in group
            for row in rows
            if row.entry.complete
        ]
        frames = {content.name: planned.context_frames for planned, content, _ in group}
        enough = [frames[one] for _, _, one in CONTEXTS if one in frames]
        content = next((one for planned, one, _ in group if planned.name == origin), group[0][1])
        name, title = f"sufficiency-context-{origin}", f"{content.name}: {NAMES[content.primary_metric]}"
        asked = [row for _, _, rows in group for row in rows]
        marks = tuple((float(one), "state is determined") for one in enough)
        made.append(Sweep(name, title, "frames given", points, asked, marks))
    return [one for one in made if one.methods]


def _reached(row: ExperimentRow, content: DatasetContent, across: float) -> Point:
    return Point(row, content, across, row.entry.mean(content.error), row.ends)


def _made_as(planned: PlannedDataset) -> tuple[Any, ...]:
    """What has to agree beside the system for two data sets to differ in their context alone."""
    return planned.image_size, planned.config.seed, tuple(sorted(planned.source.settings.items()))


def sufficiency_drawing(sweep: Sweep, styles: dict[str, MethodStyle]) -> Drawing:
    """Errors over a size."""
    best = min((point for points in sweep.methods.values() for point in points), key=lambda point: point.height)
    what = sweep.heading.partition(" (")[0]
    words = (
        f"Error over the {what}, where nothing else differs; lower is better. Lowest is {best.row.name} at "
        f"{best.across:g}. A curve that is flat from a size on has room enough there."
    )
    if sweep.marks:
        words += (
            f" The dashed line, at {sweep.marks[0][0]:g}, is the least that can hold, or determine, the state and the "
            "constants of the system: theory expects the curve to fall up to it and to be flat beyond."
        )
    words += f" Bars are 95 % intervals.{not_drawn(sweep.asked)}"
    return _drawn(sweep, styles, words, DECADES)


def cost_sweeps(table: ExperimentTable, study: Study) -> list[Sweep]:
    """CPU time of a step and of a forecast over pixels, horizon and number of trajectories, system by system."""
    asked = [
        Asked(planned_dataset(study, content.name), content, row)
        for content, rows in table.parts
        for row in rows
        if row.entry.arm == SCRATCH
    ]
    made = []
    for system in dict.fromkeys(one.planned.source.name for one in asked):
        mine = [one for one in asked if one.planned.source.name == system]
        for factor, heading, size, fixed in FACTORS:
            for key in dict.fromkeys(fixed(one) for one in mine):
                alike = [one for one in mine if fixed(one) == key]
                name = f"{system}-{factor}-{slug('-'.join(f'{part:g}' for part in key))}"
                made += [_spent(what, name, f"{system}: {SPENT[what]}", heading, size, alike) for what in SPENT]
    return [one for one in made if one.methods]


@dataclass(frozen=True)
class Asked:
    """A row of the cost experiment with the data set that it is asked of."""

    planned: PlannedDataset
    content: DatasetContent
    row: ExperimentRow

    @property
    def trajectories(self) -> float:
        """How many are trained on."""
        return self.planned.config.trajectories.train * self.row.entry.fraction

    def point(self, what: str, across: float) -> Point:
        """CPU seconds of a step, or milliseconds of the forecast of a trajectory: mean and range of the runs.

        Those of a forecast are of the clock in older records.
        """
        column, unit = "cost_cpu_seconds_per_step", 1.0
        if what != "step":
            column, unit = "cost_forecast_cpu_seconds", 1000 / self.planned.config.trajectories.test
            column = "cost_forecast_seconds" if math.isnan(self.row.entry.mean(column)) else column
        values = pd.Series([run.row.get(column) for run in self.row.entry.done], dtype=float).dropna() * unit
        span = Interval(values.mean(), values.min(), values.max()) if len(values) else None
        return Point(self.row, self.content, across, values.mean(), span)


Size = Callable[[Asked], float]
SPENT = {"step": "CPU seconds of a training step", "forecast": "CPU milliseconds to forecast a trajectory"}
FACTORS: tuple[tuple[str, str, Size, Callable[[Asked], tuple[float, ...]]], ...] = (
    # neither a step nor the forecast of one trajectory depends on how many trajectories a data set was made with
    (
        "pixels",
        "pixels of a frame",
        lambda one: one.planned.image_size**2,
        lambda one: (one.planned.forecast_frames, one.row.entry.fraction),
    ),
    (
        "horizon",
        "frames forecast",
        lambda one: one.planned.forecast_frames,
        lambda one: (one.planned.image_size, one.row.entry.fraction),
    ),
    (
        "trajectories",
        "training trajectories",
        lambda one: one.trajectories,
        lambda one: (one.planned.image_size, one.planned.forecast_frames),
    ),
)


def _spent(what: str, name: str, title: str, heading: str, size: Size, alike: Sequence[Asked]) -> Sweep:
    points = [one.point(what, float(size(one))) for one in alike if one.row.entry.complete]
    return Sweep(f"cost-{what}-{name}", title, heading, points, [one.row for one in alike])


def cost_drawing(sweep: Sweep, styles: dict[str, MethodStyle]) -> Drawing:
    """Times over a size."""
    spans = {name: (points[0], points[-1]) for name, points in sweep.methods.items()}
    grown = sorted((last.height / first.height, name) for name, (first, last) in spans.items())
    wider = max(last.across / first.across for first, last in spans.values())
    named = listed(f"{TIMES}{short(factor, 2)} for {name}" for factor, name in grown)
    if len(grown) > MOST_NAMED:
        (least, first), (most, last) = grown[0], grown[-1]
        named = f"from {TIMES}{short(least, 2)} for {first} to {TIMES}{short(most, 2)} for {last}"
    words = (
        f"{sweep.title}, over {sweep.heading}; both axes are logarithmic. From the smallest to the largest "
        f"({TIMES}{short(wider, 2)}) it grew {named}. Bars reach from the least run to the greatest. {_alone(sweep)}"
        f"{not_drawn(sweep.asked)}"
    )
    return _drawn(sweep, styles, words, TIMED_DECADES)


def _alone(sweep: Sweep) -> str:
    """Whether the runs behind a figure had the machine to themselves, as far as their records say."""
    rows = [run.row for points in sweep.methods.values() for point in points for run in point.entry.runs]
    beside = sum(map(shared, rows))
    if not beside:
        return "Every run had the machine to itself."
    return f"Of {counted(len(rows), 'run')} {beside} shared the machine with others or did not record it."


def _drawn(sweep: Sweep, styles: dict[str, MethodStyle], caption: str, decades: float) -> Drawing:
    curves = [
        Curve(
            name,
            points[0].entry.method,
            styles[points[0].entry.method],
            [point.across for point in points],
            [point.height for point in points],
            [point.interval for point in points],
        )
        for name, points in sweep.methods.items()
    ]
    ticks = sorted({place for curve in curves for place in curve.across})
    return curve_plot(sweep.name, sweep.title, curves, Scale(sweep.heading, ticks), caption, sweep.marks, decades)


def sweep_rows(sweeps: Sequence[Sweep]) -> pd.DataFrame:
    """The points of all sweeps with all digits."""
    return pd.DataFrame(
        {
            "figure": sweep.name,
            "dataset": point.content.name,
            "method": point.entry.method,
            "variant": point.entry.variant,
            "changes": point.entry.changes,
            "across": sweep.heading,
            "at": point.across,
            "what": sweep.title,
            "value": point.height,
            "low": point.interval.low if point.interval else math.nan,
            "high": point.interval.high if point.interval else math.nan,
            "runs": len(point.entry.runs),
        }
        for sweep in sweeps
        for points in sweep.methods.values()
        for point in points
    )
