"""The workflow end to end, in a checkout of its own: run, rerun, change, clone."""

import json
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from workflows import COPIED, STUDY, command, configure, contents, make_checkout, snakemake, without_cost


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


def test_a_run_waits_for_the_one_it_starts_from_whose_model_is_made_again_when_it_is_gone(checkout: Path) -> None:
    small = STUDY["datasets"]["pendulum"]
    block = {"init_from": "pendulum", "methods": ["gru"], "arms": ["zero-shot", "frozen-dynamics"]}
    configure(
        checkout,
        datasets={"pendulum": small, "pendulum--mass-2": small},
        experiments={"transfer": block | {"datasets": ["pendulum--mass-2"]}},
    )
    output = snakemake(checkout)
    table = pd.read_parquet(checkout / "results/tiny/runs.parquet").set_index("arm")
    assert (table["status"] == "ok").all(), output
    assert table.loc["scratch", "nmse_mean"] == table.loc["zero-shot", "nmse_mean"]  # the mass changes nothing
    kept = contents(checkout)
    shutil.rmtree(checkout / "work")
    assert "rule model" not in snakemake(checkout)  # nobody wants it
    assert contents(checkout) == kept

    for arm in ("zero-shot", "frozen-dynamics"):
        (checkout / f"results/tiny/records/{table.loc[arm, 'key']}.json").unlink()
    planned = snakemake(checkout, "-n")
    assert (planned.count("rule train:"), planned.count("rule model:")) == (2, 1)
    snakemake(checkout)
    again = contents(checkout)
    source = f"{table.loc['scratch', 'key']}.json"
    assert again[source] == kept[source]
    assert without_cost(checkout) == {name: json.loads(text) | {"cost": None} for name, text in kept.items()}


def test_a_study_is_carried_out_piece_by_piece(checkout: Path) -> None:
    arguments = ("--config", "method=[mean,persistence]", "dataset=pendulum")
    assert "2 to do" in snakemake(checkout, *arguments)
    made = contents(checkout)
    assert len(made) == 2
    assert "Nothing to be done" in snakemake(checkout, *arguments)
    planned = snakemake(checkout, "-n")
    assert (planned.count("rule run:"), planned.count("rule train:")) == (0, 1)
    said = snakemake(checkout, "--config", "method=meen", check=False)
    assert "error: no run of this study has 'meen'; did you mean 'mean'?" in said
    assert "Traceback" not in said


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
