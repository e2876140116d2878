"""Sound inputs with something changed at random: a campaign is a seed and a number of them."""

import copy
import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
import yaml
from field_files import packed
from PIL import Image
from reports import Bench
from scipy.io import savemat

from hostile import foreign, kept, texts
from hostile.arrays import SHAPE, TIMES, trajectories
from hostile.case import mark_of, written
from ladid_bench.analysis.run_table import read_run_table
from ladid_bench.core.paths import Folders
from ladid_bench.data.trajectories import read_trajectories, write_trajectories
from ladid_bench.datasets.measured.archive import read_member
from ladid_bench.methods.base import Forecast
from ladid_bench.methods.forecasts import read_forecast, write_forecast
from ladid_bench.methods.tensors import load_tensors
from ladid_bench.runs.records import read_record, read_sample
from ladid_bench.study.cards import load_data_card
from ladid_bench.study.datasets import planned_dataset

ATOMS: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        2**31,
        2**63,
        -(2**63),
        10**30,
        0.0,
        -0.5,
        1e-300,
        1e300,
        float("nan"),
        float("inf"),
    ),
    *(
        "",
        " ",
        "\0",
        "\n",
        "a" * 10_000,
        "../../etc/passwd",
        "/dev/zero",
        "nan",
        "1e999",
        "<script>",
        "{{7*7}}",
        "\u202e",
    ),
    *("%s%n", "$(touch x)", "__import__('os').system('true')", "pendulum", "ladid", "ladid:paper", "mean", "\x1b[31m"),
    *([], {}, [[]], [0] * 1000, {"a": {"b": []}}, ["ladid"] * 50, {"": 0}, {"__class__": 1}),
)
Read = Callable[[Path], object]


@dataclass(frozen=True)
class Fuzz:
    """Inputs of one kind.

    Attributes:
        kind: of input.
        prepare: writes the sound input into a folder.
        mutate: the path of a changed copy of it.
        read: what reads it; has to take it or refuse it in one line.
    """

    kind: str
    prepare: Callable[[Path], Path]
    mutate: Callable[[random.Random, Path], object]
    read: Read

    def each(self, folder: Path, seed: int, count: int) -> Iterator[Callable[[], object]]:
        """``count`` readings of changed inputs, one after the other."""
        chance = random.Random(f"{self.kind} {seed}")
        sound = self.prepare(folder)
        self.read(sound)  # what is changed was in order
        kept_bytes = sound.read_bytes()
        for _ in range(count):
            sound.write_bytes(kept_bytes)
            self.mutate(chance, sound)
            yield lambda: self.read(sound)


def changed_tree(chance: random.Random, content: Any) -> Any:
    """One to three places of nested containers replaced, removed, doubled or renamed."""
    content = copy.deepcopy(content)
    for _ in range(chance.randint(1, 3)):
        places = list(_places(content))
        if not places:
            return chance.choice(ATOMS)
        holder, key = chance.choice(places)
        deed = chance.random()
        if deed < 0.7:
            holder[key] = copy.deepcopy(chance.choice(ATOMS))
        elif deed < 0.8:
            del holder[key]
        elif isinstance(holder, dict):
            holder[str(chance.choice(ATOMS))[:50]] = holder[key]
        else:
            holder.append(holder[key])
    return content


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(content) if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ()
    for key in keys:
        yield content, key
        yield from _places(content[key])


def _bytes(chance: random.Random, path: Path) -> None:
    """Some bytes flipped, cut out, doubled or cut off."""
    content = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(content)) if content else 0
        deed = chance.random()
        if deed < 0.7 and content:
            content[place] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        elif deed < 0.8:
            content[place : place + chance.randint(1, 40)] = b""
        elif deed < 0.9:
            content[place:place] = content[place : place + chance.randint(1, 40)]
        else:
            del content[place:]
    path.write_bytes(content)


def _yaml(chance: random.Random, path: Path) -> None:
    if chance.random() < 0.2:
        return _bytes(chance, path)
    path.write_text(yaml.safe_dump(changed_tree(chance, yaml.safe_load(path.read_text()))), encoding="utf-8")
    return None


