"""Units of measurement as files write them, compared by what they mean."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

POWER = re.compile(r"(?<=[A-Za-z)])(?<!\d[eE])(-?\d+)")  # of "m s-1", as CF writes it
TOWER = re.compile(r"\d\s*(\*\*|\^)")  # a number raised to a power, which no unit of a file needs
USUAL: Mapping[str, str] = {  # what is written in files of weather, ocean and loggers, and is another unit to pint
    "mb": "mbar",
    "pa": "Pa",
    "px": "pixel",
    "rpm": "1/min",
    "Nm": "N m",
    "C": "degC",
    "F": "degF",
    "ms-1": "m/s",
}
DEGREES = re.compile(r"deg(ree)?s?[ _]?(?P<of>c|f|k|celsius|fahrenheit|kelvin)", re.IGNORECASE)
PLACE = re.compile(r"degrees?_?(north|east|south|west|[nesw])", re.IGNORECASE)
RADIAN = "radian"
SCALES = {"c": "degC", "f": "degF", "k": "kelvin"}


def mean_the_same(own: str, its: str) -> bool | None:
    """Say whether two texts mean the same unit; None where one of them is not known."""
    factor = ratio(own, its)
    return None if factor is None else bool(np.isclose(factor, 1, rtol=1e-9, atol=0))


def ratio(own: str, its: str) -> float | None:
    """Compute how many of the second unit one of the first is; NaN if they measure other things, None if not known."""
    if own == its:
        return 1.0
    one, other = _unit(own), _unit(its)
    if one is None or other is None:
        return None
    try:
        if one.dimensionality != other.dimensionality:
            return float("nan")
        if (RADIAN in str(one)) != (RADIAN in str(other)) and one.dimensionality:
            return None  # a turn a second and a radian a second are told apart by words alone
        return float(_registry().Quantity(1, one).to(other).magnitude)
    except Exception:  # differences of temperatures, decibels: pint knows them and does not convert them
        return None


@cache
def _unit(text: str) -> Any:
    plain = " ".join(text.split())
    if TOWER.search(plain):
        return None
    degrees = DEGREES.fullmatch(plain)
    if degrees:
        plain = SCALES[degrees["of"][0].lower()]
    elif PLACE.fullmatch(plain):
        plain = "degree"
    plain = POWER.sub(r"**\1", USUAL.get(plain, plain))
    words = [plain, plain.lower()] if len(plain) > 2 and plain.isalpha() else [plain]  # Kelvin
    return next((unit for unit in map(_known, words) if unit is not None), None)


def _known(text: str) -> Any:
    try:
        return _registry().Unit(text)
    except Exception:  # pint trips over what is no unit in any way: of its own errors, of the tokenizer, of assertions
        return None


@cache
def _registry() -> Any:
    """All units that are known, loaded where two texts differ."""
    import pint

    return pint.UnitRegistry()
