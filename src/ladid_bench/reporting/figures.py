"""Curves of one data set: error over the horizon, accuracy against cost, validation error while training."""

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from ladid_bench.evaluation.statistics import Band, ratio_band
from ladid_bench.reporting.content import DatasetContent, Entry
from ladid_bench.reporting.drawing import (
    LETTER,
    LINE,
    TALL,
    Drawing,
    blank,
    end_labels,
    error_axis,
    plain_log,
    spread,
    style,
    to_svg,
)
from ladid_bench.reporting.formatting import counted, listed, short
from ladid_bench.reporting.palette import INK, MUTED, Look

NAMES = {"nmse": "nMSE", "fvu": "FVU"}
USELESS = {"nmse": "a forecast of zero", "fvu": "the training mean"}
UNITS_FOR_BANDS = 5
LABEL_SHARE = 0.3  # of the width, kept free for the labels of the dearest methods


def draw_all(dataset: DatasetContent, looks: dict[str, Look]) -> list[Drawing]:
    """The figures that the results of a data set allow."""
    with style():
        made = [figure(dataset, looks) for figure in (horizon, accuracy_and_cost, training)]
    return [drawing for drawing in made if drawing]


@dataclass(frozen=True)
class Curve:
    """Error of one method at each lead time; ``band`` is None with fewer than two units."""

    entry: Entry
    lead: np.ndarray
    error: np.ndarray
    band: Band | None


def horizon_curves(dataset: DatasetContent) -> list[Curve]:
    """Headline error at each lead time, a ratio of sums over test trajectories and seeds, best method first."""
    order = [*dataset.ranked, *(entry for entry in dataset.entries if not entry.complete)]
    return [_curve(dataset, entry) for entry in order if entry.sampled]


def _curve(dataset: DatasetContent, entry: Entry) -> Curve:
    samples = [run.sample for run in entry.done if run.sample is not None]
    error = np.concatenate([sample.squared_error for sample in samples]).astype(np.float64)  # (entry, frame)
    below = "squared_truth" if dataset.headline == "nmse" else "squared_deviation"
    scale = np.concatenate([getattr(sample, below) for sample in samples]).astype(np.float64)
    unit = np.concatenate([sample.unit for sample in samples])
    seed = np.concatenate([np.full(len(sample.unit), index) for index, sample in enumerate(samples)])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = error.sum(axis=0) / scale.sum(axis=0)
    return Curve(entry, lead_times(dataset, samples[0].times), ratio, ratio_band(error, scale, unit, seed))


def lead_times(dataset: DatasetContent, times: np.ndarray) -> np.ndarray:
    """Time from the last given frame to each forecast frame, ``(frame,)``: the median over trajectories.

    Args:
        dataset: whose card says the step from the last given frame to the first forecast one.
        times: ``(trajectory, frame)`` of the forecast frames.
    """
    step = dataset.card["task"]["time_step"] if dataset.card else 1.0
    return np.median(times - times[:, :1], axis=0) + step


def horizon(dataset: DatasetContent, looks: dict[str, Look]) -> Drawing | None:
    """Error over the horizon."""
    curves = horizon_curves(dataset)
    if not curves or len(curves[0].lead) < 2:
        return None
    figure, axes = blank(max(len(curve.entry.label) for curve in curves) + 2, TALL)
    for curve in curves[::-1]:  # the best one on top
        look = looks[curve.entry.label]
        axes.plot(curve.lead, curve.error, color=look.colour, linestyle=look.dash)
        if curve.band and dataset.units >= UNITS_FOR_BANDS:
            band = np.nan_to_num([curve.band.low, curve.band.high], posinf=1e12)
            axes.fill_between(curve.lead, *band, color=look.colour, alpha=0.14, linewidth=0)
    error_axis(axes, [curve.error for curve in curves])
    if axes.get_ylim()[0] < 1 < axes.get_ylim()[1]:
        axes.axhline(1, color=MUTED[0], linewidth=0.8, zorder=1)
    axes.set_xlim(0, curves[0].lead[-1])
    axes.set_xlabel("lead time" + (f" ({dataset.time_unit})" if dataset.time_unit else ""))
    axes.set_title(NAMES[dataset.headline])
    end_labels(axes, [(curve.error[-1], curve.entry.label, looks[curve.entry.label].colour) for curve in curves])
    return Drawing(f"horizon-{dataset.name}", to_svg(figure), _horizon_caption(dataset, curves))


def _horizon_caption(dataset: DatasetContent, curves: list[Curve]) -> str:
    first, last = (min(curves, key=lambda curve: _at(curve, index)) for index in (0, -1))
    lowest = f"{first.entry.label} is lowest at the first frame"
    lowest += " and at the last" if first is last else f", {last.entry.label} at the last"
    band = f"bands are 95 % intervals over {counted(dataset.units, 'unit')}"
    if dataset.units < UNITS_FOR_BANDS:
        band = f"over {counted(dataset.units, 'unit')} no band would mean much"
    return (
        f"Error as the forecast reaches further; lower is better, 1 is {USELESS[dataset.headline]}. "
        f"{lowest}. Each point is a ratio of sums over the test trajectories; {band}."
    )


def _at(curve: Curve, index: int) -> float:
    return float(np.nan_to_num(curve.error[index], nan=np.inf))


def training_seconds(entry: Entry) -> float:
    """CPU seconds of a run, or its wall time where an accelerator did the work."""
    accelerated = entry.mean("cost_accelerator_seconds")
    return entry.mean("cost_wall_seconds" if accelerated > 0 else "cost_cpu_seconds")


