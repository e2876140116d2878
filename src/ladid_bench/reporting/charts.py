"""The two charts that most figures are: lines named at their ends, and dots in rows; each drawn from a tidy table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator
from scipy.optimize import isotonic_regression

from ladid_bench.reporting.drawing import FONT_SIZE, HEIGHT, LINE, WIDTH, canvas, mark, settle
from ladid_bench.reporting.formatting import MINUS
from ladid_bench.reporting.palette import INK, MUTED, MethodStyle

DECADES = 20.0  # values that span this factor get a logarithmic axis
OFF_SCALE = 30.0  # errors beyond this multiple of a useless forecast's are cut off
DEEPEST = 1e-5  # share of the top at which a logarithmic axis ends
LARGEST = 1e12  # end of an interval that is drawn
SMALL = 9.5  # points; names of methods that do not stand in front
ROW = 1.25 * LINE  # height of a row of dots, in points
PANEL_ROW = 58.0  # height of one of several panels of lines, in points
DODGE = 0.65  # rows between dots of one row
ASIDE = 1.014  # factor between the places of intervals that would cover each other
AXIS = 44.0  # points below the axes
UP_TO = (0, (4, 3))  # dash of a vertical line that marks a place
SPARSE = (0, (1, 3))  # dash of what carries a line on
SMALL_TITLE: dict[str, Any] = {"pad": 2, "fontsize": SMALL}  # of one of several panels

Looks = Mapping[Any, MethodStyle]


@dataclass(frozen=True)
class Scale:
    """The horizontal axis of lines.

    Attributes:
        column: of the table.
        heading: what it is.
        ticks: the values that are named and have markers; the axis is logarithmic where they are all positive.
        suffix: behind each of them.
        marks: places of vertical lines, with words.
        every: points from marker to marker, on lines through finer steps than those that were measured.
        equal: whether a unit is as long as on the vertical axis.
    """

    column: str
    heading: str
    ticks: Sequence[float] = ()
    suffix: str = ""
    marks: Sequence[tuple[float, str]] = ()
    every: int = 0
    equal: bool = False

    @property
    def logarithmic(self) -> bool:
        """Whether the axis is logarithmic."""
        return bool(self.ticks) and min(self.ticks) > 0

    def apply(self, axes: Axes, places: pd.Series) -> None:
        """Scale the horizontal axis for lines at these places, and mark what is to be marked."""
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        low, high = min([places.min(), *(self.ticks or [0] * (not self.every))]), max([places.max(), *self.ticks])
        room = (high / low) ** 0.06 if self.logarithmic and high > low else 1.5
        if self.logarithmic:
            axes.set_xscale("log")
            axes.set_xlim(low / room, high * room)
        elif not self.equal:
            margin = 0.06 * (high - low) if self.ticks else 0.0
            axes.set_xlim(low - margin, high + margin)
        if self.ticks:
            axes.xaxis.set_major_locator(FixedLocator(list(self.ticks)))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}{self.suffix}"))
        for place, words in self.marks:
            axes.axvline(place, color=INK[0], linewidth=1, linestyle=UP_TO, zorder=1)
            text = axes.text(place, 0.98, f" {words}", transform=axes.get_xaxis_transform(), va="top", ha="left")
            text.set_in_layout(False)


@dataclass(frozen=True)
class Lines:
    """A line for each ``name`` of a table, or one for each of its seeds, in one panel or one below the other.

    The table has the columns ``name``, that of the scale and ``value``, best lines first; it may have ``seed``, and
    ``low`` and ``high``, the ends of intervals. A line whose place is not known is a level, one that ends early is
    carried on by dots.

    Attributes:
        looks: by name.
        scale: of the horizontal axis.
        value: column of the heights.
        title: what they are.
        ends: what to write beside a line in place of its name; empty for nothing.
        named: whether lines have names.
        panel: column by which the panels differ; empty for one panel.
        level: where a horizontal line goes through, if the axis reaches it.
        decades: factor of heights from which the vertical axis is logarithmic; None where they are no errors.
        size: width and height in points; the figure is higher where names need the room.
    """

    looks: Looks
    scale: Scale
    value: str
    title: str = ""
    ends: Mapping[str, str] = field(default_factory=dict)
    named: bool = True
    panel: str = ""
    level: float | None = None
    decades: float | None = DECADES
    size: tuple[float, float] = (WIDTH, HEIGHT)

    def __call__(self, frame: pd.DataFrame) -> Figure:
        """Draw the table."""
        panels = [(self.title, frame)]
        if self.panel:
            panels = [(f"{self.panel} {one}", some) for one, some in frame.groupby(self.panel, sort=False)]
        names = {name: self.ends.get(name, name) for name in frame["name"].unique() if self.named and not self.panel}
        room = AXIS + LINE * (2 + sum(_size(self.looks[name]) for name, text in names.items() if text))
        figure = canvas(60 + PANEL_ROW * len(panels) if self.panel else max(self.size[1], room), self.size[0])
        rows = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
        for axes, (title, some) in zip(rows, panels, strict=True):
            self._draw(axes, some)
            axes.set_title(title, **(SMALL_TITLE if self.panel else {}))
        rows[-1].set_xlabel(self.scale.heading)
        if self.panel:
            figure.legend(*rows[0].get_legend_handles_labels(), loc="outside upper left", ncols=4, handlelength=1.6)
        ends = {name: _end(frame[frame["name"] == name], self.value) for name in names}
        named = [(ends[name], text, self.looks[name]) for name, text in names.items() if text]
        notes = name_ends(rows[0], named)
        if notes or self.scale.equal:
            settle(figure)
        if self.scale.equal:  # once names have their room: limits only ever widen for it
            rows[0].set_aspect("equal", adjustable="datalim")
            rows[0].apply_aspect()
        part_names(rows[0], notes)
        return figure

    def _draw(self, axes: Axes, frame: pd.DataFrame) -> None:
        """Draw all lines of a panel, the best one on top."""
        self.scale.apply(axes, frame[self.scale.column])
        lines = {str(name): line for name, line in frame.groupby("name", sort=False)}
        names = list(lines)
        upwards = sorted(names, key=lambda name: (self.looks[name].strong, -names.index(name)))
        for index, name in enumerate(upwards):
            self._draw_line(axes, lines[name], self.looks[name], ASIDE ** (index - len(lines) / 2))
        if self.decades is not None:
            error_axis(axes, self._heights(frame), decades=self.decades)
        if self.level is not None and (self.decades is None or axes.get_ylim()[0] < self.level < axes.get_ylim()[1]):
            axes.axhline(self.level, color=MUTED[0], linewidth=0.8, zorder=1)

    def _draw_line(self, axes: Axes, points: pd.DataFrame, look: MethodStyle, aside: float) -> None:
        """Draw a line with its interval; ``aside`` moves the bars of the interval, lest they cover others."""
        scale, how = self.scale, {"color": look.colour, "linestyle": look.dash, "linewidth": look.width}
        if points[scale.column].isna().all():
            level = points[self.value].repeat(2)
            mark(axes.plot([0, 1], level, transform=axes.get_yaxis_transform(), **how)[0], look.name)
            return
        if scale.ticks or scale.every or "seed" in points:
            small = 2.5 if scale.ticks else 0.0
            how |= {"marker": look.marker and "o", "markersize": 4.5 if look.strong else small}
        for _, run in points.groupby("seed") if "seed" in points else [(0, points)]:
            (line,) = axes.plot(run[scale.column], run[self.value], markevery=scale.every or None, **how)
            mark(line, look.name)
        line.set_label(points["name"].iloc[0])
        last, edge = points[scale.column].max(), axes.get_xlim()[1]
        if last < 0.97 * edge and not scale.equal:
            end = [_end(points, self.value)] * 2
            mark(axes.plot([last, edge], end, color=look.colour, linestyle=SPARSE, linewidth=0.9)[0], look.name)
        if "low" in points and look.strong and points["low"].notna().any():
            self._draw_interval(axes, points, look, aside)

    def _draw_interval(self, axes: Axes, points: pd.DataFrame, look: MethodStyle, aside: float) -> None:
        """Draw bars where places are few, a band elsewhere."""
        low, high = (points[end].clip(upper=LARGEST) for end in ("low", "high"))
        places = points[self.scale.column] * (aside if self.scale.logarithmic else 1)
        if self.scale.ticks:
            mark(axes.vlines(places, low, high, look.colour, linewidth=1.1, alpha=0.6), look.name)
        else:
            mark(axes.fill_between(places, low, high, color=look.colour, alpha=0.14, linewidth=0), look.name)

    def _heights(self, frame: pd.DataFrame) -> np.ndarray:
        """Collect what the vertical axis has to show: values, and the bars of lines that stand in front."""
        if not self.scale.ticks:
            return frame[self.value].to_numpy(dtype=float)
        front = frame[[self.looks[name].strong for name in frame["name"]]]
        return np.array([*frame[self.value], *front["low"], *front["high"]], dtype=float)


def _end(line: pd.DataFrame, value: str) -> float:
    """Height of the right end of a line, the mean over its seeds."""
    return float((line.groupby("seed")[value].last() if "seed" in line else line[value].iloc[[-1]]).mean())


def error_axis(axes: Axes, errors: np.ndarray, decades: float) -> None:
    """Scale the vertical axis for errors, cut off far above a useless forecast's.

    It is logarithmic where they span the factor ``decades`` or more.
    """
    known = errors[np.isfinite(errors) & (errors > 0)]
    if len(known) == 0:
        return
    top = min(known.max(), OFF_SCALE * max(1.0, float(np.median(known))))
    low = max(known.min(), DEEPEST * top)
    if top / low >= decades:
        axes.set_yscale("log")
        axes.set_ylim(low / 1.3, top * 1.3)
        plain_log(axes.yaxis, float(top / low))
    else:
        axes.set_ylim(0, top * 1.08)
        axes.yaxis.set_major_locator(MaxNLocator(5))


def plain_log(axis: Any, span: float) -> None:
    """Write plain numbers along a logarithmic axis whose values span the factor ``span``."""
    axis.set_major_locator(LogLocator(subs=(1,) if span > 300 else (1, 2, 5) if span > 10 else (1, 1.5, 2, 3, 5, 7)))
    if span < 1.6:
        axis.set_major_locator(MaxNLocator(4))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _size(look: MethodStyle) -> float:
    """Size of the font of a name, as a share of the usual one."""
    return 1.0 if look.strong else SMALL / FONT_SIZE


def name_ends(axes: Axes, ends: Sequence[tuple[float, str, MethodStyle]]) -> list[Annotation]:
    """Write a name beside the right edge for each line or point that ends there: (height of the end, name, look).

    Names may cover each other until the figure is settled and ``part_names`` moves them apart.
    """
    place: dict[str, Any] = {
        "xycoords": axes.get_yaxis_transform(),
        "textcoords": "offset points",
        "annotation_clip": False,
    }
    notes = []
    for value, text, look in ends:
        leader = {"arrowstyle": "-", "color": look.colour, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0}
        font: dict[str, Any] = {"fontsize": FONT_SIZE * _size(look), "color": look.ink, "va": "center"}
        tip = (1, np.clip(value, *axes.get_ylim()))
        note = axes.annotate(text, tip, (16, 0), arrowprops=leader | {"relpos": (0, 0.5)}, **font, **place)
        mark(note, look.name)
        notes.append(note)
    return notes


def part_names(axes: Axes, notes: Sequence[Annotation]) -> None:
    """Move the names beside the edge of settled axes clear of each other."""
    heights = [float(axes.get_yaxis_transform().transform(note.xy)[1]) for note in notes]
    tall = [LINE * float(note.get_fontsize()) / FONT_SIZE for note in notes]
    for note, own, height in zip(notes, heights, spread(heights, tall, *axes.bbox.intervaly), strict=True):
        note.set_position((16, height - own))


def spread(places: Sequence[float], heights: Sequence[float], low: float, high: float) -> list[float]:
    """Place names of those heights, by their middles, moved as little as needed to be clear of each other.

    They keep their order, and lie within ``low`` and ``high`` if they fit.
    """
    if not places:
        return []
    order = np.argsort(places, kind="stable")
    tall = np.asarray(heights, dtype=float)[order]
    packed = np.cumsum(tall) - tall / 2  # where they would be, one on the other from 0
    level = isotonic_regression(np.asarray(places, dtype=float)[order] - packed).x
    placed = np.empty(len(order))
    placed[order] = np.clip(level, low, max(low, high - tall.sum())) + packed
    return placed.tolist()


@dataclass(frozen=True)
class Dots:
    """Dots with their intervals, in rows below headings.

    The table has the columns ``panel``, ``row``, ``hue``, ``value``, ``low`` and ``high``; it may have ``other``, a
    second value that is drawn as a stroke.

    Attributes:
        looks: by what is in the column ``hue``.
        hue: name of that column.
        heading: of the scale.
        value: name of the column of the values.
        title: of the figure.
        level: where a vertical line goes through.
        limits: ends of the scale, which is logarithmic over all values without them.
        key: names of the hues, written above; with it a row has a dot for each hue, else it is in the order of rows.
        full: name of the column that says whether a dot is filled; all are where it is empty.
    """

    looks: Looks
    hue: str
    heading: str
    value: str
    title: str = ""
    level: float | None = None
    limits: tuple[float, float] | None = None
    key: Mapping[Any, str] = field(default_factory=dict)
    full: str = ""

    def __call__(self, frame: pd.DataFrame) -> Figure:
        """Draw the table."""
        step = DODGE * (len(self.looks) - 1) + 1 if self.key else 1.0  # of rows
        rows, panels, height = _rows(frame, step)
        figure = canvas(AXIS + ROW * height + LINE * (bool(self.title) + 1.6 * bool(self.key)))
        axes = figure.add_subplot()
        axes.set_title(self.title, weight="bold")
        axes.set_xlabel(self.heading)
        ends = self.limits or self._limits(frame)
        self._scale(axes, ends, height)
        for panel, place in panels.items():
            axes.text(0, place, panel, transform=axes.get_yaxis_transform(), va="center", weight="bold")
        axes.set_yticks([place + (step - 1) / 2 for place in rows.values()], [row for _, row in rows], color=INK[0])
        for tick, one in zip(axes.get_yticklabels(), frame[self.hue], strict=False) if not self.key else ():
            mark(tick, self.looks[one].name)
        dodge = {one: DODGE * place * bool(self.key) for place, one in enumerate(self.looks)}
        places = [rows[panel, row] + dodge[one] for panel, row, one in frame[["panel", "row", self.hue]].to_numpy()]
        for one, dots in frame.assign(place=places).groupby(self.hue, sort=False):
            self._draw(axes, dots, self.looks[one], ends)
        for one, words in self.key.items():
            axes.plot([], [], self.looks[one].marker, color=self.looks[one].colour, label=words)
        if self.key:
            figure.legend(loc="outside upper left", ncols=4, handletextpad=0.1, columnspacing=1.0, fontsize=10)
        return figure

    def _scale(self, axes: Axes, ends: tuple[float, float], height: float) -> None:
        """Place rows from above downwards along a scale from end to end."""
        axes.set_xscale("linear" if self.limits else "log")
        axes.set_xlim(*ends)
        axes.set_ylim(height - 0.5, -0.5)
        axes.grid(axis="x")
        axes.grid(visible=False, axis="y")
        if not self.limits:
            plain_log(axes.xaxis, ends[1] / ends[0])
        if self.level is not None:
            axes.axvline(self.level, color=MUTED[0], linewidth=1.1, zorder=1)

    def _limits(self, frame: pd.DataFrame) -> tuple[float, float]:
        """Find the ends of the scale: all dots and intervals, unless they are far off."""
        values = np.array([*frame[self.value], *([self.level] if self.level else [])])
        middle = float(np.median(values[np.isfinite(values)]))
        reach = np.concatenate([values, *(frame[name] for name in ("low", "high", "other") if name in frame)])
        inside = reach[(reach >= middle / OFF_SCALE**2) & (reach <= middle * OFF_SCALE)]
        low, high = float(inside.min()), float(inside.max())
        room = max((high / low) ** 0.04, 1.01)
        return low / room, high * room

    def _draw(self, axes: Axes, dots: pd.DataFrame, look: MethodStyle, ends: tuple[float, float]) -> None:
        """Draw dots of one look with intervals; one off the scale is a triangle at the edge, with its number."""
        bars, values = dots.dropna(subset=["low"]), dots[self.value]
        low, high = bars["low"].clip(*ends), bars["high"].clip(*ends)
        mark(axes.hlines(bars["place"], low, high, look.colour, linewidth=1.6, alpha=0.75), look.name)
        if "other" in dots:
            stroke: dict[str, Any] = {"color": MUTED[0], "markersize": 10, "markeredgewidth": 1.6}
            known = dots.dropna(subset=["other"])
            mark(axes.plot(known["other"], known["place"], "|", **stroke)[0], look.name)
        shape = np.select([values < ends[0], values > ends[1]], ["<", ">"], look.marker)
        full = dots[self.full].astype(bool) if self.full else np.ones(len(dots), dtype=bool)
        how: dict[str, Any] = {"color": look.colour, "markersize": 6.2, "markeredgewidth": 1.4, "clip_on": False}
        for (form, filled), some in dots.groupby([shape, full], sort=False):
            face = look.colour if filled else "white"
            (markers,) = axes.plot(some[self.value].clip(*ends), some["place"], str(form), markerfacecolor=face, **how)
            mark(markers, look.name)
        for form, at, place in zip(shape, values, dots["place"], strict=True):
            if form in "<>":
                side: dict[str, Any] = {"ha": "left" if form == "<" else "right", "color": MUTED[0], "fontsize": SMALL}
                aside: dict[str, Any] = {"xytext": (7 if form == "<" else -7, 0), "textcoords": "offset points"}
                words = f"{at:.2g}".replace("-", MINUS)
                axes.annotate(words, (np.clip(at, *ends), place), va="center", **aside, **side)


def _rows(frame: pd.DataFrame, step: float) -> tuple[dict[tuple[str, str], float], dict[str, float], float]:
    """Places of the rows by panel and name, those of the panels' headings, and how many rows there are in all."""
    rows: dict[tuple[str, str], float] = {}
    panels, place = {}, 0.0
    for panel, some in frame.groupby("panel", sort=False):
        if panel:
            panels[str(panel)] = place = place + 0.3 * bool(rows)
            place += 1
        for row in dict.fromkeys(some["row"]):
            rows[str(panel), row] = place
            place += step
    return rows, panels, place
