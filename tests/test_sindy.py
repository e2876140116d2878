"""SINDy: known equations are found, simulated as a reference solver does, and never blow up."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from ladid_bench.core.configuration import Budget
from ladid_bench.data.metrics import measure
from ladid_bench.data.task import task_of
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.methods.base import Method, Training
from ladid_bench.methods.registry import load_method, resolve_settings

METHOD = "sindy"

pytest.importorskip("pysindy")

ROOT = Path(__file__).parent.parent
STEP, GIVEN, ASKED = 0.1, 6, 30
SHOWN = np.linalg.qr(np.random.default_rng(7).normal(size=(12, 12)))[0]  # what is observed is a rotation of the state
EXACT = {"delay": 1, "degrees": [3], "noises": [0.0], "readings": ["linear"], "thresholds": [0.005]}


def oscillator(state: np.ndarray) -> np.ndarray:
    """Van der Pol's, ``(..., 2)``: a limit cycle and a cubic term."""
    x, v = state[..., 0], state[..., 1]
    return np.stack([v, (1 - x**2) * v - x], axis=-1)


def spiral(state: np.ndarray) -> np.ndarray:
    """Damped rotation with the exponents -0.2 +- 3i."""
    return state @ np.array([[-0.2, 3.0], [-3.0, -0.2]])


def solved(field: Any, start: np.ndarray, frames: int = GIVEN + ASKED) -> np.ndarray:
    """``(trajectory, time, state)`` from ``start`` ``(trajectory, state)``."""
    times = np.arange(frames) * STEP
    flat = solve_ivp(lambda _, y: field(y.reshape(start.shape)).ravel(), times[[0, -1]], start.ravel(), t_eval=times,
                     rtol=1e-9, atol=1e-9).y  # fmt: skip
    return flat.T.reshape(frames, *start.shape).swapaxes(0, 1)


def observed(states: np.ndarray) -> Trajectories:
    """States ``(trajectory, time, k)`` as vectors of 12 values about an offset."""
    frames = states @ SHOWN[: states.shape[2]] + np.linspace(-2, 5, 12)
    times = np.tile(np.arange(states.shape[1]) * STEP, (len(states), 1))
    return Trajectories(frames[:, :, None].astype(np.float32), times, np.arange(len(states)), space=("feature",))


def splits(field: Any, size: int = 2) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {
        name: solved(field, random.uniform(-2, 2, (count, size)))
        for name, count in {"train": 40, "valid": 8, "test": 8}.items()
    }


def fitted(states: dict[str, np.ndarray], **changes: Any) -> Any:
    data = {name: observed(each) for name, each in states.items()}
    task = task_of(data["train"], "toy", GIVEN, data["train"].frames.shape[1] - GIVEN)
    method = load_method("sindy", ROOT)(task, resolve_settings("sindy", "default", changes, ROOT))
    method.fit(Training(data["train"], data["valid"], Budget(), seed=0))
    return method


def unexplained(method: Method, states: np.ndarray) -> float:
    data = observed(states)
    made = method.forecast(data.frames[:, :GIVEN], data.times[:, :GIVEN], data.times[:, GIVEN:]).mean
    assert made.dtype == np.float32
    return measure(data.frames[:, GIVEN:], made, data.frames.mean(axis=(0, 1))).pooled_fvu


def state_map(module: ModuleType, method: Any) -> tuple[np.ndarray, np.ndarray]:
    """The affine map from the true state to the model's: its value at 0 and its matrix."""
    truth = np.concatenate([np.zeros((1, 2)), np.eye(2)])[:, None]
    codes = module.encode(observed(truth).frames[:, :, 0], method.state["mean"], method.state["modes"])
    origin, *images = module._coordinates(method.state, module._windows(codes, 1))[:, 0]
    return origin, np.array(images) - origin


@pytest.mark.parametrize("field", [oscillator, spiral])
def test_the_equations_are_found(module: ModuleType, field: Any) -> None:
    states = splits(field)
    method = fitted(states, coordinates=[2], **EXACT)
    origin, matrix = state_map(module, method)
    truth = states["test"].reshape(-1, 2)
    rates = module._evaluate(method.state["terms"], origin + truth @ matrix) @ method.state["coefficients"]
    expected = STEP * field(truth) @ matrix  # by the frame
    assert np.abs(rates - expected).max() < 0.02 * np.abs(expected).max()
    if field is spiral:
        assert not method.state["coefficients"][3:].any()  # nothing of higher degree; the constant is the offset's
        found = np.linalg.eigvals(method.state["coefficients"][1:3]) / STEP
        np.testing.assert_allclose(sorted(found, key=np.imag), [-0.2 - 3j, -0.2 + 3j], atol=0.01)


