"""Ridge regression from all context frames to all later ones, in principal components."""

from collections.abc import Iterator

import numpy as np

from ladid_bench.methods.gridded import GriddedMethod, encode, principal_components


class Ridge(GriddedMethod):
    """Map the context, as one vector, linearly to the future, as one vector."""

    def fit_grid(self, train: np.ndarray, valid: np.ndarray, seed: int) -> None:
        mean, modes = principal_components(train, self.settings.rank)
        length = self.task.context_frames
        components = encode(train, mean, modes).astype(np.float64)  # (trajectory, time, component)
        context = components[:, :length].reshape(len(components), -1)  # (trajectory, context * component)
        future = components[:, length:].reshape(len(components), -1)  # (trajectory, step * component)
        base = {
            "mean": mean,
            "modes": modes,
            "context_mean": context.mean(axis=0),
            "future_mean": future.mean(axis=0),
        }
        candidates = self._candidates(base, context - base["context_mean"], future - base["future_mean"])
        steps = valid.shape[1] - length
        best = np.inf
        for candidate in candidates:
            self.state = candidate
            error = self.validation_nmse(valid, self.extend(valid[:, :length], steps))
            if error < best:
                best, chosen = error, candidate
        self.state = chosen

    def _candidates(
        self, base: dict[str, np.ndarray], context: np.ndarray, future: np.ndarray
    ) -> Iterator[dict[str, np.ndarray]]:
        """The solution for each strength, strongest first; one singular value decomposition serves all."""
        left, scale, components = np.linalg.svd(context, full_matrices=False)
        kept = scale > np.finfo(np.float32).eps * scale[0]
        left, scale, components = left[:, kept], scale[kept], components[kept]
        projected = left.T @ future  # (context component, step * component)
        for strength in sorted(self.settings.strengths, reverse=True):
            shrinkage = scale / (scale**2 + strength * scale[0] ** 2)
            weights = {"context_modes": components, "weights": shrinkage[:, None] * projected}
            state = {**base, **weights, "strength": np.array(strength)}
            yield {name: values.astype(np.float32) for name, values in state.items()}

    def extend(self, context: np.ndarray, steps: int) -> np.ndarray:
        state = self.state
        components = encode(context, state["mean"], state["modes"])  # (trajectory, context, component)
        deviation = components.reshape(len(context), -1) - state["context_mean"]  # (trajectory, context * component)
        future = deviation @ state["context_modes"].T @ state["weights"] + state["future_mean"]
        future = future.reshape(len(context), -1, len(state["modes"]))[:, :steps]  # (trajectory, step, component)
        return future @ state["modes"] + state["mean"]


METHOD = Ridge
