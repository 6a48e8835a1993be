"""Processes of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from bench.harness.executors.base import Work
from bench.harness.executors.slots import Slots
from bench.harness.packing import Answer
from bench.harness.process import THREADS


class LocalExecutor:
    """So many processes of this machine at a time.

    Parameters
    ----------
    count : int
    threads : int
        Of each.
    """

    def __init__(self, count: int, threads: int = THREADS) -> None:
        self.capacity = count
        self._slots = Slots(count, threads)
        self._watchers = ThreadPoolExecutor(count)

    def submit(self, works: Sequence[Work]) -> list[Future[list[Answer]]]:
        """Compute jobs, each in the free place that suits it best."""
        return [self._watchers.submit(self._slots.run, work) for work in works]

    def close(self) -> None:
        """End all processes."""
        self._watchers.shutdown(wait=False, cancel_futures=True)
        self._slots.close()
