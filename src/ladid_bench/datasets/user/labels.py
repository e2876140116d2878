"""What tells the recordings of a pattern apart, found again in the names of the arrays beside them."""

import re
from collections.abc import Sequence
from functools import cache
from itertools import takewhile

from ladid_bench.datasets.user.arrays import FileArray
from ladid_bench.datasets.user.selecting import Member

NUMBER = re.compile(r"\d+")  # what tells cells and groups apart where no pattern does
LEADING_ZEROS = re.compile(r"(?<![\d.])0+(?=\d)")


class Labels:
    """The labels of members: what stands for the wildcards of the pattern that found them.

    Args:
        members: all that one pattern, one name, or nothing but the file has found.
    """

    def __init__(self, members: Sequence[Member]):
        separator = members[0].first.separator
        groups = [member.first.name.split(separator)[:-1] for member in members]
        shared = takewhile(lambda parts: len(set(parts)) == 1, zip(*groups, strict=False))
        self._fixed = separator.join(parts[0] for parts in shared)  # groups that tell nothing apart
        self._labels = frozenset(plain(label) for member in members for label in member.told if label)
        self._owners: dict[str, frozenset[str]] = {}

    def belongs(self, one: FileArray, member: Member) -> bool:
        """Say whether an array is of the recording of a member, or of all recordings."""
        if member.told:
            return self.of(one) <= {plain(label) for label in member.told}
        own = NUMBER.findall(member.first.name)
        return not own or NUMBER.findall(one.name) in (own, NUMBER.findall(member.first.parent), [])  # run0/time

    def of(self, one: FileArray) -> frozenset[str]:
        """Find the labels in the name of an array; of labels within each other the longest."""
        if one.name not in self._owners:
            name = plain(one.name.removeprefix(self._fixed))
            found = [label for label in self._labels if label in name and has(name, label)]
            whole = [label for label in found if not any(label != other and label in other for other in found)]
            self._owners[one.name] = frozenset(whole)
        return self._owners[one.name]

    def family(self, one: FileArray) -> str:
        """Name an array without what tells recordings apart."""
        name = plain(one.name)
        for label in self.of(one):
            name = _bounded(label).sub("*", name)
        return NUMBER.sub("*", name)


def plain(text: str) -> str:
    """Write whole numbers in a text without zeros before them."""
    return LEADING_ZEROS.sub("", text)


def has(name: str, label: str) -> bool:
    """Say whether a name has a label, not as a part of a longer word or number."""
    return _bounded(label).search(name) is not None


@cache
def _bounded(label: str) -> re.Pattern[str]:
    before, after = (r"\d" if letter.isdigit() else "[A-Za-z]" for letter in (label[:1], label[-1:]))
    return re.compile(rf"(?<!{before}){re.escape(label)}(?!{after})")
