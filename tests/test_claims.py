"""Verdicts on the claims, from made-up run tables and errors whose answers are known."""

import ast
import math
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

import ladid_bench
from ladid_bench.analysis.budgets import ONE_BUDGET, UNTRAINED
from ladid_bench.analysis.claims import CLAIMS, Judged, judge
from ladid_bench.analysis.crossed import LogRatio
from ladid_bench.analysis.evidence import Evidence, Side
from ladid_bench.analysis.paired import NEEDS_SEEDS, Contrast, contrast
from ladid_bench.analysis.rules import costs
from ladid_bench.analysis.rules.ablation import TERMS_AND_MODULES
from ladid_bench.analysis.rules.selection import CONTROL, MEASURED, NEURAL, PAPER, SIMPLE, SIMULATED
from ladid_bench.analysis.statistics import Interval
from ladid_bench.analysis.verdicts import (
    MET,
    NOT_REPRODUCED,
    NOT_RUN,
    NOT_SEPARABLE,
    OPEN,
    REPRODUCED,
    UNDECIDABLE,
    UNMET,
    Part,
    SetResult,
    conjunction,
    decide,
    holm,
    pooled,
    weakest,
)
from ladid_bench.core import provenance
from ladid_bench.probing.probes import Probe
from ladid_bench.runs.records import Sample

TRAJECTORIES, FRAMES = 20, 4
SEEDS = (0, 1, 2)
ALONE = {"cost_load": 1.0, "threads": 1, "host": "one", "processor": "some", "device": "cpu"}
LINEAR, FIELDS = SIMULATED[:3], SIMULATED[3:]


