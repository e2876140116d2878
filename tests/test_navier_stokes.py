"""Frames, random streams and settings of the two-dimensional turbulence; its physics is in ``test_physics``.

Each measured value is printed beside what is expected; see them with ``pytest -s``.
"""

from pathlib import Path

import numpy as np
import pytest
from scipy import fft

from ladid_bench.core.configuration import SplitSizes
from ladid_bench.core.errors import BenchError
from ladid_bench.data.trajectories import Trajectories, read_trajectories, write_trajectories
from ladid_bench.datasets.pooling import mean_pool
from ladid_bench.datasets.simulated import navier_stokes
from ladid_bench.datasets.simulated.navier_stokes import DRAWN_MODES, NavierStokes
from ladid_bench.datasets.simulated.vorticity import (
    energy,
    enstrophy,
    fastest,
    forcing,
    highest_mode,
    picture,
    points,
    random_field,
    root_mean_square,
    velocity,
    waves,
)

ON_VISCOSITY = [name for name in NavierStokes.interventions if name.startswith("viscosity")]


def check(what: str, measured: float, expected: float, tolerance: float) -> None:
    print(f"{what}: expected {expected:.9g}, measured {measured:.9g}, tolerance {tolerance:.2g}")
    assert abs(measured - expected) <= tolerance


def system(intervention: str = "", **settings: float | str) -> NavierStokes:
    changes = NavierStokes.regimes()[intervention] if intervention else {}
    return NavierStokes(**{**changes, **settings})


def make(source: NavierStokes, count: int = 3, split: str = "train", seed: int = 0, frames: int = 4) -> Trajectories:
    return source.split(split, SplitSizes(train=count, valid=count, test=count), 16, seed, frames)


def noise(count: int) -> np.ndarray:
    side = 2 * DRAWN_MODES + 1
    return np.random.default_rng(1).standard_normal((count, side, side))


@pytest.mark.parametrize(("intervention", "interval"), [("", 0.05), ("forced", 0.5)])
def test_a_split_survives_the_trajectory_file(intervention: str, interval: float, tmp_path: Path) -> None:
    made = make(system(intervention))
    assert made.frames.shape == (3, 4, 1, 16, 16) and made.frames.dtype == np.float32
    assert made.fields == ("vorticity",) and made.boundary == "periodic"
    assert made.times[0] == pytest.approx(np.arange(4) * interval)
    assert {*made.parameters, *made.states, *made.fields, "time"} <= set(made.provenance["units"])
    write_trajectories(tmp_path / "vorticity.hdf5", made)
    assert read_trajectories(tmp_path / "vorticity.hdf5").content_sha256 == made.content_sha256


def test_same_seed_same_numbers() -> None:
    made = make(system()).content_sha256
    assert make(system()).content_sha256 == made
    assert make(system(), seed=1).content_sha256 != made


