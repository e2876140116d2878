"""What was varied on purpose: the error over the size of the code and of the context, and the cost over the sizes."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from ladid_bench.analysis.costs import shared
from ladid_bench.analysis.rules import CONTEXTS, STATE
from ladid_bench.analysis.sweeps import CONTEXT, FACTORS, SIZE, Asked, Factor, asked_of
from ladid_bench.core.configuration import Study
from ladid_bench.reporting.charts import Looks, Scale, line_chart
from ladid_bench.reporting.drawing import Drawing
from ladid_bench.reporting.experiments import ExperimentTable, not_drawn
from ladid_bench.reporting.figures import MOST_NAMED
from ladid_bench.reporting.formatting import TIMES, counted, listed, short, slug

SPENT = {"step": "CPU seconds of a training step", "forecast": "CPU milliseconds to forecast a trajectory"}
HEIGHT = 340.0  # points


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
        for (name, *_), some in factor.groups(asked_of(table.parts, study, root)):
            title = f"{name}: {some[0].content.error_name}"
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
        for (system, *held), some in factor.groups(asked_of(table.parts, study, root)):
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
