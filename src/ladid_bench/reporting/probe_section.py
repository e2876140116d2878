"""The experiment ``probe`` in the report: what is read off psi, psi itself, and F on several windows."""

import math
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from ladid_bench.analysis.entries import DatasetContent, Entry
from ladid_bench.analysis.readings import MEAN, Estimate, Probed, estimate_rows, probed
from ladid_bench.analysis.statistics import Interval
from ladid_bench.core.paths import Folders
from ladid_bench.probing.probes import CONTROLS, PROBES, PSI
from ladid_bench.probing.readout import LINEAR
from ladid_bench.probing.state import PROBE
from ladid_bench.reporting.experiments import ExperimentTable
from ladid_bench.reporting.formatting import counted, listed, number, ratio, short
from ladid_bench.reporting.pages import figures
from ladid_bench.reporting.probe_figures import KINDS, code_figures, readings_caption, readings_figure
from ladid_bench.reporting.tables import write_csv

SQUARED = "R\N{SUPERSCRIPT TWO}"


@dataclass(frozen=True)
class EntryView:
    """What the page shows of one method: words, what is wrong, dots with captions, and psi in colour."""

    name: str
    words: list[str]
    cautions: list[str]
    dots: list[tuple[Markup, str]]
    codes: list[Markup]
    about_codes: str


def write_probes(
    folder: Path, folders: Folders, tables: list[ExperimentTable]
) -> list[tuple[DatasetContent, list[EntryView]]]:
    """Write ``tables/probe.csv`` and the figures of the experiment ``probe`` into the report's folder.

    Args:
        folder: of the report.
        folders: of the scale, where the probes are.
        tables: the study's experiments; without ``probe`` among them nothing is written.

    Returns:
        Data sets with their methods.
    """
    contents = [content for table in tables if table.name == PROBE for content, _ in table.parts]
    rows: list[dict[str, object]] = []
    parts = []
    for content in contents:
        views = []
        for index, entry in enumerate(one for one in content.entries if one.neural):
            found = probed(entry, folders)
            rows += estimate_rows(content, found)
            views.append(_view(folder, f"probe-{content.name}-{index}", found))
        parts.append((content, views))
    if rows:
        write_csv(folder, "probe", pd.DataFrame(rows))
    return [(content, views) for content, views in parts if views]


def _view(folder: Path, name: str, found: Probed) -> EntryView:
    cautions = [f"Without a probe: {listed(found.missing)}."] if found.missing else []
    if found.stale:
        cautions.append(f"Probed by older code: {listed(f'seed {seed}' for seed in found.stale)}.")
    words, dots, codes, about = [], [], [], ""
    if found.readable:
        estimates = found.estimates()
        seeds, trajectories = len(found.probes), len(found.probes[0].group)
        captions = {probe: readings_caption(probe, seeds, trajectories) for probe in PROBES}
        dots = figures(folder, [readings_figure(f"{name}-{one}", estimates, one, captions[one]) for one in PROBES])
        coloured = code_figures(f"{name}-psi", found.probes[0])
        codes, about = [svg for svg, _ in figures(folder, coloured)], _about_codes(found)
        words.append(_readings_words(found, estimates))
    elif found.probes:
        reasons = list(dict.fromkeys(one.reason for one in found.probes if one.reason))
        cautions.append(f"Nothing was read: {listed(reasons or ['the runs have other test trajectories'])}.")
    words += _semigroup_words(found)
    return EntryView(_name(found.entry), words, cautions, dots, codes, about)


def _name(entry: Entry) -> str:
    return f"{entry.label} ({entry.changes})" if entry.changes else entry.label


def _readings_words(found: Probed, estimates: list[Estimate]) -> str:
    """The linear readings averaged over the quantities, in two sentences."""
    means = {one.representation: one for one in estimates if one.quantity == MEAN and one.probe == LINEAR}
    others = [f"{KINDS[name][0]} {_r2(means[name])}" for name in CONTROLS if name in means]
    mine, quantities = means[PSI], counted(len(found.quantities), "quantity")
    ends = f" ({_ends(mine.r2)})" if math.isfinite(mine.r2.low) else ""
    text = f"Read linearly, psi has a mean {SQUARED} of {_r2(mine)}{ends} over {quantities}; {listed(others)}."
    known = [one for one in means.values() if one.ratio is not None]
    if not known:
        return text
    closest = max(known, key=lambda one: one.ratio.estimate if one.ratio else 0)
    assert closest.ratio is not None
    return (
        f"{text} It leaves {ratio(closest.ratio.estimate)} times as much unexplained as the control that comes "
        f"closest, {KINDS[closest.representation][0]} (95 % interval {ratio(closest.ratio.low)} to "
        f"{ratio(closest.ratio.high)}, below 1 is better)."
    )


def _semigroup_words(found: Probed) -> list[str]:
    tested = found.semigroup()
    if tested is None:
        return []
    same, other = tested
    ends = f" (95 % interval {_ends(same, 3)})" if math.isfinite(same.low) else ""
    return [
        "Asked for the same moments from two windows of one trajectory, F gives states whose squared distance is "
        f"{short(same.estimate, 2)} of the variance of z{ends}; 0 would be one map that is the same for every window. "
        f"For windows of two different trajectories it is {short(other, 2)}."
    ]


def _about_codes(found: Probed) -> str:
    first = found.probes[0]
    return (
        f"A dot is psi of one of {counted(len(first.group), 'test trajectory')} "
        f"(seed {first.seed}) in its two leading components; the panels differ in colour only. Where colour runs "
        "smoothly across the cloud, psi orders the trajectories by that quantity."
    )


def _r2(one: Estimate) -> str:
    return number(one.r2.estimate, 2)


def _ends(found: Interval, places: int = 2) -> str:
    return f"{number(found.low, places)} to {number(found.high, places)}"
