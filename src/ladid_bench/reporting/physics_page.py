"""The page of the physics checks: what each simulator was measured against, and what was not run."""

import math
from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from markupsafe import Markup

from ladid_bench.datasets.simulated import SYSTEMS
from ladid_bench.reporting.formatting import MINUS, MISSING, counted, duration, listed
from ladid_bench.reporting.pages import HOME, Page, Section, part
from ladid_bench.reporting.tables import to_html
from ladid_bench.verification.physics.results import Result

PHYSICS = "physics.html"
MOST_DIGITS = 12


def write_physics_page(path: Path, results: list[Result]) -> None:
    """Write the page about ``results``, which hold every check there is, run or not."""
    systems = {name: list(group) for name, group in groupby(results, key=lambda result: result.system)}
    caution = _caution(results)
    Page(
        title="LaDID Bench, physics checks",
        heading="Are the simulators right?",
        eyebrow=HOME,
        lead=f"{summary(results)}.",
        cautions={"checks": caution} if caution else {},
        words="Every simulated system is compared with values that do not come from its simulator: analytic solutions, "
        "conservation laws, published numbers, or another integrator. A check passes where the measured value is "
        "within the tolerance of the expected one. The bar is the deviation as a share of that tolerance: an empty bar "
        "is exact, a full one is at the limit.",
        sections=[_section(name, some) for name, some in systems.items()],
        home=("LaDID Bench", "index.html"),
    ).write(path)


def _section(system: str, results: list[Result]) -> Section:
    times = sum(result.seconds or 0 for result in results)
    words = f"{summary(results)}. The checks that ran took {duration(times)}."
    body = part("table_with_words", words, checks_table(results))
    return Section(system, SYSTEMS[system]().card.title, body, menu="Systems")


def summary(results: Iterable[Result]) -> str:
    """Say how many checks there are, in each state."""
    counts = Counter(result.state for result in results)
    parts = [f"{counts[name]} {name}" for name in ("passed", "failed", "stale", "not run") if counts[name]]
    return f"{counted(counts.total(), 'check')}: {listed(parts)}" if parts else "no checks"


def _caution(results: list[Result]) -> str:
    """What a reader must not take for verified, in words; empty where everything was run with today's code."""
    states = [(result, result.state) for result in results]
    missing = sum(found == "not run" for _, found in states)
    slow = sum(found == "not run" and result.slow for result, found in states)
    stale = sum(found == "stale" for _, found in states)
    words = []
    if missing:
        them = f", {'all' if slow == missing else slow} of them slow" if slow else ""
        words.append(f"{counted(missing, 'check')} not run{them}: their results are unknown.")
    if stale:
        words.append(f"{counted(stale, 'result')} stale: measured before the code of the system last changed.")
    return " ".join([*words, "'ladid-bench physics --slow' runs all checks."]) if words else ""


def checks_table(results: list[Result]) -> Markup:
    """Lay out the checks of one system, a row each."""
    slow = Markup(' <span class="tag">slow</span>')
    names = [Markup("{}{}").format(one.quantity, slow if one.slow else "") for one in results]
    cells: dict[str, list[str]] = {
        "expected": [significant(one.expected, one.tolerance) for one in results],
        "measured": [MISSING if one.measured is None else significant(one.measured, one.tolerance) for one in results],
        "tolerance": [plain(f"{one.tolerance:.2g}") for one in results],
        "deviation / tolerance": [_gauge(one) for one in results],
        "source of the expected value": [one.source for one in results],
    }
    told = dict.fromkeys(("deviation / tolerance", "source of the expected value"), "words")
    states = {"measured": [one.state.replace(" ", "-") for one in results]}
    return to_html("quantity", names, cells, "numbers measured", classes=told | states)


def _gauge(result: Result) -> Markup:
    """Draw the deviation as a share of the tolerance, and say what is amiss."""
    found, made = result.state, Markup()
    if result.measured is not None:
        gap = abs(result.measured - result.expected)
        share = gap / result.tolerance if result.tolerance else (0.0 if gap == 0 else math.inf)
        bar = Markup('<span class="gauge {}" style="--bar:{}%"><i></i><span>{}</span></span>')
        made += bar.format(found.replace(" ", "-"), round(100 * min(1.0, share), 1), _share(share))
    then = f", {'passed' if result.passed else 'failed'} then" if found == "stale" else ""
    words = [word for word in ("" if found == "passed" else f"{found}{then}", result.reason) if word]
    muted = "" if found == "failed" else " skipped"
    return made + Markup(" ").join(Markup('<span class="status{}">{}</span>').format(muted, word) for word in words)


def _share(share: float) -> str:
    if 0 < share < 1e-4:
        return "< 0.01 %"
    return f"{100 * share:.2g} %" if share <= 1 else f"{share:.3g} times"


def significant(value: float, tolerance: float) -> str:
    """Write ``value`` with two digits more than its tolerance can tell apart."""
    if value == 0 or tolerance <= 0:
        return plain(f"{value:.6g}")
    digits = math.ceil(math.log10(abs(value) / tolerance)) + 2
    return plain(f"{value:.{min(MOST_DIGITS, max(2, digits))}g}")


def plain(text: str) -> str:
    """Write a number, given as Python writes it, with a real minus sign and a short exponent."""
    number, _, exponent = text.partition("e")
    shown = number if not exponent else f"{number}e{int(exponent)}"
    return shown.replace("-", MINUS)
