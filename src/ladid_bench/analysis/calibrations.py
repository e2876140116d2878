"""The predictive distributions of an experiment's methods as tidy tables: scores, reliability, spread against error."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ladid_bench.analysis.entries import DatasetContent, Entry
from ladid_bench.analysis.experiments import ExperimentRow, row_columns
from ladid_bench.analysis.statistics import UNKNOWN, Interval, interval, labels
from ladid_bench.data.ensembles import levels
from ladid_bench.runs.calibration import DISTRIBUTIONS, MEASURES, Calibration, Scored

Found = tuple[ExperimentRow, str, list[Calibration], list[Scored]]  # a row, a distribution, and a run's scores each


def score_frame(content: DatasetContent, rows: Sequence[ExperimentRow]) -> pd.DataFrame:
    """Tabulate the scores, a row a method and distribution, lowest CRPS with the same noise for all first.

    ``low`` and ``high`` are the ends of the interval of the CRPS, ``crps``.
    """
    made = []
    for row, name, calibrations, scored in _found(rows):
        told = [one.measures(made.draws) for one, made in zip(scored, calibrations, strict=True)]
        means = {measure: float(np.mean([one[measure] for one in told])) for measure in MEASURES}
        ends = _interval(calibrations, scored) or UNKNOWN
        keys = " ".join(one.key for one in calibrations)
        made.append(_told(content, row, name) | means | {"low": ends.low, "high": ends.high, "keys": keys})
    frame = pd.DataFrame(made)
    if frame.empty:
        return frame
    same = frame[frame["distribution"] == DISTRIBUTIONS[0]].set_index("name")["crps"]
    return frame.sort_values("name", key=lambda names: names.map(same), kind="stable")


def reliability_frame(content: DatasetContent, rows: Sequence[ExperimentRow]) -> pd.DataFrame:
    """Tabulate in percent how many values central intervals should hold, ``nominal``, and do hold, ``inside``."""
    made = []
    for row, name, calibrations, scored in _found(rows):
        nominal = 100 * levels(calibrations[0].draws)[::-1]
        inside = 100 * np.mean([one.coverage for one in scored], axis=0)[::-1]
        made.append(pd.DataFrame(_told(content, row, name) | {"nominal": nominal.round(6), "inside": inside}))
    return pd.concat(made) if made else pd.DataFrame()


def spread_frame(content: DatasetContent, rows: Sequence[ExperimentRow]) -> pd.DataFrame:
    """Tabulate spread and error at each lead time, root mean squares over test trajectories and seeds."""
    made = []
    for row, name, calibrations, scored in _found(rows):
        spread, error = (
            np.sqrt(np.mean([np.square(getattr(one, of)) for one in scored], axis=0)) for of in ("spread", "error")
        )
        lead = calibrations[0].lead_times
        made.append(pd.DataFrame(_told(content, row, name) | {"lead_time": lead, "spread": spread, "error": error}))
    return pd.concat(made) if made else pd.DataFrame()


def calibrations_of(entry: Entry) -> list[Calibration]:
    """List the calibrations of an entry's runs, those in which something was scored."""
    known = [run.calibration for run in entry.done if run.calibration is not None]
    return [one for one in known if one.scored]


def _found(rows: Sequence[ExperimentRow]) -> Iterator[Found]:
    """What was scored, method after method: the distributions that all runs of a row have."""
    for row in rows:
        calibrations = calibrations_of(row.entry)
        for name in DISTRIBUTIONS:
            scored = [part for one in calibrations for part in one.scored if part.name == name]
            if scored and len(scored) == len(calibrations):
                yield row, name, calibrations, scored


def _told(content: DatasetContent, row: ExperimentRow, distribution: str) -> dict[str, Any]:
    """The columns that say what a row of a table is about."""
    name = f"{row.name} ({row.entry.conditions})" if row.entry.conditions else row.name
    return row_columns(content, row) | {"name": name, "distribution": distribution}


def _interval(calibrations: Sequence[Calibration], scored: Sequence[Scored]) -> Interval | None:
    """Interval of the mean CRPS over groups and seeds."""
    return interval(np.concatenate([one.crps for one in scored]), *labels([one.group for one in calibrations]))
