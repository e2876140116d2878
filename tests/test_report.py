"""The report on constructed records: complete, self-contained, escaped, and able to bear what went wrong."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from reports import ASKED, GIVEN, Bench, Page, make_bench

from ladid_bench.analysis.gathering import gather
from ladid_bench.analysis.pictures import collect, series_frame
from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import write_json
from ladid_bench.data.thumbnails import LARGEST_SIDE, pack, smaller, unpack
from ladid_bench.reporting import findings
from ladid_bench.reporting.charts import spread
from ladid_bench.reporting.formatting import (
    MISSING,
    counted,
    decimals,
    duration,
    error_text,
    number,
    ratio,
    short,
    span,
)
from ladid_bench.reporting.glossary import glossary
from ladid_bench.reporting.pages import math_lines, safe_link
from ladid_bench.reporting.tables import comparison, to_html, to_latex
from ladid_bench.runs.records import write_sample

LEADS = (" has the lowest", " is lowest at", "On the front")  # of what declares somebody ahead
ATTACK = "<script>alert('x')</script> & \"more\""


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return make_bench(tmp_path, monkeypatch)


@pytest.fixture
def full(bench: Bench) -> Bench:
    return filled(bench)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bench, Page]]:
    """The same study with its page, for all tests that only read them."""
    with pytest.MonkeyPatch.context() as patch:
        bench = filled(make_bench(tmp_path_factory.mktemp("told"), patch))
        yield bench, bench.build()


def filled(bench: Bench) -> Bench:
    """Two data sets, four methods, and one run of every kind of failure."""
    for dataset in bench.shapes:
        bench.run(dataset, "latent-ode", 0.1)
        bench.run(dataset, "ridge", 0.2)
        bench.run(dataset, "mean", 1.0)
    bench.lost("fake-pictures", "other-net", "timeout", ATTACK)
    bench.lost("fake-vectors", "other-net", "skipped", "images only")
    return bench


@pytest.fixture
def seeded(full: Bench) -> Bench:
    """The same with three seeds of whatever depends on one."""
    for seed in (1, 2):
        for dataset in full.shapes:
            full.run(dataset, "latent-ode", 0.1, seed)
        full.lost("fake-pictures", "other-net", "timeout", ATTACK, seed)
    return full


def test_the_page_loads_nothing_from_elsewhere(told: tuple[Bench, Page]) -> None:
    _, page = told
    assert all(address.startswith(("data:image/webp;base64,", "#")) for address in page.loaded)
    assert re.findall(r"url\((?!data:image/webp;base64,|#)", page.source) == []
    assert "@import" not in page.source
    assert "link" not in page.tags
    outside = [link for link in page.links if not link.startswith("#")]
    assert set(outside) == {"https://example.org/paper"}


def test_every_run_has_an_entry_that_its_numbers_link_to(told: tuple[Bench, Page]) -> None:
    full, page = told
    for row in full.rows:
        assert f"run-{row['key']}" in page.ids
        assert page.links.count(f"#run-{row['key']}") >= 1
        assert row["rerun"] in page.text
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_what_runs_say_is_escaped(told: tuple[Bench, Page]) -> None:
    _, page = told
    assert ATTACK not in page.source
    assert page.text.count(ATTACK) >= 2  # in the table and among the failures
    assert page.tags.count("script") == 1
    assert "<b>" not in page.source


def test_an_address_that_is_no_web_address_is_not_linked(full: Bench) -> None:
    card = full.root / "baselines" / "ridge" / "method.yaml"
    card.write_text(card.read_text().replace("https://example.org/paper", "javascript:alert(1)"))
    assert not [link for link in full.build().links if "javascript" in link]
    assert safe_link("https://example.org") and not safe_link("data:text/html,x")


def test_the_same_records_give_the_same_bytes(full: Bench) -> None:
    first = _contents(full.build().path.parent)
    assert first == _contents(full.build().path.parent)
    assert not list(full.folders.results.glob(".report*"))


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_build_that_fails_leaves_the_old_report(full: Bench) -> None:
    before = _contents(full.build().path.parent)
    (full.root / "baselines" / "ridge" / "method.yaml").write_text("title: [")
    with pytest.raises(BenchError, match=r"ridge.method\.yaml"):
        full.build()
    assert _contents(full.folders.results / "report") == before
    assert not list(full.folders.results.glob(".report*"))


def test_tables_and_figures_are_files_too(told: tuple[Bench, Page]) -> None:
    full, page = told
    folder = page.path.parent
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
        f"{kind}-fake-vectors" for kind in ("horizon", "cost", "error-split", "training", "training-time", "series")
    }
    with Image.open(folder / "animations" / "fake-pictures-latent-ode.webp") as animation:
        assert animation.n_frames == GIVEN + ASKED
    assert (folder / "animations" / "fake-pictures-strip.png").exists()


def test_the_best_value_is_bold_and_failures_come_last(seeded: Bench) -> None:
    dataset = gather(seeded.folders, seeded.table, seeded.study)[0]
    table = comparison(dataset)
    assert list(table.frame["method"]) == ["latent-ode", "ridge", "mean", "other-net"]
    assert list(table.frame["rank"][:3]) == [1, 2, 3]
    assert table.best(table.columns[0]) == [True, False, False, False]
    latex = to_latex(table, "50 % of it")
    assert r"\textbf{0.12" in latex
    assert latex.count(r"\\") == 1 + len(table.entries)
    assert "other-net (timeout) & --" in latex
    assert {"0.12", "0.25", "0.50"} <= set(seeded.build().bold)


def test_what_a_table_holds_is_escaped(full: Bench) -> None:
    dataset = gather(full.folders, full.table, full.study)[0]
    entry = replace(dataset.entries[0], label="a_b & 50 %")
    latex = to_latex(comparison(replace(dataset, entries=(entry,))), "caption")
    assert r"a\_b \& 50 \%" in latex
    html = to_html("<i>", ["<i>"], {"<i>": ["<i>"]})
    assert "<i>" not in html
    assert html.count("&lt;i&gt;") == 4


def test_findings_name_the_winner_and_its_margin(seeded: Bench) -> None:
    datasets = gather(seeded.folders, seeded.table, seeded.study)
    found = findings.finding(datasets[0])
    assert [word in found.lowest for word in ("latent-ode", "nMSE", "0.12")] == [True] * 3
    assert [word in found.comparison for word in ("0.50 times", "(ridge)")] == [True] * 2
    assert (found.outcome, found.tag) == ("neural", "neural ahead")
    assert "FVU" in findings.finding(datasets[1]).lowest


def test_one_seed_gives_no_verdict_and_three_do(bench: Bench) -> None:
    bench.run("fake-pictures", "latent-ode", 0.1)
    bench.run("fake-pictures", "ridge", 0.4)
    page = bench.build()
    assert "caution-seeds" in page.ids
    assert ("data-outcome", "none") in page.data
    assert not page.bold
    assert not [words for words in LEADS if words in page.text]
    for seed in (1, 2):
        bench.run("fake-pictures", "latent-ode", 0.1 + 0.01 * seed, seed)
    page = bench.build()
    assert "caution-seeds" not in page.ids
    assert "neural ahead" in page.text


def test_a_method_that_failed_on_a_seed_is_shown_and_not_ranked(bench: Bench) -> None:
    bench.run("fake-pictures", "latent-ode", 0.1, seed=0)
    bench.lost("fake-pictures", "latent-ode", "diverged", "not finite", seed=1)
    bench.run("fake-pictures", "ridge", 0.4)
    dataset = gather(bench.folders, bench.table, bench.study)[0]
    first, second = comparison(dataset).frame.to_dict("records")
    assert (first["method"], first["rank"]) == ("ridge", 1)
    assert np.isnan(second["rank"])
    assert (second["runs_ok"], second["runs"]) == (1, 2)
    assert "diverged (seed 1)" in second["note"]
    assert second["nmse_mean"] == pytest.approx(bench.rows[0]["nmse_mean"])
    assert second["note"] in bench.build().tables["data-fake-pictures"][2][0]


def test_one_unit_has_no_interval_and_says_so(bench: Bench) -> None:
    bench.run("fake-pictures", "latent-ode", 0.1, units=1)
    bench.run("fake-pictures", "ridge", 0.2, units=1)
    (dataset,) = gather(bench.folders, bench.table, bench.study)
    assert dataset.error_interval(dataset.entries[0]) is None
    assert findings.finding(dataset).outcome == "none"
    page = bench.build()
    assert "caution-groups" in page.ids
    assert "95 % interval" not in page.tables["data-fake-pictures"][0]


def test_results_of_older_code_are_said_once_and_marked_at_their_runs(bench: Bench) -> None:
    for seed in range(3):
        bench.run("fake-pictures", "ridge", 0.1, seed)
    bench.rows[0]["stale"] = True
    page = bench.build()
    assert page.parts["caution-stale"].startswith("1 of 3 runs ")
    assert [name for name, _ in page.data].count("data-stale") == 1
    bench.rows[0]["stale"] = False
    assert "caution-stale" not in bench.build().ids


@pytest.mark.parametrize("status", ["error", "diverged", "not run"])
def test_it_renders_without_any_result(bench: Bench, status: str) -> None:
    key = bench.lost("fake-pictures", "latent-ode", status, "went wrong")
    bench.lost("fake-vectors", "ridge", status, "went wrong")
    page = bench.build()
    assert f"run-{key}" in page.ids
    assert page.data.count(("data-outcome", "none")) == 2
    assert [row[-1] for row in page.tables["lost"] if row[0] != "run"] == ["went wrong"] * 2


def test_it_renders_without_data_cards(full: Bench) -> None:
    for card in full.folders.results.glob("datasets/*.json"):
        card.unlink()
    page = full.build()
    assert "look-at" not in page.classes
    assert page.tables["data-fake-pictures"]


def test_it_renders_a_single_method(bench: Bench) -> None:
    bench.run("fake-vectors", "latent-ode", 0.1)
    assert ("data-outcome", "none") in bench.build().data


def test_it_renders_without_samples(full: Bench) -> None:
    for sample in full.folders.results.glob("samples/*.npz"):
        sample.unlink()
    page = full.build()
    assert "0.12" in page.tables["data-fake-pictures"][1]
    assert ("data-outcome", "none") in page.data
    assert "trio" not in page.classes  # the pictures are in the samples


def test_it_bears_errors_of_any_size(bench: Bench) -> None:
    for method, error in {"latent-ode": 1e-7, "ridge": 1e30, "mean": 0.0, "other-net": 1.0}.items():
        bench.run("fake-pictures", method, error)
    page = bench.build()
    assert not re.search(r"\b(nan|inf)\b", re.sub(r"base64,[^\"')]*", "", page.source), re.IGNORECASE)


@pytest.mark.parametrize("error", [1e25, 1e30])
def test_what_explodes_is_capped_on_the_page_and_whole_in_the_file(bench: Bench, error: float) -> None:
    for dataset in bench.shapes:
        bench.run(dataset, "ridge", 0.2)
        key = bench.run(dataset, "latent-ode", error)
    page = bench.build()
    assert not re.search(r"\d{12}", re.sub(r"base64,[^\"')]*|value=\"[^\"]*\"|[0-9a-f]{16,}", "", page.text))
    table = pd.read_csv(page.path.parent / "tables" / "comparison-fake-vectors.csv").set_index("method")
    assert table.loc["latent-ode", "fvu_pooled"] == pytest.approx(bench.rows[-1]["fvu_pooled"])
    assert "capped" in page.classes
    assert "> 1,000" in page.tables["data-fake-vectors"][2]
    assert f"run-{key}" in page.ids
    with Image.open(page.path.parent / "animations" / "fake-pictures-latent-ode.webp") as film:
        assert film.n_frames == GIVEN + ASKED


@pytest.mark.parametrize("fault", ["damaged", "infinite", "one frame is no number", "overflowed"])
def test_a_run_whose_files_cannot_be_read_is_lost_and_all_others_are_told(full: Bench, fault: str) -> None:
    lost = full.rows[0]["key"]
    path, sample = full.folders.samples(lost), full.sample("fake-pictures", 0.1)
    if fault == "damaged":
        path.write_bytes(b"PK damaged")
    else:
        errors = sample.squared_error.astype(np.float64)
        errors[2, 3] = {"infinite": np.inf, "one frame is no number": np.nan, "overflowed": 1e300}[fault]
        with np.errstate(over="ignore"):
            write_sample(path, replace(sample, squared_error=errors.astype(np.float32)))
    page = full.build()
    (row,) = (row for row in page.tables["lost"] if row[0] == lost[:7])
    assert row[4] == "unreadable"
    assert path.name in row[5]
    table = pd.read_csv(page.path.parent / "tables" / "comparison-fake-pictures.csv").set_index("method")
    assert table.loc["latent-ode", "runs_ok"] == 0
    assert table.loc["ridge", "rank"] == 1
    assert f"run-{lost}" in page.ids


def test_a_constant_forecast_is_shown(bench: Bench) -> None:
    key = bench.run("fake-pictures", "latent-ode", 0.9)
    sample = bench.sample("fake-pictures", 0.9)
    write_sample(bench.folders.samples(key), replace(sample, forecast=np.full_like(sample.forecast, 7)))
    pictures = collect(gather(bench.folders, bench.table, bench.study)[0], bench.folders)
    assert np.unique(pictures.forecasts["latent-ode"]).tolist() == [7]
    assert bench.build().classes.count("trio") == 1


def test_a_report_of_scale_smoke_means_nothing_and_says_so(seeded: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    judged = seeded.build()
    assert judged.bold
    assert all(one in judged.text for one in LEADS)
    assert judged.tables["data-fake-pictures"][1][0] == "1latent-ode"
    assert ("data-outcome", "neural") in judged.data
    study = seeded.study.model_copy(update={"scale": "smoke"})
    monkeypatch.setattr(Bench, "study", property(lambda bench: study))
    page = seeded.build()
    assert not [one for one in LEADS if one in page.text]
    assert page.tables["data-fake-pictures"][1][0] == "latent-ode"  # without a rank
    assert page.ids.index("caution-smoke") < page.ids.index("claims")
    assert page.bold == []
    assert "data-outcome" not in [name for name, _ in page.data]
    assert r"\textbf" not in (page.path.parent / "tables" / "comparison-fake-pictures.tex").read_text()


def test_the_page_has_a_glossary_that_its_navigation_leads_to(told: tuple[Bench, Page]) -> None:
    _, page = told
    assert page.links.count("#glossary") >= 2
    assert {f"word-{word.lower()}" for word in glossary()} <= set(page.ids)
    assert glossary()["FVU"] in page.parts["word-fvu"]
    assert {"psi", "F", "context", "query", "nMSE", "FVU", "skill", "floor", "group", "arm", "rung", "claim"} <= set(
        glossary()
    )


def test_words_of_the_tables_are_in_the_glossary_in_the_order_of_a_dictionary() -> None:
    words = list(glossary())
    assert words == sorted(words, key=str.lower)
    told = {
        "valid time",
        "VRMSE",
        "spectral distance",
        "nMSE at midpoints",
        "zero-shot",
        "trunk",
        "probe",
        "primary metric",
    }
    assert told <= set(words)


def test_methods_that_kept_other_pictures_are_left_out(full: Bench) -> None:
    other = replace(full.sample("fake-pictures", 0.2), pictured=np.array([4, 5]))
    write_sample(full.folders.samples(full.rows[1]["key"]), other)
    pictures = collect(gather(full.folders, full.table, full.study)[0], full.folders)
    assert list(pictures.forecasts) == ["latent-ode", "mean"]
    assert pictures.given == GIVEN
    assert pictures.lead.tolist() == pytest.approx([-0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5])


def test_pictures_tell_the_primary_error_of_their_trajectory_and_vectors_their_physical_values(full: Bench) -> None:
    """The first trajectory is the easiest one: 0.1 of the truth goes wrong, twice as much of the deviation."""
    errors = {}
    for dataset in gather(full.folders, full.table, full.study):
        pictures = collect(dataset, full.folders)
        errors[dataset.name] = pictures.errors["latent-ode"]
    assert errors == {"fake-pictures": pytest.approx(0.1, rel=1e-4), "fake-vectors": pytest.approx(0.2, rel=1e-4)}
    frame = series_frame(dataset, pictures, ["latent-ode"])
    second = frame[frame["feature"] == 2].set_index(["name", "lead_time"])["value"]
    levels = pictures.truth[:, 1]  # 0 to 255 over the range of -0.05 to 1.05 on the data card
    np.testing.assert_allclose(second["truth"], levels / 255 * 1.1 - 0.05)
    np.testing.assert_allclose(second["latent-ode"], levels[GIVEN:] // 2 / 255 * 1.1 - 0.05)
    assert second["latent-ode"].index.tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])


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
    assert [number(value, 2) for value in (0.5, -0.004, -1234.5, 2.3e7, float("inf"), float("nan"))] == [
        "0.50",
        "0.00",
        "\N{MINUS SIGN}1,234.50",
        "2.3e7",
        "∞",
        "\N{EN DASH}",
    ]
    assert [short(value, 2) for value in (0.50, 0.034, 12.0)] == ["0.5", "0.034", "12"]
    assert [ratio(value) for value in (1.03, 0.999, 0.0504, 12.3)] == ["1.03", "1.00", "0.050", "12"]
    assert [error_text(value) for value in (0.123, 999.0, 1e25, float("inf"))] == ["0.12", "999", "> 1,000", "> 1,000"]
    assert error_text(float("nan"), 2) == MISSING
    assert max(len(write(10.0**35)) for write in (short, ratio, error_text)) < 8


def test_times_spans_and_counts_read_well() -> None:
    seconds = (0.5, 119.0, 120.0, 7199.0, 7200.0, 5400.0, float("nan"))
    assert [duration(one) for one in seconds] == ["0.5 s", "119 s", "2 min", "120 min", "2 h", "90 min", MISSING]
    assert [span(0.1, 0.25, 2), span(float("nan"), 1.0, 2)] == ["0.10 to 0.25", MISSING]
    several = ((1, "run"), (0, "day"), (2, "quantity"), (1200, "trajectory"))
    assert [counted(*one) for one in several] == ["1 run", "0 days", "2 quantities", "1,200 trajectories"]


def test_labels_are_moved_as_little_as_needed() -> None:
    assert spread([0.1, 0.9], [0.1, 0.1], 0, 1) == pytest.approx([0.1, 0.9])
    assert spread([0.5, 0.5], [0.1, 0.1], 0, 1) == pytest.approx([0.45, 0.55])
    assert spread([1.0, 0.9], [0.1, 0.3], 0, 1) == pytest.approx([0.95, 0.75])  # not beyond the top


def test_a_card_shows_a_film_a_strip_and_the_equation(told: tuple[Bench, Page]) -> None:
    _, page = told
    assert page.source.count('[class~="look-fake-pictures"]{background-image:url(data:image/webp;base64,') == 1
    assert page.source.count('class="film look-fake-pictures"') == 1  # moving
    assert page.source.count('class="film still look-fake-pictures"') == GIVEN + ASKED
    assert page.classes.count("heat") == 1  # vectors are a strip of colour
    assert page.tags.count("math") == 4  # two lines each of two cards
    assert page.classes.count("where") == 2
    assert page.classes.count("regime") == 4
    assert page.text.count("negative control") == 2  # the regime of either data set


def test_a_negative_control_is_named_on_its_card(bench: Bench) -> None:
    bench.run("fake-pictures", "ridge", 0.1)
    (path,) = bench.folders.results.glob("datasets/fake-pictures-*.json")
    write_json(path, {**json.loads(path.read_text()), "regime": "same", "control": True})
    page = bench.build()
    assert page.classes.count("control") == 2  # beside the title, and what it means
    assert page.classes.count("regime") == 1  # not those that it is not


def test_a_card_of_an_earlier_version_says_how_to_make_it_again(bench: Bench) -> None:
    bench.run("fake-pictures", "ridge", 0.1)
    (path,) = bench.folders.results.glob("datasets/fake-pictures-*.json")
    card = json.loads(path.read_text())
    del card["film"]
    write_json(path, card)
    with pytest.raises(BenchError, match="card fake-pictures"):
        bench.build()


def test_without_physics_checks_there_is_no_link(told: tuple[Bench, Page]) -> None:
    _, page = told
    assert "physics.html" not in page.links
    assert not (page.path.parent / "physics.html").exists()


def test_equations_are_set_in_mathml() -> None:
    lines = math_lines("\\frac{a}{b} = \\ddot{\\theta}\n\na < 1\nb = 2")
    assert [main for _, main in lines] == [True, False, False]
    law = ElementTree.fromstring(str(lines[0][0]))
    name = "{http://www.w3.org/1998/Math/MathML}"
    assert (law.tag, law.get("display")) == (f"{name}math", "block")
    assert [part.text for part in law.find(f".//{name}mfrac").iter(f"{name}mi")] == ["a", "b"]
    assert "\N{GREEK SMALL LETTER THETA}" in "".join(law.itertext())
    assert math_lines("") == []


@pytest.mark.parametrize("text", [ATTACK, rf"\text{{{ATTACK}}}", r"\frac{", r"\text{&lt;script&gt;}"])
def test_an_equation_cannot_bring_markup_of_its_own(text: str) -> None:
    ((line, _),) = math_lines(text)
    allowed = {"math", "mrow", "mi", "mo", "mn", "mtext", "code", "mspace", "msup"}
    tags = {part.tag.rpartition("}")[2] for part in ElementTree.fromstring(str(line)).iter()}
    assert tags <= allowed


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


def test_large_pictures_are_averaged_over_whole_blocks_until_their_longer_side_fits() -> None:
    """Of 100 pixels a side in blocks of 2, of 40 by 130 in blocks of 3; what is left over is cut off."""
    levels = np.arange(100, dtype=np.uint8)[None, :, None] + np.zeros((2, 1, 100), np.uint8)
    small = smaller(levels)
    assert small.shape == (2, 50, 50)
    np.testing.assert_array_equal(small[0, :, 0], np.round(np.arange(50) * 2 + 0.5))
    assert smaller(np.zeros((1, 40, 130), np.uint8)).shape == (1, 13, 43)


def test_a_report_is_drawn_again_where_its_page_has_been_deleted(full: Bench) -> None:
    """Snakemake deletes what a rule declares before the rule runs: the page, but not the other files beside it."""
    page = full.build()
    page.path.unlink()
    (page.path.parent / "left-over.txt").write_text("of a former report")
    assert full.build().source == page.source
    assert not (page.path.parent / "left-over.txt").exists()
