"""What a table says, in sentences computed from it; no sentence is a verdict on a claim."""

import math
from collections import Counter
from dataclasses import dataclass

from ladid_bench.config import Study
from ladid_bench.evaluation.statistics import Interval
from ladid_bench.reporting.content import DatasetContent, Entry
from ladid_bench.reporting.figures import NAMES
from ladid_bench.reporting.formatting import counted, duration, listed, short

SEEDS_FOR_VERDICTS = 3
FEW_UNITS = 5


@dataclass(frozen=True)
class Finding:
    """What was found on one data set. ``outcome`` says who is ahead: ``neural``, ``simple``, ``open`` or ``none``."""

    dataset: DatasetContent
    lowest: str
    comparison: str
    outcome: str


def finding(dataset: DatasetContent) -> Finding:
    """Which method has the lowest error, and whether the best neural one beats the best simple one."""
    if not dataset.ranked:
        return Finding(dataset, "No method has a result on all of its runs.", "", "none")
    best = dataset.ranked[0]
    found = dataset.error_interval(best)
    within = f" (95 % {short(found.low, 2)} to {short(found.high, 2)})" if found else ""
    lowest = f"{best.label} has the lowest {NAMES[dataset.headline]}, {short(best.mean(dataset.error), 2)}{within}."
    neural, simple = dataset.best(neural=True), dataset.best(neural=False)
    if not neural or not simple:
        missing = "simple" if neural else "neural"
        return Finding(dataset, lowest, f"No {missing} method has a result to compare it with.", "none")
    comparison, outcome = _compare(dataset, neural, simple)
    return Finding(dataset, lowest, comparison, outcome)


def _compare(dataset: DatasetContent, neural: Entry, simple: Entry) -> tuple[str, str]:
    ratio = _quotient(neural.mean(dataset.error), simple.mean(dataset.error))
    pair = f"The error of the best neural method ({neural.label}) is {short(ratio)} times that of the best simple one"
    pair += f" ({simple.label})"
    found = dataset.log_ratio(neural, simple)
    if not found:
        return f"{pair}; {_no_interval(dataset, neural, simple)}, so there is no interval.", "none"
    pair += f", 95 % {short(math.exp(found.low), 2)} to {short(math.exp(found.high), 2)}: "
    return pair + _words(found), _outcome(found)


def _no_interval(dataset: DatasetContent, neural: Entry, simple: Entry) -> str:
    if not (neural.sampled and simple.sampled):
        return "errors of single trajectories are not known"
    return "one test unit" if dataset.units == 1 else "an error is 0 or infinite"


def _quotient(one: float, other: float) -> float:
    return one / other if other else math.inf


def _outcome(found: Interval) -> str:
    return "neural" if found.high < 0 else "simple" if found.low > 0 else "open"


def _words(found: Interval) -> str:
    ahead = {
        "neural": "the neural method is ahead on these trajectories.",
        "simple": "the simple method is ahead on these trajectories.",
    }
    return ahead.get(_outcome(found), "the two cannot be told apart.")


def seeds(datasets: list[DatasetContent]) -> int:
    """Fewest seeds of any neural method in the report, 0 where there is none."""
    return min((len(entry.runs) for dataset in datasets for entry in dataset.entries if entry.neural), default=0)


def cautions(datasets: list[DatasetContent]) -> list[str]:
    """What a reader must know before believing a difference."""
    notes, count = [], seeds(datasets)
    if 0 < count < SEEDS_FOR_VERDICTS:
        named = "One seed" if count == 1 else f"{count} seeds"
        notes.append(
            f"{named}: no verdicts. Training again with another seed gives another error, and with fewer than "
            f"{SEEDS_FOR_VERDICTS} seeds nobody knows how different. The intervals here cover the choice of test "
            "trajectories" + (" only." if count == 1 else " and these seeds.")
        )
    few = [
        f"{dataset.title} ({counted(dataset.units, 'unit')})" for dataset in datasets if 0 < dataset.units < FEW_UNITS
    ]
    if few:
        notes.append(
            f"Few independent test units: {listed(few)}. Windows of one day, year or subject resemble each other, so "
            "intervals rest on units, not windows; over so few they are wide, and over one there are none."
        )
    return notes


def lead_text(datasets: list[DatasetContent], study: Study) -> str:
    """What was compared, at which scale and budget, in one paragraph."""
    entries = [entry for dataset in datasets for entry in dataset.entries]
    neural = sorted({entry.method for entry in entries if entry.neural})
    others = sorted({entry.method for entry in entries if not entry.neural})
    runs = [run for entry in entries for run in entry.runs]
    spent = sum(float(run.record.get("cost", {}).get("cpu_seconds", 0)) for run in runs)
    kinds = [counted(len(neural), "neural method")] * bool(neural) + [counted(len(others), "simple method")] * bool(
        others
    )
    budget = study.budget
    trained = (
        f" Neural methods were all trained for {budget.steps:,} steps of {budget.batch_size} trajectories."
        if neural
        else ""
    )
    return (
        f"{listed(kinds)} on {counted(len(datasets), 'data set')}, images of {study.image_size} by {study.image_size} "
        f"pixels.{trained} {_statuses(Counter(run.status for run in runs))}, {duration(spent)} of CPU time in all."
    )


def _statuses(counts: Counter[str]) -> str:
    total = counts.total()
    if counts["ok"] == total:
        return f"All {counted(total, 'run')} ended with a result"
    lost = listed(f"{count} {status}" for status, count in sorted(counts.items()) if status != "ok")
    return f"{counts['ok']} of {counted(total, 'run')} ended with a result ({lost})"
