"""Recordings: what every file becomes before it is cut and divided. Values are converted a stretch at a time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.core.memory import memory_shortage
from ladid_bench.datasets.user.resampling import SMALLEST_SIDE, shrink

COPIES = 2  # of the values as float32 that are in memory at once: as read, and cut into windows
STRETCH = 2**23  # values that are converted at a time
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
LARGEST_EXACT = 2**53  # of the whole numbers that float64 holds one by one, such as nanoseconds since 1970 are not
EXACT = ("f2", "f4", "i1", "u1", "i2", "u2", "b1")  # types whose every value float32 holds


@dataclass(frozen=True)
class Reading:
    """How files are to be understood.

    Attributes:
        keys: names or patterns of arrays, ``split=name`` where one file holds several splits; several are channels.
        times: names of the arrays of times, ``split=name`` too.
        layout: names of the arrays' axes, separated by spaces; empty: found out.
        grayscale: whether colours are averaged to one channel.
        image_size: largest side that images are kept at, in pixels; None keeps them as they are.
    """

    keys: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    layout: str = ""
    grayscale: bool = False
    image_size: int | None = None


@dataclass(frozen=True)
class Storage:
    """How values become the float32 of a trajectory file.

    Attributes:
        offset: float64 ``(channel, *space)`` with ones where all share it; it is subtracted in double precision.
        missing: bool ``(channel, *space)``, the pixels without a value in any frame.
        fill: float64 ``(channel,)``, what stands there, before the offset is subtracted.
    """

    offset: np.ndarray | None = None
    missing: np.ndarray | None = None
    fill: np.ndarray | None = None


@dataclass(frozen=True)
class Clock:
    """What the times of a recording are counted in and from.

    Attributes:
        unit: of time, or nothing where the file does not say it.
        reference: the date that they are counted from, with its calendar; empty where none is said.
        origin: what is added to the times to count them from there.
    """

    unit: str = ""
    reference: str = ""
    origin: float = 0.0


@dataclass(frozen=True)
class Recording:
    """One trajectory as it was found.

    Attributes:
        name: where it is from, for errors.
        values: ``(time, channel, *space)`` real numbers as the file has them, perhaps still on the disk.
        times: float64 ``(time,)``, or None where the file has none.
        clock: of the times.
        group: number of the independent group within its file, or None where each recording is one.
        breaks: first frames after a pause, in order; no trajectory spans one.
        reading: what is done to each picture.
    """

    name: str
    values: np.ndarray
    times: np.ndarray | None = None
    clock: Clock = Clock()
    group: int | None = None
    breaks: tuple[int, ...] = ()
    reading: Reading = Reading()

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """``(channel, *space)`` of a frame as it is kept."""
        return self.prepared(0, min(1, len(self))).shape[1:] if 0 not in self.values.shape else self.values.shape[1:]

    @property
    def exact(self) -> bool:
        """Whether float32 holds every value of this type."""
        return self.values.dtype.str[1:] in EXACT

    def converted(self, first: int, last: int) -> np.ndarray:
        """Convert frames as they were found to float32, or float64 where float32 may not hold them."""
        kind: Any = np.float32 if self.exact else np.float64
        with np.errstate(invalid="ignore"):  # what is no number stays none, and is refused by its place
            return np.ascontiguousarray(self.values[first:last], dtype=kind)

    def prepared(self, first: int, last: int) -> np.ndarray:
        """Convert frames to what is kept of them: float32, or float64 where float32 may not hold them."""
        return self.reduced(self.converted(first, last))

    def reduced(self, frames: np.ndarray) -> np.ndarray:
        """Convert frames to grey and shrink them as asked for."""
        if frames.ndim != 4:
            return frames
        if self.reading.grayscale and frames.shape[1] == len(LUMA):
            weights = np.array(LUMA, dtype=frames.dtype).reshape(-1, 1, 1)  # (channel,) -> (channel, 1, 1)
            frames = (frames * weights).sum(axis=1, keepdims=True)
        return shrink(frames, self.reading.image_size) if self.reading.image_size else frames

    def frames(self, first: int, last: int, storage: Storage) -> np.ndarray:
        """Convert frames to what is written, float32 ``(time, channel, *space)``."""
        frames = self.prepared(first, last)
        if storage.missing is not None and storage.fill is not None:
            fill = storage.fill.reshape(-1, *[1] * (frames.ndim - 2))  # (channel,) -> (channel, 1, 1)
            frames = np.where(storage.missing, fill.astype(frames.dtype), frames)
        return (frames if storage.offset is None else frames - storage.offset).astype(np.float32)

    def stretches(self) -> Iterator[tuple[int, int]]:
        """Yield pieces small enough to be converted at once: the first frame of each, and the frame after its last."""
        step = max(1, STRETCH // max(1, int(np.prod(self.values.shape[1:]))))
        for first in range(0, len(self), step):
            yield first, min(len(self), first + step)

    def between_pauses(self) -> list[tuple[int, int]]:
        """List the stretches without a pause: the first frame of each, and the frame after its last."""
        edges = [0, *self.breaks, len(self)]
        return list(pairwise(edges))


def check_size(values: int, where: str) -> None:
    """Refuse what would not fit in memory, before any of it is read.

    Raises:
        BenchError: so many values need more memory than the machine has.
    """
    if shortage := memory_shortage(4 * COPIES * values):
        raise BenchError(
            f"{where}: {values:,} values need about {shortage}; import less, or smaller images (--image-size, "
            "--grayscale)"
        )


def is_beyond_exact(values: np.ndarray) -> bool:
    """Say whether an array holds whole numbers of which float64 would keep the first digits only."""
    if values.dtype.kind not in "iu" or not values.size:
        return False
    return max(int(values.max()), -int(values.min())) > LARGEST_EXACT


def check_real(values: np.ndarray, where: str) -> None:
    """Refuse values that are no real numbers.

    Raises:
        BenchError: they are complex, text, or objects.
    """
    if values.dtype.kind not in "fiub":
        raise BenchError(f"{where}: values must be real numbers, not {values.dtype}; convert them first")


def check_recordings(recordings: Iterable[Recording]) -> None:
    """Check what all recordings of an import must agree in, and their times.

    Raises:
        BenchError: frames of different shapes, images that are too small, or times that do not increase.
    """
    first: Recording | None = None
    for one in recordings:
        first = first or one
        _check_frames(one, first)
        _check_times(one)


def _check_frames(one: Recording, first: Recording) -> None:
    if 0 in one.values.shape:
        raise BenchError(f"{one.name}: it is empty (shape {one.values.shape})")
    channels, *space = one.values.shape[1:]
    if one.reading.grayscale and len(space) != 2:
        raise BenchError(f"{one.name}: --grayscale is for images; these are vectors")
    if one.reading.grayscale and channels not in (1, len(LUMA)):
        raise BenchError(f"{one.name}: --grayscale needs 3 channels (red, green, blue), not {channels}")
    if one.shape != first.shape:
        raise BenchError(
            f"{one.name}: frames have shape {one.shape}, those of {first.name} {first.shape} (channel, then space); "
            "all recordings of a data set must agree"
        )
    if len(space) == 2 and min(space) < SMALLEST_SIDE:
        raise BenchError(
            f"{one.name}: images are {space[0]} x {space[1]}, at least {SMALLEST_SIDE} x {SMALLEST_SIDE} are "
            "needed; if these are vectors, use --layout, such as 'trajectory time feature'"
        )


def _check_times(one: Recording) -> None:
    if one.times is None:
        return
    if one.times.shape != (len(one),):
        raise BenchError(f"{one.name}: {len(one)} frames, but times of shape {one.times.shape}")
    if not np.isfinite(one.times).all():
        missing = np.count_nonzero(~np.isfinite(one.times))
        raise BenchError(f"{one.name}: {missing} of {len(one)} times are missing or infinite; correct them")
    back = np.flatnonzero(np.diff(one.times) <= 0)
    if len(back):
        before, after = (f"{number:g}" for number in one.times[back[0] :][:2])
        raise BenchError(
            f"{one.name}: times must increase from frame to frame, but frame {back[0] + 1} is at {after} after "
            f"{before}, the first of {len(back)} such places; if several recordings follow each other, give each its "
            "own file, else sort or correct the times"
        )
