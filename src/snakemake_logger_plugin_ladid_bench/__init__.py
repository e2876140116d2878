"""What Snakemake shows on the terminal: one line a finished job. Snakemake finds this package by its name.

The profile selects it (``logger`` in ``profiles/default/config.yaml``). All that Snakemake says itself stands in its
own log; ``--verbose`` and ``-n`` show it on the terminal too. Every Snakemake of the environment imports the package,
whichever checkout it is in, so it depends on Snakemake's interface alone.
"""

import re
import sys
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from logging import WARNING, Handler, LogRecord
from pathlib import Path
from types import TracebackType
from typing import Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_ladid_bench.progress import PlannedJob, Progress

LOCKED = "this checkout is locked: a snakemake works in it or was killed; ladid-bench unlock says which, and unlocks"
INTERRUPTED = "Terminating processes on user request"  # how Snakemake says it
STOPPED = "Stopped at once, maybe before all jobs were ended: ladid-bench unlock says what still runs, and unlocks."
FOLLOWS = ("At least one job did not complete", "keep-incomplete")  # what is said of every interruption besides
# said of every failure besides the line of the job: that former files stay, and that there is a line above
BESIDE = ("Cannot restore", "Restored previous version", "Exiting because a job execution failed")
GLIMPSED = "present when the DAG was created"  # said of the table and the report that a glimpse left for now
FAILED = re.compile(r": (error|timeout|out-of-memory)\b")  # what a run says that ended without a result
NO_RULE = re.compile(r"No rule to produce (results/\S+?)[\s(]")
HELD_SECONDS = 1  # that the line of a failure waits for the word that it was an interruption
# said before every workflow, and of no use to anybody who did not ask for more
CHATTER = ("Building DAG of jobs", "Assuming unrestricted shared filesystem")
SLURM = "snakemake-executor-plugin-slurm"


def require_executor(words: Sequence[str]) -> None:
    """End in one line where the profile ``slurm`` is asked for and its plugin is missing.

    Snakemake ends in its page of usage then, and imports this package before.
    """
    asked = "--profile=slurm" in words or ("--profile", "slurm") in pairwise(words)
    if asked and find_spec(SLURM.replace("-", "_")) is None:
        sys.exit(f"error: --profile slurm takes {SLURM}, which is not installed here; pip install {SLURM}")


require_executor(sys.argv[1:])


