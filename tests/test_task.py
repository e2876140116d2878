"""The task of a data set and its scores, from arrays whose answers are known by hand."""

from dataclasses import replace

import numpy as np
import pytest
from refusals import refused

from ladid_bench.data.metrics import Errors, measure
from ladid_bench.data.task import Task, task_of
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.methods.base import Forecast
from ladid_bench.runs.scoring import midpoint_frames, score, training_mean

RANDOM = np.random.default_rng(0)
UNEVEN = np.array([[0.0, 1.0, 2.0, 3.0, 5.0, 9.0], [4.0, 5.0, 6.5, 7.0, 9.0, 11.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])


def made(times: np.ndarray, scale: float = 1.0) -> Trajectories:
    """Vectors of two features."""
    frames = (scale * RANDOM.normal(size=(*times.shape, 1, 2))).astype(np.float32)
    return Trajectories(frames, times, np.arange(len(times)), space=("feature",))


def task(times: np.ndarray = UNEVEN, given: int = 2, asked: int = 4) -> Task:
    return task_of(made(times), "made-up", given, asked)


def test_the_times_of_a_task() -> None:
    """The longest trajectory lasts 9; of 15 gaps nine are 1, one is 1.5 and one is 0.5."""
    found = task()
    assert (found.duration, found.time_step, found.regular) == (9.0, 1.0, False)
    assert (found.frames, found.shape, found.is_image) == (6, (1, 2), False)


def test_times_are_regular_if_they_are_even_to_within_rounding_and_alike() -> None:
    even = np.tile(0.1 * np.arange(6.0), (3, 1))
    assert task(even + 1e5).regular  # a late date rounds
    assert task(even + np.array([[0.0], [3.0], [7.0]])).regular
    assert not task(even * (1 + 1e-4 * np.arange(6))).regular
    assert not task(even * [[1.0], [1.0], [1.01]]).regular


def test_context_and_forecast_may_take_all_frames_and_no_more() -> None:
    assert task(given=1, asked=5).frames == 6
    with refused("'made-up'", 3, 4, 6):
        task(given=3, asked=4)


def pictures(frames: int = 4) -> tuple[Task, Trajectories, np.ndarray]:
    """Two trajectories of 16 x 16 pictures whose errors differ by trajectory and frame; two frames are given."""
    times = np.array([[0.0, 1.0, 2.0, 4.0], [10.0, 11.0, 14.0, 15.0]])[:, :frames]
    truth = RANDOM.normal(size=(2, frames, 1, 16, 16)).astype(np.float32)
    test = Trajectories(truth, times, np.array([5, 3]))
    return task_of(test, "made-up", 2, frames - 2), test, np.zeros((1, 16, 16))


def test_scores_are_of_the_frames_after_the_context() -> None:
    asked, test, mean = pictures()
    made = test.frames[:, 2:] + np.array([[1.0, 2.0], [0.0, 0.1]], np.float32)[..., None, None, None]
    metrics, sample = score(asked, test, Forecast(made), mean)
    errors = measure(test.frames[:, 2:], made, mean, asked.variables)
    assert metrics["nmse_mean"] == pytest.approx(errors.nmse.mean())
    assert metrics["fvu_pooled"] == pytest.approx((256 * (1 + 4 + 0.01)) / (test.frames[:, 2:] ** 2).sum(), rel=1e-4)
    assert metrics["valid_time_mean"] == pytest.approx((0 + 4) / 2)  # from times 1 and 11; the first is never valid
    np.testing.assert_array_equal(sample.times, test.times[:, 2:])
    assert sample.group.tolist() == [5, 3]
    assert sample.squared_deviation.mean() == pytest.approx(1, rel=1e-3)
    assert (sample.squared_error / sample.squared_error[0, 0]) == pytest.approx(
        np.array([[1, 4], [0, 0.01]]), rel=2e-3, abs=1e-6
    )


def test_means_and_medians_over_trajectories_differ() -> None:
    asked, test, mean = pictures()
    three = test[[0, 1, 1]]
    made = three.frames[:, 2:] + np.array([3.0, 1.0, 0.0], np.float32)[:, None, None, None, None]
    metrics, _ = score(asked, three, Forecast(made), mean)
    errors = measure(three.frames[:, 2:], made, mean, asked.variables)
    for name, values in (("nmse", errors.nmse), ("fvu", errors.fvu)):
        assert metrics[f"{name}_mean"] == pytest.approx(values.mean())
        assert metrics[f"{name}_median"] == pytest.approx(np.sort(values)[1])
    assert metrics["nmse_mean"] > 2 * metrics["nmse_median"]


def test_errors_over_the_spread_of_the_truth_in_time_and_in_space() -> None:
    """Forecasts lack a share of every value: squared errors are that of the squared truth, over its own spread."""
    asked, test, mean = pictures()
    three, lacking = test[[0, 1, 1]], np.array([0.9, 0.3, 0.1])
    truth = three.frames[:, 2:].astype(np.float64)  # (trajectory, frame, 1, height, width)
    made = truth * (1 - lacking[:, None, None, None, None])
    metrics, _ = score(asked, three, Forecast(made.astype(np.float32)), mean)
    error = lacking**2 * (truth**2).sum(axis=(1, 2, 3, 4))
    in_time = error / ((truth - truth.mean(axis=1, keepdims=True)) ** 2).sum(axis=(1, 2, 3, 4))
    assert metrics["temporal_fvu_mean"] == pytest.approx(in_time.mean(), rel=1e-4)
    assert metrics["temporal_fvu_median"] == pytest.approx(in_time[1], rel=1e-4)
    in_space = error / 512 / truth.var(axis=(2, 3, 4)).mean(axis=1)  # two frames of 256 pixels
    assert metrics["vrmse_mean"] == pytest.approx(np.sqrt(in_space).mean(), rel=1e-4)


def test_variables_of_a_frame_count_alike_in_its_scores() -> None:
    """An error of 1 in the one feature alone, the other with a thousand times the values: half of its own FVU."""
    test = made(UNEVEN)
    test = replace(test, frames=test.frames * np.array([1, 1000], np.float32))
    forecast = test.frames[:, 2:] + np.array([1, 0], np.float32)
    metrics, _ = score(task_of(test, "made-up", 2, 4), test, Forecast(forecast), np.zeros((1, 2)))
    own = 3 * 4 / (test.frames[:, 2:, 0, 0].astype(float) ** 2).sum()  # three trajectories of four frames
    assert metrics["fvu_pooled"] == pytest.approx(own / 2, rel=1e-4)


def test_a_blank_forecast_is_six_decades_of_power_below_the_largest_of_the_truth() -> None:
    """At every wavenumber it has the millionth that counts as nothing, and noise is no more than a decade off."""
    asked, test, mean = pictures()
    metrics, _ = score(asked, test, Forecast(np.zeros_like(test.frames[:, 2:])), mean)
    assert 5 < metrics["spectral_distance_mean"] <= 6


def test_between_frames_means_medians_and_ratios_over_all_are_told_apart() -> None:
    asked, test, mean = pictures()
    between = Errors(np.array([[1.0, 2.0], [1.0, 1.0], [9.0, 9.0]]), np.ones((3, 2)), np.full((3, 2), 4.0))
    three = test[[0, 1, 1]]
    metrics, _ = score(asked, three, Forecast(three.frames[:, 2:]), mean, between)
    found = [metrics[f"midpoints_{name}"] for name in ("nmse_mean", "nmse_median", "fvu")]
    assert found == pytest.approx([(1.5 + 1 + 9) / 3, 1.5, 23 / 24])


def test_pictures_are_kept_in_levels_of_the_range_and_only_where_wanted() -> None:
    asked, test, mean = pictures()
    made = np.full_like(test.frames[:, 2:], asked.variables[0].high)
    _, sample = score(asked, test, Forecast(made), mean)
    assert (sample.forecast == 255).all() and sample.forecast.shape == (1, 2, 1, 16, 16)
    assert sample.truth.shape == (1, 4, 1, 16, 16)
    unit = np.clip(asked.normalize(test.frames[:1]), 0, 1)
    np.testing.assert_allclose(sample.truth, 255 * unit, atol=0.5)
    _, bare = score(asked, test, Forecast(made), mean, pictured=False)
    assert len(bare.pictured) == len(bare.truth) == len(bare.forecast) == 0


def test_times_between_frames_are_asked_from_the_last_context_frame_on() -> None:
    asked, test, _ = pictures()
    halfway = replace(test, frames=test.frames[:, 1:], times=(test.times[:, 1:] + test.times[:, :-1]) / 2)
    assert midpoint_frames(asked, halfway).times.tolist() == [[1.5, 3.0], [12.5, 14.5]]


def test_between_frames_the_time_before_the_first_forecast_frame_is_left_out() -> None:
    asked, test, mean = pictures()
    squared = np.array([[100.0, 2.0, 4.0], [100.0, 3.0, 1.0]])
    truth = np.array([[1.0, 1.0, 1.0], [1.0, 2.0, 6.0]])
    _, sample = score(asked, test[:2], Forecast(test.frames[:2, 2:]), mean, Errors(squared, truth, truth))
    assert sample.midpoints_nmse.tolist() == [(2 + 4) / 2, (3 + 1) / 8]


def test_the_training_mean_is_of_the_frames_that_the_task_has() -> None:
    asked, test, _ = pictures()
    longer = replace(asked, forecast_frames=1)
    np.testing.assert_allclose(training_mean(longer, test), test.frames[:, :3].mean(axis=(0, 1)), atol=1e-6)


def test_errors_between_frames_and_about_each_pixels_mean_have_means_medians_and_pooled_ratios() -> None:
    asked, test, mean = pictures()
    three = test[[0, 1, 1]]
    made = three.frames[:, 2:] + np.array([3.0, 1.0, 0.0], np.float32)[:, None, None, None, None]
    squared, truth = np.array([[8.0, 8.0], [2.0, 2.0], [1.0, 3.0]]), np.array([[1.0, 1.0], [1.0, 1.0], [4.0, 4.0]])
    metrics, _ = score(asked, three, Forecast(made), mean, Errors(squared, truth, truth))
    assert metrics["midpoints_nmse_mean"] == pytest.approx((8 + 2 + 0.5) / 3)
    assert metrics["midpoints_nmse_median"] == pytest.approx(2)
    assert metrics["midpoints_fvu"] == pytest.approx(24 / 12)
    assert metrics["temporal_fvu_mean"] > 1.2 * metrics["temporal_fvu_median"] > 0
