"""The folder of an import: a card for git, the trajectory files for DVC; put in place as a whole or not at all."""

import hashlib
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import yaml

from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import replaced_folder, write_text
from ladid_bench.core.paths import SPLITS
from ladid_bench.core.readers import LARGEST_YAML
from ladid_bench.core.spreading import evenly_spread
from ladid_bench.data.trajectories import Trajectories, write_trajectories
from ladid_bench.datasets.user.dividing import given_and_asked
from ladid_bench.datasets.user.importing import DIVIDED, Understood
from ladid_bench.datasets.user.request import Request
from ladid_bench.datasets.user.source import (
    CARD,
    DATA,
    FOLDER,
    FoundArray,
    FoundAxis,
    ImportCard,
    ImportedSplit,
    SourceFile,
)

MOST_FILES = 100  # of a split that the card names one by one
MOST_NAMED = 10  # files that the words on the source name


def write_import(request: Request, understood: Understood, root: Path) -> ImportCard:
    """Write ``imported/<name>`` beside its place and put it there at the end, so that nobody sees half of it."""
    with replaced_folder(root / FOLDER / request.name) as beside:
        made = {split: _written(beside / DATA / f"{split}.hdf5", understood, split) for split in SPLITS}
        card = _card(request, understood, made)
        text = yaml.safe_dump(card.model_dump(), sort_keys=False, allow_unicode=True)
        if len(text.encode()) > LARGEST_YAML:
            raise BenchError(
                f"{request.name}: its card would be larger than {LARGEST_YAML / 2**10:,.0f} kB, as it has a line for "
                "each feature; leave out some of them, or import in parts"
            )
        write_text(beside / CARD, text)
    return card


def trajectories(understood: Understood, split: str, most: int | None = None) -> Trajectories:
    """Cut all windows of a split, or at most ``most`` of them, spread evenly."""
    starts = [
        (piece, first)
        for piece in understood.pieces[split]
        for first in piece.starts(understood.window, understood.stride)
    ]
    if most is not None and len(starts) > most:
        starts = [starts[index] for index in evenly_spread(len(starts), most)]
    shape = understood.recordings[0].shape
    frames = np.empty((len(starts), understood.window, *shape), dtype=np.float32)
    times = np.empty((len(starts), understood.window))
    for row, (piece, first) in enumerate(starts):
        last = first + understood.window
        frames[row] = piece.recording.frames(first, last, understood.storage)
        own = piece.recording.times
        times[row] = np.arange(first, last) if own is None else own[first:last]
    return Trajectories(
        frames=frames,
        times=times,
        group=np.array([understood.groups[piece.number] for piece, _ in starts], dtype=np.int64),
        fields=_fields(understood, shape[0]),
        space=("height", "width") if len(shape) == 3 else ("feature",),
    )


def _fields(understood: Understood, channels: int) -> tuple[str, ...]:
    """Names of the channels: those of the arrays they are from, or numbers."""
    named = {one.fields for one in understood.found}
    if len(named) == 1 and channels > 1 and len(names := next(iter(named))) == channels:
        return names
    return ("intensity",) if channels == 1 else tuple(f"channel_{index}" for index in range(channels))


def _written(path: Path, understood: Understood, split: str) -> ImportedSplit:
    made = trajectories(understood, split)
    write_trajectories(path, made)
    with h5py.File(path) as file:
        sha256 = str(file.attrs["content_sha256"])
    return ImportedSplit(trajectories=len(made), groups=len(np.unique(made.group)), content_sha256=sha256)


