"""The rule for sizes: accuracy saturates once psi and the context are as large as the state asks, and not before."""

from ladid_bench.analysis.changes import changed_to
from ladid_bench.analysis.evidence import LADID, Evidence, Side
from ladid_bench.analysis.paired import Contrast, contrast
from ladid_bench.analysis.rules.selection import NEARLY, data_sets_in
from ladid_bench.analysis.verdicts import Part, decide

STATE = {"pendulum": 2, "pendulum--lengths-mixed": 3, "double-pendulum": 4, "double-pendulum--masses-mixed": 5}
SIZES = (("psi", "psi", True), ("the latent state", "latent", False))  # in words, setting, whether it is counted
CONTEXTS = (  # full context, one that cannot determine state and constants, the shortest that can
    ("pendulum", "pendulum-context-1", "pendulum-context-2"),
    ("pendulum--lengths-mixed", "lengths-mixed-context-2", "lengths-mixed-context-5"),
)


def saturates(evidence: Evidence) -> list[Part]:
    """Look for a plateau from the first size that has room on, and none before; likewise for the context's length."""
    parts = []
    for words, setting, counted in SIZES:
        enough, small = dict[str, list[Contrast]](), dict[str, list[Contrast]]()
        for name, needed in STATE.items():
            sizes = _sizes(evidence, name, setting)
            full = _sized(evidence, name)
            roomy = [
                contrast(evidence, _sized(evidence, name, setting, size), full) for size in sizes if size >= needed
            ]
            tight = [size for size in sizes if size < needed][-1:]
            enough |= {name: roomy} if roomy else {}
            if tight:
                small[name] = [contrast(evidence, full, _sized(evidence, name, setting, *tight))]
        parts.append(decide(f"enough room in {words}", enough, NEARLY, counted))
        parts.append(decide(f"too little room in {words}", small, counted=counted))
    return [*parts, *_saturates_with_context(evidence)]


def _saturates_with_context(evidence: Evidence) -> list[Part]:
    names = data_sets_in(evidence.rows_of("sufficiency", method=LADID))
    enough, small = {}, {}
    for whole, short, sufficient in CONTEXTS:
        if short in names and sufficient in names:
            full = _sized(evidence, whole)
            enough[sufficient] = [contrast(evidence, _sized(evidence, sufficient), full)]
            small[short] = [contrast(evidence, full, _sized(evidence, short))]
    return [decide("enough context", enough, NEARLY), decide("too little context", small)]


def _sizes(evidence: Evidence, dataset: str, setting: str) -> list[int]:
    rows = evidence.rows_of("sufficiency", dataset=dataset, method=LADID)
    return sorted({size for row in rows if (size := changed_to(str(row["changes"]), setting)) is not None})


def _sized(evidence: Evidence, dataset: str, setting: str = "", size: int = 0) -> Side:
    """LaDID with a size of its own, or the preset's where no setting is named."""
    name = f"{setting} {size}" if setting else f"LaDID on {dataset}"
    how = {"dataset": dataset, "method": LADID, "changes": f"{setting}={size}" if setting else ""}
    return evidence.side(name, "sufficiency", **how)
