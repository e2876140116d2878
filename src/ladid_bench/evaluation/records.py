"""The run record and what is kept of a run for the report.

``results/<scale>/records/<key>.json`` is the final word on a run. Attempts that ended without a
result stand in ``records/<key>.attempts/``, one file each, numbered from 1.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ladid_bench.errors import BenchError
from ladid_bench.files import atomic_write, finished, write_json

FINAL = ("ok", "diverged", "skipped")
FAILED = ("timeout", "out-of-memory", "error")


def read_record(path: Path) -> dict[str, Any]:
    """Read one record or attempt.

    Raises:
        BenchError: it is not a JSON object with a status.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BenchError(f"{path}: not a readable record ({error}); delete it and rerun") from error
    if not isinstance(record, dict) or record.get("status") not in (*FINAL, *FAILED):
        raise BenchError(f"{path}: not a run record (no known status); delete it and rerun")
    return record


def read_attempts(folder: Path) -> list[dict[str, Any]]:
    """The failed attempts of a run, oldest first."""
    return [read_record(path) for path in finished(folder, ".json")]


def write_attempt(folder: Path, attempt: dict[str, Any]) -> None:
    """Append a failed attempt."""
    taken = [int(path.stem) for path in finished(folder, ".json")]
    write_json(folder / f"{max(taken, default=0) + 1:03d}.json", attempt)


@dataclass(frozen=True)
class Sample:
    """What the report needs of a run besides its record; small enough to version.

    Attributes:
        squared_error, squared_truth, squared_deviation: float32 ``(trajectory, frame)``, the sums of
            ``metrics.Errors`` over the forecast frames of the test split.
        unit: int64 ``(trajectory,)``, resampling unit of each trajectory.
        times: float64 ``(trajectory, frame)``, times of the forecast frames.
        code: float32 ``(trajectory, code)``, the representation psi, or width 0 for a method without one.
        between_error, between_truth: the sums of squared error and truth at the times halfway between test
            frames, ``(trajectory, frame)``; width 0 where the data set has none.
        shown: int64 ``(example,)``, which trajectories are kept as pictures.
        truth: uint8 ``(example, context + frame, channel, *space)``, 0 to 255 over the task's range.
        forecast: uint8 ``(example, frame, channel, *space)``, on the same scale.
    """

    squared_error: np.ndarray
    squared_truth: np.ndarray
    squared_deviation: np.ndarray
    unit: np.ndarray
    times: np.ndarray
    code: np.ndarray
    between_error: np.ndarray
    between_truth: np.ndarray
    shown: np.ndarray
    truth: np.ndarray
    forecast: np.ndarray


def write_sample(path: Path, sample: Sample) -> None:
    """Write a sample atomically, compressed, and the same bytes for the same content."""
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **vars(sample))


def read_sample(path: Path) -> Sample:
    """Read what ``write_sample`` wrote; pickled content is refused.

    Raises:
        BenchError: the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return Sample(**dict(archive))
    except Exception as error:  # zip, numpy and key errors all mean the same to a user
        raise BenchError(f"{path}: not a readable sample ({error}); rerun its run") from error
