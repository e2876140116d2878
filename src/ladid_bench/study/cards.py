"""Data cards: what the report says of a data set, written once its files are there, so that no report reads them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from pydantic import BaseModel, Field, FiniteFloat

from ladid_bench.core.configuration import DataKind, parse
from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import file_sha256, write_json
from ladid_bench.core.paths import Folders
from ladid_bench.core.readers import read_json
from ladid_bench.core.spreading import end_to_end
from ladid_bench.data.task import Task
from ladid_bench.data.thumbnails import pack, smaller
from ladid_bench.data.trajectories import Trajectories, read_trajectories
from ladid_bench.data.variables import Variable, outside
from ladid_bench.datasets.source import DataSource
from ladid_bench.study.datasets import INTERVENTION, PlannedDataset, find_source, load_task, log_ranges

FILM_FRAMES = 60  # most frames that a data card keeps
LARGEST_FILM = 2**22  # characters of its picture


def write_card(planned: PlannedDataset, folders: Folders) -> None:
    """Write the data card that describes a data set for the report, which does not read its files; log the ranges."""
    splits = {split: read_trajectories(path) for split, path in planned.files(folders).items()}
    card = describe(planned, splits, folders)
    write_json(folders.card(planned.name, planned.key), card)
    variables = [Variable(**variable) for variable in card["task"]["variables"]]
    log_ranges(planned.name, variables, card["splits_made"]["test"]["outside"])


def describe(planned: PlannedDataset, splits: Mapping[str, Trajectories], folders: Folders) -> dict[str, Any]:
    """Describe a data set whose files are there as a data card, ready for JSON.

    ``film`` is one test trajectory in small, ``regime`` names the intervention, ``control`` says that by
    physics it changes nothing, and ``regimes`` lists all the interventions that the source has. ``task`` has the
    variables with their ranges and what clipping to them loses; ``outside`` counts the values of a split that lie out
    of the range of each variable, in their order.
    """
    task = load_task(planned, splits["train"])
    source, regime = planned.source, planned.origin.partition(INTERVENTION)[2]
    return {
        **asdict(source.card),
        "title": full_title(planned.name, source, planned.origin),
        **planned.identity,
        "data_key": planned.key,
        "kind": source.kind,
        "primary_metric": source.primary_metric,
        "lyapunov_exponent": source.lyapunov_exponent,
        "task": task.to_json(),
        "splits_made": {
            split: {
                "trajectories": len(data),
                "groups": len(np.unique(data.group)),
                "content_sha256": data.content_sha256,
                "file_sha256": file_sha256(planned.files(folders)[split]),
                "range": [float(data.frames.min()), float(data.frames.max())],
                "outside": [outside(variable, data.frames) for variable in task.variables],
            }
            for split, data in splits.items()
        },
        "regime": regime,
        "control": regime in source.controls and not planned.config.settings,
        "regimes": [
            {"name": name, "changes": dict(changes), "control": name in source.controls}
            for name, changes in source.regimes().items()
        ],
        "film": _film(task, splits["test"]),
    }


def full_title(dataset: str, source: DataSource, origin: str) -> str:
    """Compose the title of a data set; a regime that its source's card does not speak of is named behind it.

    ``origin`` is what the suite calls a data set to which a study gave a name of its own, which is then named.
    """
    title = source.card.title
    if origin and origin != dataset:
        return f"{title}, {dataset.removeprefix(f'{origin}-')}"
    name, _, regime = dataset.partition(INTERVENTION)
    return f"{title}, {regime}" if regime and title == find_source(name).card.title else title


def _film(task: Task, test: Trajectories) -> dict[str, Any]:
    """The first test trajectory, first channel, in small; ``lead`` is the time from the last context frame."""
    kept = end_to_end(task.frames, FILM_FRAMES)
    unit = np.clip(task.normalize(test.frames[0, kept])[:, 0], 0, 1)  # (frame, *space)
    lead = test.times[0, kept] - test.times[0, task.context_frames - 1]
    return {
        "trajectory": 0,
        "channel": test.fields[0],
        "lead": [float(f"{time:.6g}") for time in lead],
        "webp": pack(smaller(np.round(255 * unit).astype(np.uint8))),
    }


class _StoredTask(BaseModel):
    shape: list[int] = Field(min_length=2, max_length=3)
    context_frames: int = Field(ge=1)
    forecast_frames: int = Field(ge=1)
    low: list[FiniteFloat] = Field(min_length=1)
    high: list[FiniteFloat] = Field(min_length=1)
    variables: list[Variable] = Field(min_length=1)
    time_step: FiniteFloat = Field(gt=0)
    regular: bool


class _StoredSplit(BaseModel):
    trajectories: int
    groups: int
    outside: list[int]


class _StoredSplits(BaseModel):
    train: _StoredSplit
    valid: _StoredSplit
    test: _StoredSplit


class _StoredFilm(BaseModel):
    trajectory: int
    channel: str
    lead: list[FiniteFloat] = Field(min_length=1, max_length=FILM_FRAMES)
    webp: str = Field(max_length=LARGEST_FILM)


class _StoredRegime(BaseModel):
    name: str
    changes: dict[str, Any]
    control: bool


class _StoredCard(BaseModel):
    """What a report relies upon in a data card."""

    title: str
    summary: str
    origin: str
    quantity: str
    obtained_from: str
    licence: str
    citation: str
    splits: str
    equation: str
    caution: str
    dataset: str
    data_key: str
    kind: DataKind
    regime: str
    control: bool
    settings: dict[str, Any]
    generator_version: int
    seed: int
    task: _StoredTask
    splits_made: _StoredSplits
    regimes: list[_StoredRegime]
    film: _StoredFilm


def load_data_card(planned: PlannedDataset, folders: Folders) -> dict[str, Any]:
    """Read the data card that ``write_card`` wrote.

    Raises:
        BenchError: it is not there, or does not have what today's cards have.
    """
    path, remedy = folders.card(planned.name, planned.key), f"'ladid-bench card {planned.name}'"
    if not path.exists():
        raise BenchError(f"{path}: no such data card; make it with {remedy}")
    card = read_json(path, "data card", f"make it again with {remedy}")
    parse(_StoredCard, card, f"{path}: not a data card (make it again with {remedy})")
    return dict(card)
