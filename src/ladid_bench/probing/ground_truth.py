"""What is known to be true of each trajectory: the constants that vary, and the state at its first frame."""

from dataclasses import dataclass

import numpy as np

from ladid_bench.data.trajectories import Trajectories
from ladid_bench.data.variables import unit_of
from ladid_bench.datasets.source import DataSource

CONSTANT = 1e-9  # spread over size below which a quantity does not vary


@dataclass(frozen=True)
class Quantity:
    """Something true of each trajectory.

    Attributes:
        name, unit: as the data set calls it.
        values: ``(trajectory,)``; cyclic ones are in radians within (-pi, pi].
        cyclic: whether both ends of the range are the same.
    """

    name: str
    unit: str
    values: np.ndarray
    cyclic: bool

    @property
    def targets(self) -> np.ndarray:
        """What a probe has to read, ``(trajectory, target)``: sine and cosine of what is cyclic."""
        if self.cyclic:
            return np.stack([np.sin(self.values), np.cos(self.values)], axis=1)
        return self.values[:, None].astype(np.float64)


def known_quantities(trajectories: Trajectories, source: DataSource) -> list[Quantity]:
    """List the constants that vary between trajectories, and the states at their first frame that do."""
    known = {name: values for name, values in trajectories.parameters.items() if _varies(values)}
    known |= {name: values[:, 0] for name, values in trajectories.states.items() if _varies(values[:, 0])}
    return [quantity(name, unit_of(source.units, name), values) for name, values in known.items()]


def quantity(name: str, unit: str, values: np.ndarray) -> Quantity:
    """Make a quantity of ``values`` ``(trajectory,)``: angles over more than half a turn are cyclic."""
    cyclic = unit == "rad" and bool(np.ptp(values) > np.pi)  # a small range of angles has two ends
    return Quantity(name, unit, np.angle(np.exp(1j * values)) if cyclic else values, cyclic)


def _varies(values: np.ndarray) -> bool:
    return bool(np.ptp(values) > CONSTANT * max(1.0, float(np.abs(values).max())))
