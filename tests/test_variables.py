"""Physical variables: ranges that keep what varies, worked out by hand, and what is constant."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch

from ladid_bench.core.configuration import DataKind, Dataset, SplitSizes
from ladid_bench.core.errors import BenchError
from ladid_bench.core.paths import Folders
from ladid_bench.data.task import Task, task_of
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.data.variables import MARGIN, Variable, outside, unit_of, variables_of
from ladid_bench.datasets.source import DataCard, DataSource
from ladid_bench.study.cards import load_data_card, write_card
from ladid_bench.study.datasets import PlannedDataset, log_ranges, make_files

RANDOM = np.random.default_rng(0)


def trajectories(frames: np.ndarray) -> Trajectories:
    """Frames ``(trajectory, time, channel, *space)`` with a time step of 1."""
    return Trajectories(
        frames=frames.astype(np.float32),
        times=np.tile(np.arange(float(frames.shape[1])), (len(frames), 1)),
        group=np.arange(len(frames)),
        fields=tuple(f"channel_{index}" for index in range(frames.shape[2])),
        space=("height", "width") if frames.ndim == 5 else ("feature",),
    )


def only(frames: np.ndarray) -> Variable:
    (variable,) = variables_of(trajectories(frames), {})
    return variable


def loss(frames: np.ndarray, low: float, high: float) -> float:
    """Share of the variance about the mean frame that clipping to a range takes."""
    frames = frames.astype(np.float32).astype(np.float64)
    return float(((frames - frames.clip(low, high)) ** 2).sum() / ((frames - frames.mean(axis=(0, 1))) ** 2).sum())


def ramp(count: int) -> np.ndarray:
    """The numbers 0 to ``count`` - 1 as a series of one feature."""
    return np.arange(float(count)).reshape(1, count, 1, 1)


def test_an_even_spread_has_the_range_of_its_percentiles_and_the_margin() -> None:
    found = only(ramp(10_001))  # percentiles 0.1 and 99.9 are 10 and 9,990, the margin is 5 % of 9,980
    assert (found.low, found.high) == pytest.approx((10 - 499, 9_990 + 499))
    assert found.clipping_loss == 0
    assert found.deviation == pytest.approx(np.sqrt((10_001**2 - 1) / 12))
    assert not found.constant


def bead(frames: int = 30, side: int = 64) -> np.ndarray:
    """A bright bead of four pixels that moves over a dark film with a camera's noise."""
    film = RANDOM.normal(10, 2, (4, frames, 1, side, side))
    for one in film:
        row, column = RANDOM.integers(5, side - 40, 2)
        for time, frame in enumerate(one):
            frame[0, row + time : row + time + 2, column : column + 2] = 240
    return film


def test_a_bead_of_four_pixels_keeps_its_brightness() -> None:
    film = bead()
    low, high = np.percentile(film, (0.1, 99.9))  # the bead is 4 of 4,096 pixels, 0.098 %
    assert loss(film, low - MARGIN * (high - low), high + MARGIN * (high - low)) > 0.8
    found = only(film)
    assert found.high > 240
    assert found.low > -15  # the dark end hardly moves: tails are equal in share, not in width
    assert loss(film, found.low, found.high) == found.clipping_loss == 0


def test_the_tails_are_halved_until_the_loss_is_small() -> None:
    """Of 10,001 values the largest four are 100 and the next eight 50, all others 0.

    The 99.9 and the 99.95 percentile have ranks 9,990 and 9,995 and are 50: up to 52.5, clipping takes 4 x 47.5^2 of
    59,936 squares, 15 %. The 99.975 percentile lies between ranks 9,997 and 9,998 and is 100.
    """
    values = np.zeros(10_001)
    values[:12] = [100.0] * 4 + [50.0] * 8
    found = only(values.reshape(1, -1, 1, 1))
    assert (found.low, found.high, found.clipping_loss) == pytest.approx((-5, 105, 0))
    values[:4] = 55.0  # now 4 x 2.5^2 of 32,036 squares are lost, 0.08 %
    found = only(values.reshape(1, -1, 1, 1))
    assert (found.low, found.high) == pytest.approx((-2.5, 52.5))
    assert found.clipping_loss == pytest.approx(4 * 2.5**2 / (4 * 55**2 + 8 * 50**2 - 620**2 / 10_001))


def test_clipping_loss_is_the_square_beyond_the_range_over_the_variance() -> None:
    """4,000 values of 0 and 1 in turn, and one of 2: beyond 1.05 lie 0.95, over a variance of about 1,000."""
    values = np.tile([0.0, 1.0], 2_000)
    values[0] = 2.0
    found = only(values.reshape(1, -1, 1, 1))
    assert (found.low, found.high) == pytest.approx((-0.05, 1.05))
    assert found.clipping_loss == pytest.approx(0.95**2 / (4_000 * np.var(values)), rel=1e-6)
    assert outside(found, values.reshape(1, -1, 1, 1)) == 1