def _json(chance: random.Random, path: Path) -> None:
    if chance.random() < 0.2:
        return _bytes(chance, path)
    path.write_text(json.dumps(changed_tree(chance, json.loads(path.read_text()))), encoding="utf-8")
    return None


def _hdf5(chance: random.Random, path: Path) -> None:
    """An array or attribute of another shape, type or value, or bytes of the file changed."""
    if chance.random() < 0.5:
        return _bytes(chance, path)
    with h5py.File(path, "r+") as file:
        items: list[Any] = []
        file.visititems(lambda name, item: items.append(item))
        item = chance.choice([file, *items])
        if isinstance(item, h5py.Dataset) and chance.random() < 0.7:
            name, attributes = item.name, dict(item.attrs)
            del file[name]
            shape = tuple(chance.choice((0, 1, 2, 3, 6, 10**6, 2**40)) for _ in range(chance.randint(0, 5)))
            kind = chance.choice(("f4", "f8", "i8", "u1", "c8", "S4", "f2", "?"))
            small = int(np.prod(shape, dtype=float)) < 10**5
            made = (
                file.create_dataset(name, shape, kind)
                if small or not shape
                else file.create_dataset(name, shape, kind, chunks=tuple(min(side, 64) or 1 for side in shape))
            )
            made.attrs.update(attributes)
        elif item.attrs:
            value = chance.choice([one for one in ATOMS if isinstance(one, str | int | float) and one != "\0"])
            item.attrs[chance.choice(list(item.attrs))] = value if not isinstance(value, int) else float(value)
        elif item.name != "/":
            del file[item.name]
    return None


def _configuration(folder: Path) -> Path:
    root = texts._checkout(folder)
    content = yaml.safe_load((texts.REAL / "config" / "cpu.yaml").read_text(encoding="utf-8")) | {"scale": "tiny"}
    return written(root, "config/tiny.yaml", yaml.safe_dump(content))


def _method_card(folder: Path) -> Path:
    root = texts._checkout(folder)
    (root / "baselines").unlink()
    shutil.copytree(texts.REAL / "baselines" / "fno", root / "baselines" / "fno")
    written(root, "baselines/fno/method.py", texts.CODE.replace("MARK", str(mark_of(folder))))
    written(root, "config/tiny.yaml", texts.comparing("fno"))
    return root / "baselines" / "fno" / "method.yaml"


def _search(folder: Path) -> Path:
    root = texts._checkout(folder)
    (root / "baselines").unlink()
    shutil.copytree(texts.REAL / "baselines" / "latent_ode", root / "baselines" / "latent_ode")
    Bench(root).search("latent-ode")
    return root / "baselines" / "latent_ode" / "search-bodies.json"


def _read_search(path: Path) -> None:
    kept._listed(path.parents[2])
    kept._read_search(path.parents[2])


def _trajectories(folder: Path) -> Path:
    write_trajectories(folder / "file.hdf5", trajectories())
    return folder / "file.hdf5"


def _forecast(folder: Path) -> Path:
    write_forecast(folder / "file.hdf5", Forecast(np.zeros((2, 4, *SHAPE), np.float32)), TIMES)
    return folder / "file.hdf5"


def _copied(pattern: str, name: str = "") -> Callable[[Path], Path]:
    """A copy of what a finished study keeps, called as it is there or by a ``name``."""

    def make(folder: Path) -> Path:
        source = kept.kept_file(pattern)
        return written(folder, name or f"results/tiny/{source.parent.name}/{source.name}", source.read_bytes())

    return make


def _shared(folder: Path) -> Path:
    """What a sample shares with others."""
    (path,) = (kept.sample(folder).parent / "shared").glob("*.npz")
    return path


def _npy(folder: Path) -> Path:
    np.save(folder / "a.npy", np.random.default_rng(0).random((5, 30, 6)))
    return folder / "a.npy"


def _npz(folder: Path) -> Path:
    np.savez_compressed(folder / "a.npz", x=np.random.default_rng(0).random((5, 30, 6)), t=np.arange(30.0))
    return folder / "a.npz"


def _mat(folder: Path) -> Path:
    savemat(folder / "a.mat", {"x": np.random.default_rng(0).random((5, 30, 3))}, do_compression=True)
    return folder / "a.mat"


