"""Flow in a plane by the lattice-Boltzmann method: nine velocities, two relaxation times.

Lattice: Qian, d'Humieres, Lallemand, Lattice BGK models for Navier-Stokes equation, Europhysics Letters
17, 1992. Two relaxation times and their product: Ginzburg, Verhaeghe, d'Humieres, Two-relaxation-time
lattice Boltzmann scheme, Communications in Computational Physics 3, 2008. Walls and force: Ladd,
Numerical simulations of particulate suspensions via a discretized Boltzmann equation, Journal of Fluid
Mechanics 271, 1994. Everything is in lattice units: the node spacing, the time step and the mean density
are 1. Arrays are ``(row, column)``; columns run along x and rows along y, upwards.
"""

import math

import numba
import numpy as np
import platformdirs

from ladid_bench.core.errors import BenchError

# Each velocity is followed by its opposite; kernels rely on this order.
VELOCITIES = np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (1, -1), (-1, 1)])
OPPOSITE = np.array([0, 2, 1, 4, 3, 6, 5, 8, 7])
WEIGHTS = np.array([4 / 9] + [1 / 9] * 4 + [1 / 36] * 4)
SOUND = 1 / math.sqrt(3)
MAGIC = 3 / 16  # product of the two relaxation times less 1/2 each: a wall lies exactly halfway between nodes
LEAST_RELAXATION = 0.508  # Re = 500 past a cylinder lives with 0.5096, on 16 nodes, and blows up with 0.5048, on 8
MOST_MACH = 0.3  # of what is prescribed; errors of compressibility grow with its square
BLOCK = 32  # columns collided at once: one block of all populations stays in the first-level cache

# Else compiled code would land beside this file, in the repository; NUMBA_CACHE_DIR in the environment goes first.
if not numba.config.CACHE_DIR:  # type: ignore[attr-defined]
    numba.config.CACHE_DIR = platformdirs.user_cache_dir("ladid-bench") + "/numba"  # type: ignore[attr-defined]
_compiled = numba.njit(cache=True, error_model="numpy", nogil=True)
_inlined = numba.njit(error_model="numpy", inline="always")


