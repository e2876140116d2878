"""What arrays say of themselves and must agree in before their recordings are put together: columns, units, grids."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.user.arrays import ArrayFile, FileArray
from ladid_bench.datasets.user.axes import SPACE, Axis, coordinates_beside, dimension_coordinate

LISTED = ("channel", "feature")  # axes whose entries are different things, such as stations
OTHER_SPACING = 0.05  # difference of the spacing of two grids, as a fraction of it
POWER = re.compile(r"(?<=[A-Za-z])(-?\d+)")  # of "m s-1", as CF writes it
SAME_PLACE = 0.01  # difference of two coordinates, as a fraction of their spacing, that is rounding


@dataclass(frozen=True)
class Coordinate:
    """The values along an axis of space, or the names of its entries."""

    name: str
    values: np.ndarray

    @property
    def spacing(self) -> float:
        """Mean distance of neighbours; negative where the values fall."""
        return float(self.values[-1] - self.values[0]) / max(1, len(self.values) - 1)


@dataclass(frozen=True)
class Description:
    """What the array of a recording, or of several, says of itself.

    Attributes:
        where: the array, for errors.
        columns: names of the features or channels, in words; empty where there are none.
        name: of the array in its file; empty where the name of the file is all it has.
        units: of each channel, empty where the file does not say them.
        quantities: the standard name of each channel.
        time_unit: of its times.
        grid: coordinates by the meaning of their axis.
    """

    where: str
    columns: str = ""
    name: str = ""
    units: tuple[str, ...] = ()
    quantities: tuple[str, ...] = ()
    time_unit: str = ""
    grid: Mapping[str, Coordinate] = field(default_factory=dict)


def describe_arrays(
    channels: Sequence[FileArray], file: ArrayFile, axes: Sequence[Axis], time_unit: str, where: str
) -> Description:
    """Collect what the arrays of the same recordings, one a channel, say of themselves."""
    first = channels[0]
    return Description(
        where,
        first.attributes.get("columns", "").partition(";")[0],
        first.family if len(file.arrays) > 1 else "",
        tuple(one.units.strip() for one in channels),
        tuple(one.attributes.get("standard_name", "") for one in channels),
        time_unit,
        {} if first.is_table else _grid(first, file, axes),
    )


def _grid(array: FileArray, file: ArrayFile, axes: Sequence[Axis]) -> dict[str, Coordinate]:
    found = {}
    for place, axis in enumerate(axes):
        if axis.meaning not in (*SPACE, *LISTED):
            continue
        if array.dims:
            several = [dimension_coordinate(array, array.dims[place], file)]
        else:
            several = [one for one in coordinates_beside(array, file) if one.role == axis.meaning]
        fitting = [one for one in several if one is not None and one.shape == (axis.length,)]
        if len(fitting) == 1:
            values = fitting[0].read()
            kept = values.astype(np.float64) if values.dtype.kind in "fiu" else values.astype(str)
            found[axis.meaning] = Coordinate(fitting[0].name, kept)
    return found


def check_agreement(described: Sequence[Description], timed: bool) -> list[str]:
    """Refuse arrays that do not belong together, and say where they lie at different places.

    Args:
        described: all arrays whose recordings are put together.
        timed: whether the times of the files are used.

    Raises:
        BenchError: columns, units, unit of time, or grids differ; one line that says in what.
    """
    notes: dict[str, str] = {}
    for one in described[1:]:
        _check_columns(one, described[0])
        found = (
            *_check_units(one, described[0], timed),
            *_check_grid(one, described[0]),
            *_on_names(one, described[0]),
        )
        for meaning, note in found:
            notes.setdefault(meaning, note)
    return list(notes.values())


def _check_columns(one: Description, first: Description) -> None:
    if one.columns != first.columns:
        raise BenchError(
            f"{one.where}: has other columns or another order of them ({one.columns or 'none'}) than {first.where} "
            f"({first.columns or 'none'}); give files that agree"
        )


def _check_units(one: Description, first: Description, timed: bool) -> Iterable[tuple[str, str]]:
    for own, its in zip(one.quantities, first.quantities, strict=False):
        if own and its and own != its:
            raise BenchError(f"{one.where}: holds {own}, and {first.where} {its}; import them one by one")
    if timed and one.time_unit and first.time_unit and one.time_unit != first.time_unit:
        raise BenchError(
            f"{one.where}: has times in {one.time_unit}, and {first.where} in {first.time_unit}; bring them to the "
            "same, or say the step with --time-step"
        )
    for own, its in zip(one.units, first.units, strict=False):
        same = not own or not its or own == its or _mean_the_same(own, its)
        if same is False:
            raise BenchError(
                f"{one.where}: has values in {own}, and {first.where} in {its}; bring them to the same, or import them "
                "one by one"
            )
        if same is None:
            yield "units", f"units are told in two ways, which may differ: {own} in {one.where}, {its} in {first.where}"


def _mean_the_same(own: str, its: str) -> bool | None:
    """Whether two texts mean the same unit; None where one of them is not known."""
    one, other = _unit(own), _unit(its)
    if one is None or other is None:
        return None
    same_kind = one.dimensionality == other.dimensionality
    return same_kind and bool(np.isclose(_registry().Quantity(1, one).to(other).magnitude, 1, rtol=1e-9, atol=0))


def _unit(text: str) -> Any:
    try:
        return _registry().Unit(POWER.sub(r"**\1", text))
    except Exception:  # pint trips over what is no unit in any way: of its own errors, of the tokenizer, of assertions
        return None


@cache
def _registry() -> Any:
    """All units that are known, loaded where two texts differ."""
    import pint

    return pint.UnitRegistry()


def _check_grid(one: Description, first: Description) -> Iterable[tuple[str, str]]:
    for meaning in one.grid.keys() & first.grid.keys():
        own, its = one.grid[meaning], first.grid[meaning]
        if len(own.values) != len(its.values) or _same(own.values, its.values):
            continue  # lengths are compared where all recordings are
        if meaning in LISTED or own.values.dtype.kind == "U" or its.values.dtype.kind == "U":
            raise BenchError(
                f"{one.where}: '{own.name}' has other entries ({_listed(own)}) than that of {first.where} "
                f"({_listed(its)}), and these are put together by place; bring them to the same order"
            )
        if abs(own.spacing - its.spacing) > OTHER_SPACING * abs(its.spacing):
            raise BenchError(
                f"{one.where}: '{own.name}' goes in steps of {own.spacing:.6g}, and that of {first.where} of "
                f"{its.spacing:.6g}; bring the pictures to one grid, or import them one by one"
            )
        yield (
            meaning,
            f"recordings lie at different places: '{own.name}' is {_listed(own)} in {one.where} and {_listed(its)} in "
            f"{first.where}",
        )


def _same(own: np.ndarray, its: np.ndarray) -> bool:
    if own.dtype.kind == "U" or its.dtype.kind == "U":
        return np.array_equal(own.astype(str), its.astype(str))
    rounding = 4 * np.finfo(np.float32).eps * np.abs(its).max(initial=0)
    step = float(np.ptp(its)) / max(1, len(its) - 1)
    return bool((np.abs(own - its) <= rounding + SAME_PLACE * step).all())


def _listed(one: Coordinate) -> str:
    if one.values.dtype.kind == "U":
        return ", ".join(one.values[:3]) + ", ..." * (len(one.values) > 3)
    return f"{one.values[0]:.6g} to {one.values[-1]:.6g}"


def _on_names(one: Description, first: Description) -> Iterable[tuple[str, str]]:
    if one.name and first.name and one.name != first.name:
        yield "name", f"arrays of different names are put together: '{first.name}' of {first.where}, '{one.name}'"
