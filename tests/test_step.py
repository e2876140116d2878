"""The training step: the arithmetic of its optimiser, and when a GPU replays it; a stand-in plays the graph."""

import pytest
import torch

from ladid_bench.core.configuration import Budget
from ladid_bench.data.windows import BatchRows, WindowSampler
from ladid_bench.methods import step as step_module
from ladid_bench.methods.step import WARM_UP, TrainingStep


class Level(torch.nn.Module):
    """Forecast one number everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.level = torch.nn.Parameter(torch.tensor(0.25))

    def loss(self, batch) -> dict[str, torch.Tensor]:
        return {"near": (self.level - 1).square() * 3, "far": (self.level - 2).square() + 0 * batch.query.sum()}


class Replayed:
    """A graph as the host sees it: captured without being carried out, then carried out on what it is given."""

    made = 0

    def __init__(self, work, rows: BatchRows) -> None:
        self.work = work
        Replayed.made += 1

    def __call__(self, rows: BatchRows) -> torch.Tensor:
        return self.work(rows)


@pytest.fixture
def sampler(pendulum, pendulum_task) -> WindowSampler:
    return WindowSampler(pendulum["train"], pendulum_task, Budget(batch_size=2), "cpu")


def stepping(sampler: WindowSampler, **options) -> TrainingStep:
    return TrainingStep(Level(), sampler, Budget(**options), "cpu")


def advance(step: TrainingStep, length: int, rate: float, seed: int = 0) -> torch.Tensor:
    return step(step.sampler.rows(length, torch.Generator().manual_seed(seed)), rate)


def test_the_first_step_is_that_of_adam_with_decoupled_decay(sampler) -> None:
    """Adam's first step is the rate times the gradient's sign; before it weights shrink by rate times decay."""
    step = stepping(sampler, weight_decay=0.5)
    terms = advance(step, 4, 0.1)
    assert step.terms == ("near", "far")
    assert terms.tolist() == pytest.approx([3 * 0.75**2, 1.75**2])  # before the step
    assert step.model.level.item() == pytest.approx(0.25 * (1 - 0.1 * 0.5) + 0.1, rel=1e-5)


def test_gradients_are_clipped_to_the_budgets_norm(sampler) -> None:
    """d/dx 3 (x - 1)^2 + (x - 2)^2 at 1/4 is -8; the norm asked for is 0.2."""
    step = stepping(sampler, gradient_clip=0.2)
    advance(step, 4, 0.1)
    assert step.model.level.grad.item() == pytest.approx(-0.2, rel=1e-4)


def test_the_gradient_is_that_of_its_own_step(sampler) -> None:
    step = stepping(sampler, gradient_clip=1e9)
    step.model.eval()
    for seed in (0, 1):
        advance(step, 4, 0.0, seed)
    assert step.model.level.grad.item() == pytest.approx(-8)
    assert step.model.training  # whatever validation left


def test_the_rate_is_that_of_each_step(sampler) -> None:
    step = stepping(sampler, weight_decay=0)
    for rate in (0.1, 0.0):
        advance(step, 4, rate)
    assert step.model.level.item() == pytest.approx(0.35, rel=1e-5)


def test_a_gpu_makes_the_first_steps_of_each_horizon_as_written_and_replays_the_others(sampler, monkeypatch) -> None:
    monkeypatch.setattr(step_module, "Graph", Replayed)
    monkeypatch.setattr(step_module, "_beside", lambda work: work())
    monkeypatch.setattr(Replayed, "made", 0)
    replaying, written = stepping(sampler), stepping(sampler)
    replaying.replays = True
    for count, length in enumerate([4] * (WARM_UP + 2) + [50] * (WARM_UP + 1) + [4]):
        assert torch.equal(advance(replaying, length, 0.1, count), advance(written, length, 0.1, count))
        assert Replayed.made == (count >= WARM_UP) + (count >= WARM_UP + 2 + WARM_UP)
    assert replaying.model.level.item() == written.model.level.item()


def test_a_restored_optimiser_follows_the_rate_and_goes_on_bit_for_bit(sampler) -> None:
    first, second = stepping(sampler), stepping(sampler)
    advance(first, 4, 0.1)
    second.model.load_state_dict(first.model.state_dict())
    second.load_optimiser(first.optimiser.state_dict())
    for step in (first, second):
        advance(step, 4, 0.02)
    assert torch.equal(first.model.level, second.model.level)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_replayed_steps_are_those_that_are_written(pendulum, pendulum_task) -> None:
    made = []
    for replays in (False, True):
        step = TrainingStep(
            Level().cuda(), WindowSampler(pendulum["train"], pendulum_task, Budget(), "cuda"), Budget(), "cuda"
        )
        step.replays = replays
        made.append(torch.stack([advance(step, 4, 0.1, seed) for seed in range(WARM_UP + 5)]).cpu())
    assert torch.allclose(*made, rtol=1e-6)
