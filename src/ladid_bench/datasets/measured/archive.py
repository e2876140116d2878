"""Files inside released archives, found by name and pinned by their SHA-256; nothing is extracted or run."""

import hashlib
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from ladid_bench.core.errors import BenchError
from ladid_bench.core.readers import one_line

MEMBER_LIMIT = 512 * 2**20  # bytes


@dataclass(frozen=True)
class Archive:
    """Name one file of one release of a project on the package index."""

    project: str
    version: str
    filename: str
    sha256: str


@dataclass(frozen=True)
class ArchivedFile:
    """Name one file in an archive.

    Attributes:
        archive: where it is.
        path: its exact name in there.
        sha256: of its content.
    """

    archive: Archive
    path: str
    sha256: str

    @property
    def words(self) -> str:
        """Say where the file is, for a data card."""
        return f"{self.path.rpartition('/')[2]} in {self.archive.filename}"


def read_member(archive_path: Path, member: str, sha256: str, limit: int = MEMBER_LIMIT) -> bytes:
    """Read the bytes of one member of a wheel, zip or gzipped tar archive, found by its exact name.

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
    return BenchError(f"{path}: {problem}; it is not the release that is pinned: delete it and rerun")


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
