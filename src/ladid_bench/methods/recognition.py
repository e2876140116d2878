"""A recurrent network that reads the context, for methods whose own papers use one."""

from typing import Literal

import torch
from torch import Tensor, nn

from ladid_bench.methods.distributions import Gaussian


class GatedRecognition(nn.Module):
    """GRU over tokens, each with the gap to the one read before it; its last state gives a Gaussian.

    Args:
        width: of a token, and of the recurrent state.
        latent: length of what is recognised.
        std_floor: smallest standard deviation.
        direction: ``backwards`` ends at the first frame, ``forwards`` at the last.
    """

    def __init__(self, width: int, latent: int, std_floor: float, direction: Literal["backwards", "forwards"]):
        super().__init__()
        self.recurrent = nn.GRU(width + 1, width, batch_first=True)
        self.mean = nn.Linear(width, latent)
        self.log_std = nn.Linear(width, latent)
        self.std_floor = std_floor
        self.direction = direction

    def forward(self, tokens: Tensor, times: Tensor) -> Gaussian:
        """``(N, C, width)`` and ``(N, C)`` to a distribution over ``(N, latent)``."""
        if self.direction == "backwards":
            tokens, times = tokens.flip(1), -times.flip(1)
        gaps = torch.diff(times, dim=1, prepend=times[:, :1])  # (N, C), 0 for the frame read first
        last = self.recurrent(torch.cat([tokens, gaps[..., None]], dim=-1))[1][0]  # (layers, N, width) -> (N, width)
        return Gaussian(self.mean(last), self.std_floor + self.log_std(last).clamp(-8, 2).exp())
