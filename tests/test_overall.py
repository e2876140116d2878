"""Interquartile means, improvement and performance profiles over data sets, by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_claims import Made

from ladid_bench.analysis.overall import (
    COLUMNS,
    in_full,
    overall_frame,
    profiles,
    run_errors,
    shared_sets,
    time_to_target,
)

ERRORS = {  # by method and data set, one a seed
    "ladid": {"pendulum": [0.1, 0.2, 0.3, 0.4], "wave": [1.0, 2.0, 3.0, 4.0]},
    "gru": {"pendulum": [0.25], "wave": [2.0]},
    "fno": {"pendulum": [0.05, np.inf]},
}


@pytest.fixture
def errors() -> pd.DataFrame:
    rows = [
        (method, dataset, seed, error)
        for method, sets in ERRORS.items()
        for dataset, several in sets.items()
        for seed, error in enumerate(several)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def test_interquartile_means_and_improvement(errors: pd.DataFrame) -> None:
    frame = overall_frame(errors).set_index("method")
    assert frame.loc["ladid", "interquartile_mean"] == pytest.approx((0.3 + 0.4 + 1.0 + 2.0) / 4)  # 4 middle ones of 8
    assert frame.loc["gru", "interquartile_mean"] == pytest.approx((0.25 + 2.0) / 2)
    assert frame.loc["gru", "improvement"] == pytest.approx((2 / 4 + 1.5 / 4) / 2)  # on waves one of four is level
    assert frame.loc["fno", "improvement"] == pytest.approx(4 / 8)  # never ahead of the one, always of the lost one
    assert np.isnan(frame.loc["fno", "interquartile_mean"])  # it has no runs on waves, where errors are larger
    assert frame["datasets"].to_dict() == {"ladid": 2, "gru": 2, "fno": 1}


def test_performance_profiles(errors: pd.DataFrame) -> None:
    frame = profiles(errors, "error", [0.2, 2.0]).set_index(["method", "threshold"])["share"]
    assert frame["ladid", 0.2] == pytest.approx((2 / 4 + 0) / 2)
    assert frame["ladid", 2.0] == pytest.approx((1 + 2 / 4) / 2)
    assert frame["fno", 2.0] == pytest.approx(1 / 2)


def test_methods_without_runs_on_some_data_sets_of_ladid_are_not_profiled(errors: pd.DataFrame) -> None:
    assert set(in_full(errors)["method"]) == {"ladid", "gru"}
    more = pd.concat([errors, pd.DataFrame([["gru", "rain", 0, 1.0]], columns=COLUMNS)])
    assert set(in_full(more)["dataset"]) == {"pendulum", "wave"}


def test_a_data_set_that_few_methods_have_been_run_on_leaves_nobody_out(errors: pd.DataFrame) -> None:
    """One method of three is fewer than half; with a second one the data set is shared."""
    begun = pd.concat([errors, pd.DataFrame([["ladid", "rain", 0, 9.0]], columns=COLUMNS)])
    assert shared_sets(begun) == ["pendulum", "wave"]
    assert overall_frame(begun)["interquartile_mean"].equals(overall_frame(errors)["interquartile_mean"])
    assert shared_sets(pd.concat([begun, pd.DataFrame([["fno", "rain", 0, 9.0]], columns=COLUMNS)])) == [
        *("pendulum", "wave", "rain")
    ]


def test_the_time_to_a_target_is_that_of_the_first_validation_below_it() -> None:
    curve = {"seconds": [10.0, 20.0, 30.0], "valid_nmse": [0.6, 0.2, 0.4]}
    never = {"seconds": [10.0, 20.0, 30.0], "valid_nmse": [0.9, 0.8, 0.7]}
    told = {"method": "ladid", "dataset": "wave"}
    curves = pd.concat(pd.DataFrame({**told, "seed": seed, **one}) for seed, one in enumerate((curve, never)))
    assert time_to_target(curves, 0.5)["seconds"].tolist() == [20.0, np.inf]
    assert time_to_target(curves, 0.2)["seconds"].tolist() == [20.0, np.inf]
    assert time_to_target(curves, 0.1)["seconds"].tolist() == [np.inf, np.inf]
    shares = profiles(time_to_target(curves, 0.5), "seconds", [19.0, 20.0])["share"]
    assert shares.tolist() == [0.0, 0.5]


def test_errors_come_from_the_runs_of_the_comparison_and_lost_ones_are_infinite() -> None:
    made = Made()
    made.runs("pendulum", "ladid", 0.1, noise=0)
    made.runs("pendulum", "gru", 0.2, seeds=(0,), status="diverged")
    made.runs("pendulum", "ndp", 0.2, status="not run")
    made.runs("pendulum", "gru", 0.01, experiment="ablation")
    found = run_errors(made.evidence)
    assert found[["method", "seed"]].to_numpy().tolist() == [["ladid", 0], ["ladid", 1], ["ladid", 2], ["gru", 0]]
    hard = np.random.default_rng(0).lognormal(0, 0.5, 20).mean()  # how the trajectories of made-up runs differ
    assert found["error"].tolist() == pytest.approx([0.1 * hard] * 3 + [np.inf])


def test_each_data_set_stands_with_the_longest_trainings_that_its_comparison_has() -> None:
    made, hard = Made(), np.random.default_rng(0).lognormal(0, 0.5, 20).mean()
    made.runs("wave", "ladid", 0.3, seeds=(0,), noise=0, experiment="", rung_of="comparison")
    made.runs("wave", "ladid", 0.2, seeds=(0,), noise=0, steps=1200)
    made.runs("double-pendulum", "ladid", 0.1, seeds=(0,), noise=0)  # whose cap is 600
    made.runs("wave", "ladid", 0.05, seeds=(0,), noise=0, steps=2400, experiment="longer")
    found = run_errors(made.evidence)
    assert found["error"].tolist() == pytest.approx([0.2 * hard, 0.1 * hard])


def test_a_pooled_error_of_a_run_is_a_ratio_of_sums() -> None:
    """On radar rain, whose primary error is the FVU: half of the trajectories deviate ten times as much."""
    made = Made()
    made.runs("radar-rain", "ladid", 0.1, seeds=(0,), noise=0)
    (key,) = made.samples
    one = made.samples[key]
    larger = np.where(np.arange(20) < 10, 1.0, 10.0)[:, None].astype(np.float32)
    made.samples[key] = replace(one, squared_deviation=larger * one.squared_deviation)
    expected = one.squared_error.sum() / (4 * larger.sum())  # of four frames
    assert run_errors(made.evidence)["error"].tolist() == pytest.approx([expected])


def test_without_runs_there_is_nothing_to_tell() -> None:
    assert overall_frame(run_errors(Made().evidence)).empty
