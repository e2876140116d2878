"""The method under test: its card, and what it answers on the toy data sets; every training is done once."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ladid_bench.core.configuration import Budget, Execution
from ladid_bench.core.errors import BenchError
from ladid_bench.methods.base import Method, Training
from ladid_bench.methods.registry import GROWTH, MethodCard, load_card, load_method, resolve_settings
from ladid_bench.verification.conformance.toy import ASKED, HORIZON, Toy, make_toy

# leaves 0.02 to 0.25 of the toy's variance unexplained, the most with ladid-ode
LEARNING = Budget(steps=100, batch_size=8, windows=1, queries=4, warmup_steps=20, validate_every=40)
BRIEF = Budget(steps=6, batch_size=4, windows=2, queries=4, validate_every=3, warmup_steps=1, growth_steps=1)

TOYS = {  # shape of a frame, whether the time grid is irregular, and frames asked for
    "image": ((1, 16, 16), False, ASKED),
    "two channels": ((2, 16, 16), False, ASKED),
    "vector": ((1, 12), False, ASKED),
    "irregular": ((1, 16, 16), True, ASKED),
    "irregular vector": ((1, 12), True, ASKED),
    "long": ((1, 16, 16), False, HORIZON),
    "long vector": ((1, 12), False, HORIZON),
    "odd sides": ((1, 20, 24), False, ASKED),
}


class Subject:
    """One method in one variant.

    Args:
        name: of the method; ``method:variant`` for another than its first.
        root: the checkout.
        workspace: a folder for what checks write.

    Raises:
        BenchError: no such method or variant, or a card with a mistake.
    """

    def __init__(self, name: str, root: Path, workspace: Path):
        self.name, _, chosen = name.partition(":")
        self.root = root
        self.card: MethodCard = load_card(self.name, root)
        self.variant = chosen or next(iter(self.card.variants))
        # so few steps reach the full horizon only if they begin with it
        brief = {GROWTH: False} if self.card.trained else {}
        self.settings: dict[str, Any] = resolve_settings(self.name, self.variant, brief, root)
        self._fitted: dict[tuple[str, Budget], Method] = {}
        self.workspace = workspace

    @cached_property
    def method_class(self) -> type[Method]:
        """Its class; a method that is trained gets one thread and algorithms that repeat themselves."""
        if self.card.trained:
            from ladid_bench.runs.execute import prepare_device

            prepare_device(Execution(device="cpu"))
        return load_method(self.name, self.root)

    @property
    def is_neural(self) -> bool:
        """Whether the shared trainer trains it; by name, so that nothing loads torch for a closed-form method."""
        return _descends(self.method_class, "NeuralMethod")

    @property
    def is_external(self) -> bool:
        """Whether it is a program in another language."""
        return _descends(self.method_class, "ExternalMethod")

    @property
    def is_forecaster(self) -> bool:
        """Whether it forecasts: reference methods do so by rule, a floor does not."""
        return self.card.kind in ("neural", "simple")

    def toy(self, name: str) -> Toy:
        """Make the toy data set called ``name`` in ``TOYS``."""
        return make_toy(*TOYS[name])

    def skips(self, toy: str) -> str:
        """Say why it does not take toy ``toy``, or nothing."""
        skipped, reason = self.method_class.skip(self.toy(toy).task)
        return (reason or "no reason given") if skipped else ""

    def refuses(self, toy: str) -> str:
        """Say why it does not take toy ``toy``, be it by ``skip`` or by a one-line error from ``fit``, or nothing."""
        reason = self.skips(toy)
        if not reason:
            try:
                self.fitted(toy)
            except BenchError as error:
                reason = str(error)
        return reason

    @cached_property
    def main(self) -> str:
        """The toy on which most checks are done: images, or vectors where it takes no images."""
        return next((name for name in ("image", "vector", "two channels") if not self.skips(name)), "image")

    def new(self, toy: str, workspace: Path | None = None) -> Method:
        """Make an untrained method for a toy."""
        return self.method_class(self.toy(toy).task, self.settings, workspace)

    def fit(self, method: Method, toy: str, budget: Budget = BRIEF, seed: int = 0, **options: Any) -> Method:
        """Train ``method`` on a toy, by default for a few steps alone, and give it back."""
        method.fit(Training(*self.toy(toy).known, budget, seed, **options))
        return method

    def fitted(self, toy: str | None = None, budget: Budget | None = None) -> Method:
        """Train a method that checks share and leave as it is; by default on the main toy, long enough to learn."""
        if budget is None:
            budget = LEARNING if toy is None else BRIEF
        toy = toy or self.main
        key = (toy, budget)
        if key not in self._fitted:
            self._fitted[key] = self.fit(self.new(toy), toy, budget)
        return self._fitted[key]

    def folder(self, name: str) -> Path:
        """Name a folder for a check to write to."""
        return self.workspace / name

    @cached_property
    def learnt(self) -> np.ndarray:
        """What the method that has learnt answers on the test trajectories of the main toy."""
        return self.answer(self.fitted())

    def answer(self, method: Method, times: np.ndarray | None = None) -> np.ndarray:
        """Forecast the mean of the test trajectories, at their frames or at ``times``."""
        data = self.toy(self.main)
        return method.forecast(*data.context, data.query_times if times is None else times).mean


def _descends(method: type, base: str) -> bool:
    return any(one.__name__ == base for one in method.__mro__)
