"""Runs from plan to row: keys, records, failures as rows, what is done and what is to do."""

import ast
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from checkouts import STUDY, Checkout

from ladid_bench.analysis.results import aggregate
from ladid_bench.analysis.rules.costs import FORECAST, PLACE, STEP
from ladid_bench.core.configuration import Execution
from ladid_bench.core.errors import BenchError
from ladid_bench.core.provenance import RUNNER, _gone_through, _tree_hash, code_hash
from ladid_bench.core.syntax import dumped
from ladid_bench.data.task import task_of
from ladid_bench.data.trajectories import read_trajectories
from ladid_bench.datasets.simulated.pendulum import Pendulum
from ladid_bench.methods.base import Forecast
from ladid_bench.methods.forecasts import read_forecast, write_forecast
from ladid_bench.runs.execute import _add_cost, _decoder_floor, execute, prepare_device, train_again
from ladid_bench.runs.learning import part_of
from ladid_bench.runs.records import read_attempts, read_record, read_sample, write_attempt, write_record, write_sample
from ladid_bench.runs.restart import carry_out_or_restore, drop_spares
from ladid_bench.runs.scoring import score
from ladid_bench.runs.state import has_failed, is_stale
from ladid_bench.runs.supervise import _kind, carry_out, supervise
from ladid_bench.study.cards import describe, write_card
from ladid_bench.study.datasets import make_files, planned_dataset


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


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"trajectories": {"train": 9, "valid": 2, "test": 3}},
        {"trajectories": {"train": 8, "valid": 2, "test": 4}},
        {"image_size": 48},
        {"context_frames": 11},
        {"forecast_frames": 51},
        {"settings": {"time_grid": "irregular"}},
    ],
)
def test_all_that_determines_the_data_names_their_files_and_their_runs(checkout: Checkout, change: dict) -> None:
    def named() -> tuple[str, str]:
        (run,) = checkout.runs.values()
        return run.dataset.key, run.key

    before = named()
    checkout.configure(datasets={"pendulum": STUDY["datasets"]["pendulum"] | change})
    assert all(one != other for one, other in zip(named(), before, strict=True))


