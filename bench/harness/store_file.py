"""The SQLite file of a results folder: how it is opened, locked and written."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Self

from bench.errors import BenchError, StorageError
from bench.harness.file_systems import on_network

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
INDEX = "CREATE INDEX IF NOT EXISTS runs ON cells (invocation, id)"
"""Without it, telling the runs means reading all restorations, which come before them in a row."""
WRITE_AHEAD = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
ROLLBACK = "PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL;"
"""What network drives need: a write-ahead log would want memory that all who use it share."""
UNWRITABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
"""What SQLite says of a store whose folder cannot be written."""


class StoreFile:
    """A connection to ``cells.sqlite`` in a folder, and the folder's lock if it is to write.

    Parameters
    ----------
    folder : Path
        Created if it is not there.
    write : bool
        Take the folder's lock; a second writer is refused.

    Raises
    ------
    BenchError
        If the folder cannot be written, is in use by another run, or holds no readable store.
    """

    def __init__(self, folder: Path, write: bool = True) -> None:
        self.folder = folder
        self.path = folder / "cells.sqlite"
        self._lock: IO[str] | None = None
        if write:
            self._lock = _take_lock(folder)
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
                self._db.execute(INDEX)
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
        journal = ROLLBACK if on_network(self.folder) else WRITE_AHEAD
        db.executescript(journal + SCHEMA)
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

    def __enter__(self) -> Self:
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

    def _select(self, query: str, values: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._db.execute(query, values)
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

    def check_place(self) -> None:
        """Refuse to go on if the file is no longer where it was opened.

        SQLite would go on writing to what nobody can open.
        """
        if self._identify() != self._file:
            raise StorageError(
                f"{self.path} was deleted, moved or replaced during the run; bring it back, or "
                "give the same command again to compute what was in it."
            )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self.check_place()
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


def _take_lock(folder: Path) -> IO[str]:
    """Make a folder if need be and take its lock."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise BenchError(
            f"The results folder {folder} cannot be written ({error.strerror}); "
            "choose another with --out."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise BenchError(
                f"The results folder {folder} cannot be locked ({error.strerror}), as on "
                "some network file systems; choose another with --out, on a local disk."
            ) from error
        raise BenchError(
            f"Another run is writing to {folder}; wait for it or choose another --out."
        ) from error
    return lock
