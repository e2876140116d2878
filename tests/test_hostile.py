"""Hostile input ends in a one-line error: no traceback, nothing run, no more memory than there is cause for."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from checkouts import Checkout
from commands import call
from hostile import arrays, foreign, kept, mutation, strange, texts
from hostile.case import Case, Watch, mark_of, trap, written
from refusals import BEGINNING

from ladid_bench.core import provenance
from ladid_bench.core.configuration import load_study
from ladid_bench.core.errors import BenchError
from ladid_bench.study.plan import plan_runs

CASES = [*texts.cases(), *arrays.cases(), *kept.cases(), *foreign.cases()]
MOST_MEMORY = 400 * 2**10  # kB beyond what the process had before
MOST_SECONDS = 30.0


def peak_memory() -> int:
    """Largest resident memory of this process since ``forget_peak``, in kB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def outcome(act: Callable[[], object], folder: Path) -> str:
    """``error`` for one line, ``harmless`` where nothing is wrong after all; everything else fails the test."""
    forget_peak()
    before, began = peak_memory(), time.monotonic()
    with Watch() as seen:
        try:
            act()
            ended = "harmless"
        except BenchError as error:
            said, ended = str(error), "error"
            assert said.strip(), "says nothing"
            assert len(said.splitlines()) == 1, said
            assert len(said) < 2000, said
    assert not seen
    assert not mark_of(folder).exists(), "code in the input has run"
    assert peak_memory() - before < MOST_MEMORY, f"took {peak_memory() - before} kB"
    assert time.monotonic() - began < MOST_SECONDS
    return ended


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_hostile_input_is_a_one_line_error(case: Case, tmp_path: Path, record_property: Callable) -> None:
    made = case.make(tmp_path)
    assert outcome(lambda: case.read(made), tmp_path) == "error"
    record_property("hostile", (case.kind, "one-line errors", 1))


def strange_runs(folder: Path, *words: str) -> dict[str, dict]:
    """How the runs of all strange baselines ended, from a process of their own."""
    command = [sys.executable, str(Path(strange.__file__)), str(folder), *words]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def check_rows(found: dict[str, dict]) -> None:
    expected = {"hang": "timeout", "memory": "out-of-memory", "forecast of NaN": "diverged"}
    for name, ended in found.items():
        status = next((status for word, status in expected.items() if word in name), "error")
        assert (ended["status"], ended["row"]) == (status, status), f"{name}: {ended}"
        assert ended["said"].strip(), name
        assert ended["said"].isprintable(), name
        assert len(ended["said"]) <= 1500, name
        assert ended["seconds"] < 60, f"{name}: {ended}"
        if "away" not in name:  # what leaves its session is out of reach, but nobody waits for it
            assert not ended["left"], f"{name}: left processes behind"


def test_whatever_a_baseline_does_its_run_becomes_a_row(tmp_path: Path, record_property: Callable) -> None:
    found = strange_runs(tmp_path)
    check_rows(found)
    record_property("hostile", ("baseline", "failure rows", len(found)))


@pytest.mark.slow
def test_a_baseline_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    check_rows(strange_runs(tmp_path, "slow"))


COMMANDS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "a configuration": (lambda root: written(root, "config/tiny.yaml", texts.LAUGHS), ("plan",)),
    "another configuration": (lambda root: written(root, "config/tiny.yaml", "scale: 2020-13-45"), ("doctor",)),
    "params.yaml": (
        lambda root: written(root, "params.yaml", "!!python/object/apply:os.system [ls]"),
        ("verify", "--all"),
    ),
    "a scale": (lambda root: None, ("plan", "--scale", "../../etc/passwd")),
    "data beyond memory": (lambda root: written(root, "config/tiny.yaml", texts.ENDLESS), ("data", "pendulum")),
    "a trajectory file": (lambda root: written(root, "x.hdf5", b"\x89HDF\r\n\x1a\n"), ("show", "x.hdf5")),
    "a file as text": (lambda root: arrays.device("x.hdf5")(root), ("to-text", "x.hdf5", "x.txt")),
    "a run table": (lambda root: written(root, "results/tiny/runs.parquet", b"PAR1"), ("report",)),
    "an import": (lambda root: written(root, "x.npy", trap(root)), ("import", "mine", "x.npy")),
    "code that does not parse": (lambda root: broken_method(root), ("records", "--stale")),
    "a card": (lambda root: written(root, "baselines/odd/method.yaml", "["), ("check-baseline", "odd")),
    "a recorded search": (lambda root: written(root, "baselines/fno/search-bodies.json", "[" * 9999), ("methods",)),
    "records of a run": (lambda root: damaged_record(root, "{}"), ("aggregate",)),
    "records for a plan": (lambda root: damaged_record(root, "[" * 9999), ("records", "--failed")),
    "records to compare with": (lambda root: damaged_record(root, "NaN"), ("verify", "--all")),
}


def key_of(root: Path) -> str:
    return next(iter(plan_runs(load_study("tiny", root), root)))


def damaged_record(root: Path, content: str) -> None:
    written(root, f"results/tiny/records/{key_of(root)}.json", content)


def broken_method(root: Path) -> None:
    content = json.loads(kept.kept_file("records/*.json").read_text(encoding="utf-8")) | {"key": key_of(root)}
    damaged_record(root, json.dumps(content))
    written(root, "baselines/mean/method.py", "def (")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_it_in_one_line(
    name: str,
    tmp_path: Path,
    root: Path,
    record_property: Callable,
) -> None:
    checkout = Checkout(tmp_path, root)
    spoil, words = COMMANDS[name]
    spoil(checkout.root)
    provenance._tree_hash.cache_clear()
    code, said = call(tmp_path, *words)
    assert code == 1, said
    assert said.splitlines()[-1].startswith(BEGINNING)
    assert "Traceback" not in said
    assert words[0] in ("doctor", "methods") or said.count("\n") == 1, said
    assert not mark_of(tmp_path).exists()
    record_property("hostile", ("command", "one-line errors", 1))


def campaign(fuzz: mutation.Fuzz, folder: Path, seed: int, count: int, record_property: Callable) -> None:
    """Try changed inputs; each is taken or refused in one line, and a failure names the seed and the number."""
    tally = Counter()
    for number, act in enumerate(fuzz.each(folder, seed, count)):
        try:
            tally[outcome(act, folder)] += 1
        except Exception as error:
            raise AssertionError(
                f"{fuzz.kind}, seed {seed}, number {number}: {type(error).__name__}: {error}"
            ) from error
    assert tally["error"] > count / 10, f"next to nothing was malformed: {tally}"
    record_property("hostile", (fuzz.kind, "one-line errors", tally["error"]))
    record_property("hostile", (fuzz.kind, "harmless", tally["harmless"]))


@pytest.mark.parametrize("fuzz", mutation.FUZZES, ids=lambda fuzz: fuzz.kind)
def test_changed_at_random_it_is_read_or_refused(
    fuzz: mutation.Fuzz, tmp_path: Path, record_property: Callable
) -> None:
    campaign(fuzz, tmp_path, 0, 40, record_property)


@pytest.mark.slow
@pytest.mark.parametrize("fuzz", mutation.FUZZES, ids=lambda fuzz: fuzz.kind)
@pytest.mark.parametrize("seed", range(1, 4))  # neighbours are of different kinds, some of which take a minute
def test_a_campaign(fuzz: mutation.Fuzz, seed: int, tmp_path: Path, record_property: Callable) -> None:
    campaign(fuzz, tmp_path, seed, 300, record_property)
