"""What is worth a look in trajectory files: which trajectories, and which of their parameters differ."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ladid_bench.data.trajectories import Trajectories

QUANTILES = {"calmest": 0.0, "median": 0.5, "liveliest": 1.0}


def choose(data: Trajectories) -> dict[str, int]:
    """Choose trajectories by role: the first, and those that change least, as the median and most between frames."""
    change = np.array([np.abs(np.diff(one, axis=0)).mean() if len(one) > 1 else 0.0 for one in data.frames])
    order = np.argsort(change, kind="stable")
    found = {"first": 0}
    for role, share in QUANTILES.items():
        found[role] = int(order[round(share * (len(order) - 1))])
    unique: dict[int, list[str]] = {}
    for role, index in found.items():
        unique.setdefault(index, []).append(role)
    return {f"the {', the '.join(roles)}": index for index, roles in unique.items()}


def varying(splits: Mapping[str, Trajectories]) -> list[str]:
    """Name the parameters that are not the same in all trajectories."""
    return [name for name, values in _distinct(splits).items() if len(values) > 1]


def constant(splits: Mapping[str, Trajectories]) -> dict[str, float]:
    """Look up the parameters that are the same in all trajectories, by name."""
    return {name: float(values[0]) for name, values in _distinct(splits).items() if len(values) == 1}


def _distinct(splits: Mapping[str, Trajectories]) -> dict[str, np.ndarray]:
    names = next(iter(splits.values())).parameters
    return {name: np.unique(np.concatenate([split.parameters[name] for split in splits.values()])) for name in names}


def histogram_frame(values: Mapping[str, np.ndarray], bins: int) -> pd.DataFrame:
    """Tabulate the shares of the values of each split in bins from ``low`` to ``high``."""
    edges = np.histogram_bin_edges(np.concatenate(list(values.values())), bins)
    shares = {name: np.histogram(known, edges)[0] / len(known) for name, known in values.items()}
    frames = (
        pd.DataFrame({"split": name, "low": edges[:-1], "high": edges[1:], "share": share})
        for name, share in shares.items()
    )
    return pd.concat(frames)
