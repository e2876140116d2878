"""The report of one scale: a page that needs nothing but itself, and its tables and figures as files."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from ladid_bench.analysis.evidence import LADID, Evidence
from ladid_bench.analysis.frames import state
from ladid_bench.analysis.overall import run_errors
from ladid_bench.analysis.pictures import all_pictures
from ladid_bench.analysis.reached import at_reached_budgets
from ladid_bench.analysis.searches import read_searches
from ladid_bench.analysis.study_results import ExperimentResults, StudyResults
from ladid_bench.analysis.tracked import write_tracked
from ladid_bench.core.configuration import Study
from ladid_bench.core.files import replaced_folder, write_text
from ladid_bench.core.paths import Folders
from ladid_bench.methods.registry import load_card
from ladid_bench.reporting import findings
from ladid_bench.reporting.benchmarks_page import BENCHMARKS, write_benchmarks_page
from ladid_bench.reporting.calibration_figures import scores_html, scores_of
from ladid_bench.reporting.claims_section import evidence_of, write_claims
from ladid_bench.reporting.dataset_section import DatasetStory
from ladid_bench.reporting.experiment_figures import areas_html, areas_of, drawings_of, styles_by_method
from ladid_bench.reporting.experiments import QUESTIONS, Scene, views, write_experiments
from ladid_bench.reporting.glossary import glossary
from ladid_bench.reporting.leading import nobody_ahead
from ladid_bench.reporting.pages import INDEX, Page, Section, figures, part
from ladid_bench.reporting.palette import MethodStyle, own_colours, styles, styles_on
from ladid_bench.reporting.physics_page import PHYSICS, write_physics_page
from ladid_bench.reporting.probe_section import write_probes
from ladid_bench.reporting.profile_figures import error_profiles, time_profiles
from ladid_bench.reporting.provenance import lost_table, sort_facts
from ladid_bench.reporting.rank_figure import ranks_over_datasets
from ladid_bench.reporting.searches import describe_search, trials_table, unequal_effort
from ladid_bench.reporting.tables import cost, to_latex, write_csv
from ladid_bench.verification.physics.results import physics_file, read_results, up_to_date

AREAS = "Mean error along the logarithmic share axis: the area below each curve over its width"
SCORES = "Scores of the distributions"
NO_COMPARISON = "This study has no comparison: no experiment of that name, or none of its runs is in the run table."


def build_report(folders: Folders, table: pd.DataFrame, study: Study) -> Path:
    """Write ``results/<scale>/report`` from the run table and what was kept of each run.

    The folder is built beside the old one and takes its place at the end; the same records give the
    same bytes. A run whose files cannot be read is told of as one without a result.

    Args:
        folders: of the scale.
        table: one row a planned run, failures included.
        study: whose runs they are.

    Returns:
        The page.
    """
    final = folders.results / "report"
    with replaced_folder(final) as folder:
        Report(folder, StudyResults(folders, at_reached_budgets(table), study)).write()
    return final / INDEX


@dataclass(frozen=True, eq=False)
class Report:
    """A report of ``results`` that is built in ``folder``."""

    folder: Path
    results: StudyResults

    def write(self) -> None:
        """Write the page, and all tables, figures and films beside it."""
        sections = [
            self._claims(),
            self._findings(),
            *(one.section(self.folder) for one in self.stories),
            self._costs(),
            self._experiments(),
            Section("cards", "Data", part("data_cards", self.stories, self.further), "Data cards", "Cards"),
            Section("methods", "Methods", part("method_cards", self.methods), menu="Cards"),
            self._lost(),
            Section("provenance", "Provenance", part("provenance", sort_facts(self.results.runs), state), menu="Runs"),
            Section("glossary", "Glossary", part("glossary", glossary())),
        ]
        scale = f"LaDID Bench, scale {self.results.study.scale}"
        Page(
            title=scale,
            heading="Learned latent dynamics against simple forecasts",
            eyebrow=scale,
            lead=findings.lead_text(self.results),
            cautions=self._cautions(),
            sections=[one for one in sections if one.body.strip()],
            links=write_pages_beside(self.folder, self.results.folders.root),
            pictures={name: address for one in [*self.stories, *self.further] for name, address in one.sources.items()},
            colours=own_colours({**self.by_method, **self.styles}),
            script=True,
        ).write(self.folder / INDEX)
        write_tracked(self.folder, self.results.datasets, self.results.again)

    @property
    def judged(self) -> bool:
        """Whether the numbers mean anything."""
        return self.results.study.scale != findings.SMOKE

    @cached_property
    def evidence(self) -> Evidence:
        """Evidence of the study for its claims."""
        return evidence_of(self.results.folders, self.results.table)

    @cached_property
    def styles(self) -> dict[str, MethodStyle]:
        """Look of every label in the comparisons."""
        return styles([*self.results.datasets, *self.results.again])

    @cached_property
    def by_method(self) -> dict[str, MethodStyle]:
        """Look of every method."""
        return styles_by_method(self.styles, self.results.contents)

    @cached_property
    def stories(self) -> list[DatasetStory]:
        """Data sets of the comparison, each with all that its section tells."""
        results, equal = self.results, {one.name: one for one in self.results.again}
        pictures = all_pictures(results.datasets, results.folders)
        shown = {one.name: one if one.entries else equal.get(one.name, one) for one in results.datasets}
        return [
            DatasetStory(
                *(one, equal.get(one.name), pictures.get(one.name)),
                styles=styles_on(shown[one.name], self.styles),
                judged=self.judged,
            )
            for one in results.datasets
        ]

    @cached_property
    def further(self) -> list[DatasetStory]:
        """Data sets of further experiments alone, for their cards."""
        known = {one.content.name for one in self.stories}
        found = {one.name: one for one in self.results.contents if one.name not in known}
        return [DatasetStory(replace(one, entries=()), None, None, {}, self.judged) for one in found.values()]

    @cached_property
    def methods(self) -> list[dict[str, Any]]:
        """The methods' cards with their recorded searches."""
        names = {entry.method for content in self.results.contents for entry in content.entries}
        made = []
        for name in sorted(names, key=lambda name: (name != LADID, name)):
            card, found = load_card(name, self.results.folders.root), read_searches(name, self.results.folders.root)
            told = [(describe_search(one, card), trials_table(one)) for one in found.values() if one.trials]
            made.append({"name": name, "card": card, "searches": found, "told": told})
        return made

    def _cautions(self) -> Mapping[str, str]:
        told = [run for _, some in self.results.runs for _, run in some]
        stale = sum(run.stale for run in told)
        found = {} if self.results.compared else {"comparison": NO_COMPARISON}
        found |= findings.cautions(
            self.results.compared or self.results.contents, self.results.study.scale, stale, len(told)
        )
        words = unequal_effort({one["name"]: one["searches"] for one in self.methods if one["card"].kind == "neural"})
        return found | ({"search": words} if words else {})

    def _claims(self) -> Section:
        found = self.results
        view = write_claims(self.folder, self.evidence, found.table, found.study, self.by_method)
        anchors = {"claims", *(f"data-{one.name}" for one in found.datasets)}
        anchors |= {f"experiment-{one.name}" for one in found.experiments}
        anchors |= {f"claim-{one.claim.id}" for one, *_ in view.behind}
        return Section("claims", "Claims", part("claims", view, anchors))

    def _findings(self) -> Section:
        ranks = ranks_over_datasets(self.results.compared, self.styles)
        decided = not any(map(nobody_ahead, self.results.compared))
        drawn = [] if isinstance(ranks, str) else figures(self.folder, [ranks], decided)
        found = [(one, findings.finding(one)) for one in self.results.datasets] if self.judged else []
        unranked = ranks if isinstance(ranks, str) and self.results.compared else ""
        over = [error_profiles(run_errors(self.evidence), self.by_method)] if self.judged else []
        over += time_profiles(self.results.compared, self.evidence.preferred, self.by_method) if self.judged else []
        profiles = figures(self.folder, over, decided)
        return Section("findings", "Findings", part("findings", found, drawn, unranked, profiles))

    def _costs(self) -> Section:
        """Lay out what every data set cost, with the columns that any has; one CSV and a LaTeX table each."""
        told = [(one, cost(one.content)) for one in self.stories if one.content.entries]
        used = {column for _, table in told for column in table.used().columns}
        shown = [(one, table.only(column for column in table.columns if column in used)) for one, table in told]
        if shown:
            unused = [column.name for column in told[0][1].columns if column not in used]
            write_csv(self.folder, "cost", pd.concat(table.frame for _, table in shown).drop(columns=unused))
        for one, table in shown:
            latex = to_latex(table, f"{one.content.title}: cost", bold=False)
            write_text(self.folder / "tables" / f"cost-{one.content.name}.tex", latex)  # the CSV is the figure's
        tables = [(one.content, html) for one, table in shown if (html := one.table(table, ranked=False))]
        return Section("cost", "Cost", part("cost", tables) if tables else Markup())

    def _experiments(self) -> Section:
        """Lay out the experiments beside the comparison with their figures, and write the files of these."""
        write_experiments(self.folder, self.results.experiments)
        scene = Scene(self.results.study, self.results.folders.root, self.by_method, self.results.datasets)
        told = []
        for table in self.results.experiments:
            drawn = figures(self.folder, drawings_of(table, scene), self.judged)
            told.append((table, QUESTIONS[table.kind], views(table, scene), drawn, self._below(table)))
        probed = write_probes(self.folder, self.results.folders, self.results.experiments)
        items = [(f"experiment-{one.name}", one.name) for one in self.results.experiments]
        body = part("experiments", told, probed) if told else Markup()
        return Section("experiments", "Further experiments", body, menu="Experiments", items=items)

    def _below(self, table: ExperimentResults) -> dict[str, Any] | None:
        """The table below the figures of one experiment, which is written as CSV too; None for most."""
        areas, scores = areas_of(table), scores_of(table)
        if len(areas):
            write_csv(self.folder, f"experiment-{table.name}-areas", areas)
            return {"title": AREAS, "lines": len(areas), "html": areas_html(areas)}
        if len(scores):
            return {"title": SCORES, "lines": len(scores), "html": scores_html(scores)}  # the CSV is the figure's
        return None

    def _lost(self) -> Section:
        """Lay out every run that should have a result and has none."""
        tables = {name: (len(some), lost_table(some)) for name, some in self.results.lost.items() if some}
        body = part("lost", tables) if tables else Markup()
        return Section("lost", "Runs without a result", body, "Without a result", "Runs")


def write_pages_beside(folder: Path, root: Path) -> list[tuple[str, str]]:
    """Write the pages beside a report, as far as there is something to tell; their addresses and names."""
    path, found = physics_file(root), []
    if path.exists():
        write_physics_page(folder / PHYSICS, up_to_date(read_results(path)))
        found.append((PHYSICS, "Physics"))
    if write_benchmarks_page(folder / BENCHMARKS, root):
        found.append((BENCHMARKS, "Benchmarks"))
    return found
