"""Ranks and the figures of the experiments: what they show, what they leave out and say so, and their numbers."""

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from reports import ASKED, GIVEN, TRAJECTORIES, Bench, make_bench
from scipy.stats import wilcoxon

from ladid_bench.analysis.entries import DatasetContent, Entry, Run, gather
from ladid_bench.analysis.ranking import Ranking, rank_over_datasets, rank_over_groups
from ladid_bench.core.configuration import Dataset, SplitSizes, Study
from ladid_bench.methods.registry import load_card
from ladid_bench.reporting.ablation_figure import ratios, reference_of
from ladid_bench.reporting.dot_plot import Dot, Panel, dot_plot
from ladid_bench.reporting.drawing import style
from ladid_bench.reporting.experiment_figures import Illustrated, Scene, illustrate, styles_by_method
from ladid_bench.reporting.experiments import ExperimentTable, experiment_tables
from ladid_bench.reporting.formatting import TIMES
from ladid_bench.reporting.palette import styles
from ladid_bench.reporting.rank_figure import rank_diagram, rank_rows
from ladid_bench.reporting.transfer_figure import areas
from ladid_bench.runs.records import Sample

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
    return Entry(label, "default", 1.0, kind, label, tuple(runs))


def sample(errors: np.ndarray) -> Sample:
    """Errors of as many test units, two frames each."""
    frames = np.repeat(errors[:, None] / 2, 2, axis=1).astype(np.float32)
    none = np.zeros((len(errors), 0), np.float32)
    return Sample(
        squared_error=frames,
        squared_truth=np.full_like(frames, 0.5),
        squared_deviation=np.ones_like(frames),
        group=np.arange(len(errors)),
        times=np.tile([0.1, 0.2], (len(errors), 1)),
        representation=none,
        midpoints_squared_error=none,
        midpoints_squared_truth=none,
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
    assert "a is first, and differs from none" in drawing.caption


def test_what_cannot_be_ranked_is_said() -> None:
    three = {"a": 0.1, "b": 0.2, "c": 0.3}
    assert "fewer than 6 data sets" in str(rank_over_datasets(contents([three] * 5)))
    assert "here are 2" in str(rank_over_datasets(contents([{"a": 0.1, "b": 0.2}] * 6)))
    assert "it takes 3 seeds" in str(rank_over_datasets(contents([three] * 6, seeds=2)))
    few = contents([three], seeds=1)[0]
    simple = [entry(label, {0: 0.1}, np.arange(1.0, 9.0), kind="simple") for label in "xyz"]
    assert "it takes 3 seeds" in str(rank_over_groups(replace(few, entries=(*few.entries, *simple))))
    assert isinstance(rank_over_groups(replace(few, entries=tuple(simple))), Ranking)
    assert "No diagram of ranks" in str(rank_over_datasets([]))


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
    assert "without a complete result on all of them or with too few seeds: d." in drawing.caption
    assert 'id="method.a.marker"' in drawing.svg
    assert "method.d" not in drawing.svg


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
    rows = rank_rows(found)
    assert list(rows["method"]) == list(found.ranks.index)
    assert rows.loc[0, "p_against_c"] == found.p.loc["a", "c"]


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
        """A run on one of the further data sets."""
        key = self.run(PICTURES, *told, **how, init_from_key=dataset)
        self.rows[-1]["dataset"] = dataset
        return key


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Varied:
    made = make_bench(tmp_path, monkeypatch)
    varied = Varied(made.root, made.rows, made.shapes, made.kinds)
    varied.kinds["ladid"] = "neural"
    return varied


def shown(bench: Bench) -> tuple[ExperimentTable, Illustrated]:
    """The only experiment of a study and what is drawn of it."""
    (table,) = experiment_tables(bench.folders, bench.table, bench.study)
    compared = gather(bench.folders, bench.table, bench.study)
    by_method = styles_by_method(styles(compared), [*compared, *(content for content, _ in table.parts)])
    return table, illustrate(table, Scene(bench.study, bench.root, by_method, compared))


def transfer(bench: Bench) -> None:
    """LaDID from scratch, fine-tuned and as it is, and ridge, which runs once on all of the data."""
    bench.further = ("transfer",)
    for seed in SEEDS:
        for share, scratch, tuned in ((0.02, 0.8, 0.4), (0.2, 0.4, 0.2), (1.0, 0.2, 0.2)):
            plain: dict[str, Any] = {"experiments": "transfer", "variant": "tuned", "fraction": share}
            bench.run(PICTURES, "ladid", scratch, seed, **plain)
            bench.run(PICTURES, "ladid", tuned, seed, **plain, arm="fine-tuned", init_from=VECTORS)
            if share < 1 or seed == 0:
                bench.run(PICTURES, "ridge", 1.0, seed, experiments="transfer", fraction=share)
        start = {"experiments": "transfer", "variant": "tuned", "arm": "zero-shot", "init_from": VECTORS}
        bench.run(PICTURES, "ladid", 0.6, seed, **start)


def test_a_transfer_has_a_line_an_arm_and_the_area_below_it(bench: Varied) -> None:
    transfer(bench)
    table, found = shown(bench)
    (drawing,) = found.drawings
    assert drawing.name == f"transfer-{PICTURES}"
    written = re.findall(r">([^<>]+)</text>", drawing.svg)
    assert {"ladid, scratch", "ladid, fine-tuned", "ladid, zero-shot", "ridge", "2 %", "20 %", "100 %"} <= set(written)
    assert "With 2 % of them ladid, fine-tuned is lowest" in drawing.caption
    assert "LaDID fine-tuned has 0.50 times the error of LaDID from scratch" in drawing.caption
    content, rows = table.parts[0]
    hard = 1 + np.arange(TRAJECTORIES).mean() / 10  # mean difficulty of a trajectory
    middle = math.log(0.2 / 0.02) / math.log(1 / 0.02)  # how far along the axis the middle share is
    expected = middle * (0.8 + 0.4) / 2 + (1 - middle) * (0.4 + 0.2) / 2
    by_name = {(one.line.first.name, one.line.arm): one for one in areas(content, rows)}
    assert len(by_name) == 3  # a level has no area
    scratch = by_name["ladid", "scratch"]
    assert scratch.value == pytest.approx(expected * hard, rel=1e-5)
    assert scratch.interval is not None
    assert scratch.interval.low < scratch.value < scratch.interval.high
    assert by_name["ridge", "scratch"].value == pytest.approx(hard, rel=1e-5)
    assert [row.arm for row in found.areas] == ["fine-tuned", "scratch", "scratch"]
    assert len(found.numbers["experiment-transfer-areas"]) == 3


def test_a_line_without_all_of_its_runs_is_named_and_not_drawn(bench: Varied) -> None:
    transfer(bench)
    lost = [row for row in bench.rows if row["arm"] == "fine-tuned" and row["fraction"] == 0.2 and row["seed"] == 1]
    lost[0].update(status="timeout", reason="too slow")
    lost += [row for row in bench.rows if row["method"] == "ridge"]
    for row in lost[1:]:
        row.update(status="not run", reason="later")
    table, found = shown(bench)
    (drawing,) = found.drawings
    assert "ladid fine-tuned with 20 % (2 of 3 runs)" in drawing.caption
    assert ">ridge<" not in drawing.svg
    tuned = next(one for one in areas(*table.parts[0]) if one.line.arm == "fine-tuned")
    assert tuned.line.fractions == [0.02, 1.0]


def ablation(bench: Bench, seeds: tuple[int, ...]) -> None:
    bench.further = ("ablation",)
    bench.method("ladid-ode", "neural")
    errors = {"tuned": 0.2, "no-kl": 0.2, "mlp": 0.6, "mlp-dropout": 0.3, "paper": 1.0, "dropout": 0.1}
    for seed in seeds:
        for variant, error in errors.items():
            bench.run(PICTURES, "ladid", error, seed, experiments="ablation", variant=variant)
        bench.run(PICTURES, "ladid-ode", 0.3, seed, experiments="ablation")
        for variant, error in (("tuned", 0.2), ("no-kl", 0.8)):
            told = {"experiments": "ablation", "variant": variant, "changes": "observation_std=0.1"}
            bench.run(PICTURES, "ladid", error, seed, **told)


def test_every_part_is_measured_against_the_preset_that_it_differs_from(bench: Varied) -> None:
    ablation(bench, SEEDS)
    table, found = shown(bench)
    made = ratios(table, {name: load_card(name, bench.root) for name in ("ladid", "ladid-ode")})
    got = {
        (one.variant.label, one.changes): (one.reference.label, round(one.interval.estimate, 3), one.told)
        for one in made
    }
    assert got == {
        ("ladid:paper", ""): ("ladid:tuned", 5.0, 1),
        ("ladid:mlp", ""): ("ladid:tuned", 3.0, 1),
        ("ladid-ode", ""): ("ladid:tuned", 1.5, 1),
        ("ladid:no-kl", ""): ("ladid:tuned", 1.0, 0),
        ("ladid:dropout", ""): ("ladid:tuned", 0.5, -1),
        ("ladid:mlp-dropout", ""): ("ladid:mlp", 0.5, -1),
        ("ladid:no-kl", "observation_std=0.1"): ("ladid:tuned", 4.0, 1),
    }
    assert [one.interval.estimate for one in made[:6]] == sorted(
        (one.interval.estimate for one in made[:6]), reverse=True
    )
    (drawing,) = found.drawings
    written = re.findall(r">([^<>]+)</text>", drawing.svg)
    assert {"mlp-dropout (from mlp)", "ladid-ode", f"{PICTURES}: observation_std=0.1"} <= set(written)
    assert (
        f"What matters most: paper ({TIMES}5.00), no-kl ({TIMES}4.00, observation_std=0.1), mlp ({TIMES}3.00) "
        f"and ladid-ode ({TIMES}1.50). "
        f"Better than the preset: dropout ({TIMES}0.50) and mlp-dropout (from mlp) ({TIMES}0.50)."
    ) in drawing.caption
    assert found.numbers["experiment-ablation-ratios"]["ratio"].iloc[0] == pytest.approx(5)


def test_two_seeds_give_no_verdict_on_a_part(bench: Varied) -> None:
    ablation(bench, SEEDS[:2])
    table, found = shown(bench)
    made = ratios(table, {name: load_card(name, bench.root) for name in ("ladid", "ladid-ode")})
    assert {one.told for one in made} == {0}
    assert "fewer than 3 seeds (7 of 7)" in found.drawings[0].caption
    assert "matters most" not in found.drawings[0].caption


def test_the_preset_stands_in_for_a_variant_without_a_result() -> None:
    card = load_card("ladid", ROOT)
    some = {name: Entry("ladid", name, 1.0, "neural", name, entry(name, {0: 0.1}).runs) for name in card.variants}
    cards = {"ladid": card}
    pick = lambda name, known: reference_of(some[name], [some[one] for one in known], cards)  # noqa: E731
    assert pick("mlp-dropout", ["tuned", "mlp"]) is some["mlp"]
    assert pick("mlp-dropout", ["tuned"]) is some["tuned"]
    assert pick("paper", ["tuned", "mlp", "mlp-dropout"]) is some["tuned"]
    assert pick("tuned", ["tuned", "mlp"]) is None


def test_code_and_context_have_their_sizes_and_what_theory_asks_for(
    bench: Varied, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ladid_bench.reporting.sizes_figure.STATE", {PICTURES: 2})
    monkeypatch.setattr("ladid_bench.reporting.sizes_figure.CONTEXTS", ((PICTURES, "other", "short-context"),))
    bench.further = ("sufficiency",)
    for seed in SEEDS:
        for size, error in ((1, 0.9), (2, 0.3), (None, 0.2)):
            told = {"experiments": "sufficiency", "variant": "tuned", "changes": f"latent={size}" if size else ""}
            bench.run(PICTURES, "ladid", error, seed, **told)
        bench.on("short-context", "ladid", 0.7, seed, experiments="sufficiency", variant="tuned")
    _, found = shown(bench)
    assert [one.name for one in found.drawings] == [f"sufficiency-latent-{PICTURES}", f"sufficiency-context-{PICTURES}"]
    numbers = found.numbers["experiment-sufficiency-sizes"]
    usual = load_card("ladid", ROOT).settings["latent"]
    assert [tuple(one) for one in numbers.groupby("figure", sort=False)["at"].apply(list)] == [
        (1, 2, usual),
        (1, GIVEN),
    ]
    latent, context = found.drawings
    assert "state fits" in latent.svg
    assert "Lowest is ladid at 32." in latent.caption
    assert "The dashed line, at 1, is the least" in context.caption


def test_cost_grows_with_one_thing_at_a_time(bench: Varied) -> None:
    bench.further = ("cost",)
    asked = ((PICTURES, 1.0, 1.0), ("large", 1.0, 4.0), ("long", 1.0, 2.0), (PICTURES, 0.5, 1.0))
    for dataset, fraction, factor in asked:
        bench.on(dataset, "ladid", 0.2, variant="tuned", experiments="cost", fraction=fraction)
        spent = {"step": 0.1 * factor, "forecast": 0.6 * factor}
        bench.rows[-1] |= {"cost_cpu_seconds_per_step": spent["step"], "cost_forecast_cpu_seconds": spent["forecast"]}
        bench.rows[-1] |= {"cost_load": 1.0, "threads": 1}
    _, found = shown(bench)
    names = [f"pixels-{ASKED}-1", f"horizon-{SIDE}-1", f"trajectories-{SIDE}-{ASKED}"]
    assert [one.name for one in found.drawings] == [
        f"cost-{what}-{PICTURES}-{name}" for name in names for what in ("step", "forecast")
    ]
    assert f"From the smallest to the largest ({TIMES}4) it grew {TIMES}4 for ladid" in found.drawings[0].caption
    assert f"({TIMES}2) it grew {TIMES}1 for ladid" in found.drawings[4].caption
    assert all("Every run had the machine to itself." in one.caption for one in found.drawings)
    numbers = found.numbers["experiment-cost-growth"]
    pixels = numbers[numbers["figure"] == found.drawings[1].name]
    assert pixels["value"].tolist() == pytest.approx([1000 * spent / TRAJECTORIES for spent in (0.6, 2.4)])
    bench.rows[1]["cost_load"] = 3.0
    _, found = shown(bench)
    assert "Of 2 runs 1 shared the machine" in found.drawings[0].caption


def test_bars_of_a_cost_reach_over_its_runs(bench: Varied) -> None:
    bench.further = ("cost",)
    for dataset, factor in ((PICTURES, 1.0), ("large", 4.0)):
        for seed in SEEDS:
            bench.on(dataset, "ladid", 0.2, seed, variant="tuned", experiments="cost")
            bench.rows[-1] |= {"cost_cpu_seconds_per_step": factor * (1 + seed), "cost_load": 1.0, "threads": 1}
    _, found = shown(bench)
    steps = found.numbers["experiment-cost-growth"]
    ends = steps[steps["figure"] == found.drawings[0].name][["value", "low", "high"]].to_numpy().tolist()
    assert ends == [[factor * one for one in (2, 1, 3)] for factor in (1.0, 4.0)]
    assert "Bars reach from the least run to the greatest." in found.drawings[0].caption


def test_a_target_with_one_share_has_dots(bench: Varied) -> None:
    bench.further = ("transfer",)
    for seed in SEEDS:
        few = {"experiments": "transfer", "variant": "tuned", "fraction": 0.08}
        bench.run(PICTURES, "ladid", 0.4, seed, **few)
        bench.run(PICTURES, "ladid", 0.2, seed, **few, arm="fine-tuned", init_from=VECTORS)
        bench.run(VECTORS, "ladid", 0.1, seed, experiments="transfer", variant="tuned")
    _, found = shown(bench)
    (drawing,) = found.drawings  # the source is no target
    assert drawing.name == f"transfer-{PICTURES}-nmse"
    assert {"ladid, scratch, 8 %", "ladid, fine-tuned, 8 %"} <= set(re.findall(r">([^<>]+)</text>", drawing.svg))
    assert "Open dots: trained on the data set itself" in drawing.caption
    assert found.areas == []


def test_the_end_of_training_is_marked_on_a_longer_horizon(bench: Varied) -> None:
    bench.further = ("horizon",)
    bench.run(PICTURES, "ladid", 0.2, variant="tuned", experiments="comparison,horizon")
    key = bench.on("long", "ladid", 0.3, variant="tuned", experiments="horizon", arm="zero-shot", init_from=PICTURES)
    path = bench.folders.samples(key)
    stretched = {
        name: np.concatenate([values, values], axis=1) if values.ndim == 2 and values.shape[1] == ASKED else values
        for name, values in np.load(path).items()
    }
    stretched["times"] = np.tile(np.arange(2 * ASKED) * 0.1, (TRAJECTORIES, 1))
    stretched["forecast"] = np.concatenate([stretched["forecast"]] * 2, axis=1)
    stretched["truth"] = np.concatenate([stretched["truth"][:, :GIVEN], stretched["forecast"]], axis=1)
    np.savez_compressed(path, **stretched)
    _, found = shown(bench)
    (drawing,) = found.drawings  # the data set of the source is in the comparison
    assert drawing.name == "experiment-horizon-long"
    assert "beyond training" in drawing.svg
    assert "Right of the dashed line is what no model was trained on" in drawing.caption
    assert len(found.numbers["experiment-horizon-curves"]) == 2 * ASKED


def test_dots_compare_a_model_with_what_it_reaches_at_home(bench: Varied) -> None:
    bench.further = ("shift",)
    for seed in SEEDS:
        bench.run(PICTURES, "ladid", 0.2, seed, variant="tuned", experiments="comparison,shift")
        asked = {"experiments": "shift", "variant": "tuned", "init_from": PICTURES}
        bench.on("large", "ladid", 0.6, seed, arm="zero-shot", **asked)
        bench.on("large", "ladid", 0.5, seed, arm="fine-tuned", fraction=0.02, changes="steps=7", **asked)
    _, found = shown(bench)
    (drawing,) = found.drawings
    written = re.findall(r">([^<>]+)</text>", drawing.svg)
    assert {"large", "ladid", "ladid, zero-shot", "ladid, fine-tuned, 2 %"} <= set(written)
    assert "Strokes: the same models on the data they were trained on" in drawing.caption
    assert len(re.findall(r'id="method\.ladid\.p\d-\d-other"', drawing.svg)) == 1


def test_a_dot_off_the_scale_stands_at_the_edge() -> None:
    near = [Dot(f"method {place}", 0.1 + 0.01 * place, None, "#d1540a", "") for place in range(5)]
    with style():
        usual = dot_plot("dots", [Panel("set", near)], "nMSE", "")
        far = dot_plot("dots", [Panel("set", [*near, Dot("far", 1e9, None, "#d1540a", "")])], "nMSE", "")
    labels = [re.findall(r">([\d.]+)</text>", one.svg) for one in (usual, far)]
    assert labels[0] == labels[1]
    assert "nan" not in far.svg.lower()


def test_the_page_has_the_figures_and_their_files(bench: Varied) -> None:
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
    assert ranked["blocks"].eq(TRAJECTORIES).all()
    assert "No diagram of ranks: over fewer than 6 data sets" in page.text
    assert not (folder / "figures" / "ranks.svg").exists()
    assert "median" in page.text
    assert {"nmse_median"} <= set(pd.read_csv(folder / "tables" / "experiment-transfer.csv"))
    assert len(page.ids) == len(set(page.ids))
    own = set(re.findall(r'\[data-method="([^"]+)"\]\{--own', page.source))
    assert set(re.findall(r'<g data-method="([^"]+)"', page.source)) <= own  # what the reader points at has a colour
    assert bench.build().source == page.source
