"""Baselines that do what they like, each run once under the supervisor; prints how every run ended as JSON.

A program of its own: without torch in the process the supervisor forks, and thirty runs take seconds.
"""

import json
import os
import shutil
import sys
import time
from pathlib import Path

from checkouts import Checkout

from ladid_bench.analysis.results import aggregate
from ladid_bench.core.errors import BenchError
from ladid_bench.runs import execute  # noqa: F401  # once here, and not in every child

REAL = Path(__file__).parents[2]
SPAWNING = (
    "import os, time\n        if os.fork() == 0:\n            PID\n            time.sleep(120)\n            os._exit(0)"
)
PID = "open(r'FOLDER/' + str(os.getpid()) + '.pid', 'w').close()"
SILENT = """
        class Silent(Exception):
            def __str__(self):
                raise RuntimeError("no word")
        raise Silent"""

FITS = {
    "raises": "raise ValueError('line one\\nline two')",
    "raises a megabyte": "raise ValueError('x' * 2**20)",
    "raises what cannot be said": SILENT.strip(),
    "raises an exit": "raise SystemExit(0)",
    "raises an interrupt": "raise KeyboardInterrupt",
    "raises what is no exception": "class Odd(BaseException): pass\n        raise Odd('odd')",
    "leaves without a word": "import os; os._exit(0)",
    "leaves with a code": "import os; os._exit(3)",
    "kills itself": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "aborts": "import os; os.abort()",
    "recurses without end": "self.fit(training)",
    "takes all memory": "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32)); x = bytearray(2**36)",
    "hangs": "import time; time.sleep(600)",
    "hangs and does not listen": "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)",
    "forks and raises": f"{SPAWNING}\n        raise ValueError('forked')",
    "forks and leaves": f"{SPAWNING}\n        os._exit(5)",
    "forks and hangs": f"{SPAWNING}\n        time.sleep(600)",
    "forks away from its session": f"{SPAWNING.replace('PID', 'os.setsid(); PID')}\n        os._exit(6)",
    "starts a program and raises": "import subprocess; p = subprocess.Popen(['sleep', '120'])\n        "
    "open(r'FOLDER/' + str(p.pid) + '.pid', 'w').close(); raise ValueError('left it')",
    "an error with control characters": "raise ValueError('\\x1b[31mred\\x07\\x00')",
}
VALUES = {
    "a forecast of another shape": "np.zeros((1, 2), np.float32)",
    "a forecast of texts": "np.full((3, 50, 1, 32, 32), 'x')",
    "a forecast of objects": "np.full((3, 50, 1, 32, 32), None)",
    "a forecast of NaN": "np.full((3, 50, 1, 32, 32), np.nan, np.float32)",
    "no forecast": "None",
    "a number": "7",
}
CODES = {
    "does not parse": "def (",
    "raises on import": "raise RuntimeError('on import')",
    "leaves on import": "import sys; sys.exit(0)",
    "hangs on import": "import time; time.sleep(600)",
    "imports what is not there": "import no_such_module_at_all",
    "has no method": "x = 1",
    "has a method that is none": "METHOD = dict",
    "has a method that is abstract": "from ladid_bench.methods.base import Method\nMETHOD = Method",
    "is not text": "\\xff\\xfe",
    "costs NaN": "COST nan",
    "costs a text": "COST 'much'",
}
LIMIT = 0.02  # minutes of what hangs
SLOW = ("hangs and does not listen",)  # is given ten seconds to end


def outcomes(folder: Path, slow: bool) -> dict[str, dict]:
    """How the run of every strange baseline ended, and what was left of it."""
    checkout = Checkout(folder / "checkout", REAL)
    for baseline in (checkout.root / "baselines").iterdir():
        shutil.rmtree(baseline)
    found = {}
    for number, (name, fit, value, code) in enumerate(_all(slow)):
        baseline = f"strange{number}"
        checkout.add(baseline, fit.replace("PID", PID).replace("FOLDER", str(folder)), value)
        method = checkout.root / "baselines" / baseline / "method.py"
        usual = f"np.full((*query_times.shape, *self.task.shape), {value}, np.float32)"
        if value != "0.0":
            method.write_text(method.read_text().replace(usual, value))
        if code:
            method.write_bytes(_code(code, method.read_text()))
        found[name] = _run(checkout, baseline, LIMIT if "hang" in name else 2) | {"left": _left(folder)}
    return found


def _run(checkout: Checkout, baseline: str, minutes: float) -> dict:
    began = time.monotonic()
    try:
        _, ended = checkout.supervise(baseline, time_limit_minutes=minutes)
        row = aggregate(checkout.runs, checkout.folders).iloc[0]
        told = {"status": ended.status, "reason": ended.reason, "row": row["status"], "said": row["reason"]}
    except BenchError as error:
        told = {"status": "refused", "reason": str(error), "row": "", "said": ""}
    return told | {"seconds": time.monotonic() - began}


def _all(slow: bool) -> list[tuple[str, str, str, str]]:
    every = [(name, fit, "0.0", "") for name, fit in FITS.items() if slow or name not in SLOW]
    every += [(name, "pass", value, "") for name, value in VALUES.items()]
    return every + [(name, "pass", "0.0", code) for name, code in CODES.items()]


def _code(code: str, usual: str) -> bytes:
    if code.startswith("COST "):
        cost = f"    def cost(self):\n        return {{'parameters': {code[5:].replace('nan', 'np.nan')}}}\n\nMETHOD"
        return usual.replace("METHOD", cost, 1).encode()
    return b"\xff\xfe" if code.startswith("\\x") else code.encode()


def _left(folder: Path) -> list[int]:
    """Processes that a baseline started and that are still there a moment later; they are ended now."""
    left = []
    for path in folder.glob("*.pid"):
        deadline = time.monotonic() + 3
        while _running(int(path.stem)) and time.monotonic() < deadline:
            time.sleep(0.05)
        if _running(int(path.stem)):
            left.append(int(path.stem))
            os.kill(int(path.stem), 9)
        path.unlink()
    return left


def _running(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


if __name__ == "__main__":
    print(json.dumps(outcomes(Path(sys.argv[1]), "slow" in sys.argv)))
