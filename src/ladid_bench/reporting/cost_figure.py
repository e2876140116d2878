"""Accuracy against cost: one point a method, at equal steps and at equal CPU time."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from ladid_bench.analysis.curves import cost_points
from ladid_bench.analysis.entries import DatasetContent
from ladid_bench.reporting.charts import SPARSE, Looks, error_axis, name_ends, part_names, plain_log
from ladid_bench.reporting.drawing import LINE, TALL, Drawing, canvas, mark, settle
from ladid_bench.reporting.figures import told_of_times
from ladid_bench.reporting.formatting import listed
from ladid_bench.reporting.palette import MethodStyle

MARGIN = 0.06  # of the width, free at either side of the points
CROWD = 5  # as many trained methods have a panel of their own, for they take much the same time
COST = "CPU seconds of a whole run, training included"
COST_APART = ("not trained,\nCPU seconds", "trained, CPU seconds\nof a whole run")
SHARES = (0.35, 0.65)  # of the width, where there are two panels


def accuracy_and_cost(dataset: DatasetContent, equal: DatasetContent | None, styles: Looks) -> Drawing | None:
    """Draw the primary error against the CPU seconds of a run, both logarithmic; None with fewer than two points."""
    frame = cost_points(dataset, equal)
    if len(frame) < 2:
        return None
    floors = [(entry.mean(dataset.error), styles[entry.label]) for entry in dataset.floors if entry.done]
    chart = partial(_scatter, floors=floors, styles=styles, title=dataset.error_name)
    runs = (run for one in (dataset, equal) if one for entry in one.ordered for run in entry.done if entry.neural)
    about = f"{_about(frame)} {told_of_times(runs)}".strip()
    return Drawing(f"cost-{dataset.name}", chart, about, frame, finding=_front(frame))


def panels_of(frame: pd.DataFrame) -> list[pd.DataFrame]:
    """Divide points into panels: those of trained methods stand apart where they are many and there are others."""
    apart = frame.loc[frame["trained"], "name"].nunique() >= CROWD and not frame["trained"].all()
    return [frame[~frame["trained"]], frame[frame["trained"]]] if apart else [frame]


def _scatter(frame: pd.DataFrame, floors: list[tuple[float, MethodStyle]], styles: Looks, title: str) -> Figure:
    panels = panels_of(frame)
    figure = canvas(max(TALL, 1.1 * LINE * len(frame)))
    shares, headings = (SHARES, COST_APART) if len(panels) > 1 else ((1.0,), (COST,))
    drawn = figure.subplots(1, len(panels), sharey=True, squeeze=False, width_ratios=shares)[0]
    drawn[0].set_title(title)
    shown = [*frame[["error", "low", "high"]].to_numpy().ravel(), *(error for error, _ in floors)]
    error_axis(drawn[0], np.array(shown), decades=1.0)
    for axes, panel, share, words in zip(drawn, panels, shares, headings, strict=True):
        axes.set_xlabel(words)
        _cost_axis(axes, panel["seconds"], share)
        for error, look in floors:
            mark(axes.axhline(error, color=look.colour, linestyle=look.dash, linewidth=1.1), look.name)
        _draw_points(axes, panel, styles)
    for error, _ in floors:
        drawn[-1].text(0.995, error, "floor", transform=drawn[-1].get_yaxis_transform(), va="bottom", ha="right")
    notes = [_lead_to_names(axes, panel, styles) for axes, panel in zip(drawn, panels, strict=True)]
    settle(figure)
    for axes, names in zip(drawn, notes, strict=True):
        part_names(axes, names)
    return figure


def _cost_axis(axes: Axes, seconds: pd.Series, share: float) -> None:
    """A logarithmic axis in a panel with that share of the width."""
    reach = seconds.max() / seconds.min() * 2
    room = reach**MARGIN
    axes.set_xscale("log")
    axes.set_xlim(seconds.min() / room, seconds.max() * room)
    plain_log(axes.xaxis, reach * room / share**3)


def _draw_points(axes: Axes, panel: pd.DataFrame, styles: Looks) -> None:
    """A marker a point with its interval; the two points of a method are joined."""
    for name in sorted(panel["name"].unique(), key=lambda name: styles[name].strong):
        points, look = panel[panel["name"] == name], styles[name]
        bar: dict[str, Any] = {"linewidth": 0.75 * look.width, "alpha": 0.7 if look.strong else 0.5}
        how: dict[str, Any] = {"markersize": 6.5 if look.strong else 5, "markeredgewidth": 1.5 if look.strong else 1.1}
        parts: list[Artist] = [axes.vlines(points["seconds"], points["low"], points["high"], look.colour, **bar)]
        parts += axes.plot(points["seconds"], points["error"], color=look.colour, linewidth=0.9)
        for again, some in points.groupby("again"):
            how["markerfacecolor"] = "white" if again else look.colour
            parts += axes.plot(some["seconds"], some["error"], look.marker, color=look.colour, **how)
        for part in parts:
            mark(part, look.name)


def _lead_to_names(axes: Axes, panel: pd.DataFrame, styles: Looks) -> list[Annotation]:
    """Lead from each method's first point to the right edge, where its name stands."""
    first, edge, ends = panel.drop_duplicates("name"), axes.get_xlim()[1], []
    places = zip(first["name"], first["seconds"], first["error"].clip(*axes.get_ylim()), strict=True)
    for name, seconds, error in places:
        look = styles[name]
        how: dict[str, Any] = {"linestyle": SPARSE, "linewidth": 0.9, "zorder": 1}
        mark(axes.plot([seconds, edge], [error, error], color=look.colour, **how)[0], look.name)
        ends.append((error, name, look))
    return name_ends(axes, ends)


def _front(frame: pd.DataFrame) -> str:
    """Say which methods are on the front of what is cheap and accurate."""
    seconds, error = frame["seconds"].to_numpy(), frame["error"].to_numpy()
    as_good = (seconds <= seconds[:, None]) & (error <= error[:, None])  # (point, other point)
    front = frame[as_good.sum(axis=1) == 1].sort_values("seconds", kind="stable")
    names = front["name"] + np.where(front["again"], " at equal time", "")
    return f"On the front, where no other method is both cheaper and more accurate: {listed(dict.fromkeys(names))}."


def _about(frame: pd.DataFrame) -> str:
    told = ["Accuracy against cost: down and to the left is better."]
    if len(panels_of(frame)) > 1:
        told.append("Trained methods have a separate panel with its own cost axis.")
    if frame["again"].any():
        told.append(
            "Filled markers: equal steps. Open markers: equal CPU time. A line joins them where a method has both."
        )
    return " ".join([*told, "Vertical lines are 95 % intervals."])
