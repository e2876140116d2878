"""Runs from plan to row: keys, records, failures as rows, what is done and what is to do."""

import ast
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from checkouts import STUDY, Checkout

from ladid_bench.analysis.costs import FORECAST, PLACE, STEP
from ladid_bench.analysis.results import aggregate
from ladid_bench.core.errors import BenchError
from ladid_bench.core.provenance import RUNNER, _dumped, _gone_through, _tree_hash, code_hash
from ladid_bench.methods.base import Forecast
from ladid_bench.methods.forecasts import read_forecast, write_forecast
from ladid_bench.runs.records import read_record, read_sample
from ladid_bench.runs.restart import carry_out_or_restore, drop_spares
from ladid_bench.runs.state import has_failed, is_stale
from ladid_bench.runs.supervise import carry_out, supervise


@pytest.fixture
def checkout(tmp_path: Path, root: Path) -> Checkout:
    return Checkout(tmp_path / "checkout", root)


def keys(checkout: Checkout, methods: list[str], **changes) -> dict[str, str]:
    checkout.configure(experiments={"comparison": {"datasets": ["pendulum"], "methods": methods}}, **changes)
    return {run.method: run.key for run in checkout.runs.values()}


def test_a_changed_setting_or_version_changes_the_key_of_that_method_alone(checkout: Checkout) -> None:
    methods = ["latent-ode", "ridge", "mean"]
    before = keys(checkout, methods)
    changed = keys(checkout, methods, method_settings={"latent-ode": {"hidden": 64}})
    assert {name for name in methods if before[name] != changed[name]} == {"latent-ode"}
    card = checkout.root / "baselines" / "latent_ode" / "method.yaml"
    card.write_text(re.sub(r"^version: \d+$", "version: 99", card.read_text(), flags=re.MULTILINE))
    from ladid_bench.study import plan

    plan._card_of.cache_clear()
    raised = keys(checkout, methods)
    plan._card_of.cache_clear()
    assert {name for name in methods if before[name] != raised[name]} == {"latent-ode"}


def test_the_budget_is_part_of_the_key_of_neural_methods_alone(checkout: Checkout) -> None:
    before = keys(checkout, ["ladid", "ridge"])
    after = keys(checkout, ["ladid", "ridge"], budget={"steps": 5})
    assert before["ladid"] != after["ladid"]
    assert before["ridge"] == after["ridge"]


def test_data_settings_are_part_of_every_key(checkout: Checkout) -> None:
    before = keys(checkout, ["ridge"])
    changed = STUDY["datasets"]["pendulum"] | {"settings": {"length": 0.9}}
    assert keys(checkout, ["ridge"], datasets={"pendulum": changed}) != before


def comparing(dataset: str, method: str) -> dict:
    return {"experiments": {"comparison": {"datasets": [dataset], "methods": [method]}}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (comparing("pendulun", "mean"), "data set 'pendulun' is not under 'datasets'; did you mean 'pendulum'"),
        (comparing("pendulum", "latent-od"), "unknown method 'latent-od'; did you mean 'latent-ode'"),
        (comparing("pendulum", "ladid:tund"), "unknown variant 'tund'; did you mean 'tuned'"),
        (comparing("pendulum", "ladid") | {"method_settings": {"ladid": {"latnt": 1}}}, "did you mean 'latent'"),
        ({"datasets": {"pendulum": {"settings": {"lenght": 1}}}}, "did you mean 'length'"),
        ({"datasets": {"pendulum--length-3": {}}}, "unknown data set 'pendulum--length-3'; did you mean"),
    ],
)
def test_unknown_names_are_one_line(checkout: Checkout, changes: dict, message: str) -> None:
    checkout.configure(**changes)
    with pytest.raises(BenchError, match=message) as caught:
        _ = checkout.runs
    assert "\n" not in str(caught.value)


def test_a_run_leaves_record_sample_and_forecast(checkout: Checkout) -> None:
    run, outcome = checkout.supervise("mean")
    assert (outcome.status, outcome.reason) == ("ok", "")
    record = read_record(checkout.folders.record(run.key))
    assert record["metrics"]["fvu_pooled"] == pytest.approx(1, abs=0.2)
    assert record["identity"] == json.loads(json.dumps(run.identity))
    assert record["provenance"]["versions"]["numpy"] == np.__version__
    sample = read_sample(checkout.folders.samples(run.key))
    assert sample.squared_error.shape == (3, 50)
    assert sample.truth.shape == (1, 60, 1, 32, 32)
    assert sample.forecast.shape == (1, 50, 1, 32, 32)
    errors = sample.squared_error.sum(axis=1) / sample.squared_truth.sum(axis=1)
    assert errors.mean() == pytest.approx(record["metrics"]["nmse_mean"], rel=5e-4)
    assert not (sample.squared_error.view(np.uint32) & 0x3FFF).any()  # three digits are kept, the others are 0


