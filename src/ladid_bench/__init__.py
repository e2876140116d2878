"""LaDID Bench: a reproducibility benchmark for learning latent dynamics from high-dimensional observations."""

__version__ = "0.1.0"
