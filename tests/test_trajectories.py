"""The trajectory file: round trip, The Well's own reader, and damage of every kind."""

import re
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ladid_bench.core.errors import BenchError
from ladid_bench.data.trajectories import Trajectories, read_trajectories, write_trajectories


@pytest.fixture
def path(tmp_path: Path, trajectories: Trajectories) -> Path:
    write_trajectories(tmp_path / "train" / "file.hdf5", trajectories)
    return tmp_path / "train" / "file.hdf5"


def test_round_trip(path: Path, trajectories: Trajectories) -> None:
    found = read_trajectories(path)
    assert found.content_sha256 == trajectories.content_sha256
    assert found.provenance == trajectories.provenance
    np.testing.assert_array_equal(found.states["angle"], trajectories.states["angle"])
    assert [file.name for file in path.parent.iterdir()] == ["file.hdf5"]


def test_vector_observations_round_trip(tmp_path: Path, trajectories: Trajectories) -> None:
    vectors = replace(trajectories, frames=trajectories.frames[:, :, :, 0], space=("feature",))
    write_trajectories(tmp_path / "v.hdf5", vectors)
    assert read_trajectories(tmp_path / "v.hdf5").frames.shape == (3, 6, 1, 5)


def test_the_well_opens_it(path: Path, trajectories: Trajectories) -> None:
    well = pytest.importorskip("the_well.data", reason="the-well is in the test extra")
    dataset = well.WellDataset(path=str(path.parent), n_steps_input=2, n_steps_output=3)
    assert len(dataset) == 3 * 2  # three trajectories, two starts each
    sample = dataset[1]
    np.testing.assert_array_equal(sample["input_fields"][..., 0].numpy(), trajectories.frames[0, 1:3, 0])
    np.testing.assert_array_equal(sample["output_fields"][..., 0].numpy(), trajectories.frames[0, 3:6, 0])
    assert "length" in dataset.metadata.constant_scalar_names
    assert "angle" in dataset.metadata.scalar_names


def test_a_bad_split_is_not_written(tmp_path: Path, trajectories: Trajectories) -> None:
    bad = trajectories.frames.copy()
    bad[0, 0, 0, 0, 0] = np.nan
    with pytest.raises(BenchError, match=r"file\.hdf5"):
        write_trajectories(tmp_path / "file.hdf5", replace(trajectories, frames=bad))
    assert not list(tmp_path.iterdir())


def _delete_time(file: h5py.File) -> None:
    del file["dimensions/time"]


def _reverse_time(file: h5py.File) -> None:
    file["dimensions/time"][...] = file["dimensions/time"][...][:, ::-1]


def _set_nan(file: h5py.File) -> None:
    file["t0_fields/intensity"][0, 0, 0, 0] = np.nan


def _change_value(file: h5py.File) -> None:
    file["t0_fields/intensity"][0, 0, 0, 0] += 1


def _shorten_group(file: h5py.File) -> None:
    del file["scalars/group"]
    file["scalars/group"] = np.zeros(2, int)
    file["scalars/group"].attrs["time_varying"] = False


def _widen_type(file: h5py.File) -> None:
    values = file["t0_fields/intensity"][...].astype(np.float64)
    attributes = dict(file["t0_fields/intensity"].attrs)
    del file["t0_fields/intensity"]
    file["t0_fields/intensity"] = values
    file["t0_fields/intensity"].attrs.update(attributes)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (_delete_time, "time"),
        (_reverse_time, "times"),
        (_set_nan, "1 frame"),
        (_change_value, "SHA-256"),
        (_shorten_group, "group has shape (2,)"),
        (_widen_type, "float64"),
    ],
)
def test_damage_is_found(path: Path, damage, named: str) -> None:
    with h5py.File(path, "r+") as file:
        damage(file)
    with pytest.raises(BenchError, match=re.escape(named)) as caught:
        read_trajectories(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="'ladid-bench data'"):
        read_trajectories(tmp_path / "none.hdf5")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(position=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255), cut=st.booleans())
