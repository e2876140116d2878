"""The search for hyper-parameters: random, on validation data, equally long for every neural method.

A method's card names the settings and the values among which to choose (``search``). Trial 0 has
the card's settings as they are; the others are drawn without repetition. All trials stand in
``search.json`` beside the card, with the settings, the validation error and the cost of each, so
that a card's settings can be checked against what they were chosen from. The test split is not
even made.
"""

import itertools
import logging
import random
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from ladid_bench.core.configuration import Study
from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import write_json
from ladid_bench.core.paths import Folders
from ladid_bench.core.provenance import code_hash, commit, machine
from ladid_bench.core.readers import read_json
from ladid_bench.data.trajectories import read_trajectories
from ladid_bench.methods.base import TRAINING_VERSION, Diverged, Training
from ladid_bench.methods.registry import (
    MethodCard,
    load_card,
    load_method,
    method_folders,
    resolve_settings,
)
from ladid_bench.runs.execute import prepare_device
from ladid_bench.study.datasets import load_task, make_files, planned_dataset

log = logging.getLogger(__name__)

SEARCH = "search.json"


def run_search(study: Study, folders: Folders, name: str, jobs: int = 1) -> Path:
    """Carry out the trials of method ``name`` that its ``search.json`` does not have yet.

    Args:
        study: names the data set, the number of trials and their steps.
        folders: of the study.
        name: of the method.
        jobs: trials to run side by side, each in a process of its own.

    Returns:
        The path of ``search.json``; it is written after every trial, in the order of the trials.

    Raises:
        BenchError: no such method, or its card names nothing to search.
    """
    card, folder = load_card(name, folders.root), method_folders(folders.root)[name]
    if not card.search:
        raise BenchError(f"{folder / 'method.yaml'}: 'search' names no settings to choose from")
    planned = planned_dataset(study, study.search.dataset)
    identity = {
        "method": name,
        "method_version": card.version,
        "training_version": TRAINING_VERSION,
        "data": planned.identity,
        "budget": study.budget.model_copy(update={"steps": study.search.steps}).model_dump(),
        "trials": study.search.trials,
        "seed": study.search.seed,
        "space": card.search,
    }
    path = folder / SEARCH
    done = _former_trials(path, identity)
    make_files(planned, folders, ["train", "valid"])
    to_log = partial(logging.basicConfig, level=logging.INFO, format=f"{name} %(process)d: %(message)s")
    with ProcessPoolExecutor(jobs, get_context("spawn"), initializer=to_log) as pool:
        to_do = list(enumerate(_drawn(card, name, study)))[len(done) :]
        for trial in pool.map(partial(_trial, study, folders, name), to_do):
            done.append(trial)
            write_json(path, {"identity": identity, "trials": done, "best": best_trial(done)})
    return path


def best_trial(trials: list[dict[str, Any]]) -> int | None:
    """Find the number of the trial with the lowest validation error, or None where all diverged."""
    ended = [number for number, trial in enumerate(trials) if trial["status"] == "ok"]
    return min(ended, key=lambda number: trials[number]["valid_nmse"], default=None)


def _former_trials(path: Path, identity: dict[str, Any]) -> list[dict[str, Any]]:
    """Trials of an interrupted search; those of a search for something else do not count."""
    if not path.exists():
        return []
    former = read_json(path, "record of a search", "delete it and search again")
    same = isinstance(former, dict) and former.get("identity") == identity
    return list(former.get("trials", ())) if same else []


def _drawn(card: MethodCard, name: str, study: Study) -> list[dict[str, Any]]:
    """Changed settings of every trial; the same names and seed give the same trials anywhere."""
    defaults = {key: card.settings[key] for key in card.search}
    grid = (dict(zip(card.search, values, strict=True)) for values in itertools.product(*card.search.values()))
    others = [point for point in grid if point != defaults]
    wanted = min(study.search.trials - 1, len(others))
    return [{}, *random.Random(f"{name} {study.search.seed}").sample(others, wanted)]


def _trial(study: Study, folders: Folders, name: str, numbered: tuple[int, dict[str, Any]]) -> dict[str, Any]:
    number, changes = numbered
    log.info("trial %d of %d: %s", number, study.search.trials, changes or "the card's settings")
    card, planned = load_card(name, folders.root), planned_dataset(study, study.search.dataset)
    splits = {split: read_trajectories(planned.files(folders)[split]) for split in ("train", "valid")}
    settings = resolve_settings(name, next(iter(card.variants)), changes, folders.root)
    device = prepare_device(study.execution)
    method = load_method(name, folders.root)(load_task(planned, splits["train"]), settings, None, device)
    budget = study.budget.model_copy(update={"steps": study.search.steps})
    began, began_cpu = time.perf_counter(), time.process_time()
    try:
        method.fit(Training(splits["train"], splits["valid"], budget, study.search.seed))
        outcome = {"status": "ok", "valid_nmse": min(point["valid_nmse"] for point in method.history())}
    except Diverged as error:
        outcome = {"status": "diverged", "reason": str(error)}
    return {
        "settings": {key: settings[key] for key in card.search},
        **outcome,
        "history": method.history(),
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - began_cpu,
        "commit": commit(folders.root)[0],
        "code_hash": code_hash(method_folders(folders.root)[name]),
        "device": device,
        **machine(),
    }
