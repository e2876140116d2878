"""Write the pages that are made from something else: ``python docs/generate.py``.

The results of the kept study come from its ``claims.json``, in ``docs/results.md`` and between two markers in
README, and so do the answers to what reviewers asked, in ``docs/reviewers.md``; what the demo gives over ten seeds, in
README, comes from the run table of the scale ``spread``; the glossary in ``docs/concepts.md`` is that of the report;
the reference of the commands comes from the command line itself. A test holds all of them to be up to date.
"""

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from ladid_bench.analysis.entries import ERROR_NAMES, ERRORS
from ladid_bench.analysis.evidence import LADID
from ladid_bench.analysis.reached import at_reached_budgets
from ladid_bench.analysis.rules.times import EVERY_OTHER
from ladid_bench.analysis.run_table import asked_for, cpu_seconds
from ladid_bench.analysis.searches import read_searches
from ladid_bench.analysis.verdicts import TAIL
from ladid_bench.methods.registry import load_card, method_folders
from ladid_bench.reporting.glossary import glossary
from ladid_bench.reporting.reviewers import Answered, answered
from ladid_bench.study.plan import COMPARISON

ROOT = Path(__file__).resolve().parent.parent
STUDY = ROOT / "results" / "cpu"
SPREAD = ROOT / "results" / "spread" / "runs.parquet"
# the kept study before this one, by its own rules; it compared LaDID with all networks alone
FIRST_STUDY = {
    "commit": "7903ba1",
    "C1b": "not separable, 1.01 (0.97 to 1.08)",
    "C2b": "not separable, 1.14 (0.84 to 1.51)",
    "C3": "not separable, 0.84 (0.76 to 0.93)",
    "C4": "reproduced, 0.63 (0.56 to 0.69)",
    "C5": "reproduced, 1.00 (1.00 to 1.00)",
    "C6": "not reproduced, 1.57 (1.31 to 1.89)",
    "C7": "not separable, 1.03 (0.98 to 1.08)",
    "C8": "not reproduced, 1.54 (1.22 to 1.96)",
    "C9": "not separable, 0.82 (0.69 to 0.99)",
    "C10": "not reproduced, 1.16 (1.01 to 1.40)",
    "C11": "not separable, 0.90 (0.84 to 0.97)",
    "C12": "not reproduced, 1.27 (1.07 to 1.51)",
    "C13": "not reproduced, 1.34 (1.13 to 1.63)",
    "C14": "not reproduced, 1.93 (1.62 to 2.40)",
    "C15": "not reproduced, 1.24 (0.83 to 1.84)",
}
STANDING = "temporal_fvu_mean"  # error about each trajectory's own mean: the best standing picture has 1
COVERAGE = "raw_coverage"
LEADING = 5  # methods over all data sets that are named
REFERENCE = ("ladid_bench.cli.main", "utils", "docs", "--name", "ladid-bench", "--title", "Commands")


def pages() -> dict[Path, str]:
    """The text of every generated page, by its path."""
    study, glossary_page, readme = read_study(STUDY), ROOT / "docs" / "concepts.md", ROOT / "README.md"
    front = {"demo": spread_table(pd.read_parquet(SPREAD)), "findings": study.rendered("findings.md.j2")}
    filled = {glossary_page: _filled(glossary_page, glossary=glossary_table()), readme: _filled(readme, **front)}
    whole = {ROOT / "docs" / f"{name}.md": study.rendered(f"{name}.md.j2") for name in ("results", "reviewers")}
    return {**filled, **whole, **commands()}


def glossary_table() -> str:
    """The glossary of the report, a row a word."""
    rows = (f"| **{word}** | {meaning} |\n" for word, meaning in glossary().items())
    return f"| word | meaning |\n|---|---|\n{''.join(rows)}"


def commands() -> dict[Path, str]:
    """The reference of the commands, as typer writes it."""
    made = subprocess.run([sys.executable, "-m", "typer", *REFERENCE], capture_output=True, text=True, check=True)
    return {ROOT / "docs" / "reference" / "commands.md": made.stdout.strip() + "\n"}


