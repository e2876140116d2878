"""Verdicts over the budget: settled, moving or untrained, from made-up runs at several numbers of steps."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from test_claims import LINEAR, Made, moved

from ladid_bench.analysis.budgets import AGAINST, FOR, MOVING, ONE_BUDGET, SETTLED, UNTRAINED, standing_of_pair, tells
from ladid_bench.analysis.claims import Judged
from ladid_bench.analysis.crossed import LogRatio
from ladid_bench.analysis.paired import Contrast
from ladid_bench.analysis.rules.selection import ODE, PAPER, SIMPLE, SIMULATED
from ladid_bench.analysis.verdicts import NOT_REPRODUCED, NOT_RUN, NOT_SEPARABLE, OPEN, REPRODUCED

RUNGS = (600, 1200, 2400)


def trained(ladid: Sequence[float], others: Sequence[float], noise: float = 0.1) -> Made:
    """LaDID and the paper's rivals with these errors after each of ``RUNGS``, of which the last is the comparison's."""
    made = Made()
    for steps, mine, theirs in zip(RUNGS, ladid, others, strict=False):
        last = steps == RUNGS[len(ladid) - 1]
        asked = {"experiment": "comparison" if last else "", "rung_of": "" if last else "comparison"}
        made.all_of(("ladid",), LINEAR, mine, steps=steps, noise=noise, **asked)
        made.all_of(PAPER, LINEAR, theirs, steps=steps, noise=noise, **asked)
    return made


@pytest.mark.parametrize(
    ("ladid", "verdict", "standing"),
    [
        ((0.20, 0.10, 0.09), REPRODUCED, SETTLED),
        ((0.40, 0.40, 0.10), REPRODUCED, MOVING),  # was not separable one rung before
        ((0.10, 0.05, 0.25), REPRODUCED, MOVING),  # once more five times as much, and it is behind
        ((0.80, 0.80, 0.80), NOT_REPRODUCED, SETTLED),
        ((0.40, 0.40, 0.40), NOT_SEPARABLE, SETTLED),
        ((0.40, 0.09, 0.09), REPRODUCED, SETTLED),  # the last two budgets decide, not the first
        ((0.02, 0.09, 0.10), REPRODUCED, SETTLED),
        ((0.10,), REPRODUCED, ONE_BUDGET),  # a single budget says nothing of the next
    ],
)
def test_a_claim_settles_when_its_last_change_cannot_turn_it(
    ladid: tuple[float, ...], verdict: str, standing: str
) -> None:
    found = trained(ladid, (0.4, 0.4, 0.4)).judged("C1a")
    assert (found.verdict, found.standing) == (verdict, standing)
    told = found.to_json()
    assert told["settled"] == standing
    assert told["steps"] == RUNGS[len(ladid) - 1]
    assert [one["steps"] for one in told["rungs"]] == list(RUNGS[: len(ladid)])


def test_the_highest_budget_that_all_required_methods_have_is_judged() -> None:
    made = trained((0.1, 0.1, 0.9), (0.4, 0.4, 0.4))
    made.rows = [row for row in made.rows if not (row["steps"] == 2400 and row["method"] == "ndp")]
    found = made.judged("C1a")
    assert (found.verdict, found.rung.steps, found.standing) == (REPRODUCED, 1200, SETTLED)
    assert [one.complete for one in found.rungs] == [True, True, False]
    part = trained((0.1, 0.1, 0.9), (0.4, 0.4, 0.4))
    part.rows = [row for row in part.rows if not (row["steps"] == 2400 and row["dataset"] == "wave")]
    assert part.judged("C1a").rung.steps == 1200
    made.rows = [row for row in made.rows if row["method"] != "ndp"]
    found = made.judged("C1a")  # nowhere complete; behind at the highest is enough against it
    assert (found.verdict, found.rung.steps) == (NOT_REPRODUCED, 2400)


def test_before_anything_can_be_compared_the_budget_of_most_planned_runs_is_told() -> None:
    """A longer experiment of another name has runs of LaDID too, which this claim does not look at."""
    made = trained((0.1, 0.1), (0.4, 0.4))
    made.all_of(("ladid",), ("pendulum",), 0.1, steps=2400, experiment="longer")
    for row in made.rows:
        row["status"] = "not run"
    found = made.judged("C1a")
    assert (found.verdict, found.rung.steps) == (NOT_RUN, 1200)
    assert all("3 of 3 runs of ladid have not ended" in one["reason"] for one in _sets(found))


def _sets(found: Judged) -> list[dict[str, Any]]:
    return [one for part in found.to_json()["details"]["parts"] for one in part["sets"]]


def test_a_run_that_an_experiment_asks_for_also_as_a_shorter_training_counts_once() -> None:
    made = trained((0.2, 0.1, 0.09), (0.4, 0.4, 0.4))
    for row in made.rows:
        if row["steps"] == 1200:
            row["experiments"] = "comparison"  # one block ends there, another goes on
    assert [one.complete for one in made.judged("C1a").rungs] == [True, True, True]


def test_with_a_side_no_better_than_the_training_mean_nothing_is_settled() -> None:
    made = trained((0.1, 0.1, 0.1), (0.4, 0.4, 0.4))
    for row in made.rows:
        if row["method"] == "msvi" and row["dataset"] == "wave":
            one = made.samples[row["key"]]
            made.samples[row["key"]] = replace(one, squared_deviation=0.1 * one.squared_truth)  # FVU of 4
    found = made.judged("C1a")
    assert (found.verdict, found.standing) == (REPRODUCED, UNTRAINED)
    assert found.to_json()["untrained"] == ["msvi on wave"]
    frame = found.frame
    assert set(frame[frame["standing"] == UNTRAINED]["second"]) == {"msvi"}


def test_but_for_an_untrained_side_a_verdict_still_moves_or_has_settled() -> None:
    for ladid, movement in (((0.4, 0.4), SETTLED), ((0.4, 0.2), MOVING)):  # once more a quarter less, and all are ahead
        made = trained(ladid, (0.42, 0.42), noise=0.3)
        made.rows = [row for row in made.rows if row["method"] != "ndp"]
        for steps in RUNGS[:2]:
            asked = {"experiment": "comparison"} if steps == 1200 else {"experiment": "", "rung_of": "comparison"}
            made.all_of(("ndp",), LINEAR, 3.0, steps=steps, **asked)  # worse than the mean of the training data
        found = made.judged("C1a")
        assert (found.standing, found.movement) == (UNTRAINED, movement)
        assert found.to_json()["movement"] == movement
    assert Made().judged("C1a").movement == ""


def test_what_is_told_alone_makes_no_budget_and_methods_that_train_nothing_have_no_standing() -> None:
    made = Made()
    for steps in RUNGS[:2]:
        asked = {"experiment": "comparison"} if steps == 1200 else {"experiment": "", "rung_of": "comparison"}
        made.runs("pendulum", "ladid", 0.1, midpoints=1.0, steps=steps, **asked)
    made.runs("pendulum", "ladid", 0.9, changes="steps=60", experiment="cost", steps=60)
    made.runs("pendulum", "analog", 0.2, seeds=(0,), midpoints=1.0)
    found = made.judged("C5")
    assert [one.steps for one in found.rungs] == [600, 1200]
    told = {part["name"]: part["sets"][0]["comparisons"][0]["settled"] for part in found.to_json()["details"]["parts"]}
    assert told == {"ladid": SETTLED, "every other method": ""}


def test_closed_form_methods_meet_every_budget_and_time_budgets_the_longest_run() -> None:
    made = Made()
    for steps, error in zip(RUNGS, (0.2, 0.1, 0.1), strict=True):
        made.all_of(("ladid",), SIMULATED, error, steps=steps)
    made.all_of(SIMPLE, SIMULATED, 0.4)
    found = made.judged("C12")
    assert (found.verdict, found.standing, found.rung.steps) == (REPRODUCED, SETTLED, 2400)
    for name, steps in (("ladid", 1200), *((one, 300) for one in ODE)):  # equal seconds, not equal steps
        made.runs("pendulum", name, 0.1 if name == "ladid" else 0.4, experiment="equal-time", steps=steps)
    (part, *_) = made.judged("C8").parts
    assert part.judgement[0] == REPRODUCED


def test_the_longest_run_is_that_of_each_data_set_share_and_change() -> None:
    made, lines = Made(), (("pendulum", 1.0, ""), ("wave", 1.0, ""), ("wave", 0.08, ""), ("wave", 1.0, "latent=4"))
    longest = dict(zip(lines, (600, 1200, 300, 900), strict=True))
    for (dataset, fraction, changes), steps in longest.items():
        for shorter in (150, steps):
            made.runs(dataset, "ladid", 0.1, (0,), "transfer", steps=shorter, fraction=fraction, changes=changes)
    found = {
        (row["dataset"], row["fraction"], row["changes"]): row["steps"] for row in made.evidence.rows_of("transfer")
    }
    assert found == longest


def test_the_frame_has_the_ratio_with_its_interval_at_every_budget() -> None:
    found = trained((0.4, 0.2, 0.1), (0.4, 0.4, 0.4), noise=0.0).judged("C1a")
    frame = found.frame
    assert list(frame.columns) == [
        *("claim", "part", "arm", "counted", "limit", "dataset", "first", "second", "steps"),
        *("ratio", "low", "high", "tells", "standing"),
    ]
    assert len(frame) == len(RUNGS) * len(LINEAR) * len(PAPER)
    one = frame[(frame["dataset"] == "wave") & (frame["second"] == "ndp")]
    assert one["steps"].tolist() == list(RUNGS)
    assert one["ratio"].tolist() == pytest.approx([1, 0.5, 0.25], rel=1e-5)
    assert (one["low"] <= one["ratio"]).all() and (one["ratio"] <= one["high"]).all()
    assert one["tells"].tolist() == ["open", "for", "for"]
    assert one["standing"].tolist() == [ONE_BUDGET, MOVING, SETTLED]


@pytest.mark.parametrize(
    ("before", "now", "standing"),
    [(-0.5, -0.4, SETTLED), (-0.5, -0.25, MOVING), (0.05, -0.5, MOVING), (0.3, 0.5, SETTLED), (None, -0.5, ONE_BUDGET)],
)
def test_a_pair_settles_by_the_same_rule(before: float | None, now: float, standing: str) -> None:
    former, made = (
        Contrast("a", "b", ratio=LogRatio(value, (0.01,), (10**6,))) if value is not None else None  # +- 0.196
        for value in (before, now)
    )
    assert made is not None
    assert standing_of_pair(made, former, 1.0) == standing


def test_what_a_pair_tells_is_about_the_limit_and_nothing_where_both_lost_a_run() -> None:
    def pair(estimate: float) -> Contrast:
        return Contrast("a", "b", ratio=LogRatio(estimate, (1e-4,), (10**6,)))  # +- 0.0196

    assert [tells(pair(value), 1.25) for value in (0.20, 0.22, 0.25)] == [FOR, OPEN, AGAINST]  # log(1.25) is 0.2231
    lost = replace(pair(-0.5), same_models=True, lost=("a, seed 0: diverged",))
    assert tells(lost, 1.0) == OPEN
    assert standing_of_pair(lost, lost, 1.0) == SETTLED


def transfer(made: Made, arm: str, errors: dict[int, float]) -> None:
    for steps, error in errors.items():
        how = {"steps": steps, "changes": "", "init_from_steps": 0 if arm == "scratch" else 1200}
        moved(made, "pendulum--length-1.5", arm, 0.08, error, **how)


def test_transfer_is_judged_at_the_caps_and_told_at_equal_steps_and_totals() -> None:
    made = Made()
    transfer(made, "fine-tuned", {600: 0.1, 1200: 0.1})
    transfer(made, "scratch", {600: 0.8, 1200: 0.3, 2400: 0.15, 4800: 0.05})
    found = made.judged("C3")
    ratios = {part.name: np.exp(part.effect.estimate) for part in found.parts if part.effect}
    assert [(part.counted, part.judgement[0]) for part in found.parts] == [
        (True, NOT_REPRODUCED),  # 1,200 steps of fine-tuning against 4,800 from scratch
        (False, REPRODUCED),  # 1,200 against 1,200
        (False, REPRODUCED),  # 1,200 on the source and as many on the target against 2,400
    ]
    assert list(ratios.values()) == pytest.approx([2, 1 / 3, 2 / 3], rel=0.1)
    assert found.verdict == NOT_REPRODUCED
    assert [rung.steps for rung in found.rungs] == [1800, 2400, 4800]  # with those on the source
    assert Made().judged("C3").verdict == NOT_RUN


def test_both_sides_of_a_transfer_go_one_budget_back() -> None:
    """What starts from a model of 1,200 steps has 1,500 and 1,800 in all."""
    made = Made()
    transfer(made, "fine-tuned", {300: 0.2, 600: 0.1})
    transfer(made, "scratch", {600: 0.6, 1800: 0.3})
    found = made.judged("C3")
    assert (found.verdict, found.standing) == (REPRODUCED, SETTLED)
    counted = found.frame[found.frame["counted"]]
    assert counted["steps"].tolist() == [1500, 1800]
    assert counted["ratio"].tolist() == pytest.approx([1 / 3, 1 / 3], rel=0.1)


def test_a_verdict_has_not_settled_where_one_side_was_never_seen_to_move() -> None:
    made = Made()
    transfer(made, "fine-tuned", {600: 0.1})
    transfer(made, "scratch", {600: 0.4, 1800: 0.4})
    assert (made.judged("C3").verdict, made.judged("C3").standing) == (REPRODUCED, ONE_BUDGET)
