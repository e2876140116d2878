"""Unlocks a checkout after a crash, in one step, and never while anything still works in it.

Snakemake and DVC leave a lock behind when they are killed. Whether they were is not in the lock, so it is looked for
what lives: processes of this machine in the checkout, jobs of Slurm, and the node on which Snakemake was started.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import write_json
from ladid_bench.core.readers import read_json

# words in the command line of what works in a checkout, without folders
WORKERS = frozenset({"snakemake", "ladid_bench", "ladid-bench", "dvc"})
SQUEUE = ("squeue", "--me", "--noheader", "--Format=JobID:20,StateCompact:10,WorkDir:4000")


def note_node(root: Path) -> None:
    """Write down on which node Snakemake works in the checkout."""
    write_json(_note(root), {"node": platform.node(), "process": os.getpid()})


def is_locked(root: Path) -> bool:
    """Say whether Snakemake's lock is there."""
    return any((root / ".snakemake" / "locks").glob("*"))


def unlock(root: Path) -> list[str]:
    """Remove the locks that a killed Snakemake or DVC has left in the checkout.

    Returns:
        What was unlocked; nothing where nothing was locked.

    Raises:
        BenchError: something still works there, or may do so on another node.
    """
    alive = [*_processes(root), *_jobs(root)]
    if alive:
        raise BenchError(f"nothing was unlocked: {', '.join(alive)} of this checkout; wait for it, or end it first")
    unlocked = []
    if is_locked(root):
        _require_this_node(root)
        _unlock_snakemake(root)
        unlocked.append("Snakemake")
    readers_and_writers = root / ".dvc" / "tmp" / "rwlock"
    if readers_and_writers.exists():
        if readers_and_writers.read_text(encoding="utf-8").strip() not in ("", "{}"):  # DVC leaves it empty
            unlocked.append("DVC")
        readers_and_writers.unlink()
    return unlocked


def _note(root: Path) -> Path:
    return root / ".snakemake" / "ladid-bench-node.json"


def _require_this_node(root: Path) -> None:
    if not _note(root).exists():
        return
    note = read_json(_note(root), "note of the node", "delete it")
    node = note.get("node") if isinstance(note, dict) else None
    if node != platform.node():
        raise BenchError(
            f"nothing was unlocked: Snakemake was started on {node}, and this is {platform.node()}; run ladid-bench "
            "unlock there, or snakemake --unlock if that machine is gone"
        )


def _unlock_snakemake(root: Path) -> None:
    command = [sys.executable, "-m", "snakemake", "--unlock"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise BenchError(f"snakemake --unlock failed: {last}")


def _processes(root: Path) -> Iterator[str]:
    """Processes of this machine that work in the checkout; this one and those that started it aside."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter(["pid", "cwd", "cmdline"]):
        words, folder = process.info["cmdline"] or [], process.info["cwd"]
        names = [Path(word).name for word in words[:4]]
        if process.pid in own or folder is None or WORKERS.isdisjoint(names):
            continue
        if Path(folder).is_relative_to(root):
            yield f"process {process.pid} ({' '.join(names)})"


def _jobs(root: Path) -> Iterator[str]:
    """Jobs of Slurm that have not ended and work in the checkout.

    Raises:
        BenchError: the checkout has used Slurm, and it does not answer.
    """
    if shutil.which(SQUEUE[0]) is None:
        return
    done = subprocess.run(SQUEUE, capture_output=True, text=True, check=False)
    if done.returncode != 0 and (root / "work" / "slurm").exists():
        raise BenchError("nothing was unlocked: this checkout has used Slurm, and squeue does not answer; try again")
    for line in done.stdout.splitlines():
        job, _, folder = (part.strip() for part in (line[:20], line[20:30], line[30:]))
        if folder and Path(folder).resolve().is_relative_to(root):
            yield f"Slurm job {job}"
