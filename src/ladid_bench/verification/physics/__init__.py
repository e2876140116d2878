"""What each synthetic system is checked against: the tests run these checks, and the report shows them."""

import importlib

from ladid_bench.core.errors import BenchError
from ladid_bench.verification.physics.base import Check


def load_checks(system: str) -> tuple[Check, ...]:
    """Load the checks of a system: ``CHECKS`` of the module here that is named like it, with underscores.

    Raises:
        BenchError: there is no such module.
    """
    name = f"{__name__}.{system.replace('-', '_')}"
    try:
        checks: tuple[Check, ...] = importlib.import_module(name).CHECKS
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise BenchError(
            f"system '{system}' has no physics checks; write them to {name.replace('.', '/')}.py"
        ) from error
    return checks
