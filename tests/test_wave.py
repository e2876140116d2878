"""Frames, draws and random streams of the waves; their physics is checked in ``verification.physics``."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from ladid_bench.core.configuration import SplitSizes
from ladid_bench.core.errors import BenchError
from ladid_bench.data.trajectories import Trajectories, read_trajectories, write_trajectories
from ladid_bench.datasets.simulated.wave import (
    AMPLITUDES,
    BUMPS,
    SPREAD,
    WALLS,
    WIDTHS,
    Modes,
    Wave,
    evolve,
    modal_energy,
)
from ladid_bench.verification.physics.wave import leapfrog


def make(
    count: int = 3, split: str = "train", image_size: int = 16, seed: int = 0, frames: int = 60, **settings: Any
) -> Trajectories:
    sizes = SplitSizes(train=count, valid=count, test=count)
    return Wave(**settings).split(split, sizes, image_size, seed, frames)


def pictures(times: np.ndarray, image_size: int = 32, walls: str = "neumann", **changes: float) -> np.ndarray:
    """Frames ``(time, height, width)`` of a bump near the middle, and of another unless ``changes`` say otherwise."""
    drawn = {"speed": 1.0}
    for bump, place in zip(BUMPS, (-0.25, 0.5), strict=True):
        drawn |= {f"centre_x_{bump}": place, f"centre_y_{bump}": 0.0, f"width_{bump}": 0.15, f"amplitude_{bump}": 1.0}
    stacked = {name: np.array([value]) for name, value in {**drawn, **changes}.items()}
    return Wave(walls=walls).simulate(stacked, times[None], image_size).frames[0, :, 0]


@pytest.mark.parametrize("image_size", [16, 32, 64, 128])
def test_frames_are_the_displacement(image_size: int) -> None:
    made = make(image_size=image_size)
    assert made.frames.shape == (3, 60, 1, image_size, image_size) and made.frames.dtype == np.float32
    assert 0.5 < np.abs(made.frames).max() < 2
    assert made.times[0, 0] == 0 and made.times[0, -1] == pytest.approx(3.0)
    assert made.fields == ("u",) and made.boundary == "wall" and make(walls="periodic").boundary == "periodic"


def test_most_values_lie_in_the_stated_range() -> None:
    frames, (low, high) = make(count=60).frames, Wave.value_range
    assert ((frames >= low) & (frames <= high)).mean() > 0.995
    assert frames.min() < low and frames.max() > high


def test_the_bump_is_where_it_was_drawn_and_row_0_is_the_top() -> None:
    start = pictures(np.zeros(1), centre_x_1=0.5, centre_y_1=0.25, amplitude_2=0.0)[0]
    row, column = np.unravel_index(start.argmax(), start.shape)
    assert {int(row), int(row) + 1} & {11, 12} and {int(column), int(column) + 1} & {23, 24}  # between pixels
    weight = start / start.sum()
    centres = (np.arange(32) + 0.5) / 16 - 1
    assert (weight.sum(axis=0) * centres).sum() == pytest.approx(0.5, abs=0.01)
    assert -(weight.sum(axis=1) * centres).sum() == pytest.approx(0.25, abs=0.01)


def test_the_front_moves_at_the_drawn_speed() -> None:
    """The ridge that runs rightwards from the bump: its place against time is a line of slope c."""
    times = np.linspace(0.2, 0.5, 7)
    for speed in (0.6, 1.0, 1.4):
        start = {"centre_x_1": -0.5, "amplitude_2": 0.0, "speed": speed}
        shown = pictures(np.append(0.0, times / speed), 128, **start)[1:]  # the first time is the start
        ridge = shown[:, 63, 48:].argmax(axis=1) / 64  # (time,)
        slope = np.polyfit(times / speed, ridge, 1)[0]
        assert slope == pytest.approx(speed, rel=0.05)


@pytest.mark.parametrize("walls", WALLS)
def test_mirrored_starts_give_mirrored_frames(walls: str) -> None:
    times = np.linspace(0, 3, 20)
    shown = pictures(times, walls=walls)
    np.testing.assert_allclose(
        pictures(times, walls=walls, centre_x_1=0.25, centre_x_2=-0.5), shown[..., ::-1], atol=1e-6
    )
    np.testing.assert_allclose(shown, shown[:, ::-1], atol=1e-6)  # both centres lie on the middle line
    np.testing.assert_allclose(pictures(times, walls=walls, amplitude_1=-1.0, amplitude_2=-1.0), -shown, atol=1e-6)


def test_moving_the_start_around_the_torus_moves_the_frames() -> None:
    times = np.linspace(0, 3, 20)
    moved = pictures(times, walls="periodic", centre_x_1=0.0, centre_x_2=0.75)  # by four of 32 pixels
    np.testing.assert_allclose(moved, np.roll(pictures(times, walls="periodic"), 4, axis=2), atol=1e-6)


def test_a_held_edge_stays_at_zero() -> None:
    held = make(image_size=128, walls="dirichlet").frames
    edge = np.concatenate([held[..., 0, :], held[..., -1, :], held[..., :, 0], held[..., :, -1]])
    inside = make(image_size=128).frames[..., 0, :]
    assert np.sqrt((edge**2).mean()) < 0.1 * np.sqrt((inside**2).mean())


def test_the_start_may_lie_at_any_time() -> None:
    times = np.array([0.0, 0.4, 1.7])
    np.testing.assert_allclose(pictures(times + 5), pictures(times), atol=1e-6)


def test_irregular_times_are_met_exactly() -> None:
    uneven = np.sort(np.append(np.random.default_rng(0).uniform(0, 3, 30), [0.0, 1.5, 3.0]))
    at = np.searchsorted(uneven, [0.0, 1.5, 3.0])
    np.testing.assert_array_equal(pictures(uneven)[at], pictures(np.array([0.0, 1.5, 3.0])))


def test_the_reference_scheme_keeps_its_own_energy() -> None:
    """The product of consecutive levels of the leapfrog scheme; it is what the frames are compared with."""
    start, courant = np.random.default_rng(0).standard_normal((24, 24)), 0.4
    for walls in WALLS:
        energies = []
        for step in (1, 2, 40, 200):
            before, after = (leapfrog(start, walls, courant, 0.0, count) for count in (step, step + 1))
            energies.append(((after - before) ** 2).sum() / courant**2 + _strain(before, after, walls))
        np.testing.assert_allclose(energies, energies[0], rtol=1e-10)


def _strain(before: np.ndarray, after: np.ndarray, walls: str) -> float:
    """Sum of products of the differences between neighbours of two levels, walls included."""
    total = 0.0
    for axis in (0, 1):
        first, second = np.diff(before, axis=axis), np.diff(after, axis=axis)
        total += (first * second).sum()
        ends = [np.take(level, end, axis=axis) for level in (before, after) for end in (0, -1)]
        if walls == "periodic":
            total += ((ends[0] - ends[1]) * (ends[2] - ends[3])).sum()
        elif walls == "dirichlet":  # half a spacing from a wall at 0: twice the slope over half the length
            total += 2 * (ends[0] * ends[2] + ends[1] * ends[3]).sum()
    return float(total)


def test_a_split_survives_the_trajectory_file(tmp_path: Path) -> None:
    made = make(walls="periodic", damping=0.5)
    write_trajectories(tmp_path / "wave.hdf5", made)
    assert read_trajectories(tmp_path / "wave.hdf5").content_sha256 == made.content_sha256
    assert (made.parameters["damping"] == 0.5).all()
    assert set(made.parameters) | set(made.states) <= set(made.provenance["units"])


def test_same_seed_same_numbers() -> None:
    made = make().content_sha256
    assert make().content_sha256 == made
    assert make(seed=1).content_sha256 != made


@pytest.mark.parametrize("time_grid", ["regular", "irregular"])
def test_a_trajectory_does_not_depend_on_how_many_are_asked_for(
    time_grid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = make(count=19, time_grid=time_grid)
    assert make(count=3, time_grid=time_grid).content_sha256 == many[:3].content_sha256
    monkeypatch.setattr("ladid_bench.datasets.simulated.base.BATCH_BYTES", 50_000)
    assert make(count=19, time_grid=time_grid).content_sha256 == many.content_sha256


def test_splits_are_disjoint() -> None:
    splits = [make(count=20, split=name, frames=1) for name in ("train", "valid", "test")]
    centres = np.concatenate([made.parameters["centre_x_1"] for made in splits])
    assert len(np.unique(centres)) == len(np.unique(np.concatenate([made.group for made in splits]))) == 60
    assert not np.isin(make(count=20, seed=1, frames=1).parameters["centre_x_1"], centres).any()


def test_draws_fill_their_ranges() -> None:
    system = Wave()
    streams = np.random.SeedSequence(0).spawn(2000)
    draws = [system.draw(np.random.default_rng(stream)) for stream in streams]
    ranges = {"speed": (system.speed_low, system.speed_high)}
    for bump in BUMPS:
        ranges |= {f"centre_x_{bump}": (-SPREAD, SPREAD), f"centre_y_{bump}": (-SPREAD, SPREAD)}
        ranges |= {f"width_{bump}": WIDTHS, f"amplitude_{bump}": AMPLITUDES}
        assert np.mean([draw[f"amplitude_{bump}"] > 0 for draw in draws]) == pytest.approx(0.5, abs=0.03)
    for name, (low, high) in ranges.items():
        size = np.abs([draw[name] for draw in draws]) if "amplitude" in name else [draw[name] for draw in draws]
        share = (np.sort(size) - low) / (high - low)
        assert share[0] >= 0 and share[-1] <= 1
        assert np.abs(share - (np.arange(2000) + 0.5) / 2000).max() < 0.036, name  # 1 % level at 2000 draws


@pytest.mark.parametrize("intervention", Wave.interventions)
def test_interventions_change_the_motion_and_no_other_draw(intervention: str) -> None:
    source, changed = make(image_size=32), make(image_size=32, **Wave.interventions[intervention])
    differing = {name for name in source.parameters if (source.parameters[name] != changed.parameters[name]).any()}
    assert differing == {"speed", "damping"} & {intervention.split("-")[0]}
    np.testing.assert_allclose(changed.frames[:, 0], source.frames[:, 0], atol=0.15)  # images behind the walls
    if differing:
        np.testing.assert_array_equal(changed.frames[:, 0], source.frames[:, 0])
    assert np.abs(source.frames[:, 30:] - changed.frames[:, 30:]).mean() > 0.1 * source.frames[:, 30:].std()


def test_speeds_of_interventions_lie_outside_the_source() -> None:
    source = Wave()
    speeds = [changes["speed_low"] for changes in source.interventions.values() if "speed_low" in changes]
    assert len(speeds) == 3
    assert not any(source.speed_low <= speed <= source.speed_high for speed in speeds)


def test_heavy_damping_creeps_towards_the_mean() -> None:
    frames = make(damping=1e4).frames
    assert np.isfinite(frames).all()
    assert np.abs(frames[:, -1] - frames[:, 0]).max() < 0.1  # all but stuck
    swinging, heavy = make(frames=400).frames[:, -1], make(frames=400, damping=3.0).frames[:, -1]
    assert heavy.std(axis=(1, 2, 3)).max() < 0.01 * swinging.std(axis=(1, 2, 3)).min()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"speed_low": -1.0}, "'speed_low' .*-1"),
        ({"speed_high": 0.5}, "'speed_high' .* 0.8"),
        ({"speed_high": float("inf")}, "'speed_high' "),
        ({"damping": -0.1}, "'damping' .*-0.1"),
        ({"damping": float("nan")}, "'damping' .*nan"),
        ({"walls": "neuman"}, "'neumann'"),
        ({"time_grid": "iregular"}, "'irregular'"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(BenchError, match=message):
        Wave(**settings)


@pytest.mark.parametrize("damping", [0.0, 0.7, 4.0, 9.0])
def test_modes_follow_their_equation(damping: float) -> None:
    """q'' = -rate^2 q - damping q' from rest, by a library: without damping, below, at and above the critical one."""
    rates, start, times = np.array([[0.0, 2.0], [3.5, 2.0]]), np.array([[1.0, -2.0], [0.5, 1.0]]), np.linspace(0, 4, 9)
    position, velocity = evolve(start, rates, damping, times)
    for place in np.ndindex(2, 2):
        solved = solve_ivp(
            lambda t, q, rate=rates[place]: [q[1], -(rate**2) * q[0] - damping * q[1]],
            (0, 4), [start[place], 0.0], t_eval=times, rtol=1e-10, atol=1e-12,
        ).y  # fmt: skip
        np.testing.assert_allclose(position[(slice(None), *place)], solved[0], atol=1e-7)
        np.testing.assert_allclose(velocity[(slice(None), *place)], solved[1], atol=1e-7)


