"""What float32 would do to the values, and what is done about it: an offset a feature, and pixels without a value.

Rounding is measured, not guessed: the root mean square of what float32 changes, against the standard deviation of the
feature or channel, and against its steps from frame to frame.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.user.recordings import LARGEST_EXACT, Recording, Storage, is_beyond_exact

WORST_OF_SPREAD = 1e-4  # rounding, as a fraction of the standard deviation
WORST_OF_STEP = 1e-2  # rounding, as a fraction of the steps from frame to frame
# numbers that loggers, grids and packed files write where a value is missing: nines, the ends of whole numbers, and the
# defaults of netCDF and of weather and climate models; in double and in single precision
NINES = [10.0**digits - 1 for digits in range(2, 8)]
MARKS = np.array(
    [*NINES[1:], *(-nines for nines in NINES), -(2.0**15), -(2.0**31), 9.969209968386869e36, 1e20, -1e30, -1e34]
)
MARKS = np.unique([MARKS, MARKS.astype(np.float32)])


@dataclass(frozen=True)
class Survey:
    """What one pass over all values found, ``(channel, *space)`` each.

    Attributes:
        missing: how many frames have no value there.
        gaps: values that are missing where other frames have one.
        mean, spread: average and standard deviation of those that have.
        step: root mean square of the difference of successive frames.
    """

    frames: int
    missing: np.ndarray
    gaps: "Gaps"
    mean: np.ndarray
    spread: np.ndarray
    step: np.ndarray


class Gaps:
    """Values missing in some frames, of pictures as they were found: an average over pixels would hide them."""

    def __init__(self) -> None:
        self._missing: dict[tuple[int, ...], np.ndarray] = {}  # by the shape of a frame: (channel, *space)
        self._frames: dict[tuple[int, ...], int] = {}

    def add(self, frames: np.ndarray) -> None:
        """Count the frames ``(time, channel, *space)``."""
        shape = frames.shape[1:]
        self._missing[shape] = self._missing.get(shape, 0) + np.isnan(frames).sum(axis=0)
        self._frames[shape] = self._frames.get(shape, 0) + len(frames)

    def places(self, shape: tuple[int, ...]) -> np.ndarray:
        """Find where frames of a shape have a value sometimes, bool ``(channel, *space)``."""
        return (self._missing[shape] > 0) & (self._missing[shape] < self._frames[shape])

    @property
    def count(self) -> int:
        """Values that are missing there."""
        return sum(int(missing[self.places(shape)].sum()) for shape, missing in self._missing.items())


def survey(recordings: Sequence[Recording]) -> Survey:
    """Look at all values once, a stretch at a time.

    Raises:
        BenchError: a value is infinite, or beyond float32 or what float64 counts, or stands for a missing one.
    """
    shape = recordings[0].shape
    start = np.nan_to_num(recordings[0].prepared(0, 1)[0].astype(np.float64))  # sums about it stay exact
    missing, count, steps = np.zeros(shape, np.int64), 0, 0
    gaps = Gaps()
    total, squares, changes = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for one in recordings:
        for first, last in one.stretches():
            _check_whole(one.values[first:last], one)
            found = one.converted(first, last)
            frames = one.reduced(found)
            _check_finite(frames, one, first)
            _check_marks(found, one)
            gaps.add(found)
            gone = np.isnan(frames)
            about = np.where(gone, 0, np.nan_to_num(frames) - start)
            missing += gone.sum(axis=0)
            total += about.sum(axis=0)
            squares += np.square(about).sum(axis=0)
            changes += np.square(np.diff(about, axis=0)).sum(axis=0)
            count, steps = count + len(frames), steps + len(frames) - 1
    seen = np.maximum(count - missing, 1)
    mean = total / seen
    spread = np.sqrt(np.maximum(squares / seen - mean**2, 0))
    return Survey(count, missing, gaps, start + mean, spread, np.sqrt(changes / max(1, steps)))


def _check_whole(values: np.ndarray, one: Recording) -> None:
    """Refuse whole numbers of which float64 would keep the first digits only."""
    if is_beyond_exact(values):
        raise BenchError(
            f"{one.name}: has whole numbers beyond {LARGEST_EXACT:,}, of which double precision keeps only the first "
            "digits; subtract what they have in common before importing"
        )


def _check_finite(frames: np.ndarray, one: Recording, first: int) -> None:
    bad = np.isinf(frames) | (np.abs(frames) > np.finfo(np.float32).max)
    if bad.any():
        place = np.argwhere(bad)[0].tolist()
        raise BenchError(
            f"{one.name}: {np.count_nonzero(bad)} of {bad.size} values are not finite or beyond float32, the first at "
            f"{[place[0] + first, *place[1:]]}; fill or remove them before importing"
        )


def _check_marks(frames: np.ndarray, one: Recording) -> None:
    """Refuse numbers that stand for missing values: a usual one, further from all others than those from each other."""
    place = 1 if frames.ndim == 4 else 2  # of the channels of pictures, or of features
    inner = tuple(axis for axis in range(frames.ndim) if axis != place)
    if not np.isin([np.fmin.reduce(frames, axis=inner), np.fmax.reduce(frames, axis=inner)], MARKS).any():
        return
    for component, values in enumerate(np.moveaxis(frames, place, 0)):
        marked = np.isin(values, MARKS)
        others = values[~marked & ~np.isnan(values)]
        for mark in np.unique(values[marked]) if others.size else ():
            low, high = float(others.min()), float(others.max())
            if max(low - mark, mark - high) > high - low:
                raise BenchError(
                    f"{one.name}: {np.count_nonzero(values == mark)} values of feature or channel {component} are "
                    f"{mark:g}, far from all others ({low:.6g} to {high:.6g}), which usually stands for a missing "
                    "value; write NaN there (pixels without a value in any frame are masked), or fill or remove them"
                )


def storage_for(recordings: Sequence[Recording], found: Survey) -> tuple[Storage, list[str]]:
    """Choose how the values are kept, and say in words what was done to them.

    Raises:
        BenchError: values are missing in some frames, or float32 cannot hold what varies.
    """
    storage, told = _masked(recordings, found)
    if all(one.exact for one in recordings):
        return storage, told
    spread, step = _pooled(found.spread), _pooled(found.step)
    plain = _rounding(recordings, storage)
    if not ((plain > WORST_OF_SPREAD * spread) | (plain > WORST_OF_STEP * step)).any():
        return storage, told
    offset = _pooled_mean(found)
    shifted = replace(storage, offset=offset)
    rounding = _rounding(recordings, shifted)
    if (rounding > WORST_OF_SPREAD * spread).any() or (rounding > WORST_OF_STEP * step).any():
        worst = int(np.argmax((rounding - WORST_OF_STEP * step).ravel()))
        raise BenchError(
            f"{recordings[0].name}: single precision rounds feature or channel {worst} by "
            f"{rounding.ravel()[worst]:.2g}, "
            f"but it changes by {step.ravel()[worst]:.2g} a frame; import the difference from a trend, or fewer digits"
        )
    lost = float((plain / np.maximum(spread, np.finfo(float).tiny)).max())
    told.append(
        f"kept relative to an offset ({_listed(offset)}), given in the card: single precision rounded by "
        f"{min(lost, 9.99):.0%} of the standard deviation before, and now by "
        f"{float((rounding / np.maximum(spread, np.finfo(float).tiny)).max()):.0e} of it"
    )
    return shifted, told


def _first_missing(recordings: Sequence[Recording], gaps: Gaps) -> tuple[str, list[int]]:
    """The recording that has the first value missing in some frames, and its place ``(frame, channel, *space)``."""
    anywhere = not gaps.count  # pictures of several sizes may agree in what is missing only before they are reduced
    places = (
        (one.name, [int(frame) + first, *map(int, place)])
        for one in recordings
        for first, last in one.stretches()
        for found in [one.converted(first, last)]
        for frame, *place in np.argwhere(np.isnan(found) & (anywhere | gaps.places(found.shape[1:])))[:1]
    )
    return next(places)


def _masked(recordings: Sequence[Recording], found: Survey) -> tuple[Storage, list[str]]:
    """Pixels that have no value in any frame, which is how land and masks are written, and what stands for them."""
    gone = found.missing == found.frames
    lost = found.gaps.count or int(found.missing[~gone].sum())
    if lost:
        name, place = _first_missing(recordings, found.gaps)
        raise BenchError(
            f"{name}: values are missing (not finite), the first at {place} (frame, channel, then space), {lost:,} of "
            "them where other frames have one; only pixels with no value in any frame are masked: fill or remove the "
            "others before importing"
        )
    if not gone.any():
        return Storage(), []
    if gone.ndim != 3 or gone.all(axis=(1, 2)).any():
        place = np.argwhere(gone)[0].tolist()
        raise BenchError(
            f"{recordings[0].name}: feature or channel {place[-1] if gone.ndim != 3 else place[0]} has no value in any "
            "frame; leave it out"
        )
    fill = np.array([found.mean[channel][~gone[channel]].mean() for channel in range(len(gone))])
    told = (
        f"{int(gone.sum()):,} of {gone.size:,} pixels have no value in any frame (land, or a mask) and are filled with "
        f"the mean of the others ({_listed(fill)}); no value elsewhere is filled in"
    )
    return Storage(missing=gone, fill=fill), [told]


def _rounding(recordings: Iterable[Recording], storage: Storage) -> np.ndarray:
    """Root mean square of what float32 changes, a feature or channel."""
    squares, count = np.zeros(()), 0
    for one in recordings:
        for first, last in one.stretches():
            exact = one.prepared(first, last).astype(np.float64)
            kept = one.frames(first, last, storage).astype(np.float64)
            kept += 0 if storage.offset is None else storage.offset
            squares = squares + np.nansum(np.square(_where_seen(kept - exact, storage)), axis=0)
            count += last - first
    return _pooled(np.sqrt(squares / count))


def _where_seen(changes: np.ndarray, storage: Storage) -> np.ndarray:
    return changes if storage.missing is None else np.where(storage.missing, 0, changes)


def _pooled(values: np.ndarray) -> np.ndarray:
    """Root mean square over the pixels of each channel ``(channel, 1, 1)``; features of a vector stay apart."""
    if values.ndim != 3:
        return values
    return np.sqrt(np.nanmean(np.square(values), axis=(1, 2), keepdims=True))


def _pooled_mean(found: Survey) -> np.ndarray:
    if found.mean.ndim != 3:
        return found.mean
    seen = np.where(found.missing == found.frames, np.nan, found.mean)
    return np.nanmean(seen, axis=(1, 2), keepdims=True)


def _listed(values: np.ndarray) -> str:
    flat = values.ravel()
    return ", ".join(f"{value:.9g}" for value in flat[:6]) + ", ..." * (len(flat) > 6)
