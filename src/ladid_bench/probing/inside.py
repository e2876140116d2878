"""Inside a trained LaDID on its test split, as arrays: attention, psi, the latent path, off-grid frames."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.interpolate import CubicSpline
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold, cross_val_predict

from ladid_bench.core.errors import BenchError
from ladid_bench.data.task import Task
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.datasets.source import DataSource
from ladid_bench.ladid.attention import MixingTransformer, TransformerLayer
from ladid_bench.ladid.method import LaDIDMethod
from ladid_bench.probing.components import Components, principal_components
from ladid_bench.probing.ground_truth import Quantity, known_quantities, quantity

PARTS = 8  # steps of the fine grid between two frames
STRIPS = 3  # steps between frames shown as pictures
STRIP_SHARES = (0, 0.25, 0.5, 0.75, 1)  # of a step at which a picture is shown
UNITS_FOR_READING = 10  # fewer independent units say nothing about how well psi can be read
FOLDS = 5
PENALTIES = np.logspace(-3, 3, 7)
SLACK = 1e-6  # of the training span, for rounding


@dataclass(frozen=True)
class Truth(Quantity):
    """Something true of each trajectory, to colour psi by.

    Attributes:
        reading: R^2 of a linear reading from psi on trajectories it was not fitted to; None with too few units.
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
        psi: ``(trajectory, code)``.
        truths: what is known of the trajectories.
        times: of the forecast frames within the span of training, ``(trajectory, frame)``; training never asks
            for a state within the context.
        fine_times: the same with ``PARTS`` steps between two frames, ``(trajectory, fine)``.
        states: F(psi, t) at the fine times, ``(trajectory, fine, latent)``.
        strips: pictures between frames of the example; empty for vector observations.
        shift: how far frames of the example decoded halfway between two frames are from those decoded from the
            smooth curve through the states at the frames, as a share of the change from frame to frame (RMS).
        example: number of the trajectory that is shown alone.
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
    example: int

    @property
    def components(self) -> Components:
        """Principal components of the states of all trajectories at all fine times."""
        return principal_components(self.states.reshape(-1, self.states.shape[-1]))  # (trajectory * fine, latent)

    @property
    def smooth_states(self) -> np.ndarray:
        """What a smooth curve through the states at the frames is at the fine times, in the shape of ``states``."""
        return smooth_path(self.times, self.fine_times, self.states)


@torch.no_grad()
def look_inside(method: LaDIDMethod, test: Trajectories, source: DataSource, example: int = 0) -> Inside:
    """Run a trained model on the contexts of the test split and keep what it makes of them.

    Args:
        method: trained, or loaded.
        test: the test split, in physical units.
        source: of the data, for units and the calendar.
        example: trajectory to show alone.

    Raises:
        BenchError: fewer than two frames are forecast, so there is no path between frames.
    """
    task, model = method.task, method.model
    context, context_times = test.frames[:, : task.context_frames], test.times[:, : task.context_frames]
    with _watched(model) as seen:
        psi = method.represent(context, context_times)
    assert psi is not None
    times = _asked(test.times - test.times[:, :1], task)
    if times.shape[1] < 2:
        raise BenchError(f"data set '{task.dataset}': a path needs two forecast frames; raise forecast_frames")
    fine_times = _refined(times)
    tensors = [torch.as_tensor(array, dtype=torch.float32, device=method.device) for array in (psi, fine_times)]
    states = model.states(*tensors).cpu().numpy()  # type: ignore[operator]
    return Inside(
        over_places=isinstance(model.transformer, MixingTransformer),
        attention=[np.concatenate(parts) for parts in seen],
        psi=psi,
        truths=_truths(test, source, task, psi),
        times=times,
        fine_times=fine_times,
        states=states,
        strips=_strips(method, test, times, states, example) if task.is_image else [],
        shift=_shift(method, context[[example]], times[[example]], fine_times[[example]], states[[example]]),
        example=example,
    )


@contextmanager
def _watched(model: Any) -> Iterator[list[list[np.ndarray]]]:
    """Collect the attention weights of every layer, batch by batch, while the block runs the model."""
    layers: list[TransformerLayer] = list(model.transformer.layers)
    seen: list[list[np.ndarray]] = [[] for _ in layers]

    def watch(parts: list[np.ndarray]) -> Any:
        def keep(attention: Any, inputs: tuple[Any, ...]) -> None:
            weights = attention.weights(*inputs[:2])  # tokens, and the time grid where there is one
            if weights.ndim == 4:
                weights = weights.mean(dim=1)  # (N, C, S, S) -> (N, S, S)
            parts.append(weights.cpu().numpy())

        return keep

    hooks = [layer.attention.register_forward_pre_hook(watch(parts)) for layer, parts in zip(layers, seen, strict=True)]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _asked(times: np.ndarray, task: Task) -> np.ndarray:
    """The times that F was trained on: after the context, and no later than where a new context takes over."""
    times = times[:, task.context_frames : task.frames]
    return times[:, (times <= task.duration * (1 + SLACK)).all(axis=0)]


def _refined(times: np.ndarray) -> np.ndarray:
    """``(N, T)`` times with ``PARTS`` even steps between neighbours, ``(N, (T - 1) * PARTS + 1)``."""
    shares = np.arange(PARTS) / PARTS
    between = times[:, :-1, None] + np.diff(times)[..., None] * shares  # (N, T - 1, PARTS)
    return np.concatenate([between.reshape(len(times), -1), times[:, -1:]], axis=1)


