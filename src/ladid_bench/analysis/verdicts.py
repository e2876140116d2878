"""From comparisons to verdicts: on one data set, over the data sets of a part, and over the parts of a claim.

Intervals decide, and nothing else. The ratio of every part has a limit: 1 where the first has to be ahead, above 1
where it must not be worse by more than a margin. A data set is for the part if the 95 % interval of every comparison
lies below the limit, and against it if one comparison lies above it at the level that Holm's procedure leaves it among
all comparisons of the part: to be for a claim every rival has to be beaten, to be against it one of many suffices.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ladid_bench.analysis.paired import NEEDS_SEEDS, Contrast
from ladid_bench.analysis.statistics import CONFIDENCE, Interval

REPRODUCED, NOT_REPRODUCED, NOT_SEPARABLE, NOT_RUN = "reproduced", "not reproduced", "not separable", "not run"
UNDECIDABLE = "undecidable"
MET, UNMET, OPEN, LACKING = "met", "unmet", "open", "lacking"  # outcomes on one data set, besides undecidable
TAIL = (1 - CONFIDENCE) / 2  # of the test on one side that the two-sided interval stands for

Pair = tuple[str, str, str]  # data set, first, second


@dataclass(frozen=True)
class SetResult:
    """What was found on one data set; ``lacking`` or ``undecidable`` with the reason."""

    name: str
    outcome: str
    contrasts: tuple[Contrast, ...]
    reason: str = ""


@dataclass(frozen=True)
class Part:
    """One thing that a claim says, with its data sets.

    Attributes:
        limit: that the ratio of errors has to stay below.
        counted: whether the verdict of the claim depends on it.
        expected: how many data sets a majority is taken of; those of the study may be fewer.
        arm: the arm of LaDID that it is about, empty for the primary one.
    """

    name: str
    sets: tuple[SetResult, ...]
    limit: float = 1.0
    counted: bool = True
    expected: int = 0
    arm: str = ""

    @property
    def judgement(self) -> tuple[str, str]:
        """The verdict, and the reason for ``not run`` or ``undecidable``; of ``not separable`` what nearly decided.

        ``reproduced`` takes a majority of the data sets and none that speaks against the claim. A data set that
        speaks against it is enough for ``not reproduced``.
        """
        outcomes = [one.outcome for one in self.sets]
        expected, made = max(self.expected, len(outcomes)), len(outcomes)
        if UNMET in outcomes:
            return NOT_REPRODUCED, ""
        if LACKING in outcomes or not outcomes:
            return NOT_RUN, self._reasons(LACKING) or "this study has no runs for it"
        if 2 * outcomes.count(MET) > expected:
            return REPRODUCED, ""
        if 2 * (expected - outcomes.count(UNDECIDABLE)) <= expected:
            return UNDECIDABLE, self._reasons(UNDECIDABLE)
        if 2 * (outcomes.count(MET) + expected - made) > expected:
            return NOT_RUN, f"this study has {made} of the {expected} data sets that it is about"
        return NOT_SEPARABLE, self._above_alone()

    @property
    def complete(self) -> bool:
        """Whether every comparison could be made, also where one that was made decides already."""
        return bool(self.sets) and not any(_lacking(one.contrasts) for one in self.sets)

    @property
    def contrasts(self) -> dict[Pair, Contrast]:
        """All comparisons by data set, first and second."""
        return {(one.name, made.first, made.second): made for one in self.sets for made in one.contrasts}

    @property
    def effect(self) -> Interval | None:
        """Mean over the data sets of the log ratio against the strongest rival on each, with its interval."""
        return pooled(strongest for one in self.sets if (strongest := _strongest(one)) is not None)

    def moved(self, changes: Mapping[Pair, float]) -> "Part":
        """Decide anew with the log ratios of some comparisons shifted."""
        sets = {one.name: [_moved(made, one.name, changes) for made in one.contrasts] for one in self.sets}
        return self._decided_anew(sets)

    def with_one_spread(self) -> "Part":
        """Decide anew as if the seeds of all trained methods of a data set had one spread; no verdict depends on it."""
        return self._decided_anew({one.name: _with_one_spread(one.contrasts) for one in self.sets})

    def _decided_anew(self, sets: Mapping[str, Sequence[Contrast]]) -> "Part":
        return decide(self.name, sets, self.limit, self.counted, self.expected, self.arm)

    @property
    def against(self) -> list[Pair]:
        """The comparisons that speak against it after Holm's correction."""
        return [pair for pair, made in self.contrasts.items() if made.ratio and made.p < TAIL]

    def _above_alone(self) -> str:
        """Which intervals lie above the limit although Holm's procedure leaves none; a reader would count them."""
        above = [
            f"{made.second} on {one.name}"
            for one in self.sets
            for made in one.contrasts
            if made.interval and made.interval.low > math.log(self.limit)
        ]
        many = corrected_for(made for one in self.sets for made in one.contrasts)
        told = f"intervals above {self.limit:g} against {', '.join(above)}"
        return f"{told}, but none after Holm's correction over {many} comparisons" if above else ""

    def _reasons(self, outcome: str) -> str:
        return "; ".join(dict.fromkeys(f"{one.name}: {one.reason}" for one in self.sets if one.outcome == outcome))


