"""The radar data set, on a made-up file of the same structure, and on the real one where it can be had."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from archives import archive_or_skip

from ladid_bench.core.configuration import SplitSizes
from ladid_bench.core.errors import BenchError
from ladid_bench.data.trajectories import Trajectories, read_trajectories, write_trajectories
from ladid_bench.datasets.measured.radar_rain import COLUMNS, CROP, FILE, REGIMES, ROWS, RadarRain
from ladid_bench.study.datasets import find_source

ALL = SplitSizes(train=10_000, valid=10_000, test=10_000)
SPLITS = ("train", "valid", "test")
SHAPE = (11 * 288, 190, 228)
FILL = -9999
GAP = 7 * 288 + 100, 100, 100  # a missing pixel on 17 May, 08:20


def made_up_rain(day: int) -> np.ndarray:
    """A day of packed rain: patterned 5 x 5 blocks, dry from 22:00 on, and a margin that is missing."""
    generator = np.random.default_rng(day)
    coarse = generator.integers(0, 500, (288, 38, 46)) * (generator.random((288, 38, 46)) < 0.5)
    rain = np.kron(coarse, np.ones((1, 5, 5)))[:, : SHAPE[1], : SHAPE[2]].astype(np.int16)
    rain[264:] = 0
    rain[:, 0] = rain[:, -1] = FILL
    rain[:, :, :4] = rain[:, :, 223:] = FILL
    return rain


@pytest.fixture(scope="module")
def made_up_archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """Path, archive hash and member hash; only days of the main regime and 13 May hold rain."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        rain = file.create_dataset("rainfall_amount", SHAPE, np.int16, chunks=(288, 95, 114), compression=1)
        rain.attrs["_FillValue"] = np.array([FILL], dtype=np.int16)
        rain.attrs["scale_factor"] = np.array([0.01])
        for day in (10, 13, 16, 17, 19):
            rain[(day - 10) * 288 : (day - 9) * 288] = made_up_rain(day)
        rain[GAP] = FILL
        time = file.create_dataset("time", data=(160895 + 1 / 6 + np.arange(SHAPE[0]) / 12).round(8))
        time.attrs["units"] = np.bytes_(b"hours since 2000-01-01T00:50:00")
    path = tmp_path_factory.mktemp("cache") / FILE.archive.filename
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(FILE.path, buffer.getvalue())
    return path, hashlib.sha256(path.read_bytes()).hexdigest(), hashlib.sha256(buffer.getvalue()).hexdigest()


