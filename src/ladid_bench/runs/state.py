"""What records say of runs: whether one failed, whether other code made it, and which are of no planned run."""

from collections.abc import Collection

from ladid_bench.core.files import finished
from ladid_bench.core.paths import Folders
from ladid_bench.core.provenance import code_hash
from ladid_bench.methods.registry import method_folders
from ladid_bench.runs.records import FAILED, read_record
from ladid_bench.study.plan import PlannedRun


def has_failed(run: PlannedRun, folders: Folders) -> bool:
    """Say whether the run has a record, and that is of a failure."""
    path = folders.record(run.key)
    return path.exists() and read_record(path)["status"] in FAILED


def is_stale(run: PlannedRun, folders: Folders) -> bool:
    """Say whether the run has a record, and other code than today's made it."""
    path = folders.record(run.key)
    return path.exists() and read_record(path)["provenance"]["code_hash"] != current_code(run, folders)


def current_code(run: PlannedRun, folders: Folders) -> str:
    """Hash today's code of the run's method and of the runner."""
    return code_hash(method_folders(folders.root)[run.method])


def describe_unplanned(keys: Collection[str], folders: Folders) -> str:
    """Say in a line how many records are of none of the planned ``keys``; empty where there are none."""
    count = sum(path.stem not in keys for path in finished(folders.records, ".json"))
    if not count:
        return ""
    return (
        f"Of other settings, data or versions than the plan, so not counted: {count} of the records in "
        f"{folders.records}; 'ladid-bench prune --scale {folders.scale}' deletes them"
    )
