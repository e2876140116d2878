"""What reviewers asked of the paper, the experiment that answers, and what came out; for report and documentation."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import Field, RootModel

from ladid_bench.analysis.entries import ERRORS, share_in_words
from ladid_bench.analysis.run_table import asked_for
from ladid_bench.analysis.verdicts import NOT_RUN
from ladid_bench.core.configuration import Section, parse
from ladid_bench.core.readers import read_yaml
from ladid_bench.reporting.formatting import listed, short
from ladid_bench.reporting.tables import FVU, NMSE, OTHERS
from ladid_bench.runs.records import WAITING

HEADINGS = {"floor_nmse": "floor nMSE", **{one.name: one.heading for one in (NMSE, FVU, *OTHERS)}}
REVIEWERS = Path(__file__).with_suffix(".yaml")


class Errors(Section):
    """Which runs are told of: means over seeds of a column of the run table."""

    datasets: list[str] = Field(min_length=1)
    methods: list[str] = Field(
        min_length=1,
        description="method (the first variant on its card) or method:variant; the first is compared with the others",
    )
    column: str = Field("", description="of the run table; default: the primary error of the data set")
    over: str = Field("", description="column of the run table that each mean is divided by; default: none")
    experiment: str = "comparison"
    changed: bool = Field(False, description="whether runs with changed settings are reported, each with its changes")


class Question(Section):
    """One thing that was asked."""

    question: str
    experiment: str = Field(description="what was done about it, in words")
    claims: list[str] = Field(default_factory=list, description="claims whose verdicts answer")
    errors: list[Errors] = Field(default_factory=list)
    link: str = Field(description="anchor in the report")
    document: str = Field(description="page of the documentation")


class _Questions(RootModel[list[Question]]):
    pass


@dataclass(frozen=True)
class Answered:
    """A question with its answer, in words."""

    asked: Question
    answer: str

    @property
    def found(self) -> bool:
        """Whether any run of the study answers."""
        return self.answer != NOT_RUN


def questions() -> list[Question]:
    """Read all questions."""
    return parse(_Questions, read_yaml(REVIEWERS), str(REVIEWERS)).root


def answered(
    claims: Mapping[str, Mapping[str, Any]], table: pd.DataFrame, preferred: Mapping[str, str]
) -> list[Answered]:
    """Answer every question from what a study found.

    Args:
        claims: what ``claims.json`` says of each, by its id.
        table: the run table.
        preferred: the variant that stands for each method.
    """
    return [Answered(one, _answer(one, claims, table, preferred)) for one in questions()]


def _answer(
    asked: Question, claims: Mapping[str, Mapping[str, Any]], table: pd.DataFrame, preferred: Mapping[str, str]
) -> str:
    known = [claims[name] for name in asked.claims if name in claims]
    verdicts = [_verdict(one) for one in known] if any(one["verdict"] != NOT_RUN for one in known) else []
    told = verdicts + [words for errors in asked.errors for words in _errors(errors, table, preferred)]
    return f"{'; '.join(told)}." if told else NOT_RUN


def _verdict(claim: Mapping[str, Any]) -> str:
    """A claim's verdict with its standing and its ratio, as far as there are any."""
    standing = f", {claim['settled']}" if claim["settled"] else ""
    if claim["effect"] is None:
        return f"{claim['id']} {claim['verdict']}{standing}"
    ends = " to ".join(f"{end:.2f}" for end in claim["interval"])
    return f"{claim['id']} {claim['verdict']}{standing} (ratio {claim['effect']:.2f}, {ends})"


def _errors(asked: Errors, table: pd.DataFrame, preferred: Mapping[str, str]) -> Iterator[str]:
    """What each data set says, a sentence each; nothing before all runs have ended, or without anything to compare."""
    rows = table[table["dataset"].isin(asked.datasets) & asked_for(table, asked.experiment)]
    runs = {method: _runs_of(rows, method, asked.changed, preferred) for method in asked.methods}
    if any((mine["status"] == WAITING).any() for mine in runs.values()):
        return
    for dataset in asked.datasets:
        here = {name: mine[(mine["dataset"] == dataset) & (mine["status"] == "ok")] for name, mine in runs.items()}
        first = here[asked.methods[0]]
        if first.empty:
            continue
        column = asked.column or ERRORS[str(first["primary_metric"].iloc[0])]
        own, *others = (_means(name, mine, column, asked.over) for name, mine in here.items())
        if own and (any(others) or not others):
            words = " over ".join(HEADINGS.get(one, one.replace("_", " ")) for one in (column, asked.over) if one)
            yield f"{dataset}, {words}: {listed(one for some in (own, *others) for one in some)}"


def _runs_of(rows: pd.DataFrame, method: str, changed: bool, preferred: Mapping[str, str]) -> pd.DataFrame:
    name, _, variant = method.partition(":")
    mine = rows[(rows["method"] == name) & (rows["variant"] == (variant or preferred.get(name, "default")))]
    return mine if changed else mine[mine["changes"] == ""]


def _means(method: str, runs: pd.DataFrame, column: str, over: str) -> Sequence[str]:
    if not {column, over or column} <= set(runs):
        return []
    told = []
    for _, alike in runs.groupby(["arm", "fraction", "changes"], sort=False):
        value, words = alike[column].mean() / (alike[over].mean() if over else 1), _words_of(alike.iloc[0], runs)
        told += [] if pd.isna(value) else [f"{method}{f' ({words})' if words else ''} {short(value, 2)}"]
    return told


def _words_of(one: pd.Series, runs: pd.DataFrame) -> str:
    """What tells a run apart from others of its method: arm and share of the data where there are several."""
    words = [one["changes"]] if one["changes"] else []
    words += [one["arm"]] if runs["arm"].nunique() > 1 else []
    words += [share_in_words(one["fraction"])] if runs["fraction"].nunique() > 1 else []
    return ", ".join(words)
