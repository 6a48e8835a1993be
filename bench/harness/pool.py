"""Compute chunks in processes, which methods of third parties share with no other.

Why by hand: a method, hostile or not, gets a process that has served no other one, may have
children, may close its descriptors, and is killed with its children when its time is up; a death
costs its cell one more try in a fresh process. Pools of libraries share their workers, and mostly
their queues, between all tasks.
"""

from __future__ import annotations

import collections
import dataclasses
import multiprocessing.connection
import time
from collections.abc import Callable, Iterable, Iterator

from bench.errors import BenchError, ProcessError
from bench.harness.plan import Chunk
from bench.harness.process import START_LIMIT, STARTS, THREADS, WHOLE, Child
from bench.harness.store import Outcome
from bench.harness.worker import READY, decode, make_job, serve
from bench.protocol import Status

FAREWELL = 5.0
"""Seconds that a method may take to release what it holds."""


@dataclasses.dataclass(frozen=True)
class Order:
    """A chunk to be computed; ``fresh`` asks for a process that has served nothing yet."""

    chunk: Chunk
    fresh: bool = False


class Queue:
    """Orders by company (see :class:`Chunk`), in the order of the plan."""

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        self._orders: dict[str, collections.deque[Order]] = {}
        for chunk in chunks:
            self._orders.setdefault(chunk.company, collections.deque()).append(Order(chunk))

    def __bool__(self) -> bool:
        return bool(self._orders)

    def next(self, served: str | None = None) -> Order | None:
        """Take the next order; of a company, if a process that has served it asks."""
        company = next(iter(self._orders), None) if served is None else served
        orders = self._orders.get(company) if company is not None else None
        if not orders or (served is not None and orders[0].fresh):
            return None
        order = orders.popleft()
        if not orders:
            del self._orders[order.chunk.company]
        return order

    def put_back(self, *orders: Order) -> None:
        """Have orders computed next of their company."""
        for order in reversed(orders):
            self._orders.setdefault(order.chunk.company, collections.deque()).appendleft(order)


class Worker(Child):
    """A process that computes one company's chunks, and the order it is at."""

    def __init__(self, order: Order, threads: int = THREADS) -> None:
        super().__init__(serve, data=order.chunk.reads_data, threads=threads)
        self.company = order.chunk.company
        self.order: Order | None = None
        self.ready = False
        self.deadline = float("inf")

    def give(self, order: Order, time_limit: float) -> None:
        """Send a chunk; its time limit is that of a cell times its cells."""
        job = make_job(order.chunk)
        self.order = order
        self.deadline = time.monotonic() + START_LIMIT
        if self.ready:
            self.start_clock(time_limit)
        self.send(job)

    def start_clock(self, time_limit: float) -> None:
        """Count the time limit from now."""
        assert self.order is not None
        self.deadline = time.monotonic() + time_limit * len(self.order.chunk)


