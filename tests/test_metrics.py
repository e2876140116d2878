"""Metrics against values that can be worked out by hand."""

import numpy as np
import pytest

from ladid_bench.data.metrics import (
    LARGEST_ERROR,
    Errors,
    measure,
    spectral_distance,
    temporal_fvu,
    unusable,
    validation_nmse,
    vrmse,
)
from ladid_bench.data.variables import Variable

RANDOM = np.random.default_rng(0)
TRUTH = RANDOM.normal(size=(5, 7, 1, 8, 8))
MEAN = TRUTH.mean(axis=(0, 1))


def test_what_no_file_can_hold_is_told_apart() -> None:
    assert unusable(TRUTH) == ""
    values = np.array([np.nan, np.nan, 1e300, -np.inf, 1.0])
    words = unusable(values)
    assert [one in words for one in ("5 values", "2 that are not a number", "2 that float32")] == [True] * 3
    assert "float32" not in unusable(values[[0, 4]])


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


def variable(place: int, deviation: float = 1.0, constant: bool = False, also: tuple[int, ...] = ()) -> Variable:
    return Variable(f"variable {place}", (place, *also), 0.0, 1.0, 0.0, deviation, constant)


# Two trajectories of two frames of an angle in rad and a pressure in Pa, whose training means are 0 and 100,000.
# Squared deviations sum to 1 + 4 + 1 + 4 = 10 for the angle and to 1e4 * (1 + 1 + 4 + 4) = 1e5 for the pressure.
ANGLE = np.array([[1.0, 2.0], [-1.0, -2.0]])
PRESSURE = 1e5 + np.array([[100.0, -100.0], [200.0, -200.0]])
BOTH = np.stack([ANGLE, PRESSURE], axis=2)[:, :, None]  # (trajectory, frame) each -> (trajectory, frame, 1, feature)
MEANS = np.array([[0.0, 1e5]])
TWO = (variable(0), variable(1))


def shifted(angle: float, pressure: float) -> np.ndarray:
    return BOTH + np.array([angle, pressure])


@pytest.mark.parametrize(
    ("angle", "pressure", "fvu"),
    [
        (0.5, 0, (4 * 0.25 / 10 + 0) / 2),  # 0.05
        (0, 50, (0 + 4 * 2500 / 1e5) / 2),  # 0.05
        (0.5, 50, (4 * 0.25 / 10 + 4 * 2500 / 1e5) / 2),  # 0.1
    ],
)
def test_fvu_is_the_average_of_each_variables_own(angle: float, pressure: float, fvu: float) -> None:
    assert measure(BOTH, shifted(angle, pressure), MEANS, TWO).pooled_fvu == pytest.approx(fvu, rel=1e-9)


def test_fvu_does_not_depend_on_the_unit_of_a_variable() -> None:
    hectopascal = np.array([1, 0.01])
    made = shifted(0.3, 70)
    here = measure(BOTH, made, MEANS, TWO)
    there = measure(BOTH * hectopascal, made * hectopascal, MEANS * hectopascal, TWO)
    assert there.pooled_fvu == pytest.approx(here.pooled_fvu)
    assert there.fvu == pytest.approx(here.fvu)
    assert there.nmse == pytest.approx(here.nmse)


def test_fvu_of_a_trajectory_weighs_variables_by_their_variance_over_all() -> None:
    """First trajectory: (1 / 10 + 1e4 / 1e5) / ((1 + 4) / 10 + 2e4 / 1e5) for errors of 1 and 100 in one frame each."""
    made = BOTH.copy()
    made[0, 0] += [1, 100]
    assert measure(BOTH, made, MEANS, TWO).fvu == pytest.approx([(0.1 + 0.1) / (0.5 + 0.2), 0])


def test_nmse_lets_an_error_count_alike_in_each_variable() -> None:
    """Errors of a tenth of each variance: the same nMSE, though the pressure has 1e5 times the power over its own."""
    angle, pressure = (measure(BOTH, shifted(*by), MEANS, TWO).nmse.mean() for by in ((0.5, 0), (0, 50)))
    assert angle == pytest.approx(pressure)
    assert measure(BOTH, np.zeros_like(BOTH), MEANS, TWO).nmse == pytest.approx([1, 1])


