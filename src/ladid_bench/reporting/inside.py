"""A look inside a trained LaDID: one self-contained page, with its figures as files beside it."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import write_text
from ladid_bench.core.paths import Folders
from ladid_bench.data.task import Task
from ladid_bench.ladid.method import LaDIDMethod
from ladid_bench.methods.neural import WEIGHTS
from ladid_bench.probing.ground_truth import unit_of
from ladid_bench.reporting import inside_figures as figures
from ladid_bench.reporting.drawing import inline, write_drawings
from ladid_bench.reporting.films import contact_sheet, data_uri, film
from ladid_bench.reporting.formatting import number, short
from ladid_bench.reporting.inside_probe import STRIP_SHARES, Inside, Strip, Truth, look_inside
from ladid_bench.reporting.pages import INDEX, render, swap
from ladid_bench.reporting.palette import frame_colours
from ladid_bench.runs.records import read_record
from ladid_bench.runs.trained import load_trained
from ladid_bench.study.plan import ZERO_SHOT, PlannedRun

METHOD = "ladid"


def inspect_run(run: PlannedRun, folders: Folders, output: Path | None = None) -> Path:
    """Write the page about the model that ``run`` trained; it takes the place of a former one at the end.

    Args:
        run: a run of LaDID that has ended with a result.
        folders: of its scale.
        output: folder for the page's own folder, instead of ``results/<scale>/inside``.

    Returns:
        The page.

    Raises:
        BenchError: the run is of another method, has no trained model, or the place is taken by something else.
    """
    final = (output or folders.results / "inside") / run.key
    if final.exists() and not (final / INDEX).exists():
        raise BenchError(f"{final}: is there and holds no page of 'inspect'; move it or choose another --output")
    record = _record(run, folders)
    method, splits = load_trained(run, folders)
    assert isinstance(method, LaDIDMethod)
    building = final.with_name(f".{run.key}-building")
    shutil.rmtree(building, ignore_errors=True)  # left by a build that was killed
    building.mkdir(parents=True)
    try:
        _build(building, run, record, look_inside(method, splits["test"], run.dataset.source), method.task)
        swap(building, final)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return final / INDEX


def _record(run: PlannedRun, folders: Folders) -> dict[str, Any]:
    """The record of a run that has a model to look into."""
    if run.method != METHOD:
        raise BenchError(f"{run.label}: only {METHOD} can be inspected, other methods have no psi and no F(psi, t)")
    if run.arm == ZERO_SHOT and run.init_from:
        raise BenchError(f"{run.label}: nothing was trained here; inspect the run it starts from, {run.init_from.key}")
    path, weights = folders.record(run.key), folders.model(run.key) / WEIGHTS
    record = read_record(path) if path.exists() else None
    if record and record["status"] != "ok":
        raise BenchError(f"{run.label}: the run ended as {record['status']}, so there is no trained model to inspect")
    if record is None or not weights.exists():
        missing = path if record is None else weights
        raise BenchError(f"{run.label}: there is no {missing}; train the model with '{run.rerun_command}'")
    return record


def _build(folder: Path, run: PlannedRun, record: dict[str, Any], inside: Inside, task: Task) -> None:
    unit = unit_of(run.dataset.source, "time")
    drawn = {
        "attention": figures.attention_figures(inside),
        "psi": figures.psi_figures(inside),
        "path": figures.path_figures(inside, unit),
        "between": figures.between_figures(inside, unit),
    }
    write_drawings(folder, (drawing for group in drawn.values() for drawing in group))
    card = {"task": task.to_json(), "origin": run.dataset.source.card.origin}
    colours = frame_colours(card)
    for place, strip in enumerate(inside.strips, 1):
        (folder / "figures" / f"strip-{place}.png").write_bytes(contact_sheet(_levels(strip.decoded), colours))
    page = render(
        "inside.html.j2",
        run=run,
        record=record,
        task=task,
        inside=inside,
        title=run.dataset.source.card.title,
        lead=_lead(inside),
        figures={name: [Markup(inline(drawing)) for drawing in group] for name, group in drawn.items()},
        captions=_captions(inside),
        shares=STRIP_SHARES,
        strips=[_strip_view(strip, colours, unit) for strip in inside.strips],
        nmse=short(record["metrics"]["nmse_mean"], 2),
        fvu=short(record["metrics"]["fvu_pooled"], 2),
    )
    write_text(folder / INDEX, page)


def _captions(inside: Inside) -> dict[str, str]:
    return {
        "attention": figures.attention_caption(inside),
        "psi": figures.psi_caption(inside),
        "path": figures.path_caption(inside),
        "between": figures.between_caption(inside),
    }


def _lead(inside: Inside) -> str:
    """The findings of the page in a few sentences."""
    known = [truth for truth in inside.truths if truth.reading is not None]
    if not known:
        return figures.verdict(inside)
    best = max(known, key=lambda truth: truth.reading or 0)
    worst = min(known, key=lambda truth: truth.reading or 0)
    words = f"Of what is true of a trajectory, psi tells {_read(best)} best"
    words += "." if best is worst else f" and {_read(worst)} least."
    return f"{words} {figures.verdict(inside)}"


def _read(truth: Truth) -> str:
    return f"{figures.readable(truth.name)} (R\N{SUPERSCRIPT TWO} {number(truth.reading or 0, 2)})"


@dataclass(frozen=True)
class StripView:
    """A row of pictures, as data URIs: the decoded ones between the two true frames."""

    name: str
    start: str
    end: str
    decoded: list[str]


def _strip_view(strip: Strip, colours: np.ndarray, unit: str) -> StripView:
    start, end = (data_uri(film(_levels(frame[None]), colours)) for frame in strip.truth)
    decoded = [data_uri(film(_levels(frame[None]), colours)) for frame in strip.decoded]
    name = f"{strip.start:.3g} to {strip.end:.3g} {unit}".strip()
    return StripView(name, start, end, decoded)


def _levels(frames: np.ndarray) -> np.ndarray:
    """Frames in the unit range as levels 0 to 255."""
    return (frames.clip(0, 1) * 255).round().astype(np.uint8)
