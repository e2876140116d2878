"""Rules for the errors of the comparison: LaDID against rivals, and against itself with an ODE in place of F."""

from collections.abc import Callable, Iterable, Sequence

from ladid_bench.analysis.evidence import LADID, Evidence
from ladid_bench.analysis.paired import Contrast, contrast
from ladid_bench.analysis.rules.selection import (
    CLOSED_FORM,
    NEURAL,
    PAPER,
    SIMPLE,
    SIMULATED,
    arm_name,
    arms_compared,
    comparison_side,
    has_arm,
    methods_compared,
    planned_sets,
)
from ladid_bench.analysis.verdicts import Part, decide

DYNAMICS = "dynamics"  # the experiment in which an equation stands in place of F
SETTINGS = (  # whose, LaDID's variant, the variant of LaDID with an ODE; "" for the first on the card
    ("with LaDID's settings", "", "ladid-settings"),
    ("with ladid-ode's settings", "ladid-ode-settings", ""),
)
TENTH = 0.1  # limit of the ratio of errors
Rivals = Callable[[Evidence, str, Sequence[str]], list[str]]  # on one of several data sets


def papers_rivals(evidence: Evidence, name: str, sets: Sequence[str]) -> list[str]:
    """List the paper's rivals, whatever the study has."""
    return list(PAPER)


def every_neural_rival(evidence: Evidence, name: str, sets: Sequence[str]) -> list[str]:
    """List the neural methods that a comparison needs, and all others that it has on every one of its data sets.

    A method that was too costly for some of them would make the others harder to win.
    """
    present = [methods_compared(evidence, one, "neural") for one in sets]
    everywhere = [one for one in methods_compared(evidence, name, "neural") if all(one in those for those in present)]
    return list(dict.fromkeys((*NEURAL, *everywhere)))


def every_closed_form(evidence: Evidence, name: str, sets: Sequence[str]) -> list[str]:
    """List the methods fitted in closed form that a comparison needs, and all others that this one has."""
    fitted = [one for kind in CLOSED_FORM for one in methods_compared(evidence, name, kind)]
    return list(dict.fromkeys((*SIMPLE, *fitted)))


def lower_than(evidence: Evidence, sets: Sequence[str], rivals: Rivals, limit: float = 1.0) -> list[Part]:
    """Compare every arm of LaDID with ``rivals`` on each of ``sets``."""
    found = planned_sets(evidence, sets)
    made = []
    for arm in arms_compared(evidence):
        compared = {
            name: _against(evidence, name, arm, rivals(evidence, name, found))
            for name in found
            if has_arm(evidence, arm, name)
        }
        made.append(decide(arm_name(arm), compared, limit, arm == "", len(sets), arm))
    return made


def direct_map_beats_ode(evidence: Evidence) -> list[Part]:
    """Compare LaDID with LaDID with a neural ODE in place of F: with the settings of the one, and of the other."""
    made = []
    for name, mine, other in SETTINGS:
        compared = {}
        for dataset in planned_sets(evidence, SIMULATED, DYNAMICS):
            pair = (
                comparison_side(evidence, LADID, dataset, mine, DYNAMICS),
                comparison_side(evidence, "ladid-ode", dataset, other, DYNAMICS),
            )
            compared[dataset] = [contrast(evidence, *pair)]
        made.append(decide(name, compared))
    return made


def _against(evidence: Evidence, name: str, arm: str, rivals: Iterable[str]) -> list[Contrast]:
    ladid = comparison_side(evidence, LADID, name, arm)
    return [contrast(evidence, ladid, comparison_side(evidence, one, name)) for one in rivals]
