"""Synthetic systems: one module each, registered here by name."""

from ladid_bench.systems.base import System
from ladid_bench.systems.pendulum import Pendulum
from ladid_bench.systems.reaction_diffusion import ReactionDiffusion

SYSTEMS: dict[str, type[System]] = {system.name: system for system in (Pendulum, ReactionDiffusion)}
