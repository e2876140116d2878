"""What probes found in psi of an entry's runs, with intervals over test trajectories and seeds."""

from dataclasses import dataclass, replace

import numpy as np

from ladid_bench.analysis.entries import UNREADABLE, DatasetContent, Entry
from ladid_bench.analysis.statistics import UNKNOWN, Interval, interval, labels
from ladid_bench.core.errors import BenchError
from ladid_bench.core.paths import Folders
from ladid_bench.probing.probes import CONTROLS, PROBES, PSI, Probe
from ladid_bench.runs.derived import is_stale

MEAN = ""  # the name of the average over all quantities


@dataclass(frozen=True)
class Estimate:
    """How well one quantity is read off one representation.

    Attributes:
        quantity: its name, ``MEAN`` for the average over all.
        representation, probe: as in ``probes``.
        r2: R^2 on test trajectories, pooled over seeds; the ends are those of a 95 % interval, or NaN.
        ratio: what psi leaves unexplained over what this representation does, with its paired interval; None for
            psi itself, or where there is no interval.
    """

    quantity: str
    representation: str
    probe: str
    r2: Interval
    ratio: Interval | None


@dataclass(frozen=True)
class Probed:
    """An entry of the experiment with the probes of its runs; ``missing`` says what there is none of, and why."""

    entry: Entry
    probes: tuple[Probe, ...]
    missing: list[str]
    stale: list[int]

    @property
    def readable(self) -> bool:
        """Whether every probe has readings, all of the same trajectories."""
        alike = {(tuple(one.group), tuple(made.name for made in one.readings)) for one in self.probes}
        return len(alike) == 1 and all(one.readings for one in self.probes)

    @property
    def quantities(self) -> list[str]:
        """Names of the quantities that were read."""
        return [one.name for one in self.probes[0].readings]

    @property
    def representations(self) -> list[str]:
        """Those that all probes have, psi first."""
        known = [name for name in (PSI, *CONTROLS) if self._stacked(name, PROBES[0], MEAN) is not None]
        return known if self.readable else []

    def estimates(self) -> list[Estimate]:
        """Estimate how well every quantity, and their average, is read off every representation by every probe."""
        return [
            self.estimate(quantity, representation, probe)
            for probe in PROBES
            for quantity in (MEAN, *self.quantities)
            for representation in self.representations
        ]

    def estimate(self, quantity: str, representation: str, probe: str) -> Estimate:
        """Estimate how well ``quantity`` is read off ``representation`` by ``probe``."""
        found = self._stacked(representation, probe, quantity)
        assert found is not None
        errors, deviations, group, seed = found
        share = interval(errors, group, seed, deviations)
        point = 1 - float(errors.sum() / deviations.sum())
        ends = (1 - share.high, 1 - share.low) if share else (np.nan, np.nan)
        mine = self._stacked(PSI, probe, quantity)
        ratio = interval(mine[0], group, seed, errors) if mine and representation != PSI else None
        return Estimate(quantity, representation, probe, Interval(point, *ends), ratio)

    def _stacked(self, representation: str, probe: str, quantity: str) -> tuple[np.ndarray, ...] | None:
        """Errors, deviations, groups and seeds of all runs, ``(entry,)`` each."""
        found = [one.unexplained(representation, probe, quantity) for one in self.probes]
        known = [pair for pair in found if pair is not None]
        if not known or len(known) < len(found):
            return None
        errors, deviations = (np.concatenate(column) for column in zip(*known, strict=True))
        return errors, deviations, *labels([one.group for one in self.probes])

    def semigroup(self) -> tuple[Interval, float] | None:
        """Compute the squared distance of two windows over the variance of z, within a trajectory and between two.

        The first has an interval. None where a probe has no such test, or z does not vary.
        """
        tests = [one.semigroup for one in self.probes if one.semigroup is not None]
        if not tests or len(tests) < len(self.probes):
            return None
        group, seed = labels([one.group for one in self.probes])
        parts = ((one.same, one.other, one.variance) for one in tests)
        same, other, variance = (np.concatenate(column) for column in zip(*parts, strict=True))
        if variance.sum() <= 0:
            return None
        share, others = (float(one.sum() / variance.sum()) for one in (same, other))
        return interval(same, group, seed, variance) or replace(UNKNOWN, estimate=share), others


def probed(entry: Entry, folders: Folders) -> Probed:
    """Collect the probes of an entry's runs, with what is missing and which are stale."""
    found, missing, stale = [], [], []
    for run in entry.runs:
        seed, state = int(run.row["seed"]), run.status if run.status != "ok" else "not probed yet"
        try:
            probe = Probe.load(folders, run.key) if run.status == "ok" else None
        except BenchError:
            probe, state = None, UNREADABLE
        if probe is None:
            missing.append(f"seed {seed} ({state})")
            continue
        found.append(probe)
        if is_stale(probe, folders.root):
            stale.append(seed)
    return Probed(entry, tuple(found), missing, stale)


def estimate_rows(content: DatasetContent, found: Probed) -> list[dict[str, object]]:
    """Tabulate all estimates of an entry, a row each; none where its probes cannot be read."""
    if not found.readable:
        return []
    entry = found.entry
    told = {"dataset": content.name, "method": entry.method, "variant": entry.variant, "changes": entry.changes}
    made = []
    for one in found.estimates():
        over = one.ratio or UNKNOWN
        what = {"quantity": one.quantity or "mean", "representation": one.representation, "probe": one.probe}
        ends = {"r2": one.r2.estimate, "r2_low": one.r2.low, "r2_high": one.r2.high}
        against = {"psi_unexplained_ratio": over.estimate, "ratio_low": over.low, "ratio_high": over.high}
        keys = " ".join(probe.key for probe in found.probes)
        made.append({**told, **what, **ends, **against, "seeds": len(found.probes), "keys": keys})
    return made
