"""What README says of the kept study is what its report says; who has run more of the study is not held to it."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ladid_bench.core.configuration import load_study
from ladid_bench.core.paths import Folders
from ladid_bench.study.plan import plan_runs

ROW = re.compile(r"^\| (C\d+): [^|]+ \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
RATIO = re.compile(r"(\d\.\d\d)(?: \(|; )(\d\.\d\d) to (\d\.\d\d)\)")


@pytest.fixture(scope="module", autouse=True)
def as_committed(root: Path) -> None:
    command = ["git", "-C", str(root), "status", "--porcelain", "--", "results/cpu"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or done.stdout:
        pytest.skip("results/cpu is not as committed")


@pytest.fixture(scope="module")
def section(root: Path) -> str:
    text = (root / "README.md").read_text()
    return text[text.index("## What the study says so far") :].split("\n## ")[0]


@pytest.fixture(scope="module")
def claims(root: Path) -> dict[str, dict[str, Any]]:
    found = json.loads((Folders(root, "cpu").results / "report" / "claims.json").read_text())["claims"]
    return {claim["id"]: claim for claim in found}


def ratios(claim: dict[str, Any]) -> set[tuple[str, ...]]:
    """Every ratio of a claim with its interval, to two digits."""
    made = [one for part in claim["details"]["parts"] for found in part["sets"] for one in found["comparisons"]]
    told = [(one["ratio"], one["interval"]) for one in made] + [(claim["effect"], claim["interval"])]
    return {tuple(f"{value:.2f}" for value in (ratio, *ends)) for ratio, ends in told if ratio is not None}


def test_verdicts(section: str, claims: dict[str, dict[str, Any]]) -> None:
    told = {name: verdict for name, verdict, _ in ROW.findall(section)}
    assert told == {name: claim["verdict"] for name, claim in claims.items() if claim["verdict"] != "not run"}


def test_numbers(section: str, claims: dict[str, dict[str, Any]]) -> None:
    told = {name: RATIO.findall(measured) for name, _, measured in ROW.findall(section)}
    assert sum(map(len, told.values())) > 8
    for name, found in told.items():
        assert set(found) <= ratios(claims[name]), name
    everywhere = RATIO.findall(" ".join(section.split()))  # below the table lines are wrapped
    assert len(everywhere) > sum(map(len, told.values()))
    assert set(everywhere) <= set.union(*map(ratios, claims.values()))


def test_how_much_has_been_run(section: str, root: Path) -> None:
    told = re.search(r"([\d,]+) of its\s+([\d,]+)\s+runs", section)
    assert told
    done, planned = (int(number.replace(",", "")) for number in told.groups())
    table = pd.read_parquet(Folders(root, "cpu").results / "runs.parquet")
    assert planned == len(table) == len(plan_runs(load_study("cpu", root), root))
    assert done == (table["status"] != "not run").sum()
