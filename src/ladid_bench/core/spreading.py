"""Picking a few of many things, spread evenly over all of them."""

import numpy as np


def evenly_spread(count: int, most: int) -> np.ndarray:
    """Pick indices of at most ``most`` of ``count`` things, spread evenly, the first one included, ``(kept,)``."""
    kept = min(most, count)
    return np.arange(kept) * count // kept


def end_to_end(count: int, most: int) -> np.ndarray:
    """Pick indices of at most ``most`` of ``count`` things, spread evenly, the first and the last included."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
