"""Every physics check of every synthetic system; slow ones run with ``pytest -m slow``.

Each measured value is printed beside what is expected; see them with ``pytest -s``.
"""

import math

import pytest

from ladid_bench.datasets.simulated import SYSTEMS
from ladid_bench.verification.physics import load_checks
from ladid_bench.verification.physics.base import Check

CASES = [
    pytest.param(check, id=f"{system}: {check.quantity}", marks=[pytest.mark.slow] if check.slow else [])
    for system in SYSTEMS
    for check in load_checks(system)
]


@pytest.mark.parametrize("check", CASES)
def test_check(check: Check) -> None:
    measured = check.measure()
    print(f"{check.quantity}: expected {check.expected:.9g}, measured {measured:.9g}, tolerance {check.tolerance:.2g}")
    assert math.isfinite(measured)
    assert abs(measured - check.expected) <= check.tolerance


def test_every_system_has_checks_that_the_gate_runs() -> None:
    for system in SYSTEMS:
        checks = load_checks(system)
        assert any(not check.slow for check in checks), system
        quantities = [check.quantity for check in checks]
        assert len(set(quantities)) == len(quantities), system
