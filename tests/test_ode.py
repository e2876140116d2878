"""The solvers of the neural-ODE baselines, against analytic solutions and against each row alone."""

import pytest
import torch
from stepping import solve_by_frame
from torch import Tensor

from ladid_bench.methods.ode import Perceptron, solve_adaptively


def turning(time: Tensor, state: Tensor) -> Tensor:
    """A harmonic oscillator, ``d(x, v)/dt = (v, -x)``."""
    return torch.stack([state[:, 1], -state[:, 0]], dim=1)


def driven(time: Tensor, state: Tensor) -> Tensor:
    """``dz/dt = cos t``, which depends on the time alone."""
    return time.cos().expand_as(state)


@pytest.fixture
def times() -> Tensor:
    torch.manual_seed(0)
    return torch.cat([torch.zeros(4, 1), torch.rand(4, 40).sort(dim=1).values], dim=1).double() * 3


def test_each_row_is_told_its_own_time(times: Tensor) -> None:
    zero = torch.zeros(4, 1, dtype=torch.float64)
    later, _ = solve_adaptively(driven, zero, times, 1e-8, start=times[:, 0] - 0.5)
    expected = times.sin() - (times[:, :1] - 0.5).sin()
    torch.testing.assert_close(later[..., 0], expected, atol=1e-6, rtol=0)


def test_the_adaptive_solver_answers_at_any_times_in_any_order(times: Tensor) -> None:
    initial = torch.tensor([[1.0, 0.0]], dtype=torch.float64).expand(4, -1)
    states, evaluations = solve_adaptively(turning, initial, times[:, 1:].flip(1), 1e-8)
    torch.testing.assert_close(states[..., 0], times[:, 1:].flip(1).cos(), atol=1e-6, rtol=0)
    assert evaluations > 7
    _, fewer = solve_adaptively(turning, initial, times[:, 1:], 1e-3)
    assert fewer < evaluations
    at_start, _ = solve_adaptively(turning, initial, times, 1e-8)  # time 0 is the state itself
    torch.testing.assert_close(at_start[:, 0], initial)


def test_both_solvers_agree_on_a_network(times: Tensor) -> None:
    torch.manual_seed(1)
    network = Perceptron(5, 20, 5).double()
    initial = torch.randn(4, 5, dtype=torch.float64)
    with torch.no_grad():
        path = solve_by_frame(lambda time, state: network(state), initial, times)
        states, _ = solve_adaptively(lambda time, state: network(state), initial, times, 1e-9)
    torch.testing.assert_close(path, states, atol=1e-5, rtol=1e-5)


def test_a_perceptron_has_the_layers_asked_for() -> None:
    widths = [layer.out_features for layer in Perceptron(3, 7, 2, depth=3) if isinstance(layer, torch.nn.Linear)]
    assert widths == [7, 7, 7, 2]
