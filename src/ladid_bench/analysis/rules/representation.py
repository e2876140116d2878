"""The rule for the division of labour: psi carries what is the realization's own, F what all of them share."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from ladid_bench.analysis.evidence import LADID, Evidence, Side, Unread
from ladid_bench.analysis.paired import Contrast, contrast
from ladid_bench.analysis.rules.selection import (
    FEW,
    MEASURED,
    NEARLY,
    data_sets_in,
    transfer_conditions,
    transfer_targets,
)
from ladid_bench.analysis.rules.transfer import Transfer, compare_transfers
from ladid_bench.analysis.verdicts import Part, decide, reported
from ladid_bench.probing.probes import CONTROLS, KERNEL, LINEAR, PSI

# sources whose realizations differ in the constant that their target changes; where it is the same in all of them, the
# constant belongs to F and not to psi, so that a frozen F must fail
VARYING = ("pendulum--lengths-mixed", "reaction-diffusion", "cylinder-flow")
FROZEN_AGAINST = (  # in words, arm, limit
    ("against scratch", "scratch", 1.0),
    ("against fine-tuning all of it", "fine-tuned", NEARLY),
)


def psi_carries_the_realization(evidence: Evidence) -> list[Part]:
    """Compare linear readings of psi with those of every control, and transfer with F kept as it was with both others.

    Readings by the kernel probe are told and do not count: a probe that is strong enough reads off the pictures
    themselves whatever they determine, so that no representation could be ahead of them.

    Of the transfer two things have to hold, because either alone can hold without the claim. With F frozen it has to
    beat training from scratch, but encoder and decoder come from the source as well, and they alone could do that. So
    it also has to be no worse than training F on: then there was nothing in F that belonged to the source. A source in
    which the constant never varied is told and does not count.
    """
    probed = data_sets_in(evidence.rows_of("probe", method=LADID, arm="scratch", changes=""))
    names = [name for name in probed if name.partition("--")[0] not in MEASURED]  # a crop's place is no constant
    return [
        decide("psi is readable", _readings(evidence, names, LINEAR)),
        *_with_frozen_dynamics(evidence),
        decide("psi by a kernel probe", _readings(evidence, names, KERNEL), counted=False),
        *reported("against the representation of latent-ode", _against_latents(evidence, names)),
    ]


def _readings(evidence: Evidence, names: Iterable[str], probe: str) -> dict[str, list[Contrast]]:
    """psi against the controls on each data set of which something is known."""
    made = {}
    for name in names:
        runs = evidence.side("psi", "probe", dataset=name, method=LADID, arm="scratch", changes="", fraction=1.0)
        found = [evidence.probe(str(row["key"])) for row in runs.rows if row["status"] == "ok"]
        if any(one is None or one.readings for one in found):
            made[name] = [_reading(evidence, runs, control, probe, found) for control in CONTROLS]
    return made


def _reading(evidence: Evidence, runs: Side, control: str, probe: str, found: Sequence[Any]) -> Contrast:
    missing = sum(one is None or not one.readings for one in found)
    if missing:
        return Contrast("psi", control, problem=f"{missing} of {len(found)} models have not been probed")
    return contrast(evidence, runs, replace(runs, name=control), (Unread(PSI, probe), Unread(control, probe)))


def _against_latents(evidence: Evidence, names: Iterable[str]) -> dict[str, list[Contrast]]:
    """What is left unread in psi, over what is in the representation of a rival that infers one too."""
    made = {}
    for name in names:
        how = {"dataset": name, "arm": "scratch", "changes": "", "fraction": 1.0}
        ladid, rival = (evidence.side(one, "probe", method=one, **how) for one in (LADID, "latent-ode"))
        probes = [evidence.probe(str(row["key"])) for row in (*ladid.rows, *rival.rows) if row["status"] == "ok"]
        if rival.rows and all(one and one.readings for one in probes):
            made[name] = [contrast(evidence, ladid, rival, (Unread(PSI, LINEAR), Unread(PSI, LINEAR)))]
    return made


def _with_frozen_dynamics(evidence: Evidence) -> list[Part]:
    """Compare transfer with F kept as it was with both others; what counts is before what is told."""
    moves = [
        (experiment, *pair)
        for experiment in ("transfer", "frozen")
        for pair in transfer_targets(evidence, experiment=experiment)
    ]
    parts = []
    for words, arm, limit in FROZEN_AGAINST:
        counted, told = (
            {
                target: _with_frozen_and(arm, where, target, source)
                for where, target, source in moves
                if (source in VARYING) == varies
            }
            for varies in (True, False)
        )
        name = f"with F frozen, {words}"
        parts += _named(name, compare_transfers(evidence, counted, limit))
        if told:
            at_cap = compare_transfers(evidence, told, limit)[0]
            parts.append(replace(at_cap, name=f"{name}, constant in the source", counted=False))
    return parts


def _with_frozen_and(arm: str, experiment: str, target: str, source: str) -> Transfer:
    """LaDID with F frozen, and in another arm, on the same few trajectories of a target."""
    other = transfer_conditions(LADID, target, arm, FEW, "" if arm == "scratch" else source, experiment)
    return transfer_conditions(LADID, target, "frozen-dynamics", FEW, source, experiment), [other]


def _named(name: str, parts: list[Part]) -> list[Part]:
    return [replace(part, name=name if part.counted else f"{name}, {part.name}") for part in parts]
