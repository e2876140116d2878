"""Small data sets and tasks that many tests share."""

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import made_up
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from ladid_bench.core.configuration import Budget, SplitSizes
from ladid_bench.data.task import Task, task_of
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.datasets.simulated.grids import irregular_times
from ladid_bench.datasets.simulated.pendulum import Pendulum
from ladid_bench.methods.registry import load_card, load_method, resolve_settings

if TYPE_CHECKING:
    from checkouts import Checkout
    from torch.nn import Module

    from ladid_bench.data.windows import WindowBatch, WindowSampler

# How long an example takes says nothing on a machine that other jobs share. A gate has to say the same of the same
# commit, so there the examples are fixed; everywhere else each run looks at new ones.
settings.register_profile(
    "shared-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("shared-machine")

# What a shell starts in the background ignores Ctrl-C, and so would all that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture
def checkout(tmp_path: Path, root: Path) -> "Checkout":
    """A checkout of its own, with a small study of the mean on the pendulum."""
    from checkouts import Checkout

    return Checkout(tmp_path / "checkout", root)


@pytest.fixture(scope="session")
def pendulum() -> dict[str, Trajectories]:
    """A few pendulum trajectories of 60 frames at 32 px, split by split."""
    sizes = SplitSizes(train=16, valid=4, test=4)
    return {name: Pendulum().split(name, sizes, 32, 0, 60) for name in ("train", "valid", "test")}


@pytest.fixture(scope="session")
def pendulum_task(pendulum: dict[str, Trajectories]) -> Task:
    return task_of(pendulum["train"], "pendulum", 10, 50)


@pytest.fixture
def uneven_sampler(pendulum: dict[str, Trajectories], pendulum_task: Task) -> "WindowSampler":
    """Windows of trajectories whose times differ from row to row; the frames themselves do not matter here."""
    from ladid_bench.data.windows import WindowSampler  # loads torch, which most tests go without

    train = pendulum["train"]
    times = irregular_times(np.random.SeedSequence(0).spawn(len(train)), train.times.shape[1], pendulum_task.time_step)
    return WindowSampler(replace(train, times=times), pendulum_task, Budget(batch_size=3, queries=4), "cpu")


@pytest.fixture
def batch(uneven_sampler: "WindowSampler") -> "WindowBatch":
    """Windows with queries up to 50 frames ahead."""
    import torch

    return uneven_sampler.draw(50, torch.Generator().manual_seed(0))


@pytest.fixture
def module(request: pytest.FixtureRequest, root: Path) -> ModuleType:
    """The module of the method that a test file is about, which its constant ``METHOD`` names."""
    return sys.modules[load_method(request.module.METHOD, root).__module__]


@pytest.fixture
def build(
    request: pytest.FixtureRequest, module: ModuleType, root: Path, pendulum_task: Task
) -> Callable[..., "Module"]:
    """Builds the untrained model of that method, ready to forecast; what is patched in ``module`` is built from."""
    import torch

    name = request.module.METHOD
    first = next(iter(load_card(name, root).variants))

    def build(variant: str = first, task: Task = pendulum_task, **changes: Any) -> "Module":
        torch.manual_seed(0)
        return module.METHOD(task, resolve_settings(name, variant, changes, root)).build_model().eval()

    return build


@pytest.fixture(name="trajectories")
def fresh_trajectories() -> Trajectories:
    return made_up.trajectories()


# Tests of minutes: they begin first, so that no process is left with one when the others have nothing more to do.
LONGEST = ("test_slurm", "test_workflow", "test_conformance", "test_dvc", "test_probe_workflow", "test_hostile")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files of the longest tests first; all else stays in its order."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(LONGEST)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A tally of hostile inputs by kind, from whichever process tried them."""
    tally: dict[str, Counter[str]] = {}
    for report in terminalreporter.getreports("passed"):
        for kind, ended, count in (value for name, value in report.user_properties if name == "hostile"):
            tally.setdefault(kind, Counter())[ended] += count
    if not tally:
        return
    columns = ("one-line errors", "failure rows", "harmless")
    terminalreporter.section("hostile inputs")
    terminalreporter.write_line(f"{'kind':<20} {'cases':>7} " + " ".join(f"{name:>16}" for name in columns))
    tally["in all"] = sum(tally.values(), Counter())
    for kind, counts in tally.items():
        numbers = " ".join(f"{counts[name]:>16}" for name in columns)
        terminalreporter.write_line(f"{kind:<20} {counts.total():>7} {numbers}")
