"""``ladid-bench import``: read, compare contents, cut, divide; then show what was understood, and write it or not."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import file_sha256
from ladid_bench.core.paths import SPLITS
from ladid_bench.datasets.user.agreement import check_agreement
from ladid_bench.datasets.user.clocks import in_one_unit, on_following, on_steps
from ladid_bench.datasets.user.dividing import (
    USUAL_WINDOW,
    Cutting,
    Piece,
    check_windows,
    divide,
    is_said,
    window_length,
)
from ladid_bench.datasets.user.layouts import GUESSES
from ladid_bench.datasets.user.pictures import picture_files
from ladid_bench.datasets.user.reading import Contents, Found, read_file
from ladid_bench.datasets.user.recordings import Clock, Recording, Storage, check_recordings, check_size
from ladid_bench.datasets.user.repeats import Hashes, check_between, check_given, hash_frames, linked, stitched
from ladid_bench.datasets.user.request import Request, check_request
from ladid_bench.datasets.user.resampling import SMALLEST_SIDE
from ladid_bench.datasets.user.selecting import DIVIDED
from ladid_bench.datasets.user.source import SourceFile
from ladid_bench.datasets.user.storing import storage_for, survey
from ladid_bench.datasets.user.times import with_pauses


@dataclass(frozen=True)
class Understood:
    """All that an import found out, before anything is written.

    Attributes:
        files: what was read.
        found: what was understood of each array.
        recordings: by number.
        groups: of each recording.
        storage: how values become float32.
        pieces: of each split.
        window, stride: frames of a trajectory, and from the start of one to that of the next.
        trajectories: how many each split has.
        divided: the splits in words.
        compared: what is known of equal frames in different splits.
        notes: what was done to the data, and what a reader should look at.
    """

    files: list[SourceFile]
    found: list[Found]
    recordings: list[Recording]
    groups: list[int]
    storage: Storage
    pieces: Mapping[str, list[Piece]]
    window: int
    stride: int
    trajectories: Mapping[str, int]
    divided: str
    compared: str
    notes: list[str] = field(default_factory=list)

    @property
    def left_out(self) -> int:
        """Stretches without a pause that are shorter than a trajectory."""
        return sum(b - a < self.window for one in self.recordings for a, b in one.between_pauses())

    def groups_of(self, split: str) -> set[int]:
        """Collect the groups that have recordings in a split."""
        return {self.groups[piece.number] for piece in self.pieces[split]}


@dataclass(frozen=True)
class _Sorted:
    """Recordings with the split that each was given for, and its group."""

    recordings: list[Recording]
    splits: list[str]
    groups: list[int]

    def of(self, split: str) -> list[int]:
        return [number for number, found in enumerate(self.splits) if found == split]


def understand(request: Request, root: Path, taken: Collection[str]) -> Understood:
    """Read the files of an import and decide all that is to be decided; nothing is written.

    Args:
        request: what was asked for.
        root: the checkout.
        taken: names of the suite's own data sets.

    Raises:
        BenchError: the name is taken or no name, a file cannot be read or leaves open what it holds, contents are
            repeated in different splits, or the data do not make three splits.
    """
    check_request(request, root, taken)
    paths = _paths_by_split(request)
    files = [source_file(path, split) for split, several in paths.items() for path in several]
    _check_equal_files(files)
    contents = {split: [read_file(path, request.reading) for path in several] for split, several in paths.items()}
    _check_frames_apart([one for several in contents.values() for read in several for one in read.found])
    apart = check_agreement([one for several in contents.values() for read in several for one in read.described])
    every = [_counted(found, request.time_step) for several in contents.values() for found in several]
    each = [sum(map(len, read.recordings.values())) for several in contents.values() for read in several]
    kept, timing = _on_one_clock(_sorted(contents, request), each)
    storage, notes = storage_for(kept.recordings, survey(kept.recordings))
    hashes = hash_frames(kept.recordings, storage)
    kept, hashes, told = _stitched(kept, hashes)
    groups = linked(hashes, kept.groups)
    check_given(kept.splits, groups, [one.name for one in kept.recordings])
    notes += apart + timing + told + _on_groups(kept.groups, groups)
    timed = [with_pauses(one, request.cutting.max_gap) for one in kept.recordings]
    notes += _on_pauses(timed)
    _check_blocks(kept, groups)
    pieces, window, divided = _divided(replace(kept, recordings=timed, groups=groups), request.cutting)
    stride = request.cutting.stride or window
    counts = {split: check_windows(pieces[split], window, stride, split) for split in SPLITS}
    check_size(max(counts.values()) * window * int(np.prod(timed[0].shape)), "all windows")
    ranges = {split: [(one.number, one.first, one.last) for one in pieces[split]] for split in SPLITS}
    compared, equal = check_between(ranges, hashes, [one.name for one in timed])
    unit = next((one.clock.unit for one in timed if one.times is not None and one.clock.unit), "")
    found = [replace(one, time_unit=one.time_unit and unit) for several in every for one in several]
    return Understood(
        files, found, timed, groups, storage, pieces, window, stride, counts, divided, compared, notes + equal
    )


def _paths_by_split(request: Request) -> dict[str, list[Path]]:
    """Files by the split they are given for; no file twice."""
    paths = {"train" if request.held else DIVIDED: list(request.files)}
    paths |= {split: list(several) for split, several in request.held.items()}
    seen: set[Path] = set()
    for path in (path for several in paths.values() for path in several):
        if path.resolve() in seen:
            raise BenchError(f"{path}: is given twice; give each file for one split")
        seen.add(path.resolve())
    return paths


def source_file(path: Path, split: str) -> SourceFile:
    """Describe a file or folder as the card does.

    Raises:
        BenchError: there is no such file, or reading it would never end.
    """
    if not path.exists():
        raise BenchError(f"{path}: no such file or folder")
    if path.is_file():
        return SourceFile(name=path.name, split=split, sha256=file_sha256(path), bytes=path.stat().st_size)
    if not path.is_dir():
        raise BenchError(f"{path}: not a regular file; a pipe or a device would never end")
    return _source_folder(path, split)


def _source_folder(path: Path, split: str) -> SourceFile:
    digest, size = hashlib.sha256(), 0
    if path.suffix.lower() == ".zarr":
        members = sorted(inner for inner in path.rglob("*") if inner.is_file())
    else:
        folders = [path, *sorted(inner for inner in path.iterdir() if inner.is_dir())]
        members = [picture for folder in folders for picture in picture_files(folder)]
    for member in members:
        digest.update(f"{member.relative_to(path).as_posix()} {file_sha256(member)}\n".encode())
        size += member.stat().st_size
    return SourceFile(name=path.resolve().name, split=split, sha256=digest.hexdigest(), bytes=size)


def _check_equal_files(files: Sequence[SourceFile]) -> None:
    """Refuse equal files in different splits before they are read."""
    seen: dict[str, SourceFile] = {}
    for one in files:
        former = seen.setdefault(one.sha256, one)
        if former.split != one.split and one.bytes:
            raise BenchError(
                f"{former.name} ({former.split}) and {one.name} ({one.split}) have equal contents; data must not "
                "be in two splits: give different files, or one file and let --splits divide it"
            )


def _check_frames_apart(found: Sequence[Found]) -> None:
    """Refuse arrays of two long axes that nothing but their order makes recordings: each may be a single picture."""
    several, first = sum(one.count for one in found), found[0]
    sides = [axis.length for axis in first.axes]
    alike = all([axis.length for axis in one.axes] == sides for one in found)
    guessed = all(axis.why.startswith(GUESSES) for one in found for axis in one.axes)
    if several > 1 and alike and guessed and len(sides) == 2 and min(sides) >= SMALLEST_SIDE:
        shape = " x ".join(map(str, sides))
        raise BenchError(
            f"{first.name}: {several} arrays of {shape} may be recordings, or pictures of one recording; if each is a "
            "recording, use --layout 'time feature'; if each is a picture, put them into one array, for example with "
            "numpy.stack"
        )


def _counted(contents: Contents, step: float | None) -> list[Found]:
    """What was found, with the words for times that the user said the step of."""
    if step is None:
        return contents.found
    return [replace(one, times=f"{step:g} per frame, from --time-step", time_unit="") for one in contents.found]


def _sorted(contents: Mapping[str, Sequence[Contents]], request: Request) -> _Sorted:
    """All recordings in a row; each has a group of its own, or the one it shares within its file."""
    recordings, splits, groups = [], [], []
    names: dict[tuple[int, str, int], int] = {}
    for given, several in contents.items():
        for file, one in enumerate(several):
            for key_split, found in one.recordings.items():
                split = given if key_split == DIVIDED else key_split
                for index, recording in enumerate(found):
                    number = index if recording.group is None else recording.group
                    place = (file, f"{given}/{split}", number)
                    recordings.append(_in_steps(recording, request.time_step))
                    splits.append(split)
                    groups.append(names.setdefault(place, len(names)))
    check_size(sum(one.values.size for one in recordings), "all files")
    return _Sorted(recordings, splits, groups)


def _on_one_clock(kept: _Sorted, counts: Sequence[int]) -> tuple[_Sorted, list[str]]:
    """Recordings with their times in one unit, and what a reader should know of how they follow each other.

    ``counts`` are how many each file has, in their order.
    """
    check_recordings(kept.recordings)
    recordings, notes = in_one_unit(kept.recordings)
    ends = np.cumsum([0, *counts])
    files = [recordings[first:last] for first, last in pairwise(ends.tolist())]
    return replace(kept, recordings=recordings), notes + on_following(files) + on_steps(recordings)


def _in_steps(recording: Recording, step: float | None) -> Recording:
    return recording if step is None else replace(recording, times=step * np.arange(len(recording)), clock=Clock())


def _stitched(kept: _Sorted, hashes: Hashes) -> tuple[_Sorted, Hashes, list[str]]:
    """Overlapping windows joined again, within each split that was given."""
    joined, parts, told = _Sorted([], [], []), [], []
    for split in dict.fromkeys(kept.splits):
        numbers = kept.of(split)
        its = hashes.of(numbers)
        recordings, new, said = stitched([kept.recordings[number] for number in numbers], its)
        joined.recordings.extend(recordings)
        joined.splits.extend([split] * len(recordings))
        group_of = {kept.recordings[number].name: kept.groups[number] for number in numbers}
        joined.groups.extend(group_of[one.name] for one in recordings)
        parts.append(new)
        told += said
    return joined, Hashes.joined(parts), told


def _on_groups(former: Sequence[int], groups: Sequence[int]) -> list[str]:
    if len(set(groups)) == len(set(former)):
        return []
    return [f"recordings that share frames are one group: {len(set(former))} became {len(set(groups))} groups"]


def _check_blocks(kept: _Sorted, groups: Sequence[int]) -> None:
    """Refuse recordings that share frames where there are too few groups to keep those together in one split.

    Raises:
        BenchError: blocks of time of one would hold frames of another's.
    """
    source = kept.of(DIVIDED if DIVIDED in kept.splits else "train")
    asked = len(SPLITS) if DIVIDED in kept.splits else len(SPLITS) - len(set(kept.splits)) + 1
    left, former = {groups[number] for number in source}, {kept.groups[number] for number in source}
    if len(left) < min(asked, len(former)):
        raise BenchError(
            f"{kept.recordings[source[0]].name}: {len(former)} recordings share frames with each other and form only "
            f"{len(left)} independent one{'s' * (len(left) > 1)}; give the uncut recordings, for --window to cut, "
            "or leave out what is repeated"
        )


def _on_pauses(recordings: Sequence[Recording]) -> list[str]:
    """Which recordings are cut at pauses, and how long those are."""
    cut = [one for one in recordings if one.breaks]
    if not cut:
        return []
    gaps = [float(np.diff(one.times)[place - 1]) for one in cut if one.times is not None for place in one.breaks]
    step = float(np.median(np.concatenate([np.diff(one.times) for one in cut if one.times is not None])))
    longest = f"{min(gaps):g}" if min(gaps) == max(gaps) else f"{min(gaps):g} to {max(gaps):g}"
    where = ", ".join(f"{one.name} before frame {one.breaks[0]}" for one in cut[:3]) + ", ..." * (len(cut) > 3)
    return [
        f"{len(gaps)} pause{'s' * (len(gaps) > 1)} of {longest} (the usual step is {step:g}): no trajectory spans one "
        f"({where}); --max-gap changes this"
    ]


def _divided(kept: _Sorted, cutting: Cutting) -> tuple[dict[str, list[Piece]], int, str]:
    """The pieces of each split, frames of a trajectory, and how they came about in words."""
    given = [split for split in SPLITS if split in kept.splits]
    source = DIVIDED if DIVIDED in kept.splits else "train"
    asked = [split for split in SPLITS if split not in given or split == source]
    pieces = {split: [_whole(kept, number) for number in kept.of(split)] for split in given if split not in asked}
    window = None
    if len(asked) == 1:
        pieces["train"] = [_whole(kept, number) for number in kept.of("train")]
    else:
        numbers = kept.of(source)
        groups = [kept.groups[number] for number in numbers]
        found, window = divide([(number, kept.recordings[number]) for number in numbers], groups, asked, cutting)
        pieces |= found
    stretches = [b - a for several in pieces.values() for piece in several for a, b in piece.stretches]
    length = window or window_length(stretches, cutting)
    return pieces, length, _told(given, asked, cutting, window)


def _whole(kept: _Sorted, number: int) -> Piece:
    return Piece(number, kept.recordings[number], 0, len(kept.recordings[number]))


def _told(given: Sequence[str], asked: Sequence[str], cutting: Cutting, window: int | None) -> str:
    if len(asked) == 1:
        return "given for each split"
    shares = ", ".join(f"{share:g}" for split, share in zip(SPLITS, cutting.shares, strict=True) if split in asked)
    what = "whole groups, shuffled"
    if window is not None:
        what = f"blocks of time of each recording, {window} frames apart, as there are fewer groups than splits"
        if not is_said(cutting):
            longest = (
                "unless --window sets another number"
                if window == USUAL_WINDOW
                else "as many as the smallest block holds"
            )
            what += f"; trajectories have {window} frames, {longest}"
    held = [split for split in given if split not in asked]
    from_train = f"; {' and '.join(held)} given, {' and '.join(asked)} divided from the rest" if held else ""
    return f"{what} ({' to '.join(asked)} as {shares}){from_train}"
