"""Frames, times, runs and random streams of the flow around a cylinder; its physics is in ``test_physics``."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ladid_bench.core.configuration import SplitSizes
from ladid_bench.core.errors import BenchError
from ladid_bench.core.paths import MIDPOINTS
from ladid_bench.data.trajectories import Trajectories, read_trajectories, write_trajectories
from ladid_bench.datasets.pooling import mean_pool
from ladid_bench.datasets.simulated import cylinder_flow
from ladid_bench.datasets.simulated.base import Simulation
from ladid_bench.datasets.simulated.cylinder_flow import (
    CONSTANTS,
    FINEST_REYNOLDS,
    SPEED,
    TICK,
    CylinderFlow,
    picture,
    wake,
)
from ladid_bench.datasets.simulated.lattice_boltzmann import Lattice

REGIMES = CylinderFlow.regimes()


@pytest.fixture(autouse=True)
def small_lattice(monkeypatch: pytest.MonkeyPatch) -> None:
    """An eighth of the work: half the nodes, and windows that start early."""
    monkeypatch.setattr(cylinder_flow, "COARSEST", 8)
    monkeypatch.setattr(cylinder_flow, "FINEST_REYNOLDS", 32)
    monkeypatch.setattr(cylinder_flow, "TICK", SPEED / 8)
    monkeypatch.setattr(cylinder_flow, "STARTS", (2.0, 5.0))


@cache
def _make(settings: tuple[tuple[str, Any], ...], count: int, split: str, seed: int) -> Trajectories:
    system = CylinderFlow(**{"windows": 3, **dict(settings)})
    return system.split(split, SplitSizes(train=count, valid=count, test=count), 16, seed, 6)


def make(changes: Mapping[str, Any] | None = None, count: int = 3, split: str = "train", seed: int = 0) -> Trajectories:
    """A few short windows at 16 px, three of each run."""
    return _make(tuple((changes or {}).items()), count, split, seed)


def one(system: CylinderFlow, **changes: float) -> Simulation:
    """One trajectory of ten frames at 16 px, from 3 D/U on."""
    drawn = {"reynolds": 150.0, "position_y": 0.0, "angle": 0.0, "kick": 0.6, "start": 3.0, **changes}
    return system.simulate({name: np.array([value]) for name, value in drawn.items()}, np.arange(10)[None] * 0.3, 16)


def test_frames_are_vorticity_about_zero() -> None:
    made = make()
    assert made.frames.shape == (3, 6, 1, 16, 16) and made.frames.dtype == np.float32
    assert made.fields == ("vorticity",) and made.boundary == "open"
    assert 2 < made.frames.max() < 8 and -8 < made.frames.min() < -2
    assert np.abs(made.frames.mean()) < 0.05 * made.frames.std()
    assert made.times[:, -1] == pytest.approx(1.5)
    assert set(made.parameters) | set(made.states) <= set(made.provenance["units"])


def test_vorticity_is_that_of_a_known_flow() -> None:
    """A vortex whose vorticity is known, in the middle of the view: sign, scale and which way is up."""
    nodes, flow = 8, wake(100, 8)
    x = (np.arange(160) + 0.5) / nodes - 7.5
    y = (np.arange(64)[:, None] + 0.5) / nodes - 5.0  # 1 D above the middle
    decay = np.exp(-(x**2) - y**2)
    lattice = Lattice(0.5 * SPEED * np.stack([-y * decay, x * decay]), 0.01, np.zeros_like(flow.solid))
    seen = picture(lattice, nodes)
    exact = ((1 - x**2 - y**2) * decay)[::-1, 28:92]
    assert seen.shape == (64, 64) and np.unravel_index(seen.argmax(), seen.shape)[0] in (23, 24)
    assert np.abs(seen - exact).max() < 0.02


def test_a_pixel_is_the_mean_over_the_lattice_and_the_body_has_none() -> None:
    nodes = 8
    flow = wake(150, nodes)
    flow.advance(240)
    expected = mean_pool(picture(flow, nodes), 4)
    frame = one(CylinderFlow()).frames[0, 0, 0]
    assert frame == pytest.approx(expected.astype(np.float32), abs=1e-6)
    assert (picture(flow, nodes)[flow.solid[::-1, 28:92]] == 0).all()


def test_moving_the_body_up_moves_the_frames_up() -> None:
    """The box is periodic, so that the lateral place of the body is that of the picture."""
    low, high = one(CylinderFlow()), one(CylinderFlow(), position_y=1.0)
    assert (np.roll(low.frames, -2, axis=-2) == high.frames).all()  # 1 D is 2 pixels
    assert (low.states["drag"] == high.states["drag"]).all()


def test_drag_and_lift_are_coefficients_of_the_force() -> None:
    flow, changed = wake(150, 8), wake(150, 8, diameter=1.5)
    force, larger = flow.advance(240)[-1], changed.advance(240)[-1]
    seen = one(CylinderFlow()).states
    assert (seen["drag"][0, 0], seen["lift"][0, 0]) == pytest.approx(tuple(2 * force / (SPEED**2 * 8)))
    assert one(CylinderFlow(diameter=1.5)).states["drag"][0, 0] == pytest.approx(2 * larger[0] / (SPEED**2 * 12))


def test_the_stream_comes_from_its_angle() -> None:
    upwards = wake(150, 8, angle=0.1)
    upwards.advance(800)
    inflow = upwards.velocity(columns=slice(0, 8)).mean(axis=(1, 2))
    assert inflow[1] / inflow[0] == pytest.approx(np.tan(0.1), rel=0.02)
    assert np.hypot(*inflow) == pytest.approx(SPEED, rel=0.02)


def test_a_split_survives_the_trajectory_file(tmp_path: Path) -> None:
    made = make({"body": "square"})
    write_trajectories(tmp_path / "flow.hdf5", made)
    assert read_trajectories(tmp_path / "flow.hdf5").content_sha256 == made.content_sha256


def test_same_seed_same_numbers() -> None:
    made = make().content_sha256
    _make.cache_clear()
    assert make().content_sha256 == made
    assert make(seed=1).content_sha256 != made


def test_windows_of_a_run_share_its_constants_and_its_unit() -> None:
    made = make(count=5)
    assert made.group.tolist() == [0, 0, 0, 1, 1]
    for name in CONSTANTS:
        values = made.parameters[name]
        assert len(set(values[:3])) == len(set(values[3:])) == 1 and values[0] != values[3]
    assert len(set(made.parameters["start"][:3])) == 3


def test_a_trajectory_does_not_depend_on_how_many_are_asked_for() -> None:
    many = make(count=5)
    for count in (1, 3, 4):
        assert make(count=count).content_sha256 == many[:count].content_sha256


def test_windows_are_alone_what_they_are_together() -> None:
    system, drawn = CylinderFlow(), {"reynolds": [120.0, 180.0, 120.0], "start": [2.5, 3.0, 3.1]}
    rows = {name: np.array(values) for name, values in drawn.items()} | {
        "position_y": np.zeros(3),
        "angle": np.full(3, 2.0),
        "kick": np.full(3, 0.3),
    }
    times = np.array([[0, 0.3, 0.7], [0, 0.2, 0.9], [0, 0.1, 0.2]])
    together = system.simulate(rows, times, 16)
    for index in range(3):
        part = slice(index, index + 1)
        alone = system.simulate({name: values[part] for name, values in rows.items()}, times[part], 16)
        assert (alone.frames == together.frames[part]).all()
        assert (alone.states["lift"] == together.states["lift"][part]).all()


def test_windows_that_overlap_show_the_same_flow() -> None:
    system = CylinderFlow()
    early, late = one(system, start=3.0), one(system, start=3.6)
    assert (early.frames[0, 2:] == late.frames[0, :-2]).all()


def test_splits_have_no_run_in_common() -> None:
    splits = [make(count=4, split=name) for name in ("train", "valid", "test")]
    units = [set(made.group) for made in splits]
    assert len(set.union(*units)) == sum(len(unit) for unit in units) == 6
    assert len(np.unique(np.concatenate([made.parameters["reynolds"] for made in splits]))) == 6


def test_between_is_the_test_split_at_the_times_halfway() -> None:
    test, between = make(split="test"), make(split=MIDPOINTS)
    assert between.times == pytest.approx((test.times[:, 1:] + test.times[:, :-1]) / 2)
    assert (between.parameters["start"] == test.parameters["start"]).all() and (between.group == test.group).all()
    system = CylinderFlow(windows=3)
    first = {name: test.parameters[name][:1] for name in (*CONSTANTS, "start")}
    again = system.simulate(first, between.times[:1], 16)
    assert (again.frames == between.frames[:1]).all()


def test_irregular_times_are_true_times() -> None:
    made = make(REGIMES["irregular"])
    ticks = made.times / cylinder_flow.TICK
    assert np.abs(ticks - np.rint(ticks)).max() < 1e-9
    assert len(np.unique(np.diff(made.times, axis=1).round(6))) > 3
    assert (made.times[:, 0] == 0).all() and made.times[:, -1] == pytest.approx(1.5)
    first = {name: made.parameters[name][:1] for name in (*CONSTANTS, "start")}
    again = CylinderFlow(windows=3).simulate(first, made.times[:1], 16)
    assert (again.frames == made.frames[:1]).all()


def test_observation_shifts_are_applied() -> None:
    plain = make()
    assert make(REGIMES["inverted"]).frames == pytest.approx(-plain.frames)
    assert (make(REGIMES["noisy"]).frames != plain.frames).any()


@pytest.mark.parametrize("intervention", CylinderFlow.interventions)
def test_interventions_change_what_they_name(intervention: str) -> None:
    source, changed = make(count=1), make(REGIMES[intervention], count=1)
    differing = {name for name in source.parameters if (source.parameters[name] != changed.parameters[name]).any()}
    assert differing == {
        "position-x-downstream": {"position_x"},
        "position-x-upstream": {"position_x"},
        "position-y": {"position_y"},
        "diameter-1.5": {"diameter"},
        "square": set(),
    }.get(intervention, {"reynolds"})
    assert np.abs(source.frames - changed.frames).max() > 0.01
    assert changed.provenance["settings"] != source.provenance["settings"]


def test_draws_fill_their_ranges() -> None:
    def draws(**settings: Any) -> dict[str, np.ndarray]:
        system = CylinderFlow(windows=2, **settings)
        drawn = [system.draw(np.random.default_rng(stream)) for stream in np.random.SeedSequence(0).spawn(1000)]
        return {name: np.array([each[name] for each in drawn]).ravel() for name in drawn[0]}

    ranges = {
        "reynolds": (70, 200),
        "position_y": (-2, 2),
        "angle": (-20, 20),
        "kick": (-0.6, 0.6),
        "start": cylinder_flow.STARTS,
    }
    source = draws()
    for name, (low, high) in ranges.items():
        values = source[name]
        assert values.min() >= low and values.max() <= high
        assert np.quantile(values, (0.25, 0.5, 0.75)) == pytest.approx(
            np.array([0.25, 0.5, 0.75]) * (high - low) + low, abs=0.05 * (high - low)
        )
    assert set(draws(**REGIMES["reynolds-100-150-200"])["reynolds"]) == {100, 150, 200}
    assert set(draws(**REGIMES["reynolds-125-175"])["reynolds"]) == {125, 175}
    assert draws(**REGIMES["position-y"])["position_y"].min() >= 2


def test_the_lattice_is_twice_as_fine_as_the_frames_and_fine_enough_for_the_reynolds_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cylinder_flow, "COARSEST", 16)
    monkeypatch.setattr(cylinder_flow, "FINEST_REYNOLDS", FINEST_REYNOLDS)
    assert [CylinderFlow().nodes(size) for size in (16, 32, 64, 128)] == [16, 16, 16, 32]
    assert [CylinderFlow(reynolds_high=value).nodes(32) for value in (250.0, 500.0, 1000.0)] == [16, 32, 64]
    monkeypatch.setattr(cylinder_flow, "TICK", TICK)
    step = CylinderFlow().frame_interval / cylinder_flow.TICK
    assert step / 2 == pytest.approx(round(step / 2))  # halfway between frames is a whole step, too


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"body": "sphere"}, "body 'sphere'"),
        ({"reynolds_low": 0.0}, "'reynolds_low' .* 0;"),
        ({"reynolds_low": 300.0}, "'reynolds_low' .* 300;"),
        ({"reynolds_high": 1e4}, "'reynolds_high' .* 1000"),
        ({"reynolds_high": 0.5}, "'reynolds_high' is 0.5; give a value from 1 to"),
        ({"levels": 1}, "reynolds_low"),
        ({"windows": 0}, "'windows' .* 0;"),
        ({"diameter": float("nan")}, "'diameter' is nan"),
        ({"observation": "blurred"}, "unknown observation"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(BenchError, match=message):
        CylinderFlow(**settings)


def test_an_image_size_that_does_not_fit_is_refused() -> None:
    with pytest.raises(BenchError, match="image_size 48 "):
        CylinderFlow().split("train", SplitSizes(train=1), 48, 0, 2)
