"""How much memory this process may hope for."""

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

GROUPS = Path("/proc/self/cgroup")  # a line a hierarchy: number, controllers, path below its root
HIERARCHIES = Path("/sys/fs/cgroup")
LIMITS = {"": "memory.max", "memory": "memory.limit_in_bytes"}  # by controllers: version 2 names none


def available_memory() -> int:
    """Find the bytes of memory that this process may use: the machine's, its control groups', or its own limit."""
    known = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *_group_limits()]
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        known.append(limit)
    return min(known)


def memory_shortage(needed: float) -> str:
    """Say in words how far so many bytes are beyond what this process may use; empty where they are not."""
    available = available_memory()
    return f"{needed / 1e9:,.1f} GB of memory, and {available / 1e9:,.1f} GB are there" if needed > available else ""


def _group_limits() -> Iterator[int]:
    """Limits of the control groups that hold this process, each of which has those above it."""
    groups = GROUPS.read_text(encoding="utf-8").splitlines() if GROUPS.exists() else []
    for _, controllers, path in (line.split(":", 2) for line in groups):
        root = HIERARCHIES / controllers
        own = root / path.lstrip("/")
        for folder in (own, *own.parents) if controllers in LIMITS else ():
            if folder.is_relative_to(root):
                with suppress(OSError, ValueError):  # no such file, as in a container, or it says 'max'
                    yield int((folder / LIMITS[controllers]).read_text(encoding="ascii"))
