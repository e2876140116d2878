"""From a study to its runs. A run is named by a hash of what determines its result."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

from ladid_bench.core.configuration import Arm, Budget, DataKind, Experiment, Study, changed_settings, parse
from ladid_bench.core.errors import BenchError, nearest
from ladid_bench.core.files import content_key
from ladid_bench.data.metrics import SCORING_VERSION
from ladid_bench.methods.base import TRAINING_VERSION
from ladid_bench.methods.registry import GROWTH, MethodCard, load_card, resolve_settings
from ladid_bench.study.datasets import PlannedDataset, planned_dataset

STARTING_SECONDS = 6  # of Snakemake's job, the interpreter, libraries and data; 5 to 9 where two cores were quiet
SCRATCH: Arm = "scratch"
ZERO_SHOT: Arm = "zero-shot"
FINE_TUNING = 0.3  # of the learning rate is that of what starts from a model (docs/training.md)
FROZEN: dict[Arm, Literal["dynamics", "encoder"]] = {"frozen-dynamics": "dynamics", "frozen-encoder": "encoder"}
COMPARISON = "comparison"
# what an experiment cannot have, because its table has one line a method and variant
ALONE = {
    COMPARISON: ("init_from", "changes", "budget", "fractions"),
    "equal-time": ("init_from", "changes", "fractions"),
}


@dataclass(frozen=True)
class PlannedRun:
    """One method, in one variant, on one data set, with one seed.

    Attributes:
        fraction: share of the training trajectories.
        arm: what is done with the model of ``init_from``, ``scratch`` where there is none.
        init_from: the run whose model this one starts from, or None.
        changes: settings and parts of the budget that differ from the study's for this method and variant.
        experiments: that ask for it.
        rung_of: experiments that ask for more steps of the same training, and for a record at these on the way.
        below: the run of the same training with the next lower number of steps, whose trunk this one continues.
        first_seed: whether its seed is the first one that some experiment asks for.
    """

    scale: str
    dataset: PlannedDataset
    method: str
    variant: str
    card: MethodCard
    settings: dict[str, Any]
    budget: Budget
    seed: int
    fraction: float = 1.0
    arm: Arm = SCRATCH
    init_from: "PlannedRun | None" = None
    changes: dict[str, Any] = field(default_factory=dict)
    experiments: tuple[str, ...] = ()
    rung_of: tuple[str, ...] = ()
    below: "PlannedRun | None" = None
    first_seed: bool = True

    @property
    def trained(self) -> bool:
        """Whether it trains step by step, so that its result depends on the budget."""
        return self.card.trained and self.arm != ZERO_SHOT

    @property
    def frozen(self) -> tuple[str, ...]:
        """Children of the model that are kept as they were in that of ``init_from``."""
        return tuple(self.card.parts.get(FROZEN[self.arm], ())) if self.arm in FROZEN else ()

    @property
    def model_from(self) -> "PlannedRun | None":
        """The run whose trained model has to be there first; what is fitted in closed form is fitted on the spot."""
        return self.init_from if self.card.trained and not self.inapplicable else None

    @property
    def inapplicable(self) -> str:
        """Why the arm makes no sense for this method, empty where it does."""
        if self.arm in (SCRATCH, ZERO_SHOT):
            return ""
        if not self.card.trained:
            return "it is fitted in closed form and cannot start from what it learnt elsewhere"
        if self.arm in FROZEN and not self.frozen:
            return f"its card names no part that is its {FROZEN[self.arm]}, so there is none to freeze"
        return ""

    @property
    def plain(self) -> bool:
        """Whether it stands for its method in pictures: from scratch on all the data, unchanged, to the end, once."""
        usual = self.arm == SCRATCH and self.fraction == 1 and not self.changes
        return usual and bool(self.experiments) and self.first_seed

    @property
    def datasets(self) -> tuple[PlannedDataset, ...]:
        """The data sets whose files it reads."""
        return (self.dataset, self.init_from.dataset) if self.init_from else (self.dataset,)

    @property
    def identity(self) -> dict[str, Any]:
        """What determines the result, ready to be hashed; a closed-form method does not depend on the budget."""
        trained = self.trained
        start = (
            {"init_from": self.init_from.key, "arm": self.arm, "frozen": list(self.frozen)} if self.init_from else {}
        )
        return {
            **start,
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
        """Hash of ``identity``."""
        return content_key(self.identity)

    @cached_property
    def trunk(self) -> str:
        """Name the training, whatever its number of steps; empty for what is not trained."""
        if not self.trained:
            return ""
        budget = {name: value for name, value in self.identity["budget"].items() if name != "steps"}
        return content_key(self.identity | {"budget": budget})

    @property
    def label(self) -> str:
        """How the run is called in logs, where its steps are told apart."""
        variant = "" if self.variant == next(iter(self.card.variants)) else f":{self.variant}"
        changed = {name: value for name, value in self.changes.items() if name != "steps"}
        changes = f" ({_text(changed)})" if changed else ""
        part = "" if self.fraction == 1 else f"{self.fraction:.3g} of "
        start = f", {self.arm} from {self.init_from.dataset.name}" if self.init_from else ""
        return f"{self.method}{variant}{changes} on {part}{self.dataset.name}{start}, seed {self.seed}"

    @property
    def changes_text(self) -> str:
        """What differs from the study's settings and budget, for tables."""
        return _text(self.changes)

    @property
    def rerun_command(self) -> str:
        """Command that makes the run again."""
        return f"ladid-bench run {self.key} --scale {self.scale} --force"

    @property
    def estimated_seconds(self) -> float:
        """Rough CPU seconds on one core: the job's start, and the card's figure at 32 px, scaled with the pixels."""
        training = seconds_per_step(self.card, self.dataset.image_size) * self.own_steps
        return STARTING_SECONDS + self.card.estimate.seconds + training

    @property
    def own_steps(self) -> int:
        """Optimiser steps that are left to make once the run below has made its own."""
        if not self.trained or self.inapplicable:
            return 0
        return self.budget.steps - (self.below.budget.trunk_steps if self.below else 0)


