"""What was found in the representation of a trained model, ``results/<scale>/probes/<key>.json``: light, versioned."""

from typing import Any, ClassVar, Self

import numpy as np
from pydantic import model_validator

from ladid_bench.core.paths import PACKAGE, Folders
from ladid_bench.runs.derived import Derived, Numbers, Part, why_no_result
from ladid_bench.study.plan import PlannedRun

PSI, PCA, UNTRAINED, SHUFFLED = "psi", "pca", "untrained", "shuffled"
WITH_PSI = "ladid"  # the method whose representation is psi
CONTROLS = (PCA, UNTRAINED, SHUFFLED)
PROBES = LINEAR, KERNEL = "linear", "kernel"
PROBING = PACKAGE / "probing" / "probing.py"


class Reading(Part):
    """One true quantity, and how well it is read off psi and off the controls.

    Attributes:
        name, unit, cyclic: as in ``ground_truth.Quantity``.
        ground_truth: the true values, ``(trajectory,)``.
        deviation: squared distance from their mean, in units of its own mean, ``(trajectory,)``.
        errors: squared errors of the readings in the same units, ``(trajectory,)`` by representation and probe;
            their sum over that of ``deviation`` is 1 - R^2.
    """

    name: str
    unit: str
    cyclic: bool
    ground_truth: Numbers
    deviation: Numbers
    errors: dict[str, dict[str, Numbers]]


class Semigroup(Part):
    """Whether two windows of one trajectory agree on where it is, ``(trajectory,)`` each.

    Attributes:
        same: mean of ||F(psi_s, tau) - F(psi_s', tau - (s' - s))||^2 over later windows s' and times tau.
        other: the same with the window s' of another trajectory.
        variance: squared distance of F(psi_s, tau) from its mean over trajectories and times.
    """

    same: Numbers
    other: Numbers
    variance: Numbers


class Probe(Derived):
    """What was found in one trained model.

    Attributes:
        group: ``(trajectory,)``, of the test trajectories.
        readings: one a true quantity.
        points: psi of the test trajectories in its two leading components.
        shares: of the variance of psi that these components carry.
        semigroup: None for a method without ``states(psi, times)``.
    """

    NAME = COMMAND = "probe"
    START = PROBING
    PATH = Folders.probe
    NOTHING: ClassVar = {"group": [], "readings": [], "points": [], "shares": [], "semigroup": None}

    group: list[int]
    readings: list[Reading]
    points: list[Numbers]
    shares: Numbers
    semigroup: Semigroup | None

    @model_validator(mode="after")
    def _of_one_length(self) -> Self:
        for one in self.readings:
            if {PSI, PCA, SHUFFLED} - set(one.errors) or any(set(PROBES) - set(made) for made in one.errors.values()):
                raise ValueError(f"readings of {one.name!r} are not complete")
            lists: list[Any] = [self.points, one.ground_truth, one.deviation]
            lists += [errors for made in one.errors.values() for errors in made.values()]
            if any(len(values) != len(self.group) for values in lists):
                raise ValueError(f"readings of {one.name!r} are of another number of trajectories")
        return self

    @property
    def words(self) -> str:
        """What was read, in a line."""
        if not self.readings:
            return self.reason
        own = PSI if self.method == WITH_PSI else "representation"  # psi is that of LaDID alone
        mean = {own: self.unexplained(PSI, LINEAR)} | {name: self.unexplained(name, LINEAR) for name in CONTROLS}
        read = [f"{name} {1 - one[0].sum() / one[1].sum():.2f}" for name, one in mean.items() if one]
        return f"linear readings of {len(self.readings)} quantities, mean R^2: {', '.join(read)}"

    def unexplained(self, representation: str, probe: str, name: str = "") -> tuple[np.ndarray, np.ndarray] | None:
        """Find squared errors and deviations, ``(trajectory,)`` each, of a quantity; without a name averaged over all.

        None where there is no such quantity or representation.
        """
        wanted = [one for one in self.readings if not name or one.name == name]
        if not wanted or any(representation not in one.errors for one in wanted):
            return None
        errors = np.mean([one.errors[representation][probe] for one in wanted], axis=0)
        return errors, np.mean([one.deviation for one in wanted], axis=0)


def why_not_probed(run: PlannedRun, folders: Folders) -> str:
    """Say why there is no trained model of ``run`` to probe; empty where there is one or it can be trained again."""
    if run.card.kind != "neural":
        return f"{run.method} has no representation to read"
    return why_no_result(run, folders) if run.trained else "it trains no model of its own"
