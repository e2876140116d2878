"""Shoulder exercises measured by a smartwatch: accelerometer and gyroscope, ten subjects, seven exercises."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ladid_bench.core.configuration import SplitSizes
from ladid_bench.core.errors import BenchError
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.datasets.measured.archive import Archive, ArchivedFile
from ladid_bench.datasets.measured.base import MeasuredSource
from ladid_bench.datasets.measured.plain_pickle import read_pickled_array
from ladid_bench.datasets.source import DataCard

FILE = ArchivedFile(
    Archive(
        project="seglearn",
        version="1.2.5",
        filename="seglearn-1.2.5-py3-none-any.whl",
        sha256="ec6b952c85c9627050102854b372d85951563d3b990df677d7c55547e87413dd",
    ),
    path="seglearn/data/watch_dataset.npy",
    sha256="eb122f23cdf06ef6bd6c6c5312958ec5cf9d038e2e6d457b8081662c75a42537",
)

RATE = 50  # samples a second in the file
BLOCK = 5  # samples averaged to a frame
FEATURES = ("ax", "ay", "az", "wx", "wy", "wz")
SENSORS: Mapping[str, slice] = {"acceleration": slice(0, 3), "rotation": slice(3, 6)}
EXERCISES: Mapping[str, str] = {
    "PEN": "pendulum",
    "ABD": "abduction",
    "FEL": "forward elevation",
    "IR": "internal rotation",
    "ER": "external rotation",
    "TRAP": "trapezius extension",
    "ROW": "row",
}
HELD_OUT = "FEL"


TRAINING_SUBJECTS = (1, 2, 3, 4, 5, 6)
ORDINARY = tuple(code for code in EXERCISES if code != HELD_OUT)
SUBJECTS: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "ordinary": {"train": TRAINING_SUBJECTS, "valid": (7, 8), "test": (9, 10)},
    # who is trained or validated on here is a training subject there, so that the test subjects stay unseen
    "forward-elevation": {"train": (1, 2, 3, 4), "valid": (5, 6), "test": (9, 10)},
}
TAKEN: Mapping[str, tuple[str, ...]] = {"ordinary": ORDINARY, "forward-elevation": (HELD_OUT,)}

SUMMARY = (
    f"Six values at a time: acceleration and rate of rotation of a watch on the wrist along three axes. The {RATE} "
    f"samples a second are averaged in blocks of {BLOCK}, which gives {RATE // BLOCK} frames a second: a repetition "
    "takes one to two seconds, and 81 to 99.7 % of the variance of a feature is slower than 5 Hz, the most that such "
    "frames can show. So 20 frames given hold one repetition or two, and 40 frames asked for two to four. Windows of "
    "a recording follow each other without overlap and none crosses from one recording to another; a recording is one "
    "exercise with one arm by one subject. No value is missing and none is filled in."
)
SCALES = (
    "The two sensors have different units, and the choice of units would decide every error: the file's rotation "
    "varies two and a half times as much as its acceleration. All three axes of a sensor are therefore divided by one "
    "number, the root mean square deviation from its axes' means over the exercises and subjects of the ordinary "
    "training split, which the provenance states. It is the same for all splits and for the held-out exercise; "
    "directions and zero stay where they are."
)
SOURCE = (
    "smartwatch recordings of shoulder physiotherapy exercises, each a set of 20 repetitions, made for the study "
    f"cited, as the example {FILE.words}"
)
LICENCE = "The package that holds the file states BSD 3-Clause; the file itself names no licence."
CITATION = (
    "Burns and others, Shoulder physiotherapy exercise recognition: machine learning the inertial signals from a "
    "smartwatch, Physiological Measurement 39, 2018, arXiv:1802.01489; Burns and Whyne, Seglearn, JMLR 19, 2018"
)
CAUTION = (
    "The file names no units: acceleration has a median magnitude of 1.07 and so is in g, gravity included; rotation "
    "is taken to be in rad/s. The group is the subject, and there are two test subjects: windows and recordings of one "
    "person resemble each other, so that an interval over two says little. People change their pace; once a forecast "
    "is out of step it can be worse than the mean. Averaging in blocks is a weak filter: of what is faster than 5 Hz, "
    "as in shaking or a bump, some is folded back."
)
CAUTION_HELD_OUT = (
    " The exercise, raising the arm to the front, is in none of the ordinary splits; abduction, raising it to the "
    "side, is there and the nearest to it. It was chosen on subjects 7 and 8, as an exercise in which persistence is "
    "worse than the mean. Trained and validated on are subjects who are trained on in the ordinary splits."
)


class Recording(NamedTuple):
    """Hold a set of repetitions: ``frames`` float64 (time, 6) in the file's units, and who did what with which arm."""

    frames: np.ndarray
    subject: int
    exercise: str
    right: bool


