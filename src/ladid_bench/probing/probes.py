"""What was found in the representation of a trained model, ``results/<scale>/probes/<key>.json``: light, versioned."""

import json
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from ladid_bench.core.configuration import parse
from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import write_text
from ladid_bench.core.paths import PACKAGE, Folders
from ladid_bench.core.provenance import code_hash
from ladid_bench.core.readers import read_json
from ladid_bench.methods.registry import method_folders

PSI, PCA, UNTRAINED, SHUFFLED = "psi", "pca", "untrained", "shuffled"
WITH_PSI = "ladid"  # the method whose representation is psi
CONTROLS = (PCA, UNTRAINED, SHUFFLED)
PROBES = LINEAR, KERNEL = "linear", "kernel"
PROBING = PACKAGE / "probing" / "probing.py"
DIGITS = 5  # of every number that is kept

Numbers = list[FiniteFloat]


class _Part(BaseModel):
    """Something relied upon in the file; whatever else stands there is kept."""

    model_config = ConfigDict(strict=True, extra="allow")


class Reading(_Part):
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


class Semigroup(_Part):
    """Whether two windows of one trajectory agree on where it is, ``(trajectory,)`` each.

    Attributes:
        same: mean of ||F(psi_s, tau) - F(psi_s', tau - (s' - s))||^2 over later windows s' and times tau.
        other: the same with the window s' of another trajectory.
        variance: squared distance of F(psi_s, tau) from its mean over trajectories and times.
    """

    same: Numbers
    other: Numbers
    variance: Numbers


class Provenance(_Part):
    """Where the numbers came from."""

    commit: str
    dirty: bool
    code_hash: str
    model_sha256: str
    data_sha256: dict[str, str]
    versions: dict[str, str]


class Probe(_Part):
    """What was found in one trained model.

    Attributes:
        key: of the run that trained it.
        reason: why nothing was read, empty where something was.
        representation_size: numbers in psi; 0 for a method without one.
        group: ``(trajectory,)``, of the test trajectories.
        readings: one a true quantity.
        points: psi of the test trajectories in its two leading components.
        shares: of the variance of psi that these components carry.
        semigroup: None for a method without ``states(psi, times)``.
    """

    key: str
    dataset: str
    method: str
    variant: str
    seed: int
    reason: str
    representation_size: int = Field(ge=0)
    group: list[int]
    readings: list[Reading]
    points: list[Numbers]
    shares: Numbers
    semigroup: Semigroup | None
    provenance: Provenance

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


def write_probe(path: Path, probe: dict[str, Any]) -> None:
    """Check a probe and write its file, the same bytes for the same content.

    Raises:
        BenchError: it is not complete, or holds a number that is not finite.
    """
    parse(Probe, probe, "what was found in this model")
    write_text(path, json.dumps(probe, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n")


def read_probe(path: Path) -> Probe:
    """Read the probe that ``write_probe`` wrote.

    Raises:
        BenchError: it is damaged, or that of another run.
    """
    remedy = "delete it and probe the run again"
    probe = parse(Probe, read_json(path, "file of a probe", remedy), f"{path}: not a file of a probe ({remedy})")
    if probe.key != path.stem:
        raise BenchError(f"{path}: the probe of another run, {probe.key[:40]!r}; {remedy}")
    return probe


def load_probe(folders: Folders, key: str) -> Probe | None:
    """Read the probe of a run's model, None where it was not probed."""
    path = folders.probe(key)
    return read_probe(path) if path.exists() else None


def is_stale(probe: Probe, root: Path) -> bool:
    """Say whether a probe was made by other code of the method or of the probing than today's."""
    folder = method_folders(root).get(probe.method)
    return folder is None or probe.provenance.code_hash != code_hash(folder, PROBING)


def rounded(values: np.ndarray) -> list[float]:
    """Round numbers to as many digits as are kept."""
    return [float(f"{value:.{DIGITS}g}") for value in values]
