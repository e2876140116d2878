"""netCDF, Zarr and HDF5 that describe themselves, through xarray: CF conventions are decoded, times excepted.

Times stay the numbers of the file: a second, hour or day lasts as long in every calendar of the CF conventions. Only
months and years do not, and are turned into days by the calendar.
"""

import importlib.util
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ladid_bench.core import hdf5
from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.user.arrays import SINCE, ArrayFile, FileArray, numbers_of, text_of
from ladid_bench.datasets.user.recordings import check_size

PACKED = ("scale_factor", "add_offset", "_FillValue", "missing_value")
KEPT = ("units", "long_name", "standard_name", "axis", "positive", "calendar")
UNEVEN = ("month", "months", "year", "years")
CLASSIC = b"CDF"  # how netCDF files before version 4 begin


def is_described(datasets: Sequence[tuple[str, h5py.Dataset]]) -> bool:
    """Say whether an HDF5 file names its dimensions, packs its values, or counts time from a date."""
    return any(
        any(name in item.attrs for name in (*PACKED, "DIMENSION_LIST"))
        or SINCE.fullmatch(str(item.attrs.get("units", "")))
        for _, item in datasets
    )


def is_packed(datasets: Sequence[tuple[str, h5py.Dataset]]) -> bool:
    """Say whether the values of an HDF5 file are not what they stand for, so that it may not be read as it is."""
    return any(name in item.attrs for _, item in datasets for name in PACKED)


def open_gridded(path: Path) -> ArrayFile:
    """Open the variables of all groups of a file, with their dimensions."""
    try:
        groups = _groups(path)
    except (KeyError, ValueError):
        if path.is_file():
            raise
        return ArrayFile(path, _without_dimensions(path))
    arrays: dict[str, FileArray] = {}
    numbers: dict[tuple[str, str], float] = {}
    for group, data in groups.items():
        numbers |= numbers_of(group.strip("/"), data.attrs)
        for name, variable in data.variables.items():
            full = f"{group.strip('/')}/{name}".lstrip("/")
            arrays[full] = _array(path, full, variable)
            numbers |= numbers_of(full, variable.attrs)
    return ArrayFile(path, arrays, numbers=numbers)


def _groups(path: Path) -> dict[str, Any]:
    """Every group as an xarray data set whose values are not read yet."""
    import xarray

    options: dict[str, Any] = {"decode_times": False, "decode_timedelta": False, "mask_and_scale": True, "cache": False}
    if path.is_dir():
        if importlib.util.find_spec("zarr") is None:
            raise BenchError(
                f"{path}: reading Zarr needs a module that is not installed; pip install 'ladid-bench[zarr]'"
            )
        return xarray.open_groups(path, engine="zarr", chunks=None, consolidated=False, **options)
    with path.open("rb") as stream:
        classic = stream.read(3) == CLASSIC
    if classic:
        return {"/": xarray.open_dataset(path, engine="scipy", **options)}
    with hdf5.open_file(path):
        return xarray.open_groups(path, engine="h5netcdf", phony_dims="access", **options)


def _without_dimensions(path: Path) -> dict[str, FileArray]:
    """Zarr arrays that do not say the names of their dimensions."""
    import zarr

    root = zarr.open(path, mode="r")
    members = {path.stem: root} if isinstance(root, zarr.Array) else dict(root.members(max_depth=None))
    arrays = {name: one for name, one in members.items() if isinstance(one, zarr.Array)}
    return {name: FileArray(name, one.shape, one.dtype.str, _stored(path, name, one)) for name, one in arrays.items()}


def _stored(path: Path, name: str, array: Any) -> Callable[[], np.ndarray]:
    def read() -> np.ndarray:
        check_size(math.prod(array.shape), f"{path}:{name}")
        return np.asarray(array[...])

    return read


def _array(path: Path, full: str, variable: Any) -> FileArray:
    dims = tuple("" if str(dim).startswith("phony_dim") else str(dim) for dim in variable.dims)
    attributes = {key: str(variable.attrs[key]) for key in KEPT if key in variable.attrs}
    if variable.dtype.kind in "SUO":
        return FileArray(full, variable.shape, "T", lambda: text_of(np.asarray(variable.values)), dims, attributes)
    since = SINCE.fullmatch(attributes.get("units", "").strip())
    if since and since["unit"].lower() in UNEVEN:
        attributes["units"] = "days since" + attributes["units"].split("since", 1)[1]
        return FileArray(full, variable.shape, "<f8", _in_days(variable), dims, attributes)
    return FileArray(full, variable.shape, variable.dtype.str, _values(path, full, variable), dims, attributes)


