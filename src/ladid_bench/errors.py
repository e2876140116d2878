"""The one exception that a user is meant to read."""

import difflib
from collections.abc import Iterable


class BenchError(Exception):
    """An error the user can act on: one line that says what is wrong and what to do."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint naming the known names closest to ``name``, or all of them when none is close."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(known) or 'none'}"
