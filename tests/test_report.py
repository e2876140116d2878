"""The report on constructed records: complete, self-contained, escaped, and able to bear what went wrong."""

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from reports import ASKED, GIVEN, Bench, make_bench

from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import write_json
from ladid_bench.data.thumbnails import LARGEST_SIDE, pack, smaller, unpack
from ladid_bench.reporting import findings
from ladid_bench.reporting.charts import spread
from ladid_bench.reporting.content import gather
from ladid_bench.reporting.equation import equation_lines
from ladid_bench.reporting.formatting import decimals, number, ratio, short
from ladid_bench.reporting.pictures import collect
from ladid_bench.reporting.table_files import to_latex
from ladid_bench.reporting.tables import comparison
from ladid_bench.runs.records import write_sample

ATTACK = "<script>alert('x')</script> & \"more\""


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return make_bench(tmp_path, monkeypatch)


@pytest.fixture
def full(bench: Bench) -> Bench:
    """Two data sets, four methods, and one run of every kind of failure."""
    for dataset in bench.shapes:
        bench.run(dataset, "latent-ode", 0.1)
        bench.run(dataset, "ridge", 0.2)
        bench.run(dataset, "mean", 1.0)
    bench.lost("fake-pictures", "other-net", "timeout", ATTACK)
    bench.lost("fake-vectors", "other-net", "skipped", "images only")
    return bench


def test_the_page_loads_nothing_from_elsewhere(full: Bench) -> None:
    page = full.build()
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in page.loaded)
    assert re.findall(r"url\((?!data:image/png;base64,|#)", page.source) == []
    assert "@import" not in page.source
    assert "link" not in page.tags
    outside = [link for link in page.links if not link.startswith("#")]
    assert set(outside) == {"https://example.org/paper"}


def test_every_run_has_an_entry_that_its_numbers_link_to(full: Bench) -> None:
    page = full.build()
    for row in full.rows:
        assert f"run-{row['key']}" in page.ids
        assert page.links.count(f"#run-{row['key']}") >= 1
        assert row["rerun"] in page.text
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_what_runs_say_is_escaped(full: Bench) -> None:
    page = full.build()
    assert ATTACK not in page.source
    assert page.text.count(ATTACK) >= 2  # in the table and among the failures
    assert page.tags.count("script") == 1
    assert "<b>" not in re.sub(r'<b style="left:', "", page.source)


def test_an_address_that_is_no_web_address_is_not_linked(full: Bench) -> None:
    card = full.root / "baselines" / "ridge" / "method.yaml"
    card.write_text(card.read_text().replace("https://example.org/paper", "javascript:alert(1)"))
    assert not [link for link in full.build().links if "javascript" in link]


def test_the_same_records_give_the_same_bytes(full: Bench) -> None:
    first = _contents(full.build().path.parent)
    assert first == _contents(full.build().path.parent)
    assert not list(full.folders.results.glob(".report*"))


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_build_that_fails_leaves_the_old_report(full: Bench) -> None:
    before = _contents(full.build().path.parent)
    (full.root / "baselines" / "ridge" / "method.yaml").write_text("title: [")
    with pytest.raises(BenchError, match="not valid YAML"):
        full.build()
    assert _contents(full.folders.results / "report") == before
    assert not list(full.folders.results.glob(".report*"))


