"""Run a plan in worker processes and record what comes of it."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import multiprocessing
import multiprocessing.connection
import os
import time
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from tqdm import tqdm

from bench.plan import Chunk, Refusal
from bench.store import Outcome, Store
from bench.worker import READY, Answer, make_job, serve

THREADS = 1
"""Of a worker, whatever the number of workers: sums are ordered by it, and a descent can end
elsewhere for the last digit. Cores are used by more workers."""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclasses.dataclass
class Summary:
    """How a run went: cells by status, and how many were there already."""

    cells: int = 0
    cached: int = 0
    statuses: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    reasons: collections.Counter[tuple[str, str, str]] = dataclasses.field(
        default_factory=collections.Counter
    )

    def note(self, outcome: Outcome) -> None:
        """Count an outcome; reasons are grouped by method, status and text."""
        self.statuses[outcome.status] += 1
        if outcome.status != "ok":
            self.reasons[(str(outcome.cell.method), outcome.status, outcome.reason)] += 1

    @property
    def complete(self) -> bool:
        """Whether every cell that makes sense has its restoration."""
        return not (self.statuses["failed"] or self.statuses["unavailable"])


class Worker:
    """A worker process and the job it is at."""

    def __init__(self, threads: int = THREADS) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(
            target=serve, args=(theirs, threads), daemon=True
        )
        with _thread_limit(threads):
            self.process.start()
        theirs.close()
        self.chunk: Chunk | None = None
        self.ready = False
        self.deadline = float("inf")

    def give(self, chunk: Chunk, time_limit: float) -> None:
        """Send a chunk; its time limit is that of a cell times its cells."""
        self.chunk = chunk
        self.connection.send(make_job(chunk))
        self.start_clock(time_limit)

    def start_clock(self, time_limit: float) -> None:
        """Count the time limit from now, once the process is up."""
        if self.ready and self.chunk is not None:
            self.deadline = time.monotonic() + time_limit * len(self.chunk)

    def stop(self) -> None:
        """End the process, at once if it is at work."""
        self.connection.close()
        if self.chunk is not None:
            self.process.kill()
        self.process.join(timeout=5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def run(
    plan: Iterable[Chunk | Refusal],
    store: Store,
    workers: int | None = None,
    time_limit: float = 600.0,
    progress: bool = True,
    *,
    threads: int = THREADS,
) -> Summary:
    """Run a plan, skipping the cells that are done.

    Parameters
    ----------
    plan : iterable of Chunk or Refusal
    store : Store
        Opened for writing.
    workers : int or None
        Processes; None takes one per core.
    time_limit : float
        Seconds per cell; a chunk has this times its cells. A chunk that takes longer, or whose
        process dies, is tried again cell by cell.
    progress : bool
        Show a progress bar with the time left on standard error.
    threads : int
        Of each worker; another number than :data:`THREADS` is for measuring what it changes.

    Returns
    -------
    Summary
    """
    summary = Summary()
    items = list(plan)
    store.expect(cell for item in items for cell in item.cells)
    done = store.finished()
    queue: collections.deque[Chunk] = collections.deque()
    for item in items:
        summary.cells += len(item.cells)
        keep = [cell.id not in done for cell in item.cells]
        summary.cached += keep.count(False)
        if isinstance(item, Refusal):
            outcomes = [
                Outcome(cell, item.status, item.reason)
                for cell, wanted in zip(item.cells, keep, strict=True)
                if wanted
            ]
            _record(store, summary, outcomes)
        elif any(keep):
            queue.append(item.only(keep))
    waiting = sum(map(len, queue))
    with tqdm(total=waiting, unit="cell", disable=not (progress and waiting)) as bar:
        for outcomes in _compute(queue, workers or available_cores(), time_limit, bar, threads):
            _record(store, summary, outcomes)
            bar.update(len(outcomes))
    return summary


@contextlib.contextmanager
def _thread_limit(threads: int) -> Iterator[None]:
    """Let processes started meanwhile, and their Octave, inherit a limit on threads."""
    before = {variable: os.environ.get(variable) for variable in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    try:
        yield
    finally:
        for variable, value in before.items():
            if value is None:
                del os.environ[variable]
            else:
                os.environ[variable] = value


def available_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _record(store: Store, summary: Summary, outcomes: list[Outcome]) -> None:
    store.record(outcomes)
    for outcome in outcomes:
        summary.note(outcome)


def _compute(
    queue: collections.deque[Chunk], count: int, time_limit: float, bar: tqdm, threads: int
) -> Iterator[list[Outcome]]:
    pool: list[Worker] = []
    try:
        while queue or any(worker.chunk for worker in pool):
            for worker in pool:
                if worker.chunk is None and queue:
                    _hand_out(worker, queue, time_limit, bar)
            while queue and len(pool) < count:
                pool.append(Worker(threads))
                _hand_out(pool[-1], queue, time_limit, bar)
            for worker in _ready(pool):
                outcomes = _collect(worker, queue, time_limit)
                if worker.process.exitcode is not None or worker.connection.closed:
                    pool.remove(worker)
                if outcomes:
                    yield outcomes
    finally:
        for worker in pool:
            worker.stop()


def _hand_out(
    worker: Worker, queue: collections.deque[Chunk], time_limit: float, bar: tqdm
) -> None:
    chunk = queue.popleft()
    bar.set_description_str(f"{chunk.cells[0].method} on {chunk.cells[0].dataset}")
    worker.give(chunk, time_limit)


def _ready(pool: list[Worker]) -> list[Worker]:
    """Wait until a worker answers, dies or runs out of time; return those."""
    busy = {worker.connection: worker for worker in pool if worker.chunk is not None}
    earliest = min(worker.deadline for worker in busy.values())
    patience = None if earliest == float("inf") else max(0.0, earliest - time.monotonic())
    answered: list[Connection] = multiprocessing.connection.wait(  # type: ignore[assignment]
        list(busy), timeout=patience
    )
    late = [worker for worker in busy.values() if worker.deadline <= time.monotonic()]
    return list(dict.fromkeys([*(busy[connection] for connection in answered), *late]))


def _collect(worker: Worker, queue: collections.deque[Chunk], time_limit: float) -> list[Outcome]:
    """Take a worker's answers, or find out why there are none."""
    chunk = worker.chunk
    assert chunk is not None
    try:
        if worker.connection.poll():
            answers: list[Answer] | str = worker.connection.recv()
            if isinstance(answers, str):
                assert answers == READY
                worker.ready = True
                worker.start_clock(time_limit)
                return []
            worker.chunk, worker.deadline = None, float("inf")
            return [
                Outcome(cell, answer.status, answer.reason, answer.restoration)
                for cell, answer in zip(chunk.cells, answers, strict=True)
            ]
        reason = f"It took longer than the time limit of {time_limit:g} s (--time-limit)."
    except (EOFError, OSError):
        worker.process.join(timeout=5)
        reason = f"The worker process died (exit code {worker.process.exitcode})."
    worker.stop()
    if len(chunk) > 1:  # which of its cells it was shows when each has a process to itself
        queue.extendleft(reversed(list(chunk.singles())))
        return []
    return [Outcome(chunk.cells[0], "failed", reason)]
