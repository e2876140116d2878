"""The claims with their verdicts: the first section of the report, and ``claims.json``."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from ladid_bench.analysis.claims import CLAIMS, Judged, judge
from ladid_bench.analysis.evidence import LADID, Evidence
from ladid_bench.analysis.gathering import load_sample
from ladid_bench.analysis.overall import overall_frame, run_errors
from ladid_bench.analysis.paired import SEEDS_FOR_VERDICTS, Contrast
from ladid_bench.analysis.statistics import Interval
from ladid_bench.analysis.verdicts import NOT_RUN, SetResult
from ladid_bench.core.configuration import Study
from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import write_json
from ladid_bench.core.paths import Folders
from ladid_bench.methods.registry import load_card
from ladid_bench.probing.probes import Probe
from ladid_bench.reporting.budget_figures import budget_drawing
from ladid_bench.reporting.charts import Looks
from ladid_bench.reporting.formatting import counted, ratio
from ladid_bench.reporting.pages import figures
from ladid_bench.reporting.reviewers import Answered, answered
from ladid_bench.reporting.tables import to_html, write_csv

FILE = "claims.json"
LONGEST_REASON = 240  # letters of a reason in the table
HEADINGS = {
    "error ratio": Markup(
        '<span title="geometric-mean ratio of errors to the strongest rival on each data set, averaged over data sets; '
        'below 1, or below the limit beside it, it supports the claim">error ratio</span>'
    )
}


@dataclass(frozen=True)
class ClaimsView:
    """The section; ``behind`` is what was found, by claim and part: (claim, [(name, verdict, lines)], figures).

    ``answers`` are those to the questions of reviewers. ``line`` is all that there is of claims where the study cannot
    give a verdict, and then there is no table.
    """

    line: str
    lead: str
    table: Markup
    behind: list[tuple[Judged, list[tuple[str, str, list[str]]], list[tuple[Markup, str]]]]
    answers: list[Answered]


def evidence_of(folders: Folders, table: pd.DataFrame) -> Evidence:
    """Gather the evidence of a study for its claims.

    Args:
        folders: of the scale, where the samples are.
        table: one row a planned run.
    """
    preferred = {name: next(iter(load_card(name, folders.root).variants)) for name in sorted(set(table["method"]))}
    sample = _if_readable(lambda key: load_sample(folders.samples(key)))
    return Evidence(table, sample, preferred, _if_readable(partial(Probe.load, folders)))


def write_claims(folder: Path, evidence: Evidence, table: pd.DataFrame, study: Study, looks: Looks) -> ClaimsView:
    """Judge every claim by the evidence of a study; write ``claims.json``, tables and figures into ``folder``.

    Args:
        folder: of the report.
        evidence: of the study.
        table: one row a planned run.
        study: whose runs they are.
        looks: by method.
    """
    judged = judge(evidence)
    told = {"scale": study.scale, "image_size": study.image_size, "budget": study.budget.model_dump()}
    found = [one.to_json() for one in judged]
    write_json(folder / FILE, {**told, "claims": found})
    answers = answered({one["id"]: one for one in found}, table, evidence.preferred)
    frames = {
        "claims-over-budgets": pd.concat([one.frame for one in judged]),
        "methods-over-data-sets": overall_frame(run_errors(evidence)),
    }
    for name, frame in frames.items():
        if not frame.empty:
            write_csv(folder, name, frame)
    if line := no_verdicts(table):
        return ClaimsView(line, "", Markup(), [], answers)
    budget, size = study.budget, study.image_size
    lead = (
        f"The study at scale {study.scale} uses images of {size} by {size} pixels and {budget.steps:,} steps of "
        f"{budget.batch_size} trajectories unless an experiment says otherwise. Verdicts apply to these settings and "
        "to the steps in their row."
    )
    drawn = [figures(folder, [budget_drawing(one.claim.id, one.frame, looks)]) for one in judged]
    behind = [(one, _behind(one), figure) for one, figure in zip(judged, drawn, strict=True)]
    return ClaimsView("", lead, _table(judged), behind, answers)


def _if_readable(load: Callable[[str], Any]) -> Callable[[str], Any]:
    """Load what was kept of a run, None where it cannot be read: one run never stops the others."""

    def loaded(key: str) -> Any:
        try:
            return load(key)
        except BenchError:
            return None

    return loaded


def no_verdicts(table: pd.DataFrame) -> str:
    """Say why no claim can have a verdict, in a sentence; empty where some can."""
    seeds = int(table.loc[table["method"] == LADID, "seed"].nunique())
    if seeds >= SEEDS_FOR_VERDICTS:
        return ""
    problem = f"here LaDID has {counted(seeds, 'seed')}" if seeds else "here LaDID has no runs"
    return f"No verdicts on the claims {CLAIMS[0].id} to {CLAIMS[-1].id}: they need three seeds, and {problem}."


def _table(judged: list[Judged]) -> Markup:
    names = [Markup('<span id="claim-{}">{}</span>').format(one.claim.id, one.claim.id) for one in judged]
    cells: dict[str, list[Any]] = {
        "statement": [_statement(one) for one in judged],
        "verdict": [_tag(one.verdict) for one in judged],
        "budget": [_budget(one) for one in judged],
        "error ratio": [_effect(one) for one in judged],
        "95 % interval": [_ends(one.effect) if one.effect and one.verdict != NOT_RUN else "" for one in judged],
        "seeds": [one.seeds or "" for one in judged],
        "runs": [_runs(one.runs) for one in judged],
    }
    return to_html("claim", names, cells, "plain claims", HEADINGS, {"statement": "reason"})


def _effect(one: Judged) -> str:
    """The ratio of the part that supports a claim least, with the limit that it has to stay below."""
    if not one.effect or not one.part or one.verdict == NOT_RUN:
        return ""
    limit = f" (limit {one.part.limit:g})" if one.part.limit != 1 else ""
    return f"{ratio(one.effect.estimate)}{limit}"


def _statement(one: Judged) -> Markup:
    reason = one.reason if len(one.reason) <= LONGEST_REASON else f"{one.reason[: LONGEST_REASON - 3]}..."
    arms = ", ".join(f"{name}: {verdict}" for name, verdict in one.arms.items() if name != LADID)
    why = "; ".join(word for word in (reason, arms) if word)
    return Markup('{}<span class="why">{}</span>').format(one.claim.statement, why)


def _budget(one: Judged) -> Markup:
    """The steps that the verdict is for, and whether it has settled there; leads to the figure over the budget."""
    steps = f"{one.rung.steps:,} steps" if one.rung.steps else ""
    words = ", ".join(word for word in (steps, one.standing) if word)
    return Markup('<a href="#behind-{}">{}</a>').format(one.claim.id, words) if words else Markup()


def _tag(verdict: str) -> Markup:
    return Markup('<span class="tag {}">{}</span>').format(verdict.replace(" ", "-"), verdict)


def _runs(keys: list[str]) -> Markup:
    if not keys:
        return Markup()
    links = Markup(" ").join(Markup('<a class="key" href="#run-{}">{}</a>').format(key, key[:7]) for key in keys)
    return Markup("<details><summary>{}</summary>{}</details>").format(counted(len(keys), "run"), links)


def _behind(judged: Judged) -> list[tuple[str, str, list[str]]]:
    behind = []
    for part in judged.parts:
        verdict, reason = part.judgement
        name = part.name if part.counted else f"{part.name} (reported, not counted)"
        words = f"{verdict}: {reason}" if reason else verdict
        behind.append((name, words, [_set_words(one, part.limit) for one in part.sets]))
    if judged.standing:
        verdict, against = judged.with_one_spread
        behind.append(
            (
                "if all networks of a data set had the same spread between seeds (reported, not counted)",
                verdict,
                against,
            )
        )
    return [*behind, ("lost runs", "counted against their method", judged.lost)] if judged.lost else behind


def _set_words(one: SetResult, limit: float) -> str:
    words = [_contrast_words(made, limit) for made in one.contrasts]
    return f"{one.name}, {one.outcome}: {'; '.join(words)}"


def _contrast_words(made: Contrast, limit: float) -> str:
    if made.interval is None:
        return made.problem
    found = made.interval.exp
    words = [_ends(found), f"p = {made.p:.2g} for a ratio above {limit:g}, after Holm's correction"]
    if made.beside:
        words.append(f"ratio of means {ratio(made.beside.ratio_of_means)}")
        pairs = f"{made.beside.improvement:.0%} of the seed pairs"
        words.append(f"ahead on {made.beside.groups_won:.0%} of the groups and in {pairs}")
    words += [f"{name} is no better than the training mean" for name in made.untrained]
    return f"{made.first} over {made.second} {ratio(found.estimate)} ({'; '.join(words)})"


def _ends(interval: Interval) -> str:
    return f"{ratio(interval.low)} to {ratio(interval.high)}"