def test_a_run_repeats_bit_for_bit_but_for_its_cost(checkout: Checkout) -> None:
    run, _ = checkout.supervise("ladid")
    first = read_record(checkout.folders.record(run.key))
    sample = checkout.folders.samples(run.key).read_bytes()
    supervise(run, checkout.folders, checkout.study.execution)
    second = read_record(checkout.folders.record(run.key))
    assert first | {"cost": None} == second | {"cost": None}
    assert checkout.folders.samples(run.key).read_bytes() == sample
    assert first["status"] == "ok"
    assert first["cost"]["steps"] == 4
    assert (checkout.folders.model(run.key) / "weights.pt").exists()
    row = aggregate(checkout.runs, checkout.folders).set_index("key").loc[run.key]
    assert row[["host", "processor", "device"]].all()
    assert row[[*PLACE, "cost_load", STEP, FORECAST]].notna().all()  # what claims about cost are judged by


@pytest.mark.parametrize(
    ("fit", "status", "reason"),
    [
        ("raise ValueError('no <such> thing\\nat all')", "error", "ValueError: no <such> thing at all"),
        ("raise MemoryError", "out-of-memory", "MemoryError"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "out-of-memory", "killed by the system"),
        ("import os; os._exit(7)", "error", "exit code 7"),
        ("import time; time.sleep(60)", "timeout", "time limit"),
    ],
)
def test_failures_are_attempts_and_then_rows(checkout: Checkout, fit: str, status: str, reason: str) -> None:
    checkout.add("strange", fit)
    limit = 0.05 if status == "timeout" else 5
    run, outcome = checkout.supervise("strange", time_limit_minutes=limit)
    assert outcome.status == status
    assert reason in outcome.reason
    study, runs = checkout.study, checkout.runs
    assert not checkout.folders.record(run.key).exists()  # one more attempt is allowed
    assert aggregate(runs, checkout.folders).iloc[0]["attempts"] == 1
    supervise(run, checkout.folders, study.execution.model_copy(update={"time_limit_minutes": limit}))
    record = read_record(checkout.folders.record(run.key))
    assert (record["status"], [one["status"] for one in record["failed_attempts"]]) == (status, [status] * 2)
    assert has_failed(run, checkout.folders)
    assert not checkout.folders.attempts(run.key).exists()
    row = aggregate(runs, checkout.folders).iloc[0]
    assert (row["status"], row["attempts"]) == (status, 2)
    assert reason in row["reason"]


def test_a_child_does_not_outlive_its_parent(checkout: Checkout) -> None:
    checkout.add("strange", "import os, pathlib, time; pathlib.Path(PID).write_text(str(os.getpid())); time.sleep(60)")
    code = checkout.root / "baselines" / "strange" / "method.py"
    pid_file = checkout.root / "pid"
    code.write_text(code.read_text().replace("PID", repr(str(pid_file))))
    run = checkout.run_of("strange")
    parent = subprocess.Popen([sys.executable, "-m", "ladid_bench", "run", run.key], cwd=checkout.root)
    wait_for(lambda: pid_file.exists() and pid_file.read_text())
    parent.kill()
    parent.wait()
    child = int(pid_file.read_text())
    wait_for(lambda: not _alive(child))
    assert not _alive(child)


def _alive(process: int) -> bool:
    """Whether ``process`` runs; one that has ended and waits to be reaped does not."""
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def wait_for(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)


def test_a_failure_is_repeated_at_once_but_not_for_want_of_time_or_memory(checkout: Checkout) -> None:
    checkout.add("strange", "raise ValueError('no')")
    checkout.supervise("mean")  # makes the data
    run = checkout.run_of("strange")
    assert carry_out(run, checkout.folders, checkout.study.execution).status == "error"
    assert len(read_record(checkout.folders.record(run.key))["failed_attempts"]) == 2
    checkout.add("hungry", "raise MemoryError")
    run = checkout.run_of("hungry")
    for recorded in (False, True):
        assert carry_out(run, checkout.folders, checkout.study.execution).status == "out-of-memory"
        assert checkout.folders.record(run.key).exists() == recorded


def test_a_job_that_is_started_again_puts_back_what_it_had_finished(checkout: Checkout) -> None:
    run, folders, execution = checkout.run_of("mean"), checkout.folders, checkout.study.execution
    checkout.supervise("mean")  # makes the data
    folders.record(run.key).unlink()
    carry_out_or_restore(run, folders, execution)
    made = folders.record(run.key).read_bytes()
    folders.record(run.key).unlink()  # as Snakemake does before a job
    carry_out_or_restore(run, folders, execution)
    assert folders.record(run.key).read_bytes() == made  # with the seconds that it took then
    drop_spares(folders)
    folders.record(run.key).unlink()
    carry_out_or_restore(run, folders, execution)
    assert folders.record(run.key).read_bytes() != made


def test_divergence_is_final(checkout: Checkout) -> None:
    checkout.add("strange", "raise Diverged('the loss at step 3 is not finite')")
    run, outcome = checkout.supervise("strange")
    assert outcome.status == "diverged"
    assert read_record(checkout.folders.record(run.key))["status"] == "diverged"
    assert not has_failed(run, checkout.folders)


