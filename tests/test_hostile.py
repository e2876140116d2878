"""Hostile input ends in a one-line error: no traceback, nothing run, no more memory than there is cause for."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile import arrays, texts
from hostile.case import Case, Watch, mark_of

from ladid_bench.errors import BenchError

CASES = [*texts.cases(), *arrays.cases()]
MOST_MEMORY = 400 * 2**10  # kB beyond what the process had before
MOST_SECONDS = 30.0


def peak_memory() -> int:
    """Largest resident memory of this process since ``forget_peak``, in kB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def outcome(act: Callable[[], object], folder: Path) -> str:
    """``error`` for one line, ``harmless`` where nothing is wrong after all; everything else fails the test."""
    forget_peak()
    before, began = peak_memory(), time.monotonic()
    with Watch() as seen:
        try:
            act()
            ended = "harmless"
        except BenchError as error:
            said, ended = str(error), "error"
            assert said.strip(), "says nothing"
            assert len(said.splitlines()) == 1, said
            assert len(said) < 2000, said
    assert not seen
    assert not mark_of(folder).exists(), "code in the input has run"
    assert peak_memory() - before < MOST_MEMORY, f"took {peak_memory() - before} kB"
    assert time.monotonic() - began < MOST_SECONDS
    return ended


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_hostile_input_is_a_one_line_error(case: Case, tmp_path: Path, record_property: Callable) -> None:
    made = case.make(tmp_path)
    assert outcome(lambda: case.read(made), tmp_path) == "error"
    record_property("hostile", (case.kind, "one-line errors", 1))
