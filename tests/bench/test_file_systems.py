"""Stores on network drives."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from bench.harness import store_file
from bench.harness.file_systems import kind, on_network
from bench.harness.store import Store


def test_the_deepest_and_last_mount_counts(tmp_path: Path) -> None:
    table = tmp_path / "mounts"
    shared = tmp_path / "a place" / "results"
    name = str(shared.parent).replace(" ", "\\040")
    table.write_text(
        f"overlay / overlay rw 0 0\nhost:/x {name} nfs4 rw 0 0\n"
        f"tmpfs {tmp_path} tmpfs rw 0 0\nodd\n"
    )
    assert kind(shared, table) == "nfs4"
    assert on_network(shared, table)
    assert kind(tmp_path / "other", table) == "tmpfs"
    assert not on_network(Path("/usr"), table)
    assert kind(shared, tmp_path / "none") == ""


@pytest.mark.parametrize(("network", "journal"), [(True, "delete"), (False, "wal")])
def test_a_store_on_a_network_drive_has_no_write_ahead_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: bool, journal: str
) -> None:
    monkeypatch.setattr(store_file, "on_network", lambda folder: network)
    for _ in range(2):  # also where a log was kept before
        with Store(tmp_path):
            pass
        with sqlite3.connect(tmp_path / "cells.sqlite") as db:
            assert db.execute("PRAGMA journal_mode").fetchone() == (journal,)
