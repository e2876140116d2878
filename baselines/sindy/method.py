"""Sparse identification of nonlinear dynamics (SINDy) in coordinates of delayed principal components."""

import itertools
import warnings
from collections.abc import Iterator

import numpy as np

from ladid_bench.data.task import Task
from ladid_bench.methods.gridded import GriddedMethod, encode, principal_components

FIT_STATES = 10_000  # states, evenly picked from all trajectories, that the equations are fitted to
ORDER = 4  # of the central differences, and frames that they take beside the one they are for
SUBSTEPS = 4  # steps of the Runge-Kutta method from one frame to the next
RIDGE = 1e-5  # on coefficients, in units of the mean square of a whitened coordinate
READING_RIDGE = 1e-2  # the same on the map from terms to frames

Model = dict[str, np.ndarray]


class SparseDynamics(GriddedMethod):
    """Move a few coordinates of the last frames by a sparse polynomial ordinary differential equation.

    A state is a window of successive frames, in its leading principal components, each scaled to
    variance one; successive frames hold the velocities that a second-order system needs. No forecast
    can blow up: states and frames are kept in the range of the training split, coordinate by coordinate.
    """

    left_range = 0.0  # fraction of the trajectories of the last forecast that met the edge of that range

    @classmethod
    def skip(cls, task: Task) -> tuple[bool, str]:
        if task.frames <= ORDER:
            return True, f"its derivatives take {ORDER + 1} frames, got {task.frames}"
        return super().skip(task)

    def fit_grid(self, train: np.ndarray, valid: np.ndarray, seed: int) -> None:
        mean, modes = principal_components(train, self.settings.rank)
        components = encode(train, mean, modes).astype(np.float64)
        length, best = self.task.context_frames, np.inf
        delay = min(self.settings.delay, length, components.shape[1] - ORDER)
        context, future = np.split(encode(valid, mean, modes), [length], axis=1)
        # What the modes do not span adds the same to the error of every candidate, so components decide.
        power = (valid[:, length:].astype(np.float64) ** 2).sum(axis=(1, 2))
        for candidate in self._candidates(components, delay):
            forecast, _ = _roll_out(candidate, context, future.shape[1])
            error = ((forecast - future) ** 2).sum(axis=(1, 2))[power > 0] / power[power > 0]
            if error.sum() < best:
                best, chosen = error.sum(), candidate
        self.state = {**chosen, "mean": mean, "modes": modes}

    def _candidates(self, components: np.ndarray, delay: int) -> Iterator[Model]:
        settings = self.settings
        windows = _windows(components, delay)  # (trajectory, window, delay * rank)
        window_mean, window_modes = principal_components(windows, max(settings.coordinates))
        sizes = sorted({min(size, len(window_modes)) for size in settings.coordinates})
        for size, degree in itertools.product(sizes, settings.degrees):
            space = {"window_mean": window_mean, "window_modes": window_modes[:size]}
            space["scale"] = ((windows - window_mean) @ space["window_modes"].T).std(axis=(0, 1))
            states, derivatives, targets = _samples(space, components, windows)
            model = {
                **space,
                "range": np.stack([states.min(axis=0), states.max(axis=0)]),
                "component_range": np.stack([targets.min(axis=0), targets.max(axis=0)]),
                "rate": np.array(np.sqrt((derivatives**2).mean())),
                "terms": _terms(size, degree),
            }
            for noise in settings.noises:
                yield from self._fitted(model, states, derivatives, targets, noise)

    def _fitted(
        self, model: Model, states: np.ndarray, derivatives: np.ndarray, targets: np.ndarray, noise: float
    ) -> Iterator[Model]:
        """The model with each threshold and each reading of frames, for one strength of the noise."""
        from pysindy import STLSQ  # slow to import

        count, size = len(model["terms"]), states.shape[1]
        away = noise * np.random.default_rng(0).standard_normal(states.shape)
        velocities = derivatives / model["rate"] - self.settings.pull * away
        table = np.concatenate([_evaluate(model["terms"], states + away), velocities, targets], axis=1)
        # The triangular factor has the inner products of all columns, which is all that the fits depend on.
        table = np.linalg.qr(table, mode="r") / np.sqrt(len(table))
        terms, velocities, targets = np.split(table, [count, count + size], axis=1)
        for threshold in self.settings.thresholds:
            regression = STLSQ(threshold=threshold, alpha=RIDGE, unbias=False)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # on equations without a term: validation judges the outcome
                regression.fit(terms, velocities)
            found = {**model, "coefficients": model["rate"] * regression.coef_.T}
            for reading in self.settings.readings:
                used = terms[:, : 1 + size] if reading == "linear" else terms  # the constant, then the coordinates
                squares = used.T @ used + READING_RIDGE * np.eye(used.shape[1])
                yield {**found, "reading": np.linalg.solve(squares, used.T @ targets)}

    def extend(self, context: np.ndarray, steps: int) -> np.ndarray:
        mean, modes = self.state["mean"], self.state["modes"]
        components, self.left_range = _roll_out(self.state, encode(context, mean, modes), steps)
        return components.astype(np.float32) @ modes + mean

    def cost(self) -> dict[str, float]:
        return super().cost() | {"left_range": self.left_range}


