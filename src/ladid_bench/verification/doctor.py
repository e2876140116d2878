"""What a machine has and what it lacks for the main job, with the remedy; nothing is installed or changed."""

import importlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

from ladid_bench.core.configuration import Study, load_study
from ladid_bench.core.errors import BenchError
from ladid_bench.core.memory import available_memory
from ladid_bench.core.paths import MIDPOINTS, Folders, chosen_scale
from ladid_bench.core.provenance import machine
from ladid_bench.core.readers import one_line
from ladid_bench.runs.unlock import is_locked

PACKAGE = "ladid-bench"
INSTALL = "pip install -e . -c constraints.txt"
LEAST_PYTHON = (3, 11)
SPARE_DISK = 1e9  # bytes for results, checkpoints and environments of rules, beside the data
GIGABYTE = 1e9


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at.

    Attributes:
        state: ``ok``; ``note`` where something is worth knowing or lacks without harm to the main job; ``missing``
            where it keeps the main job from running.
        subject, found: what it is, and what is known of it.
        remedy: how to get what is missing.
    """

    state: Literal["ok", "note", "missing"]
    subject: str
    found: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.state:<8} {self.subject:<12} {self.found}{f'; {self.remedy}' if self.remedy else ''}"


def examine(root: Path, scale: str | None, cores: int) -> Iterator[Diagnosis]:
    """Examine this machine for all that is worth knowing before the main job of a checkout begins.

    Args:
        root: the checkout.
        scale: to check for; None takes the one named in ``params.yaml``.
        cores: that runs are to use side by side.
    """
    yield _python()
    yield from _packages()
    yield from _tools(root)
    yield _device()
    yield from _processors(cores)
    yield _slurm()
    yield _dvc(root)
    yield from _study(root, scale, cores)


def _python() -> Diagnosis:
    found = f"{platform.python_version()} in {sys.prefix}, {machine()['platform']}"
    if sys.version_info < LEAST_PYTHON:
        return Diagnosis("missing", "Python", found, f"{'.'.join(map(str, LEAST_PYTHON))} or later is needed")
    if platform.system() != "Linux":
        return Diagnosis("note", "Python", found, "only Linux is tested")
    if sys.dont_write_bytecode:
        remedy = "each job compiles all it imports anew, which takes seconds: unset PYTHONDONTWRITEBYTECODE"
        return Diagnosis("note", "Python", found, remedy)
    return Diagnosis("ok", "Python", found)


def _packages() -> Iterator[Diagnosis]:
    """Required packages and those of the extras, against what this package declares."""
    try:
        declared = [Requirement(one) for one in metadata.requires(PACKAGE) or ()]
    except metadata.PackageNotFoundError:
        yield Diagnosis("missing", "packages", f"{PACKAGE} is not installed", INSTALL)
        return
    core = [one for one in declared if one.marker is None or one.marker.evaluate({"extra": ""})]
    lacking = [told for told in map(_lack, core) if told]
    if lacking:
        yield Diagnosis("missing", "packages", ", ".join(lacking), INSTALL)
    else:
        kept = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "numpy", "snakemake", "dvc"))
        yield Diagnosis("ok", "packages", f"{PACKAGE} {metadata.version(PACKAGE)}, {kept}, {len(core)} in all")
    for extra in metadata.metadata(PACKAGE).get_all("Provides-Extra") or ():
        own = [one for one in declared if one not in core and one.marker and one.marker.evaluate({"extra": extra})]
        lacking = [told for told in map(_lack, own) if told]
        if lacking:
            remedy = f"if you want it: pip install -e '.[{extra}]' -c constraints.txt"
            yield Diagnosis("note", f"extra {extra}", ", ".join(lacking), remedy)
        else:
            yield Diagnosis("ok", f"extra {extra}", "complete")


def _lack(requirement: Requirement) -> str:
    """What is wrong with an installed package, or nothing."""
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return f"{requirement.name} is not installed"
    fits = requirement.specifier.contains(version, prereleases=True)
    return "" if fits else f"{requirement.name} {version} is not {requirement.specifier}"


def _tools(root: Path) -> Iterator[Diagnosis]:
    """Programs that are called: Snakemake and git."""
    path = _program("snakemake")
    if path:
        yield Diagnosis("ok", "snakemake", path)
    else:
        yield Diagnosis("missing", "snakemake", "no such program here", INSTALL)
    revision = _said("git", "-C", str(root), "rev-parse", "--short", "HEAD")
    if revision:
        yield Diagnosis("ok", "git", f"{_said('git', '--version')}, checkout at {revision}")
    else:
        yield Diagnosis("note", "git", "no git, or no clone", "records will not name a commit; clone the repository")
    if is_locked(root):
        yield Diagnosis("note", "lock", "a snakemake runs here, or one was killed", "ladid-bench unlock says which")


def _said(*command: str) -> str:
    """First line of what a program says, or nothing where it is not there, fails or hangs."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip().partition("\n")[0]


