"""Whether the run table and the report are of the records that are there, by their contents.

Times of files cannot say it: in a fresh clone they are all new, in any order.
"""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path

from ladid_bench.core.files import content_key, file_sha256, write_json
from ladid_bench.core.paths import PACKAGE, Folders
from ladid_bench.core.provenance import DESCRIPTIONS
from ladid_bench.core.readers import read_json
from ladid_bench.methods.registry import method_folders
from ladid_bench.runs.state import current_code
from ladid_bench.study.plan import PlannedRun

REPORT_FILES = (".py", ".j2", ".css", ".yaml")  # glossary and questions of reviewers are YAML


def table_key(runs: Mapping[str, PlannedRun], folders: Folders) -> str:
    """Hash what the run table is made from: the plan, the records, the probes and the calibrations.

    The code of the methods is among it, since the table says which records are of former code.
    """
    files = {key: (folders.record(key), folders.probe(key), folders.calibration(key)) for key in runs}
    made = [[key, run.experiments, run.rung_of, *map(_sha256, files[key])] for key, run in runs.items()]
    return content_key([made, method_codes(runs, folders)])


def method_codes(runs: Mapping[str, PlannedRun], folders: Folders) -> dict[str, str]:
    """Hash today's code of each method of some runs, by its name."""
    return {name: current_code(run, folders) for name, run in {run.method: run for run in runs.values()}.items()}


def report_key(table: str, methods: Collection[str], folders: Folders) -> str:
    """Hash what the report is made from: the run table, by its key, and all else that it shows, with its own code.

    That is the checks of the simulators, the benchmarks, the cards and searches of its methods, and the data cards.
    """
    shown_methods = [folder for name, folder in method_folders(folders.root).items() if name in methods]
    shown = [folders.root / "results" / "physics.json"]
    for folder, pattern in (
        (folders.root / "results" / "benchmarks", "*.json"),
        (folders.results / "datasets", "*.json"),
        *((method, name) for method in shown_methods for name in DESCRIPTIONS),
    ):
        shown += sorted(folder.glob(pattern))
    return content_key([table, [_sha256(path) for path in shown], report_hash()])


def report_hash() -> str:
    """Hash the code and templates that turn records into a report, as they are: drawing it again takes seconds."""
    folders = [PACKAGE / "reporting", PACKAGE / "analysis", PACKAGE / "probing"]
    paths = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in REPORT_FILES)
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.relative_to(PACKAGE)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


def _sha256(path: Path) -> str:
    return file_sha256(path) if path.exists() else ""


def read_made_from(folders: Folders) -> dict[str, str]:
    """Read the keys of what the table and the report that are there were made from; none where it was never written."""
    path = folders.made_from
    made = read_json(path, "note of what the report was made from", "delete it") if path.exists() else {}
    return made if isinstance(made, dict) else {}


def write_made_from(folders: Folders, keys: Mapping[str, str]) -> None:
    """Note the keys of what the table and the report were made from."""
    write_json(folders.made_from, dict(keys))


def outdated(runs: Mapping[str, PlannedRun], folders: Folders) -> set[str]:
    """Name what is missing, or not of today's plan, records and code: ``table``, ``report``, both or neither."""
    made, table = read_made_from(folders), table_key(runs, folders)
    methods = {run.method for run in runs.values()}
    today = {"table": (folders.table, table), "report": (folders.report, report_key(table, methods, folders))}
    return {name for name, (path, key) in today.items() if not path.exists() or made.get(name) != key}
