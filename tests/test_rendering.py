"""The floor of a decoder: known where the decoder is a linear map, and never above what is forecast."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ladid_bench.core.configuration import Budget
from ladid_bench.data.windows import WindowSampler
from ladid_bench.methods.base import Training
from ladid_bench.methods.registry import load_method, resolve_settings
from ladid_bench.methods.rendering import nearest_renderings

LATENT, VALUES = 3, 12


class Linear(nn.Module):
    """Render states by a fixed matrix, so that the nearest frame is the projection on its columns."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.matrix = nn.Parameter(torch.linalg.qr(torch.randn(VALUES, LATENT)).Q)

    def forward(self, states: Tensor) -> Tensor:
        return (states @ self.matrix.T).unflatten(-1, (1, VALUES))


@pytest.mark.parametrize("unit", [1.0, 100.0])
def test_the_nearest_frame_of_a_linear_decoder_is_the_projection(unit: float) -> None:
    """Whatever the unit of the latent space."""
    decoder = Linear()
    decoder.matrix.data /= unit
    states = unit * torch.randn(5, 8, LATENT)
    frames = torch.randn(40, 1, VALUES)
    found = nearest_renderings(decoder, lambda: decoder(states), frames)
    assert found is not None
    matrix = decoder.matrix.detach() * unit
    projection = (frames @ matrix @ matrix.T).reshape(40, 1, VALUES)
    assert (found - projection).square().mean() < 0.01 * projection.square().mean()
    assert not decoder.matrix.grad  # the weights are left alone


def test_a_decoder_that_is_shown_more_than_a_state_has_no_floor() -> None:
    class Shifted(Linear):
        def forward(self, states: Tensor, shift: Tensor | None = None) -> Tensor:
            return super().forward(states) + (0 if shift is None else shift)

    decoder = Shifted()
    frames = torch.randn(2, 1, VALUES)
    assert nearest_renderings(decoder, lambda: decoder(torch.randn(4, LATENT), frames[:1]), frames) is None


@pytest.mark.parametrize("name", ["ladid", "gru", "ndp"])
def test_true_frames_are_rendered_at_least_as_well_as_they_are_forecast(name, pendulum, pendulum_task, root) -> None:
    method = load_method(name, root)(pendulum_task, resolve_settings(name, "default", {"growth": False}, root))
    budget = Budget(steps=30, batch_size=8, validate_every=30, warmup_steps=5)
    method.fit(Training(pendulum["train"], pendulum["valid"], budget, 0))
    test = pendulum["test"]
    truth = test.frames[:, 10:]
    before = {key: value.clone() for key, value in method.model.state_dict().items()}
    rendered = method.reconstruct(test.frames, test.times)
    forecast = method.forecast(test.frames[:, :10], test.times[:, :10], test.times[:, 10:]).mean
    assert rendered is not None and rendered.shape == truth.shape
    errors = [((made - truth) ** 2).sum(axis=(2, 3, 4)) for made in (rendered, forecast)]
    assert (errors[0] <= errors[1] * (1 + 1e-4)).all()
    assert errors[0].mean() < errors[1].mean()
    assert all(torch.equal(value, before[key]) for key, value in method.model.state_dict().items())


def test_a_method_without_a_decoder_of_states_has_no_floor(pendulum, pendulum_task, root) -> None:
    method = load_method("ridge", root)(pendulum_task, resolve_settings("ridge", "default", {}, root))
    assert method.reconstruct(pendulum["test"].frames, pendulum["test"].times) is None


def test_draws_leave_the_random_numbers_of_the_training_alone(pendulum, pendulum_task, root) -> None:
    method = load_method("ladid", root)(pendulum_task, resolve_settings("ladid", "default", {}, root))
    torch.manual_seed(7)
    method.model = method.build_model()
    test = pendulum["test"]
    state = torch.get_rng_state()
    drawn = method.sample(test.frames[:, :10], test.times[:, :10], test.times[:, 10:], samples=2, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert drawn is not None and drawn.shape == (2, *test.frames[:, 10:].shape)
    silent = load_method("ladid", root)(pendulum_task, resolve_settings("ladid", "deterministic-psi", {}, root))
    silent.model = silent.build_model()
    assert silent.sample(test.frames[:, :10], test.times[:, :10], test.times[:, 10:], samples=2, seed=1) is None
    assert not np.array_equal(drawn[0], drawn[1])


@torch.no_grad()
def test_the_plain_autoencoder_renders_single_frames_through_its_bottleneck(pendulum, pendulum_task, root) -> None:
    """Its loss is the mean squared error of the query frames, its forecast the last frame, its error the floor's."""
    method = load_method("autoencoder", root)(pendulum_task, resolve_settings("autoencoder", "default", {}, root))
    torch.manual_seed(0)
    method.model = method.build_model().eval()
    for layer in (method.model.bottleneck, method.model.decoder.output):
        layer.weight.mul_(100)  # untrained it renders all frames alike
    valid = pendulum["valid"]

    def through(frames: np.ndarray) -> np.ndarray:
        normalized = torch.as_tensor(pendulum_task.normalize(frames), dtype=torch.float32)
        states = method.model.bottleneck(method.model.encoder(normalized.flatten(0, 1)))
        return pendulum_task.denormalize(method.model.decoder(states).numpy()).reshape(frames.shape)

    truth, rendered = valid.frames[:, 10:], through(valid.frames[:, 10:])
    np.testing.assert_allclose(method.reconstruct(valid.frames, valid.times), rendered, atol=1e-5)
    forecast = method.forecast(valid.frames[:, :10], valid.times[:, :10], valid.times[:, 10:13]).mean
    np.testing.assert_allclose(forecast, through(valid.frames[:, 9:10]).repeat(3, axis=1), atol=1e-5)
    assert abs(through(valid.frames[:, :1]) - through(valid.frames[:, 9:10])).max() > 0.01
    nmse = ((rendered - truth) ** 2).sum(axis=(1, 2, 3, 4)) / (truth**2).sum(axis=(1, 2, 3, 4))
    assert method.validation_error(valid) == pytest.approx(nmse.mean(), rel=1e-4)
    sampler = WindowSampler(pendulum["train"], pendulum_task, Budget(batch_size=2), "cpu")
    batch = sampler.draw(8, torch.Generator().manual_seed(0))
    states = method.model.bottleneck(method.model.encoder(batch.query.flatten(0, 1)))
    squared = (method.model.decoder(states) - batch.query.flatten(0, 1)).square().mean()
    torch.testing.assert_close(method.model.loss(batch), {"reconstruction": squared})
