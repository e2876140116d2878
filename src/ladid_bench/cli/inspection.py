"""The part of the command line that looks inside trained models."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ladid_bench.cli.options import Scale, open_runs
from ladid_bench.core.errors import BenchError

if TYPE_CHECKING:  # what takes long to import, each command imports for itself
    from ladid_bench.study.lookup import FoundRun

app = typer.Typer()


@app.command()
def inspect(
    key: str,
    scale: Scale = None,
    output: Annotated[Path | None, typer.Option(help="folder to write to; default: results/<scale>/inside")] = None,
) -> None:
    """Look inside a trained LaDID: attention, psi, the latent path, and what F does between frames."""
    from ladid_bench.reporting.inside import inspect_run

    (found,) = open_runs([key], scale)
    print(inspect_run(found.run, found.folders, output))


@app.command()
def probe(
    keys: Annotated[list[str], typer.Argument(metavar="KEY...", help="runs with a trained model, one after the other")],
    scale: Scale = None,
    skip_failed: Annotated[
        bool, typer.Option("--skip-failed", help="of a run that ended without a result, write why it has no probe")
    ] = False,
    force: Annotated[bool, typer.Option(help="probe again although that was done")] = False,
) -> None:
    """Read true quantities off psi, the representation in trained models, and test whether F is one map for all."""
    from ladid_bench.probing.state import why_not_probed, write_reason

    chosen = open_runs(keys, scale)
    for found in chosen:
        planned, folders = found.run, found.folders
        reason = why_not_probed(planned, folders)
        failed = reason and folders.record(planned.key).exists()
        if reason and not (failed and skip_failed):
            raise BenchError(f"{planned.label}: cannot be probed, {reason}")
        if reason:
            write_reason(planned, folders, reason)
            print(f"{planned.label}: not probed, {reason}", file=sys.stderr)
        elif folders.probe(planned.key).exists() and not force:
            print(f"{planned.label}: was probed already, {folders.probe(planned.key)}; --force probes it again")
        else:
            _probe(found)


def _probe(found: "FoundRun") -> None:
    """Probe the model of a run, which is trained again first where it is gone."""
    from ladid_bench.runs.supervise import supply_model
    from ladid_bench.study.datasets import make_missing

    planned, folders, execution = found.run, found.folders, found.study.execution
    make_missing(planned.datasets, folders)
    problem = supply_model(planned, folders, execution)
    if problem:
        raise BenchError(f"{planned.label}: has no model, {problem.status} ({problem.reason})")
    from ladid_bench.probing.probing import probe_run  # after the model: a process that has torch forks no more

    probe = probe_run(planned, folders, execution.threads)
    print(f"{planned.label}: {probe.words}", file=sys.stderr)
    print(folders.probe(planned.key))
