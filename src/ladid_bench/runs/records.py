"""The run record and what is kept of a run for the report.

``results/<scale>/records/<key>.json`` is the final word on a run, also on one that failed as often as it may.
Until then its failed attempts stand in ``work/<scale>/attempts/<key>/``, one file each, numbered from 1.
"""

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, FiniteFloat

from ladid_bench.core.configuration import parse
from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import atomic_write, finished, write_json
from ladid_bench.core.readers import one_line, read_json
from ladid_bench.data.trajectories import arrays_sha256

FINAL = ("ok", "diverged", "skipped")
WAITING = "not run"  # status of a run of which no attempt has ended
FAILED = ("timeout", "out-of-memory", "error")
LARGEST_SAMPLE = 2**28  # bytes unpacked
# what is the same for all runs of a data set stands in one file that their samples name
SHARED = ("squared_truth", "squared_deviation", "group", "times", "truth")
LINK = "shared"  # the array of a sample that names this file, and the folder that the file is in


class _Part(BaseModel):
    """Something relied upon in a file; whatever else stands there is kept."""

    model_config = ConfigDict(strict=True, extra="allow")


class _Point(_Part):
    step: int
    valid_nmse: FiniteFloat


class _Splits(_Part):
    train: str
    valid: str
    test: str


class _Provenance(_Part):
    commit: str
    dirty: bool
    code_hash: str
    host: str
    device: str
    threads: int
    data_sha256: _Splits
    versions: dict[str, str]


class _Record(_Part):
    """A record of a run that ended by itself, as it is relied upon wherever it is read."""

    key: str
    reason: str
    identity: dict[str, Any]
    metrics: dict[str, FiniteFloat]
    cost: dict[str, FiniteFloat]
    history: list[_Point]
    provenance: _Provenance


class _Attempt(_Part):
    """A failed attempt, likewise."""

    status: Literal["timeout", "out-of-memory", "error"]
    reason: str
    host: str


class _FailureProvenance(_Part):
    commit: str
    code_hash: str
    host: str


class _Failure(_Part):
    """A record of a run that failed as often as it may, likewise."""

    key: str
    reason: str
    identity: dict[str, Any]
    failed_attempts: list[_Attempt]
    provenance: _FailureProvenance


def read_record(path: Path) -> dict[str, Any]:
    """Read the record of a run.

    Raises:
        BenchError: it is not a JSON object with a status and all that belongs to that status, or the record of
            another run.
    """
    remedy = "delete it and rerun"
    record = read_json(path, "record", remedy)
    status = record.get("status") if isinstance(record, dict) else None
    if status not in (*FINAL, *FAILED):
        raise BenchError(f"{path}: not a run record (no known status); {remedy}")
    parse(_kind(record), record, f"{path}: not a run record ({remedy})")
    if record["key"] != path.stem:
        raise BenchError(f"{path}: the record of another run, {record['key'][:40]!r}; {remedy}")
    return dict(record)


