"""The part of the command line that looks inside trained models."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ladid_bench.cli.options import Scale, open_study
from ladid_bench.core.configuration import Study
from ladid_bench.core.errors import BenchError
from ladid_bench.core.paths import Folders

if TYPE_CHECKING:  # what takes long to import, each command imports for itself
    from ladid_bench.study.plan import PlannedRun

app = typer.Typer()


def _planned(keys: list[str], scale: str | None) -> "tuple[Study, Folders, list[PlannedRun]]":
    from ladid_bench.study.plan import find_run, plan_runs

    study, folders = open_study(scale)
    runs = plan_runs(study, folders.root)
    return study, folders, [find_run(runs, key) for key in keys]


@app.command()
def inspect(
    key: str,
    scale: Scale = None,
    output: Annotated[Path | None, typer.Option(help="folder to write to; default: results/<scale>/inside")] = None,
) -> None:
    """Look inside a trained LaDID: attention, psi, the latent path, and what F does between frames."""
    from ladid_bench.reporting.inside import inspect_run

    _, folders, (planned,) = _planned([key], scale)
    print(inspect_run(planned, folders, output))


@app.command()
def probe(
    keys: Annotated[list[str], typer.Argument(metavar="KEY...", help="runs with a trained model, one after the other")],
    scale: Scale = None,
    skip_failed: Annotated[
        bool, typer.Option("--skip-failed", help="of a run that ended without a result, write why it has no probe")
    ] = False,
    force: Annotated[bool, typer.Option(help="probe again although that was done")] = False,
) -> None:
    """Read true quantities off the code psi of trained models, and test whether F is the same for all windows."""
    from ladid_bench.probing.state import why_not_probed, write_reason

    study, folders, chosen = _planned(keys, scale)
    for planned in chosen:
        reason = why_not_probed(planned, folders)
        failed = reason and folders.record(planned.key).exists()
        if reason and not (failed and skip_failed):
            raise BenchError(f"{planned.label}: cannot be probed, {reason}; 'ladid-bench run {planned.key}' makes it")
        if reason:
            write_reason(planned, folders, reason)
            print(f"{planned.label}: not probed, {reason}", file=sys.stderr)
        elif folders.probe(planned.key).exists() and not force:
            print(f"{planned.label}: was probed already, {folders.probe(planned.key)}; --force probes it again")
        else:
            _probe(planned, study, folders)


def _probe(planned: "PlannedRun", study: Study, folders: Folders) -> None:
    """Probe the model of a run, which is trained again first where it is gone."""
    from ladid_bench.runs.supervise import supply_model
    from ladid_bench.study.datasets import make_missing

    make_missing(planned.datasets, folders)
    problem = supply_model(planned, folders, study.execution)
    if problem:
        raise BenchError(f"{planned.label}: has no model, {problem.status} ({problem.reason})")
    from ladid_bench.probing.probing import probe_run  # after the model: a process that has torch forks no more

    found = probe_run(planned, folders, study.execution.threads)
    print(f"{planned.label}: {found.words}", file=sys.stderr)
    print(folders.probe(planned.key))
