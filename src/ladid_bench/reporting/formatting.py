"""Numbers as a reader wants them: few digits, the same number of decimals down a column, and never 35 of them."""

import math
from collections.abc import Iterable

MISSING, MINUS, TIMES = "\N{EN DASH}", "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"
MOST_DECIMALS = 5
LARGE, HUGE = 1e5, 1e9  # numbers from here on are powers of ten: those with decimals, and those without
MOST_ERROR = 1000.0  # no forecast is useful long before; what is larger is told as more than this


def decimals(values: Iterable[float], digits: int = 2) -> int:
    """Count the decimals that show ``digits`` significant digits of the smallest finite value but 0."""
    sizes = [abs(value) for value in values if math.isfinite(value) and value != 0]
    if all(size == round(size) for size in sizes):
        return 0
    return min(MOST_DECIMALS, max(0, digits - 1 - math.floor(math.log10(min(sizes)))))


def number(value: float, places: int) -> str:
    """Write ``value`` with ``places`` decimals, a power of ten where it is huge, a dash where there is none."""
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    if abs(value) >= (LARGE if places else HUGE):
        return f"{value:.1e}".replace("e+0", "e").replace("e+", "e").replace("-", MINUS)
    return f"{value:z,.{places}f}".replace("-", MINUS)


def short(value: float, digits: int = 3) -> str:
    """Write ``value`` alone in running text, with at most ``digits`` significant digits."""
    text = number(value, decimals([value], digits))
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def error_text(value: float, places: int | None = None) -> str:
    """Write an error with ``places`` decimals, or briefly; one beyond ``MOST_ERROR`` only as more than that."""
    if abs(value) > MOST_ERROR:
        return f"> {MOST_ERROR:,.0f}" if value > 0 else f"< {MINUS}{MOST_ERROR:,.0f}"
    return short(value, 2) if places is None else number(value, places)


def span(low: float, high: float, places: int) -> str:
    """Write the two ends of an interval, a dash where there is none."""
    return MISSING if math.isnan(low) else f"{error_text(low, places)} to {error_text(high, places)}"


def ratio(value: float) -> str:
    """Write a ratio: two decimals, so that 1.03 is not told as 1; more where it is small, fewer where it is large."""
    return number(value, decimals([value], 2)) if 0 < value < 0.1 else number(value, 2 if value < 10 else 0)


def duration(seconds: float) -> str:
    """Write seconds, minutes or hours, whichever reads best."""
    if math.isnan(seconds):
        return MISSING
    size, unit = (1, "s") if seconds < 120 else (60, "min") if seconds < 7200 else (3600, "h")
    return f"{short(seconds / size, 2)} {unit}"


def listed(words: Iterable[str]) -> str:
    """Join words: ``a``, ``a and b``, ``a, b and c``."""
    *head, last = list(words) or [""]
    return f"{', '.join(head)} and {last}" if head else last


def counted(count: int, noun: str) -> str:
    """Write ``1 run``, ``2 runs``, ``2 trajectories``."""
    several = f"{noun[:-1]}ies" if noun.endswith(("ty", "ry")) else f"{noun}s"
    return f"{count:,} {noun if count == 1 else several}"


def slug(label: str) -> str:
    """Turn ``label`` into a name for files and for the page's own use: letters, digits and hyphens."""
    return "".join(letter if letter.isalnum() or letter == "-" else "-" for letter in label)


def with_unit(name: str, unit: str) -> str:
    """Write the heading of an axis."""
    return f"{name} ({unit})" if unit else name


def readable(name: str) -> str:
    """Write the name of a parameter, a state or a setting in words."""
    return name.replace("_", " ")
