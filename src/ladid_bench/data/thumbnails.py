"""A trajectory as one small picture file: all its frames from left to right, in shades of grey.

Data cards keep one of these, so that a report can show what a data set looks like without its files.
"""

import base64
import io
import math

import numpy as np
from PIL import Image

LARGEST_SIDE = 64  # pixels; larger frames are averaged down
LOSSLESS = 24_000  # bytes up to which a sheet is kept without loss
QUALITY = 90  # of WebP beyond: levels are off by 1 of 255 in the mean, and 60 frames of 64 px take 10 to 30 kB


def pack(levels: np.ndarray) -> str:
    """Pack levels 0 to 255 as WebP in base64: images ``(frame, height, width)`` or vectors ``(frame, feature)``.

    Vectors, and pictures that are simple enough, are kept without loss.
    """
    sheet = levels.T if levels.ndim == 2 else levels.transpose(1, 0, 2).reshape(levels.shape[1], -1)
    image = Image.fromarray(np.ascontiguousarray(sheet)).convert("RGB")  # (height, frame * width)
    content = _webp(image, lossless=True)
    if levels.ndim == 3 and len(content) > LOSSLESS:
        content = _webp(image, lossless=False)
    return base64.b64encode(content).decode()


def _webp(image: Image.Image, lossless: bool) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", quality=QUALITY, method=6, lossless=lossless)
    return buffer.getvalue()


def unpack(text: str, frames: int, image: bool) -> np.ndarray:
    """Unpack what ``pack`` packed: uint8 ``(frame, height, width)`` of images, ``(frame, feature)`` of vectors."""
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("L"))
    if not image:
        return sheet.T.copy()
    return sheet.reshape(len(sheet), frames, -1).transpose(1, 0, 2).copy()  # (frame, height, width)


def smaller(levels: np.ndarray) -> np.ndarray:
    """Average images ``(frame, height, width)`` over blocks until both sides fit; vectors are left as they are."""
    if levels.ndim != 3 or max(levels.shape[1:]) <= LARGEST_SIDE:
        return levels
    block = math.ceil(max(levels.shape[1:]) / LARGEST_SIDE)
    height, width = (size // block for size in levels.shape[1:])
    cut = levels[:, : height * block, : width * block]
    blocks = cut.reshape(-1, height, block, width, block)  # (frame, row, in row, column, in column)
    return blocks.mean(axis=(2, 4)).round().astype(np.uint8)
