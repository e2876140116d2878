"""The page of the benchmarks: how long training, forecasts, simulators, data loading and the workflow take.

What stands in ``results/benchmarks`` is shown: each file is what one script in ``benchmarks/`` wrote.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ladid_bench.analysis.searches import steps_to
from ladid_bench.core.errors import BenchError
from ladid_bench.core.readers import read_json
from ladid_bench.reporting.formatting import MISSING, duration, number, short
from ladid_bench.reporting.pages import HOME, Page, Section, part
from ladid_bench.reporting.tables import to_html

BENCHMARKS = "benchmarks.html"
THRESHOLDS = (0.5, 0.2)  # validation nMSE; black images have 1
MANY = 50

Result = Mapping[str, Any]
Cells = tuple[pd.Series, dict[str, pd.Series]]  # names of the rows, and texts by column


def benchmarks_folder(root: Path) -> Path:
    """Name the folder with the benchmark results of a checkout."""
    return root / "results" / "benchmarks"


def write_benchmarks_page(path: Path, root: Path) -> bool:
    """Write the page about whatever was measured; False, and no page, where nothing was.

    Raises:
        BenchError: a file is not what the benchmarks write.
    """
    sections = []
    for title, (name, corner, cells, words) in MEASURED.items():
        file, remedy = benchmarks_folder(root) / f"{name}.json", "delete it and run 'benchmarks/all.py'"
        if file.exists():
            result = read_json(file, "file of measurements", remedy)
            try:
                names, columns = cells(result, root)
                table = to_html(corner, list(names), {key: list(one) for key, one in columns.items()}, KIND)
                body = part("table_with_words", words.format(many=MANY, **result), table)
            except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
                raise BenchError(f"{file}: not a readable file of measurements ({error!r}); {remedy}") from error
            sections.append(Section(title.lower().replace(" ", "-"), title, body))
    if sections:
        Page(
            title="LaDID Bench, benchmarks",
            heading="What does it cost?",
            eyebrow=HOME,
            lead="Times of every method and of the suite itself, measured side by side.",
            words="Compared items were timed in turn on one machine, so their ratios hold on other machines better "
            "than the times do. 'python benchmarks/all.py' repeats all measurements.",
            sections=sections,
            home=("LaDID Bench", "index.html"),
        ).write(path)
    return bool(sections)


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _milliseconds(seconds: float) -> str:
    return MISSING if math.isnan(seconds) else short(1e3 * seconds)


def _multiple(value: float) -> str:
    return short(value, 2)


def _training(result: Result, root: Path) -> Cells:
    first = result["rows"][0]
    rows = pd.DataFrame(result["rows"]).sort_values("step_seconds", kind="stable")
    cells = {
        "parameters": rows["parameters"].map(_count),
        "ms per step": rows["step_seconds"].map(_milliseconds),
        f"times {first['method']}": (rows["step_seconds"] / first["step_seconds"]).map(short),
    }
    for threshold in THRESHOLDS:
        steps = pd.Series([steps_to(root, method, threshold) for method in rows["method"]], rows.index)
        cells[f"steps to nMSE {threshold:g}"] = steps.map(lambda count: number(count, 0))
        cells[f"time to nMSE {threshold:g}"] = (steps * rows["step_seconds"]).map(duration)
    return rows["method"], cells


def _steps(result: Result, root: Path) -> Cells:
    rows = pd.DataFrame(result["rows"]).sort_values("share", ascending=False, kind="stable")
    cells = {
        "parameters": rows["parameters"].map(_count),
        "GFLOP": rows["gflop"].map(short),
        "ms per step": rows["step_seconds"].map(_milliseconds),
        "GFLOP/s": (rows["gflop"] / rows["step_seconds"]).map(short),
        "share of a matrix product": rows["share"].map("{:.0%}".format),
    }
    if result["beside"]:
        cells[f"times faster than {result['beside'][:7]}"] = rows["times_faster"].map(short)
    return rows["method"], cells


def _forecasts(result: Result, root: Path) -> Cells:
    first = result["rows"][0]
    rows = pd.DataFrame(result["rows"]).sort_values("latent_1_seconds", kind="stable")
    parts = {"latent": "latent", "whole": "forecast"}
    timed = {f"{word}, {count}": f"{one}_{count}_seconds" for count in (1, MANY) for word, one in parts.items()}
    cells = {f"{name} (ms)": rows[key].map(_milliseconds) for name, key in timed.items()}
    for name in ("latent, 1", f"whole, {MANY}"):
        cells[f"{name}: times {first['method']}"] = (rows[timed[name]] / first[timed[name]]).map(short)
    return rows["method"], {**cells, "evaluations": rows["function_evaluations"].map(_count)}


def _simulators(result: Result, root: Path) -> Cells:
    frames = pd.DataFrame(result["frames"]).pivot(index="system", columns="image_size", values="microseconds_a_frame")
    lattices = [
        {"system": "cylinder-flow", "image_size": 0} | one["rival"] for one in result["lattices"] if one["rival"]
    ]
    rivals: dict[str, list[str]] = {}
    for row in [*result["comparisons"], *lattices]:
        size = f", {row['image_size']} px" if row["image_size"] else ""
        rivals.setdefault(row["system"], []).append(f"{row['package'].split()[0]}{size}: {short(row['ratio'], 2)}")
    order = list(dict.fromkeys(row["system"] for row in result["frames"]))
    cells = {f"ms per frame, {size} px": (frames[size] / 1e6).map(_milliseconds)[order] for size in frames}
    names = pd.Series(order)
    return names, {**cells, "theirs / ours": names.map(lambda name: "; ".join(rivals.get(name, [])))}


def _loading(result: Result, root: Path) -> Cells:
    rows = pd.DataFrame(result["rows"])
    return rows["image_size"].map("{} px".format), {
        "MB": rows["split_megabytes"].map(_count),
        "read (ms)": rows["read_seconds"].map(_milliseconds),
        "times h5py alone": (rows["read_seconds"] / rows["plain_seconds"]).map(_multiple),
        "sampler (ms)": rows["sampler_seconds"].map(_milliseconds),
        "batch (ms)": rows["batch_seconds"].map(_milliseconds),
        "times a copy": (rows["batch_seconds"] / rows["copied_seconds"]).map(_multiple),
    }


def _workflow(result: Result, root: Path) -> Cells:
    rows = pd.DataFrame(result["rows"])
    kept = (rows["elapsed_seconds"] < rows["goal_seconds"]).map({True: "kept", False: "missed"})
    goals = rows["goal_seconds"].map("under {:g} s, ".format) + kept
    return rows["what"], {
        "elapsed": rows["elapsed_seconds"].map(duration),
        "CPU time": rows["cpu_seconds"].map(duration),
        "goal": goals.where(rows["goal_seconds"].notna(), MISSING),
    }


KIND = "numbers measured"
MEASURED: dict[str, tuple[str, str, Callable[[Result, Path], Cells], str]] = {  # file, corner, cells and words
    "Training": (
        "methods",
        "method",
        _training,
        "CPU time of an optimiser step at {image_size} px on one thread, over the schedule in which the "
        "horizon grows; methods were timed in turn. 'Steps to nMSE' are the steps until a validation of the best trial "
        "in the method's recorded search on the pendulum first reached this error; a dash means that none did, or that "
        "there is no search.",
    ),
    "Steps and the limit of a core": (
        "steps",
        "method",
        _steps,
        "CPU time of an optimiser step at {image_size} px and the full horizon on one thread, the operations of its "
        "matrix products and convolutions, and their rate as a share of the rate of a large matrix product, measured "
        "in between. If another commit was timed in turn, the last column is its time per step over this commit's.",
    ),
    "Forecasts": (
        "methods",
        "method",
        _forecasts,
        "CPU time of a forecast of 50 frames for one trajectory and for {many} at once. The latent part is everything "
        "except encoder and decoder: recognition, and the ODE solve or what replaces it. Evaluations are those of the "
        "right-hand side in one forecast; methods without a solver have none.",
    ),
    "Simulators": (
        "systems",
        "system",
        _simulators,
        "CPU time per stored frame of one trajectory, rendering included, and the time of independent solvers of the "
        "same equations at the same accuracy, as a multiple of ours: above 1 ours is faster, below 1 theirs is.",
    ),
    "Data loading": (
        "loading",
        "images",
        _loading,
        "CPU time to read and check a training split of {rows[0][trajectories]} trajectories, once per run, and to "
        "draw a batch, at every training step, compared with copying the same number of bytes.",
    ),
    "Workflow": (
        "workflow",
        "what",
        _workflow,
        "The overhead of the workflow: planning the paper-scale study, doing nothing when all is done, and starting a "
        "job. Elapsed time is what a user waits for; number of cores used in the measurement: {cores}.",
    ),
}
