"""Where the numbers of a run came from, and why a run has none."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from ladid_bench.analysis.entries import Entry, Run
from ladid_bench.analysis.frames import state
from ladid_bench.reporting.tables import to_html

MACHINE = ("host", "platform", "processor", "device")


def facts(run: Run) -> list[tuple[str, str]]:
    """Tell everything about where a run's numbers came from, as (name, value)."""
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
    return [(name, value) for name, value in found if value]


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
