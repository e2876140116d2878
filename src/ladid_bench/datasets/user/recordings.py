"""What every reader returns: recordings, before they are cut and divided."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.core.memory import available_memory

COPIES = 4  # of the values as float32 that are in memory at once: as read, as float32, cut into windows, divided
SMALLEST_SIDE = 16  # pixels; the convolutions of the neural methods divide a side by this


@dataclass(frozen=True)
class Recording:
    """One trajectory as it was found.

    Attributes:
        name: where it is from, for errors.
        frames: float32 ``(time, channel, *space)``.
        times: float64 ``(time,)``, or None where the file has none.
        group: number of the independent group within its file, or None where each recording is one.
    """

    name: str
    frames: np.ndarray
    times: np.ndarray | None = None
    group: int | None = None


@dataclass(frozen=True)
class Reading:
    """How files are to be understood.

    Attributes:
        key: name of the array in a file that has several.
        times: name of the array of times in the same file.
        layout: names of the array's axes, separated by spaces; empty: detected from the shape.
        grayscale: whether colours are averaged to one channel.
        image_size: largest side that images are kept at, in pixels; None keeps them as they are.
    """

    key: str | None = None
    times: str | None = None
    layout: str = ""
    grayscale: bool = False
    image_size: int | None = None


def check_size(values: int, where: str) -> None:
    """Refuse what would not fit in memory, before any of it is read.

    Raises:
        BenchError: so many values need more memory than the machine has.
    """
    needed, available = 4 * COPIES * values, available_memory()
    if needed > available:
        raise BenchError(
            f"{where}: {values:,} values need about {_gigabytes(needed)} of memory, this machine has "
            f"{_gigabytes(available)}; import less of it, or smaller images (--image-size, --grayscale)"
        )


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:,.1f} GB"


def as_float32(values: np.ndarray, where: str) -> np.ndarray:
    """Real numbers as float32.

    Raises:
        BenchError: the values are no real numbers, or some are not finite, before or after.
    """
    if values.dtype.kind not in "fiub":
        raise BenchError(f"{where}: values must be real numbers, not {values.dtype}; convert them first")
    with np.errstate(over="ignore", invalid="ignore"):  # the result is looked at
        converted = values.astype(np.float32, copy=False)
    bad = ~np.isfinite(converted)
    if bad.any():
        first = np.argwhere(bad)[0].tolist()
        raise BenchError(
            f"{where}: {np.count_nonzero(bad)} of {bad.size} values are not finite or beyond float32, the first at "
            f"{first}; fill or remove them before importing"
        )
    return converted


def check_recordings(recordings: Iterable[Recording]) -> None:
    """Check what all recordings of an import must agree in, and their times.

    Raises:
        BenchError: frames of different shapes, images that are too small, or times that do not increase.
    """
    first = None
    for one in recordings:
        first = first or one
        shape = one.frames.shape[1:]
        if shape != first.frames.shape[1:]:
            raise BenchError(
                f"{one.name}: frames have shape {shape}, those of {first.name} {first.frames.shape[1:]} "
                "(channel, then space); all recordings of a data set must have the same"
            )
        if 0 in one.frames.shape:
            raise BenchError(f"{one.name}: there is nothing in it (shape {one.frames.shape})")
        if len(shape) == 3 and min(shape[1:]) < SMALLEST_SIDE:
            raise BenchError(
                f"{one.name}: images are {shape[1]} x {shape[2]}, at least {SMALLEST_SIDE} x {SMALLEST_SIDE} are "
                "needed; if these are vectors, say so with --layout, such as 'trajectory time feature'"
            )
        _check_times(one)


def _check_times(one: Recording) -> None:
    if one.times is None:
        return
    if one.times.shape != one.frames.shape[:1]:
        raise BenchError(f"{one.name}: {one.frames.shape[0]} frames, but times of shape {one.times.shape}")
    if not np.isfinite(one.times).all() or (np.diff(one.times) <= 0).any():
        raise BenchError(f"{one.name}: times must be finite and increase from frame to frame; sort or correct them")
