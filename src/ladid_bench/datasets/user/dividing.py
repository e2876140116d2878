"""From recordings to the trajectories of train, valid and test, none of which share a frame."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.core.paths import SPLITS
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.datasets.user.recordings import Recording

USUAL_WINDOW = 60  # frames
USUAL_CONTEXT = 10
SHORTEST = 2  # frames: one given, one asked for
SHUFFLE = 0  # seed of the order in which recordings are dealt to the splits


@dataclass(frozen=True)
class Cutting:
    """How recordings are cut and divided.

    Attributes:
        shares: fractions of train, valid and test.
        context, forecast: frames given and asked for, or None.
        window: frames of a trajectory, or None.
        stride: frames from the start of one window to that of the next, or None.
    """

    shares: tuple[float, float, float] = (0.8, 0.1, 0.1)
    context: int | None = None
    forecast: int | None = None
    window: int | None = None
    stride: int | None = None


@dataclass(frozen=True)
class Piece:
    """Frames ``first`` to before ``last`` of a recording, which belong to one split and one group."""

    recording: Recording
    group: int
    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first


def parse_shares(text: str) -> tuple[float, float, float]:
    """Fractions of train, valid and test from ``0.8,0.1,0.1``.

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


def numbered(files: Sequence[Sequence[Recording]]) -> list[tuple[Recording, int]]:
    """All recordings with a group each: their own, or the one they share within their file."""
    found, following = [], 0
    for recordings in files:
        numbers: dict[int, int] = {}
        for index, one in enumerate(recordings):
            key = index if one.group is None else one.group
            numbers.setdefault(key, following + len(numbers))
            found.append((one, numbers[key]))
        following += len(numbers)
    return found


def divide(recordings: list[tuple[Recording, int]], cutting: Cutting) -> tuple[dict[str, list[Piece]], bool]:
    """The pieces of each split, and whether they are blocks of time rather than whole groups.

    Three groups or more are dealt to the splits whole, in an order shuffled once and for all. Of one or two, every
    recording is cut into three blocks of time with a gap of one window between them.
    """
    groups = np.array(sorted({group for _, group in recordings}))
    if len(groups) >= len(SPLITS):
        return _by_group(recordings, groups, cutting.shares), False
    return _by_time(recordings, cutting), True


def _by_group(
    recordings: list[tuple[Recording, int]], groups: np.ndarray, shares: tuple[float, float, float]
) -> dict[str, list[Piece]]:
    order = np.random.default_rng(SHUFFLE).permutation(groups)
    held = [max(1, round(share * len(groups))) for share in shares[1:]]
    while sum(held) >= len(groups):
        held[int(np.argmax(held))] -= 1
    ends = np.cumsum([len(groups) - sum(held), *held])
    members = dict(zip(SPLITS, np.split(order, ends[:-1]), strict=True))
    return {
        split: [Piece(one, group, 0, len(one.frames)) for one, group in recordings if group in set(chosen.tolist())]
        for split, chosen in members.items()
    }


def _by_time(recordings: list[tuple[Recording, int]], cutting: Cutting) -> dict[str, list[Piece]]:
    window = window_length([len(one.frames) for one, _ in recordings], cutting, blocks=True)
    pieces: dict[str, list[Piece]] = {split: [] for split in SPLITS}
    for one, group in recordings:
        start, usable = 0, len(one.frames) - 2 * window
        ends = np.rint(np.cumsum(cutting.shares) * max(0, usable)).astype(int)
        for place, (split, end) in enumerate(zip(SPLITS, ends, strict=True)):
            last = int(end) + place * window
            pieces[split].append(Piece(one, group, start, max(start, last)))
            start = last + window
    return pieces


def window_length(lengths: list[int], cutting: Cutting, blocks: bool) -> int:
    """Frames of a trajectory: as asked for, or as many as the recordings allow.

    Args:
        lengths: frames of each recording.
        cutting: what was asked for.
        blocks: whether recordings are cut into blocks of time, each of which must hold a window.
    """
    given, asked = cutting.context, cutting.forecast
    if cutting.window is not None:
        window = cutting.window
    elif given is not None and asked is not None:
        window = given + asked
    elif blocks:
        share = min(cutting.shares)
        window = min(USUAL_WINDOW, int(share * max(lengths) / (1 + 2 * share)))
    else:
        window = min(lengths) if len(set(lengths)) == 1 else min(USUAL_WINDOW, *lengths)
    if window < max(SHORTEST, (given or 1) + (asked or 1)):
        raise BenchError(
            f"trajectories of {window} frames are too short for {given or 1} given and {asked or 1} asked for "
            f"(recordings have {min(lengths)} to {max(lengths)} frames); change --window, --context or --forecast"
        )
    return window


def given_and_asked(window: int, cutting: Cutting) -> tuple[int, int]:
    """Frames given and asked for in a trajectory of ``window`` frames."""
    if cutting.context is not None:
        return cutting.context, cutting.forecast or window - cutting.context
    if cutting.forecast is not None:
        return window - cutting.forecast, cutting.forecast
    context = max(1, min(USUAL_CONTEXT, window // 4))
    return context, window - context


def cut(pieces: list[Piece], window: int, stride: int, split: str) -> Trajectories:
    """All windows of ``window`` frames, ``stride`` apart, of the pieces of a split.

    Raises:
        BenchError: no piece is long enough.
    """
    starts = [(piece, first) for piece in pieces for first in range(piece.first, piece.last - window + 1, stride)]
    if not starts:
        longest = max((piece.length for piece in pieces), default=0)
        raise BenchError(
            f"split '{split}' has no trajectory of {window} frames (the longest stretch has {longest}); "
            "use a smaller --window, or give more or longer recordings"
        )
    frames = np.stack([piece.recording.frames[first : first + window] for piece, first in starts])
    channels = frames.shape[2]
    return Trajectories(
        frames=frames,
        times=np.stack([_times(piece.recording)[first : first + window] for piece, first in starts]),
        group=np.array([piece.group for piece, _ in starts], dtype=np.int64),
        fields=("intensity",) if channels == 1 else tuple(f"channel_{index}" for index in range(channels)),
        space=("height", "width") if frames.ndim == 5 else ("feature",),
    )


def _times(recording: Recording) -> np.ndarray:
    """Times of a recording, ``(time,)``; they are set by now."""
    return np.arange(len(recording.frames), dtype=np.float64) if recording.times is None else recording.times


def in_steps(recording: Recording, step: float | None) -> Recording:
    """The recording with times ``step`` apart, or its own, or counted in frames."""
    if step is None:
        return replace(recording, times=_times(recording))
    return replace(recording, times=step * np.arange(len(recording.frames)))
