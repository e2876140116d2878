"""Repeated contents: overlapping trajectories, equal recordings, films that repeat themselves.

Every frame is hashed. Single frames may be equal by chance (blank pictures, a system at rest, few values), so what
counts is a run of successive frames, long enough that it would not come about by chance: its length is chosen from how
many different values there are. A run whose frames are all equal to each other says nothing and is passed over.

Two recordings are of one group if one continues the other, that is if the frames in which they overlap are all equal,
or if they share a long run anywhere. A simulation that passes through the same state twice, with a few frames equal to
the last bit by chance of rounding, is no copy; how many frames are equal is said then.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import combinations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ladid_bench.core.errors import BenchError
from ladid_bench.core.spreading import end_to_end
from ladid_bench.datasets.user.recordings import Recording, Storage

SHORTEST_RUN = 2  # frames
LONG_RUN = 32  # frames that are equal in two recordings only if one was copied
SHARE_OF_COPY = 0.25  # of the shorter recording, where all frames of the overlap are equal
MOST_SHIFTS = 5  # that are looked at between two recordings
TOO_MANY_EQUAL = 0.01  # of the frames that are tested on, so that the reader is told
MOST_INDEPENDENT = 4  # values of a frame that are counted as independent of each other; neighbours in a picture are not
SAMPLED = 16, 64  # recordings, and frames of each, in which different values are counted
BY_CHANCE = 1e-6  # how probable one equal run among all pairs may be, if frames were drawn at random
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd, to mix the hashes of a run


@dataclass(frozen=True)
class Hashes:
    """The hashes of all frames, uint64 ``(time,)`` for each recording.

    Attributes:
        frames: of the values in the precision that all files share.
        written: of the float32 values that are written.
        run: how many successive frames must be equal.
    """

    frames: list[np.ndarray]
    written: list[np.ndarray]
    run: int

    def of(self, numbers: Sequence[int]) -> "Hashes":
        """Select the hashes of some recordings."""
        return Hashes([self.frames[n] for n in numbers], [self.written[n] for n in numbers], self.run)

    @classmethod
    def joined(cls, parts: Sequence["Hashes"]) -> "Hashes":
        """Join the hashes of several rows of recordings, one after the other."""
        return cls([h for one in parts for h in one.frames], [h for one in parts for h in one.written], parts[0].run)

    @property
    def long_run(self) -> int:
        """Successive frames that are equal in two recordings only if one was copied."""
        return max(LONG_RUN, self.run)

    def runs(self, length: int, number: int, first: int = 0, last: int | None = None) -> np.ndarray:
        """Hash runs of ``length`` successive frames of a recording, or of as many as it has, without those at rest."""
        frames = self.frames[number][first:last]
        if not len(frames):
            return np.empty(0, np.uint64)
        length = min(length, len(frames))
        windows = np.lib.stride_tricks.sliding_window_view(frames, max(1, length))  # (run, length)
        moving = (windows != windows[:, :1]).any(axis=1)
        with np.errstate(over="ignore"):  # hashes wrap around
            powers = np.cumprod(np.full(length, MULTIPLIER))
            return (windows * powers).sum(axis=1, dtype=np.uint64)[moving]


def hash_frames(recordings: Sequence[Recording], storage: Storage) -> Hashes:
    """Hash every frame, a stretch of frames at a time.

    Double precision is compared as such, so that recordings are not joined that only come near each other; but copies
    of which one is in single precision are compared in that.
    """
    double = not any(one.exact for one in recordings)
    both = [_of_one(one, storage, double) for one in recordings]
    pairs = sum(len(one) for one in recordings) ** 2 / BY_CHANCE
    run = max(SHORTEST_RUN, math.ceil(math.log(pairs) / _information(recordings, storage)))
    return Hashes([frames for frames, _ in both], [written for _, written in both], run)


def _of_one(one: Recording, storage: Storage, double: bool) -> tuple[np.ndarray, np.ndarray]:
    frames, written = np.empty(len(one), np.uint64), np.empty(len(one), np.uint64)
    for first, last in one.stretches():
        written[first:last] = _hashed(one.frames(first, last, storage))
        frames[first:last] = _hashed(one.prepared(first, last)) if double else written[first:last]
    return frames, written


def _hashed(frames: np.ndarray) -> np.ndarray:
    digests = (blake2b(np.ascontiguousarray(frame + 0.0).data, digest_size=8).digest() for frame in frames)  # -0 is 0
    return np.frombuffer(b"".join(digests), np.uint64)


def _information(recordings: Sequence[Recording], storage: Storage) -> float:
    """Logarithm of how many different frames there may be, by the different values in a sample of them."""
    several, frames = SAMPLED
    sample = [recordings[one].frames(0, frames, storage) for one in end_to_end(len(recordings), several)]
    different = len(np.unique(np.concatenate([one.ravel()[:: max(1, one.size // 2**16)] for one in sample])))
    return min(MOST_INDEPENDENT, int(np.prod(sample[0].shape[1:]))) * math.log(max(2, different))


def stitched(recordings: list[Recording], hashes: Hashes) -> tuple[list[Recording], Hashes, list[str]]:
    """Join overlapping windows that follow each other to the one recording they were cut from.

    Windows of recordings without times of their own are recognised by the frames that they share: the end of one is the
    beginning of the next. What is told names the windows and how far apart they are.
    """
    chains: list[list[tuple[int, int]]] = []  # numbers of recordings, and how many frames each adds
    for number, own in enumerate(hashes.frames):
        added = _added(hashes.frames[chains[-1][-1][0]], own, hashes.run) if chains else None
        same_group = number > 0 and recordings[number].group == recordings[number - 1].group
        if added is None or not same_group or not _times_follow(recordings[number - 1], recordings[number], added):
            chains.append([(number, len(own))])
        else:
            chains[-1].append((number, added))
    told = [_stitching(recordings, chain) for chain in chains if len(chain) > 1]
    if not told:
        return recordings, hashes, []
    joined = [_joined(recordings, chain) for chain in chains]
    frames, written = (
        [np.concatenate([each[number][-added:] for number, added in chain]) for chain in chains]
        for each in (hashes.frames, hashes.written)
    )
    more = f", and likewise in {len(told) - 1} more places" * (len(told) > 1)
    return joined, Hashes(frames, written, hashes.run), [told[0] + more]


def _added(former: np.ndarray, following: np.ndarray, run: int) -> int | None:
    """How many frames ``following`` adds to what ``former`` ends with, or None where they do not overlap."""
    for place in np.flatnonzero(former == following[0])[:64]:
        shared = len(former) - int(place)
        enough = shared >= run and shared < len(following) and place > 0
        if enough and np.array_equal(former[place:], following[:shared]) and len(np.unique(former[place:])) > 1:
            return len(following) - shared
    return None


def _times_follow(former: Recording, following: Recording, added: int) -> bool:
    """Whether the times of two overlapping windows go on; counted frames and times that begin anew say nothing."""
    if former.times is None or following.times is None:
        return True
    shared = len(following) - added
    return np.array_equal(former.times, following.times) or np.array_equal(
        former.times[-shared:], following.times[:shared]
    )


def _joined(recordings: Sequence[Recording], chain: Sequence[tuple[int, int]]) -> Recording:
    first = recordings[chain[0][0]]
    if len(chain) == 1:
        return first
    values = np.concatenate([recordings[number].values[-added:] for number, added in chain])
    return replace(first, values=values, times=_joined_times([recordings[number] for number, _ in chain], chain))


def _joined_times(parts: Sequence[Recording], chain: Sequence[tuple[int, int]]) -> np.ndarray | None:
    if any(part.times is None for part in parts):
        return None
    times = parts[0].times
    assert times is not None
    for part, (_, added) in zip(parts[1:], chain[1:], strict=True):
        assert part.times is not None
        shared = len(part) - added
        new = part.times[-added:] + (times[-1] - part.times[shared - 1])  # windows may each count from zero
        times = np.concatenate([times, new])
    return times


def _stitching(recordings: Sequence[Recording], chain: Sequence[tuple[int, int]]) -> str:
    steps = sorted({added for _, added in chain[1:]})
    apart = f"{steps[0]}" if len(steps) == 1 else f"{steps[0]} to {steps[-1]}"
    return (
        f"{len(chain)} trajectories, from {recordings[chain[0][0]].name} on, are windows of one recording cut {apart} "
        f"frames apart: they are rejoined into {sum(added for _, added in chain)} frames"
    )


def linked(hashes: Hashes, groups: Sequence[int]) -> list[int]:
    """Find the group of each recording, where those that share a run of frames, and all of their groups, are one."""
    first = {group: groups.index(group) for group in set(groups)}
    pairs = [*_copies(hashes), *((number, first[group]) for number, group in enumerate(groups))]
    one, other = np.array(pairs).T  # (pair, 2) -> (2, pair)
    graph = coo_array((np.ones(len(pairs)), (one, other)), shape=(len(groups), len(groups)))
    _, component = connected_components(graph, directed=False)
    names: dict[int, int] = {}  # in the order in which they appear
    return [names.setdefault(one, len(names)) for one in component.tolist()]


def _copies(hashes: Hashes) -> Iterator[tuple[int, int]]:
    """Pairs of recordings of which one holds frames of the other; enough pairs to link all that do."""
    runs = [np.unique(hashes.runs(hashes.run, number)) for number in range(len(hashes.frames))]
    owner = np.repeat(np.arange(len(runs)), [len(one) for one in runs])
    every = np.concatenate(runs)
    order = np.argsort(every, kind="stable")
    equal = every[order][1:] == every[order][:-1]
    pairs = np.stack([owner[order][:-1], owner[order][1:]], axis=1)[equal]  # (pair, 2)
    for one, other in np.unique(pairs, axis=0).tolist():
        if _is_copy(hashes.frames[one], hashes.frames[other], hashes.long_run):
            yield one, other


def _is_copy(one: np.ndarray, other: np.ndarray, long_run: int) -> bool:
    """Whether all frames in which two recordings overlap by a fair share are equal, or a long run of them is."""
    _, in_one, in_other = np.intersect1d(one, other, return_indices=True)
    shifts, counts = np.unique(in_one - in_other, return_counts=True)
    for shift in shifts[np.argsort(-counts)][:MOST_SHIFTS]:
        length = min(len(one) - max(0, shift), len(other) - max(0, -shift))
        equal = one[max(0, shift) :][:length] == other[max(0, -shift) :][:length]
        if _longest(equal) >= min(long_run, max(len(equal), SHARE_OF_COPY * min(len(one), len(other)))):
            return True
    return False


def _longest(equal: np.ndarray) -> int:
    """Length of the longest row of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], equal, [False]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def check_given(splits: Sequence[str], groups: Sequence[int], names: Sequence[str]) -> None:
    """Refuse recordings that hold the same frames and were given for different splits.

    Raises:
        BenchError: two of one group are.
    """
    first: dict[int, int] = {}
    for number, group in enumerate(groups):
        former = first.setdefault(group, number)
        if splits[former] != splits[number]:
            raise BenchError(
                f"{names[former]} ({splits[former]}) and {names[number]} ({splits[number]}) have equal contents, or "
                "one holds frames of the other; leave one of them out, or give all for --splits to divide"
            )


