"""What every synthetic system does alike: time grids, shifts of observation, times between frames."""

import functools
from itertools import combinations

import numpy as np
import pytest

from ladid_bench.core.configuration import SplitSizes
from ladid_bench.core.errors import BenchError
from ladid_bench.core.paths import SPLITS
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.datasets.simulated import SYSTEMS
from ladid_bench.datasets.simulated.grids import halfway, irregular_times
from ladid_bench.datasets.simulated.observation import OBSERVATIONS, observe
from ladid_bench.datasets.simulated.pendulum import Pendulum
from ladid_bench.study.datasets import dataset_names, find_source

SIZES = SplitSizes(train=3, valid=2, test=2)


@functools.cache
def make(dataset: str, split: str = "test", frames: int = 6, seed: int = 0) -> Trajectories:
    return find_source(dataset).split(split, SIZES, 16, seed, frames)


def irregular(count: int, frames: int, interval: float = 1.0) -> np.ndarray:
    return irregular_times(np.random.SeedSequence(1).spawn(count), frames, interval)


def test_irregular_grids_keep_their_ends_and_a_quarter_of_the_mean_gap() -> None:
    times = irregular(40, 60, 0.05)
    assert times.shape == (40, 60)
    np.testing.assert_array_equal(times[:, 0], 0)
    np.testing.assert_allclose(times[:, -1], 59 * 0.05)
    gaps = np.diff(times, axis=1)
    assert gaps.min() >= 0.25 * 0.05 - 1e-12
    assert gaps.max() > 1.5 * 0.05  # an uneven grid, not a jittered even one
    assert len(np.unique(times, axis=0)) == 40


def test_a_grid_does_not_depend_on_how_many_are_asked_for() -> None:
    np.testing.assert_array_equal(irregular(3, 10), irregular(8, 10)[:3])


def test_halfway_keeps_the_start_and_halves_every_gap() -> None:
    np.testing.assert_array_equal(halfway(np.array([[0.0, 1.0, 4.0]])), [[0.0, 0.5, 2.5]])


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("grid", ["", "--irregular"])
def test_between_lies_halfway_between_the_frames_of_the_same_trajectories(name: str, grid: str) -> None:
    test, between = make(name + grid), make(name + grid, "midpoints")
    rounding = 0.02 * np.diff(test.times).mean()  # a lattice has no times between its steps
    np.testing.assert_allclose(between.times, (test.times[:, 1:] + test.times[:, :-1]) / 2, atol=rounding)
    np.testing.assert_array_equal(between.group, test.group)
    for parameter, values in test.parameters.items():
        np.testing.assert_array_equal(between.parameters[parameter], values, err_msg=parameter)
    middle = (test.frames[:, 1:] + test.frames[:, :-1]) / 2
    spread = test.frames.std()
    assert np.abs(between.frames - middle).mean() < spread  # of the same motion
    assert not np.array_equal(between.frames, middle)  # and no blend of the frames beside it


@pytest.mark.parametrize("name", SYSTEMS)
def test_irregular_times_show_the_same_trajectories_at_other_times(name: str) -> None:
    regular, uneven = make(name), make(f"{name}--irregular")
    np.testing.assert_array_equal(uneven.frames[:, 0], regular.frames[:, 0])
    np.testing.assert_allclose(uneven.frames[:, -1], regular.frames[:, -1], atol=0.05 * regular.frames.std())
    assert not np.allclose(uneven.times, regular.times)
    assert not np.array_equal(uneven.frames[:, 2], regular.frames[:, 2])


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("shift", [shift for shift in OBSERVATIONS if shift != "plain"])
def test_a_shift_of_observation_leaves_the_dynamics_alone(name: str, shift: str) -> None:
    plain, shifted = make(name), make(f"{name}--{shift}")
    np.testing.assert_array_equal(shifted.times, plain.times)
    assert shifted.states.keys() == plain.states.keys()
    for state, values in plain.states.items():
        np.testing.assert_array_equal(shifted.states[state], values)
    assert not np.array_equal(shifted.frames, plain.frames)


def test_noise_is_that_of_the_seed() -> None:
    noisy = make("pendulum--noisy").frames
    np.testing.assert_array_equal(make.__wrapped__("pendulum--noisy").frames, noisy)
    assert not np.array_equal(make("pendulum--noisy", seed=1).frames, noisy)


