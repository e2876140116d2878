"""A trained method and its task in one object, from arrays or from a run of a study: the face that Python users see."""

import math
import operator
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ladid_bench.core.configuration import DATA_KINDS, Budget, DataKind, Section, parse
from ladid_bench.core.errors import BenchError, explain, nearest
from ladid_bench.core.files import write_json
from ladid_bench.core.memory import memory_shortage
from ladid_bench.core.paths import find_root
from ladid_bench.core.readers import one_line, read_json
from ladid_bench.data.task import Task, task_of
from ladid_bench.data.trajectories import Trajectories, check_trajectories
from ladid_bench.methods.base import Forecast, Method, Training
from ladid_bench.methods.registry import load_card, load_method, resolve_settings

DESCRIPTION = "model.json"  # beside what the method itself keeps
COPIES = 4  # of draws, float32, that are in memory at once
DATASET = "arrays"  # how a data set that has no name is called


class _Description(Section):
    """What is needed, besides the method's own files, to make the model again."""

    method: str
    settings: dict[str, Any]
    task: Task


@dataclass(frozen=True)
class Model:
    """A trained method, ready to forecast.

    Attributes:
        name: of the method, as ``ladid-bench methods`` lists it.
        method: with its trained weights.
    """

    name: str
    method: Method

    @property
    def task(self) -> Task:
        """Context and forecast frames, shape ``(channel, *space)`` of a frame and range of values it was trained on."""
        return self.method.task

    def forecast(self, context: Any, context_times: Any, query_times: Any, samples: int = 0, seed: int = 0) -> Forecast:
        """Forecast frames at query times, in physical units.

        Args:
            context: ``(trajectory, context, channel, *space)``, or without the channel axis where there is one channel.
            context_times: ``(trajectory, context)``, or ``(context,)`` for all trajectories alike.
            query_times: ``(trajectory, query)`` or ``(query,)``, increasing and after the context.
            samples: number of draws from the predictive distribution, without the noise of a single observation.
            seed: determines the draws.

        Returns:
            ``mean``, and ``std`` for methods that have one, ``(trajectory, query, ...)`` with the axes of ``context``;
            ``samples``, if asked for, ``(sample, trajectory, query, ...)``.

        Raises:
            BenchError: shapes or times do not fit the model, values are not finite, the method forecasts one future
                and draws no samples, or the draws do not fit into the memory.
        """
        samples, seed = _whole("samples", samples, 0), _whole("seed", seed, 0)
        frames = with_channels(context, self.task.shape, "context")
        times, queries = of_each(context_times, len(frames)), of_each(query_times, len(frames))
        self._check(frames, times, queries)
        try:
            made = self.method.forecast(frames, times, queries)
        except RecursionError as error:  # a model starts anew from its own forecast each time its horizon ends
            raise BenchError(
                f"{self.name}: the query times are too far beyond the time that it was trained for; ask for nearer ones"
            ) from error
        if not np.isfinite(made.mean).all():
            raise BenchError(f"{self.name}: the forecast has values that are not finite")
        shape = made.mean.shape[:2] + frames.shape[2 if np.ndim(context) == frames.ndim else 3 :]
        std = None if made.std is None else made.std.reshape(shape)
        draws = self._draw(frames, times, queries, samples, seed).reshape(samples, *shape) if samples else None
        return Forecast(made.mean.reshape(shape), std, draws)

    def _draw(self, frames: np.ndarray, times: np.ndarray, queries: np.ndarray, samples: int, seed: int) -> np.ndarray:
        if shortage := memory_shortage(4 * COPIES * samples * queries.size * math.prod(self.task.shape)):
            raise BenchError(f"{self.name}: {samples} samples need about {shortage}; ask for fewer")
        drawn = self.method.sample(frames, times, queries, samples, seed)
        if drawn is None:
            raise BenchError(f"{self.name}: forecasts one future and draws no samples; ask for none, or another method")
        if not np.isfinite(drawn).all():
            raise BenchError(f"{self.name}: its samples have values that are not finite")
        return drawn

    def _check(self, frames: np.ndarray, times: np.ndarray, queries: np.ndarray) -> None:
        if frames.shape[1] != self.task.context_frames:
            raise BenchError(
                f"context has {frames.shape[1]} frames, but the model was trained to see {self.task.context_frames}"
            )
        check_trajectories(_trajectories(frames, times), "context")
        if queries.ndim != 2 or 0 in queries.shape or not np.isfinite(queries).all():
            raise BenchError(f"query_times {queries.shape} must be finite times, one row per trajectory")
        if (np.diff(np.concatenate([times[:, -1:], queries], axis=1), axis=1) <= 0).any():
            raise BenchError("query_times must be increasing and after the last of context_times")

    def save(self, folder: str | Path) -> None:
        """Write the model to ``folder``, from which ``load`` makes it again; an earlier model there is replaced.

        Raises:
            BenchError: the folder holds something else, or is a file.
        """
        place = Path(folder)
        if place.exists() and (not place.is_dir() or (any(place.iterdir()) and not (place / DESCRIPTION).exists())):
            raise BenchError(f"{place}: holds something other than a model; choose a new folder")
        try:
            self.method.save(place)
        except OSError as error:
            raise BenchError(explain(error)) from error
        described = {"method": self.name, "settings": vars(self.method.settings), "task": asdict(self.task)}
        write_json(place / DESCRIPTION, described)


