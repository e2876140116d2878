"""Which claims a study can meet, said before its runs."""

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ladid_bench.analysis.claims import CLAIMS
from ladid_bench.analysis.paired import NEEDS_SEEDS
from ladid_bench.analysis.prospects import fewest_seeds, known_groups, prospects
from ladid_bench.cli.main import app
from ladid_bench.core.configuration import load_study
from ladid_bench.core.paths import Folders
from ladid_bench.study.plan import PlannedRun, plan_runs


@pytest.fixture(scope="module")
def planned(root: Path) -> list[PlannedRun]:
    return list(plan_runs(load_study("cpu", root), root).values())


def lacking(runs: list[PlannedRun], groups: dict[str, int]) -> dict[str, str]:
    return {one.claim.id: one.reason for one in prospects(runs, groups) if one.reason}


def test_the_study_of_a_workstation_can_meet_all_claims(planned: list[PlannedRun]) -> None:
    assert lacking(planned, {run.dataset.name: 10 for run in planned}) == {}


def test_the_study_of_a_workstation_judges_each_claim_where_its_longest_runs_are(planned: list[PlannedRun]) -> None:
    found = {one.claim.id: one for one in prospects(planned, {run.dataset.name: 10 for run in planned})}
    for name in ("C1a", "C1b", "C2a", "C2b", "C5", "C9", "C12", "C16"):  # of the comparison
        assert (found[name].steps, found[name].before[-1]) == (2400, 1200), name
    for name in ("C6", "C7", "C14"):
        assert (found[name].steps, found[name].before[-1]) == (1200, 600), name
    for name in ("C3", "C4", "C10", "C11"):  # with those on the source, as many as from scratch
        assert (found[name].steps, found[name].before) == (1800, (1500,)), name
    for name in ("C8", "C15"):  # costs are measured once
        assert found[name].before == (), name


def test_what_is_not_planned_or_cannot_be_decided_is_named(planned: list[PlannedRun]) -> None:
    groups = {run.dataset.name: 10 for run in planned} | {"wave": 1, "double-pendulum": 2}
    without = [run for run in planned if not (run.method == "msvi" and run.dataset.name == "pendulum")]
    found = lacking(without, groups)
    assert all(name in found["C1a"] for name in ("pendulum", "msvi"))
    found = lacking(planned, groups)
    assert all(name in found["C1b"] for name in ("wave", "double-pendulum"))
    assert "C2b" not in found
    one_seed = [run for run in planned if run.seed == 0]
    assert set(lacking(one_seed, groups)) == {one.claim.id for one in prospects(planned, groups)}


def test_a_cost_cannot_be_compared_where_its_run_is_another_experiments_too(planned: list[PlannedRun]) -> None:
    """That one runs beside others, and a run is made once."""
    asked = [run for run in planned if run.experiments == ("forecast-cost",)]
    assert asked
    shared = [replace(run, experiments=("horizon", "forecast-cost")) if run in asked else run for run in planned]
    found = lacking(shared, {run.dataset.name: 10 for run in planned})
    assert found.keys() == {"C8"}


def test_the_command_has_a_line_for_each_claim(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    ran = CliRunner().invoke(app, ["claims", "--scale", "smoke"])
    assert ran.exit_code == 0
    names = [line.split()[0] for line in ran.stdout.splitlines()]
    assert names[: len(CLAIMS)] == [claim.id for claim in CLAIMS]
    assert all(NEEDS_SEEDS in line for line in ran.stdout.splitlines()[:2])


def test_the_method_with_the_fewest_seeds_limits_what_can_be_told_apart(planned: list[PlannedRun]) -> None:
    """LaDID has five seeds on two systems, most rivals have three."""
    assert {run.seed for run in planned if run.method == "ladid"} == {0, 1, 2, 3, 4}
    assert fewest_seeds(planned) == 3
    assert fewest_seeds([run for run in planned if not (run.method == "msvi" and run.seed == 2)]) == 2
    assert fewest_seeds([run for run in planned if not run.trained]) == 0


def test_data_that_were_not_made_have_no_known_groups(planned: list[PlannedRun], tmp_path: Path) -> None:
    assert known_groups([planned[0].dataset], Folders(tmp_path, "cpu")) == {}
