"""Which runs of a study are done, which are given up, and which are still to do."""

from dataclasses import dataclass

from ladid_bench.core.configuration import Study
from ladid_bench.core.paths import Folders
from ladid_bench.core.provenance import code_hash, machine
from ladid_bench.methods.registry import method_folders
from ladid_bench.runs.records import read_attempts, read_record
from ladid_bench.study.plan import PlannedRun


@dataclass(frozen=True)
class RunState:
    """Keys of a study's runs by what is known of them."""

    done: frozenset[str]
    stale: frozenset[str]
    given_up: frozenset[str]
    pending: frozenset[str]


def run_state(study: Study, runs: dict[str, PlannedRun], folders: Folders, retry_failed: bool = False) -> RunState:
    """Sort ``runs`` by their records and failed attempts.

    A run is given up once it failed on this machine as often as ``execution.retries`` allows, unless
    ``retry_failed``. A stale run has a record made by code that has changed since.
    """
    done = frozenset(key for key in runs if folders.record(key).exists())
    allowed = study.execution.retries + 1
    failed = frozenset(key for key in runs if key not in done and failures_here(key, folders) >= allowed)
    given_up = frozenset() if retry_failed else failed
    stale = frozenset(key for key in done if is_stale(runs[key], folders))
    return RunState(done, stale, given_up, frozenset(runs) - done - given_up)


def failures_here(key: str, folders: Folders) -> int:
    """How often a run failed on this machine."""
    attempts = read_attempts(folders.attempts(key))
    return sum(attempt["host"] == machine()["host"] for attempt in attempts)


def is_stale(run: PlannedRun, folders: Folders) -> bool:
    """Whether the run's record was made by other code than today's."""
    recorded = read_record(folders.record(run.key))["provenance"]["code_hash"]
    return recorded != code_hash(method_folders(folders.root)[run.method])
