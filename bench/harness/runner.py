"""Run a plan in worker processes and record what comes of it."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import os
from collections.abc import Callable, Collection, Iterable, Sequence

from bench.harness.dispatch import Dispatch, compute_here
from bench.harness.executors.base import Executor
from bench.harness.executors.local import LocalExecutor
from bench.harness.observations import Observations
from bench.harness.plan import Chunk, Refusal
from bench.harness.process import THREADS
from bench.harness.progress import Progress
from bench.harness.schedule import Costs, Forecast, arrange, recorded
from bench.harness.scores import Lack
from bench.harness.store import Outcome, Store
from bench.protocol import Status
from bench.registry import HERE
from bench.text import duration


@dataclasses.dataclass
class Summary:
    """How a run went: cells by status, how many were there already, and why others are not."""

    cells: int = 0
    cached: int = 0
    statuses: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    reasons: collections.Counter[Lack] = dataclasses.field(default_factory=collections.Counter)
    left_out: dict[str, str] = dataclasses.field(default_factory=dict)
    """Data sets of third parties that could not be planned, and why."""

    def note(self, outcome: Outcome) -> None:
        """Count an outcome; reasons are grouped by method, status and text."""
        self.statuses[outcome.status] += 1
        if outcome.status != Status.OK:
            self.reasons[(str(outcome.cell.method), outcome.status, outcome.reason)] += 1

    @property
    def complete(self) -> bool:
        """Whether every cell that makes sense is there."""
        senseless = all(status == Status.NOT_APPLICABLE for _, status, _ in self.reasons)
        return senseless and not self.left_out


def run(
    plan: Iterable[Chunk | Refusal],
    store: Store,
    workers: int | None = None,
    time_limit: float = 600.0,
    progress: bool = True,
    *,
    threads: int = THREADS,
    executor: Callable[[int], Executor] | None = None,
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
    executor : callable, optional
        Opens what computes, for so many workers; None takes processes of this machine. It is
        opened only if there is something to compute.

    Returns
    -------
    Summary
    """
    summary = Summary()
    workers = workers or available_cores()
    costs = Costs(store.seconds(), recorded())
    queue = arrange(_waiting(list(plan), store, summary), costs, workers)
    forecast, words = Forecast(queue, costs), _announcement(queue, costs, workers)
    observations = Observations(queue)
    with Progress(sum(map(len, queue)), progress, words) as shown:

        def record(outcomes: list[Outcome]) -> None:
            for outcome in outcomes:
                forecast.note(outcome.cell, outcome.seconds)
            _record(store, summary, outcomes)
            shown.done(len(outcomes), forecast.left())

        for chunk in (chunk for chunk in queue if chunk.cells[0].origin == HERE):
            shown.begun(chunk.title)
            record(compute_here(chunk, observations))
        queue = [chunk for chunk in queue if chunk.cells[0].origin != HERE]
        if queue:
            opened = executor(workers) if executor else LocalExecutor(workers, threads)
            dispatch = Dispatch(queue, opened, time_limit, observations)
            for outcomes in dispatch.compute(shown.begun):
                record(outcomes)
    return summary


def _announcement(queue: Sequence[Chunk], costs: Costs, workers: int) -> str:
    """Say what is going to be computed and how long that will take."""
    cells = [cell for chunk in queue for cell in chunk.cells]
    methods = dict.fromkeys(str(cell.method) for cell in cells)
    datasets = dict.fromkeys(cell.dataset for cell in cells)
    seconds = sum(map(costs.chunk, queue)) / workers
    guess = not all(map(costs.known, cells))
    return (
        f"{len(cells)} cells to compute ({_count(methods, 'method')}, "
        f"{_count(datasets, 'data set')}), {workers} at a time: "
        f"{'perhaps' if guess else 'about'} {duration(seconds)}. "
        "Ctrl-C stops it; the same command goes on."
    )


def _count(names: Collection[str], what: str) -> str:
    return f"{len(names)} {what}{'' if len(names) == 1 else 's'}"


def _waiting(items: Sequence[Chunk | Refusal], store: Store, summary: Summary) -> list[Chunk]:
    """Enter a plan into the store, record its refusals, and return what has to be computed."""
    store.expect(cell for item in items for cell in item.cells)
    done = store.finished()
    queue: list[Chunk] = []
    for item in items:
        summary.cells += len(item.cells)
        keep = [cell.id not in done for cell in item.cells]
        summary.cached += keep.count(False)
        if isinstance(item, Refusal):
            cells = itertools.compress(item.cells, keep)
            outcomes = [Outcome(cell, item.status, item.reason) for cell in cells]
            _record(store, summary, outcomes)
        elif any(keep):
            queue.append(item.only(keep))
    return queue


def available_cores() -> int:
    """Return cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _record(store: Store, summary: Summary, outcomes: list[Outcome]) -> None:
    store.record(outcomes)
    for outcome in outcomes:
        summary.note(outcome)
