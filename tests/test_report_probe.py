"""The experiment ``probe`` in the report: numbers that are known, and what is said where there are none."""

from pathlib import Path
from typing import Any

import made_up
import numpy as np
import pandas as pd
import pytest
from reports import TRAJECTORIES, Bench, make_bench

from ladid_bench.analysis.gathering import gather
from ladid_bench.analysis.readings import MEAN, probed
from ladid_bench.core.provenance import code_hash
from ladid_bench.methods.registry import method_folders
from ladid_bench.probing.probes import PROBING, Probe

PICTURES = "fake-pictures"
UNEXPLAINED = {"psi": 0.1, "pca": 0.4, "untrained": 0.5, "shuffled": 1.1}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = make_bench(tmp_path, monkeypatch)
    made.kinds["ladid"] = "neural"
    made.further = ("probe",)
    return made


def run(bench: Bench, seed: int, method: str = "ladid", stale: bool = False, **how: Any) -> str:
    """A run with its probe."""
    key = bench.run(PICTURES, method, 0.1, seed, experiments="probe")
    content = made_up.probe(key, UNEXPLAINED, TRAJECTORIES, method=method, seed=seed, **how).model_dump()
    code = code_hash(method_folders(bench.root)["ladid"], PROBING)
    content["provenance"]["code_hash"] = "older" if stale else code
    Probe.write(bench.folders.probe(key), content)
    return key


def test_estimates_are_those_of_the_probes(bench: Bench) -> None:
    for seed in range(3):
        run(bench, seed)
    (content,) = gather(bench.folders, bench.table, bench.study, "probe")
    found = probed(content.entries[0], bench.folders)
    assert (found.readable, found.missing, found.stale) == (True, [], [])
    assert found.representations == ["psi", "pca", "untrained", "shuffled"]
    for quantity in (MEAN, "theta", "length"):
        one = found.estimate(quantity, "pca", "linear")
        assert one.r2.estimate == pytest.approx(0.6)
        assert one.r2.low < 0.6 < one.r2.high < 1
        assert one.ratio is not None
        assert one.ratio.estimate == pytest.approx(0.25)
        assert one.ratio.low < 0.25 < one.ratio.high < 0.4
    semigroup = found.semigroup()
    assert semigroup is not None
    assert (semigroup[0].estimate, semigroup[1]) == pytest.approx((0.1, 2.0))


def test_only_the_representation_of_ladid_is_called_psi() -> None:
    for method, word in (("ladid", "psi 0.90"), ("latent-ode", "representation 0.90")):
        assert f": {word}" in made_up.probe("1", UNEXPLAINED, method=method).words


def test_page_table_and_figures(bench: Bench) -> None:
    for seed in range(3):
        run(bench, seed)
    page = bench.build()
    folder = page.path.parent
    told = page.parts["experiment-probe"]
    assert [one in told for one in ("R² of 0.90 (0.", "0.25 times", "PCA", "is 0.1 of", "it is 2.")] == [True] * 5
    kept = pd.read_csv(folder / "tables" / "probe.csv")
    assert len(kept) == 2 * 3 * 4  # probes, quantities and their mean, representations
    wanted = kept[(kept["quantity"] == "mean") & (kept["probe"] == "linear")].set_index("representation")
    np.testing.assert_allclose(wanted.loc[list(UNEXPLAINED), "r2"], [0.9, 0.6, 0.5, -0.1], atol=1e-9)
    assert wanted.loc["psi", ["psi_unexplained_ratio", "ratio_low"]].isna().all()
    figures = {path.name for path in (folder / "figures").glob("probe-*")}
    names = ("linear", "kernel", "psi-0", "psi-1")
    assert figures == {f"probe-{PICTURES}-0-{name}.svg" for name in names}
    assert len(page.ids) == len(set(page.ids))
    assert all(name.startswith("#") for name in page.loaded)  # parts of the figures themselves
    before = page.source
    assert bench.build().source == before


def test_what_is_missing_older_or_unreadable_is_said(bench: Bench) -> None:
    run(bench, 0, stale=True)
    bench.run(PICTURES, "ladid", 0.1, 1, experiments="probe")
    bench.lost(PICTURES, "ladid", "diverged", "not finite", 2)
    bench.rows[-1]["experiments"] = "probe"
    run(
        bench,
        0,
        "other-net",
        readings=[],
        reason="other-net has no representation to read",
        semigroup=None,
    )
    page = bench.build()
    (content,) = gather(bench.folders, bench.table, bench.study, "probe")
    first, other = (probed(entry, bench.folders) for entry in content.entries)
    assert first.missing == ["seed 1 (not probed yet)", "seed 2 (diverged)"]
    assert (first.stale, first.readable, other.readable) == ([0], True, False)
    assert page.classes.count("probe") == 2
    assert all(one in page.text for one in (*first.missing, other.probes[0].reason, "over 1 seed;"))
    assert set(pd.read_csv(page.path.parent / "tables" / "probe.csv")["method"]) == {"ladid"}


def test_a_probe_that_cannot_be_read_is_missing(bench: Bench) -> None:
    keys = [run(bench, seed) for seed in range(3)]
    bench.folders.probe(keys[1]).write_text("{")
    (content,) = gather(bench.folders, bench.table, bench.study, "probe")
    found = probed(content.entries[0], bench.folders)
    assert [len(found.probes), found.missing] == [2, ["seed 1 (unreadable)"]]
    assert "experiment-probe" in bench.build().ids


def test_without_the_experiment_nothing_is_written(bench: Bench) -> None:
    bench.further = ()
    bench.run(PICTURES, "ladid", 0.1)
    page = bench.build()
    assert not (page.path.parent / "tables" / "probe.csv").exists()
    assert "probe" not in page.text.split("Provenance")[0].lower().replace("probed", "")
