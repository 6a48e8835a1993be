"""A run that is disturbed again and again, and what is counted of it."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import random
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Sequence

import pandas as pd
import psutil

from tests.conftest import Bench

TIMES = ("seconds",)
COMMAND = (
    *("run", "--datasets", "tiny", "--methods", "slow,half", "--seed", "0,1,2"),
    *("--workers", "2", "--quiet"),
)
PATIENCE = 300.0


@dataclasses.dataclass
class Count:
    """What disturbances of one kind led to.

    Attributes
    ----------
    tries : int
    lost : int
        Cells that were recorded before and not after, or are another.
    silent : int
        Commands that ended with 0 although a cell is missing, or with another code and no word.
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
        self._started: subprocess.Popen[str] | None = None

    def start(self, **environment: str) -> subprocess.Popen[str]:
        """Give the command."""
        self._before = self.cells()
        self._started = self.bench.start(*self.command, "--output", str(self.out), **environment)
        return self._started

    def ended(self, process: subprocess.Popen[str], said: str | None = None) -> str:
        """Wait for a disturbed command, unless what it said is known, and count what came of it."""
        if said is None:
            _, said = process.communicate(timeout=PATIENCE)
        code = process.returncode
        self.count.tries += 1
        self.count.codes.append(code)
        after = self.cells()
        self.count.lost += sum(after.get(id) != found for id, found in self._before.items())
        whole = (self.out / "scores.csv").exists() and self.complete()
        wordless = code > 0 and not said.strip()
        self.count.silent += (code == 0 and not whole) or wordless or "Traceback" in said
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

    def wait_for(self, happened: Callable[[], object], process: subprocess.Popen[str]) -> bool:
        """Wait until something has happened or the command has ended."""
        deadline = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < deadline:
            if happened():
                return True
            time.sleep(0.01)
        return False

    def wait_for_another_cell(self, process: subprocess.Popen[str]) -> bool:
        """Wait until one more cell is done than there are, or the command has ended."""
        known = len(self.cells())
        return self.wait_for(lambda: len(self.cells()) > known, process)

    def begin_again_if_done(self) -> None:
        """Empty the folder if there is nothing left to disturb."""
        if (self.out / "scores.csv").exists() and self.complete():
            shutil.rmtree(self.out)

    def finish(self) -> Count:
        """Give the command once more, undisturbed, and compare with a run that never was."""
        done = self.bench(*self.command, "--output", str(self.out))
        whole = self.bench(*self.command, "--output", "undisturbed")
        assert whole.returncode == 0, whole.stderr
        expected = pd.read_csv(self.bench.folder / "undisturbed" / "scores.csv")
        found = pd.read_csv(self.out / "scores.csv")
        same = found.drop(columns=[*TIMES]).equals(expected.drop(columns=[*TIMES]))
        self.count.different += done.returncode != 0 or not same
        return self.count


def server(process: subprocess.Popen[str]) -> psutil.Process | None:
    """What the processes of a run are forked from."""
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(process.pid).children():
            if "forkserver" in " ".join(child.cmdline()):
                return child
    return None


def workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes that compute or answer."""
    with contextlib.suppress(psutil.Error):
        found = server(process)
        return found.children() if found else []
    return []


def kill(processes: Sequence[psutil.Process]) -> int:
    """Kill and return how many were there to be killed."""
    killed = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
            killed += 1
    return killed


def kill_groups(study: Study, times: int, draw: random.Random) -> None:
    """Kill -9 of the whole group of a run, at any moment from its first second on."""
    for _ in range(times):
        process = study.start()
        if draw.random() < 0.6:  # at work; else at its start
            study.wait_for_another_cell(process)
        time.sleep(draw.uniform(0, 1.0))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        study.ended(process)
        study.begin_again_if_done()


def kill_workers(study: Study, times: int, draw: random.Random) -> None:
    """Kill -9 of single workers: at once when they are there, while a job is sent, or at work."""
    left = times
    while left > 0:
        process = study.start()
        if draw.random() < 0.9:  # else also those that are asked while the run is planned
            study.wait_for_another_cell(process)
        seen = {worker.pid for worker in workers(process)} if draw.random() < 0.5 else set()
        while left > 0 and process.poll() is None:
            fresh = [worker for worker in workers(process) if worker.pid not in seen]
            if not fresh:
                time.sleep(0.005)
                continue
            seen |= {worker.pid for worker in fresh}
            time.sleep(draw.choice((0, 0, 0.02, 0.1, 0.4)))
            killed = kill(fresh[:1])
            left -= killed
            study.count.tries += killed
            time.sleep(draw.uniform(0.2, 1.0))  # so that some of the work gets done
        study.count.tries -= 1  # which ending adds
        study.ended(process)
        study.begin_again_if_done()
