"""The one exception that a user is meant to read, and what to tell of a file system that refuses."""

import difflib
import errno
import os
from collections.abc import Iterable
from pathlib import Path

LONGEST = 1500  # letters of an error
MOST_NAMES = 30  # that a hint lists
FULL = (errno.ENOSPC, errno.EDQUOT)
REFUSALS = (*FULL, errno.EFBIG, errno.EROFS)  # no fault of the program that wanted to write
INTACT = "and run again, earlier results are intact"


class BenchError(Exception):
    """An error the user can act on: one line that says what is wrong and what to do.

    Names and values from files stand in it, so line breaks and control characters become spaces, and what would fill
    a screen is cut.
    """

    def __init__(self, message: str):
        plain = "".join(letter if letter.isprintable() else " " for letter in message[: 2 * LONGEST])
        super().__init__(plain if len(message) <= LONGEST else f"{plain[:LONGEST]} ...")


def nearest(name: str, known: Iterable[str]) -> str:
    """Hint at the known name closest to ``name``, or at all of them where none is close."""
    known = sorted(known)
    close = difflib.get_close_matches(name[:100], known, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    more = f" and {len(known) - MOST_NAMES} more" if len(known) > MOST_NAMES else ""
    return f"known: {', '.join(known[:MOST_NAMES]) or 'none'}{more}"


def explain(error: OSError) -> str:
    """Explain in one line what a file system refused: which file, why, and what to do."""
    where = error.filename or "file system"
    if error.errno in FULL:
        return f"{where}: no space left on the device; free some space {INTACT}"
    if error.errno == errno.EFBIG:
        return f"{where}: larger than the limit on files here; raise it ('ulimit -f') {INTACT}"
    if isinstance(error, PermissionError) and Path(where).exists() and not os.access(where, os.R_OK):
        return f"{where}: cannot be read; give yourself permission ('chmod u+r')"
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return f"{where}: cannot write here; make the folder writable {INTACT}"
    return f"{where}: {error.strerror or error}"
