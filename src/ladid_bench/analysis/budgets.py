"""Verdicts over the budget: whether a claim, and each pair in it, has settled.

A verdict has *settled* when it is the same at the last two budgets and stays the same if every log ratio moves once
more by its last change. It has *one budget* when it, or a comparison that it depends on, could be made at one budget
alone, so that nothing is known of how it moves. Otherwise it is *moving*. With a side that is no better than the mean
of the training split nothing is settled: that side is *untrained*.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ladid_bench.analysis.paired import Contrast
from ladid_bench.analysis.verdicts import NOT_RUN, OPEN, Pair, Part, conjunction, is_below

SETTLED, MOVING, ONE_BUDGET, UNTRAINED = "settled", "moving", "one budget", "untrained"
FOR, AGAINST = "for", "against"  # what one interval tells, besides open


@dataclass(frozen=True)
class Rung:
    """What a claim's parts are at one budget; ``steps`` is 0 where nothing was trained."""

    steps: int
    parts: tuple[Part, ...]

    @property
    def verdict(self) -> str:
        """Verdict on the claim from its parts at this budget."""
        return conjunction(self.parts)[0]

    @property
    def complete(self) -> bool:
        """Whether every method that the claim requires is there."""
        return self.verdict != NOT_RUN and all(part.complete for part in self.parts if part.counted)

    @property
    def pairs(self) -> set[tuple[str, Pair]]:
        """Counted comparisons, each after the name of its part."""
        return {(part.name, pair) for part in self.parts if part.counted for pair in part.contrasts}

    @property
    def keys(self) -> frozenset[str]:
        """Runs that were looked at."""
        return frozenset(key for part in self.parts for made in part.contrasts.values() for key in made.keys)

    @property
    def counted_keys(self) -> frozenset[str]:
        """Those of them that the verdict depends on."""
        return Rung(self.steps, tuple(part for part in self.parts if part.counted)).keys

    @property
    def untrained(self) -> tuple[str, ...]:
        """Sides of counted comparisons that are no better than the training mean, with their data sets."""
        counted = [part.contrasts.items() for part in self.parts if part.counted]
        named = [f"{name} on {pair[0]}" for pairs in counted for pair, made in pairs for name in made.untrained]
        return tuple(dict.fromkeys(named))


def distinct(rungs: Sequence[Rung]) -> list[Rung]:
    """Leave out budgets at which the claim compares nothing, or the same runs as at a smaller one; never all.

    Where nothing can be compared yet, the budget stays for which most runs are planned, the highest of several.
    """
    found: dict[frozenset[str], Rung] = {}
    for rung in rungs:
        found.setdefault(rung.keys, rung)
    comparing = [
        rung
        for rung in found.values()
        if any(made.ratio for part in rung.parts if part.counted for made in part.contrasts.values())
    ]
    planned = [rung for rung in reversed(found.values()) if rung.keys]
    return comparing or [max(planned, key=lambda rung: len(rung.keys), default=rungs[-1])]


def judged_at(rungs: Sequence[Rung]) -> tuple[Rung, list[Rung]]:
    """Find the highest budget that all required methods have, else the highest; with the complete ones before it.

    What is compared at any budget has to be compared there. Budgets before it have other runs in what is counted.
    """
    pairs = set[tuple[str, Pair]]().union(*(rung.pairs for rung in rungs))
    complete = [rung for rung in rungs if rung.complete and rung.pairs == pairs]
    last = (complete or list(rungs))[-1]
    return last, [rung for rung in complete[:-1] if rung.counted_keys != last.counted_keys]


def standing(last: Rung, before: Sequence[Rung], rungs: Sequence[Rung]) -> str:
    """Say whether a verdict has settled; empty where there is none.

    Args:
        last: the budget that it is for.
        before: the budgets below at which the claim could be judged too, rising.
        rungs: all budgets at which something of it was compared, rising.
    """
    if last.verdict == NOT_RUN:
        return ""
    return UNTRAINED if last.untrained else movement(last, before, rungs)


