"""Bring fields from the resolution at which they are known to that of the images."""

import numpy as np

from ladid_bench.core.errors import BenchError


def pooling_factor(image_size: int, crop: int, dataset: str) -> int:
    """Compute how many cells of a square crop make one pixel of the image, along each side.

    Images larger than the crop stay at its size.

    Raises:
        BenchError: the image size does not divide the crop's.
    """
    size = min(image_size, crop)
    if crop % size:
        fitting = ", ".join(str(side) for side in range(16, crop, 16) if crop % side == 0)
        raise BenchError(f"{dataset}: image_size {image_size} does not divide {crop}; choose {fitting} or {crop}")
    return crop // size


def mean_pool(fields: np.ndarray, factor: int) -> np.ndarray:
    """Average ``factor`` x ``factor`` cells, ``(..., height, width)`` to ``(..., height/factor, width/factor)``."""
    *leading, height, width = fields.shape
    tiles = fields.reshape(*leading, height // factor, factor, width // factor, factor)  # (..., h, factor, w, factor)
    return tiles.mean(axis=(-3, -1))
