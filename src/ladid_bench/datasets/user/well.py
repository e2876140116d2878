"""Files in The Well's layout, the suite's own among them, as recordings."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import h5py
import numpy as np

from ladid_bench.core import hdf5
from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.user.agreement import Coordinate, Description
from ladid_bench.datasets.user.recordings import Reading, Recording, check_size

COMPONENTS = {"t0_fields": 0, "t1_fields": 1, "t2_fields": 2}  # axes of vector or tensor components, after space
MEANINGS = {1: ("feature",), 2: ("height", "width")}  # of the spatial dimensions, in their order


@dataclass(frozen=True)
class WellContents:
    """The recordings of a file, the names of their channels, and what else the file says of itself."""

    recordings: list[Recording]
    fields: tuple[str, ...]
    described: Description


def is_well(file: h5py.File) -> bool:
    """Say whether a file is laid out as The Well's are."""
    return "t0_fields" in file and "dimensions" in file and "n_spatial_dims" in file.attrs


def read_well(file: h5py.File, reading: Reading, where: str) -> WellContents:
    """Read one recording a trajectory; every field that varies in time is a channel, every component of one too.

    Raises:
        BenchError: options of arrays are given, or the file has three spatial dimensions, no field that varies, or
            more than memory holds.
    """
    if reading.keys or reading.times or reading.layout:
        raise BenchError(f"{where}: a file in The Well's layout describes itself; omit --key, --times and --layout")
    dimensions = int(file.attrs["n_spatial_dims"])
    if dimensions not in (1, 2):
        raise BenchError(f"{where}: has {dimensions} spatial dimensions; images have 2, vectors 1")
    fields = list(_fields(file, dimensions))
    if not fields:
        raise BenchError(f"{where}: has no field that varies with trajectory, time and space")
    check_size(sum(math.prod(field.shape) for field in fields), where)
    hdf5.check(fields)
    times = hdf5.array(file, "dimensions/time").astype(np.float64)
    scalars = file.get("scalars")
    groups = hdf5.array(file, "scalars/group") if scalars is not None and "group" in scalars else None
    recordings = []
    for index in range(fields[0].shape[0]):
        name = f"{where}, trajectory {index}"
        frames = np.concatenate([_channels(field[index], dimensions) for field in fields], axis=1)
        if dimensions == 1:
            frames = frames.reshape(len(frames), 1, -1)  # (time, channel, place) -> (time, 1, feature)
        recordings.append(
            Recording(
                name,
                frames,
                times[index] if times.ndim == 2 else times,
                group=None if groups is None else int(groups[index]),
                reading=reading,
            )
        )
    names = tuple(name for field in fields for name in _component_names(field, file, dimensions))
    described = Description(where, columns=f"fields {', '.join(names)}", grid=_grid(file, dimensions))
    return WellContents(recordings, names, described)


def _component_names(field: h5py.Dataset, file: h5py.File, dimensions: int) -> Iterator[str]:
    """The name of a field, with the directions of each component: ``pressure``, ``velocity_x``, ``stress_xy``."""
    name = str(field.name).rsplit("/", 1)[-1]
    directions = [_directions(file, length) for length in field.shape[2 + dimensions :]]
    for components in product(*directions):
        yield "_".join(filter(None, (name, "".join(components))))


def _spatial(file: h5py.File) -> list[str]:
    """Names of the spatial dimensions in their order, where the file says them."""
    told = file["dimensions"].attrs.get("spatial_dims", ())
    return [one.decode() if isinstance(one, bytes) else str(one) for one in told]


def _directions(file: h5py.File, components: int) -> list[str]:
    names = _spatial(file)
    return names if len(names) == components else [str(index) for index in range(components)]


def _grid(file: h5py.File, dimensions: int) -> dict[str, Coordinate]:
    grid = {}
    for meaning, name in zip(MEANINGS[dimensions], _spatial(file), strict=False):
        if f"dimensions/{name}" in file and len(file[f"dimensions/{name}"].shape) == 1:
            values = hdf5.array(file, f"dimensions/{name}").astype(np.float64)
            grid[meaning] = Coordinate(name, values, "", listed=False, east=False)
    return grid


def _fields(file: h5py.File, dimensions: int) -> list[h5py.Dataset]:
    """Fields ``(trajectory, time, *space, *components)`` that lack none of these axes."""
    found = []
    for group, components in COMPONENTS.items():
        for field in hdf5.member(file, group).values() if group in file else ():
            if isinstance(field, h5py.Dataset) and len(field.shape) == 2 + dimensions + components:
                found.append(field)
    return [field for field in found if field.shape[: 2 + dimensions] == found[0].shape[: 2 + dimensions]]


def _channels(values: np.ndarray, dimensions: int) -> np.ndarray:
    """``(time, *space, *components)`` to ``(time, channel, *space)``."""
    flat = values.reshape(*values.shape[: 1 + dimensions], -1)  # (time, *space, component)
    return np.moveaxis(flat, -1, 1)