def _netcdf(folder: Path) -> Path:
    return packed(folder / "a.nc")[0]


def _csv(folder: Path) -> Path:
    rows = np.column_stack([np.arange(90.0), np.random.default_rng(0).random((90, 2))])
    np.savetxt(folder / "a.csv", rows, delimiter=",", header="t,x,y", comments="")
    return folder / "a.csv"


def _picture(folder: Path) -> Path:
    for index in range(40):
        path = folder / "film" / f"{index}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((16, 16), index, np.uint8)).save(path)
    return folder / "film" / "7.png"


def _bring_in(path: Path) -> None:
    root = path.parent if path.suffix != ".png" else path.parent.parent
    shutil.rmtree(root / "a-checkout", ignore_errors=True)
    given = path if path.suffix != ".png" else path.parent
    (root / "a-checkout").mkdir()
    request = foreign.Request("mine", [given], reading=foreign.Reading(), cutting=foreign.Cutting())
    foreign.write_import(request, foreign.understand(request, root / "a-checkout", []), root / "a-checkout")


def _well(folder: Path) -> Path:
    return foreign.hdf5(foreign.well)(folder)


def _weights(folder: Path) -> Path:
    torch.save({"weight": torch.zeros(8, 8), "steps": [1, 2]}, folder / "weights.pt")
    return folder / "weights.pt"


def _answer(folder: Path) -> Path:
    lines = [f"{row} {time!r} " + " ".join(["0.5"] * 20) for row in range(2) for time in TIMES[0].tolist()]
    from hostile.arrays import _answer as asked

    return asked(lambda _: "\n".join(lines))(folder)


def _read_answer(path: Path) -> None:
    from ladid_bench.methods.plain_text import from_text

    from_text(path, path.with_name("question.hdf5"), path.with_name("forecast.hdf5"))


def _load_card(path: Path) -> None:
    load_data_card(planned_dataset(kept.finished().study, "pendulum"), Folders(path.parents[3], "tiny"))


FUZZES = (
    Fuzz("configuration", _configuration, _yaml, lambda path: texts.plan(path.parents[1])),
    Fuzz("method card", _method_card, _yaml, lambda path: texts._listed(path.parents[2])),
    Fuzz("recorded search", _search, _json, _read_search),
    Fuzz("trajectory file", _trajectories, _hdf5, read_trajectories),
    Fuzz("forecast file", _forecast, _hdf5, lambda path: read_forecast(path, TIMES, SHAPE)),
    Fuzz("record", _copied("records/*.json"), _json, read_record),
    Fuzz("sample", kept.sample, _bytes, read_sample),
    Fuzz("sample, shared", _shared, _bytes, lambda path: read_sample(path.parents[1] / "sample.npz")),
    Fuzz("data card", _copied("datasets/*.json"), _json, _load_card),
    Fuzz(
        "run table",
        _copied("runs.parquet", "results/tiny/runs.parquet"),
        _bytes,
        lambda path: read_run_table(Folders(path.parents[2], "tiny")),
    ),
    Fuzz("text answer", _answer, _bytes, _read_answer),
    Fuzz("checkpoint", _weights, _bytes, lambda path: load_tensors(path, "cpu")),
    Fuzz(
        "archive member",
        foreign.tar(foreign.GOOD),
        _bytes,
        lambda path: read_member(path, foreign.MEMBER, foreign.SHA256, 10**6),
    ),
    Fuzz(
        "archive member, zip",
        foreign.wheel((foreign.MEMBER, foreign.CONTENT)),
        _bytes,
        lambda path: read_member(path, foreign.MEMBER, foreign.SHA256, 10**6),
    ),
    Fuzz("import, npy", _npy, _bytes, _bring_in),
    Fuzz("import, npz", _npz, _bytes, _bring_in),
    Fuzz("import, mat", _mat, _bytes, _bring_in),
    Fuzz("import, png", _picture, _bytes, _bring_in),
    Fuzz("import, netCDF", _netcdf, _bytes, _bring_in),
    Fuzz("import, netCDF's parts", _netcdf, _hdf5, _bring_in),
    Fuzz("import, csv", _csv, _bytes, _bring_in),
    Fuzz("import, The Well", _well, _hdf5, _bring_in),
)
