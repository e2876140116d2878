"""``ladid-bench import``: read, check, cut, divide, write."""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import file_sha256, write_text
from ladid_bench.core.paths import SPLITS
from ladid_bench.data.trajectories import Trajectories, write_trajectories
from ladid_bench.datasets.user.dividing import (
    Cutting,
    Piece,
    cut,
    divide,
    given_and_asked,
    in_steps,
    numbered,
    window_length,
)
from ladid_bench.datasets.user.pictures import MOVIES, picture_files
from ladid_bench.datasets.user.readers import read_recordings
from ladid_bench.datasets.user.recordings import Reading, Recording, check_recordings, check_size
from ladid_bench.datasets.user.source import CARD, FOLDER, ImportCard, ImportedSplit, SourceFile

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST_NAME = 60
ORIGINS = ("measured", "simulated", "analysed")
AXES_OF = {2: "channel, feature", 3: "channel, height, width"}


@dataclass(frozen=True)
class Request:
    """One import, as asked for.

    Attributes:
        files: files or folders that are divided, or, where ``held`` is given, those to train on.
        held: files of the splits ``valid`` and ``test``; both or neither.
        time_step: time between frames, or None for the files' own times.
        described: title, quantity, origin, source, licence, citation and time_unit of the card.
    """

    name: str
    files: Sequence[Path]
    held: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    reading: Reading = field(default_factory=Reading)
    cutting: Cutting = field(default_factory=Cutting)
    time_step: float | None = None
    described: Mapping[str, str] = field(default_factory=dict)
    replace: bool = False


def import_files(request: Request, root: Path, taken: Collection[str]) -> ImportCard:
    """Make ``imported/<name>`` in the checkout ``root``; ``taken`` are the names of the suite's own data sets.

    Raises:
        BenchError: the name is taken or no name, a file cannot be read, or the data do not make three splits;
            nothing is written then.
    """
    _check_request(request, root, taken)
    files = _files_by_split(request)
    recordings = {split: list(_read(paths, request)) for split, paths in files.items()}
    check_recordings(one for found in recordings.values() for several in found for one in several)
    window, pieces, told = _divided(recordings, request.cutting)
    stride = request.cutting.stride or window
    check_size(sum(_values(piece, window, stride) for found in pieces.values() for piece in found), "all windows")
    splits = {split: cut(pieces[split], window, stride, split) for split in SPLITS}
    groups = [set(data.group.tolist()) for data in splits.values()]
    short = sum(len(one.frames) < window for found in recordings.values() for several in found for one in several)
    card = ImportCard(
        **_described(request, recordings),
        shape=list(splits["train"].frames.shape[2:]),
        frames=window,
        **dict(zip(("context_frames", "forecast_frames"), given_and_asked(window, request.cutting), strict=True)),
        divided=f"{told}; {len(set.union(*groups))} groups; no two splits share a frame",
        left_out=short,
        files=[_source_file(path, split) for split, paths in files.items() for path in paths],
        splits={split: _made(data) for split, data in splits.items()},
        options=_options(request),
    )
    _write(root / FOLDER / request.name, splits, card)
    return card


def describe_import(name: str, card: ImportCard) -> str:
    """What was made, and how to use it."""
    counts = ", ".join(f"{made.trajectories} {split}" for split, made in card.splits.items())
    frame = " x ".join(map(str, card.shape))
    left_out = f"\n  {card.left_out} recordings of fewer frames were left out" * (card.left_out > 0)
    return (
        f"{FOLDER}/{name}: trajectories of {card.frames} frames of {frame} ({AXES_OF[len(card.shape)]}): {counts}\n"
        f"  {card.context_frames} frames given, {card.forecast_frames} asked for; {card.divided}{left_out}\n"
        f"  not what you meant? say it with --layout, --window, --context, --forecast, --splits, and --replace\n"
        f"Use it in config/<scale>.yaml: add the line\n"
        f"  {name}: {{}}\n"
        f"under 'datasets', and its name to the 'datasets' of an experiment"
    )


def _check_request(request: Request, root: Path, taken: Collection[str]) -> None:
    name = request.name
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise BenchError(
            f"{name[:LONGEST_NAME]!r} cannot be the name of a data set; use small letters, digits and single hyphens, "
            "a letter first"
        )
    if name in taken:
        raise BenchError(f"'{name}' is a data set of the suite; choose another name")
    if (root / FOLDER / name).exists() and not request.replace:
        raise BenchError(f"{FOLDER}/{name} exists; choose another name, or replace it with --replace")
    origin = request.described.get("origin") or "measured"
    if origin not in ORIGINS:
        raise BenchError(f"--origin: '{origin}' is none of {', '.join(ORIGINS)}")
    if len(request.held) == 1:
        raise BenchError("--valid and --test belong together; give both, or neither and let --splits divide the files")
    cutting = request.cutting
    for option in ("context", "forecast", "window", "stride"):
        value = getattr(cutting, option)
        if value is not None and value < 1:
            raise BenchError(f"--{option}: must be at least 1, got {value}")
    if request.reading.image_size is not None and (request.reading.image_size < 16):
        raise BenchError(f"--image-size: must be at least 16, got {request.reading.image_size}")
    if request.time_step is not None and not 0 < request.time_step < np.inf:
        raise BenchError(f"--time-step: must be a positive number, got {request.time_step}")
    if request.time_step is not None and request.reading.times is not None:
        raise BenchError("--time-step and --times say the same thing; give one")


