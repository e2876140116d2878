"""Whether a checkout that was killed holds what one holds that nobody disturbed, and nothing half written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import torch
from crash_sites import Site
from PIL import Image

from ladid_bench.core.files import UNFINISHED
from ladid_bench.data.trajectories import read_trajectories


def _html(path: Path) -> None:
    assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")


def _svg(path: Path) -> None:
    assert path.read_text(encoding="utf-8").rstrip().endswith("</svg>")


def _picture(path: Path) -> None:
    with Image.open(path) as picture:
        picture.load()


def _hdf5(path: Path) -> None:
    with h5py.File(path) as file:
        file.visititems(lambda _, item: item[()] if isinstance(item, h5py.Dataset) else None)


def _npz(path: Path) -> None:
    with np.load(path) as archive:
        dict(archive)


READERS: dict[str, Callable[[Path], Any]] = {
    ".json": lambda path: json.loads(path.read_text(encoding="utf-8")),
    ".hdf5": _hdf5,
    ".npz": _npz,
    ".parquet": pd.read_parquet,
    ".pt": lambda path: torch.load(path, weights_only=True),
    ".html": _html,
    ".svg": _svg,
    ".webp": _picture,
    ".png": _picture,
    ".csv": pd.read_csv,
}


def torn(site: Site) -> list[str]:
    """Files under their final names that cannot be read to the end.

    What a run keeps of its model counts once the run has a record: before, the run is made again and nobody reads it.
    """
    found = []
    for path in _files(site):
        if "models" in path.parts and not site.folders.record(path.parent.name).exists():
            continue
        try:
            READERS.get(path.suffix, Path.read_bytes)(path)
        except Exception as error:
            found.append(f"{path.relative_to(site.root)} ({type(error).__name__})")
    return found


def _files(site: Site) -> list[Path]:
    places = (site.folders.results, site.folders.data, site.folders.work, site.cache)
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    return [path for path in files if not any(part.startswith(".") for part in path.relative_to(site.root).parts)]


def differences(site: Site, quiet: Site) -> list[str]:
    """What of the results of ``site`` is other than in ``quiet``, costs aside; leftovers count."""
    found = [f"left over: {path.relative_to(site.root)}" for path in _leftovers(site)]
    for name, content in KEPT.items():
        one, other = content(site), content(quiet)
        assert other, f"the quiet run has no {name}"
        changed = sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))
        found += [f"{name} differ: {key}" for key in changed]
    return found


def _leftovers(site: Site) -> list[Path]:
    hidden = [path for pattern in (f"{UNFINISHED}*", ".*-former") for path in site.root.rglob(pattern)]
    return [*hidden, *(site.folders.work / "runs").glob("*")]


def _records(site: Site) -> dict[str, Any]:
    """Everything in the records but what time and memory were spent; attempts would be files beside them."""
    found = {}
    for path in site.folders.records.rglob("*.json"):
        record = json.loads(path.read_text())
        cost = record.pop("cost", {})
        kept = {name: cost.get(name) for name in ("steps", "best_step", "parameters")}
        found[str(path.relative_to(site.root))] = record | {"cost": kept}
    return found


def _samples(site: Site) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in site.folders.samples("any").parent.rglob("*.npz")}


def _data(site: Site) -> dict[str, str]:
    files = site.folders.data.rglob("*.hdf5")
    return {str(path.relative_to(site.root)): read_trajectories(path).content_sha256 for path in files}


def _forecasts(site: Site) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in site.folders.forecast("any").parent.glob("*.hdf5")}


def _weights(site: Site) -> dict[str, list[float]]:
    models = (site.folders.work / "models").glob("*/weights.pt")
    loaded = {path.parent.name: torch.load(path, weights_only=True) for path in models}
    return {key: [float(value.double().sum()) for value in weights.values()] for key, weights in loaded.items()}


def _cards(site: Site) -> dict[str, Any]:
    return {path.name: json.loads(path.read_text()) for path in (site.folders.results / "datasets").glob("*.json")}


def _table(site: Site) -> dict[str, Any]:
    table = pd.read_parquet(site.folders.results / "runs.parquet").set_index("key")
    table = table[[column for column in table if not column.startswith("cost_")]]
    return {key: row.dropna().to_dict() for key, row in table.iterrows()}


def _report(site: Site) -> dict[str, bool]:
    folder = site.folders.results / "report"
    return {str(path.relative_to(folder)): path.is_file() for path in folder.rglob("*")}


KEPT: dict[str, Callable[[Site], dict[str, Any]]] = {
    "records": _records,
    "samples": _samples,
    "data files": _data,
    "forecasts": _forecasts,
    "weights": _weights,
    "data cards": _cards,
    "rows of the run table": _table,
    "files of the report": _report,
}
