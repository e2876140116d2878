"""Independent solvers of the systems' equations, from public packages, for ``benchmarks/systems.py``.

Each solves the very problem that the system solves: same initial states, constants and times. Tolerances and
steps are, of a few that were tried on these very trajectories at 32 and 64 px, ones with which the error equals
or exceeds that of the system's own solver. Two rows are far less accurate, and their errors say so: a tolerance
of 1e-6, as a looser choice for pendulums, and finite differences, wrong by 15 % on 64 points a side and by 4 % on 128.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import fft
from scipy.integrate import solve_ivp

from ladid_bench.datasets.pooling import mean_pool
from ladid_bench.datasets.simulated import double_pendulum, pendulum, reaction_diffusion, vorticity, wave
from ladid_bench.datasets.simulated.base import System

POINTS = 64  # a side, of the cosine transform: as many as the system has modes
STEP_LIMITS = {one.name: one.step_limit for one in (pendulum.Pendulum, double_pendulum.DoublePendulum)}
LEAST_FINITE_DIFFERENCES = 128  # points a side: with 64, a wave is wrong by 15 % after 3 units of time


@dataclass(frozen=True)
class Problem:
    """What both solvers are given.

    Attributes:
        system: whose equation it is.
        drawn: what its ``draw`` returned, stacked, ``(trajectory, ...)`` each.
        times: ``(trajectory, time)``, the same for all trajectories, evenly spaced.
        image_size: side of a frame in pixels.
    """

    system: Any
    drawn: Mapping[str, np.ndarray]
    times: np.ndarray
    image_size: int

    def one(self, index: int) -> dict[str, float]:
        """What was drawn for one trajectory."""
        return {name: float(values[index]) for name, values in self.drawn.items()}


Solver = Callable[[], np.ndarray]


@dataclass(frozen=True)
class Rival:
    """A public package that solves a system's equation.

    Attributes:
        name: what it does, in a few words.
        package: its name where packages are installed from.
        most_difference: relative difference from the system's solution that both may have.
        prepare: everything that is done once, compilation included; what it returns is timed.
    """

    name: str
    package: str
    most_difference: float
    prepare: Callable[[Problem], Solver]


def own_solver(problem: Problem) -> Solver:
    """The system's own: states of a pendulum, ``(component, trajectory, time)``, else what ``frames_of`` returns."""
    system = problem.system
    if system.name in STEP_LIMITS:
        return lambda: system.solve(problem.drawn, problem.times, STEP_LIMITS[system.name])
    return lambda: frames_of(system, problem, problem.image_size)


def frames_of(system: System, problem: Problem, image_size: int) -> np.ndarray:
    """Frames of the system's simulation, ``(trajectory, height, width, time)``."""
    return np.moveaxis(system.simulate(problem.drawn, problem.times, image_size).frames[:, :, 0], 1, -1)


def reference(problem: Problem) -> np.ndarray:
    """A finer solution, shaped like that of ``own_solver``.

    SciPy's DOP853 at a tolerance of 1e-13 for the pendulums and 1e-10 for the wave; a tenth of the step for
    reaction and diffusion; twice the points a side, and steps to match, for turbulence. The last two are the
    system's own solver, refined: that the equations are the same shows in the difference between the solvers.
    """
    name = problem.system.name
    if name == "reaction-diffusion":

        class Finer(reaction_diffusion.ReactionDiffusion):
            step_limit = reaction_diffusion.ReactionDiffusion.step_limit / 10

        return frames_of(Finer(), problem, problem.image_size)
    if name == "navier-stokes":
        fine = frames_of(problem.system, problem, 2 * problem.image_size)
        return np.moveaxis(mean_pool(np.moveaxis(fine, -1, 1), 2), 1, -1)
    precise = {"pendulum": (_pendulum, 1e-13), "double-pendulum": (_double_pendulum, 1e-13), "wave": (_cosines, 1e-10)}
    prepare, tolerance = precise[name]
    return prepare(tolerance)(problem)()


def _each(problem: Problem, tolerance: float, right_side: Callable[..., Any], start: Callable[..., Any]) -> np.ndarray:
    """Solve one trajectory after another with DOP853, ``(component, trajectory, time)``."""
    solved = []
    for index, times in enumerate(problem.times):
        one = problem.one(index)
        span = (times[0], times[-1])
        result = solve_ivp(
            right_side(one), span, start(one), method="DOP853", t_eval=times, rtol=tolerance, atol=tolerance
        )
        solved.append(result.y)
    return np.stack(solved, axis=1)


def _pendulum(tolerance: float) -> Callable[[Problem], Solver]:
    def prepare(problem: Problem) -> Solver:
        system = problem.system

        def right_side(one: dict[str, float]) -> Callable[..., Any]:
            restoring, friction = system.gravity / one["length"], system.damping / system.mass
            return lambda _, state: (state[1], -restoring * math.sin(state[0]) - friction * state[1])

        return lambda: _each(problem, tolerance, right_side, lambda one: (one["theta"], one["angular_velocity"]))

    return prepare


