"""Physics, frames and random streams of the reaction-diffusion spirals.

Each measured value is printed beside what is expected; see them with ``pytest -s``.
"""

from pathlib import Path

import numpy as np
import pytest

from ladid_bench.catalogue import find_source
from ladid_bench.config import SplitSizes
from ladid_bench.data.trajectories import Trajectories, read_trajectories, write_trajectories
from ladid_bench.errors import BenchError
from ladid_bench.systems.base import System
from ladid_bench.systems.reaction_diffusion import SIDE, ReactionDiffusion, advance, spiral

START = {"centre_x": 0.0, "centre_y": 0.0, "chirality": 1.0, "pitch": 1.0, "phase": 0.0}


def check(what: str, measured: float, expected: float, tolerance: float) -> None:
    print(f"{what}: expected {expected:.9g}, measured {measured:.9g}, tolerance {tolerance:.2g}")
    assert abs(measured - expected) <= tolerance


def make(dataset: str, count: int = 3, split: str = "train", image_size: int = 16, seed: int = 0) -> Trajectories:
    source = find_source(dataset)
    assert isinstance(source, System)
    return source.split(split, SplitSizes(train=count, valid=count, test=count), image_size, seed, 8)


def observe(changes: dict[str, float], beta: float = 1.0, d: float = 0.1, frames: int = 12) -> np.ndarray:
    """Frames ``(time, height, width)`` at 32 px of the spiral that starts from ``START`` but for ``changes``."""
    drawn = {name: np.array([value]) for name, value in {**START, **changes, "beta": beta, "d": d}.items()}
    return ReactionDiffusion().simulate(drawn, np.arange(frames)[None] * 0.5, 32).frames[0, :, 0]


def solve(field: np.ndarray, duration: float, steps: int, beta: float = 1.0, d: float = 0.1) -> np.ndarray:
    """State ``(row, column)`` after ``duration``, from one initial state."""
    return advance(field[None], np.array([beta]), np.array([d]), np.array([duration]), steps)[0]


def points(grid: int) -> np.ndarray:
    return ((np.arange(grid) + 0.5) / grid - 0.5) * SIDE


@pytest.mark.parametrize(("start", "beta"), [(0.1, 1.0), (0.5, 0.5), (1.0, 1.5)])
def test_a_homogeneous_state_follows_the_law_of_its_amplitude_and_phase(start: float, beta: float) -> None:
    after = solve(np.full((16, 16), start, dtype=complex), 5.0, 200, beta)
    amplitude = (1 + (start**-2 - 1) * np.exp(-10.0)) ** -0.5
    phase = -beta / 2 * np.log(1 + start**2 * (np.exp(10.0) - 1))  # minus beta times the integral of |z|^2
    assert np.ptp(np.abs(after)) < 1e-12
    check(f"amplitude at t = 5 from {start:g}", np.abs(after).mean(), amplitude, 1e-6)
    error = float(np.angle(after.mean() * np.exp(-1j * phase)))
    check(f"phase at t = 5 from {start:g}, beta {beta:g}, less {phase:.6f}", error, 0, 1e-6)


def test_the_limit_cycle_turns_at_minus_beta() -> None:
    after = solve(np.ones((16, 16), dtype=complex), 1.0, 40, 1.3)
    check("phase rate of the limit cycle, rad per time", float(np.angle(after).mean()), -1.3, 1e-6)


def test_a_plane_wave_has_the_amplitude_and_frequency_of_the_dispersion_relation() -> None:
    wavenumber = 2 * 2 * np.pi / SIDE
    amplitude = np.sqrt(1 - 0.1 * wavenumber**2)
    wave = np.tile(amplitude * np.exp(1j * wavenumber * points(32)), (32, 1))
    after = solve(wave, 2.0, 80)
    check("amplitude of the formula", amplitude, 0.980062, 1e-6)
    check("frequency of the formula", -(1 - 0.1 * wavenumber**2), -0.960522, 1e-6)
    check("largest change of the amplitude", np.abs(np.abs(after) - amplitude).max(), 0, 1e-6)
    check("frequency", float(np.angle(after / wave).mean()) / 2, -0.960522, 1e-6)


