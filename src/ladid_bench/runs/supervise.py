"""Runs a run in a child process, so that a crash, a hang or a lack of memory becomes a row and not a gap."""

import logging
import multiprocessing
import os
import shutil
import signal
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkContext, SpawnContext
from pathlib import Path
from types import FrameType
from typing import Any, Literal, TypeGuard

from ladid_bench.core.configuration import Execution
from ladid_bench.core.errors import REFUSALS, BenchError, explain
from ladid_bench.core.paths import Folders
from ladid_bench.core.provenance import commit, machine, versions
from ladid_bench.core.readers import one_line
from ladid_bench.methods.registry import method_folders
from ladid_bench.runs.records import FINAL, read_attempts, read_record, write_attempt, write_record
from ladid_bench.runs.state import current_code
from ladid_bench.runs.writers import only_writer
from ladid_bench.study.plan import PlannedRun

log = logging.getLogger(__name__)

REFUSED = "refused"  # by the file system: no failure of the run, and no attempt
SHORT = ("timeout", "out-of-memory")  # of what another job may have more
DONE = ("ok", "")  # the last word of a child whose run has its record
Work = Literal["execute", "train_again"]  # what a child does, a function of the runner


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended: a final status of the record, or why there is none."""

    status: str
    reason: str


def carry_out(run: PlannedRun, folders: Folders, execution: Execution) -> Outcome:
    """Attempt ``run`` until it has a record, of its result or of its failure.

    A run that lacked time or memory has no record while attempts are left: the next one may be given more. Where
    another process works on the run, its record is waited for and taken.
    """
    before = _written(run, folders)
    with only_writer(run, folders):
        if _written(run, folders) not in (None, before):
            return _recorded(run, folders)
        outcome = supervise(run, folders, execution)
        while outcome.status not in SHORT and folders.attempts(run.key).exists():
            outcome = supervise(run, folders, execution)
        return outcome


def _written(run: PlannedRun, folders: Folders) -> int | None:
    """When the run's record was written; None where there is none."""
    try:
        return folders.record(run.key).stat().st_mtime_ns
    except FileNotFoundError:
        return None


def supervise(run: PlannedRun, folders: Folders, execution: Execution) -> Outcome:
    """Attempt ``run`` once. A failure is noted, and the last one that a study allows is the run's record.

    An attempt that the user or the scheduler interrupts leaves its checkpoint and no trace of failure.

    Raises:
        BenchError: the file system takes no more; the run can be made once there is room.
    """
    _drop_damaged(run, folders)
    outcome = _lacking(run, folders, execution) or _attempt(run, folders, execution, "execute")
    notes = folders.attempts(run.key)
    if outcome is None:
        shutil.rmtree(notes, ignore_errors=True)  # they stand in the record
        return _recorded(run, folders)
    write_attempt(notes, {"key": run.key, "status": outcome.status, "reason": outcome.reason, **machine()})
    failed = read_attempts(notes)
    if len(failed) > execution.retries:
        write_record(folders.record(run.key), _failure(run, folders, outcome, failed))
        shutil.rmtree(notes)
    return outcome


def _drop_damaged(run: PlannedRun, folders: Folders) -> None:
    """Remove checkpoints that a crash of the machine cut off: they are no failure of the method's."""
    for place in (folders.workspace(run.key, "*"), folders.trunk(run.trunk, "*")) if run.trained else ():
        for path in place.parent.glob(f"{place.name}/*.pt"):
            if not zipfile.is_zipfile(path):
                log.warning("%s: is damaged and removed; the training goes on from an earlier place", path)
                path.unlink(missing_ok=True)


def _recorded(run: PlannedRun, folders: Folders) -> Outcome:
    record = read_record(folders.record(run.key))
    return Outcome(record["status"], record["reason"])


def _failure(run: PlannedRun, folders: Folders, last: Outcome, failed: list[dict[str, Any]]) -> dict[str, Any]:
    """The record of a run that failed as often as it may."""
    revision, dirty = commit(folders.root, method_folders(folders.root)[run.method])
    return {
        "key": run.key,
        "identity": run.identity,
        "status": last.status,
        "reason": last.reason,
        "metrics": {},
        "cost": {},
        "history": [],
        "failed_attempts": failed,
        "provenance": {
            "commit": revision,
            "dirty": dirty,
            "code_hash": current_code(run, folders),
            "versions": versions(),
            **machine(),
        },
        "rerun": run.rerun_command,
    }


def supply_model(run: PlannedRun, folders: Folders, execution: Execution) -> Outcome | None:
    """Make sure that the trained model of ``run`` is there, if the run can have one; None when all is well.

    A run without a record is carried out. A record whose model is gone, as in a clone, stays as it is while the
    model is trained again.
    """
    there = folders.record(run.key).exists()
    outcome = _recorded(run, folders) if there else carry_out(run, folders, execution)
    if outcome.status not in FINAL:
        return outcome
    if outcome.status != "ok" or folders.model(run.key).exists():
        return None
    with only_writer(run, folders):
        if folders.model(run.key).exists():  # made while this process waited
            return None
        return _attempt(run, folders, execution, "train_again")


