"""The command line, typed as a user would: what it prints, what it leaves, how it fails."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from commands import said
from refusals import BEGINNING, check_refusal

from ladid_bench.core.configuration import load_study
from ladid_bench.methods.base import Forecast
from ladid_bench.methods.forecasts import write_forecast
from ladid_bench.study.plan import plan_runs

STUDY = {
    "scale": "tiny",
    "datasets": {"pendulum": {"trajectories": {"train": 4, "valid": 2, "test": 2}}},
    "experiments": {"comparison": {"datasets": ["pendulum"], "methods": ["mean", "persistence"]}},
}


@pytest.fixture
def checkout(tmp_path: Path, root: Path) -> Path:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "tiny.yaml").write_text(yaml.safe_dump(STUDY))
    (tmp_path / "params.yaml").write_text("scale: tiny\n")
    (tmp_path / "baselines").symlink_to(root / "baselines")
    return tmp_path


def key_of(folder: Path, method: str) -> str:
    """The first digits of a run's key, as ``ladid-bench plan`` lists it."""
    runs = plan_runs(load_study("tiny", folder), folder).values()
    return next(run.key[:8] for run in runs if run.method == method)


def test_a_study_by_hand(checkout: Path) -> None:
    plan = said(checkout, "plan")
    assert "2 runs" in plan
    assert f"{key_of(checkout, 'mean')}  mean on" in plan
    for method in ("mean", "persistence"):
        assert "ok" in said(checkout, "run", key_of(checkout, method))
    said(checkout, "card", "pendulum")
    assert "2 runs (2 ok)" in said(checkout, "aggregate")
    page = Path(said(checkout, "report").strip())
    assert page == checkout / "results/tiny/report/index.html"
    key = key_of(checkout, "mean")
    assert "--force" in said(checkout, "run", key)  # there is a record, and it is kept
    assert "[done]" in said(checkout, "plan")


def test_runs_that_share_a_command_do_not_stop_each_other(checkout: Path) -> None:
    execution = {"execution": {"time_limit_minutes": 1e-6}}
    keys = [key_of(checkout, method) for method in ("mean", "persistence")]
    (checkout / "config" / "tiny.yaml").write_text(yaml.safe_dump(STUDY | execution))
    output = said(checkout, "run", *keys, code=1)
    assert output.count("timeout") == 2
    (checkout / "config" / "tiny.yaml").write_text(yaml.safe_dump(STUDY))
    said(checkout, "run", keys[1])
    (checkout / "config" / "tiny.yaml").write_text(yaml.safe_dump(STUDY | execution))
    said(checkout, "run", *keys)
    records = [json.loads(path.read_text()) for path in (checkout / "results/tiny/records").glob("*.json")]
    assert sorted(record["status"] for record in records) == ["ok", "timeout"]


def test_prune_removes_what_no_study_asks_for(checkout: Path) -> None:
    kept, dropped = key_of(checkout, "mean"), key_of(checkout, "persistence")
    for key in (kept, dropped):
        said(checkout, "run", key)
    comparison = {"datasets": ["pendulum"], "methods": ["mean"]}
    (checkout / "config" / "tiny.yaml").write_text(yaml.safe_dump(STUDY | {"experiments": {"comparison": comparison}}))
    assert "'ladid-bench prune'" in said(checkout, "plan")
    assert dropped in said(checkout, "prune")
    assert "'ladid-bench prune'" not in said(checkout, "plan")
    assert [path.name[:8] for path in (checkout / "results/tiny/records").glob("*.json")] == [kept]
    samples, shared = checkout / "results/tiny/samples", "samples/shared"
    assert shared not in said(checkout, "prune")  # the run that is left shares it
    next(samples.glob("*.npz")).unlink()
    assert shared in said(checkout, "prune") and not list(samples.rglob("*.npz"))


def test_score_checks_a_forecast_file_of_ones_own(checkout: Path) -> None:
    said(checkout, "data", "pendulum")
    times = np.tile(np.arange(10, 60) * 3 / 59, (2, 1))
    black = np.zeros((2, 50, 1, 32, 32), np.float32)
    write_forecast(checkout / "black.hdf5", Forecast(black), times)
    told = said(checkout, "score", key_of(checkout, "mean"), "black.hdf5")
    assert '"nmse_mean": 1.0' in told and "angle_error_degrees_mean" in told
    black[0, 0] = np.nan
    write_forecast(checkout / "nan.hdf5", Forecast(black), times)
    message = said(checkout, "score", key_of(checkout, "mean"), "nan.hdf5", code=1)
    check_refusal(message, "nan.hdf5", "'mean'", 32 * 32)


def test_lists(checkout: Path) -> None:
    assert "pendulum--length-1.5" in said(checkout, "datasets").split()
    lines = [line.split() for line in said(checkout, "methods").splitlines()]
    kinds = {words[0]: words[1] for words in lines if "version" in words}
    assert next(iter(kinds)) == "ladid"
    assert (kinds["latent-ode"], kinds["persistence"]) == ("neural", "reference")
    assert ["persistence", "reference", "version", "1,", "ready"] in lines


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["data", "pendulun"], ["'pendulun'", "'datasets'", "'pendulum'"]),
        (["plan", "--scale", "tinny"], ["'tinny'", "config/tinny.yaml", "'tiny'"]),
        (["run", "ffff"], ["'ffff'", "'ladid-bench plan'"]),
        (["report"], ["'ladid-bench aggregate'"]),
        (["card", "pendulum"], ["pendulum/train/", "'ladid-bench data'"]),
        (["new-baseline", "My_Idea"], ["'My_Idea'"]),
        (["new-baseline", "ridge"], ["'ridge'", "baselines/ridge"]),
        (["check-baseline", "rigde"], ["'rigde'", "'ridge'"]),
        (["check-baseline", "ridge:tuned"], ["'ridge'", "'tuned'", "default"]),
        (["to-text", "nowhere.hdf5", "text"], ["nowhere.hdf5"]),
        (["from-text", "params.yaml", "nowhere.hdf5", "forecast.hdf5"], ["nowhere.hdf5"]),
        (["from-text", "nowhere.txt", "nowhere.hdf5", "forecast.hdf5"], ["nowhere.txt"]),
    ],
)
def test_mistakes_are_one_line(checkout: Path, words: list[str], named: list[str]) -> None:
    check_refusal(said(checkout, *words, code=1), *named)


def test_outside_a_checkout(tmp_path: Path) -> None:
    check_refusal(said(tmp_path, "plan", code=1), tmp_path, "params.yaml")


def test_results_that_cannot_be_written_are_one_line(checkout: Path) -> None:
    (checkout / "results").write_text("a file")
    output = said(checkout, "run", key_of(checkout, "mean"), code=1)
    assert output.splitlines()[-1].startswith(BEGINNING)
    assert (checkout / "results").read_text() == "a file"
