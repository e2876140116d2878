"""Calibration of methods whose predictive distribution is known, and of a run from its record to the run table."""

import json

import numpy as np
import pytest
from checkouts import Checkout
from scipy.stats import norm

from ladid_bench.analysis.results import aggregate
from ladid_bench.core.errors import BenchError
from ladid_bench.data.ensembles import DRAWS
from ladid_bench.data.task import task_of
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.methods.base import Forecast, Method, Training
from ladid_bench.runs import calibrating
from ladid_bench.runs.calibrating import Part, Scores, Values, _errors, _parts, _scores, _summary, calibrate_run
from ladid_bench.runs.calibration import (
    Calibration,
    Scored,
    why_not_calibrated,
)
from ladid_bench.runs.derived import is_stale

GIVEN, ASKED, FEATURES = 2, 4, 40
GROWTH = np.array([0.5, 1.0, 1.5, 2.0])  # deviation of the truth from 0 at each lead time


class Centre(Method):
    """Forecast 0 for values that scatter about it; with ``spread``, draw normal values of that deviation."""

    spread: np.ndarray | None = None

    def fit(self, training: Training) -> None: ...

    def forecast(self, context, context_times, query_times) -> Forecast:
        return Forecast(np.zeros((*query_times.shape, *self.task.shape), np.float32))

    def sample(self, context, context_times, query_times, samples, seed):
        if self.spread is None:
            return None
        noise = np.random.default_rng(seed).normal(size=(samples, *query_times.shape, *self.task.shape))
        return (self.spread[:, None, None] * noise).astype(np.float32)

    def save(self, folder) -> None: ...

    def load(self, folder) -> None: ...


def split(seed: int, deviation: np.ndarray, scale: np.ndarray | float = 1.0, count: int = 60) -> Trajectories:
    """Normal values whose deviation is 1 in the context and then goes with lead time; ``scale`` is by feature."""
    grown = np.concatenate([np.ones(GIVEN), deviation])[:, None, None]
    noise = np.random.default_rng(seed).normal(size=(count, GIVEN + ASKED, 1, FEATURES))
    times = np.tile(np.arange(GIVEN + ASKED, dtype=float), (count, 1))
    frames = (grown * noise * scale).astype(np.float32)
    return Trajectories(frames, times, np.arange(count), fields=("value",), space=("feature",))


def scored(spread: np.ndarray | None, deviation: np.ndarray, scale: np.ndarray | float = 1.0) -> dict[str, Scored]:
    train, valid, test = (split(seed, deviation, scale) for seed in range(3))
    task = task_of(train, "made-up", GIVEN, ASKED)
    method = Centre(task, {})
    method.spread = spread
    values = Values.of(task, train)
    found = _scores(method, valid, test, values, seed=0)
    scored.noise = found["noise"]  # type: ignore[attr-defined]
    scored.values = values  # type: ignore[attr-defined]
    scored.lead_times = found["lead_times"]  # type: ignore[attr-defined]
    return {one["name"]: Scored(**one) for one in found["scored"]}


def overall(deviation: np.ndarray) -> float:
    """Deviation of a variable of unit scale in the training split, by which scores are divided."""
    return float(np.sqrt(np.mean(np.concatenate([np.ones(GIVEN), deviation]) ** 2)))


def test_the_noise_for_all_is_that_of_each_lead_time_and_is_calibrated() -> None:
    """The CRPS of N(0, s) for draws of itself is s / sqrt(pi)."""
    found = scored(None, GROWTH)
    assert set(found) == {"residual"}
    residual = found["residual"]
    size = overall(GROWTH)
    noise = np.array(scored.noise["residual"])  # type: ignore[attr-defined]
    np.testing.assert_allclose(np.sqrt((noise**2).mean(axis=1)), GROWTH / size, rtol=0.05)
    assert np.mean(residual.crps) == pytest.approx(GROWTH.mean() / size / np.sqrt(np.pi), rel=0.03)
    np.testing.assert_allclose(residual.spread, residual.error, rtol=0.06)
    assert residual.spread_ratio == pytest.approx(1, abs=0.03)
    assert residual.measures(39)["coverage"] == pytest.approx(0.9, abs=0.015)
    assert residual.coverage[-1] == pytest.approx(0.05, abs=0.015)
    assert scored.lead_times == [1, 2, 3, 4]  # type: ignore[attr-defined]


def test_own_draws_get_the_observation_noise_that_they_lack() -> None:
    """The truth is a draw plus noise of the same variance, so the raw 90 % interval holds what lies within 1.16 s."""
    found = scored(GROWTH, GROWTH * np.sqrt(2))  # variances 2 s^2, of which the draws have s^2
    assert list(found) == ["residual", "own", "raw"]
    expected = np.sqrt(np.mean(GROWTH**2)) / overall(GROWTH * np.sqrt(2))
    noise = scored.noise["observation"]  # type: ignore[attr-defined]
    assert np.sqrt(np.mean(np.square(noise))) == pytest.approx(expected, rel=0.05)
    inside = 2 * norm.cdf(norm.ppf(0.95) / np.sqrt(2)) - 1
    assert found["raw"].measures(39)["coverage"] == pytest.approx(inside, abs=0.03)
    assert found["raw"].spread_ratio == pytest.approx(np.sqrt(0.5), abs=0.03)
    assert found["own"].spread_ratio == pytest.approx(1, abs=0.04)
    assert np.mean(found["own"].crps) < np.mean(found["raw"].crps)


