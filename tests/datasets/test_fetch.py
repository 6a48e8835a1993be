"""``data fetch`` against a server on loopback that has a small archive of the same shape."""

from __future__ import annotations

import contextlib
import http.server
import io
import json
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.cli import main
from bench.datasets import fetch
from bench.errors import BenchError

RANDOM = np.random.default_rng(0)
COUNT = 2


def png(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "png")
    return buffer.getvalue()


@pytest.fixture
def arrays() -> dict[str, dict[str, np.ndarray]]:
    """A small stand-in for the published sets: two shoes and two PGGAN samples."""
    image = RANDOM.integers(0, 256, (COUNT, 64, 64, 3), dtype=np.uint8)
    outputs = {
        name: RANDOM.integers(
            0, 256, (COUNT, 28, 28) if "kernel" in name else (COUNT, 64, 64, 3), dtype=np.uint8
        )
        for name in fetch.OUTPUTS
    }
    kernel = RANDOM.random((COUNT, 28, 28))
    shoes: dict[str, np.ndarray] = {
        "image": image,
        "range_image": image[::-1].copy(),
        "kernel": kernel,
        **outputs,
    }
    return {"shoes": shoes, "pggan": {"image": np.repeat(np.repeat(image, 2, 1), 2, 2)}}


@pytest.fixture
def archive(arrays: dict[str, dict[str, np.ndarray]]) -> bytes:
    """The stand-in, laid out as in the authors' repository."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, group in arrays.items():
            for array, values in group.items():
                if array == "kernel":
                    kernels = io.BytesIO()
                    np.save(kernels, values)
                    path = "results/Shoes/Original Blurs/Test Blurs.npy"
                    file.writestr(f"repository-commit/{path}", kernels.getvalue())
                    continue
                members = fetch._members(name, array, COUNT)
                for (path, _), value in zip(members, values, strict=True):
                    file.writestr(f"repository-commit/{path}", png(value))
    return buffer.getvalue()


@pytest.fixture
def manifest(arrays: dict[str, dict[str, np.ndarray]], tmp_path: Path) -> Path:
    path = tmp_path / "manifest.json"
    sums = {
        name: {array: [fetch.digest(v) for v in values] for array, values in group.items()}
        for name, group in arrays.items()
    }
    path.write_text(json.dumps(sums))
    return path


class Server:
    """Answers every request with what the test put into ``body`` and ``status``."""

    body, status, declared, moved, pause = b"", 200, None, "", 0.0

    def __init__(self) -> None:
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(outer.status)
                length = len(outer.body) if outer.declared is None else outer.declared
                self.send_header("Content-Length", str(length))
                if outer.moved:
                    self.send_header("Location", outer.moved)
                self.end_headers()
                for start in range(0, len(outer.body), 5000):
                    time.sleep(outer.pause)
                    with contextlib.suppress(OSError):  # a client that has had enough
                        self.wfile.write(outer.body[start : start + 5000])

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/archive.zip"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.server.shutdown()
    server.server.server_close()


def test_fetching_lays_out_what_was_published(
    server: Server,
    archive: bytes,
    manifest: Path,
    arrays: dict[str, dict[str, np.ndarray]],
    tmp_path: Path,
) -> None:
    server.body = archive
    written = fetch.fetch(tmp_path / "data", server.url, manifest)
    assert [path.name for path in written] == ["shoes.npz", "pggan.npz"]
    with np.load(written[0]) as found:
        for name, values in arrays["shoes"].items():
            assert (found[name] == values).all()
            assert found[name].dtype == values.dtype


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s, a: setattr(s, "body", a[: len(a) // 2]), "no whole archive"),
        (lambda s, a: setattr(s, "status", 404), "HTTP 404"),
        (lambda s, a: setattr(s, "declared", len(a) * 2), "could not be downloaded"),
        (lambda s, a: s.server.server_close(), "could not be downloaded"),
    ],
)
def test_a_download_that_fails_leaves_what_was_there(
    server: Server, archive: bytes, manifest: Path, tmp_path: Path, change: object, words: str
) -> None:
    server.body = archive
    old = tmp_path / "data" / "paper" / "shoes.npz"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")
    change(server, archive)  # type: ignore[operator]
    with pytest.raises(BenchError, match=words):
        fetch.fetch(tmp_path / "data", server.url, manifest)
    assert old.read_bytes() == b"old"
    assert [path.name for path in old.parent.iterdir()] == ["shoes.npz"]


def test_other_pixels_than_published_are_refused(
    server: Server, archive: bytes, manifest: Path, tmp_path: Path
) -> None:
    sums = json.loads(manifest.read_text())
    sums["shoes"]["dd_image"][1] = "0" * 64
    manifest.write_text(json.dumps(sums))
    server.body = archive
    with pytest.raises(BenchError, match="dd_image 1 of shoes is not what was published"):
        fetch.fetch(tmp_path / "data", server.url, manifest)
    assert not (tmp_path / "data").exists()


def test_an_archive_of_something_else_is_refused(
    server: Server, manifest: Path, tmp_path: Path
) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("other/readme", "hello")
    server.body = buffer.getvalue()
    with pytest.raises(BenchError, match="The archive lacks"):
        fetch.fetch(tmp_path / "data", server.url, manifest)


@pytest.mark.parametrize(
    ("limit", "value", "words"),
    [("MAX_DOWNLOAD", 20_000, "more than 20000 bytes"), ("MAX_SECONDS", 0.2, "more than 0.2 sec")],
)
def test_a_download_that_never_ends_is_ended(
    server: Server,
    archive: bytes,
    manifest: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    value: float,
    words: str,
) -> None:
    server.body, server.pause = archive, 0.1 if limit == "MAX_SECONDS" else 0.0
    monkeypatch.setattr(fetch, limit, value)
    with pytest.raises(BenchError, match=words):
        fetch.fetch(tmp_path / "data", server.url, manifest)
    assert not (tmp_path / "data").exists()


def test_a_folder_that_takes_no_files_is_refused_before_the_download(manifest: Path) -> None:
    with pytest.raises(BenchError, match=r"/proc/nowhere/paper/svhn.npz cannot be written"):
        fetch.fetch(Path("/proc/nowhere"), "http://nobody.invalid/", manifest)


def test_only_the_web_is_downloaded_from(
    server: Server, archive: bytes, manifest: Path, tmp_path: Path
) -> None:
    file = tmp_path / "archive.zip"
    file.write_bytes(archive)
    for source in (str(file), f"file://{file}", "ftp://localhost/archive.zip", "archive.zip", "["):
        with pytest.raises(BenchError, match="is no address to download from"):
            fetch.fetch(tmp_path / "data", source, manifest)
    server.status = 302
    for place in (f"file://{file}", server.url):  # elsewhere than the web, and in a circle
        server.moved = place
        with pytest.raises(BenchError, match="could not be downloaded"):
            fetch.fetch(tmp_path / "data", server.url, manifest)


@pytest.mark.parametrize(
    ("member", "content", "words"),
    [
        ("pg_gan/results/orig/x_orig_1.png", bytes(20 << 20), "is damaged .*more than the"),
        ("pg_gan/results/orig/x_orig_1.png", None, "pggan is not what was published"),
        ("results/Shoes/Original Blurs/Test Blurs.npy", b"", "Blurs.npy in the archive is damaged"),
    ],
)
def test_members_of_other_sizes_are_refused(
    server: Server,
    archive: bytes,
    manifest: Path,
    tmp_path: Path,
    member: str,
    content: bytes | None,
    words: str,
) -> None:
    changed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as old,
        zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            other = png(np.zeros((5, 7, 3), np.uint8)) if content is None else content
            new.writestr(name, other if name.endswith(member) else old.read(name))
    server.body = changed.getvalue()
    with pytest.raises(BenchError, match=words):
        fetch.fetch(tmp_path / "data", server.url, manifest)


def test_at_the_command_line(
    server: Server,
    archive: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server.body = archive  # right in shape, but not what the shipped manifest says
    monkeypatch.setenv("BENCH_PUBLISHED_URL", server.url)
    assert main(["data", "fetch", "--folder", str(tmp_path / "data")]) == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert message.startswith("bench: ")
    assert "The archive lacks" in message or "not what was published" in message


def test_the_manifest_is_of_the_published_sets(data: Path) -> None:
    assert fetch.make_manifest(data) == json.loads(fetch.MANIFEST.read_text())
