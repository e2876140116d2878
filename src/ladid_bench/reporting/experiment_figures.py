"""The figures of the experiments beside the comparison, with the numbers behind them as files."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from ladid_bench.analysis.entries import FEW, LADID, DatasetContent, Entry
from ladid_bench.core.configuration import Study
from ladid_bench.core.files import write_text
from ladid_bench.methods.registry import load_card, resolve_settings
from ladid_bench.reporting import ablation_figure, sizes_figure, transfer_figure
from ladid_bench.reporting.dot_plot import Dot, Panel, dot_plot
from ladid_bench.reporting.drawing import Drawing, inline, style
from ladid_bench.reporting.experiments import ExperimentRow, ExperimentTable, not_drawn
from ladid_bench.reporting.figures import NAMES, horizon, horizon_errors
from ladid_bench.reporting.formatting import MISSING, decimals, number, short
from ladid_bench.reporting.palette import FADED, MethodStyle, styles
from ladid_bench.study.datasets import planned_dataset
from ladid_bench.study.plan import SCRATCH, ZERO_SHOT

DOTTED = {
    "transfer": "Targets of which one share of the trajectories was tried: full dots left of the open one of their "
    "method start better than from nothing.",
    "irregular": "A method that loses nothing on irregular times has its dots at the same place in both panels.",
    "shift": "The farther a dot lies right of its stroke, the more accuracy the change of view costs.",
    "mixture": "Constants outside of the range trained on show how far a model carries.",
}


@dataclass(frozen=True)
class Scene:
    """What the figures are drawn from.

    Attributes:
        study: whose runs they are.
        root: the checkout, where the methods' cards are.
        styles: by method.
        compared: the data sets of the comparison, for what a model reaches where it was trained.
    """

    study: Study
    root: Path
    styles: Mapping[str, MethodStyle]
    compared: Sequence[DatasetContent]


@dataclass(frozen=True)
class AreaRow:
    """A line of the small table below the curves of a transfer; texts for the page."""

    dataset: str
    name: str
    arm: str
    shares: str
    area: str
    interval: str


@dataclass(frozen=True)
class Illustrated:
    """What stands beside the table of an experiment: figures, the numbers behind them by file name, areas."""

    drawings: list[Drawing]
    numbers: dict[str, pd.DataFrame] = field(default_factory=dict)
    areas: list[AreaRow] = field(default_factory=list)

    @property
    def figures(self) -> list[tuple[Markup, str]]:
        return [(Markup(inline(drawing)), drawing.caption) for drawing in self.drawings]


def illustrate(table: ExperimentTable, scene: Scene) -> Illustrated:
    """The figures of one experiment, as far as its results go."""
    with style():
        return DRAWN[table.name](table, scene) if table.name in DRAWN else Illustrated([])


def write_illustrated(folder: Path, shown: Iterable[Illustrated]) -> None:
    """Write ``figures/<name>.svg`` and ``tables/<name>.csv``."""
    for one in shown:
        for drawing in one.drawings:
            write_text(folder / "figures" / f"{drawing.name}.svg", drawing.svg)
        for name, frame in one.numbers.items():
            if len(frame):
                write_text(folder / "tables" / f"{name}.csv", frame.to_csv(index=False, lineterminator="\n"))


def styles_by_method(shown: Mapping[str, MethodStyle], contents: Sequence[DatasetContent]) -> dict[str, MethodStyle]:
    """A look for every method: that which it has in the comparison, else one of its own."""
    entries = {entry.label: entry for content in contents for entry in content.entries}
    found: dict[str, MethodStyle] = {}
    for label, look in {**styles(contents), **shown}.items():
        method = entries[label].method if label in entries else label.partition(":")[0]
        if label in shown or method not in {one.partition(":")[0] for one in shown}:
            kept = found.get(method)
            found[method] = look if kept is None or (kept.dash != "solid" and look.dash == "solid") else kept
    return found


def _transfer(table: ExperimentTable, scene: Scene) -> Illustrated:
    drawn = {one.name: transfer_figure.transfer_drawing(one, rows, dict(scene.styles)) for one, rows in table.parts}
    sources = {entry.init_from for entry in table.entries}
    rest = [part for part in table.parts if drawn[part[0].name] is None and part[0].name not in sources]
    made = [one for one in drawn.values() if one] + _dots(replace(table, parts=rest), scene).drawings
    lines = [_area_row(content, one) for content, rows in table.parts for one in transfer_figure.areas(content, rows)]
    numbers = {"experiment-transfer-areas": transfer_figure.area_rows(table)}
    return Illustrated(made, numbers, lines)


def _area_row(content: DatasetContent, one: transfer_figure.Area) -> AreaRow:
    places, ends, shares = decimals([one.value], 2), one.interval, one.line.fractions
    interval = f"{number(ends.low, places)} to {number(ends.high, places)}" if ends else MISSING
    span = f"{short(100 * shares[0])} to {short(100 * shares[-1])} %"
    return AreaRow(content.name, one.line.first.name, one.line.arm, span, number(one.value, places), interval)


def _ablation(table: ExperimentTable, scene: Scene) -> Illustrated:
    cards = {method: load_card(method, scene.root) for method in sorted({entry.method for entry in table.entries})}
    found = ablation_figure.ratios(table, cards)
    numbers = {"experiment-ablation-ratios": ablation_figure.ratio_rows(found)}
    return Illustrated(ablation_figure.ablation_drawings(table, found), numbers)


def _sufficiency(table: ExperimentTable, scene: Scene) -> Illustrated:
    sweeps = sizes_figure.latent_sweeps(table, partial(_usual, scene)) + sizes_figure.context_sweeps(table, scene.study)
    made = [sizes_figure.sufficiency_drawing(sweep, dict(scene.styles)) for sweep in sweeps]
    return Illustrated(made, {"experiment-sufficiency-sizes": sizes_figure.sweep_rows(sweeps)})


def _usual(scene: Scene, method: str, variant: str) -> dict[str, Any]:
    """Settings of a method in a variant, as the study changes them; none for a variant that its card no longer has."""
    if variant not in load_card(method, scene.root).variants:
        return {}
    return resolve_settings(method, variant, scene.study.method_settings.get(method, {}), scene.root)


def _cost(table: ExperimentTable, scene: Scene) -> Illustrated:
    sweeps = sizes_figure.cost_sweeps(table, scene.study)
    made = [sizes_figure.cost_drawing(sweep, dict(scene.styles)) for sweep in sweeps]
    return Illustrated(made, {"experiment-cost-growth": sizes_figure.sweep_rows(sweeps)})


def _horizon(table: ExperimentTable, scene: Scene) -> Illustrated:
    """Errors over time, the end of what was trained on marked where the model comes from a shorter data set."""
    drawings, curves = [], []
    sources = {
        entry.init_from for entry in table.entries
    }  # there because models of them are asked; the comparison has them
    for content, rows in table.parts:
        if content.name in sources:
            continue
        shown = _told_apart(content)
        drawing = horizon(shown, _by_label(shown, scene.styles), _trained(shown, scene.study))
        if drawing is None:
            continue
        first = shown.ranked[0]
        words = f" Right of the dashed line is what no model was trained on; {first.label} has the lowest mean error."
        caption = drawing.caption + (words if _trained(shown, scene.study) is not None else "") + not_drawn(rows)
        drawings.append(replace(drawing, name=f"experiment-{drawing.name}", caption=f"{content.name}. {caption}"))
        curves += [_curve_rows(shown, entry) for entry in shown.ranked]
    return Illustrated(drawings, {"experiment-horizon-curves": pd.concat(curves) if curves else pd.DataFrame()})


def _told_apart(content: DatasetContent) -> DatasetContent:
    """The complete entries of a data set, with the arm in the name where there are several."""
    kept = [entry for entry in content.ranked if entry.sampled]
    several = len({(entry.arm, entry.init_from) for entry in kept}) > 1
    told = (replace(one, label=f"{one.label}, {one.arm}" if one.init_from else one.label) for one in kept)
    return replace(content, entries=tuple(told if several else kept))


def _by_label(content: DatasetContent, by_method: Mapping[str, MethodStyle]) -> dict[str, MethodStyle]:
    """The styles of the entries of a data set; what does not stand in front is grey where they are many."""
    front = {entry.label for entry in content.front}
    many = len(content.entries) > FEW
    return {
        entry.label: replace(look, colour=FADED[0]) if many and entry.label not in front else look
        for entry in content.entries
        for look in [by_method[entry.method]]
    }


def _trained(content: DatasetContent, study: Study) -> float | None:
    """Longest lead time that the models on a data set were trained on, None where it is all that is asked."""
    sources = [entry.init_from for entry in content.entries if entry.arm == ZERO_SHOT]
    alike = len(set(sources)) == 1 and len(sources) == len(content.entries)
    if not alike or sources[0] not in study.datasets:
        return None
    frames = planned_dataset(study, sources[0]).forecast_frames
    lead, _ = horizon_errors(content, content.entries[0])
    return float(lead[frames - 1]) if frames < len(lead) else None


def _curve_rows(content: DatasetContent, entry: Entry) -> pd.DataFrame:
    lead, error = horizon_errors(content, entry)
    told = {"dataset": content.name, "method": entry.method, "variant": entry.variant, "arm": entry.arm}
    return pd.DataFrame({**told, "init_from": entry.init_from, "lead_time": np.round(lead, 9), "error": error})


def _dots(table: ExperimentTable, scene: Scene) -> Illustrated:
    """Errors as dots, a figure a system and primary_metric, a panel a data set."""
    groups: dict[tuple[str, str], list[tuple[DatasetContent, list[ExperimentRow]]]] = {}
    for content, rows in table.parts:
        system = planned_dataset(scene.study, content.name).source.name
        groups.setdefault((system, content.primary_metric), []).append((content, rows))
    drawings = []
    for (system, primary_metric), parts in groups.items():
        moved = any(row.entry.init_from for _, rows in parts for row in rows)
        panels = [Panel(content.name, _panel(content, rows, table, scene, moved)) for content, rows in parts]
        panels = [panel for panel in panels if panel.dots]
        rows = [row for _, some in parts for row in some]
        if panels:
            caption = _dots_caption(table, panels, rows)
            drawings.append(dot_plot(f"{table.name}-{system}-{primary_metric}", panels, NAMES[primary_metric], caption))
    return Illustrated(drawings)


def _panel(
    content: DatasetContent, rows: Sequence[ExperimentRow], table: ExperimentTable, scene: Scene, moved: bool
) -> list[Dot]:
    """The complete entries of a data set, LaDID first, the arms of a method together.

    Where the figure has models that were ``moved`` from another data set, those that were not are open.
    """
    complete = [row for row in rows if row.entry.complete and not row.entry.floor]
    sources = {row.entry.init_from for row in complete if row.entry.init_from}
    complete.sort(key=lambda row: (row.entry.method != LADID, row.entry.method, row.name, row.entry.init_from != ""))
    names = [_words(row, sources) for row in complete]
    made = []
    for row, name in zip(complete, names, strict=True):
        entry, value = row.entry, row.entry.mean(content.error)
        if 0 < value < math.inf:
            told = f"{name}, {entry.changes}" if names.count(name) > 1 and entry.changes else name
            other = _at_home(entry, content, table, scene) if entry.arm == ZERO_SHOT else None
            full, colour = entry.arm != SCRATCH or not moved, scene.styles[entry.method].colour
            made.append(Dot(told, value, row.ends, colour, entry.method, full, other))
    return made


def _words(row: ExperimentRow, sources: set[str]) -> str:
    """A row in short: method, arm, part of the data, and source where there are several."""
    entry = row.entry
    words = [row.name]
    words += [entry.arm] if sources else []
    words += [row.fraction] if entry.fraction < 1 else []
    words += [f"from {entry.init_from}"] if len(sources) > 1 and entry.init_from else []
    return ", ".join(words)


def _at_home(entry: Entry, content: DatasetContent, table: ExperimentTable, scene: Scene) -> float | None:
    """The error of the same models on the data set that they were trained on, None where it is not known."""
    for home in [*scene.compared, *(one for one, _ in table.parts)]:
        if home.name == entry.init_from and home.primary_metric == content.primary_metric:
            for other in home.entries:
                same = (other.method, other.variant, other.arm, other.fraction) == (
                    entry.method,
                    entry.variant,
                    SCRATCH,
                    1,
                )
                if same and not other.changes and other.complete:
                    return other.mean(home.error)
    return None


def _dots_caption(table: ExperimentTable, panels: Sequence[Panel], rows: Sequence[ExperimentRow]) -> str:
    dots = [dot for panel in panels for dot in panel.dots]
    words = f"Errors with 95 % intervals, a panel a data set; left is better. {DOTTED[table.name]}"
    if not all(dot.full for dot in dots):
        words += " Open dots: trained on the data set itself. Full dots: models of another data set."
    if any(dot.other is not None for dot in dots):
        words += " Strokes: the same models on the data they were trained on."
    return words + not_drawn(rows)


DRAWN: dict[str, Callable[[ExperimentTable, Scene], Illustrated]] = {
    "transfer": _transfer,
    "irregular": _dots,
    "ablation": _ablation,
    "horizon": _horizon,
    "shift": _dots,
    "mixture": _dots,
    "sufficiency": _sufficiency,
    "cost": _cost,
}
