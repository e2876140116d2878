"""One run in this process: data, fit, forecast file, score, record."""

import logging
import os
import resource
import shutil
import time
from typing import Any

import numpy as np

from ladid_bench.core.configuration import Execution
from ladid_bench.core.errors import BenchError
from ladid_bench.core.paths import MIDPOINTS, Folders
from ladid_bench.core.provenance import commit, machine, versions
from ladid_bench.data.metrics import Errors, measure, unusable
from ladid_bench.data.task import Task
from ladid_bench.data.trajectories import Trajectories, read_trajectories
from ladid_bench.methods.base import Diverged, Forecast, Method
from ladid_bench.methods.forecasts import write_forecast
from ladid_bench.methods.registry import load_method, method_folders
from ladid_bench.runs.learning import keep_model, learn, model_sha256, part_of, task_for
from ladid_bench.runs.records import read_attempts, read_record, write_record, write_sample
from ladid_bench.runs.scoring import finite, midpoint_frames, score_file, training_mean
from ladid_bench.runs.state import current_code
from ladid_bench.study.datasets import load_task
from ladid_bench.study.plan import ZERO_SHOT, PlannedRun

log = logging.getLogger(__name__)

MEGABYTE = 1024**2
FLOOR_TRAJECTORIES = 8  # hundreds of frames, whose rendering differs far less than forecasts do


def execute(run: PlannedRun, folders: Folders, execution: Execution) -> dict[str, Any]:
    """Carry out ``run`` and write its record; a run that was interrupted goes on from its checkpoint.

    Returns:
        The record, with status ``ok``, ``diverged`` or ``skipped``.
    """
    began = time.perf_counter()
    code = current_code(run, folders)
    splits = {split: read_trajectories(path) for split, path in run.dataset.files(folders).items()}
    task = load_task(run.dataset, splits["train"])
    seen = task_for(run, task, folders)
    status, reason = _without_training(run, load_method(run.method, folders.root), seen, folders)
    if status:
        outcome: dict[str, Any] = {"status": status, "reason": reason, "metrics": {}, "cost": {}, "history": []}
        device = "cpu"
    else:
        method, device = _new_method(run, seen, folders, execution, code)
        outcome = _fit_and_score(run, method, task, splits, folders, code)
    _add_cost(outcome["cost"], time.perf_counter() - began, device)
    record = {
        "key": run.key,
        "identity": run.identity,
        **outcome,
        "failed_attempts": read_attempts(folders.attempts(run.key)),
        "provenance": _provenance(run, splits, folders, code) | {"device": device, "threads": execution.threads},
        "rerun": run.rerun_command,
    }
    write_record(folders.record(run.key), record)
    shutil.rmtree(folders.workspace(run.key, code), ignore_errors=True)
    return record


def train_again(run: PlannedRun, folders: Folders, execution: Execution) -> None:
    """Train ``run``, whose record is there, for its model alone: another run starts from it, and it is gone.

    Models are not versioned, records are; a clone has the one without the other.

    Raises:
        Diverged: a value became non-finite, which the recorded training did not see.
    """
    code = current_code(run, folders)
    files = run.dataset.files(folders)
    train, valid = (read_trajectories(files[split]) for split in ("train", "valid"))
    seen = task_for(run, load_task(run.dataset, train), folders)
    method, _ = _new_method(run, seen, folders, execution, code)
    learn(run, method, part_of(train, run.fraction, run.seed), valid, folders, code)
    keep_model(method, folders.model(run.key))
    shutil.rmtree(folders.workspace(run.key, code), ignore_errors=True)


def _without_training(run: PlannedRun, method: type[Method], task: Task, folders: Folders) -> tuple[str, str]:
    """The status, and the reason, of a run that ends before it begins; empty where it does not."""
    skipped, reason = method.skip(task)
    if skipped:
        return "skipped", reason
    if run.init_from is None:
        return "", ""
    fine_tuned = run.arm != ZERO_SHOT
    if run.inapplicable or (fine_tuned and not method.starts_from_weights):
        return "skipped", run.inapplicable or "its training cannot start from weights"
    if run.model_from is not None:
        record = read_record(folders.record(run.init_from.key))
        if record["status"] != "ok":
            return record["status"], f"the run it starts from, {run.init_from.key}, ended so: {record['reason']}"
    return "", ""


def _new_method(run: PlannedRun, task: Task, folders: Folders, execution: Execution, code: str) -> tuple[Method, str]:
    """The method of a run before it has learnt anything, and the device it will use."""
    device = prepare_device(execution) if run.card.trained else "cpu"
    workspace = folders.workspace(run.key, code)
    return load_method(run.method, folders.root)(task, run.settings, workspace, device), device


