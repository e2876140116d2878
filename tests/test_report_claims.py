"""The claims in the report: the first section of the page, and ``claims.json``."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from reports import Bench, Page, make_bench

from ladid_bench.reporting import reviewers
from ladid_bench.reporting.reviewers import questions

PICTURES = "fake-pictures"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = make_bench(tmp_path, monkeypatch)
    made.kinds["ladid"] = "neural"
    made.further = ("transfer",)
    return made


def transferred(bench: Bench, seeds: int) -> list[str]:
    """LaDID fine-tuned on 8 % has half the error of LaDID from scratch."""
    keys = []
    for seed in range(seeds):
        plain: dict[str, Any] = {"experiments": "transfer", "variant": "default", "fraction": 0.08}
        keys.append(bench.run(PICTURES, "ladid", 0.2, seed, **plain))
        start = {"arm": "fine-tuned", "init_from": "fake-vectors"}
        keys.append(bench.run(PICTURES, "ladid", 0.1, seed, **plain, **start))
    return keys


def claims(page: Page) -> dict[str, Any]:
    written = json.loads((page.path.parent / "claims.json").read_text(encoding="utf-8"))
    return {one["id"]: one for one in written["claims"]}


def test_one_seed_is_one_line_that_says_why(bench: Bench) -> None:
    transferred(bench, seeds=1)
    page = bench.build()
    assert [one in page.parts["no-verdicts"] for one in ("C1a to C16", "1 seed.")] == [True, True]
    assert "claim-C1a" not in page.ids
    found = claims(page)
    assert len(found) == 18
    assert {one["verdict"] for one in found.values()} == {"not run"}
    assert found["C3"]["reason"] == "needs three seeds"
    assert found["C3"]["effect"] is None


def test_without_ladid_there_is_nothing_to_judge(bench: Bench) -> None:
    for seed in range(3):
        bench.run(PICTURES, "latent-ode", 0.1, seed)
    page = bench.build()
    assert "no runs" in page.parts["no-verdicts"]
    assert {one["verdict"] for one in claims(page).values()} == {"not run"}


def test_verdicts_stand_first_with_scale_budget_and_runs(bench: Bench) -> None:
    keys = transferred(bench, seeds=3)
    page = bench.build()
    assert page.ids.index("claim-C1a") < page.ids.index("findings")
    numbers = ("1a", "1b", "2a", "2b", *range(3, 17))
    assert [name for name in page.ids if name.startswith("claim-")] == [f"claim-C{number}" for number in numbers]
    lead = page.section("claims", "claim-C1a")
    assert [one in lead for one in ("scale demo", "32 by 32 pixels", "3,000 steps", "16 trajectories")] == [True] * 4
    found = claims(page)["C3"]
    assert (found["verdict"], found["seeds"], set(found["runs"])) == ("reproduced", 3, set(keys))
    assert found["effect"] == pytest.approx(0.5, rel=0.01)
    assert found["interval"][0] <= found["effect"] <= found["interval"][1] < 1
    links = {f"#run-{key}" for key in keys}
    assert links <= set(page.links)
    assert {link for link in page.links if link.startswith("#")} <= {f"#{name}" for name in page.ids}
    row = page.tables["claims"][5]  # behind the heading and C1a to C2b
    assert [*row[2:3], *row[4:7]] == ["reproduced", "0.50", "0.50 to 0.50", "3"]
    assert (found["settled"], [one["verdict"] for one in found["rungs"]]) == ("one budget", ["reproduced"])


def test_a_claim_leads_to_its_figure_over_the_budget_and_questions_have_answers(bench: Bench) -> None:
    transferred(bench, seeds=3)
    page = bench.build()
    assert "#behind-C3" in page.links
    files = page.path.parent
    assert (files / "figures" / "budgets-c3.svg").exists()
    numbers = pd.read_csv(files / "tables" / "budgets-c3.csv")
    assert numbers["ratio"].tolist() == pytest.approx([0.5], rel=0.01)
    assert not (files / "figures" / "budgets-c4.svg").exists()  # nothing is compared
    assert "reviewers" not in page.tables  # no question about these data sets is answered
    assert all(one.question in page.parts["reviewers"] for one in questions())


def test_questions_with_an_answer_stand_before_the_others(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"experiment": "Two networks.", "link": "claims", "document": "claims.md"}
    named = {"datasets": [PICTURES], "methods": ["ladid", "gru"]}
    path = bench.root / "asked.yaml"
    alone = named | {"experiment": "transfer", "methods": ["ladid"]}
    told = {"question": "Which is better?", "errors": [alone], **asked}
    untold = {"question": "And for others?", "errors": [named | {"datasets": ["fake-vectors"]}], **asked}
    path.write_text(yaml.safe_dump([untold, told]), encoding="utf-8")
    monkeypatch.setattr(reviewers, "REVIEWERS", path)
    transferred(bench, seeds=1)  # one model from scratch, one fine-tuned
    page, errors = bench.build(), {row["arm"]: row["nmse_mean"] for row in bench.rows}
    words = " and ".join(f"ladid ({arm}) {error:.2g}" for arm, error in errors.items())
    assert [row[:3] for row in page.tables["reviewers"][1:]] == [
        ["Which is better?", "Two networks.", f"{PICTURES}, nMSE: {words}."]
    ]
    assert page.parts["reviewers"].index("Which is better?") < page.parts["reviewers"].index("And for others?")


def test_a_sample_that_cannot_be_read_leaves_the_other_claims(bench: Bench) -> None:
    keys = transferred(bench, seeds=3)
    bench.folders.samples(keys[0]).write_bytes(b"PK damaged")
    found = claims(bench.build())["C3"]
    assert found["verdict"] == "not run"
    assert keys[0] in found["reason"]


def test_the_same_records_give_the_same_verdicts(bench: Bench) -> None:
    transferred(bench, seeds=3)
    path = bench.build().path.parent / "claims.json"
    before = path.read_bytes()
    bench.build()
    assert path.read_bytes() == before
