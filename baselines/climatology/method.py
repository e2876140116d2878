"""Climatology: the average training frame of the season that a query time lies in."""

import numpy as np

from ladid_bench.data.task import Task
from ladid_bench.methods.base import Forecast, Training
from ladid_bench.methods.simple import SimpleMethod


class Climatology(SimpleMethod):
    """Forecast the training mean of each part of the season, whatever the context.

    A season is divided into as many parts as it has time steps (12 months of a year), and a time
    belongs to the nearest one. A part without a training frame gets the mean over all frames.
    """

    @classmethod
    def skip(cls, task: Task) -> tuple[bool, str]:
        if task.season is None:
            return True, "the times of this data set carry no calendar, so that there is no season to average over"
        return False, ""

    def fit(self, training: Training) -> None:
        train = training.train
        part = self._part(train.times)  # (trajectory, time)
        total = train.frames.mean(axis=(0, 1), dtype=np.float64)
        means = [
            train.frames[part == index].mean(axis=0, dtype=np.float64) if (part == index).any() else total
            for index in range(self._parts)
        ]
        self.state = {"means": np.stack(means).astype(np.float32)}  # (part, channel, *space)

    def forecast(self, context: np.ndarray, context_times: np.ndarray, query_times: np.ndarray) -> Forecast:
        return Forecast(self.state["means"][self._part(query_times)])  # (trajectory, query, channel, *space)

    @property
    def _parts(self) -> int:
        return max(1, round(self.task.season / self.task.time_step))

    def _part(self, times: np.ndarray) -> np.ndarray:
        """Find the part of the season that each absolute time is in, int64 of the shape of ``times``."""
        return np.rint(times / self.task.season * self._parts).astype(np.int64) % self._parts


METHOD = Climatology
