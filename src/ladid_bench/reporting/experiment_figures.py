"""The figures of the experiments beside the comparison: for each a tidy table, its chart, and what to see in it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
from markupsafe import Markup

from ladid_bench.analysis.effects import areas, lines_of, ratios, transfer_frame
from ladid_bench.analysis.entries import DatasetContent, Entry, in_front
from ladid_bench.analysis.evidence import LADID
from ladid_bench.analysis.experiments import ExperimentRow, error_frame, told_apart, trained_until
from ladid_bench.analysis.paired import SEEDS_FOR_VERDICTS
from ladid_bench.analysis.study_results import ExperimentResults
from ladid_bench.core.configuration import Kind
from ladid_bench.methods.registry import load_card
from ladid_bench.reporting.calibration_figures import calibration_drawings
from ladid_bench.reporting.charts import Dots, Lines, Looks, Scale
from ladid_bench.reporting.drawing import WIDTH, Drawing
from ladid_bench.reporting.experiments import Scene, not_drawn
from ladid_bench.reporting.figures import MOST_NAMED, horizon
from ladid_bench.reporting.formatting import TIMES, decimals, listed, number, ratio, short, span
from ladid_bench.reporting.leading import if_anybody
from ladid_bench.reporting.palette import MUTED, NEURAL_COLOURS, MethodStyle, own_look, styles, styles_on
from ladid_bench.reporting.sweep_figures import HEIGHT, sweep_drawings
from ladid_bench.reporting.tables import to_html
from ladid_bench.study.datasets import planned_dataset
from ladid_bench.study.plan import SCRATCH, ZERO_SHOT

AREA = "mean_error_over_log_fraction"
PERCENT = Scale("percent", "share of the target's training trajectories", suffix=" %")
DASHES: dict[str, tuple[Any, str]] = {  # of an arm, with what a caption says of it
    "fine-tuned": ("solid", "solid: fine-tuned"),
    SCRATCH: ((0, (4, 2)), "dashed: from scratch"),
    "frozen-dynamics": ((0, (6, 1.5, 1.5, 1.5)), "dash-dotted: fine-tuned with frozen dynamics"),
    "frozen-encoder": ((0, (1.5, 1.5)), "dotted: fine-tuned with a frozen encoder"),
    ZERO_SHOT: ((0, (1, 3)), "horizontal with sparse dots: zero-shot, the source model unchanged"),
}
CHANGE_COLOURS = {  # of parts without which the error is larger (1), not distinguishable (0) or smaller (-1)
    1: NEURAL_COLOURS[0][0],
    0: MUTED[0],
    -1: NEURAL_COLOURS[1][0],
}
DOTTED = {
    "transfer": "These targets were tried with one share of their trajectories: where a filled dot lies left of the "
    "open dot of its method, the source helps.",
    "irregular": "A method that loses nothing on irregular times has its dots at the same place in both panels.",
    "shift": "The farther a dot lies right of its stroke, the more accuracy the change costs; from 1 on a forecast is "
    "no better than the mean picture of that data set.",
    "mixture": "Constants outside the training range show how far a model generalises.",
}


def drawings_of(table: ExperimentResults, scene: Scene) -> Sequence[Drawing]:
    """Draw the figures of one experiment, as far as its results go."""
    drawn = DRAWN.get(table.kind, _dots)(table, scene)
    nothing = table.kind == "sweep" and not drawn  # what was varied is no number
    return _dots(table, scene) if nothing else drawn


def areas_of(table: ExperimentResults) -> pd.DataFrame:
    """Tabulate the areas below the curves of a transfer; empty for another experiment."""
    found = [areas(*part) for part in table.parts] if table.kind == "transfer" else []
    return pd.concat([pd.DataFrame(), *found])


def areas_html(frame: pd.DataFrame) -> Markup:
    """Lay out areas as a small table for the page; nothing where there are none."""
    if frame.empty:
        return Markup()
    lines = frame.assign(**{end: frame.get(end, math.nan) for end in ("interval_low", "interval_high")})
    told = lines.to_dict("records")
    cells = {
        "arm": list(lines["arm"]),
        "target": list(lines["dataset"]),
        "shares": [f"{short(100 * one['fraction_low'])} to {short(100 * one['fraction_high'])} %" for one in told],
        "mean error": [number(one[AREA], decimals([one[AREA]])) for one in told],
        "95 % interval": [span(one["interval_low"], one["interval_high"], decimals([one[AREA]])) for one in told],
    }
    classes = {"arm": "text", "target": "text", "95 % interval": "wide"}
    return to_html("method", list(lines["name"]), cells, "numbers", classes=classes)


def styles_by_method(shown: Mapping[str, MethodStyle], contents: Sequence[DatasetContent]) -> dict[str, MethodStyle]:
    """Choose the look of every method: that which it has in the comparison, else one of its own."""
    entries = {entry.label: entry for content in contents for entry in content.entries}
    compared = {one.partition(":")[0] for one in shown}
    found: dict[str, MethodStyle] = {}
    for label, look in {**styles(contents), **shown}.items():
        method = entries[label].method if label in entries else label.partition(":")[0]
        better = method not in found or (found[method].dash != "solid" and look.dash == "solid")
        if better and (label in shown or method not in compared):
            found[method] = replace(look, name=method)
    return found


# --- transfer: errors over the share of the target's trajectories


def _transfer(table: ExperimentResults, scene: Scene) -> list[Drawing]:
    """Curves for targets of which several shares were tried, dots for the others."""
    drawn = {one.name: _transfer_curves(table.name, one, rows, scene.styles) for one, rows in table.parts}
    sources = {entry.init_from for entry in table.entries}
    rest = [part for part in table.parts if drawn[part[0].name] is None and part[0].name not in sources]
    return [one for one in drawn.values() if one] + _dots(replace(table, parts=rest), scene)


def _transfer_curves(
    experiment: str, content: DatasetContent, rows: Sequence[ExperimentRow], looks: Looks
) -> Drawing | None:
    lines = lines_of(content, rows)
    if not any(len(line) > 1 for line in lines):
        return None
    frame = transfer_frame(content, lines)
    front = _front(content, [row for line in lines for row in line])
    first = frame.drop_duplicates("name").set_index("name")
    shown: dict[str, MethodStyle] = {}
    ends: dict[str, str] = {}
    for name, method, arm in zip(first.index, first["method"], first["arm"], strict=True):
        look = replace(looks[method], dash=DASHES.get(arm, ("solid",))[0])
        shown[name] = look if method in front else look.faded
        if method not in front:  # a name a method is enough, and the page brings the method out
            ends[name] = "" if arm == ZERO_SHOT or method in ends.values() else method
    title = f"{content.name}: {content.error_name}"
    scale = replace(PERCENT, ticks=sorted(frame["percent"].dropna().unique()))
    chart = Lines(shown, scale, "error", title, ends=ends, decades=5, size=(WIDTH, HEIGHT))
    about, finding = _about_transfer(content, rows, frame), _lowest_with_least(content, rows, frame)
    return Drawing(f"{experiment}-{content.name}", chart, about, frame, f"experiment-{experiment}-curves", finding)


def _front(content: DatasetContent, rows: Sequence[ExperimentRow]) -> set[str]:
    """Methods in colour, by the best result of each that was trained on the data set."""
    best: dict[str, Entry] = {}
    for entry in sorted((row.entry for row in rows), key=lambda one: (one.arm == ZERO_SHOT, one.mean(content.error))):
        best.setdefault(entry.method, entry)
    return {entry.method for entry in in_front(list(best.values()))}


def _about_transfer(content: DatasetContent, rows: Sequence[ExperimentRow], frame: pd.DataFrame) -> str:
    arms = [words for arm, (_, words) in DASHES.items() if arm in set(frame["arm"])]
    return (
        f"Error on {content.name} over the share of its training trajectories; lower is better ({listed(arms)}). "
        "Where a fine-tuned line meets the dashed line of its method, the source no longer helps. Bars are 95 % "
        f"intervals.{not_drawn(rows)}"
    )


def _lowest_with_least(content: DatasetContent, rows: Sequence[ExperimentRow], frame: pd.DataFrame) -> str:
    """Which line is lowest with the fewest trajectories, and what fine-tuning brings LaDID there."""
    least = frame[frame["percent"] == frame["percent"].min()].sort_values("error", kind="stable").iloc[0]
    words = f"With {short(least['percent'])} % of the trajectories, {least['name']} is lowest."
    words = if_anybody((row.entry for row in rows), content.groups, words)
    return f"{words}{_gains(content, rows, least['fraction'])}"


def _gains(content: DatasetContent, rows: Sequence[ExperimentRow], least: float) -> str:
    """By how much fine-tuning LaDID changes its error with the fewest trajectories, paired."""
    mine = {row.entry.arm: row.entry for row in rows if row.entry.method == LADID and row.entry.fraction == least}
    if not {SCRATCH, "fine-tuned"} <= set(mine):
        return ""
    found = content.log_ratio(mine["fine-tuned"], mine[SCRATCH])
    if found is None:
        return ""
    over = found.exp
    return (
        f" There fine-tuned LaDID has {ratio(over.estimate)} times the error of LaDID from scratch "
        f"({ratio(over.low)} to {ratio(over.high)})."
    )


# --- ablation: the error without each part over the error with it


def _ablation(table: ExperimentResults, scene: Scene) -> list[Drawing]:
    cards = {method: load_card(method, scene.root) for method in sorted({entry.method for entry in table.entries})}
    found = ratios(table.parts, cards)
    looks = {told: own_look(colour) for told, colour in CHANGE_COLOURS.items()}
    drawings = []
    for content, rows in table.parts if len(found) else ():
        mine = found[found["dataset"] == content.name]
        if len(mine):
            chart = Dots(looks, "told", "error over that of the preset", "ratio", level=1, full="told")
            name, file = f"{table.name}-{content.name}", f"experiment-{table.name}-ratios"
            drawings.append(Drawing(name, chart, _about_ablation(mine, rows), mine, file, _what_matters(mine)))
    return drawings


def _about_ablation(mine: pd.DataFrame, rows: Sequence[ExperimentRow]) -> str:
    words = (
        "Error of each variant over the error of the preset from which it differs, paired by test group, "
        "with 95 % intervals for each variant alone. Orange, right of the line: worse, so the changed part "
        "matters. Blue, left of it: better. Open and grey: not separable"
    )
    few = (mine["seeds"] < SEEDS_FOR_VERDICTS).sum()
    words += f", or fewer than {SEEDS_FOR_VERDICTS} seeds ({few} of {len(mine)})." if few else "."
    if (mine["method"] != mine["reference_method"]).any():
        words += " A row that names only a method compares it with LaDID's preset."
    return words + not_drawn(rows)


def _what_matters(mine: pd.DataFrame) -> str:
    """The variants that are worse than their preset, and those that are better."""
    ordered = mine.sort_values("ratio", ascending=False, kind="stable")
    worse, better = (ordered[ordered["told"] == sign][::sign] for sign in (1, -1))
    words = [f"What matters most: {_named(worse)}."] if len(worse) else []
    return " ".join([*words, *([f"Better than the preset: {_named(better)}."] if len(better) else [])])


def _named(some: pd.DataFrame) -> str:
    """The first of the variants by name with their ratios, and how many more there are."""
    changes = some["changes"] if some["changes"].nunique() > 1 else [""] * len(some)
    told = zip(some["row"], some["ratio"], changes, strict=True)
    named = [f"{row} ({TIMES}{ratio(value)}{f', {change}' * bool(change)})" for row, value, change in told]
    return listed(named if len(named) <= MOST_NAMED else [*named[:MOST_NAMED], f"{len(named) - MOST_NAMED} more"])


# --- horizon: errors over times that no model was trained on


def _horizon(table: ExperimentResults, scene: Scene) -> list[Drawing]:
    """Errors over time, the end of what was trained on marked where the model comes from a shorter data set."""
    drawings = []
    sources = {entry.init_from for entry in table.entries}  # asked for their models; the comparison has them
    for content, rows in table.parts:
        shown = told_apart(content)
        looks = {entry.label: replace(scene.styles[entry.method], name=entry.method) for entry in shown.entries}
        trained = trained_until(shown, scene.study)
        drawing = None if content.name in sources else horizon(shown, styles_on(shown, looks), trained)
        if drawing:
            about = f"{content.name}. {drawing.about}{not_drawn(rows)}"
            if trained is not None:
                about += " No model was trained on times right of the dashed line."
            arms = pd.DataFrame([(one.label, one.arm, one.init_from) for one in shown.entries])
            frame = drawing.frame.merge(arms.set_axis(["name", "arm", "init_from"], axis=1), on="name")
            file = f"experiment-{table.name}-curves"
            name = f"experiment-{table.name}-{content.name}"
            words = f"{drawing.finding} {shown.ranked[0].label} has the lowest mean error."
            finding = if_anybody((row.entry for row in rows), content.groups, words)
            drawings.append(Drawing(name, drawing.chart, about, frame, file, finding))
    return drawings


# --- all other kinds, and transfers of a single share: errors as dots


def _dots(table: ExperimentResults, scene: Scene) -> list[Drawing]:
    """Errors as dots, a figure a system and primary metric, a panel a data set."""
    groups: dict[tuple[str, str], list[tuple[DatasetContent, Sequence[ExperimentRow]]]] = {}
    for content, rows in table.parts:
        system = planned_dataset(scene.study, content.name).source.name
        groups.setdefault((system, content.primary_metric), []).append((content, rows))
    looks = {method: replace(look, marker="o") for method, look in scene.styles.items()}
    known, drawings = [*scene.compared, *(one for one, _ in table.parts)], []
    for (system, metric), parts in groups.items():
        frame = error_frame(parts, known)
        if len(frame):
            chart = Dots(looks, "method", parts[0][0].error_name, "error", full="full")
            about = _about_dots(table, frame) + not_drawn([row for _, some in parts for row in some])
            drawings.append(Drawing(f"{table.name}-{system}-{metric}", chart, about, frame))
    return drawings


def _about_dots(table: ExperimentResults, frame: pd.DataFrame) -> str:
    words = f"Errors with 95 % intervals, one panel per data set; left is better. {DOTTED.get(table.kind, '')}".rstrip()
    if not frame["full"].all():
        words += " Open dots: trained on the data set itself. Filled dots: models of another data set."
    if frame["other"].notna().any():
        words += " Strokes: the same models on the data on which they were trained."
    return words


DRAWN: dict[Kind, Callable[[ExperimentResults, Scene], Sequence[Drawing]]] = {
    "transfer": _transfer,
    "ablation": _ablation,
    "horizon": _horizon,
    "calibration": calibration_drawings,
    "sufficiency": sweep_drawings,
    "size": sweep_drawings,
    "cost": sweep_drawings,
    "sweep": sweep_drawings,
    "probe": lambda table, scene: [],  # its figures are those of the probes
}
