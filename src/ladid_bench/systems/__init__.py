"""Synthetic systems: one module each, registered here by name."""

from ladid_bench.systems.base import System
from ladid_bench.systems.pendulum import Pendulum

SYSTEMS: dict[str, type[System]] = {system.name: system for system in (Pendulum,)}
