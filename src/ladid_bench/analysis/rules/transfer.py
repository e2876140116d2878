"""Rules for few-shot transfer: each side at its cap decides, equal steps on the target and in all are told."""

from collections.abc import Mapping
from typing import Any

from ladid_bench.analysis.evidence import LADID, Evidence, Side
from ladid_bench.analysis.paired import Contrast, contrast
from ladid_bench.analysis.rules.selection import (
    CLOSED_FORM,
    FEW,
    NEARLY,
    methods_in,
    transfer_conditions,
    transfer_targets,
)
from ladid_bench.analysis.verdicts import Part, decide, reported

THIRD = 0.32  # of the target's training trajectories
Transfer = tuple[dict[str, Any], list[dict[str, Any]]]  # conditions of one side, and of those it is compared with
Transfers = Mapping[str, Transfer]  # by target
Sides = tuple[Side, Side]


def fine_tuning_beats_scratch(evidence: Evidence, measured: bool = False) -> list[Part]:
    """Compare fine-tuning on 8 % of each target with training from scratch on the same trajectories."""
    pairs = {
        target: (
            transfer_conditions(LADID, target, "fine-tuned", FEW, source),
            [transfer_conditions(LADID, target, "scratch", FEW)],
        )
        for target, source in transfer_targets(evidence, measured)
    }
    return compare_transfers(evidence, pairs)


def third_as_good_as_all(evidence: Evidence) -> list[Part]:
    """Compare fine-tuning on 32 % of a target with training from scratch on all of it."""
    pairs = {
        target: (
            transfer_conditions(LADID, target, "fine-tuned", THIRD, source),
            [transfer_conditions(LADID, target, "scratch", 1.0)],
        )
        for target, source in transfer_targets(evidence)
    }
    return compare_transfers(evidence, pairs, NEARLY)


def beats_fine_tuned_baselines(evidence: Evidence) -> list[Part]:
    """Compare LaDID fine-tuned on 8 % of a target with every other neural method fine-tuned on the same ones."""
    pairs = {}
    for target, source in transfer_targets(evidence):
        how = transfer_conditions(None, target, "fine-tuned", FEW, source)
        present = [name for name in methods_in(evidence.rows_of(**how, kind="neural")) if name != LADID]
        methods = dict.fromkeys((*("ladid-ode", "latent-ode"), *present))
        rivals = [transfer_conditions(name, target, "fine-tuned", FEW, source) for name in methods]
        pairs[target] = (transfer_conditions(LADID, target, "fine-tuned", FEW, source), rivals)
    return [*compare_transfers(evidence, pairs), *_against_simple_methods(evidence)]


def _against_simple_methods(evidence: Evidence) -> list[Part]:
    """Compare fine-tuned LaDID with the methods that are fitted in closed form to the same few trajectories."""
    compared = {}
    for target, source in transfer_targets(evidence):
        ladid = _side(evidence, transfer_conditions(LADID, target, "fine-tuned", FEW, source))
        how = transfer_conditions(None, target, "scratch", FEW)
        fitted = [name for kind in CLOSED_FORM for name in methods_in(evidence.rows_of(**how, kind=kind))]
        sides = [_side(evidence, transfer_conditions(name, target, "scratch", FEW)) for name in fitted]
        compared[target] = [contrast(evidence, ladid, side) for side in sides]
    return reported("against simple methods on the same trajectories", compared)


def compare_transfers(evidence: Evidence, pairs: Transfers, limit: float = 1.0) -> list[Part]:
    """Compare at the cap of each side, which decides; and at equal steps on the target, and at equal totals."""
    parts = {"each at its cap": _at_cap, "at equal steps on the target": _at_equal_steps}
    parts |= {"at equal steps in all": _at_equal_totals}
    made = []
    for name, budgets in parts.items():
        compared = dict[str, list[Contrast]]()
        for target, (first, others) in pairs.items():
            found = [contrast(evidence, *sides) for other in others if (sides := budgets(evidence, first, other))]
            compared |= {target: found} if found else {}
        made.append(decide(name, compared, limit, counted=budgets is _at_cap))
    return [made[0], *(part for part in made[1:] if part.sets and _keys(part) != _keys(made[0]))]


def _keys(part: Part) -> set[tuple[str, ...]]:
    return {one.keys for one in part.contrasts.values()}


def _at_cap(evidence: Evidence, first: dict[str, Any], other: dict[str, Any]) -> Sides:
    return _side(evidence, first), _side(evidence, other)


def _at_equal_steps(evidence: Evidence, first: dict[str, Any], other: dict[str, Any]) -> Sides | None:
    """Both sides after the most steps on the target that both have."""
    common = set(evidence.budgets_of(**first)) & set(evidence.budgets_of(**other))
    return (_side(evidence, first, max(common)), _side(evidence, other, max(common))) if common else None


def _at_equal_totals(evidence: Evidence, first: dict[str, Any], other: dict[str, Any]) -> Sides | None:
    """Both sides after the most steps, those on the source included, that both have."""
    one, two = (
        {steps + before: steps for steps, before in evidence.budgets_of(**side).items()} for side in (first, other)
    )
    common = max(set(one) & set(two), default=None)
    return None if common is None else (_side(evidence, first, one[common]), _side(evidence, other, two[common]))


def _side(evidence: Evidence, how: dict[str, Any], steps: int | None = None) -> Side:
    at: dict[str, Any] = {} if steps is None else {"steps": steps}
    return evidence.side(f"{how['method']}, {how['arm']}, {how['fraction']:.0%}", **how, **at)
