"""Scoring what a run says of its own uncertainty, beside the same noise for every method.

A method that forecasts one future has no distribution of its own, and one that has may do well or badly by it. So
every method gets, in the same way, a normal noise about its forecast whose standard deviation is the root mean square
error on the validation split at each lead time and for each component of a frame. Lead times, because errors grow;
components, because a pressure in Pa and an angle have errors of other sizes; pooled over pixels and trajectories,
because some tens of trajectories say little of the error of a single pixel. Where a method draws samples, these are
scored too: as they are, and with an observation noise for each component, as in the models that they are drawn from.
Its variance is what is left of the squared error on the validation split once the spread of the draws is taken off.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ladid_bench.core.paths import SPLITS, Folders
from ladid_bench.data.ensembles import DRAWS, crps, depth, energy_score
from ladid_bench.data.task import Task
from ladid_bench.data.trajectories import Trajectories, read_trajectories
from ladid_bench.data.variables import by_component
from ladid_bench.methods.base import Method
from ladid_bench.runs.calibration import OWN, RAW, RESIDUAL, Calibration
from ladid_bench.runs.derived import rounded
from ladid_bench.runs.trained import fit_again, load_trained
from ladid_bench.study.datasets import load_task
from ladid_bench.study.plan import PlannedRun

VARIES = 0.1  # least deviation of a pixel that is scored, over that of its variable: 1 % of the variance
MOST_BYTES = 2**27  # of draws at once; scoring them takes about four times as much


def calibrate_run(run: PlannedRun, folders: Folders) -> Calibration:
    """Score the predictive distributions of ``run``, and write ``results/<scale>/calibrations/<key>.json``.

    Args:
        run: with its trained model in its folder; what is fitted in closed form is fitted again.
        folders: of the scale.

    Raises:
        BenchError: the model cannot be loaded.
    """
    method, splits = _fitted(run, folders)
    values = Values.of(load_task(run.dataset, splits["train"]), splits["train"])
    content = Calibration.described(run, folders, splits)
    content |= {"reason": "", "draws": DRAWS, "varying": float(f"{values.share:.4g}")}
    content |= _scores(method, splits["valid"], splits["test"], values, run.seed)
    return Calibration.write(folders.calibration(run.key), content)


def _fitted(run: PlannedRun, folders: Folders) -> tuple[Method, dict[str, Trajectories]]:
    """The method of a run as it was when it forecast, and its data, split by split."""
    if run.trained:
        return load_trained(run, folders)
    files = run.dataset.files(folders)
    return fit_again(run, folders), {name: read_trajectories(files[name]) for name in SPLITS}


@dataclass(frozen=True)
class Values:
    """The values of a frame that are scored: those that vary, in deviations of their variable.

    Attributes:
        task: what is asked.
        places: among the flattened values of a frame, ``(value,)``.
        component: of each, counted among the channels of an image or the features of a vector, ``(value,)``.
        deviation: of the variable of each in the training split, ``(value,)``.
        weight: of each; values of one variable weigh alike, and so do variables, ``(value,)``, sum 1.
    """

    task: Task
    places: np.ndarray
    component: np.ndarray
    deviation: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, task: Task, train: Trajectories) -> "Values":
        """Find the values that vary in the training split by ``VARIES`` of the deviation of their variable."""
        variables, size = task.variables, int(np.prod(task.shape))
        spread = train.frames[:, : task.frames].std(axis=(0, 1), dtype=np.float64).ravel()
        components = sum(len(one.components) for one in variables)
        component = np.arange(size) // (size // components)
        deviation = by_component(variables, [one.deviation for one in variables])[component]
        counted = by_component(variables, [not one.constant for one in variables])[component] > 0
        places = np.flatnonzero(counted & (spread >= VARIES * deviation) & (deviation > 0))
        variable = by_component(variables, range(len(variables)))[component[places]]
        _, index, sizes = np.unique(variable, return_inverse=True, return_counts=True)
        return cls(task, places, component[places], deviation[places], 1 / (len(sizes) * sizes[index]))

    @property
    def share(self) -> float:
        """Share of the values of a frame that are scored."""
        return len(self.places) / int(np.prod(self.task.shape))

    def select(self, frames: np.ndarray) -> np.ndarray:
        """Select and scale the values of frames ``(..., channel, *space)``, ``(..., value)``."""
        leading = frames.ndim - len(self.task.shape)
        flat = frames.reshape(*frames.shape[:leading], -1)  # (..., channel, *space) -> (..., place)
        return flat[..., self.places] / self.deviation.astype(np.float32)

    def by_component(self, squares: np.ndarray) -> np.ndarray:
        """Average ``(..., value)`` over the values of each component, ``(..., component)``; 0 where there are none."""
        count = int(self.component.max(initial=0)) + 1
        member = (self.component[:, None] == np.arange(count)).astype(np.float64)  # (value, component)
        return squares @ (member / np.maximum(member.sum(axis=0), 1))


@dataclass(frozen=True)
class Part:
    """Some trajectories: the truth, the forecast, ``(trajectory, query, value)``, and draws, a row of them each."""

    truth: np.ndarray
    mean: np.ndarray
    draws: np.ndarray | None


def _parts(method: Method, split: Trajectories, values: Values, seed: int) -> Iterator[Part]:
    """Forecast and draw a split, as many trajectories at once as fit into ``MOST_BYTES``."""
    given, frames = values.task.context_frames, values.task.frames
    one = 4 * DRAWS * (frames - given) * int(np.prod(values.task.shape))
    size = max(1, MOST_BYTES // one)
    for start in range(0, len(split), size):
        part = split[np.arange(start, min(start + size, len(split)))]
        asked = part.frames[:, :given], part.times[:, :given], part.times[:, given:frames]
        draws = method.sample(*asked, samples=DRAWS, seed=seed + start)
        yield Part(
            values.select(part.frames[:, given:frames]),
            values.select(method.forecast(*asked).mean),
            None if draws is None else values.select(draws),
        )


def _scores(method: Method, valid: Trajectories, test: Trajectories, values: Values, seed: int) -> dict[str, Any]:
    """The part of a calibration that is measured."""
    residual, observation = _noise([_errors(part, values) for part in _parts(method, valid, values, seed)])
    random = np.random.default_rng(seed)
    made: dict[str, list[Scores]] = {}
    for part in _parts(method, test, values, seed):
        for name, draws in _distributions(part, residual, observation, values, random):
            made.setdefault(name, []).append(Scores.of(part.truth, draws, values.weight))
    given, frames = values.task.context_frames, values.task.frames
    lead = (test.times[:, given:frames] - test.times[:, given - 1 : given]).mean(axis=0)
    return {
        "group": test.group.tolist(),
        "lead_times": rounded(lead),
        "noise": {
            "residual": [rounded(row) for row in residual],
            "observation": None if observation is None else rounded(observation),
        },
        "scored": [_summary(name, parts) for name, parts in made.items()],
    }


def _errors(part: Part, values: Values) -> tuple[np.ndarray, np.ndarray | None]:
    """Squared error of the forecast, and of the mean of the draws less what their spread explains of it.

    Both are ``(trajectory, query, component)``.
    """
    error = values.by_component((part.truth - part.mean).astype(np.float64) ** 2)
    if part.draws is None:
        return error, None
    variance = part.draws.var(axis=0, ddof=1, dtype=np.float64)
    centre = part.draws.mean(axis=0, dtype=np.float64)
    return error, values.by_component((part.truth - centre) ** 2 - (1 + 1 / DRAWS) * variance)


def _noise(errors: list[tuple[np.ndarray, np.ndarray | None]]) -> tuple[np.ndarray, np.ndarray | None]:
    """Deviations of the residual noise, ``(query, component)``, and of the observation noise, ``(component,)``."""
    residual = np.sqrt(np.concatenate([error for error, _ in errors]).mean(axis=0))
    left = [rest for _, rest in errors if rest is not None]
    if not left:
        return residual, None
    return residual, np.sqrt(np.maximum(np.concatenate(left).mean(axis=(0, 1)), 0))


def _distributions(
    part: Part, residual: np.ndarray, observation: np.ndarray | None, values: Values, random: np.random.Generator
) -> Iterator[tuple[str, np.ndarray]]:
    """Draws ``(draw, trajectory, query, value)`` of each distribution by name."""
    noise = partial(random.standard_normal, (DRAWS, *part.truth.shape), dtype=np.float32)
    yield RESIDUAL, part.mean + residual[:, values.component].astype(np.float32) * noise()
    if part.draws is not None and observation is not None:
        yield OWN, part.draws + observation[values.component].astype(np.float32) * noise()
        yield RAW, part.draws


@dataclass(frozen=True)
class Scores:
    """Scores of the draws of some trajectories: ``depth`` is a histogram, all else ``(trajectory, query)``."""

    crps: np.ndarray
    energy_score: np.ndarray
    variance: np.ndarray
    squared_error: np.ndarray
    depth: np.ndarray

    @classmethod
    def of(cls, truth: np.ndarray, draws: np.ndarray, weight: np.ndarray) -> "Scores":
        """Score draws ``(draw, trajectory, query, value)`` of ``truth``; values count by ``weight``."""
        root = np.sqrt(weight).astype(np.float32)
        error = (truth - draws.mean(axis=0, dtype=np.float64)) ** 2
        inside = depth(truth, draws)
        counts = np.bincount(inside.ravel(), np.broadcast_to(weight, inside.shape).ravel(), len(draws) // 2 + 1)
        return cls(
            crps(truth, draws) @ weight,
            energy_score(truth * root, draws * root),
            draws.var(axis=0, ddof=1, dtype=np.float64) @ weight,
            error @ weight,
            counts,
        )


def _summary(name: str, parts: list[Scores]) -> dict[str, Any]:
    """``calibration.Scored`` of one distribution."""
    variance, error = (np.concatenate([getattr(one, of) for one in parts]) for of in ("variance", "squared_error"))
    counts = np.sum([one.depth for one in parts], axis=0)
    covered = np.cumsum(counts[::-1])[::-1] / counts.sum()  # share of values at least so deep
    return {
        "name": name,
        "crps": rounded(np.concatenate([one.crps for one in parts]).mean(axis=1)),
        "energy_score": rounded(np.concatenate([one.energy_score for one in parts]).mean(axis=1)),
        "coverage": rounded(covered[1:]),
        "spread": rounded(np.sqrt((1 + 1 / DRAWS) * variance.mean(axis=0))),
        "error": rounded(np.sqrt(error.mean(axis=0))),
    }
