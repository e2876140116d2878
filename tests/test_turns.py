"""Every file with slow tests has its turn in the gate, or a reason why not."""

from pathlib import Path

import pytest
import turns
import yaml


def test_every_file_with_slow_tests_has_a_turn_or_a_reason(root: Path) -> None:
    marked = {
        path.relative_to(root).as_posix()
        for path in (root / "tests").glob("test_*.py")
        if "mark.slow" in path.read_text(encoding="utf-8") and path.name != Path(__file__).name
    }
    assert marked == files()
    assert not set(turns.SUITES) & set(turns.LEFT_OUT)
    assert all(turns.LEFT_OUT.values())


def files() -> set[str]:
    """The files of which slow tests have a turn or are left out."""
    return set(turns.SUITES) | {test.partition("::")[0] for test in turns.LEFT_OUT}


def test_all_parts_have_their_turn_and_a_commit_has_the_same_one_each_time() -> None:
    assert turns.turn_of("a1") == turns.turn_of("a1")
    seen = {turns.turn_of(str(commit)) for commit in range(1000)}
    assert seen == {(file, part) for file, parts in turns.SUITES.items() for part in range(parts)}


def test_slow_tests_are_listed_by_name() -> None:
    assert turns.slow_tests("tests/test_crossed.py") == [
        "tests/test_crossed.py::test_the_whole_simulation_gives_the_numbers_in_the_docs"
    ]


def test_a_test_that_is_left_out_is_none_of_its_file(root: Path) -> None:
    """The others of the file have their turn; the one that is named is there."""
    file = "tests/test_crashes.py"
    (left_out,) = (test for test in turns.LEFT_OUT if test.startswith(f"{file}::"))
    assert f"\ndef {left_out.partition('::')[2]}(" in (root / file).read_text(encoding="utf-8")
    assert turns.slow_tests(file) == [f"{file}::test_killed_while_simulating_then_while_saving_then_while_rendering"]


@pytest.mark.parametrize(("count", "parts"), [(26, 5), (12, 12), (1, 1), (7, 3)])
def test_the_parts_are_all_of_the_tests_in_their_order(count: int, parts: int) -> None:
    tests = [str(number) for number in range(count)]
    divided = [turns.part_of(tests, part, parts) for part in range(parts)]
    assert [test for part in divided for test in part] == tests
    assert {len(part) for part in divided} <= {count // parts, count // parts + 1}


def test_the_weekly_workflow_runs_all_of_them(root: Path) -> None:
    weekly = yaml.safe_load((root / ".github" / "workflows" / "weekly.yml").read_text(encoding="utf-8"))
    suites = weekly["jobs"]["slow-tests"]["strategy"]["matrix"]["suite"]
    assert {f"tests/test_{suite}.py" for suite in suites} == files()
