"""The report of one scale: a page that needs nothing but itself, and its tables and figures as files."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from ladid_bench.analysis.entries import EQUAL_TIME, LADID, DatasetContent, Entry, Run, gather
from ladid_bench.analysis.frames import state
from ladid_bench.analysis.paired import SEEDS_FOR_VERDICTS
from ladid_bench.analysis.pictures import Pictures, all_pictures
from ladid_bench.analysis.searches import read_search
from ladid_bench.analysis.tracked import write_tracked
from ladid_bench.core.configuration import Study
from ladid_bench.core.files import write_text
from ladid_bench.core.paths import Folders
from ladid_bench.methods.registry import load_card
from ladid_bench.reporting import findings, media
from ladid_bench.reporting.benchmarks_page import BENCHMARKS, write_benchmarks_page
from ladid_bench.reporting.claims_section import write_claims
from ladid_bench.reporting.cost_figure import accuracy_and_cost
from ladid_bench.reporting.drawing import write_drawings
from ladid_bench.reporting.experiment_figures import Scene, illustrate, styles_by_method, write_illustrated
from ladid_bench.reporting.experiments import ExperimentTable, experiment_tables, write_experiments
from ladid_bench.reporting.figures import draw_series, horizon, training, training_time
from ladid_bench.reporting.pages import INDEX, figures, published, render
from ladid_bench.reporting.palette import MethodStyle, own_colours, styles, styles_on
from ladid_bench.reporting.physics_page import PHYSICS, write_physics_page
from ladid_bench.reporting.probe_section import write_probes
from ladid_bench.reporting.provenance import facts, lost_table
from ladid_bench.reporting.rank_figure import ranks_over_datasets, ranks_over_groups
from ladid_bench.reporting.searches import describe_search, effort, trials_table
from ladid_bench.reporting.slides import write_forecasts
from ladid_bench.reporting.tables import (
    Table,
    comparison,
    core,
    cost,
    equal_time,
    methods_html,
    to_latex,
    write_csv,
    write_table,
)
from ladid_bench.verification.physics.results import physics_file, read_results, up_to_date

Told = tuple[str, list[tuple[Entry, Run]]]  # a title, and the runs that stand below it


@dataclass(frozen=True)
class Section:
    """What the report tells of one data set.

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
    def runs(self) -> list[tuple[Entry, Run]]:
        """Every run that is told of, once."""
        contents = [self.content, *([self.equal] if self.equal else [])]
        pairs = [(entry, run) for one in contents for entry in one.entries for run in entry.runs]
        return list({run.key: (entry, run) for entry, run in reversed(pairs)}.values())[::-1]

    def table(self, table: Table, drawn: str = "", ranked: bool = True) -> Markup:
        """Lay out a table for the page."""
        return methods_html(table, self.styles, drawn, ranked, self.judged and ranked)


def build_report(folders: Folders, table: pd.DataFrame, study: Study, root: Path) -> Path:
    """Write ``results/<scale>/report`` from the run table and what was kept of each run.

    The folder is built beside the old one and takes its place at the end; the same records give the
    same bytes. A run whose files cannot be read is told of as one without a result.

    Args:
        folders: of the scale.
        table: one row a planned run, failures included.
        study: whose runs they are.
        root: the checkout, where the methods' cards are.

    Returns:
        The page.
    """
    final = folders.results / "report"
    with published(final) as folder:
        _build(folder, folders, table, study, root)
    return final / INDEX


