"""Base class of methods without an optimiser: arrays in, arrays out, saved as one ``.npz`` file."""

from pathlib import Path

import numpy as np

from ladid_bench.methods.base import Method

STATE = "state.npz"


class SimpleMethod(Method):
    """Learn in closed form: ``fit`` fills ``self.state``, and ``forecast`` reads nothing else.

    ``state`` maps names to arrays, which is all that is saved: plain numbers, no pickles.
    """

    state: dict[str, np.ndarray]

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / STATE, **self.state)  # type: ignore[arg-type]

    def load(self, folder: Path) -> None:
        with np.load(folder / STATE, allow_pickle=False) as archive:
            self.state = dict(archive)

    def cost(self) -> dict[str, float]:
        return {"parameters": float(sum(array.size for array in self.state.values()))}
