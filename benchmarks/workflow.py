"""What the workflow costs beside the work: start-up of a job, plan, no-op of both engines, time a job in a crowd.

    python benchmarks/workflow.py [--repeats 3] [--output FILE]

A clone of this checkout in a temporary folder is worked in: a study of closed-form methods on tiny data (so that jobs
are all overhead), then the same command again, which has nothing to do, under Snakemake and under DVC. ``elapsed`` is
what a user waits for and wants a quiet machine; ``cpu`` is the CPU time of the command and all it starts.
"""

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from ladid_bench.core.files import write_json

ROOT = Path(__file__).resolve().parent.parent
LADID_BENCH = (sys.executable, "-m", "ladid_bench")
SNAKEMAKE = (sys.executable, "-m", "snakemake", "--cores", "1")
GOALS = {"paper-scale plan": 15.0, "no-op of snakemake": 5.0, "no-op of dvc": 5.0, "start-up of a job": 3.0}
SMALL = {"trajectories": {"train": 4, "valid": 2, "test": 2}}
STUDY = {
    "scale": "overhead",
    "image_size": 16,
    "datasets": {"pendulum": SMALL, "double-pendulum": SMALL, "wave": SMALL},
    "experiments": {"comparison": {"methods": ["persistence", "mean", "analog", "ridge"]}},
}


def timed(command: tuple[str, ...], folder: Path) -> dict[str, float | str]:
    """Elapsed and CPU seconds of a command that must succeed, and what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(folder / "src"), "OMP_NUM_THREADS": "1"}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    elapsed, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"'{' '.join(command)}' failed: {done.stderr.strip().splitlines()[-1]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"elapsed_seconds": elapsed, "cpu_seconds": cpu, "printed": done.stdout + done.stderr}


def repeated(name: str, command: tuple[str, ...], folder: Path, repeats: int) -> dict[str, Any]:
    """A row: medians over ``repeats`` of one command that changes nothing."""
    turns = [timed(command, folder) for _ in range(repeats)]
    medians = {part: statistics.median(turn[part] for turn in turns) for part in ("elapsed_seconds", "cpu_seconds")}
    row = {"what": name, **medians, "goal_seconds": GOALS.get(name)}
    print(describe(row), flush=True)
    return row


def a_checkout(folder: Path) -> None:
    """A clone with the study to be timed."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    (folder / "config" / "overhead.yaml").write_text(yaml.safe_dump(STUDY))
    (folder / "params.yaml").write_text("scale: overhead\n")


def measure(folder: Path, repeats: int) -> dict[str, Any]:
    """All rows; the time a job is that of the study, divided by its jobs."""
    a_checkout(folder)
    paper = (*SNAKEMAKE, "--config", "scale=paper", "-n", "--quiet", "all")
    rows = [repeated("paper-scale plan", paper, folder, repeats)]
    study = timed(SNAKEMAKE, folder)
    jobs = jobs_of(str(study.pop("printed")))
    rows.append({"what": f"a job among {jobs}", **{name: float(spent) / jobs for name, spent in study.items()}})
    print(describe(rows[-1]), flush=True)
    rows.append(repeated("no-op of snakemake", SNAKEMAKE, folder, repeats))
    key = next((folder / "results" / "overhead" / "records").glob("[0-9a-f]*.json")).stem
    rows.append(repeated("start-up of a job", (*LADID_BENCH, "run", key, "--force"), folder, repeats))
    dvc = (sys.executable, "-m", "dvc", "repro", "--quiet")
    timed(dvc, folder)
    rows.append(repeated("no-op of dvc", dvc, folder, repeats))
    return {"repeats": repeats, "cores": os.cpu_count(), "rows": rows}


def jobs_of(printed: str) -> int:
    """Find how many jobs a workflow had in what it printed: a line begins with ``[3/25]`` where one has finished."""
    return max(int(number) for number in re.findall(r"^\s*\[\d+/(\d+)\]", printed, re.MULTILINE))


def describe(row: dict[str, Any]) -> str:
    goal = f" (goal: under {row['goal_seconds']:g} s)" if row.get("goal_seconds") else ""
    return f"{row['what']:<20} {row['elapsed_seconds']:>6.2f} s, of CPU time {row['cpu_seconds']:>6.2f} s{goal}"


def main() -> None:
    """Measure, print, and write on request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder) / "checkout", options.repeats)
    if options.output:
        write_json(options.output, result)


if __name__ == "__main__":
    main()