def test_a_nonlinear_oscillator_is_forecast() -> None:
    states = splits(oscillator)
    assert unexplained(fitted(states, coordinates=[2], **EXACT), states["test"]) < 1e-3


def test_windows_hold_the_velocity_that_one_frame_lacks() -> None:
    """Of an oscillator only the position is seen."""
    states = {name: each[..., :1] for name, each in splits(spiral).items()}
    settings = {**EXACT, "coordinates": [2], "degrees": [2]}
    blind, seeing = (fitted(states, **{**settings, "delay": delay}) for delay in (1, 3))
    assert unexplained(seeing, states["test"]) < 0.01 < 0.5 < unexplained(blind, states["test"])


def test_the_library_is_the_one_of_pysindy(module: ModuleType) -> None:
    from pysindy import PolynomialLibrary

    states = np.random.default_rng(0).normal(size=(20, 4))
    for degree in (1, 2, 3):
        expected = np.array(PolynomialLibrary(degree=degree).fit_transform(states))
        np.testing.assert_allclose(module._evaluate(module._terms(4, degree), states), expected, rtol=1e-12)


def test_the_simulation_agrees_with_an_adaptive_solver(module: ModuleType) -> None:
    states = splits(oscillator)
    method = fitted(states, coordinates=[2], **EXACT)
    model = method.state
    context = module.encode(observed(states["test"]).frames[:, :GIVEN, 0], model["mean"], model["modes"])
    codes, left = module._roll_out(model, context, ASKED)
    start = module._coordinates(model, context[:, -1].astype(np.float64))

    def field(state: np.ndarray) -> np.ndarray:
        return module._evaluate(model["terms"], state) @ model["coefficients"] / STEP

    path = solved(field, start, ASKED + 1)[:, 1:]
    expected = np.stack([module._evaluate(model["terms"][:3], row) for row in path]) @ model["reading"]
    inside = ((path > model["range"][0]) & (path < model["range"][1])).all(axis=(1, 2))
    assert inside.sum() >= 4 and left <= 1 - inside.mean()
    assert np.abs(codes - expected)[inside].max() < 1e-5 * np.abs(expected).max()


def test_noise_pulls_back_to_where_training_was(module: ModuleType) -> None:
    """On a circle nothing is known of what happens beside it; the noise says that all returns to it."""
    angle = np.random.default_rng(0).uniform(0, 6, (40, 1)) + 2 * STEP * np.arange(GIVEN + ASKED)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    states = {"train": circle[:30], "valid": circle[30:], "test": circle[30:]}
    slopes = {}
    for noise in (0.0, 0.1):
        method = fitted(states, coordinates=[2], **{**EXACT, "noises": [noise]})
        origin, matrix = state_map(module, method)
        radial = circle[0]
        rates = module._evaluate(method.state["terms"], origin + 1.1 * radial @ matrix) @ method.state["coefficients"]
        slopes[noise] = ((rates @ np.linalg.inv(matrix)) * radial).sum(axis=1).mean() / (0.1 * 2 * STEP)
    assert slopes[0.1] < -1 < slopes[0.0]  # distance from the circle, relative to the speed along it
    assert unexplained(method, states["test"]) < 0.01


def test_frames_are_read_from_all_terms_where_that_is_better() -> None:
    """Two coordinates, four components: the other two are their products."""
    angle = np.random.default_rng(0).uniform(0, 6, (40, 1)) + 2 * STEP * np.arange(GIVEN + ASKED)
    waves = np.stack([2 * np.cos(angle), 2 * np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)], axis=-1)
    states = {"train": waves[:30], "valid": waves[30:35], "test": waves[35:]}
    settings = {"coordinates": [2], "degrees": [2], "noises": [0.1]}
    linear, both = (fitted(states, **settings, readings=each) for each in (["linear"], ["linear", "library"]))
    assert len(linear.state["reading"]) == 3 < len(both.state["reading"])
    assert unexplained(both, states["test"]) < 0.1 < unexplained(linear, states["test"])


def test_no_forecast_blows_up_and_those_that_would_are_counted() -> None:
    """Growing training data, and a context far outside them."""
    growth = np.exp(0.2 * np.arange(GIVEN + ASKED))[:, None]
    random = np.random.default_rng(0)
    states = {name: random.normal(size=(20, 1, 3)) * growth for name in ("train", "valid", "test")}
    method = fitted(states, coordinates=[3], **EXACT)
    test, times = observed(states["test"]), np.arange(1000.0)[None] * STEP
    far = 1e3 * test.frames[:1, :GIVEN]
    made = method.forecast(far, times[:, :GIVEN], times[:, GIVEN:]).mean
    assert np.abs(made).max() < 3 * np.abs(observed(states["train"]).frames).max()
    assert method.cost()["left_range"] == 1.0