def test_tables_and_figures_are_files_too(full: Bench) -> None:
    folder = full.build().path.parent
    table = pd.read_csv(folder / "tables" / "comparison-fake-pictures.csv").set_index("method")
    assert table.loc["latent-ode", "nmse_mean"] == pytest.approx(full.rows[0]["nmse_mean"])
    assert table.loc["latent-ode", "keys"] == full.rows[0]["key"]
    assert table.loc["latent-ode", "skill"] == pytest.approx(0.5)
    assert table.loc["latent-ode", "interval_low"] < table.loc["latent-ode", "nmse_mean"]
    assert table.loc["other-net", "note"] == f"timeout: {ATTACK}"
    cost = pd.read_csv(folder / "tables" / "cost.csv")
    assert cost["forecast_milliseconds"].dropna().unique() == pytest.approx([100])  # 0.6 s for 6 trajectories
    for figure in (folder / "figures").glob("*.svg"):
        ElementTree.parse(figure)
    assert {path.stem for path in (folder / "figures").glob("*-fake-vectors.svg")} == {
        f"{kind}-fake-vectors" for kind in ("horizon", "cost", "training", "training-time", "series")
    }
    with Image.open(folder / "animations" / "fake-pictures-latent-ode.webp") as animation:
        assert animation.n_frames == GIVEN + ASKED
    assert (folder / "animations" / "fake-pictures-strip.png").exists()


def test_the_best_value_is_bold_and_failures_come_last(full: Bench) -> None:
    dataset = gather(full.folders, full.table, full.study)[0]
    table = comparison(dataset)
    assert [line.entry.method for line in table.lines] == ["latent-ode", "ridge", "mean", "other-net"]
    assert [line.rank for line in table.lines[:3]] == [1, 2, 3]
    assert [table.is_best(table.columns[0], line) for line in table.lines] == [True, False, False, False]
    latex = to_latex(table, "50 % of it")
    assert r"\textbf{0.12" in latex
    assert r"\multicolumn" in latex
    assert r"\& " in latex
    assert r"50 \% of it" in latex


def test_findings_name_the_winner_and_its_margin(full: Bench) -> None:
    datasets = gather(full.folders, full.table, full.study)
    found = findings.finding(datasets[0])
    assert found.lowest.startswith("latent-ode has the lowest nMSE, 0.12")
    assert "0.50 times that of the best simple one (ridge)" in found.comparison
    assert found.outcome == "neural"
    assert findings.finding(datasets[1]).lowest.startswith("latent-ode has the lowest FVU")


def test_one_seed_gives_no_verdict_and_three_do(bench: Bench) -> None:
    bench.run("fake-pictures", "latent-ode", 0.1)
    bench.run("fake-pictures", "ridge", 0.4)
    page = bench.build()
    assert "One seed: no verdicts" in page.text
    assert "neural ahead" not in page.text
    for seed in (1, 2):
        bench.run("fake-pictures", "latent-ode", 0.1 + 0.01 * seed, seed)
    page = bench.build()
    assert "no verdicts" not in page.text
    assert "neural ahead" in page.text


def test_a_method_that_failed_on_a_seed_is_shown_and_not_ranked(bench: Bench) -> None:
    bench.run("fake-pictures", "latent-ode", 0.1, seed=0)
    bench.lost("fake-pictures", "latent-ode", "diverged", "not finite", seed=1)
    bench.run("fake-pictures", "ridge", 0.4)
    dataset = gather(bench.folders, bench.table, bench.study)[0]
    first, second = comparison(dataset).lines
    assert (first.entry.method, first.rank) == ("ridge", 1)
    assert np.isnan(second.rank)
    assert second.note == "1 of 2 runs, not ranked; diverged (seed 1)"
    assert second.values["nmse_mean"] == pytest.approx(bench.rows[0]["nmse_mean"])
    assert "1 of 2 runs, not ranked" in bench.build().text


def test_one_unit_has_no_interval_and_says_so(bench: Bench) -> None:
    bench.run("fake-pictures", "latent-ode", 0.1, units=1)
    bench.run("fake-pictures", "ridge", 0.2, units=1)
    page = bench.build()
    assert "one test group, hence no intervals" in page.text
    assert "one test group, so there is no interval" in page.text
    assert "95 % interval" not in re.findall(r"<thead>.*?</thead>", page.source, re.DOTALL)[0]


def test_results_of_older_code_are_marked(bench: Bench) -> None:
    bench.run("fake-pictures", "ridge", 0.1)
    bench.rows[0]["stale"] = True
    assert bench.build().text.count("older code") >= 2