def movement(last: Rung, before: Sequence[Rung], rungs: Sequence[Rung]) -> str:
    """Say whether a verdict has settled or moves, whatever its sides are worth; arguments as of ``standing``."""
    if not before:
        return ONE_BUDGET
    if before[-1].verdict != last.verdict:
        return MOVING
    moved = [_moved(part, last, rungs) for part in last.parts if part.counted]
    known = tuple(part for part in moved if part is not None)
    if len(known) < len(moved):
        return ONE_BUDGET
    return SETTLED if Rung(last.steps, known).verdict == last.verdict else MOVING


def _moved(part: Part, last: Rung, rungs: Sequence[Rung]) -> Part | None:
    """The part after each log ratio has moved once more by its last change; None where one was never seen to move."""
    changes = {}
    for pair, made in part.contrasts.items():
        if made.ratio:
            former = former_of(rungs, last, part, pair)
            if former is None:
                return None
            changes[pair] = _change(made, former)
    return part.moved(changes)


def former_of(rungs: Sequence[Rung], last: Rung, part: Part, pair: Pair) -> Contrast | None:
    """Find the same comparison at the highest budget below ``last`` at which it is one of other runs; None without."""
    made = part.contrasts[pair]
    for rung in (one for one in reversed(rungs) if one.steps < last.steps):
        found = next((one.contrasts.get(pair) for one in rung.parts if one.name == part.name), None)
        if found and found.ratio and found.keys != made.keys:
            return found
    return None


def _change(made: Contrast, former: Contrast) -> float:
    return made.ratio.estimate - former.ratio.estimate if made.ratio and former.ratio else 0.0


def standing_of_pair(made: Contrast, former: Contrast | None, limit: float) -> str:
    """Say whether what one comparison tells has settled, given it at the budget before; empty where nothing trains."""
    if not made.ratio or made.seeds == 1:
        return ""
    if made.untrained:
        return UNTRAINED
    if not former or not former.ratio:
        return ONE_BUDGET
    if tells(former, limit) != tells(made, limit):
        return MOVING
    change = _change(made, former)
    again = replace(made, ratio=made.ratio.moved(change))
    return SETTLED if tells(again, limit) == tells(made, limit) else MOVING


def tells(made: Contrast, limit: float) -> str:
    """Say what the 95 % interval of one comparison tells about a ratio below ``limit``."""
    if is_below(made, limit):
        return FOR
    return AGAINST if made.interval and made.interval.low > math.log(limit) else OPEN


def frame_over_budgets(claim: str, rungs: Sequence[Rung]) -> pd.DataFrame:
    """Tabulate every comparison of a claim at every budget at which it could be made, a row each.

    Columns: claim, part, arm, counted, limit, dataset, first, second, steps, ratio, low, high, tells (``for``,
    ``against`` or ``open``) and standing, of the budget in the row and the one before it.
    """
    made, former = [], dict[tuple[str, Pair], Contrast]()
    for rung in rungs:
        for part in rung.parts:
            for pair, one in part.contrasts.items():
                before = former.get((part.name, pair))
                if one.interval and not (before and before.keys == one.keys):
                    told = {"claim": claim, "part": part.name, "arm": part.arm, "counted": part.counted}
                    made.append({**told, **_row(rung.steps, part.limit, pair, one, before)})
                    former[part.name, pair] = one
    return pd.DataFrame(made)


def _row(steps: int, limit: float, pair: Pair, made: Contrast, former: Contrast | None) -> dict[str, object]:
    assert made.interval
    dataset, first, second = pair
    found = made.interval.exp
    ends = {"ratio": found.estimate, "low": found.low, "high": found.high}
    told = {"tells": tells(made, limit), "standing": standing_of_pair(made, former, limit)}
    return {"limit": limit, "dataset": dataset, "first": first, "second": second, "steps": steps, **ends, **told}
