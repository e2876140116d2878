"""Reading HDF5 files that anybody may have made.

A file may declare arrays that it does not hold: of terabytes in a kilobyte, since what was never written reads as
zeros; or that lie elsewhere: in other files, or in any file at all as raw bytes. Such arrays are refused before
anything is read, so that reading takes no more memory than the file gives cause for.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ladid_bench.core.memory import memory_shortage

SMALL = 64 * 2**20  # bytes; up to here parts that were never written do no harm
LARGEST_RATIO = 1100  # deflate, the best of HDF5's usual filters, makes at most 1032 bytes of one
NUMBERS, TEXT = "fiub", "SO"  # kinds of arrays, as NumPy calls them
COPIES = 4  # of all values that are in memory at once: as read, stacked, and what is computed of them


class Refused(ValueError):
    """A file asks for something that is not done; one line without the file's name."""


def open_file(path: Path) -> h5py.File:
    """Open a file for reading; a pipe or a device, which would never end, is refused."""
    if not path.is_file():
        raise Refused("not a regular file")
    return h5py.File(path, "r")


def member(group: h5py.Group, name: str) -> Any:
    """Find the array or group at ``name`` in ``group``; links into other files are not followed."""
    item = group
    for part in filter(None, name.split("/")):
        if not isinstance(item, h5py.Group) or part not in item:
            raise Refused(f"has no '{name}'")
        if isinstance(item.get(part, getlink=True), h5py.ExternalLink):
            raise Refused(f"'{name}' is a link into another file")
        item = item[part]
    return item


def arrays(group: h5py.Group, names: Sequence[str]) -> list[np.ndarray]:
    """Read several arrays of numbers in ``group``, after all of them have been checked."""
    if len(set(names)) != len(names):
        raise Refused("names an array twice")
    found = [member(group, name) for name in names]
    check(found)
    return [item[()] for item in found]


def array(group: h5py.Group, name: str) -> np.ndarray:
    """Read one array of numbers in ``group``."""
    return arrays(group, [name])[0]


def text(group: h5py.Group, name: str) -> np.ndarray:
    """Read one array of text in ``group``, as bytes."""
    found = member(group, name)
    check([found], TEXT)
    return np.asarray(found[()])


def check(items: Sequence[Any], kinds: str = NUMBERS) -> None:
    """Refuse what is no array of these kinds, what is not in the file, and what does not fit in memory together."""
    for item in items:
        problem = _problem(item, kinds)
        if problem:
            raise Refused(f"'{getattr(item, 'name', '')}' {problem}")
    if shortage := memory_shortage(COPIES * sum(_size(item) for item in items)):
        raise Refused(f"needs about {shortage}")


def _problem(item: Any, kinds: str) -> str | None:
    if not isinstance(item, h5py.Dataset):
        return "is not an array"
    if (
        item.shape is None
        or item.dtype.kind not in kinds
        or (kinds == TEXT and not h5py.check_string_dtype(item.dtype))
    ):
        held = "nothing" if item.shape is None else "text" if h5py.check_string_dtype(item.dtype) else item.dtype
        return f"holds {held}, not {'text' if kinds == TEXT else 'numbers'}"
    if item.is_virtual or item.external:
        return "is stored in another file"
    size, stored = _size(item), item.id.get_storage_size()
    ratio = LARGEST_RATIO if item.id.get_create_plist().get_nfilters() else 1
    if size > max(SMALL, ratio * stored):
        return f"declares {size:,} bytes but holds {stored:,}: its values were never written"
    return None


def _size(item: h5py.Dataset) -> int:
    return math.prod(item.shape) * item.dtype.itemsize
