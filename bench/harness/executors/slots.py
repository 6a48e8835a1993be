"""The places in which processes of this machine compute one job after the other.

Every backend computes in such a place: on this machine, in a Dask worker, in a Slurm job. So a
method is isolated, and killed with its children, in the same way everywhere.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from bench.harness.executors.base import Failure, Garbled, Late, Lost, Work
from bench.harness.packing import Answer, decode
from bench.harness.process import THREADS, WHOLE, Child, Death
from bench.harness.worker import serve

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
                self._company = work.company
                self._child = Child(serve, data=work.data, threads=self._threads)
            if self._closed:  # meanwhile, by someone who could not see this process yet
                raise Lost("The run is over.")
            return _ask(self._child, work)
        except Failure:
            if self._child is not None:
                self._child.kill()
                self._child = None
            raise
        finally:
            self._busy = False

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


def _ask(child: Child, work: Work) -> list[Answer]:
    child.send(work.job)
    try:
        message = child.receive(work.time_limit, whole=min(WHOLE, work.cell_limit))
        return decode(message, len(work.job))
    except TimeoutError:
        limit = f"the time limit of {work.cell_limit:g} s (--time-limit)"
        raise Late(f"It took longer than {limit}.") from None
    except Death as death:
        raise Lost(str(death)) from None
    except ValueError as error:
        text = f"The worker process sent no answer but something else: {error}"
        raise Garbled(text) from error


def _see_off(child: Child) -> None:
    child.process.join(FAREWELL)
    child.kill()


class Slots:
    """So many places, for as many threads.

    Parameters
    ----------
    count : int
    threads : int
        Of each place's process.
    """

    def __init__(self, count: int, threads: int = THREADS) -> None:
        self._all = [Slot(threads) for _ in range(count)]
        self._idle = list(self._all)
        self._choosing = threading.Lock()

    def run(self, work: Work) -> list[Answer]:
        """Compute a job in the free place that suits it best; as :meth:`Slot.run`."""
        with self._choosing:
            slot = max(self._idle, key=lambda slot: slot.suits(work))
            self._idle.remove(slot)
        try:
            return slot.run(work)
        finally:
            self._idle.append(slot)

    def close(self) -> None:
        """End all processes."""
        with ThreadPoolExecutor(len(self._all)) as closers:
            list(closers.map(Slot.close, self._all))
