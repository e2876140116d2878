"""``ladid-bench verify``: reruns leave what is kept alone, and are compared with it value by value."""

import json
import math
from pathlib import Path

import pytest
from checkouts import STUDY, Checkout
from commands import call
from hypothesis import given
from hypothesis import strategies as st
from refusals import BEGINNING, check_line, check_refusal

from ladid_bench.runs.records import read_attempts
from ladid_bench.runs.supervise import supervise
from ladid_bench.verification import rerunning
from ladid_bench.verification.agreement import (
    SPREADS,
    TRAINED,
    asks_for_the_same_bits,
    circumstances,
    compare,
    spread_over_seeds,
)

PROVENANCE = {
    "host": "here",
    "platform": "Linux",
    "processor": "one",
    "python": "3.11",
    "device": "cpu",
    "threads": 1,
    "versions": {"numpy": "2.0"},
    "data_sha256": {"train": "a", "test": "b"},
    "code_hash": "c",
    "commit": "0123456789abcdef",
    "dirty": False,
}


def record(nmse: float = 0.5, steps: int = 9, **provenance) -> dict:
    return {
        "status": "ok",
        "metrics": {"nmse_mean": nmse},
        "cost": {"parameters": 10.0, "steps": steps, "wall_seconds": 1.0},
        "history": [{"step": 4, "valid_nmse": 0.7}],
        "provenance": PROVENANCE | provenance,
    }


def snapshot(folder: Path) -> dict[Path, tuple[bytes, int]]:
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


ROUNDING = 1e-4


def outcome(
    kept: dict, found: dict, rounding: float | None = None, spread: dict | None = None, exact: bool = False
) -> str:
    worst = [value.outcome for value in compare(kept, found, rounding, spread or {}, exact)]
    return max(worst, key=["identical", "agrees", "differs"].index)


def test_a_rerun_is_identical_and_leaves_everything_kept_alone(checkout: Checkout) -> None:
    checkout.supervise("ladid")
    kept = snapshot(checkout.folders.results)
    code, said = call(checkout.root, "verify", "--all")
    assert code == 0, said
    assert said.splitlines()[-1].split(": ")[1].split()[:2] == ["1", "identical,"]
    assert snapshot(checkout.folders.results) == kept
    assert len(list(checkout.folders.work.glob("verify/results/tiny/records/*.json"))) == 1
    rows = next(checkout.folders.work.glob("verify/values-*.csv")).read_text().splitlines()
    assert len(rows) > 15
    assert all(row.endswith(",identical") for row in rows[1:])


def test_a_kept_number_that_was_changed_is_found_and_named(checkout: Checkout) -> None:
    run, _ = checkout.supervise("mean")
    path = checkout.folders.record(run.key)
    content = json.loads(path.read_text())
    content["metrics"]["fvu_pooled"] *= 1 + 1e-12
    path.write_text(json.dumps(content))
    code, said = call(checkout.root, "verify", run.key[:6])
    assert code == 1
    assert "fvu_pooled: 1." in said
    check_line(said.splitlines()[-1], BEGINNING, run.key[:8])
    arguments = ("verify", run.key[:6], "--other-machine", "--resume")
    code, said = call(checkout.root, *arguments)
    assert code == 0, said
    assert all(word in said for word in ("fvu_pooled", "1e-12"))


def test_a_failure_agrees_with_the_same_failure_alone(checkout: Checkout) -> None:
    checkout.add("strange", "raise ValueError('no')")
    run, _ = checkout.supervise("strange")
    (found,) = rerunning.verify(checkout.study, checkout.runs, [run], checkout.folders)
    assert found.outcome == "identical"
    assert len(read_attempts(checkout.folders.attempts(run.key))) == 1
    code = checkout.root / "baselines" / "strange" / "method.py"
    code.write_text(code.read_text().replace("raise ValueError('no')", "pass"))
    (found,) = rerunning.verify(checkout.study, checkout.runs, [run], checkout.folders)
    assert [(value.kept, value.found) for value in found.differing] == [("error", "ok")]
    assert all(word in rerunning.describe(found) for word in ("status", "error", "ok"))


def test_an_interrupted_call_goes_on_and_another_begins_anew(checkout: Checkout, monkeypatch) -> None:
    run, _ = checkout.supervise("mean")
    made = []
    monkeypatch.setattr(rerunning, "supervise", lambda *words: made.append(1) or supervise(*words))
    for resume, expected in ((False, 1), (True, 1), (False, 2)):
        rerunning.verify(checkout.study, checkout.runs, [run], checkout.folders, resume=resume)
        assert len(made) == expected
    monkeypatch.setattr(rerunning, "versions", lambda: {"numpy": "another"})
    rerunning.verify(checkout.study, checkout.runs, [run], checkout.folders, resume=True)
    assert len(made) == 3  # what other versions made is no rerun of these


def test_a_call_that_begins_anew_goes_on_from_no_earlier_training(checkout: Checkout) -> None:
    run, _ = checkout.supervise("mean")
    again = lambda resume: rerunning.verify(checkout.study, checkout.runs, [run], checkout.folders, resume)  # noqa: E731
    again(False)
    place, source = rerunning.place_for_reruns(checkout.folders), "0" * 16
    left = [place.trunk(source, "code") / "kept.pt", place.model(source) / "weights.pt", place.record(source)]
    for resume in (True, False):
        for path in left:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        again(resume)
        assert [path.exists() for path in left] == [resume] * 3  # a model of former code is nothing to start from


