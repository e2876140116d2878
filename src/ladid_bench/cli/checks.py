"""The part of the command line that checks: the machine before the work, and the results after it."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ladid_bench.cli.options import (
    Datasets,
    Experiments,
    Methods,
    Scale,
    Seeds,
    open_runs,
    open_study,
    selection_from_options,
)
from ladid_bench.core.errors import BenchError
from ladid_bench.core.paths import find_root

if TYPE_CHECKING:  # what takes long to import, each command imports for itself
    from ladid_bench.study.lookup import FoundRun
    from ladid_bench.verification.agreement import Comparison

app = typer.Typer()


@app.command()
def unlock() -> None:
    """Unlock the checkout after a crash; refused while a process or Slurm job still works in it."""
    from ladid_bench.runs.unlock import unlock as remove_locks

    unlocked = remove_locks(find_root())
    print(f"unlocked: {' and '.join(unlocked)}" if unlocked else "nothing is locked")


@app.command()
def verify(
    keys: Annotated[list[str] | None, typer.Argument(help="key of a run to verify, or its first digits")] = None,
    scale: Scale = None,
    dataset: Datasets = None,
    method: Methods = None,
    seed: Seeds = None,
    experiment: Experiments = None,
    everything: Annotated[bool, typer.Option("--all", help="all runs with a kept result")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="resume an interrupted verification by the same code")
    ] = False,
    other_machine: Annotated[
        bool, typer.Option("--other-machine", help="compare within tolerance even if the machine looks the same")
    ] = False,
) -> None:
    """Rerun chosen runs in work/ and compare them with the kept results, value by value; exit 0 if all agree."""
    from ladid_bench.study.plan import plan_runs
    from ladid_bench.verification import rerunning

    named = open_runs(keys or (), scale)
    choice = selection_from_options(dataset, method, seed, experiment, [one.run.key for one in named])
    if choice.is_of_all != everything:
        raise BenchError("choose the runs: KEYs, --dataset, --method, --seed or --experiment, or --all alone")
    study, folders = open_study(_scale_of(named) if named else scale)
    runs = plan_runs(study, folders.root)
    selected = choice.of(runs).values()
    chosen = [run for run in selected if rerunning.kept_result(run, folders) is not None]
    if not chosen:
        raise BenchError(
            f"no run that was chosen has a kept result in {folders.results} ({len(selected)} chosen); run them first"
        )
    place = rerunning.place_for_reruns(folders)
    minutes = sum(run.estimated_seconds for run in chosen) / 60
    print(
        f"rerunning {len(chosen)} of scale '{study.scale}', about {minutes:.1f} CPU-minutes, in {place.root}",
        flush=True,
    )
    for run in selected:
        if run not in chosen:
            print(f"{'not kept':<10} {run.key[:8]}  {run.label}: there is no result to compare with")
    found = rerunning.verify(
        study, runs, chosen, folders, resume, other_machine, lambda one: print(rerunning.describe(one), flush=True)
    )
    path = rerunning.values_file(chosen, place)
    rerunning.write_values(path, found)
    _sum_up(path, found)


def _scale_of(found: "Sequence[FoundRun]") -> str:
    """The scale that has the runs that were found."""
    scales = sorted({one.study.scale for one in found})
    if len(scales) > 1:
        raise BenchError(f"these runs belong to the scales {', '.join(scales)}; verify one scale at a time")
    return scales[0]


def _sum_up(path: Path, found: "Sequence[Comparison]") -> None:
    """Print how many runs agree; BenchError with the keys of those that do not."""
    many = Counter(one.outcome for one in found)
    print(f"{path}: {many['identical']} identical, {many['agrees']} within tolerance, {many['differs']} differ")
    wrong = [one.key[:8] for one in found if one.outcome == "differs"]
    if wrong:
        raise BenchError(f"{len(wrong)} of {len(found)} runs differ from the kept results: {', '.join(wrong)}")


@app.command()
def doctor(
    scale: Annotated[str | None, typer.Option(help="scale to check for; default: the one named in params.yaml")] = None,
    cores: Annotated[
        int, typer.Option(min=1, help="cores that the runs may use", show_default="all of this machine")
    ] = os.cpu_count() or 1,
) -> None:
    """Report what is here and what is missing, and how to get it; exit 1 only if the main job cannot run."""
    from ladid_bench.verification.doctor import examine

    hindered = 0
    for finding in examine(find_root(), scale, cores):
        print(finding)
        hindered += finding.state == "missing"
    if hindered:
        many = "1 thing keeps" if hindered == 1 else f"{hindered} things keep"
        raise BenchError(f"{many} the main job from running; see 'missing' above")
    print(f"the main job can run: snakemake --cores all{f' --config scale={scale}' if scale else ''}")
