"""From recordings to the trajectories of train, valid and test, none of which share a frame."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.core.paths import SPLITS
from ladid_bench.datasets.user.recordings import Recording

USUAL_WINDOW = 60  # frames
USUAL_CONTEXT = 10
SHORTEST = 3  # frames: one given, and two asked for
SHORT = 0.25  # of the longest stretch; shorter ones do not decide how long a trajectory is
SHUFFLE = 0  # seed of the order in which recordings are dealt to the splits


@dataclass(frozen=True)
class Cutting:
    """How recordings are cut and divided.

    Attributes:
        shares: fractions of train, valid and test.
        context, forecast: frames given and asked for, or None.
        window: frames of a trajectory, or None.
        stride: frames from the start of one window to that of the next, or None.
        max_gap: longest time between two frames of a trajectory, or None for what is usual in the recording.
    """

    shares: tuple[float, float, float] = (0.8, 0.1, 0.1)
    context: int | None = None
    forecast: int | None = None
    window: int | None = None
    stride: int | None = None
    max_gap: float | None = None


@dataclass(frozen=True)
class Piece:
    """Frames ``first`` to before ``last`` of recording ``number``, which belong to one split."""

    number: int
    recording: Recording
    first: int
    last: int

    @property
    def stretches(self) -> list[tuple[int, int]]:
        """First frame, and frame after the last, of each stretch without a pause."""
        cut = [(max(a, self.first), min(b, self.last)) for a, b in self.recording.between_pauses()]
        return [(a, b) for a, b in cut if a < b]

    def starts(self, window: int, stride: int) -> Iterator[int]:
        """Yield the first frames of the windows that fit; none spans a pause."""
        for first, last in self.stretches:
            yield from range(first, last - window + 1, stride)


def parse_shares(text: str) -> tuple[float, float, float]:
    """Read the fractions of train, valid and test from ``0.8,0.1,0.1``.

    Raises:
        BenchError: not three positive numbers that sum to 1.
    """
    try:
        shares = tuple(float(part) for part in text.split(","))
    except ValueError:
        shares = ()
    if len(shares) != 3 or not all(0 < share < 1 for share in shares) or abs(sum(shares) - 1) > 1e-6:
        raise BenchError(f"--splits: '{text}' must be three positive numbers that sum to 1, such as 0.8,0.1,0.1")
    return shares


def divide(
    recordings: Sequence[tuple[int, Recording]],
    groups: Sequence[int],
    splits: Sequence[str],
    cutting: Cutting,
) -> tuple[dict[str, list[Piece]], int | None]:
    """Divide recordings into the pieces of each of ``splits``; also frames of a trajectory where blocks settle it.

    As many groups as splits or more are dealt to them whole, in an order shuffled once and for all. Of fewer, every
    recording is cut into blocks of time with a gap of one window between them.
    """
    shares = [share for split, share in zip(SPLITS, cutting.shares, strict=True) if split in splits]
    fractions = np.array(shares) / sum(shares)
    if len(set(groups)) >= len(splits):
        return _by_group(recordings, groups, splits, fractions), None
    lengths = [len(one) for _, one in recordings]
    longest = window_length(lengths, cutting, float(fractions.min()))
    for window in (longest,) if is_said(cutting) else range(longest, _fewest(cutting) - 1, -1):
        pieces = _by_time(recordings, splits, fractions, window)
        if all(any(True for piece in found for _ in piece.starts(window, 1)) for found in pieces.values()):
            break
    return pieces, window


def is_said(cutting: Cutting) -> bool:
    """Say whether the frames of a trajectory were asked for."""
    return cutting.window is not None or (cutting.context is not None and cutting.forecast is not None)


def _by_group(
    recordings: Sequence[tuple[int, Recording]], groups: Sequence[int], splits: Sequence[str], fractions: np.ndarray
) -> dict[str, list[Piece]]:
    names = np.array(sorted(set(groups)))
    order = np.random.default_rng(SHUFFLE).permutation(names)
    held = [max(1, round(float(share) * len(names))) for share in fractions[1:]]
    while sum(held) >= len(names):
        held[int(np.argmax(held))] -= 1
    ends = np.cumsum([len(names) - sum(held), *held])
    members = dict(zip(splits, np.split(order, ends[:-1]), strict=True))
    return {
        split: [
            Piece(number, one, 0, len(one))
            for (number, one), group in zip(recordings, groups, strict=True)
            if group in set(chosen.tolist())
        ]
        for split, chosen in members.items()
    }


def _by_time(
    recordings: Sequence[tuple[int, Recording]], splits: Sequence[str], fractions: np.ndarray, window: int
) -> dict[str, list[Piece]]:
    pieces: dict[str, list[Piece]] = {split: [] for split in splits}
    for number, one in recordings:
        start, usable = 0, len(one) - (len(splits) - 1) * window
        ends = np.rint(np.cumsum(fractions) * max(0, usable)).astype(int)
        for place, (split, end) in enumerate(zip(splits, ends, strict=True)):
            last = int(end) + place * window
            pieces[split].append(Piece(number, one, start, max(start, last)))
            start = last + window
    return pieces


def window_length(lengths: Sequence[int], cutting: Cutting, share: float | None = None) -> int:
    """Choose the number of frames of a trajectory: as asked for, or as many as the recordings allow.

    Args:
        lengths: frames of each recording, or of each stretch of one without a pause.
        cutting: what was asked for.
        share: of the smallest of the blocks that a recording is cut into, each of which must hold a window; None where
            recordings stay whole.

    Raises:
        BenchError: such trajectories would be too short for the frames that are given and asked for.
    """
    given, asked = cutting.context, cutting.forecast
    if cutting.window is not None:
        window = cutting.window
    elif given is not None and asked is not None:
        window = given + asked
    elif share is not None:
        window = min(USUAL_WINDOW, int(share * max(lengths) / (1 + 2 * share)))
    elif len(set(lengths)) == 1:
        window = lengths[0]
    else:
        window = min(USUAL_WINDOW, *(length for length in lengths if length >= SHORT * max(lengths)))
    if window < _fewest(cutting):
        raise BenchError(
            f"trajectories of {window} frames are too short for {given or 1} given and {asked or 1} to forecast "
            f"(recordings have {min(lengths)} to {max(lengths)} frames); give longer recordings, or change "
            "--window, --context, --forecast, or --layout if the axes were misread"
        )
    return window


def _fewest(cutting: Cutting) -> int:
    """Frames of the shortest trajectory that holds the frames given and asked for."""
    return max(SHORTEST, (cutting.context or 1) + (cutting.forecast or 1))


def given_and_asked(window: int, cutting: Cutting) -> tuple[int, int]:
    """Divide the ``window`` frames of a trajectory into how many are given and how many are asked for."""
    if cutting.context is not None:
        return cutting.context, cutting.forecast or window - cutting.context
    if cutting.forecast is not None:
        return window - cutting.forecast, cutting.forecast
    context = max(1, min(USUAL_CONTEXT, window // 4))
    return context, window - context


def check_windows(pieces: Sequence[Piece], window: int, stride: int, split: str) -> int:
    """Count the trajectories of a split.

    Raises:
        BenchError: it has none.
    """
    count = sum(1 for piece in pieces for _ in piece.starts(window, stride))
    if not count:
        longest = max((last - first for piece in pieces for first, last in piece.stretches), default=0)
        raise BenchError(
            f"split '{split}' has no trajectory of {window} frames (the longest stretch has {longest}); "
            "use a smaller --window, or give more or longer recordings"
        )
    return count
