"""Critical-difference diagrams: mean ranks along a line, and bars that join the methods that are not told apart."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ladid_bench.analysis.entries import FEW, LADID, DatasetContent
from ladid_bench.analysis.ranking import Ranking, rank_over_datasets, rank_over_groups
from ladid_bench.analysis.verdicts import LEVEL
from ladid_bench.core.files import write_text
from ladid_bench.reporting.drawing import LETTER, LINE, RIGHT, WIDTH, Drawing, inline, mark, style, to_svg
from ladid_bench.reporting.formatting import counted, listed, short
from ladid_bench.reporting.palette import FADED, INK, MethodStyle

HEAD, FOOT = 24.0, 6.0  # points above the line and below the last name
GAP = 5.0  # points between a name and its line
NAMED = 8  # methods that a caption names one by one
TINY_P = 0.001


def rank_diagram(name: str, ranking: Ranking, styles: dict[str, MethodStyle], what: str) -> Drawing:
    """The diagram of a ranking.

    Args:
        name: of the figure.
        ranking: what it shows.
        styles: of every label that is ranked.
        what: on which the methods were ranked, in words.
    """
    with style():
        svg = _diagram(ranking, styles)
    return Drawing(name, svg, _caption(ranking, what))


def _diagram(ranking: Ranking, styles: dict[str, MethodStyle]) -> str:
    from scikit_posthocs import critical_difference_diagram  # takes seconds to import

    longest = max(len(label) for label in ranking.ranks.index) + len(" (00.0)")
    figure = Figure(figsize=(WIDTH / 72, 1))
    left = min(longest * LETTER, 0.5 * WIDTH)
    axes = figure.add_axes((left / WIDTH, 0, 1 - (left + RIGHT) / WIDTH, 1))
    axes.grid(False)
    gap = GAP / (WIDTH - left - RIGHT) * (len(ranking.ranks) - 1)  # in ranks
    made = critical_difference_diagram(
        ranking.ranks,
        ranking.significance,
        alpha=LEVEL,
        ax=axes,
        label_fmt_left="{label} ({rank:.1f})",
        color_palette={label: styles[label].colour for label in ranking.ranks.index},
        crossbar_props={"color": INK[0], "linewidth": 2.2, "marker": "o", "markersize": 3.4},
        marker_props={"s": 22},
        elbow_props={"linewidth": 1.1},
        text_h_margin=float(ranking.ranks.iloc[0]) - 1 + gap,
        left_only=True,
    )
    for (bar,) in made["crossbars"]:
        bar.set_xdata(np.sort(bar.get_xdata()))  # they come in the order of a set, another in each process
    _own(made, ranking, styles)
    _place(figure, axes, ranking, left)
    return to_svg(figure)


def _own(made: dict[str, list], ranking: Ranking, styles: dict[str, MethodStyle]) -> None:
    """Names in the colour of words, and every part of the diagram marked as its method's."""
    parts = zip(ranking.ranks.index, made["elbows"], made["markers"], made["labels"], strict=True)
    for label, elbow, marker, text in parts:
        text.set_color(styles[label].ink)
        elbow.set_linewidth(styles[label].width * 0.7)
        for part, artist in (("elbow", elbow), ("marker", marker), ("label", text)):
            mark(artist, label, part)


def _place(figure: Figure, axes: Axes, ranking: Ranking, left: float) -> None:
    """Make the figure as high as its lines of names, and the line of ranks as long as there are ranks."""
    lowest, methods = min(float(text.get_position()[1]) for text in axes.texts), len(ranking.ranks)
    head = HEAD + (2 * LINE if ranking.critical else 0)
    height = head + FOOT + LINE * (0.6 - lowest)
    figure.set_size_inches(WIDTH / 72, height / 72)
    axes.set_position((left / WIDTH, FOOT / height, 1 - (left + RIGHT) / WIDTH, 1 - (head + FOOT) / height))
    axes.set_ylim(lowest - 0.6, 0)
    axes.set_xlim(1, methods)
    axes.xaxis.set_major_locator(MaxNLocator(min(methods, 8), integer=True))
    axes.tick_params(axis="x", length=3, pad=1)
    for artist in [*axes.lines, *axes.collections]:
        artist.set_clip_on(False)
    if ranking.critical:
        above = HEAD / LINE  # in lines
        axes.plot([1, 1 + ranking.critical], [above] * 2, color=INK[0], linewidth=1.4, marker="|", clip_on=False)
        axes.text(1, above + 0.9, f"CD {ranking.critical:.1f}", va="center", ha="left")


