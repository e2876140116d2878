"""A data set or a trajectory file with all that is known of it, for whoever shows it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ladid_bench.core.configuration import Study
from ladid_bench.core.errors import BenchError
from ladid_bench.core.paths import SPLITS, Folders
from ladid_bench.data.trajectories import Trajectories, read_trajectories
from ladid_bench.data.variables import by_component, unit_of, variables_of
from ladid_bench.datasets.source import DataCard, DataSource
from ladid_bench.study.cards import describe, full_title
from ladid_bench.study.datasets import find_source, make_files, planned_dataset

UNKNOWN: dict[str, Any] = {field.name: "" for field in fields(DataCard)} | {
    "control": False,
    "regime": "",
    "regimes": [],
}


@dataclass(frozen=True)
class Shown:
    """What a page is about.

    Attributes:
        name: of the page's folder.
        card: what is known of the data; it has at least ``title``, ``origin`` and ``task``.
        splits: by name; a file is a single one.
        units: of time, channels, parameters and states.
        given: frames that a method is given, 0 where there is no task.
        command: what makes the page again.
    """

    name: str
    card: Mapping[str, Any]
    splits: Mapping[str, Trajectories]
    units: Mapping[str, str]
    given: int
    command: str

    @property
    def data(self) -> Trajectories:
        """The split that is shown in pictures."""
        return self.splits.get("test", next(iter(self.splits.values())))

    @property
    def time_unit(self) -> str:
        """Unit of time."""
        return unit_of(self.units, "time")


def shown_dataset(name: str, study: Study, folders: Folders) -> Shown:
    """Read a data set of a study, whose files are made if need be."""
    planned = planned_dataset(study, name)
    make_files(planned, folders, SPLITS)
    files = planned.files(folders)
    splits = {split: read_trajectories(files[split]) for split in SPLITS}
    card = describe(planned, splits, folders)
    command = f"ladid-bench show {name} --scale {study.scale}"
    return Shown(name, card, splits, planned.source.units, planned.context_frames, command)


def shown_file(path: Path) -> Shown:
    """Read a trajectory file, with what it says of itself and what its source knows."""
    data = read_trajectories(path)
    origin = data.provenance
    dataset, made_from = str(origin.get("dataset", path.stem)), str(origin.get("made_from", ""))
    source = _source_of(origin)
    variables = variables_of(data, source.vectors if source else {})
    low, high = (by_component(variables, [getattr(one, end) for one in variables]).tolist() for end in ("low", "high"))
    task = {"low": low, "high": high, "shape": data.frames.shape[2:]}
    known = asdict(source.card) | {"title": full_title(dataset, source, made_from)} if source else {"title": dataset}
    card = UNKNOWN | {"origin": "simulated" if "system" in origin else ""} | known | {"dataset": dataset, "task": task}
    split = str(origin.get("split", "the file"))
    given = source.context_frames if source and source.context_frames < data.frames.shape[1] else 0
    units = origin.get("units") or (source.units if source else {})
    return Shown(path.stem, card, {split: data}, units, given, f"ladid-bench show {path}")


def _source_of(provenance: Mapping[str, Any]) -> DataSource | None:
    """The source that made a file, or None where this version of the suite has it not or no more."""
    try:
        source = find_source(str(provenance.get("made_from", provenance["dataset"])), provenance["settings"])
    except (BenchError, KeyError, TypeError):
        return None
    return source if source.version == provenance.get("generator_version") else None
