"""The page of the physics checks: what each simulator was measured against, and what was not run."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from ladid_bench.core.files import write_text
from ladid_bench.datasets.simulated import SYSTEMS
from ladid_bench.reporting.formatting import MINUS, MISSING, counted, duration, listed
from ladid_bench.reporting.pages import render
from ladid_bench.verification.physics.results import Result

PHYSICS = "physics.html"
MOST_DIGITS = 12


@dataclass(frozen=True)
class CheckRow:
    """A check as the page shows it; ``share`` is the deviation in tolerances, None where nothing was measured."""

    result: Result
    state: str
    expected: str
    measured: str
    tolerance: str
    share: float | None

    @property
    def bar(self) -> float:
        """Length of the bar in per cent; a deviation of one tolerance fills it."""
        return round(100 * min(1.0, self.share or 0.0), 1)

    @property
    def share_text(self) -> str:
        """The deviation in per cent of the tolerance."""
        if self.share is None:
            return ""
        if 0 < self.share < 1e-4:
            return "< 0.01 %"
        return f"{100 * self.share:.2g} %" if self.share <= 1 else f"{self.share:.3g} times"


@dataclass(frozen=True)
class SystemChecks:
    """The checks of one system."""

    name: str
    title: str
    summary: str
    rows: list[CheckRow]


def write_physics_page(path: Path, results: list[Result]) -> None:
    """Write the page about ``results``, which hold every check there is, run or not."""
    systems = [_system(name, list(group)) for name, group in groupby(results, key=lambda result: result.system)]
    write_text(path, render("physics.html.j2", systems=systems, lead=summary(results), caution=_caution(results)))


def state(result: Result) -> str:
    """``passed``, ``failed`` or ``not run``; a result of other code than today's is ``stale``."""
    if result.passed is None:
        return "not run"
    if result.stale:
        return "stale"
    return "passed" if result.passed else "failed"


def summary(results: Iterable[Result]) -> str:
    """How many checks there are, in each state."""
    counts = Counter(state(result) for result in results)
    parts = [f"{counts[name]} {name}" for name in ("passed", "failed", "stale", "not run") if counts[name]]
    return f"{counted(counts.total(), 'check')}: {listed(parts)}" if parts else "no checks"


def _caution(results: list[Result]) -> str:
    """What a reader must not take for verified, in words; empty where everything was run with today's code."""
    states = [(result, state(result)) for result in results]
    missing = sum(found == "not run" for _, found in states)
    slow = sum(found == "not run" and result.slow for result, found in states)
    stale = sum(found == "stale" for _, found in states)
    words = []
    if missing:
        them = f", {'all' if slow == missing else slow} of them slow ones" if slow else ""
        words.append(f"{counted(missing, 'check')} not run{them}: what they would measure is unknown.")
    if stale:
        words.append(f"{counted(stale, 'result')} stale: measured before the code of the system last changed.")
    return " ".join([*words, "'ladid-bench physics --slow' runs all."]) if words else ""


def _system(name: str, results: list[Result]) -> SystemChecks:
    times = sum(result.seconds or 0 for result in results)
    words = f"{summary(results)}. The checks that ran took {duration(times)}."
    return SystemChecks(name, SYSTEMS[name]().card.title, words, [_row(result) for result in results])


def _row(result: Result) -> CheckRow:
    measured = result.measured
    share = None
    if measured is not None:
        gap = abs(measured - result.expected)
        share = gap / result.tolerance if result.tolerance else (0.0 if gap == 0 else math.inf)
    return CheckRow(
        result=result,
        state=state(result),
        expected=significant(result.expected, result.tolerance),
        measured=MISSING if measured is None else significant(measured, result.tolerance),
        tolerance=plain(f"{result.tolerance:.2g}"),
        share=share,
    )


def significant(value: float, tolerance: float) -> str:
    """``value`` with two digits more than its tolerance can tell apart."""
    if value == 0 or tolerance <= 0:
        return plain(f"{value:.6g}")
    digits = math.ceil(math.log10(abs(value) / tolerance)) + 2
    return plain(f"{value:.{min(MOST_DIGITS, max(2, digits))}g}")


def plain(text: str) -> str:
    """A number as Python writes it, with a real minus sign and a short exponent."""
    number, _, exponent = text.partition("e")
    shown = number if not exponent else f"{number}e{int(exponent)}"
    return shown.replace("-", MINUS)
