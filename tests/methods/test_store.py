"""Weights by card: in a clone, from a folder or mirror, resumed, checked, or a sentence."""

from __future__ import annotations

import http.server
import importlib.metadata
import json
import re
import threading
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import pytest
import torch

import bench
from bench.errors import Unavailable, UnknownName
from bench.methods.training import store
from bench.methods.training.store import ModelStore
from bench.methods.training.weights import write_weights

RELATIVE = "methods/family/weights"
DECLARED = store.repository


class Mirror(http.server.BaseHTTPRequestHandler):
    """Serves one file, whole or from a byte on; ``asked`` keeps the ranges of the requests."""

    content, root = b"", "/v1"
    asked: list[str | None] = []  # noqa: RUF012 (reset by the fixture)

    def do_GET(self) -> None:
        given = self.headers.get("Range")
        self.asked.append(given)
        if self.path != f"{self.root}/{RELATIVE}/m.safetensors":
            self.send_error(404)
            return
        found = re.fullmatch(r"bytes=(\d+)-", given or "")
        body = self.content[int(found[1]) if found else 0 :]
        self.send_response(206 if found else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    """A family whose one card is here and whose weights lie in ``elsewhere``."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("BENCH_WEIGHTS", raising=False)
    monkeypatch.setattr(store, "repository", lambda: "")
    folder = tmp_path / "methods" / "family" / "weights"
    write_weights("m", {"network": torch.nn.Linear(20, 10)}, {}, folder, precision="float32")
    elsewhere = tmp_path / "elsewhere" / RELATIVE
    elsewhere.mkdir(parents=True)
    (folder / "m.safetensors").rename(elsewhere / "m.safetensors")
    return ModelStore(folder, "test network", unknown=UnknownName)


@pytest.fixture
def mirror(cards: ModelStore, tmp_path: Path) -> Iterator[str]:
    """Address of a loopback server that has the weights."""
    Mirror.content = (tmp_path / "elsewhere" / RELATIVE / "m.safetensors").read_bytes()
    Mirror.asked, Mirror.root = [], "/v1"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def test_without_a_source_the_message_says_what_helps(cards: ModelStore) -> None:
    assert not cards.reachable("m")
    said = r"names no repository\. Set BENCH_WEIGHTS .*'python -m bench train m'"
    with pytest.raises(Unavailable, match=said):
        cards.weights("m")
    with pytest.raises(UnknownName, match="no test network 'n'; there are: m"):
        cards.card("n")


def test_a_folder_of_weights(
    cards: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path / "elsewhere"))
    assert cards.reachable("m")
    assert set(cards.tensors("m", "network")) == {"weight", "bias"}


def test_a_mirror_is_asked_once_and_a_download_cut_short_goes_on(
    cards: ModelStore, mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_WEIGHTS", mirror)
    folder = tmp_path / "cache" / "weights"
    folder.mkdir(parents=True)
    sha = cards.card("m")["sha256"]
    (folder / f"{sha[:16]}-m.safetensors.partial").write_bytes(Mirror.content[:100])
    path = cards.weights("m")
    assert path.read_bytes() == Mirror.content
    cards.weights("m")
    assert Mirror.asked == ["bytes=100-"]


@pytest.mark.parametrize("named", [True, False])
def test_the_repository_that_the_package_names_is_asked_at_the_release_s_tag(
    cards: ModelStore, mirror: str, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    declared = Message()
    declared["Project-URL"] = f"{'Repository' if named else 'Changelog'}, {mirror}/"
    monkeypatch.setattr(importlib.metadata, "metadata", lambda name: declared)
    monkeypatch.setattr(store, "repository", DECLARED.__wrapped__)
    Mirror.root = f"/v1/raw/v{bench.__version__}"
    assert cards.reachable("m") == named
    if named:
        assert cards.weights("m").read_bytes() == Mirror.content
    else:
        with pytest.raises(Unavailable, match="names no repository"):
            cards.weights("m")
    assert len(Mirror.asked) == named


def test_other_content_and_a_server_without_the_file_are_refused(
    cards: ModelStore, mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_WEIGHTS", f"{mirror}/nowhere")
    with pytest.raises(Unavailable, match="HTTP 404"):
        cards.weights("m")
    monkeypatch.setenv("BENCH_WEIGHTS", mirror)
    Mirror.content = Mirror.content[:-1] + b"x"
    with pytest.raises(Unavailable, match="is not the file with SHA-256"):
        cards.weights("m")
    Mirror.content += b"more"
    with pytest.raises(Unavailable, match="sends more than"):
        cards.weights("m")
    assert not list((tmp_path / "cache").rglob("*.safetensors"))


@pytest.mark.parametrize("content", ["{}", "[]", "not json", '{"file": "m.safetensors"}'])
def test_what_is_no_card_is_refused_by_name(cards: ModelStore, content: str) -> None:
    (cards.folder / "m.json").write_text(content)
    with pytest.raises(Unavailable, match=r"m\.json (is no card|says nothing of)"):
        cards.weights("m")


def test_damaged_weights_are_refused(cards: ModelStore) -> None:
    path = cards.folder / "m.safetensors"
    path.write_bytes(b"damaged")
    with pytest.raises(Unavailable, match="do not match their card"):
        cards.tensors("m")
    card = json.loads((cards.folder / "m.json").read_text())
    card["sha256"] = store.checksum(path)
    (cards.folder / "m.json").write_text(json.dumps(card))
    with pytest.raises(Unavailable, match="are damaged"):
        cards.tensors("m")
