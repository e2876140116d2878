"""The claims under test, with the rule of each, and the verdicts that a study's runs give.

Nothing that a run goes through imports this: a verdict can be read again from the records at any time.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ladid_bench.analysis import costs, rules
from ladid_bench.analysis.paired import Contrast, Evidence
from ladid_bench.analysis.statistics import Interval
from ladid_bench.analysis.verdicts import Part, SetResult, conjunction, weakest

MAJORITY = "a majority of the data sets for it and none against it"
ALL = "every part has to hold, each on a majority of its data sets with none against it"
LOWER = "ratio of mean primary errors, paired by trajectory and seed"


@dataclass(frozen=True)
class Claim:
    """What is claimed, and the rule by which runs decide on it.

    Attributes:
        estimand: what is estimated on each data set.
        comparison: what is compared with what, on which data sets.
        combination: how the data sets combine.
        rule: gives the parts of the claim from the evidence.
    """

    id: str
    statement: str
    estimand: str
    comparison: str
    combination: str = MAJORITY
    rule: Callable[[Evidence], list[Part]] = field(kw_only=True)


CLAIMS = (
    Claim(
        "C1",
        "LaDID has the lowest error of the neural methods on single pendulum, double pendulum and wave equation.",
        LOWER,
        "ladid:default against every other neural method; Holm's correction over these on each data set",
        rule=lambda evidence: rules.lowest_of_neural(evidence, rules.SIMULATED[:3]),
    ),
    Claim(
        "C2",
        "LaDID has the lowest error of the neural methods on reaction-diffusion, Navier-Stokes and cylinder flow.",
        LOWER,
        "ladid:default against every other neural method; Holm's correction over these on each data set",
        rule=lambda evidence: rules.lowest_of_neural(evidence, rules.SIMULATED[3:]),
    ),
    Claim(
        "C3",
        "Pre-trained on a source system and fine-tuned on 8 % of the trajectories of a novel intervention, LaDID beats "
        "LaDID from scratch on the same data.",
        LOWER,
        "fine-tuned on 8 % against scratch on 8 %, as many steps, on every simulated target but the control",
        rule=rules.fine_tuning_beats_scratch,
    ),
    Claim(
        "C4",
        "Fine-tuned on 32 % of the trajectories it nearly matches training on all of the target data.",
        LOWER,
        "fine-tuned on 32 % against scratch on all, as many steps, on every simulated target but the control",
        rule=rules.third_as_good_as_all,
    ),
    Claim(
        "C5",
        "It answers at any continuous time: query times between frames cost no accuracy.",
        "ratio of the nMSE halfway between frames to that of the frames around, at the same lead times",
        "the same model on the same trajectories, on every data set of the comparison that has such times",
        rule=rules.off_grid_as_good,
    ),
    Claim(
        "C6",
        "It works on irregular time grids.",
        LOWER,
        "trained and queried on an irregular grid against the regular grid of the same trajectories",
        rule=rules.irregular_as_good,
    ),
    Claim(
        "C7",
        "Each loss term and each attention module earns its place.",
        LOWER,
        "with the part against without it, on every data set and with every change of settings of the ablation",
        ALL,
        rule=rules.terms_and_modules,
    ),
    Claim(
        "C8",
        "Needing no ODE solver, it is cheaper to train and to query than neural-ODE models.",
        "ratio of errors at equal CPU time of training, and of the CPU times of a forecast",
        "ladid:default against every neural-ODE method; Holm's correction over these on each data set",
        ALL,
        rule=costs.cheaper_than_ode,
    ),
    Claim(
        "C9",
        "The advantage comes from the direct map F(psi, t): with a neural ODE in its place it is worse.",
        LOWER,
        "ladid:default against ladid-ode at equal steps, on every data set of the comparison",
        rule=rules.direct_map_beats_ode,
    ),
    Claim(
        "C10",
        "The advantage in transfer survives when the baselines are pre-trained and fine-tuned too.",
        LOWER,
        "all fine-tuned on 8 %, LaDID against every other neural method; Holm's correction over these",
        rule=rules.beats_fine_tuned_baselines,
    ),
    Claim(
        "C11",
        "Psi carries the realization and F does not: parameters can be read off psi, and transfer works with F frozen.",
        "ratio of 1 - R² of linear readings of test trajectories, R² averaged over what is true of them, paired by "
        "trajectory and seed; of the transfer, ratio of mean primary errors",
        "psi against a PCA of the context, the untrained encoder and shuffled labels, Holm's correction over these on "
        "each data set; F frozen on 8 % of a target against scratch (better) and against training F on (no worse)",
        ALL,
        rule=rules.psi_carries_the_realization,
    ),
    Claim(
        "C12",
        "It beats strong simple methods: persistence, mean, analog, ridge and DMD.",
        LOWER,
        "ladid:default against each of them on the simulated systems; Holm's correction over these on each data set",
        rule=lambda evidence: rules.beats_simple(evidence, rules.SIMULATED),
    ),
    Claim(
        "C13",
        "C1, C3 and C12 hold on measured data, not only on simulations.",
        LOWER,
        "as C1, C3 and C12, on measured data sets",
        ALL,
        rule=rules.on_measured_data,
    ),
    Claim(
        "C14",
        "Accuracy saturates once psi has room for initial state and constants and the context determines them, and "
        "not before.",
        LOWER,
        "the smallest sufficient latent size and context against the full ones (no worse), and the full ones against "
        "the largest insufficient ones (better)",
        ALL,
        rule=rules.saturates,
    ),
    Claim(
        "C15",
        "It scales: cost against pixels, horizon and number of trajectories, beside the neural-ODE models.",
        "ratio of the growth of the CPU time of a step, and of a forecast",
        "ladid:default against every neural-ODE method: at most 25 % more growth with four times the pixels, three "
        "times the horizon, eight times the trajectories",
        ALL,
        rule=costs.scales,
    ),
)


@dataclass(frozen=True)
class Judged:
    """A claim with its verdict, and what stands behind it."""

    claim: Claim
    verdict: str
    reason: str
    parts: tuple[Part, ...]

    @property
    def part(self) -> Part | None:
        """The part whose effect is told: the one that supports the claim least."""
        return weakest(self.parts)

    @property
    def effect(self) -> Interval | None:
        """Ratio of errors, below 1 if it speaks for the claim: a mean over data sets, each with its strongest rival."""
        part = self.part
        found = part.effect if part else None
        return Interval(*(math.exp(value) for value in (found.estimate, found.low, found.high))) if found else None

    @property
    def contrasts(self) -> list[Contrast]:
        return [made for part in self.parts for one in part.sets for made in one.contrasts]

    @property
    def seeds(self) -> int:
        """Fewest seeds of a comparison that was made, 0 where none was."""
        return min((made.seeds for made in self.contrasts if made.interval), default=0)

    @property
    def runs(self) -> list[str]:
        """Keys of all runs that were looked at."""
        return list(dict.fromkeys(key for made in self.contrasts for key in made.keys))

    @property
    def lost(self) -> list[str]:
        """Runs that diverged or failed and count against their method, in words."""
        named = (
            (one.name, lost) for part in self.parts for one in part.sets for made in one.contrasts for lost in made.lost
        )
        return list(dict.fromkeys(f"{lost} on {name}" for name, lost in named))

    def to_json(self) -> dict[str, Any]:
        """Convert to what is written to ``claims.json``."""
        effect, claim = self.effect, self.claim
        return {
            "id": claim.id,
            "statement": claim.statement,
            "verdict": self.verdict,
            "reason": self.reason,
            "effect": effect.estimate if effect else None,
            "interval": [effect.low, effect.high] if effect else None,
            "seeds": self.seeds,
            "runs": self.runs,
            "details": {
                "estimand": claim.estimand,
                "comparison": claim.comparison,
                "combination": claim.combination,
                "effect_of": self.part.name if self.part else "",
                "lost": self.lost,
                "parts": [_part_json(part) for part in self.parts],
            },
        }


def judge(evidence: Evidence, claims: Sequence[Claim] = CLAIMS) -> list[Judged]:
    """Judge each claim on the evidence of a study."""
    made = []
    for claim in claims:
        parts = tuple(claim.rule(evidence))
        made.append(Judged(claim, *conjunction(parts), parts))
    return made


def _part_json(part: Part) -> dict[str, Any]:
    verdict, reason = part.verdict
    told = {"name": part.name, "verdict": verdict, "reason": reason, "margin": part.margin, "counted": part.counted}
    return {**told, "sets": [_set_json(one) for one in part.sets]}


def _set_json(one: SetResult) -> dict[str, Any]:
    return {
        "name": one.name,
        "outcome": one.outcome,
        "reason": one.reason,
        "comparisons": [_contrast_json(made) for made in one.contrasts],
    }


def _contrast_json(made: Contrast) -> dict[str, Any]:
    found = made.interval
    ends = [math.exp(found.low), math.exp(found.high)] if found else None
    told = {"first": made.first, "second": made.second, "ratio": math.exp(found.estimate) if found else None}
    return {
        **told,
        "interval": ends,
        "wilcoxon_p": made.p if found else None,
        "seeds": made.seeds,
        "note": made.problem,
    }
