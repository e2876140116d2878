"""Full disks, read-only folders and limits on the size of files: one line that says so, and earlier results intact."""

import contextlib
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkouts import Checkout
from crash_sites import COPIED, snakemake
from refusals import check_refusal

from ladid_bench.cli.main import main
from ladid_bench.core.files import UNFINISHED

MEGABYTE = 2**20


class Disk:
    """A small file system of its own, in memory."""

    def __init__(self, place: Path, megabytes: int):
        self.place, self.filler = place, place / "filler"
        place.mkdir()
        self._mount("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs")

    def _mount(self, *words: str) -> None:
        subprocess.run(["mount", *words, str(self.place)], check=True, capture_output=True)

    def read_only(self) -> None:
        self._mount("-o", "remount,ro")

    def writable(self) -> None:
        self._mount("-o", "remount,rw")

    def fill(self) -> None:
        with self.filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))

    def free(self) -> None:
        self.filler.unlink()

    def close(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.place)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    try:
        made = Disk(tmp_path / "disk", 8)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"this user may mount no file system ({error}); the limit on the size of files is tested anyway")
    yield made
    made.close()


@pytest.fixture
def checkout(disk: Disk, root: Path) -> Checkout:
    return Checkout(disk.place / "checkout", root)


def fails(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], root: Path, *words: str) -> str:
    """The one line that ``ladid-bench WORDS`` ends with, and no other on stderr."""
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "argv", ["ladid-bench", *words])
    capfd.readouterr()
    with pytest.raises(SystemExit) as caught:
        main()
    said = capfd.readouterr().err
    assert caught.value.code == 1, said
    check_refusal(said)
    return said


def everything(folder: Path) -> dict[str, bytes]:
    places = [folder / name for name in ("results", "data")]
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def a_result(checkout: Checkout) -> None:
    """The records of ``mean``; then the study asks for ``persistence`` besides, whose run is yet to be made."""
    _, outcome = checkout.supervise("mean")
    assert outcome.status == "ok"
    checkout.configure(experiments={"comparison": {"datasets": ["pendulum"], "methods": ["mean", "persistence"]}})


def commands(checkout: Checkout) -> list[list[str]]:
    key = next(run.key for run in checkout.runs.values() if run.method == "persistence")
    return [["run", key], ["aggregate"], ["card", "pendulum"], ["schema", "work/schema.json"]]


def test_a_full_disk_is_one_line_and_counts_as_no_attempt(
    checkout: Checkout, disk: Disk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    a_result(checkout)
    before = everything(checkout.root)
    disk.fill()
    for words in commands(checkout):
        said = fails(monkeypatch, capfd, checkout.root, *words)
        assert "no space left" in said
    assert everything(checkout.root) == before
    assert list(checkout.root.rglob(f"{UNFINISHED}*")) == []
    disk.free()
    _, outcome = checkout.supervise("persistence")
    assert outcome.status == "ok"
    assert {name: content for name, content in everything(checkout.root).items() if name in before} == before


def test_a_forecast_that_does_not_fit_is_one_line_and_counts_as_no_attempt(
    checkout: Checkout, disk: Disk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """There is room for everything but the forecast, and so for a note of failure too: it must not be written."""
    a_result(checkout)
    disk.fill()
    with disk.filler.open("r+b") as file:
        file.truncate(disk.filler.stat().st_size - MEGABYTE // 4)
    run = commands(checkout)[0]
    assert "no space left" in fails(monkeypatch, capfd, checkout.root, *run)
    assert not checkout.folders.attempts(run[1]).exists()
    disk.free()
    monkeypatch.setattr(sys, "argv", ["ladid-bench", *run])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
    assert checkout.folders.record(run[1]).exists()


def test_a_read_only_folder_is_one_line(
    checkout: Checkout, disk: Disk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    a_result(checkout)
    before, asked = everything(checkout.root), commands(checkout)
    disk.read_only()
    for words in asked:
        said = fails(monkeypatch, capfd, checkout.root, *words)
        assert "writable" in said
    assert everything(checkout.root) == before
    disk.writable()


def test_files_larger_than_allowed_are_one_line(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    checkout = Checkout(tmp_path / "checkout", root)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MEGABYTE // 2, before[1]))
    try:
        said = fails(monkeypatch, capfd, checkout.root, "data", "pendulum")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert all(name in said for name in ("train/", "'ulimit -f'"))
    assert everything(checkout.root) == {}
    _, outcome = checkout.supervise("mean")
    assert outcome.status == "ok"


@pytest.mark.skipif(os.geteuid() == 0, reason="whoever may do everything may write everywhere")
def test_a_folder_without_permission_is_one_line(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    checkout = Checkout(tmp_path / "checkout", root)
    checkout.root.chmod(0o555)
    assert "writable" in fails(monkeypatch, capfd, checkout.root, "data", "pendulum")
    checkout.root.chmod(0o755)


@pytest.mark.parametrize("how", ["full", "read-only"])
def test_the_workflow_does_not_begin_where_nothing_can_be_written(
    checkout: Checkout, disk: Disk, root: Path, how: str
) -> None:
    for name in COPIED[:3]:
        copy = shutil.copytree if (root / name).is_dir() else shutil.copy
        copy(root / name, checkout.root / name)
    if how == "full":
        disk.fill()
    else:
        disk.read_only()
    done = subprocess.run([snakemake(), "--cores", "1"], cwd=checkout.root, capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == 1
    assert len(said) == 1, done.stderr
    assert ("no space left" if how == "full" else "writable") in said[0]
    assert "Traceback" not in done.stderr
    if how == "read-only":
        disk.writable()
