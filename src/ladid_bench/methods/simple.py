"""Base class of methods without an optimiser: arrays in, arrays out, saved as one ``.npz`` file."""

from pathlib import Path

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.methods.base import Method

STATE = "state.npz"


class SimpleMethod(Method):
    """Learn in closed form: ``fit`` fills ``self.state``, and ``forecast`` reads nothing else.

    ``state`` maps names to arrays, which is all that is saved: plain numbers, no pickles.
    """

    state: dict[str, np.ndarray]

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / STATE, **self._arrays())  # type: ignore[arg-type]

    def load(self, folder: Path) -> None:
        with np.load(folder / STATE, allow_pickle=False) as archive:
            self.state = dict(archive)

    def cost(self) -> dict[str, float]:
        return {"parameters": float(sum(array.size for array in self._arrays().values()))}

    def _arrays(self) -> dict[str, np.ndarray]:
        """Return ``state``, which holds arrays of numbers or of text and nothing else."""
        for name, value in self.state.items():
            if not isinstance(value, np.ndarray | np.generic) or value.dtype.hasobject:
                raise BenchError(
                    f"state['{name}'] is a {type(value).__name__} and cannot be saved: keep arrays, and make anew "
                    "from them whatever else a forecast needs"
                )
        return self.state
