"""Methods in other languages: what their programs get, what becomes of their answers and of their failures."""

import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml
from checkouts import Checkout

from ladid_bench.core.errors import BenchError
from ladid_bench.core.provenance import _tree_hash, code_hash
from ladid_bench.data.trajectories import read_trajectories, write_trajectories
from ladid_bench.methods.base import Training
from ladid_bench.methods.external import QUERY_TIMES
from ladid_bench.methods.forecasts import read_forecast
from ladid_bench.methods.plain_text import from_text, to_text
from ladid_bench.methods.registry import load_method
from ladid_bench.runs.records import read_record

METHOD = """
from pathlib import Path
from ladid_bench.methods.external import ExternalMethod

class Outside(ExternalMethod):
    folder = Path(__file__).parent

METHOD = Outside
"""
CARD = {"title": "-", "kind": "simple", "summary": "-", "citation": {"text": "-"}, "version": 1, "deterministic": True}
FIT = """
rule fit:
    input: "train.hdf5", "valid.hdf5"
    output: "model.npy"
    script: "fit.py"
"""
ANSWER = """
rule forecast:
    input: question="question.hdf5", model="model.npy"
    output: "forecast.hdf5"
    script: "answer.py"
"""
SHELL = """
rule forecast:
    input: "question.hdf5"
    output: "forecast.hdf5"
    shell: "COMMAND"
"""
FIT_PY = """
import h5py, numpy as np
with h5py.File(snakemake.input[0]) as file:
    np.save(snakemake.output[0], file["t0_fields/intensity"][()].mean(axis=(0, 1), dtype=np.float64).astype("f4"))
with open("fitted", "a") as file:
    file.write(f"seed {snakemake.config['seed']}, shift {snakemake.config['settings']['shift']}\\n")
"""
ANSWER_PY = """
import h5py, numpy as np
with h5py.File(snakemake.input.question) as file:
    times = file["query_times"][()]
mean = np.load(snakemake.input.model) + np.float32(snakemake.config["settings"]["shift"])
with h5py.File(snakemake.output[0], "w") as file:
    file["mean"] = np.broadcast_to(mean, (*times.shape, 1, *mean.shape))
    file["times"] = times
"""


@pytest.fixture
def checkout(tmp_path: Path, root: Path) -> Checkout:
    return Checkout(tmp_path / "a checkout", root)


def outside(checkout: Checkout, rules: str, shift: float = 0.0, **files: str) -> Path:
    folder = checkout.root / "baselines" / "outside"
    folder.mkdir()
    (folder / "method.py").write_text(METHOD)
    (folder / "method.yaml").write_text(yaml.safe_dump(CARD | {"settings": {"shift": shift}}))
    (folder / "rule.smk").write_text(rules)
    for name, content in files.items():
        (folder / f"{name}.py").write_text(content)
    return folder


def test_a_program_that_does_what_a_method_does_gets_its_row(checkout: Checkout, monkeypatch) -> None:
    monkeypatch.setenv("SNAKEMAKE_PROFILE", "of/somebody/else")
    outside(checkout, FIT + ANSWER, fit=FIT_PY, answer=ANSWER_PY)
    run, outcome = checkout.supervise("outside")
    assert (outcome.status, outcome.reason) == ("ok", "")
    record = read_record(checkout.folders.record(run.key))
    same, _ = checkout.supervise("mean")
    expected = read_record(checkout.folders.record(same.key))
    assert record["metrics"] == pytest.approx(expected["metrics"], rel=1e-6)
    assert "midpoints_nmse_mean" in record["metrics"]
    assert record["cost"]["cpu_seconds"] > 2 * expected["cost"]["cpu_seconds"]


def make(checkout: Checkout, task, workspace: Path | None = None, **settings):
    return load_method("outside", checkout.root)(task, settings, workspace)


