"""The record of a search for hyper-parameters: one file a method and kind of data, beside the method's card.

``ladid-bench search`` writes it. Once it has chosen, what it chose is what the method gets on data of that kind.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from ladid_bench.core.configuration import DataKind, Section, Stage, parse
from ladid_bench.core.paths import SEARCH
from ladid_bench.core.readers import read_json

REMEDY = "delete it and search again"
CARD = "the card's settings"  # where trial 0 is from


class Identity(Section):
    """What a search is for; two with the same identity are the same search."""

    method: str
    method_version: int
    training_version: int
    kind: DataKind
    data: dict[str, Any] = Field(description="identity of the data set")
    budget: dict[str, Any] = Field(description="of every training, but for its steps")
    stages: list[Stage] = Field(min_length=2)
    seed: int
    card: dict[str, Any] = Field(description="the card's settings of what is searched for")
    space: dict[str, list[Any]] = Field(description="values by setting among which trials are drawn")


class Trained(Section):
    """One trial that was trained to the end of one stage."""

    steps: int
    status: Literal["ok", "diverged"]
    reason: str = ""
    valid_nmse: float | None = Field(description="least on validation; None if it diverged")
    history: list[dict[str, float]]
    seconds: float
    cpu_seconds: float = Field(description="of this stage's own steps")
    provenance: dict[str, Any] = Field(description="commit, code, device, machine")


class Trial(Section):
    """One setting that was tried, and how far it came."""

    settings: dict[str, Any]
    origin: str = Field(description="the card, drawn by chance, or which setting lies beyond its range")
    trainings: list[Trained]

    def at(self, steps: int) -> Trained | None:
        """Find the training of so many steps."""
        return next((one for one in self.trainings if one.steps == steps), None)

    def error(self, steps: int) -> float | None:
        """Look up the least validation error at a budget; None where it was not trained so far, or diverged."""
        training = self.at(steps)
        return training.valid_nmse if training else None


class SearchRecord(Section):
    """What a search has done so far, and what it has chosen, once it has ended."""

    identity: Identity
    trials: list[Trial]
    ended: bool
    chosen: int | None = Field(description="number of the trial that was best in the last stage")


def search_file(folder: Path, kind: DataKind) -> Path:
    """Name the record of the search of the method in ``folder``."""
    return folder / SEARCH.format(kind)


def read_search(folder: Path, kind: DataKind) -> SearchRecord | None:
    """Read the record of a search of the method in ``folder``; None where there is none.

    Raises:
        BenchError: the file is not what ``ladid-bench search`` writes.
    """
    path = search_file(folder, kind)
    if not path.exists():
        return None
    content = read_json(path, "record of a search", REMEDY)
    return parse(SearchRecord, content, f"{path}: not a record of a search ({REMEDY})")


def chosen_settings(folder: Path, kind: DataKind) -> Mapping[str, Any]:
    """Look up what the search chose for a kind of data; nothing before it has ended."""
    record = read_search(folder, kind)
    return {} if record is None or record.chosen is None else record.trials[record.chosen].settings
