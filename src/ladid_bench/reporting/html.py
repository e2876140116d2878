"""The report of one scale: a page that needs nothing but itself, and its tables and figures as files."""

import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from ladid_bench.analysis.paired import SEEDS_FOR_VERDICTS
from ladid_bench.core.configuration import Study
from ladid_bench.core.files import write_text
from ladid_bench.core.paths import Folders
from ladid_bench.methods.registry import load_card
from ladid_bench.reporting import findings
from ladid_bench.reporting.benchmarks_page import BENCHMARKS, write_benchmarks_page
from ladid_bench.reporting.claims_section import write_claims
from ladid_bench.reporting.content import EQUAL_TIME, LADID, DatasetContent, Entry, gather
from ladid_bench.reporting.drawing import write_drawings
from ladid_bench.reporting.experiment_figures import Scene, illustrate, styles_by_method, write_illustrated
from ladid_bench.reporting.experiments import ExperimentTable, experiment_tables, write_experiments
from ladid_bench.reporting.pages import INDEX, render, swap
from ladid_bench.reporting.palette import MethodStyle, own_colours, styles, styles_on
from ladid_bench.reporting.physics_page import PHYSICS, write_physics_page
from ladid_bench.reporting.pictures import Pictures, collect, frames_for
from ladid_bench.reporting.probe_section import write_probes
from ladid_bench.reporting.rank_figure import ranks_over_datasets
from ladid_bench.reporting.rows import TableView, table_view
from ladid_bench.reporting.searches import describe_search, effort, read_search
from ladid_bench.reporting.sections import Told, write_section
from ladid_bench.reporting.table_files import to_frame, to_latex
from ladid_bench.reporting.tables import Table, cost
from ladid_bench.reporting.tracked import write_tracked
from ladid_bench.verification.physics.results import physics_file, read_results, up_to_date


def build_report(folders: Folders, table: pd.DataFrame, study: Study, root: Path) -> Path:
    """Write ``results/<scale>/report`` from the run table and what was kept of each run.

    The folder is built beside the old one and takes its place at the end; the same records give the
    same bytes.

    Args:
        folders: of the scale.
        table: one row a planned run, failures included.
        study: whose runs they are.
        root: the checkout, where the methods' cards are.

    Returns:
        The page.
    """
    final, building = folders.results / "report", folders.results / ".report-building"
    shutil.rmtree(building, ignore_errors=True)  # left by a build that was killed
    building.mkdir(parents=True)
    try:
        _build(building, folders, table, study, root)
        swap(building, final)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return final / INDEX


def _build(folder: Path, folders: Folders, table: pd.DataFrame, study: Study, root: Path) -> None:
    datasets, again = _gathered(folders, table, study)
    style, pictures = styles([*datasets, *again]), _all_pictures(datasets, folders)
    equal = {dataset.name: dataset for dataset in again}
    minutes = next((block.cpu_minutes for block in study.experiments.get(EQUAL_TIME, []) if block.cpu_minutes), None)
    told = [
        Told(dataset, equal.get(dataset.name), pictures.get(dataset.name), index)
        for index, dataset in enumerate(datasets)
    ]
    compared = [dataset for dataset in datasets if dataset.entries]
    experiments = experiment_tables(folders, table, study)
    write_experiments(folder, experiments)
    others = [content for one in experiments for content, _ in one.parts]
    by_method = styles_by_method(style, [*datasets, *again, *others])
    shown = [illustrate(one, Scene(study, root, by_method, datasets)) for one in experiments]
    write_illustrated(folder, shown)
    ranks = ranks_over_datasets(compared, style)
    write_drawings(folder, [ranks.drawing] if ranks.drawing else [])
    methods, cautions = _methods([*datasets, *again, *others], root)
    further = _further(told, experiments)
    page = render(
        "report.html.j2",
        scale=study.scale,
        compared=bool(compared),
        claims=write_claims(folder, folders, table, study, root),
        lead=findings.lead_text(compared, again, study),
        cautions=[*findings.cautions(compared or again), *cautions],
        verdicts=findings.seeds(compared) >= SEEDS_FOR_VERDICTS,
        sections=[write_section(folder, one, style, minutes) for one in told],
        colours=own_colours({**by_method, **style}),
        ranks=ranks,
        methods=methods,
        costs=_costs(folder, compared, style),
        probes=write_probes(folder, folders, experiments),
        experiments=list(zip(experiments, shown, strict=True)),
        lost=[*_lost((one.content.title, _runs(one)) for one in told), *_lost(further)],
        runs=[*((one.content.title, _runs(one)) for one in told), *further],
        physics=PHYSICS if _physics(folder, root) else "",
        benchmarks=BENCHMARKS if write_benchmarks_page(folder / BENCHMARKS, root) else "",
    )
    write_tracked(folder, datasets, again)
    write_text(folder / INDEX, page)


