"""The solver of training: rk4 from frame to frame, for networks with two hidden layers, differentiated by hand.

A step of training solves hundreds of stages, each a small network on few rows, so that autograd would spend more time
on bookkeeping than on numbers. Here the stages write into one buffer each way, the vector-Jacobian products go
backwards through them without a graph, and the gradients of the weights are one matrix product over all stages.
What is computed is the gradient of the discrete solution, as autograd gives it.
"""

import itertools
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

# Kutta's 3/8 rule, as in torchdiffeq: where in a step the stages stand, what each adds to its start, their weights
NODES = (0.0, 1 / 3, 2 / 3, 1.0)
COEFFICIENTS = ((), (1 / 3,), (-1 / 3, 1.0), (1.0, -1.0, 1.0))
WEIGHTS = (1 / 8, 3 / 8, 3 / 8, 1 / 8)
STAGES = len(WEIGHTS)


@dataclass(frozen=True)
class NetworkField:
    """Hold a right-hand side ``f(z) = W3 tanh(W2 tanh(W1 z + drive) + b2) + b3``.

    Attributes:
        first: W1, ``(hidden, k)``, the columns of the first layer that read the state.
        drive: what else the first layer adds: its bias ``(hidden,)``; with the share of inputs that are constant in
            time, ``(N, hidden)``; with that of the stages' times (``stage_times``), ``(stage, N, hidden)``.
        second, second_bias: W2 and b2, ``(hidden, hidden)`` and ``(hidden,)``.
        last, last_bias: W3 and b3, ``(m, hidden)`` and ``(m,)``.
    """

    first: Tensor
    drive: Tensor
    second: Tensor
    second_bias: Tensor
    last: Tensor
    last_bias: Tensor


def network_field(network: nn.Sequential, drive: Tensor | None = None, state: slice = slice(None)) -> NetworkField:
    """Read the field off a network of linear layers with tanh between them, two of them hidden.

    Args:
        network: as ``Perceptron`` builds it, dropout left aside.
        drive: what the first layer adds to the state's share; its bias by default.
        state: inputs of the network that are the state; the others are in ``drive``.
    """
    first, second, last = (layer for layer in network if isinstance(layer, nn.Linear))
    drive = first.bias if drive is None else drive
    return NetworkField(first.weight[:, state], drive, second.weight, second.bias, last.weight, last.bias)


class Solution(NamedTuple):
    """Hold states at all times ``(N, G, k)`` and the hidden layers at all stages, ``(stage, N, hidden)`` each."""

    states: Tensor
    first: Tensor
    second: Tensor


def stage_times(times: Tensor) -> Tensor:
    """Compute the times of all stages between increasing ``times`` ``(N, G)``, ``(4 (G - 1), N)``."""
    inside = times.new_tensor(NODES)
    stages = torch.addcmul(times[:, :-1, None], times.diff(dim=1)[..., None], inside)  # (N, G - 1, 4)
    return stages.flatten(1).T  # (N, G - 1, 4) -> (N, 4 (G - 1)) -> (4 (G - 1), N)


def solve_network(field: NetworkField, initial: Tensor, times: Tensor) -> Solution:
    """Solve ``dz/dt = f(z)`` for the states at each row's own increasing ``times``, by one step of rk4 between two.

    A field with half as many outputs as the state has values is that of a second-order equation: the state is
    position and velocity, ``ds/dt = v`` and ``dv/dt = f(s, v)``.

    Args:
        field: right-hand side.
        initial: ``(N, k)``, states at ``times[:, 0]``.
        times: ``(N, G)``; a time that is repeated leaves the state as it is.
    """
    gaps = times.diff(dim=1).T[..., None].contiguous()  # (N, G - 1) -> (G - 1, N, 1)
    weights = (field.first, field.drive, field.second, field.second_bias, field.last, field.last_bias)
    path, first, second = _RungeKutta.apply(initial, gaps, *weights)
    return Solution(path.transpose(0, 1), first, second)  # (G, N, k) -> (N, G, k)