def _truths(test: Trajectories, source: DataSource, task: Task, psi: np.ndarray) -> list[Truth]:
    """Parameters that vary and states at the first frame; where none is known, what the data themselves tell."""
    found = known_quantities(test, source)
    if not found and source.season:
        found.append(quantity("time of the year", "rad", 2 * np.pi * test.times[:, 0] / source.season))
    if not found:
        context = test.frames[:, : task.context_frames]
        found.append(quantity("mean of the context", "", context.mean(axis=tuple(range(1, context.ndim)))))
    return [Truth(**vars(one), reading=_reading(psi, one.targets, test.group)) for one in found]


def _reading(psi: np.ndarray, targets: np.ndarray, group: np.ndarray) -> float | None:
    """R^2 of a ridge regression from psi ``(N, code)`` to targets ``(N, target)``, cross-validated by unit."""
    if len(np.unique(group)) < UNITS_FOR_READING:
        return None
    spread = psi.std(axis=0)
    scaled = (psi - psi.mean(axis=0)) / np.where(spread > 0, spread, 1)
    read = cross_val_predict(RidgeCV(PENALTIES), scaled, targets, groups=group, cv=GroupKFold(FOLDS))
    missed, spread = ((targets - other) ** 2 for other in (read.reshape(targets.shape), targets.mean(axis=0)))
    return float(1 - missed.sum() / spread.sum())


def _strips(
    method: LaDIDMethod, test: Trajectories, times: np.ndarray, states: np.ndarray, example: int
) -> list[Strip]:
    """Pictures across the step with the longest move in each part of the time."""
    given, task = method.task.context_frames, method.task
    moves = step_lengths(states[example : example + 1])[1][0]  # (step,)
    starts = [int(part[moves[part].argmax()]) for part in np.array_split(np.arange(len(moves)), STRIPS) if len(part)]
    own, origin = times[example], test.times[example, 0]
    asked = np.array([own[start] + share * (own[start + 1] - own[start]) for start in starts for share in STRIP_SHARES])
    one = slice(example, example + 1)
    forecast = method.forecast(test.frames[one, :given], test.times[one, :given], origin + asked[None])
    shape = (len(starts), len(STRIP_SHARES), *test.frames.shape[3:])
    decoded = task.normalize(forecast.mean[0])[:, 0].reshape(shape)  # (strip * share, h, w) -> (strip, share, h, w)
    truth = task.normalize(test.frames[example, given:])[:, 0]
    return [
        Strip(float(own[start]), float(own[start + 1]), truth[start : start + 2], pictures)
        for start, pictures in zip(starts, decoded, strict=True)
    ]


@torch.no_grad()
def _shift(
    method: LaDIDMethod, context: np.ndarray, times: np.ndarray, fine_times: np.ndarray, states: np.ndarray
) -> float:
    """See ``Inside.shift``; all arrays hold the example alone."""
    smooth = smooth_path(times, fine_times, states)
    halfway = slice(PARTS // 2, None, PARTS)
    given = torch.as_tensor(method.task.normalize(context), dtype=torch.float32, device=method.device)
    own, other, frames = (
        method.model.render(torch.as_tensor(part, dtype=torch.float32, device=method.device), given)  # type: ignore[operator]
        for part in (states[:, halfway], smooth[:, halfway], states[:, ::PARTS])
    )
    change = frames.diff(dim=1).square().mean().sqrt()
    return float((own - other).square().mean().sqrt() / change) if change > 0 else 0.0


def step_lengths(states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Length of the path and of the straight line between neighbouring frames, ``(trajectory, step)`` each.

    Args:
        states: on the fine grid, ``(trajectory, fine, latent)``.
    """
    pieces = np.linalg.norm(np.diff(states, axis=1), axis=-1)  # (trajectory, fine - 1)
    path = pieces.reshape(len(states), -1, PARTS).sum(axis=-1)  # (trajectory, step, PARTS) -> (trajectory, step)
    return path, np.linalg.norm(np.diff(states[:, ::PARTS], axis=1), axis=-1)


def smooth_path(times: np.ndarray, fine_times: np.ndarray, states: np.ndarray) -> np.ndarray:
    """The cubic splines through the states at the frames, read at the fine times.

    Args:
        times, fine_times: ``(trajectory, frame)`` and ``(trajectory, fine)``.
        states: at the fine times, ``(trajectory, fine, latent)``; only those at the frames are used.

    Returns:
        The shape of ``states``.
    """
    frames = states[:, ::PARTS]
    return np.stack([CubicSpline(*own)(fine) for *own, fine in zip(times, frames, fine_times, strict=True)])


def effective(weights: np.ndarray) -> float:
    """Mean over rows of exp(entropy): how many entries a row of ``(..., row, row)`` weights spreads over."""
    entropy = -(weights * np.log(np.maximum(weights, np.finfo(float).tiny))).sum(axis=-1)
    return float(np.exp(entropy).mean())


def detours(states: np.ndarray) -> np.ndarray:
    """Length of the path over that of the straight line for each step between frames, ``(step,)``, pooled."""
    path, straight = step_lengths(states)
    with np.errstate(divide="ignore", invalid="ignore"):
        return path.sum(axis=0) / straight.sum(axis=0)


def overall_detour(states: np.ndarray) -> float:
    """Length of the whole path over that of the straight lines between frames, all trajectories together."""
    path, straight = step_lengths(states)
    return float(path.sum() / straight.sum()) if straight.sum() > 0 else math.nan
