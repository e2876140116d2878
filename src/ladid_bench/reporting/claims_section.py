"""The claims with their verdicts: the first section of the report, and ``claims.json``."""

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from ladid_bench.analysis.claims import CLAIMS, Judged, judge
from ladid_bench.analysis.paired import SEEDS_FOR_VERDICTS, Contrast, Evidence
from ladid_bench.analysis.rules import LADID
from ladid_bench.analysis.statistics import Interval
from ladid_bench.analysis.verdicts import SetResult
from ladid_bench.core.configuration import Study
from ladid_bench.core.files import write_json
from ladid_bench.core.paths import Folders
from ladid_bench.methods.registry import load_card
from ladid_bench.probing.probes import load_probe
from ladid_bench.reporting.content import load_sample
from ladid_bench.reporting.formatting import MISSING, counted, ratio
from ladid_bench.runs.records import Sample

FILE = "claims.json"


@dataclass(frozen=True)
class ClaimRow:
    """A claim as the page shows it; ``behind`` is what was found, part by part: (name, verdict, lines)."""

    judged: Judged
    effect: str
    interval: str
    seeds: str
    behind: list[tuple[str, str, list[str]]]


@dataclass(frozen=True)
class ClaimsView:
    """The section: ``line`` is all of it where the study cannot give a verdict, and then there are no rows."""

    line: str
    lead: str
    rows: list[ClaimRow]


def write_claims(folder: Path, folders: Folders, table: pd.DataFrame, study: Study, root: Path) -> ClaimsView:
    """Judge every claim by the runs of a study and write ``claims.json`` into ``folder``.

    Args:
        folder: of the report.
        folders: of the scale, where the samples are.
        table: one row a planned run.
        study: whose runs they are.
        root: the checkout, where the methods' cards are.
    """
    preferred = {name: next(iter(load_card(name, root).variants)) for name in sorted(set(table["method"]))}
    judged = judge(Evidence(table, partial(_sample, folders), preferred, partial(load_probe, folders)))
    told = {"scale": study.scale, "image_size": study.image_size, "budget": study.budget.model_dump()}
    write_json(folder / FILE, {**told, "claims": [one.to_json() for one in judged]})
    line = no_verdicts(table)
    return ClaimsView(line, _lead(study), [] if line else [_row(one) for one in judged])


def no_verdicts(table: pd.DataFrame) -> str:
    """Why no claim can have a verdict, in a sentence; empty where some can."""
    seeds = int(table.loc[table["method"] == LADID, "seed"].nunique())
    if seeds >= SEEDS_FOR_VERDICTS:
        return ""
    problem = f"here LaDID has {counted(seeds, 'seed')}" if seeds else "here LaDID has no runs"
    return f"No verdicts on the claims {CLAIMS[0].id} to {CLAIMS[-1].id}: they need three seeds, and {problem}."


def _sample(folders: Folders, key: str) -> Sample | None:
    return load_sample(folders.samples(key))


def _lead(study: Study) -> str:
    budget = study.budget
    return (
        f"At scale {study.scale}: images of {study.image_size} by {study.image_size} pixels, {budget.steps:,} steps of "
        f"{budget.batch_size} trajectories unless an experiment says otherwise. Verdicts are for these."
    )


def _row(judged: Judged) -> ClaimRow:
    effect = judged.effect
    behind = []
    for part in judged.parts:
        verdict, reason = part.verdict
        name = part.name if part.counted else f"{part.name} (told, not counted)"
        words = f"{verdict}: {reason}" if reason else verdict
        behind.append((name, words, [_set_words(one) for one in part.sets]))
    if judged.lost:
        behind.append(("lost runs", "counted against their method", judged.lost))
    seeds = str(judged.seeds) if judged.seeds else MISSING
    return ClaimRow(judged, ratio(effect.estimate) if effect else MISSING, _ends(effect), seeds, behind)


def _set_words(one: SetResult) -> str:
    words = [_contrast_words(made, len(one.contrasts) > 1) for made in one.contrasts]
    return f"{one.name}, {one.outcome}: {'; '.join(words)}"


def _contrast_words(made: Contrast, several: bool) -> str:
    if made.interval is None:
        return made.problem
    found = Interval(*(math.exp(value) for value in (made.interval.estimate, made.interval.low, made.interval.high)))
    test = f", Holm-adjusted p {made.p:.2g}" if several else ""
    return f"{made.first} over {made.second} {ratio(found.estimate)} ({_ends(found)}{test})"


def _ends(interval: Interval | None) -> str:
    return f"{ratio(interval.low)} to {ratio(interval.high)}" if interval else MISSING
