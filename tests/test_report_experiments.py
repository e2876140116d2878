"""The experiments beside the comparison: a table each, and nothing of them in the comparison."""

import re
from pathlib import Path

import pandas as pd
import pytest
from reports import Bench, make_bench

from ladid_bench.analysis.entries import EQUAL_TIME
from ladid_bench.analysis.gathering import gather
from ladid_bench.analysis.study_results import StudyResults
from ladid_bench.core.configuration import KINDS
from ladid_bench.reporting.experiments import QUESTIONS, fraction_text
from ladid_bench.reporting.formatting import MISSING
from ladid_bench.reporting.tables import to_html

PICTURES = "fake-pictures"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A comparison, and a transfer that shares one of its runs and has two arms of its own."""
    made = make_bench(tmp_path, monkeypatch)
    made.further = ("transfer", "shift")
    made.run(PICTURES, "latent-ode", 0.2, experiments="comparison,transfer")
    made.run(PICTURES, "ridge", 0.4)
    for seed in (0, 1):
        made.run(PICTURES, "latent-ode", 0.11, seed, experiments="transfer", fraction=0.02, changes="steps=9")
        start = {"arm": "fine-tuned", "init_from": "fake-vectors", "fraction": 0.02}
        made.run(PICTURES, "latent-ode", 0.05, seed, experiments="transfer", **start)
    return made


def test_arms_and_parts_of_the_data_stay_out_of_the_comparison(bench: Bench) -> None:
    (dataset,) = gather(bench.folders, bench.table, bench.study)
    assert [(entry.label, len(entry.runs), entry.arm) for entry in dataset.entries] == [
        ("latent-ode", 1, "scratch"),
        ("ridge", 1, "scratch"),
    ]
    assert dataset.ranked[0].mean("nmse_mean") == pytest.approx(0.25, rel=0.01)
    assert gather(bench.folders, bench.table, bench.study, EQUAL_TIME) == []
    page = bench.build()
    comparison = pd.read_csv(page.path.parent / "tables" / f"comparison-{PICTURES}.csv")
    assert list(comparison["method"]) == ["latent-ode", "ridge"]
    assert len(pd.read_csv(page.path.parent / "tables" / "cost.csv")) == 2


def test_every_arm_fraction_and_change_is_a_line_of_its_own(bench: Bench) -> None:
    (table,) = StudyResults(bench.folders, bench.table, bench.study).experiments  # nothing was run for the shift
    assert table.name == "transfer"
    ((content, rows),) = table.parts
    assert content.name == PICTURES
    found = {(row.start, fraction_text(row.entry), row.entry.changes): len(row.entry.runs) for row in rows}
    assert found == {
        ("scratch", "100 %", ""): 1,
        ("scratch", "2 %", "steps=9"): 2,
        ("fine-tuned from fake-vectors", "2 %", ""): 2,
    }
    assert all(row.ends.low < row.entry.mean("nmse_mean") < row.ends.high for row in rows if row.ends)
    assert {row.name for row in rows} == {"latent-ode"}
    heads, *lines = bench.build().tables["experiment-transfer"]
    assert heads[:5] == ["method", "changed", "arm", "training data", "nMSE"]
    assert [line[1:5] for line in lines] == [
        ["", "scratch", "100 %", "0.25"],
        ["steps=9", "scratch", "2 %", "0.14"],
        ["", "fine-tuned from fake-vectors", "2 %", "0.062"],
    ]


def test_a_model_as_it_is_uses_no_training_data_and_cost_has_files_of_its_own(bench: Bench) -> None:
    bench.further = ("horizon", "cost")
    bench.run(PICTURES, "latent-ode", 0.3, experiments="horizon,cost", arm="zero-shot", init_from="fake-vectors")
    horizon, _ = StudyResults(bench.folders, bench.table, bench.study).experiments
    assert [(row.start, fraction_text(row.entry)) for _, rows in horizon.parts for row in rows] == [
        ("zero-shot from fake-vectors", "none")
    ]
    tables = bench.build().path.parent / "tables"
    assert list(pd.read_csv(tables / "experiment-cost.csv")["arm"]) == ["zero-shot"]
    assert "arm" not in pd.read_csv(tables / "cost.csv")


def test_the_page_and_its_file_have_the_experiment_and_every_run_its_provenance(bench: Bench) -> None:
    page = bench.build()
    assert "experiment-transfer" in page.ids
    assert "experiment-shift" not in page.ids
    kept = pd.read_csv(page.path.parent / "tables" / "experiment-transfer.csv")
    assert list(kept["arm"]) == ["scratch", "scratch", "fine-tuned"]
    assert kept["interval_low"].lt(kept["error"]).all()
    keys = {key for row in kept["keys"] for key in row.split()}
    assert len(keys) == 5
    assert {f"run-{key}" for key in keys} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))  # the shared run is told of once
    assert {link for link in page.links if link.startswith("#run-")} <= {f"#{name}" for name in page.ids}


def test_a_run_without_a_result_says_why(bench: Bench) -> None:
    bench.lost(PICTURES, "other-net", "skipped", "its card names no part")
    bench.rows[-1]["experiments"] = "shift"
    page = bench.build()
    ((_, (name, *cells)),) = [page.tables["experiment-shift"]]
    assert "not applicable: its card names no part" in name
    assert set(cells[:-1]) == {MISSING}


def test_other_pictures_of_a_motion_are_compared_about_their_own_mean(bench: Bench) -> None:
    """nMSE of a bright background is small whatever is forecast, so a shift of the pictures is told in FVU."""
    start = {"arm": "zero-shot", "init_from": "fake-vectors"}
    for seed in (0, 1):
        bench.run(PICTURES, "latent-ode", 0.3, seed, experiments="shift", **start)
    _, shift = StudyResults(bench.folders, bench.table, bench.study).experiments
    ((content, (row,)),) = shift.parts
    assert content.error == "fvu_pooled" and row.ends
    assert row.ends.low <= row.entry.mean("fvu_pooled") <= row.ends.high
    page = bench.build()
    heads, line = page.tables["experiment-shift"]
    assert float(line[heads.index("FVU")]) == pytest.approx(row.entry.mean("fvu_pooled"), rel=0.01)
    assert set(pd.read_csv(page.path.parent / "tables" / "experiment-shift.csv")["primary_metric"]) == {"fvu"}


def test_every_kind_has_a_question() -> None:
    assert set(QUESTIONS) == set(KINDS)


def test_the_heading_of_a_column_of_texts_stands_above_its_texts() -> None:
    table = to_html("method", ["a"], {"arm": ["scratch"], "error": ["0.1"]}, classes={"arm": "text"})
    heads = re.findall(r"<th[^>]*col_heading[^>]*>(.*?)</th>", table)
    assert heads == ['<span class="text">arm</span>', "error"]
