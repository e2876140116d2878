"""NVAR: its features and its fit against hand calculation, forecasts of chaos and of a harmonic, its bounds."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from ladid_bench.core.configuration import Budget
from ladid_bench.data.task import task_of
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.methods.base import Method, Training
from ladid_bench.methods.registry import load_method, resolve_settings

METHOD = "nvar"

GIVEN, LORENZ_STEP, LYAPUNOV_TIME = 4, 0.025, 1 / 0.906  # of the Lorenz system, in its unit of time


def series(states: np.ndarray, step: float) -> Trajectories:
    """States ``(trajectory, time, feature)`` as vectors."""
    times = np.tile(np.arange(states.shape[1]) * step, (len(states), 1))
    return Trajectories(states[:, :, None].astype(np.float32), times, np.arange(len(states)), space=("feature",))


def lorenz(starts: np.ndarray, frames: int) -> np.ndarray:
    """Solve Lorenz's equations of 1963 on their attractor, ``(trajectory, time, 3)``."""

    def field(time: float, state: np.ndarray) -> np.ndarray:
        x, y, z = state.reshape(3, -1)
        return np.concatenate([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])

    times = 10 + LORENZ_STEP * np.arange(frames)  # after ten units of time whatever remembers the start is gone
    path = solve_ivp(field, (0, times[-1]), starts.T.ravel(), t_eval=times, rtol=1e-9, atol=1e-9).y
    return path.reshape(3, len(starts), frames).transpose(1, 2, 0)


def fitted(root, train: Trajectories, valid: Trajectories, name: str = "nvar", **changes: Any) -> Method:
    task = task_of(train, "series", GIVEN, train.times.shape[1] - GIVEN)
    method = load_method(name, root)(task, resolve_settings(name, "default", changes, root))
    method.fit(Training(train, valid, Budget(), seed=0))
    return method


def errors(method: Method, test: Trajectories) -> np.ndarray:
    """Root mean square error of each step in standard deviations of the series, ``(step,)``."""
    made = method.forecast(test.frames[:, :GIVEN], test.times[:, :GIVEN], test.times[:, GIVEN:]).mean
    squared = np.square(made - test.frames[:, GIVEN:]).mean(axis=(0, 2, 3))
    return np.sqrt(squared) / test.frames.std()


@pytest.fixture(scope="module")
def attractor() -> dict[str, Trajectories]:
    starts = np.random.default_rng(0).normal([0, 0, 25], 8, (50, 3))
    states = lorenz(starts, 100)
    return {name: series(states[part], LORENZ_STEP) for name, part in
            (("train", slice(30)), ("valid", slice(30, 40)), ("test", slice(40, 50)))}  # fmt: skip


def test_features_are_a_constant_the_values_and_each_product_once(module) -> None:
    windows = np.array([[[2.0, 3.0], [5.0, 7.0]]])  # two delays of two components
    expected = [1, 2, 3, 5, 7, 4, 6, 10, 14, 9, 15, 21, 25, 35, 49]
    assert module.monomials(windows).tolist() == [expected]
    assert module.monomial_count(2, 2) == len(expected)
    assert module.monomial_count(3, 2) == 28  # the published system has three variables and two delays


def test_the_map_is_the_ridge_regression_of_scikit_learn(module) -> None:
    from sklearn.linear_model import Ridge

    random = np.random.default_rng(0)
    features, target = random.normal(size=(60, 9)), random.normal(size=(60, 2))
    largest = np.linalg.norm(features, 2) ** 2
    for strength, weights in zip([0.1, 1e-4], module._ridge(features, target, [1e-4, 0.1]), strict=True):
        expected = Ridge(alpha=strength * largest, fit_intercept=False).fit(features, target).coef_.T
        np.testing.assert_allclose(weights, expected, atol=1e-8)


def test_the_lorenz_system_is_forecast_for_two_lyapunov_times_and_no_linear_map_does(attractor, root) -> None:
    steps = round(2 * LYAPUNOV_TIME / LORENZ_STEP)
    nonlinear = errors(fitted(root, attractor["train"], attractor["valid"]), attractor["test"])
    linear = errors(fitted(root, attractor["train"], attractor["valid"], "dmd"), attractor["test"])
    assert nonlinear[:steps].max() < 0.1
    assert linear[:steps].max() > 0.5


