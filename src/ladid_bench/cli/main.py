"""The command line. Every rule of the workflow calls one of these, so each can be typed by hand."""

import json
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ladid_bench.cli.checks import app as checks_app
from ladid_bench.cli.forecasting import app as forecasting_app
from ladid_bench.cli.importing import app as importing_app
from ladid_bench.cli.inspection import app as inside_app
from ladid_bench.cli.methods import app as methods_app
from ladid_bench.cli.options import (
    Datasets,
    Experiments,
    Methods,
    Scale,
    Seeds,
    check_target,
    open_runs,
    open_study,
    selection_from_options,
    supply_model,
)
from ladid_bench.core.configuration import DATA_KINDS, Study
from ladid_bench.core.errors import BenchError, explain, nearest
from ladid_bench.core.files import finished, write_json
from ladid_bench.core.paths import Folders, find_root

if TYPE_CHECKING:  # what takes long to import, each command imports for itself
    from ladid_bench.analysis.prospects import Prospect
    from ladid_bench.study.plan import PlannedRun

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(checks_app)
app.add_typer(forecasting_app)
app.add_typer(importing_app)
app.add_typer(inside_app)
app.add_typer(methods_app)


def _runs(study: Study, folders: Folders) -> "dict[str, PlannedRun]":
    from ladid_bench.study.plan import plan_runs

    return plan_runs(study, folders.root)


@app.command()
def plan(
    scale: Scale = None,
    cores: Annotated[
        int, typer.Option(min=1, help="cores that share the work", show_default="all of this machine")
    ] = os.cpu_count() or 1,
    dataset: Datasets = None,
    method: Methods = None,
    seed: Seeds = None,
    experiment: Experiments = None,
    gpu: Annotated[bool, typer.Option("--gpu", help="estimate with a GPU for each trained run")] = False,
) -> None:
    """Show the runs of a study, all or some, which are done, and how long the others will take."""
    from ladid_bench.runs.failures import describe_failures, failed_runs
    from ladid_bench.runs.state import describe_unplanned
    from ladid_bench.study.resources import describe_plan
    from ladid_bench.study.selection import with_sources

    study, folders = open_study(scale)
    choice = selection_from_options(dataset, method, seed, experiment)
    everything = _runs(study, folders)
    runs = with_sources(choice.of(everything))
    missing = {key for key in runs if not folders.record(key).exists()}
    failed = failed_runs(runs, folders)
    plan = describe_plan(study, runs, missing, cores, gpu, {run.key for run in failed})
    print("\n".join(filter(None, (plan, describe_failures(failed, folders), describe_unplanned(everything, folders)))))


@app.command()
def claims(scale: Scale = None) -> None:
    """Show which claims the planned runs of a study can meet, at which budget, and what the others lack."""
    from ladid_bench.analysis.crossed import FEWEST_GROUPS, detectable_ratio
    from ladid_bench.analysis.paired import SEEDS_FOR_VERDICTS
    from ladid_bench.analysis.prospects import fewest_seeds, known_groups, prospects

    study, folders = open_study(scale)
    runs = list(_runs(study, folders).values())
    datasets = {run.dataset.name: run.dataset for run in runs}
    known = known_groups(list(datasets.values()), folders)
    assumed = {name: one.config.trajectories.test for name, one in datasets.items() if name not in known}
    found = prospects(runs, known | assumed)
    for one in found:
        print(f"{one.claim.id:<4} {f'cannot be met: {one.reason}' if one.reason else _met_at(one)}")
    seeds, most = fewest_seeds(runs), max(1, *(one.comparisons for one in found))
    for groups in sorted({count for count in (known | assumed).values() if count >= FEWEST_GROUPS}):
        if seeds >= SEEDS_FOR_VERDICTS:
            alone, among_most = (detectable_ratio(groups, seeds, comparisons=many) for many in (1, most))
            print(
                f"{groups} test groups and {seeds} seeds typically tell errors apart at a ratio of {alone:.2f}; "
                f"a verdict against a claim with {most} comparisons takes {among_most:.2f}"
            )
    if assumed:
        print(f"Not made yet, so each test trajectory counts as an independent group: {', '.join(assumed)}")


def _met_at(prospect: "Prospect") -> str:
    """At which budget a claim can be met, and whether one lies before it."""
    if not prospect.steps:
        return "can be met"
    before = f"; it settles if {prospect.before[-1]} steps agree" if prospect.before else ", and never settles"
    return f"can be met, at {prospect.steps} steps{before}"


