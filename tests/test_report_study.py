"""The report on larger studies: the floor, equal CPU time, twenty methods, recorded searches, declined data sets."""

import re
from collections.abc import Callable, Iterator
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from reports import Bench, Page, make_bench

from ladid_bench.analysis.curves import cost_points
from ladid_bench.analysis.entries import EQUAL_TIME, DatasetContent, Entry
from ladid_bench.analysis.gathering import gather
from ladid_bench.analysis.pictures import collect
from ladid_bench.analysis.run_table import cpu_seconds
from ladid_bench.analysis.searches import read_searches, trials_frame
from ladid_bench.analysis.study_results import StudyResults
from ladid_bench.core.errors import BenchError
from ladid_bench.methods.registry import load_card
from ladid_bench.methods.searched import search_file
from ladid_bench.reporting import findings
from ladid_bench.reporting.charts import SMALL
from ladid_bench.reporting.cost_figure import COST, COST_APART, CROWD, panels_of
from ladid_bench.reporting.figures import told_of_times
from ladid_bench.reporting.leading import nobody_ahead
from ladid_bench.reporting.palette import FADED, styles, styles_on
from ladid_bench.reporting.provenance import facts, sort_facts
from ladid_bench.reporting.searches import describe_search, unequal_effort
from ladid_bench.reporting.slides import write_forecasts
from ladid_bench.reporting.tables import comparison, core, equal_time, to_latex

PICTURES, BOTH = "fake-pictures", "comparison,equal-time"
NETS, RULES = [f"net-{letter}" for letter in "abcdefghij"], [f"rule-{letter}" for letter in "abcdef"]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return make_bench(tmp_path, monkeypatch)


@pytest.fixture
def twice(bench: Bench) -> Bench:
    return two_networks(bench)


@pytest.fixture(scope="module")
def twice_told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bench, Page]]:
    """The same with its page, for all tests that only read them."""
    yield from with_page(tmp_path_factory.mktemp("twice"), two_networks)


def with_page(folder: Path, filled: Callable[[Bench], Bench]) -> Iterator[tuple[Bench, Page]]:
    """A study and its page while its made-up data sets are known."""
    with pytest.MonkeyPatch.context() as patch:
        bench = filled(make_bench(folder, patch))
        yield bench, bench.build()


def test_what_runs_share_is_told_once_and_nothing_of_any_run_is_lost(twice: Bench) -> None:
    runs = StudyResults(twice.folders, twice.table, twice.study).runs
    (title, pairs), *_ = runs
    first = sort_facts(runs)[0]
    assert first.title == title and first.count == len(pairs)
    assert first.shared["data SHA-256, test"] == "c" * 64
    told = {run.key: {**first.shared, **one.shared, **own} for one in first.entries for run, own in one.runs}
    assert told == {run.key: facts(run) for _, run in pairs}
    several = [one for one in first.entries if len(one.runs) > 1]
    assert all(own.keys().isdisjoint(one.shared | first.shared) for one in several for _, own in one.runs)


def two_networks(bench: Bench) -> Bench:
    """Two networks that change places at equal CPU time, a simple method shared by both experiments, and a floor."""
    bench.thrice(PICTURES, "latent-ode", 0.1)
    bench.thrice(PICTURES, "other-net", 0.2)
    bench.run(PICTURES, "ridge", 0.4, experiments=BOTH)
    bench.run(PICTURES, "coder", 0.01)
    bench.thrice(PICTURES, "latent-ode", 0.12, experiments="equal-time")
    bench.thrice(PICTURES, "other-net", 0.06, experiments="equal-time")
    return bench


@pytest.fixture(scope="module")
def crowd_told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bench, Page]]:
    yield from with_page(tmp_path_factory.mktemp("crowd"), many_methods)


@pytest.fixture
def crowd(crowd_told: tuple[Bench, Page]) -> Bench:
    return crowd_told[0]


def many_methods(bench: Bench) -> Bench:
    """LaDID, ten networks, six simple methods and a floor; ``net-a`` and ``rule-a`` are the best of their kind."""
    bench.kinds["ladid"] = "neural"
    bench.run(PICTURES, "ladid", 0.5)
    for place, name in enumerate(NETS):
        bench.method(name, "neural")
        bench.run(PICTURES, name, 0.1 + 0.01 * place)
    for place, name in enumerate(RULES):
        bench.method(name, "simple")
        bench.run(PICTURES, name, 0.15 + 0.3 * place)
    bench.run(PICTURES, "coder", 0.01)
    return bench


