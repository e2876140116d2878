"""The small files of the report that DVC compares between versions."""

import json
import math
from pathlib import Path

import pandas as pd
import pytest
from reports import ASKED, Bench, make_bench


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """One neural method with two seeds, one simple method, one without a result."""
    made = make_bench(tmp_path, monkeypatch)
    for seed, error in ((0, 0.1), (1, 0.3)):
        made.run("fake-pictures", "latent-ode", error, seed=seed)
    made.run("fake-pictures", "ridge", 0.2)
    made.lost("fake-pictures", "other-net", "timeout", "too slow")
    return made


def test_metrics_are_means_over_seeds_of_what_has_a_result(bench: Bench) -> None:
    bench.rows[0]["skill"] = math.nan
    bench.rows[1]["skill"] = math.inf
    folder = bench.build().path.parent
    metrics = json.loads((folder / "metrics.json").read_text())["comparison"]["fake-pictures"]
    assert set(metrics) == {"latent-ode", "ridge"}
    assert metrics["latent-ode"]["nmse_mean"] == pytest.approx(
        (bench.rows[0]["nmse_mean"] + bench.rows[1]["nmse_mean"]) / 2
    )
    assert metrics["latent-ode"]["runs_ok"] == 2
    assert "skill" not in metrics["latent-ode"]
    assert not any(name.startswith("cost") for values in metrics.values() for name in values)


def test_curves_are_in_long_form(bench: Bench) -> None:
    folder = bench.build().path.parent
    training = pd.read_csv(folder / "training.csv")
    records = [json.loads(bench.folders.record(row["key"]).read_text()) for row in bench.rows[:2]]
    for seed, record in enumerate(records):
        mine = training[(training["method"] == "latent-ode") & (training["seed"] == seed)]
        assert [dict(point) for point in record["history"]] == mine[["step", "valid_nmse"]].to_dict("records")
    horizon = pd.read_csv(folder / "horizon.csv")
    assert horizon.groupby("method").size().to_dict() == {"latent-ode": ASKED, "ridge": ASKED}
    assert (horizon.groupby("method")["lead_time"].diff().dropna() > 0).all()


def test_a_study_without_results_has_files_with_headings_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_bench(tmp_path, monkeypatch)
    made.lost("fake-pictures", "other-net", "error", "no luck")
    folder = made.build().path.parent
    assert json.loads((folder / "metrics.json").read_text()) == {"comparison": {"fake-pictures": {}}}
    for name in ("training", "horizon"):
        assert len(pd.read_csv(folder / f"{name}.csv")) == 0
