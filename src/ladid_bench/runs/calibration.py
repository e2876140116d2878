"""How far a run's predictive distribution can be trusted: ``results/<scale>/calibrations/<key>.json``, versioned."""

import json
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from ladid_bench.core.configuration import parse
from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import write_text
from ladid_bench.core.paths import PACKAGE, Folders
from ladid_bench.core.provenance import code_hash, commit, machine, versions
from ladid_bench.core.readers import read_json
from ladid_bench.data.ensembles import DRAWS, levels
from ladid_bench.methods.registry import method_folders
from ladid_bench.runs.learning import model_sha256
from ladid_bench.runs.records import read_record
from ladid_bench.study.plan import PlannedRun

RESIDUAL, OWN, RAW = "residual", "own", "raw"
DISTRIBUTIONS = (RESIDUAL, OWN, RAW)
MEASURES = ("crps", "energy_score", "coverage", "spread_ratio")
NOMINAL = 0.9  # of the interval whose coverage stands in tables
CALIBRATING = PACKAGE / "runs" / "calibrating.py"
DIGITS = 5  # of every number that is kept

Numbers = list[FiniteFloat]


class _Part(BaseModel):
    """Something relied upon in the file; whatever else stands there is kept."""

    model_config = ConfigDict(strict=True, extra="allow")


class Scored(_Part):
    """The scores of one predictive distribution over the pixels or features that vary.

    Values are in standard deviations of their variable in the training split, and all variables count alike.

    Attributes:
        name: ``residual``, the forecast with the noise that was fitted in the same way to every method; ``own``, draws
            of the method with an observation noise; ``raw``, these draws without it.
        crps, energy_score: means over the frames of each test trajectory, ``(trajectory,)``.
        coverage: share of the values inside each central interval, ``(interval,)``, the widest first.
        spread: root mean square over trajectories of the deviation of the draws at each lead time, ``(frame,)``, such
            that it is that of ``error`` for a calibrated distribution.
        error: the same of the error of their mean.
    """

    name: Literal["residual", "own", "raw"]
    crps: Numbers
    energy_score: Numbers
    coverage: Numbers
    spread: Numbers
    error: Numbers

    @property
    def spread_ratio(self) -> float:
        """Spread over error, over all frames: 1 is calibrated, below 1 too certain."""
        error = float(np.square(self.error).sum())
        return float(np.sqrt(np.square(self.spread).sum() / error)) if error else 0.0

    def measures(self, draws: int) -> dict[str, float]:
        """Give its numbers for tables, by name; ``coverage`` is that of the ``NOMINAL`` interval."""
        nominal = int(np.argmin(np.abs(levels(draws) - NOMINAL)))
        found = (float(np.mean(self.crps)), float(np.mean(self.energy_score)), self.coverage[nominal])
        return dict(zip(MEASURES, (*found, self.spread_ratio), strict=True))


class Noise(_Part):
    """The noise that was fitted on the validation split, in units of the scores.

    Attributes:
        residual: root mean square error of the forecast at each lead time, ``(frame, component)``.
        observation: deviation of an observation from a draw, ``(component,)``; None without draws.
    """

    residual: list[Numbers]
    observation: Numbers | None


class Provenance(_Part):
    """Where the numbers came from."""

    commit: str
    dirty: bool
    code_hash: str
    model_sha256: str
    data_sha256: dict[str, str]
    versions: dict[str, str]


class Calibration(_Part):
    """The predictive distributions of one run, scored on its test split.

    Attributes:
        key: of the run.
        reason: why nothing was scored, empty where something was.
        draws: of each distribution.
        varying: share of the pixels or features that vary in the training split, and are scored.
        group: ``(trajectory,)``, of the test trajectories.
        lead_times: from the last context frame to each forecast frame, mean over trajectories, ``(frame,)``.
        noise: None where nothing was scored.
        scored: the distributions, the residual one first.
    """

    key: str
    dataset: str
    method: str
    variant: str
    seed: int
    reason: str
    draws: int = Field(ge=2)
    varying: float = Field(ge=0, le=1)
    group: list[int]
    lead_times: Numbers
    noise: Noise | None
    scored: list[Scored]
    provenance: Provenance

    @model_validator(mode="after")
    def _of_one_length(self) -> Self:
        intervals, frames, count = self.draws // 2, len(self.lead_times), len(self.group)
        for one in self.scored:
            lengths = [len(values) for values in (one.crps, one.energy_score, one.coverage, one.spread, one.error)]
            if lengths != [count, count, intervals, frames, frames]:
                raise ValueError(f"scores of {one.name!r} are of other numbers of trajectories, intervals or frames")
        names = [one.name for one in self.scored]
        if names not in ([], [RESIDUAL], list(DISTRIBUTIONS)) or bool(names) == bool(self.reason):
            raise ValueError(f"scored are {names} and the reason is {self.reason!r}")
        return self

    @property
    def columns(self) -> dict[str, float]:
        """Its numbers as columns of the run table, such as ``residual_crps``."""
        found = {one.name: one.measures(self.draws) for one in self.scored}
        return {f"{name}_{measure}": value for name, made in found.items() for measure, value in made.items()}

    @property
    def words(self) -> str:
        """What was found, in a line."""
        told = [f"{one.name} CRPS {np.mean(one.crps):.3g}" for one in self.scored]
        covered = [f"{one.measures(self.draws)['coverage']:.0%}" for one in self.scored]
        return self.reason or f"{', '.join(told)}; inside the {NOMINAL:.0%} interval: {', '.join(covered)}"