@pytest.mark.parametrize("intervention", ["", "irregular", "forced"])
def test_a_trajectory_does_not_depend_on_how_many_are_asked_for(
    intervention: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = system(intervention)
    many = make(source, count=7)
    assert make(source, count=1).content_sha256 == many[:1].content_sha256
    monkeypatch.setattr("ladid_bench.datasets.simulated.base.BATCH_BYTES", 20_000)
    monkeypatch.setattr(navier_stokes, "SOLVED_POINTS", 5 * 64**2)
    assert make(source, count=7).content_sha256 == many.content_sha256


def test_splits_are_disjoint() -> None:
    splits = [make(system(), count=4, split=name, frames=1) for name in ("train", "valid", "test")]
    viscosities = np.concatenate([made.parameters["viscosity"] for made in splits])
    assert len(np.unique(viscosities)) == len(np.unique(np.concatenate([made.group for made in splits]))) == 12
    starts = np.concatenate([made.frames for made in splits])
    assert not np.isin(make(system(), count=4, seed=1, frames=1).frames, starts).any()


def test_irregular_times_show_the_same_flow() -> None:
    regular, irregular = make(system(), frames=10), make(system("irregular"), frames=10)
    assert not np.array_equal(regular.times, irregular.times)
    change = np.abs(regular.frames[:, -1] - irregular.frames[:, -1]).max()
    check("largest difference of the last frame", float(change), 0, 2e-3 * float(np.abs(regular.frames).max()))


def test_between_lies_between_the_frames_of_the_test_split() -> None:
    test, between = make(system(), split="test", frames=6), make(system(), split="midpoints", frames=6)
    assert between.times == pytest.approx((test.times[:, :-1] + test.times[:, 1:]) / 2)
    middle = (test.frames[:, :-1] + test.frames[:, 1:]) / 2
    relative = np.sqrt(((between.frames - middle) ** 2).mean() / (middle**2).mean())
    assert 1e-4 < relative < 0.02


def test_the_decaying_flow_starts_at_its_vorticity_and_decays() -> None:
    made = make(system(), frames=10)
    assert made.parameters["initial_rms"] == pytest.approx(5.0, abs=1e-12)
    assert made.states["enstrophy"][:, 0] == pytest.approx(12.5, abs=1e-12)
    for name in ("energy", "enstrophy"):
        assert (np.diff(made.states[name], axis=1) < 0).all()


def test_states_are_means_over_the_torus() -> None:
    field = NavierStokes().initial(noise(2), 64)
    u, v = velocity(field)
    vorticity = fft.irfft2(field)
    assert energy(field) == pytest.approx((u**2 + v**2).mean(axis=(1, 2)) / 2, rel=1e-12)
    assert enstrophy(field) == pytest.approx((vorticity**2).mean(axis=(1, 2)) / 2, rel=1e-12)
    assert fastest(field) == pytest.approx((np.abs(u) + np.abs(v)).max(axis=(1, 2)), rel=1e-12)


def test_a_positive_vortex_turns_anticlockwise() -> None:
    right, up = points(64)
    blob = np.exp(-((right - 0.5) ** 2 + (up - 0.5) ** 2) / 0.005)
    u, v = (component[0] for component in velocity(fft.rfft2(blob[None])))
    assert v[32, 40] > 0 > v[32, 24]  # to the right of the middle upwards, to the left downwards
    assert u[24, 32] < 0 < u[40, 32]  # row 0 is the top


def test_the_random_field_is_the_same_on_every_grid() -> None:
    coarse, fine = random_field(noise(2), 64), random_field(noise(2), 128)
    assert root_mean_square(coarse) == pytest.approx(root_mean_square(fine), rel=1e-12)
    for image_size in (16, 32):
        difference = picture(coarse, image_size) - picture(fine, image_size)
        check(f"pictures at {image_size} px from 64 and 128 points", float(np.abs(difference).max()), 0, 1e-12)


def test_pixels_are_averages_over_a_finer_picture() -> None:
    drawn = {"viscosity": np.array([1e-3]), "noise": noise(1), "forcing_phase": np.zeros(1)}
    times = np.arange(4)[None] * 0.05
    coarse, fine = (NavierStokes().simulate(drawn, times, size).frames for size in (16, 64))
    relative = np.sqrt(((mean_pool(fine, 4) - coarse) ** 2).mean() / (coarse**2).mean())
    check("relative difference of 16 px and averaged 64 px", float(relative), 0, 1e-3)


@pytest.mark.parametrize(
    ("settings", "least"),
    [
        ({}, 64),
        ({"viscosity_low": 1e-4}, 81),
        ({"forcing": "diagonal"}, 64),
        ({"forcing": "diagonal", "viscosity_low": 1e-4}, 67),  # a vorticity of 6 sqrt(0.1): 3 x 22 modes and one
    ],
)
def test_the_grid_is_twice_as_fine_as_the_picture_and_resolves_the_filaments(
    settings: dict[str, float | str], least: int
) -> None:
    for image_size in (16, 32, 64, 128):
        size = system(**settings).grid(image_size)
        assert size % image_size == 0 and size >= max(2 * image_size, least)


@pytest.mark.parametrize("size", [64, 96, 128])
def test_products_of_kept_modes_leave_no_trace_in_kept_modes(size: int) -> None:
    most = highest_mode(size)
    assert 2 * most - size < -most <= -(size // 3 - 1)
    number = np.abs(fft.fftfreq(size, 1 / size))
    kept = waves(size).strain != 0  # no shear along the diagonal
    assert number[kept.any(axis=1)].max() == np.flatnonzero(kept.any(axis=0)).max() == most


def test_the_forcing_varies_along_its_diagonal() -> None:
    phases = np.array([0.0, 1.0])
    along, across = (fft.irfft2(forcing(sign, 0.1, phases, 64)) for sign in (1, -1))
    assert root_mean_square(forcing(1, 0.1, phases, 64)) == pytest.approx(0.1)
    assert np.abs(along - np.roll(along, (1, 1), axis=(1, 2))).max() < 1e-12  # right and down: x + y stays
    assert np.abs(across - np.roll(across, (1, -1), axis=(1, 2))).max() < 1e-12  # left and down: x - y stays
    assert np.abs(along[0] - along[1]).max() > 0.01
    assert not forcing(0, 0.1, phases, 64).any()


def test_the_phase_of_the_forcing_is_drawn() -> None:
    made = make(system("forced"), count=8)
    assert len(np.unique(made.parameters["forcing_phase"])) == 8
    assert "forcing_phase" not in make(system()).parameters


@pytest.mark.parametrize("intervention", ON_VISCOSITY)
def test_viscosity_changes_the_flow_and_not_the_start(intervention: str) -> None:
    source, changed = make(system(), 1, frames=12), make(system(intervention), 1, frames=12)
    assert (changed.parameters["viscosity"] == float(intervention.removeprefix("viscosity-"))).all()
    check("start", float(np.abs(source.frames[:, 0] - changed.frames[:, 0]).max()), 0, 1e-5)
    assert np.abs(source.frames[:, -1] - changed.frames[:, -1]).mean() > 0.02


@pytest.mark.parametrize("intervention", ["forced-antidiagonal", "forced-doubled"])
def test_the_forcing_changes_the_flow_and_no_draw(intervention: str) -> None:
    source, changed = make(system("forced"), frames=8), make(system(intervention), frames=8)
    for name in ("viscosity", "initial_rms", "forcing_phase"):
        assert np.array_equal(source.parameters[name], changed.parameters[name])
    assert np.abs(source.frames[:, -1] - changed.frames[:, -1]).mean() > 0.1


def test_interventions_on_viscosity_lie_outside_the_source() -> None:
    source = system()
    for name in ON_VISCOSITY:
        assert not source.viscosity_low <= system(name).viscosity_low <= source.viscosity_high


def test_viscosity_fills_its_range() -> None:
    source = system()
    streams = np.random.SeedSequence(0).spawn(2000)
    drawn = np.sort([source.draw(np.random.default_rng(stream))["viscosity"] for stream in streams])
    share = np.log(drawn / source.viscosity_low) / np.log(source.viscosity_high / source.viscosity_low)
    assert share[0] >= 0 and share[-1] <= 1
    distance = np.abs(share - (np.arange(2000) + 0.5) / 2000).max()
    check("Kolmogorov distance of the viscosity's logarithm", float(distance), 0, 0.036)  # 1 % level at 2000 draws


def test_the_card_names_the_settings_in_force() -> None:
    assert (
        "0.0005" in system().card.equation and r"\log(0.0001), \log(0.0001)" in system("viscosity-1e-4").card.equation
    )
    assert "f = 0" in system().card.equation and "f = 0.2 " in system("forced-doubled").card.equation
    assert "x - y" in system("forced-antidiagonal").card.equation


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"viscosity_low": 0.0}, "'viscosity_low' .* 0"),
        ({"viscosity_high": float("inf")}, "'viscosity_high' .*inf"),
        ({"initial_rms": float("nan")}, "'initial_rms' is nan"),
        ({"forcing_amplitude": -0.1}, "'forcing_amplitude' is -0.1"),
        ({"viscosity_low": 3e-3}, "viscosity_low, 0.003"),
        ({"forcing": "diagonl"}, "'diagonal'"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, float | str], message: str) -> None:
    with pytest.raises(BenchError, match=message):
        NavierStokes(**settings)  # type: ignore[arg-type]


