"""The rule for measured data: the comparisons and the transfer of other claims, there."""

from dataclasses import replace

from ladid_bench.analysis.evidence import Evidence
from ladid_bench.analysis.rules.comparison import every_closed_form, every_neural_rival, lower_than, papers_rivals
from ladid_bench.analysis.rules.selection import MEASURED
from ladid_bench.analysis.rules.transfer import fine_tuning_beats_scratch
from ladid_bench.analysis.verdicts import Part


def on_measured_data(evidence: Evidence) -> list[Part]:
    """Compare on measured data: with neural methods, with simple methods, and after transfer.

    Each data set is compared at its longest budget up to the one looked at: those with too few groups for a verdict end
    early, and must not keep the others there.
    """
    capped = evidence.each_at_its_cap(MEASURED)
    rivals = {"C1a": papers_rivals, "C1b": every_neural_rival, "C12": every_closed_form}
    parts = [
        replace(part, name=f"{claim} on measured data")
        for claim, those in rivals.items()
        for part in lower_than(capped, MEASURED, those)
        if part.counted
    ]
    longest = evidence.at(max(evidence.budgets, default=0))  # most measured sets end at a budget below that of transfer
    tuned = fine_tuning_beats_scratch(longest, measured=True)
    return [*parts, *(replace(part, name=f"C3 on measured data, {part.name}") for part in tuned)]
