"""Run the physics checks, and keep what they measured in ``results/physics.json``."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import content_key, write_json
from ladid_bench.core.paths import PACKAGE
from ladid_bench.core.provenance import commit
from ladid_bench.core.readers import one_line, read_json
from ladid_bench.core.syntax import imported_names, without_words
from ladid_bench.datasets.simulated import SYSTEMS
from ladid_bench.verification.physics import load_checks
from ladid_bench.verification.physics.base import Check

FOLLOWED = (
    "ladid_bench.datasets.simulated.",
    "ladid_bench.verification.physics.",
    "ladid_bench.datasets.pooling",
)  # what numbers depend on


@dataclass(frozen=True)
class Result:
    """Hold one check of one system, as it is kept.

    Attributes:
        system, quantity, expected, tolerance, source, slow: of the check.
        measured: the value, None where the check has not run or gave no finite number.
        seconds: how long it took, to two digits; None where it has not run.
        passed: None where it has not run.
        reason: why there is no finite number, empty otherwise.
        stale: the system's code or generator version has changed since it ran.
        generator_version, code_hash, commit: what ran.
    """

    system: str
    quantity: str
    expected: float
    tolerance: float
    source: str
    slow: bool
    measured: float | None = None
    seconds: float | None = None
    passed: bool | None = None
    reason: str = ""
    stale: bool = False
    generator_version: int | None = None
    code_hash: str = ""
    commit: str = ""

    @property
    def state(self) -> str:
        """``passed``, ``failed`` or ``not run``; a result of other code than today's is ``stale``."""
        if self.passed is None:
            return "not run"
        if self.stale:
            return "stale"
        return "passed" if self.passed else "failed"


def physics_file(root: Path) -> Path:
    """Find the file with the results of a checkout."""
    return root / "results" / "physics.json"


def run_checks(
    systems: Sequence[str], slow: bool, root: Path, report: Callable[[Result], None] = lambda result: None
) -> list[Result]:
    """Run the checks of some systems and write the results of all.

    A result that comes out as before, from the same code, stays as it was kept, its duration included, so that
    the file changes only where there is news.

    Args:
        systems: by name.
        slow: whether the slow checks run too.
        root: the checkout.
        report: called with each result as it is known.

    Returns:
        The results of the checks that ran.
    """
    path = physics_file(root)
    kept = {_name(result): result for result in read_results(path)} if path.exists() else {}
    revision, dirty = commit(root)
    ran = []
    for system in systems:
        code = system_hash(system)
        for check in load_checks(system):
            if check.slow and not slow:
                continue
            result = replace(_measured(system, check), code_hash=code, commit=revision + "+changes" * dirty)
            former = kept.get(_name(result))
            if former and replace(former, seconds=None, commit="") == replace(result, seconds=None, commit=""):
                result = former
            kept[_name(result)] = result
            ran.append(result)
            report(result)
    write_json(path, {"checks": [asdict(result) for result in up_to_date(kept.values())]})
    return ran


def read_results(path: Path) -> list[Result]:
    """Read what ``run_checks`` wrote.

    Raises:
        BenchError: the file is damaged.
    """
    remedy = "delete it and run 'ladid-bench physics --slow'"
    content = read_json(path, "file of physics results", remedy)
    try:
        return TypeAdapter(list[Result]).validate_python(content["checks"])
    except (ValueError, LookupError, TypeError) as error:
        raise BenchError(f"{path}: not a readable file of physics results ({one_line(error)}); {remedy}") from error


def up_to_date(results: Iterable[Result]) -> list[Result]:
    """List one result for every check there is today, system by system: stale ones marked, missing ones as not run."""
    kept = {_name(result): result for result in results}
    current = []
    for system, source in SYSTEMS.items():
        code = system_hash(system)
        for check in load_checks(system):
            result = kept.get((system, check.quantity), _planned(system, check))
            same = (result.generator_version, result.code_hash) == (source.version, code)
            current.append(replace(result, stale=result.passed is not None and not same))
    return current


def _name(result: Result) -> tuple[str, str]:
    return result.system, result.quantity


def _planned(system: str, check: Check) -> Result:
    return Result(system, check.quantity, check.expected, check.tolerance, check.source, check.slow)


def _measured(system: str, check: Check) -> Result:
    started, reason = time.perf_counter(), ""
    try:
        measured: float | None = float(check.measure())
    except Exception as error:  # a check that cannot run has failed, and the others go on
        measured, reason = None, f"{type(error).__name__}: {error}"
    if measured is not None and not math.isfinite(measured):
        measured, reason = None, f"measured {measured}"
    return replace(
        _planned(system, check),
        measured=measured,
        seconds=float(f"{time.perf_counter() - started:.2g}"),
        passed=measured is not None and abs(measured - check.expected) <= check.tolerance,
        reason=reason,
        generator_version=SYSTEMS[system].version,
    )


def system_hash(system: str) -> str:
    """Hash the code that a system's numbers and its checks depend on: comments and docstrings do not count."""
    module = system.replace("-", "_")
    todo, code = [f"ladid_bench.verification.physics.{module}", SYSTEMS[system].__module__], {}
    while todo:
        name = todo.pop()
        path = PACKAGE.parent / f"{name.replace('.', '/')}.py"
        if name in code or not path.exists():
            continue
        code[name] = without_words(path)
        todo += (imported for imported in imported_names(path) if imported.startswith(FOLLOWED))
    return content_key(code)


def describe(result: Result) -> str:
    """Write a line of the table that the command line prints."""
    measured = result.reason if result.measured is None else f"{result.measured:.9g}"
    state = "ok    " if result.passed else "FAILED"
    values = f"expected {result.expected:.9g}, measured {measured}, tolerance {result.tolerance:.2g}"
    return f"{state}  {result.system:<20} {result.quantity}: {values} ({result.seconds:g} s)"
