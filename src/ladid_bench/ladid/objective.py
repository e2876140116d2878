"""The smoothness term of the objective; the others are shared with the baselines."""

import torch
from torch import Tensor


def seam_penalty(earlier: Tensor, later: Tensor, std: float) -> Tensor:
    """Joint smoothness: two sub-trajectories must agree on the latent state where they meet.

    Both sides are evaluated at the later window's first query time, each with its own psi.

    Args:
        earlier, later: latent states ``(pairs, latent)`` of neighbouring windows at the same time.
        std: standard deviation of the mismatch that is tolerated, sigma_c.
    """
    if len(earlier) == 0:
        return torch.zeros((), device=earlier.device)
    return (later - earlier).square().sum(dim=-1).mean() / (2 * std**2)
