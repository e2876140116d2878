"""Pictures, settings and random streams of the double pendulum; ``verification.physics`` has its physics."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ladid_bench.core.configuration import SplitSizes
from ladid_bench.core.errors import BenchError
from ladid_bench.data.trajectories import Trajectories, read_trajectories, write_trajectories
from ladid_bench.datasets.simulated.double_pendulum import (
    TEMPLATES,
    DoublePendulum,
    _best,
    angles_from_image,
    draw_double_pendulum,
)
from ladid_bench.datasets.simulated.rods import FRAME_INTERVAL

ENERGY = ("energy-low", "energy-high")
REGIMES = DoublePendulum.regimes()


def make(regime: str = "", count: int = 6, split: str = "train", image_size: int = 16, seed: int = 0) -> Trajectories:
    source = DoublePendulum().changed(REGIMES[regime] if regime else {}, "test")
    return source.split(split, SplitSizes(train=count, valid=count, test=count), image_size, seed, 60)


def test_the_exponent_is_known_of_the_constants_it_was_measured_with() -> None:
    """``verification.physics`` measures the numbers."""
    assert DoublePendulum(angle=math.pi).lyapunov_exponent == pytest.approx(0.75)
    assert DoublePendulum().lyapunov_exponent == pytest.approx(0.14)
    assert DoublePendulum(angle=math.pi / 6).lyapunov_exponent is None
    assert DoublePendulum(angle=math.pi, mass2=2.0).lyapunov_exponent is None


@pytest.mark.parametrize("image_size", [16, 32, 64, 128])
def test_frames_are_brightness_between_0_and_1(image_size: int) -> None:
    made = make(count=2, image_size=image_size)
    assert made.frames.shape == (2, 60, 1, image_size, image_size) and made.frames.dtype == np.float32
    assert made.frames.min() == 0 and 0.9 < made.frames.max() <= 1
    assert made.times[0, 0] == 0 and made.times[0, -1] == pytest.approx(3.0)


def test_rods_and_bobs_are_where_the_angles_say() -> None:
    picture = draw_double_pendulum(np.array([np.pi / 2, np.pi]), 64)  # rod 1 to the right, rod 2 up from its end
    pixels = 64 / 4.8
    centre, bob = 32, round(32 + pixels)
    assert picture[centre - 1, bob] == 1 and picture[round(32 - pixels), bob] == 1  # the bobs, row 0 is the top
    assert picture[centre - 1 : centre + 1, centre + 5].min() > 0.9  # halfway along rod 1
    assert picture[centre - 7, bob - 1 : bob + 1].max() > 0.9  # halfway along rod 2
    assert picture[centre + 3 :].max() == 0 and picture[:, : centre - 1].max() == 0


def test_rods_are_visible_at_32_pixels() -> None:
    angles = np.random.default_rng(0).uniform(-np.pi, np.pi, (2, 500))
    pictures = draw_double_pendulum(angles, 32)
    for start, angle in ((0, angles[0]), (np.exp(1j * angles[0]), angles[1])):
        middle = start + 0.5 * np.exp(1j * angle)  # of the rod; direction 1 is down, i is right
        row, column = ((np.stack([middle.real, middle.imag]) / 4.8 + 0.5) * 32).astype(int)
        near = [pictures[np.arange(500), row + down, column + right] for down in (-1, 0, 1) for right in (-1, 0, 1)]
        assert np.max(near, axis=0).min() > 0.45


def test_a_mirrored_start_is_a_mirrored_film() -> None:
    drawn = {"theta1": 1.0, "theta2": 2.0, "mass2": 1.0, "length2": 1.0}
    times = np.arange(60)[None] * FRAME_INTERVAL
    films = [
        DoublePendulum().simulate(
            {name: np.array([sign * value if "theta" in name else value]) for name, value in drawn.items()}, times, 32
        )
        for sign in (1, -1)
    ]
    np.testing.assert_allclose(films[0].frames, films[1].frames[..., ::-1], atol=1e-4)


@pytest.mark.parametrize("image_size", [16, 32, 48, 64])
def test_the_state_error_is_the_distance_of_the_outer_bobs(image_size: int) -> None:
    source, made = DoublePendulum(), make("energy-high", count=3, image_size=image_size)
    found = source.state_errors(made.frames, made.states)
    assert 0 < found["outer_bob_error_rods_mean"] < 0.05
    turned = dict(made.states, theta2=made.states["theta2"] + 0.5)
    assert source.state_errors(made.frames, turned)["outer_bob_error_rods_median"] == pytest.approx(
        2 * math.sin(0.25), abs=0.05
    )


def test_a_dim_or_black_forecast() -> None:
    angles = np.array([[[0.3, 2.0]], [[-1.0, 3.0]]])  # (2, trajectory, frame)
    pictures = draw_double_pendulum(angles, 32)
    np.testing.assert_allclose(angles_from_image(0.1 * pictures), angles_from_image(pictures), atol=1e-4)
    assert np.isnan(angles_from_image(np.zeros((3, 32, 32)))).all()
    states = {"theta1": np.zeros((1, 2)), "theta2": np.zeros((1, 2))}
    black = DoublePendulum().state_errors(np.zeros((1, 2, 1, 32, 32)), states)
    assert black["outer_bob_error_rods_mean"] == pytest.approx(2)  # as if it were at the pivot
    assert DoublePendulum(observation="inverted").state_errors(1 - pictures[:, :, None], states) == {}


def test_a_split_survives_the_trajectory_file(tmp_path: Path) -> None:
    made = make("masses-mixed")
    write_trajectories(tmp_path / "double.hdf5", made)
    assert read_trajectories(tmp_path / "double.hdf5").content_sha256 == made.content_sha256
    named = {"time", "intensity", *made.parameters, *made.states}
    assert named == set(made.provenance["units"])


def test_same_seed_same_numbers() -> None:
    assert make().content_sha256 == make().content_sha256
    assert make().content_sha256 != make(seed=1).content_sha256


@pytest.mark.parametrize("regime", ["energy-high", "masses-mixed", "irregular"])
@pytest.mark.parametrize("split", ["train", "midpoints"])
def test_a_trajectory_does_not_depend_on_its_batch(regime: str, split: str, monkeypatch: pytest.MonkeyPatch) -> None:
    many = make(regime, count=8, split=split)
    assert make(regime, count=3, split=split).content_sha256 == many[:3].content_sha256
    monkeypatch.setattr("ladid_bench.datasets.simulated.base.BATCH_BYTES", 1)
    assert make(regime, count=8, split=split).content_sha256 == many.content_sha256


def test_splits_are_disjoint() -> None:
    splits = [make(count=20, split=name) for name in ("train", "valid", "test")]
    assert len(np.unique(np.concatenate([made.states["theta1"][:, 0] for made in splits]))) == 60
    assert len(np.unique(np.concatenate([made.group for made in splits]))) == 60


@pytest.mark.parametrize(("regime", "angle"), [("energy-low", np.pi / 6), ("", np.pi / 2), ("energy-high", np.pi)])
def test_initial_angles_are_uniform_and_at_rest(regime: str, angle: float) -> None:
    source = DoublePendulum().changed(REGIMES[regime] if regime else {}, "test")
    made = source.split("train", SplitSizes(train=2000), 16, 0, 1)
    for name in ("theta1", "theta2"):
        share = np.sort(made.states[name][:, 0] / angle + 1) / 2
        assert np.abs(share - (np.arange(2000) + 0.5) / 2000).max() < 0.036  # 1 % level, Kolmogorov
    for name in ("angular_velocity1", "angular_velocity2"):
        assert not made.states[name].any()


@pytest.mark.parametrize("intervention", sorted(DoublePendulum.interventions.keys() - set(ENERGY)))
def test_constants_change_the_motion_and_not_the_start(intervention: str) -> None:
    source, changed = make(), make(intervention)
    np.testing.assert_array_equal(source.frames[:, 0], changed.frames[:, 0])
    assert np.abs(source.frames[:, 30:] - changed.frames[:, 30:]).mean() > 1e-3
    assert any(not np.array_equal(source.parameters[name], changed.parameters[name]) for name in source.parameters)


def test_energy_shifts_keep_the_constants_and_scale_the_start() -> None:
    low, default, high = (make(regime) for regime in (ENERGY[0], "", ENERGY[1]))
    np.testing.assert_allclose(3 * low.states["theta1"][:, 0], default.states["theta1"][:, 0])
    np.testing.assert_allclose(high.states["theta2"][:, 0], 2 * default.states["theta2"][:, 0])
    for name, values in default.parameters.items():
        np.testing.assert_array_equal(low.parameters[name], values)
    assert (low.states["energy"] < default.states["energy"]).all()
    assert (default.states["energy"] < high.states["energy"]).all()


@pytest.mark.parametrize(
    ("regime", "name", "low", "high"), [("masses-mixed", "mass2", 0.5, 3.0), ("lengths-mixed", "length2", 0.5, 1.5)]
)
def test_mixtures_are_uniform_and_stored(regime: str, name: str, low: float, high: float) -> None:
    source = DoublePendulum().changed(REGIMES[regime], "test")
    values = source.split("train", SplitSizes(train=1000), 16, 0, 1).parameters[name]
    share = np.sort((values - low) / (high - low))
    assert share[0] >= 0 and share[-1] <= 1
    assert np.abs(share - (np.arange(1000) + 0.5) / 1000).max() < 0.052  # 1 % level, Kolmogorov


def test_neighbours_part_the_faster_the_larger_the_angles() -> None:
    """Median distance between angles after 6 s of starts 0.001 rad apart grows by the regime, in chaos tenfold."""
    parted = []
    for angle in (np.pi / 6, np.pi / 2, np.pi):
        source = DoublePendulum(angle=angle)
        draws = [source.draw(np.random.default_rng(index)) for index in range(60)]
        drawn = {name: np.array([draw[name] for draw in draws]) for name in draws[0]}
        beside = dict(drawn, theta1=drawn["theta1"] + 1e-3)
        times = np.tile([0.0, 6.0], (60, 1))
        ends = [source.solve(start, times, source.step_limit)[:2, :, -1] for start in (drawn, beside)]
        parted.append(np.linalg.norm(ends[1] - ends[0], axis=0))
    medians = [float(np.median(distance)) for distance in parted]
    assert medians[0] < medians[1] < medians[2] and medians[2] > 1e-2
    assert parted[0].max() < 1e-2 and np.quantile(parted[2], 0.9) > 0.1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"length1": 0.0}, "'length1' .* 0.001"),
        ({"mass2": float("nan")}, "give at least 0.001"),
        ({"angle": 0.0}, "at most pi"),
        ({"angle": 3.2}, "at most pi"),
        ({"mass2_spread": 1.0}, "less than mass2, 1"),
        ({"length2_spread": -0.1}, "at least 0"),
        ({"observation": "invertd"}, "did you mean"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(BenchError, match=message):
        DoublePendulum(**settings)


def test_rates_beyond_the_scheme_are_refused() -> None:
    with pytest.raises(BenchError, match="lower gravity"):
        DoublePendulum(gravity=1e9).split("train", SplitSizes(train=1), 16, 0, 60)


def test_the_best_angles_between_those_of_the_grid_are_the_top_of_a_quadratic() -> None:
    """Of one with a slanted top; second differences are exact for a quadratic."""
    rows, columns = np.meshgrid(np.arange(TEMPLATES), np.arange(TEMPLATES), indexing="ij")
    down, right = rows - 20.3, columns - 41.8
    found = _best((10 - down**2 - right**2 + 0.8 * down * right).ravel())
    assert found == pytest.approx(np.array([20.3, 41.8]) * 2 * np.pi / TEMPLATES)


def test_no_rod_turns_faster_than_its_steps_resolve() -> None:
    """A light outer rod is whipped around: it turns far faster than the inner one ever could."""
    source = DoublePendulum(mass2=0.05, length2=0.5, angle=np.pi)
    draws = [source.draw(np.random.default_rng(index)) for index in range(20)]
    drawn = {name: np.array([draw[name] for draw in draws]) for name in draws[0]}
    found = source.solve(drawn, np.tile(np.linspace(0, 6, 300), (20, 1)), source.step_limit)
    bound = source._fastest(found[:, :, 0], drawn["mass2"], drawn["length2"])
    assert (np.abs(found[2:]).max(axis=(0, 2)) <= bound).all()
    assert np.abs(found[3]).max() > 2 * np.abs(found[2]).max()
