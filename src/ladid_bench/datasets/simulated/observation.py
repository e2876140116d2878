"""Shifts of observation: another camera, the same dynamics."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ladid_bench.data.trajectories import Trajectories

OBSERVATIONS = ("plain", "inverted", "scaled", "noisy", "translated")
SCALE = 0.5  # of the contrast, about the lower end of the range
NOISE = 0.05  # standard deviation as a fraction of the range
SHIFT = 1 / 8  # of the side, downwards and to the right


def observe(
    trajectories: Trajectories,
    observation: str,
    value_range: tuple[float, float],
    streams: Sequence[np.random.SeedSequence],
) -> Trajectories:
    """Observe ``trajectories`` under a shift of observation.

    Args:
        trajectories: images as simulated.
        observation: ``plain`` leaves them; ``inverted`` swaps the ends of the range; ``scaled`` halves the
            contrast; ``noisy`` adds white noise to every pixel; ``translated`` moves the picture by an eighth
            of its side, around a periodic edge, and else with the value at the edge behind it.
        value_range: the range the shifts refer to.
        streams: a random stream for each trajectory.
    """
    frames, (low, high) = trajectories.frames, value_range
    if observation == "inverted":
        frames = np.float32(low + high) - frames
    elif observation == "scaled":
        frames = np.float32(low) + np.float32(SCALE) * (frames - np.float32(low))
    elif observation == "noisy":
        frames = frames.copy()
        for row, stream in zip(frames, streams, strict=True):
            noise = np.random.default_rng(stream).standard_normal(row.shape, dtype=np.float32)
            row += np.float32(NOISE * (high - low)) * noise
    elif observation == "translated":
        frames = _translated(frames, trajectories.boundary == "periodic")
    return replace(trajectories, frames=frames)


def _translated(frames: np.ndarray, periodic: bool) -> np.ndarray:
    for axis in (-2, -1):
        side = frames.shape[axis]
        source = np.arange(side) - max(1, round(SHIFT * side))
        frames = np.take(frames, source % side if periodic else source.clip(0), axis=axis)
    return frames