def _build(folder: Path, folders: Folders, table: pd.DataFrame, study: Study, root: Path) -> None:
    datasets, again = _gathered(folders, table, study)
    style_of, judged = styles([*datasets, *again]), study.scale != findings.SMOKE
    compared = [dataset for dataset in datasets if dataset.entries]
    sections = _sections(datasets, again, folders, style_of, judged)
    experiments = experiment_tables(folders, table, study)
    write_experiments(folder, experiments)
    contents = [*datasets, *again, *(content for one in experiments for content, _ in one.parts)]
    by_method = styles_by_method(style_of, contents)
    illustrated = [illustrate(one, Scene(study, root, by_method, datasets)) for one in experiments]
    write_illustrated(folder, illustrated)
    ranks = ranks_over_datasets(compared, style_of)
    write_drawings(folder, [ranks.drawing] if ranks.drawing else [])
    methods, unequal = _methods(contents, root)
    runs: list[Told] = [*((one.content.title, one.runs) for one in sections), *_further(sections, experiments)]
    minutes = next((block.cpu_minutes for block in study.experiments.get(EQUAL_TIME, []) if block.cpu_minutes), None)
    page = render(
        "report.html.j2",
        scale=study.scale,
        compared=bool(compared),
        judged=judged,
        claims=write_claims(folder, folders, table, study, root),
        lead=findings.lead_text(compared, again, study),
        cautions=_cautions(compared or again, study, runs) | unequal,
        verdicts=judged and findings.seeds(compared) >= SEEDS_FOR_VERDICTS,
        sections=[_view(folder, one, minutes) for one in sections],
        colours=own_colours({**by_method, **style_of}),
        ranks=ranks,
        methods=methods,
        costs=_costs(folder, sections),
        probes=write_probes(folder, folders, experiments),
        experiments=list(zip(experiments, illustrated, strict=True)),
        lost=_lost(runs),
        runs=runs,
        facts=facts,
        state=state,
        physics=_physics(folder, root),
        benchmarks=BENCHMARKS if write_benchmarks_page(folder / BENCHMARKS, root) else "",
    )
    write_tracked(folder, datasets, again)
    write_text(folder / INDEX, page)


def _gathered(folders: Folders, table: pd.DataFrame, study: Study) -> tuple[list[DatasetContent], list[DatasetContent]]:
    """Data sets at equal steps and at equal CPU time; one without runs at equal steps is there without entries."""
    compared, again = gather(folders, table, study), gather(folders, table, study, EQUAL_TIME)
    known = {dataset.name for dataset in compared}
    return [*compared, *(replace(one, entries=()) for one in again if one.name not in known)], again


def _sections(
    datasets: list[DatasetContent],
    again: list[DatasetContent],
    folders: Folders,
    style_of: dict[str, MethodStyle],
    judged: bool,
) -> list[Section]:
    equal, pictures = {dataset.name: dataset for dataset in again}, all_pictures(datasets, folders)
    return [
        Section(
            one,
            equal.get(one.name),
            pictures.get(one.name),
            styles_on(one if one.entries else equal.get(one.name, one), style_of),
            judged,
        )
        for one in datasets
    ]


def _view(folder: Path, one: Section, minutes: float | None) -> dict[str, Any]:
    """Write the files of a data set into the report's folder, and give what the template wants to know of it."""
    dataset, pictures = one.content, one.pictures
    ranks = ranks_over_groups(dataset, one.styles)
    accuracy = comparison(dataset) if dataset.entries else None
    brief = core(accuracy) if accuracy else None
    if accuracy:
        caption = f"{dataset.title}: {dataset.error_name} is the primary error; the best value of a column is bold"
        write_table(folder, f"comparison-{dataset.name}", accuracy, caption, one.judged)
    if pictures and dataset.image:
        write_forecasts(folder / "animations", dataset, pictures)
    film = media.card_film(dataset.card, dataset.time_unit) if dataset.card else None
    shown = media.forecasts(dataset, pictures) if pictures else None
    address = {film.name: media.strip(film.levels, media.frame_colours(dataset.card))} if film else {}
    return {
        "content": dataset,
        "finding": findings.finding(dataset),
        "table": one.table(brief, dataset.error) if brief else "",
        "capped": bool(accuracy and accuracy.capped),
        "measures": one.table(accuracy) if accuracy and brief and accuracy.columns != brief.columns else "",
        "colours": findings.about_colours(dataset),
        "below_floor": findings.below_floor(dataset) if one.judged else "",
        "equal": _equal_time(folder, one, minutes) if one.equal else None,
        "figures": figures(folder, _drawings(one, ranks.drawing)),
        "unranked": "" if ranks.drawing else ranks.words,
        "films": shown,
        "bars": media.colour_bars(dataset.card) if dataset.card else (),
        "look": film,
        "heat": "" if not film or film.image else address[film.name],
        "sources": (shown.sources if shown else {}) | (address if film and film.image else {}),
    }


