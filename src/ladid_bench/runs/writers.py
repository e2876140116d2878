"""One writer a run: a job that is queued again, a retry, a second Snakemake or a hand may all start the same run."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from ladid_bench.core.paths import Folders
from ladid_bench.study.plan import PlannedRun

log = logging.getLogger(__name__)


@contextmanager
def only_writer(run: PlannedRun, folders: Folders) -> Iterator[None]:
    """Keep others from working on ``run`` while this lasts; where somebody does already, wait for them.

    The lock is the operating system's, on a file in ``work/``: it holds between nodes that share that folder, and ends
    with the processes that hold it, however they end.
    """
    path = folders.writer(run.key)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        log.warning("another process works on %s (%s): waiting for it", run.key, run.label)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