def decide(
    name: str,
    sets: Mapping[str, Sequence[Contrast]],
    limit: float = 1.0,
    counted: bool = True,
    expected: int = 0,
    arm: str = "",
) -> Part:
    """Decide on each data set of a part whether the ratio stays below ``limit`` in every comparison."""
    flat = [made for contrasts in sets.values() for made in contrasts]
    adjusted = iter(holm(flat, limit))
    found = {one: tuple(next(adjusted) for _ in contrasts) for one, contrasts in sets.items()}
    decided = tuple(_decided(one, contrasts, limit) for one, contrasts in found.items())
    return Part(name, decided, limit, counted, expected, arm)


def reported(name: str, sets: Mapping[str, Sequence[Contrast]], limit: float = 1.0) -> list[Part]:
    """Decide a part that is reported and not counted; there is none where nothing is compared."""
    compared = {one: contrasts for one, contrasts in sets.items() if contrasts}
    return [decide(name, compared, limit, counted=False)] if compared else []


def holm(contrasts: Sequence[Contrast], limit: float) -> list[Contrast]:
    """Give each comparison that could be made its p of a ratio above ``limit``, by Holm's step-down procedure.

    Those whose runs are still missing count too: a part is not decided more easily before it is complete.
    """
    many = corrected_for(contrasts)
    p = {place: one.ratio.p_above(math.log(limit)) for place, one in enumerate(contrasts) if one.ratio}
    adjusted, running = list(contrasts), 0.0
    for step, place in enumerate(sorted(p, key=lambda place: p[place])):
        running = max(running, min(1.0, p[place] * (many - step)))
        adjusted[place] = replace(contrasts[place], p=running)
    return adjusted


def corrected_for(contrasts: Iterable[Contrast]) -> int:
    """Count the comparisons that Holm's procedure corrects for: all that can be made, now or later."""
    return sum(not (one.skipped or one.undecidable) for one in contrasts)


def _decided(name: str, contrasts: tuple[Contrast, ...], limit: float) -> SetResult:
    if any(one.ratio and one.p < TAIL for one in contrasts):
        return SetResult(name, UNMET, contrasts)
    if reason := _lacking(contrasts):
        return SetResult(name, LACKING, contrasts, reason)
    if undecidable := [one.problem for one in contrasts if one.undecidable]:
        return SetResult(name, UNDECIDABLE, contrasts, undecidable[0])
    met = all(one.skipped or is_below(one, limit) for one in contrasts)
    return SetResult(name, MET if met else OPEN, contrasts)


def is_below(one: Contrast, limit: float) -> bool:
    """Say whether the interval lies below the limit; never where runs of one and the same model were lost.

    Such a run is lost to both sides alike, and must not pass for one that is as good.
    """
    return bool(one.interval and one.interval.high < math.log(limit)) and not (one.same_models and one.lost)


