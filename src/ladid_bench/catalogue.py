"""All data sets by name, and the files made from them."""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ladid_bench.config import Dataset, Study
from ladid_bench.data.source import DataSource
from ladid_bench.data.task import Task, task_of
from ladid_bench.data.trajectories import Trajectories, read_trajectories, write_trajectories
from ladid_bench.errors import BenchError, nearest
from ladid_bench.files import content_key, file_sha256, write_json
from ladid_bench.project import SPLITS, Folders
from ladid_bench.real import MEASURED
from ladid_bench.systems import SYSTEMS

log = logging.getLogger(__name__)

SOURCES: dict[str, type[DataSource]] = {**SYSTEMS, **MEASURED}
INTERVENTION = "--"


def dataset_names() -> list[str]:
    """Every data set the suite can make: each source, and each source under each intervention."""
    names = list(SOURCES)
    for name, source in SOURCES.items():
        names += [f"{name}{INTERVENTION}{intervention}" for intervention in source.interventions]
    return sorted(names)


def find_source(dataset: str, changes: Mapping[str, Any] | None = None) -> DataSource:
    """The source called ``<source>`` or ``<source>--<intervention>``, with ``changes`` to its settings.

    Raises:
        BenchError: no such source, intervention or setting.
    """
    name, _, intervention = dataset.partition(INTERVENTION)
    if name not in SOURCES or (intervention and intervention not in SOURCES[name].interventions):
        raise BenchError(f"unknown data set '{dataset}'; {nearest(dataset, dataset_names())}")
    source = SOURCES[name]()
    if intervention:
        source = source.changed(source.interventions[intervention], f"intervention '{dataset}'")
    return source.changed(changes or {}, f"datasets.{dataset}.settings")


@dataclass(frozen=True)
class PlannedDataset:
    """A data set as one study asks for it. ``key`` names everything that determines its numbers."""

    name: str
    source: DataSource
    config: Dataset
    image_size: int

    @property
    def context_frames(self) -> int:
        return self.config.context_frames or self.source.context_frames

    @property
    def forecast_frames(self) -> int:
        return self.config.forecast_frames or self.source.forecast_frames

    @property
    def identity(self) -> dict[str, Any]:
        """What determines the files' contents, ready to be hashed."""
        return {
            "dataset": self.name,
            "generator_version": self.source.version,
            "settings": self.source.settings,
            "image_size": self.image_size,
            "trajectories": self.config.trajectories.model_dump(),
            "frames": self.context_frames + self.forecast_frames,
            "seed": self.config.seed,
        }

    @property
    def key(self) -> str:
        return content_key(self.identity)

    def files(self, folders: Folders) -> dict[str, Path]:
        """The trajectory file of each split."""
        return {split: folders.split(self.name, self.key, split) for split in SPLITS}


def planned_dataset(study: Study, name: str) -> PlannedDataset:
    """``name`` as ``study`` asks for it.

    Raises:
        BenchError: the study does not list it.
    """
    if name not in study.datasets:
        raise BenchError(
            f"config/{study.scale}.yaml: data set '{name}' is not under 'datasets'; {nearest(name, study.datasets)}"
        )
    config = study.datasets[name]
    return PlannedDataset(name, find_source(name, config.settings), config, study.image_size)


def make_files(planned: PlannedDataset, folders: Folders) -> None:
    """Make the file of each split; files already there are checked and kept.

    Files of the same data set under another key, made for a former configuration, are removed.
    """
    for split, path in planned.files(folders).items():
        if path.exists():
            read_trajectories(path)
        else:
            made = _make(planned, split)
            write_trajectories(path, made)
            log.info("%s/%s: wrote %d trajectories to %s", planned.name, split, len(made), path)
        for stale in set(path.parent.glob("*.hdf5")) - {path}:
            stale.unlink()


def write_card(planned: PlannedDataset, folders: Folders) -> None:
    """Describe the files of a data set for the report, which does not read them."""
    splits = {split: read_trajectories(path) for split, path in planned.files(folders).items()}
    write_json(folders.card(planned.name, planned.key), _card(planned, splits, folders))


def _make(planned: PlannedDataset, split: str) -> Trajectories:
    frames = planned.context_frames + planned.forecast_frames
    config = planned.config
    made = planned.source.split(split, config.trajectories, planned.image_size, config.seed, frames)
    provenance = {**planned.identity, "split": split, "data_key": planned.key, **made.provenance}
    return replace(made, provenance=provenance)


def load_task(planned: PlannedDataset, train: Trajectories) -> Task:
    """The task of a data set, derived from its training split."""
    return task_of(train, planned.name, planned.context_frames, planned.forecast_frames, planned.source.season)


def _card(planned: PlannedDataset, splits: dict[str, Trajectories], folders: Folders) -> dict[str, Any]:
    task = load_task(planned, splits["train"])
    example = splits["test"].frames[0, :: max(1, task.frames // 12), 0]  # (frame, *space)
    levels = np.clip(np.nan_to_num(task.to_unit(example)), 0, 1)
    return {
        **asdict(planned.source.card),
        **planned.identity,
        "data_key": planned.key,
        "headline": planned.source.headline,
        "task": task.to_json(),
        "splits_made": {
            split: {
                "trajectories": len(data),
                "units": len(np.unique(data.unit)),
                "content_sha256": data.content_sha256,
                "file_sha256": file_sha256(planned.files(folders)[split]),
                "range": [float(data.frames.min()), float(data.frames.max())],
            }
            for split, data in splits.items()
        },
        "example": np.round(levels * 255).astype(int).tolist(),
    }


def load_data_card(planned: PlannedDataset, folders: Folders) -> dict[str, Any]:
    """The card that ``write_card`` wrote.

    Raises:
        BenchError: it is not there.
    """
    path = folders.card(planned.name, planned.key)
    if not path.exists():
        raise BenchError(f"{path}: no such data card; make it with 'ladid-bench card {planned.name}'")
    return json.loads(path.read_text(encoding="utf-8"))
