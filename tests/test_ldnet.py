"""LDNet: the decoder is a function of state and coordinates, trained at some points and rendered at all."""

from dataclasses import replace

import pytest
import torch

from ladid_bench.core.configuration import Budget
from ladid_bench.data.windows import WindowBatch, WindowSampler
from ladid_bench.methods.distributions import Gaussian, negative_log_likelihood
from ladid_bench.methods.ode import solve_adaptively

METHOD = "ldnet"


@pytest.fixture
def batch(pendulum, pendulum_task) -> WindowBatch:
    sampler = WindowSampler(pendulum["train"], pendulum_task, Budget(batch_size=4), "cpu")
    return sampler.draw(50, torch.Generator().manual_seed(0))


def test_coordinates_span_minus_one_to_one_in_the_order_of_the_pixels(module) -> None:
    grid = module.grid_coordinates((3, 5)).reshape(3, 5, 2)
    torch.testing.assert_close(grid[:, 2, 0], torch.tensor([-1.0, 0, 1]))
    torch.testing.assert_close(grid[1, :, 1], torch.tensor([-1, -0.5, 0, 0.5, 1]))
    assert module.grid_coordinates((4,)).shape == (4, 1)


@pytest.mark.parametrize("waves", [0, 5])
def test_the_decoder_is_a_perceptron_of_state_and_place_side_by_side(module, waves: int) -> None:
    torch.manual_seed(0)
    decoder = module.CoordinateDecoder(3, (2, 4, 6), 16, waves)
    states, point = torch.randn(5, 3), 4 * 6 - 2
    place = torch.tensor([1.0, 0.6]).expand(5, -1)  # last row, last column but one
    phase = place @ decoder.waves
    read = torch.cat([states, place, phase.sin(), phase.cos()], dim=1)
    assert read.shape == (5, 3 + 2 + 2 * waves)  # without waves, the paper's input
    expected = torch.sigmoid(decoder.output(decoder.layers(decoder.first(read))))
    torch.testing.assert_close(decoder(states)[:, :, 3, 4], expected)
    torch.testing.assert_close(decoder.at(states, torch.full((5, 1), point))[:, 0], expected)
    assert [type(layer).__name__ for layer in decoder.layers] == ["Tanh", *["Linear", "Tanh"] * 3]  # four hidden layers


def test_rendering_piece_by_piece_changes_nothing(module, monkeypatch) -> None:
    torch.manual_seed(0)
    decoder, states, sizes = module.CoordinateDecoder(3, (2, 4, 6), 16, 5), torch.randn(3, 2, 3), []
    values = decoder.values
    whole = decoder(states)

    def counted(states: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        sizes.append(len(states) * len(places))
        return values(states, places)

    monkeypatch.setattr(decoder, "values", counted)
    for most in (100, 24, 7):
        monkeypatch.setattr(module, "RENDERED_AT_ONCE", most)
        sizes.clear()
        torch.testing.assert_close(decoder(states), whole)
        assert max(sizes) <= most
        assert sum(sizes) == 6 * 24


def test_the_same_weights_render_any_grid(module) -> None:
    torch.manual_seed(0)
    coarse, fine = (module.CoordinateDecoder(3, (1, side, side), 16, 5) for side in (16, 31))
    fine.load_state_dict(coarse.state_dict())
    states = torch.randn(4, 3)
    torch.testing.assert_close(fine(states)[..., ::2, ::2], coarse(states))


def test_points_are_drawn_evenly_and_carry_their_own_values(build) -> None:
    model = build(points=200)
    frames = torch.rand(3, 4, 2, 16, 16)
    counts = torch.zeros(256)
    for _ in range(50):
        values, points = model.random_points(frames)
        counts += torch.bincount(points.flatten(), minlength=256)
    assert values.shape == (3, 4, 200, 2)
    for row, query, place in ((0, 0, 0), (2, 3, 199)):
        index = int(points[row, query, place])
        assert torch.equal(values[row, query, place], frames[row, query, :, index // 16, index % 16])
    mean = 50 * 12 * 200 / 256
    assert (counts - mean).abs().max() < 6 * mean**0.5  # Poisson


def test_few_points_estimate_the_loss_of_whole_frames(build, batch, monkeypatch) -> None:
    model = build(observation_std=0.1, kl_weight=2.0)
    monkeypatch.setattr(Gaussian, "sample", lambda self: self.mean)
    torch.manual_seed(0)
    with torch.no_grad():
        terms = [model.loss(batch) for _ in range(8)]
        initial = model.recognition(model.encoder(batch.frames)[batch.context], batch.context_times / model.time_scale)
        times = batch.query_times / model.time_scale
        states, _ = solve_adaptively(model.derivative, initial.mean, times, 1e-7)
        full = negative_log_likelihood(model.decoder(states), batch.query, 0.1) / 1024
    estimates = torch.stack([term["reconstruction"] for term in terms])
    error = estimates.std() / len(estimates) ** 0.5
    assert (estimates.mean() - full).abs() < 4 * error
    assert error < 0.02 * full
    torch.testing.assert_close(terms[0]["kl"], 2.0 * initial.kl_from_standard_normal().mean() / 1024)


def test_few_states_move_and_follow_the_equation(build, batch) -> None:
    model, step = build(latent=4, tolerance=1e-8), 1e-2
    model.decoder = torch.nn.Identity()  # shows the states
    frames, times = batch.frames[batch.context], batch.context_times
    middle = times[:, -1:] + model.time_scale * torch.rand(len(times), 1)
    with torch.no_grad():
        seen = model.forecast(frames, times, middle + model.time_scale * torch.tensor([-step, 0, step]))
        before, now, after = seen.unbind(dim=1)
        rate = model.field(now)
    assert now.shape == (12, 4)
    torch.testing.assert_close((after - before) / (2 * step), rate, atol=1e-3, rtol=0)


def test_vectors_have_the_index_of_the_feature_as_coordinate(build, pendulum_task) -> None:
    model = build(task=replace(pendulum_task, shape=(2, 5)))
    torch.testing.assert_close(model.decoder.coordinates, torch.tensor([[-1.0], [-0.5], [0.0], [0.5], [1.0]]))
    asked = torch.tensor([[11.0, 12.5, 90.0], [10.1, 30.0, 31.0]])
    assert model.forecast(torch.rand(2, 10, 2, 5), torch.arange(10.0).expand(2, -1), asked).shape == (2, 3, 2, 5)


def test_weights_of_the_decoder_start_as_in_keras_and_waves_with_one_period_across_the_frame(module) -> None:
    """Glorot's uniform distribution and no biases; wavenumbers of standard deviation pi on an axis from -1 to 1."""
    torch.manual_seed(0)
    decoder = module.CoordinateDecoder(8, (3, 4, 6), 64, 4000)
    linear = [layer for layer in decoder.modules() if isinstance(layer, torch.nn.Linear)]
    assert len(linear) == 5
    for layer in linear:
        bound = (6 / (layer.in_features + layer.out_features)) ** 0.5
        assert 0.95 * bound < layer.weight.abs().max() <= bound
        assert not layer.bias.any()
    assert decoder.waves.std().item() == pytest.approx(torch.pi, rel=0.03)


def test_an_untrained_decoder_starts_near_the_mean_level_of_each_channel(module) -> None:
    """The features of a vector share their average."""
    decoder = module.CoordinateDecoder(3, (2, 4), 16, 5)
    decoder.start_at([0.1, 0.2, 0.3, 0.2, 0.7, 0.9, 0.9, 0.7])
    torch.testing.assert_close(decoder.output.bias.sigmoid(), torch.tensor([0.2, 0.8]))
