"""``ladid-bench new-baseline``: a folder that conforms as it is, or nothing at all; and the list of methods."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from checkouts import Checkout

from ladid_bench.core.errors import BenchError
from ladid_bench.methods.listing import list_method
from ladid_bench.methods.registry import load_card
from ladid_bench.runs.records import read_record
from ladid_bench.runs.search import plan_search, run_search
from ladid_bench.scaffold import folder as folder_module
from ladid_bench.scaffold.folder import new_baseline
from ladid_bench.verification.conformance.subject import Subject
from ladid_bench.verification.conformance.suite import run_checks


@pytest.mark.parametrize("neural", [False, True], ids=["closed form", "neural"])
def test_untouched_it_conforms_and_runs(neural: bool, checkout: Checkout, tmp_path: Path) -> None:
    folder = new_baseline("my-idea-2", checkout.root, neural)
    assert sorted(path.name for path in folder.iterdir()) == ["method.py", "method.yaml"]
    assert folder == checkout.root / "baselines" / "my_idea_2"
    card = load_card("my-idea-2", checkout.root)
    assert (card.title, card.kind) == ("My idea 2", "neural" if neural else "simple")
    assert (folder / "method.py").read_text().startswith('"""My idea 2: say here')
    verdicts = {check.name: verdict for check, verdict in run_checks(Subject("my-idea-2", checkout.root, tmp_path))}
    assert {verdict.outcome for verdict in verdicts.values()} <= {"passed", "not applicable"}, verdicts
    run, outcome = checkout.supervise("my-idea-2")
    assert (outcome.status, outcome.reason) == ("ok", "")
    assert read_record(checkout.folders.record(run.key))["metrics"]["fvu_pooled"] > 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("My_Idea", "'My_Idea' .*'my-idea'"),
        ("2fast", "such as 'fast'"),
        ("../up", "such as 'up'"),
        ("a--b", "such as 'a-b'"),
        ("", "^'' .* hyphens$"),
        ("idee\n", "such as 'idee'"),
        ("ladid", "'ladid' .*src/ladid_bench/ladid"),
        ("latent-ode", "baselines/latent_ode"),
        ("notes", "baselines/notes"),
    ],
)
def test_bad_and_taken_names_are_one_line(name: str, message: str, checkout: Checkout) -> None:
    (checkout.root / "baselines" / "notes").mkdir()
    before = contents(checkout.root)
    with pytest.raises(BenchError, match=message) as caught:
        new_baseline(name, checkout.root, neural=False)
    assert "\n" not in str(caught.value)
    assert contents(checkout.root) == before


def test_what_fails_half_way_leaves_nothing(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    before, write = contents(checkout.root), folder_module.write_text

    def full(path: Path, text: str) -> None:
        if path.suffix == ".yaml":
            raise OSError(28, "No space left on device", str(path))
        write(path, text)

    monkeypatch.setattr(folder_module, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        new_baseline("my-idea", checkout.root, neural=False)
    assert contents(checkout.root) == before


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def test_the_command_says_what_it_wrote_and_what_comes_next(checkout: Checkout) -> None:
    words = [sys.executable, "-m", "ladid_bench", "new-baseline", "my-idea", "--neural"]
    done = subprocess.run(words, cwd=checkout.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *written, advice = done.stdout.splitlines()
    assert written == ["baselines/my_idea/method.py", "baselines/my_idea/method.yaml"]
    assert "ladid-bench check-baseline my-idea" in advice


def test_a_title_is_a_title_whatever_the_name(checkout: Checkout) -> None:
    for name in ("true", "null", "e1"):  # YAML would read these otherwise
        new_baseline(name, checkout.root, neural=False)
        assert load_card(name, checkout.root).title == name.capitalize()


# The list


def test_the_list_says_what_is_missing_and_what_was_searched(checkout: Checkout) -> None:
    checkout.add("needy", requires=["json", "no_such_module"], extra="needs")
    checkout.add("needier", requires=["no_such_module"])
    new_baseline("net", checkout.root, neural=True)
    listed = {name: list_method(name, checkout.root) for name in ("needy", "needier", "net", "ridge")}
    assert listed["needy"].status == "needs no_such_module: pip install 'ladid-bench[needs]'"
    assert listed["needier"].status == "needs no_such_module: pip install no_such_module"
    assert (listed["ridge"].status, listed["ridge"].searched) == ("ready", "")
    assert listed["net"].searched == "not searched"
    checkout.configure(search={"stages": [{"trials": 9, "steps": 1}, {"trials": 1, "steps": 2}]})
    run_search(plan_search(checkout.study, checkout.folders, "net", "bodies"))
    card = checkout.root / "baselines" / "net" / "method.yaml"
    assert list_method("net", checkout.root).searched == "searched on bodies"
    card.write_text(card.read_text().replace("version: 1", "version: 2"))
    found = list_method("net", checkout.root).searched
    assert found == "searched on bodies with another version"


# The documented examples

CONFORMS = "ladid-bench check-baseline nearest"  # asks its program dozens of times, by a Snakemake each time
BLOCK = re.compile(r"(?:`([^`\n]+)`:\n\n)?```(\w+)\n(.*?)```", re.DOTALL)


@pytest.fixture
def page(tmp_path: Path, root: Path) -> str:
    """The page on baselines; the folder has what its reader has before the first line."""
    for name in ("Snakefile", "workflow", "profiles", "baselines", "config"):
        copy = shutil.copytree if (root / name).is_dir() else shutil.copy
        copy(root / name, tmp_path / name)
    (tmp_path / "params.yaml").write_text("scale: demo\n")
    return (root / "docs" / "new-baseline.md").read_text()


def carry_out(page: str, folder: Path, skipped: Callable[[str], bool]) -> tuple[list[str], list[str]]:
    """Write the files of the page and run its lines, in the order of the page; the paths and the lines left out."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    written, left_out = [], []
    for path, language, content in BLOCK.findall(page):
        if path:
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(content)
            written.append(path)
        for line in content.splitlines() if language == "sh" else ():
            if skipped(line):
                left_out.append(line)
                continue
            done = subprocess.run(line, shell=True, cwd=folder, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
    return written, left_out


def test_the_documented_examples_run_as_they_stand(page: str, tmp_path: Path) -> None:
    """All but the checks of the program in another language, which have a test of their own."""
    written, left_out = carry_out(page, tmp_path, lambda line: line == CONFORMS)
    assert left_out == [CONFORMS]
    for example, lines in {"kernel_ridge": 30, "random_features": 45}.items():
        assert len((tmp_path / "baselines" / example / "method.py").read_text().splitlines()) < lines
    assert {"baselines/nearest/rule.smk", "baselines/nearest/nearest.awk", "config/mine.yaml"} <= set(written)
    table = pd.read_parquet(tmp_path / "results/mine/runs.parquet").set_index("method")
    assert (table["status"] == "ok").all()
    documented = dict(re.findall(r"^\| `([a-z-]+)` \| (\d\.\d\d) \|$", page, re.MULTILINE))
    assert set(documented) == set(table.index)
    for name, error in documented.items():
        assert table.loc[name, "nmse_mean"] == pytest.approx(float(error), abs=0.01)
    assert table.loc["kernel-ridge", "nmse_mean"] < table.loc["ridge", "nmse_mean"]
    assert table.loc["nearest", "cost_cpu_seconds"] > 1  # of awk and all that was called besides


@pytest.mark.slow
def test_the_documented_program_in_another_language_conforms(page: str, tmp_path: Path) -> None:
    _, left_out = carry_out(page, tmp_path, lambda line: line != CONFORMS)
    assert left_out