@app.command()
def records(
    scale: Scale = None,
    dataset: Datasets = None,
    method: Methods = None,
    seed: Seeds = None,
    experiment: Experiments = None,
    failed: Annotated[bool, typer.Option("--failed", help="only records of failed runs")] = False,
    stale: Annotated[bool, typer.Option("--stale", help="only records made by code that has since changed")] = False,
) -> None:
    """List the record files that exist, for example as targets for snakemake."""
    from ladid_bench.runs.state import has_failed, is_stale

    study, folders = open_study(scale)
    for key, planned in selection_from_options(dataset, method, seed, experiment).of(_runs(study, folders)).items():
        meant = (not failed or has_failed(planned, folders)) and (not stale or is_stale(planned, folders))
        if meant and folders.record(key).exists():
            print(folders.record(key).relative_to(folders.root))


@app.command()
def data(
    dataset: str,
    scale: Scale = None,
    split: Annotated[list[str] | None, typer.Option(help="split to make; repeat for several; default: all")] = None,
) -> None:
    """Make the trajectory files of a data set and describe it for the report, or make only some splits."""
    from ladid_bench.study.cards import write_card
    from ladid_bench.study.datasets import make_files, planned_dataset

    study, folders = open_study(scale)
    planned = planned_dataset(study, dataset)
    make_files(planned, folders, split)
    if not split:
        write_card(planned, folders)


@app.command()
def card(dataset: str, scale: Scale = None) -> None:
    """Describe the trajectory files of a data set for the report."""
    from ladid_bench.study.cards import write_card
    from ladid_bench.study.datasets import planned_dataset

    study, folders = open_study(scale)
    write_card(planned_dataset(study, dataset), folders)


@app.command()
def run(
    keys: Annotated[list[str], typer.Argument(metavar="KEY...", help="keys of runs, carried out in this order")],
    scale: Scale = None,
    force: Annotated[bool, typer.Option("--force", help="run again even if there is a record")] = False,
    restartable: Annotated[
        bool, typer.Option("--restartable", help="restore what an earlier start of this job had finished")
    ] = False,
) -> None:
    """Train, forecast, score and record runs, or resume interrupted ones."""
    chosen = open_runs(keys, scale)
    recorded = [_carry_out(found.run, found.study, found.folders, force, restartable) for found in chosen]
    if not all(recorded):
        raise typer.Exit(1)


def _carry_out(planned: "PlannedRun", study: Study, folders: Folders, force: bool, restartable: bool) -> bool:
    """Carry out a run that has no record, or any if ``force``; say how it ended, and return whether it is recorded."""
    from ladid_bench.probing.probes import Probe
    from ladid_bench.runs.calibration import Calibration
    from ladid_bench.runs.restart import carry_out_or_restore
    from ladid_bench.runs.supervise import carry_out
    from ladid_bench.study.datasets import make_missing

    record = folders.record(planned.key)
    if record.exists() and not force:
        print(f"{planned.label}: has a record already, {record}; --force runs it again")
        return True
    make_missing(planned.datasets, folders)
    ended = (carry_out_or_restore if restartable else carry_out)(planned, folders, study.execution)
    print(f"{planned.label}: {ended.status}{f' ({ended.reason})' if ended.reason else ''}", file=sys.stderr)
    for kind in (Probe, Calibration):
        if kind.drop_of_former_model(planned, folders):
            told = f"its {kind.NAME} was of the previous model and was deleted; {kind.COMMAND} it again"
            print(f"{planned.label}: {told}", file=sys.stderr)
    return not folders.attempts(planned.key).exists()


@app.command()
def model(key: str, scale: Scale = None) -> None:
    """Make sure a run's trained model exists: if only its record is left, train it again, for the model alone."""
    (found,) = open_runs([key], scale)
    planned, folders = found.run, found.folders
    if not planned.trained:
        raise BenchError(f"{planned.label}: trains no model of its own")
    supply_model(found)
    print(folders.model(planned.key))


@app.command()
def score(key: str, forecast: Path, scale: Scale = None) -> None:
    """Check a forecast file against a run's test split and print its errors; nothing is recorded.

    Errors at times between frames and of the decoder alone are left out: a forecast file has no such frames.
    """
    from ladid_bench.data.trajectories import read_trajectories
    from ladid_bench.methods.base import Diverged
    from ladid_bench.runs.scoring import score_file
    from ladid_bench.study.datasets import load_task

    (found,) = open_runs([key], scale)
    planned, folders = found.run, found.folders
    splits = {split: read_trajectories(path) for split, path in planned.dataset.files(folders).items()}
    try:
        metrics, _ = score_file(planned, load_task(planned.dataset, splits["train"]), splits, forecast)
    except Diverged as error:
        raise BenchError(f"{forecast}: {error}; look at its values and units") from error
    print(json.dumps(metrics, indent=1))


@app.command()
def aggregate(scale: Scale = None) -> None:
    """Collect the records of a study in one table, runs.parquet."""
    from ladid_bench.analysis.currency import table_key, write_made_from
    from ladid_bench.analysis.results import aggregate as collect

    study, folders = open_study(scale)
    runs = _runs(study, folders)
    key = table_key(runs, folders)  # before: a run that ends meanwhile makes the table one to collect again
    table = collect(runs, folders)
    write_made_from(folders, {"table": key})
    counts = ", ".join(f"{count} {status}" for status, count in table["status"].value_counts().items())
    print(f"{folders.table}: {len(table)} runs ({counts})")


