"""Which axis of an array is what, and why; what the file leaves open is refused with the layouts to choose from.

Evidence, strongest first: what the user says; names of dimensions; coordinates of the same length beside the array;
the axis along which recordings differ in length. Where these leave several readings, the usual orders of arrays decide
only if one of them alone is possible, or if its pictures alone are square.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.user.arrays import ArrayFile, FileArray
from ladid_bench.datasets.user.axis_evidence import check_dimensions_of_time, evidence_of, may_be_time, singletons
from ladid_bench.datasets.user.layouts import GUESSES, SPACE, Layout, choose, parse_layout, readings_of, refusal

MANY = 20  # trajectories, so that neighbours are nearly equal by no chance
LOOKED_AT = 48  # entries along each axis when the contents are looked at
NEARLY_EQUAL, SMOOTH, NOTHING_IN_COMMON = 0.02, 0.1, 0.5  # roughness; independent values have 1


@dataclass(frozen=True)
class Axis:
    """One axis of an array: how long it is, what it means, and why that is believed."""

    length: int
    meaning: str
    why: str


def trajectories_and_frames(axes: Sequence[Axis]) -> tuple[int, int]:
    """Find how many trajectories an array holds, and how many frames each has."""
    size = {axis.meaning: axis.length for axis in axes}
    return size.get("trajectory", 1), size["time"]


def find_axes(
    arrays: Sequence[FileArray], file: ArrayFile, layout: str, where: str, varying: str = "time"
) -> tuple[Axis, ...]:
    """Find the axes of arrays that belong together: members of a pattern, cells, or the splits of one file.

    Args:
        arrays: at least one; the first is described.
        file: where they are from, with the coordinates beside them.
        layout: what the user says, or nothing.
        where: the name of the array in errors.
        varying: the meaning of an axis along which only their lengths differ.

    Raises:
        BenchError: several readings are possible, or none is.
    """
    first = arrays[0]
    shape = first.shape
    if any(len(one.shape) != len(shape) for one in arrays):
        raise BenchError(f"{where}: the arrays have different numbers of axes; choose some of them with --key")
    if 0 in shape:
        raise BenchError(f"{where}: it is empty (shape {shape})")
    if layout:
        stated = parse_layout(layout, len(shape), where)
        return tuple(Axis(length, axis, "--layout says so") for length, axis in zip(shape, stated, strict=True))
    check_dimensions_of_time(first, file, where)
    known = evidence_of(arrays, file, varying)
    axes = singletons(shape, known)
    places = [place for place in range(len(shape)) if place not in axes]
    lengths = tuple(shape[place] for place in places)
    meanings = {places.index(place): meaning for place, (meaning, _) in known.items()}
    timed = [places.index(place) for place in may_be_time(first, file, known) if place in places]
    readings = [one for one in readings_of(lengths, meanings) if not timed or one.index("time") in timed]
    chosen, why = choose(readings, lengths, file.column_major, meanings)
    if chosen is None:
        single = {place: meaning for place, (meaning, _) in axes.items()}
        full = [_completed(layout, places, single) for layout in readings]
        raise BenchError(refusal(where, shape, full, file.column_major))
    for place, meaning in zip(places, chosen, strict=True):
        axes[place] = (meaning, known[place][1] if place in known else why)
    return tuple(Axis(shape[place], *axes[place]) for place in range(len(shape)))


def _completed(layout: Layout, places: Sequence[int], single: Mapping[int, str]) -> Layout:
    """A layout of the axes at ``places`` together with those of length one."""
    meanings = {**single, **dict(zip(places, layout, strict=True))}
    return tuple(meanings[place] for place in range(len(meanings)))


def check_contents(values: np.ndarray, axes: Sequence[Axis], where: str) -> None:
    """Refuse a reading that was concluded and that the values ``(trajectory, time, channel, *space)`` speak against.

    The roughness of an axis is the mean squared difference of neighbours over twice the variance: one for values that
    have nothing in common, nearly zero for those of a smooth course.

    Raises:
        BenchError: many trajectories, and each is nearly equal to the next; or frames that have nothing in common,
            though the values have a smooth course along another axis.
    """
    meanings = ("trajectory", "time", "channel", *(SPACE if values.ndim == 5 else ("feature",)))
    with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is refused later, by its place
        sample = values[tuple(slice(0, LOOKED_AT) for _ in meanings)].astype(np.float64)
        sample = sample - sample.mean(axis=(0, 1), keepdims=True)
        rough = {meaning: _roughness(sample, place) for place, meaning in enumerate(meanings)}
    evident = {axis.meaning for axis in axes if not axis.why.startswith(GUESSES)}
    length = {axis.meaning: axis.length for axis in axes}
    read_as = " ".join(axis.meaning for axis in axes)
    if length.get("trajectory", 1) >= MANY and rough["trajectory"] < NEARLY_EQUAL and "trajectory" not in evident:
        raise BenchError(
            f"{where}: read as '{read_as}' it has {length['trajectory']} trajectories, each nearly equal to "
            "the next, so that axis is probably time or space; name the axes with --layout"
        )
    smooth = [meaning for meaning in rough if meaning in length and meaning in (*SPACE, "feature")]
    smoothest = min(smooth, key=lambda meaning: rough[meaning], default="")
    if smoothest and rough["time"] > NOTHING_IN_COMMON and rough[smoothest] < SMOOTH and "time" not in evident:
        raise BenchError(
            f"{where}: read as '{read_as}' successive frames have nothing in common, but the values "
            f"vary smoothly along the axis of {length[smoothest]} ({smoothest}), which may be time; name the axes with "
            "--layout"
        )


def _roughness(values: np.ndarray, place: int) -> float:
    variance = float(values.var())
    if values.shape[place] < 2 or not variance > 0:
        return float("nan")
    return float(np.square(np.diff(values, axis=place)).mean()) / (2 * variance)
