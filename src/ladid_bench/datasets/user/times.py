"""Times of the frames: those that are named, those that lie beside the values, or none; and the pauses in them."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.user.arrays import SINCE, TIME_UNITS, ArrayFile, FileArray, dates_of, is_temperature
from ladid_bench.datasets.user.axes import Axis, trajectories_and_frames
from ladid_bench.datasets.user.axis_evidence import coordinates_beside, dimension_coordinate
from ladid_bench.datasets.user.clocks import SECONDS
from ladid_bench.datasets.user.labels import NUMBER, Labels, has, plain
from ladid_bench.datasets.user.recordings import Clock, Recording, is_beyond_exact
from ladid_bench.datasets.user.selecting import Member, named, told_apart

PAUSE_IN_STEPS = 10  # a gap this many times the usual step is a pause ...
PAUSE_IN_LONG_STEPS = 5  # ... if it is also this many times the longest tenth of the steps
LONG_STEPS = 0.9
UNIT_AT_THE_END = re.compile(r"[_ /](?P<word>\w{2,}|[sh])$|[(\[](?P<said>\w+)[)\]]$")  # time_ms, t/s, t (d)
PREFERENCE = ("time", "t", "times", "timestamp", "date", "datetime")
AS_SAID = "as --times says"
WHOLE_DAYS = "day as %Y%m%d"  # how the climate data operators write dates as numbers
FIRST_DAY, LAST_DAY = 1800_01_01, 2199_12_31
DECEMBER_TO_JANUARY = 89  # from 202612 to 202701
EPOCH = "seconds since 1970-01-01"
STEP = re.compile(r"dt|delta_?t|time_?step|sampling_?(period|interval)", re.IGNORECASE)  # single numbers beside values
RATE = re.compile(r"fs|fps|rate|frame_?rate|sampl(e|ing)_?(rate|freq\w*)", re.IGNORECASE)
MINUTES, LAST_HOUR = 60, 24  # of times written as HHMM or HHMMSS
FEWEST = 3  # of times whose steps can be compared
FINE = ("ms", "us", "ns", "ps", "fs", "as")  # units of dates that are finer than a second


@dataclass(frozen=True)
class Times:
    """Times of one array of recordings.

    Attributes:
        values: float64 ``(time,)`` or ``(trajectory, time)``.
        clock: what they are counted in and from.
        why: where they are from.
    """

    values: np.ndarray
    clock: Clock
    why: str


def find_times(
    members: Sequence[Member], file: ArrayFile, names: Sequence[str], axes: Sequence[tuple[Axis, ...]]
) -> list[Times | None]:
    """Find the times of the recordings of each member; None where there are none.

    Args:
        members: the data.
        file: where they are from.
        names: what ``--times`` says, or nothing.
        axes: of each member.

    Raises:
        BenchError: what ``--times`` names does not fit the data, or several arrays could be the times.
    """
    if names:
        chosen = [one for name in names for one in named(file, name, "--times")]
        if len(chosen) not in (1, len(members)):
            raise BenchError(f"{file.path}: --times names {len(chosen)} arrays, but there are {len(members)} of data")
        labelled = len(names) == 1 < len(chosen)
        for one, member in zip(chosen, members, strict=False) if labelled else ():
            _check_pair(one, names[0], member, str(file.path))
        return [_read(one, file, AS_SAID, labelled) for one in (chosen * len(members) if len(chosen) == 1 else chosen)]
    labels = Labels(members)
    found = [_beside(one, file, its, labels) for one, its in zip(members, axes, strict=True)]
    shared = set.intersection(*(set(one) for one in found))
    family = _preferred(sorted(shared), members[0].first, file)
    if family is None:
        return [None for _ in found]
    return [_read(one[family], file, "beside the values", bool(labels.of(one[family]))) for one in found]


def _check_pair(one: FileArray, name: str, member: Member, where: str) -> None:
    """Refuse times that a pattern names in place of those of the recording, which are not there."""
    labels = [plain(label) for label in told_apart(one, name)]
    if labels == [plain(label) for label in member.told]:
        return
    if not all(has(plain(member.first.name), label) for label in labels):
        raise BenchError(
            f"{where}: --times {name} names no times of {member.first.name} ({one.name} is next); name "
            "the times of the arrays that exist, each with its own --times"
        )


def _beside(member: Member, file: ArrayFile, axes: tuple[Axis, ...], labels: Labels) -> dict[str, FileArray]:
    """Arrays that could be the times of a member, by their names without what tells recordings apart."""
    array, size = member.first, trajectories_and_frames(axes)
    own, others = _coordinates(array, file, axes)
    near = [one for one in coordinates_beside(array, file) if one.role == "time" and one.length == size[1]]
    near = own or [one for one in near if one.name not in others]
    rows = [one for one in file.arrays.values() if one.shape == size and one.role == "time" and one.may_be_times]
    fitting = [one for one in near or rows if labels.belongs(one, member) and not _is_other_text(one)]
    families: dict[str, list[FileArray]] = {}
    for one in fitting:
        if near or one.increases:
            families.setdefault(labels.family(one), []).append(one)
    return {family: several[0] for family, several in families.items() if len(several) == 1}


def _coordinates(array: FileArray, file: ArrayFile, axes: tuple[Axis, ...]) -> tuple[list[FileArray], set[str]]:
    """The coordinate of the dimension that is time, if it has one, and the names of those of all other dimensions."""
    every = [(axis, dimension_coordinate(array, dim, file)) for axis, dim in zip(axes, array.dims, strict=False)]
    known = [(axis.meaning, one) for axis, one in every if one is not None and one.is_vector]
    own = [one for meaning, one in known if meaning == "time" and one.role == "time"]
    return own, {one.name for meaning, one in known if meaning != "time"}


def _preferred(families: Sequence[str], array: FileArray, file: ArrayFile) -> str | None:
    """The one of several names that is most plainly the time."""
    last = {name: name.rpartition(array.separator)[2] for name in families}
    others = [name for name in families if not is_temperature(last[name])]
    families = others or families
    if len(families) < 2:
        return families[0] if families else None
    ending = NUMBER.sub("*", re.sub(r"^[^_]*", "", array.name))
    alike = [name for name in families if ending and name.endswith(ending)]
    named_so = [name for name in families if last[name].lower() in PREFERENCE]
    for narrowed in (alike, named_so):
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
    timed = [one for one in beside if one.role == "time" and one.length != frames]
    short = [f"'{one.name}' has {one.length} entries for {frames} frames" for one in timed]
    alike = [f"'{one.name}' has one entry per frame" for one in beside if _could_be_times(one, frames)]
    text = [
        f"'{one.name}' holds text that is not a date" for one in beside if one.length == frames and _is_other_text(one)
    ]
    told = [*short, *alike, *text]
    return "; ".join(
        [
            *([f"counted in frames; {', '.join(told)}: if those are the times, use --times"] if told else []),
            *_steps_beside(array, file),
        ]
    )


def _steps_beside(array: FileArray, file: ArrayFile) -> Iterator[str]:
    """What single numbers beside an array say that by their names are the step of its frames, or how many a second."""
    for told, name, number in _single_numbers(array, file):
        step = number if STEP.fullmatch(name) else 1 / number if RATE.fullmatch(name) and number else 0.0
        if step > 0:
            yield f"'{told}' is {number:g}: if it tells the step of the frames, use --time-step {step:.10g}"


def _single_numbers(array: FileArray, file: ArrayFile) -> Iterator[tuple[str, str, float]]:
    """Numbers beside an array or at the top of its file, and attributes of what it stands in or beside.

    Each has the words for it, its own name and its value.
    """
    for one in file.arrays.values():
        if one.numeric and math.prod(one.shape) == 1 and one.parent in ("", array.parent):
            yield one.name, one.last, float(np.asarray(one.read()).ravel()[0])
    for (place, name), number in file.numbers.items():
        beside = place.rpartition("/")[0] == array.parent
        if beside or place in ("", array.name) or array.name.startswith(f"{place}/"):
            yield f"{place}@{name}", name, number


def _is_other_text(one: FileArray) -> bool:
    """Whether it holds text that is no date."""
    return one.is_text and dates_of(one.read()) is None


def _could_be_times(one: FileArray, frames: int) -> bool:
    if one.role not in ("", "time") or not one.may_be_times or one.length != frames or _is_other_text(one):
        return False
    return one.increases


def _read(one: FileArray, file: ArrayFile, why: str, labelled: bool = False) -> Times:
    """Times as numbers; dates become seconds from the first one. The end of a name with a label is no unit."""
    where, values = f"{file.path}:{one.name}", one.read()
    if one.is_text:
        dates = dates_of(values)
        values = values if dates is None else dates
    if values.dtype.kind in "fiu" and _are_days(one, values):
        values = _days(values)
    if values.dtype.kind in "fiu" and not one.units and _are_clock_times(values):
        raise BenchError(
            f"{where}: counted as numbers the times have uneven steps, read as hours and minutes (HHMM or HHMMSS) even "
            "ones; write them in seconds or as dates, or use --time-step"
        )
    if values.dtype.kind == "m":
        return Times(_rows(_seconds(values, where)), Clock("s"), f"'{one.name}', durations, {why}")
    if values.dtype.kind == "M":
        seconds, origin = _since_first(values, where)
        return Times(_rows(seconds), Clock("s", "standard", origin), f"'{one.name}', dates, {why}")
    if values.dtype.kind not in "fiu":
        raise BenchError(
            f"{where}: times must be numbers or dates such as 2026-11-28T14:03:00, not "
            f"{'text' if one.is_text else values.dtype}; name others with --times"
        )
    origin = 0.0
    if is_beyond_exact(values):
        values, origin = values.astype(np.int64) - int(values.ravel()[0]), float(values.ravel()[0])
        why = f"counted from the first, {why}"
    clock = _clock(one.time_unit if labelled else time_unit_of(one), one, origin)
    return Times(_rows(values.astype(np.float64)), clock, f"'{one.name}', {why}")


def _since_first(dates: np.ndarray, where: str) -> tuple[np.ndarray, float]:
    """Seconds since the first date, and of that since 1970."""
    if np.isnat(dates).any():
        raise BenchError(f"{where}: {np.isnat(dates).sum()} dates are missing; remove those rows before importing")
    exact = dates if np.datetime_data(dates.dtype)[0] in FINE else dates.astype("M8[s]")
    first = exact.ravel()[0]
    origin = float((first.astype("M8[s]") - np.datetime64(0, "s")) / np.timedelta64(1, "s"))
    return _seconds(exact - first, where), origin


def _clock(unit: str, one: FileArray, origin: float) -> Clock:
    """What times are counted in and from; reference dates of files are brought to one, that of computers."""
    since = SINCE.fullmatch(one.units.strip())
    if not since or unit not in SECONDS:
        return Clock(unit, since["reference"] if since else "", origin)
    import cftime

    calendar = one.attributes.get("calendar", "standard").lower()
    try:
        first = cftime.num2date(0, one.units.strip(), calendar)
        seconds = float(cftime.date2num(first, EPOCH, calendar))
    except ValueError:  # no date that the calendar has
        return Clock(unit, since["reference"], origin)
    return Clock(unit, calendar.replace("gregorian", "standard"), origin + seconds / SECONDS[unit])


def _seconds(durations: np.ndarray, where: str) -> np.ndarray:
    unit = np.datetime_data(durations.dtype)[0]
    if unit in ("Y", "M", "generic"):
        raise BenchError(f"{where}: durations in months or years vary in length; write dates, or give --time-step")
    one, second = np.ones((), durations.dtype), np.timedelta64(1, "s")
    return durations / one / float(second / one) if unit in FINE else durations / one * float(one / second)


def _are_days(one: FileArray, values: np.ndarray) -> bool:
    """Whether the numbers of times are dates, such as 20261128, or months, such as 202611, beyond the end of a year."""
    if one.units.startswith(WHOLE_DAYS):
        return True
    if one.units or not values.size or not (values % 1 == 0).all():
        return False
    values = values.astype(np.float64)
    lowest, highest = values.min(), values.max()
    if lowest >= FIRST_DAY and highest <= LAST_DAY:
        return not np.isnat(_days(values)).any()
    months = lowest >= FIRST_DAY // 100 and highest <= LAST_DAY // 100
    return months and bool((np.diff(values.ravel()) == DECEMBER_TO_JANUARY).any()) and not np.isnat(_days(values)).any()


def _are_clock_times(values: np.ndarray) -> bool:
    """Whether numbers are evenly spaced as times of day, 959 and 1000 a minute apart, and only as these."""
    values = np.asarray(values, dtype=np.float64).ravel()
    if len(values) < FEWEST or not (np.isfinite(values) & (values % 1 == 0) & (values >= 0)).all():
        return False
    hours, minutes, seconds = values // 10_000, values // 100 % 100, values % 100
    if max(minutes.max(), seconds.max()) >= MINUTES or hours.max() > LAST_HOUR:
        return False
    passed = np.diff((hours * MINUTES + minutes) * MINUTES + seconds)
    return bool(passed[0] > 0 and (passed == passed[0]).all() and np.ptp(np.diff(values)) > 0)


def _days(values: np.ndarray) -> np.ndarray:
    """Numbers such as 20261128.25 as dates, a quarter of that day gone; not a time where they are no dates."""
    import pandas as pd

    whole = np.floor(values).astype(np.int64)
    form = "%Y%m%d" if whole.max(initial=0) > LAST_DAY // 100 else "%Y%m"
    days = pd.to_datetime(pd.Series(whole.ravel()).astype(str), format=form, errors="coerce").to_numpy()
    part = np.round((values - whole).ravel() * 86_400e9).astype("timedelta64[ns]")
    return (days.astype("M8[ns]") + part).reshape(values.shape)  # (date,) -> the shape of the numbers


def _rows(values: np.ndarray) -> np.ndarray:
    """Without axes of length one: MATLAB has no arrays of one axis."""
    return values.ravel() if sum(length > 1 for length in values.shape) <= 1 else values


def time_unit_of(one: FileArray) -> str:
    """Look up the unit of time that an array's attributes say, or the end of its name: ``time_ms``, ``t [s]``."""
    ending = UNIT_AT_THE_END.search(one.family)
    return one.time_unit or (TIME_UNITS.get((ending["word"] or ending["said"]).lower(), "") if ending else "")


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
        raise BenchError(f"{where}: times of {len(rows)} trajectories, but there are {len(recordings)}")
    return [replace(one, times=row, clock=times.clock) for one, row in zip(recordings, rows, strict=True)]


def with_pauses(one: Recording, longest: float | None) -> Recording:
    """Break a recording at every gap longer than ``longest``, or, where that is None, at every gap that is a pause."""
    if one.times is None or len(one) < 2:
        return one
    gaps = np.diff(one.times)
    usual = max(PAUSE_IN_STEPS * np.median(gaps), PAUSE_IN_LONG_STEPS * np.quantile(gaps, LONG_STEPS))
    found = np.flatnonzero(gaps > (usual if longest is None else longest)) + 1
    return replace(one, breaks=tuple(found.tolist()))
