"""Recordings from folders of pictures and from videos."""

import importlib.util
import re
import warnings
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from natsort import natsorted, ns
from PIL import Image, ImageOps

from ladid_bench.core.errors import BenchError
from ladid_bench.core.readers import one_line
from ladid_bench.datasets.user.recordings import Clock, Reading, Recording, check_size
from ladid_bench.datasets.user.resampling import shrink

PICTURES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF"}
MOVIES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".gif")
FULL_SCALE = {"L": 255.0, "RGB": 255.0, "I;16": 65535.0, "I;16B": 65535.0, "I": 65535.0, "F": 1.0}
PLAIN = {"1": "L", "P": "RGB", "PA": "RGB", "LA": "L", "RGBA": "RGB", "CMYK": "RGB", "YCbCr": "RGB"}
TRANSPARENT = ("RGBA", "LA")
# A hyphen before a number is its sign, but not after a digit (2026-11-28), and after a letter only if some names have
# none there (t-1, t0, t1; but frame-1, frame-2); in an exponent it always is.
AFTER_DIGIT = re.compile(r"(?<=\d)-(?=\d)")
AFTER_LETTER = re.compile(r"(?<![0-9.][eE])(?<=[A-Za-z])-(?=\.?\d)")
SEPARATOR = re.compile(f"{AFTER_DIGIT.pattern}|{AFTER_LETTER.pattern}")
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
# dates whose day or month stands before the year, or whose months have one digit or two after a point: 1.10 is not 1.1
DISORDERLY = re.compile(r"(?<!\d)(?!\d{4}\.\d\d\.\d\d(?!\d))\d+\.\d+\.\d+|(?<!\d)\d\d?[-_]\d\d?[-_](?:19|20)\d\d(?!\d)")
# 20261128, 202611281403, 20261128140305 and parts of a second behind it; a time of day may be a number of its own
COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(?:(\d\d)(\d{1,6})?)?)?")
OF_DAY = re.compile(r"(\d\d)(\d\d)(\d\d)?")
SPLIT = re.compile(r"train(ing)?|val(id(ation)?)?|dev|test(ing)?", re.IGNORECASE)
VIEW = re.compile(
    r"((images?|imgs?|rgb|colou?rs?|frames|masks?|labels?|annotations?|seg(mentations?)?|depths?|flows?|left|right)"
    r"|cam(era)?[-_ ]?\w)",
    re.IGNORECASE,
)
NO_RECORDINGS = (  # what the names of all folders may say that they are, and what to do then
    (SPLIT, "splits", "give them with --valid and --test"),
    (VIEW, "views of the same moments", "import one of them"),
)
ORIENTATION, ON_ITS_SIDE = 0x0112, (5, 6, 7, 8)  # the tag of EXIF, and its values for pictures that are turned
SHORT, DURATION = 0.9, 2  # share of a video that has to be there, and seconds below which that is not looked at
UNEVEN = 1.5  # times the usual step
JITTER = 0.05  # of a frame: time stamps of a video are rounded, and nearer than this to even spacing are even


def read_folder(folder: Path, reading: Reading) -> list[Recording]:
    """Read a folder of pictures as one recording, a folder of such folders as one recording each.

    Raises:
        BenchError: options of arrays are given, or there are no pictures, or pictures beside folders of them, or they
            are damaged, of several sizes, or too many.
    """
    if reading.keys or reading.times or reading.layout:
        raise BenchError(f"{folder}: --key, --times and --layout are for files of arrays, not for folders of pictures")
    inner = [path for path in _natural(folder) if path.is_dir() and picture_files(path)]
    flat = picture_files(folder)
    if inner and flat:
        raise BenchError(f"{folder}: has pictures and folders of pictures; give one or the other")
    for pattern, kind, remedy in NO_RECORDINGS:
        if len(inner) > 1 and all(pattern.fullmatch(path.name) for path in inner):
            names = ", ".join(path.name for path in inner)
            raise BenchError(f"{folder}: its folders are named as {kind} ({names}); {remedy}")
    if not inner and not flat:
        raise BenchError(f"{folder}: has no pictures ({', '.join(PICTURES)}), and no folders with pictures in them")
    return [_sequence(path, reading) for path in inner or [folder]]