def test_a_run_is_named_by_how_the_frames_are_divided_and_the_data_by_the_version_of_their_generator(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    (before,) = checkout.runs.values()
    checkout.configure(
        datasets={"pendulum": STUDY["datasets"]["pendulum"] | {"context_frames": 9, "forecast_frames": 51}}
    )
    (after,) = checkout.runs.values()
    assert after.dataset.key == before.dataset.key  # the same 60 frames
    assert after.key != before.key
    checkout.configure()
    monkeypatch.setattr(Pendulum, "version", 99)
    (after,) = checkout.runs.values()
    assert after.dataset.key != before.dataset.key and after.key != before.key


def comparing(dataset: str, method: str) -> dict:
    return {"experiments": {"comparison": {"datasets": [dataset], "methods": [method]}}}


@pytest.mark.parametrize(
    ("changes", "unknown", "nearest"),
    [
        (comparing("pendulun", "mean"), "pendulun", "pendulum"),
        (comparing("pendulum", "latent-od"), "latent-od", "latent-ode"),
        (comparing("pendulum", "ladid:flim"), "flim", "film"),
        (comparing("pendulum", "ladid") | {"method_settings": {"ladid": {"latnt": 1}}}, "latnt", "latent"),
        ({"datasets": {"pendulum": {"settings": {"lenght": 1}}}}, "lenght", "length"),
        ({"datasets": {"pendulum--length-3": {}}}, "pendulum--length-3", "pendulum--length"),
    ],
)
def test_unknown_names_are_one_line_with_the_nearest_known_one(
    checkout: Checkout, changes: dict, unknown: str, nearest: str
) -> None:
    checkout.configure(**changes)
    with pytest.raises(BenchError) as caught:
        _ = checkout.runs
    message = str(caught.value)
    assert unknown in message
    assert f"'{nearest}" in message
    assert "\n" not in message


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
        ("raise ValueError('<such>\\nthings')", "error", "ValueError: <such> things"),
        ("raise MemoryError", "out-of-memory", "MemoryError"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "out-of-memory", "killed"),
        ("import os; os._exit(7)", "error", "7"),
        ("import time; time.sleep(60)", "timeout", "0.05"),
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


def test_a_run_that_is_planned_is_carried_out_whatever_becomes_of_the_configuration(checkout: Checkout) -> None:
    run, folders, execution = checkout.run_of("mean"), checkout.folders, checkout.study.execution
    (checkout.root / "config" / "tiny.yaml").write_text("being edited:", encoding="utf-8")
    assert carry_out(run, folders, execution).status == "ok"


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
    checkout.add("strange", "raise Diverged('at step 3')")
    run, outcome = checkout.supervise("strange")
    assert (outcome.status, outcome.reason) == ("diverged", "at step 3")
    assert read_record(checkout.folders.record(run.key))["status"] == "diverged"
    assert not has_failed(run, checkout.folders)


def in_one_frame(value: str) -> str:
    """Code of a forecast that is 0 but for its eighth frame, to be broadcast."""
    return f"np.where(np.arange(50) == 7, {value}, 0.0)[:, None, None, None]"


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("0.0", "ok"),
        ("0.5", "ok"),
        ("1e25", "diverged"),
        ("1e300", "diverged"),
        ("-np.inf", "diverged"),
        (in_one_frame("np.nan"), "diverged"),
        (in_one_frame("np.inf"), "diverged"),
        (in_one_frame("1e25"), "diverged"),
        (in_one_frame("2.0"), "ok"),
    ],
)
def test_whatever_is_forecast_becomes_a_record_that_can_be_read(checkout: Checkout, value: str, status: str) -> None:
    """Constant, huge, or not finite in one frame: forecasts are ``ok`` with finite errors, or ``diverged``."""
    checkout.add("strange", value=value)
    code = checkout.root / "baselines" / "strange" / "method.py"
    code.write_text(code.read_text().replace("np.float32", "np.float64"))  # which holds 1e300
    run, outcome = checkout.supervise("strange")
    record = read_record(checkout.folders.record(run.key))
    assert (outcome.status, record["status"]) == (status, status)
    assert bool(record["reason"]) == (status == "diverged")
    assert checkout.folders.forecast(run.key).exists() == (status == "ok")
    if status == "ok":
        sample = read_sample(checkout.folders.samples(run.key))
        errors = sample.squared_error.sum(axis=1) / sample.squared_truth.sum(axis=1)
        assert errors.mean() == pytest.approx(record["metrics"]["nmse_mean"], rel=5e-4)
    row = aggregate(checkout.runs, checkout.folders).iloc[0]
    assert (row["status"], row["reason"]) == (status, record["reason"])


@pytest.mark.parametrize("unit", [1e-25, 1.0, 1e25])
def test_a_sample_holds_errors_in_any_unit(pendulum, unit: float, tmp_path: Path) -> None:
    """Squares of 1e25 are beyond float32, those of 1e-25 are 0 in it; ratios are what matters."""
    train, test = (replace(pendulum[split], frames=(pendulum[split].frames * unit)) for split in ("train", "test"))
    task = task_of(train, "pendulum", 10, 50)
    mean = train.frames.mean(axis=(0, 1), dtype=np.float64)
    metrics, sample = score(task, test, Forecast(0.9 * test.frames[:, 10:]), mean)
    write_sample(tmp_path / "sample.npz", sample)
    kept = read_sample(tmp_path / "sample.npz")
    assert metrics["nmse_mean"] == pytest.approx(0.01, rel=1e-4)
    assert kept.squared_error.sum() / kept.squared_truth.sum() == pytest.approx(0.01, rel=1e-3)
    assert kept.squared_deviation.mean() == pytest.approx(1, rel=1e-3)
    assert metrics["spectral_distance_mean"] == pytest.approx(-2 * np.log10(0.9), rel=1e-3)