def test_draws_that_are_calibrated_get_hardly_any_noise() -> None:
    found = scored(GROWTH, GROWTH)
    assert np.mean(np.square(scored.noise["observation"])) < 0.1  # type: ignore[attr-defined]
    assert found["raw"].measures(39)["coverage"] == pytest.approx(0.9, abs=0.015)
    assert np.mean(found["raw"].energy_score) <= np.mean(found["residual"].energy_score) * 1.02


def test_draws_that_are_too_wide_get_no_noise() -> None:
    """Their spread explains more than all of the error."""
    scored(3 * GROWTH, GROWTH)
    assert scored.noise["observation"] == [0.0] * FEATURES  # type: ignore[attr-defined]


def test_parts_of_a_split_are_drawn_with_seeds_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ladid_bench.runs.calibrating.MOST_BYTES", 1)  # one trajectory at a time
    train = split(0, GROWTH, count=5)
    task = task_of(train, "made-up", GIVEN, ASKED)
    method = Centre(task, {})
    method.spread = GROWTH
    parts = list(_parts(method, train, Values.of(task, train), seed=7))
    assert [part.truth.shape[0] for part in parts] == [1] * 5
    assert len({float(part.draws[0, 0, 0, 0]) for part in parts if part.draws is not None}) == 5


def test_units_count_alike_and_what_stands_still_does_not_count() -> None:
    scale = np.ones(FEATURES)
    scale[:10], scale[10:] = 1000.0, 0.0
    found = scored(None, GROWTH, scale)["residual"]
    assert scored.values.share == 0.25  # type: ignore[attr-defined]
    assert np.mean(found.crps) == pytest.approx(GROWTH.mean() / overall(GROWTH) / np.sqrt(np.pi), rel=0.05)
    assert found.measures(39)["coverage"] == pytest.approx(0.9, abs=0.02)


def test_a_truth_of_the_distribution_of_the_draws_leaves_nothing_by_hand() -> None:
    """39 draws 0 to 38 have the mean 19 and the variance 39 x 40 / 12 = 130; the mean of 39 draws has 130 / 39 itself.

    So a truth that is one more draw lies 130 (1 + 1 / 39) from their mean, in the mean square.
    """
    place, one = np.zeros(1, int), np.ones(1)
    draws = np.arange(39.0).reshape(39, 1, 1, 1)
    truth, forecast = np.full((1, 1, 1), 31.0), np.full((1, 1, 1), 28.0)
    error, rest = _errors(Part(truth, forecast, draws), Values(None, place, place, one, one))  # type: ignore[arg-type]
    assert rest is not None
    assert (error.item(), rest.item()) == pytest.approx((3**2, 12**2 - 130 * 40 / 39))
    found = _summary("raw", [Scores.of(truth, draws, one)])
    assert (found["spread"], found["error"]) == (pytest.approx([np.sqrt(130 * 40 / 39)], rel=1e-4), [12.0])


def test_values_count_by_their_weight_in_every_score() -> None:
    """A certain forecast is off by 3 and by 1, with weights of a quarter and three quarters."""
    truth, draws = np.array([[[3.0, 1.0]]]), np.zeros((39, 1, 1, 2))
    found = Scores.of(truth, draws, np.array([0.25, 0.75]))
    assert found.crps.item() == pytest.approx(0.25 * 3 + 0.75 * 1)
    assert found.energy_score.item() == pytest.approx(np.sqrt(0.25 * 9 + 0.75 * 1))
    assert (found.squared_error.item(), found.variance.item()) == (pytest.approx(0.25 * 9 + 0.75 * 1), 0)


def test_the_pixels_that_are_scored_vary_by_a_tenth_of_the_deviation_of_their_channel() -> None:
    """Of two channels of 2 x 2 pixels; the second one has a thousand times the values, and two pixels at rest."""
    size = np.array([[[1.0, 0.2], [0.02, 0.0]], [[1000.0, 1000.0], [0.0, 0.0]]])
    frames = (np.random.default_rng(0).normal(size=(50, 8, 2, 2, 2)) * size).astype(np.float32)
    train = Trajectories(frames, np.tile(np.arange(8.0), (50, 1)), np.arange(50), fields=("a", "b"))
    found = Values.of(task_of(train, "made-up", 2, 6), train)
    assert (found.places.tolist(), found.component.tolist()) == ([0, 1, 4, 5], [0, 0, 1, 1])
    deviations = [np.sqrt((1 + 0.2**2 + 0.02**2) / 4)] * 2 + [1000 / np.sqrt(2)] * 2
    np.testing.assert_allclose(found.deviation, deviations, rtol=0.1)
    assert found.weight.tolist() == [0.25] * 4
    np.testing.assert_allclose(found.by_component(np.array([1.0, 3.0, 5.0, 9.0])), [2, 7])


