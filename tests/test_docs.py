"""The pages that are made are up to date, what they name is there, and README is short. ``mkdocs`` checks the rest."""

import json
import re
import runpy
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from test_claims import SIMPLE, Made
from typer.main import get_command

from ladid_bench.analysis.claims import CLAIMS, judge
from ladid_bench.analysis.rules.selection import PAPER
from ladid_bench.cli.main import app
from ladid_bench.core.configuration import Budget, Dataset, Experiment, Study, parse
from ladid_bench.core.files import write_json
from ladid_bench.reporting.reviewers import NOT_RUN, questions

FROM_RESULTS = ("README.md", "results.md", "reviewers.md")
LONGEST_README = 7000  # bytes: two screens
OUTSIDE = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")  # of the site, whose links mkdocs does not see


@pytest.fixture(scope="module")
def generate(root: Path) -> dict[str, Any]:
    return runpy.run_path(str(root / "docs" / "generate.py"))


@pytest.fixture(scope="module")
def documents(root: Path) -> dict[str, str]:
    """Every page by its path."""
    paths = [*(root / name for name in OUTSIDE), *sorted((root / "docs").rglob("*.md"))]
    return {str(path.relative_to(root)): path.read_text() for path in paths}


def test_the_generated_pages_are_up_to_date(generate: dict[str, Any], root: Path) -> None:
    """Whoever has run more of the study is not held to what is committed."""
    status = ["git", "-C", str(root), "status", "--porcelain", "--", "results/cpu", "results/spread"]
    done = subprocess.run(status, capture_output=True, text=True, check=False)
    made = generate["pages"]()
    assert {"concepts.md", "reviewers.md", "commands.md"} <= {path.name for path in made}
    for path, text in made.items():
        if path.name not in FROM_RESULTS or not (done.returncode or done.stdout):
            assert path.read_text() == text, f"{path.name}: run 'python docs/generate.py'"


def test_verdicts_that_differ_from_those_of_the_first_study_are_explained(documents: dict[str, str]) -> None:
    page = documents["docs/results.md"]
    assert "what makes the difference" in page and "not explained yet" not in page


RUNGS = (600, 1200)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study by the present rules: LaDID ahead of the paper's rivals, behind of gru and dmd, at two budgets."""
    made = Made()
    for steps in RUNGS:
        asked = {"experiment": "comparison"} if steps == RUNGS[-1] else {"experiment": "", "rung_of": "comparison"}
        for variant in ("default", "film"):
            made.all_of(("ladid",), SYSTEMS, 0.2, variant=variant, steps=steps, **asked)
        made.all_of((*PAPER, "ladid-ode", "latent-ode"), SYSTEMS, 0.4, steps=steps, **asked)
        made.all_of(("gru",), SYSTEMS, 0.1, steps=steps, **asked)
    made.all_of(SIMPLE, SYSTEMS, 0.1)
    folder = tmp_path_factory.mktemp("study")
    write_json(folder / "report" / "claims.json", {**TOLD, "claims": [one.to_json() for one in judge(made.evidence)]})
    pd.DataFrame(made.rows).assign(nmse_mean=0.25).to_parquet(folder / "runs.parquet")
    return folder


SYSTEMS = ("pendulum", "double-pendulum", "wave")
TOLD = {"scale": "cpu", "image_size": 32, "budget": Budget().model_dump()}


def test_results_are_made_of_claims_by_the_present_rules(generate: dict[str, Any], judged: Path) -> None:
    study = generate["read_study"](judged)
    page = study.rendered("results.md.j2")
    rows = {
        line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]]
        for line in page[: page.index("## Where LaDID is behind")].splitlines()
        if line.startswith("| [C")
    }
    assert len(rows) == len(CLAIMS)
    found = {name: judged_claim(judged, name) for name in ("C1a", "C1b", "C3")}
    for name, claim in found.items():
        first, verdict, steps, standing, ratio, _ = rows[f"[{name}](#{name.lower()})"]
        assert (verdict, standing) == (claim["verdict"], claim["settled"])
        assert first.startswith("" if name == "C1a" else "not separable, ") and bool(first) == (name != "C1a")
        assert steps == ("1,200" if claim["steps"] else "")
        assert ratio == ("" if claim["verdict"] == "not run" else generate["ratio"](claim, "effect"))
    assert found["C1a"]["verdict"] == "reproduced" and found["C1b"]["verdict"] == "not reproduced"
    ids = re.findall(r"^## (C\d+[ab]?)$", page, re.MULTILINE)
    assert ids == [claim.id for claim in CLAIMS]
    changed = page[page.index("Verdicts that differ") : page.index("## What should not be concluded")]
    told = ("not separable, 1.01 (0.97 to 1.08)", "not reproduced", "not explained yet")
    assert "C1a" not in changed and all(words in changed[changed.index("| [C1b]") :] for words in told)
    section = page[page.index("## C1a\n") : page.index("## C1b\n")]
    assert "600 steps reproduced; 1,200 steps reproduced" in section
    assert all(f"`{rival}`" in section for rival in PAPER)
    assert "`ladid:film`" in section


