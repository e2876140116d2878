"""The pages that are made are up to date, what they name is there, and README is short. ``mkdocs`` checks the rest."""

import re
import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from ladid_bench.cli.main import app
from ladid_bench.core.configuration import Dataset, Experiment, Study, parse

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


@pytest.mark.parametrize("page", ["README.md", "docs/concepts.md", "docs/results.md", "docs/reference/commands.md"])
def test_a_generated_page_is_up_to_date(page: str, generate: dict[str, Any], root: Path) -> None:
    """Whoever has run more of the study is not held to what is committed."""
    status = ["git", "-C", str(root), "status", "--porcelain", "--", "results/cpu"]
    done = subprocess.run(status, capture_output=True, text=True, check=False)
    if "commands" not in page and (done.returncode or done.stdout):
        pytest.skip("results/cpu is not as committed")
    assert (root / page).read_text() == generate["pages"]()[root / page], "run 'python docs/generate.py'"


def test_ratios_are_those_of_the_comparisons(generate: dict[str, Any]) -> None:
    """Of a claim with two data sets: the comparison asked for, and the extremes over rivals."""
    made = [("wave", "gru", 0.8), ("wave", "ndp", 1.204), ("spiral", "gru", 0.5)]
    sets = [{"name": name, "comparisons": [{"second": rival, "ratio": ratio}]} for name, rival, ratio in made]
    claims = {"C1": {"details": {"parts": [{"sets": sets}]}}}
    assert generate["found"](claims, "C1", "spiral", "gru")["ratio"] == 0.5
    assert generate["span"](claims, "C1", "gru", "ndp") == "0.50 to 1.20"
    assert generate["span"](claims, "C1", "ndp") == "1.20 to 1.20"
    assert generate["ratio"]({"ratio": 0.756, "interval": [0.5, 1.0]}) == "0.76 (0.50 to 1.00)"
    assert generate["ratio"]({"ratio": None, "note": "no interval"}) == "no interval"


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
