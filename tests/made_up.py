"""Trajectories that no system made, and findings that no model gave."""

from typing import Any

import numpy as np

from ladid_bench.data.trajectories import Trajectories
from ladid_bench.probing.probes import Probe


def trajectories() -> Trajectories:
    """Three random trajectories of six 4 x 5 frames, with a parameter and a state."""
    random = np.random.default_rng(0)
    return Trajectories(
        frames=random.random((3, 6, 1, 4, 5), dtype=np.float32),
        times=np.tile(np.arange(6.0), (3, 1)),
        group=np.arange(3),
        parameters={"length": random.random(3)},
        states={"angle": random.random((3, 6))},
        provenance={"dataset": "made-up", "seed": 0},
    )


def probe(
    key: str,
    unexplained: dict[str, float],
    trajectories: int = 20,
    noise: float = 0.1,
    method: str = "ladid",
    **how: Any,
) -> Probe:
    """What was found in a model: shares of the variance that representations leave unexplained, by either probe.

    Trajectories differ alike for all representations, and by ``noise`` (of the logarithm) besides. ``how`` replaces
    whole parts, such as ``readings`` or ``semigroup``.
    """
    random = np.random.default_rng(int(key, 16))
    hard = np.random.default_rng(0).lognormal(0, 0.5, trajectories)

    def errors(share: float) -> list[float]:
        made = hard * random.lognormal(0, noise, trajectories)
        return (share * made / made.mean()).tolist()

    readings = [
        {
            **{"name": name, "unit": unit, "cyclic": unit == "rad", "deviation": [1.0] * trajectories},
            "errors": {one: {"linear": errors(share), "kernel": errors(share)} for one, share in unexplained.items()},
            "ground_truth": random.uniform(-3, 3, trajectories).tolist(),
        }
        for name, unit in (("theta", "rad"), ("length", "m"))
    ]
    provenance = {"commit": "c" * 40, "dirty": False, "code_hash": "today", "model_sha256": "m" * 64}
    content = {
        **{"key": key, "dataset": "fake-pictures", "method": method, "variant": "default", "seed": 0, "reason": ""},
        **{"group": list(range(trajectories)), "shares": [0.5, 0.25], "readings": readings},
        "points": random.normal(size=(trajectories, 2)).tolist(),
        "semigroup": {
            name: [share] * trajectories for name, share in (("same", 0.1), ("other", 2.0), ("variance", 1.0))
        },
        "provenance": {**provenance, "data_sha256": {"test": "d" * 64}, "versions": {"numpy": "2"}},
    }
    return Probe.model_validate(content | how)