def _text(changes: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(changes.items()))


def plan_runs(study: Study, root: Path) -> dict[str, PlannedRun]:
    """Plan all runs of a study, by key, in a fixed order; runs shared by experiments appear once.

    Raises:
        BenchError: the study names a data set, method or variant that does not exist; with the file that does.
    """
    try:
        return _planned(study, root)
    except BenchError as error:
        said = str(error)
        raise BenchError(said if ".yaml" in said.partition(" ")[0] else f"config/{study.scale}.yaml: {said}") from error


def _planned(study: Study, root: Path) -> dict[str, PlannedRun]:
    runs: dict[str, PlannedRun] = {}
    datasets = {name: planned_dataset(study, name) for name in study.datasets}
    for method, changes in study.method_settings.items():
        variant = next(iter(load_card(method, root).variants))
        changed_settings(_settings_of(method, variant, root, "measured"), changes, f"method_settings of '{method}'")
    for name, blocks in study.experiments.items():
        for run in (run for block in blocks for run in _expand(study, name, block, datasets, root)):
            former = runs.setdefault(run.key, run)
            merged = tuple(dict.fromkeys((*former.experiments, *run.experiments)))
            rung_of = tuple(dict.fromkeys((*former.rung_of, *run.rung_of)))
            first = former.first_seed or run.first_seed
            runs[run.key] = replace(former, experiments=merged, rung_of=rung_of, first_seed=first)
    _require_one_cap(study, runs.values())
    return _linked(runs)


def _require_one_cap(study: Study, runs: Iterable[PlannedRun]) -> None:
    """Refuse a comparison in which a method has several largest budgets on a data set: one line would mix them."""
    caps: dict[tuple[str, str], int] = {}
    for run in runs:
        if run.trained and COMPARISON in run.experiments:
            line = (f"{run.method}:{run.variant}", run.dataset.name)
            if caps.setdefault(line, run.budget.steps) != run.budget.steps:
                raise BenchError(
                    f"config/{study.scale}.yaml: experiments.{COMPARISON}: '{line[0]}' on '{line[1]}' has two largest "
                    f"budgets, {caps[line]} and {run.budget.steps}; put one of them in another experiment of kind "
                    f"'{COMPARISON}'"
                )


def _linked(runs: dict[str, PlannedRun]) -> dict[str, PlannedRun]:
    """Tell each run which one lies below it."""
    below: dict[str, PlannedRun] = {}
    for run in sorted((run for run in runs.values() if run.trained), key=lambda run: run.budget.steps):
        if run.trunk in below:
            runs[run.key] = replace(run, below=below[run.trunk])
        below[run.trunk] = runs[run.key]
    return runs


def seconds_per_step(card: MethodCard, image_size: int) -> float:
    """Estimate the CPU seconds of a step on one core: the card's figure at 32 px, scaled with the number of pixels."""
    return card.estimate.seconds_per_step * (image_size / 32) ** 2


def _expand(
    study: Study, name: str, block: Experiment, datasets: dict[str, PlannedDataset], root: Path
) -> Iterator[PlannedRun]:
    """The runs of one block, the runs that others start from first, and of one training shorter budgets first."""
    where = f"config/{study.scale}.yaml: experiments.{name}"
    for key in ALONE.get(name, ()):
        if getattr(block, key) != Experiment.model_fields[key].get_default(call_default_factory=True):
            raise BenchError(f"{where}: '{key}' would mix runs that are not comparable; put them in another experiment")
    chosen = list(datasets) if block.datasets is None else block.datasets
    for dataset in [*chosen, *(pair[0] for pair in block.pairs), *([block.init_from] if block.init_from else [])]:
        if dataset not in datasets:
            raise BenchError(f"{where}: data set '{dataset}' is not under 'datasets'; {nearest(dataset, datasets)}")
    if not (block.methods or block.pairs):
        raise BenchError(f"{where}: names no method; list some under 'methods'")
    crossed = [(dataset, method) for dataset in chosen for method in block.methods]
    for target, method in [*crossed, *block.pairs]:
        source = _init_dataset(block, target, datasets, where)
        for change in block.changes:
            plain = _plain_run(study, datasets[target], method, change, name, root)
            first = _plain_run(study, source, method, change, name, root) if source else None
            yield from _crossed(plain, first, block, study, where)


