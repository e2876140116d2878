"""Curves of a trajectory file: values, parameters, states over time, and when its frames were taken."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ladid_bench.data.trajectories import Trajectories
from ladid_bench.reporting.drawing import BOTTOM, LEFT, RIGHT, Drawing, plain_log, style, to_svg
from ladid_bench.reporting.palette import GRID, INK, MUTED, NEURAL, SIMPLE

WIDE, SMALL = 420.0, 250.0  # points
HEIGHT, SMALL_HEIGHT = 200.0, 150.0
TITLE = 22.0  # points kept free above the axes
BINS = 60
MOST_VALUES = 2_000_000  # of a split, spread evenly, that a histogram counts
MOST_STATES, MOST_PARAMETERS, MOST_ROWS = 12, 8, 24
BACKGROUND_LINES = 20  # trajectories drawn faintly behind the chosen ones
CHOSEN = tuple(light for light, _ in NEURAL)
SPLIT_COLOURS = {"train": SIMPLE[0][0], "valid": NEURAL[1][0], "test": NEURAL[0][0]}


def _axes(width: float, height: float, left: float = LEFT) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width / 72, height / 72))
    box = (left / width, BOTTOM / height, 1 - (left + RIGHT) / width, 1 - (BOTTOM + TITLE) / height)
    axes = figure.add_axes(box)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    return figure, axes


def values_figure(splits: Mapping[str, Trajectories], unit: str) -> Drawing:
    """Histogram of all values of the first channel, a line a split."""
    with style():
        figure, axes = _axes(WIDE, HEIGHT)
        counted = {name: _thinned(split.frames[:, :, 0]) for name, split in splits.items()}
        edges = np.histogram_bin_edges(np.concatenate(list(counted.values())), BINS)
        _lines(axes, counted, edges)
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        plain_log(axes.yaxis, high / low)
        axes.set_title("share of all values")
        axes.set_xlabel(next(iter(splits.values())).fields[0] + (f" ({unit})" if unit else ""))
        svg = to_svg(figure)
    return Drawing("values", svg, "How often each value occurs in all frames, logarithmic.")


def parameter_figures(splits: Mapping[str, Trajectories], units: Mapping[str, str]) -> list[Drawing]:
    """Histograms of the constants that differ between trajectories, a line a split."""
    drawn = []
    with style():
        for name in varying(splits)[:MOST_PARAMETERS]:
            figure, axes = _axes(SMALL, SMALL_HEIGHT, left=RIGHT)
            known = {split: data.parameters[name] for split, data in splits.items()}
            bins = int(np.clip(np.sqrt(sum(map(len, known.values()))), 5, 24))
            _lines(axes, known, np.histogram_bin_edges(np.concatenate(list(known.values())), bins))
            axes.set_title(name.replace("_", " "))
            axes.set_xlabel(units.get(name, "").removesuffix("1"))
            axes.set_yticks([])
            axes.locator_params(axis="x", nbins=4)
            drawn.append(Drawing(f"parameter-{name}", to_svg(figure), ""))
    return drawn


def varying(splits: Mapping[str, Trajectories]) -> list[str]:
    """Names of the parameters that are not the same in all trajectories."""
    first = next(iter(splits.values()))
    return [name for name in first.parameters if len(_distinct(splits, name)) > 1]


def constant(splits: Mapping[str, Trajectories]) -> dict[str, float]:
    """Parameters that are the same in all trajectories."""
    first = next(iter(splits.values()))
    found = {name: _distinct(splits, name) for name in first.parameters}
    return {name: float(values[0]) for name, values in found.items() if len(values) == 1}


def _distinct(splits: Mapping[str, Trajectories], name: str) -> np.ndarray:
    return np.unique(np.concatenate([split.parameters[name] for split in splits.values()]))


def state_figures(data: Trajectories, chosen: Sequence[int], units: Mapping[str, str], time_unit: str) -> list[Drawing]:
    """True states over time: the chosen trajectories in colour, some others faint behind them."""
    states = {name: (values, units.get(name, "").removesuffix("1")) for name, values in data.states.items()}
    return _curves(data.times, dict(list(states.items())[:MOST_STATES]), chosen, time_unit, "state")


def feature_figures(data: Trajectories, chosen: Sequence[int], unit: str, time_unit: str) -> list[Drawing]:
    """Vector observations over time, a figure a feature, drawn as states are."""
    count = min(MOST_STATES, data.frames.shape[3])
    curves = {f"feature {index + 1}": (data.frames[:, :, 0, index], unit) for index in range(count)}
    return _curves(data.times, curves, chosen, time_unit, "series")


def _curves(
    times: np.ndarray,
    curves: Mapping[str, tuple[np.ndarray, str]],
    chosen: Sequence[int],
    time_unit: str,
    kind: str,
) -> list[Drawing]:
    since = times - times[:, :1]  # (trajectory, time)
    faint = [index for index in range(min(BACKGROUND_LINES, len(times))) if index not in chosen]
    drawn = []
    with style():
        for name, (values, unit) in curves.items():
            figure, axes = _axes(SMALL, SMALL_HEIGHT)
            for index in faint:
                axes.plot(since[index], values[index], color=MUTED[0], linewidth=0.6, alpha=0.3)
            for place, index in enumerate(chosen):
                axes.plot(since[index], values[index], color=CHOSEN[place], linewidth=1.5)
            axes.set_xlim(0, since[:, -1].max())
            axes.set_title(name.replace("_", " ") + (f" ({unit})" if unit else ""))
            axes.set_xlabel(f"time ({time_unit})" if time_unit else "time")
            axes.locator_params(axis="both", nbins=4)
            drawn.append(Drawing(f"{kind}-{name.replace(' ', '-')}", to_svg(figure), ""))
    return drawn


def time_figure(data: Trajectories, time_unit: str) -> Drawing:
    """A row of ticks a trajectory, where its frames are."""
    rows = min(MOST_ROWS, len(data))
    since = data.times[:rows] - data.times[:rows, :1]
    with style():
        figure, axes = _axes(WIDE, HEIGHT)
        axes.eventplot(list(since), linelengths=0.7, linewidths=0.8, colors=INK[0])
        axes.set_ylim(rows - 0.4, -0.6)
        axes.set_yticks([0, rows - 1] if rows > 1 else [0])
        axes.grid(False)
        axes.set_title("trajectory")
        axes.set_xlabel("time since its first frame" + (f" ({time_unit})" if time_unit else ""))
        svg = to_svg(figure)
    return Drawing("times", svg, time_caption(data, time_unit))


def time_caption(data: Trajectories, time_unit: str) -> str:
    """The time grid in words."""
    gaps = np.diff(data.times, axis=1)
    if not gaps.size:
        return "Trajectories of a single frame."
    frames, low, high = data.times.shape[1], gaps.min(), gaps.max()
    unit = f" {time_unit}" if time_unit else ""
    if np.allclose(gaps, np.median(gaps), rtol=1e-6):
        return f"Regular: {frames} frames, one every {np.median(gaps):.4g}{unit}, the same for all trajectories."
    same = np.allclose(data.times - data.times[:, :1], data.times[0] - data.times[0, 0], rtol=1e-6)
    whose = "the same for all trajectories" if same else "each trajectory at times of its own"
    return f"Irregular: {frames} frames, {low:.3g} to {high:.3g}{unit} apart, {whose}."


def _thinned(values: np.ndarray) -> np.ndarray:
    flat = values.reshape(-1)
    return flat[:: max(1, len(flat) // MOST_VALUES)]


def _lines(axes: Axes, values: Mapping[str, np.ndarray], edges: np.ndarray) -> None:
    """Outlines of histograms as shares, one a split."""
    for name, known in values.items():
        share = np.histogram(known, edges)[0] / len(known)
        colour = SPLIT_COLOURS.get(name, INK[0])
        axes.stairs(share, edges, color=colour, linewidth=1.6, label=name)
    axes.grid(True, axis="y", color=GRID[0])
