"""The layouts that an array may have by its lengths, and which of several is the usual one."""

from collections.abc import Sequence

from ladid_bench.core.errors import BenchError, nearest
from ladid_bench.datasets.user.resampling import SMALLEST_SIDE

AXES = ("trajectory", "time", "channel", "height", "width", "feature")
SPACE = ("height", "width")
MOST_CHANNELS = 4  # of an axis that nothing but its length makes one of channels
FEWEST_FRAMES = 3
MOST_SCALARS = 6  # rows of an array of two axes, times along the second, that are features rather than trajectories
MOST_READINGS = 4  # that a refusal lists
GUESSES = ("the usual", "nothing else")  # how reasons begin that are no evidence of the file's own
Layout = tuple[str, ...]

USUAL = {
    1: ("time",),
    2: ("time feature", "feature time", "trajectory time"),
    3: ("time height width", "trajectory time feature", "height width time", "trajectory feature time"),
    4: (
        "trajectory time height width",
        "time height width channel",
        "time channel height width",
        "trajectory height width time",
        "trajectory time feature channel",
    ),
    5: (
        "trajectory time height width channel",
        "trajectory time channel height width",
        "trajectory channel time height width",
        "trajectory height width time channel",
    ),
}
USUAL_OF_MATLAB = {
    3: ("height width time", "feature time trajectory"),
    4: ("height width time trajectory", "height width channel time"),
    5: ("height width channel time trajectory",),
}
UNUSUAL = {
    2: (),
    3: ("time trajectory feature", "feature time trajectory"),
    4: ("height width time trajectory", "height width channel time", "time trajectory height width"),
    5: ("height width channel time trajectory",),
}
DECIDED_BY_SQUARES = (
    "time height width",
    "trajectory time height width",
    "time height width channel",
    "time channel height width",
    *USUAL[5],
)
DECIDED_BY_SQUARES_OF_MATLAB = ("height width time", *USUAL_OF_MATLAB[4], *USUAL_OF_MATLAB[5])


def parse_layout(layout: str, rank: int, where: str) -> Layout:
    """Read the names of the axes.

    Raises:
        BenchError: an unknown, repeated or missing name, or another number of them than there are axes.
    """
    axes = tuple(layout.replace(",", " ").split())
    for axis in axes:
        if axis not in AXES:
            raise BenchError(f"--layout: unknown axis '{axis}'; {nearest(axis, AXES)}")
    if len(set(axes)) != len(axes):
        raise BenchError(f"--layout: '{layout}' names an axis twice")
    image = set(SPACE) & set(axes)
    if "time" not in axes or len(image) == 1 or (image and "feature" in axes):
        raise BenchError(
            f"--layout: '{layout}' must name time, and either height and width, or feature, or neither for one number "
            "per time; trajectory and channel are optional"
        )
    if len(axes) != rank:
        raise BenchError(f"{where}: the array has {rank} axes, but --layout names {len(axes)}")
    return axes


def readings_of(shape: tuple[int, ...], known: dict[int, str]) -> list[Layout]:
    """List the layouts that the lengths allow and the evidence does not contradict, the usual ones first."""
    if len(known) == len(shape):
        layout = tuple(known[place] for place in range(len(shape)))
        return [_without_half_a_picture(layout)] if "time" in layout and len(set(layout)) == len(layout) else []
    rank = len(shape)
    texts = (*USUAL.get(rank, ()), *USUAL_OF_MATLAB.get(rank, ()), *UNUSUAL.get(rank, ()))
    found = [_agreeing(tuple(text.split()), known) for text in dict.fromkeys(texts)]
    return [layout for layout in dict.fromkeys(filter(None, found)) if _possible(layout, shape, known)]


def _without_half_a_picture(layout: Layout) -> Layout:
    """One side of a picture alone is a field along one line."""
    if len(set(SPACE) & set(layout)) == 1 and "feature" not in layout:
        return tuple("feature" if axis in SPACE else axis for axis in layout)
    return layout


def _agreeing(layout: Layout, known: dict[int, str]) -> Layout | None:
    """The layout with its sides in the order of the evidence, or None where it contradicts the evidence."""
    turned = {"height": "width", "width": "height"}
    swapped = any(meaning in SPACE and layout[place] == turned.get(meaning) for place, meaning in known.items())
    layout = tuple(turned.get(axis, axis) for axis in layout) if swapped else layout
    for place, meaning in known.items():
        alone = meaning in SPACE and layout[place] == "feature"
        if layout[place] != meaning and not alone:
            return None
    return layout


