"""Colours, dashes and markers: one look a method, the same in every figure and table of a report.

Hues follow Okabe and Ito's palette for colour-blind readers, darkened where they would vanish on
white; neural methods have bright hues and solid lines, simple ones greyish tints and dashes, so that the two
kinds stay apart in greyscale too. No palette tells twenty lines apart: where methods are many, all but a few fade
to grey, and have their own colour only while the reader points at them. Every colour has a second value for dark
backgrounds.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import seaborn

from ladid_bench.analysis.entries import DatasetContent, Entry
from ladid_bench.analysis.evidence import LADID
from ladid_bench.reporting.formatting import slug

NEURAL_COLOURS = (
    ("#d1540a", "#ff8f4a"),
    ("#0b6cb3", "#55aef0"),
    ("#00805a", "#35c79b"),
    ("#b4548f", "#ea9ccb"),
    ("#a87400", "#f0b94a"),
    ("#6a51a3", "#b49bf0"),
    ("#1489a0", "#5fd0e6"),
    ("#8a5a44", "#cf9f86"),
    ("#6b7a00", "#bccb4a"),
    ("#c2274b", "#ff8aa5"),
)
SIMPLE_COLOURS = (
    ("#4d5866", "#c3ccd8"),
    ("#8d7b57", "#cbb88f"),
    ("#5d7d6c", "#9cc2ae"),
    ("#8c6f80", "#cda9bf"),
    ("#868d97", "#969fab"),
    ("#5f6f8f", "#a3b5d8"),
    ("#9a5f55", "#d9a79d"),
    ("#3f7784", "#8ec4d0"),
)
DASHES: tuple[Any, ...] = ((5, 2), (1.5, 1.5), (6, 2, 1.5, 2), (3, 1.5), (8, 2), (1, 2.5))
NEURAL_MARKERS, SIMPLE_MARKERS = "oDs^vP", "xd+1*234"
INK, MUTED, GRID = ("#1b1f24", "#eceff3"), ("#5b6470", "#a3acb8"), ("#e2e6ea", "#30363f")
FADED = ("#b2b9c2", "#59626e")
FLOOR_DASH = (0, (1, 1.2))
ACCENT = "#d1540a"
THEMED = (*NEURAL_COLOURS, *SIMPLE_COLOURS, INK, MUTED, GRID, FADED)  # every colour that follows the page's theme
SIGNED_SHARE = 0.2  # a range that reaches this far below zero, as a share of its top, counts as signed


@dataclass(frozen=True)
class MethodStyle:
    """How one method in one variant is drawn.

    Attributes:
        name: of the method, by which the page brings it out.
        colour: in force.
        dash: a matplotlib line style.
        marker: of points.
        own: colour that the method has while the reader points at it.
    """

    name: str
    colour: str
    dash: Any
    marker: str
    own: str

    @property
    def faded(self) -> "MethodStyle":
        """The same in grey."""
        return replace(self, colour=FADED[0])

    @property
    def strong(self) -> bool:
        """Whether it stands in front of the grey ones."""
        return self.colour == self.own

    @property
    def ink(self) -> str:
        """Colour of the method's name."""
        return INK[0] if self.strong else MUTED[0]

    @property
    def width(self) -> float:
        """Width of the method's lines, in points."""
        return 1.8 if self.strong else 1.0


def own_look(colour: str, dash: Any = "solid", marker: str = "o", name: str = "") -> MethodStyle:
    """Make the look of something that keeps its colour and, without a name, is not brought out by the page."""
    return MethodStyle(name, colour, dash, marker, colour)


FAINT = own_look(INK[0], marker="").faded  # of what stands behind


def styles(datasets: Iterable[DatasetContent]) -> dict[str, MethodStyle]:
    """Choose the look of every label in the report: LaDID first, then by name, so that it never depends on results."""
    entries = {entry.label: entry for dataset in datasets for entry in dataset.entries}
    methods: dict[bool, list[str]] = {True: [], False: []}
    for entry in sorted(entries.values(), key=lambda entry: (entry.method != LADID, entry.method)):
        if not entry.floor and entry.method not in methods[entry.neural]:
            methods[entry.neural].append(entry.method)
    return {label: _look(entry, methods[entry.neural], entries) for label, entry in sorted(entries.items())}


def styles_on(dataset: DatasetContent, style: dict[str, MethodStyle]) -> dict[str, MethodStyle]:
    """Choose the styles on one data set: where methods are many, what does not stand in front is grey."""
    if not dataset.crowded:
        return style
    front = {entry.label for entry in [*dataset.front, *dataset.floors]}
    return {label: look if label in front else look.faded for label, look in style.items()}


def _look(entry: Entry, methods: list[str], entries: dict[str, Entry]) -> MethodStyle:
    """Methods differ in colour; variants of one neural method, and methods that share a hue, in their dashes."""
    if entry.floor:
        return own_look(INK[0], FLOOR_DASH, "_", entry.label)
    index = methods.index(entry.method)
    siblings = sorted(label for label, other in entries.items() if other.method == entry.method)
    version = siblings.index(entry.label)
    hues, markers = (NEURAL_COLOURS, NEURAL_MARKERS) if entry.neural else (SIMPLE_COLOURS, SIMPLE_MARKERS)
    hue, turn = index % len(hues), version + index + 1
    if entry.neural:  # LaDID's hue is its own
        hue = 1 + (index - 1) % (len(hues) - 1) if index else 0
        turn = version + (index - hue) // (len(hues) - 1)
    colour = hues[hue][0]
    dash = "solid" if turn == 0 else (0, DASHES[(turn - 1) % len(DASHES)])
    return own_look(colour, dash, markers[index % len(markers)], entry.label)


def own_colours(style: dict[str, MethodStyle]) -> list[tuple[str, str]]:
    """List the style sheet's variable with each method's own colour, by what the page calls the method."""
    return [(slug(label), variable(look.own)) for label, look in style.items()]


def variable(colour: str) -> str:
    """Name the style sheet's variable that holds ``colour`` in the theme in force."""
    return f"--c{colour.removeprefix('#')}"


def theme(dark: bool) -> str:
    """Declare all colour variables for the light or the dark theme."""
    return "".join(f"{variable(pair[0])}:{pair[dark]};" for pair in THEMED)


def signed(task: dict[str, Any]) -> bool:
    """Say whether the values of a task have a sign that matters, rather than a background at or near zero."""
    return bool(task["low"][0] < -SIGNED_SHARE * abs(task["high"][0]))


def frame_colours(card: dict[str, Any]) -> np.ndarray:
    """Choose the colours of the levels 0 to 255 of a data set's frames, uint8 ``(256, 3)``.

    Values with a sign get a diverging map with zero in its middle; others grey where they are
    brightness that we drew ourselves, and a sequential map where they were measured.
    """
    task = card["task"]
    if not signed(task):
        return _sampled("gray" if card["origin"] == "simulated" else "mako", np.linspace(0, 1, 256))
    low, high = task["low"][0], task["high"][0]
    largest = max(abs(low), abs(high))
    values = np.linspace(low, high, 256)
    return _sampled("icefire", 0.5 + 0.5 * values / largest)


def difference_colours() -> np.ndarray:
    """Sample the colours of absolute differences from 0 to the whole range, uint8 ``(256, 3)``."""
    return _sampled("rocket", np.linspace(0, 1, 256))


def _sampled(name: str, positions: np.ndarray) -> np.ndarray:
    return (seaborn.color_palette(name, as_cmap=True)(positions)[:, :3] * 255).round().astype(np.uint8)