def judged_claim(study: Path, name: str) -> dict[str, Any]:
    claims = json.loads((study / "report" / "claims.json").read_text())["claims"]
    return next(claim for claim in claims if claim["id"] == name)


def test_the_findings_name_verdicts_and_who_is_ahead(generate: dict[str, Any], judged: Path) -> None:
    text = generate["read_study"](judged).rendered("findings.md.j2")
    lines = {line.partition(":")[0]: line for line in text.splitlines()}
    assert "C1a" in lines["- **Reproduced**"] and "C1b" in lines["- **Not reproduced**"]
    claims = {name: judged_claim(judged, name) for name in ("C1a", "C1b", "C2b", "C6", "C12")}
    behind = generate["behind"](claims, *claims)
    systems = {(one["second"], one["dataset"]) for one in behind}
    assert systems >= {(rival, system) for rival in ("gru", "dmd") for system in SYSTEMS}
    assert "ndp" not in {rival for rival, _ in systems}
    *told, others = text.splitlines()[-1].partition(": ")[2].split("; ")
    assert len(told) == 3 and others == f"and {len(behind) - 3} more."  # README has room for no more
    assert all(
        line.startswith(f"{one['second']} on {one['dataset']} ") for line, one in zip(told, behind, strict=False)
    )


def test_who_is_ahead_of_ladid_is_marked_where_the_correction_leaves_it(generate: dict[str, Any]) -> None:
    """A rival that two claims have is left if either leaves it; what LaDID is compared with of itself is no rival."""

    def claim(limit: float, *made: tuple[str, float, float]) -> dict[str, Any]:
        compared = [{"second": who, "ratio": low + 1, "interval": [low, 9], "p_worse": p} for who, low, p in made]
        parts = [{"counted": True, "limit": limit, "sets": [{"name": "wave", "comparisons": compared}]}]
        return {"details": {"parts": parts}}

    untold = claim(1, ("nvar", 2.0, 0.001))  # of a part that is reported and not counted
    untold["details"]["parts"][0]["counted"] = False
    claims = {
        "C12": untold,
        "C1a": claim(1, ("gru", 1.2, 0.01), ("ssm", 1.5, 0.03), ("dmd", 0.9, 0.5)),
        "C1b": claim(1, ("gru", 1.2, 0.04)),
        "C6": claim(1.25, ("LaDID, regular", 1.6, 0.001)),
    }
    behind = generate["behind"](claims, *claims)
    assert [(one["second"], one["dataset"], one["kept"]) for one in behind] == [
        ("ssm", "wave", False),
        ("gru", "wave", True),
    ]


def test_arms_are_named_where_their_verdict_is_another_one(generate: dict[str, Any]) -> None:
    claims = {
        "C1a": {"arms": {"ladid": "not separable", "ladid:film": "reproduced", "ladid:xmix": "not run"}},
        "C5": {"arms": {"ladid": "reproduced", "ladid:film": "reproduced"}},
        "C6": {"arms": {}},
    }
    assert generate["differing_arms"](claims) == {"ladid:film": {"reproduced": ["C1a"]}}


def test_methods_that_pass_what_is_told_beside_a_claim_are_counted(generate: dict[str, Any]) -> None:
    def compared(**highs: float) -> list[dict[str, Any]]:
        return [{"second": name, "interval": [0.9, high]} for name, high in highs.items()]

    sets = [{"comparisons": compared(mean=1.0, analog=2.7)}, {"comparisons": compared(mean=1.04, analog=1.0)}]
    sets[1]["comparisons"].append({"second": "fno", "interval": None})
    told = {"details": {"parts": [{"name": "every other method", "limit": 1.05, "sets": sets}]}}
    assert generate["passing"](told) == (1, 2)


