"""Files for slides: an animated WebP a method, truth beside forecast, and a strip a data set.

All are drawn on a white card, so that they read on any background.
"""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ladid_bench.reporting.content import DatasetContent
from ladid_bench.reporting.palette import ACCENT, GRID, INK, MUTED, difference_colours, frame_colours
from ladid_bench.reporting.pictures import Pictures

PANEL, GAP, MARGIN, TEXT = 128, 10, 14, 15  # pixels; TEXT is the height of a line of words
TILE, LABELS = 96, 130
CARD = "#ffffff"
GIVEN = MUTED[0]
PANELS = ("truth", "forecast", "difference")


def write_animations(
    folder: Path, dataset: DatasetContent, pictures: Pictures, methods: dict[str, tuple[str, str]]
) -> None:
    """Write ``<dataset>-<method>.webp`` for every method and ``<dataset>-strip.png``.

    Args:
        folder: where to.
        dataset: whose pictures they are.
        pictures: images of one trajectory.
        methods: by label, the name in the file and the error as text.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for label in pictures.forecasts:
        name, error = methods[label]
        frames = [_frame(dataset, pictures, label, error, index) for index in range(len(pictures.truth))]
        (folder / f"{dataset.name}-{name}.webp").write_bytes(_animated(frames, pictures.seconds))
    buffer = io.BytesIO()
    _strip(dataset, pictures).save(buffer, format="PNG", optimize=True)
    (folder / f"{dataset.name}-strip.png").write_bytes(buffer.getvalue())


def _animated(frames: list[Image.Image], seconds: float) -> bytes:
    buffer = io.BytesIO()
    options = {"duration": round(1000 * seconds / len(frames)), "loop": 0, "lossless": True, "method": 4, "quality": 90}
    frames[0].save(buffer, format="WEBP", save_all=True, append_images=frames[1:], **options)
    return buffer.getvalue()


def _frame(dataset: DatasetContent, pictures: Pictures, label: str, error: str, index: int) -> Image.Image:
    """One frame: three panels, and a bar that says how far into context or forecast it is."""
    width = 3 * PANEL + 2 * GAP + 2 * MARGIN
    top = MARGIN + 2 * TEXT + 6
    canvas = Image.new("RGB", (width, top + PANEL + 2 * TEXT + MARGIN + 6), CARD)
    draw = ImageDraw.Draw(canvas)
    _write(draw, (MARGIN, MARGIN), f"{dataset.title}, {label}", INK[0])
    _write(draw, (width - MARGIN, MARGIN), error, MUTED[0], "ra")
    tiles = _tiles(dataset, pictures, label, index)
    for number, (name, tile) in enumerate(zip(PANELS, tiles, strict=True)):
        left = MARGIN + number * (PANEL + GAP)
        _write(draw, (left, top - TEXT - 2), name, MUTED[0])
        if tile is None:
            draw.rectangle((left, top, left + PANEL - 1, top + PANEL - 1), outline=GRID[0])
            _write(draw, (left + PANEL // 2, top + PANEL // 2), "context", MUTED[0], "mm")
        else:
            canvas.paste(_enlarged(tile, PANEL), (left, top))
    _bar(draw, dataset, pictures, index, (MARGIN, top + PANEL + 8, width - MARGIN))
    return canvas


def _tiles(dataset: DatasetContent, pictures: Pictures, label: str, index: int) -> tuple[np.ndarray | None, ...]:
    """Truth, forecast and difference of one frame in colour, ``(height, width, 3)``; no forecast of the context."""
    colours, ahead = frame_colours(dataset.card), index - pictures.given
    truth = colours[pictures.truth[index]]
    if ahead < 0:
        return truth, None, None
    return truth, colours[pictures.forecasts[label][ahead]], difference_colours()[pictures.difference(label)[ahead]]


def _enlarged(tile: np.ndarray, side: int) -> Image.Image:
    """A tile that fills ``side`` pixels, its own pixels kept sharp."""
    return Image.fromarray(tile).resize((side, side), Image.Resampling.NEAREST)


def _bar(
    draw: ImageDraw.ImageDraw, dataset: DatasetContent, pictures: Pictures, index: int, place: tuple[int, int, int]
) -> None:
    """The time bar: context in grey, forecast in colour, filled as far as the frame shown."""
    left, top, right = place
    total, given = len(pictures.truth), pictures.given
    seam = left + (right - left) * given // total
    now = left + (right - left) * (index + 1) // total
    draw.rectangle((left, top, right, top + 3), fill=GRID[0])
    draw.rectangle((left, top, min(now, seam), top + 3), fill=GIVEN)
    if now > seam:
        draw.rectangle((seam, top, now, top + 3), fill=ACCENT)
    forecast = index >= given
    _write(draw, (left, top + 8), "forecast" if forecast else "context", ACCENT if forecast else GIVEN)
    _write(draw, (right, top + 8), f"lead time {pictures.lead_text(index, dataset.time_unit)}", MUTED[0], "ra")


def _strip(dataset: DatasetContent, pictures: Pictures) -> Image.Image:
    """Truth above the forecast of every method, a column a lead time."""
    columns, colours = pictures.columns, frame_colours(dataset.card)
    rows = {"truth": pictures.truth[pictures.given :], **pictures.forecasts}
    step = TILE + 4
    size = (2 * MARGIN + LABELS + step * len(columns), 2 * MARGIN + TEXT + 6 + step * len(rows))
    canvas = Image.new("RGB", size, CARD)
    draw = ImageDraw.Draw(canvas)
    for place, column in enumerate(columns):
        across = MARGIN + LABELS + place * step
        _write(draw, (across + TILE // 2, MARGIN), pictures.lead_text(column, dataset.time_unit), MUTED[0], "ma")
        for row, levels in enumerate(rows.values()):
            canvas.paste(
                _enlarged(colours[levels[column - pictures.given]], TILE), (across, MARGIN + TEXT + 6 + row * step)
            )
    for row, label in enumerate(rows):
        _write(draw, (MARGIN, MARGIN + TEXT + 6 + row * step + TILE // 2), label, INK[0], "lm")
    return canvas


def _write(draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, colour: str, anchor: str = "la") -> None:
    draw.text(place, text, fill=colour, anchor=anchor, font=ImageFont.load_default(TEXT - 3))
