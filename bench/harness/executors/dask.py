"""Workers of a Dask cluster: a local one, or that of a running scheduler."""

from __future__ import annotations

import contextlib
import functools
import logging
import multiprocessing
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from typing import Any

from bench.errors import ProcessError, Unavailable
from bench.harness.executors.base import Lost, Work
from bench.harness.executors.local import Slot
from bench.harness.executors.remote import Parcel, Reply, code
from bench.harness.packing import Answer

try:
    import distributed
except ImportError as error:
    raise Unavailable(
        "The backend dask needs a package that is not here; "
        "install it with: python -m pip install 'blind-deblurring-bench[dask]'"
    ) from error

AHEAD = 2
"""Jobs for each worker: one that it computes, and one that it has when that is done."""
CONNECT = 20
"""Seconds to reach a scheduler."""


class Slots(distributed.WorkerPlugin):
    """The slots of a worker, one for each of its threads."""

    name = "bench-slots"

    def setup(self, worker: Any) -> None:
        """Prepare a worker; it may be a process that was started to have no children."""
        multiprocessing.current_process().daemon = False
        self.local = threading.local()
        self.all: list[Slot] = []

    def slot(self) -> Slot:
        """Return the slot of the calling thread."""
        if not hasattr(self.local, "slot"):
            self.local.slot = Slot()
            self.all.append(self.local.slot)
        return self.local.slot

    def teardown(self, worker: Any) -> None:
        """End its processes."""
        for slot in self.all:
            slot.close()


class DaskExecutor:
    """Workers of a Dask cluster.

    Parameters
    ----------
    address : str or None
        Of a running scheduler; None starts a cluster of processes on this machine.
    count : int
        Workers of a cluster that is started.
    needs : callable
        Maps a method's label to Dask resources, such as ``{"GPU": 1}``.
    """

    def __init__(
        self, address: str | None, count: int, needs: Callable[[str], Mapping[str, float]]
    ) -> None:
        self._needs, self._count = needs, count
        self._stack = contextlib.ExitStack()
        _quieten()
        try:
            if address is None:
                address = self._stack.enter_context(_cluster(count))
            self.client = self._stack.enter_context(
                distributed.Client(address, timeout=CONNECT, set_as_default=False)
            )
            self.client.register_plugin(Slots())
        except (OSError, ValueError) as error:
            self._stack.close()
            raise ProcessError(
                f"There is no Dask scheduler at {address} ({error}); check dask_address."
            ) from error
        self._running: dict[Future[list[Answer]], distributed.Future] = {}

    @property
    def capacity(self) -> int:
        """As many jobs as the workers that are there now can have; more may join."""
        threads = sum(self.client.nthreads().values()) if self._running else self._count
        return AHEAD * max(1, threads)

    def submit(self, work: Work) -> Future[list[Answer]]:
        """Send a job to whichever worker is free."""
        future: Future[list[Answer]] = Future()
        resources = dict(self._needs(work.label)) or None
        remote = self.client.submit(_compute, Parcel(work, code()), pure=False, resources=resources)
        self._running[future] = remote
        remote.add_done_callback(functools.partial(self._settle, future))
        return future

    def _settle(self, future: Future[list[Answer]], remote: distributed.Future) -> None:
        self._running.pop(future, None)
        try:
            reply = remote.result(timeout=CONNECT)
        except distributed.KilledWorker as error:
            future.set_exception(Lost(f"The Dask workers that computed it died: {error}"))
        except (CancelledError, OSError, TimeoutError, RuntimeError) as error:
            text = f"The Dask scheduler was lost ({type(error).__name__}: {error})"
            future.set_exception(
                ProcessError(f"{text}; what was recorded is safe. Give the same command again.")
            )
        except Exception as error:  # what Dask itself could not do, such as reading a message
            future.set_exception(Lost(f"Dask could not compute it: {error}"))
        else:
            if isinstance(reply, list):
                future.set_result(reply)
            else:
                future.set_exception(reply)

    def flush(self) -> None:
        """Do nothing: a job is sent when it is submitted."""

    def close(self) -> None:
        """Take back what has not begun, and leave the cluster, or end it if it is ours."""
        with contextlib.suppress(Exception):
            self.client.cancel(list(self._running.values()), force=True)
        with contextlib.suppress(OSError, TimeoutError, RuntimeError):
            self._stack.close()


def _quieten() -> None:
    """Have Dask log nothing but what ends it: what it cannot do becomes an error of ours."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL)


def _compute(parcel: Parcel) -> Reply:
    plugin = distributed.get_worker().plugins[Slots.name]
    return parcel.compute(plugin.slot())


def _cluster(count: int) -> distributed.LocalCluster:
    return distributed.LocalCluster(
        n_workers=count,
        threads_per_worker=1,
        processes=True,
        memory_limit=None,
        dashboard_address=None,
        silence_logs="ERROR",
    )
