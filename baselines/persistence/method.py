"""Persistence: the last frame given is the forecast at all times."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ladid_bench.core.configuration import Budget
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.methods.base import Forecast
from ladid_bench.methods.simple import SimpleMethod


class Persistence(SimpleMethod):
    """Repeats the last context frame; learns nothing."""

    def fit(
        self,
        train: Trajectories,
        valid: Trajectories,
        budget: Budget,
        seed: int,
        initial: Path | None = None,
        frozen: Sequence[str] = (),
    ) -> None:
        self.state = {}

    def forecast(self, context: np.ndarray, context_times: np.ndarray, query_times: np.ndarray) -> Forecast:
        return Forecast(np.repeat(context[:, -1:], query_times.shape[1], axis=1))  # (trajectory, query, ...)


METHOD = Persistence
