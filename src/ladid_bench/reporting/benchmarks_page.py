"""The page of the benchmarks: how long training, forecasts, simulators, data loading and the workflow take.

What stands in ``results/benchmarks`` is shown: each file is what one script in ``benchmarks/`` wrote.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ladid_bench.analysis.searches import steps_to
from ladid_bench.core.errors import BenchError
from ladid_bench.core.readers import read_json
from ladid_bench.reporting.formatting import MISSING, duration, number, short
from ladid_bench.reporting.pages import HOME, Page, Section, part
from ladid_bench.reporting.tables import to_html

BENCHMARKS = "benchmarks.html"
THRESHOLDS = (0.5, 0.2)  # validation nMSE; black images have 1
MANY = 50

Row = Mapping[str, Any]
Cell = Callable[[Row], str]


@dataclass(frozen=True)
class Measured:
    """A table of one file of measurements.

    Attributes:
        file: name of the file, without its suffix.
        title: of the section.
        words: what a reader should know about the table; what is in braces stands in the file.
        corner: what stands above the names of the rows.
        name: of a row.
        cells: of a row by column, from the file and the checkout.
        rows: from the file, in the order of the table.
    """

    file: str
    title: str
    words: str
    corner: str
    name: Cell
    cells: Callable[[Row, Path], Mapping[str, Cell]]
    rows: Callable[[Row], Sequence[Row]] = lambda result: result["rows"]

    def section(self, result: Row, root: Path) -> Section:
        """Lay out the table with its words."""
        rows = self.rows(result)
        cells = {heading: [cell(row) for row in rows] for heading, cell in self.cells(result, root).items()}
        table = to_html(self.corner, [self.name(row) for row in rows], cells, "numbers measured")
        body = part("table_with_words", self.words.format(many=MANY, **result), table)
        return Section(self.title.lower().replace(" ", "-"), self.title, body)


def benchmarks_folder(root: Path) -> Path:
    """Where the results of a checkout are."""
    return root / "results" / "benchmarks"


def write_benchmarks_page(path: Path, root: Path) -> bool:
    """Write the page about whatever was measured; False, and no page, where nothing was.

    Raises:
        BenchError: a file is not what the benchmarks write.
    """
    sections = []
    for one in MEASURED:
        file, remedy = benchmarks_folder(root) / f"{one.file}.json", "delete it and run 'benchmarks/all.py'"
        if file.exists():
            measured = read_json(file, "file of measurements", remedy)
            try:
                sections.append(one.section(measured, root))
            except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
                raise BenchError(f"{file}: not a readable file of measurements ({error!r}); {remedy}") from error
    if sections:
        Page(
            title="LaDID Bench, benchmarks",
            heading="What does it cost?",
            eyebrow=HOME,
            lead="Times of every method and of the suite itself, measured side by side.",
            words="Two things that are compared were timed in turn on one machine, so ratios carry over to others "
            "better than times do. 'python benchmarks/all.py' measures everything again.",
            sections=sections,
            home=("LaDID Bench", "index.html"),
        ).write(path)
    return bool(sections)


def _sorted_by(key: str) -> Callable[[Row], list[Row]]:
    return lambda result: sorted(result["rows"], key=lambda row: float(row[key]))


def _count(key: str) -> Cell:
    return lambda row: f"{row[key]:,.0f}"


def _milliseconds(key: str) -> Cell:
    return lambda row: _ms(row[key])


def _ms(seconds: float) -> str:
    return MISSING if math.isnan(seconds) else short(1e3 * seconds)


def _duration(key: str) -> Cell:
    return lambda row: duration(row[key])


def _times(key: str, first: Row) -> Cell:
    """A value as a multiple of the first row's."""
    return lambda row: short(row[key] / first[key])


def _over(key: str, other: str) -> Cell:
    """A value as a multiple of another one of its row."""
    return lambda row: short(row[key] / row[other], 2)


def _training(result: Row, root: Path) -> dict[str, Cell]:
    first = result["rows"][0]
    cells: dict[str, Cell] = {
        "parameters": _count("parameters"),
        "ms a step": _milliseconds("step_seconds"),
        f"times {first['method']}": _times("step_seconds", first),
    }
    for threshold in THRESHOLDS:
        cells[f"steps to nMSE {threshold:g}"], cells[f"time to nMSE {threshold:g}"] = _until(threshold, root)
    return cells


def _until(threshold: float, root: Path) -> tuple[Cell, Cell]:
    """Steps, and the time they take, until the search's best trial was below an error."""
    return (
        lambda row: number(steps_to(root, row["method"], threshold), 0),
        lambda row: duration(steps_to(root, row["method"], threshold) * row["step_seconds"]),
    )


