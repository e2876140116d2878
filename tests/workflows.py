"""Checkouts in which tests run the whole workflow, and what is read from them."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from ladid_bench.core.files import finished

STUDY = {
    "scale": "tiny",
    "budget": {"steps": 6, "batch_size": 4, "validate_every": 3, "growth_steps": 1, "warmup_steps": 1},
    "datasets": {"pendulum": {"trajectories": {"train": 8, "valid": 2, "test": 3}}},
    "experiments": {"comparison": {"datasets": ["pendulum"], "methods": ["ladid", "mean", "persistence"]}},
}
COPIED = (
    "Snakefile",
    "workflow",
    "profiles",
    "slurm",
    "baselines",
    "config",
    "imported",
    "dvc.yaml",
    ".dvcignore",
    ".dvc",
)


def make_checkout(root: Path, folder: Path) -> Path:
    """Copy the sources of ``root`` to ``folder``, with the study ``STUDY`` as its scale ``tiny``."""
    folder.mkdir()
    for name in COPIED:
        source = root / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "cache", "tmp")
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy(source, folder / name)
    (folder / "params.yaml").write_text("scale: tiny\n")
    (folder / "results").mkdir()
    shutil.copy(root / "results" / "physics.json", folder / "results")
    configure(folder)
    return folder


def make_slurm_checkout(root: Path, folder: Path, seconds: int = 2) -> Path:
    """Make a checkout whose profile asks Slurm so often how its jobs are, instead of every minute."""
    made = make_checkout(root, folder)
    profile = made / "slurm/config.yaml"
    text, changes = re.subn(r"status-checks: \d+", f"status-checks: {seconds}", profile.read_text())
    assert changes == 2
    profile.write_text(text)
    return made


def configure(folder: Path, **changes: Any) -> None:
    """Write the study of a checkout: ``STUDY`` with changes."""
    (folder / "config" / "tiny.yaml").write_text(yaml.safe_dump(STUDY | changes))


def command(name: str) -> str:
    """A program of the environment that the tests run in."""
    return str(Path(sys.executable).with_name(name))


def snakemake(folder: Path, *options: str, check: bool = True, cores: str = "2") -> str:
    """Run snakemake in a checkout; what it printed."""
    words = [command("snakemake"), "--cores", cores, *options]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert not check or done.returncode == 0, output
    return output


def contents(folder: Path) -> dict[str, bytes]:
    """The records of a checkout by name, byte for byte."""
    return {path.name: path.read_bytes() for path in finished(folder / "results/tiny/records", ".json")}


def without_cost(folder: Path) -> dict[str, dict[str, Any]]:
    """The records of a checkout by name; their cost, which is of the moment, is left out."""
    return {name: json.loads(text) | {"cost": None} for name, text in contents(folder).items()}


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[Any], seconds: float = 120) -> None:
    """Wait until ``condition`` holds, ``process`` has ended, or time is up."""
    deadline = time.monotonic() + seconds
    while not condition() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
