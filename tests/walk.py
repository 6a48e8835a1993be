"""Count the walk of an observation through the files: ``python -m tests.walk``.

``bench run`` restores one image by one method while every call is watched, in the process of the
run and in the one that computes. The records in :data:`CARRIERS` stand for the observation. A file
has it when one of its functions is given such a record by another file, or gives one back, or reads
one from a pipe; what a record does with itself is no step. A *station* is a stay in one file: steps
into the same file, one after the other, are one stay. A station in a file that was left before is a
*return*. The walk ends where the scores are written. Bare arrays are not watched: what physics, a
method and a metric do with the pixels among themselves is their own. Nor are generators that are
handed over looked into.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import io
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any, cast

CARRIERS = frozenset(
    {
        *("Namespace", "Part"),  # what was asked for
        *("Sample", "Observed", "Picture", "Cell", "Chunk"),  # what is planned
        *("Order", "Work", "Job", "Restoration", "Packed", "Answer", "Outcome"),  # and computed
        *("Row", "DataFrame"),  # what is scored
    }
)
COMMAND = ("run", "-m", "blurry", "-d", "photos", "-n", "1", "-j", "1", "-q")
LOG = "BENCH_WALK_LOG"
ROOT = Path(__file__).resolve().parent.parent
PARTS = ("bench", "datasets", "methods")
DEPTH = 3
"""Of collections in which a record is looked for."""
LAST = "bench/harness/score_table.py"
"""The file that writes the table of scores."""


@dataclasses.dataclass(frozen=True, order=True)
class Step:
    """A function that is given the observation by another file, or gives it back to one."""

    moment: float
    file: str
    function: str


@dataclasses.dataclass
class Station:
    """A stay in one file."""

    file: str
    functions: list[str]
    returned: bool


def carries(value: Any, depth: int = DEPTH) -> bool:
    """Whether a value stands for the observation, or is a collection that holds such a value."""
    if type(value).__name__ in CARRIERS:
        return True
    parts: Iterable[Any] = ()
    if isinstance(value, Mapping):
        parts = value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        parts = value
    return depth > 0 and any(carries(part, depth - 1) for part in parts)


@functools.cache
def within(path: str) -> str | None:
    """The path of a source file within the project; None if it is not one of the project's."""
    file = Path(os.path.relpath(os.path.realpath(path), ROOT))
    return str(file) if file.parts[0] in PARTS else None


def file_of(frame: FrameType) -> str | None:
    """The file of a frame within the project, if it is one of the project's."""
    return within(frame.f_code.co_filename)


class Watch:
    """Writes down the steps of a process into a file."""

    def __init__(self, log: Path) -> None:
        self._log = log.open("a", encoding="utf-8")
        self._generators: set[int] = set()

    def __call__(self, frame: FrameType, event: str, result: Any) -> None:
        """Look at a call or return, as :func:`sys.setprofile` reports it."""
        file = file_of(frame) if event in ("call", "return") else None
        if file is None or not self._handed_over(frame, event, result):
            return
        code = frame.f_code
        caller = frame.f_back
        while caller is not None and file_of(caller) is None:
            caller = caller.f_back
        if code.co_name.startswith("<") or (caller is not None and file_of(caller) == file):
            return
        if code.co_qualname.partition(".")[0] not in CARRIERS:
            self.note(file, code.co_qualname)

    def note(self, file: str, function: str) -> None:
        """Write a step down."""
        step = Step(time.monotonic(), file, function)
        self._log.write(json.dumps(dataclasses.astuple(step)) + "\n")
        self._log.flush()

    def _handed_over(self, frame: FrameType, event: str, result: Any) -> bool:
        """Whether a call brings the observation, or the return of one that did not does."""
        code = frame.f_code
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        values = [frame.f_locals[name] for name in names if name in frame.f_locals]
        brought = any(map(carries, values))
        if not code.co_flags & inspect.CO_GENERATOR:
            return brought if event == "call" else not brought and carries(result)
        known = id(frame) in self._generators  # it is called again for each of its values
        if event == "call":
            self._generators.add(id(frame))
            return brought and not known
        if result is None:
            self._generators.discard(id(frame))
        return not brought and carries(result)


class Pipe:
    """A worker's end of its pipe; what it reads there is a step."""

    def __init__(self, connection: Connection, watch: Watch) -> None:
        self._connection, self._watch = connection, watch
        self.send_bytes = connection.send_bytes

    def recv(self) -> Any:
        """Read a job."""
        job = self._connection.recv()
        self._watch.note("bench/harness/worker.py", "serve")
        return job


def serve(connection: Connection) -> None:
    """Serve as a worker does, watched: the body of the process that computes."""
    from bench.harness import worker

    watch = Watch(Path(os.environ[LOG]))
    sys.setprofile(cast(Any, watch))
    try:
        worker.serve(cast(Connection, Pipe(connection, watch)))
    finally:
        sys.setprofile(None)


def steps() -> list[Step]:
    """Run the command and return its steps, in order of time."""
    from bench.cli import main
    from bench.harness import session  # noqa: F401 (nothing is watched while it is imported)
    from bench.harness.executors import slots

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        log = Path(folder) / "steps"
        os.environ[LOG] = str(log)
        theirs, slots.serve = slots.serve, serve
        watch = cast(Any, Watch(log))
        threading.setprofile(watch)
        sys.setprofile(watch)
        try:
            main([*COMMAND, "-o", f"{folder}/run"])
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
            slots.serve = theirs
        return sorted(Step(*json.loads(line)) for line in log.read_text().splitlines())


def stations(steps: Iterable[Step]) -> list[Station]:
    """Gather steps into stays, up to where the scores are written."""
    found: list[Station] = []
    for step in steps:
        if found and found[-1].file == LAST and step.file != LAST:
            break
        if found and found[-1].file == step.file:
            found[-1].functions.append(step.function)
        else:
            back = any(station.file == step.file for station in found)
            found.append(Station(step.file, [step.function], back))
    return found


if __name__ == "__main__":
    walk = stations(steps())
    for number, station in enumerate(walk, 1):
        names = ", ".join(dict.fromkeys(station.functions))
        print(f"{number:3} {'again' * station.returned:5} {station.file}: {names}")
    returns = sum(station.returned for station in walk)
    print(f"{len(walk)} stations, {len(walk) - returns} files, {returns} returns")
