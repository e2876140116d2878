"""Tables for the page: rows with their colours, texts, and a dot for the error."""

import math
from dataclasses import dataclass

from ladid_bench.reporting.content import Entry
from ladid_bench.reporting.formatting import MISSING, number, slug
from ladid_bench.reporting.palette import MethodStyle, variable
from ladid_bench.reporting.tables import Column, Line, Table

FAR = 30.0  # a dot this many times right of the best one stands at the edge


@dataclass(frozen=True)
class Cell:
    """One number of a table: as it is shown, as it is sorted, whether it is the best, and shown on a phone."""

    text: str
    value: float
    best: bool
    narrow: bool


@dataclass(frozen=True)
class Dot:
    """An error and its interval along a logarithmic scale, in per cent from the left."""

    place: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """A line of a table, ready for the page."""

    entry: Entry
    look: MethodStyle
    rank: str
    interval: str
    dot: Dot | None
    cells: list[Cell]
    note: str

    @property
    def method(self) -> str:
        """What the page calls the method, to bring it out."""
        return slug(self.entry.label)

    @property
    def colour(self) -> str:
        """The style sheet's variable with the method's colour."""
        return variable(self.look.colour)

    @property
    def dashes(self) -> str:
        """The method's dash pattern for SVG, empty for a solid line."""
        return "" if self.look.dash == "solid" else " ".join(f"{2 * length:g}" for length in self.look.dash[1])


@dataclass(frozen=True)
class TableView:
    """A table ready for the page; ``floors`` stand below its rows."""

    columns: tuple[Column, ...]
    rows: list[Row]
    floors: list[Row]

    @property
    def intervals(self) -> bool:
        """Whether any row has an interval."""
        return any(row.interval != MISSING for row in self.rows)

    @property
    def one_run(self) -> bool:
        """Whether every row is one run."""
        return all(len(row.entry.runs) == 1 for row in self.rows)


def table_view(table: Table, styles: dict[str, MethodStyle], error: str = "") -> TableView:
    """A table for the page; ``error`` names the column that the dots show."""
    texts = [table.texts(column) for column in table.columns]
    dots = _dots(table, error) if error else [None] * len(table.lines)
    made = []
    for index, line in enumerate(table.lines):
        cells = [
            Cell(text[index], line.values[column.name], table.is_best(column, line), column.narrow)
            for text, column in zip(texts, table.columns, strict=True)
        ]
        look, rank = styles[line.entry.label], "" if math.isnan(line.rank) else f"{line.rank:g}"
        made.append(Row(line.entry, look, rank, _interval(table, line), dots[index], cells, line.note))
    floors = [row for row in made if row.entry.floor]
    return TableView(table.columns, [row for row in made if not row.entry.floor], floors)


def _interval(table: Table, line: Line) -> str:
    if line.interval is None:
        return MISSING
    places = table.places(table.columns[0])
    return f"{number(line.interval.low, places)} to {number(line.interval.high, places)}"


def _dots(table: Table, error: str) -> list[Dot | None]:
    """Where each line's error and interval lie between the lowest and the highest one."""
    known = [line.values.get(error, math.nan) for line in table.lines]
    ends = [
        (line.interval.low, line.interval.high) if line.interval else (value, value)
        for line, value in zip(table.lines, known, strict=True)
    ]
    shown = [value for value in [*known, *(end for pair in ends for end in pair)] if math.isfinite(value) and value > 0]
    if not shown:
        return [None] * len(known)
    low = min(shown)
    high = max(value for value in shown if value <= FAR * max(1.0, low))

    def place(value: float) -> float:
        share = math.log(max(value, low) / low) / math.log(high / low) if high > low else 0.5
        return round(100 * min(1.0, share), 1)

    return [
        Dot(place(value), place(pair[0]), place(pair[1])) if math.isfinite(value) else None
        for value, pair in zip(known, ends, strict=True)
    ]
