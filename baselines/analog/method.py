"""Analog forecasting: what came after the training windows most like the context."""

from collections.abc import Iterator

import numpy as np

from ladid_bench.methods.gridded import GriddedMethod, encode, principal_components

QUERIES = 32  # searched for at once, which bounds the matrix of distances
EXACT = 1e-6  # nearer analogs count as equally near: below this is rounding


class Analog(GriddedMethod):
    """Forecast the weighted mean of the continuations of the nearest training windows.

    A window is as many consecutive frames as the context has. Windows that start late lack the frames at
    long leads; for each lead the nearest windows are chosen among those that have a frame there.
    """

    def fit_grid(self, train: np.ndarray, valid: np.ndarray, seed: int) -> None:
        mean, modes = principal_components(train, self.settings.rank)
        components = encode(train, mean, modes)
        self.state = {"mean": mean, "modes": modes, "components": components, "frames": train}
        best, length = np.inf, self.task.context_frames
        context, steps = valid[:, :length], valid.shape[1] - length
        counts = sorted({min(count, len(train)) for count in self.settings.neighbours})
        for shifts in sorted({0, steps - 1}):  # windows that start as the trajectories do, or anywhere
            for count, forecast in self._forecasts(context, steps, shifts, counts):
                error = self.validation_nmse(valid, forecast)
                if error < best:
                    best, chosen = error, {"neighbours": np.array(count), "shifts": np.array(shifts)}
        self.state |= chosen

    def extend(self, context: np.ndarray, steps: int) -> np.ndarray:
        steps = min(steps, self.state["frames"].shape[1] - context.shape[1])
        counts = [int(self.state["neighbours"])]
        ((_, forecast),) = self._forecasts(context, steps, int(self.state["shifts"]), counts)
        return forecast

    def _forecasts(
        self, context: np.ndarray, steps: int, shifts: int, counts: list[int]
    ) -> Iterator[tuple[int, np.ndarray]]:
        """The forecast with each number of neighbours, ``(trajectory, step, value)``, by adding one after the other."""
        components = encode(context, self.state["mean"], self.state["modes"])
        parts = [
            self._nearest(components[start : start + QUERIES], steps, shifts, counts[-1])
            for start in range(0, len(components), QUERIES)
        ]
        distance, frame = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        library = self.state["frames"].reshape(-1, context.shape[2])  # (trajectory, time, value) -> (frame, value)
        weight = (1 / distance).astype(np.float32)  # (query, step, neighbour)
        total = np.zeros((len(context), steps, context.shape[2]), dtype=np.float32)
        for neighbour in range(counts[-1]):
            for step in range(steps):  # one step at a time: the neighbours' frames are never all copied at once
                total[:, step] += weight[:, step, neighbour, None] * library[frame[:, step, neighbour]]
            if neighbour + 1 in counts:
                yield neighbour + 1, total / weight[..., : neighbour + 1].sum(axis=2, keepdims=True)

    def _nearest(self, context: np.ndarray, steps: int, shifts: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Squared distance of the nearest windows and index of the frame to use, ``(query, step, neighbour)`` each."""
        length, window = self.state["components"].shape[1], context.shape[1]
        distances = self._distances(context, shifts)  # (query, trajectory, shift)
        queries, trajectories, _ = distances.shape
        distance = np.empty((queries, steps, count), dtype=np.float32)
        frame = np.empty((queries, steps, count), dtype=np.int64)
        near = np.empty((queries, 0), dtype=np.float32)
        last = np.empty((queries, 0), dtype=np.int64)  # index of the last frame of each window
        used = 0
        for step in range(steps, 0, -1):  # a shorter lead admits further shifts
            admitted = np.arange(used, min(shifts, length - window - step) + 1)
            used += admitted.size
            ends = np.arange(trajectories)[:, None] * length + admitted + window - 1  # (trajectory, shift)
            # (query, trajectory, shift) -> (query, trajectory * shift)
            near = np.concatenate([near, distances[:, :, admitted].reshape(queries, -1)], axis=1)
            last = np.concatenate([last, np.broadcast_to(ends.reshape(-1), (queries, ends.size))], axis=1)
            order = np.argsort(near, axis=1, kind="stable")[:, :count]
            near, last = np.take_along_axis(near, order, axis=1), np.take_along_axis(last, order, axis=1)
            distance[:, step - 1], frame[:, step - 1] = near, last + step
        return distance, frame

    def _distances(self, context: np.ndarray, shifts: int) -> np.ndarray:
        """Squared distance to each window, ``(query, trajectory, shift)``, in units of a window's mean squared norm."""
        components = self.state["components"]  # (trajectory, time, component)
        squares = (components**2).sum(axis=2)  # (trajectory, time)
        total = (context**2).sum(axis=(1, 2))[:, None, None].repeat(len(components), axis=1).repeat(shifts + 1, axis=2)
        for index in range(context.shape[1]):
            shifted = slice(index, index + shifts + 1)
            flat = components[:, shifted].reshape(-1, components.shape[2])  # (trajectory, shift, k) -> (window, k)
            product = (context[:, index] @ flat.T).reshape(total.shape)  # (query, window) -> (query, trajectory, shift)
            total += squares[None, :, shifted] - 2 * product
        return np.maximum(total / (context.shape[1] * squares.mean()), EXACT)


METHOD = Analog
