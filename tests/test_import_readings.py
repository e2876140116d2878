"""What a file says of its axes, its times and its recordings is used; where it says two things, it is refused."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray
from field_files import hdf5, looked_at, matlab73, meanings, noise, npz, refusal, travelling, values
from PIL import Image

from ladid_bench.datasets.user.dividing import Cutting
from ladid_bench.datasets.user.importing import understand
from ladid_bench.datasets.user.pictures import step_of_names
from ladid_bench.datasets.user.request import Request
from ladid_bench.datasets.user.writing import write_import
from ladid_bench.study.datasets import SOURCES

TIMES = np.arange(300) / 4


def walk(*shape: int) -> np.ndarray:
    """A drift along the first axis."""
    return np.cumsum(noise(*shape), axis=0)


# Dimensions


def forecasts(path: Path, starts: int, leads: int) -> Path:
    """Forecasts that begin every 24 h and look ahead in steps of 6 h, ``(time, step, lat, lon)``."""
    data = xarray.Dataset(
        {"t2m": (("time", "step", "lat", "lon"), noise(starts, leads, 16, 20))},
        {
            "time": ("time", 24.0 * np.arange(starts), {"units": "hours since 2026-01-01"}),
            "step": ("step", 6.0 * np.arange(leads), {"units": "hours"}),
        },
    )
    data.to_netcdf(path, engine="h5netcdf")
    return path


def test_two_dimensions_of_time_are_refused_and_a_layout_takes_the_times_of_its_own(tmp_path: Path) -> None:
    path = forecasts(tmp_path / "a.nc", 20, 20)
    assert all(word in refusal(tmp_path, path) for word in ("'time'", "'step'", "--layout"))
    found = looked_at(tmp_path, path, layout="trajectory time height width")
    np.testing.assert_array_equal(found.recordings[3].times, 6.0 * np.arange(20))
    found = looked_at(tmp_path, path, layout="time trajectory height width")
    np.testing.assert_array_equal(found.recordings[3].times, 24.0 * np.arange(20))


def test_a_single_beginning_is_no_dimension_of_time_beside_the_steps(tmp_path: Path) -> None:
    found = looked_at(tmp_path, forecasts(tmp_path / "a.nc", 1, 300))
    assert meanings(found) == "trajectory time height width" and "'step'" in found.found[0].axes[1].why
    np.testing.assert_array_equal(found.recordings[0].times, 6.0 * np.arange(300))
    assert "one time" in refusal(tmp_path, forecasts(tmp_path / "b.nc", 1, 1))


def test_units_and_directions_of_coordinates_come_before_names(tmp_path: Path) -> None:
    """``height`` counts levels upwards here; the side of the picture is the latitude, by its unit."""
    path = tmp_path / "a.nc"
    places = {"lat": ("lat", np.arange(16.0), {"units": "degrees_north"}), "height": ("height", np.arange(5.0))}
    places["height"] = (*places["height"], {"positive": "up"})
    data = xarray.Dataset({"w": (("time", "height", "lat", "lon"), walk(50, 5, 16, 20))}, places)
    data.to_netcdf(path, engine="h5netcdf")
    assert meanings(looked_at(tmp_path, path)) == "time channel height width"
    del places["height"]
    data = xarray.Dataset({"w": (("time", "height", "lat", "lon"), walk(50, 4, 16, 20))}, places)
    data.to_netcdf(tmp_path / "b.nc", engine="h5netcdf")
    assert meanings(looked_at(tmp_path, tmp_path / "b.nc")) == "time channel height width"


def test_years_along_a_dimension_are_times(tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    data = xarray.Dataset({"w": (("year", "station"), walk(200, 6))}, {"year": 1800 + np.arange(200)})
    data.to_netcdf(path, engine="h5netcdf")
    np.testing.assert_array_equal(looked_at(tmp_path, path).recordings[0].times, 1800 + np.arange(200))


def test_labels_of_hdf5_name_the_dimensions(tmp_path: Path) -> None:
    film = travelling(100, 20, 24)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        stored = file.create_dataset("u", data=film.transpose(2, 1, 0))
        for axis, label in enumerate("xyt"):
            stored.dims[axis].label = label
    found = looked_at(tmp_path, tmp_path / "a.h5")
    assert meanings(found) == "width height time"
    np.testing.assert_array_equal(values(found.recordings[0])[:, 0], film)


def test_several_scales_of_a_dimension_as_dedalus_attaches_them(tmp_path: Path) -> None:
    """The first scale is the time of the simulation; ``x`` and ``z`` are the sides of a vertical section."""
    film, simulated = travelling(100, 20, 24), 0.1 * np.arange(100)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        stored = file.create_dataset("tasks/b", data=film.transpose(0, 2, 1))
        for name, scale in (("sim_time", simulated), ("wall_time", 7 * simulated), ("iteration", np.arange(100))):
            file.create_dataset(f"scales/{name}", data=scale).make_scale(name)
            stored.dims[0].attach_scale(file[f"scales/{name}"])
        for axis, label in enumerate("txz"):
            stored.dims[axis].label = label
    found = looked_at(tmp_path, tmp_path / "a.h5", keys=("tasks/b",))
    assert meanings(found) == "time width height"
    np.testing.assert_array_equal(found.recordings[0].times, simulated)
    np.testing.assert_array_equal(values(found.recordings[0])[:, 0], film)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["tasks/b"].attrs["scale_factor"] = 0.5  # what stands there is half of what is meant
    assert "a.h5" in refusal(tmp_path, tmp_path / "a.h5", keys=("tasks/b",))


@pytest.mark.parametrize("entries", [50, 51], ids=["times", "edges of steps"])
def test_an_axis_that_no_coordinate_of_time_fits_is_not_time(entries: int, tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", u=noise(200, 50, 50), t=np.linspace(0, 1, entries), x=np.linspace(0, 1, 50))
    assert "'time height width'" not in refusal(tmp_path, path)


def test_arrays_of_zarr_need_no_names_of_dimensions(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    film = travelling(100, 20, 24)
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    group.create_array("u", data=film)
    group.create_array("t", data=TIMES[:100])
    found = looked_at(tmp_path, tmp_path / "a.zarr")
    np.testing.assert_array_equal(values(found.recordings[0])[:, 0], film)
    np.testing.assert_array_equal(found.recordings[0].times, TIMES[:100])
    zarr.save(str(tmp_path / "b.zarr"), film)
    found = looked_at(tmp_path, tmp_path / "b.zarr", layout="time height width")
    np.testing.assert_array_equal(values(found.recordings[0])[:, 0], film)


def test_bounds_of_valid_values_that_are_text(tmp_path: Path) -> None:
    film = travelling(50, 16, 20)
    film[:, 3, 4] = 99.0
    for name, bounds in (("a", {"valid_max": "9"}), ("b", {"valid_range": "-9, 9"}), ("c", {"valid_range": "low"})):
        data = xarray.Dataset({"w": (("time", "lat", "lon"), film, bounds)})
        data.to_netcdf(tmp_path / f"{name}.nc", engine="h5netcdf")
    for name in "ab":
        missing = looked_at(tmp_path, tmp_path / f"{name}.nc").storage.missing
        assert missing is not None and np.argwhere(missing[0]).tolist() == [[3, 4]]
    assert "valid_range" in refusal(tmp_path, tmp_path / "c.nc")


# Recordings or frames


def test_arrays_that_may_each_be_a_picture_are_refused(tmp_path: Path) -> None:
    film = travelling(60, 20, 16)
    many = npz(tmp_path / "many.npz", **{f"frame_{number:02d}": frame for number, frame in enumerate(film)})
    for number, frame in enumerate(film):
        np.save(tmp_path / f"frame_{number:02d}.npy", frame)
    for files in ([many], sorted(tmp_path.glob("*.npy"))):
        keys = () if len(files) > 1 else ("frame_*",)
        assert "numpy.stack" in refusal(tmp_path, *files, keys=keys)
        assert len(looked_at(tmp_path, *files, keys=keys, layout="time feature").recordings) == 60
    narrow = npz(tmp_path / "narrow.npz", **{f"run_{number}": noise(60, 15, seed=number) for number in range(5)})
    assert len(looked_at(tmp_path, narrow, keys=("run_*",)).recordings) == 5


# Tables


def table(path: Path, header: str, *columns: Sequence, mark: str = ",") -> Path:
    rows = [mark.join(str(value) for value in row) for row in zip(*columns, strict=True)]
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


FEATURES = walk(240, 2)
X, Y = FEATURES.T.tolist()
SIX, FORTY = [number // 40 for number in range(240)], [number % 40 for number in range(240)]


@pytest.mark.parametrize(
    ("header", "columns", "rows_of_second"),
    [
        ("trial,x,y", [SIX, X, Y], slice(40, 80)),
        ("trial,time_s,x,y", [SIX, TIMES[:240], X, Y], slice(40, 80)),
        ("subject,frame,x,y", [[f"S{number}" for number in SIX], FORTY, X, Y], slice(40, 80)),
        ("subject,frame,x,y", [[f"S{row % 6}" for row in range(240)], np.arange(240) // 6, X, Y], slice(1, 240, 6)),
    ],
    ids=["a number", "a clock that goes on", "text", "interleaved"],
)
def test_a_column_of_subjects_or_trials_tells_recordings_apart(
    header: str, columns: list, rows_of_second: slice, tmp_path: Path
) -> None:
    found = looked_at(tmp_path, table(tmp_path / "a.csv", header, *columns))
    assert len(found.recordings) == 6 and "one recording for each value of" in found.found[0].columns
    np.testing.assert_array_equal(values(found.recordings[1])[:, 0], FEATURES[rows_of_second])
    times = found.recordings[1].times
    if "frame" in header:
        np.testing.assert_array_equal(times, np.arange(40))
    elif "time" in header:
        np.testing.assert_array_equal(times, TIMES[40:80])


def test_a_column_that_tells_no_recordings_apart_is_a_feature(tmp_path: Path) -> None:
    """Numbers of people that come back, and samples that are all different."""
    number = [row % 7 for row in range(240)]
    found = looked_at(tmp_path, table(tmp_path / "a.csv", "time,number,x", TIMES[:240], number, X))
    np.testing.assert_array_equal(values(found.recordings[0])[:, 0], np.column_stack([number, X]))
    found = looked_at(tmp_path, table(tmp_path / "b.csv", "sample,x,y", np.arange(240) * 3, X, Y))
    assert len(found.recordings) == 1


def test_times_that_begin_anew_are_said_with_the_place(tmp_path: Path) -> None:
    said = refusal(tmp_path, table(tmp_path / "a.csv", "time,x,y", FORTY, X, Y))
    assert all(word in said for word in ("frame 40", "at 0 after 39", "5 such places"))


@pytest.mark.parametrize("header", ["t/s", "t[s]", "Time[s]", "Elapsed Time (s)", "Time / s", "Zeit [s]", "time_s"])
def test_times_are_known_by_the_names_that_programs_give_them(header: str, tmp_path: Path) -> None:
    found = looked_at(tmp_path, table(tmp_path / "a.csv", f"{header};x;y", TIMES[:240], X, Y, mark=";"))
    np.testing.assert_array_equal(found.recordings[0].times, TIMES[:240])
    assert found.found[0].time_unit == "s"


@pytest.mark.parametrize("header", ["steps/min", "frames/s", "waist, cm", "T/degC"])
def test_rates_and_temperatures_are_features(header: str, tmp_path: Path) -> None:
    found = looked_at(tmp_path, table(tmp_path / "a.csv", f"time;{header};y", TIMES[:240], X, Y, mark=";"))
    np.testing.assert_array_equal(values(found.recordings[0])[:, 0], FEATURES)


def test_a_column_may_be_called_as_an_exponent_is_written(tmp_path: Path) -> None:
    found = looked_at(tmp_path, table(tmp_path / "a.csv", "E", X))
    np.testing.assert_array_equal(values(found.recordings[0]).ravel(), X)
    for numbers in ("0.5,-1e-3", "0.5,.5"):
        assert "names" in refusal(tmp_path, table(tmp_path / "b.csv", numbers, X, Y))


def test_columns_of_year_month_and_day_are_dates(tmp_path: Path) -> None:
    """2024 has a 29th of February: from the 28th to the 1st of March are two days."""
    days = [datetime(2024, 2, 1) + timedelta(days=row) for row in range(240)]
    parts = [[getattr(day, part) for day in days] for part in ("year", "month", "day")]
    found = looked_at(tmp_path, table(tmp_path / "a.csv", "year,month,day,x,y", *parts, X, Y))
    np.testing.assert_array_equal(found.recordings[0].times, 86_400.0 * np.arange(240))
    np.testing.assert_array_equal(values(found.recordings[0])[:, 0], FEATURES)
    minutes = [row % 60 for row in range(240)]
    hours = [row // 60 for row in range(240)]
    same = [[number] * 240 for number in (2024, 2, 28)]
    header = "year,month,day,hour,minute,x,y"
    found = looked_at(tmp_path, table(tmp_path / "b.csv", header, *same, hours, minutes, X, Y))
    np.testing.assert_array_equal(found.recordings[0].times, 60.0 * np.arange(240))
    parts[1][7] = 13
    assert "no dates" in refusal(tmp_path, table(tmp_path / "c.csv", "year,month,day,x,y", *parts, X, Y))


def test_milliseconds_behind_a_comma(tmp_path: Path) -> None:
    stamps = [f"2026-05-01 12:00:{row // 10:02d},{row % 10}00" for row in range(240)]
    found = looked_at(tmp_path, table(tmp_path / "a.csv", "asctime;x;y", stamps, X, Y, mark=";"))
    np.testing.assert_allclose(found.recordings[0].times, 0.1 * np.arange(240), atol=1e-9)


def test_times_of_day_as_numbers_are_refused(tmp_path: Path) -> None:
    """Every ten minutes: 50 is followed by 100. Every tenth number to 2390 is no time of day."""
    clock = [10 * row // 60 * 100 + 10 * row % 60 for row in range(120)]
    said = refusal(tmp_path, table(tmp_path / "a.csv", "time,x,y", clock, X[:120], Y[:120]))
    assert "HHMM" in said
    for number, step in ((240, 10), (50, 1)):
        times = step * np.arange(number)
        found = looked_at(tmp_path, table(tmp_path / "b.csv", "time,x,y", times, X[:number], Y[:number]))
        np.testing.assert_array_equal(found.recordings[0].times, times)


def test_nanoseconds_of_a_table_keep_their_last_digits(tmp_path: Path) -> None:
    stamps = 1_714_564_800_000_103_402 + 1001 * np.arange(240)
    found = looked_at(tmp_path, table(tmp_path / "a.csv", "timestamp_ns,x,y", stamps, X, Y))
    np.testing.assert_array_equal(found.recordings[0].times, 1001.0 * np.arange(240))
    assert "2" in refusal(tmp_path, table(tmp_path / "b.csv", "stamp,x,y", stamps, X, Y))


def test_points_between_thousands_are_not_taken_for_decimals(tmp_path: Path) -> None:
    pressure = ["1.006" if row % 2 else "895" for row in range(240)]
    warm = [f"{20 + row / 10:.1f}".replace(".", ",") for row in range(240)]
    path = table(tmp_path / "a.csv", "t;p;T_C", range(240), pressure, warm, mark=";")
    assert all(word in refusal(tmp_path, path) for word in ("'p'", "'1.006'", "thousands"))
    halves = [f"{row}.5" for row in range(240)]
    path = table(tmp_path / "b.csv", "t;p;T_C", range(240), halves, warm, mark=";")
    np.testing.assert_array_equal(values(looked_at(tmp_path, path).recordings[0])[:, 0, 0], np.arange(240) + 0.5)


def test_decimal_commas_that_are_no_thousands(tmp_path: Path) -> None:
    """No group of thousands begins with a zero."""
    short = [f"0,{number:03d}" for number in range(1, 241)]
    found = looked_at(tmp_path, table(tmp_path / "a.csv", "x;y", short, Y, mark=";"))
    np.testing.assert_array_equal(values(found.recordings[0])[:, 0, 0], np.arange(1, 241) / 1000)


def test_what_programs_write_above_the_rows(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "numpy.csv", np.column_stack([TIMES[:240], FEATURES]), header="t x y")
    (tmp_path / "excel.csv").write_text(
        "sep=;\n" + table(tmp_path / "a", "t;x;y", TIMES[:240], X, Y, mark=";").read_text()
    )
    for name in ("numpy", "excel"):
        found = looked_at(tmp_path, tmp_path / f"{name}.csv")
        np.testing.assert_array_equal(found.recordings[0].times, TIMES[:240])
        np.testing.assert_allclose(values(found.recordings[0])[:, 0], FEATURES, rtol=1e-12)
    (tmp_path / "logger.csv").write_text(
        "Device: XY-3\n" + table(tmp_path / "b", "t,x,y", TIMES[:240], X, Y).read_text()
    )
    assert "above the names" in refusal(tmp_path, tmp_path / "logger.csv")
    assert "no rows" in refusal(tmp_path, table(tmp_path / "empty.csv", "time,x,y"))
    (tmp_path / "ansi.csv").write_bytes("t,Temp (°C)\n0,1\n1,2\n".encode("cp1252"))
    assert "UTF-8" in refusal(tmp_path, tmp_path / "ansi.csv")
    found = looked_at(tmp_path, table(tmp_path / "one.csv", "Heart rate", X))
    np.testing.assert_array_equal(values(found.recordings[0])[:, 0, 0], X)


# Beside the values


def test_the_step_that_a_single_number_tells_is_said_and_not_taken(tmp_path: Path) -> None:
    for name, number, step in (("dt", 0.02, "0.02"), ("fs", 250.0, "0.004")):
        path = npz(tmp_path / f"{name}.npz", u=walk(300, 3), **{name: np.array(number)})
        found = looked_at(tmp_path, path, keys=("u",))
        assert f"--time-step {step}" in found.found[0].times and found.recordings[0].times is None
    found = looked_at(tmp_path, npz(tmp_path / "a.npz", u=walk(300, 3), mass=np.array(2.0)), keys=("u",))
    assert "--time-step" not in found.found[0].times


@pytest.mark.parametrize(
    ("place", "name", "number", "step"),
    [
        ("/", "dt", 0.02, "0.02"),
        ("run", "fps", 25.0, "0.04"),  # of the group that the values stand in
        ("run/u", "sampling_rate", 50.0, "0.02"),  # of the values
        ("run/starting_time", "rate", 30.0, "0.03333333333"),  # beside them, as in NWB
        ("other/v", "dt", 0.02, ""),
        ("run/u", "gain", 2.0, ""),
    ],
)
def test_the_step_that_an_attribute_tells_is_said(
    tmp_path: Path, place: str, name: str, number: float, step: str
) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["run/u"], file["run/starting_time"], file["other/v"] = walk(300, 3), 0.0, 1.0
        file[place].attrs[name] = number
    found = looked_at(tmp_path, tmp_path / "a.h5", keys=("run/u",))
    assert found.recordings[0].times is None
    told = re.findall(r"--time-step (\S+)", found.found[0].times)
    assert told == [step] * bool(step)


def test_characters_of_matlab_are_text(tmp_path: Path) -> None:
    """Version 7.3 keeps them as numbers: 'ab' is 97, 98."""

    def fill(file: h5py.File) -> None:
        file["x"] = walk(300, 3).T
        file["time"] = np.array([[ord(letter) for letter in "ab" * 150]], dtype=np.uint16).T
        file["time"].attrs["MATLAB_class"] = np.bytes_("char")

    assert looked_at(tmp_path, matlab73(tmp_path / "a.mat", fill)).recordings[0].times is None


def test_times_in_half_precision_are_read_without_a_warning(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    found = looked_at(tmp_path, hdf5(tmp_path / "a.h5", x=walk(300, 3), t=np.arange(300, dtype=np.float16)))
    np.testing.assert_array_equal(found.recordings[0].times, np.arange(300))
    assert not recwarn.list


# Pictures


def film(folder: Path, names: Sequence[str]) -> Path:
    folder.mkdir(parents=True)
    for name, frame in zip(names, travelling(len(names), 16, 20), strict=True):
        Image.fromarray((128 + 60 * frame).astype(np.uint8)).save(folder / name)
    return folder


@pytest.mark.parametrize(
    "names",
    [
        [f"cam{camera}_{number:04d}.png" for camera in (1, 2) for number in range(30)],
        [f"img_t{number:03d}_z{slice_:02d}.png" for number in range(20) for slice_ in range(3)],
        [f"t{number:03d}_ch{channel:02d}.png" for number in range(30) for channel in range(2)],
    ],
    ids=["cameras", "slices", "channels"],
)
def test_pictures_that_no_number_counts_are_refused(names: list[str], tmp_path: Path) -> None:
    assert "its own folder" in refusal(tmp_path, film(tmp_path / "film", names))


def moments(form: str, step: int, pause: int = 0) -> list[str]:
    """Names of sixty pictures by their moments: across an hour, and with a date across the end of a February."""
    first = datetime(2024, 2, 28, 23, 50) if "d" in form else datetime(2024, 2, 28, 11, 50)
    seconds = [step * number + (pause if number > 30 else 0) for number in range(60)]
    return [f"{first + timedelta(seconds=one):{form}}.png" for one in seconds]


@pytest.mark.parametrize(
    "form", ["sat_%Y%m%d-%H%M%S", "%Y%m%d_%H%M%S", "%Y%m%d%H%M%S", "%Y-%m-%d_%H-%M-%S", "%H-%M-%S"]
)
def test_gaps_between_moments_in_names_are_found_however_they_are_written(form: str, tmp_path: Path) -> None:
    even = film(tmp_path / "even", moments(form, 30))
    assert len(looked_at(tmp_path, even, cutting=Cutting(window=4)).recordings[0]) == 60
    assert step_of_names(even) == "30 s"
    assert "evenly spaced" in refusal(tmp_path, film(tmp_path / "gap", moments(form, 30, pause=7200)))


def test_days_in_names_are_even_across_the_end_of_a_month(tmp_path: Path) -> None:
    assert step_of_names(film(tmp_path / "even", moments("%Y%m%d", 86_400))) == "86400 s"
    assert len(looked_at(tmp_path, tmp_path / "even", cutting=Cutting(window=4)).recordings[0]) == 60
    assert "evenly spaced" in refusal(tmp_path, film(tmp_path / "gap", moments("%Y%m%d", 86_400, pause=864_000)))


def test_stamps_of_a_clock_in_names_have_no_gaps(tmp_path: Path) -> None:
    stamps = [f"{1_714_564_800_000 + 100 * number + 5000 * (number > 30)}.png" for number in range(60)]
    assert "evenly spaced" in refusal(tmp_path, film(tmp_path / "film", stamps))


def test_a_date_that_stays_the_same_counts_nothing(tmp_path: Path) -> None:
    names = [f"2026-11-28_{number:04d}.png" for number in range(60)]
    assert len(looked_at(tmp_path, film(tmp_path / "film", names), cutting=Cutting(window=4)).recordings[0]) == 60
    assert "evenly spaced" in refusal(tmp_path, film(tmp_path / "gap", [*names[:30], *names[40:]]))


def test_pictures_of_other_bits_are_refused_and_turned_ones_are_turned(tmp_path: Path) -> None:
    frames = (128 + 60 * travelling(60, 16, 20)).astype(np.uint8)
    for name in ("bits", "turned"):
        (tmp_path / name).mkdir()
    for number, frame in enumerate(frames):
        wide = frame.astype(np.uint16) * 16 if number % 2 else frame
        Image.fromarray(wide).save(tmp_path / "bits" / f"{number}.png")
        tag = Image.Exif()
        tag[0x0112] = 3 if number % 2 else 1  # upside down
        seen = frame[::-1, ::-1] if number % 2 else frame
        Image.fromarray(seen).save(tmp_path / "turned" / f"{number}.jpg", exif=tag, quality=95)
    assert "bits" in refusal(tmp_path, tmp_path / "bits")
    found = looked_at(tmp_path, tmp_path / "turned", cutting=Cutting(window=4))
    np.testing.assert_allclose(values(found.recordings[0])[:, 0], frames / 255, atol=0.03)


def test_notes_of_the_card_keep_their_words_whatever_the_folder_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mean stands where a pixel has no value; a link called ``d`` to a folder is a part of no word of that note."""
    (tmp_path / "run-1").mkdir()
    (tmp_path / "d").symlink_to("run-1")
    for number, frame in enumerate(travelling(60, 16, 20).astype(np.float32)):
        frame[0, 0] = np.nan
        Image.fromarray(frame).save(tmp_path / "d" / f"{number}.tif")
    monkeypatch.chdir(tmp_path)
    request = Request("mine", (Path("d"),), cutting=Cutting(window=4))
    card = write_import(request, understand(request, tmp_path, SOURCES), tmp_path)
    assert any("filled" in note for note in card.notes)


