"""Speed of the lattice-Boltzmann solver beside the memory's and beside generated C++ of lbmpy, for ``systems.py``.

The flow is that of the cylinder's wake without the fringe, which lbmpy does not have: a doubly periodic box, two
relaxation times, walls halfway between nodes. lbmpy is GPL and optional; nothing of it is part of this package.
"""

import shutil
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numba
import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.simulated.cylinder_flow import SPEED, wake
from ladid_bench.datasets.simulated.lattice_boltzmann import MAGIC, Lattice

REYNOLDS = 150.0
UPDATES = 2e7  # in one turn of timing, about
CHECKED_STEPS = 200  # both must agree after so many
MOST_DIFFERENCE = 1e-12  # of velocities, which are up to 0.15: the schemes are the same, but for rounding
BYTES_AN_UPDATE = 2 * 9 * 8  # nine populations read and written in double precision
TRIAD_BYTES = 24  # an element: two doubles read and one written
LARGE = 384_000_000  # bytes: beyond the second-level cache of any core

InTurn = Callable[[Callable[[], Any], Callable[[], Any], int], dict[str, float]]


@numba.njit(error_model="numpy")
def _triad(out, first, second):  # type: ignore[no-untyped-def]
    for index in range(len(out)):
        out[index] = first[index] + 3.0 * second[index]


def triad(total: int, repeats: int) -> float:
    """Gigabytes a second that a triad moves on one core, in ``total`` bytes of memory; the median."""
    out, first, second = np.ones((3, total // TRIAD_BYTES))
    passes = max(1, LARGE // total)
    _triad(out, first, second)
    rates = []
    for _ in range(repeats):
        began = time.process_time()
        for _ in range(passes):
            _triad(out, first, second)
        rates.append(1e-9 * passes * TRIAD_BYTES * len(out) / (time.process_time() - began))
    return statistics.median(rates)


def measure_lattice(nodes: int, repeats: int, in_turn: InTurn) -> dict[str, Any]:
    """Speed of the solver with ``nodes`` a diameter; times in CPU seconds, bandwidths in GB/s."""
    start = wake(REYNOLDS, nodes)
    velocity, viscosity, solid = start.velocity(), SPEED * nodes / REYNOLDS, start.solid
    steps = 2 * max(1, round(UPDATES / solid.size / 2))
    ours = Lattice(velocity, viscosity, solid)
    try:
        theirs = Generated(velocity, viscosity, solid)
        left_out, rival = None, theirs.beside(ours, steps, repeats, in_turn)
        spent = rival["ours_seconds"]
    except (ModuleNotFoundError, CompilerMissing) as error:
        left_out, rival = str(error), None
        spent = in_turn(lambda: ours.advance(steps), lambda: ours.advance(steps), repeats)["ours_seconds"]
    moved = 1e-9 * BYTES_AN_UPDATE * steps * solid.size / spent
    same = triad(2 * 9 * 8 * solid.size, repeats)
    large = triad(LARGE, repeats)
    return {
        "nodes_a_diameter": nodes,
        "rows": solid.shape[0],
        "columns": solid.shape[1],
        "mlups": 1e-6 * steps * solid.size / spent,
        "bytes_an_update": BYTES_AN_UPDATE,
        "gigabytes_a_second": moved,
        "triad_same_size": same,
        "triad_large": large,
        "triad_large_bytes": LARGE,
        "share_same_size": moved / same,
        "share_large": moved / large,
        "rival": rival,
        "left_out": left_out,
    }


class CompilerMissing(Exception):
    """There is no C++ compiler."""


class Generated:
    """The same flow by lbmpy.

    Args:
        velocity: float64 ``(2, row, column)``, initial velocity (x, y).
        viscosity: kinematic, in lattice units.
        solid: bool ``(row, column)``.

    Raises:
        ModuleNotFoundError: lbmpy is not installed.
        CompilerMissing: it cannot compile.
    """

    def __init__(self, velocity: np.ndarray, viscosity: float, solid: np.ndarray):
        from lbmpy.boundaries import NoSlip
        from lbmpy.enums import Method
        from lbmpy.scenarios import create_fully_periodic_flow

        if shutil.which("g++") is None and shutil.which("clang++") is None:
            raise CompilerMissing("no C++ compiler is installed")
        even = 3 * viscosity + 0.5  # relaxation time
        odd = MAGIC / (even - 0.5) + 0.5
        self.flow = create_fully_periodic_flow(
            initial_velocity=np.ascontiguousarray(velocity.transpose(2, 1, 0)),  # (column, row, 2)
            method=Method.TRT,
            relaxation_rates=[1 / even, 1 / odd],
            compressible=True,
        )
        columns, rows = solid.T.shape

        def inside(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            return solid[y.astype(int) % rows, x.astype(int) % columns]  # asked for the border too

        self.flow.boundary_handling.set_boundary(NoSlip(), mask_callback=inside)
        self.solid = solid

    def velocity(self) -> np.ndarray:
        """``(2, row, column)``; 0 at solid nodes."""
        return np.where(self.solid, 0, np.asarray(self.flow.velocity[:, :]).transpose(2, 1, 0))

    def beside(self, ours: Lattice, steps: int, repeats: int, in_turn: InTurn) -> dict[str, Any]:
        """Compare, after a check that both compute the same flow.

        Raises:
            BenchError: they do not.
        """
        ours.advance(CHECKED_STEPS)
        self.flow.run(CHECKED_STEPS)
        apart = float(np.abs(self.velocity() - ours.velocity()).max())
        if not apart <= MOST_DIFFERENCE:
            raise BenchError(
                f"lattice Boltzmann: velocities of lbmpy differ by {apart:.2g}, {MOST_DIFFERENCE:.2g} allowed; "
                "look at benchmarks/lattices.py"
            )
        turns = in_turn(lambda: ours.advance(steps), lambda: self.flow.run(steps), repeats)
        speed = 1e-6 * steps * self.solid.size / turns["theirs_seconds"]
        package = f"lbmpy {version('lbmpy')}"
        return {"package": package, "difference": apart, "most_difference": MOST_DIFFERENCE, "mlups": speed, **turns}
