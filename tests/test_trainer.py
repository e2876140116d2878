"""The trainer with a model of one number and validation errors that are given: what is kept, when, at which rate."""

from types import SimpleNamespace

import pytest
import torch

from ladid_bench.core.configuration import Budget
from ladid_bench.data.windows import WindowSampler
from ladid_bench.methods.base import Diverged, Training
from ladid_bench.methods.trainer import Trainer, relative_rate


class Level(torch.nn.Module):
    """Forecast one number everywhere; its loss falls without end, so that every step moves it."""

    def __init__(self) -> None:
        super().__init__()
        self.level = torch.nn.Parameter(torch.tensor(0.0))

    def loss(self, batch) -> dict[str, torch.Tensor]:
        return {"near": -self.level}


class Scripted:
    """A method whose validation errors are given, one after the other; ``levels`` are those they were taken at."""

    workspace, device = None, "cpu"

    def __init__(self, task, errors: list[float]) -> None:
        self.task, self.errors, self.levels = task, list(errors), list[float]()
        self.settings, self.model = SimpleNamespace(learning_rate=0.1, growth=True), Level()

    def validation_error(self, valid) -> float:
        self.levels.append(self.model.level.item())
        return self.errors[len(self.levels) - 1]


PLAIN = {"batch_size": 2, "warmup_steps": 0, "decay_fraction": 0.0, "weight_decay": 0.0, "growth_steps": 2}


def trained(pendulum, task, errors: list[float], seed: int = 0, **budget) -> tuple[Scripted, Trainer]:
    method = Scripted(task, errors)
    trainer = Trainer(method, Training(pendulum["train"], pendulum["valid"], Budget(**PLAIN | budget), seed))
    trainer.run()
    return method, trainer


@pytest.mark.parametrize(("errors", "best"), [([3, 1, 2], 1), ([1, 1, 1], 0), ([3, 2, 1], 2)])
def test_the_weights_kept_are_those_of_the_first_lowest_validation_error(pendulum, pendulum_task, errors, best) -> None:
    method, trainer = trained(pendulum, pendulum_task, errors, steps=7, validate_every=3)
    assert len(set(method.levels)) == 3
    assert method.model.level.item() == method.levels[best]
    assert trainer.cost()["best_step"] == (3, 6, 7)[best]
    assert [(point["step"], point["valid_nmse"]) for point in trainer.history] == list(
        zip((3, 6, 7), errors, strict=True)
    )


def test_steps_have_the_rate_of_the_schedule_times_the_methods(pendulum, pendulum_task) -> None:
    """Adam moves by the rate where the gradient never changes: the sum of all rates is the level at the end."""
    budget = {"steps": 10, "warmup_steps": 4, "decay_fraction": 0.5, "validate_every": 10}
    method, _ = trained(pendulum, pendulum_task, [1.0], **budget)
    rates = [0.25, 0.5, 0.75, 1, 1, 1, 0.8, 0.6, 0.4, 0.2]
    assert [relative_rate(step, Budget(**PLAIN | budget)) for step in range(10)] == pytest.approx(rates)
    assert method.model.level.item() == pytest.approx(0.1 * sum(rates), rel=1e-4)


def test_the_horizon_doubles_as_the_steps_go_on(pendulum, pendulum_task, monkeypatch) -> None:
    lengths, draw = [], WindowSampler.rows

    def noted(sampler, length, generator):
        lengths.append(length)
        return draw(sampler, length, generator)

    monkeypatch.setattr(WindowSampler, "rows", noted)
    trained(pendulum, pendulum_task, [1.0], steps=13, validate_every=13)
    assert lengths == [1, 1, 2, 2, 4, 4, 8, 8, 16, 16, 32, 32, 50]


def test_batches_are_those_of_the_seed(pendulum, pendulum_task, monkeypatch) -> None:
    drawn: list[torch.Tensor] = []
    gather = WindowSampler.gather

    def noted(sampler, rows):
        drawn.append(rows.grid)
        return gather(sampler, rows)

    monkeypatch.setattr(WindowSampler, "gather", noted)
    for seed in (4, 4, 5):
        trained(pendulum, pendulum_task, [1.0], seed=seed, steps=1)
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_a_validation_error_that_is_not_finite_ends_the_run(pendulum, pendulum_task) -> None:
    with pytest.raises(Diverged, match="step 2 "):
        trained(pendulum, pendulum_task, [1.0, float("nan")], steps=3, validate_every=1)
