"""From a study to its runs. A run is named by a hash of what determines its result."""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from ladid_bench.catalogue import PlannedDataset, planned_dataset
from ladid_bench.config import Budget, Experiment, Study
from ladid_bench.errors import BenchError, nearest
from ladid_bench.evaluation.metrics import SCORING_VERSION
from ladid_bench.files import content_key
from ladid_bench.methods.base import TRAINING_VERSION
from ladid_bench.methods.registry import (
    MethodCard,
    load_card,
    resolve_settings,
)


@dataclass(frozen=True)
class PlannedRun:
    """One method, in one variant, on one data set, with one seed."""

    scale: str
    dataset: PlannedDataset
    method: str
    variant: str
    card: MethodCard
    settings: dict[str, Any]
    budget: Budget
    seed: int
    fraction: float = 1.0
    experiments: tuple[str, ...] = ()

    @property
    def identity(self) -> dict[str, Any]:
        """What determines the result, ready to be hashed; a closed-form method does not depend on the budget."""
        trained = self.card.trained
        return {
            "data": self.dataset.identity,
            "data_key": self.dataset.key,
            "context_frames": self.dataset.context_frames,
            "forecast_frames": self.dataset.forecast_frames,
            "method": self.method,
            "method_version": self.card.version,
            "variant": self.variant,
            "settings": self.settings,
            "budget": self.budget.model_dump() if trained else None,
            "training_version": TRAINING_VERSION if trained else None,
            "scoring_version": SCORING_VERSION,
            "seed": self.seed,
            "fraction": self.fraction,
        }

    @cached_property
    def key(self) -> str:
        return content_key(self.identity)

    @property
    def label(self) -> str:
        """How the run is called in logs."""
        variant = "" if self.variant == next(iter(self.card.variants)) else f":{self.variant}"
        return f"{self.method}{variant} on {self.dataset.name}, seed {self.seed}"

    @property
    def rerun_command(self) -> str:
        return f"ladid-bench run {self.key} --scale {self.scale} --force"

    @property
    def estimated_seconds(self) -> float:
        """Rough CPU seconds on one core: the card's figure at 32 px, scaled with the number of pixels."""
        steps = self.budget.steps if self.card.trained else 0
        return self.card.estimate.seconds + seconds_per_step(self.card, self.dataset.image_size) * steps


def plan_runs(study: Study, root: Path) -> dict[str, PlannedRun]:
    """All runs a study asks for, by key, in a fixed order; runs shared by experiments appear once.

    Raises:
        BenchError: the study names a data set, method or variant that does not exist.
    """
    runs: dict[str, PlannedRun] = {}
    datasets = {name: planned_dataset(study, name) for name in study.datasets}
    for method in study.method_settings:
        load_card(method, root)
    for name, experiment in study.experiments.items():
        for run in _expand(study, name, experiment, datasets, root):
            former = runs.get(run.key, run)
            runs[run.key] = replace(former, experiments=(*former.experiments, name))
    return runs


def seconds_per_step(card: MethodCard, image_size: int) -> float:
    """Rough CPU seconds of a step on one core: the card's figure at 32 px, scaled with the number of pixels."""
    return card.estimate.seconds_per_step * (image_size / 32) ** 2


def _expand(
    study: Study, name: str, experiment: Experiment, datasets: dict[str, PlannedDataset], root: Path
) -> list[PlannedRun]:
    chosen = list(datasets) if experiment.datasets is None else experiment.datasets
    for dataset in [*chosen, *(pair[0] for pair in experiment.pairs)]:
        if dataset not in datasets:
            where = f"config/{study.scale}.yaml: experiments.{name}"
            raise BenchError(f"{where}: data set '{dataset}' is not under 'datasets'; {nearest(dataset, datasets)}")
    crossed = [(dataset, method) for dataset in chosen for method in experiment.methods]
    pairs = [*crossed, *experiment.pairs]
    return [run for data, method in pairs for run in _runs_of(study, datasets[data], method, experiment, root)]


def _runs_of(
    study: Study, dataset: PlannedDataset, method: str, experiment: Experiment, root: Path
) -> list[PlannedRun]:
    name, _, chosen = method.partition(":")
    card, changes = _card_of(name, root), study.method_settings.get(name, {})
    variant = chosen or next(iter(card.variants))
    settings = resolve_settings(name, variant, changes, root)
    budget = study.budget
    if experiment.cpu_minutes is not None and card.trained:
        steps = round(60 * experiment.cpu_minutes / seconds_per_step(card, dataset.image_size))
        budget = budget.model_copy(update={"steps": max(1, steps)})
    return [
        PlannedRun(study.scale, dataset, name, variant, card, settings, budget, seed)
        for seed in (experiment.seeds[:1] if card.deterministic else experiment.seeds)
    ]


@lru_cache(maxsize=None)
def _card_of(name: str, root: Path) -> MethodCard:
    return load_card(name, root)


def find_run(runs: dict[str, PlannedRun], key: str) -> PlannedRun:
    """The run called ``key``, or the only one whose key starts so.

    Raises:
        BenchError: none or several.
    """
    found = [run for name, run in runs.items() if name.startswith(key)]
    if len(found) != 1:
        problem = "no run" if not found else f"{len(found)} runs"
        raise BenchError(f"{problem} of this study has a key starting with '{key}'; see 'ladid-bench plan'")
    return found[0]


def describe_plan(study: Study, runs: dict[str, PlannedRun], pending: set[str], cores: int) -> str:
    """The plan as text: a line a method and data set, and the estimated time of what is left to do."""
    methods = len({run.method for run in runs.values()})
    lines = [
        f"Plan of scale '{study.scale}': {len(runs)} runs "
        f"({len({run.dataset.name for run in runs.values()})} data sets x {methods} methods x seeds), "
        f"{len(runs) - len(pending)} done, {len(pending)} to do",
    ]
    for run in runs.values():
        state = "to do" if run.key in pending else "done"
        steps = f"{run.budget.steps} steps, " if run.card.trained else ""
        lines.append(f"  {run.key[:8]}  {run.label:<48} {steps}about {run.estimated_seconds:.0f} s  [{state}]")
    seconds = [runs[key].estimated_seconds for key in pending]
    wall = max(sum(seconds) / max(1, cores), max(seconds, default=0))
    lines.append(f"Estimated: {sum(seconds) / 60:.1f} CPU-minutes, {wall / 60:.1f} minutes on {cores} cores")
    return "\n".join(lines)
