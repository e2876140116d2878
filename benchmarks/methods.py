"""Time of a training step, of a forecast and of its latent part, every trained method beside the others.

    python benchmarks/methods.py [--methods ladid latent-ode] [--size 32] [--device cuda] [--repeats 3] [--output FILE]

All train on the same batches of the pendulum (16 trajectories, 3 windows, 8 queries) on one thread. A turn is a whole
training in small: 20 steps spread evenly over the default budget, in whose first steps the horizon grows. Methods take
turns, so that a machine that changes its pace changes all of them; medians are printed, of CPU time on a CPU and of
elapsed time on a GPU, and ratios to the first method. ``seconds_per_step`` on the cards comes from here. The latent
part of a forecast is all but the time in its encoder and decoder: recognition, and the solve or whatever the method has
in place of one.
"""

import argparse
import platform
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ladid_bench.core.configuration import Budget, SplitSizes
from ladid_bench.core.errors import nearest
from ladid_bench.core.files import write_json
from ladid_bench.data.task import Task, task_of
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.data.windows import WindowSampler, grown_length
from ladid_bench.datasets.simulated.pendulum import Pendulum
from ladid_bench.methods.neural import NeuralMethod
from ladid_bench.methods.registry import load_card, load_method, method_folders, resolve_settings

ROOT = Path(__file__).parent.parent
TRAJECTORIES, GIVEN, ASKED = 50, 10, 50
SEED = 0
# children of a model that turn frames into tokens, and states into frames
CODERS = ("encoder", "first_encoder", "decoder")
STEPS = 20  # of a turn, evenly spread over the default budget


def trained_methods() -> list[str]:
    """Names of all methods that are trained step by step."""
    return [name for name in method_folders(ROOT) if load_card(name, ROOT).trained]


class Timed:
    """One method with its optimiser, ready to be stepped."""

    def __init__(self, name: str, task: Task, train: Trajectories, budget: Budget, device: str):
        torch.manual_seed(SEED)
        settings = resolve_settings(name, next(iter(load_card(name, ROOT).variants)), {}, ROOT)
        method = load_method(name, ROOT)(task, settings, None, device)
        assert isinstance(method, NeuralMethod)
        self.method = method
        self.method.model = self.method.build_model().to(device)
        self.device = device
        self.optimiser = torch.optim.AdamW(self.method.model.parameters(), lr=1e-4, fused=True)
        self.sampler = WindowSampler(train, task, budget, device)
        self.generator = torch.Generator().manual_seed(SEED)
        self.budget = budget
        self.train = train
        self.spent: dict[str, list[float]] = defaultdict(list)
        self.coding = 0.0  # seconds in the encoder and the decoder
        for name, part in self.method.model.named_children():
            if name in CODERS:
                part.register_forward_pre_hook(lambda *_: self._count(-1))
                part.register_forward_hook(lambda *_: self._count(1))

    def train_in_small(self) -> None:
        """Steps as the trainer makes them, evenly spread over its schedule."""
        for step in range(STEPS):
            self.step(grown_length(round((step + 0.5) / STEPS * self.budget.steps), self.budget, ASKED))

    def step(self, length: int) -> None:
        """One step with queries at most ``length`` frames ahead."""
        model = self.method.model.train()
        terms = model.loss(self.sampler.draw(length, self.generator))
        self.optimiser.zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), self.budget.gradient_clip)
        self.optimiser.step()

    def forecast(self, count: int) -> None:
        """Forecast ``count`` trajectories at once."""
        given = self.train[:count]
        self.method.forecast(given.frames[:, :GIVEN], given.times[:, :GIVEN], given.times[:, GIVEN:])

    def _count(self, sign: int) -> None:
        """Add the time of a coder that starts (-1) or ends (1); training steps are not looked into."""
        if not self.method.model.training:
            self.coding += sign * self.now()

    def turn(self, keep: bool) -> None:
        """A training in small and forecasts of one and of many trajectories, timed."""
        spent = {"step_seconds": self._seconds(self.train_in_small) / STEPS}
        for count in (1, TRAJECTORIES):
            self.coding = 0.0
            whole = self._seconds(lambda count=count: self.forecast(count))
            spent |= {f"forecast_{count}_seconds": whole, f"latent_{count}_seconds": whole - self.coding}
        for name, seconds in spent.items() if keep else ():
            self.spent[name].append(seconds)

    def _seconds(self, work: Callable[[], None]) -> float:
        began = self.now()
        work()
        return self.now() - began

    def now(self) -> float:
        """Seconds: of CPU time, or elapsed once the GPU has done what it was asked for."""
        if self.device == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()

    def row(self, name: str) -> dict[str, Any]:
        medians = {part: statistics.median(spent) for part, spent in self.spent.items()}
        return {"method": name, **self.method.cost(), **medians}


def measure(names: list[str], size: int, device: str, repeats: int) -> list[dict[str, Any]]:
    """A row a method, in the order of ``names``."""
    train = Pendulum().split("train", SplitSizes(train=TRAJECTORIES), size, SEED, GIVEN + ASKED)
    task, budget = task_of(train, "pendulum", GIVEN, ASKED), Budget()
    timed = {name: Timed(name, task, train, budget, device) for name in names}
    for repeat in range(repeats + 1):  # the first turn warms up
        for one in timed.values():
            one.turn(keep=repeat > 0)
    return [one.row(name) for name, one in timed.items()]


def describe(row: dict[str, Any], first: dict[str, Any]) -> str:
    return (
        f"{row['method']:<12} {row['parameters']:>10,.0f} {1e3 * row['step_seconds']:>9.0f} "
        f"{row['step_seconds'] / first['step_seconds']:>6.2f} {1e3 * row['forecast_1_seconds']:>10.1f} "
        f"{1e3 * row['latent_1_seconds']:>7.1f} {1e3 * row[f'forecast_{TRAJECTORIES}_seconds']:>11.0f} "
        f"{1e3 * row[f'latent_{TRAJECTORIES}_seconds']:>7.0f} {row['function_evaluations']:>11.0f}"
    )


def asking(description: str | None, repeats: int) -> argparse.ArgumentParser:
    """Make the parser of a benchmark of trained methods, with what all of them are asked."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=trained_methods(), help="all trained ones by default")
    parser.add_argument("--repeats", type=int, default=repeats, help="times that each method has its turn")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    return parser


def asked(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Read the options, refuse a method that is not trained, and keep to one thread."""
    options = parser.parse_args()
    unknown = [name for name in options.methods if name not in trained_methods()]
    if unknown:
        parser.exit(1, f"unknown trained method '{unknown[0]}'; {nearest(unknown[0], trained_methods())}\n")
    torch.set_num_threads(1)
    return options


def main() -> None:
    """Measure, print, and write on request."""
    parser = asking(__doc__, repeats=3)
    parser.add_argument("--size", type=int, default=32, help="side of a frame in pixels")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options = asked(parser)
    rows = measure(options.methods, options.size, options.device, options.repeats)
    print("method       parameters ms a step  ratio   ms for 1  latent   ms for 50  latent evaluations")
    for row in rows:
        print(describe(row, rows[0]))
    if options.output:
        versions = {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}
        setting = {"image_size": options.size, "device": options.device, "repeats": options.repeats}
        write_json(options.output, setting | versions | {"rows": rows})


if __name__ == "__main__":
    main()