class Lattice:
    """Hold a fluid in a doubly periodic box with a body at rest in it.

    Args:
        velocity: float64 ``(2, row, column)``, initial velocity (x, y); the density is 1 and the
            populations start in equilibrium.
        viscosity: kinematic viscosity.
        solid: bool ``(row, column)``, nodes inside the body; none by default.
        fringe: ``(column,)``, share by which each step replaces the populations of a column by those of
            the stream: it swallows wake and sound and is the inflow. None by default.
        stream: velocity (x, y) of the stream that the fringe restores.

    Raises:
        BenchError: the viscosity or the velocity is more than the scheme can do.
    """

    def __init__(
        self,
        velocity: np.ndarray,
        viscosity: float,
        solid: np.ndarray | None = None,
        fringe: np.ndarray | None = None,
        stream: tuple[float, float] = (0.0, 0.0),
    ):
        rows, columns = velocity.shape[1:]
        relaxation = 3 * viscosity + 0.5
        mach = max(float(np.hypot(*velocity).max()), math.hypot(*stream)) / SOUND
        if relaxation < LEAST_RELAXATION:
            raise BenchError(
                f"lattice Boltzmann: a viscosity of {viscosity:.3g} gives the relaxation time {relaxation:.4g}, below "
                f"{LEAST_RELAXATION:g}; use a finer lattice or a lower Reynolds number"
            )
        if mach > MOST_MACH:
            raise BenchError(
                f"lattice Boltzmann: the Mach number is {mach:.3g}, above {MOST_MACH:g}; use a lower speed"
            )
        self.solid = np.zeros((rows, columns), dtype=bool) if solid is None else solid
        self.steps = 0  # done so far
        self.force = np.zeros(2)  # (x, y), on the body in the last step
        self._rates = (1 / relaxation, 1 / (MAGIC / (relaxation - 0.5) + 0.5))  # even part, odd part
        self._fringe = np.zeros(columns) if fringe is None else fringe
        self._target = equilibrium(np.array(stream)[:, None, None])[:, 0, 0]  # (population,)
        self._inside, self._links = _body(self.solid)
        self._now = np.empty((9, rows + 2, columns + 2))  # with a border that repeats the opposite side
        self._now[:, 1:-1, 1:-1] = equilibrium(velocity)
        self._next = self._now.copy()

    @property
    def populations(self) -> np.ndarray:
        """Return populations ``(population, row, column)`` after collision; what is at solid nodes means nothing."""
        return self._now[:, 1:-1, 1:-1]

    @property
    def mass(self) -> float:
        """Sum the mass of the fluid."""
        return float(self.populations[:, ~self.solid].sum())

    def velocity(self, rows: slice = slice(None), columns: slice = slice(None)) -> np.ndarray:
        """Compute the velocity (x, y) in a part of the box, ``(2, row, column)``; 0 at solid nodes."""
        part = self.populations[:, rows, columns]
        right, up, diagonal, falling = part[1] - part[2], part[3] - part[4], part[5] - part[6], part[7] - part[8]
        scale = np.where(self.solid[rows, columns], 0, 1 / part.sum(axis=0))
        return np.stack([(right + diagonal + falling) * scale, (up + diagonal - falling) * scale])

    def advance(self, steps: int) -> np.ndarray:
        """Advance by ``steps`` and return the force (x, y) on the body in each, ``(step, 2)``.

        Raises:
            BenchError: the flow has blown up.
        """
        forces = np.zeros((steps, 2))
        _advance(self._now, self._next, self._rates, self._fringe, self._target, self._inside, self._links, forces)
        if steps % 2:
            self._now, self._next = self._next, self._now
        if steps:
            self.force = forces[-1]
        self.steps += steps
        if not math.isfinite(self._now[0, 1:-1, 1:-1].sum()):
            raise BenchError(
                f"lattice Boltzmann: the flow blew up at the relaxation time {1 / self._rates[0]:.4g}; use a finer "
                "lattice or a lower Reynolds number"
            )
        return forces


def equilibrium(velocity: np.ndarray) -> np.ndarray:
    """Compute equilibrium ``(population, row, column)`` at density 1, for velocities ``(2, row, column)``."""
    along = np.tensordot(VELOCITIES, velocity, axes=1)  # (population, row, column)
    square = (velocity**2).sum(axis=0)
    return WEIGHTS[:, None, None] * (1 + 3 * along + 4.5 * along**2 - 1.5 * square)


