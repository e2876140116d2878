"""Files that appear whole or not at all, and what becomes of those that were never finished."""

import errno
import hashlib
import json
import os
import platform
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from ladid_bench.core import memory
from ladid_bench.core.errors import explain
from ladid_bench.core.files import (
    UNFINISHED,
    atomic_write,
    content_key,
    file_sha256,
    finished,
    replaced_folder,
    write_json,
)

WRITER = """
import sys, time
from pathlib import Path
from ladid_bench.core.files import atomic_write
with atomic_write(Path(sys.argv[1])) as temporary:
    temporary.write_text("half of it")
    print("writing", flush=True)
    sys.stdin.readline()
    temporary.write_text("all of it")
"""


@contextmanager
def writer(path: Path) -> Iterator[subprocess.Popen]:
    """Another process in the midst of writing ``path``."""
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        try:
            yield process
        finally:
            process.kill()


def unfinished(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"{UNFINISHED}*"))


def test_a_file_that_may_not_be_read_is_no_folder_that_may_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The superuser may read everything, so the answer of the file system is made up."""
    path = tmp_path / "mine.npz"
    path.touch()
    monkeypatch.setattr(os, "access", lambda where, mode: mode != os.R_OK)
    refused = PermissionError(errno.EACCES, "Permission denied", str(path))
    assert "cannot be read" in explain(refused) and str(path) in explain(refused)
    assert "cannot write" in explain(PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "new.npz")))


def test_what_a_killed_process_left_is_not_a_finished_file_and_goes_with_the_next_write(tmp_path: Path) -> None:
    write_json(tmp_path / "b.json", {})
    with writer(tmp_path / "d.json") as process:
        process.kill()
    assert len(unfinished(tmp_path)) == 1
    assert [path.name for path in finished(tmp_path, ".json")] == ["b.json"]
    write_json(tmp_path / "a.json", {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "b.json"]


@pytest.mark.parametrize("stopped", [False, True])
def test_what_a_living_process_writes_stays(tmp_path: Path, stopped: bool) -> None:
    with writer(tmp_path / "slow.json") as process:
        (temporary,) = unfinished(tmp_path)
        if stopped:
            process.send_signal(signal.SIGSTOP)
        os.utime(temporary, (0, 0))  # age says nothing of a process that lives
        for index in range(3):
            write_json(tmp_path / f"{index}.json", {})
        assert temporary.exists()
        process.send_signal(signal.SIGCONT)
        process.communicate("go on\n")
        assert process.returncode == 0
    assert (tmp_path / "slow.json").read_text() == "all of it"
    assert unfinished(tmp_path) == []


def test_of_what_others_left_only_that_of_dead_processes_of_this_machine_goes(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    here, own = platform.node(), os.getpid()
    names = {
        f"{UNFINISHED}{ended.pid}@{here}@0-x.json": False,
        f"{UNFINISHED}{own}@{here}@0-x.json": True,
        f"{UNFINISHED}1@{here}@0-x.json": True,  # alive, whoever may ask
        f"{UNFINISHED}{ended.pid}@{here}-2@0-x.json": True,
        f"{UNFINISHED}x@{here}@0-x.json": True,
        ".writing": True,
    }
    for name in names:
        (tmp_path / name).touch()
    write_json(tmp_path / "a.json", {})
    assert {name: (tmp_path / name).exists() for name in names} == names


def test_a_folder_takes_the_place_of_the_former_one_as_a_whole(tmp_path: Path) -> None:
    final = tmp_path / "report"
    with replaced_folder(final) as folder:
        (folder / "a").write_text("first")
        assert not final.exists()
    with pytest.raises(ZeroDivisionError), replaced_folder(final) as folder:
        (folder / "a").write_text("half")
        raise ZeroDivisionError
    assert (final / "a").read_text() == "first"
    with replaced_folder(final) as folder, replaced_folder(final) as beside:  # two at once: each has a place of its own
        (folder / "a").write_text("second")
        (beside / "a").write_text("third")
    assert (final / "a").read_text() == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_the_former_folder_is_there_until_the_new_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    final, rename = tmp_path / "report", Path.rename
    with replaced_folder(final) as folder:
        (folder / "a").write_text("first")

    def only_former(path: Path, target: Path) -> Path:
        if target == final:
            raise OSError(errno.EIO, "broken")
        return rename(path, target)

    with monkeypatch.context() as broken:
        broken.setattr(Path, "rename", only_former)
        with pytest.raises(OSError, match="broken"), replaced_folder(final) as folder:
            (folder / "a").write_text("second")
    with pytest.raises(ZeroDivisionError), replaced_folder(final):
        raise ZeroDivisionError
    assert (final / "a").read_text() == "first"


def test_a_folder_whose_process_was_killed_between_the_renames_comes_back(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    (tmp_path / ".report-former").mkdir()
    (tmp_path / ".report-former" / "a").write_text("kept")
    half = tmp_path / f"{UNFINISHED}{ended.pid}@{platform.node()}@0-report"
    half.mkdir()
    (half / "a").write_text("half")
    with pytest.raises(ZeroDivisionError), replaced_folder(tmp_path / "report"):
        raise ZeroDivisionError
    assert (tmp_path / "report" / "a").read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_many_writers_in_one_folder_never_lose_a_file(tmp_path: Path) -> None:
    def write(number: int) -> None:
        for index in range(50):
            write_json(tmp_path / f"{number}-{index}.json", {"number": number})

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(finished(tmp_path, ".json")) == 400
    assert unfinished(tmp_path) == []


def test_a_failed_write_leaves_the_former_file_and_nothing_else(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"kept": 1})
    before = (tmp_path / "a.json").read_bytes()
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", {"bad": float("nan")})
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [before]


def _hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["values"] = np.random.default_rng(0).random(100_000)


LIBRARIES: dict[str, Callable[[Path], object]] = {
    "text": lambda path: path.write_text("x" * 800_000),
    "hdf5": _hdf5,
    "torch": lambda path: torch.save(torch.rand(200_000), path),
    "numpy": lambda path: np.savez(path.open("wb"), values=np.random.default_rng(0).random(100_000)),
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_file_that_does_not_fit_is_one_error_that_names_it(tmp_path: Path, library: str) -> None:
    """A limit on the size of files stands in for a full disk, whatever the library makes of it."""
    path = tmp_path / "values.npz"
    path.write_text("the former file")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
    try:
        with pytest.raises(OSError) as caught, atomic_write(path) as temporary:
            LIBRARIES[library](temporary)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(path))
    assert [inside.read_text() for inside in tmp_path.iterdir()] == ["the former file"]


def test_an_error_of_another_kind_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(json.JSONDecodeError), atomic_write(tmp_path / "a.json"):
        json.loads("{")
    assert list(tmp_path.iterdir()) == []


def test_a_key_depends_on_the_content_and_not_on_its_order() -> None:
    """The first 16 digits of SHA-256 of the canonical JSON."""
    canonical = b'{"a":[1,2],"b":{"c":null,"d":0.5}}'
    expected = hashlib.sha256(canonical).hexdigest()[:16]
    assert content_key({"b": {"d": 0.5, "c": None}, "a": [1, 2]}) == expected
    assert content_key({"b": {"d": 0.5, "c": None}, "a": [2, 1]}) != expected
    with pytest.raises(ValueError):
        content_key({"a": float("nan")})


def test_a_reader_of_the_former_file_keeps_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"former": 1})
    with path.open() as former:
        write_json(path, {"later": 2})
        assert json.load(former) == {"former": 1}
    assert json.loads(path.read_text()) == {"later": 2}


def test_finished_files_are_those_of_a_suffix_in_order(tmp_path: Path) -> None:
    for name in ("b.json", "a.json", ".c.json", "a.yaml"):
        (tmp_path / name).write_text("{}")
    assert [path.name for path in finished(tmp_path, ".json")] == ["a.json", "b.json"]


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")  # as in FIPS 180-2
    assert file_sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_json_is_the_same_whatever_the_order_and_holds_finite_numbers(tmp_path: Path) -> None:
    """NaN is no JSON (RFC 8259, section 6)."""
    for name, content in (("one", {"b": 1, "a": 2}), ("other", {"a": 2, "b": 1})):
        write_json(tmp_path / name, content)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "nan", {"a": float("nan")})
    assert not (tmp_path / "nan").exists()


@pytest.mark.parametrize(
    ("group", "own", "expected"),
    [
        ("max", memory.resource.RLIM_INFINITY, 4_096_000),
        ("3000000", memory.resource.RLIM_INFINITY, 3_000_000),
        ("max", 2_000_000, 2_000_000),
        ("9000000", 8_000_000, 4_096_000),
    ],
)
def test_memory_is_the_least_of_the_machine_the_control_group_and_the_own_limit(
    group: str, own: int, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "memory.max").write_text(f"{group}\n")
    (tmp_path / "groups").write_text("0::/\n")
    monkeypatch.setattr(memory, "GROUPS", tmp_path / "groups")
    monkeypatch.setattr(memory, "HIERARCHIES", tmp_path)
    monkeypatch.setattr(memory.os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 1000}.__getitem__)
    monkeypatch.setattr(memory.resource, "getrlimit", lambda kind: (own, own))
    assert memory.available_memory() == expected


@pytest.mark.parametrize(
    ("groups", "limits", "expected"),
    [
        ("0::/job/step\n", {"job/memory.max": "3000", "job/step/memory.max": "max"}, 3000),  # of a Slurm job
        ("0::/job/step\n", {"job/memory.max": "3000", "job/step/memory.max": "2000"}, 2000),
        ("4:memory:/job\n0::/\n", {"memory/job/memory.limit_in_bytes": "5000"}, 5000),  # version 1
        ("4:memory:/elsewhere\n", {"memory/memory.limit_in_bytes": "6000"}, 6000),  # a container sees its own root
        ("3:cpuset:/job\n", {"cpuset/job/memory.limit_in_bytes": "7"}, 4_096_000),
    ],
)
def test_a_control_group_may_lie_anywhere_below_the_root_and_those_above_it_count(
    groups: str, limits: dict[str, str], expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, limit in limits.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{limit}\n")
    (tmp_path / "groups").write_text(groups)
    monkeypatch.setattr(memory, "GROUPS", tmp_path / "groups")
    monkeypatch.setattr(memory, "HIERARCHIES", tmp_path)
    monkeypatch.setattr(memory.os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 1000}.__getitem__)
    unlimited = memory.resource.RLIM_INFINITY
    monkeypatch.setattr(memory.resource, "getrlimit", lambda kind: (unlimited, unlimited))
    assert memory.available_memory() == expected


def test_a_folder_in_the_place_of_a_file_or_above_what_may_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(IsADirectoryError) as caught, atomic_write(tmp_path / "there"):
        raise AssertionError("nothing may be written")
    assert explain(caught.value).startswith(f"{tmp_path / 'there'}: ")
    with pytest.raises(OSError) as caught, replaced_folder(Path("/proc/self/made")):  # a file system that takes none
        raise AssertionError("nothing may be written")
    assert explain(caught.value).startswith("/proc/self/made: ")