def test_filaments_beyond_the_grid_are_refused() -> None:
    with pytest.raises(BenchError, match="raise viscosity_low"):
        make(system(viscosity_low=1e-7))


def test_speeds_beyond_the_scheme_are_refused() -> None:
    with pytest.raises(BenchError, match="lower initial_rms"):
        make(system(viscosity_low=10.0, viscosity_high=10.0, initial_rms=1e5))


def test_a_solution_that_blows_up_is_refused() -> None:
    """Far beyond the advective limit the scheme is unstable."""
    drawn = {"viscosity": np.array([1e-6]), "noise": noise(1), "forcing_phase": np.zeros(1)}
    with pytest.raises(BenchError, match="not finite"):
        list(NavierStokes().solve(drawn, np.arange(60)[None] * 1.0, 64, courant=60.0))


def test_each_trajectory_decays_at_its_own_viscosity(monkeypatch: pytest.MonkeyPatch) -> None:
    """A single wave along x carries nothing, so that its vorticity falls as exp(-nu (2 pi)^2 t)."""
    right, _ = points(64)
    start = fft.rfft2(np.cos(2 * np.pi * right) * np.ones((2, 64, 1)))
    monkeypatch.setattr(NavierStokes, "initial", lambda system, noise, size: start.copy())
    viscosity, times = np.array([1e-3, 4e-3]), np.array([[0.0, 1.0, 5.0], [0.0, 2.0, 3.0]])
    drawn = {"viscosity": viscosity, "noise": noise(2), "forcing_phase": np.zeros(2)}
    found = NavierStokes(initial_rms=1.0).simulate(drawn, times, 32)
    expected = np.exp(-2 * viscosity[:, None] * (2 * np.pi) ** 2 * times) / 4  # half the mean square of a cosine
    np.testing.assert_allclose(found.states["enstrophy"], expected, rtol=1e-9)
    np.testing.assert_allclose(found.states["energy"], expected / (2 * np.pi) ** 2, rtol=1e-9)
    assert found.parameters["viscosity"].tolist() == viscosity.tolist()


