"""The search for hyper-parameters: equal for all, on validation data, resumable, and what the cards stand on."""

import json
from pathlib import Path

import pytest
from checkouts import Checkout
from refusals import refused

from ladid_bench.core.configuration import load_study
from ladid_bench.core.paths import Folders
from ladid_bench.methods.registry import load_card, method_folders
from ladid_bench.runs.search import SEARCH, best_trial, run_search
from ladid_bench.study.plan import plan_runs

SPACE = {"bias": [0.0, 0.25, 0.5, 1.0]}
FIT = """
        self.error = (self.settings.bias - 0.25) ** 2
        if self.settings.bias == 1.0:
            raise Diverged("too far")
    def history(self):
        return [{"step": 1, "valid_nmse": 1.0}, {"step": 2, "valid_nmse": self.error}]
"""


@pytest.fixture
def searched(tmp_path: Path, root: Path) -> Checkout:
    """A checkout with a method whose validation error is known for every setting."""
    checkout = Checkout(tmp_path / "checkout", root)
    checkout.configure(search={"dataset": "pendulum", "trials": 4, "steps": 2})
    checkout.add("quadratic", FIT.strip(), settings={"bias": 0.0}, search=SPACE)
    return checkout


def trials(checkout: Checkout) -> list[dict]:
    path = run_search(checkout.study, checkout.folders, "quadratic")
    assert path == checkout.root / "baselines" / "quadratic" / SEARCH
    return json.loads(path.read_text())["trials"]


def test_every_trial_is_recorded_the_first_with_the_settings_of_the_card(searched: Checkout) -> None:
    found = trials(searched)
    assert found[0]["settings"]["bias"] == 0.0
    assert sorted(trial["settings"]["bias"] for trial in found) == SPACE["bias"]
    errors = {trial["settings"]["bias"]: trial.get("valid_nmse") for trial in found}
    assert errors == {0.0: 0.0625, 0.25: 0.0, 0.5: 0.0625, 1.0: None}
    assert [trial["status"] for trial in found if trial["settings"]["bias"] == 1.0] == ["diverged"]
    best = best_trial(found)
    assert best is not None and found[best]["settings"] == {"bias": 0.25}


def test_the_test_split_is_not_even_made(searched: Checkout) -> None:
    trials(searched)
    made = {path.parent.name for path in searched.folders.data.rglob("*.hdf5")}
    assert made == {"train", "valid"}


def test_an_interrupted_search_goes_on(searched: Checkout) -> None:
    first = trials(searched)
    path = searched.root / "baselines" / "quadratic" / SEARCH
    content = json.loads(path.read_text())
    content["trials"] = [first[0] | {"valid_nmse": 7.0}, first[1]]  # marked, to see that it is kept
    path.write_text(json.dumps(content))
    again = trials(searched)
    assert again[0]["valid_nmse"] == 7.0
    assert [trial["settings"] for trial in again] == [trial["settings"] for trial in first]


def test_another_budget_starts_a_search_of_its_own(searched: Checkout) -> None:
    trials(searched)
    path = searched.root / "baselines" / "quadratic" / SEARCH
    content = json.loads(path.read_text())
    content["trials"][0]["valid_nmse"] = 7.0
    path.write_text(json.dumps(content))
    searched.configure(search={"dataset": "pendulum", "trials": 4, "steps": 3})
    assert trials(searched)[0]["valid_nmse"] != 7.0


def test_a_method_with_nothing_to_search_is_one_line(searched: Checkout) -> None:
    with refused("mean/method.yaml", "'search'"):
        run_search(searched.study, searched.folders, "mean")


def kept_methods(root: Path) -> list[str]:
    """Neural methods of which results are kept; others may still wait for their search."""
    kept = sorted(path.parent.name for path in (root / "results").glob("*/records"))
    places = {scale: Folders(root, scale) for scale in kept if scale not in ("smoke", "demo")}
    runs = [run for scale in places for run in plan_runs(load_study(scale, root), root).values()]
    return sorted(
        {run.method for run in runs if run.card.kind == "neural" and places[run.scale].record(run.key).exists()}
    )


def searched_methods(root: Path) -> list[str]:
    return [name for name, folder in method_folders(root).items() if (folder / SEARCH).exists()]


def test_every_neural_method_of_which_results_are_kept_was_searched(root: Path) -> None:
    missing = set(kept_methods(root)) - set(searched_methods(root))
    assert not missing, f"no recorded search; run 'ladid-bench search {min(missing)} --scale cpu'"


SEARCHED = {"ladid": "film"}  # the arm that a kept search was made for, where it is not the first on the card


def test_every_neural_method_got_the_same_search_and_has_what_it_found(root: Path) -> None:
    efforts = set()
    for name in searched_methods(root):
        card, path = load_card(name, root), method_folders(root)[name] / SEARCH
        found = json.loads(path.read_text())
        identity, records = found["identity"], found["trials"]
        assert len(records) == identity["trials"], f"{name}: the search has not ended"
        effort = {key: identity[key] for key in ("budget", "trials", "seed")}
        efforts.add(json.dumps([effort, identity["data"]["dataset"], identity["data"]["trajectories"]]))
        assert found["best"] == best_trial(records)
        chosen = records[found["best"]]["settings"]
        first = card.settings | card.variants[SEARCHED.get(name, next(iter(card.variants)))]
        assert {key: first[key] for key in chosen} == chosen, name
    assert len(efforts) == 1
