"""Whether F is the same map for every window: two windows of one trajectory have to agree on where it is."""

from inspect import signature

import numpy as np
import torch

from ladid_bench.data.trajectories import Trajectories
from ladid_bench.methods.base import Method
from ladid_bench.runs.derived import rounded

SHIFTS = 4  # later windows that are compared with the first
SLACK = 1e-6  # of the training span, for rounding


def maps_representation_to_states(method: Method) -> bool:
    """Say whether a method has a model that gives latent states as ``states(psi, times)``."""
    states = getattr(getattr(method, "model", None), "states", None)
    return states is not None and list(signature(states).parameters) == ["psi", "times"]


def semigroup(method: Method, test: Trajectories) -> dict[str, list[float]] | None:
    """Measure how well the windows of each test trajectory agree on its latent path, as ``probes.Semigroup`` keeps it.

    The first window is compared with later ones at all frames that both have to forecast in training: after the
    context of the later one, and no longer after the first frame than a training trajectory lasts. None for a method
    without ``states(psi, times)``, or trajectories too short for a second window.
    """
    context, last = method.task.context_frames, min(method.task.frames, test.frames.shape[1])
    elapsed = test.times - test.times[:, :1]
    inside = (elapsed[:, :last] <= method.task.duration * (1 + SLACK)).all(axis=0)  # (frame,)
    last = int(inside.sum())
    starts = np.unique(np.linspace(0, last - context - 1, SHIFTS + 1).round().astype(int))[1:]
    if not maps_representation_to_states(method) or len(starts) == 0 or starts[0] < 1:
        return None
    first = _states(method, test, 0, context, last)  # (trajectory, frame, latent)
    same, other = (np.zeros(len(test)) for _ in range(2))
    count = 0
    partner = np.roll(np.arange(len(test)), len(test) // 2)  # windows of one recording stand side by side
    for start in starts:
        later = _states(method, test, int(start), start + context, last)
        mine = first[:, start:]  # the same frames, seen from the first window
        same += ((mine - later) ** 2).sum(axis=(1, 2))
        other += ((mine - later[partner]) ** 2).sum(axis=(1, 2))
        count += later.shape[1]
    variance = ((first - first.mean(axis=(0, 1))) ** 2).sum(axis=2).mean(axis=1)
    return {"same": rounded(same / count), "other": rounded(other / count), "variance": rounded(variance)}


@torch.no_grad()
def _states(method: Method, test: Trajectories, start: int, first: int, last: int) -> np.ndarray:
    """F(psi, t) from the window that begins at frame ``start``, at the frames ``first`` to ``last``."""
    window = slice(start, start + method.task.context_frames)
    psi = method.represent(test.frames[:, window], test.times[:, window])
    times = test.times[:, first:last] - test.times[:, [start]]
    tensors = (torch.as_tensor(array, dtype=torch.float32) for array in (psi, times))
    states: torch.Tensor = method.model.states(*tensors)  # type: ignore[attr-defined]
    return states.numpy().astype(np.float64)