def test_components_of_a_vector_are_one_variable() -> None:
    """Features 0 and 1 are a vector with variances 1 and 99, feature 2 is alone with variance 4."""
    truth = np.zeros((1, 2, 1, 3))
    truth[0, :, 0] = [[1, np.sqrt(99), 2], [-1, -np.sqrt(99), -2]]
    made = truth + np.array([1.0, 0, 1])  # squared errors 2 of 200 and 2 of 8
    found = measure(truth, made, np.zeros((1, 3)), (variable(0, also=(1,)), variable(2)))
    assert found.pooled_fvu == pytest.approx((0.01 + 0.25) / 2)


def test_constant_variables_are_left_out_whatever_is_forecast_of_them() -> None:
    for constant in (0.0, 1e30, np.inf):
        made = shifted(0.5, constant)
        found = measure(BOTH, made, MEANS, (variable(0), variable(1, constant=True)))
        assert found.pooled_fvu == pytest.approx(0.1)


def test_a_variable_that_rests_in_the_scored_frames_is_left_out() -> None:
    truth = BOTH.copy()
    truth[..., 1] = 1e5
    assert measure(truth, truth + np.array([0.5, 50]), MEANS, TWO).pooled_fvu == pytest.approx(0.1)


def test_one_variable_keeps_its_physical_unit() -> None:
    found = measure(TRUTH, TRUTH + 2, MEAN, (variable(0),))
    np.testing.assert_array_equal(found.squared_error, ((TRUTH - (TRUTH + 2)) ** 2).sum(axis=(2, 3, 4)))
    np.testing.assert_array_equal(found.squared_truth, (TRUTH**2).sum(axis=(2, 3, 4)))


def test_channels_of_images_are_summed_over_space() -> None:
    truth = np.concatenate([TRUTH, 1e6 * TRUTH[:, ::-1]], axis=2)
    made = truth + np.array([0, 1e6]).reshape(2, 1, 1)
    mean = truth.mean(axis=(0, 1))
    own = measure(TRUTH, TRUTH + 1, MEAN).pooled_fvu
    assert measure(truth, made, mean, TWO).pooled_fvu == pytest.approx(own / 2)


def test_validation_weighs_by_the_training_variance() -> None:
    """Deviations 2 and 100: squares of an angle error of 1 over 4, and of the powers 10 / 4 and 4e10 / 1e4."""
    found = validation_nmse(BOTH[:1], shifted(1, 0)[:1], (variable(0, 2.0), variable(1, 100.0)))
    power = (1 + 4) / 4 + (100_100**2 + 99_900**2) / 1e4
    assert found == pytest.approx([2 / 4 / power])


def test_validation_of_one_variable_is_plain_nmse() -> None:
    made = TRUTH + 0.1
    np.testing.assert_array_equal(
        validation_nmse(TRUTH, made, (variable(0, deviation=7.0),)), measure(TRUTH, made, MEAN).nmse
    )


@pytest.mark.parametrize("value", [1e25, 1e300, np.inf, np.nan])
def test_errors_beyond_what_metrics_hold_are_an_explosion(value: float) -> None:
    made = TRUTH.copy()
    made[2, 5, 0, 3, 3] = value
    assert measure(TRUTH, made, MEAN, (variable(0),)).explosion


def test_an_explosion_begins_at_a_million_times_the_signal() -> None:
    signal = max((TRUTH**2).sum(), ((TRUTH - MEAN) ** 2).sum())
    for times, exploded in ((0.99, False), (1.01, True)):
        made = TRUTH + np.sqrt(times * LARGEST_ERROR * signal / TRUTH.size)
        assert bool(measure(TRUTH, made, MEAN).explosion) is exploded


