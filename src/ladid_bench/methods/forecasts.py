"""The forecast file: what a method answered, validated before it is scored.

HDF5 with ``mean`` float32 ``(trajectory, query, channel, *space)``, optional ``std`` of the same shape, optional
``samples`` ``(sample, trajectory, query, channel, *space)``, which nobody reads back here, and ``times`` float64
``(trajectory, query)``, all in physical units.
"""

from pathlib import Path

import h5py
import numpy as np

from ladid_bench.core import hdf5
from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import atomic_write
from ladid_bench.core.readers import one_line
from ladid_bench.methods.base import Forecast


def write_forecast(path: Path, forecast: Forecast, times: np.ndarray) -> None:
    """Write a forecast atomically, its values as float32."""
    with atomic_write(path) as temporary, h5py.File(temporary, "w") as file:
        file["mean"] = forecast.mean.astype(np.float32, copy=False)
        file["times"] = times
        for name, values in (("std", forecast.std), ("samples", forecast.samples)):
            if values is not None:
                file[name] = values.astype(np.float32, copy=False)


def read_forecast(path: Path, times: np.ndarray, shape: tuple[int, ...]) -> Forecast:
    """Read a forecast and check that it answers what was asked, with finite values.

    Raises:
        BenchError: what ``open_forecast`` raises, or values that are not finite.
    """
    forecast = open_forecast(path, times, shape)
    for name, values in (("mean", forecast.mean), ("std", forecast.std)):
        if values is not None and not np.isfinite(values).all():
            raise BenchError(
                f"{path}: '{name}' has {np.count_nonzero(~np.isfinite(values))} values that are not finite"
            )
    return forecast


def open_forecast(path: Path, times: np.ndarray, shape: tuple[int, ...]) -> Forecast:
    """Read a forecast and check that it answers what was asked, with whatever values.

    Args:
        path: the forecast file.
        times: query times that were asked for, ``(trajectory, query)``.
        shape: ``(channel, *space)`` of a frame.

    Raises:
        BenchError: unreadable file, wrong shape or wrong times.
    """
    if not path.exists():
        raise BenchError(f"{path}: no such forecast file")
    expected = (*times.shape, *shape)
    try:
        with hdf5.open_file(path) as file:
            for name, shape in {"mean": expected, "std": expected, "times": times.shape}.items():
                found = hdf5.member(file, name).shape if name in file else shape
                if found != shape:
                    raise BenchError(f"{path}: '{name}' has shape {found}, expected {shape}")
            mean, answered = hdf5.arrays(file, ("mean", "times"))
            std = hdf5.array(file, "std") if "std" in file else None
    except BenchError:
        raise
    except Exception as error:  # in a damaged file h5py trips over anything, in any way
        raise BenchError(f"{path}: not a readable forecast file ({one_line(error)})") from error
    if not np.allclose(answered, times, rtol=1e-9, atol=0):
        raise BenchError(f"{path}: 'times' are not the query times that were asked for")
    return Forecast(mean, std)
