"""What a table says, in sentences computed from it; no sentence is a verdict on a claim."""

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pandas as pd

from ladid_bench.analysis.crossed import FEWEST_GROUPS
from ladid_bench.analysis.entries import DatasetContent, Entry, Run
from ladid_bench.analysis.paired import SEEDS_FOR_VERDICTS
from ladid_bench.analysis.run_table import asked_for, cpu_seconds
from ladid_bench.analysis.statistics import Interval
from ladid_bench.analysis.study_results import StudyResults
from ladid_bench.reporting.formatting import counted, duration, error_text, listed, ratio
from ladid_bench.reporting.leading import nobody_ahead
from ladid_bench.runs.records import WAITING
from ladid_bench.study.plan import COMPARISON

SMOKE = "smoke"  # the scale that only tries whether everything runs
FEW_GROUPS = 5
METHOD_KINDS = ("neural method", "simple method", "floor")  # in the order in which they are told of
MOST_MOVES = 3  # changes of rank that are named
AHEAD = {
    "neural": "the neural method is ahead on these trajectories.",
    "simple": "the simple method is ahead on these trajectories.",
    "open": "the two are not separable.",
}


@dataclass(frozen=True)
class Finding:
    """What was found on one data set. ``outcome`` says who is ahead: ``neural``, ``simple``, ``open`` or ``none``."""

    lowest: str
    comparison: str = ""
    outcome: str = "none"

    @property
    def tag(self) -> str:
        """The outcome in two words, empty where there is none."""
        return {"open": "not separable", "none": ""}.get(self.outcome, f"{self.outcome} ahead")


def finding(dataset: DatasetContent) -> Finding:
    """Say which method has the lowest error, and whether the best neural one beats the best simple one."""
    if not dataset.entries:
        return Finding("No run of this study compares methods here at equal steps.")
    if not dataset.ranked:
        return Finding("No method has a result for all of its runs.")
    if why := nobody_ahead(dataset):
        return Finding(f"No method is called lowest or ahead here: {why}.")
    best = dataset.ranked[0]
    found = dataset.error_interval(best)
    within = f" (95 % interval {error_text(found.low)} to {error_text(found.high)})" if found else ""
    least = best.mean(dataset.error)
    equal = [one.label for one in dataset.ranked if one.mean(dataset.error) == least]
    who = f"{listed(equal)} {'has' if len(equal) == 1 else 'equally have'}"
    lowest = f"{who} the lowest {dataset.error_name}, {error_text(least)}{within}."
    neural, simple = dataset.best(neural=True), dataset.best(neural=False)
    if not neural or not simple:
        return Finding(lowest, f"No {'simple' if neural else 'neural'} method has a result to compare it with.")
    return _compare(dataset, lowest, neural, simple)


def _compare(dataset: DatasetContent, lowest: str, neural: Entry, simple: Entry) -> Finding:
    found = dataset.log_ratio(neural, simple)
    below = simple.mean(dataset.error)
    of_means = neural.mean(dataset.error) / below if below else math.inf
    over = ratio(found.exp.estimate if found else of_means)
    pair = f"The error of the best neural method ({neural.label}) is {over} times that of the best simple one"
    pair += f" ({simple.label})"
    if not found:
        return Finding(lowest, f"{pair}; {_no_interval(dataset, neural, simple)}, so there is no interval.")
    pair += ", in the geometric mean over test groups"
    outcome = _outcome(found)
    ends = f"{ratio(found.exp.low)} to {ratio(found.exp.high)}"
    return Finding(lowest, f"{pair}, 95 % interval {ends}: {AHEAD[outcome]}", outcome)


def _no_interval(dataset: DatasetContent, neural: Entry, simple: Entry) -> str:
    if not (neural.sampled and simple.sampled):
        return "errors of single trajectories are unknown"
    return "there are too few test groups" if dataset.groups < FEWEST_GROUPS else "an error is infinite"


