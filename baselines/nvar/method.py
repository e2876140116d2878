"""Nonlinear vector autoregression: next generation reservoir computing (Gauthier et al., 2021) of components."""

import itertools
from collections.abc import Iterator

import numpy as np

from ladid_bench.data.task import Task
from ladid_bench.methods.gridded import GriddedMethod, encode, picked_windows, principal_components

FIT_PAIRS = 10_000  # pairs of a state and what follows, evenly picked, that the map is fitted to
LIMIT = 2.0  # largest norm of a state that is input again, in units of the largest in training


class VectorAutoregression(GriddedMethod):
    """Add to the components of the last frame a linear map of the features of the last few frames."""

    @classmethod
    def skip(cls, task: Task) -> tuple[bool, str]:
        if not task.regular:
            return True, "it steps from frame to frame, and this data set's frames are not evenly spaced in time"
        return False, ""

    def fit_grid(self, train: np.ndarray, valid: np.ndarray, seed: int) -> None:
        mean, modes = principal_components(train, max(self.settings.ranks))
        components = encode(train, mean, modes).astype(np.float64)
        context, best = self.task.context_frames, np.inf
        for candidate in self._candidates(components):
            self.state = {**candidate, "mean": mean, "modes": modes[: candidate["weights"].shape[1]]}
            error = self.validation_nmse(valid, self.extend(valid[:, :context], valid.shape[1] - context))
            if error < best:
                best, chosen = error, self.state
        self.state = chosen

    def _candidates(self, components: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
        """Yield a map for each rank, number of delays and penalty; one decomposition serves all penalties."""
        scale = components[..., 0].std()
        available, longest = components.shape[2], min(self.task.context_frames, components.shape[1] - 1)
        ranks = sorted({min(rank, available) for rank in self.settings.ranks})
        delays = sorted({min(delay, longest) for delay in self.settings.delays})
        pairs = itertools.product(ranks, delays)
        affordable = [pair for pair in pairs if monomial_count(*pair) <= self.settings.features]
        for rank, delay in affordable or [(ranks[0], delays[0])]:
            kept = components[..., :rank] / scale
            windows = picked_windows(kept, delay + 1, FIT_PAIRS)  # (window, delay + 1, rank)
            increments = windows[:, -1] - windows[:, -2]
            scales = {"scale": np.array(scale), "largest": np.linalg.norm(kept, axis=2).max(keepdims=True)}
            for weights in _ridge(monomials(windows[:, :-1]), increments, self.settings.strengths):
                yield {"weights": weights, "delay": np.array(delay), **scales}

    def extend(self, context: np.ndarray, steps: int) -> np.ndarray:
        state = self.state
        weights, most = state["weights"], LIMIT * state["largest"]
        components = encode(context, state["mean"], state["modes"]).astype(np.float64) / state["scale"]
        recent = list(components[:, -int(state["delay"]) :].swapaxes(0, 1))  # delay of (trajectory, rank), oldest first
        ahead = []
        for _ in range(steps):
            reached = recent[-1] + monomials(np.stack(recent, axis=1)) @ weights
            norm = np.linalg.norm(reached, axis=1, keepdims=True)
            recent = [*recent[1:], reached * np.minimum(1, most / np.maximum(norm, np.finfo(float).tiny))]
            ahead.append(recent[-1])
        frames = (np.stack(ahead, axis=1) * state["scale"]).astype(np.float32)  # (trajectory, step, rank)
        return frames @ state["modes"] + state["mean"]


def monomial_count(rank: int, delay: int) -> int:
    """Count the features of a state of ``rank`` components at ``delay`` delays."""
    values = rank * delay
    return 1 + values + values * (values + 1) // 2


def monomials(windows: np.ndarray) -> np.ndarray:
    """Compute a constant, all values and every product of two once: ``(n, delay, rank)`` to ``(n, feature)``."""
    values = windows.reshape(len(windows), -1)  # (n, delay, rank) -> (n, delay * rank)
    first, second = np.triu_indices(values.shape[1])
    return np.concatenate([np.ones((len(values), 1)), values, values[:, first] * values[:, second]], axis=1)


def _ridge(features: np.ndarray, target: np.ndarray, strengths: list[float]) -> Iterator[np.ndarray]:
    """Solve for weights ``(feature, rank)`` for each penalty, strongest first."""
    # the triangular factor has the inner products of all samples, which is all that the fit depends on
    factor = np.linalg.qr(np.concatenate([features, target], axis=1), mode="r")
    left, singular, right = np.linalg.svd(factor[:, : features.shape[1]], full_matrices=False)
    projected = left.T @ factor[:, features.shape[1] :]  # (direction, rank)
    for strength in sorted(strengths, reverse=True):
        shrinkage = singular / (singular**2 + strength * singular[0] ** 2)
        yield right.T @ (shrinkage[:, None] * projected)


METHOD = VectorAutoregression
