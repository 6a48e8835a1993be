"""Have chunks computed by an executor, and try again what was lost on the way.

A death costs its cell one more try, in a process that has served nothing yet; a chunk that takes
too long, or dies, is tried again cell by cell, so that one cell costs no other.
"""

from __future__ import annotations

import collections
import dataclasses
import queue
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future

import numpy as np

from bench.errors import BenchError
from bench.harness.executors.base import Executor, Failure, Lost, Work
from bench.harness.packing import Answer
from bench.harness.plan import Chunk, Maker
from bench.harness.store import Outcome
from bench.harness.worker import Job, compute_once, failure
from bench.physics.observation import observe
from bench.protocol import Status


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
        """Take the next order, of the company that a free process has served if there is one."""
        if not self._orders:
            return None
        known = self._orders.get(served) if served is not None else None
        company = served if known and not known[0].fresh else next(iter(self._orders))
        assert company is not None
        order = self._orders[company].popleft()
        if not self._orders[company]:
            del self._orders[company]
        return order

    def put_back(self, *orders: Order) -> None:
        """Have orders computed next of their company."""
        for order in reversed(orders):
            self._orders.setdefault(order.chunk.company, collections.deque()).appendleft(order)


def make_job(chunk: Chunk, make: Maker = observe) -> Job:
    """Take from a chunk what its methods may see; ``make`` makes its observations."""
    kind = chunk.cells[0].kind
    first, *others = chunk.methods
    observed = chunk.observed(make)
    samples = [item.sample for item in observed]
    return Job(
        spec=first,
        task=chunk.task,
        observation=np.stack([item.observation.numpy() for item in observed]),
        truth=(
            np.stack([sample.image.numpy() for sample in samples]),
            np.stack([sample.kernel.numpy() for sample in samples]),
        )
        if kind == "oracle"
        else None,
        published=tuple(
            {name: value.numpy() for name, value in sample.published.items()} for sample in samples
        )
        if kind == "replay"
        else (),
        names=tuple(sample.name for sample in samples),
        sharing=tuple(others),
    )


def compute_here(chunk: Chunk, make: Maker = observe) -> list[Outcome]:
    """Compute a chunk in this process, as methods registered in a session are."""
    try:
        return _outcomes(chunk, compute_once(make_job(chunk, make)))
    except Exception as error:
        return _outcomes(chunk, [failure(error)] * len(chunk))


def _outcomes(chunk: Chunk, answers: Sequence[Answer]) -> list[Outcome]:
    """Say of each cell of a chunk what became of it."""
    return [
        Outcome(cell, answer.status, answer.reason, answer.restoration)
        for cell, answer in zip(chunk.cells, answers, strict=True)
    ]


class Dispatch:
    """Chunks on their way to an executor and back.

    Parameters
    ----------
    chunks : iterable of Chunk
    executor : Executor
        Is closed at the end, however that comes.
    time_limit : float
        Seconds per cell; a chunk has this times its cells.
    make : callable
        Makes observations.
    """

    def __init__(
        self,
        chunks: Iterable[Chunk],
        executor: Executor,
        time_limit: float,
        make: Maker = observe,
    ) -> None:
        self._queue, self._executor, self._time_limit = Queue(chunks), executor, time_limit
        self._observe = make
        self._running: dict[Future[list[Answer]], Order] = {}
        self._ended: queue.SimpleQueue[Future[list[Answer]]] = queue.SimpleQueue()
        self._refused: list[Outcome] = []

    def compute(self, begun: Callable[[str], None]) -> Iterator[list[Outcome]]:
        """Yield outcomes as they come; ``begun`` is told the title of what is handed out."""
        served: str | None = None
        try:
            while self._queue or self._running:
                self._hand_out(begun, served)
                if self._refused:
                    refused, self._refused = self._refused, []
                    yield refused
                if self._running:
                    future = self._ended.get()
                    order = self._running.pop(future)
                    served = order.chunk.company
                    if outcomes := self._collect(future, order):
                        yield outcomes
        finally:
            self._executor.close()

    def _hand_out(self, begun: Callable[[str], None], served: str | None) -> None:
        """Submit as much as the executor takes."""
        free = self._executor.capacity - len(self._running) if self._queue else 0
        orders: list[Order] = []
        works: list[Work] = []
        while len(works) < free and (order := self._queue.next(served)):
            begun(order.chunk.title)
            try:
                job = make_job(order.chunk, self._observe)
            except BenchError as error:  # a data set that does not give again what it has given
                cells = order.chunk.cells
                self._refused += [Outcome(cell, Status.FAILED, str(error)) for cell in cells]
                continue
            chunk = order.chunk
            orders.append(order)
            works.append(Work(job, chunk.company, chunk.reads_data, self._time_limit, order.fresh))
        futures = self._executor.submit(works) if works else []
        self._running.update(zip(futures, orders, strict=True))
        for future in futures:
            future.add_done_callback(self._ended.put)

    def _collect(self, future: Future[list[Answer]], order: Order) -> list[Outcome]:
        """Take the answers to an order, or find out why there are none."""
        try:
            answers = future.result()
        except Lost as error:  # its process's earlier work, or a stranger, may have ended it
            if len(order.chunk) == 1 and not order.fresh:
                self._queue.put_back(Order(order.chunk, fresh=True))
                return []
            return self._retry(order, str(error))
        except Failure as error:
            return self._retry(order, str(error))
        return _outcomes(order.chunk, answers)

    def _retry(self, order: Order, reason: str) -> list[Outcome]:
        """Which of a chunk's cells it was shows when each is computed by itself."""
        if len(order.chunk) > 1:
            self._queue.put_back(*(Order(single) for single in order.chunk.singles()))
            return []
        return [Outcome(order.chunk.cells[0], Status.FAILED, reason)]