def _forecasts(result: Row, root: Path) -> dict[str, Cell]:
    first = result["rows"][0]
    timed = {
        f"{word}, {count}": f"{part}_{count}_seconds"
        for count in (1, MANY)
        for word, part in (("latent", "latent"), ("whole", "forecast"))
    }
    cells = {f"{name} (ms)": _milliseconds(key) for name, key in timed.items()}
    for name in ("latent, 1", f"whole, {MANY}"):
        cells[f"{name}: times {first['method']}"] = _times(timed[name], first)
    return {**cells, "evaluations": _count("function_evaluations")}


def _systems(result: Row) -> list[Row]:
    """A row a simulator: what a frame costs by its size, and what independent solvers take as a multiple of ours."""
    rivals: dict[str, list[str]] = {}
    for row in result["comparisons"]:
        size = f", {row['image_size']} px" if row["image_size"] else ""
        rivals.setdefault(row["system"], []).append(f"{row['package'].split()[0]}{size}: {short(row['ratio'], 2)}")
    for rival in (row["rival"] for row in result["lattices"] if row["rival"]):
        name = f"{rival['package'].split()[0]}: {short(rival['ratio'], 2)}"
        rivals.setdefault("cylinder-flow", []).append(name)
    made: dict[str, dict[str, Any]] = {}
    for row in result["frames"]:
        own = made.setdefault(row["system"], {"system": row["system"], "rivals": rivals.get(row["system"], [])})
        own[row["image_size"]] = row["microseconds_a_frame"] / 1e6
    return list(made.values())


def _simulators(result: Row, root: Path) -> dict[str, Cell]:
    sizes = sorted({row["image_size"] for row in result["frames"]})
    frames = {f"ms a frame, {size} px": lambda row, size=size: _ms(row.get(size, math.nan)) for size in sizes}
    return {**frames, "theirs / ours": lambda row: "; ".join(row["rivals"])}


def _goal(row: Row) -> str:
    goal = row.get("goal_seconds")
    return MISSING if goal is None else f"under {goal:g} s, {'kept' if row['elapsed_seconds'] < goal else 'missed'}"


MEASURED = (
    Measured(
        "methods",
        "Training",
        "CPU time of an optimiser step at {image_size} px on one thread, over the schedule in which the "
        "horizon grows; methods took turns. Steps to an accuracy are those after which the validation error of the "
        "best trial of the method's recorded search on the pendulum was first at or below it, as often as it was "
        "validated; a dash where it never was, or where there is no search.",
        "method",
        lambda row: str(row["method"]),
        _training,
        _sorted_by("step_seconds"),
    ),
    Measured(
        "methods",
        "Forecasts",
        "CPU time of a forecast of 50 frames for one trajectory and for {many} at once. The latent part is all but "
        "encoder and decoder: recognition, and the solve or what a method has in place of one. Evaluations are those "
        "of the right-hand side in one forecast; methods without a solver have none.",
        "method",
        lambda row: str(row["method"]),
        _forecasts,
        _sorted_by("latent_1_seconds"),
    ),
    Measured(
        "systems",
        "Simulators",
        "CPU time of a stored frame of one trajectory, drawing included, and the time that independent solvers of the "
        "same equations take at the same accuracy as a multiple of ours: above 1 ours is faster, below 1 theirs.",
        "system",
        lambda row: str(row["system"]),
        _simulators,
        _systems,
    ),
    Measured(
        "loading",
        "Data loading",
        "A training split of {rows[0][trajectories]} trajectories: read and checked once a run, and a "
        "batch as every training step draws it, beside a copy of as many bytes. CPU time.",
        "images",
        lambda row: f"{row['image_size']} px",
        lambda result, root: {
            "MB": _count("split_megabytes"),
            "read (ms)": _milliseconds("read_seconds"),
            "times h5py alone": _over("read_seconds", "plain_seconds"),
            "sampler (ms)": _milliseconds("sampler_seconds"),
            "batch (ms)": _milliseconds("batch_seconds"),
            "times a copy": _over("batch_seconds", "copied_seconds"),
        },
    ),
    Measured(
        "workflow",
        "Workflow",
        "What is there beside the work: planning the paper-scale study, doing nothing when all is done, and starting "
        "a job. Elapsed time is what a user waits for; number of cores that it was measured on: {cores}.",
        "what",
        lambda row: str(row["what"]),
        lambda result, root: {
            "elapsed": _duration("elapsed_seconds"),
            "CPU time": _duration("cpu_seconds"),
            "goal": _goal,
        },
    ),
)