def _outcome(found: Interval) -> str:
    return "neural" if found.high < 0 else "simple" if found.low > 0 else "open"


def seeds(datasets: list[DatasetContent]) -> int:
    """Count the fewest seeds of any method that depends on one, 0 where there is none."""
    drawn = (entry for dataset in datasets for entry in dataset.competitors if not entry.deterministic)
    return min((len(entry.runs) for entry in drawn), default=0)


def cautions(datasets: list[DatasetContent], scale: str, stale: int, total: int) -> dict[str, str]:
    """Say what a reader must know before believing a number, by a name for each caution.

    Args:
        datasets: those that the report compares methods on.
        scale: of the study.
        stale: runs of older code, of ``total`` that the report tells of.
    """
    notes, count = {}, seeds(datasets)
    if scale == SMOKE:
        notes["smoke"] = (
            "The numbers on this page mean nothing: the scale smoke trains every method for a few steps on a handful "
            "of trajectories, to check that everything runs. No method is ahead here."
        )
    if stale:
        notes["stale"] = (
            f"{stale} of {counted(total, 'run')} were made by older code than today's, so their numbers are those of "
            "that code. Each is marked in the list of runs. To repeat them: snakemake --cores all --config "
            f"scale={scale} --forcerun $(ladid-bench records --stale --scale {scale}) --"
        )
    if 0 < count < SEEDS_FOR_VERDICTS:
        notes["seeds"] = (
            f"{counted(count, 'seed')}: no verdicts. Training again with another seed gives another error, and fewer "
            f"than {SEEDS_FOR_VERDICTS} seeds do not show how different. The intervals here cover the choice of "
            f"test trajectories{' only' if count == 1 else ' and these seeds'}."
        )
    counts = {one.title: one.groups for one in datasets}
    few = [f"{title} ({counted(groups, 'group')})" for title, groups in counts.items() if 0 < groups < FEW_GROUPS]
    if few:
        notes["groups"] = (
            f"Few independent test groups: {listed(few)}. Windows of one day, year or subject resemble each other, so "
            "intervals rest on groups, not windows; with so few groups they are wide, and with one there are none."
        )
    return notes


def about_colours(dataset: DatasetContent, judged: bool = True) -> str:
    """Say which methods the figures show in colour; nothing where they show all."""
    if not dataset.crowded:
        return ""
    why = ", which are LaDID, the best other neural method and the best simple one" if judged else ""
    return (
        f"In colour: {listed(entry.label for entry in dataset.front)}{why}. Point at a name or a line to highlight "
        "another method; click to keep it highlighted."
    )


def below_floor(dataset: DatasetContent) -> str:
    """Say which methods have a lower error than the floor; nothing where none has."""
    known = [entry.mean(dataset.error) for entry in dataset.floors if entry.complete]
    below = [entry.label for entry in dataset.ranked if known and entry.mean(dataset.error) < min(known)]
    if not below:
        return ""
    lie = "lie" if below[1:] else "lies"
    return (
        f"{listed(below)} {lie} below it: the floor is what one autoencoder of this size reached, not a strict bound."
    )


def equal_time(dataset: DatasetContent, equal: DatasetContent) -> str:
    """Say who is ahead at equal CPU time, and whether the order differs from that at equal steps."""
    found = finding(equal)
    if not equal.ranked or nobody_ahead(equal):
        return found.lowest
    return f"At equal CPU time, {found.lowest} {found.comparison} {_order(dataset, equal)}".strip()


def _order(dataset: DatasetContent, equal: DatasetContent) -> str:
    """Say how the order of the methods that are ranked in both experiments changed."""
    if nobody_ahead(dataset):
        return ""
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
    """Say what the neural runs of an experiment at equal CPU time were measured to cost."""
    seconds = [entry.mean("cost_cpu_seconds") for entry in equal.ranked if entry.neural]
    known = [value for value in seconds if not math.isnan(value)]
    if not known:
        return ""
    low, high = duration(min(known)), duration(max(known))
    words = f"Measured over whole runs: {low if low == high else f'{low} to {high}'} of CPU time per neural method."
    simple = any(not entry.neural and not entry.floor for entry in equal.entries)
    return (
        f"{words} Simple methods have no training to shorten; their results are those of the comparison."
        if simple
        else words
    )