def test_it_sees_the_frames_given_and_not_those_to_forecast(checkout, pendulum, pendulum_task, tmp_path) -> None:
    outside(checkout, FIT + ANSWER, fit=FIT_PY, answer=ANSWER_PY)
    method, test = make(checkout, pendulum_task, tmp_path / "work", shift=0.5), pendulum["test"]
    method.fit(Training(pendulum["train"], pendulum["valid"], checkout.study.budget, seed=7))
    place = tmp_path / "work" / "external"
    for times in (test.times[:, 10:], test.times[:, 10:12] + 0.01):
        answer = method.forecast(test.frames[:, :10], test.times[:, :10], times)
        np.testing.assert_allclose(answer.mean[0, -1], pendulum["train"].frames.mean(axis=(0, 1)) + 0.5, atol=1e-6)
        question = read_trajectories(place / "question.hdf5")
        np.testing.assert_array_equal(question.frames, test.frames[:, :10])
        assert not question.states
        assert not question.parameters
        with h5py.File(place / "question.hdf5") as file:
            np.testing.assert_array_equal(file[QUERY_TIMES], times)
    assert read_trajectories(place / "train.hdf5").content_sha256 == pendulum["train"].content_sha256
    assert (place / "fitted").read_text() == "seed 7, shift 0.5\n"  # once, for both questions
    again = make(checkout, pendulum_task, tmp_path / "work", shift=0.5)
    again.fit(Training(pendulum["train"], pendulum["valid"], checkout.study.budget, seed=7))
    assert (place / "fitted").read_text() == "seed 7, shift 0.5\n"  # nor after an attempt that was killed
    (checkout.root / "baselines" / "outside" / "fit.py").write_text(FIT_PY.replace('f"seed', 'f"changed, seed'))
    again.fit(Training(pendulum["train"], pendulum["valid"], checkout.study.budget, seed=7))
    assert (place / "fitted").read_text() == "changed, seed 7, shift 0.5\n"  # but by another program


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        (SHELL.replace("COMMAND", "echo 'a.jl: no <such> thing' >&2; exit 3"), "rule forecast: a.jl: no <such> thing"),
        (SHELL.replace("COMMAND", "exit 3"), "rule forecast: "),
        (SHELL.replace("COMMAND", "no-such-program"), "no-such-program: command not found"),
        (SHELL.replace("COMMAND", "cp {input} {output}"), "forecast.hdf5: "),
        (SHELL.replace("forecast:", "forcast:"), "No rule to produce forecast"),
        (SHELL.replace("output:", "outputs"), "SyntaxError"),
        (SHELL.replace("COMMAND", "echo {config[sed]}"), "The name 'sed' is unknown"),
    ],
)  # fmt: skip
def test_what_a_program_fails_of_is_the_reason_of_the_row(rules: str, reason: str, checkout: Checkout) -> None:
    outside(checkout, rules)
    _, outcome = checkout.supervise("outside")
    assert outcome.status == "error"
    assert reason in outcome.reason
    assert "\n" not in outcome.reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("(*times.shape, 1,", "(*times.shape, 2,"), "'mean' "),
        (('["times"] = times', '["times"] = times + 1'), "'times' "),
    ],
)
def test_a_wrong_answer_is_said_so(change: tuple[str, str], reason: str, checkout: Checkout) -> None:
    outside(checkout, FIT + ANSWER, fit=FIT_PY, answer=ANSWER_PY.replace(*change))
    _, outcome = checkout.supervise("outside")
    assert outcome.status == "error"
    assert reason in outcome.reason


def test_an_answer_that_is_not_finite_is_a_divergence(checkout: Checkout) -> None:
    outside(checkout, FIT + ANSWER, fit=FIT_PY, answer=ANSWER_PY.replace('["shift"])', '["shift"]) / 0 * 0'))
    _, outcome = checkout.supervise("outside")
    assert outcome.status == "diverged"
    assert "forecast" in outcome.reason


def test_a_changed_program_makes_records_stale_and_a_changed_card_does_not(checkout: Checkout) -> None:
    folder = outside(checkout, FIT + ANSWER, fit=FIT_PY, answer=ANSWER_PY)
    (folder / "program").write_bytes(b"\xff\x00")
    before = code_hash(folder)
    (folder / "method.yaml").write_text("")
    _tree_hash.cache_clear()
    assert code_hash(folder) == before
    for name in ("program", "rule.smk"):
        (folder / name).write_bytes((folder / name).read_bytes() + b"#")
        _tree_hash.cache_clear()
        changed = code_hash(folder)
        assert changed != before
        before = changed


HANGS = SHELL.replace("COMMAND", "sleep 600 & echo $$ $! > {workflow.basedir:q}/pids; sleep 600")


def test_a_program_that_hangs_ends_with_its_run(checkout: Checkout) -> None:
    folder = outside(checkout, HANGS)
    _, outcome = checkout.supervise("outside", time_limit_minutes=0.25)
    assert outcome.status == "timeout"
    assert_ended(folder / "pids")


