"""Files as people bring them: each is read as it was meant, or refused by a line that says what to type."""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray
import yaml
from field_files import (
    beads,
    cells,
    gradients,
    hdf5,
    looked_at,
    matlab,
    matlab73,
    matlab73_cells,
    matlab73_of,
    meanings,
    noise,
    npz,
    oscillators,
    packed,
    refusal,
    travelling,
    values,
)

from ladid_bench.core.configuration import SplitSizes
from ladid_bench.core.errors import BenchError
from ladid_bench.core.paths import SPLITS
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.datasets.user import recordings
from ladid_bench.datasets.user.arrays import FileArray
from ladid_bench.datasets.user.dividing import Cutting
from ladid_bench.datasets.user.formats import open_mat
from ladid_bench.datasets.user.importing import source_file, understand
from ladid_bench.datasets.user.pictures import _even
from ladid_bench.datasets.user.reading import read_file
from ladid_bench.datasets.user.recordings import Reading, Recording, Storage
from ladid_bench.datasets.user.repeats import Hashes, _equal_frames, linked, stitched
from ladid_bench.datasets.user.request import Request
from ladid_bench.datasets.user.source import load_import
from ladid_bench.datasets.user.storing import _rounding, storage_for, survey
from ladid_bench.datasets.user.summary import describe
from ladid_bench.datasets.user.times import with_pauses
from ladid_bench.datasets.user.units import mean_the_same
from ladid_bench.datasets.user.writing import time_unit, trajectories, write_import
from ladid_bench.study.datasets import SOURCES, find_source

ALL = SplitSizes(train=10_000, valid=10_000, test=10_000)


def layouts(message: str) -> list[str]:
    """The layouts that a refusal lists."""
    return re.findall(r"--layout '([a-z ]+)'", message)


# Contents decide


def windows_of(long: np.ndarray, length: int, step: int) -> np.ndarray:
    return np.stack([long[first : first + length] for first in range(0, len(long) - length + 1, step)])


@pytest.mark.parametrize("step", [1, 7, 55])
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_windows_of_one_recording_are_joined_again(step: int, kind: type, tmp_path: Path) -> None:
    walk = np.cumsum(noise(1200, 3), axis=0).astype(kind)
    cut = windows_of(walk, 60, step)
    found = looked_at(tmp_path, npz(tmp_path / "windows.npz", x=cut))
    np.testing.assert_array_equal(values(found.recordings[0])[:, 0], walk[: (len(cut) - 1) * step + 60])
    assert len(found.recordings) == 1
    ends = [(one.first, one.last) for split in SPLITS for one in found.pieces[split]]
    assert all(later[0] - former[1] == found.window for former, later in pairwise(ends))
    rows = [{frame.tobytes() for frame in trajectories(found, split).frames.reshape(-1, 3)} for split in SPLITS]
    assert not rows[0] & rows[1] and not rows[0] & rows[2] and not rows[1] & rows[2]


def test_windows_with_their_own_times_keep_the_times_of_the_recording(tmp_path: Path) -> None:
    walk, times = np.cumsum(noise(600, 3), axis=0), 0.5 * np.arange(600)
    path = npz(tmp_path / "a.npz", x=windows_of(walk, 60, 10), t=windows_of(times, 60, 10))
    found = looked_at(tmp_path, path, keys=("x",), times=("t",))
    np.testing.assert_allclose(found.recordings[0].times, times)


def test_shuffled_windows_of_several_recordings_stay_in_one_split(tmp_path: Path) -> None:
    walks = [np.cumsum(noise(300, 3, seed=seed), axis=0) for seed in range(6)]
    cut = np.concatenate([windows_of(walk, 60, 12) for walk in walks])
    order = np.random.default_rng(1).permutation(len(cut))
    found = looked_at(tmp_path, npz(tmp_path / "a.npz", x=cut[order]))
    assert len(set(found.groups)) == 6
    owner = [[n for n, walk in enumerate(walks) if (walk == values(one)[0]).all(1).any()] for one in found.recordings]
    assert len({(group, *numbers) for group, numbers in zip(found.groups, owner, strict=True)}) == 6
    assert set.intersection(*map(found.groups_of, SPLITS)) == set()


def test_shuffled_windows_of_one_recording_are_refused(tmp_path: Path) -> None:
    cut = windows_of(np.cumsum(noise(1200, 3), axis=0), 60, 3)
    message = refusal(tmp_path, npz(tmp_path / "a.npz", x=cut[np.random.default_rng(1).permutation(len(cut))]))
    assert "a.npz" in message and "--window" in message


def test_equal_files_in_two_splits_are_refused_by_name(tmp_path: Path) -> None:
    for name in "abc":
        np.save(tmp_path / f"{name}.npy", noise(9, 30, 50))
    held = {"valid": [tmp_path / "b.npy"], "test": [tmp_path / "c.npy"]}
    message = refusal(tmp_path, tmp_path / "a.npy", held=held)
    assert "a.npy" in message and "b.npy" in message


@pytest.mark.parametrize("change", ["another format", "single precision", "another order", "one of them"])
def test_equal_recordings_in_two_splits_are_refused_whatever_the_file(change: str, tmp_path: Path) -> None:
    data = noise(9, 30, 5)
    train = npz(tmp_path / "a.npz", x=data)
    other = {
        "another format": lambda: hdf5(tmp_path / "b.h5", y=data),
        "single precision": lambda: npz(tmp_path / "b.npz", x=data.astype(np.float32)),
        "another order": lambda: npz(tmp_path / "b.npz", x=data[::-1]),
        "one of them": lambda: npz(tmp_path / "b.npz", x=np.concatenate([noise(4, 30, 5, seed=7), data[3:4]])),
    }[change]()
    message = refusal(tmp_path, train, held={"test": [other]})
    assert "a.npz" in message and other.name in message


def test_recordings_that_are_repeated_are_one_group(tmp_path: Path) -> None:
    data = noise(8, 30, 5)
    found = looked_at(tmp_path, npz(tmp_path / "a.npz", x=np.concatenate([data, data[:3]])))
    assert found.groups[:3] == found.groups[8:]
    assert len(set(found.groups)) == 8


def test_a_film_that_repeats_itself_is_refused(tmp_path: Path) -> None:
    loop = np.tile(noise(50, 1, 16, 16), (12, 1, 1, 1))[:, 0]
    assert "a.npy" in refusal(tmp_path, _saved(tmp_path / "a.npy", loop))


def _saved(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


def test_frames_that_are_equal_by_chance_are_counted_and_no_more(tmp_path: Path) -> None:
    films = beads(8, 30)
    films[:, 0] = 0  # all begin with a blank picture, and two stay blank for a while
    films[0, :5] = films[1, :5] = 0
    found = looked_at(tmp_path, _saved(tmp_path / "a.npy", films))
    assert len(set(found.groups)) == 8
    assert "frame (all" not in found.compared  # the sentence for splits that share none
    steps = np.random.default_rng(0).integers(0, 2, (8, 400, 1)).astype(np.uint8)  # a switch: two values, one feature
    assert (
        len(set(looked_at(tmp_path, _saved(tmp_path / "b.npy", steps), layout="trajectory time feature").groups)) == 8
    )


# A key for each split


def test_each_split_has_a_key(tmp_path: Path) -> None:
    swing, _ = oscillators(frames=100)
    path = matlab(tmp_path / "a.mat", X_train=swing[:20], X_val=swing[20:25], X_test=swing[25:])
    keys = ("train=X_train", "valid=X_val", "test=X_test")
    found = looked_at(tmp_path, path, keys=keys)
    for split, expected in zip(SPLITS, (swing[:20], swing[20:25], swing[25:]), strict=True):
        np.testing.assert_allclose(trajectories(found, split).frames[:, :, 0], expected, rtol=1e-6)
    message = refusal(tmp_path, path)
    assert all(f"--key {key}" in message for key in keys)


def test_a_split_that_is_not_given_is_divided_from_the_others(tmp_path: Path) -> None:
    swing, _ = oscillators()
    found = looked_at(tmp_path, npz(tmp_path / "a.npz", a=swing[:20], b=swing[20:]), keys=("train=a", "test=b"))
    assert found.trajectories == {"train": 18, "valid": 2, "test": 10}
    assert [piece.number for piece in found.pieces["test"]] == list(range(20, 30))


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        (("train=a", "b"), "--key"),
        (("valid=a", "test=b"), "train"),
        (("train=a", "test=c"), "'c'"),
    ],
)
def test_keys_for_splits_that_cannot_be_meant(keys: tuple[str, ...], named: str, tmp_path: Path) -> None:
    assert named in refusal(tmp_path, npz(tmp_path / "a.npz", a=noise(9, 30, 5), b=noise(9, 30, 5, seed=1)), keys=keys)


# Axes


def test_coordinates_tell_the_axes_of_a_film(tmp_path: Path) -> None:
    film, lat, lon = travelling(400, 32, 64), np.linspace(-90, 90, 32), np.linspace(0, 360, 64)
    path = npz(tmp_path / "a.npz", t2m=film, time=6.0 * np.arange(400), lat=lat, lon=lon)
    found = looked_at(tmp_path, path)
    assert meanings(found) == "time height width"
    np.testing.assert_array_equal(values(found.recordings[0])[:, 0], film)
    np.testing.assert_array_equal(found.recordings[0].times, 6.0 * np.arange(400))
    assert {"'time'", "'lat'", "'lon'"} <= set(re.findall(r"'\w+'", " ".join(axis.why for axis in found.found[0].axes)))
    bare = refusal(tmp_path, npz(tmp_path / "bare.npz", t2m=film))
    assert "time height width" in layouts(bare)
    assert meanings(looked_at(tmp_path, tmp_path / "bare.npz", layout="time height width")) == "time height width"


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("time height width", ("time", "lat", "lon")),
        ("time width height", ("t", "longitude", "latitude")),
        ("width height time", ("times", "x", "y")),
        ("height time width", ("timestamps", "y-coordinate", "x-coordinate")),
        ("trajectory time height width", ("valid_time", "row", "col")),
        ("trajectory height width time", ("t_eval", "y", "x")),
        ("time channel height width", ("time", "nav_lat", "nav_lon")),
    ],
)
def test_coordinates_of_any_name_tell_axes_of_any_order(order: str, names: tuple[str, ...], tmp_path: Path) -> None:
    size = {"trajectory": 7, "time": 50, "channel": 3, "height": 20, "width": 34}
    shape = [size[axis] for axis in order.split()]
    coordinates = {name: np.arange(50.0) for name in names if name[0] == "t" or "time" in name}
    for name in set(names) - set(coordinates):
        role = "width" if "lon" in name or name[0] in "xc" else "height"
        coordinates[name] = np.linspace(0, 1, size[role])
    found = looked_at(tmp_path, hdf5(tmp_path / "a.h5", field=noise(*shape), **coordinates))
    assert meanings(found) == order
    assert found.recordings[0].values.shape == (50, 3 if "channel" in order else 1, 20, 34)


def test_coordinates_of_one_length_stand_in_the_usual_order(tmp_path: Path) -> None:
    film, side = travelling(400, 32, 32), np.arange(32.0)
    path = npz(tmp_path / "a.npz", lon=side, lat=-side, t2m=film, time=np.arange(400))
    assert meanings(looked_at(tmp_path, path)) == "time height width"
    cube = npz(tmp_path / "b.npz", t2m=film[:32], time=np.arange(32), lat=side, lon=side)
    assert "--layout" in refusal(tmp_path, cube)


def test_the_coordinate_of_fitting_length_counts_and_the_splits_may_differ_in_time(tmp_path: Path) -> None:
    u = noise(30, 32, 32, 20)
    path = npz(tmp_path / "a.npz", u=u, t=np.arange(20.0), tspan=np.array([0.0, 19.0]), times=np.arange(21.0))
    assert meanings(looked_at(tmp_path, path)) == "trajectory height width time"
    path = npz(tmp_path / "b.npz", a=noise(20, 100, 2), b=noise(20, 80, 2, seed=1))
    found = looked_at(tmp_path, path, keys=("train=a", "test=b"))
    assert meanings(found) == "trajectory time feature"


@pytest.mark.parametrize("name", ["t", "time", "tspan"])
def test_samples_of_operator_learning_have_time_last(name: str, tmp_path: Path) -> None:
    u = np.stack([travelling(20, 32, 32, phase=phase) for phase in np.random.default_rng(0).uniform(0, 6, 30)])
    arrays = {"a": u[:, 0], "u": u.transpose(0, 2, 3, 1).astype(np.float32), name: np.arange(1.0, 21)[None]}
    found = looked_at(tmp_path, matlab(tmp_path / "a.mat", **arrays))
    assert meanings(found) == "trajectory height width time"
    assert len(found.recordings) == 30
    np.testing.assert_array_equal(values(found.recordings[4])[:, 0], u[4].astype(np.float32))
    np.testing.assert_array_equal(found.recordings[4].times, np.arange(1.0, 21))
    del arrays[name], arrays["a"]
    assert "trajectory height width time" in layouts(refusal(tmp_path, matlab(tmp_path / "b.mat", **arrays)))


