"""Where a number came from: code, configuration, data, machine."""

import hashlib
import platform
import socket
import subprocess
from collections.abc import Iterable
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from ladid_bench.core.configuration import DATA_KINDS
from ladid_bench.core.paths import PACKAGE, SEARCH
from ladid_bench.core.syntax import imported_names, without_words

WATCHED = ("src", "baselines", "config", "workflow", "Snakefile")  # in which a change may change results
ROOMS = ("data", "ladid", "methods", "probing", "runs")  # systems and data sets declare versions of their own
RUNNER = PACKAGE / "runs" / "execute.py"  # every run goes through it and what it imports
# of a method; what they determine is in the key of a run
DESCRIPTIONS = ("method.yaml", *(SEARCH.format(kind) for kind in DATA_KINDS))
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


def code_hash(method_folder: Path, start: Path = RUNNER) -> str:
    """Hash the code that a run goes through, as syntax trees: comments and formatting do not count.

    That is what the runner, or another ``start``, and the method import, directly or not, so that a change to the
    report, the search or a module that only other methods use makes no record stale; and, as it is, whatever else
    stands in the method's folder, for it may be a program in another language.
    """
    own = [path for path in sorted(method_folder.rglob("*")) if _is_code(path)]
    python = [path for path in own if path.suffix == ".py"]
    return _tree_hash(tuple({*own, *_gone_through([start, *python])}))


def _gone_through(starts: Iterable[Path]) -> set[Path]:
    """Files of ``starts`` and of all that they import from the package's rooms."""
    found: set[Path] = set()
    to_follow = list(starts)
    while to_follow:
        path = to_follow.pop()
        if path not in found:
            found.add(path)
            to_follow += _imported(path)
    return found


@lru_cache(maxsize=None)
def _imported(path: Path) -> tuple[Path, ...]:
    """Files in the package's rooms that a Python file imports from."""
    rooms = (name.split(".") for name in imported_names(path))
    files = (
        PACKAGE / room[1] / f"{room[2]}.py"
        for room in rooms
        if len(room) == 3 and room[0] == PACKAGE.name and room[1] in ROOMS
    )
    return tuple(file for file in files if file.exists())


def _is_code(path: Path) -> bool:
    return path.is_file() and path.suffix != ".pyc" and path.name not in DESCRIPTIONS


@lru_cache(maxsize=None)  # a process knows the code as it first found it
def _tree_hash(paths: tuple[Path, ...]) -> str:
    """Of the names and contents of ``paths``, wherever they lie."""
    return hashlib.sha256("".join(sorted(_file_hash(path) for path in paths)).encode()).hexdigest()[:16]


def _file_hash(path: Path) -> str:
    python = path.suffix == ".py"  # another program may be in any encoding, or none
    text = without_words(path).encode() if python else path.read_bytes()
    return hashlib.sha256(path.name.encode() + b"\0" + text).hexdigest()


def commit(root: Path, method_folder: Path | None = None) -> tuple[str, bool]:
    """Read the git commit of the checkout and whether code or configuration differ from it.

    Files that git does not know count where they are code of the package or of ``method_folder``; somebody's new
    baseline says nothing about the runs of others.

    Returns:
        Hash and whether something differs; ``("unknown", True)`` outside git.
    """
    own = ["src"] if method_folder is None else ["src", str(method_folder)]
    try:
        revision = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", *WATCHED)
        unknown = _git(root, "ls-files", "--others", "--exclude-standard", "--", *own)
    except (OSError, subprocess.CalledProcessError):
        return "unknown", True
    return revision, bool(changed or unknown)


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def machine() -> dict[str, Any]:
    """Describe this machine: host, platform, kind of processor and Python."""
    return {
        "host": socket.gethostname(),
        "platform": platform.platform(),
        "processor": _processor(),
        "python": platform.python_version(),
    }


@lru_cache(maxsize=None)
def _processor() -> str:
    """What decides which instructions the numerical libraries choose, and with them the last bits of their sums."""
    try:
        listed = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0]
    except OSError:
        return platform.processor()
    lines = (line.partition(":") for line in listed.splitlines())
    told = {name.strip(): value.strip() for name, _, value in lines}
    flags = told.get("flags", told.get("Features", "")).split()  # models of virtual machines go without a number
    widest = next((name for name in ("avx512f", "avx2", "asimd") if name in flags), "")
    return " ".join(filter(None, (told.get("model name", platform.machine()), widest)))


def versions() -> dict[str, str]:
    """Look up the installed versions of the packages that results can depend on."""
    found = {}
    for package in RECORDED:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
