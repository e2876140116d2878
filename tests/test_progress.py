"""How long the rest of a workflow takes, and the lines that its terminal shows, from made-up records."""

import time
from logging import ERROR, INFO, WARNING, LogRecord, makeLogRecord
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.common import NOTHING_TO_BE_DONE_MSG
from snakemake.logging import DefaultFormatter
from snakemake_interface_logger_plugins.common import LogEvent

import snakemake_logger_plugin_ladid_bench as plugin
from snakemake_logger_plugin_ladid_bench import (
    INTERRUPTED,
    STOPPED,
    LogHandler,
    _busy_seconds,
    _Job,
    _time,
    say_interrupt,
)
from snakemake_logger_plugin_ladid_bench import progress as module
from snakemake_logger_plugin_ladid_bench.progress import PlannedJob, Progress

PLAN = {
    "a": PlannedJob("train", "first", 100.0),
    "b": PlannedJob("train", "second", 300.0),
    "c": PlannedJob("run", "third", 50.0),
}


def test_what_is_left_is_what_was_planned_until_something_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OTHER_SECONDS", 10.0)
    progress = Progress({"train": 2, "run": 1, "render": 1}, PLAN, slots=2)
    assert progress.seconds_left() == (400 + 50 + 10) / 2
    assert (progress.done, progress.total) == (0, 4)


def test_what_is_left_follows_what_the_jobs_of_a_rule_have_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OTHER_SECONDS", 10.0)
    progress = Progress({"train": 2, "run": 1, "render": 1}, PLAN, slots=1)
    progress.finish("train", "a", 50.0)  # half of what was expected: so will the other of its rule, but no other rule
    assert progress.seconds_left() == 300 / 2 + 50 + 10
    progress.finish("run", "c", 100.0)  # twice; so both rules together took 150 of 150
    assert progress.seconds_left() == 300 / 2 + 10
    assert progress.seconds_left(running=60) == 300 / 2 + 10 - 60
    progress.finish("train", "b", 400.0)
    progress.finish("render", None, 5.0)
    assert progress.seconds_left() == 0
    assert progress.done == progress.total == 4


def test_jobs_that_the_plan_does_not_have_count_as_the_mean_of_their_rule() -> None:
    progress = Progress({"train": 3}, PLAN, slots=1)
    assert progress.seconds_left() == 600
    progress.finish("train", "unplanned", 200.0)
    assert progress.seconds_left() == 400


def test_what_is_left_has_the_report_that_the_plan_expects() -> None:
    progress = Progress({"run": 1, "render": 1}, PLAN | {"render": PlannedJob("render", "render", 40.0)}, slots=1)
    assert progress.seconds_left() == 50 + 40
    progress.finish("run", "c", 100.0)  # twice as long, so rendering will be too
    assert progress.seconds_left() == 80
    progress.finish("render", None, 80.0)
    assert progress.seconds_left() == 0


def settings(**changes: Any) -> SimpleNamespace:
    usual = {"printshellcmds": False, "nocolor": True, "quiet": None, "debug_dag": False, "verbose": False}
    return SimpleNamespace(**usual | {"show_failed_logs": False, "stdout": True, "dryrun": False} | changes)


def record(event: LogEvent | None, message: str = "", level: int = INFO, **content: Any) -> LogRecord:
    return makeLogRecord({"msg": message, "levelno": level, "levelname": "", "event": event, **content})


def begun(number: int, rule: str, log: Path, **wildcards: str) -> LogRecord:
    """A record of a job that begins."""
    content = {"rule_name": rule, "log": [str(log)], "wildcards": wildcards, "shellcmd": "do it"}
    return record(LogEvent.JOB_INFO, jobid=number, **content)


def failed(number: int, rule: str, log: Path) -> LogRecord:
    content = {"jobid": number, "rule_name": rule, "rule_msg": None, "log": [str(log)]}
    return record(LogEvent.JOB_ERROR, level=ERROR, **content)


def shown(records: list[LogRecord], capsys: pytest.CaptureFixture, **changes: Any) -> list[str]:
    """The lines that a terminal gets of records."""
    handler = LogHandler(settings(**changes), None)
    handler.setFormatter(DefaultFormatter())
    for one in records:
        handler.handle(one)
    handler.close()
    return capsys.readouterr().out.splitlines()


