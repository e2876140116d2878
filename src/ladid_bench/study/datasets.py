"""All data sets by name, and the files made from them."""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ladid_bench.core.configuration import Dataset, Study
from ladid_bench.core.errors import BenchError, nearest
from ladid_bench.core.files import content_key, finished
from ladid_bench.core.memory import memory_shortage
from ladid_bench.core.paths import MIDPOINTS, Folders, find_root
from ladid_bench.data.task import Task, task_of
from ladid_bench.data.trajectories import Trajectories, read_trajectories, write_trajectories
from ladid_bench.data.variables import Variable, variables_of
from ladid_bench.datasets.measured import MEASURED
from ladid_bench.datasets.simulated import SYSTEMS
from ladid_bench.datasets.simulated.base import System
from ladid_bench.datasets.source import DataSource
from ladid_bench.datasets.user.source import CARD, FOLDER, import_names, load_import

log = logging.getLogger(__name__)

SOURCES: dict[str, type[DataSource]] = {**SYSTEMS, **MEASURED}
INTERVENTION = "--"
OWN_NAME = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")  # of a data set with a source: it is the name of a folder
MOST_RANGES = 8  # said of a data set with more variables
COPIES = 4  # of a split's frames that are in memory at once while it is made


def dataset_names() -> list[str]:
    """List every data set the suite can make: each source, each under each intervention, and what was imported."""
    names = list(SOURCES)
    for name, source in SOURCES.items():
        names += [f"{name}{INTERVENTION}{intervention}" for intervention in source.regimes()]
    return sorted([*names, *_imported()])


def _imported() -> list[str]:
    """Names of imported data sets; there are none outside a checkout."""
    try:
        return import_names(find_root())
    except BenchError:
        return []


def find_source(dataset: str, changes: Mapping[str, Any] | None = None) -> DataSource:
    """Find the source called ``<source>`` or ``<source>--<intervention>``, with ``changes`` to its settings.

    A name that the suite does not have is looked for among the imported data sets of the checkout.

    Raises:
        BenchError: no such source, intervention or setting.
    """
    name, _, intervention = dataset.partition(INTERVENTION)
    if name not in SOURCES and dataset in _imported():
        return load_import(dataset, find_root()).changed(changes or {}, f"datasets.{dataset}.settings")
    if name not in SOURCES or (intervention and intervention not in SOURCES[name].regimes()):
        raise BenchError(
            f"unknown data set '{dataset}'; {nearest(dataset, dataset_names())}; if it is an import, its card "
            f"{FOLDER}/{dataset}/{CARD} is missing: get it by git from those who imported it, or import it again "
            "with 'ladid-bench import'"
        )
    source = SOURCES[name]()
    if intervention:
        source = source.changed(source.regimes()[intervention], f"intervention '{dataset}'")
    return source.changed(changes or {}, f"datasets.{dataset}.settings")


@dataclass(frozen=True)
class PlannedDataset:
    """A data set as one study configures it. ``key`` names everything that determines its numbers."""

    name: str
    source: DataSource
    config: Dataset
    image_size: int

    @property
    def context_frames(self) -> int:
        """Frames of a trajectory that are given."""
        return self.config.context_frames or self.source.context_frames

    @property
    def forecast_frames(self) -> int:
        """Frames of a trajectory that are to be forecast."""
        return self.config.forecast_frames or self.source.forecast_frames

    @property
    def origin(self) -> str:
        """What the suite calls the data set: its name, unless the study made one up."""
        return self.config.source or self.name

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What determines the files' contents, ready to be hashed."""
        renamed = {"made_from": self.config.source} if self.config.source else {}
        return {
            **renamed,
            "dataset": self.name,
            "generator_version": self.source.version,
            "settings": self.source.settings,
            "image_size": self.image_size,
            "trajectories": self.config.trajectories.model_dump(),
            "frames": self.context_frames + self.forecast_frames,
            "seed": self.config.seed,
        }

    @cached_property
    def key(self) -> str:
        """Hash of ``identity``."""
        return content_key(self.identity)

    def files(self, folders: Folders) -> dict[str, Path]:
        """Name the trajectory file of each split."""
        return {split: folders.split(self.name, self.key, split) for split in self.source.splits}


