"""Processes of this machine, and the places in which each computes one job after the other.

Every backend computes in such a place: on this machine, in a Dask worker, in a Slurm job. So a
method is isolated, and killed with its children, in the same way everywhere.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing.connection
import threading
from concurrent.futures import Future
from typing import Any

from bench.errors import ProcessError
from bench.harness.executors.base import Failure, Garbled, Late, Lost, Work
from bench.harness.packing import Answer, decode
from bench.harness.process import START_LIMIT, STARTS, THREADS, WHOLE, Child
from bench.harness.worker import READY, serve

FAREWELL = 5.0
"""Seconds that a method may take to release what it holds."""


class Slot:
    """One process, which serves one company; another company's job gets a new one.

    Parameters
    ----------
    threads : int
        Of the process.
    """

    def __init__(self, threads: int = THREADS) -> None:
        self._threads = threads
        self._child: Child | None = None
        self._company = ""
        self._leaving: list[threading.Thread] = []
        self._busy = self._closed = False

    def suits(self, work: Work) -> int:
        """Say how well the process suits a job: 2 as it is, 1 if there is none, else 0."""
        if self._child is None:
            return 1
        return 2 * (work.company == self._company and not work.fresh)

    def run(self, work: Work) -> list[Answer]:
        """Compute a job and return its answers, one per cell.

        Raises
        ------
        Late, Lost, Garbled
            The process is gone then, with its children.
        ProcessError
            If no process can be had.
        """
        self._busy = True
        try:
            if self._child is None or self.suits(work) < 2:
                self._dismiss()
                self._start(work)
            assert self._child is not None
            return self._ask(self._child, work)
        except Failure:
            if self._child is not None:
                self._child.kill()
                self._child = None
            raise
        finally:
            self._busy = False

    def _start(self, work: Work) -> None:
        """Start a process; those that end before they have begun are tried a few times."""
        fate = ""
        for _ in range(STARTS):
            child = Child(serve, data=work.data, threads=self._threads)
            self._child, self._company = child, work.company
            if self._closed:  # meanwhile, by someone who could not see this process yet
                raise Lost("The run is over.")
            try:
                if child.receive(START_LIMIT) == READY:
                    return
                fate = "The worker process did not begin as one does."
            except TimeoutError:
                fate = f"The worker process said nothing for {START_LIMIT:g} s."
            except (EOFError, OSError):
                fate = child.fate()
            child.kill()
        self._child = None
        raise ProcessError(
            f"{fate} It had not even begun, and so did those before it. A script that "
            "calls bench needs `if __name__ == '__main__':` around its call."
        )

    @staticmethod
    def _ask(child: Child, work: Work) -> list[Answer]:
        child.send(work.job)
        # A pipe alone does not tell of a death: others may hold its end.
        signs: list[Any] = [child.connection, child.process.sentinel]
        try:
            if not multiprocessing.connection.wait(signs, work.time_limit):
                raise Late(
                    f"It took longer than the time limit of {work.cell_limit:g} s (--time-limit)."
                )
            return decode(child.receive(0.0, whole=min(WHOLE, work.cell_limit)), len(work.job))
        except (EOFError, OSError) as error:  # a timeout too: it has ended and sent nothing
            raise Lost(child.fate()) from error
        except ValueError as error:
            text = f"The worker process sent no answer but something else: {error}"
            raise Garbled(text) from error

    def _dismiss(self) -> None:
        """Let the process end by itself, without waiting for it."""
        child, self._child = self._child, None
        if child is not None:
            child.connection.close()
            self._leaving.append(threading.Thread(target=_see_off, args=(child,), daemon=True))
            self._leaving[-1].start()

    def close(self) -> None:
        """End the process: at once if it is at work, else when it has released what it holds."""
        self._closed = True
        if self._busy and self._child is not None:
            self._child.kill()
        else:
            self._dismiss()
        for leaving in self._leaving:
            leaving.join(FAREWELL + 1)


def _see_off(child: Child) -> None:
    child.process.join(FAREWELL)
    child.kill()


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

    def submit(self, work: Work) -> Future[list[Answer]]:
        """Compute a job in the free slot that suits it best."""
        slot = max(self._idle, key=lambda slot: slot.suits(work))
        self._idle.remove(slot)
        return self._watchers.submit(self._run, slot, work)

    def _run(self, slot: Slot, work: Work) -> list[Answer]:
        try:
            return slot.run(work)
        finally:
            self._idle.append(slot)

    def flush(self) -> None:
        """Do nothing: a job begins when it is submitted."""

    def close(self) -> None:
        """End all processes."""
        self._watchers.shutdown(wait=False, cancel_futures=True)
        with concurrent.futures.ThreadPoolExecutor(len(self._slots)) as closers:
            list(closers.map(Slot.close, self._slots))
