"""The rule ``probe``: once after its runs, and again where a probe is missing, with its model if that is gone."""

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
        experiments={"probe": {"datasets": ["pendulum"], "methods": ["ladid", "mean"]}},
    )
    snakemake(checkout)
    (path,) = (checkout / "results/tiny/probes").iterdir()
    page = checkout / "results/tiny/report/index.html"
    assert "Read linearly, psi has a mean" in page.read_text()
    table = pd.read_parquet(checkout / "results/tiny/runs.parquet").set_index("method")
    assert table.loc["ladid", "key"] == path.stem
    assert len(table.loc["ladid", "probe"]) == 16
    assert pd.isna(table.loc["mean", "probe"])
    assert planned_jobs(checkout) == {}

    path.unlink()
    shutil.rmtree(checkout / "work")  # as in a clone
    jobs = planned_jobs(checkout)
    assert (jobs["model"], jobs["probe"], jobs.get("train")) == (1, 1, None)