def _shorter(run: PlannedRun, block: Experiment) -> Iterator[PlannedRun]:
    """The rungs below ``run``, which its training passes."""
    for steps in sorted(set(block.rungs)):
        if run.trained and steps < run.budget.steps:
            shorter = run.budget.model_copy(update={"steps": steps})
            yield replace(run, budget=shorter, experiments=(), rung_of=run.experiments)


def _init_dataset(
    block: Experiment, target: str, datasets: dict[str, PlannedDataset], where: str
) -> PlannedDataset | None:
    """The data set on which the methods of a block are trained first, if they are."""
    starting = [arm for arm in block.arms if arm != SCRATCH]
    if not block.init_from:
        if starting:
            raise BenchError(
                f"{where}: arm '{starting[0]}' starts from another data set's model; name it in 'init_from'"
            )
        return None
    if not starting:
        raise BenchError(
            f"{where}: no arm uses the model of 'init_from'; list 'zero-shot' or 'fine-tuned' under 'arms'"
        )
    if target == block.init_from:
        raise BenchError(
            f"{where}: '{target}' is in 'init_from' and in 'datasets'; keep only the first, its own run is planned"
        )
    source, other = datasets[block.init_from], datasets[target]
    for what in ("context_frames", "image_size"):
        if getattr(source, what) != getattr(other, what):
            raise BenchError(
                f"{where}: a model of '{source.name}' cannot forecast '{other.name}': {what} is "
                f"{getattr(source, what)} there and {getattr(other, what)} here"
            )
    return source


def _plain_run(
    study: Study, dataset: PlannedDataset, method: str, change: dict[str, Any], experiment: str, root: Path
) -> PlannedRun:
    """A method trained with the study's budget on all of ``dataset``, with ``change`` to its settings."""
    name, _, chosen = method.partition(":")
    card = _card_of(name, root)
    variant = chosen or next(iter(card.variants))
    mine = study.method_settings.get(name, {})
    usual = changed_settings(
        _settings_of(name, variant, root, dataset.source.kind), mine, f"method_settings of '{name}'"
    )
    settings = changed_settings(usual, change, f"config/{study.scale}.yaml: changes of '{method}'")
    changes = {key: value for key, value in settings.items() if value != usual[key]}
    named = (experiment,)
    return PlannedRun(
        study.scale, dataset, name, variant, card, settings, study.budget, 0, changes=changes, experiments=named
    )


def _crossed(
    plain: PlannedRun, source: PlannedRun | None, block: Experiment, study: Study, where: str
) -> Iterator[PlannedRun]:
    """Every arm, fraction and seed of a run at each rung, after the run on ``init_from`` that they start from.

    What starts from a model has its settings, which were searched for on the kind of data it comes from.
    """
    usual = study.budget.model_copy(update={"steps": max(block.rungs, default=study.budget.steps)})
    budget = parse(Budget, changed_settings(usual.model_dump(), block.budget, f"{where}: budget"), f"{where}: budget")
    changes = plain.changes
    if plain.card.trained:
        changes = changes | {key: value for key, value in budget if value != getattr(usual, key)}
    for seed in block.seeds:
        own: dict[str, Any] = {"seed": seed, "first_seed": seed == block.seeds[0]}
        first = replace(source, **own) if source else None
        if first and not (plain.card.deterministic and seed != block.seeds[0]):
            yield first
        for arm in block.arms:
            start = None if arm == SCRATCH else first
            for fraction in block.fractions if arm != ZERO_SHOT else [1.0]:
                if plain.card.deterministic and fraction == 1 and seed != block.seeds[0]:
                    continue  # the seed draws the part of the data, and nothing else
                run = replace(plain, **own, arm=arm, init_from=start, fraction=fraction, budget=budget)
                mine = start.settings if start else plain.settings
                mine = _going_on(mine) if start and arm != ZERO_SHOT else mine
                run = replace(run, settings=mine, changes=changes if run.trained else plain.changes)
                yield from _shorter(run, block)
                yield run


def _going_on(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of a training that starts from a model: the full horizon at once, and steps that keep what it knows."""
    if GROWTH not in settings:
        return settings  # of a closed form, which cannot go on
    return settings | {GROWTH: False, "learning_rate": FINE_TUNING * settings["learning_rate"]}


@lru_cache(maxsize=None)
def _card_of(name: str, root: Path) -> MethodCard:
    return load_card(name, root)


@lru_cache(maxsize=None)
def _settings_of(name: str, variant: str, root: Path, kind: DataKind) -> dict[str, Any]:
    return resolve_settings(name, variant, {}, root, kind)
