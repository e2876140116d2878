"""What a file says of the axes of its arrays: names of dimensions, coordinates beside an array, differing lengths."""

from collections.abc import Mapping, Sequence

from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.user.arrays import ArrayFile, FileArray, counts_rows, role_of
from ladid_bench.datasets.user.layouts import SPACE


def check_dimensions_of_time(array: FileArray, file: ArrayFile, where: str) -> None:
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


def evidence_of(arrays: Sequence[FileArray], file: ArrayFile, varying: str) -> dict[int, tuple[str, str]]:
    """Find the meaning of axes by their place, and why that is believed."""
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


def may_be_time(array: FileArray, file: ArrayFile, known: Mapping[int, tuple[str, str]]) -> list[int]:
    """List the axes of which one must be time, as a coordinate of time beside the array fits them and no other axis.

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


def singletons(shape: tuple[int, ...], known: dict[int, tuple[str, str]]) -> dict[int, tuple[str, str]]:
    """Name axes of length one: they hold nothing apart, and are called what the layout still lacks."""
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
