"""Writing files so that a reader never sees half of one, and naming them by content."""

import fcntl
import hashlib
import json
import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from ladid_bench.core.errors import BenchError

UNFINISHED = ".writing-"  # how the names of files that are being written begin
ABANDONED_SECONDS = 7 * 24 * 3600.0  # nothing is written for so long without a byte more
PROBE_BYTES = 2**20
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


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
    path.parent.mkdir(parents=True, exist_ok=True)
    with _among_writers(path.parent):
        temporary = _temporary(path)
        try:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.chmod(0o666 & ~_umask())  # mkstemp makes files private; results are to be shared
            temporary.replace(path)
        except BenchError:
            raise
        except Exception as error:
            refusal = _refusal(temporary)
            if refusal is None:
                raise
            raise OSError(refusal.errno, refusal.strerror, str(path)) from error
        finally:
            temporary.unlink(missing_ok=True)


def check_room(folder: Path) -> None:
    """See whether ``folder`` takes a small file, before hours of work go into what it would refuse.

    Raises:
        OSError: it does not; the error names the folder.
    """
    try:
        temporary = _temporary(folder / "room")
        try:
            refusal = _refusal(temporary)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        refusal = error
    if refusal is not None:
        raise OSError(refusal.errno, refusal.strerror, str(folder)) from refusal


def _temporary(path: Path) -> Path:
    """An empty file of a new name, which tells on which boot of which machine it is being written."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{UNFINISHED}{_this_boot()}-", suffix=f"-{path.name}")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    os.close(handle)
    return Path(name)


def _refusal(temporary: Path) -> OSError | None:
    """What the file system says to more bytes: libraries that write through C tell little of why they failed."""
    try:
        with temporary.open("ab", buffering=0) as file:
            written = file.write(bytes(PROBE_BYTES))
            os.fsync(file.fileno())
            if written < PROBE_BYTES:
                file.write(bytes(PROBE_BYTES))  # a full disk takes what fits, and then says so
    except OSError as error:
        return error
    return None


@contextmanager
def _among_writers(folder: Path) -> Iterator[None]:
    """Clear ``folder`` of what killed writers left, then hold a lock that says that somebody is writing here.

    Writers share the lock, and the system releases it when a process ends, however it ends. Whoever gets
    it alone therefore knows that nobody on this machine is writing into the folder.
    """
    lock = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _clear(folder)
        except OSError:
            pass  # somebody is writing, or this file system has no locks: what was left stays
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield
    finally:
        os.close(lock)


def _clear(folder: Path) -> None:
    """Remove temporary files of this boot of this machine, whose writers are known to be dead, and very old ones.

    A lock on a folder may not reach other machines, and another boot may be that of another machine.
    """
    for path in folder.glob(f"{UNFINISHED}*"):
        here = path.name.startswith(f"{UNFINISHED}{_this_boot()}-")
        with suppress(OSError):
            if here or time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                path.unlink()


@lru_cache(maxsize=1)
def _this_boot() -> str:
    """A name for this machine since it was started; where the system has none, one that nobody else uses."""
    try:
        boot = BOOT_ID.read_bytes()
    except OSError:
        boot = uuid.uuid4().bytes
    return hashlib.sha256(boot).hexdigest()[:8]


def finished(folder: Path, suffix: str) -> list[Path]:
    """Files in ``folder`` that end in ``suffix``, sorted, without what ``atomic_write`` has not finished."""
    return sorted(path for path in folder.glob(f"*{suffix}") if not path.name.startswith("."))


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` as indented JSON with sorted keys; NaN and infinity are refused."""
    write_text(path, json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n")


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of the file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_key(content: Any) -> str:
    """A 16-digit hexadecimal name for JSON-serialisable ``content``, the same on every machine."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