def spread_table(runs: pd.DataFrame) -> str:
    """The error of each method on each data set: over several seeds its mean, the lowest and the highest."""
    ended = runs[runs["status"] != "not run"]
    errors = ended.assign(error=[row[ERRORS[row["primary_metric"]]] for _, row in ended.iterrows()])  # NaN: it failed
    by = ["dataset", "primary_metric", "method"]
    cells = errors.groupby(by, sort=False)["error"].agg(spread).unstack(fill_value="not run")
    rows = [["data set", "error", *(f"`{name}`" for name in cells.columns)], ["---"] * (len(cells.columns) + 2)]
    rows += [[f"`{name}`", ERROR_NAMES[metric], *row] for (name, metric), *row in cells.itertuples()]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def spread(errors: pd.Series) -> str:
    """The mean of some errors with the lowest and the highest, and how many runs failed; of one alone, itself."""
    failed = f"; {errors.isna().sum()} of {len(errors)} failed" if errors.isna().any() else ""
    if len(errors) == 1:
        return f"{errors.iloc[0]:.2f}{failed}"
    return f"{errors.mean():.2f} ({errors.min():.2f} to {errors.max():.2f}){failed}"


def _filled(path: Path, **texts: str) -> str:
    """The page at ``path`` with each text between the markers of its name."""
    page = path.read_text(encoding="utf-8")
    for name, text in texts.items():
        between = rf"(?<=<!-- {name}: begin -->\n).*(?=<!-- {name}: end -->)"
        page = re.sub(between, lambda _, text=text: text, page, flags=re.DOTALL)
    return page


@dataclass(frozen=True)
class KeptStudy:
    """What a kept study says of the claims, its run table, and its leading methods over all data sets, best first."""

    judged: dict[str, Any]
    table: pd.DataFrame
    overall: list[dict[str, Any]] = field(default_factory=list)

    @property
    def claims(self) -> dict[str, Any]:
        return {claim["id"]: claim for claim in self.judged["claims"]}

    def rendered(self, template: str) -> str:
        """One page."""
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(ROOT / "docs" / "templates"),
            undefined=jinja2.StrictUndefined,
            **{"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True},
        )
        environment.filters |= {"ratio": ratio, "cell": cell, "sentence": sentence, "limit": limit}
        environment.globals |= {"behind": partial(behind, self.claims), "passing": passing}
        kept = int((self.table["status"] != "not run").sum())
        runs = {"planned": len(self.table), "kept": kept, "cpu_hours": cpu_seconds(self.table) / 3600}
        runs["search_hours"] = search_hours()
        told = {"claims": self.claims, "runs": runs, "answers": self.answers(), "first_study": FIRST_STUDY}
        told |= {"verdicts": self.verdicts(), "standing": standing_pictures(self.compared), "coverage": self.coverage()}
        told |= {"overall": self.overall, "arms": differing_arms(self.claims)}
        return environment.get_template(template).render(**{**self.judged, **told, "errors": over_steps(self.compared)})

    @cached_property
    def compared(self) -> pd.DataFrame:
        """The networks of the comparison and of its shorter budgets, each in the variant that stands for it."""
        asked = asked_for(self.table, COMPARISON) | asked_for(self.table, COMPARISON, "rung_of")
        kept = asked & (self.table["status"] == "ok")
        preferred = self.table["method"].map(self.preferred) == self.table["variant"]
        return self.table[kept & preferred & (self.table["kind"] == "neural")]

    @cached_property
    def preferred(self) -> dict[str, str]:
        """The variant that stands for each method."""
        return {name: next(iter(load_card(name, ROOT).variants)) for name in method_folders(ROOT)}

    def coverage(self) -> dict[str, dict[str, float]]:
        """The share of values in the 90 % intervals of draws, by data set and by method with its own draws."""
        if COVERAGE not in self.table:
            return {}
        means = self.table.dropna(subset=[COVERAGE]).groupby(["dataset", "method"], sort=False)[COVERAGE].mean()
        return {str(name): dict(some.droplevel(0)) for name, some in means.groupby(level=0, sort=False)}

    def verdicts(self) -> dict[str, list[str]]:
        """The claims with each verdict, by their ids."""
        found: dict[str, list[str]] = {}
        for claim in self.claims.values():
            found.setdefault(claim["verdict"], []).append(claim["id"])
        return found

    def answers(self) -> list[Answered]:
        """The questions of reviewers with their answers."""
        return answered(self.claims, self.table, self.preferred)


def read_study(folder: Path) -> KeptStudy:
    """Read what is kept of a study."""
    judged = json.loads((folder / "report" / "claims.json").read_text(encoding="utf-8"))
    means = folder / "report" / "tables" / "methods-over-data-sets.csv"
    overall = pd.read_csv(means).head(LEADING).to_dict("records") if means.exists() else []
    return KeptStudy(judged, at_reached_budgets(pd.read_parquet(folder / "runs.parquet")), overall)


