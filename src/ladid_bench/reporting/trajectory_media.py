"""What one trajectory looks like: a film and a strip of its frames, or a strip of colour for vectors."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from ladid_bench.data.thumbnails import unpack
from ladid_bench.reporting.films import data_uri, film, strip
from ladid_bench.reporting.formatting import decimals, number
from ladid_bench.reporting.palette import frame_colours
from ladid_bench.reporting.pictures import FRAMES_PER_SECOND, SHORTEST

TILE, SMALL = 256, 128  # CSS pixels of the film, and at most of a picture in the strip
STRIP_COLUMNS = 8
PRECISION = 4  # levels are rounded to multiples of this: no eye sees it, and a film is a third smaller


@dataclass(frozen=True)
class Motion:
    """A trajectory to be shown.

    Attributes:
        levels: uint8 ``(frame, *space)``, 0 to 255 over the range of the colours.
        lead: ``(frame,)``; time from the last given frame, or from the first one where nothing is given.
        given: frames that a method is given, 0 where there is no task.
        unit: of time.
    """

    levels: np.ndarray
    lead: np.ndarray
    given: int
    unit: str

    @property
    def seconds(self) -> float:
        """How long the film plays."""
        return max(SHORTEST, len(self.levels) / FRAMES_PER_SECOND)

    @property
    def times(self) -> list[str]:
        """Time of every frame, with sign and unit."""
        places = min(3, decimals(np.diff(self.lead).tolist(), 1))
        signs = ["+" if self.given and time > 0 else "" for time in self.lead]
        values = [number(float(time), places) for time in self.lead]
        return [f"{sign}{value} {self.unit}".strip() for sign, value in zip(signs, values, strict=True)]

    @property
    def columns(self) -> list[int]:
        """Frames of the strip, spread evenly, first and last included."""
        last = len(self.levels) - 1
        return np.unique(np.linspace(0, last, min(STRIP_COLUMNS, last + 1)).round().astype(int)).tolist()


@dataclass(frozen=True)
class MethodStyle:
    """A trajectory ready for the page; ``styles`` is for its style sheet, ``heat`` the address of a strip of colour."""

    image: bool
    label: str
    film: str
    styles: str
    heat: str
    frames: int
    given: int
    seconds: float
    leads: str
    tile: int
    small: int
    ratio: str
    sharp: bool
    height: int
    first: str
    last: str
    columns: list[tuple[str, float]]

    @property
    def given_share(self) -> float:
        """Per cent of the frames that are given."""
        return round(100 * self.given / self.frames, 2)


def look_at(motion: Motion, colours: np.ndarray, name: str, label: str) -> MethodStyle:
    """A trajectory as the page shows it.

    Args:
        motion: the trajectory.
        colours: uint8 ``(256, 3)``, of the levels.
        name: of its own on the page, for the style sheet.
        label: what it is, for readers that do not see it.
    """
    image, times = motion.levels.ndim == 3, motion.times
    coarse = (motion.levels // PRECISION * PRECISION).astype(np.uint8)
    drawn = data_uri((film if image else strip)(coarse, colours))
    height, width = motion.levels.shape[1:] if image else (motion.levels.shape[1], 1)
    last = len(times) - 1
    return MethodStyle(
        image=image,
        label=label,
        film=f"look-{name}",
        styles=f".look-{name}{{background-image:url({drawn})}}" if image else "",
        heat="" if image else drawn,
        frames=len(times),
        given=motion.given,
        seconds=motion.seconds,
        leads=json.dumps([f"{_role(motion, frame)} {time}".strip() for frame, time in enumerate(times)]),
        tile=max(1, TILE // width) * width if width <= TILE else TILE,
        small=max(1, SMALL // width) * width if width <= SMALL else SMALL,
        ratio=f"{width}/{height}",
        sharp=width <= TILE,
        height=max(48, 12 * height),
        first=times[0],
        last=times[-1],
        columns=[(times[frame], round(100 * frame / max(1, last), 4)) for frame in motion.columns],
    )


def _role(motion: Motion, frame: int) -> str:
    if not motion.given:
        return "time"
    return "context" if frame < motion.given else "forecast"


def card_look(card: dict[str, Any], unit: str) -> MethodStyle:
    """The film that a data card keeps."""
    kept, lead = card["film"], np.array(card["film"]["lead"])
    levels = unpack(kept["webp"], len(lead), len(card["task"]["shape"]) == 3)
    motion = Motion(levels, lead, int((lead <= 0).sum()), unit)
    label = f"test trajectory {kept['trajectory']} of {card['title']}"
    return look_at(motion, frame_colours(card), card["dataset"], label)
