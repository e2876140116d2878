"""Figures of the inside of a trained LaDID: attention, psi, the latent path, and what happens between frames."""

import math
from typing import Any

import numpy as np
import seaborn
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import Colormap, ListedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ladid_bench.probing.components import Components, principal_components
from ladid_bench.probing.ground_truth import Quantity
from ladid_bench.probing.inside import PARTS, Inside, smooth_path, step_lengths
from ladid_bench.reporting.drawing import BOTTOM, LEFT, RIGHT, TALL, TOP, Drawing, End, blank, end_labels, to_svg
from ladid_bench.reporting.formatting import MINUS, counted, listed, number, short
from ladid_bench.reporting.palette import ACCENT, MUTED, NEURAL

PANEL = 250.0  # points; width of a small multiple
BAR, BAR_ROOM = 7.0, 40.0  # points; height of a colour bar, and room for it with its numbers
MOST_CELLS = 2500  # of an attention matrix drawn one by one; larger ones become a picture
SHOWN_COMPONENTS = 3
FAINTEST = 0.02  # opacity below which a cell is left out
CLOSE_UP = 4  # steps between frames that the close-up shows
ENOUGH = 0.95  # share of the variance that counts as all of it
WAVY = 0.05  # share of its length that a smooth path may be longer than the spline
SEQUENTIAL = ListedColormap(seaborn.color_palette("viridis", as_cmap=True)(np.linspace(0.1, 0.93, 256)))
CYCLIC: Colormap = seaborn.husl_palette(256, s=0.85, l=0.62, as_cmap=True)


def attention_figures(inside: Inside) -> list[Drawing]:
    """One figure a layer: weights averaged over the test trajectories, and those of the example."""
    top = max(float(layer.mean(axis=0).max()) for layer in inside.attention)
    top = max(top, max(float(layer[inside.example].max()) for layer in inside.attention))
    return [_attention_figure(inside, index, top) for index in range(len(inside.attention))]


def _attention_figure(inside: Inside, index: int, top: float) -> Drawing:
    layer, what = inside.attention[index], "place" if inside.over_places else "frame"
    side = PANEL - LEFT - RIGHT
    height = 2 * (side + TOP) + BOTTOM + 6 + BAR_ROOM
    figure = Figure(figsize=(PANEL / 72, height / 72))
    rows = {"mean": layer.mean(axis=0), f"trajectory {inside.example}": layer[inside.example]}
    for row, (name, weights) in enumerate(rows.items()):
        bottom = BAR_ROOM + BOTTOM + (1 - row) * (side + TOP + 6)
        axes = figure.add_axes((LEFT / PANEL, bottom / height, side / PANEL, side / height))
        _matrix(axes, weights, top)
        axes.set_title(f"layer {index + 1}, {name}")
        axes.set_ylabel(f"{what} that looks")
        axes.tick_params(labelbottom=row == 1)
    axes.set_xlabel(f"{what} looked at")
    bar = figure.add_axes((LEFT / PANEL, 24 / height, side / PANEL, BAR / height))
    _opacity_bar(bar, top)
    return Drawing(f"attention-layer-{index + 1}", to_svg(figure), "")


def _matrix(axes: Axes, weights: np.ndarray, top: float) -> None:
    """Cells filled with the accent colour, the more opaque the larger the weight: it works on any background."""
    count = len(weights)
    shade = _opacity(weights / top).ravel()
    colours = np.tile(to_rgba(ACCENT), (count**2, 1))  # (cell, rgba)
    colours[:, 3] = shade
    row, column = (index.ravel() for index in np.indices(weights.shape))
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]) + 0.5
    cells = np.stack([column, row], axis=1)[:, None] + corners  # (cell, corner, 2)
    visible = shade > FAINTEST
    axes.add_collection(
        PolyCollection(
            list(cells[visible]), facecolors=colours[visible], linewidths=0, rasterized=count**2 > MOST_CELLS
        )
    )
    axes.set_xlim(0.5, count + 0.5)
    axes.set_ylim(count + 0.5, 0.5)
    axes.set_aspect("equal")
    axes.grid(False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 3, 5, 10]))
    for spine in axes.spines.values():
        spine.set_visible(True)


def _opacity(share: np.ndarray) -> np.ndarray:
    """Opacity of a weight given as a share of the largest; the root keeps small weights visible."""
    return np.sqrt(np.clip(share, 0, 1))


