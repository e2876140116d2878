"""One test trajectory of a data set as every method forecast it, ready to be shown."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ladid_bench.analysis.entries import DatasetContent, Entry
from ladid_bench.analysis.gathering import load_sample
from ladid_bench.core.paths import Folders
from ladid_bench.core.spreading import end_to_end
from ladid_bench.data.thumbnails import LARGEST_SIDE, smaller
from ladid_bench.runs.records import Sample

MOST_FEATURES = 6  # of vectors that are told of
MOST_FRAMES, FEWEST_FRAMES = 60, 12
PIXELS = 6_000_000  # of all films of a report together, at roughly a byte each


@dataclass(frozen=True)
class Pictures:
    """One test trajectory of a data set as every method forecast it, first channel, as levels 0 to 255.

    Attributes:
        trajectory: its number in the test split.
        lead: time from the last given frame to each frame, ``(frame,)``; not positive in the context.
        truth: uint8 ``(frame, *space)``, context first.
        forecasts: by label of the method, uint8 ``(forecast frame, *space)``.
        errors: primary error of each method on this trajectory.
    """

    trajectory: int
    lead: np.ndarray
    truth: np.ndarray
    forecasts: dict[str, np.ndarray]
    errors: dict[str, float]

    @property
    def given(self) -> int:
        """Frames of the context."""
        return int((self.lead <= 0).sum())

    def difference(self, label: str) -> np.ndarray:
        """Take the absolute difference of a method's forecast and the truth, uint8 ``(forecast frame, *space)``."""
        truth = self.truth[self.given :].astype(np.int16)
        return np.abs(truth - self.forecasts[label]).astype(np.uint8)

    def thinned(self, frames: int) -> "Pictures":
        """Keep at most that many frames, spread evenly, first and last kept; average large ones down."""
        total = len(self.truth)
        kept = end_to_end(total, frames)
        asked = kept[kept >= self.given] - self.given
        forecasts = {label: smaller(levels[asked]) for label, levels in self.forecasts.items()}
        return Pictures(self.trajectory, self.lead[kept], smaller(self.truth[kept]), forecasts, self.errors)


def collect(dataset: DatasetContent, folders: Folders) -> Pictures | None:
    """Collect the first trajectory that the best method kept pictures of, as all methods forecast it.

    A floor comes last; its pictures render the true frames. Methods that kept no pictures of it are left out; None
    where none did, or the data have no card.
    """
    samples = {entry.label: _pictured(entry, folders) for entry in [*dataset.ordered, *dataset.floors]}
    known = {label: sample for label, sample in samples.items() if sample is not None and len(sample.pictured)}
    if not known or not dataset.card:
        return None
    first = next(iter(known.values()))
    trajectory = int(first.pictured[0])
    places = {label: np.flatnonzero(sample.pictured == trajectory) for label, sample in known.items()}
    shown = {label: int(place[0]) for label, place in places.items() if len(place)}
    return Pictures(
        trajectory=trajectory,
        lead=_lead(dataset, first.times[trajectory]),
        truth=first.truth[0, :, 0].copy(),  # (example, frame, channel, *space); a view would keep it all in memory
        forecasts={label: known[label].forecast[place, :, 0].copy() for label, place in shown.items()},
        errors={label: _error(dataset, known[label], trajectory) for label in shown},
    )


def _pictured(entry: Entry, folders: Folders) -> Sample | None:
    return load_sample(folders.samples(entry.done[0].key)) if entry.done else None


def _lead(dataset: DatasetContent, times: np.ndarray) -> np.ndarray:
    """Lead time of every frame; the context's own times are not kept, so its step is taken as even."""
    step = dataset.card["task"]["time_step"]
    context = np.arange(1 - dataset.context_frames, 1) * step
    return np.concatenate([context, times - times[0] + step])


def _error(dataset: DatasetContent, sample: Sample, trajectory: int) -> float:
    below = sample.squared_truth if dataset.primary_metric == "nmse" else sample.squared_deviation
    scale = float(below[trajectory].sum())
    return float(sample.squared_error[trajectory].sum(dtype=np.float64)) / scale if scale > 0 else math.nan


def all_pictures(datasets: list[DatasetContent], folders: Folders) -> dict[str, Pictures]:
    """Collect the pictures by data set, thinned so that all films of a report together stay small."""
    found = {dataset.name: collect(dataset, folders) for dataset in datasets}
    known = {name: pictures for name, pictures in found.items() if pictures is not None}
    areas = [(1 + 2 * len(one.forecasts)) * min(one.truth[0].size, LARGEST_SIDE**2) for one in known.values()]
    frames = int(np.clip(PIXELS // max(1, sum(areas)), FEWEST_FRAMES, MOST_FRAMES))
    return {name: one.thinned(frames) if one.truth.ndim == 3 else one for name, one in known.items()}


def series_frame(dataset: DatasetContent, pictures: Pictures, labels: Sequence[str]) -> pd.DataFrame:
    """Tabulate truth and forecasts of the first features over lead time, in physical values."""
    task = dataset.card["task"]
    features = pictures.truth.shape[-1]
    low, high = (np.array(task[end][:features]) for end in ("low", "high"))  # of the features of the first channel
    told = {"truth": (pictures.lead, pictures.truth)}
    told |= {label: (pictures.lead[pictures.given :], pictures.forecasts[label]) for label in labels}
    return pd.concat(
        pd.DataFrame({"dataset": dataset.name, "name": name, "feature": feature + 1, "lead_time": lead, "value": value})
        for name, (lead, levels) in told.items()
        for feature, value in enumerate((levels / 255 * (high - low) + low).T[:MOST_FEATURES])
    )
