"""Inside a trained LaDID on its test split, as arrays: attention, psi, the latent path, off-grid frames."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from ladid_bench.probing.components import Components, principal_components
from ladid_bench.probing.ground_truth import Quantity

PARTS = 8  # steps of the fine grid between two frames
EXAMPLE = 0  # number of the trajectory that is shown alone
STRIP_SHARES = (0, 0.25, 0.5, 0.75, 1)  # of a step at which a picture is shown


@dataclass(frozen=True)
class Truth(Quantity):
    """Something true of each trajectory, to colour psi by.

    Attributes:
        reading: R^2 of a linear reading from psi on trajectories it was not fitted to; None with too few groups.
    """

    reading: float | None


@dataclass(frozen=True)
class Strip:
    """Decoded pictures across one step between two frames, first channel, normalized to [0, 1].

    Attributes:
        start, end: times of the two frames, from the first frame.
        truth: the two true frames, ``(2, height, width)``.
        decoded: pictures at ``STRIP_SHARES`` of the step, ``(share, height, width)``.
    """

    start: float
    end: float
    truth: np.ndarray
    decoded: np.ndarray


@dataclass(frozen=True)
class Inside:
    """All that is shown of a trained model. Times count from the first frame of each trajectory.

    Attributes:
        over_places: whether attention is over the places of a frame rather than over the context frames.
        attention: by layer, ``(trajectory, row, row)``; every row sums to 1.
        psi: ``(trajectory, psi)``.
        truths: what is known of the trajectories.
        times: of the forecast frames within the span of training, ``(trajectory, frame)``; training never asks
            for a state within the context.
        fine_times: the same with ``PARTS`` steps between two frames, ``(trajectory, fine)``.
        states: F(psi, t) at the fine times, ``(trajectory, fine, latent)``.
        strips: pictures between frames of the example; empty for vector observations.
        shift: how far frames of the example decoded halfway between two frames are from those decoded from the
            smooth curve through the states at the frames, as a share of the change from frame to frame (RMS).
    """

    over_places: bool
    attention: list[np.ndarray]
    psi: np.ndarray
    truths: list[Truth]
    times: np.ndarray
    fine_times: np.ndarray
    states: np.ndarray
    strips: list[Strip]
    shift: float

    @property
    def components(self) -> Components:
        """Principal components of the states of all trajectories at all fine times."""
        return principal_components(self.states.reshape(-1, self.states.shape[-1]))  # (trajectory * fine, latent)

    @property
    def smooth_states(self) -> np.ndarray:
        """What a smooth curve through the states at the frames is at the fine times, in the shape of ``states``."""
        return smooth_path(self.times, self.fine_times, self.states)


def step_lengths(states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Measure the lengths of path and straight line between neighbouring frames, ``(trajectory, step)`` each.

    Args:
        states: on the fine grid, ``(trajectory, fine, latent)``.
    """
    pieces = np.linalg.norm(np.diff(states, axis=1), axis=-1)  # (trajectory, fine - 1)
    path = pieces.reshape(len(states), -1, PARTS).sum(axis=-1)  # (trajectory, step, PARTS) -> (trajectory, step)
    return path, np.linalg.norm(np.diff(states[:, ::PARTS], axis=1), axis=-1)


def smooth_path(times: np.ndarray, fine_times: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Evaluate the cubic splines through the states at the frames at the fine times.

    Args:
        times, fine_times: ``(trajectory, frame)`` and ``(trajectory, fine)``.
        states: at the fine times, ``(trajectory, fine, latent)``; only those at the frames are used.

    Returns:
        The shape of ``states``.
    """
    frames = states[:, ::PARTS]
    return np.stack([CubicSpline(*own)(fine) for *own, fine in zip(times, frames, fine_times, strict=True)])


def effective(weights: np.ndarray) -> float:
    """Average exp(entropy) over rows: how many entries a row of ``(..., row, row)`` weights spreads over."""
    entropy = -(weights * np.log(np.maximum(weights, np.finfo(float).tiny))).sum(axis=-1)
    return float(np.exp(entropy).mean())


def detours(states: np.ndarray) -> np.ndarray:
    """Divide the length of the path by that of the straight line for each step between frames, ``(step,)``, pooled."""
    path, straight = step_lengths(states)
    with np.errstate(divide="ignore", invalid="ignore"):
        return path.sum(axis=0) / straight.sum(axis=0)


def overall_detour(states: np.ndarray) -> float:
    """Divide the length of all paths by that of the straight lines between frames; NaN where nothing moves."""
    path, straight = step_lengths(states)
    return float(path.sum() / straight.sum()) if straight.sum() > 0 else math.nan
