"""The search for hyper-parameters: equal for all methods, on validation data, resumable, and what methods get of it."""

import json
import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from checkouts import Checkout
from commands import said
from refusals import refused

from ladid_bench.core.configuration import DATA_KINDS, Budget, Search, Stage, load_study
from ladid_bench.core.paths import Folders
from ladid_bench.methods.registry import GROWTH, load_card, method_folders, resolve_settings
from ladid_bench.methods.searched import CARD, SearchRecord, Trained, Trial, read_search
from ladid_bench.runs.halving import beyond_edges, going_on, most_steps, widen
from ladid_bench.runs.search import PlannedSearch, plan_search, run_search, search
from ladid_bench.study.datasets import SOURCES
from ladid_bench.study.plan import plan_runs

SPACE = {"bias": [0.1, 0.2, 0.4], "width": [8, 16]}
STAGES = [{"trials": 9, "steps": 2}, {"trials": 3, "steps": 4}, {"trials": 1, "steps": 8}]
FIT = """
        self.error = (self.settings.bias - 0.8) ** 2 + 1 / training.budget.steps
        if self.settings.width == 16 and not self.settings.growth:
            raise Diverged("too wide")
    def history(self):
        return [{"step": 1, "valid_nmse": 9.0}, {"step": 2, "valid_nmse": self.error}]
"""


@pytest.fixture
def searched(tmp_path: Path, root: Path) -> Checkout:
    """A checkout with a method whose validation error is known for every setting."""
    checkout = Checkout(tmp_path / "checkout", root)
    checkout.configure(search={"datasets": {"bodies": "pendulum"}, "stages": STAGES})
    settings = {"learning_rate": 0.1, "bias": 0.4, "width": 8}
    checkout.add("quadratic", FIT.strip(), kind="neural", settings=settings, search=SPACE)
    return checkout


def searching(checkout: Checkout, method: str = "quadratic") -> PlannedSearch:
    return plan_search(checkout.study, checkout.folders, method, "bodies")


def made(error: float | None, steps: int = 300) -> Trained:
    status = "ok" if error is not None else "diverged"
    history = [] if error is None else [{"step": steps, "valid_nmse": error}]
    return Trained(
        **{"steps": steps, "status": status, "valid_nmse": error, "history": history},
        **{"seconds": 1.0, "cpu_seconds": 1.0, "provenance": {}},
    )


def tried(*errors: tuple[bool, float | None], steps: int = 300) -> list[Trial]:
    """Trials with and without growth, and their errors."""
    return [Trial(settings={GROWTH: growth}, origin=CARD, trainings=[made(error, steps)]) for growth, error in errors]


# Which trials are made, and which go on


def test_the_best_of_either_growth_and_then_the_best_of_all_go_on() -> None:
    trials = tried((True, 0.9), (False, 0.2), (False, 0.3), (False, 0.4), (True, 0.8), (True, None))
    assert going_on(trials, 300, Stage(trials=3, steps=600), last=False) == [1, 4, 2]
    assert going_on(trials, 300, Stage(trials=1, steps=600), last=False) == [1]


def test_the_card_is_trained_to_the_end_beside_the_best_of_the_others() -> None:
    last = Stage(trials=1, steps=600)
    assert going_on(tried((True, 0.1), (False, 0.2), (True, 0.3)), 300, last, last=True) == [1, 0]
    assert going_on(tried((True, 0.9), (False, 0.4), (True, 0.3)), 300, last, last=True) == [2, 0]
    both = tried((True, 0.1), (False, 0.2), (False, 0.3), (True, 0.4))
    assert going_on(both, 300, Stage(trials=2, steps=600), last=True) == [1, 3, 0]


@pytest.mark.parametrize(
    ("values", "best", "beyond"),
    [
        ([5e-4, 1e-3, 1.5e-3], 1.5e-3, 2.25e-3),  # by the ratio at that edge, 1.5
        ([5e-4, 1e-3, 1.5e-3], 5e-4, 2.5e-4),  # by the ratio at this one, 2
        ([5e-4, 1e-3, 1.5e-3], 1e-3, None),
        ([4, 8, 32], 32, 128),
        ([4, 8, 32], 4, 2),
        ([1, 4], 1, None),  # a quarter, and no whole number
        ([0.0, 0.1], 0.1, 0.2),
        ([0.0, 0.1], 0.0, None),  # nothing lies below 0
        ([True, False], True, None),
        (["t", "dp"], "dp", None),
        ([0.1], 0.1, None),
    ],
)
def test_a_range_goes_on_beyond_the_edge_at_which_the_best_value_lies(values, best, beyond) -> None:
    assert widen({"one": best}, {"one": values}) == ({} if beyond is None else {"one": pytest.approx(beyond)})


