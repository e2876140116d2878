"""What was varied on purpose: the error over a setting, the size of psi or of the context, the cost over sizes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd

from ladid_bench.analysis.rules.costs import shared
from ladid_bench.analysis.rules.sufficiency import CONTEXTS, STATE
from ladid_bench.analysis.study_results import ExperimentResults
from ladid_bench.analysis.sweeps import (
    CONTEXT,
    FACTORS,
    PARAMETERS,
    SIZES,
    Asked,
    Factor,
    Value,
    asked_of,
    growth,
    varied,
)
from ladid_bench.core.configuration import Kind
from ladid_bench.reporting.charts import Lines, Scale
from ladid_bench.reporting.drawing import WIDTH, Drawing
from ladid_bench.reporting.experiments import Scene, not_drawn
from ladid_bench.reporting.figures import MOST_NAMED
from ladid_bench.reporting.formatting import TIMES, counted, listed, readable, short, slug
from ladid_bench.reporting.leading import if_anybody

HEIGHT = 340.0  # points
MOST_TICKS = 7  # values that are written along the axis
SPENT = {"step": "CPU seconds of a training step", "forecast": "CPU milliseconds to forecast a trajectory"}

Described = tuple[str, str]  # about a figure, and what is found in it


@dataclass(frozen=True)
class Sweep:
    """How the experiments of a kind are drawn.

    Attributes:
        factors: what was varied, found among the rows.
        measured: what is drawn over it, by a word for the figure's name: the heading, and the value of a row.
        told: the caption of a table of values, with the rows behind it and the places marked on the axis.
        table: word for the file of all values.
        decades: factor of values from which their axis is logarithmic.
    """

    factors: Callable[[Sequence[Asked]], Sequence[Factor]]
    measured: Mapping[str, tuple[str, Value]]
    told: Callable[[pd.DataFrame, Sequence[Asked], Sequence[tuple[float, str]]], Described]
    table: str
    decades: float


def sweep_drawings(table: ExperimentResults, scene: Scene) -> list[Drawing]:
    """Draw the values over each thing that was varied, a figure for all rows that differ in it alone."""
    sweep, asked = SWEEPS[table.kind], asked_of(table.parts, scene.study, scene.root)
    drawings = []
    for factor in sweep.factors(asked):
        for (system, *apart), some in factor.groups(asked):
            words = ", ".join([str(system), *(one for one in apart if isinstance(one, str))])
            told = [one if isinstance(one, str) else f"{one:g}" for one in apart]
            for what, (heading, value) in sweep.measured.items():
                name = slug("-".join(filter(None, [table.name, what, str(system), factor.name, *told])))
                title = f"{words}: {heading or some[0].content.error_name}"
                frame = factor.frame(some, name, title, value)
                if len(frame):
                    drawings.append(_drawing(table, frame, _marks(table, factor, some), some, scene))
    return drawings


def _drawing(
    table: ExperimentResults,
    frame: pd.DataFrame,
    marks: Sequence[tuple[float, str]],
    some: Sequence[Asked],
    scene: Scene,
) -> Drawing:
    sweep, first = SWEEPS[table.kind], frame.iloc[0]
    places = sorted(frame["at"].unique())
    named = places[:: 1 + (len(places) - 1) // MOST_TICKS]
    looks = {name: scene.styles[method] for name, method in zip(frame["name"], frame["method"], strict=True)}
    scale = Scale("at", readable(first["across"]), named, marks=marks)
    chart = Lines(looks, scale, "value", first["what"], decades=sweep.decades, size=(WIDTH, HEIGHT))
    about, finding = sweep.told(frame, some, marks)
    about += not_drawn([one.row for one in some])
    return Drawing(first["figure"], chart, about, frame, f"experiment-{table.name}-{sweep.table}", finding)


def _marks(table: ExperimentResults, factor: Factor, some: Sequence[Asked]) -> list[tuple[float, str]]:
    """What theory asks for: numbers that can hold the state, or frames that determine it."""
    if table.kind != "sufficiency":
        return []
    if factor in SIZES:
        return [(float(STATE[name]), "state fits") for name in {one.content.name for one in some} & set(STATE)]
    frames = {one.content.name: float(one.planned.context_frames) for one in some}
    return [(frames[one], "state is determined") for _, _, one in CONTEXTS if one in frames]


def _told_of_errors(frame: pd.DataFrame, some: Sequence[Asked], marks: Sequence[tuple[float, str]]) -> Described:
    best = frame.sort_values("value", kind="stable").iloc[0]
    about = f"Error over the {_in_words(best)}, with all else equal; lower is better."
    if marks:
        about += (
            " A curve that is flat from some size on has enough room there. The dashed line, at "
            f"{marks[0][0]:g}, is the smallest value that can hold, or determine, the state and the "
            "constants of the system: theory expects the curve to fall up to it and to be flat beyond it."
        )
    groups = min(one.content.groups for one in some)
    finding = if_anybody((one.row.entry for one in some), groups, _lowest(frame, best))
    return f"{about} Bars are 95 % intervals over seeds and groups.", finding


def _lowest(frame: pd.DataFrame, best: pd.Series) -> str:
    """Say where the error is lowest, and of how many other points the interval overlaps the one there."""
    level = int((frame["low"] <= best["high"]).sum()) - 1  # its own is among them; without an interval none is
    words = f"The error is lowest for {best['name']} at {best['at']:g}"
    return f"{words}; its interval overlaps {level} of the {len(frame) - 1} others." if level > 0 else f"{words}."


def _in_words(one: pd.Series) -> str:
    return readable(one["across"].partition(" (")[0])


def _told_of_costs(frame: pd.DataFrame, some: Sequence[Asked], marks: Sequence[tuple[float, str]]) -> Described:
    grown = growth(frame)
    told = [f"{TIMES}{short(factor, 2)} for {name}" for name, factor in zip(grown["name"], grown["value"], strict=True)]
    named = listed(told) if len(told) <= MOST_NAMED else f"from {told[0]} to {told[-1]}"
    first = frame.iloc[0]
    about = (
        f"{first['what']}, over {first['across']}; both axes are logarithmic. From the smallest to the largest "
        f"({TIMES}{short(grown['at'].max(), 2)}) it grew {named}. Bars span the lowest to the highest run. "
        f"{_alone(frame, some)}"
    )
    return about, ""


def _alone(frame: pd.DataFrame, asked: Sequence[Asked]) -> str:
    """Whether the runs behind a figure had the machine to themselves, as far as their records say."""
    shown = [one.row for one in asked if one.row.entry.complete and one.row.name in set(frame["name"])]
    rows = [run.row for row in shown for run in row.entry.runs]
    beside = sum(map(shared, rows))
    if not beside:
        return "Every run had the machine to itself."
    return f"Of {counted(len(rows), 'run')}, {beside} shared the machine with others or did not record it."


ERROR: Mapping[str, tuple[str, Value]] = {"": ("", Asked.error)}
COSTS = {what: (heading, partial(Asked.spent, what=what)) for what, heading in SPENT.items()}
SWEEPS: dict[Kind, Sweep] = {
    "sufficiency": Sweep(lambda asked: (*SIZES, CONTEXT), ERROR, _told_of_errors, "sizes", 5),
    "size": Sweep(lambda asked: (PARAMETERS,), ERROR, _told_of_errors, "parameters", 5),
    "cost": Sweep(lambda asked: FACTORS, COSTS, _told_of_costs, "growth", 1),
    "sweep": Sweep(varied, ERROR, _told_of_errors, "curves", 5),
}
