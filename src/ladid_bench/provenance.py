"""Where a number came from: code, configuration, data, machine."""

import ast
import hashlib
import platform
import socket
import subprocess
from collections.abc import Iterable
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import ladid_bench

PACKAGE = Path(ladid_bench.__file__).parent
SHARED = ("data", "methods", "evaluation")  # rooms every run goes through
DESCRIPTIONS = ("method.yaml", "search.json")  # of a method; what they determine is in the key of a run
LADID, LADID_IMPORT = PACKAGE / "ladid", "ladid_bench.ladid"
RECORDED = (
    "ladid-bench",
    "torch",
    "torchdiffeq",
    "numpy",
    "scipy",
    "scikit-learn",
    "pydmd",
    "pysindy",
    "h5py",
    "pandas",
)


def code_hash(method_folder: Path) -> str:
    """Hash of the code a run goes through, as syntax trees: comments and formatting do not count.

    LaDID's own room counts for every method that borrows from it; so does, as it is, whatever else stands in a
    method's folder, for it may be a program in another language.
    """
    own = [path for path in sorted(method_folder.rglob("*")) if _is_code(path)]
    python = [path for path in own if path.suffix == ".py"]
    borrowed = [LADID] if any(LADID_IMPORT in path.read_text(encoding="utf-8") for path in python) else []
    shared = [path for folder in [PACKAGE / name for name in SHARED] + borrowed for path in folder.rglob("*.py")]
    return _tree_hash(tuple(sorted({*shared, *own})))


def _is_code(path: Path) -> bool:
    return path.is_file() and path.suffix != ".pyc" and path.name not in DESCRIPTIONS


def report_hash() -> str:
    """Hash of the code and templates that turn records into a report."""
    folders = [PACKAGE / "reporting", PACKAGE / "evaluation"]
    paths = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".j2", ".css"))
    paths.append(PACKAGE / "sheet.py")
    return _tree_hash(tuple(paths))


@lru_cache(maxsize=None)
def _tree_hash(paths: tuple[Path, ...]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()  # a program may be in any encoding, or none
        digest.update(path.name.encode())
        digest.update(_without_docstrings(content.decode()).encode() if path.suffix == ".py" else content)
    return digest.hexdigest()[:16]


def _without_docstrings(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def commit(root: Path) -> tuple[str, bool]:
    """The git commit of the checkout and whether files differ from it; ``("unknown", True)`` outside git."""
    try:
        revision = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--", "src", "baselines", "config", "workflow", "Snakefile")
    except (OSError, subprocess.CalledProcessError):
        return "unknown", True
    return revision, bool(changed)


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def machine() -> dict[str, Any]:
    """Host and platform."""
    return {"host": socket.gethostname(), "platform": platform.platform(), "python": platform.python_version()}


def versions(packages: Iterable[str] = RECORDED) -> dict[str, str]:
    """Installed versions of the packages that results can depend on."""
    found = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
