"""What goes on inside a trained LaDID on its test split, as arrays: attention, psi, the latent path, off-grid frames."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.interpolate import CubicSpline
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold, cross_val_predict

from ladid_bench.data.source import DataSource
from ladid_bench.data.task import Task
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.ladid.attention import MixingTransformer, TransformerLayer
from ladid_bench.ladid.method import LaDIDMethod

PARTS = 8  # steps of the fine grid between two frames
STRIPS = 3  # steps between frames shown as pictures
STRIP_SHARES = (0, 0.25, 0.5, 0.75, 1)  # of a step at which a picture is shown
UNITS_FOR_READING = 10  # fewer independent units say nothing about how well psi can be read
FOLDS = 5
PENALTIES = np.logspace(-3, 3, 7)
CONSTANT = 1e-9  # spread over size below which a parameter does not vary
SLACK = 1e-6  # of the training span, for rounding


@dataclass(frozen=True)
class Truth:
    """Something true of each trajectory, to colour psi by.

    Attributes:
        name, unit: as the data set calls it.
        values: ``(trajectory,)``; an angle is in radians within (-pi, pi].
        cyclic: whether both ends of the range are the same.
        reading: R^2 of a linear reading from psi on trajectories it was not fitted to; None with too few units.
    """

    name: str
    unit: str
    values: np.ndarray
    cyclic: bool
    reading: float | None


@dataclass(frozen=True)
class Strip:
    """Decoded pictures across one step between two frames, first channel, in the unit range.

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
        context_times: ``(trajectory, context)``.
        psi: ``(trajectory, code)``.
        truths: what is known of the trajectories.
        times: of the frames within the span of training, ``(trajectory, frame)``.
        fine_times: the same with ``PARTS`` steps between two frames, ``(trajectory, fine)``.
        states: F(psi, t) at the fine times, ``(trajectory, fine, latent)``.
        strips: pictures between frames of the example; empty for vector observations.
        example: number of the trajectory that is shown alone.
    """

    over_places: bool
    attention: list[np.ndarray]
    context_times: np.ndarray
    psi: np.ndarray
    truths: list[Truth]
    times: np.ndarray
    fine_times: np.ndarray
    states: np.ndarray
    strips: list[Strip]
    example: int


@torch.no_grad()
def look_inside(method: LaDIDMethod, test: Trajectories, source: DataSource, example: int = 0) -> Inside:
    """Run a trained model on the contexts of the test split and keep what it makes of them.

    Args:
        method: trained, or loaded.
        test: the test split, in physical units.
        source: of the data, for units and the calendar.
        example: trajectory to show alone.
    """
    task, model = method.task, method.model
    context, context_times = test.frames[:, : task.context_frames], test.times[:, : task.context_frames]
    with _watched(model) as seen:
        psi = method.represent(context, context_times)
    assert psi is not None
    times = _within_span(test.times[:, : task.frames] - test.times[:, :1], task)
    fine_times = _refined(times)
    tensors = [torch.as_tensor(array, dtype=torch.float32, device=method.device) for array in (psi, fine_times)]
    states = model.states(*tensors).cpu().numpy()  # type: ignore[operator]
    return Inside(
        over_places=isinstance(model.transformer, MixingTransformer),
        attention=[np.concatenate(parts) for parts in seen],
        context_times=context_times - context_times[:, :1],
        psi=psi,
        truths=_truths(test, source, task, psi),
        times=times,
        fine_times=fine_times,
        states=states,
        strips=_strips(method, test, times, states, example) if task.is_image else [],
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


def _within_span(times: np.ndarray, task: Task) -> np.ndarray:
    """The times that F was trained on; beyond them a forecast goes on from a new context instead."""
    inside = (times <= task.duration * (1 + SLACK)).all(axis=0)
    return times[:, inside]


def _refined(times: np.ndarray) -> np.ndarray:
    """``(N, T)`` times with ``PARTS`` even steps between neighbours, ``(N, (T - 1) * PARTS + 1)``."""
    shares = np.arange(PARTS) / PARTS
    between = times[:, :-1, None] + np.diff(times)[..., None] * shares  # (N, T - 1, PARTS)
    return np.concatenate([between.reshape(len(times), -1), times[:, -1:]], axis=1)


def _truths(test: Trajectories, source: DataSource, task: Task, psi: np.ndarray) -> list[Truth]:
    """Parameters that vary and states at the first frame; where none is known, what the data themselves tell."""
    known = {name: values for name, values in test.parameters.items() if _varies(values)}
    known |= {name: values[:, 0] for name, values in test.states.items() if _varies(values[:, 0])}
    found = [(name, source.units.get(name, ""), values) for name, values in known.items()]
    if not found and source.season:
        found.append(("time of the year", "rad", 2 * np.pi * test.times[:, 0] / source.season))
    if not found:
        found.append(("mean of the context", "", test.frames[:, : task.context_frames].mean(axis=(*_inner(test),))))
    return [_truth(name, unit, values, psi, test.unit) for name, unit, values in found]


def _inner(test: Trajectories) -> range:
    return range(1, test.frames.ndim)


def _varies(values: np.ndarray) -> bool:
    return bool(np.ptp(values) > CONSTANT * max(1.0, float(np.abs(values).max())))


def _truth(name: str, unit: str, values: np.ndarray, psi: np.ndarray, group: np.ndarray) -> Truth:
    cyclic = unit == "rad"
    if cyclic:
        values = np.angle(np.exp(1j * values))
    targets = np.stack([np.sin(values), np.cos(values)] if cyclic else [values], axis=1)  # (trajectory, target)
    return Truth(name, unit, values, cyclic, _reading(psi, targets, group))


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
    decoded = task.to_unit(forecast.mean[0, :, 0]).reshape(shape)  # (strip * share, h, w) -> (strip, share, h, w)
    truth = task.to_unit(test.frames[example, :, 0])
    return [
        Strip(float(own[start]), float(own[start + 1]), truth[start : start + 2], pictures)
        for start, pictures in zip(starts, decoded, strict=True)
    ]


def step_lengths(states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Length of the path and of the straight line between neighbouring frames, ``(trajectory, step)`` each.

    Args:
        states: on the fine grid, ``(trajectory, fine, latent)``.
    """
    pieces = np.linalg.norm(np.diff(states, axis=1), axis=-1)  # (trajectory, fine - 1)
    path = pieces.reshape(len(states), -1, PARTS).sum(axis=-1)  # (trajectory, step, PARTS) -> (trajectory, step)
    return path, np.linalg.norm(np.diff(states[:, ::PARTS], axis=1), axis=-1)


def smooth_reference(inside: Inside) -> np.ndarray:
    """States at the fine times of the cubic spline through the states at the frames, shape of ``inside.states``."""
    frames = inside.states[:, ::PARTS]
    if frames.shape[1] < 2:
        return inside.states
    return np.stack(
        [
            CubicSpline(times, states)(fine)
            for times, states, fine in zip(inside.times, frames, inside.fine_times, strict=True)
        ]
    )


@dataclass(frozen=True)
class Components:
    """Principal components: ``centre`` and ``axes`` ``(component, k)``, and the ``shares`` of the variance."""

    centre: np.ndarray
    axes: np.ndarray
    shares: np.ndarray

    def of(self, points: np.ndarray) -> np.ndarray:
        """``(..., k)`` to ``(..., component)``."""
        return (points - self.centre) @ self.axes.T


def principal_components(points: np.ndarray) -> Components:
    """Components of points ``(N, k)``, largest first, each with its largest entry positive."""
    centre = points.mean(axis=0, dtype=np.float64)
    _, sizes, axes = np.linalg.svd(points - centre, full_matrices=False)
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
    variance = sizes**2
    return Components(centre, axes * signs[:, None], variance / max(variance.sum(), np.finfo(float).tiny))
