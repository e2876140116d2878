"""Trajectories that no system made."""

import numpy as np

from ladid_bench.data.trajectories import Trajectories


def trajectories() -> Trajectories:
    """Three random trajectories of six 4 x 5 frames, with a parameter and a state."""
    random = np.random.default_rng(0)
    return Trajectories(
        frames=random.random((3, 6, 1, 4, 5), dtype=np.float32),
        times=np.tile(np.arange(6.0), (3, 1)),
        unit=np.arange(3),
        parameters={"length": random.random(3)},
        states={"angle": random.random((3, 6))},
        provenance={"dataset": "made-up", "seed": 0},
    )
