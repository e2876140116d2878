"""A look inside a trained LaDID: one self-contained page, with its figures as files beside it."""

from pathlib import Path
from typing import Any

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import write_text
from ladid_bench.core.paths import Folders
from ladid_bench.data.task import Task
from ladid_bench.ladid.method import LaDIDMethod
from ladid_bench.methods.neural import WEIGHTS
from ladid_bench.probing.ground_truth import unit_of
from ladid_bench.probing.inside import STRIP_SHARES, Inside, Strip, Truth, look_inside
from ladid_bench.reporting import inside_figures as drawings
from ladid_bench.reporting.formatting import error_text, number
from ladid_bench.reporting.media import contact_sheet, strip
from ladid_bench.reporting.pages import INDEX, check_place, figures, published, render
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
    record = _record(run, folders)
    method, splits = load_trained(run, folders)
    assert isinstance(method, LaDIDMethod)
    check_place(final)
    with published(final) as folder:
        _build(folder, run, record, look_inside(method, splits["test"], run.dataset.source), method.task)
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
        "attention": (drawings.attention_figures(inside), drawings.attention_caption(inside)),
        "psi": (drawings.psi_figures(inside), drawings.psi_caption(inside)),
        "path": (drawings.path_figures(inside, unit), drawings.path_caption(inside)),
        "between": (drawings.between_figures(inside, unit), drawings.between_caption(inside)),
    }
    colours = frame_colours({"task": task.to_json(), "origin": run.dataset.source.card.origin})
    shown = {name: ([svg for svg, _ in figures(folder, group)], caption) for name, (group, caption) in drawn.items()}
    for place, one in enumerate(inside.strips, 1):
        (folder / "figures" / f"strip-{place}.png").write_bytes(contact_sheet(_levels(one.decoded), colours))
    page = render(
        "inside.html.j2",
        run=run,
        record=record,
        task=task,
        inside=inside,
        title=run.dataset.source.card.title,
        lead=_lead(inside),
        figures=shown,
        shares=STRIP_SHARES,
        strips=[_strip_view(one, colours, unit) for one in inside.strips],
        nmse=error_text(record["metrics"]["nmse_mean"]),
        fvu=error_text(record["metrics"]["fvu_pooled"]),
    )
    write_text(folder / INDEX, page)


def _lead(inside: Inside) -> str:
    """The findings of the page in a few sentences."""
    known = [truth for truth in inside.truths if truth.reading is not None]
    if not known:
        return drawings.verdict(inside)
    best = max(known, key=lambda truth: truth.reading or 0)
    worst = min(known, key=lambda truth: truth.reading or 0)
    words = f"Of what is true of a trajectory, psi tells {_read(best)} best"
    words += "." if best is worst else f" and {_read(worst)} least."
    return f"{words} {drawings.verdict(inside)}"


def _read(truth: Truth) -> str:
    return f"{drawings.readable(truth.name)} (R\N{SUPERSCRIPT TWO} {number(truth.reading or 0, 2)})"


def _strip_view(one: Strip, colours: np.ndarray, unit: str) -> tuple[str, list[str]]:
    """A row of pictures: its name, and the addresses of the true frame, the decoded ones and the next true frame."""
    pictures = [one.truth[:1], *(frame[None] for frame in one.decoded), one.truth[1:]]
    name = f"{one.start:.3g} to {one.end:.3g} {unit}".strip()
    return name, [strip(_levels(frame), colours) for frame in pictures]


def _levels(frames: np.ndarray) -> np.ndarray:
    """Normalized frames as levels 0 to 255."""
    return (frames.clip(0, 1) * 255).round().astype(np.uint8)
