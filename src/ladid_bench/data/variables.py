"""The physical variables that a frame is made of: each has a range, to normalize by, and an error of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.data.trajectories import Trajectories

TAIL = 0.1  # percent of the training values that are left out at either end of a range before its margin
MARGIN = 0.05  # of the width between these percentiles, added at either end
LARGEST_LOSS = 0.01  # of the training variance may be lost by clipping to the range
PRECISION = 1e-6  # of a variable's largest value: float32, in which all values are kept, resolves 1.2e-7 of it


def unit_of(units: Mapping[str, str], name: str) -> str:
    """Look up the unit of a quantity as it is written; nothing for a pure number, whose unit is "1"."""
    unit = units.get(name, "")
    return "" if unit == "1" else unit


@dataclass(frozen=True)
class Variable:
    """A channel of an image, a feature of a vector observation, or several of these that are components of one vector.

    Attributes:
        name: of the channel, the feature or the vector.
        components: its places among the channels of an image, or among the flattened ``(channel, feature)`` of a
            vector observation.
        low, high: physical values that the neural methods map to 0 and 1.
        clipping_loss: squares of what clipping to the range takes from the training values, over the squares of their
            deviation from the training mean frame. No forecast within the range can have a smaller FVU there.
        deviation: root of the mean of the latter squares, in physical units.
        constant: no training value lies further from the training mean frame than ``PRECISION`` of the largest
            absolute value, so that what moves may be rounding; errors leave it out.
    """

    name: str
    components: tuple[int, ...]
    low: float
    high: float
    clipping_loss: float
    deviation: float
    constant: bool


def variables_of(train: Trajectories, vectors: Mapping[str, Sequence[int]]) -> tuple[Variable, ...]:
    """Find the variables of a data set and their ranges, from the training split alone.

    Args:
        train: training split.
        vectors: components of each vector by its name, numbered as in ``Variable.components``; every other channel
            or feature is a variable of its own.

    Raises:
        BenchError: ``vectors`` names a component twice, or one that is not there.
    """
    names = _component_names(train)
    taken = [component for components in vectors.values() for component in components]
    if len(set(taken)) < len(taken) or not set(taken) <= set(range(len(names))):
        raise BenchError(
            f"vectors {dict(vectors)}: components must be distinct and from 0 to {len(names) - 1}, "
            "the number of channels (of images) or features less 1"
        )
    alone = {name: (place,) for place, name in enumerate(names) if place not in taken}
    found = {name: tuple(places) for name, places in vectors.items()} | alone
    mean = train.frames.mean(axis=(0, 1), dtype=np.float64)  # (channel, *space)
    ordered = sorted(found.items(), key=lambda item: item[1])
    return tuple(_variable(name, places, train.frames, mean) for name, places in ordered)


def by_component(variables: Sequence[Variable], values: Sequence[float]) -> np.ndarray:
    """Repeat one value a variable for each of its components, ``(component,)``."""
    spread = np.empty(sum(len(variable.components) for variable in variables))
    for variable, value in zip(variables, values, strict=True):
        spread[list(variable.components)] = value
    return spread


def _component_names(train: Trajectories) -> list[str]:
    """Names of the channels of images; of features, the name of their channel and their place in it."""
    if len(train.space) == 2:
        return list(train.fields)
    features = train.frames.shape[3]
    return [f"{field} {feature}" for field in train.fields for feature in range(features)]


def component_values(frames: np.ndarray, places: Sequence[int]) -> np.ndarray:
    """Select components of frames ``(..., channel, *space)``, numbered as in ``Variable.components``.

    Args:
        frames: ``(trajectory, time, channel, *space)``.
        places: which components.

    Returns:
        ``(trajectory, time, component, height, width)`` of images, ``(trajectory, time, component)`` of vectors.
    """
    if frames.ndim == 4:
        frames = frames.reshape(*frames.shape[:2], -1)  # (trajectory, time, channel, feature) -> (..., component)
    return frames if len(places) == frames.shape[2] else frames[:, :, list(places)]


def _variable(name: str, places: tuple[int, ...], frames: np.ndarray, mean: np.ndarray) -> Variable:
    values = component_values(frames, places)
    centre = component_values(mean[None, None], places)  # (1, 1, component, *space)
    squares, furthest, largest = _spread(values, centre)
    constant = furthest <= PRECISION * largest
    low, high, lost = _range(values, squares, constant)
    loss = 0.0 if constant else lost / squares
    return Variable(name, places, low, high, loss, float(np.sqrt(squares / values.size)), constant)


def _spread(values: np.ndarray, centre: np.ndarray) -> tuple[float, float, float]:
    """Sum of squared deviations from ``centre``, the largest deviation, and the largest absolute value."""
    squares = furthest = largest = 0.0
    for trajectory in values:  # one at a time: float64 copies of a split may not fit in memory
        distance = np.abs(trajectory - centre[0])
        squares += float((distance**2).sum())
        furthest = max(furthest, float(distance.max()))
        largest = max(largest, float(np.abs(trajectory).max()))
    return squares, furthest, largest


def _range(values: np.ndarray, squares: float, constant: bool) -> tuple[float, float, float]:
    """The range of a variable, and the squares that are lost by clipping to it.

    It reaches from the ``TAIL`` percentile to the one as far from the other end, and ``MARGIN`` further. Where that
    would lose more than ``LARGEST_LOSS``, as with a bright bead on a few pixels of a dark film, the tails are halved
    until it does not; percentiles of smaller and smaller tails end at the extremes, where nothing is lost.
    """
    tail = TAIL
    while True:
        low, high = np.percentile(values, (tail, 100 - tail))
        if constant and high - low <= PRECISION * max(abs(low), abs(high)):  # nothing to divide by
            middle, half = float(low), 0.5 * abs(float(low)) or 0.5
            return middle - half, middle + half, 0.0
        margin = MARGIN * (high - low)
        low, high = float(low - margin), float(high + margin)
        lost = clipped_squares(values, low, high)
        if constant or lost <= LARGEST_LOSS * squares:
            return low, high, lost
        tail /= 2


def clipped_squares(values: np.ndarray, low: float, high: float) -> float:
    """Sum the squares of what clipping to a range takes from values."""
    below, above = values[values < low], values[values > high]
    return float(((low - below.astype(np.float64)) ** 2).sum() + ((above.astype(np.float64) - high) ** 2).sum())


def outside(variable: Variable, frames: np.ndarray) -> int:
    """Count the values of a variable out of its range, in frames ``(trajectory, time, channel, *space)``."""
    values = component_values(frames, variable.components)
    return int(np.count_nonzero(values < variable.low) + np.count_nonzero(values > variable.high))
