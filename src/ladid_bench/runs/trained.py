"""A method with the weights that a run left, or fitted as the run fitted it, to be looked into and asked."""

from ladid_bench.core.errors import BenchError
from ladid_bench.core.paths import SPLITS, Folders
from ladid_bench.core.provenance import code_hash
from ladid_bench.data.trajectories import Trajectories, read_trajectories
from ladid_bench.methods.base import Method
from ladid_bench.methods.registry import load_method, method_folders
from ladid_bench.runs.learning import learn, part_of, task_for
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


def fit_again(run: PlannedRun, folders: Folders) -> Method:
    """Fit the method of a run in closed form, as the run did: what it learns is not kept, for it takes seconds."""
    files = run.dataset.files(folders)
    train, valid = (read_trajectories(files[split]) for split in ("train", "valid"))
    task = task_for(run, load_task(run.dataset, train), folders)
    method = load_method(run.method, folders.root)(task, run.settings)
    code = code_hash(method_folders(folders.root)[run.method])
    learn(run, method, part_of(train, run.fraction, run.seed), valid, folders, code)
    return method