def test_longer_ranges_are_widened_first_and_one_setting_a_trial() -> None:
    space = {"weight": [0.1, 1.0], "rate": [1.0, 2.0, 4.0], "size": [8, 16]}
    best = Trial(settings={"weight": 1.0, "rate": 4.0, "size": 8}, origin=CARD, trainings=[made(0.1)])
    worse = best.model_copy(update={"settings": best.settings | {"rate": 2.0}, "trainings": [made(0.2)]})
    found = beyond_edges([worse, best], 300, space, 2)
    assert [trial.settings for trial in found] == [best.settings | {"rate": 8.0}, best.settings | {"weight": 10.0}]


def test_the_steps_of_a_search_count_what_trunks_share_once() -> None:
    """7 x 300, 2 from the trunk at 240 to 600; from there one to 1,200, and the card from 240 on."""
    usual = [*Search().stages, Stage(trials=1, steps=1200)]
    assert most_steps(usual[:2], Budget()) == 7 * 300 + 3 * (600 - 240)
    assert most_steps(usual, Budget()) == 7 * 300 + 2 * (600 - 240) + (1200 - 480) + (1200 - 240)


def test_stages_get_longer_and_have_fewer_trials(searched: Checkout) -> None:
    for wrong in ([{"trials": 2, "steps": 4}, {"trials": 3, "steps": 8}], [STAGES[0], STAGES[0]]):
        searched.configure(search={"stages": wrong})
        with refused("search.stages"):
            _ = searched.study


# A search by a known objective


def test_the_constructed_optimum_beyond_the_range_is_found_and_chosen(searched: Checkout) -> None:
    """The error falls with the bias, whose range ends at 0.4: the range is widened to 0.8, where the optimum is."""
    record = run_search(searching(searched))
    assert record.ended and record.chosen is not None
    assert len(record.trials) == 9
    assert record.trials[0].settings == {"bias": 0.4, "width": 8, GROWTH: True}
    drawn = [tuple(trial.settings.values()) for trial in record.trials]
    assert len(set(drawn)) == 9
    assert [trial.settings[GROWTH] for trial in record.trials[:6]] == [True, False] * 3
    chosen = record.trials[record.chosen]
    assert chosen.settings["bias"] == pytest.approx(0.8)
    assert "bias" in chosen.origin
    assert chosen.error(8) == pytest.approx(1 / 8)
    counts = {steps: sum(trial.at(steps) is not None for trial in record.trials) for steps in (2, 4, 8)}
    assert counts == {2: 9, 4: 3, 8: 2}
    assert record.trials[0].at(8) is not None
    diverged = [one for one in record.trials if one.settings["width"] == 16 and not one.settings[GROWTH]]
    assert diverged and all([one.status for one in trial.trainings] == ["diverged"] for trial in diverged)
    assert not any(searched.folders.work.glob("trials/*"))


def test_a_method_gets_on_each_kind_of_data_what_was_chosen_for_it(searched: Checkout) -> None:
    own = resolve_settings("quadratic", "default", {}, searched.root)
    record = run_search(searching(searched))
    assert record.chosen is not None
    chosen = record.trials[record.chosen].settings
    assert resolve_settings("quadratic", "default", {}, searched.root, "bodies") == own | chosen
    assert resolve_settings("quadratic", "default", {}, searched.root, "fields") == own
    assert resolve_settings("quadratic", "default", {"bias": 3.0}, searched.root, "bodies")["bias"] == 3.0
    searched.configure(
        datasets={"pendulum": {}, "wave": {}},
        experiments={"comparison": {"datasets": ["pendulum", "wave"], "methods": ["quadratic"]}},
    )
    biases = {run.dataset.name: run.settings["bias"] for run in searched.runs.values()}
    assert biases == {"pendulum": chosen["bias"], "wave": 0.4}
    started = {"init_from": "pendulum", "datasets": ["wave"], "methods": ["quadratic"], "arms": ["fine-tuned"]}
    searched.configure(datasets={"pendulum": {}, "wave": {}}, experiments={"transfer": started})
    runs = list(searched.runs.values())
    assert [run.settings["bias"] for run in runs] == [chosen["bias"]] * 2  # weights of the one fit the other
    assert [run.settings[GROWTH] for run in runs] == [chosen[GROWTH], False]


def test_nothing_is_taken_from_a_search_before_it_has_ended(searched: Checkout) -> None:
    planned = searching(searched)
    own = resolve_settings("quadratic", "default", {}, searched.root)
    with pytest.raises(KeyboardInterrupt):
        search(planned, interrupted_after(8, planned))
    kept = read_search(planned.folder, "bodies")
    assert kept is not None and not kept.ended
    assert sum(len(trial.trainings) for trial in kept.trials) == 8
    assert resolve_settings("quadratic", "default", {}, searched.root, "bodies") == own


