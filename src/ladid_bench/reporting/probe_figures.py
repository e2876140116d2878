"""Figures of what is read off psi: R^2 beside its controls, and psi coloured by what is true."""

import math
from typing import Any

import numpy as np
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ladid_bench.analysis.readings import MEAN, Estimate
from ladid_bench.probing.ground_truth import Quantity
from ladid_bench.probing.probes import PCA, PSI, SHUFFLED, UNTRAINED, Probe
from ladid_bench.probing.readout import KERNEL, LINEAR
from ladid_bench.reporting.drawing import BOTTOM, FONT_SIZE, LETTER, RIGHT, WIDTH, Drawing, to_svg
from ladid_bench.reporting.formatting import counted, short
from ladid_bench.reporting.inside_figures import code_figure, readable
from ladid_bench.reporting.palette import GRID, INK, MUTED, NEURAL

LOOKS: dict[str, tuple[str, str, str]] = {  # colour, marker, name
    PSI: (NEURAL[0][0], "o", "\N{GREEK SMALL LETTER PSI}"),
    PCA: (NEURAL[1][0], "D", "PCA of the context"),
    UNTRAINED: (NEURAL[2][0], "s", "untrained encoder"),
    SHUFFLED: (MUTED[0], "x", "shuffled labels"),
}
TITLES = {LINEAR: "linear probe (ridge)", KERNEL: "non-linear probe (kernel ridge)"}
WHAT_TO_SEE = {
    LINEAR: "Where the orange dot is right of all others, training has laid the quantity out in psi so that weighted "
    "sums of its numbers tell it.",
    KERNEL: "A probe this strong reads off the pictures themselves what they determine, so psi can hardly be ahead. "
    "Where the orange dot is left of the blue one, psi has lost something.",
}
LOWEST = -0.3  # R^2 below which a dot stands at the edge
STEP, GAP = 11.0, 16.0  # points between the dots of a quantity, and between quantities
HEAD = 58.0  # points above the axes, for title and key


def readings_figure(name: str, estimates: list[Estimate], probe: str) -> Drawing:
    """R^2 of every quantity off every representation by one probe, as dots with intervals."""
    shown = [one for one in estimates if one.probe == probe]
    quantities = list(dict.fromkeys(one.quantity for one in shown))
    kinds = [kind for kind in LOOKS if any(one.representation == kind for one in shown)]
    block = STEP * (len(kinds) - 1) + GAP
    tall = block * len(quantities)
    height, left = tall + BOTTOM + HEAD, 18 + LETTER * max(len(_named(one)) for one in quantities)
    figure = Figure(figsize=(WIDTH / 72, height / 72))
    box = (left / WIDTH, BOTTOM / height, 1 - (left + RIGHT + 8) / WIDTH, tall / height)
    axes = figure.add_axes(box)
    low = max(LOWEST, min(-0.08, *(one.r2.estimate - 0.03 for one in shown)))
    axes.set_xlim(low, 1.02)
    axes.set_ylim(tall, 0)
    for place, quantity in enumerate(quantities):
        middle = (place + 0.5) * block
        own = [one for one in shown if one.quantity == quantity]
        for one in own:
            offset = (kinds.index(one.representation) - (len(kinds) - 1) / 2) * STEP
            _dot(axes, one, middle + offset, low)
        if place:
            axes.axhline(place * block, color=GRID[0], linewidth=0.8 if place > 1 else 1.6)
    axes.set_yticks([(place + 0.5) * block for place in range(len(quantities))], [_named(one) for one in quantities])
    axes.get_yticklabels()[0].set_color(INK[0])
    _frame(axes)
    _key(figure, kinds, left, height)
    figure.text(6 / WIDTH, 1 - 14 / height, TITLES[probe], ha="left", color=INK[0], fontsize=FONT_SIZE, weight="bold")
    return Drawing(name, to_svg(figure), "")


def _named(quantity: str) -> str:
    return "mean of all" if quantity == MEAN else readable(quantity)


def _dot(axes: Axes, one: Estimate, height: float, low: float) -> None:
    colour, marker, _ = LOOKS[one.representation]
    found = one.r2
    if math.isfinite(found.low):
        ends = np.clip([found.low, found.high], low, None)
        axes.plot(ends, [height, height], color=colour, linewidth=2.2, alpha=0.55, solid_capstyle="butt")
    style: dict[str, Any] = {"markeredgewidth": 1.6} if marker == "x" else {"markeredgewidth": 0}
    axes.plot([max(found.estimate, low)], [height], marker, color=colour, markersize=6, clip_on=False, **style)
    if found.estimate < low:
        axes.text(low, height, f"  {short(found.estimate, 2)}", va="center", ha="left", color=MUTED[0], fontsize=9)


def _frame(axes: Axes) -> None:
    seaborn.despine(ax=axes, left=True)
    axes.grid(False, axis="y")
    axes.grid(True, axis="x")
    axes.axvline(0, color=MUTED[0], linewidth=1)
    ticks = [0, 0.25, 0.5, 0.75, 1]
    axes.set_xticks(ticks, ["0", "0.25", "0.5", "0.75", "1"])
    axes.set_xlabel("R\N{SUPERSCRIPT TWO} on test trajectories")
    axes.tick_params(axis="y", pad=8)


def _key(figure: Figure, kinds: list[str], left: float, height: float) -> None:
    """The names of the representations beside their dots, in one line above the axes, from the left edge."""
    place, line = 10.0, height - 36
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(0, height)
    axes.patch.set_visible(False)
    for kind in kinds:
        colour, marker, name = LOOKS[kind]
        width = 1.6 if marker == "x" else 0
        axes.plot([place], [line], marker, color=colour, markersize=6, markeredgewidth=width)
        axes.text(place + 8, line, name, va="center", color=colour, fontsize=10)
        place += 8 + 0.55 * 10 * len(name) + 16


def readings_caption(probe: str, seeds: int, trajectories: int) -> str:
    """What to see in the dots."""
    return (
        f"{WHAT_TO_SEE[probe]} Dots are R\N{SUPERSCRIPT TWO} on {trajectories} test trajectories that neither model "
        f"nor probe has seen, over {counted(seeds, 'seed')}; lines are 95 % intervals. At 0 a reading is worth as much "
        "as the mean of all trajectories."
    )


def code_figures(name: str, probe: Probe) -> list[Drawing]:
    """psi of the test trajectories of one run, once for every true quantity."""
    points, shares = np.array(probe.points), np.array(probe.shares)
    return [
        code_figure(
            f"{name}-{index}", points, shares, Quantity(one.name, one.unit, np.array(one.ground_truth), one.cyclic)
        )
        for index, one in enumerate(probe.readings)
    ]