def _body(solid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nodes of the body ``(node, 2)``, and its links to the fluid ``(link, 5)``, in the bordered arrays.

    A link is: the velocity that points from the body to the fluid, the solid node, the fluid node.
    """
    inside = np.argwhere(solid)
    links = []
    for population, (right, up) in enumerate(VELOCITIES[1:], start=1):
        fluid = (inside + np.array([up, right])) % solid.shape
        outward = ~solid[tuple(fluid.T)]
        ends = np.concatenate([inside[outward], fluid[outward]], axis=1) + 1  # (link, 4)
        links.append(np.insert(ends, 0, population, axis=1))
    return inside + 1, np.concatenate(links)


@_compiled
def _advance(now, after, rates, fringe, target, inside, links, forces):  # type: ignore[no-untyped-def]
    """Do as many steps as ``forces`` has rows; the result is in ``now`` if their number is even, else in ``after``."""
    for step in range(len(forces)):
        _reflect(now, inside, links, forces[step])
        _repeat_borders(now)
        _stream_and_collide(now, after, rates, fringe, target)
        now, after = after, now


@_compiled
def _reflect(now, inside, links, force):  # type: ignore[no-untyped-def]
    """Half-way bounce-back and momentum exchange.

    What streams from a body into the fluid is what has just left the fluid the opposite way. It is laid
    down at the solid node, so that streaming needs to know nothing of the body.
    """
    for node in range(len(inside)):  # else values that mean nothing would grow without bound
        for population in range(9):
            now[population, inside[node, 0], inside[node, 1]] = WEIGHTS[population]
    for link in range(len(links)):
        population, row, column, fluid_row, fluid_column = links[link]
        leaving = OPPOSITE[population]
        value = now[leaving, fluid_row, fluid_column]
        now[population, row, column] = value
        force[0] += 2 * value * VELOCITIES[leaving, 0]
        force[1] += 2 * value * VELOCITIES[leaving, 1]


@_compiled
def _repeat_borders(now):  # type: ignore[no-untyped-def]
    rows, columns = now.shape[1] - 2, now.shape[2] - 2
    for population in range(9):
        for row in range(1, rows + 1):
            now[population, row, 0] = now[population, row, columns]
            now[population, row, columns + 1] = now[population, row, 1]
        for column in range(columns + 2):
            now[population, 0, column] = now[population, rows, column]
            now[population, rows + 1, column] = now[population, 1, column]


@_compiled
def _stream_and_collide(now, after, rates, fringe, target):  # type: ignore[no-untyped-def]
    """One step from ``now`` to ``after``, block by block.

    The block is a small array of fixed shape: only so can the compiler see that no two of its rows
    overlap, and use vector instructions.
    """
    rows, columns = now.shape[1] - 2, now.shape[2] - 2
    block = np.empty((10, BLOCK))
    for row in range(1, rows + 1):
        for first in range(0, columns, BLOCK):
            width = min(BLOCK, columns - first)
            for population in range(9):
                source = row - VELOCITIES[population, 1]
                start = 1 + first - VELOCITIES[population, 0]
                line = now[population, source, start : start + width]
                for i in range(width):
                    block[population, i] = line[i]
            share = fringe[first : first + width]
            for i in range(width):
                block[9, i] = share[i]
            _collide(block, width, rates, target)
            for population in range(9):
                line = after[population, row, 1 + first : 1 + first + width]
                for i in range(width):
                    line[i] = block[population, i]


@_inlined
def _collide(block, width, rates, target):  # type: ignore[no-untyped-def]
    """Relax the even and the odd part of each pair of opposite populations, then blend with the stream."""
    even, odd = 0.5 * rates[0], 0.5 * rates[1]  # halves, as a part is half a sum or half a difference
    t0, t1, t2, t3, t4, t5, t6, t7, t8 = target
    for i in range(width):
        right, up = block[1, i] - block[2, i], block[3, i] - block[4, i]
        diagonal, falling = block[5, i] - block[6, i], block[7, i] - block[8, i]
        sums = (block[1, i] + block[2, i]) + (block[3, i] + block[4, i])
        density = block[0, i] + sums + (block[5, i] + block[6, i]) + (block[7, i] + block[8, i])
        x, y = right + (diagonal + falling), up + (diagonal - falling)  # momentum
        scale = 1 / density
        rest = density - 1.5 * (x * x + y * y) * scale
        share = block[9, i]
        kept = 1 - share
        block[0, i] = kept * (block[0, i] - 2 * even * (block[0, i] - 4 / 9 * rest)) + share * t0
        _relax(block, 1, i, 1 / 9, x, scale, rest, even, odd, kept, share, t1, t2)
        _relax(block, 3, i, 1 / 9, y, scale, rest, even, odd, kept, share, t3, t4)
        _relax(block, 5, i, 1 / 36, x + y, scale, rest, even, odd, kept, share, t5, t6)
        _relax(block, 7, i, 1 / 36, x - y, scale, rest, even, odd, kept, share, t7, t8)


@_inlined
def _relax(block, pair, i, weight, along, scale, rest, even, odd, kept, share, target, opposite):  # type: ignore[no-untyped-def]
    """Collide populations ``pair`` and ``pair + 1``; ``along`` is the momentum along the first one's velocity."""
    here, there = block[pair, i], block[pair + 1, i]
    symmetric = even * ((here + there) - 2 * weight * (rest + 4.5 * along * along * scale))
    antisymmetric = odd * ((here - there) - 6 * weight * along)
    block[pair, i] = kept * (here - symmetric - antisymmetric) + share * target
    block[pair + 1, i] = kept * (there - symmetric + antisymmetric) + share * opposite
