"""What engines compute elsewhere: jobs as they travel to a Dask worker or a Slurm job, and back."""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import bench
from bench import checkout
from bench.errors import BenchError, Unavailable
from bench.harness.executors.base import Failure, Work
from bench.harness.executors.slots import Slots
from bench.harness.packing import Answer

Reply = list[Answer] | Failure | BenchError
"""Answers, or why there are none: exceptions travel as values, since engines treat theirs apart."""
Jobs = Sequence[tuple[Future[list[Answer]], Work]]
"""Jobs, each with the future that its answers go to."""
Needs = Callable[[str], Mapping[str, Any]]
"""Maps a method's label to what the engine has to reserve for it, in the engine's words."""


@functools.cache
def code() -> str:
    """Return which code this process runs: the version, and the commit of a clone."""
    return f"{bench.__version__} ({checkout.commit()})"


@dataclasses.dataclass(frozen=True)
class Parcel:
    """A job for another machine, with the code that has to compute it."""

    work: Work
    code: str = dataclasses.field(default_factory=code)

    def compute(self, slots: Slots) -> Reply:
        """Compute the job in one of these places, or say why not."""
        if code() != self.code:
            return BenchError(
                f"A worker runs bench {code()}, where {self.code} is asked for: its "
                "results would be another version's. Start workers from this checkout."
            )
        try:
            return slots.run(self.work)
        except (Failure, BenchError) as error:
            return error

    def compute_alone(self) -> Reply:
        """Compute the job in a process that ends with it."""
        slots = Slots(1)
        try:
            return self.compute(slots)
        finally:
            slots.close()


class Remote(abc.ABC):
    """An executor that hands its jobs to an engine.

    Parameters
    ----------
    needs : callable
        As :data:`Needs`.
    """

    def __init__(self, needs: Needs) -> None:
        self._needs = needs
        self._running: dict[Future[list[Answer]], Any] = {}
        """The engine's own handle of each job, which can be cancelled."""

    def submit(self, works: Sequence[Work]) -> list[Future[list[Answer]]]:
        """Hand over jobs, together; as :class:`Executor`."""
        futures: list[Future[list[Answer]]] = [Future() for _ in works]
        self._send(list(zip(futures, works, strict=True)))
        return futures

    @abc.abstractmethod
    def _send(self, jobs: Jobs) -> None:
        """Give jobs to the engine, and enter its handles."""

    @abc.abstractmethod
    def _explain(self, error: Exception) -> Failure | BenchError:
        """Say what an exception of the engine's own means."""

    def _settle(self, future: Future[list[Answer]], fetch: Callable[[], Reply]) -> None:
        """Give a future what came back."""
        self._running.pop(future, None)
        try:
            reply = fetch()
        except Exception as error:
            reply = self._explain(error)
        if isinstance(reply, list):
            future.set_result(reply)
        else:
            future.set_exception(reply)

    def close(self) -> None:
        """Have the engine drop what waits or runs."""
        for job in list(self._running.values()):
            with contextlib.suppress(Exception):
                job.cancel()


def missing(backend: str) -> Unavailable:
    """Say that a backend's engine is not installed."""
    return Unavailable(
        f"The backend {backend} needs a package that is not here; "
        f"install it with: python -m pip install 'blind-deblurring-bench[{backend}]'"
    )
