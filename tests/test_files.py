"""Files that appear whole or not at all."""

from pathlib import Path

import pytest

from ladid_bench.files import atomic_write, finished, write_json


def test_what_a_killed_process_left_is_not_a_finished_file(tmp_path: Path) -> None:
    write_json(tmp_path / "b.json", {})
    write_json(tmp_path / "a.json", {})
    (tmp_path / "c.npz").write_bytes(b"")
    writing = atomic_write(tmp_path / "d.json")
    writing.__enter__()  # never left, as by SIGKILL
    assert len(list(tmp_path.iterdir())) == 4
    assert [path.name for path in finished(tmp_path, ".json")] == ["a.json", "b.json"]


def test_a_failed_write_leaves_the_former_file_and_nothing_else(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"kept": 1})
    before = (tmp_path / "a.json").read_bytes()
    with pytest.raises(ValueError, match="Out of range"):
        write_json(tmp_path / "a.json", {"bad": float("nan")})
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [before]
