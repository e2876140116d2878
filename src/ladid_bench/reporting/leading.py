"""Whether anybody may be called first, lowest, best or ahead: one rule for every sentence, table and figure."""

from collections.abc import Iterable

from ladid_bench.analysis.crossed import FEWEST_GROUPS
from ladid_bench.analysis.entries import DatasetContent, Entry
from ladid_bench.analysis.paired import SEEDS_FOR_VERDICTS
from ladid_bench.reporting.formatting import counted


def nobody_first(entries: Iterable[Entry], groups: int) -> str:
    """Say why none of ``entries`` may be called first; empty where one may be.

    It takes the end of every run, as many seeds of whatever depends on one as a verdict does, and as many independent
    test groups as an interval does. Methods that declined the data set and floors do not count.
    """
    asked = [entry for entry in entries if not entry.skipped and not entry.floor]
    waiting = sum(run.waiting for entry in asked for run in entry.runs)
    if waiting:
        return f"{counted(waiting, 'run')} still pending"
    few = [len(entry.runs) for entry in asked if not entry.seeded]
    if few:
        return f"{counted(min(few), 'seed')}, but {SEEDS_FOR_VERDICTS} are needed"
    return "" if groups >= FEWEST_GROUPS else f"{counted(groups, 'test group')}, but {FEWEST_GROUPS} are needed"


def nobody_ahead(dataset: DatasetContent) -> str:
    """Say why no method may be called first on a data set; empty where one may be."""
    return nobody_first(dataset.competitors, dataset.groups)


def if_anybody(entries: Iterable[Entry], groups: int, words: str) -> str:
    """Give back ``words``, which call one of ``entries`` the first, or say why nobody may be."""
    why = nobody_first(entries, groups)
    return f"No method is called lowest or best here: {why}." if why else words