def objective(settings: dict[str, Any], steps: int) -> Trained:
    """Errors as if by chance, but always the same."""
    return made(zlib.crc32(json.dumps(settings).encode()) / steps, steps)


def interrupted_after(count: int, planned: PlannedSearch):
    left = [count]

    def train(orders: Iterable) -> Iterator[Trained]:
        for _, settings, steps in orders:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            yield objective(settings, steps)

    return train


@pytest.mark.parametrize("after", range(1, 14))
def test_a_search_that_stops_anywhere_goes_on_to_the_same_record(searched: Checkout, after: int) -> None:
    planned = searching(searched)
    whole = search(planned, interrupted_after(14, planned))
    (planned.folder / "search-bodies.json").unlink()
    with pytest.raises(KeyboardInterrupt):
        search(planned, interrupted_after(after, planned))
    calls: list[int] = []

    def counted(orders: Iterable) -> Iterator[Trained]:
        for _, settings, steps in orders:
            calls.append(steps)
            yield objective(settings, steps)

    assert search(planned, counted) == whole
    assert len(calls) == 14 - after
    assert read_search(planned.folder, "bodies") == whole


def test_a_search_that_ended_trains_nothing_again_and_another_one_does(searched: Checkout) -> None:
    planned = searching(searched)
    record = search(planned, interrupted_after(14, planned))
    assert search(planned, interrupted_after(0, planned)) == record
    searched.configure(search={"datasets": {"bodies": "pendulum"}, "stages": STAGES, "seed": 1})
    with pytest.raises(KeyboardInterrupt):
        search(searching(searched), interrupted_after(0, planned))


def test_every_neural_method_gets_the_same_numbers_of_trials_and_steps(root: Path, monkeypatch) -> None:
    """Over all cards and kinds of data, whatever the ranges are and wherever the best value lies."""
    monkeypatch.setattr(PlannedSearch, "keep", lambda planned, record: None)
    monkeypatch.setattr(PlannedSearch, "former", nothing_yet)
    study, folders = load_study("cpu", root), Folders(root, "cpu")
    neural = [name for name in method_folders(root) if load_card(name, root).kind == "neural"]
    counts: dict[tuple[int, ...], int] = {}
    for planned in (plan_search(study, folders, name, kind) for name in neural for kind in DATA_KINDS):
        record = search(planned, lambda orders: (objective(settings, steps) for _, settings, steps in orders))
        steps = tuple(sorted(one.steps for trial in record.trials for one in trial.trainings))
        counts[steps] = counts.get(steps, 0) + 1
        assert {trial.settings[GROWTH] for trial in record.trials} == {True, False}
        first, second = (trial.settings for trial in record.trials[:2])
        assert first == planned.identity.card and second == first | {GROWTH: not first[GROWTH]}
    assert counts == {(300,) * 7 + (600,) * 3: len(neural) * len(DATA_KINDS)}


def nothing_yet(planned: PlannedSearch) -> SearchRecord:
    return SearchRecord(identity=planned.identity, trials=[], ended=False, chosen=None)


# With a network


def killed(checkout: Checkout, trainings: int) -> None:
    """Search for settings of ``gru`` and kill the process once the record has so many trainings."""
    words = [sys.executable, "-m", "ladid_bench", "search", "gru", "--kind", "bodies", "--scale", "tiny"]
    process = subprocess.Popen(words, cwd=checkout.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    path = method_folders(checkout.root)["gru"] / "search-bodies.json"
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if path.exists() and sum(len(one["trainings"]) for one in json.loads(path.read_text())["trials"]) >= trainings:
            os.kill(process.pid, signal.SIGKILL)
        time.sleep(0.01)
    assert process.wait() == -signal.SIGKILL


def results(record: SearchRecord) -> list[Any]:
    """What does not depend on the machine."""
    unstable = {"seconds", "cpu_seconds", "provenance"}
    trials = [
        (trial.settings, trial.origin, [one.model_dump(exclude=unstable) for one in trial.trainings])
        for trial in record.trials
    ]
    return [trials, record.ended, record.chosen]


def searched_by(folder: Path, root: Path, stages: list[dict[str, int]], *kills: int, jobs: int = 1) -> SearchRecord:
    """The record of a search for settings of ``gru``, killed each time that it has so many trainings."""
    checkout = Checkout(folder, root)
    checkout.configure(search={"datasets": {"bodies": "pendulum"}, "stages": stages})
    for trainings in kills:
        killed(checkout, trainings)
    return run_search(searching(checkout, "gru"), jobs)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, root: Path) -> SearchRecord:
    """A search that nobody disturbed."""
    return searched_by(tmp_path_factory.mktemp("whole") / "checkout", root, STAGES)