def say_interrupt(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say in one line that Ctrl-C ended Snakemake at once, as the second one does while jobs are cancelled.

    Where it comes in the middle of that, the event loop of Snakemake complains of it.
    """
    context: BaseException | None = error
    while context is not None and not isinstance(context, KeyboardInterrupt):
        context = context.__cause__ or context.__context__
    if context is not None:
        print(STOPPED, file=sys.stderr, flush=True)
    else:
        sys.__excepthook__(kind, error, trace)


@dataclass
class _Job:
    """A job that has begun; ``mates``: how many its group has, itself included."""

    rule: str
    key: str | None
    label: str
    log: Sequence[str]
    began: float
    mates: int = 1


class LogHandler(LogHandlerBase):
    """Writes a line for each job that ends, how many are done, and how long the others will take."""

    def __post_init__(self) -> None:
        sys.excepthook = say_interrupt
        self._stream = sys.stdout if self.common_settings.stdout else sys.stderr
        self._snakemakes_own = self._own_handler()
        self._started = False
        self._counts: Mapping[str, int] = {}
        self._plan: Mapping[str, PlannedJob] = {}
        self._idle: Collection[str] = ()  # rules without a command
        self._slots = 1
        self._jobs: dict[int, _Job] = {}
        self._mates: dict[int, int] = {}  # of a job that shares a job of the cluster with others
        self._progress: Progress | None = None
        self._failures: list[str] = []  # not shown yet
        self._interrupted = False

    writes_to_stream = True
    writes_to_file = False
    has_filter = False  # Snakemake's own, which knows --quiet
    has_formatter = False
    needs_rulegraph = False

    def _own_handler(self) -> Handler | None:
        """What Snakemake would use, for those who asked for all it has to say."""
        settings = self.common_settings
        if not (settings.verbose or settings.dryrun or settings.printshellcmds or settings.debug_dag):
            return None
        from snakemake.logging import ColorizingTextHandler, DefaultFormatter  # which imports all plugins itself

        formatter = DefaultFormatter(settings.quiet, settings.show_failed_logs)
        return ColorizingTextHandler(settings.nocolor, self._stream, formatter)

    def emit(self, record: LogRecord) -> None:
        """Show ``record`` if it is of interest, and keep count."""
        try:
            if self._snakemakes_own:
                self._snakemakes_own.emit(record)
            else:
                self._take(record)
        except Exception:  # a line that cannot be shown must not stop the work
            self.handleError(record)

    def _take(self, record: LogRecord) -> None:
        said: Any = record  # its further attributes depend on the event
        match getattr(record, "event", None):
            case LogEvent.WORKFLOW_STARTED:
                self._started = True
            case LogEvent.RUN_INFO:
                self._counts = {rule: count for rule, count in said.stats.items() if rule != "total"}
            case LogEvent.RESOURCES_INFO:
                self._slots = getattr(record, "nodes", None) or getattr(record, "cores", None) or self._slots
            case LogEvent.GROUP_INFO:
                self._mates |= {job.jobid: len(said.jobs) for job in said.jobs}
            case LogEvent.JOB_INFO:
                self._begin(said)
            case LogEvent.JOB_FINISHED:
                self._finish(said.job_id)
            case LogEvent.JOB_ERROR:
                self._say_failure(said)
            case LogEvent.GROUP_ERROR:
                self._write("".join(f"see {path}" for path in said.aux_logs))
            case LogEvent.ERROR if "CalledProcessError" in record.getMessage():
                pass  # that a command ended with an error; the record of its job says which error
            case None | LogEvent.ERROR:
                self._pass_on(record)

    def _begin(self, said: Any) -> None:
        wildcards = dict(said.wildcards or {})
        key = wildcards.get("key")
        planned = self._plan.get(key or "")
        name = planned.label if planned else wildcards.get("dataset") or key or ""
        label = name if planned and planned.rule == said.rule_name else f"{said.rule_name} {name}".strip()
        mates = self._mates.get(said.jobid, 1)
        self._jobs[said.jobid] = _Job(said.rule_name, key, label, said.log, time.monotonic(), mates)

    def _finish(self, number: int) -> None:
        job = self._jobs.pop(number, None)
        if job is None or job.rule in self._idle:
            return
        if self._progress is None:
            counts = {rule: count for rule, count in self._counts.items() if rule not in self._idle}
            self._progress = Progress(counts, self._plan, self._slots)
        taken = _busy_seconds(job)
        self._progress.finish(job.rule, job.key, taken)
        count = f"{self._progress.done}/{self._progress.total}"
        self._write(f"[{count}] {_outcome(job)}, {_time(taken)}; {self._left()}")

    def _left(self) -> str:
        assert self._progress is not None
        running = sum(map(_busy_seconds, self._jobs.values()))
        return f"about {_time(self._progress.seconds_left(running))} left"

    def _say_failure(self, said: Any) -> None:
        job = self._jobs.get(said.jobid)
        logs = [path for path in said.log if _last_line(path)]
        reason = _last_line(logs[0]) if logs else said.rule_msg or "it left no log"
        where = f"; see {', '.join(logs)}" if logs else ""
        self._failures.append(f"{job.label if job else said.rule_name} failed: {reason}{where}")
        # a Ctrl-C ends jobs first and is said second
        timer = threading.Timer(HELD_SECONDS, self._show_failures)
        timer.daemon = True
        timer.start()

    def _show_failures(self) -> None:
        self.acquire()
        try:
            failures, self._failures = self._failures, []
            for line in () if self._interrupted else failures:
                self._write(line)
        finally:
            self.release()

    def close(self) -> None:
        """Show what is left to show."""
        self._show_failures()
        super().close()

    def _interrupt(self) -> None:
        """Say that the work was interrupted; what was ended with it has not failed."""
        self._interrupted = True
        self._write("Stopping. What is finished is kept, trainings go on where they were: the same command continues.")

    def _pass_on(self, record: LogRecord) -> None:
        """Show a message that is a warning, or the workflow's own, or all there is to say."""
        from snakemake.common import NOTHING_TO_BE_DONE_MSG

        text = self.format(record)
        if GLIMPSED in text or text.startswith(BESIDE):
            return
        if text.startswith(INTERRUPTED):
            self._interrupt()
        if "cannot be locked" in text:
            text = LOCKED
        elif missing := NO_RULE.search(text):
            text = (
                f"{missing[1]} is no result of this scale; of another: snakemake --cores all FILE --config scale=NAME"
            )
        self._plan, self._idle = getattr(record, "plan", self._plan), getattr(record, "idle", self._idle)
        telling = getattr(record, "shown", False) or text == NOTHING_TO_BE_DONE_MSG
        if self._interrupted and not telling and (record.levelno < WARNING or any(one in text for one in FOLLOWS)):
            return
        if telling or record.levelno >= WARNING or not (self._started or text.startswith(CHATTER)):
            self._write(text)

    def _write(self, text: str) -> None:
        if text:
            print(text, file=self._stream, flush=True)


def _busy_seconds(job: _Job) -> float:
    """Seconds since a job began: of those of its group, whose jobs take turns, its part."""
    return (time.monotonic() - job.began) / job.mates


def _outcome(job: _Job) -> str:
    """What a job says of itself at the end, if that is a line about it."""
    said = _last_line(job.log[0]) if job.log else ""
    if not said.startswith(f"{job.label}:"):
        return job.label
    return f"{said} (see {job.log[0]})" if FAILED.search(said) else said


def _last_line(path: str) -> str:
    """The last line of a log; empty where there is none."""
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _time(seconds: float) -> str:
    """A time in the unit that suits it."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
