"""The trainer: learns, repeats itself, goes on where it was killed, and stops when it diverges."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ladid_bench.config import Budget
from ladid_bench.errors import BenchError
from ladid_bench.evaluation.metrics import measure
from ladid_bench.methods import trainer as trainer_module
from ladid_bench.methods.base import Diverged
from ladid_bench.methods.neural import NeuralMethod
from ladid_bench.methods.registry import load_method, resolve_settings

SHORT = Budget(steps=12, batch_size=4, validations=3, warmup_steps=2, growth_fraction=0.1)
NEURAL = ["ladid", "latent-ode"]


def make(name: str, task, root: Path, workspace: Path | None = None) -> NeuralMethod:
    card_variant = "tuned" if name == "ladid" else "default"
    return load_method(name, root)(task, resolve_settings(name, card_variant, {}, root), workspace)


def weights(method: NeuralMethod) -> torch.Tensor:
    return torch.cat([value.flatten().double() for value in method.model.state_dict().values()])


@pytest.fixture(params=NEURAL)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_same_seed_same_weights_another_seed_others(name, pendulum, pendulum_task, root) -> None:
    results = []
    for seed in (0, 0, 1):
        method = make(name, pendulum_task, root)
        method.fit(pendulum["train"], pendulum["valid"], SHORT, seed)
        results.append(weights(method))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


class Killed(Exception):
    pass


def test_killed_and_resumed_equals_undisturbed(name, pendulum, pendulum_task, root, tmp_path, monkeypatch) -> None:
    undisturbed = make(name, pendulum_task, root)
    undisturbed.fit(pendulum["train"], pendulum["valid"], SHORT, 0)
    monkeypatch.setattr(trainer_module, "CHECKPOINT_SECONDS", 0)
    advance = trainer_module.Trainer._advance

    def advance_until_killed(self):
        if self.step == 7:
            raise Killed
        return advance(self)

    monkeypatch.setattr(trainer_module.Trainer, "_advance", advance_until_killed)
    with pytest.raises(Killed):
        make(name, pendulum_task, root, tmp_path).fit(pendulum["train"], pendulum["valid"], SHORT, 0)
    monkeypatch.setattr(trainer_module.Trainer, "_advance", advance)
    torch.manual_seed(12345)  # whatever state the next process starts in
    resumed = make(name, pendulum_task, root, tmp_path)
    resumed.fit(pendulum["train"], pendulum["valid"], SHORT, 0)
    assert resumed.trainer.earlier["earlier_seconds"] > 0
    assert torch.equal(weights(resumed), weights(undisturbed))
    assert resumed.history() == undisturbed.history()


def test_the_model_kept_is_the_best_on_validation(name, pendulum, pendulum_task, root) -> None:
    method = make(name, pendulum_task, root)
    method.fit(pendulum["train"], pendulum["valid"], SHORT, 0)
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
        method.fit(pendulum["train"], pendulum["valid"], SHORT, 0)


def test_save_and_load_give_the_same_forecast(name, pendulum, pendulum_task, root, tmp_path) -> None:
    method = make(name, pendulum_task, root)
    method.fit(pendulum["train"], pendulum["valid"], SHORT, 0)
    method.save(tmp_path)
    other = make(name, pendulum_task, root)
    other.load(tmp_path)
    test = pendulum["test"]
    asked = (test.frames[:, :10], test.times[:, :10], test.times[:, 10:])
    np.testing.assert_array_equal(method.forecast(*asked).mean, other.forecast(*asked).mean)


def test_warm_start_and_frozen_parts(name, pendulum, pendulum_task, root, tmp_path) -> None:
    source = make(name, pendulum_task, root)
    source.fit(pendulum["train"], pendulum["valid"], SHORT, 0)
    source.save(tmp_path)
    before = {key: value.clone() for key, value in source.model.encoder.named_parameters()}
    tuned = make(name, pendulum_task, root)
    tuned.fit(pendulum["train"], pendulum["valid"], SHORT, 1, initial=tmp_path, frozen=["encoder"])
    for key, value in tuned.model.encoder.named_parameters():
        assert torch.equal(value, before[key])
    assert not torch.equal(weights(tuned), weights(source))
    with pytest.raises(BenchError, match="no part 'encodr' to freeze; did you mean 'encoder'"):
        tuned.fit(pendulum["train"], pendulum["valid"], SHORT, 1, frozen=["encodr"])


def test_a_checkpoint_that_would_run_code_is_refused(name, pendulum, pendulum_task, root, tmp_path) -> None:
    import pickle

    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "trapped",))

    (tmp_path / trainer_module.CHECKPOINT).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(Exception, match=r"[Ww]eights"):
        make(name, pendulum_task, root, tmp_path).fit(pendulum["train"], pendulum["valid"], SHORT, 0)
    assert not (tmp_path / "trapped").exists()


def test_image_sides_that_do_not_fit_are_skipped_with_a_reason(name, pendulum_task, root) -> None:
    from dataclasses import replace

    skipped, reason = load_method(name, root).skip(replace(pendulum_task, shape=(1, 20, 32)))
    assert skipped
    assert "divisible by 16" in reason


def test_smoke_training_lowers_the_error_by_a_third(pendulum, pendulum_task, root) -> None:
    """200 steps on 16 trajectories: the error on them falls by at least 30 %."""
    method, train = make("ladid", pendulum_task, root), pendulum["train"]
    asked = (train.frames[:, :10], train.times[:, :10], train.times[:, 10:])
    blank = np.zeros((1, 32, 32))
    torch.manual_seed(0)
    method.model = method.build_model()
    before = measure(train.frames[:, 10:], method.forecast(*asked).mean, blank).nmse.mean()
    method.fit(train, pendulum["valid"], Budget(steps=200, batch_size=8, growth=False, warmup_steps=20), 0)
    after = measure(train.frames[:, 10:], method.forecast(*asked).mean, blank).nmse.mean()
    assert after < 0.7 * before
