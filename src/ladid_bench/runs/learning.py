"""What a run learns from: its part of the training data, and the model of another run that it starts from."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from ladid_bench.core.files import file_sha256
from ladid_bench.core.paths import Folders
from ladid_bench.data.task import Task
from ladid_bench.data.trajectories import Trajectories, read_trajectories
from ladid_bench.methods.base import Method, Training
from ladid_bench.study.datasets import load_task
from ladid_bench.study.plan import ZERO_SHOT, PlannedRun


def task_for(run: PlannedRun, task: Task, folders: Folders) -> Task:
    """Derive the task that the run's method sees: that of its data set, unless it starts from another run's model.

    Such a model keeps the scales it was trained in. Range, time step and duration stay those of the data
    set it comes from; only the number of frames to forecast is the new data set's.
    """
    if run.init_from is None:
        return task
    dataset = run.init_from.dataset
    known = load_task(dataset, read_trajectories(dataset.files(folders)["train"]))
    regular = known.regular and task.regular  # for methods that cannot do without an even grid
    return replace(known, dataset=task.dataset, forecast_frames=task.forecast_frames, regular=regular)


def part_of(train: Trajectories, fraction: float, seed: int) -> Trajectories:
    """Draw a share of the training trajectories by ``seed``: a smaller share of the same seed lies in a larger one."""
    if fraction == 1:
        return train
    order = np.random.default_rng(seed).permutation(len(train))
    return train[np.sort(order[: max(1, round(fraction * len(train)))])]


def learn(
    run: PlannedRun, method: Method, train: Trajectories, valid: Trajectories, folders: Folders, code_hash: str
) -> None:
    """Train ``method`` as the run's arm asks, from where a shorter budget of the same code left its trunk.

    ``scratch`` and the fine-tuned arms learn from ``train``. ``zero-shot`` learns nothing of it: a trained
    method takes the weights of ``run.init_from``, one in closed form is fitted to the data set of ``run.init_from``.

    Raises:
        Diverged: a value became non-finite.
    """
    trunk = folders.trunk(run.trunk, code_hash) if run.trained else None
    if run.init_from is None:
        method.fit(Training(train, valid, run.budget, run.seed, trunk=trunk))
    elif run.arm != ZERO_SHOT:
        initial = folders.model(run.init_from.key)
        method.fit(Training(train, valid, run.budget, run.seed, initial, run.frozen, trunk))
    elif run.card.trained:
        method.load(folders.model(run.init_from.key))
    else:
        files = run.init_from.dataset.files(folders)
        source = [read_trajectories(files[split]) for split in ("train", "valid")]
        method.fit(Training(source[0], source[1], run.budget, run.seed))


def keep_model(method: Method, folder: Path) -> None:
    """Write what ``method`` learnt to ``folder``, which is there in full or not at all."""
    building = folder.with_name(f".{folder.name}-building")
    shutil.rmtree(building, ignore_errors=True)  # left by a run that was killed
    method.save(building)
    shutil.rmtree(folder, ignore_errors=True)
    building.rename(folder)


def model_sha256(folder: Path) -> str:
    """Hash the files of a model that was kept."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder)} {file_sha256(path)}\n".encode())
    return digest.hexdigest()
