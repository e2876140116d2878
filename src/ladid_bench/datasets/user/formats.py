"""Files of arrays: NumPy, MATLAB, HDF5. Nothing in a file is ever run."""

import math
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from ladid_bench.core import hdf5
from ladid_bench.core.errors import BenchError
from ladid_bench.core.readers import one_line
from ladid_bench.datasets.user.arrays import ArrayFile, FileArray, numbers_of, role_of, text_of
from ladid_bench.datasets.user.gridded import is_described, is_packed, open_gridded
from ladid_bench.datasets.user.recordings import check_size

HEADERS: Mapping[tuple[int, int], Callable[[BinaryIO], tuple[tuple[int, ...], bool, np.dtype]]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
SAID = ("units", "long_name", "standard_name", "axis", "positive")


def unreadable(error: Exception) -> str:
    """Say what is wrong with a file, from whatever a library said of it."""
    return f"not a readable file of its kind ({one_line(error, 200)}); is it complete?"


def _header(stream: Any, where: str) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type that a ``.npy`` stream claims, without its values."""
    version = np.lib.format.read_magic(stream)
    if version not in HEADERS:
        raise BenchError(f"{where}: a .npy file of version {version}; save it again with numpy.save")
    shape, _, dtype = HEADERS[version](stream)
    return shape, dtype


def open_npy(path: Path) -> ArrayFile:
    """Open the one array of a ``.npy`` file, which stays on the disk until its values are used.

    Raises:
        BenchError: the file is of an unknown version, or shorter than the array that it announces.
    """
    with path.open("rb") as stream:
        shape, dtype = _header(stream, str(path))
        rest = path.stat().st_size - stream.tell()
    if not dtype.hasobject and rest < math.prod(shape) * dtype.itemsize:
        raise BenchError(f"{path}: {rest} bytes are too few for an array of shape {shape}; is the file complete?")
    array = FileArray(path.stem, shape, dtype.str, lambda: np.load(path, mmap_mode="r", allow_pickle=False))
    return ArrayFile(path, {path.stem: array})


def open_npz(path: Path) -> ArrayFile:
    """Open the arrays of a ``.npz`` archive."""
    arrays = {}
    archive = zipfile.ZipFile(path)  # open as long as an array may be read: its list of members takes a while
    for member in archive.namelist():
        if member.endswith(".npy"):
            with archive.open(member) as stream:
                shape, dtype = _header(stream, f"{path}:{member}")
            name = member.removesuffix(".npy")
            arrays[name] = FileArray(name, shape, dtype.str, _member(archive, path, member, shape))
    return ArrayFile(path, arrays)


def _member(archive: zipfile.ZipFile, path: Path, member: str, shape: tuple[int, ...]) -> Callable[[], np.ndarray]:
    def read() -> np.ndarray:
        check_size(math.prod(shape), f"{path}:{member}")
        with archive.open(member) as stream:
            try:
                values = np.lib.format.read_array(stream, allow_pickle=False)
                return text_of(values) if values.dtype.kind in "US" else values
            except (EOFError, zlib.error, zipfile.BadZipFile) as error:
                raise BenchError(f"{path}:{member}: {unreadable(error)}") from error

    return read


def open_mat(path: Path) -> ArrayFile:
    """Open the arrays of a MATLAB file, those in structs and cells too; version 7.3 is HDF5."""
    from scipy.io import loadmat, whosmat

    try:
        listed = whosmat(path)
    except NotImplementedError:
        return open_mat73(path)
    arrays: dict[str, FileArray] = {}
    for name, shape, kind in listed:
        if kind in ("struct", "cell"):
            content = loadmat(path, variable_names=[name], struct_as_record=True)[name]
            arrays |= {found.name: found for found in _opened(content, name)}
        else:

            def read(name: str = name, shape: tuple[int, ...] = shape) -> np.ndarray:
                check_size(math.prod(shape), f"{path}:{name}")
                values = loadmat(path, variable_names=[name])[name]
                return text_of(values) if values.dtype.kind == "U" else values

            if kind == "char":  # SciPy makes one text of each row
                kind, shape = "T", shape[:1]
            arrays[name] = FileArray(name, shape, kind, read, separator=".")
    return ArrayFile(path, arrays, column_major=True)


def _opened(content: np.ndarray, name: str) -> Iterator[FileArray]:
    """The arrays in a struct (``name.field``), an array of structs (``name(1).field``) or a cell (``name{1}``)."""
    if content.dtype.names is not None:
        for index, element in enumerate(content.ravel(order="F")):
            label = f"{name}({index + 1})" if content.size > 1 else name
            for field in content.dtype.names:
                yield from _opened(np.asarray(element[field]), f"{label}.{field}")
    elif content.dtype.hasobject and all(isinstance(one, np.ndarray) and one.dtype.kind == "U" for one in content.flat):
        texts = text_of(np.array([one.item() if one.size == 1 else "" for one in content.flat]))  # (text,)
        yield FileArray(name, texts.shape, "T", lambda: texts, separator=".")
    elif content.dtype.hasobject:
        for index, element in enumerate(content.ravel(order="F")):
            label = f"{name}{{{index + 1}}}" if isinstance(element, np.ndarray) else f"{name}?"
            yield from _opened(np.asarray(element), label) if isinstance(element, np.ndarray) else ()
    else:
        yield FileArray(name, content.shape, content.dtype.str, lambda: content, separator=".")


def open_mat73(path: Path) -> ArrayFile:
    """Open the arrays of a MATLAB file of version 7.3, turned, because MATLAB writes their axes last first."""
    arrays: dict[str, FileArray] = {}

    def add(name: str, item: h5py.Dataset) -> None:
        shape = tuple(item.shape or ())[::-1]
        if _said(item.attrs.get("MATLAB_class", "")) == "char":
            arrays[name] = FileArray(name, shape[:1], "T", _characters(path, str(item.name)), separator=".")
            return
        arrays[name] = FileArray(
            name, shape, item.dtype.str, _dataset(path, str(item.name), turned=True), separator="."
        )

    with hdf5.open_file(path) as file:
        for found, item in _datasets(file):
            name = found.replace("/", ".")
            if item.dtype == h5py.ref_dtype:
                for index, reference in enumerate(item[()].ravel()):  # cells
                    if isinstance(file[reference], h5py.Dataset):
                        add(f"{name}{{{index + 1}}}", file[reference])
            else:
                add(name, item)
    return ArrayFile(path, arrays, column_major=True)


def _characters(path: Path, name: str) -> Callable[[], np.ndarray]:
    """Text that MATLAB 7.3 keeps as numbers of characters, a text for each row."""

    def read() -> np.ndarray:
        with hdf5.open_file(path) as file:
            codes = hdf5.array(file, name).T
        return text_of(np.array(["".join(map(chr, row)) for row in codes.tolist()]))

    return read


def open_hdf5(path: Path) -> ArrayFile:
    """Open the arrays of an HDF5 file; one that describes its dimensions or packs its values is read as netCDF is."""
    with hdf5.open_file(path) as file:
        found = _datasets(file)
        if is_described(found):
            try:
                return open_gridded(path)
            except (ValueError, KeyError):  # dimensions that netCDF does not have, such as several scales of one
                if is_packed(found):
                    raise
        arrays = {name: _plain(path, name, item) for name, item in found}
        numbers = numbers_of("", file.attrs)
        file.visititems(lambda name, item: numbers.update(numbers_of(name, item.attrs)))
    return ArrayFile(path, arrays, numbers=numbers)


def _plain(path: Path, name: str, item: h5py.Dataset) -> FileArray:
    attributes = {key: _said(item.attrs[key]) for key in SAID if key in item.attrs}
    dims = tuple(map(_dimension, item.dims))
    dims = dims if any(dims) else ()
    if h5py.check_string_dtype(item.dtype):
        return FileArray(name, tuple(item.shape or ()), "T", _texts(path, name), dims, attributes)
    return FileArray(name, tuple(item.shape or ()), item.dtype.str, _dataset(path, name), dims, attributes)


def _dimension(one: Any) -> str:
    """The label of a dimension, or the path of the first scale attached to it where that is a time or has no label."""
    scale = str(one[0].name).strip("/") if len(one) else ""
    return scale if scale and (not one.label or role_of(one.label) == "time") else str(one.label)


def _said(value: Any) -> str:
    """An attribute as text; some programs write arrays of one."""
    return " ".join(text_of(np.atleast_1d(value)).ravel())


def _texts(path: Path, name: str) -> Callable[[], np.ndarray]:
    def read() -> np.ndarray:
        with hdf5.open_file(path) as file:
            return text_of(hdf5.text(file, name))

    return read


def _datasets(file: h5py.File) -> list[tuple[str, h5py.Dataset]]:
    """Every array by its path, without those that MATLAB keeps for its cells."""
    found: list[tuple[str, h5py.Dataset]] = []

    def collect(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("#"):
            found.append((name, item))

    file.visititems(collect)
    return found


def _dataset(path: Path, name: str, turned: bool = False) -> Callable[[], np.ndarray]:
    def read() -> np.ndarray:
        with hdf5.open_file(path) as file:
            values = hdf5.array(file, name)
        return values.T if turned else values

    return read
