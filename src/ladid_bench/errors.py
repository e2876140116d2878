"""The one exception that a user is meant to read, and what to tell of a file system that refuses."""

import difflib
import errno
from collections.abc import Iterable


class BenchError(Exception):
    """An error the user can act on: one line that says what is wrong and what to do."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint naming the known names closest to ``name``, or all of them when none is close."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(known) or 'none'}"


FULL = (errno.ENOSPC, errno.EDQUOT)
INTACT = "and run again, earlier results are intact"


def explain(error: OSError) -> str:
    """One line for what a file system refused: which file, why, and what to do."""
    where = error.filename or "file system"
    if error.errno in FULL:
        return f"{where}: no space left on the device; free some {INTACT}"
    if error.errno == errno.EFBIG:
        return f"{where}: larger than a file may be here; raise the limit ('ulimit -f') {INTACT}"
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return f"{where}: cannot write here; make the folder writable {INTACT}"
    return f"{where}: {error.strerror or error}"
