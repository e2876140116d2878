"""The part of the command line that looks inside trained models."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ladid_bench.cli.options import Scale, open_runs, supply_model
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
    from ladid_bench.probing.probes import Probe, why_not_probed

    chosen = open_runs(keys, scale)
    for found in chosen:
        planned, folders = found.run, found.folders
        reason = why_not_probed(planned, folders)
        failed = reason and folders.record(planned.key).exists()
        if reason and not (failed and skip_failed):
            raise BenchError(f"{planned.label}: cannot be probed, {reason}")
        if reason:
            Probe.write_reason(planned, folders, reason)
            print(f"{planned.label}: not probed, {reason}", file=sys.stderr)
        elif folders.probe(planned.key).exists() and not force:
            print(f"{planned.label}: was probed already, {folders.probe(planned.key)}; --force probes it again")
        else:
            _probe(found)


@app.command()
def calibrate(
    keys: Annotated[list[str], typer.Argument(metavar="KEY...", help="runs with a result, one after the other")],
    scale: Scale = None,
    skip_failed: Annotated[
        bool, typer.Option("--skip-failed", help="of a run that ended without a result, write why it has none")
    ] = False,
    force: Annotated[bool, typer.Option(help="calibrate again although that was done")] = False,
) -> None:
    """Score runs as distributions: with the same fitted noise for all methods, and by a method's own samples."""
    from ladid_bench.runs.calibration import Calibration, why_not_calibrated

    for found in open_runs(keys, scale):
        planned, folders = found.run, found.folders
        reason = why_not_calibrated(planned, folders)
        failed = reason and folders.record(planned.key).exists()
        if reason and not (failed and skip_failed):
            raise BenchError(f"{planned.label}: cannot be calibrated, {reason}")
        if reason:
            Calibration.write_reason(planned, folders, reason)
            print(f"{planned.label}: not calibrated, {reason}", file=sys.stderr)
        elif folders.calibration(planned.key).exists() and not force:
            there = folders.calibration(planned.key)
            print(f"{planned.label}: was calibrated already, {there}; --force calibrates it again")
        else:
            _calibrate(found)


def _calibrate(found: "FoundRun") -> None:
    """Score the distributions of a run, whose model is trained again first where it is gone."""
    planned, folders, execution = found.run, found.folders, found.study.execution
    supply_model(found)
    from ladid_bench.runs.calibrating import calibrate_run  # after the model: a process that has torch forks no more

    if planned.card.trained:
        from ladid_bench.runs.execute import prepare_device

        prepare_device(execution.model_copy(update={"device": "cpu"}))
    print(f"{planned.label}: {calibrate_run(planned, folders).words}", file=sys.stderr)
    print(folders.calibration(planned.key))


def _probe(found: "FoundRun") -> None:
    """Probe the model of a run, which is trained again first where it is gone."""
    planned, folders, execution = found.run, found.folders, found.study.execution
    supply_model(found)
    from ladid_bench.probing.probing import probe_run  # after the model: a process that has torch forks no more

    probe = probe_run(planned, folders, execution.threads)
    print(f"{planned.label}: {probe.words}", file=sys.stderr)
    print(folders.probe(planned.key))
