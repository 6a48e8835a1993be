"""Where cells are kept: one SQLite file per results folder.

A chunk's cells are recorded in one transaction, so a run that is killed loses at most the chunk in
flight. Restorations are stored and scores derive from them: a new version of a metric reruns no
method. Rows are read one after the other, so that a store may be larger than memory.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from bench.errors import BenchError
from bench.harness.cells import Cell, Row
from bench.harness.packing import Packed, unpack
from bench.harness.store_file import StoreFile
from bench.protocol import Restoration, Status
from bench.text import legible

Order = Literal["method", "image"]
KEYS = ("dataset", "noise", "swept_blur_length", "seed", "condition")
ORDERS: dict[Order, tuple[str, ...]] = {
    "method": (*KEYS, "method", "index"),
    "image": (*KEYS, "index", "method"),
}
NEEDED = {*ORDERS["method"], "condition", "image", "kind", "parameters", "assets", "method_version"}
"""What every planned row has to hold."""
WORDS: dict[str | None, Status] = {
    None: Status.PENDING,
    **{status.value: status for status in Status},
}
"""Statuses by what the store holds; nothing of a cell that was never recorded."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a cell: ``ok`` with a restoration of one image, or a status and a reason."""

    cell: Cell
    status: Status | str
    reason: str = ""
    restoration: Packed | None = None

    @property
    def seconds(self) -> float | None:
        """What its restoration took; None without one."""
        return None if self.restoration is None else self.restoration.seconds

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", legible(self.reason))  # others' exceptions get there


