"""The claims under test, with the rule of each, and the verdicts that a study's runs give.

Nothing that a run goes through imports this: a verdict can be read again from the records at any time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pandas as pd

from ladid_bench.analysis.budgets import (
    Rung,
    distinct,
    former_of,
    frame_over_budgets,
    judged_at,
    movement,
    standing,
    standing_of_pair,
)
from ladid_bench.analysis.evidence import Evidence
from ladid_bench.analysis.paired import Contrast
from ladid_bench.analysis.rules import (
    ablation,
    comparison,
    costs,
    measured,
    representation,
    sufficiency,
    times,
    transfer,
)
from ladid_bench.analysis.rules.selection import SIMULATED
from ladid_bench.analysis.statistics import Interval
from ladid_bench.analysis.verdicts import Part, SetResult, conjunction, weakest

MAJORITY = "a majority of the data sets for it and none against it"
ALL = "every part has to hold, each on a majority of its data sets with none against it"
LOWER = "geometric-mean ratio of primary errors (the mean log ratio over test groups and seeds)"
ARMS = "the primary arm of LaDID decides; the other arms are reported"


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


def _lowest(sets: tuple[str, ...], rivals: comparison.Rivals, limit: float = 1.0) -> Callable[[Evidence], list[Part]]:
    return partial(comparison.lower_than, sets=sets, rivals=rivals, limit=limit)


CLAIMS = (
    Claim(
        "C1a",
        "LaDID has a lower error than the paper's rivals on single pendulum, double pendulum and wave equation.",
        LOWER,
        f"LaDID against ode-rnn, ode2vae, ndp and msvi; {ARMS}",
        rule=_lowest(SIMULATED[:3], comparison.papers_rivals),
    ),
    Claim(
        "C1b",
        "LaDID has the lowest error of all neural methods on single pendulum, double pendulum and wave equation.",
        LOWER,
        f"LaDID against every neural method that the comparison includes on all three systems; {ARMS}",
        rule=_lowest(SIMULATED[:3], comparison.every_neural_rival),
    ),
    Claim(
        "C2a",
        "LaDID has a lower error than the paper's rivals on reaction-diffusion, Navier-Stokes and cylinder flow.",
        LOWER,
        f"LaDID against ode-rnn, ode2vae, ndp and msvi; {ARMS}",
        rule=_lowest(SIMULATED[3:], comparison.papers_rivals),
    ),
    Claim(
        "C2b",
        "LaDID has the lowest error of all neural methods on reaction-diffusion, Navier-Stokes and cylinder flow.",
        LOWER,
        f"LaDID against every neural method that the comparison includes on all three systems; {ARMS}",
        rule=_lowest(SIMULATED[3:], comparison.every_neural_rival),
    ),
    Claim(
        "C3",
        "Pre-trained on a source system and fine-tuned on 8 % of the trajectories of a novel intervention, LaDID beats "
        "LaDID trained from scratch on the same data.",
        LOWER,
        "fine-tuned on 8 % against trained from scratch on 8 %, each at its cap (its longest run), on every simulated "
        "target except the control; equal steps on the target, and equal total steps, are reported",
        rule=transfer.fine_tuning_beats_scratch,
    ),
    Claim(
        "C4",
        "Fine-tuned on 32 % of the trajectories, LaDID nearly matches training on all of the target data.",
        LOWER,
        "fine-tuned on 32 % against trained from scratch on all (at most 25 % worse), each at its cap (its longest "
        "run), on every simulated target except the control; equal steps on the target, and equal total steps, are "
        "reported",
        rule=transfer.third_as_good_as_all,
    ),
    Claim(
        "C5",
        "LaDID forecasts at any continuous time: query times between frames cost no accuracy.",
        "mean log ratio of the nMSE halfway between frames to that of the frames around, at the same lead times",
        f"the same model on the same trajectories (at most 5 % worse), on the simulated systems; {ARMS}",
        rule=times.off_grid_as_good,
    ),
    Claim(
        "C6",
        "LaDID works on irregular time grids.",
        LOWER,
        "trained and queried on an irregular grid, against the regular grid of the same trajectories (at most 25 % "
        "worse), and against every other neural method on the irregular grid (better)",
        ALL,
        rule=times.irregular_as_good,
    ),
    Claim(
        "C7",
        "Each loss term and each attention module earns its place.",
        LOWER,
        "LaDID with the part against LaDID without it, on every data set and with every change of settings of the "
        "ablation",
        ALL,
        rule=ablation.terms_and_modules,
    ),
    Claim(
        "C8",
        "As it needs no ODE solver, LaDID is cheaper to train and to query than neural-ODE models.",
        "mean log ratio of errors at equal CPU time of training, and of the CPU times of a forecast by trained models",
        "LaDID against every neural-ODE method",
        ALL,
        rule=costs.cheaper_than_ode,
    ),
    Claim(
        "C9",
        "The advantage comes from the direct map F(psi, t): with a neural ODE in its place it is worse.",
        LOWER,
        "LaDID against ladid-ode, once with LaDID's settings for both and once with ladid-ode's, on the simulated "
        "systems; apart from being an equation, ladid-ode has tanh where F has ReLU",
        ALL,
        rule=comparison.direct_map_beats_ode,
    ),
    Claim(
        "C10",
        "The advantage in transfer survives when the baselines are pre-trained and fine-tuned too.",
        LOWER,
        "LaDID against all other neural methods, all fine-tuned on 8 %, each at its cap; equal steps are reported",
        rule=transfer.beats_fine_tuned_baselines,
    ),
    Claim(
        "C11",
        "Psi carries the realization and F does not: parameters can be read off psi, and transfer works with F frozen.",
        "for probes, the mean log ratio of 1 - R² of linear probes on test trajectories, with R² averaged over the "
        "true quantities; for transfer, that of primary errors",
        "psi against a PCA of the context, the untrained encoder and shuffled labels; fine-tuned with F frozen on 8 % "
        "of a target against trained from scratch (better) and against fine-tuned with F (at most 25 % worse), each at "
        "its cap",
        ALL,
        rule=representation.psi_carries_the_realization,
    ),
    Claim(
        "C12",
        "LaDID beats strong simple methods: every method of the comparison that is fitted in closed form.",
        LOWER,
        f"LaDID against each of them on the simulated systems; {ARMS}",
        rule=_lowest(SIMULATED, comparison.every_closed_form),
    ),
    Claim(
        "C13",
        "C1, C3 and C12 hold on measured data, not only on simulations.",
        LOWER,
        "as C1a, C1b, C3 and C12, on measured data sets",
        ALL,
        rule=measured.on_measured_data,
    ),
    Claim(
        "C14",
        "Accuracy saturates once psi has room for initial state and constants and the context determines them, and "
        "not before.",
        LOWER,
        "every sufficient length of psi and context against the full ones (at most 25 % worse), and the full "
        "ones against the largest insufficient ones (better); sizes of the latent state are reported",
        ALL,
        rule=sufficiency.saturates,
    ),
    Claim(
        "C15",
        "The cost of LaDID grows with pixels, horizon and number of trajectories no worse than that of neural ODEs.",
        "mean log ratio of the CPU time of a step at the full horizon",
        "LaDID against every neural-ODE method: at most 25 % more with four times the pixels, and with three times the "
        "horizon; the factors by which the cost grows are reported",
        ALL,
        rule=costs.scales,
    ),
    Claim(
        "C16",
        "LaDID's error is at most a tenth of that of the paper's rivals (as a review reads the paper's figures: 10 to "
        "100 times lower).",
        LOWER,
        f"LaDID against ode-rnn, ode2vae, ndp and msvi on the simulated systems, limit 0.1; {ARMS}",
        rule=_lowest(SIMULATED, comparison.papers_rivals, comparison.TENTH),
    ),
)


@dataclass(frozen=True)
class Judged:
    """A claim with its verdict, and what stands behind it.

    Attributes:
        rung: the budget that the verdict is for, with the parts of the claim there.
        before: the budgets below it at which the claim could be judged, rising.
        rungs: all budgets at which the study has runs for it, rising.
    """

    claim: Claim
    rung: Rung
    before: tuple[Rung, ...]
    rungs: tuple[Rung, ...]

    @property
    def verdict(self) -> str:
        """Verdict on the claim at the budget that it is judged at."""
        return self.rung.verdict

    @property
    def reason(self) -> str:
        """Why there is no verdict, or none that is possible; of one that is not separable, what nearly decided it."""
        return conjunction(self.parts)[1]

    @property
    def standing(self) -> str:
        """``settled``, ``moving``, ``one budget`` or ``untrained``; empty where there is no verdict."""
        return standing(self.rung, self.before, self.rungs)

    @property
    def movement(self) -> str:
        """The same without ``untrained``, of a claim with an untrained side too; empty where there is no verdict."""
        return movement(self.rung, self.before, self.rungs) if self.standing else ""

    @property
    def with_one_spread(self) -> tuple[str, list[str]]:
        """What the verdict would be if all networks of a data set had one spread between seeds; what is against it."""
        parts = [part.with_one_spread() for part in self.parts if part.counted]
        against = [f"{second} on {name}" for part in parts for name, _, second in part.against]
        return conjunction(parts)[0], against

    @property
    def parts(self) -> tuple[Part, ...]:
        """Parts of the claim at the budget that it is judged at."""
        return self.rung.parts

    @property
    def part(self) -> Part | None:
        """The part whose effect is told: the one that supports the claim least."""
        return weakest(self.parts)

    @property
    def effect(self) -> Interval | None:
        """Ratio of errors, below 1 if it speaks for the claim: a mean over data sets, each with its strongest rival."""
        part = self.part
        found = part.effect if part else None
        return found.exp if found else None

    @property
    def arms(self) -> dict[str, str]:
        """The verdict of each arm of LaDID by its name, where the claim tells of several."""
        several = any(part.arm for part in self.parts)
        return {part.name: part.judgement[0] for part in self.parts if part.arm or (several and part.counted)}

    @property
    def contrasts(self) -> list[Contrast]:
        """Every comparison of the claim at that budget."""
        return [made for part in self.parts for one in part.sets for made in one.contrasts]

    @property
    def seeds(self) -> int:
        """Fewest seeds of a counted comparison that was made, 0 where none was."""
        counted = [made for part in self.parts if part.counted for made in part.contrasts.values()]
        return min((made.seeds for made in counted if made.ratio), default=0)

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

    @property
    def frame(self) -> pd.DataFrame:
        """Every comparison at every budget: the table of the figure of ratios over the budget."""
        return frame_over_budgets(self.claim.id, self.rungs)

    def to_json(self) -> dict[str, Any]:
        """Convert to what is written to ``claims.json``."""
        effect, claim = self.effect, self.claim
        verdict, against = self.with_one_spread
        return {
            "id": claim.id,
            "statement": claim.statement,
            "verdict": self.verdict,
            "settled": self.standing,
            "reason": self.reason,
            "effect": effect.estimate if effect else None,
            "interval": [effect.low, effect.high] if effect else None,
            "steps": self.rung.steps,
            "rungs": [{"steps": one.steps, "verdict": one.verdict, "complete": one.complete} for one in self.rungs],
            "arms": self.arms,
            "untrained": list(self.rung.untrained),
            "movement": self.movement,
            "with_one_spread": {"verdict": verdict, "against": against},
            "seeds": self.seeds,
            "runs": self.runs,
            "details": {
                "estimand": claim.estimand,
                "comparison": claim.comparison,
                "combination": claim.combination,
                "effect_of": self.part.name if self.part else "",
                "lost": self.lost,
                "parts": [self._part_json(part) for part in self.parts],
            },
        }

    def _part_json(self, part: Part) -> dict[str, Any]:
        verdict, reason = part.judgement
        told = {"name": part.name, "verdict": verdict, "reason": reason, "limit": part.limit, "counted": part.counted}
        return {**told, "arm": part.arm, "sets": [self._set_json(one, part) for one in part.sets]}

    def _set_json(self, one: SetResult, part: Part) -> dict[str, Any]:
        compared = []
        for made in one.contrasts:
            former = former_of(self.rungs, self.rung, part, (one.name, made.first, made.second))
            compared.append(_contrast_json(made) | {"settled": standing_of_pair(made, former, part.limit)})
        return {"name": one.name, "outcome": one.outcome, "reason": one.reason, "comparisons": compared}


def judge(evidence: Evidence, claims: Sequence[Claim] = CLAIMS) -> list[Judged]:
    """Judge each claim on the evidence of a study, at the highest budget that all its required methods have."""
    made = []
    for claim in claims:
        budgets = evidence.budgets or [0]
        rungs = distinct([Rung(steps, tuple(claim.rule(evidence.at(steps)))) for steps in budgets])
        last, before = judged_at(rungs)
        made.append(Judged(claim, last, tuple(before), tuple(rungs)))
    return made


def _contrast_json(made: Contrast) -> dict[str, Any]:
    found, beside = made.interval.exp if made.interval else None, made.beside
    ends = [found.low, found.high] if found else None
    told = {"first": made.first, "second": made.second, "ratio": found.estimate if found else None}
    return {
        **told,
        "interval": ends,
        "p_worse": made.p if found else None,
        "ratio_of_means": beside.ratio_of_means if beside else None,
        "groups_won": beside.groups_won if beside else None,
        "improvement": beside.improvement if beside else None,
        "seeds": made.seeds,
        "note": made.problem,
    }
