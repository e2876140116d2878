"""Images of any size to the size of a study."""

import numpy as np

SMALLEST_SIDE = 16  # pixels; the convolutions of the neural methods divide a side by this


def side_at(side: int, image_size: int) -> int:
    """Compute how long a side becomes: ``image_size``, or the largest multiple of 16 within a shorter one."""
    return min(image_size, side // SMALLEST_SIDE * SMALLEST_SIDE)


def resample(frames: np.ndarray, image_size: int) -> np.ndarray:
    """Bring images ``(..., height, width)`` to the size of a study by area averaging; they are never enlarged."""
    height, width = (side_at(side, image_size) for side in frames.shape[-2:])
    return area_average(frames, height, width)


def shrink(frames: np.ndarray, largest: int) -> np.ndarray:
    """Shrink images ``(..., height, width)`` so that no side is longer than ``largest``; shorter sides stay."""
    height, width = (min(side, largest) for side in frames.shape[-2:])
    return area_average(frames, height, width)


def area_average(frames: np.ndarray, height: int, width: int) -> np.ndarray:
    """Average over the area that each new pixel covers; the mean of a picture is kept.

    Where pixels have no value, the average is over the others; it is NaN where none of them has one.

    Args:
        frames: ``(..., old height, old width)``.
        height, width: at most the old ones.

    Returns:
        float32 ``(..., height, width)``, float64 of such frames.
    """
    kind = np.float64 if frames.dtype == np.float64 else np.float32
    if frames.shape[-2:] == (height, width):
        return np.ascontiguousarray(frames, dtype=kind)
    rows, columns = _shares(frames.shape[-2], height), _shares(frames.shape[-1], width)
    flat = frames.reshape(-1, *frames.shape[-2:])  # (..., h, w) -> (picture, h, w)
    result = np.empty((len(flat), height, width), dtype=kind)
    for index, picture in enumerate(flat):
        gone = np.isnan(picture)
        if gone.any():
            with np.errstate(invalid="ignore"):  # nothing over nothing
                result[index] = (rows @ np.where(gone, 0, picture) @ columns.T) / (rows @ ~gone @ columns.T)
        else:
            result[index] = rows @ picture @ columns.T
    return result.reshape(*frames.shape[:-2], height, width)  # (picture, height, width) -> (..., height, width)


def _shares(old: int, new: int) -> np.ndarray:
    """Share of each old cell in each new one, float64 ``(new, old)``; rows sum to 1."""
    edges = np.arange(new + 1) * (old / new)
    cells = np.arange(old)
    overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    shares = np.clip(overlap, 0, None)
    return shares / shares.sum(axis=1, keepdims=True)
