"""LaDID Bench: a reproducibility benchmark for learning latent dynamics from high-dimensional observations.

``fit`` trains a method on arrays, ``load`` loads a saved model or that of a study's run; both give a ``Model``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ladid_bench.core.errors import BenchError
    from ladid_bench.methods.base import Diverged, Forecast
    from ladid_bench.runs.model import Model, fit, load

__version__ = "0.1.0"
__all__ = ["BenchError", "Diverged", "Forecast", "Model", "fit", "load"]

# imported when they are first used: PyTorch and the rest take seconds
_PLACES = {
    "BenchError": "core.errors",
    "Diverged": "methods.base",
    "Forecast": "methods.base",
    "Model": "runs.model",
    "fit": "runs.model",
    "load": "runs.model",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