def _opacity_bar(axes: Axes, top: float) -> None:
    edges = np.linspace(0, top, 25)
    middles = (edges[1:] + edges[:-1]) / 2
    colours = ListedColormap([to_rgba(ACCENT, share) for share in _opacity(middles / top)])
    axes.pcolormesh(edges, [0, 1], middles[None], cmap=colours, linewidth=0)
    _bare(axes)
    axes.set_xticks([0, top], ["0", short(top, 2)])


def _bare(axes: Axes) -> None:
    axes.grid(False)
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def attention_caption(inside: Inside) -> str:
    """What to see in the attention, with the number of frames or places that a layer really looks at."""
    what = "place" if inside.over_places else "frame"
    count = inside.attention[0].shape[-1]
    used = listed(short(effective(layer), 2) for layer in inside.attention)
    moves = [float(layer.std(axis=0).max()) for layer in inside.attention]
    differ = [str(index + 1) for index, move in enumerate(moves) if move > 0.02]
    varying = f"layer{'s' if len(differ) > 1 else ''} {listed(differ)}" if differ else "no layer"
    first = "" if inside.over_places else " The first layer attends by time alone, so it is the same for all."
    return (
        f"Each row is one {what} of the context and sums to 1: how much it takes from every {what}, more where the "
        "colour is stronger. "
        f"Above the mean over {len(inside.psi)} test trajectories, "
        f"below trajectory {inside.example}; where the two differ, attention depends on what the frames show "
        f"({varying} here).{first} In layer order a {what} draws on {used} of {count} {what}s "
        "(the exponential of the entropy): a diagonal looks at neighbours, a column is one that all look at, "
        "a flat square averages everything."
    )


def effective(weights: np.ndarray) -> float:
    """Mean over rows of exp(entropy): how many entries a row of ``(..., row, row)`` weights spreads over."""
    entropy = -(weights * np.log(np.maximum(weights, np.finfo(float).tiny))).sum(axis=-1)
    return float(np.exp(entropy).mean())


def psi_figures(inside: Inside) -> list[Drawing]:
    """psi in its two leading components, once for everything that is known of the trajectories."""
    components = principal_components(inside.psi)
    points = components.of(inside.psi)[:, :2]
    return [
        code_figure(f"psi-{truth.name.replace(' ', '-')}", points, components.shares, truth) for truth in inside.truths
    ]


def code_figure(name: str, points: np.ndarray, shares: np.ndarray, truth: Quantity) -> Drawing:
    """Codes ``(trajectory, 2)`` in their leading components, coloured by what is true of the trajectories."""
    height = PANEL - LEFT - RIGHT + BOTTOM + TOP + BAR_ROOM
    figure = Figure(figsize=(PANEL / 72, height / 72))
    side = PANEL - LEFT - RIGHT
    axes = figure.add_axes((LEFT / PANEL, (BAR_ROOM + BOTTOM) / height, side / PANEL, side / height))
    low, high = (-np.pi, np.pi) if truth.cyclic else (float(truth.values.min()), float(truth.values.max()))
    colours = CYCLIC if truth.cyclic else SEQUENTIAL
    style: dict[str, Any] = {"s": 30, "edgecolors": MUTED[0], "linewidths": 0.4}
    axes.scatter(points[:, 0], points[:, 1], c=truth.values, cmap=colours, vmin=low, vmax=high, **style)
    axes.set_title(readable(truth.name) + (f" ({truth.unit})" if truth.unit else ""))
    axes.set_xlabel(_component(0, shares))
    axes.set_ylabel(_component(1, shares))
    axes.margins(0.08)
    axes.locator_params(nbins=5)
    seaborn.despine(ax=axes)
    bar = figure.add_axes((LEFT / PANEL, 24 / height, side / PANEL, BAR / height))
    bar.pcolormesh(np.linspace(low, high, 49), [0, 1], np.linspace(low, high, 48)[None], cmap=colours, linewidth=0)
    _bare(bar)
    labels = [f"{MINUS}\N{GREEK SMALL LETTER PI}", "0", "\N{GREEK SMALL LETTER PI}"]
    bar.set_xticks([low, 0, high], labels) if truth.cyclic else bar.set_xticks(
        [low, high], [short(low, 2), short(high, 2)]
    )
    return Drawing(name, to_svg(figure), "")


def readable(name: str) -> str:
    """The name of a parameter or state in words."""
    return name.replace("_", " ")


