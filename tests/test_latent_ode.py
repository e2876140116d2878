"""Latent ODE: the two penalties, term by term and against lengths that are known."""

import math

import pytest
import torch

from ladid_bench.core.errors import BenchError

METHOD = "latent-ode"


def test_lengths_are_in_standard_deviations_of_the_beginnings(module) -> None:
    """Half a turn on circles of the radii 1 and 3 is pi r long, whatever the unit of the latent space."""
    angle = torch.linspace(0, math.pi, 400)[None]
    cross = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    start = torch.cat([cross, 3 * cross])  # with the same spread in both coordinates
    x, y = start[:, :1], start[:, 1:]
    turned = torch.stack([angle.cos() * x - angle.sin() * y, angle.sin() * x + angle.cos() * y], dim=-1)  # (8, 400, 2)
    expected = math.pi * start.norm(dim=1) / start[:, 0].std()
    torch.testing.assert_close(module.relative_length(turned, 0.0), expected, atol=0, rtol=1e-3)
    torch.testing.assert_close(module.relative_length(7 * turned, 0.0), expected, atol=0, rtol=1e-3)


def test_a_path_that_stands_still_has_no_length_and_a_gradient(module) -> None:
    still = torch.randn(4, 1, 3).expand(-1, 6, -1).clone().requires_grad_()
    length = module.relative_length(still, 0.001)
    assert length.max() < 1e-4
    length.sum().backward()
    assert torch.isfinite(still.grad).all()


@torch.no_grad()
def test_each_penalty_is_alone_and_as_written(build, batch) -> None:
    for variant, name in (("default", "kl"), ("path", "path")):
        model = build(variant, kl_weight=0.3, path_weight=0.7, std_floor=0.02)
        torch.manual_seed(3)
        terms = model.loss(batch)
        assert set(terms) == {"reconstruction", name}
        torch.manual_seed(3)
        initial = model.initial_state(batch)
        path = model.path(initial.sample() if name == "kl" else initial.mean, batch)
        squared = (model.decoder(batch.at_queries(path)) - batch.query).square().sum(dim=(2, 3, 4)).mean()
        torch.testing.assert_close(terms["reconstruction"], squared / (2 * model.settings.observation_std**2) / 1024)
        length = (path.diff(dim=1) / (path[:, 0].std(dim=0) + 0.02)).norm(dim=-1).sum(dim=1)
        expected = 0.3 * initial.kl_from_standard_normal() if name == "kl" else 0.7 * length
        torch.testing.assert_close(terms[name], expected.mean() / 1024, atol=1e-6, rtol=1e-3)


def test_the_path_variant_draws_nothing_and_trains_no_spread(build, batch) -> None:
    model = build("path").train()
    values = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        values.append(sum(model.loss(batch).values()))
    assert torch.equal(*values)
    values[0].backward()
    idle = {name for name, one in model.named_parameters() if one.grad is None or not one.grad.abs().sum() > 0}
    assert idle == {"recognition.head.log_std.weight", "recognition.head.log_std.bias"}


def test_an_unknown_penalty_is_refused(build) -> None:
    with pytest.raises(BenchError, match="curvature"):
        build("default", penalty="curvature")