def accuracy_and_cost(dataset: DatasetContent, looks: dict[str, Look]) -> Drawing | None:
    """Headline error against the cost of a run."""
    points = [(entry, training_seconds(entry), entry.mean(dataset.error)) for entry in dataset.entries if entry.done]
    points = [point for point in points if point[1] > 0 and point[2] > 0]
    if len(points) < 2:
        return None
    figure, axes = blank(0)
    extent = [np.array([error for _, _, error in points])]
    for entry, seconds, error in points:
        look, found = looks[entry.label], dataset.error_interval(entry)
        if found:
            extent.append(np.array([found.low, found.high]))
            axes.plot([seconds] * 2, [found.low, found.high], color=look.colour, linewidth=1.4, alpha=0.6)
        axes.plot(seconds, error, look.marker, color=look.colour, markersize=7, markeredgewidth=1.6)
    cost = [seconds for _, seconds, _ in points]
    axes.set_xscale("log")
    reach = max(cost) / min(cost) * 2
    axes.set_xlim(min(cost) / reach**0.06, max(cost) * reach ** (LABEL_SHARE / (1 - LABEL_SHARE)))
    plain_log(axes.xaxis, reach)
    error_axis(axes, extent)
    axes.set_xlabel("seconds of a whole run, training included")
    axes.set_title(NAMES[dataset.headline])
    _point_labels(axes, points)
    return Drawing(f"cost-{dataset.name}", to_svg(figure), _cost_caption(points))


def _point_labels(axes: Axes, points: list[tuple[Entry, float, float]]) -> None:
    """Write each method's name right of its point, moved up or down where names would overlap."""
    pixels = axes.transData.transform([(seconds, error) for _, seconds, error in points])
    spots = axes.transAxes.inverted().transform(pixels)  # (point, 2) in shares of the axes
    spots[:, 1] = spots[:, 1].clip(0, 1)
    letter = LETTER / (axes.bbox.width * 72 / axes.figure.dpi)
    for group in _overlapping(spots[:, 0], [letter * (len(entry.label) + 3) for entry, _, _ in points]):
        heights = spread(spots[group, 1].tolist(), LINE / (axes.bbox.height * 72 / axes.figure.dpi))
        for index, height in zip(group, heights, strict=True):
            across, up = spots[index]
            if abs(height - up) > 0.02:
                axes.plot(
                    [across, across + 0.03], [up, height], transform=axes.transAxes, color=MUTED[0], linewidth=0.6
                )
            label = points[index][0].label
            axes.text(across + 0.035, height, label, transform=axes.transAxes, va="center", color=INK[0])


def _overlapping(starts: np.ndarray, widths: list[float]) -> list[list[int]]:
    """Indices grouped so that labels of different groups do not overlap from left to right."""
    groups: list[list[int]] = []
    end = -math.inf
    for index in np.argsort(starts, kind="stable").tolist():
        if starts[index] > end:
            groups.append([])
        groups[-1].append(index)
        end = max(end, starts[index] + widths[index])
    return groups


def _cost_caption(points: list[tuple[Entry, float, float]]) -> str:
    front = [one for one in points if not any(_dominates(other, one) for other in points)]
    names = listed(entry.label for entry, _, _ in sorted(front, key=lambda point: point[1]))
    return (
        "Accuracy against cost: down and to the left is better. On the front, where nothing else is both cheaper "
        f"and more accurate: {names}. Vertical lines are 95 % intervals."
    )


def _dominates(one: tuple[Entry, float, float], other: tuple[Entry, float, float]) -> bool:
    return one[1] <= other[1] and one[2] <= other[2] and one is not other


def training(dataset: DatasetContent, looks: dict[str, Look]) -> Drawing | None:
    """Validation error along the fit, a line a run."""
    entries = [entry for entry in dataset.entries if any(len(run.history) > 1 for run in entry.runs)]
    if not entries:
        return None
    figure, axes = blank(max(len(entry.label) for entry in entries) + 2)
    ends, errors, last = [], [], 0.0
    for entry in entries:
        look, finals = looks[entry.label], []
        for run in entry.runs:
            steps = np.array([point["step"] for point in run.history], dtype=float)
            error = np.array([point["valid_nmse"] for point in run.history], dtype=float)
            axes.plot(steps, error, color=look.colour, linestyle=look.dash, marker=".", markersize=5, alpha=0.9)
            errors.append(error)
            finals += error[-1:].tolist()
            last = max(last, *steps.tolist(), 0.0)
        ends.append((float(np.mean(finals)), entry.label, look.colour))
    error_axis(axes, errors)
    axes.set_xlim(0, last)
    axes.set_xlabel("optimiser steps")
    axes.set_title("validation nMSE")
    end_labels(axes, ends)
    return Drawing(f"training-{dataset.name}", to_svg(figure), _training_caption(entries))


def _training_caption(entries: list[Entry]) -> str:
    gains = []
    for entry in entries:
        ends = [(run.history[-2]["valid_nmse"], run.history[-1]["valid_nmse"]) for run in entry.runs if run.history[1:]]
        before, after = np.mean(ends, axis=0)
        if math.isfinite(before) and before > 0:
            gains.append(f"{entry.label} by {short(100 * (1 - after / before), 2)} %")
    falling = f" Between the last two validations the error fell for {listed(gains)}." if gains else ""
    return (
        f"Error on the validation split while training, a line a run.{falling} "
        "A curve that still falls has not converged."
    )
