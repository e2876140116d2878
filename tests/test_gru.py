"""The GRU baseline: its step against torch's, its times, and that training rolls as freely as forecasting."""

import pytest
import torch
from torch import Tensor, nn

from ladid_bench.methods.distributions import negative_log_likelihood

METHOD = "gru"


@pytest.fixture
def model(build) -> nn.Module:
    return build()


def stepped(roll_out: nn.Module, representation: Tensor, steps: int) -> Tensor:
    """States after 0, 1, ... ``steps`` whole steps, one after the other, ``(N, steps + 1, latent)``."""
    hidden = roll_out.start(representation).tanh()
    states = [roll_out.state(hidden)]
    for _ in range(steps):
        hidden = roll_out.cell(hidden)
        states.append(roll_out.state(hidden))
    return torch.stack(states, dim=1)


def test_the_cell_is_a_gated_recurrent_unit_without_input(module) -> None:
    """With the reset gate open it is torch's, which applies that gate after the matrix instead of before."""
    torch.manual_seed(0)
    cell, reference = module.AutonomousCell(6), nn.GRUCell(1, 6)
    with torch.no_grad():
        cell.gates.weight[:6], cell.gates.bias[:6] = 0, 50
        reference.weight_hh.copy_(torch.cat([cell.gates.weight, cell.candidate.weight]))
        reference.bias_hh.copy_(torch.cat([cell.gates.bias, cell.candidate.bias]))
        reference.bias_ih.zero_()
    hidden = torch.randn(4, 6)
    torch.testing.assert_close(cell(hidden), reference(torch.zeros(4, 1), hidden))


def test_a_closed_reset_gate_hides_the_state_from_the_candidate(module) -> None:
    torch.manual_seed(0)
    cell, hidden = module.AutonomousCell(6), torch.randn(4, 6)
    with torch.no_grad():
        cell.gates.weight.zero_()
        cell.gates.bias.copy_(torch.tensor([-50.0] * 6 + [0.0] * 6))
    expected = 0.5 * cell.candidate.bias.tanh() + 0.5 * hidden
    torch.testing.assert_close(cell(hidden), expected)


def test_whole_steps_are_steps_of_the_cell_and_what_is_between_lies_on_straight_lines(model) -> None:
    representations = torch.randn(2, 32)
    states = stepped(model.roll_out, representations, 7)
    asked = torch.tensor([[1.0, 2.0, 6.0], [0.25, 3.5, 6.75]])  # each row at times of its own
    got = model.roll_out(representations, asked, 7.0)
    torch.testing.assert_close(got[0], states[0, [1, 2, 6]])
    expected = [0.75 * states[1, 0] + 0.25 * states[1, 1], (states[1, 3] + states[1, 4]) / 2]
    torch.testing.assert_close(got[1], torch.stack([*expected, 0.25 * states[1, 6] + 0.75 * states[1, 7]]))


def test_a_time_off_by_rounding_changes_nothing(model) -> None:
    representations, frames = torch.randn(1, 32), torch.arange(1.0, 51.0)[None]
    exact = model.roll_out(representations, frames, 50.0)
    for rounded in (frames * (1 - 1e-6), frames * (1 + 1e-6)):
        torch.testing.assert_close(model.roll_out(representations, rounded, 50.0), exact, atol=1e-4, rtol=0)


def test_a_forecast_does_not_depend_on_what_else_is_asked_for(model) -> None:
    representations, asked = torch.randn(2, 32), torch.tensor([[0.5, 3.0, 20.25, 70.0], [1.0, 1.5, 40.0, 41.0]])
    together = model.roll_out(representations, asked, 70.0)
    torch.testing.assert_close(model.roll_out(representations, asked.flip(1), 70.0).flip(1), together)
    for query in range(4):
        torch.testing.assert_close(
            model.roll_out(representations, asked[:, query : query + 1], 70.0)[:, 0], together[:, query]
        )


def test_times_count_from_the_last_context_frame_in_time_steps(model, pendulum_task, batch) -> None:
    step, context = pendulum_task.time_step, batch.frames[batch.context]
    asked = batch.context_times[:, -1:] + step * torch.tensor([1.0, 2.5])  # rows end their contexts at other times
    with torch.no_grad():
        representations = model.represent(context, batch.context_times)
        states = stepped(model.roll_out, representations, 3)
        expected = model.decoder(torch.stack([states[:, 1], (states[:, 2] + states[:, 3]) / 2], dim=1))
        torch.testing.assert_close(model.forecast(context, batch.context_times, asked), expected, atol=1e-4, rtol=0)


def test_the_code_depends_on_the_gaps_of_the_context_not_on_when_it_began(model, batch) -> None:
    context, times = batch.frames[batch.context], batch.context_times
    with torch.no_grad():
        representations = model.represent(context, times)
        torch.testing.assert_close(model.represent(context, times + 0.5), representations, atol=1e-5, rtol=0)
        assert (model.represent(context, times**2) - representations).abs().max() > 1e-3


def test_training_rolls_as_freely_as_forecasting(model, batch) -> None:
    """The loss is the likelihood of the forecast from the context alone: no later frame is fed in."""
    with torch.no_grad():
        forecast = model.forecast(batch.frames[batch.context], batch.context_times, batch.query_times)
        expected = negative_log_likelihood(forecast, batch.query, 0.05) / batch.query[0, 0].numel()
        torch.testing.assert_close(model.loss(batch), {"reconstruction": expected})


def test_layer_sizes(model) -> None:
    roll_out, recognition = model.roll_out, model.recognition
    assert (recognition.recurrent.input_size, recognition.recurrent.hidden_size) == (129, 128)
    assert recognition.representation.out_features == roll_out.start.in_features == roll_out.state.out_features == 32
    assert roll_out.start.out_features == roll_out.cell.candidate.in_features == model.settings.hidden


@torch.no_grad()
def test_training_rolls_on_from_what_a_forecast_rolls_on_from(model, batch) -> None:
    """The untrained decoder hardly shows it: the gaps of the context count time steps in both."""
    rolled = []
    model.roll_out.register_forward_pre_hook(lambda _, inputs: rolled.append(inputs[:2]))
    model.loss(batch)
    model.forecast(batch.frames[batch.context], batch.context_times, batch.query_times)
    torch.testing.assert_close(rolled[0], rolled[1], atol=1e-5, rtol=1e-5)
