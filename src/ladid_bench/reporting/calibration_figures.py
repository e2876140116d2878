"""The experiments of kind ``calibration`` in the report: scores of predictive distributions, and checks of them."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
from markupsafe import Markup

from ladid_bench.analysis.calibrations import calibrations_of, reliability_frame, score_frame, spread_frame
from ladid_bench.analysis.entries import DatasetContent
from ladid_bench.analysis.experiments import ExperimentRow
from ladid_bench.analysis.study_results import ExperimentResults
from ladid_bench.data.ensembles import DRAWS
from ladid_bench.reporting.charts import Dots, Lines, Looks, Scale
from ladid_bench.reporting.drawing import WIDTH, Drawing
from ladid_bench.reporting.experiments import Scene, not_drawn
from ladid_bench.reporting.formatting import decimals, listed, number, span
from ladid_bench.reporting.leading import if_anybody
from ladid_bench.reporting.palette import MUTED, NEURAL_COLOURS, MethodStyle, own_look
from ladid_bench.reporting.tables import to_html
from ladid_bench.runs.calibration import NOMINAL, OWN, RAW, RESIDUAL
from ladid_bench.runs.derived import is_stale

DISTRIBUTION_STYLES = {  # of distributions: in words, colour and marker
    RESIDUAL: ("same noise for all", NEURAL_COLOURS[1][0], "o"),
    OWN: ("samples and noise", NEURAL_COLOURS[0][0], "D"),
    RAW: ("samples alone", MUTED[0], "x"),
}
IDEAL = "calibrated"
DASHED = (0, (4, 2))
SIDE = 330.0  # points; these figures are square
EVERY = 10  # lead times from marker to marker
CRPS_OF_NORMAL = 0.56  # of a standard normal distribution for draws of itself: 1 / sqrt(pi)
VALUES = "the pixels that vary, in standard deviations of the training split"


def calibration_drawings(table: ExperimentResults, scene: Scene) -> list[Drawing]:
    """Draw the scores of each data set, the reliability of its intervals, and spread against error."""
    drawings = []
    for content, rows in table.parts:
        scores = score_frame(content, rows)
        if scores.empty:
            continue
        looks = _looks(scores, scene)
        drawings.append(_scores(table.name, content, rows, scores, scene))
        reliability = reliability_frame(content, rows)
        drawings += [
            _reliability(table.name, content, some, looks, own)
            for own, some in reliability.groupby(reliability["distribution"] != RESIDUAL, sort=False)
        ]
        spread = spread_frame(content, rows)
        spread = spread[spread["distribution"] != RESIDUAL]
        drawings += [_spread(table.name, content, spread, looks)] if len(spread) else []
    return drawings


def scores_of(table: ExperimentResults) -> pd.DataFrame:
    """Tabulate all scores of a calibration; empty for another experiment."""
    found = [score_frame(*part) for part in table.parts] if table.kind == "calibration" else []
    return pd.concat([pd.DataFrame(), *found])


def scores_html(frame: pd.DataFrame) -> Markup:
    """Lay out scores as a table for the page, a line a method and distribution."""
    places = decimals(frame["crps"])
    cells = {
        "data set": list(frame["dataset"]),
        "distribution": [DISTRIBUTION_STYLES[name][0] for name in frame["distribution"]],
        "CRPS": [number(value, places) for value in frame["crps"]],
        "95 % interval": [span(low, high, places) for low, high in frame[["low", "high"]].to_numpy()],
        "energy score": [number(value, places) for value in frame["energy_score"]],
        f"inside the {NOMINAL:.0%} interval": [f"{value:.0%}" for value in frame["coverage"]],
        "spread / error": [number(value, 2) for value in frame["spread_ratio"]],
    }
    return to_html("method", list(frame["name"]), cells, classes={"data set": "text", "distribution": "text"})


def _looks(scores: pd.DataFrame, scene: Scene) -> dict[str, MethodStyle]:
    """The look of each method, and the diagonal's."""
    first = scores.drop_duplicates("name")
    looks = {
        name: replace(scene.styles[method], name=method, dash="solid")
        for name, method in zip(first["name"], first["method"], strict=True)
    }
    return looks | {IDEAL: own_look(MUTED[0], DASHED, marker="")}


