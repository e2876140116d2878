"""The trajectory file: HDF5 in The Well's layout, one file a split.

Layout (https://github.com/PolymathicAI/the_well, ``docs/data_format.md``)::

    /                      @dataset_name @grid_type @n_spatial_dims @n_trajectories
                           @simulation_parameters, and ours: @content_sha256 @provenance
    /dimensions            @spatial_dims; time (T,) or (N, T); one coordinate vector a spatial dim
    /boundary_conditions   one group a spatial dim
    /scalars               @field_names; true parameters (N,), true states (N, T), group (N,)
    /t0_fields             @field_names; one float32 array (N, T, *space) a field
    /t1_fields, /t2_fields empty, as the layout demands

Tools written for The Well open these files. ``group`` numbers the resampling group (simulation run,
day, subject) that statistics treat as independent.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ladid_bench.core import hdf5
from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import atomic_write
from ladid_bench.core.readers import one_line

GROUP = "group"


@dataclass(frozen=True)
class Trajectories:
    """One split of a data set, in memory, in physical units.

    Attributes:
        frames: float32 ``(trajectory, time, channel, *space)``; ``space`` is ``(height, width)`` for
            images and ``(feature,)`` for vector observations.
        times: float64 ``(trajectory, time)``, strictly increasing along each row.
        group: int64 ``(trajectory,)``, the independent group each trajectory belongs to.
        parameters: true constants by name, each float64 ``(trajectory,)``.
        states: true state over time by name, each float64 ``(trajectory, time)``.
        fields: names of the channels.
        space: names of the spatial dimensions.
        boundary: ``wall``, ``open`` or ``periodic``.
        provenance: JSON-serialisable origin: data set, generator version, seed, units, hashes.
    """

    frames: np.ndarray
    times: np.ndarray
    group: np.ndarray
    parameters: Mapping[str, np.ndarray] = field(default_factory=dict)
    states: Mapping[str, np.ndarray] = field(default_factory=dict)
    fields: tuple[str, ...] = ("intensity",)
    space: tuple[str, ...] = ("height", "width")
    boundary: str = "open"
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: Any) -> "Trajectories":
        """The trajectories chosen by a slice or an index array, all metadata kept."""
        return replace(
            self,
            frames=self.frames[index],
            times=self.times[index],
            group=self.group[index],
            parameters={name: values[index] for name, values in self.parameters.items()},
            states={name: values[index] for name, values in self.states.items()},
        )

    def from_frame(self, first: int) -> "Trajectories":
        """Leave out the frames before ``first`` of all trajectories."""
        return replace(
            self,
            frames=self.frames[:, first:],
            times=self.times[:, first:],
            states={name: values[:, first:] for name, values in self.states.items()},
        )

    @property
    def content_sha256(self) -> str:
        """Hash of every number in the split, independent of how HDF5 lays out the bytes."""
        arrays = {"frames": self.frames, "times": self.times, GROUP: self.group}
        arrays |= {f"parameter {k}": v for k, v in self.parameters.items()}
        arrays |= {f"state {k}": v for k, v in self.states.items()}
        return arrays_sha256(arrays)


def arrays_sha256(arrays: Mapping[str, np.ndarray]) -> str:
    """Compute the hexadecimal SHA-256 of named arrays: names, types, shapes and numbers, whatever their order."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()


def write_trajectories(path: Path, trajectories: Trajectories) -> None:
    """Validate and write one split atomically.

    Raises:
        BenchError: the trajectories are inconsistent; nothing is written.
    """
    check_trajectories(trajectories, str(path))
    with atomic_write(path) as temporary, h5py.File(temporary, "w") as file:
        _write_root(file, trajectories)
        _write_dimensions(file, trajectories)
        _write_scalars(file, trajectories)
        _write_fields(file, trajectories)


def _write_root(file: h5py.File, trajectories: Trajectories) -> None:
    file.attrs["dataset_name"] = str(trajectories.provenance.get("dataset", "unnamed"))
    file.attrs["grid_type"] = "cartesian"
    file.attrs["n_spatial_dims"] = len(trajectories.space)
    file.attrs["n_trajectories"] = len(trajectories)
    file.attrs["simulation_parameters"] = _names(())
    file.attrs["content_sha256"] = trajectories.content_sha256
    file.attrs["provenance"] = json.dumps(dict(trajectories.provenance), sort_keys=True)


def _write_dimensions(file: h5py.File, trajectories: Trajectories) -> None:
    dimensions = file.create_group("dimensions")
    dimensions.attrs["spatial_dims"] = _names(trajectories.space)
    time = dimensions.create_dataset("time", data=trajectories.times)  # (N, T)
    time.attrs["sample_varying"] = True
    conditions = file.create_group("boundary_conditions")
    for name, size in zip(trajectories.space, trajectories.frames.shape[3:], strict=True):
        coordinate = dimensions.create_dataset(name, data=np.arange(size, dtype=np.float32))
        coordinate.attrs["sample_varying"] = False
        coordinate.attrs["time_varying"] = False
        condition = conditions.create_group(f"{name}_{trajectories.boundary}")
        condition.attrs["associated_dims"] = _names((name,))
        condition.attrs["associated_fields"] = _names(())
        condition.attrs["bc_type"] = trajectories.boundary.upper()
        condition.attrs["sample_varying"] = False
        condition.attrs["time_varying"] = False
        edges = np.zeros(size, dtype=bool)
        edges[[0, -1]] = True
        condition.create_dataset("mask", data=edges)