def prepare_device(execution: Execution) -> str:
    """Choose the device and make torch repeatable on it, in float32 throughout as on a CPU."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts; without it sums vary
    import torch

    torch.backends.cudnn.allow_tf32 = False
    torch.set_num_threads(execution.threads)
    device = execution.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    # the same as use_deterministic_algorithms, which would import a compiler that nothing here uses
    torch.set_deterministic_debug_mode("warn" if device == "cuda" else "error")
    return device


def _fit_and_score(
    run: PlannedRun, method: Method, task: Task, splits: dict[str, Trajectories], folders: Folders, code: str
) -> dict[str, Any]:
    try:
        learn(run, method, part_of(splits["train"], run.fraction, run.seed), splits["valid"], folders, code)
        if run.trained:
            keep_model(method, folders.model(run.key))
        metrics, cost = _forecast_and_score(run, method, task, splits, folders)
    except Diverged as error:
        folders.forecast(run.key).unlink(missing_ok=True)  # nothing is recorded of it
        return {
            "status": "diverged",
            "reason": str(error),
            "metrics": {},
            "cost": method.cost(),
            "history": method.history(),
        }
    return {"status": "ok", "reason": "", "metrics": metrics, "cost": cost, "history": method.history()}


def _forecast_and_score(
    run: PlannedRun, method: Method, task: Task, splits: dict[str, Trajectories], folders: Folders
) -> tuple[dict[str, float], dict[str, float]]:
    """Forecast the test split, score the forecast file, and return metrics and cost.

    Raises:
        Diverged: a value is not finite, or an error beyond what metrics can hold.
    """
    test, given, is_floor = splits["test"], task.context_frames, run.card.kind == "floor"
    context, context_times = test.frames[:, :given], test.times[:, :given]
    query_times = test.times[:, given : task.frames]
    if run.arm == ZERO_SHOT:
        # what a first call prepares is no cost; whoever was trained here has forecast the validation split before
        method.forecast(context[:1], context_times[:1], query_times[:1])
    began, began_cpu = time.perf_counter(), _cpu_seconds()
    asked = (context, context_times, query_times)
    forecast = _rendering(method, task, test) if is_floor else method.forecast(*asked)
    seconds, cpu_seconds = time.perf_counter() - began, _cpu_seconds() - began_cpu
    for name, values in (("forecast", forecast.mean), ("spread", forecast.std)):
        _check_kept(name, values)
    midpoints = _forecast_midpoints(method, task, splits) if MIDPOINTS in splits and not is_floor else None
    write_forecast(folders.forecast(run.key), forecast, query_times)
    metrics, sample = score_file(run, task, splits, folders.forecast(run.key), midpoints)
    write_sample(folders.samples(run.key), sample)
    cost = method.cost() | {"forecast_seconds": seconds, "forecast_cpu_seconds": cpu_seconds}
    return metrics | ({} if is_floor else _decoder_floor(method, task, splits)), cost


def _check_kept(name: str, values: np.ndarray | None) -> None:
    """Raise ``Diverged`` where something forecast of the test split has values that no file can hold."""
    if values is not None and (problem := unusable(values)):
        raise Diverged(f"the {name} of the test split {problem}")


def _rendering(method: Method, task: Task, test: Trajectories) -> Forecast:
    """The true frames through the bottleneck of a method that is a floor."""
    rendered = method.reconstruct(test.frames[:, : task.frames], test.times[:, : task.frames])
    if rendered is None:
        raise BenchError(f"{type(method).__name__}: its card says 'kind: floor', but it has no 'reconstruct'")
    return Forecast(rendered)


def _decoder_floor(method: Method, task: Task, splits: dict[str, Trajectories]) -> dict[str, float]:
    """Errors of the first true test trajectories as the method renders them, ratios of sums; none if it cannot.

    What a forecast has beyond them is not the fault of how frames are rendered.
    """
    test = splits["test"][:FLOOR_TRAJECTORIES]
    rendered = method.reconstruct(test.frames[:, : task.frames], test.times[:, : task.frames])
    if rendered is None:
        return {}
    truth = test.frames[:, task.context_frames : task.frames]
    errors = measure(truth, rendered, training_mean(task, splits["train"]), task.variables)
    return finite({"floor_nmse": errors.pooled_nmse, "floor_fvu": errors.pooled_fvu})


def _forecast_midpoints(method: Method, task: Task, splits: dict[str, Trajectories]) -> Errors:
    """Errors at the times halfway between the test frames, forecast from the same context."""
    test, given = splits["test"], task.context_frames
    asked = midpoint_frames(task, splits[MIDPOINTS])
    forecast = method.forecast(test.frames[:, :given], test.times[:, :given], asked.times)
    return measure(asked.frames, forecast.mean, training_mean(task, splits["train"]), task.variables)


def _add_cost(cost: dict[str, float], wall: float, device: str) -> None:
    """Complete the cost of a run; seconds of attempts that were interrupted count, and those of other programs."""
    programs = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost["wall_seconds"] = wall + cost.pop("earlier_seconds", 0.0)
    cost["cpu_seconds"] = _cpu_seconds() + cost.pop("earlier_cpu_seconds", 0.0)
    peak = max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, programs.ru_maxrss)
    cost["peak_memory_mb"] = peak / 1024  # kilobytes on Linux
    cost["load"] = os.getloadavg()[0]  # says whether the times above were measured alone
    if device == "cuda":
        import torch

        cost["accelerator_seconds"] = cost.get("training_seconds", 0.0)
        cost["accelerator_memory_mb"] = torch.cuda.max_memory_allocated() / MEGABYTE


def _cpu_seconds() -> float:
    """CPU time of this process and of the programs that it has started and seen end."""
    programs = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + programs.ru_utime + programs.ru_stime


def _provenance(run: PlannedRun, splits: dict[str, Trajectories], folders: Folders, code: str) -> dict[str, Any]:
    revision, dirty = commit(folders.root, method_folders(folders.root)[run.method])
    model = folders.model(run.model_from.key) if run.model_from else None
    start = {"started_from_sha256": model_sha256(model)} if model and model.exists() else {}
    return {
        **start,
        "commit": revision,
        "dirty": dirty,
        "code_hash": code,
        "data_sha256": {split: data.content_sha256 for split, data in splits.items()},
        "versions": versions(),
        **machine(),
    }
