"""Metrics against values that can be worked out by hand."""

import numpy as np

from ladid_bench.data.metrics import measure, spectral_distance, vrmse

RANDOM = np.random.default_rng(0)
TRUTH = RANDOM.normal(size=(5, 7, 1, 8, 8))
MEAN = TRUTH.mean(axis=(0, 1))


def test_zero_forecast_has_nmse_one_and_truth_has_zero() -> None:
    assert np.allclose(measure(TRUTH, np.zeros_like(TRUTH), MEAN).nmse, 1)
    assert np.allclose(measure(TRUTH, TRUTH, MEAN).nmse, 0)


def test_training_mean_has_fvu_one() -> None:
    errors = measure(TRUTH, np.broadcast_to(MEAN, TRUTH.shape), MEAN)
    assert np.isclose(errors.pooled_fvu, 1)
    assert np.allclose(errors.fvu, 1)


def test_curve_is_a_ratio_of_sums_and_survives_empty_frames() -> None:
    truth = TRUTH.copy()
    truth[0, 3] = 0  # one dry picture
    curve = measure(truth, np.zeros_like(truth), MEAN).nmse_curve
    assert np.allclose(curve, 1)


def test_error_without_signal_is_infinite_not_nan() -> None:
    silent = np.zeros_like(TRUTH)
    assert np.isinf(measure(silent, silent + 1, np.zeros((1, 8, 8))).nmse).all()
    assert (measure(silent, silent, np.zeros((1, 8, 8))).nmse == 0).all()


def test_valid_time_ends_at_the_first_bad_frame() -> None:
    forecast = TRUTH.copy()
    forecast[:, 4:] += 10
    times = np.tile(np.arange(1.0, 8.0), (5, 1))
    assert np.allclose(measure(TRUTH, forecast, MEAN).valid_time(times, np.zeros(5)), 4)
    assert np.allclose(measure(TRUTH, TRUTH, MEAN).valid_time(times, np.zeros(5)), 7)


def test_vrmse_of_the_spatial_mean_is_one() -> None:
    flat = np.broadcast_to(TRUTH.mean(axis=(2, 3, 4), keepdims=True), TRUTH.shape)
    assert np.allclose(vrmse(TRUTH, flat), 1)


def test_spectral_distance_ignores_phase_and_sees_blur() -> None:
    shifted = np.roll(TRUTH, 3, axis=-1)
    assert np.allclose(spectral_distance(TRUTH, shifted), 0, atol=1e-9)
    assert (spectral_distance(TRUTH, 0.1 * TRUTH) > 1.9).all()  # a hundredth of the power is two decades
