"""The search for hyper-parameters: on validation data, equally long for every neural method, once for a kind of data.

``halving`` says which settings are tried and which go on. A longer training continues the trunk of the shorter one.
Every training stands in the record beside the method's card once it and those before it have ended; a search that was
interrupted goes on with what the record lacks, and a training with its checkpoint, and makes the record that it would
have made. The test split is not even made.
"""

import logging
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from ladid_bench.core.configuration import DATA_KINDS, DataKind, Study, changed_settings
from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import content_key, write_json
from ladid_bench.core.paths import Folders
from ladid_bench.core.provenance import code_hash, commit, machine
from ladid_bench.data.trajectories import Trajectories, read_trajectories
from ladid_bench.methods.base import TRAINING_VERSION, Diverged, Method, Training
from ladid_bench.methods.registry import MethodCard, load_card, load_method, method_folders
from ladid_bench.methods.searched import Identity, SearchRecord, Trained, Trial, read_search, search_file
from ladid_bench.runs.execute import prepare_device
from ladid_bench.runs.halving import best, beyond_edges, draw, drawn_first, going_on, most_steps
from ladid_bench.study.datasets import PlannedDataset, load_task, make_files, planned_dataset
from ladid_bench.study.plan import seconds_per_step

log = logging.getLogger(__name__)

Order = tuple[int, dict[str, Any], int]  # number of a trial, its settings, the steps that it is to be trained for
Train = Callable[[Iterable[Order]], Iterator[Trained]]


@dataclass(frozen=True)
class PlannedSearch:
    """The search for one method's settings on one kind of data.

    Attributes:
        study: names data sets, stages and seed.
        folders: of the study.
        method: its name.
        card: what it says of itself.
        dataset: on whose validation split the search decides.
    """

    study: Study
    folders: Folders
    method: str
    card: MethodCard
    dataset: PlannedDataset

    @property
    def kind(self) -> DataKind:
        """Kind of data that is searched on."""
        return self.dataset.source.kind

    @property
    def folder(self) -> Path:
        """The method's folder, where the record is kept."""
        return method_folders(self.folders.root)[self.method]

    @property
    def identity(self) -> Identity:
        """What determines the search; a record of another one does not count."""
        budget = {name: value for name, value in self.study.budget.model_dump().items() if name != "steps"}
        return Identity(
            method=self.method,
            method_version=self.card.version,
            training_version=TRAINING_VERSION,
            kind=self.kind,
            data=self.dataset.identity,
            budget=budget,
            stages=self.study.search.stages,
            seed=self.study.search.seed,
            card={name: self.settings[name] for name in self.card.search},
            space=self.card.search,
        )

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the card, of its first variant."""
        return changed_settings(self.card.settings, next(iter(self.card.variants.values())), f"method '{self.method}'")

    @property
    def estimated_seconds(self) -> float:
        """Rough CPU seconds on one core of the whole search."""
        steps = most_steps(self.study.search.stages, self.study.budget)
        return steps * seconds_per_step(self.card, self.dataset.image_size)

    def former(self) -> SearchRecord:
        """Read what an interrupted search has done, or nothing yet; a search for something else does not count."""
        found = read_search(self.folder, self.kind)
        if found is not None and found.identity.model_dump() == self.identity.model_dump():
            return found
        return SearchRecord(identity=self.identity, trials=[], ended=False, chosen=None)

    def keep(self, record: SearchRecord) -> None:
        """Write the record of the search into the method's folder."""
        write_json(search_file(self.folder, self.kind), record.model_dump())


def plan_search(study: Study, folders: Folders, method: str, kind: DataKind) -> PlannedSearch:
    """Plan the search for a method's settings on a kind of data.

    Raises:
        BenchError: no such method, its card names nothing to search, or the data set is of another kind.
    """
    card = load_card(method, folders.root)
    if card.kind != "neural" or not card.search:
        path = method_folders(folders.root)[method] / "method.yaml"
        raise BenchError(f"{path}: no neural method whose 'search' names settings to choose from")
    where = f"config/{study.scale}.yaml: search.datasets"
    if kind not in study.search.datasets:
        raise BenchError(f"{where}: names no data set of kind '{kind}'; known kinds: {', '.join(DATA_KINDS)}")
    dataset = planned_dataset(study, study.search.datasets[kind])
    if dataset.source.kind != kind:
        raise BenchError(f"{where}: '{dataset.name}' is of kind '{dataset.source.kind}', not '{kind}'")
    return PlannedSearch(study, folders, method, card, dataset)


def run_search(planned: PlannedSearch, jobs: int = 1) -> SearchRecord:
    """Carry out what the record of a search does not have yet, ``jobs`` trainings side by side.

    Raises:
        BenchError: the method does not take the data set, or its ranges have too few values.
    """
    make_files(planned.dataset, planned.folders, ["train", "valid"])
    with _processes(jobs, planned.method) as apply:
        record = search(planned, lambda orders: apply(partial(train_trial, planned), orders))
    for trial in record.trials:
        shutil.rmtree(_place(planned, trial.settings), ignore_errors=True)
    return record


