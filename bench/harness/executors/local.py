"""Processes of this machine."""

from __future__ import annotations

import concurrent.futures
from concurrent.futures import Future

from bench.harness.executors.base import Work
from bench.harness.executors.slot import Slot
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
        self._idle = [Slot(threads) for _ in range(count)]
        self._slots = list(self._idle)
        self._watchers = concurrent.futures.ThreadPoolExecutor(count)

    def submit(self, work: Work) -> Future[bytes]:
        """Compute a job in the free slot that suits it best."""
        slot = max(self._idle, key=lambda slot: slot.suits(work))
        self._idle.remove(slot)
        return self._watchers.submit(self._run, slot, work)

    def _run(self, slot: Slot, work: Work) -> bytes:
        try:
            return slot.run(work)
        finally:
            self._idle.append(slot)

    def flush(self) -> None:
        """Nothing: a job begins when it is submitted."""

    def close(self) -> None:
        """End all processes."""
        self._watchers.shutdown(wait=False, cancel_futures=True)
        with concurrent.futures.ThreadPoolExecutor(len(self._slots)) as closers:
            list(closers.map(Slot.close, self._slots))
