"""Synthetic systems: one module each, registered here by name."""

from ladid_bench.datasets.simulated.base import System
from ladid_bench.datasets.simulated.cylinder_flow import CylinderFlow
from ladid_bench.datasets.simulated.double_pendulum import DoublePendulum
from ladid_bench.datasets.simulated.navier_stokes import NavierStokes
from ladid_bench.datasets.simulated.pendulum import Pendulum
from ladid_bench.datasets.simulated.reaction_diffusion import ReactionDiffusion
from ladid_bench.datasets.simulated.wave import Wave

SYSTEMS: dict[str, type[System]] = {
    system.name: system for system in (Pendulum, DoublePendulum, Wave, ReactionDiffusion, NavierStokes, CylinderFlow)
}