def test_without_a_kept_result_there_is_nothing_to_verify(checkout: Checkout) -> None:
    code, said = call(checkout.root, "verify", "--all")
    assert code == 1
    check_refusal(said, checkout.folders.results)


@pytest.mark.parametrize(
    ("factor", "words", "expected"),
    [
        (1, {"exact": True}, "identical"),
        (1 + 1e-15, {"exact": True}, "differs"),
        (1 + ROUNDING / 2, {"rounding": ROUNDING}, "agrees"),
        (1 + ROUNDING * 2, {"rounding": ROUNDING}, "differs"),
        (1 + TRAINED * 0.9, {}, "agrees"),
        (1 + TRAINED * 1.1, {}, "differs"),
        (1 + TRAINED * 0.9, {"spread": {"nmse_mean": 1e-9}}, "agrees"),
        (1 + TRAINED * 1.1, {"spread": {"nmse_mean": 1e-9}}, "differs"),
        (1 + 2 * 0.1 * SPREADS * 0.9, {"spread": {"nmse_mean": 0.1}}, "agrees"),
        (1 + 2 * 0.1 * SPREADS * 1.1, {"spread": {"nmse_mean": 0.1}}, "differs"),
    ],
)
def test_how_closely_a_rerun_has_to_agree(factor: float, words: dict, expected: str) -> None:
    assert outcome(record(), record(0.5 * factor), **words) == expected


def test_what_has_to_be_the_same_everywhere() -> None:
    assert outcome(record(), record(steps=8)) == "differs"
    assert outcome(record(), {**record(), "cost": {**record()["cost"], "parameters": 11.0}}) == "differs"
    assert outcome(record(), {**record(), "status": "diverged"}) == "differs"
    assert outcome(record(), {**record(), "metrics": {}}) == "differs"
    assert outcome({**record(), "metrics": {}}, record()) == "differs"
    assert outcome(record(), {**record(), "cost": {**record()["cost"], "wall_seconds": 99.0}}) == "identical"


def test_the_way_through_the_training_and_the_data_count_where_bits_do() -> None:
    other_way = {**record(), "history": [{"step": 4, "valid_nmse": 0.71}]}
    other_data = record(data_sha256={"train": "a", "test": "x"})
    for other in (other_way, other_data):
        assert outcome(record(), other) == "identical"
        assert outcome(record(), other, exact=True) == "differs"


def test_bits_are_asked_for_on_the_same_machine_with_the_same_versions_alone() -> None:
    assert asks_for_the_same_bits(record(), record())
    former = record()
    del former["provenance"]["processor"]  # records of former versions do not know it
    assert asks_for_the_same_bits(former, record())
    assert asks_for_the_same_bits(record(), record(versions={"numpy": "2.0", "pysindy": "2.1"}))
    changes = [{name: "other"} for name in ("host", "platform", "processor", "python", "device", "threads")]
    for change in [*changes, {"versions": {"numpy": "3.0"}}]:
        assert not asks_for_the_same_bits(record(), record(**change))
    assert not asks_for_the_same_bits(record(device="cuda"), record(device="cuda"))


def test_what_is_not_as_it_was_is_named() -> None:
    assert circumstances(record(), record(), "c") == ()
    changes = {"host": "there", "versions": {"numpy": "3.0", "torch": "2.6"}, "data_sha256": {"train": "x"}}
    told = circumstances(record(), record(**changes), "d")
    named = [("host", "here", "there"), ("numpy", "2.0", "3.0"), ("torch", "2.6")]
    named += [("data", "train", "test"), ("code", "0123456789ab")]
    for line, names in zip(told, named, strict=True):
        check_line(line, *names)
    attempt = {"status": "timeout", "reason": "", "host": "here", "platform": "Linux", "python": "3.10"}
    (changed,) = circumstances(attempt, record(), "c")
    check_line(changed, "python", "3.10", "3.11")


@given(st.lists(st.floats(0.01, 10), min_size=3, max_size=6))
def test_any_seed_agrees_with_itself_and_the_spread_is_that_of_the_seeds(errors: list[float]) -> None:
    records = [record(error) for error in errors]
    spread = spread_over_seeds(records)
    assert all(outcome(one, one, spread=spread) == "identical" for one in records)
    mean = math.fsum(errors) / len(errors)
    assert spread["nmse_mean"] ** 2 * (len(errors) - 1) == pytest.approx(sum((error - mean) ** 2 for error in errors))
    assert spread_over_seeds(records[:2]) == {}


def test_what_to_verify_has_to_be_said(checkout: Checkout) -> None:
    for words in ((), ("--all", "--method", "mean")):
        code, said = call(checkout.root, "verify", *words)
        assert code == 1
        check_refusal(said, "KEY", "--dataset", "--all")


def test_reruns_find_all_that_determines_a_run_and_seeds_of_the_source_do_not_count(checkout: Checkout) -> None:
    (checkout.root / "imported").mkdir()
    place = rerunning.place_for_reruns(checkout.folders)
    for name in ("config", "params.yaml", "baselines", "data", "imported"):
        assert (place.root / name).resolve() == (checkout.root / name).resolve()
    small = STUDY["datasets"]["pendulum"]
    block = {"init_from": "pendulum", "methods": ["gru"], "arms": ["fine-tuned"], "seeds": [0, 1]}
    checkout.configure(
        datasets={"pendulum": small, "pendulum--mass-2": small},
        experiments={"transfer": block | {"datasets": ["pendulum--mass-2"]}},
    )
    one, other = (run for run in checkout.runs.values() if run.init_from)
    assert one.seed != other.seed and rerunning._unseeded(one) == rerunning._unseeded(other)
