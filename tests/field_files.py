"""Files of the kinds that people bring, each written as the program would that is known for it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
from PIL import Image

from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.user.dividing import Cutting
from ladid_bench.datasets.user.importing import Understood, understand
from ladid_bench.datasets.user.recordings import Reading, Recording
from ladid_bench.datasets.user.request import Request
from ladid_bench.study.datasets import SOURCES

Arrays = dict[str, np.ndarray]


def oscillators(count: int = 30, frames: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Position and velocity of oscillators of different frequency, ``(trajectory, time, 2)``, and their times."""
    times = np.linspace(0, 20, frames)
    rates = np.random.default_rng(3).uniform(0.8, 1.6, count)[:, None]
    return np.stack([np.cos(rates * times), -rates * np.sin(rates * times)], axis=-1), times


def travelling(frames: int, height: int, width: int, speed: float = 0.1, phase: float = 0.0) -> np.ndarray:
    """A film of a wave over a gradient, ``(time, height, width)``."""
    y, x = np.mgrid[0:height, 0:width] / width
    return np.stack([np.sin(7 * x - speed * frame + phase) * (0.3 + y) for frame in range(frames)])


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def hdf5(path: Path, **arrays: np.ndarray) -> Path:
    """An HDF5 file; two underscores in a name are a slash."""
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name.replace("__", "/")] = values
    return path


def matlab(path: Path, **arrays: object) -> Path:
    """Before version 7.3."""
    scipy.io.savemat(path, arrays)
    return path


def matlab73(path: Path, fill: Callable[[h5py.File], object]) -> Path:
    """Version 7.3: HDF5 after 512 bytes, axes last first."""
    with h5py.File(path, "w", userblock_size=512) as file:
        fill(file)
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, written by a test".ljust(124) + b"\x00\x02IM")
    return path


def matlab73_of(path: Path, **arrays: np.ndarray) -> Path:
    return matlab73(path, lambda file: [file.create_dataset(name, data=values.T) for name, values in arrays.items()])


def matlab73_cells(path: Path, **cells: Sequence[np.ndarray]) -> Path:
    """Cell arrays: references to arrays that stand in a group of their own."""

    def fill(file: h5py.File) -> None:
        for name, several in cells.items():
            kept = [file.create_dataset(f"#refs#/{name}{number}", data=one.T) for number, one in enumerate(several)]
            references = file.create_dataset(name, (1, len(kept)), h5py.ref_dtype)
            references[0] = [one.ref for one in kept]
            references.attrs["MATLAB_class"] = np.bytes_("cell")

    return matlab73(path, fill)


def cells(several: Sequence[np.ndarray]) -> np.ndarray:
    """A cell array of a column, as SciPy writes one."""
    found = np.empty((len(several), 1), dtype=object)
    for number, one in enumerate(several):
        found[number, 0] = one
    return found


def packed(path: Path, name: str = "sst", land: bool = True, clouds: bool = False) -> tuple[Path, np.ndarray]:
    """Whole numbers with scale, offset and fill value, and the kelvin that they mean."""
    kelvin = 290 + 5 * travelling(120, 32, 32, speed=0.2)
    whole = np.round((kelvin - 298.15) / 0.001).astype(np.int16)
    gone = np.zeros((32, 32), dtype=bool)
    gone[:8, :6] = land
    whole[:, gone] = -32768
    if clouds:
        whole[7, 20, 20] = -32768
    with h5py.File(path, "w") as file:
        data = file.create_dataset(name, data=whole, fillvalue=np.int16(-32768))
        data.attrs.update({"scale_factor": 0.001, "add_offset": 298.15, "_FillValue": np.int16(-32768)})
        data.attrs.update({"units": "kelvin", "long_name": "sea surface temperature"})
        file["time"] = 86400 * np.arange(120, dtype=np.int32)
        file["time"].attrs["units"] = "seconds since 1981-01-01"
    return path, np.where(gone, np.nan, 298.15 + 0.001 * whole)


def gradients(folder: Path, names: Sequence[str]) -> Path:
    """Pictures of one shade each, brighter from name to name."""
    folder.mkdir()
    for number, name in enumerate(names):
        Image.new("L", (32, 32), 4 * number).save(folder / name)
    return folder


def beads(trajectories: int = 30, frames: int = 30) -> np.ndarray:
    """A moving bead of four pixels over the noise of a camera, uint8 ``(trajectory, time, 64, 64)``."""
    random = np.random.default_rng(5)
    films = np.clip(random.normal(10, 2, (trajectories, frames, 64, 64)), 0, 255)
    for film in films:
        place, speed = random.uniform(15, 40, 2), random.uniform(-0.6, 0.6, 2)
        for number, frame in enumerate(film):
            row, column = np.round(place + number * speed).astype(int)
            frame[row : row + 2, column : column + 2] = 240
    return films.astype(np.uint8)


def looked_at(root: Path, *files: Path, held: dict | None = None, **options) -> Understood:
    """What an import makes of files; options are those of reading, but for ``cutting``."""
    cutting = options.pop("cutting", Cutting())
    return understand(Request("mine", files, held or {}, Reading(**options), cutting), root, SOURCES)


def meanings(found: Understood) -> str:
    return " ".join(axis.meaning for axis in found.found[0].axes)


def values(one: Recording) -> np.ndarray:
    return np.asarray(one.values)


def refusal(root: Path, *files: Path, **options) -> str:
    with pytest.raises(BenchError) as caught:
        looked_at(root, *files, **options)
    assert "\n" not in str(caught.value)
    assert not (root / "imported").exists()
    return str(caught.value)