def fit(
    method: str,
    frames: Any,
    times: Any,
    *,
    context_frames: int,
    steps: int = 3000,
    seed: int = 0,
    valid_fraction: float = 0.1,
    kind: DataKind = "measured",
    settings: Mapping[str, Any] | None = None,
    budget: Mapping[str, Any] | None = None,
    device: str = "cpu",
    threads: int = 1,
) -> Model:
    """Train a method to forecast the frames after a context from the context.

    Args:
        method: name, or ``name:variant``, as ``ladid-bench methods`` lists it.
        frames: vectors ``(trajectory, time, feature)``, images ``(trajectory, time, height, width)`` or images of
            several channels ``(trajectory, time, channel, height, width)``, in any physical unit.
        times: ``(trajectory, time)``, or ``(time,)`` for all trajectories alike, increasing, in any unit.
        context_frames: frames at the beginning of a trajectory that are seen; the others are to be forecast.
        steps: of the optimiser; a method in closed form has none.
        seed: determines initial weights, batches and which trajectories validate.
        valid_fraction: share of the trajectories, at least one, on which the best weights are chosen.
        kind: of data, ``bodies``, ``fields`` or ``measured``: the hyper-parameters that were searched for on such data.
        settings: changed hyper-parameters of the method, see its ``method.yaml``.
        budget: changed settings of the trainer, see ``Budget`` in ``ladid_bench.core.configuration``.
        device: ``cpu`` or ``cuda``.
        threads: of the training; more than one seldom pays at these sizes, and hurts where others use the cores.

    Raises:
        BenchError: arrays that do not fit together, an unknown method or setting, settings with which the method
            fails, or a method that declines the task.
        Diverged: a value became non-finite in training.
    """
    context_frames, seed = _whole("context_frames", context_frames, 1), _whole("seed", seed, 0)
    threads = _whole("threads", threads, 1)
    for named, changes in (("settings", settings), ("budget", budget)):
        if changes is not None and not isinstance(changes, Mapping):
            raise BenchError(f"{named}: must be a mapping of names to values, not {changes!r:.60}")
    if "steps" in (budget or {}):
        raise BenchError("budget: give the steps as steps=, not in the budget")
    data = _given(frames, times)
    if not 0 < context_frames < data.frames.shape[1]:
        raise BenchError(
            f"context_frames is {context_frames}, but must be at least 1 and below the {data.frames.shape[1]} frames"
        )
    train, valid = _divided(data, valid_fraction, seed)
    task = task_of(train, DATASET, context_frames, data.frames.shape[1] - context_frames)
    name, _, variant = method.partition(":")
    made = _new_method(name, variant, kind, settings or {}, task, device)
    trained_for = parse(Budget, {**(budget or {}), "steps": _whole("steps", steps, 1)}, "budget")
    try:
        with limited_threads(threads):
            made.fit(Training(train, valid, trained_for, seed))
    except (RuntimeError, ValueError) as error:
        if settings:  # no range is declared for them: whatever fails may be due to them
            raise BenchError(f"{method}: failed with the settings {dict(settings)} ({one_line(error)})") from error
        raise
    return Model(name, made)


@contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Keep torch and BLAS to so many threads while this lasts."""
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with threadpool_limits(threads):
            yield
    finally:
        torch.set_num_threads(before)


def load(model: str | Path) -> Model:
    """Load a model that ``Model.save`` wrote, or that of a run of a study.

    Args:
        model: a folder, or the key of a run, whose first digits are enough.

    Raises:
        BenchError: there is no such model, or its files are damaged or do not fit today's code.
    """
    path = Path(model) / DESCRIPTION
    if path.exists():
        return _load_folder(path)
    if Path(model).exists():
        raise BenchError(f"{model}: not a model's folder, it has no {DESCRIPTION}; give a saved model or a KEY")
    return _load_run(str(model))


def _load_folder(path: Path) -> Model:
    remedy = "save the model again"
    content = parse(_Description, read_json(path, "description of a model", remedy), f"{path}: not a model ({remedy})")
    method = load_method(content.method, _root())(content.task, content.settings)
    try:
        method.load(path.parent)
    except Exception as error:  # tensors of other names, shapes or kinds fail in any way
        raise BenchError(f"{path.parent}: does not fit the current code or is damaged; {remedy}") from error
    return Model(content.method, method)


def _load_run(key: str) -> Model:
    from ladid_bench.runs.trained import fit_again, load_trained
    from ladid_bench.study.lookup import find_runs

    (found,) = find_runs([key], find_root())
    run, folders = found.run, found.folders
    missing = [path for path in run.dataset.files(folders).values() if not path.exists()]
    if missing:
        remedy = f"'ladid-bench data {run.dataset.name} --scale {run.scale}' makes them"
        raise BenchError(f"{run.label}: its training data are not here; {remedy}")
    if not run.trained:
        return Model(run.method, fit_again(run, folders))
    if not folders.model(run.key).exists():
        raise BenchError(f"{run.label}: its model is not here; 'ladid-bench model {run.key}' makes it")
    return Model(run.method, load_trained(run, folders)[0])


def _new_method(
    name: str, variant: str, kind: DataKind, settings: Mapping[str, Any], task: Task, device: str
) -> Method:
    root = _root()
    if kind not in DATA_KINDS:
        raise BenchError(f"kind: '{kind}' is not a kind of data; {nearest(str(kind), DATA_KINDS)}")
    resolved = resolve_settings(name, variant or next(iter(load_card(name, root).variants)), settings, root, kind)
    method = load_method(name, root)
    skipped, reason = method.skip(task)
    if skipped:
        raise BenchError(f"method '{name}' cannot do this task: {reason}")
    return method(task, resolved, None, device)


def _root() -> Path:
    """The checkout around the current folder, for its baselines; outside of one there are the packaged methods."""
    try:
        return find_root()
    except BenchError:
        return Path.cwd()


def _whole(name: str, value: Any, least: int) -> int:
    """A whole number of at least ``least``, also one of NumPy's."""
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise BenchError(f"{name}: must be a whole number of at least {least}, got {value!r:.60}")
    return number


def _given(frames: Any, times: Any) -> Trajectories:
    """Arrays as trajectories, each of which is a group of its own."""
    array = as_array(frames, "frames")
    if array.ndim not in (3, 4, 5):
        raise BenchError(f"frames {array.shape} must be (trajectory, time, feature), or images with 4 or 5 axes")
    shape = array.shape[2:] if array.ndim == 5 else (1, *array.shape[2:])
    made = with_channels(array, shape, "frames")
    data = _trajectories(made, of_each(times, len(made)))
    check_trajectories(data, "frames and times")
    return data


def _trajectories(frames: np.ndarray, times: np.ndarray) -> Trajectories:
    space = ("feature",) if frames.ndim == 4 else ("height", "width")
    fields = tuple(f"channel {index}" for index in range(frames.shape[2]))
    return Trajectories(frames, times, np.arange(len(frames)), fields=fields, space=space)


def _divided(data: Trajectories, fraction: float, seed: int) -> tuple[Trajectories, Trajectories]:
    """Training and validation split, drawn by ``seed``."""
    if len(data) < 2 or not 0 < fraction < 1:
        raise BenchError(f"valid_fraction {fraction} of {len(data)} trajectories leaves one of the splits empty")
    order = np.random.default_rng(seed).permutation(len(data))
    count = min(max(1, round(fraction * len(data))), len(data) - 1)
    return data[np.sort(order[count:])], data[np.sort(order[:count])]


def as_array(values: Any, where: str) -> np.ndarray:
    """Convert values to an array.

    Raises:
        BenchError: they are nested lists of different lengths.
    """
    try:
        return np.asarray(values)
    except ValueError as error:
        raise BenchError(f"{where}: must be an array, with as many entries in each row ({one_line(error)})") from error


def with_channels(frames: Any, shape: tuple[int, ...], where: str) -> np.ndarray:
    """Convert frames to float32 ``(trajectory, time, channel, *space)``; a single channel needs no axis.

    Raises:
        BenchError: they are no real numbers, or not of ``shape`` ``(channel, *space)``.
    """
    array = as_array(frames, where)
    if array.dtype.kind not in "fiub":
        raise BenchError(f"{where}: must hold real numbers, not {array.dtype}")
    if array.ndim == len(shape) + 1 and shape[0] == 1:
        array = array[:, :, None]  # (trajectory, time, *space) -> (trajectory, time, 1, *space)
    if array.ndim != len(shape) + 2 or array.shape[2:] != shape:
        raise BenchError(f"{where}: frames have shape {array.shape[2:]}, the model's are {shape} (channel, *space)")
    return array.astype(np.float32)


def of_each(times: Any, trajectories: int) -> np.ndarray:
    """Convert times to float64 ``(trajectory, time)``; one row stands for all trajectories alike.

    Raises:
        BenchError: they are no real numbers, or rows of different lengths.
    """
    try:
        array = np.asarray(times, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BenchError(f"times: must hold real numbers, as many for each trajectory ({one_line(error)})") from error
    return np.tile(array, (trajectories, 1)) if array.ndim == 1 else array