def _values(path: Path, full: str, variable: Any) -> Callable[[], np.ndarray]:
    def read() -> np.ndarray:
        check_size(math.prod(variable.shape), f"{path}:{full}")
        if path.is_file() and h5py.is_hdf5(path):
            with hdf5.open_file(path) as file:
                hdf5.check([hdf5.member(file, full)])  # the values are there, and nowhere else
        return _within_valid_range(np.asarray(variable.values), variable)

    return read


def _within_valid_range(values: np.ndarray, variable: Any) -> np.ndarray:
    """Values outside ``valid_min``, ``valid_max`` or ``valid_range`` are missing (CF conventions, section 2.5.1).

    xarray does not apply them. Bounds are in packed units if they are of the type of the packed values.
    """
    low, high = _bounds(variable)
    if low is None and high is None:
        return values
    scale, offset = (
        float(variable.encoding.get(name, usual)) for name, usual in (("scale_factor", 1), ("add_offset", 0))
    )
    packed = np.asarray(low if low is not None else high).dtype.kind in "iu"
    bounds = (
        [None if bound is None else float(bound) * scale + offset for bound in (low, high)] if packed else [low, high]
    )
    low, high = bounds[::-1] if packed and scale < 0 else bounds
    slack = abs(scale) / 2 if packed and "scale_factor" in variable.encoding else 0.0  # a bound itself is valid
    beyond = np.zeros(values.shape, bool)
    if low is not None:
        beyond |= values < low - slack
    if high is not None:
        beyond |= values > high + slack
    return np.where(beyond, np.nan, values) if beyond.any() else values


def _bounds(variable: Any) -> tuple[Any, Any]:
    """The bounds as the file means them: those of ``_Unsigned`` values are written as signed numbers.

    Raises:
        BenchError: a bound is text, as some programs write it, and not the number of bounds that it should be.
    """
    low, high = (_bound(variable, name, 1)[0] for name in ("valid_min", "valid_max"))
    if "valid_range" in variable.attrs:
        low, high = _bound(variable, "valid_range", 2)
    unsigned = str(variable.encoding.get("_Unsigned", "")).lower() == "true"
    return (_unsigned(low), _unsigned(high)) if unsigned else (low, high)


def _bound(variable: Any, name: str, count: int) -> list[Any]:
    found = variable.attrs.get(name)
    if isinstance(found, str):
        with suppress(ValueError):
            found = [float(number) for number in found.replace(",", " ").split()]
    bounds = [found] if found is None or np.ndim(found) == 0 else list(found)
    if len(bounds) != count or any(isinstance(one, str) for one in bounds):
        raise BenchError(f"{variable.encoding.get('source', '')}: {name} is {found!r}, not {count} numbers; correct it")
    return bounds


def _unsigned(bound: Any) -> Any:
    kind = np.asarray(bound).dtype
    return np.asarray(bound).astype(f"u{kind.itemsize}") if kind.kind == "i" else bound


def _in_days(variable: Any) -> Callable[[], np.ndarray]:
    """Times counted in months or years as days, by the calendar of the file."""

    def read() -> np.ndarray:
        import cftime

        calendar, units = variable.attrs.get("calendar", "standard"), variable.attrs["units"]
        start = "days since" + units.split("since", 1)[1]
        try:
            dates = cftime.num2date(variable.values, units, calendar)
        except ValueError:  # months have a length in one calendar alone; elsewhere they are counted from the first
            whole = np.floor(np.asarray(variable.values, dtype=np.float64))
            firsts, nexts = (
                cftime.date2num([_later(units, calendar, int(count) + more) for count in whole], start, calendar)
                for more in (0, 1)
            )
            return np.asarray(firsts + (variable.values - whole) * (nexts - firsts), dtype=np.float64)
        return np.asarray(cftime.date2num(dates, start, calendar), dtype=np.float64)

    return read


def _later(units: str, calendar: str, count: int) -> Any:
    """The date ``count`` months or years after the one that ``units`` names."""
    import cftime

    unit, _, rest = units.partition(" since ")
    first = cftime.num2date(0, f"days since {rest}", calendar)
    months = count * (12 if unit.lower().startswith("year") else 1) + first.month - 1
    return first.replace(year=first.year + months // 12, month=months % 12 + 1)
