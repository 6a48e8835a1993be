"""Where cells are kept: one SQLite file per results folder.

A chunk's cells are recorded in one transaction, so a run that is killed loses at most the chunk in
flight. Restorations are stored and scores derive from them: a new version of a metric reruns no
method.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import fcntl
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from bench.errors import BenchError, StorageError
from bench.packing import Packed, unpack
from bench.plan import Cell
from bench.protocol import Restoration
from bench.text import legible

SCHEMA = """
CREATE TABLE IF NOT EXISTS cells (
    id TEXT PRIMARY KEY, status TEXT NOT NULL, reason TEXT NOT NULL, finished TEXT NOT NULL,
    identity TEXT NOT NULL, cost TEXT NOT NULL, payload BLOB, invocation TEXT
);
CREATE TABLE IF NOT EXISTS plan (label TEXT PRIMARY KEY, id TEXT NOT NULL, row TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS scores (
    id TEXT NOT NULL, version TEXT NOT NULL, scores TEXT NOT NULL, PRIMARY KEY (id, version)
);
"""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a cell: ``ok`` with a restoration of one image, or a status and a reason."""

    cell: Cell
    status: str
    reason: str = ""
    restoration: Packed | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", legible(self.reason))  # others' exceptions get there


@dataclasses.dataclass(frozen=True)
class Row:
    """A planned cell as the store knows it; ``status`` is ``pending`` if it never ran."""

    id: str
    columns: Mapping[str, Any]
    status: str
    reason: str
    cost: Mapping[str, Any]


class Store:
    """The cells of one results folder.

    Parameters
    ----------
    folder : Path
        Created if it is not there.
    write : bool
        Take the folder's lock; a second writer is refused.
    invocation : str
        The run that records, by its name in ``provenance.json``.

    Raises
    ------
    BenchError
        If the folder cannot be written, is in use by another run, or holds no readable store.
    """

    def __init__(self, folder: Path, write: bool = True, invocation: str = "") -> None:
        self.invocation = invocation
        self.folder = folder
        self.path = folder / "cells.sqlite"
        self._lock: IO[str] | None = None
        if write:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                self._lock = (folder / ".lock").open("w")
            except OSError as error:
                raise BenchError(
                    f"The results folder {folder} cannot be written ({error.strerror}); "
                    "choose another with --out."
                ) from error
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                self._lock.close()
                raise BenchError(
                    f"Another run is writing to {folder}; wait for it or choose another --out."
                ) from error
        elif not self.path.exists():
            raise BenchError(
                f"There is no run in {folder} ({self.path.name} is missing); "
                "start one with 'python -m bench run --out FOLDER'."
            )
        try:
            self._db = sqlite3.connect(self.path, isolation_level=None)
            self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + SCHEMA)
            if write:
                self._add_column("cells", "invocation")
        except sqlite3.DatabaseError as error:
            raise self._broken(error) from error
        self._file = self._identify()

    def _add_column(self, table: str, column: str) -> None:
        """Bring a store of an older version up to date; readers do without the column."""
        if column not in [row[1] for row in self._db.execute(f"PRAGMA table_info({table})")]:
            self._db.execute(f"ALTER TABLE {table} ADD COLUMN {column} TEXT")

    def _identify(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and give up the lock."""
        self._db.close()
        if self._lock:
            self._lock.close()

    def _broken(self, error: sqlite3.Error) -> BenchError:
        if "full" in str(error) or "disk I/O" in str(error):
            return StorageError(
                f"The disk of {self.folder} is full or failing ({error}); what was recorded before "
                "is safe. Free some space and give the same command again."
            )
        return BenchError(f"{self.path} cannot be used as a store: {error}.")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        if self._identify() != self._file:  # SQLite would go on writing to what nobody can open
            raise StorageError(
                f"{self.path} was deleted, moved or replaced during the run; bring it back, or "
                "give the same command again to compute what was in it."
            )
        try:
            with contextlib.ExitStack() as undo:
                self._db.execute("BEGIN IMMEDIATE")
                undo.callback(self._roll_back)
                yield self._db
                self._db.execute("COMMIT")
                undo.pop_all()
        except sqlite3.Error as error:
            raise self._broken(error) from error

    def _roll_back(self) -> None:
        with contextlib.suppress(sqlite3.Error):  # a full disk has rolled back already
            self._db.execute("ROLLBACK")

    def expect(self, cells: Iterable[Cell]) -> None:
        """Enter cells into the plan; a label's new identity replaces its old one."""
        rows = [
            (
                cell.label,
                cell.id,
                json.dumps(
                    {
                        "dataset": cell.dataset,
                        "condition": str(cell.condition),
                        "method": str(cell.method),
                        "kind": cell.kind,
                        "image": cell.image,
                        "kernel_id": cell.kernel_id,
                        "noise": cell.condition.noise,
                        "blur_length": cell.blur_length,
                        "swept_blur_length": cell.condition.blur_length,
                        "seed": cell.condition.seed,
                        "index": cell.index,
                        "parameters": cell.identity["parameters"],
                        "assets": cell.identity["assets"],
                        "method_version": cell.identity["version"],
                        "origin": cell.origin,
                    }
                ),
            )
            for cell in cells
        ]
        with self._transaction() as db:
            db.executemany("INSERT OR REPLACE INTO plan VALUES (?, ?, ?)", rows)

    def finished(self) -> set[str]:
        """Identities of the cells that need not run again."""
        return {row[0] for row in self._db.execute("SELECT id FROM cells WHERE status = 'ok'")}

    def forget(self, cells: Iterable[Cell]) -> None:
        """Drop results, so that the cells run anew."""
        ids = [(cell.id,) for cell in cells]
        with self._transaction() as db:
            db.executemany("DELETE FROM cells WHERE id = ?", ids)
            db.executemany("DELETE FROM scores WHERE id = ?", ids)

    def record(self, outcomes: Iterable[Outcome]) -> None:
        """Record outcomes, all or none; a failure never replaces a success."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        rows = []
        for outcome in outcomes:
            packed = outcome.restoration or Packed("{}", b"")
            identity = json.dumps(outcome.cell.identity, sort_keys=True)
            found = (now, identity, packed.cost, packed.arrays or None, self.invocation)
            rows.append((outcome.cell.id, outcome.status, outcome.reason, *found))
        with self._transaction() as db:
            db.executemany(
                "INSERT INTO cells (id, status, reason, finished, identity, cost, payload, "
                "invocation) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
                "status = excluded.status, reason = excluded.reason, finished = excluded.finished,"
                " cost = excluded.cost, payload = excluded.payload,"
                " invocation = excluded.invocation WHERE cells.status != 'ok'",
                rows,
            )

    def rows(self) -> list[Row]:
        """All planned cells, sorted by dataset, condition, method and image."""
        query = (
            "SELECT plan.id, plan.row, cells.status, cells.reason, cells.cost "
            "FROM plan LEFT JOIN cells ON cells.id = plan.id"
        )
        rows = [
            Row(id, json.loads(row), status or "pending", reason or "", json.loads(cost or "{}"))
            for id, row, status, reason, cost in self._db.execute(query)
        ]
        keys = ("dataset", "noise", "swept_blur_length", "seed", "method", "index")
        return sorted(
            rows, key=lambda row: [(row.columns[k] is not None, row.columns[k]) for k in keys]
        )

    def restoration(self, id: str) -> Restoration:
        """Load the restoration of a finished cell, a batch of one."""
        found = self._db.execute("SELECT cost, payload FROM cells WHERE id = ?", (id,)).fetchone()
        if found is None or found[1] is None:
            raise BenchError(f"The cell {id} has no restoration in {self.path}.")
        return unpack(Packed(*found))

    def scores(self, version: str) -> dict[str, dict[str, float]]:
        """Scores already computed with this version of the metrics, by cell."""
        query = "SELECT id, scores FROM scores WHERE version = ?"
        return {id: json.loads(scores) for id, scores in self._db.execute(query, (version,))}

    def keep_scores(self, version: str, scores: Mapping[str, Mapping[str, float]]) -> None:
        """Keep scores beside the restorations they derive from."""
        rows = [(id, version, json.dumps(dict(values))) for id, values in scores.items()]
        with self._transaction() as db:
            db.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?, ?)", rows)
