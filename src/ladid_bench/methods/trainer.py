"""The one trainer of all neural methods: one training serves every budget, and is resumable at any checkpoint.

The trunk is trained at a constant learning rate. A budget of N steps follows it for four fifths of them and then lets
the rate fall to zero (Hägele et al., NeurIPS 2024). So a longer budget continues where the trunk of a shorter one
ended, and gives the same weights, bit for bit on the CPU, as one that begins anew. The same holds of a training that
was killed and resumed.
"""

import logging
import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Any, Protocol

import torch

from ladid_bench.core.configuration import Budget
from ladid_bench.core.files import atomic_write
from ladid_bench.data.task import Task
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.data.windows import WindowSampler, grown_length
from ladid_bench.methods.base import Diverged, Training
from ladid_bench.methods.step import TrainingStep
from ladid_bench.methods.tensors import load_tensors

log = logging.getLogger(__name__)

CHECKPOINT = "checkpoint.pt"
TRUNK = "trunk-{}.pt"  # by the step at which it stands
PROGRESS_SECONDS = 20
CHECKPOINT_SECONDS = 60


class Trainable(Protocol):
    """Say what the trainer needs of a method."""

    model: Any  # a ``ForecastModel``
    task: Task
    settings: Any  # with ``learning_rate``, that of the trunk, and ``growth``, whether queries begin near the context
    workspace: Path | None
    device: str

    def validation_error(self, valid: Trajectories) -> float:
        """Measure the error by which weights are chosen."""