def only(bench: Bench, experiment: str = "comparison") -> DatasetContent:
    (dataset,) = gather(bench.folders, bench.table, bench.study, experiment)
    return dataset


def test_the_floor_is_no_competitor(twice: Bench) -> None:
    dataset = only(twice)
    table = comparison(dataset)
    assert list(table.frame["method"]) == ["latent-ode", "other-net", "ridge", "coder"]
    first, *_, floor = table.frame.to_dict("records")
    assert all(np.isnan(floor[name]) for name in ("rank", "skill", "midpoints_nmse_mean"))
    assert floor["nmse_mean"] < first["nmse_mean"]
    assert table.best(table.columns[0]) == [True, False, False, False]
    assert "coder" not in findings.finding(dataset).lowest
    assert findings.seeds([dataset]) == 3
    words = findings.lead_text(StudyResults(twice.folders, twice.table, twice.study))
    assert [one in words for one in ("2 neural methods", "1 simple method", "1 floor", "14 runs")] == [True] * 4
    assert re.search(r"\\midrule\ncoder \(floor\) &", to_latex(table, "caption"))


def test_the_first_variant_of_a_card_is_called_by_its_method_alone(bench: Bench) -> None:
    bench.kinds["ladid"] = "neural"
    for variant in ("film", "default"):
        bench.run(PICTURES, "ladid", 0.1, variant=variant)
    assert [entry.label for entry in only(bench).entries] == ["ladid:film", "ladid"]


def test_equal_errors_are_lowest_together(bench: Bench) -> None:
    for name in ("latent-ode", "ridge"):
        bench.thrice(PICTURES, name, 0.25)
    assert findings.finding(only(bench)).lowest.startswith("latent-ode and ridge equally have the lowest nMSE, ")


def test_nobody_is_first_before_every_run_has_ended_with_three_seeds_over_three_groups(bench: Bench) -> None:
    bench.thrice(PICTURES, "latent-ode", 0.1)
    bench.run(PICTURES, "ridge", 0.4)
    assert nobody_ahead(only(bench)) == ""
    assert findings.finding(only(bench)).outcome == "neural"
    later = {"a run to come": ("mean", "not run", "1 run"), "one seed of chance": ("chance", "ok", "1 seed")}
    bench.method("chance", "simple")
    card = bench.folder("chance") / "method.yaml"
    card.write_text(card.read_text().replace("deterministic: true", "deterministic: false"))
    for method, status, why in later.values():
        bench.run(PICTURES, method, 0.01)
        bench.rows[-1]["status"] = status
        found = findings.finding(only(bench))
        assert (found.outcome, "chance" in found.lowest, "latent-ode" in found.lowest) == ("none", False, False)
        assert nobody_ahead(only(bench)).startswith(why)
        assert bench.rows.pop()["method"] == method


def test_nobody_is_first_over_two_groups(bench: Bench) -> None:
    bench.thrice(PICTURES, "latent-ode", 0.1, units=2)
    bench.run(PICTURES, "ridge", 0.4, units=2)
    assert nobody_ahead(only(bench)).startswith("2 test groups")
    page = bench.build()
    assert "rank" not in "".join(page.tables[f"data-{PICTURES}"][1])
    assert not page.bold


def test_a_run_on_the_way_to_a_longer_training_is_counted_and_has_its_provenance(twice: Bench) -> None:
    key = twice.run(PICTURES, "latent-ode", 0.3, experiments="", rung_of="comparison")
    results = StudyResults(twice.folders, twice.table, twice.study)
    keys = [run.key for _, some in results.runs for _, run in some]
    assert sorted(keys) == sorted(row["key"] for row in twice.rows)
    assert key in keys
    assert f"{len(twice.rows)} runs" in findings.lead_text(results)


def test_what_a_run_has_from_a_shorter_budget_is_spent_once(bench: Bench) -> None:
    bench.run(PICTURES, "latent-ode", 0.3, rung_of="comparison")  # 40 s, of a made-up run
    bench.run(PICTURES, "latent-ode", 0.5)  # 60 s
    bench.lost(PICTURES, "other-net", "timeout", "slow")
    assert cpu_seconds(bench.table) == pytest.approx(100)
    bench.rows[1]["cost_inherited_cpu_seconds"] = 30.0
    assert cpu_seconds(bench.table) == pytest.approx(70)
    words = findings.lead_text(StudyResults(bench.folders, bench.table, bench.study))
    assert "70 s" in words
    assert cpu_seconds(bench.table[:0]) == 0


