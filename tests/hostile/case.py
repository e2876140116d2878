"""What a hostile input is, and the canaries that show whether anything in it was run."""

import os
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# what code that stands in a file would do first; Python reports each before it happens
TELLTALE = ("os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "subprocess.Popen")
TELLTALE += ("socket.connect", "webbrowser.open", "ctypes.dlopen")
SEEN: list[str] = []
_watching = [False]


def _hook(event: str, arguments: tuple) -> None:
    if _watching[0] and event in TELLTALE:
        SEEN.append(f"{event} {arguments!r:.200}")


sys.addaudithook(_hook)  # there is no way to take it out again, so it watches only while it is told to


class Watch:
    """While this lasts, whatever starts a process, opens a connection or loads a library is noted in ``SEEN``."""

    def __enter__(self) -> list[str]:
        SEEN.clear()
        _watching[0] = True
        return SEEN

    def __exit__(self, *_: object) -> None:
        _watching[0] = False


@dataclass(frozen=True)
class Case:
    """One malformed input.

    Attributes:
        kind, name: of the input.
        make: makes it in a folder of its own; what it gives is handed to ``read``.
        read: reads it as the product does; has to end in a ``BenchError`` of one line.
    """

    kind: str
    name: str
    make: Callable[[Path], object]
    read: Callable[[object], object]

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"


class Trap:
    """Unpickling it leaves a mark behind."""

    def __init__(self, mark: Path, how: Callable = Path.touch):
        self.mark, self.how = mark, how

    def __reduce__(self) -> tuple:
        return (os.system, (f"touch {self.mark}",)) if self.how is os.system else (self.how, (self.mark,))


def mark_of(folder: Path) -> Path:
    """The file that a trap in ``folder`` leaves."""
    return folder / "CODE-HAS-RUN"


def trap(folder: Path, protocol: int = 2) -> bytes:
    """A pickle that leaves the mark in ``folder`` when it is loaded."""
    return pickle.dumps(Trap(mark_of(folder)), protocol=protocol)


def written(folder: Path, name: str, content: str | bytes) -> Path:
    """A file in ``folder``."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
