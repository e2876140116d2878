"""TITLE: say here in a line what it does."""

import numpy as np

from ladid_bench.methods.gridded import GriddedMethod

TINY = 1e-12  # variance of frames without any signal


class Baseline(GriddedMethod):
    """Let the last frame fade to the mean as it did in training (damped persistence): to be replaced by your own idea.

    Frames arrive flattened and evenly spaced in time; forecasts at other times are interpolated for you. To describe
    frames by a few numbers: ``principal_components`` and ``encode`` beside ``GriddedMethod``; to choose between
    candidates: ``self.validation_nmse(valid, forecast)``.
    """

    def fit_grid(self, train: np.ndarray, valid: np.ndarray, seed: int) -> None:
        """Fill ``self.state`` with arrays; both splits are ``(trajectory, time, value)``, ``valid`` is to choose on.

        ``seed`` determines every random choice; this method makes none, and its card says ``deterministic``.
        """
        length = self.task.context_frames
        mean = train.mean(axis=(0, 1))  # (value,)
        last, later = train[:, length - 1 : length] - mean, train[:, length:] - mean
        variance = (1 + self.settings.strength) * (last**2).mean() + TINY
        self.state = {"mean": mean, "kept": (last * later).mean(axis=(0, 2)) / variance}  # kept: (step,)

    def extend(self, context: np.ndarray, steps: int) -> np.ndarray:
        """Forecast the next frames ``(trajectory, step, value)`` after a context ``(trajectory, context, value)``."""
        mean, kept = self.state["mean"], self.state["kept"][:steps]
        return mean + kept[:, None] * (context[:, -1:] - mean)


METHOD = Baseline
