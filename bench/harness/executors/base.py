"""What all executors have in common: the work they take, how it may end, and what they answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Protocol

from bench.harness.packing import Answer
from bench.harness.worker import Job


@dataclasses.dataclass(frozen=True)
class Work:
    """A job, and what the process that computes it has to be.

    Attributes
    ----------
    job : Job
    company : str
        Jobs of one company may share a process, one after the other.
    data : bool
        Whether the process is told where the data lie.
    cell_limit : float
        Seconds that each cell may take.
    fresh : bool
        Asks for a process that has served nothing yet.
    """

    job: Job
    company: str
    data: bool = True
    cell_limit: float = 600.0
    fresh: bool = False

    @property
    def label(self) -> str:
        """The method's, by which a parallel configuration may say what it needs."""
        return str(self.job.spec)

    @property
    def time_limit(self) -> float:
        """Seconds for the whole job; then its process is killed."""
        return self.cell_limit * len(self.job)


class Failure(Exception):
    """A job without an answer; its text is a sentence that says why."""


class Late(Failure):
    """It took longer than its time limit, and was killed."""


class Lost(Failure):
    """The process, worker or node that computed it died."""


class Garbled(Failure):
    """Its process sent something that is no answer."""


class Executor(Protocol):
    """Computes jobs somewhere. Only the process that opened it writes the store.

    Attributes
    ----------
    capacity : int
        Jobs that it takes at a time.
    """

    @property
    def capacity(self) -> int: ...

    def submit(self, works: Sequence[Work]) -> list[Future[list[Answer]]]:
        """Compute jobs; a job's future has its answers, or raises a :class:`Failure`.

        Any other exception of a future says that nothing can be computed any more.
        """
        ...

    def close(self) -> None:
        """End what is running, and release all that was taken."""
        ...
