"""Arrays from files: NumPy, MATLAB, HDF5, and HDF5 in The Well's layout. Nothing in a file is ever run."""

import math
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from ladid_bench.core import hdf5
from ladid_bench.core.errors import BenchError, nearest
from ladid_bench.datasets.user.layout import detect_layout, parse_layout, recordings_of
from ladid_bench.datasets.user.pictures import MOVIES, read_folder, read_video
from ladid_bench.datasets.user.recordings import Reading, Recording, check_size
from ladid_bench.datasets.user.well import is_well, read_well

HEADERS: Mapping[tuple[int, int], Callable[[BinaryIO], tuple[tuple[int, ...], bool, np.dtype]]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}

# what NumPy, HDF5 and MATLAB call real numbers
NUMERIC = re.compile(r"[<>|=]?(bool|b1|(float|u?int|[fiu])\d+|double|single|logical)")


@dataclass(frozen=True)
class Entry:
    """One array of a file: its shape and type are known, its values are read when asked for."""

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], np.ndarray]

    @property
    def numeric(self) -> bool:
        """Whether it holds real numbers."""
        return NUMERIC.fullmatch(self.dtype) is not None


def read_recordings(path: Path, reading: Reading) -> list[Recording]:
    """All recordings in a file or folder.

    Raises:
        BenchError: the format is unknown, or the file is damaged, holds no such array, or does not fit in
            memory; one line that says so.
    """
    if not path.exists():
        raise BenchError(f"{path}: no such file or folder")
    if path.is_dir():
        return read_folder(path, reading)
    if not path.is_file():
        raise BenchError(f"{path}: no regular file; a pipe or a device would never end")
    suffix = path.suffix.lower()
    if suffix in MOVIES:
        return read_video(path, reading)
    if suffix not in READERS:
        known = ", ".join(sorted({*READERS, *MOVIES}))
        raise BenchError(f"{path}: cannot read files ending in '{suffix}'; known: {known}, and folders of images")
    try:
        found = READERS[suffix](path, reading)
    except BenchError:
        raise
    except Exception as error:  # in a damaged file a library trips over anything, in any way
        raise BenchError(f"{path}: {_reason(error)}") from error
    if not found:
        raise BenchError(f"{path}: there is nothing in it (no trajectories)")
    return found


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return f"not a readable file of its kind ({text[:200]}); is it complete?"


def _chosen(entries: Mapping[str, Entry], reading: Reading, path: Path) -> list[Recording]:
    """The recordings of the array that ``--key`` names, or of the only one there is."""
    numeric = {name: entry for name, entry in entries.items() if entry.numeric and len(entry.shape) >= 2}
    candidates = [name for name in numeric if name != reading.times]
    if reading.key is None and len(candidates) != 1:
        listed = ", ".join(f"{name} {entry.dtype} {entry.shape}" for name, entry in entries.items()) or "nothing"
        what = "several arrays that could be the data" if candidates else "no array of numbers with two axes or more"
        raise BenchError(f"{path}: holds {what}; name one with --key (there is: {listed[:300]})")
    key = reading.key if reading.key is not None else candidates[0]
    values, where = _read(entries, key, path, "--key"), f"{path}:{key}" if len(entries) > 1 else str(path)
    axes = parse_layout(reading.layout, values.ndim, where) if reading.layout else detect_layout(values.shape, where)
    found = recordings_of(values, axes, reading, where)
    if reading.times is None:
        return found
    return with_times(found, _read(entries, reading.times, path, "--times"), f"{path}:{reading.times}")


def with_times(recordings: list[Recording], times: np.ndarray, where: str) -> list[Recording]:
    """The recordings with their times, which are ``(time,)`` for all of them or ``(trajectory, time)``."""
    if times.dtype.kind not in "fiu":
        raise BenchError(f"{where}: times must be numbers, not {times.dtype}")
    times = times.astype(np.float64)
    if times.ndim == 2 and 1 in times.shape and len(recordings) != times.shape[0]:
        times = times.ravel()  # MATLAB has no arrays of one axis
    rows = times if times.ndim == 2 else [times] * len(recordings)
    if len(rows) != len(recordings):
        raise BenchError(f"{where}: times of {len(rows)} trajectories, there are {len(recordings)}")
    return [Recording(one.name, one.frames, row, one.group) for one, row in zip(recordings, rows, strict=True)]


