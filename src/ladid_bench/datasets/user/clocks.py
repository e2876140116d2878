"""Times of several files on one clock: units brought to one, and what a reader should know of how they follow on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.user.recordings import Recording

SECONDS: Mapping[str, float] = {  # months and years have no length of their own
    "fs": 1e-15,
    "ps": 1e-12,
    "ns": 1e-9,
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "week": 604800.0,
}
GAP = (0.5, 1.5)  # between the end of a recording and the beginning of one that continues it, in steps of either
OTHER_STEP = 1.5  # how many times as long the steps of a recording are as those of another, so that the reader is told


def in_one_unit(recordings: Sequence[Recording]) -> tuple[list[Recording], list[str]]:
    """Bring the times of all recordings to the unit of the first that says one; what was done, in words.

    Raises:
        BenchError: units differ, and one of them is not known or has no fixed length.
    """
    timed = [one for one in recordings if one.times is not None and one.clock.unit]
    units = list(dict.fromkeys(one.clock.unit for one in timed))
    if len(units) < 2:
        return list(recordings), []
    first = timed[0]
    other = next(one for one in timed if one.clock.unit != first.clock.unit)
    if not set(units) <= SECONDS.keys():
        raise BenchError(
            f"{other.name}: has times in {other.clock.unit}, but {first.name} in {first.clock.unit}; convert them to "
            "one unit, or give the step with --time-step"
        )
    told = f"times in {', '.join(units[1:])}, such as those of {other.name}, are converted to the unit of {first.name},"
    return [_converted(one, first.clock.unit) for one in recordings], [f"{told} {units[0]}"]


def _converted(one: Recording, unit: str) -> Recording:
    if one.times is None or not one.clock.unit or one.clock.unit == unit:
        return one
    factor = SECONDS[one.clock.unit] / SECONDS[unit]
    clock = replace(one.clock, unit=unit, origin=factor * one.clock.origin)
    return replace(one, times=factor * one.times, clock=clock)


def on_following(files: Sequence[Sequence[Recording]]) -> list[str]:
    """Tell that files of one recording each follow each other by one step, such as one file a year.

    They may be one recording that was cut, whose parts are not independent, or trials one after the other: the file
    does not say which.
    """
    first = [several[0] for several in files if len(several) == 1]
    alone = [one for one in first if one.times is not None and one.times.size]
    ordered = sorted(alone, key=_beginning)
    following = [pair for pair in pairwise(ordered) if _follows(*pair)]
    if not following:
        return []
    former, one = following[0]
    return [
        f"{len(following)} of {len(alone)} recordings begin one step after another ends, on the same clock, such as "
        f"{one.name} after {former.name}: if they are one recording that was cut, join its files first, because "
        "each file counts as independent of the others"
    ]


def _beginning(one: Recording) -> float:
    assert one.times is not None
    return one.clock.origin + float(one.times[0])


def _follows(former: Recording, one: Recording) -> bool:
    if former.times is None or one.times is None or min(len(former), len(one)) < 2 or former.shape != one.shape:
        return False
    if (former.clock.unit, former.clock.reference) != (one.clock.unit, one.clock.reference):
        return False
    gap = _beginning(one) - (former.clock.origin + float(former.times[-1]))
    steps = [float(np.median(np.diff(times))) for times in (former.times, one.times)]
    return all(GAP[0] * step < gap < GAP[1] * step for step in steps)


def on_steps(recordings: Sequence[Recording]) -> list[str]:
    """Tell where the usual time between frames differs between recordings, or only some have times."""
    steps = [
        (float(np.median(np.diff(one.times))), one.name) for one in recordings if one.times is not None and len(one) > 1
    ]
    counted = [one.name for one in recordings if one.times is None]
    if steps and counted:
        return [f"{counted[0]} has no times and is counted in frames, but {steps[0][1]} has times"]
    if not steps or max(steps)[0] <= OTHER_STEP * min(steps)[0]:
        return []
    (short, its), (long, others) = min(steps), max(steps)
    return [f"the time between frames differs between recordings: {short:g} in {its}, {long:g} in {others}"]
