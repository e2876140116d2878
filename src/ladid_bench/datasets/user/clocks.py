"""Times of several files on one clock: units brought to one, and recordings that continue each other joined."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.user.recordings import Recording

SECONDS: Mapping[str, float] = {  # months and years have no length of their own
    "ns": 1e-9,
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "week": 604800.0,
}
GAP = (0.5, 1.5)  # between the end of a recording and the beginning of the one that continues it, in steps of either
OTHER_STEP = 1.5  # how many times as long the steps of a recording are as those of another, so that the reader is told


def in_one_unit(recordings: Sequence[Recording]) -> tuple[list[Recording], list[str]]:
    """Bring the times of all recordings to the unit of the first that says one; what was done, in words.

    Raises:
        BenchError: units differ, and one of them is not known or has no fixed length.
    """
    timed = [one for one in recordings if one.times is not None and one.clock.unit]
    if len({one.clock.unit for one in timed}) < 2:
        return list(recordings), []
    first = timed[0]
    other = next(one for one in timed if one.clock.unit != first.clock.unit)
    unknown = [one for one in timed if one.clock.unit not in SECONDS]
    if unknown:
        raise BenchError(
            f"{other.name}: has times in {other.clock.unit}, and {first.name} in {first.clock.unit}; bring them to the "
            "same, or say the step with --time-step"
        )
    told = f"times of {other.name}, in {other.clock.unit}, are brought to those of {first.name}, in {first.clock.unit}"
    return [_converted(one, first.clock.unit) for one in recordings], [told]


def _converted(one: Recording, unit: str) -> Recording:
    if one.times is None or not one.clock.unit or one.clock.unit == unit:
        return one
    factor = SECONDS[one.clock.unit] / SECONDS[unit]
    clock = replace(one.clock, unit=unit, origin=factor * one.clock.origin)
    return replace(one, times=factor * one.times, clock=clock)


def continued(recordings: Sequence[Recording]) -> list[list[int]]:
    """Find the recordings that continue each other: each row begins a step after the former ends, on the same clock.

    Returns:
        Numbers of recordings in their order, a row for what is one recording.
    """
    rows: list[list[int]] = []
    for number, one in enumerate(recordings):
        if rows and _continues(recordings[number - 1], one):
            rows[-1].append(number)
        else:
            rows.append([number])
    return rows


def _continues(former: Recording, one: Recording) -> bool:
    if former.times is None or one.times is None or min(len(former), len(one)) < 2:
        return False
    same_clock = (former.clock.unit, former.clock.reference) == (one.clock.unit, one.clock.reference)
    if not same_clock or former.group != one.group or former.shape != one.shape:
        return False
    gap = (one.clock.origin - former.clock.origin) + (one.times[0] - former.times[-1])
    steps = [float(np.median(np.diff(times))) for times in (former.times, one.times)]
    return all(GAP[0] * step < gap < GAP[1] * step for step in steps)


def joined(parts: Sequence[Recording]) -> Recording:
    """Join recordings that continue each other to one."""
    first = parts[0]
    if len(parts) == 1:
        return first
    times = [one.times + (one.clock.origin - first.clock.origin) for one in parts if one.times is not None]
    return replace(first, values=np.concatenate([one.values for one in parts]), times=np.concatenate(times))


def on_steps(recordings: Sequence[Recording]) -> list[str]:
    """Tell where the usual time between frames differs between recordings."""
    steps = [
        (float(np.median(np.diff(one.times))), one.name) for one in recordings if one.times is not None and len(one) > 1
    ]
    if not steps or max(steps)[0] <= OTHER_STEP * min(steps)[0]:
        return []
    (short, its), (long, others) = min(steps), max(steps)
    return [f"the time between frames differs between recordings: {short:g} in {its}, {long:g} in {others}"]


def on_joining(rows: Sequence[Sequence[int]], recordings: Sequence[Recording]) -> list[str]:
    """Tell which recordings were joined, since they continue each other."""
    chains = [row for row in rows if len(row) > 1]
    if not chains:
        return []
    first, last = (recordings[chains[0][place]] for place in (0, -1))
    frames = sum(len(recordings[number]) for number in chains[0])
    more = f", and so in {len(chains) - 1} more places" * (len(chains) > 1)
    return [
        f"{len(chains[0])} recordings, {first.name} to {last.name}, continue each other in time: they are joined to "
        f"one of {frames} frames{more}"
    ]
