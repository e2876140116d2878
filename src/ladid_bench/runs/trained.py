"""A method with the weights that a run left, to be looked into."""

from ladid_bench.core.errors import BenchError
from ladid_bench.core.paths import SPLITS, Folders
from ladid_bench.data.trajectories import Trajectories, read_trajectories
from ladid_bench.methods.base import Method
from ladid_bench.methods.registry import load_method
from ladid_bench.runs.learning import task_for
from ladid_bench.study.datasets import load_task
from ladid_bench.study.plan import PlannedRun


def load_trained(run: PlannedRun, folders: Folders) -> tuple[Method, dict[str, Trajectories]]:
    """Load the method of a run with its trained weights, on the CPU, and its data, split by split.

    Raises:
        BenchError: the weights do not fit the method or are damaged.
    """
    files = run.dataset.files(folders)
    splits = {name: read_trajectories(files[name]) for name in SPLITS}
    task = task_for(run, load_task(run.dataset, splits["train"]), folders)
    method, folder = load_method(run.method, folders.root)(task, run.settings), folders.model(run.key)
    try:
        method.load(folder)
    except Exception as error:  # tensors of other names, shapes or kinds fail in any way
        raise BenchError(
            f"{folder}: does not fit today's code or is damaged; train again with '{run.rerun_command}'"
        ) from error
    return method, splits
