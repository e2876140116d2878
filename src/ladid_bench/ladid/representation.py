"""From tokens to psi, the code of a realization."""

from torch import Tensor, nn

from ladid_bench.methods.distributions import Gaussian


class VariationalEmbedding(nn.Module):
    """Two linear heads give each token's mean and standard deviation; psi is the mean over the context.

    ``std = floor + exp(clip(W b, -8, 2))`` is positive whatever the head says. The mean of C independent
    Gaussians is itself Gaussian with variance ``sum_j std_j^2 / C^2``, so psi is drawn once and not C times.
    """

    def __init__(self, width: int, code: int, std_floor: float):
        super().__init__()
        self.mean = nn.Linear(width, code)
        self.log_std = nn.Linear(width, code)
        self.std_floor = std_floor

    def forward(self, tokens: Tensor) -> Gaussian:
        """``(N, C, width)`` to the posterior of psi, ``(N, code)``."""
        std = self.std_floor + self.log_std(tokens).clamp(-8, 2).exp()  # (N, C, code)
        aggregated = std.square().sum(dim=1).sqrt() / tokens.shape[1]
        return Gaussian(mean=self.mean(tokens).mean(dim=1), std=aggregated)
