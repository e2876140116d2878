"""Closed-form methods on noisy data, where weights, strengths and selection matter, against hand and scikit-learn."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from test_simple_methods import fitted, trajectories

from ladid_bench.data.task import Task, task_of
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.methods import gridded
from ladid_bench.methods.gridded import encode, picked_windows, principal_components


def vectors(frames: Any) -> Trajectories:
    """Trajectories ``(trajectory, time, feature)`` of vectors."""
    return trajectories(np.asarray(frames, dtype=float)[:, :, None])


def task_for(train: Trajectories, context: int) -> Task:
    """The features are components of one vector, so that the error is plain nMSE."""
    features = train.frames.shape[-1]
    return task_of(train, "toy", context, train.frames.shape[1] - context, vectors={"all": tuple(range(features))})


def forecast(method: Any, test: Trajectories, context: int) -> np.ndarray:
    """``(trajectory, step, feature)``."""
    return method.forecast(test.frames[:, :context], test.times[:, :context], test.times[:, context:]).mean[:, :, 0]


# Two contexts (0, 0) and (2, 0) with what follows them; the third one is far away.
LIBRARY = [[[0, 0], [10, 0]], [[2, 0], [0, 20]], [[50, 50], [-40, 7]]]


def test_analogs_weigh_by_the_inverse_of_their_squared_distance() -> None:
    """(1/2, sqrt(3)/2) has the squared distances 1 and 3 from the first two: weights 3/4 and 1/4."""
    train, asked = vectors(LIBRARY), vectors([[[0.5, 0.75**0.5], [0, 0]]])
    method = fitted("analog", {"train": train, "valid": asked}, task_for(train, 1), neighbours=[2])
    np.testing.assert_allclose(forecast(method, asked, 1), [[[7.5, 5.0]]], rtol=1e-4)


@pytest.mark.parametrize(("follows", "best"), [([10, 0], 1), ([7.5, 5], 2), ([2, 6], 3)])
def test_analog_takes_the_number_of_neighbours_that_validates_best(follows: list[float], best: int) -> None:
    """What follows the context is what one, two or three neighbours say, or is nearest to it."""
    train = vectors([*LIBRARY[:2], [[0.5, 0.75**0.5 - 2], [-18, 11]]])  # the third at squared distance 4
    valid = vectors([[[0.5, 0.75**0.5], follows]])
    method = fitted("analog", {"train": train, "valid": valid}, task_for(train, 1), neighbours=[1, 2, 3])
    assert int(method.state["neighbours"]) == best  # type: ignore[attr-defined]


def test_an_analog_that_starts_late_is_asked_only_for_leads_that_it_has() -> None:
    """At a lead of one the window that starts at frame 1 is an exact copy; at two it has no frame left."""
    train = vectors([[[0.0], [5.0], [6.0], [7.0]], [[5.4], [1.0], [2.0], [3.0]], [[9.0], [8.0], [-5.0], [-6.0]]])
    valid = vectors([[[5.0], [6.0], [7.0], [3.0]]])
    method = fitted("analog", {"train": train, "valid": valid}, task_for(train, 1), neighbours=[1])
    assert int(method.state["shifts"]) == 2  # type: ignore[attr-defined]
    assert forecast(method, valid, 1)[0, :2, 0] == pytest.approx([6.0, 7.0], abs=1e-4)
    assert forecast(method, valid, 1)[0, 2, 0] == pytest.approx(3.0, abs=1e-4)  # from the start of the second


RANDOM = np.random.default_rng(5)


def noisy(count: int) -> Trajectories:
    """Contexts of two frames of three features, of uneven variance, and two frames that a noisy linear map gives."""
    given = RANDOM.normal(size=(count, 6)) * [5, 3, 2, 1, 0.5, 0.3]
    mixing = np.random.default_rng(1).normal(size=(6, 6))
    asked = given @ mixing + 8 * RANDOM.normal(size=(count, 6)) + 1
    return vectors(np.concatenate([given, asked], axis=1).reshape(count, 4, 3))  # (count, 12) -> (count, time, 3)


def by_sklearn(train: Trajectories, asked: Trajectories, strength: float) -> np.ndarray:
    """Ridge regression whose penalty is ``strength`` of the largest squared singular value, ``(trajectory, 2, 3)``."""
    given, future = (train.frames[:, part].reshape(len(train), -1) for part in (slice(0, 2), slice(2, 4)))
    largest = np.linalg.svd(given - given.mean(axis=0), compute_uv=False)[0]
    model = Ridge(alpha=strength * largest**2).fit(given, future)
    return model.predict(asked.frames[:, :2].reshape(len(asked), -1)).reshape(-1, 2, 3)


STRENGTHS = [1e-6, 0.03, 0.2, 100.0]


def test_ridge_is_that_of_scikit_learn_at_the_strength_that_validates_best() -> None:
    train, valid, test = noisy(12), noisy(40), noisy(5)
    method = fitted("ridge", {"train": train, "valid": valid}, task_for(train, 2), strengths=STRENGTHS)
    truth = valid.frames[:, 2:, 0]
    errors = {
        one: (((by_sklearn(train, valid, one) - truth) ** 2).sum(axis=(1, 2)) / (truth**2).sum(axis=(1, 2))).mean()
        for one in STRENGTHS
    }
    best = min(errors, key=lambda one: errors[one])
    assert best in STRENGTHS[1:3]  # neither the weakest nor the strongest
    assert float(method.state["strength"]) == pytest.approx(best)  # type: ignore[attr-defined]
    np.testing.assert_allclose(forecast(method, test, 2), by_sklearn(train, test, best), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("strength", [0.03, 1.0])
def test_ridge_shrinks_by_its_strength(strength: float) -> None:
    train, test = noisy(12), noisy(5)
    method = fitted("ridge", {"train": train, "valid": test}, task_for(train, 2), strengths=[strength])
    np.testing.assert_allclose(forecast(method, test, 2), by_sklearn(train, test, strength), rtol=1e-3, atol=1e-3)


def spiral(growth: float, count: int, frames: int = 8) -> Trajectories:
    """Exact rotations by 0.7 a frame that grow or shrink by a factor."""
    start = RANDOM.normal(size=(count, 1)) + 1j * RANDOM.normal(size=(count, 1))
    made = start * (growth * np.exp(0.7j)) ** np.arange(frames)
    return vectors(np.stack([made.real, made.imag], axis=2))


@pytest.mark.parametrize(("growth", "kept"), [(1.2, 1.0), (0.8, 0.8)])
def test_dmd_moves_growing_modes_onto_the_unit_circle_and_leaves_others(growth: float, kept: float) -> None:
    train = spiral(growth, 30)
    method = fitted("dmd", {"train": train, "valid": spiral(growth, 5)}, task_for(train, 4), delays=[1], energies=[-1])
    found = method.state["eigenvalues"]  # type: ignore[attr-defined]
    for turn in (0.7, -0.7):
        assert np.abs(found - kept * np.exp(1j * turn)).min() < 1e-3


def test_dmd_bounds_the_norm_of_a_forecast_by_twice_the_largest_in_training() -> None:
    train = spiral(1.0, 30)
    method = fitted("dmd", {"train": train, "valid": spiral(1.0, 5)}, task_for(train, 4), delays=[1], energies=[-1])
    largest = np.linalg.norm(train.frames[:, :, 0] - train.frames.mean(axis=(0, 1, 2)), axis=2).max()
    test = spiral(1.0, 1)
    far = replace(test, frames=100 * largest * test.frames / np.linalg.norm(test.frames[:, 3]))
    made = forecast(method, far, 4) - train.frames.mean(axis=(0, 1, 2))
    np.testing.assert_allclose(np.linalg.norm(made, axis=2), 2 * largest, rtol=1e-4)


def test_principal_components_are_those_of_the_covariance() -> None:
    frames = (RANDOM.normal(size=(10, 5, 4)) * [1, 5, 0, 3] + [1, 2, 3, 4]).astype(np.float32)
    mean, modes = principal_components(frames, 2)
    flat = frames.reshape(-1, 4).astype(float)
    values, axes = np.linalg.eigh(np.cov(flat.T))
    np.testing.assert_allclose(mean, flat.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(np.abs(modes @ axes[:, ::-1][:, :2]), np.eye(2), atol=1e-4)
    np.testing.assert_allclose(encode(frames, mean, modes).reshape(-1, 2).var(axis=0, ddof=1), values[::-1][:2], 1e-4)
    assert len(principal_components(frames, 4)[1]) == 3  # one feature never moves


def test_frames_off_the_grid_are_interpolated_linearly_and_held_outside() -> None:
    """Persistence of a ramp: a method that repeats its last frame shows what the grid made of the context."""
    train = trajectories(np.arange(8.0).reshape(1, 8, 1, 1) * np.ones((4, 1, 1, 1)), step=1.0)
    method = fitted("dmd", {"train": train, "valid": train}, task_of(train, "toy", 3, 5))
    seen: list[np.ndarray] = []

    def extend(context: np.ndarray, steps: int) -> np.ndarray:
        seen.append(context)
        return context[:, -1:] + 10 * np.arange(1, steps + 1, dtype=np.float32)[None, :, None]

    method.extend = extend  # type: ignore[attr-defined,method-assign]
    times = np.array([[0.5, 1.25, 3.0]])  # of the values 1, 4 and 8; the grid is 1, 2 and 3
    context = np.array([1.0, 4.0, 8.0], np.float32).reshape(1, 3, 1, 1)
    made = method.forecast(context, times, np.array([[3.5, 4.0, 5.25, 5.5]])).mean
    assert seen[0].ravel() == pytest.approx([1 + 3 * 2 / 3, 4 + 4 * 0.75 / 1.75, 8])
    assert made.ravel() == pytest.approx([13, 18, 30.5, 33])


def test_analogs_of_many_contexts_are_those_of_each_alone() -> None:
    """Contexts are searched for in batches, of which these 77 fill two and a half."""
    train, asked = (
        replace(made, frames=made.frames[:, :3], times=made.times[:, :3]) for made in (noisy(30), noisy(77))
    )
    method = fitted("analog", {"train": train, "valid": asked}, task_for(train, 2), neighbours=[3])
    expected = []
    for context in asked.frames[:, :2]:
        squared = ((train.frames[:, :2] - context) ** 2).sum(axis=(1, 2, 3))
        three = np.argsort(squared)[:3]
        expected.append((train.frames[three, 2, 0] / squared[three, None]).sum(axis=0) / (1 / squared[three]).sum())
    np.testing.assert_allclose(forecast(method, asked, 2)[:, 0], expected, rtol=1e-3, atol=1e-3)


def test_analogs_start_as_trajectories_do_where_that_validates_better() -> None:
    """The copy of the context at a later time is followed by something else than the context is."""
    train = vectors([[[0.3], [1.0], [2.0]], [[5.0], [0.0], [9.0]]])
    valid = vectors([[[0.0], [1.0], [2.0]]])
    method = fitted("analog", {"train": train, "valid": valid}, task_for(train, 1), neighbours=[1])
    assert forecast(method, valid, 1).ravel().tolist() == pytest.approx([1.0, 2.0])


def test_windows_are_picked_evenly_from_all_trajectories() -> None:
    """Four of the 15 windows of two frames: the first, the last, and two between."""
    made = picked_windows(np.arange(18.0).reshape(3, 6, 1), 2, 4)
    assert made[..., 0].tolist() == [[0, 1], [4, 5], [10, 11], [16, 17]]
    assert len(picked_windows(np.zeros((3, 6, 1)), 2, 99)) == 15


def test_components_are_computed_from_frames_all_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first half of the frames varies in one feature a little, the second half in the other one a lot."""
    monkeypatch.setattr(gridded, "FIT_FRAMES", 50)
    frames = np.zeros((2, 50, 2), dtype=np.float32)
    frames[0, :, 0], frames[1, :, 1] = RANDOM.normal(size=50), 10 + 5 * RANDOM.normal(size=50)
    mean, modes = principal_components(frames, 1)
    assert mean[1] == pytest.approx(5, abs=1)
    assert abs(modes[0, 1]) > 0.99


