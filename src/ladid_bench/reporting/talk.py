"""A film for slides as an animated GIF, which every presentation program plays: some trajectories side by side."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ladid_bench.reporting.palette import ACCENT, GRID, INK, MUTED
from ladid_bench.reporting.trajectory_media import Motion

PANEL, GAP, MARGIN, TEXT = 224, 14, 20, 18  # pixels; TEXT is the height of a line of words
CARD = (255, 255, 255)
COLOURS = 228  # of the palette's 256 that the pictures get; words and bars get the others


def gif(title: str, motions: Sequence[Motion], colours: np.ndarray) -> bytes:
    """The trajectories in a row, on white, with a time bar below, and the time where all have the same times.

    Args:
        title: a line above the pictures.
        motions: images, all of one shape and length.
        colours: uint8 ``(256, 3)``, of the levels.
    """
    palette = _palette(colours)
    count = len(motions[0].levels)
    frames = [_reduced(_frame(title, motions, colours, index), palette) for index in range(count)]
    buffer = io.BytesIO()
    duration = round(1000 * motions[0].seconds / len(frames) / 10) * 10  # GIF counts hundredths of a second
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=duration, loop=0, disposal=1)
    return buffer.getvalue()


def _palette(colours: np.ndarray) -> np.ndarray:
    """Colours of the pictures, then shades from ink to white, and those of the bars, uint8 ``(256, 3)``."""
    pictures = colours[np.linspace(0, 255, COLOURS).round().astype(int)]
    shades = np.linspace(_levels(INK[0]), CARD, 256 - COLOURS - 3).round()
    bars = [_levels(colour) for colour in (ACCENT, MUTED[0], GRID[0])]
    return np.concatenate([pictures, shades, bars]).astype(np.uint8)


def _levels(colour: str) -> list[int]:
    return list(bytes.fromhex(colour.removeprefix("#")))


def _reduced(image: Image.Image, palette: np.ndarray) -> Image.Image:
    """``image`` in the nearest colours of ``palette``; Pillow's own search is coarse and turns white to grey."""
    packed: np.ndarray = np.asarray(image).astype(np.int64) @ [1 << 16, 1 << 8, 1]  # (height, width)
    found, place = np.unique(packed, return_inverse=True)
    known = np.stack([found >> 16, found >> 8 & 255, found & 255], axis=-1)  # (colour, 3)
    nearest = ((known[:, None] - palette.astype(np.int64)) ** 2).sum(axis=-1).argmin(axis=1).astype(np.uint8)
    reduced = Image.fromarray(nearest[place].reshape(packed.shape))  # (height, width)
    reduced.putpalette(palette.tobytes())
    return reduced


def _frame(title: str, motions: Sequence[Motion], colours: np.ndarray, index: int) -> Image.Image:
    count, motion = len(motions), motions[0]
    rows, columns = motion.levels.shape[1:]
    height = round(PANEL * rows / columns)
    top = MARGIN + TEXT + 12
    width = 2 * MARGIN + count * PANEL + (count - 1) * GAP
    canvas = Image.new("RGB", (width, top + height + TEXT + MARGIN + 26), CARD)
    draw = ImageDraw.Draw(canvas)
    draw.text((MARGIN, MARGIN), title, fill=INK[0], font=ImageFont.load_default(TEXT))
    for place, one in enumerate(motions):
        tile = Image.fromarray(colours[one.levels[index]]).resize((PANEL, height), Image.Resampling.NEAREST)
        canvas.paste(tile, (MARGIN + place * (PANEL + GAP), top))
    same = all(np.allclose(one.lead, motion.lead) for one in motions)
    moment = motion.times[index] if same else f"frame {index + 1} of {len(motion.levels)}"
    _bar(draw, motion, index, moment, (MARGIN, top + height + 14, width - MARGIN))
    return canvas


def _bar(draw: ImageDraw.ImageDraw, motion: Motion, index: int, moment: str, place: tuple[int, int, int]) -> None:
    """The time bar, what a method is given in grey, filled as far as the frame shown."""
    left, top, right = place
    total = len(motion.levels)
    seam, now = (left + (right - left) * frames // total for frames in (motion.given, index + 1))
    draw.rectangle((left, top, right, top + 4), fill=GRID[0])
    draw.rectangle((left, top, min(now, max(seam, left)), top + 4), fill=MUTED[0])
    if now > seam:
        draw.rectangle((seam, top, now, top + 4), fill=ACCENT)
    draw.text((right, top + 10), moment, fill=INK[0], anchor="ra", font=ImageFont.load_default(TEXT - 3))