@pytest.mark.parametrize("walls", WALLS)
def test_modes_are_orthonormal_and_their_slopes_are_their_wavenumbers(walls: str) -> None:
    modes = Modes(walls, 7)
    places = (np.arange(4000) + 0.5) / 2000 - 1
    values = modes.at(places)
    np.testing.assert_allclose(values.T @ values / 2000, np.eye(7), atol=1e-5)
    slopes = np.gradient(values, places, axis=0, edge_order=2)
    np.testing.assert_allclose((slopes**2).sum(axis=0) / 2000, modes.wavenumbers**2, rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(modes.averages(5), values.reshape(5, 800, 7).mean(axis=1), atol=1e-5)
    assert modes.rates(2.0)[3, 1] == pytest.approx(2 * np.hypot(modes.wavenumbers[3], modes.wavenumbers[1]))


def test_energy_is_half_of_the_squares_of_velocity_and_slope() -> None:
    """Modes of amplitude 3 and 4 at rates 2 and 1, and a velocity of 5."""
    position, velocity = np.array([[[3.0, 4.0]]]), np.array([[[0.0, 5.0]]])
    assert modal_energy(position, velocity, np.array([[2.0, 1.0]])) == pytest.approx([(36 + 16 + 25) / 2])


def test_bumps_have_their_own_widths_heights_and_axes() -> None:
    """Far from the walls the picture is the sum of the two Gaussians, averaged over pixels that are small for them."""
    drawn = {"speed": 1.0, "centre_x_1": -0.4, "centre_y_1": 0.3, "width_1": 0.1, "amplitude_1": 1.0}
    drawn |= {"centre_x_2": 0.5, "centre_y_2": -0.2, "width_2": 0.15, "amplitude_2": -0.6}
    frame = pictures(np.zeros(1), 128, **drawn)[0]
    across = (np.arange(128) + 0.5) / 64 - 1
    expected = 0.0
    for bump in BUMPS:
        right, up = across[None] - drawn[f"centre_x_{bump}"], across[::-1, None] - drawn[f"centre_y_{bump}"]
        expected = expected + drawn[f"amplitude_{bump}"] * np.exp(-(right**2 + up**2) / 2 / drawn[f"width_{bump}"] ** 2)
    np.testing.assert_allclose(frame, expected, atol=5e-3)