class Made:
    """A study whose results are made up; ``error`` of a run is about its mean nMSE or FVU."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.samples: dict[str, Sample] = {}
        self.probes: dict[str, Probe] = {}
        self.count = 0

    def runs(
        self,
        dataset: str,
        method: str,
        error: float,
        seeds: Iterable[int] = SEEDS,
        experiment: str = "comparison",
        noise: float = 0.1,
        midpoints: float | None = None,
        status: str = "ok",
        **how: Any,
    ) -> None:
        """Runs of one method; trajectories differ alike for all, and by ``noise`` (of the logarithm) besides."""
        for seed in seeds:
            self.count += 1
            key = f"{self.count:016x}"
            kind = "simple" if method in (*SIMPLE, "sindy") else "neural"
            plain = {"variant": "default", "arm": "scratch", "init_from": "", "rung_of": ""}
            primary_metric = "fvu" if dataset in MEASURED else "nmse"
            steps = {"steps": 0 if kind == "simple" else 600, "init_from_steps": 0}
            row = {"dataset": dataset, "method": method, "seed": seed, "key": key, "kind": kind, "status": status}
            row |= {
                "experiments": experiment,
                "reason": "" if status == "ok" else "why",
                "primary_metric": primary_metric,
            }
            row |= {"midpoints_nmse_mean": np.nan if midpoints is None else 1.0, "fraction": 1.0, "changes": ""}
            self.rows.append({**row, **plain, **steps, **how})
            if status == "ok":
                self.samples[key] = sample(error, noise, midpoints, self.count)

    def all_of(self, methods: Iterable[str], sets: Iterable[str], error: float, **how: Any) -> None:
        for dataset in sets:
            for method in methods:
                seeds = (0,) if method in SIMPLE else SEEDS
                self.runs(dataset, method, error, **{"seeds": seeds, **how})

    def on_few_groups(self, sets: Iterable[str], groups: int) -> None:
        """Let the test trajectories of these data sets be windows of so few groups."""
        for row in self.rows:
            if row["dataset"] in sets and row["key"] in self.samples:
                one = self.samples[row["key"]]
                self.samples[row["key"]] = replace(one, group=np.arange(len(one.group)) % groups)

    @property
    def evidence(self) -> Evidence:
        preferred = {row["method"]: "default" for row in self.rows}
        table = pd.DataFrame(self.rows, columns=None if self.rows else ["experiments", "variant", "method"])
        return Evidence(table, self.samples.get, preferred, self.probes.get)

    def judged(self, name: str) -> Judged:
        (found,) = judge(self.evidence, [claim for claim in CLAIMS if claim.id == name])
        return found

    def verdict(self, name: str) -> str:
        return self.judged(name).verdict


def sample(error: float, noise: float, midpoints: float | None, draw: int) -> Sample:
    hard = np.random.default_rng(0).lognormal(0, 0.5, (TRAJECTORIES, 1))
    own = np.random.default_rng(draw).lognormal(0, noise, (TRAJECTORIES, 1)) if noise else 1.0
    squared = np.repeat(error * hard * own, FRAMES, axis=1).astype(np.float32)
    ones = np.ones_like(squared)
    off = np.zeros(0) if midpoints is None else squared[:, 1:].mean(axis=1) * midpoints
    pictures = np.zeros((0, FRAMES, 1, 2, 2), np.uint8)
    return Sample(
        squared_error=squared,
        squared_truth=ones,
        squared_deviation=ones,
        group=np.arange(TRAJECTORIES),
        times=np.tile(np.arange(FRAMES, dtype=float), (TRAJECTORIES, 1)),
        midpoints_nmse=off.astype(np.float32),
        pictured=np.zeros(0, np.int64),
        truth=pictures,
        forecast=pictures,
    )


def compared(ladid: float = 0.1, others: float = 0.2, sets: Iterable[str] = LINEAR) -> Made:
    made = Made()
    made.all_of(("ladid",), sets, ladid)
    made.all_of(NEURAL, sets, others)
    return made


def test_a_clear_win_is_reproduced_with_its_effect() -> None:
    found = compared().judged("C1b")
    assert (found.verdict, found.seeds, found.lost) == (REPRODUCED, 3, [])
    assert found.effect is not None
    assert 0.4 < found.effect.low < found.effect.estimate < found.effect.high < 0.6
    assert len(found.runs) == 3 * 3 * 8
    assert compared(sets=FIELDS).verdict("C2b") == REPRODUCED


def test_one_rival_that_is_clearly_ahead_on_one_set_is_enough_against() -> None:
    made = compared(sets=LINEAR[:2])
    made.all_of(("ladid",), LINEAR[2:], 0.1)
    made.all_of(NEURAL[:-1], LINEAR[2:], 0.2)
    made.all_of(NEURAL[-1:], LINEAR[2:], 0.05)
    assert made.verdict("C1b") == NOT_REPRODUCED


def test_overlap_is_not_separable_and_a_majority_decides() -> None:
    assert compared(0.1, 0.1).verdict("C1b") == NOT_SEPARABLE
    for even, verdict in ((LINEAR[:1], REPRODUCED), (LINEAR[:2], NOT_SEPARABLE)):
        made = compared(sets=[name for name in LINEAR if name not in even])
        made.all_of(("ladid", *NEURAL), even, 0.1)
        assert made.verdict("C1b") == verdict


def test_too_few_test_groups_are_neither_for_a_claim_nor_against_it() -> None:
    for few, ladid, verdict in ((FIELDS[:1], 0.1, REPRODUCED), (FIELDS[:2], 0.1, UNDECIDABLE)):
        for groups in (1, 2):
            made = compared(ladid, 0.2, sets=FIELDS)
            made.on_few_groups(few, groups)
            assert made.verdict("C2b") == verdict
    made = compared(0.2, 0.1, sets=FIELDS)
    made.on_few_groups(FIELDS[:2], 1)
    assert made.verdict("C2b") == NOT_REPRODUCED
    made.on_few_groups(FIELDS, 1)
    found = made.judged("C2b")
    assert found.verdict == UNDECIDABLE
    assert all(name in found.reason for name in FIELDS)
    made = compared(0.1, 0.2, sets=FIELDS)
    made.on_few_groups(FIELDS, 3)
    assert made.verdict("C2b") == REPRODUCED
    made = compared(sets=FIELDS[1:])
    made.all_of(("ladid", *NEURAL[1:]), FIELDS[:1], 0.1)
    made.on_few_groups(FIELDS[:1], 1)
    assert f"{FIELDS[0]}: {NEURAL[0]} " in made.judged("C2b").reason


def test_fewer_than_three_seeds_never_give_a_verdict() -> None:
    made = Made()
    made.all_of(("ladid", *SIMPLE), SIMULATED, 0.1, seeds=(0, 1))
    made.all_of(NEURAL, SIMULATED, 0.9, seeds=(0, 1))
    for name in ("C1a", "C1b", "C2b"):
        assert (made.judged(name).verdict, made.judged(name).reason) == (NOT_RUN, NEEDS_SEEDS)
    assert made.verdict("C12") == NOT_RUN


def test_seeds_of_two_methods_are_draws_of_their_own() -> None:
    made = Made()
    made.all_of(("ladid",), LINEAR, 0.1)
    made.all_of(NEURAL, LINEAR, 0.2, seeds=(2, 3, 4))
    assert made.verdict("C1b") == REPRODUCED


def test_a_missing_or_unfinished_comparator_is_named() -> None:
    made = Made()
    made.all_of(("ladid",), LINEAR, 0.1)
    made.all_of(NEURAL[1:], LINEAR, 0.2)
    found = made.judged("C1b")
    assert found.verdict == NOT_RUN
    assert f"pendulum: {NEURAL[0]} " in found.reason
    made.all_of(NEURAL[:1], LINEAR, 0.2, status="not run")
    assert re.search(rf"pendulum: 3 of 3 [a-z ]*{NEURAL[0]} [a-z ]*; ", made.judged("C1b").reason)
    made.all_of(("koopman", "ldnet"), LINEAR, 0.2, status="not run")
    assert re.search(rf"pendulum: 3 of 3 [a-z ]*{NEURAL[0]} [a-z ]*\(and 2 more\); ", made.judged("C1b").reason)
    made.all_of(("fno",), LINEAR, 0.02)  # one rival that is ahead decides, whoever is missing
    assert made.verdict("C1b") == NOT_REPRODUCED


def test_a_study_with_too_few_of_the_data_sets_gives_no_verdict() -> None:
    found = compared(sets=LINEAR[:1]).judged("C1b")
    assert found.verdict == NOT_RUN
    assert "1 of the 3" in found.reason
    assert Made().judged("C1b").verdict == NOT_RUN


def test_a_comparator_that_declines_a_set_is_named_and_does_not_decide() -> None:
    made = Made()
    made.all_of(("ladid",), SIMULATED, 0.1)
    made.all_of(SIMPLE[:-1], SIMULATED, 0.3)
    made.all_of(SIMPLE[-1:], SIMULATED, 0.3, status="skipped")
    found = made.judged("C12")
    assert found.verdict == REPRODUCED
    notes = [one["note"] for one in found.to_json()["details"]["parts"][0]["sets"][0]["comparisons"]]
    assert notes[:-1] == [""] * 4
    assert notes[-1].startswith(SIMPLE[-1]) and notes[-1].endswith(": why")


def test_a_variant_that_does_not_stand_for_its_method_is_no_comparator() -> None:
    made = compared()
    made.all_of(("ode-rnn",), LINEAR, 0.001, variant="official-bug")
    made.all_of(("ladid",), LINEAR, 0.001, variant="paper")
    assert made.verdict("C1b") == REPRODUCED


@pytest.mark.parametrize("status", ["diverged", "timeout", "error", "out-of-memory"])
def test_lost_runs_count_against_their_method_and_are_named(status: str) -> None:
    made = compared(sets=LINEAR)
    made.rows = [row for row in made.rows if row["method"] not in ("ladid", "gru")]
    for name in LINEAR:
        made.runs(name, "ladid", 0.1, seeds=(0, 1))
        made.runs(name, "ladid", 0.1, seeds=(2,), status=status)
        made.runs(name, "gru", 0.11)
    found = made.judged("C1b")
    assert found.verdict != REPRODUCED
    assert f"ladid, seed 2: {status} on pendulum" in found.lost
    assert found.effect is not None
    assert found.effect.estimate > 1
    rival = compared(sets=LINEAR)
    rival.rows = [row for row in rival.rows if row["method"] != "gru"]
    rival.all_of(("gru",), LINEAR, 0.01, status=status)
    assert rival.verdict("C1b") == REPRODUCED


def test_a_lost_run_is_never_better_than_a_bad_one() -> None:
    made = Made()
    made.runs("wave", "ladid", 0, status="diverged")
    made.runs("wave", "ladid-ode", 30.0)
    made.runs("radar-rain", "ladid", 0, status="diverged")
    made.runs("radar-rain", "ladid-ode", 0.5)
    for name in ("wave", "radar-rain"):
        pair = (
            made.evidence.side(method, "comparison", dataset=name, method=method) for method in ("ladid", "ladid-ode")
        )
        found = contrast(made.evidence, *pair).interval
        assert found is not None
        assert found.estimate > 0


def moved(made: Made, target: str, arm: str, fraction: float, error: float, method: str = "ladid", **how: Any) -> None:
    source = "" if arm == "scratch" else how.pop("source", "pendulum")
    how = {"experiment": "transfer", "changes": "steps=462", **how}
    made.runs(target, method, error, arm=arm, fraction=fraction, init_from=source, **how)


@pytest.mark.parametrize(
    ("tuned", "third", "expected"),
    [
        (0.1, 0.1, {"C3": REPRODUCED, "C4": REPRODUCED}),
        (0.4, 0.2, {"C3": NOT_REPRODUCED, "C4": NOT_REPRODUCED}),
        (0.2, 0.125, {"C3": NOT_SEPARABLE, "C4": NOT_SEPARABLE}),
    ],
)
def test_transfer(tuned: float, third: float, expected: dict[str, str]) -> None:
    made = Made()
    for target in ("pendulum--length-1.5", "reaction-diffusion--beta-1.5"):
        moved(made, target, "fine-tuned", 0.08, tuned)
        moved(made, target, "scratch", 0.08, 0.2)
        moved(made, target, "fine-tuned", 0.32, third)
        moved(made, target, "scratch", 1.0, 0.1)
    moved(made, CONTROL, "fine-tuned", 0.08, 9.0)  # the control decides nothing
    moved(made, CONTROL, "scratch", 0.08, 0.1)
    assert {name: made.verdict(name) for name in expected} == expected


def test_an_equivalence_test_with_low_power_is_not_separable() -> None:
    made = Made()
    moved(made, "pendulum--length-1.5", "fine-tuned", 0.32, 0.1, noise=1.5)
    moved(made, "pendulum--length-1.5", "scratch", 1.0, 0.1, noise=1.5)
    found = made.judged("C4")
    assert found.verdict == NOT_SEPARABLE
    assert found.effect is not None
    assert found.effect.high > 1.25


def test_baselines_are_fine_tuned_too() -> None:
    made = Made()
    moved(made, "pendulum--length-1.5", "fine-tuned", 0.08, 0.1)
    moved(made, "pendulum--length-1.5", "fine-tuned", 0.08, 0.3, "ladid-ode", changes="steps=125")
    assert "latent-ode" in made.judged("C10").reason
    moved(made, "pendulum--length-1.5", "fine-tuned", 0.08, 0.3, "latent-ode")
    assert made.verdict("C10") == REPRODUCED
    moved(made, "pendulum--length-1.5", "scratch", 0.08, 0.05, "analog", seeds=(0,))
    found = made.judged("C10")
    assert found.verdict == REPRODUCED  # simple methods are told beside it
    (beside,) = (part for part in found.parts if not part.counted)
    assert beside.judgement[0] == NOT_REPRODUCED
    assert [one.second for one in beside.contrasts.values()] == ["analog, scratch, 8%"]
    moved(made, "pendulum--length-1.5", "fine-tuned", 0.08, 0.05, "gru")
    assert made.verdict("C10") == NOT_REPRODUCED


@pytest.mark.parametrize(("midpoints", "verdict"), [(1.01, REPRODUCED), (1.05, NOT_SEPARABLE), (1.3, NOT_REPRODUCED)])
def test_times_between_frames(midpoints: float, verdict: str) -> None:
    made = Made()
    for index, factor in enumerate((0.97, 1.0, 1.03)):  # the factor differs a little between seeds
        made.runs("pendulum", "ladid", 0.1, seeds=(index,), midpoints=midpoints * factor ** (midpoints == 1.05))
    made.runs("air-temperature", "ladid", 0.1)  # nothing was measured between its frames
    found = made.judged("C5")
    assert found.verdict == verdict
    assert [one.name for part in found.parts for one in part.sets] == ["pendulum"]
    made.rows[2] |= {"status": "diverged"}
    del made.samples[made.rows[2]["key"]]
    assert made.verdict("C5") != REPRODUCED


def test_other_methods_between_frames_are_told_and_decide_nothing() -> None:
    made = Made()
    made.runs("pendulum", "ladid", 0.1, midpoints=1.0)
    made.runs("pendulum", "mean", 0.9, seeds=(0,), midpoints=1.0, kind="reference")
    made.runs("pendulum", "analog", 0.1, seeds=(0,), midpoints=2.0)
    made.runs("pendulum", "gru", 0.1, midpoints=1.02)
    found = made.judged("C5")
    assert found.verdict == REPRODUCED and found.arms == {} and found.seeds == 3
    (others,) = (part for part in found.parts if not part.counted)
    ratios = {one.second: math.exp(one.ratio.estimate) for one in others.contrasts.values() if one.ratio}
    assert ratios == pytest.approx({"gru": 1.02, "analog": 2.0, "mean": 1.0}, rel=1e-3)


def test_measures_of_the_same_models_are_paired_by_seed() -> None:
    made = Made()
    for seed, error in enumerate((0.05, 0.1, 0.4)):  # seeds differ by far more than the margin
        made.runs("pendulum", "ladid", error, seeds=(seed,), midpoints=1.01)
    found = made.judged("C5")
    assert found.verdict == REPRODUCED
    assert found.effect is not None
    assert (found.effect.low, found.effect.high) == pytest.approx((1.01, 1.01), rel=1e-3)


def irregular(itself: float, rival: float = 0.3) -> Made:
    made, how = Made(), {"experiment": "irregular"}
    made.runs("pendulum", "ladid", 0.1, experiment="comparison,irregular")
    made.runs("pendulum--irregular", "ladid", itself, **how)
    made.runs("pendulum--irregular", "ladid", 5, arm="zero-shot", init_from="pendulum", **how)
    made.runs("pendulum--irregular", "latent-ode", 0.3, **how)
    made.runs("pendulum--irregular", "gru", rival, **how)
    return made


def test_irregular_grids_against_the_regular_one_and_against_rivals() -> None:
    assert irregular(0.1).verdict("C6") == REPRODUCED
    assert irregular(0.2).verdict("C6") == NOT_REPRODUCED  # twice as bad as on the regular grid
    assert irregular(0.1, rival=0.1).verdict("C6") == NOT_SEPARABLE
    assert irregular(0.1, rival=0.05).verdict("C6") == NOT_REPRODUCED
    assert Made().verdict("C6") == NOT_RUN


def test_beside_irregular_grids_both_models_are_asked_on_the_regular_one_and_rivals_tell_what_they_lose() -> None:
    made, how = irregular(0.3), {"experiment": "irregular"}
    made.runs("pendulum", "ladid", 0.2, arm="zero-shot", init_from="pendulum--irregular", **how)
    made.runs("pendulum", "gru", 0.1, **how)
    made.runs("pendulum--irregular", "ssm", 0.15, **how)
    told = {part.name: part.contrasts for part in made.judged("C6").parts if not part.counted}
    ratios = {
        (name, pair[2]): math.exp(one.ratio.estimate)
        for name, made in told.items()
        for pair, one in made.items()
        if one.ratio
    }
    first = "against the rivals that were planned first"
    expected = {(first, "latent-ode"): 1.0, (first, "gru"): 1.0}  # and no ssm
    expected |= {
        ("trained on the irregular grid, asked on the regular one", "LaDID, regular"): 2.0,
        ("every rival against the regular grid", "gru"): 3.0,
    }
    assert ratios == pytest.approx(expected, rel=0.1)


def ablated(**errors: float) -> Made:
    made = Made()
    usual = {"default": 0.1} | dict.fromkeys(TERMS_AND_MODULES.values(), 0.2) | {"film": 0.05}
    for variant, error in (usual | {name.replace("_", "-"): value for name, value in errors.items()}).items():
        for changes in ("steps=600", "observation_std=0.1, steps=600"):
            made.runs("pendulum", "ladid", error, experiment="ablation", variant=variant, changes=changes)
    return made


def test_every_term_and_module_has_a_verdict_of_its_own() -> None:
    found = ablated().judged("C7")
    assert found.verdict == REPRODUCED
    assert [(part.name, part.judgement[0], part.counted) for part in found.parts] == [
        ("divergence of psi", REPRODUCED, True),
        ("smoothness", REPRODUCED, True),
        ("weights by time in attention", REPRODUCED, True),
        ("weights by content in attention", REPRODUCED, True),
        ("noise in psi", REPRODUCED, True),
        ("against film", NOT_REPRODUCED, False),
    ]
    assert [one.name for one in found.parts[0].sets] == ["pendulum", "pendulum (observation_std=0.1)"]
    assert ablated(no_kl=0.1).verdict("C7") == NOT_SEPARABLE
    assert ablated(no_smoothness=0.05).verdict("C7") == NOT_REPRODUCED
    found = ablated(no_smoothness=0.11).judged("C7")
    assert found.part is not None
    assert found.part.name == "smoothness"  # the effect that is told is that of the weakest part


def direct_map(theirs: float = 0.2, with_mine: float = 0.2, mine_with_theirs: float = 0.1) -> Made:
    made = Made()
    made.all_of(("ladid",), LINEAR, 0.1, experiment="dynamics")
    made.all_of(("ladid-ode",), LINEAR, theirs, experiment="dynamics")
    made.all_of(("ladid-ode",), LINEAR, with_mine, variant="ladid-settings", experiment="dynamics")
    made.all_of(("ladid",), LINEAR, mine_with_theirs, variant="ladid-ode-settings", experiment="dynamics")
    return made


def test_the_direct_map_is_compared_with_the_settings_of_either() -> None:
    assert direct_map().verdict("C9") == REPRODUCED
    assert direct_map(with_mine=0.05).verdict("C9") == NOT_REPRODUCED
    assert direct_map(mine_with_theirs=0.4).verdict("C9") == NOT_REPRODUCED
    assert direct_map(theirs=0.1).verdict("C9") == NOT_SEPARABLE  # against LaDID with its settings
    made = Made()
    made.all_of(("ladid", "ladid-ode"), LINEAR, 0.1, experiment="dynamics")
    found = made.judged("C9")
    assert (found.verdict, "ladid-ode:ladid-settings" in found.reason) == (NOT_RUN, True)
    assert compared().verdict("C9") == NOT_RUN  # the comparison has no model with the settings of the other


def test_measured_data_take_every_part() -> None:
    made = compared(sets=MEASURED)
    made.all_of(SIMPLE, MEASURED, 0.3)
    found = made.judged("C13")
    assert found.verdict == NOT_RUN
    assert found.reason.startswith("C3 ")
    assert [part.judgement[0] for part in found.parts] == [*[REPRODUCED] * 3, NOT_RUN]
    moved(made, "air-temperature--europe", "fine-tuned", 0.08, 0.1)
    moved(made, "air-temperature--europe", "scratch", 0.08, 0.3)
    assert made.verdict("C13") == REPRODUCED
    made.on_few_groups(MEASURED[:1], 1)
    assert made.verdict("C13") == REPRODUCED
    made.on_few_groups(MEASURED[:2], 2)
    assert made.verdict("C13") == UNDECIDABLE
    made.rows = [row for row in made.rows if row["method"] != "ridge"]
    made.all_of(("ridge",), MEASURED, 0.05)
    assert made.verdict("C13") == NOT_REPRODUCED


def test_transfer_on_measured_data_is_judged_with_each_side_at_its_cap() -> None:
    """The comparison of measured data ends at 600 steps; from scratch there are 1,800, as many as with the source."""
    made = Made()
    made.all_of(("ladid",), MEASURED, 0.1, steps=600)
    made.all_of(NEURAL, MEASURED, 0.3, steps=600)
    made.all_of(SIMPLE, MEASURED, 0.3, steps=600)
    moved(made, "air-temperature", "fine-tuned", 0.08, 0.1, steps=600, init_from_steps=1200)
    for steps, error in ((600, 0.4), (1800, 0.05)):
        moved(made, "air-temperature", "scratch", 0.08, error, steps=steps)
    found = made.judged("C13")
    assert (found.rung.steps, found.verdict) == (600, NOT_REPRODUCED)


def test_each_measured_set_is_compared_at_its_own_longest_budget() -> None:
    """Two sets with too few groups end at 600 steps; the third is behind of its rivals only at 1,200."""
    made = Made()
    made.all_of(SIMPLE, MEASURED, 0.3, steps=0)
    made.all_of(NEURAL, MEASURED, 0.3, steps=600)
    made.all_of(("ladid",), MEASURED, 0.1, steps=600)
    made.all_of(NEURAL, ("air-temperature",), 0.3, steps=1200)
    made.all_of(("ladid",), ("air-temperature",), 0.6, steps=1200)
    made.on_few_groups(("radar-rain", "shoulder-imu"), 2)
    moved(made, "air-temperature", "fine-tuned", 0.08, 0.1, steps=600, init_from_steps=1200)
    moved(made, "air-temperature", "scratch", 0.08, 0.3, steps=600)
    found = made.judged("C13")
    assert (found.rung.steps, found.verdict) == (1200, NOT_REPRODUCED)
    assert [(rung.steps, rung.verdict) for rung in found.rungs][:1] == [(600, UNDECIDABLE)]


def test_a_tenth_of_the_papers_rivals() -> None:
    for ladid, verdict in ((0.01, REPRODUCED), (0.02, NOT_SEPARABLE), (0.04, NOT_REPRODUCED)):
        made = Made()
        made.all_of(("ladid",), SIMULATED, ladid)
        made.all_of(PAPER, SIMULATED, 0.2)
        made.all_of(("gru",), SIMULATED, 0.001)  # no rival of the paper
        assert made.verdict("C16") == verdict


def test_climatology_is_a_rival_where_the_comparison_has_it() -> None:
    """Of air temperature it is the method to beat."""
    made = Made()
    made.all_of(("ladid",), MEASURED, 0.1)
    made.all_of((*NEURAL, *SIMPLE), MEASURED, 0.3)
    made.runs("air-temperature", "climatology", 0.03, seeds=(0,), kind="reference", steps=0)
    part = next(one for one in made.judged("C13").parts if one.name == "C12 on measured data")
    assert part.judgement[0] == NOT_REPRODUCED
    assert [pair[2] for pair in part.against] == ["climatology"]


def test_all_closed_form_methods_and_all_neural_ones_are_rivals() -> None:
    made = compared()
    assert made.verdict("C1b") == REPRODUCED
    made.all_of(("koopman",), LINEAR[:2], 0.01)
    assert made.verdict("C1b") == REPRODUCED  # it was not run on the third, so it is no rival on the others either
    made.all_of(("koopman",), LINEAR[2:], 0.01)
    assert (made.verdict("C1a"), made.verdict("C1b")) == (REPRODUCED, NOT_REPRODUCED)
    made = compared(sets=SIMULATED)
    made.all_of(SIMPLE, SIMULATED, 0.3)
    assert made.verdict("C12") == REPRODUCED
    made.all_of(("sindy",), LINEAR[:1], 0.01)
    assert made.verdict("C12") == NOT_REPRODUCED


def test_other_arms_are_told_and_the_primary_one_decides() -> None:
    made = compared()
    made.all_of(("ladid",), LINEAR, 0.4, variant="film")
    made.all_of(("ladid",), LINEAR[:1], 0.01, variant="xmix")
    found = made.judged("C1a")
    assert found.verdict == REPRODUCED
    assert found.arms == {"ladid": REPRODUCED, "ladid:xmix": NOT_RUN, "ladid:film": NOT_REPRODUCED}
    assert [part.counted for part in found.parts] == [True, False, False]
    assert "1 of the 3" in found.parts[1].judgement[1]
    assert found.to_json()["arms"] == found.arms
    only = Made()
    only.all_of(("ladid",), LINEAR, 0.01, variant="film")
    only.all_of(NEURAL, LINEAR, 0.4)
    assert only.verdict("C1a") == NOT_RUN


LARGER = [
    {**costs.BASE, "dataset": "pendulum-64"},
    {**costs.BASE, "dataset": costs.LONGER},
    {**costs.ASKED, "dataset": costs.BEYOND},
]
PLACES = (costs.BASE, costs.FEWER, costs.BASE_ASKED, {**costs.ASKED, "dataset": "pendulum-asked-one"}, *LARGER)


def priced(ladid: float, others: float, growth: float = 1.0, **how: Any) -> Made:
    """Costs of LaDID and of ODE methods; LaDID's grow ``growth`` times more with pixels, horizon, trajectories."""
    made = Made()
    for place in PLACES:
        for method in ("ladid", *costs.ODE):
            for seed in SEEDS:
                mine, wobble = method == "ladid", np.random.default_rng([2, made.count]).normal(0, 0.02)
                cost = (ladid if mine else others) * np.exp(wobble)
                if mine:
                    cost *= growth if place in LARGER else 1 / growth if place is costs.FEWER else 1
                seconds = {costs.FORECAST if place["arm"] == "zero-shot" else costs.STEP: cost}
                made.runs(method=method, error=0.1, seeds=(seed,), **place, **seconds, **ALONE | how)
    return made


