"""Looks inside a trained LaDID on its test split: runs the model and keeps what it makes of the contexts."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold, cross_val_predict

from ladid_bench.core.errors import BenchError
from ladid_bench.data.task import Task
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.datasets.source import DataSource
from ladid_bench.ladid.attention import MixingTransformer, TransformerLayer
from ladid_bench.ladid.method import LaDIDMethod
from ladid_bench.probing.ground_truth import known_quantities, quantity
from ladid_bench.probing.inside import EXAMPLE, PARTS, STRIP_SHARES, Inside, Strip, Truth, smooth_path, step_lengths

STRIPS = 3  # steps between frames shown as pictures
GROUPS_FOR_READING = 10  # fewer independent groups say nothing about how well psi can be read
FOLDS = 5
PENALTIES = np.logspace(-3, 3, 7)
SLACK = 1e-6  # of the training span, for rounding


@torch.no_grad()
def look_inside(method: LaDIDMethod, test: Trajectories, source: DataSource) -> Inside:
    """Run a trained model on the contexts of the test split and keep what it makes of them.

    Args:
        method: trained, or loaded.
        test: the test split, in physical units.
        source: of the data, for units and the calendar.

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
        strips=_strips(method, test, times, states) if task.is_image else [],
        shift=_shift(method, *(one[[EXAMPLE]] for one in (context, times, fine_times, states))),
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
    """R^2 of a ridge regression from psi ``(N, psi)`` to targets ``(N, target)``, cross-validated by group."""
    if len(np.unique(group)) < GROUPS_FOR_READING:
        return None
    spread = psi.std(axis=0)
    scaled = (psi - psi.mean(axis=0)) / np.where(spread > 0, spread, 1)
    read = cross_val_predict(RidgeCV(PENALTIES), scaled, targets, groups=group, cv=GroupKFold(FOLDS))
    missed, spread = ((targets - other) ** 2 for other in (read.reshape(targets.shape), targets.mean(axis=0)))
    return float(1 - missed.sum() / spread.sum())


def _strips(method: LaDIDMethod, test: Trajectories, times: np.ndarray, states: np.ndarray) -> list[Strip]:
    """Pictures across the step with the longest move in each part of the time."""
    given, task = method.task.context_frames, method.task
    moves = step_lengths(states[[EXAMPLE]])[1][0]  # (step,)
    starts = [int(part[moves[part].argmax()]) for part in np.array_split(np.arange(len(moves)), STRIPS) if len(part)]
    own, origin = times[EXAMPLE], test.times[EXAMPLE, 0]
    asked = np.array([own[start] + share * (own[start + 1] - own[start]) for start in starts for share in STRIP_SHARES])
    forecast = method.forecast(test.frames[[EXAMPLE], :given], test.times[[EXAMPLE], :given], origin + asked[None])
    shape = (len(starts), len(STRIP_SHARES), *test.frames.shape[3:])
    decoded = task.normalize(forecast.mean[0])[:, 0].reshape(shape)  # (strip * share, h, w) -> (strip, share, h, w)
    truth = task.normalize(test.frames[EXAMPLE, given:])[:, 0]
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
