"""Figures of the inside of a trained LaDID: attention, psi, the latent path, and what happens between frames."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, Normalize, to_rgba
from matplotlib.ticker import MaxNLocator

from ladid_bench.probing.components import Components, principal_components
from ladid_bench.probing.ground_truth import Quantity
from ladid_bench.probing.inside import PARTS, Inside, detours, effective, overall_detour
from ladid_bench.reporting.charts import name_ends
from ladid_bench.reporting.drawing import HEIGHT, PANEL, TALL, Drawing, canvas, style, to_svg
from ladid_bench.reporting.figures import with_unit
from ladid_bench.reporting.formatting import MINUS, counted, listed, number, short
from ladid_bench.reporting.palette import ACCENT, MUTED, NEURAL, MethodStyle

LEVELS = 48  # of a colour bar
MOST_CELLS = 2500  # of an attention matrix drawn one by one; larger ones become a picture
FAINTEST = 0.02  # opacity below which a cell is left out
SHOWN_COMPONENTS = 3
OTHERS = 8  # trajectories drawn faintly behind the example
CLOSE_UP = 4  # steps between frames that the close-up shows
ENOUGH = 0.95  # share of the variance that counts as all of it
WAVY = 0.05  # share of its length that a smooth path may be longer than the spline
SEQUENTIAL = ListedColormap(seaborn.color_palette("viridis", as_cmap=True)(np.linspace(0.1, 0.93, LEVELS)))
CYCLIC = ListedColormap(seaborn.husl_palette(LEVELS, s=0.85, l=0.62))
# the root keeps small weights visible; opacity works on any background
SHADES = ListedColormap([to_rgba(ACCENT, np.sqrt(share)) for share in np.linspace(0, 1, LEVELS)])
SMOOTH = (0, (4, 2))  # dash of the smooth curve that F is compared with
PSI, PI = "\N{GREEK SMALL LETTER PSI}", "\N{GREEK SMALL LETTER PI}"


def attention_figures(inside: Inside) -> list[Drawing]:
    """One figure a layer: weights averaged over the test trajectories, and those of the example."""
    rows = [{"mean": one.mean(axis=0), f"trajectory {inside.example}": one[inside.example]} for one in inside.attention]
    top = max(float(weights.max()) for row in rows for weights in row.values())
    what = "place" if inside.over_places else "frame"
    return [_attention_figure(f"layer {place}", row, top, what) for place, row in enumerate(rows, 1)]


@style()
def _attention_figure(layer: str, rows: dict[str, np.ndarray], top: float, what: str) -> Drawing:
    """Matrices of weights, ``(row, row)`` each: the stronger the accent colour, the larger."""
    figure = canvas(2.15 * PANEL, PANEL)
    drawn = figure.subplots(2, sharex=True)
    for axes, (name, weights) in zip(drawn, rows.items(), strict=True):
        edges, count = np.arange(len(weights) + 1) + 0.5, len(weights)
        shown = np.ma.masked_less(weights, FAINTEST**2 * top)
        cells = axes.pcolormesh(edges, edges, shown, cmap=SHADES, vmin=0, vmax=top, rasterized=count**2 > MOST_CELLS)
        axes.set(title=f"{layer}, {name}", ylabel=f"{what} that looks", aspect="equal", ylim=(count + 0.5, 0.5))
        axes.grid(False)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 3, 5, 10]))
        axes.spines[:].set_visible(True)
    drawn[-1].set_xlabel(f"{what} looked at")
    _colour_bar(figure.colorbar(cells, ax=drawn, orientation="horizontal", aspect=30), ["0", short(top, 2)])
    frames = {name: pd.DataFrame(weights).melt(ignore_index=False, var_name="seen") for name, weights in rows.items()}
    frame = pd.concat(frames, names=["weights", "row"]).reset_index()
    return Drawing(f"attention-{layer.replace(' ', '-')}", to_svg(figure), "", frame)


def _colour_bar(bar: Any, labels: Sequence[str]) -> None:
    """Write numbers at even places of a colour bar."""
    bar.outline.set_visible(False)
    bar.solids.set(edgecolor="face", linewidth=0)
    bar.set_ticks(np.linspace(bar.vmin, bar.vmax, len(labels)).tolist(), labels=list(labels))


def attention_caption(inside: Inside) -> str:
    """What to see in the attention, with the number of frames or places that a layer really looks at."""
    what = "place" if inside.over_places else "frame"
    count = inside.attention[0].shape[-1]
    used = listed(short(effective(layer), 2) for layer in inside.attention)
    differ = [str(place) for place, layer in enumerate(inside.attention, 1) if layer.std(axis=0).max() > 0.02]
    varying = f"layer{'s' if len(differ) > 1 else ''} {listed(differ)}" if differ else "no layer"
    first = "" if inside.over_places else " The first layer attends by time alone, so it is the same for all."
    return (
        f"Each row is one {what} of the context and sums to 1: how much it takes from every {what}, more where the "
        f"colour is stronger. Above the mean over {len(inside.psi)} test trajectories, "
        f"below trajectory {inside.example}; where the two differ, attention depends on what the frames show "
        f"({varying} here).{first} In layer order a {what} draws on {used} of {count} {what}s "
        "(the exponential of the entropy): a diagonal looks at neighbours, a column is one that all look at, "
        "a flat square averages everything."
    )


def psi_figures(inside: Inside) -> list[Drawing]:
    """psi in its two leading components, once for everything that is known of the trajectories."""
    components = principal_components(inside.psi)
    points = components.of(inside.psi)[:, :2]
    return [
        code_figure(f"psi-{truth.name.replace(' ', '-')}", points, components.shares, truth) for truth in inside.truths
    ]


@style()
def code_figure(name: str, points: np.ndarray, shares: np.ndarray, truth: Quantity) -> Drawing:
    """Codes ``(trajectory, 2)`` in their leading components, coloured by what is true of the trajectories."""
    figure = canvas(1.15 * PANEL, PANEL)
    axes = figure.add_subplot()
    low, high = (-np.pi, np.pi) if truth.cyclic else (float(truth.values.min()), float(truth.values.max()))
    how: dict[str, Any] = {"cmap": CYCLIC if truth.cyclic else SEQUENTIAL, "norm": Normalize(low, high)}
    dots = axes.scatter(points[:, 0], points[:, 1], c=truth.values, s=30, edgecolors=MUTED[0], linewidths=0.4, **how)
    axes.set_title(with_unit(readable(truth.name), truth.unit))
    axes.set(xlabel=_component(0, shares), ylabel=_component(1, shares))
    axes.margins(0.08)
    axes.locator_params(nbins=5)
    axes.spines["left"].set_visible(True)
    labels = [f"{MINUS}{PI}", "0", PI] if truth.cyclic else [short(low, 2), short(high, 2)]
    _colour_bar(figure.colorbar(dots, ax=axes, orientation="horizontal", aspect=30), labels)
    frame = pd.DataFrame({"component_1": points[:, 0], "component_2": points[:, 1], truth.name: truth.values})
    return Drawing(name, to_svg(figure), "", frame)


def readable(name: str) -> str:
    """The name of a parameter or state in words."""
    return name.replace("_", " ")


def _component(index: int, shares: np.ndarray) -> str:
    return f"component {index + 1} ({100 * shares[index]:.0f} %)"


def psi_caption(inside: Inside) -> str:
    """What to see in psi, with how well each true value can be read off it."""
    known = [truth for truth in inside.truths if truth.reading is not None]
    read = "There are too few independent test units to say how well they can be read off psi."
    if known:
        readings = listed(f"{readable(truth.name)} {number(truth.reading or 0, 2)}" for truth in known)
        read = (
            "A linear reading from all of psi, on trajectories it was not fitted to, explains this share of the "
            f"variance (R\N{SUPERSCRIPT TWO}): {readings}."
        )
    carrying = principal_components(inside.psi).carrying(ENOUGH)
    return (
        "A dot is the code psi of one test trajectory, from its context alone; the panels differ in colour only. "
        "Where colour runs smoothly across the cloud, psi has ordered the trajectories by that quantity; where "
        f"neighbours have unrelated colours, these two components do not carry it. {read} Of psi's "
        f"{inside.psi.shape[1]} numbers {counted(carrying, 'component')} carry {ENOUGH:.0%} of the variance."
    )


def _draw_path(axes: Axes, across: np.ndarray, up: np.ndarray, colour: str) -> None:
    """A path on the fine grid with a dot at each frame."""
    axes.plot(across, up, color=colour)
    axes.plot(across[::PARTS], up[::PARTS], "o", color=colour, markersize=4)


def path_figures(inside: Inside, time_unit: str) -> list[Drawing]:
    """The latent path of the example over time, and in the plane of its leading components."""
    components = inside.components
    scores = components.of(inside.states[inside.example])[:, :SHOWN_COMPONENTS]  # (fine, component)
    frame = pd.DataFrame(scores, columns=[f"component_{index + 1}" for index in range(scores.shape[1])])
    frame.insert(0, "time", inside.fine_times[inside.example])
    shares = [f"{index + 1} ({100 * components.shares[index]:.0f} %)" for index in range(scores.shape[1])]
    over_time = _path_over_time(frame, shares, with_unit("time", time_unit))
    return [over_time, _path_in_plane(inside, components, frame)]


@style()
def _path_over_time(frame: pd.DataFrame, shares: Sequence[str], heading: str) -> Drawing:
    axes = (figure := canvas(TALL)).add_subplot()
    ends = []
    for (_, scores), share, (colour, _) in zip(frame.drop(columns="time").items(), shares, NEURAL, strict=False):
        _draw_path(axes, frame["time"].to_numpy(), scores.to_numpy(), colour)
        ends.append((float(scores.iloc[-1]), share, MethodStyle("", colour, "solid", "o", colour)))
    axes.set_xlim(frame["time"].iloc[0], frame["time"].iloc[-1])
    axes.set(xlabel=heading, title=f"leading components of F({PSI}, t)")
    name_ends(axes, ends)
    return Drawing("path-over-time", to_svg(figure), "", frame)


@style()
def _path_in_plane(inside: Inside, components: Components, frame: pd.DataFrame) -> Drawing:
    axes = (figure := canvas(TALL)).add_subplot()
    for states in inside.states[:OTHERS]:
        axes.plot(*components.of(states)[:, :2].T, color=MUTED[0], linewidth=0.7, alpha=0.45)
    scores = components.of(inside.states[inside.example])
    _draw_path(axes, scores[:, 0], scores[:, 1], ACCENT)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set(xlabel=_component(0, components.shares), title=_component(1, components.shares))
    return Drawing("path-in-plane", to_svg(figure), "", frame)


def path_caption(inside: Inside) -> str:
    """What to see in the latent path."""
    return (
        f"The latent state z = F(psi, t) of test trajectory {inside.example}: one psi, all times from the first "
        "forecast frame on (training never asks for states within the context). Left its leading components over "
        "time, a dot at each frame; right the path in the plane of the first two, other trajectories as thin lines. "
        f"Components are those of all test trajectories; {inside.components.carrying(ENOUGH)} of "
        f"{inside.states.shape[-1]} carry {ENOUGH:.0%} of "
        "the variance. A motion that repeats should come back to where it was, and the line should pass through the "
        "dots without wiggles between them."
    )


def between_figures(inside: Inside, time_unit: str) -> list[Drawing]:
    """How long the latent path is between frames, and a close-up of it."""
    return [_lengths_figure(inside, with_unit("time", time_unit)), _close_up(inside, with_unit("time", time_unit))]


@style()
def _lengths_figure(inside: Inside, heading: str) -> Drawing:
    axes = (figure := canvas(HEIGHT)).add_subplot()
    middle = np.median((inside.times[:, 1:] + inside.times[:, :-1]) / 2, axis=0)
    frame = pd.DataFrame({"time": middle, "F": detours(inside.states), "smooth curve": detours(inside.smooth_states)})
    ends = []
    for name, (colour, _), dash in zip(("F", "smooth curve"), NEURAL, ("solid", SMOOTH), strict=False):
        axes.plot(middle, frame[name], color=colour, linestyle=dash)
        ends.append((float(frame[name].iloc[-1]), name, MethodStyle("", colour, dash, "", colour)))
    axes.axhline(1, color=MUTED[0], linewidth=0.8)
    top = max(1.1, float(np.nanmax([1, *frame["F"], *frame["smooth curve"]])))
    axes.set_ylim(1 - 0.05 * (top - 1), top + 0.05 * (top - 1))
    axes.set_xlim(float(inside.times.min()), float(inside.times.max()))
    axes.set(xlabel=heading, title="path between frames / straight line")
    name_ends(axes, ends)
    return Drawing("path-length", to_svg(figure), "", frame)


@style()
def _close_up(inside: Inside, heading: str) -> Drawing:
    """The components over a few steps around the middle, beside the smooth curve through the frames."""
    axes = (figure := canvas(HEIGHT)).add_subplot()
    steps = inside.times.shape[1] - 1
    start = max(0, (steps - CLOSE_UP) // 2) * PARTS
    window = slice(start, start + min(steps, CLOSE_UP) * PARTS + 1)
    fine, components = inside.fine_times[inside.example, window], inside.components
    smooth, own = (components.of(one[inside.example, window]) for one in (inside.smooth_states, inside.states))
    frame = pd.DataFrame({"time": fine})
    for index, (colour, _) in zip(range(min(SHOWN_COMPONENTS, own.shape[1])), NEURAL, strict=False):
        frame[f"component_{index + 1}"], frame[f"smooth_{index + 1}"] = own[:, index], smooth[:, index]
        axes.plot(fine, smooth[:, index], color=MUTED[0], linestyle=SMOOTH, linewidth=1.2)
        _draw_path(axes, fine, own[:, index], colour)
    axes.set_xlim(fine[0], fine[-1])
    axes.set(xlabel=heading, title=f"close-up, trajectory {inside.example}")
    return Drawing("path-close-up", to_svg(figure), "", frame)


def verdict(inside: Inside) -> str:
    """Whether F runs smoothly between frames."""
    return smoothness(overall_detour(inside.states), overall_detour(inside.smooth_states))


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