def integrate_stages(rates: Tensor, times: Tensor) -> Tensor:
    """Integrate rates at all stages ``(4 (G - 1), N)`` along ``times`` ``(N, G)``, from 0: ``(N, G)``."""
    weights = rates.new_tensor(WEIGHTS)
    steps = times.diff(dim=1) * (rates.unflatten(0, (-1, STAGES)).transpose(1, 2) @ weights).T  # (N, G - 1)
    return torch.nn.functional.pad(steps.cumsum(dim=1), (1, 0))


class _RungeKutta(torch.autograd.Function):
    """The solution ``(G, N, k)`` and the hidden layers at all stages; see ``NetworkField`` and ``solve_network``."""

    @staticmethod
    def forward(ctx: Any, initial: Tensor, gaps: Tensor, *field: Any) -> tuple[Tensor, Tensor, Tensor]:
        first, drive, second, _, last, _ = field
        stages, (rows, k) = STAGES * len(gaps), initial.shape
        path, inputs = initial.new_empty(len(gaps) + 1, rows, k), initial.new_empty(stages, rows, k)
        early, late = (initial.new_empty(stages, rows, len(second)) for _ in range(2))
        path[0] = initial
        _solve(path, inputs, early, late, gaps, NetworkField(*field))
        ctx.save_for_backward(gaps, inputs, early, late, first, second, last)
        ctx.drive_shape = drive.shape
        ctx.set_materialize_grads(False)
        return path, early, late

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> tuple[Tensor | None, ...]:
        return _Adjoint(*ctx.saved_tensors, ctx.drive_shape).run(*cotangents)


def _solve(path: Tensor, inputs: Tensor, early: Tensor, late: Tensor, gaps: Tensor, field: NetworkField) -> None:
    """Fill path, stage inputs and hidden layers, one stage after the other, from ``path[0]`` on."""
    # as factors, weights in this order take two thirds of the time
    first, second, last = (weight.T.contiguous() for weight in (field.first, field.second, field.last))
    drives = field.drive.unbind() if field.drive.ndim == 3 else [field.drive] * len(inputs)
    outputs, rest = last.shape[1], inputs.shape[2] - last.shape[1]
    rates, combined = inputs.new_empty(STAGES, *inputs.shape[1:]), torch.empty_like(inputs[0])
    flat = rates.view(STAGES, -1).T  # (N k, stage)
    combine = [(flat[:, : len(row)], inputs.new_tensor(row)) for row in (*COEFFICIENTS, WEIGHTS)]
    written = [rate[:, rest:] for rate in rates]
    stages = zip(inputs.unbind(), early.unbind(), late.unbind(), drives, strict=True)
    for begin, end, gap in zip(path[:-1].unbind(), path[1:].unbind(), gaps.unbind(), strict=True):
        for stage, (state, one, two, drive) in enumerate(itertools.islice(stages, STAGES)):
            if stage:
                torch.mv(*combine[stage], out=combined.view(-1))
                torch.addcmul(begin, combined, gap, out=state)
            else:
                state.copy_(begin)
            torch.tanh_(torch.addmm(drive, state, first, out=one))
            torch.tanh_(torch.addmm(field.second_bias, one, second, out=two))
            torch.addmm(field.last_bias, two, last, out=written[stage])
            if rest:
                rates[stage, :, :rest] = state[:, outputs:]
        torch.mv(*combine[STAGES], out=combined.view(-1))
        torch.addcmul(begin, combined, gap, out=end)


