"""Curves over something that was varied on purpose: a few points each, with intervals and names at their ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ladid_bench.analysis.statistics import Interval
from ladid_bench.reporting.drawing import TALL, Drawing, End, blank, end_labels, error_axis, mark, to_svg
from ladid_bench.reporting.figures import height_for
from ladid_bench.reporting.palette import INK, MethodStyle

ASIDE = 1.014  # factor between the places of intervals that would cover each other
AIR = 1.4  # height in lines of names, over what the names take
ROOM = 0.06  # of the width, free at either side


@dataclass(frozen=True)
class Curve:
    """One line.

    Attributes:
        name: at its end; empty for none.
        method: whose it is; the page brings it out.
        look: colour and dash.
        across: where its points are, ``(point,)``, rising.
        values: their heights.
        intervals: theirs, drawn for lines that stand in front.
        level: whether it is one value that holds everywhere.
    """

    name: str
    method: str
    look: MethodStyle
    across: Sequence[float]
    values: Sequence[float]
    intervals: Sequence[Interval | None]
    level: bool = False


@dataclass(frozen=True)
class Scale:
    """The horizontal axis: what it is, the values that are named, and how they are written."""

    heading: str
    ticks: Sequence[float]
    suffix: str = ""


def curve_plot(
    name: str,
    title: str,
    curves: Sequence[Curve],
    scale: Scale,
    caption: str,
    marks: Sequence[tuple[float, str]] = (),
    decades: float = 5.0,
) -> Drawing:
    """Curves over a logarithmic horizontal axis.

    Args:
        name: of the figure.
        title: what the heights are.
        curves: grey ones are drawn first.
        scale: of the horizontal axis.
        caption: of the figure.
        marks: vertical lines with words at their top.
        decades: factor of heights from which the vertical axis is logarithmic too.
    """
    named = [curve.name for curve in curves if curve.name]
    figure, axes = blank(
        max((len(one) for one in named), default=0) + 2, height_for(round(AIR * len(named)), 0.85 * TALL)
    )
    _across(axes, scale, [place for curve in curves for place in curve.across])
    ordered = sorted(curves, key=lambda curve: curve.look.strong)
    for index, curve in enumerate(ordered):
        _draw(axes, curve, index - len(ordered) / 2, f"c{index}")
    error_axis(axes, [np.array(_heights(curves))], decades=decades)
    for place, words in marks:
        axes.axvline(place, color=INK[0], linewidth=1, linestyle=(0, (4, 3)), zorder=1)
        axes.text(place, 0.98, f" {words}", transform=axes.get_xaxis_transform(), va="top", ha="left")
    axes.set_title(title)
    end_labels(
        axes,
        [
            End(curve.values[-1], curve.name, curve.look.colour, curve.look.ink, curve.method)
            for curve in ordered
            if curve.name
        ],
    )
    return Drawing(name, to_svg(figure), caption)


def _heights(curves: Sequence[Curve]) -> list[float]:
    """What the vertical axis has to show: values, and the intervals of what stands in front."""
    shown = [value for curve in curves for value in curve.values]
    front = [one for curve in curves if curve.look.strong for one in curve.intervals if one]
    return [*shown, *(end for one in front for end in (one.low, one.high))]


def _across(axes: Axes, scale: Scale, places: Sequence[float]) -> None:
    axes.set_xscale("log")
    low, high = min([*places, *scale.ticks]), max([*places, *scale.ticks])
    room = (high / low) ** ROOM if high > low else 1.5
    axes.set_xlim(low / room, high * room)
    axes.xaxis.set_major_locator(FixedLocator(list(scale.ticks)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}{scale.suffix}"))
    axes.set_xlabel(scale.heading)


def _draw(axes: Axes, curve: Curve, aside: float, part: str) -> None:
    """A line with a marker at each point; a dotted hint carries it on to its name where it ends early."""
    look, edge = curve.look, axes.get_xlim()
    how: dict[str, Any] = {"color": look.colour, "linestyle": look.dash, "linewidth": look.width}
    if curve.level:
        mark(axes.plot(edge, [curve.values[0]] * 2, **how | {"linewidth": 0.8 * look.width})[0], curve.method, part)
        return
    (line,) = axes.plot(curve.across, curve.values, marker="o", markersize=4.5 if look.strong else 3, **how)
    mark(line, curve.method, part)
    (hint,) = axes.plot([curve.across[-1], edge[1]], [curve.values[-1]] * 2, color=look.colour, linewidth=0.9)
    hint.set_linestyle((0, (1, 3)))
    mark(hint, curve.method, f"{part}-hint")
    for index, (place, one) in enumerate(zip(curve.across, curve.intervals, strict=True)):
        if one and look.strong:
            beside = [place * ASIDE**aside] * 2
            (bar,) = axes.plot(beside, [one.low, one.high], color=look.colour, linewidth=1.1, alpha=0.6)
            mark(bar, curve.method, f"{part}-{index}")