def test_a_forecast_that_is_not_finite_is_a_divergence(checkout: Checkout) -> None:
    checkout.add("strange", value="np.nan")
    _, outcome = checkout.supervise("strange")
    assert outcome.status == "diverged"
    assert "not finite" in outcome.reason


def test_a_missing_optional_dependency_names_the_extra(checkout: Checkout) -> None:
    checkout.add("strange", requires=["no_such_module"], extra="strange")
    _, outcome = checkout.supervise("strange")
    assert outcome.reason.endswith("which is not installed; pip install 'ladid-bench[strange]'")


def test_changed_code_makes_a_record_stale_and_formatting_does_not(checkout: Checkout) -> None:
    checkout.add("strange")
    run, _ = checkout.supervise("strange")
    code = checkout.root / "baselines" / "strange" / "method.py"
    code.write_text(code.read_text() + "\n# a remark\n")
    assert _stale(checkout) == frozenset()
    code.write_text(code.read_text() + "\nCHANGED = True\n")
    assert _stale(checkout) == {run.key}


def test_code_of_a_run_is_what_it_imports_and_no_more(tmp_path: Path) -> None:
    borrower, plain = tmp_path / "borrower", tmp_path / "plain"
    for folder, line in ((borrower, "from ladid_bench.ladid import model"), (plain, "import numpy")):
        folder.mkdir()
        (folder / "method.py").write_text(line)
    folders = (borrower, plain)
    through = {folder: {path.name for path in _gone_through([RUNNER, folder / "method.py"])} for folder in folders}
    assert {"execute.py", "scoring.py", "task.py"} <= through[plain]
    assert not {"search.py", "statistics.py", "trainer.py", "model.py", "pendulum.py"} & through[plain]
    assert {"model.py", "attention.py", "objective.py"} <= through[borrower]


def test_code_hash_is_the_same_wherever_the_code_lies(tmp_path: Path) -> None:
    for place in ("a", "z"):
        (tmp_path / place / "method").mkdir(parents=True)
        (tmp_path / place / "method" / "method.py").write_text("import numpy")
    assert code_hash(tmp_path / "a" / "method") == code_hash(tmp_path / "z" / "method")
    assert code_hash(Path(os.path.relpath(tmp_path / "a" / "method"))) == code_hash(tmp_path / "a" / "method")


def test_code_hash_is_the_same_under_each_version_of_python() -> None:
    lines = (
        "class Held(dict):",
        '    """Told nowhere."""',
        "    def asked(self, *, name: str, among: tuple = ()) -> None:",
        '        return f"{name!r:>{len(among)}} of {[]} and {{}}" "!" if among else None',
        "async def waited(): lambda: {**Held()}",
    )
    tree = ast.parse("\n".join(lines))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.type_params = []  # as Python 3.12 parses it
    assert hashlib.sha256(_dumped(tree).encode()).hexdigest()[:16] == "9b29964cb6abe98b"
    assert not any(hasattr(node, "type_params") for node in ast.walk(tree))


def _stale(checkout: Checkout) -> frozenset[str]:
    _tree_hash.cache_clear()
    return frozenset(key for key, run in checkout.runs.items() if is_stale(run, checkout.folders))


TIMES = np.tile(np.arange(4.0), (2, 1))


@pytest.mark.parametrize(
    ("mean", "times", "message"),
    [
        (np.zeros((2, 4, 1, 8, 8)), TIMES, None),
        (np.zeros((2, 3, 1, 8, 8)), TIMES, r"'mean' has shape \(2, 3, 1, 8, 8\), expected \(2, 4, 1, 8, 8\)"),
        (np.full((2, 4, 1, 8, 8), np.nan), TIMES, "'mean' has 512 values that are not finite"),
        (np.zeros((2, 4, 1, 8, 8)), TIMES + 1, "'times' are not the query times"),
    ],
)
def test_forecast_files_are_checked(tmp_path: Path, mean: np.ndarray, times: np.ndarray, message: str | None) -> None:
    write_forecast(tmp_path / "f.hdf5", Forecast(mean.astype(np.float32)), times)
    if message is None:
        np.testing.assert_array_equal(read_forecast(tmp_path / "f.hdf5", TIMES, (1, 8, 8)).mean, mean)
        return
    with pytest.raises(BenchError, match=message) as caught:
        read_forecast(tmp_path / "f.hdf5", TIMES, (1, 8, 8))
    assert "\n" not in str(caught.value)


def test_a_damaged_forecast_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "f.hdf5").write_bytes(b"not HDF5")
    with pytest.raises(BenchError, match="not a readable forecast file") as caught:
        read_forecast(tmp_path / "f.hdf5", TIMES, (1, 8, 8))
    assert "\n" not in str(caught.value)


def test_a_damaged_record_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('{"status": "excellent"}')
    with pytest.raises(BenchError, match="no known status"):
        read_record(tmp_path / "r.json")
