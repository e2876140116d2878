"""Where each claim stands over the budget: a figure a claim, with the ratio of every pair that counts."""

import math
from collections.abc import Mapping
from functools import partial
from itertools import cycle, zip_longest
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from ladid_bench.analysis.budgets import AGAINST, FOR, SETTLED
from ladid_bench.reporting.charts import SMALL_TITLE, UP_TO, Looks, plain_log
from ladid_bench.reporting.drawing import Drawing, canvas, mark
from ladid_bench.reporting.formatting import counted, short
from ladid_bench.reporting.palette import INK, MUTED, NEURAL_COLOURS, NEURAL_MARKERS, MethodStyle, own_look

PANEL_HEIGHT, HEAD = 150.0, 60.0  # points
ASIDE = 0.36  # share of the way from one budget to the next over which intervals are spread
FARTHEST = 30.0  # an interval is cut off that many times beyond the ratios and the limit


def budget_drawing(claim: str, over_budgets: pd.DataFrame, looks: Looks) -> Drawing | None:
    """Draw the ratio of every pair on which the claim's verdict rests, with its interval, over the budgets.

    Args:
        claim: its id.
        over_budgets: every comparison of the claim at every budget, as ``frame_over_budgets`` makes it.
        looks: by method; what is no method alone gets a look of its own.
    """
    if over_budgets.empty or not over_budgets["counted"].any():
        return None
    frame = _named(over_budgets[over_budgets["counted"]])
    names = list(dict.fromkeys(frame["name"]))
    chart = partial(_chart, looks=_looks(names, looks))
    return Drawing(f"budgets-{claim.lower()}", chart, _about(claim, frame), frame, finding=_finding(frame))


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    """Add what the lines and the panels are called: the rival, or the pair where one rival meets several."""
    several = frame["part"].nunique() > 1
    pairs = frame[["part", "dataset", "first", "second"]].drop_duplicates()
    alone = not pairs.duplicated(["part", "dataset", "second"]).any()
    names = frame["second"] if alone else frame["first"] + " over " + frame["second"]
    panels = frame["dataset"] + (", " + frame["part"] if several else "")
    return frame.assign(name=names, panel=panels)


def _looks(names: list[str], known: Looks) -> dict[str, MethodStyle]:
    hues, markers = cycle(hue for hue, _ in NEURAL_COLOURS), cycle(NEURAL_MARKERS)
    return {name: known.get(name) or own_look(next(hues), marker=next(markers)) for name in names}


def _chart(frame: pd.DataFrame, looks: Mapping[str, MethodStyle]) -> Figure:
    """Draw a panel a data set, two in a row; budgets stand at equal distances, in their order."""
    budgets = sorted(frame["steps"].unique())
    panels = list(frame.groupby("panel", sort=False))
    columns = min(2, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = canvas(HEAD + PANEL_HEIGHT * rows)
    grid = figure.subplots(rows, columns, squeeze=False).flat
    for index, (axes, panel) in enumerate(zip_longest(grid, panels)):
        if panel is None:
            axes.set_axis_off()
            continue
        title, some = panel
        _draw(axes, some, budgets, looks)
        axes.set_title(title, **SMALL_TITLE)
        if index % columns == 0:
            axes.set_ylabel("ratio")
        axes.xaxis.set_major_locator(FixedLocator(range(len(budgets))))
        lowest = index + columns >= len(panels)
        axes.set_xticklabels([f"{steps:,}" if steps else "none" for steps in budgets] if lowest else [])
    lines = {line.get_label(): line for axes in figure.axes for line in axes.get_lines() if line.get_gid()}
    figure.legend(handles=list(lines.values()), loc="outside upper left", ncols=3, handlelength=1.6)
    figure.supxlabel("optimiser steps", fontsize="medium")
    return figure


def _draw(axes: Axes, frame: pd.DataFrame, budgets: list[int], looks: Mapping[str, MethodStyle]) -> None:
    names = list(dict.fromkeys(frame["name"]))
    for index, (name, points) in enumerate(frame.groupby("name", sort=False)):
        look = looks[str(name)]
        places = [budgets.index(steps) + ASIDE * ((index + 0.5) / len(names) - 0.5) for steps in points["steps"]]
        mark(axes.vlines(places, points["low"], points["high"], look.colour, linewidth=1.1, alpha=0.6), look.name)
        how: dict[str, Any] = {"color": look.colour, "linestyle": look.dash, "marker": look.marker or "o"}
        (line,) = axes.plot(places, points["ratio"], markersize=4.5, linewidth=1.4, label=str(name), **how)
        line.set_gid(look.name or str(name))
    for limit in frame["limit"].unique():
        axes.axhline(limit, color=INK[0], linewidth=1, linestyle=UP_TO, zorder=1)
    axes.axhline(1, color=MUTED[0], linewidth=0.8, zorder=1)
    _ratio_axis(axes, frame)
    axes.set_xlim(-0.5, len(budgets) - 0.5)


def _ratio_axis(axes: Axes, frame: pd.DataFrame) -> None:
    """A logarithmic axis with all ratios, the limits and 1; of the intervals as much as is not far beyond these."""
    shown = np.array([1.0, *frame["ratio"], *frame["limit"]])
    low = max(frame["low"].min(), shown.min() / FARTHEST)
    high = min(frame["high"].max(), shown.max() * FARTHEST)
    low, high = min(low, shown.min()) / 1.15, max(high, shown.max()) * 1.15
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    plain_log(axes.yaxis, high / low)


def _about(claim: str, frame: pd.DataFrame) -> str:
    limits = " or ".join(f"{limit:g}" for limit in sorted(frame["limit"].unique()))
    return (
        f"{claim} over the budget: the ratio of each pair that the claim compares, with its 95 % interval. An interval "
        f"below the dashed line, at {limits}, is for the claim; one above it is against the claim. Methods fitted in "
        "closed form have no budget and are compared at every budget."
    )


def _finding(frame: pd.DataFrame) -> str:
    """Say what the pairs tell at their last budget, and how many of them have settled."""
    last = frame.sort_values("steps", kind="stable").groupby(["part", "dataset", "first", "second"], sort=False).tail(1)
    told = last["tells"].value_counts()
    steps = last["steps"].max()
    at = f"At {steps:,} steps" if steps else "Without training"
    below, above = int(told.get(FOR, 0)), int(told.get(AGAINST, 0))
    return (
        f"{at}, {counted(below, 'interval')} of {len(last)} {'lies' if below == 1 else 'lie'} below the limit and "
        f"{above} above it, before Holm's correction; {int((last['standing'] == SETTLED).sum())} have settled. The "
        f"median ratio is {short(float(last['ratio'].median()), 2)}."
    )