def _files_by_split(request: Request) -> dict[str, list[Path]]:
    """Files by the split they are given for, all of them ``divided`` where none is; no file twice."""
    files = {"train" if request.held else "divided": list(request.files)}
    files |= {split: list(paths) for split, paths in request.held.items()}
    seen: set[Path] = set()
    for path in (path for paths in files.values() for path in paths):
        if path.resolve() in seen:
            raise BenchError(f"{path}: is given twice; a file belongs to one split")
        seen.add(path.resolve())
    return files


def _read(paths: Sequence[Path], request: Request) -> Iterator[list[Recording]]:
    """The recordings of each file, with times; together they must fit in memory too."""
    values = 0
    for path in paths:
        found = [in_steps(one, request.time_step) for one in read_recordings(path, request.reading)]
        values += sum(one.frames.size for one in found)
        check_size(values, "all files")
        yield found


def _divided(
    recordings: Mapping[str, list[list[Recording]]], cutting: Cutting
) -> tuple[int, dict[str, list[Piece]], str]:
    """Frames of a trajectory, the pieces of each split, and how they came about in words."""
    every = numbered([several for found in recordings.values() for several in found])
    lengths = [len(one.frames) for one, _ in every]
    if "divided" not in recordings:
        pieces, start = {}, 0
        for split in SPLITS:
            count = sum(len(several) for several in recordings[split])
            pieces[split] = [Piece(one, group, 0, len(one.frames)) for one, group in every[start : start + count]]
            start += count
        return window_length(lengths, cutting, blocks=False), pieces, "files given for each split"
    pieces, blocks = divide(every, cutting)
    window = window_length(lengths, cutting, blocks)
    shares = ", ".join(f"{share:g}" for share in cutting.shares)
    if blocks:
        return window, pieces, f"blocks of time ({shares}) of each recording, {window} frames apart"
    return window, pieces, f"whole units ({shares}), shuffled"


def _values(piece: Piece, window: int, stride: int) -> int:
    """Numbers in the windows of a piece, which overlap where the stride is short."""
    count = max(0, (piece.length - window) // stride + 1)
    return count * window * int(np.prod(piece.recording.frames.shape[1:]))


def _described(request: Request, recordings: Mapping[str, list[list[Recording]]]) -> dict[str, Any]:
    defaults = {
        "title": request.name.replace("-", " ").capitalize(),
        "quantity": "not stated",
        "origin": "measured",
        "source": f"imported from {', '.join(path.name for path in request.files)}",
        "licence": "not stated",
        "citation": "not stated",
        "time_unit": _time_unit(request, recordings),
    }
    return {**defaults, **{key: value for key, value in request.described.items() if value}}


def _time_unit(request: Request, recordings: Mapping[str, list[list[Recording]]]) -> str:
    """What is known of the unit of time where the user does not say: videos count seconds, and some data frames."""
    if request.time_step is None and all(path.suffix.lower() in MOVIES for path in request.files):
        return "s"
    every = (one for found in recordings.values() for several in found for one in several)
    return "frame" if all(_counted(one) for one in every) else ""


def _counted(recording: Recording) -> bool:
    return recording.times is not None and np.array_equal(recording.times, np.arange(len(recording.frames)))


def _options(request: Request) -> dict[str, Any]:
    """What was asked for and is not the default, for the card."""
    asked = {"time_step": request.time_step}
    for given in (request.reading, request.cutting):
        defaults = type(given)()
        asked |= {key: value for key, value in vars(given).items() if value != getattr(defaults, key)}
    return {
        key: list(value) if isinstance(value, tuple) else value for key, value in asked.items() if value is not None
    }


def _source_file(path: Path, split: str) -> SourceFile:
    if path.is_file():
        return SourceFile(name=path.name, split=split, sha256=file_sha256(path), bytes=path.stat().st_size)
    digest, size = hashlib.sha256(), 0
    folders = [path, *sorted(inner for inner in path.iterdir() if inner.is_dir())]
    for picture in (picture for folder in folders for picture in picture_files(folder)):
        digest.update(f"{picture.relative_to(path).as_posix()} {file_sha256(picture)}\n".encode())
        size += picture.stat().st_size
    return SourceFile(name=path.resolve().name, split=split, sha256=digest.hexdigest(), bytes=size)


def _made(data: Trajectories) -> ImportedSplit:
    return ImportedSplit(trajectories=len(data), groups=len(np.unique(data.group)), content_sha256=data.content_sha256)


def _write(target: Path, splits: Mapping[str, Trajectories], card: ImportCard) -> None:
    """Write everything beside ``target`` and put it in place at the end, so that nobody sees half of it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        for split, data in splits.items():
            write_trajectories(beside / f"{split}.hdf5", data)
        write_text(beside / CARD, yaml.safe_dump(card.model_dump(), sort_keys=False, allow_unicode=True))
        beside.chmod(target.parent.stat().st_mode & 0o777)  # mkdtemp makes folders private
        if target.exists():
            former = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-former-"))
            target.replace(former / target.name)
            beside.replace(target)
            shutil.rmtree(former)
        else:
            beside.replace(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
