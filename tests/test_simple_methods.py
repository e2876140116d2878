"""The methods without an optimiser, on data whose answer is known."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ladid_bench.core.configuration import Budget
from ladid_bench.core.errors import BenchError
from ladid_bench.data.metrics import measure
from ladid_bench.data.task import Task, task_of
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.datasets.simulated.pendulum import draw_pendulum
from ladid_bench.methods.base import Method, Training
from ladid_bench.methods.registry import load_card, load_method, resolve_settings

ROOT = Path(__file__).parent.parent
METHODS = ("persistence", "mean", "analog", "ridge", "dmd", "nvar")
GRIDDED = ("analog", "ridge", "dmd")
GIVEN, ASKED = 6, 14


def trajectories(frames: np.ndarray, times: np.ndarray | None = None, step: float = 0.1) -> Trajectories:
    """Wrap ``(trajectory, time, channel, *space)``."""
    if times is None:
        times = np.tile(np.arange(frames.shape[1]) * step, (len(frames), 1))
    space = ("height", "width") if frames.ndim == 5 else ("feature",)
    return Trajectories(frames.astype(np.float32), times, np.arange(len(frames)), space=space)


def oscillations(random: np.random.Generator, count: int, times: np.ndarray) -> np.ndarray:
    """Sums of two damped oscillations about an offset, seen through a fixed map, ``(trajectory, time, 1, 12)``."""
    exponents = np.array([-0.2 + 3.0j, -0.5 + 7.0j])
    start = random.normal(size=(count, 1, 2)) + 1j * random.normal(size=(count, 1, 2))
    latent = start * np.exp(exponents * times[..., None])  # (trajectory, time, 2)
    mixing = np.random.default_rng(7).normal(size=(2, 2, 12))
    return (latent.real @ mixing[0] + latent.imag @ mixing[1] + np.linspace(-2, 5, 12))[:, :, None]


def splits(kind: str, times: np.ndarray | None = None) -> dict[str, Trajectories]:
    """Train, valid and test splits of damped oscillations (``vector``) or of rods that turn either way (``image``)."""
    made = {}
    for index, (name, count) in enumerate({"train": 40, "valid": 10, "test": 10}.items()):
        random = np.random.default_rng([index, 5])
        at = np.tile(np.arange(GIVEN + ASKED) * 0.1, (count, 1)) if times is None else times[index, :count]
        if kind == "vector":
            made[name] = trajectories(oscillations(random, count, at), at)
        else:
            angle = random.uniform(0, 2 * np.pi, (count, 1)) + random.choice([-2.5, 2.5], (count, 1)) * at
            made[name] = trajectories(draw_pendulum(angle, 1.0, 16)[:, :, None], at)
    return made


def irregular_times() -> np.ndarray:
    """``(split, trajectory, time)``, at least a quarter of a step apart."""
    random = np.random.default_rng(3)
    return 0.1 * (np.arange(GIVEN + ASKED) + random.uniform(-0.375, 0.375, (3, 40, GIVEN + ASKED)))


def fitted(name: str, data: dict[str, Trajectories], task: Task | None = None, **changes: Any) -> Method:
    task = task or task_of(data["train"], "toy", GIVEN, ASKED)
    method = load_method(name, ROOT)(task, resolve_settings(name, "default", changes, ROOT))
    method.fit(Training(data["train"], data["valid"], Budget(), seed=0))
    return method


@functools.cache
def known(name: str, kind: str) -> tuple[Method, Trajectories]:
    """A method fitted to data of a kind, for tests that only ask it, and the test split."""
    data = splits(kind)
    return fitted(name, data), data["test"]


def forecast(method: Method, data: Trajectories, given: int = GIVEN) -> np.ndarray:
    made = method.forecast(data.frames[:, :given], data.times[:, :given], data.times[:, given:])
    assert made.mean.dtype == np.float32 and made.mean.shape == data.frames[:, given:].shape
    assert np.isfinite(made.mean).all() and made.std is None
    return made.mean


def unexplained(method: Method, data: dict[str, Trajectories]) -> float:
    truth = data["test"].frames[:, GIVEN:]
    return measure(truth, forecast(method, data["test"]), data["train"].frames.mean(axis=(0, 1))).pooled_fvu


@pytest.fixture(scope="module")
def pictures() -> dict[str, Trajectories]:
    return splits("image")


@pytest.fixture(scope="module")
def vectors() -> dict[str, Trajectories]:
    return splits("vector")


@pytest.mark.parametrize("name", METHODS)
def test_cards_say_what_the_methods_are(name: str) -> None:
    card = load_card(name, ROOT)
    assert card.deterministic and card.fidelity and card.kind == ("reference" if name in METHODS[:2] else "simple")


def test_persistence_repeats_the_last_frame(pictures: dict[str, Trajectories]) -> None:
    test = pictures["test"]
    assert (forecast(fitted("persistence", pictures), test) == test.frames[:, GIVEN - 1 : GIVEN]).all()


def test_mean_is_the_training_mean(pictures: dict[str, Trajectories]) -> None:
    expected = pictures["train"].frames.mean(axis=(0, 1), dtype=np.float64)
    np.testing.assert_allclose(
        forecast(fitted("mean", pictures), pictures["test"]),
        np.broadcast_to(expected, (10, ASKED, 1, 16, 16)),
        atol=1e-7,
    )


def test_analog_finds_an_exact_copy_shifted_in_time() -> None:
    """One rod turning once in 12 frames: every context is found somewhere in training, with all that follows."""
    phases = np.arange(GIVEN + ASKED) * 2 * np.pi / 12
    starts = {"train": [0.0, np.pi / 2], "valid": [np.pi / 6], "test": [np.pi / 3, np.pi]}
    data = {
        split: trajectories(draw_pendulum(np.add.outer(start, phases), 1.0, 16)[:, :, None])
        for split, start in starts.items()
    }
    method = fitted("analog", data, neighbours=[1])
    truth = data["test"].frames[:, GIVEN:]
    exact = forecast(method, data["test"])
    assert method.state["shifts"] > 0  # type: ignore[attr-defined]
    reachable = ASKED - 4  # the copy of the test's contexts starts at shifts 2 and 4 (or 3 of the other trajectory)
    np.testing.assert_allclose(exact[:, :reachable], truth[:, :reachable], atol=1e-6)


def test_analog_uses_beginnings_alone_at_the_last_lead(pictures: dict[str, Trajectories]) -> None:
    method = fitted("analog", pictures, neighbours=[1])
    last = forecast(method, pictures["test"])[:, -1]
    ends = pictures["train"].frames[:, -1]
    assert all(np.abs(ends - frame).max(axis=(1, 2, 3)).min() < 1e-6 for frame in last)


def test_ridge_recovers_a_linear_system(vectors: dict[str, Trajectories]) -> None:
    assert unexplained(known("ridge", "vector")[0], vectors) < 1e-6


def test_dmd_recovers_damped_oscillations(vectors: dict[str, Trajectories]) -> None:
    method, _ = known("dmd", "vector")
    assert unexplained(method, vectors) < 1e-6
    found = np.log(method.state["eigenvalues"]) / 0.1  # type: ignore[attr-defined]
    for exponent in (-0.2 + 3.0j, -0.5 + 7.0j, 0.0):
        assert np.abs(found - exponent).min() < 1e-2


def test_dmd_never_blows_up() -> None:
    """Growing training data and a context far outside them."""
    random = np.random.default_rng(0)
    growth = np.exp(0.5 * np.arange(GIVEN + ASKED))[:, None, None]
    data = {
        split: trajectories(random.normal(size=(20, 1, 1, 5)) * growth + random.normal(size=(20, GIVEN + ASKED, 1, 5)))
        for split in ("train", "valid", "test")
    }
    method = fitted("dmd", data)
    assert np.abs(method.state["eigenvalues"]).max() <= 1 + 1e-9  # type: ignore[attr-defined]
    times = np.arange(1000.0)[None] * 0.1
    far = 1e3 * data["test"].frames[:1, :GIVEN]
    made = method.forecast(far, times[:, :GIVEN], times[:, GIVEN:]).mean
    assert np.abs(made).max() < 10 * np.abs(data["train"].frames).max()


@pytest.mark.parametrize("name", GRIDDED)
def test_better_than_the_mean_on_pictures(name: str, pictures: dict[str, Trajectories]) -> None:
    assert unexplained(known(name, "image")[0], pictures) < 0.8


@pytest.mark.parametrize("kind", ["vector", "image"])
@pytest.mark.parametrize("name", METHODS)
def test_saved_and_loaded_is_the_same(name: str, kind: str, tmp_path: Path) -> None:
    method, test = known(name, kind)
    method.save(tmp_path)
    other = load_method(name, ROOT)(method.task, resolve_settings(name, "default", {}, ROOT))
    other.load(tmp_path)
    assert np.array_equal(forecast(method, test), forecast(other, test))
    assert other.cost() == method.cost()


@pytest.mark.parametrize("value", [object(), [1.0, 2.0], np.array([None])])
def test_what_is_no_array_is_refused_by_name_before_anything_is_written(value: Any, tmp_path: Path) -> None:
    method = fitted("mean", splits("vector"))
    method.state["forest"] = value  # type: ignore[attr-defined]
    for act in (method.cost, lambda: method.save(tmp_path)):
        with pytest.raises(BenchError, match="'forest'"):
            act()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", METHODS)
def test_fitting_twice_gives_the_same(name: str, pictures: dict[str, Trajectories]) -> None:
    method, test = known(name, "image")
    assert np.array_equal(forecast(method, test), forecast(fitted(name, pictures), test))


@pytest.mark.parametrize("name", METHODS)
def test_later_dates_change_nothing(name: str) -> None:
    method, test = known(name, "image")
    for shift in (-3.7, 1e5):
        moved = trajectories(test.frames, test.times + shift)
        np.testing.assert_array_equal(forecast(method, moved), forecast(method, test))


@pytest.mark.parametrize("name", METHODS)
def test_a_permuted_batch_gives_permuted_forecasts(name: str) -> None:
    method, test = known(name, "image")
    order = np.random.default_rng(0).permutation(len(test))
    np.testing.assert_allclose(forecast(method, test[order]), forecast(method, test)[order], atol=1e-4)
    np.testing.assert_allclose(forecast(method, test[:1]), forecast(method, test)[:1], atol=1e-4)


@pytest.mark.parametrize("name", METHODS)
def test_fewer_queries_give_the_same_frames(name: str) -> None:
    method, test = known(name, "image")
    some = [GIVEN + 1, GIVEN + 4, GIVEN + 9]
    made = method.forecast(test.frames[:, :GIVEN], test.times[:, :GIVEN], test.times[:, some]).mean
    np.testing.assert_allclose(made, forecast(method, test)[:, [1, 4, 9]], atol=1e-4)


@pytest.mark.parametrize("name", GRIDDED)
def test_queries_between_frames_lie_between_them(name: str) -> None:
    method, test = known(name, "vector")
    whole = np.concatenate([test.frames[:, GIVEN - 1 : GIVEN], forecast(method, test)], axis=1)
    half = test.times[:, GIVEN - 1 : -1] + 0.05
    made = method.forecast(test.frames[:, :GIVEN], test.times[:, :GIVEN], half).mean
    np.testing.assert_allclose(made, (whole[:, 1:] + whole[:, :-1]) / 2, atol=1e-4)


@pytest.mark.parametrize("name", GRIDDED)
def test_beyond_the_horizon_something_finite_is_said(name: str) -> None:
    method, test = known(name, "vector")
    made = method.forecast(test.frames[:, :GIVEN], test.times[:, :GIVEN], test.times[:, GIVEN:] + 5.0).mean
    assert np.isfinite(made).all()


@pytest.mark.parametrize("name", GRIDDED)
def test_irregular_times_are_interpolated(name: str) -> None:
    data = splits("vector", irregular_times())
    method = fitted(name, data)
    assert not method.task.regular
    assert unexplained(method, data) < (0.6 if name == "analog" else 0.1)


@pytest.mark.parametrize("name", METHODS)
def test_frames_without_signal_are_survived(name: str) -> None:
    """A dry radar picture: a validation trajectory of zeros has no normalised error."""
    data = splits("vector")
    valid = data["valid"].frames.copy()
    valid[0] = 0
    method = fitted(name, {**data, "valid": trajectories(valid)})
    forecast(method, data["test"])