def test_training_is_told_of_as_done_only_where_some_is(bench: Bench) -> None:
    def words() -> str:
        return findings.lead_text(StudyResults(bench.folders, bench.table, bench.study))

    bench.lost(PICTURES, "latent-ode", "not run", "later")
    assert "none has so far" in words()
    bench.run(PICTURES, "latent-ode", 0.1, seed=1)
    assert "none has so far" not in words()
    assert "1 of 2 runs" in words()


def test_a_longer_training_to_come_is_told_of_while_tables_show_the_budget_before(bench: Bench) -> None:
    bench.run(PICTURES, "latent-ode", 0.3, steps=600, experiments="", rung_of="comparison")
    bench.lost(PICTURES, "latent-ode", "not run", "later", steps=1200)
    page = bench.build()
    assert "latent-ode" in " ".join(name for name, *_ in page.tables[f"data-{PICTURES}"])
    assert "train for 600 steps" in page.text and "Trainings of 1,200 steps are not complete" in page.text
    bench.rows[-1]["status"] = "diverged"
    page = bench.build()
    assert "train for 1,200 steps" in page.text and "not complete" not in page.text


def test_methods_that_have_not_begun_are_named_below_the_table_and_those_that_failed_stay_in_it(bench: Bench) -> None:
    bench.run(PICTURES, "latent-ode", 0.1)
    bench.lost(PICTURES, "ridge", "error", "broken")
    bench.lost(PICTURES, "mean", "not run", "later")
    bench.lost(PICTURES, "latent-ode", "not run", "later", seed=1)  # one of two: it has begun
    page = bench.build()
    named = " ".join(name for name, *_ in page.tables[f"data-{PICTURES}"])
    assert "latent-ode" in named and "ridge" in named and "mean" not in named
    assert "Not run so far: mean." in page.text


def test_a_data_set_of_which_nothing_has_run_has_no_tables_beside_one_that_has(bench: Bench) -> None:
    bench.run(PICTURES, "latent-ode", 0.1)
    for experiment in ("comparison", "equal-time"):
        bench.rows.append(bench.rows[-1] | {"experiments": experiment, "dataset": "fake-vectors"})
        bench.rows[-1] |= {"key": f"{len(bench.rows):016x}", "status": "not run", "reason": "later"}
    page = bench.build()
    assert page.tables[f"data-{PICTURES}"]
    assert "data-fake-vectors" not in page.tables
    assert page.text.count("Not run so far: latent-ode.") == 2


def test_words_at_equal_time_are_a_sentence_of_their_own_where_nobody_is_ahead(bench: Bench) -> None:
    bench.run(PICTURES, "latent-ode", 0.1)
    bench.run(PICTURES, "latent-ode", 0.1, experiments="equal-time")
    assert findings.equal_time(only(bench), only(bench)).startswith("No method is called lowest")
    bench.run(PICTURES, "latent-ode", 0.1, seed=1)
    bench.lost(PICTURES, "latent-ode", "diverged", "infinite", seed=2)
    assert findings.equal_time(only(bench), only(bench)).startswith("No method")


def test_a_floor_alone_is_no_competitor_either(bench: Bench) -> None:
    bench.run(PICTURES, "coder", 0.01)
    assert ("data-outcome", "none") in bench.build().data


def test_the_floor_stands_apart_on_the_page_and_in_the_figures(twice_told: tuple[Bench, Page]) -> None:
    twice, page = twice_told
    assert page.classes.count("floor") == 2  # comparison and cost; the floor has no run at equal time
    assert page.tables[f"data-{PICTURES}"][-1][0] == "coder"
    for kind in ("horizon", "cost"):
        figure = (page.path.parent / "figures" / f"{kind}-{PICTURES}.svg").read_text()
        assert ">floor</text>" in figure
        assert 'id="method.coder.' in figure
    assert "rendering of coder, moving" in page.source
    assert list(collect(only(twice), twice.folders).forecasts)[-1] == "coder"


