"""From comparisons to verdicts: on one data set, over the data sets of a part, and over the parts of a claim."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ladid_bench.analysis.paired import NEEDS_SEEDS, NO_INTERVAL, Contrast, holm
from ladid_bench.analysis.statistics import Interval

REPRODUCED, NOT_REPRODUCED, NOT_SEPARABLE, NOT_RUN = "reproduced", "not reproduced", "not separable", "not run"
MET, UNMET, OPEN, LACKING = "met", "unmet", "open", "lacking"  # outcomes on one data set
LEVEL = 0.05


@dataclass(frozen=True)
class SetResult:
    """What was found on one data set; ``lacking`` where something that the decision needs is not there."""

    name: str
    outcome: str
    contrasts: tuple[Contrast, ...]
    reason: str = ""


@dataclass(frozen=True)
class Part:
    """One thing that a claim says, with its data sets.

    Attributes:
        margin: share by which the error may be larger; 0 where it has to be smaller.
        counted: whether the verdict of the claim depends on it.
        expected: how many data sets a majority is taken of; those of the study may be fewer.
    """

    name: str
    sets: tuple[SetResult, ...]
    margin: float = 0.0
    counted: bool = True
    expected: int = 0

    @property
    def verdict(self) -> tuple[str, str]:
        """The verdict, and the reason for ``not run``.

        ``reproduced`` takes a majority of the data sets and none that speaks against the claim. A data set that
        speaks against it is enough for ``not reproduced``.
        """
        outcomes = [one.outcome for one in self.sets]
        expected = max(self.expected, len(outcomes))
        if UNMET in outcomes:
            return NOT_REPRODUCED, ""
        lacking = [f"{one.name}: {one.reason}" for one in self.sets if one.outcome == LACKING]
        if lacking or not outcomes:
            return NOT_RUN, "; ".join(dict.fromkeys(lacking)) or "this study has no runs for it"
        if 2 * outcomes.count(MET) > expected:
            return REPRODUCED, ""
        if 2 * (outcomes.count(MET) + expected - len(outcomes)) > expected:
            return NOT_RUN, f"this study has {len(outcomes)} of the {expected} data sets that it is about"
        return NOT_SEPARABLE, ""

    @property
    def effect(self) -> Interval | None:
        """Mean over the data sets of the log ratio against the strongest rival on each, with its interval."""
        return pooled(strongest for one in self.sets if (strongest := _strongest(one)) is not None)


def superior(name: str, contrasts: Sequence[Contrast]) -> SetResult:
    """Decide whether the first has a lower error than each of its rivals on one data set.

    Against one rival the interval of the log ratio decides. Against several a difference also has to be
    significant by Wilcoxon's signed-rank test with Holm's correction, in both directions alike.
    """
    adjusted = holm(contrasts) if len(contrasts) > 1 else tuple(contrasts)
    several = sum(one.interval is not None for one in adjusted) > 1
    told = [one for one in adjusted if one.interval is not None and (not several or one.p < LEVEL)]
    if any(one.interval.low > 0 for one in told if one.interval):
        return SetResult(name, UNMET, adjusted)
    if reason := _lacking(adjusted):
        return SetResult(name, LACKING, adjusted, reason)
    ahead = sum(one.interval.high < 0 for one in told if one.interval)
    rivals = sum(not one.skipped for one in adjusted)
    return SetResult(name, MET if ahead == rivals else OPEN, adjusted)


def no_worse(name: str, contrasts: Sequence[Contrast], margin: float) -> SetResult:
    """Decide whether the error of the first is at most ``margin`` larger, in each contrast, by whole intervals."""
    limit, made = math.log1p(margin), tuple(contrasts)
    if any(one.interval.low > limit for one in made if one.interval):
        return SetResult(name, UNMET, made)
    if reason := _lacking(made):
        return SetResult(name, LACKING, made, reason)
    return SetResult(name, MET if all(one.interval and one.interval.high < limit for one in made) else OPEN, made)


def conjunction(parts: Sequence[Part]) -> tuple[str, str]:
    """Decide on a claim that says several things: all have to hold, and one that does not is enough against it."""
    counted = [(part, *part.verdict) for part in parts if part.counted]
    verdicts = [verdict for _, verdict, _ in counted]
    if not counted:
        return NOT_RUN, "this study has no runs for it"
    for verdict in (NOT_REPRODUCED, NOT_RUN):
        if verdict in verdicts:
            concerned = {part.name: why for part, found, why in counted if found == verdict}
            return verdict, _brief(concerned, len(counted)) if verdict == NOT_RUN else ""
    return (REPRODUCED if set(verdicts) == {REPRODUCED} else NOT_SEPARABLE), ""


def weakest(parts: Sequence[Part]) -> Part | None:
    """Find the counted part whose effect supports the claim least."""
    known = [(part.effect.estimate - math.log1p(part.margin), part) for part in parts if part.counted and part.effect]
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


def _strongest(one: SetResult) -> Interval | None:
    known = [made.interval for made in one.contrasts if made.interval is not None]
    return max(known, key=lambda interval: interval.estimate, default=None)


def _lacking(contrasts: Sequence[Contrast]) -> str:
    """What keeps a decision from being made, the first thing in words; empty where nothing does.

    Nothing is missing where all has been run and the data allow no interval: that leaves the data set open.
    """
    problems = [one.problem for one in contrasts if one.problem not in ("", NO_INTERVAL) and not one.skipped]
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
