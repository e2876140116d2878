"""The recorded search for a method's settings, as its card shows it, and whether the effort was the same for all."""

from collections.abc import Mapping

from markupsafe import Markup

from ladid_bench.analysis.searches import TOLD, Search
from ladid_bench.methods.registry import MethodCard
from ladid_bench.reporting.formatting import counted, decimals, duration, error_text, listed, number
from ladid_bench.reporting.tables import to_html

WARNING = "More search lowers the error of any method."


def trials_table(search: Search) -> Markup:
    """Lay out the trials as the page shows them, the best one in bold."""
    errors = search.trials["valid_nmse"]
    places = decimals(errors, 3)
    shown: dict[str, list[str]] = {
        "validation nMSE": [error_text(value, places) for value in errors],
        "status": [_status(one) for one in search.trials["status"]],
        "CPU minutes": [number(seconds / 60, 1) for seconds in search.trials["cpu_seconds"]],
    }
    settings = {str(name): list(search.trials[name]) for name in search.trials.columns[len(TOLD) :]}
    names = [f"{trial} best" if trial == search.best_trial else str(trial) for trial in search.trials.index]
    best = ["best" if trial == search.best_trial else "" for trial in search.trials.index]
    cells = shown | settings
    return to_html("trial", names, cells, "plain trials", classes=dict.fromkeys(cells, best))


def _status(status: str) -> Markup:
    return Markup("ok") if status == "ok" else Markup('<span class="status">{}</span>').format(status)


def effort_of(search: Search) -> str:
    """Say how many trials of how many steps were made, on which data."""
    planned, made = search.identity["trials"], len(search.trials)
    trials = counted(made, "trial") if made == planned else f"{made} of {counted(planned, 'trial')}"
    return f"{trials} of {search.identity['budget']['steps']:,} steps on {search.identity['data']['dataset']}"


def describe_search(search: Search, card: MethodCard) -> str:
    """Say how a method was searched, and whether its card has what the search found."""
    seed, spent = search.identity["seed"], duration(search.cpu_seconds)
    words = f"Searched in {effort_of(search)}, chosen on its validation split, seed {seed}, {spent} of CPU time in all."
    if search.best is None:
        return f"{words} No trial ended with a result."
    default = card.settings | next(iter(card.variants.values()))
    changed = [name for name, value in search.best.items() if default.get(name) != value]
    if changed:
        words += f" Unlike the best trial, the card has {listed(f'{name} {default.get(name)}' for name in changed)}."
    else:
        words += " The card has the settings of the best trial."
    former = search.identity["method_version"]
    if former != card.version:
        words += f" It was made with version {former} of the method, the card has version {card.version}."
    return words


def effort(searches: Mapping[str, Search | None]) -> tuple[bool, str]:
    """Tell whether all methods were searched with equal effort, and what was done in words.

    Args:
        searches: by name of each neural method that is compared.
    """
    groups: dict[str, list[str]] = {}
    for name, search in searches.items():
        groups.setdefault(str(search.conditions) if search else "", []).append(name)
    parts = [_told(searches[names[0]], names) for _, names in sorted(groups.items(), reverse=True)]
    if len(groups) < 2:
        return True, f"Settings of {parts[0]}." if parts else ""
    differing = _differing([search.conditions for search in searches.values() if search])
    but = f" The searches differ in {listed(differing)}." if differing else ""
    return False, f"Unequal search for settings: those of {'; those of '.join(parts)}.{but} {WARNING}"


def _told(search: Search | None, names: list[str]) -> str:
    return f"{listed(names)} were {f'searched in {effort_of(search)}' if search else 'not searched yet'}"


def _differing(conditions: list[dict[str, str]]) -> list[str]:
    """Names of the conditions that do not agree."""
    return [name for name in conditions[0] if len({one.get(name) for one in conditions}) > 1] if conditions else []