@pytest.mark.parametrize(("beta", "rate"), [(1.0, -0.9083), (1.5, -1.198)])
def test_a_centred_spiral_turns_at_its_rate(beta: float, rate: float) -> None:
    """Measured once with another program, at 64 points a side, at radii from 2 to 5 and times from 50 to 100."""
    drawn = {name: np.array([value]) for name, value in START.items()}
    before = solve(spiral(drawn, 1, 64)[0], 50.0, 500, beta)
    radius = np.hypot(points(64), points(64)[:, None])
    ring, turned = (radius >= 2) & (radius <= 5), np.zeros((64, 64))
    for _ in range(50):
        after = solve(before, 1.0, 10, beta)
        turned += np.angle(after / before)
        before = after
    check(f"phase rate of the spiral, beta {beta:g}", turned[ring].mean() / 50, rate, 1e-3)
    if beta == 1:
        edge = np.abs(radius - 5) < 0.2
        check("|z| at radius 5", float(np.abs(before[edge]).mean()), 0.9424, 2e-3)


def test_the_scheme_is_of_fourth_order() -> None:
    drawn = {name: np.array([value]) for name, value in START.items()}
    start = spiral(drawn, 1, 64)[0]
    exact = solve(start, 5.0, 400)
    coarse, fine = (np.abs(solve(start, 5.0, steps) - exact).max() for steps in (25, 50))
    check("error with step 0.2 over error with step 0.1, binary logarithm", np.log2(coarse / fine), 4, 0.5)


