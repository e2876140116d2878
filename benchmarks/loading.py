"""Data loading: a split into memory, and a batch from it, beside the memory and beside a training step.

    python benchmarks/loading.py [--trajectories 400] [--sizes 32 64] [--repeats 5] [--output FILE]

A split is written once, then read as every run reads it: checked, and hashed in full. ``read`` is that, ``plain`` is
h5py alone on the same file, in turn, so that their ratio says what the checks cost. A batch is what a training step
draws (16 trajectories, 3 windows, 8 queries, full horizon); ``copied`` is a copy of as many bytes as it hands out.
One thread, CPU times, medians.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import torch
from timing import cpu_seconds

from ladid_bench.core.configuration import Budget, SplitSizes
from ladid_bench.core.files import write_json
from ladid_bench.data.task import task_of
from ladid_bench.data.trajectories import read_trajectories, write_trajectories
from ladid_bench.data.windows import WindowSampler
from ladid_bench.datasets.simulated.pendulum import Pendulum

GIVEN, ASKED = 10, 50
BATCHES = 20  # timed at once, as one takes a few milliseconds


def in_turn(works: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Median CPU seconds of each of ``works``, after one turn to warm up."""
    turns = [{name: cpu_seconds(work) for name, work in works.items()} for _ in range(repeats + 1)]
    return {f"{name}_seconds": statistics.median(turn[name] for turn in turns[1:]) for name in works}


def read_plainly(path: Path) -> None:
    """All data sets of an HDF5 file into memory."""

    def read(_: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            item[()]

    with h5py.File(path) as file:
        file.visititems(read)


def measure(count: int, size: int, repeats: int, folder: Path) -> dict[str, Any]:
    """Times for one split of ``count`` trajectories of the pendulum with images of ``size`` pixels."""
    path = folder / f"{size}.hdf5"
    write_trajectories(path, Pendulum().split("train", SplitSizes(train=count), size, 0, GIVEN + ASKED))
    train = read_trajectories(path)
    task, budget = task_of(train, "pendulum", GIVEN, ASKED), Budget()
    sampler, generator = WindowSampler(train, task, budget, "cpu"), torch.Generator().manual_seed(0)
    batch = sampler.draw(ASKED, generator)
    handed_out = torch.cat([batch.frames.flatten(), batch.query.flatten()])

    def repeatedly(work: Callable[[], Any]) -> Callable[[], None]:
        return lambda: [work() for _ in range(BATCHES)] and None

    works: dict[str, Callable[[], Any]] = {
        "read": lambda: read_trajectories(path),
        "plain": lambda: read_plainly(path),
        "sampler": lambda: WindowSampler(train, task, budget, "cpu"),
        "batch": repeatedly(lambda: sampler.draw(ASKED, generator)),
        "copied": repeatedly(handed_out.clone),
    }
    spent = in_turn(works, repeats)
    for name in ("batch", "copied"):
        spent[f"{name}_seconds"] /= BATCHES
    megabytes = {"split_megabytes": train.frames.nbytes / 1e6, "batch_megabytes": handed_out.nbytes / 1e6}
    return {"image_size": size, "trajectories": count, **megabytes, **spent}


def describe(row: dict[str, Any]) -> str:
    return (
        f"{row['image_size']} px: {row['split_megabytes']:.0f} MB read in {1e3 * row['read_seconds']:.0f} ms "
        f"({row['read_seconds'] / row['plain_seconds']:.1f} times h5py alone), sampler ready in "
        f"{1e3 * row['sampler_seconds']:.0f} ms; a batch of {row['batch_megabytes']:.1f} MB in "
        f"{1e3 * row['batch_seconds']:.2f} ms ({row['batch_seconds'] / row['copied_seconds']:.1f} times a copy)"
    )


def main() -> None:
    """Measure, print, and write on request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trajectories", type=int, default=400)
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64], help="sides of a frame in pixels")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for size in options.sizes:
            rows.append(measure(options.trajectories, size, options.repeats, Path(folder)))
            print(describe(rows[-1]), flush=True)
    if options.output:
        write_json(options.output, {"repeats": options.repeats, "rows": rows})


if __name__ == "__main__":
    main()
