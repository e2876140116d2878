"""The task a data set poses to a method: what is given, what is asked, and in which units."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.data.variables import Variable, by_component, variables_of


@dataclass(frozen=True)
class Task:
    """Given the first ``context_frames`` frames of a trajectory, forecast the rest.

    Attributes:
        dataset: name of the data set.
        context_frames, forecast_frames: frames given, and frames after them that are scored.
        shape: ``(channel, *space)`` of one frame.
        variables: what a frame is made of, with the range of each; every component belongs to one.
        duration: longest time from the first to the last frame of a training trajectory.
        time_step: median time between two frames of the training split.
        regular: whether all training trajectories share one evenly spaced grid.
        season: length of the seasonal cycle in units of time, or None where times carry no calendar.
    """

    dataset: str
    context_frames: int
    forecast_frames: int
    shape: tuple[int, ...]
    variables: tuple[Variable, ...]
    duration: float
    time_step: float
    regular: bool
    season: float | None = None

    @property
    def is_image(self) -> bool:
        """Whether frames are images."""
        return len(self.shape) == 3

    @property
    def frames(self) -> int:
        """Frames of a trajectory, given and forecast."""
        return self.context_frames + self.forecast_frames

    @property
    def low(self) -> np.ndarray:
        """Physical values that are mapped to 0: ``(channel, 1, 1)`` of images, ``(channel, feature)`` of vectors."""
        return self._broadcasting([variable.low for variable in self.variables])

    @property
    def high(self) -> np.ndarray:
        """Physical values that are mapped to 1, of the same shape."""
        return self._broadcasting([variable.high for variable in self.variables])

    def _broadcasting(self, values: Sequence[float]) -> np.ndarray:
        """One value a variable as an array that broadcasts over ``(..., channel, *space)``."""
        shape = (self.shape[0], 1, 1) if self.is_image else self.shape
        return by_component(self.variables, values).reshape(shape)  # (component,) -> (channel, 1, 1) or (channel, f)

    def normalize(self, physical: Any) -> Any:
        """Map physical values to the range 0 to 1, linearly and without clipping.

        Args:
            physical: array or tensor, on any device, ``(..., channel, *space)``.
        """
        low, width = self._scaling(physical)
        return (physical - low) / width

    def denormalize(self, normalized: Any) -> Any:
        """Map the range 0 to 1 back to physical values, the inverse of ``normalize``."""
        low, width = self._scaling(normalized)
        return normalized * width + low

    def _scaling(self, like: Any) -> tuple[Any, Any]:
        """``low`` and ``high - low`` as numbers where there is one range, else in the type and place of ``like``."""
        if len(self.variables) == 1:
            return self.variables[0].low, self.variables[0].high - self.variables[0].low
        low, width = self.low, self.high - self.low
        if isinstance(like, np.ndarray):
            return low.astype(like.dtype), width.astype(like.dtype)
        return like.new_tensor(low), like.new_tensor(width)  # of torch, which this module does without

    def to_json(self) -> dict[str, Any]:
        """Convert all of the task for JSON, with ``low`` and ``high`` of each component as lists."""
        return asdict(self) | {"low": self.low.flatten().tolist(), "high": self.high.flatten().tolist()}


def task_of(
    train: Trajectories,
    dataset: str,
    context_frames: int,
    forecast_frames: int,
    season: float | None = None,
    vectors: Mapping[str, Sequence[int]] | None = None,
) -> Task:
    """Derive the task from the training split alone; validation and test are never looked at.

    ``season`` and ``vectors``, components of one vector by its name, are what the data set's source declares.

    Raises:
        BenchError: the trajectories are too short, or nothing in them varies.
    """
    frames = train.frames.shape[1]
    if context_frames + forecast_frames > frames:
        raise BenchError(
            f"data set '{dataset}': {context_frames} context and {forecast_frames} forecast frames "
            f"do not fit in trajectories of {frames} frames; lower context_frames or forecast_frames"
        )
    variables = variables_of(train, vectors or {})
    if all(variable.constant for variable in variables):
        raise BenchError(
            f"data set '{dataset}': every training frame is the same to within rounding; there is nothing to learn"
        )
    gaps = np.diff(train.times, axis=1)
    step = float(np.median(gaps))
    return Task(
        dataset=dataset,
        context_frames=context_frames,
        forecast_frames=forecast_frames,
        shape=train.frames.shape[2:],
        variables=variables,
        duration=float((train.times[:, -1] - train.times[:, 0]).max()),
        time_step=step,
        regular=bool(np.allclose(gaps, step, rtol=1e-6)),
        season=season,
    )
