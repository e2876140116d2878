"""Pictures, settings and random streams of the single pendulum; its physics: ``verification.physics``."""

from pathlib import Path

import numpy as np
import pytest

from ladid_bench.core.configuration import SplitSizes
from ladid_bench.core.errors import BenchError
from ladid_bench.data.trajectories import Trajectories, read_trajectories, write_trajectories
from ladid_bench.datasets.simulated.base import System
from ladid_bench.datasets.simulated.pendulum import PER_METRE, Pendulum, angle_from_image, draw_pendulum
from ladid_bench.study.datasets import find_source


def make(dataset: str, count: int = 6, split: str = "train", image_size: int = 16, seed: int = 0) -> Trajectories:
    source = find_source(dataset)
    assert isinstance(source, System)
    return source.split(split, SplitSizes(train=count, valid=count, test=count), image_size, seed, 60)


def test_the_bob_is_where_the_angle_says() -> None:
    down, right, up, left = draw_pendulum(np.array([0, np.pi / 2, np.pi, 3 * np.pi / 2]), 1.0, 32)
    assert down[26, 15] == right[15, 26] == up[5, 15] == left[15, 5] == 1
    assert down[:14].max() == right[:, :14].max() == up[18:].max() == left[:, 18:].max() == 0


def test_a_black_picture_has_no_angle() -> None:
    assert np.isnan(angle_from_image(np.zeros((2, 16, 16)))).all()


def test_frames_are_brightness_between_0_and_1() -> None:
    made = make("pendulum", image_size=32)
    assert made.frames.shape == (6, 60, 1, 32, 32) and made.frames.dtype == np.float32
    assert made.frames.min() == 0 and made.frames.max() == 1
    assert made.times[0, 0] == 0 and made.times[0, -1] == pytest.approx(3.0)


def test_a_split_survives_the_trajectory_file(tmp_path: Path) -> None:
    made = make("pendulum--damping-0.5")
    write_trajectories(tmp_path / "pendulum.hdf5", made)
    assert read_trajectories(tmp_path / "pendulum.hdf5").content_sha256 == made.content_sha256
    assert made.provenance["settings"]["damping"] == 0.5 and made.provenance["units"]["theta"] == "rad"


def test_same_seed_same_numbers() -> None:
    assert make("pendulum").content_sha256 == make("pendulum").content_sha256
    assert make("pendulum").content_sha256 != make("pendulum", seed=1).content_sha256


def test_a_trajectory_does_not_depend_on_how_many_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    many = make("pendulum", count=300)
    few = make("pendulum", count=7)
    assert few.content_sha256 == many[:7].content_sha256
    monkeypatch.setattr("ladid_bench.datasets.simulated.base.BATCH_BYTES", 200_000)
    assert make("pendulum", count=300).content_sha256 == many.content_sha256


def test_splits_are_disjoint() -> None:
    splits = [make("pendulum", count=50, split=name) for name in ("train", "valid", "test")]
    starts = np.concatenate([made.states["theta"][:, 0] for made in splits])
    units = np.concatenate([made.group for made in splits])
    assert len(np.unique(starts)) == len(np.unique(units)) == 150
    others = make("pendulum", count=50, seed=1).states["theta"][:, 0]
    assert not np.isin(others, starts).any()


def test_initial_law_is_uniform() -> None:
    made = Pendulum().split("train", SplitSizes(train=2000), 16, 0, 1)
    for name, low, high in (("theta", 0, 2 * np.pi), ("angular_velocity", -np.pi / 2, np.pi / 2)):
        share = (made.states[name][:, 0] - low) / (high - low)
        assert share.min() >= 0 and share.max() < 1
        distance = np.abs(np.sort(share) - (np.arange(2000) + 0.5) / 2000).max()
        assert distance < 0.036, name  # 1 % level of the Kolmogorov distance at 2000 draws


