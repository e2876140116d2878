"""Infer a latent state from the context with a recurrent network, for methods whose own papers use one."""

import torch
from torch import Tensor, nn

from ladid_bench.methods.distributions import Gaussian, GaussianHead


class GatedRecognition(nn.Module):
    """Infer a Gaussian over a latent state from the tokens of the context.

    From the last frame back to the first, a GRU reads each token with the gap in time to the token read before it; two
    linear heads on its last state give mean and standard deviation (recognition network of Rubanova, Chen, Duvenaud,
    NeurIPS 2019, without their ODE between frames).

    Args:
        width: of a token, and of the recurrent state.
        latent: length of the latent state.
        std_floor: smallest standard deviation.
    """

    def __init__(self, width: int, latent: int, std_floor: float):
        super().__init__()
        self.recurrent = nn.GRU(width + 1, width, batch_first=True)
        self.head = GaussianHead(width, latent, std_floor)

    def forward(self, tokens: Tensor, times: Tensor) -> Gaussian:
        """Infer from tokens ``(N, C, width)`` at times ``(N, C)`` a distribution over ``(N, latent)``."""
        tokens, times = tokens.flip(1), -times.flip(1)
        gaps = torch.diff(times, dim=1, prepend=times[:, :1])  # (N, C), 0 for the frame read first
        last = self.recurrent(torch.cat([tokens, gaps[..., None]], dim=-1))[1][0]  # (layers, N, width) -> (N, width)
        return self.head(last)
