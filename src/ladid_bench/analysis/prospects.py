"""Which claims a study can meet, said before its runs: are all planned that a claim needs, on enough test groups?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from ladid_bench.analysis.claims import Claim, judge
from ladid_bench.analysis.evidence import Errors, Evidence, Measure, Side
from ladid_bench.analysis.results import planned_columns
from ladid_bench.analysis.rules import costs
from ladid_bench.analysis.verdicts import LACKING, MET, REPRODUCED, UNDECIDABLE, Part, conjunction, corrected_for
from ladid_bench.core.errors import BenchError
from ladid_bench.core.paths import Folders
from ladid_bench.study.cards import load_data_card
from ladid_bench.study.datasets import PlannedDataset
from ladid_bench.study.plan import COMPARISON, PlannedRun

COSTS = {costs.TRAINED["experiment"], costs.ASKED["experiment"]}
ENDED = {"status": "ok", "reason": "", costs.FORECAST: 1.0} | dict.fromkeys(costs.PLACE, 1)


@dataclass(frozen=True)
class Prospect:
    """A claim, and what the planned runs can say of it.

    Attributes:
        reason: why they cannot reproduce it; empty where they can.
        steps: the budget at which it will be judged, 0 where nothing is trained step by step.
        before: smaller budgets at which it can be judged too, rising; without any no verdict settles.
        comparisons: for which Holm's procedure corrects in the largest of its parts that count.
    """

    claim: Claim
    reason: str
    steps: int
    before: tuple[int, ...]
    comparisons: int


class _Ended(Evidence):
    """The planned runs as if all had ended with a result; every test group has the same error."""

    def __init__(self, runs: Sequence[PlannedRun], groups: Mapping[str, int]):
        table = pd.DataFrame([planned_columns(run) | ENDED | {"cost_load": _load(run)} for run in runs])
        table[costs.STEP] = 1 / table["steps"].clip(lower=1)  # what a step costs is not known before: equal trainings
        readable: Any = SimpleNamespace(readings=[None])
        super().__init__(table, lambda key: None, _first_variants(runs), lambda key: readable)
        self._groups = groups

    def errors(self, row: dict[str, Any], measure: Measure) -> Errors | None:
        groups = np.arange(self._groups[row["dataset"]])
        return Errors(np.ones(len(groups)), np.ones(len(groups)), groups)

    def untrained(self, side: Side) -> bool:
        return False


def _load(run: PlannedRun) -> float:
    """What else will run beside: nothing where costs alone are asked for, since these come last, one at a time."""
    return 0.0 if {*run.experiments, *run.rung_of} <= COSTS else 2.0


def prospects(runs: Sequence[PlannedRun], groups: Mapping[str, int]) -> list[Prospect]:
    """Say of each claim whether the planned runs could reproduce it, whatever comes out.

    Args:
        runs: of the study.
        groups: independent groups in the test split of each data set, by its name.
    """
    made = []
    for judged in judge(_Ended(runs, groups)):
        verdict, reason = conjunction([_at_best(part) for part in judged.parts])
        reason = "" if verdict == REPRODUCED else reason
        comparisons = max((corrected_for(part.contrasts.values()) for part in judged.parts if part.counted), default=0)
        before = tuple(one.steps for one in judged.before)
        made.append(Prospect(judged.claim, reason, judged.rung.steps, before, comparisons))
    return made


def fewest_seeds(runs: Sequence[PlannedRun]) -> int:
    """Count the seeds of the method of the comparison that has the fewest on some data set, 0 without a trained one."""
    compared = [run for run in runs if run.trained and COMPARISON in run.experiments]
    counts = Counter((run.dataset.name, run.method, run.variant, run.budget.steps) for run in compared)
    return min(counts.values(), default=0)


def known_groups(datasets: Sequence[PlannedDataset], folders: Folders) -> dict[str, int]:
    """Count the independent groups of the test splits that have been made, by data set."""
    found = {one.name: _card_of(one, folders) for one in datasets}
    return {name: int(card["splits_made"]["test"]["groups"]) for name, card in found.items() if card}


def _card_of(planned: PlannedDataset, folders: Folders) -> dict[str, Any]:
    """The data card, empty where there is none that this version can read."""
    try:
        return load_data_card(planned, folders) if folders.card(planned.name, planned.key).exists() else {}
    except BenchError:
        return {}


def _first_variants(runs: Sequence[PlannedRun]) -> dict[str, str]:
    return {run.method: next(iter(run.card.variants)) for run in runs}


def _at_best(part: Part) -> Part:
    """The part with every data set for it that can be."""
    stuck = (LACKING, UNDECIDABLE)
    return replace(part, sets=tuple(one if one.outcome in stuck else replace(one, outcome=MET) for one in part.sets))
