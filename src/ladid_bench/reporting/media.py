"""What trajectories look like: frames side by side in one picture, which the style sheet plays, and their colours.

A film is not an animated picture: a browser can neither pause one, nor seek in it, nor keep several of them in step.
The same picture also gives the stills at chosen times, so that no frame is stored twice.
"""

import base64
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from ladid_bench.analysis.entries import DatasetContent
from ladid_bench.analysis.pictures import Pictures
from ladid_bench.core.spreading import end_to_end
from ladid_bench.data.thumbnails import unpack
from ladid_bench.reporting.formatting import decimals, error_text, number, short
from ladid_bench.reporting.palette import difference_colours, frame_colours

COLUMNS = 8  # stills beside a film
FRAMES_PER_SECOND, SHORTEST = 8, 5.0  # SHORTEST in seconds
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
        """Whether frames are images."""
        return self.levels.ndim == 3

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.levels)

    @property
    def seconds(self) -> float:
        """How long it plays; one of few frames plays slower."""
        return max(SHORTEST, self.frames / FRAMES_PER_SECOND)

    @cached_property
    def times(self) -> list[str]:
        """Time of every frame, with sign and unit."""
        places = min(3, decimals([*np.diff(self.lead), *self.lead.round(6)], 1))
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
        return (first + end_to_end(self.frames - first, COLUMNS)).tolist()

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
    """Make the bars of the frames of a data set, in its first channel or feature, and of their absolute differences."""
    low, high = card["task"]["low"][0], card["task"]["high"][0]
    return (
        ColourBar(_gradient(frame_colours(dict(card))), short(low, 2), short(high, 2)),
        ColourBar(_gradient(difference_colours()), "0", short(high - low, 2)),
    )


def _gradient(colours: np.ndarray) -> str:
    stops = colours[np.linspace(0, 255, STOPS).round().astype(int)]
    return f"linear-gradient(90deg,{','.join(f'#{stop.tobytes().hex()}' for stop in stops)})"


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


def truth_film(dataset: DatasetContent, pictures: Pictures) -> Film:
    """Give the true frames of a pictured trajectory as a film."""
    return Film(pictures.truth, pictures.lead, pictures.given, dataset.time_unit)


def error_title(dataset: DatasetContent, pictures: Pictures, label: str) -> str:
    """Name the error of a method's film, capped where it is beyond all use."""
    return f"{dataset.error_name} {error_text(pictures.errors[label])}"


def forecasts(dataset: DatasetContent, pictures: Pictures) -> Forecasts:
    """Prepare the pictures of a data set: films, or strips of colour for vector observations."""
    colours, dark, film = frame_colours(dataset.card), difference_colours(), truth_film(dataset, pictures)
    sources = {f"film-{dataset.name}-truth": strip(pictures.truth, colours)}
    floors, front = [entry.label for entry in dataset.floors], [entry.label for entry in dataset.front]
    methods = []
    for place, label in enumerate(pictures.forecasts):
        names = [f"film-{dataset.name}-{role}-{place}" for role in ("forecast", "difference")]
        shown = (pictures.forecasts[label], colours), (pictures.difference(label), dark)
        sources |= {name: strip(*one, pictures.given) for name, one in zip(names, shown, strict=True)}
        first, second = names if film.image else [sources[name] for name in names]
        error = error_title(dataset, pictures, label)
        methods.append(Forecast(label, error, first, second, front=label in [*front, *floors], floor=label in floors))
    truth = next(iter(sources)) if film.image else next(iter(sources.values()))
    return Forecasts(film, pictures.trajectory, truth, methods, sources if film.image else {})