def _caption(ranking: Ranking, what: str) -> str:
    best = ranking.ranks.index[0]
    level = ranking.significance.loc[best]
    tied = [label for label in level.index if label != best and level[label] >= LEVEL]
    words = f"Mean ranks of the methods over {what}, 1 for the lowest error: {best} is first"
    if not tied:
        words += ", and differs from every other method."
    elif len(tied) == len(level) - 1:
        words += ", and differs from none."
    else:
        words += f"; not told apart from it: {_named(tied)}."
    words += " A bar joins the methods, dots on it, among which no two differ"
    if ranking.critical is None:
        words += " by Wilcoxon's signed-rank test with Holm's correction; errors are means over seeds."
    else:
        words += f": their ranks are less than {short(ranking.critical, 2)} (CD) apart, by Nemenyi's test."
    words += f" Friedman's test that any differ: p {_p_value(ranking.friedman)}."
    if ranking.missing:
        left = _named(list(ranking.missing))
        words += f" Not ranked, without a complete result on all of them or with too few seeds: {left}."
    return words


def _p_value(p: float) -> str:
    return f"< {TINY_P}" if p < TINY_P else f"= {short(p, 2)}"


def _named(labels: Sequence[str]) -> str:
    return listed(labels) if len(labels) <= NAMED else counted(len(labels), "method")


def rank_rows(ranking: Ranking) -> pd.DataFrame:
    """The numbers of a diagram: a row a method with its mean rank, and its adjusted p against each other one."""
    frame = pd.DataFrame({"method": ranking.ranks.index, "mean_rank": ranking.ranks.to_numpy()})
    frame["blocks"], frame["friedman_p"], frame["critical_difference"] = (
        len(ranking.blocks),
        ranking.friedman,
        ranking.critical,
    )
    against = ranking.p.add_prefix("p_against_").reset_index(drop=True)
    return pd.concat([frame, against], axis=1)


@dataclass(frozen=True)
class RanksView:
    """A diagram with the numbers behind it, or in its place ``words`` that say why there is none."""

    drawing: Drawing | None
    table: pd.DataFrame
    words: str

    @property
    def figure(self) -> Markup:
        return Markup(inline(self.drawing)) if self.drawing else Markup()

    def write(self, folder: Path) -> None:
        """Write ``figures/<name>.svg`` and ``tables/<name>.csv`` into the folder of a report."""
        if self.drawing:
            write_text(folder / "figures" / f"{self.drawing.name}.svg", self.drawing.svg)
            text = self.table.to_csv(index=False, lineterminator="\n")
            write_text(folder / "tables" / f"{self.drawing.name}.csv", text)


def ranks_over_datasets(datasets: Sequence[DatasetContent], styles: dict[str, MethodStyle]) -> RanksView:
    """The methods of the comparison, ranked over its data sets."""
    ranking = rank_over_datasets(datasets)
    if isinstance(ranking, str):
        return RanksView(None, pd.DataFrame(), ranking)
    without = [one.title for one in datasets if one.name not in ranking.blocks]
    drawing = rank_diagram(
        "ranks", ranking, _faded(datasets, ranking, styles), counted(len(ranking.blocks), "data set")
    )
    words = f"{drawing.caption} Too few results so far: {listed(without)}." if without else drawing.caption
    return RanksView(drawing, rank_rows(ranking), words)


def ranks_over_groups(dataset: DatasetContent, styles: dict[str, MethodStyle]) -> RanksView:
    """The methods of one data set, ranked over its test units."""
    ranking = rank_over_groups(dataset)
    if isinstance(ranking, str):
        return RanksView(None, pd.DataFrame(), ranking)
    drawing = rank_diagram(f"ranks-{dataset.name}", ranking, styles, counted(len(ranking.blocks), "test unit"))
    return RanksView(drawing, rank_rows(ranking), drawing.caption)


def _faded(
    datasets: Sequence[DatasetContent], ranking: Ranking, styles: dict[str, MethodStyle]
) -> dict[str, MethodStyle]:
    """Where methods are many, grey for all but LaDID, the first other neural and the first simple method."""
    if len(ranking.ranks) <= FEW:
        return styles
    entries = {entry.label: entry for one in datasets for entry in one.competitors}
    order = [entries[label] for label in ranking.ranks.index]
    firsts = (
        next((one for one in order if one.neural == kind and one.method != LADID), None) for kind in (True, False)
    )
    front = {entry.label for entry in [*(one for one in order if one.method == LADID), *firsts] if entry}
    return {label: look if label in front else replace(look, colour=FADED[0]) for label, look in styles.items()}