class Store(StoreFile):
    """The cells of one results folder.

    Parameters
    ----------
    folder : Path
    write : bool
        As for :class:`StoreFile`.
    invocation : str
        The run that records, by its name in ``provenance.json``.

    Raises
    ------
    BenchError
        As :class:`StoreFile`.
    """

    def __init__(self, folder: Path, write: bool = True, invocation: str = "") -> None:
        self.invocation = invocation
        super().__init__(folder, write)

    def expect(self, cells: Iterable[Cell]) -> None:
        """Enter cells into the plan; a label's new identity replaces its old one."""
        rows = ((cell.label, cell.id, json.dumps(cell.columns())) for cell in cells)
        with self._transaction() as db:
            db.executemany("INSERT OR REPLACE INTO plan VALUES (?, ?, ?)", rows)

    def finished(self) -> set[str]:
        """Return the identities of the cells that need not run again."""
        return {row[0] for row in self._select("SELECT id FROM cells WHERE status = 'ok'")}

    def forget(self, cells: Iterable[Cell]) -> None:
        """Drop results, so that the cells run again."""
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
        """Return all planned cells, sorted by dataset, condition, method and image."""
        return list(self.each())

    def each(self, order: Order = "method", unscored: str | None = None) -> Iterator[Row]:
        """Read planned cells one after the other.

        Parameters
        ----------
        order : {"method", "image"}
            What they are sorted by after dataset and condition.
        unscored : str, optional
            Only finished cells without scores of this version.
        """
        query = (
            "SELECT plan.id, plan.row, cells.status, cells.reason, cells.cost, "
            "length(cells.payload), plan.rowid, scores.version, scores.scores "
            "FROM plan LEFT JOIN cells ON cells.id = plan.id LEFT JOIN scores ON scores.rowid = "
            "(SELECT max(rowid) FROM scores AS known WHERE known.id = plan.id)"
        )
        if unscored is not None:
            query += " WHERE cells.status = 'ok' AND scores.version IS NOT ?"
        places = ", ".join(f"json_extract(plan.row, '$.{key}')" for key in ORDERS[order])
        values = () if unscored is None else (unscored,)
        found = self._select(f"{query} ORDER BY {places}", values)
        for id, row, status, reason, cost, size, place, version, scores in found:
            columns = self._parse(row)
            if missing := NEEDED - columns.keys():
                lacking = f"a planned cell has no {min(missing)!r}"
                raise self._broken(sqlite3.DataError(lacking))
            if status not in WORDS:
                raise self._broken(sqlite3.DataError(f"a cell has the status {status!r}"))
            yield Row(
                id,
                columns,
                WORDS[status],
                reason or "",
                self._parse(cost or "{}"),
                size or 0,
                place,
                version or "",
                self._parse(scores or "{}"),
            )

    def unscored(self, version: str) -> int:
        """Count the finished cells without scores of this version."""
        query = (
            "SELECT count(*) FROM plan JOIN cells ON cells.id = plan.id WHERE cells.status = 'ok' "
            "AND NOT EXISTS (SELECT 1 FROM scores WHERE scores.id = plan.id AND version = ?)"
        )
        return next(self._select(query, (version,)))[0]

    def newest_versions(self) -> dict[tuple[str, str, str], tuple[str, str]]:
        """Return the versions of method and data set that were planned last, by data set,
        condition, method.

        Of methods that cannot be had here no version is known, and the last known one counts.
        """
        dataset, condition, method, version, dataset_version = (
            f"json_extract(row, '$.{key}')"
            for key in ("dataset", "condition", "method", "method_version", "dataset_version")
        )
        query = (  # SQLite takes what stands next to a maximum from the row that has it
            f"SELECT {dataset}, {condition}, {method}, {version}, {dataset_version}, max(rowid) "
            f"FROM plan WHERE {version} != '' GROUP BY 1, 2, 3"
        )
        return {
            (dataset, condition, method): (version, dataset_version or "")
            for dataset, condition, method, version, dataset_version, _ in self._select(query)
        }

    def seconds(self) -> dict[tuple[str, str], float]:
        """Return mean seconds of a finished cell, by method's label and data set."""
        query = (
            "SELECT json_extract(plan.row, '$.method'), json_extract(plan.row, '$.dataset'), "
            "avg(json_extract(cells.cost, '$.seconds')) FROM plan JOIN cells "
            "ON cells.id = plan.id WHERE cells.status = 'ok' GROUP BY 1, 2"
        )
        return {(method, dataset): mean or 0.0 for method, dataset, mean in self._select(query)}

    def adopt(self, source: Store, ids: Iterable[str], earlier: bool = False) -> None:
        """Copy planned cells of another store, with their restorations, scores and runs.

        A row's place in the plan is taken by the copy, and a failure never replaces a success.

        Parameters
        ----------
        source : Store
        ids : iterable of str
        earlier : bool
            Whether they count as planned before what this store holds.
        """
        wanted = set(ids)
        plan = [
            row for row in source._select("SELECT label, id, row FROM plan") if row[1] in wanted
        ]
        with self._transaction() as db:
            held = db.execute("SELECT coalesce(max(rowid), 0) FROM plan").fetchone()[0]
            db.executemany("INSERT OR REPLACE INTO plan VALUES (?, ?, ?)", plan)
            if earlier:
                db.execute(
                    "INSERT OR REPLACE INTO plan SELECT * FROM plan WHERE rowid <= ? "
                    "ORDER BY rowid",
                    (held,),
                )
            for table in ("cells", "scores"):
                for names, row in source._records(table):
                    if row[0] in wanted:
                        self._copy(db, table, names, row)

    def _records(self, table: str) -> Iterator[tuple[list[str], tuple[Any, ...]]]:
        """Read a whole table, whose columns may be an older version's."""
        names = [row[1] for row in self._select(f"PRAGMA table_info({table})")]
        for row in self._select(f"SELECT {', '.join(names)} FROM {table}"):
            yield names, row

    @staticmethod
    def _copy(db: sqlite3.Connection, table: str, names: list[str], row: tuple[Any, ...]) -> None:
        places = ", ".join("?" * len(row))
        statement = f"INTO {table} ({', '.join(names)}) VALUES ({places})"
        if table == "scores":
            db.execute(f"INSERT OR REPLACE {statement}", row)
            return
        values = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
        db.execute(
            f"INSERT {statement} ON CONFLICT (id) DO UPDATE SET {values} "
            "WHERE cells.status != 'ok'",
            row,
        )

    def invocations(self) -> dict[str, int]:
        """Count the planned cells of every run that recorded any."""
        known = [row[1] for row in self._select("PRAGMA table_info(cells)")]
        if "invocation" not in known:  # of an older version
            return {}
        return dict(
            self._select(  # by the index of runs, which +id leaves no other choice than
                "SELECT invocation, count(*) FROM cells WHERE invocation != '' "
                "AND +id IN (SELECT id FROM plan) GROUP BY invocation"
            )
        )

    def withdraw(self, labels: Iterable[str]) -> None:
        """Take rows out of the plan; what was computed of them stays."""
        with self._transaction() as db:
            db.executemany("DELETE FROM plan WHERE label = ?", [(label,) for label in labels])

    def restoration(self, id: str) -> Restoration:
        """Load the restoration of a finished cell, a batch of one."""
        found = list(self._select("SELECT cost, payload FROM cells WHERE id = ?", (id,)))
        if not found or found[0][1] is None:
            raise BenchError(f"The cell {id} has no restoration in {self.path}.")
        try:
            return unpack(Packed(*found[0]))
        except Exception as error:  # whatever damaged bytes lead to
            raise BenchError(
                f"The restoration of the cell {id} in {self.path} is damaged "
                f"({type(error).__name__}: {error}); give the run's command with --no-resume."
            ) from error

    def keep_scores(self, version: str, scores: Mapping[str, Mapping[str, float]]) -> None:
        """Keep scores next to the restorations they derive from, in place of what was known."""
        ids = [(id,) for id in scores]
        rows = [(id, version, json.dumps(dict(values))) for id, values in scores.items()]
        with self._transaction() as db:
            db.executemany("DELETE FROM scores WHERE id = ?", ids)
            db.executemany("INSERT INTO scores VALUES (?, ?, ?)", rows)
