"""The released archives of measured data, for the tests that look at the real thing."""

from pathlib import Path

import pytest

from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.measured.archive import Archive
from ladid_bench.datasets.measured.fetch import fetch


def archive_or_skip(archive: Archive) -> Path:
    """The released archive; out of reach is a reason to skip, a damaged file is a failure."""
    try:
        return fetch(archive)
    except BenchError as error:
        if any(reason in str(error) for reason in ("cannot be reached", "broke off", "index has no")):
            pytest.skip(f"the measured file is neither in the cache nor to be had: {error}")
        raise
