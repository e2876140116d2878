"""What the record of a run says of it: whether it failed, and whether other code made it."""

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
