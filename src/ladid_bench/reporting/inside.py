"""A look inside a trained LaDID: one self-contained page, with its figures as files beside it."""

from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from ladid_bench.analysis.evidence import LADID
from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import replaced_folder
from ladid_bench.core.paths import Folders
from ladid_bench.data.task import Task
from ladid_bench.data.variables import unit_of
from ladid_bench.ladid.method import LaDIDMethod
from ladid_bench.methods.neural import WEIGHTS
from ladid_bench.probing.inside import EXAMPLE, STRIP_SHARES, Inside, Strip, Truth
from ladid_bench.probing.looking import look_inside
from ladid_bench.reporting import inside_figures as drawings
from ladid_bench.reporting.drawing import Drawing
from ladid_bench.reporting.formatting import error_text, number, readable
from ladid_bench.reporting.media import contact_sheet, strip
from ladid_bench.reporting.pages import INDEX, Page, Section, check_place, figures, part
from ladid_bench.reporting.palette import frame_colours
from ladid_bench.runs.records import read_record
from ladid_bench.runs.trained import load_trained
from ladid_bench.study.plan import ZERO_SHOT, PlannedRun


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
    with replaced_folder(final) as folder:
        _build(folder, run, record, look_inside(method, splits["test"], run.dataset.source), method.task)
    return final / INDEX


def _record(run: PlannedRun, folders: Folders) -> dict[str, Any]:
    """The record of a run that has a model to look into."""
    if run.method != LADID:
        raise BenchError(f"{run.label}: only {LADID} can be inspected, as psi and F(psi, t) are parts of it alone")
    if run.arm == ZERO_SHOT and run.init_from:
        raise BenchError(f"{run.label}: nothing was trained here; inspect the run it starts from, {run.init_from.key}")
    path, weights = folders.record(run.key), folders.model(run.key) / WEIGHTS
    record = read_record(path) if path.exists() else None
    if record and record["status"] != "ok":
        raise BenchError(f"{run.label}: the run ended as {record['status']}, so there is no trained model to inspect")
    if record is None:
        raise BenchError(f"{run.label}: there is no {path}; train the model with '{run.rerun_command}'")
    if not weights.exists():
        again = f"ladid-bench model {run.key} --scale {run.scale}"
        raise BenchError(f"{run.label}: there is no {weights}; train the model again with '{again}'")
    return record


def _build(folder: Path, run: PlannedRun, record: dict[str, Any], inside: Inside, task: Task) -> None:
    card, unit = run.dataset.source.card, unit_of(run.dataset.source.units, "time")
    colours = frame_colours({"task": task.to_json(), "origin": card.origin})

    def looked_at(drawn: list[Drawing], caption: str, layout: str) -> Markup:
        return part("looked_at", figures(folder, drawn), caption, layout)

    between = looked_at(drawings.between_figures(inside, unit), drawings.between_caption(inside), "pair")
    for place, one in enumerate(inside.strips, 1):
        (folder / "figures" / f"strip-{place}.png").write_bytes(contact_sheet(_levels(one.decoded), colours))
    moments = [_strip_view(one, colours, unit) for one in inside.strips]
    strips = part("strips", moments, STRIP_SHARES, EXAMPLE, task.shape[1])
    path = looked_at(drawings.path_figures(inside, unit), drawings.path_caption(inside), "pair")
    psi = looked_at(drawings.psi_figures(inside), drawings.psi_caption(inside), "multiples")
    attention = looked_at(drawings.attention_figures(inside), drawings.attention_caption(inside), "multiples")
    over = "places of a frame" if inside.over_places else "context frames"
    Page(
        title=f"Inside {run.label}",
        heading=f"{card.title}: inside a trained model",
        eyebrow=f"LaDID Bench, scale {run.scale}, {run.label}",
        lead=_lead(inside),
        cautions=_useless(record),
        words=_about(inside, task, record),
        sections=[
            Section("attention", f"Attention over the {over}", attention, "Attention"),
            Section("psi", "psi, the representation of a trajectory", psi, "psi"),
            Section("path", "The latent state over time", path, "F(psi, t)"),
            Section("between", "Between the frames", between + strips),
            Section("run", "The run", part("definitions", _facts(run, inside, task, card.title))),
        ],
        home=("Inside LaDID", "#top"),
    ).write(folder / INDEX)


def _useless(record: dict[str, Any]) -> dict[str, str]:
    """A caution where a model has learned nothing."""
    fvu = record["metrics"]["fvu_pooled"]
    words = (
        f"This model forecasts no better than the mean of the training frames (FVU {error_text(fvu)}): this page "
        "shows the inside of a model that has not learned the motion."
    )
    return {"useless": words} if fvu >= 1 else {}


def _about(inside: Inside, task: Task, record: dict[str, Any]) -> str:
    return (
        f"LaDID reads {task.context_frames} frames, attends over "
        f"{'the places of each' if inside.over_places else 'them'}, summarises them in one representation psi of the "
        "trajectory, and evaluates a single function F(psi, t), shared by all trajectories, for the latent state at "
        f"any time. Its mean nMSE on the test split is {error_text(record['metrics']['nmse_mean'])}. Everything below "
        "is from that split, which training never used."
    )


def _facts(run: PlannedRun, inside: Inside, task: Task, title: str) -> list[tuple[str, str, str]]:
    """How the run was made and how to repeat it: name, value, and class in the style sheet."""
    shape = " by ".join(map(str, task.shape))
    settings = ", ".join(f"{name} {value}" for name, value in run.settings.items())
    return [
        ("key", run.key, "mono"),
        ("repeat it", run.rerun_command, "mono"),
        ("this page", f"ladid-bench inspect {run.key} --scale {run.scale}", "mono"),
        ("data", f"{title}, {len(inside.psi)} test trajectories, {shape} values per frame", ""),
        ("budget", f"{run.budget.steps} optimiser steps, seed {run.seed}", ""),
        ("settings", settings, ""),
    ]


def _lead(inside: Inside) -> str:
    """The findings of the page in a few sentences."""
    known = [truth for truth in inside.truths if truth.reading is not None]
    if not known:
        return drawings.verdict(inside)
    best = max(known, key=lambda truth: truth.reading or 0)
    worst = min(known, key=lambda truth: truth.reading or 0)
    words = f"Of the true quantities of a trajectory, psi encodes {_read(best)} best"
    words += "." if best is worst else f" and {_read(worst)} worst."
    return f"{words} {drawings.verdict(inside)}"


def _read(truth: Truth) -> str:
    return f"{readable(truth.name)} (R\N{SUPERSCRIPT TWO} {number(truth.reading or 0, 2)})"


def _strip_view(one: Strip, colours: np.ndarray, unit: str) -> tuple[str, list[str]]:
    """A row of pictures: its name, and the addresses of the true frame, the decoded ones and the next true frame."""
    pictures = [one.truth[:1], *(frame[None] for frame in one.decoded), one.truth[1:]]
    name = f"{one.start:.3g} to {one.end:.3g} {unit}".strip()
    return name, [strip(_levels(frame), colours) for frame in pictures]


def _levels(frames: np.ndarray) -> np.ndarray:
    """Normalized frames as levels 0 to 255."""
    return (frames.clip(0, 1) * 255).round().astype(np.uint8)
