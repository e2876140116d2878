"""What a table says, in sentences computed from it; no sentence is a verdict on a claim."""

import math
from collections import Counter
from dataclasses import dataclass

from ladid_bench.analysis.paired import SEEDS_FOR_VERDICTS
from ladid_bench.analysis.statistics import Interval
from ladid_bench.core.configuration import Study
from ladid_bench.reporting.content import DatasetContent, Entry
from ladid_bench.reporting.figures import NAMES
from ladid_bench.reporting.formatting import counted, duration, listed, ratio, short

FEW_UNITS = 5
MOST_MOVES = 3  # changes of rank that are named


@dataclass(frozen=True)
class Finding:
    """What was found on one data set. ``outcome`` says who is ahead: ``neural``, ``simple``, ``open`` or ``none``."""

    dataset: DatasetContent
    lowest: str
    comparison: str
    outcome: str


def finding(dataset: DatasetContent) -> Finding:
    """Which method has the lowest error, and whether the best neural one beats the best simple one."""
    if not dataset.entries:
        return Finding(dataset, "No run of this study compares methods here at equal steps.", "", "none")
    if not dataset.ranked:
        return Finding(dataset, "No method has a result on all of its runs.", "", "none")
    best = dataset.ranked[0]
    found = dataset.error_interval(best)
    within = f" (95 % {short(found.low, 2)} to {short(found.high, 2)})" if found else ""
    lowest = (
        f"{best.label} has the lowest {NAMES[dataset.primary_metric]}, {short(best.mean(dataset.error), 2)}{within}."
    )
    neural, simple = dataset.best(neural=True), dataset.best(neural=False)
    if not neural or not simple:
        missing = "simple" if neural else "neural"
        return Finding(dataset, lowest, f"No {missing} method has a result to compare it with.", "none")
    comparison, outcome = _compare(dataset, neural, simple)
    return Finding(dataset, lowest, comparison, outcome)


def _compare(dataset: DatasetContent, neural: Entry, simple: Entry) -> tuple[str, str]:
    over = _quotient(neural.mean(dataset.error), simple.mean(dataset.error))
    pair = f"The error of the best neural method ({neural.label}) is {ratio(over)} times that of the best simple one"
    pair += f" ({simple.label})"
    found = dataset.log_ratio(neural, simple)
    if not found:
        return f"{pair}; {_no_interval(dataset, neural, simple)}, so there is no interval.", "none"
    pair += f", 95 % {ratio(math.exp(found.low))} to {ratio(math.exp(found.high))}: "
    return pair + _words(found), _outcome(found)


def _no_interval(dataset: DatasetContent, neural: Entry, simple: Entry) -> str:
    if not (neural.sampled and simple.sampled):
        return "errors of single trajectories are not known"
    return "one test group" if dataset.groups == 1 else "an error is 0 or infinite"


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
        f"{dataset.title} ({counted(dataset.groups, 'group')})"
        for dataset in datasets
        if 0 < dataset.groups < FEW_UNITS
    ]
    if few:
        notes.append(
            f"Few independent test groups: {listed(few)}. Windows of one day, year or subject resemble each other, so "
            "intervals rest on units, not windows; over so few they are wide, and over one there are none."
        )
    return notes


def about_colours(dataset: DatasetContent) -> str:
    """Which methods the figures show in colour, in words; empty where they show all."""
    if not dataset.crowded:
        return ""
    front = listed(entry.label for entry in dataset.front)
    return (
        f"In colour: {front}, which are LaDID, the best other neural method and the best simple one. "
        "Point at a name or a line to bring out another method, click to keep it."
    )


def below_floor(dataset: DatasetContent) -> str:
    """Which methods have a lower error than the floor, in words; empty where none has."""
    known = [entry.mean(dataset.error) for entry in dataset.floors if entry.complete]
    below = [entry.label for entry in dataset.ranked if known and entry.mean(dataset.error) < min(known)]
    if not below:
        return ""
    lie = "lie" if below[1:] else "lies"
    return f"{listed(below)} {lie} below it: the floor is what one autoencoder of this size reached, no strict bound."


