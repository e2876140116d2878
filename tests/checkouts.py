"""A small checkout of its own, with the real baselines and strange ones."""

import shutil
import textwrap
from pathlib import Path

import yaml

from ladid_bench.core.configuration import Study, load_study
from ladid_bench.core.paths import Folders
from ladid_bench.runs.supervise import supervise
from ladid_bench.study.cards import write_card
from ladid_bench.study.datasets import make_files, planned_dataset
from ladid_bench.study.plan import PlannedRun, plan_runs

STUDY = {
    "scale": "tiny",
    "budget": {"steps": 4, "batch_size": 4, "validate_every": 4, "growth_steps": 1, "warmup_steps": 1},
    "datasets": {"pendulum": {"trajectories": {"train": 8, "valid": 2, "test": 3}}},
    "experiments": {"comparison": {"datasets": ["pendulum"], "methods": ["mean"]}},
    "execution": {"retries": 1},
}
HEAD = """
import numpy as np
from ladid_bench.methods.base import Diverged, Forecast
from ladid_bench.methods.simple import SimpleMethod

class Strange(SimpleMethod):
    state = {}
    def fit(self, training):
        FIT
    def forecast(self, context, context_times, query_times):
        return Forecast(np.full((*query_times.shape, *self.task.shape), VALUE, np.float32))

METHOD = Strange
"""


# what was searched for changes settings, and no test should depend on what a search has found
LEFT_OUT = shutil.ignore_patterns("__pycache__", "search-*.json")


class Checkout:
    """Its configuration is ``STUDY`` with changes; ``add`` puts a baseline in."""

    def __init__(self, root: Path, real: Path):
        self.root = root
        (root / "config").mkdir(parents=True)
        (root / "params.yaml").write_text("scale: tiny\n")
        shutil.copytree(real / "baselines", root / "baselines", ignore=LEFT_OUT)
        self.folders = Folders(root, "tiny")
        self.configure()

    def configure(self, **changes) -> None:
        (self.root / "config" / "tiny.yaml").write_text(yaml.safe_dump(STUDY | changes))

    def add(self, name: str, fit: str = "pass", value: str = "0.0", **card) -> None:
        folder = self.root / "baselines" / name
        folder.mkdir()
        (folder / "method.py").write_text(textwrap.dedent(HEAD).replace("FIT", fit).replace("VALUE", value))
        content = {"title": name, "kind": "simple", "summary": "-", "citation": {"text": "-"}, "version": 1}
        (folder / "method.yaml").write_text(yaml.safe_dump(content | card))

    @property
    def study(self) -> Study:
        return load_study("tiny", self.root)

    @property
    def runs(self) -> dict[str, PlannedRun]:
        return plan_runs(self.study, self.root)

    def run_of(self, method: str) -> PlannedRun:
        self.configure(experiments={"comparison": {"datasets": ["pendulum"], "methods": [method]}})
        planned = planned_dataset(self.study, "pendulum")
        make_files(planned, self.folders)
        write_card(planned, self.folders)
        return next(iter(self.runs.values()))

    def supervise(self, method: str, **execution):
        run = self.run_of(method)
        return run, supervise(run, self.folders, self.study.execution.model_copy(update=execution))
