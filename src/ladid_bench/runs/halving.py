"""Which settings a search tries, and which of them go on: the same numbers of trials and steps for every method.

Two thirds of the trials come from the ranges of the card: its own settings, the same with the other kind of horizon,
which matters more than all else (docs/training.md), and what is drawn by chance, every other one with the growth of the
horizon and every other one without. Where the best of them lies at the edge of a range, the range is widened, once, by
one value beyond that edge; the last third of the trials are the best one with one such value each, in the order of the
card, ranges of three and more values first, since every value of a shorter one is at its edge. Trials that are left
draw on.

Successive halving (Jamieson and Talwalkar, AISTATS 2016) then trains the best for longer. A horizon that grows is full
only after some hundred steps, so the best trial with growth and the best without both go on wherever several do.
"""

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ladid_bench.core.configuration import Budget, Stage
from ladid_bench.core.errors import BenchError
from ladid_bench.methods.registry import GROWTH
from ladid_bench.methods.searched import CARD, Trial

DRAWN = "drawn by chance"
OTHER_HORIZON = "the card's, with the other horizon"
BEYOND = "{} beyond its range"

Space = Mapping[str, Sequence[Any]]


def drawn_first(trials: int) -> int:
    """Count the trials that are made before ranges are widened."""
    return trials - trials // 3


def draw(own: Mapping[str, Any], space: Space, seed: str, trials: int) -> list[Trial]:
    """Draw trials without repetition, the card's ``own`` settings first, then the same with the other horizon.

    The same seed gives the same trials anywhere.

    Raises:
        BenchError: the ranges do not have so many combinations.
    """
    grid = (dict(zip(space, values, strict=True)) for values in itertools.product(*space.values()))
    turned = {**own, GROWTH: not own[GROWTH]}
    others = [point for point in grid if point not in (own, turned)]
    random.Random(seed).shuffle(others)
    if len(others) < trials - 2:
        raise BenchError(f"'search' has {len(others) + 2} combinations of values, a search needs {trials}; add values")
    points = itertools.islice(_in_turn(others, bool(own[GROWTH])), trials - 2)
    return [_trial(dict(own), CARD), _trial(turned, OTHER_HORIZON), *(_trial(point, DRAWN) for point in points)]


def _in_turn(points: list[dict[str, Any]], growth: bool) -> Iterator[dict[str, Any]]:
    """Points with and without growth in turn, beginning with ``growth``, as long as there are both."""
    halves = [[point for point in points if point[GROWTH] is kind] for kind in (growth, not growth)]
    for pair in itertools.zip_longest(*halves):
        yield from (point for point in pair if point is not None)


def _trial(settings: dict[str, Any], origin: str) -> Trial:
    return Trial(settings=settings, origin=origin, trainings=[])


def widen(best: Mapping[str, Any], space: Space) -> dict[str, int | float]:
    """Find the value beyond the edge for each setting of ``best`` that lies at an edge, long ranges first."""
    found = {setting: value for setting in space if (value := _beyond(best[setting], space[setting])) is not None}
    return dict(sorted(found.items(), key=lambda one: len(space[one[0]]) < 3))


def _beyond(value: Any, values: Sequence[Any]) -> int | float | None:
    """The next value outside of a range of positive numbers at whose edge ``value`` is, by the ratio at that edge.

    Where 0 is in the range it goes on by the difference, upwards alone. None inside of a range, for what is no number,
    and where rounding to a whole number leads to 0 or back.
    """
    numbers = [one for one in values if isinstance(one, int | float) and not isinstance(one, bool)]
    if len(numbers) < len(values) or len(set(numbers)) < 2 or value not in (min(numbers), max(numbers)):
        return None
    upwards = value == max(numbers)
    neighbour = sorted(set(numbers))[-2 if upwards else 1]
    if min(numbers) > 0:
        further: float = value * value / neighbour
    elif upwards:
        further = 2 * value - neighbour
    else:
        return None
    if all(isinstance(one, int) for one in numbers):
        return round(further) if round(further) not in (0, value) else None
    return float(f"{further:.6g}")


def beyond_edges(trials: Sequence[Trial], steps: int, space: Space, count: int) -> list[Trial]:
    """Make at most ``count`` trials of the best one so far, each with one setting beyond the edge that it lies at."""
    ranked = _ranked(trials, steps)
    if not ranked:
        return []
    leader = trials[ranked[0]].settings
    edges = itertools.islice(widen(leader, space).items(), count)
    return [_trial(leader | {setting: value}, BEYOND.format(setting)) for setting, value in edges]


def going_on(trials: Sequence[Trial], steps: int, stage: Stage, last: bool) -> list[int]:
    """Choose the trials that go on from ``steps`` to the next stage, by number.

    In the last stage the card's own settings are trained as well and do not count among the others.
    """
    ranked = [number for number in _ranked(trials, steps) if number > 0 or not last]
    kinds = {bool(trials[number].settings[GROWTH]): number for number in reversed(ranked)}  # the best of each
    both = sorted(kinds.values(), key=ranked.index) if stage.trials > 1 else []
    chosen = list(dict.fromkeys([*both, *ranked]))[: stage.trials]
    return [*chosen, 0] if last else chosen


def best(trials: Sequence[Trial], steps: int) -> int | None:
    """Find the trial with the lowest validation error at a budget, by number; None where there is none."""
    return next(iter(_ranked(trials, steps)), None)


def _ranked(trials: Sequence[Trial], steps: int) -> list[int]:
    """Numbers of the trials that were trained so far and did not diverge, the best first."""
    errors = {number: error for number, trial in enumerate(trials) if (error := trial.error(steps)) is not None}
    return sorted(errors, key=errors.__getitem__)


def most_steps(stages: Sequence[Stage], budget: Budget) -> int:
    """Count the optimiser steps of a whole search: a longer training goes on from the trunk of the shorter one.

    The card's settings may enter the last stage from the first one; that case, the longer one, is counted.
    """
    first, *later = stages
    trunks = {stage.steps: budget.model_copy(update={"steps": stage.steps}).trunk_steps for stage in stages}
    steps = first.trials * first.steps
    for shorter, longer in itertools.pairwise(stages):
        steps += longer.trials * (longer.steps - trunks[shorter.steps])
    return steps + later[-1].steps - trunks[first.steps]
