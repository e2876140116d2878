"""The budget at which tables and figures show an experiment while longer trainings of it are still to come."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import pandas as pd

from ladid_bench.analysis.evidence import UNEQUAL
from ladid_bench.analysis.run_table import TRAINING
from ladid_bench.runs.records import WAITING

NEARLY_ALL = 0.9  # of the methods that are complete at some budget; a single one under way moves no table
Rows = list[dict[str, Any]]


def at_reached_budgets(table: pd.DataFrame) -> pd.DataFrame:
    """Show each experiment, on each data set, at the budget that it has reached.

    An experiment asks for its longest trainings, which pass shorter budgets on the way. It has reached the longest
    budget at which nearly as many methods are complete as at any: all methods of a table then have the same number of
    steps. Experiments in which each run goes to a budget of its own stay as they are.

    Args:
        table: the run table, one row a planned run.

    Returns:
        The table with the columns ``experiments`` and ``rung_of`` as if the study had been planned to that budget.
    """
    rows = [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
    for (experiment, _), asked in _by_experiment(rows).items():
        trained = _with_several_budgets(asked)
        reached = _reached(trained)
        for row in trained:
            if row["steps"] == reached:
                _move(row, experiment, "rung_of", "experiments")
            elif row["steps"] > reached:
                _move(row, experiment, "experiments", "rung_of")
    return table.assign(**{column: [row[column] for row in rows] for column in ("experiments", "rung_of")})


def _by_experiment(rows: Rows) -> dict[tuple[str, str], Rows]:
    """Sort trained runs by experiment and data set; one may belong to several experiments."""
    found = defaultdict[tuple[str, str], Rows](list)
    for row in (one for one in rows if one["steps"]):
        for experiment in {*row["experiments"].split(","), *row["rung_of"].split(",")} - {"", *UNEQUAL}:
            found[experiment, row["dataset"]].append(row)
    return found


def _with_several_budgets(rows: Rows) -> Rows:
    """Choose the runs of the trainings that are scored at more than one budget."""
    budgets = defaultdict[tuple[Any, ...], set[int]](set)
    for row in rows:
        budgets[_line(row)].add(row["steps"])
    return [row for row in rows if len(budgets[_line(row)]) > 1]


def _reached(rows: Rows) -> int:
    """Find the longest budget at which nearly as many methods are complete as at the one with most.

    Only budgets count that all trainings pass; where they have none in common, it is the longest of all.
    """
    trainings = len({_line(row) for row in rows})
    by_budget = defaultdict[int, Rows](list)
    for row in rows:
        by_budget[row["steps"]].append(row)
    complete = {steps: _complete(some) for steps, some in by_budget.items() if len(some) == trainings}
    enough = NEARLY_ALL * max(complete.values(), default=0)
    return max((steps for steps, count in complete.items() if count >= enough), default=max(by_budget, default=0))


def _line(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in (*TRAINING, "seed"))


def _complete(rows: Iterable[dict[str, Any]]) -> int:
    """Count the methods of which every run has ended."""
    waiting = defaultdict[tuple[Any, ...], bool](bool)
    for row in rows:
        waiting[tuple(row[name] for name in TRAINING)] |= row["status"] == WAITING
    return sum(not one for one in waiting.values())


def _move(row: dict[str, Any], experiment: str, source: str, target: str) -> None:
    """Move the name of an experiment from one column of a row to the other, if it is there."""
    names = [one for one in row[source].split(",") if one]
    if experiment in names:
        row[source] = ",".join(one for one in names if one != experiment)
        row[target] = ",".join(one for one in (row[target], experiment) if one)
