"""Numbers as a reader wants them: few digits, and the same number of decimals down a column."""

import math
from collections.abc import Iterable

MISSING, MINUS, TIMES = "\N{EN DASH}", "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"
MOST_DECIMALS = 5
LARGE = 1e5


def decimals(values: Iterable[float], digits: int = 2) -> int:
    """Decimals that show ``digits`` significant digits of the smallest finite value that is not 0; 0 for integers."""
    sizes = [abs(value) for value in values if math.isfinite(value) and value != 0]
    if all(size == round(size) for size in sizes):
        return 0
    return min(MOST_DECIMALS, max(0, digits - 1 - math.floor(math.log10(min(sizes)))))


def number(value: float, places: int) -> str:
    """``value`` with ``places`` decimals, a power of ten where it is huge, a dash where there is none."""
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    if abs(value) >= LARGE and places:
        return f"{value:.1e}".replace("e+0", "e").replace("e+", "e").replace("-", MINUS)
    return f"{value:,.{places}f}".replace("-", MINUS)


def short(value: float, digits: int = 3) -> str:
    """``value`` alone in running text, with at most ``digits`` significant digits."""
    text = number(value, decimals([value], digits))
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def ratio(value: float) -> str:
    """A ratio: two decimals, so that 1.03 is not told as 1; more where it is small, fewer where it is large."""
    return number(value, decimals([value], 2)) if 0 < value < 0.1 else number(value, 2 if value < 10 else 0)


def duration(seconds: float) -> str:
    """Seconds, minutes or hours, whichever reads best."""
    if math.isnan(seconds):
        return MISSING
    size, unit = (1, "s") if seconds < 120 else (60, "min") if seconds < 7200 else (3600, "h")
    return f"{short(seconds / size, 2)} {unit}"


def listed(words: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *head, last = list(words) or [""]
    return f"{', '.join(head)} and {last}" if head else last


def counted(count: int, noun: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def slug(label: str) -> str:
    """``label`` as a name for files and for the page's own use: letters, digits and hyphens."""
    return "".join(letter if letter.isalnum() or letter == "-" else "-" for letter in label)
