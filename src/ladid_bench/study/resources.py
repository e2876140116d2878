"""What runs ask of a machine, time and memory, which of them share a job, and the plan of a study in words.

The figures were measured: at 32 px on one core of a CPU, at 128 px on one NVIDIA H100 (docs/cluster.md).
"""

from collections.abc import Iterable, Sequence

from ladid_bench.core.configuration import Study
from ladid_bench.study.datasets import PlannedDataset
from ladid_bench.study.plan import PlannedRun

# At 128 px a step is that many times the card's figure, which is of one core at 32 px; hardly of the pixels' number,
# for a GPU waits for Python: measured 0.3 (LaDID) to 1.4 (ODE2VAE).
GPU_STEP = 1.4
START_SECONDS = 60  # of the interpreter, of reading, of forecasting; 40 at most in what was measured at 32 px
START_SECONDS_PER_GB = 20  # of data; 12 seconds for 2 GB in what was measured
LIBRARIES_MB = 2000  # 300 to 1,200 in what was measured at 32 px
COPIES = 3  # of the data set; 1.8 in what was measured at 128 px, 2.4 with the libraries of a GPU
FLOAT_BYTES = 4


def data_mb(run: PlannedRun) -> float:
    """Estimate the memory of the data sets that ``run`` reads in MB, as if its frames were pictures of one channel."""
    return sum(_frames(dataset) * dataset.image_size**2 for dataset in run.datasets) * FLOAT_BYTES / 1e6


def _frames(dataset: PlannedDataset) -> int:
    sizes = dataset.config.trajectories
    return (sizes.train + sizes.valid + sizes.test) * (dataset.context_frames + dataset.forecast_frames)


def memory_mb(run: PlannedRun) -> int:
    """Estimate the memory to request for ``run`` in MB, about twice what was measured."""
    return round(LIBRARIES_MB + COPIES * data_mb(run))


def expected_seconds(run: PlannedRun, gpu: bool) -> float:
    """Estimate the seconds of ``run`` on one core, or on one GPU where it is trained; rather more than less."""
    estimate = run.card.estimate
    if gpu and run.trained:
        computing = estimate.seconds + GPU_STEP * estimate.seconds_per_step * run.budget.steps
    else:
        computing = run.estimated_seconds
    return START_SECONDS + START_SECONDS_PER_GB * data_mb(run) / 1000 + computing


def batches(runs: Iterable[PlannedRun], gpu: bool, target: float) -> dict[str, list[str]]:
    """Group runs into jobs: the keys of those that share one, by the key of the first of them.

    Their expected times add up to at most ``target`` seconds; a run that takes longer has a job of its own. A batch
    never mixes data sets, so that no run waits for data that it does not need, nor trained methods with others, which
    need no GPU, nor runs that start from other runs with those that do not, so that no two batches wait for each
    other. Which runs share a batch does not depend on which are done: a job that was killed finds its own again.
    """
    found: dict[str, list[str]] = {}
    filling: dict[tuple[str, bool, str], tuple[str, float]] = {}  # the last batch of a kind, and its time
    for run in runs:
        start = run.init_from.dataset.key if run.init_from else ""
        kind, seconds = (run.dataset.key, run.card.trained, start), expected_seconds(run, gpu)
        name, taken = filling.get(kind, ("", target))
        if taken + seconds > target:
            name, taken = run.key, 0.0
        found.setdefault(name, []).append(run.key)
        filling[kind] = (name, taken + seconds)
    return found


def describe_plan(study: Study, runs: dict[str, PlannedRun], pending: set[str], cores: int, gpu: bool = False) -> str:
    """Describe the plan as text: a line a run, and the estimated time of what is left to do.

    Args:
        study: whose plan it is.
        runs: of the study, all or some.
        pending: keys of those that are still to do.
        cores: to divide the work by.
        gpu: whether a run that is trained has a GPU of its own.
    """
    methods = len({run.method for run in runs.values()})
    lines = [
        f"Plan of scale '{study.scale}': {len(runs)} runs "
        f"({len({run.dataset.name for run in runs.values()})} data sets x {methods} methods x seeds), "
        f"{len(runs) - len(pending)} done, {len(pending)} to do",
    ]
    for run in runs.values():
        state = "to do" if run.key in pending else "done"
        steps = f"{run.budget.steps} steps, " if run.trained else ""
        lines.append(f"  {run.key[:8]}  {run.label:<48} {steps}about {_seconds(run, gpu):.0f} s  [{state}]")
    return "\n".join([*lines, f"Estimated: {_estimate([runs[key] for key in pending], cores, gpu)}"])


def _estimate(pending: Sequence[PlannedRun], cores: int, gpu: bool) -> str:
    """Time of all ``pending`` runs, that of the GPU apart, in words."""
    on_gpu = [_seconds(run, gpu) for run in pending if gpu and run.trained]
    others = [_seconds(run, gpu) for run in pending if not (gpu and run.trained)]
    wall = max(sum(others) / max(1, cores), max(others, default=0))
    said = f"{sum(others) / 60:.1f} CPU-minutes, {wall / 60:.1f} minutes on {cores} cores"
    return f"{sum(on_gpu) / 3600:.0f} GPU-hours with one run at a time on a GPU; the others {said}" if gpu else said


def _seconds(run: PlannedRun, gpu: bool) -> float:
    return expected_seconds(run, gpu) if gpu and run.trained else run.estimated_seconds
