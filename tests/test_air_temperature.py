"""The reanalysis data set, on a made-up file of the same structure, and on the real one where it can be had."""

import hashlib
import io
import tarfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from archives import archive_or_skip

from ladid_bench.core.configuration import SplitSizes
from ladid_bench.core.errors import BenchError
from ladid_bench.data.metrics import measure
from ladid_bench.data.trajectories import Trajectories, read_trajectories, write_trajectories
from ladid_bench.datasets.measured.air_temperature import (
    CROP,
    EL_NINO,
    FILE,
    PERIODS,
    STARTS,
    AirTemperature,
    _climatology,
)
from ladid_bench.study.datasets import dataset_names, find_source

ALL = SplitSizes(train=10_000, valid=10_000, test=10_000)
SPLITS = ("train", "valid", "test")
SHAPE = (938, 73, 144)
CYCLE = np.array([0, 1, 3, 6, 8, 9, 9, 8, 6, 4, 2, 1])
SOUTH_EAST_OF_180E_40N = slice(20, 52), slice(72, 104)


def made_up_temperature() -> np.ndarray:
    """Each cell has its own level, all share a seasonal cycle and a step at the end of the training years."""
    cells = np.arange(SHAPE[1] * SHAPE[2]).reshape(SHAPE[1:]) % 127
    months = np.arange(SHAPE[0])
    return (cells + (CYCLE[months % 12] + 5 * (months >= 42 * 12))[:, None, None]).astype(np.float32)


