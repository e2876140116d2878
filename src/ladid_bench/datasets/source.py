"""What every data set of the suite is: a source of trajectories, synthetic or measured."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar, Literal

import numpy as np

from ladid_bench.core.configuration import SplitSizes, changed_settings
from ladid_bench.core.paths import SPLITS
from ladid_bench.data.trajectories import Trajectories


@dataclass(frozen=True)
class DataCard:
    """What a reader has to know about a data set before trusting a number measured on it."""

    title: str
    summary: str
    origin: Literal["simulated", "measured", "analysed"]
    quantity: str
    source: str
    licence: str
    citation: str
    splits: str
    equation: str = ""  # LaTeX, a line each: the law, an empty line, then constants and initial values
    caution: str = ""


@dataclass(frozen=True)
class DataSource(ABC):
    """A data set before its size and seed are chosen.

    A subclass is a frozen dataclass: its fields are the settings that a configuration may change,
    and that a named intervention does change. ``version`` is raised whenever the same settings
    would give other numbers; it is part of the data key. ``units`` gives the physical unit of time, of
    the channels, and of parameters and states, by name. ``season`` is the length of the seasonal cycle in
    units of time; it is set where times are absolute and follow a calendar. ``splits`` are those it can
    make. ``void`` names interventions that by physics change nothing: they are negative controls.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    context_frames: ClassVar[int]
    forecast_frames: ClassVar[int]
    primary_metric: ClassVar[Literal["nmse", "fvu"]] = "nmse"
    units: ClassVar[Mapping[str, str]]
    season: ClassVar[float | None] = None
    splits: ClassVar[tuple[str, ...]] = SPLITS
    interventions: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    void: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def regimes(cls) -> Mapping[str, Mapping[str, Any]]:
        """Changed settings by name, for every novel regime of this source."""
        return cls.interventions

    @property
    @abstractmethod
    def card(self) -> DataCard:
        """The data card, for the settings in force."""

    @abstractmethod
    def split(self, name: str, sizes: SplitSizes, image_size: int, seed: int, frames: int) -> Trajectories:
        """The trajectories of split ``name`` (train, valid, test), ``frames`` frames long.

        Raises:
            BenchError: the data cannot be had, or not at this size.
        """

    def state_errors(self, mean: np.ndarray, states: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Errors of the state, by name and unit, where it can be read off a picture; none otherwise.

        Args:
            mean: forecast frames ``(trajectory, frame, channel, *space)`` in physical units.
            states: true states at the same times, ``(trajectory, frame)`` each.
        """
        return {}

    @property
    def settings(self) -> dict[str, Any]:
        """The settings in force, by name."""
        return asdict(self)

    def changed(self, changes: Mapping[str, Any], where: str) -> "DataSource":
        """This source with some settings changed; unknown or ill-typed ones raise ``BenchError``."""
        defaults = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **changed_settings(defaults, changes, where))
