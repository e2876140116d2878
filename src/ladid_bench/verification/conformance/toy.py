"""A system small enough to learn in seconds: a plane wave that travels across the frame.

Wavelength, speed and height are the same in all trajectories, the phase is not: whoever reads it off the context
and knows the speed can forecast every frame.
"""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from ladid_bench.data.task import Task, task_of
from ladid_bench.data.trajectories import Trajectories

GIVEN, ASKED = 4, 8
HORIZON = 150  # frames asked for on the long toys; as long as any data set of scale cpu
STEP = 0.1  # time between two frames
PERIOD = 1.6
SIZES = {"train": 32, "valid": 8, "test": 8}
JITTER = 0.3  # of a step, either way, on the irregular grid
LEVEL = 2.0  # added to the wave, so that physical and normalized values are not the same


@dataclass(frozen=True)
class Toy:
    """Splits and task of a toy data set."""

    train: Trajectories
    valid: Trajectories
    test: Trajectories
    task: Task

    @property
    def context(self) -> tuple[np.ndarray, np.ndarray]:
        """Context frames and times of the test trajectories; copies, for whatever a method does to them."""
        return self.test.frames[:, :GIVEN].copy(), self.test.times[:, :GIVEN].copy()

    @property
    def query_times(self) -> np.ndarray:
        """Times of the test frames to forecast, ``(trajectory, query)``; a copy likewise."""
        return self.test.times[:, GIVEN:].copy()

    @property
    def truth(self) -> np.ndarray:
        """The frames at ``query_times``, ``(trajectory, query, channel, *space)``; a copy likewise."""
        return self.test.frames[:, GIVEN:].copy()

    @property
    def known(self) -> tuple[Trajectories, Trajectories]:
        """Training and validation split; copies likewise."""
        train, valid = (
            replace(split, frames=split.frames.copy(), times=split.times.copy()) for split in (self.train, self.valid)
        )
        return train, valid

    @property
    def scale(self) -> float:
        """Widest range of physical values, to which tolerances refer."""
        return float((self.task.high - self.task.low).max())


@cache
def make_toy(shape: tuple[int, ...], irregular: bool = False, queries: int = ASKED) -> Toy:
    """Make a toy data set with frames of ``shape`` ``(channel, *space)``; the same numbers every time."""
    train, valid, test = (
        _split(shape, irregular, GIVEN + queries, np.random.default_rng([index, *shape]), count)
        for index, count in enumerate(SIZES.values())
    )
    return Toy(train, valid, test, task_of(train, "toy", GIVEN, queries, season=PERIOD))


def _split(
    shape: tuple[int, ...], irregular: bool, frames: int, random: np.random.Generator, count: int
) -> Trajectories:
    times = np.tile(STEP * np.arange(frames), (count, 1))
    if irregular:
        times = times + STEP * random.uniform(-JITTER, JITTER, times.shape)
    channel, *place = np.meshgrid(np.arange(shape[0]), *(np.arange(side) / side for side in shape[1:]), indexing="ij")
    phase = channel + 2 * np.pi * sum(place) / len(place)  # (channel, *space)
    start = random.uniform(0, 2 * np.pi, (count, 1))
    moved = (start + 2 * np.pi / PERIOD * times).reshape(*times.shape, *(1 for _ in shape))
    return Trajectories(
        frames=(LEVEL + np.cos(phase - moved)).astype(np.float32),
        times=times,
        group=np.arange(count),
        fields=tuple(f"height_{index}" for index in range(shape[0])),
        space=("height", "width") if len(shape) == 3 else ("feature",),
        boundary="periodic",
    )
