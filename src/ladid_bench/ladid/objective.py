"""The smoothness terms of the objective; likelihood and KL divergence are shared with the baselines.

All tie neighbouring windows of a trajectory together, in expectation over windows:

=========  ==================================================================================
``joint``  two neighbouring windows agree on the latent state, each from its own psi
``embed``  the encoder's embedding of a true frame agrees with the predicted state
``msvi``   the embedding of a window's first frame agrees with the window before, continued
``none``   no such term
=========  ==================================================================================
"""

from typing import Literal

import torch
from torch import Tensor

from ladid_bench.methods.distributions import Gaussian

Smoothness = Literal["joint", "embed", "msvi", "none"]


def overlap_penalty(earlier: Tensor, later: Tensor, std: float) -> Tensor:
    """Compute ``joint``: the squared mismatch over ``2 std^2``, summed over the times at which windows overlap.

    Args:
        earlier, later: latent states of neighbouring windows at the same times, ``(pairs, times, latent)``.
        std: standard deviation of the mismatch that is tolerated, sigma_c.

    Returns:
        A scalar, averaged over pairs; 0 without any.
    """
    if len(earlier) == 0:
        return torch.zeros((), device=earlier.device)
    return (later - earlier).square().sum(dim=(1, 2)).mean() / (2 * std**2)


def embedding_penalty(embedding: Gaussian, states: Tensor, std: float) -> Tensor:
    """Compute ``embed`` and ``msvi``: ``KL(embedding || N(state, std^2))``, averaged.

    Args:
        embedding: posterior of frames' embeddings, ``(..., latent)``.
        states: predicted latent states at the same times, ``(..., latent)``.
        std: sigma_c.

    Returns:
        A scalar; 0 without any state.
    """
    if states.numel() == 0:
        return torch.zeros((), device=states.device)
    return embedding.kl_from(states, std).mean()
