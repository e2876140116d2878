"""The claims about cost: CPU seconds of runs that had the machine to themselves, compared over the seeds."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import dunnett
from scipy.stats import t as student

from ladid_bench.analysis.paired import NEEDS_SEEDS, SEEDS_FOR_VERDICTS, Contrast, Evidence, Group, contrast, unfinished
from ladid_bench.analysis.rules import LADID, ODE, dataset_names
from ladid_bench.analysis.statistics import CONFIDENCE, RNG_SEED, Interval
from ladid_bench.analysis.verdicts import Part, SetResult, no_worse, superior

STEP, FORECAST = "cost_cpu_seconds_per_step", "cost_forecast_cpu_seconds"
BASE = {"dataset": "pendulum", "fraction": 1.0}
LARGER = {  # what grows, and where it is larger than on BASE
    "pixels": {"dataset": "pendulum-64", "fraction": 1.0},
    "horizon": {"dataset": "pendulum-horizon-150", "fraction": 1.0},
}
FEWER = {"dataset": "pendulum", "fraction": 0.125}  # BASE is the larger one here
MORE = 0.25  # margin of the growth of cost
PLACE = ("host", "processor", "device", "threads")  # where a run was measured
ALONE = 1.5  # most processes waiting for a core, per thread of the run, while nothing else runs


@dataclass(frozen=True)
class Cost:
    """A cost of runs of one method, a run a seed; with ``base``, how many times that of the same seed there."""

    column: str
    runs: Group
    base: Group | None = None

    @property
    def groups(self) -> tuple[Group, ...]:
        return (self.runs, self.base) if self.base else (self.runs,)

    @property
    def rows(self) -> tuple[dict[str, Any], ...]:
        return tuple(row for group in self.groups for row in group.rows)

    @property
    def logarithms(self) -> dict[Any, float]:
        """By seed."""
        one, *other = ({row["seed"]: math.log(row[self.column]) for row in group.rows} for group in self.groups)
        if not other:
            return one
        return {seed: value - other[0][seed] for seed, value in one.items() if seed in other[0]}


def cheaper_than_ode(evidence: Evidence) -> list[Part]:
    """Compare LaDID with every neural-ODE method: error at equal CPU time of training, and CPU time of a forecast."""
    trained = tuple(
        _at_equal_time(evidence, name) for name in dataset_names(evidence.rows_of("equal-time", method=LADID))
    )
    places = {
        name: {"dataset": name, "fraction": 1.0} for name in dataset_names(evidence.rows_of("cost", method=LADID))
    }
    steps, forecasts = (
        tuple(_cheaper(evidence, name, place, column) for name, place in places.items()) for column in (STEP, FORECAST)
    )
    return [
        Part("error at equal CPU time of training", trained),
        Part("CPU time of a forecast", forecasts),
        Part("CPU time of a step", steps, counted=False),
    ]


def scales(evidence: Evidence) -> list[Part]:
    """Compare how the costs of a step and a forecast grow with pixels, horizon, trajectories, against ODE methods."""
    if not evidence.rows_of("cost", method=LADID):
        return []
    grown = [(name, BASE, larger) for name, larger in LARGER.items()]
    return [
        Part("a step", tuple(_growth(evidence, STEP, *one) for one in [*grown, ("trajectories", FEWER, BASE)]), MORE),
        Part("a forecast", tuple(_growth(evidence, FORECAST, *one) for one in grown), MORE),
    ]


def _at_equal_time(evidence: Evidence, dataset: str) -> SetResult:
    ladid, *rivals = (evidence.group(name, "equal-time", dataset=dataset, method=name) for name in (LADID, *ODE))
    return superior(dataset, [contrast(evidence, ladid, rival) for rival in rivals])


def _cheaper(evidence: Evidence, name: str, place: dict[str, Any], column: str) -> SetResult:
    ladid, *rivals = (Cost(column, _measured(evidence, method, place)) for method in (LADID, *ODE))
    return superior(name, compare_costs(ladid, rivals))


def _growth(evidence: Evidence, column: str, name: str, small: dict[str, Any], large: dict[str, Any]) -> SetResult:
    present = [one for one in ODE if all(evidence.rows_of("cost", method=one, **place) for place in (small, large))]
    ladid, *rivals = (
        Cost(column, *(_measured(evidence, method, place) for place in (large, small)))
        for method in (LADID, *(present or ODE))
    )
    return no_worse(name, compare_costs(ladid, rivals), MORE)


def _measured(evidence: Evidence, method: str, place: dict[str, Any]) -> Group:
    return evidence.group(method, "cost", method=method, **place)


def compare_costs(ladid: Cost, rivals: Sequence[Cost]) -> list[Contrast]:
    """Compute the ratios of LaDID's cost to that of each rival, with simultaneous intervals.

    They are those of Dunnett's comparison of several groups with a control, for the logarithms over the seeds: the
    spread between seeds is estimated from all methods together, for three runs alone can agree by chance.
    """
    made = [_prepared(ladid, rival) for rival in rivals]
    able = [place for place, one in enumerate(made) if not one.problem]
    if not able:
        return made
    control, *samples = (list(one.logarithms.values()) for one in (ladid, *(rivals[place] for place in able)))
    test = dunnett(*samples, control=control, rng=np.random.default_rng(RNG_SEED))
    ends = test.confidence_interval(CONFIDENCE)
    freedom = sum(len(one) - 1 for one in (control, *samples))
    for place, sample, statistic, low, high in zip(able, samples, test.statistic, ends.low, ends.high, strict=True):
        found = Interval(float(np.mean(control) - np.mean(sample)), -float(high), -float(low))
        single = 2 * float(
            student.sf(abs(statistic), freedom)
        )  # p of one comparison alone, to be corrected with others
        made[place] = replace(made[place], interval=found, p=single, seeds=min(len(control), len(sample)))
    return made


def _prepared(ladid: Cost, rival: Cost) -> Contrast:
    """The comparison before it is made, with what keeps it from being made."""
    rows = (*ladid.rows, *rival.rows)
    made = Contrast(ladid.runs.name, rival.runs.name, tuple(str(row["key"]) for row in rows))
    if rival.runs.declined:
        return replace(made, skipped=True, problem=rival.runs.declined)
    problem = next(filter(None, map(unfinished, (*ladid.groups, *rival.groups))), "") or _unlike(rows, ladid.column)
    fewest = 0 if problem else min(len(ladid.logarithms), len(rival.logarithms))
    if not problem and fewest < SEEDS_FOR_VERDICTS:
        problem = f"{NEEDS_SEEDS}: {made.first} or {made.second} has {fewest}"
    return replace(made, problem=problem)


def shared(row: dict[str, Any]) -> bool:
    """Say whether a run had its machine beside others, or its record does not tell."""
    return not row.get("cost_load", math.nan) <= ALONE * row.get("threads", 1)


def _unlike(rows: Iterable[dict[str, Any]], column: str) -> str:
    """Why the costs of runs do not compare, empty where they do."""
    places = set()
    for row in rows:
        if row["status"] != "ok":
            return f"{row['method']}, seed {row['seed']}, ended as {row['status']}"
        if not (row.get(column, math.nan) > 0 and row.get("cost_load", math.nan) >= 0):
            return f"run {row['key']} was not measured"
        if shared(row):
            return f"run {row['key']} shared its machine with others (load {row['cost_load']:.1f})"
        places.add(tuple(row[name] for name in PLACE))
    return "" if len(places) == 1 else "the runs were measured on different machines"