def test_what_runs_of_a_data_set_share_is_kept_once(checkout: Checkout) -> None:
    first, second = (
        read_sample(checkout.folders.samples(checkout.supervise(name)[0].key)) for name in ("mean", "persistence")
    )
    folder = checkout.folders.samples("any").parent
    assert len(list(folder.glob("*.npz"))) == 2
    assert len(list(folder.rglob("*.npz"))) == 3
    assert (first.truth == second.truth).all() and (first.squared_truth == second.squared_truth).all()
    assert (first.squared_error != second.squared_error).any()


def test_a_missing_optional_dependency_names_the_extra(checkout: Checkout) -> None:
    checkout.add("strange", requires=["no_such_module"], extra="strange")
    _, outcome = checkout.supervise("strange")
    assert "'ladid-bench[strange]'" in outcome.reason


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
    assert hashlib.sha256(dumped(tree).encode()).hexdigest()[:16] == "9b29964cb6abe98b"
    assert not any(hasattr(node, "type_params") for node in ast.walk(tree))


def _stale(checkout: Checkout) -> frozenset[str]:
    _tree_hash.cache_clear()
    return frozenset(key for key, run in checkout.runs.items() if is_stale(run, checkout.folders))


TIMES = np.tile(np.arange(4.0), (2, 1))


@pytest.mark.parametrize(
    ("mean", "times", "named"),
    [
        (np.zeros((2, 3, 1, 8, 8)), TIMES, ["'mean'", "(2, 3, 1, 8, 8)", "(2, 4, 1, 8, 8)"]),
        (np.full((2, 4, 1, 8, 8), np.nan), TIMES, ["'mean'", "512"]),
        (np.zeros((2, 4, 1, 8, 8)), TIMES + 1, ["'times'"]),
    ],
)
def test_forecast_files_are_checked(tmp_path: Path, mean: np.ndarray, times: np.ndarray, named: list[str]) -> None:
    write_forecast(tmp_path / "f.hdf5", Forecast(mean.astype(np.float32)), times)
    with pytest.raises(BenchError) as caught:
        read_forecast(tmp_path / "f.hdf5", TIMES, (1, 8, 8))
    assert all(part in str(caught.value) for part in [str(tmp_path / "f.hdf5"), *named])
    assert "\n" not in str(caught.value)


def test_forecast_files_hold_float32(tmp_path: Path) -> None:
    mean = np.random.default_rng(0).normal(size=(2, 4, 1, 8, 8))
    write_forecast(tmp_path / "f.hdf5", Forecast(mean, std=mean**2), TIMES)
    found = read_forecast(tmp_path / "f.hdf5", TIMES, (1, 8, 8))
    np.testing.assert_array_equal(found.mean, mean.astype(np.float32))
    np.testing.assert_array_equal(found.std, (mean**2).astype(np.float32))
    assert found.mean.dtype == found.std.dtype == np.float32


def test_a_damaged_forecast_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "f.hdf5").write_bytes(b"not HDF5")
    with pytest.raises(BenchError) as caught:
        read_forecast(tmp_path / "f.hdf5", TIMES, (1, 8, 8))
    assert str(tmp_path / "f.hdf5") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_damaged_record_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('{"status": "excellent"}')
    with pytest.raises(BenchError) as caught:
        read_record(tmp_path / "r.json")
    assert str(tmp_path / "r.json") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_failed_attempt_before_a_result_is_counted(checkout: Checkout) -> None:
    run = checkout.run_of("mean")
    record = execute(run, checkout.folders, checkout.study.execution)
    assert aggregate(checkout.runs, checkout.folders).iloc[0]["attempts"] == 1
    failed = {"status": "timeout", "reason": "too slow"}
    write_record(checkout.folders.record(run.key), record | {"failed_attempts": [failed]})
    row = aggregate(checkout.runs, checkout.folders).iloc[0]
    assert (row["status"], row["attempts"]) == ("ok", 2)


