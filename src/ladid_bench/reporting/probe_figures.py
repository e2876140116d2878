"""Figures of what is read off psi: R^2 beside its controls, and psi coloured by what is true."""

import numpy as np
import pandas as pd

from ladid_bench.analysis.readings import MEAN, Estimate
from ladid_bench.probing.ground_truth import Quantity
from ladid_bench.probing.probes import PCA, PSI, SHUFFLED, UNTRAINED, Probe
from ladid_bench.probing.readout import KERNEL, LINEAR
from ladid_bench.reporting.charts import dot_chart
from ladid_bench.reporting.drawing import Drawing
from ladid_bench.reporting.formatting import counted
from ladid_bench.reporting.palette import MUTED, NEURAL, MethodStyle

KINDS: dict[str, tuple[str, str]] = {  # name of a representation, and what stands for it
    PSI: ("\N{GREEK SMALL LETTER PSI}", "o"),
    PCA: ("PCA of the context", "D"),
    UNTRAINED: ("untrained encoder", "s"),
    SHUFFLED: ("shuffled labels", "x"),
}
COLOURS = dict(zip(KINDS, (NEURAL[0][0], NEURAL[1][0], NEURAL[2][0], MUTED[0]), strict=True))
TITLES = {LINEAR: "linear probe (ridge)", KERNEL: "non-linear probe (kernel ridge)"}
WHAT_TO_SEE = {
    LINEAR: "Where the orange dot is right of all others, training has laid the quantity out in psi so that weighted "
    "sums of its numbers tell it.",
    KERNEL: "A probe this strong reads off the pictures themselves what they determine, so psi can hardly be ahead. "
    "Where the orange dot is left of the blue one, psi has lost something.",
}
LOWEST = -0.3  # R^2 below which a dot stands at the edge


def readings_figure(name: str, estimates: list[Estimate], probe: str, caption: str) -> Drawing:
    """R^2 of every quantity off every representation by one probe, as dots with intervals."""
    from ladid_bench.reporting.inside_figures import readable  # loads torch, which reports without probes go without

    frame = pd.DataFrame(
        {
            "panel": "",
            "row": "mean of all" if one.quantity == MEAN else readable(one.quantity),
            "representation": one.representation,
            "probe": probe,
            "r2": one.r2.estimate,
            "low": one.r2.low,
            "high": one.r2.high,
        }
        for one in estimates
        if one.probe == probe
    )
    key = {kind: words for kind, (words, _) in KINDS.items() if kind in set(frame["representation"])}
    looks = {kind: MethodStyle("", COLOURS[kind], "solid", KINDS[kind][1], COLOURS[kind]) for kind in key}
    limits = (max(LOWEST, min(-0.08, frame["r2"].min() - 0.03)), 1.02)
    heading = "R\N{SUPERSCRIPT TWO} on test trajectories"
    how = {"title": TITLES[probe], "level": 0.0, "limits": limits, "key": key}
    svg = dot_chart(frame, looks, "representation", heading, value="r2", **how)  # type: ignore[arg-type]
    return Drawing(name, svg, caption, frame)


def readings_caption(probe: str, seeds: int, trajectories: int) -> str:
    """What to see in the dots."""
    return (
        f"{WHAT_TO_SEE[probe]} Dots are R\N{SUPERSCRIPT TWO} on {trajectories} test trajectories that neither model "
        f"nor probe has seen, over {counted(seeds, 'seed')}; lines are 95 % intervals. At 0 a reading is worth as much "
        "as the mean of all trajectories."
    )


def code_figures(name: str, probe: Probe) -> list[Drawing]:
    """psi of the test trajectories of one run, once for every true quantity."""
    from ladid_bench.reporting.inside_figures import code_figure

    points, shares = np.array(probe.points), np.array(probe.shares)
    return [
        code_figure(
            f"{name}-{index}", points, shares, Quantity(one.name, one.unit, np.array(one.ground_truth), one.cyclic)
        )
        for index, one in enumerate(probe.readings)
    ]
