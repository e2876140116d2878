"""A key is enough: the run is found in whichever scale has it."""

from pathlib import Path

import pytest
import yaml
from checkouts import STUDY, Checkout
from commands import call
from refusals import check_refusal, refused

from ladid_bench.core.configuration import load_study
from ladid_bench.study.lookup import find_runs
from ladid_bench.study.plan import plan_runs


@pytest.fixture
def checkout(tmp_path: Path, root: Path) -> Checkout:
    """Scale ``tiny`` has the mean; scale ``other``, which is not the chosen one, has it and two more."""
    made = Checkout(tmp_path / "checkout", root)
    comparison = {"datasets": ["pendulum"], "methods": ["mean", "persistence", "ridge"]}
    other = STUDY | {"scale": "other", "experiments": {"comparison": comparison}}
    (made.root / "config" / "other.yaml").write_text(yaml.safe_dump(other))
    return made


def keys(checkout: Checkout) -> dict[str, str]:
    return {run.method: run.key for run in plan_runs(load_study("other", checkout.root), checkout.root).values()}


def test_the_chosen_scale_goes_first_and_the_others_have_the_rest(checkout: Checkout) -> None:
    key = keys(checkout)
    found = find_runs([key["mean"], key["ridge"][:9], key["persistence"]], checkout.root)
    assert [(one.run.method, one.study.scale, one.folders.scale) for one in found] == [
        ("mean", "tiny", "tiny"),  # the same key in both is the same run
        ("ridge", "other", "other"),
        ("persistence", "other", "other"),
    ]
    assert find_runs([key["mean"]], checkout.root, "other")[0].folders.scale == "other"


def test_what_no_scale_has_and_what_several_runs_are_called_is_refused(checkout: Checkout) -> None:
    key = keys(checkout)
    with refused("'ffff'", "tiny", "other"):
        find_runs(["ffff"], checkout.root)
    with refused(key["ridge"]):
        find_runs([key["ridge"]], checkout.root, "tiny")
    for scale in (None, "other"):  # the chosen scale has one run alone, but the others might be meant
        with refused(*(one[:12] for one in key.values()), "ridge on pendulum"):
            find_runs([""], checkout.root, scale)
    assert find_runs([key["mean"][:8]], checkout.root)[0].folders.scale == "tiny"


def test_commands_need_no_scale(checkout: Checkout) -> None:
    def say(*words: str) -> tuple[int, str]:
        return call(checkout.root, *words)

    key = keys(checkout)["persistence"][:9]
    code, said = say("run", key)
    assert code == 0, said
    assert len(list(checkout.root.glob("results/other/records/*.json"))) == 1
    code, said = say("verify", key)
    assert code == 0, said
    for command in ("probe", "inspect", "model"):  # a closed-form method has nothing of the kind, which is said of it
        code, said = say(command, key)
        assert code == 1
        check_refusal(said, "persistence")
    code, said = say("verify", key, keys(checkout)["mean"])
    assert code == 1
    check_refusal(said, "tiny", "other")
