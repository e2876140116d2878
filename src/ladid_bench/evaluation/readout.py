"""How well quantities can be read off features: ridge regression and kernel ridge regression, cross-validated.

Both are fitted in closed form, so that a reading is a matter of the features and not of how well a small network
happened to train. One matrix decomposition serves all penalties and all quantities, which makes a search for the
hyper-parameters within every fold affordable.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy.linalg import eigh
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import GroupKFold

LINEAR, KERNEL = "linear", "kernel"  # the probes
FOLDS = 5  # of the cross-validation, and again within each of them
LEAST_UNITS = 10  # fewer independent units say nothing about how well something can be read
PENALTIES = np.logspace(-4, 2, 7)  # of kernels whose mean diagonal is 1
WIDTHS = (0.03, 0.1, 0.3, 1.0)  # of the Gaussian kernel, as gamma times the number of features
TINY = np.finfo(np.float64).tiny


def squared_errors(features: np.ndarray, targets: Sequence[np.ndarray], unit: np.ndarray, probe: str) -> np.ndarray:
    """Squared error of reading each quantity off the features of trajectories that the probe was not fitted to.

    Units are divided into folds. Penalty, width of the kernel and whether every feature is scaled on its own are
    chosen for each quantity by another cross-validation by unit among the other folds.

    Args:
        features: ``(trajectory, feature)``.
        targets: one ``(trajectory, target)`` a quantity; the squares of its targets are summed.
        unit: ``(trajectory,)``, of which there are at least ``LEAST_UNITS``.
        probe: ``linear`` (ridge) or ``kernel`` (kernel ridge with a Gaussian kernel).

    Returns:
        ``(quantity, trajectory)``.
    """
    features = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    features /= max(features.std(), TINY)  # labels have no part in it
    columns = np.concatenate(targets, axis=1)  # (trajectory, target)
    owner = np.repeat(np.arange(len(targets)), [one.shape[1] for one in targets])
    read = np.empty_like(columns)
    for known, asked in GroupKFold(FOLDS).split(features, groups=unit):
        chosen = _chosen(features[known], columns[known], unit[known], owner, probe)[owner]  # (target,)
        answers = _answers(features[known], columns[known], features[asked], probe)
        read[asked] = np.take_along_axis(answers, chosen[None, None], axis=0)[0]
    squares = (columns - read) ** 2
    return np.stack([squares[:, owner == index].sum(axis=1) for index in range(len(targets))])


def _chosen(features: np.ndarray, columns: np.ndarray, unit: np.ndarray, owner: np.ndarray, probe: str) -> np.ndarray:
    """Index of the setting with the lowest cross-validated error for each quantity, ``(quantity,)``."""
    total: Any = 0
    for known, asked in GroupKFold(min(FOLDS, len(np.unique(unit)))).split(features, groups=unit):
        answers = _answers(features[known], columns[known], features[asked], probe)
        total = total + ((answers - columns[asked]) ** 2).sum(axis=1)  # (setting, target)
    return np.stack([total[:, owner == index].sum(axis=1).argmin() for index in np.unique(owner)])


def _answers(features: np.ndarray, columns: np.ndarray, asked: np.ndarray, probe: str) -> np.ndarray:
    """What every setting of a probe reads off ``asked``, ``(setting, trajectory, target)``."""
    mean = columns.mean(axis=0)
    made = []
    for gram, cross in _kernels(features, asked, probe):
        sizes, axes = eigh(gram)
        turned = axes.T @ (columns - mean)
        for penalty in PENALTIES * max(float(np.diag(gram).mean()), TINY):
            made.append(cross @ (axes @ (turned / (sizes.clip(min=0) + penalty)[:, None])) + mean)
    return np.stack(made)


def _kernels(features: np.ndarray, asked: np.ndarray, probe: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Kernels among ``features`` and from ``asked`` to them, features as they are and each scaled on its own."""
    centre, spread = features.mean(axis=0), features.std(axis=0)
    alone = np.where(spread > 0, spread, 1)
    for scale in (np.ones_like(alone), alone):
        known, other = (features - centre) / scale, (asked - centre) / scale
        if probe == LINEAR:
            yield known @ known.T, other @ known.T
        else:
            for width in WIDTHS:
                gamma = width / known.shape[1]
                yield rbf_kernel(known, known, gamma), rbf_kernel(other, known, gamma)
