"""Write the pages that are made from something else: ``python docs/generate.py``.

The results of the kept study come from its ``claims.json``, in ``docs/results.md`` and between two markers in
README; the glossary in ``docs/concepts.md`` is that of the report; the reference of the commands comes from the command
line itself. A test holds all of them to be up to date.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from ladid_bench.reporting.glossary import glossary

ROOT = Path(__file__).resolve().parent.parent
STUDY = ROOT / "results" / "cpu"
REFERENCE = ("ladid_bench.cli.main", "utils", "docs", "--name", "ladid-bench", "--title", "Commands")


def pages() -> dict[Path, str]:
    """The text of every generated page, by its path."""
    made = {"README.md": ("findings", _rendered("findings.md.j2")), "docs/concepts.md": ("glossary", glossary_table())}
    filled = {ROOT / name: _filled((ROOT / name).read_text(encoding="utf-8"), *one) for name, one in made.items()}
    return {**filled, **results(), **commands()}


def glossary_table() -> str:
    """The glossary of the report, a row a word."""
    rows = (f"| **{word}** | {meaning} |\n" for word, meaning in glossary().items())
    return f"| word | meaning |\n|---|---|\n{''.join(rows)}"


def results() -> dict[Path, str]:
    """What the kept study says of each claim."""
    return {ROOT / "docs" / "results.md": _rendered("results.md.j2")}


def commands() -> dict[Path, str]:
    """The reference of the commands, as typer writes it."""
    made = subprocess.run([sys.executable, "-m", "typer", *REFERENCE], capture_output=True, text=True, check=True)
    return {ROOT / "docs" / "reference" / "commands.md": made.stdout.strip() + "\n"}


def _filled(page: str, name: str, text: str) -> str:
    """A page with ``text`` between its markers of that name."""
    between = rf"(?<=<!-- {name}: begin -->\n).*(?=<!-- {name}: end -->)"
    return re.sub(between, lambda _: text, page, flags=re.DOTALL)


def _rendered(template: str) -> str:
    judged = json.loads((STUDY / "report" / "claims.json").read_text(encoding="utf-8"))
    claims = {claim["id"]: claim for claim in judged["claims"]}
    status = pd.read_parquet(STUDY / "runs.parquet")["status"]
    runs = {"planned": len(status), "kept": int((status != "not run").sum())}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / "docs" / "templates"),
        undefined=jinja2.StrictUndefined,
        **{"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True},
    )
    environment.filters |= {"ratio": ratio, "cell": cell, "sentence": sentence}
    environment.globals |= {"found": partial(found, claims), "span": partial(span, claims)}
    return environment.get_template(template).render(**{**judged, "claims": claims, "runs": runs})


def found(claims: dict[str, Any], claim: str, dataset: str, rival: str) -> dict[str, Any]:
    """The first comparison that a claim makes with a rival on a data set."""
    return next(made for name, made in comparisons(claims[claim]) if (name, made["second"]) == (dataset, rival))


def span(claims: dict[str, Any], claim: str, *rivals: str) -> str:
    """The smallest and the largest ratio that a claim has to any of these rivals."""
    ratios = [made["ratio"] for _, made in comparisons(claims[claim]) if made["second"] in rivals]
    return f"{min(ratios):.2f} to {max(ratios):.2f}"


def comparisons(claim: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every comparison behind a claim, after the name of its data set."""
    for part in claim["details"]["parts"]:
        for one in part["sets"]:
            yield from ((one["name"], made) for made in one["comparisons"])


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


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))