def picture_files(folder: Path) -> list[Path]:
    """List the pictures in a folder in the order of the numbers in their names: real ones, with signs and exponents."""
    named = [path for path in _natural(folder) if path.suffix.lower() in PICTURES]
    for path in named:
        if path.is_symlink() and not path.exists():
            raise BenchError(f"{path}: a link to a missing file; get it first, or remove the link")
    return [path for path in named if path.is_file()]


def step_of_names(folder: Path) -> str:
    """Find the step of the dates, or of the one number, that tell the pictures apart; empty if it counts or is uneven.

    Returns:
        The step in words, of dates in seconds.
    """
    stems = [path.stem for path in picture_files(folder)]
    moments = {_date(re.findall(r"\d+", stem)) for stem in stems}
    if "" not in moments and len(moments) == len(stems) > 1:
        return _step(np.array(list(moments), dtype="datetime64[us]").astype(np.float64) / 1e6, " s")
    columns = [set(column) for column in zip(*map(NUMBER.findall, stems), strict=False)]
    varying = [np.array(list(column), dtype=np.float64) for column in columns if len(column) > 1]
    return _step(varying[0], "") if len(varying) == 1 else ""


def _step(values: np.ndarray, unit: str) -> str:
    steps = np.diff(np.sort(values))
    even = bool(np.allclose(steps, steps[0], rtol=1e-3)) and (unit or steps[0] != 1)
    return f"{steps.mean():.6g}{unit}" if even else ""


def _natural(folder: Path) -> list[Path]:
    found = [path for path in folder.iterdir() if not path.name.startswith(".")]
    stems = {path: path.stem if path.is_file() else path.name for path in found}
    after_letters = {bool(AFTER_LETTER.search(stem)) for stem in stems.values()}
    separators = AFTER_DIGIT if len(after_letters) == 2 else SEPARATOR
    return natsorted(found, key=lambda path: separators.sub("_", stems[path]), alg=ns.REAL)


def _sequence(folder: Path, reading: Reading) -> Recording:
    paths = picture_files(folder)
    _check_names([path.stem for path in paths], folder)
    frames: list[np.ndarray] = []
    size, kind = None, 0.0  # of the first picture: sides, and full scale
    for path in paths:
        with _opened(path) as picture:
            size, kind = size or _turned_size(picture), kind or FULL_SCALE.get(picture.mode, 0.0)
            if kind != FULL_SCALE.get(picture.mode, kind):
                raise BenchError(f"{path}: has other bits per pixel than {paths[0].name}; save all in one format")
            if _turned_size(picture) != size:
                raise BenchError(
                    f"{path}: is {picture.width} x {picture.height} pixels, {paths[0].name} is "
                    f"{size[0]} x {size[1]}; all pictures must have the same size"
                )
            if not frames:
                _check_budget(len(paths), size, reading, str(folder))
            frames.append(_values(picture, reading, path))
        if frames[-1].shape != frames[0].shape:
            raise BenchError(f"{path}: its channels differ from {paths[0].name}; convert them, or use --grayscale")
    return Recording(str(folder), np.stack(frames))


def _check_names(stems: list[str], folder: Path) -> None:
    """Refuse pictures whose names say that they are no evenly spaced frames of one recording, in this order."""
    kinds = list(dict.fromkeys(NUMBER.sub("#", stem) for stem in stems))
    if len(kinds) > 1:
        raise BenchError(
            f"{folder}: the names of the pictures differ in more than numbers ('{kinds[0]}', '{kinds[1]}'), so they "
            "are several recordings or have no clear order; put each recording into its own folder"
        )
    dates = {found[0] for stem in stems if (found := DISORDERLY.search(stem))}
    if len(dates) > 1:
        raise BenchError(
            f"{folder}: dates such as '{min(dates)}' in the names of the pictures do not sort as numbers; rename "
            "them with the year first and two digits for month and day, as 2026-03-09"
        )
    columns = [column for column in zip(*map(NUMBER.findall, stems), strict=False) if len(set(column)) > 1]
    for column in columns[1:]:
        padded = [number for number in column if re.match(r"0\d", number)]
        if padded and len({len(number) for number in column}) > 1:
            shorter = min(column, key=len)
            raise BenchError(
                f"{folder}: '{padded[0]}' and '{shorter}' in the names of the pictures look like decimals without a "
                "point, which do not sort as whole numbers; write the point"
            )
    if len(stems) > 2:
        _check_order(stems, columns, folder)