def test_the_longest_trainings_that_a_standing_picture_betters_are_counted(generate: dict[str, Any]) -> None:
    runs = [
        *(("wake", "ladid", 1200, seed, error) for seed, error in enumerate((0.5, 0.6, 1.2))),
        *(("wake", "ladid", 600, seed, 1.5) for seed in range(3)),
        *(("wake", "gru", 1200, seed, 0.4) for seed in range(3)),
        *((name, method, 600, 0, 1.0) for name in ("swirl",) for method in ("ladid", "gru")),
        ("pendulum", "ladid", 600, 0, 0.9),
    ]
    columns = ["dataset", "method", "steps", "seed", "temporal_fvu_mean"]
    found = generate["standing_pictures"](pd.DataFrame(runs, columns=columns))
    assert found == {"wake": ["`ladid` 1 of 3"], "swirl": ["all 2 trainings (2 networks)"]}


def test_ladids_errors_are_told_by_number_of_steps(generate: dict[str, Any]) -> None:
    rows = [("ladid", "pendulum", steps, error) for steps, error in ((1200, 0.1), (600, 0.2), (600, 0.4))]
    rows += [("ladid", "wave", 600, 0.8), ("gru", "wave", 600, 0.8), ("gru", "wave", 1200, 0.7)]
    frame = pd.DataFrame(rows, columns=["method", "dataset", "steps", "nmse_mean"]).assign(primary_metric="nmse")
    assert generate["over_steps"](frame) == {"pendulum": [(600, pytest.approx(0.3)), (1200, 0.1)]}


def test_an_interval_is_written_beside_its_ratio(generate: dict[str, Any]) -> None:
    assert generate["ratio"]({"ratio": 0.756, "interval": [0.5, 1.0]}) == "0.76 (0.50 to 1.00)"
    assert generate["ratio"]({"ratio": None, "note": "no interval"}) == "no interval"


def test_the_demo_is_told_over_its_seeds(generate: dict[str, Any]) -> None:
    """Each data set by its own headline metric; a run that failed is counted, a method without seeds has one number."""
    fvu = {"dataset": "air", "primary_metric": "fvu", "nmse_mean": 9.0, "fvu_mean": 9.0, "status": "ok"}
    nmse = {"dataset": "swing", "primary_metric": "nmse", "fvu_pooled": 9.0, "status": "ok"}
    errors = [0.1, 0.2, 0.6]
    rows = [{**fvu, "method": "ladid", "fvu_pooled": error} for error in errors]
    rows += [{**nmse, "method": "ladid", "nmse_mean": error} for error in (0.25, 0.75)]
    rows += [{**nmse, "method": "ladid", "nmse_mean": None, "status": "failed"}]
    rows += [{**fvu, "method": "ridge", "fvu_pooled": 0.5}, {**nmse, "method": "ridge", "status": "not run"}]
    head, line, air, swing = generate["spread_table"](pd.DataFrame(rows)).splitlines()
    assert head == "| data set | error | `ladid` | `ridge` |" and line == "| --- | --- | --- | --- |"
    assert air == "| `air` | FVU | 0.30 (0.10 to 0.60) | 0.50 |"
    assert swing == "| `swing` | nMSE | 0.50 (0.25 to 0.75); 1 of 3 failed | not run |"


def test_questions_of_reviewers_are_answered_from_claims_and_runs(generate: dict[str, Any], judged: Path) -> None:
    answers = generate["read_study"](judged).answers()
    claim = judged_claim(judged, "C1a")
    (gains,) = [one.answer for one in answers if one.asked.claims[:1] == ["C1a"]]
    assert f"C1a reproduced, settled (ratio {claim['effect']:.2f}" in gains
    (broken,) = [one.answer for one in answers if "ode-rnn:official-bug" in str(one.asked.errors)]
    assert broken == "pendulum, nMSE: ode-rnn 0.25, latent-ode 0.25, gru 0.25 and mean 0.25."
    (varying,) = [one.answer for one in answers if one.asked.claims == ["C13"]]  # which has no verdict here
    assert varying == NOT_RUN
    (noise,) = [one.answer for one in answers if "noisy" in str(one.asked.errors)]
    assert noise == NOT_RUN