@pytest.mark.parametrize("settings", [{}, {"beta_high": 1.5, "beta_low": 1.5}, {"d_low": 0.05}], ids=str)
def test_half_the_step_gives_the_same_frames(settings: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    system, sizes = ReactionDiffusion(**settings), SplitSizes(train=4)  # type: ignore[arg-type]
    stored = system.split("train", sizes, 32, 0, 50).frames
    monkeypatch.setattr("ladid_bench.systems.reaction_diffusion.STEP_LIMIT", 0.75 / 2)
    change = np.abs(system.split("train", sizes, 32, 0, 50).frames - stored)
    check(f"largest change of a pixel with half the step, {settings}", change.max(), 0, 3e-4)
    check(f"its root mean square, {settings}", np.sqrt((change.astype(float) ** 2).mean()), 0, 5e-5)


def test_pixels_are_averages_over_a_finer_grid() -> None:
    """The same spiral at 64 px, solved on twice as many points, averages to the one at 32 px."""
    drawn = {name: np.array([value]) for name, value in {**START, "beta": 1.0, "d": 0.1}.items()}
    times = np.arange(0, 25, 0.5)[None]
    coarse, fine = (ReactionDiffusion().simulate(drawn, times, size).frames[0, :, 0] for size in (32, 64))
    pooled = fine.reshape(len(fine), 32, 2, 32, 2).mean(axis=(2, 4))  # (time, 32, 2, 32, 2)
    relative = np.sqrt(((pooled - coarse) ** 2).mean() / (coarse**2).mean())
    check("relative difference of 32 px and averaged 64 px", relative, 0, 0.02)


def test_moving_the_centre_around_the_torus_moves_the_frames() -> None:
    moved = observe({"centre_x": 5 * SIDE / 32, "centre_y": 9.0 * SIDE / 32})
    difference = moved - np.roll(observe({}), (-9, 5), axis=(1, 2))  # row 0 is the top
    check("frames after moving the centre by (5, 9) pixels", np.abs(difference).max(), 0, 1e-6)


def test_chirality_mirrors_the_frames() -> None:
    difference = observe({"chirality": -1.0}) - observe({})[:, ::-1]
    check("frames of the other sense, mirrored", np.abs(difference).max(), 0, 1e-6)


def test_half_a_turn_of_the_phase_changes_the_sign() -> None:
    difference = observe({"phase": np.pi}) + observe({})
    check("frames with the phase turned by half, added", np.abs(difference).max(), 0, 1e-6)


def test_the_centre_is_where_the_winding_is() -> None:
    drawn = {name: np.array([value]) for name, value in {**START, "centre_x": 3.0, "centre_y": 2.0}.items()}
    for arms, chirality in ((1, 1.0), (1, -1.0), (2, 1.0)):
        field = spiral({**drawn, "chirality": np.array([chirality])}, arms, 64)[0]
        circle = 3.0 + 2.0j + 1.5 * np.exp(1j * np.linspace(0, 2 * np.pi, 100))  # anticlockwise
        columns = ((circle.real / SIDE + 0.5) * 64).astype(int)
        rows = ((0.5 - circle.imag / SIDE) * 64).astype(int)
        along = field[rows, columns]
        winding = np.angle(along[1:] / along[:-1]).sum() / (2 * np.pi)
        check(f"winding number, {arms} arms, chirality {chirality:+g}", winding, arms * chirality, 1e-6)


def test_frames_are_the_field_about_zero() -> None:
    made = ReactionDiffusion().split("train", SplitSizes(train=8), 16, 0, 50)
    assert made.frames.shape == (8, 50, 1, 16, 16) and made.frames.dtype == np.float32
    assert 0.9 < np.abs(made.frames).max() <= 1
    check("mean of the field over its root mean square", made.frames.mean() / made.frames.std(), 0, 0.05)
    assert made.times[0, -1] == pytest.approx(24.5) and made.fields == ("u",) and made.boundary == "periodic"


def test_a_split_survives_the_trajectory_file(tmp_path: Path) -> None:
    made = make("reaction-diffusion--d-0.2")
    write_trajectories(tmp_path / "spirals.hdf5", made)
    assert read_trajectories(tmp_path / "spirals.hdf5").content_sha256 == made.content_sha256
    assert (made.parameters["d"] == 0.2).all() and set(made.parameters) <= set(made.provenance["units"])


def test_same_seed_same_numbers() -> None:
    made = make("reaction-diffusion").content_sha256
    assert make("reaction-diffusion").content_sha256 == made
    assert make("reaction-diffusion", seed=1).content_sha256 != made


def test_a_trajectory_does_not_depend_on_how_many_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    many = make("reaction-diffusion", count=19)
    assert make("reaction-diffusion", count=3).content_sha256 == many[:3].content_sha256
    monkeypatch.setattr("ladid_bench.systems.base.BATCH_BYTES", 50_000)
    monkeypatch.setattr("ladid_bench.systems.reaction_diffusion.SOLVED_POINTS", 3 * 64**2)
    assert make("reaction-diffusion", count=19).content_sha256 == many.content_sha256


def test_splits_are_disjoint() -> None:
    splits = [make("reaction-diffusion", count=10, split=name) for name in ("train", "valid", "test")]
    centres = np.concatenate([made.parameters["centre_x"] for made in splits])
    assert len(np.unique(centres)) == len(np.unique(np.concatenate([made.unit for made in splits]))) == 30
    assert not np.isin(make("reaction-diffusion", count=10, seed=1).parameters["centre_x"], centres).any()


def test_draws_fill_their_ranges() -> None:
    system = ReactionDiffusion()
    streams = np.random.SeedSequence(0).spawn(2000)
    draws = [system.draw(np.random.default_rng(stream)) for stream in streams]
    for name, low, high in (
        ("beta", system.beta_low, system.beta_high),
        ("d", system.d_low, system.d_high),
        ("centre_x", -system.spread, system.spread),
        ("pitch", 0.5, 1.5),
        ("phase", 0, 2 * np.pi),
    ):
        share = (np.sort([draw[name] for draw in draws]) - low) / (high - low)
        assert share[0] >= 0 and share[-1] <= 1
        distance = np.abs(share - (np.arange(2000) + 0.5) / 2000).max()
        check(f"Kolmogorov distance of {name}", distance, 0, 0.036)  # 1 % level at 2000 draws
    check("mean chirality", float(np.mean([draw["chirality"] for draw in draws])), 0, 0.06)


@pytest.mark.parametrize("intervention", ReactionDiffusion.interventions)
def test_interventions_change_the_frames_and_no_other_draw(intervention: str) -> None:
    source, changed = make("reaction-diffusion"), make(f"reaction-diffusion--{intervention}")
    differing = {name for name in source.parameters if (source.parameters[name] != changed.parameters[name]).any()}
    assert differing == {intervention.split("-")[0]}
    assert np.abs(source.frames - changed.frames).mean() > 0.01


def test_interventions_lie_outside_the_source() -> None:
    source = ReactionDiffusion()
    for name, changes in source.interventions.items():
        for constant in ("beta", "d"):
            if f"{constant}_low" in changes:
                low, high = getattr(source, f"{constant}_low"), getattr(source, f"{constant}_high")
                assert not low <= changes[f"{constant}_low"] <= high, name


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"beta_low": -1.0}, "give at least 0"),
        ({"d_low": 0.01}, "give at least 0.04"),
        ({"d_high": float("inf")}, "give at least d_low"),
        ({"beta_low": 2.0}, "'beta_high' is 1.3; give at least beta_low, 2"),
        ({"arms": 0}, "give at least 1"),
        ({"arms": 9}, "give at most 4"),
        ({"spread": 11.0}, "give at most 10"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(BenchError, match=message):
        find_source("reaction-diffusion", settings)


def test_rates_beyond_the_scheme_are_refused() -> None:
    with pytest.raises(BenchError, match="lower beta_high"):
        ReactionDiffusion(beta_high=1e4).split("train", SplitSizes(train=1), 16, 0, 2)
