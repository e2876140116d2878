"""What runs wait for, in files as the rules of the workflow name them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ladid_bench.core.configuration import Study
from ladid_bench.core.paths import MIDPOINTS, Folders
from ladid_bench.datasets.measured.base import MeasuredSource
from ladid_bench.study.datasets import PlannedDataset
from ladid_bench.study.plan import PlannedRun
from ladid_bench.study.resources import expected_seconds

MARGIN_MINUTES = 5  # beyond the time limit of a run


@dataclass(frozen=True)
class RunGraph:
    """The runs of a study, by key, and where their files are; ``gpu``: whether each that is trained has one."""

    study: Study
    runs: Mapping[str, PlannedRun]
    folders: Folders
    gpu: bool = False

    def keys_of(self, rule: str) -> str:
        """List the keys of the runs that a rule makes, as a regular expression."""
        return "|".join(key for key, run in self.runs.items() if rule_of(run) == rule) or "none"

    def data(self, key: str) -> list[str]:
        """Name one file of each data set that a run reads: the job that makes it makes the others too."""
        return sorted({self._file[dataset.name] for dataset in self.runs[key].datasets})

    @cached_property
    def _file(self) -> dict[str, str]:
        """The training split of each data set that a run reads, by its name."""
        datasets = {dataset.name: dataset for run in self.runs.values() for dataset in run.datasets}
        return {name: str(one.files(self.folders)["train"]) for name, one in datasets.items()}

    def record(self, key: str) -> str:
        """Name the file of a run's record."""
        return str(self.folders.record(key))

    def records(self, keys: Iterable[str]) -> list[str]:
        """Name the files of the records of some runs."""
        return [self.record(key) for key in keys]

    def glimpses(self, keys: Iterable[str], long: float) -> dict[str, list[str]]:
        """Name the records to wait for before a report is rendered in between; none where the work is not ``long``.

        The first report has what is not trained on the first data set, the second that and half of the trainings, if
        the other half is long too.
        """
        chosen = [self.runs[key] for key in keys]
        trainings = [run for run in chosen if run.card.trained]
        closed = [run for run in chosen if not run.card.trained]
        if sum(run.estimated_seconds for run in chosen) < long or not closed:
            return {}
        waits = {"first": [run for run in closed if run.dataset.name == closed[0].dataset.name]}
        half = len(trainings) // 2
        if sum(run.estimated_seconds for run in trainings[half:]) >= long:
            waits["half"] = closed + trainings[:half]
        return {at: self.records(run.key for run in runs) for at, runs in waits.items()}

    def minutes(self, key: str, attempt: int) -> int:
        """Choose the minutes to ask for: twice those expected, more with each attempt, hardly beyond the time limit."""
        limit = 60 * (self.study.execution.time_limit_minutes + MARGIN_MINUTES)
        return int(min(limit, (1 + attempt) * expected_seconds(self.runs[key], self.gpu))) // 60 + 1


def rule_of(run: PlannedRun) -> str:
    """Name the rule that makes the record of ``run``.

    A run that starts from another run's model has a rule of its own, so that jobs of several runs of one rule never
    wait for each other.
    """
    if not run.card.trained:
        return "run"
    return "transfer" if run.model_from else "train"


def rule_of_dataset(dataset: PlannedDataset) -> str:
    """Name the rule that makes the files of ``dataset``."""
    if isinstance(dataset.source, MeasuredSource):
        return "measured"
    return "simulated" if MIDPOINTS in dataset.source.splits else "dataset"


def has_calibration(run: PlannedRun, study: Study) -> bool:
    """Say whether an experiment of kind ``calibration`` wants the run, and it forecasts with what it learnt itself."""
    asked = any(study.kind_of(experiment) == "calibration" for experiment in run.experiments)
    return asked and run.card.kind != "floor" and run.init_from is None


def has_probe(run: PlannedRun, study: Study) -> bool:
    """Say whether an experiment of kind ``probe`` asks for the run, and it trains a forecasting model of its own."""
    asked = any(study.kind_of(experiment) == "probe" for experiment in (*run.experiments, *run.rung_of))
    return asked and run.card.kind == "neural" and run.trained
