"""How near the training step of each method comes to what a core can do, and how it compares with another checkout.

    python benchmarks/steps.py [--methods ladid latent-ode] [--beside CHECKOUT] [--repeats 9] [--output FILE]

A step is that of the suite: pendulum, 32 px, 16 trajectories, 3 windows, 8 queries, full horizon, one thread. Its
GFLOP are those of matrix products and convolutions, as torch counts them. Their rate is compared with that of a
product of two large square matrices, measured in between: the share says how much faster a step could be at most
with the same operations. With ``--beside``, the same method of the other checkout, its first variant there, takes
turns with this one in a process of its own, block by block of steps, so that a machine that others use changes both;
the ratio is the median over the blocks. A method that the other checkout lacks is measured alone. All times are CPU
times.
"""

import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from methods import ASKED, GIVEN, SEED, TRAJECTORIES, Timed, asked, asking
from timing import cpu_seconds
from torch.utils.flop_counter import FlopCounterMode

from ladid_bench.core.configuration import Budget, SplitSizes
from ladid_bench.core.files import write_json
from ladid_bench.core.provenance import commit
from ladid_bench.data.task import task_of
from ladid_bench.datasets.simulated.pendulum import Pendulum
from ladid_bench.methods.registry import method_folders

ROOT = Path(__file__).resolve().parent.parent
SIZE, STEPS = 32, 3  # pixels a side; steps of a block
MATRIX, PRODUCTS = 1024, 8  # rows of the square matrices, products of a block
# Runs in either checkout, with the names that its own benchmark has: one method a line, CPU seconds of a step back.
WORKER = f"""
import sys, time
import torch, methods
torch.set_num_threads(1)
train = methods.Pendulum().split("train", methods.SplitSizes(train=methods.TRAJECTORIES), {SIZE}, 0, {GIVEN + ASKED})
task, budget, made = methods.task_of(train, "pendulum", {GIVEN}, {ASKED}), methods.Budget(), {{}}
for line in sys.stdin:
    name = line.strip()
    if name not in made:
        made[name] = methods.Timed(name, task, train, budget, "cpu")
        made[name].step({ASKED})
    began = time.process_time()
    for _ in range({STEPS}):
        made[name].step({ASKED})
    print((time.process_time() - began) / {STEPS}, flush=True)
"""


class Worker:
    """A process that makes the training steps of one checkout."""

    def __init__(self, checkout: Path):
        paths = {"PYTHONPATH": f"{checkout / 'src'}{os.pathsep}{checkout / 'benchmarks'}", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", WORKER]
        pipe = subprocess.PIPE
        self.methods = method_folders(checkout)
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=os.environ | paths, text=True)

    def step_seconds(self, name: str) -> float:
        """Mean CPU seconds of a step over one block."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{name}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


def matrix_rate() -> float:
    """GFLOP/s of a product of two large square matrices on one core."""
    matrix = torch.randn(MATRIX, MATRIX)
    spent = cpu_seconds(lambda: [matrix @ matrix for _ in range(PRODUCTS)])
    return 2e-9 * MATRIX**3 * PRODUCTS / spent


def _product_flop(_: Any, left: Any, right: Any, *, out_shape: Any = None, **__: Any) -> int:
    return int(2 * left[0] * left[1] * right[1])


def size_of(name: str) -> dict[str, float]:
    """Parameters of a method and GFLOP of one of its steps."""
    train = Pendulum().split("train", SplitSizes(train=TRAJECTORIES), SIZE, SEED, GIVEN + ASKED)
    timed = Timed(name, task_of(train, "pendulum", GIVEN, ASKED), train, Budget(), "cpu")
    added = {torch.ops.aten.addmm_: _product_flop}  # torch counts the product that writes elsewhere only
    with FlopCounterMode(display=False, custom_mapping=added) as counter:
        timed.step(ASKED)
    return {"parameters": timed.method.cost()["parameters"], "gflop": 1e-9 * counter.get_total_flops()}


def measure(name: str, workers: list[Worker], blocks: int) -> dict[str, Any]:
    """Measure one method; of two workers the second is the other checkout's."""
    spent, rates = [], []
    for _ in range(blocks + 1):  # the first block warms up
        spent.append([worker.step_seconds(name) for worker in workers])
        rates.append(matrix_rate())
    here = statistics.median(block[0] for block in spent[1:])
    row = {"method": name, **size_of(name), "step_seconds": here, "matrix_gflops": statistics.median(rates[1:])}
    row["share"] = row["gflop"] / here / row["matrix_gflops"]
    if len(workers) > 1:
        row["beside_seconds"] = statistics.median(block[1] for block in spent[1:])
        row["times_faster"] = statistics.median(block[1] / block[0] for block in spent[1:])
    return row


def describe(row: dict[str, Any]) -> str:
    beside = f"{1e3 * row['beside_seconds']:>9.0f} {row['times_faster']:>6.2f}" if "times_faster" in row else ""
    return (
        f"{row['method']:<12} {row['parameters']:>10,.0f} {row['gflop']:>6.2f} {1e3 * row['step_seconds']:>9.0f} "
        f"{row['gflop'] / row['step_seconds']:>8.1f} {row['share']:>6.0%} {beside}"
    )


def main() -> None:
    """Measure, print, and write on request."""
    parser = asking(__doc__, repeats=9)
    parser.add_argument("--beside", type=Path, help="another checkout to compare with")
    options = asked(parser)
    checkouts = [ROOT, *([options.beside.resolve()] if options.beside else [])]
    workers, rows = [Worker(checkout) for checkout in checkouts], []
    print("method       parameters  GFLOP ms a step  GFLOP/s  share " + ("ms beside  times" if options.beside else ""))
    for name in options.methods:
        rows.append(measure(name, [worker for worker in workers if name in worker.methods], options.repeats))
        print(describe(rows[-1]), flush=True)
    for worker in workers:
        worker.close()
    if options.output:
        beside = commit(checkouts[1])[0] if options.beside else None
        setting = {"image_size": SIZE, "query_length": ASKED, "repeats": options.repeats, "beside": beside}
        write_json(options.output, setting | {"torch": torch.__version__, "rows": rows})


if __name__ == "__main__":
    main()
