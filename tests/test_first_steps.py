"""What README, the start page and the notebook tell a newcomer to type works as typed."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pytest
from checkouts import STUDY, Checkout
from commands import call

SIZES = {"trajectories": {"train": 8, "valid": 2, "test": 3}}


def commands_of(page: str, start: str) -> list[str]:
    """Lines of a page that are commands and contain ``start``, without the comment that may follow."""
    lines = re.findall(r"^(?: {4})?((?:\.venv|python3|ladid-bench|snakemake)[^\n#]*)", page, flags=re.MULTILINE)
    return [line.strip() for line in lines if start in line]


def test_the_main_job_and_the_tests_are_what_the_clone_has(root: Path) -> None:
    """Each of README's two commands is a chain; its parts are tried without waiting for what they would do."""
    readme = (root / "README.md").read_text()
    main, tests = (line.split(" && ") for line in commands_of(readme, "python3 -m venv"))
    assert main[0] == tests[0] == "python3 -m venv .venv"
    for install in (main[1], tests[1]):
        assert install.startswith(".venv/bin/pip install -e ")
        assert all((root / word).exists() for word in ("pyproject.toml", "constraints.txt"))
    programs = Path(sys.executable).parent
    planned = [str(programs / "snakemake"), *shlex.split(main[2])[1:], "--dry-run", "--quiet"]
    collected = [str(programs / "pytest"), *shlex.split(tests[2])[1:], "--collect-only", "-q", "tests/test_layers.py"]
    assert shlex.split(main[2])[0] == ".venv/bin/snakemake"
    assert shlex.split(tests[2])[0] == ".venv/bin/pytest"
    for command in (planned, collected):
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_commands_of_the_start_page_run_as_typed(root: Path, tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "checkout", root)
    names = {"datasets": ["pendulum"], "methods": ["ladid"]}
    datasets = {"pendulum": SIZES, "wave": SIZES}
    checkout.configure(**(STUDY | {"datasets": datasets, "experiments": {"comparison": names}}))
    (run,) = checkout.runs.values()
    typed = commands_of((root / "docs" / "index.md").read_text(), "ladid-bench ")
    assert {command.split()[1] for command in typed} >= {"doctor", "plan", "run", "inspect", "show"}
    for command in typed:
        words = [run.key[:9] if word == "KEY" else word for word in shlex.split(command)[1:]]
        code, said = call(checkout.root, *words)
        assert code == 0, (command, said)


def test_the_notebook_runs(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cell by cell, with few steps, in a checkout."""
    cells = json.loads((root / "docs" / "first-notebook.ipynb").read_text())["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    checkout = Checkout(tmp_path / "checkout", root)
    monkeypatch.chdir(checkout.root)
    known: dict[str, object] = {}
    with mpl.rc_context({"backend": "agg"}):
        for source in sources:
            exec(re.sub(r"^STEPS = \d+", "STEPS = 2", source, flags=re.MULTILINE), known)
    shapes = {forecast.shape for forecast in known["forecasts"].values()}  # type: ignore[attr-defined]
    assert shapes == {(20, 20, 16, 16)}
    assert (checkout.root / "spot-model").is_dir()