def _scores(
    experiment: str, content: DatasetContent, rows: Sequence[ExperimentRow], scores: pd.DataFrame, scene: Scene
) -> Drawing:
    key = {name: words for name, (words, _, _) in DISTRIBUTION_STYLES.items() if name in set(scores["distribution"])}
    looks = {name: own_look(DISTRIBUTION_STYLES[name][1], marker=DISTRIBUTION_STYLES[name][2]) for name in key}
    frame = scores.assign(panel="", row=scores["name"])
    chart = Dots(looks, "distribution", "CRPS, standard deviations", "crps", content.title, key=key)
    about = (
        f"Continuous ranked probability score (CRPS) on {content.name}, over {VALUES}; left is better. For scale: "
        f"knowing only the mean and deviation of normal values gives a CRPS of {CRPS_OF_NORMAL}. Blue: the forecast of "
        "each method with normal noise fitted to its errors on the validation split, for each lead time, in the same "
        f"way for all methods. Other dots: {DRAWS} samples from the method itself, with observation noise fitted on "
        "the validation split, and as they are. Lines are 95 % intervals over test trajectories and seeds."
        f"{_stale(rows, scene)}{not_drawn(rows)}"
    )
    best = scores.sort_values("crps").iloc[0]
    words = f"{best['name']}, {DISTRIBUTION_STYLES[best['distribution']][0]}, has the lowest CRPS."
    finding = if_anybody((row.entry for row in rows), content.groups, words)
    name, file = f"{experiment}-{content.name}-scores", f"experiment-{experiment}-scores"
    return Drawing(name, chart, about, frame, file, finding)


def _stale(rows: Sequence[ExperimentRow], scene: Scene) -> str:
    found = [row.name for row in rows if any(is_stale(one, scene.root) for one in calibrations_of(row.entry))]
    return f" Scored by older code: {listed(found)}." if found else ""


def _with_ideal(frame: pd.DataFrame, horizontal: str, vertical: str, ends: Sequence[float]) -> pd.DataFrame:
    """The table with the diagonal on which calibrated forecasts lie."""
    ideal = pd.DataFrame({"name": IDEAL, horizontal: ends, vertical: ends})
    return pd.concat([frame, ideal], ignore_index=True)


def _told_apart(frame: pd.DataFrame, looks: Looks) -> tuple[pd.DataFrame, dict[str, MethodStyle], dict[str, str]]:
    """A line for each distribution, raw samples dashed: table, looks, and what to write at the ends of lines."""
    raw = frame["distribution"] == RAW
    named = frame.assign(name=frame["name"].where(~raw, frame["name"] + ", as they are"))
    shown = dict(looks) | {f"{name}, as they are": replace(look, dash=DASHED) for name, look in looks.items()}
    return named, shown, dict.fromkeys(named.loc[raw, "name"], "")


def _reliability(experiment: str, content: DatasetContent, frame: pd.DataFrame, looks: Looks, own: bool) -> Drawing:
    named, shown, ends = _told_apart(frame, looks)
    drawn = _with_ideal(named, "nominal", "inside", [0.0, 100.0])
    title = f"values inside (%), {DISTRIBUTION_STYLES[OWN if own else RESIDUAL][0]}"
    scale = Scale("nominal", "probability of the interval (%)", every=3, equal=True)
    chart = Lines(shown, scale, "inside", title, ends=ends, decades=None, size=(WIDTH, SIDE))
    how = "solid: samples with noise; dashed: samples as they are" if own else "with the same noise for all methods"
    about = (
        f"{content.name}: the share of true values inside the central intervals of the forecast distribution ({how}), "
        "over the nominal probability of the interval. On the diagonal a forecast is calibrated; below it, the "
        "forecast is overconfident; above it, underconfident."
    )
    ninety = frame[(frame["nominal"] - 100 * NOMINAL).abs() < 1e-6]
    ninety = ninety[ninety["distribution"] != RAW].sort_values("inside")
    finding = (
        f"The {NOMINAL:.0%} interval contains from {ninety['inside'].iloc[0]:.0f} % ({ninety['name'].iloc[0]}) to "
        f"{ninety['inside'].iloc[-1]:.0f} % ({ninety['name'].iloc[-1]}) of the values."
    )
    name = f"{experiment}-{content.name}-reliability{'-own' if own else ''}"
    return Drawing(name, chart, about, drawn, f"experiment-{experiment}-reliability", finding)


def _spread(experiment: str, content: DatasetContent, frame: pd.DataFrame, looks: Looks) -> Drawing:
    named, shown, ends = _told_apart(frame, looks)
    top = float(frame[["spread", "error"]].to_numpy().max())
    drawn = _with_ideal(named, "spread", "error", [0.0, top])
    title = "error of the mean of the samples, standard deviations"
    scale = Scale("spread", "spread of the samples, standard deviations", every=EVERY, equal=True)
    chart = Lines(shown, scale, "error", title, ends=ends, decades=None, size=(WIDTH, SIDE))
    about = (
        f"{content.name}: the error against the spread of a method's own samples at each lead time, over {VALUES}. A "
        "line runs from the first forecast frame to the last (solid: with the observation noise; dashed: the samples "
        "as they are). On the diagonal the spread matches the error; left of it the samples are overconfident."
    )
    return Drawing(f"{experiment}-{content.name}-spread", chart, about, drawn, f"experiment-{experiment}-spread")