def test_cheaper_means_better_at_equal_time_and_faster_to_ask() -> None:
    for error, cost, verdict in (
        (0.1, 1.0, REPRODUCED),
        (0.2, 1.0, NOT_SEPARABLE),
        (0.4, 1.0, NOT_REPRODUCED),
        (0.1, 2.0, NOT_SEPARABLE),
        (0.1, 4.0, NOT_REPRODUCED),
    ):
        made = priced(cost, 2.0)
        made.all_of(("ladid",), ("pendulum", "wave"), error, experiment="equal-time", noise=0.3)
        made.all_of(costs.ODE, ("pendulum", "wave"), 0.2, experiment="equal-time", noise=0.3)
        assert made.verdict("C8") == verdict
    found = priced(1.0, 2.0).judged("C8")
    lacking = [part.name for part in found.parts if part.judgement[0] == NOT_RUN]
    assert len(lacking) == 1 and f"{lacking[0]}: " in found.reason


def test_networks_without_an_equation_are_told_at_equal_time_and_decide_nothing() -> None:
    made = priced(1.0, 2.0)
    made.all_of(("ladid",), ("pendulum", "wave"), 0.1, experiment="equal-time")
    made.all_of(costs.ODE, ("pendulum", "wave"), 0.2, experiment="equal-time")
    made.runs("pendulum", "ssm", 0.05, experiment="equal-time")
    found = made.judged("C8")
    assert found.verdict == REPRODUCED
    (others,) = (part for part in found.parts if "without an ODE" in part.name)
    assert [(pair, round(math.exp(one.ratio.estimate))) for pair, one in others.contrasts.items() if one.ratio] == [
        (("pendulum", "ladid", "ssm"), 2)
    ]


