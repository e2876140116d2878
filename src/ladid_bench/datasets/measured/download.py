"""Downloads from the package index that pip is configured for."""

import ast
import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import requests
from pypi_simple import PYPI_SIMPLE_ENDPOINT, DistributionPackage, PyPISimple
from pypi_simple.errors import NoSuchProjectError, UnsupportedContentTypeError, UnsupportedRepoVersionError

from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.measured.archive import Archive

log = logging.getLogger(__name__)

TIMEOUT = (10.0, 60.0)  # seconds to connect, and between two pieces of an answer
ATTEMPTS = 3
PAUSE = 1.0  # seconds before the second attempt; twice that before the third
PIP_SETTINGS = ("index-url", "cert", "proxy")


def download(archive: Archive, target: Path) -> None:
    """Download to ``target``, trying again when the network fails in a way that may pass.

    Raises:
        BenchError: no network, no index at the address that pip is configured for, no such release there.
    """
    settings = _pip_settings()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _download_once(archive, settings, target)
            return
        except requests.RequestException as error:
            if attempt == ATTEMPTS or not _may_pass(error):
                raise BenchError(_network_problem(archive, error)) from error
            log.warning("%s: %s; trying again", archive.filename, type(error).__name__)
            time.sleep(PAUSE * attempt)


def _may_pass(error: requests.RequestException) -> bool:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return error.response.status_code == 429 or error.response.status_code >= 500
    passing = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    return isinstance(error, passing)


def _network_problem(archive: Archive, error: requests.RequestException) -> str:
    """What went wrong and what to try, without the address: it may hold a password."""
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return f"{archive.filename}: the download broke off {ATTEMPTS} times; nothing was kept: rerun"
    reason = type(error).__name__
    if isinstance(error, requests.HTTPError) and error.response is not None:
        reason = f"HTTP status {error.response.status_code}"
    return (
        f"{archive.filename} is not in the cache and the package index cannot be reached ({reason}); "
        "connect to the network, check pip's index-url, cert and proxy ('pip config list') and rerun"
    )


def _download_once(archive: Archive, settings: dict[str, str], target: Path) -> None:
    session = requests.Session()
    if "cert" in settings:
        if not Path(settings["cert"]).exists():
            raise BenchError(f"pip's cert '{settings['cert']}' does not exist; correct it and rerun")
        session.verify = settings["cert"]
    if "proxy" in settings:
        session.proxies = dict.fromkeys(("http", "https"), settings["proxy"])
    with PyPISimple(settings.get("index-url", PYPI_SIMPLE_ENDPOINT), session=session) as index:
        package = _find_package(index, archive)
        log.info("%s: downloading to %s", archive.filename, target.parent)
        # The digest that the index states is not the one that counts: the pinned one is checked afterwards.
        index.download_package(
            package,
            target,
            verify=False,
            progress=lambda total: _LoggedProgress(archive.filename, total),
            timeout=TIMEOUT,
        )


def _find_package(index: PyPISimple, archive: Archive) -> DistributionPackage:
    try:
        packages = index.get_project_page(archive.project, timeout=TIMEOUT).packages
    except NoSuchProjectError:
        packages = []
    except (UnsupportedContentTypeError, UnsupportedRepoVersionError) as error:
        raise BenchError(
            f"the address that pip is configured for does not answer like a package index ({type(error).__name__}); "
            f"correct pip's index-url and rerun"
        ) from error
    for package in packages:
        if package.filename == archive.filename:
            return package
    raise BenchError(
        f"the package index has no {archive.filename} ({archive.project} {archive.version}); "
        f"configure pip for an index that has it and rerun"
    )


class _LoggedProgress:
    """A log line every 20 % of a download; implements ``pypi_simple.ProgressTracker``."""

    def __init__(self, filename: str, total: int | None) -> None:
        self.filename, self.total = filename, total
        self.received = self.fifths = 0

    def __enter__(self) -> "_LoggedProgress":
        return self

    def update(self, increment: int) -> None:
        self.received += increment
        fifths = 5 * self.received // self.total if self.total else 0
        if fifths > self.fifths:
            self.fifths = fifths
            log.info("%s: %d %% (%.1f MB)", self.filename, 20 * fifths, self.received / 1e6)

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass


def _pip_settings() -> dict[str, str]:
    """``index-url``, ``cert`` and ``proxy`` as ``pip download`` would use them, where they are set."""
    settings = dict(_pip_files())
    for name in PIP_SETTINGS:
        value = os.environ.get("PIP_" + name.upper().replace("-", "_"))
        if value:
            settings[name] = value
    return settings


def _pip_files() -> list[tuple[str, str]]:
    """Names and values from pip's configuration files; those of its ``download`` section come last."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    try:
        listing = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):  # an environment may have no pip; the variables still count
        return []
    found = []
    for line in listing.splitlines():  # such as global.index-url='https://...'
        key, _, value = line.partition("=")
        section, _, name = key.rpartition(".")
        if section in ("global", "download") and name in PIP_SETTINGS:
            found.append((section == "download", name, str(ast.literal_eval(value))))
    return [(name, value) for _, name, value in sorted(found)]