def test_a_program_does_not_outlive_a_run_that_is_killed(checkout: Checkout) -> None:
    folder = outside(checkout, HANGS)
    run = checkout.run_of("outside")
    parent = subprocess.Popen([sys.executable, "-m", "ladid_bench", "run", run.key], cwd=checkout.root)
    wait_for(lambda: len(processes(folder / "pids")) == 2)
    parent.kill()
    parent.wait()
    assert_ended(folder / "pids")


def assert_ended(pids: Path) -> None:
    """The shell that wrote its number and that of its companion is gone, and so is the companion."""
    assert len(processes(pids)) == 2
    wait_for(lambda: not any(alive(process) for process in processes(pids)))


def processes(pids: Path) -> list[str]:
    return pids.read_text().split() if pids.exists() else []


def alive(process: str) -> bool:
    """Whether it runs; one that has ended and waits to be reaped does not."""
    status = Path("/proc") / process / "stat"
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def wait_for(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert condition()


# Text


@pytest.fixture
def question(tmp_path: Path, trajectories) -> Path:
    """A question about three trajectories of 4 x 5 frames: four frames given, times 4 and 5.5 asked for."""
    write_trajectories(tmp_path / "question.hdf5", trajectories.from_frame(2))
    with h5py.File(tmp_path / "question.hdf5", "a") as file:
        file[QUERY_TIMES] = np.tile([6.0, 7.1], (3, 1))
    return tmp_path / "question.hdf5"


def test_text_keeps_every_number(question: Path, trajectories) -> None:
    text = question.with_suffix(".txt")
    to_text(question, text)
    remark, *lines = text.read_text().splitlines()
    assert remark == "# trajectory time values; a frame is 1 x 4 x 5 values"
    given = np.array([line.split() for line in lines if len(line.split()) > 2], dtype=np.float64)
    np.testing.assert_array_equal(given[:, 2:].astype(np.float32).reshape(3, 4, 1, 4, 5), trajectories.frames[:, 2:])
    np.testing.assert_array_equal(given[:, :2], [[row, time] for row in range(3) for time in (2, 3, 4, 5)])
    assert lines[4:6] == ["0 6.0", "0 7.1"]


def test_an_answer_in_text_becomes_a_forecast_file(question: Path) -> None:
    frames = np.random.default_rng(0).normal(size=(3, 2, 20)).astype(np.float32)
    answer = question.with_name("answer.txt")
    answer.write_text(lines_of(frames))
    from_text(answer, question, question.with_name("forecast.hdf5"))
    times = np.tile([6.0, 7.1], (3, 1))
    forecast = read_forecast(question.with_name("forecast.hdf5"), times, (1, 4, 5))
    np.testing.assert_allclose(forecast.mean, frames.reshape(3, 2, 1, 4, 5), rtol=1e-6)


def lines_of(frames: np.ndarray) -> str:
    """Text of frames ``(trajectory, query, value)``, with a remark and an empty line."""
    lines = [
        f"{row} {time} {' '.join(map(str, frame))}"
        for row, answered in enumerate(frames.tolist())
        for time, frame in zip((6.0, 7.1), answered, strict=True)
    ]
    return "\n".join(["# remark", *lines, "", ""])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("0 7.1", "0 7.2"), "line 3: .* 7.2, .* 7.1"),
        (("1 6.0", "2 6.0"), "line 4: .*trajectory 2 .*trajectory 1"),
        (("1 6.0 0.0", "1 6.0"), "line 4: .* 19 .* 20"),
        (("1 6.0 0.0", "1 6.0 many"), "line 4: .*'many'"),
        (("\n0 7.1", "\n# 0 7.1"), " 5 .* 6 "),
    ],
)
def test_a_wrong_answer_in_text_is_one_line(change: tuple[str, str], message: str, question: Path) -> None:
    answer = question.with_name("answer.txt")
    answer.write_text(lines_of(np.zeros((3, 2, 20))).replace(*change, 1))
    with pytest.raises(BenchError, match=message) as caught:
        from_text(answer, question, question.with_name("forecast.hdf5"))
    assert "\n" not in str(caught.value)
    assert not question.with_name("forecast.hdf5").exists()


def test_the_question_has_to_ask(question: Path, trajectories) -> None:
    path = question.with_name("train.hdf5")
    write_trajectories(path, trajectories)
    with pytest.raises(BenchError, match="asks for nothing"):
        from_text(question, path, question.with_name("forecast.hdf5"))
