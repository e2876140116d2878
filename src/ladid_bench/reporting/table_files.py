"""Tables as files: CSV with all digits, and LaTeX."""

import re
from collections.abc import Sequence

import pandas as pd

from ladid_bench.reporting.formatting import MINUS, MISSING
from ladid_bench.reporting.tables import Table


def to_frame(table: Table, dataset: str) -> pd.DataFrame:
    """A table with all digits, for CSV; every row names its runs."""
    rows = []
    for line in table.lines:
        entry = line.entry
        row = {"dataset": dataset, "method": entry.method, "variant": entry.variant, "fraction": entry.fraction}
        row |= {"kind": entry.kind, "runs": len(entry.runs), "runs_ok": len(entry.done), "rank": line.rank}
        row |= {column.name: line.values[column.name] for column in table.columns}
        if line.interval:
            row |= {"interval_low": line.interval.low, "interval_high": line.interval.high}
        rows.append(row | {"note": line.note, "keys": " ".join(run.key for run in entry.runs)})
    return pd.DataFrame(rows)


def to_latex(table: Table, caption: str) -> str:
    """A table in LaTeX, for the package booktabs; the best value of a column is bold, the floor set apart."""
    texts = [table.texts(column) for column in table.columns]
    lines = [f"% {_latex(caption)}", rf"\begin{{tabular}}{{l{'r' * len(table.columns)}}}", r"\toprule"]
    lines += [_latex_row(["method", *(column.heading for column in table.columns)]), r"\midrule"]
    for index, line in enumerate(table.lines):
        if line.entry.floor and not table.lines[index - 1].entry.floor:
            lines.append(r"\midrule")
        cells = [text[index] for text in texts]
        if not line.entry.done:
            lines.append(rf"{_latex(line.entry.label)} & \multicolumn{{{len(cells)}}}{{l}}{{{_latex(line.note)}}} \\")
            continue
        best = [table.is_best(column, line) for column in table.columns]
        name = f"{line.entry.label} (floor)" if line.entry.floor else line.entry.label
        lines.append(_latex_row([name, *cells], [False, *best]))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _latex_row(cells: Sequence[str], bold: Sequence[bool] = ()) -> str:
    escaped = [_latex(cell) for cell in cells]
    for index, strong in enumerate(bold):
        if strong:
            escaped[index] = rf"\textbf{{{escaped[index]}}}"
    return " & ".join(escaped) + r" \\"


LATEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    MINUS: "$-$",
    "°": r"$^\circ$",
    MISSING: "--",
    "∞": r"$\infty$",
    "\n": " ",
}


def _latex(text: str) -> str:
    """``text`` with everything escaped that LaTeX would read as a command."""
    pattern = re.compile("|".join(re.escape(key) for key in sorted(LATEX, key=len, reverse=True)))
    return pattern.sub(lambda found: LATEX[found[0]], text)
