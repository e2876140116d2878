"""The recorded searches for a method's settings, as its card shows them, and whether the effort was equal for all."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from ladid_bench.analysis.searches import conditions, trials_frame
from ladid_bench.core.configuration import DataKind, Stage
from ladid_bench.methods.registry import MethodCard
from ladid_bench.methods.searched import SearchRecord
from ladid_bench.reporting.formatting import counted, decimals, duration, error_text, listed, number
from ladid_bench.reporting.tables import to_html
from ladid_bench.runs.halving import most_steps
from ladid_bench.runs.search import PlannedSearch

WARNING = "More search lowers the error of any method."

Searches = Mapping[DataKind, SearchRecord]


def trials_table(record: SearchRecord) -> Markup:
    """Lay out the trials as the page shows them, the one that was chosen in bold."""
    frame = trials_frame(record)
    steps = [stage.steps for stage in record.identity.stages]
    shown: dict[str, list[str]] = {"settings": list(frame["origin"])}
    for budget in steps:
        places = decimals(frame[budget].dropna(), 3)
        shown[f"nMSE, {budget:,} steps"] = [error_text(value, places) for value in frame[budget]]
    shown["status"] = [_status(one) for one in frame["status"]]
    shown["CPU minutes"] = [number(seconds / 60, 1) for seconds in frame["cpu_seconds"]]
    settings = {str(name): list(frame[name]) for name in frame.columns[len(steps) + 3 :]}
    names = [f"{trial} chosen" if trial == record.chosen else str(trial) for trial in frame.index]
    best = ["best" if trial == record.chosen else "" for trial in frame.index]
    cells = shown | settings
    return to_html("trial", names, cells, "plain trials", classes=dict.fromkeys(cells, best))


def _status(status: str) -> Markup:
    return Markup("ok") if status == "ok" else Markup('<span class="status">{}</span>').format(status)


def trials_text(record: SearchRecord) -> str:
    """Lay out the trials as text, a line each."""
    lines = [f"{record.identity.method}, {record.identity.kind}: {effort_of(record)}"]
    for number_of, trial in enumerate(record.trials):
        errors = ", ".join(
            f"{one.steps} steps {one.status if one.valid_nmse is None else f'{one.valid_nmse:.4f}'}"
            for one in trial.trainings
        )
        chosen = "  <- chosen" if number_of == record.chosen else ""
        lines.append(f"{number_of:>2}  {errors}  {trial.settings} ({trial.origin}){chosen}")
    return "\n".join(lines)


def effort_of(record: SearchRecord) -> str:
    """Say how many trials of how many steps were made, on which data."""
    so_far = "" if record.ended else ", not finished yet"
    return f"{_stages(record.identity.stages)} on {record.identity.data['dataset']}{so_far}"


def _stages(stages: Sequence[Stage]) -> str:
    *stages, last = stages
    words = ", ".join(f"{counted(stage.trials, 'trial')} of {stage.steps:,} steps" for stage in stages)
    return f"{words}, {last.trials} and the card's settings of {last.steps:,} steps"


def cost_of(planned: Sequence[PlannedSearch]) -> str:
    """Say what searches will cost before they begin, at most: what is done already is not taken off."""
    lines = []
    for one in planned:
        search = one.study.search
        steps, data = most_steps(search.stages, one.study.budget), one.dataset.name
        lines.append(
            f"{one.method} on {data} ({one.kind}): {_stages(search.stages)}; at most {steps:,} steps, "
            f"about {one.estimated_seconds / 60:.0f} CPU-minutes"
        )
    total = sum(one.estimated_seconds for one in planned)
    return "\n".join([*lines, f"In total about {total / 3600:.1f} CPU-hours"])


def describe_search(record: SearchRecord, card: MethodCard) -> str:
    """Say how a method was searched on one kind of data, and what was found."""
    identity, spent = record.identity, sum(one.cpu_seconds for trial in record.trials for one in trial.trainings)
    words = f"Searched on {identity.kind}: {effort_of(record)}, chosen on its validation split, seed {identity.seed}, "
    words += f"{duration(spent)} of CPU time in total."
    if record.chosen is None:
        return words + (" No trial ended with a result." if record.ended else "")
    chosen = record.trials[record.chosen]
    words += f" On data of this kind it uses trial {record.chosen} ({chosen.origin})."
    if identity.method_version != card.version:
        words += (
            f" The search used version {identity.method_version} of the method; the card has version {card.version}."
        )
    return words


def unequal_effort(searches: Mapping[str, Searches]) -> str:
    """Say how the searches of methods differ in effort; empty where they do not.

    Args:
        searches: by name of each neural method that is compared, by kind of data.
    """
    groups: dict[str, list[str]] = {}
    for name, found in searches.items():
        groups.setdefault(str({kind: conditions(record) for kind, record in found.items()}), []).append(name)
    if len(groups) < 2:
        return ""
    parts = [_told(searches[names[0]], names) for _, names in sorted(groups.items(), reverse=True)]
    differing = _differing([record for found in searches.values() for record in found.values()])
    but = f" The searches differ in {listed(differing)}." if differing else ""
    return f"Unequal search for settings: those of {'; those of '.join(parts)}.{but} {WARNING}"


def _told(found: Searches, names: list[str]) -> str:
    efforts = listed(f"{kind}: {effort_of(record)}" for kind, record in found.items())
    return f"{listed(names)} were {f'searched ({efforts})' if found else 'not searched yet'}"


def _differing(records: Sequence[SearchRecord]) -> list[str]:
    """Names of the conditions in which two searches on the same kind of data do not agree."""
    kinds = {
        kind: [conditions(one) for one in records if one.identity.kind == kind]
        for kind in dict.fromkeys(one.identity.kind for one in records)
    }
    found = (name for some in kinds.values() for name in some[0] if len({one.get(name) for one in some}) > 1)
    return list(dict.fromkeys(found))
