"""Writing files so that a reader never sees half of one, and naming them by content."""

import errno
import hashlib
import json
import os
import platform
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ladid_bench.core.errors import BenchError

UNFINISHED = ".writing-"  # how the names of files that are being written begin
PROBE_BYTES = 2**20


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it replaces ``path``, on failure it vanishes.

    The temporary name starts with a dot and ends as ``path`` does, so that libraries which look at
    suffixes write the right format and ``finished`` does not see it. A process that is killed while
    writing leaves its temporary file behind; whoever writes into the folder next removes it.

    Raises:
        OSError: the file system refuses the file; it names ``path``, whatever the library that was
            writing had to say.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder; give the name of a file", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path.parent)
    temporary = _temporary(path)
    try:
        temporary.touch()
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BenchError:
        raise
    except Exception as error:
        refusal = _refusal(temporary)
        if refusal is None:
            raise
        raise OSError(refusal.errno, refusal.strerror, str(path)) from error
    finally:
        _remove(temporary)


@contextmanager
def replaced_folder(final: Path) -> Iterator[Path]:
    """Yield a folder beside ``final`` to build in, which takes its place at the end, unless something fails.

    A process that is killed between the two renames leaves the former folder beside; the next one puts it back first.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(final.parent)
    building, former = _temporary(final), final.with_name(f".{final.name}-former")
    if former.exists() and not final.exists():
        former.rename(final)
    shutil.rmtree(former, ignore_errors=True)
    try:
        building.mkdir()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(final)) from error
    try:
        yield building
        if final.exists():
            final.rename(former)
        building.rename(final)
        shutil.rmtree(former, ignore_errors=True)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def check_room(folder: Path) -> None:
    """Check that ``folder`` takes a small file, before hours of work go into what it would refuse.

    Raises:
        OSError: it does not; the error names the folder.
    """
    temporary = _temporary(folder / "room")
    refusal = _refusal(temporary)
    _remove(temporary)
    if refusal is not None:
        raise OSError(refusal.errno, refusal.strerror, str(folder)) from refusal


def _temporary(path: Path) -> Path:
    """A new name beside ``path``, which tells the process and the machine that will write there."""
    return path.with_name(f"{UNFINISHED}{os.getpid()}@{platform.node()}@{uuid.uuid4().hex[:8]}-{path.name}")


def _remove_abandoned(folder: Path) -> None:
    """Remove what processes of this machine that live no more were writing; of other machines nothing is known."""
    for path in folder.glob(f"{UNFINISHED}*@{platform.node()}@*"):
        import psutil  # every command imports this module, and few find anything to remove

        process = path.name.removeprefix(UNFINISHED).partition("@")[0]
        if process.isdecimal() and not psutil.pid_exists(int(process)):
            _remove(path)


def _remove(path: Path) -> None:
    with suppress(OSError):  # a read-only file system refuses to remove even what is not there
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _refusal(temporary: Path) -> OSError | None:
    """What the file system says to more bytes: libraries that write through C tell little of why they failed."""
    try:
        with temporary.open("ab") as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error
    return None


def finished(folder: Path, suffix: str) -> list[Path]:
    """List the files in ``folder`` that end in ``suffix``, sorted, without what ``atomic_write`` has not finished."""
    return sorted(path for path in folder.glob(f"*{suffix}") if not path.name.startswith("."))


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` as indented JSON with sorted keys; NaN and infinity are refused."""
    write_text(path, json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n")


def file_sha256(path: Path) -> str:
    """Compute the hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_key(content: Any) -> str:
    """Derive a 16-digit hexadecimal key from JSON-serialisable ``content``, the same on every machine."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