def test_what_lies_below_the_floor_is_named(twice: Bench) -> None:
    assert findings.below_floor(only(twice)) == ""
    twice.run(PICTURES, "mean", 0.001)
    assert findings.below_floor(only(twice)).startswith("mean lies below")


def test_of_several_floors_the_lowest_is_the_one_to_lie_below(twice: Bench) -> None:
    twice.method("coarse", "floor")
    twice.run(PICTURES, "coarse", 0.15)
    assert findings.below_floor(only(twice)) == ""  # networks are at 0.1 and 0.2


def test_what_was_spent_at_equal_time_reaches_from_the_cheapest_network_to_the_dearest(twice: Bench) -> None:
    """A made-up run takes 10 seconds and 100 times its error: 16 and 22; the simple method has its 50 to itself."""
    words = findings.spent(only(twice, EQUAL_TIME))
    assert [one in words for one in ("16 s to 22 s", "Simple methods", "50")] == [True, True, False]


def test_runs_of_other_experiments_are_not_told_of(twice: Bench) -> None:
    before = twice.build()
    key = twice.run(PICTURES, "mean", 0.05, experiments="transfer")
    twice.run("fake-vectors", "ridge", 0.1, experiments="ablation,irregular")
    after = twice.build()
    assert after.text == before.text
    assert f"run-{key}" not in after.ids
    assert only(twice).ranked[0].method == "latent-ode"


def test_equal_time_has_a_table_of_its_own(twice_told: tuple[Bench, Page]) -> None:
    twice, page = twice_told
    table = pd.read_csv(page.path.parent / "tables" / f"equal-time-{PICTURES}.csv")
    assert table["method"].tolist() == ["other-net", "latent-ode", "ridge"]
    assert table["rank"].tolist() == [1, 2, 3]
    assert table["cost_steps"].tolist()[:2] == [3, 3]
    assert table["nmse_mean"].tolist() == sorted(row["nmse_mean"] for row in (twice.rows[i] for i in (6, 8, 11)))
    assert (page.path.parent / "tables" / f"equal-time-{PICTURES}.tex").exists()
    compared = pd.read_csv(page.path.parent / "tables" / f"comparison-{PICTURES}.csv")
    assert compared["method"].tolist() == ["latent-ode", "other-net", "ridge", "coder"]
    assert [column.name for column in equal_time(only(twice, EQUAL_TIME)).columns] == [
        *("nmse_mean", "nmse_median", "cost_parameters"),
        *("cost_steps", "cost_cpu_seconds", "cost_cpu_seconds_per_step"),
    ]
    for row in twice.rows:
        assert page.ids.count(f"run-{row['key']}") == 1


def test_equal_time_says_who_is_ahead_and_whether_the_order_changes(twice_told: tuple[Bench, Page]) -> None:
    twice, page = twice_told
    words = findings.equal_time(only(twice), only(twice, EQUAL_TIME))
    assert [one in words for one in ("other-net has", "0.075")] == [True] * 2
    assert re.findall(r"(\S+) from (\d) to (\d)", words) == [("other-net", "2", "1"), ("latent-ode", "1", "2")]
    same = findings.equal_time(only(twice), only(twice))
    assert [one in same for one in ("latent-ode has", "the 3 methods")] == [True, True]
    assert not re.search(r"from \d to \d", same)
    assert words in page.text


def test_no_two_methods_look_alike() -> None:
    """As many simple and neural methods as the suite has, and more."""
    for kind in ("simple", "neural"):
        entries = tuple(
            Entry(f"{kind}-{letter}", "default", 1.0, kind, f"{kind}-{letter}", ()) for letter in "abcdefghijkl"
        )
        looks = styles([DatasetContent("wave", "Waves", "nmse", "", {}, entries)]).values()
        assert len({(one.colour, str(one.dash)) for one in looks}) == len(entries)


def test_of_many_methods_those_in_colour_have_films(bench: Bench, tmp_path: Path) -> None:
    for place, name in enumerate((*NETS, "ridge", "mean")):
        if name in NETS:
            bench.method(name, "neural")
        bench.run(PICTURES, name, 0.1 + 0.01 * place)
    pictures = collect(only(bench), bench.folders)
    assert pictures is not None and len(pictures.forecasts) == len(NETS) + 2
    write_forecasts(tmp_path / "films", only(bench), pictures)
    films = {f"{PICTURES}-{name}.webp" for name in (NETS[0], "ridge")}
    assert {path.name for path in (tmp_path / "films").iterdir()} == films | {f"{PICTURES}-strip.png"}


