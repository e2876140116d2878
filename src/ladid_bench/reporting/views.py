"""The parts of the page as plain values, so that the template only lays them out."""

import json
import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from ladid_bench.methods.registry import MethodCard
from ladid_bench.reporting.content import DatasetContent, Entry, Run
from ladid_bench.reporting.figures import NAMES
from ladid_bench.reporting.films import data_uri, film, strip
from ladid_bench.reporting.formatting import MISSING, number, short
from ladid_bench.reporting.palette import Look, difference_colours, frame_colours, variable
from ladid_bench.reporting.pictures import Pictures
from ladid_bench.reporting.tables import Line, Table

TILE = 96  # CSS pixels of a picture, or fewer where that keeps its own pixels square
STOPS = 12  # of a colour bar
FAR = 30.0  # a dot this many times right of the best one stands at the edge


@dataclass(frozen=True)
class Cell:
    """One number of a table: as it is shown, as it is sorted, and whether it is the best."""

    text: str
    value: float
    best: bool


@dataclass(frozen=True)
class Dot:
    """An error and its interval along a logarithmic scale, in per cent from the left."""

    place: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """A line of a table, ready for the page."""

    entry: Entry
    look: Look
    rank: str
    interval: str
    dot: Dot | None
    cells: list[Cell]
    note: str

    @property
    def colour(self) -> str:
        """The style sheet's variable with the method's colour."""
        return variable(self.look.colour)

    @property
    def dashes(self) -> str:
        """The method's dash pattern for SVG, empty for a solid line."""
        return "" if self.look.dash == "solid" else " ".join(f"{2 * length:g}" for length in self.look.dash[1])


def rows(table: Table, looks: dict[str, Look], error: str = "") -> list[Row]:
    """The lines of a table; ``error`` names the column that the dots show."""
    texts = [table.texts(column) for column in table.columns]
    dots = _dots(table, error) if error else [None] * len(table.lines)
    made = []
    for index, line in enumerate(table.lines):
        cells = [
            Cell(text[index], line.values[column.name], table.is_best(column, line))
            for text, column in zip(texts, table.columns, strict=True)
        ]
        look, rank = looks[line.entry.label], "" if math.isnan(line.rank) else f"{line.rank:g}"
        made.append(Row(line.entry, look, rank, _interval(table, line), dots[index], cells, line.note))
    return made


def _interval(table: Table, line: Line) -> str:
    if line.interval is None:
        return MISSING
    places = table.places(table.columns[0])
    return f"{number(line.interval.low, places)} to {number(line.interval.high, places)}"


def _dots(table: Table, error: str) -> list[Dot | None]:
    """Where each line's error and interval lie between the lowest and the highest one."""
    known = [line.values.get(error, math.nan) for line in table.lines]
    ends = [
        (line.interval.low, line.interval.high) if line.interval else (value, value)
        for line, value in zip(table.lines, known, strict=True)
    ]
    shown = [value for value in [*known, *(end for pair in ends for end in pair)] if math.isfinite(value) and value > 0]
    if not shown:
        return [None] * len(known)
    low = min(shown)
    high = max(value for value in shown if value <= FAR * max(1.0, low))

    def place(value: float) -> float:
        share = math.log(max(value, low) / low) / math.log(high / low) if high > low else 0.5
        return round(100 * min(1.0, share), 1)

    return [
        Dot(place(value), place(pair[0]), place(pair[1])) if math.isfinite(value) else None
        for value, pair in zip(known, ends, strict=True)
    ]


@dataclass(frozen=True)
class FilmRow:
    """One method's pictures: style-sheet classes of its films, or data URIs of its strips."""

    label: str
    error: str
    forecast: str
    difference: str


@dataclass(frozen=True)
class FilmView:
    """The pictures of one data set."""

    image: bool
    truth: str
    methods: list[FilmRow]
    styles: str
    frames: int
    given: int
    seconds: float
    leads: str
    trajectory: int
    tile: int
    sharp: bool
    height: int
    columns: list[tuple[str, float]]

    @property
    def given_share(self) -> float:
        """Per cent of the frames that are context."""
        return round(100 * self.given / self.frames, 2)


