"""Physics, pictures and random streams of the single pendulum.

Each measured value is printed beside what is expected; see them with ``pytest -s``.
"""

from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import ellipk

from ladid_bench.catalogue import find_source
from ladid_bench.config import SplitSizes
from ladid_bench.data.trajectories import Trajectories, read_trajectories, write_trajectories
from ladid_bench.errors import BenchError
from ladid_bench.systems.base import System
from ladid_bench.systems.pendulum import HALF_VIEW, PER_METRE, Pendulum, angle_from_image, draw_pendulum

TURN = np.linspace(0, 2 * np.pi, 721)


def check(what: str, measured: float, expected: float, tolerance: float) -> None:
    print(f"{what}: expected {expected:.9g}, measured {measured:.9g}, tolerance {tolerance:.2g}")
    assert abs(measured - expected) <= tolerance


def start_from(pendulum: Pendulum, theta: float, velocity: float, times: np.ndarray) -> dict[str, np.ndarray]:
    """States over time of one trajectory, ``(time,)`` each."""
    drawn = {"theta": np.array([theta]), "angular_velocity": np.array([velocity])}
    return {name: values[0] for name, values in pendulum.simulate(drawn, times[None], 16).states.items()}


def make(dataset: str, count: int = 6, split: str = "train", image_size: int = 16, seed: int = 0) -> Trajectories:
    source = find_source(dataset)
    assert isinstance(source, System)
    return source.split(split, SplitSizes(train=count, valid=count, test=count), image_size, seed, 60)


@pytest.mark.parametrize(("start", "period"), [(0.5, 2.037868), (np.pi / 2, 2.367842), (3.0, 5.158067)])
def test_period_from_rest_is_the_elliptic_integral(start: float, period: float) -> None:
    exact = 4 * np.sqrt(1 / 9.81) * ellipk(np.sin(start / 2) ** 2)
    times = np.linspace(0, 6, 121)
    states = start_from(Pendulum(), start, 0.0, times)
    falling = np.flatnonzero(np.diff(np.sign(states["angular_velocity"])) < 0)
    turn = falling[falling > 10][0]  # back at the start: the velocity falls through zero again
    near = solve_ivp(
        lambda _, state: [state[1], -9.81 * np.sin(state[0])],
        (0, 0.1),
        [states["theta"][turn], states["angular_velocity"][turn]],
        rtol=1e-12,
        atol=1e-12,
        events=lambda _, state: state[1],
    )
    check(f"elliptic integral, {start:.3g} rad", exact, period, 1e-6)
    check(f"period from rest at {start:.3g} rad", times[turn] + near.t_events[0][0], exact, 1e-8)


def test_energy_is_kept_without_damping() -> None:
    energy = start_from(Pendulum(), 2.5, 1.0, np.linspace(0, 3, 60))["energy"]
    check("relative drift of energy over 3 s", np.abs(energy / energy[0] - 1).max(), 0, 1e-10)


def test_damping_takes_energy_at_the_rate_of_the_law() -> None:
    pendulum = Pendulum(damping=0.5, length=1.3, mass=0.7)
    times = np.linspace(0, 3, 3001)
    states = start_from(pendulum, 2.5, 1.0, times)
    rate = -pendulum.damping * pendulum.length**2 * states["angular_velocity"] ** 2
    lost = np.diff(states["energy"])
    middle = states["angular_velocity"][1:-1:2]
    simpson = -pendulum.damping * pendulum.length**2 * middle**2 * 4
    expected = (rate[:-2:2] + simpson + rate[2::2]) * (times[2] - times[0]) / 6
    check("dE/dt + b l^2 theta'^2, J per step", np.abs(lost[::2] + lost[1::2] - expected).max(), 0, 1e-10)


def test_small_swings_decay_at_half_the_damping_over_mass() -> None:
    times = np.linspace(0, 12, 1201)
    energy = start_from(Pendulum(damping=0.5, mass=2.0), 1e-3, 0.0, times)["energy"]
    slope = np.polyfit(times, np.log(energy), 1)[0]
    check("decay rate of amplitude b / 2m, 1/s", -slope / 2, 0.125, 1e-3)


@pytest.mark.parametrize(
    "settings",
    [{}, {"length": 0.5}, {"length": 2.0}, {"damping": 0.5}, {"damping": 0.5, "mass": 0.5}, {"damping": 40.0}],
    ids=str,
)
def test_states_agree_with_scipy_at_tight_tolerance(settings: dict[str, float]) -> None:
    pendulum = Pendulum(**settings)  # type: ignore[arg-type]
    made = pendulum.split("train", SplitSizes(train=40), 16, 0, 60)
    worst = 0.0
    for theta, velocity, times in zip(made.states["theta"], made.states["angular_velocity"], made.times, strict=True):
        exact = solve_ivp(
            lambda _, state: [
                state[1],
                -pendulum.gravity / pendulum.length * np.sin(state[0]) - pendulum.damping / pendulum.mass * state[1],
            ],
            (0, times[-1]),
            [theta[0], velocity[0]],
            method="DOP853",
            t_eval=times,
            rtol=1e-13,
            atol=1e-13,
        )
        worst = max(worst, np.abs(exact.y - [theta, velocity]).max())
    check(f"largest deviation from solve_ivp, {settings}", worst, 0, 1e-8)


