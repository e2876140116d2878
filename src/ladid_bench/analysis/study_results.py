"""All results of a study: data sets of the comparison and at equal CPU time, further experiments, every run once."""

from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from ladid_bench.analysis.entries import EQUAL_TIME, DatasetContent, Entry, Run
from ladid_bench.analysis.experiments import ExperimentRow, Parts
from ladid_bench.analysis.gathering import gather, gather_rungs
from ladid_bench.core.configuration import Kind, Study
from ladid_bench.core.paths import Folders
from ladid_bench.study.plan import COMPARISON

# compared across pictures of other backgrounds: nMSE is in units of the squared values, so that a bright background
# makes every error small; FVU is about the mean picture of each
ACROSS_VIEWS: frozenset[Kind] = frozenset({"shift"})

TitledRuns = tuple[str, list[tuple[Entry, Run]]]  # a title, and the runs that stand below it


@dataclass(frozen=True)
class ExperimentResults:
    """An experiment beside the comparison, with what it is asked of: data sets and their rows."""

    name: str
    kind: Kind
    parts: Parts

    @property
    def entries(self) -> list[Entry]:
        """Entries of all rows, on all data sets."""
        return [row.entry for _, rows in self.parts for row in rows]


@dataclass(frozen=True, eq=False)
class StudyResults:
    """The results of a study.

    Attributes:
        folders: of its scale.
        table: one row a planned run, failures included, each experiment at the budget that it has reached.
        study: whose runs they are.
    """

    folders: Folders
    table: pd.DataFrame
    study: Study

    @cached_property
    def again(self) -> list[DatasetContent]:
        """Data sets at equal CPU time."""
        return gather(self.folders, self.table, self.study, EQUAL_TIME)

    @cached_property
    def datasets(self) -> list[DatasetContent]:
        """Data sets at equal steps; one that has runs at equal CPU time alone is there without entries."""
        compared = gather(self.folders, self.table, self.study)
        known = {dataset.name for dataset in compared}
        return [*compared, *(replace(one, entries=()) for one in self.again if one.name not in known)]

    @property
    def compared(self) -> list[DatasetContent]:
        """Data sets at equal steps that have entries."""
        return [dataset for dataset in self.datasets if dataset.entries]

    @cached_property
    def experiments(self) -> list[ExperimentResults]:
        """Experiments with runs, beside those that the comparison tells of, in the order of the study."""
        made = []
        for name in (one for one in self.study.experiments if one not in (COMPARISON, EQUAL_TIME)):
            kind = self.study.kind_of(name)
            contents = gather(self.folders, self.table, self.study, name)
            if kind in ACROSS_VIEWS:
                contents = [replace(one, primary_metric="fvu") for one in contents]
            rows = [[ExperimentRow(entry, one.error_interval(entry)) for entry in one.entries] for one in contents]
            if contents:
                made.append(ExperimentResults(name, kind, list(zip(contents, rows, strict=True))))
        return made

    @cached_property
    def contents(self) -> list[DatasetContent]:
        """Every data set of every experiment."""
        return [*self.datasets, *self.again, *(content for one in self.experiments for content, _ in one.parts)]

    @cached_property
    def rungs(self) -> list[DatasetContent]:
        """Data sets of the trainings that are scored at fewer steps, or are to come at more, than experiments show."""
        return gather_rungs(self.folders, self.table, self.study)

    @cached_property
    def runs(self) -> list[TitledRuns]:
        """Every run once: of the data sets at equal steps and time, of further experiments, with other steps."""
        told = [(one.title, one) for one in [*self.datasets, *self.again]]
        further = [content for one in self.experiments for content, _ in one.parts]
        told += [(f"{one.title}, further experiments", one) for one in further]
        told += [(f"{one.title}, with other numbers of steps", one) for one in self.rungs]
        found: dict[str, list[tuple[Entry, Run]]] = {}
        known: set[str] = set()
        for title, content in told:
            pairs = [(entry, run) for entry in content.entries for run in entry.runs if run.key not in known]
            known |= {run.key for _, run in pairs}
            found.setdefault(title, []).extend(pairs)
        return [(title, pairs) for title, pairs in found.items() if pairs]

    @property
    def lost(self) -> dict[str, list[tuple[str, Entry, Run]]]:
        """Every run that should have a result and has none, with its title: those that failed, those that wait."""
        told = [(title, entry, run) for title, runs in self.runs for entry, run in runs]
        lost = [one for one in told if one[2].status not in ("ok", "skipped")]
        waiting = [one for one in lost if one[2].waiting]
        return {"failed": [one for one in lost if one not in waiting], "waiting": waiting}