def test_the_forced_flow_has_run_for_a_while_at_its_first_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """From rest a forcing of wavenumber k gives vorticity F (1 - exp(-nu k^2 t)) / (nu k^2), k^2 = 2 (2 pi)^2."""
    monkeypatch.setattr(
        NavierStokes, "initial", lambda system, noise, size: np.zeros((1, size, size // 2 + 1), complex)
    )
    drawn = {"viscosity": np.array([2e-3]), "noise": noise(1), "forcing_phase": np.array([0.3])}
    source = NavierStokes(forcing="diagonal", forcing_amplitude=0.2)
    rate = 2e-3 * 2 * (2 * np.pi) ** 2
    for index, field in enumerate(source.solve(drawn, np.array([[0.0, 0.5]]), 64)):
        grown = 0.2 * (1 - np.exp(-rate * 0.5 * (index + 1))) / rate
        assert root_mean_square(field)[0] == pytest.approx(grown, rel=1e-6)


def test_the_steps_allow_for_what_the_forcing_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    """From rest the fluid is far too fast at the end of the first interval, although it does not move at its start."""
    monkeypatch.setattr(
        NavierStokes, "initial", lambda system, noise, size: np.zeros((1, size, size // 2 + 1), complex)
    )
    drawn = {"viscosity": np.array([2e-3]), "noise": noise(1), "forcing_phase": np.array([0.3])}
    with pytest.raises(BenchError, match="forcing_amplitude"):
        next(NavierStokes(forcing="diagonal", forcing_amplitude=1e4).solve(drawn, np.array([[0.0, 0.5]]), 64))


@pytest.mark.parametrize("forcing", ["none", "diagonal"])
def test_the_stated_range_is_that_of_the_values(forcing: str) -> None:
    """Shifts of observation refer to it: noise is a twentieth of it."""
    source = NavierStokes(forcing=forcing)
    frames, (low, high) = make(source, frames=4).frames, source.value_range
    assert ((frames >= low) & (frames <= high)).mean() > 0.99
    assert frames.std() > 0.02 * (high - low)  # the forced flow has only begun
