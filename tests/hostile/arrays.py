"""Trajectory files, forecast files, and answers in text."""

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from made_up import trajectories

from hostile.case import Case, trap, written
from ladid_bench.data.trajectories import Trajectories, read_trajectories, write_trajectories
from ladid_bench.methods.base import Forecast
from ladid_bench.methods.external import QUERY_TIMES
from ladid_bench.methods.forecasts import read_forecast, write_forecast
from ladid_bench.methods.plain_text import from_text, to_text

HUGE = 4 * 10**9  # values that are declared and never written: 16 GB of float32
TIMES = np.tile(np.arange(4.0, 8.0), (2, 1))
SHAPE = (1, 4, 5)
DEEP = "[" * 50_000


def swapped(file: h5py.File, name: str, values: object, **options: object) -> None:
    """Other values in the place of an array, its attributes kept."""
    attributes = dict(file[name].attrs)
    del file[name]
    made = file.create_dataset(name, data=values, **options)
    made.attrs.update(attributes)


def declared(file: h5py.File, name: str, shape: tuple[int, ...], dtype: object = np.float32, **options: object) -> None:
    """An array that is declared and never written."""
    attributes = dict(file[name].attrs) if name in file else {}
    if name in file:
        del file[name]
    file.create_dataset(name, shape, dtype, **options).attrs.update(attributes)


def elsewhere(file: h5py.File, name: str) -> None:
    """An array whose bytes are those of any file."""
    attributes, shape = dict(file[name].attrs), file[name].shape
    del file[name]
    made = file.create_dataset(name, shape, np.float32, external=[("/etc/passwd", 0, 4 * int(np.prod(shape)))])
    made.attrs.update(attributes)


def virtual(file: h5py.File, name: str) -> None:
    attributes, shape = dict(file[name].attrs), file[name].shape
    del file[name]
    layout = h5py.VirtualLayout(shape, np.float32)
    layout[...] = h5py.VirtualSource("/tmp/another.hdf5", "x", shape)
    file.create_virtual_dataset(name, layout).attrs.update(attributes)


def linked(file: h5py.File, name: str, target: object) -> None:
    del file[name]
    file[name] = target


def filled(file: h5py.File, name: str, place: tuple, value: float) -> None:
    file[name][place] = value


def emptied(file: h5py.File, name: str) -> None:
    attributes = dict(file[name].attrs)
    del file[name]
    file.create_dataset(name, data=h5py.Empty("f")).attrs.update(attributes)


def attribute(file: h5py.File, where: str, name: str, value: object) -> None:
    file[where].attrs[name] = value


def fields_of(file: h5py.File, count: int) -> None:
    """One array under a thousand names: a small file that takes a thousand times its size."""
    names = [f"f{index}" for index in range(count)]
    for name in names:
        file["t0_fields"][name] = file["t0_fields/intensity"]
    file["t0_fields"].attrs["field_names"] = np.array(names, dtype=h5py.string_dtype())


def text_array(count: int = 18) -> np.ndarray:
    return np.array([b"text"] * count, dtype=object)


