"""Films: all frames of a trajectory in one PNG, side by side, which the page's style sheet plays and cuts."""

import base64
import io

import numpy as np
from PIL import Image

CLEAR = 255  # palette index of pixels where there is nothing to show


def film(levels: np.ndarray, colours: np.ndarray, clear_before: int = 0) -> bytes:
    """A PNG of frames from left to right.

    Args:
        levels: uint8 ``(frame, height, width)``.
        colours: uint8 ``(256, 3)``; the last level is drawn as the one before, to leave room for ``CLEAR``.
        clear_before: transparent frames put in front.
    """
    padded = _padded(levels, clear_before)
    row = padded.transpose(1, 0, 2).reshape(levels.shape[1], -1)  # (height, frame * width)
    return _png(row, colours)


def contact_sheet(levels: np.ndarray, colours: np.ndarray) -> bytes:
    """A PNG of frames ``(frame, height, width)`` from left to right with a clear column of pixels between them."""
    parted = np.pad(np.minimum(levels, CLEAR - 1), ((0, 0), (0, 0), (0, 1)), constant_values=CLEAR)
    return _png(
        parted.transpose(1, 0, 2).reshape(levels.shape[1], -1)[:, :-1], colours
    )  # (height, frame * (width + 1))


def strip(levels: np.ndarray, colours: np.ndarray, clear_before: int = 0) -> bytes:
    """A PNG of vector observations ``(frame, feature)``: time to the right, one row of pixels a feature."""
    return _png(_padded(levels, clear_before).T, colours)


def _padded(levels: np.ndarray, clear_before: int) -> np.ndarray:
    clear = np.full((clear_before, *levels.shape[1:]), CLEAR, np.uint8)
    return np.concatenate([clear, np.minimum(levels, CLEAR - 1)])


def _png(index: np.ndarray, colours: np.ndarray) -> bytes:
    image = Image.fromarray(np.ascontiguousarray(index))
    image.putpalette(colours.tobytes())
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", transparency=CLEAR, optimize=True)
    return buffer.getvalue()


def data_uri(png: bytes) -> str:
    """A PNG as text that stands in for an address."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
