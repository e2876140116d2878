"""Where the time of a training step goes: each part of LaDID alone, forward and backward.

    python benchmarks/parts.py [--sizes 32 64] [--steps 20]

Every part gets the inputs it has in a real step of the suite (16 trajectories, 3 windows, 8 queries, full
horizon) on one thread. Parts are timed in turn, and medians are printed with their share of the whole step.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from ladid_bench.core.configuration import Budget, SplitSizes
from ladid_bench.data.task import task_of
from ladid_bench.data.windows import WindowSampler
from ladid_bench.datasets.simulated.pendulum import Pendulum
from ladid_bench.ladid.model import LaDID, LaDIDSettings
from ladid_bench.methods.distributions import negative_log_likelihood
from ladid_bench.methods.registry import resolve_settings

ROOT = Path(__file__).parent.parent
HORIZON = 50


def backward(part: Callable[[Tensor], Tensor], given: Tensor) -> Callable[[], None]:
    """Forward and backward through ``part`` alone, from ``given`` on."""
    leaf = given.detach().requires_grad_(given.is_floating_point())

    def work() -> None:
        part(leaf).sum().backward()

    return work


def parts(size: int, variant: str) -> dict[str, Callable[[], None]]:
    """The parts of a step by name, the whole step first."""
    train = Pendulum().split("train", SplitSizes(train=32), size, 0, 60)
    task, budget = task_of(train, "pendulum", 10, HORIZON), Budget()
    torch.manual_seed(0)
    model = LaDID(task, LaDIDSettings(**resolve_settings("ladid", variant, {}, ROOT))).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    sampler, generator = WindowSampler(train, task, budget, "cpu"), torch.Generator().manual_seed(0)
    batch = sampler.draw(HORIZON, generator)
    frames = model.encoder(batch.frames)
    tokens = model.transformer(frames[batch.context], batch.context_times)
    psi = model.embedding(tokens).mean
    states = model.states(psi, batch.query_times)

    def update() -> None:
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=False)

    def whole() -> None:
        torch.stack(list(model.loss(sampler.draw(HORIZON, generator)).values())).sum().backward()
        update()

    def decoded(state: Tensor) -> Tensor:
        return negative_log_likelihood(model.render(state, batch.frames[batch.context]), batch.query, 0.05)

    return {
        "whole step": whole,
        "decoder and likelihood": backward(decoded, states),
        "encoder": backward(model.encoder, batch.frames),
        "transformer": backward(lambda given: model.transformer(given, batch.context_times), frames[batch.context]),
        "dynamics F": backward(lambda given: model.states(given, batch.query_times), psi),
        "optimiser": update,
        "drawing a batch": lambda: sampler.draw(HORIZON, generator) and None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--variant", default="default", help="variant of LaDID")
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for size in options.sizes:
        work = parts(size, options.variant)
        spent: dict[str, list[float]] = {name: [] for name in work}
        for _ in range(options.steps):
            for name, part in work.items():
                began = time.process_time()
                part()
                spent[name].append(1e3 * (time.process_time() - began))
        medians = {name: statistics.median(times[1:]) for name, times in spent.items()}
        print(f"{size} px, {options.variant}")
        for name, milliseconds in medians.items():
            print(f"  {name:<24}{milliseconds:8.1f} ms {milliseconds / medians['whole step']:6.0%}")


if __name__ == "__main__":
    main()
