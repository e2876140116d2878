"""Persistence: the last context frame is the forecast at all times."""

import numpy as np

from ladid_bench.methods.base import Forecast, Training
from ladid_bench.methods.simple import SimpleMethod


class Persistence(SimpleMethod):
    """Repeat the last context frame; learn nothing."""

    def fit(self, training: Training) -> None:
        self.state = {}

    def forecast(self, context: np.ndarray, context_times: np.ndarray, query_times: np.ndarray) -> Forecast:
        return Forecast(np.repeat(context[:, -1:], query_times.shape[1], axis=1))  # (trajectory, query, ...)


METHOD = Persistence
