"""The claims about cost: CPU seconds of runs that had the machine to themselves, compared over the seeds.

A step at the full horizon costs the same at the start of a training as at its end, so that a few of them tell. A
forecast does not: an equation takes an adaptive solver more evaluations once it describes something. So forecasts are
those of trained models, taken as they are to data sets on which nothing is trained.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ladid_bench.analysis.crossed import LogRatio
from ladid_bench.analysis.evidence import LADID, Evidence, Side
from ladid_bench.analysis.paired import NEEDS_SEEDS, SEEDS_FOR_VERDICTS, Contrast, contrast, unfinished
from ladid_bench.analysis.rules.selection import ODE, data_sets_in
from ladid_bench.analysis.verdicts import Part, decide, reported

STEP, FORECAST = "cost_cpu_seconds_per_step", "cost_forecast_cpu_seconds"
TRAINED = {"experiment": "cost", "arm": "scratch", "fraction": 1.0}
BASE = {**TRAINED, "dataset": "pendulum"}
FEWER = {**BASE, "fraction": 0.125}  # BASE is the larger one here
WIDER = ("pendulum-256", "pendulum-64")  # with four times the pixels, of a study at 128 px and of one at 32
LONGER = "pendulum-horizon-150"  # three times as long
ASKED = {"experiment": "forecast-cost", "arm": "zero-shot", "fraction": 1.0}  # of models of the pendulum
BASE_ASKED = {**ASKED, "dataset": "pendulum-asked"}  # fifty trajectories at once
BEYOND = "pendulum-asked-long"  # three times as long as the models were trained for
MORE = 1.25  # limit of the ratio of costs of a larger task, and of the growth of cost
EQUAL = 1.25  # limit of the ratio of CPU times that count as equal, either way
PLACE = ("host", "processor", "device", "threads")  # where a run was measured
ALONE = 1.5  # most processes waiting for a core, per thread of the run, while nothing else runs


@dataclass(frozen=True)
class Cost:
    """A cost of runs of one method, a run a seed; with ``base``, how many times that of the same seed there."""

    column: str
    runs: Side
    base: Side | None = None

    @property
    def sides(self) -> tuple[Side, ...]:
        """Sides that the cost is computed from."""
        return (self.runs, self.base) if self.base else (self.runs,)

    @property
    def rows(self) -> tuple[dict[str, Any], ...]:
        """Rows of the run table of those runs."""
        return tuple(row for side in self.sides for row in side.rows)

    @property
    def logarithms(self) -> dict[Any, float]:
        """By seed."""
        one, *other = ({row["seed"]: math.log(row[self.column]) for row in side.rows} for side in self.sides)
        if not other:
            return one
        return {seed: value - other[0][seed] for seed, value in one.items() if seed in other[0]}


def cheaper_than_ode(evidence: Evidence) -> list[Part]:
    """Compare LaDID with every neural-ODE method: error at equal CPU time of training, and CPU time of a forecast.

    A forecast beyond the time that models were trained for is told and does not count: there LaDID starts anew from
    its own forecast, and its implementation here renders each frame once for every such start.
    """
    names = data_sets_in(evidence.rows_of("equal-time", method=LADID))
    trained = {name: _at_equal_time(evidence, name, ODE) for name in names}
    others = {name: _at_equal_time(evidence, name, _without_equation(evidence, name)) for name in names}
    steps, forecasts = (
        {name: _compared(evidence, column, ODE, {**how, "dataset": name}) for name in _places(evidence, how)}
        for how, column in ((TRAINED, STEP), (ASKED, FORECAST))
    )
    beyond = {BEYOND: forecasts.pop(BEYOND, [])}
    return [
        decide("error at equal CPU time of training", trained),
        decide("CPU time of a forecast", forecasts),
        *reported("CPU time of a forecast beyond the time of training", beyond),
        *reported("CPU time of a step", steps),
        *reported("error at equal CPU time of training, against networks without an ODE", others),
    ]


def scales(evidence: Evidence) -> list[Part]:
    """Compare what a step costs with more pixels and with a longer horizon; the rivals are the ODE methods.

    How many times the cost grows is told and does not count: encoder and decoder are the same for all, so that the
    method with the least cost besides grows most. With the number of trajectories nothing grows, as a batch is a batch.
    """
    places = _places(evidence, TRAINED)
    if not places:
        return []
    wider = next((name for name in WIDER if name in places), WIDER[-1])
    larger = {"pixels": {**BASE, "dataset": wider}, "horizon": {**BASE, "dataset": LONGER}}
    grown = {name: (place, BASE) for name, place in larger.items()} | {"trajectories": (BASE, FEWER)}
    further = {"horizon": ({**ASKED, "dataset": BEYOND}, BASE_ASKED)}
    step = {name: _where_asked(evidence, STEP, place) for name, place in larger.items()}
    growth = {name: _where_asked(evidence, STEP, *both) for name, both in grown.items()}
    of_forecast = {name: _where_asked(evidence, FORECAST, *both) for name, both in further.items()}
    return [
        decide("a step", step, MORE),
        decide("growth of a step", growth, MORE, counted=False),
        decide("growth of a forecast", of_forecast, MORE, counted=False),
    ]


def _places(evidence: Evidence, how: dict[str, Any]) -> list[str]:
    """Data sets on which a cost of LaDID was measured."""
    return data_sets_in(evidence.rows_of(**how, method=LADID))


def _without_equation(evidence: Evidence, dataset: str) -> list[str]:
    """The networks without an ODE that had the same CPU time."""
    rows = evidence.rows_of("equal-time", dataset=dataset, kind="neural")
    return [name for name in dict.fromkeys(str(row["method"]) for row in rows) if name not in (LADID, *ODE)]


def _at_equal_time(evidence: Evidence, dataset: str, rivals: Iterable[str]) -> list[Contrast]:
    ladid, *others = (evidence.side(name, "equal-time", dataset=dataset, method=name) for name in (LADID, *rivals))
    return [_if_equal(contrast(evidence, ladid, rival), _unequal(ladid, rival)) for rival in others]


def _if_equal(made: Contrast, unequal: str) -> Contrast:
    """A comparison at equal time, without a result where the times were not equal."""
    return replace(made, ratio=None, beside=None, problem=unequal) if unequal else made


def _unequal(first: Side, second: Side) -> str:
    """Why the trainings of two sides did not take equal CPU time, empty where they did or are not known."""
    times = [
        [row[STEP] * row["steps"] for row in side.rows if row["status"] == "ok" and row.get(STEP, math.nan) > 0]
        for side in (first, second)
    ]
    ratio = float(np.mean(times[1]) / np.mean(times[0])) if all(times) else 1.0
    if 1 / EQUAL <= ratio <= EQUAL:
        return ""
    return f"{second.name} was trained for {ratio:.2f} times the CPU time of {first.name}"


def _where_asked(evidence: Evidence, column: str, *places: dict[str, Any]) -> list[Contrast]:
    """Compare with the ODE methods of which the study asks for the cost at all of ``places``; all where of none."""
    asked = [one for one in ODE if all(evidence.rows_of(**place, method=one) for place in places)]
    return _compared(evidence, column, asked or ODE, *places)


def _compared(evidence: Evidence, column: str, rivals: Sequence[str], *places: dict[str, Any]) -> list[Contrast]:
    """Compare costs at a place or, with a second one, how many times those of the second they are."""
    ladid, *others = (
        Cost(column, *(_measured(evidence, method, place) for place in places)) for method in (LADID, *rivals)
    )
    return compare_costs(evidence, ladid, others)


def _measured(evidence: Evidence, method: str, place: dict[str, Any]) -> Side:
    return evidence.side(method, **place, method=method)


def _trained(evidence: Evidence, side: Side) -> Side:
    """The runs whose models a side asks, which are its own where it does not start from others."""
    sources = {row["init_from_key"] for row in side.rows if row.get("init_from")}
    return replace(side, rows=tuple(row for row in evidence.rows if row["key"] in sources)) if sources else side


def compare_costs(evidence: Evidence, ladid: Cost, rivals: Sequence[Cost]) -> list[Contrast]:
    """Compute the log ratios of LaDID's cost to that of each rival.

    The spread between seeds is estimated from all methods together, for three runs alone can agree by chance. Of
    forecasts a model that has learnt nothing is named as untrained: its equation would cost more to solve.
    """
    made = [_prepared(ladid, rival) for rival in rivals]
    able = {place: list(rivals[place].logarithms.values()) for place, one in enumerate(made) if not one.problem}
    if not able:
        return made
    control = list(ladid.logarithms.values())
    freedom = sum(len(one) - 1 for one in (control, *able.values()))
    variance = sum(float(np.var(one)) * len(one) for one in (control, *able.values())) / freedom
    for place, sample in able.items():
        spread = variance * (1 / len(control) + 1 / len(sample))
        ratio = LogRatio(float(np.mean(control) - np.mean(sample)), (spread,), (freedom,))
        sides = (*ladid.sides, *rivals[place].sides)
        asked = [_trained(evidence, side) for side in sides] if ladid.column == FORECAST else []
        untrained = tuple(dict.fromkeys(side.name for side in asked if evidence.untrained(side)))
        seeds = min(len(control), len(sample))
        made[place] = replace(made[place], ratio=ratio, seeds=seeds, untrained=untrained)
    return made


def _prepared(ladid: Cost, rival: Cost) -> Contrast:
    """The comparison before it is made, with what keeps it from being made."""
    rows = (*ladid.rows, *rival.rows)
    made = Contrast(ladid.runs.name, rival.runs.name, tuple(str(row["key"]) for row in rows))
    if rival.runs.declined:
        return replace(made, skipped=True, problem=rival.runs.declined)
    problem = next(filter(None, map(unfinished, (*ladid.sides, *rival.sides))), "") or _unlike(rows, ladid.column)
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
