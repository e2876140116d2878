"""The kept list of planted faults is one that can be planted."""

import ast
from pathlib import Path

import planted
import pytest


def test_every_fault_can_be_planted_where_it_says(root: Path) -> None:
    faults = planted.kept_faults()
    assert len(faults) >= 60
    assert len({(fault.file, fault.old, fault.new) for fault in faults}) == len(faults)
    for fault in faults:
        changed = fault.planted_in((root / fault.file).read_text(encoding="utf-8"))
        if fault.file.endswith(".py"):
            ast.parse(changed)


def test_the_tests_that_are_named_are_there(root: Path) -> None:
    named = {test.partition("[")[0] for fault in planted.kept_faults() for test in fault.tests}
    assert named
    for test in named:
        file, _, name = test.partition("::")
        text = (root / file).read_text(encoding="utf-8")
        assert not name or f"\ndef {name}(" in text, test


def test_a_text_that_is_not_there_once_is_refused() -> None:
    fault = planted.Fault("a.py", "1", "2", ("tests/test_a.py",))
    assert fault.planted_in("x = 1") == "x = 2"
    for text in ("x = 3", "x = 1 + 1"):
        with pytest.raises(ValueError, match=r"a\.py"):
            fault.planted_in(text)


def test_a_commit_has_a_few_faults_of_its_own_and_all_have_their_turn() -> None:
    faults = planted.kept_faults()
    assert planted.of_commit(faults, "a1") == planted.of_commit(faults, "a1")
    turns = [planted.of_commit(faults, str(commit)) for commit in range(5 * len(faults))]
    assert {len(set(turn)) for turn in turns} == {planted.FEW}
    assert set().union(*turns) == set(faults)


def test_a_planted_fault_is_gone_afterwards(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    fault = planted.Fault("a.py", "1", "2", ())
    with planted.planted(fault, tmp_path, 7):
        assert ((tmp_path / "a.py").read_text(), (tmp_path / "a.py").stat().st_mtime) == ("x = 2\n", 7)
    assert ((tmp_path / "a.py").read_text(), (tmp_path / "a.py").stat().st_mtime) == ("x = 1\n", 8)
