"""The workflow end to end, in a checkout of its own: run, rerun, interrupt, change, clone."""

import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from ladid_bench.files import finished

STUDY = {
    "scale": "tiny",
    "budget": {"steps": 6, "batch_size": 4, "validations": 2, "warmup_steps": 1},
    "datasets": {"pendulum": {"trajectories": {"train": 8, "valid": 2, "test": 3}}},
    "experiments": {"comparison": {"datasets": ["pendulum"], "methods": ["ladid", "mean", "persistence"]}},
}
COPIED = ("Snakefile", "workflow", "profiles", "slurm", "baselines", "config")


@pytest.fixture
def checkout(tmp_path: Path, root: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in COPIED:
        source = root / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "cache", "tmp")
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy(source, folder / name)
    (folder / "params.yaml").write_text("scale: tiny\n")
    (folder / "results").mkdir()
    shutil.copy(root / "results" / "physics.json", folder / "results")
    configure(folder)
    return folder


def configure(folder: Path, **changes) -> None:
    (folder / "config" / "tiny.yaml").write_text(yaml.safe_dump(STUDY | changes))


def command(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def snakemake(folder: Path, *options: str, check: bool = True) -> str:
    done = subprocess.run(
        [command("snakemake"), "--cores", "2", *options], cwd=folder, capture_output=True, text=True, check=False
    )
    output = done.stdout + done.stderr
    assert not check or done.returncode == 0, output
    return output


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in finished(folder / "results/tiny/records", ".json")}


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
    assert "rule dataset" not in planned
    snakemake(copy)
    assert contents(copy) == contents(checkout)

    before = contents(copy)
    configure(copy, method_settings={"ladid": {"hidden": 32}})
    planned = snakemake(copy, "-n")
    assert planned.count("rule run:") == 1
    snakemake(copy)
    after = contents(copy)
    assert {key: after[key] for key in before} == before
    assert len(after) == len(before) + 1
    assert len(pd.read_parquet(copy / "results/tiny/runs.parquet")) == 3


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