@pytest.fixture
def made_up(made_up_archive: tuple[Path, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    path, archive_hash, member_hash = made_up_archive
    monkeypatch.setenv("LADID_BENCH_CACHE", str(path.parent))
    file = replace(FILE, archive=replace(FILE.archive, sha256=archive_hash), sha256=member_hash)
    monkeypatch.setattr(RadarRain, "file", file)


def split(name: str, regime: str = "main", size: int = 32, frames: int = 36, sizes: SplitSizes = ALL) -> Trajectories:
    return RadarRain(regime=regime).split(name, sizes, size, seed=0, frames=frames)


def check_split(data: Trajectories, frames: int = 36) -> None:
    """What holds in every split: no two windows share a frame of a crop, and none crosses midnight."""
    seen = set()
    for times, row, column in zip(data.times, data.parameters["row"], data.parameters["column"], strict=True):
        steps = np.round(times * 12).astype(int)
        assert (np.diff(steps) == 1).all()
        assert steps[0] // 288 == steps[-1] // 288
        cells = {(step, row, column) for step in steps}
        assert len(cells) == frames
        assert not cells & seen
        seen |= cells
    np.testing.assert_array_equal(data.group, 20180510 + (data.times[:, 0] // 24).astype(int))


def check_apart(splits: dict[str, Trajectories]) -> None:
    """The splits follow each other in time or lie on different days; no frame time is in two of them."""
    hours = [set(np.round(data.times * 12).astype(int).ravel()) for data in splits.values()]
    for index, one in enumerate(hours):
        for other in hours[index + 1 :]:
            assert not one & other


@pytest.mark.usefixtures("made_up")
def test_windows_lie_apart_and_the_days_of_the_splits_too() -> None:
    splits = {name: split(name) for name in SPLITS}
    for data in splits.values():
        check_split(data)
    check_apart(splits)
    assert set(splits["train"].group) == {20180510, 20180517}
    assert set(splits["valid"].group) == {20180516}
    assert set(splits["test"].group) == {20180519}


@pytest.mark.usefixtures("made_up")
def test_values_are_the_file_s_scaled_and_pooled_by_the_mean() -> None:
    data, full = split("test", size=32), split("test", size=64)
    assert data.frames.shape == (8 * 12, 36, 1, 32, 32)
    assert data.frames.dtype == np.float32
    first = made_up_rain(19)[:36, ROWS[0] : ROWS[0] + CROP, COLUMNS[0] : COLUMNS[0] + CROP] / 100
    np.testing.assert_allclose(full.frames[0, :, 0], first, rtol=1e-6)
    np.testing.assert_allclose(data.frames[0, 5, 0, 3, 7], first[5, 6:8, 14:16].mean(), rtol=1e-6)
    np.testing.assert_allclose(data.frames.mean((3, 4)), full.frames.mean((3, 4)), rtol=1e-5)
    assert data.times[0, 0] == 9 * 24
    assert (full.provenance["pixel_km"], data.provenance["pixel_km"]) == (1, 2)
    np.testing.assert_array_equal(split("test", size=128).frames, full.frames)


@pytest.mark.usefixtures("made_up")
def test_dry_windows_and_windows_with_a_missing_pixel_are_left_out() -> None:
    train = split("train", frames=12)
    assert np.isfinite(train.frames).all()
    assert (train.frames >= 0).all()
    assert (train.times % 24 < 22).all()
    row, column = train.parameters["row"], train.parameters["column"]
    at_gap = (train.group == 20180517) & (train.times[:, 0] % 24 == 8)
    holds = (row <= GAP[1]) & (GAP[1] < row + CROP) & (column <= GAP[2]) & (GAP[2] < column + CROP)
    assert at_gap.sum() == 11
    assert not (at_gap & holds).any()


@pytest.mark.usefixtures("made_up")
def test_an_intervention_is_one_day_divided_by_time() -> None:
    splits = {name: split(name, regime="convective") for name in SPLITS}
    for data in splits.values():
        check_split(data)
        assert set(data.group) == {20180513}
    check_apart(splits)
    assert splits["train"].times.max() < splits["valid"].times.min()
    assert splits["valid"].times.max() < splits["test"].times.min()


def test_every_regime_keeps_its_splits_and_the_regimes_apart() -> None:
    blocks = [(block, where) for where, splits in REGIMES.items() for part in splits.values() for block in part]
    hours = [(block.day, hour) for block, _ in blocks for hour in range(block.start, block.stop)]
    assert len(hours) == len(set(hours))
    days = {regime: {block.day for block, where in blocks if where == regime} for regime in REGIMES}
    assert not days["main"] & (days["convective"] | days["stratiform"])


@pytest.mark.usefixtures("made_up")
def test_sizes_are_upper_bounds_and_a_subset_is_evenly_spread() -> None:
    everything, some = split("test"), split("test", sizes=SplitSizes(train=1, valid=1, test=8))
    assert len(some) == 8
    np.testing.assert_array_equal(some.frames, everything.frames[:: len(everything) // 8])
    assert some.provenance["windows_found"] == len(everything)


@pytest.mark.usefixtures("made_up")
def test_the_file_it_makes_is_read_back(tmp_path: Path) -> None:
    made = split("valid")
    write_trajectories(tmp_path / "valid.hdf5", made)
    assert read_trajectories(tmp_path / "valid.hdf5").content_sha256 == made.content_sha256


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: RadarRain(regime="convectiv"), "regime 'convectiv'.*'convective'"),
        (lambda: split("test", size=48), "image_size 48 .* 64"),
        (lambda: split("valid", "convective", frames=37), "'valid' .* 37 frames"),
        (lambda: split("train", "stratiform"), "regime 'stratiform': .*'train'"),
    ],
)
def test_what_cannot_be_made_is_said_in_one_line(make: Callable[[], object], said: str) -> None:
    with pytest.raises(BenchError, match=said) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_interventions_are_data_sets_and_cards_are_complete() -> None:
    for dataset in ("radar-rain", "radar-rain--convective", "radar-rain--stratiform"):
        card = find_source(dataset).card
        assert card.origin == "measured"
        assert all(value for name, value in asdict(card).items() if name != "equation")
    assert "13 May 18-24 h" in find_source("radar-rain--convective").card.splits


@pytest.fixture(scope="module")
def real_archive() -> Path:
    return archive_or_skip(FILE.archive)


@pytest.mark.usefixtures("real_archive")
def test_the_real_archive() -> None:
    counts = {}
    for regime in REGIMES:
        splits = {name: split(name, regime) for name in SPLITS}
        for data in splits.values():
            check_split(data)
            assert np.isfinite(data.frames).all()
        check_apart(splits)
        counts[regime] = [len(data) for data in splits.values()]
    assert counts == {"main": [107, 59, 12], "convective": [7, 8, 23], "stratiform": [27, 6, 8]}


@pytest.mark.usefixtures("real_archive")
def test_persistence_on_the_real_archive_fades_within_the_hour() -> None:
    frames = split("train", size=64).frames
    last = RadarRain.context_frames - 1
    correlations = [np.corrcoef(frames[:, last].ravel(), frames[:, last + lead].ravel())[0, 1] for lead in (1, 3, 12)]
    np.testing.assert_allclose(correlations, [0.72, 0.37, 0.04], atol=0.01)
