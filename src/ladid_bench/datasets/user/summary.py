"""What an import understood, as text for a terminal: tables, splits, times, range, and a strip of a trajectory."""

from collections.abc import Sequence

import numpy as np

from ladid_bench.core.paths import SPLITS
from ladid_bench.core.spreading import end_to_end
from ladid_bench.data.task import task_of
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.datasets.user.dividing import given_and_asked
from ladid_bench.datasets.user.importing import Understood
from ladid_bench.datasets.user.reading import Found
from ladid_bench.datasets.user.request import Request
from ladid_bench.datasets.user.resampling import area_average
from ladid_bench.datasets.user.writing import time_unit, trajectories

SHADES = " .:-=+*#%@"
BARS = "▁▂▃▄▅▆▇█"
STRIP_FRAMES, STRIP_ROWS, STRIP_COLUMNS = 6, 8, 16  # of a strip of pictures, in letters
CURVES, CURVE_LETTERS = 4, 60  # of a strip of vectors
LOOKED_AT = 400  # training trajectories that the range is measured on, as many as a study takes ...
VALUES_LOOKED_AT = 2**25  # ... or fewer, so that this takes no more memory than the import itself
MOST_FOUND = 6
MOST_SAID = 4  # numbers of a list


def describe(request: Request, understood: Understood) -> str:
    """Describe all that was understood, for a reader who decides whether it is what was meant."""
    shape = understood.recordings[0].shape
    train = trajectories(understood, "train", _looked_at(understood.window * int(np.prod(shape))))
    given, asked = given_and_asked(understood.window, request.cutting)
    lines = [line for found in understood.found[:MOST_FOUND] for line in _table(found)]
    if len(understood.found) > MOST_FOUND:
        lines.append(f"and {len(understood.found) - MOST_FOUND} more files or arrays")
    lines += [
        "",
        f"trajectories of {understood.window} frames, {given} given and {asked} to forecast, of {_frame(shape)}",
    ]
    lines += [_split(understood, split) for split in SPLITS]
    lines += [f"  divided: {understood.divided}", f"  contents: {understood.compared}"]
    if understood.left_out:
        lines.append(f"  left out: {understood.left_out} stretches of fewer than {understood.window} frames")
    unit = request.described.get("time_unit") or time_unit(understood)
    lines += [f"times: {_times(train, unit)}", *_range(train, given, asked, request.name)]
    lines += [f"note: {note}" for note in understood.notes]
    return "\n".join([*lines, "", *_strip(train)])


def _looked_at(values: int) -> int:
    """How many trajectories of so many values the range is measured on."""
    return max(1, min(LOOKED_AT, VALUES_LOOKED_AT // values))


def _table(found: Found) -> list[str]:
    """Axis, length, meaning and why, a line each."""
    alike = f", and {found.count - 1} more read the same way" if found.count > 1 else ""
    times = f"; times: {found.times or 'none in the file, counted in frames'}"
    if not found.axes:
        return [f"{found.name} ({found.dtype}){alike}{times}"]
    shape = " x ".join(str(axis.length) for axis in found.axes)
    columns = f"; {found.columns}" if found.columns else ""
    head = f"{found.name} ({shape}, {found.dtype}){alike}{columns}{times}"
    rows = [(str(place), str(axis.length), axis.meaning, axis.why) for place, axis in enumerate(found.axes)]
    return [head, *(f"  {a:<5}{b:<9}{c:<12}{d}" for a, b, c, d in [("axis", "length", "meaning", "why"), *rows])]


def _frame(shape: Sequence[int]) -> str:
    if len(shape) == 2:
        return f"{shape[1]} features"
    return f"{shape[1]} x {shape[2]} pixels" + f", {shape[0]} channels" * (shape[0] > 1)


def _split(understood: Understood, split: str) -> str:
    groups = len(understood.groups_of(split))
    return f"  {split:<7}{understood.trajectories[split]:>7} trajectories of {groups} group{'s' * (groups > 1)}"


def _times(train: Trajectories, unit: str) -> str:
    gaps = np.diff(train.times, axis=1)
    step, shortest, longest = float(np.median(gaps)), float(gaps.min()), float(gaps.max())
    even = "" if np.isclose(shortest, longest, rtol=1e-3) else f", from {shortest:g} to {longest:g}"
    return f"from {train.times.min():g} to {train.times.max():g} {unit or '(no unit given)'}, steps of {step:g}{even}"


def _range(train: Trajectories, given: int, asked: int, name: str) -> list[str]:
    """The ranges that neural methods map to 0 and 1, what they lose by not reaching beyond, and what is constant."""
    variables = task_of(train, name, given, asked).variables
    ranges = ", ".join(f"{one.low:.6g} to {one.high:.6g}" for one in variables[:MOST_SAID])
    more = ", ..." * (len(variables) > MOST_SAID)
    constant = [str(place) for place, one in enumerate(variables) if one.constant]
    told = [
        f"range: {ranges}{more} for the neural methods, from {len(train)} training trajectories; values beyond it "
        f"carry at most {max(one.clipping_loss for one in variables):.1%} of the variance of a channel or feature"
    ]
    if constant:
        told.append(f"constant, and left out of the errors: channel or feature {', '.join(constant)} (counted from 0)")
    return told


def _strip(train: Trajectories) -> list[str]:
    """The first training trajectory in letters: some frames side by side, or a curve a feature."""
    frames = train.frames[0, :, 0]
    return _pictures(frames) if frames.ndim == 3 else _curves(frames)


def _pictures(frames: np.ndarray) -> list[str]:
    kept = end_to_end(len(frames), STRIP_FRAMES)
    height, width = frames.shape[1:]
    columns = min(STRIP_COLUMNS, width)
    rows = min(STRIP_ROWS, max(1, round(columns * height / width / 2)), height)  # letters are twice as high as wide
    shades = _scaled(area_average(frames[kept], rows, columns), len(SHADES))
    lines = ["  ".join("".join(SHADES[shade] for shade in row) for row in shades[:, line]) for line in range(rows)]
    return ["  ".join(f"frame {number}".ljust(columns) for number in kept), *lines]


def _curves(frames: np.ndarray) -> list[str]:
    kept = end_to_end(len(frames), CURVE_LETTERS)
    lines = [
        f"feature {feature}  {''.join(BARS[level] for level in _scaled(frames[kept, feature], len(BARS)))}"
        for feature in range(min(CURVES, frames.shape[1]))
    ]
    return [f"frames {kept[0]} to {kept[-1]} of the first training trajectory", *lines]


def _scaled(values: np.ndarray, levels: int) -> np.ndarray:
    """Whole numbers from 0 to before ``levels``."""
    low, high = float(values.min()), float(values.max())
    return np.clip((values - low) / max(high - low, np.finfo(float).tiny) * levels, 0, levels - 1).astype(int)