def test_forecasts_of_models_that_have_learnt_nothing_are_never_settled() -> None:
    made = priced(1.0, 2.0)
    made.all_of(("ladid",), ("pendulum",), 0.1, experiment="equal-time")
    made.all_of(costs.ODE, ("pendulum",), 0.2, experiment="equal-time")
    for row in made.rows:  # what few steps have taught does not matter to the cost of a step
        if row["experiments"] == "cost":
            made.samples[row["key"]] = sample(20, 0.1, None, 0)
    assert made.judged("C15").to_json()["untrained"] == []
    assert made.judged("C8").to_json()["untrained"] == []
    sources = Made()
    sources.count = 10_000
    sources.runs("pendulum", "msvi", 20, experiment="comparison")
    keys = [row["key"] for row in sources.rows]
    for row in made.rows:  # asked far ahead no model is better than the mean; that is no sign of what it has learnt
        if row["experiments"] == "forecast-cost" and row["method"] == "msvi":
            row |= {"init_from": "pendulum", "init_from_key": keys[row["seed"]]}
    made.rows += sources.rows
    made.samples |= sources.samples
    found = made.judged("C8")
    assert (found.verdict, found.standing) == (REPRODUCED, UNTRAINED)
    assert found.to_json()["untrained"] == ["msvi on pendulum-asked", "msvi on pendulum-asked-one"]
    made.samples |= {key: sample(0.1, 0.1, None, 0) for key in keys}
    assert made.judged("C8").to_json()["untrained"] == []