def _write_scalars(file: h5py.File, trajectories: Trajectories) -> None:
    scalars = file.create_group("scalars")
    columns = {GROUP: trajectories.group, **trajectories.parameters, **trajectories.states}
    scalars.attrs["field_names"] = _names(columns)
    for name, values in columns.items():
        scalar = scalars.create_dataset(name, data=values)
        scalar.attrs["sample_varying"] = True
        scalar.attrs["time_varying"] = name in trajectories.states


def _write_fields(file: h5py.File, trajectories: Trajectories) -> None:
    group = file.create_group("t0_fields")
    group.attrs["field_names"] = _names(trajectories.fields)
    for channel, name in enumerate(trajectories.fields):
        values = group.create_dataset(name, data=trajectories.frames[:, :, channel])  # (N, T, *space)
        values.attrs["dim_varying"] = np.ones(len(trajectories.space), dtype=bool)
        values.attrs["sample_varying"] = True
        values.attrs["time_varying"] = True
    for order in (1, 2):
        file.create_group(f"t{order}_fields").attrs["field_names"] = _names(())


def _names(names: Any) -> np.ndarray:
    return np.array(list(names), dtype=h5py.string_dtype())


def read_trajectories(path: Path) -> Trajectories:
    """Read one split and check layout, finiteness, time order and content hash.

    Raises:
        BenchError: the file is missing, is not HDF5, lacks a part of the layout, holds values that
            are not finite, or does not match the hash written with it.
    """
    if not path.exists():
        raise BenchError(f"{path}: no such trajectory file; make it with 'ladid-bench data'")
    try:
        with hdf5.open_file(path) as file:
            trajectories = _read(file)
            expected = str(file.attrs["content_sha256"])
    except Exception as error:  # in a damaged file h5py trips over anything, in any way
        raise BenchError(
            f"{path}: not a readable trajectory file ({one_line(error)}); if the suite made it, delete it and rerun; "
            "a file from elsewhere becomes a data set with 'ladid-bench import'"
        ) from error
    check_trajectories(trajectories, str(path))
    if trajectories.content_sha256 != expected:
        raise BenchError(f"{path}: contents do not match their SHA-256; delete the file and rerun")
    return trajectories


def _read(file: h5py.File) -> Trajectories:
    observed, scalars = hdf5.member(file, "t0_fields"), hdf5.member(file, "scalars")
    dimensions = hdf5.member(file, "dimensions")
    fields, names = _text(observed.attrs["field_names"]), _text(scalars.attrs["field_names"])
    columns = dict(zip(names, hdf5.arrays(scalars, names), strict=True))
    varying = {name for name in columns if scalars[name].attrs["time_varying"]}
    group = columns.pop(GROUP)
    conditions = list(hdf5.member(file, "boundary_conditions").values())
    provenance = json.loads(str(file.attrs["provenance"]))
    if not isinstance(provenance, dict):
        raise ValueError("provenance is no mapping")
    return Trajectories(
        frames=np.stack(hdf5.arrays(observed, fields), axis=2),  # (N, T, channel, *space)
        times=hdf5.array(dimensions, "time"),
        group=group,
        parameters={name: columns[name] for name in columns if name not in varying},
        states={name: columns[name] for name in columns if name in varying},
        fields=fields,
        space=_text(dimensions.attrs["spatial_dims"]),
        boundary=str(conditions[0].attrs["bc_type"]).lower() if conditions else "open",
        provenance=provenance,
    )


def _text(values: Any) -> tuple[str, ...]:
    return tuple(value.decode() if isinstance(value, bytes) else str(value) for value in values)


def check_trajectories(trajectories: Trajectories, where: str) -> None:
    """Check that shapes, types, times and groups of trajectories fit together, and that values are finite.

    Raises:
        BenchError: the first thing wrong with them, after ``where``.
    """
    problem = _problem(trajectories)
    if problem:
        raise BenchError(f"{where}: {problem}")


def _problem(trajectories: Trajectories) -> str | None:
    """The first thing wrong with ``trajectories``, or None."""
    frames, times = trajectories.frames, trajectories.times
    count, length = times.shape if times.ndim == 2 else (0, 0)
    if frames.ndim != 3 + len(trajectories.space) or frames.shape[:3] != (count, length, len(trajectories.fields)):
        return (
            f"frames {frames.shape} do not fit times {times.shape}, fields {trajectories.fields} "
            f"and dimensions {trajectories.space}"
        )
    if len(trajectories.space) not in (1, 2):
        return f"space has the dimensions {trajectories.space}; images have 2, vectors 1"
    if 0 in frames.shape:
        return f"there is nothing in it: frames have shape {frames.shape}"
    if frames.dtype != np.float32 or times.dtype != np.float64:
        return f"frames must be float32 and times float64, not {frames.dtype} and {times.dtype}"
    if not np.isfinite(frames).all():
        return f"{np.count_nonzero(~np.isfinite(frames))} frame values are not finite"
    if not np.isfinite(times).all() or (np.diff(times, axis=1) <= 0).any():
        return "times must be finite and strictly increasing along each trajectory"
    if trajectories.group.shape != (count,):
        return f"group has shape {trajectories.group.shape}, expected ({count},)"
    if trajectories.group.dtype.kind not in "iu":
        return f"group must be whole numbers, not {trajectories.group.dtype}"
    return _scalar_problem(trajectories, count, length)


def _scalar_problem(trajectories: Trajectories, count: int, length: int) -> str | None:
    expected = dict.fromkeys(trajectories.parameters, (count,)) | dict.fromkeys(trajectories.states, (count, length))
    for name, values in {**trajectories.parameters, **trajectories.states}.items():
        if values.shape != expected[name]:
            return f"scalar '{name}' has shape {values.shape}, expected {expected[name]}"
        if not np.isfinite(values).all():
            return f"scalar '{name}' has values that are not finite"
    return None