def test_irregular_times_are_integrated_to_exactly() -> None:
    times = np.sort(np.append(np.random.default_rng(0).uniform(0, 3, 30), [0.0, 3.0]))
    irregular = start_from(Pendulum(), 2.0, 1.0, times)["theta"]
    regular = start_from(Pendulum(), 2.0, 1.0, np.linspace(0, 3, 60))["theta"]
    check("theta after 3 s on another grid", irregular[-1], regular[-1], 1e-9)


@pytest.mark.parametrize("image_size", [32, 64, 128])
def test_total_brightness_is_the_same_at_every_angle(image_size: int) -> None:
    total = draw_pendulum(TURN, 1.0, image_size).sum(axis=(1, 2))
    check(f"brightness over angle, {image_size} px", np.abs(total / total.mean() - 1).max(), 0, 0.01)


@pytest.mark.parametrize("image_size", [16, 32, 64, 128])
def test_angle_is_read_off_the_centroid(image_size: int) -> None:
    read = angle_from_image(draw_pendulum(TURN, 1.0, image_size))
    error = np.abs(np.angle(np.exp(1j * (read - TURN)))).max()
    check(f"angle, pixels of the bob's path, {image_size} px", error * image_size / (2 * HALF_VIEW), 0, 0.5)


def test_pictures_cover_pixels_as_a_fine_raster_does() -> None:
    fine = draw_pendulum(TURN[:90], 1.0, 512).reshape(90, 32, 16, 32, 16).mean(axis=(2, 4))  # (angle, 32, 32)
    coarse = draw_pendulum(TURN[:90], 1.0, 32)
    check("root mean square against averaging 512 px", np.sqrt(((fine - coarse) ** 2).mean()), 0, 0.01)


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
    monkeypatch.setattr("ladid_bench.systems.base.BATCH_BYTES", 200_000)
    assert make("pendulum", count=300).content_sha256 == many.content_sha256


def test_splits_are_disjoint() -> None:
    splits = [make("pendulum", count=50, split=name) for name in ("train", "valid", "test")]
    starts = np.concatenate([made.states["theta"][:, 0] for made in splits])
    units = np.concatenate([made.unit for made in splits])
    assert len(np.unique(starts)) == len(np.unique(units)) == 150
    others = make("pendulum", count=50, seed=1).states["theta"][:, 0]
    assert not np.isin(others, starts).any()


def test_initial_law_is_uniform() -> None:
    made = Pendulum().split("train", SplitSizes(train=2000), 16, 0, 1)
    for name, low, high in (("theta", 0, 2 * np.pi), ("angular_velocity", -np.pi / 2, np.pi / 2)):
        share = (made.states[name][:, 0] - low) / (high - low)
        assert share.min() >= 0 and share.max() < 1
        distance = np.abs(np.sort(share) - (np.arange(2000) + 0.5) / 2000).max()
        check(f"Kolmogorov distance of {name}", distance, 0, 0.036)  # 1 % level at 2000 draws


def test_share_that_turns_over() -> None:
    """The published simulator's law, measured once with another program: 8.1 % at 1 m, 11.4 % at 2 m."""
    for length, expected in ((1.0, 0.081), (2.0, 0.114)):
        energy = Pendulum(length=length).split("train", SplitSizes(train=4000), 16, 0, 1).states["energy"][:, 0]
        check(f"share turning over at {length:g} m", float((energy > 2 * 9.81 * length).mean()), expected, 0.015)


def test_mass_without_damping_changes_no_frame() -> None:
    source, heavy = make("pendulum"), make("pendulum--mass-2")
    assert np.array_equal(source.frames, heavy.frames)
    assert (heavy.parameters["mass"] == 2).all()


def test_mass_with_damping_changes_frames() -> None:
    assert not np.array_equal(make("pendulum--damping-0.5").frames, make("pendulum--mass-2-damped").frames)


@pytest.mark.parametrize("intervention", [name for name in Pendulum.interventions if name != "mass-2"])
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
        ({"draw_length": "proportionl"}, "did you mean 'proportional'"),
        ({"draw_length": "proportional", "length": 3.0}, "give at most 2.2"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(BenchError, match=message):
        find_source("pendulum", settings)


def test_rates_beyond_the_scheme_are_refused() -> None:
    with pytest.raises(BenchError, match="lower damping / mass"):
        Pendulum(damping=1e9).split("train", SplitSizes(train=1), 16, 0, 60)


def test_state_error_reads_a_turned_picture_in_degrees() -> None:
    theta = np.linspace(-3, 3, 40)[None]
    pictures = draw_pendulum(theta + np.radians(5), 1.0, 64)[:, :, None]  # (trajectory, frame, channel, height, width)
    errors = Pendulum().state_errors(pictures, {"theta": theta})
    assert errors["angle_error_degrees_median"] == pytest.approx(5, abs=0.5)
    assert Pendulum().state_errors(np.zeros_like(pictures), {"theta": theta})["angle_error_degrees_mean"] == 90