def test_a_harmonic_series_is_continued_by_its_rotation(root) -> None:
    """Cosine and sine give the next ones: no product has weight in it, and the linear part turns by a step's angle."""
    random = np.random.default_rng(1)
    phase = random.uniform(0, 2 * np.pi, (40, 1)) + 0.3 * np.arange(60)
    states = random.uniform(0.5, 1.5, (40, 1, 1)) * np.stack([np.cos(phase), np.sin(phase)], axis=-1)
    train, valid, test = (series(states[part], 0.1) for part in (slice(20), slice(20, 30), slice(30, 40)))
    method = fitted(root, train, valid, delays=[1])
    assert errors(method, test).max() < 1e-4
    _, linear, products = np.split(method.state["weights"], [1, 3])  # type: ignore[attr-defined]
    turned = np.linalg.eigvals(np.eye(2) + linear)
    np.testing.assert_allclose(np.sort_complex(turned), np.exp([-0.3j, 0.3j]), atol=1e-5)
    assert np.abs(products).max() < 1e-5


def test_increments_are_added_to_the_last_frame(root, attractor) -> None:
    """A map of zeros leaves everything where it is."""
    method = fitted(root, attractor["train"], attractor["valid"])
    method.state["weights"] = np.zeros_like(method.state["weights"])  # type: ignore[attr-defined]
    test = attractor["test"]
    made = method.forecast(test.frames[:, :GIVEN], test.times[:, :GIVEN], test.times[:, GIVEN:]).mean
    np.testing.assert_allclose(made, np.broadcast_to(test.frames[:, GIVEN - 1 : GIVEN], made.shape), atol=1e-3)


def test_a_roll_out_stays_within_twice_the_largest_norm_seen(root, attractor) -> None:
    method = fitted(root, attractor["train"], attractor["valid"])
    test, times = attractor["test"], np.arange(500.0)[None] * LORENZ_STEP
    far = 100 * test.frames[:1, :GIVEN]
    made = method.forecast(far, times[:, :GIVEN], times[:, GIVEN:]).mean
    train = attractor["train"].frames
    reach = np.linalg.norm(train - train.mean(axis=(0, 1)), axis=-1).max()
    assert 1.99 * reach < np.linalg.norm(made - train.mean(axis=(0, 1)), axis=-1).max() < 2.01 * reach


def test_what_has_more_features_than_wanted_is_left_out(root, attractor) -> None:
    method = fitted(root, attractor["train"], attractor["valid"], features=40, delays=[2, 3])
    assert method.state["delay"] == 2  # type: ignore[attr-defined]
    assert method.state["weights"].shape == (28, 3)  # type: ignore[attr-defined]


def test_uneven_times_are_skipped(module, pendulum_task) -> None:
    assert module.METHOD.skip(replace(pendulum_task, regular=False))[0]
    assert not module.METHOD.skip(pendulum_task)[0]


def test_rank_delays_and_penalty_are_those_that_validate_best(root, attractor) -> None:
    """Each candidate alone is no better on validation than the one that is chosen among all."""
    choices = {"ranks": [2, 3], "delays": [2, 3], "strengths": [1e-10, 1e-2]}
    parts = [{"ranks": [r], "delays": [d], "strengths": [s]} for r in (2, 3) for d in (2, 3) for s in (1e-10, 1e-2)]

    def error(changes: dict[str, Any]) -> float:
        method, valid = fitted(root, attractor["train"], attractor["valid"], **changes), attractor["valid"]
        made = method.forecast(valid.frames[:, :GIVEN], valid.times[:, :GIVEN], valid.times[:, GIVEN:]).mean
        return method.validation_nmse(valid.frames[:, :, 0], made[:, :, 0])  # type: ignore[attr-defined]

    alone = [error(one) for one in parts]
    assert max(alone) > 2 * min(alone)
    assert error(choices) == pytest.approx(min(alone), rel=1e-4)


def test_without_an_affordable_choice_the_smallest_is_taken(root, attractor) -> None:
    method = fitted(root, attractor["train"], attractor["valid"], features=1, ranks=[3, 2], delays=[3, 1])
    assert method.state["delay"] == 1  # type: ignore[attr-defined]
    assert method.state["weights"].shape == (6, 2)  # type: ignore[attr-defined]
