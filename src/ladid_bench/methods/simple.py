"""What methods without an optimiser share: arrays in, arrays out, saved as one ``.npz``."""

from pathlib import Path

import numpy as np

from ladid_bench.methods.base import Method

STATE = "state.npz"


class SimpleMethod(Method):
    """A closed-form method. ``fit`` fills ``self.state``; ``forecast`` reads nothing else.

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