def _device() -> Diagnosis:
    try:
        torch = importlib.import_module("torch")
    except Exception as error:  # a broken build fails in any way
        return Diagnosis("missing", "device", f"torch cannot be imported ({one_line(error)})", INSTALL)
    if torch.cuda.is_available():
        names = ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
        found = f"{names}, CUDA {torch.version.cuda}; results repeat bit for bit on the CPU alone"
        return Diagnosis("ok", "device", found)
    if torch.version.cuda or shutil.which("nvidia-smi"):
        built = f"torch is built for CUDA {torch.version.cuda}" if torch.version.cuda else "torch is built for the CPU"
        return Diagnosis("note", "device", f"CPU; {built}", "for a GPU install your site's driver and build of torch")
    return Diagnosis("ok", "device", "CPU; a GPU is used where there is one")


def _processors(cores: int) -> Iterator[Diagnosis]:
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found = f"{machine()['processor']}, {allowed} core{'s' * (allowed != 1)} for this process"
    if cores > allowed:
        yield Diagnosis(
            "note", "processor", found, f"{cores} runs side by side would slow each other; --cores {allowed}"
        )
    else:
        yield Diagnosis("ok", "processor", found)
    set_ = {name: os.environ[name] for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if name in os.environ}
    threads = ", ".join(f"{name}={value}" for name, value in set_.items()) or "no variable set"
    yield Diagnosis("ok", "threads", f"{threads}; every run limits itself to 'execution: threads' of its configuration")