def _card(request: Request, understood: Understood, made: Mapping[str, ImportedSplit]) -> ImportCard:
    given, asked = given_and_asked(understood.window, request.cutting)
    offset = understood.storage.offset
    return ImportCard(
        **_described(request, understood),
        shape=list(understood.recordings[0].shape),
        frames=understood.window,
        context_frames=given,
        forecast_frames=asked,
        divided=f"{understood.divided}; {len(set(understood.groups))} groups; {understood.compared}",
        left_out=understood.left_out,
        offset=[] if offset is None else offset.ravel().tolist(),
        notes=[_without_folders(note, request) for note in understood.notes],
        arrays=_read_alike(understood, request),
        files=[one for split in (DIVIDED, *SPLITS) for one in _in_short(understood.files, split)],
        splits=dict(made),
        options=request.options,
    )


def _read_alike(understood: Understood, request: Request) -> list[FoundArray]:
    """What was understood of each array; those that were read alike under the first of them."""
    found: dict[tuple[Any, ...], FoundArray] = {}
    for one in understood.found:
        axes = [FoundAxis(length=axis.length, meaning=axis.meaning, why=axis.why) for axis in one.axes]
        alike = (one.times, *((axis.length, axis.meaning, axis.why) for axis in axes))
        name, times = _without_folders(one.name, request), one.times or "counted in frames"
        first = found.setdefault(alike, FoundArray(name=name, count=0, times=times, axes=axes))
        found[alike] = first.model_copy(update={"count": first.count + one.count})
    return list(found.values())


def _in_short(files: Sequence[SourceFile], split: str) -> list[SourceFile]:
    """The files of a split, or where they are many a line for all, with a hash over their names and hashes."""
    own = [one for one in files if one.split == split]
    if len(own) <= MOST_FILES:
        return own
    digest = hashlib.sha256("".join(f"{one.name} {one.sha256}\n" for one in own).encode()).hexdigest()
    name = f"{len(own)} files, {own[0].name} to {own[-1].name}"
    return [SourceFile(name=name, split=split, sha256=digest, bytes=sum(one.bytes for one in own))]


def _without_folders(text: str, request: Request) -> str:
    """A text in which files stand without the folders that they lie in on this machine."""
    paths = (*request.files, *(path for several in request.held.values() for path in several))
    for path in sorted(paths, key=lambda path: -len(str(path))):
        name = path.resolve().name.replace("\\", r"\\")
        text = re.sub(rf"(?<![\w./-]){re.escape(str(path))}(?![\w-])", name, text)
    return text


def _described(request: Request, understood: Understood) -> dict[str, Any]:
    quantities = dict.fromkeys(one.quantity for one in understood.found if one.quantity)
    defaults = {
        "title": request.name.replace("-", " ").capitalize(),
        "quantity": "; ".join(quantities) or "not stated",
        "origin": "measured",
        "kind": "measured",
        "source": f"imported from {_names(request.files)}",
        "licence": "not stated",
        "citation": "not stated",
        "time_unit": time_unit(understood),
    }
    return {**defaults, **{key: value for key, value in request.described.items() if value}}


def _names(files: Sequence[Path]) -> str:
    named = ", ".join(path.resolve().name for path in files[:MOST_NAMED])
    return named if len(files) <= MOST_NAMED else f"{named} and {len(files) - MOST_NAMED} more"


def time_unit(understood: Understood) -> str:
    """Find the unit of time where all files say the same, frames where none has times; empty where they differ."""
    if all(one.times is None for one in understood.recordings):
        return "frame"
    units = {one.time_unit for one in understood.found}
    return units.pop() if len(units) == 1 else ""


def version_with_dvc(name: str, root: Path) -> str:
    """Make the data of an import an out of DVC, where the checkout has DVC; what was done, in a sentence."""
    data = f"{FOLDER}/{name}/{DATA}"
    if not (root / ".dvc").is_dir():
        return f"not versioned, as DVC is not set up here; 'dvc init', then 'dvc add {data}'"
    words = [sys.executable, "-m", "dvc", "add", data]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = " ".join((done.stderr or done.stdout).split())[:200]
        return f"not versioned: DVC says '{reason}'; fix that, then 'dvc add {data}'"
    return f"versioned: 'git add {FOLDER}/{name}' for the card, 'dvc push' for the data"