def test_films_and_trials_of_matlab_are_refused_with_their_layout_first(tmp_path: Path) -> None:
    random = np.random.default_rng(0).uniform(0, 6, 20)
    trials = np.stack(
        [travelling(50, 32, 40, speed=0.2, phase=phase) for phase in random]
    )  # trial, time, height, width
    path = matlab73_of(tmp_path / "trials.mat", film=trials.transpose(2, 3, 1, 0))
    first = layouts(refusal(tmp_path, path))[0]
    assert first == "height width time trajectory"
    found = looked_at(tmp_path, path, layout=first)
    assert [len(one) for one in found.recordings] == [50] * 20
    np.testing.assert_array_equal(values(found.recordings[3])[:, 0], trials[3])
    film = np.concatenate(trials[:8])
    path = matlab73_of(tmp_path / "film.mat", film=film.transpose(1, 2, 0))
    first = layouts(refusal(tmp_path, path))[0]
    assert first == "height width time"
    np.testing.assert_array_equal(values(looked_at(tmp_path, path, layout=first).recordings[0])[:, 0], film)


@pytest.mark.parametrize(
    "shape", [(200, 50, 64), (20, 30, 40, 24), (6, 100), (32, 32, 32), (32, 32, 12), (500, 10, 64)]
)
def test_what_shapes_leave_open_is_refused_with_layouts_that_work(shape: tuple[int, ...], tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", x=noise(*shape))
    choices = layouts(refusal(tmp_path, path))
    assert len(choices) > 1
    for layout in choices:
        size = dict(zip(layout.split(), shape, strict=True))
        found = read_file(path, Reading(layout=layout)).recordings["divided"]
        assert len(found) == size.get("trajectory", 1)
        assert len(found[0]) == size["time"]


@pytest.mark.parametrize(
    ("shape", "times", "expected"),
    [
        ((40, 101, 128, 1), 101, "trajectory time feature channel"),
        ((40, 101, 128, 2), 101, "trajectory time feature channel"),
        ((40, 128, 101), 101, None),
        ((40, 12, 101), 101, "trajectory feature time"),
        ((400, 1, 32, 32), None, "time channel height width"),
        ((1, 400, 5), None, "trajectory time feature"),
        ((1000, 30), 1000, "time feature"),
        ((2, 400), 400, "feature time"),
        ((2, 100, 5), None, "trajectory time feature"),
        ((30, 400, 40), 400, "trajectory time feature"),
    ],
)
def test_known_orders_of_axes(shape: tuple[int, ...], times: int | None, expected: str | None, tmp_path: Path) -> None:
    extra = {} if times is None else {"t": np.arange(float(times))}
    path = npz(tmp_path / "a.npz", x=noise(*shape), **extra)
    if expected is None:
        assert layouts(refusal(tmp_path, path))
    else:
        found = looked_at(tmp_path, path, cutting=Cutting(window=3))
        assert meanings(found) == expected
        space = found.recordings[0].shape[1:]
        assert np.prod(space) * found.recordings[0].shape[0] * len(found.recordings) == noise(*shape).size / len(
            found.recordings[0]
        )


def test_trajectories_that_are_nearly_equal_to_their_neighbours_are_refused(tmp_path: Path) -> None:
    long = np.stack([oscillators(20, 1000)[0][number] for number in range(20)], axis=1)  # (time, trajectory, 2)
    slow = npz(tmp_path / "a.npz", x=long)
    assert "--layout" in refusal(tmp_path, slow)
    assert len(looked_at(tmp_path, slow, layout="time trajectory feature").recordings) == 20


def test_trajectories_of_two_frames_cannot_be_meant(tmp_path: Path) -> None:
    refusal(tmp_path, npz(tmp_path / "film.npz", x=noise(2, 64, 64)))
    path = npz(tmp_path / "a.npz", x=noise(50, 2, 5))
    assert "--window" in refusal(tmp_path, path, layout="trajectory time feature")


# What the file says


def test_packed_values_are_decoded_and_land_is_named(tmp_path: Path) -> None:
    for name in ("a.nc", "a.h5"):
        path, kelvin = packed(tmp_path / name)
        found = looked_at(tmp_path, path)
        land = np.isnan(kelvin[0])
        kept = trajectories(found, "train").frames[0, :, 0]
        np.testing.assert_allclose(kept[:, ~land], kelvin[: found.window, ~land], atol=1e-4)
        np.testing.assert_allclose(kept[:, land], np.nanmean(kelvin), atol=1e-3)
        assert any("48 of 1,024" in note for note in found.notes)
        assert found.found[0].time_unit == "s"
        assert found.found[0].quantity == "sea surface temperature, kelvin"
        np.testing.assert_array_equal(found.recordings[0].times, 86400 * np.arange(120))


def test_values_missing_in_some_frames_are_refused_by_place(tmp_path: Path) -> None:
    path, _ = packed(tmp_path / "a.nc", clouds=True)
    assert "a.nc" in refusal(tmp_path, path)
    series = noise(300, 4)
    series[7, 2] = np.nan
    said = refusal(tmp_path, _saved(tmp_path / "a.npy", series))
    assert "a.npy" in said and "[7, 0, 2]" in said


@pytest.mark.parametrize("suffix", [".nc", ".nc3", ".zarr"])
def test_what_xarray_writes_is_read_as_it_is_named(suffix: str, tmp_path: Path) -> None:
    film = travelling(60, 20, 36).astype(np.float32)
    data = xarray.Dataset(
        {
            "t2m": (("valid_time", "lon", "lat"), film.transpose(0, 2, 1)),
            "time_bnds": (("valid_time", "n"), noise(60, 2)),
        },
        {
            "valid_time": ("valid_time", np.arange(60), {"units": "hours since 1990-01-01", "calendar": "noleap"}),
            "lat": ("lat", np.linspace(80, -80, 20), {"units": "degrees_north"}),
            "lon": ("lon", np.linspace(0, 350, 36), {"units": "degrees_east"}),
        },
    )
    path = tmp_path / f"a{suffix.rstrip('3')}"
    if suffix == ".zarr":
        pytest.importorskip("zarr")
        data.to_zarr(path)
    else:
        data.to_netcdf(path, engine="scipy" if suffix == ".nc3" else "h5netcdf")
    found = looked_at(tmp_path, path)
    assert meanings(found) == "time width height"
    np.testing.assert_array_equal(values(found.recordings[0])[:, 0], film)
    assert found.found[0].time_unit == "h"
    np.testing.assert_array_equal(found.recordings[0].times, np.arange(60.0))


def test_months_last_as_long_as_the_calendar_says(tmp_path: Path) -> None:
    times = ("time", np.arange(36), {"units": "months since 2001-01-01", "calendar": "noleap"})
    data = xarray.Dataset({"x": (("time", "station"), noise(36, 5))}, {"time": times})
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    found = looked_at(tmp_path, tmp_path / "a.nc")
    assert found.found[0].time_unit == "d"
    assert found.recordings[0].times is not None
    assert np.diff(found.recordings[0].times)[:12].tolist() == [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    assert found.recordings[0].times[-1] == 2 * 365 + 334


@pytest.mark.parametrize("name", ["t", "time", "Time", "timestamps", "time_s", "t_eval"])
def test_times_beside_the_values_are_used(name: str, tmp_path: Path) -> None:
    swing, times = oscillators()
    found = looked_at(tmp_path, npz(tmp_path / "a.npz", x=swing, **{name: times}))
    assert f"'{name}'" in found.found[0].times
    for one in found.recordings:
        np.testing.assert_array_equal(one.times, times)
    assert found.found[0].time_unit == ("s" if name == "time_s" else "")


def test_times_of_each_trajectory_and_times_by_their_units(tmp_path: Path) -> None:
    swing, _ = oscillators(5, 50)
    each = np.cumsum(np.random.default_rng(0).uniform(0.5, 1.5, (5, 50)), axis=1)
    found = looked_at(tmp_path, npz(tmp_path / "a.npz", x=swing, t=each))
    np.testing.assert_array_equal([one.times for one in found.recordings], each)
    hdf5(tmp_path / "a.h5", x=swing, clock=np.arange(50.0))
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["clock"].attrs["units"] = "ms"
    found = looked_at(tmp_path, tmp_path / "a.h5")
    assert found.found[0].time_unit == "ms"
    np.testing.assert_array_equal(found.recordings[0].times, np.arange(50.0))


def test_times_that_run_backwards_and_two_that_could_be_meant_are_refused(tmp_path: Path) -> None:
    swing, times = oscillators(5, 50)
    assert "its own file" in refusal(tmp_path, npz(tmp_path / "a.npz", x=swing, t=times[::-1]))
    assert "--times" in refusal(tmp_path, npz(tmp_path / "b.npz", x=swing, t=times, time=2 * times))


# Precision and range


@pytest.mark.parametrize(
    ("scale", "offset"), [(1e-3, 101325.0), (0.05, np.array([500_000.0, 5_400_000.0])), (1.0, 1e9)]
)
def test_small_motion_on_a_large_offset_is_kept(scale: float, offset: np.ndarray | float, tmp_path: Path) -> None:
    swing, times = oscillators()
    moved = swing * scale + offset
    request = Request("mine", [npz(tmp_path / "a.npz", x=moved, t=times)])
    card = write_import(request, understand(request, tmp_path, SOURCES), tmp_path)
    made = load_import("mine", tmp_path).split("train", ALL, 32, 0, 400)
    physical = made.frames[:, :, 0].astype(np.float64) + np.array(card.offset)
    order = [int(np.argmin(np.abs(moved - one).max(axis=(1, 2)))) for one in physical]
    assert len(set(order)) == 24
    np.testing.assert_allclose(physical, moved[order], rtol=0, atol=3e-7 * scale + 3e-16 * np.max(offset))
    assert len(np.unique(made.frames)) > 0.99 * len(np.unique(moved[order] - np.array(card.offset)))
    assert made.provenance["offset"] == card.offset


def test_pictures_on_a_large_offset_and_whole_numbers_beyond_single_precision(tmp_path: Path) -> None:
    film = travelling(200, 16, 16) * 1e-3 + 101325
    found = looked_at(tmp_path, _saved(tmp_path / "a.npy", film))
    kept = trajectories(found, "train").frames[0, :, 0].astype(float) + found.storage.offset.item()
    np.testing.assert_allclose(kept, film[: found.window], rtol=0, atol=1e-9)
    counts = 2**31 + np.cumsum(np.random.default_rng(0).integers(0, 3, (500, 2)), axis=0)
    found = looked_at(tmp_path, _saved(tmp_path / "b.npy", counts))
    kept = trajectories(found, "train").frames[0, :, 0].astype(float) + found.storage.offset[0]
    np.testing.assert_allclose(kept, counts[: found.window], rtol=0, atol=1e-4)


def test_values_that_no_offset_saves_are_refused_and_those_that_need_none_have_none(tmp_path: Path) -> None:
    drift = 1e9 * np.linspace(0, 1, 500)[:, None] ** np.array([1, 2]) + noise(500, 2)
    drift[:, 1] = np.where(np.arange(500) < 250, 0, 1e12) + 0.001 * noise(500)
    assert "a.npy" in refusal(tmp_path, _saved(tmp_path / "a.npy", drift[:, 1:] + np.zeros((1, 1)) + noise(500, 1)))
    assert looked_at(tmp_path, _saved(tmp_path / "b.npy", 290 + 5 * noise(500, 2))).storage.offset is None


def test_what_clipping_would_lose_is_measured(tmp_path: Path) -> None:
    request = Request("mine", [_saved(tmp_path / "beads.npy", beads())])
    said = describe(request, understand(request, tmp_path, SOURCES))
    line = next(line for line in said.splitlines() if line.startswith("range: "))
    assert re.search(r"\d+\.\d%", line)


# Order and pauses


@pytest.mark.parametrize(
    "names",
    [
        [f"w{0.05 * i:g}.png" for i in range(60)],
        [f"f_{i - 30}.png" for i in range(60)],
        [f"u_{1e-3 * i:.1e}.png" for i in range(60)],
        [f"t{i - 30}.png" for i in range(60)],
        [f"frame-{i}.png" for i in range(60)],
        [f"2026-01-{1 + i // 10:02d}-{i % 10}.png" for i in range(60)],
        [f"t={0.5 * i - 10:+.1f}s.png" for i in range(60)],
        [f"img{i}_of_60.png" for i in range(60)],
    ],
    ids=["decimal", "signed", "scientific", "signed after a letter", "hyphens", "dates", "plus", "two numbers"],
)
def test_pictures_stand_in_the_order_of_their_numbers(names: list[str], tmp_path: Path) -> None:
    found = looked_at(tmp_path, gradients(tmp_path / "film", names), cutting=Cutting(window=4))
    shades = values(found.recordings[0])[:, 0, 0, 0] * 255
    np.testing.assert_allclose(shades, 4 * np.arange(60), atol=1e-4)


@pytest.mark.parametrize("mark", [-9999, 99999, -32768, np.float32(1e20)])
def test_numbers_that_stand_for_missing_values_are_refused(mark: float, tmp_path: Path) -> None:
    film = 280 + travelling(100, 24, 32)
    marked = film.copy()
    marked[[3, 50], 4, 5] = mark
    message = refusal(tmp_path, npz(tmp_path / "film.npz", film=marked, time=np.arange(100.0)))
    assert f"{mark:g}" in message and "NaN" in message
    levels = np.stack([1e5 * noise(300), 50 + 5 * noise(300)], axis=1)  # the mark is within the range of the first
    levels[7, 1] = mark
    refused = refusal(tmp_path, npz(tmp_path / "levels.npz", x=levels, t=np.arange(300.0)))
    assert f"{mark:g}" in refused and "channel 1" in refused


def test_values_that_only_look_like_marks_are_kept(tmp_path: Path) -> None:
    ramp = np.stack([np.arange(9000.0, 10000.0), -np.arange(9000.0, 10000.0)], axis=1)
    found = looked_at(tmp_path, npz(tmp_path / "ramp.npz", x=ramp, t=np.arange(1000.0)))
    np.testing.assert_array_equal(values(found.recordings[0])[:, 0], ramp)


def test_values_outside_the_valid_range_of_cf_are_missing(tmp_path: Path) -> None:
    film = travelling(60, 24, 32)
    packed_film = np.round(film / 0.01).astype(np.int16)
    packed_film[:, 3:6, 3:6] = 5000  # 50 unpacked
    stored = {"a": np.array([-1000, 1000], np.int16), "b": np.array([-10.0, 10.0])}  # in packed, and in unpacked units
    for name, bounds in stored.items():
        with h5py.File(tmp_path / f"{name}.nc", "w") as file:
            file["sst"] = packed_film
            file["sst"].attrs.update({"scale_factor": 0.01, "add_offset": 0.0, "valid_range": bounds})
            file["time"] = np.arange(60)
            file["time"].attrs["units"] = "days since 2001-01-01"
        found = looked_at(tmp_path, tmp_path / f"{name}.nc", cutting=Cutting(window=4))
        assert found.storage.missing is not None
        assert np.argwhere(found.storage.missing[0]).tolist() == [[i, j] for i in (3, 4, 5) for j in (3, 4, 5)]
        np.testing.assert_allclose(values(found.recordings[0])[:, 0, 10:], film[:, 10:], atol=0.006)


@pytest.mark.parametrize("name", ["tt", "tau", "timevec", "grid_t", "tsteps", "when"])
def test_times_of_other_names(name: str, tmp_path: Path) -> None:
    swing, times = oscillators(6, 300)
    clock = np.datetime64("2020-02-28", "s") + (1000 * times).astype("m8[s]") if name == "when" else times
    found = looked_at(tmp_path, npz(tmp_path / "a.npz", x=swing, **{name: clock}))
    expected = (1000 * times).astype(int) if name == "when" else times
    assert found.recordings[0].times is not None
    np.testing.assert_array_equal(found.recordings[0].times, expected)
    if name != "when":  # and they say which axis is time in the files of operator learning
        films = np.stack([travelling(20, 32, 32, phase=number).transpose(1, 2, 0) for number in range(9)])
        shown = looked_at(tmp_path, npz(tmp_path / "b.npz", u=films, **{name: np.arange(20.0)}))
        assert meanings(shown) == "trajectory height width time"


def test_what_may_be_times_and_is_not_taken_is_named(tmp_path: Path) -> None:
    swing, times = oscillators(6, 300)
    one_more = npz(tmp_path / "a.npz", x=swing, time=np.append(times, 21.0))
    increasing = npz(tmp_path / "b.npz", x=swing, abscissa=times, weights=noise(300))
    for path, name in ((one_more, "'time'"), (increasing, "'abscissa'")):
        found = looked_at(tmp_path, path)
        assert found.recordings[0].times is None
        assert name in found.found[0].times and "weights" not in found.found[0].times


@pytest.mark.parametrize(
    "names",
    [
        [f"{1 + i % 28:02d}.{1 + i // 28:02d}.2025.png" for i in range(60)],
        [f"{1 + i % 28:02d}-{1 + i // 28:02d}-2025.png" for i in range(60)],
        [f"2025.{1 + i // 5}.{1 + i % 5}.png" for i in range(60)],
        [f"{camera}{i}.png" for camera in "ab" for i in range(30)],
        [f"f{i}.png" for i in range(59)] + ["background.png"],
        [f"f{i if i < 30 else i + 20:04d}.png" for i in range(60)],
        [f"f-{i if i < 30 else i + 1}.png" for i in range(60)],
        [f"t{2.0**i:g}.png" for i in range(20)],
        [f"f{i:04d}.png" for i in (*range(0, 590, 10), 581)],
        [f"flame_{round(0.05 * i, 2)}s.png".replace(".", ",", 1) for i in range(60)],
        [f"flame_{round(0.05 * i, 2)}s.png".replace(".", "p", 1) for i in range(60)],
        [f"frame_{i if i < 30 else i + 500:08d}.png" for i in range(60)],
        [f"img_{i:04d}_t{i / 10}s.png" for i in (*range(30), *range(530, 560))],
        [f"cam_2026-01-{1 + i // 24:02d}_{i % 24:02d}-00-00.png" for i in (*range(30), *range(46, 76))],
    ],
    ids=[
        *("dotted days", "days first", "bare months", "two cameras", "background", "gap", "one lost", "doubling"),
        *("one between", "decimal commas", "decimal p", "gap in eight digits", "two counts", "hours lost"),
    ],
)
def test_pictures_whose_names_are_no_even_count_are_refused(names: list[str], tmp_path: Path) -> None:
    assert "film" in refusal(tmp_path, gradients(tmp_path / "film", names), cutting=Cutting(window=4))


def test_numbers_of_pictures_that_may_be_times_are_told(tmp_path: Path) -> None:
    for name, names, told in (
        ("timed", [f"flame_{0.05 * number - 1:.2f}s.png" for number in range(60)], "steps of 0.05"),
        ("counted", [f"flame_{number}.png" for number in range(60)], ""),
    ):
        found = looked_at(tmp_path, gradients(tmp_path / name, names), cutting=Cutting(window=4))
        assert told in found.found[0].times and bool(told) == ("--time-step" in found.found[0].times)
        assert found.recordings[0].times is None


def test_a_look_tells_the_unit_of_time_that_was_given_where_files_say_none(tmp_path: Path) -> None:
    swing, _ = oscillators(9, 200)
    path = npz(tmp_path / "a.npz", x=swing, times=0.5 * np.arange(200))
    for described, unit in (({"time_unit": "ms"}, " ms,"), ({"time_unit": None}, " (no unit")):
        request = Request("mine", (path,), {}, Reading(), Cutting(), described=described)
        lines = describe(request, understand(request, tmp_path, SOURCES)).splitlines()
        (told,) = (line for line in lines if line.startswith("times: "))
        assert unit in told


def test_a_look_names_what_is_constant_and_each_range(tmp_path: Path) -> None:
    swing, _ = oscillators(9, 200)
    path = npz(tmp_path / "a.npz", x=np.concatenate([swing, np.full((9, 200, 1), 7.0)], axis=2))
    request = Request("mine", (path,), {}, Reading(), Cutting())
    lines = describe(request, understand(request, tmp_path, SOURCES)).splitlines()
    (told,) = (line for line in lines if line.startswith("constant"))
    assert re.findall(r"\b\d+\b", told.split("(")[0]) == ["2"]
    (ranges,) = (line for line in lines if line.startswith("range"))
    low, high = map(float, re.findall(r"(-?[\d.]+) to (-?[\d.]+)", ranges)[0])
    assert (low, high) == pytest.approx((-1.1, 1.1), abs=0.02)  # a cosine from -1 to 1, and 5 % of it at either end


def test_a_pause_cuts_the_recording(tmp_path: Path) -> None:
    times = 0.05 * np.arange(1200)
    times[1150:] += 50_000
    path = npz(tmp_path / "a.npz", x=np.stack([np.cos(times), np.sin(1.3 * times)], axis=1), t=times)
    for cutting in (Cutting(), Cutting(window=36, stride=1)):
        found = looked_at(tmp_path, path, cutting=cutting)
        assert found.recordings[0].breaks == (1150,)
        for split in SPLITS:
            assert np.diff(trajectories(found, split).times, axis=1).max() < 0.06
        assert any("1150" in note and "--max-gap" in note for note in found.notes)
    assert found.trajectories["test"] == 23 + 15 + 5  # test has frames 1087 to 1199: 63 and 50 of them, windows of 36
    whole = looked_at(tmp_path, path, cutting=Cutting(window=36, stride=1, max_gap=1e6))
    assert whole.recordings[0].breaks == ()


@pytest.mark.parametrize(
    ("gaps", "expected"),
    [
        (np.ones(100), ()),
        (np.random.default_rng(0).exponential(1, 3000), ()),
        (np.diff(np.geomspace(1, 1000, 100)), ()),
        (np.where(np.arange(300) % 100 == 99, 500.0, 1.0), (100, 200, 300)),
    ],
    ids=["even", "irregular", "ever longer", "three nights"],
)
def test_what_is_a_pause(gaps: np.ndarray, expected: tuple[int, ...]) -> None:
    times = np.concatenate([[0], np.cumsum(gaps)])
    one = Recording("a", noise(len(times), 1, 2), times)
    assert with_pauses(one, None).breaks == expected
    assert with_pauses(one, 0.5 * float(gaps.min())).breaks == tuple(range(1, len(times)))


# Several arrays


def test_several_keys_are_channels(tmp_path: Path) -> None:
    vx, pressure = noise(10, 21, 32, 32), 1e5 + 1e3 * noise(10, 21, 32, 32, seed=1)
    path = hdf5(tmp_path / "a.hdf5", Vx=vx.astype(np.float32), Vy=vx, pressure=pressure.astype(np.float32))
    found = looked_at(tmp_path, path, keys=("Vx", "pressure"))
    made = trajectories(found, "test")
    assert made.fields == ("Vx", "pressure")
    number = found.pieces["test"][0].number
    np.testing.assert_array_equal(made.frames[0, :, 0], vx[number].astype(np.float32))
    np.testing.assert_array_equal(made.frames[0, :, 1], pressure[number].astype(np.float32))
    assert all(name in refusal(tmp_path, path) for name in ("Vx", "Vy", "pressure"))
    mixed = npz(tmp_path / "b.npz", x=vx, y=vx[:, :20])
    assert "y" in refusal(tmp_path, mixed, keys=("x", "y"))


def test_rows_of_numbers_are_features(tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", x=noise(300), y=noise(300, seed=1), t=0.1 * np.arange(300))
    found = looked_at(tmp_path, path, keys=("x", "y"))
    np.testing.assert_array_equal(values(found.recordings[0])[:, 0], np.stack([noise(300), noise(300, seed=1)], axis=1))
    np.testing.assert_allclose(found.recordings[0].times, 0.1 * np.arange(300))


def test_each_group_of_a_file_is_a_trajectory(tmp_path: Path) -> None:
    films = [travelling(42, 32, 32, phase=float(phase)) for phase in noise(20)]
    arrays = {f"{number:04d}__data": film for number, film in enumerate(films)}
    times = {f"{number:04d}__grid__t": 0.1 * np.arange(42) + number for number in range(20)}
    path = hdf5(tmp_path / "a.h5", **arrays, **times)
    found = looked_at(tmp_path, path, keys=("*/data",))
    assert len(found.recordings) == 20
    for number, one in enumerate(found.recordings):
        np.testing.assert_array_equal(values(one)[:, 0], films[number])
        np.testing.assert_allclose(one.times, 0.1 * np.arange(42) + number)
    assert "--key '*/data'" in refusal(tmp_path, path)


def test_each_array_of_a_file_is_a_trajectory_in_the_order_of_numbers(tmp_path: Path) -> None:
    swing, _ = oscillators()
    np.savez(tmp_path / "a.npz", *[swing[number, : 400 - 5 * number] for number in range(30)])
    found = looked_at(tmp_path, tmp_path / "a.npz", keys=("arr_*",))
    assert [len(one) for one in found.recordings] == [400 - 5 * number for number in range(30)]
    assert meanings(found) == "time feature"
    assert "--key 'arr_*'" in refusal(tmp_path, tmp_path / "a.npz")


def test_arrays_are_paired_with_times_of_the_same_number(tmp_path: Path) -> None:
    swing, times = oscillators(8)
    runs = {f"run_{number}": swing[number, : 400 - 5 * number] for number in range(8)}
    clocks = {f"time_{number}": times[: 400 - 5 * number] + number for number in range(8)}
    path = npz(tmp_path / "a.npz", **runs, **clocks)
    for said in ((), ("time_*",)):
        for number, one in enumerate(looked_at(tmp_path, path, keys=("run_*",), times=said).recordings):
            np.testing.assert_array_equal(one.times, times[: 400 - 5 * number] + number)


def test_a_film_may_be_called_frames(tmp_path: Path) -> None:
    found = looked_at(tmp_path, npz(tmp_path / "a.npz", frames=noise(40, 3, 64, 64)), cutting=Cutting(window=3))
    assert meanings(found) == "time channel height width"


def test_structs_are_opened_by_a_dot(tmp_path: Path) -> None:
    swing, times = oscillators()
    path = matlab(tmp_path / "a.mat", data={"x": swing[0], "t": times, "about": {"rig": "B", "gain": 2.0}})
    found = looked_at(tmp_path, path, keys=("data.x",))
    np.testing.assert_array_equal(values(found.recordings[0])[:, 0], swing[0])
    np.testing.assert_array_equal(found.recordings[0].times, times)
    several = np.array([(one, times) for one in swing], dtype=[("x", object), ("t", object)])
    found = looked_at(tmp_path, matlab(tmp_path / "b.mat", run=several), keys=("run.x",))
    np.testing.assert_array_equal([values(one)[:, 0] for one in found.recordings], swing)
    np.testing.assert_array_equal(found.recordings[17].times, times)


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_cells_are_recordings_with_their_own_times(version: str, tmp_path: Path) -> None:
    swing, times = oscillators(12)
    lengths = [400 - 9 * number for number in range(12)]
    runs = [swing[number, :length].T for number, length in enumerate(lengths)]
    clocks = [times[None, :length] + number for number, length in enumerate(lengths)]
    arrays = {"Y_fit": runs[:9], "T_fit": clocks[:9], "Y_check": runs[9:], "T_check": clocks[9:]}
    if version == "5":
        path = matlab(tmp_path / "a.mat", **{name: cells(several) for name, several in arrays.items()}, dt=times[1])
    else:
        path = matlab73_cells(tmp_path / "a.mat", **arrays, dt=[])
    keys = ("train=Y_fit", "test=Y_check")
    for said in ((), ("train=T_fit", "test=T_check")):
        found = looked_at(tmp_path, path, keys=keys, times=said)
        for number, one in enumerate(found.recordings):
            np.testing.assert_array_equal(values(one)[:, 0], swing[number, : lengths[number]])
            np.testing.assert_array_equal(one.times, times[: lengths[number]] + number)
        assert [piece.number for piece in found.pieces["test"]] == [9, 10, 11]
    message = refusal(tmp_path, path)
    assert all(f"--key {key}" in message for key in keys)
    assert all(name in message for name in arrays)


def test_structs_of_matlab_73(tmp_path: Path) -> None:
    swing, times = oscillators()

    def fill(file: h5py.File) -> None:
        file["data/x"], file["data/t"] = swing[0].T, times[:, None]

    found = looked_at(tmp_path, matlab73(tmp_path / "a.mat", fill), keys=("data.x",))
    np.testing.assert_array_equal(values(found.recordings[0])[:, 0], swing[0])
    np.testing.assert_array_equal(found.recordings[0].times, times)


def test_tables_of_text(tmp_path: Path) -> None:
    swing, times = oscillators(4, 300)
    for number, one in enumerate(swing):
        rows = [f"{t!r},{x!r},{v!r},ok" for t, (x, v) in zip(times.tolist(), one.tolist(), strict=True)]
        (tmp_path / f"run{number}.csv").write_text("time_s, x, v, state\n" + "\n".join(rows))
    found = looked_at(tmp_path, *(tmp_path / f"run{number}.csv" for number in range(4)))
    for number, one in enumerate(found.recordings):
        np.testing.assert_array_equal(values(one)[:, 0], swing[number])
        np.testing.assert_array_equal(one.times, times)
    assert found.found[0].time_unit == "s"
    dates = [
        f"2026-03-0{1 + n // 100} {n % 100 // 10:02d}:{n % 10:02d}:00\t{x!r}"
        for n, x in enumerate(swing[0, :, 0].tolist())
    ]
    (tmp_path / "logger.tsv").write_text("when\tlevel\n" + "\n".join(dates))
    found = looked_at(tmp_path, tmp_path / "logger.tsv", keys=("level",), times=("when",))
    assert found.recordings[0].times is not None
    assert found.recordings[0].times[[1, 10, 100]].tolist() == [60.0, 3600.0, 86400.0]
    assert 100 in found.recordings[0].breaks


def table(path: Path, header: str, rows: Sequence[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_tables_with_an_index_a_decimal_comma_or_one_column(tmp_path: Path) -> None:
    level = np.cumsum(noise(300, 2), axis=0).round(4)
    numbered = [f"{row},{row / 4},{a},{b}" for row, (a, b) in enumerate(level.tolist())]
    commas = [f"{row / 4};{a:.4f};{b:.4f}".replace(".", ",") for row, (a, b) in enumerate(level.tolist())]
    alone = [f"{row / 4},{a}" for row, (a, _) in enumerate(level.tolist())]
    expected = {
        table(tmp_path / "pandas.csv", ",time,a,b", numbered): level,
        table(tmp_path / "commas.csv", "time;a;b", commas): level,
        table(tmp_path / "alone.csv", "time,a", alone): level[:, :1],
    }
    for path, features in expected.items():
        found = looked_at(tmp_path, path)
        np.testing.assert_array_equal(values(found.recordings[0])[:, 0], features)
        np.testing.assert_array_equal(found.recordings[0].times, np.arange(300) / 4)
        assert ("Unnamed" in found.found[0].columns) == (path.stem == "pandas")


@pytest.mark.parametrize(
    ("header", "row", "spoilt", "named"),
    [
        ("time,a,b,c", "{i},{i}.5,1,2", "7,ERR,1,2", "'a'"),
        ("date,a,b", "03/{i:02d}/2025,1,{i}.5", "03/07/2025,1,2", "'date'"),
        ("time;a;b;c", "{i};1,234;{i};7", "7;1,234;5;7", "'a'"),
    ],
    ids=["text among numbers", "days and months", "commas of thousands"],
)
def test_columns_that_are_not_what_they_are_called_are_refused(
    header: str, row: str, spoilt: str, named: str, tmp_path: Path
) -> None:
    rows = [row.format(i=number) for number in range(90)]
    rows[7] = spoilt
    assert named in refusal(tmp_path, table(tmp_path / "a.csv", header, rows))


def drifting(count: int = 5, seed: int = 0) -> np.ndarray:
    """300 rows of drifting numbers, ``(time, feature)``."""
    return np.cumsum(noise(300, count, seed=seed), axis=0)


def written(path: Path, header: str, columns: Sequence[np.ndarray], mark: str = "") -> Path:
    rows = [",".join(f"{value:.17g}" for value in row) for row in np.column_stack(columns).tolist()]
    path.write_text("\n".join([header, *rows]) + "\n", encoding=mark or "utf-8")
    return path


def test_columns_of_a_table_are_no_coordinates_of_its_axes(tmp_path: Path) -> None:
    """Rows are frames, whatever the columns are called: samples that are counted, a track, a station's levels."""
    values_, count, times = drifting(), np.arange(300.0), np.arange(300) / 4
    for name, header, columns, features in (
        ("sample", "sample,time,a,b,c,d,e", [count, times, values_], values_),
        ("track", "x,y,t", [values_[:, :2], times], values_[:, :2]),
        ("plain", "x,y,z", [values_[:, :3]], values_[:, :3]),
        ("levels", "level,flow,time", [values_[:, :2], times], values_[:, :2]),
    ):
        found = looked_at(tmp_path, written(tmp_path / f"{name}.csv", header, columns))
        np.testing.assert_array_equal(values(found.recordings[0])[:, 0], features)
        its = found.recordings[0].times
        assert its is None if name == "plain" else np.array_equal(its, times)


def test_times_come_before_other_coordinates_as_long_and_an_index_is_no_evidence(tmp_path: Path) -> None:
    swing, times = drifting(7), np.arange(300) / 4
    path = npz(tmp_path / "track.npz", x=swing[:, 0], y=swing[:, 1], t=times, imu=swing)
    found = looked_at(tmp_path, path, keys=("imu",))
    np.testing.assert_array_equal(values(found.recordings[0])[:, 0], swing)
    np.testing.assert_array_equal(found.recordings[0].times, times)
    path = npz(tmp_path / "samples.npz", samples=np.arange(300), imu=swing)
    assert len(looked_at(tmp_path, path).recordings) == 1


def test_names_of_columns_as_spreadsheets_and_numpy_write_them(tmp_path: Path) -> None:
    features, times = drifting(2), np.arange(300) / 4
    for path, named in (
        (written(tmp_path / "excel.csv", "time,a,b", [times, features], "utf-8-sig"), ()),
        (written(tmp_path / "savetxt.csv", "# t,a,b", [times, features]), ()),
        (written(tmp_path / "zeit.csv", "Zeit,a,b", [times, features]), ("Zeit",)),
    ):
        found = looked_at(tmp_path, path, times=named)
        np.testing.assert_array_equal(values(found.recordings[0])[:, 0], features)
        np.testing.assert_array_equal(found.recordings[0].times, times)
    path = written(tmp_path / "one.csv", "discharge", [features[:, :1]])  # 'i' separates nothing
    np.testing.assert_array_equal(values(looked_at(tmp_path, path).recordings[0])[:, 0], features[:, :1])
    path = written(tmp_path / "short.csv", "time,level", [times, features])
    assert "2 columns" in refusal(tmp_path, path)


def test_days_as_whole_numbers_are_days(tmp_path: Path) -> None:
    days = pd.date_range("2026-01-01", periods=300)
    path = written(tmp_path / "days.csv", "date,a,b", [days.strftime("%Y%m%d").astype(float), drifting(2)])
    found = looked_at(tmp_path, path)
    np.testing.assert_array_equal(found.recordings[0].times, 86400.0 * np.arange(300))
    assert found.recordings[0].breaks == () and found.found[0].time_unit == "s"


def test_nanoseconds_since_1970_keep_their_steps(tmp_path: Path) -> None:
    """Above 2^53 float64 holds multiples of 256 alone."""
    stamps = 1_700_000_000_000_000_000 + 1000 * np.arange(300)
    found = looked_at(tmp_path, npz(tmp_path / "a.npz", t=stamps, u=drifting()), keys=("u",))
    np.testing.assert_array_equal(found.recordings[0].times, 1000.0 * np.arange(300))


def test_tables_whose_columns_differ_are_refused(tmp_path: Path) -> None:
    features, times = drifting(2), np.arange(300) / 4
    day0, day1 = (
        written(tmp_path / f"day{number}.csv", header, [times, features])
        for number, header in enumerate(("time_s,temp,press", "time_s,press,temp"))
    )
    assert all(word in refusal(tmp_path, day0, day1) for word in ("day1.csv", "day0.csv", "press, temp"))


def test_patterns_pair_what_belongs_together_or_nothing(tmp_path: Path) -> None:
    runs = [(f"run{number}__{name}", drifting(3, 2 * number + (name == "v"))) for number in range(5) for name in "uv"]
    arrays, u = dict(runs), drifting(3)
    path = hdf5(tmp_path / "all.h5", **arrays)
    assert len(looked_at(tmp_path, path, keys=("*/u", "*/v"), layout="time feature").recordings) == 5
    lost = {name: one for name, one in arrays.items() if name not in ("run3__u", "run1__v")}
    said = refusal(tmp_path, hdf5(tmp_path / "lost.h5", **lost), keys=("*/u", "*/v"), layout="time feature")
    assert "run1/u" in said and "*/v" in said
    timed = {f"x_{number}": u for number in (0, 1, 3)} | {f"time_{number}": np.arange(300.0) for number in (0, 1, 2)}
    said = refusal(tmp_path, npz(tmp_path / "timed.npz", **timed), keys=("x_*",), times=("time_*",))
    assert "x_3" in said and "time_2" in said


def test_wildcards_stay_within_a_part_of_a_name(tmp_path: Path) -> None:
    names = ("run0__u", "run1__u", "run1__deep__u", "run12__u")
    path = hdf5(tmp_path / "a.h5", **{name: drifting(3, number) for number, name in enumerate(names)})

    def chosen(pattern: str) -> int:
        return len(looked_at(tmp_path, path, keys=(pattern,), layout="time feature").recordings)

    assert [chosen(pattern) for pattern in ("*/u", "run?/u", "run[0-1]*/u", "run[!0]/u", "*/*/u")] == [3, 2, 3, 1, 1]


def test_marks_of_missing_values_are_found_before_pixels_are_averaged(tmp_path: Path) -> None:
    film = travelling(60, 32, 32)
    film[:, 4:9, 4:9] = -9999
    path = npz(tmp_path / "a.npz", u=film)
    for how in ({}, {"image_size": 16}):
        assert "-9999" in refusal(tmp_path, path, layout="time height width", **how)


def test_groups_with_digits_in_the_names_of_arrays_have_their_own_times(tmp_path: Path) -> None:
    times = [np.arange(300) / (4 + number) for number in range(4)]
    arrays = {
        f"run{number}__{name}": one
        for number in range(4)
        for name, one in (("t2m", drifting(3, number)), ("time", times[number]))
    }
    found = looked_at(tmp_path, hdf5(tmp_path / "a.h5", **arrays), keys=("*/t2m",))
    for one, its in zip(found.recordings, times, strict=True):
        np.testing.assert_array_equal(one.times, its)


# Versions


def project(folder: Path) -> None:
    """A checkout with git and DVC."""
    (folder / "config").mkdir(parents=True)
    (folder / "params.yaml").write_text("scale: tiny\n")
    (folder / ".gitignore").write_text("/imported/*/data/\n")
    git(folder, "init", "-q")
    tool(folder, sys.executable, "-m", "dvc", "init", "-q")


def tool(folder: Path, *words: str) -> str:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def git(folder: Path, *words: str) -> str:
    return tool(folder, "git", "-c", "user.name=tests", "-c", "user.email=tests@localhost", *words)


def test_an_import_is_an_out_of_dvc_with_its_card_in_git(tmp_path: Path) -> None:
    checkout, clone = tmp_path / "checkout", tmp_path / "clone"
    project(checkout)
    command = [sys.executable, "-c", "from ladid_bench.cli.main import main; main()", "import", "mine"]
    npz(tmp_path / "a.npz", x=noise(10, 20, 6))
    tool(checkout, *command, str(tmp_path / "a.npz"))
    pointer = checkout / "imported/mine/data.dvc"
    before = yaml.safe_load(pointer.read_text())["outs"][0]
    assert before["path"] == "data"
    (checkout / "dvc.yaml").write_text(
        "stages: {data: {cmd: echo made >> made.txt, deps: [imported], outs: [{made.txt: {persist: true}}]}}\n"
    )
    tool(checkout, sys.executable, "-m", "dvc", "repro")
    assert (checkout / "made.txt").read_text() == "made\n"
    npz(tmp_path / "a.npz", x=noise(10, 20, 6, seed=1))
    tool(checkout, *command, str(tmp_path / "a.npz"), "--replace")
    assert yaml.safe_load(pointer.read_text())["outs"][0]["md5"] != before["md5"]
    tool(checkout, sys.executable, "-m", "dvc", "repro")
    assert (checkout / "made.txt").read_text() == "made\nmade\n"
    tool(checkout, sys.executable, "-m", "dvc", "remote", "add", "--default", "storage", str(tmp_path / "storage"))
    tool(checkout, sys.executable, "-m", "dvc", "push", "-q")
    git(checkout, "add", "--all")
    git(checkout, "commit", "-q", "-m", "an import")
    tracked = git(checkout, "ls-files", "imported").split()
    assert {"imported/mine/card.yaml", "imported/mine/data.dvc"} <= set(tracked)
    assert not any(name.endswith(".hdf5") for name in tracked)
    git(tmp_path, "clone", "-q", str(checkout), str(clone))
    source = load_import("mine", clone)
    with pytest.raises(BenchError, match="dvc pull") as caught:
        source.split("train", ALL, 16, 0, 20)
    assert "a.npz" in str(caught.value)
    tool(clone, sys.executable, "-m", "dvc", "pull", "-q")
    assert source.split("train", ALL, 16, 0, 20).frames.shape == (8, 20, 1, 6)
    shutil.rmtree(clone / "imported")


def test_an_import_whose_card_is_not_here_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "params.yaml").write_text("scale: tiny\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BenchError, match=r"'mine'.*imported/mine/card\.yaml"):
        find_source("mine")


# The dry run


def test_a_dry_run_shows_the_axes_and_writes_nothing(tmp_path: Path, capsys, monkeypatch) -> None:
    from ladid_bench.cli.main import main

    (tmp_path / "config").mkdir()
    (tmp_path / "params.yaml").write_text("scale: tiny\n")
    npz(
        tmp_path / "a.npz",
        t2m=travelling(400, 32, 64),
        time=6.0 * np.arange(400),
        lat=np.arange(32.0),
        lon=np.arange(64.0),
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["ladid-bench", "import", "mine", "a.npz", "--check"])
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert sorted(tmp_path.rglob("*")) == before
    said = capsys.readouterr().out
    table = {tuple(line.split()[:3]) for line in said.splitlines() if line.startswith("  ")}
    assert {("0", "400", "time"), ("1", "32", "height"), ("2", "64", "width")} <= table
    assert re.search(r"^  train +\d+ ", said, re.MULTILINE)
    assert "@" in said  # the strip has its brightest letter


def test_a_card_names_no_folder_of_this_machine(tmp_path: Path) -> None:
    walk = np.cumsum(noise(300, 3), axis=0)
    request = Request("mine", [npz(tmp_path / "a.npz", x=windows_of(walk, 60, 10))])
    card = write_import(request, understand(request, tmp_path, SOURCES), tmp_path)
    assert "a.npz" in card.notes[0]
    assert str(tmp_path) not in (tmp_path / "imported/mine/card.yaml").read_text()


def test_what_is_written_is_what_the_dry_run_said(tmp_path: Path) -> None:
    swing, times = oscillators()
    request = Request("mine", [npz(tmp_path / "a.npz", x=swing, t=times)])
    found = understand(request, tmp_path, SOURCES)
    card = write_import(request, found, tmp_path)
    assert {split: made.trajectories for split, made in card.splits.items()} == found.trajectories
    made: Trajectories = load_import("mine", tmp_path).split("test", ALL, 16, 0, 400)
    np.testing.assert_array_equal(made.frames, trajectories(found, "test").frames)
    assert [axis.meaning for axis in card.arrays[0].axes] == ["trajectory", "time", "feature"]


def test_a_survey_counts_averages_and_differences_what_it_sees() -> None:
    """Two recordings of a feature on a large offset and one that misses values; steps do not cross recordings."""
    offset = 1e9
    first = np.array([[offset + 1, 0.0], [offset + 3, np.nan], [offset + 5, 4.0]])
    second = np.array([[offset - 9, 2.0], [offset - 9, 2.0]])
    found = survey([Recording("a", first[:, None]), Recording("b", second[:, None])])
    assert (found.frames, found.missing.tolist()) == (5, [[0, 1]])
    values = np.concatenate([first, second])
    assert found.mean[0] - [offset, 0] == pytest.approx(np.nanmean(values - [offset, 0], axis=0))
    assert found.spread[0] == pytest.approx(np.nanstd(values - [offset, 0], axis=0), rel=1e-6)
    assert found.step[0, 0] == pytest.approx(np.sqrt((4 + 4 + 0) / 3))


def test_rounding_is_the_root_mean_square_of_what_single_precision_changes() -> None:
    values = 1e6 + np.random.default_rng(0).normal(size=(50, 1, 1))
    one = Recording("a", values)
    expected = np.sqrt(((values - values.astype(np.float32)) ** 2).mean())
    assert _rounding([one], Storage()).ravel() == pytest.approx([expected], rel=1e-6)
    shifted = _rounding([one], Storage(offset=np.array([[1e6]])))
    assert shifted.ravel()[0] < 1e-4 * expected


# How files of one kind differ


def test_windows_that_each_count_from_zero_get_the_times_of_the_recording(tmp_path: Path) -> None:
    swing, times = oscillators(1, 300)
    path = npz(tmp_path / "a.npz", x=windows_of(swing[0], 60, 20), t=times[:60])
    (found,) = looked_at(tmp_path, path).recordings
    np.testing.assert_allclose(found.times, times, atol=1e-12)


def test_windows_of_other_groups_are_not_joined() -> None:
    """Of the frames 0 to 9 and 6 to 15, the last four of the one are the first four of the other."""
    hashes = [np.arange(10, dtype=np.uint64), np.arange(6, 16, dtype=np.uint64)]
    for groups, expected in (((0, 0), [16]), ((0, 1), [10, 10])):
        several = [Recording(str(n), noise(10, 1, 2), group=group) for n, group in enumerate(groups)]
        joined, _, _ = stitched(several, Hashes(hashes, hashes, run=2))
        assert [len(one) for one in joined] == expected


def test_a_long_run_of_equal_frames_is_a_copy_and_rest_is_none(tmp_path: Path) -> None:
    several = noise(9, 300, 4)
    several[:, :50] = 0.0  # all at rest at first, which nothing was copied for
    assert len(set(looked_at(tmp_path, npz(tmp_path / "a.npz", x=several)).groups)) == 9
    several[7, 100:140] = several[2, 100:140]
    found = looked_at(tmp_path, npz(tmp_path / "b.npz", x=several))
    assert len(set(found.groups)) == 8 and found.groups[7] == found.groups[2]


def test_recordings_that_share_frames_and_those_of_one_group_are_linked_through_each_other() -> None:
    """Recordings 1 and 4 share frames, 4 and 5 are of one group, and so are 0 and 2; groups count from the first."""
    frames = [np.arange(first, first + 6, dtype=np.uint64) for first in (0, 100, 200, 300, 103, 400)]
    assert linked(Hashes(frames, frames, run=2), [7, 1, 7, 3, 9, 9]) == [0, 1, 0, 2, 1, 1]


def test_equal_frames_are_counted_in_all_other_splits_and_told_where_they_are_many() -> None:
    """Of the frames to validate or test on, 4 stands in train and 5 in valid."""
    written = [np.array(values, np.uint64) for values in ([1, 2, 3, 4], [4, 5, 6, 7], [5, 8, 9, 10])]
    pieces = {split: [(number, 0, 4)] for number, split in enumerate(SPLITS)}
    said, notes = _equal_frames(pieces, Hashes(written, written, run=2))
    assert "2 of 8 frames" in said and len(notes) == 1
    written[2] = np.arange(1000, 1500, dtype=np.uint64)
    said, notes = _equal_frames(pieces | {"test": [(2, 0, 500)]}, Hashes(written, written, run=2))
    assert "1 of 504 frames" in said and notes == []  # two in a thousand


def test_times_of_other_cells_tell_nothing_and_cells_stand_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """The third of twelve cells has six times, as many as there are features."""
    lengths = [6 if number == 2 else 20 + 10 * number for number in range(12)]
    runs = [noise(6, length, seed=number) for number, length in enumerate(lengths)]
    clocks = [0.5 * np.arange(length)[None] for length in lengths]
    found = looked_at(tmp_path, matlab(tmp_path / "a.mat", Y=cells(runs), T=cells(clocks)), cutting=Cutting(window=5))
    assert meanings(found) == "feature time"
    assert [len(one) for one in found.recordings] == lengths
    np.testing.assert_array_equal(found.recordings[11].times, clocks[11][0])


def test_elements_of_matlab_are_numbered_down_the_columns(tmp_path: Path) -> None:
    """As MATLAB does: in a cell array or array of structs of two rows, the second element is that below the first."""
    inner = np.empty((2, 3), dtype=object)
    for row, column in np.ndindex(2, 3):
        inner[row, column] = np.full((4, 2), 10.0 * row + column)
    structs = np.array([[(inner[row, column],) for column in range(3)] for row in range(2)], dtype=[("x", object)])
    arrays = open_mat(matlab(tmp_path / "a.mat", c=inner, s=structs)).arrays
    for names in ([f"c{{{number}}}" for number in range(1, 7)], [f"s({number}).x" for number in range(1, 7)]):
        assert [arrays[name].read()[0, 0] for name in names] == [0, 10, 1, 11, 2, 12]


def test_few_entries_come_last_as_features_in_files_of_matlab_too(tmp_path: Path) -> None:
    found = looked_at(tmp_path, matlab(tmp_path / "a.mat", x=noise(5, 100, 3)))
    assert meanings(found) == "trajectory time feature"


@pytest.mark.parametrize(
    ("said", "unit"),
    [
        *(("microseconds", "us"), ("us", "us"), ("msec", "ms"), ("Seconds", "s"), ("min", "min")),
        *(("Hours since 2001-01-01", "h"), ("days since 2001-01-01", "d"), ("years", "year"), ("kelvin", "")),
    ],
)
def test_units_of_time_are_known_by_what_files_call_them(said: str, unit: str) -> None:
    assert FileArray("clock", (5,), "<f8", lambda: np.arange(5.0), attributes={"units": said}).time_unit == unit


def test_the_role_of_a_coordinate_is_that_of_the_cf_conventions() -> None:
    """CF conventions, section 4: the attribute ``axis``, and the units of latitude and longitude."""
    stated = {("axis", "T"): "time", ("axis", "Y"): "height", ("axis", "X"): "width", ("axis", "Z"): "channel"}
    stated |= {("units", "degrees_north"): "height", ("units", "degree_E"): "width"}
    for (attribute, text), role in stated.items():
        assert FileArray("q", (5,), "<f8", lambda: np.arange(5.0), attributes={attribute: text}).role == role


def test_times_of_files_are_brought_to_one_unit_where_that_can_be_done(tmp_path: Path) -> None:
    paths = {
        unit: hdf5(tmp_path / f"{unit or 'none'}.h5", x=noise(6, 40, 3, seed=seed), clock=np.arange(40.0))
        for seed, unit in enumerate(("s", "ms", "", "year", "fortnights since 2000-01-01"))
    }
    for unit in [unit for unit in paths if unit]:
        with h5py.File(paths[unit], "a") as file:
            file["clock"].attrs["units"] = unit
    found = looked_at(tmp_path, paths["s"], paths["ms"])
    assert time_unit(found) == found.found[1].time_unit == "s"
    np.testing.assert_allclose(found.recordings[9].times, 1e-3 * np.arange(40))
    assert any("in ms" in note for note in found.notes)
    for unit in ("year", "fortnights since 2000-01-01"):
        said = refusal(tmp_path, paths["s"], paths[unit])
        assert unit.split()[0] in said and "--time-step" in said
        stepped = Request("mine", (paths["s"], paths[unit]), {}, Reading(), Cutting(), time_step=0.5)
        assert understand(stepped, tmp_path, SOURCES).recordings[9].times[1] == 0.5
    assert time_unit(looked_at(tmp_path, paths["ms"], paths[""])) == ""  # one says nothing
    assert time_unit(looked_at(tmp_path, paths["ms"])) == "ms"


def grid_file(path: Path, seed: int, variable: str = "t2m", **changes) -> Path:
    """A netCDF file of a moving field on a grid; ``changes`` replace its coordinates or attributes."""
    about = {"latitude": np.linspace(60.0, 30, 20), "longitude": np.arange(0.0, 24), "units": "K", "name": None}
    about |= changes
    attributes = {"units": about["units"]} | ({"standard_name": about["name"]} if about["name"] else {})
    dims = ("time", "latitude", "longitude")
    xarray.Dataset(
        {variable: (dims, 280 + noise(40, 20, 24, seed=seed), attributes)},
        {"time": np.arange(40.0), "latitude": about["latitude"], "longitude": about["longitude"]},
    ).to_netcdf(path, engine="h5netcdf")
    return path


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"units": "degC"}, ("degC", "K")),
        ({"name": "sea_surface_temperature"}, ("sea_surface_temperature", "air_temperature")),
        ({"latitude": np.linspace(30.0, 60, 20)}, ("latitude", "1.57895", "-1.57895")),  # the other way up
        ({"longitude": np.arange(0.0, 12, 0.5)}, ("longitude", "0.5", "of 1;")),
    ],
)
def test_files_of_other_units_or_grids_are_not_put_together(changes: dict, told: tuple, tmp_path: Path) -> None:
    first = grid_file(tmp_path / "a.nc", 1, name="air_temperature")
    said = refusal(tmp_path, first, grid_file(tmp_path / "b.nc", 2, **changes))
    assert "a.nc" in said and "b.nc" in said
    assert all(word in said for word in told)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("m/s", "m s-1", True),
        ("kg m-2 s-1", "kg/m^2/s", True),
        ("K", "kelvin", True),
        ("hPa", "mbar", True),
        ("percent", "%", True),
        ("degC", "deg C", True),
        ("hPa", "mb", True),
        ("rad/s", "Hz", None),
        ("degC", "delta_degC", None),
        ("hPa", "Pa", False),
        ("degC", "K", False),
        ("m", "K", False),
        ("psu", "PSU", None),
        ("(", "1)", None),
    ],
)
def test_units_are_compared_by_what_they_mean(first: str, second: str, same: bool | None, tmp_path: Path) -> None:
    paths = [grid_file(tmp_path / f"{number}.nc", number, units=unit) for number, unit in enumerate((first, second))]
    if same is False:
        said = refusal(tmp_path, *paths)
        assert f" {first}" in said and f" {second}" in said
    else:
        notes = looked_at(tmp_path, *paths).notes
        assert notes == [] if same else len(notes) == 1 and f"{second} in" in notes[0] and f"{first} in" in notes[0]


