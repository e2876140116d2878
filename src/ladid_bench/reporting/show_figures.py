"""Curves of a trajectory file: values, parameters, states over time, and when its frames were taken."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ladid_bench.data.overview import histogram_frame, varying
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.data.variables import unit_of
from ladid_bench.reporting.charts import Lines, Scale, plain_log
from ladid_bench.reporting.drawing import PANEL, WIDTH, Drawing, canvas
from ladid_bench.reporting.formatting import readable, with_unit
from ladid_bench.reporting.palette import FAINT, INK, NEURAL_COLOURS, SIMPLE_COLOURS, own_look

HEIGHT, SMALL_HEIGHT = 200.0, 150.0  # points
BINS, FEWEST_BINS, MOST_BINS = 60, 5, 24
MOST_VALUES = 2_000_000  # of a split, spread evenly, that a histogram counts
MOST_STATES, MOST_PARAMETERS, MOST_ROWS = 12, 8, 24
BACKGROUND_LINES = 20  # trajectories drawn faintly behind the chosen ones
CHOSEN = tuple(light for light, _ in NEURAL_COLOURS)
SPLIT_COLOURS = {"train": SIMPLE_COLOURS[0][0], "valid": NEURAL_COLOURS[1][0], "test": NEURAL_COLOURS[0][0]}


def values_figure(splits: Mapping[str, Trajectories], unit: str) -> Drawing:
    """Draw the histogram of all values of the first channel, a line a split."""
    flat = {name: split.frames[:, :, 0].reshape(-1) for name, split in splits.items()}
    frame = histogram_frame({name: one[:: max(1, len(one) // MOST_VALUES)] for name, one in flat.items()}, BINS)
    heading = with_unit(next(iter(splits.values())).fields[0], unit)
    chart = partial(_histogram, title="share of all values", heading=heading, size=(WIDTH, HEIGHT))
    return Drawing("values", chart, "How often each value occurs in all frames, logarithmic.", frame)


def parameter_figures(splits: Mapping[str, Trajectories], units: Mapping[str, str]) -> list[Drawing]:
    """Draw histograms of the constants that differ between trajectories, a line a split."""
    drawn = []
    for name in varying(splits)[:MOST_PARAMETERS]:
        known = {split: data.parameters[name] for split, data in splits.items()}
        frame = histogram_frame(known, int(np.clip(np.sqrt(sum(map(len, known.values()))), FEWEST_BINS, MOST_BINS)))
        unit, size = unit_of(units, name), (PANEL, SMALL_HEIGHT)
        chart = partial(_histogram, title=readable(name), heading=unit, size=size)
        drawn.append(Drawing(f"parameter-{name}", chart, "", frame))
    return drawn


def _histogram(frame: pd.DataFrame, title: str, heading: str, size: tuple[float, float]) -> Figure:
    """Outlines of histograms, logarithmic where the figure is large enough to have numbers at its left."""
    axes = (figure := canvas(size[1], size[0])).add_subplot()
    for name, shares in frame.groupby("split", sort=False):
        edges = [*shares["low"], shares["high"].iloc[-1]]
        axes.stairs(shares["share"], edges, color=SPLIT_COLOURS.get(str(name), INK[0]), linewidth=1.6)
    axes.set(title=title, xlabel=heading)
    if size[0] < WIDTH:
        axes.set_yticks([])
        axes.locator_params(axis="x", nbins=4)
    else:
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        plain_log(axes.yaxis, high / low)
    return figure


def state_figures(data: Trajectories, chosen: Sequence[int], units: Mapping[str, str], time_unit: str) -> list[Drawing]:
    """Draw true states over time: the chosen trajectories in colour, some others faint behind them."""
    shown = dict(list(data.states.items())[:MOST_STATES])
    titles = {name: with_unit(readable(name), unit_of(units, name)) for name in shown}
    return [
        _curves(data.times, f"state-{name.replace(' ', '-')}", titles[name], values, chosen, time_unit)
        for name, values in shown.items()
    ]


def feature_figures(data: Trajectories, chosen: Sequence[int], unit: str, time_unit: str) -> list[Drawing]:
    """Draw vector observations over time, a figure a feature, drawn as states are."""
    features = [data.frames[:, :, 0, index] for index in range(min(MOST_STATES, data.frames.shape[3]))]
    return [
        _curves(data.times, f"series-feature-{place}", with_unit(f"feature {place}", unit), values, chosen, time_unit)
        for place, values in enumerate(features, 1)
    ]


def _curves(
    times: np.ndarray, name: str, title: str, values: np.ndarray, chosen: Sequence[int], time_unit: str
) -> Drawing:
    """Values ``(trajectory, time)`` as lines."""
    shown = list(dict.fromkeys([*chosen, *range(min(BACKGROUND_LINES, len(times)))]))
    since = (times - times[:, :1])[shown]  # (trajectory, time)
    told = {"time": since.ravel(), "value": values[shown].ravel()}  # (trajectory, time) -> (row,)
    frame = pd.DataFrame({"name": np.repeat([f"trajectory {one}" for one in shown], times.shape[1]), **told})
    looks = dict.fromkeys(frame["name"], FAINT)
    looks |= dict(zip(looks, [own_look(colour) for colour in CHOSEN[: len(chosen)]], strict=False))
    scale = Scale("time", with_unit("time", time_unit))
    chart = Lines(looks, scale, "value", title, named=False, decades=None, size=(PANEL, SMALL_HEIGHT))
    return Drawing(name, chart, "", frame)


def time_figure(data: Trajectories, time_unit: str) -> Drawing:
    """Draw a row of ticks a trajectory, where its frames are."""
    rows = min(MOST_ROWS, len(data))
    since = data.times[:rows] - data.times[:rows, :1]
    frame = pd.DataFrame({"trajectory": np.repeat(np.arange(rows), since.shape[1]), "time": since.ravel()})
    heading = with_unit("time since its first frame", time_unit)
    return Drawing("times", partial(_ticks, heading=heading), time_caption(data, time_unit), frame)


def _ticks(frame: pd.DataFrame, heading: str) -> Figure:
    axes = (figure := canvas(HEIGHT)).add_subplot()
    times = [one.to_numpy() for _, one in frame.groupby("trajectory")["time"]]
    axes.eventplot(times, linelengths=0.7, linewidths=0.8, colors=INK[0])
    axes.set(ylim=(len(times) - 0.4, -0.6), yticks=sorted({0, len(times) - 1}), title="trajectory", xlabel=heading)
    axes.grid(False)
    return figure


def time_caption(data: Trajectories, time_unit: str) -> str:
    """Describe the time grid in words."""
    gaps = np.diff(data.times, axis=1)
    if not gaps.size:
        return "Trajectories of a single frame."
    frames, low, high = data.times.shape[1], gaps.min(), gaps.max()
    unit = f" {time_unit}" if time_unit else ""
    if np.allclose(gaps, np.median(gaps), rtol=1e-6):
        return f"Regular: {frames} frames, one every {np.median(gaps):.4g}{unit}, the same for all trajectories."
    same = np.allclose(data.times - data.times[:, :1], data.times[0] - data.times[0, 0], rtol=1e-6)
    whose = "the same for all trajectories" if same else "each trajectory at its own times"
    return f"Irregular: {frames} frames, {low:.3g} to {high:.3g}{unit} apart, {whose}."
