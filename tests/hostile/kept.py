"""What a study keeps: records, samples, the run table, data cards, recorded searches, results of the physics checks."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa
from checkouts import Checkout
from pyarrow import parquet
from reports import Bench

from hostile.arrays import device, pipe
from hostile.case import Case, trap, written
from hostile.texts import REAL
from ladid_bench.analysis.results import aggregate
from ladid_bench.analysis.run_table import read_run_table
from ladid_bench.analysis.searches import read_searches
from ladid_bench.core.paths import Folders
from ladid_bench.methods.listing import list_method
from ladid_bench.methods.registry import method_folders, resolve_settings
from ladid_bench.reporting.benchmarks_page import write_benchmarks_page
from ladid_bench.runs.records import LINK, read_attempts, read_record, read_sample, write_sample
from ladid_bench.study.cards import load_data_card
from ladid_bench.study.datasets import planned_dataset
from ladid_bench.verification.physics.results import read_results

DEEP = "[" * 50_000
PLACE = TemporaryDirectory(prefix="hostile-")  # goes with this process


@cache
def finished() -> Checkout:
    """A study of one run that has ended, made once: its record, sample, data card and run table are sound."""
    checkout = Checkout(Path(PLACE.name) / "checkout", REAL)
    _, outcome = checkout.supervise("mean")
    assert outcome.status == "ok", outcome.reason
    aggregate(checkout.runs, checkout.folders)
    return checkout


def kept_file(pattern: str) -> Path:
    """The one file of the finished study that ``pattern`` finds among its results."""
    (path,) = finished().folders.results.glob(pattern)
    return path


def record(change: Callable[[dict], object]) -> Callable[[], str]:
    def make() -> str:
        content = json.loads(kept_file("records/*.json").read_text(encoding="utf-8"))
        change(content)
        return json.dumps(content)

    return make


DAMAGED: dict[str, str | bytes] = {
    "nothing": "",
    "no JSON": "{",
    "two of them": "{}{}",
    "bytes": bytes(range(256)),
    "a list": "[]",
    "a number": "1",
    "nested without end": DEEP,
    "objects without end": '{"a":' * 50_000,
    "a number of 5,000 digits": '{"status": ' + "9" * 5000 + "}",
    "NaN": '{"status": NaN}',
    "a pickle": trap(Path("/tmp")),
}
RECORDS: dict[str, Callable[[], str]] = {
    "an unknown status": record(lambda one: one.update(status="excellent")),
    "a status that is a list": record(lambda one: one.update(status=["ok"])),
    "no metrics": record(lambda one: one.pop("metrics")),
    "metrics that are a list": record(lambda one: one.update(metrics=[1])),
    "a metric that is a text": record(lambda one: one["metrics"].update(fvu="good")),
    "a metric that is code": record(lambda one: one["metrics"].update(fvu="__import__('os')")),
    "a metric of NaN": record(lambda one: one["metrics"].update(fvu=float("nan"))),
    "a metric beyond all numbers": lambda: record(lambda one: one["metrics"].update(fvu_pooled=0))().replace(
        '"fvu_pooled": 0', '"fvu_pooled": 1e999'
    ),
    "a metric that is a mapping": record(lambda one: one["metrics"].update(fvu={})),
    "no cost": record(lambda one: one.pop("cost")),
    "a cost that is a text": record(lambda one: one["cost"].update(wall_seconds="short")),
    "no provenance": record(lambda one: one.pop("provenance")),
    "no code hash": record(lambda one: one["provenance"].pop("code_hash")),
    "a commit that is a number": record(lambda one: one["provenance"].update(commit=7)),
    "threads that are a text": record(lambda one: one["provenance"].update(threads="1")),
    "no hash of the test split": record(lambda one: one["provenance"]["data_sha256"].pop("test")),
    "versions that are a list": record(lambda one: one["provenance"].update(versions=["1"])),
    "a history of texts": record(lambda one: one.update(history=["x"])),
    "a history of NaN": record(lambda one: one.update(history=[{"step": 1, "valid_nmse": float("nan")}])),
    "no identity": record(lambda one: one.pop("identity")),
    "a reason that is a mapping": record(lambda one: one.update(reason={})),
    "another key": record(lambda one: one.update(key="0" * 16)),
    "a key that is a path": record(lambda one: one.update(key="../../../etc/passwd")),
}
ATTEMPTS: dict[str, str] = {
    "no host": '{"status": "error", "reason": "x"}',
    "no reason": '{"status": "error", "host": "x"}',
    "a host that is a list": '{"status": "timeout", "reason": "x", "host": []}',
    "a reason that is a number": '{"status": "timeout", "reason": 7, "host": "x"}',
}


def npz(**members: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **members)
    return buffer.getvalue()


def sample(tmp: Path, **changes: np.ndarray) -> Path:
    made = replace(Bench(tmp).sample("fake-vectors", 0.1), **changes)
    write_sample(tmp / "sample.npz", made)
    return tmp / "sample.npz"


def _bomb(folder: Path) -> Path:
    """A member of half a gigabyte of zeros."""
    with (
        zipfile.ZipFile(folder / "sample.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("x.npy", "w") as file,
    ):
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (2**27,)})
        for _ in range(16):
            file.write(bytes(2**25))
    return folder / "sample.npz"


def _trapped(folder: Path) -> Path:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|O", "fortran_order": False, "shape": ()})
    path = sample(folder)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, buffer.getvalue() + trap(folder) if name == "pictured.npy" else content)
    return path


def _naming(folder: Path, key: str) -> Path:
    """A sample that names another file as what it shares."""
    path = sample(folder)
    with np.load(path) as archive:
        members = dict(archive)
    return written(folder, path.name, npz(**(members | {LINK: np.array(key)})))


def _damaged_share(folder: Path) -> Path:
    path = sample(folder)
    for shared in (folder / LINK).glob("*.npz"):
        shared.write_bytes(b"PK")
    return path


def _claiming(folder: Path) -> Path:
    """A member whose header claims a terabyte that is not there."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f4", "fortran_order": False, "shape": (2**38,)})
    path = folder / "sample.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("squared_error.npy", buffer.getvalue() + bytes(64))
    return path


