"""Critical-difference diagrams: mean ranks along a line, and bars that join the methods that are not told apart."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ladid_bench.analysis.entries import DatasetContent, in_front
from ladid_bench.analysis.ranking import LEVEL, Ranking, rank_over_datasets, rank_over_groups
from ladid_bench.reporting.charts import Looks
from ladid_bench.reporting.drawing import LINE, Drawing, canvas, mark
from ladid_bench.reporting.formatting import counted, listed, short
from ladid_bench.reporting.palette import INK, MethodStyle

HEAD = 30.0  # points above the line
NAMED = 8  # methods that a caption names one by one
TINY_P = 0.001


def rank_diagram(name: str, ranking: Ranking, styles: Looks, what: str) -> Drawing:
    """Draw a ranking of methods, whose ``styles`` are by label, over ``what``, in words."""
    return Drawing(
        name, lambda _: _diagram(ranking, styles), _about(ranking, what), ranking.frame, finding=_first(ranking)
    )


def _diagram(ranking: Ranking, styles: Looks) -> Figure:
    from scikit_posthocs import critical_difference_diagram  # takes seconds to import

    figure, methods = canvas(), len(ranking.ranks)
    axes = figure.add_subplot()
    axes.grid(False)
    made = critical_difference_diagram(
        ranking.ranks,
        ranking.significance,
        alpha=LEVEL,
        ax=axes,
        label_fmt_left="{label} ({rank:.1f})",
        color_palette={label: styles[label].colour for label in ranking.ranks.index},
        crossbar_props={"color": INK[0], "linewidth": 2.2, "marker": "o", "markersize": 3.4, "clip_on": False},
        marker_props={"s": 22, "clip_on": False},
        elbow_props={"linewidth": 1.1, "clip_on": False},
        text_h_margin=float(ranking.ranks.iloc[0]) - 1 + 0.02 * (methods - 1),
        left_only=True,
    )
    for (bar,) in made["crossbars"]:
        bar.set_xdata(np.sort(bar.get_xdata()))  # they come in the order of a set, another in each process
    for label, *parts in zip(ranking.ranks.index, made["elbows"], made["markers"], made["labels"], strict=True):
        parts[2].set_color(styles[label].ink)
        parts[0].set_linewidth(0.7 * styles[label].width)
        for part in parts:
            mark(part, styles[label].name)
    lowest, head = min(float(text.get_position()[1]) for text in axes.texts), HEAD
    axes.set(ylim=(lowest - 0.6, 0), xlim=(1, methods))
    axes.xaxis.set_major_locator(MaxNLocator(min(methods, 8), integer=True))
    axes.tick_params(axis="x", length=3, pad=1)
    if ranking.critical:
        above, head = 2.2, HEAD + 2 * LINE  # in lines, and in points
        axes.plot([1, 1 + ranking.critical], [above] * 2, color=INK[0], linewidth=1.4, marker="|", clip_on=False)
        axes.text(1, above + 0.9, f"CD {ranking.critical:.1f}", va="center", ha="left")
    figure.set_figheight((head + LINE * (0.6 - lowest)) / 72)
    return figure


def _first(ranking: Ranking) -> str:
    """Say which method is first, and which ones it is not told apart from."""
    best = ranking.ranks.index[0]
    level = ranking.significance.loc[best]
    tied = [label for label in level.index if label != best and level[label] >= LEVEL]
    if not tied:
        return f"{best} is first and differs from every other method."
    if len(tied) == len(level) - 1:
        return f"{best} is first but differs from no other method."
    return f"{best} is first; not separable from it: {_named(tied)}."


def _about(ranking: Ranking, what: str) -> str:
    words = f"Mean ranks of the methods over {what}; 1 is the lowest error."
    words += " A bar joins methods (the dots on it) of which no two differ"
    if ranking.critical is None:
        words += " by Wilcoxon's signed-rank test with Holm's correction; errors are means over seeds."
    else:
        words += f": their ranks are less than {short(ranking.critical, 2)} (CD) apart, by Nemenyi's test."
    p = f"< {TINY_P}" if ranking.friedman < TINY_P else f"= {short(ranking.friedman, 2)}"
    words += f" Friedman's test for any difference: p {p}."
    if ranking.missing:
        left = _named(ranking.missing)
        words += f" Not ranked, for want of a complete result on all of them or of enough seeds: {left}."
    return words


def _named(labels: Sequence[str]) -> str:
    return listed(labels) if len(labels) <= NAMED else counted(len(labels), "method")


def ranks_over_datasets(datasets: Sequence[DatasetContent], styles: Looks) -> Drawing | str:
    """Rank the methods of the comparison over its data sets; or say why there is no ranking."""
    ranking = rank_over_datasets(datasets)
    if isinstance(ranking, str):
        return ranking
    without = [one.title for one in datasets if one.name not in ranking.blocks]
    what = counted(len(ranking.blocks), "data set")
    drawing = rank_diagram("ranks", ranking, _faded(datasets, ranking, styles), what)
    lost = f" Too few results so far: {listed(without)}." if without else ""
    return replace(drawing, about=drawing.about + lost)


def ranks_over_groups(dataset: DatasetContent, styles: Looks) -> Drawing | str:
    """Rank the methods of one data set over its test groups; or say why there is no ranking."""
    ranking = rank_over_groups(dataset)
    if isinstance(ranking, str):
        return ranking
    return rank_diagram(f"ranks-{dataset.name}", ranking, styles, counted(len(ranking.blocks), "test group"))


def _faded(datasets: Sequence[DatasetContent], ranking: Ranking, styles: Looks) -> dict[str, MethodStyle]:
    """Where methods are many, grey for all that is not in front by the mean ranks."""
    entries = {entry.label: entry for one in datasets for entry in one.competitors}
    front = {entry.label for entry in in_front([entries[label] for label in ranking.ranks.index])}
    return {label: look if label in front else look.faded for label, look in styles.items()}
