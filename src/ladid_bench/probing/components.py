"""Principal components with signs and order that never depend on the library."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Components:
    """Principal components: ``centre`` and ``axes`` ``(component, k)``, and the ``shares`` of the variance."""

    centre: np.ndarray
    axes: np.ndarray
    shares: np.ndarray

    def of(self, points: np.ndarray) -> np.ndarray:
        """Project points ``(..., k)`` onto the components, ``(..., component)``."""
        return (points - self.centre) @ self.axes.T

    def carrying(self, share: float) -> int:
        """Count the leading components that carry that share of the variance."""
        return int(np.searchsorted(np.cumsum(self.shares), share) + 1)


def principal_components(points: np.ndarray) -> Components:
    """Compute components of points ``(N, k)``, largest first, at least two, each with its largest entry positive."""
    centre = points.mean(axis=0, dtype=np.float64)
    _, sizes, axes = np.linalg.svd(points - centre, full_matrices=False)
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
    missing = max(0, 2 - len(axes))
    axes = np.pad(axes * signs[:, None], ((0, missing), (0, 0)))  # (component, k)
    variance = np.pad(sizes**2, (0, missing))
    return Components(centre, axes, variance / max(variance.sum(), np.finfo(float).tiny))
