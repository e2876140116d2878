"""Which runs of a study are meant, where not all of them are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from ladid_bench.core.errors import BenchError, nearest
from ladid_bench.study.plan import PlannedRun


@dataclass(frozen=True)
class Selection:
    """The runs of a study that agree with every part of it; all of them where it has none.

    Attributes:
        keys: of runs.
        datasets, methods, seeds, experiments: as the configuration names them; a method may be ``method:variant``.
    """

    keys: Sequence[str] = ()
    datasets: Sequence[str] = ()
    methods: Sequence[str] = ()
    seeds: Sequence[int] = ()
    experiments: Sequence[str] = ()

    @property
    def is_of_all(self) -> bool:
        """Whether it has no part, and so is of all runs."""
        return not any(astuple(self))

    def of(self, runs: Mapping[str, PlannedRun]) -> dict[str, PlannedRun]:
        """Choose from ``runs`` those that agree with the selection.

        Raises:
            BenchError: a name that no run has, or a choice that leaves none.
        """
        if not runs and self.is_of_all:
            return {}
        if not runs:
            raise BenchError("this study has no runs to choose from: it has no experiments")
        named = (self.datasets, self.methods, self.seeds, self.experiments)
        for wanted, names in zip(named, zip(*map(_names, runs.values()), strict=True), strict=True):
            known = {str(name) for several in names for name in several}
            for one in wanted:
                if str(one) not in known:
                    raise BenchError(f"no run of this study has '{one}'; {nearest(str(one), known)}")
        keys = set(self.keys) or set(runs)
        chosen = {key: run for key, run in runs.items() if key in keys and _agrees(run, named)}
        if not chosen:
            raise BenchError("no run of this study fits all of these options; see 'ladid-bench plan'")
        return chosen


def _agrees(run: PlannedRun, named: Iterable[Sequence[Any]]) -> bool:
    return all(not wanted or set(wanted) & set(names) for wanted, names in zip(named, _names(run), strict=True))


def _names(run: PlannedRun) -> tuple[Sequence[Any], ...]:
    """What data set, method, seed and experiments of a run may be called."""
    return (
        (run.dataset.name,),
        (run.method, f"{run.method}:{run.variant}"),
        (run.seed,),
        (*run.experiments, *run.rung_of),
    )


def with_sources(chosen: Mapping[str, PlannedRun]) -> dict[str, PlannedRun]:
    """Add to ``chosen`` the runs whose models they start from, these first."""
    sources = [run.model_from for run in chosen.values() if run.model_from]
    return {run.key: run for run in sources if run.key not in chosen} | dict(chosen)
