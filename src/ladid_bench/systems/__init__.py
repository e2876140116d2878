"""Synthetic systems: one module each, registered here by name."""

from ladid_bench.systems.base import System
from ladid_bench.systems.cylinder_flow import CylinderFlow
from ladid_bench.systems.double_pendulum import DoublePendulum
from ladid_bench.systems.navier_stokes import NavierStokes
from ladid_bench.systems.pendulum import Pendulum
from ladid_bench.systems.reaction_diffusion import ReactionDiffusion
from ladid_bench.systems.wave import Wave

SYSTEMS: dict[str, type[System]] = {
    system.name: system for system in (Pendulum, DoublePendulum, Wave, ReactionDiffusion, NavierStokes, CylinderFlow)
}
