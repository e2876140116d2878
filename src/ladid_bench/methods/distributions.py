"""The Gaussians of the variational objectives, shared by all neural methods."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Gaussian:
    """A diagonal Gaussian, mean and standard deviation ``(..., k)``."""

    mean: Tensor
    std: Tensor

    def sample(self) -> Tensor:
        """One reparametrised draw."""
        return self.mean + self.std * torch.randn_like(self.std)

    def kl_from(self, mean: Tensor | float, std: Tensor | float) -> Tensor:
        """``KL(self || N(mean, std^2))`` summed over the last axis, ``(...)``."""
        ratio = self.std / std
        return (0.5 * (((self.mean - mean) / std) ** 2 + ratio**2 - 1) - ratio.log()).sum(dim=-1)

    def kl_from_standard_normal(self) -> Tensor:
        """``KL(self || N(0, I))`` summed over the last axis, ``(...)``."""
        return self.kl_from(0.0, 1.0)


def negative_log_likelihood(mean: Tensor, target: Tensor, std: float) -> Tensor:
    """``sum_pixels (y - mean)^2 / (2 std^2)``, averaged over windows and queries, without the constant.

    Args:
        mean, target: ``(N, Q, channel, *space)`` in the unit range.
        std: standard deviation of the observation noise, sigma_Y.
    """
    squared = (mean - target).square().flatten(2).sum(dim=-1)  # (N, Q, values) -> (N, Q)
    return squared.mean() / (2 * std**2)
