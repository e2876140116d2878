"""Results as tidy frames with all digits, a row a method: what the tables of a report show, and their CSV."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from ladid_bench.analysis.entries import DatasetContent, Entry, Run
from ladid_bench.analysis.statistics import UNKNOWN

SKILL, FORECAST, LYAPUNOV = "skill", "forecast_milliseconds", "valid_lyapunov_times"


def entry_frame(dataset: DatasetContent, entries: Sequence[Entry], names: Iterable[str]) -> pd.DataFrame:
    """Tabulate means over runs, a row an entry that names its runs.

    Args:
        dataset: that the entries are of.
        entries: the rows.
        names: columns of the run table.
    """
    return pd.DataFrame(
        [
            {"dataset": dataset.name, "method": entry.method, "variant": entry.variant, "fraction": entry.fraction}
            | {"kind": entry.kind, "runs": len(entry.runs), "runs_ok": len(entry.done)}
            | {name: entry.mean(name) for name in names}
            | {"note": note_on(entry), "keys": " ".join(run.key for run in entry.runs)}
            for entry in entries
        ]
    )


def accuracy_frame(dataset: DatasetContent, entries: Sequence[Entry], names: Sequence[str]) -> pd.DataFrame:
    """Tabulate accuracy with ranks, skill and the intervals of the primary error.

    Args:
        dataset: that the entries are of.
        entries: the ranked competitors, the others, then the floors.
        names: columns of the run table; ``skill`` among them is computed here, against the best simple method, and
            ``valid_lyapunov_times`` from the exponent on the data card, if there is one.
    """
    frame = entry_frame(dataset, entries, names)
    if SKILL in names:
        simple = dataset.best(neural=False)
        frame[SKILL] = 1 - frame[dataset.error] / ((simple.mean(dataset.error) if simple else 0.0) or math.nan)
        frame.loc[[entry.floor for entry in entries], SKILL] = math.nan
    if LYAPUNOV in names:
        exponent = dataset.card.get("lyapunov_exponent") or math.nan
        frame[LYAPUNOV] = exponent * np.array([entry.mean("valid_time_mean") for entry in entries])
    ranked = rankdata([entry.mean(dataset.error) for entry in dataset.ranked])  # ties share their average
    frame.insert(list(frame).index("runs_ok") + 1, "rank", [*ranked, *[math.nan] * (len(entries) - len(ranked))])
    found = [dataset.error_interval(entry) or UNKNOWN for entry in entries]
    for end in ("low", "high"):
        frame.insert(list(frame).index("note"), f"interval_{end}", [getattr(one, end) for one in found])
    return frame


def cost_frame(dataset: DatasetContent, entries: Sequence[Entry], names: Sequence[str]) -> pd.DataFrame:
    """Tabulate what every method cost; ``forecast_milliseconds`` is that of one test trajectory."""
    trajectories = dataset.card["splits_made"]["test"]["trajectories"] if dataset.card else math.nan
    seconds = np.array([entry.mean("cost_forecast_seconds") for entry in entries])
    return entry_frame(dataset, entries, names).assign(**{FORECAST: 1000 * seconds / trajectories})


def note_on(entry: Entry) -> str:
    """Say what a reader has to know about the runs behind a line: failures and skips."""
    lost = [run for run in entry.runs if run.status != "ok"]
    if lost and not entry.done:
        return "; ".join(dict.fromkeys(f"{state(run)}: {run.row['reason']}" for run in lost))
    seeds = ", ".join(f"{run.status} (seed {run.row['seed']})" for run in lost)
    return f"{len(entry.done)} of {len(entry.runs)} runs, not ranked; {seeds}" if lost else ""


def state(run: Run) -> str:
    """Say how a run without a result ended; a method that declines a data set has not failed."""
    return "not applicable" if run.status == "skipped" else run.status
