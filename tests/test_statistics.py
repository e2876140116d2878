"""Intervals with known answers, their coverage on simulated errors, and their degenerate cases."""

import math

import numpy as np
import pytest
from scipy.stats import sem
from scipy.stats import t as student

from ladid_bench.analysis import statistics
from ladid_bench.analysis.statistics import Interval, interval, ratio_band


def simulated(rng, groups, of_group, seeds, between, seed_effect, within):
    """Log-normal errors ``(entry,)`` of trajectories in groups, scored for several seeds, and their true mean."""
    logarithm = between * rng.normal(size=(1, groups, 1)) + seed_effect * rng.normal(size=(seeds, 1, 1))
    errors = np.exp(logarithm + within * rng.normal(size=(seeds, groups, of_group)))
    group = np.broadcast_to(np.arange(groups)[None, :, None], errors.shape)
    seed = np.broadcast_to(np.arange(seeds)[:, None, None], errors.shape)
    truth = np.exp((between**2 + seed_effect**2 + within**2) / 2)
    return errors.ravel(), group.ravel(), seed.ravel(), truth


@pytest.mark.parametrize(
    "design",
    [
        pytest.param((2, 5, 1, 0.5, 0.0, 0.3), id="two groups"),
        pytest.param((8, 5, 1, 0.5, 0.0, 0.3), id="eight groups"),
        pytest.param((50, 1, 1, 0.5, 0.0, 0.0), id="fifty groups"),
        pytest.param((50, 1, 3, 0.5, 0.2, 0.2), id="three seeds"),
        pytest.param((10, 2, 5, 0.5, 0.3, 0.2), id="ten groups, five seeds"),
    ],
)
def test_the_interval_holds_the_true_mean_about_as_often_as_it_says(design, monkeypatch):
    monkeypatch.setattr(statistics, "REPLICATES", 500)
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        errors, group, seed, truth = simulated(rng, *design)
        found = interval(errors, group, seed)
        hits += found.low <= truth <= found.high
    assert 0.87 <= hits / 200 <= 0.995


def test_trajectories_of_one_unit_add_no_certainty():
    errors, group = np.array([1.0, 2.0, 4.0, 3.0]), np.arange(4)
    alone, repeated = interval(errors, group), interval(np.repeat(errors, 10), np.repeat(group, 10))
    assert repeated.low == pytest.approx(alone.low)
    assert repeated.high == pytest.approx(alone.high)


def test_it_is_the_mean_or_the_ratio_of_sums():
    values, weights, group = np.array([1.0, 3.0, 2.0]), np.array([2.0, 2.0, 8.0]), np.arange(3)
    assert interval(values, group).estimate == pytest.approx(2.0)
    assert interval(values, group, weights=weights).estimate == pytest.approx(0.5)


def test_few_units_reach_beyond_what_was_seen():
    found = interval(np.array([1.0, 2.0]), np.array([0, 1]))
    assert found.low < 1 < found.estimate < 2 < found.high


def test_many_units_give_nearly_the_plain_percentiles():
    errors = np.exp(np.random.default_rng(0).normal(size=2000))
    found = interval(errors, np.arange(2000))
    margin = 1.96 * errors.std(ddof=1) / np.sqrt(2000)
    assert found.low == pytest.approx(errors.mean() - margin, rel=0.02)
    assert found.high == pytest.approx(errors.mean() + margin, rel=0.02)


def test_seeds_that_disagree_widen_the_interval():
    rng = np.random.default_rng(0)
    base = np.exp(0.1 * rng.normal(size=50))
    group, seed = np.tile(np.arange(50), 3), np.repeat(np.arange(3), 50)
    agreeing = interval(np.tile(base, 3), group, seed)
    disagreeing = interval(np.concatenate([base, 2 * base, 4 * base]), group, seed)
    assert disagreeing.high / disagreeing.low > 3 * agreeing.high / agreeing.low


def test_it_is_the_same_every_time():
    errors, group = np.random.default_rng(0).random(40), np.arange(40) // 4
    assert interval(errors, group) == interval(errors, group)


@pytest.mark.parametrize(
    ("values", "group"),
    [
        pytest.param([1.0, 2.0, 3.0], [7, 7, 7], id="one group"),
        pytest.param([1.0, np.inf], [0, 1], id="an infinite error"),
        pytest.param([1.0, np.nan], [0, 1], id="no number"),
    ],
)
def test_there_is_no_interval(values, group):
    assert interval(np.array(values), np.array(group)) is None


def test_no_signal_at_all_has_no_interval():
    assert interval(np.zeros(3), np.arange(3), weights=np.zeros(3)) is None


def test_equal_errors_leave_no_doubt():
    found = interval(np.full(6, 0.3), np.arange(6))
    assert (found.low, found.estimate, found.high) == pytest.approx((0.3, 0.3, 0.3))


def test_a_perfect_forecast_has_no_error():
    found = interval(np.zeros(4), np.arange(4))
    assert (found.low, found.estimate, found.high) == (0, 0, 0)


def test_one_perfect_unit_among_others_is_no_obstacle():
    found = interval(np.array([0.0, 1.0, 2.0]), np.arange(3))
    assert found.low == 0
    assert found.estimate == pytest.approx(1.0)
    assert 1 < found.high < np.inf


def test_a_band_has_an_interval_a_frame_and_bears_frames_without_signal():
    rng = np.random.default_rng(0)
    error, scale = rng.random((12, 5)), np.ones((12, 5))
    scale[:, 2] = 0
    band = ratio_band(error, scale, np.arange(12))
    assert band.estimate.shape == band.low.shape == band.high.shape == (5,)
    kept = [0, 1, 3, 4]
    assert (band.low[kept] < band.estimate[kept]).all()
    assert (band.estimate[kept] < band.high[kept]).all()
    assert band.estimate[kept] == pytest.approx(error.mean(axis=0)[kept])
    assert np.isinf(band.estimate[2])


def test_a_band_agrees_with_the_interval_of_each_frame():
    error = np.random.default_rng(0).random((12, 3)) + 0.1
    band = ratio_band(error, np.ones((12, 3)), np.arange(12))
    for frame in range(3):
        found = interval(error[:, frame], np.arange(12))
        assert (band.low[frame], band.high[frame]) == pytest.approx((found.low, found.high))


def test_the_width_over_groups_is_that_of_students_interval():
    """Errors that hardly differ are normal on either scale, so that a t-interval is what it has to come near."""
    for groups, tolerance in ((8, 0.05), (40, 0.06)):
        errors = 1 + 0.01 * np.random.default_rng(groups).normal(size=groups)
        found, margin = interval(errors, np.arange(groups)), student.ppf(0.975, groups - 1) * sem(errors)
        assert found.high - found.low == pytest.approx(2 * margin, rel=tolerance)


def test_the_width_over_seeds_is_that_of_students_interval():
    """Groups that agree and five seeds that differ: four degrees of freedom."""
    means = 1 + 0.01 * np.random.default_rng(3).normal(size=5)
    group, seed = np.tile(np.arange(30), 5), np.repeat(np.arange(5), 30)
    found = interval(np.repeat(means, 30), group, seed)
    margin = student.ppf(0.975, 4) * sem(means)
    assert found.high - found.low == pytest.approx(2 * margin, rel=0.1)


def test_the_interval_of_a_ratio_is_that_of_its_logarithm_and_never_overflows() -> None:
    found = Interval(0.0, math.log(0.5), math.log(3)).exp
    assert (found.estimate, found.low, found.high) == pytest.approx((1, 0.5, 3))
    assert math.isfinite(Interval(1e4, 0.0, 1e6).exp.high)
