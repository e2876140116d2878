"""How far a run's predictive distribution can be trusted: ``results/<scale>/calibrations/<key>.json``, versioned."""

from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from ladid_bench.core.paths import PACKAGE, Folders
from ladid_bench.data.ensembles import DRAWS, levels
from ladid_bench.runs.derived import Derived, Numbers, Part, why_no_result
from ladid_bench.study.plan import PlannedRun

RESIDUAL, OWN, RAW = "residual", "own", "raw"
DISTRIBUTIONS = (RESIDUAL, OWN, RAW)
MEASURES = ("crps", "energy_score", "coverage", "spread_ratio")
NOMINAL = 0.9  # of the interval whose coverage stands in tables
CALIBRATING = PACKAGE / "runs" / "calibrating.py"


class Scored(Part):
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


class Noise(Part):
    """The noise that was fitted on the validation split, in units of the scores.

    Attributes:
        residual: root mean square error of the forecast at each lead time, ``(frame, component)``.
        observation: deviation of an observation from a draw, ``(component,)``; None without draws.
    """

    residual: list[Numbers]
    observation: Numbers | None


class Calibration(Derived):
    """The predictive distributions of one run, scored on its test split.

    Attributes:
        draws: of each distribution.
        varying: share of the pixels or features that vary in the training split, and are scored.
        group: ``(trajectory,)``, of the test trajectories.
        lead_times: from the last context frame to each forecast frame, mean over trajectories, ``(frame,)``.
        noise: None where nothing was scored.
        scored: the distributions, the residual one first.
    """

    NAME, COMMAND = "calibration", "calibrate"
    START = CALIBRATING
    PATH = Folders.calibration
    NOTHING: ClassVar = {"draws": DRAWS, "varying": 0.0, "group": [], "lead_times": [], "noise": None, "scored": []}

    draws: int = Field(ge=2)
    varying: float = Field(ge=0, le=1)
    group: list[int]
    lead_times: Numbers
    noise: Noise | None
    scored: list[Scored]

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


def why_not_calibrated(run: PlannedRun, folders: Folders) -> str:
    """Say why ``run`` has no forecasts to calibrate; empty where it has."""
    if run.card.kind == "floor":
        return f"{run.method} renders true frames and forecasts nothing"
    if run.init_from is not None:
        return "it starts from another run's model; calibrate a run from scratch"
    return why_no_result(run, folders)
