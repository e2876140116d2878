"""A canvas with one pair of axes, labels at the ends of lines, and SVG that follows the page's theme."""

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import seaborn
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from scipy.optimize import isotonic_regression

from ladid_bench.reporting.formatting import slug
from ladid_bench.reporting.palette import GRID, INK, MUTED, THEMED, variable

WIDTH, HEIGHT, TALL = 420.0, 270.0, 400.0  # points; a phone shows the figure at about 0.85 of this width
LEFT, RIGHT, BOTTOM, TOP = 48.0, 10.0, 42.0, 22.0  # margins in points
FONT_SIZE = 11.5
LETTER = 0.56 * FONT_SIZE  # generous mean width of a letter
LINE = 1.15 * FONT_SIZE  # height of a line of words
DECADES = 20.0  # values that span this factor get a logarithmic axis
OFF_SCALE = 30.0  # errors beyond this multiple of a useless forecast's are cut off
DEEPEST = 1e-5  # share of the top at which a logarithmic axis ends
STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": FONT_SIZE,
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "ladid-bench",
    "axes.edgecolor": GRID[0],
    "axes.labelcolor": MUTED[0],
    "axes.titlesize": FONT_SIZE,
    "axes.titlecolor": INK[0],
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": GRID[0],
    "grid.linewidth": 0.8,
    "xtick.color": MUTED[0],
    "ytick.color": MUTED[0],
    "xtick.major.size": 0.0,
    "ytick.major.size": 0.0,
    "text.color": INK[0],
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "lines.linewidth": 1.8,
}


@dataclass(frozen=True)
class Drawing:
    """A figure as SVG with the words that go with it."""

    name: str
    svg: str
    caption: str


@contextmanager
def style() -> Iterator[None]:
    """The look of all figures, in force within the block only."""
    chosen: dict[Any, Any] = {**seaborn.axes_style("ticks"), **STYLE}
    with matplotlib.rc_context(chosen):
        yield


def blank(label_letters: int, height: float = HEIGHT) -> tuple[Figure, Axes]:
    """A figure with one pair of axes and room for labels of that many letters at its right."""
    figure = Figure(figsize=(WIDTH / 72, height / 72))
    right = RIGHT + min(label_letters * LETTER, 0.4 * WIDTH)
    box = (LEFT / WIDTH, BOTTOM / height, 1 - (LEFT + right) / WIDTH, 1 - (BOTTOM + TOP) / height)
    axes = figure.add_axes(box)
    seaborn.despine(ax=axes, left=True)
    return figure, axes


def error_axis(axes: Axes, errors: Iterable[np.ndarray], useless: float = 1.0, decades: float = DECADES) -> None:
    """Scale the vertical axis for errors, cut off far above ``useless``.

    It is logarithmic where they span the factor ``decades`` or more.
    """
    known = np.concatenate([values[np.isfinite(values)] for values in errors])
    known = known[known > 0]
    if len(known) == 0:
        return
    top = min(known.max(), OFF_SCALE * max(useless, float(np.median(known))))
    low = max(known.min(), DEEPEST * top)
    if top / low >= decades:
        axes.set_yscale("log")
        axes.set_ylim(low / 1.3, top * 1.3)
        plain_log(axes.yaxis, float(top / low))
    else:
        axes.set_ylim(0, top * 1.08)
        axes.yaxis.set_major_locator(MaxNLocator(5))


def plain_log(axis: Any, span: float) -> None:
    """Plain numbers along a logarithmic axis whose values span the factor ``span``."""
    axis.set_major_locator(LogLocator(subs=(1,) if span > 300 else (1, 2, 5)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


@dataclass(frozen=True)
class End:
    """The right end of a line, with the name that is written beside it; ``method`` is whose line it is, if anyone's."""

    value: float
    name: str
    colour: str
    ink: str = INK[0]
    method: str = ""


def end_labels(axes: Axes, ends: Sequence[End]) -> None:
    """Write a name beside the right end of each line."""
    heights = [_height(axes, end.value) for end in ends]
    line_height = LINE / (axes.bbox.height * 72 / axes.figure.dpi)
    lift = 0.4 * line_height  # the lowest name stands above the numbers of the other axis
    places = [lift + place for place in spread([height - lift for height in heights], line_height)]
    for end, start, height in zip(ends, heights, places, strict=True):
        leader: dict[str, Any] = {"transform": axes.transAxes, "clip_on": False, "solid_capstyle": "round"}
        (line,) = axes.plot([1.0, 1.03], [start, height], color=end.colour, linewidth=1.2, **leader)
        text = axes.text(1.04, height, end.name, transform=axes.transAxes, va="center", ha="left", color=end.ink)
        if end.method:
            mark(line, end.method, "leader")
            mark(text, end.method, "label")


def mark(artist: Artist, method: str, part: str) -> None:
    """Note whose artist it is, so that the page can bring a method out; ``part`` is unique for it in the figure."""
    artist.set_gid(f"method.{slug(method)}.{part}")


def _height(axes: Axes, value: float) -> float:
    """Where ``value`` is on the vertical axis, 0 at the bottom and 1 at the top, never outside."""
    low, high = axes.get_ylim()
    if axes.get_yscale() == "log":
        low, high, value = np.log(low), np.log(high), np.log(max(value, low))
    return float(np.clip((value - low) / (high - low), 0, 1))


def spread(positions: Sequence[float], gap: float) -> list[float]:
    """``positions`` moved as little as needed to be ``gap`` apart, in the same order, within 0 and 1 if they fit."""
    order = np.argsort(positions, kind="stable")
    steps = gap * np.arange(len(order))
    level = isotonic_regression(np.array(positions, dtype=float)[order] - steps).x
    placed = np.empty(len(order))
    placed[order] = np.clip(level, 0, max(0.0, 1 - gap * (len(order) - 1))) + steps
    return placed.tolist()


def to_svg(figure: Figure) -> str:
    """The figure as a stand-alone SVG file, the same bytes for the same figure."""
    buffer = io.StringIO()
    FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})
    return re.sub(r"[ \t]+\n", "\n", buffer.getvalue())


def inline(drawing: Drawing) -> str:
    """A stand-alone SVG made fit for the page: its colours follow the theme, its names are its own."""
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", drawing.svg[drawing.svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"| (width|height)="[\d.]+pt"', "", svg)
    svg = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", svg)
    svg = re.sub(r'<g id="method\.([^".]+)\.[^"]*">', r'<g data-method="\1">', svg)
    # markers are drawn once and used by several methods, so their colour has to be that of each use
    svg = re.sub(r'(<g data-method="[^"]*">\s*<defs>\s*<path [^>]*?) style="[^"]*"', r"\1", svg)
    svg = re.sub(r'id="([^"]+)"', rf'id="{drawing.name}-\1"', svg)
    svg = re.sub(r"url\(#", f"url(#{drawing.name}-", svg)
    svg = re.sub(r'xlink:href="#', f'href="#{drawing.name}-', svg)
    for light, _ in THEMED:
        svg = re.sub(light, f"var({variable(light)})", svg, flags=re.IGNORECASE)
    svg = svg.replace("#ffffff", "var(--paper)")  # the inside of open markers
    return svg.replace("<svg", '<svg role="img" stroke-linejoin="round" ', 1)