def _memory(largest: float, cores: int) -> Diagnosis:
    """Compare the memory here with the ``largest`` request for a run of the study, in bytes."""
    available = available_memory()
    found = f"{available / GIGABYTE:.1f} GB, the largest run of this study asks for {largest / GIGABYTE:.1f} GB"
    if available < largest / 2:  # requests are about twice what was measured
        return Diagnosis("note", "memory", found, "too little for larger runs, which will fail with 'out-of-memory'")
    fitting = int(available // max(largest, 1)) or 1
    if fitting < cores:
        return Diagnosis("note", "memory", found, f"--cores {fitting} is safe")
    return Diagnosis("ok", "memory", found)


def _slurm() -> Diagnosis:
    program = shutil.which("sbatch")
    if program is None:
        return Diagnosis("note", "Slurm", "none here", "needed only for --profile slurm")
    nodes = _said("sinfo", "--noheader", "--format", "%D nodes, %P, %a")
    if not nodes:
        return Diagnosis("note", "Slurm", f"{program}, but no controller answers", "needed only for --profile slurm")
    try:
        plugin = metadata.version("snakemake-executor-plugin-slurm")
    except metadata.PackageNotFoundError:
        remedy = f"for --profile slurm: {INSTALL}"
        return Diagnosis("note", "Slurm", f"{nodes}; its plugin is not installed", remedy)
    return Diagnosis("ok", "Slurm", f"{nodes}; plugin {plugin}")


def _dvc(root: Path) -> Diagnosis:
    program = _program("dvc")
    if program is None:
        return Diagnosis("note", "DVC", "no such program here", f"needed only for 'dvc repro': {INSTALL}")
    if not (root / ".dvc").is_dir():
        return Diagnosis("note", "DVC", "the checkout has no .dvc", "needed only for 'dvc repro': clone the repository")
    lock = "dvc.lock there" if (root / "dvc.lock").exists() else "no dvc.lock yet, 'dvc repro' writes it"
    return Diagnosis("ok", "DVC", f"{_said(program, '--version')}, {lock}")


def _program(name: str) -> str | None:
    """Find a program beside this Python, else on the path."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name)


def _study(root: Path, scale: str | None, cores: int) -> Iterator[Diagnosis]:
    """The configuration of the main job, the methods and data it names, and the room that they need."""
    from ladid_bench.methods.listing import list_method
    from ladid_bench.study.plan import plan_runs
    from ladid_bench.study.resources import memory_mb

    try:
        name = scale or chosen_scale(root)
        study = load_study(name, root)
        runs = plan_runs(study, root)
    except BenchError as error:
        yield Diagnosis("missing", "study", str(error), "correct it")
        return
    folders = Folders(root, name)
    done = sum(folders.record(key).exists() for key in runs)
    yield Diagnosis("ok", "study", f"scale '{name}': {len(runs)} runs, {done} done; 'ladid-bench plan' lists them")
    for method in sorted({run.method for run in runs.values()}):
        one = list_method(method, root)
        if one.missing:
            yield Diagnosis("note", one.name, one.status, "without it its runs are failures")
    yield _memory(1e6 * max(map(memory_mb, runs.values()), default=0), cores)
    yield _archives(study)
    for place in (folders.data, folders.results, folders.work):
        yield from _unwritable(place)
    yield _disk(study, folders)


def _archives(study: Study) -> Diagnosis:
    """The archives of measured data that a study needs: in the cache, or to be downloaded."""
    from ladid_bench.datasets.measured import MEASURED
    from ladid_bench.datasets.measured.fetch import CACHE_VARIABLE, cache_folder
    from ladid_bench.study.datasets import INTERVENTION

    named = (config.source or name for name, config in study.datasets.items())
    sources = {name.partition(INTERVENTION)[0] for name in named} & set(MEASURED)
    archives = [MEASURED[name].file.archive for name in sorted(sources)]
    lacking = sorted(archive.filename for archive in archives if not (cache_folder() / archive.filename).exists())
    if lacking:
        remedy = f"they are downloaded from pip's package index, or put there by hand ({CACHE_VARIABLE} moves it)"
        return Diagnosis("note", "archives", f"not yet in {cache_folder()}: {', '.join(lacking)}", remedy)
    return Diagnosis("ok", "archives", f"{len(archives)} of measured data needed, all in {cache_folder()}")


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _unwritable(folder: Path) -> Iterator[Diagnosis]:
    above = _existing(folder)
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        yield Diagnosis(
            "missing", "folder", f"cannot write to {folder}", f"make {above} a folder that you can write to"
        )


def _disk(study: Study, folders: Folders) -> Diagnosis:
    needed = SPARE_DISK + _data_bytes(study, folders)
    free = shutil.disk_usage(_existing(folders.root)).free
    found = f"{free / GIGABYTE:.1f} GB free, about {needed / GIGABYTE:.1f} GB needed for data, results and checkpoints"
    if free < needed:
        return Diagnosis("missing", "disk", found, f"free some, or put the checkout elsewhere than {folders.root}")
    return Diagnosis("ok", "disk", found)


def _data_bytes(study: Study, folders: Folders) -> float:
    """Bytes of the trajectory files that a study has yet to make; one channel is assumed."""
    from ladid_bench.study.datasets import planned_dataset

    total = 0.0
    for name in study.datasets:
        planned = planned_dataset(study, name)
        sizes = planned.config.trajectories.model_dump() | {MIDPOINTS: planned.config.trajectories.test}
        frame = 4 * planned.image_size**2 * (planned.context_frames + planned.forecast_frames)
        total += sum(sizes[split] * frame for split, path in planned.files(folders).items() if not path.exists())
    return total