def test_units_that_mean_no_good_are_not_known() -> None:
    """A number raised to a power again and again would be computed for hours."""
    assert mean_the_same("9**9**9**9", "m") is None
    assert mean_the_same("", "m") is False


def groups_of_runs(path: Path, labels: Sequence[str], join: str) -> Path:
    """Films whose times are a step of their own apart, told apart by words or numbers in their names."""
    arrays = {}
    for number, label in enumerate(labels):
        arrays |= {join.format("u", label): noise(60, 18, 20, seed=number)}
        arrays |= {join.format("t", label): 0.1 * (number + 1) * np.arange(60)}
    return npz(path, **arrays)


@pytest.mark.parametrize(
    ("labels", "join"),
    [(("low", "mid", "high"), "{}_{}"), (("a", "b", "ab"), "{}_{}"), (("0.1", "0.25", "1"), "{}_{}")],
)
def test_recordings_of_a_pattern_have_their_own_times(labels: Sequence[str], join: str, tmp_path: Path) -> None:
    path = groups_of_runs(tmp_path / "a.npz", labels, join)
    for times in ((), ("t_*",)):
        found = looked_at(tmp_path, path, keys=("u_*",), times=times, layout="time height width")
        steps = {one.name.rsplit("_", 1)[1]: float(one.times[1]) for one in found.recordings}
        assert steps == pytest.approx({label: 0.1 * (number + 1) for number, label in enumerate(labels)})
        assert time_unit(found) == ""  # "t_a" is no year


