"""The check of a simulator against an analytic, published or independently computed value."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """Hold one row of the physics table.

    Attributes:
        quantity: what is measured, with its unit.
        expected: the value it must have.
        tolerance: largest absolute difference that passes.
        source: where ``expected`` comes from.
        measure: runs the simulator and returns the value.
        slow: takes more than about two seconds.
    """

    quantity: str
    expected: float
    tolerance: float
    source: str
    measure: Callable[[], float]
    slow: bool = False
