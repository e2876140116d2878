"""Vector observations as lines over time: the truth, LaDID, and the best neural and the best simple forecast."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ladid_bench.analysis.entries import LADID, DatasetContent, Entry
from ladid_bench.analysis.pictures import Pictures
from ladid_bench.reporting.drawing import BOTTOM, LEFT, RIGHT, WIDTH, Drawing, style, to_svg
from ladid_bench.reporting.formatting import listed
from ladid_bench.reporting.palette import GRID, INK, MethodStyle

MOST_FEATURES = 6
ROW, LEGEND = 58.0, 26.0  # points


def draw_series(dataset: DatasetContent, pictures: Pictures, styles: dict[str, MethodStyle]) -> Drawing:
    """One row a feature: the truth in ink, the methods in their colours, the context shaded."""
    task = dataset.card["task"]
    features = min(pictures.truth.shape[1], MOST_FEATURES)
    labels = [entry.label for entry in _best(dataset) if entry.label in pictures.forecasts]
    truth = _physical(pictures.truth, task)
    asked = pictures.lead[pictures.given :]
    with style():
        height = LEGEND + BOTTOM + features * ROW
        figure = Figure(figsize=(WIDTH / 72, height / 72))
        for feature in range(features):
            bottom = BOTTOM + (features - 1 - feature) * ROW
            axes = figure.add_axes(
                (LEFT / WIDTH, bottom / height, 1 - (LEFT + RIGHT) / WIDTH, (ROW - 12) / height), frameon=False
            )
            axes.axvspan(pictures.lead[0], 0, color=GRID[0], linewidth=0)
            axes.plot(pictures.lead, truth[:, feature], color=INK[0], linewidth=1.4, label="truth")
            for label in labels:
                forecast = _physical(pictures.forecasts[label], task)[:, feature]
                axes.plot(asked, forecast, color=styles[label].colour, linestyle=styles[label].dash, label=label)
            axes.set_xlim(pictures.lead[0], pictures.lead[-1])
            axes.locator_params(axis="y", nbins=3)
            axes.set_title(f"feature {feature + 1}", pad=2, fontsize=9)
            axes.tick_params(labelbottom=feature == features - 1)
        axes.set_xlabel("lead time" + (f" ({dataset.time_unit})" if dataset.time_unit else ""))
        handles, names = axes.get_legend_handles_labels()
        figure.legend(handles, names, loc="upper left", ncols=4, frameon=False, handlelength=1.6, columnspacing=1.2)
        svg = to_svg(figure)
    return Drawing(f"series-{dataset.name}", svg, _caption(pictures, features, labels))


def _best(dataset: DatasetContent) -> list[Entry]:
    """LaDID, the best neural and the best simple method, in the order of their errors."""
    ladid = next((entry for entry in dataset.ranked if entry.method == LADID), None)
    chosen = (ladid, dataset.best(neural=True), dataset.best(neural=False))
    return [entry for entry in dataset.ranked if entry in chosen]


def _physical(levels: np.ndarray, task: dict[str, Any]) -> np.ndarray:
    """Levels ``(frame, feature)`` in physical units, each feature by its own range."""
    low, high = (np.array(task[end][: levels.shape[-1]]) for end in ("low", "high"))  # of the first channel
    return levels / 255 * (high - low) + low


def _caption(pictures: Pictures, features: int, labels: list[str]) -> str:
    some = "All" if features == pictures.truth.shape[1] else f"The first {features} of {pictures.truth.shape[1]}"
    return (
        f"{some} features of test trajectory {pictures.trajectory}: the truth as a thin line, the context shaded, "
        f"and the forecast of {listed(labels)}. Where the lines part, the forecast has lost the motion."
    )
