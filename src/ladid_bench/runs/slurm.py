"""Says in one line why jobs cannot be sent to Slurm, where Snakemake would find out job by job and say it at length."""

import shutil
import subprocess

from ladid_bench.core.errors import BenchError


def require_slurm() -> None:
    """Check that jobs can be submitted from this machine.

    Raises:
        BenchError: Slurm's commands are not here, or its controller does not answer.
    """
    remedy = "start it on a node of the cluster that submits jobs, or without --profile slurm"
    if shutil.which("sbatch") is None:
        raise BenchError(f"there is no sbatch on PATH, so no job can be sent to Slurm; {remedy}")
    done = subprocess.run(["sinfo", "--noheader"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise BenchError(f"Slurm does not answer ({said}); {remedy}")
