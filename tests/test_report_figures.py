"""Ranks and the figures of the experiments: what they show, what they leave out and say so, and their numbers."""

import math
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from reports import ASKED, GIVEN, TRAJECTORIES, Bench, make_bench
from scipy.stats import wilcoxon

from ladid_bench.analysis import ranking
from ladid_bench.analysis.curves import horizon_errors, horizon_frame, last_gains, run_seconds
from ladid_bench.analysis.effects import areas, ratios, reference_of
from ladid_bench.analysis.entries import DatasetContent, Entry, Run
from ladid_bench.analysis.gathering import gather
from ladid_bench.analysis.ranking import Ranking, rank_over_datasets, rank_over_groups
from ladid_bench.analysis.study_results import ExperimentResults, StudyResults
from ladid_bench.analysis.sweeps import growth
from ladid_bench.core.configuration import Dataset, SplitSizes, Study
from ladid_bench.methods.registry import load_card
from ladid_bench.reporting import findings
from ladid_bench.reporting.charts import Dots
from ladid_bench.reporting.drawing import Drawing, canvas, settle
from ladid_bench.reporting.experiment_figures import areas_html, areas_of, drawings_of, styles_by_method
from ladid_bench.reporting.experiments import Scene, views
from ladid_bench.reporting.palette import MethodStyle, styles
from ladid_bench.reporting.rank_figure import rank_diagram
from ladid_bench.reporting.sweep_figures import _lowest
from ladid_bench.runs.records import Sample, read_sample, write_sample
from ladid_bench.study.datasets import planned_dataset

PICTURES, VECTORS = "fake-pictures", "fake-vectors"
SEEDS = (0, 1, 2)
ROOT = Path(__file__).parents[1]
SIDE = 32  # pixels of the side of a frame


# --- ranks


def entry(label: str, errors: dict[int, float], unit_errors: np.ndarray | None = None, kind: str = "neural") -> Entry:
    """A method with one run a seed; ``unit_errors`` are its errors on each test unit, NaN is a run that failed."""
    runs = []
    for seed, error in errors.items():
        status = "error" if math.isnan(error) else "ok"
        row = {"key": f"{label}{seed}", "seed": seed, "status": status, "nmse_mean": error, "reason": ""}
        runs.append(Run(row, None if unit_errors is None else sample(unit_errors), {}))
    return Entry(label, "default", 1.0, kind, label, tuple(runs), deterministic=kind != "neural")


def sample(errors: np.ndarray) -> Sample:
    """Errors of as many test units, two frames each."""
    frames = np.repeat(errors[:, None] / 2, 2, axis=1).astype(np.float32)
    return Sample(
        squared_error=frames,
        squared_truth=np.full_like(frames, 0.5),
        squared_deviation=np.ones_like(frames),
        group=np.arange(len(errors)),
        times=np.tile([0.1, 0.2], (len(errors), 1)),
        midpoints_nmse=np.zeros(0, np.float32),
        pictured=np.arange(0),
        truth=np.zeros((0, 2, 4), np.uint8),
        forecast=np.zeros((0, 2, 4), np.uint8),
    )


def contents(errors: list[dict[str, float]], seeds: int = 3) -> list[DatasetContent]:
    """A data set for each dictionary of errors by method."""
    return [
        DatasetContent(
            f"set-{place}",
            f"Set {place}",
            "nmse",
            "",
            {},
            tuple(entry(label, dict.fromkeys(range(seeds), error)) for label, error in some.items()),
        )
        for place, some in enumerate(errors)
    ]


def test_ranks_over_data_sets_are_those_of_nemenyi() -> None:
    swapped = {"a": 0.1, "b": 0.3, "c": 0.2}
    found = rank_over_datasets(contents([{"a": 0.1, "b": 0.2, "c": 0.3}] * 6 + [swapped]))
    assert isinstance(found, Ranking)
    assert found.ranks.to_dict() == pytest.approx({"a": 1, "b": 15 / 7, "c": 20 / 7})
    assert found.critical == pytest.approx(2.343 * math.sqrt(12 / 42), abs=1e-3)  # 2.343 as in Demšar's table 5
    for one in "abc":
        for other in "abc":
            apart = abs(found.ranks[one] - found.ranks[other]) > found.critical
            assert (found.significance.loc[one, other] < 0.05) == apart
    assert found.significance.loc["a", "c"] < 0.05 < found.significance.loc["a", "b"]
    assert found.missing == ()


def test_where_friedman_finds_nothing_no_pair_differs() -> None:
    turns = [dict(zip(order, (0.1, 0.2, 0.3), strict=True)) for order in ("abc", "bca", "cab")]
    found = rank_over_datasets(contents(turns * 2))
    assert isinstance(found, Ranking)
    assert found.friedman == 1
    assert (found.significance.to_numpy() == 1).all()
    drawing = rank_diagram("ranks", found, styles(contents(turns)), "6 data sets")
    assert "differs from no other method" in drawing.caption
    assert drawing.frame["p_against_a"].tolist() == found.p["a"].tolist()


def test_what_cannot_be_ranked_is_said() -> None:
    three = {"a": 0.1, "b": 0.2, "c": 0.3}
    assert " 6 data sets" in str(rank_over_datasets(contents([three] * 5)))
    assert "here are 2" in str(rank_over_datasets(contents([{"a": 0.1, "b": 0.2}] * 6)))
    assert "it takes 3 seeds" in str(rank_over_datasets(contents([three] * 6, seeds=2)))
    few = contents([three], seeds=1)[0]
    simple = [entry(label, {0: 0.1}, np.arange(1.0, 9.0), kind="simple") for label in "xyz"]
    assert "it takes 3 seeds" in str(rank_over_groups(replace(few, entries=(*few.entries, *simple))))
    assert isinstance(rank_over_groups(replace(few, entries=tuple(simple))), Ranking)
    drawn = tuple(replace(one, deterministic=False) for one in simple)  # by chance, though nothing is trained
    assert "it takes 3 seeds" in str(rank_over_groups(replace(few, entries=drawn)))
    assert isinstance(rank_over_datasets([]), str)