@pytest.mark.parametrize("split", ["train", "midpoints"])
@pytest.mark.parametrize("dataset", ["pendulum--irregular", "pendulum--lengths-mixed"])
def test_an_uneven_grid_or_a_mixture_ties_no_trajectory_to_the_others(
    dataset: str, split: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = make(dataset, count=12, split=split)
    monkeypatch.setattr("ladid_bench.datasets.simulated.base.BATCH_BYTES", 1)
    assert make(dataset, count=12, split=split).content_sha256 == together.content_sha256


def test_lengths_are_mixed_uniformly_and_stored() -> None:
    made = make("pendulum--lengths-mixed", count=500, image_size=16)
    length = made.parameters["length"]
    assert 0.5 <= length.min() < 0.52 and 1.98 < length.max() <= 2
    share = np.sort((length - 0.5) / 1.5)
    assert np.abs(share - (np.arange(500) + 0.5) / 500).max() < 0.073  # 1 % level of the Kolmogorov distance
    upright = 0.5 * (length * made.states["angular_velocity"][:, 0]) ** 2
    energy = upright + 9.81 * length * (1 - np.cos(made.states["theta"][:, 0]))
    np.testing.assert_allclose(made.states["energy"], np.tile(energy[:, None], 60), rtol=1e-10)
    np.testing.assert_array_equal(made.states["theta"][:, 0], make("pendulum", count=500).states["theta"][:, 0])


def test_a_trajectory_of_the_mixture_moves_like_one_of_its_length() -> None:
    mixed = make("pendulum--lengths-mixed", count=1)
    alone = find_source("pendulum", {"length": float(mixed.parameters["length"][0])})
    np.testing.assert_array_equal(alone.split("train", SplitSizes(train=1), 16, 0, 60).frames, mixed.frames)


def test_mixed_lengths_are_drawn_in_proportion() -> None:
    mixture = {"draw_length": "proportional", "length": 1.25, "length_spread": 0.75}
    made = find_source("pendulum", mixture).split("train", SplitSizes(train=30), 64, 0, 2)
    bright = made.frames[:, 0].sum(axis=(1, 2, 3))
    assert np.corrcoef(bright, made.parameters["length"])[0, 1] > 0.99


def test_mass_without_damping_changes_no_frame() -> None:
    source, heavy = make("pendulum"), make("pendulum--mass-2")
    assert np.array_equal(source.frames, heavy.frames)
    assert (heavy.parameters["mass"] == 2).all()


def test_mass_with_damping_changes_frames() -> None:
    assert not np.array_equal(make("pendulum--damping-0.5").frames, make("pendulum--mass-2-damped").frames)


@pytest.mark.parametrize("intervention", sorted(Pendulum.interventions.keys() - Pendulum.controls))
def test_interventions_change_the_motion_and_not_the_start(intervention: str) -> None:
    source, changed = make("pendulum"), make(f"pendulum--{intervention}")
    assert np.array_equal(source.frames[:, 0], changed.frames[:, 0])
    assert np.abs(source.frames[:, 30:] - changed.frames[:, 30:]).mean() > 1e-3


def test_proportional_length_is_visible() -> None:
    read = [
        draw_pendulum(np.array([0.0]), PER_METRE * length, 64)[0].sum(axis=1).nonzero()[0][-1]
        for length in (0.5, 1.0, 2.0)
    ]
    assert read[0] < read[1] < read[2] < 64
    first = Pendulum(draw_length="proportional").split("train", SplitSizes(train=1), 32, 0, 1).frames
    assert first.sum() < make("pendulum", count=1, image_size=32).frames[:, :1].sum()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"length": 0.0}, "give at least 0.001"),
        ({"mass": float("nan")}, "give at least 0.001"),
        ({"damping": -1.0}, "give at least 0"),
        ({"draw_length": "proportionl"}, "'proportional'"),
        ({"draw_length": "proportional", "length": 3.0}, "give at most 2.2"),
        ({"draw_length": "proportional", "length": 2.25}, "give at most 2.2"),  # half of the bob would be cut off
        ({"gravity": float("inf")}, "'gravity' is inf"),
        ({"draw_length": "proportional", "length": 2.0, "length_spread": 0.5}, "length 2.5 "),
        ({"length_spread": -0.5}, "at least 0"),
        ({"length_spread": 1.0}, "less than length, 1"),
        ({"length_spread": float("nan")}, "at least 0"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(BenchError, match=message):
        find_source("pendulum", settings)


def test_rates_beyond_the_scheme_are_refused() -> None:
    with pytest.raises(BenchError, match="damping / mass"):
        Pendulum(damping=1e9).split("train", SplitSizes(train=1), 16, 0, 60)


def test_state_error_reads_a_turned_picture_in_degrees() -> None:
    theta = np.linspace(-3, 3, 40)[None]
    pictures = draw_pendulum(theta + np.radians(5), 1.0, 64)[:, :, None]  # (trajectory, frame, channel, height, width)
    errors = Pendulum().state_errors(pictures, {"theta": theta})
    assert errors["angle_error_degrees_median"] == pytest.approx(5, abs=0.5)
    assert Pendulum().state_errors(np.zeros_like(pictures), {"theta": theta})["angle_error_degrees_mean"] == 90


def test_no_angle_is_read_off_a_shifted_observation() -> None:
    assert (
        Pendulum(observation="translated").state_errors(np.ones((1, 1, 1, 16, 16)), {"theta": np.zeros((1, 1))}) == {}
    )


def test_a_small_swing_is_a_damped_cosine() -> None:
    """theta = a exp(-b t / 2 m) (cos w t + b / (2 m w) sin w t) with w^2 = g / l - (b / 2 m)^2."""
    length, rate = np.array([0.5, 2.0]), 0.6 / (2 * 1.5)
    drawn = {"theta": np.full(2, 1e-5), "angular_velocity": np.zeros(2), "length": length}
    times = np.tile(np.linspace(0, 3, 20), (2, 1))
    system = Pendulum(mass=1.5, damping=0.6, gravity=5.0)
    theta, velocity = system.solve(drawn, times, system.step_limit)
    swing = np.sqrt(5.0 / length - rate**2)[:, None]
    expected = np.exp(-rate * times) * (np.cos(swing * times) + rate / swing * np.sin(swing * times))
    np.testing.assert_allclose(theta, 1e-5 * expected, atol=1e-12)
    slope = -np.exp(-rate * times) * (swing + rate**2 / swing) * np.sin(swing * times)
    np.testing.assert_allclose(velocity, 1e-5 * slope, atol=1e-12)


def test_energy_is_kinetic_and_potential() -> None:
    """m l^2 w^2 / 2 + m g l (1 - cos theta): 2 kg, 0.5 m, 3 rad/s, hanging and then upright."""
    system = Pendulum(mass=2.0, length=0.5)
    found = system._energy(np.array([0.0, np.pi]), np.array([3.0, 0.0]), np.array([0.5, 0.5]))
    assert found == pytest.approx([2 * 0.25 * 9 / 2, 2 * 9.81 * 0.5 * 2])


def test_state_errors_are_angles_around_the_circle_whatever_their_sign() -> None:
    theta = np.array([[3.1, -3.1, 0.0, 0.0]])
    read = np.array([[-3.1, 3.1, 0.4, 0.0]])
    pictures = draw_pendulum(read, 1.0, 64)[:, :, None]
    errors = Pendulum().state_errors(pictures, {"theta": theta})
    across = np.degrees(2 * (np.pi - 3.1))
    assert errors["angle_error_degrees_mean"] == pytest.approx((2 * across + np.degrees(0.4)) / 4, abs=0.3)
    assert errors["angle_error_degrees_median"] == pytest.approx(across, abs=0.3)


def test_a_heavily_damped_pendulum_creeps_back() -> None:
    """Overdamped, theta = a (r2 exp(r1 t) - r1 exp(r2 t)) / (r2 - r1), r = -b / 2 m +- sqrt((b / 2 m)^2 - g / l)."""
    system = Pendulum(mass=0.5, damping=200.0)
    drawn = {"theta": np.array([1e-5]), "angular_velocity": np.zeros(1), "length": np.ones(1)}
    times = np.arange(60)[None] * system.frame_interval
    theta, _ = system.solve(drawn, times, system.step_limit)
    root = np.sqrt(200.0**2 - 9.81)
    slow, fast = -9.81 / (200 + root), -200 - root  # the slow root without the loss of digits
    expected = 1e-5 * (fast * np.exp(slow * times) - slow * np.exp(fast * times)) / (fast - slow)
    np.testing.assert_allclose(theta, expected, rtol=1e-8)
