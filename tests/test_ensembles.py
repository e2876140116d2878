"""Scores of draws against an independent library, closed forms and distributions that are calibrated."""

import numpy as np
import pytest
import scoringrules
from scipy.stats import norm

from ladid_bench.data.ensembles import DRAWS, crps, depth, energy_score, levels

RANDOM = np.random.default_rng(0)
TRUTH = RANDOM.normal(size=(4, 5, 6))
SAMPLES = RANDOM.gamma(2.0, size=(11, 4, 5, 6)) + 0.5 * TRUTH


def test_crps_is_that_of_the_library() -> None:
    expected = scoringrules.crps_ensemble(TRUTH, SAMPLES, m_axis=0, estimator="fair")
    np.testing.assert_allclose(crps(TRUTH, SAMPLES), expected, rtol=1e-10)


def test_energy_score_is_that_of_the_library() -> None:
    expected = scoringrules.es_ensemble(TRUTH, SAMPLES, m_axis=0, v_axis=-1, estimator="fair")
    np.testing.assert_allclose(energy_score(TRUTH, SAMPLES), expected, rtol=1e-10)


def test_energy_score_of_a_single_value_is_its_crps() -> None:
    np.testing.assert_allclose(energy_score(TRUTH[..., None], SAMPLES[..., None]), crps(TRUTH, SAMPLES), rtol=1e-10)


@pytest.mark.parametrize("truth", [-1.0, 0.0, 2.5])
def test_crps_of_normal_draws_is_the_closed_form_whatever_their_number(truth: float) -> None:
    """crps(N(m, s), y) = s (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi)); five draws without correction add a tenth."""
    mean, deviation = 0.3, 2.0
    z = (truth - mean) / deviation
    exact = deviation * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    draws = np.random.default_rng(1).normal(mean, deviation, (5, 100_000))
    assert crps(np.full(draws.shape[1], truth), draws).mean() == pytest.approx(exact, abs=0.012)


def test_a_certain_forecast_has_its_absolute_error() -> None:
    draws = np.full((DRAWS, 3, 2), 1.0)
    truth = np.array([[1.0, 1.0], [4.0, 1.0], [4.0, 5.0]])
    np.testing.assert_allclose(crps(truth, draws), np.abs(truth - 1), atol=1e-12)
    np.testing.assert_allclose(energy_score(truth, draws), [0, 3, 5])  # 3-4-5


def test_intervals_hold_as_many_values_as_they_say() -> None:
    """39 draws and a truth of one distribution: each rank of the truth is equally likely, so 5 % a pair of ranks."""
    assert levels(DRAWS)[1] == pytest.approx(0.9)
    np.testing.assert_allclose(levels(DRAWS), np.arange(0.95, 0.04, -0.05))
    values = np.random.default_rng(2).exponential(size=(DRAWS + 1, 40_000))
    inside = depth(values[0], values[1:])
    covered = [(inside >= place).mean() for place in range(1, DRAWS // 2 + 1)]
    np.testing.assert_allclose(covered, levels(DRAWS), atol=0.01)


@pytest.mark.parametrize(("truth", "expected"), [(0.5, 0), (1.0, 1), (2.5, 2), (4.0, 1), (9.0, 0)])
def test_depth_counts_the_intervals_around_a_value_ends_included(truth: float, expected: int) -> None:
    draws = np.array([3.0, 1.0, 4.0, 2.0])[:, None]
    assert depth(np.array([truth]), draws).tolist() == [expected]


def test_draws_that_are_all_equal_hold_the_truth_only_if_it_is_they() -> None:
    assert depth(np.array([7.0, 7.1]), np.full((DRAWS, 2), 7.0)).tolist() == [DRAWS // 2, 0]