def _check_order(stems: Sequence[str], columns: Sequence[Sequence[str]], folder: Path) -> None:
    """Refuse gaps in the numbers or dates that count the pictures, and names in which nothing counts them."""
    moments = [_date(re.findall(r"\d+", stem)) for stem in stems]
    if all(moments) and len(set(moments)) == len(moments):
        _check_even(np.array(moments, dtype="datetime64[us]").astype(np.float64), stems, folder)
        return
    numbers = [np.array(column, dtype=np.float64) for column in columns]
    counting = [one for one in numbers if len(numbers) == 1 or (np.diff(one) > 0).all()]
    counted_by_day = all(moments) and len(set(moments)) > 1
    if numbers and not counting and not counted_by_day:
        place = int(np.argmax(np.diff(numbers[-1]) <= 0))
        raise BenchError(
            f"{folder}: no number in the names of the pictures grows from each to the next ('{stems[place]}', "
            f"'{stems[place + 1]}'), so they are several recordings, slices or channels; put each recording into its "
            "own folder, and slices or channels into one array"
        )
    for one in counting:
        _check_even(one, stems, folder)


def _date(numbers: Sequence[str]) -> str:
    """The date and time that numbers in a name say, year first, as ISO 8601; empty where they say none."""
    for place, first in enumerate(numbers):
        if compact := COMPACT.fullmatch(first):
            of_day = OF_DAY.fullmatch(numbers[place + 1]) if place + 1 < len(numbers) and not compact[4] else None
            parts = [part for part in (*compact.groups()[:6], *(of_day.groups() if of_day else ())) if part]
            parts += [compact[7].ljust(6, "0")] if compact[7] else []
        else:
            parts = [first, *takewhile(lambda part: len(part) == 2, numbers[place + 1 : place + 6])]
            if len(first) != 4 or len(parts) < 3:
                continue
        with suppress(ValueError):
            return datetime(*map(int, parts)).isoformat()  # type: ignore[arg-type]
    if len(numbers) > 2 and all(len(number) == 2 for number in numbers[-3:]):  # hours, minutes, seconds
        with suppress(ValueError):
            return datetime(*map(int, ("2000", "1", "1", *numbers[-3:]))).isoformat()  # type: ignore[arg-type]
    return ""


def _check_even(values: np.ndarray, stems: Sequence[str], folder: Path) -> None:
    steps = np.abs(np.diff(values))  # a hyphen before the number may be none of its signs
    uneven = np.flatnonzero((steps > UNEVEN * np.median(steps)) | (steps < np.median(steps) / UNEVEN))
    if len(uneven):
        raise BenchError(
            f"{folder}: the numbers of the pictures are not evenly spaced, at first from {stems[uneven[0]]} to "
            f"{stems[uneven[0] + 1]}; put each stretch without a gap into its own folder, or renumber them"
        )