def planned_dataset(study: Study, name: str) -> PlannedDataset:
    """Plan the data set ``name`` as ``study`` configures it.

    Raises:
        BenchError: the study does not list it, or gives it a name that is taken or no name for a folder.
    """
    where = f"config/{study.scale}.yaml"
    if name not in study.datasets:
        raise BenchError(f"{where}: data set '{name}' is not under 'datasets'; {nearest(name, study.datasets)}")
    config = study.datasets[name]
    if config.source and (name in dataset_names() or not OWN_NAME.fullmatch(name)):
        problem = "is a name that the suite already has" if name in dataset_names() else "cannot be a folder name"
        raise BenchError(f"{where}: data set '{name}' with 'source' {problem}; choose one like '{config.source}-mine'")
    source = find_source(config.source or name, config.settings)
    return PlannedDataset(name, source, config, config.image_size or study.image_size)


def make_missing(datasets: Iterable[PlannedDataset], folders: Folders) -> None:
    """Make the trajectory files of data sets, where they are not there."""
    for dataset in datasets:
        if not all(path.exists() for path in dataset.files(folders).values()):
            make_files(dataset, folders)


def make_files(planned: PlannedDataset, folders: Folders, splits: Sequence[str] | None = None) -> None:
    """Make the file of each split, or of ``splits``; files already there are checked and kept.

    Files of the same data set under another key, made for a former configuration, are removed.

    Raises:
        BenchError: the data set has no such split.
    """
    files = planned.files(folders)
    for split in splits or files:
        if split not in files:
            raise BenchError(f"data set '{planned.name}' has no split '{split}'; {nearest(split, files)}")
        path = files[split]
        if path.exists():
            read_trajectories(path)
        else:
            made = _make(planned, split)
            write_trajectories(path, made)
            log.info("%s/%s: wrote %d trajectories to %s", planned.name, split, len(made), path)
            if split == "train":
                log_ranges(planned.name, variables_of(made, planned.source.vectors))
        for stale in set(finished(path.parent, ".hdf5")) - {path}:
            stale.unlink(missing_ok=True)  # another process may have removed it


def log_ranges(name: str, variables: Sequence[Variable], outside_test: Sequence[int] = ()) -> None:
    """Say the range of each variable, what clipping to it loses, and how many test values lie out of it.

    Of more than ``MOST_RANGES`` variables, those are said that lose most; all that are constant are named.
    """
    counts: Sequence[int | None] = outside_test or [None] * len(variables)
    known = [(variable, count) for variable, count in zip(variables, counts, strict=True) if not variable.constant]
    known.sort(key=lambda one: -one[0].clipping_loss)
    for variable, count in known[:MOST_RANGES]:
        words = f"range {variable.low:.4g} to {variable.high:.4g}"
        words += f", clipping to it loses {variable.clipping_loss:.2%} of the training variance"
        words += "" if count is None else f", {count:,} test values lie outside it"
        log.info("%s, %s: %s", name, variable.name, words)
    if len(known) > MOST_RANGES:
        log.info("%s: the other %d variables lose no more than these", name, len(known) - MOST_RANGES)
    if constant := [variable.name for variable in variables if variable.constant]:
        told = "constant to within rounding in the training split and left out of errors"
        log.info("%s, %s: %s", name, ", ".join(constant), told)


def _make(planned: PlannedDataset, split: str) -> Trajectories:
    frames = planned.context_frames + planned.forecast_frames
    config = planned.config
    _check_room(planned, split, frames)
    made = planned.source.split(split, config.trajectories, planned.image_size, config.seed, frames)
    provenance = {**planned.identity, "split": split, "data_key": planned.key, **made.provenance}
    return replace(made, provenance=provenance)


def _check_room(planned: PlannedDataset, split: str, frames: int) -> None:
    """Refuse a simulated split that would not fit in memory; of measured data there is no more than was measured."""
    sizes = planned.config.trajectories
    count = getattr(sizes, "test" if split == MIDPOINTS else split)
    shortage = memory_shortage(4 * COPIES * count * frames * planned.image_size**2)
    if isinstance(planned.source, System) and shortage:
        raise BenchError(
            f"data set '{planned.name}', split '{split}': {count} trajectories of {frames} frames of "
            f"{planned.image_size} px need about {shortage}; ask for less"
        )


def load_task(planned: PlannedDataset, train: Trajectories) -> Task:
    """Derive the task of a data set from its training split."""
    context, forecast, source = planned.context_frames, planned.forecast_frames, planned.source
    return task_of(train, planned.name, context, forecast, source.season, source.vectors)
