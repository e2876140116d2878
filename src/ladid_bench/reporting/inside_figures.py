"""Figures of the inside of a trained LaDID: attention, psi, the latent path, and what happens between frames."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import seaborn
from matplotlib.colors import ListedColormap, Normalize, to_rgba
from matplotlib.figure import Figure

from ladid_bench.probing.components import principal_components
from ladid_bench.probing.frames import attention_frame, close_up_frame, length_frame, path_frame, plane_frame
from ladid_bench.probing.ground_truth import Quantity
from ladid_bench.probing.inside import EXAMPLE, PARTS, Inside, effective, overall_detour
from ladid_bench.reporting.charts import Lines, Scale
from ladid_bench.reporting.drawing import PANEL, TALL, WIDTH, Drawing, canvas
from ladid_bench.reporting.formatting import MINUS, counted, listed, number, readable, short, with_unit
from ladid_bench.reporting.palette import ACCENT, FAINT, MUTED, NEURAL_COLOURS, own_look

LEVELS = 48  # of a colour bar
FEW_VALUES = 4  # of a quantity that has a colour for each, such as a sign
MOST_CELLS = 2500  # of an attention matrix drawn one by one; larger ones become a picture
FAINTEST = 0.02  # opacity below which a cell is left out
ENOUGH = 0.95  # share of the variance that counts as all of it
WAVY = 0.05  # share of its length that a smooth path may be longer than the spline
SEQUENTIAL = ListedColormap(seaborn.color_palette("viridis", as_cmap=True)(np.linspace(0.1, 0.93, LEVELS)))
CYCLIC = ListedColormap(seaborn.husl_palette(LEVELS, s=0.85, l=0.62))
# the root keeps small weights visible; opacity works on any background
SHADES = ListedColormap([to_rgba(ACCENT, np.sqrt(share)) for share in np.linspace(0, 1, LEVELS)])
SMOOTH = (0, (4, 2))  # dash of the smooth curve that F is compared with
COLOURED = [own_look(colour) for colour, _ in NEURAL_COLOURS]
PSI, PI = "\N{GREEK SMALL LETTER PSI}", "\N{GREEK SMALL LETTER PI}"


def attention_figures(inside: Inside) -> list[Drawing]:
    """Draw one figure a layer: weights averaged over the test trajectories, and those of the example."""
    top = max(float(max(one.mean(axis=0).max(), one[EXAMPLE].max())) for one in inside.attention)
    what = "place" if inside.over_places else "frame"
    frames = [attention_frame(inside, layer) for layer in range(len(inside.attention))]
    return [
        Drawing(f"attention-layer-{place}", partial(_matrices, layer=place, top=top, what=what), "", frame)
        for place, frame in enumerate(frames, 1)
    ]


def _matrices(frame: pd.DataFrame, layer: int, top: float, what: str) -> Figure:
    """Matrices of weights: the stronger the accent colour, the larger."""
    figure = canvas(2.15 * PANEL, PANEL)
    drawn = figure.subplots(2, sharex=True)
    for axes, (name, weights) in zip(drawn, frame.groupby("weights", sort=False), strict=True):
        cells = weights.pivot(index="row", columns="seen", values="value")
        how: dict[str, Any] = {"cmap": SHADES, "vmin": 0, "vmax": top, "square": True, "cbar": False}
        seaborn.heatmap(cells, mask=cells < FAINTEST**2 * top, rasterized=cells.size > MOST_CELLS, ax=axes, **how)
        axes.set(title=f"layer {layer}, {name}", xlabel="", ylabel=f"attending {what}")
        axes.grid(visible=False)
        axes.locator_params(nbins=6)
        axes.tick_params(axis="y", rotation=0)
        axes.spines[:].set_visible(True)
    drawn[-1].set_xlabel(f"attended {what}")
    bar = figure.colorbar(drawn[-1].collections[0], ax=drawn, orientation="horizontal", aspect=30)
    _label_bar(bar, ["0", short(top, 2)])
    return figure


def _label_bar(bar: Any, labels: Sequence[str]) -> None:
    """Write numbers at even places of a colour bar."""
    bar.outline.set_visible(False)
    bar.solids.set(edgecolor="face", linewidth=0)
    bar.set_ticks(np.linspace(bar.vmin, bar.vmax, len(labels)).tolist(), labels=list(labels))


def attention_caption(inside: Inside) -> str:
    """Say what to see in the attention, with the number of frames or places that a layer really looks at."""
    what = "place" if inside.over_places else "frame"
    count = inside.attention[0].shape[-1]
    used = listed(short(effective(layer), 2) for layer in inside.attention)
    differ = [str(place) for place, layer in enumerate(inside.attention, 1) if layer.std(axis=0).max() > 0.02]
    varying = f"layer{'s' if len(differ) > 1 else ''} {listed(differ)}" if differ else "no layer"
    first = (
        "" if inside.over_places else " The first layer attends by time alone, so it is the same for all trajectories."
    )
    return (
        f"Each row holds the attention weights of one {what} of the context, which sum to 1: the stronger the colour, "
        f"the larger the weight. Above: the mean over {len(inside.psi)} test trajectories. "
        f"Below: trajectory {EXAMPLE}. Where the two differ, attention depends on what the frames show "
        f"({varying} here).{first} In layer order, a {what} effectively attends to {used} of {count} {what}s "
        f"(the exponential of the entropy). A diagonal means attention to neighbours, a column a {what} to which all "
        "attend, a flat square an average over everything."
    )


def psi_figures(inside: Inside) -> list[Drawing]:
    """Draw psi in its two leading components, once for everything that is known of the trajectories."""
    components = principal_components(inside.psi)
    points = components.of(inside.psi)[:, :2]
    return [
        psi_figure(f"psi-{truth.name.replace(' ', '-')}", points, components.shares, truth) for truth in inside.truths
    ]


def psi_figure(name: str, points: np.ndarray, shares: np.ndarray, truth: Quantity) -> Drawing:
    """Draw psi ``(trajectory, 2)`` in its leading components, coloured by what is true of the trajectories."""
    frame = pd.DataFrame({"component_1": points[:, 0], "component_2": points[:, 1], truth.name: truth.values})
    headings = [_component(place, shares) for place in (0, 1)]
    return Drawing(name, partial(_cloud, headings=headings, truth=truth), "", frame)


def _cloud(frame: pd.DataFrame, headings: Sequence[str], truth: Quantity) -> Figure:
    axes = (figure := canvas(1.15 * PANEL, PANEL)).add_subplot()
    low, high = (-np.pi, np.pi) if truth.cyclic else (float(truth.values.min()), float(truth.values.max()))
    values = len(np.unique(truth.values))
    colours = CYCLIC if truth.cyclic else SEQUENTIAL.resampled(values) if values <= FEW_VALUES else SEQUENTIAL
    how: dict[str, Any] = {"cmap": colours, "norm": Normalize(low, high)}
    how |= {"s": 30, "edgecolors": MUTED[0], "linewidths": 0.4}
    dots = axes.scatter(frame["component_1"], frame["component_2"], c=frame[truth.name], **how)
    axes.set(title=with_unit(readable(truth.name), truth.unit), xlabel=headings[0], ylabel=headings[1])
    axes.margins(0.08)
    axes.locator_params(nbins=5)
    axes.spines["left"].set_visible(True)
    labels = [f"{MINUS}{PI}", "0", PI] if truth.cyclic else [short(low, 2), short(high, 2)]
    _label_bar(figure.colorbar(dots, ax=axes, orientation="horizontal", aspect=30), labels)
    return figure


def _component(index: int, shares: np.ndarray) -> str:
    return f"component {index + 1} ({100 * shares[index]:.0f} %)"


def psi_caption(inside: Inside) -> str:
    """Say what to see in psi, with how well each true value can be read off it."""
    known = [truth for truth in inside.truths if truth.reading is not None]
    read = "There are too few independent test groups to say how well the quantities can be read off psi."
    if known:
        readings = listed(f"{readable(truth.name)} {number(truth.reading or 0, 2)}" for truth in known)
        read = (
            "A linear regression on all of psi explains this share of the variance on trajectories to which it was "
            f"not fitted (R\N{SUPERSCRIPT TWO}): {readings}."
        )
    carrying = principal_components(inside.psi).carrying(ENOUGH)
    return (
        "Each dot is psi of one test trajectory, from its context alone; the panels differ only in colour. "
        "Where the colour changes smoothly across the cloud, psi orders the trajectories by that quantity; where "
        f"neighbours have unrelated colours, these two components do not carry it. {read} Of psi's "
        f"{inside.psi.shape[1]} numbers {counted(carrying, 'component')} carry {ENOUGH:.0%} of the variance."
    )


def path_figures(inside: Inside, time_unit: str) -> list[Drawing]:
    """Draw the latent path of the example over time, and in the plane of its leading components."""
    shares = inside.components.shares
    over_time, plane = path_frame(inside), plane_frame(inside)
    looks = dict(zip(over_time["name"].unique(), COLOURED, strict=False))
    ends = {name: f"{place + 1} ({100 * shares[place]:.0f} %)" for place, name in enumerate(looks)}
    scale = Scale("time", with_unit("time", time_unit), every=PARTS)
    title = f"leading components of F({PSI}, t)"
    curves = Lines(looks, scale, "score", title, ends=ends, decades=None, size=(WIDTH, TALL))
    paths = {**dict.fromkeys(plane["name"].unique(), FAINT), f"trajectory {EXAMPLE}": own_look(ACCENT)}
    scale = Scale("component_1", _component(0, shares), every=PARTS, equal=True)
    title = _component(1, shares)
    loops = Lines(paths, scale, "component_2", title, named=False, decades=None, size=(WIDTH, TALL))
    return [Drawing("path-over-time", curves, "", over_time), Drawing("path-in-plane", loops, "", plane)]


def path_caption(inside: Inside) -> str:
    """Say what to see in the latent path."""
    return (
        f"The latent state z = F(psi, t) of test trajectory {EXAMPLE}: one psi, all times from the first "
        "forecast frame on (training never evaluates F within the context). Left: its leading components over time, "
        "with a dot at each frame. Right: its path in the plane of the first two, other trajectories as thin lines. "
        f"Components are those of all test trajectories; {inside.components.carrying(ENOUGH)} of "
        f"{inside.states.shape[-1]} carry {ENOUGH:.0%} of "
        "the variance. A periodic motion should return to where it was, and the line should pass through the "
        "dots without wiggles between them."
    )


def between_figures(inside: Inside, time_unit: str) -> list[Drawing]:
    """Draw how long the latent path is between frames, and a close-up of it."""
    lengths, close = length_frame(inside), close_up_frame(inside)
    scale, title = Scale("time", with_unit("time", time_unit)), "path between frames / straight line"
    looks = {"F": COLOURED[0], "smooth curve": own_look(NEURAL_COLOURS[1][0], SMOOTH, "")}
    ratios = Lines(looks, scale, "relative_length", title, level=1, decades=None)
    names = [name for name in close["name"].unique() if not name.startswith("smooth")]
    looks = dict.fromkeys((f"smooth {name}" for name in names), own_look(MUTED[0], SMOOTH, ""))
    looks |= dict(zip(names, COLOURED, strict=False))
    scale, title = replace(scale, every=PARTS), f"close-up, trajectory {EXAMPLE}"
    curves = Lines(looks, scale, "score", title, named=False, decades=None)
    return [Drawing("path-length", ratios, "", lengths), Drawing("path-close-up", curves, "", close)]


def verdict(inside: Inside) -> str:
    """Say whether F runs smoothly between frames."""
    return smoothness(overall_detour(inside.states), overall_detour(inside.smooth_states))


def between_caption(inside: Inside) -> str:
    """Say what to see between the frames, with the verdict in numbers."""
    return (
        f"{verdict(inside)} Halfway between two frames of trajectory {EXAMPLE}, the frame decoded from F "
        f"differs from that of the smooth curve by {100 * inside.shift:.0f} % of the change from frame to frame. Left: "
        "the length of the path over time; 1 is a straight line from frame to frame, dashed is the cubic spline "
        "through the states at the frames. Right: the leading components over a few steps; F as lines, that spline "
        f"dashed, dots at the frames, {PARTS} points per step. Training evaluates F only at frame times and does not "
        "constrain it between them."
    )


def smoothness(own: float, smooth: float) -> str:
    """Say in one sentence whether F runs smoothly between frames."""
    if math.isnan(own):
        return "The latent state does not move at all."
    numbers = (
        f"its path is {short(100 * (own - 1), 2)} % longer than straight lines from frame to frame, a smooth curve "
        f"through the same states {short(100 * (smooth - 1), 2)} %"
    )
    return f"{'F is smooth' if own <= smooth * (1 + WAVY) else 'F wanders'} between frames: {numbers}."
