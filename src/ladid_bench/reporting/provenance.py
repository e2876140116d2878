"""Where the numbers of a run came from, and why a run has none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from markupsafe import Markup

from ladid_bench.analysis.entries import Entry, Run
from ladid_bench.analysis.frames import state
from ladid_bench.reporting.tables import to_html

Facts = Mapping[str, str]
MACHINE = ("host", "platform", "processor", "device")


@dataclass(frozen=True)
class EntryRuns:
    """The runs of one entry: the facts that they share, and of each what it does not share."""

    entry: Entry
    shared: Facts
    runs: Sequence[tuple[Run, Facts]]


@dataclass(frozen=True)
class DatasetRuns:
    """The runs of one data set by entry, and the facts that all of them share."""

    title: str
    count: int
    shared: Facts
    entries: list[EntryRuns]


def sort_facts(told: Sequence[tuple[str, Sequence[tuple[Entry, Run]]]]) -> list[DatasetRuns]:
    """Sort everything about where the numbers came from by data set and entry; what runs share is told once.

    Args:
        told: title of a data set, and its runs with their entries.
    """
    sorted_runs = []
    for title, pairs in told:
        known = [(entry, run, facts(run)) for entry, run in pairs]
        shared = _shared([its for _, run, its in known if run.record])
        entries = []
        for _, some in groupby(known, key=lambda one: id(one[0])):
            members = list(some)
            alike = _shared([its for _, run, its in members if run.record])
            rest = [(run, _without(its, alike | shared) if run.record else its) for _, run, its in members]
            entries.append(EntryRuns(members[0][0], _without(alike, shared), rest))
        sorted_runs.append(DatasetRuns(title, len(pairs), shared, entries))
    return sorted_runs


def _shared(told: Sequence[Facts]) -> dict[str, str]:
    """The facts that are equal in all of several runs."""
    if len(told) < 2:
        return {}
    return {name: value for name, value in told[0].items() if all(one.get(name) == value for one in told)}


def _without(told: Facts, known: Facts) -> dict[str, str]:
    return {name: value for name, value in told.items() if name not in known}


def facts(run: Run) -> dict[str, str]:
    """Tell everything about where a run's numbers came from, by name."""
    provenance, identity = run.record.get("provenance", {}), run.record.get("identity", {})
    dirty = " with uncommitted changes" if provenance.get("dirty") else ""
    found = [
        ("commit", f"{provenance['commit']}{dirty}" if provenance else ""),
        ("code hash", provenance.get("code_hash", "")),
        *((f"data SHA-256, {split}", value) for split, value in provenance.get("data_sha256", {}).items()),
        ("machine", ", ".join(str(provenance[name]) for name in MACHINE if provenance.get(name))),
        ("threads", str(provenance.get("threads", ""))),
        ("versions", _pairs({"python": provenance.get("python", ""), **provenance.get("versions", {})})),
        ("settings", _pairs(identity.get("settings", {}))),
        ("budget", _pairs(identity.get("budget") or {})),
        ("metrics", _pairs({name: f"{value:.6g}" for name, value in run.metrics.items()})),
        ("cost", _pairs({name: f"{value:.6g}" for name, value in run.record.get("cost", {}).items()})),
        ("experiments", str(run.row["experiments"])),
        ("reason", str(run.row["reason"])),
    ]
    return {name: value for name, value in found if value}


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items() if value not in ("", None))


def lost_table(lost: Sequence[tuple[str, Entry, Run]]) -> Markup:
    """Lay out runs without a result: title of the data set, entry, run."""
    link = Markup('<a class="key" href="#run-{}">{}</a>')
    names = [link.format(run.key, run.key[:7]) for _, _, run in lost]
    cells = {
        "data set": [title for title, _, _ in lost],
        "method": [entry.label for _, entry, _ in lost],
        "seed": [run.row["seed"] for _, _, run in lost],
        "status": [Markup('<span class="status">{}</span>').format(state(run)) for _, _, run in lost],
        "reason": [run.row["reason"] for _, _, run in lost],
    }
    return to_html("run", names, cells, "plain", classes={"reason": "reason"})
