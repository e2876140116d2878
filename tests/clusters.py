"""A Slurm cluster of one node that a test starts and ends, and what a test does to it."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path
from tempfile import TemporaryDirectory

SCRIPTS = Path(__file__).parent / "slurm"
LOCK = Path("/run/ladid-bench-test-cluster.lock")  # a machine has one /etc/slurm/slurm.conf


@dataclass(frozen=True)
class Job:
    """What Slurm says of a job."""

    id: str
    rule: str
    state: str
    gres: str  # what --gres asked for a node
    gpus: str  # what --gpus asked for the job


class Cluster:
    """A running cluster whose files stand in ``folder``."""

    def __init__(self, folder: Path):
        self.folder = folder

    def jobs(self) -> list[Job]:
        """All jobs that the cluster has seen in an hour, oldest first."""
        asked = "JobID:20,Comment:120,State:20,tres-per-node:30,tres-per-job:30"
        lines = said("squeue", "--states=all", "--noheader", "--sort=i", f"--Format={asked}").splitlines()
        found = [
            [line[a:b].strip() for a, b in ((0, 20), (20, 140), (140, 160), (160, 190), (190, 220))] for line in lines
        ]
        return [Job(job, comment.split("_")[1], state, gres, gpus) for job, comment, state, gres, gpus in found]

    def running(self, rule: str) -> str:
        """The id of the running job of ``rule``; empty if there is none."""
        return next((job.id for job in self.jobs() if job.rule == rule and job.state == "RUNNING"), "")

    def lose_node(self) -> None:
        """Kill whatever runs on the node, the daemon first, as a node does that loses its power."""
        pids = [int(line.split()[0]) for line in said("scontrol", "listpids").splitlines()[1:]]
        steps = [int(pid) for pid in said("pgrep", "-f", r"^slurmstepd: \[").split()]
        for pid in (int((self.folder / "run/slurmd.pid").read_text()), *steps, *pids):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def return_node(self) -> None:
        """Start the node's daemon again once Slurm has noticed that it was gone."""
        wait_until(lambda: "down" in said("sinfo", "--noheader", "--format=%T"), 120)
        environment = os.environ | {"SLURM_CONF": str(self.folder / "slurm.conf")}
        subprocess.run(["slurmd", "-N", socket.gethostname().partition(".")[0]], check=True, env=environment)


@contextmanager
def started() -> Iterator[Cluster]:
    """A cluster while this lasts; one at a time on a machine. Nothing of it is left, whatever happens."""
    with LOCK.open("w") as lock, TemporaryDirectory(prefix="slurm-", dir="/tmp") as name:
        flock(lock, LOCK_EX)
        folder = Path(name)
        folder.chmod(0o755)  # munged wants its socket to be within reach of everybody
        try:
            subprocess.run([SCRIPTS / "up", folder], check=True)
            yield Cluster(folder)
        finally:
            subprocess.run([SCRIPTS / "down", folder], check=True)


def said(*words: str) -> str:
    """What a command printed."""
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until ``condition`` holds, and fail if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        time.sleep(0.5)
