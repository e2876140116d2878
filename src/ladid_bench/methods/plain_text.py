"""Trajectory and forecast files as plain text, for programs that do not read HDF5.

A line is a frame: number of the trajectory, time, and its values, channel by channel, row by row, separated by
spaces. In a question the query frames have no values. A program answers by writing these lines again,
in the same order, with values. Lines that begin with ``#`` are remarks.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ladid_bench.core import hdf5
from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import atomic_write
from ladid_bench.core.readers import one_line
from ladid_bench.data.trajectories import read_trajectories
from ladid_bench.methods.base import Forecast
from ladid_bench.methods.external import QUERY_TIMES
from ladid_bench.methods.forecasts import write_forecast

LONGEST_WORD = 100  # letters and spaces that a number may take
VALUE = "%.9g"  # a float32 survives it


def to_text(source: Path, target: Path) -> None:
    """Write a trajectory file, or a question with its ``query_times``, as text.

    Raises:
        BenchError: ``source`` is no trajectory file.
    """
    data = read_trajectories(source)
    frames = data.frames.reshape(*data.times.shape, -1)  # (trajectory, time, channel, *space) -> (..., value)
    line = " ".join([VALUE] * frames.shape[2])
    queries = _query_times(source, len(data))
    with atomic_write(target) as temporary, temporary.open("w", encoding="ascii") as file:
        file.write(f"# trajectory time values; a frame is {' x '.join(map(str, data.frames.shape[2:]))} values\n")
        for trajectory, moments in enumerate(data.times.tolist()):
            for time, values in zip(moments, frames[trajectory], strict=True):
                file.write(f"{trajectory} {time!r} {line % tuple(values)}\n")
            for time in queries[trajectory].tolist() if queries is not None else ():
                file.write(f"{trajectory} {time!r}\n")


def from_text(answer: Path, question: Path, target: Path) -> None:
    """Write the forecast file of an answer in text.

    Args:
        answer: a line for each query of ``question``, in its order.
        question: the HDF5 file that is answered.
        target: the forecast file.

    Raises:
        BenchError: a line is missing, too many, or not that of its query.
    """
    if not answer.is_file():
        raise BenchError(f"{answer}: no such file")
    context = read_trajectories(question)
    shape, times = context.frames.shape[2:], _query_times(question, len(context))  # (channel, *space)
    if times is None:
        raise BenchError(f"{question}: asks for nothing (no '{QUERY_TIMES}'); give the question, not a trajectory file")
    size = int(np.prod(shape))
    longest = LONGEST_WORD * (size + 2)
    count = sum(1 for _ in _frames(answer, longest))  # before anything of that size is kept
    if count != times.size:
        raise BenchError(f"{answer}: has {count} frames, the question has {times.size} queries")
    mean = np.empty((times.size, size), dtype=np.float32)
    wanted = ((trajectory, time) for trajectory, row in enumerate(times.tolist()) for time in row)
    for index, ((number, words), (trajectory, time)) in enumerate(zip(_frames(answer, longest), wanted, strict=True)):
        try:
            found = np.array(words, dtype=np.float64)
        except ValueError as error:
            raise BenchError(f"{answer}, line {number}: {one_line(error)}") from error
        if found.size != size + 2:
            raise BenchError(f"{answer}, line {number}: has {found.size - 2} values, a frame has {size}")
        if found[0] != trajectory or not np.isclose(found[1], time, rtol=1e-9, atol=0):
            stated = f"trajectory {words[0]} at {words[1]}"
            raise BenchError(f"{answer}, line {number}: is {stated}, the query is trajectory {trajectory} at {time!r}")
        mean[index] = found[2:]
    write_forecast(target, Forecast(mean.reshape(*times.shape, *shape)), times)


def _frames(answer: Path, longest: int) -> Iterator[tuple[int, list[str]]]:
    """Number and words of every line that is a frame, one line in memory at a time."""
    with answer.open(encoding="ascii", errors="replace") as file:
        number = 0
        while line := file.readline(longest + 1):
            number += 1
            if len(line) > longest:
                raise BenchError(f"{answer}, line {number}: longer than {longest} letters, too long for a frame")
            if line.strip() and line[0] != "#":
                yield number, line.split()


def _query_times(path: Path, trajectories: int) -> np.ndarray | None:
    """``query_times`` of a question, ``(trajectory, query)``; None for another trajectory file."""
    try:
        with hdf5.open_file(path) as file:
            times = hdf5.array(file, QUERY_TIMES) if QUERY_TIMES in file else None
    except hdf5.Refused as error:
        raise BenchError(f"{path}: {error}") from error
    if times is not None and (times.ndim != 2 or len(times) != trajectories or not np.isfinite(times).all()):
        raise BenchError(f"{path}: '{QUERY_TIMES}' {times.shape} has to hold finite times, a row a trajectory")
    return times
