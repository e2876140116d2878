"""What a file holds: named arrays whose shapes, dimensions and units are known and whose values are read on demand."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

# what NumPy, HDF5 and MATLAB call real numbers; dates count where times are asked for
NUMERIC = re.compile(r"[<>|=]?(bool|b1|(float|u?int|[fiu])\d+|double|single|logical)")
DATES = re.compile(r"[<>|=]?(M8|datetime64|m8|timedelta64).*")
TEXT = re.compile(r"[<>|=]?[UST]\d*")
COUNTED = re.compile(r"records?|rec|index|row|nr|no|id|sample|unnamed.*", re.IGNORECASE)  # what a logger counts
INDEX = re.compile(r"[({]\d+[)}]")  # of a cell or of an element of an array of structs

TEMPERATURE = re.compile(r"T([-_ (\[/,].*)?")  # names that are of a time only where nothing else is
ROLES: Mapping[str, re.Pattern[str]] = {
    "time": re.compile(
        r"(t|tt|tau|time|times|timestamps?|tspan|tvec|timevec\w*|ts|tsteps?|timesteps?|dates?|datetimes?|seconds|steps?"
        r"|frames?|valid_time|zeit)([-_ (\[,].*)?|(.*[-_ ])?(t|time|zeit) ?/ ?\w+"
        r"|.*[-_ ](time|times|timestamps?|zeit)([ ,]*[(\[].*|, *\w+)?"
        r"|(grid|coord\w*|vec\w*|mesh)[-_]t",
        re.IGNORECASE,
    ),
    "height": re.compile(
        r"y|yy|lat|latitudes?|height|rows?|nlat|yc|ny|y[-_](coord\w*|grid)|northing|nav_lat", re.IGNORECASE
    ),
    "width": re.compile(
        r"x|xx|lon|long|longitudes?|width|col|cols|columns?|nlon|xc|nx|x[-_](coord\w*|grid)|easting|nav_lon",
        re.IGNORECASE,
    ),
    "trajectory": re.compile(
        r"traj|trajector(y|ies)|samples?|members?|ensemble|number|reali[sz]ations?|runs?|trials?|cases?|batch|episodes?"
        r"|subjects?|simulations?|sims?",
        re.IGNORECASE,
    ),
    "channel": re.compile(
        r"channels?|bands?|variables?|components?|colou?rs?|rgb|lev|levels?|plev|pressure_level|depth|isobaric\w*|z",
        re.IGNORECASE,
    ),
    "feature": re.compile(r"features?|stations?|sensors?|n?nodes?|states?|points?|electrodes?|n?cells?", re.IGNORECASE),
}
SINCE = re.compile(r"(?P<unit>\w+) since (?P<reference>.+)", re.IGNORECASE)
PERIODS = re.compile(r"years?|months?|days?|hours?", re.IGNORECASE)  # names of dimensions that count them
TIME_UNITS: Mapping[str, str] = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("us", "microsecond", "microseconds"), "us"),
    **dict.fromkeys(("ns", "nanosecond", "nanoseconds"), "ns"),
    **dict.fromkeys(("ps", "picosecond", "picoseconds"), "ps"),
    **dict.fromkeys(("fs", "femtosecond", "femtoseconds"), "fs"),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), "min"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("week", "weeks"), "week"),
    **dict.fromkeys(("month", "months"), "month"),
    **dict.fromkeys(("a", "yr", "year", "years"), "year"),
}
NORTH, EAST = re.compile(r"degrees?_?(north|n)", re.IGNORECASE), re.compile(r"degrees?_?(east|e)", re.IGNORECASE)
CF_AXES = {"T": "time", "Y": "height", "X": "width", "Z": "channel"}


FLAT = "\0"  # the separator of columns of tables, which stand in nothing, so that 't/s' is one name


@dataclass(frozen=True)
class FileArray:
    """One array of a file.

    Attributes:
        name: path in the file; parts of structs are separated by dots, cells are ``name{1}``.
        shape, dtype: as the file declares them.
        read: reads the values, ``shape``.
        dims: names of the axes where the file has them, else empty.
        attributes: what the file says of it: ``units``, ``long_name``, ``standard_name``, ``axis``, ``positive``,
            ``calendar``.
        separator: what stands between a group, or a struct of MATLAB, and what is in it; no name has ``FLAT``.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], np.ndarray]
    dims: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    separator: str = "/"

    @cached_property
    def numeric(self) -> bool:
        """Whether it holds real numbers."""
        return NUMERIC.fullmatch(self.dtype) is not None

    @cached_property
    def is_vector(self) -> bool:
        """Whether it is a row of numbers or dates, as text too; MATLAB has no arrays of one axis."""
        return self.may_be_times and sum(length > 1 for length in self.shape) == 1

    @cached_property
    def may_be_times(self) -> bool:
        """Whether it holds numbers, dates, or text under the name of a time."""
        dated = DATES.fullmatch(self.dtype) or (self.is_text and role_of(self.last) == "time")
        return self.numeric or bool(dated)

    @cached_property
    def is_text(self) -> bool:
        """Whether it holds text."""
        return TEXT.fullmatch(self.dtype) is not None

    @cached_property
    def increases(self) -> bool:
        """Whether its numbers grow along the last axis or along the first, as times do."""
        values = np.asarray(self.read())
        if values.dtype.kind not in "fiu":
            return True
        steps = [np.diff(values.astype(np.float64), axis=axis) for axis in (0, -1) if values.ndim]
        return any(bool(one.size and (one > 0).all()) for one in steps)

    @cached_property
    def is_table(self) -> bool:
        """Whether it is columns of a table side by side, ``(row, column)``."""
        return "columns" in self.attributes

    @cached_property
    def length(self) -> int:
        """Length of the longest axis, 0 of a single number."""
        return max(self.shape, default=0)

    @property
    def units(self) -> str:
        """Units that the file says, or nothing."""
        return self.attributes.get("units", "")

    @property
    def time_unit(self) -> str:
        """The unit of time that its attribute ``units`` names, or nothing; one that is not known as it stands."""
        since = SINCE.fullmatch(self.units.strip())
        return TIME_UNITS.get((since["unit"] if since else self.units.strip()).lower(), since["unit"] if since else "")

    @cached_property
    def parent(self) -> str:
        """The group, struct or cell array it stands in; empty at the top of the file."""
        return self.name.rpartition(self.separator)[0]

    @cached_property
    def family(self) -> str:
        """Its name without the indices of cells and elements."""
        return INDEX.sub("", self.name)

    @cached_property
    def last(self) -> str:
        """Its own name, without the groups or structs that it stands in and without indices."""
        return self.family.rpartition(self.separator)[2]

    @cached_property
    def role(self) -> str:
        """The meaning of an axis that it is the coordinate of, by its attributes or its name; empty if unknown."""
        return self.stated_role or role_of(self.last) or ("time" if self.time_unit or self._counts_periods else "")

    @cached_property
    def stated_role(self) -> str:
        """The meaning that its attributes or its type state, whatever it is called; empty if they state none."""
        axis = CF_AXES.get(self.attributes.get("axis", ""))
        if DATES.fullmatch(self.dtype):
            return "time"
        if axis or SINCE.fullmatch(self.units.strip()):
            return axis or "time"
        if NORTH.fullmatch(self.units):
            return "height"
        if EAST.fullmatch(self.units):
            return "width"
        return "channel" if self.attributes.get("positive", "").lower() in ("up", "down") else ""

    @property
    def _counts_periods(self) -> bool:
        return self.dims == (self.last,) and PERIODS.fullmatch(self.last) is not None