def test_a_run_is_calibrated_and_stands_in_the_run_table(checkout: Checkout) -> None:
    run, outcome = checkout.supervise("ridge")
    assert outcome.status == "ok"
    made = calibrate_run(run, checkout.folders)
    path = checkout.folders.calibration(run.key)
    first = path.read_bytes()
    assert calibrate_run(run, checkout.folders) == made and path.read_bytes() == first
    assert not is_stale(made, checkout.root)
    assert not Calibration.drop_of_former_model(run, checkout.folders)  # closed forms keep no model
    row = aggregate(checkout.runs, checkout.folders).iloc[0]
    assert row["residual_crps"] == pytest.approx(np.mean(made.scored[0].crps))
    assert 0 <= row["residual_coverage"] <= 1 and len(row["calibration"]) == 16
    assert "own_crps" not in row
    assert len(first) < 20_000

    content = json.loads(first)
    path.write_text(json.dumps(content | {"key": "0" * 16}))
    with pytest.raises(BenchError, match=run.key):
        Calibration.read(path)
    path.write_text(json.dumps(content | {"lead_times": [1.0]}))
    with pytest.raises(BenchError, match=path.name):
        Calibration.read(path)


def test_a_trained_run_is_scored_by_its_samples_too(checkout: Checkout) -> None:
    run, outcome = checkout.supervise("latent-ode")
    assert outcome.status == "ok"
    made = calibrate_run(run, checkout.folders)
    assert [one.name for one in made.scored] == ["residual", "own", "raw"]
    assert made.provenance.model_sha256
    assert set(made.columns) >= {"own_crps", "raw_coverage", "residual_energy_score", "own_spread_ratio"}
    model = checkout.folders.model(run.key)
    (model / "weights.pt").write_bytes(b"another")
    assert Calibration.drop_of_former_model(run, checkout.folders)
    assert not checkout.folders.calibration(run.key).exists()


def test_a_run_without_a_result_says_why_it_is_not_calibrated(checkout: Checkout) -> None:
    run = checkout.run_of("ridge")
    assert run.key in why_not_calibrated(run, checkout.folders)
    Calibration.write_reason(run, checkout.folders, "it diverged")
    made = Calibration.read(checkout.folders.calibration(run.key))
    assert made.reason == "it diverged" and made.columns == {}
    floor = checkout.run_of("autoencoder")
    assert "forecasts nothing" in why_not_calibrated(floor, checkout.folders)


def test_a_calibration_is_scored_or_says_why_not() -> None:
    with pytest.raises(ValueError, match="reason"):
        Calibration(
            **{"key": "0" * 16, "dataset": "d", "method": "m", "variant": "v", "seed": 0, "reason": "", "draws": 39},
            **{"varying": 0.0, "group": [], "lead_times": [], "noise": None, "scored": []},
            provenance={
                **{"commit": "", "dirty": False, "code_hash": "", "model_sha256": ""},
                **{"data_sha256": {}, "versions": {}},
            },
        )


def test_noise_is_fitted_on_the_validation_split_and_scored_on_the_test_split() -> None:
    """Where errors double on the test split, the spread is half of them."""
    train, valid, test = split(0, GROWTH), split(1, GROWTH), split(2, 2 * GROWTH)
    task = task_of(train, "made-up", GIVEN, ASKED)
    found = _scores(Centre(task, {}), valid, test, Values.of(task, train), seed=0)
    noise = np.sqrt(np.mean(np.square(found["noise"]["residual"]), axis=1))
    np.testing.assert_allclose(noise, GROWTH / overall(GROWTH), rtol=0.05)
    assert Scored(**found["scored"][0]).spread_ratio == pytest.approx(0.5, abs=0.03)
    assert found["lead_times"] == [1, 2, 3, 4]


def test_each_trajectory_has_draws_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few are forecast at once."""
    monkeypatch.setattr(calibrating, "MOST_BYTES", 1)
    train = split(0, GROWTH, count=3)
    task = task_of(train, "made-up", GIVEN, ASKED)
    method = Centre(task, {})
    method.spread = GROWTH
    draws = [part.draws for part in calibrating._parts(method, train, Values.of(task, train), seed=5)]
    assert len(draws) == 3 and not np.array_equal(draws[0], draws[1]) and not np.array_equal(draws[1], draws[2])


def test_the_spread_of_a_calibrated_distribution_is_its_error() -> None:
    """Root mean squares over trajectories; the mean of N draws scatters by 1 / N of their variance itself."""
    part = Scores(np.ones((2, 1)), np.ones((2, 1)), np.array([[1.0], [9.0]]), np.array([[2.0], [8.0]]), np.ones(20))
    found = _summary("own", [part])
    assert found["spread"] == pytest.approx([np.sqrt((1 + 1 / DRAWS) * 5)], rel=1e-4)
    assert found["error"] == pytest.approx([np.sqrt(5)], rel=1e-4)
