"""The part of the command line that forecasts new data with a model that is there."""

import logging
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ladid_bench.cli.options import check_target
from ladid_bench.core.errors import BenchError
from ladid_bench.core.memory import memory_shortage
from ladid_bench.core.readers import one_line

if TYPE_CHECKING:  # what takes long to import, each command imports for itself
    import numpy as np

    from ladid_bench.data.task import Task

app = typer.Typer()
log = logging.getLogger(__name__)

ARRAYS = ("context", "context_times", "query_times")  # of an .npz file, as in ``Model.forecast``
COPIES = 4  # of an array that are in memory at once


@app.command()
def forecast(
    model: Annotated[
        str, typer.Argument(metavar="KEY", help="key of a run with a trained model, or a saved model's folder")
    ],
    file: Annotated[
        Path, typer.Argument(help=".npz with context, context_times and query_times, or a trajectory file (HDF5)")
    ],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="forecast file to write (HDF5)")],
    samples: Annotated[int, typer.Option(min=0, help="draws from the predictive distribution to write as well")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="seed of the draws")] = 0,
) -> None:
    """Forecast new data with a trained model; for a trajectory file, the frames after the context."""
    import h5py

    from ladid_bench.methods.forecasts import write_forecast
    from ladid_bench.runs.model import load, of_each, with_channels

    check_target(output, h5py.is_hdf5, file)
    trained = load(model)
    context, context_times, query_times = _question(file, trained.task)
    context = with_channels(context, trained.task.shape, str(file))
    made = trained.forecast(context, context_times, query_times, samples, seed)
    write_forecast(output, made, of_each(query_times, len(context)))
    print(f"{output}: mean {_shape(made.mean)} (trajectory, query, ...)")
    if made.samples is not None:
        print(f"{output}: samples {_shape(made.samples)} (sample, trajectory, query, ...)")


def _shape(values: "np.ndarray") -> str:
    return " x ".join(map(str, values.shape))


def _question(path: Path, task: "Task") -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
    """Context, its times and the query times that a file holds."""
    from ladid_bench.data.trajectories import read_trajectories

    if not path.is_file():
        raise BenchError(f"{path}: no such file")
    if path.suffix == ".npz":
        return _from_npz(path)
    data, seen = read_trajectories(path), task.context_frames
    if data.frames.shape[1] <= seen:
        raise BenchError(f"{path}: has {data.frames.shape[1]} frames, but the context takes {seen}; use longer ones")
    origin = data.provenance.get("dataset", task.dataset)
    if origin != task.dataset:
        log.warning("%s: holds data set '%s', but the model was trained on '%s'", path, origin, task.dataset)
    return data.frames[:, :seen], data.times[:, :seen], data.times[:, seen:]


def _from_npz(path: Path) -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
    import numpy as np

    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(one.file_size for one in archive.infolist())
        if shortage := memory_shortage(COPIES * size):
            raise ValueError(f"unpacked, it needs about {shortage}")
        with np.load(path, allow_pickle=False) as arrays:
            context, context_times, query_times = (arrays[name] for name in ARRAYS)
    except Exception as error:  # a damaged archive fails in any way
        raise BenchError(f"{path}: must hold the arrays {', '.join(ARRAYS)} ({one_line(error)})") from error
    return context, context_times, query_times
