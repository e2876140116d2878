"""LaDID behind the contract that every method obeys."""

from ladid_bench.ladid.model import LaDID, LaDIDSettings
from ladid_bench.methods.neural import ForecastModel, NeuralMethod


class LaDIDMethod(NeuralMethod):
    """Train a ``LaDID`` with the settings of the card."""

    def build_model(self) -> ForecastModel:
        return LaDID(self.task, LaDIDSettings(**vars(self.settings)))


METHOD = LaDIDMethod
