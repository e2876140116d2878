"""What is said where Slurm is not there, does not answer or refuses, with programs that stand in for its commands."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from workflows import command, make_slurm_checkout, wait_for

SLURM = ("sbatch", "scancel", "sinfo", "squeue", "sacct", "sacctmgr", "sshare", "scontrol", "sdiag")
ANSWERS = {"sinfo": 'echo "part*"', "sbatch": "echo 17", "squeue": 'echo "17|RUNNING"', "scontrol": "exit 1"}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """Slurm is asked after a quarter of a minute: Ctrl-C comes before, and Snakemake ends with the answer."""
    return make_slurm_checkout(root, tmp_path_factory.mktemp("refusals") / "checkout", 15)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with the programs of this machine but those of Slurm."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for place in (Path("/usr/bin"), Path("/bin")):
        for program in place.iterdir():
            if program.name not in SLURM and not (folder / program.name).is_symlink():
                (folder / program.name).symlink_to(program)
    return folder


def put(folder: Path, **answers: str) -> None:
    """Programs that stand in for Slurm's: a line of shell each; those without one fail in silence."""
    for name in SLURM:
        (folder / name).write_text(f"#!/bin/sh\n{answers.get(name, 'exit 1')}\n")
        (folder / name).chmod(0o755)


def on_slurm(checkout: Path, programs: Path) -> subprocess.Popen[str]:
    words = [command("snakemake"), "--cores", "all", "--profile", "slurm", "--", "runs"]
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(words, cwd=checkout, env=os.environ | {"PATH": str(programs)}, text=True, **both)


def test_without_slurm_it_is_one_line(checkout: Path, programs: Path) -> None:
    process = on_slurm(checkout, programs)
    said = process.communicate(timeout=120)[0].splitlines()
    assert process.returncode != 0
    assert [line for line in said if line.startswith("error:")] == said[-1:]
    assert "sbatch" in said[-1] and len(said) <= 2  # before it Snakemake names the profiles


def test_a_slurm_that_does_not_answer_is_one_line(checkout: Path, programs: Path) -> None:
    put(programs, sinfo="echo first >&2; echo no controller >&2; exit 1")
    process = on_slurm(checkout, programs)
    said = process.communicate(timeout=120)[0].splitlines()
    assert process.returncode != 0
    assert [line for line in said if line.startswith("error:")] == said[-1:]
    assert "no controller" in said[-1] and len(said) <= 2


def test_jobs_that_cannot_be_cancelled_are_said(checkout: Path, programs: Path, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    refusal = f'echo "$@" > {asked}; echo access denied >&2; exit 1'
    put(programs, **ANSWERS | {"sbatch": f"touch {asked}; echo 17", "scancel": refusal})
    process = on_slurm(checkout, programs)
    wait_for(asked.exists, process)
    wait_for(lambda: False, process, 3)  # until the job has been noted
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=120)[0]
    assert asked.read_text().split()[0] == "17"
    assert process.returncode != 0
    told = [line for line in said.splitlines() if "access denied" in line]
    assert len(told) == 1, said
    assert "Traceback" not in said
    assert "Snakefile" not in said  # where what fails after an error would have failed


def test_a_second_ctrl_c_while_jobs_are_cancelled_is_one_line(checkout: Path, programs: Path, tmp_path: Path) -> None:
    submitted, cancelling = tmp_path / "submitted", tmp_path / "cancelling"
    put(programs, **ANSWERS | {"sbatch": f"touch {submitted}; echo 17", "scancel": f"touch {cancelling}; sleep 100"})
    process = on_slurm(checkout, programs)
    wait_for(submitted.exists, process)
    wait_for(lambda: False, process, 3)  # until the job has been noted
    process.send_signal(signal.SIGINT)
    wait_for(cancelling.exists, process)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[0].splitlines()
    assert process.returncode != 0
    assert [line for line in said if "ladid-bench unlock" in line] == said[-1:], said
    assert not any("Traceback" in line or "KeyboardInterrupt" in line for line in said), said


# A Python in which the executor plugin is not installed.
WITHOUT_PLUGIN = """
import importlib.util, pkgutil, sys
name, modules, spec = "snakemake_executor_plugin_slurm", pkgutil.iter_modules, importlib.util.find_spec
pkgutil.iter_modules = lambda *where: (one for one in modules(*where) if not one.name.startswith(name))
importlib.util.find_spec = lambda wanted, *rest: None if wanted == name else spec(wanted, *rest)
from snakemake.cli import main
main(sys.argv[1:])
"""


def test_without_the_executor_plugin_it_is_one_line(checkout: Path) -> None:
    words = [sys.executable, "-c", WITHOUT_PLUGIN, "--cores", "all", "--profile", "slurm", "-n"]
    done = subprocess.run(words, cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "pip install snakemake-executor-plugin-slurm" in line
