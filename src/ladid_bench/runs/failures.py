"""Runs that ended in an error: which they are, and what a user does about them."""

from collections.abc import Mapping, Sequence

from ladid_bench.core.paths import Folders
from ladid_bench.runs.state import has_failed
from ladid_bench.study.plan import PlannedRun


def failed_runs(runs: Mapping[str, PlannedRun], folders: Folders) -> list[PlannedRun]:
    """List the runs whose record is of a failure."""
    return [run for run in runs.values() if has_failed(run, folders)]


def describe_failures(failed: Sequence[PlannedRun], folders: Folders) -> str:
    """Say how many runs failed, where the log of the first is, and how to try them again; empty where none did."""
    if not failed:
        return ""
    return (
        f"{len(failed)} run{'s' * (len(failed) > 1)} failed, such as {failed[0].label}: see "
        f"{folders.log(failed[0].key)}; once that is fixed: snakemake --cores all --config "
        f"scale={folders.scale} --forcerun $(ladid-bench records --failed --scale {folders.scale})"
    )
