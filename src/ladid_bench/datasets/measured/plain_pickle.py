"""Arrays out of a pickle without running what is in it.

A pickle is a program that may call anything it can name. Here it can name four things, those that
pickles of NumPy arrays are made of, and even these are stand-ins: no function of NumPy or of Python
is handed to it, and each array is built from its bytes after its type and size have been checked.
"""

import io
import math
import pickle
from typing import Any

import numpy as np

from ladid_bench.core.errors import BenchError

MAGIC = b"\x93NUMPY"
NUMBERS = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8")
OBJECTS = "O8"
DEPTH = 8  # of containers in containers; a container that holds itself has no end


class _Refused(Exception):
    """The pickle asks for something that is no array and no plain container."""


class _Part:
    """What the pickle gets to hold. It may be called or given a state only where a subclass says so."""

    __slots__ = ()

    def __call__(self, *values: Any) -> Any:
        raise _Refused(f"calls {type(self).__name__}")

    def __setstate__(self, state: Any) -> None:
        raise _Refused(f"gives {type(self).__name__} a state")


class _ArrayType(_Part):
    """Stands for ``numpy.ndarray``, which is only ever an argument of ``_reconstruct``."""

    __slots__ = ()


class _Encode(_Part):
    """Stands for ``_codecs.encode``, by which old protocols write bytes."""

    __slots__ = ()

    def __call__(self, *values: Any) -> bytes:
        if len(values) != 2 or not isinstance(values[0], str) or values[1] != "latin1":
            raise _Refused("encodes something other than bytes")
        return values[0].encode("latin1")


class _Type(_Part):
    """Stands for a data type: a number of fixed size, or a reference to an object."""

    __slots__ = ("name", "order")

    def __init__(self, name: str) -> None:
        self.name, self.order = name, "|"

    def __setstate__(self, state: Any) -> None:
        # (version, byte order, subtype, field names, fields, size, alignment, flags)
        if type(state) is not tuple or len(state) < 5 or state[1] not in ("<", ">", "|") or any(state[2:5]):
            raise _Refused("describes a data type that is no plain number")
        self.order = state[1]


class _MakeType(_Part):
    """Stands for ``numpy.dtype``."""

    __slots__ = ()

    def __call__(self, *values: Any) -> _Type:
        if not values or values[0] not in (*NUMBERS, OBJECTS):
            raise _Refused("asks for a data type that is no plain number")
        return _Type(values[0])


class _Array(_Part):
    """An array on its way: filled by its state, taken out of the result afterwards."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        if type(state) is not tuple or len(state) != 5 or self.values is not None:
            raise _Refused("describes an array in an unknown way")
        _, shape, kind, fortran, content = state
        if type(shape) is not tuple or not all(type(side) is int and side >= 0 for side in shape):
            raise _Refused("describes an array without a shape")
        if type(kind) is not _Type:
            raise _Refused("describes an array without a data type")
        flat = _objects(content) if kind.name == OBJECTS else _numbers(content, kind)
        if flat.size != math.prod(shape):
            raise _Refused(f"holds {flat.size} values for an array of shape {shape}")
        self.values = flat.reshape(shape, order="F" if fortran else "C")  # (value,) -> shape


def _objects(content: Any) -> np.ndarray:
    if type(content) is not list:
        raise _Refused("holds an array of objects that is no list")
    flat = np.empty(len(content), dtype=object)
    flat[:] = content
    return flat


def _numbers(content: Any, kind: _Type) -> np.ndarray:
    dtype = np.dtype(kind.order + kind.name)
    if type(content) is not bytes or len(content) % dtype.itemsize:
        raise _Refused("holds an array whose bytes do not fit its data type")
    return np.frombuffer(content, dtype=dtype)


class _MakeArray(_Part):
    """Stands for ``numpy.core.multiarray._reconstruct``."""

    __slots__ = ()

    def __call__(self, *values: Any) -> _Array:
        if not values or type(values[0]) is not _ArrayType:
            raise _Refused("reconstructs something other than an array")
        return _Array()


class _Unpickler(pickle.Unpickler):
    """Looks names up among the four and nowhere else."""

    def find_class(self, module: str, name: str) -> Any:
        known: dict[tuple[str, str], type[_Part]] = {
            ("numpy.core.multiarray", "_reconstruct"): _MakeArray,
            ("numpy._core.multiarray", "_reconstruct"): _MakeArray,
            ("numpy", "ndarray"): _ArrayType,
            ("numpy", "dtype"): _MakeType,
            ("_codecs", "encode"): _Encode,
        }
        if (module, name) not in known:
            raise _Refused(f"names {module}.{name}")
        return known[module, name]()

    def persistent_load(self, identifier: Any) -> Any:
        raise _Refused("refers to objects outside the file")


def read_pickled_array(content: bytes, where: str) -> Any:
    """Read a ``.npy`` file that holds a pickled object, as plain Python containers and arrays.

    Args:
        content: the whole file.
        where: its name, for errors.

    Raises:
        BenchError: the file is not a ``.npy`` file with one pickled object array, or its pickle asks for
            anything but arrays of numbers, arrays of objects, and plain containers.
    """
    stream = io.BytesIO(content)
    try:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise _Refused("is of an unknown version")
        _, _, dtype = np.lib.format.read_array_header_1_0(stream)
        if not dtype.hasobject:
            raise _Refused("holds no object")
        made = _plain(_Unpickler(stream).load(), 0)
    except _Refused as error:
        raise BenchError(f"{where}: the file {error}; it is not read: use the released file") from error
    except Exception as error:  # a damaged pickle fails in any way
        reason = " ".join(str(error).split())
        raise BenchError(f"{where}: not a readable file of arrays ({reason}); use the released file") from error
    return made.item() if isinstance(made, np.ndarray) and made.size == 1 else made


def _plain(value: Any, depth: int) -> Any:
    """``value`` with the arrays in place; anything that is neither array, container, text nor number is refused."""
    if depth > DEPTH:
        raise _Refused(f"nests containers more than {DEPTH} deep")
    if type(value) is _Array:
        if value.values is None:
            raise _Refused("holds an array without values")
        if value.values.dtype != object:
            return value.values
        filled = np.empty_like(value.values)
        for index in np.ndindex(filled.shape):
            filled[index] = _plain(value.values[index], depth + 1)
        return filled
    if type(value) in (list, tuple, set, frozenset):
        return type(value)(_plain(part, depth + 1) for part in value)
    if type(value) is dict:
        return {_plain(key, depth + 1): _plain(part, depth + 1) for key, part in value.items()}
    if value is None or type(value) in (str, bytes, int, float, bool):
        return value
    raise _Refused(f"holds a {type(value).__name__}")