def test_folders_that_are_named_as_splits_are_not_shuffled(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        film(tmp_path / "films" / split, [f"{number}.png" for number in range(60)])
    assert all(word in refusal(tmp_path, tmp_path / "films") for word in ("--valid", "--test"))


@pytest.mark.parametrize("names", [("images", "masks"), ("RGB", "depth"), ("cam0", "cam1")])
def test_folders_that_are_named_as_views_are_no_recordings_of_their_own(tmp_path: Path, names: Sequence[str]) -> None:
    for name in names:
        film(tmp_path / "films" / name, [f"{number}.png" for number in range(60)])
    assert all(name in refusal(tmp_path, tmp_path / "films") for name in names)
    for place, name in enumerate(names):
        (tmp_path / "films" / name).rename(tmp_path / "films" / f"day-{place}")
    assert "views" not in refusal(tmp_path, tmp_path / "films")  # it is the same film twice


def test_a_video_that_ends_before_it_says_is_refused(tmp_path: Path) -> None:
    """Ninety pictures at thirty a second; a third of the bytes holds a third of the three seconds or less."""
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "whole.mkv"), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(30))
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for frame in travelling(90, 32, 32):
            colours = np.repeat((128 + 60 * frame).astype(np.uint8)[..., None], 3, axis=2)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(colours, format="rgb24")))
        container.mux(stream.encode())
    content = (tmp_path / "whole.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(content[: len(content) // 3])
    assert len(looked_at(tmp_path, tmp_path / "whole.mkv", cutting=Cutting(window=4)).recordings[0]) == 90
    assert "complete" in refusal(tmp_path, tmp_path / "cut.mkv")
