"""Experiments share runs that agree; a floor renders and forecasts nothing."""

import json
from pathlib import Path

import numpy as np
import pytest
from checkouts import STUDY, Checkout

from ladid_bench.analysis.results import aggregate
from ladid_bench.core.configuration import Budget
from ladid_bench.data.metrics import measure
from ladid_bench.methods.base import Training
from ladid_bench.methods.registry import load_card, load_method, method_folders, resolve_settings


def experiments(methods: list[str], steps: int, **more) -> dict:
    crossed = {"datasets": ["pendulum"], "methods": methods}
    return {"comparison": crossed, "equal-time": crossed | {"budget": {"steps": steps}} | more}


def test_runs_that_agree_are_shared_and_know_their_experiments(checkout: Checkout) -> None:
    checkout.configure(experiments=experiments(["ladid", "ridge"], 5, seeds=[0, 1]))
    named = {(run.label, run.experiments) for run in checkout.runs.values()}
    assert named == {
        ("ridge on pendulum, seed 0", ("comparison", "equal-time")),  # deterministic, and without steps
        ("ladid on pendulum, seed 0", ("comparison",)),
        ("ladid on pendulum, seed 0", ("equal-time",)),
        ("ladid on pendulum, seed 1", ("equal-time",)),
    }
    table = aggregate(checkout.runs, checkout.folders)
    assert sorted(table["experiments"]) == ["comparison", "comparison,equal-time", "equal-time", "equal-time"]


def test_a_number_of_steps_that_is_the_studys_own_is_the_same_run(checkout: Checkout) -> None:
    checkout.configure(experiments=experiments(["ladid"], STUDY["budget"]["steps"]))
    (run,) = checkout.runs.values()
    assert run.experiments == ("comparison", "equal-time")


def test_the_times_on_the_cards_were_measured_side_by_side(root: Path) -> None:
    rows = json.loads((root / "results" / "benchmarks" / "methods.json").read_text())["rows"]
    measured = {row["method"]: row["step_seconds"] for row in rows}
    cards = {name: load_card(name, root) for name in method_folders(root)}
    told = {name: card.estimate.seconds_per_step for name, card in cards.items() if card.trained}
    assert told.keys() == measured.keys()
    for name, seconds in told.items():  # of those of LaDID: the machine of the day does not matter
        assert seconds / told["ladid"] == pytest.approx(measured[name] / measured["ladid"], rel=0.1), name


def test_a_floor_is_trained_and_scored_on_what_it_renders(checkout: Checkout) -> None:
    run, outcome = checkout.supervise("autoencoder")
    assert outcome.status == "ok"
    record = json.loads(checkout.folders.record(run.key).read_text())
    assert record["cost"]["steps"] == STUDY["budget"]["steps"]
    assert record["metrics"]["nmse_mean"] > 0
    assert "midpoints_nmse_mean" not in record["metrics"]
    assert checkout.folders.model(run.key).exists()


def test_a_method_that_calls_itself_a_floor_must_render(checkout: Checkout) -> None:
    checkout.add("pretender", kind="floor", settings={"learning_rate": 0.1})
    _, outcome = checkout.supervise("pretender")
    assert outcome.status == "error"
    assert "'reconstruct'" in outcome.reason


def test_the_floor_renders_the_frames_it_is_given(pendulum, pendulum_task, root: Path) -> None:
    method = load_method("autoencoder", root)(
        pendulum_task, resolve_settings("autoencoder", "default", {"growth": False}, root)
    )
    budget = Budget(steps=150, batch_size=8, validate_every=50, warmup_steps=20)
    method.fit(Training(pendulum["train"], pendulum["valid"], budget, 0))
    truth = pendulum["train"].frames[:, 10:]
    rendered = method.reconstruct(pendulum["train"].frames, pendulum["train"].times)
    assert rendered is not None and rendered.shape == truth.shape
    error = measure(truth, rendered, np.zeros(pendulum_task.shape, np.float32)).nmse.mean()
    assert error < 0.3  # a forecast after so few steps is at 0.9
    assert method.history()[-1]["valid_nmse"] < 0.3
