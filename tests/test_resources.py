"""What runs ask of a cluster, and which of them wait for each other."""

from dataclasses import replace
from pathlib import Path

import pytest

from ladid_bench.core.configuration import load_study
from ladid_bench.core.paths import Folders
from ladid_bench.study.graph import RunGraph, has_calibration, has_probe, rule_of
from ladid_bench.study.plan import PlannedRun, plan_runs, seconds_per_step
from ladid_bench.study.resources import data_mb, describe_plan, expected_seconds, memory_mb, rendering_seconds


@pytest.fixture(scope="module")
def paper(root: Path) -> dict[str, PlannedRun]:
    return plan_runs(load_study("paper", root), root)


def run_of(runs: dict[str, PlannedRun], method: str) -> PlannedRun:
    """The longest run on the pendulum."""
    found = (run for run in runs.values() if run.method == method and run.dataset.name == "pendulum")
    return max(found, key=lambda run: run.budget.steps)


def test_memory_is_that_of_the_data_and_of_the_libraries(paper: dict[str, PlannedRun], root: Path) -> None:
    large, small = run_of(paper, "ladid"), run_of(plan_runs(load_study("cpu", root), root), "ladid")
    assert data_mb(large) == pytest.approx(500 * 60 * 128 * 128 * 4 / 1e6)
    assert memory_mb(large) > 5022  # the most that was measured, on a GPU
    assert memory_mb(small) > 1300  # likewise, on a CPU
    assert memory_mb(small) < memory_mb(large) / 3


def test_a_gpu_shortens_what_is_trained_and_nothing_else(paper: dict[str, PlannedRun]) -> None:
    trained, direct = run_of(paper, "ode2vae"), run_of(paper, "ridge")
    training = [run for run in paper.values() if run.trunk == trained.trunk]  # both rungs
    assert sum(expected_seconds(run, gpu=True) for run in training) > 25_000 * 0.338  # measured
    assert expected_seconds(trained, gpu=False) > 10 * expected_seconds(trained, gpu=True)
    assert expected_seconds(direct, gpu=True) == expected_seconds(direct, gpu=False) > 41  # measured


def test_no_two_jobs_of_several_runs_wait_for_each_other(paper: dict[str, PlannedRun]) -> None:
    """Each rule's runs may share jobs: none starts from another run of the same rule, and one training is one job."""
    waits = {(rule_of(run), rule_of(run.model_from)) for run in paper.values() if run.model_from}
    assert waits == {("transfer", "train")}


def test_time_grows_with_attempts_up_to_the_limit_of_a_run(paper: dict[str, PlannedRun], root: Path) -> None:
    study = load_study("paper", root)
    graph, run = RunGraph(study, paper, Folders(Path(), "paper")), run_of(paper, "ridge")
    first, second, last = (graph.minutes(run.key, attempt) for attempt in (1, 2, 1000))
    assert first == 2 * expected_seconds(run, gpu=False) // 60 + 1
    assert first < second < last == study.execution.time_limit_minutes + 6
    (path,) = graph.data(run.key)
    assert path.startswith("data/paper/pendulum/")


def test_a_model_that_is_only_asked_takes_no_time_to_train(paper: dict[str, PlannedRun]) -> None:
    asked = next(run for run in paper.values() if run.arm == "zero-shot" and run.card.trained)
    assert asked.init_from is not None
    assert expected_seconds(asked, gpu=True) < 200 < expected_seconds(asked.init_from, gpu=True)
    assert data_mb(asked) > data_mb(asked.init_from)


def test_the_plan_tells_the_time_on_a_gpu_apart(paper: dict[str, PlannedRun], root: Path) -> None:
    study = load_study("paper", root)
    trained = sum(expected_seconds(run, True) for run in paper.values() if run.trained)
    others = sum(run.estimated_seconds for run in paper.values() if not run.trained)
    said = describe_plan(study, paper, set(paper), 4, gpu=True).splitlines()[-1]
    assert said.startswith(f"Estimated: {trained / 3600:.0f} GPU-hours")
    rendering = rendering_seconds(paper.values())  # after all runs, and on one core
    both, wall = others + rendering, others / 4 + rendering
    assert f"{both / 60:.1f} CPU-minutes, {wall / 60:.1f} minutes on 4 cores" in said
    assert describe_plan(study, paper, set(paper), 1).endswith(" on 1 core")
    everything = rendering + sum(run.estimated_seconds for run in paper.values())
    assert f"{everything / 60:.1f} CPU-minutes" in describe_plan(study, paper, set(paper), 4).splitlines()[-1]
    assert " 0.0 CPU-minutes" in describe_plan(study, paper, set(), 4).splitlines()[-1]


def test_rendering_takes_what_was_measured(paper: dict[str, PlannedRun]) -> None:
    for runs, seconds in ((3, 20), (21, 50), (35, 70)):
        assert rendering_seconds(list(paper.values())[:runs]) == pytest.approx(seconds, rel=0.05)


