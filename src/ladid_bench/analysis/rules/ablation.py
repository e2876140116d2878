"""The rule for the parts of LaDID: the model against itself without each of them."""

from typing import Any

from ladid_bench.analysis.evidence import LADID, Evidence
from ladid_bench.analysis.paired import Contrast, contrast
from ladid_bench.analysis.rules.selection import arm_name, primary_arm
from ladid_bench.analysis.verdicts import Part, decide

TERMS_AND_MODULES = {  # variants of LaDID without one of them
    "divergence of psi": "no-kl",
    "smoothness": "no-smoothness",
    "weights by time in attention": "attention-dp",
    "weights by content in attention": "attention-t",
    "noise in psi": "deterministic-psi",
}


def terms_and_modules(evidence: Evidence) -> list[Part]:
    """Compare LaDID with LaDID without each part, wherever the ablation has both; the others are told, not counted."""
    rows = evidence.rows_of("ablation", method=LADID, variant=None)
    known = {primary_arm(evidence), "paper", *TERMS_AND_MODULES.values()}
    others = dict.fromkeys(str(row["variant"]) for row in rows if row["variant"] not in known)
    parts = [decide(name, _ablated(evidence, rows, without)) for name, without in TERMS_AND_MODULES.items()]
    told = [decide(f"against {name}", _ablated(evidence, rows, name), counted=False) for name in others]
    return [*parts, *told] if rows else []


def _ablated(evidence: Evidence, rows: list[dict[str, Any]], without: str) -> dict[str, list[Contrast]]:
    """LaDID against the variant ``without``, on each data set and with each set of changes that this one has."""
    places = dict.fromkeys((str(row["dataset"]), str(row["changes"])) for row in rows if row["variant"] == without)
    made = {}
    for dataset, changes in places:
        how = {"dataset": dataset, "changes": changes, "method": LADID}
        whole = evidence.side(LADID, "ablation", **how)
        part = evidence.side(arm_name(without), "ablation", variant=without, **how)
        made[f"{dataset} ({changes})" if changes else dataset] = [contrast(evidence, whole, part)]
    return made
