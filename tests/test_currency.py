"""Whether a report is of today's code: what draws it counts, whatever else is in the package does not."""

from pathlib import Path

import pytest

from ladid_bench.analysis import currency
from ladid_bench.analysis.currency import report_hash


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