def test_names_that_only_look_like_those_of_a_recording(tmp_path: Path) -> None:
    u, t = {f"u_0{n}": noise(60, 3, seed=n) for n in range(1, 4)}, {f"t_{n}": n * np.arange(60.0) for n in range(1, 4)}
    found = looked_at(tmp_path, npz(tmp_path / "zeros.npz", **u, **t), keys=("u_*",), layout="time feature")
    assert [one.times[1] for one in found.recordings] == [1, 2, 3]
    letters = {f"u_{n}": one for n, one in zip("abc", u.values(), strict=True)}
    found = looked_at(tmp_path, npz(tmp_path / "letters.npz", **letters, **t), keys=("u_*",), layout="time feature")
    assert found.recordings[0].times is None and "t_1" in found.found[0].times
    trials = {f"session2__trial_{n}": one for n, one in enumerate(u.values())} | {"session2__time": 2 * np.arange(60.0)}
    path = hdf5(tmp_path / "session.h5", **trials)
    found = looked_at(tmp_path, path, keys=("session2/trial_*",), layout="time feature")
    assert [one.times[1] for one in found.recordings] == [2, 2, 2]
    units = {f"x_{n}": one for n, one in zip("hs", u.values(), strict=False)}
    units |= {"t_h": np.arange(60.0), "t_s": np.arange(60.0)}  # healthy and sick
    found = looked_at(tmp_path, npz(tmp_path / "units.npz", **units), keys=("x_*",), layout="time feature")
    assert [one.times[1] for one in found.recordings] == [1, 1] and time_unit(found) == ""
    alone = npz(tmp_path / "alone.npz", x_a=noise(60, 3), t_a=np.arange(60.0))
    assert time_unit(looked_at(tmp_path, alone, keys=("x_a",), times=("t_a",), layout="time feature")) == ""
    pairs = {f"run{n}_u": noise(60, 3, seed=ord(n)) for n in "AB"} | {f"run{n}_t": np.arange(60.0) for n in "AB"}
    looked_at(tmp_path, npz(tmp_path / "p.npz", **pairs), keys=("run*_u",), times=("run*_t",), layout="time feature")