SAMPLES: dict[str, Callable[[Path], Path]] = {
    "nothing": lambda folder: written(folder, "sample.npz", b""),
    "text": lambda folder: written(folder, "sample.npz", "squared_error"),
    "a pickle": lambda folder: written(folder, "sample.npz", trap(folder)),
    "a pickle inside": _trapped,
    "half a gigabyte of zeros": _bomb,
    "a terabyte that is not there": _claiming,
    "no arrays": lambda folder: written(folder, "sample.npz", npz()),
    "another array": lambda folder: written(folder, "sample.npz", npz(x=np.zeros(3))),
    "errors of one axis": lambda folder: sample(folder, squared_error=np.zeros(6, np.float32)),
    "errors of other frames": lambda folder: sample(folder, squared_error=np.zeros((6, 4), np.float32)),
    "errors of NaN": lambda folder: sample(folder, squared_error=np.full((6, 5), np.nan, np.float32)),
    "errors that are texts": lambda folder: sample(folder, squared_error=np.full((6, 5), "x")),
    "groups of another number": lambda folder: sample(folder, group=np.arange(5)),
    "times of NaN": lambda folder: sample(folder, times=np.full((6, 5), np.nan)),
    "midpoints of other trajectories": lambda folder: sample(folder, midpoints_nmse=np.zeros(2, np.float32)),
    "a path for what is shared": lambda folder: _naming(folder, "../../../etc/passwd"),
    "nothing that it shares": lambda folder: _naming(folder, "0" * 16),
    "something shared that is no archive": _damaged_share,
    "pictures of another shape": lambda folder: sample(folder, forecast=np.zeros((2, 5, 1, 9), np.uint8)),
    "a pipe": pipe("sample.npz"),
    "a folder": lambda folder: folder,
}
ROW = {
    **{"dataset": "pendulum", "method": "mean", "variant": "default", "kind": "reference", "primary_metric": "nmse"},
    **{"experiments": "comparison", "key": "0" * 16, "rerun": "x", "status": "ok", "reason": ""},
    **{"arm": "scratch", "init_from": "", "changes": "", "rung_of": "", "steps": 0, "init_from_steps": 0},
    **{"seed": 0, "fraction": 1.0, "nmse_mean": 0.5, "cost_wall_seconds": 1.0},
}


