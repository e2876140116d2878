"""How well quantities can be read off features: ridge regression and kernel ridge regression.

Both are fitted in closed form, so that a reading is a matter of the features and not of how well a small network
happened to train. One matrix decomposition serves all penalties and all quantities, which makes a search for the
hyper-parameters of every single reading affordable.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy.linalg import eigh
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import GroupKFold

from ladid_bench.probing.probes import LINEAR

FOLDS = 5
PENALTIES = np.logspace(-4, 2, 7)  # of kernels whose mean diagonal is 1
WIDTHS = (0.03, 0.1, 0.3, 1.0)  # of the Gaussian kernel, as gamma times the number of features
TINY = np.finfo(np.float64).tiny


def read(
    features: np.ndarray, targets: Sequence[np.ndarray], group: np.ndarray, held_out: np.ndarray, probe: str
) -> list[np.ndarray]:
    """Fit a probe of every quantity and read the quantities off other trajectories.

    Penalty, width of the kernel and whether every feature is scaled on its own are chosen for each quantity by a
    cross-validation over the groups of the trajectories that the probe is fitted to.

    Args:
        features: ``(trajectory, feature)``, to fit to.
        targets: their true values, one ``(trajectory, target)`` a quantity.
        group: ``(trajectory,)``, the independent group of each, of which there are at least two.
        held_out: ``(other trajectory, feature)``, to read from.
        probe: ``linear`` (ridge) or ``kernel`` (kernel ridge with a Gaussian kernel).

    Returns:
        ``(other trajectory, target)`` for every quantity.
    """
    centre, size = features.mean(axis=0, dtype=np.float64), max(float(features.std(axis=0).max()), TINY)
    known, other = (features - centre) / size, (held_out - centre) / size
    columns = np.concatenate(targets, axis=1)  # (trajectory, target)
    owner = np.repeat(np.arange(len(targets)), [one.shape[1] for one in targets])
    chosen = _chosen(known, columns, group, owner, probe)[owner]  # (target,)
    answers = np.take_along_axis(_answers(known, columns, other, probe), chosen[None, None], axis=0)[0]
    return [answers[:, owner == index] for index in range(len(targets))]


def _chosen(features: np.ndarray, columns: np.ndarray, group: np.ndarray, owner: np.ndarray, probe: str) -> np.ndarray:
    """Index of the setting with the lowest cross-validated error for each quantity, ``(quantity,)``."""
    total: Any = 0
    for known, left in GroupKFold(min(FOLDS, len(np.unique(group)))).split(features, groups=group):
        answers = _answers(features[known], columns[known], features[left], probe)
        total = total + ((answers - columns[left]) ** 2).sum(axis=1)  # (setting, target)
    return np.stack([total[:, owner == index].sum(axis=1).argmin() for index in np.unique(owner)])


def _answers(features: np.ndarray, columns: np.ndarray, held_out: np.ndarray, probe: str) -> np.ndarray:
    """What every setting of a probe reads off ``held_out``, ``(setting, trajectory, target)``."""
    mean = columns.mean(axis=0)
    made = []
    for gram, cross in _kernels(features, held_out, probe):
        sizes, axes = eigh(gram)
        turned = axes.T @ (columns - mean)
        for penalty in PENALTIES * max(float(np.diag(gram).mean()), TINY):
            made.append(cross @ (axes @ (turned / (sizes.clip(min=0) + penalty)[:, None])) + mean)
    return np.stack(made)


def _kernels(features: np.ndarray, held_out: np.ndarray, probe: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Kernels among ``features`` and from ``held_out`` to them, features as they are and each scaled on its own."""
    centre, spread = features.mean(axis=0), features.std(axis=0)
    alone = np.where(spread > 0, spread, 1)
    for scale in (np.ones_like(alone), alone):
        known, other = (features - centre) / scale, (held_out - centre) / scale
        if probe == LINEAR:
            yield known @ known.T, other @ known.T
        else:
            for width in WIDTHS:
                gamma = width / known.shape[1]
                yield rbf_kernel(known, known, gamma), rbf_kernel(other, known, gamma)