def equal_time(dataset: DatasetContent, equal: DatasetContent, minutes: float | None) -> str:
    """Who is ahead at equal CPU time, and whether the order differs from that at equal steps."""
    found = finding(equal)
    each = f"With {duration(60 * minutes)} of CPU time for training each" if minutes else "At equal CPU time"
    return f"{each}, {found.lowest} {found.comparison} {_order(dataset, equal)}".strip()


def _order(dataset: DatasetContent, equal: DatasetContent) -> str:
    """How the order of the methods that are ranked in both experiments changed."""
    before, after = ([entry.label for entry in content.ranked] for content in (dataset, equal))
    before, after = [one for one in before if one in after], [one for one in after if one in before]
    if len(before) < 2:
        return ""
    if before == after:
        return f"The order of the {len(before)} methods is the same as at equal steps."
    moved = [label for label in after if before.index(label) != after.index(label)]
    moved.sort(key=lambda label: -abs(before.index(label) - after.index(label)))
    named = [f"{label} from {before.index(label) + 1} to {after.index(label) + 1}" for label in moved[:MOST_MOVES]]
    rest = [f"{len(moved) - MOST_MOVES} more"] if len(moved) > MOST_MOVES else []
    return f"The order differs from that at equal steps: {listed([*named, *rest])}."


def spent(equal: DatasetContent) -> str:
    """What the neural runs of an experiment at equal CPU time were measured to cost."""
    seconds = [entry.mean("cost_cpu_seconds") for entry in equal.ranked if entry.neural]
    known = [value for value in seconds if not math.isnan(value)]
    if not known:
        return ""
    low, high = duration(min(known)), duration(max(known))
    words = f"Measured over whole runs: {low if low == high else f'{low} to {high}'} of CPU time a neural method."
    simple = any(not entry.neural and not entry.floor for entry in equal.entries)
    return f"{words} Simple methods have no training to cut; they are those of the comparison." if simple else words


def lead_text(datasets: list[DatasetContent], again: list[DatasetContent], study: Study) -> str:
    """What was compared, at which scale and budget, in one paragraph.

    Args:
        datasets: at equal steps.
        again: at equal CPU time.
        study: that they are of.
    """
    entries = [entry for dataset in [*datasets, *again] for entry in dataset.competitors]
    neural = {entry.method for entry in entries if entry.neural}
    others = {entry.method for entry in entries if not entry.neural}
    runs = {run.key: run for dataset in [*datasets, *again] for entry in dataset.entries for run in entry.runs}
    cpu = sum(float(run.record.get("cost", {}).get("cpu_seconds", 0)) for run in runs.values())
    methods = [counted(len(neural), "neural method")] if neural else []
    methods += [counted(len(others), "simple method")] if others else []
    count = len({dataset.name for dataset in [*datasets, *again]})
    budget, trained = study.budget, []
    if datasets and neural:
        trained.append(f"for {budget.steps:,} steps of {budget.batch_size} trajectories")
    if again and neural:
        trained.append(f"{'once more ' if datasets else ''}for equal CPU time")
    words = f" Neural methods were all trained {listed(trained)}." if trained else ""
    return (
        f"{listed(methods)} on {counted(count, 'data set')}, images of {study.image_size} by {study.image_size} "
        f"pixels.{words} {_statuses(Counter(run.status for run in runs.values()))}, {duration(cpu)} of CPU time in all."
    )


def _statuses(counts: Counter[str]) -> str:
    """How many runs ended with a result; a method that declines a data set has nothing to end."""
    declined, total = counts["skipped"], counts.total() - counts["skipped"]
    apart = f"; {counted(declined, 'run')} not applicable" if declined else ""
    if not total:
        return f"No run could have a result{apart}"
    if counts["ok"] == total:
        return f"All {counted(total, 'run')} ended with a result{apart}"
    lost = listed(f"{count} {name}" for name, count in sorted(counts.items()) if name not in ("ok", "skipped"))
    return f"{counts['ok']} of {counted(total, 'run')} ended with a result ({lost}{apart})"