def films(dataset: DatasetContent, pictures: Pictures, index: int) -> FilmView:
    """The pictures of a data set as films, or as strips for vector observations."""
    image = pictures.truth.ndim == 3
    draw = film if image else strip
    colours, dark = frame_colours(dataset.card), difference_colours()
    sources = {"truth": data_uri(draw(pictures.truth, colours))}
    for place, label in enumerate(pictures.forecasts):
        sources[f"forecast-{place}"] = data_uri(draw(pictures.forecasts[label], colours, pictures.given))
        sources[f"difference-{place}"] = data_uri(draw(pictures.difference(label), dark, pictures.given))
    names = {name: f"film-{index}-{name}" for name in sources} if image else sources
    error = NAMES[dataset.headline]
    methods = [
        FilmRow(
            label,
            f"{error} {short(pictures.errors[label], 2)}",
            names[f"forecast-{place}"],
            names[f"difference-{place}"],
        )
        for place, label in enumerate(pictures.forecasts)
    ]
    side, last = pictures.truth.shape[1], len(pictures.truth) - 1
    return FilmView(
        image=image,
        truth=names["truth"],
        methods=methods,
        styles="".join(f".{names[name]}{{background-image:url({uri})}}" for name, uri in sources.items())
        if image
        else "",
        frames=len(pictures.truth),
        given=pictures.given,
        seconds=pictures.seconds,
        leads=json.dumps([_moment(pictures, frame, dataset.time_unit) for frame in range(last + 1)]),
        trajectory=pictures.trajectory,
        tile=max(1, TILE // side) * side if side <= TILE else TILE,
        sharp=side <= TILE,
        height=max(48, 10 * pictures.truth.shape[1]),
        columns=[
            (pictures.lead_text(frame, dataset.time_unit), round(100 * frame / last, 4)) for frame in pictures.columns
        ],
    )


def _moment(pictures: Pictures, frame: int, unit: str) -> str:
    role = "context" if frame < pictures.given else "forecast"
    return f"{role} {pictures.lead_text(frame, unit)}"


@dataclass(frozen=True)
class ColourBar:
    """A colour map as a CSS gradient with the values at its ends."""

    gradient: str
    low: str
    high: str


def colour_bars(card: dict[str, Any]) -> tuple[ColourBar, ColourBar]:
    """The bars of the frames of a data set and of their absolute differences."""
    low, high = card["task"]["low"], card["task"]["high"]
    return (
        ColourBar(_gradient(frame_colours(card)), short(low, 2), short(high, 2)),
        ColourBar(_gradient(difference_colours()), "0", short(high - low, 2)),
    )


def _gradient(colours: np.ndarray) -> str:
    stops = colours[np.linspace(0, 255, STOPS).round().astype(int)]
    return f"linear-gradient(90deg,{','.join(f'#{stop.tobytes().hex()}' for stop in stops)})"


def safe_link(card: MethodCard) -> str:
    """The address in a card's citation, if it is one that a page may link to."""
    return card.citation.url if re.match(r"https?://", card.citation.url) else ""


def facts(run: Run) -> list[tuple[str, str]]:
    """Everything about where a run's numbers came from, as (name, value)."""
    row, provenance = run.row, run.record.get("provenance", {})
    dirty = " with uncommitted changes" if provenance.get("dirty") else ""
    found = [
        ("commit", f"{provenance['commit']}{dirty}" if provenance else ""),
        ("code hash", provenance.get("code_hash", "")),
        ("configuration hash", provenance.get("config_hash", "")),
        *((f"data SHA-256, {split}", value) for split, value in provenance.get("data_sha256", {}).items()),
        ("machine", _joined(provenance, ("host", "platform", "device"))),
        ("threads", str(provenance.get("threads", ""))),
        ("versions", _pairs({"python": provenance.get("python", ""), **provenance.get("versions", {})})),
        ("settings", _pairs(run.record.get("identity", {}).get("settings", {}))),
        ("budget", _pairs(run.record.get("identity", {}).get("budget") or {})),
        ("metrics", _pairs({name: f"{value:.6g}" for name, value in run.metrics.items()})),
        ("cost", _pairs({name: f"{value:.6g}" for name, value in run.record.get("cost", {}).items()})),
        ("experiments", str(row["experiments"])),
        ("reason", str(row["reason"])),
    ]
    return [(name, value) for name, value in found if value]


def _joined(values: dict[str, Any], names: tuple[str, ...]) -> str:
    return ", ".join(str(values[name]) for name in names if values.get(name))


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items() if value not in ("", None))