def test_groups_whose_names_have_points_are_found_by_a_pattern(tmp_path: Path) -> None:
    names = {f"nu_{number / 10}__{name}": number for number in (1, 2, 3) for name in "ut"}
    arrays = {
        name: drifting(3, number) if name.endswith("u") else number * np.arange(300.0) for name, number in names.items()
    }
    found = looked_at(tmp_path, hdf5(tmp_path / "a.h5", **arrays), keys=("*/u",))
    assert [one.times[1] for one in found.recordings] == [1, 2, 3]
    assert "not a pattern" in refusal(tmp_path, tmp_path / "a.h5", keys=("[z-a]/u",))


def described_film(path: Path, **variables: tuple[Sequence[str], np.ndarray]) -> Path:
    xarray.Dataset(dict(variables)).to_netcdf(path, engine="h5netcdf")
    return path


def test_every_array_is_arranged_by_the_names_of_its_own_dimensions(tmp_path: Path) -> None:
    film = travelling(60, 18, 18)
    turned = (("x", "time", "y"), film.transpose(2, 0, 1))
    path = described_film(tmp_path / "a.nc", u=(("time", "y", "x"), film), v=turned)
    found = looked_at(tmp_path, path, keys=("u", "v"))
    np.testing.assert_array_equal(values(found.recordings[0])[:, 0], values(found.recordings[0])[:, 1])
    runs = {f"run{number}": (("time", "y", "x"), film + number) for number in range(3)}
    runs["run1"] = (turned[0], turned[1] + 1)
    found = looked_at(tmp_path, described_film(tmp_path / "b.nc", **runs), keys=("run*",))
    for number, one in enumerate(found.recordings):
        np.testing.assert_array_equal(values(one)[:, 0], film + number)
    files = [
        described_film(tmp_path / f"{name}.nc", u=(("time", *name), film + seed))
        for seed, name in enumerate(("ji", "ij"))
    ]
    assert "time, i, j" in refusal(tmp_path, *files)