@pytest.mark.parametrize("status", ["error", "diverged", "not run"])
def test_it_renders_without_any_result(bench: Bench, status: str) -> None:
    key = bench.lost("fake-pictures", "latent-ode", status, "went wrong")
    bench.lost("fake-vectors", "ridge", status, "went wrong")
    page = bench.build()
    assert f"run-{key}" in page.ids
    assert "No method has a result" in page.text
    assert page.text.count("went wrong") >= 2


def test_it_renders_without_data_cards(full: Bench) -> None:
    for card in full.folders.results.glob("datasets/*.json"):
        card.unlink()
    assert "there is no data card" in full.build().text


def test_it_renders_a_single_method(bench: Bench) -> None:
    bench.run("fake-vectors", "latent-ode", 0.1)
    assert "No simple method has a result to compare it with." in bench.build().text


def test_it_renders_without_samples(full: Bench) -> None:
    for sample in full.folders.results.glob("samples/*.npz"):
        sample.unlink()
    page = full.build()
    assert "0.12" in page.text
    assert "errors of single trajectories are not known" in page.text


def test_it_bears_errors_of_any_size(bench: Bench) -> None:
    for method, error in {"latent-ode": 1e-7, "ridge": 1e30, "mean": 0.0, "other-net": 1.0}.items():
        bench.run("fake-pictures", method, error)
    page = bench.build()
    assert not re.search(r"\b(nan|inf)\b", re.sub(r"base64,[^\"')]*", "", page.source), re.IGNORECASE)


def test_methods_that_kept_other_pictures_are_left_out(full: Bench) -> None:
    other = replace(full.sample("fake-pictures", 0.2), pictured=np.array([4, 5]))
    write_sample(full.folders.samples(full.rows[1]["key"]), other)
    pictures = collect(gather(full.folders, full.table, full.study)[0], full.folders)
    assert list(pictures.forecasts) == ["latent-ode", "mean"]
    assert pictures.given == GIVEN
    assert pictures.lead.tolist() == pytest.approx([-0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5])


def test_thinned_pictures_keep_first_and_last_and_stay_aligned(bench: Bench) -> None:
    bench.shapes["fake-pictures"] = (128, 128)
    bench.card("fake-pictures")
    bench.run("fake-pictures", "ridge", 0.2)
    pictures = collect(gather(bench.folders, bench.table, bench.study)[0], bench.folders)
    thin = pictures.thinned(4)
    assert thin.lead[[0, -1]].tolist() == pictures.lead[[0, -1]].tolist()
    assert thin.truth.shape == (4, 64, 64)
    assert thin.forecasts["ridge"].shape == (4 - thin.given, 64, 64)
    assert np.abs(thin.truth[thin.given :] / 2 - thin.forecasts["ridge"]).max() <= 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.34, 1.2], 2), ([0.034, 1.2], 3), ([120.0, 5.0], 0), ([120.5, 5.0], 1), ([], 0), ([1e-9, 1.5], 5)],
)
def test_a_column_has_the_decimals_its_smallest_number_needs(values: list[float], expected: int) -> None:
    assert decimals(values) == expected


def test_numbers_read_well() -> None:
    assert [number(value, 2) for value in (0.5, -1234.5, 2.3e7, float("inf"), float("nan"))] == [
        "0.50",
        "\N{MINUS SIGN}1,234.50",
        "2.3e7",
        "∞",
        "\N{EN DASH}",
    ]
    assert [short(value, 2) for value in (0.50, 0.034, 12.0)] == ["0.5", "0.034", "12"]
    assert [ratio(value) for value in (1.03, 0.999, 0.0504, 12.3)] == ["1.03", "1.00", "0.050", "12"]


def test_labels_are_moved_as_little_as_needed() -> None:
    assert spread([0.1, 0.9], [0.1, 0.1], 0, 1) == pytest.approx([0.1, 0.9])
    assert spread([0.5, 0.5], [0.1, 0.1], 0, 1) == pytest.approx([0.45, 0.55])
    assert spread([1.0, 0.9], [0.1, 0.3], 0, 1) == pytest.approx([0.95, 0.75])  # not beyond the top


