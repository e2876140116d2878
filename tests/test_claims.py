"""Verdicts on the claims, from made-up run tables and errors whose answers are known."""

import ast
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import made_up
import numpy as np
import pandas as pd
import pytest

import ladid_bench
from ladid_bench.analysis import costs, rules
from ladid_bench.analysis.claims import CLAIMS, Judged, judge
from ladid_bench.analysis.paired import NEEDS_SEEDS, Contrast, Evidence, Group, contrast, holm
from ladid_bench.analysis.statistics import Interval
from ladid_bench.analysis.verdicts import (
    MET,
    NOT_REPRODUCED,
    NOT_RUN,
    NOT_SEPARABLE,
    OPEN,
    REPRODUCED,
    UNMET,
    pooled,
    superior,
)
from ladid_bench.core import provenance
from ladid_bench.core.configuration import load_study
from ladid_bench.probing.probes import Probe
from ladid_bench.runs.records import Sample
from ladid_bench.study.plan import plan_runs

TRAJECTORIES, FRAMES = 20, 4
SEEDS = (0, 1, 2)
NEURAL, SIMPLE = rules.NEURAL, rules.SIMPLE
ALONE = {"cost_load": 1.0, "threads": 1, "host": "one", "processor": "some", "device": "cpu"}
LINEAR, FIELDS = rules.SIMULATED[:3], rules.SIMULATED[3:]


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
            plain = {"variant": "default", "arm": "scratch", "init_from": ""}
            primary_metric = "fvu" if dataset in rules.MEASURED else "nmse"
            row = {"dataset": dataset, "method": method, "seed": seed, "key": key, "kind": kind, "status": status}
            row |= {
                "experiments": experiment,
                "reason": "" if status == "ok" else "why",
                "primary_metric": primary_metric,
            }
            row |= {"midpoints_nmse_mean": np.nan if midpoints is None else 1.0, "fraction": 1.0, "changes": ""}
            self.rows.append({**row, **plain, **how})
            if status == "ok":
                self.samples[key] = sample(error, noise, midpoints, self.count)

    def all_of(self, methods: Iterable[str], sets: Iterable[str], error: float, **how: Any) -> None:
        for dataset in sets:
            for method in methods:
                seeds = (0,) if method in SIMPLE else SEEDS
                self.runs(dataset, method, error, **{"seeds": seeds, **how})

    def on_one_group(self, sets: Iterable[str]) -> None:
        """Let the test trajectories of these data sets be windows of one and the same group."""
        for row in self.rows:
            if row["dataset"] in sets and row["key"] in self.samples:
                one = self.samples[row["key"]]
                self.samples[row["key"]] = replace(one, group=np.zeros_like(one.group))

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
    ones, none = np.ones_like(squared), np.zeros((TRAJECTORIES, 0), np.float32)
    off = none if midpoints is None else squared * midpoints
    pictures = np.zeros((0, FRAMES, 1, 2, 2), np.uint8)
    return Sample(
        squared_error=squared,
        squared_truth=ones,
        squared_deviation=ones,
        group=np.arange(TRAJECTORIES),
        times=np.tile(np.arange(FRAMES, dtype=float), (TRAJECTORIES, 1)),
        representation=none,
        midpoints_squared_error=off.astype(np.float32),
        midpoints_squared_truth=none if midpoints is None else ones,
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
    found = compared().judged("C1")
    assert (found.verdict, found.seeds, found.lost) == (REPRODUCED, 3, [])
    assert found.effect is not None
    assert 0.4 < found.effect.low < found.effect.estimate < found.effect.high < 0.6
    assert len(found.runs) == 3 * 3 * 8
    assert compared(sets=FIELDS).verdict("C2") == REPRODUCED


def test_one_rival_that_is_clearly_ahead_on_one_set_is_enough_against() -> None:
    made = compared(sets=LINEAR[:2])
    made.all_of(("ladid",), LINEAR[2:], 0.1)
    made.all_of(NEURAL[:-1], LINEAR[2:], 0.2)
    made.all_of(NEURAL[-1:], LINEAR[2:], 0.05)
    assert made.verdict("C1") == NOT_REPRODUCED


def test_overlap_is_not_separable_and_a_majority_decides() -> None:
    assert compared(0.1, 0.1).verdict("C1") == NOT_SEPARABLE
    for even, verdict in ((LINEAR[:1], REPRODUCED), (LINEAR[:2], NOT_SEPARABLE)):
        made = compared(sets=[name for name in LINEAR if name not in even])
        made.all_of(("ladid", *NEURAL), even, 0.1)
        assert made.verdict("C1") == verdict


def test_a_single_test_unit_is_neither_for_a_claim_nor_against_it() -> None:
    for single, verdict in ((FIELDS[:1], REPRODUCED), (FIELDS[:2], NOT_SEPARABLE)):
        for ladid, others, found in ((0.1, 0.2, verdict), (0.2, 0.1, NOT_REPRODUCED)):
            made = compared(ladid, others, sets=FIELDS)
            made.on_one_group(single)
            assert made.verdict("C2") == found
    made.on_one_group(FIELDS)
    assert made.verdict("C2") == NOT_SEPARABLE
    made = compared(sets=FIELDS[1:])
    made.all_of(("ladid", *NEURAL[1:]), FIELDS[:1], 0.1)
    made.on_one_group(FIELDS[:1])
    assert f"{FIELDS[0]}: {NEURAL[0]} " in made.judged("C2").reason


def test_fewer_than_three_seeds_never_give_a_verdict() -> None:
    made = Made()
    made.all_of(("ladid", *SIMPLE), rules.SIMULATED, 0.1, seeds=(0, 1))
    made.all_of(NEURAL, rules.SIMULATED, 0.9, seeds=(0, 1))
    for name in ("C1", "C2", "C9"):
        assert (made.judged(name).verdict, made.judged(name).reason) == (NOT_RUN, NEEDS_SEEDS)
    assert made.verdict("C12") == NOT_RUN


def test_seeds_that_two_methods_do_not_share_do_not_count() -> None:
    made = Made()
    made.all_of(("ladid",), LINEAR, 0.1)
    made.all_of(NEURAL, LINEAR, 0.2, seeds=(2, 3, 4))
    assert made.judged("C1").reason == NEEDS_SEEDS


def test_a_missing_or_unfinished_comparator_is_named() -> None:
    made = Made()
    made.all_of(("ladid",), LINEAR, 0.1)
    made.all_of(NEURAL[1:], LINEAR, 0.2)
    found = made.judged("C1")
    assert found.verdict == NOT_RUN
    assert f"pendulum: {NEURAL[0]} " in found.reason
    made.all_of(NEURAL[:1], LINEAR, 0.2, status="not run")
    assert re.search(rf"pendulum: 3 of 3 [a-z ]*{NEURAL[0]} [a-z ]*; ", made.judged("C1").reason)
    made.all_of(("koopman", "ldnet"), LINEAR[:1], 0.2, status="not run")
    assert re.search(rf"pendulum: 3 of 3 [a-z ]*{NEURAL[0]} [a-z ]*\(and 2 more\); ", made.judged("C1").reason)
    made.all_of(("fno",), LINEAR[:1], 0.02)  # one rival that is ahead decides, whoever is missing
    assert made.verdict("C1") == NOT_REPRODUCED


def test_a_study_with_too_few_of_the_data_sets_gives_no_verdict() -> None:
    found = compared(sets=LINEAR[:1]).judged("C1")
    assert found.verdict == NOT_RUN
    assert "1 of the 3" in found.reason
    assert Made().judged("C1").verdict == NOT_RUN


def test_a_comparator_that_declines_a_set_is_named_and_does_not_decide() -> None:
    made = Made()
    made.all_of(("ladid",), rules.SIMULATED, 0.1)
    made.all_of(SIMPLE[:-1], rules.SIMULATED, 0.3)
    made.all_of(SIMPLE[-1:], rules.SIMULATED, 0.3, status="skipped")
    found = made.judged("C12")
    assert found.verdict == REPRODUCED
    notes = [one["note"] for one in found.to_json()["details"]["parts"][0]["sets"][0]["comparisons"]]
    assert notes[:-1] == [""] * 4
    assert notes[-1].startswith(SIMPLE[-1]) and notes[-1].endswith(": why")


def test_a_variant_that_does_not_stand_for_its_method_is_no_comparator() -> None:
    made = compared()
    made.all_of(("ode-rnn",), LINEAR, 0.001, variant="official-bug")
    made.all_of(("ladid",), LINEAR, 0.001, variant="paper")
    assert made.verdict("C1") == REPRODUCED


@pytest.mark.parametrize("status", ["diverged", "timeout", "error", "out-of-memory"])
def test_lost_runs_count_against_their_method_and_are_named(status: str) -> None:
    made = compared(sets=LINEAR)
    made.rows = [row for row in made.rows if row["method"] not in ("ladid", "gru")]
    for name in LINEAR:
        made.runs(name, "ladid", 0.1, seeds=(0, 1))
        made.runs(name, "ladid", 0.1, seeds=(2,), status=status)
        made.runs(name, "gru", 0.11)
    found = made.judged("C1")
    assert found.verdict != REPRODUCED
    assert f"ladid, seed 2: {status} on pendulum" in found.lost
    assert found.effect is not None
    assert found.effect.estimate > 1
    rival = compared(sets=LINEAR)
    rival.rows = [row for row in rival.rows if row["method"] != "gru"]
    rival.all_of(("gru",), LINEAR, 0.01, status=status)
    assert rival.verdict("C1") == REPRODUCED


def test_a_lost_run_is_never_better_than_a_bad_one() -> None:
    made = Made()
    made.runs("wave", "ladid", 0, status="diverged")
    made.runs("wave", "ladid-ode", 30.0)
    made.runs("radar-rain", "ladid", 0, status="diverged")
    made.runs("radar-rain", "ladid-ode", 0.5)
    for name in ("wave", "radar-rain"):
        pair = (
            made.evidence.group(method, "comparison", dataset=name, method=method) for method in ("ladid", "ladid-ode")
        )
        found = contrast(made.evidence, *pair).interval
        assert found is not None
        assert found.estimate > 0


def moved(made: Made, target: str, arm: str, fraction: float, error: float, method: str = "ladid", **how: Any) -> None:
    source = "" if arm == "scratch" else "pendulum"
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
    moved(made, rules.CONTROL, "fine-tuned", 0.08, 9.0)  # the control decides nothing
    moved(made, rules.CONTROL, "scratch", 0.08, 0.1)
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


def test_irregular_grids() -> None:
    for error, verdict in ((0.1, REPRODUCED), (0.2, NOT_REPRODUCED)):
        made = Made()
        made.runs("pendulum", "ladid", 0.1, experiment="comparison,irregular")
        made.runs("pendulum--irregular", "ladid", error, experiment="irregular")
        made.runs("pendulum--irregular", "ladid", 5, experiment="irregular", arm="zero-shot", init_from="pendulum")
        assert made.verdict("C6") == verdict
    assert Made().verdict("C6") == NOT_RUN


def ablated(**errors: float) -> Made:
    made = Made()
    usual = {"default": 0.1, "no-kl": 0.3, "no-smoothness": 0.3, "attention-dp": 0.2, "attention-t": 0.2, "film": 0.05}
    for variant, error in (usual | {name.replace("_", "-"): value for name, value in errors.items()}).items():
        for changes in ("steps=600", "observation_std=0.1, steps=600"):
            made.runs("pendulum", "ladid", error, experiment="ablation", variant=variant, changes=changes)
    return made


def test_every_term_and_module_has_a_verdict_of_its_own() -> None:
    found = ablated().judged("C7")
    assert found.verdict == REPRODUCED
    assert [(part.name, part.verdict[0], part.counted) for part in found.parts] == [
        ("divergence of psi", REPRODUCED, True),
        ("smoothness", REPRODUCED, True),
        ("temporal attention", REPRODUCED, True),
        ("dot-product attention", REPRODUCED, True),
        ("against film", NOT_REPRODUCED, False),
    ]
    assert [one.name for one in found.parts[0].sets] == [
        "pendulum (steps=600)",
        "pendulum (observation_std=0.1, steps=600)",
    ]
    assert ablated(no_kl=0.1).verdict("C7") == NOT_SEPARABLE
    assert ablated(no_smoothness=0.05).verdict("C7") == NOT_REPRODUCED
    found = ablated(no_smoothness=0.1).judged("C7")
    assert found.part is not None
    assert found.part.name == "smoothness"  # the effect that is told is that of the weakest part


def test_the_direct_map_and_measured_data() -> None:
    made = compared(sets=(*LINEAR, *rules.MEASURED))
    assert made.verdict("C9") == REPRODUCED
    made.all_of(SIMPLE, rules.MEASURED, 0.3)
    found = made.judged("C13")
    assert found.verdict == NOT_RUN
    assert found.reason.startswith("C3 ")
    assert [part.verdict[0] for part in found.parts] == [REPRODUCED, REPRODUCED, NOT_RUN]
    made.rows = [row for row in made.rows if row["method"] != "ridge"]
    made.all_of(("ridge",), rules.MEASURED, 0.05)
    assert made.verdict("C13") == NOT_REPRODUCED


PLACES = ({"dataset": "pendulum"}, *costs.LARGER.values(), costs.FEWER)


def priced(ladid: float, others: float, growth: float = 1.0, **how: Any) -> Made:
    """Costs of LaDID and of ODE methods; LaDID's grow ``growth`` times more with pixels, horizon, trajectories."""
    made = Made()
    for place in PLACES:
        for method in ("ladid", *costs.ODE):
            for seed in SEEDS:
                mine, wobble = method == "ladid", np.random.default_rng([2, made.count]).normal(0, 0.02)
                cost = (ladid if mine else others) * np.exp(wobble)
                if mine:
                    cost *= growth if place in costs.LARGER.values() else 1 / growth if place is costs.FEWER else 1
                seconds = {costs.STEP: cost, costs.FORECAST: cost}
                made.runs(method=method, error=1, seeds=(seed,), experiment="cost", **place, **seconds, **ALONE | how)
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
    lacking = [part.name for part in found.parts if part.verdict[0] == NOT_RUN]
    assert len(lacking) == 1 and f"{lacking[0]}: " in found.reason


def test_scaling_compares_how_costs_grow() -> None:
    assert priced(5.0, 2.0).verdict("C15") == REPRODUCED  # dear, but growing alike
    assert priced(5.0, 2.0, growth=1.2).verdict("C15") == NOT_SEPARABLE
    assert priced(1.0, 2.0, growth=1.5).verdict("C15") == NOT_REPRODUCED
    assert compared().verdict("C15") == NOT_RUN


def test_costs_count_only_where_a_run_had_its_machine_to_itself() -> None:
    assert "load 2.0" in priced(1.0, 2.0, cost_load=2.0).judged("C15").reason
    made = priced(1.0, 2.0)
    made.rows[0]["host"] = "another"
    assert "machines" in made.judged("C15").reason
    made.rows[0]["cost_load"] = float("nan")
    assert "was not measured" in made.judged("C15").reason
    made.rows[0]["status"] = "timeout"
    assert all(word in made.judged("C15").reason for word in ("ladid, seed 0", "timeout"))


@pytest.mark.parametrize(
    ("small", "enough", "verdict"),
    [(0.3, 0.1, REPRODUCED), (0.1, 0.1, NOT_SEPARABLE), (0.3, 0.2, NOT_REPRODUCED), (0.05, 0.1, NOT_REPRODUCED)],
)
def test_a_plateau_and_where_it_begins(small: float, enough: float, verdict: str) -> None:
    made, how = Made(), {"experiment": "sufficiency"}
    made.runs("pendulum", "ladid", 0.1, **how)
    made.runs("pendulum", "ladid", small, changes="latent=1", **how)
    made.runs("pendulum", "ladid", enough, changes="latent=2", **how)
    made.runs("pendulum", "ladid", enough, changes="latent=4", **how)
    assert "context" in made.judged("C14").reason or verdict == NOT_REPRODUCED
    made.runs("pendulum-context-1", "ladid", 0.3, **how)
    made.runs("pendulum-context-2", "ladid", 0.1, **how)
    assert made.verdict("C14") == verdict


def test_every_claim_has_an_entry_that_json_can_hold() -> None:
    found = [one.to_json() for one in judge(compared().evidence)]
    assert [one["id"] for one in found] == [f"C{number}" for number in range(1, 16)]
    assert {one["verdict"] for one in found} == {NOT_RUN, REPRODUCED}
    assert all(one["reason"] for one in found if one["verdict"] == NOT_RUN)
    assert found[0]["interval"][0] < found[0]["effect"] < found[0]["interval"][1]
    assert found[7]["interval"] is None


def test_other_test_trajectories_or_lost_samples_are_no_comparison() -> None:
    made = compared(sets=LINEAR[:1])
    evidence = made.evidence
    first, second = (evidence.group(name, "comparison", method=name) for name in ("ladid", "gru"))
    made.samples.pop(second.rows[1]["key"])
    assert "were not kept" in contrast(made.evidence, first, second).problem
    twice = Group("twice", first.rows * 2)
    assert "several runs a seed" in contrast(made.evidence, twice, second).problem


def test_holm() -> None:
    some = Interval(-1.0, -2.0, -0.5)
    made = [Contrast("a", "b", interval=some, p=p) for p in (0.03, 0.01, 0.04)]
    adjusted = holm([*made, Contrast("a", "c", problem="missing")])
    assert [one.p for one in adjusted] == pytest.approx([0.06, 0.03, 0.06, 1.0])


def test_pooled_intervals_of_equal_width_shrink_with_the_root_of_their_number() -> None:
    found = pooled([Interval(0.0, -1.0, 1.0)] * 4)
    assert found == Interval(0.0, -0.5, 0.5)
    assert pooled([]) is None


def test_no_run_goes_through_the_claims() -> None:
    through = {path.stem for path in provenance._gone_through([provenance.RUNNER])}
    assert not through & {"claims", "rules", "verdicts", "paired"}
    for path in (Path(ladid_bench.__file__).parent / "analysis").glob("*.py"):
        names = {node.module for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)}
        assert "ladid_bench.reporting" not in {str(name)[:21] for name in names}