def test_many_changes_of_rank_are_counted(bench: Bench) -> None:
    for place, name in enumerate(NETS):
        bench.method(name, "neural")
        bench.thrice(PICTURES, name, 0.1 + 0.01 * place)
        bench.thrice(PICTURES, name, 0.1 + 0.01 * ((place + 2) % len(NETS)), experiments="equal-time")
    words = findings.equal_time(only(bench), only(bench, EQUAL_TIME))
    moves = [("net-i", "9", "1"), ("net-j", "10", "2"), ("net-a", "1", "3")]
    assert re.findall(r"(\S+) from (\d+) to (\d+)", words) == moves
    assert words.endswith("and 7 more.")


def test_the_cost_figure_shows_a_run_that_both_experiments_share_once(twice_told: tuple[Bench, Page]) -> None:
    twice, page = twice_told
    points = cost_points(only(twice), only(twice, EQUAL_TIME))
    told = [("latent-ode", 0), ("other-net", 0), ("ridge", 0), ("other-net", 1), ("latent-ode", 1)]
    assert list(zip(points["method"], points["again"], strict=True)) == told
    assert ((points["low"] < points["error"]) & (points["error"] < points["high"])).all()
    folder = page.path.parent
    kept = pd.read_csv(folder / "tables" / f"cost-{PICTURES}.csv")
    pd.testing.assert_frame_equal(kept, points, check_dtype=False)
    figure = (folder / "figures" / f"cost-{PICTURES}.svg").read_text()
    assert figure.count(">ridge</text>") == figure.count(">other-net</text>") == 1


def test_times_of_runs_that_shared_their_machines_compare_only_roughly(twice: Bench) -> None:
    def told() -> str:
        return told_of_times(run for entry in only(twice).ordered for run in entry.done)

    for row in twice.rows:
        row |= {"cost_load": 1.0, "threads": 1, "host": "one", "processor": "some", "device": "cpu"}
    assert told() == ""
    twice.rows[0]["cost_load"] = 4.0
    assert "loads of 1.0 to 4.0" in told()
    assert "kinds" not in told()
    twice.rows[1]["processor"] = "another"
    assert "loads of 1.0 to 4.0" in told()
    assert "2 kinds" in told()
    twice.rows[0]["cost_load"] = None
    assert "loads" not in told()
    assert "2 kinds" in told()
    for row in twice.rows:
        row["cost_load"] = 4.0
    assert "a load of 4.0 and" in told()


def test_many_trained_methods_have_a_panel_of_cost_of_their_own(crowd_told: tuple[Bench, Page]) -> None:
    crowd, page = crowd_told
    apart = panels_of(cost_points(only(crowd), None))
    assert [set(panel["method"]) for panel in apart] == [set(RULES), {"ladid", *NETS}]
    figure = (page.path.parent / "figures" / f"cost-{PICTURES}.svg").read_text()
    assert all(f">{line}</text>" in figure for words in COST_APART for line in words.split("\n"))
    assert figure.count(">0.5</text>") == 1  # both panels have the scale of error at the left


def test_no_name_in_the_figure_of_cost_covers_another_one(crowd_told: tuple[Bench, Page]) -> None:
    """Ten networks with errors within a tenth of each other have names below each other, a line of words apart."""
    _, page = crowd_told
    figure = (page.path.parent / "figures" / f"cost-{PICTURES}.svg").read_text()
    found = {name: float(re.search(rf'y="([\d.]+)"[^>]*>{name}</text>', figure)[1]) for name in ("ladid", *NETS)}  # type: ignore[index]
    assert np.diff(sorted(found.values())).min() > SMALL


def test_few_trained_methods_share_a_panel_with_the_others(twice_told: tuple[Bench, Page]) -> None:
    twice, page = twice_told
    assert len(panels_of(cost_points(only(twice), only(twice, EQUAL_TIME)))) == 1
    assert f">{COST}</text>" in (page.path.parent / "figures" / f"cost-{PICTURES}.svg").read_text()


def test_trained_methods_alone_share_a_panel(crowd: Bench) -> None:
    points = cost_points(only(crowd), None)
    trained = points[points["trained"]]
    assert len(trained) > CROWD
    assert len(panels_of(trained)) == 1