def test_any_flipped_byte_or_cut_is_an_error_or_harmless(path: Path, position: float, value: int, cut: bool) -> None:
    """A damaged file is refused in one line, or it still holds exactly what was written."""
    intact = path.read_bytes()
    expected = read_trajectories(path)
    at = int(position * len(intact))
    damaged = path.with_name("damaged.hdf5")
    damaged.write_bytes(intact[:at] if cut else intact[:at] + bytes([value]) + intact[at + 1 :])
    try:
        found = read_trajectories(damaged)
    except BenchError as error:
        assert "\n" not in str(error)
    else:
        np.testing.assert_array_equal(found.frames, expected.frames)
        np.testing.assert_array_equal(found.times, expected.times)


def test_parts_of_trajectories_keep_what_belongs_to_them(trajectories: Trajectories) -> None:
    some, late = trajectories[[2, 0]], trajectories.from_frame(4)
    for name in ("frames", "times", "group"):
        np.testing.assert_array_equal(getattr(some, name), getattr(trajectories, name)[[2, 0]])
    np.testing.assert_array_equal(some.parameters["length"], trajectories.parameters["length"][[2, 0]])
    np.testing.assert_array_equal(some.states["angle"], trajectories.states["angle"][[2, 0]])
    np.testing.assert_array_equal(late.frames, trajectories.frames[:, 4:])
    assert late.times[0].tolist() == [4, 5]
    np.testing.assert_array_equal(late.states["angle"], trajectories.states["angle"][:, 4:])
    np.testing.assert_array_equal(late.parameters["length"], trajectories.parameters["length"])


def test_the_hash_is_of_every_number(trajectories: Trajectories) -> None:
    changed = {
        "frames": trajectories.frames + np.float32(1),
        "times": trajectories.times + 1,
        "group": trajectories.group + 1,
        "parameters": {"length": trajectories.parameters["length"] + 1},
        "states": {"angle": trajectories.states["angle"] + 1},
    }
    hashes = {replace(trajectories, **{name: value}).content_sha256 for name, value in changed.items()}
    renamed = replace(trajectories, parameters={"width": trajectories.parameters["length"]}).content_sha256
    turned = replace(trajectories, frames=trajectories.frames.reshape(3, 6, 1, 5, 4)).content_sha256
    assert len(hashes | {renamed, turned, trajectories.content_sha256}) == len(changed) + 3


def test_channels_boundary_and_names_survive_the_file(tmp_path: Path, trajectories: Trajectories) -> None:
    frames = np.concatenate([trajectories.frames, -trajectories.frames], axis=2)
    two = replace(trajectories, frames=frames, fields=("v", "a"), boundary="periodic")
    write_trajectories(tmp_path / "two.hdf5", two)
    found = read_trajectories(tmp_path / "two.hdf5")
    assert (found.fields, found.boundary, found.space) == (("v", "a"), "periodic", ("height", "width"))
    np.testing.assert_array_equal(found.frames, frames)
    with h5py.File(tmp_path / "two.hdf5") as file:
        np.testing.assert_array_equal(file["t0_fields/a"], -trajectories.frames[:, :, 0])
        assert file["boundary_conditions/height_periodic"].attrs["bc_type"] == "PERIODIC"
        assert file["boundary_conditions/height_periodic/mask"][()].tolist() == [True, False, False, True]


def test_scalars_must_be_finite_and_groups_whole_numbers(tmp_path: Path, trajectories: Trajectories) -> None:
    wrong = {
        "'length'": replace(trajectories, parameters={"length": np.array([1.0, np.nan, 2.0])}),
        "float64": replace(trajectories, group=np.arange(3.0)),
    }
    for named, one in wrong.items():
        with pytest.raises(BenchError, match=named):
            write_trajectories(tmp_path / "file.hdf5", one)


def test_a_time_that_is_repeated_is_refused(tmp_path: Path, trajectories: Trajectories) -> None:
    times = trajectories.times.copy()
    times[1, 3] = times[1, 2]
    with pytest.raises(BenchError, match="times"):
        write_trajectories(tmp_path / "file.hdf5", replace(trajectories, times=times))
