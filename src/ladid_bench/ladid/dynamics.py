"""The realization-invariant dynamics: one network maps (psi, t) straight to the latent state."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ladid_bench.methods.runge_kutta import NetworkField, network_field


class TimeFeatures(nn.Module):
    """Compute sine and cosine of the time at geometrically spaced periods, from ``2 T`` down to ``T / 128``.

    Args:
        duration: T, length of the training grid.
        count: number of periods.
        shortest: smallest period allowed; the released code's ``T / 128`` lies below what frames resolve,
            where a network may do anything between the frames, as no training time constrains it there.
    """

    periods: Tensor

    def __init__(self, duration: float, count: int = 16, shortest: float = 0.0):
        super().__init__()
        longest = 2 * duration
        last = max(longest / 2**8, shortest)
        spacing = torch.arange(count, dtype=torch.float64) / (count - 1)
        self.register_buffer("periods", (longest * (last / longest) ** spacing).float())

    @property
    def width(self) -> int:
        """Return the number of features of a time."""
        return 2 * len(self.periods)

    def forward(self, times: Tensor) -> Tensor:
        """Compute features ``(..., 2 * count)`` of times ``(...)``, sine and cosine interleaved."""
        phase = 2 * math.pi * times[..., None] / self.periods  # (..., count)
        return torch.stack([phase.sin(), phase.cos()], dim=-1).flatten(-2)  # (..., count, 2) -> (..., 2 * count)


class Dynamics(nn.Module, ABC):
    """Map time features, or whatever else stands for the moment, to latent states, conditioned on psi."""

    @abstractmethod
    def conditioned(self, psi: Tensor) -> Callable[[Tensor], Tensor]:
        """Condition the network on psi ``(N, psi)``, which is read once.

        Returns:
            The map of ``(N, Q, time_width)`` to ``(N, Q, latent)``.
        """

    def forward(self, psi: Tensor, time: Tensor) -> Tensor:
        """Compute latent states ``(N, Q, latent)`` from psi ``(N, psi)`` and time features ``(N, Q, time_width)``."""
        return self.conditioned(psi)(time)


class ConcatenatedDynamics(Dynamics):
    """Compute F as the paper does: a multilayer perceptron on psi and the time features side by side."""

    def __init__(
        self,
        psi: int,
        time_width: int,
        hidden: int,
        latent: int,
        dropout: float,
        activation: type[nn.Module] = nn.ReLU,
    ):
        super().__init__()
        self.first = nn.Linear(psi + time_width, hidden)
        self.rest = nn.Sequential(
            activation(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            activation(),
            nn.Dropout(dropout),
            nn.Linear(hidden, latent),
        )

    def conditioned(self, psi: Tensor) -> Callable[[Tensor], Tensor]:
        share, for_time = self._share(psi)[:, None], self.first.weight[:, psi.shape[1] :]  # (N, 1, hidden)

        def network(time: Tensor) -> Tensor:
            return self.rest(share + linear(time, for_time))

        return network

    def network(self, psi: Tensor) -> NetworkField:
        """Condition a network with tanh on psi ``(N, psi)`` as a right-hand side; its state stands in place of time."""
        return network_field(nn.Sequential(self.first, *self.rest), self._share(psi), slice(psi.shape[1], None))

    def _share(self, psi: Tensor) -> Tensor:
        """Compute what psi ``(N, psi)`` contributes to the first layer, ``(N, hidden)``, the same at all times."""
        return linear(psi, self.first.weight[:, : psi.shape[1]], self.first.bias)


class ModulatedDynamics(Dynamics):
    """Compute F with hidden layers that read the time and are scaled and shifted by psi (FiLM, Perez et al. 2018)."""

    def __init__(self, psi: int, time_width: int, hidden: int, latent: int, dropout: float):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(time_width, hidden), nn.Linear(hidden, hidden)])
        self.modulation = nn.Sequential(
            nn.Linear(psi, hidden), nn.GELU(), nn.Linear(hidden, 2 * hidden * len(self.layers))
        )
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, latent)

    def conditioned(self, psi: Tensor) -> Callable[[Tensor], Tensor]:
        modulation = self.modulation(psi)[:, None].chunk(2 * len(self.layers), dim=-1)  # each (N, 1, hidden)

        def network(time: Tensor) -> Tensor:
            hidden = time
            for layer, scale, shift in zip(self.layers, modulation[::2], modulation[1::2], strict=True):
                hidden = self.dropout(nn.functional.gelu(layer(hidden) * (1 + scale) + shift))
            return self.out(hidden)

        return network


DYNAMICS: dict[str, type[Dynamics]] = {"mlp": ConcatenatedDynamics, "film": ModulatedDynamics}
