"""The lattice-Boltzmann solver: exact properties. Its accuracy is measured in ``physics.cylinder_flow``."""

from pathlib import Path

import numba
import numpy as np
import pytest

import ladid_bench
from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.simulated.lattice_boltzmann import OPPOSITE, VELOCITIES, WEIGHTS, Lattice, equilibrium


def swirl(rows: int = 24, columns: int = 40, speed: float = 0.05) -> np.ndarray:
    """Some smooth velocity without symmetry, ``(2, row, column)``."""
    x, y = 2 * np.pi * np.arange(columns) / columns, 2 * np.pi * np.arange(rows)[:, None] / rows
    return speed * np.stack([np.sin(y + 0.3) * np.cos(2 * x), np.sin(x) + 0.5 * np.cos(y - 1)])


def disc(rows: int = 24, columns: int = 40, x: float = 12.0, y: float = 11.0) -> np.ndarray:
    return np.hypot(np.arange(columns) - x, np.arange(rows)[:, None] - y) < 4.2


def momentum(lattice: Lattice) -> np.ndarray:
    """Momentum (x, y) of the fluid, ``(2,)``."""
    return VELOCITIES.T @ lattice.populations[:, ~lattice.solid].sum(axis=1)


def test_velocities_and_weights_make_an_isotropic_lattice() -> None:
    assert (VELOCITIES[OPPOSITE] == -VELOCITIES).all() and WEIGHTS.sum() == pytest.approx(1)
    assert np.abs(WEIGHTS @ VELOCITIES).max() < 1e-15
    assert np.einsum("q,qi,qj->ij", WEIGHTS, VELOCITIES, VELOCITIES) == pytest.approx(np.eye(2) / 3)
    fourth = np.einsum("q,qi,qj,qk,ql->ijkl", WEIGHTS, *[VELOCITIES] * 4)
    delta = np.eye(2)
    isotropic = sum(np.einsum(f"{a},{b}->ijkl", delta, delta) for a, b in (("ij", "kl"), ("ik", "jl"), ("il", "jk")))
    assert fourth == pytest.approx(isotropic / 9)


def test_the_equilibrium_has_its_density_and_velocity() -> None:
    velocity = swirl()
    populations = equilibrium(velocity)
    assert populations.sum(axis=0) == pytest.approx(np.ones(velocity.shape[1:]))
    assert np.tensordot(VELOCITIES.T, populations, axes=1) == pytest.approx(velocity)


def test_a_uniform_stream_stays_as_it_is() -> None:
    velocity = np.tile(np.array([0.08, -0.03])[:, None, None], (1, 24, 40))
    lattice = Lattice(velocity, 0.01, fringe=np.linspace(0, 0.2, 40), stream=(0.08, -0.03))
    lattice.advance(101)
    assert np.abs(lattice.velocity() - velocity).max() < 1e-14


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_one_kernel_does_what_the_scheme_says(steps: int) -> None:
    """The same scheme written plainly: collide everywhere, stream, turn back what met the body."""
    solid, viscosity, stream = disc(), 0.02, (0.05, 0.01)
    fringe = np.where(np.arange(40) > 30, 0.15, 0)
    lattice = Lattice(swirl(), viscosity, solid, fringe, stream)
    forces = lattice.advance(steps)
    plus = 3 * viscosity + 0.5
    minus = 3 / 16 / (plus - 0.5) + 0.5
    target = equilibrium(np.array(stream)[:, None, None])
    now = equilibrium(swirl())
    for step in range(steps):
        arrived, force = np.empty_like(now), np.zeros(2)
        for population, velocity in enumerate(VELOCITIES):
            right, up = velocity
            arrived[population] = np.roll(now[population], (up, right), axis=(0, 1))
            met = np.roll(solid, (up, right), axis=(0, 1)) & ~solid  # the node it comes from is solid
            arrived[population][met] = now[OPPOSITE[population]][met]
            force += -2 * velocity * now[OPPOSITE[population]][met].sum()
        density = arrived.sum(axis=0)
        flow = np.tensordot(VELOCITIES.T, arrived, axes=1) / density
        rest = equilibrium(flow) * density
        off = arrived - rest
        even, odd = (off + off[OPPOSITE]) / 2, (off - off[OPPOSITE]) / 2
        now = (1 - fringe) * (arrived - even / plus - odd / minus) + fringe * target
        assert forces[step] == pytest.approx(force, rel=1e-9, abs=1e-13)
    assert lattice.populations[:, ~solid] == pytest.approx(now[:, ~solid], rel=1e-12)


def test_mass_and_momentum_are_conserved() -> None:
    lattice = Lattice(swirl(), 0.01, disc())
    mass, before = lattice.mass, momentum(lattice)
    forces = lattice.advance(300)
    assert abs(lattice.mass / mass - 1) < 1e-13
    assert np.abs(forces.sum(axis=0)).max() > 0.1  # what the fluid loses is what the body gets
    assert before - momentum(lattice) == pytest.approx(forces.sum(axis=0), abs=1e-11)


def test_the_place_in_the_box_does_not_matter() -> None:
    """The box is periodic and a body may lie across its edge."""
    here = Lattice(swirl(), 0.01, disc())
    there = Lattice(np.roll(swirl(), (9, 31), axis=(1, 2)), 0.01, np.roll(disc(), (9, 31), axis=(0, 1)))
    forces = here.advance(51)
    assert there.advance(51) == pytest.approx(forces, abs=1e-13)
    assert (np.roll(here.velocity(), (9, 31), axis=(1, 2)) == there.velocity()).all()


def test_steps_may_be_divided_in_any_way() -> None:
    at_once, in_parts = (Lattice(swirl(), 0.01, disc()) for _ in range(2))
    at_once.advance(20)
    for steps in (1, 0, 2, 5, 12):
        in_parts.advance(steps)
    assert in_parts.steps == 20 and (in_parts.force == at_once.force).all()
    assert (in_parts.velocity() == at_once.velocity()).all()


def test_a_part_of_the_velocity_is_that_part() -> None:
    lattice = Lattice(swirl(), 0.01, disc())
    part = lattice.velocity(slice(3, 20), slice(5, 30))
    assert (part == lattice.velocity()[:, 3:20, 5:30]).all()
    assert (part[:, disc()[3:20, 5:30]] == 0).all()


def test_what_the_scheme_cannot_do_is_refused() -> None:
    with pytest.raises(BenchError, match=r"0.506, .* 0.508"):
        Lattice(swirl(), 0.002)
    with pytest.raises(BenchError, match=r"Mach number .* 0.3"):
        Lattice(swirl(speed=0.2), 0.01)
    with pytest.raises(BenchError, match="Mach number"):
        Lattice(swirl(), 0.01, stream=(0.2, 0.0))


def test_a_flow_that_blows_up_is_reported() -> None:
    lattice = Lattice(swirl(), 0.01)
    lattice.populations[1, 3, 4] = 1e200
    with pytest.raises(BenchError, match=r" 0.53"):
        lattice.advance(200)


def test_compiled_code_is_kept_outside_the_package() -> None:
    package = Path(ladid_bench.__file__).resolve().parent
    assert numba.config.CACHE_DIR and package not in Path(numba.config.CACHE_DIR).resolve().parents
    assert not list(package.rglob("*.nbi"))
