"""What all synthetic systems share: random streams, batches, and the split as it is stored."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ladid_bench.config import SplitSizes
from ladid_bench.data.source import DataSource
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.project import SPLITS

BATCH_BYTES = 2**25  # of stored frames in a batch: what simulation needs besides the split itself
UNITS_PER_SPLIT = 10**9  # numbers reserved for the units of a split, so that splits never share one


@dataclass(frozen=True)
class Simulation:
    """A batch of simulated trajectories.

    Attributes:
        frames: float32 ``(trajectory, time, channel, *space)``, physical units.
        parameters: true constants by name, each float64 ``(trajectory,)``.
        states: true state over time by name, each float64 ``(trajectory, time)``.
    """

    frames: np.ndarray
    parameters: Mapping[str, np.ndarray]
    states: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class System(DataSource):
    """A simulated data set. A concrete system says what is random in a trajectory and how a batch evolves.

    Every trajectory has a random stream of its own, named by seed, split and index. Splits are thus
    disjoint, a trajectory depends neither on how many are asked for nor on the batch it is computed
    in, and systems that differ in their constants alone start from the same initial states.

    Attributes:
        channels: names of the channels.
        boundary: what the edge of the picture is: ``wall``, ``open`` or ``periodic``.
    """

    channels: ClassVar[tuple[str, ...]] = ("intensity",)
    boundary: ClassVar[str] = "open"

    @property
    @abstractmethod
    def frame_interval(self) -> float:
        """Time between two frames."""

    @abstractmethod
    def draw(self, random: np.random.Generator) -> dict[str, Any]:
        """What is random in one trajectory, numbers or arrays by name."""

    @abstractmethod
    def simulate(self, drawn: Mapping[str, np.ndarray], times: np.ndarray, image_size: int) -> Simulation:
        """Simulate a batch and observe it at ``times``; no frame is interpolated between others.

        Args:
            drawn: what ``draw`` returned, stacked along a first axis, ``(trajectory, ...)`` each.
            times: ``(trajectory, time)``, increasing; the initial state holds at the first one.
            image_size: side of a frame in pixels.

        Raises:
            BenchError: the settings ask for more than the numerical scheme can do.
        """

    def split(self, name: str, sizes: SplitSizes, image_size: int, seed: int, frames: int) -> Trajectories:
        """Simulate split ``name``; see ``DataSource.split``."""
        index, count = SPLITS.index(name), getattr(sizes, name)
        streams = np.random.SeedSequence([seed, index]).spawn(count)
        draws = [self.draw(np.random.default_rng(stream)) for stream in streams]
        drawn = {key: np.stack([draw[key] for draw in draws]) for key in draws[0]}  # (trajectory, ...)
        times = np.tile(np.arange(frames) * self.frame_interval, (count, 1))  # (trajectory, time)
        simulation = self._in_batches(drawn, times, image_size)
        return Trajectories(
            frames=simulation.frames,
            times=times,
            unit=index * UNITS_PER_SPLIT + np.arange(count, dtype=np.int64),
            parameters=simulation.parameters,
            states=simulation.states,
            fields=self.channels,
            boundary=self.boundary,
            provenance=self._provenance(name, seed, image_size),
        )

    def _in_batches(self, drawn: Mapping[str, np.ndarray], times: np.ndarray, image_size: int) -> Simulation:
        shape = (*times.shape, len(self.channels), image_size, image_size)
        frames = np.empty(shape, dtype=np.float32)  # filled in place: never two copies of a split in memory
        parameters, states = [], []
        for batch in _batches(len(frames), frames[0].nbytes):
            part = self.simulate({key: values[batch] for key, values in drawn.items()}, times[batch], image_size)
            frames[batch] = part.frames
            parameters.append(part.parameters)
            states.append(part.states)
        return Simulation(frames, _joined(parameters), _joined(states))

    def _provenance(self, split: str, seed: int, image_size: int) -> dict[str, Any]:
        return {
            "system": self.name,
            "generator_version": self.version,
            "settings": self.settings,
            "split": split,
            "seed": seed,
            "image_size": image_size,
            "units": dict(self.units),
        }


def _batches(count: int, bytes_each: int) -> Iterator[slice]:
    size = max(1, BATCH_BYTES // bytes_each)
    for start in range(0, count, size):
        yield slice(start, start + size)


def _joined(parts: list[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