def test_trajectories_too_short_for_derivatives_are_declined() -> None:
    data = observed(np.random.default_rng(0).normal(size=(5, 4, 2)))
    skipped, reason = load_method("sindy", ROOT).skip(task_of(data, "short", 2, 2))
    assert skipped and "5 frames, got 4" in reason


@pytest.mark.parametrize("pull", [1.0, 3.0])
def test_states_beside_a_circle_are_pulled_back_at_the_rate_asked_for(module: ModuleType, pull: float) -> None:
    """In units of the speed along the circle, as that is the root mean square rate of both coordinates together."""
    angle = np.random.default_rng(0).uniform(0, 6, (40, 1)) + 2 * STEP * np.arange(GIVEN + ASKED)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    states = {"train": circle[:30], "valid": circle[30:], "test": circle[30:]}
    method = fitted(states, coordinates=[2], **{**EXACT, "noises": [0.1]}, pull=pull)
    origin, matrix = state_map(module, method)
    rates = module._evaluate(method.state["terms"], origin + 1.05 * circle[0] @ matrix) @ method.state["coefficients"]
    inward = -((rates @ np.linalg.inv(matrix)) * circle[0]).sum(axis=1).mean() / (2 * STEP)
    assert inward == pytest.approx(0.05 * pull, rel=0.2)


def test_equations_are_fitted_to_states_all_along(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 2 x 6 states that have two frames on either side five are picked: the first, the last and three between."""
    monkeypatch.setattr(module, "FIT_STATES", 5)
    components = np.arange(20.0).reshape(2, 10, 1)
    space = {"window_mean": np.zeros(1), "window_modes": np.ones((1, 1)), "scale": np.ones(1)}
    states, rates, newest = module._samples(space, components, module._windows(components, 1))
    assert states.ravel().tolist() == newest.ravel().tolist() == [2, 4, 7, 14, 17]
    np.testing.assert_allclose(rates, np.ones((5, 1)))


def test_equations_are_asked_inside_the_range_alone_and_frames_stay_in_theirs(module: ModuleType) -> None:
    """With dx/dt = 1 and dy/dt = x for x up to 1.5: from 1.5 y grows by as much, and is shown up to 1.2."""
    model = {
        "terms": module._terms(2, 1),
        "coefficients": np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]),
        "range": np.array([[-9.0, -9.0], [1.5, 9.0]]),
        "window_mean": np.zeros(2),
        "window_modes": np.eye(2),
        "scale": np.ones(2),
        "reading": np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]),
        "component_range": np.array([[-9.0, -9.0], [9.0, 9.0]]),
    }
    context = np.array([[[1.5, 0.0]], [[0.0, 0.0]]])
    made, left = module._roll_out(model, context, 1)
    np.testing.assert_allclose(made, [[[1.5, 1.5]], [[1.0, 0.5]]])
    assert left == 0.5  # of the two one met the edge
    shown, _ = module._roll_out(model | {"component_range": np.array([[-9.0, -9.0], [9.0, 1.2]])}, context, 1)
    np.testing.assert_allclose(shown, [[[1.5, 1.2]], [[1.0, 0.5]]])


def test_equations_are_chosen_by_shares_of_each_trajectorys_own_square(module: ModuleType, monkeypatch: Any) -> None:
    """One misses a small trajectory whole, the other a thirtieth of one that is a hundred times as large."""
    states = splits(spiral)
    states["valid"] = states["valid"][:2] * np.array([1.0, 100.0])[:, None, None]
    future = []

    def roll_out(model: dict, context: np.ndarray, steps: int) -> tuple[np.ndarray, float]:
        data = observed(states["valid"]).frames[:, :, 0]
        ahead = module.encode(data, *future[0])[:, GIVEN:]
        return ahead * np.array(model["kept"])[:, None, None], 0.0

    def candidates(method: Any, components: np.ndarray, delay: int) -> list:
        return [{"kept": [0.0, 1.0], "which": np.array(0)}, {"kept": [1.0, 0.97], "which": np.array(1)}]

    components = module.principal_components
    monkeypatch.setattr(module, "principal_components", lambda *given: future.append(components(*given)) or future[0])
    monkeypatch.setattr(module, "_roll_out", roll_out)
    monkeypatch.setattr(module.METHOD, "_candidates", candidates)
    assert fitted_by(module, states).state["which"] == 1


def fitted_by(module: ModuleType, states: dict[str, np.ndarray]) -> Any:
    """The method of ``module`` as it is now, with the card's settings."""
    data = {name: observed(each) for name, each in states.items()}
    task = task_of(data["train"], "toy", GIVEN, ASKED)
    method = module.METHOD(task, resolve_settings("sindy", "default", {}, ROOT))
    method.fit(Training(data["train"], data["valid"], Budget(), seed=0))
    return method