def behind(claims: dict[str, Any], *names: str) -> list[dict[str, Any]]:
    """Every rival of these claims, of the primary arm, whose interval lies above 1; the largest ratio first.

    ``kept`` says whether it is left after Holm's correction. A comparison of LaDID with itself has no rival.
    """
    made = {}
    for part in (part for name in names for part in claims[name]["details"]["parts"]):
        rivals = part["counted"] and part["limit"] == 1
        for dataset, one in ((some["name"], compared) for some in part["sets"] for compared in some["comparisons"]):
            if rivals and one["ratio"] is not None and one["interval"][0] > 1:
                kept = one["p_worse"] < TAIL or made.get((dataset, one["second"]), {}).get("kept", False)
                made[dataset, one["second"]] = {**one, "dataset": dataset, "kept": kept}
    return sorted(made.values(), key=lambda one: -one["ratio"])


def differing_arms(claims: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
    """The claims on which an arm of LaDID has another verdict than the primary one, by arm and verdict."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, claim in claims.items():
        for arm, verdict in claim["arms"].items():
            if verdict not in ("not run", claim["arms"][LADID]):
                found.setdefault(arm, {}).setdefault(verdict, []).append(name)
    return found


def passing(claim: dict[str, Any]) -> tuple[int, int]:
    """Count the other methods that stay below the limit of a claim on every data set, and all of them."""
    methods: dict[str, bool] = {}
    for told in (one for one in claim["details"]["parts"] if one["name"] == EVERY_OTHER):
        for one in (compared for some in told["sets"] for compared in some["comparisons"] if compared["interval"]):
            below = one["interval"][1] < told["limit"]
            methods[one["second"]] = methods.get(one["second"], True) and below
    return sum(methods.values()), len(methods)


def standing_pictures(runs: pd.DataFrame) -> dict[str, list[str]]:
    """Count by data set the longest trainings of each network that are no better than a standing picture, in words."""
    if STANDING not in runs:
        return {}
    found: dict[str, list[str]] = {}
    longest = runs[runs["steps"] == runs.groupby(["dataset", "method"])["steps"].transform("max")]
    for dataset, some in longest.assign(worse=longest[STANDING] >= 1).groupby("dataset", sort=False):
        counts = some.groupby("method", sort=False)["worse"].agg(["sum", "size"])
        told = [f"`{method}` {worse} of {total}" for method, worse, total in counts.itertuples() if worse]
        every = [f"all {len(some)} trainings ({len(counts)} networks)"] if some["worse"].all() else []
        found |= {str(dataset): every or told} if told else {}
    return found


def over_steps(runs: pd.DataFrame) -> dict[str, list[tuple[int, float]]]:
    """LaDID's mean error by number of steps on each data set that was trained to several, rising."""
    own, found = runs[runs["method"] == LADID], {}
    for dataset, some in own.groupby("dataset", sort=False):
        means = some.groupby("steps")[ERRORS[some["primary_metric"].iloc[0]]].mean()
        if len(means) > 1:
            found[str(dataset)] = list(means.items())
    return found


def search_hours() -> float:
    """CPU hours of the recorded searches for settings."""
    records = [record for name in method_folders(ROOT) for record in read_searches(name, ROOT).values()]
    trained = [one for record in records for trial in record.trials for one in trial.trainings]
    return sum(one.cpu_seconds for one in trained) / 3600


def cell(text: str) -> str:
    """A text that may stand in a table."""
    return text.replace("|", "\\|")


def sentence(text: str) -> str:
    """A text that begins with a capital letter and is otherwise as it was."""
    return text[:1].upper() + text[1:]


def ratio(comparison: dict[str, Any], key: str = "ratio") -> str:
    """A ratio with its interval, or why there is none."""
    if comparison[key] is None:
        return str(comparison["note"])
    return f"{comparison[key]:.2f} ({comparison['interval'][0]:.2f} to {comparison['interval'][1]:.2f})"


def limit(claim: dict[str, Any]) -> float:
    """The limit of the part whose ratio stands for a claim."""
    parts = claim["details"]["parts"]
    return next(part["limit"] for part in parts if part["name"] == claim["details"]["effect_of"])


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))
