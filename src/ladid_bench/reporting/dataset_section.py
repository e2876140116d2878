"""What the report tells of one data set: its tables, figures and films."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ladid_bench.analysis.entries import DatasetContent
from ladid_bench.analysis.pictures import Pictures
from ladid_bench.reporting import findings, media
from ladid_bench.reporting.cost_figure import accuracy_and_cost
from ladid_bench.reporting.drawing import Drawing
from ladid_bench.reporting.error_split import errors_apart
from ladid_bench.reporting.figures import horizon, series, training, training_time
from ladid_bench.reporting.leading import nobody_ahead, nobody_first
from ladid_bench.reporting.pages import Section, figures, part
from ladid_bench.reporting.palette import MethodStyle
from ladid_bench.reporting.rank_figure import ranks_over_groups
from ladid_bench.reporting.slides import write_forecasts
from ladid_bench.reporting.tables import Table, comparison, core, equal_time, methods_html, write_table


@dataclass(frozen=True)
class DatasetStory:
    """What there is to tell of one data set.

    Attributes:
        content: the runs at equal steps; without entries where the study has none.
        equal: those at equal CPU time, None where the study has none.
        pictures: of one trajectory, None where no run kept any.
        styles: of the methods here.
        judged: whether the numbers mean anything, so that somebody can be ahead.
    """

    content: DatasetContent
    equal: DatasetContent | None
    pictures: Pictures | None
    styles: dict[str, MethodStyle]
    judged: bool

    @property
    def decided(self) -> bool:
        """Whether somebody may be called first here."""
        return self.judged and not nobody_ahead(self.content)

    @cached_property
    def film(self) -> media.Film | None:
        """The film of the data card."""
        return media.card_film(self.content.card, self.content.time_unit) if self.content.card else None

    @cached_property
    def forecasts(self) -> media.Forecasts | None:
        """The films of the forecasts."""
        return media.forecasts(self.content, self.pictures) if self.pictures else None

    @cached_property
    def film_address(self) -> str:
        """The film of the data card as an address."""
        film = self.film
        return media.strip(film.levels, media.frame_colours(self.content.card)) if film else ""

    @property
    def sources(self) -> dict[str, str]:
        """Addresses of all films, by class in the style sheet."""
        shown, film = self.forecasts, self.film
        return (shown.sources if shown else {}) | ({film.name: self.film_address} if film and film.image else {})

    @property
    def bars(self) -> tuple[media.ColourBar, ...]:
        """Colour bars of the frames and of their differences; none without a data card."""
        return media.colour_bars(self.content.card) if self.content.card else ()

    def table(self, table: Table, drawn: str = "", ranked: bool = True) -> Markup:
        """Lay out a table for the page; nothing before any of its runs has ended."""
        begun = table.begun()
        return methods_html(begun, self.styles, drawn, ranked, self._ranks(table)) if begun.entries else Markup()

    def _ranks(self, table: Table) -> bool:
        """Whether ranks and best values of a table may stand out."""
        groups = (self.content if self.content.groups or not self.equal else self.equal).groups
        return self.judged and not nobody_first(table.entries, groups)

    def section(self, folder: Path) -> Section:
        """Write the files of the data set into the report's folder, and lay out its section."""
        name, title = self.content.name, self.content.title
        body = part("dataset", self._told(folder))
        return Section(f"data-{name}", title, body, menu="Data sets", kind="dataset")

    def _told(self, folder: Path) -> dict[str, Any]:
        """What the template wants to know."""
        dataset = self.content
        ranks = ranks_over_groups(dataset, self.styles)
        accuracy = comparison(dataset) if dataset.entries else None
        brief = core(accuracy) if accuracy else None
        if accuracy:
            caption = f"{dataset.title}: {dataset.error_name} is the primary error; the best value of a column is bold"
            write_table(folder, f"comparison-{dataset.name}", accuracy, caption, self._ranks(accuracy))
        if self.pictures and dataset.image:
            write_forecasts(folder / "animations", dataset, self.pictures)
        return {
            "content": dataset,
            "finding": findings.finding(dataset),
            "table": self.table(brief, dataset.error) if brief else "",
            "waiting": dataset.waiting,
            "capped": bool(accuracy and accuracy.capped),
            "measures": self.table(accuracy) if accuracy and brief and accuracy.columns != brief.columns else "",
            "colours": findings.about_colours(dataset, self.decided),
            "below_floor": findings.below_floor(dataset) if self.judged else "",
            "equal": self._equal_time(folder, self.equal) if self.equal else None,
            "figures": figures(folder, self._drawings(ranks), self.decided),
            "unranked": ranks if isinstance(ranks, str) else "",
            "films": self.forecasts,
            "bars": self.bars,
        }

    def _drawings(self, ranks: Drawing | str) -> list[Drawing | None]:
        """The figures that the results of a data set allow."""
        dataset = self.content
        timed = self.equal if self.equal and self.equal.ranked else dataset
        return [
            horizon(dataset, self.styles),
            errors_apart(dataset, self.styles),
            accuracy_and_cost(dataset, self.equal, self.styles),
            ranks if self.judged and isinstance(ranks, Drawing) else None,
            training(dataset, self.styles),
            training_time(timed, self.styles, equal_time=timed is self.equal),
            series(dataset, self.pictures, self.styles) if self.pictures and not dataset.image else None,
        ]

    def _equal_time(self, folder: Path, equal: DatasetContent) -> dict[str, Any]:
        """The table at equal CPU time, with what it says in words."""
        table, title = equal_time(equal), f"{self.content.title} at equal CPU time"
        write_table(folder, f"equal-time-{self.content.name}", table, title, self._ranks(table))
        return {
            "table": self.table(table, equal.error),
            "waiting": equal.waiting,
            "words": findings.equal_time(self.content, equal) if self.judged else "",
            "spent": findings.spent(equal),
        }
