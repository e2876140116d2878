"""Fetching released archives, against a package index on this machine: no network is used."""

import hashlib
import io
import logging
import socket
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.measured import download
from ladid_bench.datasets.measured.archive import Archive, read_member
from ladid_bench.datasets.measured.fetch import cache_folder, fetch

FILENAME = "weather-1.0-py3-none-any.whl"
CONTENT = b"values\n" * 50_000


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def zip_of(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


class Index(ThreadingHTTPServer):
    """A package index with one release; ``misbehave`` says how it fails."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.archive = zip_of({"weather/rain.csv": CONTENT})
        self.misbehave = ""
        self.busy = 503
        self.failures_left = 1_000
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/simple"


class Handler(BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        failing = self.server.failures_left > 0
        if failing and self.server.misbehave in ("busy", "truncated"):
            self.server.failures_left -= 1
        if self.path == "/simple/weather/":
            busy = failing and self.server.misbehave == "busy"
            self.answer(
                self.server.busy if busy else 200, f'<a href="/files/{FILENAME}">{FILENAME}</a>'.encode(), "text/html"
            )
        elif self.path == f"/files/{FILENAME}":
            cut = failing and self.server.misbehave == "truncated"
            self.answer(200, self.server.archive, "application/zip", cut)
        else:
            self.answer(404, b"", "text/html")

    def answer(self, status: int, body: bytes, kind: str, cut: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Index]:
    for name in ("PIP_CERT", "PIP_PROXY", "PIP_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("LADID_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "PAUSE", 0.0)
    server = Index()
    monkeypatch.setenv("PIP_INDEX_URL", server.url)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def release(index: Index, **changes: str) -> Archive:
    given = {"project": "weather", "version": "1.0", "filename": FILENAME, "sha256": sha256(index.archive)}
    return Archive(**{**given, **changes})


def failure(archive: Archive) -> str:
    """The error that fetching raises: one line, and nothing half-written stays in the cache."""
    with pytest.raises(BenchError) as caught:
        fetch(archive)
    message = str(caught.value)
    assert "\n" not in message
    assert not cache_folder().exists() or not [path for path in cache_folder().iterdir() if path.name.startswith(".")]
    return message


def is_by_hand(message: str, archive: Archive) -> bool:
    return all(part in message for part in (archive.filename, archive.sha256, str(cache_folder()), "by hand"))


def test_downloads_once_and_then_uses_the_cache(index: Index, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    path = fetch(release(index))
    assert path == cache_folder() / FILENAME
    assert path.read_bytes() == index.archive
    assert [f"{percent} %" in caplog.text for percent in (20, 40, 60, 80, 100)] == [True] * 5
    asked = len(index.requests)
    assert fetch(release(index)) == path
    assert len(index.requests) == asked


def test_a_damaged_file_in_the_cache_is_not_used_and_not_replaced(index: Index) -> None:
    path = fetch(release(index))
    path.write_bytes(b"damaged")
    message = failure(release(index))
    assert str(path) in message
    assert "delete it and rerun" in message
    assert path.read_bytes() == b"damaged"


def test_a_file_put_there_by_hand_needs_no_network(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    cache_folder().mkdir()
    (cache_folder() / FILENAME).write_bytes(index.archive)
    assert fetch(release(index)).read_bytes() == index.archive
    assert not index.requests


def test_offline_says_how_to_do_it_by_hand_and_keeps_passwords(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    monkeypatch.setenv("PIP_INDEX_URL", f"http://user:secret@127.0.0.1:{port}/simple")
    message = failure(release(index))
    assert "ConnectionError" in message
    assert is_by_hand(message, release(index))
    assert "secret" not in message


@pytest.mark.parametrize("changes", [{"version": "2.0", "filename": "weather-2.0.tar.gz"}, {"project": "other"}])
def test_a_release_that_is_not_on_the_index(index: Index, changes: dict[str, str]) -> None:
    archive = release(index, **changes)
    message = failure(archive)
    assert f"has no {archive.filename} ({archive.project} {archive.version})" in message
    assert is_by_hand(message, archive)


@pytest.mark.parametrize(("misbehave", "said"), [("busy", "HTTP status 503"), ("truncated", "broke off 3 times")])
def test_a_network_that_fails_three_times(index: Index, misbehave: str, said: str) -> None:
    index.misbehave = misbehave
    message = failure(release(index))
    assert said in message
    assert is_by_hand(message, release(index))
    assert index.requests.count("/simple/weather/") == 3


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_network_failure_is_overcome(index: Index, status: int) -> None:
    """429 is 'too many requests' (RFC 6585)."""
    index.misbehave, index.failures_left, index.busy = "busy", 2, status
    assert fetch(release(index)).read_bytes() == index.archive


def test_an_index_that_sends_something_else(index: Index) -> None:
    archive = release(index, sha256=sha256(b"what was asked for"))
    message = failure(archive)
    assert sha256(index.archive) in message
    assert is_by_hand(message, archive)
    assert not (cache_folder() / FILENAME).exists()


def test_a_cache_that_cannot_be_written(index: Index, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LADID_BENCH_CACHE", str(tmp_path / "file" / "cache"))
    assert "LADID_BENCH_CACHE" in failure(release(index))


def test_the_index_may_come_from_pips_configuration_file(
    index: Index, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PIP_INDEX_URL")
    (tmp_path / "pip.conf").write_text(
        f"[global]\nindex-url = http://127.0.0.1:9/no\n[download]\nindex-url = {index.url}"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    assert fetch(release(index)).read_bytes() == index.archive
    monkeypatch.setenv("PIP_INDEX_URL", index.url + "/other")  # variables go before files, as pip has it
    monkeypatch.setenv("LADID_BENCH_CACHE", str(tmp_path / "another"))
    failure(release(index))
    assert index.requests[-1] == "/simple/other/weather/"


def test_an_environment_without_pip_still_has_the_variables(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert fetch(release(index)).read_bytes() == index.archive


def test_certificates_and_proxy_are_those_of_pip(index: Index, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Handed(Exception):
        pass

    def take(url: str, session: requests.Session) -> None:
        raise Handed(session)

    monkeypatch.setattr(download, "PyPISimple", take)
    (tmp_path / "ca.pem").write_text("")
    monkeypatch.setenv("PIP_CERT", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("PIP_PROXY", "http://proxy:3128")
    with pytest.raises(Handed) as handed:
        fetch(release(index))
    (session,) = handed.value.args
    assert session.verify == str(tmp_path / "ca.pem")
    assert session.proxies == {"http": "http://proxy:3128", "https": "http://proxy:3128"}


def test_the_cache_may_lie_at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LADID_BENCH_CACHE", "~/archives")
    assert cache_folder() == tmp_path / "archives"


def test_downloads_side_by_side_leave_one_whole_file(index: Index) -> None:
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(fetch, [release(index)] * 4))
    assert set(paths) == {cache_folder() / FILENAME}
    assert list(cache_folder().iterdir()) == [cache_folder() / FILENAME]


@pytest.fixture(params=["wheel", "source"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An archive with an innocent file and one whose name points outside."""
    members = {"weather/rain.csv": CONTENT, "../outside.txt": b"outside"}
    if request.param == "wheel":
        path = tmp_path / FILENAME
        path.write_bytes(zip_of(members))
        return path
    path = tmp_path / "weather-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as file:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            file.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("weather/link.csv")
        link.type, link.linkname = tarfile.SYMTYPE, "rain.csv"
        file.addfile(link)
    return path


def test_reads_a_member_by_name_and_writes_nothing(archive: Path) -> None:
    assert read_member(archive, "weather/rain.csv", sha256(CONTENT)) == CONTENT
    assert read_member(archive, "../outside.txt", sha256(b"outside")) == b"outside"
    assert list(archive.parent.iterdir()) == [archive]
    assert not (archive.parent.parent / "outside.txt").exists()


@pytest.mark.parametrize("member", ["weather/snow.csv", "rain.csv", "outside.txt", "weather", "weather/link.csv"])
def test_only_the_exact_name_of_a_file_is_found(archive: Path, member: str) -> None:
    with pytest.raises(BenchError, match=rf"'{member}'"):
        read_member(archive, member, sha256(CONTENT))


def test_a_member_with_another_checksum(archive: Path) -> None:
    with pytest.raises(BenchError, match=rf"'weather/rain.csv' .*{sha256(CONTENT)}, .* 0+;"):
        read_member(archive, "weather/rain.csv", "0" * 64)


def test_a_member_larger_than_the_limit(archive: Path) -> None:
    with pytest.raises(BenchError, match=r"'weather/rain.csv' .* 100 "):
        read_member(archive, "weather/rain.csv", sha256(CONTENT), limit=100)


def test_what_lies_before_a_member_is_unpacked_up_to_the_limit_alone(archive: Path) -> None:
    """A tar archive has no list of contents: all that comes before a member is unpacked on the way to it."""
    member = ("../outside.txt", sha256(b"outside"), 100)
    if archive.suffix == ".gz":
        with pytest.raises(BenchError, match=r"'weather/rain.csv' .* 100 "):
            read_member(archive, *member)
    else:
        assert read_member(archive, *member) == b"outside"


def test_an_archive_that_is_none(archive: Path) -> None:
    archive.write_bytes(b"not an archive")
    with pytest.raises(BenchError, match=str(archive)):
        read_member(archive, "weather/rain.csv", sha256(CONTENT))