def test_what_a_decoder_cannot_render_is_told_as_a_part_of_the_error(generate: dict[str, Any], judged: Path) -> None:
    study = generate["read_study"](judged)
    answers = generate["KeptStudy"](study.judged, study.table.assign(floor_nmse=0.05)).answers()
    first = answers[0].answer.split("; ")
    ends = [f"{name} 0.2" for name in ("ladid", "ode-rnn", "ode2vae", "ndp")]  # 0.05 of 0.25
    assert first[0] == f"pendulum, floor nMSE over nMSE: {', '.join(ends)} and msvi 0.2"
    assert first[1].startswith("pendulum, nMSE: ladid 0.25, ")


def test_half_of_the_runs_answer_no_question(generate: dict[str, Any], judged: Path) -> None:
    """Neither what has not ended, nor rivals without the method that the question is about, nor that method alone."""

    def broken(table: pd.DataFrame) -> str:
        answers = generate["KeptStudy"](study.judged, table).answers()
        return next(one.answer for one in answers if "ode-rnn:official-bug" in str(one.asked.errors))

    study = generate["read_study"](judged)
    of_mean, of_rnn = (study.table["method"] == name for name in ("mean", "ode-rnn"))
    assert broken(study.table).startswith("pendulum")
    assert broken(study.table[~of_mean]).startswith("pendulum")
    assert broken(study.table[~of_rnn]) == NOT_RUN
    assert broken(study.table[of_rnn]) == NOT_RUN
    assert broken(study.table.assign(status=study.table["status"].mask(of_mean, "not run"))) == NOT_RUN
    assert broken(study.table.assign(status=study.table["status"].mask(of_mean, "failed"))).startswith("pendulum")


def test_questions_lead_to_claims_methods_and_pages_that_exist(root: Path) -> None:
    known, documents = {claim.id for claim in CLAIMS}, {path.name for path in (root / "docs").glob("*.md")}
    for one in questions():
        assert one.claims or one.errors
        assert set(one.claims) <= known
        assert one.document in documents


def test_readme_is_short(root: Path) -> None:
    assert (root / "README.md").stat().st_size <= LONGEST_README


@pytest.mark.parametrize("page", OUTSIDE)
def test_no_link_is_dead(page: str, documents: dict[str, str], root: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)(?:#([^)]+))?\)", documents[page])
    assert links or page == "CHANGELOG.md"
    for target, anchor in links:
        assert (root / target).exists(), target
        titles = re.findall(r"^#+ (.+)$", documents[target], re.MULTILINE) if anchor else []
        assert not anchor or anchor in {re.sub(r"[^a-z0-9]+", "-", title.lower()) for title in titles}, anchor


def test_every_command_named_is_a_command_with_its_options(documents: dict[str, str]) -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    named = [
        (page, name, rest)
        for page, text in documents.items()
        for name, rest in re.findall(r"ladid-bench ([a-z]+(?:-[a-z]+)*)((?: [^`\n#]*)?)", text)
        if not page.endswith("commands.md")
    ]
    assert len({name for _, name, _ in named}) > 15
    for page, name, rest in named:
        assert name in commands, (page, name)
        options = {option for one in commands[name].params for option in one.opts}
        assert set(re.findall(r"(?<!\S)--[a-z][a-z-]*", rest)) <= options, (page, name, rest)


def test_configurations_shown_are_valid(documents: dict[str, str]) -> None:
    """Blocks of YAML that show data sets or an experiment, not those that the tests of their pages run."""
    text = documents["docs/experiments.md"]
    shown = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    studies = [parse(Study, block, "the page") for block in shown if "scale" in block]
    assert [study.kind_of(name) for study in studies for name in study.experiments] == ["sweep", "sweep", "comparison"]
    parts = [block for block in shown if "scale" not in block]
    datasets = [one for block in parts for one in block.get("datasets", {}).values()]
    experiments = [one for block in parts for name, one in block.items() if name != "datasets"]
    assert datasets and experiments
    for one in datasets:
        parse(Dataset, one, "the page")
    for one in experiments:
        parse(Experiment, one, "the page")
