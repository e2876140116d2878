"""What the report makes of calibrations and of errors taken apart, from tables whose answers are known."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from markupsafe import Markup
from test_report_figures import entry, sample

from ladid_bench.analysis.calibrations import reliability_frame, score_frame, spread_frame
from ladid_bench.analysis.curves import split_frame
from ladid_bench.analysis.entries import DatasetContent, Entry
from ladid_bench.analysis.experiments import ExperimentRow
from ladid_bench.analysis.frames import accuracy_frame
from ladid_bench.analysis.study_results import ExperimentResults
from ladid_bench.core.configuration import Study
from ladid_bench.reporting.calibration_figures import calibration_drawings, scores_html, scores_of
from ladid_bench.reporting.error_split import _ends, errors_apart
from ladid_bench.reporting.experiments import Scene
from ladid_bench.reporting.palette import styles
from ladid_bench.runs.calibration import Calibration

LEVELS = np.arange(0.95, 0.04, -0.05)
TRAJECTORIES, FRAMES = 12, 3


def calibration(key: str, method: str, crps: dict[str, float], seed: int, covered: float = 1.0) -> Calibration:
    """Scores whose mean over trajectories is ``crps``; intervals hold ``covered`` times what they should."""
    hard = np.linspace(0.5, 1.5, TRAJECTORIES)
    scored = [
        {
            **{"name": name, "crps": (value * hard).tolist(), "energy_score": (2 * value * hard).tolist()},
            **{"coverage": (covered * LEVELS).tolist(), "spread": [0.3, 0.4, 0.5], "error": [0.6, 0.8, 1.0]},
        }
        for name, value in crps.items()
    ]
    own = [0.1] if len(crps) > 1 else None
    provenance = {"commit": "c" * 40, "dirty": False, "code_hash": "former", "model_sha256": ""}
    return Calibration(
        **{"key": key, "dataset": "set", "method": method, "variant": "default", "seed": seed, "reason": ""},
        **{"draws": 39, "varying": 0.5, "group": list(range(TRAJECTORIES)), "lead_times": [0.1, 0.2, 0.3]},
        noise={"residual": [[0.1]] * FRAMES, "observation": own},
        scored=scored,
        provenance={**provenance, "data_sha256": {}, "versions": {}},
    )


def calibrated(method: str, crps: dict[str, list[float]], kind: str = "neural", covered: float = 1.0) -> Entry:
    """A method with a run a seed."""
    count = len(crps["residual"])
    made = entry(method, dict.fromkeys(range(count), 0.5), np.full(TRAJECTORIES, 0.5), kind)
    runs = [
        replace(
            run,
            row=run.row | {"dataset": "set"},
            calibration=calibration(
                run.key, method, {name: values[seed] for name, values in crps.items()}, seed, covered
            ),
        )
        for seed, run in enumerate(made.runs)
    ]
    return replace(made, runs=tuple(runs))


OWN = {"residual": [0.3, 0.5], "own": [0.2, 0.4], "raw": [0.6, 0.8]}


@pytest.fixture
def table() -> ExperimentResults:
    entries = (calibrated("ridge", {"residual": [0.2]}, "simple"), calibrated("ladid", OWN, covered=0.8))
    content = DatasetContent("set", "Set", "nmse", "s", {}, entries)
    return ExperimentResults("trust", "calibration", [(content, [ExperimentRow(one, None) for one in entries])])


def drawn(table: ExperimentResults, root: Path):
    study = Study(scale="tiny", datasets={"pendulum": {}}, experiments={"comparison": {}})
    looks = {label: replace(look, name=label) for label, look in styles([table.parts[0][0]]).items()}
    return {one.name: one for one in calibration_drawings(table, Scene(study, root, looks, []))}


def test_scores_are_means_over_seeds_with_intervals_best_by_the_same_noise_first(table: ExperimentResults) -> None:
    frame = score_frame(*table.parts[0])
    assert [tuple(row) for row in frame[["name", "distribution"]].to_numpy()] == [
        ("ridge", "residual"),
        ("ladid", "residual"),
        ("ladid", "own"),
        ("ladid", "raw"),
    ]
    np.testing.assert_allclose(frame["crps"], [0.2, 0.4, 0.3, 0.7])
    np.testing.assert_allclose(frame["energy_score"], 2 * frame["crps"])
    np.testing.assert_allclose(frame["coverage"], [0.9, 0.72, 0.72, 0.72])
    np.testing.assert_allclose(frame["spread_ratio"], 0.5)
    assert ((frame["low"] < frame["crps"]) & (frame["crps"] < frame["high"])).all()
    html = scores_html(scores_of(table))
    assert isinstance(html, Markup) and html.count("<tr>") == 1 + len(frame)
    assert scores_of(replace(table, kind="sweep")).empty


def test_intervals_are_drawn_against_the_diagonal_own_samples_apart(table: ExperimentResults, root: Path) -> None:
    frame = reliability_frame(*table.parts[0])
    ladid = frame[(frame["name"] == "ladid") & (frame["distribution"] == "own")]
    np.testing.assert_allclose(ladid["inside"], 0.8 * ladid["nominal"])
    assert list(ladid["nominal"][:2]) == [5, 10]
    found = drawn(table, root)
    assert set(found) == {f"trust-set-{what}" for what in ("scores", "reliability", "reliability-own", "spread")}
    same, own = (found[f"trust-set-reliability{which}"] for which in ("", "-own"))
    assert set(same.frame["name"]) == {"ridge", "ladid", "calibrated"}
    assert set(own.frame["name"]) == {"ladid", "ladid, as they are", "calibrated"}
    assert re.findall(r"(\d+) %", own.finding) == ["72", "72"]
    assert {"ladid", "calibrated"} <= set(re.findall(r">([^<>]+)</text>", own.svg))


def test_a_figure_of_older_scores_says_whose(table: ExperimentResults, root: Path) -> None:
    about = drawn(table, root)["trust-set-scores"].about
    assert re.search(r"older code: ridge and ladid", about)


def test_a_distribution_that_some_seeds_lack_is_left_out(table: ExperimentResults) -> None:
    content, (_, row) = table.parts[0]
    first, second = row.entry.runs
    alone = replace(second, calibration=calibration(second.key, "ladid", {"residual": 0.5}, 1))
    rows = [ExperimentRow(replace(row.entry, runs=(first, alone)), None)]
    assert list(score_frame(content, rows)["distribution"]) == ["residual"]
    none = [ExperimentRow(replace(row.entry, runs=(replace(first, calibration=None),)), None)]
    assert score_frame(content, none).empty and spread_frame(content, none).empty


def test_seeds_enter_as_means_of_coverage_and_as_root_mean_squares_of_spread_and_error(
    table: ExperimentResults,
) -> None:
    """Of a seed and of one with seven times its spread and error: the root of (1 + 49) / 2 is 5."""
    content, (_, row) = table.parts[0]
    first, second = row.entry.runs
    assert second.calibration is not None
    scored = [
        one.model_copy(
            update={
                "spread": [7 * value for value in one.spread],
                "error": [7 * value for value in one.error],
                "coverage": [0.5 * value for value in one.coverage],
            }
        )
        for one in second.calibration.scored
    ]
    wide = replace(second, calibration=second.calibration.model_copy(update={"scored": scored}))
    rows = [ExperimentRow(replace(row.entry, runs=(first, wide)), None)]
    found = spread_frame(content, rows)
    raw = found[found["distribution"] == "raw"]
    np.testing.assert_allclose(raw["spread"], [1.5, 2.0, 2.5])
    np.testing.assert_allclose(raw["error"], [3.0, 4.0, 5.0])
    assert raw["lead_time"].tolist() == [0.1, 0.2, 0.3]
    inside = reliability_frame(content, rows)
    np.testing.assert_allclose(inside["inside"], 0.75 * 0.8 * inside["nominal"])


def test_changed_settings_stand_behind_the_name(table: ExperimentResults) -> None:
    content, (row, _) = table.parts[0]
    rows = [row, ExperimentRow(replace(row.entry, changes="strength=2"), None)]
    assert score_frame(content, rows)["name"].tolist() == ["ridge", "ridge (strength=2)"]


def test_seeds_that_disagree_widen_the_interval_of_a_score(table: ExperimentResults) -> None:
    content, _ = table.parts[0]
    widths = []
    for crps in ([0.4, 0.4], [0.2, 0.6]):
        (one,) = score_frame(content, [ExperimentRow(calibrated("ladid", {"residual": crps}), None)]).to_dict("records")
        assert one["crps"] == pytest.approx(0.4)
        widths.append(one["high"] / one["low"])
    assert widths[1] > 2 * widths[0]


def grown(label: str, first: float, last: float, floor: float | None, kind: str = "neural") -> Entry:
    """A method whose squared error is ``first`` in the first of ten frames and ``last`` in the others, of truth 1."""
    errors = np.full((4, 10), last, np.float32)
    errors[:, 0] = first
    ones = np.ones_like(errors)
    kept = replace(
        sample(np.ones(4)),
        **{"squared_error": errors, "squared_truth": ones, "squared_deviation": ones},
        times=np.tile(np.arange(10.0), (4, 1)),
    )
    made = entry(label, {0: float(errors.mean())}, np.ones(4), kind)
    (run,) = made.runs
    metrics = {} if floor is None else {"floor_nmse": floor}
    return replace(made, runs=(replace(run, row=run.row | metrics, sample=kept),))


def test_errors_are_taken_apart_by_floor_first_frame_and_growth() -> None:
    """``blind`` cannot render, ``lost`` renders well and loses the motion, ``ridge`` has no decoder."""
    entries = (grown("blind", 0.8, 0.9, 0.7), grown("lost", 0.02, 0.6, 0.01), grown("ridge", 0.1, 0.2, None, "simple"))
    content = DatasetContent("set", "Set", "nmse", "s", {}, entries)
    frame = split_frame(content).set_index("name")
    assert list(frame.index) == ["ridge", "lost", "blind"]
    assert frame.loc["lost", "growth"] == pytest.approx(30)
    assert frame.loc["lost", "mean"] == pytest.approx((0.02 + 9 * 0.6) / 10)
    assert frame.loc["blind", "floor"] == 0.7 and np.isnan(frame.loc["ridge", "floor"])
    drawing = errors_apart(content, styles([content]))
    assert drawing is not None
    assert re.match(r"blind .*0\.7.*lost .*30", drawing.finding)
    assert {"blind", "lost", "ridge"} <= set(re.findall(r">([^<>]+)</text>", drawing.svg))
    assert errors_apart(replace(content, entries=()), {}) is None


@pytest.mark.parametrize(("frames", "last"), [(20, 19.5), (5, 5.0)])
def test_the_end_of_a_horizon_is_its_last_tenth_and_at_least_a_frame(frames: int, last: float) -> None:
    """The errors are 1, 2, 3 and so on."""
    made = grown("a", 1.0, 1.0, None)
    (run,) = made.runs
    assert run.sample is not None
    ones = np.ones((4, frames), np.float32)
    errors = {"squared_error": ones.cumsum(axis=1), "squared_truth": ones, "squared_deviation": ones, "times": ones}
    long = replace(made, runs=(replace(run, sample=replace(run.sample, **errors)),))
    (found,) = split_frame(DatasetContent("set", "Set", "nmse", "s", {}, (long,))).to_dict("records")
    assert (found["first"], found["last"], found["growth"]) == (1, last, last)


def test_what_is_far_off_does_not_stretch_the_scale_of_errors() -> None:
    """Of values about 0.05 none is drawn beyond 30 times of it, or below its 900th part; 1 is always on the scale."""
    frame = pd.DataFrame([[0.01, 0.04, 0.05, 0.1], [1e-7, 0.05, 0.2, 1e6]], columns=["floor", "first", "mean", "last"])
    assert _ends(frame) == pytest.approx((0.01 / 1.15, 1.15))


def test_skill_is_what_is_gone_of_the_best_simple_error_and_equal_errors_share_a_rank() -> None:
    """Errors of 0.1 and 0.8 against 0.4: three quarters are gone, or as much again has come."""
    entries = (
        *(grown(name, error, error, None) for name, error in (("good", 0.1), ("bad", 0.8))),
        *(grown(name, 0.4, 0.4, None, "simple") for name in ("ridge", "mean")),
        grown("coder", 0.01, 0.01, None, "floor"),
    )
    content = DatasetContent("set", "Set", "nmse", "s", {}, entries)
    frame = accuracy_frame(content, [*content.ordered, *content.floors], ["nmse_mean", "skill"])
    assert frame["method"].tolist() == ["good", "ridge", "mean", "bad", "coder"]
    np.testing.assert_allclose(frame["skill"], [0.75, 0, 0, -1, np.nan], atol=1e-6)
    np.testing.assert_array_equal(frame["rank"], [1, 2.5, 2.5, 4, np.nan])


def test_valid_times_are_told_in_lyapunov_times_where_the_exponent_is_known() -> None:
    made = grown("lost", 0.02, 0.6, 0.01)
    (run,) = made.runs
    timed = replace(made, runs=(replace(run, row=run.row | {"valid_time_mean": 2.0}),))
    splits = {"test": {"trajectories": 4}}
    for exponent, expected in ((0.75, 1.5), (None, np.nan)):
        card = {"lyapunov_exponent": exponent, "splits_made": splits, "task": {"time_step": 1.0}}
        content = DatasetContent("set", "Set", "nmse", "s", card, (timed,))
        found = accuracy_frame(content, [timed], ["nmse_mean", "valid_lyapunov_times"])
        np.testing.assert_allclose(found["valid_lyapunov_times"], [expected])
