"""Reruns of chosen runs in a place of their own under ``work/``, where nothing that is kept can be overwritten.

The place, ``work/<scale>/verify``, is a checkout in small: links to the configuration, the baselines and the data, and
results and checkpoints of its own. So a rerun goes through the same supervisor, time limit and child process as
every other run.
"""

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ladid_bench.analysis.currency import method_codes
from ladid_bench.core.configuration import Study
from ladid_bench.core.files import content_key, write_text
from ladid_bench.core.paths import Folders
from ladid_bench.core.provenance import machine, versions
from ladid_bench.datasets.user.source import FOLDER as IMPORTED
from ladid_bench.runs.records import read_attempts, read_record
from ladid_bench.runs.supervise import supervise
from ladid_bench.study.datasets import make_missing
from ladid_bench.study.plan import PlannedRun
from ladid_bench.verification.agreement import (
    Comparison,
    asks_for_the_same_bits,
    circumstances,
    compare,
    spread_over_seeds,
)

LINKED = ("config", "params.yaml", "baselines", "data", IMPORTED)
COLUMNS = ("key", "run", "value", "kept", "found", "difference", "allowed", "outcome")


def kept_result(run: PlannedRun, folders: Folders) -> dict[str, Any] | None:
    """Read the record of a run, or else its last failed attempt; None where it never ended."""
    if folders.record(run.key).exists():
        return read_record(folders.record(run.key))
    attempts = read_attempts(folders.attempts(run.key))
    return attempts[-1] if attempts else None


def place_for_reruns(folders: Folders) -> Folders:
    """Make the folders of reruns: a checkout in small with links to all that determines a run."""
    root = folders.work / "verify"
    root.mkdir(parents=True, exist_ok=True)
    folders.data.mkdir(parents=True, exist_ok=True)
    for name in LINKED:
        link, target = root / name, folders.root.resolve() / name
        if link.is_symlink():
            link.unlink()  # the checkout may have been moved
        if target.exists():
            link.symlink_to(target)
    return Folders(root.resolve(), folders.scale)


def verify(
    study: Study,
    runs: Mapping[str, PlannedRun],
    chosen: Sequence[PlannedRun],
    folders: Folders,
    resume: bool = False,
    other_machine: bool = False,
    told: Callable[[Comparison], None] = lambda comparison: None,
) -> list[Comparison]:
    """Rerun ``chosen`` and compare each with its kept result.

    Args:
        study: whose runs they are.
        runs: all its runs, whose kept seeds show the spread.
        chosen: runs that have a kept result.
        folders: of the kept results, which stay as they are.
        resume: take over reruns of the same code on this machine, which an interrupted call left.
        other_machine: be content with tolerances where machine and versions look the same.
        told: called with each comparison as it is known.
    """
    place, found = place_for_reruns(folders), []
    codes = method_codes(runs, folders)
    _clear(place, content_key([codes, machine(), versions()]), resume)
    for run in chosen:
        kept, code = kept_result(run, folders), codes[run.method]
        assert kept is not None
        again = _rerun(run, study, folders, place)
        exact = asks_for_the_same_bits(kept, again) and not other_machine
        spread = spread_over_seeds(_siblings(run, runs, folders))
        values = compare(kept, again, None if run.card.trained else run.card.rounding, spread, exact)
        found.append(Comparison(run.key, run.label, values, circumstances(kept, again, code), exact))
        told(found[-1])
    return found


def _clear(place: Folders, state: str, resume: bool) -> None:
    """Leave nothing of an earlier call: no record, no model that others start from, no training to go on from.

    With ``resume`` all stays that was made in the same ``state`` of code, machine and versions.
    """
    mark = place.root / "made-by"
    if not (resume and mark.exists() and mark.read_text(encoding="utf-8") == state):
        for folder in (place.results, place.work):
            shutil.rmtree(folder, ignore_errors=True)
        write_text(mark, state)


def _siblings(run: PlannedRun, runs: Mapping[str, PlannedRun], folders: Folders) -> list[dict[str, Any]]:
    """Kept records of the same run with any seed, its own included."""
    same = [one for one in runs.values() if _unseeded(one) == _unseeded(run)]
    return [read_record(folders.record(one.key)) for one in same if folders.record(one.key).exists()]


def _unseeded(run: PlannedRun) -> dict[str, Any]:
    """What determines a run, whatever its seed and that of the run it starts from."""
    start = {"init_from": _unseeded(run.init_from)} if run.init_from else {}
    return {**run.identity, "seed": 0, **start}


def _rerun(run: PlannedRun, study: Study, folders: Folders, place: Folders) -> dict[str, Any]:
    """The record or failed attempt of a run made again, by this call or by the one that it resumes."""
    if not place.record(run.key).exists():
        shutil.rmtree(place.attempts(run.key), ignore_errors=True)
        make_missing(run.datasets, folders)
        supervise(run, place, study.execution)
    again = kept_result(run, place)
    assert again is not None
    return again


def write_values(path: Path, comparisons: Iterable[Comparison]) -> None:
    """Write every value of every run as CSV: then, now, difference and what was allowed, both absolute."""
    rows = [
        (one.key, one.label, value.name, value.kept, value.found, value.difference, value.allowed, value.outcome)
        for one in comparisons
        for value in one.values
    ]
    write_text(path, pd.DataFrame(rows, columns=COLUMNS, dtype=object).to_csv(index=False, lineterminator="\n"))


def values_file(chosen: Iterable[PlannedRun], place: Folders) -> Path:
    """Name the file for the values of a set of runs: another set, another file."""
    return place.root / f"values-{content_key(sorted(run.key for run in chosen))}.csv"


def describe(comparison: Comparison) -> str:
    """Describe how a run came out in a line, each value that differs in one, and what is not as it was in one."""
    total, worst = len(comparison.values), max(comparison.values, key=lambda value: value.relative)
    if comparison.outcome == "identical":
        words = f"all {total} values are the same, bit for bit"
    elif comparison.outcome == "agrees":
        words = f"all {total} values within tolerance; furthest off: {worst.name}, by {worst.relative:.2g} of its value"
    else:
        demand = (
            "bit for bit, as on the same machine with the same versions" if comparison.exact else "within tolerance"
        )
        words = f"{len(comparison.differing)} of {total} values do not agree {demand}"
    lines = [f"{comparison.outcome:<10} {comparison.key[:8]}  {comparison.label}: {words}"]
    lines += [
        f"{'':<20} {value.name}: {_shown(value.kept)} then, {_shown(value.found)} now; allowed {value.allowed:.2g}"
        for value in comparison.differing
    ]
    if comparison.circumstances:
        lines.append(f"{'':<20} not as it was: {', '.join(comparison.circumstances)}")
    return "\n".join(lines)


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)
