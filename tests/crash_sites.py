"""Where the workflow is killed: a checkout with a small study, a slow package index, and the processes there."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

from ladid_bench.core.files import UNFINISHED
from ladid_bench.core.paths import Folders

ROOT = Path(__file__).parent.parent
SCALE = "crash"
COPIED = ("Snakefile", "workflow", "profiles", "config")
BASELINES = ("mean",)
STEPS = 24
SIMULATED, MEASURED = "pendulum", "shoulder-imu"
# LaDID itself, saved more often than once a minute: no test has the time to wait for the shared trainer's minute
SAVED_OFTEN = """
from ladid_bench.ladid.method import LaDIDMethod
from ladid_bench.methods import trainer

trainer.CHECKPOINT_SECONDS = 0.3
METHOD = LaDIDMethod
"""
TRAINED = "saved-often"


def study(measured: bool) -> dict:
    """A simulated data set and a neural method; with ``measured`` also a downloaded data set and a simple method."""
    sizes = {"train": 16, "valid": 64, "test": 64}
    pairs = [[SIMULATED, TRAINED]]
    datasets = {SIMULATED: {"trajectories": sizes}}
    if measured:
        datasets[MEASURED] = {"trajectories": sizes}
        pairs += [[MEASURED, "mean"]]
    return {
        "scale": SCALE,
        "budget": {"steps": STEPS, "batch_size": 4, "validate_every": 1, "growth_steps": 1, "warmup_steps": 5},
        "datasets": datasets,
        "experiments": {"comparison": {"pairs": pairs}},
    }


class Site:
    """A checkout of its own, with its own cache of downloads."""

    def __init__(self, root: Path, index: str = "", trained: str = SAVED_OFTEN, **changes: object):
        self.root, self.cache, self.folders = root, root / "cache", Folders(root, SCALE)
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            root.mkdir(parents=True, exist_ok=True)
            copy(ROOT / name, root / name)
        for name in BASELINES:
            shutil.copytree(
                ROOT / "baselines" / name, root / "baselines" / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        folder = root / "baselines" / TRAINED.replace("-", "_")
        folder.mkdir()
        shutil.copy(ROOT / "src/ladid_bench/ladid/method.yaml", folder)
        (folder / "method.py").write_text(trained)
        (root / "params.yaml").write_text(f"scale: {SCALE}\n")
        (root / "config" / f"{SCALE}.yaml").write_text(yaml.safe_dump(study(bool(index)) | changes))
        pip = {"PIP_INDEX_URL": index, "PIP_CONFIG_FILE": os.devnull, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        self.environment |= {"LADID_BENCH_CACHE": str(self.cache), **pip}

    def start(self) -> "Session":
        """Begin the workflow, or go on with it."""
        return Session(self)

    def finish(self) -> str:
        """Go on after a kill, to the end, as README says; what Snakemake printed."""
        self.unlock()
        return self.run("--cores", "2")

    def unlock(self) -> None:
        """Remove the lock that a killed Snakemake left."""
        done = subprocess.run(
            [sys.executable, "-m", "ladid_bench", "unlock"], cwd=self.root, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def run(self, *options: str) -> str:
        done = subprocess.run(
            [snakemake(), *options], cwd=self.root, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    @property
    def log(self) -> str:
        """What the trained run has logged over all its attempts."""
        logs = [path.read_text() for path in (self.folders.work / "logs").glob("[0-9a-f]*.log") if len(path.stem) == 16]
        return "\n".join(text for text in logs if "validation nMSE" in text or "resumed" in text)


def snakemake() -> str:
    return str(Path(sys.executable).with_name("snakemake"))


class Session:
    """A Snakemake with all its descendants: they work in the site's folder, by which they are found unasked.

    By parents or sessions they are not: a run has a session of its own, and a killed parent leaves it to the system.
    """

    def __init__(self, site: Site):
        self.site = site
        with (site.root / "session.log").open("ab") as log:
            self.process = subprocess.Popen(
                [snakemake(), "--cores", "2"],
                cwd=site.root,
                env=site.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def members(self) -> dict[int, str]:
        """Command lines of the living processes, by process."""
        found, here = {}, self.site.root.resolve()
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # one that has ended works nowhere
                if (folder / "cwd").readlink() == here:
                    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(folder.name)] = command.decode(errors="replace")
        return found

    def send(self, number: int, chosen: Callable[[str], bool] = lambda command: True) -> None:
        """Send a signal to all, again until no process appears that has not had it."""
        had: set[int] = set()
        while new := {process for process, command in self.members().items() if chosen(command)} - had:
            for process in new:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, number)
            had |= new

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self.process.wait()

    def does(self, *words: str) -> bool:
        """Whether a process of ours runs ``ladid_bench WORDS``."""
        wanted = f"-m ladid_bench {' '.join(words)}"
        return any(wanted in command and "bash" not in command for command in self.members().values())


# --- what the workflow is doing, as its processes and files show it ----------------------------------------------


def _simulates(session: Session) -> bool:
    """One split is there and another is not: imports are over."""
    folder = session.site.folders.data / SIMULATED
    made = [any((folder / split).glob("[0-9a-f]*.hdf5")) for split in ("train", "test")]
    return made == [True, False] and session.does("data", SIMULATED)


def _downloads(session: Session) -> bool:
    return any(path.stat().st_size for path in _unfinished(session.site.cache))


def _unfinished(folder: Path) -> Iterator[Path]:
    return folder.glob(f"{UNFINISHED}*")


def _trains(session: Session) -> bool:
    """Steps have been made, and the model is not there yet."""
    return any(_workspaces(session, "checkpoint.pt")) and not _evaluates(session)


def _saves(session: Session) -> bool:
    return any(_workspaces(session, f"{UNFINISHED}*checkpoint.pt"))


def _evaluates(session: Session) -> bool:
    """The model is there, the record is not."""
    models = (session.site.folders.work / "models").glob("*/weights.pt")
    return any(not session.site.folders.record(path.parent.name).exists() for path in models)


def _renders(session: Session) -> bool:
    return any(session.site.folders.results.glob(f"{UNFINISHED}*-report")) and session.does("report")


def _workspaces(session: Session, pattern: str) -> Iterator[Path]:
    return (session.site.folders.work / "runs").glob(f"*/{pattern}")


SIGNS: dict[str, Callable[[Session], bool]] = {
    "simulation": _simulates,
    "download": _downloads,
    "training": _trains,
    "checkpoint": _saves,
    "evaluation": _evaluates,
    "report": _renders,
}


# --- a package index that takes its time --------------------------------------------------------------------------


class SlowIndex(ThreadingHTTPServer):
    """Serves one archive, in small pieces with pauses, so that there is a download to be killed."""

    daemon_threads = True
    seconds = 3.0

    def __init__(self, project: str, archive: Path):
        super().__init__(("127.0.0.1", 0), _Pages)
        self.project, self.archive = project, archive

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/simple"


class _Pages(BaseHTTPRequestHandler):
    server: SlowIndex

    def do_GET(self) -> None:
        archive = self.server.archive
        if self.path == f"/simple/{self.server.project}/":
            self._answer(f'<a href="/files/{archive.name}">{archive.name}</a>'.encode(), "text/html", 1)
        elif self.path == f"/files/{archive.name}":
            self._answer(archive.read_bytes(), "application/octet-stream", 100)
        else:
            self.send_error(404)

    def _answer(self, body: bytes, kind: str, pieces: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        size = -(-len(body) // pieces)
        with contextlib.suppress(OSError):  # who asked was killed
            for start in range(0, len(body), size):
                self.wfile.write(body[start : start + size])
                if pieces > 1:
                    time.sleep(self.server.seconds / pieces)
        self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        pass


@contextlib.contextmanager
def serving(index: SlowIndex) -> Iterator[str]:
    """The index's address, while it answers."""
    thread = threading.Thread(target=index.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield index.url
    finally:
        index.shutdown()
        index.server_close()
        thread.join()