def _read(entries: Mapping[str, Entry], key: str, path: Path, option: str) -> np.ndarray:
    """The values of one array, after its size has been checked."""
    if key not in entries:
        raise BenchError(f"{path}: has no array '{key}' ({option}); {nearest(key, entries)}")
    entry = entries[key]
    if not entry.numeric:
        raise BenchError(
            f"{path}:{key}: holds {entry.dtype}, not real numbers; objects are not read: save an array of numbers"
        )
    check_size(math.prod(entry.shape), f"{path}:{key}")
    return entry.read()


def _header(stream: Any, where: str) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type that a ``.npy`` stream claims, without its values."""
    version = np.lib.format.read_magic(stream)
    if version not in HEADERS:
        raise BenchError(f"{where}: a .npy file of version {version}; save it again with numpy.save")
    shape, _, dtype = HEADERS[version](stream)
    return shape, dtype


def _npy(path: Path, reading: Reading) -> list[Recording]:
    with path.open("rb") as stream:
        shape, dtype = _header(stream, str(path))
        rest = path.stat().st_size - stream.tell()
    if not dtype.hasobject and rest < math.prod(shape) * dtype.itemsize:
        raise BenchError(f"{path}: {rest} bytes are too few for an array of shape {shape}; is the file complete?")
    entries = {path.stem: Entry(shape, str(dtype), lambda: np.load(path, allow_pickle=False))}
    if reading.key or reading.times:
        raise BenchError(f"{path}: a .npy file has one array without a name; --key and --times are for other formats")
    return _chosen(entries, reading, path)


def _npz(path: Path, reading: Reading) -> list[Recording]:
    with zipfile.ZipFile(path) as archive:
        members = [name for name in archive.namelist() if name.endswith(".npy")]
        entries = {}
        for member in members:
            with archive.open(member) as stream:
                shape, dtype = _header(stream, f"{path}:{member}")
            entries[member.removesuffix(".npy")] = Entry(shape, str(dtype), _member(path, member))
        return _chosen(entries, reading, path)


def _member(path: Path, member: str) -> Callable[[], np.ndarray]:
    def read() -> np.ndarray:
        with zipfile.ZipFile(path) as archive, archive.open(member) as stream:
            try:
                return np.lib.format.read_array(stream, allow_pickle=False)
            except (EOFError, zlib.error, zipfile.BadZipFile) as error:
                raise BenchError(f"{path}:{member}: {_reason(error)}") from error

    return read


def _mat(path: Path, reading: Reading) -> list[Recording]:
    from scipy.io import loadmat, whosmat

    try:
        listed = whosmat(path)
    except NotImplementedError:  # version 7.3 is HDF5
        return _hdf5(path, reading)
    entries = {
        name: Entry(shape, kind, lambda name=name: loadmat(path, variable_names=[name])[name])  # type: ignore[misc]
        for name, shape, kind in listed
    }
    return _chosen(entries, reading, path)


def _hdf5(path: Path, reading: Reading) -> list[Recording]:
    """Any HDF5 file; the arrays of MATLAB's are turned, because MATLAB writes their axes last first."""
    with hdf5.open_file(path) as file:
        if is_well(file):
            return read_well(file, reading, str(path))
        turned = path.suffix.lower() == ".mat"
        entries: dict[str, Entry] = {}

        def collect(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and not name.startswith("#refs#"):
                shape = tuple(item.shape or ())
                read = (lambda: hdf5.array(file, name).T) if turned else (lambda: hdf5.array(file, name))
                entries[name] = Entry(shape[::-1] if turned else shape, item.dtype.str, read)

        file.visititems(collect)
        return _chosen(entries, reading, path)


READERS: Mapping[str, Callable[[Path, Reading], list[Recording]]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".mat": _mat,
    ".h5": _hdf5,
    ".hdf5": _hdf5,
    ".hdf": _hdf5,
}
