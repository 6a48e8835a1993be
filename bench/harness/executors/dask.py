"""Workers of a Dask cluster: a local one, or that of a running scheduler."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
from concurrent.futures import CancelledError

from bench.errors import BenchError, ProcessError
from bench.harness.executors.base import Failure, Lost
from bench.harness.executors.remote import Jobs, Needs, Parcel, Remote, Reply, missing
from bench.harness.executors.slots import Slots

try:
    import distributed
except ImportError as error:
    raise missing("dask") from error

AHEAD = 2
"""Jobs for each worker: one that it computes, and one that it has when that is done."""
CONNECT = 20
"""Seconds to reach a scheduler."""
OURS = {"processes": True, "threads_per_worker": 1, "memory_limit": None, "dashboard_address": None}
"""How a cluster is started on this machine."""


class Places(distributed.WorkerPlugin):
    """Where a worker computes: a place for each of its threads."""

    name = "bench-places"

    def setup(self, worker: distributed.Worker) -> None:
        """Prepare a worker; it may be a process that was started to have no children."""
        multiprocessing.current_process().daemon = False
        self.slots = Slots(worker.state.nthreads)

    def teardown(self, worker: distributed.Worker) -> None:
        """End its processes."""
        self.slots.close()


def _compute(parcel: Parcel) -> Reply:
    return parcel.compute(distributed.get_worker().plugins[Places.name].slots)


class DaskExecutor(Remote):
    """Workers of a Dask cluster.

    Parameters
    ----------
    address : str or None
        Of a running scheduler; None starts one, with ``count`` workers on this machine.
    count : int
    needs : callable
        Maps a method's label to Dask resources, such as ``{"GPU": 1}``.
    """

    def __init__(self, address: str | None, count: int, needs: Needs) -> None:
        super().__init__(needs)
        self._count, self._opened = count, contextlib.ExitStack()
        for name in [name for name in logging.root.manager.loggerDict if name.startswith("distr")]:
            logging.getLogger(name).setLevel(logging.CRITICAL)  # Dask's errors become ours
        try:
            at = address or self._opened.enter_context(distributed.LocalCluster(count, **OURS))
            client = distributed.Client(at, timeout=CONNECT, set_as_default=False)
            self._client = self._opened.enter_context(client)
            self._client.register_plugin(Places())
        except (OSError, ValueError) as error:
            self._opened.close()
            text = f"There is no Dask scheduler at {address} ({error}); check dask_address."
            raise ProcessError(text) from error

    @property
    def capacity(self) -> int:
        """As many jobs as the workers that are there now can have; more may join."""
        with contextlib.suppress(OSError, RuntimeError):
            threads = self._client.nthreads() if self._running else {"": self._count}
            return AHEAD * max(1, sum(threads.values()))
        return 0  # the scheduler is lost, and what runs will say so

    def _send(self, jobs: Jobs) -> None:
        for future, work in jobs:
            needs = dict(self._needs(work.label)) or None
            job = self._client.submit(_compute, Parcel(work), pure=False, resources=needs)
            self._running[future] = job
            job.add_done_callback(lambda r, at=future: self._settle(at, lambda: r.result(CONNECT)))

    def _explain(self, error: Exception) -> Failure | BenchError:
        if not isinstance(error, CancelledError | OSError | RuntimeError):
            return Lost(f"Dask could not compute it: {error}")  # its workers died, say
        text = f"The Dask scheduler was lost ({type(error).__name__}: {error})"
        return ProcessError(f"{text}; what was recorded is safe. Give the same command again.")

    def close(self) -> None:
        """Take back what has not begun, and leave the cluster, or end it if it is ours."""
        super().close()
        with contextlib.suppress(OSError, RuntimeError):
            self._opened.close()
