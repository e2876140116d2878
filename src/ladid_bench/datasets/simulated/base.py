"""The base class of simulated systems: random streams, batches, and the split as it is stored."""

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ladid_bench.core.configuration import DataKind, SplitSizes
from ladid_bench.core.errors import BenchError
from ladid_bench.core.paths import MIDPOINTS, SPLITS
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.datasets.simulated.grids import TIME_GRIDS, halfway, irregular_times, regular_times
from ladid_bench.datasets.simulated.observation import OBSERVATIONS, observe
from ladid_bench.datasets.source import DataCard, DataSource

BATCH_BYTES = 2**25  # of stored frames in a batch: what simulation needs besides the split itself
GROUPS_PER_SPLIT = 10**9  # numbers reserved for the groups of a split, so that splits never share one
GRID_STREAM, NOISE_STREAM = 1, 2  # beside stream 0, which draws the trajectory itself


@dataclass(frozen=True)
class Simulation:
    """Hold a batch of simulated trajectories.

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
    """Simulate a data set. A concrete system says what is random in a trajectory and how a batch evolves.

    Every trajectory has a random stream of its own, named by seed, split and index. Splits are thus
    disjoint, a trajectory depends neither on how many are asked for nor on the batch it is computed
    in, and systems that differ in their constants alone start from the same initial states.

    Beside train, valid and test there is a fourth split, ``midpoints``: the test trajectories at the
    times halfway between their frames, from the simulator itself. It shows what a method knows of
    times at which no frame was.

    Attributes:
        channels: names of the channels.
        boundary: what the edge of the picture is: ``wall``, ``open`` or ``periodic``.
        value_range: about the lowest and highest value of a frame; shifts of observation refer to it.
        time_grid: ``regular``, or ``irregular``: every trajectory has random times of its own.
        observation: how the camera sees the system; see ``simulated.observation``.
    """

    kind: ClassVar[DataKind] = "fields"
    splits: ClassVar[tuple[str, ...]] = (*SPLITS, MIDPOINTS)
    channels: ClassVar[tuple[str, ...]] = ("intensity",)
    boundary: ClassVar[str] = "open"
    value_range: ClassVar[tuple[float, float]] = (0.0, 1.0)

    time_grid: str = "regular"
    observation: str = "plain"

    def __post_init__(self) -> None:
        self.require_known(time_grid=TIME_GRIDS, observation=OBSERVATIONS)

    def require_at_least(self, **least: float) -> None:
        """Refuse a setting that is not finite or below the least value allowed, by the setting's name."""
        for setting, smallest in least.items():
            value = getattr(self, setting)
            if not smallest <= value < math.inf:
                raise BenchError(f"{self.name}: setting '{setting}' is {value:g}; give at least {smallest:g}")

    def require_range(self, constant: str) -> None:
        """Refuse settings ``<constant>_low`` and ``<constant>_high`` that are no range."""
        low, high = getattr(self, f"{constant}_low"), getattr(self, f"{constant}_high")
        if not low <= high < math.inf:
            raise BenchError(
                f"{self.name}: setting '{constant}_high' is {high:g}; give at least {constant}_low, {low:g}"
            )

    def describe(self, **text: str) -> DataCard:
        """Fill the data card with what all simulated data sets say alike, and with ``text``."""
        alike = {
            "origin": "simulated",
            "obtained_from": f"this package, {type(self).__module__}",
            "licence": "that of this package",
            "splits": "independent random streams of one law; the group is the trajectory",
        }
        return DataCard(**(alike | text))  # type: ignore[arg-type]

    @classmethod
    def regimes(cls) -> dict[str, Mapping[str, Any]]:
        """List the system's own interventions, then those of every system: shifts of observation, irregular times."""
        shifts = {shift: {"observation": shift} for shift in OBSERVATIONS if shift != "plain"}
        return {**cls.interventions, **shifts, "irregular": {"time_grid": "irregular"}}

    @property
    @abstractmethod
    def frame_interval(self) -> float:
        """Return the time between two frames."""

    @abstractmethod
    def draw(self, random: np.random.Generator) -> dict[str, Any]:
        """Draw what is random in one trajectory, numbers or arrays by name."""

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
        """Simulate split ``name``; the arguments are those of ``DataSource.split``."""
        index, count = self.stream_of(name), sizes.test if name == MIDPOINTS else getattr(sizes, name)
        drawn, group = self.drawn(count, [seed, index])
        times = self.times(name, count, seed, frames)
        simulation = self._in_batches(drawn, times, image_size)
        trajectories = Trajectories(
            frames=simulation.frames,
            times=times,
            group=index * GROUPS_PER_SPLIT + group,
            parameters=simulation.parameters,
            states=simulation.states,
            fields=self.channels,
            boundary=self.boundary,
            provenance=self.origin(name, seed, image_size),
        )
        # the state is drawn at time 0, which lies before the first time halfway
        return self.observed(trajectories.from_frame(1) if name == MIDPOINTS else trajectories, name, seed)

    def drawn(self, count: int, seeds: list[int]) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Draw what is random in each trajectory, ``(trajectory, ...)`` by name, and number them, ``(trajectory,)``."""
        streams = np.random.SeedSequence(seeds).spawn(count)
        draws = [self.draw(np.random.default_rng(stream)) for stream in streams]
        return {key: np.stack([draw[key] for draw in draws]) for key in draws[0]}, np.arange(count, dtype=np.int64)

    @staticmethod
    def stream_of(split: str) -> int:
        """Return the number of a split's random streams; ``midpoints`` has those of the test split."""
        return SPLITS.index("test" if split == MIDPOINTS else split)

    def times(self, split: str, count: int, seed: int, frames: int) -> np.ndarray:
        """Lay out the times of ``count`` trajectories, ``(trajectory, time)``, all from 0 on.

        For ``midpoints`` the first time is 0 all the same, where the initial state holds, and the others
        are halfway between those of the test split.
        """
        if self.time_grid == "regular":
            times = regular_times(count, frames, self.frame_interval)
        else:
            streams = np.random.SeedSequence([seed, self.stream_of(split), GRID_STREAM]).spawn(count)
            times = irregular_times(streams, frames, self.frame_interval)
        return halfway(times) if split == MIDPOINTS else times

    def observed(self, trajectories: Trajectories, split: str, seed: int) -> Trajectories:
        """Observe ``trajectories`` as the setting ``observation`` says; the dynamics are untouched."""
        key = [seed, self.stream_of(split), NOISE_STREAM, int(split == MIDPOINTS)]
        streams = np.random.SeedSequence(key).spawn(len(trajectories))
        return observe(trajectories, self.observation, self.value_range, streams)

    def state_errors(self, mean: np.ndarray, states: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Measure errors of the state off plain pictures; nothing is read off a shifted observation."""
        return self.errors_read(mean, states) if self.observation == "plain" else {}

    def errors_read(self, mean: np.ndarray, states: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Measure errors of the states that can be read off plain pictures; arguments as of ``state_errors``."""
        return {}

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

    def origin(self, split: str, seed: int, image_size: int) -> dict[str, Any]:
        """Record the provenance of a split."""
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
