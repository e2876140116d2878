"""Which arrays of a file are the data: as ``--key`` says, or the only ones that can be."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from natsort import natsorted

from ladid_bench.core.errors import BenchError, nearest
from ladid_bench.core.paths import SPLITS
from ladid_bench.datasets.user.arrays import FLAT, INDEX, ArrayFile, FileArray

BOUNDS = re.compile(r".*_(bnds|bounds)")  # edges of the cells of a coordinate
SEPARATORS = ("/", ".", FLAT)  # of groups, of structs of MATLAB, of nothing
WILDCARDS = re.compile(r"(\*|\?|\[[^\]]+\]|[/.])")  # and what stands between the parts of a name
SPLIT_WORDS = {"train": r"train|fit|learn", "valid": r"val|dev", "test": r"test|check|eval|hold"}
DIVIDED = "divided"  # what recordings are called that no split was said for
MOST_LISTED = 12
OBJECTS = "Python objects"


@dataclass(frozen=True)
class Member:
    """Arrays of the same recordings: one a channel, most often a single one.

    Attributes:
        told: what stands for the wildcards of the first key in the name of the first channel.
    """

    channels: tuple[FileArray, ...]
    told: tuple[str, ...] = ()

    @property
    def first(self) -> FileArray:
        """Array of the first channel."""
        return self.channels[0]


def by_split(texts: Sequence[str], option: str) -> dict[str, list[str]]:
    """Sort names by the split they are for, ``DIVIDED`` where none is said.

    Raises:
        BenchError: some are for a split and some are not.
    """
    found: dict[str, list[str]] = {}
    for text in texts:
        split, separator, name = text.partition("=")
        named = separator and split in SPLITS
        found.setdefault(split if named else DIVIDED, []).append(name if named else text)
    if DIVIDED in found and len(found) > 1:
        raise BenchError(f"{option}: {' '.join(texts)}: give the split of each, as {option} train=NAME, or of none")
    return found


def select(file: ArrayFile, keys: Sequence[str], times: Sequence[str]) -> list[Member]:
    """Select the arrays that ``keys`` name; each further key is one more channel of the same recordings.

    Raises:
        BenchError: a key names nothing, no real numbers, or another number of arrays than the first key does; or there
            is no key and more than one choice.
    """
    columns = [named(file, key, "--key") for key in keys] if keys else [_only(file, times)]
    for key, column in zip(keys, columns, strict=False):
        if len(column) != len(columns[0]):
            raise BenchError(
                f"{file.path}: --key {keys[0]} names {len(columns[0])} arrays but --key {key} {len(column)}; each key "
                "is a channel of the same recordings, so they must name equally many"
            )
        for one, other in zip(columns[0], column, strict=True):
            mine, its = told_apart(one, keys[0]), told_apart(other, key)
            if len(mine) == len(its) and mine != its:
                raise BenchError(
                    f"{file.path}: --key {key} names no array that belongs to {one.name} of --key {keys[0]} "
                    f"({other.name} is next); leave out what only one of them has"
                )
    members = zip(*columns, strict=True)
    return [Member(channels, told_apart(channels[0], keys[0]) if keys else ()) for channels in members]


def named(file: ArrayFile, name: str, option: str) -> list[FileArray]:
    """Find the arrays that a name, a cell array, a field of structs or a pattern stands for, in the order of numbers.

    Raises:
        BenchError: there are none, or one that ``--key`` names holds no real numbers.
    """
    if name in file.arrays:
        found = [file.arrays[name]]
    else:
        forms = {separator: _form(name, separator) for separator in SEPARATORS}
        found = [
            one
            for one in file.arrays.values()
            if any(forms[one.separator].fullmatch(text) for text in (one.name, one.family))
        ]
        found = natsorted(found, key=lambda one: one.name)
    if not found:
        known = {one.family for one in file.arrays.values()}
        raise BenchError(f"{file.path}: has no array '{name}' ({option}); {nearest(name, known)}")
    for one in found:
        if option == "--key" and not one.numeric:
            held = "text" if one.is_text else one.dtype
            raise BenchError(
                f"{file.path}:{one.name}: holds {held}, not real numbers; objects are not read: save an array of "
                "numbers"
            )
    return found


def told_apart(one: FileArray, pattern: str) -> tuple[str, ...]:
    """Find what stands for the wildcards of a pattern in the name that it matches; nothing where it has none."""
    found = _form(pattern, one.separator).fullmatch(one.name)
    return found.groups() if found else ()


@cache
def _form(pattern: str, separator: str) -> re.Pattern[str]:
    """A pattern of the shell as a regular expression with a group for each wildcard, which stays within a part.

    Raises:
        BenchError: what stands in its brackets is no choice of letters.
    """
    within = f"[^{separator}]"
    known = {"*": f"({within}*)", "?": f"({within})", "/": "[/.]", ".": "[/.]"}

    def translated(piece: str) -> str:
        if piece.startswith("[") and WILDCARDS.fullmatch(piece):
            return f"({piece.replace('[!', '[^', 1)})"
        return known.get(piece, re.escape(piece))

    try:
        return re.compile("".join(map(translated, WILDCARDS.split(pattern))))
    except re.error as error:
        raise BenchError(
            f"'{pattern}' is not a pattern ({error}); write '*' for any letters, '[ab]' for one"
        ) from error


def _only(file: ArrayFile, times: Sequence[str]) -> list[FileArray]:
    """The one array, or the arrays of the one cell array, that can be the data."""
    possible = [one for one in file.arrays.values() if _can_be_data(one) and one.family not in times]
    possible = [one for one in possible if one.role != "time" or len(one.shape) > 2 or not one.increases] or possible
    families = list(dict.fromkeys(one.family for one in possible))
    if len(families) > 1:
        lengths = {
            one.length for one in file.arrays.values() if one.is_vector and one.role == "time" and not one.parent
        }
        timed = [one for one in possible if lengths & set(one.shape)]
        families = list(dict.fromkeys(one.family for one in timed)) if lengths else families
    if len(families) != 1:
        what = "several arrays that could be the data" if possible else "no array of numbers with two axes or more"
        raise BenchError(
            f"{file.path}: holds {what}; choose with {suggestion(possible)} (it has: {listing(file) or 'nothing'})"
        )
    return natsorted((one for one in possible if one.family == families[0]), key=lambda one: one.name)


def _can_be_data(one: FileArray) -> bool:
    long_axes = sum(length > 1 for length in one.shape)
    return one.numeric and (long_axes >= 2 or one.is_table) and not BOUNDS.fullmatch(one.name)


def suggestion(possible: Sequence[FileArray]) -> str:
    """Suggest a ``--key`` for what a file holds: its splits, a pattern of its names, or a name."""
    families = list(dict.fromkeys(one.family for one in possible))
    splits = {split: [n for n in families if re.search(words, n.lower())] for split, words in SPLIT_WORDS.items()}
    if len(splits["train"]) == 1 and len(splits["test"]) == 1:
        return " ".join(f"--key {split}={names[0]}" for split, names in splits.items() if len(names) == 1)
    patterns = Counter(re.sub(r"\d+", "*", name) for name in families)
    common = [pattern for pattern, count in patterns.items() if "*" in pattern and count > 1]
    if common:
        return f"--key '{common[0]}', one array per recording"
    return f"--key {families[0]}, again for each further channel" if families else "--key"


def listing(file: ArrayFile) -> str:
    """List what is in a file, cells and elements of one name together."""
    families: dict[str, list[FileArray]] = {}
    for one in file.arrays.values():
        families.setdefault(one.family, []).append(one)
    lines = []
    for family, several in families.items():
        shapes = [" x ".join(map(str, one.shape)) or "one number" for one in several]
        many = f"{len(several)} cells, " if len(several) > 1 or INDEX.search(several[0].name) else ""
        to = f" to {shapes[-1]}" if shapes[-1] != shapes[0] else ""
        kind = "text" if several[0].is_text else several[0].dtype.lstrip("<>|=")
        lines.append(f"{family} {OBJECTS if kind == 'O' else kind} {many}{shapes[0]}{to}")
    more = f" and {len(lines) - MOST_LISTED} more" if len(lines) > MOST_LISTED else ""
    return "; ".join(lines[:MOST_LISTED]) + more