def test_what_each_shift_does() -> None:
    pictures = Pendulum().split("test", SIZES, 16, 0, 4)
    streams = np.random.SeedSequence(0).spawn(len(pictures))

    def shifted(observation: str) -> np.ndarray:
        return observe(pictures, observation, (0.0, 1.0), streams).frames

    np.testing.assert_array_equal(shifted("plain"), pictures.frames)
    np.testing.assert_array_equal(shifted("inverted"), 1 - pictures.frames)
    np.testing.assert_array_equal(shifted("scaled"), pictures.frames / 2)
    noise = shifted("noisy") - pictures.frames
    assert noise.std() == pytest.approx(0.05, rel=0.05) and abs(noise.mean()) < 0.005
    moved = shifted("translated")
    np.testing.assert_array_equal(moved[..., 2:, 2:], pictures.frames[..., :-2, :-2])


def test_every_split_has_units_of_its_own() -> None:
    units = [set(make("pendulum", split).group) for split in SPLITS]
    assert not units[0] & units[1] and not units[0] & units[2] and not units[1] & units[2]


def test_void_interventions_are_interventions() -> None:
    for system in SYSTEMS.values():
        assert system.controls <= set(system.interventions)
    np.testing.assert_array_equal(make("pendulum--mass-2").frames, make("pendulum").frames)
    assert {"pendulum--irregular", "pendulum--inverted", "pendulum--mass-2"} <= set(dataset_names())


@pytest.mark.parametrize(("setting", "value"), [("time_grid", "iregular"), ("observation", "invertd")])
def test_an_unknown_choice_is_one_line(setting: str, value: str) -> None:
    with pytest.raises(BenchError, match="did you mean"):
        Pendulum(**{setting: value})


def observed(observation: str, frames: np.ndarray, boundary: str = "open") -> np.ndarray:
    """Frames ``(trajectory, time, channel, height, width)`` of values from -1 to 3, as they are observed."""
    times = np.tile(np.arange(float(frames.shape[1])), (len(frames), 1))
    seen = Trajectories(frames.astype(np.float32), times, np.arange(len(frames)), boundary=boundary)
    return observe(seen, observation, (-1.0, 3.0), np.random.SeedSequence(4).spawn(len(frames))).frames


def test_shifts_refer_to_a_range_that_does_not_begin_at_zero() -> None:
    values = np.array([-1.0, 0.0, 2.0, 3.0]).reshape(1, 1, 1, 2, 2)
    assert observed("inverted", values).ravel().tolist() == [3, 2, 0, -1]
    assert observed("scaled", values).ravel().tolist() == [-1, -0.5, 0.5, 1]  # about the lower end
    noise = observed("noisy", np.zeros((2, 8, 1, 32, 32)))
    assert noise.std() == pytest.approx(0.05 * 4, rel=0.03)
    assert not np.array_equal(noise[0], noise[1]) and not np.array_equal(noise[0, 0], noise[0, 1])


def test_a_translated_picture_moves_down_and_right_by_an_eighth() -> None:
    """What comes in is the edge, or the other side of a periodic picture."""
    values = np.arange(256.0).reshape(1, 1, 1, 16, 16)
    walled, periodic = observed("translated", values)[0, 0, 0], observed("translated", values, "periodic")[0, 0, 0]
    assert (walled[2, 2], walled[15, 15], walled[0, 0], walled[0, 15]) == (0, 13 * 16 + 13, 0, 13)
    np.testing.assert_array_equal(periodic, np.roll(values[0, 0, 0], (2, 2), axis=(0, 1)))


def test_times_and_noise_of_a_split_are_its_own() -> None:
    """Else a method would be tested on the times, or could learn the noise, of what it was trained on."""
    splits = ("train", "valid", "test", "midpoints")
    noise = [make("pendulum--noisy", split).frames[:2, :5] - make("pendulum", split).frames[:2, :5] for split in splits]
    for one, other in combinations(noise, 2):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.1  # of 2,560 pixels
    times = [make("pendulum--irregular", split).times[:2] for split in splits[:3]]
    assert all(not np.isin(one[:, 1:-1], other).all() for one, other in combinations(times, 2))