def _double_pendulum(tolerance: float) -> Callable[[Problem], Solver]:
    """The two equations of motion as they are derived, linear in the accelerations, solved by Cramer's rule."""

    def prepare(problem: Problem) -> Solver:
        system = problem.system

        def right_side(one: dict[str, float]) -> Callable[..., Any]:
            l1, l2, m1, m2, g = system.length1, one["length2"], system.mass1, one["mass2"], system.gravity

            def slope(_: float, state: np.ndarray) -> tuple[float, ...]:
                a, b, turn_a, turn_b = state.tolist()
                sine, mixed = math.sin(a - b), m2 * l2 * math.cos(a - b)
                force_a = -m2 * l2 * turn_b**2 * sine - (m1 + m2) * g * math.sin(a)
                force_b = l1 * turn_a**2 * sine - g * math.sin(b)
                inertia, coupling = (m1 + m2) * l1, l1 * math.cos(a - b)
                determinant = inertia * l2 - mixed * coupling
                return (
                    turn_a,
                    turn_b,
                    (force_a * l2 - mixed * force_b) / determinant,
                    (inertia * force_b - coupling * force_a) / determinant,
                )

            return slope

        return lambda: _each(problem, tolerance, right_side, lambda one: (one["theta1"], one["theta2"], 0.0, 0.0))

    return prepare


def _cosines(tolerance: float) -> Callable[[Problem], Solver]:
    """The wave equation on a grid, its Laplacian by the cosine transform, which suits walls that reflect."""

    def prepare(problem: Problem) -> Solver:
        modes = wave.Modes(problem.system.walls, problem.system.modes)
        centres = (np.arange(POINTS) + 0.5) * (wave.SIDE / POINTS) - wave.SIDE / 2
        on_grid = modes.at(centres)  # (point, mode)
        to_pixels = modes.averages(problem.image_size) @ np.linalg.inv(on_grid)  # (pixel, point)
        squared = (np.arange(POINTS) * (np.pi / wave.SIDE)) ** 2

        def right_side(one: dict[str, float]) -> Callable[..., Any]:
            factor = -(one["speed"] ** 2) * (squared[:, None] + squared)

            def slope(_: float, state: np.ndarray) -> np.ndarray:
                field, rate = state.reshape(2, POINTS, POINTS)
                pulled = fft.idctn(factor * fft.dctn(field), overwrite_x=True)
                return np.concatenate([rate.ravel(), (pulled - problem.system.damping * rate).ravel()])

            return slope

        def start(one: dict[str, float]) -> np.ndarray:
            field = on_grid @ wave.bumps(modes, one) @ on_grid.T
            return np.concatenate([field.ravel(), np.zeros(POINTS**2)])

        def solve() -> np.ndarray:
            states = _each(problem, tolerance, right_side, start)[: POINTS**2]  # (point, trajectory, time)
            fields = np.moveaxis(states.reshape(POINTS, POINTS, *states.shape[1:]), (0, 1), (-2, -1))
            frames = (to_pixels @ fields @ to_pixels.T)[..., ::-1, :]  # (trajectory, time, height, width)
            return np.moveaxis(frames, 1, -1)

        return solve

    return prepare