def _windows(components: np.ndarray, delay: int) -> np.ndarray:
    """``delay`` successive frames side by side, oldest first, ``(trajectory, window, delay * rank)``."""
    windows = np.lib.stride_tricks.sliding_window_view(components, delay, axis=1)  # (trajectory, window, rank, delay)
    return windows.swapaxes(2, 3).reshape(*windows.shape[:2], -1)  # (trajectory, window, delay, rank) -> (..., value)


def _coordinates(space: Model, windows: np.ndarray) -> np.ndarray:
    return (windows - space["window_mean"]) @ space["window_modes"].T / space["scale"]


def _samples(space: Model, components: np.ndarray, windows: np.ndarray) -> list[np.ndarray]:
    """States, their derivatives by the frame and the components of their newest frame, ``(sample, ...)`` each."""
    from pysindy import FiniteDifference  # slow to import

    states = _coordinates(space, windows)  # (trajectory, window, coordinate)
    derivatives = np.array(FiniteDifference(order=ORDER, axis=1)(states, 1.0))
    newest = components[:, -states.shape[1] :]  # (trajectory, window, rank)
    inner = slice(ORDER // 2, -(ORDER // 2))  # elsewhere the differences are one-sided, and far worse
    # (trajectory, window, ...) -> (sample, ...)
    every = [array[:, inner].reshape(-1, array.shape[2]) for array in (states, derivatives, newest)]
    picked = np.linspace(0, len(every[0]) - 1, min(len(every[0]), FIT_STATES)).astype(int)
    return [array[picked] for array in every]


def _terms(size: int, degree: int) -> np.ndarray:
    """Factors of each term of the library, ``(term, degree)``: 0 is the constant one, ``k`` the k-th coordinate."""
    from pysindy import PolynomialLibrary  # slow to import

    powers = PolynomialLibrary(degree=degree).fit(np.zeros((1, size))).powers_  # (term, coordinate)
    terms = np.zeros((len(powers), degree), dtype=np.int64)
    for term, power in zip(terms, powers, strict=True):
        factors = np.repeat(np.arange(1, size + 1), power)
        term[: len(factors)] = factors
    return terms


def _evaluate(terms: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Values of the terms at states ``(n, coordinate)``, ``(n, term)``."""
    factors = np.concatenate([np.ones((len(states), 1)), states], axis=1)
    values = factors[:, terms[:, 0]]
    for column in terms.T[1:]:
        values *= factors[:, column]
    return values


def _roll_out(model: Model, context: np.ndarray, steps: int) -> tuple[np.ndarray, float]:
    """Components ``(trajectory, step, rank)`` of the next frames, and the fraction that met the edge of the range.

    The classical Runge-Kutta method. The equation is evaluated inside the range alone, so that it is
    bounded, and a state that has left it is moved to its edge.

    Args:
        model: coordinates, equation and reading.
        context: components of the context frames, ``(trajectory, context, rank)``.
    """
    terms, (low, high) = model["terms"], model["range"]
    needed = model["coefficients"].any(axis=1)
    active, coefficients = terms[needed], model["coefficients"][needed]
    delay = len(model["window_mean"]) // context.shape[2]

    def derivative(state: np.ndarray) -> np.ndarray:
        return _evaluate(active, np.clip(state, low, high)) @ coefficients

    state = _coordinates(model, _windows(context[:, -delay:], delay)[:, -1])  # (trajectory, coordinate)
    components = np.empty((len(context), steps, context.shape[2]))
    met = np.zeros(len(context), dtype=bool)
    for step in range(steps):
        for _ in range(SUBSTEPS):
            first = derivative(state) / SUBSTEPS
            second = derivative(state + first / 2) / SUBSTEPS
            third = derivative(state + second / 2) / SUBSTEPS
            fourth = derivative(state + third) / SUBSTEPS
            state = state + (first + 2 * second + 2 * third + fourth) / 6
        met |= ((state < low) | (state > high)).any(axis=1)
        state = np.clip(state, low, high)
        components[:, step] = _evaluate(terms[: len(model["reading"])], state) @ model["reading"]
    return np.clip(components, *model["component_range"]), float(met.mean())


METHOD = SparseDynamics
