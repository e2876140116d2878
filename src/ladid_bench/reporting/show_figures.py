"""Curves of a trajectory file: values, parameters, states over time, and when its frames were taken."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ladid_bench.data.overview import varying
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.reporting.charts import plain_log
from ladid_bench.reporting.drawing import PANEL, Drawing, canvas, style, to_svg
from ladid_bench.reporting.figures import with_unit
from ladid_bench.reporting.palette import INK, MUTED, NEURAL, SIMPLE

HEIGHT, SMALL_HEIGHT = 200.0, 150.0  # points
BINS = 60
MOST_VALUES = 2_000_000  # of a split, spread evenly, that a histogram counts
MOST_STATES, MOST_PARAMETERS, MOST_ROWS = 12, 8, 24
BACKGROUND_LINES = 20  # trajectories drawn faintly behind the chosen ones
CHOSEN = tuple(light for light, _ in NEURAL)
SPLIT_COLOURS = {"train": SIMPLE[0][0], "valid": NEURAL[1][0], "test": NEURAL[0][0]}


@style()
def values_figure(splits: Mapping[str, Trajectories], unit: str) -> Drawing:
    """Histogram of all values of the first channel, a line a split."""
    figure = canvas(HEIGHT)
    axes = figure.add_subplot()
    flat = {name: split.frames[:, :, 0].reshape(-1) for name, split in splits.items()}
    frame = _histogram(axes, {name: one[:: max(1, len(one) // MOST_VALUES)] for name, one in flat.items()}, BINS)
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    plain_log(axes.yaxis, high / low)
    axes.set(title="share of all values", xlabel=with_unit(next(iter(splits.values())).fields[0], unit))
    return Drawing("values", to_svg(figure), "How often each value occurs in all frames, logarithmic.", frame)


@style()
def parameter_figures(splits: Mapping[str, Trajectories], units: Mapping[str, str]) -> list[Drawing]:
    """Histograms of the constants that differ between trajectories, a line a split."""
    drawn = []
    for name in varying(splits)[:MOST_PARAMETERS]:
        figure = canvas(SMALL_HEIGHT, PANEL)
        axes = figure.add_subplot()
        known = {split: data.parameters[name] for split, data in splits.items()}
        frame = _histogram(axes, known, int(np.clip(np.sqrt(sum(map(len, known.values()))), 5, 24)))
        axes.set(title=name.replace("_", " "), xlabel=units.get(name, "").removesuffix("1"), yticks=[])
        axes.locator_params(axis="x", nbins=4)
        drawn.append(Drawing(f"parameter-{name}", to_svg(figure), "", frame))
    return drawn


def _histogram(axes: Axes, values: Mapping[str, np.ndarray], bins: int) -> pd.DataFrame:
    """Draw outlines of histograms as shares, one a split, and return them."""
    edges = np.histogram_bin_edges(np.concatenate(list(values.values())), bins)
    frames = []
    for name, known in values.items():
        share = np.histogram(known, edges)[0] / len(known)
        axes.stairs(share, edges, color=SPLIT_COLOURS.get(name, INK[0]), linewidth=1.6)
        frames.append(pd.DataFrame({"split": name, "low": edges[:-1], "high": edges[1:], "share": share}))
    return pd.concat(frames)


def state_figures(data: Trajectories, chosen: Sequence[int], units: Mapping[str, str], time_unit: str) -> list[Drawing]:
    """True states over time: the chosen trajectories in colour, some others faint behind them."""
    states = {name: (values, units.get(name, "").removesuffix("1")) for name, values in data.states.items()}
    shown = dict(list(states.items())[:MOST_STATES])
    return [_curves(data.times, name, *one, chosen, time_unit, "state") for name, one in shown.items()]


def feature_figures(data: Trajectories, chosen: Sequence[int], unit: str, time_unit: str) -> list[Drawing]:
    """Vector observations over time, a figure a feature, drawn as states are."""
    features = [data.frames[:, :, 0, index] for index in range(min(MOST_STATES, data.frames.shape[3]))]
    return [
        _curves(data.times, f"feature {place}", values, unit, chosen, time_unit, "series")
        for place, values in enumerate(features, 1)
    ]


@style()
def _curves(
    times: np.ndarray, name: str, values: np.ndarray, unit: str, chosen: Sequence[int], time_unit: str, kind: str
) -> Drawing:
    """Values ``(trajectory, time)`` as lines."""
    figure = canvas(SMALL_HEIGHT, PANEL)
    axes = figure.add_subplot()
    since = times - times[:, :1]  # (trajectory, time)
    faint = [index for index in range(min(BACKGROUND_LINES, len(times))) if index not in chosen]
    for index in faint:
        axes.plot(since[index], values[index], color=MUTED[0], linewidth=0.6, alpha=0.3)
    for index, colour in zip(chosen, CHOSEN, strict=False):
        axes.plot(since[index], values[index], color=colour, linewidth=1.5)
    axes.set_xlim(0, since[:, -1].max())
    axes.set(title=with_unit(name.replace("_", " "), unit), xlabel=with_unit("time", time_unit))
    axes.locator_params(axis="both", nbins=4)
    shown = [*chosen, *faint]
    told = {"time": since[shown].ravel(), "value": values[shown].ravel()}  # (trajectory, time) -> (row,)
    frame = pd.DataFrame({"trajectory": np.repeat(shown, times.shape[1]), **told})
    return Drawing(f"{kind}-{name.replace(' ', '-')}", to_svg(figure), "", frame)


@style()
def time_figure(data: Trajectories, time_unit: str) -> Drawing:
    """A row of ticks a trajectory, where its frames are."""
    rows = min(MOST_ROWS, len(data))
    since = data.times[:rows] - data.times[:rows, :1]
    figure = canvas(HEIGHT)
    axes = figure.add_subplot()
    axes.eventplot(list(since), linelengths=0.7, linewidths=0.8, colors=INK[0])
    axes.set(ylim=(rows - 0.4, -0.6), yticks=[0, rows - 1] if rows > 1 else [0])
    axes.grid(False)
    axes.set(title="trajectory", xlabel=with_unit("time since its first frame", time_unit))
    frame = pd.DataFrame({"trajectory": np.repeat(np.arange(rows), since.shape[1]), "time": since.ravel()})
    return Drawing("times", to_svg(figure), time_caption(data, time_unit), frame)


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
