"""Dynamic mode decomposition with delays, fitted to all training trajectories at once."""

import itertools
import warnings
from collections.abc import Iterator

import numpy as np

from ladid_bench.methods.gridded import GriddedMethod, encode, picked_windows, principal_components

FIT_PAIRS = 20_000  # pairs of successive delay vectors, evenly picked, that the operator is fitted to
LIMIT = 2.0  # largest norm of a forecast's coordinates, in units of the largest in training


class DynamicModes(GriddedMethod):
    """Advance a vector of principal components at several delays by one linear operator.

    A constant beside the components gives the operator an offset. Eigenvalues outside the unit
    circle are moved onto it and the forecast's norm is bounded, so that no forecast can blow up.
    """

    def fit_grid(self, train: np.ndarray, valid: np.ndarray, seed: int) -> None:
        mean, modes = principal_components(train, max(self.settings.ranks))
        components = encode(train, mean, modes).astype(np.float64)
        context, best = self.task.context_frames, np.inf
        for candidate in self._candidates(components):
            rank = len(candidate["reading"])
            self.state = {**candidate, "mean": mean, "modes": modes[:rank]}
            error = self.validation_nmse(valid, self.extend(valid[:, :context], valid.shape[1] - context))
            if error < best:
                best, chosen = error, self.state
        self.state = chosen

    def _candidates(self, components: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
        available, longest = components.shape[2], min(self.task.context_frames, components.shape[1] - 1)
        ranks = sorted({min(rank, available) for rank in self.settings.ranks})
        delays = sorted({min(delay, longest) for delay in self.settings.delays})
        for rank, delay in itertools.product(ranks, delays):
            kept = components[:, :, :rank]
            scale = kept[..., 0].std()
            windows = picked_windows(kept, delay + 1, FIT_PAIRS)  # (window, delay + 1, rank)
            pairs = np.concatenate([_vectors(windows[:, :-1], scale), _vectors(windows[:, 1:], scale)], axis=1)
            # The triangular factor has the inner products of all pairs, which is all that the fit depends on.
            before, after = np.split(np.linalg.qr(pairs, mode="r"), 2, axis=1)
            largest = np.linalg.norm(kept, axis=2).max()
            for energy in self.settings.energies:
                state = _decompose(before.T, after.T, energy, rank)
                yield {**state, "delay": np.array(delay), "scale": np.array(scale), "largest": np.array(largest)}

    def extend(self, context: np.ndarray, steps: int) -> np.ndarray:
        state = self.state
        delay = int(state["delay"])
        components = encode(context[:, -delay:], state["mean"], state["modes"]).astype(np.float64)
        amplitudes = _vectors(components, float(state["scale"])) @ state["amplitudes"].T  # (trajectory, eigenvalue)
        ahead = np.empty((len(context), steps, len(state["modes"])))
        for step in range(steps):
            powers = state["eigenvalues"] ** (step + 1)
            ahead[:, step] = ((amplitudes * powers) @ state["reading"].T).real
        norm = np.linalg.norm(ahead, axis=2, keepdims=True)
        ahead *= np.minimum(1, LIMIT * state["largest"] / np.maximum(norm, np.finfo(float).tiny))
        return ahead.astype(np.float32) @ state["modes"] + state["mean"]


def _vectors(windows: np.ndarray, constant: float) -> np.ndarray:
    """Frames of each window side by side, oldest first, and a constant, ``(window, delay * rank + 1)``."""
    flat = windows.reshape(len(windows), -1)  # (window, delay, rank) -> (window, delay * rank)
    return np.concatenate([flat, np.full((len(flat), 1), constant)], axis=1)


def _decompose(before: np.ndarray, after: np.ndarray, energy: float, rank: int) -> dict[str, np.ndarray]:
    """Eigenvalues, the map from a delay vector to amplitudes, and the map from those to the newest frame.

    Args:
        before, after: ``(feature, pair)``; the features are ``rank`` components at each delay, and a constant.
        energy: share of the squared singular values of ``before`` that is kept.
    """
    from pydmd import DMD  # slow to import

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on the condition of the snapshots: validation judges the outcome
        dmd = DMD(svd_rank=energy).fit(before, after)
    eigenvalues = dmd.eigs / np.maximum(1, np.abs(dmd.eigs))
    return {
        "eigenvalues": eigenvalues,
        "amplitudes": np.linalg.pinv(dmd.modes),
        "reading": dmd.modes[-rank - 1 : -1],
    }


METHOD = DynamicModes
