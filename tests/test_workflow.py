"""The workflow end to end, in a checkout of its own: run, rerun, interrupt, change, clone."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from workflows import COPIED, command, configure, contents, make_checkout, snakemake, wait_for, without_cost


@pytest.fixture
def checkout(tmp_path: Path, root: Path) -> Path:
    return make_checkout(root, tmp_path / "checkout")


def clone(folder: Path, target: Path) -> Path:
    """A fresh clone with the results and without work, data and Snakemake's metadata, all with new file times."""
    target.mkdir()
    for name in (*COPIED, "params.yaml", "results"):
        source = folder / name
        if source.is_dir():
            shutil.copytree(source, target / name, copy_function=shutil.copyfile)
        else:
            shutil.copyfile(source, target / name)
    return target


def test_run_rerun_change_and_clone(checkout: Path, tmp_path: Path) -> None:
    output = snakemake(checkout)
    assert "Plan of scale 'tiny': 3 runs" in output
    table = pd.read_parquet(checkout / "results/tiny/runs.parquet")
    assert {"dataset", "method", "variant", "seed", "status"} <= set(table.columns)
    assert (table["status"] == "ok").all(), output
    assert (checkout / "results/tiny/report/index.html").stat().st_size > 10_000
    assert "Nothing to be done" in snakemake(checkout)

    copy = clone(checkout, tmp_path / "clone")
    planned = snakemake(copy, "-n")
    assert "rule run" not in planned
    assert "rule train" not in planned
    assert "rule dataset" not in planned
    snakemake(copy)
    assert contents(copy) == contents(checkout)

    before = contents(copy)
    configure(copy, method_settings={"ladid": {"hidden": 32}})
    planned = snakemake(copy, "-n")
    assert planned.count("rule train:") == 1
    snakemake(copy)
    after = contents(copy)
    assert {key: after[key] for key in before} == before
    assert len(after) == len(before) + 1
    assert len(pd.read_parquet(copy / "results/tiny/runs.parquet")) == 3


def test_killed_and_started_again_gives_the_same_records(checkout: Path, tmp_path: Path) -> None:
    copy = clone_of_sources(checkout, tmp_path / "other")
    slow = {"steps": 60, "batch_size": 4, "validations": 4, "warmup_steps": 1}
    for folder in (checkout, copy):
        configure(folder, budget=slow)
    snakemake(copy)
    process = subprocess.Popen(
        [command("snakemake"), "--cores", "2"], cwd=checkout, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    wait_for(lambda: any((checkout / "work/tiny/logs").glob("*.log")) and len(contents(checkout)) >= 1, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    subprocess.run([command("snakemake"), "--unlock"], cwd=checkout, check=True, capture_output=True)
    snakemake(checkout)
    kept, fresh = (without_cost(folder) for folder in (checkout, copy))
    assert kept == fresh


def clone_of_sources(folder: Path, target: Path) -> Path:
    shutil.copytree(folder, target)
    return target


def test_a_failing_method_is_a_row_and_stops_nothing(checkout: Path) -> None:
    folder = checkout / "baselines" / "strange"
    shutil.copytree(checkout / "baselines" / "mean", folder)
    code = (folder / "method.py").read_text()
    (folder / "method.py").write_text(
        code + "\n\ndef _fail(self, *rest, **options):\n    raise ValueError('broken <b>')\n\n\nMETHOD.fit = _fail\n"
    )
    comparison = {"datasets": ["pendulum"], "methods": ["strange", "persistence"]}
    configure(checkout, experiments={"comparison": comparison})
    snakemake(checkout)
    table = pd.read_parquet(checkout / "results/tiny/runs.parquet").set_index("method")
    assert table.loc["persistence", "status"] == "ok"
    assert (table.loc["strange", "status"], table.loc["strange", "attempts"]) == ("error", 2)
    assert "ValueError: broken &lt;b&gt;" in (checkout / "results/tiny/report/index.html").read_text()
    assert "Nothing to be done" in snakemake(checkout)
    assert "rule run:" in snakemake(checkout, "-n", "--config", "retry_failed=true")


def test_wrong_configuration_is_one_line_and_no_work(checkout: Path) -> None:
    configure(checkout, budgte={})
    output = snakemake(checkout, check=False)
    assert "config/tiny.yaml: unknown key 'budgte'; did you mean 'budget'?" in output
    assert not (checkout / "results" / "tiny").exists()
    done = subprocess.run([command("ladid-bench"), "plan"], cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "ladid-bench: error: config/tiny.yaml: unknown key 'budgte'; did you mean 'budget'?\n"


def test_slurm_profile_plans(checkout: Path) -> None:
    pytest.importorskip("snakemake_executor_plugin_slurm", reason="in the slurm extra")
    assert "total" in snakemake(checkout, "--profile", "slurm", "-n")


def test_dvc_repeats_nothing_and_deletes_no_record(checkout: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=checkout, check=True)
    first = dvc(checkout, "repro")
    records = contents(checkout)
    assert len(records) == 3, first
    assert "up to date" in dvc(checkout, "repro")
    configure(checkout, experiments={"comparison": {"datasets": ["pendulum"], "methods": ["mean", "ridge"]}})
    dvc(checkout, "repro")
    after = contents(checkout)
    assert {key: after[key] for key in records} == records
    assert len(after) == 4


def dvc(folder: Path, *words: str) -> str:
    for package in ("systems", "real", "data", "imports", "ladid", "methods", "evaluation", "reporting"):
        (folder / "src/ladid_bench" / package).mkdir(parents=True, exist_ok=True)
        (folder / "src/ladid_bench" / package / "__init__.py").touch()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    called = [command("dvc"), *words]
    done = subprocess.run(
        called, cwd=folder, capture_output=True, text=True, check=False, env=os.environ | {"PATH": path}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
