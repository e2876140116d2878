"""Climatology on data whose season is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ladid_bench.core.configuration import Budget
from ladid_bench.data.task import Task, task_of
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.methods.base import Method, Training
from ladid_bench.methods.registry import load_method

GIVEN, FRAMES = 3, 15


@pytest.fixture
def cycle() -> np.ndarray:
    """What each month of the year looks like, ``(12, 1, 4, 5)``."""
    return np.random.default_rng(1).normal(280, 10, (12, 1, 4, 5)).astype(np.float32)


@pytest.fixture
def train(cycle: np.ndarray) -> Trajectories:
    """Windows that start in any month, a perfect season and noise that cancels."""
    start = np.arange(48) % 24  # each start twice, with opposite noise
    times = (start[:, None] + np.arange(FRAMES)).astype(np.float64)
    noise = np.random.default_rng(2).normal(size=(24, FRAMES, 1, 4, 5)).astype(np.float32)
    frames = cycle[times.astype(int) % 12] + np.concatenate([noise, -noise])
    return Trajectories(frames, times, np.arange(48))


def task(train: Trajectories, season: float | None = 12) -> Task:
    return task_of(train, "made-up", GIVEN, FRAMES - GIVEN, season)


def fitted(root: Path, train: Trajectories) -> Method:
    method = load_method("climatology", root)(task(train), {})
    method.fit(Training(train, train[:1], Budget(), seed=0))
    return method


def forecast(method: Method, times: np.ndarray) -> np.ndarray:
    """Answers at ``times`` ``(trajectory, time)``, of which the first three are given, with a context of zeros."""
    context = np.zeros((len(times), GIVEN, 1, 4, 5), dtype=np.float32)
    made = method.forecast(context, times[:, :GIVEN], times[:, GIVEN:])
    assert made.mean.dtype == np.float32 and made.std is None
    return made.mean


def test_recovers_a_seasonal_cycle_exactly(root: Path, cycle: np.ndarray, train: Trajectories) -> None:
    times = np.arange(FRAMES) + np.array([[1000.0], [7.0]])
    answer = forecast(fitted(root, train), times)
    np.testing.assert_allclose(answer, cycle[times[:, GIVEN:].astype(int) % 12], rtol=1e-6)


def test_whole_years_change_nothing_and_months_do(root: Path, train: Trajectories) -> None:
    method, times = fitted(root, train), np.arange(FRAMES)[None] + 5.0
    np.testing.assert_array_equal(forecast(method, times), forecast(method, times + 12 * 60))
    np.testing.assert_array_equal(forecast(method, times), forecast(method, times - 12 * 60))
    assert not np.allclose(forecast(method, times), forecast(method, times + 1))


def test_a_time_belongs_to_the_nearest_month_across_new_year(root: Path, train: Trajectories) -> None:
    method, times = fitted(root, train), np.arange(FRAMES, dtype=np.float64)[None]
    np.testing.assert_array_equal(forecast(method, times + 0.4), forecast(method, times))
    np.testing.assert_array_equal(forecast(method, times - 0.4), forecast(method, times))


def test_a_month_never_seen_gets_the_mean(root: Path, train: Trajectories) -> None:
    short = train[[0, 24]]
    short = replace(short, frames=short.frames[:, :6], times=short.times[:, :6])  # January to June
    method = load_method("climatology", root)(task_of(short, "made-up", GIVEN, 3, 12), {})
    method.fit(Training(short, short, Budget(), seed=0))
    answer = forecast(method, np.arange(12.0)[None])
    np.testing.assert_allclose(answer[0, 3:], short.frames.mean(axis=(0, 1))[None].repeat(6, axis=0), rtol=1e-5)


def test_data_without_a_calendar_are_skipped(root: Path, train: Trajectories) -> None:
    climatology = load_method("climatology", root)
    assert climatology.skip(task(train)) == (False, "")
    skipped, reason = climatology.skip(task(train, None))
    assert skipped and "no calendar" in reason


def test_the_season_is_kept_with_the_task(train: Trajectories) -> None:
    assert task(train).season == 12 and task(train, None).season is None


def test_what_is_saved_answers_the_same(root: Path, train: Trajectories, tmp_path: Path) -> None:
    method, times = fitted(root, train), np.arange(FRAMES, dtype=np.float64)[None]
    method.save(tmp_path / "state")
    loaded = load_method("climatology", root)(task(train), {})
    loaded.load(tmp_path / "state")
    np.testing.assert_array_equal(forecast(loaded, times), forecast(method, times))


def test_a_time_belongs_to_the_nearest_part_of_its_season(root: Path, train: Trajectories) -> None:
    """Of twelve parts the first reaches from half a month before the turn of the year to half a month after it."""
    method = fitted(root, train)
    means = method.state["means"]  # type: ignore[attr-defined]
    times = np.array([[23.6, 24.4, 24.6, 26.4, 35.4, 35.6]])
    made = method.forecast(train.frames[:1, :GIVEN], train.times[:1, :GIVEN], times).mean[0]
    np.testing.assert_array_equal(made, means[[0, 0, 1, 2, 11, 0]])
