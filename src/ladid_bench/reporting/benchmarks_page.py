"""The page of the benchmarks: how long training, forecasts, simulators, data loading and the workflow take.

What stands in ``results/benchmarks`` is shown: each file is what one script in ``benchmarks/`` wrote.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ladid_bench.analysis.searches import steps_to
from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import write_text
from ladid_bench.core.readers import read_json
from ladid_bench.reporting.formatting import MISSING, counted, duration, number, short
from ladid_bench.reporting.pages import render
from ladid_bench.reporting.tables import to_html

BENCHMARKS = "benchmarks.html"
THRESHOLDS = (0.5, 0.2)  # validation nMSE; black images have 1
MANY = 50


@dataclass(frozen=True)
class Section:
    """A table with what a reader should know about it: ``cells`` by column, ``names`` of the rows below ``corner``."""

    title: str
    words: str
    corner: str
    names: list[str]
    cells: dict[str, list[str]]

    @property
    def anchor(self) -> str:
        """What links lead to."""
        return self.title.lower().replace(" ", "-")

    @property
    def table(self) -> Markup:
        return to_html(self.corner, self.names, self.cells, "numbers measured")


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
    rows, first = _sorted(result, "step_seconds"), result["rows"][0]
    cells = {
        "parameters": [f"{row['parameters']:,.0f}" for row in rows],
        "ms a step": [_ms(row["step_seconds"]) for row in rows],
        f"times {first['method']}": [short(row["step_seconds"] / first["step_seconds"]) for row in rows],
    }
    for threshold in THRESHOLDS:
        steps = [steps_to(root, row["method"], threshold) for row in rows]
        spent = [duration(count * row["step_seconds"]) for count, row in zip(steps, rows, strict=True)]
        cells[f"steps to nMSE {threshold:g}"] = [number(count, 0) for count in steps]
        cells[f"time to nMSE {threshold:g}"] = spent
    return Section(
        "Training",
        f"CPU time of an optimiser step at {result['image_size']} px on one thread, over the schedule in which the "
        "horizon grows; methods took turns. Steps to an accuracy are those after which the validation error of the "
        "best trial of the method's recorded search on the pendulum was first at or below it, as often as it was "
        "validated; a dash where it never was, or where there is no search.",
        "method",
        [row["method"] for row in rows],
        cells,
    )


def _sorted(result: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return sorted(result["rows"], key=lambda row: float(row[name]))


def _steps(result: dict[str, Any], root: Path) -> Section:
    rows = sorted(result["rows"], key=lambda row: float(row["share"]), reverse=True)
    cells = {
        "parameters": [f"{row['parameters']:,.0f}" for row in rows],
        "GFLOP": [short(row["gflop"]) for row in rows],
        "ms a step": [_ms(row["step_seconds"]) for row in rows],
        "GFLOP/s": [short(row["gflop"] / row["step_seconds"]) for row in rows],
        "share of a matrix product": [f"{row['share']:.0%}" for row in rows],
    }
    words = ""
    if result["beside"]:
        cells["times faster"] = [short(row["times_faster"]) for row in rows]
        words = (
            f" The last column is the time of a step at commit {result['beside'][:7]}, taken in turn, over this one."
        )
    return Section(
        "Steps and the limit of a core",
        f"CPU time of an optimiser step at {result['image_size']} px and the full horizon on one thread, the "
        "operations of its matrix products and convolutions, and their rate as a share of that of a large matrix "
        f"product, measured in between.{words}",
        "method",
        [row["method"] for row in rows],
        cells,
    )


def _forecasts(result: dict[str, Any], root: Path) -> Section:
    rows, first = _sorted(result, "latent_1_seconds"), result["rows"][0]
    timed = {
        f"{word}, {count}": f"{part}_{count}_seconds"
        for count in (1, MANY)
        for word, part in (("latent", "latent"), ("whole", "forecast"))
    }
    cells = {f"{name} (ms)": [_ms(row[key]) for row in rows] for name, key in timed.items()}
    for name in ("latent, 1", f"whole, {MANY}"):
        key = timed[name]
        cells[f"{name}: times {first['method']}"] = [short(row[key] / first[key]) for row in rows]
    cells["evaluations"] = [f"{row['function_evaluations']:,.0f}" for row in rows]
    return Section(
        "Forecasts",
        f"CPU time of a forecast of 50 frames for one trajectory and for {MANY} at once. The latent part is all but "
        "encoder and decoder: recognition, and the solve or what a method has in place of one. Evaluations are those "
        "of the right-hand side in one forecast; methods without a solver have none.",
        "method",
        [row["method"] for row in rows],
        cells,
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
    names = list(dict.fromkeys(row["system"] for row in result["frames"]))
    cells = {f"ms a frame, {one} px": [_ms(spent.get((name, one), math.nan) / 1e6) for name in names] for one in sizes}
    return Section(
        "Simulators",
        "CPU time of a stored frame of one trajectory, drawing included, and the time that independent solvers of the "
        "same equations take at the same accuracy as a multiple of ours: above 1 ours is faster, below 1 theirs.",
        "system",
        names,
        cells | {"theirs / ours": ["; ".join(rivals.get(name, [])) for name in names]},
    )


def _loading(result: dict[str, Any], root: Path) -> Section:
    rows = result["rows"]
    return Section(
        "Data loading",
        f"A training split of {rows[0]['trajectories']} trajectories: read and checked once a run, and a "
        "batch as every training step draws it, beside a copy of as many bytes. CPU time.",
        "images",
        [f"{row['image_size']} px" for row in rows],
        {
            "MB": [f"{row['split_megabytes']:,.0f}" for row in rows],
            "read (ms)": [_ms(row["read_seconds"]) for row in rows],
            "times h5py alone": [short(row["read_seconds"] / row["plain_seconds"], 2) for row in rows],
            "sampler (ms)": [_ms(row["sampler_seconds"]) for row in rows],
            "batch (ms)": [_ms(row["batch_seconds"]) for row in rows],
            "times a copy": [short(row["batch_seconds"] / row["copied_seconds"], 2) for row in rows],
        },
    )


def _workflow(result: dict[str, Any], root: Path) -> Section:
    rows = result["rows"]
    return Section(
        "Workflow",
        "What is there beside the work: planning the paper-scale study, doing nothing when all is done, and starting "
        f"a job. Measured on {counted(result['cores'], 'core')}; elapsed time is what a user waits for.",
        "what",
        [row["what"] for row in rows],
        {
            "elapsed": [duration(row["elapsed_seconds"]) for row in rows],
            "CPU time": [duration(row["cpu_seconds"]) for row in rows],
            "goal": [_goal(row.get("goal_seconds"), row["elapsed_seconds"]) for row in rows],
        },
    )


def _goal(goal: float | None, elapsed: float) -> str:
    return MISSING if goal is None else f"under {goal:g} s, {'kept' if elapsed < goal else 'missed'}"


def _ms(seconds: float) -> str:
    return MISSING if math.isnan(seconds) else short(1e3 * seconds)


SECTIONS: tuple[tuple[str, Callable[[dict[str, Any], Path], Section]], ...] = (
    ("methods", _training),
    ("steps", _steps),
    ("methods", _forecasts),
    ("systems", _simulators),
    ("loading", _loading),
    ("workflow", _workflow),
)
