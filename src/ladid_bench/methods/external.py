"""Base class of methods in any language: files go to the rules of a ``rule.smk``, a forecast file comes back.

The run is like that of every other method: the same supervisor with its time limit, the same rows for failures, the
same scoring. Only ``fit`` and ``forecast`` call Snakemake instead of computing.
"""

import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import ClassVar

import h5py
import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import content_key, file_sha256, write_json
from ladid_bench.data.trajectories import Trajectories, write_trajectories
from ladid_bench.methods.base import Forecast, Method, Training
from ladid_bench.methods.forecasts import open_forecast

log = logging.getLogger(__name__)

RULES = "rule.smk"
TRAIN, VALID, QUESTION, FORECAST = (f"{name}.hdf5" for name in ("train", "valid", "question", "forecast"))
CONFIG = "config.json"
QUERY_TIMES = "query_times"
FIT, ANSWER = "fit", "forecast"  # the rules that Snakemake is told to make
HAS_FIT = re.compile(rf"^(rule|checkpoint)\s+{FIT}\s*:", re.MULTILINE)
GUARD = Path(__file__).with_name("guard.py")
CHATTER = ("progress", "rules", "host", "reason")  # what Snakemake need not say
TROUBLE = re.compile(r"^\w+(Exception|Error)( in .*)?:$")  # how Snakemake begins to speak of a failure


class ExternalMethod(Method):
    """Run the rules ``fit`` (if there is one, once) and ``forecast`` of ``rule.smk`` in a folder of their own.

    There they find ``train.hdf5`` and ``valid.hdf5``, trajectory files; ``question.hdf5``, a trajectory file of the
    context frames alone with ``query_times``, float64 ``(trajectory, query)``, beside them; and in Snakemake's
    ``config`` the settings, the seed, the budget, the task and the names of fields and axes. They leave
    ``forecast.hdf5``, a forecast file, and whatever they want to find again. The target frames are nowhere.
    """

    folder: ClassVar[Path]  # of the baseline

    def fit(self, training: Training) -> None:
        rules = self.folder / RULES
        if not rules.exists():
            raise BenchError(f"{rules}: there is no such file; a method in another language needs its rules")
        self.place = self._new_place() if self.workspace is None else self.workspace / "external"
        self._hand_over(training)
        if HAS_FIT.search(rules.read_text(encoding="utf-8")):
            self._run(FIT)

    def _hand_over(self, training: Training) -> None:
        """Write what the rules find; what an attempt that was killed made of the same is kept."""
        train = training.train
        config = {
            "settings": vars(self.settings),
            "seed": training.seed,
            "budget": training.budget.model_dump(),
            "task": self.task.to_json(),
            "data": {"fields": list(train.fields), "space": list(train.space), "boundary": train.boundary},
            "program": {path.name: file_sha256(path) for path in sorted(self.folder.iterdir()) if path.is_file()},
        }
        key, path = content_key(config), self.place / CONFIG
        if path.exists() and json.loads(path.read_text(encoding="utf-8"))["key"] == key:
            return
        shutil.rmtree(self.place, ignore_errors=True)
        write_trajectories(self.place / TRAIN, train)
        write_trajectories(self.place / VALID, training.valid)
        write_json(path, config | {"key": key})

    def forecast(self, context: np.ndarray, context_times: np.ndarray, query_times: np.ndarray) -> Forecast:
        (self.place / FORECAST).unlink(missing_ok=True)
        names = json.loads((self.place / CONFIG).read_text(encoding="utf-8"))["data"]
        question = Trajectories(
            context,
            context_times,
            group=np.arange(len(context)),
            fields=tuple(names["fields"]),
            space=tuple(names["space"]),
            boundary=names["boundary"],
        )
        write_trajectories(self.place / QUESTION, question)
        with h5py.File(self.place / QUESTION, "a") as file:
            file[QUERY_TIMES] = query_times
        self._run(ANSWER)
        return open_forecast(self.place / FORECAST, query_times, context.shape[2:])

    def save(self, folder: Path) -> None:
        """Keep all that the rules found and left; times of change are kept too, Snakemake goes by them."""
        passing = shutil.ignore_patterns(QUESTION, FORECAST, ".snakemake")
        shutil.copytree(self.place, folder, ignore=passing, dirs_exist_ok=True)

    def load(self, folder: Path) -> None:
        self.place = self._new_place()
        shutil.copytree(folder, self.place, dirs_exist_ok=True)

    def _new_place(self) -> Path:
        self._temporary = tempfile.TemporaryDirectory(prefix="ladid-bench-")  # goes when this object goes
        return Path(self._temporary.name)

    def _run(self, rule: str) -> None:
        """Make rule ``rule`` and what it depends on.

        Raises:
            BenchError: it failed; the line is the last that the program said, or Snakemake's.
        """
        rules = self.folder / RULES
        options = ["--snakefile", str(rules), "--directory", str(self.place), "--configfile", str(self.place / CONFIG)]
        options += ["--cores", "1", "--nolock", "--rerun-incomplete", "--rerun-triggers", "mtime"]
        options += ["--profile", "none", "--workflow-profile", "none", "--quiet", *CHATTER, "--", rule]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SNAKEMAKE_")}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
        with subprocess.Popen(
            [sys.executable, str(GUARD), sys.executable, "-m", "snakemake", *options],
            stdin=subprocess.PIPE,  # stays open, and tells the guard that this process is alive
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # the guard must not end with this process: it has to end the program
        ) as process:
            assert process.stdout is not None
            said = process.stdout.read().decode(errors="replace")
        log.debug("%s, rule %s:\n%s", rules, rule, said)
        if process.returncode:
            raise BenchError(f"{rules.parent.name}/{RULES}, rule {rule}: {_trouble(said)}")


def _trouble(said: str) -> str:
    """The one line of Snakemake's output that says what went wrong."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    start = next((index for index, line in enumerate(lines) if TROUBLE.match(line)), None)
    if start is None:
        return lines[-1] if lines else "ended without a word"
    if lines[start] != "RuleException:":  # not a command that failed, but the rules themselves
        return " ".join(lines[start : start + 2])
    last = lines[start - 1] if start else ""
    return "its command failed without a word" if last.startswith("Execute ") or not last else last