@dataclass(frozen=True)
class ShoulderImu(MeasuredSource):
    """Cut windows of recordings of a watch on the wrist, as vectors of six values.

    Attributes:
        exercises: ``ordinary``, or ``forward-elevation``, the exercise kept apart.
    """

    name: ClassVar[str] = "shoulder-imu"
    version: ClassVar[int] = 1
    file: ClassVar[ArchivedFile] = FILE
    time_unit: ClassVar[str] = "seconds since the recording began"
    context_frames: ClassVar[int] = 20
    forecast_frames: ClassVar[int] = 40
    units: ClassVar[Mapping[str, str]] = {"time": "s", "motion": "1"}
    vectors: ClassVar[Mapping[str, Sequence[int]]] = {
        name: range(len(FEATURES))[axes] for name, axes in SENSORS.items()
    }
    interventions: ClassVar[Mapping[str, Mapping[str, Any]]] = {"forward-elevation": {"exercises": "forward-elevation"}}

    exercises: str = "ordinary"

    def __post_init__(self) -> None:
        self.require_known(exercises=TAKEN)

    @property
    def card(self) -> DataCard:
        held_out = self.exercises != "ordinary"
        return DataCard(
            title=f"Shoulder exercises felt by a watch{', an exercise kept apart' * held_out}",
            summary=f"{SUMMARY} {SCALES}",
            origin="measured",
            quantity=(
                f"features {', '.join(FEATURES)}: acceleration and rate of rotation along the watch's axes, in "
                "multiples of each sensor's spread (see the summary); times in seconds since the recording began"
            ),
            obtained_from=SOURCE,
            licence=LICENCE,
            citation=CITATION,
            splits=_describe(self.exercises),
            caution=CAUTION + CAUTION_HELD_OUT * held_out,
        )

    def split(self, name: str, sizes: SplitSizes, image_size: int, seed: int, frames: int) -> Trajectories:
        """Cut the windows of split ``name``; neither ``image_size`` nor ``seed`` has anything to decide."""
        recordings = _read(self.content())
        scales = _scales(recordings)
        chosen = [
            recording
            for recording in recordings
            if recording.subject in SUBJECTS[self.exercises][name] and recording.exercise in TAKEN[self.exercises]
        ]
        windows = [
            (recording, start) for recording in chosen for start in range(0, len(recording.frames) - frames + 1, frames)
        ]
        kept = [windows[index] for index in self.kept(len(windows), name, sizes, frames)]
        values = np.stack([recording.frames[start : start + frames] for recording, start in kept]) / scales
        starts = np.array([start for _, start in kept])
        return Trajectories(
            frames=values[:, :, None].astype(np.float32),  # (window, time, 6) -> (window, time, 1, 6)
            times=_times(starts[:, None] + np.arange(frames)),
            group=np.array([recording.subject for recording, _ in kept], dtype=np.int64),
            parameters={"right": np.array([float(recording.right) for recording, _ in kept])},
            fields=("motion",),
            space=("feature",),
            provenance=self.provenance(
                len(windows),
                features=list(FEATURES),
                scale={sensor: float(scales[axes][0]) for sensor, axes in SENSORS.items()},
                scale_units={"acceleration": "g", "rotation": "rad/s"},
                samples_averaged=BLOCK,
            ),
        )


def _read(packed: bytes) -> list[Recording]:
    """All recordings as frames, ordered by subject, exercise and arm.

    Raises:
        BenchError: the file is not what it should be.
    """
    content = read_pickled_array(packed, FILE.archive.filename)
    try:
        order = [content["y_labels"][int(index)] for index in content["y"]]
        described = zip(content["X"], content["subject"], order, content["side"], strict=True)
        found = [
            Recording(_averaged(samples), int(subject), exercise, bool(side))
            for samples, subject, exercise, side in described
        ]
        known = tuple(content["X_labels"]) == FEATURES and {recording.exercise for recording in found} <= set(EXERCISES)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise BenchError(
            f"{FILE.archive.filename}: '{FILE.path}' does not hold the recordings; delete it and rerun"
        ) from error
    if not known:
        raise BenchError(
            f"{FILE.archive.filename}: '{FILE.path}' holds other sensors or exercises; delete it and rerun"
        )
    labels = tuple(EXERCISES)
    return sorted(found, key=lambda one: (one.subject, labels.index(one.exercise), one.right))


def _averaged(samples: np.ndarray) -> np.ndarray:
    """``(sample, 6)`` to block means ``(frame, 6)``; samples that fill no block are left out."""
    count = len(samples) // BLOCK
    blocks = samples[: count * BLOCK].reshape(count, BLOCK, len(FEATURES))  # (sample, 6) -> (frame, in block, 6)
    return blocks.mean(axis=1)


def _times(frames: np.ndarray) -> np.ndarray:
    """Seconds since the recording began, at the middle of each block of samples."""
    return (BLOCK * frames + (BLOCK - 1) / 2) / RATE


def _scales(recordings: list[Recording]) -> np.ndarray:
    """Spread of each feature's sensor, ``(6,)``, from the ordinary training recordings alone."""
    training = np.concatenate(
        [one.frames for one in recordings if one.subject in TRAINING_SUBJECTS and one.exercise in ORDINARY]
    )  # (frame, 6)
    scales = np.empty(len(FEATURES))
    for axes in SENSORS.values():
        scales[axes] = np.sqrt(training[:, axes].var(axis=0).mean())
    return scales


def _describe(exercises: str) -> str:
    """The splits in words."""
    parts = [f"{split}: subjects {', '.join(map(str, subjects))}" for split, subjects in SUBJECTS[exercises].items()]
    names = ", ".join(EXERCISES[label] for label in TAKEN[exercises])
    return f"{'; '.join(parts)}; exercises: {names}; both arms; no subject is in two splits"
