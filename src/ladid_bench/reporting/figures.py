"""Curves of one data set: error over the horizon, and validation error while training."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ladid_bench.analysis.costs import PLACE, shared
from ladid_bench.analysis.entries import DatasetContent, Entry, Run
from ladid_bench.analysis.statistics import Band, ratio_band
from ladid_bench.reporting.drawing import (
    BOTTOM,
    HEIGHT,
    LINE,
    TALL,
    TOP,
    Drawing,
    End,
    blank,
    end_labels,
    error_axis,
    mark,
    to_svg,
)
from ladid_bench.reporting.formatting import counted, listed, number, short
from ladid_bench.reporting.palette import INK, MUTED, MethodStyle
from ladid_bench.runs.records import Sample

NAMES = {"nmse": "nMSE", "fvu": "FVU"}
USELESS = {"nmse": "a forecast of zero", "fvu": "the training mean"}
GROUPS_FOR_BANDS = 5
MOST_NAMED = 4  # methods that a caption lists one by one


@dataclass(frozen=True)
class Curve:
    """Error of one method at each lead time; ``band`` is None with too few units, or where none is drawn."""

    entry: Entry
    lead: np.ndarray
    error: np.ndarray
    band: Band | None


def horizon_curves(dataset: DatasetContent, styles: dict[str, MethodStyle]) -> list[Curve]:
    """primary error at each lead time, a ratio of sums over test trajectories and seeds, best method first."""
    return [_curve(dataset, entry, styles) for entry in [*dataset.ordered, *dataset.floors] if entry.sampled]


def _curve(dataset: DatasetContent, entry: Entry, styles: dict[str, MethodStyle]) -> Curve:
    lead, ratio = horizon_errors(dataset, entry)
    error, scale = _sums(dataset, entry)
    group = np.concatenate([sample.group for sample in _samples(entry)])
    seed = np.concatenate([np.full(len(sample.group), index) for index, sample in enumerate(_samples(entry))])
    banded = styles[entry.label].strong and not entry.floor and dataset.groups >= GROUPS_FOR_BANDS
    band = ratio_band(error, scale, group, seed) if banded else None
    return Curve(entry, lead, ratio, band)


def horizon_errors(dataset: DatasetContent, entry: Entry) -> tuple[np.ndarray, np.ndarray]:
    """Lead time and primary error of each forecast frame, ``(frame,)`` each, of an entry that is ``sampled``."""
    error, scale = _sums(dataset, entry)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = error.sum(axis=0) / scale.sum(axis=0)
    return lead_times(dataset, _samples(entry)[0].times), ratio


def _sums(dataset: DatasetContent, entry: Entry) -> tuple[np.ndarray, np.ndarray]:
    """Squared errors and what they are divided by, over the trajectories of all seeds, ``(entry, frame)`` each."""
    below = "squared_truth" if dataset.primary_metric == "nmse" else "squared_deviation"
    error = np.concatenate([sample.squared_error for sample in _samples(entry)]).astype(np.float64)
    scale = np.concatenate([getattr(sample, below) for sample in _samples(entry)]).astype(np.float64)
    return error, scale


def _samples(entry: Entry) -> list[Sample]:
    return [run.sample for run in entry.done if run.sample is not None]


def lead_times(dataset: DatasetContent, times: np.ndarray) -> np.ndarray:
    """Time from the last given frame to each forecast frame, ``(frame,)``: the median over trajectories.

    Args:
        dataset: whose card says the step from the last given frame to the first forecast one.
        times: ``(trajectory, frame)`` of the forecast frames.
    """
    step = dataset.card["task"]["time_step"] if dataset.card else 1.0
    return np.median(times - times[:, :1], axis=0) + step


def horizon(dataset: DatasetContent, styles: dict[str, MethodStyle], trained: float | None = None) -> Drawing | None:
    """Error over the horizon; ``trained`` is the longest lead time that was trained on, None where it is all of it."""
    curves = horizon_curves(dataset, styles)
    if not curves or len(curves[0].lead) < 2:
        return None
    figure, axes = blank(max(len(name_of(curve.entry)) for curve in curves) + 2, height_for(len(curves), TALL))
    for curve in _drawn_last_on_top(curves, styles):
        look, label = styles[curve.entry.label], curve.entry.label
        width = 1.1 if curve.entry.floor else look.width
        (line,) = axes.plot(curve.lead, curve.error, color=look.colour, linestyle=look.dash, linewidth=width)
        mark(line, label, "line")
        if curve.band:
            band = np.nan_to_num([curve.band.low, curve.band.high], posinf=1e12)
            area = axes.fill_between(curve.lead, *band, color=look.colour, alpha=0.14, linewidth=0)
            mark(area, label, "band")
    error_axis(axes, [curve.error for curve in curves])
    if axes.get_ylim()[0] < 1 < axes.get_ylim()[1]:
        axes.axhline(1, color=MUTED[0], linewidth=0.8, zorder=1)
    axes.set_xlim(0, curves[0].lead[-1])
    axes.set_xlabel("lead time" + (f" ({dataset.time_unit})" if dataset.time_unit else ""))
    axes.set_title(NAMES[dataset.primary_metric])
    if trained is not None:
        axes.axvline(trained, color=INK[0], linewidth=1, linestyle=(0, (4, 3)), zorder=1)
        axes.text(trained, 0.02, " beyond training", transform=axes.get_xaxis_transform())
    end_labels(axes, [_end(curve.entry, float(curve.error[-1]), styles) for curve in curves])
    return Drawing(f"horizon-{dataset.name}", to_svg(figure), _horizon_caption(dataset, curves))


def _drawn_last_on_top(curves: list[Curve], styles: dict[str, MethodStyle]) -> list[Curve]:
    """Grey ones first, then those in colour, the best one last."""
    worst_first = curves[::-1]
    return sorted(worst_first, key=lambda curve: styles[curve.entry.label].strong)


def height_for(names: int, least: float) -> float:
    """Height of a figure with that many names below each other at its right."""
    return max(least, BOTTOM + TOP + 1.04 * LINE * names)


def name_of(entry: Entry) -> str:
    """What a figure writes beside a method."""
    return "floor" if entry.floor else entry.label


def _end(entry: Entry, value: float, styles: dict[str, MethodStyle]) -> End:
    look = styles[entry.label]
    return End(value, name_of(entry), look.colour, look.ink, entry.label)


def _horizon_caption(dataset: DatasetContent, curves: list[Curve]) -> str:
    competing = [curve for curve in curves if not curve.entry.floor]
    words = f"Error as the forecast reaches further; lower is better, 1 is {USELESS[dataset.primary_metric]}."
    if competing:
        first, last = (min(competing, key=lambda curve: _at(curve, index)) for index in (0, -1))
        words += f" {first.entry.label} is lowest at the first frame"
        words += " and at the last." if first is last else f", {last.entry.label} at the last."
    if len(competing) < len(curves):
        words += " The dotted line is the floor: the true frames rendered by the shared decoder."
    band = f"bands are 95 % intervals over {counted(dataset.groups, 'group')}"
    if dataset.groups < GROUPS_FOR_BANDS:
        band = f"over {counted(dataset.groups, 'group')} no band would mean much"
    return f"{words} Each point is a ratio of sums over the test trajectories; {band}."


def _at(curve: Curve, index: int) -> float:
    return float(np.nan_to_num(curve.error[index], nan=np.inf))


def run_seconds(run: Run) -> float:
    """CPU seconds of a run, or its wall time where an accelerator did the work."""
    accelerated = float(run.row.get("cost_accelerator_seconds") or 0) > 0
    seconds = run.row.get("cost_wall_seconds" if accelerated else "cost_cpu_seconds")
    return math.nan if seconds is None else float(seconds)


def told_of_times(runs: Iterable[Run]) -> str:
    """How far the times of these runs compare; empty where each had the same machine to itself."""
    rows = [run.row for run in runs]
    known = [row for row in rows if not pd.isna(row.get("cost_load"))]
    loads = [float(row["cost_load"]) for row in known]
    kinds = {tuple(row.get(name) for name in PLACE) for row in rows}
    why = [f"at loads of {number(min(loads), 1)} to {number(max(loads), 1)}"] if any(map(shared, known)) else []
    why += [f"on {len(kinds)} kinds of machine"] if len(kinds) > 1 else []
    return f"Times compare only roughly: these runs were made {' and '.join(why)}." if why else ""


def training(dataset: DatasetContent, styles: dict[str, MethodStyle]) -> Drawing | None:
    """Validation error over optimiser steps, a line a run."""
    drawing = _training(dataset, styles, _steps, f"training-{dataset.name}", "optimiser steps")
    return drawing and Drawing(drawing.name, drawing.svg, _training_caption(dataset))


def training_time(dataset: DatasetContent, styles: dict[str, MethodStyle], equal_time: bool) -> Drawing | None:
    """Validation error over CPU seconds, a line a run."""
    drawing = _training(dataset, styles, _seconds, f"training-time-{dataset.name}", "CPU seconds")
    which = "runs at equal CPU time" if equal_time else "same runs"
    caption = (
        f"The {which} over the CPU seconds of a run (seconds on the clock where an accelerator did the work), spread "
        "evenly over its steps. The learning rate falls towards the end of every run, so a shorter run would have "
        "done better than the middle of a longer one."
    )
    times = told_of_times(run for entry in _trained(dataset) for run in entry.done)
    return drawing and Drawing(drawing.name, drawing.svg, " ".join(filter(None, (caption, times))))


def _steps(run: Run) -> np.ndarray:
    return np.array([point["step"] for point in run.history], dtype=float)


def _seconds(run: Run) -> np.ndarray:
    """CPU seconds at each validation: the run's own, spread evenly over its steps.

    The time of a step is measured on the clock, which counts the work of others on the machine too.
    """
    steps = _steps(run)
    return steps / steps[-1] * run_seconds(run)


def _trained(dataset: DatasetContent) -> list[Entry]:
    """Neural entries with validation errors, LaDID and those that are ranked high last, to lie on top."""
    return [entry for entry in dataset.ordered[::-1] if any(len(run.history) > 1 for run in entry.runs)]


def _training(
    dataset: DatasetContent,
    styles: dict[str, MethodStyle],
    abscissa: Callable[[Run], np.ndarray],
    name: str,
    heading: str,
) -> Drawing | None:
    entries = sorted(_trained(dataset), key=lambda entry: styles[entry.label].strong)
    paths = {entry: _paths(entry, abscissa) for entry in entries}
    entries = [entry for entry in entries if paths[entry]]
    if not entries:
        return None
    figure, axes = blank(max(len(entry.label) for entry in entries) + 2, height_for(len(entries), HEIGHT))
    last = max(float(across[-1]) for entry in entries for across, _ in paths[entry])
    ends = []
    for entry in entries:
        _plot_runs(axes, entry, styles[entry.label], paths[entry], last)
        ends.append(_end(entry, float(np.mean([error[-1] for _, error in paths[entry]])), styles))
    error_axis(axes, [error for entry in entries for _, error in paths[entry]])
    axes.set_xlim(0, last)
    axes.set_xlabel(heading)
    axes.set_title("validation nMSE")
    end_labels(axes, ends)
    return Drawing(name, to_svg(figure), "")


def _paths(entry: Entry, abscissa: Callable[[Run], np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Where each run of a method was along the fit: abscissa and validation error, ``(validation,)`` each."""
    found = []
    for run in entry.runs:
        across = abscissa(run) if run.history else np.array([])
        if len(across) and np.isfinite(across).all():
            found.append((across, np.array([point["valid_nmse"] for point in run.history], dtype=float)))
    return found


