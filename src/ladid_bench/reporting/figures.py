"""Figures of one data set: error over the horizon, validation error while training, and vectors over time."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from ladid_bench.analysis.curves import (
    GROUPS_FOR_BANDS,
    horizon_frame,
    last_gains,
    run_seconds,
    training_frame,
    validated,
)
from ladid_bench.analysis.entries import DatasetContent, Entry, Run
from ladid_bench.analysis.evidence import LADID
from ladid_bench.analysis.pictures import Pictures, series_frame
from ladid_bench.analysis.rules.costs import PLACE, shared
from ladid_bench.reporting.charts import Lines, Looks, Scale
from ladid_bench.reporting.drawing import TALL, WIDTH, Drawing
from ladid_bench.reporting.formatting import counted, listed, number, short, with_unit
from ladid_bench.reporting.leading import if_anybody
from ladid_bench.reporting.palette import INK, own_look

USELESS = {"nmse": "a forecast of zero", "fvu": "the training mean"}
MOST_NAMED = 4  # methods that a caption lists one by one


def horizon(dataset: DatasetContent, styles: Looks, trained: float | None = None) -> Drawing | None:
    """Draw error over lead time; ``trained`` is the longest that was trained on, None where it is all of it."""
    frame = horizon_frame(dataset, [label for label, look in styles.items() if look.strong])
    if frame.empty or frame["lead_time"].nunique() < 2:
        return None
    marks = [] if trained is None else [(trained, "beyond training")]
    scale = Scale("lead_time", with_unit("lead time", dataset.time_unit), marks=marks)
    ends = {entry.label: "floor" for entry in dataset.floors}
    chart = Lines(styles, scale, "error", dataset.error_name, ends=ends, level=1, size=(WIDTH, TALL))
    about, name = _about_horizon(dataset, frame), f"horizon-{dataset.name}"
    return Drawing(name, chart, about, frame, finding=_lowest_at_ends(dataset, frame))


def _lowest_at_ends(dataset: DatasetContent, frame: pd.DataFrame) -> str:
    """Which method has the lowest error at the first frame, and at the last."""
    compared = frame[~frame["name"].isin([entry.label for entry in dataset.floors])]
    errors = compared.pivot_table(index="lead_time", columns="name", values="error", sort=False)
    errors = errors.sort_index().fillna(np.inf)
    if errors.empty:
        return ""
    first, last = errors.iloc[0].idxmin(), errors.iloc[-1].idxmin()
    words = f"{first} is lowest at the first frame{' and at the last' if first == last else f', {last} at the last'}."
    return if_anybody(dataset.competitors, dataset.groups, words)


def _about_horizon(dataset: DatasetContent, frame: pd.DataFrame) -> str:
    words = f"Error over the lead time; lower is better, 1 is {USELESS[dataset.primary_metric]}."
    if frame["name"].isin([entry.label for entry in dataset.floors]).any():
        words += " The dotted line is the floor: the true frames rendered by the shared decoder."
    band = f"bands are 95 % intervals over {counted(dataset.groups, 'group')}"
    if dataset.groups < GROUPS_FOR_BANDS:
        band = f"with {counted(dataset.groups, 'group')}, bands would mean little"
    return f"{words} Each point is a ratio of sums over the test trajectories; {band}."


def told_of_times(runs: Iterable[Run]) -> str:
    """Say how far the times of these runs compare; empty where each had the same machine to itself."""
    rows = [run.row for run in runs]
    known = [row for row in rows if not pd.isna(row.get("cost_load"))]
    loads = [float(row["cost_load"]) for row in known]
    kinds = {tuple(row.get(name) for name in PLACE) for row in rows}
    ends = list(dict.fromkeys(number(end(loads), 1) for end in (min, max))) if loads else []
    why = [f"at {'loads' if ends[1:] else 'a load'} of {' to '.join(ends)}"] if any(map(shared, known)) else []
    why += [f"on {len(kinds)} kinds of machine"] if len(kinds) > 1 else []
    return f"Times are only roughly comparable: these runs were made {' and '.join(why)}." if why else ""


def training(dataset: DatasetContent, styles: Looks) -> Drawing | None:
    """Draw the validation error over optimiser steps, a line a run."""
    frame = training_frame(dataset, "step", lambda run, step: step)
    caption = (
        f"Error on the validation split during training, one line per run.{_falling(frame)} "
        f"A curve that still falls has not converged."
    )
    return _training(f"training-{dataset.name}", frame, styles, Scale("step", "optimiser steps"), caption)


def training_time(dataset: DatasetContent, styles: Looks, equal_time: bool) -> Drawing | None:
    """Draw the validation error over CPU seconds, a line a run.

    A run's own are spread evenly over its steps: the time of a step is measured on the clock, which counts the work
    of others on the machine too.
    """
    frame = training_frame(dataset, "seconds", lambda run, step: step / step[-1] * run_seconds(run))
    which = "runs at equal CPU time" if equal_time else "same runs"
    caption = (
        f"The {which} over the CPU seconds of a run (wall-clock seconds where an accelerator did the work), spread "
        "evenly over its steps. The learning rate decays towards the end of every run, so a shorter run would have "
        "a lower error than a longer one halfway."
    )
    times = told_of_times(run for entry in dataset.ordered if validated(entry) for run in entry.done)
    caption = " ".join(filter(None, (caption, times)))
    return _training(f"training-time-{dataset.name}", frame, styles, Scale("seconds", "CPU seconds"), caption)


def _training(name: str, frame: pd.DataFrame, styles: Looks, scale: Scale, caption: str) -> Drawing | None:
    if frame.empty:
        return None
    return Drawing(name, Lines(styles, scale, "valid_nmse", "validation nMSE", decades=5), caption, frame)


def _falling(frame: pd.DataFrame) -> str:
    """How much was still gained at the end, method by method where they are few."""
    gains = [(gain, name) for name, gain in last_gains(frame).items()]
    if not gains:
        return ""
    named = gains if len(gains) <= MOST_NAMED else [max(gains), min(gains)]
    ways = [("fell", [one for one in named if one[0] >= 0]), ("rose", [one for one in named if one[0] < 0])]
    parts = " and ".join(
        f"{way} for {listed(f'{label} by {short(abs(gain), 2)} %' for gain, label in some)}"
        for way, some in ways
        if some
    )
    among = f", most and least among {len(gains)} methods" if len(gains) > MOST_NAMED else ""
    return f" Between the last two validations the error {parts}{among}."


def series(dataset: DatasetContent, pictures: Pictures, styles: Looks) -> Drawing:
    """Draw vector observations over time, a row a feature: truth, LaDID, the best neural and the best simple method."""
    labels = [entry.label for entry in _best(dataset) if entry.label in pictures.forecasts]
    frame = series_frame(dataset, pictures, labels)
    scale = Scale("lead_time", with_unit("lead time", dataset.time_unit), marks=[(0, "")])
    looks = {**styles, "truth": own_look(INK[0])}
    chart = Lines(looks, scale, "value", panel="feature", decades=None)
    return Drawing(
        f"series-{dataset.name}", chart, _series_caption(pictures, frame["feature"].nunique(), labels), frame
    )


def _best(dataset: DatasetContent) -> list[Entry]:
    """LaDID, the best neural and the best simple method, in the order of their errors."""
    ladid = next((entry for entry in dataset.ranked if entry.method == LADID), None)
    chosen = (ladid, dataset.best(neural=True), dataset.best(neural=False))
    return [entry for entry in dataset.ranked if entry in chosen]


def _series_caption(pictures: Pictures, features: int, labels: list[str]) -> str:
    some = "All" if features == pictures.truth.shape[1] else f"The first {features} of {pictures.truth.shape[1]}"
    return (
        f"{some} features of test trajectory {pictures.trajectory}: the truth and the forecast of {listed(labels)}, "
        "which begins at the dashed line. Where the lines separate, the forecast has lost the motion."
    )