def _possible(layout: Layout, shape: tuple[int, ...], known: dict[int, str]) -> bool:
    """Whether each length may be that of its axis; what the file names may have any."""
    for place, (axis, length) in enumerate(zip(layout, shape, strict=True)):
        if place in known:
            continue
        if axis in SPACE and length < SMALLEST_SIDE:
            return False
        if axis == "time" and length < FEWEST_FRAMES:
            return False
        if axis == "channel" and length > MOST_CHANNELS:
            return False
    return True


def choose(
    readings: list[Layout], shape: tuple[int, ...], column_major: bool, known: dict[int, str]
) -> tuple[Layout | None, str]:
    """Choose the one reading that is left, and say why; None where several are."""
    timed = "time" in known.values()
    if len(readings) == 1 and (known or len(shape) != 2):
        return readings[0], f"{GUESSES[1]} fits"
    usual = [layout for layout in readings if _is_usual(layout, shape, column_major, timed)]
    if len(usual) == 1:
        return usual[0], f"{GUESSES[0]} order is '{' '.join(usual[0])}', and no other usual order fits"
    square = [layout for layout in usual if _is_square(layout, shape)]
    if len(square) == 1 and (
        timed or " ".join(square[0]) in (DECIDED_BY_SQUARES_OF_MATLAB if column_major else DECIDED_BY_SQUARES)
    ):
        return square[0], f"{GUESSES[0]} order is '{' '.join(square[0])}', and only these pictures are square"
    return None, ""


def _is_usual(layout: Layout, shape: tuple[int, ...], column_major: bool, timed: bool) -> bool:
    """Whether arrays of this shape are commonly kept in this order."""
    text, rank = " ".join(layout), len(shape)
    if text not in USUAL.get(rank, ()) and not (column_major and text in USUAL_OF_MATLAB.get(rank, ())):
        return False
    if rank == 2 and text == "trajectory time":
        return shape[0] > MOST_SCALARS if timed else shape[0] <= shape[1]
    if text == "feature time":
        return timed or shape[0] <= shape[1]
    if text == "height width time" and not column_major:  # few pictures, and they come last
        return shape[2] >= SMALLEST_SIDE or shape[0] == shape[1]
    if text == "trajectory feature time":
        return not column_major if timed else shape[2] > shape[1]
    if text == "trajectory time feature" and not timed and shape[0] < FEWEST_FRAMES:
        return min(shape[1:]) < SMALLEST_SIDE  # rather one or two pictures
    if text == "feature time trajectory":
        return shape[2] >= MOST_CHANNELS
    few = {"trajectory height width time": 3, "trajectory time height width": 1}.get(text)
    return few is None or timed or shape[few] > MOST_CHANNELS  # so short an axis rather holds colours


def _is_square(layout: Layout, shape: tuple[int, ...]) -> bool:
    sides = [length for axis, length in zip(layout, shape, strict=True) if axis in SPACE]
    return len(sides) == 2 and sides[0] == sides[1]


def refusal(where: str, shape: tuple[int, ...], readings: Sequence[Layout], matlab: bool) -> str:
    """Write the refusal of an array, with the layouts to choose from, the likeliest first."""
    order = [*(USUAL_OF_MATLAB.get(len(shape), ()) if matlab else ()), *USUAL.get(len(shape), ())]
    place = {text: index for index, text in enumerate(dict.fromkeys(order))}
    ordered = sorted(readings, key=lambda layout: place.get(" ".join(layout), len(order)))
    choices = "; or ".join(
        f"--layout '{' '.join(layout)}' ({describe(layout, shape)})" for layout in ordered[:MOST_READINGS]
    )
    return f"{where}: cannot tell what the axes of an array of shape {shape} are; use " + (
        choices
        or f"--layout with {len(shape)} of {', '.join(AXES)} (pictures need sides of at least {SMALLEST_SIDE} pixels)"
    )


def describe(layout: Layout, shape: tuple[int, ...]) -> str:
    """Describe what an array is under a layout, such as '30 trajectories of 20 frames of 32 x 32'."""
    size = dict(zip(layout, shape, strict=True))
    space = f"{size['height']} x {size['width']}" if "height" in size else f"{size.get('feature', 1)} features"
    channels = f", {size['channel']} channels" if size.get("channel", 1) > 1 else ""
    several = size.get("trajectory", 1)
    return f"{several} {'trajectories' if several > 1 else 'trajectory'} of {size['time']} frames of {space}{channels}"