def _plot_runs(
    axes: Axes, entry: Entry, look: MethodStyle, paths: list[tuple[np.ndarray, np.ndarray]], last: float
) -> None:
    """A line a run; runs that end before ``last`` are carried on to the right edge as a hint of dots."""
    for index, (across, error) in enumerate(paths):
        (line,) = axes.plot(across, error, color=look.colour, linestyle=look.dash, linewidth=look.width, alpha=0.9)
        mark(line, entry.label, f"line{index}")
        if look.strong:
            line.set(marker=".", markersize=5)
    ends = [across[-1] for across, _ in paths]
    if max(ends) < 0.97 * last:
        level = float(np.mean([error[-1] for _, error in paths]))
        (hint,) = axes.plot([max(ends), last], [level] * 2, color=look.colour, linestyle=(0, (1, 3)), linewidth=0.9)
        mark(hint, entry.label, "hint")


def _training_caption(dataset: DatasetContent) -> str:
    gains = []
    for entry in reversed(_trained(dataset)):
        ends = [(run.history[-2]["valid_nmse"], run.history[-1]["valid_nmse"]) for run in entry.runs if run.history[1:]]
        before, after = np.mean(ends, axis=0)
        if math.isfinite(before) and before > 0:
            gains.append((float(100 * (1 - after / before)), entry.label))
    return (
        f"Error on the validation split while training, a line a run.{_falling(gains)} "
        f"A curve that still falls has not converged."
    )


def _falling(gains: list[tuple[float, str]]) -> str:
    """How much was still gained at the end, method by method where they are few."""
    if not gains:
        return ""
    named = gains
    if len(gains) > MOST_NAMED:
        gains = sorted(gains)
        named = [gains[-1], gains[0]]
    parts = listed(f"{label} by {short(gain, 2)} %" for gain, label in named)
    among = f", most and least among {len(gains)} methods" if len(gains) > MOST_NAMED else ""
    return f" Between the last two validations the error fell for {parts}{among}."
