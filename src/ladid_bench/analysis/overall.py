"""Methods over all data sets at once, told beside the verdicts: interquartile means, improvement, performance profiles.

After Agarwal and others, *Deep reinforcement learning at the edge of the statistical precipice* (NeurIPS 2021). They
pool data sets on which errors mean different things, so nothing is decided by them.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import trim_mean

from ladid_bench.analysis.evidence import LADID, LOST, Evidence, on_frames
from ladid_bench.analysis.paired import share_below
from ladid_bench.study.plan import COMPARISON

QUARTER = 0.25
COLUMNS = ["method", "dataset", "seed", "error"]


def run_errors(evidence: Evidence) -> pd.DataFrame:
    """Tabulate the primary error of every run of the comparison by method, data set and seed.

    Runs are those with the longest training that the comparison has; data sets may have caps of their own, and each
    method of one has the same. Errors are in units of a forecast that knows nothing; that of a run that diverged or
    failed is infinite. Floors, and runs that have not ended or whose errors are not known, are left out.
    """
    made = []
    for row in evidence.rows_of(COMPARISON, steps=None):
        if COMPARISON not in row["experiments"].split(","):
            continue  # a rung on the way
        errors = evidence.errors(row, on_frames)
        if row["kind"] != "floor" and (errors is not None or row["status"] in LOST):
            error = errors.error.sum() / errors.ignorant.sum() if errors is not None else np.inf
            made.append([row["method"], row["dataset"], row["seed"], error])
    return pd.DataFrame(made, columns=COLUMNS).astype({"error": float})


def overall_frame(errors: pd.DataFrame) -> pd.DataFrame:
    """Tabulate each method over the data sets that are shared, see ``shared_sets``, a row each, lowest first.

    Columns: method; datasets, those of them that it has; interquartile_mean, of the errors of all its runs, each data
    set weighing the same, NaN for a method that lacks one of the data sets; and improvement, the probability that a run
    of LaDID has a lower error than one of it, a mean over data sets.
    """
    own = {name: one["error"].to_numpy() for name, one in errors[errors["method"] == LADID].groupby("dataset")}
    shared, made = shared_sets(errors), []
    for method, rows in errors[errors["dataset"].isin(shared)].groupby("method", sort=False):
        by_dataset = {str(name): one["error"].to_numpy() for name, one in rows.groupby("dataset")}
        won = [share_below(own[name][:, None], one[None, :]) for name, one in by_dataset.items()]
        middle = interquartile_mean(by_dataset) if len(by_dataset) == len(shared) else np.nan
        told = {"method": method, "datasets": len(by_dataset), "interquartile_mean": middle}
        made.append({**told, "improvement": np.nan if method == LADID else float(np.mean(won))})
    frame = pd.DataFrame(made, columns=["method", "datasets", "interquartile_mean", "improvement"])
    return frame.sort_values("interquartile_mean", kind="stable", ignore_index=True)


def interquartile_mean(by_dataset: dict[str, np.ndarray]) -> float:
    """Compute the mean of the middle half of all errors, of data sets with as many runs each by repeating them."""
    count = int(np.lcm.reduce([len(one) for one in by_dataset.values()]))
    return float(trim_mean(np.concatenate([np.repeat(one, count // len(one)) for one in by_dataset.values()]), QUARTER))


def shared_sets(runs: pd.DataFrame) -> list[str]:
    """List the data sets of LaDID on which at least half as many methods have runs as on the one with most.

    A data set that few methods have been run on so far would leave most of them out of what is told over all.
    """
    own = runs.loc[runs["method"] == LADID, "dataset"].unique()
    methods = runs[runs["dataset"].isin(own)].groupby("dataset", sort=False)["method"].nunique()
    return [str(name) for name in methods.index[methods >= methods.max() / 2]]


def in_full(runs: pd.DataFrame) -> pd.DataFrame:
    """Choose the rows of the methods that have runs on every shared data set, and on those data sets alone."""
    shared = shared_sets(runs)
    some = runs[runs["dataset"].isin(shared)]
    return some[some.groupby("method")["dataset"].transform("nunique") == len(shared)]


def profiles(runs: pd.DataFrame, column: str, thresholds: Sequence[float]) -> pd.DataFrame:
    """Tabulate the share of the runs of each method with at most each threshold in a column, a mean over data sets.

    Of errors these are performance profiles; of the seconds until a target is reached, those of Dolan and More (2002)
    without the division by the best.
    """
    made = []
    for method, rows in runs.groupby("method", sort=False):
        for threshold in thresholds:
            reached = (rows[column] <= threshold).groupby(rows["dataset"]).mean()
            made.append({"method": method, "threshold": threshold, "share": float(reached.mean())})
    return pd.DataFrame(made, columns=["method", "threshold", "share"])


def time_to_target(curves: pd.DataFrame, target: float) -> pd.DataFrame:
    """Find the seconds until the validation of each run reached an error, infinite for those that never did.

    Args:
        curves: a row a validation, with ``method``, ``dataset``, ``seed``, ``seconds`` and ``valid_nmse``.
        target: validation nMSE to be reached.

    Returns:
        A row a run: ``method``, ``dataset``, ``seed``, ``seconds``.
    """
    run = ["method", "dataset", "seed"]
    reached = curves.assign(seconds=curves["seconds"].where(curves["valid_nmse"] <= target, np.inf))
    return reached.groupby(run, sort=False)["seconds"].min().reset_index()