def test_a_run_learns_from_its_part_of_the_training_split_and_the_validation_split(checkout: Checkout) -> None:
    """A third of eight trajectories, drawn by the seed; the two of the validation split choose the weights."""
    told = "f'{training.train.group.tolist()} {training.valid.group.tolist()}'"
    checkout.add("strange", f"raise ValueError({told})")
    run = replace(checkout.run_of("strange"), fraction=1 / 3, seed=4)
    files = run.dataset.files(checkout.folders)
    train, valid = (read_trajectories(files[split]) for split in ("train", "valid"))
    expected = f"{part_of(train, 1 / 3, 4).group.tolist()} {valid.group.tolist()}"
    assert len(part_of(train, 1 / 3, 4)) == 3 and len(valid) == 2
    for work in (execute, train_again):
        with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
            work(run, checkout.folders, Execution())


def test_a_spread_that_is_no_number_is_a_divergence_and_leaves_no_forecast(checkout: Checkout) -> None:
    checkout.add("strange", value="0.0, np.float32), np.full((*query_times.shape, *self.task.shape), np.nan")
    run = checkout.run_of("strange")
    checkout.folders.forecast(run.key).parent.mkdir(parents=True)
    checkout.folders.forecast(run.key).write_text("of a former code")
    outcome = supervise(run, checkout.folders, checkout.study.execution)
    assert outcome.status == "diverged" and "the spread of the test split" in outcome.reason
    assert not checkout.folders.forecast(run.key).exists()


def test_what_interrupted_attempts_have_cost_is_counted() -> None:
    """Megabytes are those of this process, as another program measures them."""
    cost = {"earlier_seconds": 1000.0, "earlier_cpu_seconds": 2000.0}
    _add_cost(cost, 5.0, "cpu")
    assert cost["wall_seconds"] == 1005 and 2000 < cost["cpu_seconds"] < 3000 + time.process_time()
    assert "earlier_seconds" not in cost and "earlier_cpu_seconds" not in cost
    assert 0.9 * psutil.Process().memory_info().rss / 2**20 <= cost["peak_memory_mb"] < 100_000


def test_torch_has_the_threads_of_the_study() -> None:
    import torch

    before, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    try:
        assert prepare_device(Execution(device="cpu", threads=3)) == "cpu"
        assert torch.get_num_threads() == 3
        assert torch.get_deterministic_debug_mode() == 2  # what does not repeat is an error
    finally:
        torch.set_num_threads(before)
        torch.set_deterministic_debug_mode(mode)


def test_the_floor_of_a_decoder_is_of_the_frames_after_the_context(pendulum, pendulum_task) -> None:
    class Faithful:
        def reconstruct(self, frames, times):
            return frames[:, pendulum_task.context_frames :]

    assert _decoder_floor(Faithful(), pendulum_task, pendulum) == {"floor_nmse": 0, "floor_fvu": 0}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), "out-of-memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), "out-of-memory"),
        (MemoryError(), "out-of-memory"),
        (ValueError("no"), "error"),
    ],
)
def test_want_of_memory_is_known_by_what_torch_says_of_it(error: Exception, kind: str) -> None:
    assert _kind(error) == kind


def test_an_attempt_is_never_written_over_another(tmp_path: Path) -> None:
    attempt = {"status": "error", "reason": "a", "host": "here"}
    for _ in range(3):
        write_attempt(tmp_path, attempt)
    (tmp_path / "002.json").unlink()
    write_attempt(tmp_path, attempt | {"reason": "b"})
    assert [one["reason"] for one in read_attempts(tmp_path)] == ["a", "a", "b"]


