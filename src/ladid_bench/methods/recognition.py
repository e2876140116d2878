"""Infer a latent state from the context with a recurrent network, for methods whose own papers use one."""

from typing import Literal

import torch
from torch import Tensor, nn

from ladid_bench.methods.distributions import Gaussian


class GatedRecognition(nn.Module):
    """Infer a Gaussian over a latent state from the tokens of the context.

    A GRU reads each token with the gap in time to the token read before it; two linear heads on its last
    state give mean and standard deviation (recognition network of Rubanova, Chen, Duvenaud, NeurIPS 2019,
    without their ODE between frames).

    Args:
        width: of a token, and of the recurrent state.
        latent: length of the latent state.
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
        """Infer from tokens ``(N, C, width)`` at times ``(N, C)`` a distribution over ``(N, latent)``."""
        if self.direction == "backwards":
            tokens, times = tokens.flip(1), -times.flip(1)
        gaps = torch.diff(times, dim=1, prepend=times[:, :1])  # (N, C), 0 for the frame read first
        last = self.recurrent(torch.cat([tokens, gaps[..., None]], dim=-1))[1][0]  # (layers, N, width) -> (N, width)
        return Gaussian(self.mean(last), self.std_floor + self.log_std(last).clamp(-8, 2).exp())
