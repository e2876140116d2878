"""Latent models with an initial state: training and forecasts solve one equation in the model's own unit of time."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from ladid_bench.methods.initial_state import LatentODEModel
from ladid_bench.methods.ode import solve_adaptively
from ladid_bench.methods.recognition import GatedRecognition
from ladid_bench.methods.registry import load_method, resolve_settings

UNIT = 1.5  # a training trajectory lasts 3 of it


@pytest.fixture(params=["latent-ode", "ldnet"])
def model(request, pendulum_task, root) -> LatentODEModel:
    torch.manual_seed(0)
    task = replace(pendulum_task, duration=3 * UNIT)
    settings = resolve_settings(request.param, "default", {}, root)
    return load_method(request.param, root)(task, settings).build_model().eval()


@torch.no_grad()
def test_training_solves_what_a_forecast_solves(model, uneven_sampler) -> None:
    batch = uneven_sampler.draw(50, torch.Generator().manual_seed(0))
    initial = torch.randn(len(batch.query), model.settings.latent)
    exact, _ = solve_adaptively(model.derivative, initial, batch.query_times / UNIT, 1e-7)
    assert (exact - initial[:, None]).abs().max() > 0.1  # states move
    torch.testing.assert_close(model.query_states(initial, batch), exact, atol=1e-4, rtol=1e-3)


@torch.no_grad()
def test_a_forecast_starts_from_the_mean_that_training_infers(model, uneven_sampler) -> None:
    batch = uneven_sampler.draw(50, torch.Generator().manual_seed(0))
    initial, context = model.initial_state(batch), batch.frames[batch.context]
    torch.testing.assert_close(model.represent(context, batch.context_times), initial.mean, atol=1e-5, rtol=1e-4)
    states, _ = solve_adaptively(model.derivative, initial.mean, batch.query_times / UNIT, model.settings.tolerance)
    forecast = model.forecast(context, batch.context_times, batch.query_times)
    torch.testing.assert_close(forecast, model.decoder(states), atol=1e-4, rtol=1e-3)
    assert model.function_evaluations > 0


@torch.no_grad()
def test_recognition_reads_back_from_the_last_frame_with_the_gap_to_the_frame_read_before() -> None:
    """Torch's cell, one frame after the other; gaps are positive and the first one is 0."""
    torch.manual_seed(0)
    recognition, cell = GatedRecognition(5, 3, 0.01), nn.GRUCell(6, 5)
    cell.load_state_dict({name.removesuffix("_l0"): one for name, one in recognition.recurrent.state_dict().items()})
    tokens, times = torch.randn(2, 4, 5), torch.tensor([[0.0, 0.1, 0.4, 0.6], [0.0, 0.3, 0.5, 1.2]])
    hidden = cell(torch.cat([tokens[:, 3], torch.zeros(2, 1)], dim=1), torch.zeros(2, 5))
    for frame in (2, 1, 0):
        gap = (times[:, frame + 1] - times[:, frame])[:, None]
        hidden = cell(torch.cat([tokens[:, frame], gap], dim=1), hidden)
    found, expected = recognition(tokens, times), recognition.head(hidden)
    torch.testing.assert_close(found.mean, expected.mean)
    torch.testing.assert_close(found.std, expected.std)
