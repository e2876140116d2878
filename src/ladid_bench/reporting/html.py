"""The report of one scale: a page that needs nothing but itself, and its tables and figures as files."""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from ladid_bench.config import Study
from ladid_bench.files import write_text
from ladid_bench.methods.registry import load_card
from ladid_bench.physics.results import physics_file, read_results, up_to_date
from ladid_bench.project import Folders
from ladid_bench.reporting import findings, views
from ladid_bench.reporting.animations import write_animations
from ladid_bench.reporting.content import DatasetContent, gather
from ladid_bench.reporting.drawing import inline
from ladid_bench.reporting.figures import NAMES, draw_all
from ladid_bench.reporting.formatting import short
from ladid_bench.reporting.looks import card_look
from ladid_bench.reporting.pages import INDEX, render, swap
from ladid_bench.reporting.palette import Look, looks
from ladid_bench.reporting.physics_page import PHYSICS, write_physics_page
from ladid_bench.reporting.pictures import Pictures, collect, frames_for
from ladid_bench.reporting.series import draw_series
from ladid_bench.reporting.tables import Table, comparison, cost, to_frame, to_latex


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
    datasets = gather(folders, table, study)
    style = looks(datasets)
    pictures = _all_pictures(datasets, folders)
    sections = [
        _section(folder, dataset, pictures.get(dataset.name), style, index) for index, dataset in enumerate(datasets)
    ]
    methods = sorted({entry.method for dataset in datasets for entry in dataset.entries}, key=_ladid_first)
    costs = _costs(folder, datasets)
    page = render(
        "report.html.j2",
        scale=study.scale,
        lead=findings.lead_text(datasets, study),
        cautions=findings.cautions(datasets),
        verdicts=findings.seeds(datasets) >= findings.SEEDS_FOR_VERDICTS,
        sections=sections,
        methods=[(name, load_card(name, root)) for name in methods],
        cost_columns=costs[0].columns,
        costs=[(dataset, views.rows(one, style)) for dataset, one in zip(datasets, costs, strict=True)],
        failures=_failures(datasets),
        physics=PHYSICS if _physics(folder, root) else "",
    )
    write_text(folder / INDEX, page)


def _physics(folder: Path, root: Path) -> bool:
    """Write the page of the physics checks, if any has ever run."""
    path = physics_file(root)
    if path.exists():
        write_physics_page(folder / PHYSICS, up_to_date(read_results(path)))
    return path.exists()


def _ladid_first(method: str) -> tuple[bool, str]:
    return method != "ladid", method


def _all_pictures(datasets: list[DatasetContent], folders: Folders) -> dict[str, Pictures]:
    """Pictures by data set, thinned so that all films together stay small."""
    found = {dataset.name: collect(dataset, folders) for dataset in datasets}
    known = {name: pictures for name, pictures in found.items() if pictures is not None}
    frames = frames_for(list(known.values()))
    return {name: one.thinned(frames) if one.truth.ndim == 3 else one for name, one in known.items()}


def _section(
    folder: Path, dataset: DatasetContent, pictures: Pictures | None, style: dict[str, Look], index: int
) -> dict[str, Any]:
    """Everything that the page says about one data set; also writes its tables, figures and animations."""
    accuracy, drawings = comparison(dataset), draw_all(dataset, style)
    if pictures and not dataset.image:
        drawings.append(draw_series(dataset, pictures, style))
    _write_table(folder, f"comparison-{dataset.name}", accuracy, dataset)
    for drawing in drawings:
        write_text(folder / "figures" / f"{drawing.name}.svg", drawing.svg)
    if pictures and dataset.image:
        named = {
            entry.label: (_file_name(entry.label), _error_text(dataset, pictures, entry.label))
            for entry in dataset.entries
            if entry.label in pictures.forecasts
        }
        write_animations(folder / "animations", dataset, pictures, named)
    return {
        "content": dataset,
        "error_name": NAMES[dataset.headline],
        "finding": findings.finding(dataset),
        "columns": accuracy.columns,
        "intervals": any(line.interval for line in accuracy.lines),
        "rows": views.rows(accuracy, style, dataset.error),
        "figures": [(Markup(inline(drawing)), drawing.caption) for drawing in drawings],
        "films": views.films(dataset, pictures, index) if pictures else None,
        "bars": views.colour_bars(dataset.card) if dataset.card else (),
        "look": card_look(dataset.card, dataset.time_unit) if dataset.card else None,
    }


def _file_name(label: str) -> str:
    return "".join(letter if letter.isalnum() or letter == "-" else "-" for letter in label)


def _error_text(dataset: DatasetContent, pictures: Pictures, label: str) -> str:
    return f"{NAMES[dataset.headline]} {short(pictures.errors[label], 2)}"


def _write_table(folder: Path, name: str, table: Table, dataset: DatasetContent) -> None:
    caption = f"{dataset.title}: {dataset.headline} is the headline error; the best value of a column is bold"
    write_text(
        folder / "tables" / f"{name}.csv", to_frame(table, dataset.name).to_csv(index=False, lineterminator="\n")
    )
    write_text(folder / "tables" / f"{name}.tex", to_latex(table, caption))


def _costs(folder: Path, datasets: list[DatasetContent]) -> list[Table]:
    """The cost of every data set, all with the columns that any has; written as one CSV and a LaTeX table each."""
    tables = [cost(dataset) for dataset in datasets]
    used = {column for table in tables for column in table.used().columns}
    tables = [Table(tuple(column for column in table.columns if column in used), table.lines) for table in tables]
    frames = [
        to_frame(table, dataset.name).drop(columns="rank") for dataset, table in zip(datasets, tables, strict=True)
    ]
    write_text(folder / "tables" / "cost.csv", pd.concat(frames).to_csv(index=False, lineterminator="\n"))
    for dataset, table in zip(datasets, tables, strict=True):
        write_text(folder / "tables" / f"cost-{dataset.name}.tex", to_latex(table, f"{dataset.title}: cost"))
    return tables


def _failures(datasets: list[DatasetContent]) -> list[tuple[DatasetContent, Any, Any]]:
    """Every run without a result: (data set, entry, run)."""
    return [
        (dataset, entry, run)
        for dataset in datasets
        for entry in dataset.entries
        for run in entry.runs
        if run.status != "ok"
    ]