def test_a_study_without_a_comparison_says_so(bench: Bench) -> None:
    bench.run(PICTURES, "latent-ode", 0.1, experiments="transfer")
    page = bench.build()
    assert "caution-comparison" in page.ids
    assert page.ids.count("cost") == 0


def test_a_data_set_with_equal_time_alone_is_shown(bench: Bench) -> None:
    key = bench.run(PICTURES, "latent-ode", 0.1, experiments="equal-time")
    bench.run(PICTURES, "ridge", 0.2, experiments=BOTH.replace("comparison", "ablation"))
    page = bench.build()
    assert "caution-comparison" in page.ids
    assert f"data-{PICTURES}" not in page.tables
    assert page.tables[f"equal-time-{PICTURES}"][1][0].endswith("latent-ode")
    assert f"run-{key}" in page.ids
    assert (page.path.parent / "figures" / f"cost-{PICTURES}.svg").exists()


def test_of_many_methods_a_few_stand_in_front(crowd: Bench) -> None:
    dataset = only(crowd)
    assert [entry.label for entry in dataset.front] == ["net-a", "rule-a", "ladid"]
    shown = styles_on(dataset, styles([dataset]))
    coloured = {label for label, look in shown.items() if look.colour != FADED[0]}
    assert coloured == {"net-a", "rule-a", "ladid", "coder"}
    assert len({shown[label].colour for label in coloured}) == 4
    neural = [shown[label] for label in ["ladid", *NETS]]
    assert len({(look.own, str(look.dash)) for look in neural}) == len(neural)
    assert "net-a, rule-a and ladid" in findings.about_colours(dataset)


def test_of_few_methods_all_stand_in_front(twice: Bench) -> None:
    dataset = only(twice)
    assert dataset.front == dataset.ranked
    assert findings.about_colours(dataset) == ""


def test_figures_name_every_one_of_many_methods(crowd_told: tuple[Bench, Page]) -> None:
    _, page = crowd_told
    names = {"ladid", *NETS, *RULES}
    for kind in ("horizon", "cost"):
        figure = (page.path.parent / "figures" / f"{kind}-{PICTURES}.svg").read_text()
        assert {name for name in names if f">{name}</text>" in figure} == names
    horizon = (page.path.parent / "figures" / f"horizon-{PICTURES}.svg").read_text()
    pattern = r'font-size: ([\d.]+)px[^"]*" x="[\d.]+" y="([\d.]+)" transform="[^"]*">(?:net|rule|ladid|floor)'
    found = sorted((float(height), float(size)) for size, height in re.findall(pattern, horizon))
    assert len(found) == len(names) + 1
    assert all(low - high >= size for (high, _), (low, size) in pairwise(found))  # no name covers another one
    assert {size for _, size in found} == {9.5, 11.5}  # those in front are larger
    assert page.source.count('data-method="net-c"') > 3  # rows, lines and names: all that the page brings out
    assert page.classes.count("trio") == 18  # all of them, most where the reader asks for them
    assert page.text.count("14 further methods") == 2


def test_the_page_shows_a_few_measures_and_the_file_all(twice: Bench) -> None:
    for row in twice.rows:
        row |= {"vrmse_mean": 0.3, "oddity_mean": 2.0, "cost_parameters": 675396.0}
    table = comparison(only(twice))
    brief = [column.name for column in core(table).columns]
    assert brief == ["nmse_mean", "nmse_median", "fvu_pooled", "midpoints_nmse_mean", "skill", "cost_parameters"]
    assert [column.name for column in table.columns] == [*brief[:-1], "vrmse_mean", "cost_parameters", "oddity_mean"]
    page = twice.build()
    assert "measures" in page.classes
    assert page.section(f"data-{PICTURES}", "cost").count("VRMSE") == 1
    assert "oddity_mean" in (page.path.parent / "tables" / f"comparison-{PICTURES}.csv").read_text()


def test_a_method_that_declines_a_data_set_has_not_failed(bench: Bench) -> None:
    bench.run(PICTURES, "latent-ode", 0.1)
    key = bench.lost(PICTURES, "other-net", "skipped", "its layers need images")
    page = bench.build()
    assert "not applicable: " in page.tables[f"data-{PICTURES}"][2][0]
    assert "lost" not in page.ids
    assert f"run-{key}" in page.ids
    bench.lost(PICTURES, "mean", "timeout", "took too long")
    page = bench.build()
    assert "(1 timeout; 1 run not applicable)" in page.text
    assert [row[-1] for row in page.tables["lost"][1:]] == ["took too long"]