FRAMES, TIME, GROUP = "t0_fields/intensity", "dimensions/time", "scalars/group"
Change = Callable[[h5py.File], object]
CHANGES: dict[str, Change] = {
    "no frames": lambda file: file.__delitem__(FRAMES),
    "no fields": lambda file: file.__delitem__("t0_fields"),
    "no times": lambda file: file.__delitem__(TIME),
    "no dimensions": lambda file: file.__delitem__("dimensions"),
    "no scalars": lambda file: file.__delitem__("scalars"),
    "no groups": lambda file: file.__delitem__(GROUP),
    "no boundary conditions": lambda file: file.__delitem__("boundary_conditions"),
    "no hash": lambda file: file.attrs.__delitem__("content_sha256"),
    "another hash": lambda file: attribute(file, "/", "content_sha256", "0" * 64),
    "a hash that is a number": lambda file: attribute(file, "/", "content_sha256", 7),
    "no provenance": lambda file: file.attrs.__delitem__("provenance"),
    "provenance that is no JSON": lambda file: attribute(file, "/", "provenance", "{"),
    "provenance that is a list": lambda file: attribute(file, "/", "provenance", "[1]"),
    "provenance nested without end": lambda file: attribute(file, "/", "provenance", DEEP),
    "frames of two axes": lambda file: swapped(file, FRAMES, np.zeros((3, 6), np.float32)),
    "frames of six axes": lambda file: swapped(file, FRAMES, np.zeros((3, 6, 1, 1, 1, 1), np.float32)),
    "frames of other trajectories": lambda file: swapped(file, FRAMES, np.zeros((4, 6, 4, 5), np.float32)),
    "frames of other times": lambda file: swapped(file, FRAMES, np.zeros((3, 7, 4, 5), np.float32)),
    "no trajectories": lambda file: swapped(file, FRAMES, np.zeros((0, 6, 4, 5), np.float32)),
    "frames of no pixels": lambda file: swapped(file, FRAMES, np.zeros((3, 6, 0, 5), np.float32)),
    "frames of no shape": lambda file: emptied(file, FRAMES),
    "a single number": lambda file: swapped(file, FRAMES, np.float32(1)),
    "frames of double precision": lambda file: swapped(file, FRAMES, np.zeros((3, 6, 4, 5))),
    "frames of half precision": lambda file: swapped(file, FRAMES, np.zeros((3, 6, 4, 5), np.float16)),
    "whole numbers": lambda file: swapped(file, FRAMES, np.zeros((3, 6, 4, 5), np.int32)),
    "complex numbers": lambda file: swapped(file, FRAMES, np.zeros((3, 6, 4, 5), np.complex64)),
    "records": lambda file: swapped(file, FRAMES, np.zeros((3, 6, 4, 5), [("a", "f4"), ("b", "i4")])),
    "texts": lambda file: swapped(file, FRAMES, text_array(), dtype=h5py.string_dtype()),
    "references": lambda file: swapped(file, FRAMES, np.full(3, file.ref, h5py.ref_dtype), dtype=h5py.ref_dtype),
    "dates": lambda file: swapped(file, FRAMES, np.zeros((3, 6, 4, 5), "S8")),
    "NaN": lambda file: filled(file, FRAMES, (0, 0, 0, 0), np.nan),
    "infinity": lambda file: filled(file, FRAMES, (2, 5, 3, 4), np.inf),
    "minus infinity": lambda file: filled(file, FRAMES, (1, 1, 1, 1), -np.inf),
    "a changed value": lambda file: filled(file, FRAMES, (0, 0, 0, 0), 7.0),
    "a changed time": lambda file: filled(file, TIME, (0, 5), 5.5),
    "a changed parameter": lambda file: filled(file, "scalars/length", (0,), 9.0),
    "a changed group": lambda file: filled(file, GROUP, (0,), 9),
    "times repeated": lambda file: filled(file, TIME, (1, 3), 2.0),
    "times that run backwards": lambda file: swapped(file, TIME, np.tile(np.arange(6.0)[::-1], (3, 1))),
    "a negative time among others": lambda file: filled(file, TIME, (0, 3), -1.0),
    "times of NaN": lambda file: filled(file, TIME, (0, 3), np.nan),
    "times of infinity": lambda file: filled(file, TIME, (0, 5), np.inf),
    "times for one trajectory": lambda file: swapped(file, TIME, np.arange(6.0)),
    "times of single precision": lambda file: swapped(file, TIME, np.tile(np.arange(6.0, dtype=np.float32), (3, 1))),
    "times that are texts": lambda file: swapped(file, TIME, text_array(), dtype=h5py.string_dtype()),
    "groups that are fractions": lambda file: swapped(file, GROUP, np.array([0.5, 1, 2])),
    "groups that are NaN": lambda file: swapped(file, GROUP, np.full(3, np.nan)),
    "groups of two axes": lambda file: swapped(file, GROUP, np.zeros((3, 1), int)),
    "a parameter over time": lambda file: swapped(file, "scalars/length", np.zeros((3, 6))),
    "a parameter of NaN": lambda file: filled(file, "scalars/length", (0,), np.nan),
    "a state of one time": lambda file: swapped(file, "scalars/angle", np.zeros(3)),
    "a parameter that is a group": lambda file: linked(file, "scalars/length", h5py.SoftLink("/t0_fields")),
    "field names that are numbers": lambda file: attribute(file, "t0_fields", "field_names", np.arange(3)),
    "no field names": lambda file: attribute(file, "t0_fields", "field_names", np.array([], dtype="S1")),
    "field names that lead out": lambda file: attribute(file, "t0_fields", "field_names", ["../../scalars/group"]),
    "field names of another group": lambda file: attribute(file, "t0_fields", "field_names", ["/scalars/length"]),
    "a field named twice": lambda file: attribute(file, "t0_fields", "field_names", ["intensity", "intensity"]),
    "a field under 700 names": lambda file: fields_of(file, 700),
    "no space": lambda file: attribute(file, "dimensions", "spatial_dims", np.array([], dtype="S1")),
    "space of three": lambda file: attribute(file, "dimensions", "spatial_dims", ["x", "y", "z"]),
    "frames of 16 GB that are not there": lambda file: declared(file, FRAMES, (3, 6, HUGE // 18, 1), chunks=True),
    "frames of 16 GB, contiguous": lambda file: declared(file, FRAMES, (3, 6, HUGE // 18, 1)),
    "frames of 16 GB, packed": lambda file: declared(file, FRAMES, (3, 6, HUGE // 18), chunks=True, compression="gzip"),
    "frames of 100 TB": lambda file: declared(file, FRAMES, (3, 6, 10**12), chunks=True),
    "frames beyond all numbers": lambda file: declared(file, FRAMES, (2**40, 2**20), "u1", chunks=(1, 1024)),
    "times of 8 GB": lambda file: declared(file, TIME, (3, 10**9 // 3), np.float64, chunks=True),
    "a parameter of 8 GB": lambda file: declared(file, "scalars/length", (10**9,), np.float64, chunks=True),
    "groups of 8 GB": lambda file: declared(file, GROUP, (10**9,), np.int64, chunks=True),
    "bytes of another file": lambda file: elsewhere(file, FRAMES),
    "bytes of another file as times": lambda file: elsewhere(file, TIME),
    "a virtual array": lambda file: virtual(file, FRAMES),
    "a link into another file": lambda file: linked(file, FRAMES, h5py.ExternalLink("/etc/passwd", "/x")),
    "fields in another file": lambda file: linked(file, "t0_fields", h5py.ExternalLink("/tmp/x.hdf5", "/x")),
    "a link to nothing": lambda file: linked(file, FRAMES, h5py.SoftLink("/nowhere")),
    "a link to itself": lambda file: linked(file, FRAMES, h5py.SoftLink(f"/{FRAMES}")),
    "a link to the root": lambda file: linked(file, FRAMES, h5py.SoftLink("/")),
}


def _changed(change: Change) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        write_trajectories(folder / "file.hdf5", trajectories())
        with h5py.File(folder / "file.hdf5", "r+") as file:
            change(file)
        return folder / "file.hdf5"

    return make


def pipe(name: str) -> Callable[[Path], Path]:
    """A pipe that nobody writes to: whoever opens it waits for ever."""

    def make(folder: Path) -> Path:
        os.mkfifo(folder / name)
        return folder / name

    return make


def device(name: str) -> Callable[[Path], Path]:
    """A file without an end."""

    def make(folder: Path) -> Path:
        (folder / name).symlink_to("/dev/zero")
        return folder / name

    return make


FILES: dict[str, Callable[[Path], Path]] = {
    "nothing in it": lambda folder: written(folder, "file.hdf5", b""),
    "text": lambda folder: written(folder, "file.hdf5", "trajectories"),
    "a pickle": lambda folder: written(folder, "file.hdf5", trap(folder)),
    "a signature alone": lambda folder: written(folder, "file.hdf5", b"\x89HDF\r\n\x1a\n"),
    "a signature and noise": lambda folder: written(
        folder, "file.hdf5", b"\x89HDF\r\n\x1a\n" + np.random.default_rng(0).bytes(4096)
    ),
    "a folder": lambda folder: folder,
    "no such file": lambda folder: folder / "nowhere.hdf5",
    "a pipe": pipe("file.hdf5"),
    "a device": device("file.hdf5"),
}


def _half(folder: Path) -> Path:
    write_trajectories(folder / "file.hdf5", trajectories())
    content = (folder / "file.hdf5").read_bytes()
    return written(folder, "file.hdf5", content[: len(content) // 2])


FORECASTS: dict[str, Change] = {
    "no mean": lambda file: file.__delitem__("mean"),
    "no times": lambda file: file.__delitem__("times"),
    "a mean of another shape": lambda file: swapped(file, "mean", np.zeros((2, 4, 1, 5, 4), np.float32)),
    "a mean of one trajectory": lambda file: swapped(file, "mean", np.zeros((1, 4, *SHAPE), np.float32)),
    "a single number": lambda file: swapped(file, "mean", np.float32(0)),
    "a mean of no shape": lambda file: emptied(file, "mean"),
    "a mean of texts": lambda file: swapped(
        file, "mean", np.full((2, 4, *SHAPE), b"x", object), dtype=h5py.string_dtype()
    ),
    "a complex mean": lambda file: swapped(file, "mean", np.zeros((2, 4, *SHAPE), complex)),
    "a mean of NaN": lambda file: filled(file, "mean", (0, 0, 0, 0, 0), np.nan),
    "a mean of infinity": lambda file: filled(file, "mean", (1, 3, 0, 3, 4), np.inf),
    "a mean of 16 GB": lambda file: declared(file, "mean", (2, 4, 1, HUGE // 8), chunks=True),
    "a mean that is a group": lambda file: linked(file, "mean", h5py.SoftLink("/")),
    "a mean in another file": lambda file: linked(file, "mean", h5py.ExternalLink("/etc/passwd", "/x")),
    "a mean of another file's bytes": lambda file: elsewhere(file, "mean"),
    "a spread of another shape": lambda file: file.create_dataset("std", data=np.zeros(3)),
    "a spread of NaN": lambda file: file.create_dataset("std", data=np.full((2, 4, *SHAPE), np.nan)),
    "a spread that is a text": lambda file: file.create_dataset("std", data="wide"),
    "other times": lambda file: swapped(file, "times", TIMES + 1),
    "times of NaN": lambda file: swapped(file, "times", TIMES * np.nan),
    "times of another shape": lambda file: swapped(file, "times", TIMES[0]),
    "times of 8 GB": lambda file: declared(file, "times", (10**9,), np.float64, chunks=True),
    "times that are texts": lambda file: swapped(
        file, "times", np.full((2, 4), b"1", object), dtype=h5py.string_dtype()
    ),
}


def _forecast(change: Change) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        write_forecast(folder / "file.hdf5", Forecast(np.zeros((2, 4, *SHAPE), np.float32)), TIMES)
        with h5py.File(folder / "file.hdf5", "r+") as file:
            change(file)
        return folder / "file.hdf5"

    return make


def _answer(change: Callable[[list[str]], str]) -> Callable[[Path], Path]:
    """An answer in text to a question about two trajectories at four times."""

    def make(folder: Path) -> Path:
        write_trajectories(folder / "question.hdf5", _question())
        with h5py.File(folder / "question.hdf5", "a") as file:
            file[QUERY_TIMES] = TIMES
        lines = [f"{row} {time!r} " + " ".join(["0.5"] * 20) for row in range(2) for time in TIMES[0].tolist()]
        return written(folder, "answer.txt", change(lines))

    return make


def _question() -> Trajectories:
    return Trajectories(np.ones((2, 4, *SHAPE), np.float32), np.tile(np.arange(4.0), (2, 1)), np.arange(2))


ANSWERS: dict[str, Callable[[list[str]], str]] = {
    "nothing": lambda lines: "",
    "a line less": lambda lines: "\n".join(lines[:-1]),
    "a line more": lambda lines: "\n".join([*lines, lines[0]]),
    "a value less": lambda lines: "\n".join([lines[0][:-4], *lines[1:]]),
    "a word": lambda lines: "\n".join([lines[0].replace("0.5", "half", 1), *lines[1:]]),
    "code": lambda lines: "\n".join([lines[0].replace("0.5", "__import__('os').system('true')", 1), *lines[1:]]),
    "another order": lambda lines: "\n".join(lines[::-1]),
    "trajectories of NaN": lambda lines: "\n".join(["nan" + lines[0][1:], *lines[1:]]),
    "another time": lambda lines: "\n".join([lines[0].replace("4.0", "4.1", 1), *lines[1:]]),
    "bytes": lambda lines: "\x00\x01\udcff".encode("utf-8", "replace").decode() * 100,
    "one line of 30 MB": lambda lines: "1 " * 15_000_000,
    "a word of 30 MB": lambda lines: "1" * 30_000_000,
    "a million lines": lambda lines: "1\n" * 1_000_000,
}


def _read_answer(path: object) -> None:
    assert isinstance(path, Path)
    target = path.with_name("forecast.hdf5")
    try:
        from_text(path, path.with_name("question.hdf5"), target)
    finally:
        assert not target.exists(), "half a forecast was written"


QUESTIONS: dict[str, Change] = {
    "times of one axis": lambda file: file.create_dataset(QUERY_TIMES, data=np.arange(3.0)),
    "times of other trajectories": lambda file: file.create_dataset(QUERY_TIMES, data=np.zeros((5, 2))),
    "times of NaN": lambda file: file.create_dataset(QUERY_TIMES, data=np.full((3, 2), np.nan)),
    "times of 8 GB": lambda file: declared(file, QUERY_TIMES, (3, 10**9 // 3), np.float64, chunks=True),
    "times that are texts": lambda file: file.create_dataset(QUERY_TIMES, data="soon"),
    "times that are a group": lambda file: file.create_group(QUERY_TIMES),
}


def cases() -> list[Case]:
    """Every case of arrays that the suite itself would have written."""
    found = [Case("trajectory file", name, _changed(change), read_trajectories) for name, change in CHANGES.items()]
    found += [Case("trajectory file", name, make, read_trajectories) for name, make in FILES.items()]
    found.append(Case("trajectory file", "half a file", _half, read_trajectories))

    def score(path: object) -> object:
        return read_forecast(path, TIMES, SHAPE)

    found += [Case("forecast file", name, _forecast(change), score) for name, change in FORECASTS.items()]
    found += [Case("forecast file", name, make, score) for name, make in FILES.items()]
    found += [Case("text answer", name, _answer(change), _read_answer) for name, change in ANSWERS.items()]

    def ask(path: object) -> None:
        to_text(path, path.with_name("question.txt"))

    found += [Case("question", name, _changed(change), ask) for name, change in QUESTIONS.items()]
    return found