@pytest.fixture(scope="module")
def made_up_archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """Path, archive hash and member hash."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("air", data=made_up_temperature(), chunks=(67, 73, 144), compression=1)
        months = np.datetime64("1948-01", "M") + np.arange(SHAPE[0])
        hours = months.astype("datetime64[h]") - np.datetime64("1800-01-01", "h")
        file.create_dataset("time", data=hours.astype(np.float64))
    path = tmp_path_factory.mktemp("cache") / FILE.archive.filename
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        entry = tarfile.TarInfo(FILE.path)
        entry.size = len(buffer.getvalue())
        archive.addfile(entry, io.BytesIO(buffer.getvalue()))
    return path, hashlib.sha256(path.read_bytes()).hexdigest(), hashlib.sha256(buffer.getvalue()).hexdigest()


@pytest.fixture
def made_up(made_up_archive: tuple[Path, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    path, archive_hash, member_hash = made_up_archive
    monkeypatch.setenv("LADID_BENCH_CACHE", str(path.parent))
    file = replace(FILE, archive=replace(FILE.archive, sha256=archive_hash), sha256=member_hash)
    monkeypatch.setattr(AirTemperature, "file", file)


def split(
    name: str, years: str = "ordinary", size: int = 32, frames: int = 36, sizes: SplitSizes = ALL, **settings: object
) -> Trajectories:
    return AirTemperature(years=years, **settings).split(name, sizes, size, seed=0, frames=frames)  # type: ignore[arg-type]


def calendar_years(data: Trajectories) -> np.ndarray:
    """Year of each frame, ``(trajectory, time)``."""
    return 1948 + data.times.astype(int) // 12


def check_split(data: Trajectories, name: str, years: str) -> None:
    """What holds in every split: whole months one after the other, in its period, from the years it may start in."""
    assert (np.diff(data.times) == 1).all() and (data.times == np.rint(data.times)).all()
    year = calendar_years(data)
    assert year.min() >= PERIODS[name][0] and year.max() <= PERIODS[name][1]
    np.testing.assert_array_equal(data.group, year[:, 0])
    assert data.group.dtype == np.int64
    assert set(data.group) <= set(STARTS[years][name])
    assert len(set(data.times[:, 0])) == len(data)


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize("years", STARTS)
def test_windows_lie_in_their_period_and_start_in_their_years(years: str) -> None:
    counts = []
    for name in SPLITS:
        data = split(name, years)
        check_split(data, name, years)
        counts.append(len(data))
        assert set(data.group) & set(EL_NINO) == (set(data.group) if years == "el-nino" else set())
    assert counts == {"ordinary": [445, 84, 72], "el-nino": [24, 1, 27]}[years]


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize("years", STARTS)
def test_test_windows_of_different_units_share_no_month(years: str) -> None:
    data = split("test", years)
    months = [set(data.times[data.group == unit].ravel()) for unit in np.unique(data.group)]
    assert len(months) == {"ordinary": 6, "el-nino": 3}[years]
    assert sum(map(len, months)) == len(set.union(*months))


@pytest.mark.usefixtures("made_up")
def test_values_are_the_file_s_and_pooled_by_the_mean() -> None:
    full, pooled, truth = split("test"), split("test", size=16), made_up_temperature()
    assert full.frames.shape == (72, 36, 1, CROP, CROP) and full.frames.dtype == np.float32
    np.testing.assert_array_equal(full.frames[0, :, 0], truth[52 * 12 : 55 * 12, *SOUTH_EAST_OF_180E_40N])
    np.testing.assert_allclose(pooled.frames[3, 5, 0, 2, 7], full.frames[3, 5, 0, 4:6, 14:16].mean(), rtol=1e-6)
    assert pooled.frames.shape[-2:] == (16, 16)
    assert (full.provenance["pixel_degrees"], pooled.provenance["pixel_degrees"]) == (2.5, 5.0)
    np.testing.assert_array_equal(split("test", size=128).frames, full.frames)


@pytest.mark.usefixtures("made_up")
def test_longitudes_wrap() -> None:
    frame, truth = split("train", region="europe").frames[0, 0, 0], made_up_temperature()[0]
    np.testing.assert_array_equal(frame[:, :8], truth[6:38, 136:])  # 20 W to 2.5 W
    np.testing.assert_array_equal(frame[:, 8:], truth[6:38, :24])  # 0 to 57.5 E


@pytest.mark.usefixtures("made_up")
def test_anomalies_are_from_the_training_years_alone() -> None:
    for years in STARTS:  # the climatology is the same, whatever years windows start in
        np.testing.assert_allclose(split("train", years, anomaly=True).frames, 0, atol=1e-5)
        np.testing.assert_allclose(split("test", years, anomaly=True).frames, 5, atol=1e-5)
    np.testing.assert_array_equal(split("valid", anomaly=True).times, split("valid").times)


def test_the_seasonal_cycle_is_the_mean_over_all_training_years_and_no_other() -> None:
    """Each month has the number of its year: the mean of 1948 to 1989 is 1968.5."""
    months = np.arange(12 * 50)
    years = (1948 + months // 12).astype(np.float32)[:, None, None]
    np.testing.assert_array_equal(_climatology(months, years), np.full((12, 1, 1), 1968.5))


@pytest.mark.usefixtures("made_up")
def test_sizes_are_upper_bounds_and_a_subset_is_evenly_spread() -> None:
    everything, some = split("test"), split("test", sizes=SplitSizes(train=1, valid=1, test=8))
    np.testing.assert_array_equal(some.frames, everything.frames[::9])
    assert len(np.unique(some.group)) == 6
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
        (lambda: AirTemperature(region="pacifc"), "region 'pacifc'.*'pacific'"),
        (lambda: AirTemperature(years="el-nin"), "years 'el-nin'.*'el-nino'"),
        (lambda: split("test", size=24), "image_size 24 .* 32"),
        (lambda: split("valid", "el-nino", frames=37), "'valid' .* 37 frames"),
    ],
)
def test_what_cannot_be_made_is_said_in_one_line(make: Callable[[], object], said: str) -> None:
    with pytest.raises(BenchError, match=said) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_interventions_are_data_sets_and_cards_are_complete() -> None:
    names = [name for name in dataset_names() if name.partition("--")[0] == "air-temperature"]
    assert names == ["air-temperature", *(f"air-temperature--{name}" for name in ("anomaly", "el-nino", "europe"))]
    assert len({find_source(name).card.title for name in names}) == len(names)
    for name in names:
        source = find_source(name)
        assert source.card.origin == "analysed" and source.season == 12
        assert all(value for key, value in asdict(source.card).items() if key != "equation")
    assert "start in 2009, 2015, 2023" in find_source("air-temperature--el-nino").card.splits
    assert "1948 to 1971, 1973 to 1981, 1983 to 1987" in find_source("air-temperature").card.splits
    assert "anomal" in find_source("air-temperature--anomaly").card.quantity
    assert "57.5 E" in find_source("air-temperature--europe").card.quantity


@pytest.fixture(scope="module")
def real_archive() -> Path:
    return archive_or_skip(FILE.archive)


@pytest.mark.usefixtures("real_archive")
def test_the_real_archive() -> None:
    for settings, training_spread, test_mean in (({}, 0.72, 0.47), ({"region": "europe"}, 1.60, 1.00)):
        raw, anomaly = split("train", **settings), split("train", anomaly=True, **settings)
        check_split(raw, "train", "ordinary")
        assert len(raw) == 445
        assert raw.frames.min() > -60 and raw.frames.max() < 60  # degC, and nothing missing
        assert abs(anomaly.frames.std() - training_spread) < 0.05
        assert abs(anomaly.frames.mean()) < 0.05
        # The warming since the training years, to which the test years' own swings add.
        assert abs(split("test", anomaly=True, **settings).frames.mean() - test_mean) < 0.15
    northern = split("train").frames[0, :12, 0, 0].mean(axis=1)  # 40 N, January to December 1948
    assert northern.argmax() in (7, 8) and northern.argmin() in (0, 1, 2)


@pytest.mark.usefixtures("real_archive")
@pytest.mark.parametrize(("anomaly", "persistence", "climatology"), [(False, 1.88, 0.149), (True, 1.21, 1.00)])
def test_climatology_is_the_forecast_to_beat_on_the_real_archive(
    anomaly: bool, persistence: float, climatology: float
) -> None:
    train, test = split("train", anomaly=anomaly), split("test", anomaly=anomaly)
    given, month = AirTemperature.context_frames, train.times.astype(int) % 12
    cycle = np.stack([train.frames[month == index].mean(axis=0) for index in range(12)])
    truth, mean = test.frames[:, given:], train.frames.mean(axis=(0, 1))
    last = np.broadcast_to(test.frames[:, given - 1 : given], truth.shape)
    seasonal = cycle[test.times[:, given:].astype(int) % 12]
    reached = [measure(truth, forecast, mean).pooled_fvu for forecast in (last, seasonal)]
    np.testing.assert_allclose(reached, [persistence, climatology], atol=0.01)