def test_a_trajectory_without_signal_is_left_out_of_the_validation_error() -> None:
    """What is asked of the second one is 0 everywhere; of the first a third of the squares is missed."""
    train, valid = noisy(12), vectors([[[1, 1], [1, 1], [1, 2]], [[1, 1], [0, 0], [0, 0]]])
    method = fitted("ridge", {"train": train, "valid": train}, task_for(train, 2))
    method.task = task_for(valid, 1)
    made = np.array([[[1, 1], [1, 2 - (7 / 3) ** 0.5]], [[5, 5], [5, 5]]])
    assert method.validation_nmse(valid.frames[:, :, 0], made) == pytest.approx(1 / 3)  # type: ignore[attr-defined]


def test_more_neighbours_than_there_are_trajectories_are_all_of_them() -> None:
    """Squared distances 1, 3 and 4 weigh 12, 4 and 3 of 19."""
    train = vectors([*LIBRARY[:2], [[0.5, 0.75**0.5 - 2], [-18, 11]]])
    asked = vectors([[[0.5, 0.75**0.5], [0, 0]]])
    method = fitted("analog", {"train": train, "valid": asked}, task_for(train, 1), neighbours=[7])
    np.testing.assert_allclose(forecast(method, asked, 1), [[[(120 - 54) / 19, (80 + 33) / 19]]], rtol=1e-4)


