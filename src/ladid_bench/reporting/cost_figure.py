"""Accuracy against cost: one point a method, at equal steps and at equal CPU time."""

import math
from dataclasses import dataclass

import numpy as np
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ladid_bench.analysis.entries import DatasetContent, Entry
from ladid_bench.analysis.statistics import Interval
from ladid_bench.reporting.drawing import LETTER, LINE, TALL, Drawing, blank, error_axis, mark, plain_log, to_svg
from ladid_bench.reporting.figures import NAMES, height_for, run_seconds, told_of_times
from ladid_bench.reporting.formatting import listed
from ladid_bench.reporting.labels import Box, place_names
from ladid_bench.reporting.palette import MUTED, MethodStyle

MARGIN = 0.16  # of the width, kept free at either side for names
MARKER = 4.0  # points from the middle of a marker to its edge, line width included
CROWD = 5  # as many trained methods have a panel of their own, for they take much the same time
NARROW, GAP = 0.34, 0.03  # of the width: the panel of the others, and what lies between
COST = "CPU seconds of a whole run, training included"
COST_APART = ("not trained: CPU s", "trained: CPU seconds of a whole run")
SHARES = {1: ((1.0, COST),), 2: tuple(zip((NARROW, 1 - NARROW - GAP), COST_APART, strict=True))}  # of the width, words


@dataclass(frozen=True)
class Point:
    """What a method reached and what it cost; ``again`` where it is a second point, at equal CPU time."""

    entry: Entry
    seconds: float
    error: float
    interval: Interval | None
    again: bool


def points_of(dataset: DatasetContent, equal: DatasetContent | None) -> list[Point]:
    """Points of all competitors with a result, best first; one that ran once for both experiments has one."""
    found = _points(dataset, [], again=False)
    return found + (_points(equal, [point.entry for point in found], again=True) if equal else [])


def _points(dataset: DatasetContent, former: list[Entry], again: bool) -> list[Point]:
    known = {run.key for entry in former for run in entry.runs}
    made = []
    for entry in dataset.ordered:
        seconds = float(np.mean([run_seconds(run) for run in entry.done])) if entry.done else math.nan
        error = entry.mean(dataset.error)
        if seconds > 0 and error > 0 and not {run.key for run in entry.done} <= known:
            made.append(Point(entry, seconds, error, dataset.error_interval(entry), again))
    return made


