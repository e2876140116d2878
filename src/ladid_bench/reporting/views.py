"""The parts of the page as plain values, so that the template only lays them out."""

import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from ladid_bench.methods.registry import MethodCard
from ladid_bench.reporting.content import DatasetContent, Run
from ladid_bench.reporting.figures import NAMES
from ladid_bench.reporting.films import data_uri, film, strip
from ladid_bench.reporting.formatting import short
from ladid_bench.reporting.palette import difference_colours, frame_colours
from ladid_bench.reporting.pictures import Pictures

TILE = 96  # CSS pixels of a picture, or fewer where that keeps its own pixels square
STOPS = 12  # of a colour bar


@dataclass(frozen=True)
class FilmRow:
    """One method's pictures: style-sheet classes of its films, or data URIs of its strips."""

    label: str
    error: str
    forecast: str
    difference: str
    front: bool
    floor: bool

    @property
    def role(self) -> str:
        """What its pictures are."""
        return "rendering" if self.floor else "forecast"


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
    def groups(self) -> list[list[FilmRow]]:
        """Methods that are shown at once, and those that the reader has to ask for."""
        front, others = ([row for row in self.methods if row.front == wanted] for wanted in (True, False))
        return [front, others] if front else [others, []]

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
    error, floors = NAMES[dataset.primary_metric], [entry.label for entry in dataset.floors]
    front = [entry.label for entry in dataset.front]
    methods = [
        FilmRow(
            label,
            f"{error} {short(pictures.errors[label], 2)}",
            names[f"forecast-{place}"],
            names[f"difference-{place}"],
            front=label in [*front, *floors],
            floor=label in floors,
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
    """The bars of the frames of a data set, in its first channel or feature, and of their absolute differences."""
    low, high = card["task"]["low"][0], card["task"]["high"][0]
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
        ("machine", _joined(provenance, ("host", "platform", "processor", "device"))),
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