class _Adjoint:
    """The way back through all stages: cotangents of the initial state, of the drive and of the weights.

    The buffers of one step, which all steps share, stay in the processor's cache: weights are summed step by step.
    """

    def __init__(self, gaps: Tensor, inputs: Tensor, early: Tensor, late: Tensor, *rest: Any):
        self.gaps, self.inputs, self.early, self.late = gaps, inputs, early, late
        self.first, self.second, self.last, self.drive_shape = rest
        (rows, k), (outputs, hidden) = inputs.shape[1:], self.last.shape
        self.outputs, self.rest = outputs, k - outputs
        new = inputs.new_empty
        # of what f returns and of its hidden layers before their activation, at the stages of one step
        self.output = new(STAGES, rows, outputs)
        self.to_late, self.to_early = new(STAGES, rows, hidden), new(STAGES, rows, hidden)
        # of the state after the step, and of the inputs of its stages, last one first
        self.reached, self.rate = inputs.new_zeros(1 + STAGES, rows, k), new(rows, k)
        self.layer, self.rate_flat = new(rows, hidden), self.rate.view(-1)
        # views made once, as making one takes a third of the time of a small operation
        self.values = list(zip(early.unbind(), late.unbind(), strict=True))
        into = (self.output, self.to_late, self.to_early)
        begins = reversed(self.reached[1:].unbind())
        self.buffers = list(zip(*(buffer.unbind() for buffer in into), begins, strict=True))
        self.factors = [buffer.flatten(0, 1).T for buffer in reversed(into)]  # (stage, N, m) -> (m, stage N)
        flat = self.reached.view(1 + STAGES, -1).T  # (N k, 1 + stage)
        self.combine = [(flat[:, : len(row)], inputs.new_tensor(row)) for row in _transposed_tableau()]
        self.weights = [torch.zeros_like(weight) for weight in (self.first, self.second, self.last)]
        self.biases = [torch.zeros_like(one) for one in (self.to_early, self.to_late, self.output)]
        self.drives = new(len(inputs), rows, hidden) if len(self.drive_shape) == 3 else None

    def run(self, path: Tensor | None, early: Tensor | None, late: Tensor | None) -> tuple[Tensor | None, ...]:
        """Go back from the cotangents of the path ``(G, N, k)`` and of the hidden layers at all stages."""
        if path is not None:
            self.reached[0] = path[-1]
        for step in reversed(range(len(self.gaps))):
            for stage in reversed(range(STAGES)):
                at = STAGES * step + stage
                self._stage(step, stage, *(None if one is None else one[at] for one in (early, late)))
            self._accumulate(slice(STAGES * step, STAGES * (step + 1)))
            torch.sum(self.reached, dim=0, out=self.rate)
            self.reached[0] = self.rate if path is None else self.rate + path[step]
        (first, second, last), (drive, second_bias, last_bias) = self.weights, self.biases
        to_drive = drive.sum_to_size(self.drive_shape) if self.drives is None else self.drives
        biases = second_bias.sum(dim=(0, 1)), last_bias.sum(dim=(0, 1))
        return self.reached[0], None, first, to_drive, second, biases[0], last, biases[1]

    def _stage(self, step: int, stage: int, early: Tensor | None, late: Tensor | None) -> None:
        """Go back through one stage: from what reaches its rate to what reaches its input."""
        (first, second), (output, to_late, to_early, begin) = self.values[STAGES * step + stage], self.buffers[stage]
        torch.mv(*self.combine[STAGES - 1 - stage], out=self.rate_flat)
        if self.rest:
            output.copy_(self.rate.mul_(self.gaps[step])[:, self.rest :])
        else:
            torch.mul(self.rate, self.gaps[step], out=output)
        layer = torch.mm(output, self.last, out=self.layer)
        _before_tanh(layer if late is None else layer.add_(late), second, out=to_late)
        layer = torch.mm(to_late, self.second, out=self.layer)
        _before_tanh(layer if early is None else layer.add_(early), first, out=to_early)
        torch.mm(to_early, self.first, out=begin)
        if self.rest:
            begin[:, self.outputs :] += self.rate[:, : self.rest]

    def _accumulate(self, stages: slice) -> None:
        """Add what the stages of a step contribute to the gradients of weights and biases."""
        for weight, factor, value in zip(self.weights, self.factors, (self.inputs, self.early, self.late), strict=True):
            weight.addmm_(factor, value[stages].flatten(0, 1))  # (stage, N, ...) -> (stage N, ...)
        for bias, cotangent in zip(self.biases, (self.to_early, self.to_late, self.output), strict=True):
            bias += cotangent
        if self.drives is not None:
            self.drives[stages] = self.to_early


def _before_tanh(gradient: Tensor, value: Tensor, out: Tensor) -> Tensor:
    """Compute the gradient before a tanh from that of its ``value``."""
    return torch.ops.aten.tanh_backward.grad_input(gradient, value, grad_input=out)


def _transposed_tableau() -> list[list[float]]:
    """List what the rate of each stage adds to the state after the step and to inputs of later stages, last first."""
    later = reversed(range(STAGES))
    return [[WEIGHTS[stage], *(COEFFICIENTS[j][stage] for j in range(STAGES - 1, stage, -1))] for stage in later]