def test_what_lies_below_the_range_is_lost_and_counted_like_what_lies_above() -> None:
    """The same upside down: 0.95 below -1.05; and a value beyond either end."""
    values = -np.tile([0.0, 1.0], 2_000)
    values[0] = -2.0
    found = only(values.reshape(1, -1, 1, 1))
    assert (found.low, found.high) == pytest.approx((-1.05, 0.05))
    assert found.clipping_loss == pytest.approx(0.95**2 / (4_000 * np.var(values)), rel=1e-6)
    values[1] = 1.0
    assert outside(found, values.reshape(1, -1, 1, 1)) == 2


def test_a_drift_keeps_its_ends() -> None:
    drift = np.linspace(0, 1, 400)[None, :, None, None] + 0.001 * RANDOM.normal(size=(20, 400, 1, 1))
    found = only(drift)
    assert found.low < drift.min()
    assert found.high > drift.max()


def test_each_channel_has_a_range_of_its_own() -> None:
    frames = RANDOM.normal(size=(5, 40, 2, 6, 6)) * [[[1.0]], [[100.0]]] + [[[0.0]], [[101_325.0]]]
    angle, pressure = variables_of(trajectories(frames), {})
    assert (angle.name, angle.components) == ("channel_0", (0,))
    assert (pressure.name, pressure.components) == ("channel_1", (1,))
    assert -5 < angle.low < -2 and 2 < angle.high < 5
    assert 100_800 < pressure.low < 101_125 and 101_525 < pressure.high < 101_850


def test_components_of_a_vector_share_a_range() -> None:
    frames = RANDOM.normal(size=(5, 200, 1, 4)) * [1, 10, 100, 0.1]
    found = variables_of(trajectories(frames), {"speed": (1, 2)})
    assert [(one.name, one.components) for one in found] == [
        ("channel_0 0", (0,)),
        ("speed", (1, 2)),
        ("channel_0 3", (3,)),
    ]
    assert found[1].high > 150
    assert found[1].deviation == pytest.approx(np.sqrt((10**2 + 100**2) / 2), rel=0.1)


