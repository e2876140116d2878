"""Methods over all data sets at once: how many runs reach an error, and how soon training reaches one."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ladid_bench.analysis.curves import run_seconds, training_frame, validated
from ladid_bench.analysis.entries import FEW, DatasetContent
from ladid_bench.analysis.evidence import LADID
from ladid_bench.analysis.overall import in_full, profiles, time_to_target
from ladid_bench.reporting.charts import Lines, Looks, Scale
from ladid_bench.reporting.drawing import TALL, WIDTH, Drawing
from ladid_bench.reporting.figures import told_of_times
from ladid_bench.reporting.formatting import counted, listed, short

NMSE = "nmse"
TARGETS = (0.5, 0.2, 0.1)  # validation nMSE; black images have 1
POINTS = 60  # of a profile
IN_FRONT = 3  # methods in colour beside LaDID, where they are many
DECADE = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7))  # ticks of each, sparse ones first
FEWEST_TICKS = 3
SHARE = "share of the runs, a mean over data sets"


def error_profiles(errors: pd.DataFrame, looks: Looks) -> Drawing | None:
    """Draw for each method the share of its runs with at most an error, over that error.

    Args:
        errors: a row a run, as ``run_errors`` makes it.
        looks: by method.
    """
    runs = in_full(errors)
    known = runs.loc[np.isfinite(runs["error"]) & (runs["error"] > 0), "error"]
    if runs["method"].nunique() < 2 or known.nunique() < 2:
        return None
    frame = profiles(runs, "error", _places(known))
    about = (
        f"Performance profiles over {_sets(runs)}: the share of a method's runs with "
        "at most the error on the axis; higher and further to the left is better. A run without a result reaches no "
        f"error. {_left_out(errors, runs)}"
    )
    return _drawing("performance-profiles", frame, "error of the run (nMSE or FVU)", about, looks)


def time_profiles(datasets: Sequence[DatasetContent], preferred: Mapping[str, str], looks: Looks) -> list[Drawing]:
    """Draw for each target the share of a method's runs whose validation has reached it, over the seconds of training.

    A target that fewer than half of the methods reach on any data set is left out.

    Args:
        datasets: of the comparison; those whose errors are not nMSE are left out.
        preferred: the variant that stands for each method.
        looks: by method.
    """
    datasets = [one for one in datasets if one.primary_metric == NMSE]  # of others a still picture may have any nMSE
    curves = pd.concat([pd.DataFrame(), *(_curves(one, preferred) for one in datasets)])
    if curves.empty or LADID not in set(curves["method"]):
        return []
    compared = in_full(curves)
    runs = [run for one in datasets for entry in one.ordered if validated(entry) for run in entry.done]
    return [one for target in TARGETS if (one := _time_profile(compared, curves, target, told_of_times(runs), looks))]


def _curves(dataset: DatasetContent, preferred: Mapping[str, str]) -> pd.DataFrame:
    """Validations of the preferred variant of each method over the seconds of its run, spread evenly over its steps."""
    frame = training_frame(dataset, "seconds", lambda run, step: step / step[-1] * run_seconds(run))
    return frame[frame["variant"] == frame["method"].map(preferred)] if len(frame) else frame


def _time_profile(
    compared: pd.DataFrame, curves: pd.DataFrame, target: float, times: str, looks: Looks
) -> Drawing | None:
    runs = time_to_target(compared, target)
    reached = runs[np.isfinite(runs["seconds"])]
    known, methods = reached["seconds"], runs["method"].nunique()
    if methods < 2 or known.nunique() < 2 or reached["method"].nunique() < methods / 2:
        return None
    frame = profiles(runs, "seconds", _places(known)).assign(target=target)
    about = (
        f"Time to a validation nMSE of {target:g} over {_sets(runs)}: the share of a method's runs "
        "that have reached it after the seconds on the axis; higher and further to the left is better. "
        "Seconds are those of the whole run, spread evenly over its steps: CPU seconds or, where an accelerator did "
        f"the work, wall-clock seconds. {times} {_left_out(curves, compared)}"
    )
    return _drawing(f"time-to-{target:g}".replace(".", "-"), frame, "CPU seconds of training", about, looks)


def _sets(runs: pd.DataFrame) -> str:
    return counted(runs["dataset"].nunique(), "data set")


def _places(values: pd.Series) -> list[float]:
    """Thresholds at equal ratios, from just below the least value to one that nine in ten do not exceed."""
    return [float(one) for one in np.geomspace(0.9 * values.min(), values.quantile(0.9, "higher"), POINTS)]


def _left_out(known: pd.DataFrame, shown: pd.DataFrame) -> str:
    missing = sorted(set(known["method"]) - set(shown["method"]))
    return f"Left out because they have no runs on some of these data sets: {listed(missing)}." if missing else ""


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers along a logarithmic axis, as few as are enough to read it by."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [
        [one * 10.0**decade for decade in decades for one in ones if low <= one * 10.0**decade <= high]
        for ones in DECADE
    ]
    return next((ticks for ticks in found if len(ticks) >= FEWEST_TICKS), found[-1]) or [float(f"{high:.1g}")]


def _drawing(name: str, frame: pd.DataFrame, heading: str, about: str, looks: Looks) -> Drawing:
    frame = frame.rename(columns={"method": "name"})
    order = frame.groupby("name")["share"].mean().sort_values(ascending=False, kind="stable").index
    frame = pd.concat([frame[frame["name"] == one] for one in order])
    front = {LADID, *order[:IN_FRONT]} if len(order) > FEW else set(order)
    shown = {one: looks[one] if one in front else looks[one].faded for one in order}
    low, high = frame["threshold"].min(), frame["threshold"].max()
    ticks = _ticks(low, high)
    chart = Lines(
        shown, Scale("threshold", heading, ticks, every=POINTS), "share", SHARE, decades=None, size=(WIDTH, TALL)
    )
    best = str(order[0])
    share = short(100 * float(frame.loc[frame["name"] == best, "share"].mean()), 2)
    finding = f"Averaged over the axis, {best} is highest, with {share} % of its runs."
    return Drawing(name, chart, about.strip(), frame, finding=finding)
