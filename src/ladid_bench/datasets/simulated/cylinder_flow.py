"""The wake of a cylinder: a von Karman street, seen as vorticity.

Flow: T. von Karman, Nachrichten der Gesellschaft der Wissenschaften zu Goettingen, 1911; frequency of
shedding: A. Roshko, On the development of turbulent wakes from vortex streets, NACA Report 1191, 1954.
Lengths are in diameters D of the cylinder, velocities in those of the stream, U, and times in D/U.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.pooling import mean_pool, pooling_factor
from ladid_bench.datasets.simulated.base import Simulation, System
from ladid_bench.datasets.source import DataCard

if TYPE_CHECKING:
    from ladid_bench.datasets.simulated.lattice_boltzmann import Lattice

LENGTH, HEIGHT = 20, 8  # of the box, periodic on all sides
BODY_X = 5  # of the body's centre; at HEIGHT / 2
VIEW, VIEW_X = 8, 3.5  # side of the square in the picture, and its left edge; it is as high as the box
FRINGE, FRINGE_STRENGTH = 3, 0.2  # at the end of the box: there the stream is restored
KICK = 0.6  # a vortex behind the body starts off the shedding: rate at which its middle turns, at most, in U/D
KICK_X = 1.5  # its distance from the body; a vortex, as any start with divergence rings in the box for long
SPEED = 0.1  # of the stream, in nodes a time step
COARSEST = 16  # nodes a diameter: with 8, drag and lift at Re = 200 are a fifth and a half too low
FINEST_REYNOLDS = 16  # for each node of a diameter: above it the lattice is refined; at 32 drag is a fifth too low
TICK = SPEED / COARSEST  # times are multiples of it, so that on every lattice they are whole steps
STARTS = (10.0, 40.0)  # of windows: the wake fills the picture, and in many windows shedding is still setting in
MOST_REYNOLDS = 1000.0  # a flow in a plane says less and less about a real one, and lattices grow
CONSTANTS = ("reynolds", "position_y", "angle", "kick")  # drawn for each run
BODIES = ("cylinder", "square")
CAUTION = (
    "The flow is kept in a plane; a real wake is three-dimensional above Re = 190. The box is periodic sideways, so "
    "that neighbours 8 D away raise drag and frequency: 1.56 and 0.177 at Re = 100, where a cylinder alone has 1.34 "
    "and 0.165. On 16 nodes a diameter drag and frequency differ by 2 % from those on 32. With another 'diameter', Re "
    "still refers to the usual D. Drag and lift carry the sound of the start, up to a third of the lift before t = 20. "
    "Much of the flow is periodic, and linear methods forecast a narrow range of flows well: at 32 px, 200 training "
    "windows of 40 runs and Re from 60 to 200, DMD reached nMSE 0.18, ridge regression 0.23 and analogs 0.32; with the "
    "stream within 15 degrees and the place within 1 D, DMD reached 0.10."
)


@dataclass(frozen=True)
class CylinderFlow(System):
    """Simulate windows of runs that differ in Reynolds number, lateral place of the body and direction of the stream.

    Several windows are cut from a run, each at a random time. A run is in one split, and is the group
    of statistics. Trajectory ``i`` is window ``i % windows`` of run ``i // windows``, whatever number of
    them is asked for; under another ``windows`` it is another one.

    Attributes:
        reynolds_low, reynolds_high: range of Re = U D / viscosity.
        levels: 0 draws Re from that range; else from so many values, evenly spaced from end to end.
        position_x: how far downstream of its usual place the body is, in D.
        position_y: middle of the lateral positions, in D.
        spread: they differ from the middle by at most this, in D.
        angle: the stream comes from at most so many degrees below or above.
        diameter: of the body, in D; fluid and stream stay the same, so that Re refers to D.
        body: ``cylinder``, or ``square`` of side ``diameter``.
        windows: trajectories cut from a run.
    """

    name: ClassVar[str] = "cylinder-flow"
    version: ClassVar[int] = 1
    context_frames: ClassVar[int] = 10
    forecast_frames: ClassVar[int] = 40
    channels: ClassVar[tuple[str, ...]] = ("vorticity",)
    value_range: ClassVar[tuple[float, float]] = (-3.0, 3.0)
    units: ClassVar[Mapping[str, str]] = {
        "time": "D/U",
        "vorticity": "U/D",
        "reynolds": "1",
        "position_x": "D",
        "position_y": "D",
        "angle": "degree",
        "kick": "U/D",
        "diameter": "D",
        "start": "D/U",
        "drag": "1",
        "lift": "1",
    }
    interventions: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "position-x-downstream": {"position_x": 1.0},
        "position-x-upstream": {"position_x": -1.0},
        "position-y": {"position_y": 2.75, "spread": 0.5},
        "reynolds-60": {"reynolds_low": 60.0, "reynolds_high": 60.0},
        "reynolds-250": {"reynolds_low": 250.0, "reynolds_high": 250.0},
        "reynolds-500": {"reynolds_low": 500.0, "reynolds_high": 500.0},
        "reynolds-100-150-200": {"reynolds_low": 100.0, "levels": 3},
        "reynolds-125-175": {"reynolds_low": 125.0, "reynolds_high": 175.0, "levels": 2},
        "diameter-1.5": {"diameter": 1.5},
        "square": {"body": "square"},
    }

    reynolds_low: float = 70.0
    reynolds_high: float = 200.0
    levels: int = 0
    position_x: float = 0.0
    position_y: float = 0.0
    spread: float = 2.0
    angle: float = 20.0
    diameter: float = 1.0
    body: str = "cylinder"
    windows: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_known(body=BODIES)
        for name, (least, most) in {
            "reynolds_high": (1.0, MOST_REYNOLDS),  # first, as it limits the other
            "reynolds_low": (1.0, self.reynolds_high),
            "levels": (0, 1000),
            "position_x": (-1.5, 5.0),
            "position_y": (-HEIGHT / 2, HEIGHT / 2),
            "spread": (0.0, HEIGHT / 2),
            "angle": (0.0, 45.0),
            "diameter": (0.5, 3.0),
            "windows": (1, 10_000),
        }.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise BenchError(f"{self.name}: setting '{name}' is {value:g}; give a value from {least:g} to {most:g}")
        if self.levels == 1 and self.reynolds_low < self.reynolds_high:
            raise BenchError(f"{self.name}: one level leaves no range; set reynolds_low and reynolds_high to one value")

    @property
    def card(self) -> DataCard:
        levels = rf" \text{{ in {self.levels} levels}}" if self.levels else ""
        return self.describe(
            title="Flow around a cylinder",
            summary=(
                "Vorticity behind a cylinder that sheds vortices to either side in turn. Runs differ in Reynolds "
                "number, lateral place of the body, direction of the stream, and in the disturbance that starts off "
                "the shedding; windows of a run differ in their time, and many show how shedding sets in."
            ),
            quantity="vorticity in U/D, 0 in the body; drag and lift coefficient beside it",
            obtained_from="this package, ladid_bench.datasets.simulated.cylinder_flow and .lattice_boltzmann",
            citation=(
                "Vortex street: von Karman, Nachrichten der Gesellschaft der Wissenschaften zu Goettingen, 1911; its "
                "frequency: Roshko, NACA Report 1191, 1954; lattice: Qian, d'Humieres, Lallemand, Europhysics Letters "
                "17, 1992; body, domain and solver of the LaDID paper's own set are not published"
            ),
            splits=(
                f"by run: {self.windows} windows of each run, and no run in two splits; the group is the run, as "
                "windows of a run overlap"
            ),
            equation=(
                r"\frac{\partial \mathbf{u}}{\partial t} + \mathbf{u} \cdot \nabla \mathbf{u} = -\nabla p + "
                r"\frac{1}{\mathrm{Re}} \nabla^2 \mathbf{u}, \quad \nabla \cdot \mathbf{u} = 0" + "\n\n"
                r"\text{in a plane, in units of the diameter } D \text{ and the stream } U; \quad "
                rf"\text{{lattice-Boltzmann method, {COARSEST} nodes a diameter or more}}" + "\n"
                rf"\mathrm{{Re}} \in [{self.reynolds_low:g}, {self.reynolds_high:g}]"
                rf"{levels}, \quad \text{{lateral place of the body in }} "
                rf"[{self.position_y - self.spread:g}, {self.position_y + self.spread:g}] \text{{ in "
                rf"steps of }} 1/{COARSEST}, "
                rf"\quad \text{{stream from }} [{-self.angle:g}, {self.angle:g}] \text{{ degrees}}" + "\n"
                rf"\text{{a vortex that starts the shedding in }} [{-KICK:g}, {KICK:g}], \quad "
                rf"\text{{first frame at }} "
                rf"[{STARTS[0]:g}, {STARTS[1]:g}] \text{{, all uniform}}" + "\n"
                rf"\text{{the picture shows {VIEW} by {VIEW} diameters; a frame every {self.frame_interval:g}}}"
            ),
            caution=CAUTION,
        )

    @property
    def frame_interval(self) -> float:
        return 0.3

    def nodes(self, image_size: int) -> int:
        """Choose the nodes a diameter: two or more a pixel, and enough for the Reynolds number."""
        nodes = COARSEST
        while VIEW * nodes < 2 * image_size or self.reynolds_high > FINEST_REYNOLDS * nodes:
            nodes *= 2
        return nodes

    def draw(self, random: np.random.Generator) -> dict[str, Any]:
        """Draw what is random in a run; ``start`` has the first time of each window in it, ``(window,)``."""
        place = random.random()
        if self.levels:
            place = int(place * self.levels) / max(1, self.levels - 1)
        offset = random.uniform(-self.spread, self.spread)
        return {
            "reynolds": self.reynolds_low + place * (self.reynolds_high - self.reynolds_low),
            "position_y": self.position_y + round(offset * COARSEST) / COARSEST,  # the body keeps its shape
            "angle": random.uniform(-self.angle, self.angle),
            "kick": random.uniform(-KICK, KICK),
            "start": _in_ticks(random.uniform(*STARTS, self.windows)) * TICK,
        }

    def times(self, split: str, count: int, seed: int, frames: int) -> np.ndarray:
        """Lay out times from the start of each window, rounded to ticks; arguments as of ``System.times``."""
        return _in_ticks(super().times(split, count, seed, frames)) * TICK

    def drawn(self, count: int, seeds: list[int]) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Draw runs, of which several windows are trajectories; the group is the run."""
        run, window = np.divmod(np.arange(count), self.windows)
        runs, _ = super().drawn(int(run[-1]) + 1, seeds)
        start = runs.pop("start")[run, window]
        return {name: values[run] for name, values in runs.items()} | {"start": start}, run

    def simulate(self, drawn: Mapping[str, np.ndarray], times: np.ndarray, image_size: int) -> Simulation:
        """Simulate windows; those of the same constants are windows of the same run, which is solved once.

        Args:
            drawn: ``reynolds``, ``position_y`` (D), ``angle`` (degrees), ``kick`` (U/D), ``start`` (D/U),
                ``(trajectory,)`` each.
            times: ``(trajectory, time)``, increasing, the ``start`` of each window being 0.
            image_size: side of a frame in pixels.
        """
        nodes = self.nodes(image_size)
        factor = pooling_factor(image_size, VIEW * nodes, self.name)
        frames = np.empty((*times.shape, 1, VIEW * nodes // factor, VIEW * nodes // factor), dtype=np.float32)
        forces = np.empty((*times.shape, 2))
        steps = _in_ticks(drawn["start"][:, None] + times) * (nodes // COARSEST)  # (trajectory, time)
        constants = np.stack([drawn[name] for name in CONSTANTS], axis=1)
        distinct, run_of = np.unique(constants, axis=0, return_inverse=True)
        for run, values in enumerate(distinct):
            flow = self._flow(dict(zip(CONSTANTS, values, strict=True)), nodes)
            for step, row, index in _in_order(steps, np.flatnonzero(run_of == run)):
                flow.advance(step - flow.steps)
                forces[row, index] = flow.force
                frames[row, index, 0] = mean_pool(picture(flow, nodes), factor)
        coefficients = forces * (2 / (SPEED**2 * nodes * self.diameter))  # (trajectory, time, 2)
        fixed = {name: np.full(len(frames), getattr(self, name)) for name in ("position_x", "diameter")}
        return Simulation(frames, {**drawn, **fixed}, {"drag": coefficients[..., 0], "lift": coefficients[..., 1]})

    def _flow(self, drawn: Mapping[str, float], nodes: int) -> "Lattice":
        centre = (BODY_X + self.position_x, HEIGHT / 2 + drawn["position_y"])
        angle = math.radians(drawn["angle"])
        return wake(drawn["reynolds"], nodes, self.body, centre, self.diameter, angle, drawn["kick"])


def _in_ticks(times: np.ndarray) -> np.ndarray:
    return np.rint(times / TICK).astype(np.int64)


def _in_order(steps: np.ndarray, rows: np.ndarray) -> list[tuple[int, int, int]]:
    """Step, row and column of all entries of some rows of ``steps``, by step."""
    return sorted((int(step), int(row), index) for row in rows for index, step in enumerate(steps[row]))


def wake(
    reynolds: float,
    nodes: int,
    body: str = "cylinder",
    centre: tuple[float, float] = (BODY_X, HEIGHT / 2),
    diameter: float = 1.0,
    angle: float = 0.0,
    kick: float = KICK,
    box: tuple[float, float] = (LENGTH, HEIGHT),
    speed: float = SPEED,
) -> "Lattice":
    """Start the stream at time 0, with a body just put into it and a kick behind.

    Args:
        reynolds: Re by U and D.
        nodes: of the lattice, for a length of D.
        body: one of ``BODIES``; ``centre`` ``(x, y)`` in D, and ``diameter``.
        angle: direction of the stream, radians.
        kick: how fast the middle of the vortex behind the body turns clockwise, U/D. A vortex, for
            any start with divergence rings in the box for long.
        box: length and height, in D; periodic, its end a fringe.
        speed: of the stream, in nodes a step: a step is ``speed / nodes`` D/U.
    """
    columns, rows = round(box[0] * nodes), round(box[1] * nodes)
    right = (np.arange(columns) + 0.5) / nodes - centre[0]
    up = ((np.arange(rows)[:, None] + 0.5) / nodes - centre[1] + box[1] / 2) % box[1] - box[1] / 2
    if body == "square":
        solid = np.maximum(np.abs(right), np.abs(up)) < diameter / 2
    else:
        solid = np.hypot(right, up) < diameter / 2
    stream = (speed * math.cos(angle), speed * math.sin(angle))
    velocity = np.empty((2, rows, columns))
    turning = kick * speed * np.exp(-((right - KICK_X) ** 2) - up**2)
    velocity[0] = stream[0] + turning * up
    velocity[1] = stream[1] - turning * (right - KICK_X)
    depth = 1 - (box[0] - centre[0] - right) / FRINGE  # 0 to 1 across the fringe
    fringe = np.where(depth > 0, FRINGE_STRENGTH * np.sin(np.pi * depth) ** 2, 0)
    from ladid_bench.datasets.simulated.lattice_boltzmann import Lattice  # numba takes long to import

    return Lattice(velocity, speed * nodes / reynolds, solid, fringe, stream)


def picture(flow: "Lattice", nodes: int, speed: float = SPEED) -> np.ndarray:
    """Draw vorticity in units of U/D on the nodes in view, ``(row, column)``; the top row comes first, a body is 0.

    Args:
        flow, nodes, speed: a ``wake`` and what it was made with, ``HEIGHT`` high.
    """
    left = round(VIEW_X * nodes)
    x, y = flow.velocity(columns=slice(left - 1, left + VIEW * nodes + 1))  # one more column at either side
    turning = (y[:, 2:] - y[:, :-2] - np.roll(x, -1, axis=0)[:, 1:-1] + np.roll(x, 1, axis=0)[:, 1:-1]) / 2
    turning[flow.solid[:, left : left + VIEW * nodes]] = 0
    return turning[::-1] * (nodes / speed)
