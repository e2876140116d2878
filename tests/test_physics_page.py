"""The physics checks as they are run, kept and shown: passes, failures, what is stale and what was not run."""

import json
import math
import re
import sys
from pathlib import Path

import pytest

from ladid_bench.cli.main import main
from ladid_bench.core.errors import BenchError
from ladid_bench.reporting import report
from ladid_bench.reporting.physics_page import significant, summary, write_physics_page
from ladid_bench.verification import physics
from ladid_bench.verification.physics import load_checks, results
from ladid_bench.verification.physics.base import Check
from ladid_bench.verification.physics.results import physics_file, read_results, run_checks, system_hash, up_to_date

STATES = ("passed", "failed", "not-run")
MEASURED = {"good": 1.0005, "bad": 1.5, "nan": math.nan}


def fails() -> float:
    raise RuntimeError("no <convergence>")


def checks() -> tuple[Check, ...]:
    made = [Check(name, 1.0, 0.001, f"source of {name}", lambda value=value: value) for name, value in MEASURED.items()]
    return (*made, Check("error", 1.0, 0.1, "a & b", fails), Check("slow", 0.0, 1.0, "-", lambda: 0.25, slow=True))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout in which two systems have five made-up checks each."""
    monkeypatch.setattr(
        results, "SYSTEMS", {name: results.SYSTEMS[name] for name in ("pendulum", "reaction-diffusion")}
    )
    monkeypatch.setattr(results, "load_checks", lambda system: checks())
    return tmp_path


def states(root: Path, system: str = "pendulum") -> dict[str, str]:
    found = up_to_date(read_results(physics_file(root)))
    return {result.quantity: result.state for result in found if result.system == system}


def test_checks_pass_or_fail_and_the_others_are_not_run(root: Path) -> None:
    ran = run_checks(["pendulum"], False, root)
    assert [result.quantity for result in ran] == ["good", "bad", "nan", "error"]
    assert states(root) == {"good": "passed", "bad": "failed", "nan": "failed", "error": "failed", "slow": "not run"}
    assert set(states(root, "reaction-diffusion").values()) == {"not run"}
    by_name = {result.quantity: result for result in ran}
    assert by_name["good"].measured == 1.0005
    assert by_name["nan"].measured is None
    assert by_name["error"].reason == "RuntimeError: no <convergence>"
    run_checks(["pendulum"], True, root)
    assert states(root)["slow"] == "passed"


def test_the_same_results_give_the_same_bytes(root: Path) -> None:
    run_checks(["pendulum"], True, root)
    before = physics_file(root).read_bytes()
    run_checks(["pendulum"], False, root)  # the slow one is kept
    assert physics_file(root).read_bytes() == before
    assert not re.search(rb"\d{4}-\d\d-\d\d", before)  # no date


def test_results_of_other_code_are_stale(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_checks(["pendulum", "reaction-diffusion"], True, root)
    monkeypatch.setattr(results, "system_hash", lambda system: system)
    assert set(states(root).values()) == {"stale"}
    run_checks(["pendulum"], False, root)
    assert states(root) == {"good": "passed", "bad": "failed", "nan": "failed", "error": "failed", "slow": "stale"}
    entries = json.loads(physics_file(root).read_text())["checks"]
    assert sum(entry["stale"] for entry in entries) == 1 + 5


def test_a_new_generator_version_makes_stale_and_a_check_that_is_gone_is_dropped(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_checks(["pendulum"], False, root)
    monkeypatch.setattr(results.SYSTEMS["pendulum"], "version", 99)
    assert states(root)["good"] == "stale"
    monkeypatch.setattr(results, "load_checks", lambda system: checks()[:1])
    assert list(states(root)) == ["good"]


def test_the_hash_follows_what_a_system_imports_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "ladid_bench"
    for name in ("datasets/simulated", "verification/physics"):
        (package / name).mkdir(parents=True)
    (package / "verification/physics" / "pendulum.py").write_text(
        "from ladid_bench.datasets.simulated.pendulum import Pendulum\n"
    )
    (package / "datasets/simulated" / "pendulum.py").write_text(
        "from ladid_bench.datasets.simulated.rods import draw\n"
    )
    (package / "datasets/simulated" / "rods.py").write_text("draw = 1\n")
    (package / "datasets/simulated" / "other.py").write_text("other = 1\n")
    monkeypatch.setattr(results, "PACKAGE", package)
    first = system_hash("pendulum")
    assert first == "48586620e46f7975"  # from Python 3.11, and the same from each later one
    (package / "datasets/simulated" / "other.py").write_text("other = 2\n")
    (package / "datasets/simulated" / "rods.py").write_text('"""In words."""\n\ndraw = 1  # a comment\n')
    assert system_hash("pendulum") == first
    (package / "datasets/simulated" / "rods.py").write_text("draw = 2\n")
    assert system_hash("pendulum") != first


def test_the_page_shows_every_check_and_loads_nothing(root: Path) -> None:
    run_checks(["pendulum"], False, root)
    path = root / "page" / "physics.html"
    write_physics_page(path, up_to_date(read_results(physics_file(root))))
    text = path.read_text()
    assert "1 passed, 3 failed" in text
    assert text.count("<tr>") == 2 + 10  # headings of two systems, and five checks of each
    assert [len(re.findall(rf'<td class="[^"]*c1 {name}"', text)) for name in STATES] == [1, 3, 6]
    assert text.count('class="caution"') == 1
    assert "--bar:50.0%" in text
    assert "500 times" in text
    assert "no &lt;convergence&gt;" in text
    assert "a &amp; b" in text
    assert re.findall(r'(?:src|href)="(?!#|index\.html)', text) == []
    assert "url(" not in text


def test_a_damaged_file_says_what_to_do(root: Path) -> None:
    physics_file(root).parent.mkdir()
    physics_file(root).write_text('{"checks": [{"system": "pendulum"}]}')
    with pytest.raises(BenchError, match="physics --slow"):
        run_checks(["pendulum"], False, root)


def test_a_system_without_checks_says_where_to_write_them() -> None:
    with pytest.raises(BenchError, match=r"no_such\.py"):
        load_checks("no-such")
    assert physics.load_checks("pendulum")


def test_numbers_have_the_digits_that_the_tolerance_can_tell() -> None:
    assert significant(2.0378679152, 1e-8) == "2.0378679152"
    assert significant(0.12526076, 1e-3) == "0.12526"
    assert significant(-1.2379e-11, 1e-10) == "\N{MINUS SIGN}1.2e\N{MINUS SIGN}11"
    assert significant(0, 1e-3) == "0"
    assert summary([]) == "no checks"


def test_the_command_prints_keeps_and_fails_in_one_line(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "config").mkdir()
    (root / "params.yaml").write_text("scale: demo\n")
    monkeypatch.chdir(root)
    for words in (["physics", "pendulum"], ["physics", "pendulm"]):
        monkeypatch.setattr(sys, "argv", ["ladid-bench", *words])
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == 1
        shown = capsys.readouterr()
        assert shown.err.count("\n") == 1
        if words[1] == "pendulum":
            assert "3 of 4 physics checks failed: pendulum, bad and 2 more" in shown.err
            assert len(re.findall("^(?:ok|FAILED) +pendulum ", shown.out, re.MULTILINE)) == 4
            assert physics_file(root).exists()
        else:
            assert "unknown system 'pendulm'; did you mean" in shown.err


def test_the_report_links_to_the_page(root: Path) -> None:
    run_checks(["pendulum"], False, root)
    folder = root / "report"
    assert report.write_pages_beside(folder, root) == [("physics.html", "Physics")]
    assert 'id="pendulum"' in (folder / "physics.html").read_text()