def test_a_search_that_is_killed_makes_the_record_that_it_would_have_made(tmp_path, root: Path, whole) -> None:
    """Killed twice, and ended by two trainings side by side."""
    record = searched_by(tmp_path / "checkout", root, STAGES, 4, 10, jobs=2)
    assert results(record) == results(whole)
    assert record.ended and record.chosen is not None


def test_a_longer_training_of_a_trial_is_that_of_a_search_without_stages(tmp_path: Path, root: Path, whole) -> None:
    """Trial 0 to 8 steps, by the trunks of 2 and 4, has the error of a training for 8 from the beginning."""
    at_once = searched_by(tmp_path / "checkout", root, [{"trials": 9, "steps": 7}, {"trials": 1, "steps": 8}])
    assert whole.trials[0].error(8) == at_once.trials[0].error(8) is not None


def test_the_test_split_is_not_even_made(searched: Checkout) -> None:
    run_search(searching(searched))
    made_splits = {path.parent.name for path in searched.folders.data.rglob("*.hdf5")}
    assert made_splits == {"train", "valid"}


def test_the_command_says_the_cost_before_it_trains_and_what_it_chose(searched: Checkout) -> None:
    first, total, *others = said(searched.root, "search", "quadratic", "--kind", "bodies").splitlines()
    assert "quadratic" in first and "at most 35 steps" in first  # 9 x 2, 3 x (4 - 2), 8 - 3, and the card 8 - 2
    assert "CPU-hours" in total
    assert sum("<- chosen" in line for line in others) == 1
    assert others[-1].endswith("search-bodies.json")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["mean", "--kind", "bodies"], "mean"),
        (["quadratic", "--kind", "planets"], "planets"),
        (["quadratic", "--kind", "fields"], "fields"),
    ],
)
def test_what_cannot_be_searched_is_one_line(searched: Checkout, words: list[str], named: str) -> None:
    (line,) = said(searched.root, "search", *words, code=1).splitlines()
    assert named in line


def test_a_data_set_of_another_kind_is_refused(searched: Checkout) -> None:
    searched.configure(search={"datasets": {"fields": "pendulum"}, "stages": STAGES})
    with refused("search.datasets", "pendulum", "bodies", "fields"):
        plan_search(searched.study, searched.folders, "quadratic", "fields")


def test_ranges_with_too_few_values_are_refused(searched: Checkout) -> None:
    searched.add("narrow", kind="neural", settings={"learning_rate": 0.1}, search={"learning_rate": [0.1, 0.2]})
    with refused("search", "4 combinations", "9"):
        run_search(searching(searched, "narrow"))


def test_every_source_says_of_which_kind_it_is() -> None:
    kinds = {name: source.kind for name, source in SOURCES.items()}
    assert {name for name, kind in kinds.items() if kind == "bodies"} == {"pendulum", "double-pendulum"}
    assert {name for name, kind in kinds.items() if kind == "measured"} == {
        "air-temperature", "radar-rain", "shoulder-imu",
    }  # fmt: skip
    assert set(kinds.values()) == set(DATA_KINDS)
    study = Search()
    assert {kind: kinds[name] for kind, name in study.datasets.items()} == {kind: kind for kind in DATA_KINDS}


# What is kept


def kept_kinds(root: Path) -> set[tuple[str, str]]:
    """Neural methods and kinds of data of which a study that judges claims kept results; others may still wait."""
    found = set()
    for scale in ("cpu", "paper"):
        folders = Folders(root, scale)
        for run in plan_runs(load_study(scale, root), root).values():
            if run.card.kind == "neural" and folders.record(run.key).exists():
                found.add((run.method, run.dataset.source.kind))
    return found


def kept_searches(root: Path) -> list[SearchRecord]:
    folders = method_folders(root).values()
    return [record for folder in folders for kind in DATA_KINDS if (record := read_search(folder, kind))]


def test_every_neural_method_was_searched_on_each_kind_of_data_of_which_results_are_kept(root: Path) -> None:
    ended = {(record.identity.method, record.identity.kind) for record in kept_searches(root) if record.ended}
    missing = sorted(kept_kinds(root) - ended)
    assert not missing, "no recorded search; run 'ladid-bench search {} --kind {} --scale cpu'".format(*missing[0])


def test_the_searches_that_are_kept_had_equal_effort(root: Path) -> None:
    efforts: dict[str, set[str]] = {}
    for record in kept_searches(root):
        identity = record.identity
        assert record.ended, f"{identity.method}, {identity.kind}: the search has not ended"
        effort = identity.model_dump(include={"budget", "stages", "seed", "data"})
        efforts.setdefault(identity.kind, set()).add(json.dumps(effort, sort_keys=True))
    assert all(len(different) == 1 for different in efforts.values())
