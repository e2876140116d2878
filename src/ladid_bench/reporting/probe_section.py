"""The experiments of kind ``probe`` in the report: what is read off psi, psi itself, and F on several windows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from markupsafe import Markup

from ladid_bench.analysis.entries import DatasetContent, Entry
from ladid_bench.analysis.readings import MEAN, Estimate, Probed, estimate_rows, probed
from ladid_bench.analysis.study_results import ExperimentResults
from ladid_bench.core.paths import Folders
from ladid_bench.probing.ground_truth import Quantity
from ladid_bench.probing.probes import CONTROLS, KERNEL, LINEAR, PCA, PROBES, PSI, SHUFFLED, UNTRAINED, Probe
from ladid_bench.reporting.charts import Dots
from ladid_bench.reporting.drawing import Drawing
from ladid_bench.reporting.formatting import counted, listed, number, ratio, readable, short, span
from ladid_bench.reporting.inside_figures import psi_figure
from ladid_bench.reporting.pages import figures
from ladid_bench.reporting.palette import MUTED, NEURAL_COLOURS, own_look
from ladid_bench.reporting.tables import write_csv

SQUARED = "R\N{SUPERSCRIPT TWO}"
REPRESENTATION_STYLES = {  # of representations: in words, colour and marker
    PSI: ("\N{GREEK SMALL LETTER PSI}", NEURAL_COLOURS[0][0], "o"),
    PCA: ("PCA of the context", NEURAL_COLOURS[1][0], "D"),
    UNTRAINED: ("untrained encoder", NEURAL_COLOURS[2][0], "s"),
    SHUFFLED: ("shuffled labels", MUTED[0], "x"),
}
TITLES = {LINEAR: "linear probe (ridge)", KERNEL: "non-linear probe (kernel ridge)"}
WHAT_TO_SEE = {
    LINEAR: "Where the orange dot is right of all others, training has encoded the quantity in psi so that "
    "weighted sums of its numbers recover it.",
    KERNEL: "A probe this strong reads off the pictures everything that they determine, so psi can hardly be ahead. "
    "Where the orange dot is left of the blue one, psi has lost information.",
}
LOWEST = -0.3  # R^2 below which a dot stands at the edge


@dataclass(frozen=True)
class EntryView:
    """What the page shows of one method: words, what is wrong, dots with captions, and psi in colour."""

    name: str
    words: list[str]
    cautions: list[str]
    dots: Sequence[tuple[Markup, str]] = ()
    psi: Sequence[tuple[Markup, str]] = ()
    about_psi: str = ""


Views = dict[str, list[tuple[DatasetContent, list[EntryView]]]]  # by experiment


def write_probes(folder: Path, folders: Folders, tables: Sequence[ExperimentResults]) -> Views:
    """Write ``tables/probe.csv`` and the figures of the probes into the report's folder, and give what the page shows.

    Args:
        folder: of the report.
        folders: of the scale, where the probes are.
        tables: the study's experiments; without a kind ``probe`` among them nothing is written.
    """
    frames: list[pd.DataFrame] = []
    views: Views = {}
    for table in (one for one in tables if one.kind == "probe"):
        for content, _ in table.parts:
            shown = []
            for index, entry in enumerate(one for one in content.entries if one.neural):
                found = probed(entry, folders)
                readings = pd.DataFrame(estimate_rows(content, found)).assign(experiment=table.name)
                shown.append(_view(folder, f"{table.name}-{content.name}-{index}", found, readings))
                frames += [readings] if len(readings) else []
            views.setdefault(table.name, []).extend([(content, shown)] if shown else [])
    if frames:
        write_csv(folder, "probe", pd.concat(frames))
    return views


def _view(folder: Path, name: str, found: Probed, readings: pd.DataFrame) -> EntryView:
    cautions = [f"Runs without a probe: {listed(found.missing)}."] if found.missing else []
    if found.stale:
        cautions.append(f"Probed by older code: {listed(f'seed {seed}' for seed in found.stale)}.")
    title, semigroup = _name(found.entry), _semigroup_words(found)
    if found.readable:
        dots = figures(folder, [_readings_figure(f"{name}-{probe}", readings, probe, found) for probe in PROBES])
        words = [_readings_words(found, found.estimates()), *semigroup]
        psi = figures(folder, _psi_figures(f"{name}-psi", found.probes[0]))
        return EntryView(title, words, cautions, dots, psi, _about_psi(found))
    if found.probes:
        reasons = list(dict.fromkeys(one.reason for one in found.probes if one.reason))
        cautions.append(f"Nothing was read: {listed(reasons or ['the runs have different test trajectories'])}.")
    return EntryView(title, semigroup, cautions)


def _readings_figure(name: str, readings: pd.DataFrame, probe: str, found: Probed) -> Drawing:
    """R^2 of every quantity off every representation by one probe, as dots with intervals."""
    frame = readings[readings["probe"] == probe].rename(columns={"r2_low": "low", "r2_high": "high"})
    frame = frame.assign(panel="", row=frame["quantity"].replace("mean", "mean of all").map(readable))
    key = {kind: words for kind, (words, _, _) in REPRESENTATION_STYLES.items() if kind in set(frame["representation"])}
    looks = {kind: own_look(REPRESENTATION_STYLES[kind][1], marker=REPRESENTATION_STYLES[kind][2]) for kind in key}
    limits = (max(LOWEST, min(-0.08, frame["r2"].min() - 0.03)), 1.02)
    heading = f"{SQUARED} on test trajectories"
    chart = Dots(looks, "representation", heading, "r2", TITLES[probe], level=0.0, limits=limits, key=key)
    about = (
        f"{WHAT_TO_SEE[probe]} Dots are {SQUARED} on {len(found.probes[0].group)} test trajectories that neither model "
        f"nor probe has seen, over {counted(len(found.probes), 'seed')}; lines are 95 % bootstrap intervals, "
        "narrower than those behind verdicts. At 0 a reading is no better than the mean of all trajectories. "
        "docs/systems.md defines each quantity."
    )
    return Drawing(name, chart, about, frame)


def _psi_figures(name: str, probe: Probe) -> list[Drawing]:
    """psi of the test trajectories of one run, once for every true quantity."""
    points, shares = np.array(probe.points), np.array(probe.shares)
    truths = [Quantity(one.name, one.unit, np.array(one.ground_truth), one.cyclic) for one in probe.readings]
    return [psi_figure(f"{name}-{place}", points, shares, truth) for place, truth in enumerate(truths)]


def _name(entry: Entry) -> str:
    return f"{entry.label} ({entry.changes})" if entry.changes else entry.label


def _readings_words(found: Probed, estimates: list[Estimate]) -> str:
    """The linear readings averaged over the quantities, in two sentences."""
    means = {one.representation: one for one in estimates if one.quantity == MEAN and one.probe == LINEAR}
    others = [f"{REPRESENTATION_STYLES[name][0]} {_r2(means[name])}" for name in CONTROLS if name in means]
    mine, quantities = means[PSI], counted(len(found.quantities), "quantity")
    ends = f" ({span(mine.r2.low, mine.r2.high, 2)})" if math.isfinite(mine.r2.low) else ""
    text = f"Read linearly, psi has a mean {SQUARED} of {_r2(mine)}{ends} over {quantities}; {listed(others)}."
    known = [one for one in means.values() if one.ratio is not None]
    if not known:
        return text
    closest = max(known, key=lambda one: one.ratio.estimate if one.ratio else 0)
    assert closest.ratio is not None
    return (
        f"{text} It leaves {ratio(closest.ratio.estimate)} times as much variance unexplained as the "
        f"closest control, {REPRESENTATION_STYLES[closest.representation][0]} (95 % interval "
        f"{ratio(closest.ratio.low)} to {ratio(closest.ratio.high)}, below 1 is better)."
    )


def _semigroup_words(found: Probed) -> list[str]:
    tested = found.semigroup()
    if tested is None:
        return []
    same, other = tested
    ends = f" (95 % interval {span(same.low, same.high, 3)})" if math.isfinite(same.low) else ""
    return [
        "Evaluated at the same moments from two windows of one trajectory, F gives states whose squared distance is "
        f"{short(same.estimate, 2)} of the variance of z{ends}; at 0, F would be the same map for every window. "
        f"For windows of two different trajectories it is {short(other, 2)}."
    ]


def _about_psi(found: Probed) -> str:
    first = found.probes[0]
    return (
        f"Each dot is psi of one of {counted(len(first.group), 'test trajectory')} "
        f"(seed {first.seed}) in its two leading components; the panels differ only in colour. Where the colour "
        "changes smoothly across the cloud, psi orders the trajectories by that quantity."
    )


def _r2(one: Estimate) -> str:
    return number(one.r2.estimate, 2)