@contextmanager
def _processes(jobs: int, name: str) -> Iterator[Callable[..., Iterator[Any]]]:
    """A ``map`` that works in so many processes, or in this one."""
    if jobs == 1:
        yield map
        return
    to_log = partial(logging.basicConfig, level=logging.INFO, format=f"{name} %(process)d: %(message)s")
    with ProcessPoolExecutor(jobs, get_context("spawn"), initializer=to_log) as pool:
        yield pool.map


def search(planned: PlannedSearch, train: Train) -> SearchRecord:
    """Try, widen, halve and choose; ``train`` carries out trainings and yields each as it ends, in their order."""
    identity, stages = planned.identity, planned.study.search.stages
    first, count = stages[0], drawn_first(stages[0].trials)
    seed = f"{planned.method} {planned.kind} {identity.seed}"
    drawn = draw(identity.card, identity.space, seed, first.trials)
    known = {content_key(trial.settings): trial.trainings for trial in planned.former().trials}

    trained = partial(_trained, planned, train=train)
    trials = trained(_remembered(drawn[:count], known), range(count), first.steps)
    beyond = beyond_edges(trials, first.steps, identity.space, first.trials - count)
    rest = _remembered([*beyond, *drawn[count : first.trials - len(beyond)]], known)
    trials = trained([*trials, *rest], range(first.trials), first.steps)
    for shorter, longer in pairwise(stages):
        numbers = going_on(trials, shorter.steps, longer, last=longer is stages[-1])
        trials = trained(trials, numbers, longer.steps)
    record = SearchRecord(identity=identity, trials=trials, ended=True, chosen=best(trials, stages[-1].steps))
    planned.keep(record)
    return record


def _remembered(trials: Sequence[Trial], known: dict[str, list[Trained]]) -> list[Trial]:
    """The trials with the trainings that an interrupted search has made of them."""
    return [trial.model_copy(update={"trainings": known.get(content_key(trial.settings), [])}) for trial in trials]


def _trained(
    planned: PlannedSearch, trials: Sequence[Trial], numbers: Iterable[int], steps: int, train: Train
) -> list[Trial]:
    """The trials after those of ``numbers`` were trained for ``steps``, each kept in the record as it ends."""
    made = list(trials)
    to_do = [number for number in numbers if made[number].at(steps) is None and not _diverged(made[number])]
    for number, training in zip(to_do, train((number, made[number].settings, steps) for number in to_do), strict=True):
        made[number] = made[number].model_copy(update={"trainings": [*made[number].trainings, training]})
        planned.keep(SearchRecord(identity=planned.identity, trials=made, ended=False, chosen=None))
    return made


def _diverged(trial: Trial) -> bool:
    return any(one.status == "diverged" for one in trial.trainings)


def _place(planned: PlannedSearch, settings: dict[str, Any]) -> Path:
    """The folder of a trial, which all code that has changed leaves alone."""
    identity = planned.identity.model_dump(exclude={"stages", "space", "card"})
    return planned.folders.trial(content_key(identity | {"settings": settings}), code_hash(planned.folder))


def train_trial(planned: PlannedSearch, order: Order) -> Trained:
    """Train one trial to the end of a stage, from where its former stage left the trunk, or from its checkpoint.

    Raises:
        BenchError: the method does not take the data set.
    """
    number, changes, steps = order
    log.info("%s, %s: trial %d to step %d, %s", planned.method, planned.kind, number, steps, changes)
    files = planned.dataset.files(planned.folders)
    train, valid = (read_trajectories(files[split]) for split in ("train", "valid"))
    place = _place(planned, changes)
    method, device = _new_method(planned, train, changes, place / str(steps))
    budget = planned.study.budget.model_copy(update={"steps": steps})
    began, began_cpu = time.perf_counter(), time.process_time()
    error, reason = None, ""
    try:
        method.fit(Training(train, valid, budget, planned.study.search.seed, trunk=place))
        error = min(point["valid_nmse"] for point in method.history())
    except Diverged as problem:
        reason = str(problem)
    cost = method.cost()
    own = cost.get("earlier_cpu_seconds", 0.0) - cost.get("inherited_cpu_seconds", 0.0)
    made = Trained(
        steps=steps,
        status="ok" if error is not None else "diverged",
        reason=reason,
        valid_nmse=error,
        history=method.history(),
        seconds=time.perf_counter() - began,
        cpu_seconds=time.process_time() - began_cpu + own,
        provenance=_provenance(planned) | {"device": device},
    )
    shutil.rmtree(place / str(steps))
    return made


def _new_method(
    planned: PlannedSearch, train: Trajectories, changes: dict[str, Any], workspace: Path
) -> tuple[Method, str]:
    """The method of a trial before it has learnt anything, and the device it will use."""
    task, known = load_task(planned.dataset, train), load_method(planned.method, planned.folders.root)
    skipped, reason = known.skip(task)
    if skipped:
        raise BenchError(f"method '{planned.method}' does not take '{planned.dataset.name}': {reason}")
    workspace.mkdir(parents=True, exist_ok=True)
    device = prepare_device(planned.study.execution)
    settings = changed_settings(planned.settings, changes, f"method '{planned.method}'")
    return known(task, settings, workspace, device), device


def _provenance(planned: PlannedSearch) -> dict[str, Any]:
    return {"commit": commit(planned.folders.root)[0], "code_hash": code_hash(planned.folder), **machine()}
