"""The contract of a data set: a source of trajectories, simulated, measured or a user's own."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np

from ladid_bench.core.configuration import DataKind, SplitSizes, changed_settings
from ladid_bench.core.errors import BenchError, nearest
from ladid_bench.core.paths import SPLITS
from ladid_bench.data.trajectories import Trajectories


@dataclass(frozen=True)
class DataCard:
    """State what a reader has to know about a data set before trusting a number measured on it.

    Attributes:
        title, summary: in words, for the report.
        origin: ``simulated``, ``measured``, or ``analysed`` where a model has combined measurements.
        quantity: what a value is, with its unit.
        obtained_from: the program, archive or files that the data come from.
        licence, citation: of the data.
        splits: how the splits were made, and what the resampling group is.
        equation: of a simulated data set, with its constants and initial law.
        caution: what makes its numbers easy to misread.
    """

    title: str
    summary: str
    origin: Literal["simulated", "measured", "analysed"]
    quantity: str
    obtained_from: str
    licence: str
    citation: str
    splits: str
    equation: str = ""  # LaTeX, a line each: the law, an empty line, then constants and initial values
    caution: str = ""


@dataclass(frozen=True)
class DataSource(ABC):
    """Make the trajectories of a data set, once its size and seed are chosen.

    A subclass is a frozen dataclass: its fields are the settings that a configuration may change,
    and that a named intervention does change.

    Attributes:
        name: of the data set, as in configurations.
        kind: of data, which decides which searched hyper-parameters a method gets on it.
        version: raised whenever the same settings would give other numbers; it is part of the data key.
        context_frames, forecast_frames: numbers of frames, unless a study chooses others.
        primary_metric: by which methods are ranked on it.
        units: physical unit of time, of the channels, and of parameters and states, by name.
        season: length of the seasonal cycle in units of time, where times are absolute and follow a calendar.
        vectors: channels of images, or features, counted from 0, that are components of one vector, by its name: they
            share a range and an error.
        splits: those it can make.
        interventions: changed settings by name.
        controls: names of interventions that by physics change nothing: negative controls.
    """

    name: ClassVar[str]
    kind: ClassVar[DataKind]
    version: ClassVar[int]
    context_frames: ClassVar[int]
    forecast_frames: ClassVar[int]
    primary_metric: ClassVar[Literal["nmse", "fvu"]] = "nmse"
    units: ClassVar[Mapping[str, str]]
    season: ClassVar[float | None] = None
    vectors: ClassVar[Mapping[str, Sequence[int]]] = {}
    splits: ClassVar[tuple[str, ...]] = SPLITS
    interventions: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    controls: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def regimes(cls) -> Mapping[str, Mapping[str, Any]]:
        """List the changed settings of every novel regime of this source, by name."""
        return cls.interventions

    @property
    @abstractmethod
    def card(self) -> DataCard:
        """Describe the data set with the settings in force."""

    @abstractmethod
    def split(self, name: str, sizes: SplitSizes, image_size: int, seed: int, frames: int) -> Trajectories:
        """Make the trajectories of one split.

        Args:
            name: ``train``, ``valid`` or ``test``, or another of ``splits``.
            sizes: number of trajectories of each split.
            image_size: side of a frame in pixels.
            seed: determines every random choice.
            frames: length of a trajectory.

        Returns:
            Frames float32 ``(trajectory, time, channel, *space)`` in physical units, and what is known of them.

        Raises:
            BenchError: the data cannot be had, or not at this size.
        """

    def require_known(self, **known: Collection[str]) -> None:
        """Refuse a setting whose value is none of the known ones, by the setting's name."""
        for setting, values in known.items():
            value = getattr(self, setting)
            if value not in values:
                raise BenchError(f"{self.name}: unknown {setting} '{value}'; {nearest(value, values)}")

    @property
    def lyapunov_exponent(self) -> float | None:
        """Return the largest Lyapunov exponent in inverse units of time, or None where it is not known."""
        return None

    def state_errors(self, mean: np.ndarray, states: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Measure errors of the state, by name and unit, where it can be read off a picture; none otherwise.

        Args:
            mean: forecast frames ``(trajectory, frame, channel, *space)`` in physical units.
            states: true states at the same times, ``(trajectory, frame)`` each.
        """
        return {}

    @property
    def settings(self) -> dict[str, Any]:
        """Return the settings in force, by name."""
        return asdict(self)

    def changed(self, changes: Mapping[str, Any], where: str) -> "DataSource":
        """Copy this source with some settings changed.

        Raises:
            BenchError: a setting is unknown or ill-typed; ``where`` names the place it was read from.
        """
        return replace(self, **changed_settings(self.settings, changes, where))