@app.command()
def report(scale: Scale = None) -> None:
    """Render the report from runs.parquet and the samples."""
    from ladid_bench.analysis.currency import read_made_from, report_key, write_made_from
    from ladid_bench.analysis.run_table import read_run_table
    from ladid_bench.reporting.report import build_report

    study, folders = open_study(scale)
    methods = {run.method for run in _runs(study, folders).values()}
    key = report_key(read_made_from(folders).get("table", ""), methods, folders)  # the table may be collected anew
    print(build_report(folders, read_run_table(folders), study))
    write_made_from(folders, read_made_from(folders) | {"report": key})


@app.command()
def search(
    method: str,
    kind: Annotated[list[str] | None, typer.Option(help="bodies, fields or measured; default: all three")] = None,
    scale: Scale = None,
    jobs: Annotated[int, typer.Option(min=1, help="trainings that run at the same time")] = 1,
) -> None:
    """Search for a method's settings on validation data, for each kind of data, or resume a search."""
    from ladid_bench.methods.searched import search_file
    from ladid_bench.reporting.searches import cost_of, trials_text
    from ladid_bench.runs.search import plan_search, run_search

    for name in kind or ():
        if name not in DATA_KINDS:
            raise BenchError(f"--kind: '{name}' is not one of {', '.join(DATA_KINDS)}")
    study, folders = open_study(scale)
    planned = [plan_search(study, folders, method, one) for one in DATA_KINDS if one in (kind or DATA_KINDS)]
    print(cost_of(planned), flush=True)
    for one in planned:
        print(f"{trials_text(run_search(one, jobs))}\n{search_file(one.folder, one.kind)}", flush=True)


@app.command()
def physics(
    system: Annotated[list[str] | None, typer.Argument(help="system to check; default: all")] = None,
    slow: Annotated[bool, typer.Option("--slow", help="run the slow checks too")] = False,
) -> None:
    """Check the simulators against analytic, published and independent values; writes results/physics.json."""
    from ladid_bench.datasets.simulated import SYSTEMS
    from ladid_bench.verification.physics.results import describe, physics_file, run_checks

    root = find_root()
    for name in system or ():
        if name not in SYSTEMS:
            raise BenchError(f"unknown system '{name}'; {nearest(name, SYSTEMS)}")
    ran = run_checks(system or list(SYSTEMS), slow, root, lambda result: print(describe(result), flush=True))
    print(physics_file(root))
    failed = [f"{result.system}, {result.quantity}" for result in ran if not result.passed]
    if failed:
        others = f" and {len(failed) - 1} more" if failed[1:] else ""
        raise BenchError(f"{len(failed)} of {len(ran)} physics checks failed: {failed[0]}{others}; see the table above")


@app.command()
def show(
    target: Annotated[str, typer.Argument(help="data set of the study, or a trajectory file")],
    scale: Scale = None,
    output: Annotated[Path | None, typer.Option(help="folder to write to; default: results/<scale>/show")] = None,
) -> None:
    """Show a data set or a trajectory file: a page with pictures, films and curves, and a film for talks."""
    from ladid_bench.reporting.show import show_target

    study, folders = open_study(scale)
    print(show_target(target, study, folders, output))


@app.command()
def datasets() -> None:
    """List all data sets the suite can make."""
    from ladid_bench.study.datasets import dataset_names

    print("\n".join(dataset_names()))


@app.command()
def schema(output: Annotated[Path, typer.Argument(help="file to write")] = Path("config/schema.json")) -> None:
    """Write the JSON schema of the configuration."""
    check_target(output, lambda path: path.read_bytes().lstrip()[:1] == b"{")
    write_json(output, Study.model_json_schema())


@app.command()
def prune(scale: Scale = None) -> None:
    """Remove records, samples, probes and calibrations that the study no longer asks for."""
    from ladid_bench.runs.records import unshared_files

    study, folders = open_study(scale)
    wanted = set(_runs(study, folders))
    for named in (folders.samples, folders.record, folders.probe, folders.calibration):
        like = named("any key")
        for kept in finished(like.parent, like.suffix):
            if kept.stem not in wanted:
                kept.unlink()
                print(f"removed {kept}")
    for shared in unshared_files(folders.samples("x").parent):
        shared.unlink()
        print(f"removed {shared}")


def main() -> Any:
    """Run the command ``ladid-bench``: an error the user can act on is one line and exit code 1."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        return app()
    except BenchError as error:
        print(f"ladid-bench: error: {error}", file=sys.stderr)
    except OSError as error:
        print(f"ladid-bench: error: {explain(error)}", file=sys.stderr)
    sys.exit(1)
