"""At which budget an experiment is shown while longer trainings of it are still to come."""

import pandas as pd

from ladid_bench.analysis.reached import at_reached_budgets

SAME = {"variant": "default", "fraction": 1.0, "arm": "scratch", "init_from": "", "changes": ""}


def run(
    dataset: str, method: str, steps: int, status: str, cap: int = 1200, experiment: str = "comparison", seed: int = 0
):
    experiments, rung_of = (experiment, "") if steps in (0, cap) else ("", experiment)
    told = {"dataset": dataset, "method": method, "steps": steps, "status": status, "seed": seed}
    return SAME | told | {"experiments": experiments, "rung_of": rung_of}


def shown(*rows: dict, experiment: str = "comparison") -> set[tuple[str, str, int]]:
    """Data set, method and steps of the rows that the experiment is shown by; none is lost on the way."""
    table = at_reached_budgets(pd.DataFrame(list(rows)))
    for before, after in zip(rows, table.to_dict("records"), strict=True):
        told = {name for column in ("experiments", "rung_of") for name in after[column].split(",")} - {""}
        assert told == {name for column in ("experiments", "rung_of") for name in before[column].split(",")} - {""}
    found = table[table["experiments"].map(lambda names: experiment in names.split(","))]
    return set(zip(found["dataset"], found["method"], found["steps"], strict=True))


def test_a_table_stays_at_the_budget_that_all_methods_have_until_the_next_is_complete() -> None:
    short = [run("a", method, 600, "ok") for method in ("ladid", "gru")]
    one = [run("a", "ladid", 1200, "ok"), run("a", "gru", 1200, "not run")]
    assert shown(*short, *one) == {("a", "ladid", 600), ("a", "gru", 600)}
    assert shown(*short, one[0], run("a", "gru", 1200, "diverged")) == {("a", "ladid", 1200), ("a", "gru", 1200)}


def test_a_method_that_has_nothing_yet_does_not_hold_the_others_back() -> None:
    ended = [run("a", "ladid", steps, "ok") for steps in (600, 1200)]
    later = [run("a", "gru", steps, "not run") for steps in (600, 1200)]
    assert shown(*ended, *later) == {("a", "ladid", 1200), ("a", "gru", 1200)}


def test_a_single_method_under_way_does_not_move_a_table() -> None:
    methods = [f"method-{number}" for number in range(10)]
    ended = [run("a", method, steps, "ok") for method in methods for steps in (600, 1200)]
    later = [run("a", "new", 600, "ok"), run("a", "new", 1200, "not run")]
    assert shown(*ended, *later) == {("a", method, 1200) for method in (*methods, "new")}
    assert {steps for *_, steps in shown(*ended[:6], *later)} == {600}  # of four methods one is a quarter


def test_each_data_set_is_shown_at_the_budget_that_it_has_reached() -> None:
    first = [run("a", "ladid", 600, "ok"), run("a", "ladid", 1200, "ok")]
    second = [run("b", "ladid", 600, "ok"), run("b", "ladid", 1200, "not run")]
    assert shown(*first, *second) == {("a", "ladid", 1200), ("b", "ladid", 600)}


def test_what_has_one_budget_or_none_stays() -> None:
    pending = [run("a", "ladid", 600, "ok"), run("a", "ladid", 1200, "not run")]
    alone = [run("a", "ridge", 0, "ok"), run("a", "gru", 1200, "ok")]
    assert shown(*pending, *alone) == {("a", "ladid", 600), ("a", "ridge", 0), ("a", "gru", 1200)}


def test_seeds_count_as_trainings_of_their_own() -> None:
    ended = [run("a", "ladid", steps, "ok", seed=seed) for steps in (600, 1200) for seed in (0, 1)]
    assert shown(*ended[:3], ended[3] | {"status": "not run"}) == {("a", "ladid", 600)}


def test_methods_that_share_no_budget_are_shown_at_their_longest() -> None:
    rows = [run("a", "ladid", 300, "ok", cap=600), run("a", "ladid", 600, "not run", cap=600)]
    rows += [run("a", "gru", 400, "ok", cap=800), run("a", "gru", 800, "not run", cap=800)]
    assert ("a", "gru", 800) in shown(*rows)


def test_transfer_keeps_the_budgets_of_its_runs() -> None:
    rows = [
        run("a", "ladid", steps, status, experiment="transfer") for steps, status in ((600, "ok"), (1200, "not run"))
    ]
    assert shown(*rows, experiment="transfer") == {("a", "ladid", 1200)}
