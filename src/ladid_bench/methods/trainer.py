"""The one trainer of all neural methods: a fixed number of steps, resumable at any checkpoint.

A run that was killed and resumed gives the same weights, bit for bit on the CPU, as one that never was.
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

from ladid_bench.core.files import atomic_write
from ladid_bench.data.task import Task
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.data.windows import WindowSampler, query_length
from ladid_bench.methods.base import Diverged, Training
from ladid_bench.methods.tensors import load_tensors

log = logging.getLogger(__name__)

CHECKPOINT = "checkpoint.pt"
PROGRESS_SECONDS = 20
CHECKPOINT_SECONDS = 60


class Trainable(Protocol):
    """Say what the trainer needs of a method."""

    model: Any  # a ``ForecastModel``
    task: Task
    settings: Any  # with ``learning_rate``, the peak of the schedule
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
        trainable = [parameter for parameter in method.model.parameters() if parameter.requires_grad]
        self.optimiser = torch.optim.AdamW(
            trainable, lr=method.settings.learning_rate, weight_decay=self.budget.weight_decay, fused=True
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, self._rate)
        self.step = 0
        self.best: dict[str, Any] = {"error": math.inf, "step": 0, "weights": None}
        self.history: list[dict[str, float]] = []
        self.seconds = self.cpu_seconds = 0.0  # of training, over all attempts
        self.earlier = {"earlier_seconds": 0.0, "earlier_cpu_seconds": 0.0}
        self.path = method.workspace / CHECKPOINT if method.workspace else None

    def _rate(self, step: int) -> float:
        """Linear warm-up, then a cosine over the whole run; no jumps when the query length grows."""
        warmup = min(self.budget.warmup_steps, self.budget.steps // 2)
        if step < warmup:
            return (step + 1) / warmup
        progress = (step - warmup) / max(1, self.budget.steps - warmup)
        last = self.budget.final_learning_rate
        return last + (1 - last) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))

    def run(self) -> None:
        """Train to the end of the budget, from the last checkpoint if there is one.

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
        every = max(1, self.budget.steps // self.budget.validations)
        while self.step < self.budget.steps and not terminating.is_set():
            began, began_cpu = time.perf_counter(), time.process_time()
            loss = self._advance()
            if self.step % every == 0 or self.step == self.budget.steps:
                self._validate()
            self.seconds += time.perf_counter() - began
            self.cpu_seconds += time.process_time() - began_cpu
            now = time.monotonic()
            if now - reported > PROGRESS_SECONDS:
                reported = now
                self._report(loss)
            if now - saved > CHECKPOINT_SECONDS:
                saved = now
                self._save()
        if terminating.is_set():
            self._save()

    def _advance(self) -> torch.Tensor:
        model = self.method.model.train()
        length = query_length(self.step, self.budget, self.method.task.forecast_frames)
        terms = model.loss(self.sampler.draw(length, self.generator))
        loss = torch.stack(list(terms.values())).sum()
        if not torch.isfinite(loss):
            values = ", ".join(f"{name} {value.item():g}" for name, value in terms.items())
            raise Diverged(f"the loss at step {self.step} is not finite ({values})")
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), self.budget.gradient_clip)
        self.optimiser.step()
        self.schedule.step()
        self.step += 1
        return loss.detach()

    def _validate(self) -> None:
        error = self.method.validation_error(self.valid)
        if not math.isfinite(error):
            raise Diverged(f"the validation error at step {self.step} is not finite")
        self.history.append({"step": self.step, "valid_nmse": error})
        if error < self.best["error"]:
            self.best = {"error": error, "step": self.step, "weights": deepcopy(self.method.model.state_dict())}
        log.info("step %d/%d: validation nMSE %.4f", self.step, self.budget.steps, error)

    def _report(self, loss: torch.Tensor) -> None:
        left = self.seconds / self.step * (self.budget.steps - self.step)
        log.info("step %d/%d: loss %.4g, %.0f s to go", self.step, self.budget.steps, loss.item(), left)

    def _state(self) -> dict[str, Any]:
        cuda = torch.cuda.get_rng_state_all() if self.method.device == "cuda" else []
        return {
            "model": self.method.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "batches": self.generator.get_state(),
            "torch": torch.get_rng_state(),
            "cuda": cuda,
            "step": self.step,
            "best": self.best,
            "history": self.history,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
        }

    def _save(self) -> None:
        if self.path is not None:
            with atomic_write(self.path) as temporary:
                torch.save(self._state(), temporary)

    def _resume(self) -> None:
        if self.path is None or not self.path.exists():
            return
        state = load_tensors(self.path, self.method.device)
        self.method.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self.generator.set_state(state["batches"].cpu())
        torch.set_rng_state(state["torch"].cpu())
        if state["cuda"]:
            torch.cuda.set_rng_state_all([generator.cpu() for generator in state["cuda"]])
        self.step, self.best, self.history = state["step"], state["best"], state["history"]
        self.seconds, self.cpu_seconds = state["seconds"], state["cpu_seconds"]
        self.earlier = {"earlier_seconds": self.seconds, "earlier_cpu_seconds": self.cpu_seconds}
        log.info("resumed at step %d/%d", self.step, self.budget.steps)

    def cost(self) -> dict[str, float]:
        """Report steps made, seconds they took over all attempts and in earlier ones, and where validation was best."""
        return {
            **self.earlier,
            "steps": self.step,
            "training_seconds": self.seconds,
            "seconds_per_step": self.seconds / max(1, self.step),
            "cpu_seconds_per_step": self.cpu_seconds / max(1, self.step),
            "best_step": self.best["step"],
        }


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