def _finite_differences(problem: Problem) -> Solver:
    """py-pde's wave equation: finite differences of second order, Runge-Kutta of order 4 at 0.9 of a cell a step."""
    import pde

    modes = wave.Modes(problem.system.walls, problem.system.modes)
    points = max(LEAST_FINITE_DIFFERENCES, 2 * problem.image_size)
    to_cells = modes.averages(points)
    grid = pde.CartesianGrid([[-1, 1], [-1, 1]], [points, points], periodic=False)
    gap = problem.times[0, 1] - problem.times[0, 0]
    solvers = []
    for index in range(len(problem.times)):
        one = problem.one(index)
        equation = pde.WavePDE(speed=one["speed"], bc={"derivative": 0})
        field = to_cells @ wave.bumps(modes, one) @ to_cells.T  # (y, x)
        start = equation.get_initial_condition(pde.ScalarField(grid, field.T.copy()))
        step = gap / math.ceil(gap * one["speed"] * points / (0.9 * wave.SIDE))
        advance = pde.RungeKuttaSolver(equation, backend="numba").make_stepper(start.copy(), dt=step)
        advance(start.copy(), 0.0, gap)  # compiles
        solvers.append((start, advance))

    def solve() -> np.ndarray:
        frames = np.empty((*problem.times.shape, problem.image_size, problem.image_size))
        for index, (start, advance) in enumerate(solvers):
            state = start.copy()
            for column, time in enumerate(problem.times[index]):
                if column:
                    advance(state, time - gap, time)
                frames[index, column] = mean_pool(state.data[0].T[::-1], points // problem.image_size)
        return np.moveaxis(frames, 1, -1)

    return solve


def _spirals(steps: int) -> Callable[[Problem], Solver]:
    """torchfsm with both concentrations as channels, all trajectories at once, ``steps`` a frame."""

    def prepare(problem: Problem) -> Solver:
        from torchfsm.operator import ImplicitSource, Laplacian

        size = problem.image_size
        grid = size * max(2, math.ceil(reaction_diffusion.LEAST_GRID / size))
        beta, diffusion = (torch.tensor(problem.drawn[name])[:, None, None, None] for name in ("beta", "d"))

        def reaction(state: torch.Tensor) -> torch.Tensor:
            square = (state * state).sum(dim=1, keepdim=True)
            turned = torch.stack([state[:, 1], -state[:, 0]], dim=1)
            return (1 - square) * state + beta * square * turned

        drawn = reaction_diffusion.spiral(problem.drawn, problem.system.arms, grid)
        start = torch.tensor(np.stack([drawn.real, drawn.imag], axis=1))  # (trajectory, 2, row, column)
        operator = diffusion * Laplacian() + ImplicitSource(reaction)
        operator.set_de_aliasing_rate(1.0)  # ours does not dealias either: the field is smooth
        integrate = _integrator(operator, start, reaction_diffusion.SIDE, problem, steps)
        warm_up = round(reaction_diffusion.SPIN_UP / problem.system.frame_interval)

        def solve() -> np.ndarray:
            fields = integrate(warm_up)[:, warm_up:, 0]  # (trajectory, time, row, column)
            return np.moveaxis(mean_pool(fields, grid // size), 1, -1)

        return solve

    return prepare


def _turbulence(steps: int) -> Callable[[Problem], Solver]:
    """torchfsm's vorticity equation, all trajectories at once, ``steps`` a frame on 64 points a side, more on more."""

    def prepare(problem: Problem) -> Solver:
        from torchfsm.pde import NavierStokesVorticity

        system, size = problem.system, problem.system.grid(problem.image_size)
        spectrum = system.initial(problem.drawn["noise"], size)
        field = fft.irfft2(spectrum)[:, None, ::-1].transpose(0, 1, 3, 2)  # (trajectory, 1, x, y)
        operator = NavierStokesVorticity(1 / torch.tensor(problem.drawn["viscosity"])[:, None, None, None])
        finer = math.ceil(steps * size / 64)
        integrate = _integrator(operator, torch.tensor(field.copy()), 1.0, problem, finer)

        def solve() -> np.ndarray:
            fields = integrate(0)[:, :, 0].transpose(0, 1, 3, 2)[:, :, ::-1]  # (trajectory, time, row, column)
            flat = fft.rfft2(fields.reshape(-1, size, size))
            frames = vorticity.picture(flat, problem.image_size)
            return np.moveaxis(frames.reshape(*problem.times.shape, *frames.shape[1:]), 1, -1)

        return solve

    return prepare


def _integrator(
    operator: Any, start: torch.Tensor, side: float, problem: Problem, steps: int
) -> Callable[[int], np.ndarray]:
    """Exponential Runge-Kutta of order 4: state at all times, ``earlier`` frames before the first one included."""
    from torchfsm.integrator import SETDRKIntegrator
    from torchfsm.mesh import FourierMesh
    from torchfsm.traj_recorder import AutoRecorder, IntervalController

    operator.set_integrator(SETDRKIntegrator.SETDRK4)
    points = start.shape[-1]
    operator.register_mesh(FourierMesh([(0, side, points)] * 2, dtype=start.dtype), start.shape[1])
    step = float(problem.times[0, 1] - problem.times[0, 0]) / steps
    operator.integrate(u_0=start, dt=step, step=1)  # computes its coefficients, for this step

    def integrate(earlier: int) -> np.ndarray:
        count = (earlier + problem.times.shape[1] - 1) * steps
        recorder = AutoRecorder(IntervalController(interval=steps))
        return operator.integrate(u_0=start, dt=step, step=count, trajectory_recorder=recorder).numpy()

    return integrate


RIVALS: dict[str, tuple[Rival, ...]] = {
    "pendulum": (
        Rival("solve_ivp, DOP853, tolerance 1e-12", "scipy", 1e-9, _pendulum(1e-12)),
        Rival("solve_ivp, DOP853, tolerance 1e-6", "scipy", 1e-4, _pendulum(1e-6)),
    ),
    "double-pendulum": (
        Rival("solve_ivp, DOP853, tolerance 1e-12", "scipy", 1e-9, _double_pendulum(1e-12)),
        Rival("solve_ivp, DOP853, tolerance 1e-6", "scipy", 1e-3, _double_pendulum(1e-6)),
    ),
    "wave": (
        Rival("cosine transform, solve_ivp, DOP853, tolerance 1e-7", "scipy", 1e-5, _cosines(1e-7)),
        Rival("finite differences, Runge-Kutta", "py-pde", 0.1, _finite_differences),
    ),
    "reaction-diffusion": (Rival("Fourier, exponential Runge-Kutta, 3 steps a frame", "torchfsm", 1e-3, _spirals(3)),),
    "navier-stokes": (Rival("Fourier, exponential Runge-Kutta", "torchfsm", 2e-3, _turbulence(4)),),
}