def test_a_zero_forecast_of_small_motion_on_a_large_offset_is_no_explosion() -> None:
    truth = 101_325 + 1e-3 * TRUTH
    errors = measure(truth, np.zeros_like(truth), truth.mean(axis=(0, 1)))
    assert errors.pooled_fvu > LARGEST_ERROR
    assert not errors.explosion


def test_vrmse_is_averaged_over_channels_that_are_not_constant() -> None:
    """Channel 0 is off by one standard deviation, channel 1, 1,000 times as large, by two: (1 + 2) / 2."""
    truth = np.concatenate([TRUTH, 1e3 * TRUTH, np.ones_like(TRUTH)], axis=2)
    spread = np.sqrt(TRUTH.var(axis=(2, 3, 4)).mean(axis=1)).reshape(-1, 1, 1, 1, 1)
    made = np.concatenate([TRUTH + spread, 1e3 * (TRUTH + 2 * spread), np.zeros_like(TRUTH)], axis=2)
    variables = (variable(0), variable(1), variable(2, constant=True))
    assert vrmse(truth, made, variables) == pytest.approx(np.full(5, 1.5))


def test_spectral_distance_is_averaged_over_channels() -> None:
    truth = np.concatenate([TRUTH, 1e3 * TRUTH], axis=2)
    made = np.concatenate([TRUTH, 1e2 * TRUTH], axis=2)  # a hundredth of the power in channel 1 alone: two decades
    assert spectral_distance(truth, made, TWO) == pytest.approx(spectral_distance(TRUTH, 0.1 * TRUTH) / 2)


def test_the_floor_of_a_spectrum_is_that_of_its_own_trajectory_and_channel() -> None:
    """A hundredth of the power is two decades, however much larger another trajectory or channel is."""
    truth = np.concatenate([TRUTH, 1e6 * TRUTH], axis=2) * 10.0 ** (6 * np.arange(5)).reshape(-1, 1, 1, 1, 1)
    assert spectral_distance(truth, 0.1 * truth) == pytest.approx(np.full(5, 2.0))


def test_a_standing_picture_explains_nothing_of_what_moves() -> None:
    """However much of nMSE the background explains: here all but a hundredth."""
    truth = TRUTH + 10
    standing = np.broadcast_to(truth.mean(axis=1, keepdims=True), truth.shape)
    assert np.allclose(temporal_fvu(truth, standing), 1)
    assert measure(truth, standing, truth.mean(axis=(0, 1))).nmse.max() < 0.02
    assert (temporal_fvu(truth, np.broadcast_to(MEAN + 10, truth.shape)) > 1).all()
    halfway = (truth + standing) / 2
    assert np.allclose(temporal_fvu(truth, halfway), 0.25)


# Errors of two trajectories of two frames, all different, so that no sum can take the place of another.
UNEVEN = Errors(
    squared_error=np.array([[1.0, 2.0], [3.0, 6.0]]),
    squared_truth=np.array([[2.0, 4.0], [4.0, 12.0]]),
    squared_deviation=np.array([[1.0, 2.0], [4.0, 8.0]]),
)


def test_ratios_are_of_sums_over_frames_of_each_trajectory_and_over_trajectories_of_each_frame() -> None:
    assert UNEVEN.nmse == pytest.approx([3 / 6, 9 / 16])
    assert UNEVEN.fvu == pytest.approx([3 / 3, 9 / 12])
    assert UNEVEN.nmse_curve == pytest.approx([4 / 6, 8 / 16])
    assert UNEVEN.pooled_fvu == pytest.approx(12 / 15)
    assert UNEVEN.pooled_nmse == pytest.approx(12 / 22)


def valid_times(error: list, deviation: list, times: list, start: list) -> list[float]:
    squares = (np.array(one, dtype=float) for one in (error, np.ones_like(error), deviation))
    return Errors(*squares).valid_time(np.array(times, dtype=float), np.array(start, dtype=float)).tolist()