@pytest.mark.parametrize("what", ["station_name", "ids", "npz", "levels"])
def test_what_is_said_of_stations_and_levels_is_compared(what: str, tmp_path: Path) -> None:
    paths = []
    for number, order in enumerate(([0, 1, 2], [1, 0, 2])):
        ids, flow = np.array([14_000_001, 14_000_002, 1])[order], drifting(3, number)
        coordinates = {"time": np.arange(300.0)}
        about = {
            "station_name": ("station", np.array(["Zürich", "Genf", "Chur"])[order]),
            "ids": ("station", ids),
            "levels": ("station", np.array([0.5, 1, 1000])[order], {"units": "m"}),
        }
        path = tmp_path / f"{number}.nc"
        if what == "npz":
            npz(path.with_suffix(".npz"), x=flow, t=np.arange(300.0), station=np.array(list("ABC"))[order])
        else:
            name = "station" if what in ("ids", "levels") else what
            xarray.Dataset({"q": (("time", "station"), flow)}, coordinates | {name: about[what]}).to_netcdf(
                path, engine="h5netcdf"
            )
        paths.append(path.with_suffix(".npz") if what == "npz" else path)
    assert "entry 0" in refusal(tmp_path, *paths)


def test_what_else_is_known_of_stations_may_differ(tmp_path: Path) -> None:
    """Measures, places and remarks: they are no order of the stations."""
    for number in range(2):
        about = {
            "elevation": ("station", 100.0 * number + np.arange(3)),
            "lat": ("station", np.round([47.378, 46.204, 46.85], 3 - number)),
            "n_valid": ("station", np.arange(3) + number),
            "comment": ("station", np.array(["", "moved" * number, ""])),
        }
        data = xarray.Dataset(
            {"q": (("time", "station"), drifting(3, number))},
            {"time": np.arange(300.0), "station": ["A", "B", "C"]} | about,
        )
        data.to_netcdf(tmp_path / f"{number}.nc", engine="h5netcdf")
    assert looked_at(tmp_path, tmp_path / "0.nc", tmp_path / "1.nc", keys=("q",)).notes == []


def test_places_of_sensors_are_no_grid(tmp_path: Path) -> None:
    paths = [
        npz(tmp_path / f"{number}.npz", u=drifting(7, number), x=noise(7, seed=number), t=np.arange(300.0))
        for number in range(2)
    ]
    (note,) = looked_at(tmp_path, *paths).notes
    assert "different places" in note


def test_crops_of_turned_grids_lie_elsewhere(tmp_path: Path) -> None:
    for number in range(2):
        y, x = np.mgrid[0:18, 0:20] * 1.0
        lat = {"lat": (("y", "x"), 40 + 3 * number + 0.1 * y), "lon": (("y", "x"), x * 0.1 * (1 + 0.1 * number))}
        data = xarray.Dataset({"u": (("time", "y", "x"), noise(40, 18, 20, seed=number))}, lat)
        data.to_netcdf(tmp_path / f"{number}.nc", engine="h5netcdf")
    assert len(looked_at(tmp_path, tmp_path / "0.nc", tmp_path / "1.nc", keys=("u",)).notes) == 2


def test_channels_of_a_staggered_grid_are_no_other_places(tmp_path: Path) -> None:
    film = noise(40, 18, 20)
    data = xarray.Dataset(
        {"u": (("time", "y", "xu"), film), "v": (("time", "yv", "x"), noise(40, 18, 20, seed=1))},
        {"y": np.arange(18.0), "yv": 0.5 + np.arange(18), "x": np.arange(20.0), "xu": 0.5 + np.arange(20)},
    )
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    found = looked_at(tmp_path, tmp_path / "a.nc", keys=("u", "v"), layout="time height width")
    assert not any("places" in note for note in found.notes)


def test_grids_of_matlab_and_of_fields_on_a_line_are_compared(tmp_path: Path) -> None:
    film, frames = travelling(60, 18, 20), np.arange(60.0)
    for kind, arrays in {
        "matlab": {"U": film.transpose(1, 2, 0), "t": frames, "y": np.arange(18.0)},
        "line": {"u": drifting(40)[:60], "t": frames},
    }.items():
        paths = []
        for step in (1, 2):
            x = step * np.arange(20.0 if kind == "matlab" else 40.0)
            path = tmp_path / f"{kind}{step}"
            paths.append(
                matlab(path.with_suffix(".mat"), **arrays, x=x)
                if kind == "matlab"
                else hdf5(path.with_suffix(".h5"), **arrays, x=x)
            )
        said = refusal(tmp_path, *paths)
        assert "'x'" in said and "steps of 2" in said


def test_each_file_is_compared_with_the_first_that_says_the_same(tmp_path: Path) -> None:
    units = [grid_file(tmp_path / f"{seed}.nc", seed, units=unit) for seed, unit in enumerate(("", "Kelvin", "degC"))]
    assert "degC" in refusal(tmp_path, *units)
    assert "degC" in refusal(tmp_path, units[0], held={"valid": [units[1]], "test": [units[2]]})
    first = xarray.open_dataset(units[1], engine="h5netcdf").drop_vars("latitude")
    first.to_netcdf(tmp_path / "bare.nc", engine="h5netcdf")
    down = grid_file(tmp_path / "down.nc", 5, latitude=np.linspace(30.0, 60, 20))
    up = grid_file(tmp_path / "up.nc", 6)
    assert "down.nc" in refusal(tmp_path, tmp_path / "bare.nc", up, down)


