"""``python guard.py COMMAND...``: a command that does not outlive whoever asked for it.

The command gets a session of its own. When it ends, or when standard input ends because the process at its other
end is gone, everything in that session is killed, whatever it has started. It runs as a file of its own, with
nothing of the package imported.
"""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress


def main() -> int:
    """Run the command; its exit code, or that a shell gives to one that was killed."""
    command = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=_end_with_input, args=(command.pid,), daemon=True).start()
    code = command.wait()
    _kill(command.pid)
    return code if code >= 0 else 128 - code


def _end_with_input(session: int) -> None:
    while os.read(0, 4096):
        pass
    _kill(session)


def _kill(session: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(session, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
