"""The page of the benchmarks: how long training, forecasts, simulators, data loading and the workflow take.

What stands in ``results/benchmarks`` is shown: each file is what one script in ``benchmarks/`` wrote.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import write_text
from ladid_bench.core.readers import read_json
from ladid_bench.methods.registry import method_folders
from ladid_bench.reporting.formatting import MISSING, counted, duration, short
from ladid_bench.reporting.pages import render
from ladid_bench.reporting.tables import to_html
from ladid_bench.runs.search import SEARCH

BENCHMARKS = "benchmarks.html"
THRESHOLDS = (0.5, 0.2)  # validation nMSE; black images have 1
MANY = 50


@dataclass(frozen=True)
class Section:
    """A table with what a reader should know about it: a row a list, the first column names them."""

    title: str
    words: str
    columns: list[str]
    rows: list[list[str]]

    @property
    def anchor(self) -> str:
        """What links lead to."""
        return self.title.lower().replace(" ", "-")

    @property
    def table(self) -> Markup:
        (first, names), *others = zip(self.columns, zip(*self.rows, strict=True), strict=True)
        return to_html(first, names, dict(others), "numbers measured")


def benchmarks_folder(root: Path) -> Path:
    """Where the results of a checkout are."""
    return root / "results" / "benchmarks"


def write_benchmarks_page(path: Path, root: Path) -> bool:
    """Write the page about whatever was measured; False, and no page, where nothing was.

    Raises:
        BenchError: a file is not what the benchmarks write.
    """
    sections = []
    for name, section in SECTIONS:
        file = benchmarks_folder(root) / f"{name}.json"
        if file.exists():
            remedy = "delete it and run 'benchmarks/all.py'"
            measured = read_json(file, "file of measurements", remedy)
            try:
                sections.append(section(measured, root))
            except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
                raise BenchError(f"{file}: not a readable file of measurements ({error!r}); {remedy}") from error
    if sections:
        page = render(
            "tables.html.j2",
            title="What does it cost?",
            name="benchmarks",
            lead="Times of every method and of the suite itself, measured side by side.",
            caution="",
            words="Two things that are compared were timed in turn on one machine, so ratios carry over to others "
            "better than times do. 'python benchmarks/all.py' measures everything again.",
            sections=[(one.anchor, one.title, one.words, one.table) for one in sections],
        )
        write_text(path, page)
    return bool(sections)


def _training(result: dict[str, Any], root: Path) -> Section:
    first, rows = result["rows"][0], sorted(result["rows"], key=lambda row: float(row["step_seconds"]))
    reached = {row["method"]: _steps_to(root, row["method"]) for row in rows}
    columns = ["method", "parameters", "ms a step", f"times {first['method']}"]
    columns += [f"{kind} to nMSE {threshold:g}" for threshold in THRESHOLDS for kind in ("steps", "time")]
    table = []
    for row in rows:
        seconds = row["step_seconds"]
        cells = [row["method"], f"{row['parameters']:,.0f}", _ms(seconds), short(seconds / first["step_seconds"])]
        for threshold in THRESHOLDS:
            steps = reached[row["method"]][threshold]
            cells += [f"{steps:,}", duration(steps * seconds)] if steps else [MISSING, MISSING]
        table.append(cells)
    return Section(
        "Training",
        f"CPU time of an optimiser step at {result['image_size']} px on one thread, over the schedule in which the "
        "horizon grows; methods took turns. Steps to an accuracy are those after which the validation error of the "
        "best trial of the method's recorded search on the pendulum was first at or below it, as often as it was "
        "validated; a dash where it never was, or where there is no search.",
        columns,
        table,
    )


def _steps_to(root: Path, method: str) -> dict[float, int | None]:
    """Steps of the best trial of a method's search until each threshold was reached."""
    path = method_folders(root)[method] / SEARCH if method in method_folders(root) else None
    history: list[dict[str, Any]] = []
    if path is not None and path.exists():
        found = read_json(path, "record of a search", "search again")
        history = found["trials"][found["best"]]["history"] if found["best"] is not None else []
    return {
        threshold: next((point["step"] for point in history if point["valid_nmse"] <= threshold), None)
        for threshold in THRESHOLDS
    }