def _lacking(run: PlannedRun, folders: Folders, execution: Execution) -> Outcome | None:
    """Why ``run`` cannot start, for want of the model of the run it starts from; None where it can."""
    if run.model_from is None:
        return None
    problem = supply_model(run.model_from, folders, execution)
    if problem is None:
        return None
    where = f"the run it starts from, {run.model_from.key} ({run.model_from.label}), has no model"
    return Outcome("error", f"{where}: {problem.status}, {problem.reason}")


def _attempt(run: PlannedRun, folders: Folders, execution: Execution, work: Work) -> Outcome | None:
    """Run the child; None when it did its work.

    Raises:
        BenchError: the file system takes no more.
    """
    # forking saves the start of an interpreter, but is unsafe once torch has started threads
    context: SpawnContext | ForkContext
    context = multiprocessing.get_context("spawn") if "torch" in sys.modules else multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_work, args=(run, folders, execution, work, sender))
    folders.log(run.key).parent.mkdir(parents=True, exist_ok=True)
    child.start()
    sender.close()
    with _termination_forwarded(child):
        _await(child, execution.time_limit_minutes * 60)
    if child.is_alive():
        _stop(child)
        return Outcome("timeout", f"stopped after {execution.time_limit_minutes:g} min, the time limit of a run")
    _end_session(child)
    with suppress(EOFError):  # the child had no time for a last word
        if receiver.poll():  # never waits: what the child has started may hold the other end open
            word = receiver.recv()
            if word[0] == REFUSED:
                raise BenchError(word[1])
            return None if word == DONE else Outcome(*word)
    if child.exitcode == -signal.SIGKILL:
        return Outcome("out-of-memory", "killed by the system, most likely for want of memory")
    return Outcome("error", f"the process ended with exit code {child.exitcode}")


@contextmanager
def _termination_forwarded(child: multiprocessing.process.BaseProcess) -> Iterator[None]:
    """While this lasts, a signal to end this process ends the child first."""

    def stop(number: int, frame: FrameType | None) -> None:
        _stop(child)
        raise SystemExit(128 + number)

    former = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _await(child: multiprocessing.process.BaseProcess, seconds: float) -> None:
    """Wait until the child ends; ``join`` alone would wait for all that it has forked, which holds its pipes open."""
    deadline = time.monotonic() + seconds
    while child.is_alive() and time.monotonic() < deadline:
        child.join(min(0.5, max(0.0, deadline - time.monotonic())))


def _stop(child: multiprocessing.process.BaseProcess) -> None:
    child.terminate()
    _await(child, 10)
    child.kill()
    child.join()
    _end_session(child)


def _end_session(child: multiprocessing.process.BaseProcess) -> None:
    """End what the child has started and left behind."""
    assert child.pid is not None
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _work(run: PlannedRun, folders: Folders, execution: Execution, work: Work, sender: Connection) -> None:
    """The child: one run, its log, and a last word for the parent, on failure one line."""
    os.setsid()  # so that whatever it starts can be ended with it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    try:
        _log_to(folders.log(run.key), run.label)
        from threadpoolctl import threadpool_limits

        from ladid_bench.runs import execute as runner

        with threadpool_limits(execution.threads):
            getattr(runner, work)(run, folders, execution)
        sender.send(DONE)
    except BaseException as error:  # whatever a method does, its run becomes a row
        logging.getLogger(__name__).debug("traceback", exc_info=True)
        sender.send((_kind(error), _one_line(error)))
        sys.exit(1)


def _end_with(parent: int) -> None:
    """Do not outlive a parent that was killed: the run will be started again from its checkpoint."""
    while os.getppid() == parent:
        time.sleep(1)
    os.killpg(0, signal.SIGKILL)


def _log_to(path: Path, label: str) -> None:
    """Progress to the terminal, everything, tracebacks included, to the run's own log."""
    file, terminal = logging.FileHandler(path), logging.StreamHandler()
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    terminal.setFormatter(logging.Formatter(f"[{label}] %(message)s"))
    terminal.setLevel(logging.INFO)
    terminal.addFilter(logging.Filter("ladid_bench"))  # what libraries have to say stays in the file
    root = logging.getLogger()
    root.handlers = [file, terminal]
    logging.raiseExceptions = False  # a log that takes no more must not bury the line that says why
    root.setLevel(logging.INFO)
    logging.getLogger("ladid_bench").setLevel(logging.DEBUG)


def _refused(error: BaseException) -> TypeGuard[OSError]:
    return isinstance(error, OSError) and error.errno in REFUSALS


def _kind(error: BaseException) -> str:
    if _refused(error):
        return REFUSED
    text = one_line(error).lower()
    short = isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text
    return "out-of-memory" if short else "error"


def _one_line(error: BaseException) -> str:
    if _refused(error):
        return explain(error)
    text, name = one_line(error, 500), type(error).__name__
    return text if isinstance(error, BenchError) or text == name else f"{name}: {text}"
