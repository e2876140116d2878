"""The benchmark of the simulators runs, compares solvers of the same problem and writes what it prints."""

import json
import runpy
import sys
from pathlib import Path

import pytest
from refusals import check_line

FOLDER = Path(__file__).parent.parent / "benchmarks"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setattr(sys, "argv", ["systems.py", *arguments])
    runpy.run_path(str(FOLDER / "systems.py"), run_name="__main__")


def test_the_benchmark_of_a_system_has_all_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "systems.json"
    run(monkeypatch, "--systems", "pendulum", "--sizes", "16", "--repeats", "1", "--output", str(output))
    printed, result = capsys.readouterr().out, json.loads(output.read_text(encoding="utf-8"))
    assert set(result) == {"machine", "repeats", "frames", "comparisons", "lattices", "skipped"}
    (frames,) = result["frames"]
    assert (frames["system"], frames["image_size"], frames["frames"]) == ("pendulum", 16, 60)
    assert frames["lowest"] == frames["microseconds_a_frame"] == frames["highest"]  # of one repeat
    assert result["lattices"] == result["skipped"] == []  # SciPy is always there
    assert len(result["comparisons"]) == 2
    for row in result["comparisons"]:
        assert row["system"] == "pendulum" and row["package"].startswith("scipy ")
        assert 0 < row["difference"] <= row["most_difference"]
        assert row["error_theirs"] >= row["error_ours"]
        assert row["ratio"] == row["theirs_seconds"] / row["ours_seconds"]
        assert f"{row['package']}: {row['rival']}" in printed


def test_the_jobs_of_a_workflow_are_counted_in_what_its_logger_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    jobs_of = runpy.run_path(str(FOLDER / "workflow.py"))["jobs_of"]
    assert jobs_of("25 jobs: 12 run\n[1/25] data pendulum\n[25/25] report (3 of 4)\n") == 25


def test_a_missing_package_is_named_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torchfsm", None)  # as if it were not installed
    output = tmp_path / "systems.json"
    run(monkeypatch, "--systems", "reaction-diffusion", "--sizes", "16", "--repeats", "1", "--output", str(output))
    result = json.loads(output.read_text(encoding="utf-8"))
    assert result["comparisons"] == [] and len(result["frames"]) == 1
    assert [row["package"] for row in result["skipped"]] == ["torchfsm"]
    assert "torchfsm left out" in capsys.readouterr().out


def test_an_unknown_system_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, "--systems", "pendulums")
    assert stopped.value.code == 1
    check_line(capsys.readouterr().err, "'pendulums'", "'pendulum'")


def test_solvers_of_different_problems_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A system whose gravity is wrong by a millionth differs by more than two exact solvers may."""
    from ladid_bench.datasets.simulated.pendulum import Pendulum

    solve = Pendulum.solve

    def wrong(self: Pendulum, *arguments):  # type: ignore[no-untyped-def]
        return solve(Pendulum(gravity=self.gravity * (1 + 1e-6)), *arguments)

    monkeypatch.setattr(Pendulum, "solve", wrong)
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, "--systems", "pendulum", "--sizes", "16", "--repeats", "1")
    assert stopped.value.code == 1
    check_line(capsys.readouterr().err, "pendulum", "scipy")