def test_longitudes_are_compared_on_their_circle(tmp_path: Path) -> None:
    plain = grid_file(tmp_path / "a.nc", 1, longitude=15.0 * np.arange(24))
    rolled = grid_file(tmp_path / "b.nc", 2, longitude=-180 + 15.0 * np.arange(24))
    assert "same circle" in refusal(tmp_path, plain, rolled)
    across = [
        grid_file(tmp_path / f"{number}.nc", number, longitude=longitude)
        for number, longitude in enumerate(((350 + np.arange(24.0)) % 360, -10 + np.arange(24.0)))
    ]
    assert looked_at(tmp_path, *across).notes == []
    beside = grid_file(tmp_path / "c.nc", 3, longitude=-5 + np.arange(24.0))
    (note,) = looked_at(tmp_path, across[0], beside).notes
    assert "350 to 13" in note and "-5 to 18" in note


def test_coordinates_are_compared_in_one_unit_and_those_of_turned_grids_by_their_lines(tmp_path: Path) -> None:
    def curved(name: str, y: np.ndarray, x: np.ndarray, unit: str = "m") -> Path:
        dims = ("time", "j", "i")
        lines = {"y": (dims[1:], y, {"units": unit}), "x": (dims[1:], x, {"units": unit})}
        data = xarray.Dataset({"u": (dims, noise(40, 18, 20, seed=len(name)))}, {"time": np.arange(40.0)} | lines)
        data.to_netcdf(tmp_path / name, engine="h5netcdf")
        return tmp_path / name

    y, x = np.mgrid[0:18, 0:20] * 1000.0 + 10 * np.mgrid[0:18, 0:20][::-1]
    first = curved("a.nc", y, x)
    assert looked_at(tmp_path, first, curved("bb.nc", y / 1000, x / 1000, "km"), keys=("u",)).notes == []
    assert "'y'" in refusal(tmp_path, first, curved("ccc.nc", y[::-1], x), keys=("u",))


def test_a_column_or_an_array_called_t_is_a_temperature_where_there_are_other_times(tmp_path: Path) -> None:
    seconds, features = np.arange(300.0), drifting(2)
    path = written(tmp_path / "a.csv", "TIMESTAMP,T,RH", [seconds, features])
    for times in ((), ("TIMESTAMP",)):
        found = looked_at(tmp_path, path, times=times)
        np.testing.assert_array_equal(found.recordings[0].times, seconds)
        np.testing.assert_allclose(values(found.recordings[0])[:, 0], features)
    arrays = npz(tmp_path / "a.npz", T=drifting(3), q=drifting(3, 1), time=seconds)
    assert "several arrays" in refusal(tmp_path, arrays)
    np.testing.assert_array_equal(
        looked_at(tmp_path, npz(tmp_path / "b.npz", u=drifting(3), T=seconds)).recordings[0].times, seconds
    )


def one_part(path: Path, film: np.ndarray, first: int, clock: str) -> Path:
    """Days of a film from the day ``first`` on, with times as the program writes them that made the file."""
    days = first + np.arange(len(film))
    if clock == "npz":
        return npz(path.with_suffix(".npz"), u=film, time=np.datetime64("2001-01-01") + days)
    unit = f"days since {np.datetime64('2001-01-01') + first}" if clock == "own" else "days since 2001-01-01"
    times = {"time": ("time", np.arange(len(film)) if clock == "own" else days, {"units": unit})}
    data = xarray.Dataset({"u": (("time", "lat", "lon"), film)}, times)
    data.to_netcdf(path.with_suffix(".nc"), engine="h5netcdf")
    return path.with_suffix(".nc")


@pytest.mark.parametrize("clock", ["shared", "own", "npz"])
def test_files_that_may_be_one_recording_that_was_cut_are_told(clock: str, tmp_path: Path) -> None:
    """As one file a year: whether its parts are one recording, or trials one after the other, no file says."""
    parts = [one_part(tmp_path / f"{n}", noise(80, 18, 20, seed=n), 80 * n, clock) for n in range(3)]
    layout = {"layout": "time height width"} if clock == "npz" else {}
    for order in ((0, 1, 2), (1, 2, 0)):
        found = looked_at(tmp_path, *(parts[number] for number in order), **layout)
        assert len(found.recordings) == 3
        (note,) = found.notes
        assert note.startswith("2 of 3 recordings begin one step after")
    assert looked_at(tmp_path, parts[0], parts[2], **layout).notes == []  # a file lies between them


def test_trajectories_of_one_array_that_follow_each_other_are_trajectories(tmp_path: Path) -> None:
    """Episodes on one clock, which are reset in between."""
    path = npz(tmp_path / "a.npz", x=noise(20, 50, 3), step=np.arange(1000).reshape(20, 50))
    found = looked_at(tmp_path, path, layout="trajectory time feature", times=("step",))
    assert len(found.recordings) == 20 and found.notes == []


def test_times_as_text_of_hdf5_and_matlab_are_read(tmp_path: Path) -> None:
    texts = (np.datetime64("2026-11-28T22:00") + 90 * np.arange(300).astype("timedelta64[s]")).astype(str)
    features = drifting(3)
    for kind, kept in (("vlen", texts.astype(object)), ("fixed", texts.astype("S"))):
        with h5py.File(tmp_path / f"{kind}.h5", "w") as file:
            file["x"], file["time"] = features, kept
            file["names"] = np.array(["a"] * 300, dtype="S1")
    matlab(tmp_path / "char.mat", x=features, time=texts)
    matlab(tmp_path / "cell.mat", x=features, time=texts.astype(object).reshape(-1, 1))
    for path in sorted(tmp_path.glob("*.*")):
        found = looked_at(tmp_path, path)
        np.testing.assert_array_equal(found.recordings[0].times, 90.0 * np.arange(300), err_msg=path.name)
    wrf = np.char.replace(texts, "T", "_")
    found = looked_at(tmp_path, npz(tmp_path / "wrf.npz", x=features, Times=wrf))
    assert found.recordings[0].times[1] == 90


def test_times_at_the_top_of_a_file_are_those_of_groups_with_other_coordinates(tmp_path: Path) -> None:
    groups = {
        f"/run{number}": xarray.Dataset(
            {"u": (("time", "y", "x"), noise(40, 18, 20, seed=number))}, {"y": np.arange(18.0), "x": np.arange(20.0)}
        )
        for number in range(3)
    }
    times = {"/": xarray.Dataset(coords={"time": ("time", 6 * np.arange(40), {"units": "hours since 2001-01-01"})})}
    xarray.DataTree.from_dict(times | groups).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    found = looked_at(tmp_path, tmp_path / "a.nc", keys=("*/u",))
    assert [one.times[1] for one in found.recordings] == [6, 6, 6]


