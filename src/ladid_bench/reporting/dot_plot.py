"""Dots with their intervals, a line of names each, in panels below each other along one logarithmic scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from ladid_bench.analysis.statistics import Interval
from ladid_bench.reporting.drawing import (
    BOTTOM,
    LETTER,
    LINE,
    OFF_SCALE,
    RIGHT,
    WIDTH,
    Drawing,
    mark,
    plain_log,
    to_svg,
)
from ladid_bench.reporting.palette import INK, MUTED

ROW = 1.25 * LINE  # height of a line, in points
TITLE, BETWEEN = 1.9 * LINE, 0.5 * LINE  # points above a panel's lines and below them
DECADE = 10.0
EVEN = 1.6  # values that span less than this factor get evenly spaced numbers


@dataclass(frozen=True)
class Dot:
    """One value.

    Attributes:
        name: what stands at its left.
        value: above 0.
        interval: drawn as a line, if there is one.
        colour: of the dot and its interval.
        method: whose it is; the page brings it out.
        full: whether the dot is filled.
        other: a second value to compare with, as a stroke; None for none.
    """

    name: str
    value: float
    interval: Interval | None
    colour: str
    method: str
    full: bool = True
    other: float | None = None


@dataclass(frozen=True)
class Panel:
    """Dots under one heading."""

    title: str
    dots: Sequence[Dot]


def dot_plot(name: str, panels: Sequence[Panel], heading: str, caption: str, level: float | None = None) -> Drawing:
    """Panels of dots.

    Args:
        name: of the figure.
        panels: from top to bottom.
        heading: of the scale.
        caption: of the figure.
        level: where a line goes through all panels, None for none.
    """
    rows = sum(len(panel.dots) for panel in panels)
    height = BOTTOM + rows * ROW + len(panels) * (TITLE + BETWEEN)
    longest = max(len(dot.name) for panel in panels for dot in panel.dots)
    left = min(longest * LETTER + 10, 0.55 * WIDTH)
    figure = Figure(figsize=(WIDTH / 72, height / 72))
    low, high = _limits(panels, level)
    top = height
    for index, panel in enumerate(panels):
        body = len(panel.dots) * ROW
        bottom = top - TITLE - body
        box = (left / WIDTH, bottom / height, 1 - (left + RIGHT) / WIDTH, body / height)
        axes = figure.add_axes(box)
        _draw(axes, panel, (low, high), level, f"p{index}")
        axes.text(0, bottom / height + (body + 0.45 * LINE) / height, panel.title, transform=figure.transFigure)
        axes.tick_params(labelbottom=index == len(panels) - 1)
        top = bottom - BETWEEN
    axes.set_xlabel(heading)
    return Drawing(name, to_svg(figure), caption)


def _limits(panels: Sequence[Panel], level: float | None) -> tuple[float, float]:
    """Ends of the scale: all dots and intervals, unless they are far off."""
    dots = [dot for panel in panels for dot in panel.dots]
    values = np.array([dot.value for dot in dots if np.isfinite(dot.value)] + ([level] if level else []))
    middle = float(np.median(values))
    ends = [end for dot in dots if dot.interval for end in (dot.interval.low, dot.interval.high)]
    reach = np.array([*values, *ends, *(dot.other for dot in dots if dot.other)])
    inside = reach[(reach >= middle / OFF_SCALE**2) & (reach <= middle * OFF_SCALE)]
    low, high = float(inside.min()), float(inside.max())
    room = max((high / low) ** 0.04, 1.01)
    return low / room, high * room


def _draw(axes: Axes, panel: Panel, limits: tuple[float, float], level: float | None, part: str) -> None:
    axes.set_xscale("log")
    axes.set_xlim(*limits)
    axes.set_ylim(len(panel.dots) - 0.5, -0.5)
    axes.set_yticks(range(len(panel.dots)), [dot.name for dot in panel.dots])
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")
    seaborn.despine(ax=axes, left=True, bottom=True)
    _number(axes.xaxis, limits[1] / limits[0])
    if level is not None:
        axes.axvline(level, color=MUTED[0], linewidth=1.1, zorder=1)
    for place, (dot, tick) in enumerate(zip(panel.dots, axes.get_yticklabels(), strict=True)):
        _draw_dot(axes, dot, place, limits, f"{part}-{place}")
        tick.set_color(INK[0])
        mark(tick, dot.method, f"{part}-{place}-name")


def _number(axis: Any, span: float) -> None:
    """Plain numbers along a logarithmic scale whose ends differ by the factor ``span``."""
    plain_log(axis, span)
    if span <= DECADE:
        axis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)) if span > EVEN else MaxNLocator(4))


def _draw_dot(axes: Axes, dot: Dot, place: int, limits: tuple[float, float], part: str) -> None:
    """A dot with its interval; one that is off the scale is a triangle at the edge."""
    if dot.interval:
        ends = np.clip([dot.interval.low, dot.interval.high], *limits)
        (line,) = axes.plot(ends, [place] * 2, color=dot.colour, linewidth=1.6, alpha=0.75, solid_capstyle="butt")
        mark(line, dot.method, f"{part}-interval")
    if dot.other is not None:
        (stroke,) = axes.plot(dot.other, place, "|", color=MUTED[0], markersize=10, markeredgewidth=1.6)
        mark(stroke, dot.method, f"{part}-other")
    low, high = limits
    shape = ">" if dot.value > high else "<" if dot.value < low else "o"
    (marker,) = axes.plot(np.clip(dot.value, low, high), place, shape, color=dot.colour, markersize=6.2, clip_on=False)
    marker.set_markeredgewidth(1.4)
    if not dot.full:
        marker.set_markerfacecolor("white")
    mark(marker, dot.method, part)
