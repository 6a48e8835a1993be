"""A run that is disturbed again and again, and what is counted of it."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import hashlib
import os
import platform
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Sequence

import pandas as pd

from bench.harness import provenance
from tests.conftest import Bench
from tests.forks import PATIENCE, Forked, forks

Running = subprocess.Popen[str] | Forked

TIMES = ("seconds",)
COMMAND = (
    *("run", "--datasets", "tiny", "--methods", "slow,half", "--seed", "0,1,2"),
    *("--workers", "2", "--quiet"),
)
CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE)
HEADINGS = ("kind", "tries", "lost", "silent", "different", "exit codes")


@dataclasses.dataclass
class Count:
    """What disturbances of one kind led to.

    Attributes
    ----------
    tries : int
    lost : int
        Cells that were recorded before and not after, or are another.
    silent : int
        Commands that ended with 0 although a cell is missing, with another code and no word, in a
        traceback, or by a signal that no disturbance here sends.
    different : int
        Whether the scores at the end differ from those of an undisturbed run.
    codes : list of int
        How the disturbed commands ended; negative for a signal.
    """

    tries: int = 0
    lost: int = 0
    silent: int = 0
    different: int = 0
    codes: list[int] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)
    """What the commands said that are counted as silent."""

    def row(self, name: str) -> str:
        """Return a line of a table in Markdown."""
        codes = ", ".join(f"{code} ({self.codes.count(code)})" for code in sorted(set(self.codes)))
        numbers = f"{self.tries} | {self.lost} | {self.silent} | {self.different}"
        return f"| {name} | {numbers} | {codes} |"

    @property
    def good(self) -> bool:
        return self.tries > 0 and not (self.lost or self.silent or self.different)


class Study:
    """Disturbances of one command in one folder."""

    def __init__(self, bench: Bench, command: Sequence[str] = COMMAND, out: str = "out") -> None:
        self.bench, self.command, self.out = bench, tuple(command), bench.folder / out
        self.count = Count()
        self._before: dict[str, str] = {}

    def start(self, **environment: str) -> Running:
        """Give the command, with a fresh interpreter if that is to see another environment."""
        self._before = self.cells()
        if environment:
            return self.bench.start(*self.command, "--output", str(self.out), **environment)
        return self._forked("--output", str(self.out))

    def _forked(self, *options: str) -> Forked:
        folder, environment = self.bench.folder, self.bench.environment
        return forks().start((*self.command, *options), folder, environment)

    def give(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Give the command and leave it alone until it ends."""
        process = self._forked(*options)
        stdout, stderr = process.communicate(PATIENCE)
        assert process.returncode is not None
        return subprocess.CompletedProcess(self.command, process.returncode, stdout, stderr)

    def ended(self, process: Running, said: str | None = None) -> str:
        """Wait for a disturbed command, unless what it said is known, and count what came of it."""
        if said is None:
            _, said = process.communicate(timeout=PATIENCE)
        code = process.returncode
        assert code is not None
        self.count.tries += 1
        self.count.codes.append(code)
        after = self.cells()
        self.count.lost += sum(after.get(id) != found for id, found in self._before.items())
        whole = (self.out / "scores.csv").exists() and self.complete()
        wordless = code > 0 and not said.strip()
        crashed = -code in CRASHES
        if (code == 0 and not whole) or wordless or crashed or "Traceback" in said:
            self.count.silent += 1
            self.count.notes.append(f"{code}: {said.strip()}")
        return said

    def complete(self) -> bool:
        """Whether all cells have their scores."""
        frame = pd.read_csv(self.out / "scores.csv")
        return bool((frame["status"] == "ok").all())

    def cells(self) -> dict[str, str]:
        """What is recorded, by cell: a hash of its restoration."""
        path = self.out / "cells.sqlite"
        if not path.exists():
            return {}
        try:
            with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
                rows = db.execute("SELECT id, payload FROM cells WHERE status = 'ok'").fetchall()
        except sqlite3.OperationalError:  # it has no tables yet
            return {}
        return {id: hashlib.sha256(payload).hexdigest() for id, payload in rows}

    def wait_for(self, happened: Callable[[], object], process: Running) -> bool:
        """Wait until something has happened or the command has ended."""
        deadline = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < deadline:
            if happened():
                return True
            time.sleep(0.01)
        return False

    def wait_for_another_cell(self, process: Running) -> bool:
        """Wait until one more cell is done than there are, or the command has ended."""
        known = len(self.cells())
        return self.wait_for(lambda: len(self.cells()) > known, process)

    def forget(self) -> None:
        """Expect nothing any more of what was recorded."""
        self._before = {}

    def begin_again_if_done(self) -> None:
        """Empty the folder if there is nothing left to disturb."""
        if (self.out / "scores.csv").exists() and self.complete():
            shutil.rmtree(self.out)

    def undisturbed(self) -> pd.DataFrame:
        """Give the command in a folder of its own and leave it alone; return the scores."""
        whole = self.give("--output", "undisturbed")
        assert whole.returncode == 0, whole.stderr
        return pd.read_csv(self.bench.folder / "undisturbed" / "scores.csv")

    def finish(self, expected: pd.DataFrame | None = None) -> Count:
        """Give the command once more, and compare with a run that was never disturbed."""
        done = self.give("--output", str(self.out))
        expected = self.undisturbed() if expected is None else expected
        found = pd.read_csv(self.out / "scores.csv")
        same = found.drop(columns=[*TIMES]).equals(expected.drop(columns=[*TIMES]))
        self.count.different += done.returncode != 0 or not same
        if done.returncode:
            self.count.notes.append(f"at the end: {done.stderr.strip()}")
        return self.count


def machine() -> str:
    """Say where and when a table was made."""
    today = datetime.datetime.now(datetime.UTC).date()
    return f"{provenance.processor()}, {os.cpu_count()} cores, {platform.system()}, {today}"


def heading() -> str:
    """Return the first lines of the table."""
    names = " | ".join(HEADINGS)
    return f"| {names} |\n|{'---|' * len(HEADINGS)}"
