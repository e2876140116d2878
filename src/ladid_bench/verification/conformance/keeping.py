"""Checks of what a method saves and loads."""

import io
import pickle
import shutil
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from ladid_bench.verification.conformance.checks import Verdict, failed, passed
from ladid_bench.verification.conformance.subject import Subject


def round_trip(subject: Subject) -> Verdict:
    """Check that what is saved and loaded gives the same forecast and has the same size."""
    method, folder = subject.fitted(), subject.folder("saved")
    method.save(folder)
    loaded = subject.new(subject.main)
    loaded.load(folder)
    if not np.array_equal(subject.answer(loaded), subject.learnt):
        return failed("the method loaded forecasts something else than the one saved")
    if loaded.cost().get("parameters") != method.cost().get("parameters"):
        return failed("the method loaded reports another number of parameters than the one saved")
    return passed()


class Trap:
    """Unpickling it leaves a file behind."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.mark,)


def no_code(subject: Subject) -> Verdict:
    """Check that loading runs nothing that stands in the files."""
    source, mark = subject.folder("saved-clean"), subject.folder("code-has-run")
    subject.fitted(subject.main).save(source)
    trap, tried = pickle.dumps(Trap(mark), protocol=2), 0  # the protocol that torch writes
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        for spoiled in (trap, *_spoiled(path.read_bytes(), trap)):
            folder = subject.folder("saved-trapped")
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(source, folder)
            (folder / path.relative_to(source)).write_bytes(spoiled)
            with suppress(Exception):  # refusing the file is what is wanted
                subject.new(subject.main).load(folder)
            if mark.exists():
                return failed(f"load unpickles {path.relative_to(source)}: a file from elsewhere could run anything")
            tried += 1
    return passed(f"{tried} files with a trap")


def _spoiled(content: bytes, trap: bytes) -> list[bytes]:
    """``content`` with the trap in each member that is pickled or may be, where it is a zip archive (npz, torch)."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return []
    spoiled = []
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": ()})
    for name in members:
        if name.endswith((".npy", ".pkl")):
            made = io.BytesIO()
            with zipfile.ZipFile(made, "w") as archive:
                for other, kept in members.items():
                    pickled = header.getvalue() + trap if name.endswith(".npy") else trap
                    archive.writestr(other, pickled if other == name else kept)
            spoiled.append(made.getvalue())
    return spoiled
