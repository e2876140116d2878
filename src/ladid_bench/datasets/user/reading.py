"""From files to recordings: open, choose the arrays, find their axes and times, take them apart."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import h5py
import numpy as np

from ladid_bench.core import hdf5
from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.user.agreement import NOTHING_SAID, Description, describe_array
from ladid_bench.datasets.user.arrays import INDEX, ArrayFile, FileArray
from ladid_bench.datasets.user.axes import Axis, check_contents, find_axes, trajectories_and_frames
from ladid_bench.datasets.user.formats import open_hdf5, open_mat, open_npy, open_npz, unreadable
from ladid_bench.datasets.user.gridded import open_gridded
from ladid_bench.datasets.user.layouts import SPACE
from ladid_bench.datasets.user.pictures import MOVIES, read_folder, read_video, step_of_names
from ladid_bench.datasets.user.recordings import Reading, Recording, check_real, check_size
from ladid_bench.datasets.user.selecting import DIVIDED, Member, by_split, select
from ladid_bench.datasets.user.tables import open_table
from ladid_bench.datasets.user.times import Times, find_times, not_taken, with_times
from ladid_bench.datasets.user.well import is_well, read_well

OPENERS: Mapping[str, Callable[[Path], ArrayFile]] = {
    ".npy": open_npy,
    ".npz": open_npz,
    ".mat": open_mat,
    ".h5": open_hdf5,
    ".hdf5": open_hdf5,
    ".hdf": open_hdf5,
    ".he5": open_hdf5,
    ".nc": open_gridded,
    ".nc4": open_gridded,
    ".cdf": open_gridded,
    ".netcdf": open_gridded,
    ".zarr": open_gridded,
    ".csv": open_table,
    ".tsv": open_table,
}


@dataclass(frozen=True)
class Found:
    """What was understood of one array, or of several that belong together.

    Attributes:
        name: of the array in its file.
        dtype: of its values.
        count: arrays that were read alike.
        axes: its axes; none where the file describes itself.
        times: where the times are from.
        time_unit: unit of time, where the file says it.
        fields: names of channels, where the file says them.
        quantity: what the values are, where the file says it.
        columns: of a table of text, which are features and which are left out.
    """

    name: str
    dtype: str = ""
    count: int = 1
    axes: tuple[Axis, ...] = ()
    times: str = ""
    time_unit: str = ""
    fields: tuple[str, ...] = ()
    quantity: str = ""
    columns: str = ""


@dataclass(frozen=True)
class Contents:
    """The recordings of one file by split, what was understood of it, and what its arrays say of themselves."""

    recordings: Mapping[str, list[Recording]]
    found: list[Found] = field(default_factory=list)
    described: list[Description] = field(default_factory=list)


def read_file(path: Path, reading: Reading) -> Contents:
    """Read all recordings in a file or folder.

    Raises:
        BenchError: the format is unknown, or the file is damaged, holds no such array, leaves open what its axes
            are, or does not fit in memory; one line that says so.
    """
    if not path.exists():
        raise BenchError(f"{path}: no such file or folder")
    suffix = path.suffix.lower()
    if path.is_dir() and suffix != ".zarr":
        return _of_pictures(read_folder(path, reading), str(path), "", _times_of_names(path))
    if not path.is_file() and not path.is_dir():
        raise BenchError(f"{path}: not a regular file; a pipe or a device would never end")
    if suffix in MOVIES:
        return _of_pictures(read_video(path, reading), str(path), "s", "")
    if suffix not in OPENERS:
        known = ", ".join(sorted({*OPENERS, *MOVIES}))
        raise BenchError(f"{path}: cannot read files ending in '{suffix}'; known: {known}, and folders of images")
    try:
        return _read(path, reading)
    except BenchError:
        raise
    except Exception as error:  # in a damaged file a library trips over anything, in any way
        raise BenchError(f"{path}: {unreadable(error)}") from error


def _times_of_names(folder: Path) -> str:
    """What a reader should know of numbers in the names of pictures, which are not taken for times."""
    step = step_of_names(folder)
    return f"counted in frames; the names have steps of {step}: if these are times, use --time-step" if step else ""


def _of_pictures(recordings: list[Recording], name: str, unit: str, untimed: str) -> Contents:
    timed = all(one.times is not None for one in recordings)
    times = "time stamps of the video" if timed else untimed
    found = Found(name, "pictures", len(recordings), (), times, unit if timed else "")
    return Contents({DIVIDED: recordings}, [found], [Description(name, kind="pictures")])


def _read(path: Path, reading: Reading) -> Contents:
    if path.is_file() and h5py.is_hdf5(path):
        with hdf5.open_file(path) as file:
            if is_well(file):
                well = read_well(file, reading, str(path))
                found = Found(str(path), "The Well", times="'dimensions/time'", fields=well.fields)
                return Contents({DIVIDED: _some(well.recordings, path)}, [found], [well.described])
    keys, times = by_split(reading.keys, "--key"), by_split(reading.times, "--times")
    opener = OPENERS[path.suffix.lower()]
    told = [name for names in times.values() for name in names]
    file = open_table(path, told) if opener is open_table else opener(path)
    if DIVIDED not in times and times and times.keys() != keys.keys():
        raise BenchError("--times and --key must name the same splits; or give --times once for all")
    members = {split: select(file, keys.get(split, ()), times.get(split, ())) for split in keys or (DIVIDED,)}
    axes = _axes(members, file, reading)
    read = {split: _recordings(found, file, axes, times, split, reading) for split, found in members.items()}
    return Contents(
        {split: _some(recordings, path) for split, (recordings, _, _) in read.items()},
        [found for _, found, _ in read.values()],
        [one for _, _, described in read.values() for one in described],
    )


def _some(recordings: list[Recording], path: Path) -> list[Recording]:
    if not recordings:
        raise BenchError(f"{path}: it is empty (no trajectories)")
    return recordings


@dataclass(frozen=True)
class ReferenceAxes:
    """The axes of the first array of a file, as which those of all others are understood."""

    array: FileArray
    axes: tuple[Axis, ...]


def _axes(members: Mapping[str, list[Member]], file: ArrayFile, reading: Reading) -> ReferenceAxes:
    where = f"{file.path}:{next(iter(members.values()))[0].first.name}"
    alone = all(len(found) == 1 for found in members.values())
    varying = "trajectory" if len(members) > 1 and alone else "time"
    every = [member.first for found in members.values() for member in found]
    check_size(sum(math.prod(one.shape) for one in every), where)
    return ReferenceAxes(every[0], find_axes(every, file, reading.layout, where, varying))


def _axes_of(one: FileArray, reference: ReferenceAxes, where: str) -> tuple[Axis, ...]:
    """The axes of an array, understood as those of the reference: by their names, else by their places.

    Raises:
        BenchError: it has another number of axes, or a name stands at another place beside names that are not shared.
    """
    first, axes = reference.array, reference.axes
    if len(one.shape) != len(first.shape):
        raise BenchError(
            f"{where}: {one.name} has {len(one.shape)} axes, but {first.name} {len(first.shape)}; arrays that are "
            "combined must agree"
        )
    if one.dims and first.dims and "" not in (*one.dims, *first.dims):
        by_name = dict(zip(first.dims, axes, strict=True))
        if set(one.dims) == set(first.dims):
            axes = tuple(by_name[dim] for dim in one.dims)
        elif any(by_name.get(dim, axis) is not axis for dim, axis in zip(one.dims, axes, strict=True)):
            raise BenchError(
                f"{where}: the dimensions of {one.name} are {', '.join(one.dims)}, those of {first.name} "
                f"{', '.join(first.dims)}; give them the same order, or choose others with --key"
            )
    return tuple(replace(axis, length=length) for axis, length in zip(axes, one.shape, strict=True))


def _recordings(
    members: list[Member],
    file: ArrayFile,
    axes: ReferenceAxes,
    times: Mapping[str, list[str]],
    split: str,
    reading: Reading,
) -> tuple[list[Recording], Found, list[Description]]:
    """The recordings of the arrays of one split, with their times."""
    own = [_axes_of(member.first, axes, str(file.path)) for member in members]
    names = times.get(split, times.get(DIVIDED, []))
    timed = find_times(members, file, names, own)
    recordings: list[Recording] = []
    described: list[Description] = []
    for member, known, its in zip(members, own, timed, strict=True):
        where = f"{file.path}:{member.first.name}" if len(file.arrays) > 1 else str(file.path)
        values = _joined(member, axes, where)
        if not reading.layout and not recordings:
            check_contents(values, known, where)
        found = [
            Recording(f"{where}, trajectory {index}" if len(values) > 1 else where, one, reading=reading)
            for index, one in enumerate(values)
        ]
        recordings += found if its is None else with_times(found, its, where)
        described += [
            describe_array(one, file, _axes_of(one, axes, where), place, bool(reading.keys), where)
            for place, one in enumerate(member.channels)
        ]
    understood = _understood(members, own[0], timed[0])
    if timed[0] is None:
        understood = replace(understood, times=not_taken(members[0].first, file, trajectories_and_frames(own[0])[1]))
    return recordings, understood, described


def _joined(member: Member, axes: ReferenceAxes, where: str) -> np.ndarray:
    """``(trajectory, time, channel, *space)``; several arrays are channels of pictures, or further features."""
    parts: list[np.ndarray] = []
    for array in member.channels:
        values = array.read()
        check_real(values, f"{where}:{array.name}" if len(member.channels) > 1 else where)
        parts.append(arranged(values, tuple(axis.meaning for axis in _axes_of(array, axes, where))))
        if parts[-1].shape != parts[0].shape:
            raise BenchError(
                f"{where}: {array.name} has shape {array.shape}, but {member.first.name} {member.first.shape}; "
                "channels must agree"
            )
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2 if parts[0].ndim == 5 else 3)


def arranged(values: np.ndarray, meanings: tuple[str, ...]) -> np.ndarray:
    """Arrange the axes as ``(trajectory, time, channel, *space)``, without a copy where there is no need."""
    image = set(SPACE) <= set(meanings)
    wanted = ("trajectory", "time", "channel", *(SPACE if image else ("feature",)))
    ordered = values.transpose([meanings.index(axis) for axis in wanted if axis in meanings])
    for place, axis in enumerate(wanted):
        if axis not in meanings:
            ordered = np.expand_dims(ordered, place)  # (trajectory, time, channel, *space) in the end
    if not image and ordered.shape[2] > 1:
        ordered = ordered.reshape(*ordered.shape[:2], 1, -1)  # channels of a field along a line are further features
    return ordered


def _understood(members: list[Member], axes: tuple[Axis, ...], times: Times | None) -> Found:
    channels = members[0].channels
    first = channels[0]
    fields = tuple(array.last for array in channels)
    return Found(
        name=" + ".join(array.name for array in channels),
        dtype=np.dtype(first.dtype).name if first.dtype[:1] in "<>|=" else first.dtype,
        count=len(members),
        axes=axes,
        times=times.why if times else "",
        time_unit=times.clock.unit if times else "",
        fields=fields if len(set(fields)) == len(fields) else (),
        quantity="; ".join(dict.fromkeys(filter(None, map(_quantity, channels)))),
        columns=_columns(first, times),
    )


def _columns(array: FileArray, times: Times | None) -> str:
    """The columns of a table that are features, and those left out, times that were not taken among them."""
    told = array.attributes.get("columns", "")
    timed = array.attributes.get("timed", "").split("\n")
    taken = INDEX.sub("", times.why) if times else ""
    others = [name for name in timed if name and not taken.startswith(f"'{name}'")]
    return f"{told}; left out as times: {', '.join(others)}" if told and others else told


def _quantity(array: FileArray) -> str:
    """What an array says that it holds, and in which units."""
    told = [array.attributes.get(key, "") for key in ("long_name", "standard_name")]
    label = next((one for one in told if one not in NOTHING_SAID), "")
    return ", ".join(filter(None, (label or (array.name if array.units else ""), array.units)))
