"""Films and strips for slides, beside the page: on a white card, so that they read on any background.

A report writes animated WebP, small and exact; 'show' writes GIF, which every presentation program plays.
"""

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ladid_bench.analysis.entries import DatasetContent
from ladid_bench.analysis.pictures import Pictures
from ladid_bench.reporting.formatting import MINUS, slug
from ladid_bench.reporting.media import TILE, Film, error_title, truth_film
from ladid_bench.reporting.palette import ACCENT, GRID, INK, MUTED, difference_colours, frame_colours

GAP, MARGIN, LINE, BAR = 10, 14, 16, 4  # pixels; LINE is the height of a line of words, BAR that of the time bar
PANEL, WIDE_PANEL = 128, 224  # pixels of a picture's side in a report's film, and in that of 'show'
LABELS = 130  # pixels at the left of a strip
CARD = "#ffffff"


def write_forecasts(folder: Path, dataset: DatasetContent, pictures: Pictures) -> None:
    """Write the files for slides of a data set.

    ``<dataset>-strip.png`` has the forecasts of all methods, ``<dataset>-<method>.webp`` a method's beside truth and
    difference, for those that figures draw in colour: a film of each method would be half of what a study keeps.
    """
    folder.mkdir(parents=True, exist_ok=True)
    film, colours = truth_film(dataset, pictures), frame_colours(dataset.card)
    for label in (entry.label for entry in dataset.front if entry.label in pictures.forecasts):
        answer, difference = colours[pictures.forecasts[label]], difference_colours()[pictures.difference(label)]
        panels = {"truth": colours[film.levels], "forecast": answer, "difference": difference}
        heads = (f"{dataset.title}, {label}", error_title(dataset, pictures, label))
        frames = _frames(heads, panels, film, PANEL)
        # a third of the time of more effort, for files larger by two fifths
        _save(folder / f"{dataset.name}-{slug(label)}.webp", frames, film, lossless=True, method=1, quality=0)
    _strip(dataset, pictures).save(folder / f"{dataset.name}-strip.png", optimize=True)


def write_gif(path: Path, title: str, films: Sequence[Film], colours: np.ndarray) -> None:
    """Write trajectories of images side by side as an animated GIF.

    Args:
        path: of the file.
        title: a line above the pictures.
        films: of one shape and length.
        colours: uint8 ``(256, 3)``, of the levels.
    """
    panels = {film.label: colours[film.levels] for film in films}
    frames = _frames((title, ""), panels, films[0], WIDE_PANEL)
    _save(path, [frame.quantize(dither=Image.Dither.NONE) for frame in frames], films[0], disposal=1)


def _save(path: Path, frames: list[Image.Image], film: Film, **options: int) -> None:
    duration = round(100 * film.seconds / len(frames)) * 10  # GIF counts hundredths of a second
    buffer = io.BytesIO()
    frames[0].save(
        buffer, path.suffix[1:].upper(), save_all=True, append_images=frames[1:], duration=duration, loop=0, **options
    )
    path.write_bytes(buffer.getvalue())


def _frames(heads: tuple[str, str], panels: dict[str, np.ndarray], film: Film, side: int) -> list[Image.Image]:
    """Draw all frames: panels of colours ``(frame, height, width, 3)``, shorter ones without the context, and a bar."""
    height = round(side * film.levels.shape[1] / film.levels.shape[2])
    width, top = len(panels) * (side + GAP) - GAP + 2 * MARGIN, MARGIN + 2 * LINE + 6
    lefts = [MARGIN + place * (side + GAP) for place in range(len(panels))]
    # what all frames have is drawn once
    card = Image.new("RGB", (width, top + height + 2 * LINE + MARGIN + 6), CARD)
    draw = ImageDraw.Draw(card)
    _write(draw, (MARGIN, MARGIN), heads[0], INK[0])
    _write(draw, (width - MARGIN, MARGIN), heads[1], MUTED[0], "ra")
    for left, name in zip(lefts, panels, strict=True):
        _write(draw, (left, top - LINE - 2), name, MUTED[0])
        draw.rectangle((left, top, left + side - 1, top + height - 1), outline=GRID[0])
        _write(draw, (left + side // 2, top + height // 2), "context", MUTED[0], "mm")
    made = []
    for index in range(film.frames):
        made.append(card.copy())
        for left, frames in zip(lefts, panels.values(), strict=True):
            if (own := index - film.frames + len(frames)) >= 0:
                made[-1].paste(_enlarged(frames[own], (side, height)), (left, top))
        _bar(ImageDraw.Draw(made[-1]), film, index, (MARGIN, top + height + 8, width - MARGIN))
    return made


def _enlarged(tile: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """Enlarge a tile, its own pixels kept sharp."""
    return Image.fromarray(tile).resize(size, Image.Resampling.NEAREST)


def _bar(draw: ImageDraw.ImageDraw, film: Film, index: int, place: tuple[int, int, int]) -> None:
    """Draw the time bar: what is given in grey, the forecast in colour, filled as far as the frame shown."""
    left, top, right = place
    seam, now = (left + (right - left) * frames // film.frames for frames in (film.given, index + 1))
    draw.rectangle((left, top, right, top + BAR - 1), fill=GRID[0])
    draw.rectangle((left, top, max(left, min(now, seam)), top + BAR - 1), fill=MUTED[0])
    if now > seam:
        draw.rectangle((seam, top, now, top + BAR - 1), fill=ACCENT)
    role = "" if not film.given else "forecast" if index >= film.given else "context"
    _write(draw, (left, top + 8), role, ACCENT if index >= film.given else MUTED[0])
    _write(draw, (right, top + 8), film.times[index], MUTED[0], "ra")


def _write(draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, colour: str, anchor: str = "la") -> None:
    hyphenated = text.replace(MINUS, "-")  # the font has no minus sign
    draw.text(place, hyphenated, fill=colour, anchor=anchor, font=_font())


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(LINE - 4)


def _strip(dataset: DatasetContent, pictures: Pictures) -> Image.Image:
    """Draw the truth above the forecast of every method, a column a lead time."""
    film, colours = truth_film(dataset, pictures), frame_colours(dataset.card)
    columns = film.stills(film.given)
    rows, step = {"truth": pictures.truth[film.given :], **pictures.forecasts}, TILE + 4
    size = (2 * MARGIN + LABELS + step * len(columns), 2 * MARGIN + LINE + 6 + step * len(rows))
    canvas = Image.new("RGB", size, CARD)
    draw = ImageDraw.Draw(canvas)
    _write(draw, (MARGIN, MARGIN), "lead time", MUTED[0])
    for place, column in enumerate(columns):
        across = MARGIN + LABELS + place * step
        _write(draw, (across + TILE // 2, MARGIN), film.times[column], MUTED[0], "ma")
        for row, levels in enumerate(rows.values()):
            tile = _enlarged(colours[levels[column - film.given]], (TILE, TILE))
            canvas.paste(tile, (across, MARGIN + LINE + 6 + row * step))
    for row, label in enumerate(rows):
        _write(draw, (MARGIN, MARGIN + LINE + 6 + row * step + TILE // 2), label, INK[0], "lm")
    return canvas