def write_calibration(path: Path, content: dict[str, Any]) -> None:
    """Check a calibration and write its file, the same bytes for the same content.

    Raises:
        BenchError: it is not complete, or holds a number that is not finite.
    """
    parse(Calibration, content, "the calibration of this run")
    write_text(path, json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n")


def read_calibration(path: Path) -> Calibration:
    """Read the calibration that ``write_calibration`` wrote.

    Raises:
        BenchError: it is damaged, or that of another run.
    """
    remedy = "delete it and calibrate the run again"
    content = read_json(path, "file of a calibration", remedy)
    found = parse(Calibration, content, f"{path}: not a file of a calibration ({remedy})")
    if found.key != path.stem:
        raise BenchError(f"{path}: the calibration of another run, {found.key[:40]!r}; {remedy}")
    return found


def load_calibration(folders: Folders, key: str) -> Calibration | None:
    """Read the calibration of a run, None where it has none."""
    path = folders.calibration(key)
    return read_calibration(path) if path.exists() else None


def is_stale(found: Calibration, root: Path) -> bool:
    """Say whether a calibration was made by other code of the method or of the scoring than today's."""
    folder = method_folders(root).get(found.method)
    return folder is None or found.provenance.code_hash != code_hash(folder, CALIBRATING)


def why_not_calibrated(run: PlannedRun, folders: Folders) -> str:
    """Say why ``run`` has no forecasts to calibrate; empty where it has."""
    if run.card.kind == "floor":
        return f"{run.method} renders true frames and forecasts nothing"
    if run.init_from is not None:
        return "it starts from another run's model; calibrate a run from scratch"
    path = folders.record(run.key)
    if not path.exists():
        return f"it has not ended with a result; 'ladid-bench run {run.key}' makes one"
    status = read_record(path)["status"]
    return "" if status == "ok" else f"it ended as {status}"


def described(run: PlannedRun, folders: Folders, data_sha256: dict[str, str]) -> dict[str, Any]:
    """Say whose calibration it is, and where its numbers come from."""
    revision, dirty = commit(folders.root)
    model = folders.model(run.key)
    provenance = {
        "commit": revision,
        "dirty": dirty,
        "code_hash": code_hash(method_folders(folders.root)[run.method], CALIBRATING),
        "model_sha256": model_sha256(model) if run.trained and model.exists() else "",
        "data_sha256": data_sha256,
        "versions": versions(),
        **machine(),
    }
    identity = {"key": run.key, "dataset": run.dataset.name, "method": run.method, "variant": run.variant}
    rerun = f"ladid-bench calibrate {run.key} --scale {run.scale} --force"
    return {**identity, "seed": run.seed, "draws": DRAWS, "provenance": provenance, "rerun": rerun}


def write_reason(run: PlannedRun, folders: Folders, reason: str) -> None:
    """Write the calibration of a run without a result, which says why nothing was scored."""
    nothing = {"varying": 0.0, "group": [], "lead_times": [], "noise": None, "scored": []}
    write_calibration(folders.calibration(run.key), described(run, folders, {}) | nothing | {"reason": reason})


def drop_calibration_of_former_model(run: PlannedRun, folders: Folders) -> bool:
    """Delete the calibration of a model that another one has replaced since, and say whether there was one."""
    found, model = load_calibration(folders, run.key), folders.model(run.key)
    if found is None or not model.exists() or found.provenance.model_sha256 == model_sha256(model):
        return False
    folders.calibration(run.key).unlink()
    return True


def rounded(values: np.ndarray) -> list[float]:
    """Round numbers to as many digits as are kept."""
    return [float(f"{value:.{DIGITS}g}") for value in values]