@pytest.mark.parametrize("vectors", [{"a": (0, 1), "b": (1, 2)}, {"a": (0, 4)}, {"a": (-1, 0)}])
def test_vectors_of_components_that_are_not_there_or_taken_are_refused(vectors: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(BenchError) as caught:
        variables_of(trajectories(RANDOM.normal(size=(2, 9, 1, 4))), vectors)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("level", [0.0, 5.0, 101_325.0, -1e-20, -40.0])
def test_a_channel_that_only_rounding_moves_is_constant_and_can_be_normalized(level: float) -> None:
    frames = RANDOM.normal(size=(4, 30, 2, 3, 3))
    frames[:, :, 1] = level * (1 + 5e-8 * RANDOM.normal(size=(4, 30, 3, 3)))
    task = task_of(trajectories(frames), "made-up", 5, 20)
    assert [one.constant for one in task.variables] == [False, True]
    assert task.variables[1].clipping_loss == 0
    assert task.variables[1].low < task.variables[1].high
    unit = task.normalize(frames.astype(np.float32))
    assert np.isfinite(unit).all()
    assert np.abs(unit[:, :, 1] - 0.5).max() < 1e-3


def test_a_channel_that_moves_in_one_place_alone_is_not_constant() -> None:
    frames = np.full((4, 30, 1, 8, 8), 101_325.0)
    frames[2, 7, 0, 3, 3] += 1
    assert not only(frames).constant


def test_a_still_picture_is_constant_though_its_places_differ() -> None:
    still = np.broadcast_to(RANDOM.normal(size=(1, 1, 1, 8, 8)), (4, 30, 1, 8, 8))
    assert only(still).constant
    with pytest.raises(BenchError, match="'still'"):
        task_of(trajectories(still), "still", 5, 20)


def two_channels(shape: tuple[int, ...]) -> tuple[Task, np.ndarray]:
    frames = RANDOM.normal(size=(3, 20, *shape)) * 10.0 ** np.arange(shape[0]).reshape(-1, *(1 for _ in shape[1:]))
    return task_of(trajectories(frames), "made-up", 4, 16), frames.astype(np.float32)


@pytest.mark.parametrize("shape", [(2, 5, 7), (2, 6), (1, 6), (1, 5, 7)])
def test_normalizing_maps_each_range_to_0_and_1_in_numpy_and_torch(shape: tuple[int, ...]) -> None:
    task, frames = two_channels(shape)
    ends = np.stack([np.broadcast_to(end, shape) for end in (task.low, task.high)]).astype(np.float32)
    np.testing.assert_allclose(task.normalize(ends), np.stack([np.zeros(shape), np.ones(shape)]), atol=1e-6)
    unit = task.normalize(frames)
    assert unit.dtype == np.float32
    np.testing.assert_allclose(task.denormalize(unit), frames, rtol=1e-4, atol=1e-4)
    tensor = task.normalize(torch.from_numpy(frames))
    assert tensor.dtype == torch.float32
    np.testing.assert_array_equal(tensor.numpy(), unit)
    np.testing.assert_array_equal(task.denormalize(tensor).numpy(), task.denormalize(unit))


def test_normalizing_keeps_a_tensor_where_it_is() -> None:
    """Of a tensor without memory only place and shape are known: any attempt to bring it to the CPU is an error."""
    task, frames = two_channels((2, 5, 7))
    unit = task.normalize(torch.from_numpy(frames).to("meta"))
    assert (unit.device.type, unit.shape, unit.dtype) == ("meta", frames.shape, torch.float32)


def test_the_task_names_the_range_of_each_component_in_json() -> None:
    frames = RANDOM.normal(size=(3, 20, 1, 4)) * [1, 1, 10, 100]
    split = replace(trajectories(frames), fields=("motion",))
    written = task_of(split, "made-up", 4, 16, vectors={"position": (0, 1)}).to_json()
    assert written["low"][0] == written["low"][1] > written["low"][2] > written["low"][3]
    assert [one["name"] for one in written["variables"]] == ["position", "motion 2", "motion 3"]


@dataclass(frozen=True)
class Weather(DataSource):
    """Wind of two components, a pressure, and a sensor that is broken; in the test split the pressure rises once."""

    name: ClassVar[str] = "weather"
    kind: ClassVar[DataKind] = "measured"
    version: ClassVar[int] = 1
    context_frames: ClassVar[int] = 5
    forecast_frames: ClassVar[int] = 15
    units: ClassVar[Mapping[str, str]] = {}
    vectors: ClassVar[Mapping[str, tuple[int, ...]]] = {"wind": (0, 1)}

    @property
    def card(self) -> DataCard:
        return DataCard(**dict.fromkeys(DataCard.__dataclass_fields__, "-"))  # type: ignore[arg-type]

    def split(self, name: str, sizes: SplitSizes, image_size: int, seed: int, frames: int) -> Trajectories:
        random = np.random.default_rng(len(name))
        values = random.uniform(-1, 1, (6, frames, 1, 4)) * [3, 3, 100, 0] + [0, 0, 1e5, -40]
        if name == "test":
            values[2, 7:9, 0, 2] = 2e5
        return trajectories(values)


def test_the_data_card_holds_ranges_losses_and_values_out_of_range(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folders, planned = Folders(tmp_path, "demo"), PlannedDataset("weather", Weather(), Dataset(), 16)
    with caplog.at_level(logging.INFO):
        make_files(planned, folders)
        write_card(planned, folders)
    card = load_data_card(planned, folders)
    wind, pressure, broken = card["task"]["variables"]
    assert [one["name"] for one in (wind, pressure, broken)] == ["wind", "channel_0 2", "channel_0 3"]
    assert [one["constant"] for one in (wind, pressure, broken)] == [False, False, True]
    assert -3.31 < wind["low"] < -3 and 3 < wind["high"] < 3.31
    assert card["task"]["low"][:2] == [wind["low"], wind["low"]]
    outside = {split: made["outside"] for split, made in card["splits_made"].items()}
    assert outside == {"train": [0, 0, 0], "valid": [0, 0, 0], "test": [0, 2, 0]}
    said = {name: [line for line in caplog.messages if f" {name}:" in line] for name in ("wind", "2", "3")}
    assert all(len(lines) == 2 for lines in said.values())  # when the training split is made, and with the card
    assert "2 test values" in said["2"][1]
    assert "constant" in said["3"][0]


def test_of_many_variables_those_are_told_that_lose_most_and_every_constant(caplog: pytest.LogCaptureFixture) -> None:
    losing = [Variable(f"lost-{place}", (place,), 0.0, 1.0, place / 1000, 1.0, False) for place in range(10)]
    still = [Variable(f"still-{place}", (10 + place,), 0.0, 1.0, 0.0, 0.0, True) for place in range(9)]
    with caplog.at_level(logging.INFO):
        log_ranges("many", [*still, *losing])
    *ranges, others, constant = caplog.messages
    assert [line.split(":")[0] for line in ranges] == [f"many, lost-{place}" for place in range(9, 1, -1)]
    assert " 2 " in others
    assert all(one.name in constant for one in still)


def test_a_unit_that_ends_in_1_is_written_as_it_is() -> None:
    units = {"rain": "kg m-2 s-1", "share": "1"}
    assert [unit_of(units, name) for name in ("rain", "share", "else")] == ["kg m-2 s-1", "", ""]
