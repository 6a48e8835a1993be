"""Where cells are kept: one SQLite file per results folder.

A chunk's cells are recorded in one transaction, so a run that is killed loses at most the chunk in
flight. Restorations are stored and scores derive from them: a new version of a metric reruns no
method.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import errno
import fcntl
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from bench.errors import BenchError, StorageError
from bench.harness.packing import Packed, unpack
from bench.harness.plan import Cell
from bench.protocol import Restoration, Status
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
TABLES = {
    "cells": "id, status, reason, finished, identity, cost, payload",
    "plan": "label, id, row",
    "scores": "id, version, scores",
}
UNWRITABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
"""What SQLite says of a store whose folder cannot be written."""


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
    """A planned cell as the store knows it; ``status`` is ``pending`` if it never ran.

    ``size`` is what its restoration takes, in bytes; ``order`` rises from one plan to the next.
    """

    id: str
    columns: Mapping[str, Any]
    status: str
    reason: str
    cost: Mapping[str, Any]
    size: int = 0
    order: int = 0


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
                if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                    raise BenchError(
                        f"The results folder {folder} cannot be locked ({error.strerror}), as on "
                        "some network file systems; choose another with --out, on a local disk."
                    ) from error
                raise BenchError(
                    f"Another run is writing to {folder}; wait for it or choose another --out."
                ) from error
        elif not self.path.exists():
            raise BenchError(
                f"There is no run in {folder} ({self.path.name} is missing); "
                "start one with 'python -m bench run --out FOLDER'."
            )
        try:
            self._db = self._open_to_write() if write else self._open_to_read()
            for table, columns in TABLES.items():  # a store of another schema, or damaged
                self._db.execute(f"SELECT {columns} FROM {table} LIMIT 1").fetchone()
            if write:
                self._add_column("cells", "invocation")
        except sqlite3.Error as error:
            if self._lock:
                self._lock.close()
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

    def _open_to_write(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, isolation_level=None)
        db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + SCHEMA)
        return db

    def _open_to_read(self) -> sqlite3.Connection:
        """Open the file without changing it, also in a folder that cannot be written."""
        address = self.path.resolve().as_uri()
        try:
            db = sqlite3.connect(f"{address}?mode=ro", uri=True, isolation_level=None)
            db.execute("SELECT 1 FROM plan LIMIT 1").fetchone()
            return db
        except sqlite3.OperationalError as error:
            # Readers share an index file that cannot be made here. Without it, only what the run
            # has moved from its log into the store can be read.
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in UNWRITABLE:
                raise
            log = self.path.with_name(f"{self.path.name}-wal")
            if log.exists() and log.stat().st_size:
                raise BenchError(
                    f"{self.folder} cannot be written, and {log.name} in it holds cells that are "
                    "not in the store yet; copy the folder to a place that can be written."
                ) from error
            return sqlite3.connect(f"{address}?immutable=1", uri=True, isolation_level=None)

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
        if "locked" in str(error):
            return StorageError(
                f"{self.path} is in use by another program ({error}); close it and give the same "
                "command again."
            )
        return BenchError(
            f"{self.path} cannot be used as a store: {error}. It is damaged or another version's; "
            "restore it from a copy, or move it away and give the run's command again."
        )

    def _select(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise self._broken(error) from error

    def _parse(self, text: Any) -> dict[str, Any]:
        """Read a value that was written as JSON."""
        try:
            values = json.loads(text)
            if isinstance(values, dict):
                return values
            reason = f"{str(text)[:40]!r} is no record"
        except (TypeError, ValueError) as error:
            reason = str(error)
        raise self._broken(sqlite3.DataError(reason))

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
                        "dataset_version": cell.identity.get("dataset version", ""),
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
        return {row[0] for row in self._select("SELECT id FROM cells WHERE status = 'ok'")}

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
            "SELECT plan.id, plan.row, cells.status, cells.reason, cells.cost, "
            "length(cells.payload), plan.rowid "
            "FROM plan LEFT JOIN cells ON cells.id = plan.id"
        )
        rows = [
            Row(
                id,
                self._parse(row),
                status or Status.PENDING,
                reason or "",
                self._parse(cost or "{}"),
                size or 0,
                order,
            )
            for id, row, status, reason, cost, size, order in self._select(query)
        ]
        keys = ("dataset", "noise", "swept_blur_length", "seed", "method", "index")
        try:
            return sorted(
                rows, key=lambda row: [(row.columns[k] is not None, row.columns[k]) for k in keys]
            )
        except (KeyError, TypeError) as error:
            raise self._broken(sqlite3.DataError(f"a planned cell has no {error}")) from error

    def restoration(self, id: str) -> Restoration:
        """Load the restoration of a finished cell, a batch of one."""
        found = self._select("SELECT cost, payload FROM cells WHERE id = ?", (id,))
        if not found or found[0][1] is None:
            raise BenchError(f"The cell {id} has no restoration in {self.path}.")
        try:
            return unpack(Packed(*found[0]))
        except Exception as error:  # whatever damaged bytes lead to
            raise BenchError(
                f"The restoration of the cell {id} in {self.path} is damaged "
                f"({type(error).__name__}: {error}); give the run's command with --no-resume."
            ) from error

    def scores(self, version: str) -> dict[str, dict[str, float]]:
        """Scores already computed with this version of the metrics, by cell."""
        query = "SELECT id, scores FROM scores WHERE version = ?"
        return {id: self._parse(scores) for id, scores in self._select(query, (version,))}

    def keep_scores(self, version: str, scores: Mapping[str, Mapping[str, float]]) -> None:
        """Keep scores beside the restorations they derive from."""
        rows = [(id, version, json.dumps(dict(values))) for id, values in scores.items()]
        with self._transaction() as db:
            db.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?, ?)", rows)
