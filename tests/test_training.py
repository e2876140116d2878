"""The trainer: learns, keeps the best model, stops when it diverges. What all methods do: test_conformance.py."""

import multiprocessing
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ladid_bench.core.configuration import Budget
from ladid_bench.core.errors import BenchError
from ladid_bench.data.metrics import measure, temporal_fvu
from ladid_bench.data.task import task_of
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.methods import neural
from ladid_bench.methods import trainer as trainer_module
from ladid_bench.methods.base import Diverged, Training
from ladid_bench.methods.neural import NeuralMethod
from ladid_bench.methods.registry import load_card, load_method, resolve_settings
from ladid_bench.methods.tensors import load_tensors

SHORT = Budget(steps=12, batch_size=4, validate_every=4, warmup_steps=2, growth_steps=1)
NEURAL = ["ladid", "latent-ode"]


def make(name: str, task, root: Path, workspace: Path | None = None) -> NeuralMethod:
    card_variant = "default"
    return load_method(name, root)(task, resolve_settings(name, card_variant, {}, root), workspace)


def weights(method: NeuralMethod) -> torch.Tensor:
    return torch.cat([values.double().flatten() for values in method.model.state_dict().values()])


@pytest.fixture
def steps_made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of the optimiser steps that are made while the test lasts."""
    made, advance = [], trainer_module.Trainer._advance

    def noted(trainer):
        made.append(trainer.step)
        advance(trainer)

    monkeypatch.setattr(trainer_module.Trainer, "_advance", noted)
    return made


@pytest.fixture(params=NEURAL)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_the_model_kept_is_the_best_on_validation(name, pendulum, pendulum_task, root) -> None:
    method = make(name, pendulum_task, root)
    method.fit(Training(pendulum["train"], pendulum["valid"], SHORT, 0))
    best = min(entry["valid_nmse"] for entry in method.history())
    assert method.validation_error(pendulum["valid"]) == pytest.approx(best, rel=1e-6)


def test_the_learning_rate_warms_up_stays_and_falls_to_zero() -> None:
    """Of 100 steps ten are warm-up and the last twenty a line from 1 to 0."""
    budget = Budget(steps=100, warmup_steps=10)
    rates = [trainer_module.relative_rate(step, budget) for step in (0, 4, 9, 50, 80, 90, 99)]
    assert rates == pytest.approx([0.1, 0.5, 1, 1, 1, 0.5, 0.05])
    longer = budget.model_copy(update={"steps": 200})
    assert all(
        trainer_module.relative_rate(step, budget) == trainer_module.relative_rate(step, longer) for step in range(80)
    )


def test_a_longer_budget_continues_the_trunk_of_a_shorter_one_bit_for_bit(
    name, pendulum, pendulum_task, root, tmp_path, steps_made
) -> None:
    """Ten steps leave a trunk of eight; twenty then make twelve more, and a shorter one again takes nothing of it."""
    data = (pendulum["train"], pendulum["valid"])
    results = {}
    for steps, trunk in ((10, tmp_path), (20, tmp_path), (20, None), (10, tmp_path), (10, None)):
        method = make(name, pendulum_task, root)
        steps_made.clear()
        method.fit(Training(*data, SHORT.model_copy(update={"steps": steps}), 3, trunk=trunk))
        result = (weights(method), method.history())
        kept = results.setdefault(steps, result)
        assert torch.equal(kept[0], result[0])
        assert kept[1] == result[1]
        continued = steps == 20 and trunk is not None
        assert steps_made == list(range(8 if continued else 0, steps))
        assert method.cost()["steps"] == steps
        assert (method.cost()["inherited_cpu_seconds"] > 0) == continued
    assert [path.name for path in tmp_path.iterdir()] == ["trunk-16.pt"]


def test_history_has_the_mean_loss_since_the_validation_before(pendulum, pendulum_task, root, monkeypatch) -> None:
    losses, advance = [], trainer_module.Trainer._advance

    def noted(trainer):
        advance(trainer)
        losses.append(float(trainer.losses[-1].sum()))

    monkeypatch.setattr(trainer_module.Trainer, "_advance", noted)
    method = make("ladid", pendulum_task, root)
    method.fit(Training(pendulum["train"], pendulum["valid"], SHORT, 0))
    assert [point["step"] for point in method.history()] == [4, 8, 12]
    means = [sum(losses[start : start + 4]) / 4 for start in (0, 4, 8)]
    assert [point["train_loss"] for point in method.history()] == pytest.approx(means, rel=1e-5)


def test_a_loss_that_is_not_finite_ends_the_run(name, pendulum, pendulum_task, root, monkeypatch) -> None:
    method = make(name, pendulum_task, root)
    build = method.build_model

    def poisoned():
        model = build()
        with torch.no_grad():
            next(model.decoder.parameters()).fill_(float("nan"))
        return model

    monkeypatch.setattr(method, "build_model", poisoned)
    with pytest.raises(Diverged, match="not finite"):
        method.fit(Training(pendulum["train"], pendulum["valid"], SHORT, 0))


def test_many_trajectories_are_forecast_drawn_and_encoded_as_each_alone(
    pendulum, pendulum_task, root, monkeypatch
) -> None:
    """In parts of three, of which the last is not full; each row is asked at times of its own."""
    monkeypatch.setattr(neural, "FORECAST_BATCH", 3)
    method, test = make("ladid", pendulum_task, root), pendulum["test"]
    torch.manual_seed(0)
    method.model = method.build_model()
    with torch.no_grad():
        method.model.decoder.output.weight.mul_(100)  # untrained it renders all states alike
    heads = method.model.embedding.tokens
    torch.nn.init.constant_(heads.log_std.bias, -30)
    heads.std_floor = 0.0  # a draw is hardly another than the mean
    later = test.times[:, 10:14] + 0.3 * np.arange(4)[:, None]
    context, times = test.frames[:, :10], test.times[:, :10]
    together, drawn = method.forecast(context, times, later).mean, method.sample(context, times, later, 2, 0)
    encoded = method.represent(context, times)
    assert together.shape == (4, 4, 1, 32, 32) and drawn.shape == (2, 4, 4, 1, 32, 32)
    for row in range(4):
        asked = (context[[row]], times[[row]], later[[row]])
        np.testing.assert_allclose(together[row], method.forecast(*asked).mean[0], atol=1e-4)
        np.testing.assert_allclose(encoded[row], method.represent(*asked[:2])[0], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(drawn, np.stack([together, together]), atol=0.005)
    assert min(abs(together[row] - together[row - 1]).max() for row in range(4)) > 0.01


def test_the_validation_error_is_the_mean_nmse_over_the_full_horizon(pendulum, pendulum_task, root) -> None:
    method, valid = make("ladid", pendulum_task, root), pendulum["valid"]
    torch.manual_seed(0)
    method.model = method.build_model()
    made = method.forecast(valid.frames[:, :10], valid.times[:, :10], valid.times[:, 10:60]).mean
    truth, axes = valid.frames[:, 10:60], (1, 2, 3, 4)
    nmse = ((made - truth) ** 2).sum(axis=axes) / (truth**2).sum(axis=axes)
    assert method.validation_error(valid) == pytest.approx(nmse.mean(), rel=1e-5)
    assert method.cost()["parameters"] == sum(one.numel() for one in method.model.parameters())


@pytest.mark.parametrize("image", [True, False])
def test_an_untrained_model_renders_the_mean_of_each_component_of_the_training_data(image: bool, root) -> None:
    """Channels of a picture, features of a vector; no nearer to the ends of the range than a hundredth of it."""
    random, shape = np.random.default_rng(0), (20, 12, 3, 16, 16) if image else (20, 12, 1, 3)
    frames = random.random(shape, dtype=np.float32)
    names, axes = {"fields": ("a", "b", "c")} if image else {}, (0, 1, 3, 4) if image else (0, 1)
    space = ("height", "width") if image else ("feature",)
    data = Trajectories(frames, np.tile(np.arange(12.0), (20, 1)), np.arange(20), space=space, **names)
    method = make("ladid", task_of(data, "made-up", 4, 8), root)
    method.model = method.build_model()
    other = np.array([0.3, -9.0, 9.0], dtype=np.float32)  # the last two are beyond the range
    method._start_at_mean(replace(data, frames=0.2 * frames + other.reshape((3, 1, 1) if image else 3)))
    levels = method.model.decoder.output.bias.detach().sigmoid().numpy()
    low, high = frames.min(axis=axes).ravel(), frames.max(axis=axes).ravel()
    middle = (0.4 - low[0] + 0.05 * (high - low)[0]) / (1.1 * (high - low)[0])  # the range has a margin of a twentieth
    expected = np.array([middle, 0.01, 0.99]).repeat(4 if image else 1)  # four pixels of a channel
    np.testing.assert_allclose(levels, expected, atol=0.004)


def test_a_part_that_is_not_there_cannot_be_frozen(name, pendulum, pendulum_task, root) -> None:
    with pytest.raises(BenchError, match=r"'encodr' .*'encoder'"):
        make(name, pendulum_task, root).fit(Training(pendulum["train"], pendulum["valid"], SHORT, 1, frozen=["encodr"]))


def test_image_sides_that_do_not_fit_are_named(name, pendulum_task, root) -> None:
    skipped, reason = load_method(name, root).skip(replace(pendulum_task, shape=(1, 20, 32)))
    assert skipped
    assert "divisible by 16" in reason


def test_a_checkpoint_that_would_run_code_is_refused(name, pendulum, pendulum_task, root, tmp_path) -> None:
    import pickle

    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "trapped",))

    (tmp_path / trainer_module.CHECKPOINT).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(BenchError, match=trainer_module.CHECKPOINT):
        make(name, pendulum_task, root, tmp_path).fit(Training(pendulum["train"], pendulum["valid"], SHORT, 0))
    assert not (tmp_path / "trapped").exists()


def test_a_short_training_lowers_the_error(pendulum, pendulum_task, root) -> None:
    """60 steps on 16 trajectories: the error on them falls by at least 30 %, and below that of a black picture, 1."""
    method, train = make("ladid", pendulum_task, root), pendulum["train"]
    method.settings.growth = False
    asked = (train.frames[:, :10], train.times[:, :10], train.times[:, 10:])
    blank = np.zeros((1, 32, 32))
    torch.manual_seed(0)
    method.model = method.build_model()
    before = measure(train.frames[:, 10:], method.forecast(*asked).mean, blank).nmse.mean()
    budget = Budget(steps=60, batch_size=8, warmup_steps=20)
    method.fit(Training(train, pendulum["valid"], budget, 0))
    after = measure(train.frames[:, 10:], method.forecast(*asked).mean, blank).nmse.mean()
    assert after < min(0.7 * before, 1)


def test_a_run_asked_to_terminate_saves_its_last_step(pendulum, pendulum_task, root, tmp_path, monkeypatch) -> None:
    """The checkpoint is of the step it was stopped at, no regular one, and the process dies of the signal."""
    advance = trainer_module.Trainer._advance

    def stopped_at_five(trainer):
        advance(trainer)
        if trainer.step == 5:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(trainer_module.Trainer, "_advance", stopped_at_five)
    child = multiprocessing.get_context("fork").Process(
        target=lambda: make("ladid", pendulum_task, root, tmp_path).fit(
            Training(pendulum["train"], pendulum["valid"], SHORT, 0)
        )
    )
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGTERM
    assert load_tensors(tmp_path / trainer_module.CHECKPOINT, "cpu")["step"] == 5


def travelling_waves(count: int, seed: int) -> Trajectories:
    """Plane waves of one length with phases and speeds of their own, 30 frames of 16 x 16 pixels."""
    rng = np.random.default_rng(seed)
    phase, speed = rng.uniform(0, 2 * np.pi, count), rng.uniform(0.2, 0.4, count)
    times = np.tile(np.arange(30.0), (count, 1))
    angle = (
        2 * np.pi * np.arange(16) / 16 - (speed[:, None] * times - phase[:, None])[..., None]
    )  # (count, time, width)
    frames = np.broadcast_to(np.sin(angle)[:, :, None, None], (count, 30, 1, 16, 16)).astype(np.float32)
    return Trajectories(frames, times, np.arange(count))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["latent-ode", "ladid-ode"])
def test_a_travelling_wave_moves_in_the_forecast_of_a_variational_ode(name: str, root: Path) -> None:
    """A picture that stands still has an error of 1 about the mean frame of each trajectory, at best."""
    train, valid = travelling_waves(64, 0), travelling_waves(8, 1)
    task = task_of(train, "travelling-wave", 10, 20)
    variant = next(iter(load_card(name, root).variants))
    method = load_method(name, root)(task, resolve_settings(name, variant, {}, root), None)
    method.fit(Training(train, valid, Budget(steps=300, validate_every=300, warmup_steps=20), 0))
    forecast = method.forecast(valid.frames[:, :10], valid.times[:, :10], valid.times[:, 10:]).mean
    assert temporal_fvu(valid.frames[:, 10:], forecast, task.variables).mean() < 0.3
