"""What arrays say of themselves and must agree in before their recordings are put together: columns, units, grids."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.user.arrays import EAST, ArrayFile, FileArray
from ladid_bench.datasets.user.axes import Axis
from ladid_bench.datasets.user.axis_evidence import coordinates_beside, dimension_coordinate
from ladid_bench.datasets.user.layouts import SPACE
from ladid_bench.datasets.user.units import mean_the_same, ratio

LISTED = ("channel", "feature")  # axes whose entries may be different things, such as stations
OTHER_SPACING = 0.05  # difference of the steps of two grids, as a fraction of a step
SAME_PLACE = 0.01  # difference of two coordinates, as a fraction of a step, that is rounding
ROUNDING = 4 * float(np.finfo(np.float32).eps)  # of coordinates that one program kept in single precision
LONGITUDE = re.compile(r"lon|long|longitudes?|nav_lon", re.IGNORECASE)
CIRCLE = 360.0  # degrees
IDENTIFIES = re.compile(
    r"(.*[-_ ])?(names?|ids?|codes?|wmo|labels?)|(station|channel|sensor)(names?|ids?)", re.IGNORECASE
)
LISTS = re.compile(r"(station|sensor|electrode|channel|band|level)s?|p?lev|depth", re.IGNORECASE)
NOTHING_SAID = ("", "unknown")


@dataclass(frozen=True)
class Coordinate:
    """What a file says of the entries along an axis.

    Attributes:
        name: of the array.
        values: numbers or texts, one an entry.
        units: of the numbers.
        listed: whether the entries are different things, such as stations, rather than places along a line.
        east: whether it is a longitude.
        curved: whether it is the mean of one that has two axes.
        on_line: whether it is of the features of a field along a line, rather than of a side of pictures.
    """

    name: str
    values: np.ndarray
    units: str
    listed: bool
    east: bool
    curved: bool = False
    on_line: bool = False

    @property
    def is_text(self) -> bool:
        """Whether the entries have names."""
        return self.values.dtype.kind == "U"


@dataclass(frozen=True)
class Description:
    """What an array says of itself, which is one channel of a recording, or of several.

    Attributes:
        where: the array, for errors.
        place: number of its channel.
        kind: ``array`` or ``pictures``.
        columns: names of the features or channels, in words; empty where there are none.
        name: of the array in its file; empty where it was named by the user, or is all there is.
        dims: names of its dimensions by what they mean, where the file says them.
        units, quantity: of its values; empty where the file does not say them.
        grid: what is said of the entries along axes of space, channels and features, by meaning and name.
    """

    where: str
    place: int = 0
    kind: str = "array"
    columns: str = ""
    name: str = ""
    dims: Mapping[str, str] = field(default_factory=dict)
    units: str = ""
    quantity: str = ""
    grid: Mapping[str, Coordinate] = field(default_factory=dict)


def describe_array(
    array: FileArray, file: ArrayFile, axes: Sequence[Axis], place: int, was_named: bool, where: str
) -> Description:
    """Collect what an array says of itself, which is channel number ``place`` of the recordings ``where``."""
    named = len(array.dims) == len(axes) and "" not in array.dims
    return Description(
        where,
        place,
        columns=array.attributes.get("columns", "").partition(";")[0],
        name="" if was_named or len(file.arrays) < 2 else array.family,
        dims={axis.meaning: dim for axis, dim in zip(axes, array.dims, strict=False)} if named else {},
        units=array.units.strip(),
        quantity=array.attributes.get("standard_name", ""),
        grid={} if array.is_table else dict(_grid(array, file, axes)),
    )


def _grid(array: FileArray, file: ArrayFile, axes: Sequence[Axis]) -> Iterator[tuple[str, Coordinate]]:
    for place, axis in enumerate(axes):
        if axis.meaning in (*SPACE, *LISTED):
            for one in _along(array, file, place, axis):
                listed = axis.meaning in LISTED and one.role not in SPACE
                key = f"{axis.meaning} {one.last}" if listed else axis.meaning
                found = _coordinate(one, one.read().ravel(), listed)
                yield key, replace(found, on_line=axis.meaning in LISTED and not listed)
    yield from _curved(array, file, axes)


def _along(array: FileArray, file: ArrayFile, place: int, axis: Axis) -> list[FileArray]:
    """What the file says of the entries along an axis: its coordinate, and the names of stations and channels."""
    dim = array.dims[place] if array.dims else ""
    if dim:
        main = dimension_coordinate(array, dim, file)
        found = [main] if main is not None and (main.is_vector or main.is_text) else []
        if axis.meaning in LISTED:
            beside = [one for one in _near(array, file, axis.length) if one.dims == (dim,) and one is not main]
            found += [one for one in beside if _identifies(one)]
        return found
    meant = SPACE if axis.meaning == "feature" else (axis.meaning,) if axis.meaning in SPACE else ()
    beside = [one for one in coordinates_beside(array, file) if one.numeric and one.role in meant]
    if axis.meaning in LISTED:
        beside += [one for one in _near(array, file, axis.length) if _identifies(one) or LISTS.fullmatch(one.last)]
    fitting = [one for one in beside if one.length == axis.length and (one.is_vector or one.is_text)]
    return fitting if len(fitting) == 1 else []


def _near(array: FileArray, file: ArrayFile, length: int) -> list[FileArray]:
    """The arrays of a length in the group of an array, and in those above it."""
    place = f"{array.parent}{array.separator}"
    fitting = [one for one in file.arrays.values() if one.length == length and len(one.shape) < 3 and one is not array]
    return [one for one in fitting if not one.parent or place.startswith(f"{one.parent}{one.separator}")]


def _identifies(one: FileArray) -> bool:
    """Whether an array holds names of stations or channels, rather than something more that is known of them."""
    return (one.is_text or one.numeric) and IDENTIFIES.fullmatch(one.last) is not None


def _curved(array: FileArray, file: ArrayFile, axes: Sequence[Axis]) -> Iterator[tuple[str, Coordinate]]:
    """Coordinates of two axes, such as of a turned grid, as their means along the lines of the other axis."""
    places = [next((place for place, axis in enumerate(axes) if axis.meaning == meaning), -1) for meaning in SPACE]
    if -1 in places:
        return
    shape = tuple(array.shape[place] for place in places)
    dims = tuple(array.dims[place] for place in places) if array.dims else ()
    for one in _near(array, file, max(shape)):
        if one.numeric and one.shape == shape and one.dims == dims and one.role in SPACE:
            values = np.asarray(one.read(), dtype=np.float64)
            if np.isfinite(values).all():
                lines = values.mean(axis=1 - SPACE.index(one.role))
                yield one.role, replace(_coordinate(one, lines, False), curved=True)


def _coordinate(one: FileArray, values: np.ndarray, listed: bool) -> Coordinate:
    kept = values.astype(str) if one.is_text else values.astype(np.float64)
    east = EAST.fullmatch(one.units) is not None or LONGITUDE.fullmatch(one.last) is not None
    return Coordinate(one.name, kept, one.units.strip(), listed, east)


# Comparing


def check_agreement(described: Sequence[Description]) -> list[str]:
    """Refuse arrays that do not belong together, and say where they lie at different places.

    Each is compared with the first that says the same of itself.

    Raises:
        BenchError: columns, units, order of dimensions, or grids differ; one line that says in what.
    """
    notes: list[str] = []
    for place in sorted({one.place for one in described}):
        channel = [one for one in described if one.place == place]
        for one in channel[1:]:
            _check_columns(one, channel[0])
        notes += [*_on_kinds(channel), *_on_names(channel), *_units_of(channel)]
        _check_dimensions(channel)
        notes += _grids_of(channel)
    return list(dict.fromkeys(notes))


def _check_columns(one: Description, first: Description) -> None:
    if one.columns != first.columns:
        raise BenchError(
            f"{one.where}: its columns or their order ({one.columns or 'none'}) differ from {first.where} "
            f"({first.columns or 'none'}); give files that agree"
        )


def _on_kinds(channel: Sequence[Description]) -> Iterator[str]:
    kinds = {one.kind: one.where for one in channel}
    if len(kinds) > 1:
        yield (
            f"pictures ({kinds['pictures']}) are fractions of full scale, and the values of arrays ({kinds['array']}) "
            "stay as they are: check that their scales agree"
        )


def _on_names(channel: Sequence[Description]) -> Iterator[str]:
    names = {one.name: one.where for one in reversed(channel) if one.name}
    if len(names) > 1:
        told = ", ".join(f"'{name}' of {where}" for name, where in list(names.items())[:3])
        yield f"arrays of different names are combined: {told}"


def _units_of(channel: Sequence[Description]) -> Iterator[str]:
    quantities = {one.quantity: one for one in channel if one.quantity not in NOTHING_SAID}
    if len(quantities) > 1:
        first, other, *_ = quantities.values()
        raise BenchError(
            f"{other.where}: holds {other.quantity}, but {first.where} {first.quantity}; import them separately"
        )
    stated: dict[str, Description] = {}
    for one in channel:
        if one.units in NOTHING_SAID or one.units in stated:
            continue
        for other in stated.values():
            same = mean_the_same(one.units, other.units)
            if same is False:
                raise BenchError(
                    f"{one.where}: has values in {one.units}, but {other.where} in {other.units}; convert them "
                    "to one unit, or import them separately"
                )
            if same is None:
                yield (
                    f"units are given in two ways, which may differ: {one.units} in {one.where}, {other.units} in "
                    f"{other.where}"
                )
        stated[one.units] = one


def _check_dimensions(channel: Sequence[Description]) -> None:
    first = next((one for one in channel if one.dims), None)
    for one in channel:
        if first and set(one.dims.values()) == set(first.dims.values()) and one.dims != first.dims:
            raise BenchError(
                f"{one.where}: its dimensions are {', '.join(one.dims.values())}, but those of {first.where} "
                f"{', '.join(first.dims.values())}; give them the same order"
            )


def _grids_of(described: Sequence[Description]) -> Iterator[str]:
    """Compare what is said along each axis with the first array that says it; where places differ, in words."""
    stated: dict[str, tuple[Description, Coordinate]] = {}
    told: set[str] = set()
    for one in described:
        for key, own in one.grid.items():
            first, its = stated.setdefault(key, (one, own))
            if first is one:
                continue
            if own.listed or its.listed or own.is_text or its.is_text:
                _check_list(one, own, first, its)
            elif _are_elsewhere(one, own, first, its) and key not in told:
                told.add(key)
                yield (
                    f"recordings cover different places: '{own.name}' is {_ends(own)} in {one.where} and {_ends(its)} "
                    f"in {first.where}"
                )


def _check_list(one: Description, own: Coordinate, first: Description, its: Coordinate) -> None:
    """Refuse entries that are other ones, or in another order."""
    if len(own.values) != len(its.values):
        return  # lengths are compared where all recordings are
    if own.is_text or its.is_text:
        mine, others = (_names(each.values) for each in (own, its))
        differing = np.flatnonzero(mine != others)
    else:
        mine, others = _in_units_of(own, its), its.values
        differing = np.flatnonzero(np.abs(mine - others) > _rounding(others))
    if len(differing):
        place = int(differing[0])
        mine, others = _names(mine), _names(others)
        raise BenchError(
            f"{one.where}: entry {place} of '{own.name}' is {mine[place]}, but {others[place]} in {first.where}; "
            "entries are matched by position: use the same order, or leave out what only one has"
        )


def _names(values: np.ndarray) -> np.ndarray:
    """Names to compare; whole numbers as they are written."""
    return np.array(
        [f"{one:.0f}" if isinstance(one, float) and one.is_integer() else str(one) for one in values.tolist()]
    )


def _rounding(its: np.ndarray) -> float:
    """What two lists of numbers may differ by: single precision, but less than their smallest step."""
    steps = np.diff(np.unique(its))
    return min(ROUNDING * float(np.abs(its).max()), float(steps.min()) / 4 if len(steps) else np.inf)


def _in_units_of(own: Coordinate, its: Coordinate) -> np.ndarray:
    """The values in the units of the other, where both are known."""
    factor = ratio(own.units, its.units) if own.units and its.units else None
    return own.values * factor if factor is not None and np.isfinite(factor) else own.values


def _are_elsewhere(one: Description, own: Coordinate, first: Description, its: Coordinate) -> bool:
    """Whether two lines lie at different places.

    Raises:
        BenchError: their steps differ, or one goes the other way, or begins elsewhere on the same circle.
    """
    mine, others = _in_units_of(own, its), its.values
    if own.east and its.east:
        mine, others = (np.unwrap(values, period=CIRCLE) for values in (mine, others))
    if min(len(mine), len(others)) < 2:
        return False
    steps, their_steps = np.diff(mine), np.diff(others)
    if own.on_line and not (_even(steps) and _even(their_steps)):
        return not np.array_equal(mine, others)  # places of sensors or nodes, each of its own
    step = float(np.nanmedian(np.abs(their_steps)))
    if len(mine) != len(others):
        extents = [abs(float(np.nanmedian(each))) * (len(each) + 1) for each in (steps, their_steps)]
        if abs(extents[0] - extents[1]) > OTHER_SPACING * extents[1]:
            _refuse_spacing(one, own, float(np.nanmedian(steps)), first, float(np.nanmedian(their_steps)))
        return False
    allowed = ROUNDING * float(np.nanmax(np.abs(others))) + SAME_PLACE * step
    apart = mine - others
    if own.east and its.east:
        turned = np.sort(mine % CIRCLE), np.sort(others % CIRCLE)
        apart = (apart + CIRCLE / 2) % CIRCLE - CIRCLE / 2
        if np.allclose(*turned, rtol=0, atol=allowed) and np.nanmax(np.abs(apart)) > step / 2:
            raise BenchError(
                f"{one.where}: '{own.name}' begins at {mine[0]:g} but that of {first.where} at {others[0]:g} on the "
                "same circle; let both begin alike (roll the pictures)"
            )
    if np.nanmax(np.abs(apart)) <= allowed:
        return False
    turned_about = float(np.nanmedian(steps)) * float(np.nanmedian(their_steps)) < 0
    other_steps = np.nanmax(np.abs(steps - their_steps)) > OTHER_SPACING * step + 2 * allowed
    if turned_about or (other_steps and not own.curved):
        worst = int(np.nanargmax(np.abs(steps - their_steps)))
        _refuse_spacing(one, own, float(steps[worst]), first, float(their_steps[worst]))
    return True


def _even(steps: np.ndarray) -> bool:
    return bool(np.ptp(steps) <= OTHER_SPACING * np.abs(np.median(steps)))


def _refuse_spacing(one: Description, own: Coordinate, step: float, first: Description, its: float) -> None:
    raise BenchError(
        f"{one.where}: '{own.name}' has steps of {step:.6g}, but that of {first.where} of {its:.6g}; put the "
        "pictures on one grid, or import them separately"
    )


def _ends(one: Coordinate) -> str:
    return f"{one.values[0]:.6g} to {one.values[-1]:.6g}"
