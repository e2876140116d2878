"""Runs in jobs that may be started again: Snakemake deletes the record of each run of a job before it starts.

A job of several runs that is killed is started again as a whole. So the records that it finished are kept in a
second place, and are put back instead of being made again, until the workflow has seen them.
"""

import shutil

from ladid_bench.core.configuration import Execution
from ladid_bench.core.files import finished
from ladid_bench.core.paths import Folders
from ladid_bench.runs.records import read_record, write_record
from ladid_bench.runs.state import current_code
from ladid_bench.runs.supervise import Outcome, carry_out
from ladid_bench.study.plan import PlannedRun


def carry_out_or_restore(run: PlannedRun, folders: Folders, execution: Execution) -> Outcome:
    """Carry out ``run``, or put back its record where this job, started before, had finished it."""
    record, spare = folders.record(run.key), folders.spare(run.key, current_code(run, folders))
    if spare.exists():
        kept = read_record(spare)
        write_record(record, kept)
        return Outcome(kept["status"], kept["reason"])
    outcome = carry_out(run, folders, execution)
    if not folders.attempts(run.key).exists():
        write_record(spare, read_record(record))
    return outcome


def drop_spares(folders: Folders) -> None:
    """Delete the second copies of the records that are there."""
    for folder in (folders.work / "spare").glob("*"):
        for spare in finished(folder, ".json"):
            if folders.record(spare.stem).exists():
                spare.unlink()
        if not any(folder.iterdir()):
            shutil.rmtree(folder)
