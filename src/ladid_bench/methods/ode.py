"""What methods with a neural ordinary differential equation share: its network, its unit of time, its forecasts.

torchdiffeq takes one time grid for a whole batch: a forecast solves once over the union of all query times. Training
steps from frame to frame, see ``runge_kutta``.
"""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torchdiffeq import odeint

from ladid_bench.data.task import Task

RightHandSide = Callable[[Tensor, Tensor], Tensor]  # time (N, 1) and state (N, k) to dz/dt (N, k)
SPAN = 3.0  # a training trajectory lasts as long in a model's own time; networks start with rates of order one


def time_scale(task: Task) -> float:
    """Compute what a model with an ODE divides times by, so that no data set's choice of units is a handicap."""
    return task.duration / SPAN


class Perceptron(nn.Sequential):
    """Map ``(..., inputs)`` to ``(..., outputs)`` by ``depth`` hidden layers of ``hidden`` units."""

    def __init__(self, inputs: int, hidden: int, outputs: int, depth: int = 2, activation: type[nn.Module] = nn.Tanh):
        widths = [inputs, *[hidden] * depth]
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Linear(before, after), activation()]
        super().__init__(*layers, nn.Linear(hidden, outputs))

    @property
    def first(self) -> nn.Linear:
        """Return the layer that reads the inputs."""
        return self[0]  # type: ignore[return-value]

    @property
    def last(self) -> nn.Linear:
        """Return the layer that gives the outputs."""
        return self[-1]  # type: ignore[return-value]


def solve_adaptively(
    field: RightHandSide, initial: Tensor, times: Tensor, tolerance: float, start: Tensor | None = None
) -> tuple[Tensor, int]:
    """Solve for the states at any ``times`` from ``start`` on, by dopri5 with ``rtol = atol = tolerance``.

    Args:
        field: right-hand side.
        initial: ``(N, k)``, states at ``start``.
        times: ``(N, Q)``, any order.
        tolerance: relative and absolute.
        start: ``(N,)``, no later than the row's times; 0 by default.

    Returns:
        States ``(N, Q, k)`` and the number of evaluations of the right-hand side.
    """
    start = torch.zeros_like(times[:, 0]) if start is None else start
    evaluations = 0

    def counted(elapsed: Tensor, state: Tensor) -> Tensor:
        nonlocal evaluations
        evaluations += 1
        return field(start[:, None] + elapsed, state)

    union, position = torch.unique(times - start[:, None], return_inverse=True)  # (U,), (N, Q)
    moments = torch.cat([torch.zeros_like(union[:1]), union[union > 0]])
    path = odeint(counted, initial, moments, rtol=tolerance, atol=tolerance, method="dopri5")  # (moment, N, k)
    # moments begin with time 0, which is one of the union or comes before it
    position = position + len(moments) - len(union)
    return path[position, torch.arange(len(times), device=times.device)[:, None]], evaluations  # (N, Q, k)
