"""Runs found by their keys, in whichever scale of a checkout has them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from ladid_bench.core.configuration import Study, load_study
from ladid_bench.core.errors import BenchError
from ladid_bench.core.paths import Folders, chosen_scale
from ladid_bench.study.plan import PlannedRun, plan_runs

DIGITS_SHOWN = 8  # of a key, by ``ladid-bench plan``; two of all runs that could be planned never share so many
MOST_CANDIDATES = 8  # that an error lists


@dataclass(frozen=True)
class FoundRun:
    """A run with the study that plans it and the folders of that study's scale."""

    run: PlannedRun
    study: Study
    folders: Folders


def find_runs(keys: Sequence[str], root: Path, scale: str | None = None) -> list[FoundRun]:
    """Find the run that each key, or the beginning of one, means.

    Without ``scale`` all scales are searched. The same key in several of them is the same run, and is found in the one
    that ``params.yaml`` names, if that has it.

    Raises:
        BenchError: no run has such a key, or several have; the line names these.
    """
    first = scale or chosen_scale(root)
    others = () if scale else sorted(path.stem for path in (root / "config").glob("*.yaml") if path.stem != first)
    planned = cache(partial(_planned, root))  # each scale is planned once, however many keys are looked for
    return [_find_run(key, first, others, planned) for key in keys]


def _find_run(key: str, first: str, others: Iterable[str], planned: Callable[[str], list[FoundRun]]) -> FoundRun:
    found: dict[str, FoundRun] = {}
    for scale in (first, *others):
        found = {one.run.key: one for one in planned(scale) if one.run.key.startswith(key)} | found
        if len(key) >= DIGITS_SHOWN and found:
            break  # so much of a key can mean nothing else; larger scales take seconds to plan
    if len(found) > 1:
        raise BenchError(f"{len(found)} runs have a key that begins with '{key}': {_listed(found)}; add a digit")
    if not found:
        searched = ", ".join((first, *others))
        raise BenchError(f"no run has a key that begins with '{key}' (scales: {searched}); see 'ladid-bench plan'")
    return next(iter(found.values()))


def _planned(root: Path, scale: str) -> list[FoundRun]:
    study = load_study(scale, root)
    return [FoundRun(run, study, Folders(root, scale)) for run in plan_runs(study, root).values()]


def _listed(found: dict[str, FoundRun]) -> str:
    names = [f"{key[:12]} ({one.run.label}, scale {one.study.scale})" for key, one in found.items()]
    more = f" and {len(names) - MOST_CANDIDATES} more" if len(names) > MOST_CANDIDATES else ""
    return ", ".join(names[:MOST_CANDIDATES]) + more