def _gathered(folders: Folders, table: pd.DataFrame, study: Study) -> tuple[list[DatasetContent], list[DatasetContent]]:
    """Data sets at equal steps and at equal CPU time; one without runs at equal steps is there without entries."""
    compared, again = gather(folders, table, study), gather(folders, table, study, EQUAL_TIME)
    known = {dataset.name for dataset in compared}
    return [*compared, *(replace(one, entries=()) for one in again if one.name not in known)], again


def _methods(contents: list[DatasetContent], root: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """The methods' cards with their recorded searches, and a caution where these were of unequal effort."""
    names = sorted({entry.method for content in contents for entry in content.entries}, key=_ladid_first)
    cards = {name: load_card(name, root) for name in names}
    searches = {name: read_search(name, root) for name in names}
    made = []
    for name, card in cards.items():
        search = searches[name]
        words = describe_search(search, card) if search else "Settings not searched yet." * (card.kind == "neural")
        made.append({"name": name, "card": card, "search": search, "searched": words})
    equal, words = effort({name: searches[name] for name, card in cards.items() if card.kind == "neural"})
    return made, [] if equal else [words]


def _physics(folder: Path, root: Path) -> bool:
    """Write the page of the physics checks, if any has ever run."""
    path = physics_file(root)
    if path.exists():
        write_physics_page(folder / PHYSICS, up_to_date(read_results(path)))
    return path.exists()


def _ladid_first(method: str) -> tuple[bool, str]:
    return method != LADID, method


def _all_pictures(datasets: list[DatasetContent], folders: Folders) -> dict[str, Pictures]:
    """Pictures by data set, thinned so that all films together stay small."""
    found = {dataset.name: collect(dataset, folders) for dataset in datasets}
    known = {name: pictures for name, pictures in found.items() if pictures is not None}
    frames = frames_for(list(known.values()))
    return {name: one.thinned(frames) if one.truth.ndim == 3 else one for name, one in known.items()}


def _costs(
    folder: Path, datasets: list[DatasetContent], style: dict[str, MethodStyle]
) -> list[tuple[DatasetContent, TableView]]:
    """The cost of every data set, all with the columns that any has; written as one CSV and a LaTeX table each."""
    tables = [cost(dataset) for dataset in datasets]
    used = {column for table in tables for column in table.used().columns}
    tables = [table.only(column for column in table.columns if column in used) for table in tables]
    _write_costs(folder, datasets, tables)
    return [
        (dataset, table_view(table, styles_on(dataset, style))) for dataset, table in zip(datasets, tables, strict=True)
    ]


def _write_costs(folder: Path, datasets: list[DatasetContent], tables: list[Table]) -> None:
    frames = [
        to_frame(table, dataset.name).drop(columns="rank") for dataset, table in zip(datasets, tables, strict=True)
    ]
    if frames:
        write_text(folder / "tables" / "cost.csv", pd.concat(frames).to_csv(index=False, lineterminator="\n"))
    for dataset, table in zip(datasets, tables, strict=True):
        write_text(folder / "tables" / f"cost-{dataset.name}.tex", to_latex(table, f"{dataset.title}: cost"))


def _runs(told: Told) -> list[tuple[Entry, Any]]:
    """Every run that is told of, once: (entry, run)."""
    contents = [told.content, *([told.equal] if told.equal else [])]
    found = {run.key: (entry, run) for one in contents[::-1] for entry in one.entries for run in entry.runs}
    ordered = [run.key for one in contents for entry in one.entries for run in entry.runs]
    return [found[key] for key in dict.fromkeys(ordered)]


def _further(told: Iterable[Told], experiments: list[ExperimentTable]) -> list[tuple[str, list[tuple[Entry, Any]]]]:
    """Every run that the other experiments ask for and that is not told of before: (title, runs) a data set."""
    known = {run.key for one in told for _, run in _runs(one)}
    found: dict[str, dict[str, tuple[Entry, Any]]] = {}
    for content, rows in (part for one in experiments for part in one.parts):
        for entry, run in ((row.entry, run) for row in rows for run in row.entry.runs):
            if run.key not in known:
                found.setdefault(f"{content.title}, further experiments", {}).setdefault(run.key, (entry, run))
    return [(title, list(runs.values())) for title, runs in found.items()]


def _lost(told: Iterable[tuple[str, list[tuple[Entry, Any]]]]) -> list[tuple[str, Entry, Any]]:
    """Every run that should have a result and has none: (title, entry, run)."""
    return [(title, entry, run) for title, runs in told for entry, run in runs if run.status not in ("ok", "skipped")]
