"""Which methods, data sets and targets the claims are about, and the runs of a study that belong to them."""

from collections.abc import Iterable
from typing import Any

from ladid_bench.analysis.evidence import LADID, Evidence, Side

ARMS = ("", "xmix", "film", "paper")  # variants of LaDID; the primary arm is the first on its card, and alone decides
PAPER = ("ode-rnn", "ode2vae", "ndp", "msvi")  # the paper's own rivals
ODE = ("ladid-ode", "latent-ode", *PAPER)
NEURAL = (*ODE, "gru")  # every set needs them all
SIMPLE = ("analog", "ridge", "dmd", "persistence", "mean")
CLOSED_FORM = ("simple", "reference")  # kinds of methods that are not trained
MEASURED = ("radar-rain", "air-temperature", "shoulder-imu")
SIMULATED = ("pendulum", "double-pendulum", "wave", "reaction-diffusion", "navier-stokes", "cylinder-flow")
CONTROL = "pendulum--mass-2"  # its frames are those of the pendulum: no new intervention
NEARLY = 1.25  # limit of the ratio of errors that are nearly the same
FEW = 0.08  # of the target's training trajectories


def data_sets_in(rows: list[dict[str, Any]]) -> list[str]:
    """List the data sets of rows of the run table, in their order."""
    return list(dict.fromkeys(str(row["dataset"]) for row in rows))


def methods_in(rows: list[dict[str, Any]]) -> list[str]:
    """List the methods of rows of the run table, in their order."""
    return list(dict.fromkeys(str(row["method"]) for row in rows))


def methods_compared(evidence: Evidence, name: str, kind: str) -> list[str]:
    """List the methods of a kind that the comparison has on a data set, LaDID left out."""
    return [one for one in methods_in(evidence.rows_of("comparison", dataset=name, kind=kind)) if one != LADID]


def comparison_side(
    evidence: Evidence, method: str, dataset: str, variant: str = "", experiment: str = "comparison"
) -> Side:
    """Collect the runs of a method in a comparison, in the first variant on its card unless another is named."""
    how = {"variant": variant} if variant else {}
    name = f"{method}:{variant}" if variant else method
    return evidence.side(name, experiment, dataset=dataset, method=method, **how)


def arms_compared(evidence: Evidence) -> list[str]:
    """List the arms of LaDID in the comparison; the primary one whether it is there or not."""
    present = {row["variant"] for row in evidence.rows_of("comparison", method=LADID, variant=None)}
    return [arm for arm in ARMS if arm == "" or (arm in present and arm != primary_arm(evidence))]


def has_arm(evidence: Evidence, arm: str, dataset: str) -> bool:
    """Say whether an arm was asked for on a data set; the primary one is missed where it was not."""
    return arm == "" or bool(comparison_side(evidence, LADID, dataset, arm).rows)


def primary_arm(evidence: Evidence) -> str:
    """Find the variant of LaDID that decides."""
    return evidence.preferred.get(LADID, "")


def arm_name(arm: str) -> str:
    """Name an arm as the command line does."""
    return f"{LADID}:{arm}" if arm else LADID


def planned_sets(evidence: Evidence, sets: Iterable[str], experiment: str = "comparison") -> list[str]:
    """List those of ``sets`` that a comparison of this study has."""
    names = data_sets_in(evidence.rows_of(experiment))
    return [name for name in sets if name in names]


def transfer_targets(evidence: Evidence, measured: bool = False, experiment: str = "transfer") -> list[tuple[str, str]]:
    """List simulated, or measured, targets that LaDID was fine-tuned on, with their sources; the control is none."""
    rows = evidence.rows_of(experiment, method=LADID, arm="fine-tuned")
    found = dict.fromkeys((str(row["dataset"]), str(row["init_from"])) for row in rows)
    return [pair for pair in found if pair[0] != CONTROL and (pair[0].partition("--")[0] in MEASURED) == measured]


def transfer_conditions(
    method: str | None, target: str, arm: str, fraction: float, source: str = "", experiment: str = "transfer"
) -> dict[str, Any]:
    """Name what was asked of the runs of one arm of a transfer, as ``Evidence.side`` takes it."""
    how = {"experiment": experiment, "dataset": target, "method": method, "arm": arm}
    return {**how, "fraction": fraction, "init_from": source}