def test_the_study_that_is_kept_has_the_runs_that_the_rules_ask_for() -> None:
    root = Path(__file__).parents[1]
    made = Made()
    for run in plan_runs(load_study("cpu", root), root).values():
        source = run.init_from.dataset.name if run.init_from else ""
        how = {"variant": run.variant, "arm": run.arm, "fraction": run.fraction, "changes": run.changes_text}
        how |= {"kind": run.card.kind, "primary_metric": run.dataset.source.primary_metric, "init_from": source} | ALONE
        how |= {name: np.random.default_rng(made.count).lognormal(0, 0.05) for name in (costs.STEP, costs.FORECAST)}
        experiment, error = ",".join(run.experiments), 0.1 if run.method == "ladid" else 0.3
        made.runs(run.dataset.name, run.method, error, (run.seed,), experiment, 0.3, 1.0, **how)
        if "probe" in run.experiments:
            key = made.rows[-1]["key"]
            made.probes[key] = made_up.probe(key, {"psi": 0.1, "pca": 0.3, "untrained": 0.3, "shuffled": 1.0})
    evidence = made.evidence
    evidence.preferred |= {"ladid-ode": "conditional"}
    found = {one.claim.id: one for one in judge(evidence)}
    even = {"C3", "C4", "C6", "C7", "C8", "C11", "C13", "C14", "C15"}  # LaDID against itself, and costs alike
    assert {name for name, one in found.items() if one.verdict == NOT_SEPARABLE} == even
    assert not any(one.verdict == NOT_RUN for one in found.values())
    assert all(one.outcome != "lacking" for name in found for part in found[name].parts for one in part.sets)
    assert {one.name for one in found["C7"].parts[2].sets} == {"pendulum (steps=600)"}
    sets = [[one.name for one in part.sets] for part in found["C11"].parts]
    probed = ["pendulum", "reaction-diffusion", "cylinder-flow", "pendulum--lengths-mixed"]
    targets = ["pendulum--length-1.5", "reaction-diffusion--beta-1.5"]
    assert sets == [probed, targets, targets, probed]
    assert not any("official-bug" in made.second for made in found["C1"].contrasts)


def test_being_ahead_of_all_but_one_is_not_enough() -> None:
    made = compared()
    made.rows = [row for row in made.rows if row["method"] != "gru"]
    made.all_of(("gru",), LINEAR, 0.1)
    assert made.verdict("C1") == NOT_SEPARABLE


@pytest.mark.parametrize(
    ("low", "high", "p", "outcome"),
    [
        (-0.5, -0.1, 0.01, MET),
        (-0.5, -0.1, 0.03, OPEN),  # 0.06 after Holm's correction
        (-0.5, 0.1, 0.01, OPEN),
        (0.1, 0.5, 0.03, OPEN),
        (0.1, 0.5, 0.01, UNMET),
    ],
)
def test_against_several_rivals_interval_and_corrected_test_have_to_agree(
    low: float, high: float, p: float, outcome: str
) -> None:
    alike = [Contrast("a", name, interval=Interval((low + high) / 2, low, high), p=p) for name in "bc"]
    assert superior("set", alike).outcome == outcome
    alone = {MET: MET, UNMET: UNMET, OPEN: OPEN if low < 0 < high else MET if high < 0 else UNMET}[outcome]
    assert superior("set", alike[:1]).outcome == alone
