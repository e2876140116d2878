"""The training mean: the average training frame is the forecast, whatever was given."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ladid_bench.core.configuration import Budget
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.methods.base import Forecast
from ladid_bench.methods.simple import SimpleMethod


class Mean(SimpleMethod):
    """Forecasts the mean over all frames of all training trajectories."""

    def fit(
        self,
        train: Trajectories,
        valid: Trajectories,
        budget: Budget,
        seed: int,
        initial: Path | None = None,
        frozen: Sequence[str] = (),
    ) -> None:
        self.state = {"mean": train.frames.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)}  # (channel, *space)

    def forecast(self, context: np.ndarray, context_times: np.ndarray, query_times: np.ndarray) -> Forecast:
        shape = (*query_times.shape, *self.state["mean"].shape)  # (trajectory, query, channel, *space)
        return Forecast(np.broadcast_to(self.state["mean"], shape).copy())


METHOD = Mean