def _forecasts(result: dict[str, Any], root: Path) -> Section:
    rows = sorted(result["rows"], key=lambda row: float(row["latent_1_seconds"]))
    first = result["rows"][0]
    columns = ["method", "latent, 1 (ms)", "whole, 1 (ms)", f"latent, {MANY} (ms)", f"whole, {MANY} (ms)"]
    columns += [f"latent, 1: times {first['method']}", f"whole, {MANY}: times {first['method']}", "evaluations"]
    table = [
        [
            row["method"],
            *(_ms(row[f"{part}_{count}_seconds"]) for count in (1, MANY) for part in ("latent", "forecast")),
            short(row["latent_1_seconds"] / first["latent_1_seconds"]),
            short(row[f"forecast_{MANY}_seconds"] / first[f"forecast_{MANY}_seconds"]),
            f"{row['function_evaluations']:,.0f}",
        ]
        for row in rows
    ]
    return Section(
        "Forecasts",
        f"CPU time of a forecast of 50 frames for one trajectory and for {MANY} at once. The latent part is all but "
        "encoder and decoder: recognition, and the solve or what a method has in place of one. Evaluations are those "
        "of the right-hand side in one forecast; methods without a solver have none.",
        columns,
        table,
    )


def _simulators(result: dict[str, Any], root: Path) -> Section:
    sizes = sorted({row["image_size"] for row in result["frames"]})
    spent = {(row["system"], row["image_size"]): row["microseconds_a_frame"] for row in result["frames"]}
    rivals: dict[str, list[str]] = {}
    for row in result["comparisons"]:
        size = f", {row['image_size']} px" if row["image_size"] else ""
        rivals.setdefault(row["system"], []).append(f"{row['package'].split()[0]}{size}: {short(row['ratio'], 2)}")
    for row in result["lattices"]:
        if row["rival"]:
            name = row["rival"]["package"].split()[0]
            rivals.setdefault("cylinder-flow", []).append(f"{name}: {short(row['rival']['ratio'], 2)}")
    table = [
        [name, *(_ms(spent.get((name, size), math.nan) / 1e6) for size in sizes), "; ".join(rivals.get(name, []))]
        for name in dict.fromkeys(row["system"] for row in result["frames"])
    ]
    return Section(
        "Simulators",
        "CPU time of a stored frame of one trajectory, drawing included, and the time that independent solvers of the "
        "same equations take at the same accuracy as a multiple of ours: above 1 ours is faster, below 1 theirs.",
        ["system", *(f"ms a frame, {size} px" for size in sizes), "theirs / ours"],
        table,
    )


def _loading(result: dict[str, Any], root: Path) -> Section:
    table = [
        [
            f"{row['image_size']} px",
            f"{row['split_megabytes']:,.0f}",
            _ms(row["read_seconds"]),
            short(row["read_seconds"] / row["plain_seconds"], 2),
            _ms(row["sampler_seconds"]),
            _ms(row["batch_seconds"]),
            short(row["batch_seconds"] / row["copied_seconds"], 2),
        ]
        for row in result["rows"]
    ]
    columns = ["images", "MB", "read (ms)", "times h5py alone", "sampler (ms)", "batch (ms)", "times a copy"]
    return Section(
        "Data loading",
        f"A training split of {result['rows'][0]['trajectories']} trajectories: read and checked once a run, and a "
        "batch as every training step draws it, beside a copy of as many bytes. CPU time.",
        columns,
        table,
    )


def _workflow(result: dict[str, Any], root: Path) -> Section:
    table = []
    for row in result["rows"]:
        goal = row.get("goal_seconds")
        kept = MISSING if goal is None else f"under {goal:g} s, {'kept' if row['elapsed_seconds'] < goal else 'missed'}"
        table.append([row["what"], duration(row["elapsed_seconds"]), duration(row["cpu_seconds"]), kept])
    return Section(
        "Workflow",
        "What is there beside the work: planning the paper-scale study, doing nothing when all is done, and starting "
        f"a job. Measured on {counted(result['cores'], 'core')}; elapsed time is what a user waits for.",
        ["what", "elapsed", "CPU time", "goal"],
        table,
    )


def _ms(seconds: float) -> str:
    return MISSING if math.isnan(seconds) else short(1e3 * seconds)


SECTIONS: tuple[tuple[str, Callable[[dict[str, Any], Path], Section]], ...] = (
    ("methods", _training),
    ("methods", _forecasts),
    ("systems", _simulators),
    ("loading", _loading),
    ("workflow", _workflow),
)