def test_a_search_stands_on_the_card_with_the_trial_that_was_chosen(bench: Bench) -> None:
    bench.run(PICTURES, "latent-ode", 0.1)
    bench.search("latent-ode")
    searches = read_searches("latent-ode", bench.root)
    assert list(searches) == ["bodies"]
    frame = trials_frame(searches["bodies"])
    assert list(frame.columns[3:]) == [300, 600, "learning_rate"]  # the other settings are the same in all trials
    assert list(frame["learning_rate"]) == ["0.002", "0.001", "0.002"]
    assert list(frame["status"]) == ["diverged", "ok", "ok"]
    np.testing.assert_array_equal(frame[300], [np.nan, 1.5, 2.5])
    np.testing.assert_array_equal(frame[600], [np.nan, 1.25, 2.25])
    assert list(frame["cpu_seconds"]) == [90, 180, 180]
    words = describe_search(searches["bodies"], load_card("latent-ode", bench.root))
    assert [one in words for one in ("3 trials", "600 steps", "pendulum", "seed 7", "trial 1", "version")] == [
        *[True] * 5, False,
    ]  # fmt: skip
    page = bench.build()
    assert words in page.text
    assert page.tables["method-latent-ode"][2] == [
        "1 chosen", "drawn by chance", "1.50", "1.25", "ok", "3.0", "0.001",
    ]  # fmt: skip
    assert "1.25" in page.bold


def test_a_search_of_another_version_says_so(bench: Bench) -> None:
    bench.search("latent-ode", version=2)
    words = describe_search(read_searches("latent-ode", bench.root)["bodies"], load_card("latent-ode", bench.root))
    assert [one in words for one in ("version 2", "version 1")] == [True, True]


def test_unequal_searches_are_a_caution(bench: Bench) -> None:
    for method in ("latent-ode", "other-net"):
        bench.run(PICTURES, method, 0.1)
    assert "caution-search" not in bench.build().ids

    def told() -> str:
        return unequal_effort({name: read_searches(name, bench.root) for name in ("latent-ode", "other-net")})

    bench.search("latent-ode")
    words = told()
    assert bench.build().parts["caution-search"].strip() == words
    assert [one in words for one in ("latent-ode", "3 trials of 300 steps", "other-net")] == [True] * 3
    bench.search("other-net", steps=3000)
    assert "differ in stages." in told()
    bench.search("other-net")
    assert "caution-search" not in bench.build().ids
    assert told() == ""


def test_simple_methods_and_floors_need_no_search(bench: Bench) -> None:
    bench.run(PICTURES, "ridge", 0.1)
    bench.run(PICTURES, "coder", 0.1)
    page = bench.build()
    assert "caution-search" not in page.ids
    assert "searched" not in page.section("methods", "provenance")


@pytest.mark.parametrize("content", ["{", "[]", '{"identity": {}, "trials": [], "ended": true, "chosen": null}'])
def test_a_damaged_search_is_named(bench: Bench, content: str) -> None:
    bench.run(PICTURES, "latent-ode", 0.1)
    search_file(bench.folder("latent-ode"), "bodies").write_text(content)
    with pytest.raises(BenchError, match=r"latent_ode.search-bodies\.json"):
        bench.build()


def test_names_beside_points_do_not_cover_each_other(crowd_told: tuple[Bench, Page]) -> None:
    _, page = crowd_told
    figure = (page.path.parent / "figures" / f"cost-{PICTURES}.svg").read_text()
    pattern = r'font-size: ([\d.]+)px[^"]*" x="([\d.]+)" y="([\d.]+)"[^>]*>((?:net|rule|ladid)[^<]*)<'
    boxes = []
    for size, x, y, name in re.findall(pattern, figure):
        width = 0.5 * float(size) * len(name)  # less than any letter takes
        boxes.append((float(x) - width / 2, float(x) + width / 2, float(y) - 0.7 * float(size), float(y)))
    assert len(boxes) == len({"ladid", *NETS, *RULES})
    for one, other in combinations(boxes, 2):
        across = min(one[1], other[1]) - max(one[0], other[0])
        assert across <= 0 or min(one[3], other[3]) - max(one[2], other[2]) <= 1