def test_a_claim_about_cost_never_settles_as_forecasts_are_timed_once() -> None:
    made = priced(1.0, 2.0)
    for steps in (600, 1200):
        made.all_of(("ladid",), ("pendulum",), 0.1, experiment="equal-time", steps=steps)
        made.all_of(costs.ODE, ("pendulum",), 0.2, experiment="equal-time", steps=steps)
    found = made.judged("C8")
    assert (found.verdict, found.standing) == (REPRODUCED, ONE_BUDGET)
    assert len(found.rungs) == 2


def test_equal_time_is_compared_where_the_times_are_equal() -> None:
    made = priced(1.0, 2.0)
    made.all_of(("ladid",), ("pendulum",), 0.1, experiment="equal-time", **{costs.STEP: 0.1})
    for method, seconds in zip(costs.ODE, (0.1, 0.12, 0.13, 0.08, 0.07, 0.1), strict=True):  # the limit is 1.25
        made.all_of((method,), ("pendulum",), 0.2, experiment="equal-time", **{costs.STEP: seconds})
    (trained,) = [part for part in made.judged("C8").parts if "equal" in part.name]
    problems = [one.problem for one in trained.sets[0].contrasts]
    assert [bool(problem) for problem in problems] == [False, False, True, False, True, False]
    assert "1.30 times" in problems[2] and "0.70 times" in problems[4]