@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        (np.arange("2000-01", "2008-05", dtype="M8[M]"), 31 * 86400),
        (np.arange("1000-01-01", "1000-04-10", dtype="M8[D]"), 86400),
        (np.array([20000100 + day for day in range(2, 32)] + [20000200 + day for day in range(1, 30)]), 86400),
        (np.array([100 * (2000 + month // 12) + month % 12 + 1 for month in range(100)]), 31 * 86400),
        ((1_700_000_000_000_000_000 + 1000 * np.arange(100)).astype(np.uint64), 1000),
    ],
)
def test_times_of_every_kind_of_numpy_are_read(times: np.ndarray, seconds: float, tmp_path: Path) -> None:
    found = looked_at(tmp_path, npz(tmp_path / "a.npz", u=drifting(3)[: len(times)], time=times))
    assert found.recordings[0].times[1] == seconds


def test_later_trajectories_may_begin_earlier_in_unsigned_times(tmp_path: Path) -> None:
    start = np.array([[5000], [0]], dtype=np.uint64) + np.uint64(1_700_000_000_000_000_000)
    times = start + 1000 * np.arange(40, dtype=np.uint64)
    found = looked_at(tmp_path, npz(tmp_path / "a.npz", u=noise(2, 40, 3), t=times), layout="trajectory time feature")
    np.testing.assert_array_equal(found.recordings[1].times, -5000 + 1000.0 * np.arange(40))


def test_halves_of_months_are_halves_of_that_month(tmp_path: Path) -> None:
    """Half of January is 15.5 days, half of February 2001 is 14."""
    months = 0.5 + np.arange(40)
    xarray.Dataset(
        {"u": (("time", "lat", "lon"), noise(40, 18, 20))},
        {"time": ("time", months, {"units": "months since 2001-01-01"})},
    ).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    np.testing.assert_allclose(looked_at(tmp_path, tmp_path / "a.nc").recordings[0].times[:2], [15.5, 45])


def test_other_steps_of_time_and_other_scales_of_pictures_are_told(tmp_path: Path) -> None:
    films = [npz(tmp_path / f"{step}.npz", u=noise(40, 3, seed=step), t=step * np.arange(40.0)) for step in (1, 6)]
    (note,) = looked_at(tmp_path, *films).notes
    assert "1 in" in note and "6 in" in note
    pictures = gradients(tmp_path / "film", [f"{number:03}.png" for number in range(60)])
    size = looked_at(tmp_path, pictures, cutting=Cutting(window=4)).recordings[0].shape[1:]
    arrays = npz(tmp_path / "film.npz", u=100 + 10 * noise(40, *size))
    notes = looked_at(tmp_path, pictures, arrays, cutting=Cutting(window=4)).notes
    assert any("full scale" in note for note in notes)


@pytest.mark.parametrize(
    ("header", "features", "left_out"),
    [
        ("time_s,T,q", ["T", "q"], ""),
        ("time,T_in,T (degC),q", ["T_in", "T (degC)", "q"], ""),
        ("timestamp,steps,x,y", ["x", "y"], "steps"),
        ("T,a,b", ["a", "b"], ""),
    ],
)
def test_columns_are_features_or_said_to_be_left_out(
    header: str, features: list[str], left_out: str, tmp_path: Path
) -> None:
    """Temperatures may rise as times do."""
    columns = [np.arange(300.0), *(np.cumsum(1 + noise(300, seed=n) ** 2) for n in range(header.count(",")))]
    found = looked_at(tmp_path, written(tmp_path / "a.csv", header, columns))
    told, _, others = found.found[0].columns.partition("; ")
    assert told.removeprefix("columns ").split(", ") == features
    assert left_out in others and bool(left_out) == bool(others)
    np.testing.assert_array_equal(found.recordings[0].times, np.arange(300))


def test_counts_that_go_on_from_file_to_file_are_no_feature(tmp_path: Path) -> None:
    paths = [
        written(tmp_path / f"{day}.csv", "RECORD,t,a,b", [300 * day + np.arange(300), np.arange(300), drifting(2, day)])
        for day in range(2)
    ]
    found = looked_at(tmp_path, *paths)
    assert found.recordings[0].shape == (1, 2)


def test_labels_of_trajectories_are_no_coordinates(tmp_path: Path) -> None:
    windows = np.cumsum(noise(30, 40, 3), axis=1)
    path = npz(tmp_path / "a.npz", X=windows, y=np.arange(30) % 3)
    assert meanings(looked_at(tmp_path, path)) == "trajectory time feature"


def test_a_short_recording_beside_a_long_one_is_left_out(tmp_path: Path) -> None:
    long, short = (npz(tmp_path / f"{n}.npz", u=drifting(3, n)[:n]) for n in (240, 12))
    found = looked_at(tmp_path, long, short, layout="time feature", cutting=Cutting(window=4))
    assert found.trajectories["test"] > 0


def test_a_file_of_one_time_is_told_to_be_put_together(tmp_path: Path) -> None:
    film = xarray.Dataset({"u": (("time", "lat", "lon"), noise(1, 18, 20))}, {"time": [0.0]})
    film.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    assert "one time" in refusal(tmp_path, tmp_path / "a.nc")


def test_recordings_of_other_places_or_names_are_put_together_and_it_is_said(tmp_path: Path) -> None:
    first = grid_file(tmp_path / "a.nc", 1)
    longitude = np.arange(0, 24, dtype=np.float32) * np.float32(1 + 1e-6)  # the same, rounded
    assert looked_at(tmp_path, first, grid_file(tmp_path / "b.nc", 2, longitude=longitude)).notes == []
    notes = looked_at(tmp_path, first, grid_file(tmp_path / "c.nc", 3, longitude=100 + np.arange(24.0))).notes
    assert len(notes) == 1 and "100 to 123" in notes[0] and "0 to 23" in notes[0]
    notes = looked_at(tmp_path, first, grid_file(tmp_path / "d.nc", 4, variable="sst")).notes
    assert len(notes) == 1 and "t2m" in notes[0] and "sst" in notes[0]


def test_stations_in_another_order_are_refused(tmp_path: Path) -> None:
    for name, stations in (("a", ["Bern", "Genf", "Chur"]), ("b", ["Chur", "Genf", "Bern"])):
        xarray.Dataset(
            {"flow": (("time", "station"), drifting(3, len(name)))}, {"time": np.arange(300.0), "station": stations}
        ).to_netcdf(tmp_path / f"{name}.nc", engine="h5netcdf")
    said = refusal(tmp_path, tmp_path / "a.nc", tmp_path / "b.nc")
    assert "entry 0 of 'station'" in said and "Chur" in said and "Bern" in said
    assert looked_at(tmp_path, tmp_path / "a.nc").recordings


def test_groups_of_one_file_agree_in_their_units(tmp_path: Path) -> None:
    path = hdf5(tmp_path / "a.h5", **{f"run{number}__x": drifting(3, number) for number in range(3)})
    with h5py.File(path, "a") as file:
        for number, unit in enumerate(("m", "m", "mm")):
            file[f"run{number}/x"].attrs["units"] = unit
    said = refusal(tmp_path, path, keys=("*/x",), layout="time feature")
    assert "run2/x" in said and "run0/x" in said and "mm" in said


def well(path: Path, seed: int, fields: Sequence[str], order: Sequence[str] = ("x", "y")) -> Path:
    """A file as The Well has them: a scalar and the two components of a vector on a grid of 20 by 24."""
    random = np.random.default_rng(seed)
    with h5py.File(path, "w") as file:
        file.attrs["n_spatial_dims"] = 2
        for group, components in (("t0_fields", ()), ("t1_fields", (2,)), ("t2_fields", ())):
            file.create_group(group)
            for name in fields[:1] if group == "t0_fields" else fields[1:] if components else ():
                file[group][name] = random.standard_normal((4, 30, 20, 24, *components)).astype(np.float32)
        file["dimensions/time"] = 0.5 * np.arange(30)
        file["dimensions"].attrs["spatial_dims"] = list(order)
        file["dimensions/x"], file["dimensions/y"] = np.arange(20.0), np.arange(24.0)
    return path


def test_fields_of_the_well_keep_their_names(tmp_path: Path) -> None:
    found = looked_at(tmp_path, well(tmp_path / "a.hdf5", 1, ("density", "velocity")))
    assert trajectories(found, "train").fields == ("density", "velocity_x", "velocity_y")
    assert "dimensions/time" in found.found[0].times
    said = refusal(
        tmp_path, well(tmp_path / "a.hdf5", 1, ("density", "velocity")), well(tmp_path / "b.hdf5", 2, ("heat", "wind"))
    )
    assert "wind_x" in said and "velocity_x" in said


@pytest.mark.parametrize("kind", ["U", "S", "m"])
def test_times_as_texts_and_durations_of_numpy_are_read(kind: str, tmp_path: Path) -> None:
    """Every 90 s, told as ISO 8601 and as durations."""
    steps = 90 * np.arange(300)
    dates = np.datetime64("2026-11-28T22:00:00") + steps.astype("timedelta64[s]")
    times = {"U": dates.astype(str), "S": dates.astype("S"), "m": steps.astype("timedelta64[s]")}[kind]
    found = looked_at(tmp_path, npz(tmp_path / "a.npz", u=drifting(), time=times))
    np.testing.assert_array_equal(found.recordings[0].times, 90.0 * np.arange(300))
    assert time_unit(found) == "s"


def test_texts_that_are_no_dates_are_no_times_and_it_is_said(tmp_path: Path) -> None:
    words = np.array([f"visit {number}" for number in range(300)])
    found = looked_at(tmp_path, npz(tmp_path / "a.npz", u=drifting(), time=words))
    assert found.recordings[0].times is None and "'time' holds text" in found.found[0].times


def test_a_value_missing_in_one_frame_is_refused_before_pixels_are_averaged(tmp_path: Path) -> None:
    film = travelling(60, 32, 32)
    film[:, 4:9, 4:9] = np.nan
    film[7, 20, 21] = np.nan
    path = npz(tmp_path / "a.npz", u=film)
    for how in ({}, {"image_size": 16}):
        said = refusal(tmp_path, path, layout="time height width", **how)
        assert "[7, 0, 20, 21]" in said and " 1 of them" in said


def test_land_that_is_averaged_leaves_the_sea_beside_it(tmp_path: Path) -> None:
    """A pixel of the smaller picture is the mean of its pixels of sea: 4 of 4, 1 of 4, none."""
    film = travelling(60, 32, 32)
    film[:, 0:2, 0:2] = film[:, 0, 3] = film[:, 1, 2:4] = np.nan
    found = looked_at(tmp_path, npz(tmp_path / "a.npz", u=film), layout="time height width", image_size=16)
    kept = found.recordings[0].frames(0, 60, found.storage)[:, 0]
    np.testing.assert_allclose(kept[:, 0, 1], film[:, 0, 2], rtol=1e-6)
    np.testing.assert_allclose(kept[:, 5, 7], film[:, 10:12, 14:16].mean(axis=(1, 2)), rtol=1e-5)
    assert np.ptp(kept[:, 0, 0]) == 0
    assert any(note.startswith("1 of 256 pixels") for note in found.notes)


def test_a_feature_without_any_value_is_named(tmp_path: Path) -> None:
    features = drifting(3)
    features[:, 1] = np.nan
    assert "feature or channel 1 " in refusal(tmp_path, npz(tmp_path / "a.npz", u=features), layout="time feature")


def test_whole_numbers_beyond_double_precision_are_refused(tmp_path: Path) -> None:
    counts = 2**53 + np.arange(900).reshape(300, 3)
    assert f"{2**53:,}" in refusal(tmp_path, npz(tmp_path / "a.npz", u=counts), layout="time feature")
    looked_at(tmp_path, npz(tmp_path / "b.npz", u=counts - 2**53), layout="time feature")


def test_the_valid_range_of_unsigned_values_is_unsigned_too(tmp_path: Path) -> None:
    """NetCDF 3 has no unsigned bytes: -1 stands for 255, and a valid range of 0 to -2 for 0 to 254."""
    film = np.round(120 + 20 * travelling(60, 24, 32)).astype(np.uint8)
    film[:, 2, 3] = 255
    with h5py.File(tmp_path / "a.nc", "w") as file:
        file["q"] = film.view(np.int8)
        file["q"].attrs.update({"_Unsigned": "true", "scale_factor": 0.5, "valid_range": np.array([0, -2], np.int8)})
        file["time"] = np.arange(60)
        file["time"].attrs["units"] = "days since 2001-01-01"
    found = looked_at(tmp_path, tmp_path / "a.nc", keys=("q",), layout="time height width", cutting=Cutting(window=4))
    read = values(found.recordings[0])[:, 0]
    assert np.isnan(read[:, 2, 3]).all() and np.isnan(read).sum() == 60
    np.testing.assert_array_equal(read[:, 5, 6], film[:, 5, 6] / 2)


def test_a_valid_range_is_that_of_the_packed_values_with_scale_and_offset(tmp_path: Path) -> None:
    """5 - 0.1 p from p = 57 to p = 43 is -0.7 to 0.7, and a bound itself is valid (CF conventions, section 2.5.1)."""
    film = 0.5 * travelling(60, 24, 32)
    whole = np.round((film - 5) / -0.1).astype(np.int16)
    whole[:, 3:6, 3:6], whole[:, 8, 8], whole[:, 9, 9] = 500, 57, 43
    with h5py.File(tmp_path / "a.nc", "w") as file:
        file["q"] = whole
        file["q"].attrs.update({"scale_factor": np.float32(-0.1), "add_offset": np.float32(5)})  # unpacked in float32
        file["q"].attrs["valid_range"] = np.array([43, 57], np.int16)
        file["time"] = np.arange(60)
        file["time"].attrs["units"] = "days since 2001-01-01"
    found = looked_at(tmp_path, tmp_path / "a.nc", cutting=Cutting(window=4))
    assert found.storage.missing is not None
    assert np.argwhere(found.storage.missing[0]).tolist() == [[i, j] for i in (3, 4, 5) for j in (3, 4, 5)]


@pytest.mark.parametrize(
    ("units", "days"),
    [("years since 1999-03-01", [366, 365, 365, 365, 366]), ("months since 2000-11-15", [30, 31, 31, 28, 31])],
)
def test_years_and_months_that_begin_anywhere_last_as_long_as_the_calendar_says(
    units: str, days: list[int], tmp_path: Path
) -> None:
    times = ("time", np.arange(36), {"units": units, "calendar": "standard"})
    data = xarray.Dataset({"x": (("time", "station"), noise(36, 5))}, {"time": times})
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    (found,) = looked_at(tmp_path, tmp_path / "a.nc").recordings
    assert found.times is not None and np.diff(found.times)[:5].tolist() == days


def test_edges_of_cells_are_not_taken_for_the_data(tmp_path: Path) -> None:
    edges = np.stack([np.arange(60.0), np.arange(1.0, 61)], axis=1)
    found = looked_at(tmp_path, npz(tmp_path / "a.npz", lat_bnds=edges, x=noise(60, 5)), cutting=Cutting(window=5))
    assert found.recordings[0].shape == (1, 5)


def test_a_column_that_rises_by_one_from_elsewhere_is_a_feature(tmp_path: Path) -> None:
    rows = [f"{row / 4},{row},{row + 40},{x}" for row, x in enumerate(noise(300).round(4).tolist())]
    found = looked_at(tmp_path, table(tmp_path / "a.csv", "time,row,depth,x", rows))
    np.testing.assert_array_equal(values(found.recordings[0])[:, 0, 0], np.arange(40, 340))
    assert found.recordings[0].shape == (1, 2)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_none_is_named_by_its_place_in_the_recording(value: float, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(recordings, "STRETCH", 1)  # each frame is converted by itself
    series = noise(300, 4)
    series[7, 2] = value
    assert "[7, 0, 2]" in refusal(tmp_path, _saved(tmp_path / "a.npy", series))


def test_times_that_repeat_and_pictures_with_a_short_side_are_refused(tmp_path: Path) -> None:
    swing, times = oscillators(5, 50)
    times[20] = times[19]
    assert "its own file" in refusal(tmp_path, npz(tmp_path / "a.npz", x=swing, t=times))
    assert "12 x 40" in refusal(tmp_path, _saved(tmp_path / "b.npy", noise(90, 12, 40)), layout="time height width")


def test_steps_that_single_precision_would_swallow_are_refused_however_wide_the_spread() -> None:
    """Over five million frames from 0 to 1 a step is 2e-7, and float32 rounds values near 1/2 by up to 3e-8."""
    ramp = Recording("ramp", np.linspace(0, 1, 5_000_000)[:, None, None])
    with pytest.raises(BenchError, match="ramp: single precision"):
        storage_for([ramp], survey([ramp]))


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "b1"])
def test_single_precision_holds_all_numbers_of_16_bits_and_its_own(kind: str) -> None:
    """The mantissa of float32 has 24 bits."""
    exact = np.dtype(kind).itemsize <= 2 or kind == "f4"
    assert Recording("a", np.zeros((1, 1, 1), kind)).exact == exact


def test_grey_is_the_luma_of_red_green_and_blue() -> None:
    """ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B."""
    colours = np.zeros((3, 3, 16, 16), np.float32)
    colours[[0, 1, 2], [0, 1, 2]] = 1  # a red, a green and a blue frame
    grey = Recording("a", colours, reading=Reading(grayscale=True)).prepared(0, 3)
    assert grey.shape == (3, 1, 16, 16)
    np.testing.assert_allclose(grey[:, 0, 0, 0], [0.299, 0.587, 0.114], rtol=1e-6)


def test_what_is_left_out_is_what_is_shorter_than_a_trajectory(tmp_path: Path) -> None:
    swing, _ = oscillators(10, 90)
    np.savez(tmp_path / "a.npz", *[one[:length] for one, length in zip(swing, [*[60] * 8, 90, 14], strict=True)])
    found = looked_at(tmp_path, tmp_path / "a.npz", keys=("arr_*",))  # 14 frames are few and decide nothing
    assert (found.window, found.left_out) == (60, 1)
    made = trajectories(
        looked_at(tmp_path, _saved(tmp_path / "b.npy", noise(300, 4)), cutting=Cutting(window=10)), "test"
    )
    assert made.times[0, 0] >= 200  # frames are counted from the beginning of the recording
    np.testing.assert_array_equal(made.times[0], made.times[0, 0] + np.arange(10))


def test_the_hash_of_a_folder_is_of_what_its_pictures_show(tmp_path: Path) -> None:
    one, other, same = (gradients(tmp_path / name, [f"f{number}.png" for number in range(3)]) for name in "abc")
    shutil.copy(one / "f2.png", other / "f1.png")
    hashes = [source_file(folder, "train").sha256 for folder in (one, other, same)]
    assert hashes[0] == hashes[2] != hashes[1]


def test_each_channel_has_the_precision_that_it_needs() -> None:
    """A pressure that moves by a thousandth beside a field that moves by a million."""
    pressure, field = 101325 + 1e-3 * travelling(60, 16, 16), 1e6 * travelling(60, 16, 16)
    one = Recording("a", np.stack([pressure, field], axis=1))
    storage, _ = storage_for([one], survey([one]))
    assert storage.offset is not None
    kept = one.frames(0, 60, storage)[:, 0] + storage.offset[0]
    np.testing.assert_allclose(kept, pressure, rtol=0, atol=1e-9)


def test_stamps_of_a_video_are_even_to_within_their_rounding_or_stay() -> None:
    even = np.arange(30) / 24
    np.testing.assert_array_equal(_even([round(stamp, 3) for stamp in even[:25]]), np.linspace(0, 1, 25))
    late = even + np.where(np.arange(30) % 7 == 3, 0.02, 0)  # by half a frame
    np.testing.assert_array_equal(_even(late.tolist()), late)


def test_frames_that_have_nothing_in_common_are_refused_where_another_axis_is_smooth(tmp_path: Path) -> None:
    """Eight experiments of a hundred short series each, whose phases know nothing of each other."""
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, (8, 100, 1))
    path = npz(tmp_path / "a.npz", x=np.cos(np.linspace(0, 3, 10) + phases))
    assert "the axis of 10 (feature), which may be time" in refusal(tmp_path, path)
    assert len(looked_at(tmp_path, path, layout="trajectory feature time").recordings) == 8
