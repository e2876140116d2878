"""Figures of the claims over the budget, and of all methods over all data sets."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_claims import Made

from ladid_bench.analysis.claims import CLAIMS, judge
from ladid_bench.analysis.entries import DatasetContent, Entry, Run
from ladid_bench.analysis.overall import COLUMNS
from ladid_bench.reporting.budget_figures import budget_drawing
from ladid_bench.reporting.charts import Lines, Scale
from ladid_bench.reporting.palette import own_look, styles
from ladid_bench.reporting.profile_figures import _ticks, error_profiles, time_profiles

LOOKS = {name: own_look("#d1540a", name=name) for name in ("ladid", "gru", "ode-rnn", "ndp")}


def rows(**changed: object) -> pd.DataFrame:
    """Two rivals on two data sets at two budgets: the ratio to one falls, that to the other is level."""
    made = []
    for dataset in ("pendulum", "wave"):
        for second, ratios in (("ode-rnn", (0.9, 0.5)), ("gru", (1.0, 1.1))):
            for steps, ratio in zip((600, 1200), ratios, strict=True):
                made.append(
                    {"claim": "C1a", "part": "all", "arm": "", "counted": True, "limit": 1.0, "dataset": dataset}
                    | {"first": "ladid", "second": second, "steps": steps, "ratio": ratio}
                    | {"low": ratio / 1.2, "high": ratio * 1.2}
                    | {"tells": "for" if ratio < 0.8 else "open", "standing": "settled" if ratio < 0.8 else "moving"}
                    | changed
                )
    return pd.DataFrame(made)


def test_a_claim_has_a_panel_a_data_set_and_a_line_a_pair_with_its_intervals() -> None:
    drawing = budget_drawing("C1a", rows(), LOOKS)
    assert drawing is not None
    assert drawing.name == "budgets-c1a"
    figure = drawing.chart(drawing.frame)
    panels = figure.axes
    assert [axes.get_title() for axes in panels] == ["pendulum", "wave"]
    lines = {line.get_label(): list(line.get_ydata()) for line in panels[0].get_lines() if line.get_gid()}
    assert lines == {"ode-rnn": [0.9, 0.5], "gru": [1.0, 1.1]}
    bars = [tuple(segment[:, 1]) for one in panels[0].collections for segment in one.get_segments()]
    expected = [(one / 1.2, one * 1.2) for one in (0.5, 0.9, 1.0, 1.1)]
    np.testing.assert_allclose(sorted(bars), expected)
    assert [text.get_text() for text in panels[0].get_xticklabels()] == ["600", "1,200"]
    low, high = panels[0].get_ylim()
    assert low < 0.5 / 1.2 and high > 1.1 * 1.2
    assert "2 intervals of 4" in drawing.finding and "2 have settled" in drawing.finding


def test_the_finding_counts_pairs_for_and_against_at_the_last_budget_and_their_median() -> None:
    """Ratios of 0.5, 1.1, 0.5 and 4: half-way between 0.5 and 1.1."""
    frame = rows()
    worse = (frame["dataset"] == "wave") & (frame["second"] == "gru") & (frame["steps"] == 1200)
    frame.loc[worse, ["ratio", "tells"]] = [4.0, "against"]
    drawing = budget_drawing("C1a", frame, LOOKS)
    assert drawing is not None
    told = ("1,200 steps", "2 intervals of 4", "1 above", "2 have settled", "ratio is 0.8.")
    assert [one in drawing.finding for one in told] == [True] * 5


def test_what_does_not_count_is_not_drawn_and_limits_are() -> None:
    assert budget_drawing("C1a", rows(counted=False), LOOKS) is None
    assert budget_drawing("C1a", pd.DataFrame(), LOOKS) is None
    drawing = budget_drawing("C5", rows(limit=1.05), LOOKS)
    assert drawing is not None
    axes, _ = drawing.chart(drawing.frame).axes
    assert {1, 1.05} <= {line.get_ydata()[0] for line in axes.get_lines() if not line.get_gid()}


def test_pairs_that_share_a_rival_are_told_apart() -> None:
    drawing = budget_drawing("C9", pd.concat([rows(), rows(first="ladid:film")]), LOOKS)
    assert drawing is not None
    assert set(drawing.frame["name"]) == {
        f"{first} over {second}" for first in ("ladid", "ladid:film") for second in ("gru", "ode-rnn")
    }


def test_an_endless_interval_does_not_flatten_the_rest() -> None:
    frame = rows()
    frame.loc[0, "high"], frame.loc[1, "low"] = math.inf, 0.0
    drawing = budget_drawing("C1a", frame, LOOKS)
    assert drawing is not None
    low, high = drawing.chart(drawing.frame).axes[0].get_ylim()
    assert 0.01 < low < 0.5 and 1.1 < high < 50


def test_the_figures_are_made_of_what_claims_are_judged_by() -> None:
    """The ratio at each budget is that of the made-up runs."""
    made = Made()
    for error, steps in ((0.5, 600), (0.25, 1200)):
        for dataset in ("pendulum", "wave", "double-pendulum"):
            made.runs(dataset, "ladid", error, noise=0, steps=steps)
            for rival in ("ode-rnn", "ode2vae", "ndp", "msvi"):
                made.runs(dataset, rival, 1.0, noise=0, steps=steps)
    (judged,) = judge(made.evidence, [one for one in CLAIMS if one.id == "C1a"])
    drawing = budget_drawing("C1a", judged.frame, LOOKS)
    assert drawing is not None
    one = drawing.frame[(drawing.frame["name"] == "ndp") & (drawing.frame["dataset"] == "wave")]
    assert dict(zip(one["steps"], one["ratio"], strict=True)) == pytest.approx({600: 0.5, 1200: 0.25})


def test_profiles_of_errors_are_shares_of_runs_and_lost_runs_reach_nothing() -> None:
    errors = pd.DataFrame(
        [["ladid", "wave", 0, 0.1], ["ladid", "wave", 1, 0.2], ["gru", "wave", 0, 0.15], ["gru", "wave", 1, np.inf]],
        columns=COLUMNS,
    )
    drawing = error_profiles(errors, LOOKS)
    assert drawing is not None
    last = drawing.frame[drawing.frame["threshold"] == drawing.frame["threshold"].max()].set_index("name")["share"]
    assert last.to_dict() == {"ladid": 1.0, "gru": 0.5}
    assert list(dict.fromkeys(drawing.frame["name"])) == ["ladid", "gru"]
    assert "ladid" in drawing.finding
    assert drawing.svg
    assert error_profiles(errors[errors["method"] == "ladid"], LOOKS) is None


def test_of_many_methods_ladid_and_the_best_are_in_colour() -> None:
    names = ["ladid", *(f"m{place}" for place in range(9))]
    errors = pd.DataFrame([[name, "wave", 0, 0.9 - 0.08 * place] for place, name in enumerate(names)], columns=COLUMNS)
    drawing = error_profiles(errors, {name: own_look("#d1540a", name=name) for name in names})
    assert drawing is not None and isinstance(drawing.chart, Lines)
    assert {name for name, look in drawing.chart.looks.items() if look.strong} == {"ladid", "m8", "m7", "m6"}


def test_equal_units_widen_the_axes_no_more_than_the_room_for_names_asks_for() -> None:
    frame = pd.DataFrame({"name": ["ladid"] * 2 + ["gru"] * 2, "x": [0.0, 1.0] * 2, "y": [0.0, 1.0, 0.0, 0.5]})
    figure = Lines(LOOKS, Scale("x", "x", equal=True), "y", decades=None, size=(420, 330))(frame)
    (axes,) = figure.axes
    across, up = (high - low for low, high in (axes.get_xlim(), axes.get_ylim()))
    assert across / axes.bbox.width == pytest.approx(up / axes.bbox.height)
    assert min(across, up) == pytest.approx(1.1, abs=0.01)  # the margins alone along one of them


def test_no_method_has_the_hue_of_ladid_and_the_next_nine_differ() -> None:
    row = {"key": "k", "seed": 0, "status": "ok"}
    entries = tuple(
        Entry(name, "default", 1.0, "neural", name, (Run(row, None, {}),))
        for name in ("ladid", *(f"net-{place:02}" for place in range(13)))
    )
    looks = styles([DatasetContent("wave", "Waves", "nmse", "", {}, entries)])
    colours = [looks[entry.label].colour for entry in entries]
    assert colours.count(colours[0]) == 1 and len(set(colours[:10])) == 10
    assert len({(looks[entry.label].colour, str(looks[entry.label].dash)) for entry in entries}) == 14


def test_time_to_target_is_that_of_the_variant_that_stands_for_its_method() -> None:
    """LaDID reaches 0.4 half-way through 30 s, ``gru`` at the end of 10 s; LaDID's other variant would at once."""

    def entry(method: str, variant: str, label: str, seconds: float, errors: tuple[float, float]) -> Entry:
        history = [{"step": 5 * (1 + place), "valid_nmse": error} for place, error in enumerate(errors)]
        row = {"key": label, "seed": 0, "status": "ok", "nmse_mean": errors[-1], "cost_cpu_seconds": seconds}
        return Entry(method, variant, 1.0, "neural", label, (Run(row, None, {"history": history}),))

    entries = (
        entry("ladid", "default", "ladid:default", 30.0, (0.4, 0.3)),
        entry("ladid", "film", "ladid:film", 1.0, (0.1, 0.1)),
        entry("gru", "default", "gru", 10.0, (0.9, 0.4)),
    )
    dataset = DatasetContent("wave", "Waves", "nmse", "", {}, entries)
    drawings = time_profiles([dataset], {"ladid": "default", "gru": "default"}, LOOKS)
    assert [one.name for one in drawings] == ["time-to-0-5"]  # nobody reaches the other targets
    shares = drawings[0].frame.groupby("name")["share"].agg(["min", "max"])
    assert shares.to_dict("index") == {"ladid": {"min": 0, "max": 1}, "gru": {"min": 0, "max": 1}}
    assert drawings[0].frame["threshold"].min() == pytest.approx(9)
    several = [replace(entries[2], method=name, label=name) for name in ("ode-rnn", "ndp")]
    faster = entry("ladid", "default", "ladid:default", 30.0, (0.4, 0.19))
    few = replace(dataset, entries=(faster, *entries[2:], *several))
    preferred = dict.fromkeys(("ladid", "gru", "ode-rnn", "ndp"), "default")
    assert [one.name for one in time_profiles([few], preferred, LOOKS)] == ["time-to-0-5"]  # one of four reaches 0.2
    measured = replace(dataset, name="air", primary_metric="fvu")
    assert time_profiles([measured], {"ladid": "default", "gru": "default"}, LOOKS) == []


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0.8, 1200, [1, 10, 100, 1000]), (4.0, 40, [5, 10, 20]), (12.0, 31, [15, 20, 30]), (6.1, 6.4, [6])],
)
def test_logarithmic_axes_have_enough_round_numbers(low: float, high: float, ticks: list[float]) -> None:
    assert _ticks(low, high) == pytest.approx(ticks)