def _drawings(one: Section, ranks: Any) -> list[Any]:
    """The figures that the results of a data set allow."""
    dataset = one.content
    timed = one.equal if one.equal and one.equal.ranked else dataset
    made = [
        horizon(dataset, one.styles),
        accuracy_and_cost(dataset, one.equal, one.styles),
        ranks,
        training(dataset, one.styles),
        training_time(timed, one.styles, equal_time=timed is one.equal),
    ]
    if one.pictures and not dataset.image:
        made.append(draw_series(dataset, one.pictures, one.styles))
    return made


def _equal_time(folder: Path, one: Section, minutes: float | None) -> dict[str, Any]:
    """The table at equal CPU time, with what it says in words."""
    assert one.equal is not None
    table = equal_time(one.equal)
    write_table(folder, f"equal-time-{one.content.name}", table, f"{one.content.title} at equal CPU time", one.judged)
    return {
        "table": one.table(table, one.equal.error),
        "words": findings.equal_time(one.content, one.equal, minutes) if one.judged else "",
        "spent": findings.spent(one.equal),
    }


def _cautions(datasets: list[DatasetContent], study: Study, runs: Iterable[Told]) -> dict[str, str]:
    told = [run for _, some in runs for _, run in some]
    return findings.cautions(datasets, study.scale, sum(run.stale for run in told), len(told))


def _methods(contents: list[DatasetContent], root: Path) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The methods' cards with their recorded searches, and a caution where these were of unequal effort."""
    names = {entry.method for content in contents for entry in content.entries}
    ordered = sorted(names, key=lambda name: (name != LADID, name))
    cards = {name: load_card(name, root) for name in ordered}
    searches = {name: read_search(name, root) for name in ordered}
    made = []
    for name, card in cards.items():
        search = searches[name]
        words = describe_search(search, card) if search else "Settings not searched yet." * (card.kind == "neural")
        made.append({"name": name, "card": card, "trials": trials_table(search) if search else "", "searched": words})
    equal, words = effort({name: searches[name] for name, card in cards.items() if card.kind == "neural"})
    return made, {} if equal else {"search": words}


def _physics(folder: Path, root: Path) -> str:
    """Write the page of the physics checks, if any has ever run, and name it."""
    path = physics_file(root)
    if not path.exists():
        return ""
    write_physics_page(folder / PHYSICS, up_to_date(read_results(path)))
    return PHYSICS


def _costs(folder: Path, sections: list[Section]) -> list[tuple[DatasetContent, Markup]]:
    """The cost of every data set, all with the columns that any has; written as one CSV and a LaTeX table each."""
    told = [(one, cost(one.content)) for one in sections if one.content.entries]
    used = {column for _, table in told for column in table.used().columns}
    shown = [(one, table.only(column for column in table.columns if column in used)) for one, table in told]
    if shown:
        unused = [column.name for column in told[0][1].columns if column not in used]
        write_csv(folder, "cost", pd.concat(table.frame for _, table in shown).drop(columns=unused))
    for one, table in shown:
        latex = to_latex(table, f"{one.content.title}: cost", bold=False)
        write_text(folder / "tables" / f"cost-{one.content.name}.tex", latex)  # the CSV of that name is the figure's
    return [(one.content, one.table(table, ranked=False)) for one, table in shown]


def _further(sections: list[Section], experiments: list[ExperimentTable]) -> list[Told]:
    """Every run that the other experiments ask for and that is not told of before."""
    known = {run.key for one in sections for _, run in one.runs}
    found: dict[str, dict[str, tuple[Entry, Run]]] = {}
    for content, rows in (part for one in experiments for part in one.parts):
        for entry, run in ((row.entry, run) for row in rows for run in row.entry.runs):
            if run.key not in known:
                found.setdefault(f"{content.title}, further experiments", {}).setdefault(run.key, (entry, run))
    return [(title, list(runs.values())) for title, runs in found.items()]


def _lost(told: Iterable[Told]) -> dict[str, tuple[int, Markup]]:
    """Every run that should have a result and has none: how many failed or wait, and their table."""
    lost = [(title, entry, run) for title, runs in told for entry, run in runs if run.status not in ("ok", "skipped")]
    waiting = [one for one in lost if one[2].status == "not run"]
    groups = {"failed": [one for one in lost if one not in waiting], "waiting": waiting}
    return {name: (len(some), lost_table(some)) for name, some in groups.items() if some}
