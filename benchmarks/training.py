"""Training speed of LaDID: encoding each frame once a step against encoding every window separately.

    python benchmarks/training.py [--sizes 32 64 128] [--steps 10]

Both variants draw the same windows and take the same optimiser step on one thread; the released code
re-encodes the context of every window, which exists here only to be compared with. They are timed in
turn, and the ratio is the median over pairs, so that a machine that changes its pace changes both.
"""

import argparse
import statistics
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from timing import cpu_seconds
from torch import Tensor

from ladid_bench.core.configuration import Budget, SplitSizes
from ladid_bench.data.task import task_of
from ladid_bench.data.windows import WindowBatch, WindowSampler
from ladid_bench.datasets.simulated.pendulum import Pendulum
from ladid_bench.ladid.model import LaDID, LaDIDSettings
from ladid_bench.methods.registry import resolve_settings

ROOT = Path(__file__).parent.parent
LAYOUTS = {
    # windows, queries, query length: what a step of the suite draws, and all windows that tile a trajectory
    "random windows, full horizon": (3, 8, 50),
    "all windows, one query each": (50, 1, 1),
    "all windows, eight queries each": (6, 8, 8),
}


def separately(batch: WindowBatch) -> WindowBatch:
    """The same windows with a copy of each frame for every window that needs it."""
    frames = batch.frames[batch.context].flatten(0, 1)  # (N, C, ...) -> (N * C, ...)
    return replace(batch, frames=frames, context=torch.arange(len(frames)).reshape(batch.context.shape))


def step(model: LaDID, optimiser: torch.optim.Optimizer, batch: WindowBatch) -> None:
    """One optimiser step."""
    loss: Tensor = torch.stack(list(model.loss(batch).values())).sum()
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()


def measure(size: int, layout: tuple[int, int, int], steps: int) -> tuple[float, float, int, int]:
    """Median milliseconds a step, once and separately, and context frames encoded by each."""
    windows, queries, length = layout
    train = Pendulum().split("train", SplitSizes(train=32), size, 0, 60)
    task = task_of(train, "pendulum", 10, 50)
    torch.manual_seed(0)
    model = LaDID(task, LaDIDSettings(**resolve_settings("ladid", "default", {}, ROOT)))
    optimiser = torch.optim.AdamW(model.parameters(), fused=True)
    sampler = WindowSampler(train, task, Budget(windows=windows, queries=queries), "cpu")
    generator = torch.Generator().manual_seed(0)
    once, apart = [], []
    for index in range(steps + 1):
        batch = sampler.draw(length, generator)
        copies = separately(batch)
        pair = [cpu_seconds(partial(step, model, optimiser, drawn)) for drawn in (batch, copies)]
        if index > 0:  # the first pair warms up
            once.append(1000 * pair[0])
            apart.append(1000 * pair[1])
    return statistics.median(once), statistics.median(apart), len(batch.frames), len(copies.frames)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64, 128])
    parser.add_argument("--steps", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'pixels':>6}  {'windows':<32} {'frames':>13} {'once ms':>9} {'apart ms':>9} {'ratio':>6} {'frames/s':>9}")
    for size in options.sizes:
        for name, layout in LAYOUTS.items():
            once, apart, few, many = measure(size, layout, options.steps)
            print(
                f"{size:>6}  {name:<32} {few:>6}/{many:<6} {once:>9.0f} {apart:>9.0f} {apart / once:>6.2f} "
                f"{1000 * few / once:>9.0f}"
            )


if __name__ == "__main__":
    main()
