"""Whether a run's code is that of a commit: changed files count, and new ones where the run goes through them."""

import subprocess
from pathlib import Path

import pytest

from ladid_bench.core import provenance
from ladid_bench.core.paths import PACKAGE
from ladid_bench.core.provenance import code_hash, commit


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in ("src/code.py", "baselines/one/method.py", "config/demo.yaml"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("x = 1\n")
    who = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "all"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "differs"),
    [
        ("baselines/one/method.py", True),  # changed
        ("config/demo.yaml", True),
        ("src/new.py", True),
        ("baselines/one/new.py", True),
        ("baselines/another/method.py", False),  # somebody's own, of which this run knows nothing
        ("config/own.yaml", False),
        ("notes.txt", False),
    ],
)
def test_what_makes_a_run_differ_from_its_commit(clone: Path, name: str, differs: bool) -> None:
    folder = clone / "baselines" / "one"
    revision, dirty = commit(clone, folder)
    assert len(revision) == 40 and not dirty
    (clone / name).parent.mkdir(exist_ok=True)
    (clone / name).write_text("x = 2\n")
    assert commit(clone, folder) == (revision, differs)


def test_outside_git_nothing_is_known(tmp_path: Path) -> None:
    assert commit(tmp_path) == ("unknown", True)


def test_code_that_probes_goes_through_the_modules_of_its_own_package() -> None:
    found = provenance._gone_through([PACKAGE / "probing" / "probing.py"])
    assert PACKAGE / "probing" / "semigroup.py" in found and PACKAGE / "data" / "trajectories.py" in found


def test_code_is_told_by_the_names_of_its_files_too(tmp_path: Path) -> None:
    """A program in another language may read one file as its weights and the other as its bias."""
    for folder, contents in (("one", "ab"), ("other", "ba")):
        (tmp_path / folder).mkdir()
        for name, content in zip(("weights.txt", "bias.txt"), contents, strict=True):
            (tmp_path / folder / name).write_text(content)
    assert code_hash(tmp_path / "one") != code_hash(tmp_path / "other")