def _opened(path: Path) -> Image.Image:
    """A picture whose header has been read and whose pixels have not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(path, formats=[PICTURES[path.suffix.lower()]])
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BenchError(f"{path}: not a readable picture ({one_line(error, 200)})") from error
    if getattr(picture, "n_frames", 1) > 1:
        raise BenchError(f"{path}: holds several pictures; split it into one file per frame")
    return picture


def _turned_size(picture: Image.Image) -> tuple[int, int]:
    """Width and height as the camera says that the picture is to be seen."""
    turned = picture.format == "JPEG" and picture.getexif().get(ORIENTATION, 1) in ON_ITS_SIDE
    return picture.size[::-1] if turned else picture.size


def _check_budget(count: int, size: tuple[int, int], reading: Reading, where: str) -> None:
    """Refuse more frames than memory holds, at the size at which they are kept."""
    largest = reading.image_size or max(size)
    channels = 1 if reading.grayscale else 3
    check_size(count * channels * min(size[0], largest) * min(size[1], largest), where)


def _values(picture: Image.Image, reading: Reading, path: Path) -> np.ndarray:
    """Pixels ``(channel, height, width)`` as a fraction of full scale."""
    try:
        _check_depth(picture, path)
        picture = ImageOps.exif_transpose(picture) if picture.format == "JPEG" else picture  # Pillow turns TIFF
        clear = picture.mode in TRANSPARENT or "transparency" in picture.info
        if clear and np.asarray(picture.convert("RGBA").getchannel("A")).min() < 255:
            raise BenchError(f"{path}: has transparent pixels, whose colour depends on the background; flatten it")
        plain = picture.convert(PLAIN[picture.mode]) if picture.mode in PLAIN else picture
        if plain.mode not in FULL_SCALE:
            raise BenchError(f"{path}: pictures of mode '{plain.mode}' are not supported; convert it to RGB or grey")
        scale = FULL_SCALE[plain.mode]
        if reading.grayscale and plain.mode == "RGB":
            plain = plain.convert("L")
        values = np.asarray(plain, dtype=np.float32) / np.float32(scale)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise BenchError(f"{path}: not a readable picture ({one_line(error, 200)})") from error
    return _shaped(values, reading)


def _check_depth(picture: Image.Image, path: Path) -> None:
    """Refuse a picture of which Pillow would drop bits, or whose whole numbers have no full scale that is known."""
    wide = picture.mode == "RGB" and any("16" in str(one[3]) for one in getattr(picture, "tile", ()))
    low, high = np.array(picture.getextrema() if picture.mode == "I" else (0, 0)).tolist()
    if wide or low < 0 or high > FULL_SCALE["I"]:
        kind = "16 bits per colour" if wide else f"whole numbers from {low} to {high}, beyond 16 bits"
        raise BenchError(f"{path}: has {kind}; save it as 16-bit grey, as floats, or as an array (.npy)")


def _shaped(values: np.ndarray, reading: Reading) -> np.ndarray:
    """``(height, width)`` or ``(height, width, channel)`` to ``(channel, height, width)``, shrunk if asked for."""
    picture = values[None] if values.ndim == 2 else np.moveaxis(values, -1, 0)
    return shrink(picture, reading.image_size) if reading.image_size else picture


def read_video(path: Path, reading: Reading) -> list[Recording]:
    """Read the first video stream of a file, with its time stamps in seconds.

    Raises:
        BenchError: options of arrays are given, the extra ``video`` is not installed, or the file is no video or too
            long.
    """
    if reading.keys or reading.times or reading.layout:
        raise BenchError(f"{path}: --key, --times and --layout are for files of arrays, not for videos")
    if importlib.util.find_spec("av") is None:
        raise BenchError(
            f"{path}: reading videos needs the module 'av', which is not installed; pip install 'ladid-bench[video]'"
        )
    import av

    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise BenchError(f"{path}: contains no video")
            frames, stamps = _decoded(container, reading, path)
            _check_whole(container, stamps, path)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise BenchError(f"{path}: not a readable video ({one_line(error, 200)})") from error
    if not frames:
        raise BenchError(f"{path}: the video has no frames")
    return [Recording(str(path), np.stack(frames), _even(stamps), Clock("s"))]


def _decoded(container: Any, reading: Reading, path: Path) -> tuple[list[np.ndarray], list[float | None]]:
    frames: list[np.ndarray] = []
    stamps: list[float | None] = []
    for frame in container.decode(video=0):
        _check_budget(len(frames) + 1, (frame.width, frame.height), reading, str(path))
        if max(part.bits for part in frame.format.components) > 8:
            raise BenchError(f"{path}: has {frame.format.name}, more than 8 bits per colour; save frames as pictures")
        values = frame.to_ndarray(format="gray" if reading.grayscale else "rgb24").astype(np.float32) / np.float32(255)
        frames.append(_shaped(values, reading))
        if frames[-1].shape != frames[0].shape:
            raise BenchError(f"{path}: the picture size changes at frame {len(frames)}; cut the video there")
        stamps.append(frame.time)
    return frames, stamps


def _check_whole(container: Any, stamps: Sequence[float | None], path: Path) -> None:
    """Refuse a video that ends long before it says, as the last picture of a GIF and sound beside a video may."""
    announced = (container.duration or 0) / 1e6  # microseconds
    last = max((stamp for stamp in stamps if stamp is not None), default=announced)
    alone = len(container.streams) == 1 and container.format.name != "gif"
    if alone and announced > DURATION and last - (stamps[0] or 0.0) < SHORT * announced:
        raise BenchError(f"{path}: ends after {last:g} s of the {announced:g} s that it announces; is it complete?")


def _even(stamps: list[float | None]) -> np.ndarray | None:
    """Times ``(time,)``; the rounding of evenly spaced stamps is taken out. None where some are missing."""
    if len(stamps) < 2 or any(stamp is None for stamp in stamps):
        return None
    times = np.array(stamps, dtype=np.float64)
    even = np.linspace(times[0], times[-1], len(times))
    step = even[1] - even[0]
    return even if np.abs(times - even).max() <= JITTER * step else times