def test_reports_in_between_wait_for_what_is_soon_done_and_for_half_of_the_rest(root: Path) -> None:
    """Of two data sets with a closed-form method and two networks each; short studies have none."""
    every = plan_runs(load_study("cpu", root), root)
    chosen = {
        run.key: run
        for run in every.values()
        if run.plain and run.seed == 0 and run.dataset.name in ("pendulum", "wave") and run.budget.steps == 2400
        if run.method in ("ridge", "gru", "ladid") and run.variant == next(iter(run.card.variants))
    }
    names = {key: (run.dataset.name, run.method) for key, run in chosen.items()}
    assert len(chosen) == 6
    graph = RunGraph(load_study("cpu", root), every, Folders(Path(), "cpu"))
    glimpses = graph.glimpses(chosen, long=60)
    found = {at: {names[Path(path).stem] for path in paths} for at, paths in glimpses.items()}
    assert found["first"] == {("pendulum", "ridge")}
    assert {name for name in found["half"] if name[1] == "ridge"} == {("pendulum", "ridge"), ("wave", "ridge")}
    assert len([name for name in found["half"] if name[1] != "ridge"]) == 2
    assert graph.glimpses(chosen, long=1e6) == {}
    # where half of the work is not long, the last report is soon there
    assert set(graph.glimpses(chosen, long=0.75 * sum(run.estimated_seconds for run in chosen.values()))) == {"first"}


def test_seconds_of_a_step_grow_with_the_number_of_pixels(paper: dict[str, PlannedRun]) -> None:
    card = run_of(paper, "ladid").card
    assert seconds_per_step(card, 128) == pytest.approx(16 * card.estimate.seconds_per_step)
    assert seconds_per_step(card, 32) == card.estimate.seconds_per_step


def graph_of(runs: dict[str, PlannedRun], root: Path) -> RunGraph:
    return RunGraph(load_study("paper", root), runs, Folders(Path(), "paper"))


def test_a_run_waits_for_the_data_that_it_comes_from_and_those_it_is_asked_on(
    paper: dict[str, PlannedRun], root: Path
) -> None:
    moved = next(run for run in paper.values() if run.init_from)
    assert moved.init_from is not None
    files = graph_of(paper, root).data(moved.key)
    assert sorted(path.split("/")[2] for path in files) == sorted([moved.dataset.name, moved.init_from.dataset.name])
    assert all(Path(path).parent.name == "train" for path in files)


def test_reports_in_between_have_what_is_not_trained_and_then_half_of_the_trainings(
    paper: dict[str, PlannedRun], root: Path
) -> None:
    graph = graph_of(paper, root)
    closed = [run for run in paper.values() if not run.card.trained]
    trained = [run for run in paper.values() if run.card.trained]
    chosen = [run.key for run in (*closed[:3], *trained[:5])]
    assert len({run.dataset.name for run in closed[:3]}) == 1
    found = graph.glimpses(chosen, 1.0)
    assert found["first"] == [graph.record(run.key) for run in closed[:3]]
    assert found["half"] == [graph.record(run.key) for run in (*closed[:3], *trained[:2])]
    assert graph.glimpses(chosen, 1e12) == graph.glimpses(chosen[3:], 1.0) == {}


def test_probed_are_the_trainings_of_forecasters_that_a_probe_asks_for(
    paper: dict[str, PlannedRun], root: Path
) -> None:
    study = load_study("paper", root)
    probed = [run for run in paper.values() if has_probe(run, study)]
    asked = [run for run in paper.values() if "probe" in {study.kind_of(one) for one in run.experiments}]
    assert probed and {run.key for run in probed} <= {run.key for run in asked}
    assert {run.card.kind for run in probed} == {"neural"} and all(run.trained for run in probed)
    closed = replace(run_of(paper, "ridge"), experiments=probed[0].experiments)
    assert not has_probe(closed, study)
    assert not has_probe(replace(probed[0], arm="zero-shot"), study)
    assert not has_probe(replace(probed[0], experiments=("comparison",)), study)


def test_calibrated_are_forecasters_that_learnt_by_themselves(paper: dict[str, PlannedRun], root: Path) -> None:
    study = load_study("paper", root)
    calibrated = [run for run in paper.values() if has_calibration(run, study)]
    assert calibrated and all("calibration" in {study.kind_of(one) for one in run.experiments} for run in calibrated)
    moved = next(run for run in paper.values() if run.init_from)
    floor = next(run for run in paper.values() if run.card.kind == "floor")
    for run in (moved, floor):
        assert not has_calibration(replace(run, experiments=calibrated[0].experiments), study)


def test_reading_the_data_takes_its_time_and_cores_do_not_shorten_the_longest_run(
    paper: dict[str, PlannedRun], root: Path
) -> None:
    """Of 500 trajectories of 60 frames of 128 x 128 numbers of 4 bytes, 20 s a GB, beside 60 s for a start."""
    run = run_of(paper, "ridge")
    gigabytes = 500 * 60 * 128**2 * 4 / 1e9
    assert expected_seconds(run, gpu=False) == pytest.approx(60 + 20 * gigabytes + run.estimated_seconds)
    longest = max(run.estimated_seconds for run in paper.values()) + rendering_seconds(paper.values())
    said = describe_plan(load_study("paper", root), paper, set(paper), 10**6).splitlines()[-1]
    assert f", {longest / 60:.1f} minutes on 1000000 cores" in said