def accuracy_and_cost(
    dataset: DatasetContent, equal: DatasetContent | None, styles: dict[str, MethodStyle]
) -> Drawing | None:
    """primary error against the CPU seconds of a run, both logarithmic."""
    points = points_of(dataset, equal)
    if len(points) < 2:
        return None
    figure, axes = blank(1, height_for(len(points) // 2, TALL))  # the last number of cost may stand at the edge
    panels = panels_of(points)
    drawn = [axes] if len(panels) == 1 else _side_by_side(figure, axes)
    axes.set_title(NAMES[dataset.primary_metric])
    floors = [(entry, entry.mean(dataset.error)) for entry in dataset.floors if entry.done]
    for one, panel, (width, words) in zip(drawn, panels, SHARES[len(panels)], strict=True):
        _scale_cost(one, panel, width)
        one.set_xlabel(words)
        _scale_error(one, points, [error for _, error in floors])
    for entry, error in floors:
        _draw_floor(axes, drawn[-1], entry, error, styles[entry.label])
    for one, panel in zip(drawn, panels, strict=True):
        _draw_points(one, panel, styles)
        _write_names(one, panel, styles)
    return Drawing(f"cost-{dataset.name}", to_svg(figure), _caption(points))


def panels_of(points: list[Point]) -> list[list[Point]]:
    """Points by panel: those of trained methods stand apart where they are many and there are others."""
    apart = [[point for point in points if point.entry.neural is trained] for trained in (False, True)]
    trained = {point.entry.label for point in apart[1]}
    return apart if apart[0] and len(trained) >= CROWD else [points]


def _side_by_side(figure: Figure, axes: Axes) -> list[Axes]:
    """The axes made narrow, and others in the room beside them."""
    box = axes.get_position()
    axes.set_position((box.x0, box.y0, NARROW * box.width, box.height))
    start = (NARROW + GAP) * box.width
    other = figure.add_axes((box.x0 + start, box.y0, box.width - start, box.height))
    seaborn.despine(ax=other, left=True)
    other.tick_params(labelleft=False)
    return [axes, other]


def _scale_cost(axes: Axes, points: list[Point], width: float) -> None:
    """Scale the horizontal axis, which takes that share of the width of all panels."""
    cost = [point.seconds for point in points]
    reach = max(cost) / min(cost) * 2
    axes.set_xscale("log")
    margin = reach ** (MARGIN / (1 - 2 * MARGIN))
    axes.set_xlim(min(cost) / margin, max(cost) * margin)
    plain_log(axes.xaxis, reach * margin / width)


def _scale_error(axes: Axes, points: list[Point], floors: list[float]) -> None:
    extent = [np.array([point.error for point in points] + [error for error in floors if error > 0])]
    extent += [np.array([point.interval.low, point.interval.high]) for point in points if point.interval]
    error_axis(axes, extent, decades=1.0)


def _draw_floor(first: Axes, last: Axes, entry: Entry, error: float, look: MethodStyle) -> None:
    """A line through all panels, named at its right end."""
    box = last.get_position()
    start = (first.get_position().x0 - box.x0) / box.width
    line = last.axhline(error, start, color=look.colour, linestyle=look.dash, linewidth=1.1, clip_on=False)
    mark(line, entry.label, "line")
    last.text(0.995, error, "floor", transform=last.get_yaxis_transform(), va="bottom", ha="right")


def _draw_points(axes: Axes, points: list[Point], styles: dict[str, MethodStyle]) -> None:
    for first, second in _pairs(points):
        look = styles[first.entry.label]
        ends = [first.seconds, second.seconds], [first.error, second.error]
        (line,) = axes.plot(*ends, color=look.colour, linewidth=0.9, zorder=1.5)
        mark(line, first.entry.label, "pair")
    for point in sorted(points, key=lambda point: styles[point.entry.label].strong):
        _draw(axes, point, styles[point.entry.label])


def _pairs(points: list[Point]) -> list[tuple[Point, Point]]:
    """The two points of each method that has two."""
    first = {point.entry.label: point for point in points if not point.again}
    return [(first[point.entry.label], point) for point in points if point.again and point.entry.label in first]


def _draw(axes: Axes, point: Point, look: MethodStyle) -> None:
    part = "again" if point.again else "point"
    if point.interval:
        ends = [point.interval.low, point.interval.high]
        (line,) = axes.plot([point.seconds] * 2, ends, color=look.colour, linewidth=look.width * 0.75)
        line.set_alpha(0.7 if look.strong else 0.5)
        mark(line, point.entry.label, f"{part}-interval")
    (marker,) = axes.plot(point.seconds, point.error, look.marker, color=look.colour)
    marker.set(markersize=6.5 if look.strong else 5, markeredgewidth=1.5 if look.strong else 1.1)
    if point.again:
        marker.set(markerfacecolor="white")
    mark(marker, point.entry.label, part)


class Sheet:
    """Places on the axes in points from their lower left corner; what is off the scale stands at the edge."""

    def __init__(self, axes: Axes):
        self.axes, self.scale = axes, 72 / axes.figure.dpi
        self.width, self.height = axes.bbox.width * self.scale, axes.bbox.height * self.scale

    def spot(self, seconds: float, error: float) -> tuple[float, float]:
        """Where a value is."""
        across, up = (self.axes.transData.transform((seconds, error)) - self.axes.bbox.min) * self.scale
        return float(across), float(np.clip(up, 0, self.height))

    def share(self, across: float, up: float) -> tuple[float, float]:
        """A place in shares of the axes."""
        return across / self.width, up / self.height

    def marks(self, points: list[Point]) -> list[Box]:
        """What is drawn of the points: markers, intervals, and the lines that join two points of a method."""
        found = []
        for point in points:
            across, up = self.spot(point.seconds, point.error)
            found.append(Box(across - MARKER, up - MARKER, across + MARKER, up + MARKER))
            if point.interval:
                low, high = (self.spot(point.seconds, end)[1] for end in (point.interval.low, point.interval.high))
                found.append(Box(across - 0.7, low, across + 0.7, high))
        for pair in _pairs(points):
            first, last = (np.array(self.spot(point.seconds, point.error)) for point in pair)
            path = np.linspace(first, last, 16)  # (spot, 2)
            found += [Box(across - 1, up - 1, across + 1, up + 1) for across, up in path.tolist()]
        return found


def _write_names(axes: Axes, points: list[Point], styles: dict[str, MethodStyle]) -> None:
    """Write each method's name once, beside its first point; the coloured ones choose their place first."""
    sheet = Sheet(axes)
    named = list({point.entry.label: point for point in reversed(points)}.values())[::-1]
    named.sort(key=lambda point: not styles[point.entry.label].strong)
    where = [sheet.spot(point.seconds, point.error) for point in named]
    sizes = [(0.96 * LETTER * len(point.entry.label), LINE) for point in named]
    frame = Box(0, 0, sheet.width, sheet.height)
    for point, placed in zip(named, place_names(where, sizes, sheet.marks(points), frame), strict=True):
        label, transform = point.entry.label, axes.transAxes
        if placed.leader:
            ends = zip(*(sheet.share(*end) for end in placed.leader), strict=True)
            (line,) = axes.plot(*ends, transform=transform, color=MUTED[0], linewidth=0.5)
            mark(line, label, "leader")
        across, up = sheet.share(*placed.box.middle)
        text = axes.text(across, up, label, transform=transform, va="center", ha="center", color=styles[label].ink)
        mark(text, label, "label")


def _caption(points: list[Point]) -> str:
    front = [one for one in points if not any(_dominates(other, one) for other in points)]
    names = dict.fromkeys(
        point.entry.label + (" at equal time" if point.again else "")
        for point in sorted(front, key=lambda point: point.seconds)
    )
    told = ["Accuracy against cost: down and to the left is better."]
    if len(panels_of(points)) > 1:
        told.append("Trained methods have a panel of their own, with its own scale of cost.")
    if any(point.again for point in points):
        told.append("Full markers: equal steps; open ones: equal CPU time, joined where a method has both.")
    told.append(f"On the front, where nothing else is both cheaper and more accurate: {listed(names)}.")
    told.append("Vertical lines are 95 % intervals.")
    told.append(told_of_times(run for point in points for run in point.entry.done if point.entry.neural))
    return " ".join(filter(None, told))


def _dominates(one: Point, other: Point) -> bool:
    return one.seconds <= other.seconds and one.error <= other.error and one is not other
