"""The figure that takes errors apart: who never learnt to render a frame, and who loses the motion later."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ladid_bench.analysis.curves import split_frame
from ladid_bench.analysis.entries import DatasetContent
from ladid_bench.reporting.charts import AXIS, OFF_SCALE, ROW, Looks, plain_log
from ladid_bench.reporting.drawing import LINE, Drawing, canvas, mark
from ladid_bench.reporting.formatting import TIMES, ratio, short
from ladid_bench.reporting.palette import INK, MUTED

PARTS = ("floor", "first", "mean", "last")
KEY = {"floor": ("|", "floor of the decoder"), "first": ("o", "first frame"), "last": (">", "last tenth")}
USELESS = 1.0  # the error of a forecast that says nothing


@dataclass(frozen=True)
class Strokes:
    """A row a method: a stroke from the error of the first frame to that of the last, and the floor of its decoder.

    Attributes:
        looks: by name.
        title: of the figure, the error that is drawn.
    """

    looks: Looks
    title: str

    def __call__(self, frame: pd.DataFrame) -> Figure:
        """Draw the table of ``split_frame``."""
        figure = canvas(AXIS + ROW * len(frame) + 2.6 * LINE)
        axes = figure.add_subplot()
        axes.set_title(self.title, weight="bold")
        axes.set_xlabel("error, logarithmic")
        low, high = _ends(frame)
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        axes.set_ylim(len(frame) - 0.5, -0.5)
        axes.grid(axis="x")
        axes.grid(visible=False, axis="y")
        plain_log(axes.xaxis, high / low)
        axes.axvline(USELESS, color=MUTED[0], linewidth=1.1, zorder=1)
        axes.set_yticks(range(len(frame)), frame["name"], color=INK[0])
        for tick, name in zip(axes.get_yticklabels(), frame["name"], strict=True):
            mark(tick, self.looks[name].name)
        for place, row in enumerate(frame.to_dict("records")):
            self._draw(axes, place, {part: float(row[part]) for part in PARTS}, str(row["name"]), (low, high))
        for shape, words in KEY.values():
            axes.plot([], [], shape, color=MUTED[0], label=words, markersize=7, markerfacecolor="white")
        figure.legend(loc="outside upper left", ncols=3, handletextpad=0.1, columnspacing=1.0, fontsize=10)
        return figure

    def _draw(self, axes: Axes, place: int, values: dict[str, float], name: str, ends: tuple[float, float]) -> None:
        look = self.looks[name]
        at = {part: float(np.clip(value, *ends)) for part, value in values.items()}
        (stroke,) = axes.plot([at["first"], at["last"]], [place, place], color=look.colour, linewidth=1.8)
        mark(stroke, look.name)
        for part, (shape, _) in KEY.items():
            if not math.isnan(values[part]):
                size, face = (
                    (11, look.colour) if part == "floor" else (6.5, "white" if part == "first" else look.colour)
                )
                how: dict[str, Any] = {
                    "color": look.colour,
                    "markersize": size,
                    "markeredgewidth": 1.6,
                    "markerfacecolor": face,
                }
                mark(axes.plot([at[part]], [place], shape, clip_on=False, **how)[0], look.name)


def errors_apart(dataset: DatasetContent, looks: Looks) -> Drawing | None:
    """Draw the decoder's floor, the error of the first frame and of the last ones, a row a method; None without any."""
    frame = split_frame(dataset)
    if frame.empty or not np.isfinite(frame["first"]).any():
        return None
    about = (
        "The error of each method split into parts, best method first; left is better, at the line a forecast is "
        "useless. The bar is the floor: the true frames as well as the method's decoder can render them from any "
        "latent state. It covers only the first eight test trajectories, so it can lie right of errors over all of "
        "them. The circle is the error of the first forecast frame, the triangle that of the last tenth of the "
        "horizon. A bar far right: the method never learnt to render. A circle far from its bar: it renders, but does "
        "not infer the state from the context. A long stroke: it loses the motion. Methods without a bar have "
        "no decoder of latent states."
    )
    name = f"error-split-{dataset.name}"
    return Drawing(name, Strokes(looks, dataset.error_name), about, frame, finding=_finding(frame))


def _finding(frame: pd.DataFrame) -> str:
    """Which method renders worst, and which loses most on the way."""
    words = []
    rendering = frame.dropna(subset=["floor"]).sort_values("floor")
    if len(rendering) > 1:
        worst = rendering.iloc[-1]
        words.append(f"{worst['name']} renders worst ({short(float(worst['floor']), 2)}).")
    growing = frame[np.isfinite(frame["growth"])].sort_values("growth")
    if len(growing) > 1:
        most = growing.iloc[-1]
        words.append(
            f"The error of {most['name']} grows most, {TIMES}{ratio(float(most['growth']))} from first to last."
        )
    return " ".join(words)


def _ends(frame: pd.DataFrame) -> tuple[float, float]:
    """Ends of the scale: all values, unless they are far off."""
    values = frame[list(PARTS)].to_numpy(dtype=float)
    known = values[np.isfinite(values) & (values > 0)]
    middle = float(np.median(known))
    inside = known[(known >= middle / OFF_SCALE**2) & (known <= middle * OFF_SCALE)]
    return float(min(inside.min(), USELESS)) / 1.15, float(max(inside.max(), USELESS)) * 1.15
