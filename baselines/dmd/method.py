"""Dynamic mode decomposition with delays, fitted to all training trajectories at once."""

import itertools
import warnings
from collections.abc import Iterator

import numpy as np

from ladid_bench.methods.gridded import GriddedMethod, encode, principal_components

FIT_PAIRS = 20_000  # pairs of successive delay vectors, evenly picked, that the operator is fitted to
LIMIT = 2.0  # largest norm of a forecast's coordinates, in units of the largest in training


class DynamicModes(GriddedMethod):
    """One linear operator advances a vector of principal components at several delays.

    A constant beside the components gives the operator an offset. Eigenvalues outside the unit
    circle are moved onto it and the forecast's norm is bounded, so that no forecast can blow up.
    """

    def fit_grid(self, train: np.ndarray, valid: np.ndarray) -> None:
        mean, modes = principal_components(train, max(self.settings.ranks))
        codes = encode(train, mean, modes).astype(np.float64)
        given, best = self.task.context_frames, np.inf
        for candidate in self._candidates(codes):
            rank = len(candidate["reading"])
            self.state = {**candidate, "mean": mean, "modes": modes[:rank]}
            error = self.validation_nmse(valid, self.extend(valid[:, :given], valid.shape[1] - given))
            if error < best:
                best, chosen = error, self.state
        self.state = chosen

    def _candidates(self, codes: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
        available, longest = codes.shape[2], min(self.task.context_frames, codes.shape[1] - 1)
        ranks = sorted({min(rank, available) for rank in self.settings.ranks})
        delays = sorted({min(delay, longest) for delay in self.settings.delays})
        for rank, delay in itertools.product(ranks, delays):
            kept = codes[:, :, :rank]
            scale = kept[..., 0].std()
            vectors = _delayed(kept, delay, scale)  # (trajectory, window, delay * rank + 1)
            pairs = np.concatenate([vectors[:, :-1], vectors[:, 1:]], axis=2).reshape(-1, 2 * vectors.shape[2])
            picked = np.linspace(0, len(pairs) - 1, min(len(pairs), FIT_PAIRS)).astype(int)
            # The triangular factor has the inner products of all pairs, which is all that the fit depends on.
            before, after = np.split(np.linalg.qr(pairs[picked], mode="r"), 2, axis=1)
            largest = np.linalg.norm(kept, axis=2).max()
            for energy in self.settings.energies:
                state = _decompose(before.T, after.T, energy, rank)
                yield {**state, "delay": np.array(delay), "scale": np.array(scale), "largest": np.array(largest)}

    def extend(self, context: np.ndarray, steps: int) -> np.ndarray:
        state = self.state
        delay = int(state["delay"])
        codes = encode(context[:, -delay:], state["mean"], state["modes"]).astype(np.float64)
        vector = _delayed(codes, delay, float(state["scale"]))[:, 0]  # (trajectory, delay * rank + 1)
        amplitudes = vector @ state["amplitudes"].T  # (trajectory, eigenvalue)
        powers = state["eigenvalues"] ** np.arange(1, steps + 1)[:, None]  # (step, eigenvalue)
        ahead = ((amplitudes[:, None] * powers) @ state["reading"].T).real  # (trajectory, step, rank)
        norm = np.linalg.norm(ahead, axis=2, keepdims=True)
        ahead *= np.minimum(1, LIMIT * state["largest"] / np.maximum(norm, np.finfo(float).tiny))
        return ahead.astype(np.float32) @ state["modes"] + state["mean"]


def _delayed(codes: np.ndarray, delay: int, constant: float) -> np.ndarray:
    """All windows of ``delay`` frames, oldest first, with a constant: ``(trajectory, window, delay * rank + 1)``."""
    windows = np.lib.stride_tricks.sliding_window_view(codes, delay, axis=1)  # (trajectory, window, rank, delay)
    vectors = windows.swapaxes(2, 3).reshape(*windows.shape[:2], -1)  # (trajectory, window, delay * rank)
    return np.concatenate([vectors, np.full((*vectors.shape[:2], 1), constant)], axis=2)


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
