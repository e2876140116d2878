"""The Gaussians of the variational objectives, shared by all neural methods."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Gaussian:
    """Hold a diagonal Gaussian: mean and standard deviation, ``(..., k)`` each."""

    mean: Tensor
    std: Tensor

    def sample(self) -> Tensor:
        """Draw once, ``(..., k)``, reparametrised so that gradients reach mean and standard deviation."""
        return self.mean + self.std * torch.randn_like(self.std)

    def kl_from(self, mean: Tensor | float, std: Tensor | float) -> Tensor:
        """Compute ``KL(self || N(mean, std^2))``, summed over the last axis, ``(...)``."""
        ratio = self.std / std
        return (0.5 * (((self.mean - mean) / std) ** 2 + ratio**2 - 1) - ratio.log()).sum(dim=-1)

    def kl_from_standard_normal(self) -> Tensor:
        """Compute ``KL(self || N(0, I))``, summed over the last axis, ``(...)``."""
        return self.kl_from(0.0, 1.0)


class GaussianHead(nn.Module):
    """Map features ``(..., width)`` to a Gaussian over ``(..., outputs)``.

    Args:
        width: length of the features.
        outputs: length of what is drawn.
        std_floor: smallest standard deviation.
    """

    def __init__(self, width: int, outputs: int, std_floor: float):
        super().__init__()
        self.mean, self.log_std = nn.Linear(width, outputs), nn.Linear(width, outputs)
        self.std_floor = std_floor

    def forward(self, features: Tensor) -> Gaussian:
        """Map ``(..., width)`` to a distribution over ``(..., outputs)``."""
        return Gaussian(self.mean(features), self.std_floor + self.log_std(features).clamp(-8, 2).exp())


def negative_log_likelihood(mean: Tensor, target: Tensor, std: float) -> Tensor:
    """Compute the Gaussian likelihood's share of the loss, without its constant.

    This is ``sum_pixels (y - mean)^2 / (2 std^2)``, averaged over windows and queries.

    Args:
        mean: forecast frames, normalized, ``(N, Q, channel, *space)``.
        target: true frames, likewise.
        std: standard deviation of the observation noise, sigma_Y.
    """
    squared = (mean - target).square().flatten(2).sum(dim=-1)  # (N, Q, values) -> (N, Q)
    return squared.mean() / (2 * std**2)
