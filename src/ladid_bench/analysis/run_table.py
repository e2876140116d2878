"""Reading ``runs.parquet``: checked first, for it may be of another version or from anywhere."""

import re
from pathlib import Path

import pandas as pd

from ladid_bench.core.errors import BenchError
from ladid_bench.core.paths import Folders
from ladid_bench.core.readers import one_line
from ladid_bench.runs.calibration import DISTRIBUTIONS, MEASURES
from ladid_bench.runs.records import FAILED, FINAL, WAITING

TEXTS = (
    *("dataset", "method", "variant", "arm", "init_from", "changes", "kind", "primary_metric"),
    *("experiments", "rung_of", "key", "rerun", "status", "reason"),
)
# columns in which runs agree that differ in data set, seed and number of steps alone
TRAINING = ("method", "variant", "fraction", "arm", "init_from", "changes")
NUMBERS = ("seed", "fraction", "steps", "init_from_steps")
MEASURED = re.compile(
    r"cost_\w+|\w+_(mean|median|pooled)|midpoints_fvu|floor_(nmse|fvu)"
    rf"|({'|'.join(DISTRIBUTIONS)})_({'|'.join(MEASURES)})"
)
KEY = re.compile(r"[0-9a-f]{16}")
STATUSES = (*FINAL, *FAILED, WAITING)
MOST_ROWS = 200_000
LONGEST_TEXT = 20_000


def read_run_table(folders: Folders) -> pd.DataFrame:
    """Read the run table of a scale, one row a planned run.

    Raises:
        BenchError: there is none, or it is not what ``ladid-bench aggregate`` writes.
    """
    path, remedy = folders.table, "make it with 'ladid-bench aggregate'"
    if not path.exists():
        raise BenchError(f"{path}: there is no run table; {remedy}")
    try:
        problem = _oversized(path)
        if problem is None:
            table = pd.read_parquet(path)
            problem = _problem(table)
    except Exception as error:  # Arrow has its own errors for every kind of damage
        problem = one_line(error)
    if problem:
        raise BenchError(f"{path}: not a readable run table ({problem}); {remedy}")
    return table


def asked_for(table: pd.DataFrame, experiment: str, column: str = "experiments") -> pd.Series:
    """Mark the rows that an experiment asked for; with the column ``rung_of``, those that it passes on the way."""
    return table[column].map(lambda names: experiment in str(names).split(",")).astype(bool)


def cpu_seconds(table: pd.DataFrame) -> float:
    """Sum the CPU seconds of all runs; those of a training that several budgets share are counted once."""
    spent, inherited = (table.get(f"cost_{name}cpu_seconds", pd.Series(dtype=float)) for name in ("", "inherited_"))
    return float(spent.sum() - inherited.sum())


def _oversized(path: Path) -> str | None:
    """Refuse a table that would unpack to more than a run table ever holds; texts are read once each."""
    from pyarrow import parquet, types

    if not path.is_file():
        return "no regular file"
    file = parquet.ParquetFile(path)
    if file.metadata.num_rows > MOST_ROWS:
        return f"{file.metadata.num_rows:,} rows"
    texts = [one.name for one in file.schema_arrow if types.is_string(one.type) or types.is_large_string(one.type)]
    for column in parquet.read_table(path, columns=texts, read_dictionary=texts).columns:
        for chunk in column.chunks:
            if any(len(value or "") > LONGEST_TEXT for value in chunk.dictionary.to_pylist()):
                return f"a text of more than {LONGEST_TEXT:,} letters"
    return None


def _problem(table: pd.DataFrame) -> str | None:
    """The first thing wrong with a table, or None."""
    for name in (*TEXTS, *NUMBERS):
        if name not in table or table[name].isna().any():
            return f"column '{name}' is missing or incomplete"
        if name in TEXTS and not table[name].map(lambda value: isinstance(value, str)).all():
            return f"column '{name}' holds something other than text"
    for name in [str(name) for name in table]:
        measured = name in NUMBERS or MEASURED.fullmatch(name)
        if measured and not pd.api.types.is_numeric_dtype(table[name]):
            return f"column '{name}' holds something other than numbers"
    keys = table["key"]
    if not keys.map(lambda key: bool(KEY.fullmatch(key))).all() or keys.duplicated().any():
        return "keys that are none, or twice the same"
    wrong = next((status for status in table["status"] if status not in STATUSES), None)
    return None if wrong is None else f"unknown status {wrong[:40]!r}"
