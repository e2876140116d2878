"""What runs ask of a machine, time and memory, and the plan of a study in words.

The figures were measured: at 32 px on one core of a CPU, at 128 px on one NVIDIA H100 (docs/cluster.md). Between cards
they hold to a few per cent; all together they move with the machine: a step of LaDID took 0.13 s on a core with the
memory to itself and 0.26 s where others used it too, and the cards stand between, at 0.19 s.
"""

from collections.abc import Collection, Sequence

from ladid_bench.core.configuration import Study
from ladid_bench.study.datasets import PlannedDataset
from ladid_bench.study.plan import PlannedRun

# At 128 px a step is that many times the card's figure, which is of one core at 32 px; hardly of the pixels' number,
# for a GPU waits for Python: measured 0.2 (LaDID) to 1.0 (LaDID-ODE).
GPU_STEP = 1.05
START_SECONDS = 60  # of the interpreter, of reading, of forecasting; 40 at most in what was measured at 32 px
START_SECONDS_PER_GB = 20  # of data; 12 seconds for 2 GB in what was measured
LIBRARIES_MB = 2000  # 300 to 1,200 in what was measured at 32 px
COPIES = 3  # of the data set; 1.8 in what was measured at 128 px, 2.4 with the libraries of a GPU
FLOAT_BYTES = 4
# Rendering took 20 s of one core for 3 runs, 50 s for 21, 70 s for 35, however many data sets these were of.
RENDER_SECONDS, RENDER_SECONDS_PER_RUN = 15, 1.6


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
        computing = estimate.seconds + GPU_STEP * estimate.seconds_per_step * run.own_steps
    else:
        computing = run.estimated_seconds
    return START_SECONDS + START_SECONDS_PER_GB * data_mb(run) / 1000 + computing


def planned_seconds(run: PlannedRun, gpu: bool) -> float:
    """Estimate the seconds of ``run`` as plans and the time left tell them: those of its card, where it has no GPU."""
    return expected_seconds(run, gpu) if gpu and run.trained else run.estimated_seconds


def rendering_seconds(runs: Collection[PlannedRun]) -> float:
    """Estimate the seconds that the report of ``runs`` takes to be rendered on one core."""
    return RENDER_SECONDS + RENDER_SECONDS_PER_RUN * len(runs)


def describe_plan(
    study: Study,
    runs: dict[str, PlannedRun],
    missing: set[str],
    cores: int,
    gpu: bool = False,
    failed: Collection[str] = (),
) -> str:
    """Describe the plan as text: a line a run, and the estimated time of what is left to do, the report included.

    Args:
        study: whose plan it is.
        runs: of the study, all or some.
        missing: keys of those that are still to do.
        cores: to divide the work by.
        gpu: whether a run that is trained has a GPU of its own.
        failed: keys of those whose record is of a failure.
    """
    head, estimate = describe_work(study, runs, missing, cores, gpu).split("\n")
    lines = []
    for run in runs.values():
        state = "to do" if run.key in missing else "failed" if run.key in failed else "done"
        steps = f"{run.budget.steps} steps, " if run.trained else ""
        lines.append(f"  {run.key[:8]}  {run.label:<48} {steps}about {planned_seconds(run, gpu):.0f} s  [{state}]")
    return "\n".join([head, *lines, estimate])


def describe_work(study: Study, runs: dict[str, PlannedRun], missing: set[str], cores: int, gpu: bool = False) -> str:
    """Describe the plan in two lines: how many runs are still to do, and how long they take; see ``describe_plan``."""
    methods, datasets = {run.method for run in runs.values()}, {run.dataset.name for run in runs.values()}
    counts = {"run": len(runs), "method": len(methods), "data set": len(datasets)}
    some_runs, some_methods, some_datasets = (f"{count} {noun}{'s' * (count != 1)}" for noun, count in counts.items())
    head = (
        f"Plan of scale '{study.scale}': {some_runs} of {some_methods} on {some_datasets}, "
        f"{len(runs) - len(missing)} done, {len(missing)} to do"
    )
    rendering = rendering_seconds(runs.values()) if missing else 0.0
    return f"{head}\nEstimated: {_estimate([runs[key] for key in runs if key in missing], rendering, cores, gpu)}"


def _estimate(pending: Sequence[PlannedRun], rendering: float, cores: int, gpu: bool) -> str:
    """Time of all ``pending`` runs, that of the GPU apart, and of rendering the report after them, in words."""
    on_gpu = [planned_seconds(run, gpu) for run in pending if gpu and run.trained]
    others = [planned_seconds(run, gpu) for run in pending if not (gpu and run.trained)]
    wall = max(sum(others) / max(1, cores), max(others, default=0)) + rendering
    said = (
        f"{(sum(others) + rendering) / 60:.1f} CPU-minutes, {wall / 60:.1f} minutes on {cores} core{'s' * (cores != 1)}"
    )
    return f"{sum(on_gpu) / 3600:.0f} GPU-hours with one run at a time on a GPU; the others {said}" if gpu else said
