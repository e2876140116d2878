"""From a forecast to the numbers and pictures that are kept of a run."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ladid_bench.data.metrics import Errors, measure, spectral_distance, temporal_fvu, vrmse
from ladid_bench.data.task import Task
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.methods.base import Diverged, Forecast
from ladid_bench.methods.forecasts import read_forecast
from ladid_bench.runs.records import Sample
from ladid_bench.study.plan import PlannedRun

BITS = 10  # kept of the mantissa of errors, three digits; a study of a thousand runs is kept in git


def score(
    task: Task,
    test: Trajectories,
    forecast: Forecast,
    training_mean: np.ndarray,
    midpoints: Errors | None = None,
    pictured: bool = True,
) -> tuple[dict[str, float], Sample]:
    """Score a forecast of the frames after the context; the context itself is never scored.

    Args:
        task: what was asked.
        test: test split.
        forecast: its answer, mean ``(trajectory, query, channel, *space)``.
        training_mean: ``(channel, *space)``, average of the training frames.
        midpoints: errors at the times halfway between frames, see ``midpoint_frames``, or None.
        pictured: whether the first trajectory is kept as pictures.

    Raises:
        Diverged: the error is beyond what metrics can hold.
    """
    given = task.context_frames
    truth, times = test.frames[:, given : task.frames], test.times[:, given : task.frames]
    errors = measure(truth, forecast.mean, training_mean, task.variables)
    if errors.explosion:
        raise Diverged(f"the forecast of the test split: {errors.explosion}")
    if midpoints is not None and midpoints.explosion:
        raise Diverged(f"the forecast at times between frames: {midpoints.explosion}")
    metrics = _metrics(task, truth, forecast.mean, errors) | {
        "valid_time_mean": float(errors.valid_time(times, test.times[:, given - 1]).mean())
    }
    if midpoints is not None:
        metrics |= {"midpoints_nmse_mean": float(midpoints.nmse.mean()), "midpoints_fvu": midpoints.pooled_fvu}
        metrics |= {"midpoints_nmse_median": float(np.median(midpoints.nmse))}
    return finite(metrics), _sample(task, test, forecast, errors, midpoints, pictured)


def score_file(
    run: PlannedRun,
    task: Task,
    splits: Mapping[str, Trajectories],
    path: Path,
    midpoints: Errors | None = None,
) -> tuple[dict[str, float], Sample]:
    """Read a forecast file of a run, check it, and score it, its readings of the true states included.

    Raises:
        BenchError: it is not a forecast of the run's test split.
        Diverged: its error is beyond what metrics can hold.
    """
    test, asked = splits["test"], slice(task.context_frames, task.frames)
    forecast = read_forecast(path, test.times[:, asked], task.shape)
    metrics, sample = score(task, test, forecast, training_mean(task, splits["train"]), midpoints, run.plain)
    states = {name: values[:, asked] for name, values in test.states.items()}
    return metrics | finite(run.dataset.source.state_errors(forecast.mean, states)), sample


def training_mean(task: Task, train: Trajectories) -> np.ndarray:
    """Average the training frames, ``(channel, *space)``."""
    return train.frames[:, : task.frames].mean(axis=(0, 1), dtype=np.float64)


def midpoint_frames(task: Task, midpoints: Trajectories) -> Trajectories:
    """Select what is asked off the grid: the times of split ``midpoints`` that come after the last context frame.

    Its first time lies between frames 0 and 1, so the one after frame C - 1 has the index C - 1.
    """
    return midpoints.from_frame(task.context_frames - 1)


def _metrics(task: Task, truth: np.ndarray, mean: np.ndarray, errors: Errors) -> dict[str, float]:
    metrics = {
        "nmse_mean": float(errors.nmse.mean()),
        "nmse_median": float(np.median(errors.nmse)),
        "fvu_pooled": errors.pooled_fvu,
        "fvu_mean": float(errors.fvu.mean()),
        "fvu_median": float(np.median(errors.fvu)),
    }
    about_own_mean = temporal_fvu(truth, mean, task.variables)
    metrics["temporal_fvu_mean"] = float(about_own_mean.mean())
    metrics["temporal_fvu_median"] = float(np.median(about_own_mean))
    if task.is_image:  # both look at space, which the features of a vector observation are not
        metrics["vrmse_mean"] = float(vrmse(truth, mean, task.variables).mean())
        metrics["spectral_distance_mean"] = float(spectral_distance(truth, mean, task.variables).mean())
    return metrics


def finite(metrics: dict[str, float]) -> dict[str, float]:
    """Leave out metrics that are not finite, as a trajectory has no signal to compare with, or nothing to read."""
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def _sample(
    task: Task,
    test: Trajectories,
    forecast: Forecast,
    errors: Errors,
    midpoints: Errors | None,
    pictured: bool,
) -> Sample:
    shown = np.arange(1 if pictured else 0)
    # of no unit, so that float32 holds them whatever the unit of the data: squares of 1e20 or 1e-25 it does not
    scale = float(errors.squared_deviation.mean() or errors.squared_truth.mean() or 1.0)
    return Sample(
        squared_error=_short(errors.squared_error / scale),
        squared_truth=_short(errors.squared_truth / scale),
        squared_deviation=_short(errors.squared_deviation / scale),
        group=test.group,
        times=test.times[:, task.context_frames : task.frames],
        midpoints_nmse=np.zeros(0, np.float32) if midpoints is None else _short(_between(midpoints).nmse),
        pictured=shown,
        truth=_levels(task, test.frames[shown, : task.frames]),
        forecast=_levels(task, forecast.mean[shown]),
    )


def _between(midpoints: Errors) -> Errors:
    """The errors without those of the first time, before which there is no forecast frame."""
    return Errors(*(one[:, 1:] for one in vars(midpoints).values()))


def _short(values: np.ndarray) -> np.ndarray:
    """float32 rounded to ``BITS`` of the mantissa, which halves what is left after compression."""
    mantissa, exponent = np.frexp(values.astype(np.float32))
    return np.ldexp(np.round(mantissa * 2**BITS) / 2**BITS, exponent).astype(np.float32)


def _levels(task: Task, frames: np.ndarray) -> np.ndarray:
    """Physical values as 8-bit levels over the task's range."""
    return np.round(np.clip(task.normalize(frames), 0, 1) * 255).astype(np.uint8)
