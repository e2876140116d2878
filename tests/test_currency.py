"""Whether a report is of today's code: what draws it counts, whatever else is in the package does not."""

from pathlib import Path

import pytest
from checkouts import Checkout

from ladid_bench.analysis import currency
from ladid_bench.analysis.currency import report_hash, report_key, table_key
from ladid_bench.core import provenance


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        *(("reporting/page.py", True), ("reporting/deep/page.j2", True), ("reporting/page.css", True)),
        *(("analysis/glossary.yaml", True), ("analysis/claims.py", True), ("probing/probes.py", True)),
        *(("methods/base.py", False), ("reporting/notes.txt", False)),
    ],
)
def test_a_report_is_of_its_code_its_templates_and_its_words(
    name: str, counts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(currency, "PACKAGE", tmp_path)
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text("a\n")
    before = report_hash()
    (tmp_path / name).write_text("b\n")
    assert (report_hash() != before) == counts


def test_a_table_is_of_the_code_of_its_methods_and_a_report_of_all_that_it_shows(tmp_path: Path, root: Path) -> None:
    checkout = Checkout(tmp_path / "checkout", root)
    checkout.configure(experiments={"comparison": {"datasets": ["pendulum"], "methods": ["strange"]}})
    checkout.add("strange", "pass")
    checkout.add("unasked", "pass")
    folders, runs = checkout.folders, checkout.runs

    def changed(path: Path, text: str) -> tuple[bool, bool]:
        before = table_key(runs, folders), report_key("table", {"strange"}, folders)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        provenance._tree_hash.cache_clear()
        return table_key(runs, folders) != before[0], report_key("table", {"strange"}, folders) != before[1]

    baselines = checkout.root / "baselines"
    assert changed(baselines / "strange" / "method.py", "a = 1") == (True, False)
    assert changed(baselines / "unasked" / "method.py", "a = 1") == (False, False)
    card = baselines / "strange" / "method.yaml"
    assert changed(card, card.read_text() + " ") == (False, True)
    unasked = baselines / "unasked" / "method.yaml"
    assert changed(unasked, unasked.read_text() + " ") == (False, False)
    assert changed(checkout.root / "results" / "benchmarks" / "speed.json", "{}") == (False, True)
    assert changed(folders.results / "datasets" / "pendulum-0.json", "{}") == (False, True)


def test_a_table_is_of_which_experiments_a_shorter_budget_belongs_to(checkout: Checkout) -> None:
    """Two studies of the same two runs: the shorter one is a rung of the comparison, or of an ablation as well."""

    def key(**ablation: object) -> str:
        crossed = {"datasets": ["pendulum"], "methods": ["gru"]}
        checkout.configure(experiments={"comparison": crossed | {"rungs": [2, 4]}, "ablation": crossed | ablation})
        return table_key(checkout.runs, checkout.folders)

    assert key(rungs=[2, 4]) != key(rungs=[4])
