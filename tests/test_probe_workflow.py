"""The rules ``probe`` and ``calibrate``: once after their runs, and again where one is missing, models too if gone."""

import shutil
from pathlib import Path

import pandas as pd
from test_workflow import planned_jobs
from workflows import configure, make_checkout, snakemake


def test_a_study_that_asks_for_probes_makes_them_once(tmp_path: Path, root: Path) -> None:
    checkout = make_checkout(root, tmp_path / "checkout")
    configure(
        checkout,
        datasets={"pendulum": {"trajectories": {"train": 12, "valid": 4, "test": 3}}},
        experiments={
            "probe": {"datasets": ["pendulum"], "methods": ["ladid", "mean"]},
            "calibration": {"datasets": ["pendulum"], "methods": ["ladid", "mean"]},
        },
    )
    snakemake(checkout)
    (path,) = (checkout / "results/tiny/probes").iterdir()
    page = checkout / "results/tiny/report/index.html"
    assert "Read linearly, psi has a mean" in page.read_text()
    table = pd.read_parquet(checkout / "results/tiny/runs.parquet").set_index("method")
    assert table.loc["ladid", "key"] == path.stem
    assert len(table.loc["ladid", "probe"]) == 16
    assert pd.isna(table.loc["mean", "probe"])
    calibrations = {one.stem: one for one in (checkout / "results/tiny/calibrations").iterdir()}
    assert set(calibrations) == set(table["key"])
    assert table["residual_crps"].notna().all() and pd.isna(table.loc["mean", "own_crps"])
    assert (checkout / "results/tiny/report/figures/calibration-pendulum-reliability.svg").exists()
    assert planned_jobs(checkout) == {}

    calibrations[table.loc["mean", "key"]].unlink()
    jobs = planned_jobs(checkout)
    assert (jobs["calibrate"], jobs.get("model"), jobs.get("run")) == (1, None, None)

    path.unlink()
    shutil.rmtree(checkout / "work")  # as in a clone
    jobs = planned_jobs(checkout)
    assert (jobs["model"], jobs["probe"], jobs.get("train"), jobs.get("simulated")) == (1, 1, None, None)
    shutil.rmtree(checkout / "data")  # once, and not by each job that lacks them
    jobs = planned_jobs(checkout)
    assert (jobs["model"], jobs["probe"], jobs.get("train"), jobs["simulated"]) == (1, 1, None, 1)