def test_a_card_shows_a_film_a_strip_and_the_equation(full: Bench) -> None:
    page = full.build()
    assert page.source.count(".look-fake-pictures{background-image:url(data:image/png;base64,") == 1
    assert page.source.count('class="film look-fake-pictures"') == 1  # moving
    assert page.source.count('class="film still look-fake-pictures"') == GIVEN + ASKED
    assert "look-fake-vectors" not in page.source  # vectors are a strip of colour
    assert "a test trajectory" not in page.source
    assert page.source.count('class="look-at heat"') == 1
    assert "x\N{DOUBLE PRIME} = \N{MINUS SIGN}k<sup>2</sup> x<sub>1</sub>" in page.source
    assert "k &lt; 1" in page.source
    assert page.text.count("negative control") == 2  # the regime of either data set


def test_a_negative_control_is_named_on_its_card(bench: Bench) -> None:
    bench.run("fake-pictures", "ridge", 0.1)
    (path,) = bench.folders.results.glob("datasets/fake-pictures-*.json")
    write_json(path, {**json.loads(path.read_text()), "regime": "same", "control": True})
    page = bench.build()
    assert "A negative control: by physics this intervention changes nothing" in page.text
    assert page.source.count('class="regime"') == 1  # not those that it is not


def test_a_card_of_an_earlier_version_says_how_to_make_it_again(bench: Bench) -> None:
    bench.run("fake-pictures", "ridge", 0.1)
    (path,) = bench.folders.results.glob("datasets/fake-pictures-*.json")
    card = json.loads(path.read_text())
    del card["film"]
    write_json(path, card)
    with pytest.raises(BenchError, match="make it again with 'ladid-bench card fake-pictures'"):
        bench.build()


def test_without_physics_checks_there_is_no_link(full: Bench) -> None:
    page = full.build()
    assert "physics.html" not in page.links
    assert not (page.path.parent / "physics.html").exists()


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "theta1'' = -(g / l) sin(theta1), g = 9.81 m/s^2; U(-pi/2, pi/2)",
            [
                ("θ<sub>1</sub>″ = −(g / l) sin(θ<sub>1</sub>)", True),  # noqa: RUF001
                ("g = 9.81 m/s<sup>2</sup>", False),
                ("U(−π/2, π/2)", False),  # noqa: RUF001
            ],
        ),
        (
            "u_tt = c^(1/2) u_x^-1 <b>",
            [("u<sub>tt</sub> = c<sup>(1/2)</sup> u<sub>x</sub><sup>-1</sup> &lt;b&gt;", True)],
        ),
        ("D2Q9, 32x32 cells, Re = 100", [("D2Q9, 32x32 cells, Re = 100", False)]),
        ("", []),
    ],
)
def test_equations_are_set(text: str, lines: list[tuple[str, bool]]) -> None:
    assert [(str(line.html), line.main) for line in equation_lines(text)] == lines


def test_a_sheet_gives_back_what_was_packed() -> None:
    random = np.random.default_rng(0)
    vectors = random.integers(0, 256, (12, 5), dtype=np.uint8)
    assert np.array_equal(unpack(pack(vectors), 12, image=False), vectors)
    few = random.integers(0, 256, (7, 8, 6), dtype=np.uint8)
    assert np.array_equal(unpack(pack(few), 7, image=True), few)
    phase = np.linspace(0, 9, 60)[:, None, None] + np.linspace(0, 6, 128)[None, :, None] * np.linspace(0, 2, 128)
    large = smaller((127.5 + 120 * np.sin(phase)).astype(np.uint8))
    assert large.shape == (60, LARGEST_SIDE, LARGEST_SIDE)
    packed = pack(large)
    assert len(packed) < 50_000
    assert np.abs(unpack(packed, 60, image=True).astype(int) - large).mean() < 2.5
