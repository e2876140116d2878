"""A study whose results are made up, and its report taken apart; for the tests of the report."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from ladid_bench.core.configuration import DataKind, Dataset, Experiment, SplitSizes, Stage, Study
from ladid_bench.core.files import content_key, write_json
from ladid_bench.core.paths import Folders
from ladid_bench.data.task import Task
from ladid_bench.data.thumbnails import pack
from ladid_bench.data.variables import Variable
from ladid_bench.datasets.source import DataCard, DataSource
from ladid_bench.methods.searched import Identity, SearchRecord, Trained, Trial, search_file
from ladid_bench.reporting.report import build_report
from ladid_bench.runs.records import Sample, write_sample
from ladid_bench.study import datasets as catalogue

GIVEN, ASKED, TRAJECTORIES = 3, 5, 6
KINDS = {"latent-ode": "neural", "other-net": "neural", "ridge": "simple", "mean": "reference", "coder": "floor"}


@dataclass(frozen=True)
class FakePictures(DataSource):
    """A data set of pictures that nobody has to simulate."""

    name: ClassVar[str] = "fake-pictures"
    kind: ClassVar[DataKind] = "bodies"
    version: ClassVar[int] = 1
    context_frames: ClassVar[int] = GIVEN
    forecast_frames: ClassVar[int] = ASKED
    units: ClassVar[Mapping[str, str]] = {}

    @property
    def card(self) -> DataCard:
        texts = {name: f"{name} of {self.name}" for name in DataCard.__dataclass_fields__}
        return DataCard(
            **{**texts, "origin": "simulated", "equation": "\\ddot{x} = -k^2 x_1\n\nk < 1", "caution": "careful"}
        )

    def split(self, name: str, sizes: SplitSizes, image_size: int, seed: int, frames: int) -> Any:
        raise NotImplementedError


@dataclass(frozen=True)
class FakeVectors(FakePictures):
    """The same with vector observations, primary_metric FVU."""

    name: ClassVar[str] = "fake-vectors"
    primary_metric: ClassVar[str] = "fvu"


@dataclass
class Bench:
    """A study whose results are made up; ``error`` of a run is its share of the truth that goes wrong."""

    root: Path
    rows: list[dict[str, Any]] = field(default_factory=list)
    shapes: dict[str, tuple[int, ...]] = field(
        default_factory=lambda: {"fake-pictures": (16, 16), "fake-vectors": (4,)}
    )
    kinds: dict[str, str] = field(default_factory=lambda: dict(KINDS))
    further: tuple[str, ...] = ()  # experiments beside comparison and equal time
    asked: dict[str, Any] = field(default_factory=dict)  # kinds of experiments, where their names do not say it

    @property
    def folders(self) -> Folders:
        return Folders(self.root, "demo")

    @property
    def study(self) -> Study:
        datasets = {name: Dataset(trajectories=SplitSizes(test=TRAJECTORIES)) for name in self.shapes}
        experiments = {"comparison": Experiment(), "equal-time": Experiment()}
        experiments |= {name: Experiment(kind=self.asked.get(name)) for name in self.further}
        return Study(scale="demo", datasets=datasets, experiments=experiments)

    def method(self, name: str, kind: str) -> None:
        """Write the card of a method."""
        self.kinds[name] = kind
        citation = '{text: "A paper of @ & <b>", url: "https://example.org/paper"}'
        card = f"title: {name}\nkind: {kind}\nsummary: what it does\ncitation: {citation}\nversion: 1\n"
        card += f"deterministic: {'false' if kind == 'neural' else 'true'}\n"
        card += "settings: {learning_rate: 0.001, hidden: 64}\n"
        self.folder(name).mkdir(parents=True)
        (self.folder(name) / "method.yaml").write_text(card, encoding="utf-8")

    def folder(self, method: str) -> Path:
        return self.root / "baselines" / method.replace("-", "_")

    def search(self, method: str, steps: int = 600, chosen: int | None = 1, version: int = 1) -> None:
        """The record of a search on bodies: of three trials the first diverged, and two went on."""
        trials = []
        for trial in range(3):
            made = [
                Trained(
                    **{"steps": 300, "status": "ok", "valid_nmse": 0.5 + trial, "history": []},
                    **{"seconds": 9, "cpu_seconds": 90, "provenance": {}},
                )
            ]
            if trial == 0:
                made = [made[0].model_copy(update={"status": "diverged", "reason": "not finite", "valid_nmse": None})]
            else:
                made.append(made[0].model_copy(update={"steps": steps, "valid_nmse": 0.25 + trial}))
            settings = {"learning_rate": 0.001 if trial == 1 else 0.002, "hidden": 64, "growth": True}
            trials.append(Trial(settings=settings, origin="drawn by chance", trainings=made))
        identity = Identity(
            **{"method": method, "method_version": version, "training_version": 1, "kind": "bodies", "seed": 7},
            **{"data": {"dataset": "pendulum", "image_size": 32}, "budget": {"batch_size": 16}, "card": {}},
            stages=[Stage(trials=3, steps=300), Stage(trials=1, steps=steps)],
            space={"learning_rate": [0.001, 0.002], "hidden": [64], "growth": [True, False]},
        )
        record = SearchRecord(identity=identity, trials=trials, ended=True, chosen=chosen)
        write_json(search_file(self.folder(method), "bodies"), record.model_dump())

    def card(self, dataset: str) -> None:
        planned = catalogue.planned_dataset(self.study, dataset)
        shape = (1, *self.shapes[dataset])
        places = tuple(range(1 if len(shape) == 3 else shape[1]))
        variable = Variable("intensity", places, -0.05, 1.05, clipping_loss=0.0, deviation=0.5, constant=False)
        task = Task(dataset, GIVEN, ASKED, shape, (variable,), duration=0.7, time_step=0.1, regular=True)
        made = {"trajectories": TRAJECTORIES, "groups": TRAJECTORIES, "content_sha256": "c" * 64, "range": [0.0, 1.0]}
        made |= {"outside": [0]}
        card = {
            **vars(planned.source.card),
            **planned.identity,
            "kind": "bodies",
            "data_key": planned.key,
            "task": task.to_json(),
        }
        levels = np.random.default_rng(0).integers(0, 255, (GIVEN + ASKED, *shape[1:]), dtype=np.uint8)
        lead = np.round(np.arange(1 - GIVEN, ASKED + 1) * 0.1, 3).tolist()
        film = {"trajectory": 0, "channel": "intensity", "lead": lead, "webp": pack(levels)}
        regimes = [{"name": name, "changes": {"mass": 2.0}, "control": name == "same"} for name in ("same", "other")]
        styles = {"film": film, "regime": "", "control": False, "regimes": regimes}
        splits = dict.fromkeys(("train", "valid", "test"), made)
        write_json(self.folders.card(dataset, planned.key), {**card, "splits_made": splits, **styles})

    def sample(self, dataset: str, error: float, units: int = TRAJECTORIES) -> Sample:
        rng = np.random.default_rng(int(1000 * min(error, 10)))
        truth = rng.integers(0, 255, (2, GIVEN + ASKED, 1, *self.shapes[dataset]), dtype=np.uint8)
        hard = 1 + np.arange(TRAJECTORIES)[:, None] / 10
        squared = error * hard * np.linspace(0.5, 1.5, ASKED)
        return Sample(
            squared_error=squared.astype(np.float32),
            squared_truth=np.ones((TRAJECTORIES, ASKED), np.float32),
            squared_deviation=np.full((TRAJECTORIES, ASKED), 0.5, np.float32),
            group=np.arange(TRAJECTORIES) % units,
            times=np.tile(np.arange(GIVEN, GIVEN + ASKED) * 0.1, (TRAJECTORIES, 1)),
            midpoints_nmse=np.zeros(0, np.float32),
            pictured=np.arange(2),
            truth=truth,
            forecast=truth[:, GIVEN:] // 2,
        )

    def run(
        self,
        dataset: str,
        method: str,
        error: float = 0.1,
        seed: int = 0,
        units: int = TRAJECTORIES,
        experiments: str = "comparison",
        **how: Any,
    ) -> str:
        """A run that ended with a result; ``how`` is its arm, source, fraction and changes, as in the run table."""
        sample = self.sample(dataset, error, units)
        nmse = sample.squared_error.sum(1) / sample.squared_truth.sum(1)
        fvu = float(sample.squared_error.sum() / sample.squared_deviation.sum())
        metrics = {"nmse_mean": float(nmse.mean()), "nmse_median": float(np.median(nmse)), "fvu_pooled": fvu}
        cost = {"cpu_seconds": 10 + 100 * error, "forecast_seconds": 0.6, "parameters": 123.0}
        if self.kinds.get(method) == "neural":
            metrics["midpoints_nmse_mean"] = metrics["nmse_mean"]
            cost |= {"steps": 3.0, "seconds_per_step": 0.1, "cpu_seconds_per_step": 0.09}
        key = self._row(dataset, method, seed, "ok", "", experiments, metrics=metrics, cost=cost, how=how)
        write_sample(self.folders.samples(key), sample)
        return key

    def thrice(self, dataset: str, method: str, error: float, **how: Any) -> None:
        """Runs that ended with a result, of the three seeds that a verdict takes."""
        for seed in range(3):
            self.run(dataset, method, error, seed, **how)

    def lost(self, dataset: str, method: str, status: str, reason: str, seed: int = 0, **how: Any) -> str:
        """A run without a result; ``how`` as of ``run``."""
        return self._row(dataset, method, seed, status, reason, "comparison", metrics={}, cost={}, how=how)

    def _row(
        self,
        dataset: str,
        method: str,
        seed: int,
        status: str,
        reason: str,
        experiments: str,
        metrics: dict[str, float],
        cost: dict,
        how: Mapping[str, Any] | None = None,
    ) -> str:
        key, kind = content_key([dataset, method, seed, experiments, *(how or {}).items()]), self.kinds[method]
        final = status in ("ok", "diverged", "skipped")
        history = [{"step": step, "valid_nmse": 1 / step} for step in (1, 2, 3)] if kind == "neural" else []
        provenance = {
            "commit": "f" * 40,
            "dirty": True,
            "code_hash": "abc",
            "host": "node7",
            "versions": {"torch": "2"},
            "device": "cpu",
            "threads": 1,
            "data_sha256": dict.fromkeys(("train", "valid", "test"), "c" * 64),
        }
        if final:
            record = {"key": key, "status": status, "reason": reason, "metrics": metrics, "cost": cost}
            record["identity"] = {"seed": seed}
            write_json(self.folders.record(key), {**record, "history": history, "provenance": provenance})
        source = catalogue.SOURCES[dataset]
        self.rows.append(
            {
                **{"dataset": dataset, "method": method, "variant": "default", "seed": seed, "fraction": 1.0},
                **{"status": status, "reason": reason, "experiments": experiments, "kind": kind},
                **{
                    "primary_metric": source.primary_metric,
                    "key": key,
                    "stale": False,
                    "rerun": f"ladid-bench run {key}",
                },
                **{"arm": "scratch", "init_from": "", "init_from_key": "", "changes": "", "rung_of": ""},
                **{"steps": 1200 if kind == "neural" else 0, "init_from_steps": 0, **(how or {})},
                **metrics,
                **{f"cost_{name}": value for name, value in cost.items()},
                **({"commit": "f" * 40, "versions": json.dumps({"torch": "2"})} if final else {}),
            }
        )
        return key

    @property
    def table(self) -> pd.DataFrame:
        """The run table as it comes back from its file."""
        path = self.root / "runs.parquet"
        pd.DataFrame(self.rows).to_parquet(path, index=False)
        return pd.read_parquet(path)

    def build(self) -> "Page":
        return Page(build_report(self.folders, self.table, self.study))


class Page(HTMLParser):
    """A page taken apart: attributes, text, ids and tables.

    Attributes:
        ids, links, loaded, tags: in the order of the page.
        classes: every class of every element.
        data: every attribute of an element that has a name beginning with ``data-``, as (name, value).
        parts: text by the id of the element that it begins with, up to the next element with an id; figures have none.
        tables: rows of texts, by the id that stands before the table.
    """

    def __init__(self, path: Path):
        super().__init__()
        self.path, self.source = path, path.read_text(encoding="utf-8")
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.tags: list[str] = []
        self.classes: list[str] = []
        self.data: list[tuple[str, str]] = []
        self.parts: dict[str, str] = {"": ""}
        self.tables: dict[str, list[list[str]]] = {}
        self.bold: list[str] = []
        self.text = ""
        self._in_cell = self._in_best = self._in_figure = False
        self.feed(self.source)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = self._in_best = False
        self._in_figure = self._in_figure and tag != "svg"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        classes = str(dict(attrs).get("class") or "").split()
        self.classes += classes
        self._in_figure = self._in_figure or tag == "svg"
        if tag == "table":
            self.tables.setdefault(list(self.parts)[-1], [])
        if tag == "tr":
            next(reversed(self.tables.values())).append([])
        if tag in ("td", "th") and self.tables:
            self._in_cell, self._in_best = True, "best" in classes
            next(reversed(self.tables.values()))[-1].append("")
        for name, value in attrs:
            if name.startswith("data-"):
                self.data.append((name, value or ""))
            if name == "id":
                self.ids.append(value or "")
                self.parts |= {} if self._in_figure else {value or "": ""}
            elif tag == "a" and name == "href":
                self.links.append(value or "")
            elif name in ("src", "srcset", "data", "poster", "action", "href", "xlink:href"):
                self.loaded.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data
        self.parts[list(self.parts)[-1]] += data
        if self._in_cell:
            next(reversed(self.tables.values()))[-1][-1] += data
        if self._in_best:
            self.bold.append(data)

    def section(self, first: str, last: str) -> str:
        """The text from the element with the id ``first`` up to that with the id ``last``."""
        names = list(self.parts)
        return "".join(self.parts[name] for name in names[names.index(first) : names.index(last)])


def make_bench(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """An empty study of two made-up data sets, with the cards of a few methods."""
    for source in (FakePictures, FakeVectors):
        monkeypatch.setitem(catalogue.SOURCES, source.name, source)
    made = Bench(folder)
    for method, kind in KINDS.items():
        made.method(method, kind)
    for name in made.shapes:
        made.card(name)
    return made
