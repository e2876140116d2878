"""Experiments beyond the comparison: blocks, changes, fractions, and models that start from another data set's."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from checkouts import STUDY, Checkout
from commands import said
from refusals import check_refusal, refused

from ladid_bench.analysis.results import aggregate
from ladid_bench.core.configuration import Budget
from ladid_bench.core.errors import BenchError
from ladid_bench.data.task import task_of
from ladid_bench.data.trajectories import Trajectories, write_trajectories
from ladid_bench.methods.base import Training
from ladid_bench.methods.registry import load_card, load_method, method_folders, resolve_settings
from ladid_bench.runs.execute import execute
from ladid_bench.runs.learning import learn, part_of, task_for
from ladid_bench.runs.records import read_record
from ladid_bench.runs.supervise import supervise, supply_model
from ladid_bench.study.datasets import make_files
from ladid_bench.study.graph import rule_of
from ladid_bench.study.plan import PlannedRun

SMALL = STUDY["datasets"]["pendulum"]
DATASETS = {
    "pendulum": SMALL,
    "pendulum--mass-2": SMALL,
    "pendulum-short": {"source": "pendulum", "settings": {"length": 0.7}, **SMALL},
}
TRANSFER = {
    "datasets": ["pendulum-short"],
    "init_from": "pendulum",
    "methods": ["gru"],
    "fractions": [0.25, 1.0],
    "arms": ["scratch", "zero-shot", "fine-tuned", "frozen-dynamics"],
}


def planned(checkout: Checkout, datasets: dict | None = None, **experiments) -> list[PlannedRun]:
    checkout.configure(datasets=datasets or DATASETS, experiments=experiments)
    return list(checkout.runs.values())


def described(run: PlannedRun) -> tuple:
    return run.dataset.name, run.method, run.arm, run.fraction


def carried_out(checkout: Checkout, run: PlannedRun) -> dict:
    """The record of ``run``, made in this process, after that of the run it starts from."""
    for dataset in run.datasets:
        make_files(dataset, checkout.folders)
    if run.model_from and not checkout.folders.record(run.model_from.key).exists():
        carried_out(checkout, run.model_from)
    return execute(run, checkout.folders, checkout.study.execution)


def weights(checkout: Checkout, run: PlannedRun) -> dict[str, torch.Tensor]:
    return torch.load(checkout.folders.model(run.key) / "weights.pt", weights_only=True)


# What an experiment expands to


def test_arms_and_fractions_are_crossed_and_the_source_comes_first(checkout: Checkout) -> None:
    runs = planned(checkout, transfer=TRANSFER)
    assert [described(run) for run in runs] == [
        ("pendulum", "gru", "scratch", 1.0),
        ("pendulum-short", "gru", "scratch", 0.25),
        ("pendulum-short", "gru", "scratch", 1.0),
        ("pendulum-short", "gru", "zero-shot", 1.0),  # uses no training data, whatever the fraction
        ("pendulum-short", "gru", "fine-tuned", 0.25),
        ("pendulum-short", "gru", "fine-tuned", 1.0),
        ("pendulum-short", "gru", "frozen-dynamics", 0.25),
        ("pendulum-short", "gru", "frozen-dynamics", 1.0),
    ]
    assert all(run.init_from is None or run.init_from.key == runs[0].key for run in runs)
    assert {run.frozen for run in runs if run.arm == "frozen-dynamics"} == {("roll_out",)}
    assert len({run.key for run in runs}) == len(runs)
    assert len({run.label for run in runs}) == len(runs)


def test_runs_that_start_from_nothing_say_nothing_of_arms_in_their_identity(checkout: Checkout) -> None:
    runs = planned(checkout, transfer=TRANSFER)
    for run in runs:
        assert {"init_from", "arm", "frozen"} & set(run.identity) == (
            {"init_from", "arm", "frozen"} if run.init_from else set()
        )
    zero_shot = next(run for run in runs if run.arm == "zero-shot")
    assert zero_shot.identity["budget"] is None
    assert zero_shot.estimated_seconds < runs[0].estimated_seconds


def test_a_change_of_the_source_changes_the_keys_of_what_starts_from_it(checkout: Checkout) -> None:
    before = {described(run): run.key for run in planned(checkout, transfer=TRANSFER)}
    other = DATASETS | {"pendulum": SMALL | {"seed": 5}}
    after = {described(run): run.key for run in planned(checkout, other, transfer=TRANSFER)}
    assert {key[2] for key in before if before[key] == after[key]} == {"scratch"}
    assert {key[2] for key in before if before[key] != after[key]} == {
        "scratch", "zero-shot", "fine-tuned", "frozen-dynamics",
    }  # fmt: skip


def test_experiments_share_runs_and_the_source_has_the_budget_of_the_study(checkout: Checkout) -> None:
    comparison = {"datasets": ["pendulum"], "methods": ["gru"]}
    runs = planned(checkout, comparison=comparison, transfer=TRANSFER | {"budget": {"steps": 2, "windows": 1}})
    source, *others = runs
    assert source.experiments == ("comparison", "transfer")
    assert source.budget == checkout.study.budget
    assert {(run.budget.steps, run.budget.windows) for run in others} == {(2, 1)}
    assert {run.changes_text for run in others} == {"steps=2, windows=1", ""}  # zero-shot trains nothing


def test_rungs_are_budgets_of_one_training(checkout: Checkout) -> None:
    """Two rungs below the last: each continues the one before, whose trunk has four fifths of its steps."""
    comparison = {"datasets": ["pendulum"], "methods": ["gru", "ridge"], "rungs": [10, 40, 20]}
    short, middle, long, closed = planned(checkout, comparison=comparison)
    assert [run.budget.steps for run in (short, middle, long)] == [10, 20, 40]
    assert len({run.trunk for run in (short, middle, long)}) == 1
    assert closed.trunk == ""
    assert [run.below and run.below.key for run in (short, middle, long, closed)] == [None, short.key, middle.key, None]
    assert [run.own_steps for run in (short, middle, long, closed)] == [10, 20 - 8, 40 - 16, 0]
    assert [(run.experiments, run.rung_of) for run in (short, middle, long, closed)] == [
        ((), ("comparison",)), ((), ("comparison",)), (("comparison",), ()), (("comparison",), ()),
    ]  # fmt: skip
    assert [run.plain for run in (short, middle, long, closed)] == [False, False, True, True]
    assert long.changes_text == ""


def test_one_run_of_a_method_keeps_pictures(checkout: Checkout) -> None:
    """The first seed, also where a transfer asks for the others first; what is changed keeps none."""
    seeds = {"seeds": [3, 1, 2]}
    comparison = {"datasets": ["pendulum"], "methods": ["gru"]} | seeds
    changed = comparison | {"kind": "ablation", "changes": [{"hidden": 8}]}
    for more in ({}, {"changed": changed}):
        runs = planned(checkout, transfer=TRANSFER | seeds, comparison=comparison, **more)
        plain = sorted((run.dataset.name, run.seed) for run in runs if run.plain)
        assert plain == [("pendulum", 3), ("pendulum-short", 3)]


def test_rungs_are_those_of_the_target_and_not_of_what_it_starts_from(checkout: Checkout) -> None:
    runs = planned(checkout, transfer=TRANSFER | {"arms": ["fine-tuned"], "rungs": [1, 2]})
    target = TRANSFER["datasets"][0]
    assert {(run.dataset.name == target, run.budget.steps) for run in runs} == {
        (False, checkout.study.budget.steps), (True, 1), (True, 2),
    }  # fmt: skip


def test_a_comparison_in_which_a_method_has_two_largest_budgets_is_refused(checkout: Checkout) -> None:
    block = {"datasets": ["pendulum"], "methods": ["gru"]}
    longer = block | {"rungs": [10, 20]}
    with pytest.raises(BenchError, match=r"'gru:default' on 'pendulum' .* 10 and 20"):
        planned(checkout, comparison=[block | {"rungs": [10]}, longer])
    apart = planned(checkout, comparison=block | {"rungs": [10]}, longer=longer | {"kind": "comparison"})
    assert [(run.budget.steps, run.experiments, run.rung_of) for run in apart] == [
        (10, ("comparison",), ("longer",)),
        (20, ("longer",), ()),
    ]


def test_a_training_that_starts_from_a_model_has_the_full_horizon_and_a_lower_rate(checkout: Checkout) -> None:
    runs = planned(checkout, transfer=TRANSFER)
    rate = load_card("gru", checkout.root).settings["learning_rate"]
    assert {run.arm: (run.settings["growth"], run.settings["learning_rate"]) for run in runs if run.card.trained} == {
        "scratch": (True, rate),
        "zero-shot": (True, rate),
        "fine-tuned": (False, pytest.approx(0.3 * rate)),
        "frozen-dynamics": (False, pytest.approx(0.3 * rate)),
    }


def test_changes_are_settings_on_top_of_the_variant_and_one_that_changes_nothing_is_the_same_run(
    checkout: Checkout,
) -> None:
    latent = load_card("gru", checkout.root).settings["latent"]
    blocks = [
        {"datasets": ["pendulum"], "methods": ["gru"], "changes": [{"latent": 2}, {"latent": latent}]},
        {"datasets": ["pendulum"], "methods": ["gru"], "changes": [{"growth": False}]},
    ]
    runs = planned(checkout, comparison={"datasets": ["pendulum"], "methods": ["gru"]}, sufficiency=blocks)
    assert [(run.changes_text, run.experiments) for run in runs] == [
        ("", ("comparison", "sufficiency")),
        ("latent=2", ("sufficiency",)),
        ("growth=False", ("sufficiency",)),
    ]
    assert [(run.settings["latent"], run.settings["growth"]) for run in runs] == [
        (latent, True), (2, True), (latent, False),
    ]  # fmt: skip


def test_what_a_first_forecast_prepares_is_not_timed_where_nothing_was_trained(checkout: Checkout) -> None:
    """A single trajectory is asked before the test split, which has three, and the times between its frames."""
    asked = checkout.root / "asked.txt"
    checkout.add("counted", value=f"(open({str(asked)!r}, 'a').write(str(len(context))) and 0.5)")
    runs = planned(checkout, transfer=TRANSFER | {"methods": ["counted"], "arms": ["scratch", "zero-shot"]})
    counts = {}
    for run in (run for run in runs if run.dataset.name == "pendulum-short" and run.fraction == 1):
        assert carried_out(checkout, run)["status"] == "ok"
        counts[run.arm] = asked.read_text()
        asked.unlink()
    assert counts == {"scratch": "33", "zero-shot": "133"}


def test_the_part_of_the_data_depends_on_the_seed_so_deterministic_methods_repeat(checkout: Checkout) -> None:
    block = {"datasets": ["pendulum"], "methods": ["ridge"], "fractions": [0.5, 1.0], "seeds": [0, 1]}
    runs = planned(checkout, transfer=block)
    assert [(run.fraction, run.seed) for run in runs] == [(0.5, 0), (1.0, 0), (0.5, 1)]


def test_smaller_parts_lie_in_larger_ones(trajectories) -> None:
    parts = {share: set(part_of(trajectories, share, 3).group) for share in (0.01, 0.4, 0.7, 1.0)}
    assert [len(parts[share]) for share in sorted(parts)] == [1, 1, 2, 3]
    assert parts[0.01] <= parts[0.4] <= parts[0.7] <= parts[1.0]
    assert part_of(trajectories, 1.0, 3) is trajectories
    drawn = {tuple(part_of(trajectories, 0.7, seed).group) for seed in range(9)}
    assert len(drawn) > 1


def test_a_data_set_may_have_a_name_of_its_own(checkout: Checkout) -> None:
    (run,) = planned(checkout, comparison={"datasets": ["pendulum-short"], "methods": ["mean"]})
    assert run.dataset.source.settings["length"] == 0.7
    assert run.dataset.identity["made_from"] == "pendulum"
    large = DATASETS | {"pendulum-large": {"source": "pendulum", "image_size": 64}}
    (run,) = planned(checkout, large, comparison={"datasets": ["pendulum-large"], "methods": ["mean"]})
    assert run.dataset.identity["image_size"] == 64


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"arms": ["zero-shot"], "init_from": None}, ["experiments.transfer", "'zero-shot'", "'init_from'"]),
        ({"arms": ["scratch"]}, ["experiments.transfer", "arm", "'init_from'"]),
        ({"datasets": ["pendulum"]}, ["'pendulum'", "'init_from'", "'datasets'"]),
        ({"init_from": "pendulun"}, ["'pendulun'", "'datasets'", "'pendulum'"]),
        ({"init_from": "pendulum-seen"}, ["context_frames", 5, 10]),
        ({"changes": [{"latnt": 3}]}, ["'gru'", "'latnt'", "'latent'"]),
        ({"budget": {"step": 3}}, ["experiments.transfer: budget", "'step'", "'steps'"]),
        ({"budget": {"steps": 0}}, ["experiments.transfer: budget", "'steps'"]),
        ({"arms": ["warm"]}, ["'experiments.transfer.arms.0'", "'scratch'"]),
        ({"fractions": [1.5]}, ["'experiments.transfer.fractions.0'"]),
    ],
)
def test_mistakes_are_one_line(checkout: Checkout, changes: dict, named: list) -> None:
    more = DATASETS | {"pendulum-seen": {"source": "pendulum", "context_frames": 5}}
    checkout.configure(datasets=more, experiments={"transfer": TRANSFER | changes})
    with refused(*named):
        _ = checkout.runs


def test_a_mistake_in_a_list_of_blocks_names_the_block(checkout: Checkout) -> None:
    checkout.configure(experiments={"ablation": [{"methods": ["mean"]}, {"method": ["mean"]}]})
    with refused("'experiments.ablation.1.method'", "'methods'"):
        _ = checkout.study


@pytest.mark.parametrize("change", [{"changes": [{"latent": 3}]}, {"fractions": [0.5]}, {"budget": {"windows": 1}}])
def test_the_comparison_has_one_run_a_method_and_variant(checkout: Checkout, change: dict) -> None:
    with refused("experiments.comparison", f"'{next(iter(change))}'"):
        planned(checkout, comparison={"datasets": ["pendulum"], "methods": ["ladid"]} | change)


@pytest.mark.parametrize("name", ["wave", "pendulum--mass-2", "my--own", "My own", "pendulumwithaverylongnamethat_"])
def test_a_name_of_ones_own_must_be_free_and_fit_for_a_folder(checkout: Checkout, name: str) -> None:
    checkout.configure(datasets={name: {"source": "pendulum"}})
    with refused(f"'{name}'", "'source'"):
        _ = checkout.runs


# What the arms do


def test_arms_start_from_the_weights_of_the_source(checkout: Checkout) -> None:
    runs = {run.arm: run for run in planned(checkout, transfer=TRANSFER | {"fractions": [0.5]})[1:]}
    frozen, tuned, zero_shot = runs["frozen-dynamics"], runs["fine-tuned"], runs["zero-shot"]
    record, source = carried_out(checkout, frozen), frozen.init_from
    assert source is not None
    assert record["provenance"]["started_from_sha256"]
    assert record["cost"]["steps"] == 4
    before, after = weights(checkout, source), weights(checkout, frozen)
    held = [name for name in before if torch.equal(before[name], after[name])]
    assert [name for name in before if name.startswith("roll_out")] == held

    carried_out(checkout, tuned)
    after = weights(checkout, tuned)
    assert not [name for name in before if name.startswith("roll_out") and torch.equal(before[name], after[name])]

    record = carried_out(checkout, zero_shot)
    assert "steps" not in record["cost"]
    assert not checkout.folders.model(zero_shot.key).exists()
    scratch = carried_out(checkout, runs["scratch"])
    records = {name: read_record(checkout.folders.record(run.key)) for name, run in runs.items()}
    errors = {name: record["metrics"]["fvu_pooled"] for name, record in records.items()}
    assert len(set(errors.values())) == 4
    assert "started_from_sha256" not in scratch["provenance"]


def test_frozen_parts_keep_their_running_statistics(pendulum, pendulum_task, root: Path, tmp_path: Path) -> None:
    budget = Budget(steps=2, batch_size=4, validate_every=2, warmup_steps=1)
    gru, settings = load_method("gru", root), resolve_settings("gru", "default", {}, root)
    first, second = gru(pendulum_task, settings), gru(pendulum_task, settings)
    first.fit(Training(pendulum["train"], pendulum["valid"], budget, 0))
    first.save(tmp_path)
    second.fit(Training(pendulum["train"], pendulum["valid"], budget, 1, initial=tmp_path, frozen=["encoder"]))
    before, after = first.model.state_dict(), second.model.state_dict()
    running = [name for name in before if "running" in name]
    assert any(name.startswith("encoder") for name in running)
    for name in running:
        assert torch.equal(before[name], after[name]) == name.startswith("encoder"), name


def test_the_void_intervention_changes_nothing_for_a_model_as_it_is(checkout: Checkout) -> None:
    """The negative control: the same frames under another name have the same error."""
    void = TRANSFER | {"datasets": ["pendulum--mass-2"], "arms": ["zero-shot"], "methods": ["gru", "ridge"]}
    moved = [run for run in planned(checkout, transfer=void) if run.init_from is not None]
    assert [run.method for run in moved] == ["gru", "ridge"]
    for run in moved:
        metrics = carried_out(checkout, run)["metrics"]
        assert metrics and metrics == carried_out(checkout, run.init_from)["metrics"]


class Recorded:
    """A method that notes what it is given to learn from."""

    def __init__(self) -> None:
        self.seen: list[Training] = []
        self.loaded: list[Path] = []

    def fit(self, training: Training) -> None:
        self.seen.append(training)

    def load(self, folder: Path) -> None:
        self.loaded.append(folder)


def learnt(checkout: Checkout, run: PlannedRun, trajectories: Trajectories) -> Recorded:
    method = Recorded()
    learn(run, method, trajectories[:2], trajectories[2:], checkout.folders, "c0de")
    return method


def test_what_each_arm_learns_from(checkout: Checkout, trajectories: Trajectories) -> None:
    """A method in closed form that is asked as it is, is fitted to the data set that it comes from, as seeded there."""
    block = TRANSFER | {"methods": ["gru", "ridge"], "fractions": [0.5], "seeds": [3]}
    runs = {(run.method, run.arm): run for run in planned(checkout, transfer=block) if run.init_from}
    closed = runs["ridge", "zero-shot"]
    assert closed.init_from is not None
    for split, part in (("train", trajectories), ("valid", trajectories[1:])):
        write_trajectories(closed.init_from.dataset.files(checkout.folders)[split], part)
    (seen,) = learnt(checkout, closed, trajectories).seen
    assert (seen.train.content_sha256, seen.valid.content_sha256) == (
        trajectories.content_sha256, trajectories[1:].content_sha256,
    )  # fmt: skip
    assert (seen.seed, seen.initial, list(seen.frozen)) == (3, None, [])

    frozen = runs["gru", "frozen-dynamics"]
    assert frozen.init_from is not None
    source = checkout.folders.model(frozen.init_from.key)
    (seen,) = learnt(checkout, frozen, trajectories).seen
    assert (len(seen.train), len(seen.valid), seen.seed, seen.initial) == (2, 1, 3, source)
    assert list(seen.frozen) == ["roll_out"]
    assert seen.trunk == checkout.folders.trunk(frozen.trunk, "c0de")
    (seen,) = learnt(checkout, runs["gru", "fine-tuned"], trajectories).seen
    assert (seen.initial, list(seen.frozen)) == (source, [])
    zero_shot = learnt(checkout, runs["gru", "zero-shot"], trajectories)
    assert (zero_shot.loaded, zero_shot.seen) == ([source], [])


def test_a_model_keeps_its_scales_and_gets_the_horizon_of_the_new_data_set(
    checkout: Checkout, trajectories: Trajectories
) -> None:
    """The source's values are a tenth of the target's, its steps half as long."""
    datasets = {"pendulum": SMALL, "pendulum-short": {"source": "pendulum", "settings": {"length": 0.7}, **SMALL}}
    *_, run = planned(checkout, datasets, transfer=TRANSFER | {"arms": ["zero-shot"]})
    assert run.init_from is not None
    other = replace(trajectories, times=2 * trajectories.times, frames=10 * trajectories.frames)
    known, new = (task_of(one, run.dataset.name, 2, asked) for one, asked in ((trajectories, 3), (other, 4)))
    write_trajectories(run.init_from.dataset.files(checkout.folders)["train"], longer(trajectories))
    seen = task_for(run, new, checkout.folders)
    assert (seen.dataset, seen.forecast_frames) == (run.dataset.name, 4)
    assert (seen.time_step, seen.variables[0].high) == (1.0, pytest.approx(known.variables[0].high, rel=0.2))
    assert not task_for(run, replace(new, regular=False), checkout.folders).regular
    scratch = replace(run, init_from=None, arm="scratch")
    assert task_for(scratch, new, checkout.folders) is new


def longer(trajectories: Trajectories) -> Trajectories:
    """The same trajectories ten times in a row."""
    frames = np.tile(trajectories.frames, (1, 10, 1, 1, 1))
    times = np.tile(np.arange(60.0), (len(trajectories), 1))
    return replace(trajectories, frames=frames, times=times, states={})


def test_a_model_is_asked_in_the_units_it_was_trained_in(checkout: Checkout) -> None:
    """Scaled to their own range, pictures of half the contrast would be the very same pictures."""
    datasets = DATASETS | {"pendulum--scaled": SMALL}
    block = TRANSFER | {"datasets": ["pendulum--scaled"], "arms": ["zero-shot"]}
    source, run = planned(checkout, datasets, transfer=block)
    shifted, plain = (carried_out(checkout, one)["metrics"]["fvu_pooled"] for one in (run, source))
    assert abs(shifted - plain) > 0.01 * plain


def test_a_longer_horizon_is_asked_of_a_model_of_the_shorter_one(checkout: Checkout) -> None:
    datasets = DATASETS | {"pendulum-long": {"source": "pendulum", "forecast_frames": 90, **SMALL}}
    block = TRANSFER | {"datasets": ["pendulum-long"], "arms": ["zero-shot"], "methods": ["ladid"]}
    *_, run = planned(checkout, datasets, horizon=block)
    carried_out(checkout, run)
    with np.load(checkout.folders.samples(run.key)) as sample:
        assert sample["squared_error"].shape == (3, 90)


@pytest.mark.parametrize(
    ("method", "arm", "reason"),
    [("ridge", "fine-tuned", "closed form"), ("fno", "frozen-encoder", "encoder")],
)
def test_an_arm_that_makes_no_sense_is_a_row_with_its_reason(
    checkout: Checkout, method: str, arm: str, reason: str
) -> None:
    *_, run = planned(checkout, transfer=TRANSFER | {"methods": [method], "arms": [arm]})
    assert rule_of(run) == ("run" if method == "ridge" else "train")  # it waits for nobody's model
    record = carried_out(checkout, run)
    assert record["status"] == "skipped"
    assert reason in record["reason"]
    assert run.init_from is not None
    assert not checkout.folders.record(run.init_from.key).exists()  # nothing was trained for it


def test_an_arm_of_a_method_whose_training_cannot_start_from_weights_is_skipped(checkout: Checkout) -> None:
    checkout.add("foreign", kind="neural", settings={"learning_rate": 0.1})
    *_, run = planned(checkout, transfer=TRANSFER | {"methods": ["foreign"], "arms": ["fine-tuned"]})
    assert carried_out(checkout, run)["status"] == "skipped"


# The source's model


def test_a_model_that_is_gone_is_trained_again_and_its_record_stays(checkout: Checkout) -> None:
    *_, run = planned(checkout, transfer=TRANSFER | {"arms": ["zero-shot"]})
    assert run.init_from is not None
    metrics = carried_out(checkout, run)["metrics"]
    record, model = checkout.folders.record(run.init_from.key), checkout.folders.model(run.init_from.key)
    before, trained = record.read_bytes(), weights(checkout, run.init_from)
    shutil.rmtree(model)
    assert supervise(run, checkout.folders, checkout.study.execution).status == "ok"
    assert record.read_bytes() == before
    again = weights(checkout, run.init_from)
    assert all(torch.equal(trained[name], again[name]) for name in trained)
    assert read_record(checkout.folders.record(run.key))["metrics"] == metrics
    assert supply_model(run.init_from, checkout.folders, checkout.study.execution) is None


def test_a_source_that_fails_is_the_reason_in_the_row(checkout: Checkout) -> None:
    checkout.add("broken", fit="raise ValueError('no luck')", kind="neural", settings={"learning_rate": 0.1})
    *_, run = planned(checkout, transfer=TRANSFER | {"methods": ["broken"], "arms": ["zero-shot"]})
    for dataset in run.datasets:
        make_files(dataset, checkout.folders)
    for _ in range(3):
        outcome = supervise(run, checkout.folders, checkout.study.execution)
        assert outcome.status == "error"
        assert "ValueError: no luck" in outcome.reason
    assert run.init_from is not None
    source = read_record(checkout.folders.record(run.init_from.key))
    assert len(source["failed_attempts"]) == 2  # as often as retries allow


def test_a_source_that_diverged_ends_what_starts_from_it(checkout: Checkout) -> None:
    checkout.add("wild", fit="raise Diverged('nan')", kind="neural", settings={"learning_rate": 0.1})
    *_, run = planned(checkout, transfer=TRANSFER | {"methods": ["wild"], "arms": ["zero-shot"]})
    for dataset in run.datasets:
        make_files(dataset, checkout.folders)
    supervise(run, checkout.folders, checkout.study.execution)
    record = read_record(checkout.folders.record(run.key))
    assert (record["status"], record["metrics"]) == ("diverged", {})
    assert "ended so: nan" in record["reason"]


def test_the_table_has_arm_source_and_changes(checkout: Checkout) -> None:
    runs = planned(checkout, transfer=TRANSFER | {"changes": [{"latent": 4}]})
    table = aggregate({run.key: run for run in runs}, checkout.folders).set_index("key")
    last = table.loc[runs[-1].key]
    assert (last["arm"], last["init_from"], last["fraction"]) == ("frozen-dynamics", "pendulum", 1.0)
    assert (last["init_from_key"], last["changes"]) == (runs[0].key, "latent=4")
    assert tuple(table.loc[runs[0].key, ["arm", "init_from", "init_from_key"]]) == ("scratch", "", "")


def test_the_table_has_the_steps_of_the_model_that_is_asked(checkout: Checkout) -> None:
    """Two steps on the target after four on the source; a model asked as it is has made those four alone."""
    block = TRANSFER | {"fractions": [1.0], "budget": {"steps": 2}, "methods": ["gru", "ridge"]}
    runs = planned(checkout, transfer=block)
    table = aggregate({run.key: run for run in runs}, checkout.folders)
    gru, ridge = (table[table["method"] == name].set_index("arm") for name in ("gru", "ridge"))
    assert gru["steps"].loc["scratch"].tolist() == [4, 2]
    assert gru.loc[["zero-shot", "fine-tuned"], ["steps", "init_from_steps"]].to_numpy().tolist() == [[4, 0], [2, 4]]
    assert set(ridge["steps"]) == set(ridge["init_from_steps"]) == {0}
    assert (table["status"] == "not run").all() and (table["attempts"] == 0).all()


def test_the_command_line_makes_the_data_trains_the_source_and_the_model_again(checkout: Checkout) -> None:
    *_, run = planned(checkout, transfer=TRANSFER | {"arms": ["zero-shot"]})
    assert run.init_from is not None

    said(checkout.root, "run", run.key)
    assert checkout.folders.record(run.key).exists()
    shutil.rmtree(checkout.folders.model(run.init_from.key))
    said(checkout.root, "model", run.init_from.key)
    assert checkout.folders.model(run.init_from.key).exists()
    check_refusal(said(checkout.root, "model", run.key, code=1), run.label)


def test_the_parts_on_the_cards_are_children_of_the_models(root: Path, pendulum_task) -> None:
    named = 0
    for name in method_folders(root):
        card = load_card(name, root)
        if not card.parts:
            continue
        named += 1
        model = load_method(name, root)(pendulum_task, resolve_settings(name, next(iter(card.variants)), {}, root))
        children = dict(model.build_model().named_children())
        assert set(card.parts) == {"dynamics", "encoder"}
        chosen = [part for parts in card.parts.values() for part in parts]
        assert set(chosen) <= set(children), name
        assert len(set(chosen)) == len(chosen)
        assert "decoder" not in chosen
    assert named >= 9
