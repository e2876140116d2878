"""A figure with its numbers: a canvas in the report's style, SVG that follows the page's theme, and their files."""

import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
import seaborn
from matplotlib.artist import Artist
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from ladid_bench.core.files import write_text
from ladid_bench.reporting.formatting import slug
from ladid_bench.reporting.palette import GRID, INK, MUTED, THEMED, variable
from ladid_bench.reporting.tables import write_csv

WIDTH, HEIGHT, TALL, PANEL = 420.0, 270.0, 400.0, 250.0  # points; a phone shows the figure at about 0.85 of WIDTH
FONT, FONT_SIZE = "DejaVu Sans", 11.5
LINE = 1.15 * FONT_SIZE  # height of a line of words
STYLE: dict[str, Any] = {
    "font.family": FONT,
    "font.size": FONT_SIZE,
    "text.parse_math": False,
    "text.color": INK[0],
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
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "grid.color": GRID[0],
    "grid.linewidth": 0.8,
    "xtick.color": MUTED[0],
    "ytick.color": MUTED[0],
    "xtick.major.size": 0.0,
    "ytick.major.size": 0.0,
    "figure.dpi": 72,  # a pixel is a point
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "lines.linewidth": 1.8,
    "legend.frameon": False,
}


Chart = Callable[[pd.DataFrame], Figure]  # how a table is drawn


@dataclass(frozen=True)
class Drawing:
    """A figure: a table, how it is drawn, and what is said of it.

    Attributes:
        name: of its file.
        chart: how the table is drawn.
        about: the words below it: what it shows, and how to read it.
        frame: the numbers that it shows, a tidy table.
        table: name of the file of the numbers, which several figures may share; the figure's own where empty.
        finding: what is found in it, which follows where numbers mean anything.
    """

    name: str
    chart: Chart
    about: str
    frame: pd.DataFrame
    table: str = ""
    finding: str = ""

    @property
    def caption(self) -> str:
        """All that is said below it."""
        return f"{self.about} {self.finding}".strip()

    @cached_property
    def svg(self) -> str:
        """The figure in the style of the report, a stand-alone file."""
        style: dict[Any, Any] = {**seaborn.axes_style("ticks"), **STYLE}
        with matplotlib.rc_context(style):
            return to_svg(self.chart(self.frame))


def canvas(height: float = HEIGHT, width: float = WIDTH) -> Figure:
    """Make an empty figure of that size in points, which finds the room for names and numbers by itself."""
    return Figure(figsize=(width / 72, height / 72), layout=ConstrainedLayoutEngine(w_pad=3 / 72, h_pad=3 / 72))


def settle(figure: Figure) -> None:
    """Give everything its place for good, so that it is known where the axes are."""
    engine = figure.get_layout_engine()
    assert engine is not None  # a canvas has one until it is settled
    engine.execute(figure)  # to draw it all for that would take as long as the figure itself
    figure.set_layout_engine("none")


def mark(artist: Artist, name: str) -> None:
    """Note whose artist it is, so that the page can bring a method out; no one's where ``name`` is empty."""
    if name:
        artist.set_gid(name)


def to_svg(figure: Figure) -> str:
    """Write a figure as a stand-alone SVG file, the same bytes for the same figure."""
    for index, artist in enumerate(figure.findobj(lambda artist: bool(artist.get_gid()))):
        artist.set_gid(f"method.{slug(artist.get_gid() or '')}.{index}")
    buffer = io.StringIO()
    FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})
    return re.sub(r"[ \t]+\n", "\n", buffer.getvalue())


def inline(drawing: Drawing) -> str:
    """Make a stand-alone SVG fit for the page: its colours follow the theme, its names are its own."""
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", drawing.svg[drawing.svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"| (width|height)="[\d.]+pt"', "", svg)
    svg = svg.replace(f"'{FONT}'", "system-ui, sans-serif")  # as the page
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


def write_drawings(folder: Path, drawings: Iterable[Drawing]) -> None:
    """Write ``figures/<name>.svg`` and ``tables/<table>.csv``; figures that share a table follow each other in it."""
    tables: dict[str, list[pd.DataFrame]] = {}
    for drawing in drawings:
        write_text(folder / "figures" / f"{drawing.name}.svg", drawing.svg)
        tables.setdefault(drawing.table or drawing.name, []).append(drawing.frame)
    for name, frames in tables.items():
        write_csv(folder, name, pd.concat(frames))