def test_a_forecast_is_valid_up_to_a_share_of_its_own_trajectorys_variance() -> None:
    """Limits are 0.4 of 1 and of 100, whatever the other trajectory has; a frame exactly at the limit is valid."""
    both = [[1, 2]] * 2
    assert valid_times([[0.3, 0.5], [30, 50]], [[1, 1], [100, 100]], both, [0, 0]) == [1, 1]
    assert valid_times([[0.3, 0.5], [30, 50]], [[0.5, 1.5], [150, 50]], both, [0, 0]) == [1, 1]
    assert valid_times([[0.4, 0.4]], [[1, 1]], [[1, 2]], [0]) == [2]
    assert valid_times([[0.5, 0.1]], [[1, 1]], [[1, 2]], [0]) == [0]


def test_valid_time_counts_from_the_last_given_frame() -> None:
    assert valid_times([[0, 0, 9], [0, 9, 0]], [[1] * 3] * 2, [[11, 13, 17], [21, 22, 24]], [10, 19]) == [3, 2]


def test_vrmse_averages_over_frames_before_the_ratio() -> None:
    """Spatial variances 1 and 9 and squared errors 1 and 4: the root of 2.5 / 5."""
    truth = np.array([1.0, 3.0]).reshape(1, 2, 1, 1, 1) * np.array([-1.0, 1.0])
    truth[:, 1] += 10  # a frame's mean is no part of its variance over space
    made = truth + np.array([1.0, 2.0]).reshape(1, 2, 1, 1, 1)
    assert vrmse(truth, made) == pytest.approx([np.sqrt(0.5)])


def test_spectral_distance_tells_wavenumbers_apart() -> None:
    """Along the height the wave has two periods in one picture, four in the other: each lacks what the other has.

    The spectrum of 16 x 32 pixels has shells 1 to 8; missing power counts as a millionth of the largest.
    """
    wave = [np.cos(2 * np.pi * waves * np.arange(16) / 16)[:, None] * np.ones(32) for waves in (2, 4)]
    two, four = (one[None, None, None] for one in wave)
    assert spectral_distance(two, two) == pytest.approx([0])
    cells = [np.count_nonzero(np.rint(np.hypot(*np.mgrid[-8:8, -16:16])) == shell) for shell in (2, 4)]
    gained = 6 + np.log10(cells[0] / cells[1])  # the mean over a shell has the same power in other cells
    assert spectral_distance(two, four) == pytest.approx([np.sqrt((6**2 + gained**2) / 8)], rel=1e-6)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (7, 10), (12, 9)])
def test_spectral_distance_is_that_of_the_whole_transform(height: int, width: int) -> None:
    """Against numpy's complex transform, averaged over the rings of its whole plane of wavenumbers."""
    truth, made = np.random.default_rng(1).normal(size=(2, 3, 4, 1, height, width))
    vertical, horizontal = np.fft.fftfreq(height, 1 / height), np.fft.fftfreq(width, 1 / width)
    shell = np.rint(np.hypot(vertical[:, None], horizontal[None, :]))

    def decades(frames: np.ndarray) -> np.ndarray:
        power = (np.abs(np.fft.fft2(frames[:, :, 0])) ** 2).mean(axis=1)  # (trajectory, height, width)
        rings = [power[:, shell == wavenumber].mean(axis=1) for wavenumber in range(1, min(height, width) // 2 + 1)]
        return np.log10(np.stack(rings, axis=1))

    expected = np.sqrt(((decades(truth) - decades(made)) ** 2).mean(axis=1))
    assert spectral_distance(truth, made) == pytest.approx(expected, rel=1e-9)


def test_waves_of_one_length_have_one_spectrum_wherever_they_run() -> None:
    """Wave vectors (5, 0), (0, 5) and (3, 4) are all of length 5, and each of these waves has the same power."""
    rows, columns = np.mgrid[0:16, 0:16]
    down, across, aslant = (
        np.cos(2 * np.pi * (vertical * rows + horizontal * columns) / 16)[None, None, None]
        for vertical, horizontal in ((5, 0), (0, 5), (3, 4))
    )
    assert spectral_distance(down, across) == pytest.approx([0], abs=1e-9)
    assert spectral_distance(down, aslant) == pytest.approx([0], abs=1e-9)
