"""Tables of text: columns of numbers are features, one of times or dates tells the times, others are left out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.user.arrays import (
    FLAT,
    ArrayFile,
    FileArray,
    counts_rows,
    is_temperature,
    iso_dates,
    role_of,
)
from ladid_bench.datasets.user.recordings import LARGEST_EXACT, is_beyond_exact

if TYPE_CHECKING:
    import pandas as pd

MARKS = ("\t", ";", ",", "|")  # that stand between columns, the rarest in names first
SPACES = r"\s+"
EXCEL = re.compile(r"sep=(.)", re.IGNORECASE)  # the line in which Excel is told the separator
DECIMAL_COMMA = r"[-+]?\d+(,\d+)?([eE][-+]?\d+)?"
THOUSANDS = r"[-+]?([1-9]\d{0,2}(,\d{3})*|0)"
THOUSANDS_POINT = r"[-+]?([1-9]\d{0,2}(\.\d{3})*|0)"
LOOKED_AT = 20  # lines, to find what stands between columns
MOSTLY = 0.5  # of the entries of a column are numbers, so that the others should be
DATE = ("year", "month", "day")  # columns that make a date together
TIME_OF_DAY = {"hour": "h", "minute": "m", "second": "s"}  # and those that may tell the time of that day
FEWEST_ROWS = 2  # on average, of the recordings that a column tells apart

Columns = dict[str, np.ndarray]


def open_table(path: Path, times: Sequence[str] = ()) -> ArrayFile:
    """Open the columns of a table of text, and ``table``: all of its columns of numbers side by side.

    Columns of times, by their names or because they hold dates, and those that count the rows are no part of ``table``.
    Where a column tells recordings apart, such as ``subject``, columns are cells, ``table{1}`` for the first of them.

    Args:
        path: the file.
        times: columns that were said to be the times.

    Raises:
        BenchError: the first line does not name every column, or a column of numbers or dates has entries that are
            none.
    """
    columns = _dated(_read(path), path)
    arrays = {name: _held(name, values) for name, values in columns.items()}
    timed = [name for name in columns if arrays[name].role == "time"]
    surely = [name for name in timed if not is_temperature(name)]
    timed = [*(surely or (timed if not times else ())), *times]
    apart, rows = _recordings(columns, [name for name in timed if name in columns])
    vectors = [name for name in columns if arrays[name].numeric and name not in (*timed, *apart)]
    counting = [name for name in vectors if len(vectors) > 1 and counts_rows(columns[name], name)]
    vectors = [name for name in vectors if name not in counting]
    if vectors and "table" not in arrays:
        _check_exact(columns, vectors, path)
        left_out = [
            name for name in columns if name in counting or (columns[name].dtype.kind == "U" and name not in apart)
        ]
        told = {"columns": _listed(vectors, left_out, apart), "timed": "\n".join(timed)}
        arrays["table"] = _held("table", np.column_stack([columns[name] for name in vectors]), told)
    return ArrayFile(path, _cells(arrays, rows) if rows else arrays)


# Text to columns


def _read(path: Path) -> Columns:
    """All columns by name: numbers, dates or text."""
    table = _parsed(path)
    if all(re.fullmatch(r"[-+]?\.?\d[-+\d.eE]*", str(name)) for name in table.columns):
        raise BenchError(f"{path}: the first line must name the columns, but holds numbers; add names, such as t,x,y")
    table.columns = [str(name).strip() for name in table.columns]
    columns = {name: _column(table[name], f"{path}: column '{name}'") for name in table.columns}
    commas = [name for name in columns if columns[name].dtype.kind == "f" and table[name].dtype.kind not in "fiub"]
    points = [name for name in columns if table[name].dtype.kind == "f"]
    if commas and points:
        _check_points(path, points)
    return columns


def _parsed(path: Path, **how: Any) -> "pd.DataFrame":
    import pandas as pd

    try:
        with path.open(encoding="utf-8-sig") as file:
            lines = [line.strip() for line in islice(file, LOOKED_AT) if line.strip()] or [""]
        said = EXCEL.fullmatch(lines[0])
        first = (*lines[1:2], lines[0])[0] if said else lines[0]
        separator = "\t" if path.suffix.lower() == ".tsv" else said[1] if said else _separator(first, lines[-1])
        how |= {"sep": separator, "encoding": "utf-8-sig", "skipinitialspace": True, "skiprows": int(bool(said))}
        if first.startswith("#"):  # NumPy's savetxt
            text = first.lstrip("# ")
            how |= {"header": 0, "names": text.split() if separator == SPACES else text.split(separator)}
        table = pd.read_csv(path, engine="python" if separator == SPACES else "c", **how)
    except UnicodeDecodeError as error:
        raise BenchError(f"{path}: is not written in UTF-8; save it as UTF-8 (in Excel: 'CSV UTF-8')") from error
    if not isinstance(table.index, pd.RangeIndex):
        raise BenchError(
            f"{path}: its rows have more values than the {len(table.columns)} columns that the first line names; name "
            "every column there, remove what stands above the names, and end no row with a separator"
        )
    if table.empty:
        raise BenchError(f"{path}: has names of columns and no rows")
    return table


def _separator(first: str, last: str) -> str:
    """What stands between the names in the first line, or spaces if they part the last one too, or nothing."""
    names, values = len(first.removeprefix("# ").split()), len(last.split())
    spaces = SPACES if 1 < names <= values else ","
    return next((mark for mark in MARKS if mark in first), spaces)


def _column(column: "pd.Series", where: str) -> np.ndarray:
    """A column of numbers as float64, or int64 where that would round them, of dates as datetime64, else of text.

    Raises:
        BenchError: most of its entries are numbers and some are not, or it is called a time and cannot be read as one.
    """
    import pandas as pd

    if column.dtype.kind in "fiub":
        values = column.to_numpy()
        return values if is_beyond_exact(values) else values.astype(np.float64)
    dates = iso_dates(column)
    if dates is not None:
        return dates
    texts = column.astype(str).str.strip()
    if texts.str.fullmatch(DECIMAL_COMMA).all():
        if not texts.str.fullmatch(THOUSANDS).all():
            return texts.str.replace(",", ".").to_numpy(dtype=np.float64)
        raise BenchError(
            f"{where}: '{texts[0]}' may have a decimal comma or a thousands separator; use a decimal point"
        )
    plain = pd.to_numeric(texts.str.replace(",", "."), errors="coerce").notna()
    if plain.mean() > MOSTLY:
        row = int(np.argmin(plain))
        raise BenchError(
            f"{where}: row {row + 1} of its values holds '{texts[row]}', which is not a number; correct it"
        )
    if role_of(str(column.name)) == "time":
        raise BenchError(
            f"{where}: '{texts[0]}' cannot be read as a number or a date; write dates as 2026-11-28 14:03:00"
        )
    return texts.to_numpy(dtype=str)


def _check_points(path: Path, names: Sequence[str]) -> None:
    """Refuse numbers that may have a point between thousands, in a table in which others have a decimal comma."""
    table = _parsed(path, dtype=str)
    table.columns = [str(name).strip() for name in table.columns]
    for name in names:
        texts = table[name].dropna().str.strip()
        pointed = texts[texts.str.contains(".", regex=False)]
        if len(pointed) and texts.str.fullmatch(THOUSANDS_POINT).all():
            raise BenchError(
                f"{path}: column '{name}': '{pointed.iloc[0]}' may have a point between thousands, as other columns "
                "have decimal commas; write all numbers with a decimal point and nothing between thousands"
            )


def _dated(columns: Columns, path: Path) -> Columns:
    """The columns with one of dates in place of those of years, months and days, and times of day, if no other tells.

    Raises:
        BenchError: they make no dates.
    """
    import pandas as pd

    by_word = {name.lower(): name for name, values in columns.items() if values.dtype.kind == "f"}
    if not by_word.keys() >= set(DATE) or any(_held(name, values).role == "time" for name, values in columns.items()):
        return columns
    parts = [by_word[word] for word in (*DATE, *TIME_OF_DAY) if word in by_word]
    try:
        dates = pd.to_datetime(pd.DataFrame({word: columns[by_word[word]] for word in DATE}))
        for word, unit in TIME_OF_DAY.items():
            dates += pd.to_timedelta(columns[by_word[word]] if word in by_word else 0, unit=unit)  # type: ignore[call-overload]
    except (ValueError, OverflowError) as error:
        raise BenchError(f"{path}: the columns {', '.join(parts)} make no dates; correct or rename them") from error
    others = {name: values for name, values in columns.items() if name not in parts}
    return {", ".join(parts): dates.to_numpy(), **others}


def _check_exact(columns: Columns, names: Sequence[str], path: Path) -> None:
    wide = [name for name in names if is_beyond_exact(columns[name])]
    if wide:
        raise BenchError(
            f"{path}: column '{wide[0]}' has whole numbers beyond {LARGEST_EXACT:,}, of which double precision keeps "
            "only the first digits; subtract what they have in common, or name them with --times"
        )


# Columns to arrays


def _recordings(columns: Columns, timed: Sequence[str]) -> tuple[list[str], list[np.ndarray]]:
    """The columns that tell recordings apart, such as ``subject`` and ``trial``, and the rows of each recording.

    They do if times begin anew and increase within each recording, or if each recording is one stretch of rows of a
    clock that runs on, or of none. Nothing else is a recording of its own.
    """
    import pandas as pd

    apart = [name for name, values in columns.items() if role_of(name) == "trajectory" and _are_labels(values)]
    if not apart:
        return [], []
    codes, labels = pd.factorize(pd.MultiIndex.from_arrays([columns[name] for name in apart]))
    rows = [np.flatnonzero(codes == code) for code in range(len(labels))]
    if not 1 < len(rows) <= len(codes) / FEWEST_ROWS:
        return [], []
    in_stretches = np.count_nonzero(np.diff(codes)) + 1 == len(rows)
    times = columns[timed[0]] if timed else np.arange(len(codes))
    anew = times.dtype.kind != "U" and not _increase(times) and all(_increase(times[its]) for its in rows)
    return (apart, rows) if anew or (in_stretches and _increase(times)) else ([], [])


def _are_labels(values: np.ndarray) -> bool:
    """Whether values may be labels: text, or whole numbers."""
    return values.dtype.kind in "Uiu" or (values.dtype.kind == "f" and bool((values % 1 == 0).all()))


def _increase(values: np.ndarray) -> bool:
    return values.dtype.kind != "U" and bool((values[1:] > values[:-1]).all())


def _cells(arrays: Mapping[str, FileArray], rows: Sequence[np.ndarray]) -> dict[str, FileArray]:
    """Every array once for each recording, with the rows of that recording."""
    return {
        f"{name}{{{number}}}": replace(_held(f"{name}{{{number}}}", one.read()[its]), attributes=one.attributes)
        for number, its in enumerate(rows, start=1)
        for name, one in arrays.items()
    }


def _listed(vectors: Sequence[str], left_out: Sequence[str], apart: Sequence[str]) -> str:
    """The columns of a table that are features, and those that are none."""
    several = f"; one recording for each value of {' and '.join(apart)}" if apart else ""
    others = f"; left out as text or row numbers: {', '.join(left_out)}" if left_out else ""
    return f"columns {', '.join(vectors)}{several}{others}"


def _held(name: str, values: np.ndarray, attributes: Mapping[str, str] | None = None) -> FileArray:
    return FileArray(name, values.shape, values.dtype.str, lambda: values, (), attributes or {}, FLAT)