def _component(index: int, shares: np.ndarray) -> str:
    return f"component {index + 1} ({100 * shares[index]:.0f} %)"


def psi_caption(inside: Inside) -> str:
    """What to see in psi, with how well each true value can be read off it."""
    shares = principal_components(inside.psi).shares
    needed = int(np.searchsorted(np.cumsum(shares), ENOUGH) + 1)
    readings = [
        f"{readable(truth.name)} {number(truth.reading, 2)}" for truth in inside.truths if truth.reading is not None
    ]
    read = (
        "A linear reading from all of psi, on trajectories it was not fitted to, explains this share of the variance "
        f"(R\N{SUPERSCRIPT TWO}): {listed(readings)}."
        if readings
        else "There are too few independent test units to say how well they can be read off psi."
    )
    return (
        "A dot is the code psi of one test trajectory, from its context alone; the panels differ in colour only. "
        "Where colour runs smoothly across the cloud, psi has ordered the trajectories by that quantity; where "
        f"neighbours have unrelated colours, these two components do not carry it. {read} "
        f"Of psi's {inside.psi.shape[1]} numbers {counted(needed, 'component')} carry {ENOUGH:.0%} of the variance."
    )


def path_figures(inside: Inside, time_unit: str) -> list[Drawing]:
    """The latent path of the example over time, and in the plane of its leading components."""
    components = principal_components(inside.states.reshape(-1, inside.states.shape[-1]))
    scores = components.of(inside.states[inside.example])  # (fine, component)
    return [
        _path_over_time(inside, components, scores, time_unit),
        _path_in_plane(inside, components, scores),
    ]


def _path_over_time(inside: Inside, components: Components, scores: np.ndarray, time_unit: str) -> Drawing:
    figure, axes = blank(13, TALL)
    fine, ends = inside.fine_times[inside.example], []
    for index in range(min(SHOWN_COMPONENTS, scores.shape[1])):
        colour = NEURAL[index][0]
        axes.plot(fine, scores[:, index], color=colour)
        axes.plot(fine[::PARTS], scores[::PARTS, index], "o", color=colour, markersize=3.2)
        name = f"{index + 1} ({100 * components.shares[index]:.0f} %)"
        ends.append(End(float(scores[-1, index]), name, colour))
    axes.set_xlim(fine[0], fine[-1])
    axes.set_xlabel("time" + (f" ({time_unit})" if time_unit else ""))
    axes.tick_params(axis="x", pad=6)
    axes.set_title("leading components of F(\N{GREEK SMALL LETTER PSI}, t)")
    end_labels(axes, ends)
    return Drawing("path-over-time", to_svg(figure), "")


def _path_in_plane(inside: Inside, components: Components, scores: np.ndarray) -> Drawing:
    figure, axes = blank(0, TALL)
    for states in inside.states[: min(len(inside.states), 8)]:
        other = components.of(states)
        axes.plot(other[:, 0], other[:, 1], color=MUTED[0], linewidth=0.7, alpha=0.45)
    axes.plot(scores[:, 0], scores[:, 1], color=ACCENT)
    axes.plot(scores[::PARTS, 0], scores[::PARTS, 1], "o", color=ACCENT, markersize=4)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel(_component(0, components.shares))
    axes.set_title(_component(1, components.shares))
    return Drawing("path-in-plane", to_svg(figure), "")


def path_caption(inside: Inside) -> str:
    """What to see in the latent path."""
    states = inside.states.reshape(-1, inside.states.shape[-1])
    shares = principal_components(states).shares
    needed = int(np.searchsorted(np.cumsum(shares), ENOUGH) + 1)
    return (
        f"The latent state z = F(psi, t) of test trajectory {inside.example}: one psi, all times from the first "
        "forecast frame on (training never asks for states within the context). Left its leading components over "
        "time, a dot at each frame; right the path in the plane of the first two, other trajectories as thin lines. "
        f"Components are those of all test trajectories; {needed} of {states.shape[1]} carry {ENOUGH:.0%} of the "
        "variance. A motion that repeats should come back to where it was, and the line should pass through the dots "
        "without wiggles between them."
    )


def between_figures(inside: Inside, time_unit: str) -> list[Drawing]:
    """How long the latent path is between frames, and a close-up of it."""
    return [_lengths_figure(inside, time_unit), _close_up(inside, time_unit)]