def _kind(record: dict[str, Any]) -> type[_Part]:
    return _Failure if record["status"] in FAILED else _Record


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Write the record of a run.

    Raises:
        BenchError: a method reported something that no record can hold; it would spoil the whole run table.
    """
    parse(_kind(record), record, "the record of this run")
    write_json(path, record)


def read_attempts(folder: Path) -> list[dict[str, Any]]:
    """Read the failed attempts of a run, oldest first.

    Raises:
        BenchError: one is damaged.
    """
    return [_read_attempt(path) for path in finished(folder, ".json")]


def _read_attempt(path: Path) -> dict[str, Any]:
    remedy = "delete it"
    attempt = read_json(path, "failed attempt", remedy)
    parse(_Attempt, attempt, f"{path}: not a failed attempt ({remedy})")
    return dict(attempt)


def write_attempt(folder: Path, attempt: dict[str, Any]) -> None:
    """Append a failed attempt."""
    taken = [int(path.stem) for path in finished(folder, ".json") if path.stem.isdecimal()]
    write_json(folder / f"{max(taken, default=0) + 1:03d}.json", attempt)


@dataclass(frozen=True)
class Sample:
    """What the report needs of a run besides its record; small enough to version.

    Attributes:
        squared_error, squared_truth, squared_deviation: float32 ``(trajectory, frame)``, the sums of
            ``metrics.Errors`` over the forecast frames of the test split, divided by the mean of the last one;
            only their ratios mean something.
        group: int64 ``(trajectory,)``, resampling group of each trajectory.
        times: float64 ``(trajectory, frame)``, times of the forecast frames.
        midpoints_nmse: float32 ``(trajectory,)``, nMSE at the times halfway between the forecast frames; length 0
            where the data set has none.
        pictured: int64 ``(example,)``, which trajectories are kept as pictures.
        truth: uint8 ``(example, context + frame, channel, *space)``, 0 to 255 over the range of each component.
        forecast: uint8 ``(example, frame, channel, *space)``, on the same scale.
    """

    squared_error: np.ndarray
    squared_truth: np.ndarray
    squared_deviation: np.ndarray
    group: np.ndarray
    times: np.ndarray
    midpoints_nmse: np.ndarray
    pictured: np.ndarray
    truth: np.ndarray
    forecast: np.ndarray


def write_sample(path: Path, sample: Sample) -> None:
    """Write a sample atomically, compressed, and the same bytes for the same content.

    What it shares with other runs of its data set goes into a file named by its content, see ``shared_file``.
    """
    shared = {name: getattr(sample, name) for name in SHARED}
    own = {name: values for name, values in vars(sample).items() if name not in SHARED}
    key = arrays_sha256(shared)[:16]
    _write_arrays(shared_file(path, key), shared)
    _write_arrays(path, own | {LINK: np.array(key)})


def shared_file(path: Path, key: str) -> Path:
    """Name the file of what the sample at ``path`` shares with others."""
    return path.parent / LINK / f"{key}.npz"


def _write_arrays(path: Path, arrays: dict[str, Any]) -> None:
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read_sample(path: Path) -> Sample:
    """Read what ``write_sample`` wrote; pickled content is refused.

    Raises:
        BenchError: the file, or that of what it shares, is missing or damaged.
    """
    with _readable(path):
        own = _read_arrays(path)
        shared = _read_arrays(shared_file(path, _shared_key(own)))
        sample = Sample(**own, **shared)
        if problem := _sample_problem(sample):
            raise ValueError(problem)
    return sample


def unshared_files(folder: Path) -> list[Path]:
    """List the files of shared content in a folder of samples that no sample there names any more.

    Raises:
        BenchError: a sample is damaged.
    """
    named = set()
    for path in finished(folder, ".npz"):
        with _readable(path):
            named.add(shared_file(path, _shared_key(_read_arrays(path))))
    return [path for path in finished(folder / LINK, ".npz") if path not in named]


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Put in one line what is wrong with the sample at ``path``."""
    try:
        yield
    except Exception as error:  # zip, numpy and key errors all mean the same to a user
        raise BenchError(f"{path}: not a readable sample ({one_line(error)}); rerun its run") from error


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise ValueError(f"{path.name} is no regular file" if path.exists() else f"{path.name}: no such file")
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > LARGEST_SAMPLE:
        raise ValueError(f"unpacks to {size:,} bytes")
    with np.load(path, allow_pickle=False) as archive:
        return dict(archive)


def _shared_key(own: dict[str, np.ndarray]) -> str:
    """Take from a sample's own arrays the key of the file of what it shares."""
    key = str(own.pop(LINK))
    if not re.fullmatch(r"[0-9a-f]{16}", key):
        raise ValueError(f"'{LINK}' is no key")
    return key


def _sample_problem(sample: Sample) -> str | None:
    """The first thing wrong with what was read, or None."""
    if any(values.dtype.kind not in "fiub" for values in vars(sample).values()):
        return "values that are no numbers"
    per_frame = (sample.squared_error, sample.squared_truth, sample.squared_deviation, sample.times)
    if sample.squared_error.ndim != 2 or any(one.shape != sample.squared_error.shape for one in per_frame):
        return "errors and times of different shapes"
    count, frames = sample.squared_error.shape
    if sample.group.shape != (count,) or sample.midpoints_nmse.shape not in ((count,), (0,)):
        return "another number of groups or midpoints than of trajectories"
    truth, forecast, given = sample.truth.shape, sample.forecast.shape, sample.truth.shape[1] - frames
    if truth[:1] != sample.pictured.shape or (truth[0], truth[1] - given, *truth[2:]) != forecast or given < 0:
        return "pictures of truth and forecast that do not belong together"
    if not all(np.isfinite(one).all() for one in per_frame):
        return "errors or times that are not finite"
    return None
