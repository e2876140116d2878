"""One writer a run, with real processes: the second waits, takes the record of the first, and never writes its own."""

import multiprocessing
import os
import signal
import time
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from ladid_bench.core.configuration import Execution, load_study
from ladid_bench.core.files import write_json
from ladid_bench.core.paths import Folders
from ladid_bench.runs import supervise as supervising
from ladid_bench.runs.supervise import Outcome, carry_out
from ladid_bench.study.plan import PlannedRun, plan_runs

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path, "smoke")


@pytest.fixture
def run(root: Path) -> PlannedRun:
    return next(iter(plan_runs(load_study("smoke", root), root).values()))


def writing(run: PlannedRun, folders: Folders, name: str, begun: Event, may_end: Event) -> None:
    """Carry ``run`` out; what it does is to say that it has begun, wait, and write a record that names the process."""

    def attempt(run: PlannedRun, folders: Folders, execution: Execution) -> Outcome:
        begun.set()
        may_end.wait(30)
        write_json(folders.record(run.key), name)
        return Outcome("ok", name)

    supervising.supervise = attempt
    supervising.read_record = lambda path: {"status": "ok", "reason": path.read_text()}
    outcome = carry_out(run, folders, Execution())
    (folders.root / name).write_text(outcome.reason)


def start(run: PlannedRun, folders: Folders, name: str) -> tuple[multiprocessing.Process, Event, Event]:
    begun, may_end = FORK.Event(), FORK.Event()
    process = FORK.Process(target=writing, args=(run, folders, name, begun, may_end))
    process.start()
    return process, begun, may_end


def test_the_second_writer_waits_and_takes_the_record_of_the_first(run, folders) -> None:
    first, begun, may_end = start(run, folders, "first")
    assert begun.wait(30)
    second, second_begun, second_may_end = start(run, folders, "second")
    second_may_end.set()
    assert not second_begun.wait(2)  # it waits
    may_end.set()
    for process in (first, second):
        process.join(30)
        assert process.exitcode == 0
    assert not second_begun.is_set()
    assert '"first"' in folders.record(run.key).read_text()
    assert '"first"' in (folders.root / "second").read_text()


def test_the_second_writer_works_once_the_first_was_killed(run, folders) -> None:
    first, begun, _ = start(run, folders, "first")
    assert begun.wait(30)
    second, second_begun, may_end = start(run, folders, "second")
    assert not second_begun.wait(1)
    os.kill(first.pid, signal.SIGKILL)
    assert second_begun.wait(30)
    may_end.set()
    second.join(30)
    assert '"second"' in folders.record(run.key).read_text()


def test_a_run_that_is_asked_for_again_is_made_again(run, folders) -> None:
    """Only a record that was written while a process waited is taken."""
    for name in ("first", "second"):
        process, _, may_end = start(run, folders, name)
        may_end.set()
        process.join(30)
        time.sleep(0.01)  # the clock of files
    assert '"second"' in folders.record(run.key).read_text()
