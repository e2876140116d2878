"""Transfer: the error over the share of the target's trajectories, a figure a target, and the area below each curve."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ladid_bench.analysis.entries import FEW, LADID, DatasetContent, Run, stack
from ladid_bench.analysis.statistics import Interval, interval
from ladid_bench.reporting.curve_plot import Curve, Scale, curve_plot
from ladid_bench.reporting.drawing import Drawing
from ladid_bench.reporting.experiments import ExperimentRow, ExperimentTable, not_drawn
from ladid_bench.reporting.figures import NAMES
from ladid_bench.reporting.formatting import listed, ratio, short
from ladid_bench.reporting.palette import FADED, MethodStyle
from ladid_bench.study.plan import SCRATCH, ZERO_SHOT

DASH: dict[str, Any] = {
    "fine-tuned": "solid",
    SCRATCH: (0, (4, 2)),
    "frozen-dynamics": (0, (6, 1.5, 1.5, 1.5)),
    "frozen-encoder": (0, (1.5, 1.5)),
    ZERO_SHOT: (0, (1, 3)),
}
IN_WORDS = {
    "fine-tuned": "solid: fine-tuned",
    SCRATCH: "dashed: from scratch",
    "frozen-dynamics": "dash-dotted: fine-tuned with frozen dynamics",
    "frozen-encoder": "dotted: fine-tuned with a frozen encoder",
    ZERO_SHOT: "level of sparse dots: zero-shot, the model of the source as it is",
}


@dataclass(frozen=True)
class Line:
    """One method with one arm on one target; ``rows`` by rising share of the data, all with complete results."""

    rows: tuple[ExperimentRow, ...]

    @property
    def first(self) -> ExperimentRow:
        return self.rows[0]

    @property
    def arm(self) -> str:
        return self.first.entry.arm

    @property
    def fractions(self) -> list[float]:
        return [row.entry.fraction for row in self.rows]


@dataclass(frozen=True)
class Area:
    """Mean height of a line along the logarithmic axis: the area below it over its width."""

    line: Line
    value: float
    interval: Interval | None


def transfer_drawing(
    content: DatasetContent, rows: Sequence[ExperimentRow], styles: dict[str, MethodStyle]
) -> Drawing | None:
    """Errors on one target over the share of its trajectories; None without a line of two points.

    Args:
        content: the target.
        rows: of the experiment on it.
        styles: by method.
    """
    lines = lines_of(content, rows)
    if not any(len(line.rows) > 1 for line in lines):
        return None
    faded = _faded(content, lines)
    curves = [_curve(content, line, styles[line.first.entry.method], line in faded, lines) for line in lines]
    shares = sorted({100 * share for line in lines if line.arm != ZERO_SHOT for share in line.fractions})
    places = [100 * share for line in lines for share in line.fractions]
    scale = Scale("share of the target's training trajectories", shares, " %")
    title = f"{content.name}: {NAMES[content.primary_metric]}"
    return curve_plot(f"transfer-{content.name}", title, curves, scale, _caption(content, rows, lines, places))


def lines_of(content: DatasetContent, rows: Sequence[ExperimentRow]) -> list[Line]:
    """The lines of a target, zero-shot ones with a single row."""
    found: dict[tuple[str, ...], list[ExperimentRow]] = {}
    for row in rows:
        entry = row.entry
        if entry.complete and not entry.floor and math.isfinite(entry.mean(content.error)):
            key = (entry.method, entry.variant, entry.arm, entry.init_from, entry.changes)
            found.setdefault(key, []).append(row)
    return [Line(tuple(sorted(group, key=lambda row: row.entry.fraction))) for group in found.values()]


def _name(line: Line, lines: Sequence[Line]) -> str:
    """What stands at the end of a line: its method, and its arm where the method has several."""
    row = line.first
    mine = [other.first.entry for other in lines if other.first.name == row.name]
    words = [row.name] + ([line.arm] if {entry.arm for entry in mine} != {SCRATCH} else [])
    same = [entry for entry in mine if entry.arm == line.arm]
    if len({entry.init_from for entry in same}) > 1:
        words.append(f"from {row.entry.init_from}")
    if len({entry.changes for entry in same}) > 1:
        words.append(row.entry.changes)
    return ", ".join(words)


def _faded(content: DatasetContent, lines: Sequence[Line]) -> list[Line]:
    """Lines that step back where methods are many: all but LaDID's, the best other neural and simple method's."""
    methods = {line.first.entry.method for line in lines}
    if len(methods) <= FEW:
        return []
    reached = {
        method: min(
            line.first.entry.mean(content.error)
            for line in lines
            if line.first.entry.method == method and line.arm != ZERO_SHOT
        )
        for method in {line.first.entry.method for line in lines if line.arm != ZERO_SHOT}
    }
    neural = {line.first.entry.method for line in lines if line.first.entry.neural} - {LADID}
    front = {LADID}
    for kind in (neural, methods - neural - {LADID}):
        front |= {min(kind & set(reached), key=lambda method: reached[method])} if kind & set(reached) else set()
    return [line for line in lines if line.first.entry.method not in front]


def _curve(content: DatasetContent, line: Line, look: MethodStyle, faded: bool, lines: Sequence[Line]) -> Curve:
    own = replace(look, dash=DASH.get(line.arm, "solid"), colour=FADED[0] if faded else look.colour)
    name = _name(line, lines)
    if faded:  # a name a method is enough, and the page brings the method out
        method = line.first.entry.method
        first = next(one for one in lines if one.first.entry.method == method and one.arm != ZERO_SHOT)
        name = method if line is first else ""
    return Curve(
        name,
        line.first.entry.method,
        own,
        [100 * share for share in line.fractions],
        [row.entry.mean(content.error) for row in line.rows],
        [row.ends for row in line.rows],
        level=line.arm == ZERO_SHOT,
    )


def _caption(
    content: DatasetContent, rows: Sequence[ExperimentRow], lines: Sequence[Line], places: Sequence[float]
) -> str:
    arms = [words for arm, words in IN_WORDS.items() if any(line.arm == arm for line in lines)]
    least = min(line.fractions[0] for line in lines if line.arm != ZERO_SHOT)
    there = [line for line in lines if line.arm != ZERO_SHOT and line.fractions[0] == least]
    best = min(there, key=lambda line: line.first.entry.mean(content.error))
    gains = _gains(content, lines, least)
    return (
        f"Error on {content.name} over the share of its training trajectories; lower is better ({listed(arms)}). "
        f"With {short(100 * least)} % of them {_name(best, lines)} is lowest.{gains} Where a fine-tuned line "
        f"meets the dashed one of its method, the source no longer helps. Bars are 95 % intervals."
        f"{not_drawn(rows)}"
    )


def _gains(content: DatasetContent, lines: Sequence[Line], least: float) -> str:
    """By how much fine-tuning LaDID changes its error with the fewest trajectories, paired."""
    mine = {line.arm: line.first.entry for line in lines if line.first.entry.method == LADID}
    if not {SCRATCH, "fine-tuned"} <= set(mine) or any(mine[arm].fraction != least for arm in (SCRATCH, "fine-tuned")):
        return ""
    found = content.log_ratio(mine["fine-tuned"], mine[SCRATCH])
    if found is None:
        return ""
    middle, low, high = (ratio(math.exp(value)) for value in (found.estimate, found.low, found.high))
    return f" There LaDID fine-tuned has {middle} times the error of LaDID from scratch ({low} to {high})."


def areas(content: DatasetContent, rows: Sequence[ExperimentRow]) -> list[Area]:
    """The mean height of each line of two points or more, lowest first."""
    found = [_area(content, line) for line in lines_of(content, rows) if len(line.rows) > 1]
    return sorted((one for one in found if one is not None), key=lambda one: one.value)


def _area(content: DatasetContent, line: Line) -> Area | None:
    """By the trapezoidal rule over the logarithm of the share, trajectory by trajectory and seed by seed."""
    if not all(row.entry.sampled for row in line.rows):
        return None
    places = np.log(line.fractions)
    weights = np.convolve(np.diff(places), [0.5, 0.5], mode="full") / (places[-1] - places[0])  # (share,)
    seeds = max(len(row.entry.done) for row in line.rows)
    stacked = [stack(_by_seed(row.entry.done, seeds), content.primary_metric) for row in line.rows]
    if any(not np.array_equal(one.group, stacked[0].group) for one in stacked):
        return None
    values = sum(weight * one.values for weight, one in zip(weights, stacked, strict=True))
    below = [one.weights for one in stacked if one.weights is not None]
    scale = sum(weight * one for weight, one in zip(weights, below, strict=True)) if below else None
    mean = float(np.mean(values) if scale is None else np.sum(values) / np.sum(scale))
    return Area(line, mean, interval(np.asarray(values), stacked[0].group, stacked[0].seed, scale))


def _by_seed(runs: Sequence[Run], seeds: int) -> list[Run]:
    """Runs in the order of their seeds; one that does not depend on the seed stands for all of them."""
    ordered = sorted(runs, key=lambda run: run.row["seed"])
    return ordered * seeds if len(ordered) == 1 else ordered


def area_rows(table: ExperimentTable) -> pd.DataFrame:
    """The areas of all targets with all digits."""
    made = []
    for content, rows in table.parts:
        for one in areas(content, rows):
            entry = one.line.first.entry
            ends = {"interval_low": one.interval.low, "interval_high": one.interval.high} if one.interval else {}
            told: dict[str, Any] = {
                "dataset": content.name,
                "method": entry.method,
                "variant": entry.variant,
                "arm": entry.arm,
            }
            told |= {"init_from": entry.init_from, "changes": entry.changes, "primary_metric": content.primary_metric}
            shares = {"fraction_low": one.line.fractions[0], "fraction_high": one.line.fractions[-1]}
            made.append(
                {**told, **shares, "points": len(one.line.rows), "mean_error_over_log_fraction": one.value, **ends}
            )
    return pd.DataFrame(made)