class Trainer:
    """Train ``method.model`` and leave in it the weights that were best on validation.

    Args:
        method: has the model, and validates it.
        training: splits, budget and seed; the seed is that of the batches, as the model draws from torch's
            global generator.
    """

    def __init__(self, method: Trainable, training: Training):
        self.method, self.valid, self.budget = method, training.valid, training.budget
        self.sampler = WindowSampler(training.train, method.task, training.budget, method.device)
        self.generator = torch.Generator().manual_seed(training.seed)
        self.peak = float(method.settings.learning_rate)
        self.make_step = TrainingStep(method.model, self.sampler, training.budget, method.device)
        self.step = 0
        self.best: dict[str, Any] = {"error": math.inf, "step": 0, "weights": None}
        self.history: list[dict[str, float]] = []
        self.seconds = self.cpu_seconds = 0.0  # of training, over all attempts
        self.losses: list[torch.Tensor] = []  # (T,) each, its parts, since the last validation
        self.earlier = {"earlier_seconds": 0.0, "earlier_cpu_seconds": 0.0}
        self.inherited = 0.0  # CPU seconds that the run of a shorter budget had spent
        self.path = method.workspace / CHECKPOINT if method.workspace else None
        self.trunk = training.trunk

    def run(self) -> None:
        """Train to the end of the budget, from the last checkpoint or the longest trunk that there is.

        When the process is told to terminate, it finishes the step and saves its state first.

        Raises:
            Diverged: the loss or the validation error is not finite.
        """
        self._resume()
        with _termination_noted() as terminating:
            self._train(terminating)
        self.method.model.load_state_dict(self.best["weights"])
        self._save()

    def _train(self, terminating: Event) -> None:
        reported = saved = time.monotonic()
        while self.step < self.budget.steps and not terminating.is_set():
            if self.step == self.budget.trunk_steps:
                self._leave_trunk()
            began, began_cpu = time.perf_counter(), time.process_time()
            self._advance()
            if self.step % self.budget.validate_every == 0 or self.step == self.budget.steps:
                self._validate()
            self.seconds += time.perf_counter() - began
            self.cpu_seconds += time.process_time() - began_cpu
            now = time.monotonic()
            if now - reported > PROGRESS_SECONDS:
                reported = now
                self._report()
            if now - saved > CHECKPOINT_SECONDS:
                saved = now
                self._save()
        if terminating.is_set():
            self._save()

    def _advance(self) -> None:
        rows = self.sampler.rows(self._query_length(), self.generator)
        self.losses.append(self.make_step(rows, self.peak * relative_rate(self.step, self.budget)))
        self.step += 1
        if self.method.device == "cpu":  # a GPU would be waited for: there it is asked when validation has to wait
            self._require_finite(self.losses[-1:])

    def _require_finite(self, losses: list[torch.Tensor]) -> None:
        """Stop at the first step of ``losses``, the last ones, whose loss is not finite."""
        finite = torch.stack(losses).sum(dim=1).isfinite().tolist()
        if not all(finite):
            place = finite.index(False)
            parts = zip(self.make_step.terms, losses[place].tolist(), strict=True)
            values = ", ".join(f"{name} {value:g}" for name, value in parts)
            raise Diverged(f"the loss at step {self.step - len(losses) + place} is not finite ({values})")

    def _query_length(self) -> int:
        """How far ahead queries may lie at this step, in frames."""
        horizon = self.method.task.forecast_frames
        return grown_length(self.step, self.budget, horizon) if self.method.settings.growth else horizon

    def _validate(self) -> None:
        self._require_finite(self.losses)
        error = self.method.validation_error(self.valid)
        if not math.isfinite(error):
            raise Diverged(f"the validation error at step {self.step} is not finite")
        loss = float(torch.stack(self.losses).sum(dim=1).mean())
        self.history.append({"step": self.step, "valid_nmse": error, "train_loss": loss})
        self.losses.clear()
        if error < self.best["error"]:
            self.best = {"error": error, "step": self.step, "weights": deepcopy(self.method.model.state_dict())}
        log.info("step %d/%d: validation nMSE %.4f", self.step, self.budget.steps, error)

    def _report(self) -> None:
        left = self.seconds / self.step * (self.budget.steps - self.step)
        log.info("step %d/%d: %.0f s to go", self.step, self.budget.steps, left)

    def _state(self) -> dict[str, Any]:
        cuda = torch.cuda.get_rng_state_all() if self.method.device == "cuda" else []
        return {
            "model": self.method.model.state_dict(),
            "optimiser": self.make_step.optimiser.state_dict(),
            "batches": self.generator.get_state(),
            "torch": torch.get_rng_state(),
            "cuda": cuda,
            "step": self.step,
            "best": self.best,
            "history": self.history,
            "losses": self.losses,
            "inherited": self.inherited,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
        }

    def _save(self) -> None:
        if self.path is not None:
            with atomic_write(self.path) as temporary:
                torch.save(self._state(), temporary)

    def _leave_trunk(self) -> None:
        """Keep the state in which the learning rate begins to fall, unless a longer trunk is there."""
        if self.trunk is None or max(self._trunks(), default=-1) >= self.step:
            return
        shorter = self._trunks()
        with atomic_write(self.trunk / TRUNK.format(self.step)) as temporary:
            torch.save(self._state(), temporary)
        for step in shorter:
            (self.trunk / TRUNK.format(step)).unlink(missing_ok=True)

    def _trunks(self) -> list[int]:
        """Steps at which a trunk was left."""
        names = [path.stem.partition("-")[2] for path in self.trunk.glob(TRUNK.format("*"))] if self.trunk else []
        return [int(name) for name in names]

    def _resume(self) -> None:
        if self.path is not None and self.path.exists():
            self._restore(load_tensors(self.path, self.method.device))
            log.info("resumed at step %d/%d", self.step, self.budget.steps)
            return
        usable = [step for step in self._trunks() if step <= self.budget.trunk_steps]
        if usable and self.trunk is not None:
            self._restore(load_tensors(self.trunk / TRUNK.format(max(usable)), self.method.device))
            self.inherited = self.cpu_seconds
            log.info("continued at step %d/%d, where a shorter budget had left", self.step, self.budget.steps)

    def _restore(self, state: dict[str, Any]) -> None:
        self.method.model.load_state_dict(state["model"])
        self.make_step.load_optimiser(state["optimiser"])
        self.generator.set_state(state["batches"].cpu())
        torch.set_rng_state(state["torch"].cpu())
        if state["cuda"]:
            torch.cuda.set_rng_state_all([generator.cpu() for generator in state["cuda"]])
        self.step, self.best, self.history = state["step"], state["best"], state["history"]
        self.losses, self.inherited = state["losses"], state["inherited"]
        self.seconds, self.cpu_seconds = state["seconds"], state["cpu_seconds"]
        self.earlier = {"earlier_seconds": self.seconds, "earlier_cpu_seconds": self.cpu_seconds}

    def cost(self) -> dict[str, float]:
        """Report steps made, seconds they took over all attempts and in earlier ones, and where validation was best.

        Seconds are those of the whole training; ``inherited_cpu_seconds`` of them were spent by a shorter budget's run.
        """
        return {
            **self.earlier,
            "inherited_cpu_seconds": self.inherited,
            "steps": self.step,
            "training_seconds": self.seconds,
            "seconds_per_step": self.seconds / max(1, self.step),
            "cpu_seconds_per_step": self.cpu_seconds / max(1, self.step),
            "best_step": self.best["step"],
        }


def relative_rate(step: int, budget: Budget) -> float:
    """Compute the learning rate of a step over that of the trunk: warm-up, constant, and a linear fall to zero."""
    warming = (step + 1) / max(1, budget.warmup_steps)
    falling = (budget.steps - step) / max(1, budget.steps - budget.trunk_steps)
    return min(1.0, warming) * min(1.0, falling)


@contextmanager
def _termination_noted() -> Iterator[Event]:
    """While this lasts, a signal to terminate sets the event; at the end it does what it would have done."""
    terminating = Event()

    def note(number: int, frame: FrameType | None) -> None:
        terminating.set()

    former = signal.signal(signal.SIGTERM, note)
    try:
        yield terminating
    finally:
        signal.signal(signal.SIGTERM, former)
        if terminating.is_set():
            signal.raise_signal(signal.SIGTERM)
