"""Some runs of a study, chosen by what they are."""

from checkouts import Checkout
from refusals import refused

from ladid_bench.study.selection import Selection, with_sources


def test_runs_are_chosen_by_what_they_are(checkout: Checkout) -> None:
    comparison = {"datasets": ["pendulum"], "methods": ["ladid", "ladid:paper", "mean"], "seeds": [0, 1]}
    checkout.configure(experiments={"comparison": comparison})
    runs = checkout.runs
    assert len(Selection().of(runs)) == 5
    assert len(Selection(methods=["ladid"]).of(runs)) == 4
    assert len(Selection(methods=["ladid:paper"], seeds=[1]).of(runs)) == 1
    assert len(Selection(keys=list(runs)[:2]).of(runs)) == 2
    for choice, named in (
        ({"methods": ["ladidd"]}, ("'ladidd'", "'ladid'")),
        ({"seeds": [7]}, ("'7'",)),
        ({"methods": ["mean"], "seeds": [1]}, ("'ladid-bench plan'",)),
        ({"keys": ["xyz"]}, ("'ladid-bench plan'",)),
    ):
        with refused(*named):
            Selection(**choice).of(runs)


def test_without_runs_all_of_them_are_none_and_there_is_nothing_to_choose(checkout: Checkout) -> None:
    assert Selection().of({}) == {}
    with refused("no experiments"):
        Selection(seeds=[0]).of({})
    checkout.configure(experiments={"comparison": {"datasets": ["pendulum"]}})
    with refused("experiments.comparison", "'methods'"):
        assert checkout.runs


def test_what_chosen_runs_start_from_comes_first(checkout: Checkout) -> None:
    small = checkout.study.model_dump(include={"datasets"}, exclude_defaults=True)["datasets"]["pendulum"]
    block = {"init_from": "pendulum", "datasets": ["pendulum--mass-2"], "methods": ["gru"], "arms": ["zero-shot"]}
    checkout.configure(datasets={"pendulum": small, "pendulum--mass-2": small}, experiments={"transfer": block})
    chosen = Selection(datasets=["pendulum--mass-2"]).of(checkout.runs)
    assert [run.dataset.name for run in with_sources(chosen).values()] == ["pendulum", "pendulum--mass-2"]
    assert with_sources(checkout.runs) == checkout.runs


def test_shorter_budgets_belong_to_the_experiment_that_asks_for_them(checkout: Checkout) -> None:
    block = {"datasets": ["pendulum"], "methods": ["gru"], "rungs": [2, 4]}
    checkout.configure(experiments={"comparison": block, "cost": {"datasets": ["pendulum"], "methods": ["mean"]}})
    chosen = Selection(experiments=["comparison"]).of(checkout.runs)
    assert sorted(run.budget.steps for run in chosen.values()) == [2, 4]