def test_dmd_takes_what_validates_best() -> None:
    """No rank, delay or share of the singular values alone is better on validation than what is chosen among all."""
    train, valid = spiral(0.95, 30), spiral(0.95, 10)
    frames = valid.frames[:, :, 0]

    def error(**changes: Any) -> float:
        method = fitted("dmd", {"train": train, "valid": valid}, task_for(train, 4), **changes)
        return method.validation_nmse(frames, forecast(method, valid, 4))  # type: ignore[attr-defined]

    energies = [0.5, 0.999999]
    alone = [error(ranks=[rank], delays=[1], energies=[energy]) for rank in (1, 2) for energy in energies]
    assert max(alone) > 10 * min(alone)
    assert error(ranks=[1, 2], delays=[1], energies=energies) == pytest.approx(min(alone), rel=1e-3, abs=1e-9)


@pytest.mark.parametrize(("wanted", "got"), [(3, 3), (9, 4)])
def test_dmd_has_as_many_delays_as_asked_for_and_no_more_than_the_context(wanted: int, got: int) -> None:
    train = spiral(1.0, 30)
    method = fitted("dmd", {"train": train, "valid": train}, task_for(train, 4), delays=[wanted])
    assert method.state["delay"] == got  # type: ignore[attr-defined]
    assert method.state["amplitudes"].shape[1] == 2 * got + 1  # type: ignore[attr-defined]