def test_a_forecast_beyond_the_time_of_training_is_told_and_not_counted() -> None:
    found = {part.name: part for part in priced(1.0, 2.0, growth=3.0).judged("C8").parts}
    assert [one.name for one in found["CPU time of a forecast"].sets] == ["pendulum-asked", "pendulum-asked-one"]
    assert found["CPU time of a forecast"].judgement[0] == REPRODUCED
    beyond = found["CPU time of a forecast beyond the time of training"]
    assert (beyond.counted, beyond.judgement[0]) == (False, NOT_REPRODUCED)


def test_scaling_compares_what_a_larger_task_costs_and_tells_how_costs_grow() -> None:
    assert priced(5.0, 2.0).verdict("C15") == NOT_REPRODUCED
    assert priced(2.0, 2.0, growth=1.2).verdict("C15") == NOT_SEPARABLE  # the limit is 1.25
    assert priced(2.0, 2.0, growth=1.5).verdict("C15") == NOT_REPRODUCED
    cheap = priced(1.0, 2.0, growth=1.5).judged("C15")
    assert [(part.name, part.judgement[0], part.counted) for part in cheap.parts] == [
        ("a step", REPRODUCED, True),
        ("growth of a step", NOT_REPRODUCED, False),
        ("growth of a forecast", NOT_REPRODUCED, False),
    ]
    assert [one.name for one in cheap.parts[1].sets] == ["pixels", "horizon", "trajectories"]
    assert compared().verdict("C15") == NOT_RUN


def test_costs_count_only_where_a_run_had_its_machine_to_itself() -> None:
    assert "load 2.0" in priced(1.0, 2.0, cost_load=2.0).judged("C15").reason
    made = priced(1.0, 2.0)
    row = next(one for one in made.rows if one["dataset"] == "pendulum-64")
    row["host"] = "another"
    assert "machines" in made.judged("C15").reason
    row["cost_load"] = float("nan")
    assert "was not measured" in made.judged("C15").reason
    row["status"] = "timeout"
    assert all(word in made.judged("C15").reason for word in ("ladid, seed 0", "timeout"))


def test_costs_have_the_interval_of_students_test_of_two_samples() -> None:
    """Of logarithms, with one variance for both, by scipy: three seeds of one method and four of the other."""
    made = Made()
    seconds = {"ladid": (1.0, 1.1, 1.3), "ode-rnn": (2.0, 2.6, 2.1, 2.9)}
    for method, several in seconds.items():
        for seed, one in enumerate(several):
            made.runs("pendulum", method, 0.1, (seed,), experiment="cost", **{costs.STEP: one}, **ALONE)
    own, rival = (costs.Cost(costs.STEP, made.evidence.side(name, "cost", method=name)) for name in seconds)
    (found,) = costs.compare_costs(made.evidence, own, [rival])
    test = ttest_ind(*(np.log(several) for several in seconds.values()))
    assert found.interval is not None and found.ratio is not None
    ends = test.confidence_interval(0.95)
    assert (found.interval.low, found.interval.high) == pytest.approx((ends.low, ends.high))
    assert (found.ratio.freedom, found.seeds) == ((test.df,), 3)


def test_a_machine_is_shared_from_half_a_process_a_thread_on_that_is_not_the_runs_own() -> None:
    loads = ((1.5, 1), (1.6, 1), (3.0, 2), (3.1, 2))
    assert [costs.shared({"cost_load": load, "threads": threads}) for load, threads in loads] == [False, True] * 2
    assert costs.shared({})  # where nothing was recorded


@pytest.mark.parametrize(
    ("small", "enough", "verdict"),
    [(0.3, 0.1, REPRODUCED), (0.1, 0.1, NOT_SEPARABLE), (0.3, 0.2, NOT_REPRODUCED), (0.05, 0.1, NOT_REPRODUCED)],
)
def test_a_plateau_and_where_it_begins(small: float, enough: float, verdict: str) -> None:
    made, how = Made(), {"experiment": "sufficiency"}
    made.runs("pendulum", "ladid", 0.1, **how)
    made.runs("pendulum", "ladid", small, changes="psi=1", **how)
    made.runs("pendulum", "ladid", enough, changes="psi=2", **how)
    made.runs("pendulum", "ladid", enough, changes="psi=4", **how)
    made.runs("pendulum", "ladid", 9.0, changes="latent=4", **how)  # told, and not counted
    alone = made.judged("C14")  # a part that fails decides, whatever is not there yet
    assert (alone.verdict, "context" in alone.reason) == (
        (NOT_REPRODUCED, False) if verdict == NOT_REPRODUCED else (NOT_RUN, True)
    )
    made.runs("pendulum-context-1", "ladid", 0.3, **how)
    made.runs("pendulum-context-2", "ladid", 0.1, **how)
    assert made.verdict("C14") == verdict


def sized(errors: dict[int, float], dataset: str = "pendulum", whole: float = 0.1) -> dict[str, str]:
    """Verdicts on the parts of C14 about psi, from errors by its size and the error of the preset."""
    made, how = Made(), {"experiment": "sufficiency"}
    made.runs(dataset, "ladid", whole, **how)
    for size, error in errors.items():
        made.runs(dataset, "ladid", error, changes=f"psi={size}", **how)
    return {part.name.partition(" in psi")[0]: part.judgement[0] for part in made.judged("C14").parts if part.sets}


def test_the_plateau_begins_with_as_many_numbers_as_the_state_has_and_one_less_is_too_few() -> None:
    """Two angles and two velocities of a double pendulum are four numbers; the largest size below counts."""
    assert sized({2: 0.2, 4: 0.1})["enough room"] == NOT_REPRODUCED  # two are enough for a pendulum
    told = {"dataset": "double-pendulum"}
    assert sized({1: 0.3, 3: 0.3, 4: 0.1}, **told) == {"enough room": REPRODUCED, "too little room": REPRODUCED}
    assert sized({1: 0.3, 3: 0.1, 4: 0.1}, **told)["too little room"] == NOT_SEPARABLE
    assert sized({3: 0.3, 4: 0.2}, **told)["enough room"] == NOT_REPRODUCED


def test_contexts_are_compared_with_the_full_one_and_may_be_a_quarter_worse() -> None:
    made, how = Made(), {"experiment": "sufficiency"}
    made.runs("pendulum", "ladid", 0.1, **how)
    made.runs("pendulum-context-1", "ladid", 0.1, **how)
    made.runs("pendulum-context-2", "ladid", 0.08, **how)
    parts = {part.name: part.judgement[0] for part in made.judged("C14").parts if part.sets}
    assert parts == {"enough context": REPRODUCED, "too little context": NOT_SEPARABLE}
    made = Made()
    made.runs("pendulum", "ladid", 0.1, **how)
    made.runs("pendulum-context-1", "ladid", 0.3, **how)
    made.runs("pendulum-context-2", "ladid", 0.105, **how)
    parts = {part.name: part.judgement[0] for part in made.judged("C14").parts if part.sets}
    assert parts == {"enough context": REPRODUCED, "too little context": REPRODUCED}