def test_a_data_card_counts_what_lies_outside_and_its_film_tells_the_lead(checkout: Checkout) -> None:
    """From the tenth frame on, the last of the context, of 60 frames that span 3 s."""
    noisy = {"settings": {"observation": "noisy"}}
    checkout.configure(datasets={"pendulum": STUDY["datasets"]["pendulum"] | noisy})
    planned = planned_dataset(checkout.study, "pendulum")
    make_files(planned, checkout.folders)
    write_card(planned, checkout.folders)
    card = json.loads(checkout.folders.card("pendulum", planned.key).read_text())
    lead = card["film"]["lead"]
    assert (len(lead), lead[9]) == (60, 0) and lead[10] == pytest.approx(3 / 59, rel=1e-4)
    low, high = card["task"]["low"][0], card["task"]["high"][0]
    for split, path in planned.files(checkout.folders).items():
        frames = read_trajectories(path).frames
        beyond = int(((frames < low) | (frames > high)).sum())
        assert card["splits_made"][split]["outside"] == [beyond] and beyond > 0


def test_files_of_a_former_configuration_go_when_others_are_made(checkout: Checkout) -> None:
    former = checkout.run_of("mean").dataset.files(checkout.folders)
    checkout.configure(datasets={"pendulum": STUDY["datasets"]["pendulum"] | {"seed": 1}})
    planned = planned_dataset(checkout.study, "pendulum")
    make_files(planned, checkout.folders, ["test"])
    there = {split: path.exists() for split, path in former.items()}
    assert there == {"train": True, "valid": True, "test": False, "midpoints": True}
    assert planned.files(checkout.folders)["test"].exists()


def test_a_negative_control_is_one_with_its_own_constants_alone(checkout: Checkout) -> None:
    """Without damping the mass has no effect; with it, it has."""
    small = STUDY["datasets"]["pendulum"]
    for settings, control in (({}, True), ({"damping": 0.5}, False)):
        checkout.configure(datasets={"pendulum--mass-2": small | {"settings": settings}}, experiments={"cost": {}})
        planned = planned_dataset(checkout.study, "pendulum--mass-2")
        make_files(planned, checkout.folders)
        splits = {split: read_trajectories(path) for split, path in planned.files(checkout.folders).items()}
        assert describe(planned, splits, checkout.folders)["control"] == control


def test_a_split_is_refused_that_does_not_fit_in_memory_and_no_other(checkout: Checkout, monkeypatch) -> None:
    """Four copies of 4 bytes for each pixel of 60 frames of 32 x 32: 8 trajectories take 7.9 MB and 3 take 2.9 MB."""
    checkout.configure()
    monkeypatch.setattr("ladid_bench.core.memory.available_memory", lambda: 5_000_000)
    planned = planned_dataset(checkout.study, "pendulum")
    make_files(planned, checkout.folders, ["test", "midpoints"])
    with pytest.raises(BenchError, match="'train': 8 trajectories"):
        make_files(planned, checkout.folders, ["train"])


def test_a_checkpoint_that_was_cut_off_is_no_failure_of_the_method(checkout: Checkout) -> None:
    """The training begins anew, and ends where it ends without any checkpoint."""
    run, whole = checkout.supervise("gru", retries=0)
    record = read_record(checkout.folders.record(run.key))
    code = code_hash(checkout.root / "baselines" / "gru")
    trunks = sorted(checkout.folders.trunk(run.trunk, code).glob("*.pt"))
    for path in (*trunks, checkout.folders.workspace(run.key, code) / "checkpoint.pt"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"PK\x03\x04 and no more")
    checkout.folders.record(run.key).unlink()
    again = supervise(run, checkout.folders, checkout.study.execution.model_copy(update={"retries": 0}))
    assert trunks and whole.status == again.status == "ok"
    assert read_record(checkout.folders.record(run.key))["metrics"] == record["metrics"]
