"""How much memory this process may hope for."""

import os
import resource
from contextlib import suppress
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup/memory.max")


def available_memory() -> int:
    """Bytes: what the machine has, what its control group allows, or the limit set for the process."""
    known = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    with suppress(OSError, ValueError):  # no such file, or it says 'max'
        known.append(int(CGROUP.read_text(encoding="ascii")))
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        known.append(limit)
    return min(known)