def _table(rows: object, **options: object) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / "results" / "tiny").mkdir(parents=True)
        pd.DataFrame(rows).to_parquet(folder / "results" / "tiny" / "runs.parquet", **options)
        return folder

    return make


def _raw(content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        written(folder, "results/tiny/runs.parquet", content)
        return folder

    return make


def _many_rows(folder: Path) -> Path:
    """Twenty million rows in a few kilobytes."""
    path = written(folder, "results/tiny/runs.parquet", b"")
    column = pa.array(np.zeros(10**6, np.int8))
    with parquet.ParquetWriter(path, pa.schema([("seed", pa.int8())]), compression="zstd") as writer:
        for _ in range(20):
            writer.write_table(pa.table({"seed": column}))
    return folder


def _long_text(folder: Path) -> Path:
    """A megabyte of text ten thousand times: ten gigabytes where each row gets its own."""
    path = written(folder, "results/tiny/runs.parquet", b"")
    column = pa.DictionaryArray.from_arrays(np.zeros(10_000, np.int32), ["x" * 2**20])
    parquet.write_table(pa.table({"reason": column}).cast(pa.schema([("reason", column.type)])), path)
    return folder


TABLES: dict[str, Callable[[Path], Path]] = {
    "nothing": _raw(b""),
    "text": _raw(b"dataset,method\n"),
    "a signature alone": _raw(b"PAR1PAR1"),
    "a signature and noise": _raw(b"PAR1" + np.random.default_rng(0).bytes(500) + b"\xff\x00\x00\x00PAR1"),
    "no columns": _table({}),
    **{
        f"no column {name}": _table([{key: value for key, value in ROW.items() if key != name}])
        for name in ROW
        if name != "cost_wall_seconds" and name != "nmse_mean"
    },
    "a seed that is a text": _table([ROW | {"seed": "first"}]),
    "a data set that is a number": _table([ROW | {"dataset": 7}]),
    "a metric that is a text": _table([ROW | {"nmse_mean": "good"}]),
    "a cost that is a text": _table([ROW | {"cost_wall_seconds": "much"}]),
    "an unknown status": _table([ROW | {"status": "excellent"}]),
    "a key that is a path": _table([ROW | {"key": "../../../../etc/passwd"}]),
    "a key twice": _table([ROW, ROW]),
    "a method that is nothing": _table([ROW | {"method": None}]),
    "twenty million rows": _many_rows,
    "a megabyte ten thousand times": _long_text,
}


def _card(change: Callable[[dict], object]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        content = json.loads(kept_file("datasets/*.json").read_text(encoding="utf-8"))
        change(content)
        return _damaged_card(json.dumps(content))(folder)

    return make


def _damaged_card(content: str | bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        written(folder, f"results/tiny/datasets/{kept_file('datasets/*.json').name}", content)
        return folder

    return make


CARDS: dict[str, Callable[[dict], object]] = {
    "no title": lambda card: card.pop("title"),
    "a title that is a list": lambda card: card.update(title=["a"]),
    "no task": lambda card: card.pop("task"),
    "a task of no shape": lambda card: card["task"].update(shape=[]),
    "a task of texts": lambda card: card["task"].update(shape="large"),
    "no frames given": lambda card: card["task"].update(context_frames=0),
    "a step of NaN": lambda card: card["task"].update(time_step=float("nan")),
    "no film": lambda card: card.pop("film"),
    "a film that is a number": lambda card: card.update(film=7),
    "a film without end": lambda card: card["film"].update(lead=[0.0] * 10**5),
    "splits that are a number": lambda card: card.update(splits_made=7),
    "no test split": lambda card: card["splits_made"].pop("test"),
    "a task that is not said to be regular": lambda card: card["task"].pop("regular"),
    "regimes that are texts": lambda card: card.update(regimes=["x"]),
}


def _search(content: str | bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        bench = Bench(folder)
        bench.method("latent-ode", "neural")
        written(folder, "baselines/latent_ode/search-bodies.json", content)
        return folder

    return make


SEARCHES: dict[str, str] = {
    "nothing in it": "{}",
    "trials that are a number": '{"identity": {"method_version": 1}, "trials": 3, "ended": true, "chosen": 0}',
    "an identity that is a list": '{"identity": [], "trials": [], "ended": true, "chosen": 0}',
}


def _load_card(folder: object) -> None:
    load_data_card(planned_dataset(finished().study, "pendulum"), Folders(Path(str(folder)), "tiny"))


def _listed(folder: object) -> None:
    root = Path(str(folder))
    for name in method_folders(root):
        list_method(name, root)


def cases() -> list[Case]:
    """Every case of what a study keeps."""

    def at(name: str, content: str | bytes) -> Callable[[Path], Path]:
        return lambda folder: written(folder, name, content)

    def as_record(content: Callable[[], str | bytes]) -> Callable[[Path], Path]:
        return lambda folder: written(folder, kept_file("records/*.json").name, content())

    found = [Case("record", name, as_record(lambda text=text: text), read_record) for name, text in DAMAGED.items()]
    found += [Case("record", name, as_record(content), read_record) for name, content in RECORDS.items()]
    found += [
        Case("record", "a pipe", pipe("0.json"), read_record),
        Case("record", "a device", device("0.json"), read_record),
        Case("record", "a folder", lambda folder: folder, read_record),
    ]
    found += [
        Case("attempt", name, at("a/001.json", content), lambda path: read_attempts(path.parent))
        for name, content in (DAMAGED | ATTEMPTS).items()
    ]
    found += [Case("sample", name, make, read_sample) for name, make in SAMPLES.items()]
    found += [
        Case("run table", name, make, lambda root: read_run_table(Folders(root, "tiny")))
        for name, make in TABLES.items()
    ]
    found += [Case("data card", name, _card(change), _load_card) for name, change in CARDS.items()]
    found += [Case("data card", name, _damaged_card(text), _load_card) for name, text in DAMAGED.items()]
    found += [Case("recorded search", name, _search(text), _listed) for name, text in (DAMAGED | SEARCHES).items()]
    found += [
        Case("recorded search", f"{name}, in the report", _search(text), _read_search)
        for name, text in (DAMAGED | SEARCHES).items()
    ]
    found += [
        Case("recorded search", f"{name}, in a plan", _search(text), _planned)
        for name, text in (DAMAGED | SEARCHES).items()
    ]
    found += [
        Case("physics results", name, at("physics.json", content), read_results)
        for name, content in (DAMAGED | {"no fields": '{"checks": [{}]}'}).items()
    ]
    found += [
        Case("measurements", name, at("results/benchmarks/methods.json", content), _benchmarks)
        for name, content in (DAMAGED | {"no rows": '{"rows": []}', "rows that are texts": '{"rows": ["x"]}'}).items()
    ]
    return found


def _benchmarks(path: object) -> None:
    root = Path(str(path)).parents[2]
    write_benchmarks_page(root / "page.html", root)


def _read_search(folder: object) -> None:
    read_searches("latent-ode", Path(str(folder)))


def _planned(folder: object) -> None:
    resolve_settings("latent-ode", "default", {}, Path(str(folder)), "bodies")
