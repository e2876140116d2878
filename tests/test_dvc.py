"""Results versioned with DVC: repeated for nothing, moved through a remote, compared, and taken in from outside."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ladid_bench.core.configuration import load_study
from ladid_bench.study.plan import plan_runs

STUDY = {
    "datasets": {"pendulum": {"trajectories": {"train": 8, "valid": 2, "test": 3}}},
    "experiments": {"comparison": {"datasets": ["pendulum"], "methods": ["ridge", "mean"]}},
}
COPIED = (
    "Snakefile",
    "workflow",
    "profiles",
    "baselines",
    "config",
    "src",
    "results/physics.json",
    "dvc.yaml",
    "imported/README.md",
)
CONFIGURED = (".dvcignore", ".gitignore", ".dvc/config", ".dvc/.gitignore", ".dvc/plots")
IDENTITY = {f"GIT_{who}_{what}": "tests@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
UP_TO_DATE = "Data and pipelines are up to date."


class Project:
    """A repository of the suite's sources with a study called ``kept``, run by its own code."""

    def __init__(self, root: Path):
        self.root = root

    @classmethod
    def begin(cls, root: Path, real: Path, study: dict[str, Any]) -> "Project":
        for name in (*COPIED, *CONFIGURED):
            source, target = real / name, root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
            else:
                shutil.copy(source, target)
        project = cls(root)
        project.configure("kept", study)
        (root / "params.yaml").write_text("scale: kept\n")
        project.call("git", "init", "-q")
        project.commit()
        return project

    def configure(self, scale: str, study: dict[str, Any]) -> None:
        (self.root / "config" / f"{scale}.yaml").write_text(yaml.safe_dump(study | {"scale": scale}))

    def call(self, *words: str) -> str:
        """What a program of the environment says; it must succeed."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = os.environ | IDENTITY | {"PATH": path, "PYTHONPATH": str(self.root / "src")}
        done = subprocess.run(words, cwd=self.root, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def dvc(self, *words: str) -> str:
        return self.call("dvc", *words)

    def commit(self) -> None:
        self.call("git", "add", "--all")
        self.call("git", "commit", "-q", "--allow-empty", "-m", "a version")

    def clone(self, target: Path) -> "Project":
        self.call("git", "clone", "-q", str(self.root), str(target))
        return Project(target)

    @property
    def changed(self) -> str:
        """Files that differ from the last version, or are in none."""
        return self.call("git", "status", "--porcelain")

    def records(self, scale: str = "kept") -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.root / "results" / scale / "records").glob("*.json")}

    def metrics(self, scale: str = "kept") -> dict[str, Any]:
        path = self.root / "results" / scale / "report" / "metrics.json"
        return json.loads(path.read_text())["comparison"]["pendulum"]


def share(project: Project) -> None:
    """Push the data to a folder beside the project."""
    project.dvc("remote", "add", "--default", "storage", str(project.root.parent / "storage"))
    project.commit()
    project.dvc("push")


def pulled(project: Project, target: Path) -> Project:
    """A fresh clone with the data of the remote; nothing in it is left to do."""
    copy = project.clone(target)
    assert not (copy.root / "data").exists()
    copy.dvc("pull")
    assert UP_TO_DATE in copy.dvc("status")
    assert not re.search(r"^(local)?rule ", copy.call("snakemake", "--cores", "2", "-n"), re.MULTILINE)
    return copy


def test_a_run_made_outside_is_taken_in_shared_and_changed(tmp_path: Path, root: Path) -> None:
    project = Project.begin(tmp_path / "project", root, STUDY)
    project.call("snakemake", "--cores", "2")
    made = project.records()
    project.dvc("commit", "--force")
    assert UP_TO_DATE in project.dvc("repro")
    assert project.records() == made
    share(project)
    copy = pulled(project, tmp_path / "clone")

    # nothing has run in the clone, and file times say nothing there: yet exactly what the parameter changes is redone
    metrics = copy.metrics()
    copy.configure("kept", STUDY | {"method_settings": {"ridge": {"rank": 3}}})
    assert "Running stage 'runs@kept'" in copy.dvc("repro")
    now = copy.records()
    assert {name: now[name] for name in made} == made
    assert len(now) == len(made) + 1
    assert copy.metrics()["ridge"] != metrics["ridge"]
    assert copy.metrics()["mean"] == metrics["mean"]
    difference = json.loads(copy.dvc("metrics", "diff", "--json"))
    changed = difference["results/kept/report/metrics.json"]
    assert set(changed) <= {f"comparison.pendulum.ridge.{name}" for name in metrics["ridge"]}
    assert changed["comparison.pendulum.ridge.nmse_mean"]["old"] == metrics["ridge"]["nmse_mean"]


@pytest.mark.slow
def test_versions_of_the_smoke_study(tmp_path: Path, root: Path) -> None:
    smoke = yaml.safe_load((root / "config" / "smoke.yaml").read_text())
    project = Project.begin(tmp_path / "project", root, smoke)
    project.dvc("repro")
    assert len(project.records()) == len(plan_runs(load_study("kept", project.root), project.root))
    share(project)
    assert UP_TO_DATE in project.dvc("repro")
    assert project.changed == ""
    copy = pulled(project, tmp_path / "clone")
    copy.call("snakemake", "--cores", "2", "--forcerun", "render", "--")
    assert copy.changed == "", "the report is the same, byte for byte"
    curves_are_drawn(copy)
    experiments_stand_side_by_side(copy)


def curves_are_drawn(project: Project) -> None:
    plots = json.loads(project.dvc("plots", "show", "--json"))["data"]
    for name, methods in (("training", {"ladid", "gru"}), ("horizon", {"ladid", "gru", "mean", "autoencoder"})):
        drawn = plots[f"results/kept/report/{name}.csv"][0]["content"]
        assert {point["method"] for point in drawn["data"]["values"]} >= methods
        assert "<DVC_METRIC" not in json.dumps(drawn)
    page = project.dvc("plots", "show").strip().removeprefix("file://")
    assert "Validation error while training" in Path(page).read_text()


def experiments_stand_side_by_side(project: Project) -> None:
    """Another scale, whose results git ignores, beside that of the study; and back again for nothing."""
    records = project.records()
    project.configure("demo", STUDY)
    project.commit()
    project.dvc("exp", "run", "-S", "scale=demo")
    assert (project.root / "params.yaml").read_text().split() == ["scale:", "demo"]
    assert len(project.records("demo")) == 2
    lock = yaml.safe_load((project.root / "dvc.lock").read_text())
    stages = {f"{stage}@{scale}" for stage in ("data", "runs", "report") for scale in ("kept", "demo")}
    assert set(lock["stages"]) == stages
    assert UP_TO_DATE in project.dvc("repro")
    project.dvc("exp", "run", "-S", "scale=kept")
    assert project.records() == records
