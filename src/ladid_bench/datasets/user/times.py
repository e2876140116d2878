"""Times of the frames: those that are named, those that lie beside the values, or none; and the pauses in them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.user.arrays import TEXT, TIME_UNITS, ArrayFile, FileArray, dates_of
from ladid_bench.datasets.user.axes import coordinates_beside
from ladid_bench.datasets.user.recordings import LARGEST_EXACT, Recording
from ladid_bench.datasets.user.selecting import named, told_apart

PAUSE_IN_STEPS = 10  # a gap this many times the usual step is a pause ...
PAUSE_IN_LONG_STEPS = 5  # ... if it is also this many times the longest tenth of the steps
LONG_STEPS = 0.9
NUMBER = re.compile(r"\d+")  # what tells recordings of one kind apart: cells, groups, run_3 and time_3
TEXTS = "US"  # what NumPy calls arrays of text
PREFERENCE = ("time", "t", "times", "timestamp", "date", "datetime")


@dataclass(frozen=True)
class Times:
    """Times of one array of recordings.

    Attributes:
        values: float64 ``(time,)`` or ``(trajectory, time)``.
        unit: of time, or nothing.
        why: where they are from.
    """

    values: np.ndarray
    unit: str
    why: str


def find_times(
    arrays: Sequence[FileArray], file: ArrayFile, names: Sequence[str], lengths: Sequence[tuple[int, int]]
) -> list[Times | None]:
    """Find the times of each array; None where there are none.

    Args:
        arrays: the data.
        file: where they are from.
        names: what ``--times`` says, or nothing.
        lengths: trajectories and frames of each array.

    Raises:
        BenchError: what ``--times`` names does not fit the data, or several arrays could be the times.
    """
    if names:
        chosen = [one for name in names for one in named(file, name, "--times")]
        if len(chosen) not in (1, len(arrays)):
            raise BenchError(f"{file.path}: --times names {len(chosen)} arrays, there are {len(arrays)} of data")
        for one, array in zip(chosen, arrays, strict=False) if len(names) == 1 < len(chosen) else ():
            if not set(told_apart(one, names[0])) <= {*NUMBER.findall(array.name), *re.split(r"[/._]", array.name)}:
                raise BenchError(
                    f"{file.path}: --times {names[0]} names nothing that belongs to {array.name} ({one.name} is the "
                    "next); name the times of the arrays that are there, each with its own --times"
                )
        why = "as --times says"
        return [_read(one, file, why) for one in (chosen * len(arrays) if len(chosen) == 1 else chosen)]
    found = [_beside(one, file, size) for one, size in zip(arrays, lengths, strict=True)]
    shared = set.intersection(*(set(one) for one in found))
    family = _preferred(sorted(shared), arrays[0], file)
    return [None if family is None else _read(one[family], file, "beside the values") for one in found]


def _beside(array: FileArray, file: ArrayFile, size: tuple[int, int]) -> dict[str, FileArray]:
    """Arrays that could be the times of ``array``, by their names without what tells recordings apart."""
    own = NUMBER.findall(array.name)
    rows = [one for one in file.arrays.values() if one.numeric and one.shape == size and one.role == "time"]
    coordinate = next(
        (file.arrays[dim] for dim in array.dims if dim in file.arrays and file.arrays[dim].is_vector), None
    )
    near = [one for one in coordinates_beside(array, file) if one.role == "time" and one.length == size[1]]
    if coordinate is not None and coordinate in near:
        near = [coordinate]
    alike: tuple[list[str], ...] = (own, NUMBER.findall(array.parent), [])  # run0/time is of run0/t2m
    fitting = [one for one in (near or rows) if not own or NUMBER.findall(one.name) in alike]
    fitting = [one for one in fitting if not _is_text(one)]
    return {NUMBER.sub("*", one.name): one for one in fitting}


def _preferred(families: Sequence[str], array: FileArray, file: ArrayFile) -> str | None:
    """The one of several names that is most plainly the time."""
    if len(families) < 2:
        return families[0] if families else None
    ending = NUMBER.sub("*", re.sub(r"^[^_]*", "", array.name))
    alike = [name for name in families if ending and name.endswith(ending)]
    plain = [name for name in families if re.split(r"[/.]", name)[-1].lower() in PREFERENCE]
    for narrowed in (alike, plain):
        if len(narrowed) == 1:
            return narrowed[0]
    raise BenchError(
        f"{file.path}: {', '.join(families)} could all be the times of {array.name}; name one with --times"
    )


def not_taken(array: FileArray, file: ArrayFile, frames: int) -> str:
    """Say what a reader should know of rows of numbers that may be an array's times but were not taken for them.

    Empty where there are none.
    """
    beside = [one for one in coordinates_beside(array, file) if one.name not in array.dims]
    short = [f"'{one.name}' has {one.length} entries for {frames} frames" for one in beside if one.role == "time"]
    alike = [f"'{one.name}' has an entry a frame and increases" for one in beside if _could_be_times(one, frames)]
    text = [f"'{one.name}' holds text that is no date" for one in beside if one.length == frames and _is_text(one)]
    told = [*short, *alike, *text]
    return f"counted in frames; {', '.join(told)}: if those are the times, say --times" if told else ""


def _is_text(one: FileArray) -> bool:
    """Whether it holds text that cannot be read as dates."""
    return TEXT.fullmatch(one.dtype) is not None and dates_of(one.read()) is None


def _could_be_times(one: FileArray, frames: int) -> bool:
    if one.role or not one.numeric or one.length != frames:
        return False
    return bool((np.diff(one.read().ravel().astype(np.float64)) > 0).all())


def _read(one: FileArray, file: ArrayFile, why: str) -> Times:
    """Times as numbers; dates become seconds from the first one."""
    where, values = f"{file.path}:{one.name}", one.read()
    if values.dtype.kind in TEXTS:
        dates = dates_of(values)
        values = values if dates is None else dates
    if values.dtype.kind == "m":
        return Times(_rows(values / np.timedelta64(1, "ns") / 1e9), "s", f"'{one.name}', durations, {why}")
    if values.dtype.kind == "M":
        if np.isnat(values).any():
            raise BenchError(f"{where}: {np.isnat(values).sum()} dates are missing; remove those rows before importing")
        seconds = (values - values.ravel()[0]) / np.timedelta64(1, "ns") / 1e9
        return Times(_rows(seconds), "s", f"'{one.name}', dates, {why}")
    if values.dtype.kind not in "fiu":
        raise BenchError(f"{where}: times must be numbers or dates, not {values.dtype}; name other ones with --times")
    if values.dtype.kind in "iu" and np.abs(values).max(initial=0) > LARGEST_EXACT:
        values, why = values - values.ravel()[0], f"counted from the first, {why}"
    return Times(_rows(values.astype(np.float64)), time_unit_of(one), f"'{one.name}', {why}")


def _rows(values: np.ndarray) -> np.ndarray:
    """Without axes of length one: MATLAB has no arrays of one axis."""
    return values.ravel() if sum(length > 1 for length in values.shape) <= 1 else values


def time_unit_of(one: FileArray) -> str:
    """Look up the unit of time that an array's attributes say, or the end of its name: ``time_ms``, ``t [s]``."""
    ending = re.search(r"[_ (\[](\w+)[)\]]?$", one.family)
    return one.time_unit or (TIME_UNITS.get(ending[1].lower(), "") if ending else "")


def with_times(recordings: list[Recording], times: Times, where: str) -> list[Recording]:
    """Give recordings their times, ``(time,)`` for all of them or ``(trajectory, time)``.

    Raises:
        BenchError: the times have more axes, or are those of another number of trajectories.
    """
    values = times.values
    if values.ndim > 2:
        raise BenchError(f"{where}: times have shape {values.shape}; they need one axis, or (trajectory, time)")
    rows = values if values.ndim == 2 else [values] * len(recordings)
    if len(rows) != len(recordings):
        raise BenchError(f"{where}: times of {len(rows)} trajectories, there are {len(recordings)}")
    return [replace(one, times=row) for one, row in zip(recordings, rows, strict=True)]


def with_pauses(one: Recording, longest: float | None) -> Recording:
    """Break a recording at every gap longer than ``longest``, or, where that is None, at every gap that is a pause."""
    if one.times is None or len(one) < 2:
        return one
    gaps = np.diff(one.times)
    usual = max(PAUSE_IN_STEPS * np.median(gaps), PAUSE_IN_LONG_STEPS * np.quantile(gaps, LONG_STEPS))
    found = np.flatnonzero(gaps > (usual if longest is None else longest)) + 1
    return replace(one, breaks=tuple(found.tolist()))
