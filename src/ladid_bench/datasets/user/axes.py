"""Which axis of an array is what, and why; what the file leaves open is refused with the layouts to choose from.

Evidence, strongest first: what the user says; names of dimensions; coordinates of the same length beside the array;
the axis along which recordings differ in length. Where these leave several readings, the usual orders of arrays decide
only if one of them alone is possible, or if its pictures alone are square.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ladid_bench.core.errors import BenchError, nearest
from ladid_bench.datasets.user.arrays import ArrayFile, FileArray, counts_rows, role_of
from ladid_bench.datasets.user.resampling import SMALLEST_SIDE

AXES = ("trajectory", "time", "channel", "height", "width", "feature")
SPACE = ("height", "width")
MOST_CHANNELS = 4  # of an axis that nothing but its length makes one of channels
FEWEST_FRAMES = 3
MOST_SCALARS = 6  # rows of an array of two axes, times along the second, that are features rather than trajectories
MOST_READINGS = 4  # that a refusal lists
MANY = 20  # trajectories, so that neighbours are nearly equal by no chance
LOOKED_AT = 48  # entries along each axis when the contents are looked at
NEARLY_EQUAL, SMOOTH, NOTHING_IN_COMMON = 0.02, 0.1, 0.5  # roughness; independent values have 1
GUESSES = ("the usual", "nothing else")  # how reasons begin that are no evidence of the file's own
Layout = tuple[str, ...]

USUAL = {
    1: ("time",),
    2: ("time feature", "feature time", "trajectory time"),
    3: ("time height width", "trajectory time feature", "height width time", "trajectory feature time"),
    4: (
        "trajectory time height width",
        "time height width channel",
        "time channel height width",
        "trajectory height width time",
        "trajectory time feature channel",
    ),
    5: (
        "trajectory time height width channel",
        "trajectory time channel height width",
        "trajectory channel time height width",
        "trajectory height width time channel",
    ),
}
USUAL_OF_MATLAB = {
    3: ("height width time", "feature time trajectory"),
    4: ("height width time trajectory", "height width channel time"),
    5: ("height width channel time trajectory",),
}
UNUSUAL = {
    2: (),
    3: ("time trajectory feature", "feature time trajectory"),
    4: ("height width time trajectory", "height width channel time", "time trajectory height width"),
    5: ("height width channel time trajectory",),
}
DECIDED_BY_SQUARES = (
    "time height width",
    "trajectory time height width",
    "time height width channel",
    "time channel height width",
    *USUAL[5],
)
DECIDED_BY_SQUARES_OF_MATLAB = ("height width time", *USUAL_OF_MATLAB[4], *USUAL_OF_MATLAB[5])


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


def parse_layout(layout: str, rank: int, where: str) -> Layout:
    """Read the names of the axes.

    Raises:
        BenchError: an unknown, repeated or missing name, or another number of them than there are axes.
    """
    axes = tuple(layout.replace(",", " ").split())
    for axis in axes:
        if axis not in AXES:
            raise BenchError(f"--layout: unknown axis '{axis}'; {nearest(axis, AXES)}")
    if len(set(axes)) != len(axes):
        raise BenchError(f"--layout: '{layout}' names an axis twice")
    image = set(SPACE) & set(axes)
    if "time" not in axes or len(image) == 1 or (image and "feature" in axes):
        raise BenchError(
            f"--layout: '{layout}' must name time, and either height and width, or feature, or neither for one number "
            "per time; trajectory and channel are optional"
        )
    if len(axes) != rank:
        raise BenchError(f"{where}: the array has {rank} axes, but --layout names {len(axes)}")
    return axes


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
    _check_dimensions_of_time(first, file, where)
    known = _evidence(arrays, file, varying)
    axes = _singletons(shape, known)
    places = [place for place in range(len(shape)) if place not in axes]
    lengths = tuple(shape[place] for place in places)
    meanings = {places.index(place): meaning for place, (meaning, _) in known.items()}
    timed = [places.index(place) for place in _may_be_time(first, file, known) if place in places]
    readings = [one for one in _readings(lengths, meanings) if not timed or one.index("time") in timed]
    chosen, why = _choose(readings, lengths, file.column_major, meanings)
    if chosen is None:
        single = {place: meaning for place, (meaning, _) in axes.items()}
        full = [_completed(layout, places, single) for layout in readings]
        raise BenchError(_refusal(where, shape, full, file.column_major))
    for place, meaning in zip(places, chosen, strict=True):
        axes[place] = (meaning, known[place][1] if place in known else why)
    return tuple(Axis(shape[place], *axes[place]) for place in range(len(shape)))


def _check_dimensions_of_time(array: FileArray, file: ArrayFile, where: str) -> None:
    """Refuse an array of a single time, and one of several times, such as when a forecast began and its lead time."""
    timed = [place for place, dim in enumerate(array.dims) if _of_time(array, dim, file)]
    several = [place for place in timed if array.shape[place] > 1]
    if timed and not several:
        raise BenchError(
            f"{where}: holds one time ('{array.dims[timed[0]]}' has length 1); join the files of a recording first, "
            "for example with xarray.open_mfdataset(...).to_netcdf(...)"
        )
    if len(several) > 1:
        names = [f"'{array.dims[place]}' ({array.shape[place]} entries)" for place in several]
        raise BenchError(
            f"{where}: the dimensions {', '.join(names)} are all of time; say with --layout which is the time of the "
            "frames; another one may be 'trajectory', although forecasts of one period are not independent of each "
            "other"
        )


def _completed(layout: Layout, places: Sequence[int], single: Mapping[int, str]) -> Layout:
    """A layout of the axes at ``places`` together with those of length one."""
    meanings = {**single, **dict(zip(places, layout, strict=True))}
    return tuple(meanings[place] for place in range(len(meanings)))


# Evidence


def _evidence(arrays: Sequence[FileArray], file: ArrayFile, varying: str) -> dict[int, tuple[str, str]]:
    """The meaning of axes by their place, and why."""
    first = arrays[0]
    if first.is_table:
        return {0: ("time", "the rows of a table"), 1: ("feature", "its columns")}
    known = _by_dimensions(first, file)
    differing = {place for one in arrays for place, length in enumerate(one.shape) if length != first.shape[place]}
    if len(differing) == 1 and not (differing & known.keys()):
        place = differing.pop()
        outermost = 0 if not file.column_major or place == 0 else len(first.shape) - 1
        meaning = varying if place == outermost and len(first.shape) > 2 else "time"
        if meaning not in _meanings(known):
            known[place] = (meaning, "only this length differs between the arrays")
    _by_coordinates(first, file, known)
    return known


def _by_dimensions(array: FileArray, file: ArrayFile) -> dict[int, tuple[str, str]]:
    """What names of dimensions tell, and before them what attributes of their coordinates state."""
    known: dict[int, tuple[str, str]] = {}
    places = [place for place, length in enumerate(array.shape) if length > 1 or max(array.shape) == 1]
    coordinates = {place: dimension_coordinate(array, dim, file) for place, dim in enumerate(array.dims)}
    stated = {place: one.stated_role if one else "" for place, one in coordinates.items()}
    named = {place: (one.role if one else "") or role_of(array.dims[place]) for place, one in coordinates.items()}
    for meanings in (stated, named):
        for place in (place for place in places if place in meanings and place not in known):
            if meanings[place] and meanings[place] not in _meanings(known):
                known[place] = (meanings[place], f"the file calls this dimension '{array.dims[place]}'")
    return _upright(known, array.dims)


def _upright(known: dict[int, tuple[str, str]], dims: Sequence[str]) -> dict[int, tuple[str, str]]:
    """In a vertical section, of ``z`` and one other side, ``z`` is the height and no channel."""
    sides = [place for place, (meaning, _) in known.items() if meaning in SPACE]
    vertical = [place for place, (meaning, _) in known.items() if meaning == "channel" and dims[place].lower() == "z"]
    if len(sides) != 1 or not vertical:
        return known
    turned = {vertical[0]: "height", sides[0]: "width"}
    return {place: (turned.get(place, meaning), why) for place, (meaning, why) in known.items()}


def dimension_coordinate(array: FileArray, dim: str, file: ArrayFile) -> FileArray | None:
    """Look up the coordinate of a dimension of an array: beside it, or at the top of the file."""
    return file.arrays.get("/".join(filter(None, (array.parent, dim)))) or file.arrays.get(dim)


def _of_time(array: FileArray, dim: str, file: ArrayFile) -> bool:
    coordinate = dimension_coordinate(array, dim, file)
    return ((coordinate.role if coordinate is not None else "") or role_of(dim)) == "time"


def coordinates_beside(array: FileArray, file: ArrayFile) -> list[FileArray]:
    """List rows of numbers beside an array or below its group, or else of the groups above, up to the top."""
    rows = [one for one in file.arrays.values() if one.is_vector and one is not array]
    parent = array.parent
    while parent:
        near = [one for one in rows if one.name.startswith((f"{parent}/", f"{parent}."))]
        if near:
            return near
        parent = parent.rpartition(array.separator)[0]
    return [one for one in rows if not one.parent]


def _by_coordinates(array: FileArray, file: ArrayFile, known: dict[int, tuple[str, str]]) -> None:
    """Add what coordinates of the same length tell; one that fits several axes tells nothing until others are known."""
    beside = [one for one in coordinates_beside(array, file) if one.role and "{" not in one.name]
    fitting = [one for one in beside if _fitting(array, one, known) and (not array.is_vector or one.role == "time")]
    if len(array.shape) == 2:  # an index may count trajectories as well as frames
        fitting = [one for one in fitting if one.role != "trajectory" or not counts_rows(one.read().ravel())]
    outermost = [one for one in fitting if one.role in SPACE and _fitting(array, one, known) == [0]]
    if len(array.shape) > 2 and not file.column_major and (len(outermost) != 1 or _lone(fitting)):
        fitting = [one for one in fitting if one not in outermost]  # labels of trajectories, or the track of an object
    waiting = {one.role: one for one in sorted(fitting, key=lambda one: one.role != "time")}  # times before all others
    for _ in range(len(waiting)):
        for role, one in list(waiting.items()):
            fits = _fitting(array, one, known)
            if role in _meanings(known) or not fits:
                del waiting[role]
            elif len(fits) == 1:
                known[fits[0]] = (role, f"the length of '{one.name}'")
                del waiting[role]
    if set(waiting) >= set(SPACE):
        both = [_fitting(array, waiting[role], known) for role in SPACE]
        if both[0] == both[1] and len(both[0]) == 2:
            for place, role in zip(both[0], SPACE, strict=True):
                known[place] = (role, f"the length of '{waiting[role].name}'")


def _may_be_time(array: FileArray, file: ArrayFile, known: Mapping[int, tuple[str, str]]) -> list[int]:
    """Axes of which one must be time, as a coordinate of time beside the array fits them and no other axis.

    Edges of steps are one more than the steps.
    """
    if "time" in _meanings(known) or len(array.shape) < 3:
        return []
    beside = [one for one in coordinates_beside(array, file) if one.role == "time" and "{" not in one.name]
    lengths = {one.length for one in beside}
    fits = [place for place, length in enumerate(array.shape) if length in lengths and place not in known]
    edges = [place for place, length in enumerate(array.shape) if length + 1 in lengths and place not in known]
    return fits or edges


def _lone(fitting: Sequence[FileArray]) -> bool:
    """Whether only one side of a picture has a coordinate."""
    return len({one.role for one in fitting if one.role in SPACE}) == 1


def _meanings(known: Mapping[int, tuple[str, str]]) -> set[str]:
    return {meaning for meaning, _ in known.values()}


def _fitting(array: FileArray, coordinate: FileArray, known: dict[int, tuple[str, str]]) -> list[int]:
    return [p for p, length in enumerate(array.shape) if length == coordinate.length and p not in known]


def _singletons(shape: tuple[int, ...], known: dict[int, tuple[str, str]]) -> dict[int, tuple[str, str]]:
    """Meanings of axes of length one: they hold nothing apart, and are called what the layout still lacks."""
    taken = _meanings(known)
    axes: dict[int, tuple[str, str]] = {}
    for place, length in enumerate(shape):
        if length == 1 and max(shape) > 1:
            known.pop(place, None)
            order = ("trajectory", "channel") if place == 0 else ("channel", "trajectory")
            free = [name for name in order if name not in taken]
            if free:
                axes[place] = (free[0], "length 1, so it separates nothing")
                taken.add(free[0])
    return axes


# Readings


def _readings(shape: tuple[int, ...], known: dict[int, str]) -> list[Layout]:
    """All layouts that the lengths allow and the evidence does not contradict, the usual ones first."""
    if len(known) == len(shape):
        layout = tuple(known[place] for place in range(len(shape)))
        return [_without_half_a_picture(layout)] if "time" in layout and len(set(layout)) == len(layout) else []
    rank = len(shape)
    texts = (*USUAL.get(rank, ()), *USUAL_OF_MATLAB.get(rank, ()), *UNUSUAL.get(rank, ()))
    found = [_agreeing(tuple(text.split()), known) for text in dict.fromkeys(texts)]
    return [layout for layout in dict.fromkeys(filter(None, found)) if _possible(layout, shape, known)]


def _without_half_a_picture(layout: Layout) -> Layout:
    """One side of a picture alone is a field along one line."""
    if len(set(SPACE) & set(layout)) == 1 and "feature" not in layout:
        return tuple("feature" if axis in SPACE else axis for axis in layout)
    return layout


def _agreeing(layout: Layout, known: dict[int, str]) -> Layout | None:
    """The layout with its sides in the order of the evidence, or None where it contradicts the evidence."""
    turned = {"height": "width", "width": "height"}
    swapped = any(meaning in SPACE and layout[place] == turned.get(meaning) for place, meaning in known.items())
    layout = tuple(turned.get(axis, axis) for axis in layout) if swapped else layout
    for place, meaning in known.items():
        alone = meaning in SPACE and layout[place] == "feature"
        if layout[place] != meaning and not alone:
            return None
    return layout


def _possible(layout: Layout, shape: tuple[int, ...], known: dict[int, str]) -> bool:
    """Whether each length may be that of its axis; what the file names may have any."""
    for place, (axis, length) in enumerate(zip(layout, shape, strict=True)):
        if place in known:
            continue
        if axis in SPACE and length < SMALLEST_SIDE:
            return False
        if axis == "time" and length < FEWEST_FRAMES:
            return False
        if axis == "channel" and length > MOST_CHANNELS:
            return False
    return True


def _choose(
    readings: list[Layout], shape: tuple[int, ...], column_major: bool, known: dict[int, str]
) -> tuple[Layout | None, str]:
    """The one reading that is left, and why, or None."""
    timed = "time" in known.values()
    if len(readings) == 1 and (known or len(shape) != 2):
        return readings[0], f"{GUESSES[1]} fits"
    usual = [layout for layout in readings if _is_usual(layout, shape, column_major, timed)]
    if len(usual) == 1:
        return usual[0], f"{GUESSES[0]} order is '{' '.join(usual[0])}', and no other usual order fits"
    square = [layout for layout in usual if _is_square(layout, shape)]
    if len(square) == 1 and (
        timed or " ".join(square[0]) in (DECIDED_BY_SQUARES_OF_MATLAB if column_major else DECIDED_BY_SQUARES)
    ):
        return square[0], f"{GUESSES[0]} order is '{' '.join(square[0])}', and only these pictures are square"
    return None, ""


def _is_usual(layout: Layout, shape: tuple[int, ...], column_major: bool, timed: bool) -> bool:
    """Whether arrays of this shape are commonly kept in this order."""
    text, rank = " ".join(layout), len(shape)
    if text not in USUAL.get(rank, ()) and not (column_major and text in USUAL_OF_MATLAB.get(rank, ())):
        return False
    if rank == 2 and text == "trajectory time":
        return shape[0] > MOST_SCALARS if timed else shape[0] <= shape[1]
    if text == "feature time":
        return timed or shape[0] <= shape[1]
    if text == "height width time" and not column_major:  # few pictures, and they come last
        return shape[2] >= SMALLEST_SIDE or shape[0] == shape[1]
    if text == "trajectory feature time":
        return not column_major if timed else shape[2] > shape[1]
    if text == "trajectory time feature" and not timed and shape[0] < FEWEST_FRAMES:
        return min(shape[1:]) < SMALLEST_SIDE  # rather one or two pictures
    if text == "feature time trajectory":
        return shape[2] >= MOST_CHANNELS
    few = {"trajectory height width time": 3, "trajectory time height width": 1}.get(text)
    return few is None or timed or shape[few] > MOST_CHANNELS  # so short an axis rather holds colours


def _is_square(layout: Layout, shape: tuple[int, ...]) -> bool:
    sides = [length for axis, length in zip(layout, shape, strict=True) if axis in SPACE]
    return len(sides) == 2 and sides[0] == sides[1]


def _refusal(where: str, shape: tuple[int, ...], readings: Sequence[Layout], matlab: bool) -> str:
    """What to choose from, the likeliest first."""
    order = [*(USUAL_OF_MATLAB.get(len(shape), ()) if matlab else ()), *USUAL.get(len(shape), ())]
    place = {text: index for index, text in enumerate(dict.fromkeys(order))}
    ordered = sorted(readings, key=lambda layout: place.get(" ".join(layout), len(order)))
    choices = "; or ".join(
        f"--layout '{' '.join(layout)}' ({describe(layout, shape)})" for layout in ordered[:MOST_READINGS]
    )
    return f"{where}: cannot tell what the axes of an array of shape {shape} are; use " + (
        choices
        or f"--layout with {len(shape)} of {', '.join(AXES)} (pictures need sides of at least {SMALLEST_SIDE} pixels)"
    )


def describe(layout: Layout, shape: tuple[int, ...]) -> str:
    """Describe what an array is under a layout, such as '30 trajectories of 20 frames of 32 x 32'."""
    size = dict(zip(layout, shape, strict=True))
    space = f"{size['height']} x {size['width']}" if "height" in size else f"{size.get('feature', 1)} features"
    channels = f", {size['channel']} channels" if size.get("channel", 1) > 1 else ""
    several = size.get("trajectory", 1)
    return f"{several} {'trajectories' if several > 1 else 'trajectory'} of {size['time']} frames of {space}{channels}"


# What the contents say against a reading


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
