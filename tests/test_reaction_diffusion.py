"""Frames, draws and random streams of the reaction-diffusion spirals; ``verification.physics`` checks their physics.

Each measured value is printed beside what is expected; see them with ``pytest -s``.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ladid_bench.core.configuration import SplitSizes
from ladid_bench.core.errors import BenchError
from ladid_bench.data.trajectories import Trajectories, read_trajectories, write_trajectories
from ladid_bench.datasets.simulated.base import System
from ladid_bench.datasets.simulated.reaction_diffusion import SIDE, ReactionDiffusion, spiral
from ladid_bench.study.datasets import find_source

SINGLE = 1e-5  # what rounding in single precision grows to over the frames compared here
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


def test_moving_the_centre_around_the_torus_moves_the_frames() -> None:
    moved = observe({"centre_x": 5 * SIDE / 32, "centre_y": 9.0 * SIDE / 32})
    difference = moved - np.roll(observe({}), (-9, 5), axis=(1, 2))  # row 0 is the top
    check("frames after moving the centre by (5, 9) pixels", np.abs(difference).max(), 0, SINGLE)


def test_chirality_mirrors_the_frames() -> None:
    difference = observe({"chirality": -1.0}) - observe({})[:, ::-1]
    check("frames of the other sense, mirrored", np.abs(difference).max(), 0, SINGLE)


def test_half_a_turn_of_the_phase_changes_the_sign() -> None:
    difference = observe({"phase": np.pi}) + observe({})
    check("frames with the phase turned by half, added", np.abs(difference).max(), 0, SINGLE)


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


@pytest.mark.parametrize("dataset", ["reaction-diffusion", "reaction-diffusion--irregular"])
def test_a_trajectory_does_not_depend_on_how_many_are_asked_for(dataset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    many = make(dataset, count=19)
    assert make(dataset, count=3).content_sha256 == many[:3].content_sha256
    monkeypatch.setattr("ladid_bench.datasets.simulated.base.BATCH_BYTES", 50_000)
    monkeypatch.setattr("ladid_bench.datasets.simulated.reaction_diffusion.SOLVED_POINTS", 3 * 64**2)
    assert make(dataset, count=19).content_sha256 == many.content_sha256


def test_splits_are_disjoint() -> None:
    splits = [make("reaction-diffusion", count=10, split=name) for name in ("train", "valid", "test")]
    centres = np.concatenate([made.parameters["centre_x"] for made in splits])
    assert len(np.unique(centres)) == len(np.unique(np.concatenate([made.group for made in splits]))) == 30
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
    for constant in ("beta", "d"):
        low, high = getattr(source, f"{constant}_low"), getattr(source, f"{constant}_high")
        given = [changes for name, changes in source.interventions.items() if name.startswith(f"{constant}-")]
        assert len(given) == 2
        for changes in given:
            assert changes[f"{constant}_low"] == changes[f"{constant}_high"]
            assert not low <= changes[f"{constant}_low"] <= high


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"beta_low": -1.0}, "give at least 0"),
        ({"d_low": 0.01}, "give at least 0.04"),
        ({"d_high": float("inf")}, "give at least d_low"),
        ({"beta_low": 2.0}, "'beta_high' .* 1.3"),
        ({"arms": 0}, "give at least 1"),
        ({"arms": 9}, "give at most 4"),
        ({"spread": 11.0}, "give at most 10"),
        ({"time_grid": "iregular"}, "'irregular'"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(BenchError, match=message):
        find_source("reaction-diffusion", settings)


def test_rates_beyond_the_scheme_are_refused() -> None:
    with pytest.raises(BenchError, match="lower beta_high"):
        ReactionDiffusion(beta_high=1e4).split("train", SplitSizes(train=1), 16, 0, 2)


def test_steps_resolve_the_reaction() -> None:
    """The norm of its Jacobian is at most 2 + 3 beta, here 5.9, and a step times that 0.75."""
    assert ReactionDiffusion()._substeps(np.array([0.5, 5.0, 0.01])).tolist() == [4, 40, 1]
