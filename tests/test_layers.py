"""Packages import only from those below them: the contract in pyproject.toml, held by import-linter."""

import ast
import os
import shutil
import subprocess
from graphlib import CycleError, TopologicalSorter
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


def imports(package: Path) -> dict[str, set[str]]:
    """The modules of the package that each of them imports, for type checkers too."""
    root = package / "src"
    modules = {".".join(path.relative_to(root).with_suffix("").parts): path for path in root.rglob("*.py")}
    found = {}
    for module, path in modules.items():
        nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        names = {name for node in nodes for name in (node.module, *(f"{node.module}.{one.name}" for one in node.names))}
        found[module] = names & set(modules)
    return found


def test_no_modules_import_each_other_in_a_circle(package: Path) -> None:
    TopologicalSorter(imports(package)).prepare()


def test_a_circle_is_found(package: Path) -> None:
    (package / "src/ladid_bench/core/errors.py").write_text("from ladid_bench.core.readers import read_yaml\n")
    with pytest.raises(CycleError):
        TopologicalSorter(imports(package)).prepare()
