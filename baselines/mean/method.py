"""The training mean: the average training frame is the forecast, whatever the context."""

import numpy as np

from ladid_bench.methods.base import Forecast, Training
from ladid_bench.methods.simple import SimpleMethod


class Mean(SimpleMethod):
    """Forecast the mean over all frames of all training trajectories."""

    def fit(self, training: Training) -> None:
        mean = training.train.frames.mean(axis=(0, 1), dtype=np.float64)  # (channel, *space)
        self.state = {"mean": mean.astype(np.float32)}

    def forecast(self, context: np.ndarray, context_times: np.ndarray, query_times: np.ndarray) -> Forecast:
        shape = (*query_times.shape, *self.state["mean"].shape)  # (trajectory, query, channel, *space)
        return Forecast(np.broadcast_to(self.state["mean"], shape).copy())


METHOD = Mean
