"""The part of the command line that looks inside trained models."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ladid_bench.cli.options import Scale, open_runs, supply_model
from ladid_bench.core.errors import BenchError

if TYPE_CHECKING:  # what takes long to import, each command imports for itself
    from collections.abc import Callable, Iterable

    from ladid_bench.core.paths import Folders
    from ladid_bench.runs.derived import Derived
    from ladid_bench.study.lookup import FoundRun
    from ladid_bench.study.plan import PlannedRun

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
    keys: Annotated[
        list[str], typer.Argument(metavar="KEY...", help="keys of runs with a trained model, done in this order")
    ],
    scale: Scale = None,
    skip_failed: Annotated[
        bool, typer.Option("--skip-failed", help="for a run that ended without a result, record why it has no probe")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="probe again even if already done")] = False,
) -> None:
    """Read true quantities off psi, the representation in trained models, and test whether F is one map for all."""
    from ladid_bench.probing.probes import Probe, why_not_probed

    _derive(Probe, why_not_probed, _probe, open_runs(keys, scale), skip_failed, force)


@app.command()
def calibrate(
    keys: Annotated[list[str], typer.Argument(metavar="KEY...", help="keys of runs with a result, done in this order")],
    scale: Scale = None,
    skip_failed: Annotated[
        bool, typer.Option("--skip-failed", help="for a run that ended without a result, record why it has none")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="calibrate again even if already done")] = False,
) -> None:
    """Score runs as distributions: with the same fitted noise for all methods, and with a method's own samples."""
    from ladid_bench.runs.calibration import Calibration, why_not_calibrated

    _derive(Calibration, why_not_calibrated, _calibrate, open_runs(keys, scale), skip_failed, force)


def _derive(
    kind: "type[Derived]",
    why_not: "Callable[[PlannedRun, Folders], str]",
    make: "Callable[[FoundRun], str]",
    chosen: "Iterable[FoundRun]",
    skip_failed: bool,
    force: bool,
) -> None:
    """Make a kind of file from the models of runs, which are trained again first where they are gone.

    Args:
        kind: of the files.
        why_not: why a run can have none, empty where it can.
        make: makes the file of a run whose model is there, and says what was found.
        chosen: the runs.
        skip_failed: of a run that ended without a result, write why it has none.
        force: make again what is there.
    """
    for found in chosen:
        run, folders = found.run, found.folders
        path, reason = kind.PATH(folders, run.key), why_not(run, folders)
        if reason and not (skip_failed and folders.record(run.key).exists()):
            raise BenchError(f"{run.label}: can have no {kind.NAME}, {reason}")
        if reason:
            kind.write_reason(run, folders, reason)
            print(f"{run.label}: no {kind.NAME}, {reason}", file=sys.stderr)
        elif path.exists() and not force:
            print(f"{run.label}: its {kind.NAME} already exists, {path}; --force makes it again")
        else:
            supply_model(found)
            print(f"{run.label}: {make(found)}", file=sys.stderr)
            print(path)


def _calibrate(found: "FoundRun") -> str:
    """Score the distributions of a run; the import comes after the model, as a process that has torch forks no more."""
    from ladid_bench.runs.calibrating import calibrate_run

    if found.run.card.trained:
        from ladid_bench.runs.execute import prepare_device

        prepare_device(found.study.execution.model_copy(update={"device": "cpu"}))
    return calibrate_run(found.run, found.folders).words


def _probe(found: "FoundRun") -> str:
    """Probe the model of a run; the import comes after the model, as a process that has torch forks no more."""
    from ladid_bench.probing.probing import probe_run

    return probe_run(found.run, found.folders, found.study.execution.threads).words
