"""The command line, typed as a user would: what it prints, what it leaves, how it fails."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from ladid_bench.methods.base import Forecast
from ladid_bench.methods.forecasts import write_forecast

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


def call(folder: Path, *words: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "ladid_bench", *words], cwd=folder, capture_output=True, text=True, check=False
    )
    output = done.stdout + done.stderr
    assert done.returncode == code, output
    assert "Traceback" not in output
    return output


def key_of(folder: Path, method: str) -> str:
    return next(line.split()[0] for line in call(folder, "plan").splitlines() if f"{method} on" in line)


def test_a_study_by_hand(checkout: Path) -> None:
    assert "2 runs" in call(checkout, "plan")
    for method in ("mean", "persistence"):
        assert "ok" in call(checkout, "run", key_of(checkout, method))
    call(checkout, "card", "pendulum")
    assert "2 runs (2 ok)" in call(checkout, "aggregate")
    page = Path(call(checkout, "report").strip())
    assert page == checkout / "results/tiny/report/index.html"
    assert "has a record already" in call(checkout, "run", key_of(checkout, "mean"))
    assert "[done]" in call(checkout, "plan")


def test_runs_that_share_a_command_do_not_stop_each_other(checkout: Path) -> None:
    execution = {"execution": {"time_limit_minutes": 1e-6}}
    keys = [key_of(checkout, method) for method in ("mean", "persistence")]
    (checkout / "config" / "tiny.yaml").write_text(yaml.safe_dump(STUDY | execution))
    output = call(checkout, "run", *keys, code=1)
    assert output.count("timeout") == 2
    (checkout / "config" / "tiny.yaml").write_text(yaml.safe_dump(STUDY))
    call(checkout, "run", keys[1])
    (checkout / "config" / "tiny.yaml").write_text(yaml.safe_dump(STUDY | execution))
    call(checkout, "run", *keys)
    records = [json.loads(path.read_text()) for path in (checkout / "results/tiny/records").glob("*.json")]
    assert sorted(record["status"] for record in records) == ["ok", "timeout"]


def test_prune_removes_what_no_study_asks_for(checkout: Path) -> None:
    kept, dropped = key_of(checkout, "mean"), key_of(checkout, "persistence")
    for key in (kept, dropped):
        call(checkout, "run", key)
    comparison = {"datasets": ["pendulum"], "methods": ["mean"]}
    (checkout / "config" / "tiny.yaml").write_text(yaml.safe_dump(STUDY | {"experiments": {"comparison": comparison}}))
    assert dropped in call(checkout, "prune")
    assert [path.name[:8] for path in (checkout / "results/tiny/records").glob("*.json")] == [kept]


def test_score_checks_a_forecast_file_of_ones_own(checkout: Path) -> None:
    call(checkout, "data", "pendulum")
    times = np.tile(np.arange(10, 60) * 3 / 59, (2, 1))
    black = np.zeros((2, 50, 1, 32, 32), np.float32)
    write_forecast(checkout / "black.hdf5", Forecast(black), times)
    assert '"nmse_mean": 1.0' in call(checkout, "score", key_of(checkout, "mean"), "black.hdf5")
    black[0, 0] = np.nan
    write_forecast(checkout / "nan.hdf5", Forecast(black), times)
    message = call(checkout, "score", key_of(checkout, "mean"), "nan.hdf5", code=1)
    assert message == "ladid-bench: error: nan.hdf5: 'mean' has 1024 values that are not finite\n"


def test_lists(checkout: Path) -> None:
    assert "pendulum--length-1.5" in call(checkout, "datasets").split()
    methods = call(checkout, "methods")
    assert methods.startswith("ladid")
    assert "latent-ode       neural     version" in methods
    assert "Latent ODE; searched, 6 trials" in methods
    assert "persistence      reference  version 1, ready\n" in methods


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data", "pendulun"], "data set 'pendulun' is not under 'datasets'; did you mean 'pendulum'?"),
        (["plan", "--scale", "tinny"], "no scale 'tinny': there is no config/tinny.yaml; did you mean 'tiny'?"),
        (["run", "ffff"], "no run of this study has a key starting with 'ffff'; see 'ladid-bench plan'"),
        (["report"], "there is no run table; make it with 'ladid-bench aggregate'"),
        (["card", "pendulum"], "no such trajectory file; make it with 'ladid-bench data'"),
        (["new-baseline", "My_Idea"], "'My_Idea' is no name for a method; take lower-case letters, digits and single"),
        (["new-baseline", "ridge"], "'ridge' is taken by baselines/ridge; nothing was written, choose another name"),
        (["check-baseline", "rigde"], "unknown method 'rigde'; did you mean 'ridge'?"),
        (["check-baseline", "ridge:tuned"], "method 'ridge': unknown variant 'tuned'; known: default"),
        (["to-text", "nowhere.hdf5", "text"], "nowhere.hdf5: no such trajectory file"),
        (["from-text", "params.yaml", "nowhere.hdf5", "forecast.hdf5"], "nowhere.hdf5: no such trajectory file"),
        (["from-text", "nowhere.txt", "nowhere.hdf5", "forecast.hdf5"], "nowhere.txt: no such file"),
    ],
)
def test_mistakes_are_one_line(checkout: Path, words: list[str], message: str) -> None:
    output = call(checkout, *words, code=1)
    assert output.startswith("ladid-bench: error: ")
    assert message in output
    assert output.count("\n") == 1


def test_outside_a_checkout(tmp_path: Path) -> None:
    assert "is not inside a LaDID Bench checkout" in call(tmp_path, "plan", code=1)


def test_results_that_cannot_be_written_are_one_line(checkout: Path) -> None:
    (checkout / "results").write_text("a file where a folder should be")
    output = call(checkout, "run", key_of(checkout, "mean"), code=1)
    assert output.splitlines()[-1].startswith("ladid-bench: error: ")
    assert (checkout / "results").read_text() == "a file where a folder should be"
