"""The task a data set poses to a method: what is given, what is asked, and in which units."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.data.trajectories import Trajectories

PERCENTILES = (0.1, 99.9)
MARGIN = 0.05


@dataclass(frozen=True)
class Task:
    """Given the first ``context_frames`` frames of a trajectory, forecast the rest.

    Attributes:
        dataset: name of the data set.
        context_frames, forecast_frames: frames given, and frames after them that are scored.
        shape: ``(channel, *space)`` of one frame.
        low, high: physical values that the neural methods map to 0 and 1.
        duration: longest time from the first to the last frame of a training trajectory.
        time_step: median time between two frames of the training split.
        regular: whether all training trajectories share one evenly spaced grid.
        season: length of the seasonal cycle in units of time, or None where times carry no calendar.
    """

    dataset: str
    context_frames: int
    forecast_frames: int
    shape: tuple[int, ...]
    low: float
    high: float
    duration: float
    time_step: float
    regular: bool
    season: float | None = None

    @property
    def is_image(self) -> bool:
        return len(self.shape) == 3

    @property
    def frames(self) -> int:
        return self.context_frames + self.forecast_frames

    def normalize(self, physical: Any) -> Any:
        """Map physical values to the range 0 to 1, linearly and without clipping."""
        return (physical - self.low) / (self.high - self.low)

    def denormalize(self, normalized: Any) -> Any:
        """Inverse of ``normalize``."""
        return normalized * (self.high - self.low) + self.low

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def task_of(
    train: Trajectories, dataset: str, context_frames: int, forecast_frames: int, season: float | None = None
) -> Task:
    """Derive the task from the training split alone; validation and test are never looked at.

    ``season`` is what the data set's source declares.

    Raises:
        BenchError: the trajectories are too short, or their values are all equal.
    """
    frames = train.frames.shape[1]
    if context_frames + forecast_frames > frames:
        raise BenchError(
            f"data set '{dataset}': {context_frames} context and {forecast_frames} forecast frames "
            f"do not fit in trajectories of {frames} frames; lower context_frames or forecast_frames"
        )
    low, high = np.percentile(train.frames, PERCENTILES)
    if high <= low:  # a sparse field can have all its signal beyond the percentiles
        low, high = float(train.frames.min()), float(train.frames.max())
    if high <= low:
        raise BenchError(f"data set '{dataset}': all training values are {low:g}; there is nothing to learn")
    gaps = np.diff(train.times, axis=1)
    step = float(np.median(gaps))
    margin = MARGIN * (high - low)
    return Task(
        dataset=dataset,
        context_frames=context_frames,
        forecast_frames=forecast_frames,
        shape=train.frames.shape[2:],
        low=float(low - margin),
        high=float(high + margin),
        duration=float((train.times[:, -1] - train.times[:, 0]).max()),
        time_step=step,
        regular=bool(np.allclose(gaps, step, rtol=1e-6)),
        season=season,
    )