def test_every_claim_has_an_entry_that_json_can_hold() -> None:
    found = [one.to_json() for one in judge(compared().evidence)]
    assert [one["id"] for one in found] == [f"C{number}" for number in ("1a", "1b", "2a", "2b", *range(3, 17))]
    assert {one["verdict"] for one in found[:4]} == {NOT_RUN, REPRODUCED}
    assert all(one["reason"] for one in found if one["verdict"] == NOT_RUN)
    assert found[0]["interval"][0] < found[0]["effect"] < found[0]["interval"][1]
    assert found[4]["interval"] is None


def test_json_tells_of_each_comparison_what_was_found_and_the_fewest_seeds_of_any() -> None:
    made = compared(0.17)
    made.runs("wave", "gru", 0.2, seeds=(3,))
    made.all_of(("ladid",), LINEAR, 0.17, seeds=(3,))
    found = made.judged("C1b")
    assert found.seeds == 3  # of four on one side alone
    (counted,) = (part for part in found.parts if part.counted)
    kept = {(name, second): one for (name, _, second), one in counted.contrasts.items()}
    for part in found.to_json()["details"]["parts"][0]["sets"]:
        for pair in part["comparisons"]:
            behind = kept[part["name"], pair["second"]]
            assert behind.beside is not None and behind.interval is not None
            assert pair["interval"] == [math.exp(behind.interval.low), math.exp(behind.interval.high)]
            assert (pair["p_worse"], pair["seeds"]) == (behind.p, behind.seeds)
            assert pair["groups_won"] == behind.beside.groups_won
            assert pair["improvement"] == behind.beside.improvement
            assert pair["ratio_of_means"] == behind.beside.ratio_of_means


def test_other_test_trajectories_or_lost_samples_are_no_comparison() -> None:
    made = compared(sets=LINEAR[:1])
    evidence = made.evidence
    first, second = (evidence.side(name, "comparison", method=name) for name in ("ladid", "gru"))
    made.samples.pop(second.rows[1]["key"])
    assert "were not kept" in contrast(made.evidence, first, second).problem
    twice = Side("twice", first.rows * 2)
    assert "several runs a seed" in contrast(made.evidence, twice, second).problem


def test_holm() -> None:
    made = [told(0.01 * normal) for normal in (1.881, 2.326, 1.751)]  # p of 0.03, 0.01 and 0.04 on one side
    declined, missing = Contrast("a", "b", problem="why", skipped=True), Contrast("a", "c", problem="missing")
    few = Contrast("a", "d", problem="one group", undecidable=True)
    assert [one.p for one in holm([*made, declined, few], 1.0)[:3]] == pytest.approx([0.06, 0.03, 0.06], rel=0.01)
    assert [one.p for one in holm([*made, missing], 1.0)] == pytest.approx([0.09, 0.04, 0.09, 1.0], rel=0.01)


def test_pooled_intervals_of_equal_width_shrink_with_the_root_of_their_number() -> None:
    found = pooled([Interval(0.0, -1.0, 1.0)] * 4)
    assert found == Interval(0.0, -0.5, 0.5)
    assert pooled([]) is None


def test_pooling_takes_each_end_from_its_own_side() -> None:
    """Two intervals that reach 1 down and 3 up: half of the root of 1 + 1 down, half of that of 9 + 9 up."""
    found = pooled([Interval(1.0, 0.0, 4.0), Interval(3.0, 2.0, 6.0)])
    assert found is not None
    assert (found.estimate, found.low, found.high) == pytest.approx((2.0, 2 - math.sqrt(0.5), 2 + math.sqrt(4.5)))


def test_no_run_goes_through_the_claims() -> None:
    through = {path.stem for path in provenance._gone_through([provenance.RUNNER])}
    assert not through & {"claims", "rules", "verdicts", "paired", "evidence", "budgets", "crossed"}
    for path in (Path(ladid_bench.__file__).parent / "analysis").glob("*.py"):
        names = {node.module for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)}
        assert "ladid_bench.reporting" not in {str(name)[:21] for name in names}


def test_being_ahead_of_all_but_one_is_not_enough() -> None:
    made = compared()
    made.rows = [row for row in made.rows if row["method"] != "gru"]
    made.all_of(("gru",), LINEAR, 0.1)
    assert made.verdict("C1b") == NOT_SEPARABLE


def told(estimate: float, spread: float = 0.01, rival: str = "b") -> Contrast:
    """A comparison whose 95 % interval is ``estimate`` +- 1.96 ``spread``, of a normal distribution."""
    return Contrast("a", rival, ratio=LogRatio(estimate, (spread**2,), (10**6,)))


@pytest.mark.parametrize(
    ("estimates", "outcome"),
    [
        ((-0.021, -0.021), MET),
        ((-0.021, -0.019), OPEN),  # ahead of one rival alone
        ((0.021, -0.021), OPEN),  # 2.1 standard errors behind: p = 0.018, twice that after Holm's correction
        ((0.021,), UNMET),  # the same behind a single rival
        ((0.023, -0.021), UNMET),  # p = 0.0107, and 0.0214 after the correction
        ((0.023, 0.021), UNMET),
    ],
)
def test_ahead_takes_every_interval_and_behind_one_that_is_left_after_holms_correction(
    estimates: tuple[float, ...], outcome: str
) -> None:
    part = decide("part", {"set": [told(value, rival=f"b{place}") for place, value in enumerate(estimates)]})
    assert [one.outcome for one in part.sets] == [outcome]


def test_the_correction_is_over_rivals_and_data_sets() -> None:
    behind = told(0.023)
    assert decide("part", {"one": [behind], "two": [told(0.0)]}).sets[0].outcome == UNMET  # 2 comparisons
    assert decide("part", {"one": [behind], "two": [told(0.0)] * 2}).sets[0].outcome == OPEN  # 3 of them


def test_an_interval_behind_that_the_correction_takes_back_is_named() -> None:
    """p of 0.021 is 0.018: alone it would be against the claim, as one of three comparisons it is not."""
    part = decide("part", {"one": [told(0.021, rival="c")], "two": [told(0.0), told(0.0)]})
    verdict, reason = conjunction([part])
    assert verdict == part.judgement[0] == NOT_SEPARABLE
    assert "c on one" in reason and "3 comparisons" in reason and "b on two" not in reason
    level = decide("part", {"one": [told(0.01)]})
    assert conjunction([level]) == (NOT_SEPARABLE, "")  # its interval holds 1: nothing to name
    beside = conjunction([level, decide("other", {"one": [told(0.021, rival="c"), told(0.0)]})])
    assert beside[1].startswith("other: ")


