"""From tokens to psi, the representation of a realization."""

from typing import Literal

import torch
from torch import Tensor, nn

from ladid_bench.methods.distributions import Gaussian, GaussianHead

Aggregation = Literal["mean", "last", "attention"]


class VariationalEmbedding(nn.Module):
    """Infer the posterior of psi, a weighted mean over the context of each token's Gaussian embedding.

    Two linear heads give a token's mean and standard deviation.

    ``std = floor + exp(clip(W b, -8, 2))`` is positive whatever the head says. With weights ``w_j`` that
    sum to 1, the weighted mean of C independent Gaussians is itself Gaussian with variance
    ``sum_j w_j^2 std_j^2``, so psi is drawn once and not C times.

    Args:
        width: length of a token.
        psi: length of psi.
        std_floor: smallest standard deviation of a token's embedding.
        aggregation: ``mean`` weighs all tokens alike, ``last`` takes the last one, ``attention`` learns the weights.
    """

    def __init__(self, width: int, psi: int, std_floor: float, aggregation: Aggregation):
        super().__init__()
        self.tokens = GaussianHead(width, psi, std_floor)  # the posterior of each token's embedding
        self.aggregation = aggregation
        if aggregation == "attention":
            self.score = nn.Linear(width, 1, bias=False)  # a bias would cancel in the softmax

    def weights(self, tokens: Tensor) -> Tensor:
        """Compute the weight of each token in psi, ``(N, C, 1)``; over C they sum to 1."""
        if self.aggregation == "attention":
            return self.score(tokens).softmax(dim=1)
        weights = torch.zeros_like(tokens[..., :1])
        if self.aggregation == "last":
            weights[:, -1] = 1
            return weights
        return weights + 1 / tokens.shape[1]

    def forward(self, tokens: Tensor) -> Gaussian:
        """Infer the posterior of psi, ``(N, psi)``, from tokens ``(N, C, width)``."""
        each, weights = self.tokens(tokens), self.weights(tokens)
        return Gaussian((weights * each.mean).sum(dim=1), (weights * each.std).square().sum(dim=1).sqrt())
