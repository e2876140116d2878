"""Writing files so that a reader never sees half of one, and naming them by content."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it replaces ``path``, on failure it vanishes.

    The temporary name starts with a dot and keeps the suffix, so that libraries which look at
    suffixes write the right format and ``finished`` does not see it: a process that is killed
    while writing leaves its temporary file behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes files private; results are to be shared
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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
