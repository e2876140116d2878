"""What each part contributes: the error without it over the error with it, paired by seed and test trajectory."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ladid_bench.analysis.entries import LADID, DatasetContent, Entry
from ladid_bench.analysis.paired import SEEDS_FOR_VERDICTS
from ladid_bench.analysis.statistics import Interval
from ladid_bench.methods.registry import MethodCard
from ladid_bench.reporting.dot_plot import Dot, Panel, dot_plot
from ladid_bench.reporting.drawing import Drawing
from ladid_bench.reporting.experiments import ExperimentRow, ExperimentTable, not_drawn
from ladid_bench.reporting.formatting import TIMES, counted, listed, ratio
from ladid_bench.reporting.palette import MUTED, NEURAL
from ladid_bench.study.plan import SCRATCH

WORSE, BETTER, OPEN = NEURAL[0][0], NEURAL[1][0], MUTED[0]
MOST_NAMED = 4  # variants that a caption names on either side

Cards = Mapping[str, MethodCard]  # by method


@dataclass(frozen=True)
class Ratio:
    """The error of ``variant`` over that of ``reference``, as a ratio; ``seeds`` that both have."""

    content: DatasetContent
    changes: str
    variant: Entry
    reference: Entry
    interval: Interval
    seeds: int

    @property
    def name(self) -> str:
        """What differs from the preset."""
        if self.variant.method != self.reference.method:
            return self.variant.method
        after = f" (from {self.reference.variant})" if self.changed_twice else ""
        own = self.variant.variant if self.variant.method == LADID else f"{self.variant.method}:{self.variant.variant}"
        return own + after

    @property
    def changed_twice(self) -> bool:
        """Whether it is measured against another variant than those beside it."""
        return self.reference.method == self.variant.method and self.reference.variant in self.variant.variant

    @property
    def told(self) -> int:
        """1 where the error is larger without the part, -1 where it is smaller, 0 where nobody can say."""
        if self.seeds < SEEDS_FOR_VERDICTS:
            return 0
        return (self.interval.low > 1) - (self.interval.high < 1)


def ratios(table: ExperimentTable, cards: Cards) -> list[Ratio]:
    """The ratios of an ablation, by data set and changes, largest first."""
    found = []
    for content, rows in table.parts:
        for changes in dict.fromkeys(row.entry.changes for row in rows):
            entries = [row.entry for row in rows if row.entry.changes == changes and row.entry.arm == SCRATCH]
            made = [_ratio(content, changes, entry, entries, cards) for entry in entries]
            found += sorted((one for one in made if one), key=lambda one: -one.interval.estimate)
    return found


def _ratio(content: DatasetContent, changes: str, entry: Entry, entries: Sequence[Entry], cards: Cards) -> Ratio | None:
    reference = reference_of(entry, entries, cards)
    if reference is None or not (entry.complete and reference.complete):
        return None
    log = content.log_ratio(entry, reference)
    if log is None:
        return None
    ends = Interval(*(math.exp(min(value, 700)) for value in (log.estimate, log.low, log.high)))
    seeds = {run.row["seed"] for run in entry.runs} & {run.row["seed"] for run in reference.runs}
    return Ratio(content, changes, entry, reference, ends, len(seeds))


def reference_of(entry: Entry, entries: Sequence[Entry], cards: Cards) -> Entry | None:
    """What an entry is measured against: the variant from which it differs in one setting, else the preset.

    The preset of another method is measured against LaDID's, of which it is a part exchanged.
    """
    variants = cards[entry.method].variants
    preset, mine = next(iter(variants)), variants.get(entry.variant, {})
    if entry.variant == preset:
        method, wanted = LADID, next(iter(cards[LADID].variants)) if LADID in cards else ""
        return None if entry.method == LADID else _find(entries, method, wanted)
    smaller = [name for name, theirs in variants.items() if len(theirs) == len(mine) - 1 and _within(theirs, mine)]
    for name in [*(one for one in smaller if one != preset), preset]:
        if found := _find(entries, entry.method, name):
            return found
    return None


def _within(some: Mapping[str, object], settings: Mapping[str, object]) -> bool:
    return all(name in settings and settings[name] == value for name, value in some.items())


def _find(entries: Sequence[Entry], method: str, variant: str) -> Entry | None:
    """The entry of a variant, if it has a complete result."""
    return next((one for one in entries if (one.method, one.variant) == (method, variant) and one.complete), None)


def ablation_drawings(table: ExperimentTable, found: Sequence[Ratio]) -> list[Drawing]:
    """A figure a data set, a panel each set of changes."""
    made = []
    for content, rows in table.parts:
        mine = [one for one in found if one.content.name == content.name]
        if mine:
            panels = [
                Panel(
                    f"{content.name}: {changes}" if changes else content.name,
                    [_dot(one) for one in mine if one.changes == changes],
                )
                for changes in dict.fromkeys(one.changes for one in mine)
            ]
            heading = "error over that of the preset"
            made.append(dot_plot(f"ablation-{content.name}", panels, heading, _caption(mine, rows), level=1.0))
    return made


def _dot(ratio: Ratio) -> Dot:
    colour = {1: WORSE, 0: OPEN, -1: BETTER}[ratio.told]
    return Dot(ratio.name, ratio.interval.estimate, ratio.interval, colour, method="", full=ratio.told != 0)


def _caption(mine: Sequence[Ratio], rows: Sequence[ExperimentRow]) -> str:
    ordered = sorted(mine, key=lambda one: -one.interval.estimate)
    worse, better = ([one for one in ordered if one.told == sign] for sign in (1, -1))
    words = (
        "Error of each variant over the error of the preset that it differs from, paired by seed and test "
        "trajectory, with 95 % intervals, each for itself. Right of the line, orange: worse, so what was changed "
        "matters. Left of it, blue: better. Open and grey: not told apart"
    )
    few = [one for one in mine if one.seeds < SEEDS_FOR_VERDICTS]
    words += f", or fewer than {SEEDS_FOR_VERDICTS} seeds ({len(few)} of {len(mine)})." if few else "."
    if any(one.variant.method != one.reference.method for one in mine):
        words += " A method by its name alone is measured against LaDID's preset."
    if worse:
        words += f" What matters most: {_named(worse)}."
    if better:
        words += f" Better than the preset: {_named(better[::-1])}."
    return words + not_drawn(rows)


def _named(some: Sequence[Ratio]) -> str:
    """The first of the variants by name with their ratios, and how many more there are."""
    several = len({one.changes for one in some}) > 1
    named = [
        f"{one.name} ({TIMES}{ratio(one.interval.estimate)}{f', {one.changes}' if several and one.changes else ''})"
        for one in some
    ]
    more = len(named) - MOST_NAMED
    return listed(named if more <= 0 else [*named[:MOST_NAMED], f"{counted(more, 'more')}".removesuffix("s")])


def ratio_rows(found: Sequence[Ratio]) -> pd.DataFrame:
    """All ratios with all digits."""
    return pd.DataFrame(
        {
            "dataset": one.content.name,
            "changes": one.changes,
            "method": one.variant.method,
            "variant": one.variant.variant,
            "reference_method": one.reference.method,
            "reference_variant": one.reference.variant,
            "primary_metric": one.content.primary_metric,
            "ratio": one.interval.estimate,
            "interval_low": one.interval.low,
            "interval_high": one.interval.high,
            "seeds": one.seeds,
        }
        for one in found
    )
