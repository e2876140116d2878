"""Unlocking after a crash: what a dead Snakemake left goes, and nothing goes while anything lives."""

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ladid_bench.core.errors import BenchError
from ladid_bench.runs import unlock as unlocking
from ladid_bench.runs.unlock import is_locked, note_node, unlock


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    """A folder with the locks that Snakemake and DVC keep, and a workflow that does nothing."""
    (tmp_path / "Snakefile").write_text("rule all:\n    output: 'done'\n    shell: 'touch {output}'\n")
    locks = tmp_path / ".snakemake" / "locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").write_text("done\n")
    (tmp_path / ".dvc" / "tmp").mkdir(parents=True)
    (tmp_path / ".dvc" / "tmp" / "rwlock").write_text("{")
    return tmp_path


@pytest.fixture
def squeue(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A squeue that prints what is written into the file returned, and fails where it is not there."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "squeue").write_text(f"#!/bin/sh\nexec cat {folder}/jobs\n")
    (folder / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return folder / "jobs"


def test_what_dead_processes_left_is_removed_once(locked: Path) -> None:
    note_node(locked)
    assert is_locked(locked)
    assert unlock(locked) == ["Snakemake", "DVC"]
    assert not is_locked(locked)
    assert not (locked / ".dvc" / "tmp" / "rwlock").exists()
    assert unlock(locked) == []
    (locked / ".dvc" / "tmp" / "rwlock").write_text("{}")  # what DVC leaves where it holds nothing
    assert unlock(locked) == []


def test_a_live_process_of_the_checkout_keeps_the_locks(locked: Path) -> None:
    alive = [sys.executable, "-c", "import sys; sys.stdin.read()", "snakemake"]
    inside, outside = locked / "work", locked.parent
    inside.mkdir()
    for folder, refused in ((outside, False), (inside, True)):
        child = subprocess.Popen(alive, cwd=folder, stdin=subprocess.PIPE)
        try:
            if refused:
                with pytest.raises(BenchError, match=str(child.pid)):
                    unlock(locked)
                assert is_locked(locked)
            else:
                assert [line for line in unlocking._processes(locked) if str(child.pid) in line] == []
        finally:
            child.communicate(b"")


def test_a_job_of_slurm_in_the_checkout_keeps_the_locks(locked: Path, squeue: Path) -> None:
    squeue.write_text(f"{'41':<20}{'R':<10}{locked.parent}\n{'42':<20}{'PD':<10}{locked}\n")
    with pytest.raises(BenchError, match="Slurm job 42") as refused:
        unlock(locked)
    assert "41" not in str(refused.value).replace(str(locked), "")
    squeue.write_text("")
    assert unlock(locked) == ["Snakemake", "DVC"]


def test_a_slurm_that_does_not_answer_keeps_the_locks_of_a_checkout_that_used_it(locked: Path, squeue: Path) -> None:
    (locked / "work" / "slurm").mkdir(parents=True)
    with pytest.raises(BenchError, match="squeue"):
        unlock(locked)
    shutil.rmtree(locked / "work")
    assert unlock(locked) == ["Snakemake", "DVC"]


def test_a_snakemake_of_another_node_keeps_its_lock(locked: Path) -> None:
    note_node(locked)
    note = locked / ".snakemake" / "ladid-bench-node.json"
    assert json.loads(note.read_text()) == {"node": platform.node(), "process": os.getpid()}
    note.write_text(json.dumps({"node": "login-7", "process": 1}))
    with pytest.raises(BenchError, match="login-7"):
        unlock(locked)
    assert is_locked(locked)


def test_who_looks_at_a_file_that_begins_with_such_a_name_is_no_worker(locked: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()", "dvc.yaml"], cwd=locked, stdin=subprocess.PIPE)
    try:
        assert unlock(locked) == ["Snakemake", "DVC"]
    finally:
        child.communicate(b"\n")


@pytest.mark.parametrize("name", ["snakemake", "ladid_bench", "ladid-bench", "dvc"])
def test_whatever_works_in_a_checkout_keeps_the_locks(name: str, locked: Path) -> None:
    """As ``python -m ladid_bench`` and the others stand in a command line."""
    child = subprocess.Popen([sys.executable, "-c", "input()", name, "run"], cwd=locked, stdin=subprocess.PIPE)
    try:
        with pytest.raises(BenchError, match=str(child.pid)):
            unlock(locked)
    finally:
        child.communicate(b"\n")
