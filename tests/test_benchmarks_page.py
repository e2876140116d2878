"""The page of the benchmarks shows what the scripts wrote, and what they did not measure as missing."""

import json
import runpy
import sys
from pathlib import Path

import pytest

from ladid_bench.core.configuration import Stage
from ladid_bench.core.errors import BenchError
from ladid_bench.methods.searched import Identity, SearchRecord, Trained, Trial, search_file
from ladid_bench.reporting.benchmarks_page import benchmarks_folder, write_benchmarks_page

METHOD = {"parameters": 1e6, "function_evaluations": 0, "forecast_50_seconds": 0.2, "latent_50_seconds": 0.04}
METHODS = {
    "image_size": 32,
    "rows": [
        METHOD | {"method": "ladid", "step_seconds": 0.1, "forecast_1_seconds": 0.01, "latent_1_seconds": 0.005},
        METHOD | {"method": "slow", "step_seconds": 0.25, "forecast_1_seconds": 0.03, "latent_1_seconds": 0.015},
    ],
}
WORKFLOW = {
    "cores": 2,
    "rows": [
        {"what": "no-op", "elapsed_seconds": 2.0, "cpu_seconds": 1.5, "goal_seconds": 5.0},
        {"what": "start", "elapsed_seconds": 4.0, "cpu_seconds": 3.5, "goal_seconds": 3.0},
    ],
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    benchmarks_folder(tmp_path).mkdir(parents=True)
    history = [{"step": step, "valid_nmse": error} for step, error in ((150, 0.9), (300, 0.4), (450, 0.15))]
    folder = tmp_path / "baselines" / "slow"
    folder.mkdir(parents=True)
    (folder / "method.yaml").write_text("")
    trained = Trained(
        **{"steps": 450, "status": "ok", "valid_nmse": 0.15, "history": history},
        **{"seconds": 1.0, "cpu_seconds": 1.0, "provenance": {}},
    )
    identity = Identity(
        **{"method": "slow", "method_version": 1, "training_version": 1, "kind": "bodies", "data": {}, "budget": {}},
        **{"stages": [Stage(trials=1, steps=300), Stage(trials=1, steps=450)], "seed": 0, "card": {}, "space": {}},
    )
    trial = Trial(settings={}, origin="-", trainings=[trained.model_copy(update={"history": []}), trained])
    record = SearchRecord(identity=identity, trials=[trial], ended=True, chosen=0)
    search_file(folder, "bodies").write_text(record.model_dump_json())
    return tmp_path


def keep(checkout: Path, name: str, content: object) -> None:
    (benchmarks_folder(checkout) / f"{name}.json").write_text(json.dumps(content))


def test_nothing_measured_is_no_page(checkout: Path) -> None:
    assert not write_benchmarks_page(checkout / "page.html", checkout)
    assert not (checkout / "page.html").exists()


def test_times_ratios_and_time_to_accuracy(checkout: Path) -> None:
    keep(checkout, "methods", METHODS)
    assert write_benchmarks_page(checkout / "page.html", checkout)
    page = (checkout / "page.html").read_text()
    slow = page[page.index(">slow</th>") :].split("</tr>")[0]
    # 250 ms a step, 2.5 times LaDID, nMSE 0.5 after 300 steps (75 s), 0.2 after 450 (112 s)
    for cell in ("250", "2.5", "300", "75 s", "450", "112 s"):
        assert f">{cell}</td>" in slow, cell
    assert "Workflow" not in page


def test_steps_are_shown_as_a_share_of_the_limit_and_beside_the_other_checkout(checkout: Path) -> None:
    row = {"method": "ladid", "parameters": 5e5, "gflop": 4.0, "step_seconds": 0.1, "share": 0.4, "times_faster": 1.5}
    keep(checkout, "steps", {"image_size": 32, "beside": "0123456789", "rows": [row]})
    write_benchmarks_page(checkout / "page.html", checkout)
    page = (checkout / "page.html").read_text()
    for cell in ("500,000", "4", "100", "40", "40%", "1.5"):  # 4 GFLOP in 100 ms are 40 GFLOP/s
        assert f">{cell}</td>" in page, cell
    assert "0123456" in page


def test_goals_are_kept_or_missed(checkout: Path) -> None:
    keep(checkout, "workflow", WORKFLOW)
    write_benchmarks_page(checkout / "page.html", checkout)
    page = (checkout / "page.html").read_text()
    assert "under 5 s, kept" in page and "under 3 s, missed" in page


def test_a_damaged_file_is_one_line(checkout: Path) -> None:
    keep(checkout, "methods", {"rows": [{}]})
    with pytest.raises(BenchError, match=r"methods\.json"):
        write_benchmarks_page(checkout / "page.html", checkout)


def test_what_the_repository_keeps_can_be_shown(root: Path, tmp_path: Path) -> None:
    assert write_benchmarks_page(tmp_path / "page.html", root)
    page = (tmp_path / "page.html").read_text()
    for title in ("Training", "Forecasts", "Simulators", "Data loading", "Workflow"):
        assert f">{title}</h2>" in page


def test_a_step_is_counted_and_timed_beside_another_checkout(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other checkout is this one; what it takes is not held, for the machine may be shared."""
    script = Path(__file__).parent.parent / "benchmarks" / "steps.py"
    words = ["--methods", "autoencoder", "--beside", str(root), "--repeats", "1", "--output", str(tmp_path / "s.json")]
    monkeypatch.syspath_prepend(str(script.parent))
    monkeypatch.setattr(sys, "argv", [str(script), *words])
    runpy.run_path(str(script), run_name="__main__")
    (row,) = json.loads((tmp_path / "s.json").read_text())["rows"]
    assert row["times_faster"] > 0
    assert 0.1 < row["gflop"] < 10 and row["share"] > 0
    assert "autoencoder" in capsys.readouterr().out


def test_data_loading_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = Path(__file__).parent.parent / "benchmarks" / "loading.py"
    words = ["--trajectories", "16", "--sizes", "16", "--repeats", "1", "--output", str(tmp_path / "loading.json")]
    monkeypatch.syspath_prepend(str(script.parent))
    monkeypatch.setattr(sys, "argv", [str(script), *words])
    runpy.run_path(str(script), run_name="__main__")
    (row,) = json.loads((tmp_path / "loading.json").read_text())["rows"]
    assert row["split_megabytes"] == pytest.approx(16 * 60 * 16 * 16 * 4 / 1e6)
    assert row["read_seconds"] > 0 and row["batch_seconds"] > 0
    assert "16 px: 1 MB read" in capsys.readouterr().out
