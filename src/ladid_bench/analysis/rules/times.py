"""Rules for the times that are asked for: between frames, and on irregular grids."""

from collections.abc import Iterator
from dataclasses import replace

from ladid_bench.analysis.evidence import LADID, Evidence, Side, around, off_grid
from ladid_bench.analysis.paired import Contrast, contrast
from ladid_bench.analysis.rules.selection import (
    CLOSED_FORM,
    NEARLY,
    SIMULATED,
    arm_name,
    arms_compared,
    comparison_side,
    data_sets_in,
    has_arm,
    methods_compared,
    methods_in,
    planned_sets,
)
from ladid_bench.analysis.verdicts import Part, decide, reported

AT_ANY_TIME = 1.05  # limit of the ratio of errors between frames and on them
EVERY_OTHER = "every other method"  # part of C5 that docs/generate.py counts
# rivals on irregular times before the pendulum was compared; neural-flow and ssm, ahead there, were added after that
# and before any run on irregular times
PLANNED_FIRST = ("latent-ode", "ode-rnn", "gru")
ON_IRREGULAR_TIMES = {  # parts of C6: limit, and whether it is counted
    "against the regular grid": (NEARLY, True),
    "against rivals": (1.0, True),
    "against the rivals that were planned first": (1.0, False),
    "trained on the irregular grid, asked on the regular one": (NEARLY, False),
    "every rival against the regular grid": (NEARLY, False),
}


def off_grid_as_good(evidence: Evidence) -> list[Part]:
    """Compare times halfway between frames with the frames around them, for the same model and trajectory.

    Only a simulation says what lies between its frames. All other methods are told beside it, for where even the mean
    of the training data passes, to pass says little.
    """
    made = []
    for arm in arms_compared(evidence):
        compared = {}
        for name in (one for one in planned_sets(evidence, SIMULATED) if has_arm(evidence, arm, one)):
            rows = comparison_side(evidence, LADID, name, arm).rows
            off, on = Side(f"{arm_name(arm)} between frames", rows), Side(f"{arm_name(arm)} on frames", rows)
            compared[name] = [contrast(evidence, off, on, (off_grid, around))]
        made.append(decide(arm_name(arm), compared, AT_ANY_TIME, arm == "", arm=arm))
    others = {name: list(_off_grid_of_others(evidence, name)) for name in planned_sets(evidence, SIMULATED)}
    return [*made, *reported(EVERY_OTHER, others, AT_ANY_TIME)]


def _off_grid_of_others(evidence: Evidence, name: str) -> Iterator[Contrast]:
    for method in (one for kind in ("neural", *CLOSED_FORM) for one in methods_compared(evidence, name, kind)):
        runs = comparison_side(evidence, method, name)
        yield replace(contrast(evidence, runs, runs, (off_grid, around)), first="between frames")


def irregular_as_good(evidence: Evidence) -> list[Part]:
    """Compare LaDID on an irregular grid with itself on the regular grid of the same trajectories, and with rivals.

    The two grids ask for frames at other lead times, so that the first of these compares questions as well as models;
    told beside it are the models of both grids asked on the regular one, and what every rival loses.
    """
    made: dict[str, dict[str, list[Contrast]]] = {part: {} for part in ON_IRREGULAR_TIMES}
    for name in data_sets_in(evidence.rows_of("irregular", method=LADID, arm="scratch")):
        regular = name.removesuffix("--irregular")
        if regular != name:
            for part, found in zip(made, _on_irregular_times(evidence, name, regular), strict=True):
                made[part][name] = found
    parts = []
    for part, (limit, counted) in ON_IRREGULAR_TIMES.items():
        parts += [decide(part, made[part], limit)] if counted else reported(part, made[part], limit)
    return parts


def _on_irregular_times(evidence: Evidence, irregular: str, regular: str) -> tuple[list[Contrast], ...]:
    """The comparisons of each part of ``ON_IRREGULAR_TIMES``, in their order, on one pair of data sets."""

    def trained(method: str, on: str, name: str = "") -> Side:
        how = {"dataset": on, "method": method, "arm": "scratch", "changes": ""}
        return evidence.side(name or method, "irregular", **how)

    mine, same = trained(LADID, irregular, "LaDID, irregular"), trained(LADID, regular, "LaDID, regular")
    how = {"dataset": regular, "method": LADID, "arm": "zero-shot", "init_from": irregular}
    moved = evidence.side("LaDID, irregular, asked on the regular grid", "irregular", **how)
    present = methods_in(evidence.rows_of("irregular", kind="neural", dataset=irregular, arm="scratch", changes=""))
    rivals = [one for one in dict.fromkeys(("latent-ode", *present)) if one != LADID]
    against = {one: contrast(evidence, mine, trained(one, irregular)) for one in rivals}
    return (
        [contrast(evidence, mine, same)],
        list(against.values()),
        [made for one, made in against.items() if one in PLANNED_FIRST],
        [contrast(evidence, moved, same)] if moved.rows else [],
        [
            replace(contrast(evidence, trained(one, irregular), trained(one, regular)), first="on irregular times")
            for one in rivals
        ],
    )
