"""Arrays out of a pickle that is known by its SHA-256, without running what is in it.

A pickle is a program that may call anything it can name. Here it can name only what pickles of NumPy arrays are made
of; that these are well-formed, its SHA-256 says.
"""

import io
import pickle
from typing import Any

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.core.readers import one_line

NAMED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("_codecs", "encode"),  # by which old protocols write bytes
}


class _ArrayUnpickler(pickle.Unpickler):
    """Makes arrays and plain containers; a pickle that names anything else is refused before that is imported."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in NAMED:
            raise pickle.UnpicklingError(f"names {module}.{name}")
        return super().find_class(module, name)


def read_pickled_array(content: bytes, where: str) -> Any:
    """Read the object in a ``.npy`` file that holds one pickled object: plain Python containers and arrays.

    Args:
        content: the whole file, whose SHA-256 has been compared.
        where: its name, for errors.

    Raises:
        BenchError: the file is not a ``.npy`` file with one pickled object, or its pickle names anything but arrays.
    """
    stream = io.BytesIO(content)
    try:
        np.lib.format.read_magic(stream)
        np.lib.format.read_array_header_1_0(stream)
        return _ArrayUnpickler(stream).load().item()  # an array without axes holds the object
    except Exception as error:  # a damaged pickle fails in any way
        raise BenchError(f"{where}: not a readable array ({one_line(error)}); use the released file") from error