def counts_rows(values: np.ndarray, name: str = "") -> bool:
    """Say whether an array holds successive whole numbers, as an index does that a program wrote along.

    They begin with 0 or 1, or anywhere where the name says that records are counted.
    """
    begins = values[0] in (0, 1) or COUNTED.fullmatch(name) is not None
    return begins and len(values) > 1 and bool((np.diff(values) == 1).all())


def text_of(values: np.ndarray) -> np.ndarray:
    """Convert an array of texts or bytes, such as HDF5 and netCDF keep them, to NumPy's text without blanks around."""

    def decoded(one: Any) -> str:
        if not isinstance(one, bytes):
            return str(one).strip()
        try:
            return one.decode("utf-8").strip()
        except UnicodeDecodeError:
            return one.decode("latin-1").strip()

    texts = [decoded(one) for one in values.ravel().tolist()]
    return np.array(texts, dtype=str).reshape(values.shape)  # (text,) -> the shape of the values


def dates_of(texts: np.ndarray) -> np.ndarray | None:
    """Convert NumPy's texts to datetime64 in UTC, or to the numbers that they are; None where they are neither.

    Dates are as ISO 8601 writes them, with an underscore between day and time too, as WRF does, or UTC at the end.
    """
    import pandas as pd

    numbers = pd.to_numeric(pd.Series(texts.ravel()), errors="coerce")
    if numbers.notna().all():
        return numbers.to_numpy().reshape(texts.shape)  # (time,) -> the shape of the texts
    plain = pd.Series(texts.ravel()).str.replace(r"^(\d{4}-\d{2}-\d{2})_", r"\1T", regex=True)
    dates = iso_dates(plain.str.removesuffix(" UTC"))
    return None if dates is None else dates.reshape(texts.shape)  # (date,) -> the shape of the texts


def iso_dates(texts: "pd.Series") -> np.ndarray | None:
    """Convert texts as ISO 8601 writes dates to datetime64 in UTC; None where they are no such dates."""
    import pandas as pd

    try:
        pointed = texts.str.replace(r"(:\d\d),(\d)", r"\1.\2", regex=True)  # ISO 8601 has commas too, pandas does not
        return pd.to_datetime(pointed, utc=True, format="ISO8601").dt.tz_localize(None).to_numpy()
    except (ValueError, TypeError, AttributeError):
        return None


def is_temperature(name: str) -> bool:
    """Say whether a name, such as ``T`` or ``T (degC)``, is rather that of a temperature than of a time."""
    return TEMPERATURE.fullmatch(name) is not None


def role_of(name: str) -> str:
    """Look up the meaning of an axis called ``name``; nothing where the name is not known."""
    return next((role for role, pattern in ROLES.items() if pattern.fullmatch(name)), "")


def numbers_of(place: str, attributes: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    """Select the attributes of an array or a group that are single numbers, by ``place`` and name."""
    arrays = {name: np.asarray(value) for name, value in attributes.items()}
    single = {name: one for name, one in arrays.items() if one.dtype.kind in "fiu" and one.size == 1}
    return {(place, str(name)): float(one.item()) for name, one in single.items()}


@dataclass(frozen=True)
class ArrayFile:
    """All arrays of a file, by name.

    Attributes:
        column_major: whether the program that wrote it keeps films as height, width, time (MATLAB).
        numbers: single numbers that attributes hold, by array or group ("" at the top) and name.
    """

    path: Path
    arrays: Mapping[str, FileArray]
    column_major: bool = False
    numbers: Mapping[tuple[str, str], float] = field(default_factory=dict)