def test_a_job_that_ends_is_a_line_with_its_count(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    log = tmp_path / "a.log"
    log.write_text("step 1\nfirst: diverged (nan)\n")
    lines = shown(
        [
            record(None, "Building DAG of jobs..."),
            record(LogEvent.WORKFLOW_STARTED),
            record(LogEvent.RESOURCES_INFO, cores=2),
            record(LogEvent.RUN_INFO, stats={"all": 1, "train": 2, "render": 1, "total": 4}),
            record(None, "the plan", shown=True, plan=PLAN, idle={"all"}),
            record(None, "Select jobs to execute..."),
            begun(1, "train", log, key="a"),
            begun(2, "render", tmp_path / "none.log"),
            record(LogEvent.PROGRESS, done=0, total=4),
            record(LogEvent.JOB_FINISHED, job_id=1),
            record(LogEvent.JOB_FINISHED, job_id=2),
            record(LogEvent.JOB_FINISHED, job_id=99),
        ],
        capsys,
    )
    assert lines[0] == "the plan"
    assert [line.split()[0] for line in lines[1:]] == ["[1/3]", "[2/3]"]
    assert "first: diverged (nan)" in lines[1]
    assert "render" in lines[2]


def test_a_run_that_ends_in_an_error_is_a_line_with_its_log(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    log = tmp_path / "a.log"
    log.write_text("first: error (ValueError: broken)\n")
    counts = record(LogEvent.RUN_INFO, stats={"train": 1, "total": 1})
    plan = record(None, "the plan", shown=True, plan=PLAN)
    records = [record(LogEvent.WORKFLOW_STARTED), counts, plan, begun(1, "train", log, key="a")]
    _, line = shown([*records, record(LogEvent.JOB_FINISHED, job_id=1)], capsys)
    assert "ValueError: broken" in line and str(log) in line


def test_a_second_ctrl_c_is_one_line_wherever_it_comes(capsys: pytest.CaptureFixture) -> None:
    """In the middle of the end of the first, Python's event loop complains of what it was doing."""
    try:
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("Cannot close a running event loop")
    except RuntimeError as error:
        say_interrupt(RuntimeError, error, error.__traceback__)
    assert capsys.readouterr().err == f"{STOPPED}\n"


def test_a_failure_is_the_last_line_of_its_log_and_where_it_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    log = tmp_path / "a.log"
    log.write_text("begin\nerror: no such file\n\n")
    records = [record(LogEvent.WORKFLOW_STARTED), begun(1, "simulated", log, dataset="pendulum")]
    (line,) = shown([*records, failed(1, "simulated", log)], capsys)
    assert all(part in line for part in ("pendulum", "error: no such file", str(log)))
    log.unlink()
    (line,) = shown([*records, failed(1, "simulated", log)], capsys)
    assert "pendulum" in line
    assert str(log) not in line


def test_jobs_that_a_ctrl_c_ended_have_not_failed(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """Their errors come first, then Snakemake says that it was interrupted, then all that it says of failures."""
    log = tmp_path / "a.log"
    log.write_text("first: ok\n")
    records = [
        record(LogEvent.WORKFLOW_STARTED),
        begun(1, "train", log, key="a"),
        begun(2, "train", log, key="b"),
        failed(1, "train", log),
        record(None, f"{INTERRUPTED}, this might take some time."),
        failed(2, "train", log),
        record(None, "At least one job did not complete", ERROR),
    ]
    (line,) = shown(records, capsys)
    assert "same command" in line


def test_a_failure_is_shown_while_the_others_go_on(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(plugin, "HELD_SECONDS", 0.01)
    handler = LogHandler(settings(), None)
    handler.setFormatter(DefaultFormatter())
    for one in (begun(1, "train", tmp_path / "a.log", key="a"), failed(1, "train", tmp_path / "a.log")):
        handler.handle(one)
    deadline = time.monotonic() + 10
    while not (said := capsys.readouterr().out) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert said.startswith("train a failed")


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ("Error: Directory cannot be locked. Please make\nsure", ("ladid-bench unlock",)),
        (
            "MissingRuleException:\nNo rule to produce results/smoke/records/ab.json (if you use input functions)",
            ("results/smoke/records/ab.json", "scale=NAME"),
        ),
    ],
)
def test_refusals_of_snakemake_are_one_line_with_the_remedy(message: str, parts: tuple[str, ...], capsys) -> None:
    (line,) = shown([record(None, message, ERROR)], capsys)
    assert all(part in line for part in parts)


@pytest.mark.parametrize(
    ("one", "seen"),
    [
        (record(None, "LockException", ERROR), True),
        (record(LogEvent.ERROR, "MissingInput", ERROR), True),
        (record(LogEvent.ERROR, "CalledProcessError in rule run", ERROR), False),
        (record(None, NOTHING_TO_BE_DONE_MSG), True),
        (record(None, "Select jobs to execute..."), False),
        (record(None, "Warning: a file system is slow", WARNING), True),
        (record(None, "Warning: output files were not present when the DAG was created", WARNING), False),
        (record(None, "Cannot restore a: no backup found.", ERROR), False),
        (record(LogEvent.SHELLCMD, "do it"), False),
    ],
)
def test_of_snakemakes_own_words_those_are_shown_that_matter(
    one: LogRecord, seen: bool, capsys: pytest.CaptureFixture
) -> None:
    assert bool(shown([record(LogEvent.WORKFLOW_STARTED), one], capsys)) is seen


@pytest.mark.parametrize("asked", ["verbose", "dryrun"])
def test_all_of_snakemakes_words_are_there_for_the_asking(asked: str, capsys: pytest.CaptureFixture) -> None:
    assert shown([record(None, "Select jobs to execute...")], capsys, **{asked: True}) == ["Select jobs to execute..."]


def test_a_time_has_the_unit_that_suits_it() -> None:
    assert [_time(seconds) for seconds in (99, 100, 5999, 6000)] == ["99 s", "2 min", "100 min", "1.7 h"]


def test_jobs_that_take_turns_share_the_time_of_their_group() -> None:
    job = _Job("run", None, "a run", [], time.monotonic() - 60, mates=3)
    assert _busy_seconds(job) == pytest.approx(20, abs=1)


@pytest.mark.parametrize("words", [["--profile", "slurm"], ["--cores", "2", "--profile=slurm"]])
def test_a_missing_executor_is_said_however_the_profile_is_named(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="pip install"):
        plugin.require_executor(words)
    plugin.require_executor(["--profile", "mine", "slurm"])
