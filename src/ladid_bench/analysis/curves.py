"""Curves as tidy tables: error over the horizon, validation error while training, error against cost."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from ladid_bench.analysis.entries import DatasetContent, Entry, Run
from ladid_bench.analysis.statistics import UNKNOWN, Band, labels, ratio_band
from ladid_bench.runs.records import Sample

GROUPS_FOR_BANDS = 5


def described(dataset: DatasetContent, entry: Entry) -> dict[str, str]:
    """Compose the columns that say whose a row of a table is: data set, label, method and variant."""
    return {"dataset": dataset.name, "name": entry.label, "method": entry.method, "variant": entry.variant}


def horizon_frame(dataset: DatasetContent, banded: Sequence[str]) -> pd.DataFrame:
    """Tabulate primary errors at each lead time, a ratio of sums over test trajectories and seeds, best method first.

    Args:
        dataset: whose sampled entries, floors last, are told of.
        banded: labels that get the ends ``low`` and ``high`` of intervals, where there are groups enough.
    """
    made = []
    for entry in [*dataset.ordered, *dataset.floors]:
        if entry.sampled:
            lead, error = horizon_errors(dataset, entry)
            one = pd.DataFrame({**described(dataset, entry), "lead_time": np.round(lead, 9), "error": error})
            few = entry.floor or dataset.groups < GROUPS_FOR_BANDS
            band = None if few or entry.label not in banded else _band(dataset, entry)
            made.append(one.assign(low=band.low if band else np.nan, high=band.high if band else np.nan))
    return pd.concat(made) if made else pd.DataFrame()


def horizon_errors(dataset: DatasetContent, entry: Entry) -> tuple[np.ndarray, np.ndarray]:
    """Compute lead time and primary error of each forecast frame of an entry that is ``sampled``, ``(frame,)`` both."""
    error, scale = _sums(dataset, entry)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = error.sum(axis=0) / scale.sum(axis=0)
    return lead_times(dataset, _samples(entry)[0].times), ratio


def split_frame(dataset: DatasetContent) -> pd.DataFrame:
    """Take the primary error of each method apart, a row an entry, best first.

    ``floor`` is that of true frames as its decoder renders them, where it has one; ``first`` and ``last`` are ratios
    of sums at the first and over the last tenth of the forecast frames, ``mean`` over all; ``growth`` is ``last`` over
    ``first``.
    """
    made = []
    for entry in dataset.ordered:
        if entry.sampled:
            error, scale = _sums(dataset, entry)
            late = slice(-max(1, error.shape[1] // 10), None)
            parts = {"first": slice(1), "mean": slice(None), "last": late}
            ratios = {name: float(error[:, part].sum() / scale[:, part].sum()) for name, part in parts.items()}
            floor = entry.mean(f"floor_{dataset.primary_metric}")
            growth = ratios["last"] / ratios["first"] if ratios["first"] else math.nan
            made.append(described(dataset, entry) | {"floor": floor} | ratios | {"growth": growth})
    return pd.DataFrame(made)


def _band(dataset: DatasetContent, entry: Entry) -> Band | None:
    return ratio_band(*_sums(dataset, entry), *labels([sample.group for sample in _samples(entry)]))


def _sums(dataset: DatasetContent, entry: Entry) -> tuple[np.ndarray, np.ndarray]:
    """Squared errors and what they are divided by, over the trajectories of all seeds, ``(entry, frame)`` each."""
    below = "squared_truth" if dataset.primary_metric == "nmse" else "squared_deviation"
    error = np.concatenate([sample.squared_error for sample in _samples(entry)]).astype(np.float64)
    scale = np.concatenate([getattr(sample, below) for sample in _samples(entry)]).astype(np.float64)
    return error, scale


def _samples(entry: Entry) -> list[Sample]:
    return [run.sample for run in entry.done if run.sample is not None]


def lead_times(dataset: DatasetContent, times: np.ndarray) -> np.ndarray:
    """Compute the time from the last given frame to each forecast frame, ``(frame,)``: the median over trajectories.

    Args:
        dataset: whose card says the step from the last given frame to the first forecast one.
        times: ``(trajectory, frame)`` of the forecast frames.
    """
    step = dataset.card["task"]["time_step"] if dataset.card else 1.0
    return np.median(times - times[:, :1], axis=0) + step


def validated(entry: Entry) -> bool:
    """Tell whether a run of an entry was validated more than once, so that there is a curve."""
    return any(len(run.history) > 1 for run in entry.runs)


def training_frame(
    dataset: DatasetContent, column: str, across: Callable[[Run, np.ndarray], np.ndarray]
) -> pd.DataFrame:
    """Tabulate validation errors of every run of the methods that have several, over where ``across`` puts them."""
    made = []
    for entry, run in [(one, run) for one in dataset.ordered if validated(one) for run in one.runs]:
        steps = np.array([point["step"] for point in run.history], dtype=float)
        places = across(run, steps) if len(steps) else steps
        if len(places) and np.isfinite(places).all():
            errors = np.array([point["valid_nmse"] for point in run.history], dtype=float)
            told = described(dataset, entry) | {"seed": run.row["seed"]}
            made.append(pd.DataFrame({**told, column: places, "valid_nmse": errors}))
    return pd.concat(made) if made else pd.DataFrame()


def last_gains(frame: pd.DataFrame) -> dict[str, float]:
    """Compute the per cent by which each method's validation error fell between its last two validations, over runs."""
    runs = frame.groupby(["name", "seed"], sort=False)["valid_nmse"] if len(frame) else ()
    ends = pd.DataFrame([(name, *run.iloc[-2:]) for (name, _), run in runs if len(run) > 1])
    means = ends.groupby(0, sort=False).mean() if len(ends) else ends
    return {name: 100 * (1 - after / before) for name, before, after in means.itertuples() if 0 < before < math.inf}


def run_seconds(run: Run) -> float:
    """Look up the CPU seconds of a run, or its wall time where an accelerator did the work; NaN where unknown."""
    accelerated = float(run.row.get("cost_accelerator_seconds") or 0) > 0
    seconds = run.row.get("cost_wall_seconds" if accelerated else "cost_cpu_seconds")
    return math.nan if seconds is None else float(seconds)


def cost_points(dataset: DatasetContent, equal: DatasetContent | None) -> pd.DataFrame:
    """Tabulate mean seconds and primary error of all competitors with a result, best first.

    Those at equal CPU time follow as ``again``, without those that ran once for both experiments.
    """
    made, known = [], set[str]()
    for content, again in ((dataset, False), (equal, True)):
        for entry in content.ordered if content else ():
            keys, error = {run.key for run in entry.done}, entry.mean(content.error)  # type: ignore[union-attr]
            seconds = float(np.mean([run_seconds(run) for run in entry.done])) if keys else np.nan
            if seconds > 0 and error > 0 and not keys <= known:
                ends = content.error_interval(entry) or UNKNOWN  # type: ignore[union-attr]
                told = described(dataset, entry) | {"trained": entry.neural, "again": again}
                made.append({**told, "seconds": seconds, "error": error, "low": ends.low, "high": ends.high})
            known |= keys if not again else set()
    return pd.DataFrame(made)
