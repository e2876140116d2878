"""Which axis of an array is what: as the user says, or as its shape suggests."""

import numpy as np

from ladid_bench.core.errors import BenchError, nearest
from ladid_bench.datasets.user.recordings import SMALLEST_SIDE, Reading, Recording, as_float32
from ladid_bench.datasets.user.resampling import shrink

AXES = ("trajectory", "time", "channel", "height", "width", "feature")
MOST_CHANNELS = 4  # an axis as short as this, at the end or before two longer ones, holds colours
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601


def parse_layout(layout: str, rank: int, where: str) -> tuple[str, ...]:
    """The names of the axes.

    Raises:
        BenchError: an unknown, repeated or missing name, or another number of them than there are axes.
    """
    axes = tuple(layout.replace(",", " ").split())
    for axis in axes:
        if axis not in AXES:
            raise BenchError(f"--layout: unknown axis '{axis}'; {nearest(axis, AXES)}")
    if len(set(axes)) != len(axes):
        raise BenchError(f"--layout: '{layout}' names an axis twice")
    image, vector = {"height", "width"} & set(axes), "feature" in axes
    if "time" not in axes or (len(image) == 2) == vector or len(image) == 1 or (vector and "channel" in axes):
        raise BenchError(
            f"--layout: '{layout}' must name time and either height and width or feature; channel goes with images, "
            "trajectory is optional"
        )
    if len(axes) != rank:
        raise BenchError(f"{where}: the array has {rank} axes, --layout names {len(axes)}")
    return axes


def detect_layout(shape: tuple[int, ...], where: str) -> tuple[str, ...]:
    """What the axes of an array probably are.

    Raises:
        BenchError: the shape says nothing.
    """
    colours_last = shape[-1] <= MOST_CHANNELS if shape else False
    if len(shape) == 2:
        return ("time", "feature")
    if len(shape) == 3:
        if shape[1] == shape[2] >= SMALLEST_SIDE:
            return ("time", "height", "width")
        if shape[0] == shape[1] >= SMALLEST_SIDE:
            return ("height", "width", "time")
        return ("trajectory", "time", "feature")
    if len(shape) == 4:
        if colours_last:
            return ("time", "height", "width", "channel")
        colours = shape[1] <= MOST_CHANNELS
        return ("time", "channel", "height", "width") if colours else ("trajectory", "time", "height", "width")
    if len(shape) == 5 and colours_last:
        return ("trajectory", "time", "height", "width", "channel")
    if len(shape) == 5 and shape[2] <= MOST_CHANNELS:
        return ("trajectory", "time", "channel", "height", "width")
    raise BenchError(
        f"{where}: cannot tell what the axes of an array of shape {shape} are; name them with --layout, such as "
        "'trajectory time height width channel'"
    )


def recordings_of(values: np.ndarray, axes: tuple[str, ...], reading: Reading, where: str) -> list[Recording]:
    """One recording a trajectory of an array whose axes are ``axes``."""
    if values.size == 0:
        raise BenchError(f"{where}: there is nothing in it (shape {values.shape})")
    space = ("feature",) if "feature" in axes else ("height", "width")
    wanted = ("trajectory", "time", "channel", *space)
    present = [axes.index(axis) for axis in wanted if axis in axes]
    ordered = values.transpose(present)
    for place, axis in enumerate(wanted):
        if axis not in axes:
            ordered = np.expand_dims(ordered, place)  # (trajectory, time, channel, *space) in the end
    several = len(ordered) > 1
    found = []
    for index, one in enumerate(ordered):
        name = f"{where}, trajectory {index}" if several else where
        found.append(Recording(name, prepared(as_float32(one, name), reading, name)))
    return found


def prepared(frames: np.ndarray, reading: Reading, where: str) -> np.ndarray:
    """Frames ``(time, channel, *space)`` in grey and shrunk, as far as asked for."""
    if frames.ndim != 4:
        if reading.grayscale:
            raise BenchError(f"{where}: --grayscale is for images; these are vectors")
        return np.ascontiguousarray(frames)
    if reading.grayscale and frames.shape[1] == len(LUMA):
        frames = np.einsum("tchw,c->thw", frames, LUMA)[:, None]  # (time, 3, h, w) -> (time, 1, h, w)
    elif reading.grayscale and frames.shape[1] != 1:
        raise BenchError(f"{where}: --grayscale needs 3 channels (red, green, blue), there are {frames.shape[1]}")
    return shrink(frames, reading.image_size) if reading.image_size else np.ascontiguousarray(frames)
