"""Packages import only from those below them: the contract in pyproject.toml, held by import-linter."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from workflows import command


@pytest.fixture
def package(tmp_path: Path, root: Path) -> Path:
    """A copy of the package and the contract."""
    shutil.copy(root / "pyproject.toml", tmp_path)
    shutil.copytree(root / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def lint(folder: Path) -> int:
    words = [command("lint-imports"), "--no-cache"]
    environment = os.environ | {"PYTHONPATH": str(folder / "src")}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, check=False).returncode


def test_no_package_imports_from_one_above_it(package: Path) -> None:
    assert lint(package) == 0


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("data/windows.py", "from ladid_bench.study import plan"),
        ("core/errors.py", "def late() -> None:\n    import ladid_bench.runs.records"),  # wherever it stands
        ("stray/__init__.py", ""),  # a package that has no place
    ],
)
def test_what_the_contract_refuses(package: Path, module: str, line: str) -> None:
    path = package / "src" / "ladid_bench" / module
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{path.read_text() if path.exists() else ''}\n{line}\n")
    assert lint(package) == 1