def lead_text(results: StudyResults) -> str:
    """Say what a study is of, whatever its experiments are called, and how the runs of all of them ended."""
    study, entries = results.study, [entry for content in results.contents for entry in content.entries]
    kinds: dict[str, set[str]] = {}
    for entry in entries:
        word = "floor" if entry.floor else "neural method" if entry.neural else "simple method"
        kinds.setdefault(word, set()).add(entry.method)
    runs = [run for _, some in results.runs for _, run in some]
    cpu = cpu_seconds(results.table[results.table["key"].isin({run.key for run in runs})])
    methods = listed(
        counted(len(some), word) for word, some in sorted(kinds.items(), key=lambda one: METHOD_KINDS.index(one[0]))
    )
    return (
        f"{methods or 'No method'} on {counted(len({one.name for one in results.contents}), 'data set')}, images of "
        f"{study.image_size} by {study.image_size} pixels.{_training(results)} In the whole study, further experiments "
        f"included, {_statuses(Counter(run.status for run in runs))}, {duration(cpu)} of CPU time."
    )


def _training(results: StudyResults) -> str:
    """Say how long neural methods train in the comparison and at equal CPU time, and whether any has yet."""
    trained, shown = [], {one.name: steps for one in results.compared if (steps := _steps(one))}
    if shown:
        trained.append(f"for {_range(shown.values())} steps of {results.study.budget.batch_size} trajectories")
    if any(entry.neural for one in results.again for entry in one.entries):
        trained.append(f"{'once more ' if shown else ''}for equal CPU time")
    if not trained:
        return ""
    waiting = all(run.waiting for one in [*results.compared, *results.again] for run in _neural_runs(one))
    longer = _longer(results.table, shown)
    return (
        f" In the comparison neural methods train {listed(trained)}{'; none has so far' if waiting else ''}."
        f"{f' Trainings of {_range(longer)} steps are not complete and not shown yet.' if longer else ''}"
    )


def _neural_runs(dataset: DatasetContent) -> list[Run]:
    return [run for entry in dataset.entries if entry.neural for run in entry.runs]


def _steps(dataset: DatasetContent) -> int:
    """Find the number of steps of the longest training that a comparison shows; 0 where none is trained."""
    return max((int(run.row["steps"]) for run in _neural_runs(dataset)), default=0)


def _longer(table: pd.DataFrame, shown: Mapping[str, int]) -> list[int]:
    """List the numbers of steps of trainings to come, beyond those that the comparison shows of each data set."""
    waiting = table[(table["status"] == WAITING) & asked_for(table, COMPARISON, "rung_of")]
    asked = zip(waiting["dataset"], waiting["steps"], strict=True)
    return [steps for name, steps in asked if steps > shown.get(name, steps)]


def _range(steps: Collection[int]) -> str:
    low, high = min(steps), max(steps)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _statuses(counts: Counter[str]) -> str:
    """Say how many runs ended with a result; a method that declines a data set has nothing to end."""
    declined, total = counts["skipped"], counts.total() - counts["skipped"]
    apart = f"; {counted(declined, 'run')} not applicable" if declined else ""
    if not total:
        return f"no run could have a result{apart}"
    if counts["ok"] == total:
        return f"all {counted(total, 'run')} ended with a result{apart}"
    lost = listed(f"{count} {name}" for name, count in sorted(counts.items()) if name not in ("ok", "skipped"))
    return f"{counts['ok']} of {counted(total, 'run')} ended with a result ({lost}{apart})"
