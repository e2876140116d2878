"""What the page says about one data set, and the files that go with it: tables, figures, animations."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ladid_bench.core.files import write_text
from ladid_bench.reporting import findings, views
from ladid_bench.reporting.animations import write_animations
from ladid_bench.reporting.content import DatasetContent
from ladid_bench.reporting.cost_figure import accuracy_and_cost
from ladid_bench.reporting.drawing import Drawing, inline, write_drawings
from ladid_bench.reporting.figures import NAMES, draw_series, horizon, training, training_time
from ladid_bench.reporting.formatting import short, slug
from ladid_bench.reporting.palette import MethodStyle, styles_on
from ladid_bench.reporting.pictures import Pictures
from ladid_bench.reporting.rank_figure import ranks_over_groups
from ladid_bench.reporting.rows import table_view
from ladid_bench.reporting.table_files import to_frame, to_latex
from ladid_bench.reporting.tables import Table, comparison, core, equal_time
from ladid_bench.reporting.trajectory_media import card_look


@dataclass(frozen=True)
class Told:
    """What the report tells of one data set.

    Attributes:
        content: the runs at equal steps; without entries where the study has none.
        equal: those at equal CPU time, None where the study has none.
        pictures: of one trajectory, None where no run kept any.
        index: its place in the report.
    """

    content: DatasetContent
    equal: DatasetContent | None
    pictures: Pictures | None
    index: int


def write_section(folder: Path, told: Told, styles: dict[str, MethodStyle], minutes: float | None) -> dict[str, Any]:
    """Write the files of a data set into ``folder``.

    Args:
        folder: of the report.
        told: the data set.
        styles: of every label in the report.
        minutes: CPU minutes that the runs at equal CPU time were given.

    Returns:
        What the template wants to know of it.
    """
    dataset, pictures = told.content, told.pictures
    shown = styles_on(dataset if dataset.entries else told.equal or dataset, styles)
    accuracy, ranks = comparison(dataset), ranks_over_groups(dataset, shown)
    drawings = _drawings(told, shown, ranks.drawing)
    write_table(folder, f"comparison-{dataset.name}", accuracy, dataset)
    write_drawings(folder, drawings)
    if pictures and dataset.image:
        _write_animations(folder, dataset, pictures)
    brief = core(accuracy)
    return {
        "content": dataset,
        "error_name": NAMES[dataset.primary_metric],
        "finding": findings.finding(dataset),
        "table": table_view(brief, shown, dataset.error),
        "measures": table_view(accuracy, shown) if accuracy.columns != brief.columns else None,
        "colours": findings.about_colours(dataset),
        "below_floor": findings.below_floor(dataset),
        "equal": _equal_time(folder, told, shown, minutes),
        "figures": [(Markup(inline(drawing)), drawing.caption) for drawing in drawings],
        "unranked": "" if ranks.drawing else ranks.words,
        "films": views.films(dataset, pictures, told.index) if pictures else None,
        "bars": views.colour_bars(dataset.card) if dataset.card else (),
        "look": card_look(dataset.card, dataset.time_unit) if dataset.card else None,
    }


def _drawings(told: Told, styles: dict[str, MethodStyle], ranks: Drawing | None) -> list[Drawing]:
    """The figures that the results of a data set allow."""
    dataset, pictures = told.content, told.pictures
    timed = told.equal if told.equal and told.equal.ranked else dataset
    made = [
        horizon(dataset, styles),
        accuracy_and_cost(dataset, told.equal, styles),
        ranks,
        training(dataset, styles),
        training_time(timed, styles, equal_time=timed is told.equal),
    ]
    if pictures and not dataset.image:
        made.append(draw_series(dataset, pictures, styles))
    return [drawing for drawing in made if drawing]


def _equal_time(
    folder: Path, told: Told, styles: dict[str, MethodStyle], minutes: float | None
) -> dict[str, Any] | None:
    """The table at equal CPU time, with what it says in words."""
    if told.equal is None:
        return None
    table = equal_time(told.equal)
    write_table(folder, f"equal-time-{told.content.name}", table, told.equal)
    return {
        "content": told.equal,
        "table": table_view(table, styles, told.equal.error),
        "words": findings.equal_time(told.content, told.equal, minutes),
        "spent": findings.spent(told.equal),
    }


def _write_animations(folder: Path, dataset: DatasetContent, pictures: Pictures) -> None:
    named = {
        label: (slug(label), f"{NAMES[dataset.primary_metric]} {short(error, 2)}")
        for label, error in pictures.errors.items()
    }
    write_animations(folder / "animations", dataset, pictures, named)


def write_table(folder: Path, name: str, table: Table, dataset: DatasetContent) -> None:
    """Write a table as CSV and LaTeX."""
    caption = f"{dataset.title}: {dataset.primary_metric} is the primary error; the best value of a column is bold"
    frame = to_frame(table, dataset.name)
    write_text(folder / "tables" / f"{name}.csv", frame.to_csv(index=False, lineterminator="\n"))
    write_text(folder / "tables" / f"{name}.tex", to_latex(table, caption))
