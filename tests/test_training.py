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
from ladid_bench.data.metrics import measure
from ladid_bench.methods import trainer as trainer_module
from ladid_bench.methods.base import Diverged, Training
from ladid_bench.methods.neural import NeuralMethod
from ladid_bench.methods.registry import load_method, resolve_settings
from ladid_bench.methods.tensors import load_tensors

SHORT = Budget(steps=12, batch_size=4, validations=3, warmup_steps=2, growth_fraction=0.1)
NEURAL = ["ladid", "latent-ode"]


def make(name: str, task, root: Path, workspace: Path | None = None) -> NeuralMethod:
    card_variant = "default"
    return load_method(name, root)(task, resolve_settings(name, card_variant, {}, root), workspace)


@pytest.fixture(params=NEURAL)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_the_model_kept_is_the_best_on_validation(name, pendulum, pendulum_task, root) -> None:
    method = make(name, pendulum_task, root)
    method.fit(Training(pendulum["train"], pendulum["valid"], SHORT, 0))
    best = min(entry["valid_nmse"] for entry in method.history())
    assert method.validation_error(pendulum["valid"]) == pytest.approx(best, rel=1e-6)


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


def test_smoke_training_lowers_the_error_by_a_third(pendulum, pendulum_task, root) -> None:
    """200 steps on 16 trajectories: the error on them falls by at least 30 %."""
    method, train = make("ladid", pendulum_task, root), pendulum["train"]
    asked = (train.frames[:, :10], train.times[:, :10], train.times[:, 10:])
    blank = np.zeros((1, 32, 32))
    torch.manual_seed(0)
    method.model = method.build_model()
    before = measure(train.frames[:, 10:], method.forecast(*asked).mean, blank).nmse.mean()
    budget = Budget(steps=200, batch_size=8, growth=False, warmup_steps=20)
    method.fit(Training(train, pendulum["valid"], budget, 0))
    after = measure(train.frames[:, 10:], method.forecast(*asked).mean, blank).nmse.mean()
    assert after < 0.7 * before


def test_a_run_asked_to_terminate_saves_its_last_step(pendulum, pendulum_task, root, tmp_path, monkeypatch) -> None:
    """The checkpoint is of the step it was stopped at, no regular one, and the process dies of the signal."""
    advance = trainer_module.Trainer._advance

    def stopped_at_five(trainer):
        loss = advance(trainer)
        if trainer.step == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return loss

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