def test_a_method_without_a_result_somewhere_is_left_out_and_named() -> None:
    four = {"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4}
    sets = contents([four] * 6 + [{"a": 0.1}])  # the last one has hardly begun
    failed = entry("d", {0: 0.4, 1: math.nan, 2: 0.4})
    sets[2] = replace(sets[2], entries=(*sets[2].entries[:3], failed))
    found = rank_over_datasets(sets)
    assert isinstance(found, Ranking)
    assert list(found.ranks.index) == ["a", "b", "c"]
    assert found.blocks == tuple(f"set-{place}" for place in range(6))
    assert found.missing == ("d",)
    drawing = rank_diagram("ranks", found, styles(sets), "6 data sets")
    assert drawing.about.endswith(" d.")
    assert named(drawing) == {"a", "b", "c"}


def test_a_data_set_with_results_of_half_of_the_methods_counts_and_one_with_fewer_does_not() -> None:
    four = {"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4}
    assert "here are 2" in str(rank_over_datasets(contents([four] * 6 + [{"a": 0.1, "b": 0.2}])))
    three = {name: four[name] for name in "abc"}
    found = rank_over_datasets(contents([three] * 6 + [{"a": 0.1}]))
    assert isinstance(found, Ranking)
    assert len(found.blocks) == 6


def test_ranks_over_units_are_those_of_wilcoxon_with_holm() -> None:
    random = np.random.default_rng(3)
    hard = random.lognormal(0, 1, 20)  # of each unit, for all methods alike
    units = {
        label: factor * hard * random.lognormal(0, 0.4, 20) for label, factor in {"a": 1, "b": 1.3, "c": 4}.items()
    }
    entries = tuple(entry(label, dict.fromkeys(SEEDS, float(errors.mean())), errors) for label, errors in units.items())
    found = rank_over_groups(DatasetContent("set", "Set", "nmse", "", {}, entries))
    assert isinstance(found, Ranking)
    raw = {pair: wilcoxon(np.log(units[pair[0]] / units[pair[1]])).pvalue for pair in ("ab", "ac", "bc")}
    adjusted, running = {}, 0.0
    for step, pair in enumerate(sorted(raw, key=lambda pair: raw[pair])):
        running = max(running, min(1.0, (3 - step) * raw[pair]))
        adjusted[pair] = running
    assert {pair: found.p.loc[pair[0], pair[1]] for pair in raw} == pytest.approx(adjusted, rel=1e-3)
    rows = found.frame
    assert list(rows["method"]) == list(found.ranks.index)
    assert rows.loc[0, "p_against_c"] == found.p.loc["a", "c"]


@pytest.mark.parametrize(("groups", "drawn"), [(6, False), (7, True)])
def test_ranks_are_drawn_where_some_result_could_tell_two_methods_apart(groups: int, drawn: bool) -> None:
    """Ahead on all of six groups has p = 1/32 on two sides, 3/32 for three pairs; on all of seven 3/64, below 0.05."""
    entries = tuple(
        entry(label, dict.fromkeys(SEEDS, error), error * np.linspace(1, 2, groups))
        for label, error in {"a": 0.1, "b": 0.5, "c": 0.9}.items()
    )
    found = rank_over_groups(DatasetContent("set", "Set", "nmse", "", {}, entries))
    assert isinstance(found, Ranking) == drawn
    assert drawn or "0.094" in str(found)


# --- experiments


class Varied(Bench):
    """A study with further data sets, made from the pictures."""

    @property
    def study(self) -> Study:
        plain = super().study
        sizes = SplitSizes(test=TRAJECTORIES)
        more = {
            "short-context": Dataset(source=PICTURES, trajectories=sizes, context_frames=1),
            "long": Dataset(source=PICTURES, trajectories=sizes, forecast_frames=2 * ASKED),
            "large": Dataset(source=PICTURES, trajectories=sizes, image_size=64),
        }
        return plain.model_copy(update={"datasets": {**plain.datasets, **more}})

    def on(self, dataset: str, *told: Any, **how: Any) -> str:
        """A run on one of the further data sets, which has as many trajectories as the pictures."""
        made, known = (self.folders.card(name, planned_dataset(self.study, name).key) for name in (dataset, PICTURES))
        if not made.exists():
            shutil.copy(known, made)
        key = self.run(PICTURES, *told, **how, init_from_key=dataset)
        self.rows[-1]["dataset"] = dataset
        return key


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Varied:
    made = make_bench(tmp_path, monkeypatch)
    varied = Varied(made.root, made.rows, made.shapes, made.kinds)
    varied.kinds["ladid"] = "neural"
    return varied


def named(drawing: Drawing) -> set[str]:
    """Methods that the page can bring out in a figure."""
    return set(re.findall(r'id="method\.([^".]+)\.', drawing.svg))


def written(drawing: Drawing) -> set[str]:
    """All words of a figure."""
    return {one.strip() for one in re.findall(r">([^<>]+)</text>", drawing.svg)}


def shown(bench: Bench) -> tuple[ExperimentResults, Sequence[Drawing]]:
    """The only experiment of a study and what is drawn of it."""
    (table,) = StudyResults(bench.folders, bench.table, bench.study).experiments
    return table, drawings_of(table, scene_of(bench, table))


def scene_of(bench: Bench, table: ExperimentResults) -> Scene:
    compared = gather(bench.folders, bench.table, bench.study)
    by_method = styles_by_method(styles(compared), [*compared, *(content for content, _ in table.parts)])
    return Scene(bench.study, bench.root, by_method, compared)


def transfer(bench: Bench) -> None:
    """LaDID from scratch, fine-tuned and as it is, and ridge, which runs once on all of the data."""
    bench.further = ("transfer",)
    for seed in SEEDS:
        for share, scratch, tuned in ((0.02, 0.8, 0.4), (0.2, 0.4, 0.2), (1.0, 0.2, 0.2)):
            plain: dict[str, Any] = {"experiments": "transfer", "variant": "default", "fraction": share}
            bench.run(PICTURES, "ladid", scratch, seed, **plain)
            bench.run(PICTURES, "ladid", tuned, seed, **plain, arm="fine-tuned", init_from=VECTORS)
            if share < 1 or seed == 0:
                bench.run(PICTURES, "ridge", 1.0, seed, experiments="transfer", fraction=share)
        start = {"experiments": "transfer", "variant": "default", "arm": "zero-shot", "init_from": VECTORS}
        bench.run(PICTURES, "ladid", 0.6, seed, **start)


def test_a_transfer_has_a_line_an_arm_and_the_area_below_it(bench: Varied) -> None:
    transfer(bench)
    table, found = shown(bench)
    (drawing,) = found
    assert drawing.name == f"transfer-{PICTURES}"
    lines = {"ladid, scratch": 3, "ladid, fine-tuned": 3, "ladid, zero-shot": 1, "ridge": 3}
    assert drawing.frame["name"].value_counts().to_dict() == lines
    assert {*lines, "2 %", "20 %", "100 %"} <= written(drawing)
    assert drawing.frame.loc[drawing.frame["arm"] == "zero-shot", "percent"].isna().all()  # it holds everywhere
    assert named(drawing) == {"ladid", "ridge"}
    assert " 0.50 times " in drawing.caption  # fine-tuned to scratch with the least data
    content, rows = table.parts[0]
    hard = 1 + np.arange(TRAJECTORIES).mean() / 10  # mean difficulty of a trajectory
    middle = math.log(0.2 / 0.02) / math.log(1 / 0.02)  # how far along the axis the middle share is
    expected = middle * (0.8 + 0.4) / 2 + (1 - middle) * (0.4 + 0.2) / 2
    frame = areas(content, rows).set_index(["name", "arm"])
    assert len(frame) == 3  # a level has no area
    scratch = frame.loc[("ladid", "scratch")]
    assert scratch["mean_error_over_log_fraction"] == pytest.approx(expected * hard, rel=1e-5)
    assert scratch["interval_low"] < scratch["mean_error_over_log_fraction"] < scratch["interval_high"]
    assert frame.loc[("ridge", "scratch"), "mean_error_over_log_fraction"] == pytest.approx(hard, rel=1e-5)
    told = re.findall(r"<td[^>]*>([^<]*)</td>", areas_html(areas_of(table)))
    assert told[::5] == ["fine-tuned", "scratch", "scratch"]
    assert told[2] == "2 to 100 %"
    assert told[8] == f"{expected * hard:.2f}"


def test_the_area_of_a_pooled_error_is_a_ratio_of_sums_and_pairs_seeds(bench: Varied) -> None:
    """Errors of seeds that change places between two shares: each seed has the mean of 0.4 over the line, as ridge has.

    Deviations are half of the truth in these made-up runs, so that an FVU is twice the share that goes wrong.
    """
    bench.further = ("transfer",)
    told: dict[str, Any] = {"experiments": "transfer", "variant": "default"}
    for share, errors in ((0.1, {0: 0.2, 1: 0.4, 2: 0.6}), (1.0, {2: 0.2, 1: 0.4, 0: 0.6})):
        for seed, error in errors.items():
            bench.run(VECTORS, "ladid", error, seed, **told, fraction=share)
            bench.run(VECTORS, "ridge", 0.4, seed, **told, fraction=share)
    (table,) = StudyResults(bench.folders, bench.table, bench.study).experiments
    frame = areas(*table.parts[0]).set_index("name")
    hard = 1 + np.arange(TRAJECTORIES).mean() / 10
    columns = ["interval_low", "mean_error_over_log_fraction", "interval_high"]
    ladid, ridge = (frame.loc[name, columns].to_numpy(dtype=float) for name in ("ladid", "ridge"))
    assert ladid[1] == pytest.approx(2 * 0.4 * hard, rel=1e-5)
    assert ladid[0] < ladid[1] < ladid[2]
    np.testing.assert_allclose(ladid, ridge, rtol=1e-5)


def test_a_line_without_all_of_its_runs_is_named_and_not_drawn(bench: Varied) -> None:
    transfer(bench)
    lost = [row for row in bench.rows if row["arm"] == "fine-tuned" and row["fraction"] == 0.2 and row["seed"] == 1]
    lost[0].update(status="timeout", reason="too slow")
    lost += [row for row in bench.rows if row["method"] == "ridge"]
    for row in lost[1:]:
        row.update(status="not run", reason="later")
    table, found = shown(bench)
    (drawing,) = found
    assert " (2 of 3 runs)" in drawing.caption
    assert named(drawing) == {"ladid"}
    tuned = drawing.frame[drawing.frame["arm"] == "fine-tuned"]
    assert tuned["fraction"].tolist() == [0.02, 1.0]
    frame = areas(*table.parts[0]).set_index("arm")
    assert frame.loc["fine-tuned", "points"] == 2


def ablation(bench: Bench, seeds: tuple[int, ...]) -> None:
    bench.further = ("ablation",)
    bench.method("ladid-ode", "neural")
    errors = {"default": 0.2, "no-code": 0.2, "film-tdp": 0.6, "film": 0.3, "paper": 1.0, "dropout": 0.1}
    for seed in seeds:
        for variant, error in errors.items():
            bench.run(PICTURES, "ladid", error, seed, experiments="ablation", variant=variant)
        bench.run(PICTURES, "ladid-ode", 0.3, seed, experiments="ablation")
        for variant, error in (("default", 0.2), ("no-code", 0.8)):
            told = {"experiments": "ablation", "variant": variant, "changes": "observation_std=0.1"}
            bench.run(PICTURES, "ladid", error, seed, **told)


ORDER = (("paper", "no-code", "film-tdp", "ladid-ode"), ("dropout", "film (from film-tdp)"))


def test_every_part_is_measured_against_the_preset_that_it_differs_from(bench: Varied) -> None:
    ablation(bench, SEEDS)
    table, found = shown(bench)
    made = ratios(table.parts, {name: load_card(name, bench.root) for name in ("ladid", "ladid-ode")})
    columns = ["row", "changes", "reference_variant", "ratio", "told"]
    assert sorted(made[columns].round(3).to_numpy().tolist()) == sorted(
        [
            ["paper", "", "default", 5.0, 1],
            ["film-tdp", "", "default", 3.0, 1],
            ["ladid-ode", "", "default", 1.5, 1],
            ["no-code", "", "default", 1.0, 0],
            ["dropout", "", "default", 0.5, -1],
            ["film (from film-tdp)", "", "film-tdp", 0.5, -1],
            ["no-code", "observation_std=0.1", "default", 4.0, 1],
        ]
    )
    assert made["ratio"].iloc[:6].is_monotonic_decreasing
    (drawing,) = found
    assert {"film (from film-tdp)", "ladid-ode", f"{PICTURES}: observation_std=0.1"} <= written(drawing)
    pd.testing.assert_frame_equal(drawing.frame, made)
    worse, better = ([drawing.caption.find(f"{name} (\N{MULTIPLICATION SIGN}") for name in names] for names in ORDER)
    assert -1 < worse[0] < worse[1] < worse[2] < worse[3] < min(better)  # what matters most comes first; two are level


def test_two_seeds_give_no_verdict_on_a_part(bench: Varied) -> None:
    ablation(bench, SEEDS[:2])
    table, found = shown(bench)
    made = ratios(table.parts, {name: load_card(name, bench.root) for name in ("ladid", "ladid-ode")})
    assert set(made["told"]) == {0}
    assert "(7 of 7)" in found[0].caption
    assert "matters most" not in found[0].caption


def test_seeds_of_a_ratio_are_draws_of_their_own_and_need_not_be_the_same_numbers(bench: Varied) -> None:
    bench.further = ("ablation",)
    for variant, seeds, error in (("default", (0, 1, 2), 0.2), ("no-code", (1, 2, 3), 0.6)):
        for seed in seeds:
            bench.run(PICTURES, "ladid", error, seed, experiments="ablation", variant=variant)
    (table,) = StudyResults(bench.folders, bench.table, bench.study).experiments
    (one,) = ratios(table.parts, {"ladid": load_card("ladid", bench.root)}).to_dict("records")
    assert (one["ratio"], one["seeds"], one["told"]) == (pytest.approx(3), 3, 1)


def test_a_variant_is_measured_against_a_reference_on_as_much_of_the_data(bench: Varied) -> None:
    """On all data 0.6 over 0.2, on an eighth 0.9 over 0.6."""
    bench.further = ("ablation",)
    for fraction, errors in ((1.0, {"default": 0.2, "no-code": 0.6}), (0.125, {"default": 0.6, "no-code": 0.9})):
        for (variant, error), seed in product(errors.items(), SEEDS):
            told = {"experiments": "ablation", "variant": variant, "fraction": fraction}
            bench.run(PICTURES, "ladid", error, seed, **told)
    (table,) = StudyResults(bench.folders, bench.table, bench.study).experiments
    made = ratios(table.parts, {"ladid": load_card("ladid", bench.root)}).set_index("panel")["ratio"]
    assert made.to_dict() == pytest.approx({PICTURES: 3, f"{PICTURES}: 12.5 % of the data": 1.5})


def test_the_preset_stands_in_for_a_variant_without_a_result() -> None:
    card = load_card("ladid", ROOT)
    some = {name: Entry("ladid", name, 1.0, "neural", name, entry(name, {0: 0.1}).runs) for name in card.variants}
    cards = {"ladid": card}
    pick = lambda name, known: reference_of(some[name], [some[one] for one in known], cards)  # noqa: E731
    assert pick("film", ["default", "film-tdp"]) is some["film-tdp"]
    assert pick("film", ["default"]) is some["default"]
    assert pick("paper", ["default", "film-tdp", "film"]) is some["default"]
    assert pick("default", ["default", "film"]) is None


def test_code_and_context_have_their_sizes_and_what_theory_asks_for(
    bench: Varied, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ladid_bench.reporting.sweep_figures.STATE", {PICTURES: 2})
    monkeypatch.setattr("ladid_bench.reporting.sweep_figures.CONTEXTS", ((PICTURES, "other", "short-context"),))
    bench.further = ("sufficiency",)
    for seed in SEEDS:
        for setting, size, error in (("psi", 1, 0.9), ("psi", 2, 0.3), ("latent", 4, 0.3), ("psi", None, 0.2)):
            told = {"experiments": "sufficiency", "variant": "default", "changes": f"{setting}={size}" if size else ""}
            bench.run(PICTURES, "ladid", error, seed, **told)
        bench.on("short-context", "ladid", 0.7, seed, experiments="sufficiency", variant="default")
    _, found = shown(bench)
    assert [one.name for one in found] == [f"sufficiency-{PICTURES}-{one}" for one in ("psi", "latent", "context")]
    usual = load_card("ladid", ROOT).settings["psi"]
    assert load_card("ladid", ROOT).settings["latent"] == usual
    assert [one.frame["at"].tolist() for one in found] == [[1, 2, usual], [4, usual], [1, GIVEN]]
    assert {one.table for one in found} == {"experiment-sufficiency-sizes"}  # one file of numbers
    psi, latent, context = found
    assert "state fits" in written(psi) and "size of psi" in psi.caption and "latent state" in latent.caption
    assert [one.chart.scale.marks for one in found] == [
        [(2, "state fits")],
        [(2, "state fits")],
        [(1, "state is determined")],
    ]
    assert f"at {usual}." in psi.caption
    assert "line, at 1," in context.caption


SIZES = {"experiments": "sizes", "variant": "default"}


def test_a_sweep_has_a_figure_of_the_error_over_a_setting(bench: Varied) -> None:
    """Two methods over two sizes; a third size without a result, and the learning rates of their cards, are no line."""
    bench.further, bench.asked = ("sizes",), {"sizes": "sweep"}
    shutil.copytree(ROOT / "baselines" / "gru", bench.folder("gru"))
    bench.kinds["gru"] = "neural"
    usual = load_card("ladid", ROOT).settings["latent"]
    for seed in SEEDS:
        for size, error in ((2, 0.8), (8, 0.4), (0, 0.2)):
            bench.run(PICTURES, "ladid", error, seed, **SIZES, changes=f"latent={size}" if size else "")
        for size, error in ((2, 0.5), (8, 0.6)):
            bench.run(PICTURES, "gru", error, seed, experiments="sizes", changes=f"latent={size}")
    table, found = shown(bench)
    assert (table.name, table.kind) == ("sizes", "sweep")
    (drawing,) = found
    assert (drawing.name, drawing.table) == (f"sizes-{PICTURES}-latent", "experiment-sizes-curves")
    lines = {name: one.sort_values("at") for name, one in drawing.frame.groupby("name")}
    assert {name: one["at"].tolist() for name, one in lines.items()} == {"ladid": [2, 8, usual], "gru": [2, 8]}
    hard = 1 + np.arange(TRAJECTORIES).mean() / 10  # mean difficulty of a trajectory
    assert lines["ladid"]["value"].to_numpy() == pytest.approx(hard * np.array([0.8, 0.4, 0.2]), rel=1e-5)
    assert (lines["gru"]["low"] < lines["gru"]["value"]).all() and (lines["gru"]["high"] > lines["gru"]["value"]).all()
    assert {"latent", "2", "8", f"{usual}", "ladid", "gru"} <= written(drawing)
    assert f" ladid at {usual}" in drawing.finding
    (_, html), *_ = views(table, scene_of(bench, table))
    assert f"latent={usual} (default)" in html
    assert "ladid" not in drawing.about


def test_an_experiment_on_size_has_the_error_over_the_number_of_parameters(bench: Varied) -> None:
    """Two methods in two sizes; one that has a single size is in the table, with its parameters, and no line."""
    bench.further = ("size",)
    shutil.copytree(ROOT / "baselines" / "gru", bench.folder("gru"))
    bench.kinds["gru"] = "neural"
    told = {"experiments": "size", "variant": "default"}
    for method, changes, error, parameters in (
        ("ladid", "", 0.2, 600),
        ("ladid", "layers=1", 0.3, 200),
        ("gru", "", 0.5, 200),
        ("gru", "hidden=394", 0.4, 600),
        ("latent-ode", "", 0.6, 250),
    ):
        for seed in SEEDS:
            bench.run(PICTURES, method, error, seed, **told, changes=changes)
            bench.rows[-1]["cost_parameters"] = float(parameters)
    table, (drawing,) = shown(bench)
    assert (drawing.name, drawing.table) == (f"size-{PICTURES}-parameters", "experiment-size-parameters")
    lines = {name: one["at"].tolist() for name, one in drawing.frame.groupby("name")}
    assert lines == {"ladid": [200, 600], "gru": [200, 600]}
    assert " ladid at 600" in drawing.finding
    (_, html), *_ = views(table, scene_of(bench, table))
    assert "parameters" in html and "250" in html


def test_a_sweep_over_data_sets_has_a_figure_for_what_differs_in_it_alone(bench: Varied) -> None:
    """Frames given, size and horizon each differ in one data set; two learning rates double the figures."""
    bench.further, bench.asked = ("sizes",), {"sizes": "sweep"}
    for dataset in (PICTURES, "short-context", "large", "long"):
        for rate in (0.01, 0.001):
            bench.on(dataset, "ladid", 0.2, **SIZES, changes=f"learning_rate={rate}")
    _, found = shown(bench)
    across = [(one.frame["across"].iloc[0], sorted(one.frame["at"].tolist())) for one in found]
    rates = [("learning_rate", [0.001, 0.01])] * 4
    expected = [("frames given", [1, GIVEN]), ("frames forecast", [ASKED, 2 * ASKED]), ("pixels of a side", [SIDE, 64])]
    assert sorted(across) == sorted([*rates, *expected * 2])
    assert len({one.name for one in found}) == len(across)
    assert not [one.finding for one in found if "ladid" in one.finding]  # one seed


def test_a_sweep_over_what_is_no_number_has_dots(bench: Varied) -> None:
    bench.further, bench.asked = ("kinds-of-attention",), {"kinds-of-attention": "sweep"}
    for attention in ("tdp", "xmix"):
        told = {"experiments": "kinds-of-attention", "variant": "default", "changes": f"attention={attention}"}
        bench.run(PICTURES, "ladid", 0.2, **told)
    _, found = shown(bench)
    assert [one.name for one in found] == [f"kinds-of-attention-{PICTURES}-nmse"]


def test_an_experiment_with_a_name_of_its_own_is_reported_under_it(bench: Varied) -> None:
    """Two comparisons of one's own beside no comparison of the suite, each with a table, dots and files."""
    bench.further = ("first-try", "second-try")
    for place, name in enumerate(bench.further):
        for method in ("latent-ode", "ridge"):
            bench.run(PICTURES, method, 0.1 + 0.1 * place, experiments=name)
    page = bench.build()
    for name in bench.further:
        assert f"experiment-{name}" in page.ids
        kept = pd.read_csv(page.path.parent / "tables" / f"experiment-{name}.csv")
        assert list(kept["method"]) == ["latent-ode", "ridge"]
        assert (page.path.parent / "figures" / f"{name}-{PICTURES}-nmse.svg").exists()
    assert {"caution-comparison", f"card-{PICTURES}"} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    words = findings.lead_text(StudyResults(bench.folders, bench.table, bench.study))
    told = ("1 neural method and 1 simple method on 1 data set", "all 4 runs")
    assert [one in words for one in told] == [True] * 2


def test_cost_grows_with_one_thing_at_a_time(bench: Varied) -> None:
    bench.further = ("cost",)
    asked = ((PICTURES, 1.0, 1.0), ("large", 1.0, 4.0), ("long", 1.0, 2.0), (PICTURES, 0.5, 1.0))
    for dataset, fraction, factor in asked:
        bench.on(dataset, "ladid", 0.2, variant="default", experiments="cost", fraction=fraction)
        spent = {"step": 0.1 * factor, "forecast": 0.6 * factor}
        bench.rows[-1] |= {"cost_cpu_seconds_per_step": spent["step"], "cost_forecast_cpu_seconds": spent["forecast"]}
        bench.rows[-1] |= {"cost_load": 1.0, "threads": 1}
    _, found = shown(bench)
    names = [f"pixels-{ASKED}-1", f"horizon-{SIDE}-1", f"trajectories-{SIDE}-{ASKED}"]
    assert [one.name for one in found] == [
        f"cost-{what}-{PICTURES}-{name}" for name in names for what in ("step", "forecast")
    ]
    assert [one.frame["at"].tolist() for one in found[::2]] == [
        [SIDE**2, 64**2],
        [ASKED, 2 * ASKED],
        [TRAJECTORIES / 2, TRAJECTORIES],  # as the card says, not as many as were asked for
    ]
    assert found[1].frame["value"].tolist() == pytest.approx([100, 400])  # of a trajectory, in ms
    alone = found[0].caption
    bench.rows[1]["cost_load"] = 3.0
    _, found = shown(bench)
    assert found[0].caption != alone  # 1 of 2 runs was not alone any more
    assert " 2 runs, 1 " in found[0].caption


def test_growth_is_the_last_over_the_first_least_first() -> None:
    made = {"name": list("aabbb"), "value": [1.0, 4.0, 2.0, 9.0, 3.0], "at": [10.0, 20.0, 10.0, 20.0, 40.0]}
    assert growth(pd.DataFrame(made)).to_numpy().tolist() == [["b", 1.5, 4.0], ["a", 4.0, 2.0]]


def test_of_other_points_those_whose_interval_reaches_down_to_the_lowest_ones_are_counted() -> None:
    ends = {"value": [0.2, 0.3, 0.5], "low": [0.1, 0.2, 0.4], "high": [0.25, 0.4, 0.6]}
    frame = pd.DataFrame({"name": "ladid", "at": [8.0, 4.0, 2.0], **ends})
    assert "ladid at 8; its interval overlaps 1 of the 2 others" in _lowest(frame, frame.iloc[0])
    assert _lowest(frame[frame["at"] != 4], frame.iloc[0]).endswith(" at 8.")


def test_bars_of_a_cost_reach_over_its_runs(bench: Varied) -> None:
    bench.further = ("cost",)
    for dataset, factor in ((PICTURES, 1.0), ("large", 4.0)):
        for seed in SEEDS:
            bench.on(dataset, "ladid", 0.2, seed, variant="default", experiments="cost")
            bench.rows[-1] |= {"cost_cpu_seconds_per_step": factor * (1 + seed), "cost_load": 1.0, "threads": 1}
    _, found = shown(bench)
    ends = found[0].frame[["value", "low", "high"]].to_numpy().tolist()
    assert ends == [[factor * one for one in (2, 1, 3)] for factor in (1.0, 4.0)]


def test_a_target_with_one_share_has_dots(bench: Varied) -> None:
    bench.further = ("transfer",)
    for seed in SEEDS:
        few = {"experiments": "transfer", "variant": "default", "fraction": 0.08}
        bench.run(PICTURES, "ladid", 0.4, seed, **few)
        bench.run(PICTURES, "ladid", 0.2, seed, **few, arm="fine-tuned", init_from=VECTORS)
        bench.run(VECTORS, "ladid", 0.1, seed, experiments="transfer", variant="default")
    table, found = shown(bench)
    (drawing,) = found  # the source is no target
    assert drawing.name == f"transfer-{PICTURES}-nmse"
    assert {"ladid, scratch, 8 %", "ladid, fine-tuned, 8 %"} <= written(drawing)
    assert drawing.frame.set_index("arm")["full"].to_dict() == {"scratch": False, "fine-tuned": True}
    assert areas_of(table).empty


def test_the_end_of_training_is_marked_on_a_longer_horizon(bench: Varied) -> None:
    bench.further = ("horizon",)
    bench.run(PICTURES, "ladid", 0.2, variant="default", experiments="comparison,horizon")
    key = bench.on("long", "ladid", 0.3, variant="default", experiments="horizon", arm="zero-shot", init_from=PICTURES)
    path = bench.folders.samples(key)
    sample = read_sample(path)
    per_frame = ("squared_error", "squared_truth", "squared_deviation", "forecast")
    twice = {name: np.concatenate([getattr(sample, name)] * 2, axis=1) for name in per_frame}
    twice["times"] = np.tile(np.arange(2 * ASKED) * 0.1, (TRAJECTORIES, 1))
    twice["truth"] = np.concatenate([sample.truth[:, :GIVEN], twice["forecast"]], axis=1)
    write_sample(path, replace(sample, **twice))
    _, found = shown(bench)
    (drawing,) = found  # the data set of the source is in the comparison
    assert drawing.name == "experiment-horizon-long"
    assert "beyond training" in written(drawing)
    last = 0.1 * ASKED  # of those that were trained on
    assert drawing.chart.scale.marks == [(pytest.approx(last), "beyond training")]
    assert len(drawing.frame) == 2 * ASKED
    assert set(drawing.frame["init_from"]) == {PICTURES}


def test_dots_compare_a_model_with_what_it_reaches_at_home(bench: Varied) -> None:
    bench.further = ("shift",)
    for seed in SEEDS:
        bench.run(PICTURES, "ladid", 0.2, seed, variant="default", experiments="comparison,shift")
        asked = {"experiments": "shift", "variant": "default", "init_from": PICTURES}
        bench.on("large", "ladid", 0.6, seed, arm="zero-shot", **asked)
        bench.on("large", "ladid", 0.5, seed, arm="fine-tuned", fraction=0.02, changes="steps=7", **asked)
    _, found = shown(bench)
    (drawing,) = found
    assert {"large", "ladid", "ladid, zero-shot", "ladid, fine-tuned, 2 %"} <= written(drawing)
    other = drawing.frame.set_index("arm")["other"]
    assert other["zero-shot"] == drawing.frame.set_index("arm").loc["scratch", "error"]
    assert other.notna().sum() == 1


def test_a_dot_off_the_scale_stands_at_the_edge() -> None:
    look = {"one": MethodStyle("", "#d1540a", "solid", "o", "#d1540a")}
    near = pd.DataFrame({"panel": "set", "row": list("abcde"), "hue": "one", "error": [0.10, 0.11, 0.12, 0.13, 0.14]})
    near = near.assign(low=np.nan, high=np.nan)
    far = pd.concat([near, near.iloc[:1].assign(row="far", error=1e9)])
    chart = Dots(look, "hue", "nMSE", "error")
    usual, cut = (Drawing("dots", chart, "", one).svg for one in (near, far))
    ticks = [re.findall(r">([\d.]+)</text>", one) for one in (usual, cut)]
    assert ticks[0] == ticks[1]
    assert "1e+09" in cut  # it is written beside its triangle
    assert "nan" not in cut.lower()


def test_the_page_has_the_figures_and_their_files(bench: Varied, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "LEVEL", 0.1)  # over six trajectories no three methods differ at 5 %
    transfer(bench)
    for seed in SEEDS:
        for method, error in (("latent-ode", 0.3), ("other-net", 0.4)):
            bench.run(PICTURES, method, error, seed)
    bench.run(PICTURES, "mean", 0.9)
    page = bench.build()
    folder = page.path.parent
    for name in (f"ranks-{PICTURES}", f"transfer-{PICTURES}"):
        kept = (folder / "figures" / f"{name}.svg").read_text(encoding="utf-8")
        assert kept.startswith("<?xml")
        assert "nan" not in kept.lower()
    ranked = pd.read_csv(folder / "tables" / f"ranks-{PICTURES}.csv")
    assert list(ranked["method"]) == ["latent-ode", "other-net", "mean"]
    curves = pd.read_csv(folder / "tables" / "experiment-transfer-curves.csv")
    assert curves.groupby("name").size().to_dict()["ladid, fine-tuned"] == 3
    for kind in ("horizon", "cost", "training"):  # every figure has its numbers
        assert {"latent-ode", "other-net"} <= set(pd.read_csv(folder / "tables" / f"{kind}-{PICTURES}.csv")["name"])
    assert ranked["blocks"].eq(TRAJECTORIES).all()
    assert "over fewer than 6" in page.text
    assert not (folder / "figures" / "ranks.svg").exists()
    assert "median" in page.text
    assert {"nmse_median"} <= set(pd.read_csv(folder / "tables" / "experiment-transfer.csv"))
    assert len(page.ids) == len(set(page.ids))
    own = set(re.findall(r'\[data-method="([^"]+)"\]\{--own', page.source))
    assert set(re.findall(r'<g data-method="([^"]+)"', page.source)) <= own  # what the reader points at has a colour
    assert bench.build().source == page.source


def test_groups_and_not_trajectories_are_what_a_signed_rank_test_counts() -> None:
    """One method ahead in all of seven groups of two trajectories: p is 2 / 2^7, times 3 for three pairs; not of 14."""
    group = np.repeat(np.arange(7), 2)
    hard = np.random.default_rng(0).lognormal(0, 1, 14)
    factors = {"a": np.full(14, 1.0), "b": np.linspace(1.5, 2.5, 14), "c": np.linspace(3, 9, 14)}
    entries = []
    for label, factor in factors.items():
        made = entry(label, dict.fromkeys(SEEDS, 1.0), factor * hard)
        runs = tuple(replace(run, sample=replace(run.sample, group=group)) for run in made.runs)
        entries.append(replace(made, runs=runs))
    found = rank_over_groups(DatasetContent("set", "Set", "nmse", "", {}, tuple(entries)))
    assert isinstance(found, Ranking)
    assert found.blocks == tuple("0123456")
    assert found.ranks.to_dict() == {"a": 1, "b": 2, "c": 3}
    assert found.p.loc["a", "b"] == pytest.approx(3 * 2 / 2**7)


def test_errors_of_seeds_and_trajectories_are_averaged_in_each_group_before_ranks() -> None:
    """In each of seven groups b has errors 0.1 and 3 where a has 2 and 2: lower on average."""
    group, single = np.repeat(np.arange(7), 2), np.ones(14)
    errors = {"a": 2 * single, "b": np.tile([0.1, 3.0], 7), "c": 5 * single}
    entries = []
    for label, some in errors.items():
        made = entry(label, dict.fromkeys(SEEDS, 1.0), some)
        runs = tuple(replace(run, sample=replace(run.sample, group=group)) for run in made.runs)
        entries.append(replace(made, runs=runs))
    found = rank_over_groups(DatasetContent("set", "Set", "nmse", "", {}, tuple(entries)))
    assert isinstance(found, Ranking)
    assert found.ranks.to_dict() == {"b": 1, "a": 2, "c": 3}


def test_lead_times_count_from_the_last_given_frame_and_errors_are_of_each_lead() -> None:
    """Forecast frames at 0.1 and 0.3 of every other trajectory, the step is 0.1; uneven errors of two trajectories."""
    made = entry("a", {0: 1.0}, np.array([1.0, 1.0]))
    assert made.runs[0].sample is not None
    uneven = replace(
        made.runs[0].sample,
        times=np.array([[5.1, 5.3], [0.1, 0.3]]),
        squared_error=np.array([[1.0, 2.0], [3.0, 8.0]], np.float32),
        squared_truth=np.array([[2.0, 10.0], [8.0, 10.0]], np.float32),
        squared_deviation=np.array([[1.0, 1.0], [2.0, 4.0]], np.float32),
    )
    one = replace(made, runs=(replace(made.runs[0], sample=uneven),))
    card = {"task": {"time_step": 0.1, "shape": [1, 4]}}
    for metric, expected in (("nmse", [4 / 10, 10 / 20]), ("fvu", [4 / 3, 10 / 5])):
        lead, error = horizon_errors(DatasetContent("set", "Set", metric, "", card, (one,)), one)
        assert lead == pytest.approx([0.1, 0.3])
        assert error == pytest.approx(expected)


def test_a_band_takes_five_groups_and_is_wider_where_seeds_disagree() -> None:
    def width(groups: int, errors: tuple[float, float]) -> float:
        units = [np.linspace(0.9, 1.1, groups) * error for error in errors]
        runs = [entry("a", {seed: 1.0}, one).runs[0] for seed, one in enumerate(units)]
        both = replace(entry("a", {0: 1.0}), runs=tuple(runs))
        frame = horizon_frame(DatasetContent("set", "Set", "nmse", "", {}, (both,)), ["a"])
        assert frame["error"].to_numpy() == pytest.approx(1)
        return float((frame["high"] / frame["low"]).iloc[0])

    assert math.isnan(width(4, (1.0, 1.0)))
    assert width(5, (0.5, 1.5)) > 2 * width(5, (1.0, 1.0)) > 2


def test_the_last_gain_is_that_of_the_mean_over_runs_between_the_last_two_validations() -> None:
    """4 and 6 fall to 2 and 4: from 5 to 3 on average, by 40 %."""
    made = {"name": "a", "seed": [0, 0, 0, 1, 1, 1], "valid_nmse": [9.0, 4.0, 2.0, 9.0, 6.0, 4.0]}
    single = pd.DataFrame({"name": ["b"], "seed": [0], "valid_nmse": [1.0]})
    assert last_gains(pd.concat([pd.DataFrame(made), single])) == {"a": pytest.approx(40)}


def test_seconds_of_a_run_are_on_the_clock_where_an_accelerator_did_the_work() -> None:
    spent = {"cost_cpu_seconds": 9.0, "cost_wall_seconds": 4.0}
    assert run_seconds(Run(spent, None, {})) == 9
    assert run_seconds(Run(spent | {"cost_accelerator_seconds": 3.0}, None, {})) == 4
    assert math.isnan(run_seconds(Run({}, None, {})))


def test_a_settled_figure_has_its_axes_where_they_are_drawn() -> None:
    """By matplotlib's own drawing of the same figure, whose engine makes room for the title and the numbers."""

    def made() -> Axes:
        axes = canvas().add_subplot()
        axes.plot([0, 1e6], [0, 1e9])
        axes.set_title("above")
        axes.set_ylabel("beside")
        return axes

    settled, drawn = made(), made()
    bare = settled.get_position().bounds
    settle(settled.figure)
    drawn.figure.draw_without_rendering()
    assert settled.get_position().bounds == drawn.get_position().bounds != bare
    before = settled.get_position().bounds
    settled.set_title("above\nin two lines")
    settled.figure.draw_without_rendering()
    assert settled.get_position().bounds == before  # for good