def check_between(
    splits: Mapping[str, Sequence[tuple[int, int, int]]], hashes: Hashes, names: Sequence[str]
) -> tuple[str, list[str]]:
    """See that nothing that is tested on stands in another split; what was compared in words, and what to look at.

    Args:
        splits: for each, number of the recording, first frame, and the frame after the last.
        hashes: of the frames of all recordings.
        names: of the recordings.

    Raises:
        BenchError: two splits share a long run of frames.
    """
    length = hashes.long_run
    runs = {split: _distinct([hashes.runs(length, *piece) for piece in pieces]) for split, pieces in splits.items()}
    for first, second in combinations(splits, 2):
        shared = np.intersect1d(runs[first], runs[second])
        if len(shared):
            holder = [names[_holder(splits[split], hashes, shared)] for split in (first, second)]
            raise BenchError(
                f"splits '{first}' and '{second}' have equal contents: {len(shared)} runs of up to {length} frames "
                f"are in both, in {holder[0]} and {holder[1]}; leave out what is repeated"
            )
    return _equal_frames(splits, hashes)


def _holder(pieces: Sequence[tuple[int, int, int]], hashes: Hashes, shared: np.ndarray) -> int:
    return next(piece[0] for piece in pieces if np.isin(hashes.runs(hashes.long_run, *piece), shared).any())


def _equal_frames(splits: Mapping[str, Sequence[tuple[int, int, int]]], hashes: Hashes) -> tuple[str, list[str]]:
    """How many frames to validate or test on are equal, as written, to one of another split."""
    written = {
        split: np.concatenate([hashes.written[number][first:last] for number, first, last in pieces])
        for split, pieces in splits.items()
    }
    elsewhere = {"valid": written["train"], "test": np.concatenate([written["train"], written["valid"]])}
    equal = sum(int(np.isin(written[split], others).sum()) for split, others in elsewhere.items())
    total = sum(len(written[split]) for split in elsewhere)
    if not equal:
        return "no two splits share a frame (all frames were compared)", []
    told = f"{equal} of {total} frames for validation and test equal one of another split, in single precision"
    notes = [f"{told}: the recordings pass through the same states, so check that they are independent"]
    said = (
        f"no recording and no run of {hashes.long_run} frames, as read, is in two splits (all frames were "
        f"compared); {told}"
    )
    return said, notes if equal > TOO_MANY_EQUAL * total else []


def _distinct(several: Sequence[np.ndarray]) -> np.ndarray:
    return np.unique(np.concatenate(several))
