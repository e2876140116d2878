"""What the page on the format of the results says is what a run leaves, name by name, and its examples run."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import matplotlib.pyplot as plt
import numpy as np
import pytest
from checkouts import Checkout
from pyarrow import parquet
from workflows import command

from ladid_bench.data.metrics import measure
from ladid_bench.data.trajectories import read_trajectories
from ladid_bench.methods.forecasts import read_forecast
from ladid_bench.runs.records import shared_file
from ladid_bench.study.plan import PlannedRun

TARGET = "pendulum--length-1.5"
STUDY = {
    "datasets": {name: {"trajectories": {"train": 8, "valid": 2, "test": 3}} for name in ("pendulum", TARGET)},
    "experiments": {
        "comparison": {"datasets": ["pendulum"], "methods": ["mean"]},
        "transfer": {"init_from": "pendulum", "datasets": [TARGET], "methods": ["ladid"], "arms": ["fine-tuned"]},
    },
}
# what such a study cannot have: a probe, a GPU, SINDy, another system
ELSEWHERE = {"probe", "cost_accelerator_seconds", "cost_accelerator_memory_mb", "cost_left_range"}
ELSEWHERE |= {"outer_bob_error_rods_mean", "outer_bob_error_rods_median"}
TYPES = {"string": "text", "large_string": "text", "int64": "integer", "double": "number", "bool": "boolean"}
OF_JSON = {str: "text", int: "integer", float: "number", bool: "boolean", dict: "object", list: "list"}


@pytest.fixture(scope="module")
def page(root: Path) -> dict[str, str]:
    """The sections of the page by their titles."""
    text = (root / "docs" / "results-format.md").read_text()
    return dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Checkout:
    """A training mean, a LaDID, and the same LaDID fine-tuned on a longer pendulum."""
    made = Checkout(tmp_path_factory.mktemp("study") / "checkout", root)
    made.configure(**STUDY)
    cards = [("card", name) for name in STUDY["datasets"]]
    calibrated = next(key for key, run in made.runs.items() if run.method == "mean")
    for words in (("run", *made.runs), *cards, ("calibrate", calibrated), ("aggregate",)):
        subprocess.run([command("ladid-bench"), *words], cwd=made.root, check=True)
    return made


@pytest.fixture(scope="module")
def fine_tuned(study: Checkout) -> PlannedRun:
    return next(run for run in study.runs.values() if run.init_from)


def documented(section: str, columns: int) -> dict[str, list[str]]:
    """The rows of a section's tables of so many columns: the first cell, unquoted, and the others."""
    rows = ([cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("| `"))
    return {row[0].strip("`"): row[1:] for row in rows if len(row) == columns}


def test_every_column_of_the_run_table_is_documented(page: dict[str, str], study: Checkout) -> None:
    section = page["The run table"]
    told = {name: cells[0] for columns in (3, 4) for name, cells in documented(section, columns).items()}
    found = {one.name: TYPES[str(one.type)] for one in parquet.read_schema(study.folders.results / "runs.parquet")}
    assert {name: kind for name, kind in told.items() if name not in ELSEWHERE} == found


def leaves(value: dict[str, Any], told: dict[str, list[str]], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Fields of a record and their types, down to what the page has a row for."""
    for name, content in value.items():
        path = f"{prefix}{name}"
        if isinstance(content, dict) and path not in told:
            yield from leaves(content, told, f"{path}.")
        else:
            yield path, OF_JSON[type(content)]


def test_every_field_of_a_record_is_documented(page: dict[str, str], study: Checkout, fine_tuned: PlannedRun) -> None:
    told = documented(page["The record"], 3)
    record = json.loads(study.folders.record(fine_tuned.key).read_text())
    assert dict(leaves(record, told)) == {name: cells[0] for name, cells in told.items()}


def test_every_field_of_a_calibration_is_documented(page: dict[str, str], study: Checkout) -> None:
    told = documented(page["The calibration"], 3)
    (path,) = study.folders.calibration("x").parent.glob("*.json")
    assert dict(leaves(json.loads(path.read_text()), told)) == {name: cells[0] for name, cells in told.items()}


def assert_arrays(told: dict[str, list[str]], found: dict[str, Any]) -> None:
    """The same names, each with the type and as many axes as documented."""
    assert {name: cells[0] for name, cells in told.items()} == {name: str(one.dtype) for name, one in found.items()}
    axes = {name: len(re.findall(r"[^,()]+", cells[1])) for name, cells in told.items()}
    assert axes == {name: one.ndim for name, one in found.items()}


def test_every_array_of_a_sample_is_documented(page: dict[str, str], study: Checkout) -> None:
    plain = next(key for key, run in study.runs.items() if run.plain and run.method == "ladid")
    told = documented(page["The sample"], 5)
    assert told.pop("shared")[0] == "text"
    with np.load(study.folders.samples(plain)) as sample:
        own = dict(sample)
    with np.load(shared_file(study.folders.samples(plain), str(own.pop("shared")))) as sample:
        shared = dict(sample)
    assert_arrays(told, own | shared)
    assert {name for name, cells in told.items() if "shared:" in cells[-1]} == set(shared)


def test_every_array_and_attribute_of_a_trajectory_file_is_documented(
    page: dict[str, str], study: Checkout, fine_tuned: PlannedRun
) -> None:
    section = page["The trajectory file"]
    found = {}
    with h5py.File(fine_tuned.dataset.files(study.folders)["test"]) as file:
        file.visititems(lambda path, one: found.update({generic(path, one): one}) if hasattr(one, "dtype") else None)
        assert_arrays(documented(section, 5), found)
        assert set(documented(section, 2)) == set(file.attrs)


def generic(path: str, array: h5py.Dataset) -> str:
    """The path of an array with what differs between data sets replaced by its kind."""
    folder, *_, name = path.split("/")
    if path in ("dimensions/time", "scalars/group"):
        return path
    if folder == "scalars":
        return "scalars/<state>" if array.attrs["time_varying"] else "scalars/<parameter>"
    kinds = {"t0_fields": "<field>", "dimensions": "<axis>", "boundary_conditions": f"<condition>/{name}"}
    return f"{folder}/{kinds[folder]}"


def test_every_array_of_a_forecast_file_is_documented(
    page: dict[str, str], study: Checkout, fine_tuned: PlannedRun
) -> None:
    told = documented(page["The forecast file"], 5)
    with h5py.File(study.folders.forecast(fine_tuned.key)) as file:
        assert_arrays({name: told[name] for name in file}, dict(file))
        assert told.keys() - file.keys() == {"std", "samples"}
    assert told["std"][:2] == told["mean"][:2]  # of LaDID there is only a mean


def test_the_examples_run_as_they_stand(page: dict[str, str], study: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Curve and physical values agree with what the forecast file and the truth give, up to rounding and clipping."""
    monkeypatch.chdir(study.root)
    monkeypatch.setattr(plt, "savefig", lambda name: None)
    found: dict[str, Any] = {}
    for title in ("An error curve in ten lines", "Physical values"):
        (program,) = re.findall(r"```python\n(.*?)```", page[title], re.DOTALL)
        exec(program.replace("demo", "tiny"), found)
    run = study.runs[found["run"].key]
    curve = plt.gca().lines[-1]
    plt.close("all")
    test = read_trajectories(run.dataset.files(study.folders)["test"])
    asked = test.times[:, run.dataset.context_frames :]
    truth = test.frames[:, run.dataset.context_frames :]
    mean = read_forecast(study.folders.forecast(run.key), asked, truth.shape[2:]).mean
    np.testing.assert_allclose(curve.get_xdata(), asked[0])
    np.testing.assert_allclose(curve.get_ydata(), measure(truth, mean, 0 * truth[0, 0]).nmse_curve, rtol=2e-3)
    clipped = np.clip(mean[found["sample"].pictured], found["low"], found["high"])
    assert (np.abs(found["forecast"] - clipped) <= (found["high"] - found["low"]) / 255 / 2 + 1e-6).all()