def conjunction(parts: Sequence[Part]) -> tuple[str, str]:
    """Decide on a claim that says several things: all have to hold, and one that does not is enough against it."""
    counted = [(part, *part.judgement) for part in parts if part.counted]
    verdicts = [verdict for _, verdict, _ in counted]
    if not counted:
        return NOT_RUN, "this study has no runs for it"
    for verdict in (NOT_REPRODUCED, NOT_RUN, UNDECIDABLE, NOT_SEPARABLE):
        if verdict in verdicts:
            concerned = {part.name: why for part, found, why in counted if found == verdict and why}
            return verdict, _brief(concerned, len(counted)) if concerned else ""
    return REPRODUCED, ""


def weakest(parts: Sequence[Part]) -> Part | None:
    """Find the counted part whose effect supports the claim least."""
    known = [(part.effect.estimate - math.log(part.limit), part) for part in parts if part.counted and part.effect]
    return max(known, key=lambda pair: pair[0])[1] if known else None


def pooled(intervals: Iterable[Interval]) -> Interval | None:
    """Average independent estimates; variances are recovered from the ends of their intervals.

    That is Zou and Donner's method, *Construction of confidence limits about effect measures*, Statistics in
    Medicine 2008. It describes; no verdict depends on it.
    """
    known = list(intervals)
    if not known:
        return None
    count, mean = len(known), sum(one.estimate for one in known) / len(known)
    down = math.sqrt(sum((one.estimate - one.low) ** 2 for one in known)) / count
    up = math.sqrt(sum((one.high - one.estimate) ** 2 for one in known)) / count
    return Interval(mean, mean - down, mean + up)


def _moved(made: Contrast, dataset: str, changes: Mapping[Pair, float]) -> Contrast:
    change = changes.get((dataset, made.first, made.second), 0.0)
    return replace(made, ratio=made.ratio.moved(change)) if made.ratio else made


def _with_one_spread(contrasts: Sequence[Contrast]) -> list[Contrast]:
    """Pool the variances between seeds, each method once; errors of one and the same model have none to pool."""
    pooled_over: dict[str, tuple[float, int]] = {}
    for made in contrasts:
        if made.ratio and not made.same_models:
            pooled_over |= zip((made.first, made.second), made.ratio.between_seeds, strict=False)
    freedom = sum(own for _, own in pooled_over.values())
    if not freedom:
        return list(contrasts)
    variance = sum(one * own for one, own in pooled_over.values()) / freedom
    return [
        replace(made, ratio=made.ratio.with_spread(variance, freedom)) if made.ratio and not made.same_models else made
        for made in contrasts
    ]


def _strongest(one: SetResult) -> Interval | None:
    known = [made.interval for made in one.contrasts if made.interval is not None]
    return max(known, key=lambda interval: interval.estimate, default=None)


def _lacking(contrasts: Sequence[Contrast]) -> str:
    """What keeps a decision from being made, the first thing in words; empty where nothing does."""
    problems = [one.problem for one in contrasts if one.problem and not (one.skipped or one.undecidable)]
    if not problems and all(one.skipped for one in contrasts):
        problems = [one.problem for one in contrasts] or ["nothing to compare with"]
    # a lack of seeds comes last: told first, it would pass for all that is missing
    first, *others = sorted(dict.fromkeys(problems), key=lambda problem: NEEDS_SEEDS in problem) or [""]
    return f"{first} (and {len(others)} more)" if others else first


def _brief(reasons: dict[str, str], parts: int) -> str:
    """Reasons by part, in one line; parts go unnamed where all have the same one, or only seeds are missing."""
    told = [one for reason in reasons.values() for one in reason.split("; ")]
    if all(NEEDS_SEEDS in one for one in told):
        return NEEDS_SEEDS
    if len(reasons) == parts and len(set(reasons.values())) == 1:
        return next(iter(reasons.values()))
    return "; ".join(f"{part}: {why}" for part, why in reasons.items())