def detours(states: np.ndarray) -> np.ndarray:
    """Length of the path over that of the straight line for each step between frames, ``(step,)``, pooled."""
    path, straight = step_lengths(states)
    with np.errstate(divide="ignore", invalid="ignore"):
        return path.sum(axis=0) / straight.sum(axis=0)


def overall_detour(states: np.ndarray) -> float:
    """Length of the whole path over that of the straight lines between frames, all trajectories together."""
    path, straight = step_lengths(states)
    return float(path.sum() / straight.sum()) if straight.sum() > 0 else math.nan


def _lengths_figure(inside: Inside, time_unit: str) -> Drawing:
    figure, axes = blank(14)
    middle = np.median((inside.times[:, 1:] + inside.times[:, :-1]) / 2, axis=0)
    lines = {
        "F": (detours(inside.states), NEURAL[0][0], "solid"),
        "smooth curve": (detours(_smooth(inside)), NEURAL[1][0], (0, (4, 2))),
    }
    for values, colour, dash in lines.values():
        axes.plot(middle, values, color=colour, linestyle=dash)
    axes.axhline(1, color=MUTED[0], linewidth=0.8)
    known = np.concatenate([values[np.isfinite(values)] for values, _, _ in lines.values()])
    top = max(1.1, float(known.max(initial=1)))
    axes.set_ylim(1 - 0.05 * (top - 1), top + 0.05 * (top - 1))
    axes.set_xlim(float(inside.times.min()), float(inside.times.max()))
    axes.set_xlabel("time" + (f" ({time_unit})" if time_unit else ""))
    axes.set_title("path between frames / straight line")
    end_labels(axes, [End(float(values[-1]), name, colour) for name, (values, colour, _) in lines.items()])
    return Drawing("path-length", to_svg(figure), "")


def _close_up(inside: Inside, time_unit: str) -> Drawing:
    """The first component over a few steps around the middle, beside the smooth curve through the frames."""
    components = principal_components(inside.states.reshape(-1, inside.states.shape[-1]))
    steps = inside.times.shape[1] - 1
    start = max(0, (steps - CLOSE_UP) // 2) * PARTS
    window = slice(start, start + min(steps, CLOSE_UP) * PARTS + 1)
    fine = inside.fine_times[inside.example, window]
    figure, axes = blank(0)
    smooth = components.of(_smooth(inside)[inside.example, window])
    own = components.of(inside.states[inside.example, window])
    for index in range(min(SHOWN_COMPONENTS, own.shape[1])):
        axes.plot(fine, smooth[:, index], color=MUTED[0], linestyle=(0, (4, 2)), linewidth=1.2)
        axes.plot(fine, own[:, index], color=NEURAL[index][0])
        axes.plot(fine[::PARTS], own[::PARTS, index], "o", color=NEURAL[index][0], markersize=5)
    axes.set_xlim(fine[0], fine[-1])
    axes.set_xlabel("time" + (f" ({time_unit})" if time_unit else ""))
    axes.set_title(f"close-up, trajectory {inside.example}")
    return Drawing("path-close-up", to_svg(figure), "")


def _smooth(inside: Inside) -> np.ndarray:
    return smooth_path(inside.times, inside.fine_times, inside.states)


def verdict(inside: Inside) -> str:
    """Whether F runs smoothly between frames."""
    return smoothness(overall_detour(inside.states), overall_detour(_smooth(inside)))


def between_caption(inside: Inside) -> str:
    """What to see between the frames, and the verdict in numbers."""
    return (
        f"{verdict(inside)} What it decodes to halfway between two frames of trajectory {inside.example} differs from "
        f"what the smooth curve decodes to by {100 * inside.shift:.0f} % of the change from frame to frame. Left the "
        "length of the path over time: 1 is a straight line from frame to frame, dashed the cubic spline through the "
        "states at the frames. Right the leading components over a few steps: F as lines, that spline dashed, dots "
        f"at the frames, {PARTS} points a step. Training asks for states at frame times only; what F does between "
        "them is its own."
    )


def smoothness(own: float, smooth: float) -> str:
    """One sentence that says whether F runs smoothly between frames."""
    if math.isnan(own):
        return "The latent state does not move at all."
    numbers = (
        f"its path is {short(100 * (own - 1), 2)} % longer than straight lines from frame to frame, a smooth curve "
        f"through the same states {short(100 * (smooth - 1), 2)} %"
    )
    return f"{'F is smooth' if own <= smooth * (1 + WAVY) else 'F wanders'} between frames: {numbers}."
