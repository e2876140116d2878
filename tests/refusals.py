"""Errors as a user meets them: one line, and in it the key, file or option that they are about."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ladid_bench.core.errors import BenchError

BEGINNING = "ladid-bench: error: "  # of the line in which a command fails


@contextmanager
def refused(*named: object) -> Iterator[None]:
    """What happens inside has to end in a ``BenchError`` of one line that names all of ``named``."""
    with pytest.raises(BenchError) as caught:
        yield
    check_line(str(caught.value), *named)


def check_refusal(said: str, *named: object) -> None:
    """All that a command said has to be one line of error that names all of ``named``."""
    assert said.startswith(BEGINNING), said
    assert said.endswith("\n"), said
    check_line(said[len(BEGINNING) : -1], *named)


def check_line(line: str, *named: object) -> None:
    assert len(line.splitlines()) == 1, line
    for name in named:
        assert str(name) in line, f"{name!r} is not named in: {line}"
