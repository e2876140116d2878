"""Colours, dashes and markers: one look a method, the same in every figure and table of a report.

Hues follow Okabe and Ito's palette for colour-blind readers, darkened where they would vanish on
white; neural methods have bright hues and solid lines, simple ones greyish tints and dashes, so that the two
kinds stay apart in greyscale too. Every colour has a second value for dark backgrounds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import seaborn

from ladid_bench.reporting.content import DatasetContent, Entry

NEURAL = (
    ("#d1540a", "#ff8f4a"),
    ("#0b6cb3", "#55aef0"),
    ("#00805a", "#35c79b"),
    ("#b4548f", "#ea9ccb"),
    ("#a87400", "#f0b94a"),
    ("#6a51a3", "#b49bf0"),
    ("#1489a0", "#5fd0e6"),
    ("#8a5a44", "#cf9f86"),
)
SIMPLE = (
    ("#4d5866", "#c3ccd8"),
    ("#8d7b57", "#cbb88f"),
    ("#5d7d6c", "#9cc2ae"),
    ("#8c6f80", "#cda9bf"),
    ("#868d97", "#969fab"),
    ("#5f6f8f", "#a3b5d8"),
)
DASHES: tuple[Any, ...] = ((5, 2), (1.5, 1.5), (6, 2, 1.5, 2), (3, 1.5), (8, 2), (1, 2.5))
NEURAL_MARKERS, SIMPLE_MARKERS = "oDs^vP", "xd+1*2"
INK, MUTED, GRID = ("#1b1f24", "#eceff3"), ("#5b6470", "#a3acb8"), ("#e2e6ea", "#30363f")
ACCENT = "#d1540a"
SIGNED_SHARE = 0.2  # a range that reaches this far below zero, as a share of its top, counts as signed


@dataclass(frozen=True)
class Look:
    """How one method in one variant is drawn. ``dash`` is a matplotlib line style."""

    colour: str
    dash: Any
    marker: str


def looks(datasets: Iterable[DatasetContent]) -> dict[str, Look]:
    """The look of every label in the report: LaDID first, then by name, so that it never depends on results."""
    entries = {entry.label: entry for dataset in datasets for entry in dataset.entries}
    methods: dict[bool, list[str]] = {True: [], False: []}
    for entry in sorted(entries.values(), key=lambda entry: (entry.method != "ladid", entry.method)):
        if entry.method not in methods[entry.neural]:
            methods[entry.neural].append(entry.method)
    return {label: _look(entry, methods[entry.neural], entries) for label, entry in sorted(entries.items())}


def _look(entry: Entry, methods: list[str], entries: dict[str, Entry]) -> Look:
    """Methods differ in colour; neural variants of one method differ in their dashes."""
    index = methods.index(entry.method)
    siblings = sorted(label for label, other in entries.items() if other.method == entry.method)
    version = siblings.index(entry.label)
    if entry.neural:
        dash = "solid" if version == 0 else (0, DASHES[(version - 1) % len(DASHES)])
        return Look(NEURAL[index % len(NEURAL)][0], dash, NEURAL_MARKERS[index % len(NEURAL_MARKERS)])
    dash = (0, DASHES[(index + version) % len(DASHES)])
    return Look(SIMPLE[index % len(SIMPLE)][0], dash, SIMPLE_MARKERS[index % len(SIMPLE_MARKERS)])


def variable(colour: str) -> str:
    """Name of the style sheet's variable that holds ``colour`` in the theme in force."""
    return f"--c{colour.removeprefix('#')}"


def theme(dark: bool) -> str:
    """Declarations of all colour variables for the light or the dark theme."""
    pairs = (*NEURAL, *SIMPLE, INK, MUTED, GRID)
    return "".join(f"{variable(pair[0])}:{pair[dark]};" for pair in pairs)


def signed(task: dict[str, Any]) -> bool:
    """Whether the values of a task have a sign that matters, rather than a background at or near zero."""
    return bool(task["low"] < -SIGNED_SHARE * abs(task["high"]))


def frame_colours(card: dict[str, Any]) -> np.ndarray:
    """Colours of the levels 0 to 255 of a data set's frames, uint8 ``(256, 3)``.

    Values with a sign get a diverging map with zero in its middle; others grey where they are
    brightness that we drew ourselves, and a sequential map where they were measured.
    """
    task = card["task"]
    if not signed(task):
        return _sampled("gray" if card["origin"] == "simulated" else "mako", np.linspace(0, 1, 256))
    largest = max(abs(task["low"]), abs(task["high"]))
    values = np.linspace(task["low"], task["high"], 256)
    return _sampled("icefire", 0.5 + 0.5 * values / largest)


def difference_colours() -> np.ndarray:
    """Colours of absolute differences from 0 to the whole range, uint8 ``(256, 3)``."""
    return _sampled("rocket", np.linspace(0, 1, 256))


def _sampled(name: str, positions: np.ndarray) -> np.ndarray:
    return (seaborn.color_palette(name, as_cmap=True)(positions)[:, :3] * 255).round().astype(np.uint8)
