"""The solver of training, its states and its hand-written gradients, against a plain loop that autograd follows."""

import pytest
import torch
from stepping import solve_by_frame
from torch import Tensor, nn

from ladid_bench.methods.ode import Perceptron
from ladid_bench.methods.runge_kutta import (
    NetworkField,
    integrate_stages,
    network_field,
    solve_network,
    stage_times,
)

STATE, ROWS = 6, 4


@pytest.fixture
def times() -> Tensor:
    """Every row has its own; one of them is repeated."""
    torch.manual_seed(0)
    made = torch.cat([torch.zeros(ROWS, 1), torch.rand(ROWS, 12).sort(dim=1).values], dim=1).double()
    made[:, 8] = made[:, 7]
    return made


@pytest.fixture
def initial() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(ROWS, STATE, dtype=torch.float64, requires_grad=True)


def network(inputs: int, outputs: int) -> Perceptron:
    torch.manual_seed(2)
    return Perceptron(inputs, 15, outputs).double()


def assert_same(made: Tensor, expected: Tensor, inputs: list[Tensor]) -> None:
    """Values, and gradients with respect to ``inputs`` under random cotangents, agree to double precision."""
    torch.testing.assert_close(made, expected, rtol=1e-12, atol=1e-12)
    cotangent = torch.randn_like(expected)
    gradients = [torch.autograd.grad((one * cotangent).sum(), inputs) for one in (made, expected)]
    for one, other in zip(*gradients, strict=True):
        assert other.abs().max() > 0
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("outputs", [STATE, STATE // 2])
def test_states_and_gradients_are_those_of_the_plain_loop(times, initial, outputs) -> None:
    """Of first order, and of second order where the network has half as many outputs."""
    field = network(STATE, outputs)

    def plain(time: Tensor, state: Tensor) -> Tensor:
        return torch.cat([state[:, outputs:], field(state)], dim=1) if outputs < STATE else field(state)

    made = solve_network(network_field(field), initial, times).states
    assert_same(made, solve_by_frame(plain, initial, times), [initial, *field.parameters()])


def test_inputs_that_are_constant_or_of_the_time_drive_the_first_layer(times, initial) -> None:
    field = network(STATE + 3, STATE)
    torch.manual_seed(3)
    constant = torch.randn(ROWS, 2, dtype=torch.float64, requires_grad=True)

    def plain(time: Tensor, state: Tensor) -> Tensor:
        return field(torch.cat([constant, state, time.cos()], dim=1))

    first = field[0]
    drive = nn.functional.linear(constant, first.weight[:, :2], first.bias)
    driven = drive + stage_times(times).cos()[..., None] * first.weight[:, -1]
    made = solve_network(network_field(field, driven, slice(2, -1)), initial, times).states
    assert_same(made, solve_by_frame(plain, initial, times), [initial, constant, *field.parameters()])


def test_a_drive_that_does_not_change_in_time_stands_for_all_stages(times, initial) -> None:
    field = network(STATE + 2, STATE)
    constant = torch.randn(ROWS, 2, dtype=torch.float64, requires_grad=True)
    drive = nn.functional.linear(constant, field[0].weight[:, STATE:], field[0].bias)
    made = solve_network(network_field(field, drive, slice(STATE)), initial, times).states
    plain = solve_by_frame(lambda _, state: field(torch.cat([state, constant], dim=1)), initial, times)
    assert_same(made, plain, [initial, constant, *field.parameters()])


def test_a_rate_along_the_path_is_integrated_with_the_gradients_of_the_plain_loop(times, initial) -> None:
    """The hidden layers of all stages carry gradients; the loop has the integral as one more state."""
    field = network(STATE, STATE)

    def plain(time: Tensor, augmented: Tensor) -> Tensor:
        early = torch.tanh(field[0](augmented[:, :STATE]))
        late = torch.tanh(field[2](early))
        rate = (early * late.square()).sum(dim=1, keepdim=True)
        return torch.cat([field[4](late), rate], dim=1)

    solution = solve_network(network_field(field), initial, times)
    rate = (solution.first * solution.second.square()).sum(dim=-1)
    made = torch.cat([solution.states, integrate_stages(rate, times)[..., None]], dim=-1)
    expected = solve_by_frame(plain, torch.cat([initial, torch.zeros(ROWS, 1).double()], dim=1), times)
    assert_same(made, expected, [initial, *field.parameters()])


def test_the_integral_alone_has_gradients_too(times, initial) -> None:
    field = network(STATE, STATE)
    solution = solve_network(network_field(field), initial, times)
    made = torch.autograd.grad(integrate_stages(solution.second.sum(dim=-1), times).sum(), initial)[0]

    def plain(time: Tensor, augmented: Tensor) -> Tensor:
        late = torch.tanh(field[2](torch.tanh(field[0](augmented[:, :STATE]))))
        return torch.cat([field[4](late), late.sum(dim=1, keepdim=True)], dim=1)

    path = solve_by_frame(plain, torch.cat([initial, torch.zeros(ROWS, 1).double()], dim=1), times)
    torch.testing.assert_close(made, torch.autograd.grad(path[..., -1].sum(), initial)[0])


def test_the_stages_of_a_step_are_thirds_apart() -> None:
    expected = torch.tensor([[0.0, 1.0, 2.0, 3.0, 3.0, 3.5, 4.0, 4.5]])
    torch.testing.assert_close(stage_times(torch.tensor([[0.0, 3.0, 4.5]])), expected.T)


def test_a_linear_motion_is_followed_to_fourth_order() -> None:
    """A rotation whose network is linear, as its hidden layers stay far below where tanh bends; error falls by 16."""
    small, turn = 1e-6, torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
    identity, nothing = torch.eye(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    field = NetworkField(small * identity, nothing, identity, nothing, turn / small, nothing)
    start, errors = torch.tensor([[1.0, 0.0]], dtype=torch.float64), []
    for steps in (10, 20):
        times = torch.linspace(0, 2, steps + 1, dtype=torch.float64)[None]
        path = solve_network(field, start, times).states
        errors.append((path[0, :, 0] - times[0].cos()).abs().max())
    assert errors[0] < 1e-4
    assert errors[0] / errors[1] == pytest.approx(16, rel=0.2)
