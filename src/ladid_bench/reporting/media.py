"""What trajectories look like: frames side by side in one picture, which the style sheet plays, and their colours.

A film is not an animated picture: a browser can neither pause one, nor seek in it, nor keep several of them in step.
The same picture also gives the stills at chosen times, so that no frame is stored twice.
"""

import base64
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from ladid_bench.analysis.entries import DatasetContent, Entry, load_sample
from ladid_bench.core.paths import Folders
from ladid_bench.data.thumbnails import LARGEST_SIDE, smaller, unpack
from ladid_bench.reporting.formatting import decimals, error_text, number, short
from ladid_bench.reporting.palette import difference_colours, frame_colours
from ladid_bench.runs.records import Sample

MOST_FRAMES, FEWEST_FRAMES = 60, 12
COLUMNS = 8  # stills beside a film
FRAMES_PER_SECOND, SHORTEST = 8, 5.0  # SHORTEST in seconds
PIXELS = 6_000_000  # of all films of a report together, at roughly a byte each
PRECISION = 4  # levels are rounded to multiples of this: no eye sees it, and a film is a third smaller
LARGE, SMALL, TILE = 256, 128, 96  # CSS pixels of a film on a card, of its stills, and of one among many
STOPS = 12  # of a colour bar


@dataclass(frozen=True)
class Film:
    """Frames of one trajectory to be shown.

    Attributes:
        levels: uint8 ``(frame, *space)``, 0 to 255 over the range of the colours.
        lead: ``(frame,)``; time from the last given frame, or from the first one where nothing is given.
        given: frames that a method is given, 0 where there is no task.
        unit: of time.
        label: what is shown, for readers that do not see it.
        name: of its own on the page.
    """

    levels: np.ndarray
    lead: np.ndarray
    given: int
    unit: str
    label: str = ""
    name: str = ""

    @property
    def image(self) -> bool:
        return self.levels.ndim == 3

    @property
    def frames(self) -> int:
        return len(self.levels)

    @property
    def seconds(self) -> float:
        """How long it plays; one of few frames plays slower."""
        return max(SHORTEST, self.frames / FRAMES_PER_SECOND)

    @cached_property
    def times(self) -> list[str]:
        """Time of every frame, with sign and unit."""
        places = min(3, decimals(np.diff(self.lead).tolist(), 1))
        signs = ["+" if self.given and time > 0 else "" for time in self.lead]
        values = [number(float(time), places) for time in self.lead]
        return [f"{sign}{value} {self.unit}".strip() for sign, value in zip(signs, values, strict=True)]

    @property
    def leads(self) -> str:
        """What the player says at each frame, as JSON."""
        roles = ["context" if frame < self.given else "forecast" for frame in range(self.frames)]
        return json.dumps(
            [f"{role if self.given else 'time'} {time}" for role, time in zip(roles, self.times, strict=True)]
        )

    @property
    def given_share(self) -> float:
        """Per cent of the frames that are given."""
        return round(100 * self.given / self.frames, 2)

    def stills(self, first: int = 0) -> list[int]:
        """Choose frames spread evenly from ``first`` to the last one."""
        count = min(COLUMNS, self.frames - first)
        return np.unique(np.linspace(first, self.frames - 1, count).round().astype(int)).tolist()

    def columns(self, first: int = 0) -> list[tuple[str, float]]:
        """Give the time of each still, and where it is in the picture, in per cent."""
        return [(self.times[frame], round(100 * frame / max(1, self.frames - 1), 4)) for frame in self.stills(first)]

    def style(self, tile: int = LARGE) -> str:
        """Declare what the style sheet has to know; tiles keep the film's own pixels square where they fit."""
        height, width = self.levels.shape[1:] if self.image else (self.levels.shape[1], 1)
        sizes = [max(1, size // width) * width if width <= size else size for size in (tile, SMALL)]
        return (
            f"--tile:{sizes[0]}px;--small:{sizes[1]}px;--ratio:{width}/{height};--frames:{self.frames};"
            f"--seconds:{self.seconds}s;--height:{max(48, 12 * height)}px;"
            f"--pixels:{'pixelated' if width <= tile else 'auto'}"
        )


def strip(levels: np.ndarray, colours: np.ndarray, clear_before: int = 0) -> str:
    """Put frames side by side in one picture, given as text that stands in for its address.

    Args:
        levels: uint8 ``(frame, height, width)`` of images, ``(frame, feature)`` of vectors: a row of pixels a feature.
        colours: uint8 ``(256, 3)``.
        clear_before: transparent frames put in front.
    """
    shown = colours[levels // PRECISION * PRECISION]  # (frame, *space, 3)
    clear = np.zeros((clear_before, *shown.shape[1:-1], 4), np.uint8)
    opaque = np.concatenate([shown, np.full((*shown.shape[:-1], 1), 255, np.uint8)], axis=-1)
    frames = np.concatenate([clear, opaque])  # (frame, *space, 4)
    if levels.ndim == 2:
        return _address(frames.transpose(1, 0, 2))  # (feature, frame, 4)
    return _address(frames.transpose(1, 0, 2, 3).reshape(levels.shape[1], -1, 4))  # (height, frame * width, 4)


def _address(pixels: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "WEBP", lossless=True, method=4, quality=80)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def contact_sheet(levels: np.ndarray, colours: np.ndarray) -> bytes:
    """Write a PNG of frames ``(frame, height, width)`` from left to right with a white column between them."""
    parted = np.pad(colours[levels], ((0, 0), (0, 0), (0, 1), (0, 0)), constant_values=255)
    buffer = io.BytesIO()
    pixels = parted.transpose(1, 0, 2, 3).reshape(levels.shape[1], -1, 3)  # (height, frame * (width + 1), 3)
    Image.fromarray(np.ascontiguousarray(pixels[:, :-1])).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def card_film(card: Mapping[str, Any], unit: str) -> Film:
    """Unpack the film that a data card keeps."""
    kept, lead = card["film"], np.array(card["film"]["lead"])
    levels = unpack(kept["webp"], len(lead), len(card["task"]["shape"]) == 3)
    label = f"test trajectory {kept['trajectory']} of {card['title']}"
    return Film(levels, lead, int((lead <= 0).sum()), unit, label, f"look-{card['dataset']}")


@dataclass(frozen=True)
class ColourBar:
    """A colour map as a CSS gradient with the values at its ends."""

    gradient: str
    low: str
    high: str


def colour_bars(card: Mapping[str, Any]) -> tuple[ColourBar, ColourBar]:
    """Make the bars of the frames of a data set and of their absolute differences."""
    low, high = card["task"]["low"], card["task"]["high"]
    return (
        ColourBar(_gradient(frame_colours(dict(card))), short(low, 2), short(high, 2)),
        ColourBar(_gradient(difference_colours()), "0", short(high - low, 2)),
    )


def _gradient(colours: np.ndarray) -> str:
    stops = colours[np.linspace(0, 255, STOPS).round().astype(int)]
    return f"linear-gradient(90deg,{','.join(f'#{stop.tobytes().hex()}' for stop in stops)})"


@dataclass(frozen=True)
class Pictures:
    """One test trajectory of a data set as every method forecast it, first channel, as levels 0 to 255.

    Attributes:
        trajectory: its number in the test split.
        lead: time from the last given frame to each frame, ``(frame,)``; not positive in the context.
        truth: uint8 ``(frame, *space)``, context first.
        forecasts: by label of the method, uint8 ``(forecast frame, *space)``.
        errors: primary error of each method on this trajectory.
    """

    trajectory: int
    lead: np.ndarray
    truth: np.ndarray
    forecasts: dict[str, np.ndarray]
    errors: dict[str, float]

    @property
    def given(self) -> int:
        """Frames of the context."""
        return int((self.lead <= 0).sum())

    def difference(self, label: str) -> np.ndarray:
        """Take the absolute difference of a method's forecast and the truth, uint8 ``(forecast frame, *space)``."""
        truth = self.truth[self.given :].astype(np.int16)
        return np.abs(truth - self.forecasts[label]).astype(np.uint8)

    def film(self, dataset: DatasetContent) -> Film:
        """Give the truth as a film."""
        return Film(self.truth, self.lead, self.given, dataset.time_unit)

    def title(self, dataset: DatasetContent, label: str) -> str:
        """Name the error of a method's film, capped where it is beyond all use."""
        return f"{dataset.error_name} {error_text(self.errors[label])}"

    def thinned(self, frames: int) -> "Pictures":
        """Keep at most that many frames, spread evenly, first and last kept; average large ones down."""
        total = len(self.truth)
        kept = np.unique(np.linspace(0, total - 1, min(total, frames)).round().astype(int))
        asked = kept[kept >= self.given] - self.given
        forecasts = {label: smaller(levels[asked]) for label, levels in self.forecasts.items()}
        return Pictures(self.trajectory, self.lead[kept], smaller(self.truth[kept]), forecasts, self.errors)


def collect(dataset: DatasetContent, folders: Folders) -> Pictures | None:
    """Collect the first trajectory that the best method kept pictures of, as all methods forecast it.

    A floor comes last; its pictures render the true frames. Methods that kept no pictures of it are left out; None
    where none did, or the data have no card.
    """
    samples = {entry.label: _pictured(entry, folders) for entry in [*dataset.ordered, *dataset.floors]}
    known = {label: sample for label, sample in samples.items() if sample is not None and len(sample.pictured)}
    if not known or not dataset.card:
        return None
    first = next(iter(known.values()))
    trajectory = int(first.pictured[0])
    places = {label: np.flatnonzero(sample.pictured == trajectory) for label, sample in known.items()}
    shown = {label: int(place[0]) for label, place in places.items() if len(place)}
    return Pictures(
        trajectory=trajectory,
        lead=_lead(dataset, first.times[trajectory]),
        truth=first.truth[0, :, 0].copy(),  # (example, frame, channel, *space); a view would keep it all in memory
        forecasts={label: known[label].forecast[place, :, 0].copy() for label, place in shown.items()},
        errors={label: _error(dataset, known[label], trajectory) for label in shown},
    )


def _pictured(entry: Entry, folders: Folders) -> Sample | None:
    return load_sample(folders.samples(entry.done[0].key)) if entry.done else None


def _lead(dataset: DatasetContent, times: np.ndarray) -> np.ndarray:
    """Lead time of every frame; the context's own times are not kept, so its step is taken as even."""
    step = dataset.card["task"]["time_step"]
    context = np.arange(1 - dataset.context_frames, 1) * step
    return np.concatenate([context, times - times[0] + step])


def _error(dataset: DatasetContent, sample: Sample, trajectory: int) -> float:
    below = sample.squared_truth if dataset.primary_metric == "nmse" else sample.squared_deviation
    scale = float(below[trajectory].sum())
    return float(sample.squared_error[trajectory].sum(dtype=np.float64)) / scale if scale > 0 else math.nan


def all_pictures(datasets: list[DatasetContent], folders: Folders) -> dict[str, Pictures]:
    """Collect the pictures by data set, thinned so that all films of a report together stay small."""
    found = {dataset.name: collect(dataset, folders) for dataset in datasets}
    known = {name: pictures for name, pictures in found.items() if pictures is not None}
    areas = [(1 + 2 * len(one.forecasts)) * min(one.truth[0].size, LARGEST_SIDE**2) for one in known.values()]
    frames = int(np.clip(PIXELS // max(1, sum(areas)), FEWEST_FRAMES, MOST_FRAMES))
    return {name: one.thinned(frames) if one.truth.ndim == 3 else one for name, one in known.items()}


@dataclass(frozen=True)
class Forecast:
    """One method's pictures: style-sheet classes of its films, or addresses of its strips."""

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
class Forecasts:
    """The pictures of one data set; ``sources`` are addresses by style-sheet class."""

    film: Film
    trajectory: int
    truth: str
    methods: list[Forecast]
    sources: dict[str, str]

    @property
    def groups(self) -> list[list[Forecast]]:
        """Methods that are shown at once, and those that the reader has to ask for."""
        front, others = ([row for row in self.methods if row.front == wanted] for wanted in (True, False))
        return [front, others] if front else [others, []]


def forecasts(dataset: DatasetContent, pictures: Pictures) -> Forecasts:
    """Prepare the pictures of a data set: films, or strips of colour for vector observations."""
    colours, dark, film = frame_colours(dataset.card), difference_colours(), pictures.film(dataset)
    sources = {f"film-{dataset.name}-truth": strip(pictures.truth, colours)}
    floors, front = [entry.label for entry in dataset.floors], [entry.label for entry in dataset.front]
    methods = []
    for place, label in enumerate(pictures.forecasts):
        names = [f"film-{dataset.name}-{role}-{place}" for role in ("forecast", "difference")]
        shown = (pictures.forecasts[label], colours), (pictures.difference(label), dark)
        sources |= {name: strip(*one, pictures.given) for name, one in zip(names, shown, strict=True)}
        first, second = names if film.image else [sources[name] for name in names]
        error = pictures.title(dataset, label)
        methods.append(Forecast(label, error, first, second, front=label in [*front, *floors], floor=label in floors))
    truth = next(iter(sources)) if film.image else next(iter(sources.values()))
    return Forecasts(film, pictures.trajectory, truth, methods, sources if film.image else {})