def test_one_spread_between_seeds_is_that_of_all_networks_together() -> None:
    """Means of three seeds have variances of 1, 4 and 1: those of the seeds are 3, 12 and 3, and 6 on average.

    The mean of three seeds of such a spread has a variance of 2, and the difference of two means one of 4, known with
    six degrees of freedom; what belongs to the groups stays.
    """
    made = [
        Contrast("a", "b", ratio=LogRatio(2.0, (0.5, 1.0, 4.0), (9, 2, 2))),
        Contrast("a", "c", ratio=LogRatio(3.0, (0.25, 1.0, 1.0), (9, 2, 2))),
        Contrast("a", "analog", ratio=LogRatio(4.0, (0.125, 1.0), (9, 2))),
        Contrast("a", "a", ratio=LogRatio(5.0, (0.5, 9.0), (9, 2)), same_models=True),
        Contrast("a", "d", problem="has not ended"),
    ]
    pooled = [one.ratio for one in decide("part", {"set": made}).with_one_spread().sets[0].contrasts]
    assert pooled[:2] == [LogRatio(2.0, (0.5, 4.0), (9, 6)), LogRatio(3.0, (0.25, 4.0), (9, 6))]
    assert pooled[2:] == [LogRatio(4.0, (0.125, 2.0), (9, 6)), made[3].ratio, None]


def test_one_spread_is_told_beside_the_verdict_and_leaves_it() -> None:
    """Three seeds tell little of a spread, ten networks together tell much: what is clearly behind shows."""
    made = Made()
    made.all_of(("ladid", *NEURAL), LINEAR, 0.2)
    made.rows = [row for row in made.rows if (row["dataset"], row["method"]) != ("wave", "gru")]
    made.runs("wave", "gru", 0.15, noise=0.02)
    for row in made.rows:
        one = made.samples[row["key"]]
        spread = np.random.default_rng([7, int(row["key"], 16)]).lognormal(0, 0.03)
        made.samples[row["key"]] = replace(one, squared_error=one.squared_error * np.float32(spread))
    found = made.judged("C1b")
    assert found.verdict == NOT_SEPARABLE
    assert found.with_one_spread == (NOT_REPRODUCED, ["gru on wave"])
    assert found.to_json()["with_one_spread"] == {"verdict": NOT_REPRODUCED, "against": ["gru on wave"]}


@pytest.mark.parametrize(("estimate", "outcome"), [(0.20, MET), (0.21, OPEN), (0.24, OPEN), (0.25, UNMET)])
def test_no_worse_by_a_quarter_is_a_matter_of_whole_intervals(estimate: float, outcome: str) -> None:
    assert np.log(1.25) == pytest.approx(0.2231, abs=1e-4)  # +- 0.0196
    assert decide("part", {"set": [told(estimate)]}, limit=1.25).sets[0].outcome == outcome


def test_the_weakest_part_is_the_one_that_comes_nearest_to_its_own_limit() -> None:
    """A ratio of 1.1 is 12 % below 1.25, one of 0.95 is 5 % below 1."""
    no_worse = decide("no worse", {"set": [told(math.log(1.1))]}, limit=1.25)
    better = decide("better", {"set": [told(math.log(0.9), rival="c"), told(math.log(0.95))]})
    assert better.effect is not None
    assert math.exp(better.effect.estimate) == pytest.approx(0.95)  # against the strongest rival
    assert weakest([no_worse, better]) is better


def test_a_part_that_has_not_moved_is_the_part_that_it_was() -> None:
    part = decide("part", {"set": [told(math.log(1.1))]}, limit=1.25, counted=False, expected=3, arm="film")
    assert part.moved({}) == part
    assert part.moved({("set", "a", "b"): 0.5}).sets[0].outcome == UNMET


def test_what_is_told_beside_a_ratio_by_hand() -> None:
    made = Made()
    made.runs("pendulum", "ladid", 0.0, noise=0)
    made.runs("pendulum", "gru", 0.0, noise=0)
    errors = {"ladid": [1.0, 1.0, 1.0, 9.0], "gru": [2.0, 2.0, 1.0, 4.0]}  # by group
    for row in made.rows:
        times = row["seed"] + 1 if row["method"] == "gru" else 1
        made.samples[row["key"]] = of_groups(np.array(errors[row["method"]]) * times / 10)
    pair = (made.evidence.side(name, "comparison", method=name) for name in ("ladid", "gru"))
    found = contrast(made.evidence, *pair)
    assert found.beside is not None and found.interval is not None
    assert found.beside.ratio_of_means == pytest.approx(12 / (9 * 2))  # of the means 3 and 2.25 (1, 2 and 3 times)
    logs = np.log([1, 1, 1, 9]).mean() - np.log([2, 2, 1, 4]).mean() - np.log([1, 2, 3]).mean()
    assert found.interval.estimate == pytest.approx(logs)
    assert found.beside.groups_won == pytest.approx(3 / 4)  # 6 ** (1/3) < 9 / 4
    assert found.beside.improvement == pytest.approx(2 / 3)  # 3 against 2.25, 4.5 and 6.75


def of_groups(errors: np.ndarray) -> Sample:
    """A sample with a trajectory a group and a single frame."""
    plain = sample(1.0, 0, None, 0)
    cut = {name: getattr(plain, name)[: len(errors), :1] for name in ("squared_truth", "squared_deviation", "times")}
    return replace(plain, squared_error=errors[:, None].astype(np.float32), group=np.arange(len(errors)), **cut)


def test_ladid_against_itself_under_other_seeds_has_no_verdict() -> None:
    made = Made()
    for name in ("ladid", *PAPER):
        made.all_of((name,), LINEAR, 0.1, noise=0.3)
    found = made.judged("C1a")
    assert found.verdict == NOT_SEPARABLE
    assert {one.outcome for part in found.parts for one in part.sets} == {OPEN}


@pytest.mark.parametrize(
    ("outcomes", "expected", "verdict"),
    [
        ((MET, OPEN), 2, NOT_SEPARABLE),
        ((MET, MET, OPEN), 3, REPRODUCED),
        ((MET, MET, OPEN, OPEN), 4, NOT_SEPARABLE),
        ((UNDECIDABLE, OPEN), 2, UNDECIDABLE),  # the one that is left could be no majority
        ((UNDECIDABLE, OPEN, OPEN), 3, NOT_SEPARABLE),
        ((OPEN, OPEN), 4, NOT_SEPARABLE),  # and the two that are not there could not either
        ((MET, OPEN), 4, NOT_RUN),
    ],
)
def test_half_of_the_data_sets_is_no_majority(outcomes: tuple[str, ...], expected: int, verdict: str) -> None:
    sets = tuple(SetResult(f"set-{place}", one, ()) for place, one in enumerate(outcomes))
    assert Part("ahead", sets, expected=expected).judgement[0] == verdict