class Pool:
    """So many workers at a time, and what they are to compute.

    Parameters
    ----------
    chunks : iterable of Chunk
    count : int
        Processes at work at a time.
    time_limit : float
        Seconds per cell; a chunk has this times its cells. A chunk that takes longer, or whose
        process dies, is tried again cell by cell.
    threads : int
        Of each worker.
    """

    def __init__(
        self, chunks: Iterable[Chunk], count: int, time_limit: float, threads: int = THREADS
    ) -> None:
        self.queue, self.count, self.time_limit = Queue(chunks), count, time_limit
        self.threads = threads
        self.workers: list[Worker] = []
        self.leaving: list[Worker] = []
        self.stillborn = 0
        self.refused: list[Outcome] = []

    def compute(self, begun: Callable[[Chunk], None]) -> Iterator[list[Outcome]]:
        """Yield outcomes as they come; ``begun`` is told what is being worked at."""
        try:
            while self.queue or self.workers:
                self._hand_out(begun)
                if self.refused:
                    refused, self.refused = self.refused, []
                    yield refused
                for worker in self._stirred():
                    outcomes = self._collect(worker)
                    if worker.connection.closed:
                        self.workers.remove(worker)
                    if outcomes:
                        yield outcomes
        finally:
            for worker in self.workers:
                worker.kill()
            self._see_off(wait=True)

    def _hand_out(self, begun: Callable[[Chunk], None]) -> None:
        """Give every worker an order, dismissing those for whose company there is none."""
        for worker in list(self.workers):
            if worker.order is None:
                self._start(worker, self.queue.next(worker.company), begun)
        while len(self.workers) < self.count and (order := self.queue.next()):
            self.workers.append(Worker(order, self.threads))
            self._start(self.workers[-1], order, begun)
        self._see_off()

    def _start(self, worker: Worker, order: Order | None, begun: Callable[[Chunk], None]) -> None:
        while order is not None:
            begun(order.chunk)
            try:
                return worker.give(order, self.time_limit)
            except BenchError as error:  # a data set that does not give again what it has given
                cells = order.chunk.cells
                self.refused += [Outcome(cell, "failed", str(error)) for cell in cells]
            order = self.queue.next(worker.company)
        self.workers.remove(worker)
        self.leaving.append(worker)
        worker.deadline = time.monotonic() + FAREWELL
        worker.connection.close()

    def _see_off(self, wait: bool = False) -> None:
        for worker in list(self.leaving):
            if wait:
                worker.process.join(max(0.0, worker.deadline - time.monotonic()))
            if worker.process.exitcode is not None or worker.deadline <= time.monotonic():
                worker.kill()
                self.leaving.remove(worker)

    def _stirred(self) -> list[Worker]:
        """Wait until a worker answers, dies or runs out of time; return those."""
        signs = {worker.connection: worker for worker in self.workers}
        ends = {worker.process.sentinel: worker for worker in self.workers}
        earliest = min((worker.deadline for worker in self.workers), default=0.0)
        found = multiprocessing.connection.wait(
            [*signs, *ends],  # a pipe alone does not tell of a death: others may hold its end
            timeout=max(0.0, earliest - time.monotonic()),
        )
        late = [worker for worker in self.workers if worker.deadline <= time.monotonic()]
        stirred = [signs.get(sign) or ends[sign] for sign in found]  # type: ignore[call-overload, index]
        return list(dict.fromkeys([*stirred, *late]))

    def _collect(self, worker: Worker) -> list[Outcome]:
        """Take a worker's answers, or find out why there are none."""
        order = worker.order
        assert order is not None
        try:
            if worker.connection.poll():
                message = worker.receive(0.0, whole=min(WHOLE, self.time_limit))
                if message == READY and not worker.ready:
                    worker.ready, self.stillborn = True, 0
                    worker.start_clock(self.time_limit)
                    return []
                answers = decode(message, len(order.chunk))
                worker.order, worker.deadline = None, float("inf")
                return [
                    Outcome(cell, answer.status, answer.reason, answer.restoration)
                    for cell, answer in zip(order.chunk.cells, answers, strict=True)
                ]
        except (EOFError, OSError):
            return self._bury(worker, order, worker.fate())
        except ValueError as error:
            worker.kill()
            return self._retry(
                order, f"The worker process sent no answer but something else: {error}"
            )
        if worker.process.exitcode is not None:
            return self._bury(worker, order, worker.fate())
        if worker.deadline > time.monotonic():
            return []
        worker.kill()
        reason = f"It took longer than the time limit of {self.time_limit:g} s (--time-limit)."
        return self._retry(order, reason)

    def _bury(self, worker: Worker, order: Order, fate: str) -> list[Outcome]:
        """Try again what a process died at: its earlier work, or a stranger, may have ended it."""
        if not worker.ready:
            self.stillborn += 1
            if self.stillborn >= STARTS:
                raise ProcessError(
                    f"{fate} It had not even begun, and so did those before it. A script that "
                    "calls bench needs `if __name__ == '__main__':` around its call."
                )
            self.queue.put_back(order)
            return []
        if len(order.chunk) == 1 and not order.fresh:
            self.queue.put_back(Order(order.chunk, fresh=True))
            return []
        return self._retry(order, fate)

    def _retry(self, order: Order, reason: str) -> list[Outcome]:
        """Which of a chunk's cells it was shows when each is computed by itself."""
        if len(order.chunk) > 1:
            self.queue.put_back(*(Order(single) for single in order.chunk.singles()))
            return []
        return [Outcome(order.chunk.cells[0], Status.FAILED, reason)]
